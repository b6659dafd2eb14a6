"""XML as a small tree that remembers lines, read without entities, document types or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from abpo_sdk.errors import DmnError

LARGEST = 20_000_000
"""The most bytes of a file that are read: a table of 5,000 rows with 20 columns takes about half of it."""

DEEPEST = 200
"""How deep elements may lie in each other."""


@dataclass(slots=True)
class Element:
    """An element: its namespace and name, its attributes (those without a namespace by their plain name), what is in it, and its line."""

    namespace: str
    name: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *names: str) -> Iterator[Element]:
        """The children of these names, in the element's own namespace."""
        return (c for c in self.children if c.name in names and c.namespace == self.namespace)

    def first(self, *names: str) -> Element | None:
        """The first child of these names, in the element's own namespace."""
        return next(self.all(*names), None)

    def get(self, name: str, default: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, default)


def read_xml(document: str | bytes, source: str) -> Element:
    r"""The root of a document.

    Args:
        document: a text, or the bytes of a file in whatever encoding they declare.
        source: how errors call it.

    Raises:
        DmnError: it is no well-formed XML, declares a document type or an entity, or is too large or too deep; with the line.

    >>> root = read_xml('<a xmlns="urn:x">\n<b size="2">text</b></a>', "example")
    >>> root.name, root.children[0].get("size"), root.children[0].text, root.children[0].line
    ('a', '2', 'text', 2)
    """
    data = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if len(data) > LARGEST:
        raise DmnError(f"{source} has {len(data):,} bytes, and at most {LARGEST:,} are read; split the model")
    # what a text declares about its encoding was about the file that it came from
    parser = expat.ParserCreate("utf-8" if isinstance(document, str) else None, namespace_separator=" ")
    parser.buffer_text = True
    tree = _Tree(source, parser)
    try:
        parser.Parse(data, True)  # noqa: FBT003  it takes no names
    except expat.ExpatError as error:
        raise DmnError(f"{source}, line {error.lineno}: no well-formed XML: {expat.ErrorString(error.code)}") from None
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, or that is no single-byte one
        raise DmnError(f"{source}: {error}; save the file as UTF-8") from None
    return tree.root


def read_file(path: Path) -> Element:
    """The root of the document in a file.

    Raises:
        DmnError: as `read_xml`.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return read_xml(file.read(LARGEST + 1), path.name)


class _Tree:
    """What the parser tells, as elements; a document type ends it at once, before any entity is expanded."""

    def __init__(self, source: str, parser: expat.XMLParserType) -> None:
        self.source = source
        self.parser = parser
        self.open: list[tuple[Element, list[str]]] = []
        self.root: Element
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = lambda *_: self._refuse("a document type (<!DOCTYPE ...>)")
        parser.EntityDeclHandler = lambda *_: self._refuse("an entity declaration")
        parser.ExternalEntityRefHandler = lambda *_: self._refuse("a reference to something outside of the file")

    def _refuse(self, what: str) -> NoReturn:
        raise DmnError(
            f"{self.source}, line {self.parser.CurrentLineNumber}: {what}, which no decision model needs and which is not read"
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.open) == DEEPEST:
            self._refuse(f"more than {DEEPEST} elements in each other")
        namespace, _, name = tag.rpartition(" ")
        element = Element(namespace, name, attributes, self.parser.CurrentLineNumber)
        if self.open:
            self.open[-1][0].children.append(element)
        else:
            self.root = element
        self.open.append((element, []))

    def _end(self, tag: str) -> None:
        element, texts = self.open.pop()
        element.text = "".join(texts)

    def _text(self, text: str) -> None:
        self.open[-1][1].append(text)
