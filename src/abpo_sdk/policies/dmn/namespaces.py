"""The versions of DMN that are read and written, by the namespaces of their files."""

from __future__ import annotations

from typing import Literal

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.dmn.xml import Element

Version = Literal["1.3", "1.4", "1.5"]

MODEL: dict[Version, str] = {
    "1.3": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "1.4": "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "1.5": "https://www.omg.org/spec/DMN/20230324/MODEL/",
}
"""The namespace of a version's models."""

DIAGRAM: dict[Version, str] = {
    "1.3": "https://www.omg.org/spec/DMN/20191111/DMNDI/",
    "1.4": "https://www.omg.org/spec/DMN/20191111/DMNDI/",  # 1.4 left the diagrams as they were
    "1.5": "https://www.omg.org/spec/DMN/20230324/DMNDI/",
}
"""The namespace of a version's diagrams."""

BOUNDS = "http://www.omg.org/spec/DMN/20180521/DC/"
"""The namespace of places and sizes in diagrams."""

WAYPOINTS = "http://www.omg.org/spec/DMN/20180521/DI/"
"""The namespace of lines in diagrams."""

OWN = "urn:abpo-sdk:dmn"
"""The namespace of what a table has and DMN has no place for: its owner, the names of its rows, the types of its case."""

OLDER = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
}

FEEL = frozenset(
    {
        "",
        "feel",
        "s-feel",
        "https://www.omg.org/spec/DMN/20191111/FEEL/",
        "https://www.omg.org/spec/DMN/20211108/FEEL/",
        "https://www.omg.org/spec/DMN/20230324/FEEL/",
    }
)
"""What a file may call the language of its expressions, in lower case where it is no URI."""


def version_of(root: Element, source: str) -> Version:
    """The version of a file.

    Raises:
        DmnError: it is none of those that are read, which it names, or no DMN at all.
    """
    for version, namespace in MODEL.items():
        if root.namespace == namespace and root.name == "definitions":
            return version
    read = ", ".join(MODEL)
    if root.namespace in OLDER:
        raise DmnError(
            f"{source} is DMN {OLDER[root.namespace]} (namespace {root.namespace}), and {read} are read; "
            "open it in a modeler and save it as one of these"
        )
    raise DmnError(
        f"{source}, line {root.line}: the file begins with <{root.name}> of the namespace {root.namespace or '(none)'!r}, "
        f"and a decision model of DMN {read} with <definitions> of {MODEL['1.5']}"
    )


def check_language(named: str, place: str) -> None:
    """Refuse expressions in another language than FEEL.

    Raises:
        DmnError: naming it.
    """
    if named not in FEEL and named.lower() not in FEEL:
        raise DmnError(f"{place} is written in {named!r}, and FEEL is read")
