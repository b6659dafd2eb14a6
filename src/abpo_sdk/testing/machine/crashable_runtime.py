"""A ledger on which one runtime after another works: each may die at any point, and the next goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abpo_sdk.ledger import Ledger, SqliteStore
from abpo_sdk.ledger.keys.vault import MemoryVault
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.crashes.crash_points import Crash, CrashTrace
from abpo_sdk.testing.crashes.crashing_store import CrashingStore
from abpo_sdk.testing.runtime import TestRuntime


class CrashableRuntime:
    """A ledger in memory, and the runtime that works on it at present.

    Args:
        make: gives the process, bound to its world; called for each life.
    """

    def __init__(self, make: Callable[[], BoundProcess[Any]]) -> None:
        self._make = make
        self._store = SqliteStore(None)
        self._vault = MemoryVault()
        self._left = 0
        self._clock = FakeClock()
        self.runtime = self._begun()

    def do(self, act: Callable[[TestRuntime], object], *, crash: int = 0) -> None:
        """Do something with the runtime; where it dies of it, another begins.

        Args:
            act: what to do.
            crash: at which of the points that it comes by the runtime dies, from 1; 0 for at none.
        """
        self._left = crash
        try:
            act(self.runtime)
        except Crash:
            self.restart()
        self._left = 0

    def restart(self) -> None:
        """Another runtime begins, at the time that it is, and takes over what the last one left."""
        self._left = 0
        self._clock = FakeClock(self._clock.now())  # what is dead hears no clock
        self.runtime = self._begun()

    def close(self) -> None:
        """Let go of the ledger."""
        self._store.close()

    def _begun(self) -> TestRuntime:
        trace = CrashTrace(self._dies)
        ledger = Ledger(CrashingStore(self._store, trace), vault=self._vault)
        runtime = TestRuntime(ledger, [self._make()], clock=self._clock)
        runtime.observe(trace.effect)
        runtime.take_over()
        return runtime

    def _dies(self, _: str) -> bool:
        self._left -= 1
        return self._left == 0
