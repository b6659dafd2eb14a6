"""The reviews that are open: listed, claimed, answered, escalated; with a runtime on top, or without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from abpo_sdk.errors import DefinitionError, DuplicateRun, ReviewChanged, ReviewError, UnknownReview
from abpo_sdk.gates import acting, answering
from abpo_sdk.gates.answerable import check_enough
from abpo_sdk.gates.candidates import queues_of
from abpo_sdk.gates.people import People
from abpo_sdk.gates.queues import check_holders
from abpo_sdk.gates.reading_reviews import review_of, row_of
from abpo_sdk.gates.review_entries import review_draft, review_id, shown_of
from abpo_sdk.gates.review_state import ReviewState, answer_of, read_state
from abpo_sdk.gates.review_writing import Happening, ReviewWriter
from abpo_sdk.gates.standing import Swapped
from abpo_sdk.gates.switches import Segment, Switches
from abpo_sdk.ledger import Ledger, Place
from abpo_sdk.ledger.decisions import encode_case, encode_decision
from abpo_sdk.ledger.entry import BODY, Draft, entry_id
from abpo_sdk.ledger.review_projection import ASKED
from abpo_sdk.ledger.rows import ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, file_digest
from abpo_sdk.values.review import Review, ReviewStatus

if TYPE_CHECKING:
    from abpo_sdk.gates.bulk import BulkAct, BulkDone
    from abpo_sdk.gates.delegation import Delegation
    from abpo_sdk.gates.gate import Gate
    from abpo_sdk.gates.guarding.conduct import Conduct


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened to a review, for whoever tells people of it.

    Args:
        what: "opened", "reminded", "escalated", "expired" or "unclaimed" (its claim is over).
        review: the review as it stands.
    """

    what: Happening
    review: Review


class Reviews:
    """The tasks that are put before people: open, list, claim, answer, escalate.

    The runtime parks and resumes its runs on top of this. A caller with an engine of their own has decisions pass gates
    `with reviews.case(key):`, or opens a review and applies the answer to its decision later; with the same checks.

    Args:
        ledger: where reviews and answers are kept.
        people: who holds which role.
        policies: the policies that are there now; an answer to what another version of one decided is refused.
        segments: the parts of the cases that can be stopped by name; see `Switches`.
        notify: is told of each `Notice`, such as to send a mail; what it raises is logged, and a reminder is then tried again.
        swapped: says which version of a policy is there now, in place of `policies`; see `Standing`.
        answered, answered_async: told of each review that is settled, after it is.

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
        policies: Iterable[Any] = (),
        segments: Iterable[Segment] = (),
        notify: Callable[[Notice], None] | None = None,
        swapped: Swapped | None = None,
        answered: Callable[[Review], None] | None = None,
        answered_async: Callable[[Review], Awaitable[None]] | None = None,
    ) -> None:
        self.ledger = ledger
        self.people = people if isinstance(people, People) else People(people)
        self.switches = Switches(ledger, self.people, segments)
        self._notify = notify
        self._answered = answered
        self._answered_async = answered_async
        versions = {policy.name: policy.version for policy in policies}

        def given(_: str, policy: str, version: str) -> str | None:
            present = versions.get(policy, version)
            return present if present != version else None

        tell = self._tell if notify is not None else None
        self.writer = ReviewWriter(ledger, self.people, swapped or given, tell)

    # opening

    def case(self, key: str, *, connection: Any = None) -> AbstractContextManager[None]:
        """A block in which policies and gates are recorded under a key, as in a run of that id.

        What has been decided under the key is not decided again, and a gate that needs a person opens its review and raises
        `ReviewRequired`, until it is answered; then the same block goes on. Steps get the idempotency keys that a run of this
        id would give them, and are not recorded.

        Args:
            key: what the block is about, in the caller's own identifiers, the same on every attempt.
            connection: the caller's own connection to the ledger's database; see `Ledger.record`. Then `notify` is not told of
                reviews that are opened, since only the caller knows when they are committed.

        Raises:
            DefinitionError: the key is blank, or no text; or the block stands in a process that a runtime runs.
            DuplicateRun: the key is the id of a run; or in the block, something else is decided or asked than the ledger has
                under this key.
            Stopped: in the block, a process is called that somebody has stopped.

        >>> from abpo_sdk.errors import ReviewRequired
        >>> from abpo_sdk.conditions import fields
        >>> from abpo_sdk.gates.gate import Gate
        >>> reviews = Reviews(Ledger("sqlite://"), {"maria@acme": {"controller"}})
        >>> gate = Gate("approval", when=fields(Decision).confidence < 0.9, to="controller")
        >>> unsure = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
        >>> def handle() -> str:
        ...     try:
        ...         with reviews.case("C-1"):
        ...             return gate(unsure).outcome
        ...     except ReviewRequired as needed:
        ...         return needed.review.status
        >>> handle()
        'open'
        >>> _ = reviews.of("C-1")[0].answer("pay", by="maria@acme", because="the receipt is there")
        >>> handle()
        'pay'
        """
        from abpo_sdk.gates.case_recorder import CaseRecorder  # what only some need is loaded when they do

        return CaseRecorder(self, key, connection)

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
        identifier = review_id(key, BODY, review.gate, 0)
        draft = self.draft(review, shown_of(review), identifier=identifier, place=place)
        with self.ledger.writing() as writer:
            there = writer.tx.entry(key, place)
            if there is None:
                writer.append(key, [draft])
            elif there.name != review.gate:
                raise DuplicateRun(f"the key {key!r} holds a review of gate {there.name!r}; a key stands for one")
        if there is None:
            self.opened(identifier)
        return self.get(identifier)

    def draft(self, review: Review, shown: Encoded, *, identifier: str, place: Place, **more: Any) -> Draft:
        """The entry that opens a review; see `review_draft`.

        Raises:
            NobodyHolds: nobody could answer it.
        """
        self.check_somebody(review)
        made = review_draft(review, shown, identifier=identifier, place=place, at=self.ledger.clock.now(), **more)
        if review.terms is not None:
            check_enough(self.people, review, made.payload)
        return made

    def opened(self, identifier: str) -> None:
        """Tell whoever is to be told that a review was opened."""
        self.writer.told("opened", identifier)

    # looking

    def list(
        self, *, to: str | None = None, status: ReviewStatus = "open", limit: int | None = None
    ) -> tuple[Review, ...]:
        """The reviews that are put to a role (None: to any), oldest first; the first `limit` of them.

        An overdue review is listed under the role that it was escalated to once `escalate` has run.
        """
        equal = {"status": status} | ({"role": to} if to else {})
        rows = self.ledger.store.select(ReviewRow, equal=equal, order="opened_at", limit=limit)
        return tuple(self._review(row) for row in rows)

    def next(self, *, by: str, limit: int = 1) -> tuple[Review, ...]:
        """The reviews that a person may answer now, those that they have claimed first, then the oldest; the first `limit` of them.

        Raises:
            NotPermitted: nobody knows them.
        """
        from abpo_sdk.gates.queueing import queued

        self.people.check_known(by, "ask for reviews")
        return tuple(self._review(row) for row in queued(self.writer, by, limit))

    def of(self, run: str, *, status: ReviewStatus | None = None) -> tuple[Review, ...]:
        """The reviews of a run or key, oldest first."""
        equal = {"chain": run} | ({"status": status} if status else {})
        rows = self.ledger.store.select(ReviewRow, equal=equal, order="opened_at")
        return tuple(self._review(row) for row in rows if row.purpose != "second" or status is None)

    def waited_for(self, run: str) -> tuple[Review, ...]:
        """The reviews that a run or key waits for (open, claimed, or returned for information), oldest first."""
        rows = self.ledger.store.select(ReviewRow, equal={"chain": run}, order="opened_at")
        return tuple(self._review(row) for row in rows if row.status in ASKED and row.purpose == "decide")

    def get(self, identifier: str) -> Review:
        """One review.

        Raises:
            UnknownReview: there is none of this id.
        """
        return self.read(self.ledger.store, identifier)

    def read(self, reader: Reader, identifier: str) -> Review:
        """One review as a reader has it, such as a transaction that is in progress."""
        return review_of(reader, read_state(reader, row_of(reader, identifier), self.ledger.vault), self)

    def show(self, review: Review, *, by: str) -> Review:
        """What a person sees of a review; see `Review.show`."""
        from abpo_sdk.gates.showing import as_seen, viewing

        state = self.writer.attempt(review.id, "show", by, lambda standing: viewing(standing, by))
        return as_seen(self.ledger.store, state, self, self.ledger.vault, self.people.labels_seen_by(by))

    # answering

    def answer(
        self, review: Review, outcome: str, *, by: str, because: str = "", edit: Mapping[str, Any] | None = None
    ) -> Review:
        """Record what a person said; see `Review.answer`."""
        answered = self._record(review, outcome, by, because, edit)
        if self._answered is not None and answered.status == "answered":
            self._answered(answered)
        return answered

    async def answer_async(
        self, review: Review, outcome: str, *, by: str, because: str = "", edit: Mapping[str, Any] | None = None
    ) -> Review:
        """`answer`, from an event loop."""
        answered = self._record(review, outcome, by, because, edit)
        if answered.status != "answered":
            return answered
        if self._answered_async is not None:
            await self._answered_async(answered)
        elif self._answered is not None:
            self._answered(answered)
        return answered

    def import_answer(
        self,
        identifier: str,
        outcome: str,
        *,
        by: str,
        because: str = "",
        shown: str,
        source: str,
        edit: Mapping[str, Any] | None = None,
    ) -> Review:
        """Record an answer that was given elsewhere, such as in a ticket; with the same checks as any other.

        Args:
            identifier: the review.
            outcome: what was said.
            by: who said it, by the id that this application knows them by.
            because: the reason, in words.
            shown: the `Review.shown` that the answer was given to.
            source: where it was given, such as "ticket 4711".
            edit: what was corrected there; see `Review.answer`.

        Raises:
            ReviewError, UnknownOutcome: as `Review.answer` says.
        """
        review = replace(self.get(identifier), shown=shown)
        answered = self._record(review, outcome, by, because, edit, "" if source is None else source)
        self._settled(identifier)
        return answered

    def act(self, review: Review, act: str, *, by: str, **said: Any) -> Review:
        """Record what a person does with a review without answering it; see the methods of `Review`."""
        do = acting.ACTS.get(act)
        if do is None:
            raise DefinitionError(f"a review cannot be {act!r}; it can be told to {', '.join(acting.ACTS)}")
        return self._at(self.writer.attempt(review.id, act, by, lambda standing: do(standing, by=by, **said)))

    def bulk(
        self, act: BulkAct, reviews: Iterable[Review | str], *, by: str, because: str, to: str | None = None
    ) -> BulkDone:
        """Refuse, return or reassign many reviews, each by an entry of its own. None is ever approved in bulk.

        Args:
            act: "refuse" (with the outcome that its gate names: `Gate(refuses=...)`), "return" (for information) or "reassign".
            reviews: the reviews, or their ids.
            by: the person, by id; what they may not do with one of the reviews, they may not do with it here.
            because: the reason, the same for all.
            to: whom they are put to, where they are reassigned.

        Returns:
            With which it was done, and with which not, and why.

        Raises:
            DefinitionError: something else than these three is to be done.
            StoreUnavailable: the ledger could not be written; those that are done are done.
        """
        from abpo_sdk.gates.bulk import bulk

        said = {"to": to} if act == "reassign" else {}
        return bulk(self.writer, act, reviews, by=by, because=because, said=said, settled=self._settled)

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

    # how well people decide

    def seed(self, gate: Gate, decision: Decision, *, right: str, key: str, by: str, because: str) -> str:
        """Put a case before people whose right answer is known, to see whether they look; nothing waits for it.

        To those who answer it, it is a review like any other. It is in no list of decisions.

        Args:
            gate: the gate that asks.
            decision: what is proposed; usually something wrong.
            right: the outcome that is right.
            key: what it is about; a key of its own, which looks like any other.
            by: who seeds it, by id.
            because: why that outcome is right.

        Returns:
            The review's id.

        Raises:
            UnknownOutcome: the policy does not know the right outcome.
            DuplicateRun: the key is taken.
        """
        from abpo_sdk.gates.vigilance import seed

        identifier = seed(self.ledger, self.people, gate, decision, right=right, key=key, by=by, because=because)
        self.opened(identifier)
        return identifier

    def declare_measures(self, *, by: str, because: str) -> None:
        """Declare that single persons may be measured, and by which agreement; without it, `conduct` measures roles alone."""
        from abpo_sdk.gates.vigilance import declare_measures

        declare_measures(self.ledger, self.people, by=by, because=because)

    def conduct(
        self,
        *,
        by: Literal["role", "person"] = "role",
        gate: str | None = None,
        least_reading: timedelta | None = None,
    ) -> Conduct:
        """Measure how people decide: how often they confirm, how long they read, which known cases they catch.

        Args:
            by: "role", or "person", which must have been declared.
            gate: the gate whose reviews are looked at; None for all.
            least_reading: the time that a review takes to be read at least; None where that is not judged.

        Raises:
            DefinitionError: by person, and nobody has declared it.
        """
        from abpo_sdk.gates.vigilance import conduct

        return conduct(self.ledger, by=by, gate=gate, least_reading=least_reading)

    # what happens by itself, and who acts for whom

    def escalate(self) -> tuple[Review, ...]:
        """Have happen what is due: overdue reviews go to their next role, others are reminded of, expire, or are free again.

        Returns:
            The reviews that went to another role.
        """
        moved = [name for name in self.writer.due() if "escalated" in self.writer.happen(name)]
        return tuple(self.get(identifier) for identifier in moved)

    def delegate(
        self,
        *,
        by: str,
        to: str,
        until: datetime,
        because: str,
        roles: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> Delegation:
        """Have another person act for somebody until a time: in these roles of theirs, or in all.

        Raises:
            NotPermitted: one of them is not known, or does not hold a role.
            DefinitionError: no end, an end before the beginning, or to oneself.
            RationaleMissing: `because` is blank.
        """
        from abpo_sdk.gates.delegating import delegate

        return delegate(self.ledger, self.people, by=by, to=to, until=until, because=because, roles=roles, since=since)

    def end_delegation(self, delegation: Delegation, *, by: str, because: str) -> None:
        """Have a delegation end now; said by one of the two."""
        from abpo_sdk.gates.delegating import end_delegation

        end_delegation(self.ledger, self.people, delegation, by=by, because=because)

    def check_somebody(self, review: Review) -> None:
        """Refuse a review that nobody could answer, or that would go to nobody when it is overdue.

        Raises:
            NobodyHolds: naming the role.
        """
        roles = [role for role in (review.to, review.escalate_to) if role]
        levels = review.terms.levels() if review.terms is not None else [queues_of(role) for role in roles]
        for queues in levels:
            check_holders(self.people, queues)

    def _record(
        self,
        review: Review,
        outcome: str,
        by: str,
        because: str,
        edit: Mapping[str, Any] | None,
        source: str | None = None,
    ) -> Review:
        def do(standing: Any) -> acting.Done:
            limits = self.people.limits
            said = answering.answer(
                standing,
                shown=review.shown,
                outcome=outcome,
                by=by,
                because=because,
                edit=edit,
                limits=limits,
                source=source,
            )
            return "answered", said

        return self._at(self.writer.attempt(review.id, "answer", by, do))

    def _settled(self, identifier: str) -> None:
        review = self.get(identifier)
        if self._answered is not None and review.status == "answered":
            self._answered(review)

    def _review(self, row: ReviewRow) -> Review:
        return self._at(read_state(self.ledger.store, row, self.ledger.vault))

    def _at(self, state: ReviewState) -> Review:
        return review_of(self.ledger.store, state, self)

    def _tell(self, what: Happening, identifier: str) -> None:
        if self._notify is not None:
            self._notify(Notice(what, self.get(identifier)))
