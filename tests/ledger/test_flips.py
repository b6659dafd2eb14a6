"""Every bit that matters is found when it flips; and no garbage makes the ledger raise anything but its own errors, or hang."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import AbpoError, LedgerBroken, LedgerError, NoteInvalid, SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger import Checkpoint, FileAnchor, FileVault, Ledger, MemoryVault, Place, Signer, SqliteStore
from abpo_sdk.ledger.entry import OWN_CHAIN, Draft
from abpo_sdk.ledger.rows import TABLES
from abpo_sdk.ledger.stores.migrations import MIGRATIONS
from abpo_sdk.ledger.stores.sqlite_database import SqliteDatabase
from abpo_sdk.ledger.transparency.checkpoint import sign_checkpoint
from abpo_sdk.testing.clock import START
from abpo_sdk.values.encoded import Encoded, PersonalValue
from tests.ledger.data.make import write, write_reviews

DO_NOT_MATTER = {
    (
        "abpo_entries",
        "id",
    ): "says in which order entries are sealed that are not yet; where they stand, their headers say",
    ("abpo_chains", "epoch"): "who may write to a run now; no evidence, and a worker checks it with each write",
    ("abpo_chains", "holder"): "as above",
    ("abpo_chains", "until"): "as above",
    (
        "abpo_checkpoints",
        "id",
    ): "the order of checkpoints, which their sizes say too; it is found where these contradict it",
    (
        "abpo_checkpoints",
        "anchored",
    ): "the ledger's own word for what the anchor says better; without an anchor that can be asked, nothing else is known",
    (
        "abpo_ledger",
        "version",
    ): "stands in the file's user_version, too; the larger one counts, and a larger one than is known is refused",
}
"""What of the stored columns `verify` need not notice, and why.

Beside the columns, a file holds bytes that say nothing: free space in pages, counters of SQLite, its write-ahead log after it was
copied into the file. A bit that flips there changes nothing that is read, which the tests of whole files check.
"""

SIDE_FILES = ("", ".keys", ".signer", ".anchor")


class Loaded(SqliteStore):
    """A store in memory with the content of a file; what is changed in a transaction is seen, and rolled back."""

    def __init__(self, path: Path) -> None:
        self._source = path
        super().__init__(None)

    def _connect(self) -> SqliteDatabase:
        database = super()._connect()
        with closing(sqlite3.connect(self._source)) as source:
            source.backup(database.connection)
        return database

    @property
    def connection(self) -> sqlite3.Connection:
        return self._database.connection

    @contextmanager
    def changed(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[int]:
        """Inside, something is changed; gives how many rows."""
        self.connection.execute("BEGIN")
        try:
            yield self.connection.execute(sql, values).rowcount
        finally:
            self.connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "ledger.db"
    write(path)
    write_reviews(path)
    return path


@pytest.fixture(scope="module")
def loaded(original: Path) -> Iterator[Ledger]:
    store = Loaded(original)
    signer = Signer.from_file(f"{original}.signer")
    with Ledger(
        store, vault=FileVault(f"{original}.keys"), signer=signer, anchor=FileAnchor(f"{original}.anchor")
    ) as ledger:
        ledger.verify()
        yield ledger


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger of one entry, with something personal in it and in what it was given, sealed."""
    path = tmp_path_factory.mktemp("tiny") / "ledger.db"
    personal = (PersonalValue(("iban",), "iban", "ACME"),)
    draft = Draft(Place("/", 0), "step", "work", {"iban": "DE89", "result": 1}, START, personal, Encoded({"n": 1}, ()))
    vault = MemoryVault()
    with Ledger(f"sqlite:///{path}", vault=vault) as ledger:
        with ledger.writing() as writer:
            writer.append("R-1", [draft])
        ledger.seal()
    with Ledger(Loaded(path), vault=vault, signer=Signer.from_file(f"{path}.signer")) as ledger:
        yield ledger


def store_of(ledger: Ledger) -> Loaded:
    assert isinstance(ledger.store, Loaded)
    return ledger.store


# cells: a column of a row

REFUSED = "the database refuses it"
Cell = tuple[str, str, tuple[tuple[str, Any], ...]]
"""A table, a column, and what names the row."""


def cells(connection: sqlite3.Connection) -> list[Cell]:
    found: list[Cell] = []
    for table in ("abpo_entries", "abpo_chains", "abpo_tiles", "abpo_checkpoints", "abpo_ledger", *TABLES.values()):
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        names = [column[1] for column in columns]
        key = [column[1] for column in columns if column[5]] or {"abpo_tiles": ["level", "position"]}.get(
            table, names[:1]
        )
        for row in connection.execute(f"SELECT * FROM {table}"):
            named = tuple((name, row[names.index(name)]) for name in key)
            found += [(table, name, named) for name, value in zip(names, row, strict=True) if value is not None]
    return found


def value_of(connection: sqlite3.Connection, cell: Cell) -> Any:
    table, column, row = cell
    where = " AND ".join(f"{name} = ?" for name, _ in row)
    return connection.execute(f"SELECT {column} FROM {table} WHERE {where}", [value for _, value in row]).fetchone()[0]


def bits(value: Any) -> int:
    return 64 if isinstance(value, int | float) else 8 * len(value.encode() if isinstance(value, str) else value)


def flipped(value: Any, bit: int) -> tuple[str, Any]:
    """How SQL names the flipped value, and what it is given."""
    if isinstance(value, int):
        (number,) = struct.unpack("<q", struct.pack("<Q", (value % 2**64) ^ (1 << bit)))
        return "?", number
    if isinstance(value, float):
        (bits_,) = struct.unpack("<Q", struct.pack("<d", value))
        return "?", struct.unpack("<d", struct.pack("<Q", bits_ ^ (1 << bit)))[0]
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[bit // 8] ^= 1 << bit % 8
    return "CAST(? AS TEXT)" if isinstance(value, str) else "?", bytes(raw)


def problem_with(ledger: Ledger, cell: Cell, bit: int) -> AbpoError | None:
    """What verification says of a flipped bit, or the database itself, which refuses some."""
    table, column, row = cell
    store = store_of(ledger)
    mark, value = flipped(value_of(store.connection, cell), bit)
    where = " AND ".join(f"{name} = ?" for name, _ in row)
    sql = f"UPDATE {table} SET {column} = {mark} WHERE {where}"
    try:
        with store.changed(sql, (value, *(v for _, v in row))) as count:
            assert count == 1
            ledger.verify()
    except sqlite3.IntegrityError:
        return LedgerBroken(REFUSED)
    except AbpoError as error:
        return error
    return None


def check_flip(ledger: Ledger, cell: Cell, bit: int) -> None:
    table, column, _ = cell
    problem = problem_with(ledger, cell, bit)
    if (table, column) in DO_NOT_MATTER:
        return
    assert isinstance(problem, LedgerBroken), (cell, bit, problem)
    if table == "abpo_entries" and column != "chain":
        assert problem.chain is not None or str(problem) == REFUSED


def test_every_column_that_is_said_not_to_matter_is_there(loaded: Ledger) -> None:
    there = {(table, column) for table, column, _ in cells(store_of(loaded).connection)}
    assert set(DO_NOT_MATTER) - {("abpo_chains", "holder"), ("abpo_chains", "until")} <= there


def mattering(ledger: Ledger) -> list[Cell]:
    return [
        cell
        for cell in cells(store_of(ledger).connection)
        if cell[:2] not in DO_NOT_MATTER and cell[0] != "abpo_ledger"  # see the tests of the file as a whole
    ]


def check_sampled_flips(ledger: Ledger, *, each: int = 2) -> None:
    """Some bits of every cell."""
    pick = random.Random(7)
    connection = store_of(ledger).connection
    for cell in mattering(ledger):
        size = bits(value_of(connection, cell))
        for bit in pick.sample(range(size), min(each, size)):
            check_flip(ledger, cell, bit)


def test_bits_of_every_cell_of_every_table_are_found(loaded: Ledger) -> None:
    check_sampled_flips(loaded)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_bit_of_any_cell_is_found(loaded: Ledger, data: st.DataObject) -> None:
    connection = store_of(loaded).connection
    table = data.draw(st.sampled_from(sorted({cell[0] for cell in mattering(loaded)})))
    cell = data.draw(st.sampled_from([cell for cell in mattering(loaded) if cell[0] == table]))
    check_flip(loaded, cell, data.draw(st.integers(0, bits(value_of(connection, cell)) - 1)))


def test_what_does_not_matter_is_not_said_to_be_broken_without_need(loaded: Ledger) -> None:
    connection = store_of(loaded).connection
    for cell in cells(connection):
        if cell[:2] in DO_NOT_MATTER and cell[:2] not in {("abpo_checkpoints", "id")}:
            for bit in (0, 1, 30):
                problem = problem_with(loaded, cell, bit)
                assert problem is None or str(problem) == REFUSED, (cell, bit)


def test_every_bit_of_a_tiny_ledger_is_found(tiny: Ledger) -> None:
    connection = store_of(tiny).connection
    for cell in mattering(tiny):
        size = bits(value_of(connection, cell))
        for bit in range(size) if cell[0] != "abpo_tiles" or cell[1] != "hashes" else range(0, size, 61):
            check_flip(tiny, cell, bit)


def test_every_bit_of_a_header_is_found_by_the_headers_alone(tiny: Ledger) -> None:
    cell: Cell = ("abpo_entries", "header", (("id", 1),))
    store = store_of(tiny)
    header = value_of(store.connection, cell)
    for bit in range(bits(header)):
        _, value = flipped(header, bit)
        with store.changed("UPDATE abpo_entries SET header = ?", (value,)), pytest.raises(LedgerBroken, match="root"):
            tiny.verify_headers()


# values that no ledger wrote

INSANE = [2**60, 2**63 - 1, -1, -(2**63), "many", b"\xff" * 9, 1.5]


def sane(ledger: Ledger, sql: str, value: Any) -> None:
    """Whatever a column holds, verification ends soon, takes little memory, and raises errors of its own alone."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with store_of(ledger).changed(sql, (value,)):
            for call in (
                ledger.verify,
                ledger.verify_headers,
                ledger.tree,
                ledger.checkpoint,
                lambda: ledger.tree().root(),
            ):
                try:
                    call()
                except AbpoError:
                    continue
            with pytest.raises(LedgerBroken):
                ledger.verify()
    except sqlite3.IntegrityError:
        pass  # the database refuses it
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.perf_counter() - began < 5
    assert peak < 50_000_000


@pytest.mark.parametrize("value", INSANE, ids=str)
@pytest.mark.parametrize("leaf", [0, 7, 19])
def test_an_insane_position_in_the_tree_neither_hangs_nor_fills_the_memory(
    loaded: Ledger, value: Any, leaf: int
) -> None:
    sane(loaded, f"UPDATE OR REPLACE abpo_entries SET leaf = ? WHERE leaf = {leaf}", value)


@pytest.mark.parametrize(
    "value", [*INSANE, 2**31, b"", b"\0" * 16320, b"\0" * 16321], ids=lambda value: str(value)[:20]
)
@pytest.mark.parametrize("column", ["hashes", "level", "position"])
def test_an_insane_tile_neither_hangs_nor_fills_the_memory(loaded: Ledger, column: str, value: Any) -> None:
    sane(loaded, f"UPDATE abpo_tiles SET {column} = ?", value)


@pytest.mark.parametrize("value", [*INSANE, 10**18], ids=str)
@pytest.mark.parametrize("column", ["size", "note"])
def test_an_insane_checkpoint_neither_hangs_nor_fills_the_memory(loaded: Ledger, column: str, value: Any) -> None:
    sane(loaded, f"UPDATE abpo_checkpoints SET {column} = ? WHERE id = 2", value)


@pytest.mark.parametrize("value", INSANE, ids=str)
@pytest.mark.parametrize("column", ["ordinal", "position", "payload", "header", "salt", "scope"])
@pytest.mark.parametrize("place", range(5))
def test_an_insane_entry_about_the_ledger_itself_neither_hangs_nor_fills_the_memory(
    loaded: Ledger, column: str, value: Any, place: int
) -> None:
    sane(loaded, f"UPDATE abpo_entries SET {column} = ? WHERE chain = '{OWN_CHAIN}' AND position = {place}", value)


@pytest.mark.parametrize("size", [2**60, 2**63, 2**64 - 1])
def test_a_well_signed_checkpoint_of_an_insane_size_is_a_cut_tail(loaded: Ledger, original: Path, size: int) -> None:
    signer = Signer.from_file(f"{original}.signer")
    note = sign_checkpoint(Checkpoint(signer.verifier.name, size, b"r" * 32), signer)
    sql = (
        "INSERT INTO abpo_checkpoints(size, note, anchored) VALUES ("
        + ("?" if size < 2**63 else f"'{size}'")
        + ", ?, 0)"
    )
    values = (size, note) if size < 2**63 else (note,)
    with store_of(loaded).changed(sql, values):
        for call in (loaded.verify, loaded.verify_headers):
            with pytest.raises(LedgerBroken, match=r"cut off from position 20|filed as one over"):
                call()


@pytest.mark.parametrize(
    "payload", [b"{}", b"[]", b"null", b'{"keys":1}', b'{"keys":[1]}', b'{"lost":[{}]}', b"\xff", None]
)
@pytest.mark.parametrize("kind", ["erased", "swept", "held", "released"])
def test_a_ledger_whose_own_entries_hold_something_else_can_be_opened_and_is_named(
    original: Path, tmp_path: Path, kind: str, payload: bytes | None
) -> None:
    with copy_of(original, tmp_path) as path:
        change(path, "UPDATE abpo_entries SET payload = ? WHERE scope = ?", payload, f"/{kind}/")
        with opened(path) as ledger, pytest.raises(LedgerBroken) as caught:
            ledger.verify()
        assert caught.value.chain == OWN_CHAIN


# files as a whole


@contextmanager
def copy_of(original: Path, directory: Path) -> Iterator[Path]:
    path = directory / "ledger.db"
    for suffix in SIDE_FILES:
        shutil.copy(f"{original}{suffix}", f"{path}{suffix}")
    yield path
    for file in directory.iterdir():
        file.unlink()


def opened(path: Path) -> Ledger:
    return Ledger(f"sqlite:///{path}", anchor=FileAnchor(f"{path}.anchor"))


def change(path: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(sql, values)


def content(ledger: Ledger) -> dict[str, Any]:
    """All that is read of a ledger and matters."""
    store = ledger.store
    return {
        "entries": list(store.scan()),
        "by chain": {head.chain: store.entries(head.chain) for head in store.heads()},
        "by place": [store.entry(entry.chain, entry.place) for entry in store.scan()],
        "by leaf": [store.leaf(number) for number in range(store.size())],
        "heads": [head[:3] for head in store.heads()],
        "rows": {kind: store.select(kind) for kind in TABLES},
        "by column": [store.select(kind, equal={"id": row.id}) for kind in TABLES for row in store.select(kind)],
        "checkpoints": [row[:2] for row in store.checkpoints()],
        "frozen": ledger.frozen,
    }


def outcome(path: Path) -> dict[str, Any] | AbpoError:
    """What a file holds, where verification passes; or what it was refused with. No other error is caught."""
    try:
        with opened(path) as ledger:
            ledger.verify()
            return content(ledger)
    except (LedgerBroken, StoreUnavailable, SchemaUnknown, NoteInvalid) as error:
        return error


@pytest.fixture(scope="module")
def whole(original: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with copy_of(original, tmp_path_factory.mktemp("whole")) as path:
        found = outcome(path)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_a_bit_of_the_file_that_flips_is_found_or_changes_nothing(
    original: Path, scratch: Path, whole: dict[str, Any], data: st.DataObject
) -> None:
    raw = bytearray(original.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1) | st.integers(0, 99))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    with copy_of(original, scratch) as path:
        path.write_bytes(raw)
        found = outcome(path)
    if isinstance(found, dict):
        assert found == whole


@given(st.integers(0, 2**32), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_random_bytes_at_random_places_are_found_or_change_nothing(
    original: Path, scratch: Path, whole: dict[str, Any], seed: int, length: int
) -> None:
    pick = random.Random(seed)
    raw = bytearray(original.read_bytes())
    for _ in range(pick.randint(1, 3)):
        place = pick.randrange(len(raw) - length)
        raw[place : place + length] = pick.randbytes(length)
    with copy_of(original, scratch) as path:
        path.write_bytes(raw)
        found = outcome(path)
    if isinstance(found, dict):
        assert found == whole


def test_any_byte_of_the_index_of_positions_that_changes_is_found_or_changes_nothing(
    original: Path, scratch: Path, whole: dict[str, Any]
) -> None:
    """Nothing that is verified is read by it, so what is looked up by it must be held against the entry itself."""
    with closing(sqlite3.connect(original)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'abpo_leaves'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    raw = original.read_bytes()
    start = (page - 1) * size
    used = [place for place in range(start, start + size) if raw[place]]
    assert len(used) > 60
    for place in used:
        with copy_of(original, scratch) as path:
            path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            found = outcome(path)
        if isinstance(found, dict):
            assert found == whole, place - start


def test_a_file_that_is_cut_anywhere_is_refused(original: Path, scratch: Path) -> None:
    raw = original.read_bytes()
    for length in {0, 1, 2, 16, 99, 100, 101, 511, 512, 4095, 4096, *range(4097, len(raw), 1900), len(raw) - 1}:
        with copy_of(original, scratch) as path:
            path.write_bytes(raw[:length])
            found = outcome(path)
        assert isinstance(found, AbpoError), length  # an empty file is a new ledger, which lacks what was anchored


@pytest.fixture(scope="module")
def logged(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ledger whose last writes are in the write-ahead log alone, as a crash leaves them."""
    directory = tmp_path_factory.mktemp("logged")
    with ExitStack() as stack:
        path = stack.enter_context(copy_of(original, directory))
        source = stack.enter_context(opened(path))
        for number in range(3):
            with source.writing() as writer:
                writer.append(f"N-{number}", [Draft(Place("/", 0), "step", "work", {"result": number}, START)])
            source.seal()
        crashed = tmp_path_factory.mktemp("crashed") / "ledger.db"
        for suffix in (*SIDE_FILES, "-wal"):
            shutil.copy(f"{path}{suffix}", f"{crashed}{suffix}")
    return crashed


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_damaged_write_ahead_log_leaves_an_earlier_state_which_the_anchor_tells_from_the_last(
    logged: Path, scratch: Path, data: st.DataObject
) -> None:
    raw = bytearray(Path(f"{logged}-wal").read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with copy_of(logged, scratch) as path:
        Path(f"{path}-wal").write_bytes(raw)
        found = outcome(path)
    if isinstance(found, dict):  # what is lost was not needed
        assert len(found["entries"]) == 66
        assert found["frozen"] is None
    else:
        assert isinstance(found, LedgerBroken | StoreUnavailable)


GARBAGE = [b"\n", b"garbage\n\n\n", b"\xff\n" * 5000, b"SQLite format 3\0\n\n" + b"x" * 100]


@pytest.mark.parametrize("garbage", [*GARBAGE, b"", b"\0", None], ids=lambda garbage: repr(garbage)[:20])
@pytest.mark.parametrize("suffix", [".keys", ".signer"])
def test_a_wrong_or_missing_file_with_keys_is_refused_by_name(
    original: Path, tmp_path: Path, suffix: str, garbage: bytes | None
) -> None:
    with copy_of(original, tmp_path) as path:
        beside = Path(f"{path}{suffix}")
        beside.unlink() if garbage is None else beside.write_bytes(garbage)
        with pytest.raises(LedgerError), opened(path) as ledger:
            ledger.verify()


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: repr(garbage)[:20])
def test_an_anchor_that_holds_garbage_is_refused_by_name(original: Path, tmp_path: Path, garbage: bytes) -> None:
    with copy_of(original, tmp_path) as path:
        Path(f"{path}.anchor").write_bytes(garbage)
        with pytest.raises(NoteInvalid, match="no part of a note"):
            opened(path)


def test_a_directory_in_place_of_each_file_is_refused_by_name(original: Path, tmp_path: Path) -> None:
    for suffix in SIDE_FILES:
        directory = tmp_path / f"of{suffix}"
        directory.mkdir()
        path = directory / "ledger.db"
        for other in SIDE_FILES:
            if other != suffix:
                shutil.copy(f"{original}{other}", f"{path}{other}")
        Path(f"{path}{suffix}").mkdir()
        with pytest.raises(AbpoError), opened(path) as ledger:
            ledger.verify()


def test_another_name_of_the_ledger_is_not_the_one_that_its_key_signs_for(original: Path, tmp_path: Path) -> None:
    with copy_of(original, tmp_path) as path:
        change(path, "UPDATE abpo_ledger SET id = ?", "0" * 32)
        with pytest.raises(NoteInvalid, match="holds the key of"), opened(path) as ledger:
            ledger.verify()


@pytest.mark.parametrize("version", [len(MIGRATIONS) + 1, 2**62, "soon", b"\xff"])
def test_a_schema_of_the_future_is_refused_by_name(original: Path, tmp_path: Path, version: Any) -> None:
    with copy_of(original, tmp_path) as path:
        change(path, "UPDATE abpo_ledger SET version = ?", version)
        with pytest.raises(SchemaUnknown):
            opened(path)


@pytest.mark.parametrize(
    "table", [*TABLES.values(), "abpo_tiles", "abpo_checkpoints", "abpo_chains", "abpo_entries", "abpo_ledger"]
)
def test_a_table_that_is_gone_is_refused_by_name(original: Path, tmp_path: Path, table: str) -> None:
    with copy_of(original, tmp_path) as path:
        change(path, f"DROP TABLE {table}")
        with pytest.raises((StoreUnavailable, SchemaUnknown, NoteInvalid, LedgerBroken)), opened(path) as ledger:
            ledger.verify()


def test_an_index_that_lacks_a_row_is_found_though_every_row_is_whole(original: Path, tmp_path: Path) -> None:
    """Holds are looked up by it, so that what is held could be erased."""
    with copy_of(original, tmp_path) as path:
        with closing(sqlite3.connect(path)) as connection:
            sql = "SELECT rootpage FROM sqlite_master WHERE name = 'abpo_holds_of'"
            (page,) = connection.execute(sql).fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        raw = bytearray(path.read_bytes())
        count = (page - 1) * size + 3
        raw[count : count + 2] = b"\0\0"
        path.write_bytes(raw)
        with opened(path) as ledger, pytest.raises(LedgerBroken, match="damaged at the table abpo_holds"):
            ledger.verify()


def test_nothing_was_left_out(loaded: Ledger) -> None:
    """The ledger of these tests has every state that something can be in."""
    connection = store_of(loaded).connection
    assert {cell[0] for cell in cells(connection)} >= {*TABLES.values(), "abpo_tiles", "abpo_checkpoints"}
    verified = loaded.verify()
    assert verified.sealed
    assert verified.unsealed
    assert verified.erased
    assert verified.swept
    assert verified.anchored
