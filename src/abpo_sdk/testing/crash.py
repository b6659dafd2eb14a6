"""Crashes a process everywhere, and looks whether anything was lost or done twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from abpo_sdk.errors import CrashTestFailed, DefinitionError
from abpo_sdk.ledger import Ledger, SqliteStore, Transaction
from abpo_sdk.ledger.keys.file_vault import FileVault
from abpo_sdk.runtime import Run
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.values.review import Review

W = TypeVar("W")

RUN = "crash-test"
ROUNDS = 1000

Answers = Mapping[str, str | Callable[[Review], str]]


class Crash(BaseException):
    """The process is gone; no `Exception`, since no code of a dead process runs on."""


@dataclass(slots=True)
class _Trace:
    """Where the run has been, and where it is to crash."""

    crash_at: int | None = None
    points: list[str] = field(default_factory=list)
    dead: bool = False

    def reach(self, point: str) -> None:
        """Be at a point, and crash there if that is the one."""
        if self.dead:
            raise Crash
        self.points.append(point)
        if len(self.points) - 1 == self.crash_at:
            self.dead = True
            raise Crash


class _CrashingStore:
    """A store that can die before and after each write; once it is dead nothing gets through any more."""

    def __init__(self, store: SqliteStore, trace: _Trace) -> None:
        self._store = store
        self._trace = trace

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        if self._trace.dead:
            raise Crash
        with self._store.transaction() as tx:
            yield tx
            self._trace.reach("before a ledger write")
        self._trace.reach("after a ledger write")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: str
    result: Any
    effects: list[Any]


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Where the process was crashed, and survived.

    Args:
        points: each point, in the order in which the undisturbed run comes by.
    """

    points: tuple[str, ...]

    def __str__(self) -> str:
        return f"survived a crash at each of {len(self.points)} points"


def survives_crashes(
    make: Callable[[W], BoundProcess[Any]],
    /,
    *case: Any,
    world: Callable[[], W],
    effects: Callable[[W], Any],
    answers: Answers | None = None,
) -> CrashReport:
    """Check that a process loses nothing and does nothing twice, wherever it crashes.

    The process runs once undisturbed. Then, for each point that this run came by (before and after every
    write to the ledger, before and after every step with an effect), it runs in a new world and crashes there;
    a new runtime goes on from what the ledger has, until the end. The world outlives the crash, the process
    does not. Each time, status, result and effects must equal those of the undisturbed run, and the ledger
    must verify.

    Args:
        make: gives the process, bound to a world: `lambda erp: pay_invoice.bind(erp=erp)`.
        *case: what the process is started with.
        world: makes what the process changes: a fake of the outside, or the real thing.
        effects: gives what was done to a world, as something that compares with `==`, such as a list of bookings.
        answers: for each gate, the outcome that the person answers, or a function from the review to it.

    Returns:
        The points at which it was crashed.

    Raises:
        CrashTestFailed: something was lost or doubled (an AssertionError, too); names the point.
        DefinitionError: a gate asked, and `answers` has no answer for it.
    """
    with tempfile.TemporaryDirectory(prefix="abpo-crash-") as directory:
        undisturbed_trace = _Trace()
        undisturbed = _Trial(make, case, world(), effects, answers or {}, Path(directory) / "undisturbed.db")
        expected = undisturbed.live(undisturbed_trace)
        if expected.status != "done":
            raise CrashTestFailed(
                f"the undisturbed run ended {expected.status}, so a crash test would show nothing: {expected.result}"
            )
        points = undisturbed_trace.points
        for number, point in enumerate(points):
            trial = _Trial(make, case, world(), effects, answers or {}, Path(directory) / f"{number}.db")
            trace = _Trace(crash_at=number)
            where = f"a crash {point} (point {number + 1} of {len(points)})"
            with suppress(Crash):
                trial.live(trace)
            if not trace.dead or trace.points[-1] != point:
                raise CrashTestFailed(f"{where} was never reached: the process does other things from run to run")
            _compare(trial.recover(), expected, where)
    return CrashReport(tuple(points))


@dataclass(slots=True)
class _Trial:
    """One life of a process in one world, and its life after death."""

    make: Callable[[Any], BoundProcess[Any]]
    case: tuple[Any, ...]
    world: Any
    effects: Callable[[Any], Any]
    answers: Answers
    path: Path

    def live(self, trace: _Trace) -> _Outcome:
        """Run until the end, or the crash."""
        with self._runtime(_CrashingStore(SqliteStore(self.path), trace)) as runtime:
            runtime.observe(lambda moment, step: trace.reach(f"{moment.replace(' ', ' the ')} of step {step!r}"))
            return self._drive(runtime)

    def recover(self) -> _Outcome:
        """Go on in a new runtime from what the ledger has, and verify it."""
        with self._runtime(SqliteStore(self.path)) as runtime:
            runtime.take_over()  # from this very process, which only played dead
            outcome = self._drive(runtime)
            runtime.ledger.verify()
            return outcome

    def _runtime(self, store: Any) -> TestRuntime:
        vault = FileVault(self.path.with_name(self.path.name + ".keys"))
        return TestRuntime(Ledger(store, vault=vault), [self.make(self.world)])

    def _drive(self, runtime: TestRuntime) -> _Outcome:
        bound = self.make(self.world)
        run: Run[Any] = runtime.start(bound, *self.case, id=RUN)
        for _ in range(ROUNDS):
            if run.status != "waiting":
                break
            for review in run.reviews:
                review.answer(self._answer(review), by=runtime.someone(review.to), because="answered by the crash test")
        incident = run.incident
        result = run.result() if run.status == "done" else incident.error if incident else None
        return _Outcome(run.status, result, _copied(self.effects(self.world)))

    def _answer(self, review: Review) -> str:
        answer = self.answers.get(review.gate)
        if answer is None:
            raise DefinitionError(f"gate {review.gate!r} asks, and answers={{...}} has no answer for it")
        return answer(review) if callable(answer) else answer


def _copied(effects: Any) -> Any:
    return list(effects) if isinstance(effects, (list, tuple)) else effects


def _compare(outcome: _Outcome, expected: _Outcome, where: str) -> None:
    if outcome.effects != expected.effects:
        raise CrashTestFailed(
            f"{where}: afterwards the effects are {outcome.effects!r}, and without the crash they are {expected.effects!r}; "
            "does the step hand idempotency_key() to what it changes?"
        )
    if (outcome.status, outcome.result) != (expected.status, expected.result):
        raise CrashTestFailed(
            f"{where}: afterwards the run is {outcome.status} with {outcome.result!r}, and without the crash {expected.status} with {expected.result!r}"
        )
