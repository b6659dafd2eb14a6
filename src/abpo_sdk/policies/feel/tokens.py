"""Reads a FEEL text from left to right, piece by piece, where what is a name depends on which names are in scope.

Names of FEEL hold spaces and signs (`Pre-bureau/Risk Category`), so the longest name in scope that stands at a place
is the name there (DMN 1.5, 10.3.1.2); white space in a name is any white space in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from abpo_sdk.conditions.expressions import Field, node_of
from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import literals
from abpo_sdk.values.traversal import annotations_of, is_typed_dict

Scope = Iterable[str] | Mapping[str, Any]
"""The names that a text may use. A mapping says what they are: fields, values, or mappings of the names inside."""

LONGEST = 20_000
"""The characters that a text may have."""

WORDS = frozenset({
    "and", "or", "not", "in", "between", "if", "then", "else", "for", "return", "some", "every", "satisfies",
    "function", "external", "instance", "true", "false", "null",
})  # fmt: skip
"""The words that are FEEL's own."""

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")
_WORDS = re.compile(r"[^\W\d]\w*(?:\s+\w+)*")
_SIGNS = ("**", "<=", ">=", "!=", "..", "->")


def normalised(name: str) -> str:
    r"""A name with single spaces in place of any white space.

    >>> normalised("  Applicant\n Age ")
    'Applicant Age'
    """
    return " ".join(name.split())


def names_inside(thing: Any) -> Scope | None:
    """The names of the components of what a name stands for; None where they are not known."""
    if isinstance(thing, Mapping):
        return thing
    if isinstance(thing, Field):
        kind = node_of(thing).kind
        return annotations_of(kind.type) if kind.sort == "model" else None
    if is_typed_dict(thing):
        return annotations_of(thing)
    return None


class Scanner:
    """A place in a text, and what stands there."""

    __slots__ = ("at", "place", "text")

    def __init__(self, text: str, place: str) -> None:
        self.text = text
        self.place = place
        self.at = 0
        if "\0" in text:
            raise self.refused("it holds the character NUL")
        if len(text) > LONGEST:
            raise self.refused(f"it has {len(text):,} characters, and at most {LONGEST:,} are read")
        self.skip()

    def refused(self, what: str) -> FeelError:
        """The error that says why the text cannot be used."""
        return refusal(self.place, self.text, what)

    def skip(self) -> None:
        """Pass white space and comments."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    @property
    def done(self) -> bool:
        """Whether the text is at its end."""
        return self.at >= len(self.text)

    def rest(self) -> str:
        """What stands here, for messages."""
        text = self.text[self.at : self.at + 30]
        return f"{text!r}" if text else "the end"

    def sign(self) -> str:
        """The sign that stands here; "" at the end."""
        two = self.text[self.at : self.at + 2]
        return two if two in _SIGNS else two[:1]

    def take(self, *signs: str) -> str | None:
        """Pass one of some signs, if it stands here."""
        here = self.sign()
        if here and here in signs:
            self.at += len(here)
            self.skip()
            return here
        return None

    def need(self, *signs: str) -> str:
        """Pass one of some signs.

        Raises:
            FeelError: something else stands here.
        """
        found = self.take(*signs)
        if found is None:
            raise self.refused(f"{' or '.join(signs)} is missing before {self.rest()}")
        return found

    def peek_word(self) -> str:
        """The word that stands here; "" where none does."""
        found = _WORD.match(self.text, self.at)
        return found[0] if found else ""

    def take_word(self, *words: str) -> str | None:
        """Pass one of some words, if it stands here."""
        here = self.peek_word()
        if here and here in words:
            self.at += len(here)
            self.skip()
            return here
        return None

    def need_word(self, word: str) -> None:
        """Pass a word.

        Raises:
            FeelError: something else stands here.
        """
        if not self.take_word(word):
            raise self.refused(f"{word!r} is missing before {self.rest()}")

    def number(self) -> Any:
        """The number that stands here; None where none does."""
        found = _NUMBER.match(self.text, self.at)
        if not found:
            return None
        after = self.text[found.end() : found.end() + 1]
        if after.isalnum() or after == "_":
            raise self.refused(f"{found[0] + after!r} is neither a number nor a name")
        self.at = found.end()
        self.skip()
        return self.read(literals.number_of, found[0])

    def string(self) -> str | None:
        """The text in quotes that stands here; None where none does."""
        if self.text[self.at : self.at + 1] != '"':
            return None
        found = _STRING.match(self.text, self.at)
        if not found:
            raise self.refused(f"a quote is opened and not closed: {self.rest()}")
        self.at = found.end()
        self.skip()
        value: str = self.read(literals.text_of, found[1])
        return value

    def read(self, reader: Any, text: str) -> Any:
        """A literal as a value.

        Raises:
            FeelError: it is none.
        """
        try:
            return reader(text)
        except ValueError as error:
            raise self.refused(str(error)) from None

    def name(self, scope: Scope) -> str | None:
        """The longest name of a scope that stands here, normalised; None where none does."""
        best, end = None, self.at
        for name in scope:
            words = name.split()
            if not words:
                continue
            after = self._after(words)
            if after > end:
                best, end = " ".join(words), after
        if best is not None:
            self.at = end
            self.skip()
        return best

    def _after(self, words: list[str]) -> int:
        """Where a name ends that begins here; -1 where it does not stand here."""
        text, at = self.text, self.at
        for position, word in enumerate(words):
            if position:
                start = at
                while at < len(text) and text[at].isspace():
                    at += 1
                if at == start:
                    return -1
            if not text.startswith(word, at):
                return -1
            at += len(word)
        follows = text[at : at + 1]
        return -1 if (follows.isalnum() or follows == "_") and (words[-1][-1].isalnum() or words[-1][-1] == "_") else at

    def words(self) -> str:
        """All words that stand here one after the other, for the name of a function; "" where none does."""
        found = _WORDS.match(self.text, self.at)
        return normalised(found[0]) if found else ""

    def function(self) -> str | None:
        """The name of a function that is called here, up to its parenthesis; None where none is."""
        found = _WORDS.match(self.text, self.at)
        if not found or self.text[found.end() :].lstrip()[:1] != "(":
            return None
        self.at = found.end()
        self.skip()
        return normalised(found[0])


def refusal(place: str, text: str, what: str) -> FeelError:
    """The error about a text at a place."""
    shown = text if len(text) <= 200 else f"{text[:200]}..."
    return FeelError(f"{place}: {shown!r}: {what}" if place else f"{shown!r}: {what}")
