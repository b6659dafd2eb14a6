"""The recorder of a run: answers each primitive from the ledger, until something new happens."""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from abpo_sdk.errors import (
    AbpoError,
    Erased,
    LeaseLost,
    NobodyHolds,
    NotCanonical,
    OutOfScope,
    ParkingSwallowed,
    ReplayDiverged,
    StoreUnavailable,
)
from abpo_sdk.gates import Reviews
from abpo_sdk.gates.reviews import answer_of, review_draft
from abpo_sdk.ledger import Call, Entry, Lease, Ledger, Occurrence, Place
from abpo_sdk.ledger.encryption import Encrypted, without_values
from abpo_sdk.ledger.entry import LIFE, Draft, id_part
from abpo_sdk.ledger.erasure import is_open, run_subject
from abpo_sdk.ledger.own_entries import under_living_keys
from abpo_sdk.ledger.recorder import Keyed, Scope, key_root
from abpo_sdk.ledger.rows import Head
from abpo_sdk.runtime.exceptions import exception_tree
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.origins import Origins
from abpo_sdk.runtime.recorded import Recorded, raised_again
from abpo_sdk.values.encoded import Encoded, JsonValue, PersonalValue, file_digest
from abpo_sdk.values.equality import same
from abpo_sdk.values.review import Answer, Review
from abpo_sdk.values.traversal import LEAVES

T = TypeVar("T")

Observer = Callable[[str, str], None]
"""Is told of moments ("before effect", "after effect") and of the step's name; a crash test raises from it."""


UNSWALLOWABLE = (ReplayDiverged, LeaseLost, StoreUnavailable, Erased, NobodyHolds)
"""What a process must not catch and go on: it is kept, and raised again."""


class Parked(BaseException):
    """Unwinds the stack of a process at a gate; no `Exception`, so that `except Exception` lets it pass."""


@dataclass(slots=True)
class Failure:
    """A step that raised; whether the process caught it shows at the next call."""

    draft: Draft
    error: Exception


@dataclass(slots=True)
class _Attempt(Generic[T]):
    """A call that is to be done, with all that is known before it is."""

    call: Call[T]
    key: str
    occurrence: Occurrence
    inputs: Encoded
    around: dict[str, JsonValue]


@dataclass(slots=True)
class _Known(Generic[T]):
    """The result of a call that need not be done."""

    value: T


@dataclass(frozen=True, slots=True)
class Supplied:
    """The result that a person gave for a step that raised."""

    value: JsonValue
    by: str


@dataclass(slots=True)
class RunRecorder:
    """What the primitives of one segment of a run work through."""

    ledger: Ledger
    reviews: Reviews
    lease: Lease
    leases: Leases
    observe: Observer | None
    recorded: Recorded
    supplied: Mapping[Place, Supplied]
    end: Head | None = None
    parked: bool = False
    broken: Exception | None = None
    failure: Failure | None = None
    _buffer: list[tuple[Draft, Encrypted]] = field(default_factory=list)
    _scopes: list[Scope] = field(default_factory=list)
    _files: dict[str, str | None] = field(default_factory=dict)
    _origins: Origins = field(default_factory=Origins)
    _where: tuple[int, object] = (0, None)
    _renew_at: datetime | None = None
    _journaled: dict[str, str | None] = field(default_factory=dict)

    def begin(self, arguments: Mapping[str, Any], files: Mapping[str, str | None]) -> None:
        """Start (again) at the top of the process, in this thread and task."""
        self._scopes = [Scope(key_root(self.lease.chain))]
        self._where = _here()
        self._renew_at = self.leases.renewal(self.ledger.clock.now())
        self._know(files)
        for value in arguments.values():
            self._origins.register(value, Place(LIFE, 0))

    # the two verbs

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Return what the ledger has of this call, or do it and record it."""
        attempt = self._before(call)
        if isinstance(attempt, _Known):
            return attempt.value
        try:
            with Keyed(None, attempt.key):
                done = do()
        except Exception as error:
            self._remember(attempt, error)
            raise
        except BaseException as error:
            self._interrupted(attempt, error)
            raise
        return self._after(attempt, done)

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a call that is awaited."""
        attempt = self._before(call)
        if isinstance(attempt, _Known):
            return attempt.value
        try:
            with Keyed(None, attempt.key):
                done = await do()
        except Exception as error:
            self._remember(attempt, error)
            raise
        except BaseException as error:
            self._interrupted(attempt, error)
            raise
        return self._after(attempt, done)

    def ask(self, review: Review) -> Answer:
        """Return the person's answer, or put the review before them and end the segment."""
        self._enter("gate", review.gate)
        place = self._scopes[-1].next_place()
        number = self._scopes[-1].next_key(review.gate).rpartition("/")[2]
        identifier = f"{id_part(self.lease.chain)}{place.scope}{id_part(review.gate)}/{number}"
        draft = self._guarded(
            lambda: review_draft(review, identifier=identifier, place=place, at=self.ledger.clock.now())
        )
        entry = self.recorded.at(place)
        if entry is not None:
            shown = draft.inputs or Encoded(None)
            self._guarded(lambda: self.recorded.check_same(entry, "review", review.gate, shown))
            answer = answer_of(list(self.recorded.entries.values()), place)
            if answer is not None:
                return answer
            self.leases.give_up(self.lease)
        else:
            self._guarded(lambda: self.reviews.check_somebody(review))
            self.commit([draft], release=True)
        self.parked = True
        raise Parked

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """A sub-process: its calls are counted by themselves."""
        self._enter("process", name)
        self._scopes.append(self._scopes[-1].inner())
        try:
            yield
        finally:
            self._scopes.pop()

    # one call, whether it is awaited or not

    def _before(self, call: Call[T]) -> _Attempt[T] | _Known[T]:
        """What the ledger has of a call, or else all that is to be known before it is done."""
        self._enter(call.kind, call.name)
        scope = self._scopes[-1]
        place = scope.next_place()
        key = scope.next_key(call.name) if call.kind == "step" else ""
        inputs = self._inputs(call)
        entry = self.recorded.at(place)
        if entry is not None:
            return self._replay(call, entry, inputs)
        occurrence = Occurrence(self.lease.chain, place, self.ledger.clock.now())
        if place in self.supplied:
            return _Known(self._take_supplied(call, occurrence, inputs))
        around = self._around(call, inputs)
        if call.effect:
            if self._buffer:
                self.commit([])
            if self.observe is not None:
                self.observe("before effect", call.name)
        return _Attempt(call, key, occurrence, inputs, around)

    def _inputs(self, call: Call[Any]) -> Encoded:
        """What goes into a call; what the ledger could not store is refused before anything is done with it."""
        try:
            inputs = call.inputs(self._digest)
        except UNSWALLOWABLE as error:
            self.broken = error
            raise
        try:
            inputs.json  # noqa: B018  made now, while it is what was given
        except NotCanonical as error:
            what = f"{call.kind} {call.name!r}: what was given"
            raise without_values(error, what, personal=bool(inputs.personal)) from None
        return inputs

    def _after(self, attempt: _Attempt[T], done: T) -> T:
        """Record the result of a call, and give it as it would come back."""
        call = attempt.call
        if self.observe is not None and call.effect:
            self.observe("after effect", call.name)
        try:
            self._check_unchanged(attempt)
            encoded, value = call.record(done, attempt.occurrence)
            self._record(call, attempt.occurrence, attempt.inputs, encoded, attempt.around)
        except Exception as error:  # its effect is done, so that it is not recorded is not for the process to swallow
            self._remember(attempt, error)
            self.broken = self.broken or error
            raise
        if call.kind == "step":  # a decision holds its case, which is from elsewhere
            self._origins.register(value, attempt.occurrence.place)
        return value

    def _check_unchanged(self, attempt: _Attempt[Any]) -> None:
        """Refuse a step that changed what it was given: on replay it is not done again, so the change would be missing."""
        call = attempt.call
        if call.kind != "step" or LEAVES.issuperset(map(type, call.arguments.values())):
            return
        try:
            now = call.inputs(lambda _: None)
            if now.json == attempt.inputs.json:
                return
            after = now.tree
        except Exception:  # noqa: BLE001  changed into something that cannot even be stored
            after = {}
        before = attempt.inputs.tree
        names = [name for name, value in call.arguments.items() if type(value) not in LEAVES]
        changed = [name for name in names if name not in after or not same(before[name], after[name])]
        raise ReplayDiverged(
            f"run {self.lease.chain!r}, {attempt.occurrence.place}: step {call.name!r} changed {' or '.join(map(repr, changed))}, "
            "which it was given; "
            "a replay would not do so again: work on a copy, and return it"
        )

    def _interrupted(self, attempt: _Attempt[Any], error: BaseException) -> None:
        """A step ended in what is no Exception; a process that goes on all the same would do it again on each replay."""
        if attempt.call.kind == "step":
            self.broken = ParkingSwallowed(
                f"run {self.lease.chain!r}, {attempt.occurrence.place}: step {attempt.call.name!r} was interrupted "
                f"({type(error).__name__}), and the process went on; put a timeout inside the step, and let interruptions pass"
            )

    def _take_supplied(self, call: Call[Any], occurrence: Occurrence, inputs: Encoded) -> Any:
        """Record what a person supplied; what does not fit the step is an incident of that step again."""
        supplied = self.supplied[occurrence.place]
        try:
            value = call.restore(supplied.value, occurrence)
            encoded, value = call.record(value, occurrence)
        except AbpoError as error:
            self._give_up(
                Failure(Draft(occurrence.place, "raised", call.name, {}, occurrence.at, (), inputs), error), error
            )
            raise
        self._record(call, occurrence, inputs, encoded, {"supplied_by": supplied.by})
        self._origins.register(value, occurrence.place)
        return value

    def _replay(self, call: Call[T], entry: Entry, inputs: Encoded) -> _Known[T]:
        """What the ledger has of a call: its result, or the exception that the process caught."""
        try:
            self.recorded.check_same(entry, call.kind, call.name, inputs, call.version)
            content = self.ledger.payload(entry, purpose="replay")
            self._know(content.get("files") or {})
            if entry.kind == "raised":
                raised = raised_again(entry, content["error"])
            else:
                value = call.restore(content["result"], Occurrence(entry.chain, entry.place, entry.at))
                if entry.kind == "step":
                    self._origins.register(value, entry.place)
                return _Known(value)
        except Exception as error:  # what the ledger has could not be had, and that is not for the process to catch
            self.broken = error
            raise
        raise raised

    def _record(
        self, call: Call[Any], occurrence: Occurrence, inputs: Encoded, result: Encoded, around: Mapping[str, JsonValue]
    ) -> None:
        payload = dict(around)
        if inputs.files or result.files:
            files = {**(inputs.files or {}), **(result.files or {})}
            new = {path: digest for path, digest in files.items() if self._journaled.get(path, "") != digest}
            if new:
                payload["files"] = new
                self._know(new)
        personal = result.within("result") if result.personal else ()
        draft = Draft(
            occurrence.place, call.kind, call.name, payload, occurrence.at, personal, inputs, {"result": result}
        )
        if call.effect:
            self.commit([draft])
        else:
            self._buffer.append((draft, self.ledger.encrypted(draft)))

    def _around(self, call: Call[Any], inputs: Encoded) -> dict[str, JsonValue]:
        """What is recorded beside a result: the records that it reads, and where its arguments came from."""
        around: dict[str, JsonValue] = {}
        sources = call.sources()
        if sources:
            around["sources"] = [
                {"id": s.id, "system": s.system} | ({"digest": s.digest} if s.digest else {}) for s in sources
            ]
        origins: dict[str, str] = {}
        unknown = []
        personal = [part.path[0] for part in inputs.personal if len(part.path) == 1] if inputs.personal else ()
        for name, value in call.arguments.items():
            found = self._origins.of(value, name)
            for path, place in found.items():
                # the keys of a personal mapping must not stand in a path
                origins[name if name in personal else path] = str(place)
            if not found and call.kind == "step":
                unknown.append(name)
        if origins:
            around["from"] = origins
        if unknown:
            around["unknown"] = unknown
        return around

    # writing

    def commit(self, drafts: list[Draft], *, release: bool = False) -> None:
        """Make durable what is buffered, and these entries, in one transaction; nothing to write, no transaction."""
        if not drafts and not self._buffer:
            return
        try:
            for draft in drafts:
                self._buffer.append((draft, self.ledger.encrypted(draft)))
            now = self.ledger.clock.now()
            if self._renew_at is None or now > self._renew_at:
                self.lease, self._renew_at = self.leases.renewed(self.lease, now), self.leases.renewal(now)
            with self.ledger.writing() as writer:
                buffer: Sequence[tuple[Draft, Encrypted]] = self._buffer
                if any(parts.keys for _, parts in buffer) and is_open(writer.tx, self.lease.chain):
                    buffer = under_living_keys(self.ledger.vault, writer.tx, buffer)
                writer.append_encrypted(self.lease.chain, buffer, lease=self.lease, release=release, after=self.end)
        except UNSWALLOWABLE as error:
            self.broken = error
            raise
        self._buffer = []
        self.end = writer.end

    def forget_end(self) -> None:
        """Look up where the chain ends before the next write."""
        self.end = None

    def settle_failure(self) -> None:
        """Record the exception of a step that the process caught."""
        if self.failure is None:
            return
        failure, self.failure = self.failure, None
        personal = (PersonalValue(("error", "args"), "error message", run_subject(self.lease.chain)),)
        try:
            tree = exception_tree(failure.error, step=failure.draft.name)
            draft = replace(failure.draft, payload={**failure.draft.payload, "error": tree}, personal=personal)
            self._buffer.append((draft, self.ledger.encrypted(draft)))
        except AbpoError as error:
            self._give_up(failure, error)
            raise

    def _give_up(self, failure: Failure, error: Exception) -> None:
        """A step has nothing that can be recorded; that is not for the process to swallow."""
        failure.error = error
        self.failure, self.broken = failure, error

    def _remember(self, attempt: _Attempt[Any], error: Exception) -> None:
        """A step raised; a policy has no effect to remember, and raises again by itself."""
        call, occurrence = attempt.call, attempt.occurrence
        if call.kind != "step":
            return
        if self.broken is None and not isinstance(error, ReplayDiverged):
            try:
                self._check_unchanged(attempt)
            except ReplayDiverged as changed:
                self.broken = changed
        draft = Draft(occurrence.place, "raised", call.name, attempt.around, occurrence.at, (), attempt.inputs)
        self.failure = Failure(draft, self.broken if isinstance(self.broken, ReplayDiverged) else error)

    # bookkeeping

    def _enter(self, kind: str, name: str) -> None:
        if self.parked:
            raise Parked  # the process swallowed the first one; it gets no further
        if self.broken is not None:
            raise self.broken
        if _here() != self._where:
            self.broken = OutOfScope(
                f"{kind} {name!r} was called in another thread or task than run {self.lease.chain!r} itself, which cannot know its place; "
                "call it from the process directly"
            )
            raise self.broken
        if self.failure is not None:
            self._guarded(self.settle_failure)

    def _know(self, files: Mapping[str, str | None]) -> None:
        """The ledger has these digests, so that they need not be recorded again, and hold when a file is gone."""
        self._files.update(files)
        self._journaled.update(files)

    def _digest(self, path: Path) -> str | None:
        """A file's digest; of a file that is gone, the one that the run has seen."""
        name = str(path)
        digest = file_digest(path)
        if digest is None:
            return self._files.get(name)
        self._files[name] = digest
        return digest

    def _guarded(self, do: Callable[[], T]) -> T:
        """What the process must not swallow is kept, and raised again at its next call and at its end."""
        try:
            return do()
        except UNSWALLOWABLE as error:
            self.broken = error
            raise


def _here() -> tuple[int, object]:
    asyncio = sys.modules.get("asyncio")
    task: object = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop in this thread
            task = None
    return threading.get_ident(), task
