"""The store on Postgres, beyond what every store must do: a real server that restarts, locks, refuses and is shared."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from abpo_sdk.errors import DefinitionError, DuplicateRun, NotCanonical, SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger import Entry, Ledger, MemoryVault, Place, SqliteStore
from abpo_sdk.ledger.rows import DecisionRow, Head, RunRow
from abpo_sdk.ledger.stores import postgres, postgres_schema
from abpo_sdk.ledger.stores.postgres import PostgresStore
from abpo_sdk.ledger.stores.postgres_database import AT_ONCE, PostgresDatabase
from abpo_sdk.ledger.transparency.note import Signer
from abpo_sdk.values.decision import Decision
from tests.postgres import Server

RUN = RunRow("R-1", "pay", "v1", "running", "2026-01-01", "2026-01-01")

OpenStore = Callable[..., PostgresStore]


def put(store: PostgresStore, **changes: Any) -> None:
    with store.transaction() as tx:
        tx.put(RUN._replace(**changes))


def ids(store: PostgresStore) -> list[str]:
    return [row.id for row in store.select(RunRow)]


def entry(position: int, *, chain: str = "R-1", payload: bytes = b"p") -> Entry:
    return Entry(chain, position, Place("/", position), b"{}", payload, b"s", None)


def decision(outcome: str = "pay", *, policy: str = "payment") -> Decision:
    return Decision(
        policy=policy,
        version="1",
        outcome=outcome,
        proposed=outcome,
        confidence=1.0,
        reasons=(),
        outcomes=("pay", "refer"),
        inputs=("x",),
        case={"x": 1},
    )


@pytest.fixture
def ledger(open_store: OpenStore) -> Iterator[Ledger]:
    with Ledger(open_store(timeout=1), vault=MemoryVault(), signer=Signer.generate("test")) as made:
        yield made


@pytest.fixture
def connection(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    with closing(postgres.connect()) as made:
        yield made


# tables


def test_the_tables_are_those_of_sqlite(postgres: Server, open_store: OpenStore, schema: str) -> None:
    open_store()
    with closing(SqliteStore(None)) as other:
        connection = other._database.connection
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = {
            name.removeprefix("abpo_"): {
                (column, bool(needed or key))
                for _, column, _, needed, _, key in connection.execute(f"PRAGMA table_info({name})")
            }
            for name in names
        }
    found: dict[str, set[tuple[str, bool]]] = {}
    for table, column, nullable in postgres.run(
        f"SELECT table_name, column_name, is_nullable = 'YES' FROM information_schema.columns WHERE table_schema = '{schema}'"
    ):
        found.setdefault(table, set()).add((column, not nullable))
    assert found == wanted


def test_the_indexes_are_those_of_sqlite_and_one_for_what_is_not_sealed(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    open_store()
    with closing(SqliteStore(None)) as other:
        texts = other._database.all("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    wanted = {re.sub(r"abpo_|CREATE |INDEX |UNIQUE ", "", text).split(" WHERE ")[0] for (text,) in texts}
    rows = postgres.run(
        f"SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' AND indexname !~ '_(pkey|key)$'"
    )
    found = {
        re.sub(r"CREATE |UNIQUE |INDEX | USING btree|" + schema + r"\.", "", text).split(" WHERE ")[0]
        for (text,) in rows
    }
    assert found == wanted | {"unsealed ON entries (id)"}


def test_texts_are_ordered_by_code_points_whatever_the_order_of_the_database(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    open_store()
    collations = postgres.run(
        "SELECT DISTINCT c.collname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation "
        f"WHERE a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r')"
    )
    assert collations == [("C",)]


def test_many_may_open_a_new_ledger_at_once(postgres: Server, schema: str) -> None:
    start = threading.Barrier(6)
    found: list[object] = []

    def make() -> None:
        start.wait()
        try:
            with closing(PostgresStore(postgres.url, schema=schema, timeout=30)) as store:
                put(store)
                found.append(store.id)
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_schema_that_is_there_and_empty_becomes_a_ledger(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    postgres.run(f"CREATE SCHEMA {schema}")
    put(open_store())


def test_a_schema_with_other_tables_is_no_ledger_and_stays_as_it_is(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    postgres.run(
        f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.orders (id int)", f"CREATE TABLE {schema}.ledger (x int)"
    )
    with pytest.raises(SchemaUnknown, match=rf"{schema}.*no ledger: it holds ledger, orders; name a schema"):
        open_store()
    assert postgres.run(f"SELECT count(*) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace") == [(2,)]


def test_a_ledger_of_a_later_release_is_refused_by_name(postgres: Server, open_store: OpenStore, schema: str) -> None:
    open_store()
    version = len(postgres_schema.MIGRATIONS)
    postgres.run(f"UPDATE {schema}.ledger SET version = {version + 1}")
    with pytest.raises(SchemaUnknown, match=f"schema {version + 1}.*up to {version}"):
        open_store()


def test_a_ledger_that_lacks_a_table_or_says_no_version_is_refused_by_name(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    open_store()
    postgres.run(f"DROP TABLE {schema}.tiles")
    with pytest.raises(SchemaUnknown, match="no whole ledger: tiles is missing"):
        open_store()
    postgres.run(f"DELETE FROM {schema}.ledger")
    with pytest.raises(SchemaUnknown, match="damaged"):
        open_store()


def test_a_later_migration_brings_a_ledger_forward_and_keeps_what_is_in_it(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    put(store)
    later = (
        *postgres_schema.MIGRATIONS,
        ("ALTER TABLE abpo_runs ADD COLUMN note text", "CREATE TABLE abpo_notes (id int)"),
    )
    with pytest.raises(StoreUnavailable):
        postgres_schema.migrate(store._database, migrations=(*later, ("ALTER TABLE abpo_runs ADD COLUMN id text",)))
    assert postgres_schema.schema_of(store._database) == (len(later) - 1, store.id)  # all or nothing
    assert postgres_schema.migrate(store._database, migrations=later) == store.id
    assert store._database.one("SELECT id, note FROM abpo_runs") == ("R-1", None)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["review", "resolved"], "running"),
        (["resolved", "review"], "waiting"),
        (["review"], "waiting"),
        ([], "waiting"),
    ],
)
def test_a_run_whose_incident_was_resolved_while_it_waited_goes_on_after_the_migration(
    postgres: Server, open_store: OpenStore, schema: str, kinds: list[str], status: str
) -> None:
    open_store().close()
    later = ("purpose", "proposed", "claimed_by", "claimed_until", "remind_at", "expires_at", "next_at")
    postgres.run(
        f"ALTER TABLE {schema}.runs DROP COLUMN wake_at; UPDATE {schema}.ledger SET version = 1;"
        f"ALTER TABLE {schema}.reviews {', '.join(f'DROP COLUMN {column}' for column in later)};"
        f"CREATE INDEX due_reviews ON {schema}.reviews (due_at);"
        f"ALTER TABLE {schema}.decisions DROP COLUMN review_probability;"
        f"DROP TABLE {', '.join(f'{schema}.{t}' for t in ('queues', 'answers', 'spending', 'delegations', 'switches'))}"
    )
    postgres.run(f"INSERT INTO {schema}.runs VALUES ('R', 'p', 'v', 'waiting', 't', 't')")
    for number, kind in enumerate(kinds):
        postgres.run(
            f"INSERT INTO {schema}.entries(chain, position, scope, ordinal, header) "
            f"""VALUES ('R', {number}, 's', {number}, '{{"chain":"R","kind":"{kind}","name":"n"}}')"""
        )
    (row,) = open_store().select(RunRow, equal={"id": "R"})
    assert (row.status, row.wake_at) == (status, None)


def test_the_name_of_a_schema_is_taken_as_it_is(postgres: Server, open_store: OpenStore) -> None:
    name = 'It\'s "mine"; DROP SCHEMA x; %s ?'
    put(open_store(schema=name))
    assert ids(open_store(schema=name)) == ["R-1"]
    postgres.run(psycopg.sql.SQL("DROP SCHEMA {} CASCADE").format(psycopg.sql.Identifier(name)).as_string())
    for bad in ("", "a\0b", "x" * 64):
        with pytest.raises(DefinitionError, match="no name for a schema"):
            open_store(schema=bad)


# getting in


def test_without_psycopg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "psycopg", None)
    with pytest.raises(DefinitionError, match=r'pip install "abpo_sdk\[postgres\]"'):
        Ledger("postgresql://localhost/x", vault=MemoryVault())


def test_a_wrong_password_is_refused_without_being_shown(postgres: Server) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot be reached.*password authentication failed") as refused:
        PostgresStore(postgres.as_user("guarded", "wr0ng"))
    assert "wr0ng" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_right_password_lets_in_and_no_message_shows_it(postgres: Server, schema: str) -> None:
    postgres.run(f"CREATE SCHEMA {schema} AUTHORIZATION guarded")
    with closing(PostgresStore(postgres.as_user("guarded", "s3cret"), schema=schema)) as store:
        put(store)
        with pytest.raises(StoreUnavailable, match=rf"postgresql://guarded@/postgres, schema {schema}") as refused:
            store._database.run("SELECT no_such_thing()")
        assert "s3cret" not in str(refused.value)


def test_a_host_where_nobody_listens_is_named(postgres: Server) -> None:
    with pytest.raises(StoreUnavailable, match=r"postgresql://me@127\.0\.0\.1:1/books.*cannot be reached"):
        PostgresStore("postgresql://me:hidden@127.0.0.1:1/books")


@pytest.mark.parametrize(
    "url", ["postgresql://me:p@ss@host/db", "postgresql://me:p%ss@host/db", "postgresql://me:p:x/y@h/d?q=1"]
)
def test_a_url_that_cannot_be_read_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(DefinitionError, match="cannot be read; write postgresql://") as refused:
        PostgresStore(url)
    assert "ss@" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_user_who_may_only_read_opens_a_ledger_and_verifies_it(postgres: Server, ledger: Ledger, schema: str) -> None:
    ledger.record(decision(), key="K-1")
    ledger.seal()
    postgres.run(
        "CREATE USER reader",
        f"GRANT USAGE ON SCHEMA {schema} TO reader",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader",
    )
    try:
        with closing(PostgresStore(postgres.as_user("reader"), schema=schema)) as store:
            trust = [ledger.verifier]
            assert Ledger(store, vault=MemoryVault(), trust=trust).verify(content=False).sealed == 1
            with pytest.raises(StoreUnavailable, match="not this user's to use so"):
                put(store)
            with pytest.raises(StoreUnavailable, match="was not vacuumed: permission denied"):
                store.scrub()
        with pytest.raises(StoreUnavailable, match="GRANT"):
            PostgresStore(postgres.as_user("reader"), schema="not_there")
    finally:
        postgres.run("DROP OWNED BY reader", "DROP USER reader")


def test_a_database_that_cannot_hold_every_text_is_refused(postgres: Server) -> None:
    postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    with pytest.raises(StoreUnavailable, match="encoding is LATIN1, and it must be UTF8"):
        PostgresStore(postgres.as_user("postgres", database="latin"))


def test_a_database_that_only_reads_is_refused_by_name(open_store: OpenStore) -> None:
    store = open_store()
    store._database.connection.execute("SET default_transaction_read_only = on")
    put(store)  # a write says itself that it writes
    store._database._begin = store._database._begin.replace("READ WRITE", "")
    with pytest.raises(StoreUnavailable, match=r"is read-only.*nothing of this write was kept"):
        put(store)


# durability


@pytest.mark.parametrize(("default", "used"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")])
def test_every_commit_waits_for_the_disk_whatever_the_default(
    postgres: Server, schema: str, default: str, used: str
) -> None:
    url = f"{postgres.url}&options=-csynchronous_commit%3D{default}"
    with closing(PostgresStore(url, schema=schema)) as store:
        assert store._database.one("SELECT current_setting('synchronous_commit')") == (used,)
        with store.snapshot() as reader:
            assert reader._database.one("SELECT current_setting('synchronous_commit')") == (used,)


KILLED = """
import os, sys
from abpo_sdk.ledger.stores.postgres import PostgresStore
from abpo_sdk.ledger.rows import RunRow
store = PostgresStore(sys.argv[1], schema=sys.argv[2])
with store.transaction() as tx:
    tx.put(RunRow("kept", "p", "v", "running", "t", "t"))
with store.transaction() as tx:
    tx.put(RunRow("lost", "p", "v", "running", "t", "t"))
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_inside_a_write_leaves_the_ones_before_it_and_its_lock(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, postgres.url, schema], check=False)
    assert done.returncode == -9
    store = open_store()
    assert ids(store) == ["kept"]
    put(store)


def test_a_server_that_crashes_keeps_what_was_committed_and_nothing_else(
    postgres: Server, open_store: OpenStore
) -> None:
    store = open_store(timeout=20)
    put(store)

    def interrupted() -> None:
        with store.transaction() as tx:
            tx.put(RUN._replace(id="R-2"))
            postgres.crash()
            try:
                tx.put(RUN._replace(id="R-3"))
            finally:
                postgres.start()

    with pytest.raises(StoreUnavailable, match=r"lost its connection.*nothing of this write was kept"):
        interrupted()
    assert ids(store) == ["R-1"]
    put(store, id="R-4")
    assert ids(store) == ["R-1", "R-4"]


# a server that restarts


def restart(postgres: Server) -> None:
    postgres.stop()
    postgres.start()


def test_after_a_restart_the_next_read_and_the_next_write_connect_again(
    postgres: Server, open_store: OpenStore
) -> None:
    store = open_store()
    put(store)
    restart(postgres)
    assert ids(store) == ["R-1"]
    restart(postgres)
    put(store, id="R-2")
    restart(postgres)
    assert [row.id for row in store.rows(RunRow, order="id")] == ["R-1", "R-2"]
    restart(postgres)
    with store.snapshot() as reader:
        assert reader.size() == 0
    assert ids(store) == ["R-1", "R-2"]
    assert store._database.one("SELECT current_setting('lock_timeout')") == ("5s",)


def test_a_restart_within_a_write_keeps_nothing_of_it_and_the_store_goes_on(
    postgres: Server, open_store: OpenStore
) -> None:
    store = open_store()

    def interrupted() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            restart(postgres)
            tx.put(RUN._replace(id="R-2"))

    with pytest.raises(StoreUnavailable, match=r"lost its connection.*nothing of this write was kept"):
        interrupted()
    assert ids(store) == []
    put(store)


def test_a_write_whose_lost_connection_was_noticed_and_ignored_is_not_taken_for_kept(
    postgres: Server, open_store: OpenStore
) -> None:
    store = open_store()

    def ignoring() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            postgres.drop_connections()
            with pytest.raises(StoreUnavailable):
                tx.head("R-1")
            with pytest.raises(StoreUnavailable):
                tx.put(RUN._replace(id="R-2"))  # not on a new connection, outside of the write

    with pytest.raises(StoreUnavailable, match="nothing of this write was kept"):
        ignoring()
    assert ids(store) == []


def test_a_connection_that_is_lost_in_the_commit_leaves_open_whether_it_was_kept_and_says_so(
    postgres: Server, open_store: OpenStore
) -> None:
    store = open_store()

    def interrupted() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            postgres.drop_connections()

    with pytest.raises(StoreUnavailable, match="not known whether the write was kept"):
        interrupted()
    assert ids(store) == []
    put(store)


def test_a_restart_in_the_middle_of_reading_is_told_and_reading_again_gives_all(
    postgres: Server, open_store: OpenStore
) -> None:
    store = open_store()
    with store.transaction() as tx:
        tx.append([entry(n) for n in range(2 * AT_ONCE)])
    scan = store.scan()
    next(scan)
    restart(postgres)
    with pytest.raises(StoreUnavailable, match="lost"):
        list(scan)
    scan = store.scan()
    next(scan)
    restart(postgres)
    assert store.size() == 0  # on a new connection
    with pytest.raises(StoreUnavailable, match="in the middle of reading; read again"):
        list(scan)
    assert len(list(store.scan())) == 2 * AT_ONCE
    with store.snapshot() as reader:
        rest = reader.scan()
        next(rest)
        restart(postgres)
        with pytest.raises(StoreUnavailable, match="lost its connection"):
            list(rest)


def test_a_server_that_is_down_is_waited_for_and_then_told(postgres: Server, open_store: OpenStore) -> None:
    store = open_store(timeout=0.3)
    put(store)
    postgres.stop()
    try:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            ids(store)
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            put(store)
    finally:
        postgres.start()
    assert ids(store) == ["R-1"]
    patient = open_store(timeout=20)
    postgres.stop()
    starting = threading.Timer(0.3, postgres.start)
    starting.start()
    put(patient, id="R-2")
    starting.join()
    assert ids(patient) == ["R-1", "R-2"]


def test_a_connection_is_not_made_again_to_another_ledger(postgres: Server, open_store: OpenStore, schema: str) -> None:
    store = open_store()
    for there, make in (("none", lambda: None), ("another ledger", lambda: open_store())):
        postgres.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        make()
        postgres.drop_connections()
        with pytest.raises(StoreUnavailable, match=f"is gone.*there is {there} now"):
            put(store)
        with pytest.raises(StoreUnavailable, match=f"is gone.*there is {there} now"), store.snapshot():
            pass


def test_a_forked_process_has_a_connection_of_its_own(open_store: OpenStore) -> None:
    store = open_store()
    put(store)
    child = os.fork()
    if child == 0:
        try:
            put(store, id="child")
            store.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    put(store, id="parent")
    assert ids(store) == ["R-1", "child", "parent"]


def test_a_forked_process_waits_for_no_thread_of_the_other(open_store: OpenStore) -> None:
    store = open_store()
    put(store)
    writing, over = threading.Event(), threading.Event()

    def write() -> None:
        with store.transaction():
            writing.set()
            assert over.wait(60)

    thread = threading.Thread(target=write)
    thread.start()
    assert writing.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends it where it waits for ever
        os._exit(0 if ids(store) == ["R-1"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    over.set()
    thread.join()
    put(store, id="parent")
    assert ids(store) == ["R-1", "parent"]


# several at once


def test_a_locked_ledger_is_refused_by_name_and_works_once_it_is_free(open_store: OpenStore) -> None:
    store, other = open_store(timeout=0.1), open_store()
    with other.transaction():
        with pytest.raises(StoreUnavailable, match=r"locked by another writer.*nothing of this write was kept"):
            put(store)
        assert ids(store) == []  # readers wait for nobody
        put(open_store(timeout=0, schema=store._database.schema + "_b"))  # nor do other ledgers
    put(store)
    with other.transaction(), pytest.raises(StoreUnavailable, match="locked"):
        put(open_store(timeout=0))  # which is not to wait for ever


def test_a_write_in_which_a_statement_failed_keeps_nothing_though_the_failure_was_ignored(
    open_store: OpenStore,
) -> None:
    store = open_store()

    def ignoring() -> None:
        with store.transaction() as tx:
            tx.append([entry(0)])
            with pytest.raises(StoreUnavailable, match="duplicate key"):
                tx.append([entry(0)])
            with pytest.raises(StoreUnavailable, match="a transaction in which a statement failed"):
                tx.entries("R-1")

    with pytest.raises(StoreUnavailable, match="a statement failed; nothing of this write was kept"):
        ignoring()
    assert store.entries("R-1") == []


SEALS = """
import sys
from abpo_sdk.ledger import Ledger, MemoryVault
from abpo_sdk.ledger.transparency.note import Signer
from abpo_sdk.ledger.stores.postgres import PostgresStore
from pathlib import Path
ledger = Ledger(PostgresStore(sys.argv[1], schema=sys.argv[2], timeout=60), vault=MemoryVault(), signer=Signer.from_file(Path(sys.argv[3])))
sys.path.insert(0, sys.argv[4])
from tests.ledger.test_postgres import decision
print("ready", flush=True)
sys.stdin.readline()
for number in range(12):
    ledger.record(decision(), key=f"{sys.argv[5]}-{number}")
    ledger.record(decision(), key=f"shared-{number}")
    ledger.seal()
ledger.close()
"""


def test_two_processes_that_record_and_seal_at_once_lose_nothing(
    postgres: Server, open_store: OpenStore, schema: str, tmp_path: Any
) -> None:
    signer = Signer.create_file(tmp_path / "signer", "test")
    arguments = [sys.executable, "-c", SEALS, postgres.url, schema, str(tmp_path / "signer"), os.getcwd()]
    processes = [
        subprocess.Popen([*arguments, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    for process in processes:
        process.communicate()
    with Ledger(open_store(), vault=MemoryVault(), signer=signer) as ledger:
        found = ledger.verify(content=False)
        assert (found.entries, found.sealed) == (36, 36)


# within a caller's own transaction


def test_what_is_recorded_on_a_callers_connection_is_kept_or_lost_with_what_the_caller_writes(
    ledger: Ledger, connection: psycopg.Connection[Any], schema: str
) -> None:
    connection.execute(f"CREATE TABLE {schema}_orders (id text)")
    connection.commit()
    for finish, kept in ((connection.rollback, False), (connection.commit, True)):
        connection.execute(f"INSERT INTO {schema}_orders VALUES ('O-1')")
        recorded = ledger.record(decision(), key="O-1", connection=connection)
        assert recorded.id == "O-1/0"
        assert ledger.entries("O-1") == []
        finish()
        assert bool(ledger.entries("O-1")) == kept
        assert [row.id for row in ledger.store.select(DecisionRow)] == (["O-1/0"] if kept else [])
        assert bool(connection.execute(f"SELECT * FROM {schema}_orders").fetchall()) == kept
    again = ledger.record(decision(), key="O-1", connection=connection)
    assert (again.id, again.at) == (recorded.id, recorded.at)
    with pytest.raises(DuplicateRun):
        ledger.record(decision("refer"), key="O-1", connection=connection)
    connection.execute(f"DROP TABLE {schema}_orders")  # the caller's transaction goes on
    connection.commit()
    assert ledger.verify().entries == 1


def test_a_connection_with_autocommit_has_to_be_in_a_transaction(
    ledger: Ledger, postgres: Server, connection: psycopg.Connection[Any]
) -> None:
    connection.autocommit = True
    with pytest.raises(DefinitionError, match=r"use `with connection\.transaction\(\):`"):
        ledger.record(decision(), key="K-1", connection=connection)
    with connection.transaction():
        ledger.record(decision(), key="K-1", connection=connection)
    with connection.transaction(), connection.transaction(force_rollback=True):
        ledger.record(decision(), key="K-2", connection=connection)
    assert [head.chain for head in ledger.store.heads()] == ["K-1"]


def test_what_is_no_connection_to_the_ledgers_database_is_refused_and_left_as_it_was(
    ledger: Ledger, postgres: Server, connection: psycopg.Connection[Any]
) -> None:
    with closing(sqlite3.connect(":memory:")) as other, pytest.raises(DefinitionError, match=r"no psycopg\.Connection"):
        ledger.record(decision(), key="K", connection=other)
    postgres.run("CREATE DATABASE elsewhere")
    with closing(psycopg.connect(postgres.as_user("postgres", database="elsewhere"))) as elsewhere:
        with pytest.raises(DefinitionError, match="another database"):
            ledger.record(decision(), key="K", connection=elsewhere)
        assert elsewhere.execute("SELECT 1").fetchone() == (1,)
        elsewhere.rollback()
        with (
            closing(
                PostgresStore(postgres.as_user("postgres", database="elsewhere"), schema=ledger.store._database.schema)
            ),
            pytest.raises(DefinitionError, match="another database"),
        ):  # of the same names
            ledger.record(decision(), key="K", connection=elsewhere)
        elsewhere.execute(f"DROP SCHEMA {ledger.store._database.schema} CASCADE")
        elsewhere.execute(f"CREATE SCHEMA {ledger.store._database.schema}")
        elsewhere.execute(f"CREATE TABLE {ledger.store._database.schema}.ledger (x int)")
        with pytest.raises(DefinitionError, match="another database"):
            ledger.record(decision(), key="K", connection=elsewhere)
    connection.execute("SET client_encoding = LATIN1")
    with pytest.raises(DefinitionError, match="client_encoding"):
        ledger.record(decision(), key="K", connection=connection)
    connection.close()
    with pytest.raises(StoreUnavailable, match="lost its connection"):
        ledger.record(decision(), key="K", connection=connection)


def test_a_connection_may_make_of_rows_what_its_owner_likes(ledger: Ledger, postgres: Server) -> None:
    with psycopg.connect(postgres.url, row_factory=dict_row, cursor_factory=psycopg.ClientCursor) as connection:
        ledger.record(decision(), key="K-1", connection=connection)
        ledger.record(decision(), key="K-1", connection=connection)
    assert ledger.verify().entries == 1


def test_a_transaction_that_has_failed_takes_no_entry(ledger: Ledger, connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1 / 0")
    with pytest.raises(StoreUnavailable, match="a transaction in which a statement failed"):
        ledger.record(decision(), key="K-1", connection=connection)


def test_of_two_callers_with_one_key_the_second_waits_and_is_given_what_the_first_recorded(
    ledger: Ledger, postgres: Server, connection: psycopg.Connection[Any]
) -> None:
    found: dict[str, Any] = {}

    def second(key: str, outcome: str) -> None:
        with psycopg.connect(postgres.url) as other:
            try:
                found[key] = ledger.record(decision(outcome), key=key, connection=other)
            except Exception as error:
                found[key] = error

    cases = {
        "same": ("pay", connection.commit),
        "other": ("refer", connection.commit),
        "lost": ("refer", connection.rollback),
    }
    for key, (outcome, finish) in cases.items():
        first = ledger.record(decision(), key=key, connection=connection)
        thread = threading.Thread(target=second, args=(key, outcome))
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()
        finish()
        thread.join()
        if key == "same":
            assert (found[key].id, found[key].at) == (first.id, first.at)
    assert isinstance(found["other"], DuplicateRun)
    assert found["lost"].outcome == "refer"
    assert ledger.verify().entries == 3


def test_a_caller_that_cannot_see_the_other_is_told_to_do_it_again(
    ledger: Ledger, postgres: Server, connection: psycopg.Connection[Any]
) -> None:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute("SELECT 1")
    ledger.record(decision(), key="K-1")
    with pytest.raises(StoreUnavailable, match="another transaction, which this one cannot see; do it again"):
        ledger.record(decision(), key="K-1", connection=connection)
    connection.rollback()
    assert ledger.record(decision(), key="K-1", connection=connection).id == "K-1/0"


def test_a_write_that_waits_for_a_caller_gives_up_after_its_time(
    ledger: Ledger, connection: psycopg.Connection[Any]
) -> None:
    ledger.record(decision(), key="K-1", connection=connection)
    ledger.record(decision(), key="K-2")  # another key waits for nobody
    with pytest.raises(StoreUnavailable, match="locked by another writer"):
        ledger.record(decision(), key="K-1")
    connection.commit()
    assert ledger.record(decision(), key="K-1").id == "K-1/0"


def test_what_a_caller_commits_late_is_sealed_later_though_its_number_is_earlier(
    ledger: Ledger, postgres: Server, connection: psycopg.Connection[Any]
) -> None:
    ledger.record(decision(), key="late", connection=connection)
    ledger.record(decision(), key="early")
    assert ledger.seal().size == 1
    connection.commit()
    assert ledger.seal().size == 2
    assert [entry.chain for entry in (ledger.store.leaf(0), ledger.store.leaf(1)) if entry] == ["early", "late"]
    assert ledger.verify().sealed == 2


def test_a_text_that_cannot_be_kept_leaves_no_half_of_an_entry_to_be_committed(
    ledger: Ledger, connection: psycopg.Connection[Any]
) -> None:
    with pytest.raises(NotCanonical, match="NUL, which Postgres cannot hold") as refused:
        ledger.record(decision(policy="pay\0ment"), key="K-1", connection=connection)
    assert "roll it back" in refused.value.__notes__[0]
    connection.commit()
    assert ledger.verify().entries == 0
    with pytest.raises(NotCanonical, match="NUL"):
        ledger.record(decision(), key="K\0-1", connection=connection)
    ledger.record(decision(), key="K-2", connection=connection)  # nothing had been written before that
    connection.commit()
    assert ledger.verify().entries == 1


# texts and sizes


def test_a_text_with_nul_is_refused_by_name_and_keeps_nothing(ledger: Ledger) -> None:
    with pytest.raises(NotCanonical, match="NUL"):
        ledger.entries("a\0b")
    with pytest.raises(NotCanonical, match="NUL"):
        ledger.record(decision(policy="pay\0ment"), key="K-1")
    assert list(ledger.store.scan()) == []
    ledger.record(replace(decision(), case={"x": "a\0b"}), key="K-1")  # within an entry there is no such limit
    assert ledger.entries("K-1")[0].content["result"]["case"] == {"x": "a\0b"}
    assert ledger.verify().entries == 1


def test_a_name_that_is_too_long_for_an_index_is_refused_by_name(open_store: OpenStore) -> None:
    store = open_store()
    name = "".join(chr(0x4E00 + n) for n in range(3000))
    with pytest.raises(StoreUnavailable, match="a name that is too long"), store.transaction() as tx:
        tx.set_head(Head(name, "h", 1))
    put(store)


def test_what_is_read_bit_by_bit_takes_little_memory(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store()
    count = 20_000
    with store.transaction() as tx:
        tx._database.write(
            "INSERT INTO abpo_entries(chain, position, scope, ordinal, header, payload) "
            f"SELECT 'R', n, '/', n, '\\x00', convert_to(repeat(md5(n::text), 30), 'UTF8') FROM generate_series(0, {count - 1}) n"
        )
    fetched: list[int] = []
    execute = PostgresDatabase.execute

    def counting(self: PostgresDatabase, *arguments: Any, **options: Any) -> Any:
        cursor = execute(self, *arguments, **options)
        fetched.append(cursor.rowcount)
        return cursor

    monkeypatch.setattr(PostgresDatabase, "execute", counting)
    with store.snapshot() as reader, store.transaction() as tx:
        for look in (store, reader, tx):
            fetched.clear()
            tracemalloc.start()
            assert sum(1 for _ in look.scan()) == count
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 4_000_000  # of 20 MB
            assert max(fetched) == AT_ONCE


def test_what_is_no_longer_read_is_let_go_of(open_store: OpenStore) -> None:
    store = open_store()
    with store.transaction() as tx:
        tx.append([entry(n) for n in range(3)])
    for _ in range(20):
        next(store.scan())
    assert len(store._database.all("SELECT name FROM pg_cursors")) <= 2
    assert len(list(store.scan())) == 3


# removing, closing


def test_scrubbing_lets_postgres_write_over_what_was_removed(
    postgres: Server, open_store: OpenStore, schema: str
) -> None:
    store = open_store()
    secret = b"SECRET" + bytes(range(200))
    with store.transaction() as tx:
        tx.append([entry(n, payload=secret) for n in range(50)])
    with store.transaction() as tx:
        for number in range(50):
            tx.forget("R-1", number)
        with pytest.raises(StoreUnavailable, match="vacuum it afterwards"):
            store.scrub()
    before = postgres.run(f"SELECT pg_relation_size('{schema}.entries')")
    store.scrub()
    with store.transaction() as tx:
        tx.append([entry(n, chain="R-2", payload=secret[::-1]) for n in range(50)])
    assert postgres.run(f"SELECT pg_relation_size('{schema}.entries')") == before
    assert {e.payload for e in store.entries("R-1")} == {None}


def test_a_closed_store_says_so_and_stays_closed(open_store: OpenStore) -> None:
    store = open_store()
    scan = store.scan()
    store.close()
    store.close()
    for use in (
        lambda: put(store),
        lambda: ids(store),
        lambda: list(scan),
        store.scrub,
        lambda: store.snapshot().__enter__(),
    ):
        with pytest.raises(StoreUnavailable, match="is closed"):
            use()


def test_a_store_that_is_closed_within_a_write_keeps_nothing_of_it(open_store: OpenStore) -> None:
    store = open_store()

    def closing_it() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            store.close()

    with pytest.raises(StoreUnavailable, match="is closed"):
        closing_it()
    assert ids(open_store()) == []
