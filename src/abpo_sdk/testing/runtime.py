"""A runtime whose clock is turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from abpo_sdk.gates import People
from abpo_sdk.ledger import Ledger
from abpo_sdk.runtime import Runtime
from abpo_sdk.steps import BoundProcess, Process
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.people import AnyRole


class TestRuntime(Runtime):
    """A real runtime, except that its clock is turned by hand and that somebody holds every role.

    Turning the clock also does a round of `tick`, so that what falls due happens.

    Args:
        url: where the ledger is; default: in memory.
        processes: what it can run.
        people: who there is; default: one person for each role that is asked for.
        clock: the clock; default: a new one.
    """

    __test__ = False  # no test class, whatever its name makes pytest think

    def __init__(
        self,
        url: str | Ledger = "sqlite://",
        processes: Iterable[BoundProcess[Any] | Process[Any, Any]] = (),
        *,
        people: People | Mapping[str, Collection[str]] | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self._clock = clock or FakeClock()
        ledger = url if isinstance(url, Ledger) else Ledger(url)
        ledger.clock = self._clock
        super().__init__(ledger, processes, people=AnyRole() if people is None else people)
        self._clock.when_turned(self.tick)

    def observe(self, call: Callable[[str, str], None]) -> None:
        """Have something told of each moment ("before effect", "after effect") and step; what it raises goes through."""
        self._worker.observe = call

    def take_over(self) -> None:
        """Take every worker that holds a run for dead."""
        self._worker.leases.dead = lambda _: True

    @property
    def clock(self) -> FakeClock:
        """The clock; turn it with `advance`."""
        return self._clock
