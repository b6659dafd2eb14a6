from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from abpo_sdk.errors import NotCanonical, SealingError, StoreUnavailable
from abpo_sdk.ledger import FileVault, KeyProvider, MemoryVault


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


def test_a_deleted_key_is_gone_from_the_bytes_of_the_file(keys: Path) -> None:
    with closing(FileVault(keys)) as vault:
        identifier, key = vault.key_for("ACME")
        vault.key_for("Bolt")
    assert key in keys.read_bytes()
    with closing(sqlite3.connect(keys, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("DELETE FROM keys WHERE id = ?", (identifier,))
    assert key not in keys.read_bytes()
    with closing(FileVault(keys)) as vault:
        assert vault.key(identifier) is None


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
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, str(keys)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    one, other = (process.communicate(timeout=60)[0].split() for process in processes)
    assert one == other
    assert len(set(one)) == 10


# what goes wrong


def test_a_file_that_holds_no_keys_is_named(keys: Path) -> None:
    keys.write_text("this is no database, but it is long enough to look at\n" * 20)
    with closing(FileVault(keys)) as vault:
        with pytest.raises(StoreUnavailable, match=keys.name):
            vault.key_for("ACME")
        with pytest.raises(SealingError, match=keys.name):
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


def test_a_subject_that_is_no_text_is_refused(keys: Path) -> None:
    with closing(FileVault(keys)) as vault, pytest.raises(NotCanonical, match="surrogate"):
        vault.key_for("\ud800")
