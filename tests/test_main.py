"""`python -m abpo_sdk verify`: the right code, one line, nothing changed, and never a traceback."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abpo_sdk.__main__ import main
from abpo_sdk.ledger import FileAnchor, FileVault, Ledger, MemoryVault, Signer, verification
from abpo_sdk.ledger.keys.wrapping import new_master_key
from abpo_sdk.ledger.stores import postgres_schema
from abpo_sdk.ledger.stores.migrations import MIGRATIONS, migrate
from abpo_sdk.testing.clock import FakeClock
from tests.ledger import bundles
from tests.ledger.bundles import write_run
from tests.postgres import Server

Said = tuple[int, str]
Verify = Callable[..., Said]


@pytest.fixture
def verify(capfdbinary: pytest.CaptureFixture[bytes]) -> Verify:
    """The exit code of the command, and what it says: one line."""

    def run(*arguments: object) -> Said:
        capfdbinary.readouterr()
        code = main(["verify", *map(str, arguments)])
        out, err = capfdbinary.readouterr()
        assert err == b""
        assert out.count(b"\n") == 1
        return code, out.decode()

    return run


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A directory with a ledger, its keys and signer, an anchor, and a bundle."""
    directory = tmp_path / "made"
    directory.mkdir()
    anchor = FileAnchor(directory / "anchor.txt")
    with closing(Ledger(f"sqlite:///{directory}/ledger.db", clock=FakeClock(), anchor=anchor)) as ledger:
        bundles.fill(ledger)
        ledger.export(directory / "bundle.jsonl")
        (directory / "key").write_text(ledger.verifier)
        write_run(ledger, "D")
    return directory


def content_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_bundle_is_verified(made: Path, verify: Verify) -> None:
    key = (made / "key").read_text()
    before = content_of(made)
    code, said = verify(made / "bundle.jsonl", "--key", key)
    assert (code, said[:35]) == (0, "verified: 12 entries in 4 chains, a")
    assert said.endswith(": 0 anchored, 6 swept\n")
    code, said = verify(made / "bundle.jsonl", "--key", key, "--anchor", made / "anchor.txt")
    assert (code, said.endswith(": 12 anchored, 6 swept\n")) == (0, True)
    assert content_of(made) == before


def test_a_bundle_needs_a_key_and_names_one(made: Path, verify: Verify) -> None:
    code, said = verify(made / "bundle.jsonl")
    assert (code, (made / "key").read_text() in said, "compare it" in said) == (2, True, True)
    (made / "bundle.jsonl").write_text("{")
    code, said = verify(made / "bundle.jsonl")
    assert (code, "compare it" in said, "it names none" in said) == (2, False, True)


def test_a_broken_bundle_is_named(made: Path, verify: Verify) -> None:
    key = (made / "key").read_text()
    lines = (made / "bundle.jsonl").read_bytes().splitlines(keepends=True)
    (made / "bundle.jsonl").write_bytes(b"".join(lines[:-1]))
    code, said = verify(made / "bundle.jsonl", "--key", key)
    assert (code, said) == (1, "the bundle is broken at 'C', entry 3: it is missing, or the file is cut off there\n")
    assert verify(made / "bundle.jsonl", "--key", key[:-4] + "AAAA")[0] == 2
    code, said = verify(made / "bundle.jsonl", "--key", key, "--key", Signer.generate("other").verifier)
    assert (code, "have one name" in said) == (2, True)


def test_a_ledger_is_verified_and_nothing_is_changed(made: Path, verify: Verify) -> None:
    before = content_of(made)
    key = (made / "key").read_text()
    found = "verified: 15 entries in 5 chains: 12 sealed, 3 not yet sealed, {} anchored, 3 erased, 6 swept"
    beside = f"; signed by {'+'.join(key.split('+', 2)[:2])} (trusted because its key lies beside the file; give --key to be sure)"
    for target in (made / "ledger.db", f"sqlite:///{made}/ledger.db"):
        assert verify(target) == (0, f"{found.format(0)}{beside}\n")
        assert verify(target, "--key", key) == (0, f"{found.format(0)}\n")
        assert verify(target, "--anchor", made / "anchor.txt") == (0, f"{found.format(12)}{beside}\n")
    assert verify(made / "ledger.db", "--anchor", made / "anchor.txt", "--key", key) == (0, f"{found.format(12)}\n")
    code, said = verify(made / "ledger.db", "--without-personal")
    assert (code, "0 erased, 6 swept (what is encrypted was not opened); signed by " in said) == (0, True)
    assert content_of(made) == before


def test_a_ledger_that_others_have_open_is_verified(made: Path, verify: Verify) -> None:
    with closing(Ledger(f"sqlite:///{made}/ledger.db")) as ledger:
        write_run(ledger, "E")
        assert (made / "ledger.db-wal").exists()
        assert verify(made / "ledger.db")[1].startswith("verified: 18 entries in 6 chains: 12 sealed, 6 not yet")
        elsewhere = made.parent / "elsewhere"
        elsewhere.mkdir()
        for name in ("ledger.db", "ledger.db-wal", "ledger.db.keys", "ledger.db.signer"):
            shutil.copy(made / name, elsewhere / name)
    before = content_of(elsewhere)
    assert verify(elsewhere / "ledger.db")[1].startswith("verified: 18 entries in 6 chains: ")
    assert content_of(elsewhere) == before


def test_a_broken_ledger_is_named(made: Path, verify: Verify) -> None:
    with closing(sqlite3.connect(made / "ledger.db", isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_entries SET payload = CAST('{}' AS BLOB) WHERE chain = 'A' AND position = 1")
    code, said = verify(made / "ledger.db")
    assert (code, said.startswith("the ledger is broken at 'A', entry 1: ")) == (1, True)


def test_keys_and_signers_that_are_missing_are_asked_for(made: Path, verify: Verify) -> None:
    for name in ("ledger.db.keys", "ledger.db.signer"):
        (made / name).rename(made / f"hidden-{name}")
    before = content_of(made)
    code, said = verify(made / "ledger.db", "--without-personal")
    assert (code, "--key NAME+ID+KEY" in said) == (2, True)
    key = (made / "key").read_text()
    code, said = verify(made / "ledger.db", "--key", key)
    assert (code, "--without-personal" in said, "ledger.db.keys' is not there" in said) == (2, True, True)
    assert verify(made / "ledger.db", "--key", key, "--without-personal")[0] == 0
    other = Signer.generate(key.split("+")[0]).verifier
    assert verify(made / "ledger.db", "--key", other, "--without-personal")[0] == 1
    assert content_of(made) == before


def test_keys_that_lie_elsewhere_are_given(made: Path, verify: Verify) -> None:
    (made / "ledger.db.keys").rename(made / "elsewhere.keys")
    before = content_of(made)
    code, said = verify(made / "ledger.db")
    assert (code, "--keys FILE" in said, "ABPO_MASTER_KEY" in said) == (2, True, True)
    code, said = verify(made / "ledger.db", "--keys", made / "elsewhere.keys")
    assert (code, "3 erased, 6 swept; signed by" in said) == (0, True)
    code, said = verify(made / "ledger.db", "--keys", made / "none.keys")
    assert (code, said) == (
        2,
        f"cannot be verified: there is no file {str(made / 'none.keys')!r} with keys of personal fields\n",
    )
    assert content_of(made) == before
    (made / "text").write_text("hello" * 100)
    code, said = verify(made / "ledger.db", "--keys", made / "text")
    assert (code, "holds no keys" in said) == (2, True)
    (made / "empty").touch()
    with closing(Ledger(f"sqlite:///{made}/other.db", clock=FakeClock())) as other:
        write_run(other, "A")
    for others in ("empty", "other.db.keys"):
        code, said = verify(made / "ledger.db", "--keys", made / others)
        assert (code, "holds none of the keys of this ledger" in said) == (2, True)
    with pytest.raises(SystemExit) as ended:
        main(["verify", "x", "--keys", "y", "--without-personal"])
    assert ended.value.code == 2


def test_keys_that_are_wrapped_need_the_master_key(
    tmp_path: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = new_master_key()
    vault = FileVault(tmp_path / "ledger.db.keys", master=master)
    with closing(Ledger(f"sqlite:///{tmp_path}/ledger.db", vault=vault, clock=FakeClock())) as ledger:
        write_run(ledger, "A")
    code, said = verify(tmp_path / "ledger.db")
    assert (code, "set ABPO_MASTER_KEY" in said) == (2, True)
    monkeypatch.setenv("ABPO_MASTER_KEY", new_master_key())
    assert verify(tmp_path / "ledger.db")[0] == 2
    monkeypatch.setenv("ABPO_MASTER_KEY", master)
    assert verify(tmp_path / "ledger.db")[0] == 0


def test_what_is_no_bundle_is_not_said_to_be_broken(made: Path, verify: Verify) -> None:
    key = (made / "key").read_text()
    content = (made / "bundle.jsonl").read_bytes()
    for number, none in enumerate((b"{}\n", b"{", b'{"format":"abpo-bundle/2"}\n', content[:50])):
        (made / f"{number}").write_bytes(none)
        code, said = verify(made / f"{number}", "--key", key)
        assert (code, "is no evidence bundle: " in said) == (2, True)
    (made / "cut").write_bytes(content[: content.index(b"\n")])
    assert verify(made / "cut", "--key", key)[0] == 1
    for none in ("bundle.jsonl", "ledger.db", "key"):
        code, said = verify(made / "bundle.jsonl", "--key", key, "--anchor", made / none)
        assert (code, said.startswith("cannot be verified: ")) == (2, True)
    assert verify(made) == (2, f"cannot be verified: {str(made)!r} cannot be read: Is a directory\n")


def test_a_ledger_without_anything_encrypted_needs_no_keys(tmp_path: Path, verify: Verify) -> None:
    with closing(Ledger(f"sqlite:///{tmp_path}/ledger.db", vault=MemoryVault(), clock=FakeClock())) as ledger:
        ledger.retain("step", timedelta(0))
    code, said = verify(tmp_path / "ledger.db")
    assert (code, said.startswith("verified: 1 entr")) == (0, True)
    assert ("0 sealed, 1 not yet sealed" in said, "signed by" in said) == (True, False)


def test_a_backup_that_is_shorter_than_its_anchor_is_broken(made: Path, verify: Verify) -> None:
    shutil.copy(made / "ledger.db", made / "backup.db")
    with closing(Ledger(f"sqlite:///{made}/ledger.db", anchor=FileAnchor(made / "anchor.txt"))) as ledger:
        ledger.seal()
    shutil.copy(made / "backup.db", made / "ledger.db")
    assert verify(made / "ledger.db")[0] == 0
    code, said = verify(made / "ledger.db", "--anchor", made / "anchor.txt")
    assert (code, "the tail was cut off" in said) == (1, True)


def test_an_older_schema_is_verified_in_a_copy(tmp_path: Path, verify: Verify) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, migrations=MIGRATIONS[:1])
    before = content_of(tmp_path)
    assert verify(path) == (
        0,
        "verified: 0 entries in 0 chains: 0 sealed, 0 not yet sealed, 0 anchored, 0 erased (what is encrypted was not opened)\n",
    )
    assert content_of(tmp_path) == before


def test_a_ledger_in_an_applications_own_file_is_verified(tmp_path: Path, verify: Verify) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE orders (id)")
    code, said = verify(path)
    assert (code, said) == (2, "cannot be verified: there is no ledger in this SQLite file\n")
    with closing(Ledger(f"sqlite:///{path}", shared=True)) as ledger:
        write_run(ledger, "A")
    assert verify(path)[0] == 0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_ledger SET version = 99")
    code, said = verify(path)
    assert (code, "a later release wrote it" in said) == (2, True)


def test_what_is_not_there_is_not_made(tmp_path: Path, made: Path, verify: Verify) -> None:
    key = (made / "key").read_text()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello")
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in ("none.db", "empty", "text", "."):
        code, said = verify(tmp_path / name, "--key", key)
        assert (code, said.startswith("cannot be verified: ")) == (2, True)
    for name in ("none", "empty", "text"):
        for target in ("bundle.jsonl", "ledger.db"):
            assert verify(made / target, "--key", key, "--anchor", tmp_path / name)[0] == 2
    assert verify(made / "ledger.db", "--key", "x")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("arguments", [[], ["verify"], ["other"], ["verify", "a", "b"], ["verify", "a", "--key"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m abpo_sdk" in capsys.readouterr().err


def test_a_truncated_file_is_no_traceback(made: Path, verify: Verify) -> None:
    key = (made / "key").read_text()
    for name, steps in (("bundle.jsonl", 60), ("ledger.db", 60)):
        content = (made / name).read_bytes()
        for cut in {*range(0, len(content), max(1, len(content) // steps)), 1, 15, 16, 99, 100, len(content) - 1}:
            (made / name).write_bytes(content[:cut])
            code, said = verify(made / name, "--key", key)
            assert code in (1, 2), (name, cut, said)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_no_traceback(data: st.DataObject, made: Path, verify: Verify) -> None:
    content = bytearray((made / "ledger.db").read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(16, len(content) - 1))] = data.draw(st.integers(0, 255))
    (made / "damaged.db").write_bytes(content)
    shutil.copy(made / "ledger.db.keys", made / "damaged.db.keys")
    code, _ = verify(made / "damaged.db", "--key", (made / "key").read_text())
    assert code in (0, 1, 2)


@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"{", b"SQLite format 3\0"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_no_traceback(content: bytes, start: bytes, made: Path, verify: Verify) -> None:
    (made / "random").write_bytes(start + content)
    assert verify(made / "random", "--key", (made / "key").read_text())[0] in (1, 2)
    assert verify(made / "random")[0] == 2


def test_a_fault_that_nobody_thought_of_is_no_traceback(
    made: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a\nb")

    monkeypatch.setattr(verification, "verify", fail)
    assert verify(made / "ledger.db") == (2, "cannot be verified, it is damaged: RuntimeError: a b\n")


def test_as_a_command_it_loads_nothing_heavy(made: Path) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['abpo_sdk', 'verify', {str(made / 'ledger.db')!r}]\n"
        "try:\n    runpy.run_module('abpo_sdk', run_name='__main__')\n"
        "except SystemExit as ended:\n    assert ended.code == 0\n"
        "assert not {'numpy', 'pandas', 'psycopg', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("verified: 15 entries in 5 chains: ")


def test_as_a_command_its_code_is_that_of_the_process(made: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "abpo_sdk",
        "verify",
        str(made / "bundle.jsonl"),
        "--key",
        (made / "key").read_text(),
    ]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    content = (made / "bundle.jsonl").read_bytes()
    (made / "bundle.jsonl").write_bytes(content.replace(b'"payload":"{', b'"payload":"[', 3))
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (1, b"")
    done = subprocess.run(command[:-2], capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (2, b"")


# Postgres


@pytest.fixture
def nothing_there(postgres: Server) -> str:
    postgres.run("DROP SCHEMA IF EXISTS abpo CASCADE")
    return postgres.url


def test_a_ledger_on_postgres_is_verified(
    nothing_there: str, postgres: Server, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Signer.generate("example.org/ledger")
    code, said = verify(nothing_there)
    assert (code, said) == (2, "cannot be verified: there is no ledger in this database\n")
    assert postgres.run("SELECT count(*) FROM pg_namespace WHERE nspname = 'abpo'") == [(0,)]
    vault = FileVault(tmp_path / "ledger.keys")
    with closing(Ledger(nothing_there, vault=vault, signer=signer, clock=FakeClock())) as ledger:
        bundles.fill(ledger)
        ledger.export(tmp_path / "bundle")
        assert bundles.by_library(tmp_path / "bundle", ledger.verifier) == bundles.GOOD
        assert bundles.by_script(bundles.script(), tmp_path / "bundle", ledger.verifier) == bundles.GOOD
        key = ledger.verifier
    assert verify(nothing_there, "--key", key)[0] == 2
    assert verify(nothing_there, "--without-personal")[0] == 2
    code, said = verify(nothing_there, "--key", key, "--keys", tmp_path / "ledger.keys")
    assert (code, said.endswith(", 3 erased, 6 swept\n")) == (0, True)
    code, said = verify(nothing_there, "--key", key, "--without-personal")
    assert (code, said.startswith("verified: 12 entries in 4 chains: 12 sealed")) == (0, True)
    with monkeypatch.context() as patched:
        patched.setattr(postgres_schema, "MIGRATIONS", (*postgres_schema.MIGRATIONS, ()))
        code, said = verify(nothing_there, "--key", key)
        assert (code, "open it with this release first" in said) == (2, True)
    postgres.run("UPDATE abpo.entries SET salt = '' WHERE position = 1")
    assert verify(nothing_there, "--key", key, "--without-personal")[0] == 1
    postgres.run("DROP SCHEMA abpo CASCADE")


def test_a_server_that_is_not_there_cannot_be_asked(verify: Verify) -> None:
    code, said = verify("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    assert (code, "cannot be reached" in said) == (2, True)
    assert verify("postgres://a@b@c:x/")[0] == 2


def test_without_psycopg_it_says_what_to_install(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    assert psycopg.__name__ == "psycopg"
    monkeypatch.setitem(sys.modules, "psycopg", None)
    code, said = verify("postgresql://localhost/x")
    assert (code, "pip install" in said) == (2, True)
