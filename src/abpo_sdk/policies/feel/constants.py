"""Constants of FEEL, as the type of the field that they meet has them, and computed with each other."""

from __future__ import annotations

import datetime as dt
import enum
import math
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from abpo_sdk.conditions.kinds import Kind, written
from abpo_sdk.policies.feel import literals

DECIMAL128 = Context(
    prec=literals.DIGITS,
    rounding=ROUND_HALF_EVEN,
    Emax=literals.HIGHEST,
    Emin=literals.LOWEST,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""How numbers of FEEL are computed with (DMN 1.5, 10.3.2)."""


def fitted(value: Any, kind: Kind, operator: str = "=") -> Any:
    """A constant as a field of some kind has it: a whole number as an int, a text as the member of an enumeration.

    Args:
        value: the constant.
        kind: of the field.
        operator: what stands between the two.

    Raises:
        ValueError: the field's values are limited, or not declared, and this is none that surely fits.

    >>> fitted(Decimal("5"), Kind("integer")), fitted(Decimal("0.5"), Kind("float"))
    (5, 0.5)
    """
    if kind.sort == "choice":
        return _choice(value, kind)
    if type(value) is not Decimal:
        return value
    whole = value.as_tuple().exponent == 0 or (kind.sort == "integer" and _is_whole(value))
    if operator == "/" and kind.sort == "integer":
        return value  # exact in decimals, where two whole numbers would give a float
    if whole and value.adjusted() < literals.DIGITS and (kind.sort != "float" or abs(value) < 2**53):
        return int(value)
    if kind.sort == "float" or (kind.sort == "duration" and operator in ("*", "/")):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"{value} is too large for a float")
        return number
    if kind.sort == "other":
        raise ValueError(f"the field's type is not declared, so that it is not known how it holds {value}")
    return value


def _choice(value: Any, kind: Kind) -> Any:
    for choice in kind.choices:
        own = choice.value if isinstance(choice, enum.Enum) else choice
        if isinstance(value, bool) is isinstance(own, bool) and (
            own == value or (isinstance(own, float) and type(value) is Decimal and Decimal(repr(own)) == value)
        ):
            return choice
    shown = '"' + value + '"' if isinstance(value, str) else written(value)
    raise ValueError(f"{shown} is not {kind}")


def _is_whole(value: Decimal) -> bool:
    return value.adjusted() < literals.DIGITS and value == value.to_integral_value()


def computed(operator: str, left: Any, right: Any) -> Any:
    """Two constants, neither of them null, computed with each other in decimal128; None for a division by nought.

    Raises:
        ValueError: it means nothing for values of these types, or is out of bounds.

    >>> computed("/", Decimal(1), Decimal(3))
    Decimal('0.3333333333333333333333333333333333')
    """
    a, b = type(left), type(right)
    try:
        if a is Decimal and b is Decimal:
            return _number(operator, left, right)
        if a is str and b is str and operator == "+":
            return left + right
        if operator in "+-" and b is dt.timedelta and a in (dt.date, dt.datetime, dt.timedelta):
            return left + right if operator == "+" else left - right
        if operator == "+" and a is dt.timedelta and b in (dt.date, dt.datetime):
            return right + left
        if operator == "-" and a is b and a in (dt.date, dt.datetime):
            return left - right
        if a is dt.timedelta or b is dt.timedelta:
            return _duration(operator, left, right)
    except (OverflowError, Overflow):
        raise ValueError("it is out of bounds") from None
    raise ValueError(f"{_type(left)} {operator} {_type(right)} means nothing")


def _number(operator: str, left: Decimal, right: Decimal) -> Decimal | None:
    compute = {
        "+": DECIMAL128.add,
        "-": DECIMAL128.subtract,
        "*": DECIMAL128.multiply,
        "/": DECIMAL128.divide,
        "**": DECIMAL128.power,
    }
    try:
        return compute[operator](left, right)
    except (DivisionByZero, InvalidOperation):
        return None  # FEEL's own answer (DMN 1.5, 10.3.2)


def _duration(operator: str, left: Any, right: Any) -> Any:
    if operator == "/" and type(left) is type(right) is dt.timedelta:
        return _number("/", _micros(left), _micros(right))
    if operator == "*" and type(right) is dt.timedelta:
        left, right = right, left
    if operator in "*/" and type(left) is dt.timedelta and type(right) is Decimal:
        size = _number(operator, _micros(left), right)
        return None if size is None else dt.timedelta(microseconds=int(size.to_integral_value(ROUND_HALF_EVEN)))
    raise ValueError(f"{_type(left)} {operator} {_type(right)} means nothing")


def _micros(value: dt.timedelta) -> Decimal:
    return Decimal(value // dt.timedelta(microseconds=1))


def _type(value: Any) -> str:
    names = {
        Decimal: "number",
        str: "text",
        bool: "true or false",
        dt.datetime: "date and time",
        dt.timedelta: "duration",
    }
    return names.get(type(value), type(value).__name__)
