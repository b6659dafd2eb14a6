"""The runtime: binds processes, a ledger and people, and runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args, overload

from abpo_sdk.errors import DefinitionError, IncidentError, UnknownRun
from abpo_sdk.gates import Notice, People, Reviews, Segment, Stop
from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.lineage import Lineage
from abpo_sdk.policies import Policy
from abpo_sdk.runtime.incidents import record_resolution
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.observing import Observer, together
from abpo_sdk.runtime.pins import swapped_policy
from abpo_sdk.runtime.reading import RunReader
from abpo_sdk.runtime.run import Incident, Run, Status
from abpo_sdk.runtime.starting import Starter
from abpo_sdk.runtime.stopping import held_by, stoppable
from abpo_sdk.runtime.worker import Tick, Worker
from abpo_sdk.steps import BoundProcess, Process
from abpo_sdk.values.clock import Clock
from abpo_sdk.values.review import Review

if TYPE_CHECKING:
    import pandas as pd

    from abpo_sdk.runtime.many import Mapped
    from abpo_sdk.runtime.service import Service
    from abpo_sdk.runtime.versions import Migration, StaleRun

R = TypeVar("R")
T = TypeVar("T")

LEASE = timedelta(minutes=5)
SECOND = timedelta(seconds=1)


class Runtime:
    """Runs processes so that they survive crashes and wait for people.

    Args:
        ledger: where the ledger is, such as "sqlite:///abpo.db"; or a `Ledger`.
        processes: what it can run, each with its wiring: `pay_invoice.bind(erp=...)`.
        people: who may answer and resolve incidents, and their roles.
        clock: tells the time; default: the machine's; a `Ledger` comes with its own.
        lease: how long a worker that writes nothing is waited for before its run is taken over (a worker of this host that
            is dead, not at all), or a quarter less; well longer than the longest step takes.
        observers: functions that are told of each `Moment` of its runs, such as `OpenTelemetry()`; what one raises, the run does.
        segments: the parts of the cases that can be stopped by name.
        notify: is told of each `Notice`: a review was opened, is to be reminded of, went to another role, expired.

    Raises:
        DefinitionError: two processes of one name, one whose wiring is missing, no ledger, or an observer that cannot be called.
        StoreUnavailable, SchemaUnknown: the ledger cannot be opened.

    >>> from abpo_sdk.steps import process
    >>> @process
    ... def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> Runtime("sqlite://", [greet]).start(greet, "Ada").result()
    'hello Ada'
    """

    def __init__(
        self,
        ledger: str | Ledger,
        processes: Iterable[BoundProcess[Any] | Process[Any, Any]] = (),
        *,
        people: People | Mapping[str, Collection[str]] | None = None,
        clock: Clock | None = None,
        lease: timedelta = LEASE,
        observers: Iterable[Observer] = (),
        segments: Iterable[Segment] = (),
        notify: Callable[[Notice], None] | None = None,
    ) -> None:
        if isinstance(ledger, Ledger) and clock is not None:
            raise DefinitionError("clock= is given twice: a Ledger comes with its own; write Ledger(..., clock=...)")
        if not isinstance(ledger, (str, Ledger)):
            raise DefinitionError(f"Runtime({ledger!r}): give a ledger or where it is, such as 'sqlite:///abpo.db'")
        self.ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger, clock=clock)
        self.people = people if isinstance(people, People) else People(people)
        self._processes: dict[str, BoundProcess[Any]] = {}
        self._reviews = Reviews(
            self.ledger,
            self.people,
            segments=segments,
            notify=notify,
            swapped=lambda run, policy, version: swapped_policy(self.ledger, self._processes, run, policy, version),
            answered=self._answered,
            answered_async=self._answered_async,
        )
        self._reader = RunReader(self.ledger, self._reviews, self._processes, self._resolve, self._resolve_async)
        self._worker = Worker(self.ledger, self._reviews, Leases(self.ledger, lease), self._processes, self._reader)
        self._starter = Starter(self.ledger, self._worker, self._processes, self._reader)
        self._worker.observe = together(observers)
        for given in processes:
            bound = given if isinstance(given, BoundProcess) else given.bind()
            if bound.name in self._processes:
                raise DefinitionError(f"two processes are called {bound.name!r}; give one of them another name=")
            self._processes[bound.name] = bound

    @property
    def desk(self) -> Reviews:
        """Where its reviews are: a person's next one, delegations, known cases, many at once."""
        return self._reviews

    @property
    def clock(self) -> Clock:
        """What tells the time."""
        return self.ledger.clock

    # starting and advancing

    @overload
    def start(
        self,
        process: Process[..., Coroutine[Any, Any, T]] | BoundProcess[Coroutine[Any, Any, T]],
        /,
        *args: Any,
        id: str | None = None,
        **kwargs: Any,
    ) -> Run[T]: ...
    @overload
    def start(
        self, process: Process[..., R] | BoundProcess[R], /, *args: Any, id: str | None = None, **kwargs: Any
    ) -> Run[R]: ...

    def start(self, process: Any, /, *args: Any, id: str | None = None, **kwargs: Any) -> Run[Any]:  # noqa: A002
        """Start a run, and run it until it is done, waits for a person, or is an incident.

        Args:
            process: the process; one that comes with its wiring is known to the runtime from now on.
            *args: the case: what stands before `*` in the process.
            id: the run's id, from the business ("INV-7"); default: a random one. It is stored in clear.
            **kwargs: the case, by name.

        Returns:
            The run. Starting an id again with the same case gives the same run, which goes on if its worker died.

        Raises:
            DuplicateRun: the id is taken by a run with another case.
            UnknownProcess: the process was not given to the runtime, and its wiring is missing.
            Stopped: a person has stopped the process; see `stop`.
            LossyRoundTrip, MistypedInput, EncryptionError: the case cannot be stored as it is.
            StoreUnavailable: the ledger cannot be written.
        """
        run, segment = self._starter.start(process, args, kwargs, id)
        if segment is not None:
            run.see_end(self._worker.run(segment).result)
        return run

    @overload
    async def start_async(
        self,
        process: Process[..., Coroutine[Any, Any, T]] | BoundProcess[Coroutine[Any, Any, T]],
        /,
        *args: Any,
        id: str | None = None,
        **kwargs: Any,
    ) -> Run[T]: ...
    @overload
    async def start_async(
        self, process: Process[..., R] | BoundProcess[R], /, *args: Any, id: str | None = None, **kwargs: Any
    ) -> Run[R]: ...

    async def start_async(self, process: Any, /, *args: Any, id: str | None = None, **kwargs: Any) -> Run[Any]:  # noqa: A002
        """`start`, from an event loop; a plain process runs in a thread."""
        run, segment = self._starter.start(process, args, kwargs, id)
        if segment is not None:
            run.see_end((await self._worker.run_async(segment)).result)
        return run

    def advance(self, run_id: str) -> None:
        """Go on with a run as far as it can go; all that an engine has to call.

        Raises:
            UnknownRun: there is none of this id.
            UnknownProcess: its process was not given to this runtime.
            RunStale: its code has changed.
            RunBusy: another worker is at it.
        """
        self._worker.advance(run_id)

    async def advance_async(self, run_id: str) -> None:
        """`advance`, from an event loop."""
        await self._worker.advance_async(run_id)

    def tick(self) -> Tick:
        """One round: overdue reviews go to their next role, and runs whose worker is gone or whose time has come go on.

        A run that cannot go on does not keep the others from it; it is in `failed` of what is returned. A run whose code
        is not there is left to workers that have it; see `stale`.

        Raises:
            AbpoError: no run could go on; the error of the first.
        """
        return self._worker.tick()

    async def tick_async(self) -> Tick:
        """`tick`, from an event loop."""
        return await self._worker.tick_async()

    @overload
    def stop(self, target: None = None, /) -> None: ...
    @overload
    def stop(
        self, target: Process[Any, Any] | BoundProcess[Any] | Policy | Segment, /, *, to: str, by: str, because: str
    ) -> Stop: ...

    def stop(self, target: Any = None, /, *, to: str = "", by: str = "", because: str = "") -> Stop | None:
        """Stop a process, a policy or a segment, at once and in every worker; or this worker, where nothing is named.

        A stopped process begins nothing more: its runs become incidents at their next call, for people to look at, and go on
        when it is restarted. What a stopped policy decides, or any policy about a case of a stopped segment, is put before a
        person of the role `to`, whose answer stands in its place; a gate lets nothing of it through by itself.

        A worker that is stopped (no `target`) begins nothing more, and has each run that is being advanced end at its next
        call; another worker goes on there. Nothing is lost: the call that is being done is done and recorded. May be called
        from a signal handler: `signal.signal(signal.SIGTERM, lambda *_: runtime.stop())`. What a person answers is still
        recorded.

        Args:
            target: the process, policy or `Segment`.
            to: the role that decides meanwhile, and alone lets it go on.
            by: the person who stops it, by id.
            because: why.

        Raises:
            NotPermitted: nobody knows the person.
            NobodyHolds: nobody holds the role.
            RationaleMissing: `because` is blank.
            DefinitionError: it is no process, policy or segment, or it is stopped already.

        >>> from abpo_sdk import process
        >>> from abpo_sdk.errors import Stopped
        >>> @process
        ... def greet(name: str) -> str:
        ...     return f"hello {name}"
        >>> runtime = Runtime("sqlite://", [greet], people={"ines@acme": {"head"}})
        >>> _ = runtime.stop(greet, to="head", by="ines@acme", because="it greets the wrong people")
        >>> try:
        ...     runtime.start(greet, "Ada")
        ... except Stopped:
        ...     runtime.restart(greet, by="ines@acme", because="it was mended")
        >>> runtime.start(greet, "Ada").result()
        'hello Ada'
        """
        if target is None:
            self._worker.stopped = True
            return None
        return self._reviews.switches.stop(*stoppable(target), to=to, by=by, because=because)

    def restart(
        self, target: Process[Any, Any] | BoundProcess[Any] | Policy | Segment, /, *, by: str, because: str
    ) -> None:
        """Let what was stopped go on; the runs that wait for it go on at once.

        Raises:
            NotPermitted: the person does not hold the role that was named when it was stopped.
            RationaleMissing: `because` is blank.
            DefinitionError: it is not stopped.
        """
        what, name = stoppable(target)
        stop = self._reviews.switches.restart(what, name, by=by, because=because)
        for incident in self.incidents() if what == "process" else ():
            if held_by(stop, incident):
                with suppress(IncidentError):  # somebody was quicker
                    incident.retry(by=by, because=because)

    async def restart_async(
        self, target: Process[Any, Any] | BoundProcess[Any] | Policy | Segment, /, *, by: str, because: str
    ) -> None:
        """`restart`, from an event loop."""
        what, name = stoppable(target)
        stop = self._reviews.switches.restart(what, name, by=by, because=because)
        for incident in self.incidents() if what == "process" else ():
            if held_by(stop, incident):
                with suppress(IncidentError):
                    await incident.retry_async(by=by, because=because)

    def stops(self) -> tuple[Stop, ...]:
        """What is stopped now, by whoever's order; see `stop`."""
        return self._reviews.switches.stops()

    def serve(self, *, every: timedelta = SECOND, workers: int = 4) -> Service:
        """Look again and again for times that have come and for runs whose worker is gone, and go on with them, in threads.

        Args:
            every: how long to wait between two rounds.
            workers: how many runs go on at the same time.

        Returns:
            The service, which works from now on: `with runtime.serve(): ...`, or call its `stop`.

        Raises:
            DefinitionError: `every` is no duration, or `workers` no number from 1 on.

        >>> runtime = Runtime("sqlite://")
        >>> with runtime.serve() as service:
        ...     service.error is None, dict(service.failing)
        (True, {})
        """
        from abpo_sdk.runtime.service import Service

        return Service(self._worker, self._reviews, every=every, workers=workers)

    async def serve_async(self, *, every: timedelta = SECOND) -> None:
        """`serve`, to be run as a task: returns when it is cancelled, or `stop` is called."""
        from abpo_sdk.runtime.service import serve_async

        await serve_async(self._worker, every=every)

    # many at once

    def map(
        self,
        process: Process[..., Any] | BoundProcess[Any],
        cases: Mapping[str, Any] | Iterable[Any],
        /,
        *,
        id: Callable[[Any], str] | None = None,  # noqa: A002
        workers: int = 8,
        progress: bool = False,
    ) -> Mapped:
        """Start a run for each case, some at a time, and count what became of them.

        Cases are taken as they are needed, so there may be more of them than fit into memory. Broken off and called
        again, it goes on: a case whose run is there is the same run, and what is done is not done again.

        Args:
            process: the process.
            cases: the cases by the ids of their runs, or the cases alone; of a process that takes several values, tuples.
            id: gives the id of the run of a case, where `cases` holds the cases alone.
            workers: how many runs are started at the same time, each in a thread.
            progress: whether to show a bar, in a terminal or a notebook.

        Returns:
            How many runs are in which status, and the cases that were refused (another case has the id, say).

        Raises:
            DefinitionError: nothing says what the ids are, or a case is no tuple where it must be.
            StoreUnavailable, LedgerFrozen, RuntimeStopped: it was broken off.

        >>> from abpo_sdk.steps import process
        >>> @process
        ... def greet(name: str) -> str:
        ...     return f"hello {name}"
        >>> print(Runtime("sqlite://").map(greet, ["Ada", "Alan"], id=str.lower))
        2 runs of greet: 2 done
        """
        from abpo_sdk.runtime.many import Cases, map_in_threads

        def start(identifier: str, case: tuple[Any, ...]) -> Run[Any]:
            return self.start(process, *case, id=identifier)

        return map_in_threads(Cases(process, cases, id), start, workers=workers, progress=progress)

    async def map_async(
        self,
        process: Process[..., Any] | BoundProcess[Any],
        cases: Mapping[str, Any] | Iterable[Any],
        /,
        *,
        id: Callable[[Any], str] | None = None,  # noqa: A002
        workers: int = 8,
        progress: bool = False,
    ) -> Mapped:
        """`map`, from an event loop: some runs at a time, each in a task."""
        from abpo_sdk.runtime.many import Cases, map_in_tasks

        async def start(identifier: str, case: tuple[Any, ...]) -> Run[Any]:
            return await self.start_async(process, *case, id=identifier)

        return await map_in_tasks(Cases(process, cases, id), start, workers=workers, progress=progress)

    # looking

    def run(self, id: str) -> Run[Any]:  # noqa: A002
        """The run of this id.

        Raises:
            UnknownRun: there is none.
        """
        self._reader.row(id)
        return Run(self._reader, id)

    def runs(self, status: Status | None = None, *, limit: int | None = None) -> list[Run[Any]]:
        """The runs, or those in one status, in the order in which they were started; the first `limit` of them."""
        if status is not None and status not in get_args(Status):
            raise UnknownRun(f"no run is ever {status!r}; the statuses are {', '.join(get_args(Status))}")
        equal = {"status": status} if status else None
        rows = self.ledger.store.select(RunRow, equal=equal, order="started_at", limit=limit)
        return [Run(self._reader, row.id) for row in rows]

    def incidents(self, *, limit: int | None = None) -> list[Incident]:
        """The runs that wait for a person to resolve them, in the order in which they were started; the first `limit` of them."""
        return [incident for run in self.runs("incident", limit=limit) if (incident := run.incident)]

    def stale(self) -> list[StaleRun]:
        """The open runs that this runtime cannot advance: their process was not given to it, or their code has changed.

        Bring back the code, run a worker that has it, or have such a run go on with the new code: `migrate`.
        """
        from abpo_sdk.runtime.versions import stale_runs  # what is seldom called is loaded when it is

        return list(stale_runs(self.ledger, self._processes))

    def migrate(self, run_id: str, *, by: str = "", because: str = "", dry_run: bool = False) -> Migration:
        """Have a run go on with the code that is there now, although it was started with other code.

        First the run is rehearsed: the new code is called, answered from what is recorded, up to what is new to it or
        what it waits for. Only where it makes all recorded calls again, the same, does the run go on with it; who had
        it do so, why, and both versions are an entry of the ledger. Decisions that were made stand as they were made.
        What the run can do then, it does at once, before this returns.

        Args:
            run_id: the run; see `stale`.
            by: the person, by id.
            because: why it may go on with the new code.
            dry_run: whether to rehearse only; then nobody need say anything.

        Returns:
            What the rehearsal found.

        Raises:
            UnknownRun, UnknownProcess: there is no such run, or its process was not given to this runtime.
            DefinitionError: the run has ended, or goes on with this code already.
            NotPermitted, RationaleMissing: nobody known said so, or not why.
            ReplayDiverged: the new code does something else than is recorded; nothing was changed.
            RunBusy: a worker is at it.

        >>> from datetime import timedelta
        >>> from abpo_sdk import process, sleep
        >>> def nap(hours: int) -> str:
        ...     sleep(timedelta(hours=hours))
        ...     return "rested"
        >>> old, new = (process(name="nap", version=version)(nap) for version in ("1", "2"))
        >>> runtime = Runtime("sqlite://", people={"ines@acme": {"operator"}})
        >>> runtime.start(old, 8, id="N-1").status
        'waiting'
        >>> _ = runtime.start(new, 1, id="N-2")
        >>> [stale.id for stale in runtime.stale()]
        ['N-1']
        >>> runtime.migrate("N-1", dry_run=True).fits
        True
        >>> migration = runtime.migrate("N-1", by="ines@acme", because="it naps the same")
        >>> runtime.stale()
        []
        """
        from abpo_sdk.runtime.rehearsal import rehearse
        from abpo_sdk.runtime.versions import record_migration, rehearsed

        row = self._reader.row(run_id)
        bound = self._worker.bound_of(row)
        rehearsal = rehearse(self.ledger, self._reviews, bound, run_id)
        migration = rehearsed(self.ledger, row, bound, rehearsal)
        if not dry_run:
            leases, version = self._worker.leases, bound.process.version
            record_migration(self.ledger, leases, self.people, migration, row, version, by=by, because=because)
            self._worker.try_advance(run_id)
        return migration

    def reviews(self, *, to: str | None = None, limit: int | None = None) -> tuple[Review, ...]:
        """The open reviews that are put to a role (None: to any), oldest first; the first `limit` of them."""
        return self._reviews.list(to=to, limit=limit)

    def decisions(self, policy: str | None = None, *, purpose: str | None = None) -> pd.DataFrame:
        """The decisions as a frame, one row each; see `Ledger.decisions`."""
        return self.ledger.decisions(policy, purpose=purpose)

    def lineage(self, run_id: str) -> Lineage:
        """Where every value that the decisions of a run used came from.

        Raises:
            UnknownRun: there is none of this id.
        """
        return self._reader.lineage(run_id)

    def someone(self, role: str) -> str:
        """The id of a person who holds a role; raises `NobodyHolds` where there is none."""
        return self.people.someone(role)

    def close(self) -> None:
        """Let go of the ledger's files."""
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # how

    def _answered(self, review: Review) -> None:
        self._worker.try_advance(str(review.run))

    async def _answered_async(self, review: Review) -> None:
        await self._worker.try_advance_async(str(review.run))

    def _record_resolution(self, run: str, position: int, action: str, by: str, because: str, value: Any) -> None:
        record_resolution(
            self.ledger,
            self.people,
            self._reader.row(run),
            position=position,
            action=action,
            by=by,
            because=because,
            value=value,
        )

    def _resolve(self, run: str, *resolution: Any) -> None:
        self._record_resolution(run, *resolution)
        self._worker.try_advance(run)

    async def _resolve_async(self, run: str, *resolution: Any) -> None:
        self._record_resolution(run, *resolution)
        await self._worker.try_advance_async(run)
