"""A store in one SQLite file: write-ahead log, every commit on disk before it returns."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from abpo_sdk.errors import DefinitionError, LedgerBroken, StoreUnavailable
from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.rows import TABLES, Head
from abpo_sdk.ledger.store import WITHIN_A_STEP
from abpo_sdk.ledger.stores.migrations import ledger_id, migrate, schema_of
from abpo_sdk.ledger.stores.sql_reading import ENTRIES_OF, SIZE, TILE, SqlReader
from abpo_sdk.ledger.stores.sql_writing import ADVANCE_HEAD, INSERT_ENTRY, NEW_HEAD, SqlTransaction, is_mine
from abpo_sdk.ledger.stores.sqlite_database import UNREADABLE, SqliteDatabase
from abpo_sdk.ledger.stores.sqlite_lending import lend

# one look at each end of the index, which the planner takes where the query says that it is about sealed entries alone
LEAVES = (
    f"SELECT typeof(largest), largest, smallest FROM (SELECT ({SIZE}) AS largest, "
    "(SELECT min(leaf) FROM abpo_entries WHERE leaf IS NOT NULL) AS smallest)"
)
NO_LEAF = "SELECT chain, position, leaf FROM abpo_entries WHERE typeof(leaf) NOT IN ('integer', 'null') OR leaf < 0 ORDER BY chain, position"
LEAF_AT = "SELECT leaf FROM abpo_entries INDEXED BY sqlite_autoindex_abpo_entries_1 WHERE chain = ? AND scope = ? AND ordinal = ?"
FIRST_UNSEALED = f"SELECT id FROM abpo_entries WHERE leaf = ({SIZE})"


def _bound(entry: Entry) -> tuple[Any, ...]:
    """What is written of an entry; for `bytes`, sqlite3 looks for an adapter first, each time."""
    chain, position, (scope, ordinal), header, payload, salt, ciphertext, _ = entry
    return (
        chain,
        position,
        scope,
        ordinal,
        bytearray(header),
        None if payload is None else bytearray(payload),
        None if salt is None else bytearray(salt),
        ciphertext,
    )


class SqliteReader(SqlReader):
    """Looks things up in an SQLite file; see `Reader`."""

    _database: SqliteDatabase

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a chain, in the order in which they were written."""
        try:
            return super().entries(chain)
        except LedgerBroken:
            raise self._first_damaged(chain) from None

    def leaf(self, number: int) -> Entry | None:
        """The entry at a position of the tree, or None; what the index of positions says is held against the entry itself.

        Raises:
            LedgerBroken: the index leads to another entry, or to none.
        """
        entry = super().leaf(number)
        if entry is None:
            if 0 <= number < self.size():
                raise LedgerBroken(f"the ledger is broken: nothing is found at position {number} of the tree")
            return None
        itself = self._database.one(LEAF_AT, (entry.chain, *entry.place))
        if itself is None or itself[0] != number:
            raise LedgerBroken(
                f"the ledger is broken at {entry.chain!r}, entry {entry.position}: it is found at position {number} of the tree, "
                f"and is not there",
                chain=entry.chain,
                entry=entry.position,
            )
        return entry

    def size(self) -> int:
        """How many entries are sealed."""
        kind, largest, smallest = self._database.one(LEAVES)
        if kind == "null":
            return 0
        if kind != "integer" or smallest < 0:  # a column of SQLite holds whatever it is given
            chain, entry, leaf = self._database.one(NO_LEAF)
            raise LedgerBroken(
                f"the ledger is broken at {chain!r}, entry {entry}: its position in the tree is {leaf!r}, which is none",
                chain=chain,
                entry=entry,
            )
        return int(largest) + 1

    def tile(self, level: int, position: int) -> bytes | None:
        """A piece of the tree; None, too, where something else than bytes stands in its place."""
        row = self._database.one(TILE, (level, position))
        return row[0] if row and type(row[0]) is bytes else None

    def check_storage(self) -> None:
        """Check that the indexes of the projections have their rows; of entries and tree, `verify` looks at each itself.

        Raises:
            LedgerBroken: naming the first table whose indexes have not.
        """
        for table in TABLES.values():
            for (problem,) in self._database.all(f"PRAGMA integrity_check('{table}')"):
                if problem != "ok":
                    raise LedgerBroken(f"the ledger is broken: the file is damaged at the table {table}: {problem}")

    def _first_damaged(self, chain: str) -> LedgerBroken:
        """Names the first entry of a chain that holds text which is none."""
        for number in itertools.count():
            try:
                if self._database.one(f"{ENTRIES_OF} LIMIT 1 OFFSET ?", (chain, number)) is None:
                    return LedgerBroken(f"the ledger is broken at {chain!r}: {UNREADABLE}", chain=chain)
            except LedgerBroken:
                break
        return LedgerBroken(
            f"the ledger is broken at {chain!r}, entry {number}: {UNREADABLE}", chain=chain, entry=number
        )


class SqliteWrites(SqlTransaction, SqliteReader):
    """Writes to an SQLite file, in a transaction that is in progress."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        cursor = database.connection.cursor()  # one for every write, since none gives rows
        self._execute = cursor.execute
        self._executemany = cursor.executemany

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""
        try:
            if len(entries) > 1:
                self._executemany(INSERT_ENTRY, map(_bound, entries))
            else:
                for entry in entries:
                    self._execute(INSERT_ENTRY, _bound(entry))
        except (sqlite3.Error, UnicodeError) as error:
            self._database.refuse(error)

    def advance(self, head: Head, *, length: int) -> bool:
        """Make `head` the end of its chain, if the chain has this length and `head`'s lease; whether it did."""
        try:
            values = (head.hash, head.length, head.holder, head.until, head.chain, length, head.epoch)
            return self._execute(ADVANCE_HEAD, values).rowcount == 1
        except (sqlite3.Error, UnicodeError) as error:
            self._database.refuse(error)

    def add_head(self, head: Head) -> bool:
        """Make a chain with this end, if there is none of its name; whether it did."""
        try:
            return self._execute(NEW_HEAD, head).rowcount == 1
        except (sqlite3.Error, UnicodeError) as error:
            self._database.refuse(error)

    def lent(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """The connection, for what a caller writes in this very transaction; see `Transaction`."""
        return lend(self._database)

    def _first_unsealed(self) -> int:
        """The row number of the entry that was sealed last; SQLite numbers rows in the order in which they are committed."""
        last = self._database.one(FIRST_UNSEALED)
        return last[0] if last else 0


class SqliteTransaction(SqliteWrites):
    """One write to an SQLite file, alone with it: durable, all of it, when its block ends without error."""

    _left_over = False  # whether a write that failed could not be rolled back either

    def __enter__(self) -> Self:
        lock, connection = self._database.lock, self._database.connection
        self._database.check_process()
        mine = is_mine(lock)
        try:
            lock.acquire()
        except BaseException:
            if not mine and is_mine(lock):  # interrupted when it had just got it, and nobody would ever give it back
                lock.release()
            raise
        outer = False
        try:
            if self._left_over:
                self._roll_back()
            outer = connection.in_transaction  # of a block around this one, which is not this one's to roll back
            self._execute("BEGIN IMMEDIATE")
        except BaseException as error:
            if not outer:
                self._roll_back()
            lock.release()
            if self._database.lent:
                raise DefinitionError(WITHIN_A_STEP) from error
            if isinstance(error, (sqlite3.Error, UnicodeError)):
                self._database.refuse(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not is_mine(self._database.lock):
            return  # it has ended: this is called again where the first time was interrupted
        try:
            if kind is None:
                self._execute("COMMIT")
        except (sqlite3.Error, UnicodeError) as problem:
            self._database.refuse(problem)
        finally:
            try:
                self._roll_back()
            finally:
                self._database.lock.release()

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # what made the write fail is what the caller must hear of
            self._left_over = True
            if self._database.connection.in_transaction:
                self._execute("ROLLBACK")
            self._left_over = False


class SqliteStore(SqliteReader):
    """A store in one SQLite file, or in memory.

    Several threads and several processes may use the same file.

    Args:
        path: the file, made where it is absent; None for a store in memory.
        timeout: how many seconds to wait for other writers before a write is refused.
        shared: whether the file may be an application's own, in which the ledger then makes its tables
            (named `abpo_...`) beside those that are there.

    Raises:
        StoreUnavailable: the file cannot be opened.
        SchemaUnknown: it is no ledger, or a later release's.
    """

    def __init__(self, path: Path | None, *, timeout: float = 5.0, shared: bool = False) -> None:
        self._path = path
        self._timeout = timeout
        database = self._connect()
        try:
            self._prepare(database, shared=shared)
        except (sqlite3.Error, UnicodeError) as error:
            database.connection.close()
            database.refuse(error)
        except BaseException:
            database.connection.close()
            raise
        super().__init__(database)
        self._transaction = SqliteTransaction(database)

    def _connect(self) -> SqliteDatabase:
        name = str(self._path) if self._path is not None else ":memory:"
        try:
            connection = sqlite3.connect(name, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, UnicodeError) as error:
            SqliteDatabase(name, None).refuse(error)  # type: ignore[arg-type]  # there is none
        return SqliteDatabase(name, connection)

    def _prepare(self, database: SqliteDatabase, *, shared: bool) -> None:
        connection = database.connection
        schema_of(connection, shared=shared)  # before anything is changed, in case that it is another program's file
        if self._path is not None:
            self._use_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # a payload that is removed leaves no bytes in a free page
        migrate(connection, shared=shared)
        self._id = str(ledger_id(connection))

    @property
    def id(self) -> str:
        """What tells this ledger from every other."""
        return self._id

    @property
    def in_memory(self) -> bool:
        """Whether it ends with the object."""
        return self._path is None

    def _use_log(self, connection: sqlite3.Connection) -> None:
        """Turn on the write-ahead log; SQLite itself does not wait here while others open the same new file."""
        until = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= until:
                    raise
                time.sleep(0.005)
            else:
                return

    def transaction(self) -> SqliteTransaction:
        """One write; see `Store.transaction`."""
        return self._transaction

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[SqliteReader]:
        """Everything as it stands at one moment; of a store in memory, other threads wait until it is over."""
        if self._path is None:
            with self._database.lock:
                yield self
            return
        with self._database.lock:
            self._database.one("SELECT 1")  # a store that is closed is not opened again
        database = self._connect()
        try:
            database.all("BEGIN")
            database.one("SELECT count(*) FROM sqlite_master")  # the moment is that of the first look
            yield SqliteReader(database)
        finally:
            database.connection.close()

    def joined(self, connection: object) -> SqliteWrites:
        """The writes of a caller's own connection to the same file; see `Store.joined`."""
        if not isinstance(connection, sqlite3.Connection):
            raise DefinitionError(
                f"connection={connection!r} is no sqlite3.Connection, and this ledger is an SQLite file"
            )
        if connection is self._database.connection:
            raise DefinitionError(WITHIN_A_STEP)
        database = SqliteDatabase(self._database.name, connection, threading.RLock())
        try:
            if ledger_id(database.cursor()) != self._id:
                raise DefinitionError(
                    f"the connection is to another file than the ledger {self._database.name!r}; "
                    "open the ledger on the application's own file with shared=True"
                )
            if not connection.in_transaction:
                if connection.isolation_level is None:
                    raise DefinitionError(
                        "the connection has no transaction that could be joined; begin one, so that the decision and what you "
                        "write yourself are kept or lost together"
                    )
                connection.execute("BEGIN IMMEDIATE")  # as sqlite3 itself does before a first INSERT
        except (sqlite3.Error, UnicodeError) as error:
            database.refuse(error)
        return SqliteWrites(database)

    def scrub(self) -> None:
        """Empty the write-ahead log, in which pages lie as they were; waits for those who are reading."""
        if self._path is None:
            return
        busy = self._database.one("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy and busy[0]:
            raise StoreUnavailable(
                f"the write-ahead log of the ledger {self._database.name!r} could not be emptied while others read or write, "
                "so what was removed still lies there; do it again when they are done"
            )

    def close(self) -> None:
        """Close the file; in a process that was forked off, nothing, since the other's locks would go."""
        if self._database.is_here():
            with self._database.lock:
                self._database.connection.close()
