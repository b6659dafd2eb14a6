"""Replays what a process did, in other surroundings, and looks whether it does the same."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from abpo_sdk.errors import ReplayCheckFailed, ReplayDiverged
from abpo_sdk.gates import Reviews
from abpo_sdk.runtime import Run
from abpo_sdk.runtime.rehearsal import Rehearsal, rehearse
from abpo_sdk.steps import BoundProcess, Process
from abpo_sdk.testing.people.scripted_answers import Answers, Script
from abpo_sdk.testing.replays.other_process import as_text, replays_in_other_processes, why_no_other_process
from abpo_sdk.testing.replays.surroundings import Surroundings, other_surroundings, surrounded
from abpo_sdk.testing.replays.unrecorded_uses import UnrecordedUses
from abpo_sdk.testing.run_driver import drive
from abpo_sdk.testing.runtime import TestRuntime

RUN = "replay-check"

SETS = (
    "sets have another order in another process: iterate over sorted(...), or have a step return a list; what else differs "
    "there is in the module that is imported anew"
)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What was replayed, and did the same.

    Args:
        entries: how many entries the run has.
        waits: how often it waited; each time, what was recorded until then was replayed.
        replays: how many replays there were.
        surroundings: in which.
        not_done: what was left out, and why.
    """

    entries: int
    waits: int
    replays: int
    surroundings: tuple[str, ...]
    not_done: tuple[str, ...]

    def __str__(self) -> str:
        done = (
            f"replayed the same, {self.replays} times: a run of {self.entries} entries, as a whole and at each of {self.waits} waits; "
            f"{', '.join(self.surroundings)}"
        )
        return "\n".join((done, *(f"not done: {what}" for what in self.not_done)))


def check_replays(
    process: Process[Any, Any] | BoundProcess[Any], /, *case: Any, answers: Answers | None = None
) -> ReplayReport:
    """Check that a process does the same each time that it is replayed, whenever and wherever that is.

    The process runs to its end: people answer, and the clock is turned to whatever is due next. Each time that it waits,
    and at its end, what was recorded until then is replayed, as a runtime does that resumes it after an answer or a
    crash: in other months, on other weekdays, at other hours, in other time zones, with other values drawn and other
    variables of the environment; and once it has ended, in other Python processes, too, where sets have another order.
    No step is done again. All calls that are recorded must be made again, the same, and the result be the same.

    What a process imports inside of its body, and what it asks of C code, is as it is: the surroundings are put in place
    where it and its plain functions look up their names, and in the modules `time`, `random`, `os` and `secrets`.

    Args:
        process: the process, bound to fakes of what it changes.
        *case: what it is started with.
        answers: for each gate, the outcome that the person answers, or a function from the review to it; or these by role.

    Returns:
        What was replayed, and what could not be.

    Raises:
        ReplayCheckFailed: something else was done or returned (an AssertionError, too); names the first place, what is
            recorded, what is done now, and what to use instead. Or the process reads a file itself, or did not end well.
        DefinitionError: a gate asks, and `answers` has no answer for it.

    >>> from abpo_sdk.steps import process, step
    >>> @step
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> @process
    ... def four_times(x: int) -> int:
    ...     return double(double(x))
    >>> check_replays(four_times, 3).entries
    4
    """
    bound = process.bind() if isinstance(process, Process) else process
    script = Script(answers)
    with tempfile.TemporaryDirectory(prefix="abpo-replay-") as name:
        path = Path(name) / "ledger.db"
        with TestRuntime(f"sqlite:///{path}", [bound]) as runtime:
            check = _Check(runtime, bound)
            run = runtime.start(bound, *case, id=RUN)
            drive(runtime, run, script, at_wait=check.at_wait)
            check.at_end(run)
            now = runtime.clock.now()
        check.elsewhere(path, now)
    return check.report()


@dataclass(slots=True)
class _Check:
    """The replays of one run."""

    runtime: TestRuntime
    bound: BoundProcess[Any]
    _others: tuple[Surroundings, ...] = field(default_factory=other_surroundings)
    _waits: int = 0
    _replays: int = 0
    _entries: int = 0
    _result: str | None = None
    _names: list[str] = field(default_factory=list)
    _not_done: list[str] = field(default_factory=list)

    def at_wait(self) -> None:
        """The run waits: replay what there is."""
        self._waits += 1
        for surroundings in self._others[:2]:
            self._replay(surroundings, f"where it waits ({self._waits})", ended=False)

    def at_end(self, run: Run[Any]) -> None:
        """The run has ended: replay all of it."""
        incident = run.incident
        if incident is not None:
            kind = incident.error.partition(":")[0]
            why = f"; {_plainly()}" if kind == ReplayDiverged.__name__ else ", and a replay of it would show nothing"
            raise ReplayCheckFailed(f"{self._what()} became an incident: {incident.error}{why}")
        self._entries = len(run.entries)
        self._result = as_text(self.bound, [run.result()])
        for surroundings in (*self._others, *self._others):
            self._replay(surroundings, "as a whole", ended=True)
        self._names += [surroundings.name for surroundings in self._others]

    def elsewhere(self, path: Path, now: Any) -> None:
        """Replay all of it in other Python processes."""
        why = why_no_other_process(self.bound)
        if why is not None:
            self._not_done.append(f"sets in another order, because {why}")
            return
        with replays_in_other_processes(self.bound, path, RUN, now) as replays:
            for replay in replays:
                came = replay.result()
                if isinstance(came, str):
                    self._not_done.append(f"sets in another order, because {came}")
                    return
                rehearsal, returned = came
                self._replays += 1
                problem = self._problem(rehearsal, returned, ended=True)
                if problem is not None:
                    raise ReplayCheckFailed(f"{self._what()}, replayed {replay.name}: {problem}; {SETS}")
        self._names.append("in other processes, with sets in another order")

    def report(self) -> ReplayReport:
        """What was done."""
        return ReplayReport(self._entries, self._waits, self._replays, tuple(self._names), tuple(self._not_done))

    def _replay(self, surroundings: Surroundings, where: str, *, ended: bool) -> None:
        uses = UnrecordedUses()
        runtime, function = self.runtime, self.bound.process.function
        reviews = Reviews(runtime.ledger, runtime.people)
        with surrounded(surroundings, function, uses):  # type: ignore[arg-type]  # what is decorated is a function
            rehearsal = rehearse(runtime.ledger, reviews, self.bound, RUN)
        self._replays += 1
        problem = self._problem(rehearsal, as_text(self.bound, rehearsal.returned), ended=ended)
        if problem is not None:
            raise ReplayCheckFailed(f"{self._what()}, replayed {where} {surroundings.name}: {problem}; {uses.advice()}")
        if uses.files:
            raise ReplayCheckFailed(
                f"{self._what()} reads {uses.files[0]!r} itself, and a replay may find something else there; read it in a step, "
                'which says @step(reads="file:{path}")'
            )

    def _problem(self, rehearsal: Rehearsal, returned: str | None, *, ended: bool) -> str | None:
        """What of a replay is not as it is recorded."""
        if rehearsal.error is not None:
            return str(rehearsal.why_not).removeprefix("_Told: ")
        if rehearsal.replayed != rehearsal.recorded:
            return f"it makes {rehearsal.replayed} of the {rehearsal.recorded} recorded calls, and comes to {', '.join(rehearsal.goes_on)}"
        if ended and rehearsal.goes_on:
            return f"it comes to {', '.join(rehearsal.goes_on)}, where it is recorded that it ended"
        if ended and returned != self._result:
            return f"it returns {returned}, and {self._result} is recorded"
        return None

    def _what(self) -> str:
        return f"process {self.bound.name!r}"


def _plainly() -> str:
    return UnrecordedUses().advice()
