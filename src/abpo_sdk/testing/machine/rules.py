"""The moves of the machine that drives a process at random; needs Hypothesis."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from abpo_sdk.errors import NotPermitted
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing.machine.crashable_runtime import CrashableRuntime
from abpo_sdk.testing.machine.run_model import RunModel
from abpo_sdk.testing.people.scripted_answers import BECAUSE, in_order
from abpo_sdk.testing.people.who_answers import who_answers
from abpo_sdk.testing.run_driver import OPERATOR, next_due
from abpo_sdk.testing.runtime import TestRuntime

RUNS = 4
"""How many cases are started at most in one trial."""

CRASH = st.integers(0, 12)
"""At which of the points that a move comes by the runtime dies; 0 for at none, and so are numbers beyond the last."""

NUMBERS = st.integers(0, 11)
"""Says which of several things is meant, whatever their number."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is driven; see `process_machine`."""

    make: Callable[[Any], BoundProcess[Any]]
    cases: st.SearchStrategy[Any]
    world: Callable[[], Any]
    effects: Callable[[Any], Iterable[str]] | None
    invariants: tuple[Callable[[TestRuntime, Any], object], ...]
    twins: bool


class ProcessMachine(RuleBasedStateMachine):
    """Drives a process; see `process_machine`."""

    setup: ClassVar[Setup]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.setup.world()
        self.crashable = CrashableRuntime(self._bound)
        self.runs: list[RunModel] = []

    def begin(self, case: Any, crash: int) -> None:
        """Start a case."""
        values = case if isinstance(case, tuple) else (case,)
        run = RunModel(f"run-{len(self.runs) + 1}", values)
        self.runs.append(run)
        self._start(run, crash)

    @precondition(lambda self: self.runs)
    @rule(which=NUMBERS, crash=CRASH)
    def start_again(self, which: int, crash: int) -> None:
        """Start a case that was started before, as a caller does that heard nothing."""
        self._start(self.runs[which % len(self.runs)], crash)

    @precondition(lambda self: self.crashable.runtime.reviews())
    @rule(which=NUMBERS, outcome=NUMBERS, crash=CRASH)
    def answer(self, which: int, outcome: int, crash: int) -> None:
        """Somebody answers a review."""
        reviews = in_order(self.crashable.runtime.reviews())
        review = reviews[which % len(reviews)]
        said, by = review.outcomes[outcome % len(review.outcomes)], who_answers(self.crashable.runtime.desk, review)
        with suppress(NotPermitted):  # it was overdue, and went to another role
            self.crashable.do(lambda _: review.answer(said, by=by, because=BECAUSE), crash=crash)

    @precondition(lambda self: self.runs)
    @rule(minutes=st.integers(1, 5000), crash=CRASH)
    def wait(self, minutes: int, crash: int) -> None:
        """Time passes."""
        self.crashable.do(lambda runtime: runtime.clock.advance(timedelta(minutes=minutes)), crash=crash)

    @precondition(lambda self: self.runs)
    @rule(crash=CRASH)
    def wait_until_something_is_due(self, crash: int) -> None:
        """Time passes until the first timer fires, or the first review goes to another role."""
        runtime = self.crashable.runtime
        dues = [due for run in runtime.runs("waiting") if (due := next_due(runtime, run.id))]
        if dues:
            by = max(min(dues) - runtime.clock.now(), timedelta(0))
            self.crashable.do(lambda runtime: runtime.clock.advance(by), crash=crash)

    @precondition(lambda self: self.runs)
    @rule(crash=CRASH)
    def tick(self, crash: int) -> None:
        """A worker makes a round."""
        self.crashable.do(lambda runtime: runtime.tick(), crash=crash)

    @precondition(lambda self: self.crashable.runtime.incidents())
    @rule(which=NUMBERS, again=st.booleans(), crash=CRASH)
    def resolve(self, which: int, again: bool, crash: int) -> None:  # noqa: FBT001  Hypothesis gives it
        """Somebody has a run go on that became an incident, or gives it up."""
        incidents = self.crashable.runtime.incidents()
        incident = incidents[which % len(incidents)]
        by = self.crashable.runtime.someone(OPERATOR)
        act = incident.retry if again else incident.abandon
        self.crashable.do(lambda _: act(by=by, because=BECAUSE), crash=crash)

    @rule()
    def restart(self) -> None:
        """The runtime is replaced."""
        self.crashable.restart()

    @invariant()
    def check(self) -> None:
        """All is as it must be."""
        for run in self.runs:
            run.check(self.crashable.runtime)
        for key, times in Counter(self._effects()).items():
            if times > 1:
                raise AssertionError(
                    f"the effect of {key!r} was done {times} times; does the step hand idempotency_key() to what it changes?"
                )
        for holds in self.setup.invariants:
            if holds(self.crashable.runtime, self.world) is False:
                raise AssertionError(f"{getattr(holds, '__name__', holds)} does not hold")

    def teardown(self) -> None:
        """Every run comes to its end, undisturbed."""
        if sys.exc_info()[0] is not None:  # it has failed already, and that alone is what is to be told
            self.crashable.close()
            return
        try:
            self.crashable.restart()
            for run in self.runs:
                run.end(self.crashable.runtime, self._bound())
            self.check()
            self.crashable.runtime.ledger.verify()
            if self.setup.twins and self.setup.effects is not None:
                done = self._effects()
                for run in self.runs:
                    run.check_twin(self.crashable.runtime, self.setup.make, self.setup.world, self.setup.effects, done)
        finally:
            self.crashable.close()

    def _bound(self) -> BoundProcess[Any]:
        return self.setup.make(self.world)

    def _start(self, run: RunModel, crash: int) -> None:
        self.crashable.do(lambda runtime: runtime.start(self._bound(), *run.case, id=run.id), crash=crash)

    def _effects(self) -> list[str]:
        return list(self.setup.effects(self.world)) if self.setup.effects is not None else []


def machine_of(made: Setup) -> type[ProcessMachine]:
    """The machine that drives this."""

    class Machine(ProcessMachine):
        setup = made

        @precondition(lambda self: len(self.runs) < RUNS)
        @rule(case=made.cases, crash=CRASH)
        def start(self, case: Any, crash: int) -> None:
            """Start a case."""
            self.begin(case, crash)

    Machine.TestCase.settings = settings(
        max_examples=40,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[
            phase for phase in settings().phases if phase is not Phase.explain
        ],  # which names lines of this library
    )
    return Machine
