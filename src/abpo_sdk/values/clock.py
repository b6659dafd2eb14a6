"""The time, as something that is handed in, so that tests can turn it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from abpo_sdk.errors import DefinitionError


class Clock(Protocol):
    """Anything that tells the time as an aware `datetime`."""

    def now(self) -> datetime:
        """The present moment, with a time zone."""
        ...


class SystemClock:
    """The clock of the machine, in UTC.

    >>> SystemClock().now().tzinfo
    datetime.timezone.utc
    """

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """An aware time in UTC, with microseconds and a fixed width, so that texts sort as times do.

    Raises:
        DefinitionError: for a time without a zone.

    >>> to_text(datetime(2026, 3, 1, 12, tzinfo=UTC))
    '2026-03-01T12:00:00.000000Z'
    """
    if moment.tzinfo is None:
        raise DefinitionError(
            f"the clock told {moment!r}, a time without a zone; make it aware, such as datetime.now(UTC)"
        )
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" % (  # noqa: UP031  half the time of isoformat() and of an f-string
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond,
    )


def from_text(text: str) -> datetime:
    """The time that `to_text` wrote.

    >>> from_text("2026-03-01T12:00:00.000000Z").hour
    12
    """
    return datetime.fromisoformat(text)
