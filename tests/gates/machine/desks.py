"""Two workers at one ledger: a desk of its own, and a runtime with its desk; each may crash and be opened again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from abpo_sdk import Ledger, Reviews, Runtime, process
from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.gates.people import People
from abpo_sdk.ledger.rows import TABLES
from abpo_sdk.testing import FakeClock
from tests.gates.machine.demands import GATES, POLICIES, Claim, limits

DESK, RUNTIME = 0, 1

Said = Callable[[], dict[str, set[str]]]


@process
def settle(claim: Claim, plan: str) -> dict[str, Any]:
    decision = GATES[plan](POLICIES["1"](claim).giving(amount=claim.amount))
    return {"outcome": decision.outcome, "by": decision.decided_by, "amount": str((decision.output or {})["amount"])}


class Desks:
    """The workers.

    Args:
        said: the directory of people, which both ask each time.
    """

    def __init__(self, said: Said) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="abpo-gates-"))
        self.clock = FakeClock()
        self.versions: list[str | None] = [None, None]
        """The version of the policy that each desk knows; None where it was told of none."""
        self._said = said
        self._desks: list[Reviews] = []
        self.runtime: Runtime
        for number in (DESK, RUNTIME):
            self._desks.append(self._open(number))

    def __getitem__(self, number: int) -> Reviews:
        return self._desks[number]

    @property
    def store(self) -> Any:
        """Where it is read what is there."""
        return self._desks[DESK].ledger.store

    def _open(self, number: int) -> Reviews:
        ledger = Ledger(f"sqlite:///{self.directory / 'abpo.db'}", clock=self.clock)
        ledger.store._database.connection.execute("PRAGMA synchronous = OFF")  # no power fails here
        people = People(self._said, limits=limits())
        if number == RUNTIME:
            self.runtime = Runtime(ledger, [settle], people=people)
            return self.runtime.desk
        version = self.versions[number]
        return Reviews(ledger, people, policies=[] if version is None else [POLICIES[version]])

    def reopen(self, number: int, version: str | None = None, *, crash: bool = False) -> None:
        """Close a worker, or have it crash in the middle of a write, and open it again, perhaps with another version of the policy."""
        ledger = self._desks[number].ledger
        self.versions[number] = version if number == DESK else None
        if crash:
            block = ledger.writing()
            block.__enter__()
            ledger.store._database.connection.close()
            with suppress(StoreUnavailable):
                block.__exit__(None, None, None)
            ledger.vault.close()
        else:
            ledger.close()
        self._desks[number] = self._open(number)

    def check(self) -> None:
        """That the ledger holds what it should: it verifies, and its rows are those that its entries make."""
        ledger = self._desks[DESK].ledger
        ledger.verify()
        before = {kind: sorted(map(repr, ledger.store.select(kind))) for kind in TABLES}
        ledger.rebuild()
        after = {kind: sorted(map(repr, ledger.store.select(kind))) for kind in TABLES}
        for kind in TABLES:
            assert after[kind] == before[kind], kind

    def close(self) -> None:
        for desk in self._desks:
            with suppress(StoreUnavailable):
                desk.ledger.close()
        rmtree(self.directory)
