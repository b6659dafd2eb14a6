"""A clock that stands still until it is turned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from abpo_sdk.errors import DefinitionError

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)  # a Monday morning


class FakeClock:
    """A clock that stands still until it is turned; so every pause of a step's retry is one that the run sleeps through.

    Args:
        start: what it tells at first, with a time zone.

    >>> clock = FakeClock()
    >>> before = clock.now()
    >>> clock.advance(timedelta(hours=9))
    >>> clock.now() - before
    datetime.timedelta(seconds=32400)
    """

    by_hand = True

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise DefinitionError(f"FakeClock({start!r}): a time without a zone; make it aware")
        self._now = start
        self._turned: list[Callable[[], object]] = []

    def now(self) -> datetime:
        """The present moment."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Turn the clock; what depends on it (timers, escalations) happens before this returns."""
        self._now = (self._now.astimezone(UTC) + by).astimezone(
            self._now.tzinfo
        )  # an hour is an hour, whatever the zone
        for call in self._turned:
            call()

    def when_turned(self, call: Callable[[], object]) -> None:
        """Have something called each time the clock is turned."""
        self._turned.append(call)
