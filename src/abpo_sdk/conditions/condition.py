"""Conditions, which hold or do not hold of a case, and their combinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from abpo_sdk.conditions import compiled, meaning
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import NoTruthValue, UnlikeTypes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from abpo_sdk.conditions.compiled import Truth
    from abpo_sdk.conditions.frames.answers import Answers
    from abpo_sdk.conditions.frames.cases import Cases
    from abpo_sdk.conditions.frames.truth import FrameTruth
    from abpo_sdk.conditions.nodes import FieldNode
    from abpo_sdk.values.personal import Personal


class Condition(ABC):
    """Something that holds or does not hold of a case; combine with `&`, `|` and `~`.

    Made by comparing fields: `fields(Invoice).total > 10_000`.
    """

    __slots__ = ("_compiled",)
    _compiled: Truth

    settled: ClassVar[bool | None] = None
    """What it says of every case without looking at it; None where it looks."""

    def holds(self, *things: object) -> bool:
        """Whether it holds of the case (and whatever else it refers to, such as the decision).

        `a & b` and `a | b` look at `b` only where `a` leaves it open, as Python's `and` and `or` do.

        Raises:
            MissingInput: a value that it needs is absent.
            MistypedInput: a value is not what the model declares, is NaN or infinite, or a time without a zone.
        """
        return self.evaluate(Reading(*things))

    def holds_frame(self, frame: pd.DataFrame) -> FrameTruth:
        """What it says of every row of a frame, exactly as `holds` says it of each as a case.

        Args:
            frame: one row a case, whose columns are fields of the model, as in the history of `evaluation.backtest`: those of
                nested models by dotted names ("supplier.country"), or as a column of mappings; NaN, NaT, NA and None are
                missing values; other columns are not looked at. A row of which no case can be made is missing or mistyped,
                whatever field that is due to.

        Raises:
            DefinitionError: the condition is about several models.
            MistypedInput: what is given is no DataFrame, or has a column of the model twice.

        >>> import pandas as pd
        >>> from pydantic import BaseModel
        >>> from abpo_sdk.conditions import fields
        >>> class Invoice(BaseModel):
        ...     total: int
        >>> truth = (fields(Invoice).total > 10_000).holds_frame(pd.DataFrame({"total": [12_400, 300, None]}))
        >>> truth.holds.tolist(), truth.missing.tolist()
        ([True, False, False], [False, False, True])
        """
        from abpo_sdk.conditions.frames.truth import holds_frame  # with numpy and pandas, which few conditions need

        return holds_frame(self, models_of([self]), frame)

    def text(self, *things: object) -> str:
        """The condition in words; with a case, showing its values: "total 12,400 > 10,000"."""
        return self.written(Reading(*things) if things else None)

    def because(self, *things: object) -> tuple[str, ...]:
        """Of a condition that holds, the parts that made it hold, as texts with the values of the case."""
        reading = Reading(*things)
        return tuple(part.written(reading) for part in self.parts_that_hold(reading))

    def evaluate(self, reading: Reading) -> bool:
        """Whether it holds of what is read; `reading` remembers the fields."""
        try:
            holds = self._compiled
        except AttributeError:
            holds = self._compiled = self.compiled()
        return holds(reading)

    @abstractmethod
    def compiled(self) -> Truth:
        """The condition as a function of what is read, made once for many cases."""

    @property
    def reads_fields_only(self) -> bool:
        """Whether it reads nothing of a case but its `fields()`, so that cases that are alike in these are alike for it."""
        parts = self.parts()
        return bool(parts) and all(part.reads_fields_only for part in parts)

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        """What it says of many cases, as `evaluate` says it of each; of those that are not `asked` about, nothing."""
        from abpo_sdk.conditions.frames import answers as frame_answers

        if self.reads_fields_only and not cases.by_row:
            return frame_answers.by_distinct(self, cases, asked)
        return frame_answers.by_case(self, cases, asked)

    @abstractmethod
    def written(self, reading: Reading | None) -> str:
        """The text, with values where there is something to read."""

    @abstractmethod
    def structure(self) -> dict[str, Any]:
        """What the condition means, as JSON; policies are versioned by it.

        It is the same for what means the same: `a > 1` and `1 < a`, `2` and `Decimal("2.0")`, `(a & b) & c` and `a & (b & c)`,
        `~(a & b)` and `~a | ~b`, `a.is_in(1, 2)` and `a.is_in(2, 1, 2)`. The order of what `&` and `|` combine stays: it decides
        which values are read, and a missing one that is read is an error.
        """

    @abstractmethod
    def fields(self) -> Iterator[FieldNode]:
        """The fields that it refers to."""

    def parts(self) -> tuple[Condition, ...]:
        """The conditions that it combines."""
        return ()

    def constants(self) -> tuple[Any, ...]:
        """The constants that it compares its fields with; those of what it combines are not among them."""
        return ()

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        """The constants that some fields of a model are compared with, here and in what it combines."""
        found = set(chain.from_iterable(part.constants_about(model, names) for part in self.parts()))
        if any(field.model is model and field.name in names for field in self.fields()):
            found.update(self.constants())
        return found

    def marks(self) -> Iterator[Personal]:
        """The marks of what is personal in it."""
        return (field.personal for field in self.fields() if field.personal)

    def parts_that_hold(self, reading: Reading) -> Iterator[Condition]:
        """The alternatives that hold; the condition itself, unless it is an `|`."""
        if self.evaluate(reading):
            yield self

    def __and__(self, other: Condition) -> Condition:
        right = _condition(other, "&")
        if self.settled is None:
            return self if right.settled else Both(self, right)
        return right if self.settled else self

    def __or__(self, other: Condition) -> Condition:
        right = _condition(other, "|")
        if self.settled is None:
            return self if right.settled is False else Either(self, right)
        return self if self.settled else right

    def __rand__(self, other: object) -> Condition:
        return _condition(other, "&") & self

    def __ror__(self, other: object) -> Condition:
        return _condition(other, "|") | self

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise NoTruthValue(
            f"the condition ({self.text()}) has no truth value of its own; combine with &, | and ~ instead of and, or and not, "
            "write a chained comparison as two, and evaluate with .holds(case)"
        )

    def __getstate__(self) -> object:  # without the closure, which pickle cannot take
        state: Any = super().__getstate__()
        if not isinstance(state, tuple):
            return state
        instance, slots = state
        return instance, {name: value for name, value in slots.items() if name != "_compiled"}

    def __repr__(self) -> str:
        return f"<condition {self.text()}>"


class Both(Condition):
    """Two conditions that must both hold."""

    __slots__ = ("left", "right")

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right

    def compiled(self) -> Truth:
        return compiled.all_of(tuple(part.compiled() for part in row_of(self)))

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions.frames import answers as frame_answers

        return frame_answers.all_of(row_of(self), cases, asked)

    def parts(self) -> tuple[Condition, ...]:
        return self.left, self.right

    def written(self, reading: Reading | None) -> str:
        return " and ".join(
            f"({part.written(reading)})" if isinstance(part, Either) else part.written(reading)
            for part in (self.left, self.right)
        )

    def structure(self) -> dict[str, Any]:
        return meaning.combination("and", (part.structure() for part in row_of(self)))

    def fields(self) -> Iterator[FieldNode]:
        for part in row_of(self):
            yield from part.fields()

    def marks(self) -> Iterator[Personal]:
        for part in row_of(self):
            yield from part.marks()


class Either(Condition):
    """Two conditions of which at least one must hold."""

    __slots__ = ("left", "right")

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right

    def compiled(self) -> Truth:
        return compiled.any_of(tuple(part.compiled() for part in row_of(self)))

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions.frames import answers as frame_answers

        return frame_answers.any_of(row_of(self), cases, asked)

    def parts(self) -> tuple[Condition, ...]:
        return self.left, self.right

    def written(self, reading: Reading | None) -> str:
        return f"{self.left.written(reading)} or {self.right.written(reading)}"

    def structure(self) -> dict[str, Any]:
        return meaning.combination("or", (part.structure() for part in row_of(self)))

    def fields(self) -> Iterator[FieldNode]:
        for part in row_of(self):
            yield from part.fields()

    def marks(self) -> Iterator[Personal]:
        for part in row_of(self):
            yield from part.marks()

    def parts_that_hold(self, reading: Reading) -> Iterator[Condition]:
        held = False
        for part in row_of(self):
            try:
                holds = part.evaluate(reading)
            except Exception:  # once one holds, those after it need not be answerable
                if not held:
                    raise
                continue
            if holds:
                held = True
                yield part


class Not(Condition):
    """A condition that must not hold."""

    __slots__ = ("part",)

    def __init__(self, part: Condition) -> None:
        self.part = part

    def compiled(self) -> Truth:
        return compiled.none_of(self.part.compiled())

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions.frames import answers as frame_answers

        return frame_answers.none_of(self.part, cases, asked)

    def parts(self) -> tuple[Condition, ...]:
        return (self.part,)

    def written(self, reading: Reading | None) -> str:
        return f"not ({self.part.written(reading)})"

    def structure(self) -> dict[str, Any]:
        """The negation of its leaves, by the laws of De Morgan: what is read, and in which order, stays the same."""
        part = self.part
        if isinstance(part, (Both, Either)):
            dual = "or" if isinstance(part, Both) else "and"
            return meaning.combination(dual, ((~each).structure() for each in row_of(part)))
        if isinstance(part, Not):
            return part.part.structure()
        opposite = ~part
        return meaning.negation(part.structure()) if isinstance(opposite, Not) else opposite.structure()

    def fields(self) -> Iterator[FieldNode]:
        yield from self.part.fields()

    def marks(self) -> Iterator[Personal]:
        return self.part.marks()

    def __invert__(self) -> Condition:
        return self.part


def row_of(condition: Both | Either) -> list[Condition]:
    """What one operator combines, in order: a, b and c of `(a & b) & c`."""
    row: list[Condition] = []
    waiting: list[Condition] = [condition]
    while waiting:
        part = waiting.pop()
        if type(part) is type(condition):
            waiting += reversed(part.parts())
        else:
            row.append(part)
    return row


def _condition(other: object, operator: str) -> Condition:
    if isinstance(other, Condition):
        return other
    raise UnlikeTypes(
        f"{operator} combines conditions, and {other!r} is none; put each comparison in parentheses: (a > 1) {operator} (b < 2)"
    )


def constants_for(condition: Condition, model: type, names: frozenset[str]) -> set[Any]:
    """The constants that a condition compares some fields of a model with."""
    return condition.constants_about(model, names)


def models_of(conditions: Iterable[Condition]) -> list[type]:
    """The models that some conditions refer to, each once, in order."""
    return list(dict.fromkeys(field.model for condition in conditions for field in condition.fields()))
