"""Business calendars: when people work, and so until when they have time to answer."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.working_hours import DAY, Shift, Weekday, WorkingHours

HORIZON = timedelta(days=3653)
"""How far from its start a due time is looked for: ten years."""

_YEARS = range(2, 9980)  # of which ten years and some days more can be reckoned with


class BusinessCalendar:
    """The working time of an organisation, in its own time zone.

    A shift holds its start and not its end, and is as long as the time that really passes in it: from 00:00 to 06:00
    there are five hours in the night in which summer time begins, and seven in the one in which it ends. Start and end
    are converted as `datetime` and `zoneinfo` do (PEP 495, `fold=0`): a local time that comes twice is the first one,
    and one that is skipped is read with the offset from before the change (02:30 becomes 03:30). Shifts that overlap
    because of that count once, and one whose end so comes before its start is empty that day.

    Args:
        zone: the time zone, by its IANA name.
        hours: one shift for Monday to Friday, or the shifts of each weekday ("mon" to "sun"; nobody works on those
            that are left out). An end of `time(0)` is midnight at the end of the day. A shift over midnight is two.
        holidays: the days on which nobody works: a container of dates, or a function from a date to whether it is
            one. `holidays.country_holidays("DE")` of the package `holidays` fits. A set, list, tuple or dict is
            copied; anything else is asked anew each time.

    Raises:
        DefinitionError: an unknown zone or weekday; a shift that is empty, backwards, overlaps another one or is made
            of other things than plain times of day; no shift at all; holidays that are not dates.

    >>> from zoneinfo import ZoneInfo
    >>> calendar = BusinessCalendar("Europe/Berlin", holidays={date(2026, 4, 3), date(2026, 4, 6)})
    >>> thursday = datetime(2026, 4, 2, 16, tzinfo=ZoneInfo("Europe/Berlin"))
    >>> print(calendar.after(thursday, timedelta(hours=2)))  # after Easter, 10:00 in Berlin
    2026-04-07 08:00:00+00:00
    >>> print(calendar.days(2).after(thursday))
    2026-04-08 14:00:00+00:00
    """

    def __init__(
        self,
        zone: str,
        *,
        hours: Mapping[Weekday, Sequence[Shift]] | Shift = (time(9), time(17)),
        holidays: Container[date] | Callable[[date], bool] = (),
    ) -> None:
        self.zone = zone
        self._name = f"business calendar {zone!r}"
        self._hours = WorkingHours(zone, hours, holidays, what=self._name)

    def after(self, start: datetime, working: timedelta) -> datetime:
        """The first instant at which this much working time has passed since `start`, in UTC.

        So the end of a day rather than the beginning of the next one; and `start` itself for no time at all.

        Raises:
            DefinitionError: a start without a zone; less than no working time; more than the ten years from `start` on
                hold.

        >>> from zoneinfo import ZoneInfo
        >>> nine = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Europe/Berlin"))
        >>> print(BusinessCalendar("Europe/Berlin").after(nine, timedelta(hours=8)))
        2026-03-02 16:00:00+00:00
        """
        start = _instant(start, f"{self._name}: start")
        if not isinstance(working, timedelta) or working < timedelta(0):
            raise DefinitionError(f"{self._name}: working={working!r} is no working time; write timedelta(hours=8)")
        left = working
        if not left:
            return start
        for opening, closing in self._hours.stretches(start, start + HORIZON):
            if closing - opening >= left:
                return opening + left
            left -= closing - opening
        raise DefinitionError(
            f"{self._name}: the ten years from {start} on hold {working - left} of working time, of the {working} that "
            "are asked for; look at its hours and holidays"
        )

    def after_days(self, start: datetime, days: int) -> datetime:
        """The same local time as that of `start`, this many working days later, in UTC.

        A start outside the hours counts from the next opening. Where nobody works at that time on the last day, it is
        the next opening too, as service levels with a schedule have it (ServiceNow, "relative durations"). A working
        day is one with a shift, however short, that is no holiday.

        Raises:
            DefinitionError: a start without a zone; no whole number of days, or less than one; more than the ten years
                from `start` on hold.

        >>> saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
        >>> print(BusinessCalendar("Europe/Berlin").after_days(saturday, 1))  # from Monday 09:00 to Tuesday 09:00
        2026-03-10 08:00:00+00:00
        """
        start = _instant(start, f"{self._name}: start")
        if not isinstance(days, int) or isinstance(days, bool) or days < 1:
            raise DefinitionError(f"{self._name}: days={days!r} is no number of business days; write 1 or more")
        until = start + HORIZON
        opening = self._hours.opening(start, until)
        if opening is not None:
            local = opening.astimezone(self._hours.zone)
            day, left = local.date(), days
            while left and day <= until.date():
                day += DAY
                left -= self._hours.works_on(day)
            due = None if left else self._hours.opening(self._hours.utc(day, local.time().replace(fold=0)), until)
            if due is not None:
                return due
        raise DefinitionError(
            f"{self._name}: the ten years from {start} on do not hold {days} business days; "
            "look at its hours and holidays"
        )

    def working(self, start: datetime, end: datetime) -> timedelta:
        """The working time between two instants, such as that for which a review waited.

        Raises:
            DefinitionError: an instant without a zone; an end before the start.

        >>> friday, monday = (datetime(2026, 3, day, 15, tzinfo=UTC) for day in (6, 9))
        >>> print(BusinessCalendar("Europe/Berlin").working(friday, monday))
        8:00:00
        """
        start, end = _instant(start, f"{self._name}: start"), _instant(end, f"{self._name}: end")
        if end < start:
            raise DefinitionError(f"{self._name}: end={end} is before start={start}")
        return sum((closing - opening for opening, closing in self._hours.stretches(start, end)), timedelta(0))

    def hours(self, hours: float) -> BusinessTime:
        """So many hours of working time, for a gate's `due`.

        Raises:
            DefinitionError: no number above 0, or more hours than ten years have.

        >>> print(BusinessCalendar("Europe/Berlin").hours(1.5))
        1:30:00 of working time in Europe/Berlin
        """
        if not isinstance(hours, int | float) or isinstance(hours, bool) or not 0 < hours <= HORIZON.days * 24:
            raise DefinitionError(
                f"{self._name}: hours={hours!r} is no time to answer in; write a number above 0 and below ten years"
            )
        return BusinessTime(self, timedelta(hours=hours))

    def days(self, days: int) -> BusinessTime:
        """So many business days, for a gate's `due`; see `after_days`.

        Raises:
            DefinitionError: no whole number, less than 1, or more days than ten years have.

        >>> print(BusinessCalendar("Europe/Berlin").days(2))
        2 business days in Europe/Berlin
        """
        if not isinstance(days, int):
            raise DefinitionError(f"{self._name}: days={days!r} is no number of business days; write 1 or more")
        return BusinessTime(self, days)

    def structure(self) -> dict[str, Any]:
        """What it consists of, as JSON, to be hashed.

        Of holidays in a set, list, tuple or dict, the dates; of a function, its code (not that of what it calls, nor
        what it closes over); of anything else the name of its type alone, so that two of one type look alike. To have
        the dates of such a thing count, list them: `frozenset(country_holidays("DE", years=range(2026, 2030)))`.
        The edition of the time zone database is no part of it.

        >>> BusinessCalendar("Europe/Berlin", hours={"mon": [(time(13), time(0))]}).structure()
        {'zone': 'Europe/Berlin', 'hours': {'mon': [['13:00', '00:00']]}, 'holidays': {'dates': []}}
        """
        return {"zone": self.zone, **self._hours.structure()}

    def __repr__(self) -> str:
        return f"<{self._name}: {self.structure()['hours']}>"


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """How long people have, in the working time of a calendar; made by `BusinessCalendar.hours` and `.days`.

    Args:
        calendar: when they work.
        working: how much working time, or a whole number of business days.

    Raises:
        DefinitionError: no calendar; no time to answer in, or more than ten years.

    >>> two = BusinessCalendar("Europe/Berlin").hours(2)
    >>> print(two.after(datetime(2026, 3, 6, 15, tzinfo=UTC)))  # from Friday 16:00 to Monday 10:00 in Berlin
    2026-03-09 09:00:00+00:00
    """

    calendar: BusinessCalendar
    working: timedelta | int

    def __post_init__(self) -> None:
        if not isinstance(self.calendar, BusinessCalendar):
            raise DefinitionError(f"calendar={self.calendar!r} is none; give a BusinessCalendar")
        working = self.working
        if isinstance(working, bool) or not isinstance(working, timedelta | int):
            raise DefinitionError(
                f"working={working!r} is no time; write a timedelta, or a whole number of business days"
            )
        if not (0 < working <= HORIZON.days if isinstance(working, int) else timedelta(0) < working <= HORIZON):
            raise DefinitionError(f"working={working!r} leaves no time to answer, or more than ten years")

    def after(self, start: datetime) -> datetime:
        """When the time is over that begins at `start`, in UTC.

        Raises:
            DefinitionError: as `BusinessCalendar.after` and `after_days` do.
        """
        if isinstance(self.working, timedelta):
            return self.calendar.after(start, self.working)
        return self.calendar.after_days(start, self.working)

    def structure(self) -> dict[str, Any]:
        """What it consists of, as JSON, to be hashed; see `BusinessCalendar.structure`."""
        working = self.working
        length = {"seconds": working.total_seconds()} if isinstance(working, timedelta) else {"days": working}
        return {"calendar": self.calendar.structure(), "working": length}

    def __str__(self) -> str:
        if isinstance(self.working, timedelta):
            return f"{self.working} of working time in {self.calendar.zone}"
        return f"{self.working} business day{'s' if self.working > 1 else ''} in {self.calendar.zone}"


def due_after(start: datetime, allowed: timedelta | BusinessTime) -> datetime:
    """When the time is over that people have from `start` on, in UTC.

    Args:
        start: with a time zone, whichever. A timedelta is counted in UTC, since elsewhere a day may have 23 hours.
        allowed: elapsed time, or working time.

    Raises:
        DefinitionError: a start without a zone; an allowed time that is neither, or negative; a due time that cannot
            be reckoned.

    >>> from zoneinfo import ZoneInfo
    >>> friday = datetime(2026, 3, 27, 15, tzinfo=ZoneInfo("Europe/Berlin"))
    >>> print(due_after(friday, timedelta(days=2)), due_after(friday, BusinessCalendar("Europe/Berlin").days(2)))
    2026-03-29 14:00:00+00:00 2026-03-31 13:00:00+00:00
    """
    if isinstance(allowed, BusinessTime):
        return allowed.after(start)
    if not isinstance(allowed, timedelta) or allowed < timedelta(0):
        raise DefinitionError(f"allowed={allowed!r} is no time to answer in; give a timedelta or a BusinessTime")
    try:
        return _instant(start, "start") + allowed
    except OverflowError as error:
        raise DefinitionError(f"allowed={allowed} ends after the year 9999; leave it out for no limit") from error


def _instant(moment: datetime, what: str) -> datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None or moment.utcoffset() is None:
        raise DefinitionError(f"{what}={moment!r} is no time with a zone; make it aware, such as datetime.now(UTC)")
    if moment.year not in _YEARS:
        raise DefinitionError(f"{what}={moment} is outside the years {_YEARS[0]} to {_YEARS[-1]}")
    moment = moment.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)  # of a subclass, such as of pandas, a plain one
