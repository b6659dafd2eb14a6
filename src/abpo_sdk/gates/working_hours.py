"""Working hours: declared by the clock on the wall, read as stretches of time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from abpo_sdk.errors import DefinitionError
from abpo_sdk.values.code import code_version

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Shift = tuple[time, time]
"""Start and end; an end of `time(0)` is midnight at the end of the day."""

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MIDNIGHT = time(0)
DAY = timedelta(days=1)


def read_week(hours: Mapping[Weekday, Sequence[Shift]] | Shift, *, what: str) -> tuple[tuple[Shift, ...], ...]:
    """The shifts of each day from Monday to Sunday, in order.

    Args:
        hours: the shifts of each weekday, or one shift for Monday to Friday.
        what: whose hours these are, for messages.

    Raises:
        DefinitionError: an unknown weekday; a shift that is empty, backwards, overlaps another one or is made of other
            things than plain times of day; no shift at all.

    >>> read_week({"tue": [(time(13), time(0)), (time(8), time(12))]}, what="the desk")[1]
    ((datetime.time(8, 0), datetime.time(12, 0)), (datetime.time(13, 0), datetime.time(0, 0)))
    """
    if not isinstance(hours, Mapping):
        hours = dict.fromkeys(WEEKDAYS[:5], (hours,))
    unknown = [day for day in hours if day not in WEEKDAYS]
    if unknown:
        raise DefinitionError(f"{what}: hours= of {unknown[0]!r}, which is no weekday; those are {', '.join(WEEKDAYS)}")
    week = tuple(_read_day(hours.get(day, ()), f"{what}: hours= of {day!r}") for day in WEEKDAYS)
    if not any(week):
        raise DefinitionError(f"{what}: hours={hours!r} hold no working time; give at least one shift")
    return week


def _read_day(shifts: Sequence[Shift], what: str) -> tuple[Shift, ...]:
    if not isinstance(shifts, Sequence) or isinstance(shifts, str):
        raise DefinitionError(f"{what}: {shifts!r} are no shifts; write a list such as [(time(9), time(17))]")
    read = sorted(_read_shift(shift, what) for shift in shifts)
    for before, after in pairwise(read):
        if before[1] == MIDNIGHT or after[0] < before[1]:
            raise DefinitionError(f"{what}: the shifts {_text(before)} and {_text(after)} overlap")
    return tuple(read)


def _read_shift(shift: Shift, what: str) -> Shift:
    if not isinstance(shift, tuple | list) or len(shift) != 2 or not all(isinstance(at, time) for at in shift):
        raise DefinitionError(f"{what}: {shift!r} is no shift; write a start and an end, such as (time(9), time(17))")
    start, end = shift
    if any(at.tzinfo is not None or at.fold for at in shift):
        raise DefinitionError(f"{what}: {shift!r} has a zone or fold of its own; write plain times of day")
    if start >= end != MIDNIGHT:
        empty = "is empty" if start == end else "ends before it starts"
        raise DefinitionError(
            f"{what}: the shift {_text((start, end))} {empty}; a shift over midnight is two, up to time(0) and from it"
        )
    return start, end


def _text(shift: Shift) -> str:
    return "-".join(map(_clock, shift))


def _clock(at: time) -> str:
    return at.isoformat("auto" if at.second or at.microsecond else "minutes")


class Holidays:
    """The days on which nobody works.

    Args:
        given: a container of dates, or a function from a date to whether it is one. A set, list, tuple or dict is
            copied; anything else is asked anew each time.
        what: whose holidays these are, for messages.

    Raises:
        DefinitionError: what is neither, or lists other things than dates.

    >>> date(2026, 12, 25) in Holidays([date(2026, 12, 25)], what="the desk")
    True
    """

    __slots__ = ("_given", "_what")

    def __init__(self, given: Container[date] | Callable[[date], bool], *, what: str) -> None:
        holds = isinstance(given, Container) and not isinstance(given, str | bytes)
        if isinstance(given, type) or not (holds or callable(given)):
            raise DefinitionError(
                f"{what}: holidays={given!r} are neither a container of dates nor a function of a date; "
                "write {date(2026, 12, 25)} or country_holidays('DE')"
            )
        for day in given if isinstance(given, Collection) else ():
            # a datetime is a date that equals none, and so would pass as a working day
            if not isinstance(day, date) or isinstance(day, datetime):
                raise DefinitionError(f"{what}: holidays= list {day!r}, which is no date; write date(2026, 12, 25)")
        self._given = frozenset(given) if type(given) in (set, frozenset, list, tuple, dict) else given  # type: ignore[call-overload]
        self._what = what

    def __contains__(self, day: date) -> bool:
        if isinstance(self._given, Container):
            return day in self._given
        answer = self._given(day)
        if answer not in (True, False):
            raise DefinitionError(f"{self._what}: holidays= said {answer!r} of {day}; say True or False")
        return bool(answer)

    def structure(self) -> dict[str, Any]:
        """What they consist of, as JSON: the dates, or the version of the function, or the name of the type."""
        given = self._given
        if isinstance(given, frozenset):
            return {"dates": [day.isoformat() for day in sorted(given)]}
        if inspect.isfunction(given) or inspect.ismethod(given):
            return {"code": code_version(given)}
        return {"type": f"{type(given).__module__}.{type(given).__qualname__}"}


class WorkingHours:
    """When people work in a zone; what a `BusinessCalendar` reckons with, and which describes the arguments.

    >>> hours = WorkingHours("Europe/Berlin", (time(9), time(17)), (), what="the desk")
    >>> since = datetime(2026, 3, 6, 15, tzinfo=UTC)
    >>> [f"{opening} to {closing}" for opening, closing in hours.stretches(since, since + 3 * DAY)]
    ['2026-03-06 15:00:00+00:00 to 2026-03-06 16:00:00+00:00', '2026-03-09 08:00:00+00:00 to 2026-03-09 15:00:00+00:00']
    """

    def __init__(
        self,
        zone: str,
        hours: Mapping[Weekday, Sequence[Shift]] | Shift,
        holidays: Container[date] | Callable[[date], bool],
        *,
        what: str,
    ) -> None:
        try:
            self.zone = ZoneInfo(zone)
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise DefinitionError(
                f"{what}: there is no time zone {zone!r}; write an IANA name such as 'Europe/Berlin' "
                "(a machine without a time zone database needs the package tzdata)"
            ) from error
        self._week = read_week(hours, what=what)
        self._holidays = Holidays(holidays, what=what)

    def stretches(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of working time between two instants, in order; none overlaps another."""
        day = since.astimezone(self.zone).date() - DAY  # a change of the clock moves a shift to the next day at most
        last = until.astimezone(self.zone).date() + DAY
        held: list[tuple[datetime, datetime]] = []
        while day <= last:
            if self.works_on(day):
                held += self._shifts_on(day)
            day += DAY
            if not held:
                continue
            # no shift of a later day begins before the midnight; where that is skipped, fold=1 is the earlier reading
            midnight = min(self.utc(day, MIDNIGHT), self.utc(day, MIDNIGHT.replace(fold=1)))
            held.sort()  # a skipped local time may lie after one that comes later on the clock
            while held and held[0][0] <= midnight:
                opening, closing = held.pop(0)
                opening, closing = max(opening, since), min(closing, until)
                if opening < closing:
                    yield opening, closing
                    since = closing

    def opening(self, since: datetime, until: datetime) -> datetime | None:
        """The first working instant, `since` itself where that is one."""
        return next((opening for opening, _ in self.stretches(since, until)), None)

    def _shifts_on(self, day: date) -> list[tuple[datetime, datetime]]:
        return [
            (self.utc(day, start), self.utc(day + DAY if end == MIDNIGHT else day, end))
            for start, end in self._week[day.weekday()]
        ]

    def works_on(self, day: date) -> bool:
        """Whether a day of the calendar has a shift, and is no holiday."""
        if not self._week[day.weekday()] or day in self._holidays:
            return False
        # a zone that moves to the other side of the date line leaves out a day (Samoa: 30 December 2011)
        return self.utc(day, time(12)).astimezone(self.zone).date() == day

    def utc(self, day: date, at: time) -> datetime:
        """The instant at which the clock on the wall shows this."""
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)

    def structure(self) -> dict[str, Any]:
        """What they consist of, as JSON, but for the zone."""
        hours = {
            day: [[_clock(at) for at in shift] for shift in shifts]
            for day, shifts in zip(WEEKDAYS, self._week, strict=True)
            if shifts
        }
        return {"hours": hours, "holidays": self._holidays.structure()}
