"""The floor: raw sqlite3 that writes what our runtime wrote, in as many commits.

Ours runs first, untimed, on connections that note each writing statement and its values. They are then executed again on an
empty file of the same schema, by sqlite3 alone, and the two files are compared.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from unittest import mock

from abpo_sdk.ledger.stores.migrations import migrate
from benchmarks.peers.engine import Durability, durability_of
from benchmarks.peers.ours import Ours

WRITING = ("BEGIN", "INSERT", "UPDATE", "DELETE", "COMMIT")
Statement = tuple[str, Any]


class NotingCursor(sqlite3.Cursor):
    """Notes what is written through it."""

    noted: list[Statement]

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        self._note(sql, parameters)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Self:
        rows = list(rows)
        for row in rows:
            self._note(sql, row)
        return super().executemany(sql, rows)

    def _note(self, sql: str, parameters: Any) -> None:
        if sql.startswith(WRITING):
            self.noted.append((sql, parameters))


class NotingConnection(sqlite3.Connection):
    """A connection whose cursors note what they write."""

    noted: list[Statement]

    def cursor(self, factory: Any = NotingCursor) -> Any:
        cursor = super().cursor(factory)
        cursor.noted = self.noted
        return cursor

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, rows: Any, /) -> Any:
        return self.cursor().executemany(sql, rows)


@contextmanager
def noting(noted: list[Statement]) -> Iterator[None]:
    """Every connection that is opened in this block notes what it writes."""
    connect = sqlite3.connect

    def connected(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: NotingConnection = connect(*args, factory=NotingConnection, **kwargs)
        connection.noted = noted
        return connection

    with mock.patch("sqlite3.connect", connected):
        yield


def transactions(statements: Iterable[Statement]) -> list[list[Statement]]:
    """The statements of each commit, without the lines that begin and end it."""
    found: list[list[Statement]] = []
    for statement in statements:
        if statement[0].startswith("BEGIN"):
            found.append([])
        elif not statement[0].startswith("COMMIT"):
            found[-1].append(statement)
    return found


class Source:
    """A ledger that ours writes, and what it wrote while it did."""

    def __init__(self, directory: Path) -> None:
        self.noted: list[Statement] = []
        self.engine = Ours()
        with noting(self.noted):
            self.engine.open(directory)

    def written(self) -> list[list[Statement]]:
        """The commits since this was asked last."""
        commits = transactions(self.noted)
        self.noted.clear()
        return commits


class Target:
    """An empty file of the same schema, with the same settings as ours."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA secure_delete = ON")
        migrate(self.connection)

    def durability(self) -> Durability:
        return durability_of(self.connection)

    def write(self, commits: Iterable[list[Statement]]) -> float:
        """Write them; how many seconds it took."""
        execute = self.connection.cursor().execute
        start = time.perf_counter()
        for statements in commits:
            execute("BEGIN IMMEDIATE")
            for sql, parameters in statements:
                execute(sql, parameters)
            execute("COMMIT")
        return time.perf_counter() - start

    def check_equal(self, source: Path) -> None:
        """Both files hold the same rows, in every table, but for the name that each ledger gives itself."""
        self.connection.execute("ATTACH ? AS source", (str(source),))
        named = (
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name LIKE 'abpo_%' AND name != 'abpo_ledger'"
        )
        tables = [name for (name,) in self.connection.execute(named).fetchall()]
        assert "abpo_entries" in tables, tables
        for table in tables:
            for one, other in (("main", "source"), ("source", "main")):
                rows = self.connection.execute(f"SELECT * FROM {one}.{table} EXCEPT SELECT * FROM {other}.{table}")
                assert rows.fetchall() == [], f"{table} differs"
        self.connection.execute("DETACH source")
