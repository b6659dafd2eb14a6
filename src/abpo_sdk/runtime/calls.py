"""One call of a run, whether it is awaited or not: looked up in the ledger, or done and recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

from abpo_sdk.errors import (
    AbpoError,
    DefinitionError,
    NotCanonical,
    OutcomeUnknown,
    ParkingSwallowed,
    ReplayDiverged,
)
from abpo_sdk.ledger import Call, Entry, Occurrence, Place, Writer
from abpo_sdk.ledger.encryption import without_values
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.keyed import Keyed
from abpo_sdk.runtime.attempts import PATIENCE, Attempt, Failure, Known
from abpo_sdk.runtime.chain import UNSWALLOWABLE
from abpo_sdk.runtime.flow import Flow
from abpo_sdk.runtime.recorded import raised_again
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.encoded import Encoded, JsonValue
from abpo_sdk.values.equality import same
from abpo_sdk.values.traversal import LEAVES

T = TypeVar("T")

UNSETTLED = (OutcomeUnknown, DefinitionError)
"""What a step raised and a process must not go on from: nobody can tell what was done, or the step is declared wrongly."""


@dataclass(slots=True)
class Calls(Flow):
    """What happens around one call."""

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
        self.check_not_stopped()
        failed = self._failed_before(call, place, inputs) if self.recorded.entries else ()
        self._come_to(call.kind, call.name, place)
        occurrence = Occurrence(self.chain.run, place, self.chain.ledger.clock.now())
        if place in self.supplied:
            return Known(self._take_supplied(call, occurrence, inputs))
        attempt = Attempt(call, key, occurrence, inputs, self._around(call, inputs))
        if failed:
            self._count(attempt, failed)
        if call.effect and not call.transaction:
            self.chain.before_effect()
        return attempt

    def _failed_before(self, call: Call[Any], place: Place, inputs: Encoded) -> Sequence[Entry]:
        """The attempts of this call that the ledger has."""
        attempts = self.recorded.attempts(place)
        for entry in attempts:
            self.chain.guarded(functools.partial(self.recorded.check_same, entry, call.kind, call.name, inputs))
        return attempts

    def _count(self, attempt: Attempt[Any], failed: Sequence[Entry]) -> None:
        """Count the attempts that failed since a person last had the step done again; the next may have to wait."""
        retried = self.recorded.retried.get(attempt.occurrence.place, -1)
        for entry in failed:
            attempt.recorded += 1
            if entry.position < retried:
                continue
            content = entry.content
            attempt.failed, attempt.since = content["number"], from_text(content["began"])
            if content["due"]:
                self._rest(entry.place, from_text(content["due"]), attempt.call.name)

    def _in_transaction(self, attempt: Attempt[T], do: Callable[[], T]) -> T:
        """Do it in the transaction that records it."""
        own: Exception | None = None
        try:
            with self.chain.writing() as writer:
                with writer.tx.lent() as connection, Keyed(None, attempt.key, connection):
                    try:
                        done = do()
                    except Exception as error:
                        own = error
                        raise
                return self._after(attempt, done, writer)
        except UNSWALLOWABLE as error:
            if error is not own:  # the ledger's, and not the step's
                self.chain.broken = self.chain.broken or error
            raise

    def _failed(self, attempt: Attempt[Any], error: Exception) -> float | None:
        """A call raised: how many seconds to wait before the next attempt; None where there is none."""
        chain = self.chain
        if self.watch is not None:
            self.watch.raised(attempt, error)
        self._remember(attempt, error)
        if chain.broken is not None or attempt.call.again is None or self.failures[0].error is not error:
            return None
        now = chain.ledger.clock.now().astimezone(UTC)  # in another zone, a day may have 23 hours
        pause = attempt.pause(error, now)
        if pause is None:
            return None
        self.failures = []
        by_hand = getattr(chain.ledger.clock, "by_hand", False)  # then a pause ends when the clock is turned
        due = now + pause if pause > PATIENCE or (by_hand and pause) else None
        alone = self._alone()
        draft = attempt.failed_draft(error, now, due, parks=alone)
        if due is not None:
            self._park(draft.place, draft, due=due)
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
        if self.watch is not None:
            self.watch.returned(attempt)
        try:
            self._check_unchanged(attempt)
            encoded, value = call.record(done, attempt.occurrence)
            self._record(call, attempt.occurrence, attempt.inputs, encoded, attempt.around, writer)
        except Exception as error:  # its effect is done, so that it is not recorded is not for the process to swallow
            if self.watch is not None and writer is None:
                self.watch.raised(attempt, error)
            self._remember(attempt, error)
            self.chain.broken = self.chain.broken or error
            raise
        if self.watch is not None and writer is None:
            self.watch.recorded(attempt)
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
        if self.watch is not None:
            self.watch.raised(attempt, error)
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
                return Known(value, content.get("stopped"))
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
        if call.kind == "decision" and self.rehearsed is None:
            stop = self.reviews.switches.of_decision(call.name, call.case, self._stops)
            if stop is not None:
                around["stopped"] = stop.structure()
        return around

    def _remember(self, attempt: Attempt[Any], error: Exception) -> None:
        """A step raised; a policy has no effect to remember, and raises again by itself."""
        call, occurrence = attempt.call, attempt.occurrence
        if call.kind != "step":
            return
        if self.chain.broken is None and not isinstance(error, ReplayDiverged):
            try:
                self._check_unchanged(attempt)
            except ReplayDiverged as changed:
                error = self.chain.broken = changed
        if isinstance(error, UNSETTLED):
            self.chain.broken = self.chain.broken or error
        draft = Draft(occurrence.place, "raised", call.name, attempt.around, occurrence.at, (), attempt.inputs)
        self.failures = [Failure(draft, error)]
