"""Values and syntax trees as FEEL text.

What is written is read back as an equal value, or an equal tree. Source: DMN 1.5, 10.3.1.2.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import literals
from abpo_sdk.policies.feel.syntax import (
    Among,
    Arithmetic,
    Both,
    Call,
    Choice,
    Comparison,
    Either,
    Endpoint,
    Entries,
    Expr,
    Input,
    Interval,
    Items,
    Literal,
    Name,
    Negation,
    Not,
    Path,
    Test,
    UnaryTests,
)

_SPECIAL = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]')
LOOSE, AND, COMPARED, SUM, PRODUCT, POWER, TIGHT = range(7)
"""How tightly something binds, loosest first."""


def feel_text(value: Any) -> str:
    """A value as a literal of FEEL.

    Raises:
        FeelError: FEEL has no literal for it.

    >>> import datetime as dt
    >>> feel_text(["a", Decimal("0.50"), dt.date(2026, 1, 31), None])
    '["a", 0.50, date("2026-01-31"), null]'
    """
    if value is None:
        return "null"
    if isinstance(value, enum.Enum):
        return feel_text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return _number(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dt.datetime):
        return f'date and time("{_moment(value)}")'
    if isinstance(value, dt.date):
        return f'date("{value.isoformat()}")'
    if isinstance(value, dt.timedelta):
        return f'duration("{_duration(value)}")'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(feel_text, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(key))}: {feel_text(item)}" for key, item in value.items()) + "}"
    raise FeelError(f"{value!r} cannot be written in FEEL, which has no literal for a {type(value).__name__}")


def text_of(tree: Test | UnaryTests) -> str:
    """A syntax tree as text, with the parentheses that it needs.

    >>> text_of(Arithmetic("*", Arithmetic("+", Name("a"), Name("b c")), Literal(Decimal(2))))
    '(a + b c) * 2'
    """
    if isinstance(tree, UnaryTests):
        tests = ", ".join(text_of(test) for test in tree.tests)
        return f"not({tests})" if tree.negated else tests or "-"
    if isinstance(tree, Endpoint):
        return f"{tree.operator} {_bound(tree.value, SUM)}"
    return _bound(tree, LOOSE)


def _bound(tree: Expr, tightness: int) -> str:
    own, text = _written(tree)
    return f"({text})" if own < tightness else text


def _written(tree: Expr) -> tuple[int, str]:
    """The text of an expression, and how tightly it binds."""
    match tree:
        case Literal(value):
            return (TIGHT if _unsigned(value) else POWER), feel_text(value)
        case Name(name):
            return TIGHT, name
        case Path(of, name):
            return TIGHT, f"{_bound(of, TIGHT)}.{name}"
        case Input():
            return TIGHT, "?"
        case Negation(part):
            # a minus before a literal would make it a negative literal, and two would read as one sign
            inner = _bound(part, TIGHT)
            return POWER, f"-({inner})" if isinstance(part, Literal) and not inner.startswith("(") else f"-{inner}"
        case Arithmetic(operator, left, right):
            own = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "**": POWER}[operator]
            return own, f"{_left(left, own)} {operator} {_bound(right, own + 1)}"
        case Comparison(operator, left, right):
            return COMPARED, f"{_bound(left, SUM)} {operator} {_bound(right, SUM)}"
        case Both(left, right):
            return AND, f"{_bound(left, AND)} and {_bound(right, COMPARED)}"
        case Either(left, right):
            return LOOSE, f"{_loose(left)} or {_bound(right, AND)}"
        case Among(value, tests):
            return COMPARED, f"{_bound(value, SUM)} in {_tests(tests)}"
        case Choice(condition, one, other):
            return LOOSE, f"if {text_of(condition)} then {text_of(one)} else {text_of(other)}"
        case _:
            return TIGHT, _enclosed(tree)


def _enclosed(tree: Expr) -> str:
    """What has brackets of its own."""
    match tree:
        case Not(part):
            return f"not({text_of(part)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(text_of, arguments))})"
        case Interval(low, high, low_closed, high_closed):
            return f"{'[' if low_closed else '('}{text_of(low)}..{text_of(high)}{']' if high_closed else ')'}"
        case Items(items):
            return f"[{', '.join(map(text_of, items))}]"
        case Entries(entries):
            return "{" + ", ".join(f"{_quoted(key)}: {text_of(value)}" for key, value in entries) + "}"
    raise NotImplementedError(type(tree).__name__)


def _left(tree: Expr, own: int) -> str:
    """The left side of an operator; a minus there needs no parentheses, except for readers who think `-2 ** 2` is -4."""
    signed = isinstance(tree, Negation) or (isinstance(tree, Literal) and not _unsigned(tree.value))
    return _bound(tree, TIGHT if signed and own == POWER else own)


def _loose(tree: Expr) -> str:
    return f"({text_of(tree)})" if isinstance(tree, Choice) else _bound(tree, LOOSE)


def _tests(tests: tuple[Test, ...]) -> str:
    if len(tests) == 1 and isinstance(tests[0], (Interval, Items)):
        return text_of(tests[0])
    return f"({', '.join(map(text_of, tests))})"


def _unsigned(value: object) -> bool:
    return not isinstance(value, Decimal) or not value.is_signed()


def _number(value: float | Decimal) -> str:
    if isinstance(value, int):
        value = _bounded(value)
    if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        raise FeelError(f"{value!r} cannot be written in FEEL, which has finite numbers alone")
    number = decimal_of(value)
    try:
        literals.number_of(str(number.copy_abs()))
    except ValueError as error:
        raise FeelError(f"{error}, so it cannot be written") from None
    plain = format(number, "f")
    digits = len(plain.replace(".", "").lstrip("-0"))
    return plain if digits <= literals.DIGITS and len(plain) < 60 and "E+" not in str(number) else str(number)


def decimal_of(value: float | Decimal) -> Decimal:
    """A number as its shortest decimal; a whole float keeps a nought after the point, which tells it from an integer.

    >>> decimal_of(2.0), decimal_of(1e16), decimal_of(2)
    (Decimal('2.0'), Decimal('10000000000000000.0'), Decimal('2'))
    """
    if not isinstance(value, float):
        return Decimal(value)
    number = Decimal(repr(value))
    if number.adjusted() >= literals.DIGITS - 1:
        return number
    plain = f"{number:f}"
    return Decimal(plain if "." in plain else f"{plain}.0")


def _bounded(value: int) -> Decimal:
    if abs(value) >= 10**literals.DIGITS:
        raise FeelError(f"a whole number of more than {literals.DIGITS} digits cannot be written in FEEL")
    return Decimal(value)


def _quoted(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise FeelError(f"{text!r} cannot be written in FEEL: it holds what is no character, or NUL")
    return '"' + _ESCAPED.sub(lambda match: _SPECIAL.get(match[0], f"\\u{ord(match[0]):04X}"), text) + '"'


def _moment(value: dt.datetime) -> str:
    offset = value.utcoffset()
    if offset is None:
        raise FeelError(f"{value.isoformat()} is a time without a zone; say which zone it is in")
    if offset % dt.timedelta(minutes=1) or abs(offset) > dt.timedelta(hours=14, minutes=59):
        raise FeelError(f"{value.isoformat()} has a zone that FEEL cannot say")
    text = value.isoformat()
    return f"{text[:-6]}Z" if not offset else text


def _duration(value: dt.timedelta) -> str:
    """A duration as ISO 8601 has it.

    >>> _duration(dt.timedelta(days=-1, hours=-12)), _duration(dt.timedelta(0))
    ('-P1DT12H', 'PT0S')
    """
    size = abs(value)
    minutes, seconds = divmod(size.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    second = f"{seconds}.{size.microseconds:06d}".rstrip("0").rstrip(".") if size.microseconds else str(seconds)
    clock = "".join(
        f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M"), (second, "S")) if str(amount) != "0"
    )
    text = (f"{size.days}D" if size.days else "") + (f"T{clock}" if clock else "")
    return f"{'-' if value < dt.timedelta(0) else ''}P{text or 'T0S'}"
