"""An SQLite ledger's own connection, lent for writes that belong into the ledger's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.stores.sqlite_database import SqliteDatabase

READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE},
)
ENDS = frozenset(
    {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH},
)
"""What ends the transaction, or changes what it promises."""

ROWS = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
OWN = "abpo_"
"""What the names of the ledger's own tables begin with."""


@contextmanager
def lend(database: SqliteDatabase) -> Iterator[sqlite3.Connection]:
    """The connection, on which the transaction cannot be ended, nor the ledger's own tables be changed.

    Raises:
        DefinitionError: when the block ends, where that was tried, or where the transaction has ended all the same.
    """
    connection = database.connection

    def permitted(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in READS:
            return sqlite3.SQLITE_OK
        names = (first,) if action in ROWS else (first, second)
        own = any(name is not None and name.lower().startswith(OWN) for name in names)
        refused = own or action in ENDS or not connection.in_transaction
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    connection.set_authorizer(permitted)
    database.lent = True
    try:
        yield connection
        ended = not connection.in_transaction
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_AUTH:
            raise
        raise DefinitionError(
            f"the ledger {database.name!r} lent its connection for writes in its own transaction; nobody else may end that "
            "(COMMIT, ROLLBACK, executescript), nor use PRAGMA or ATTACH, nor change the ledger's tables"
        ) from error
    finally:
        database.lent = False
        connection.set_authorizer(None)
    if ended:
        raise DefinitionError(
            f"the transaction of the ledger {database.name!r} was ended by what was done in it (ON CONFLICT ROLLBACK, perhaps); "
            "what was done before that was not kept"
        )
