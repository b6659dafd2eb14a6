from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy

import pytest

from abpo_sdk.errors import Erased, OnHold, SchemaUnknown
from abpo_sdk.ledger import FileAnchor, Ledger, MerkleTree
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.rows import TABLES, DecisionRow, ReviewRow, RunRow
from abpo_sdk.ledger.stores.migrations import APPLICATION_ID, MIGRATIONS, Migration, migrate, schema_of
from abpo_sdk.testing import FakeClock, TestRuntime
from abpo_sdk.values.encoded import Encoded
from tests.ledger.data.make import second
from tests.ledger.data.reviewed import PEOPLE as REVIEWERS
from tests.ledger.data.reviewed import lend

DATA = Path(__file__).parent / "data"
NEXT: Sequence[Migration] = (
    *MIGRATIONS,
    ("CREATE TABLE anchors (id INTEGER PRIMARY KEY)", "ALTER TABLE abpo_runs ADD COLUMN note TEXT"),
)


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        yield made


def dump(connection: sqlite3.Connection) -> list[str]:
    lines = [line for line in connection.iterdump() if not line.startswith('INSERT INTO "abpo_ledger"')]  # a random id
    return [*lines, str(schema_of(connection, newest=99))]


# one step at a time


def test_a_new_file_gets_the_newest_schema_and_the_mark_of_a_ledger(connection: sqlite3.Connection) -> None:
    assert schema_of(connection) == 0
    migrate(connection)
    assert schema_of(connection) == len(MIGRATIONS) >= 1
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    own = {"entries", "chains", "tiles", "checkpoints", "ledger"}
    assert tables == {f"abpo_{name}" for name in own} | set(TABLES.values())


def test_a_file_that_is_up_to_date_is_not_written_to(connection: sqlite3.Connection, path: Path) -> None:
    migrate(connection)
    before = path.read_bytes()
    connection.execute("PRAGMA query_only = ON")
    migrate(connection)
    assert path.read_bytes() == before


def test_a_later_migration_keeps_everything_that_an_earlier_schema_holds(
    path: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft], connection: sqlite3.Connection
) -> None:
    ledger = open_ledger()
    with ledger.writing() as writer:
        writer.append("R-1", [draft(0, secret="DE89"), draft(1)])
    ledger.close()
    before = [line for line in dump(connection) if line.startswith("INSERT")]
    migrate(connection, migrations=NEXT)
    assert schema_of(connection, newest=99) == len(NEXT)
    assert [line for line in dump(connection) if line.startswith("INSERT")] == before
    assert connection.execute("SELECT note FROM abpo_runs").fetchall() == []
    with pytest.raises(SchemaUnknown, match=f"schema {len(NEXT)}"):
        open_ledger()


def test_a_new_file_goes_through_every_migration_in_order(connection: sqlite3.Connection) -> None:
    migrate(connection, migrations=NEXT)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as stepwise:
        migrate(stepwise)
        migrate(stepwise, migrations=NEXT)
        assert dump(connection) == dump(stepwise)


@pytest.mark.parametrize("before", [(), MIGRATIONS])
def test_a_migration_that_fails_leaves_the_schema_before_it(
    connection: sqlite3.Connection, before: Sequence[Migration]
) -> None:
    if before:
        migrate(connection, migrations=before)
    intact = dump(connection)
    failing = (*MIGRATIONS, ("CREATE TABLE anchors (id)", "INSERT INTO missing VALUES (1)"))
    with pytest.raises(sqlite3.OperationalError, match="missing"):
        migrate(connection, migrations=failing)
    assert dump(connection) == intact
    assert not connection.in_transaction
    migrate(connection, migrations=NEXT)  # and a right one can still be done
    assert schema_of(connection, newest=99) == len(NEXT)


def test_another_programs_file_and_a_later_ledger_are_refused(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE orders (id)")
    with pytest.raises(SchemaUnknown, match="orders"):
        migrate(connection)
    connection.execute("DROP TABLE orders")
    migrate(connection, migrations=NEXT)
    with pytest.raises(SchemaUnknown, match=f"schema {len(NEXT)}, and this release knows up to {len(MIGRATIONS)}"):
        migrate(connection)


# files of earlier releases


@pytest.fixture
def of_schema_1(tmp_path: Path) -> Path:
    for name in ("schema_1.db", "schema_1.db.keys"):
        copy(DATA / name, tmp_path / name)
    return tmp_path / "schema_1.db"


def test_a_ledger_that_was_written_with_schema_1_still_verifies(
    of_schema_1: Path, open_ledger: Callable[..., Ledger]
) -> None:
    with closing(sqlite3.connect(of_schema_1)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    verified = open_ledger(of_schema_1).verify()
    assert (verified.entries, verified.chains) == (11, 3)


def test_a_ledger_that_was_written_with_schema_1_still_reads_the_same(
    of_schema_1: Path, open_ledger: Callable[..., Ledger]
) -> None:
    ledger = open_ledger(of_schema_1)
    assert {h.chain: h.hash for h in ledger.store.heads()} == {
        "C-3": "4ae3a554d822f578fc90e458285c2ca87b246ac013561f77ce1fd140962284ca",
        "R-1": "af0be83298e8cbdf0ca9940ca70c5ee6ea6c40011d2c8b2b436f09d6ef9660a5",
        "R-2": "bb0c49fa8a02a43bc2382eb478c499b8bad030f4431065eba82322eac291f5fb",
    }
    entries = ledger.entries("R-1")
    assert [(str(e.place), e.kind, e.name) for e in entries] == [
        ("run:0", "started", "pay_claim"),
        ("/0", "step", "read_claim"),
        ("/1", "decision", "claims"),
        ("/2", "gate", "approval"),
        ("/3", "review", "approval"),
        ("/3/0", "answered", "approval"),
        ("/4", "step", "book"),
        ("run:1", "finished", "pay_claim"),
    ]
    claim = {
        "number": "C-1",
        "holder": "h-1",
        "iban": "DE89370400440532013000",
        "amount": "1200.50",
        "day": "2026-01-02",
    }
    assert ledger.payload(entries[1], purpose="test")["result"] == claim
    assert ledger.payload(entries[1])["result"] == {**claim, "iban": "<bank account>"}
    decided = ledger.payload(entries[2], purpose="test")["result"]
    assert (decided["decision"]["outcome"], decided["case"]) == ("refer", claim)
    assert ledger.same_inputs(entries[6], Encoded({"claim": claim}))
    frame = ledger.decisions("claims", purpose="test")
    assert frame[["decision_id", "outcome", "proposed", "decided_by", "iban"]].to_numpy().tolist() == [
        ["C-3/0", "pay", "pay", "policy", "AT611904300234573201"],
        ["R-1/1", "pay", "refer", "maria@acme", "DE89370400440532013000"],
    ]
    assert [len(ledger.store.select(kind)) for kind in (RunRow, ReviewRow, DecisionRow)] == [2, 1, 2]


def test_a_ledger_that_was_written_with_schema_1_can_be_written_on(
    of_schema_1: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft]
) -> None:
    ledger = open_ledger(of_schema_1)
    with ledger.writing() as writer:
        writer.append("R-2", [draft(9, secret="AT61", subject="h-1")])
    assert ledger.verify().entries == 12


@pytest.fixture
def of_schema_2(tmp_path: Path) -> Path:
    for suffix in ("", ".keys", ".signer", ".anchor"):
        copy(DATA / f"schema_2.db{suffix}", tmp_path / f"schema_2.db{suffix}")
    return tmp_path / "schema_2.db"


def opened(path: Path, open_ledger: Callable[..., Ledger]) -> Ledger:
    return open_ledger(path, anchor=FileAnchor(f"{path}.anchor"))


def test_a_ledger_that_was_written_with_schema_2_still_verifies(
    of_schema_2: Path, open_ledger: Callable[..., Ledger]
) -> None:
    with closing(sqlite3.connect(of_schema_2)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    ledger = opened(of_schema_2, open_ledger)
    assert ledger.frozen is None
    verified = ledger.verify()
    assert (verified.entries, verified.chains, verified.sealed, verified.anchored) == (26, 10, 20, 20)
    assert (verified.erased, verified.swept) == (1, 1)
    assert ledger.verify_headers() == 20
    assert ledger.verifier == (
        "abpo.ledger/362422d7647449fb566e82704752728f+76284f7d+AXkdewx0+BaRzYXAht8AF8T1SjliyNW7z8TnC82EHONr"
    )


def test_a_ledger_that_was_written_with_schema_2_still_reads_the_same(
    of_schema_2: Path, open_ledger: Callable[..., Ledger]
) -> None:
    ledger = opened(of_schema_2, open_ledger)
    heads = {head.chain: head.hash for head in ledger.store.heads()}
    assert heads["$ledger"] == "435219271f26560cfb45177ca0c55814f92d1060cb922e48d650639e9fcb236f"
    assert heads["R-1"] == "8ad0d9930676b093a7a23ae99af5751d1f8d1d26a10add0e0422192e7e0acd24"
    assert ledger.tree().root().hex() == "900ec00bbfb8d56fff81e0e006896e35df4239ad42f63756fb7b6fccd779626b"
    assert [entry.kind for entry in ledger.entries("$ledger")] == ["held", "held", "released", "erased", "swept"]
    (imported,) = ledger.entries("H-0")
    assert imported.leaf == 1
    assert ledger.payload(imported, purpose="test")["source"] == "the old one"
    assert ledger.entries("C-6")[0].payload is None
    with pytest.raises(Erased):
        ledger.payload(ledger.entries("C-4")[0], purpose="test")
    frame = ledger.decisions("claims", purpose="test")
    assert frame[["decision_id", "outcome", "decided_by"]].to_numpy().tolist() == [
        ["H-1/0", "pay", "policy"],
        ["H-0/0", "pay", "policy"],
        ["C-3/0", "pay", "policy"],
        ["C-4/0", "pay", "policy"],
        ["C-7/0", "pay", "policy"],
        ["R-1/1", "pay", "maria@acme"],
        ["R-8/1", "refer", "policy"],
    ]
    assert frame["iban"].isna().tolist() == [False, False, False, True, False, False, False]
    assert [len(ledger.store.select(kind)) for kind in TABLES] == [3, 2, 7, 8, 2, 1, 2, 0, 0, 0, 0]
    with pytest.raises(OnHold, match="a lawsuit"):
        ledger.erase("h-5", by="ines", because="asked for")


def test_a_ledger_that_was_written_with_schema_2_can_be_written_on(
    of_schema_2: Path, open_ledger: Callable[..., Ledger], draft: Callable[..., Draft]
) -> None:
    ledger = opened(of_schema_2, open_ledger)
    with ledger.writing() as writer:
        writer.append("R-2", [draft(9, secret="AT61", subject="h-1")])
    assert ledger.seal().size == 27
    verified = ledger.verify()
    assert (verified.entries, verified.sealed, verified.anchored) == (27, 27, 27)
    tree = ledger.tree()
    proof = tree.consistency(20)
    old = "900ec00bbfb8d56fff81e0e006896e35df4239ad42f63756fb7b6fccd779626b"
    MerkleTree.verify_consistency(20, 27, bytes.fromhex(old), tree.root(), proof)


def test_a_ledger_that_was_written_with_schema_3_still_reads_the_same_and_goes_on(
    tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    for suffix in ("", ".keys", ".signer", ".anchor"):
        copy(DATA / f"schema_3.db{suffix}", tmp_path / f"schema_3.db{suffix}")
    with closing(sqlite3.connect(tmp_path / "schema_3.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    ledger = opened(tmp_path / "schema_3.db", open_ledger)
    verified = ledger.verify()
    assert (verified.entries, verified.chains, verified.sealed, verified.erased, verified.swept) == (40, 13, 20, 1, 1)
    heads = {head.chain: head.hash for head in ledger.store.heads()}
    assert heads["W-1"] == "77b7ab068b001c39a5434c40122cb8354adcfb90f02fc38be1226162fe2b4abb"
    assert heads["W-2"] == "844961a8afdc139a3cd7988ade6e190cee120e65a9b483fc133c8ac38139c882"
    kinds = [entry.kind for entry in ledger.entries("W-1")]
    assert kinds == ["started", "timer", "attempt", "parked", "fired", "step", "parked", "fired", "finished"]
    assert [entry.kind for entry in ledger.entries("W-2")] == ["started", "timer", "migrated"]
    wakes = {row.id: (row.status, row.wake_at) for row in ledger.store.select(RunRow) if row.id.startswith("W")}
    assert wakes == {
        "W-1": ("done", None),
        "W-2": ("waiting", "2026-01-07T12:00:00.000000Z"),
        "W-3": ("waiting", "2026-01-07T12:00:00.000000Z"),
    }
    ledger.rebuild()
    assert wakes == {row.id: (row.status, row.wake_at) for row in ledger.store.select(RunRow) if row.id in wakes}
    with TestRuntime(ledger, [second.bind()], clock=FakeClock(datetime(2026, 1, 9, tzinfo=UTC))) as runtime:
        assert sorted(runtime.tick().advanced) == ["W-2", "W-3"]
        assert runtime.run("W-2").result() == 3


def test_a_ledger_that_was_written_with_schema_4_still_reads_the_same_and_goes_on(
    tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    for suffix in ("", ".keys", ".signer", ".anchor"):
        copy(DATA / f"schema_4.db{suffix}", tmp_path / f"schema_4.db{suffix}")
    with closing(sqlite3.connect(tmp_path / "schema_4.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    ledger = opened(tmp_path / "schema_4.db", open_ledger)
    verified = ledger.verify()
    assert (verified.entries, verified.chains, verified.sealed, verified.erased, verified.swept) == (77, 16, 20, 1, 1)
    heads = {head.chain: head.hash for head in ledger.store.heads()}
    assert heads["L-1"] == "b2612d524100b866570667aa349cd62acc770c8d743c9f7b90cab6b697728745"
    assert [len(ledger.store.select(kind)) for kind in TABLES] == [8, 8, 9, 9, 2, 1, 8, 5, 2, 1, 1]
    rows = {kind: ledger.store.select(kind) for kind in TABLES}
    ledger.rebuild()
    assert {kind: ledger.store.select(kind) for kind in TABLES} == rows
    with TestRuntime(ledger, [lend], people=REVIEWERS, clock=FakeClock(datetime(2026, 2, 1, tzinfo=UTC))) as runtime:
        runtime.tick()
        runtime.migrate("L-2", by="ines@acme", because="versions of tables are told by their meaning now")
        for person in ("ines@acme", "zoe@acme"):
            runtime.run("L-2").review.answer("lend", by=person, because="a small one")
        assert runtime.run("L-2").review.gate == "in time"


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
    of_schema_2: Path, open_ledger: Callable[..., Ledger], kinds: list[str], status: str
) -> None:
    with closing(sqlite3.connect(of_schema_2)) as connection:
        connection.execute("INSERT INTO abpo_runs VALUES ('R', 'p', 'v', 'waiting', 't', 't')")
        for number, kind in enumerate(kinds):
            header = f'{{"chain":"R","kind":"{kind}","name":"n"}}'.encode()
            connection.execute(
                "INSERT INTO abpo_entries(chain, position, scope, ordinal, header) VALUES ('R', ?, 's', ?, ?)",
                (number, number, header),
            )
        connection.commit()
    (row,) = opened(of_schema_2, open_ledger).store.select(RunRow, equal={"id": "R"})
    assert (row.status, row.wake_at) == (status, None)


def test_the_newest_schema_has_a_file_that_later_releases_must_read() -> None:
    assert (DATA / f"schema_{len(MIGRATIONS)}.db").exists()
