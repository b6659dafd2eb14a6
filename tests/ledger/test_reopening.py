"""A ledger that is shorter than its anchor, or forked from it, opens frozen, until a named person opens it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk import Runtime, process, step
from abpo_sdk.errors import DefinitionError, Erased, LedgerBroken, LedgerFrozen, NoteInvalid, StoreUnavailable
from abpo_sdk.ledger import CallableAnchor, Checkpoint, FileAnchor, Ledger, Place, Signer, open_checkpoint
from abpo_sdk.ledger.entry import OWN_CHAIN, Draft
from abpo_sdk.ledger.own_entries import own_draft
from abpo_sdk.ledger.rows import TABLES
from abpo_sdk.ledger.transparency.checkpoint import sign_checkpoint
from abpo_sdk.testing.clock import START, FakeClock
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import PersonalValue

PAID = Decision("claims", "v1", "pay", "pay", ("pay", "reject"), 1.0, (), {"amount": 70}, ("amount",))


@step
def work() -> int:
    return 1


@process
def job() -> int:
    return work()


class Desk:
    """A ledger with an anchor, backups of it, and what happens to both."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.db"
        self.anchor_file = directory / "anchor.txt"
        self.anchor = FileAnchor(self.anchor_file)
        self.ledgers: list[Ledger] = []

    def open(self, *, anchored: bool = True, anchor: Any = None, **options: Any) -> Ledger:
        anchor = anchor or (self.anchor if anchored else None)
        ledger = Ledger(f"sqlite:///{self.path}", anchor=anchor, clock=FakeClock(), **options)
        self.ledgers.append(ledger)
        return ledger

    def write(self, *keys: str, subject: str | None = None, **options: Any) -> None:
        """Append an entry to each chain, and seal."""
        with self.open(**options) as ledger:
            for key in keys:
                personal = (PersonalValue(("iban",), "iban", subject),) if subject else ()
                with ledger.writing() as writer:
                    place = Place("/", len(writer.tx.entries(key)))
                    writer.append(key, [Draft(place, "step", "work", {"iban": "DE89"}, START, personal)])
            ledger.seal()

    def back_up(self, name: str = "backup") -> None:
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(self.backup(name))) as target:
            source.backup(target)

    def restore(self, name: str = "backup") -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.backup(name), self.path)

    def backup(self, name: str) -> Path:
        return self.path.with_name(f"{name}.db")

    def change(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    desk = Desk(tmp_path)
    yield desk
    for ledger in desk.ledgers:
        ledger.close()


@pytest.fixture
def restored(desk: Desk) -> Desk:
    """Two entries in a backup, and two more that were lost with the disk."""
    desk.write("A", "B")
    desk.back_up()
    desk.write("A", "C")
    desk.restore()
    return desk


def content(ledger: Ledger) -> Any:
    rows = [ledger.store.select(kind) for kind in TABLES]
    return list(ledger.store.scan()), list(ledger.store.heads()), rows, ledger.store.checkpoints()


# frozen

WRITES: dict[str, Callable[[Ledger], object]] = {
    "append": lambda ledger: ledger.writing(),
    "record": lambda ledger: ledger.record(PAID, key="C-1"),
    "import": lambda ledger: ledger.import_decisions([("C-1", replace(PAID, at=START))], source="the old one"),
    "seal": lambda ledger: ledger.seal(),
    "erase": lambda ledger: ledger.erase("h-1", by="ines", because="asked for"),
    "hold": lambda ledger: ledger.hold("h-1", "a lawsuit", by="ines"),
    "release": lambda ledger: ledger.release("h-1", "a lawsuit", by="ines", because="settled"),
    "retain": lambda ledger: ledger.retain("step", timedelta(0)),
    "rebuild": lambda ledger: ledger.rebuild(),
}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_to_a_frozen_ledger(restored: Desk, write: str) -> None:
    ledger = restored.open()
    before, keys = content(ledger), ledger.vault.identifiers("h-1")
    with pytest.raises(LedgerFrozen, match=r"4 entries were anchored, and 2 are sealed here.*reconcile.*reopen"):
        WRITES[write](ledger)
    assert (content(ledger), ledger.vault.identifiers("h-1")) == (before, keys)


def test_nothing_is_written_to_a_frozen_ledger_in_a_callers_own_transaction(restored: Desk) -> None:
    ledger = restored.open()
    with closing(sqlite3.connect(restored.path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        with pytest.raises(LedgerFrozen):
            ledger.record(PAID, key="C-1", connection=connection)
        connection.execute("COMMIT")
    assert ledger.entries("C-1") == []


def test_no_run_starts_on_a_frozen_ledger(restored: Desk) -> None:
    ledger = restored.open()
    before = content(ledger)
    runtime = Runtime(ledger, [job])
    with pytest.raises(LedgerFrozen):
        runtime.start(job, id="R-1")
    runtime.tick()
    assert content(ledger) == before


def test_a_frozen_ledger_can_be_read_and_says_what_is_missing(restored: Desk) -> None:
    ledger = restored.open()
    assert [len(ledger.entries(chain)) for chain in ("A", "B", "C")] == [1, 1, 0]
    assert ledger.payload(ledger.entries("A")[0], purpose="test") == {"iban": "DE89"}
    assert ledger.decisions().empty
    assert ledger.tree().size == 2
    assert ledger.checkpoint() is not None
    for call in (ledger.verify, ledger.verify_headers):
        with pytest.raises(LedgerBroken, match="the tail was cut off from position 2 on") as caught:
            call()
        assert caught.value.leaf == 2


def test_a_ledger_that_is_restored_to_what_was_anchored_last_is_not_frozen(desk: Desk) -> None:
    """What was written since is lost, and nobody outside knew of it."""
    desk.write("A", "B")
    desk.back_up()
    with desk.open() as ledger:
        ledger.record(PAID, key="C-1")
    desk.restore()
    ledger = desk.open()
    assert ledger.frozen is None
    assert ledger.verify().entries == 2


# reopening


@pytest.mark.parametrize("said", [{"by": ""}, {"because": " "}, {"by": None}])
def test_somebody_must_answer_for_it(restored: Desk, said: dict[str, Any]) -> None:
    ledger = restored.open()
    before = content(ledger)
    with pytest.raises(DefinitionError, match=r"is empty|is no text"):
        ledger.reopen(**{"by": "ines", "because": "the disk died", **said})
    assert content(ledger) == before
    assert ledger.frozen


def test_a_ledger_that_is_not_frozen_cannot_be_reopened(desk: Desk) -> None:
    desk.write("A")
    for anchored in (True, False):
        with pytest.raises(DefinitionError, match="not frozen"):
            desk.open(anchored=anchored).reopen(by="ines", because="of this")


def test_a_reopened_ledger_says_what_was_lost_and_goes_on(restored: Desk) -> None:
    ledger = restored.open()
    ledger.reopen(by="ines", because="the disk died")
    assert ledger.frozen is None
    (entry,) = ledger.entries(OWN_CHAIN)
    lost = restored.anchor.notes()[1]
    assert entry.kind == "reopened"
    assert (entry.content["by"], entry.content["because"]) == ("ines", "the disk died")
    assert [checkpoint["size"] for checkpoint in entry.content["lost"]] == [4]
    assert ledger.verify().anchored == 3  # what was lost is not counted, and what says so is
    ledger.record(PAID, key="C-1")
    assert ledger.seal().size == 4  # as large as what was lost, and another
    assert ledger.checkpoint() != lost
    assert ledger.verify().anchored == 4
    assert ledger.verify_headers() == 4
    ledger.close()
    again = restored.open()
    assert again.frozen is None
    assert again.verify().anchored == 4
    again.record(PAID, key="C-2")
    assert again.seal().size == 5


def test_reopening_twice_in_two_processes_loses_nothing(restored: Desk) -> None:
    one, other = restored.open(), restored.open()
    one.reopen(by="ines", because="the disk died")
    other.reopen(by="noor", because="I saw it too")
    assert [entry.content["lost"] for entry in one.entries(OWN_CHAIN)][1] == []
    other.record(PAID, key="C-1")
    one.seal()
    assert one.verify().entries == 5


def test_a_second_restored_backup_is_frozen_again(restored: Desk) -> None:
    with restored.open() as ledger:
        ledger.reopen(by="ines", because="the disk died")
        ledger.record(PAID, key="C-1")
        ledger.seal()
    restored.back_up("later")
    restored.write("D", "E")
    restored.restore("later")
    with restored.open() as ledger:
        assert ledger.frozen is not None
        assert "6 entries were anchored, and 4 are sealed here" in ledger.frozen
        ledger.reopen(by="ines", because="again")
        assert ledger.seal().size == 5
        assert ledger.verify().anchored == 5
    restored.restore()  # and the first one, which does not know of the reopening
    with restored.open() as ledger:
        assert ledger.frozen is not None
        ledger.reopen(by="ines", because="and again")
        assert len(ledger.entries(OWN_CHAIN)[0].content["lost"]) == 5
        assert ledger.seal().size == 3
        assert ledger.verify().anchored == 3
    assert restored.open().frozen is None


def test_what_was_erased_after_the_backup_stays_erased_and_is_not_taken_for_a_missing_key(desk: Desk) -> None:
    desk.write("A", "B", subject="h-1")
    desk.write("C", subject="h-2")
    desk.back_up()
    with desk.open() as ledger:
        ledger.erase("h-1", by="ines", because="asked for")
        ledger.seal()
    desk.restore()
    ledger = desk.open()
    ledger.reopen(by="ines", because="the disk died")
    verified = ledger.verify()
    assert (verified.entries, verified.erased) == (4, 2)
    with pytest.raises(Erased):
        ledger.payload(ledger.entries("A")[0], purpose="test")
    assert ledger.payload(ledger.entries("C")[0], purpose="test")["iban"] == "DE89"
    ledger.close()
    with closing(sqlite3.connect(f"{desk.path}.keys", isolation_level=None)) as keys:
        keys.execute("DELETE FROM keys")  # and one that goes later is missed
    with pytest.raises(LedgerBroken, match=r"'C', entry 0.*is missing"):
        desk.open().verify()


def test_keys_that_were_left_behind_by_mistake_are_not_deleted_for_having_been_missing(restored: Desk) -> None:
    restored.write("A", subject="h-1", anchored=False)
    keys, aside = Path(f"{restored.path}.keys"), restored.path.with_name("aside")
    keys.rename(aside)
    with restored.open() as ledger:
        ledger.reopen(by="ines", because="the disk died")
        assert ledger.verify().erased == 1
    aside.rename(keys)
    with restored.open() as ledger:
        assert ledger.verify().erased == 0
        assert ledger.payload(ledger.entries("A")[1], purpose="test")["iban"] == "DE89"


# forks and cuts


def test_a_fork_is_named_where_it_left_what_was_anchored(restored: Desk) -> None:
    restored.write("X", "Y", "Z", anchored=False)  # somebody went on without the anchor, and past it
    ledger = restored.open()
    assert ledger.frozen is not None
    assert "another root over the first 4 entries" in ledger.frozen
    with pytest.raises(LedgerFrozen, match="a fork"):
        ledger.seal()
    for call in (ledger.verify, ledger.verify_headers):
        with pytest.raises(LedgerBroken, match="forked or rewritten after position 2") as caught:
            call()
        assert caught.value.leaf == 2
    ledger.reopen(by="ines", because="both went on")
    assert ledger.seal().size == 6
    assert ledger.verify().anchored == 6


def test_a_fork_below_a_later_checkpoint_of_its_own_is_named(desk: Desk) -> None:
    """The anchor's last checkpoint fits; one before it does not."""
    desk.write("A", "B")
    signer = Signer.from_file(f"{desk.path}.signer")
    first = desk.anchor.notes()[0]
    forged = sign_checkpoint(Checkpoint(signer.verifier.name, 1, b"r" * 32), signer)
    desk.anchor_file.write_text(f"{forged}\n{first}\n")
    ledger = desk.open()
    assert ledger.frozen is not None
    assert "over the first 1 entries" in ledger.frozen
    with pytest.raises(LedgerBroken, match="forked"):
        ledger.verify()


CUT = (
    "DELETE FROM abpo_entries WHERE leaf >= 2",
    "DELETE FROM abpo_chains WHERE chain = 'C'",
    "DELETE FROM abpo_checkpoints WHERE size > 2",
)


def test_a_tail_that_was_cut_off_with_all_that_names_it_is_found(desk: Desk) -> None:
    desk.write("A", "B")
    with closing(sqlite3.connect(desk.path)) as connection:
        (tile,) = connection.execute("SELECT hashes FROM abpo_tiles").fetchone()
    desk.write("C", "C")
    desk.change(*CUT, f"UPDATE abpo_tiles SET hashes = x'{tile.hex()}'")
    assert desk.open(anchored=False).verify().entries == 2  # nothing here tells
    ledger = desk.open()
    assert ledger.frozen is not None
    with pytest.raises(LedgerBroken, match="cut off from position 2 on"):
        ledger.verify()


@pytest.mark.parametrize("left_out", range(len(CUT) + 1))
def test_a_tail_that_was_cut_off_by_half_is_found_without_an_anchor(desk: Desk, left_out: int) -> None:
    desk.write("A", "B")
    with closing(sqlite3.connect(desk.path)) as connection:
        (tile,) = connection.execute("SELECT hashes FROM abpo_tiles").fetchone()
    desk.write("C", "C")
    statements = [*CUT, f"UPDATE abpo_tiles SET hashes = x'{tile.hex()}'"]
    del statements[left_out]
    desk.change(*statements)
    with pytest.raises(LedgerBroken):
        desk.open(anchored=False).verify()


# the anchor itself


def test_an_anchor_of_another_ledger_freezes_this_one_and_cannot_be_given_up(desk: Desk, tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path}/other.db", anchor=desk.anchor) as other:
        other.seal()
    desk.write("A", anchored=False)
    ledger = desk.open()
    assert ledger.frozen is not None
    assert "cannot be trusted" in ledger.frozen
    with pytest.raises(LedgerBroken, match="cannot be trusted"):
        ledger.verify()
    with pytest.raises(LedgerBroken, match="cannot be trusted"):
        ledger.reopen(by="ines", because="of this")
    assert ledger.frozen
    assert ledger.entries(OWN_CHAIN) == []


def test_an_anchor_signed_by_an_unknown_key_of_the_same_name_freezes(desk: Desk) -> None:
    desk.write("A")
    with desk.open() as ledger:
        name = f"abpo.ledger/{ledger.store.id}"
    stranger = Signer.generate(name)
    desk.anchor.publish(sign_checkpoint(Checkpoint(name, 1, b"r" * 32), stranger))
    ledger = desk.open()
    assert ledger.frozen is not None
    assert "no known key signed" in ledger.frozen


def test_a_new_ledger_at_the_path_of_one_that_was_anchored_is_frozen(desk: Desk) -> None:
    desk.write("A")
    for suffix in ("", ".signer"):
        Path(f"{desk.path}{suffix}").unlink()
    ledger = desk.open()
    assert ledger.frozen is not None
    assert "no key is known" in ledger.frozen


@pytest.mark.parametrize("garbage", [b"garbage\n\n\n", b"\n", b"\xff\n\xff\n"])
def test_an_anchor_that_holds_garbage_is_refused_by_name(desk: Desk, garbage: bytes) -> None:
    desk.write("A")
    desk.anchor_file.write_bytes(garbage)
    with pytest.raises(NoteInvalid, match=r"line \d of '.*anchor.txt' is no part of a note"):
        desk.open()


def test_an_anchor_out_of_reach_is_refused_by_name_at_opening_and_later(desk: Desk, tmp_path: Path) -> None:
    """Who cannot ask the anchor cannot know whether the ledger was cut, so it does not open."""
    share = tmp_path / "share"
    share.mkdir()
    anchor = FileAnchor(share / "anchor.txt")
    with desk.open(anchor=anchor) as ledger:
        ledger.record(PAID, key="C-1")
        ledger.seal()
        shutil.rmtree(share)
        ledger.record(PAID, key="C-2")  # work goes on
        for call in (ledger.seal, ledger.verify, ledger.verify_headers):
            with pytest.raises(StoreUnavailable, match="cannot be read"):
                call()
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        desk.open(anchor=anchor)
    assert desk.open(anchored=False).verify().entries == 2


def test_an_anchor_whose_file_is_gone_says_nothing_and_gets_the_next_checkpoint(desk: Desk) -> None:
    """The directory is there, and no file: as for an anchor that is new. So let the directory be the share's own."""
    desk.write("A")
    desk.anchor_file.unlink()
    ledger = desk.open()
    assert ledger.frozen is None
    assert ledger.verify().anchored == 0  # the anchor can be read, and has none
    ledger.seal()
    assert ledger.verify().anchored == 1
    assert desk.anchor.notes() == [ledger.checkpoint()]


@pytest.mark.parametrize("which", ["", " WHERE id = 1", " WHERE id = 2"])
def test_a_checkpoint_that_was_removed_is_missed_by_the_anchor(desk: Desk, which: str) -> None:
    desk.write("A")
    desk.write("B")
    desk.change(f"DELETE FROM abpo_checkpoints{which}")
    with pytest.raises(LedgerBroken, match="which was removed here"):
        desk.open().verify()


def test_an_anchor_that_is_ahead_because_of_a_crash_has_the_same_root(desk: Desk) -> None:
    desk.write("A")
    desk.change("UPDATE abpo_checkpoints SET anchored = 0")
    ledger = desk.open()
    assert ledger.frozen is None
    assert ledger.verify().anchored == 1
    ledger.seal()
    assert desk.anchor.notes() == [ledger.checkpoint()]
    assert [row.anchored for row in ledger.store.checkpoints()] == [1]


def test_an_anchor_that_gives_the_last_checkpoint_alone_finds_a_restored_backup(desk: Desk) -> None:
    kept: list[str] = []
    anchor = CallableAnchor(kept.append, lambda: kept[-1] if kept else None)
    desk.write("A", "B", anchor=anchor)
    desk.back_up()
    desk.write("A", "C", anchor=anchor)
    desk.restore()
    ledger = desk.open(anchor=anchor)
    assert ledger.frozen is not None
    ledger.reopen(by="ines", because="the disk died")
    assert ledger.seal().size == 3
    assert (
        open_checkpoint(kept[-1], ledger._signers.verifiers(), origin=ledger._signers.signer().verifier.name).size == 3
    )
    ledger.close()
    assert desk.open(anchor=anchor).frozen is None


def test_an_anchor_that_cannot_be_asked_finds_nothing(desk: Desk) -> None:
    kept: list[str] = []
    desk.write("A", "B", anchor=CallableAnchor(kept.append))
    desk.back_up()
    desk.write("A", "C", anchor=CallableAnchor(kept.append))
    desk.restore()
    ledger = desk.open(anchor=CallableAnchor(kept.append))
    assert ledger.frozen is None
    assert ledger.verify().anchored == 2
    assert len(kept) == 2  # whoever has these knows better


def test_what_an_anchor_of_ones_own_raises_goes_through(desk: Desk) -> None:
    def down() -> str:
        raise ConnectionError("no route to the witness")

    with pytest.raises(ConnectionError, match="no route"):
        desk.open(anchor=CallableAnchor(print, down))


def test_a_ledger_whose_tree_is_damaged_opens_frozen_and_can_be_read(desk: Desk) -> None:
    desk.write("A", "B")
    desk.change("UPDATE abpo_tiles SET hashes = x'00'")
    ledger = desk.open()
    assert ledger.frozen is not None
    assert "tile 0 of level 0 is missing or damaged" in ledger.frozen
    assert len(ledger.entries("A")) == 1
    with pytest.raises(LedgerBroken):
        ledger.verify()


def test_whoever_has_the_file_and_not_the_signers_key_cannot_give_up_what_was_anchored(desk: Desk) -> None:
    desk.write("A")
    ledger = desk.open()
    lost = [{"root": ledger.tree().root().hex(), "size": ledger.tree().size}]
    with ledger.writing() as writer:
        payload = {"because": "x", "by": "x", "lost": lost, "missing": []}
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "reopened", payload, ledger.clock.now())])
    desk.change("DELETE FROM abpo_checkpoints", "DELETE FROM abpo_tiles", "UPDATE abpo_entries SET leaf = NULL")
    again = desk.open()
    assert again.frozen is not None
    with pytest.raises(LedgerBroken):
        again.verify()
