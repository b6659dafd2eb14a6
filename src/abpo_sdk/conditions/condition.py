"""Conditions: comparisons and their combinations, which hold or do not hold of a case."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from abpo_sdk.conditions.kinds import exact, written
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import ConditionError, InputError, NoTruthValue, UnlikeTypes

if TYPE_CHECKING:
    from abpo_sdk.conditions.nodes import FieldNode, Node
    from abpo_sdk.values.personal import Personal

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


class Condition(ABC):
    """Something that holds or does not hold of a case; combine with `&`, `|` and `~`.

    Made by comparing fields: `fields(Invoice).total > 10_000`.
    """

    __slots__ = ()

    def holds(self, *things: object) -> bool:
        """Whether it holds of the case (and whatever else it refers to, such as the decision).

        `a & b` and `a | b` look at `b` only where `a` leaves it open, as Python's `and` and `or` do.

        Raises:
            MissingInput: a value that it needs is absent.
            MistypedInput: a value is not what the model declares, is NaN or infinite, or a time without a zone.
        """
        return self.evaluate(Reading(*things))

    def text(self, *things: object) -> str:
        """The condition in words; with a case, showing its values: "total 12,400 > 10,000"."""
        return self.written(Reading(*things) if things else None)

    def because(self, *things: object) -> tuple[str, ...]:
        """Of a condition that holds, the parts that made it hold, as texts with the values of the case."""
        return tuple(part.written(Reading(*things)) for part in self.parts_that_hold(Reading(*things)))

    @abstractmethod
    def evaluate(self, reading: Reading) -> bool:
        """Whether it holds of what is read; `reading` remembers the fields."""

    @abstractmethod
    def written(self, reading: Reading | None) -> str:
        """The text, with values where there is something to read."""

    @abstractmethod
    def structure(self) -> dict[str, Any]:
        """The condition as JSON, the same for the same condition; policies are versioned by it."""

    @abstractmethod
    def fields(self) -> Iterator[FieldNode]:
        """The fields that it refers to."""

    def parts_that_hold(self, reading: Reading) -> Iterator[Condition]:
        """The alternatives that hold; the condition itself, unless it is an `|`."""
        if self.evaluate(reading):
            yield self

    def __and__(self, other: Condition) -> Condition:
        return Both(self, _condition(other, "&"))

    def __or__(self, other: Condition) -> Condition:
        return Either(self, _condition(other, "|"))

    def __rand__(self, other: object) -> Condition:
        return Both(_condition(other, "&"), self)

    def __ror__(self, other: object) -> Condition:
        return Either(_condition(other, "|"), self)

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise NoTruthValue(
            f"the condition ({self.text()}) has no truth value of its own; combine with &, | and ~ instead of and, or and not, "
            "write a chained comparison as two, and evaluate with .holds(case)"
        )

    def __repr__(self) -> str:
        return f"<condition {self.text()}>"


class Comparison(Condition):
    """Two expressions and an operator between them."""

    __slots__ = ("_compare", "left", "operator", "right")

    def __init__(self, left: Node, operator: str, right: Node) -> None:
        self.left = left
        self.operator = operator
        self.right = right
        self._compare = OPERATORS[operator]

    def evaluate(self, reading: Reading) -> bool:
        return self._compare(self.left.evaluate(reading), self.right.evaluate(reading))

    def written(self, reading: Reading | None) -> str:
        right = self.right.written(reading)
        if reading is not None and self.operator in ("==", "!="):
            try:
                equal = self.evaluate(reading) is (self.operator == "==")
            except InputError:
                equal = False
            mark = _mark_of(self)
            if equal and mark:  # of two equal things, the one tells the other
                right = mark.mask
            if equal and (mark or self.operator == "=="):
                return f"{self.left.written(None)} {'is' if self.operator == '==' else '!='} {right}"
        return f"{self.left.written(reading)} {self.operator} {right}"

    def structure(self) -> dict[str, Any]:
        return {"op": self.operator, "left": self.left.structure(), "right": self.right.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()

    def __invert__(self) -> Condition:
        return Comparison(self.left, NEGATED[self.operator], self.right)


class Membership(Condition):
    """Whether an expression is one of some constants."""

    __slots__ = ("among", "item")

    def __init__(self, item: Node, among: tuple[Any, ...]) -> None:
        if not among:
            raise UnlikeTypes(f"{item.written(None)} is_in nothing; name at least one value")
        self.item = item
        self.among = among

    def evaluate(self, reading: Reading) -> bool:
        return self.item.evaluate(reading) in self.among

    def written(self, reading: Reading | None) -> str:
        among = ", ".join(written(a) for a in self.among)
        if reading is not None and _mark_of(self):
            among = f"{len(self.among)} known values"
        return f"{self.item.written(reading)} in ({among})"

    def structure(self) -> dict[str, Any]:
        return {"op": "in", "item": self.item.structure(), "among": sorted(exact(a) for a in self.among)}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.item.fields()


class Missing(Condition):
    """Whether a field has no value."""

    __slots__ = ("field",)

    def __init__(self, field: FieldNode) -> None:
        self.field = field

    def evaluate(self, reading: Reading) -> bool:
        return reading.value(self.field, missing_ok=True) is None

    def written(self, reading: Reading | None) -> str:
        return f"{self.field.name} is missing"

    def structure(self) -> dict[str, Any]:
        return {"op": "missing", "field": self.field.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield self.field


class Both(Condition):
    """Two conditions that must both hold."""

    __slots__ = ("left", "right")

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right

    def evaluate(self, reading: Reading) -> bool:
        return self.left.evaluate(reading) and self.right.evaluate(reading)

    def written(self, reading: Reading | None) -> str:
        return " and ".join(
            f"({part.written(reading)})" if isinstance(part, Either) else part.written(reading)
            for part in (self.left, self.right)
        )

    def structure(self) -> dict[str, Any]:
        return {"op": "and", "left": self.left.structure(), "right": self.right.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()


class Either(Condition):
    """Two conditions of which at least one must hold."""

    __slots__ = ("left", "right")

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right

    def evaluate(self, reading: Reading) -> bool:
        return self.left.evaluate(reading) or self.right.evaluate(reading)

    def written(self, reading: Reading | None) -> str:
        return f"{self.left.written(reading)} or {self.right.written(reading)}"

    def structure(self) -> dict[str, Any]:
        return {"op": "or", "left": self.left.structure(), "right": self.right.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()

    def parts_that_hold(self, reading: Reading) -> Iterator[Condition]:
        held = list(self.left.parts_that_hold(reading))
        yield from held
        try:
            yield from self.right.parts_that_hold(reading)
        except ConditionError:  # once the left holds, the right need not be answerable
            if not held:
                raise


class Not(Condition):
    """A condition that must not hold."""

    __slots__ = ("part",)

    def __init__(self, part: Condition) -> None:
        self.part = part

    def evaluate(self, reading: Reading) -> bool:
        return not self.part.evaluate(reading)

    def written(self, reading: Reading | None) -> str:
        return f"not ({self.part.written(reading)})"

    def structure(self) -> dict[str, Any]:
        return {"op": "not", "part": self.part.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.part.fields()

    def __invert__(self) -> Condition:
        return self.part


def _mark_of(condition: Condition) -> Personal | None:
    return next((field.personal for field in condition.fields() if field.personal), None)


def _condition(other: object, operator: str) -> Condition:
    if isinstance(other, Condition):
        return other
    raise UnlikeTypes(
        f"{operator} combines conditions, and {other!r} is none; put each comparison in parentheses: (a > 1) {operator} (b < 2)"
    )


def constants_for(condition: Condition, model: type, names: frozenset[str]) -> set[Any]:
    """The constants that a condition compares some fields of a model with."""
    if isinstance(condition, (Both, Either)):
        return constants_for(condition.left, model, names) | constants_for(condition.right, model, names)
    if isinstance(condition, Not):
        return constants_for(condition.part, model, names)
    if not any(field.model is model and field.name in names for field in condition.fields()):
        return set()
    if isinstance(condition, Membership):
        return set(condition.among)
    if isinstance(condition, Comparison):
        return {side.value for side in (condition.left, condition.right) if hasattr(side, "value")}
    return set()


def models_of(conditions: Iterable[Condition]) -> list[type]:
    """The models that some conditions refer to, each once, in order."""
    return list(dict.fromkeys(field.model for condition in conditions for field in condition.fields()))
