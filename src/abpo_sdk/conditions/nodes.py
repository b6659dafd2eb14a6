"""What expressions are made of: fields, constants and arithmetic, each with a value for every case (`compiled.py`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from abpo_sdk.conditions.kinds import (
    NUMBERS,
    Kind,
    check_alike,
    exact,
    kind_of_annotation,
    kind_of_value,
    written,
)
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import UnlikeTypes
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.traversal import personal_in


class Node(ABC):
    """Something with a value for each case."""

    __slots__ = ("kind",)
    kind: Kind

    @abstractmethod
    def written(self, reading: Reading | None) -> str:
        """The text, with values where there is something to read."""

    @abstractmethod
    def structure(self) -> Any:
        """The node as JSON."""

    @abstractmethod
    def fields(self) -> Iterator[FieldNode]:
        """The fields that it refers to."""


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
        value = reading.raw(self)
        return f"{self.name} {'(missing)' if value is None else written(value)}"

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
        return {"op": self.operator, "left": self.left.structure(), "right": self.right.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()


class AbsoluteNode(Node):
    """The absolute value of a number or duration."""

    __slots__ = ("part",)

    def __init__(self, part: Node) -> None:
        if part.kind.sort not in NUMBERS | {"duration"}:
            raise UnlikeTypes(f"abs({part.written(None)}): {part.kind} has no absolute value")
        self.part = part
        self.kind = part.kind

    def written(self, reading: Reading | None) -> str:
        return f"abs({self.part.written(reading)})"

    def structure(self) -> Any:
        return {"op": "abs", "part": self.part.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.part.fields()


def _kind_of_arithmetic(operator: str, left: Node, right: Node) -> Kind:
    shown = f"{left.written(None)} {operator} {right.written(None)}"
    a, b = left.kind.sort, right.kind.sort
    if a in NUMBERS and b in NUMBERS:
        check_alike(left.kind, operator, right.kind, shown)
        if operator == "/" and a == b == "integer":
            return Kind("float")
        return Kind("decimal" if "decimal" in (a, b) else "float" if "float" in (a, b) else "integer")
    if operator in "+-" and b == "duration" and a in ("time", "date", "duration"):
        return Kind(a)
    if operator == "-" and a == b and a in ("time", "date"):
        return Kind("duration")
    if operator in "*/" and a == "duration" and b in ("integer", "float"):
        return Kind("duration")
    if operator == "*" and a in ("integer", "float") and b == "duration":
        return Kind("duration")
    raise UnlikeTypes(f"{shown}: {left.kind} {operator} {right.kind} means nothing")
