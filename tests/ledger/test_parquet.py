from __future__ import annotations

import errno
import hashlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pydantic import BaseModel

from abpo_sdk import Decision, Personal
from abpo_sdk.errors import DefinitionError, LedgerBroken, LedgerFrozen, NotCanonical, StoreUnavailable, UnknownExport
from abpo_sdk.ledger import Ledger, MemoryVault
from abpo_sdk.ledger import parquet as module
from abpo_sdk.ledger.entry import OWN_CHAIN, entry_id
from abpo_sdk.ledger.own_entries import own_draft
from abpo_sdk.ledger.rows import DecisionRow
from abpo_sdk.testing.clock import START, FakeClock

parquet = pytest.importorskip("pyarrow.parquet")

DraftMaker = Callable[..., Any]
Opener = Callable[..., Ledger]

every_view = pytest.mark.parametrize("view", ["decisions", "entries", "runs", "reviews"])


class Claim(BaseModel):
    number: str
    holder: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")]


CLAIM = Claim(number="C-1", holder="h-1", iban="DE89370400440532013000")
MADE = Decision("claims", "v1", "pay", "pay", ("pay", "refer"), 0.75, (), CLAIM, ("number",), owner="head of claims")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where nothing is but what is exported."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def recorded(ledger: Ledger, count: int = 3) -> Ledger:
    history = [(f"C-{n}", replace(MADE, at=START - timedelta(days=n), owner=None if n else "me")) for n in range(count)]
    ledger.import_decisions(history, source="the old system")
    return ledger


def exported(ledger: Ledger) -> list[dict[str, Any]]:
    return [entry.content for entry in ledger.entries(OWN_CHAIN) if entry.kind == "exported"]


# the file


@every_view
def test_a_file_gives_pandas_the_very_view(ledger: Ledger, out: Path, view: str) -> None:
    recorded(ledger)
    expected = ledger.view(view)
    export = ledger.export_parquet(out / "x.parquet", view)
    assert_frame_equal(pd.read_parquet(out / "x.parquet"), expected)
    assert (export.rows, export.view, export.path) == (len(expected), view, out / "x.parquet")
    assert list(out.iterdir()) == [out / "x.parquet"]


def test_the_view_is_the_decisions_unless_told(ledger: Ledger, out: Path) -> None:
    assert recorded(ledger).export_parquet(str(out / "x.parquet")).view == "decisions"
    assert_frame_equal(pd.read_parquet(out / "x.parquet"), ledger.view("decisions"))


@every_view
def test_the_columns_of_a_file_have_the_same_types_rows_or_none(open_ledger: Opener, out: Path, view: str) -> None:
    open_ledger().export_parquet(out / "none.parquet", view)
    recorded(open_ledger()).export_parquet(out / "some.parquet", view)
    none, some = (parquet.read_schema(out / f"{name}.parquet") for name in ("none", "some"))
    assert none.equals(some)
    assert {str(field.type) for field in none} <= {"string", "int64", "double", "bool", "timestamp[us, tz=UTC]"}
    assert_frame_equal(pd.read_parquet(out / "none.parquet"), open_ledger(out / "other.db").view(view))


def test_a_file_says_of_which_ledger_it_is_and_how_large_its_tree_was(ledger: Ledger, out: Path) -> None:
    recorded(ledger).seal()
    recorded(ledger, 5)
    ledger.export_parquet(out / "x.parquet", "entries")
    metadata = parquet.read_schema(out / "x.parquet").metadata
    assert metadata[b"abpo.ledger"].decode() == ledger.store.id
    assert metadata[b"abpo.tree_size"] == b"3"
    assert metadata[b"abpo.view"] == b"entries"


def test_a_large_view_is_written_in_groups_of_rows(ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 4)
    recorded(ledger, 10).export_parquet(out / "x.parquet")
    assert parquet.ParquetFile(out / "x.parquet").num_row_groups == 3
    assert_frame_equal(pd.read_parquet(out / "x.parquet"), ledger.view("decisions"))


def test_nothing_that_is_encrypted_gets_into_a_file(ledger: Ledger, out: Path, draft: DraftMaker) -> None:
    recorded(ledger)
    with ledger.writing() as writer:
        writer.append("R-1", [draft(secret=CLAIM.iban, subject="h-1")])
    for view in ("decisions", "entries", "runs", "reviews"):
        ledger.export_parquet(out / "x.parquet", view)
        assert CLAIM.iban not in parquet.read_table(out / "x.parquet").to_pandas().to_csv()
        assert CLAIM.iban.encode() not in (out / "x.parquet").read_bytes()
    assert CLAIM.iban not in str(exported(ledger))


def test_erased_subjects_and_swept_payloads_keep_nothing_from_being_exported(ledger: Ledger, out: Path) -> None:
    recorded(ledger)
    ledger.erase("h-1", by="dpo", because="asked for it")
    ledger.export_parquet(out / "x.parquet")
    assert len(pd.read_parquet(out / "x.parquet")) == 3
    assert isinstance(ledger.clock, FakeClock)
    ledger.clock.advance(timedelta(days=1))
    ledger.retain("imported", timedelta(0))
    ledger.export_parquet(out / "x.parquet")
    assert len(pd.read_parquet(out / "x.parquet")) == 0
    ledger.export_parquet(out / "x.parquet", "entries")
    assert pd.read_parquet(out / "x.parquet")["swept"].sum() == 3
    ledger.verify()


# the entry


def test_an_entry_says_what_was_exported(ledger: Ledger, out: Path) -> None:
    export = recorded(ledger).export_parquet(out / "x.parquet")
    sha256 = hashlib.sha256((out / "x.parquet").read_bytes()).hexdigest()
    assert exported(ledger) == [
        {"file": "x.parquet", "format": "parquet", "rows": 3, "sha256": sha256, "view": "decisions"}
    ]
    assert export.sha256 == sha256
    assert export.at == START
    assert export.entry == entry_id(OWN_CHAIN, ledger.entries(OWN_CHAIN)[0].place)
    assert sha256 in str(export)
    assert "3 decisions" in str(export)
    ledger.seal()
    ledger.verify()


def test_a_file_is_checked_against_the_entries(ledger: Ledger, out: Path) -> None:
    recorded(ledger)
    for name in ("a", "b"):
        ledger.export_parquet(out / f"{name}.parquet")
        recorded(ledger, 4)
    (out / "a.parquet").rename(out / "renamed.parquet")
    assert ledger.check_export(out / "renamed.parquet").content["file"] == "a.parquet"
    assert ledger.check_export(str(out / "b.parquet")).place.ordinal == 1
    content = bytearray((out / "b.parquet").read_bytes())
    content[20] ^= 1
    (out / "b.parquet").write_bytes(content)
    with pytest.raises(UnknownExport, match=r"of this name it wrote 1, so the file was changed since"):
        ledger.check_export(out / "b.parquet")
    (out / "c.parquet").write_bytes(b"")
    with pytest.raises(UnknownExport, match="another ledger's"):
        ledger.check_export(out / "c.parquet")
    for absent in (out / "d.parquet", out):
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            ledger.check_export(absent)


def test_a_bundle_of_this_ledger_is_said_to_be_checked_otherwise(ledger: Ledger, out: Path) -> None:
    made = recorded(ledger).export(out / "b.jsonl")
    with pytest.raises(UnknownExport, match=r"is no file that `export_parquet` of this ledger wrote: ") as raised:
        ledger.check_export(made.path)
    assert str(raised.value).endswith("; a bundle is checked with verify_bundle")


@pytest.mark.parametrize("payload", [{}, {"sha256": "0"}, {"sha256": "0", "file": 1, "x": 1}])
def test_an_entry_of_its_kind_without_its_content_is_a_broken_ledger_or_another_file(
    ledger: Ledger, out: Path, payload: dict[str, Any]
) -> None:
    (out / "x.parquet").write_bytes(b"x")
    with ledger.writing() as writer:
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "exported", payload, START)])
    with pytest.raises(LedgerBroken if len(payload) < 3 else UnknownExport, match=r"entry 0|another ledger"):
        ledger.check_export(out / "x.parquet")


# what is there


def test_a_file_that_is_there_is_replaced_in_one_go(ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (out / "x.parquet").write_bytes(b"the old one")
    seen = []

    def replaced(self: Path, target: Path) -> None:
        seen.append((target.read_bytes(), len(exported(ledger))))
        os.replace(self, target)

    monkeypatch.setattr(Path, "replace", replaced)
    recorded(ledger).export_parquet(out / "x.parquet")
    assert seen == [(b"the old one", 1)]  # the entry first
    assert len(pd.read_parquet(out / "x.parquet")) == 3
    assert list(out.iterdir()) == [out / "x.parquet"]


def test_several_may_export_to_one_file_at_a_time(open_ledger: Opener, out: Path) -> None:
    recorded(open_ledger())
    failures: list[BaseException] = []

    def work() -> None:
        try:
            ledger = open_ledger()
            for _ in range(3):
                ledger.export_parquet(out / "x.parquet", "entries")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    ledger = open_ledger()
    assert len(exported(ledger)) == 9
    ledger.check_export(out / "x.parquet")
    assert list(out.iterdir()) == [out / "x.parquet"]


# what goes wrong


def test_without_pyarrow_it_is_said_what_to_install(ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DefinitionError, match=r'pip install "abpo_sdk\[parquet\]"'):
        ledger.export_parquet(out / "x.parquet")
    assert list(out.iterdir()) == []
    (out / "x").write_bytes(b"x")
    with pytest.raises(UnknownExport):  # which needs none
        ledger.check_export(out / "x")


@pytest.mark.parametrize("nowhere", ["", "/", "."])
def test_a_path_that_names_no_file_is_refused(ledger: Ledger, nowhere: str) -> None:
    with pytest.raises(DefinitionError, match="names no file"):
        ledger.export_parquet(nowhere)


@contextmanager
def nothing_is_left(ledger: Ledger, out: Path, entries: int = 0) -> Iterator[None]:
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    yield
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert len(exported(ledger)) == entries
    ledger.verify()


def test_a_directory_that_is_absent_or_stands_in_the_place_of_the_file_is_said(ledger: Ledger, out: Path) -> None:
    (out / "x.parquet").mkdir()
    for path, why in ((out / "no" / "x.parquet", "No such file"), (out / "x.parquet", "is a directory")):
        with nothing_is_left(ledger, out), pytest.raises(StoreUnavailable, match=why):
            ledger.export_parquet(path)


def test_a_directory_that_may_not_be_written_to_is_said(
    open_ledger: Opener, open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    ledger = recorded(open_ledger())
    open_directory.chmod(0o555)
    with nothing_is_left(ledger, open_directory), unprivileged():  # noqa: SIM117
        with pytest.raises(StoreUnavailable, match="Permission denied"):
            ledger.export_parquet(open_directory / "x.parquet")


def test_a_disk_without_room_for_the_file_is_said(ledger: Ledger, out: Path) -> None:
    recorded(ledger, 50)
    (out / "x.parquet").write_bytes(b"the old one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with nothing_is_left(ledger, out):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            with pytest.raises(StoreUnavailable, match="File too large"):
                ledger.export_parquet(out / "x.parquet")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("stage", ["fsync", "entry"])
def test_what_fails_before_the_entry_leaves_nothing(
    ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    recorded(ledger)

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def locked(*args: Any) -> None:
        raise StoreUnavailable("the ledger is locked")

    with nothing_is_left(ledger, out), monkeypatch.context() as patch:
        if stage == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(ledger, "writing", locked)
        with pytest.raises(StoreUnavailable, match=r"No space left|locked"):
            ledger.export_parquet(out / "x.parquet")


def test_a_file_that_does_not_get_its_name_leaves_an_entry_which_the_error_names(
    ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "in use")

    with nothing_is_left(ledger, out, entries=1), monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refused)
        with pytest.raises(StoreUnavailable, match=r"in use; no file was left; entry .*exported.*0 says"):
            ledger.export_parquet(out / "x.parquet")


def test_a_name_that_is_no_text_is_refused_and_leaves_nothing(ledger: Ledger, out: Path) -> None:
    with nothing_is_left(ledger, out), pytest.raises(NotCanonical):
        ledger.export_parquet(out / os.fsdecode(b"\xff.parquet"))


def test_a_frozen_ledger_exports_nothing_and_can_be_viewed(ledger: Ledger, out: Path) -> None:
    recorded(ledger)
    ledger.frozen = "shorter than its anchor"
    with nothing_is_left(ledger, out), pytest.raises(LedgerFrozen):
        ledger.export_parquet(out / "x.parquet")
    assert len(ledger.view("decisions")) == 3


def test_a_row_that_is_none_leaves_nothing(ledger: Ledger, out: Path) -> None:
    recorded(ledger)
    with ledger.store.transaction() as tx:
        [row] = tx.select(DecisionRow, equal={"chain": "C-1"})
        tx.put(row._replace(at="never"))
    with pytest.raises(LedgerBroken, match="'C-1'"):
        ledger.export_parquet(out / "x.parquet")
    assert list(out.iterdir()) == []
    assert exported(ledger) == []


CRASH = """
import os, sys
from pathlib import Path
from abpo_sdk import Ledger
ledger = Ledger(f"sqlite:///{sys.argv[1]}")
def die(*args): os._exit(9)
if sys.argv[3] == "before the entry":
    ledger.writing = die
elif sys.argv[3] == "after the entry":
    Path.replace = die
else:
    import abpo_sdk.ledger.parquet as parquet
    parquet.sync_directory = die
ledger.export_parquet(sys.argv[2])
"""


@pytest.mark.parametrize(
    ("moment", "entries", "files"),
    [("before the entry", 0, 0), ("after the entry", 1, 0), ("after the name", 1, 1)],
)
def test_whenever_it_crashes_no_file_is_there_that_no_entry_knows(
    open_ledger: Opener, path: Path, out: Path, moment: str, entries: int, files: int
) -> None:
    recorded(open_ledger()).close()
    command = [sys.executable, "-c", CRASH, str(path), str(out / "x.parquet"), moment]
    assert subprocess.run(command, check=False).returncode == 9
    ledger = open_ledger()
    assert len(exported(ledger)) == entries
    assert len(list(out.glob("*.parquet"))) == files
    for file in out.glob("*.parquet"):
        ledger.check_export(file)
    assert all(left.name.startswith(".abpo-export-") for left in out.iterdir() if left.suffix != ".parquet")
    ledger.verify()
    ledger.export_parquet(out / "x.parquet")
    ledger.check_export(out / "x.parquet")


def test_a_ledger_in_memory_exports_too(out: Path) -> None:
    with closing(Ledger("sqlite://", vault=MemoryVault(), clock=FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))) as ledger:
        recorded(ledger).export_parquet(out / "x.parquet")
        assert_frame_equal(pd.read_parquet(out / "x.parquet"), ledger.view("decisions"))
        ledger.check_export(out / "x.parquet")
