"""The rows of a decision table, and what they give."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import MAX_PREC, Context, Decimal
from typing import Any

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.kinds import exact, unfit
from abpo_sdk.errors import DefinitionError

Value = str | int | float | bool | Decimal | dt.date | dt.timedelta | None
"""What a row may give: a text, a number, a truth, a date, a time, a duration, or nothing."""

VALUES = (str, int, float, Decimal, dt.date, dt.timedelta, type(None))
"""The same as classes; a bool is an int here, and a time is a date."""

OUTCOME = "outcome"
"""What the only output of a table is called where nobody named it."""

_EXACT = Context(prec=MAX_PREC)  # whatever the caller's own context rounds


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a table: where the condition holds, the outputs follow.

    Args:
        when: the condition under which it applies.
        then: what it gives: one value, or a value for each output by its name.
        because: the reason, in words that the person concerned may read.
        name: a stable name for the reason's code; None: the row's number.
    """

    when: Condition
    then: Value | Mapping[str, Value]
    because: str
    name: str | None = None


def rule(when: Condition, *, then: Value | Mapping[str, Value], because: str, name: str | None = None) -> Rule:
    """A row of a decision table.

    Args:
        when: the condition under which it applies; `always` for a row that applies to every case.
        then: the outcome; where a table has several outputs, the value of each by its name.
        because: the reason, in words that the person concerned may read.
        name: a stable name for the reason's code; default: the row's number.

    Raises:
        DefinitionError: something of it is empty, `when` is no condition, or a value is of a type that cannot be recorded.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk.conditions import fields
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> small = rule(fields(Claim).amount <= 500, then={"decision": "pay", "days": 14}, because="the claim is small")
    >>> small.then["days"]
    14
    """
    if not isinstance(when, Condition):
        raise DefinitionError(f"rule({when!r}, ...): give a condition, such as fields(Invoice).total > 10_000")
    shown = f"the rule for ({when.text()})"
    if then in ("", None) or then == {} or not isinstance(because, str) or not because.strip():
        raise DefinitionError(f"{shown} needs an outcome (then=) and a reason (because=)")
    return Rule(when, given(then, shown), because, name)


def given(then: Any, shown: str) -> Value | dict[str, Value]:
    """What a row gives, as it is kept.

    Raises:
        DefinitionError: a value of a type that cannot be recorded, or an output without a name; says of what.
    """
    if isinstance(then, Mapping):
        for name in then:
            if not isinstance(name, str) or not name.strip():
                raise DefinitionError(f"{shown} names an output {name!r}; give a text")
        return {name: _value(value, f"{shown}, output {name!r},") for name, value in then.items()}
    return _value(then, shown)


def _value(value: Any, shown: str) -> Value:
    if isinstance(value, enum.Enum) and isinstance(value, str):
        return str(value.value)
    if not isinstance(value, VALUES) or isinstance(value, enum.Enum):
        raise DefinitionError(
            f"{shown} gives {value!r}, a {type(value).__name__}; a row gives texts, numbers, truths, dates, times and durations"
        )
    problem = unfit(value) or (isinstance(value, Decimal) and _far(value))
    if problem:
        raise DefinitionError(f"{shown} gives {value!r}, which is {problem}")
    return value


def _far(value: Decimal) -> str | None:
    """Why a number cannot be written in full, or None."""
    return "too large or too small a number" if value and abs(value.adjusted()) > _EXACT.Emax else None


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a table.

    Args:
        name: what it is called.
        values: the values that it may have, in order of priority (the first is what PRIORITY prefers); empty: any.

    Raises:
        DefinitionError: no name, or the same value twice.

    >>> Output("decision", values=("reject", "refer", "pay")).priority("refer")
    1
    """

    name: str
    values: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise DefinitionError(f"an output is named {self.name!r}; give a text")
        if isinstance(self.values, str):
            raise DefinitionError(
                f"output {self.name!r}: its values are {self.values!r}; write a tuple, such as ('reject', 'pay')"
            )
        values = tuple(_value(value, f"output {self.name!r}") for value in self.values)
        twice = {written_out(v) for v in values if sum(_same(v, other) for other in values) > 1}
        if twice:
            raise DefinitionError(f"output {self.name!r} lists {', '.join(sorted(twice))} more than once")
        object.__setattr__(self, "values", values)

    def priority(self, value: Value) -> int:
        """The place of a value among those that the output may have; 0 comes first.

        Raises:
            DefinitionError: it is none of them.
        """
        for place, allowed in enumerate(self.values):
            if _same(allowed, value):
                return place
        listed = ", ".join(map(written_out, self.values))
        raise DefinitionError(f"output {self.name!r} is {written_out(value)}, and may be one of {listed}")


def declared_outputs(name: str, declared: Iterable[str | Output]) -> tuple[Output, ...]:
    """The outputs that were declared.

    Args:
        name: of the table, for errors.
        declared: by name, or with the values that they may have.

    Raises:
        DefinitionError: there are none, or something is none.
    """
    if isinstance(declared, (str, bytes, Output)) or not isinstance(declared, Iterable):
        raise DefinitionError(f"table {name!r}: outputs={declared!r} are no outputs; write a list of them")
    outputs = tuple(o if isinstance(o, Output) else Output(o) for o in declared)
    names = [output.name for output in outputs]
    if not names or len(set(names)) < len(names):
        raise DefinitionError(f"table {name!r} has the outputs {', '.join(names) or '(none)'}; each needs its own name")
    return outputs


def outputs_of(
    name: str, thens: Sequence[Value | Mapping[str, Value]], declared: Iterable[str | Output] | None
) -> tuple[Output, ...]:
    """The outputs of a table, from what was declared and what its rows give.

    Args:
        name: of the table, for errors.
        thens: what the rows give, and the default among them.
        declared: the outputs, or None to take them from the rows.

    Raises:
        DefinitionError: rows that give other outputs than the rest, or than were declared; a value that an output may not have.
    """
    if declared is None:
        first = thens[0]
        declared = list(first) if isinstance(first, Mapping) else [OUTCOME]
    outputs = declared_outputs(name, declared)
    names = [output.name for output in outputs]
    for then in thens:
        given_names = list(then) if isinstance(then, Mapping) else [names[0]] if len(names) == 1 else []
        if set(given_names) != set(names):
            raise DefinitionError(
                f"table {name!r} has the outputs {', '.join(names)}, and a row gives {then!r}; give each of them in every row"
            )
        for output, value in zip(outputs, values_of(then, outputs), strict=True):
            if output.values:
                try:
                    output.priority(value)
                except DefinitionError as error:
                    raise DefinitionError(f"table {name!r}: {error}") from None
    return outputs


def values_of(then: Value | Mapping[str, Value], outputs: Sequence[Output]) -> tuple[Value, ...]:
    """What a row gives, in the order of the outputs."""
    return tuple(then[output.name] for output in outputs) if isinstance(then, Mapping) else (then,)


def written_out(value: Value) -> str:
    """A value as an outcome: a text as it is, anything else as FEEL, DMN's language, writes it.

    Equal values of one type are one outcome, so that it follows from what a table means.

    >>> written_out("pay"), written_out(Decimal("1E+2")), written_out(Decimal("1.50")), written_out(True), written_out(None)
    ('pay', '100', '1.5', 'true', 'null')
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{plain(value):f}"
    if isinstance(value, float):
        return exact(value + 0.0)  # zero has a sign
    return exact(value).replace(",", "") if isinstance(value, int) else exact(value)


def plain(value: Decimal) -> Decimal:
    """A number as it is written in one way alone: without zeros at its end, and zero without a sign."""
    return value.normalize(_EXACT) or Decimal(0)


def _same(a: Value, b: Value) -> bool:
    """Whether two values are the same; true is not 1, and 1.50 is 1.5."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b
