"""How a ledger's tables came to be, version by version; a file of any earlier version is brought forward when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from abpo_sdk.errors import SchemaUnknown
from abpo_sdk.ledger.encryption import keys_beside
from abpo_sdk.values.canonical import parse_json

APPLICATION_ID = (
    0x4142504F  # "ABPO", in SQLite's application_id, so that another program's file is not taken for a ledger
)

Migration = Sequence[str | Callable[[sqlite3.Connection], None]]
"""What brings a file from one version to the next: statements of SQL, and functions for what SQL cannot say."""


def _note_subjects(connection: sqlite3.Connection) -> None:
    """Note under whose keys something is encrypted in which chain, which the first schema did not."""
    rows = connection.execute("SELECT chain, ciphertext FROM abpo_entries WHERE ciphertext IS NOT NULL")
    for chain, ciphertext in rows.fetchall():
        for key in keys_beside(parse_json(ciphertext)):
            connection.execute(
                "INSERT INTO abpo_subjects VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (f"{key}/{chain}", key, chain)
            )


RUN_AGAIN = """UPDATE abpo_runs SET status = 'running' WHERE status = 'waiting' AND (
    SELECT max(position) FROM abpo_entries AS entry WHERE entry.chain = abpo_runs.id AND {resolved}
) > (
    SELECT max(position) FROM abpo_entries AS entry WHERE entry.chain = abpo_runs.id AND {review}
)"""
"""A run whose incident was resolved while a review was open used to wait on; now it goes on, and waits again where it must."""


QUEUES_OF_ROLES = """INSERT INTO abpo_queues SELECT
    id || '#0', chain, id, 'role:' || replace(replace(replace(role, '%', '%25'), '/', '%2F'), '+', '%2B'), status, opened_at
FROM abpo_reviews"""
"""A review used to be put to one role; how its queue is written, `queue_of_role` says."""

MIGRATIONS: tuple[Migration, ...] = (
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
    (
        # names of our own, so that the tables can stand beside an application's
        "ALTER TABLE entries RENAME TO abpo_entries",
        "ALTER TABLE abpo_entries RENAME COLUMN sealed TO ciphertext",
        "ALTER TABLE chains RENAME TO abpo_chains",
        "ALTER TABLE runs RENAME TO abpo_runs",
        "ALTER TABLE reviews RENAME TO abpo_reviews",
        "ALTER TABLE decisions RENAME TO abpo_decisions",
        "DROP INDEX open_runs",
        "DROP INDEX open_reviews",
        "DROP INDEX due_reviews",
        "DROP INDEX reviews_of",
        "DROP INDEX decisions_of",
        # one for each status, since a planner finds no list of statuses in "status = 'running'"
        "CREATE INDEX abpo_running ON abpo_runs (started_at) WHERE status = 'running'",
        "CREATE INDEX abpo_waiting ON abpo_runs (started_at) WHERE status = 'waiting'",
        "CREATE INDEX abpo_incidents ON abpo_runs (started_at) WHERE status = 'incident'",
        "CREATE INDEX abpo_open_reviews ON abpo_reviews (role, opened_at) WHERE status = 'open'",
        "CREATE INDEX abpo_due_reviews ON abpo_reviews (due_at) WHERE status = 'open' AND due_at IS NOT NULL",
        "CREATE INDEX abpo_reviews_of ON abpo_reviews (chain)",
        "CREATE INDEX abpo_decisions_of ON abpo_decisions (policy, at)",
        "ALTER TABLE abpo_decisions ADD COLUMN witnessed INTEGER NOT NULL DEFAULT 1",
        # the tree over all entries
        "ALTER TABLE abpo_entries ADD COLUMN leaf INTEGER",
        "CREATE UNIQUE INDEX abpo_leaves ON abpo_entries (leaf) WHERE leaf IS NOT NULL",
        """CREATE TABLE abpo_tiles (
            level INTEGER NOT NULL, position INTEGER NOT NULL, hashes BLOB NOT NULL, UNIQUE (level, position)
        )""",
        """CREATE TABLE abpo_checkpoints (
            id INTEGER PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL, anchored INTEGER NOT NULL
        )""",
        # whose data lies where, what must be kept, what was erased
        "CREATE TABLE abpo_subjects (id TEXT PRIMARY KEY, key TEXT NOT NULL, chain TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX abpo_subjects_of ON abpo_subjects (key)",
        "CREATE INDEX abpo_subjects_in ON abpo_subjects (chain)",
        """CREATE TABLE abpo_holds (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, key TEXT NOT NULL, matter TEXT NOT NULL, held_by TEXT NOT NULL,
            held_at TEXT NOT NULL, released_at TEXT
        ) WITHOUT ROWID""",
        "CREATE INDEX abpo_holds_of ON abpo_holds (key)",
        """CREATE TABLE abpo_erasures (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, ordinal INTEGER NOT NULL, at TEXT NOT NULL
        ) WITHOUT ROWID""",
        _note_subjects,
        "CREATE TABLE abpo_ledger (id TEXT NOT NULL, version INTEGER NOT NULL)",
        "INSERT INTO abpo_ledger(id, version) VALUES (lower(hex(randomblob(16))), 0)",
    ),
    (
        "ALTER TABLE abpo_runs ADD COLUMN wake_at TEXT",
        "CREATE INDEX abpo_due_runs ON abpo_runs (wake_at) WHERE status = 'waiting' AND wake_at IS NOT NULL",
        RUN_AGAIN.format(
            resolved="""instr(header, CAST(',"kind":"resolved",' AS BLOB)) > 0""",
            review="""instr(header, CAST(',"kind":"review",' AS BLOB)) > 0""",
        ),
    ),
    (
        # reviews that are claimed, returned, reminded of, and that expire; who may take them; what they took of whose authority
        "ALTER TABLE abpo_reviews ADD COLUMN purpose TEXT NOT NULL DEFAULT 'decide'",
        "ALTER TABLE abpo_reviews ADD COLUMN proposed TEXT",
        "ALTER TABLE abpo_reviews ADD COLUMN claimed_by TEXT",
        "ALTER TABLE abpo_reviews ADD COLUMN claimed_until TEXT",
        "ALTER TABLE abpo_reviews ADD COLUMN remind_at TEXT",
        "ALTER TABLE abpo_reviews ADD COLUMN expires_at TEXT",
        "ALTER TABLE abpo_reviews ADD COLUMN next_at TEXT",
        "UPDATE abpo_reviews SET next_at = due_at WHERE status = 'open' AND escalate_to IS NOT NULL",
        "DROP INDEX abpo_due_reviews",
        "CREATE INDEX abpo_next_reviews ON abpo_reviews (next_at) WHERE next_at IS NOT NULL",
        "CREATE INDEX abpo_claimed_by ON abpo_reviews (claimed_by) WHERE status = 'claimed'",
        "ALTER TABLE abpo_decisions ADD COLUMN review_probability REAL",
        """CREATE TABLE abpo_queues (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, review TEXT NOT NULL, queue TEXT NOT NULL, status TEXT NOT NULL,
            opened_at TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX abpo_open_queues ON abpo_queues (queue, opened_at) WHERE status = 'open'",
        "CREATE INDEX abpo_queues_of ON abpo_queues (review)",
        "CREATE INDEX abpo_queues_in ON abpo_queues (chain)",
        QUEUES_OF_ROLES,
        """CREATE TABLE abpo_answers (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, review TEXT NOT NULL, decision_id TEXT, gate TEXT NOT NULL,
            role TEXT NOT NULL, person TEXT NOT NULL, on_behalf_of TEXT, purpose TEXT NOT NULL, proposed TEXT,
            outcome TEXT NOT NULL, opened_at TEXT NOT NULL, viewed_at TEXT, answered_at TEXT NOT NULL, blind INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX abpo_answers_by ON abpo_answers (person, answered_at)",
        "CREATE INDEX abpo_answers_to ON abpo_answers (decision_id)",
        "CREATE INDEX abpo_answers_of ON abpo_answers (review)",
        "CREATE INDEX abpo_answers_in ON abpo_answers (chain)",
        """CREATE TABLE abpo_spending (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, review TEXT NOT NULL, person TEXT NOT NULL, role TEXT NOT NULL,
            kind TEXT NOT NULL, counterparty TEXT, linked TEXT, currency TEXT NOT NULL, amount INTEGER NOT NULL,
            at TEXT NOT NULL, status TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX abpo_spending_of ON abpo_spending (review)",
        "CREATE INDEX abpo_spending_in ON abpo_spending (chain)",
        "CREATE INDEX abpo_spending_by ON abpo_spending (person, at)",
        "CREATE INDEX abpo_spending_to ON abpo_spending (counterparty, at)",
        "CREATE INDEX abpo_spending_on ON abpo_spending (linked, at)",
        "CREATE INDEX abpo_spending_at ON abpo_spending (at)",
        """CREATE TABLE abpo_delegations (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, person TEXT NOT NULL, delegate TEXT NOT NULL, roles TEXT,
            since TEXT NOT NULL, until TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE abpo_switches (
            id TEXT PRIMARY KEY, chain TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
            status TEXT NOT NULL, at TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
)


def migrate(
    connection: sqlite3.Connection, *, migrations: Sequence[Migration] = MIGRATIONS, shared: bool = False
) -> None:
    """Bring a file to the newest version, in one transaction; a file that is up to date is not written to.

    Raises:
        SchemaUnknown: the file is another program's and not `shared`, or a later release wrote it.
    """
    version = schema_of(connection, newest=len(migrations), shared=shared)
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another process may have done it meanwhile
        version = schema_of(connection, newest=len(migrations), shared=shared)
        own = not shared or _application(connection) == APPLICATION_ID
        for statements in migrations[version:]:
            for statement in statements:
                if callable(statement):
                    statement(connection)
                else:
                    connection.execute(statement)
        if own:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
        if _is_table(connection, "abpo_ledger"):
            connection.execute("UPDATE abpo_ledger SET version = ?", (len(migrations),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def schema_of(connection: sqlite3.Connection, *, newest: int = len(MIGRATIONS), shared: bool = False) -> int:
    """The version of a ledger's tables in a file, 0 where there are none; nothing is written.

    Raises:
        SchemaUnknown: the file is another program's and not `shared`, or a later release wrote it.
    """
    own = not connection.in_transaction
    if own:
        connection.execute("BEGIN")  # what is read is of one moment, though another process may be making the file
    try:
        application = _application(connection)
        version = int(connection.execute("PRAGMA user_version").fetchone()[0]) if application == APPLICATION_ID else 0
        if _is_table(connection, "abpo_ledger"):
            application = APPLICATION_ID
            version = max(version, int(_one(connection, "SELECT version FROM abpo_ledger")))
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except (TypeError, ValueError):
        raise SchemaUnknown("this file's table abpo_ledger does not say which schema it has; it was damaged") from None
    finally:
        if own and connection.in_transaction:
            connection.execute("ROLLBACK")
    if application != APPLICATION_ID and tables and not shared:
        raise SchemaUnknown(
            f"this SQLite file is no ledger: it holds the tables {', '.join(sorted(tables))}; "
            "name a file of its own, or say shared=True to keep the ledger in an application's file"
        )
    if version > newest:
        raise SchemaUnknown(
            f"this ledger has schema {version}, and this release knows up to {newest}; a later release wrote it, so use that one"
        )
    return version


def ledger_id(connection: sqlite3.Connection | sqlite3.Cursor) -> str | None:
    """What tells this ledger from every other; None where there is none in the file."""
    return str(_one(connection, "SELECT id FROM abpo_ledger")) if _is_table(connection, "abpo_ledger") else None


def _application(connection: sqlite3.Connection) -> int:
    return int(_one(connection, "PRAGMA application_id"))


def _is_table(connection: sqlite3.Connection | sqlite3.Cursor, name: str) -> bool:
    sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
    return bool(connection.execute(sql, (name,)).fetchone()[0])


def _one(connection: sqlite3.Connection | sqlite3.Cursor, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None
