"""What sorts of value there are for a condition, which of them compare, and how each is written for people."""

from __future__ import annotations

import datetime as dt
import enum
import math
import types
import typing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from abpo_sdk.errors import MistypedInput, UnlikeTypes
from abpo_sdk.values.money import Money
from abpo_sdk.values.traversal import is_typed_dict

Sort = Literal[
    "integer",
    "decimal",
    "float",
    "money",
    "text",
    "truth",
    "date",
    "time",
    "clock",
    "duration",
    "choice",
    "model",
    "list",
    "other",
]
"""A `time` is a moment (a datetime with a zone), a `clock` a time of day (without one)."""

NUMBERS: frozenset[Sort] = frozenset({"integer", "decimal", "float"})
ORDERED: frozenset[Sort] = NUMBERS | {"date", "time", "duration"}
"""The sorts whose values lie on one line, all of a sort."""

COMPARED: frozenset[Sort] = ORDERED | {"money", "clock"}
"""The sorts that `<` and the like take; money only with money of its own currency."""

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
    (dt.time, "clock"),
    (dt.timedelta, "duration"),
    (Money, "money"),
)

LONG = 2_000
"""Integers of so many bits are longer than Python may be told to write (`sys.set_int_max_str_digits`)."""

LISTS = (list, tuple, set, frozenset)

WORDS: dict[Sort, str] = {"truth": "true or false", "clock": "time of day", "other": "value"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of value there is.

    Args:
        sort: the sort.
        choices: the values, where they are limited; of a constant, its own.
        type: the class behind it.
        optional: whether there may be none.
        item: of a list, the annotation of one item; None where that is not known.
        currency: of money, its currency where that is known when the condition is written.
    """

    sort: Sort
    choices: tuple[Any, ...] = ()
    type: Any = None
    optional: bool = False
    item: Any = None
    currency: str | None = None

    def __str__(self) -> str:
        if self.sort == "choice":
            return "one of " + ", ".join(written(c) for c in self.choices)
        return WORDS.get(self.sort, self.sort)


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
            return _kind_of_union(kinds, optional=optional)
        return Kind("other", optional=optional)
    if origin is typing.Literal:
        return Kind("choice", typing.get_args(annotation))
    if origin in LISTS or annotation in LISTS:
        return Kind("list", item=_item_of(typing.get_args(annotation)))
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


def _kind_of_union(kinds: list[Kind], *, optional: bool) -> Kind:
    """The kind of a union of kinds of one sort."""
    first = kinds[0]
    choices = tuple(dict.fromkeys(choice for kind in kinds for choice in kind.choices)) if len(kinds) > 1 else None
    items = [kind.item for kind in kinds]
    item = None if None in items else typing.Union[tuple(items)]  # noqa: UP007  of a list that is made here
    return replace(first, choices=first.choices if choices is None else choices, optional=optional, item=item)


def _item_of(args: tuple[Any, ...]) -> Any:
    """The annotation of one item of a list with these arguments; of `tuple[int, str]` either."""
    of = tuple(arg for arg in args if arg is not Ellipsis and arg != ())
    return typing.Union[of] if of else None  # noqa: UP007  as above


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
            return Kind(sort, (value,), currency=value.currency if isinstance(value, Money) else None)
    return Kind("other", type=type(value))


def unfit(value: object) -> str | None:
    """Why a value of a known type must not be compared, or None."""
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    if isinstance(value, Decimal) and not value.is_finite():
        return "not a finite number"
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return "a time without a zone"
    if isinstance(value, dt.time) and value.tzinfo is not None:
        return "a time of day with a zone"
    return None


def check_value(value: object, kind: Kind, name: str, mask: str | None = None) -> None:
    """Refuse what a case holds where the declared kind is another; `mask` is shown in place of a personal value.

    Raises:
        MistypedInput: naming the field and the value.
    """
    problem = unfit(value)
    if problem is None and kind.sort not in ("other", "model"):
        problem = _mistyped(value, kind)
    if problem:
        raise MistypedInput(f"{name} is {mask or given(value)}, {problem}; correct the case before it is decided")


def _mistyped(value: object, kind: Kind) -> str | None:
    if kind.sort == "choice":
        return None if value in kind.choices else f"not {kind}"
    if kind.sort == "list":
        return None if isinstance(value, LISTS) else f"a {type(value).__name__} where list is declared"
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
    if "money" in (a, b):
        check_money(left, right, shown)
    elif a == "choice" or b == "choice":
        _check_choice(left, operator, right, shown)
    elif a != b and not (a in NUMBERS and b in NUMBERS):
        raise UnlikeTypes(f"{shown}: {left} and {right} do not compare")
    elif operator not in ("==", "!=") and a not in COMPARED:
        raise UnlikeTypes(f"{shown}: {left} has no order; use == or is_in")


def check_money(left: Kind, right: Kind, shown: str) -> None:
    """Refuse to compare or add money with what is no money, or of another currency.

    Raises:
        UnlikeTypes: with the condition as it would read.
    """
    if left.sort != right.sort:
        other = right if left.sort == "money" else left
        if other.sort not in NUMBERS:
            raise UnlikeTypes(f"{shown}: {left} and {right} do not compare")
        number = "Decimal('0.10')" if other.sort == "float" else "100"
        raise UnlikeTypes(
            f"{shown}: money has a currency, and {'a float' if other.sort == 'float' else 'a number'} has none; "
            f"write Money.of({number}, 'EUR'), or compare the field's .amount and .currency"
        )
    if None not in (left.currency, right.currency) and left.currency != right.currency:
        raise UnlikeTypes(f"{shown}: {left.currency} and {right.currency} are different currencies")


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
    if isinstance(value, int):  # of long ones, Python writes none that is no decimal
        return f"{value:,}" if value.bit_length() < LONG else f"{Decimal(value):,f}"
    if isinstance(value, Decimal):
        return f"{value:,}" if value.is_finite() else str(value)
    if isinstance(value, float):
        short = f"{value:,.10g}"
        return short if float(short.replace(",", "")) == value else f"{value:,}"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="auto" if value.second or value.microsecond else "minutes")
    if isinstance(value, dt.time):
        return value.isoformat(timespec="auto" if value.second or value.microsecond else "minutes")
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(written, value))) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    return str(value)


def given(value: object) -> str:
    """A value of a case for an error, as Python writes it, whatever it is.

    >>> given("a"), given([10**5_000])
    ("'a'", 'a list that cannot be written')
    """
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  of an integer that is too long, or a class of the user's
        return written(value) if type(value) is int else f"a {type(value).__name__} that cannot be written"


def exact(value: object) -> str:
    """A value as the same text for the same value alone (of one sort), for hashes.

    >>> exact(0.1 + 0.2), exact(dt.datetime(2026, 3, 1, 12, 0, 1, tzinfo=dt.UTC))
    ('0.30000000000000004', '2026-03-01T12:00:01+00:00')
    """
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (dt.datetime, dt.time)):
        return value.isoformat()
    return repr(value) if isinstance(value, (list, tuple)) else written(value)
