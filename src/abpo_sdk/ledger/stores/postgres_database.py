"""A connection to a Postgres database, shared by threads, whose errors are ours."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from abpo_sdk.errors import LedgerBroken, NotCanonical, StoreUnavailable

try:
    import psycopg
    from psycopg import pq
    from psycopg.rows import tuple_row
except ImportError:  # which is said when a ledger on Postgres is opened
    psycopg = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

AT_ONCE = 512
"""How many rows are fetched in one go, where they are not held all at once."""

_numbers = itertools.count()


class PostgresDatabase:
    """A connection to a Postgres database; see `Database`.

    Args:
        name: of the ledger, for messages; without the password.
        schema: that holds the ledger's tables.
        connection: to the database.
        lock: held by one thread at a time, since they share the connection.
    """

    def __init__(
        self, name: str, schema: str, connection: Connection[Any], lock: threading.RLock | None = None
    ) -> None:
        self.name = name
        self.schema = schema
        self.connection = connection
        self.lock = lock or threading.RLock()
        self.lent = False
        """Whether somebody else is writing in this connection's transaction."""

    @property
    def quoted(self) -> str:
        """The schema as SQL names it."""
        return quoted(self.schema)

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row."""
        with self.lock:
            return self.run(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row, or None."""
        with self.lock:
            return self.run(sql, values).fetchone()

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Row by row, without holding them all: from a cursor on the server, which ends with the transaction."""
        with self.lock:
            name = self.declare(sql, values)
            connection = self.connection
        yield from self.fetch_all(name, connection)

    def declare(self, sql: str, values: Sequence[Any], kind: str = "NO SCROLL CURSOR") -> str:
        """Begin to read; gives the name of the cursor on the server."""
        name = f"abpo_cursor_{next(_numbers)}"
        self.run(f"DECLARE {name} {kind} FOR {sql}", values, prepare=False)
        return name

    def fetch_all(self, name: str, connection: Connection[Any]) -> Iterator[Any]:
        """The rows of a cursor that was declared on a connection."""
        fetch = f"FETCH FORWARD {AT_ONCE} FROM {name}".encode()
        while True:
            with self.lock:
                if self.connection is not connection:
                    raise StoreUnavailable(
                        f"the connection to the ledger {self.name!r} was lost in the middle of reading; read again from the start"
                    )
                rows = self.execute(fetch, (), prepare=False).fetchall()
            yield from rows
            if len(rows) < AT_ONCE:
                return

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Change rows; how many."""
        return self.run(sql, values).rowcount

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Change rows once for each of these values, without waiting for the server in between."""
        try:
            self._cursor().executemany(translated(sql, self.schema), rows)
        except (psycopg.Error, UnicodeError) as error:
            self.refuse(error)

    def run(self, sql: str, values: Sequence[Any] = (), *, prepare: bool | None = None) -> Cursor[Any]:
        """Run a statement of ours, in which tables are named `abpo_...` and `?` stands where values go."""
        return self.execute(translated(sql, self.schema), values, prepare=prepare)

    def script(self, sql: str) -> None:
        """Run statements without values, in one go."""
        try:
            self._cursor().execute(sql.encode(), prepare=False)
        except (psycopg.Error, UnicodeError) as error:
            self.refuse(error)

    def execute(self, sql: bytes, values: Sequence[Any], *, prepare: bool | None = None) -> Cursor[Any]:
        """Run a statement of Postgres's."""
        try:
            return self._cursor().execute(sql, values, prepare=prepare, binary=True)
        except (psycopg.Error, UnicodeError) as error:
            self.refuse(error)

    def _cursor(self) -> Cursor[Any]:
        return psycopg.Cursor(self.connection, row_factory=tuple_row)  # whatever a caller's connection makes of rows

    def roll_back(self) -> None:
        """Give a transaction up; what made it fail is what the caller must hear of, so nothing is raised here."""
        try:
            if self.connection.info.transaction_status != pq.TransactionStatus.IDLE:
                self._cursor().execute(b"ROLLBACK", prepare=False)
        except psycopg.Error:
            self.connection.close()  # the server then rolls it back
        except BaseException:
            self.connection.close()
            raise

    def refuse(self, error: psycopg.Error | UnicodeError) -> NoReturn:
        """Turn an error of Postgres, or of its driver, into one of ours."""
        if isinstance(error, UnicodeEncodeError):
            raise NotCanonical(
                f"the ledger {self.name!r} was given a text with a lone surrogate, which is no text"
            ) from None
        if isinstance(error, UnicodeError):
            raise LedgerBroken(
                f"the ledger {self.name!r} is broken: it holds a text that is no text (it is not UTF-8)"
            ) from None
        if isinstance(error, psycopg.DataError) and error.sqlstate is None and "NUL" in str(error):
            raise NotCanonical(
                f"the ledger {self.name!r} was given a text with the character NUL, which Postgres cannot hold"
            ) from None
        raise StoreUnavailable(
            f"the ledger {self.name!r} {problem(error, closed=self.connection.closed)}; nothing of this write was kept"
        ) from error


@cache
def translated(sql: str, schema: str) -> bytes:
    """A statement as Postgres and its driver read it."""
    prefix = quoted(schema).replace("%", "%%")
    return re.sub(r"\babpo_(?!cursor_)(\w+)", lambda found: f"{prefix}.{found[1]}", sql.replace("?", "%s")).encode()


def quoted(schema: str) -> str:
    """A schema as SQL names it, whatever characters it has."""
    return '"' + schema.replace('"', '""') + '"'


PROBLEMS = {
    "55P03": "is locked by another writer (raise `timeout`, or find who holds it)",
    "40P01": "is locked by another writer, who waited for this one (a deadlock); do it again",
    "40001": "was changed by another transaction, which this one cannot see; do it again from the start",
    "25006": "is read-only (a standby, or a database or user that is set to read-only transactions)",
    "53100": "has no room (the disk of the server is full)",
    "42501": "is not this user's to use so (GRANT it; the tables are made by a user who may CREATE in the database)",
    "25P02": "takes no more in a transaction in which a statement failed",
    "34000": "was read on after the transaction had ended in which that began",
    "54000": "was given a name that is too long for an index of Postgres (about 2,700 bytes)",
    "42P01": "has lost a table",
    "3F000": "has lost its schema",
    "XX001": "is damaged (the server cannot read its files)",
    "XX002": "is damaged (an index of the server's does not fit its table; REINDEX)",
}
"""What happened, by Postgres's code for it."""


def problem(error: psycopg.Error, *, closed: bool) -> str:
    """What happened, in a few words and without details, since these quote what is stored."""
    if error.sqlstate in PROBLEMS:
        return PROBLEMS[error.sqlstate]
    if closed:
        return "lost its connection (did the server restart?)"
    return f"refused: {error.diag.message_primary or str(error).splitlines()[0]}"
