"""What expressions are made of: fields, constants and arithmetic, each with a value for every case (`compiled.py`)."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from abpo_sdk.conditions import meaning
from abpo_sdk.conditions.kinds import (
    NUMBERS,
    SORTS,
    Kind,
    check_alike,
    check_money,
    exact,
    kind_of_annotation,
    kind_of_value,
    written,
)
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import UnlikeTypes
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.traversal import holds_personal, personal_in

PLAIN = (enum.Enum, *(type_ for type_, _ in SORTS))
FEW = 10
"""A list of so many plain items is shown whole."""


class Node(ABC):
    """Something with a value for each case."""

    __slots__ = ("kind",)
    kind: Kind

    @abstractmethod
    def written(self, reading: Reading | None) -> str:
        """The text, with values where there is something to read."""

    def named(self, reading: Reading) -> str:
        """The text without its value, where that is told otherwise."""
        return self.written(None)

    @abstractmethod
    def structure(self) -> Any:
        """The node as JSON."""

    @abstractmethod
    def fields(self) -> Iterator[FieldNode]:
        """The fields that it refers to."""

    def compiled(self) -> Callable[[Reading], Any]:
        """The value as a function of what is read; of those that `compiled.value_of` does not know itself."""
        raise NotImplementedError(f"{type(self).__name__} has no value")

    def marks(self) -> Iterator[Personal]:
        """The marks of what is personal in it."""
        return (field.personal for field in self.fields() if field.personal)

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        """The constants inside of it that some fields of a model are compared with."""
        return set()


class FieldNode(Node):
    """A field of a model, reached by a path of names."""

    __slots__ = ("annotation", "model", "path", "personal")

    personal: Personal | None
    """The mark, where the field is personal or lies in one that is; its values are masked in texts."""

    def __init__(self, model: type, path: tuple[str, ...], annotation: Any, *, inside: Personal | None = None) -> None:
        self.model = model
        self.path = path
        self.annotation = annotation
        self.kind = kind_of_annotation(annotation)
        self.personal = personal_in(annotation) or inside

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.path)

    def written(self, reading: Reading | None) -> str:
        if reading is None:
            return self.name
        if self.personal:
            return f"{self.name} {self.personal.mask}"
        return f"{self.name} {shown(reading.raw(self), self.annotation)}"

    def structure(self) -> Any:
        return {"field": self.name, "of": self.model.__name__}

    def fields(self) -> Iterator[FieldNode]:
        yield self


class ConstantNode(Node):
    """A value that is the same for every case."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
        self.kind = kind_of_value(value)

    def written(self, reading: Reading | None) -> str:
        return written(self.value)

    def structure(self) -> Any:
        return {"constant": exact(self.value), "sort": self.kind.sort}

    def fields(self) -> Iterator[FieldNode]:
        return iter(())


class ArithmeticNode(Node):
    """A sum, difference, product or quotient."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, operator: str, left: Node, right: Node) -> None:
        self.operator = operator
        self.left = left
        self.right = right
        self.kind = _kind_of_arithmetic(operator, left, right)

    def written(self, reading: Reading | None) -> str:
        def part(side: Node, *, tight: bool) -> str:
            loose = isinstance(side, ArithmeticNode) and (side.operator in "+-" or tight)
            return f"({side.written(reading)})" if loose and self.operator != "+" else side.written(reading)

        return f"{part(self.left, tight=False)} {self.operator} {part(self.right, tight=self.operator in '-/')}"

    def structure(self) -> Any:
        """A number first in a sum or product is put last; which sort of number it is counts, unless all are decimals."""
        left, right = (
            meaning.constant(side.value)
            if isinstance(side, ConstantNode) and self.kind.sort in ("decimal", "money")
            else side.structure()
            for side in (self.left, self.right)
        )
        if self.operator in "+*" and isinstance(self.left, ConstantNode) and not isinstance(self.right, ConstantNode):
            left, right = right, left
        return {"op": self.operator, "left": left, "right": right}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()

    def marks(self) -> Iterator[Personal]:
        yield from self.left.marks()
        yield from self.right.marks()

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        return self.left.constants_about(model, names) | self.right.constants_about(model, names)


class AbsoluteNode(Node):
    """The absolute value of a number, a duration or money."""

    __slots__ = ("part",)

    def __init__(self, part: Node) -> None:
        if part.kind.sort not in NUMBERS | {"duration", "money"}:
            raise UnlikeTypes(f"abs({part.written(None)}): {part.kind} has no absolute value")
        self.part = part
        self.kind = part.kind

    def written(self, reading: Reading | None) -> str:
        return f"abs({self.part.written(reading)})"

    def structure(self) -> Any:
        return {"op": "abs", "part": self.part.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.part.fields()

    def marks(self) -> Iterator[Personal]:
        return self.part.marks()

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        return self.part.constants_about(model, names)


def shown(value: Any, annotation: Any) -> str:
    """A value of a case for a text; of what holds others, and may hold something personal, only how much there is."""
    if value is None:
        return "(missing)"
    if isinstance(value, (list, tuple, set, frozenset)):
        if len(value) > FEW or holds_personal(annotation) or not all(isinstance(item, PLAIN) for item in value):
            return f"({len(value)} {'item' if len(value) == 1 else 'items'})"
        return written(value)
    return f"(a {type(value).__name__})" if holds_personal(annotation) else written(value)


def _kind_of_arithmetic(operator: str, left: Node, right: Node) -> Kind:
    shown = f"{left.written(None)} {operator} {right.written(None)}"
    a, b = left.kind.sort, right.kind.sort
    if a in NUMBERS and b in NUMBERS:
        check_alike(left.kind, operator, right.kind, shown)
        if operator == "/" and a == b == "integer":
            return Kind("float")
        return Kind("decimal" if "decimal" in (a, b) else "float" if "float" in (a, b) else "integer")
    if "money" in (a, b):
        return _kind_of_money(operator, left.kind, right.kind, shown)
    if operator in "+-" and b == "duration" and a in ("time", "date", "duration"):
        return Kind(a)
    if operator == "-" and a == b and a in ("time", "date"):
        return Kind("duration")
    if operator in "*/" and a == "duration" and b in ("integer", "float"):
        return Kind("duration")
    if operator == "*" and a in ("integer", "float") and b == "duration":
        return Kind("duration")
    raise UnlikeTypes(f"{shown}: {left.kind} {operator} {right.kind} means nothing")


def _kind_of_money(operator: str, left: Kind, right: Kind, shown: str) -> Kind:
    """Money is added to money, multiplied by an exact number, and divided by either."""
    if operator in "+-" or (operator == "/" and right.sort == "money"):
        check_money(left, right, shown)
        return Kind("decimal") if operator == "/" else Kind("money", currency=left.currency or right.currency)
    money, number = (left, right) if left.sort == "money" else (right, left)
    if number.sort == "float":
        raise UnlikeTypes(f"{shown}: money is exact and a float is not; write Decimal('0.1') instead of 0.1")
    if number.sort not in ("integer", "decimal"):
        raise UnlikeTypes(f"{shown}: {left} {operator} {right} means nothing")
    return Kind("money", currency=money.currency)
