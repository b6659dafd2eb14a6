"""A store in one SQLite file: write-ahead log, every commit on disk before it returns."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from abpo_sdk.errors import LedgerBroken, NotCanonical, StoreUnavailable
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.migrations import migrate, schema_of
from abpo_sdk.ledger.rows import DecisionRow, Head, ReviewRow, RunRow
from abpo_sdk.ledger.store import Row

ENTRY_COLUMNS = "chain, position, scope, ordinal, header, payload, salt, sealed"
INSERT_ENTRY = f"INSERT INTO entries({ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ENTRIES_OF = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE chain = ? ORDER BY position, id"
LAST_ENTRY = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE chain = ? AND scope = ? ORDER BY ordinal DESC LIMIT 1"
HEAD_COLUMNS = "chain, hash, length, epoch, holder, until"
ADVANCE_HEAD = (
    "UPDATE chains SET hash = ?, length = ?, holder = ?, until = ? WHERE chain = ? AND length = ? AND epoch = ?"
)
PUT_HEAD = f"INSERT OR REPLACE INTO chains({HEAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
UNREADABLE = "it holds a text that is no text (it is not UTF-8)"


class SqliteStore:
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
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                self._name, timeout=timeout, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(timeout, in_file=path is not None)
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, UnicodeError) as error:
            self._refuse(error)

    def _prepare(self, timeout: float, *, in_file: bool) -> None:
        schema_of(self._connection)  # before anything is changed, in case that it is another program's file
        if in_file:
            self._use_log(timeout)
        self._connection.execute("PRAGMA synchronous = FULL")
        migrate(self._connection)
        self._writing = self._connection.cursor()  # one for every write, since none gives rows

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

    def transaction(self) -> _Transaction:
        """One write; see `Store.transaction`."""
        return _Transaction(self)

    def begin(self) -> None:
        """Begin a write, alone with the file; ended by `commit` or `roll_back`."""
        self._lock.acquire()
        try:
            self._write("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise

    def commit(self) -> None:
        """Make durable what was written since `begin`."""
        try:
            self._write("COMMIT")
        except BaseException:
            self.roll_back()
            raise
        self._lock.release()

    def roll_back(self) -> None:
        """Forget what was written since `begin`."""
        try:
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # what made the write fail is what the caller must hear of
                    self._connection.execute("ROLLBACK")
        finally:
            self._lock.release()

    def head(self, chain: str) -> Head | None:
        """The end of a chain, or None."""
        row = self._one(f"SELECT {HEAD_COLUMNS} FROM chains WHERE chain = ?", (chain,))
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
        sql = _select_text(model, tuple(equal or ()), tuple(until or ()), order or kind.KEY)
        return [kind(*row) for row in self._all(sql, (*(equal or {}).values(), *(until or {}).values()))]

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""
        for e in entries:
            place = e.place
            row = (
                e.chain,
                e.position,
                place.scope,
                place.ordinal,
                _bound(e.header),
                _bound(e.payload),
                _bound(e.salt),
                e.sealed,
            )
            self._write(INSERT_ENTRY, row)

    def advance(self, head: Head, *, length: int) -> bool:
        """Make `head` the end of its chain, if the chain has this length and `head`'s lease; whether it did."""
        try:
            values = (head.hash, head.length, head.holder, head.until, head.chain, length, head.epoch)
            return self._writing.execute(ADVANCE_HEAD, values).rowcount == 1
        except (sqlite3.Error, UnicodeError) as error:
            self._refuse(error)

    def set_head(self, head: Head) -> None:
        """Make `head` the end of its chain, whatever stood there."""
        self._write(PUT_HEAD, (head.chain, head.hash, head.length, head.epoch, head.holder, head.until))

    def put(self, row: RunRow | ReviewRow | DecisionRow) -> None:
        """Add or replace a row of a projection."""
        model: Any = type(row)
        self._write(_put_text(model), _values(model)(row))

    def update(self, kind: type[Row], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        model: Any = kind
        self._write(_update_text(model, tuple(changes)), (*changes.values(), key))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        try:
            self._writing.execute(sql, values)
        except (sqlite3.Error, UnicodeError) as error:
            self._refuse(error)

    def _refuse(self, error: sqlite3.Error | UnicodeError) -> NoReturn:
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
                self._refuse(error)

    def _one(self, sql: str, values: tuple[Any, ...]) -> Any:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchone()
            except (sqlite3.Error, UnicodeError) as error:
                self._refuse(error)

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


class _Transaction:
    """The block of one write; a class, because a generator costs several times as much."""

    __slots__ = ("_store",)

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __enter__(self) -> SqliteStore:
        self._store.begin()
        return self._store

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._store.commit()
        else:
            self._store.roll_back()


def _bound(data: bytes | None) -> bytearray | None:
    """Bytes as sqlite3 binds them at once; for `bytes` it looks for an adapter first, each time."""
    return None if data is None else bytearray(data)


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
    tests = [f"{_known(kind, name)} = ?" for name in equal] + [f"{_known(kind, name)} <= ?" for name in until]
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return f"SELECT {_columns(kind)} FROM {kind.TABLE}{where} ORDER BY {_known(kind, order)}, {kind.KEY}"


@cache
def _values(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(f.name for f in fields(kind)))


@cache
def _put_text(kind: Any) -> str:
    marks = ", ".join("?" for _ in fields(kind))
    return f"INSERT OR REPLACE INTO {kind.TABLE}({_columns(kind)}) VALUES ({marks})"


@cache
def _update_text(kind: Any, changes: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{_known(kind, name)} = ?" for name in changes)
    return f"UPDATE {kind.TABLE} SET {assignments} WHERE {kind.KEY} = ?"


def _columns(kind: Any) -> str:
    return ", ".join(f.name for f in fields(kind))


def _known(kind: Any, column: str) -> str:
    if column not in {f.name for f in fields(kind)}:
        raise StoreUnavailable(f"{kind.TABLE} has no column {column!r}; it has {_columns(kind)}")
    return column
