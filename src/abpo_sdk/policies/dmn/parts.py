"""The small parts of a file: texts, types, places, and what stands there for this library alone."""

from __future__ import annotations

from abpo_sdk.policies.dmn.definitions import Cell
from abpo_sdk.policies.dmn.namespaces import OWN, check_language
from abpo_sdk.policies.dmn.xml import Element


def place_of(source: str, element: Element) -> str:
    """The file and the line."""
    return f"{source}, line {element.line}"


def text_in(element: Element, name: str) -> str:
    """The text of a child; empty where there is none."""
    child = element.first(name)
    return "" if child is None else child.text


def type_ref_of(element: Element) -> str:
    """The type that an element refers to; empty where it says none."""
    return element.get("typeRef").strip()


def cell_of(element: Element, source: str, what: str) -> Cell:
    """The text in FEEL that an element holds.

    Raises:
        DmnError: it is in another language.
    """
    text = element.first("text")
    place = f"{place_of(source, text or element)}: {what}"
    check_language(element.get("expressionLanguage"), place)
    return Cell("" if text is None else text.text.strip(), place)


def cell_in(element: Element, name: str, source: str, what: str) -> Cell | None:
    """The text in FEEL that a child holds; None where there is no such child, or nothing in it."""
    child = element.first(name)
    cell = None if child is None else cell_of(child, source, what)
    return cell if cell is not None and cell.text else None


def own_of(element: Element) -> dict[str, str]:
    """What stands at an element for this library alone, by name."""
    extensions = element.first("extensionElements")
    found: dict[str, str] = {}
    for child in extensions.children if extensions is not None else ():
        if child.namespace == OWN:
            found |= {name: value for name, value in child.attributes.items() if " " not in name}
            found.setdefault(child.name, "")
    return found
