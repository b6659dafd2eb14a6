"""How a ledger's tables in Postgres came to be, version by version; a schema of any earlier version is brought forward when it is opened.

The tables are those of SQLite (`abpo_sdk.ledger.stores.migrations`), without the states in which these were before there was a
ledger on Postgres. Texts are ordered by code points, as they are in SQLite and in Python, whatever the database's own order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from abpo_sdk.errors import SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger.stores.migrations import QUEUES_OF_ROLES, RUN_AGAIN
from abpo_sdk.ledger.stores.postgres_database import PostgresDatabase

if TYPE_CHECKING:
    import psycopg

TEXT = 'text COLLATE "C"'

MIGRATIONS: tuple[Sequence[str], ...] = (
    (
        f"""CREATE TABLE abpo_entries (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            chain {TEXT} NOT NULL, position bigint NOT NULL, scope {TEXT} NOT NULL, ordinal bigint NOT NULL,
            header bytea NOT NULL, payload bytea, salt bytea, ciphertext bytea, leaf bigint,
            UNIQUE (chain, scope, ordinal)
        )""",
        "CREATE UNIQUE INDEX leaves ON abpo_entries (leaf) WHERE leaf IS NOT NULL",
        "CREATE INDEX unsealed ON abpo_entries (id) WHERE leaf IS NULL",
        f"""CREATE TABLE abpo_chains (
            chain {TEXT} PRIMARY KEY, hash {TEXT} NOT NULL, length bigint NOT NULL,
            epoch bigint NOT NULL, holder {TEXT}, until {TEXT}
        )""",
        f"""CREATE TABLE abpo_runs (
            id {TEXT} PRIMARY KEY, process {TEXT} NOT NULL, version {TEXT} NOT NULL, status {TEXT} NOT NULL,
            started_at {TEXT} NOT NULL, updated_at {TEXT} NOT NULL
        )""",
        "CREATE INDEX running ON abpo_runs (started_at) WHERE status = 'running'",
        "CREATE INDEX waiting ON abpo_runs (started_at) WHERE status = 'waiting'",
        "CREATE INDEX incidents ON abpo_runs (started_at) WHERE status = 'incident'",
        f"""CREATE TABLE abpo_reviews (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, scope {TEXT} NOT NULL, ordinal bigint NOT NULL,
            gate {TEXT} NOT NULL, role {TEXT} NOT NULL, status {TEXT} NOT NULL, opened_at {TEXT} NOT NULL, due_at {TEXT},
            escalate_to {TEXT}, decision_id {TEXT}, shown {TEXT} NOT NULL, answered_by {TEXT}, outcome {TEXT}
        )""",
        "CREATE INDEX open_reviews ON abpo_reviews (role, opened_at) WHERE status = 'open'",
        "CREATE INDEX due_reviews ON abpo_reviews (due_at) WHERE status = 'open' AND due_at IS NOT NULL",
        "CREATE INDEX reviews_of ON abpo_reviews (chain)",
        f"""CREATE TABLE abpo_decisions (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, scope {TEXT} NOT NULL, ordinal bigint NOT NULL,
            policy {TEXT} NOT NULL, version {TEXT} NOT NULL, owner {TEXT}, proposed {TEXT} NOT NULL, outcome {TEXT} NOT NULL,
            confidence double precision NOT NULL, decided_by {TEXT} NOT NULL, gate {TEXT}, at {TEXT} NOT NULL,
            witnessed bigint NOT NULL DEFAULT 1
        )""",
        "CREATE INDEX decisions_of ON abpo_decisions (policy, at)",
        # the tree over all entries
        """CREATE TABLE abpo_tiles (
            level bigint NOT NULL, position bigint NOT NULL, hashes bytea NOT NULL, UNIQUE (level, position)
        )""",
        f"""CREATE TABLE abpo_checkpoints (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, size bigint NOT NULL, note {TEXT} NOT NULL,
            anchored bigint NOT NULL
        )""",
        # whose data lies where, what must be kept, what was erased
        f"CREATE TABLE abpo_subjects (id {TEXT} PRIMARY KEY, key {TEXT} NOT NULL, chain {TEXT} NOT NULL)",
        "CREATE INDEX subjects_of ON abpo_subjects (key)",
        "CREATE INDEX subjects_in ON abpo_subjects (chain)",
        f"""CREATE TABLE abpo_holds (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, key {TEXT} NOT NULL, matter {TEXT} NOT NULL,
            held_by {TEXT} NOT NULL, held_at {TEXT} NOT NULL, released_at {TEXT}
        )""",
        "CREATE INDEX holds_of ON abpo_holds (key)",
        f"""CREATE TABLE abpo_erasures (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, ordinal bigint NOT NULL, at {TEXT} NOT NULL
        )""",
        f"CREATE TABLE abpo_ledger (id {TEXT} NOT NULL, version bigint NOT NULL)",
        "INSERT INTO abpo_ledger(id, version) VALUES (replace(gen_random_uuid()::text, '-', ''), 0)",
    ),
    (
        f"ALTER TABLE abpo_runs ADD COLUMN wake_at {TEXT}",
        "CREATE INDEX due_runs ON abpo_runs (wake_at) WHERE status = 'waiting' AND wake_at IS NOT NULL",
        RUN_AGAIN.format(
            resolved="""position(',"kind":"resolved",'::bytea IN header) > 0""",
            review="""position(',"kind":"review",'::bytea IN header) > 0""",
        ),
    ),
    (
        "ALTER TABLE abpo_reviews ADD COLUMN purpose text COLLATE \"C\" NOT NULL DEFAULT 'decide'",
        *(
            f"ALTER TABLE abpo_reviews ADD COLUMN {column} {TEXT}"
            for column in (
                "proposed",
                "claimed_by",
                "claimed_until",
                "remind_at",
                "expires_at",
                "next_at",
            )
        ),
        "UPDATE abpo_reviews SET next_at = due_at WHERE status = 'open' AND escalate_to IS NOT NULL",
        "DROP INDEX abpo_due_reviews",
        "CREATE INDEX next_reviews ON abpo_reviews (next_at) WHERE next_at IS NOT NULL",
        "CREATE INDEX claimed_by ON abpo_reviews (claimed_by) WHERE status = 'claimed'",
        "ALTER TABLE abpo_decisions ADD COLUMN review_probability double precision",
        f"""CREATE TABLE abpo_queues (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, review {TEXT} NOT NULL, queue {TEXT} NOT NULL,
            status {TEXT} NOT NULL, opened_at {TEXT} NOT NULL
        )""",
        "CREATE INDEX open_queues ON abpo_queues (queue, opened_at) WHERE status = 'open'",
        "CREATE INDEX queues_of ON abpo_queues (review)",
        "CREATE INDEX queues_in ON abpo_queues (chain)",
        QUEUES_OF_ROLES.replace("%", "%%"),
        f"""CREATE TABLE abpo_answers (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, review {TEXT} NOT NULL, decision_id {TEXT},
            gate {TEXT} NOT NULL, role {TEXT} NOT NULL, person {TEXT} NOT NULL, on_behalf_of {TEXT},
            purpose {TEXT} NOT NULL, proposed {TEXT}, outcome {TEXT} NOT NULL, opened_at {TEXT} NOT NULL,
            viewed_at {TEXT}, answered_at {TEXT} NOT NULL, blind bigint NOT NULL
        )""",
        "CREATE INDEX answers_by ON abpo_answers (person, answered_at)",
        "CREATE INDEX answers_to ON abpo_answers (decision_id)",
        "CREATE INDEX answers_of ON abpo_answers (review)",
        "CREATE INDEX answers_in ON abpo_answers (chain)",
        f"""CREATE TABLE abpo_spending (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, review {TEXT} NOT NULL, person {TEXT} NOT NULL,
            role {TEXT} NOT NULL, kind {TEXT} NOT NULL, counterparty {TEXT}, linked {TEXT}, currency {TEXT} NOT NULL,
            amount bigint NOT NULL, at {TEXT} NOT NULL, status {TEXT} NOT NULL
        )""",
        "CREATE INDEX spending_of ON abpo_spending (review)",
        "CREATE INDEX spending_in ON abpo_spending (chain)",
        "CREATE INDEX spending_by ON abpo_spending (person, at)",
        "CREATE INDEX spending_to ON abpo_spending (counterparty, at)",
        "CREATE INDEX spending_on ON abpo_spending (linked, at)",
        "CREATE INDEX spending_at ON abpo_spending (at)",
        f"""CREATE TABLE abpo_delegations (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, person {TEXT} NOT NULL, delegate {TEXT} NOT NULL,
            roles {TEXT}, since {TEXT} NOT NULL, until {TEXT} NOT NULL
        )""",
        f"""CREATE TABLE abpo_switches (
            id {TEXT} PRIMARY KEY, chain {TEXT} NOT NULL, kind {TEXT} NOT NULL, name {TEXT} NOT NULL,
            role {TEXT} NOT NULL, status {TEXT} NOT NULL, at {TEXT} NOT NULL
        )""",
    ),
)

RELATIONS = (
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = ? AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname"
)
HAS_SCHEMA = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = ?"
COLUMNS = (
    "SELECT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = ? AND c.relname = 'ledger' AND a.attnum > 0 AND NOT a.attisdropped"
)


def lock_number(schema: str) -> int:
    """The number of the lock that the writers of a ledger hold; Postgres keeps these numbers apart for each database."""
    return int.from_bytes(hashlib.sha256(b"abpo_sdk\n" + schema.encode()).digest()[:8], signed=True)


def migrate(database: PostgresDatabase, *, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> str:
    """Bring the tables to the newest version, in one transaction, and give the ledger's id; what is up to date is not written to.

    Raises:
        SchemaUnknown: the schema holds other tables, or a later release made them.
        StoreUnavailable: this user may not make them.
    """
    version, identifier = schema_of(database, newest=len(migrations))
    if version == len(migrations):
        return identifier
    database.script(f"BEGIN; SELECT pg_advisory_xact_lock({lock_number(database.schema)})")
    try:
        # another process may have done it meanwhile
        version, _ = schema_of(database, newest=len(migrations))
        if not database.one(HAS_SCHEMA, (database.schema,))[0]:
            database.script(f"CREATE SCHEMA {database.quoted}")
        for statements in migrations[version:]:
            for statement in statements:
                database.write(statement)
        database.write("UPDATE abpo_ledger SET version = ?", (len(migrations),))
        database.script("COMMIT")
    except BaseException:
        database.roll_back()
        raise
    return schema_of(database, newest=len(migrations))[1]


def schema_of(database: PostgresDatabase, *, newest: int = len(MIGRATIONS)) -> tuple[int, str]:
    """The version of a ledger's tables and the ledger's id; 0 and "" where there are no tables.

    Raises:
        SchemaUnknown: the schema holds other tables, or a later release made them.
    """
    schema = database.schema
    relations = [name for (name,) in database.all(RELATIONS, (schema,))]
    if not relations:
        return 0, ""
    if "ledger" not in relations or {name for (name,) in database.all(COLUMNS, (schema,))} != {"id", "version"}:
        raise SchemaUnknown(
            f"the schema {schema!r} of this database is no ledger: it holds {', '.join(relations)}; "
            "name a schema of the ledger's own (schema=...)"
        )
    rows = database.all("SELECT version, id FROM abpo_ledger")
    if len(rows) != 1:
        raise SchemaUnknown(f"the table {schema}.ledger does not say which schema this ledger has; it was damaged")
    version, identifier = rows[0]
    if version > newest:
        raise SchemaUnknown(
            f"this ledger has schema {version}, and this release knows up to {newest}; a later release wrote it, so use that one"
        )
    missing = set(re.findall(r"CREATE TABLE abpo_(\w+)", str(MIGRATIONS[:version]))).difference(relations)
    if missing:
        raise SchemaUnknown(
            f"the schema {schema!r} of this database is no whole ledger: {', '.join(sorted(missing))} is missing"
        )
    return int(version), str(identifier)


def check_same(database: PostgresDatabase, identifier: str) -> None:
    """Refuse a connection, made anew, that leads to another ledger than the one that was opened.

    Raises:
        StoreUnavailable: it does.
        SchemaUnknown: a later release has changed the tables meanwhile.
    """
    _, found = schema_of(database)
    if found != identifier:
        raise StoreUnavailable(
            f"the ledger {database.name!r} is gone: the connection was lost, and where it was there is "
            f"{'another ledger' if found else 'none'} now; open it again"
        )


def known_to(connection: psycopg.Connection[object], database: PostgresDatabase, identifier: str) -> bool:
    """Whether a connection leads to the database that holds this ledger; leaves its transaction as it was."""
    there = PostgresDatabase(database.name, database.schema, connection)
    if "ledger" not in [name for (name,) in there.all(RELATIONS, (database.schema,))]:
        return False
    if {name for (name,) in there.all(COLUMNS, (database.schema,))} != {"id", "version"}:
        return False
    return [identifier] == [found for (found,) in there.all("SELECT id FROM abpo_ledger")]
