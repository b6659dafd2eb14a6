"""The recorder of a run: answers each primitive from the ledger, until something new happens."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from abpo_sdk.errors import AbpoError, NotCanonical, OutOfScope, ParkingSwallowed, ReplayDiverged
from abpo_sdk.gates import Reviews
from abpo_sdk.gates.reviews import answer_of, review_draft
from abpo_sdk.ledger import Call, Entry, Occurrence, Place, Writer
from abpo_sdk.ledger.encryption import without_values
from abpo_sdk.ledger.entry import LIFE, Draft, id_part
from abpo_sdk.ledger.erasure import run_subject
from abpo_sdk.ledger.keyed import Keyed, Scope, key_root
from abpo_sdk.ledger.recorder import Outcome
from abpo_sdk.runtime.attempts import PATIENCE, Attempt, Failure, Known, Supplied, attempts_in
from abpo_sdk.runtime.branches import Branch, joined
from abpo_sdk.runtime.chain import UNSWALLOWABLE, RunChain
from abpo_sdk.runtime.exceptions import exception_tree
from abpo_sdk.runtime.files import SeenFiles
from abpo_sdk.runtime.origins import Origins
from abpo_sdk.runtime.parking import Parked, fire
from abpo_sdk.runtime.recorded import Recorded, raised_again
from abpo_sdk.values.clock import SystemClock, from_text, to_text
from abpo_sdk.values.encoded import Encoded, JsonValue, PersonalValue
from abpo_sdk.values.equality import same
from abpo_sdk.values.review import Answer, Review
from abpo_sdk.values.traversal import LEAVES

T = TypeVar("T")

Observer = Callable[[str, str], None]
"""Is told of moments ("before effect", "after effect") and of the step's name; a crash test raises from it."""

SLEEP = "sleep"
"""The name of the timers that a process sets itself."""


@dataclass(slots=True)
class RunRecorder:
    """What the primitives of one segment of a run, or of one branch of it, work through.

    Args:
        chain: the run's chain.
        reviews: where a gate asks.
        observe: is told of effects.
        recorded: what the ledger has.
        supplied: what people gave for steps that raised.
        branch: whether others run beside it.
        rehearsed: where given, nothing is done or written; it takes what the process comes to.
    """

    chain: RunChain
    reviews: Reviews
    observe: Observer | None
    recorded: Recorded
    supplied: Mapping[Place, Supplied]
    branch: bool = False
    rehearsed: list[str] | None = None
    parked: bool = False
    failures: list[Failure] = field(default_factory=list)
    """Steps that raised; whether the process caught it shows at the next call."""
    _files: SeenFiles = field(default_factory=SeenFiles)
    _origins: Origins = field(default_factory=Origins)
    _scopes: list[Scope] = field(default_factory=list)
    _branches: list[RunRecorder] = field(default_factory=list)
    _where: tuple[int, object] = (0, None)

    def begin(self, arguments: Mapping[str, Any], files: Mapping[str, str | None]) -> None:
        """Start (again) at the top of the process, in this thread and task."""
        self._scopes = [Scope(key_root(self.chain.run))]
        self.be_here()
        self.chain.begin()
        self._files.recorded(files)
        for value in arguments.values():
            self._origins.register(value, Place(LIFE, 0))

    def be_here(self) -> None:
        """The process, or this branch of it, runs in this thread and task."""
        self._where = _here()

    # what primitives call

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Return what the ledger has of this call, or do it and record it."""
        attempt = self._before(call)
        if isinstance(attempt, Known):
            return attempt.value
        while True:
            try:
                self._starting(call)
                if call.transaction:
                    return self._in_transaction(attempt, do)
                with Keyed(None, attempt.key):
                    done = do()
            except Exception as error:
                pause = self._failed(attempt, error)
                if pause is None:
                    raise
            except BaseException as error:
                self._interrupted(attempt, error)
                raise
            else:
                return self._after(attempt, done)
            time.sleep(pause)

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a call that is awaited."""
        attempt = self._before(call)
        if isinstance(attempt, Known):
            return attempt.value
        while True:
            try:
                self._starting(call)
                with Keyed(None, attempt.key):
                    done = await do()
            except Exception as error:
                pause = self._failed(attempt, error)
                if pause is None:
                    raise
            except BaseException as error:
                self._interrupted(attempt, error)
                raise
            else:
                return self._after(attempt, done)
            import asyncio

            await asyncio.sleep(pause)

    def ask(self, review: Review) -> Answer:
        """Return the person's answer, or put the review before them and end the segment."""
        self._enter("gate", review.gate)
        place = self._scopes[-1].next_place()
        number = self._scopes[-1].next_key(review.gate).rpartition("/")[2]
        identifier = f"{id_part(self.chain.run)}{place.scope}{id_part(review.gate)}/{number}"
        at, parks = self.chain.ledger.clock.now(), self._alone()
        draft = self.chain.guarded(lambda: review_draft(review, identifier=identifier, place=place, at=at, parks=parks))
        entry = self.recorded.at(place)
        if entry is None:
            self._come_to("gate", review.gate, place)
            self.chain.guarded(lambda: self.reviews.check_somebody(review))
            self._park(place, draft)
        shown = draft.inputs or Encoded(None)
        self.chain.guarded(lambda: self.recorded.check_same(entry, "review", review.gate, shown))
        answer = answer_of(self.recorded.within(place.inner), place)
        if answer is None:
            self._come_to("answer to gate", review.gate, place)
            self._park(place, None)
        return answer

    def wait(self, until: timedelta | datetime) -> float:
        """End the segment until a time has come."""
        self._enter("timer", SLEEP)
        place = self._scopes[-1].next_place()
        inputs = Encoded({"until": to_text(until)} if isinstance(until, datetime) else {"for": until.total_seconds()})
        entry = self.recorded.at(place)
        if entry is not None:
            self.chain.guarded(lambda: self.recorded.check_same(entry, "timer", SLEEP, inputs))
            self._rest(place, from_text(entry.content["due"]), SLEEP)
            return 0.0
        self._come_to("timer", SLEEP, place)
        now = self.chain.ledger.clock.now()
        due = until if isinstance(until, datetime) else now + until
        payload: dict[str, JsonValue] = {"due": to_text(due)}
        if not self._alone():
            payload["parks"] = False
        self._rest(place, due, SLEEP, Draft(place, "timer", SLEEP, payload, now, (), inputs))
        return 0.0

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """A sub-process: its calls are counted by themselves."""
        self._enter("process", name)
        self._scopes.append(self._scopes[-1].inner())
        try:
            yield
        finally:
            self._scopes.pop()

    def fork(self, count: int) -> list[AbstractContextManager[None]]:
        """Branches, each to be entered in a thread or task of its own; their calls are counted by themselves."""
        self._enter("gather", "gather")
        scopes = self._scopes[-1].branches(count)
        self._branches = [replace(self, branch=True, failures=[], _scopes=[scope], _branches=[]) for scope in scopes]
        return [Branch(branch) for branch in self._branches]

    def join(self, outcomes: Sequence[Outcome]) -> list[Any]:
        """What the branches returned; or what the first of them raised; or the run waits, where one of them does."""
        branches, self._branches = self._branches, []
        return joined(self, branches, outcomes)

    def called(self, name: str) -> Callable[[], None]:
        """Note what must be awaited before the process ends."""
        awaiting = self.chain.awaiting
        awaiting[name] = awaiting.get(name, 0) + 1

        def awaited() -> None:
            awaiting[name] -= 1

        return awaited

    # waiting

    def _come_to(self, kind: str, name: str, place: Place) -> None:
        """In a rehearsal, this is as far as it goes."""
        if self.rehearsed is not None:
            self.rehearsed.append(f"the {kind} {name!r} at {place}")
            self.parked = True
            raise Parked

    def _alone(self) -> bool:
        """Whether the run waits for nothing else, so that where this waits, the run does."""
        return not self.branch and not self.chain.waits

    def _park(self, place: Place, draft: Draft | None, due: datetime | None = None) -> NoReturn:
        alone = self._alone()
        self.chain.waits[place] = due
        if draft is not None:
            self.chain.write([draft], release=alone)
        self.parked = True
        raise Parked

    def _rest(self, place: Place, due: datetime, name: str, draft: Draft | None = None) -> None:
        """Go on where the time has come for which the timer at a place is set."""
        if self.recorded.at(Place(place.inner, 0)) is not None:
            return
        if due > self.chain.ledger.clock.now():
            self._come_to("timer", name, place)
            self._park(place, draft, due)
        if draft is not None:
            self.chain.hold(draft)
        fire(self.chain, place, name, due)

    # one call, whether it is awaited or not

    def _before(self, call: Call[T]) -> Attempt[T] | Known[T]:
        """What the ledger has of a call, or else all that is to be known before it is done."""
        self._enter(call.kind, call.name)
        scope = self._scopes[-1]
        place = scope.next_place()
        key = scope.next_key(call.name) if call.kind == "step" else ""
        inputs = self._inputs(call)
        entry = self.recorded.at(place)
        if entry is not None:
            return self._replay(call, entry, inputs)
        self._come_to(call.kind, call.name, place)
        occurrence = Occurrence(self.chain.run, place, self.chain.ledger.clock.now())
        if place in self.supplied:
            return Known(self._take_supplied(call, occurrence, inputs))
        attempt = Attempt(call, key, occurrence, inputs, self._around(call, inputs))
        if call.again is not None:
            self._look_at_attempts(attempt)
        if call.effect and not call.transaction:
            self.chain.write_held()
        return attempt

    def _look_at_attempts(self, attempt: Attempt[Any]) -> None:
        """What the ledger has of attempts that failed; the next may have to wait."""
        for entry in attempts_in(self.recorded, attempt.occurrence.place):
            attempt.recorded += 1
            if entry.position < self.recorded.resolved:
                continue
            content = entry.content
            attempt.failed, attempt.since = content["number"], from_text(content["began"])
            if content["due"]:
                self._rest(entry.place, from_text(content["due"]), attempt.call.name)

    def _starting(self, call: Call[Any]) -> None:
        if self.observe is not None and call.effect:
            self.observe("before effect", call.name)

    def _in_transaction(self, attempt: Attempt[T], do: Callable[[], T]) -> T:
        """Do it in the transaction that records it."""
        with self.chain.writing() as writer:
            with writer.tx.lent() as connection, Keyed(None, attempt.key, connection):
                done = do()
            return self._after(attempt, done, writer)

    def _failed(self, attempt: Attempt[Any], error: Exception) -> float | None:
        """A call raised: how many seconds to wait before the next attempt; None where there is none."""
        chain = self.chain
        self._remember(attempt, error)
        if chain.broken is not None or attempt.call.again is None or self.failures[0].error is not error:
            return None
        now = chain.ledger.clock.now()
        pause = attempt.pause(error, now)
        if pause is None:
            return None
        self.failures = []
        by_hand = not isinstance(chain.ledger.clock, SystemClock)  # then nobody knows how long that takes
        due = now + pause if pause > PATIENCE or (by_hand and pause) else None
        alone = self._alone()
        draft = attempt.failed_draft(error, now, due, parks=alone)
        if due is not None:
            self._park(draft.place, draft, due)
        chain.write([draft])
        self._check_going_on()
        return pause.total_seconds()

    def _inputs(self, call: Call[Any]) -> Encoded:
        """What goes into a call; what the ledger could not store is refused before anything is done with it."""
        try:
            inputs = call.inputs(self._files.digest)
        except UNSWALLOWABLE as error:
            self.chain.broken = error
            raise
        try:
            inputs.json  # noqa: B018  made now, while it is what was given
        except NotCanonical as error:
            what = f"{call.kind} {call.name!r}: what was given"
            raise without_values(error, what, personal=bool(inputs.personal)) from None
        return inputs

    def _after(self, attempt: Attempt[T], done: T, writer: Writer | None = None) -> T:
        """Record the result of a call, and give it as it would come back."""
        call = attempt.call
        if self.observe is not None and call.effect:
            self.observe("after effect", call.name)
        try:
            self._check_unchanged(attempt)
            encoded, value = call.record(done, attempt.occurrence)
            self._record(call, attempt.occurrence, attempt.inputs, encoded, attempt.around, writer)
        except Exception as error:  # its effect is done, so that it is not recorded is not for the process to swallow
            self._remember(attempt, error)
            self.chain.broken = self.chain.broken or error
            raise
        if call.kind == "step":  # a decision holds its case, which is from elsewhere
            self._origins.register(value, attempt.occurrence.place)
        return value

    def _check_unchanged(self, attempt: Attempt[Any]) -> None:
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
            f"run {self.chain.run!r}, {attempt.occurrence.place}: step {call.name!r} changed {' or '.join(map(repr, changed))}, "
            "which it was given; "
            "a replay would not do so again: work on a copy, and return it"
        )

    def _interrupted(self, attempt: Attempt[Any], error: BaseException) -> None:
        """A step ended in what is no Exception; a process that goes on all the same would do it again on each replay."""
        if attempt.call.kind == "step":
            self.chain.broken = ParkingSwallowed(
                f"run {self.chain.run!r}, {attempt.occurrence.place}: step {attempt.call.name!r} was interrupted "
                f"({type(error).__name__}), and the process went on; put a timeout inside the step, and let interruptions pass"
            )

    def _take_supplied(self, call: Call[Any], occurrence: Occurrence, inputs: Encoded) -> Any:
        """Record what a person supplied; what does not fit the step is an incident of that step again."""
        supplied = self.supplied[occurrence.place]
        try:
            value = call.restore(supplied.value, occurrence)
            encoded, value = call.record(value, occurrence)
        except AbpoError as error:
            draft = Draft(occurrence.place, "raised", call.name, {}, occurrence.at, (), inputs)
            self._give_up(Failure(draft, error), error)
            raise
        self._record(call, occurrence, inputs, encoded, {"supplied_by": supplied.by})
        self._origins.register(value, occurrence.place)
        return value

    def _replay(self, call: Call[T], entry: Entry, inputs: Encoded) -> Known[T]:
        """What the ledger has of a call: its result, or the exception that the process caught."""
        try:
            self.recorded.check_same(entry, call.kind, call.name, inputs, call.version)
            content = self.chain.ledger.payload(entry, purpose="replay")
            self._files.recorded(content.get("files") or {})
            if entry.kind == "raised":
                raised = raised_again(entry, content["error"])
            else:
                value = call.restore(content["result"], Occurrence(entry.chain, entry.place, entry.at))
                if entry.kind == "step":
                    self._origins.register(value, entry.place)
                return Known(value)
        except Exception as error:  # what the ledger has could not be had, and that is not for the process to catch
            self.chain.broken = error
            raise
        raise raised

    def _record(
        self,
        call: Call[Any],
        occurrence: Occurrence,
        inputs: Encoded,
        result: Encoded,
        around: Mapping[str, JsonValue],
        writer: Writer | None = None,
    ) -> None:
        payload = dict(around)
        if inputs.files or result.files:
            new = self._files.record(inputs.files, result.files)
            if new:
                payload["files"] = new
        personal = result.within("result") if result.personal else ()
        draft = Draft(
            occurrence.place, call.kind, call.name, payload, occurrence.at, personal, inputs, {"result": result}
        )
        if writer is not None:
            self.chain.write_in(writer, draft)
        elif call.effect:
            self.chain.write([draft])
        else:
            self.chain.hold(draft)

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

    # what a step raised

    def settle_failures(self) -> None:
        """Record the exceptions of steps that the process caught."""
        failures, self.failures = self.failures, []
        personal = (PersonalValue(("error", "args"), "error message", run_subject(self.chain.run)),)
        for failure in failures:
            try:
                tree = exception_tree(failure.error, step=failure.draft.name)
                draft = replace(failure.draft, payload={**failure.draft.payload, "error": tree}, personal=personal)
                self.chain.hold(draft)
            except AbpoError as error:
                self._give_up(failure, error)
                raise

    def _give_up(self, failure: Failure, error: Exception) -> None:
        """A step has nothing that can be recorded; that is not for the process to swallow."""
        failure.error = error
        self.failures, self.chain.broken = [failure], error

    def _remember(self, attempt: Attempt[Any], error: Exception) -> None:
        """A step raised; a policy has no effect to remember, and raises again by itself."""
        call, occurrence = attempt.call, attempt.occurrence
        if call.kind != "step":
            return
        if self.chain.broken is None and not isinstance(error, ReplayDiverged):
            try:
                self._check_unchanged(attempt)
            except ReplayDiverged as changed:
                self.chain.broken = changed
        draft = Draft(occurrence.place, "raised", call.name, attempt.around, occurrence.at, (), attempt.inputs)
        self.failures = [Failure(draft, self.chain.broken if isinstance(self.chain.broken, ReplayDiverged) else error)]

    # bookkeeping

    def _enter(self, kind: str, name: str) -> None:
        if self.parked:
            raise Parked  # the process swallowed the first one; it gets no further
        if self.chain.broken is not None:
            raise self.chain.broken
        if _here() != self._where:
            self.chain.broken = OutOfScope(
                f"{kind} {name!r} was called in another thread or task than run {self.chain.run!r} itself, which cannot know its place; "
                "call it from the process directly"
            )
            raise self.chain.broken
        if self.failures:
            self.chain.guarded(self.settle_failures)
        self._check_going_on()

    def _check_going_on(self) -> None:
        """Where the worker stops, the segment ends here; another worker goes on from here."""
        if self.chain.stopping():
            self.chain.halted = self.parked = True
            raise Parked


def _here() -> tuple[int, object]:
    asyncio = sys.modules.get("asyncio")
    task: object = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop in this thread
            task = None
    return threading.get_ident(), task
