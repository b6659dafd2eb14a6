"""Reads what an SQLite file holds of a ledger, and says in the project's words what keeps it from being read."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NoReturn

from abpo_sdk.errors import LedgerBroken, NotCanonical, StoreUnavailable
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.rows import KEY, TABLES, Head
from abpo_sdk.ledger.store import Row

ENTRY_COLUMNS = "chain, position, scope, ordinal, header, payload, salt, sealed"
ENTRIES_OF = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE chain = ? ORDER BY position, id"
LAST_ENTRY = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE chain = ? AND scope = ? ORDER BY ordinal DESC LIMIT 1"
HEAD_COLUMNS = ", ".join(Head._fields)
HEAD_OF = f"SELECT {HEAD_COLUMNS} FROM chains WHERE chain = ?"
UNREADABLE = "it holds a text that is no text (it is not UTF-8)"


class SqliteReader:
    """Looks things up in an SQLite file; see `Reader`.

    Args:
        name: of the file, for messages.
        connection: to the file.
        lock: held by one thread at a time, since they share the connection.
    """

    def __init__(self, name: str, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        self._name = name
        self._connection = connection
        self._lock = lock

    def head(self, chain: str) -> Head | None:
        """The end of a chain, or None."""
        row = self._one(HEAD_OF, (chain,))
        return Head(*row) if row else None

    def heads(self) -> Iterator[Head]:
        """Every chain, in the order of their names."""
        for row in self._all(f"SELECT {HEAD_COLUMNS} FROM chains ORDER BY chain", ()):
            yield Head(*row)

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a chain, in the order in which they were written."""
        try:
            return [_entry(row) for row in self._all(ENTRIES_OF, (chain,))]
        except LedgerBroken:
            raise self._first_damaged(chain) from None

    def entry(self, chain: str, place: Place) -> Entry | None:
        """The entry at a place of a chain, or None."""
        row = self._one(
            f"SELECT {ENTRY_COLUMNS} FROM entries WHERE chain = ? AND scope = ? AND ordinal = ?",
            (chain, place.scope, place.ordinal),
        )
        return _entry(row) if row else None

    def last(self, chain: str, scope: str) -> Entry | None:
        """The last entry in a scope of a chain, or None."""
        row = self._one(LAST_ENTRY, (chain, scope))
        return _entry(row) if row else None

    def chains_with_entries(self) -> list[str]:
        """Every chain that has an entry, in the order of their names."""
        return [row[0] for row in self._all("SELECT DISTINCT chain FROM entries ORDER BY chain", ())]

    def chains_with_rows(self) -> list[str]:
        """Every chain that a run, review or decision names, in the order of their names."""
        tables = "SELECT id AS chain FROM runs UNION SELECT chain FROM reviews UNION SELECT chain FROM decisions"
        return [row[0] for row in self._all(f"{tables} ORDER BY chain", ())]

    def select(
        self,
        kind: type[Row],
        *,
        equal: Mapping[str, Any] | None = None,
        until: Mapping[str, str] | None = None,
        order: str | None = None,
    ) -> list[Row]:
        """Rows of a projection; see `Reader.select`."""
        model: Any = kind
        sql = _select_text(model, tuple(equal or ()), tuple(until or ()), order or KEY)
        return [kind(*row) for row in self._all(sql, (*(equal or {}).values(), *(until or {}).values()))]

    def refuse(self, error: sqlite3.Error | UnicodeError) -> NoReturn:
        """Turn an error of SQLite into one of ours."""
        if isinstance(error, UnicodeEncodeError):
            raise NotCanonical(
                f"the ledger {self._name!r} was given a text with a lone surrogate, which is no text"
            ) from None
        if isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode to UTF-8"):
            raise LedgerBroken(f"the ledger {self._name!r} is broken: {UNREADABLE}") from None
        if isinstance(error, UnicodeError):  # a damaged file, and SQLite's own message quotes from it
            raise StoreUnavailable(f"the ledger {self._name!r} is damaged; nothing of this write was kept") from None
        raise StoreUnavailable(
            f"the ledger {self._name!r} {_problem(error)}; nothing of this write was kept"
        ) from error

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except (sqlite3.Error, UnicodeError) as error:
                self.refuse(error)

    def _one(self, sql: str, values: tuple[Any, ...]) -> Any:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchone()
            except (sqlite3.Error, UnicodeError) as error:
                self.refuse(error)

    def _first_damaged(self, chain: str) -> LedgerBroken:
        """Names the first entry of a chain that holds text which is none."""
        for number in itertools.count():
            try:
                if self._one(f"{ENTRIES_OF} LIMIT 1 OFFSET ?", (chain, number)) is None:
                    return LedgerBroken(f"the ledger is broken at {chain!r}: {UNREADABLE}", chain=chain)
            except LedgerBroken:
                break
        return LedgerBroken(
            f"the ledger is broken at {chain!r}, entry {number}: {UNREADABLE}", chain=chain, entry=number
        )


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(row[0], row[1], Place(row[2], row[3]), row[4], row[5], row[6], row[7])


def _problem(error: sqlite3.Error) -> str:
    text = str(error)
    code = getattr(error, "sqlite_errorname", "") or ""
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


@cache
def _select_text(kind: Any, equal: tuple[str, ...], until: tuple[str, ...], order: str) -> str:
    tests = [f"{known_column(kind, name)} = ?" for name in equal] + [
        f"{known_column(kind, name)} <= ?" for name in until
    ]
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return f"SELECT {columns_of(kind)} FROM {TABLES[kind]}{where} ORDER BY {known_column(kind, order)}, {KEY}"


def columns_of(kind: Any) -> str:
    """The columns of a projection, as SQL lists them."""
    return ", ".join(kind._fields)


def known_column(kind: Any, column: str) -> str:
    """A column's name, which goes into SQL as it stands; raises `StoreUnavailable` where there is none of that name."""
    if column not in kind._fields:
        raise StoreUnavailable(f"{TABLES[kind]} has no column {column!r}; it has {columns_of(kind)}")
    return column
