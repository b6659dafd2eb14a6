"""What an engine must do to be measured."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from benchmarks.invoice_steps import Invoice


class Durability(NamedTuple):
    """How a connection of the engine's own writes, as SQLite itself says of it."""

    synchronous: int
    journal: str

    def check(self) -> None:
        """Refuse an engine whose commits are not on disk when they return."""
        assert self.synchronous >= 2, f"synchronous is {self.synchronous}, and must be FULL (2)"


def durability_of(connection: sqlite3.Connection) -> Durability:
    """Asks the connection itself."""
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    return Durability(int(synchronous), str(journal))


def use_log(path: Path) -> None:
    """Put a file that an engine is about to open into write-ahead mode; the mode stays with the file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


class Engine(Protocol):
    """Runs the process of five steps, with a person's approval before the last or without."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The distributions that it consists of, the one with the licence first."""

    def open(self, directory: Path) -> None:
        """Start on what the directory has; empty, or left by a process that was killed."""

    def path(self) -> Path:
        """The file of its database."""

    def durability(self) -> Durability:
        """How its own connection writes."""

    def run(self, identifier: str, invoice: Invoice) -> Invoice:
        """Run to the end, nobody asked."""

    def park(self, identifier: str, invoice: Invoice) -> None:
        """Run until it durably waits for a person."""

    def waiting(self) -> Sequence[Any]:
        """What a person is shown: one thing for each run that waits."""

    def answer(self, shown: Any) -> Invoice:
        """Approve, and have the run go on; what its process returned."""

    def close(self) -> None:
        """Let go of everything."""


@runtime_checkable
class AnswersTogether(Protocol):
    """An engine that is quicker when many answers are given together."""

    def answer_all(self, shown: Sequence[Any]) -> Sequence[Invoice]:
        """Approve all; what their processes returned."""
