"""The task put before a person, and what they said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from abpo_sdk.errors import UnknownReview
from abpo_sdk.values.decision import Decision, Reason

ReviewStatus = Literal["needed", "open", "answered", "closed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said about a decision.

    Args:
        outcome: the outcome that is to stand.
        by: who said so.
        because: their reason, in words.
        at: when.
    """

    outcome: str
    by: str
    because: str
    at: datetime

    def apply(self, decision: Decision, *, gate: str) -> Decision:
        """The decision as it stands after this answer: outcome and reason are the person's, the proposal stays."""
        reason = Reason(rank=1, code=f"{gate}.answer", text=self.because, stage=gate, source=self.by)
        reasons = (reason, *(replace(r, rank=r.rank + 1) for r in decision.reasons))
        return replace(decision, outcome=self.outcome, decided_by=self.by, gate=gate, reasons=reasons)


class Desk(Protocol):
    """Where reviews are answered: `Reviews`."""

    def answer(self, review: Review, outcome: str, *, by: str, because: str) -> Review:
        """Record the answer, after every check, and let go on what waits for it."""
        ...

    async def answer_async(self, review: Review, outcome: str, *, by: str, because: str) -> Review:
        """The same from an event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Review:
    """A decision that a person must look at.

    Args:
        gate: the gate that asks.
        to: the role that may answer now.
        decision: the proposal. Of an opened review it is what the ledger shows: its case is a mapping of
            fields in which personal ones are masked.
        why: the conditions that made it necessary, with the values of the case.
        due_in: how long the role has; None for no limit.
        escalate_to: the role that it goes to when it is overdue.
        id: None until it is opened.
        status: "needed" (not opened), "open", "answered", or "closed" (its run ended otherwise).
        opened: when it was opened.
        due: when it goes to `escalate_to`.
        given: what was said, once it was.
        shown: the hash of the ledger entry that was put before the person; an answer is bound to it.
        run: the run (or key) that it belongs to.
    """

    gate: str
    to: str
    decision: Decision
    why: tuple[str, ...]
    due_in: timedelta | None = None
    escalate_to: str | None = None
    id: str | None = None
    status: ReviewStatus = "needed"
    opened: datetime | None = None
    due: datetime | None = None
    given: Answer | None = None
    shown: str | None = None
    run: str | None = None
    desk: Desk | None = field(default=None, repr=False, compare=False)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What may be answered: the outcomes that the policy knows."""
        return self.decision.outcomes

    def answer(self, outcome: str, *, by: str, because: str) -> Review:
        """Answer it; what waited for the answer goes on before this returns.

        Args:
            outcome: one of `outcomes`.
            by: the id of the person, as the embedding application knows them.
            because: the reason, in words.

        Raises:
            NotPermitted: `by` does not hold the role that the review is put to.
            UnknownOutcome: the policy does not know `outcome`.
            ReviewClosed: it has been answered before.
            ReviewChanged: what was shown is not what stands there now.
            RationaleMissing: `because` is blank.
            UnknownReview: it was never opened.
        """
        return self._opened().answer(self, outcome, by=by, because=because)

    async def answer_async(self, outcome: str, *, by: str, because: str) -> Review:
        """`answer`, from an event loop."""
        return await self._opened().answer_async(self, outcome, by=by, because=because)

    def _opened(self) -> Desk:
        if self.desk is None:
            raise UnknownReview(
                f"this review of gate {self.gate!r} was never opened; open it with Reviews.open(review, key=...)"
            )
        return self.desk
