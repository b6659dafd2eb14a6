"""Every way in which stored evidence can be changed is found, and the first bad entry is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import LedgerBroken
from abpo_sdk.ledger import Entry, FileVault, Ledger, MemoryVault, Place, SqliteStore, canonical_bytes, parse_json
from abpo_sdk.ledger.entry import Draft, leaf_hash, payload_hash
from abpo_sdk.ledger.rows import Head
from abpo_sdk.ledger.stores.sqlite import SqliteReader
from abpo_sdk.testing.clock import START
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, PersonalValue

CHAINS = ("A", "R-1", "Z")
LENGTH = 5
COLUMNS = ("header", "payload", "salt", "ciphertext", "chain", "position", "scope", "ordinal")
SECRETS = ("DE89370400440532013000", "geheim@acme.example")


def entry_draft(ordinal: int) -> Draft:
    """Every second one has something personal in its payload, and every second in what it was given."""
    payload: dict[str, Any] = {"result": {"n": ordinal, "text": "è" * 5}}
    personal: tuple[PersonalValue, ...] = ()
    if ordinal % 2 == 0:
        payload["iban"] = SECRETS[0]
        personal = (PersonalValue(("iban",), "bank account", "ACME"),)
    about = (PersonalValue(("mail",), "mail", "h-1"),) if ordinal % 3 == 0 else ()
    inputs = Encoded({"mail": SECRETS[1], "n": ordinal}, about)
    return Draft(Place("/", ordinal), "step", "work", payload, START, personal, inputs)


@pytest.fixture(scope="module", params=["not sealed", "sealed"])
def original(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A whole ledger: three chains of five entries, with keys."""
    path = tmp_path_factory.mktemp("original") / "ledger.db"
    with closing(Ledger(f"sqlite:///{path}")) as ledger:
        for ordinal in range(LENGTH):
            for chain in CHAINS:
                with ledger.writing() as writer:
                    writer.append(chain, [entry_draft(ordinal)])
        assert ledger.verify().entries == len(CHAINS) * LENGTH
        if request.param == "sealed":
            ledger.seal()
    return path


Change = Callable[[sqlite3.Connection], Any]


@contextmanager
def copied(original: Path, directory: Path) -> Iterator[Path]:
    path = directory / "ledger.db"
    for suffix in ("", ".keys", ".signer"):
        if Path(f"{original}{suffix}").exists():
            shutil.copy(f"{original}{suffix}", f"{path}{suffix}")
    yield path
    for file in directory.iterdir():
        file.unlink()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def broken(original: Path, directory: Path, change: Change) -> LedgerBroken:
    """What verification says of a copy that was changed."""
    with copied(original, directory) as path:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            change(connection)
        with closing(Ledger(f"sqlite:///{path}")) as ledger, pytest.raises(LedgerBroken) as caught:
            ledger.verify()
    for secret in SECRETS:
        assert secret not in str(caught.value)
    return caught.value


def place_of(error: LedgerBroken) -> tuple[str | None, int | None]:
    return error.chain, error.entry


def update(column: str, value: Any, *, chain: str = "R-1", position: int = 2) -> Change:
    sql = f"UPDATE OR REPLACE abpo_entries SET {column} = ? WHERE chain = ? AND position = ?"
    return lambda connection: connection.execute(sql, (value, chain, position))


def value_of(original: Path, column: str, *, chain: str = "R-1", position: int = 2) -> Any:
    with closing(sqlite3.connect(original)) as connection:
        sql = f"SELECT {column} FROM abpo_entries WHERE chain = ? AND position = ?"
        return connection.execute(sql, (chain, position)).fetchone()[0]


def entries_of(original: Path, chain: str = "R-1") -> list[Entry]:
    with closing(SqliteStore(original)) as store:
        return store.entries(chain)


# what is whole


def test_a_whole_ledger_verifies_and_is_counted(original: Path, scratch: Path) -> None:
    with copied(original, scratch) as path, closing(Ledger(f"sqlite:///{path}")) as ledger:
        verified = ledger.verify()
    sealed = 15 if Path(f"{original}.signer").exists() else 0
    assert (verified.entries, verified.chains, verified.sealed, verified.unsealed) == (15, 3, sealed, 15 - sealed)
    assert (
        str(verified) == f"15 entries in 3 chains: {sealed} sealed, {15 - sealed} not yet sealed, 0 anchored, 0 erased"
    )


@given(st.lists(st.lists(st.tuples(st.sampled_from(["A", "B", "A/0"]), st.booleans()), max_size=3), max_size=4))
@settings(max_examples=30, deadline=None)
def test_whatever_was_written_in_whichever_batches_verifies(batches: list[list[tuple[str, bool]]]) -> None:
    with closing(Ledger("sqlite://")) as ledger:
        for batch in batches:
            with ledger.writing() as writer:
                for chain, personal in batch:
                    number = len(writer.tx.entries(chain))
                    value = {"result": number, "iban": "x"}
                    part = (PersonalValue(("iban",), "bank account", "ACME"),) if personal else ()
                    writer.append(chain, [Draft(Place("/", number), "step", "work", value, START, part)])
        assert ledger.verify().entries == sum(len(batch) for batch in batches)


# one column of one entry


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_a_single_bit_that_flips_in_any_column_of_any_entry_is_found_and_named(
    original: Path, scratch: Path, data: st.DataObject
) -> None:
    column = data.draw(st.sampled_from(COLUMNS))
    chain = data.draw(st.sampled_from(CHAINS))
    position = data.draw(st.integers(0, LENGTH - 1))
    value = value_of(original, column, chain=chain, position=position)
    if value is None:
        flipped: Any = b"\x00"
    elif isinstance(value, int):
        flipped = value ^ (1 << data.draw(st.integers(0, 40)))
    else:
        raw = bytearray(value if isinstance(value, bytes) else value.encode())
        bit = data.draw(st.integers(0, len(raw) * 8 - 1))
        raw[bit // 8] ^= 1 << bit % 8
        flipped = bytes(raw)
    as_text = isinstance(value, str)
    sql = f"UPDATE abpo_entries SET {column} = {'CAST(? AS TEXT)' if as_text else '?'} WHERE chain = ? AND position = ?"

    def change(connection: sqlite3.Connection) -> None:
        if column == "ordinal":  # step aside, where the flipped one is taken
            connection.execute(
                "UPDATE abpo_entries SET ordinal = -1 WHERE chain = ? AND ordinal = ? AND position <> ?",
                (chain, flipped, position),
            )
        connection.execute(sql, (flipped, chain, position))

    error = broken(original, scratch, change)
    expected = {(chain, position)}
    if column == "position":  # it stands elsewhere now, so the first that does not fit may be one before it
        expected = {(chain, number) for number in range(LENGTH)}
    if column == "ordinal":  # the one that stepped aside may come first
        expected |= {(chain, flipped)}
    if column == "chain" and flipped.decode(errors="replace") in CHAINS:
        expected |= {(flipped.decode(), number) for number in range(LENGTH + 1)}
    assert place_of(error) in expected, str(error)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_garbage_in_any_column_of_any_entry_is_a_broken_ledger_and_nothing_else(
    original: Path, scratch: Path, data: st.DataObject
) -> None:
    column = data.draw(st.sampled_from(COLUMNS))
    position = data.draw(st.integers(0, LENGTH - 1))
    garbage = data.draw(
        st.binary(max_size=40)
        | st.text(max_size=20).map("~".__add__)
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False)
        | st.sampled_from([b"{}", b"[]", b"null", b'"\\ud800"', b'{"fields":[1]}', b'{"fields":[{}]}', b"[" * 50_000])
        | st.none()
    )
    now = value_of(original, column, position=position)
    nullable = column in ("payload", "salt", "ciphertext")
    if garbage == now or (garbage is None and not nullable):
        return
    error = broken(original, scratch, update(column, garbage, position=position))
    assert error.chain is not None


@pytest.mark.parametrize("position", range(LENGTH))
@pytest.mark.parametrize("column", COLUMNS)
def test_text_that_is_no_text_is_a_broken_ledger_and_the_entry_is_named(
    original: Path, scratch: Path, column: str, position: int
) -> None:
    sql = f"UPDATE abpo_entries SET {column} = CAST(x'ff41' AS TEXT) WHERE chain = 'R-1' AND position = ?"
    error = broken(original, scratch, lambda connection: connection.execute(sql, (position,)))
    assert error.chain == "R-1"
    if column != "position":
        assert error.entry == position


@pytest.mark.parametrize("position", range(LENGTH))
@pytest.mark.parametrize("column", ["header", "payload", "salt", "ciphertext"])
def test_the_same_bytes_kept_as_text_are_not_what_was_written(
    original: Path, scratch: Path, column: str, position: int
) -> None:
    if value_of(original, column, position=position) is None:
        return
    sql = f"UPDATE abpo_entries SET {column} = CAST({column} AS TEXT) WHERE chain = 'R-1' AND position = ?"
    error = broken(original, scratch, lambda connection: connection.execute(sql, (position,)))
    assert place_of(error) == ("R-1", position)


@pytest.mark.parametrize("position", range(LENGTH))
@pytest.mark.parametrize("column", ["payload", "salt", "ciphertext"])
def test_a_payload_a_salt_or_a_seal_that_is_missing_is_named(
    original: Path, scratch: Path, column: str, position: int
) -> None:
    if value_of(original, column, position=position) is None:
        return
    error = broken(original, scratch, update(column, None, position=position))
    assert place_of(error) == ("R-1", position)


HEADER_EDITS: dict[str, Any] = {
    "at": "2026-01-05T09:00:00.000001Z",
    "chain": "A",
    "inputs": None,
    "kind": "decision",
    "name": "other work",
    "ordinal": 99,
    "payload": "0" * 64,
    "position": 3,
    "previous": "0" * 63 + "1",
    "schema": 2,
    "scope": "/0/",
    "sealed": "0" * 64,
}


@pytest.mark.parametrize("position", range(LENGTH))
@pytest.mark.parametrize("key", HEADER_EDITS)
def test_a_header_that_was_edited_and_written_canonically_is_named(
    original: Path, scratch: Path, key: str, position: int
) -> None:
    header = parse_json(value_of(original, "header", position=position))
    if header[key] == HEADER_EDITS[key]:
        return
    edited = canonical_bytes({**header, key: HEADER_EDITS[key]})
    error = broken(original, scratch, update("header", edited, position=position))
    assert place_of(error) == ("R-1", position), str(error)


def test_every_field_of_a_header_is_tried(original: Path) -> None:
    assert set(parse_json(value_of(original, "header"))) == set(HEADER_EDITS)


@pytest.mark.parametrize("position", range(LENGTH))
def test_a_payload_that_was_edited_together_with_its_hash_is_named(
    original: Path, scratch: Path, position: int
) -> None:
    entry = entries_of(original)[position]
    assert entry.salt is not None
    payload = canonical_bytes({**entry.content, "result": "mine"})
    header = canonical_bytes({**entry.head, "payload": payload_hash(entry.salt, payload)})

    def change(connection: sqlite3.Connection) -> None:
        update("payload", payload, position=position)(connection)
        update("header", header, position=position)(connection)

    assert place_of(broken(original, scratch, change)) == ("R-1", position)


def test_a_header_in_another_layout_is_named_though_it_says_the_same(original: Path, scratch: Path) -> None:
    header = json.dumps(parse_json(value_of(original, "header"))).encode()
    assert place_of(broken(original, scratch, update("header", header))) == ("R-1", 2)


@pytest.mark.parametrize("more", [{"extra": 1}, {}])
def test_a_header_with_a_field_too_many_or_too_few_is_named(
    original: Path, scratch: Path, more: dict[str, Any]
) -> None:
    header = parse_json(value_of(original, "header"))
    if not more:
        del header["scope"]
    error = broken(original, scratch, update("header", canonical_bytes({**header, **more})))
    assert place_of(error) == ("R-1", 2)


def test_a_label_of_what_is_sealed_cannot_be_changed_unseen(original: Path, scratch: Path) -> None:
    stored = value_of(original, "ciphertext")
    edited = stored.replace(b"bank account", b"shoe size")
    assert edited != stored
    assert place_of(broken(original, scratch, update("ciphertext", edited))) == ("R-1", 2)


# entries as a whole


@pytest.mark.parametrize("position", range(LENGTH))
def test_a_dropped_entry_is_named(original: Path, scratch: Path, position: int) -> None:
    sql = "DELETE FROM abpo_entries WHERE chain = 'R-1' AND position = ?"
    error = broken(original, scratch, lambda connection: connection.execute(sql, (position,)))
    assert place_of(error) == ("R-1", position)


@pytest.mark.parametrize("position", range(LENGTH))
def test_a_chain_cut_short_is_named_at_the_first_entry_that_is_missing(
    original: Path, scratch: Path, position: int
) -> None:
    sql = "DELETE FROM abpo_entries WHERE chain = 'R-1' AND position >= ?"
    error = broken(original, scratch, lambda connection: connection.execute(sql, (position,)))
    assert place_of(error) == ("R-1", position)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 3), (3, 4), (0, 4)])
@pytest.mark.parametrize(
    "what", ["position", "header, payload, salt, ciphertext", "header", "payload", "salt", "ciphertext"]
)
def test_swapped_entries_are_named_by_the_first(original: Path, scratch: Path, one: int, other: int, what: str) -> None:
    if value_of(original, what, position=one) == value_of(original, what, position=other):
        return
    columns = what.split(", ")

    def change(connection: sqlite3.Connection) -> None:
        sql = f"SELECT {what} FROM abpo_entries WHERE chain = 'R-1' AND position = ?"
        id_of = "SELECT id FROM abpo_entries WHERE chain = 'R-1' AND position = ?"
        first, second = (connection.execute(sql, (number,)).fetchone() for number in (one, other))
        ids = [connection.execute(id_of, (number,)).fetchone()[0] for number in (one, other)]
        assignments = ", ".join(f"{name} = ?" for name in columns)
        for row, identifier in ((second, ids[0]), (first, ids[1])):
            connection.execute(f"UPDATE abpo_entries SET {assignments} WHERE id = ?", (*row, identifier))

    assert place_of(broken(original, scratch, change)) == ("R-1", one)


@pytest.mark.parametrize("position", range(LENGTH))
def test_an_entry_of_another_chain_in_place_of_one_is_named(original: Path, scratch: Path, position: int) -> None:
    def change(connection: sqlite3.Connection) -> None:
        for column in ("header", "payload", "salt", "ciphertext"):
            update(column, value_of(original, column, chain="A", position=position), position=position)(connection)

    assert place_of(broken(original, scratch, change)) == ("R-1", position)


COPY = """
INSERT INTO abpo_entries(chain, position, scope, ordinal, header, payload, salt, ciphertext)
SELECT chain, ?, scope, ?, header, payload, salt, ciphertext FROM abpo_entries WHERE chain = 'R-1' AND position = ?
"""


@pytest.mark.parametrize("position", range(LENGTH))
@pytest.mark.parametrize("at", range(LENGTH + 1))
def test_a_duplicated_entry_is_named_where_it_does_not_fit(
    original: Path, scratch: Path, position: int, at: int
) -> None:
    error = broken(original, scratch, lambda connection: connection.execute(COPY, (at, 99, position)))
    assert error.chain == "R-1"
    assert error.entry == (at if at == LENGTH else at + 1)


def inserted(entry: Entry, header: bytes, position: int, *, make_room: bool) -> Change:
    def change(connection: sqlite3.Connection) -> None:
        if make_room:
            connection.execute(
                "UPDATE abpo_entries SET position = position + 1 WHERE chain = 'R-1' AND position >= ?", (position,)
            )
        connection.execute(
            "INSERT INTO abpo_entries(chain, position, scope, ordinal, header, payload, salt, ciphertext) VALUES (?,?,?,?,?,?,?,?)",
            ("R-1", position, "/", 77, header, entry.payload, entry.salt, entry.ciphertext),
        )

    return change


@pytest.mark.parametrize("position", range(LENGTH + 1))
def test_an_inserted_entry_that_is_forged_well_is_named(original: Path, scratch: Path, position: int) -> None:
    """It names the right entry before it and its own place; it cannot make the one after it name it."""
    entries = entries_of(original)
    model = entries[1]
    previous = entries[position - 1].hash if position else "0" * 64
    header = canonical_bytes({**model.head, "position": position, "previous": previous, "ordinal": 77})
    error = broken(original, scratch, inserted(model, header, position, make_room=True))
    assert error.chain == "R-1"
    assert error.entry in (position, position + 1)  # the forged one, or the one that it pushed away
    if position == LENGTH:
        assert error.entry == LENGTH


# the ends of chains


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("hash", "0" * 64),
        ("hash", "not a hash"),
        ("hash", b"\xff"),
        ("length", 4),
        ("length", 6),
        ("length", 0),
        ("length", -1),
        ("length", 2**62),
        ("length", "many"),
        ("length", 4.5),
        ("length", b"5"),
        ("chain", "R-2"),
        ("chain", "0"),
        ("chain", b"R-1"),
    ],
)
def test_an_edited_record_of_the_end_of_a_chain_is_found(
    original: Path, scratch: Path, column: str, value: Any
) -> None:
    sql = f"UPDATE abpo_chains SET {column} = ? WHERE chain = 'R-1'"
    error = broken(original, scratch, lambda connection: connection.execute(sql, (value,)))
    assert error.chain in ("R-1", value)
    if column == "hash":
        assert error.entry == LENGTH - 1
    if column == "length" and value == 0:
        assert error.entry == 0
    if column == "length" and value == 4:  # the fifth is too many, or the fourth is not the end that is recorded
        assert error.entry in (3, 4)
    if column == "length" and value == 6:
        assert error.entry == LENGTH


@pytest.mark.parametrize("column", ["chain", "hash", "length"])
def test_a_record_of_the_end_of_a_chain_that_is_no_text_is_found(original: Path, scratch: Path, column: str) -> None:
    sql = f"UPDATE abpo_chains SET {column} = CAST(x'ff' AS TEXT) WHERE chain = 'R-1'"
    broken(original, scratch, lambda connection: connection.execute(sql))


@pytest.mark.parametrize("chain", CHAINS)
def test_a_deleted_record_of_the_end_of_a_chain_is_named(original: Path, scratch: Path, chain: str) -> None:
    sql = "DELETE FROM abpo_chains WHERE chain = ?"
    error = broken(original, scratch, lambda connection: connection.execute(sql, (chain,)))
    assert place_of(error) == (chain, 0)


def test_the_first_of_several_bad_entries_is_named(original: Path, scratch: Path) -> None:
    def change(connection: sqlite3.Connection) -> None:
        for chain, position in (("Z", 0), ("R-1", 4), ("R-1", 3)):
            update("payload", b"{}", chain=chain, position=position)(connection)

    assert place_of(broken(original, scratch, change)) == ("R-1", 3)


# chains that were written anew from one entry on, with every hash in its place


def rewritten(
    original: Path, change: Callable[[dict[str, Any]], dict[str, Any]], layout: Callable[[Any], bytes]
) -> Change:
    """Changes the first header of R-1, and makes every later one, and the end, fit to it."""

    def write(connection: sqlite3.Connection) -> None:
        previous = None
        for entry in entries_of(original):
            header = change(entry.head) if previous is None else {**entry.head, "previous": previous}
            data = layout(header)
            previous = leaf_hash(data)
            update("header", data, position=entry.position)(connection)
        connection.execute("UPDATE abpo_chains SET hash = ? WHERE chain = 'R-1'", (previous,))

    return write


def test_what_was_written_anew_without_a_change_is_the_same(original: Path, scratch: Path) -> None:
    with copied(original, scratch) as path:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            rewritten(original, lambda header: header, canonical_bytes)(connection)
        with closing(Ledger(f"sqlite:///{path}")) as ledger:
            assert ledger.verify().entries == 15


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"previous": "1" * 64},
        {"chain": "A"},
        {"position": 1},
        {"scope": "/0/"},
        {"ordinal": 1},
        {"payload": "1" * 64},
        {"sealed": None},
        {"more": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_first_header_that_does_not_fit_its_entry_is_named_though_the_whole_chain_was_written_anew(
    original: Path, scratch: Path, changes: dict[str, Any]
) -> None:
    change = rewritten(original, lambda header: {**header, **changes}, canonical_bytes)
    assert place_of(broken(original, scratch, change)) == ("R-1", 0)


def test_headers_in_another_layout_are_found_though_the_whole_chain_was_written_anew(
    original: Path, scratch: Path
) -> None:
    change = rewritten(original, lambda header: header, lambda header: json.dumps(header).encode())
    assert place_of(broken(original, scratch, change)) == ("R-1", 0)


# keys


def test_without_the_file_with_the_keys_the_first_entry_that_needs_one_is_named(original: Path, scratch: Path) -> None:
    with copied(original, scratch) as path:
        path.with_name("ledger.db.keys").unlink()
        with closing(Ledger(f"sqlite:///{path}")) as ledger, pytest.raises(LedgerBroken, match="keys beside") as caught:
            ledger.verify()
        assert place_of(caught.value) == ("A", 0)
        assert not path.with_name("ledger.db.keys").exists()


@pytest.mark.parametrize(("subject", "position"), [("ACME", 0), ("h-1", 0)])
def test_a_key_that_is_missing_is_found_whether_it_seals_a_payload_or_what_was_given(
    original: Path, scratch: Path, subject: str, position: int
) -> None:
    with copied(original, scratch) as path:
        with closing(FileVault(Path(f"{path}.keys"))) as vault:
            vault.erase(vault.identifiers(subject))
        with closing(Ledger(f"sqlite:///{path}")) as ledger, pytest.raises(LedgerBroken, match="is missing") as caught:
            ledger.verify()
    assert place_of(caught.value) == ("A", position)


@pytest.mark.parametrize("subject", ["ACME", "h-1"])
def test_keys_of_another_ledger_are_found(original: Path, scratch: Path, subject: str) -> None:
    with copied(original, scratch) as path:
        with closing(FileVault(Path(f"{path}.keys"))) as vault:
            (identifier,) = vault.identifiers(subject)
        with closing(sqlite3.connect(f"{path}.keys", isolation_level=None)) as connection:
            connection.execute("UPDATE keys SET key = ? WHERE id = ?", (b"k" * 32, identifier))
        with (
            closing(Ledger(f"sqlite:///{path}")) as ledger,
            pytest.raises(LedgerBroken, match="another ledger") as caught,
        ):
            ledger.verify()
    assert place_of(caught.value) == ("A", 0)


# while others write


class Busy(SqliteStore):
    """A store into which somebody else writes while the verifier reads."""

    writes: list[Callable[[], None]]

    @contextmanager
    def snapshot(self) -> Iterator[SqliteReader]:
        with super().snapshot() as reader:
            yield Interrupted(reader._database, self.writes)


class Interrupted(SqliteReader):
    def __init__(self, database: Any, writes: list[Callable[[], None]]) -> None:
        super().__init__(database)
        self._writes = writes

    def heads(self) -> Iterator[Head]:
        for head in super().heads():
            yield head
            if self._writes:
                self._writes.pop()()


@pytest.mark.parametrize("chain", ["A", "B", "Z"])
def test_a_ledger_that_is_written_to_meanwhile_verifies_as_it_stood_when_the_look_began(
    path: Path, draft: Callable[..., Draft], chain: str
) -> None:
    store = Busy(path)
    store.writes = []
    with (
        closing(Ledger(store, vault=MemoryVault())) as ledger,
        closing(Ledger(f"sqlite:///{path}", vault=ledger.vault)) as other,
    ):

        def write(to: str = chain) -> None:
            with other.writing() as writer:
                writer.append(to, [draft(len(writer.tx.entries(to)), secret="DE89")])

        write("A")
        write("Z")
        store.writes = [write, write]
        assert ledger.verify().entries == 2
        assert store.writes == []
        assert ledger.verify().entries == 4


def test_a_head_of_a_chain_without_entries_has_nothing_to_verify() -> None:
    with closing(Ledger("sqlite://")) as ledger:
        with ledger.writing() as writer:
            writer.tx.set_head(Head("R-1", "0" * 64, 0))
        assert ledger.verify().entries == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE abpo_decisions SET outcome = 'reject'", "decisions says of 'C-1/0' that outcome is 'reject'"),
        ("UPDATE abpo_decisions SET decided_by = 'maria@acme'", "and its entries say 'policy'"),
        ("DELETE FROM abpo_decisions", "decisions lacks 'C-1/0'"),
        ("UPDATE abpo_decisions SET chain = 'C-2'", "decisions lacks 'C-1/0'"),
        (
            "INSERT INTO abpo_runs VALUES ('R-9', 'pay', 'v1', 'done', '2026-01-05T09:00:00.000000Z', '2026-01-05T09:00:00.000000Z', NULL)",
            "the end of its chain is not recorded",
        ),
    ],
)
def test_a_row_that_is_not_what_the_entries_say_is_named(tmp_path: Path, change: str, words: str) -> None:
    path = tmp_path / "ledger.db"
    decision = Decision("claims", "v1", "pay", "pay", ("pay", "reject"), 1.0, (), {"amount": 70}, ("amount",))
    with closing(Ledger(f"sqlite:///{path}")) as ledger:
        ledger.record(decision, key="C-1")
        ledger.verify()
    with closing(sqlite3.connect(path)) as database:
        database.execute(change)
        database.commit()
    with closing(Ledger(f"sqlite:///{path}")) as ledger, pytest.raises(LedgerBroken, match=words):
        ledger.verify()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"at":"2026', b'{"at":"20x6'),
        (b'{"at":"2026', b'{"at":"2"26'),
        (b'"inputs":"', b'"inputs":"x","y":"'),
    ],
)
def test_a_header_that_is_not_what_is_written_there_is_found_though_its_chain_was_written_anew(
    original: Path, scratch: Path, old: bytes, new: bytes
) -> None:
    def layout(header: dict[str, Any]) -> bytes:
        return canonical_bytes(header).replace(old, new, 1)

    error = broken(original, scratch, rewritten(original, lambda header: header, layout))
    assert place_of(error) == ("R-1", 0)
