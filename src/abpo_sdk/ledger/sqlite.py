"""A store in one SQLite file: write-ahead log, every commit on disk before it returns."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.migrations import migrate, schema_of
from abpo_sdk.ledger.rows import KEY, TABLES, DecisionRow, Head, ReviewRow, RunRow
from abpo_sdk.ledger.sqlite_reading import ENTRY_COLUMNS, HEAD_COLUMNS, SqliteReader, columns_of, known_column
from abpo_sdk.ledger.store import Row

INSERT_ENTRY = f"INSERT INTO entries({ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ADVANCE_HEAD = (
    "UPDATE chains SET hash = ?, length = ?, holder = ?, until = ? WHERE chain = ? AND length = ? AND epoch = ?"
)
NEW_HEAD = f"INSERT OR IGNORE INTO chains({HEAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
PUT_HEAD = f"INSERT OR REPLACE INTO chains({HEAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"


class SqliteTransaction(SqliteReader):
    """One write to an SQLite file, alone with it: durable, all of it, when its block ends without error."""

    def __init__(self, name: str, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        super().__init__(name, connection, lock)
        self._execute = connection.cursor().execute  # one cursor for every write, since none gives rows

    def __enter__(self) -> Self:
        self._lock.acquire()
        outer = False
        try:
            outer = self._connection.in_transaction  # of a block around this one, which is not this one's to roll back
            self._execute("BEGIN IMMEDIATE")
        except BaseException as error:
            if not outer:
                self._roll_back()
            self._lock.release()
            if isinstance(error, (sqlite3.Error, UnicodeError)):
                self.refuse(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._execute("COMMIT")
        except (sqlite3.Error, UnicodeError) as problem:
            self.refuse(problem)
        finally:
            self._roll_back()
            self._lock.release()

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # what made the write fail is what the caller must hear of
            if self._connection.in_transaction:
                self._execute("ROLLBACK")

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""
        try:
            for chain, position, (scope, ordinal), header, payload, salt, sealed in entries:
                self._execute(
                    INSERT_ENTRY,
                    (
                        chain,
                        position,
                        scope,
                        ordinal,
                        bytearray(header),  # for `bytes`, sqlite3 looks for an adapter first, each time
                        None if payload is None else bytearray(payload),
                        None if salt is None else bytearray(salt),
                        sealed,
                    ),
                )
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)

    def advance(self, head: Head, *, length: int) -> bool:
        """Make `head` the end of its chain, if the chain has this length and `head`'s lease; whether it did."""
        try:
            values = (head.hash, head.length, head.holder, head.until, head.chain, length, head.epoch)
            return self._execute(ADVANCE_HEAD, values).rowcount == 1
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)

    def add_head(self, head: Head) -> bool:
        """Make a chain with this end, if there is none of its name; whether it did."""
        try:
            return bool(self._execute(NEW_HEAD, head).rowcount == 1)
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)

    def set_head(self, head: Head) -> None:
        """Make `head` the end of its chain, whatever stood there."""
        self._write(PUT_HEAD, head)

    def put(self, row: RunRow | ReviewRow | DecisionRow) -> None:
        """Add or replace a row of a projection."""
        kind: Any = type(row)
        self._write(_put_text(kind), row)

    def update(self, kind: type[Row], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        model: Any = kind
        self._write(_update_text(model, tuple(changes)), (*changes.values(), key))

    def _write(self, sql: str, values: tuple[Any, ...]) -> None:
        try:
            self._execute(sql, values)
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)


class SqliteStore(SqliteReader):
    """A store in one SQLite file, or in memory.

    Several threads and several processes may use the same file.

    Args:
        path: the file, made where it is absent; None for a store in memory.
        timeout: how many seconds to wait for other writers before a write is refused.

    Raises:
        StoreUnavailable: the file cannot be opened.
        SchemaUnknown: it is no ledger, or a later release's.
    """

    def __init__(self, path: Path | None, *, timeout: float = 5.0) -> None:
        self._name = str(path) if path is not None else ":memory:"
        try:
            connection = sqlite3.connect(self._name, timeout=timeout, isolation_level=None, check_same_thread=False)
            super().__init__(self._name, connection, threading.RLock())
            try:
                self._prepare(timeout, in_file=path is not None)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)

    def _prepare(self, timeout: float, *, in_file: bool) -> None:
        schema_of(self._connection)  # before anything is changed, in case that it is another program's file
        if in_file:
            self._use_log(timeout)
        self._connection.execute("PRAGMA synchronous = FULL")
        migrate(self._connection)
        self._transaction = SqliteTransaction(self._name, self._connection, self._lock)

    def _use_log(self, timeout: float) -> None:
        """Turn on the write-ahead log; SQLite itself does not wait here while others open the same new file."""
        until = time.monotonic() + timeout
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= until:
                    raise
                time.sleep(0.005)
            else:
                return

    def transaction(self) -> SqliteTransaction:
        """One write; see `Store.transaction`."""
        return self._transaction

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


@cache
def _put_text(kind: Any) -> str:
    marks = ", ".join("?" for _ in kind._fields)
    return f"INSERT OR REPLACE INTO {TABLES[kind]}({columns_of(kind)}) VALUES ({marks})"


@cache
def _update_text(kind: Any, changes: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{known_column(kind, name)} = ?" for name in changes)
    return f"UPDATE {TABLES[kind]} SET {assignments} WHERE {KEY} = ?"
