"""A Postgres ledger's own connection, lent for writes that belong into the ledger's transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.sql import Composable

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.stores.postgres_database import PostgresDatabase

ENDS = re.compile(
    r"(?:\s|;|--[^\n]*\n|/\*.*?\*/)*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction"
    r"|rollback(?!(?:\s+(?:work|transaction))?\s+to\b))\b",
    re.IGNORECASE | re.DOTALL,
)
"""A statement that begins or ends a transaction; going back to a savepoint is none."""


class _Lent(psycopg.Cursor[Any]):
    """A cursor that refuses to end the transaction."""

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> _Lent:
        text = query.as_string(self) if isinstance(query, Composable) else query
        if ENDS.match(text.decode(errors="replace") if isinstance(text, bytes) else str(text)):
            raise DefinitionError(
                "the ledger lent its connection for writes in its own transaction, which nobody else may end "
                f"({str(query).strip()[:40]!r}); use `with connection.transaction():` for a part that may fail"
            )
        super().execute(query, *args, **kwargs)
        return self


@contextmanager
def lend(database: PostgresDatabase) -> Iterator[psycopg.Connection[Any]]:
    """The connection, in a savepoint, on which the transaction cannot be ended.

    Raises:
        DefinitionError: when the block ends, where the transaction has ended all the same.
        StoreUnavailable: the connection was lost meanwhile; nothing was kept.
    """
    connection = database.connection
    factory, connection.cursor_factory = connection.cursor_factory, _Lent
    database.lent = True
    ended = False
    try:
        with connection.transaction():
            yield connection
            ended = connection.info.transaction_status == pq.TransactionStatus.IDLE
    except psycopg.Error as error:
        if connection.closed:
            database.refuse(error)
        if not ended:
            raise
    finally:
        connection.cursor_factory = factory
        database.lent = False
    if ended:
        raise DefinitionError(
            f"the transaction of the ledger {database.name!r} was ended by what was done in it; nobody knows what of that was kept"
        )
