"""What a decision gives beside its outcome, as JSON that says what is a decimal, a whole float, a date, a time or a duration."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from abpo_sdk.errors import LossyRoundTrip, NotCanonical
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.clock import from_text, to_text
from abpo_sdk.values.encoded import JsonValue

PLAIN = (str, int, float, bool, type(None))
"""The types that stand in JSON as they are."""


def _seconds(duration: dt.timedelta) -> str:
    units = duration // dt.timedelta(microseconds=1)
    whole, part = divmod(abs(units), 1_000_000)  # in integers: a caller's decimal context rounds nothing
    return f"{'-' * (units < 0)}{whole}{f'.{part:06d}'.rstrip('0') if part else ''}"


def _duration(seconds: str) -> dt.timedelta:
    whole, _, part = seconds.removeprefix("-").partition(".")
    units = int(whole) * 1_000_000 + int(f"{part:0<6}")
    return dt.timedelta(microseconds=-units if seconds.startswith("-") else units)


WRITTEN: tuple[tuple[type, str, Callable[[Any], str], Callable[[str], Any]], ...] = (
    (Decimal, "decimal", str, Decimal),
    (float, "float", repr, float),  # a whole one: canonical JSON writes 3.0 as 3, which is another type
    (dt.datetime, "time", to_text, from_text),
    (dt.date, "date", dt.date.isoformat, dt.date.fromisoformat),
    (dt.timedelta, "seconds", _seconds, _duration),
)
"""The types that JSON has no form for: each type, how it is called, and how it is written and read."""


def encode_output(output: Mapping[str, Any]) -> dict[str, JsonValue]:
    """An output as JSON; a decimal is {"decimal": "1.50"}.

    Raises:
        LossyRoundTrip: it holds what would not come back as it is.

    >>> encode_output({"amount": Decimal("1.50"), "days": 3})
    {'amount': {'decimal': '1.50'}, 'days': 3}
    """
    return {_name(name): encode_value(value, name) for name, value in output.items()}


def encode_value(value: Any, name: str) -> JsonValue:
    """One value of an output as JSON.

    Raises:
        LossyRoundTrip: it would not come back as it is.
        DefinitionError: a time without a zone.
    """
    if (isinstance(value, Decimal) and not value.is_finite()) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise LossyRoundTrip(f"the output {name!r} is {value}, which is no number; give one")
    if type(value) in PLAIN and not (isinstance(value, float) and value.is_integer()):
        try:
            canonical_bytes(value)
        except NotCanonical as error:
            raise LossyRoundTrip(f"the output {name!r} cannot be written down: {error}") from None
        return value
    if type(value) is tuple:
        return [encode_value(item, name) for item in value]
    for kind, said, write, _ in WRITTEN:
        if type(value) is kind:
            return {said: write(value)}
    raise LossyRoundTrip(
        f"the output {name!r} is a {type(value).__name__}; an output holds texts, numbers, truths, Decimals, dates, times, "
        "durations, and tuples of these"
    )


def decode_output(tree: Mapping[str, JsonValue]) -> dict[str, Any]:
    """The output that was written.

    >>> decode_output({"amount": {"decimal": "1.50"}, "days": 3})
    {'amount': Decimal('1.50'), 'days': 3}
    """
    return {name: decode_value(value) for name, value in tree.items()}


def decode_value(value: JsonValue) -> Any:
    """One value of an output."""
    if isinstance(value, list):
        return tuple(map(decode_value, value))
    if not isinstance(value, dict):
        return value
    ((said, text),) = value.items()
    return next(read for _, name, _, read in WRITTEN if name == said)(text)


def same_value(a: JsonValue, b: JsonValue) -> bool:
    """Whether two written values are the same; a decimal is what it amounts to, however many zeros it ends with.

    >>> same_value({"decimal": "1.5"}, {"decimal": "1.50"}), same_value(1, {"decimal": "1"})
    (True, False)
    """
    return comparable_value(a) == comparable_value(b)


def comparable_value(value: JsonValue) -> tuple[str, JsonValue]:
    """A written value in the form in which it is compared with others: its type, and what it amounts to.

    >>> comparable_value({"decimal": "1.50"}), comparable_value(True)
    (('decimal', '1.5'), ('bool', True))
    """
    if isinstance(value, list):
        return "list", [list(comparable_value(item)) for item in value]
    if not isinstance(value, dict):
        return type(value).__name__, value
    ((said, text),) = value.items()
    if said != "decimal":
        return said, text
    number = Decimal(text)
    sign, digits, exponent = number.as_tuple()
    plain = "".join(map(str, digits)).lstrip("0")
    shorter = plain.rstrip("0")
    if not shorter:
        return said, "0"
    power = int(exponent) + len(plain) - len(shorter)
    return said, str(Decimal((sign, tuple(map(int, shorter)), power)))


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise LossyRoundTrip(f"an output is named {name!r}; give a text")
    return name
