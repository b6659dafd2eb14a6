"""Records policies and gates outside a run, under a key, as a run of that id would."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from abpo_sdk.errors import DefinitionError, DuplicateRun, ReviewExpired, ReviewRequired, Stopped
from abpo_sdk.gates.review_entries import review_id, shown_of
from abpo_sdk.gates.review_state import answer_of, is_expired
from abpo_sdk.gates.switches import Stop, stop_of_process
from abpo_sdk.ledger import Call, Entry, Occurrence, Place, Writer
from abpo_sdk.ledger.entry import Draft, Kind, check_id
from abpo_sdk.ledger.keyed import Keyed, Scope, key_root
from abpo_sdk.ledger.own_entries import under_living_keys
from abpo_sdk.ledger.recorder import Enough, in_force
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.encoded import Encoded, file_digest
from abpo_sdk.values.review import Answer, Review

if TYPE_CHECKING:
    from abpo_sdk.gates.reviews import Reviews

T = TypeVar("T")

ATTEMPTS = 3
"""How often it is tried to write where others write under the same key."""


class CaseRecorder(Keyed):
    """What policies, gates and steps are called through in a block of `Reviews.case`.

    Args:
        reviews: where gates ask.
        key: what the block is about.
        connection: the caller's own, where entries are written in a transaction of theirs.
        scope: where calls are counted; None for that of the block itself.
        processes: the processes that the calls are in.
    """

    __slots__ = ("_key", "_outermost", "_processes", "_reviews")

    def __init__(
        self,
        reviews: Reviews,
        key: str,
        connection: Any = None,
        scope: Scope | None = None,
        processes: tuple[str, ...] = (),
    ) -> None:
        check_id(key, "the key of a case")
        super().__init__(scope or Scope(key_root(key)), connection=connection)
        self._outermost = scope is None
        self._reviews = reviews
        self._key = key
        self._processes = processes

    def __enter__(self) -> None:
        if self._outermost:
            around = in_force()
            if around is not None and not isinstance(around, Keyed):
                raise DefinitionError(
                    f"reviews.case({self._key!r}) stands in a process that a runtime runs, which records what it decides itself; "
                    "call policies and gates there as they are, or put the block into a step"
                )
            self._check_no_run(self._reader())
        super().__enter__()

    @property
    def case(self) -> str:
        """What the block is about."""
        return self._key

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Return what the ledger has of a decision, or decide and record it; a step is done under its key."""
        if call.kind == "step":
            self._check_not_stopped()
            return super().perform(call, do)
        place = self.scope.next_place()
        inputs = call.inputs(file_digest)
        entry = self._entry(place)
        if entry is None:
            stops = self._check_not_stopped()
            stop = self._reviews.switches.of_decision(call.name, call.case, stops) if call.kind == "decision" else None
            stopped = stop.structure() if stop is not None else None
            decided = self._decided(call, place, inputs, do, stopped)
            if not isinstance(decided, Entry):
                return self._unless_stopped(decided, place, stopped)
            entry = decided
        self._check_same(entry, call.kind, call.name, inputs, call.version)
        content = self._reviews.ledger.payload(entry, purpose="decide")
        value = call.restore(content["result"], Occurrence(self._key, entry.place, entry.at))
        return self._unless_stopped(value, place, content.get("stopped"))

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a step that is awaited."""
        self._check_not_stopped()
        return await super().perform_async(call, do)

    def ask(self, *reviews: Review, enough: Enough = "all") -> tuple[Answer, ...]:
        """Return the answers, or open the reviews.

        Raises:
            ReviewRequired: carrying the reviews, as they stand.
            ReviewExpired: nobody answered in time.
        """
        desk = self._reviews
        places = [self.scope.next_place() for _ in reviews]
        numbers = [self.scope.next_key(review.gate).rpartition("/")[2] for review in reviews]
        names = [
            review_id(self._key, place.scope, review.gate, number)
            for review, place, number in zip(reviews, places, numbers, strict=True)
        ]
        shown = [shown_of(review) for review in reviews]
        if self._entry(places[0]) is None:
            self._check_not_stopped()
            drafts = []
            for review, what, name, place in zip(reviews, shown, names, places, strict=True):
                beside = [other for other in names if other != name]
                drafts.append(desk.draft(review, what, identifier=name, place=place, beside=beside, enough=enough))
            if self._write(drafts) is None and self.connection is None:
                for name in names:
                    desk.opened(name)
        for review, what, place in zip(reviews, shown, places, strict=True):
            entry = self._entry(place)
            if entry is None:
                raise self._another(f"asks gate {review.gate!r}, too", place)
            self._check_same(entry, "review", review.gate, what)
        return self._answers(names, places, enough)

    def _answers(self, names: Sequence[str], places: Sequence[Place], enough: Enough) -> tuple[Answer, ...]:
        """What was answered; raises where that is not enough."""
        desk = self._reviews
        entries = [self._within(place.inner) for place in places]
        answers = [answer_of(found, place) for found, place in zip(entries, places, strict=True)]
        given = tuple(answer for answer in answers if answer is not None)
        if len(given) == len(places) or (given and enough == "one"):
            return given
        expired = [is_expired(found) for found in entries]
        if all(expired) or (any(expired) and enough == "all"):
            raise ReviewExpired(
                f"nobody answered in time what was asked under the key {self._key!r}; catch this and ask another gate, or decide it "
                "anew under another key"
            )
        reader = self._reader()
        waiting = [
            desk.read(reader, name)
            for name, answer, late in zip(names, answers, expired, strict=True)
            if answer is None and not late
        ]
        raise ReviewRequired(
            f"{self._key!r} waits for {', '.join(f'{review.id} (put to the {review.to})' for review in waiting)}; answer it, and do "
            "the same again",
            review=waiting[0],
            others=tuple(waiting[1:]),
        )

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """A process that is called in a case stands for the run itself; those that it calls are its sub-processes."""
        scope = self.scope if self._outermost else self.scope.inner()
        process = self._within_scope(scope, name)
        process._check_not_stopped()  # noqa: SLF001  its own class
        with process:
            yield

    def fork(self, count: int) -> list[AbstractContextManager[None]]:
        """Branches, each of which counts its calls by itself."""
        return [self._within_scope(scope) for scope in self.scope.branches(count)]

    def why_stopped(self, policy: str, case: Any) -> str | None:
        """Why a policy decides nothing about a case by itself; None where nothing stops it."""
        switches = self._reviews.switches
        stop = switches.of_decision(policy, case, switches.stops(self._reader()))
        return str(stop) if stop is not None else None

    def _within_scope(self, scope: Scope, *processes: str) -> CaseRecorder:
        return CaseRecorder(self._reviews, self._key, self.connection, scope, (*self._processes, *processes))

    def _check_not_stopped(self) -> tuple[Stop, ...]:
        """What is stopped; refuses what is new of a process that is."""
        stops = self._reviews.switches.stops(self._reader())
        stop = stop_of_process(stops, *self._processes)
        if stop is not None:
            raise Stopped(f"nothing more is done about {self._key!r}: {stop}; whoever is {stop.role} can let it go on")
        return stops

    def _unless_stopped(self, value: T, place: Place, stopped: dict[str, str] | None) -> T:
        """A decision; or what a person decides in its place, where it was stopped when it was made."""
        if stopped is None:
            return value
        decision: Any = value
        review = Stop.read(stopped).review(decision)
        (answer,) = self._within_scope(Scope(self.scope.root, place.inner)).ask(review)
        return answer.apply(decision, gate=review.gate)  # type: ignore[return-value]  # T is a Decision

    def _decided(
        self, call: Call[T], place: Place, inputs: Encoded, do: Callable[[], T], stopped: dict[str, str] | None
    ) -> T | Entry:
        """Decide and record it; the entry that is there, where another has just done so."""
        at = self._reviews.ledger.clock.now()
        with Keyed(None, ""):  # what is decided within is a part of this decision
            done = do()
        encoded, value = call.record(done, Occurrence(self._key, place, at))
        around = {"stopped": stopped} if stopped is not None else {}
        draft = Draft(place, call.kind, call.name, around, at, encoded.within("result"), inputs, {"result": encoded})
        return self._write([draft]) or value

    def _write(self, drafts: Sequence[Draft]) -> Entry | None:
        """Write entries, unless the first of them is there; then that one."""
        ledger, place = self._reviews.ledger, drafts[0].place
        with ledger.writing() if self.connection is None else nullcontext(ledger.joined(self.connection)) as writer:
            self._check_no_run(writer.tx)
            for _ in range(ATTEMPTS):
                there = writer.tx.entry(self._key, place)
                if there is not None:
                    return there
                if self._written(writer, drafts):
                    return None
        raise self._another("writes under it, too, and this one cannot see what", place)

    def _written(self, writer: Writer, drafts: Sequence[Draft]) -> bool:
        """Write entries, unless another transaction, which may be a caller's own, wrote under the key just now."""
        head = writer.tx.head(self._key)
        if head is not None:
            if not writer.tx.advance(head, length=head.length):  # from here on, others wait for this one
                return False
            writer.append(self._key, drafts)
            return True
        ledger = self._reviews.ledger
        living = under_living_keys(ledger.vault, writer.tx, [(draft, ledger.encrypted(draft)) for draft in drafts])
        if not writer.begin(self._key, living[0]):
            return False
        if living[1:]:
            writer.append_encrypted(self._key, living[1:])
        return True

    def _check_no_run(self, reader: Reader) -> None:
        for row in reader.select(RunRow, equal={"id": self._key}):
            raise DuplicateRun(
                f"the key {self._key!r} is the id of a run of {row.process!r}; a key stands for one case, so take another"
            )

    def _another(self, what: str, place: Place) -> DuplicateRun:
        return DuplicateRun(f"the key {self._key!r}: another transaction {what}, at {place}; do the same again")

    def _check_same(self, entry: Entry, kind: Kind, name: str, inputs: Encoded, version: str | None = None) -> None:
        """Refuse what is another than the ledger has under the key.

        Raises:
            DuplicateRun: naming both.
        """
        if (entry.kind, entry.name) != (kind, name):
            raise DuplicateRun(
                f"the key {self._key!r} has the {entry.kind} {entry.name!r} at {entry.place}, and is now used for the {kind} {name!r}; "
                "a key stands for one case, done in one way"
            )
        then = entry.content["result"]["decision"]["version"] if version is not None else None
        if then != version:
            raise DuplicateRun(
                f"the key {self._key!r} holds a decision of {name!r} in version {then}, which is version {version} now; use another key "
                "to decide anew"
            )
        if not self._reviews.ledger.same_inputs(entry, inputs):
            raise DuplicateRun(
                f"the key {self._key!r} holds another decision of {name!r}: its case was changed since; use another key to decide anew"
            )

    def _reader(self) -> Reader:
        ledger = self._reviews.ledger
        return ledger.store if self.connection is None else ledger.joined(self.connection).tx

    def _entry(self, place: Place) -> Entry | None:
        return self._reader().entry(self._key, place)

    def _within(self, scope: str) -> list[Entry]:
        return self._reader().within(self._key, scope)
