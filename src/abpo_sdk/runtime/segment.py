"""One segment of a run: from where it was to where it waits next, its end, or an incident."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from abpo_sdk.errors import Erased, LeaseLost, NotAwaited, StoreUnavailable
from abpo_sdk.gates import Reviews
from abpo_sdk.ledger import Entry, Lease, Ledger, Place
from abpo_sdk.ledger.entry import LIFE, Draft, Kind
from abpo_sdk.ledger.erasure import abandonment, erasure_in, is_open, run_subject
from abpo_sdk.ledger.recorder import recording
from abpo_sdk.ledger.rows import Head
from abpo_sdk.runtime.attempts import Supplied
from abpo_sdk.runtime.chain import RunChain
from abpo_sdk.runtime.exceptions import error_tree
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.observing import Observer, watch
from abpo_sdk.runtime.parking import Parked, swallowed
from abpo_sdk.runtime.recorded import Recorded
from abpo_sdk.runtime.recording import RunRecorder
from abpo_sdk.steps import BoundProcess
from abpo_sdk.values.encoded import PersonalValue


@dataclass(frozen=True, slots=True)
class Begun:
    """What the ledger has of a run.

    Args:
        entries: the entries.
        end: the end of their chain, where it is known because it has just been written.
        arguments: what the process was started with, where that has just been written; else it is read from the first entry.
        files: the digests of the files that `arguments` name.
    """

    entries: list[Entry]
    end: Head | None = None
    arguments: dict[str, Any] | None = None
    files: Mapping[str, str | None] | None = None


class Segment:
    """Runs a process from the top, with everything that the ledger has, until it can go no further.

    Args:
        ledger: the ledger.
        reviews: where a gate asks.
        leases: renew the lease.
        bound: the process with its wiring.
        lease: the right to write to the run.
        observe: is told of what happens; None where nobody asked to be.
        begun: what the ledger has of the run.
        stopping: whether the worker is to stop.
    """

    def __init__(
        self,
        ledger: Ledger,
        reviews: Reviews,
        leases: Leases,
        bound: BoundProcess[Any],
        lease: Lease,
        observe: Observer | None,
        begun: Begun,
        stopping: Callable[[], bool],
    ) -> None:
        entries = begun.entries
        self._begun = begun
        self._waits = True
        self.result: list[Any] = []  # what the process returned, as it would come back; empty where it has not ended
        self.bound = bound
        self._entries = entries
        recorded = Recorded(ledger, entries)
        waits = recorded.waits() if recorded.entries else {}
        self.chain = RunChain(ledger, leases, lease, len(entries), begun.end, waits, stopping, bound.name)
        self._status = "running"  # as the segment leaves the run
        self._failure: tuple[Exception | None, Draft | None] = (None, None)
        self._watch = watch(
            observe,
            ledger=ledger.store.id,
            run=lease.chain,
            process=bound.name,
            version=bound.process.version,
            epoch=lease.epoch,
            resumed=begun.arguments is None,
        )
        self._recorder = RunRecorder(
            chain=self.chain,
            reviews=reviews,
            watch=self._watch,
            recorded=recorded,
            supplied=_supplied(ledger, entries) if len(entries) > 1 else {},
        )

    @property
    def asynchronous(self) -> bool:
        """Whether the process is awaited."""
        return self.bound.process.asynchronous

    def __str__(self) -> str:
        kind = "the async process" if self.asynchronous else "the process"
        return f"run {self.chain.run!r} is of {kind} {self.bound.name!r}"

    def give_up(self) -> None:
        """Leave the run to whoever comes next."""
        self.chain.leases.give_up(self.chain.lease)

    def run(self) -> bool:
        """Run a plain process.

        Returns:
            Whether the run waits, or has ended; not where what it waits for has come meanwhile, so that it can go on at once.
        """
        with self._concluding():
            values = self._begin()
            with recording(self._recorder):
                result = self.bound.call(values)
            self._finish(result)
        return self._waits

    async def run_async(self) -> bool:
        """The same for a process that is awaited."""
        with self._concluding():
            values = self._begin()
            with recording(self._recorder):
                result = await self.bound.call(values)
            self._finish(result)
        return self._waits

    def _begin(self) -> dict[str, Any]:
        if self._begun.arguments is not None:
            self._recorder.begin(self._begun.arguments, self._begun.files or {})
            return self._begun.arguments
        started = self._entries[0]
        content = self.chain.ledger.payload(started, purpose="replay")
        values = self.bound.process.signature.decode(content["arguments"])
        self._recorder.begin(values, content.get("files") or {})
        return values

    def _finish(self, result: Any) -> None:
        recorder = self._recorder
        if recorder.parked and not self.chain.halted:
            raise swallowed(self.chain.run)
        if self.chain.broken is not None:
            raise self.chain.broken
        if recorder.parked:
            raise Parked
        self._check_awaited()
        recorder.settle_failures()
        recorder.recorded.check_all_read()
        recorder.check_not_stopped()
        process = self.bound.process
        encoded, value = process.signature.result.round_trip(result)
        draft = self._life("finished", {}, encoded.within("result"))
        draft.encoded = {"result": encoded}
        self.chain.write([draft], release=True)
        self._status = "done"
        if not encoded.personal:  # which is read from the ledger each time, since it may be erased meanwhile
            self.result.append(value)

    def _check_awaited(self) -> None:
        """Refuse a process that ends before it has awaited what it called."""
        forgotten = [name for name, count in self.chain.awaiting.items() if count]
        if forgotten:
            raise NotAwaited(
                f"run {self.chain.run!r}: {forgotten[0]!r} was called and never awaited, so it was not done; write `await {forgotten[0]}(...)`"
            )

    @contextmanager
    def _concluding(self) -> Iterator[None]:
        """Ends the segment in one of its ways (parked, finished, an incident, or interrupted), and tells whoever watches."""
        try:
            try:
                if self._watch is not None:
                    self._watch.segment_begins()
                yield
            except Parked:
                self._park()
            except Exception as error:  # noqa: BLE001  whatever a process raises, a person resolves
                self._conclude(self.chain.broken or error)
            except BaseExceptionGroup as group:  # a task group wraps what ends the segment
                if not self._recorder.parked or group.subgroup(Parked) is None:
                    raise
                self._park()
        except BaseException as error:  # an interruption, a task that is cancelled, or an end that could not be written
            if not self.chain.released:
                self.give_up()
            if self._watch is not None:
                self._watch.segment_ends("running", error)
            raise
        if self._watch is not None:
            self._watch.segment_ends(self._status, *self._failure)

    def _park(self) -> None:
        if self.chain.broken is not None:
            self._conclude(self.chain.broken)
            return
        if not self.chain.released:
            self._waits = self.chain.park(lambda: self._life("parked", {}, ()))
        if self._waits and not self.chain.halted:
            self._status = "waiting"

    def _conclude(self, error: Exception) -> None:
        chain, recorder = self.chain, self._recorder
        if isinstance(error, (LeaseLost, StoreUnavailable)):
            raise error
        if chain.released:
            chain.lease = chain.leases.acquire(chain.run)
            chain.released = False
            chain.forget_end()  # while the run was parked, others may have written
            if not is_open(chain.ledger.store, chain.run):
                raise LeaseLost(f"run {chain.run!r} has been abandoned meanwhile; nothing more was kept of it")
        chain.broken = None
        erasure = erasure_in(chain.ledger.store, chain.run) if isinstance(error, Erased) else None
        if erasure is not None:
            chain.write([self._life("abandoned", abandonment(erasure, "runtime"), ())], release=True)
            self._status, self._failure = "abandoned", (error, None)
            return
        failure = next((failure for failure in recorder.failures if failure.error is error), None)
        step = failure.draft if failure is not None else None
        payload: dict[str, Any] = {
            "error": error_tree(error),
            "place": str(step.place) if step else None,
            "step": step.name if step else None,
        }
        if step is not None:
            payload["scope"], payload["ordinal"] = step.place.scope, step.place.ordinal
        message = PersonalValue(("error", "message"), "error message", run_subject(chain.run))
        chain.write([self._life("incident", payload, (message,))], release=True)
        self._status, self._failure = "incident", (error, step)

    def _life(self, kind: Kind, payload: dict[str, Any], personal: tuple[PersonalValue, ...]) -> Draft:
        return life_draft(
            self._entries,  # while it holds the lease, nobody else adds to these
            kind,
            self.bound.name,
            payload,
            self.chain.ledger.clock.now(),
            personal,
        )


def life_draft(
    entries: list[Entry],
    kind: Kind,
    name: str,
    payload: dict[str, Any],
    at: datetime,
    personal: tuple[PersonalValue, ...] = (),
) -> Draft:
    """An entry about a run as a whole, at the next place of that kind."""
    number = sum(entry.place.scope == LIFE for entry in entries)
    return Draft(Place(LIFE, number), kind, name, payload, at, personal)


def _supplied(ledger: Ledger, entries: list[Entry]) -> dict[Place, Supplied]:
    """What people gave for steps that raised; a later retry of such a step takes it back."""
    supplied: dict[Place, Supplied] = {}
    place: Place | None = None
    for entry in entries:
        if entry.place.scope != LIFE or entry.place.ordinal == 0:
            continue
        content = entry.content
        if entry.kind == "incident":
            place = Place(content["scope"], content["ordinal"]) if content["place"] else None
        elif entry.kind == "resolved" and place is not None:
            if content["action"] == "supply":
                supplied[place] = Supplied(ledger.payload(entry, purpose="replay")["value"], content["by"])
            else:
                supplied.pop(place, None)
    return supplied
