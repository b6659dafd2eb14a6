"""A value that lies between two others, of a sort that has an order."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from abpo_sdk.conditions.kinds import Sort

SECOND = 1_000_000
"""Microseconds in one."""

EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
PRECISE = Context(prec=120)


def between(sort: Sort, low: Any, high: Any, near: Any = None, *, exactly: bool = False) -> Any:
    """A value strictly between two, either of which may be None (no end); None where nothing lies there.

    Args:
        sort: one that has an order.
        low: the lower end.
        high: the upper end.
        near: a value: what is given lies at the end nearest to it, as close as is readable. None: somewhere in the middle.
        exactly: the value `low` itself, in the type of the sort; None where it has none (no integer is 3.5).

    >>> between("integer", 3, 4), between("integer", 100, None, 50), between("decimal", 3, 4, 7)
    (None, 101, Decimal('3.99'))
    """
    if exactly:
        return _same(sort, low)
    if sort == "integer":
        return _on_grid(low, high, near, (math.floor, math.ceil, int), step=1)
    if sort == "date":
        day = (dt.date.toordinal, dt.date.toordinal, dt.date.fromordinal)
        return _on_grid(low, high, near, day, step=1, start=EPOCH.date().toordinal())
    if sort == "time":
        zone = next((end.tzinfo for end in (low, high) if end is not None), dt.UTC)
        since = lambda time: (time - EPOCH) // dt.timedelta(microseconds=1)  # noqa: E731
        moment = lambda number: (EPOCH + dt.timedelta(microseconds=number)).astimezone(zone)  # noqa: E731
        return _on_grid(low, high, near, (since, since, moment), step=60 * SECOND)
    if sort == "duration":
        length = lambda time: time // dt.timedelta(microseconds=1)  # noqa: E731
        lasting = lambda number: dt.timedelta(microseconds=number)  # noqa: E731
        return _on_grid(low, high, near, (length, length, lasting), step=SECOND)
    return _dense(sort, low, high, near)


def _same(sort: Sort, value: Any) -> Any:
    if sort == "integer":
        return int(value) if value == math.floor(value) else None
    if sort == "decimal":
        return Decimal(value)
    if sort == "float":
        return float(value) if -(2**53) <= value <= 2**53 else value
    return value


def _on_grid(
    low: Any,
    high: Any,
    near: Any,
    to: tuple[Callable[[Any], int], Callable[[Any], int], Callable[[int], Any]],
    *,
    step: int,
    start: int = 0,
) -> Any:
    """Of a sort whose values have neighbours; `step` is kept from the ends where there is room for it."""
    down, up, back = to
    first = None if low is None else down(low) + 1
    last = None if high is None else up(high) - 1
    if first is not None and last is not None and first > last:
        return None
    at_low = None if first is None else first - 1 + step
    at_high = None if last is None else last + 1 - step
    if at_low is None:
        number = start if at_high is None else at_high
    elif at_high is None:
        number = at_low
    elif at_low > at_high:  # no room for a whole step
        number = (first + last) // 2 if first is not None and last is not None else at_low
    elif near is None:
        number = (at_low + at_high) // 2
    else:
        number = at_high if near >= high else at_low
    try:
        return back(number)
    except (OverflowError, ValueError):  # beyond the last date, or before the first
        ends = [end for end in (first, last) if end is not None]
        try:
            return back(ends[0]) if ends else None
        except (OverflowError, ValueError):
            return None


def _dense(sort: Sort, low: Any, high: Any, near: Any) -> Any:
    """Of decimals and floats: a cent from the end where there is room, else the middle."""
    exact: Any = Decimal if sort == "decimal" else _float
    if low is None and high is None:
        return exact(0)
    if low is None or high is None:
        away = (Decimal("0.01") if sort == "decimal" else 0.01) if near is not None else exact(1)
        found = _sum(exact(high), -away) if low is None else _sum(exact(low), away)
        if (low is None or low < found) and (high is None or found < high) and found - found == 0:
            return found
        return _beside(low, high) if sort == "float" else None
    a, b = exact(low), exact(high)
    if near is not None:
        cent = Decimal("0.01") if sort == "decimal" else 0.01
        found = _sum(b, -cent) if near >= high else _sum(a, cent)
        if low < found < high:
            return found
    if sort == "float" and math.isinf(a) != math.isinf(b):
        return _beside(None, high) if math.isinf(a) else _beside(low, None)
    for digits in range(25):  # the shortest that lies between
        found = round(_middle(a, b), digits) if sort == "float" else _rounded(_middle(a, b), digits)
        if low < found < high:
            return found
    found = _middle(a, b)
    return found if low < found < high else None


def _float(value: Any) -> float:
    """A number as a float; infinite where it is beyond all of them."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _sum(a: Any, b: Any) -> Any:
    return PRECISE.add(a, b) if isinstance(a, Decimal) else a + b


def _middle(a: Any, b: Any) -> Any:
    return PRECISE.divide(PRECISE.add(a, b), Decimal(2)) if isinstance(a, Decimal) else a / 2 + b / 2


def _rounded(value: Decimal, digits: int) -> Decimal:
    if value.adjusted() + digits > PRECISE.prec - 2:
        return value
    return value.quantize(Decimal(1).scaleb(-digits), context=PRECISE)


def _beside(low: Any, high: Any) -> Any:
    """The next float beyond one end; None where there is none."""
    end = _float(low if low is not None else high)
    if math.isinf(end):  # beyond all floats: those on this side of it
        return None if (end > 0) == (low is not None) else math.copysign(sys.float_info.max, end)
    found = math.nextafter(end, math.inf if low is not None else -math.inf)
    return found if math.isfinite(found) and found != end else None
