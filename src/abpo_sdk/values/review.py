"""The task put before a person, and what they said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from abpo_sdk.errors import UnknownReview
from abpo_sdk.values.decision import Decision, Reason
from abpo_sdk.values.encoded import Encoded, JsonValue, PersonalValue

ReviewStatus = Literal["needed", "open", "claimed", "returned", "answered", "expired", "closed"]

HIDDEN = "(hidden until you have answered)"
"""What stands for the proposal in a blind review."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said about a decision.

    Args:
        outcome: the outcome that is to stand.
        by: who said so.
        because: their reason, in words; empty where none was demanded.
        at: when.
        on_behalf_of: for whom they did, where somebody had delegated it to them.
        output: what the decision gives instead of what was proposed, by name, where they corrected it.
        others: who said the same before, where one person was not enough.
    """

    outcome: str
    by: str
    because: str
    at: datetime
    on_behalf_of: str | None = None
    output: Mapping[str, Any] | None = None
    others: tuple[Answer, ...] = ()

    def agrees(self, outcome: str, output: Mapping[str, Any] | None) -> bool:
        """Whether it says the same: the outcome, and what was corrected."""
        return self.outcome == outcome and (self.output or {}) == (output or {})

    def apply(self, decision: Decision, *, gate: str) -> Decision:
        """The decision as it stands after this answer: outcome and reason are the person's, the proposal stays."""
        said = [
            Reason(rank=rank, code=f"{gate}.answer", text=answer.because, stage=gate, source=answer.by)
            for rank, answer in enumerate((self, *reversed(self.others)), 1)
        ]
        reasons = (*said, *(replace(r, rank=r.rank + len(said)) for r in decision.reasons))
        output = {**(decision.output or {}), **self.output} if self.output else decision.output
        return replace(decision, outcome=self.outcome, decided_by=self.by, gate=gate, reasons=reasons, output=output)


class Terms(Protocol):
    """What a gate demands of the answers to a review."""

    def levels(self) -> Sequence[Sequence[str]]:
        """The queues that the review is put to, and those that it goes to when it is overdue, level by level."""
        ...

    def opened(
        self, decision: Decision, at: datetime, shown: Encoded
    ) -> tuple[dict[str, JsonValue], tuple[PersonalValue, ...]]:
        """What the entry of a review that is opened now says of it, and where that is personal."""
        ...


class Desk(Protocol):
    """Where reviews are answered: `Reviews`."""

    def answer(
        self, review: Review, outcome: str, *, by: str, because: str = "", edit: Mapping[str, Any] | None = None
    ) -> Review:
        """Record the answer, after every check, and let go on what waits for it."""
        ...

    async def answer_async(
        self, review: Review, outcome: str, *, by: str, because: str = "", edit: Mapping[str, Any] | None = None
    ) -> Review:
        """The same from an event loop."""
        ...

    def act(self, review: Review, act: str, *, by: str, **said: Any) -> Review:
        """Record what a person does with the review without answering it."""
        ...

    def show(self, review: Review, *, by: str) -> Review:
        """The review as far as a person may see it; that they were shown it is recorded."""
        ...


@dataclass(frozen=True, slots=True)
class Review:
    """A decision that a person must look at.

    Args:
        gate: the gate that asks.
        to: the role that may answer now, or who else may, in words.
        decision: the proposal. Of an opened review it is what the ledger shows: its case is a mapping of
            fields in which personal ones are masked.
        why: the conditions that made it necessary, with the values of the case.
        due_in: how long the role has; None for no limit, or where a business calendar says.
        escalate_to: the role that it goes to when it is overdue.
        id: None until it is opened.
        status: "needed" (not opened), "open", "claimed" (by one person), "returned" (until information is given),
            "answered", "expired", or "closed" (its run ended otherwise, or it needs no answer any more).
        opened: when it was opened.
        due: when it goes to `escalate_to`.
        given: what was said, once it is settled.
        shown: the hash of the ledger entry that was put before the person; an answer is bound to it.
        run: the run (or key) that it belongs to.
        asks: what the gate demands of an answer, as JSON.
        changes: what would have to be otherwise for another outcome, in words.
        claimed_by: who has taken it.
        expires: when it can be answered no more.
        information: what was given after somebody had returned it for information.
        similar: past cases that are like it, in words; where the gate says how they are found.
        lineage: where the values of the case came from, in words; where the review was asked for by `show`.
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
    asks: Mapping[str, Any] = field(default_factory=dict, repr=False)
    changes: tuple[str, ...] = ()
    claimed_by: str | None = None
    expires: datetime | None = None
    information: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()
    terms: Terms | None = field(default=None, repr=False, compare=False)
    desk: Desk | None = field(default=None, repr=False, compare=False)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What may be answered: the outcomes that the policy knows."""
        return self.decision.outcomes

    def show(self, *, by: str) -> Review:
        """What a person sees of it: the case with the personal fields that they may see, lineage, past cases.

        That it was shown, to whom, and which personal fields, is an entry of the ledger. A gate that demands a time to
        read it counts from here.

        Args:
            by: the person, by id.

        Raises:
            NotPermitted: it is not put to them.
        """
        return self._opened().show(self, by=by)

    def answer(self, outcome: str, *, by: str, because: str = "", edit: Mapping[str, Any] | None = None) -> Review:
        """Answer it; what waited for the answer goes on before this returns.

        Args:
            outcome: one of `outcomes`.
            by: the id of the person, as the embedding application knows them.
            because: the reason, in words.
            edit: of what the decision gives beside its outcome (`decision.output`), what is to stand instead, by name.

        Raises:
            NotPermitted: `by` does not hold the role that the review is put to; `SeparationOfDuties`: they have to do with the
                case, or have answered before.
            UnknownOutcome: the policy does not know `outcome`.
            ReviewClosed: it has been answered before, or is not open; `ReviewExpired`: the time to answer it is over.
            ReviewChanged: what was shown is not what stands there now.
            RationaleMissing: `because` is blank, or longer than a reason can be.
            EditInvalid: `edit` names what the decision does not give, or is of another type.
            OverLimit, AmountInvalid: it is above what the person may approve, or its amount is none.
            ReadTooFast, TooManyInARow: the gate demands more care.
            UnknownReview: it was never opened.
        """
        return self._opened().answer(self, outcome, by=by, because=because, edit=edit)

    async def answer_async(
        self, outcome: str, *, by: str, because: str = "", edit: Mapping[str, Any] | None = None
    ) -> Review:
        """`answer`, from an event loop."""
        return await self._opened().answer_async(self, outcome, by=by, because=because, edit=edit)

    def claim(self, *, by: str, until: datetime | None = None) -> Review:
        """Take it, so that nobody else does; until a time, or until it is answered or released.

        Raises:
            NotPermitted, ReviewClosed: it is not put to them, or somebody else has taken it.
        """
        return self._opened().act(self, "claim", by=by, until=until)

    def release(self, *, by: str) -> Review:
        """Give it back; what is claimed by somebody is released by them."""
        return self._opened().act(self, "release", by=by)

    def abstain(self, *, by: str, because: str) -> Review:
        """Say nothing to it; another has to."""
        return self._opened().act(self, "abstain", by=by, because=because)

    def recuse(self, *, by: str, because: str) -> Review:
        """Declare a conflict of interest: this person neither answers it nor is asked again."""
        return self._opened().act(self, "recuse", by=by, because=because)

    def return_for_information(self, *, by: str, because: str) -> Review:
        """Put it back until something is known that is missing; says what. Time goes on meanwhile."""
        return self._opened().act(self, "return", by=by, because=because)

    def inform(self, information: str, *, by: str) -> Review:
        """Give what was missing. It is shown from now on; answers that were given before are void."""
        return self._opened().act(self, "inform", by=by, information=information)

    def escalate(self, *, by: str, because: str) -> Review:
        """Put it to the role that it would go to when it is overdue, now.

        Raises:
            ReviewClosed: there is none.
        """
        return self._opened().act(self, "escalate", by=by, because=because)

    def reassign(self, to: Any, *, by: str, because: str) -> Review:
        """Put it to others of those whom its gate demands.

        Args:
            to: a role that the gate asks or escalates to, or `Candidates(people=...)` who hold one.
            by: the person, by id.
            because: why.

        Raises:
            NobodyHolds: nobody holds the role.
            NotPermitted: it is not put to `by`, or the gate does not demand the answer of those.
        """
        return self._opened().act(self, "reassign", by=by, because=because, to=to)

    def _opened(self) -> Desk:
        if self.desk is None:
            raise UnknownReview(
                f"this review of gate {self.gate!r} was never opened; open it with Reviews.open(review, key=...)"
            )
        return self.desk
