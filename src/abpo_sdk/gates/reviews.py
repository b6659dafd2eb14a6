"""The reviews that are open: listed, answered, escalated; with a runtime on top, or without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from abpo_sdk.errors import DuplicateRun, RationaleMissing, ReviewChanged, ReviewClosed, ReviewError, UnknownReview
from abpo_sdk.gates.gate import check_outcome
from abpo_sdk.gates.people import People
from abpo_sdk.ledger import Ledger, Place, Writer
from abpo_sdk.ledger.decisions import decode_decision, encode_case, encode_decision
from abpo_sdk.ledger.encryption import masked
from abpo_sdk.ledger.entry import BODY, Draft, Entry, entry_id, id_part
from abpo_sdk.ledger.rows import ReviewRow
from abpo_sdk.values.clock import from_text, to_text
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, file_digest
from abpo_sdk.values.review import Answer, Review, ReviewStatus


def review_draft(
    review: Review, *, identifier: str, place: Place, at: datetime, inputs: Encoded | None = None, parks: bool = True
) -> Draft:
    """The entry that puts a review before a person: what is shown, to whom, and until when; and whether its run waits from now on."""
    shown = encode_decision(review.decision, encode_case(review.decision.case, file_digest))
    payload: dict[str, Any] = {
        "decision": review.decision.id,
        "due": to_text(at.astimezone(UTC) + review.due_in)
        if review.due_in
        else None,  # elsewhere, a day may have 23 hours
        "escalate_to": review.escalate_to,
        "gate": review.gate,
        "review": identifier,
        "shown": shown.tree,
        "to": review.to,
        "why": list(review.why),
    }
    if not parks:
        payload["parks"] = False
    return Draft(place, "review", review.gate, payload, at, shown.within("shown"), inputs or shown)


def answer_of(entries: Collection[Entry], place: Place) -> Answer | None:
    """What a person said to the review that stands at `place` of a run."""
    for entry in entries:
        if entry.place.scope == place.inner and entry.kind == "answered":
            content = entry.content
            return Answer(content["outcome"], content["by"], content["because"], entry.at)
    return None


class Reviews:
    """The tasks that are put before people: open, list, answer, escalate.

    The runtime parks and resumes its runs on top of this. A caller with an engine of their own opens a review
    for a decision, and applies the answer to it later, with the same checks.

    Args:
        ledger: where reviews and answers are kept.
        people: who holds which role.

    >>> from abpo_sdk.errors import ReviewRequired
    >>> from abpo_sdk.conditions import fields
    >>> from abpo_sdk.gates.gate import Gate
    >>> reviews = Reviews(Ledger("sqlite://"), {"maria@acme": {"controller"}})
    >>> gate = Gate("approval", when=fields(Decision).confidence < 0.9, to="controller")
    >>> unsure = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
    >>> try:
    ...     gate(unsure)
    ... except ReviewRequired as needed:
    ...     review = reviews.open(needed.review, key="C-1")
    >>> review.answer("pay", by="maria@acme", because="the receipt is there").status
    'answered'
    >>> reviews.settle(unsure, key="C-1").decided_by
    'maria@acme'
    """

    def __init__(
        self,
        ledger: Ledger,
        people: People | Mapping[str, Collection[str]],
        *,
        answered: Callable[[Review], None] | None = None,
        answered_async: Callable[[Review], Awaitable[None]] | None = None,
    ) -> None:
        self.ledger = ledger
        self.people = people if isinstance(people, People) else People(people)
        self._answered = answered
        self._answered_async = answered_async

    def open(self, review: Review, *, key: str) -> Review:
        """Put a review before its role, once for its key.

        Args:
            review: what a gate asked for; `ReviewRequired.review`.
            key: what the decision is about, in the caller's own identifiers.

        Raises:
            NobodyHolds: nobody could answer.
            DuplicateRun: the key holds the review of another decision.
        """
        self.check_somebody(review)
        decision = self.ledger.record(review.decision, key=key)
        review = replace(review, decision=decision)
        place = Place(BODY, 1)
        identifier = f"{id_part(key)}{BODY}{id_part(review.gate)}/0"
        draft = review_draft(review, identifier=identifier, place=place, at=self.ledger.clock.now())
        with self.ledger.writing() as writer:
            there = writer.tx.entry(key, place)
            if there is None:
                writer.append(key, [draft])
            elif there.name != review.gate:
                raise DuplicateRun(f"the key {key!r} holds a review of gate {there.name!r}; a key stands for one")
        return self.get(identifier)

    def list(
        self, *, to: str | None = None, status: ReviewStatus = "open", limit: int | None = None
    ) -> tuple[Review, ...]:
        """The reviews that are put to a role (None: to any), oldest first; the first `limit` of them.

        An overdue review is listed under the role that it was escalated to once `escalate` has run.
        """
        equal = {"status": status} | ({"role": to} if to else {})
        rows = self.ledger.store.select(ReviewRow, equal=equal, order="opened_at", limit=limit)
        return tuple(self._review(row) for row in rows)

    def of(self, run: str, *, status: ReviewStatus | None = None) -> tuple[Review, ...]:
        """The reviews of a run or key, oldest first."""
        equal = {"chain": run} | ({"status": status} if status else {})
        return tuple(self._review(row) for row in self.ledger.store.select(ReviewRow, equal=equal, order="opened_at"))

    def get(self, identifier: str) -> Review:
        """One review.

        Raises:
            UnknownReview: there is none of this id.
        """
        return self._review(self._row(self.ledger.store, identifier))

    def answer(self, review: Review, outcome: str, *, by: str, because: str) -> Review:
        """Record what a person said; see `Review.answer`."""
        answered = self._record(review, outcome, by, because)
        if self._answered is not None:
            self._answered(answered)
        return answered

    async def answer_async(self, review: Review, outcome: str, *, by: str, because: str) -> Review:
        """`answer`, from an event loop."""
        answered = self._record(review, outcome, by, because)
        if self._answered_async is not None:
            await self._answered_async(answered)
        elif self._answered is not None:
            self._answered(answered)
        return answered

    def settle(self, decision: Decision, *, key: str) -> Decision:
        """The decision as it stands after the answer that was given under this key.

        Args:
            decision: the decision that was put before the person.
            key: under which its review was opened.

        Raises:
            UnknownReview: no review was opened under the key.
            ReviewChanged: another decision, or another case, was shown.
            ReviewError: it has not been answered yet.
        """
        entries = self.ledger.entries(key)
        opened = next((entry for entry in entries if entry.kind == "review"), None)
        if opened is None:
            raise UnknownReview(f"no review was opened under the key {key!r}")
        encoded = encode_decision(decision, encode_case(decision.case, file_digest))
        if not self.ledger.same_inputs(entries[0], encoded):
            raise ReviewChanged(
                f"the review under {key!r} showed another decision or case than is settled now; decide and ask again"
            )
        answer = answer_of(entries, opened.place)
        if answer is None:
            raise ReviewError(f"the review {opened.content['review']!r} has not been answered yet")
        return answer.apply(replace(decision, id=entry_id(key, entries[0].place), at=entries[0].at), gate=opened.name)

    def escalate(self) -> tuple[Review, ...]:
        """Put every overdue review to the role that it escalates to.

        Returns:
            The reviews that moved.
        """
        now = to_text(self.ledger.clock.now())
        overdue = self.ledger.store.select(ReviewRow, equal={"status": "open"}, until={"due_at": now}, order="due_at")
        moved = []
        for row in overdue:
            with self.ledger.writing() as writer:
                if self._escalate_if_due(writer, self._row(writer.tx, row.id)):
                    moved.append(row.id)
        return tuple(self.get(identifier) for identifier in moved)

    def check_somebody(self, review: Review) -> None:
        """Refuse a review that nobody could answer.

        Raises:
            NobodyHolds: naming the role.
        """
        self.people.someone(review.to)
        if review.escalate_to:
            self.people.someone(review.escalate_to)

    def _record(self, review: Review, outcome: str, by: str, because: str) -> Review:
        if review.id is None:
            raise UnknownReview(f"this review of gate {review.gate!r} was never opened")
        if self._is_due(self._row(self.ledger.store, review.id)):
            with self.ledger.writing() as writer:  # of its own, so that it stands even where the answer is refused
                self._escalate_if_due(writer, self._row(writer.tx, review.id))
        with self.ledger.writing() as writer:
            row = self._row(writer.tx, review.id)
            if row.status != "open":
                how = (
                    f"answered {row.outcome!r} by {row.answered_by}"
                    if row.status == "answered"
                    else "closed with its run"
                )
                raise ReviewClosed(f"the review {row.id!r} is {how}; an answer is used once")
            if review.shown != row.shown:
                raise ReviewChanged(
                    f"the review {row.id!r} shows something else now than was answered; look at it again"
                )
            if self._escalate_if_due(writer, row):
                row = self._row(writer.tx, review.id)
            action = f"answer the review {row.id!r}"
            self.people.check_holds(by, row.role, action)
            check_outcome(outcome, review.outcomes, what=f"the review {row.id!r}")
            if not isinstance(because, str) or not because.strip():
                raise RationaleMissing(f"the review {row.id!r} needs a reason; say because=...")
            payload = {
                "because": because,
                "by": by,
                "decision": row.decision_id,
                "gate": row.gate,
                "outcome": outcome,
                "review": row.id,
                "role": row.role,
                "shown": row.shown,
            }
            writer.append(row.chain, [self._draft(writer, row, "answered", payload)])
        return self.get(review.id)

    def _is_due(self, row: ReviewRow) -> bool:
        due = row.status == "open" and row.due_at is not None and row.escalate_to is not None
        return due and str(row.due_at) <= to_text(self.ledger.clock.now())

    def _escalate_if_due(self, writer: Writer, row: ReviewRow) -> bool:
        if not self._is_due(row):
            return False
        payload = {"from": row.role, "due": row.due_at, "review": row.id, "to": row.escalate_to}
        writer.append(row.chain, [self._draft(writer, row, "escalated", payload)])
        return True

    def _draft(self, writer: Writer, row: ReviewRow, kind: Any, payload: dict[str, Any]) -> Draft:
        inner = Place(row.scope, row.ordinal).inner
        number = sum(entry.place.scope == inner for entry in writer.tx.entries(row.chain))
        return Draft(Place(inner, number), kind, row.gate, payload, self.ledger.clock.now())

    def _row(self, reader: Any, identifier: str) -> ReviewRow:
        rows: list[ReviewRow] = reader.select(ReviewRow, equal={"id": identifier})
        if not rows:
            raise UnknownReview(f"there is no review {identifier!r}")
        return rows[0]

    def _review(self, row: ReviewRow) -> Review:
        entry = self.ledger.store.entry(row.chain, Place(row.scope, row.ordinal))
        if entry is None:
            raise UnknownReview(f"the entry of the review {row.id!r} is missing; verify the ledger")
        content = masked(entry)
        decision = decode_decision(content["shown"], case=content["shown"]["case"])
        given = (
            answer_of(self.ledger.entries(row.chain), Place(row.scope, row.ordinal))
            if row.status == "answered"
            else None
        )
        return Review(
            gate=row.gate,
            to=row.role,
            decision=replace(decision, id=row.decision_id),
            why=tuple(content["why"]),
            escalate_to=row.escalate_to,
            id=row.id,
            status=cast("ReviewStatus", row.status),
            opened=from_text(row.opened_at),
            due=from_text(row.due_at) if row.due_at else None,
            given=given,
            shown=row.shown,
            run=row.chain,
            desk=self,
        )
