"""The times over which sums are limited: days, weeks and months of a named time zone, or so long at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from abpo_sdk.errors import DefinitionError

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = ("day", "week", "month")

LONGEST = timedelta(days=36_525)
TICK = timedelta(microseconds=1)
"""The smallest step of a clock's text."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time from `since` until just before `until`."""

    since: datetime
    until: datetime


def named_zone(name: object, what: str) -> ZoneInfo:
    """The time zone of a name.

    Raises:
        DefinitionError: there is none.
    """
    try:
        return ZoneInfo(name)  # type: ignore[arg-type]
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise DefinitionError(f"{what}: zone={name!r} is no time zone; write one such as 'Europe/Berlin'") from error


def check_duration(duration: object, what: str) -> timedelta:
    """Refuse what is no duration that could be counted over.

    Raises:
        DefinitionError: no timedelta, none of whole seconds, none above zero, or longer than `LONGEST`.
    """
    if not isinstance(duration, timedelta):
        raise DefinitionError(f"{what}={duration!r} is no duration; write timedelta(days=7)")
    if duration.microseconds or not timedelta(0) < duration <= LONGEST:
        raise DefinitionError(f"{what}={duration} must be whole seconds, at least one and at most {LONGEST.days} days")
    return duration


def in_words(duration: timedelta) -> str:
    """A duration of whole seconds for people.

    >>> in_words(timedelta(days=7)), in_words(timedelta(hours=36)), in_words(timedelta(minutes=90))
    ('7 days', '36 hours', '1:30:00')
    """
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        number, rest = divmod(duration, length)
        if not rest:
            return f"{number} {unit}{'s' * (number > 1)}"
    return str(duration)


def check_aware(moment: object, what: str) -> datetime:
    """Refuse a time without a zone.

    Raises:
        DefinitionError: naming it.
    """
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise DefinitionError(f"{what}={moment!r} is no time with a zone; write datetime(2026, 3, 1, tzinfo=UTC)")
    return moment


def calendar_window(period: Period, zone: ZoneInfo, at: datetime) -> Window:
    """The day, week (from Monday, ISO 8601) or month of a zone's calendar that a moment is in, as times in UTC.

    A period begins at midnight of its first day; where the clocks go back over midnight, at the first of the two; where they go
    forward over it, at the moment that midnight would have been. So every moment is in one period alone, and a day may have 23 or
    25 hours.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> window = calendar_window("day", berlin, datetime(2026, 3, 29, 12, tzinfo=UTC))
    >>> window.until - window.since
    datetime.timedelta(seconds=82800)
    """
    first = _first_day(period, at.astimezone(zone).date())
    while at < _midnight(first, zone):
        first = _first_day(period, first - timedelta(days=1))
    while at >= _midnight(_next_first(period, first), zone):
        first = _next_first(period, first)
    return Window(_midnight(first, zone), _midnight(_next_first(period, first), zone))


def near(at: datetime, duration: timedelta) -> Window:
    """Every moment that lies less than `duration` from this one.

    What lies before it are the approvals of the window that ends now. What lies after it there is only where the clock was set back,
    and counts too, so that no window of this length, wherever it ends, holds more than its limit.
    """
    at = at.astimezone(UTC)
    return Window(at - duration + TICK, at + duration)


def _first_day(period: Period, day: date) -> date:
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def _next_first(period: Period, first: date) -> date:
    if period == "month":
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first + timedelta(days=7 if period == "week" else 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
