"""What must hold of runs, whatever happened to their runtimes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from abpo_sdk.errors import DefinitionError, ReplayDiverged, RunNotDone, UnknownRun
from abpo_sdk.gates import Reviews
from abpo_sdk.ledger.keyed import key_root
from abpo_sdk.runtime import Run
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.machine.reviewers import EachOutcomeInTurn, SameOutcomes
from abpo_sdk.testing.people.scripted_answers import BECAUSE
from abpo_sdk.testing.run_driver import OPERATOR, drive, next_due
from abpo_sdk.testing.runtime import TestRuntime

ENDED = ("done", "abandoned")


@dataclass(slots=True)
class RunModel:
    """A run, and what has been seen of it.

    Args:
        id: the run's id.
        case: what it was started with.
    """

    id: str
    case: tuple[Any, ...]
    seen: bool = False
    ended: str | None = None
    result: list[Any] = field(default_factory=list)

    def check(self, runtime: TestRuntime) -> None:
        """Check that the run is there, that its status says what is so, and that it stays ended once it is.

        Raises:
            AssertionError: what is not so.
        """
        try:
            run = runtime.run(self.id)
        except UnknownRun:
            if self.seen:
                raise AssertionError(f"run {self.id!r} was there, and is lost") from None
            return
        self.seen = True
        status = run.status
        if self.ended is not None and status != self.ended:
            raise AssertionError(f"run {self.id!r} was {self.ended}, and is {status}")
        if status == "waiting" and not run.reviews and next_due(runtime, self.id) is None:
            raise AssertionError(f"run {self.id!r} waits, and neither for an answer nor for a time")
        if status == "incident":
            self._check_incident(run)
        if status in ENDED:
            self.ended = status
        if status == "done":
            self._check_result(run)

    def end(self, runtime: TestRuntime, bound: BoundProcess[Any]) -> None:
        """Bring the run to its end, undisturbed, by a start with the same id.

        Raises:
            AssertionError: it comes to none.
        """
        run = runtime.start(bound, *self.case, id=self.id)
        try:
            drive(runtime, run, EachOutcomeInTurn())
            if run.incident is not None:
                run.incident.retry(by=runtime.someone(OPERATOR), because=BECAUSE)
                drive(runtime, run, EachOutcomeInTurn())
        except (DefinitionError, RunNotDone) as error:
            raise AssertionError(f"run {self.id!r} does not come to an end: {error}") from error
        self.check(runtime)

    def check_twin(
        self,
        runtime: TestRuntime,
        make: Callable[[Any], BoundProcess[Any]],
        world: Callable[[], Any],
        effects: Callable[[Any], Iterable[str]],
        done: Iterable[str],
    ) -> None:
        """Check that the run had the effects that the same case has alone, with the same answers and without a crash.

        Raises:
            AssertionError: it had others.
        """
        if self.ended != "done":
            return
        answered = Reviews(runtime.ledger, runtime.people).of(self.id, status="answered")
        said = {str(review.id): review.given.outcome for review in answered if review.given}
        alone = world()
        clock = FakeClock(runtime.ledger.entries(self.id)[0].at)
        with TestRuntime(processes=[make(alone)], clock=clock) as other:
            twin = other.start(make(alone), *self.case, id=self.id)
            try:
                drive(other, twin, SameOutcomes(said))
            except DefinitionError as error:
                raise AssertionError(f"run {self.id!r} asked other things than it asks alone: {error}") from error
            if twin.status != "done":
                return
        root = f"{key_root(self.id)}/"
        seen, expected = sorted(key for key in done if key.startswith(root)), sorted(effects(alone))
        if seen != expected:
            raise AssertionError(
                f"run {self.id!r} is done, and its effects are {seen}; the same case alone, without a crash, has {expected}"
            )

    def _check_incident(self, run: Run[Any]) -> None:
        incident = run.incident
        if incident is None:
            raise AssertionError(f"run {self.id!r} is an incident, and nothing says why")
        if incident.error.startswith(ReplayDiverged.__name__):
            raise AssertionError(f"run {self.id!r} became an incident: {incident.error}")

    def _check_result(self, run: Run[Any]) -> None:
        result = run.result()
        if not self.result:
            self.result = [result]
        elif self.result != [result]:
            raise AssertionError(f"run {self.id!r} returned {self.result[0]!r}, and now {result!r}")
