from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk.errors import DefinitionError, EncryptionError, NotCanonical, SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger import FileVault, KeyProvider, MemoryVault
from abpo_sdk.ledger.keys import file_vault
from abpo_sdk.ledger.keys.vault import require_complete


@pytest.fixture(autouse=True)
def no_master_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABPO_MASTER_KEY", raising=False)


def in_all_files(keys: Path) -> bytes:
    """The bytes of every file beside the keys, and of the keys."""
    return b"\n".join(found.read_bytes() for found in sorted(keys.parent.rglob("*")) if found.is_file())


def rows_of(keys: Path) -> dict[str, tuple[bytes, bytes]]:
    with closing(sqlite3.connect(keys)) as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute("SELECT id, lookup, key FROM keys")}


def filled(vault: FileVault, count: int) -> dict[str, bytes]:
    """Many keys, by identifier; the disk is not waited for."""
    vault.key_for("subject 0")
    assert vault._connection is not None
    vault._connection.execute("PRAGMA synchronous = OFF")
    return dict(vault.key_for(f"subject {number}") for number in range(count))


def old_file_with_freed_names(keys: Path) -> None:
    """A file of the first release's form in which another program left deleted names standing."""
    with closing(sqlite3.connect(keys, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(
            "CREATE TABLE keys (subject TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, key BLOB NOT NULL) WITHOUT ROWID"
        )
        connection.execute("BEGIN")
        for number in range(400):
            row = (f"subject number {number} " * 10, f"{number:016x}", number.to_bytes(32, "big"))
            connection.execute("INSERT INTO keys(subject, id, key) VALUES (?, ?, ?)", row)
        connection.execute("COMMIT")
        connection.execute("DELETE FROM keys")


def run_at_once(script: str, *arguments: list[str]) -> list[list[str]]:
    """The lines that processes print which all start when each of them is ready."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for given in arguments
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return lines


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db.keys"


@pytest.fixture(params=["memory", "file"])
def vault(request: pytest.FixtureRequest, keys: Path) -> Iterator[KeyProvider]:
    made: KeyProvider = MemoryVault() if request.param == "memory" else FileVault(keys)
    yield made
    made.close()


# what every vault does


def test_a_subject_has_one_key_and_another_subject_another(vault: KeyProvider) -> None:
    identifier, key = vault.key_for("ACME")
    assert vault.key_for("ACME") == (identifier, key)
    assert vault.key(identifier) == key
    other_identifier, other_key = vault.key_for("Bolt")
    assert other_identifier != identifier
    assert other_key != key


def test_a_key_has_256_bits_and_its_identifier_does_not_tell_whose_it_is(vault: KeyProvider) -> None:
    identifier, key = vault.key_for("ACME")
    assert len(key) == 32
    assert "ACME" not in identifier


def test_an_identifier_that_was_never_given_has_no_key(vault: KeyProvider) -> None:
    assert vault.key("0011223344556677") is None
    vault.key_for("ACME")
    assert vault.key("0011223344556677") is None


@pytest.mark.parametrize("subject", ["", "é", "a\x00b", "x" * 10_000])
def test_any_text_may_name_a_subject(vault: KeyProvider, subject: str) -> None:
    identifier, key = vault.key_for(subject)
    assert vault.key(identifier) == key
    assert vault.key_for(subject + "!")[1] != key


def test_keys_may_be_made_by_many_threads_at_once(vault: KeyProvider) -> None:
    found: list[tuple[str, bytes]] = []
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        found.append(vault.key_for("ACME"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_the_identifiers_of_a_subject_are_those_of_its_key_and_asking_makes_none(vault: KeyProvider) -> None:
    assert vault.identifiers("ACME") == ()
    assert vault.identifiers("ACME") == ()
    identifier, _ = vault.key_for("ACME")
    assert vault.identifiers("ACME") == (identifier,)
    assert vault.identifiers("Bolt") == ()


def test_an_erased_key_is_gone_and_the_others_stay(vault: KeyProvider) -> None:
    identifier, _ = vault.key_for("ACME")
    other = vault.key_for("Bolt")
    vault.erase([identifier])
    assert vault.key(identifier) is None
    assert vault.identifiers("ACME") == ()
    assert vault.key_for("Bolt") == other


def test_a_subject_that_comes_back_after_its_erasure_gets_another_key_under_another_identifier(
    vault: KeyProvider,
) -> None:
    identifier, key = vault.key_for("ACME")
    vault.erase([identifier])
    again, other = vault.key_for("ACME")
    assert again != identifier
    assert other != key
    assert vault.key(identifier) is None
    vault.erase([identifier])
    assert vault.key(again) == other


def test_erasing_what_is_not_there_is_no_error(vault: KeyProvider) -> None:
    vault.erase([])
    vault.erase(["0011223344556677"])
    identifier, _ = vault.key_for("ACME")
    vault.erase(("0011223344556677", identifier, identifier, "\ud800", "é"))
    vault.erase([identifier])
    assert vault.identifiers("ACME") == ()


def test_one_text_is_not_taken_for_a_list_of_identifiers(vault: KeyProvider) -> None:
    identifier, key = vault.key_for("ACME")
    with pytest.raises(DefinitionError, match="list of identifiers"):
        vault.erase(identifier)
    assert vault.key(identifier) == key


@pytest.mark.parametrize("subject", ["\ud800", None, 5, b"ACME"])
def test_a_subject_that_is_no_text_is_refused(vault: KeyProvider, subject: Any) -> None:
    with pytest.raises(NotCanonical, match="the name of a subject"):
        vault.key_for(subject)
    with pytest.raises(NotCanonical, match="the name of a subject"):
        vault.identifiers(subject)


@pytest.mark.parametrize("identifier", ["\ud800", "", "é", None, 5, b"0011", ["0011"]])
def test_what_is_no_identifier_has_no_key(vault: KeyProvider, identifier: Any) -> None:
    vault.key_for("ACME")
    assert vault.key(identifier) is None


def test_keys_may_be_made_and_erased_by_many_threads_at_once(vault: KeyProvider) -> None:
    start = threading.Barrier(4)
    erased: set[str] = set()
    wrong: list[str] = []

    def work() -> None:
        start.wait()
        for _ in range(15):
            identifier, key = vault.key_for("ACME")
            if vault.key(identifier) not in (key, None):
                wrong.append("another key under the same identifier")
            vault.erase(vault.identifiers("ACME"))
            vault.erase([identifier])
            erased.add(identifier)
            if vault.key(identifier) is not None:
                wrong.append("an erased key came back")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(vault.key(identifier) is None for identifier in erased)


def test_a_provider_that_cannot_erase_is_refused_by_name(vault: KeyProvider) -> None:
    class Half:
        def key_for(self, subject: str) -> tuple[str, bytes]:
            return "", b""

        def key(self, identifier: str) -> bytes | None:
            return None

        erase = None

        def close(self) -> None: ...

    half: Any = Half()
    with pytest.raises(DefinitionError, match=r"Half .* no method identifiers, erase"):
        require_complete(half)
    require_complete(vault)


# the file


def test_the_keys_of_a_file_are_there_when_it_is_opened_again(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
    with closing(FileVault(keys)) as vault:
        assert vault.key(identifier) == key
        assert vault.key_for("ACME") == (identifier, key)


def test_a_vault_may_be_used_after_it_was_closed(keys: Path) -> None:
    vault = FileVault(keys)
    before = vault.key_for("ACME")
    vault.close()
    vault.close()
    assert vault.key_for("ACME") == before
    vault.close()


def test_the_file_can_be_read_by_its_owner_alone(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        vault.key_for("ACME")
        assert [(p.name, stat.S_IMODE(p.stat().st_mode)) for p in keys.parent.glob("*.keys*")] == [(keys.name, 0o600)]


def test_asking_for_a_key_makes_no_file(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        assert vault.key("0011223344556677") is None
    assert not keys.exists()


def test_a_file_may_be_named_by_a_text_and_stays_the_same_file_when_the_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(FileVault(":memory:")) as vault:
        made = vault.key_for("ACME")
        monkeypatch.chdir("/")
        vault.close()
        assert vault.key_for("ACME") == made
    assert [found.name for found in tmp_path.iterdir()] == [":memory:"]


def test_the_names_of_subjects_are_nowhere_in_the_file(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        vault.key_for("a subject with a name")
        assert b"a subject with a name" not in in_all_files(keys)
        assert hashlib.sha256(b"a subject with a name").digest() not in in_all_files(keys)


def test_a_subject_is_found_in_one_file_by_other_bytes_than_in_another(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        with closing(FileVault(tmp_path / name)) as vault:
            vault.key_for("ACME")
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            found += connection.execute("SELECT lookup FROM keys").fetchall()
    assert len(set(found)) == 2


@pytest.mark.parametrize("master", [None, bytes(32)])
def test_after_an_erasure_no_file_in_the_directory_holds_the_key(keys: Path, master: bytes | None) -> None:
    with closing(FileVault(keys, master=master)) as vault:
        made = filled(vault, 300)
        stored = rows_of(keys)
        assert stored.keys() == made.keys()
        assert (master is None) == all(key in in_all_files(keys) for key in made.values())
        order = list(made)
        random.Random(7).shuffle(order)
        for start in range(0, 200, 10):
            vault.erase(order[start : start + 10])
            left = in_all_files(keys)
            for identifier in order[start : start + 10]:
                lookup, box = stored[identifier]
                assert made[identifier] not in left
                assert box not in left
                assert box[12:44] not in left
                assert lookup not in left
        assert [found.name for found in keys.parent.iterdir()] == [keys.name]
        assert all(vault.key(identifier) == made[identifier] for identifier in order[200:])


def test_no_log_or_journal_outlives_an_erasure_even_if_another_program_turned_one_on(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
    with closing(sqlite3.connect(keys)) as connection:
        assert connection.execute("PRAGMA journal_mode = WAL").fetchall() == [("wal",)]
    with closing(FileVault(keys)) as vault:
        vault.erase([identifier])
        assert key not in in_all_files(keys)
        assert [found.name for found in keys.parent.iterdir()] == [keys.name]


def test_while_another_program_holds_a_log_open_nothing_is_erased(keys: Path) -> None:
    with closing(FileVault(keys, timeout=0)) as vault:
        identifier, key = vault.key_for("ACME")
        vault.close()
        with closing(sqlite3.connect(keys)) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("SELECT * FROM keys").fetchall()
            with pytest.raises(StoreUnavailable, match="cannot be written"):
                vault.erase([identifier])
        assert vault.key(identifier) == key


# another vault on the same file


def test_only_so_many_keys_are_kept_in_memory(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_vault, "REMEMBERED", 5)
    with closing(FileVault(keys)) as vault:
        made = filled(vault, 12)
        assert [vault.key(identifier) for identifier in made] == list(made.values())
        assert dict(vault.key_for(f"subject {number}") for number in range(12)) == made
        assert len(vault._known) <= 5
        assert len(vault._keys) <= 5


def test_a_vault_that_knows_a_key_does_not_give_it_after_another_erased_it(keys: Path) -> None:
    with closing(FileVault(keys)) as vault, closing(FileVault(keys)) as other:
        known = [vault.key_for(subject) for subject in ("ACME", "Bolt")]
        other.erase([identifier for identifier, _ in known])
        again = [vault.key_for(subject) for subject in ("ACME", "Bolt")]
        assert not {identifier for identifier, _ in known} & {identifier for identifier, _ in again}
        assert again == [other.key_for(subject) for subject in ("ACME", "Bolt")]
        assert [vault.key(identifier) for identifier, _ in known] == [None, None]


def settled(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the file had been written long ago."""
    os.utime(keys, ns=(10**18, 10**18))
    monkeypatch.setattr(file_vault, "SETTLED", -(10**15))


def test_an_erasure_elsewhere_is_noticed_where_the_times_of_the_file_are_trusted(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(FileVault(keys)) as vault, closing(FileVault(keys)) as other:
        identifier, _ = vault.key_for("ACME")
        settled(keys, monkeypatch)
        assert vault.key_for("ACME")[0] == identifier
        other.erase([identifier])
        assert vault.key_for("ACME")[0] != identifier


def test_a_file_that_was_not_written_for_long_is_not_locked_to_give_a_known_key(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(FileVault(keys, timeout=0)) as vault:
        known = vault.key_for("ACME")
        with closing(sqlite3.connect(keys, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable, match="locked"):  # its times may not show the next change yet
                vault.key_for("ACME")
            other.execute("ROLLBACK")
            settled(keys, monkeypatch)
            assert vault.key_for("ACME") == known
            other.execute("BEGIN EXCLUSIVE")
            assert vault.key_for("ACME") == known


def test_a_file_that_is_taken_away_gives_no_keys_any_more(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
        keys.rename(keys.with_name("elsewhere"))
        assert vault.key(identifier) is None
        assert vault.identifiers("ACME") == ()
        vault.erase([identifier])
        assert not keys.exists()
        assert vault.key_for("ACME")[0] != identifier
        keys.with_name("elsewhere").replace(keys)
        assert vault.key_for("ACME") == (identifier, key)


RACE = """
import sys
from pathlib import Path
from abpo_sdk.ledger import FileVault
vault = FileVault(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(40):
    identifier, key = vault.key_for("ACME")
    assert vault.key(identifier) in (key, None)
    if sys.argv[2] == "erases":
        vault.erase([identifier])
        assert vault.key(identifier) is None
    print(identifier, key.hex())
"""


def test_two_processes_of_which_one_erases_never_see_a_torn_state(keys: Path) -> None:
    first, second = run_at_once(RACE, [str(keys), "erases"], [str(keys), "asks"])
    named: dict[str, set[str]] = {}
    for line in first + second:
        identifier, key = line.split()
        named.setdefault(identifier, set()).add(key)
    assert len(first) == len(second) == 40
    assert len({line.split()[0] for line in first}) == 40  # an erased key never comes back to the one that erased it
    assert all(len(found) == 1 for found in named.values())
    with closing(FileVault(keys)) as vault:
        assert all(vault.key(line.split()[0]) is None for line in first)


def test_two_vaults_on_one_file_agree_on_the_key_of_a_new_subject(keys: Path) -> None:
    vaults = [FileVault(keys) for _ in range(4)]
    start = threading.Barrier(4)
    found: list[list[tuple[str, bytes]]] = []

    def ask(vault: FileVault) -> None:
        start.wait()
        found.append([vault.key_for(f"subject {number}") for number in range(10)])

    threads = [threading.Thread(target=ask, args=(vault,)) for vault in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vault in vaults:
        vault.close()
    assert len(found) == 4
    assert all(answer == found[0] for answer in found)


ASK = """
import sys
from pathlib import Path
from abpo_sdk.ledger import FileVault
vault = FileVault(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    print(vault.key_for(f"subject {number}")[1].hex())
"""


def test_two_processes_that_make_keys_at_once_get_the_same_ones(keys: Path) -> None:
    one, other = run_at_once(ASK, [str(keys)], [str(keys)])
    assert one == other
    assert len(set(one)) == 10


# files of the first releases


BEFORE = Path(__file__).parent / "data" / "schema_1.db.keys"
SUBJECTS_BEFORE = {
    "h-1": ("fe42def9673a6163", "9a258e157ed89f96f6996d12a5536f957f4a94e14b5e37666024e7459ae6eac2"),
    "h-2": ("e67d4bf917d29f2a", "a9e1fe6648727377e3e2b85bf50269c95ecc849c4119fcbe647f36507df37e24"),
    "run:R-2": ("47de58a6822ff7f2", "2e89a4e486dec3a6044f57831e35f6d71743af2cfeadc6afe9b2b3ea4daa634b"),
}


@pytest.fixture
def old(keys: Path) -> Path:
    shutil.copy(BEFORE, keys)
    return keys


def gives_the_keys_of_before(vault: FileVault) -> bool:
    return all(
        vault.key(identifier) == bytes.fromhex(key) and vault.identifiers(subject) == (identifier,)
        for subject, (identifier, key) in SUBJECTS_BEFORE.items()
    )


def test_an_old_file_is_read_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    with closing(FileVault(old)) as vault:
        assert gives_the_keys_of_before(vault)
        assert vault.key_for("h-1")[0] == SUBJECTS_BEFORE["h-1"][0]
        assert vault.identifiers("h-3") == ()
        vault.erase(["0011223344556677"])
    assert old.read_bytes() == before


def test_an_old_file_that_may_not_be_written_gives_its_keys(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    keys = open_directory / "ledger.db.keys"
    shutil.copy(BEFORE, keys)
    keys.chmod(0o444)
    open_directory.chmod(0o555)
    with unprivileged(), closing(FileVault(keys)) as vault:
        assert gives_the_keys_of_before(vault)
        assert vault.key_for("h-2")[0] == SUBJECTS_BEFORE["h-2"][0]
        for write in (lambda: vault.key_for("h-3"), lambda: vault.erase(vault.identifiers("h-1"))):
            with pytest.raises(StoreUnavailable, match="readonly"):
                write()
        with pytest.raises(StoreUnavailable, match="readonly"):
            vault.rotate(bytes(32))
        assert gives_the_keys_of_before(vault)


def test_the_first_write_takes_the_names_out_of_an_old_file(old: Path) -> None:
    assert b"run:R-2" in old.read_bytes()
    with closing(FileVault(old)) as vault:
        made = vault.key_for("h-3")
        assert b"run:R-2" not in in_all_files(old)
        assert gives_the_keys_of_before(vault)
        assert vault.key_for("h-3") == made
    with closing(FileVault(old)) as vault:
        assert gives_the_keys_of_before(vault)
        assert vault.identifiers("h-3") == (made[0],)
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA user_version").fetchall() == [(file_vault.FORMAT,)]
        assert connection.execute("SELECT name FROM vault").fetchall() == [("look-up key",)]


def test_a_key_of_an_old_file_can_be_erased(old: Path) -> None:
    with closing(FileVault(old)) as vault:
        vault.erase(vault.identifiers("run:R-2"))
        left = in_all_files(old)
        assert b"run:R-2" not in left
        assert bytes.fromhex(SUBJECTS_BEFORE["run:R-2"][1]) not in left
        assert vault.identifiers("run:R-2") == ()
        assert vault.identifiers("h-1") == (SUBJECTS_BEFORE["h-1"][0],)


def test_names_in_pages_that_an_old_file_had_freed_are_gone_too(keys: Path) -> None:
    old_file_with_freed_names(keys)
    assert b"subject number 7 " in keys.read_bytes()
    with closing(FileVault(keys)) as vault:
        vault.key_for("h-3")
    assert b"subject number 7 " not in in_all_files(keys)


def test_a_vault_that_read_an_old_file_notices_that_another_brought_it_forward(old: Path) -> None:
    with closing(FileVault(old)) as vault, closing(FileVault(old)) as other:
        assert gives_the_keys_of_before(vault)
        other.key_for("h-3")
        assert gives_the_keys_of_before(vault)
        assert vault.key_for("h-3") == other.key_for("h-3")


def test_bytes_that_could_not_be_overwritten_are_named_and_the_next_write_does_it(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_file_with_freed_names(keys)
    rows = FileVault._rows

    def refuse(self: FileVault, sql: str, *values: str | bytes) -> list[Any]:
        if sql == "VACUUM":
            raise sqlite3.OperationalError("database is locked")
        return rows(self, sql, *values)

    with closing(FileVault(keys)) as vault:
        with monkeypatch.context() as patch:
            patch.setattr(FileVault, "_rows", refuse)
            identifier, _ = vault.key_for("h-3")
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match=r"are erased, but old bytes .* erase again"):
                    vault.erase([identifier])
            assert vault.key(identifier) is None
            with pytest.raises(StoreUnavailable, match=r"are rotated, but old bytes .* rotate again"):
                vault.rotate(bytes(32))
        assert b"subject number 7 " in in_all_files(keys)
        vault.key_for("h-4")
        assert b"subject number 7 " not in in_all_files(keys)


def test_what_an_old_release_would_write_into_a_new_file_is_refused_by_the_file(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        vault.key_for("ACME")
    with closing(sqlite3.connect(keys)) as connection, pytest.raises(sqlite3.OperationalError, match="subject"):
        connection.execute("SELECT id, key FROM keys WHERE subject = ?", ("ACME",))


# what goes wrong


def test_a_file_that_holds_no_keys_is_named(keys: Path) -> None:
    keys.write_text("this is no database, but it is long enough to look at\n" * 20)
    with closing(FileVault(keys)) as vault:
        with pytest.raises(StoreUnavailable, match=keys.name):
            vault.key_for("ACME")
        with pytest.raises(EncryptionError, match=keys.name):
            vault.key("0011223344556677")


def test_a_file_in_a_missing_directory_is_named(tmp_path: Path) -> None:
    with closing(FileVault(tmp_path / "missing" / "ledger.db.keys")) as vault:
        with pytest.raises(StoreUnavailable, match="missing"):
            vault.key_for("ACME")
        assert vault.key("0011223344556677") is None


def test_a_key_that_cannot_be_kept_is_not_handed_out(keys: Path) -> None:
    with closing(FileVault(keys, timeout=0)) as vault:
        known = vault.key_for("ACME")
        with closing(sqlite3.connect(keys, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                vault.key_for("Bolt")
            assert vault.key_for("ACME") == known
        identifier, key = vault.key_for("Bolt")
        assert vault.key(identifier) == key


def test_a_file_that_may_not_be_written_still_gives_its_keys(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    keys = open_directory / "ledger.db.keys"
    with closing(FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
    keys.chmod(0o444)
    open_directory.chmod(0o555)
    with unprivileged(), closing(FileVault(keys)) as vault:
        assert vault.key(identifier) == key
        with pytest.raises(StoreUnavailable, match=keys.name):
            vault.key_for("Bolt")


EVERY_CALL: list[Callable[[FileVault], object]] = [
    lambda vault: vault.key_for("Bolt"),
    lambda vault: vault.key("0011223344556677"),
    lambda vault: vault.identifiers("ACME"),
    lambda vault: vault.erase(["0011223344556677"]),
    lambda vault: vault.rotate(bytes(32)),
]


@pytest.mark.parametrize("call", EVERY_CALL)
@pytest.mark.parametrize("spoil", ["garbage", "cut", "directory", "under a file", "a name with a zero"])
def test_a_file_that_cannot_be_used_is_named_whatever_is_asked(
    keys: Path, spoil: str, call: Callable[[FileVault], object]
) -> None:
    with closing(FileVault(keys)) as vault:
        filled(vault, 100)
    if spoil == "garbage":
        keys.write_bytes(b"no database " * 1000)
    elif spoil == "cut":
        keys.write_bytes(keys.read_bytes()[:5000])
    elif spoil == "directory":
        keys.unlink()
        keys.mkdir()
    elif spoil == "under a file":
        keys = keys / "more.keys"
    else:
        keys = keys.with_name("ledger\0.keys")
    with closing(FileVault(keys)) as vault, pytest.raises((StoreUnavailable, EncryptionError), match="keys"):
        call(vault)


@pytest.mark.parametrize("call", EVERY_CALL)
@pytest.mark.parametrize("former", [True, False])
def test_a_file_of_a_later_release_is_left_alone(
    keys: Path, *, former: bool, call: Callable[[FileVault], object]
) -> None:
    if former:
        shutil.copy(BEFORE, keys)
    else:
        with closing(FileVault(keys)) as vault:
            vault.key_for("ACME")
    with closing(sqlite3.connect(keys)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = keys.read_bytes()
    with closing(FileVault(keys)) as vault, pytest.raises(SchemaUnknown, match=r"format 99.*later release"):
        call(vault)
    assert keys.read_bytes() == before


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_database_of_another_program_is_left_alone(keys: Path, call: Callable[[FileVault], object]) -> None:
    with closing(sqlite3.connect(keys)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
        connection.execute(f"PRAGMA user_version = {file_vault.FORMAT}")
    before = keys.read_bytes()
    with closing(FileVault(keys)) as vault, pytest.raises(SchemaUnknown, match=r"holds no keys.*customers"):
        call(vault)
    assert keys.read_bytes() == before


def test_an_empty_file_is_a_new_one(keys: Path) -> None:
    keys.touch()
    with closing(FileVault(keys)) as vault:
        assert vault.key("0011223344556677") is None
        assert vault.identifiers("ACME") == ()
        vault.erase(["0011223344556677"])
        assert keys.read_bytes() == b""
        identifier, key = vault.key_for("ACME")
        assert vault.key(identifier) == key


def test_a_locked_file_erases_nothing(keys: Path) -> None:
    with closing(FileVault(keys, timeout=0)) as vault:
        known = vault.key_for("ACME")
        with closing(sqlite3.connect(keys, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                vault.erase([known[0]])
            assert vault.key(known[0]) == known[1]
            other.execute("ROLLBACK")
            other.execute("BEGIN EXCLUSIVE")
            for call in EVERY_CALL:
                with pytest.raises(StoreUnavailable, match="locked"):
                    call(vault)
        assert vault.key_for("ACME") == known


def test_a_file_that_was_locked_when_it_was_opened_is_overwritten_as_any_other(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
    with closing(FileVault(keys, timeout=0)) as vault:
        with closing(sqlite3.connect(keys, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable, match="locked"):
                vault.key(identifier)
        vault.erase([identifier])
        assert key not in in_all_files(keys)


def test_a_key_of_the_wrong_length_is_named(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        identifier, _ = vault.key_for("ACME")
        for wrong in (b"short", "text", 5):
            with closing(sqlite3.connect(keys)) as connection, connection:
                connection.execute("UPDATE keys SET key = ?", (wrong,))
            with pytest.raises(EncryptionError, match=f"{identifier}.*was changed"):
                vault.key(identifier)
            with pytest.raises(EncryptionError, match=f"{identifier}.*was changed"):
                vault.key_for("ACME")


def test_a_look_up_key_that_is_gone_is_named(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        vault.key_for("ACME")
        with closing(sqlite3.connect(keys)) as connection, connection:
            connection.execute("DELETE FROM vault")
        with pytest.raises(EncryptionError, match=r"look-up key.*was changed"):
            vault.key_for("ACME")
