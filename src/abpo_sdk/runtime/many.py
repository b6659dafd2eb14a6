"""Many runs of one process: some at a time, in bounded memory, to be begun again where they were left."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import AbpoError, DefinitionError, LedgerFrozen, RunBusy, RuntimeStopped, StoreUnavailable
from abpo_sdk.steps import BoundProcess, Process
from abpo_sdk.steps.side_by_side import check_workers

if TYPE_CHECKING:
    from concurrent.futures import Future

    from abpo_sdk.runtime.run import Run

AHEAD = 2
"""How many cases are taken ahead for each worker."""

FATAL = (StoreUnavailable, LedgerFrozen, RuntimeStopped)
"""What keeps every run from being started, and not one alone."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of many cases.

    Args:
        process: the name of the process.
        counts: how many runs are in each status.
        refused: the cases that could not be started, by the ids of their runs, with the error of each.

    >>> print(Mapped("settle_claim", {"done": 2_000, "waiting": 50}))
    2,050 runs of settle_claim: 2,000 done, 50 waiting
    """

    process: str
    counts: Mapping[str, int]
    refused: Mapping[str, Exception] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        each = ", ".join(f"{count:,} {status}" for status, count in self.counts.items())
        refused = f"; {len(self.refused):,} refused" if self.refused else ""
        return f"{self.runs:,} runs of {self.process}{': ' if each else ''}{each}{refused}"


class Cases:
    """Cases with the ids of their runs, taken one by one, never all at once.

    Args:
        process: what they are cases of.
        cases: them, by their ids; or them alone.
        identify: gives the id of the run of a case.

    Raises:
        DefinitionError: nothing says what the ids are.
    """

    def __init__(
        self,
        process: Process[Any, Any] | BoundProcess[Any],
        cases: Mapping[str, Any] | Iterable[Any],
        identify: Callable[[Any], str] | None,
    ) -> None:
        bound = process.process if isinstance(process, BoundProcess) else process
        if not isinstance(bound, Process):
            raise DefinitionError(f"map({process!r}, ...): give a process, made with @process")
        if isinstance(cases, Mapping) == (identify is not None):
            raise DefinitionError(
                "map() needs to know the id of each run, so that it can go on where it was left: give the cases as a mapping "
                "{id: case}, or say how a case is identified: id=lambda invoice: invoice.number"
            )
        self.name = bound.name
        self.total = len(cases) if isinstance(cases, Sized) else None
        self._single = len(bound.signature.case) == 1
        self._cases = cases
        self._identify = identify

    def __iter__(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        if isinstance(self._cases, Mapping):
            pairs: Iterable[tuple[str, Any]] = self._cases.items()
        else:
            pairs = ((self._identify(case), case) for case in self._cases)  # type: ignore[misc]  # checked above
        for identifier, case in pairs:
            if self._single:
                yield identifier, (case,)
            elif isinstance(case, tuple):
                yield identifier, case
            else:
                raise DefinitionError(
                    f"map(): process {self.name!r} takes several values, so each case is a tuple of them, and this is a {type(case).__name__}"
                )


class Tally:
    """Counts what becomes of cases, and shows it in a bar."""

    def __init__(self, cases: Cases, bar: Any) -> None:
        self._name = cases.name
        self._counts: Counter[str] = Counter()
        self._refused: dict[str, Exception] = {}
        self._bar = bar
        self._lock = threading.Lock()
        self.fatal: Exception | None = None

    def add(self, identifier: str, start: Callable[[], Run[Any]]) -> None:
        """Start a run, and count what became of it."""
        try:
            self._count(start().status)
        except FATAL as error:
            self.fatal = self.fatal or error
        except RunBusy:
            self._count("running")
        except AbpoError as error:
            self.refuse(identifier, error)

    async def add_async(self, identifier: str, start: Any) -> None:
        """`add`, of a run whose start is awaited."""
        try:
            run = await start()
        except BaseException as error:  # noqa: BLE001  sorted out where the plain ones are
            self.add(identifier, _raising(error))
        else:
            self.add(identifier, lambda: run)

    def refuse(self, identifier: str, error: Exception) -> None:
        """Note a case that could not be started."""
        kept: BaseException | None = error
        while kept is not None:  # a traceback holds the frames that it went through, and these the case
            kept.__traceback__, kept = None, kept.__cause__ or kept.__context__
        with self._lock:
            self._refused[identifier] = error
            self._show()

    def result(self) -> Mapped:
        """What became of all.

        Raises:
            StoreUnavailable, LedgerFrozen, RuntimeStopped: it was broken off; what was begun is in the ledger.
        """
        if self.fatal is not None:
            raise self.fatal
        order = ("done", "waiting", "incident", "running", "abandoned")
        counts = {status: self._counts[status] for status in order if self._counts[status]}
        return Mapped(self._name, MappingProxyType(counts), MappingProxyType(self._refused))

    def _count(self, status: str) -> None:
        with self._lock:
            self._counts[status] += 1
            self._show()

    def _show(self) -> None:
        if self._bar is not None:
            counts = {s: n for s, n in self._counts.items() if s != "done"}
            shown = counts | ({"refused": len(self._refused)} if self._refused else {})
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update()


def map_in_threads(
    cases: Cases, start: Callable[[str, tuple[Any, ...]], Run[Any]], *, workers: int, progress: bool
) -> Mapped:
    """Start a run for each case, some at a time, each in a thread."""
    from concurrent.futures import ThreadPoolExecutor

    check_workers(workers, "map")
    room = threading.BoundedSemaphore(workers * AHEAD)
    with _bar(cases, shown=progress) as bar, ThreadPoolExecutor(workers, "abpo-map") as pool:
        tally = Tally(cases, bar)

        def work(identifier: str, case: tuple[Any, ...]) -> None:
            try:
                if tally.fatal is None:
                    tally.add(identifier, lambda: start(identifier, case))
            finally:
                room.release()

        futures: set[Future[None]] = set()
        for identifier, case in cases:
            room.acquire()
            if tally.fatal is not None:
                break
            done = {future for future in futures if future.done()}
            futures -= done
            for future in done:
                future.result()  # what no run should raise, its caller hears of
            futures.add(pool.submit(work, identifier, case))
        for future in futures:
            future.result()
    return tally.result()


async def map_in_tasks(cases: Cases, start: Any, *, workers: int, progress: bool) -> Mapped:
    """The same in an event loop, each in a task."""
    import asyncio

    check_workers(workers, "map")
    with _bar(cases, shown=progress) as bar:
        tally = Tally(cases, bar)
        waiting = iter(cases)

        async def work() -> None:
            for identifier, case in waiting:
                if tally.fatal is not None:
                    return
                await tally.add_async(identifier, lambda i=identifier, c=case: start(i, c))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())
        except* Exception as errors:  # noqa: BLE001  what no run should raise, raised as it is
            raise errors.exceptions[0] from None
    return tally.result()


def _raising(error: BaseException) -> Callable[[], Any]:
    def again() -> Any:
        raise error

    return again


@contextmanager
def _bar(cases: Cases, *, shown: bool) -> Iterator[Any]:
    """A progress bar, in a terminal or a notebook."""
    if not shown:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=cases.total, desc=cases.name, unit="run") as bar:
        yield bar
