"""An answer as the measures of conduct need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from abpo_sdk.errors import DefinitionError

__all__ = ["Answered"]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of one person to one review.

    Args:
        review: the review's id.
        gate: the gate that asked.
        role: the role that was asked.
        person: who answered.
        proposed: the outcome that was proposed.
        outcome: the outcome that the person gave.
        opened: when the review was opened.
        shown: when it was shown to the person; None where that is not known.
        answered: when they answered.
        known: the right outcome, where the review is a seeded known case.
        second_of: the review that this one was a double review of.
        blind: whether the proposal was hidden until the answer; then it neither confirms nor overrules anything.

    Raises:
        DefinitionError: an empty text, a time without a zone, times out of order, a review that is its own double.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> given = Answered("r-1", "approval", "controller", "maria@acme", "pay", "pay", noon, noon, noon + timedelta(seconds=9))
    >>> given.confirms, given.reading.seconds, given.caught
    (True, 9, None)
    """

    review: str
    gate: str
    role: str
    person: str
    proposed: str
    outcome: str
    opened: datetime
    shown: datetime | None
    answered: datetime
    known: str | None = None
    second_of: str | None = None
    blind: bool = False

    def __post_init__(self) -> None:
        for name in ("review", "gate", "role", "person", "proposed", "outcome", "known", "second_of"):
            value = getattr(self, name)
            if value is None and name in ("known", "second_of"):
                continue
            if not isinstance(value, str) or not value.strip():
                raise DefinitionError(f"an answer to review {self.review!r}: {name}={value!r} is no text")
        times = [("opened", self.opened), ("shown", self.shown), ("answered", self.answered)]
        for name, moment in times:
            if moment is None and name == "shown":
                continue
            if not isinstance(moment, datetime) or moment.tzinfo is None:
                raise DefinitionError(f"the answer to review {self.review!r}: {name}={moment!r} is no time with a zone")
        kept = [(name, moment) for name, moment in times if moment is not None]
        for (earlier, first), (later, then) in pairwise(kept):
            if then < first:
                raise DefinitionError(
                    f"the answer to review {self.review!r}: {later}={then} lies before {earlier}={first}; "
                    "were they told by different clocks?"
                )
        if self.second_of == self.review:
            raise DefinitionError(f"review {self.review!r} is said to be a double review of itself")
        if not isinstance(self.blind, bool):
            raise DefinitionError(
                f"the answer to review {self.review!r}: blind={self.blind!r} is neither True nor False"
            )

    @property
    def confirms(self) -> bool | None:
        """Whether the person confirmed the proposal; None where they did not see it."""
        return None if self.blind else self.outcome == self.proposed

    @property
    def reading(self) -> timedelta | None:
        """The time between showing and answering; None where it is not known when it was shown."""
        return None if self.shown is None else self.answered - self.shown

    @property
    def caught(self) -> bool | None:
        """Whether a known case was answered rightly; None where confirming it blindly would have been right too."""
        if self.known is None or (self.known == self.proposed and not self.blind):
            return None
        return self.outcome == self.known
