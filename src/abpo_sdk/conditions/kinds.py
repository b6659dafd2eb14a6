"""What sorts of value there are for a condition, which of them compare, and how each is written for people."""

from __future__ import annotations

import datetime as dt
import enum
import math
import types
import typing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from abpo_sdk.errors import MistypedInput, UnlikeTypes
from abpo_sdk.values.traversal import is_typed_dict

Sort = Literal[
    "integer", "decimal", "float", "text", "truth", "date", "time", "duration", "choice", "model", "list", "other"
]

NUMBERS: frozenset[Sort] = frozenset({"integer", "decimal", "float"})
ORDERED: frozenset[Sort] = NUMBERS | {"date", "time", "duration"}

SORTS: tuple[
    tuple[type, Sort], ...
] = (  # bool before int and datetime before date: the first are subclasses of the second
    (bool, "truth"),
    (int, "integer"),
    (Decimal, "decimal"),
    (float, "float"),
    (str, "text"),
    (dt.datetime, "time"),
    (dt.date, "date"),
    (dt.timedelta, "duration"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """The sort of a value, the values where they are limited (of a constant: its own), and the class behind it."""

    sort: Sort
    choices: tuple[Any, ...] = ()
    type: Any = None
    optional: bool = False

    def __str__(self) -> str:
        if self.sort == "choice":
            return "one of " + ", ".join(written(c) for c in self.choices)
        return {"truth": "true or false", "time": "time", "other": "value"}.get(self.sort, self.sort)


def kind_of_annotation(annotation: Any) -> Kind:
    """The kind that an annotated field holds."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return kind_of_annotation(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(annotation) if part is not type(None)]
        kinds = [kind_of_annotation(part) for part in parts]
        optional = len(parts) < len(typing.get_args(annotation))
        if len(kinds) == 1 or len({k.sort for k in kinds}) == 1:
            return Kind(kinds[0].sort, kinds[0].choices, kinds[0].type, optional)
        return Kind("other", optional=optional)
    if origin is typing.Literal:
        return Kind("choice", typing.get_args(annotation))
    if origin in (list, tuple, set, frozenset) or annotation in (list, tuple, set, frozenset):
        return Kind("list")
    if isinstance(annotation, type):
        if issubclass(annotation, enum.Enum):
            return Kind("choice", tuple(annotation), annotation)
        for type_, sort in SORTS:
            if issubclass(annotation, type_):
                return Kind(sort)
        if (
            hasattr(annotation, "model_fields")
            or hasattr(annotation, "__dataclass_fields__")
            or is_typed_dict(annotation)
        ):
            return Kind("model", type=annotation)
    return Kind("other")


def kind_of_value(value: object) -> Kind:
    """The kind of a constant in a condition.

    Raises:
        UnlikeTypes: a constant that no case could be compared with (NaN, infinite, a time without a zone, None).
    """
    if value is None:
        raise UnlikeTypes("a field is compared with None; write field.is_missing()")
    if isinstance(value, enum.Enum):
        return Kind("choice", (value,), type(value))
    for type_, sort in SORTS:
        if isinstance(value, type_):
            problem = unfit(value)
            if problem:
                raise UnlikeTypes(f"a condition compares with {value!r}, which is {problem}")
            return Kind(sort, (value,))
    return Kind("other", type=type(value))


def unfit(value: object) -> str | None:
    """Why a value of a known type must not be compared, or None."""
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    if isinstance(value, Decimal) and not value.is_finite():
        return "not a finite number"
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return "a time without a zone"
    return None


def check_value(value: object, kind: Kind, name: str, mask: str | None = None) -> None:
    """Refuse what a case holds where the declared kind is another; `mask` is shown in place of a personal value.

    Raises:
        MistypedInput: naming the field and the value.
    """
    problem = unfit(value)
    if problem is None and kind.sort not in ("other", "model", "list"):
        problem = _mistyped(value, kind)
    if problem:
        raise MistypedInput(f"{name} is {mask or repr(value)}, {problem}; correct the case before it is decided")


def _mistyped(value: object, kind: Kind) -> str | None:
    if kind.sort == "choice":
        return None if value in kind.choices else f"not {kind}"
    actual = next((sort for type_, sort in SORTS if isinstance(value, type_)), None)
    if (
        actual == kind.sort
        or (kind.sort == "float" and actual == "integer")
        or (kind.sort == "decimal" and actual == "integer")
    ):
        return None
    return f"a {type(value).__name__} where {kind} is declared"


def check_alike(left: Kind, operator: str, right: Kind, shown: str) -> None:
    """Refuse to compare or add unlike things.

    Raises:
        UnlikeTypes: with the condition as it would read.
    """
    a, b = left.sort, right.sort
    if "other" in (a, b) and operator in ("==", "!="):
        return
    if {a, b} == {"decimal", "float"}:
        raise UnlikeTypes(f"{shown}: an exact decimal and a float do not mix; write Decimal('0.1') instead of 0.1")
    if a == "choice" or b == "choice":
        _check_choice(left, operator, right, shown)
    elif a != b and not (a in NUMBERS and b in NUMBERS):
        raise UnlikeTypes(f"{shown}: {left} and {right} do not compare")
    elif operator not in ("==", "!=") and a not in ORDERED:
        raise UnlikeTypes(f"{shown}: {left} has no order; use == or is_in")


def _check_choice(left: Kind, operator: str, right: Kind, shown: str) -> None:
    if operator not in ("==", "!="):
        raise UnlikeTypes(f"{shown}: {left} has no order; use == or is_in")
    if left.sort != "choice" and right.sort == "choice":
        left, right = right, left
    if right.choices and not any(choice in left.choices for choice in right.choices):
        raise UnlikeTypes(f"{shown}: the field is {left}")
    if not right.choices and not any(isinstance(choice, type_) for choice in left.choices for type_ in _types(right)):
        raise UnlikeTypes(f"{shown}: {left} and {right} do not compare")


def _types(kind: Kind) -> tuple[type, ...]:
    if kind.sort in NUMBERS:
        return (int, Decimal, float)
    return tuple(type_ for type_, sort in SORTS if sort == kind.sort)


def written(value: object) -> str:
    """A value as a person would write it: digits grouped, texts in quotes.

    >>> written(Decimal("12400.50")), written("refer"), written(True)
    ('12,400.50', "'refer'", 'true')
    """
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return f"{value:,}" if not isinstance(value, Decimal) or value.is_finite() else str(value)
    if isinstance(value, float):
        short = f"{value:,.10g}"
        return short if float(short.replace(",", "")) == value else f"{value:,}"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="auto" if value.second or value.microsecond else "minutes")
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(written, value))) + "}"
    return str(value)


def exact(value: object) -> str:
    """A value as the same text for the same value alone (of one sort), for hashes.

    >>> exact(0.1 + 0.2), exact(dt.datetime(2026, 3, 1, 12, 0, 1, tzinfo=dt.UTC))
    ('0.30000000000000004', '2026-03-01T12:00:01+00:00')
    """
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return written(value)
