"""The process on Apache Burr with its SQLite persister: an action a step, `halt_before` where a person is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from burr.core import Application, ApplicationBuilder, State, action
from burr.core.persistence import SQLitePersister

from benchmarks import invoice_steps
from benchmarks.invoice_steps import Invoice
from benchmarks.peers.engine import Durability, durability_of, use_log


def acting(function: Callable[[Invoice], Invoice]) -> Any:
    @action(reads=["invoice"], writes=["invoice"])
    def run(state: State[Any]) -> State[Any]:
        return state.update(invoice=function(state["invoice"]))

    return run


@action(reads=["invoice"], writes=["invoice"])
def decide(state: State[Any], decision: str) -> State[Any]:
    return state.update(invoice=invoice_steps.decide(state["invoice"], decision))


ACTIONS = {
    "extract": acting(invoice_steps.extract),
    "validate": acting(invoice_steps.validate),
    "classify": acting(invoice_steps.classify),
    "decide": decide,
    "post": acting(invoice_steps.post),
}
ORDER = tuple(ACTIONS)


class Burr:
    """An application of five actions in a row, saved after each; made anew for each run, as its guide does."""

    packages = ("apache-burr",)

    def open(self, directory: Path) -> None:
        self._path = directory / "burr.sqlite"
        self.persister = SQLitePersister.from_values(str(self._path))
        self.persister.initialize()  # type: ignore[no-untyped-call]

    def path(self) -> Path:
        return self._path

    def durability(self) -> Durability:
        connection: sqlite3.Connection = self.persister.connection  # type: ignore[has-type]
        return durability_of(connection)

    def _application(self, identifier: str, invoice: Invoice | None = None) -> Application[Any]:
        return (
            ApplicationBuilder()  # type: ignore[no-untyped-call]
            .with_actions(**ACTIONS)
            .with_transitions(*pairwise(ORDER))
            .with_identifiers(app_id=identifier)
            .with_state_persister(self.persister)
            .initialize_from(
                self.persister,
                resume_at_next_action=True,
                default_state={"invoice": invoice},
                default_entrypoint="extract",
            )
            .build()
        )

    def run(self, identifier: str, invoice: Invoice) -> Invoice:
        return self._to_the_end(self._application(identifier, invoice))

    @staticmethod
    def _to_the_end(application: Application[Any]) -> Invoice:
        _, _, state = application.run(halt_after=["post"], inputs={"decision": "approve"})
        result: Invoice = state["invoice"]
        return result

    def park(self, identifier: str, invoice: Invoice) -> None:
        self._application(identifier, invoice).run(halt_before=["decide"])

    def waiting(self) -> Sequence[str]:
        """It has no list of applications that wait: each is loaded and asked where it stands."""
        return [one for one in self.persister.list_app_ids("") if self._position(one) == "classify"]

    def _position(self, identifier: str) -> str | None:
        found = self.persister.load("", identifier)
        return found["position"] if found else None

    def answer(self, shown: str) -> Invoice:
        return self._to_the_end(self._application(shown))

    def close(self) -> None:
        self.persister.cleanup()  # type: ignore[no-untyped-call]


class BurrWithLog(Burr):
    """The same on a file that was put into write-ahead mode first, which its guide does not do."""

    def open(self, directory: Path) -> None:
        use_log(directory / "burr.sqlite")
        super().open(directory)
