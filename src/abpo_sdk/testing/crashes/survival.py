"""Crashes a process everywhere, and looks whether anything was lost or done twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from abpo_sdk.errors import CrashTestFailed, RunNotDone
from abpo_sdk.ledger import Ledger, SqliteStore
from abpo_sdk.ledger.keys.vault import MemoryVault
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.crashes.crash_points import Crash, CrashTrace
from abpo_sdk.testing.crashes.crashing_store import CrashingStore
from abpo_sdk.testing.people.scripted_answers import Answers, Script
from abpo_sdk.testing.run_driver import Ending, drive
from abpo_sdk.testing.runtime import TestRuntime

W = TypeVar("W")

RUN = "crash-test"


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: str
    result: Any
    effects: Any


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Where the process was crashed, and survived.

    Args:
        points: each point, in the order in which the undisturbed run came by.

    >>> print(CrashReport(("before the write of started 'pay' at run:0",)))
    survived a crash at each of 1 points:
      before the write of started 'pay' at run:0
    """

    points: tuple[str, ...]

    def __str__(self) -> str:
        return "\n  ".join((f"survived a crash at each of {len(self.points)} points:", *self.points))


def survives_crashes(
    make: Callable[[W], BoundProcess[Any]],
    /,
    *case: Any,
    world: Callable[[], W],
    effects: Callable[[W], Any],
    answers: Answers | None = None,
    ends: Ending = "done",
) -> CrashReport:
    """Check that a process loses nothing and does nothing twice, wherever it crashes.

    The process runs once undisturbed, to its end: people answer, and the clock is turned to whatever is due next (a sleep,
    the pause before another attempt, an escalation). Then, for each point that this run came by (before and after every
    write to the ledger, before and after every effect, each attempt by itself), it runs in a new world and crashes there;
    a new runtime goes on from what the ledger has, until the end. The world outlives the crash, the process does not.
    Each time, status, result and effects must equal those of the undisturbed run, and the ledger must verify.

    Args:
        make: gives the process, bound to a world: `lambda erp: pay_invoice.bind(erp=erp)`.
        *case: what the process is started with.
        world: makes what the process changes: a fake of the outside, or the real thing.
        effects: gives what was done to a world, as something that compares with `==`, such as a list of bookings; sorted,
            where the process does things side by side.
        answers: for each gate, the outcome that the person answers, or a function from the review to it; or for each role,
            and who is not named says nothing, so that the review escalates: `{"approval": {"cfo": "pay"}}`.
        ends: how the undisturbed run must end: "done", "incident", or "abandoned" (an incident is given up then).

    Returns:
        The points at which it was crashed.

    Raises:
        CrashTestFailed: something was lost or doubled (an AssertionError, too); names the point.
        DefinitionError: a gate asks, and `answers` has no answer for it.
    """
    script = Script(answers)

    def trial() -> _Trial:
        return _Trial(make, case, world(), effects, script, ends)

    trace = CrashTrace()
    with trial() as undisturbed:
        expected = undisturbed.live(trace)
    if expected.status != ends:
        raise CrashTestFailed(
            f"the undisturbed run ended {expected.status}, so a crash test would show nothing: {expected.result}"
        )
    for number, point in enumerate(trace.points):
        with trial() as disturbed:
            _crash_at(point, f"a crash {point} (point {number + 1} of {len(trace.points)})", disturbed, expected)
    return CrashReport(tuple(trace.points))


def _crash_at(point: str, where: str, trial: _Trial, expected: _Outcome) -> None:
    trace = CrashTrace(lambda reached: reached == point)
    with suppress(Crash):
        trial.live(trace)
    if not trace.dead:
        raise CrashTestFailed(f"{where} was never reached: the process does other things from run to run")
    try:
        outcome = trial.recover()
    except RunNotDone as error:
        raise CrashTestFailed(f"{where}: afterwards {error}") from error
    _compare(outcome, expected, where)


@dataclass(slots=True)
class _Trial:
    """One life of a process in one world, and its life after death."""

    make: Callable[[Any], BoundProcess[Any]]
    case: tuple[Any, ...]
    world: Any
    effects: Callable[[Any], Any]
    script: Script
    ends: Ending
    store: SqliteStore = field(default_factory=lambda: SqliteStore(None))  # a disk would take most of the time
    vault: MemoryVault = field(default_factory=MemoryVault)
    clock: FakeClock = field(default_factory=FakeClock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def live(self, trace: CrashTrace) -> _Outcome:
        """Run until the end, or the crash."""
        runtime = self._runtime(CrashingStore(self.store, trace))
        runtime.observe(trace.effect)
        return self._drive(runtime)

    def recover(self) -> _Outcome:
        """Go on in a new runtime from what the ledger has, and verify it."""
        self.clock = FakeClock(self.clock.now())  # time goes on, and the dead hear nothing of it
        runtime = self._runtime(self.store)
        runtime.take_over()  # from this very process, which only played dead
        outcome = self._drive(runtime)
        runtime.ledger.verify()
        return outcome

    def _runtime(self, store: Any) -> TestRuntime:
        ledger = Ledger(store, vault=self.vault)
        return TestRuntime(ledger, [self.make(self.world)], clock=self.clock)

    def _drive(self, runtime: TestRuntime) -> _Outcome:
        run = runtime.start(self.make(self.world), *self.case, id=RUN)
        drive(runtime, run, self.script, ends=self.ends)
        incident, status = run.incident, run.status
        result = run.result() if status == "done" else incident.error if incident else None
        return _Outcome(status, result, _copied(self.effects(self.world)))


def _copied(effects: Any) -> Any:
    return list(effects) if isinstance(effects, (list, tuple)) else effects


def _compare(outcome: _Outcome, expected: _Outcome, where: str) -> None:
    if outcome.effects != expected.effects:
        why = (
            "the same effects in another order; where the process does things side by side, compare them sorted: "
            "effects=lambda world: sorted(...)"
            if _permuted(outcome.effects, expected.effects)
            else "does the step hand idempotency_key() to what it changes?"
        )
        raise CrashTestFailed(
            f"{where}: afterwards the effects are {outcome.effects!r}, and without the crash they are {expected.effects!r}; {why}"
        )
    if (outcome.status, outcome.result) != (expected.status, expected.result):
        raise CrashTestFailed(
            f"{where}: afterwards the run is {outcome.status} with {outcome.result!r}, and without the crash {expected.status} with {expected.result!r}"
        )


def _permuted(some: Any, others: Any) -> bool:
    """Whether two lists hold the same, in another order."""
    if not isinstance(some, list) or not isinstance(others, list) or len(some) != len(others):
        return False
    rest = list(others)
    for one in some:
        if one not in rest:
            return False
        rest.remove(one)
    return True
