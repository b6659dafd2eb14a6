"""Patterns of texts, matched in time linear in the text whatever the pattern.

The engine is Rust's `regex`, which pydantic brings along: finite automata, so no backtracking, no backreferences and no
look-around. Its syntax: https://docs.rs/regex/latest/regex/#syntax.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

from abpo_sdk.conditions import compiled
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.errors import DefinitionError, MistypedInput, UnlikeTypes

if TYPE_CHECKING:
    from abpo_sdk.conditions.compiled import Truth
    from abpo_sdk.conditions.nodes import FieldNode, Node
    from abpo_sdk.conditions.reading import Reading
    from abpo_sdk.values.personal import Personal

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_DIGITS = {r"\d": "[0-9]", r"\D": "[^0-9]"}  # a class within a class adds to it, so they stand anywhere


class Matches(Condition):
    """Whether a whole text matches a pattern; made by `field.matches(pattern)`.

    Patterns are told apart by how they are written: whether two of them match the same texts is not asked.
    """

    __slots__ = ("item", "pattern")
    reads_fields_only = True

    def __init__(self, item: Node, pattern: str) -> None:
        if item.kind.sort != "text":
            hint = "; use == or is_in" if item.kind.sort == "choice" else ""
            raise UnlikeTypes(f"{item.written(None)} is {item.kind}, and patterns are for texts{hint}")
        if not isinstance(pattern, str):
            raise DefinitionError(
                f"{item.written(None)}.matches({pattern!r}): a pattern is a text, such as '[A-Z]{{2}}[0-9]+'"
            )
        matcher(pattern)
        self.item = item
        self.pattern = pattern

    def compiled(self) -> Truth:
        value, match = compiled.value_of(self.item), matcher(self.pattern)

        def holds(reading: Reading) -> bool:
            text = value(reading)
            if match(text):
                return True
            if not text.isascii() and not _is_unicode(text):
                mark = next(self.item.marks(), None)
                raise MistypedInput(
                    f"{self.item.named(reading)} is {mark.mask if mark else repr(text)}, which holds half of a surrogate pair "
                    "and so is no Unicode text; correct the case before it is decided"
                )
            return False

        return holds

    def written(self, reading: Reading | None) -> str:
        masked = reading is not None and next(self.item.marks(), None)  # a pattern may tell the value
        return f"{self.item.written(reading)} matches {'a known pattern' if masked else repr(self.pattern)}"

    def structure(self) -> dict[str, Any]:
        return {"op": "matches", "item": self.item.structure(), "pattern": self.pattern}

    def fields(self) -> Iterator[FieldNode]:
        return self.item.fields()

    def marks(self) -> Iterator[Personal]:
        return self.item.marks()


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], bool]:
    r"""Whether a whole text matches a pattern, as a function.

    `\d` is an ASCII digit, as in `[0-9]`; `\w`, `\s` and `\b` go by Unicode. Flags are written into the pattern: `(?i)abc`.

    Raises:
        DefinitionError: the engine does not take the pattern.

    >>> matcher(r"DE\d{3}|FR")("DE123"), matcher("a|b")("ab"), matcher("(a+)+")("a" * 100_000 + "!")
    (True, False, False)
    """
    _validator(pattern, pattern)  # alone, so that a bracket too many cannot end the group around it
    digits = _ESCAPE.sub(lambda escape: _DIGITS.get(escape[0], escape[0]), pattern)
    match: Callable[[str], bool] = _validator(rf"\A(?:{digits})\z", pattern).isinstance_python
    return match


def _validator(regex: str, pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=regex, regex_engine="rust-regex"))
    except SchemaError as error:
        problem = str(error).strip().splitlines()[-1].strip().removeprefix("error: ").removeprefix("SchemaError: ")
        raise DefinitionError(
            f"the pattern {pattern!r} cannot be used: {problem}; patterns are matched in linear time, so without "
            "backreferences and look-around"
        ) from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
