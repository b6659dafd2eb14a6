from __future__ import annotations

import base64
import hmac
import itertools
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from abpo_sdk.errors import AbpoError, DefinitionError, EncryptionError, StoreUnavailable
from abpo_sdk.ledger import FileVault, MemoryVault, new_master_key
from abpo_sdk.ledger.keys import file_vault, wrapping
from abpo_sdk.ledger.keys.wrapping import Wrapping, wrapping_by, wrapping_by_default

ONE, TWO = b"1" * 32, b"2" * 32


@pytest.fixture(autouse=True)
def no_master_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABPO_MASTER_KEY", raising=False)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db.keys"


def in_all_files(keys: Path) -> bytes:
    return b"\n".join(found.read_bytes() for found in sorted(keys.parent.rglob("*")) if found.is_file())


def keys_of(keys: Path, master: bytes | str | None = None) -> dict[str, tuple[str, bytes]]:
    """What a fresh vault gives for the subjects of these tests, without making anything."""
    with closing(FileVault(keys, master=master)) as vault:
        return {subject: vault.key_for(subject) for subject in ("ACME", "Bolt") if vault.identifiers(subject)}


def made(keys: Path, master: bytes | str | None = None) -> dict[str, tuple[str, bytes]]:
    with closing(FileVault(keys, master=master)) as vault:
        return {subject: vault.key_for(subject) for subject in ("ACME", "Bolt")}


# the form of a master key


def test_a_new_master_key_is_32_bytes_as_base64_text_and_never_the_same() -> None:
    found = {new_master_key() for _ in range(50)}
    assert len(found) == 50
    assert all(len(base64.b64decode(key, validate=True)) == 32 for key in found)


@given(st.binary(min_size=32, max_size=32))
def test_a_master_key_is_the_same_as_bytes_and_in_every_base64(master: bytes) -> None:
    first = Wrapping(master)
    for form in (
        master,
        base64.b64encode(master).decode(),
        base64.urlsafe_b64encode(master).decode(),
        f" {base64.b64encode(master).decode()}\n",
    ):
        second = wrapping_by(form)
        assert second is not None
        assert second.recognises(first.check_value())
        assert second.unwrap(first.wrap(b"k", bound_to=b"here"), bound_to=b"here") == b"k"


BAD_MASTERS: list[Any] = [
    b"",
    b"short of a master key",
    b"x" * 33,
    base64.b64encode(b"1" * 32),
    "",
    " \n",
    "no base64 at all, secret-secret!",
    base64.b64encode(b"1" * 31).decode(),
    base64.b64encode(b"1" * 33).decode(),
    base64.b64encode(b"1" * 32).decode()[:-1],
    base64.b64encode(b"1" * 32).decode() + "=A",
    "ä" * 44,
    "\ud800" * 44,
    7,
    bytearray(32),
]


@pytest.mark.parametrize("master", BAD_MASTERS)
def test_a_master_key_of_another_form_is_refused_without_being_shown(keys: Path, master: Any) -> None:
    with pytest.raises(DefinitionError, match="the master key must be 32 bytes") as caught:
        FileVault(keys, master=master)
    with closing(FileVault(keys)) as vault, pytest.raises(DefinitionError, match="must be 32 bytes"):
        vault.rotate(master)
    shown = master.strip() if isinstance(master, str) else master
    if isinstance(shown, (str, bytes)) and len(shown) > 3:
        text = shown if isinstance(shown, str) else shown.decode()
        assert text not in str(caught.value)
        assert repr(master) not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not keys.exists()


@pytest.mark.parametrize("text", ["", "no base64", base64.b64encode(b"1" * 16).decode()])
def test_a_master_key_of_another_form_in_the_environment_is_refused_and_the_variable_named(
    keys: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ABPO_MASTER_KEY", text)
    with pytest.raises(DefinitionError, match="the master key in ABPO_MASTER_KEY must be"):
        FileVault(keys)
    with closing(FileVault(keys, master=ONE)) as vault:
        vault.key_for("ACME")


def test_no_object_shows_the_master_key_or_the_look_up_key(keys: Path) -> None:
    with closing(FileVault(keys, master=b"secret secret secret secret sec.")) as vault:
        vault.key_for("ACME")
        for thing in (vault, vault._wrapping, vault._content):
            assert "secret" not in repr(thing)
            assert "look_up" not in repr(thing)
        assert vault._wrapping is not None
        assert all(b"secret" not in getattr(vault._wrapping, name) for name in Wrapping.__slots__)


# wrapping


@given(st.binary(max_size=40), st.binary(max_size=20), st.data())
def test_a_wrapped_key_opens_only_whole_with_its_master_and_where_it_belongs(
    key: bytes, bound_to: bytes, data: st.DataObject
) -> None:
    one = Wrapping(ONE)
    box = one.wrap(key, bound_to=bound_to)
    assert one.unwrap(box, bound_to=bound_to) == key
    assert one.wrap(key, bound_to=bound_to) != box
    bit = data.draw(st.integers(0, len(box) * 8 - 1))
    changed = bytearray(box)
    changed[bit // 8] ^= 1 << bit % 8
    for wrapping_, box_, where in (
        (Wrapping(TWO), box, bound_to),
        (one, bytes(changed), bound_to),
        (one, box[: bit // 8], bound_to),
        (one, box, bound_to + b"."),
    ):
        with pytest.raises(EncryptionError, match="does not open"):
            wrapping_.unwrap(box_, bound_to=where)


def test_a_check_value_tells_one_master_key_and_is_another_each_time() -> None:
    one = Wrapping(ONE)
    assert one.check_value() != one.check_value()
    assert one.recognises(one.check_value())
    assert not Wrapping(TWO).recognises(one.check_value())
    assert not one.recognises(b"")
    assert not one.recognises(one.check_value()[:-1])


def test_a_given_master_key_goes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrapping_by_default(None) is None
    monkeypatch.setenv("ABPO_MASTER_KEY", base64.b64encode(TWO).decode())
    given_, default = wrapping_by_default(ONE), wrapping_by_default(None)
    assert given_ is not None
    assert given_.recognises(Wrapping(ONE).check_value())
    assert default is not None
    assert default.recognises(Wrapping(TWO).check_value())
    assert wrapping_by(None) is None


# a file and its master key


def test_a_new_file_is_wrapped_from_the_start(keys: Path) -> None:
    before = made(keys, ONE)
    stored = in_all_files(keys)
    assert all(key not in stored for _, key in before.values())
    assert ONE not in stored
    assert base64.b64encode(ONE) not in stored
    assert keys_of(keys, ONE) == before


def test_the_look_up_key_is_wrapped_too(keys: Path) -> None:
    made(keys, ONE)
    with closing(sqlite3.connect(keys)) as connection:
        [(stored,)] = connection.execute("SELECT value FROM vault WHERE name = 'look-up key'").fetchall()
        lookups = {lookup for (lookup,) in connection.execute("SELECT lookup FROM keys")}
    assert len(stored) == 12 + 32 + 16
    parts = [stored[start : start + 32] for start in range(len(stored) - 31)]
    assert all(hmac.digest(part, b"ACME", "sha256") not in lookups for part in parts)


def test_the_master_key_may_stand_in_the_environment(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABPO_MASTER_KEY", base64.b64encode(ONE).decode())
    before = made(keys)
    monkeypatch.delenv("ABPO_MASTER_KEY")
    assert keys_of(keys, ONE) == before


CALLS: list[Callable[[FileVault], object]] = [
    lambda vault: vault.key_for("ACME"),
    lambda vault: vault.key_for("a new one"),
    lambda vault: vault.key("0011223344556677"),
    lambda vault: vault.identifiers("ACME"),
    lambda vault: vault.erase(["0011223344556677"]),
]


@pytest.mark.parametrize(
    ("wrapped", "opened", "message"),
    [
        (ONE, None, r"are wrapped by a master key, and none was given: set ABPO_MASTER_KEY or give master="),
        (ONE, TWO, r"are wrapped by another master key than the one given"),
        (None, ONE, r"are not wrapped, and a master key was given .*FileVault\(.*\)\.rotate\(master\)"),
    ],
)
def test_a_file_that_is_wrapped_otherwise_than_told_is_refused_whatever_is_asked(
    keys: Path, wrapped: bytes | None, opened: bytes | None, message: str
) -> None:
    made(keys, wrapped)
    before = keys.read_bytes()
    with closing(FileVault(keys, master=opened)) as vault:
        for call in (*CALLS, *CALLS):
            with pytest.raises(EncryptionError, match=message):
                call(vault)
    assert keys.read_bytes() == before


def test_an_old_file_is_not_wrapped_either(keys: Path) -> None:
    shutil.copy(Path(__file__).parent / "data" / "schema_1.db.keys", keys)
    with closing(FileVault(keys, master=ONE)) as vault:
        with pytest.raises(EncryptionError, match="are not wrapped"):
            vault.key("fe42def9673a6163")
        vault.rotate(ONE)
        assert vault.key("fe42def9673a6163") is not None
        assert vault.identifiers("h-1") == ("fe42def9673a6163",)
        stored = in_all_files(keys)
        assert b"run:R-2" not in stored
        assert bytes.fromhex("9a258e157ed89f96f6996d12a5536f957f4a94e14b5e37666024e7459ae6eac2") not in stored


# rotation


@pytest.mark.parametrize("before", [None, ONE])
@pytest.mark.parametrize("after", [None, ONE, TWO])
def test_rotation_keeps_every_key_under_the_new_master_key_alone(
    keys: Path, before: bytes | None, after: bytes | None
) -> None:
    known = made(keys, before)
    stored = rows_of(keys)
    with closing(FileVault(keys, master=before)) as vault:
        vault.rotate(after)
        assert {subject: vault.key_for(subject) for subject in known} == known
        more = vault.key_for("a new one")
    assert keys_of(keys, after) == known
    with closing(FileVault(keys, master=after)) as vault:
        assert vault.key_for("a new one") == more
    if before != after:
        with closing(FileVault(keys, master=before)) as vault, pytest.raises(EncryptionError):
            vault.key_for("ACME")
        assert all(box not in in_all_files(keys) for _, box in stored.values())
    assert [found.name for found in keys.parent.iterdir()] == [keys.name]


def rows_of(keys: Path) -> dict[str, tuple[bytes, bytes]]:
    with closing(sqlite3.connect(keys)) as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute("SELECT id, lookup, key FROM keys")}


def test_rotation_may_be_repeated_by_whoever_has_the_old_master_key_and_the_new(keys: Path) -> None:
    known = made(keys, ONE)
    with closing(FileVault(keys, master=ONE)) as vault, closing(FileVault(keys, master=ONE)) as other:
        vault.rotate(TWO)
        other.rotate(TWO)
        vault.rotate(TWO)
        assert other.key_for("ACME") == vault.key_for("ACME") == known["ACME"]


@pytest.mark.parametrize("opened", [None, TWO])
def test_whoever_has_not_the_present_master_key_cannot_rotate(keys: Path, opened: bytes | None) -> None:
    known = made(keys, ONE)
    with closing(FileVault(keys, master=opened)) as vault:
        for master in (None, TWO, b"3" * 32):
            with pytest.raises(EncryptionError, match="wrapped by"):
                vault.rotate(master)
    assert keys_of(keys, ONE) == known


def test_rotation_does_not_look_at_the_environment(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = made(keys, ONE)
    monkeypatch.setenv("ABPO_MASTER_KEY", base64.b64encode(ONE).decode())
    with closing(FileVault(keys)) as vault:
        vault.rotate(None)
    monkeypatch.delenv("ABPO_MASTER_KEY")
    assert keys_of(keys) == known


def test_where_there_is_no_file_there_is_nothing_to_rotate(keys: Path) -> None:
    with closing(FileVault(keys)) as vault, pytest.raises(StoreUnavailable, match="no such file"):
        vault.rotate(ONE)
    assert not keys.exists()


def test_an_empty_file_is_rotated_to_a_wrapped_one(keys: Path) -> None:
    keys.touch()
    with closing(FileVault(keys)) as vault:
        vault.rotate(ONE)
        known = vault.key_for("ACME")
    assert keys_of(keys, ONE) == {"ACME": known}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (ONE, TWO, "were rotated .* wrapped by another master key now"),
        (None, ONE, "were rotated .* wrapped by another master key now"),
        (ONE, None, "were rotated .* not wrapped any more"),
    ],
)
def test_a_vault_that_had_the_file_open_notices_the_rotation_and_writes_nothing(
    keys: Path, before: bytes | None, after: bytes | None, message: str
) -> None:
    with closing(FileVault(keys, master=before)) as vault, closing(FileVault(keys, master=before)) as other:
        known = vault.key_for("ACME")
        other.rotate(after)
        stored = keys.read_bytes()
        more: list[Callable[[FileVault], object]] = [lambda v: v.key(known[0]), lambda v: v.erase([known[0]])]
        for call in CALLS + more:
            with pytest.raises(EncryptionError, match=message):
                call(vault)
        assert keys.read_bytes() == stored
        other.rotate(before)
        assert vault.key_for("ACME") == known


def test_a_rotation_that_cannot_be_written_leaves_the_vault_as_it_was(keys: Path) -> None:
    known = made(keys, ONE)
    with closing(FileVault(keys, master=ONE, timeout=0)) as vault:
        with closing(sqlite3.connect(keys, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                vault.rotate(TWO)
        assert vault.key_for("ACME") == known["ACME"]
    assert keys_of(keys, ONE) == known


# a file that someone changed


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_bit_that_was_changed_in_a_row_is_found_and_the_key_named(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        keys = Path(directory) / "ledger.db.keys"
        with closing(FileVault(keys, master=ONE)) as vault:
            identifier, key = vault.key_for("ACME")
            column = data.draw(st.sampled_from(["lookup", "key"]))
            with closing(sqlite3.connect(keys)) as connection, connection:
                [(stored,)] = connection.execute(f"SELECT {column} FROM keys").fetchall()
                changed = bytearray(stored)
                bit = data.draw(st.integers(0, len(changed) * 8 - 1))
                changed[bit // 8] ^= 1 << bit % 8
                connection.execute(f"UPDATE keys SET {column} = ?", (bytes(changed),))
            with pytest.raises(EncryptionError, match=f"the key {identifier} .* was changed"):
                vault.key(identifier)
            with pytest.raises(EncryptionError, match=f"the key {identifier} .* was changed"):
                vault.rotate(TWO)
            if column == "key":
                with pytest.raises(EncryptionError, match=f"the key {identifier} .* was changed"):
                    vault.key_for("ACME")
            vault.erase([identifier])
            assert vault.key_for("ACME")[1] != key


@pytest.mark.parametrize("column", ["lookup", "key", "lookup, key"])
def test_rows_whose_wrapped_keys_were_swapped_are_found(keys: Path, column: str) -> None:
    known = made(keys, ONE)
    swap(keys, column)
    with closing(FileVault(keys, master=ONE)) as vault:
        for identifier, _ in known.values():
            with pytest.raises(EncryptionError, match=f"the key {identifier} .* was changed"):
                vault.key(identifier)


def swap(keys: Path, columns: str) -> None:
    """Exchange columns of the two rows."""
    with closing(sqlite3.connect(keys)) as connection, connection:
        (one, *left), (two, *right) = connection.execute(f"SELECT id, {columns} FROM keys").fetchall()
        names = columns.split(", ")
        set_to = ", ".join(f"{name} = ?" for name in names)
        connection.execute(f"UPDATE keys SET {set_to} WHERE id = ?", (*[secrets.token_bytes(4) for _ in names], one))
        connection.execute(f"UPDATE keys SET {set_to} WHERE id = ?", (*left, two))
        connection.execute(f"UPDATE keys SET {set_to} WHERE id = ?", (*right, one))


@pytest.mark.parametrize("value", [b"", b"x" * 60, "text", 5])
def test_a_look_up_key_that_was_changed_is_found(keys: Path, value: object) -> None:
    made(keys, ONE)
    with closing(sqlite3.connect(keys)) as connection, connection:
        connection.execute("UPDATE vault SET value = ? WHERE name = 'look-up key'", (value,))
    with closing(FileVault(keys, master=ONE)) as vault, pytest.raises(EncryptionError, match=r"look-up key .* changed"):
        vault.key_for("ACME")


@pytest.mark.parametrize("value", [b"", b"x" * 48, "text", 5])
def test_a_check_value_that_was_changed_fits_no_master_key(keys: Path, value: object) -> None:
    made(keys, ONE)
    with closing(sqlite3.connect(keys)) as connection, connection:
        connection.execute("UPDATE vault SET value = ? WHERE name = 'check'", (value,))
    with closing(FileVault(keys, master=ONE)) as vault, pytest.raises(EncryptionError, match="another master key"):
        vault.key_for("ACME")


# every order of calls


class Vaults(RuleBasedStateMachine):
    """A vault in memory and two on one file, which must agree about everything but the random bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "ledger.db.keys"
        self.model = MemoryVault()
        self.master: bytes | None = None
        self.pairs: dict[str, str] = {}  # the model's identifiers and those of the file
        self.keys: dict[str, bytes] = {}
        self.vaults: list[FileVault] = []

    @initialize(master=st.sampled_from([None, ONE]), old=st.booleans())
    def begin(self, master: bytes | None, *, old: bool) -> None:
        self.master = None if old else master
        if old:
            shutil.copy(Path(__file__).parent / "data" / "schema_1.db.keys", self.path)
        self.vaults = [FileVault(self.path, master=self.master) for _ in range(2)]

    @rule(which=st.integers(0, 1), subject=st.sampled_from(["", "A", "B", "é", "a\x00b"]))
    def ask_for_a_key(self, which: int, subject: str) -> None:
        before = self.model.identifiers(subject)
        (model_id, _), (identifier, key) = self.model.key_for(subject), self.vaults[which].key_for(subject)
        if before:
            assert self.pairs[model_id] == identifier
            assert self.keys[identifier] == key
        else:
            assert identifier not in self.keys  # never used before
            assert key not in self.keys.values()
            self.pairs[model_id], self.keys[identifier] = identifier, key

    @rule(which=st.integers(0, 1))
    def read_every_key(self, which: int) -> None:
        for model_id, identifier in self.pairs.items():
            expected = None if self.model.key(model_id) is None else self.keys[identifier]
            assert self.vaults[which].key(identifier) == expected

    @rule(which=st.integers(0, 1), subject=st.sampled_from(["", "A", "B", "é", "never"]))
    def ask_for_identifiers(self, which: int, subject: str) -> None:
        expected = tuple(self.pairs[model_id] for model_id in self.model.identifiers(subject))
        assert self.vaults[which].identifiers(subject) == expected

    @rule(which=st.integers(0, 1), data=st.data())
    def erase(self, which: int, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from([*self.pairs, "0011223344556677"]), max_size=3))
        self.model.erase(chosen)
        self.vaults[which].erase([self.pairs.get(model_id, model_id) for model_id in chosen])
        stored = in_all_files(self.path)
        assert not any(self.keys[self.pairs[gone]] in stored for gone in chosen if gone in self.pairs)

    @rule(which=st.integers(0, 1))
    def open_again(self, which: int) -> None:
        self.vaults[which].close()
        self.vaults[which] = FileVault(self.path, master=self.master)

    @rule(which=st.integers(0, 1), master=st.sampled_from([None, ONE, TWO]))
    def rotate(self, which: int, master: bytes | None) -> None:
        if not self.path.exists():
            with pytest.raises(StoreUnavailable):
                self.vaults[which].rotate(master)
            return
        self.vaults[which].rotate(master)
        other = self.vaults[1 - which]
        if master != self.master:
            with pytest.raises(EncryptionError):
                other.key_for("A")
        self.master = master
        other.close()
        self.vaults[1 - which] = FileVault(self.path, master=master)

    def teardown(self) -> None:
        for vault in self.vaults:
            vault.close()
        self.directory.cleanup()


Vaults.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestVaults = Vaults.TestCase


# a process that is killed


KILL = """
import os, shutil, signal, sys
from pathlib import Path
from abpo_sdk.ledger import FileVault

start, action, spill = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "spill"
one, two = b"1" * 32, b"2" * 32


def killed(number, at):
    directory = start.parent / f"{action}-{number}"
    directory.mkdir()
    keys = directory / "ledger.db.keys"
    shutil.copy(start, keys)
    child = os.fork()
    if child == 0:
        vault = FileVault(keys, master=None if action == "migrate" else one)
        gone = [found for n in range(60) for found in vault.identifiers(f"subject {n}")]
        count = 0

        def tick():
            global count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return 0

        globals()["count"] = 0
        vault._connection.execute("PRAGMA synchronous = OFF")  # a kill, unlike a power cut, loses nothing of this
        if spill:
            vault._connection.execute("PRAGMA cache_size = 2")
        vault._connection.set_progress_handler(tick, 1)
        if action == "rotate":
            vault.rotate(two)
        elif action == "erase":
            vault.erase(gone)
        else:
            vault.key_for("one more")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


number, at = 0, 1
while killed(number, at):
    number, at = number + 1, at + max(1, at // 7)
print(number)
"""


@pytest.mark.parametrize("spill", ["spill", "no spill"])
@pytest.mark.parametrize("action", ["rotate", "erase", "migrate"])
def test_a_process_that_is_killed_leaves_the_keys_as_they_were_before_or_after(
    tmp_path: Path, action: str, spill: str
) -> None:
    start = tmp_path / "start" / "ledger.db.keys"
    start.parent.mkdir()
    names = [f"subject {number}" for number in range(120)]
    if action == "migrate":
        known = {name: (f"{number:016x}", secrets.token_bytes(32)) for number, name in enumerate(names)}
        with closing(sqlite3.connect(start)) as connection, connection:
            connection.execute(
                "CREATE TABLE keys (subject TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, key BLOB NOT NULL) WITHOUT ROWID"
            )
            connection.executemany("INSERT INTO keys VALUES (?, ?, ?)", [(n, *known[n]) for n in names])
    else:
        with closing(FileVault(start, master=ONE)) as vault:
            vault.key_for(names[0])
            assert vault._connection is not None
            vault._connection.execute("PRAGMA synchronous = OFF")
            known = {name: vault.key_for(name) for name in names}
    arguments = [sys.executable, "-c", KILL, str(start), action, spill]
    kills = int(subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=300).stdout)
    assert kills > 20
    outcomes = set()
    hot = 0
    for number in range(kills + 1):
        keys = start.parent / f"{action}-{number}" / "ledger.db.keys"
        hot += keys.with_name("ledger.db.keys-journal").exists()
        outcomes.add(CHECKS[action](keys, known))
    assert outcomes == {"before", "after"}
    assert hot or spill == "no spill"


def rotated(keys: Path, known: dict[str, tuple[str, bytes]]) -> str:
    fits = []
    for master in (ONE, TWO):
        with closing(FileVault(keys, master=master)) as vault, suppress(EncryptionError):
            assert {name: (vault.identifiers(name)[0], vault.key(known[name][0])) for name in known} == known
            fits.append(master)
    assert len(fits) == 1
    with closing(FileVault(keys, master=fits[0])) as vault:
        vault.rotate(TWO)  # what a person does who saw it end
        assert all(vault.key(identifier) == key for identifier, key in known.values())
    assert vault_row(keys, "sweep") == []
    return "before" if fits == [ONE] else "after"


def erased(keys: Path, known: dict[str, tuple[str, bytes]]) -> str:
    with closing(FileVault(keys, master=ONE)) as vault:
        left = {name for name in known if vault.identifiers(name)}
        assert all((vault.key(known[name][0]) is not None) == (name in left) for name in known)
        assert left in (set(known), set(list(known)[60:]))
        vault.erase([known[name][0] for name in list(known)[:60]])
        assert {name for name in known if vault.identifiers(name)} == set(list(known)[60:])
    return "before" if left == set(known) else "after"


def migrated(keys: Path, known: dict[str, tuple[str, bytes]]) -> str:
    with closing(FileVault(keys)) as vault:
        assert {name: (vault.identifiers(name)[0], vault.key(known[name][0])) for name in known} == known
        state = "after" if vault.identifiers("one more") else "before"
        vault.key_for("yet another")
    assert vault_row(keys, "sweep") == []
    assert b"subject 7" not in in_all_files(keys)
    return state


def vault_row(keys: Path, name: str) -> list[Any]:
    with closing(sqlite3.connect(keys)) as connection:
        return connection.execute("SELECT value FROM vault WHERE name = ?", (name,)).fetchall()


CHECKS = {"rotate": rotated, "erase": erased, "migrate": migrated}


ROTATE = """
import sys
from abpo_sdk.errors import EncryptionError
from abpo_sdk.ledger import FileVault
masters = {"1": b"1" * 32, "2": b"2" * 32}
vault = FileVault(sys.argv[1], master=masters["1"])
first = vault.key_for("ACME")
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[2] == "rotates":
    for number in range(20):
        vault.rotate(masters["21"[number % 2]])
else:
    for number in range(200):
        try:
            assert vault.key(first[0]) == first[1]
            assert vault.key_for("ACME") == first
            vault.key_for(f"subject {number % 20}")
        except EncryptionError as error:
            assert "were rotated" in str(error), error
"""


def test_a_process_that_works_while_another_rotates_sees_right_keys_or_the_rotation(keys: Path) -> None:
    made(keys, ONE)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ROTATE, str(keys), part], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for part in ("rotates", "works")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with closing(FileVault(keys, master=ONE)) as vault:
        for number in range(20):
            assert len(vault.key_for(f"subject {number}")[1]) == 32
        vault.rotate(None)


# that these tests would notice


def erasure_leaves_no_bytes(module: Any, keys: Path) -> None:
    vault = module.FileVault(keys)
    with closing(vault):
        known = [vault.key_for(name) for name in ("ACME", "Bolt", "Corp")]
        vault.erase([known[1][0]])
        assert known[1][1] not in in_all_files(keys)


def erasure_elsewhere_is_noticed(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys)) as vault, closing(FileVault(keys)) as other:
        known = [vault.key_for(name)[0] for name in ("ACME", "Bolt")]
        assert all(vault.key(identifier) for identifier in known)
        other.erase(known)
        assert [vault.key(identifier) for identifier in known] == [None, None]
        assert not {vault.key_for(name)[0] for name in ("ACME", "Bolt")} & set(known)


def what_it_erased_itself_is_not_remembered(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys)) as vault:
        identifier, _ = vault.key_for("ACME")
        assert vault.key(identifier)
        vault.erase([identifier])
        vault.key_for("Bolt")  # the file has been looked at since
        assert vault.key(identifier) is None
        assert vault.key_for("ACME")[0] != identifier


def young_times_are_not_trusted(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys, timeout=0)) as vault:
        vault.key_for("ACME")
        vault.key_for("ACME")
        with closing(sqlite3.connect(keys, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable):
                vault.key_for("ACME")


def swapped_rows_are_found(module: Any, keys: Path) -> None:
    for columns in ("key", "lookup", "lookup, key"):
        path = keys.with_name(columns)
        with closing(module.FileVault(path, master=ONE)) as vault:
            known = [vault.key_for(name) for name in ("ACME", "Bolt")]
            swap(path, columns)
            for identifier, _ in known:
                with pytest.raises(EncryptionError, match=identifier):
                    vault.key(identifier)


def names_are_hidden(module: Any, keys: Path) -> None:
    lookups = set()
    for path in (keys, keys.with_name("other")):
        with closing(module.FileVault(path)) as vault:
            vault.key_for("a subject with a name")
        lookups |= {lookup for lookup, _ in rows_of(path).values()}
        assert b"a subject with a name" not in path.read_bytes()
    assert len(lookups) == 2


def freed_pages_are_swept(module: Any, keys: Path) -> None:
    with closing(sqlite3.connect(keys, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(
            "CREATE TABLE keys (subject TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, key BLOB NOT NULL) WITHOUT ROWID"
        )
        rows = [(f"subject number {number} " * 10, f"{number:016x}", b"k") for number in range(400)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO keys(subject, id, key) VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")
        connection.execute("DELETE FROM keys")
    with closing(module.FileVault(keys)) as vault:
        vault.key_for("ACME")
    assert b"subject number 7 " not in in_all_files(keys)
    assert vault_row(keys, "sweep") == []


def rotation_rewraps(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys, master=ONE)) as vault, closing(FileVault(keys, master=ONE)) as other:
        known = vault.key_for("ACME")
        other.key_for("ACME")
        [(_, box)] = rows_of(keys).values()
        vault.rotate(TWO)
        assert vault.key_for("ACME") == known
        assert box not in in_all_files(keys)
        with pytest.raises(EncryptionError, match="rotated"):
            other.key_for("ACME")
        assert keys_of(keys, TWO) == {"ACME": known}


def rotation_elsewhere_is_noticed(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys, master=ONE)) as vault, closing(FileVault(keys, master=ONE)) as other:
        vault.key_for("ACME")
        other.rotate(TWO)
        stored = keys.read_bytes()
        with pytest.raises(EncryptionError, match="were rotated"):
            vault.key_for("Bolt")
        assert keys.read_bytes() == stored


def a_wrong_master_is_told(module: Any, keys: Path) -> None:
    known = made(keys, ONE)
    for master, message in ((TWO, "another master key than"), (None, "none was given")):
        with (
            closing(module.FileVault(keys, master=master)) as vault,
            pytest.raises(EncryptionError, match=message),
        ):
            vault.key(known["ACME"][0])
    unwrapped = keys.with_name("unwrapped")
    made(unwrapped)
    with closing(module.FileVault(unwrapped, master=ONE)) as vault, pytest.raises(EncryptionError, match="not wrapped"):
        vault.key_for("ACME")


def nobody_else_reads_it(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys)) as vault:
        vault.key_for("ACME")
    assert keys.stat().st_mode & 0o077 == 0


def other_programs_are_left_alone(module: Any, keys: Path) -> None:
    with closing(sqlite3.connect(keys)) as connection:
        connection.execute("CREATE TABLE keys (id TEXT, lookup BLOB, key BLOB)")
        connection.execute("CREATE TABLE vault (name TEXT, value BLOB)")
        connection.execute("PRAGMA user_version = 2")
    with closing(module.FileVault(keys)) as vault, pytest.raises(AbpoError, match="holds no keys"):
        vault.key_for("ACME")


def logs_are_turned_off(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
        vault.close()
        with closing(sqlite3.connect(keys)) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        vault.erase([identifier])
        assert key not in in_all_files(keys)
        assert [found.name for found in keys.parent.iterdir()] == [keys.name]


def commits_reach_the_disk(module: Any, keys: Path) -> None:
    with closing(module.FileVault(keys)) as vault:
        vault.key_for("ACME")
        assert vault._connection.execute("PRAGMA synchronous").fetchall() in ([(2,)], [(3,)])


PROPERTIES = [
    erasure_leaves_no_bytes,
    erasure_elsewhere_is_noticed,
    what_it_erased_itself_is_not_remembered,
    young_times_are_not_trusted,
    swapped_rows_are_found,
    names_are_hidden,
    freed_pages_are_swept,
    rotation_rewraps,
    rotation_elsewhere_is_noticed,
    a_wrong_master_is_told,
    nobody_else_reads_it,
    other_programs_are_left_alone,
    logs_are_turned_off,
    commits_reach_the_disk,
]

VAULT, WRAPPING = file_vault, wrapping
MUTANTS: list[tuple[types.ModuleType, str, str, Callable[[Any, Path], None]]] = [
    (VAULT, "secure_delete = ON", "secure_delete = OFF", erasure_leaves_no_bytes),
    (VAULT, '"DELETE FROM keys WHERE id = ?"', '"DELETE FROM keys WHERE id = ? AND 0"', erasure_leaves_no_bytes),
    (VAULT, "or _version(self._connection) != self._version", "", erasure_elsewhere_is_noticed),
    (VAULT, "self._keys.clear()", "pass", what_it_erased_itself_is_not_remembered),
    (VAULT, "self._known.clear()", "pass", what_it_erased_itself_is_not_remembered),
    (VAULT, "or version != self._version:", "and version != self._version:", rotation_elsewhere_is_noticed),
    (VAULT, "self._times = times if settled else None", "self._times = times", young_times_are_not_trusted),
    (VAULT, "(identifier.encode(), lookup)", '(b"", lookup)', swapped_rows_are_found),
    (VAULT, "(identifier.encode(), lookup)", '(identifier.encode(), b"")', swapped_rows_are_found),
    (VAULT, "hmac.digest(content.look_up, name,", 'hmac.digest(b"", name,', names_are_hidden),
    (VAULT, "return hmac.digest(content.look_up, name, hashlib.sha256)", "return name", names_are_hidden),
    (VAULT, 'self._rows("VACUUM")', "pass", freed_pages_are_swept),
    (VAULT, "AND value = ?", "AND value <> ?", freed_pages_are_swept),
    (VAULT, "anew = _wrapped(wrapping,", "anew = _wrapped(content.wrapping,", rotation_rewraps),
    (VAULT, "replace(content, wrapping=wrapping, ", "replace(content, ", rotation_rewraps),
    (VAULT, "self._wrapping = wrapping\n", "pass\n", rotation_rewraps),
    (VAULT, "if check is None and None in accepted:", "if check is None:", a_wrong_master_is_told),
    (VAULT, "0o600", "0o644", nobody_else_reads_it),
    (VAULT, "application == APPLICATION_ID and version", "version", other_programs_are_left_alone),
    (VAULT, '"PRAGMA journal_mode = DELETE"', '"PRAGMA journal_mode"', logs_are_turned_off),
    (VAULT, "synchronous = EXTRA", "synchronous = NORMAL", commits_reach_the_disk),
    (WRAPPING, "return hmac.compare_digest(", "return True or hmac.compare_digest(", a_wrong_master_is_told),
    (WRAPPING, ".encrypt(nonce, key, bound_to)", ".encrypt(nonce, key, None)", swapped_rows_are_found),
]


@pytest.fixture
def as_module() -> Iterator[Callable[[types.ModuleType, str, str], Any]]:
    """Makes the module with FileVault after a change of a text in it, or in the one of the master key."""
    names = (f"mutant_{number}" for number in itertools.count())
    made_names: list[str] = []

    def load(original: types.ModuleType, source: str) -> types.ModuleType:
        module = types.ModuleType(next(names))
        made_names.append(module.__name__)
        sys.modules[module.__name__] = module
        exec(compile(source, str(original.__file__), "exec"), module.__dict__)
        return module

    def make(changed: types.ModuleType, fragment: str, replacement: str) -> Any:
        source = Path(str(changed.__file__)).read_text()
        assert fragment in source
        mutant = load(changed, source.replace(fragment, replacement))
        if changed is file_vault:
            return mutant
        users = Path(str(file_vault.__file__)).read_text()
        return load(file_vault, users.replace("from abpo_sdk.ledger.keys.wrapping", f"from {mutant.__name__}"))

    yield make
    for name in made_names:
        del sys.modules[name]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_the_vault_as_it_is_has_the_property(
    as_module: Callable[..., Any], keys: Path, holds: Callable[[Any, Path], None]
) -> None:
    for changed in (file_vault, wrapping):
        directory = keys.parent / changed.__name__
        directory.mkdir()
        holds(as_module(changed, "import", "import"), directory / "ledger.db.keys")


@pytest.mark.parametrize(("changed", "fragment", "replacement", "holds"), MUTANTS)
def test_a_vault_that_was_broken_on_purpose_is_found(
    as_module: Callable[..., Any],
    keys: Path,
    changed: types.ModuleType,
    fragment: str,
    replacement: str,
    holds: Callable[[Any, Path], None],
) -> None:
    broken = as_module(changed, fragment, replacement)
    with pytest.raises((AssertionError, AbpoError, sqlite3.Error, pytest.fail.Exception)):
        holds(broken, keys)
