"""One segment of a run: from where it was to the next gate, its end, or an incident."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from abpo_sdk.errors import Erased, LeaseLost, ParkingSwallowed, RunStale, StoreUnavailable
from abpo_sdk.gates import Reviews
from abpo_sdk.ledger import Entry, Lease, Ledger, Place
from abpo_sdk.ledger.entry import LIFE, Draft, Kind
from abpo_sdk.ledger.erasure import abandonment, erasure_in, is_open, run_subject
from abpo_sdk.ledger.recorder import recording
from abpo_sdk.ledger.rows import Head
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.recorded import Recorded
from abpo_sdk.runtime.recording import Observer, Parked, RunRecorder, Supplied
from abpo_sdk.steps import BoundProcess
from abpo_sdk.values.encoded import PersonalValue

log = logging.getLogger("abpo_sdk.runtime")
log.addHandler(logging.NullHandler())  # silent unless the application listens

MESSAGE_LENGTH = 4000


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
        observe: is told of effects.
        begun: what the ledger has of the run.
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
    ) -> None:
        entries = begun.entries
        self._begun = begun
        self.result: list[Any] = []  # what the process returned, as it would come back; empty where it has not ended
        self._ledger = ledger
        self._leases = leases
        self._bound = bound
        self._entries = entries
        self._recorder = RunRecorder(
            ledger=ledger,
            reviews=reviews,
            lease=lease,
            leases=leases,
            observe=observe,
            end=begun.end,
            recorded=Recorded(ledger, {entry.place: entry for entry in entries if entry.place.scope != LIFE}),
            supplied=_supplied(ledger, entries) if len(entries) > 1 else {},
        )

    @property
    def asynchronous(self) -> bool:
        """Whether the process is awaited."""
        return self._bound.process.asynchronous

    def __str__(self) -> str:
        kind = "the async process" if self.asynchronous else "the process"
        return f"run {self._recorder.lease.chain!r} is of {kind} {self._bound.name!r}"

    def give_up(self) -> None:
        """Leave the run to whoever comes next."""
        self._leases.give_up(self._recorder.lease)

    def run(self) -> None:
        """Run a plain process."""
        with self._concluding():
            values = self._begin()
            with recording(self._recorder):
                result = self._bound.call(values)
            self._finish(result)

    async def run_async(self) -> None:
        """Run a process that is awaited."""
        with self._concluding():
            values = self._begin()
            with recording(self._recorder):
                result = await self._bound.call(values)
            self._finish(result)

    def _begin(self) -> dict[str, Any]:
        if self._begun.arguments is not None:
            self._recorder.begin(self._begun.arguments, self._begun.files or {})
            return self._begun.arguments
        started = self._entries[0]
        content = self._ledger.payload(started, purpose="replay")
        process = self._bound.process
        if content["version"] != process.version:
            raise RunStale(
                f"run {started.chain!r}: {_changed(content['pins'], process.pins)}; bring back the code that the run started with"
            )
        values = process.signature.decode(content["arguments"])
        self._recorder.begin(values, content.get("files") or {})
        return values

    def _finish(self, result: Any) -> None:
        recorder = self._recorder
        if recorder.parked:
            raise ParkingSwallowed(
                f"run {recorder.lease.chain!r}: the process caught what ends its segment at a gate; "
                "write `except Exception:` instead of a bare `except:` or `except BaseException:`"
            )
        if recorder.broken is not None:
            raise recorder.broken
        recorder.settle_failure()
        recorder.recorded.check_all_read()
        process = self._bound.process
        encoded, value = process.signature.result.round_trip(result)
        draft = self._life("finished", {}, encoded.within("result"))
        draft.encoded = {"result": encoded}
        recorder.commit([draft], release=True)
        if not encoded.personal:  # which is read from the ledger each time, since it may be erased meanwhile
            self.result.append(value)

    @contextmanager
    def _concluding(self) -> Iterator[None]:
        """Ends the segment in one of its ways: parked, finished, an incident, or (interrupted) as it was."""
        recorder = self._recorder
        try:
            yield
        except Parked:
            if recorder.broken is not None:
                self._conclude(recorder.broken)
        except Exception as error:  # noqa: BLE001  whatever a process raises, a person resolves
            self._conclude(recorder.broken or error)
        except BaseExceptionGroup as group:  # a task group wraps what ends the segment
            if not recorder.parked or group.subgroup(Parked) is None:
                self._leases.give_up(recorder.lease)
                raise
        except BaseException:  # an interruption, or a task that is cancelled: the caller must hear of it
            self._leases.give_up(recorder.lease)
            raise

    def _conclude(self, error: Exception) -> None:
        if isinstance(error, (LeaseLost, StoreUnavailable)):
            self._leases.give_up(self._recorder.lease)
            raise error
        recorder = self._recorder
        if recorder.parked:
            recorder.lease = self._leases.acquire(recorder.lease.chain, status=None)
            recorder.forget_end()  # while the run was parked, others may have written
            if not is_open(self._ledger.store, recorder.lease.chain):
                self._leases.give_up(recorder.lease)
                raise LeaseLost(
                    f"run {recorder.lease.chain!r} has been abandoned meanwhile; nothing more was kept of it"
                )
        recorder.broken = None
        erasure = erasure_in(self._ledger.store, recorder.lease.chain) if isinstance(error, Erased) else None
        if erasure is not None:
            recorder.commit([self._life("abandoned", abandonment(erasure, "runtime"), ())], release=True)
            return
        failure = recorder.failure
        step = failure.draft if failure is not None and failure.error is error else None
        payload: dict[str, Any] = {
            "error": {"message": _message(error), "type": type(error).__name__},
            "place": str(step.place) if step else None,
            "step": step.name if step else None,
        }
        if step is not None:
            payload["scope"], payload["ordinal"] = step.place.scope, step.place.ordinal
        message = PersonalValue(("error", "message"), "error message", run_subject(recorder.lease.chain))
        recorder.commit([self._life("incident", payload, (message,))], release=True)
        log.warning(
            "run %r became an incident: %s raised %s",
            recorder.lease.chain,
            step.name if step else "the process",
            type(error).__name__,
        )
        log.debug("run %r", recorder.lease.chain, exc_info=error)

    def _life(self, kind: Kind, payload: dict[str, Any], personal: tuple[PersonalValue, ...]) -> Draft:
        return life_draft(
            self._entries,  # while it holds the lease, nobody else adds to these
            kind,
            self._bound.name,
            payload,
            self._ledger.clock.now(),
            personal,
        )


def _message(error: Exception) -> str:
    """What an error says, as a text that can be stored, whatever its class makes of it."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  a foreign __str__ may raise anything
        text = "(it cannot be written)"
    return text[:MESSAGE_LENGTH].encode("utf-8", "backslashreplace").decode()


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


def _changed(recorded: dict[str, str], present: dict[str, str]) -> str:
    names = [name for name in (*recorded, *present) if recorded.get(name) != present.get(name)]
    parts = [
        f"{name!r} was {recorded.get(name, 'not there')} and is {present.get(name, 'not there')}"
        for name in dict.fromkeys(names)
    ]
    return f"its code changed while it was open: {', '.join(parts)}"
