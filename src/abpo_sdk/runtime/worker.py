"""Advances runs, one segment after the other, and takes up those whose worker is gone or whose time has come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from abpo_sdk.errors import RunBusy, RunError, RunStale, RuntimeStopped, UnknownProcess, UnknownRun
from abpo_sdk.gates import Reviews, Switches
from abpo_sdk.ledger import Lease, Ledger
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.observing import Observer
from abpo_sdk.runtime.pins import why_stale
from abpo_sdk.runtime.reading import RunReader
from abpo_sdk.runtime.segment import Begun, Segment
from abpo_sdk.steps import BoundProcess
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.review import Review

log = logging.getLogger("abpo_sdk.runtime")

NOT_MINE = (RunBusy, RunStale, RuntimeStopped, UnknownProcess, UnknownRun)
"""What keeps this worker from advancing a run, and is no trouble: another one does, or `stale` says that nobody can."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one round did: the reviews that went to another role, the runs that went on, and those that could not, with the error."""

    escalated: tuple[str, ...]
    advanced: tuple[str, ...]
    failed: Mapping[str, Exception] = field(default_factory=dict)


class Worker:
    """Advances the runs of a ledger.

    Args:
        ledger: the ledger.
        reviews: where gates ask.
        leases: the right to write to runs.
        processes: the processes that it can run, by name.
        reader: reads runs.
    """

    def __init__(
        self,
        ledger: Ledger,
        reviews: Reviews,
        leases: Leases,
        processes: Mapping[str, BoundProcess[Any]],
        reader: RunReader,
    ) -> None:
        self.leases = leases
        self.observe: Observer | None = None
        self.stopped = False  # no Event, whose lock a signal handler could find taken by its own thread
        self._ledger = ledger
        self._reviews = reviews
        self._processes = processes
        self._reader = reader
        self._left: set[str] = set()

    @property
    def switches(self) -> Switches:
        """What people have stopped."""
        return self._reviews.switches

    def advance(self, run: str) -> bool:
        """Go on with a run as far as it can go; see `Runtime.advance`.

        Returns:
            Whether it could go on.
        """
        taken = self.take(run)
        if taken is not None:
            self.run(taken)
        return taken is not None

    async def advance_async(self, run: str) -> bool:
        """`advance`, from an event loop."""
        taken = self.take(run)
        if taken is not None:
            await self.run_async(taken)
        return taken is not None

    def try_advance(self, run: str) -> None:
        """Leave to another worker what this one cannot advance: its tick will."""
        with suppress(*NOT_MINE):
            self.advance(run)

    async def try_advance_async(self, run: str) -> None:
        """`try_advance`, from an event loop."""
        with suppress(*NOT_MINE):
            await self.advance_async(run)

    def tick(self) -> Tick:
        """One round; see `Runtime.tick`."""
        done = _Round(self._reviews.escalate())
        for run in self.to_do():
            with done.trying(run) as went_on:
                went_on(self.advance(run))
        return done.result()

    async def tick_async(self) -> Tick:
        """`tick`, from an event loop."""
        done = _Round(self._reviews.escalate())
        for run in self.to_do():
            with done.trying(run) as went_on:
                went_on(await self.advance_async(run))
        return done.result()

    def to_do(self) -> Iterator[str]:
        """The runs that this worker can go on with: those whose worker is gone, and those whose time has come."""
        running = self._ledger.store.select(RunRow, equal={"status": "running"}, order="started_at")
        for row in (*running, *self._due()):
            if self.stopped:
                return
            if not self._is_mine(row):
                self._say_left(row)
            elif self._is_free(row.id):
                yield row.id

    def take(self, run: str) -> Segment | None:
        """The next segment of a run, with its lease; None where the run can go no further by itself.

        Raises:
            UnknownRun, UnknownProcess, RunStale, RunBusy: as for `Runtime.advance`.
        """
        self.check_going_on()
        row = self._reader.row(run)
        if row.status != "running" and row not in self._due(run):
            return None
        bound = self.bound_of(row)
        if row.version != bound.process.version:
            raise RunStale(
                f"run {run!r}: {why_stale(self._ledger, run, bound.process)}; bring back the code that it runs with, "
                "or have it go on with the new code by runtime.migrate(...)"
            )
        return self.segment(bound, self.leases.acquire(run, status=row.status, version=row.version))

    def bound_of(self, row: RunRow) -> BoundProcess[Any]:
        """The process of a run, with its wiring; raises `UnknownProcess` where this runtime does not have it."""
        bound = self._processes.get(row.process)
        if bound is None:
            raise UnknownProcess(
                f"run {row.id!r} is of process {row.process!r}, which was not given to this runtime; "
                f"write Runtime(..., [{row.process}.bind(...)])"
            )
        return bound

    def check_going_on(self) -> None:
        """Raise `RuntimeStopped` where nothing more is to be begun."""
        if self.stopped:
            raise RuntimeStopped("the runtime was stopped, and begins nothing more; go on with a new one")

    def take_up(self, run: str) -> Segment | None:
        """`take`, of a run that was started before, if its worker is gone."""
        row = self._reader.row(run)
        if row.status == "running" and self._is_mine(row) and self._is_free(run):
            with suppress(RunBusy):  # another worker was quicker
                return self.take(run)
        return None

    def segment(self, bound: BoundProcess[Any], lease: Lease, begun: Begun | None = None) -> Segment:
        """The next segment of a run; where its entries cannot be read, the lease is given back."""
        try:
            begun = begun or Begun(self._ledger.entries(lease.chain))
            return Segment(
                self._ledger, self._reviews, self.leases, bound, lease, self.observe, begun, lambda: self.stopped
            )
        except BaseException:
            self.leases.give_up(lease)
            raise

    def run(self, segment: Segment) -> Segment:
        """Run a segment, and those that can follow at once.

        Returns:
            The last.
        """
        if segment.asynchronous:
            import asyncio

            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return asyncio.run(self.run_async(segment))
            segment.give_up()
            raise RunError(
                f"{segment} and was called from an event loop; "
                "use start_async, answer_async, retry_async or tick_async there (tick_async goes on with this run)"
            )
        while not segment.run():
            segment = self.segment(segment.bound, segment.chain.lease)
        return segment

    async def run_async(self, segment: Segment) -> Segment:
        """`run`, from an event loop; a plain process runs in a thread."""
        if not segment.asynchronous:
            import asyncio

            return await asyncio.to_thread(self.run, segment)
        while not await segment.run_async():
            segment = self.segment(segment.bound, segment.chain.lease)
        return segment

    def _say_left(self, row: RunRow) -> None:
        """Say of a run, once, that this worker leaves it alone."""
        if row.id not in self._left:
            self._left.add(row.id)
            log.warning(
                "run %r of %r, version %s, is left alone: this worker does not have its code; see runtime.stale()",
                row.id,
                row.process,
                row.version,
            )

    def _is_mine(self, row: RunRow) -> bool:
        bound = self._processes.get(row.process)
        return bound is not None and bound.process.version == row.version

    def _is_free(self, run: str) -> bool:
        head = self._ledger.store.head(run)
        return head is not None and not self.leases.held(head.holder, head.until)

    def _due(self, run: str | None = None) -> list[RunRow]:
        """The runs that wait for a time which has come."""
        equal = {"status": "waiting"} | ({"id": run} if run is not None else {})
        until = {"wake_at": to_text(self._ledger.clock.now())}
        return self._ledger.store.select(RunRow, equal=equal, until=until, order="wake_at")


class _Round:
    """What a round has done so far."""

    def __init__(self, escalated: Sequence[Review]) -> None:
        self._escalated = tuple(str(review.id) for review in escalated)
        self._advanced: list[str] = []
        self._failed: dict[str, Exception] = {}

    @contextmanager
    def trying(self, run: str) -> Iterator[Callable[[bool], None]]:
        """One run's trouble is not the others'; what is yielded is to be told whether it went on."""

        def went_on(done: bool) -> None:  # noqa: FBT001  the one thing that it is told
            if done:
                self._advanced.append(run)

        try:
            yield went_on
        except NOT_MINE:
            return
        except SystemExit as error:
            self._failed[run] = RunError(
                f"run {run!r}: a step ended in {error!r}; have it return, or raise an Exception"
            )
        except Exception as error:  # noqa: BLE001  it is in what is returned
            self._failed[run] = error

    def result(self) -> Tick:
        """What it did; raises where no run could go on."""
        if self._failed and not self._advanced:
            raise next(iter(self._failed.values()))
        return Tick(self._escalated, tuple(self._advanced), self._failed)
