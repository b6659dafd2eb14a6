"""Expressions: fields, constants and arithmetic, whose comparison makes a condition."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from decimal import DivisionByZero, InvalidOperation
from typing import Any

from abpo_sdk.conditions.condition import Comparison, Condition, Membership, Missing
from abpo_sdk.conditions.kinds import NUMBERS, Kind, check_alike, kind_of_annotation, kind_of_value, unfit, written
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import MistypedInput, UnknownField, UnlikeTypes
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.traversal import annotations_of, personal_in

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Expression(ABC):
    """Something with a value for each case: a field, a constant, or arithmetic on them.

    Comparing expressions gives a `Condition`. Exact decimals and floats do not mix.
    """

    __slots__ = ("kind",)
    kind: Kind

    @abstractmethod
    def evaluate(self, reading: Reading) -> Any:
        """The value for what is read."""

    @abstractmethod
    def written(self, reading: Reading | None) -> str:
        """The text, with values where there is something to read."""

    @abstractmethod
    def structure(self) -> Any:
        """The expression as JSON."""

    @abstractmethod
    def fields(self) -> Iterator[Field]:
        """The fields that it refers to."""

    def is_in(self, *values: Any) -> Condition:
        """Whether the value is one of `values` (given one by one, or as one collection)."""
        among = (
            tuple(values[0]) if len(values) == 1 and isinstance(values[0], (list, tuple, set, frozenset)) else values
        )
        for value in among:
            check_alike(self.kind, "==", kind_of_value(value), f"{self.written(None)} is_in {written(value)}")
        return Membership(self, among)

    def __lt__(self, other: Any) -> Condition:
        return _compare(self, "<", other)

    def __le__(self, other: Any) -> Condition:
        return _compare(self, "<=", other)

    def __gt__(self, other: Any) -> Condition:
        return _compare(self, ">", other)

    def __ge__(self, other: Any) -> Condition:
        return _compare(self, ">=", other)

    def __eq__(self, other: Any) -> Condition:  # type: ignore[override]
        return _compare(self, "==", other)

    def __ne__(self, other: Any) -> Condition:  # type: ignore[override]
        return _compare(self, "!=", other)

    def __hash__(self) -> int:
        return id(self)

    def __add__(self, other: Any) -> Expression:
        return Arithmetic("+", self, _expression(other))

    def __radd__(self, other: Any) -> Expression:
        return Arithmetic("+", _expression(other), self)

    def __sub__(self, other: Any) -> Expression:
        return Arithmetic("-", self, _expression(other))

    def __rsub__(self, other: Any) -> Expression:
        return Arithmetic("-", _expression(other), self)

    def __mul__(self, other: Any) -> Expression:
        return Arithmetic("*", self, _expression(other))

    def __rmul__(self, other: Any) -> Expression:
        return Arithmetic("*", _expression(other), self)

    def __truediv__(self, other: Any) -> Expression:
        return Arithmetic("/", self, _expression(other))

    def __rtruediv__(self, other: Any) -> Expression:
        return Arithmetic("/", _expression(other), self)

    def __neg__(self) -> Expression:
        return Arithmetic("-", Constant(0), self)

    def __abs__(self) -> Expression:
        return Absolute(self)

    def __bool__(self) -> bool:
        raise UnlikeTypes(
            f"{self.written(None)} has no truth value of its own; compare it, such as {self.written(None)} == True"
        )

    def __repr__(self) -> str:
        return f"<expression {self.written(None)}>"


class Field(Expression):
    """A typed reference to a field of a model, made by `fields(Model).name`; `.name` again goes into a nested model."""

    __slots__ = ("annotation", "model", "path")

    def __init__(self, model: type, path: tuple[str, ...], annotation: Any) -> None:
        self.model = model
        self.path = path
        self.annotation = annotation
        self.kind = kind_of_annotation(annotation)

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.path)

    @property
    def personal(self) -> Personal | None:
        """The mark, where the field is personal; its values are masked in texts."""
        return personal_in(self.annotation)

    def is_missing(self) -> Condition:
        """Whether there is no value."""
        return Missing(self)

    def evaluate(self, reading: Reading) -> Any:
        return reading.value(self)

    def written(self, reading: Reading | None) -> str:
        if reading is None:
            return self.name
        if self.personal:
            return f"{self.name} {self.personal.mask}"
        value = reading.value(self, missing_ok=True)
        return f"{self.name} {'(missing)' if value is None else written(value)}"

    def structure(self) -> Any:
        return {"field": self.name, "of": self.model.__name__}

    def fields(self) -> Iterator[Field]:
        yield self

    def __getattr__(self, name: str) -> Field:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Field:
        if self.kind.sort != "model":
            raise UnknownField(f"{self.model.__name__}.{self.name} is {self.kind}, which has no field {name!r}")
        return field_of(self.model, self.kind.type, (*self.path, name))


def field_of(root: type, owner: type, path: tuple[str, ...]) -> Field:
    """The reference to a field of `owner`, which is reached from `root` by `path`.

    Raises:
        UnknownField: there is none; names the nearest.
    """
    annotations = annotations_of(owner)
    name = path[-1]
    if name not in annotations:
        import difflib

        near = difflib.get_close_matches(name, annotations, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(annotations)}"
        raise UnknownField(f"{owner.__name__} has no field {name!r}; {hint}")
    return Field(root, path, annotations[name])


class Constant(Expression):
    """A value that is the same for every case."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
        self.kind = kind_of_value(value)

    def evaluate(self, reading: Reading) -> Any:
        return self.value

    def written(self, reading: Reading | None) -> str:
        return written(self.value)

    def structure(self) -> Any:
        return {"constant": written(self.value), "sort": self.kind.sort}

    def fields(self) -> Iterator[Field]:
        return iter(())


class Arithmetic(Expression):
    """A sum, difference, product or quotient."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, operator: str, left: Expression, right: Expression) -> None:
        self.operator = operator
        self.left = left
        self.right = right
        self.kind = _kind_of_arithmetic(operator, left, right)

    def evaluate(self, reading: Reading) -> Any:
        left, right = self.left.evaluate(reading), self.right.evaluate(reading)
        try:
            value = ARITHMETIC[self.operator](left, right)
        except (ZeroDivisionError, DivisionByZero, InvalidOperation, OverflowError) as error:
            raise MistypedInput(f"{self.written(reading)} has no value: {type(error).__name__}") from error
        if unfit(value):
            raise MistypedInput(f"{self.written(reading)} is {value!r}, {unfit(value)}")
        return value

    def written(self, reading: Reading | None) -> str:
        def part(side: Expression, *, tight: bool) -> str:
            loose = isinstance(side, Arithmetic) and (side.operator in "+-" or tight)
            return f"({side.written(reading)})" if loose and self.operator != "+" else side.written(reading)

        return f"{part(self.left, tight=False)} {self.operator} {part(self.right, tight=self.operator in '-/')}"

    def structure(self) -> Any:
        return {"op": self.operator, "left": self.left.structure(), "right": self.right.structure()}

    def fields(self) -> Iterator[Field]:
        yield from self.left.fields()
        yield from self.right.fields()


class Absolute(Expression):
    """The absolute value of a number or duration."""

    __slots__ = ("part",)

    def __init__(self, part: Expression) -> None:
        if part.kind.sort not in NUMBERS | {"duration"}:
            raise UnlikeTypes(f"abs({part.written(None)}): {part.kind} has no absolute value")
        self.part = part
        self.kind = part.kind

    def evaluate(self, reading: Reading) -> Any:
        return abs(self.part.evaluate(reading))

    def written(self, reading: Reading | None) -> str:
        return f"abs({self.part.written(reading)})"

    def structure(self) -> Any:
        return {"op": "abs", "part": self.part.structure()}

    def fields(self) -> Iterator[Field]:
        yield from self.part.fields()


def _kind_of_arithmetic(operator: str, left: Expression, right: Expression) -> Kind:
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
    raise UnlikeTypes(f"{shown}: {left.kind} {operator} {right.kind} means nothing")


def _expression(value: Any) -> Expression:
    return value if isinstance(value, Expression) else Constant(value)


def _compare(left: Expression, operator: str, other: Any) -> Condition:
    right = _expression(other)
    check_alike(left.kind, operator, right.kind, f"{left.written(None)} {operator} {right.written(None)}")
    return Comparison(left, operator, right)


def models_of(conditions: Iterable[Condition]) -> list[type]:
    """The models that some conditions refer to, each once, in order."""
    return list(dict.fromkeys(field.model for condition in conditions for field in condition.fields()))


__all__ = ["Absolute", "Arithmetic", "Constant", "Expression", "Field", "field_of", "models_of"]
