"""A runtime whose clock is turned by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from abpo_sdk.gates import People
from abpo_sdk.ledger import Ledger
from abpo_sdk.runtime import Observer, Runtime
from abpo_sdk.runtime.observing import together
from abpo_sdk.runtime.starting import Starter
from abpo_sdk.steps import BoundProcess, Process
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.people.any_role import AnyRole
from abpo_sdk.testing.people.scripted_answers import Answers, Script
from abpo_sdk.testing.people.scripted_worker import ScriptedWorker


class TestRuntime(Runtime):
    """A real runtime, except that its clock is turned by hand and that somebody holds every role.

    Turning the clock also does a round of `tick`, so that what falls due happens.

    Args:
        url: where the ledger is; default: in memory.
        processes: what it can run.
        people: who there is; default: one person for each role that is asked for.
        clock: the clock; default: a new one.
        answers: what people say to reviews, as soon as these open: for each gate an outcome, a function from the review
            to one (None: nobody says anything, and the review stays open), or either of them by role:
            `{"approval": {"cfo": "pay"}}` leaves the review to fall due, until it comes to the cfo.

    >>> from abpo_sdk.steps import process
    >>> @process
    ... def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> with TestRuntime() as runtime:
    ...     runtime.start(greet, "Ada").result()
    'hello Ada'
    """

    __test__ = False  # no test class, whatever its name makes pytest think

    _worker: ScriptedWorker

    def __init__(
        self,
        url: str | Ledger = "sqlite://",
        processes: Iterable[BoundProcess[Any] | Process[Any, Any]] = (),
        *,
        people: People | Mapping[str, Collection[str]] | None = None,
        clock: FakeClock | None = None,
        answers: Answers | None = None,
    ) -> None:
        script = Script(answers)
        self._answers: Answers = answers or {}
        self._clock = clock or FakeClock()
        ledger = url if isinstance(url, Ledger) else Ledger(url)
        ledger.clock = self._clock
        super().__init__(ledger, processes, people=AnyRole() if people is None else people)
        leases = self._worker.leases
        self._worker = ScriptedWorker(self.ledger, self._reviews, leases, self._processes, self._reader)
        self._worker.script = script
        self._starter = Starter(self.ledger, self._worker, self._processes, self._reader)
        self._clock.when_turned(self.tick)

    @property
    def answers(self) -> Answers:
        """What people say to reviews; what is set is said to those that are open already, too."""
        return self._answers

    @answers.setter
    def answers(self, answers: Answers) -> None:
        self._worker.script = Script(answers)
        self._answers = answers
        if not _in_event_loop():  # where the next round of `tick_async` has them answered
            self._worker.answer_open()

    def observe(self, observer: Observer) -> None:
        """Have a function told of each moment from now on; what it raises goes through."""
        told = self._worker.observe
        self._worker.observe = together([observer] if told is None else [told, observer])

    def take_over(self) -> None:
        """Take every worker that holds a run for dead."""
        self._worker.leases.dead = lambda _: True

    @property
    def clock(self) -> FakeClock:
        """The clock; turn it with `advance`."""
        return self._clock


def _in_event_loop() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
