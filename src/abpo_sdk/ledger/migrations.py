"""How a ledger's tables came to be, version by version; a file of any earlier version is brought forward when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from abpo_sdk.errors import SchemaUnknown

APPLICATION_ID = (
    0x4142504F  # "ABPO", in SQLite's application_id, so that another program's file is not taken for a ledger
)

MIGRATIONS: tuple[Sequence[str], ...] = (
    (
        """CREATE TABLE entries (
            id INTEGER PRIMARY KEY,
            chain TEXT NOT NULL, position INTEGER NOT NULL, scope TEXT NOT NULL, ordinal INTEGER NOT NULL,
            header BLOB NOT NULL, payload BLOB, salt BLOB, sealed BLOB,
            UNIQUE (chain, scope, ordinal)
        )""",
        """CREATE TABLE chains (
            chain TEXT PRIMARY KEY, hash TEXT NOT NULL, length INTEGER NOT NULL,
            epoch INTEGER NOT NULL, holder TEXT, until TEXT
        ) WITHOUT ROWID""",
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, process TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,
            started_at TEXT NOT NULL, updated_at TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX open_runs ON runs (status) WHERE status IN ('running', 'waiting', 'incident')",
        """CREATE TABLE reviews (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, scope TEXT NOT NULL, ordinal INTEGER NOT NULL,
            gate TEXT NOT NULL, role TEXT NOT NULL, status TEXT NOT NULL, opened_at TEXT NOT NULL, due_at TEXT,
            escalate_to TEXT, decision_id TEXT, shown TEXT NOT NULL, answered_by TEXT, outcome TEXT
        ) WITHOUT ROWID""",
        "CREATE INDEX open_reviews ON reviews (role, opened_at) WHERE status = 'open'",
        "CREATE INDEX due_reviews ON reviews (due_at) WHERE status = 'open' AND due_at IS NOT NULL",
        "CREATE INDEX reviews_of ON reviews (chain)",
        """CREATE TABLE decisions (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, scope TEXT NOT NULL, ordinal INTEGER NOT NULL,
            policy TEXT NOT NULL, version TEXT NOT NULL, owner TEXT, proposed TEXT NOT NULL, outcome TEXT NOT NULL,
            confidence REAL NOT NULL, decided_by TEXT NOT NULL, gate TEXT, at TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX decisions_of ON decisions (policy, at)",
    ),
)


def migrate(connection: sqlite3.Connection, *, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a file to the newest version, in one transaction; a file that is up to date is not written to.

    Raises:
        SchemaUnknown: the file is another program's, or a later release wrote it.
    """
    version = schema_of(connection, newest=len(migrations))
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = schema_of(connection, newest=len(migrations))  # another process may have done it meanwhile
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def schema_of(connection: sqlite3.Connection, *, newest: int = len(MIGRATIONS)) -> int:
    """The version of a file's tables, 0 for a new one; nothing is written.

    Raises:
        SchemaUnknown: the file is another program's, or a later release wrote it.
    """
    own = not connection.in_transaction
    if own:
        connection.execute("BEGIN")  # what is read is of one moment, though another process may be making the file
    try:
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    finally:
        if own and connection.in_transaction:
            connection.execute("ROLLBACK")
    if application != APPLICATION_ID:
        if tables:
            raise SchemaUnknown(
                f"this SQLite file is no ledger: it holds the tables {', '.join(sorted(tables))}; name a file of its own"
            )
        return 0
    if version > newest:
        raise SchemaUnknown(
            f"this ledger has schema {version}, and this release knows up to {newest}; a later release wrote it, so use that one"
        )
    return version
