from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import LedgerBroken, LedgerError, SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger import Entry, Ledger, Place, SqliteStore
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.rows import ErasureRow, Head, HoldRow, ReviewRow, RunRow, SubjectRow

RUN = RunRow("R-1", "pay", "v1", "running", "2026-01-01", "2026-01-01")


def put(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.put(RUN)


# durability


def test_every_commit_waits_for_the_disk_and_readers_do_not_wait_for_writers(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store._database.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._database.connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert store.select(RunRow) == []


def test_what_was_committed_is_there_when_the_file_is_opened_again(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        put(store)
    with closing(SqliteStore(path)) as store:
        assert store.select(RunRow) == [RUN]


def test_two_stores_on_one_file_see_what_the_other_committed(path: Path) -> None:
    with closing(SqliteStore(path)) as one, closing(SqliteStore(path)) as other:
        put(one)
        assert other.select(RunRow) == [RUN]


KILLED = """
import os, sys
from pathlib import Path
from abpo_sdk.ledger import SqliteStore
from abpo_sdk.ledger.rows import RunRow
store = SqliteStore(Path(sys.argv[1]))
with store.transaction() as tx:
    tx.put(RunRow("kept", "p", "v", "running", "t", "t"))
with store.transaction() as tx:
    tx.put(RunRow("lost", "p", "v", "running", "t", "t"))
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_inside_a_transaction_leaves_the_ones_before_it(path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == -9
    with closing(SqliteStore(path)) as store:
        assert [row.id for row in store.select(RunRow)] == ["kept"]
        put(store)


# several at once


APPEND = """
import sys
from pathlib import Path
from abpo_sdk.ledger import Ledger, Place
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.values.encoded import PersonalValue
print("ready", flush=True)
sys.stdin.readline()
ledger = Ledger("sqlite:///" + sys.argv[1], timeout=60)
personal = (PersonalValue(("iban",), "bank account", "ACME"),)
for number in range(15):
    for chain in (sys.argv[2], "shared"):
        with ledger.writing() as writer:
            length = len(writer.tx.entries(chain))
            payload = {"by": sys.argv[2], "number": number, "iban": "DE89"}
            writer.append(chain, [Draft(Place("/", length), "step", "work", payload, ledger.clock.now(), personal)])
ledger.close()
"""


def test_two_processes_that_open_a_new_ledger_and_append_at_once_lose_nothing(path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
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
    with closing(Ledger(f"sqlite:///{path}")) as ledger:
        assert ledger.verify().entries == 60
        assert {h.chain: h.length for h in ledger.store.heads()} == {"one": 15, "two": 15, "shared": 30}
        shared = [ledger.payload(entry, purpose="test") for entry in ledger.entries("shared")]
        assert {payload["iban"] for payload in shared} == {"DE89"}
        for name in ("one", "two"):
            assert [payload["number"] for payload in shared if payload["by"] == name] == list(range(15))


def test_two_threads_that_append_to_one_ledger_lose_nothing(
    open_ledger: Callable[..., Ledger], draft: Callable[..., Draft]
) -> None:
    ledger = open_ledger()
    start = threading.Barrier(2)

    def append(name: str) -> None:
        start.wait()
        for _ in range(20):
            for chain in (name, "shared"):
                with ledger.writing() as writer:
                    writer.append(chain, [draft(len(writer.tx.entries(chain)), result=name, secret="DE89")])

    threads = [threading.Thread(target=append, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.verify().entries == 80
    assert sorted(entry.content["result"] for entry in ledger.entries("shared")) == ["one"] * 20 + ["two"] * 20


@pytest.mark.parametrize("attempt", range(5))
def test_many_ledgers_may_be_opened_on_a_new_file_at_once(path: Path, attempt: int) -> None:
    start = threading.Barrier(6)
    problems: list[LedgerError] = []

    def make() -> None:
        start.wait()
        try:
            with closing(SqliteStore(path, timeout=30)) as store:
                put(store)
        except LedgerError as error:
            problems.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


# storage that does not let us


def test_a_locked_file_is_refused_by_name_and_works_once_it_is_free(path: Path) -> None:
    with closing(SqliteStore(path, timeout=0)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match=rf"{path.name}.*locked by another writer"):
                put(store)
        assert store.select(RunRow) == []
        put(store)
        assert store.select(RunRow) == [RUN]


def test_a_new_file_that_another_holds_is_refused_by_name(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked by another writer"):
            SqliteStore(path, timeout=0)


def test_a_ledger_that_has_no_log_yet_and_that_another_holds_is_refused_by_name(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another writer"):
            SqliteStore(path, timeout=0)


def test_a_ledger_that_has_no_log_yet_is_opened_once_another_lets_go_of_it(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(0.1, lambda: other.execute("COMMIT"))
        letting_go.start()
        with closing(SqliteStore(path, timeout=30)) as store:
            put(store)
            assert store._database.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        letting_go.join()


def test_a_file_that_may_not_be_written_is_read_and_a_write_is_refused_by_name(
    open_directory: Path,
    unprivileged: Callable[[], AbstractContextManager[None]],
    open_ledger: Callable[..., Ledger],
    draft: Callable[..., Draft],
) -> None:
    path = open_directory / "ledger.db"
    ledger = open_ledger(path)
    with ledger.writing() as writer:
        writer.append("R-1", [draft()])
    ledger.close()
    path.chmod(0o444)
    with unprivileged():
        ledger = open_ledger(path)
        with pytest.raises(StoreUnavailable, match=r"read-only.*permissions.*nothing of this write was kept"):
            append(ledger, draft)
        assert ledger.verify().entries == 1
        ledger.close()


def append(ledger: Ledger, draft: Callable[..., Draft]) -> None:
    with ledger.writing() as writer:
        writer.append("R-1", [draft(len(writer.tx.entries("R-1")))])


def test_a_connection_that_turns_read_only_refuses_the_write_and_keeps_nothing(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        store._database.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreUnavailable, match="read-only"):
            put(store)
        store._database.connection.execute("PRAGMA query_only = OFF")
        assert store.select(RunRow) == []
        put(store)


def test_a_directory_that_may_not_be_written_is_named(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    open_directory.chmod(0o555)
    with unprivileged(), pytest.raises(StoreUnavailable, match=r"ledger\.db.*cannot be opened"):
        SqliteStore(open_directory / "ledger.db")


def test_a_full_disk_is_refused_by_name_and_keeps_nothing(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        pages = store._database.connection.execute("PRAGMA page_count").fetchone()[0]
        store._database.connection.execute(f"PRAGMA max_page_count = {pages}")

        def fill() -> None:
            with store.transaction() as tx:
                tx.append([Entry("R-1", 0, Place("/", 0), b"h" * 100_000, None, None, None)])

        with pytest.raises(StoreUnavailable, match="no room"):
            fill()
        assert list(store.scan()) == []


def test_a_commit_that_the_disk_refuses_keeps_nothing(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        put(store)
        head = Head("R-1", "0", 1)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        written = path.with_name("ledger.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (written, limits[1]))
        try:
            with pytest.raises(StoreUnavailable, match=path.name), store.transaction() as tx:
                tx.append([Entry("R-1", 0, Place("/", 0), b"h" * 10_000, None, None, None)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert list(store.scan()) == []
        assert list(store.heads()) == []
        with store.transaction() as tx:
            tx.set_head(head)
        assert store.head("R-1") == head


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"missing/ledger\.db.*does its directory exist"):
        SqliteStore(tmp_path / "missing" / "ledger.db")


def test_a_directory_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        SqliteStore(tmp_path)


@pytest.mark.parametrize("text", ["hello", "a diary, line by line\n" * 500])
def test_a_text_file_is_no_ledger_and_stays_as_it_is(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(StoreUnavailable, match=r"ledger\.db.*is damaged, or no SQLite file"):
        SqliteStore(path)
    assert path.read_text() == text
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_another_programs_database_is_no_ledger_and_stays_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id)")
        connection.execute("CREATE TABLE customers (id)")
    before = path.read_bytes()
    with pytest.raises(SchemaUnknown, match="customers, orders"):
        SqliteStore(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_ledger_of_a_later_release_is_refused_by_name_and_stays_as_it_is(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    with pytest.raises(SchemaUnknown, match=f"schema {version + 1}.*up to {version}"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    with closing(SqliteStore(path)) as store:
        put(store)


# damaged files


@pytest.fixture(scope="module")
def ledger_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with closing(Ledger(f"sqlite:///{path}")) as ledger:
        for chain in ("R-1", "R-2"):
            for ordinal in range(6):
                with ledger.writing() as writer:
                    payload = {"result": "x" * 300}
                    writer.append(chain, [Draft(Place("/", ordinal), "step", "work", payload, ledger.clock.now())])
    return path.read_bytes()


def verified(data: bytes, directory: Path) -> list[list[Entry]] | None:
    """The entries of a ledger that verifies; None where it is refused by name."""
    path = directory / "damaged.db"
    path.write_bytes(data)
    try:
        with closing(Ledger(f"sqlite:///{path}")) as ledger:
            ledger.verify()
            return [ledger.entries(chain) for chain in ("R-1", "R-2")]
    except (LedgerBroken, SchemaUnknown, StoreUnavailable):
        return None


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_truncated_ledger_is_never_taken_for_a_whole_one(
    ledger_bytes: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    length = data.draw(st.integers(2, len(ledger_bytes) - 1))  # SQLite takes a file of one byte for an empty one)
    assert verified(ledger_bytes[:length], tmp_path_factory.mktemp("cut")) is None


@given(st.integers(0, 2**32), st.integers(2, 20_000))
@settings(max_examples=30, deadline=None)
def test_random_bytes_are_never_taken_for_a_ledger(
    tmp_path_factory: pytest.TempPathFactory, seed: int, length: int
) -> None:
    garbage = random.Random(seed).randbytes(length)
    for data in (garbage, b"SQLite format 3\x00" + garbage):
        assert verified(data, tmp_path_factory.mktemp("garbage")) is None


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_ledger_with_damaged_pages_is_refused_by_name_unless_every_entry_is_whole(
    ledger_bytes: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(ledger_bytes) - 1))
    garbage = data.draw(st.binary(min_size=1, max_size=64))
    damaged = (ledger_bytes[:start] + garbage + ledger_bytes[start + len(garbage) :])[: len(ledger_bytes)]
    whole = verified(ledger_bytes, tmp_path_factory.mktemp("whole"))
    assert whole is not None
    assert verified(damaged, tmp_path_factory.mktemp("damaged")) in (None, whole)


def test_a_write_within_a_write_is_refused_and_the_outer_one_is_kept(path: Path) -> None:
    row = RunRow("R-1", "p", "1", "running", "t", "t")
    with closing(SqliteStore(path)) as store:
        with store.transaction() as tx:
            tx.put(row)
            with pytest.raises(StoreUnavailable), store.transaction():
                pass
        assert store.select(RunRow) == [row]
        put(store)


def test_a_write_to_a_closed_store_is_refused_by_name_and_leaves_it_to_others(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    refused: list[Exception] = []

    def write() -> None:
        try:
            put(store)
        except Exception as error:
            refused.append(error)

    write()
    other = threading.Thread(target=write, daemon=True)
    other.start()
    other.join(timeout=10)
    assert [type(error) for error in refused] == [StoreUnavailable, StoreUnavailable]


def test_a_write_that_could_not_be_rolled_back_does_not_block_the_next(path: Path) -> None:
    row = RunRow("R-1", "p", "1", "running", "t", "t")
    with closing(SqliteStore(path)) as store:
        connection = store._database.connection

        def fail() -> None:
            with store.transaction() as tx:
                tx.put(row)
                connection.set_progress_handler(lambda: 1, 1)  # whatever comes now is interrupted, the way back too
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert connection.in_transaction
        connection.set_progress_handler(None, 0)
        with store.transaction() as tx:
            assert tx.select(RunRow) == []
        put(store)
        assert store.select(RunRow) == [RUN]


# how it finds things


def looking(store: SqliteStore) -> None:
    """Everything that is looked up again and again, whatever the ledger's size."""
    store.size()
    store.leaf(0)
    store.tile(0, 0)
    store.head("R-1")
    store.entries("R-1")
    store.entry("R-1", Place("/", 0))
    store.last("R-1", "run")
    next(store.headers(), None)
    store.select(RunRow, equal={"id": "R-1"})
    for status in ("running", "waiting", "incident"):
        store.select(RunRow, equal={"status": status}, order="started_at")
    store.select(ReviewRow, equal={"status": "open"}, until={"due_at": "2026"}, order="due_at")
    store.select(ReviewRow, equal={"status": "open", "role": "controller"}, order="opened_at")
    store.select(ReviewRow, equal={"chain": "R-1"})
    store.select(SubjectRow, equal={"key": "k"})
    store.select(SubjectRow, equal={"chain": "R-1"})
    store.select(HoldRow, equal={"key": "k"})
    store.select(ErasureRow, equal={"id": "k"})
    with store.transaction() as tx:
        tx.unsealed(10)
        tx.seal(0, [1])
        tx.forget("R-1", 0)
        tx.clear(RunRow, "R-1")
        tx.clear(SubjectRow, "R-1")


def test_nothing_that_is_looked_up_again_and_again_reads_a_whole_table(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        seen: list[str] = []
        connection = store._database.connection
        connection.set_trace_callback(seen.append)
        looking(store)
        connection.set_trace_callback(None)
        statements = [sql for sql in seen if sql.startswith(("SELECT", "UPDATE", "DELETE"))]
        assert len(statements) > 15
        for sql in statements:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
            assert not [step for step in plan if step.startswith("SCAN abpo_") and "INDEX" not in step], (sql, plan)
            assert "SEARCH abpo_entries" not in plan, (sql, plan)  # which is a scan by another name


# forks

FORKED = """
import os, sys
from pathlib import Path
from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.ledger import FileVault, SqliteStore
path = Path(sys.argv[1])
store, vault = SqliteStore(path), FileVault(str(path) + ".keys")
key = vault.key_for("h-1")
if os.fork() == 0:
    for use in (lambda: store.entries("R-1"), lambda: list(store.heads()), lambda: store.transaction().__enter__(), store.size):
        try:
            use()
        except StoreUnavailable as error:
            assert "opened before this process was forked off" in str(error)
        else:
            os._exit(1)
    store.close()
    again = SqliteStore(path)
    again.size()
    again.close()
    assert vault.key_for("h-1") == key and vault.key_for("h-2")[0] != key[0]
    os._exit(7)
status = os.waitstatus_to_exitcode(os.wait()[1])
store.size()
assert len(vault.identifiers("h-2")) == 1
store.close()
vault.close()
sys.exit(status)
"""


def test_a_connection_is_not_used_by_a_process_that_was_forked_off(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
