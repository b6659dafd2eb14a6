"""What a gate asks of the way in which people decide, and the pace that it keeps them to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from abpo_sdk.errors import DefinitionError, ReadTooFast, TooManyInARow
from abpo_sdk.values.encoded import JsonValue

__all__ = ["Guard", "check_pace"]

LONGEST = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How a gate guards the quality of the human decision.

    Args:
        blind: the proposal is hidden until the reviewer has answered.
        double: the share of reviews, between 0 and 1, that a second person answers too.
        least_reading: the least time between showing a review and answering it; 0 for none.
        in_a_row: how many proposals one person may confirm without a pause; None for any number.
        pause: how long without a confirmation counts as a pause.

    Raises:
        DefinitionError: a share outside 0 to 1, a time that is none or too short or too long, a number that is no
            whole one above 0, or True or False where a number belongs (or the other way round).

    >>> guard = Guard(double=0.1, least_reading=timedelta(seconds=20), in_a_row=25)
    >>> guard.structure()["in_a_row"], guard.pause
    (25, datetime.timedelta(seconds=900))
    """

    blind: bool = False
    double: float = 0.0
    least_reading: timedelta = timedelta(0)
    in_a_row: int | None = None
    pause: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        if not isinstance(self.blind, bool):
            raise DefinitionError(f"blind={self.blind!r} is neither True nor False")
        share = self.double
        if isinstance(share, bool) or not isinstance(share, int | float) or math.isnan(share) or not 0 <= share <= 1:
            raise DefinitionError(f"double={share!r} is no share; write a number from 0 (none) to 1 (all), such as 0.1")
        object.__setattr__(self, "double", float(share))
        _check_time("least_reading", self.least_reading, shortest=timedelta(0))
        _check_time("pause", self.pause, shortest=timedelta(microseconds=1))
        many = self.in_a_row
        if many is not None and (isinstance(many, bool) or not isinstance(many, int) or many < 1):
            raise DefinitionError(f"in_a_row={many!r} is no whole number above 0; leave it out for any number")

    def structure(self) -> dict[str, JsonValue]:
        """The guard as plain JSON values, times in seconds: what a version is hashed from.

        >>> Guard(blind=True).structure()
        {'blind': True, 'double': 0.0, 'in_a_row': None, 'least_reading': 0.0, 'pause': 900.0}
        """
        return {
            "blind": self.blind,
            "double": self.double,
            "in_a_row": self.in_a_row,
            "least_reading": self.least_reading.total_seconds(),
            "pause": self.pause.total_seconds(),
        }

    @classmethod
    def read(cls, tree: Mapping[str, JsonValue]) -> Guard:
        """What `structure` wrote."""
        return cls(
            blind=tree["blind"],
            double=tree["double"],
            in_a_row=tree["in_a_row"],
            least_reading=timedelta(seconds=tree["least_reading"]),
            pause=timedelta(seconds=tree["pause"]),
        )


def check_pace(guard: Guard, *, shown: datetime | None, now: datetime, confirmations: Sequence[datetime]) -> None:
    """Refuse an answer that comes too soon, or one confirmation too many.

    Args:
        guard: what the gate asks.
        shown: when the review was shown to this person; None if it never was.
        now: the time of the answer.
        confirmations: when this person gave their latest confirmations, those since they last decided otherwise than
            proposed, oldest first. Of an answer that is itself no confirmation, hand none: only confirmations are capped.

    Raises:
        ReadTooFast: the answer comes sooner than `guard.least_reading` after `shown`, or the review was never shown.
        TooManyInARow: `guard.in_a_row` confirmations came without a gap of `guard.pause` between them, or before `now`.
        DefinitionError: a time without a zone, or confirmations that are not in order.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> check_pace(Guard(least_reading=timedelta(seconds=20)), shown=noon, now=noon + timedelta(seconds=5), confirmations=[])
    Traceback (most recent call last):
    ...
    abpo_sdk.errors.ReadTooFast: answered 5 s after it was shown, and the gate asks for 20 s of reading; answer again when it is read
    """
    _check_moment("now", now)
    if shown is not None:
        _check_moment("shown", shown)
    _check_reading(guard, shown, now)
    for moment in confirmations:
        _check_moment("confirmations", moment)
    if any(later < earlier for earlier, later in pairwise(confirmations)):
        raise DefinitionError("confirmations= is not in order; hand the times oldest first")
    if guard.in_a_row is None:
        return
    count, after = 0, now
    # A confirmation later than `now` (the clocks of two machines) leaves a gap below 0, which is no pause.
    for moment in reversed(confirmations):
        if after - moment >= guard.pause:
            break
        count, after = count + 1, moment
    if count >= guard.in_a_row:
        over = confirmations[-1] + guard.pause
        raise TooManyInARow(
            f"{count} confirmations without a pause of {_told(guard.pause)}, and the gate allows {guard.in_a_row}; "
            f"confirm this one after the pause, from {over.isoformat(timespec='seconds')} on"
        )


def _check_reading(guard: Guard, shown: datetime | None, now: datetime) -> None:
    least = guard.least_reading
    if not least:
        return
    if shown is None:
        raise ReadTooFast(
            f"it was never shown to this person, and the gate asks for {_told(least)} of reading; show it first"
        )
    if now < shown:
        raise ReadTooFast(f"it was shown {_told(shown - now)} after the answer: the clocks disagree; set them right")
    if now - shown < least:
        raise ReadTooFast(
            f"answered {_told(now - shown)} after it was shown, and the gate asks for {_told(least)} of reading; "
            "answer again when it is read"
        )


def _check_time(name: str, time: object, *, shortest: timedelta) -> None:
    if not isinstance(time, timedelta):
        raise DefinitionError(f"{name}={time!r} is no length of time; write one such as timedelta(seconds=20)")
    if time < shortest:
        raise DefinitionError(f"{name}={time} is {'negative' if time < timedelta(0) else 'no time at all'}")
    if time > LONGEST:
        raise DefinitionError(f"{name}={time} is longer than {LONGEST.days} days")


def _check_moment(name: str, moment: object) -> None:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise DefinitionError(f"{name}={moment!r} is no time with a zone; make it aware, such as datetime.now(UTC)")


def _told(time: timedelta) -> str:
    return f"{time.total_seconds():,.6g} s"
