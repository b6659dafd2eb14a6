"""The times from which on the versions of a policy count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from abpo_sdk.conditions.kinds import written
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import DefinitionError


class Periods:
    """Dates, or times, each of which begins a period that lasts until the next; what `InForce` chooses by, and which describes the arguments.

    Where dates are held against times, a day begins at midnight of its zone; where the clocks are put forward at midnight, with
    the first moment after it.

    Args:
        name: of the policy, for errors.
        dates: when the periods begin, in any order.
        on: the field of the case that is held against them; None: the time of the decision.
        zone: the zone in which days begin.

    Raises:
        DefinitionError: as `InForce` has it.

    >>> periods = Periods("VAT", [date(2020, 7, 1), date(2007, 1, 1)], on=None, zone="Europe/Berlin")
    >>> periods.order, periods.place(datetime(2020, 6, 30, 21, 59, tzinfo=UTC)), periods.place(datetime(2020, 6, 30, 22, tzinfo=UTC))
    ((1, 0), 0, 1)
    """

    __slots__ = ("_name", "_zone", "order", "starts")

    order: tuple[int, ...]
    """The places of the dates as they were given, the earliest first."""

    starts: tuple[date, ...]
    """What a time is compared with, rising: dates, or times in UTC."""

    def __init__(self, name: str, dates: Sequence[date], *, on: FieldNode | None, zone: str | None) -> None:
        self._name = name
        for day in dates:
            if isinstance(day, datetime) and day.tzinfo is None:
                raise DefinitionError(
                    f"policy {name!r}: {day!r} is a time without a zone; make it aware, or give a date"
                )
        if len({isinstance(day, datetime) for day in dates}) > 1:
            raise DefinitionError(f"policy {name!r} has versions with dates and others with times; give all the same")
        self._zone = self._zone_of(zone, on, days=not isinstance(dates[0], datetime))
        self.order = tuple(sorted(range(len(dates)), key=lambda place: self._start(dates[place])))
        self.starts = tuple(self._start(dates[place]) for place in self.order)
        for number, start in enumerate(self.starts[1:]):
            if start == self.starts[number]:
                raise DefinitionError(f"policy {name!r} has two versions from {written(dates[self.order[number]])} on")

    def place(self, moment: date) -> int | None:
        """The period, from 0, in which a comparable time lies; None where it is before the first."""
        return bisect_right(self.starts, moment) - 1 if moment >= self.starts[0] else None

    def comparable(self, when: date) -> date:
        """A time as `place` takes it.

        Raises:
            DefinitionError: it cannot be held against the dates.
        """
        aware = isinstance(when, datetime) and when.tzinfo is not None
        day = isinstance(when, date) and not isinstance(when, datetime)
        if isinstance(self.starts[0], datetime):
            if aware:
                return when
            if day and self._zone is not None:
                return self._start(when)
        elif day:
            return when
        days = "a date" if self._zone is not None or not isinstance(self.starts[0], datetime) else ""
        times = "a time with a zone" if isinstance(self.starts[0], datetime) else ""
        wanted = " or ".join(filter(None, (days, times)))
        raise DefinitionError(f"policy {self._name!r}: {when!r} does not say which version counts; give {wanted}")

    def _start(self, day: date) -> date:
        """What a date is compared as: itself, or the moment at which its day begins."""
        if self._zone is not None:
            return datetime.combine(day, time(), self._zone).astimezone(UTC)
        return day.astimezone(UTC) if isinstance(day, datetime) else day

    def _zone_of(self, zone: str | None, on: FieldNode | None, *, days: bool) -> ZoneInfo | None:
        """The zone in which days begin; None where days, or times, are held against their own kind."""
        name = self._name
        if on is not None and on.kind.sort == "date":
            if not days:
                raise DefinitionError(f"policy {name!r}: its versions have times, and {on.name} has none; give dates")
            needed = False
        else:
            needed = days
        if not needed:
            if zone is not None:
                raise DefinitionError(
                    f"policy {name!r}: zone={zone!r} is for dates that are held against times; leave it out"
                )
            return None
        if zone is None:
            what = "the time of the decision" if on is None else f"{on.name}, a time"
            raise DefinitionError(
                f"policy {name!r}: its versions have dates, and are held against {what}; say in which zone days begin: "
                "zone='Europe/Berlin'"
            )
        try:
            return ZoneInfo(zone)
        except (KeyError, ValueError, OSError, TypeError):
            raise DefinitionError(
                f"policy {name!r}: there is no time zone {zone!r}; write an IANA name such as 'Europe/Berlin'"
            ) from None


__all__ = ["Periods"]
