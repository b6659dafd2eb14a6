"""Begins runs: the case is checked, stored, and becomes the first entry of a chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abpo_sdk.errors import DefinitionError, Stopped, UnknownProcess
from abpo_sdk.gates.switches import stop_of_process
from abpo_sdk.ledger import Ledger, Place, Writer
from abpo_sdk.ledger.entry import LIFE, Draft, check_id
from abpo_sdk.ledger.own_entries import under_living_keys
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.runtime.duplicates import check_duplicate
from abpo_sdk.runtime.reading import RunReader
from abpo_sdk.runtime.run import Run
from abpo_sdk.runtime.segment import Begun, Segment
from abpo_sdk.runtime.worker import Worker
from abpo_sdk.steps import BoundProcess, Process


class Starter:
    """Begins runs.

    Args:
        ledger: where they are recorded.
        worker: advances them.
        processes: the processes that are known, by name; one that comes with its wiring is known from then on.
        reader: reads runs.
    """

    def __init__(
        self, ledger: Ledger, worker: Worker, processes: dict[str, BoundProcess[Any]], reader: RunReader
    ) -> None:
        self._ledger = ledger
        self._worker = worker
        self._processes = processes
        self._reader = reader

    def start(
        self, process: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], identifier: str | None
    ) -> tuple[Run[Any], Segment | None]:
        """Begin a run, or find the one that has the id; with its next segment, where this worker can advance it."""
        self._worker.check_going_on()
        bound = self._bound(process)
        signature = bound.process.signature
        encoded, values = signature.round_trip(signature.case_values(args, kwargs))
        run = identifier if identifier is not None else _random_id()
        check_id(run, "a run's id")
        stop = stop_of_process(self._worker.switches.stops(), bound.name)
        if stop is not None and not self._ledger.store.select(RunRow, equal={"id": run}):  # one that is there is held
            raise Stopped(f"no run of {bound.name!r} is started: {stop}; whoever is {stop.role} can let it go on")
        lease = self._worker.leases.fresh(run)
        payload: dict[str, Any] = {"pins": bound.process.pins, "version": bound.process.version}
        if encoded.files:
            payload["files"] = dict(encoded.files)
        draft = Draft(
            Place(LIFE, 0),
            "started",
            bound.name,
            payload,
            self._ledger.clock.now(),
            encoded.within("arguments"),
            encoded,
            {"arguments": encoded},
        )
        first = (draft, self._ledger.encrypted(draft))

        def begin(writer: Writer) -> Begun | None:
            living = under_living_keys(self._ledger.vault, writer.tx, (first,))[0] if first[1].keys else first
            entries = writer.begin(run, living, lease=lease)
            return Begun(entries, writer.end, values, encoded.files) if entries else None

        try:
            begun = self._ledger.commit(begin)
        except BaseException:
            self._worker.leases.forget(lease)
            raise
        if begun is not None:
            return Run(self._reader, run), self._worker.segment(bound, lease, begun)
        check_duplicate(self._ledger, run, bound.name, encoded)
        return Run(self._reader, run), self._worker.take_up(run)

    def _bound(self, process: Any) -> BoundProcess[Any]:
        if isinstance(process, BoundProcess):
            self._processes[process.name] = process
            return process
        if not isinstance(process, Process):
            raise DefinitionError(f"start({process!r}, ...): give a process, made with @process")
        known = self._processes.get(process.name)
        if known is not None and known.process is process:
            return known
        if process.signature.missing({}):
            raise UnknownProcess(
                f"the runtime has no wiring for process {process.name!r}; give it {process.name}.bind(...)"
            )
        return self._bound(process.bind())


def _random_id() -> str:
    import uuid

    return uuid.uuid4().hex
