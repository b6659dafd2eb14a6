"""Sealing: every entry gets one position, the tree is that of RFC 6962 over the headers, and each root is signed and anchored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk.errors import DefinitionError, LedgerBroken, LedgerFrozen, NoteInvalid, StoreUnavailable
from abpo_sdk.ledger import (
    CallableAnchor,
    Checkpoint,
    FileAnchor,
    Ledger,
    MemoryVault,
    MerkleTree,
    Place,
    Signer,
    SqliteStore,
    open_checkpoint,
    sealing,
    tiles,
    tree_check,
)
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.transparency.proofs import leaf_hash
from abpo_sdk.ledger.tree_check import check_tiles
from abpo_sdk.testing.clock import START, FakeClock

OpenLedger = Callable[..., Ledger]


def draft(ordinal: int) -> Draft:
    return Draft(Place("/", ordinal), "step", "work", {"result": ordinal}, START)


def append(ledger: Ledger, count: int, chain: str = "R-1") -> None:
    with ledger.writing() as writer:
        start = len(writer.tx.entries(chain))
        writer.append(chain, [draft(start + number) for number in range(count)])


def plain_tree(ledger: Ledger) -> MerkleTree:
    """The tree over the headers in the order of the tree, made leaf by leaf in memory."""
    tree = MerkleTree()
    for number, (leaf, header) in enumerate(ledger.store.headers()):
        assert leaf == number
        tree.append(header)
    return tree


def check_tree(ledger: Ledger) -> None:
    """The stored tree is the plain one, node by node, and every checkpoint is a root of it."""
    tree, plain = ledger.tree(), plain_tree(ledger)
    assert (tree.size, tree.root()) == (plain.size, plain.root())
    check_tiles(ledger.store, tree.size)
    (verifier,) = ledger._signers.verifiers()
    for row in ledger.store.checkpoints():
        checkpoint = open_checkpoint(row.note, [verifier], origin=verifier.name)
        assert checkpoint.size == row.size
        assert checkpoint.root == plain.root(row.size)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> int:
    """Tiles of two levels over four nodes, so that few entries fill many of them."""
    levels, width = 2, 4
    size = (2 * width - 2) * tiles.HASH
    for module, name, value in (
        (tiles, "LEVELS", levels),
        (tiles, "WIDTH", width),
        (tiles, "TILE_BYTES", size),
        (tree_check, "WIDTH", width),
    ):
        monkeypatch.setattr(module, name, value)
    return width


# what is sealed


def test_a_ledger_without_entries_has_a_checkpoint_over_none(ledger: Ledger) -> None:
    checkpoint = ledger.seal()
    assert (checkpoint.size, checkpoint.root) == (0, MerkleTree().root())
    assert ledger.verify().sealed == ledger.verify_headers() == 0
    assert ledger.seal() == checkpoint
    assert len(ledger.store.checkpoints()) == 1
    append(ledger, 1)
    assert ledger.seal().size == 1
    check_tree(ledger)


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 511, 512, 513])
def test_the_tree_is_that_over_the_headers_in_the_order_in_which_they_were_written(ledger: Ledger, count: int) -> None:
    append(ledger, count)
    checkpoint = ledger.seal()
    assert checkpoint == Checkpoint(checkpoint.origin, count, plain_tree(ledger).root())
    assert [entry.leaf for entry in ledger.entries("R-1")] == list(range(count))
    assert all(ledger.store.leaf(entry.leaf or 0) == entry for entry in ledger.entries("R-1"))
    check_tree(ledger)
    assert ledger.verify().sealed == ledger.verify_headers() == count


def test_the_tree_of_a_level_of_tiles_and_one_entry_more() -> None:
    """65,537 entries: the third level of tiles begins at 65,536."""
    with closing(Ledger("sqlite://")) as ledger:
        for chain in range(16):
            append(ledger, 4096, f"R-{chain}")
        assert ledger.seal().size == 65_536
        append(ledger, 1, "R-0")
        assert ledger.seal().size == 65_537
        check_tree(ledger)
        assert ledger.store.tile(2, 0) is not None
        assert ledger.verify_headers() == 65_537


def test_trees_of_every_size_grown_in_every_step(narrow: int) -> None:
    """With tiles of four nodes, 70 leaves make four levels of tiles."""
    for step in (1, 2, 3, 4, 5, 7, 16, 17):
        with closing(Ledger("sqlite://")) as ledger:
            for _ in range(70 // step):
                append(ledger, step)
                assert ledger.seal().root == plain_tree(ledger).root()
                check_tiles(ledger.store, ledger.store.size())
            check_tree(ledger)
            ledger.verify()


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 19, 20, 21])
def test_batches_make_the_tree_that_one_would_make(ledger: Ledger, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", batch)
    append(ledger, 20)
    assert ledger.seal().size == 20
    check_tree(ledger)
    assert len(ledger.store.checkpoints()) == 1


def test_sealing_again_adds_nothing(ledger: Ledger) -> None:
    append(ledger, 5)
    first = ledger.seal()
    before = ledger.checkpoint(), ledger.store.tile(0, 0), ledger.store.checkpoints()
    assert ledger.seal() == first
    assert (ledger.checkpoint(), ledger.store.tile(0, 0), ledger.store.checkpoints()) == before


def test_what_is_written_meanwhile_comes_with_a_later_batch(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, open_ledger: OpenLedger
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 4)
    other = open_ledger()
    append(ledger, 8)
    writes = iter([3, 2])
    inner = sealing._seal_batch

    def between(*arguments: Any) -> Any:
        append(other, next(writes, 0))
        return inner(*arguments)

    monkeypatch.setattr(sealing, "_seal_batch", between)
    assert ledger.seal().size == 13
    check_tree(ledger)


def test_every_sealed_entry_has_a_proof_that_holds_at_each_later_size(ledger: Ledger) -> None:
    roots = []
    for count in (1, 5, 300):
        append(ledger, count)
        roots.append(ledger.seal())
    tree = ledger.tree()
    for checkpoint in roots:
        for entry in ledger.entries("R-1")[: checkpoint.size : 7]:
            assert entry.leaf is not None
            proof = tree.inclusion(entry.leaf, checkpoint.size)
            MerkleTree.verify_inclusion(entry.header, entry.leaf, checkpoint.size, proof, checkpoint.root)
    for old in roots:
        for new in roots:
            if old.size <= new.size:
                proof = tree.consistency(old.size, new.size)
                MerkleTree.verify_consistency(old.size, new.size, old.root, new.root, proof)


def test_the_tree_grows_by_sealing_alone(ledger: Ledger) -> None:
    append(ledger, 1)
    ledger.seal()
    with pytest.raises(DefinitionError, match="seal"):
        ledger.tree().append(b"mine")


def test_what_was_not_sealed_is_counted_as_such(ledger: Ledger) -> None:
    append(ledger, 3)
    ledger.seal()
    append(ledger, 2)
    verified = ledger.verify()
    assert (verified.sealed, verified.unsealed, ledger.verify_headers()) == (3, 2, 3)
    assert [entry.leaf for entry in ledger.entries("R-1")] == [0, 1, 2, None, None]


# several at once

BUSY = """
import sys
from abpo_sdk.ledger import FileAnchor, Ledger, Place, sealing
from abpo_sdk.ledger.entry import Draft
sealing.BATCH = 3
path, name, seals = sys.argv[1], sys.argv[2], sys.argv[3] == "seals"
ledger = Ledger("sqlite:///" + path, timeout=60, anchor=FileAnchor(path + ".anchor"))
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    with ledger.writing() as writer:
        writer.append(name, [Draft(Place("/", number), "step", "work", {"result": number}, ledger.clock.now())])
    if seals:
        ledger.seal()
ledger.close()
"""


def test_processes_that_seal_and_append_at_once_seal_every_entry_once(path: Path) -> None:
    anchor = FileAnchor(f"{path}.anchor")
    with closing(Ledger(f"sqlite:///{path}")):
        pass
    arguments = [("one", "seals"), ("two", "seals"), ("three", "appends")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUSY, str(path), *argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for argument in arguments
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    with closing(Ledger(f"sqlite:///{path}", anchor=anchor)) as ledger:
        assert ledger.frozen is None
        assert ledger.seal().size == 75
        check_tree(ledger)
        assert ledger.verify().anchored == 75
        assert set(anchor.notes()) <= {row.note for row in ledger.store.checkpoints()}


def test_threads_that_seal_and_append_at_once_seal_every_entry_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    start = threading.Barrier(4)
    problems: list[BaseException] = []

    def work(name: str) -> None:
        start.wait()
        try:
            for _ in range(15):
                append(ledger, 1, name)
                ledger.seal()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(f"T-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert ledger.seal().size == 60
    check_tree(ledger)
    assert ledger.verify().sealed == 60


# crashes

KILLED = """
import os, sys
from abpo_sdk.ledger import CallableAnchor, FileAnchor, Ledger, sealing
path, when = sys.argv[1:]
sealing.BATCH = 3
anchor = FileAnchor(path + ".anchor")
die = lambda *_: os.kill(os.getpid(), 9)
if when == "before publishing":
    ledger = Ledger("sqlite:///" + path, anchor=CallableAnchor(die))
elif when == "after publishing":
    ledger = Ledger("sqlite:///" + path, anchor=CallableAnchor(lambda note: (anchor.publish(note), die())))
else:
    ledger = Ledger("sqlite:///" + path, anchor=anchor)
    inner, calls = sealing._seal_batch, iter(range(2))
    sealing._seal_batch = lambda *a: inner(*a) if next(calls, None) is not None else die()
ledger.seal()
"""


@pytest.mark.parametrize("when", ["between batches", "before publishing", "after publishing"])
def test_a_process_that_is_killed_while_it_seals_leaves_a_ledger_that_the_next_one_seals(path: Path, when: str) -> None:
    with closing(Ledger(f"sqlite:///{path}", anchor=FileAnchor(f"{path}.anchor"))) as ledger:
        append(ledger, 2)
        ledger.seal()
        append(ledger, 9)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), when], check=False)
    assert killed.returncode == -signal.SIGKILL
    anchor = FileAnchor(f"{path}.anchor")
    with closing(Ledger(f"sqlite:///{path}", anchor=anchor)) as ledger:
        assert ledger.frozen is None
        verified = ledger.verify()
        expected = {"between batches": (2, 2), "before publishing": (11, 2), "after publishing": (11, 11)}
        assert (verified.entries, (verified.sealed, verified.anchored)) == (11, expected[when])
        if when == "between batches":
            assert ledger.tree().size == 8  # two batches of three have their positions, and no checkpoint
        assert ledger.seal().size == 11
        check_tree(ledger)
        assert ledger.verify().anchored == 11
        assert anchor.notes()[-1] == ledger.checkpoint()


def test_a_batch_that_fails_leaves_the_ones_before_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    append(ledger, 8)
    inner, calls = sealing._seal_batch, iter([1, 2])

    def failing(*arguments: Any) -> Any:
        if next(calls, None) is None:
            ledger.store._database.connection.execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]
        return inner(*arguments)

    monkeypatch.setattr(sealing, "_seal_batch", failing)
    with pytest.raises(StoreUnavailable, match="read-only"):
        ledger.seal()
    assert (ledger.tree().size, ledger.checkpoint()) == (6, None)
    ledger.verify()
    monkeypatch.undo()
    ledger.store._database.connection.execute("PRAGMA query_only = OFF")  # type: ignore[attr-defined]
    assert ledger.seal().size == 8
    check_tree(ledger)


@pytest.mark.parametrize("pages", range(1, 8))
def test_a_disk_that_is_full_while_it_seals_leaves_a_ledger_that_holds(
    ledger: Ledger, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tile takes four pages, so that the disk is full in a tile, between two, or at the checkpoint."""
    monkeypatch.setattr(sealing, "BATCH", 100)
    append(ledger, 300)
    connection = ledger.store._database.connection  # type: ignore[attr-defined]
    (count,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {count + pages}")
    with pytest.raises(StoreUnavailable, match="no room"):
        ledger.seal()
    assert ledger.checkpoint() is None
    assert ledger.tree().size % 100 == 0
    assert ledger.verify().entries == 300
    check_tiles(ledger.store, ledger.tree().size)
    connection.execute(f"PRAGMA max_page_count = {count + 1000}")
    assert ledger.seal().size == 300
    check_tree(ledger)


@pytest.mark.parametrize("pages", range(6))
def test_a_disk_that_is_full_while_it_appends_keeps_nothing_of_that_write(ledger: Ledger, pages: int) -> None:
    append(ledger, 10)
    before = ledger.entries("R-1"), list(ledger.store.heads())
    connection = ledger.store._database.connection  # type: ignore[attr-defined]
    (count,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {count + pages}")
    with pytest.raises(StoreUnavailable, match=r"no room.*nothing of this write was kept"):
        append(ledger, 200)
    assert (ledger.entries("R-1"), list(ledger.store.heads())) == before
    assert ledger.verify().entries == 10
    connection.execute(f"PRAGMA max_page_count = {count + 1000}")
    append(ledger, 200)
    assert ledger.seal().size == ledger.verify().entries == 210


# anchors


def test_an_anchor_that_raises_is_tried_again_by_the_next_seal(open_ledger: OpenLedger) -> None:
    kept: list[str] = []
    down = [True]

    def publish(note: str) -> None:
        if down[0]:
            raise ConnectionError("no route to the witness")
        kept.append(note)

    ledger = open_ledger(anchor=CallableAnchor(publish, lambda: kept[-1] if kept else None))
    append(ledger, 3)
    with pytest.raises(ConnectionError, match="no route"):
        ledger.seal()
    assert (ledger.verify().sealed, ledger.verify().anchored) == (3, 0)
    append(ledger, 1)  # and work goes on
    down[0] = False
    ledger.seal()
    assert kept == [ledger.checkpoint()]
    assert ledger.verify().anchored == 4
    ledger.seal()
    assert len(kept) == 1  # it has it


def test_an_anchor_that_cannot_be_asked_gets_the_checkpoint_each_time(open_ledger: OpenLedger) -> None:
    kept: list[str] = []
    ledger = open_ledger(anchor=CallableAnchor(kept.append))
    append(ledger, 3)
    ledger.seal()
    ledger.seal()
    assert kept == [ledger.checkpoint()] * 2
    assert ledger.verify().anchored == 3  # on the ledger's own word, since nobody else can be asked


def test_a_new_anchor_gets_the_newest_checkpoint_though_nothing_is_new(open_ledger: OpenLedger, tmp_path: Path) -> None:
    ledger = open_ledger(anchor=FileAnchor(tmp_path / "one.txt"))
    append(ledger, 3)
    ledger.seal()
    ledger.close()
    anchor = FileAnchor(tmp_path / "two.txt")
    open_ledger(anchor=anchor).seal()
    assert anchor.notes() == [ledger_note(tmp_path / "ledger.db")]


def ledger_note(path: Path) -> str | None:
    with closing(Ledger(f"sqlite:///{path}")) as ledger:
        return ledger.checkpoint()


def test_checkpoints_that_came_to_the_anchor_in_another_order_hide_nothing(
    open_ledger: OpenLedger, tmp_path: Path
) -> None:
    """Two who seal at once may publish the smaller one last."""
    anchor = FileAnchor(tmp_path / "anchor.txt")
    ledger = open_ledger()
    notes = []
    for _ in range(2):
        append(ledger, 2)
        ledger.seal()
        notes.append(ledger.checkpoint() or "")
    ledger.close()
    for note in reversed(notes):
        anchor.publish(note)
    assert open_ledger(anchor=anchor).frozen is None
    other = open_ledger(tmp_path / "other.db", signer=Signer.from_file(tmp_path / "ledger.db.signer"), anchor=anchor)
    assert other.frozen is not None
    assert "4 entries were anchored, and 0 are sealed here" in other.frozen


# who signs


def test_the_key_is_made_when_it_is_first_needed_and_is_nobody_elses(ledger: Ledger, path: Path) -> None:
    signer = path.with_name("ledger.db.signer")
    append(ledger, 1)
    ledger.verify()
    assert not signer.exists()
    ledger.seal()
    assert signer.stat().st_mode & 0o077 == 0
    assert ledger.verifier == str(Signer.from_file(signer).verifier)
    assert ledger.verifier.startswith(f"abpo.ledger/{ledger.store.id}+")


def test_a_new_key_takes_over_where_the_old_one_is_trusted(open_ledger: OpenLedger, path: Path) -> None:
    old = open_ledger()
    append(old, 2)
    old.seal()
    public = old.verifier
    old.close()
    fresh = Signer.generate(f"abpo.ledger/{old.store.id}")
    ledger = open_ledger(signer=fresh, trust=[public])
    ledger.seal()
    append(ledger, 1)
    ledger.seal()
    assert [row.size for row in ledger.store.checkpoints()] == [
        2,
        2,
        3,
    ]  # the new key signs what the old one had signed
    assert ledger.verify().sealed == 3
    ledger.close()
    with pytest.raises(LedgerBroken, match="no known key signed"):
        open_ledger(signer=fresh).verify()
    ledger = open_ledger(trust=[str(fresh.verifier)])  # the file beside the ledger holds the old one
    assert ledger.verify().sealed == 3


def test_a_new_key_without_trust_in_the_old_one_seals_nothing(open_ledger: OpenLedger) -> None:
    old = open_ledger()
    append(old, 2)
    old.seal()
    old.close()
    ledger = open_ledger(signer=Signer.generate(f"abpo.ledger/{old.store.id}"))
    append(ledger, 1)
    with pytest.raises(LedgerBroken, match="no known key signed"):
        ledger.seal()
    assert (len(ledger.store.checkpoints()), ledger.tree().size) == (1, 2)


def test_a_key_that_is_gone_is_not_replaced_in_silence(open_ledger: OpenLedger, path: Path) -> None:
    signer = path.with_name("ledger.db.signer")
    ledger = open_ledger()
    append(ledger, 2)
    ledger.seal()
    public = ledger.verifier
    ledger.close()
    signer.unlink()
    ledger = open_ledger()
    append(ledger, 1)
    with pytest.raises(DefinitionError, match=r"is gone.*trust="):
        ledger.seal()
    with pytest.raises(LedgerBroken, match="no key is known"):
        ledger.verify()
    assert not signer.exists()
    ledger.close()
    ledger = open_ledger(trust=[public])
    assert ledger.seal().size == 3
    assert ledger.verify().sealed == 3
    assert ledger.verifier != public


def test_keys_of_different_names_are_refused(open_ledger: OpenLedger, path: Path) -> None:
    one, other = Signer.generate("example.org/one"), Signer.generate("example.org/other")
    with pytest.raises(DefinitionError, match="one name"):
        open_ledger(signer=one, trust=[str(other.verifier)])
    ledger = open_ledger(trust=[str(other.verifier)])
    append(ledger, 1)
    with pytest.raises(DefinitionError, match="one name"):
        ledger.seal()
    assert not path.with_name("ledger.db.signer").exists()
    with pytest.raises(NoteInvalid):
        open_ledger(trust=["no key"])


def test_another_ledgers_key_beside_this_one_neither_signs_nor_verifies(open_ledger: OpenLedger, path: Path) -> None:
    signer = path.with_name("ledger.db.signer")
    ledger = open_ledger()
    append(ledger, 1)
    ledger.seal()
    ledger.close()
    signer.write_text(Signer.generate("abpo.ledger/another").private_text())
    ledger = open_ledger()
    for call in (ledger.verify, ledger.verify_headers, ledger.seal, lambda: ledger.verifier):
        with pytest.raises(NoteInvalid, match=r"holds the key of 'abpo[.]ledger/another'"):
            call()


@pytest.mark.parametrize("garbage", [b"", b"PRIVATE+KEY+", b"\xff\xfe", b"hello\n" * 999])
def test_a_file_that_holds_no_key_is_refused_by_name_and_stays_as_it_is(
    open_ledger: OpenLedger, path: Path, garbage: bytes
) -> None:
    signer = path.with_name("ledger.db.signer")
    signer.write_bytes(garbage)
    ledger = open_ledger()
    append(ledger, 1)
    for call in (ledger.seal, ledger.verify):
        with pytest.raises(NoteInvalid, match="holds no private key"):
            call()
    assert signer.read_bytes() == garbage
    assert ledger.tree().size == 0


def test_who_may_not_read_the_private_key_verifies_by_the_public_one(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]], open_ledger: OpenLedger
) -> None:
    path = open_directory / "ledger.db"
    ledger = open_ledger(path)
    append(ledger, 2)
    ledger.seal()
    public = ledger.verifier
    ledger.close()
    for file in open_directory.iterdir():
        file.chmod(0o644 if file.suffix != ".signer" else 0o600)
    with unprivileged():
        with closing(Ledger(f"sqlite:///{path}")) as ledger, pytest.raises(StoreUnavailable, match="cannot be read"):
            ledger.verify()
        with closing(Ledger(f"sqlite:///{path}", trust=[public])) as ledger:
            assert ledger.verify(content=False).sealed == ledger.verify_headers() == 2


def test_a_file_that_may_not_be_written_is_not_sealed_and_verifies(
    open_directory: Path, unprivileged: Callable[[], AbstractContextManager[None]], open_ledger: OpenLedger
) -> None:
    path = open_directory / "ledger.db"
    ledger = open_ledger(path)
    append(ledger, 2)
    ledger.close()
    path.chmod(0o444)
    with unprivileged(), closing(Ledger(f"sqlite:///{path}")) as ledger:
        with pytest.raises(StoreUnavailable, match="read-only"):
            ledger.seal()
        assert ledger.verify().unsealed == 2


def test_a_store_of_ones_own_needs_a_signer_of_ones_own(path: Path) -> None:
    class Own(SqliteStore):
        pass

    with closing(Ledger(Own(path), vault=MemoryVault())) as ledger, pytest.raises(DefinitionError, match="no signer"):
        ledger.seal()
    signer = Signer.generate("example.org/ours")
    with closing(Ledger(Own(path), vault=MemoryVault(), signer=signer, clock=FakeClock())) as ledger:
        assert ledger.seal().origin == "example.org/ours"


# what was damaged before


def test_a_tree_that_was_changed_is_not_signed(ledger: Ledger) -> None:
    """What is signed under a wrong root could never be mended."""
    append(ledger, 5)
    ledger.seal()
    append(ledger, 1)
    tile = bytearray(ledger.store.tile(0, 0) or b"")
    tile[4 * 32] ^= 1  # the node that the next root is made of
    with ledger.store.transaction() as tx:
        tx.put_tile(0, 0, bytes(tile))
    with pytest.raises(LedgerBroken, match="nothing was sealed"):
        ledger.seal()
    assert [row.size for row in ledger.store.checkpoints()] == [5]
    assert ledger.tree().size == 5
    tile[4 * 32] ^= 1
    with ledger.store.transaction() as tx:
        tx.put_tile(0, 0, bytes(tile))
    assert ledger.seal().size == 6
    check_tree(ledger)


def test_a_header_that_is_no_bytes_is_not_sealed(ledger: Ledger) -> None:
    append(ledger, 2)
    ledger.store._database.connection.execute("UPDATE abpo_entries SET header = 'mine' WHERE position = 1")  # type: ignore[attr-defined]
    with pytest.raises(LedgerBroken, match="nothing was sealed"):
        ledger.seal()
    assert ledger.tree().size == 0
    with pytest.raises(LedgerBroken):
        ledger.verify()


def test_an_anchor_that_knows_better_freezes_the_ledger_while_it_is_open(
    open_ledger: OpenLedger, tmp_path: Path
) -> None:
    anchor = FileAnchor(tmp_path / "anchor.txt")
    ledger = open_ledger(anchor=anchor)
    append(ledger, 2)
    ledger.seal()
    signer = Signer.from_file(tmp_path / "ledger.db.signer")
    anchor.publish(sealing.sign_checkpoint(Checkpoint(signer.verifier.name, 9, b"r" * 32), signer))
    append(ledger, 1)
    with pytest.raises(LedgerFrozen, match="9 entries were anchored, and 3 are sealed here"):
        ledger.seal()
    with pytest.raises(LedgerFrozen):
        append(ledger, 1)


def test_leaves_are_the_hashes_of_headers(ledger: Ledger) -> None:
    append(ledger, 2)
    ledger.seal()
    assert [ledger.tree()._nodes.get(0, n) for n in range(2)] == [leaf_hash(e.header) for e in ledger.entries("R-1")]
    assert os.path.exists(f"{ledger.store._database.name}.signer")  # type: ignore[attr-defined]
