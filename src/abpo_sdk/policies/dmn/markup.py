"""XML as it is written: elements with attributes, children and text, everything in them escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from abpo_sdk.errors import DmnError

NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (2.2) has no way to write."""

# white space that a reader would otherwise normalise (XML 1.0, 2.11 and 3.3.3)
IN_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
IN_ATTRIBUTE = {**IN_TEXT, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"}


@dataclass(slots=True)
class Tag:
    """An element: with children, or with a text. Attributes and texts that are None are left out."""

    name: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Tag] = field(default_factory=list)
    text: str | None = None

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The lines of its text.

        Raises:
            DmnError: a character that XML cannot hold; with the text that it is in.
        """
        indent = "  " * depth
        attributes = "".join(
            f' {name}="{escaped(value, IN_ATTRIBUTE)}"' for name, value in self.attributes.items() if value is not None
        )
        if self.text is not None:
            yield f"{indent}<{self.name}{attributes}>{escaped(self.text, IN_TEXT)}</{self.name}>"
        elif not self.children:
            yield f"{indent}<{self.name}{attributes} />"
        else:
            yield f"{indent}<{self.name}{attributes}>"
            for child in self.children:
                yield from child.lines(depth + 1)
            yield f"{indent}</{self.name}>"


def document(root: Tag) -> str:
    """A whole document.

    >>> print(document(Tag("a", {"b": "<1>"}, [Tag("c", text="x & y")])), end="")
    <?xml version="1.0" encoding="UTF-8"?>
    <a b="&lt;1&gt;">
      <c>x &amp; y</c>
    </a>
    """
    return "\n".join(('<?xml version="1.0" encoding="UTF-8"?>', *root.lines(), ""))


def escaped(text: str, signs: dict[str, str]) -> str:
    """A text with what is a sign of XML replaced.

    Raises:
        DmnError: a character that XML cannot hold.
    """
    bad = NO_CHARACTER.search(text)
    if bad:
        raise DmnError(f"{text!r} holds the character {bad[0]!r}, which XML cannot; leave it out")
    return "".join(signs.get(sign, sign) for sign in text)
