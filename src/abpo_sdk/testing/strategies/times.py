"""Dates, times and durations for made cases: aware, in UTC, and often at an edge of the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError

MOMENT = dt.timedelta(microseconds=1)
DAY = dt.timedelta(days=1)

USUAL_DATES = (dt.date(1990, 1, 1), dt.date(2060, 12, 31))
PAST, FUTURE = dt.date(2020, 1, 1), dt.date(2100, 1, 1)
"""What lies behind and before every clock that is set right."""

CALENDAR = (
    dt.date(2026, 1, 1),
    dt.date(2025, 12, 31),
    dt.date(2024, 2, 29),  # a leap day
    dt.date(2026, 2, 28),
    dt.date(2026, 3, 29),  # summer time begins in Europe
    dt.date(2026, 10, 25),  # and ends
    dt.date(1970, 1, 1),
    dt.date(2000, 2, 29),
)
LONG = dt.timedelta(days=3650)


def dates(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[dt.date]:
    """Days that a schema takes."""
    low, high = _limits(schema, dt.date.min, dt.date.max, DAY, lambda day: day)
    if schema.get("now_op") == "past":
        high = min(high, PAST)
    elif schema.get("now_op") == "future":
        low = max(low, FUTURE)
    _check(low, high, schema, where)
    named = [value for value in near if isinstance(value, dt.date) and not isinstance(value, dt.datetime)]
    edges = _within(low, high, DAY, [*CALENDAR, *_bounds(schema, low, high), *named])
    usual = st.dates(*_usual(low, high, *USUAL_DATES))
    return st.one_of(st.sampled_from(edges), usual) if edges else usual


def datetimes(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[dt.datetime]:
    """Moments that a schema takes, in UTC.

    Raises:
        DefinitionError: it takes times without a zone alone, which no ledger stores.
    """
    zone = schema.get("tz_constraint")
    if zone == "naive" or (isinstance(zone, int) and zone != 0):
        raise DefinitionError(f"{where}: it takes times that are not in UTC alone; declare it as AwareDatetime")
    start, end = dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
    low, high = _limits(schema, start, end, MOMENT, _in_utc)
    if schema.get("now_op") == "past":
        high = min(high, _midnight(PAST))
    elif schema.get("now_op") == "future":
        low = max(low, _midnight(FUTURE))
    _check(low, high, schema, where)
    named = [_in_utc(value) for value in near if isinstance(value, dt.datetime)]
    edges = _within(low, high, MOMENT, [*map(_midnight, CALENDAR), *_bounds(schema, low, high), *named])
    first, last = _usual(low, high, *map(_midnight, USUAL_DATES))
    usual = st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None), timezones=st.just(dt.UTC)).map(_once)
    return st.one_of(st.sampled_from(edges), usual) if edges else usual


def times(schema: Mapping[str, Any], where: str) -> st.SearchStrategy[dt.time]:
    """Times of the day that a schema takes."""
    low = max((schema[name] for name in ("ge", "gt") if name in schema), default=dt.time.min)
    high = min((schema[name] for name in ("le", "lt") if name in schema), default=dt.time.max)
    _check(low, high, schema, where)
    zone = dt.UTC if schema.get("tz_constraint") == "aware" else low.tzinfo
    made = st.times(low.replace(tzinfo=None), high.replace(tzinfo=None)).map(lambda time: time.replace(tzinfo=zone))
    return made.filter(lambda time: time != schema.get("gt") and time != schema.get("lt"))


def durations(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[dt.timedelta]:
    """Spans of time that a schema takes."""
    low, high = _limits(schema, -LONG, LONG, MOMENT, lambda span: span)
    _check(low, high, schema, where)
    named = [value for value in near if isinstance(value, dt.timedelta)]
    around = [dt.timedelta(0), dt.timedelta(hours=1), DAY, *_bounds(schema, low, high), *named]
    edges = _within(low, high, MOMENT, around)
    usual = st.timedeltas(low, high)
    return st.one_of(st.sampled_from(edges), usual) if edges else usual


def _limits(schema: Mapping[str, Any], low: Any, high: Any, step: dt.timedelta, read: Any) -> tuple[Any, Any]:
    for name, value in schema.items():
        if name == "ge":
            low = max(low, read(value))
        elif name == "gt":
            low = max(low, read(value) + step)
        elif name == "le":
            high = min(high, read(value))
        elif name == "lt":
            high = min(high, read(value) - step)
    return low, high


def _bounds(schema: Mapping[str, Any], low: Any, high: Any) -> list[Any]:
    """The limits, where the model set them."""
    return [
        limit
        for limit, names in ((low, ("ge", "gt", "now_op")), (high, ("le", "lt", "now_op")))
        if any(name in schema for name in names)
    ]


def _within(low: Any, high: Any, step: dt.timedelta, around: Iterable[Any]) -> list[Any]:
    """Each value with its two neighbours, as far as these exist and lie within the limits."""
    found: dict[Any, None] = {}
    for value in around:
        for by in (step * 0, -step, step):
            try:
                moved = value + by
            except OverflowError:
                continue
            if low <= moved <= high:
                found[moved] = None
    return list(found)


def _usual(low: Any, high: Any, first: Any, last: Any) -> tuple[Any, Any]:
    """The usual range as far as it lies within the limits; else these."""
    start, end = max(low, first), min(high, last)
    return (start, end) if start <= end else (low, high)


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _once(moment: dt.datetime) -> dt.datetime:
    """The moment without the mark of a repeated hour, of which UTC has none."""
    return moment.replace(fold=0)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _check(low: Any, high: Any, schema: Mapping[str, Any], where: str) -> None:
    if low > high:
        limits = ", ".join(f"{name}={schema[name]}" for name in ("ge", "gt", "le", "lt", "now_op") if name in schema)
        raise DefinitionError(f"{where}: nothing has {limits}; correct the limits of the model")
