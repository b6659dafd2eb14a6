"""The ledger's own connection to Postgres: opened by URL, and opened again when the server was restarted."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from abpo_sdk.errors import DefinitionError, StoreUnavailable
from abpo_sdk.ledger.store import WITHIN_A_STEP
from abpo_sdk.ledger.stores.postgres_database import PostgresDatabase, translated
from abpo_sdk.ledger.stores.postgres_schema import check_same, lock_number, migrate

try:
    import psycopg
    from psycopg import pq
    from psycopg.conninfo import conninfo_to_dict
except ImportError:
    psycopg = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

STARTING = "the database system is"
"""What a server says that is starting, shutting down or recovering."""
GONE = ("Connection refused", "No such file or directory")
"""What the system says where there is no server."""

SETTINGS = """SELECT set_config('lock_timeout', %s, false), set_config('client_min_messages', 'warning', false),
    set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
    current_setting('server_encoding')"""
"""A commit is on disk (and with standbys that must confirm it, there too) before it returns, whatever the database's default."""


@dataclass(frozen=True)
class Target:
    """Where a ledger on Postgres is.

    Args:
        url: "postgresql://..." (or what else libpq understands).
        schema: that holds its tables.
        timeout: how many seconds to wait for locks, and for a server that is just starting.
    """

    url: str
    schema: str
    timeout: float

    @property
    def name(self) -> str:
        """The ledger for messages, without its password."""
        parts = self._parts()
        user = f"{parts['user']}@" if parts.get("user") else ""
        host = str(parts.get("host") or parts.get("hostaddr") or "")
        port = f":{parts['port']}" if parts.get("port") else ""
        where = f"{host}{port}/{parts.get('dbname', '')}" if not host.startswith("/") else f"/{parts.get('dbname', '')}"
        return f"postgresql://{user}{where}, schema {self.schema}"

    def _parts(self) -> dict[str, Any]:
        with contextlib.suppress(psycopg.Error):  # whose message quotes from the URL
            parts = conninfo_to_dict(self.url)
            if "@" not in str(parts.get("host", "")):
                return parts
        raise DefinitionError(
            "the ledger's URL cannot be read; write postgresql://user:password@host:port/database, and each of "
            "@ : / ? # % in the password as %40 %3A %2F %3F %23 %25"
        )

    def connect(self, *, again: bool = False) -> Connection[Any]:
        """A new connection, with autocommit on; waits for a server that is starting and, where there was one before, for its return.

        Raises:
            StoreUnavailable: there is no server, or it does not let us in.
        """
        parts = self._parts()
        patience: dict[str, Any] = (
            {} if "connect_timeout" in parts else {"connect_timeout": max(2, math.ceil(self.timeout))}
        )
        passing = (STARTING, *GONE) if again else (STARTING,)
        until = time.monotonic() + self.timeout
        while True:
            try:
                connection = psycopg.connect(self.url, autocommit=True, client_encoding="utf8", **patience)
            except psycopg.Error as error:
                if not any(text in str(error) for text in passing) or time.monotonic() >= until:
                    raise StoreUnavailable(
                        f"the ledger {self.name!r} cannot be reached: {self._without_password(str(error))}"
                    ) from None
                time.sleep(0.02)
            else:
                break
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _without_password(self, text: str) -> str:
        password = str(self._parts().get("password") or "")
        return text.replace(password, "***") if password else text

    def _prepare(self, connection: Connection[Any]) -> None:
        wait = str(max(1, round(self.timeout * 1000)))  # 0 would be to wait for ever
        database = PostgresDatabase(self.name, self.schema, connection)
        encoding = database.execute(SETTINGS.encode(), (wait,), prepare=False).fetchall()[0][3]
        if encoding != "UTF8":
            raise StoreUnavailable(
                f"the ledger {self.name!r} is in a database whose encoding is {encoding}, and it must be UTF8, so that every text can be kept"
            )


class Session(PostgresDatabase):
    """The ledger's own connection. It is made again where it was lost, though never in the middle of a transaction.

    Args:
        target: where the ledger is.

    Raises:
        StoreUnavailable: it cannot be reached, or its tables cannot be made.
        SchemaUnknown: there is something else, or a later release's ledger.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target.name, target.schema, target.connect())
        try:
            self.identifier = migrate(PostgresDatabase(self.name, self.schema, self.connection))
        except BaseException:
            self.connection.close()
            raise
        self._target = target
        self._process = os.getpid()
        self._inherited: list[Any] = []
        self._left: list[str] = []  # cursors that somebody stopped reading
        self._closed = False
        self._begin = (
            f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({lock_number(self.schema)})"
        )
        self.writing = False

    _locker = 0

    @property
    def lock(self) -> threading.RLock:
        """Held by one thread at a time; a new one after a fork, when another process's thread may have held the old one."""
        if self._locker != os.getpid():
            self._locker, self._lock = os.getpid(), threading.RLock()
            self.writing = self.lent = False
        return self._lock

    @lock.setter
    def lock(self, lock: threading.RLock) -> None:
        self._locker, self._lock = os.getpid(), lock

    def open_another(self) -> PostgresDatabase:
        """A connection of its own to the same ledger."""
        with self.lock:
            self.check_open()
        database = PostgresDatabase(self.name, self.schema, self._target.connect())
        try:
            check_same(database, self.identifier)
        except BaseException:
            database.connection.close()
            raise
        return database

    def check_open(self) -> None:
        """Raise `StoreUnavailable` where the ledger was closed."""
        if self._closed:
            raise StoreUnavailable(f"the ledger {self.name!r} is closed")

    def close(self) -> None:
        """Let go of the connection for good."""
        with self.lock:
            self._closed = True
            if self._process == os.getpid():
                self.connection.close()

    def run(self, sql: str, values: Sequence[Any] = (), *, prepare: bool | None = None) -> Cursor[Any]:
        """Run a statement of ours; again on a new connection, where the old one turns out to be lost and no transaction with it."""
        self.check_open()
        if self.writing:
            return super().run(sql, values, prepare=prepare)
        self._reconnect()
        try:
            return self._cursor().execute(translated(sql, self.schema), values, prepare=prepare, binary=True)
        except (psycopg.Error, UnicodeError) as error:
            if not self.connection.closed:
                self.refuse(error)
        self._reconnect()
        return super().run(sql, values, prepare=prepare)

    def _reconnect(self) -> None:
        """Connect where the connection is known to be lost, or another process's from which this one was forked."""
        if self._process != os.getpid():
            self._inherited.append(self.connection)  # which closing it would take from the other process
            self._process = os.getpid()
        elif not self.connection.closed:
            return
        self._left.clear()
        self.connection = self._target.connect(again=True)
        try:
            check_same(PostgresDatabase(self.name, self.schema, self.connection), self.identifier)
        except BaseException:
            self.connection.close()
            raise

    def declare(self, sql: str, values: Sequence[Any], kind: str = "NO SCROLL CURSOR") -> str:
        """Begin to read; outside a transaction, the server keeps what was found until it has been read."""
        if self.writing:
            return super().declare(sql, values, kind)
        left, self._left = self._left, []
        if left and not self.connection.closed:
            with contextlib.suppress(StoreUnavailable):
                self.script("; ".join(f"CLOSE {name}" for name in left))
        return super().declare(sql, values, f"{kind} WITH HOLD")

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Row by row, without holding them all."""
        with self.lock:
            inside = self.writing
            name = self.declare(sql, values)
            connection = self.connection
        try:
            yield from self.fetch_all(name, connection)
        finally:
            # no statement is run here, since a generator may be thrown away in the middle of another one
            if not inside and self.connection is connection:
                self._left.append(name)

    def refuse(self, error: psycopg.Error | UnicodeError) -> NoReturn:
        """Turn an error into one of ours; after the end, every one is that."""
        self.check_open()
        super().refuse(error)

    # one write

    def begin(self) -> None:
        """Begin a transaction in which this ledger alone is writing, all of its other connections included."""
        self.check_open()
        if self.lent:
            raise DefinitionError(WITHIN_A_STEP)
        if self.writing:  # in a block around this one, which is not this one's to roll back
            raise StoreUnavailable(
                f"the ledger {self.name!r} was to be written to within a write to it; nothing of this inner write was kept"
            )
        self._reconnect()
        try:
            try:
                self.script(self._begin)
            except StoreUnavailable:
                if not self.connection.closed:
                    raise
                self._reconnect()
                self.script(self._begin)
        except BaseException:
            self.roll_back()
            raise
        self.writing = True

    def commit(self) -> None:
        """Make a transaction durable.

        Raises:
            StoreUnavailable: nothing was kept; or, where the message says so, nobody knows whether anything was.
        """
        if self.connection.closed:
            self.refuse(psycopg.OperationalError("the connection is closed"))
        if self.connection.info.transaction_status != pq.TransactionStatus.INTRANS:
            self.refuse(psycopg.errors.InFailedSqlTransaction())
        try:
            self._cursor().execute(b"COMMIT", prepare=False)
        except psycopg.Error as error:
            if not self.connection.closed:
                self.refuse(error)
            raise StoreUnavailable(
                f"the connection to the ledger {self.name!r} was lost while a write was being made durable, so it is not known "
                "whether the write was kept; look before you do it again"
            ) from error

    def roll_back(self) -> None:
        """Give a transaction up."""
        self.writing = False
        super().roll_back()

    def vacuum(self) -> None:
        """Make room in the table of entries where something was removed."""
        warnings: list[str] = []

        def listen(diagnostic: psycopg.errors.Diagnostic) -> None:
            warnings.append(str(diagnostic.message_primary))

        if self.writing:
            raise StoreUnavailable(f"the ledger {self.name!r} is being written to; vacuum it afterwards")
        self.check_open()
        self._reconnect()
        connection = self.connection
        connection.add_notice_handler(listen)
        try:
            self.run("VACUUM abpo_entries", prepare=False)
        finally:
            connection.remove_notice_handler(listen)
        if warnings:  # what Postgres says where this user does not own the table
            raise StoreUnavailable(f"the ledger {self.name!r} was not vacuumed: {'; '.join(warnings)}")
