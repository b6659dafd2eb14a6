"""A connection to an SQLite file, shared by threads, whose errors are ours."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NoReturn

from abpo_sdk.errors import LedgerBroken, NotCanonical, StoreUnavailable

UNREADABLE = "it holds a text that is no text (it is not UTF-8)"
UNDECODABLE = "Could not decode to UTF-8"
"""What SQLite says of such a text."""

AT_ONCE = 512
"""How many rows are read from a file in one go, where they are not held all at once."""


class SqliteDatabase:
    """A connection to an SQLite file; see `Database`.

    Args:
        name: of the file, for messages.
        connection: to the file.
        lock: held by one thread at a time, since they share the connection.
    """

    def __init__(self, name: str, connection: sqlite3.Connection, lock: threading.RLock | None = None) -> None:
        self.name = name
        self.connection = connection
        self.lock = lock or threading.RLock()
        self.lent = False
        """Whether somebody else is writing in this connection's transaction."""
        self._process = os.getpid()

    def is_here(self) -> bool:
        """Whether this is the process that opened the connection."""
        return os.getpid() == self._process

    def cursor(self) -> sqlite3.Cursor:
        """A cursor that gives rows as tuples, whatever the connection's owner has set."""
        cursor = self.connection.cursor()
        cursor.row_factory = None
        return cursor

    def check_process(self) -> None:
        """Refuse a connection that a fork has copied: SQLite loses data where one is used in two processes.

        Raises:
            StoreUnavailable: this process did not open it.
        """
        if not self.is_here():
            raise StoreUnavailable(
                f"the ledger {self.name!r} was opened before this process was forked off; open it anew in each process"
            )

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row."""
        self.check_process()
        with self.lock:
            try:
                return self.cursor().execute(sql, values).fetchall()
            except (sqlite3.Error, UnicodeError) as error:
                self.refuse(error)

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row, or None."""
        self.check_process()
        with self.lock:
            try:
                return self.cursor().execute(sql, values).fetchone()
            except (sqlite3.Error, UnicodeError) as error:
                self.refuse(error)

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Row by row, without holding them all; a text that is none comes with surrogates in it, so that what it belongs to can be named."""
        self.check_process()
        read = 0
        try:
            with self.lock:
                fetch = self.cursor().execute(sql, values).fetchmany
                rows = fetch(AT_ONCE)
            while rows:
                yield from rows
                read += len(rows)
                with self.lock:
                    rows = fetch(AT_ONCE)
        except sqlite3.OperationalError as error:
            if not str(error).startswith(UNDECODABLE):
                self.refuse(error)
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)
        else:
            return
        yield from self._each_somehow(sql, values, read)

    def _each_somehow(self, sql: str, values: Sequence[Any], read: int) -> Iterator[Any]:
        """The rows behind those that were read, however their texts are to be decoded."""
        found: list[Iterator[Any]] = []

        def some() -> list[
            Any
        ]:  # the lock is not held while rows are given out: who takes no more may drop this in any thread
            with self.lock:
                self.connection.text_factory = _decoded_somehow
                try:
                    if not found:
                        found.append(islice(self.connection.execute(sql, values), read, None))
                    return list(islice(found[0], AT_ONCE))
                except (sqlite3.Error, UnicodeError) as error:
                    self.refuse(error)
                finally:
                    self.connection.text_factory = str

        while rows := some():
            yield from rows

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Change rows; how many."""
        try:
            return self.connection.execute(sql, values).rowcount
        except (sqlite3.Error, UnicodeError) as error:
            self.refuse(error)

    def refuse(self, error: sqlite3.Error | UnicodeError) -> NoReturn:
        """Turn an error of SQLite into one of ours."""
        if isinstance(error, UnicodeEncodeError):
            raise NotCanonical(
                f"the ledger {self.name!r} was given a text with a lone surrogate, which is no text"
            ) from None
        if isinstance(error, sqlite3.OperationalError) and str(error).startswith(UNDECODABLE):
            raise LedgerBroken(f"the ledger {self.name!r} is broken: {UNREADABLE}") from None
        if isinstance(error, UnicodeError):  # a damaged file, and SQLite's own message quotes from it
            raise StoreUnavailable(f"the ledger {self.name!r} is damaged; nothing of this write was kept") from None
        raise StoreUnavailable(f"the ledger {self.name!r} {_problem(error)}; nothing of this write was kept") from error


def _decoded_somehow(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _problem(error: sqlite3.Error) -> str:
    text = str(error)
    code = getattr(error, "sqlite_errorname", "") or ""
    if "closed database" in text:
        return "is closed"
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is locked by another writer (raise `timeout`, or find who holds it)"
    if code.startswith("SQLITE_READONLY"):
        return "is read-only (check the permissions of the file and its directory)"
    if code.startswith("SQLITE_FULL"):
        return "has no room (the disk is full)"
    if code.startswith("SQLITE_CANTOPEN"):
        return "cannot be opened (does its directory exist, and may this user write there?)"
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"is damaged, or no SQLite file ({text})"
    return f"refused: {text}"
