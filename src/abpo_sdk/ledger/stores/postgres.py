"""A store in a Postgres database: a schema of its own there, every commit on disk before it returns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NoReturn, Self
from weakref import WeakSet

from abpo_sdk.errors import DefinitionError, NotCanonical, StoreUnavailable
from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.store import WITHIN_A_STEP
from abpo_sdk.ledger.stores.postgres_database import PostgresDatabase
from abpo_sdk.ledger.stores.postgres_schema import known_to
from abpo_sdk.ledger.stores.postgres_session import Session, Target
from abpo_sdk.ledger.stores.sql_reading import SqlReader
from abpo_sdk.ledger.stores.sql_writing import INSERT_ENTRY, SqlTransaction, is_mine

try:
    import psycopg
    from psycopg import pq
except ImportError:
    psycopg = None  # type: ignore[assignment]

SEAL_ALL = (
    "UPDATE abpo_entries AS entry SET leaf = found.number + ? - 1 "
    "FROM unnest(?::bigint[]) WITH ORDINALITY AS found(id, number) WHERE entry.id = found.id"
)


class PostgresWrites(SqlTransaction):
    """Writes to a Postgres database, in a transaction that is in progress."""

    _database: PostgresDatabase

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, all in one go."""
        rows = [
            (chain, position, scope, ordinal, header, payload, salt, ciphertext)
            for chain, position, (scope, ordinal), header, payload, salt, ciphertext, _ in entries
        ]
        if len(rows) == 1:
            self._database.write(INSERT_ENTRY, rows[0])
        elif rows:
            self._database.write_many(INSERT_ENTRY, rows)

    def lent(self) -> contextlib.AbstractContextManager[psycopg.Connection[Any]]:
        """The connection, for what a caller writes in this very transaction; see `Transaction`."""
        from abpo_sdk.ledger.stores.postgres_lending import lend

        return lend(self._database)

    def seal(self, start: int, entries: Sequence[int]) -> None:
        """Give entries the positions in the tree from `start` on, all in one go."""
        self._database.write(SEAL_ALL, (start, list(entries)))


class PostgresTransaction(PostgresWrites):
    """One write to a Postgres database, alone with the ledger: durable, all of it, when its block ends without error."""

    _database: Session

    def __enter__(self) -> Self:
        database = self._database
        database.lock.acquire()
        try:
            database.begin()
        except BaseException:
            database.lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not is_mine(self._database.lock):
            return  # it has ended: this is called again where the first time was interrupted
        try:
            if kind is None:
                self._database.commit()
        finally:
            self._database.roll_back()
            self._database.lock.release()


class JoinedDatabase(PostgresDatabase):
    """A caller's own connection."""

    _written = False

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Change rows; how many."""
        count = super().write(sql, values)
        self._written = True
        return count

    def refuse(self, error: psycopg.Error | UnicodeError) -> NoReturn:
        """Turn an error into one of ours, and see to it that what was written before it is not kept without the rest."""
        try:
            super().refuse(error)
        except NotCanonical as refused:  # of which the server did not hear
            if self._written:
                with contextlib.suppress(StoreUnavailable):
                    self.script("DO $$ BEGIN RAISE 'a ledger entry was left half written'; END $$")
                refused.add_note("Your transaction cannot be committed any more; roll it back.")
            raise


class PostgresStore(SqlReader):
    """A store in a Postgres database (13 or newer, encoding UTF8), in a schema of its own beside an application's tables.

    Several threads, processes and machines may use the same ledger. Writers wait for each other; readers wait for nobody.
    The connection is opened again after the server was restarted. A pooler in between must pool sessions, not transactions.

    Args:
        url: "postgresql://user:password@host:port/database"; what is left out comes from the environment, as for `psql`.
        timeout: how many seconds to wait for other writers before a write is refused.
        schema: that holds the ledger's tables; made where it is absent.

    Raises:
        DefinitionError: psycopg is not installed, or the URL cannot be read.
        StoreUnavailable: the database cannot be reached, or this user may not make the tables.
        SchemaUnknown: the schema holds something else, or a later release's ledger.
    """

    _database: Session

    def __init__(self, url: str, *, timeout: float = 5.0, schema: str = "abpo") -> None:
        if psycopg is None:
            raise DefinitionError('a ledger on Postgres needs psycopg; pip install "abpo_sdk[postgres]"')
        if not schema or "\0" in schema or len(schema.encode(errors="replace")) > 63:
            raise DefinitionError(f"schema={schema!r} is no name for a schema of Postgres (1 to 63 bytes)")
        super().__init__(Session(Target(url, schema, timeout)))
        self._transaction = PostgresTransaction(self._database)
        self._known: WeakSet[Any] = WeakSet()

    @property
    def id(self) -> str:
        """What tells this ledger from every other."""
        return self._database.identifier

    def transaction(self) -> PostgresTransaction:
        """One write; see `Store.transaction`.

        Raises:
            StoreUnavailable: nothing was kept; or, where the connection was lost during the commit, it is not known whether
                it was, and the message says so.
        """
        return self._transaction

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[SqlReader]:
        """Everything as it stands at one moment, on a connection of its own."""
        database = self._database.open_another()
        try:
            database.script(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"
            )  # the moment is that of a first look
            yield SqlReader(database)
        finally:
            database.connection.close()

    def joined(self, connection: object) -> PostgresWrites:
        """The writes of a caller's own connection to the same database; see `Store.joined`.

        The lock that keeps writers apart is not taken here, since it would be held until the caller commits, and all writers
        would wait for that. Hence entries become visible in another order than that of their numbers, and sealing
        looks for those which have no position in the tree, rather than for those after the last one that has.
        """
        if not isinstance(connection, psycopg.Connection):
            raise DefinitionError(
                f"connection={connection!r} is no psycopg.Connection, and this ledger is in Postgres "
                "(of an SQLAlchemy connection, give connection.connection.driver_connection)"
            )
        if connection is self._database.connection:
            raise DefinitionError(WITHIN_A_STEP)
        if connection.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            raise DefinitionError(
                "the connection is in pipeline mode, where nobody knows yet what a statement did; record outside of the pipeline"
            )
        status = connection.info.transaction_status
        if connection.autocommit and status == pq.TransactionStatus.IDLE:
            raise DefinitionError(
                "the connection has no transaction that could be joined (autocommit is on); use `with connection.transaction():`, "
                "so that the decision and what you write yourself are kept or lost together"
            )
        if connection not in self._known:
            if not connection.closed and connection.info.encoding != "utf-8":
                raise DefinitionError(f"the connection's client_encoding is {connection.info.encoding}; make it UTF8")
            if not known_to(connection, self._database, self.id):
                raise DefinitionError(
                    f"the connection is to another database than the ledger {self._database.name!r}, so that they cannot commit together"
                )
            self._known.add(connection)
        return PostgresWrites(JoinedDatabase(self._database.name, self._database.schema, connection))

    def scrub(self) -> None:
        """Vacuum the entries, so that Postgres writes over what was removed as it needs the room.

        Until then its bytes lie in the table's file, unless somebody runs `VACUUM FULL` on the table, which locks it for as long.
        They stay in the write-ahead log until that is recycled, and in archives of that log and backups for as long as these are kept.

        Raises:
            StoreUnavailable: the table is locked, or this user may not do it.
        """
        with self._database.lock:
            self._database.vacuum()

    def close(self) -> None:
        """Let go of the connection."""
        self._database.close()
