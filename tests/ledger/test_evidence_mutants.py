"""Each fault that is listed here, built into what seals, verifies and writes, is noticed by a property that the ledger has.

A property is a function that raises where the ledger does not have it; as it is, the ledger has them all.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from abpo_sdk.errors import LedgerBroken
from abpo_sdk.ledger import (
    FileAnchor,
    Ledger,
    Signer,
    chain_check,
    own_entries,
    sealing,
    tiles,
    tree_check,
    verification,
    writer,
)
from abpo_sdk.ledger.rows import TABLES, DecisionRow, SubjectRow
from abpo_sdk.testing.clock import FakeClock
from tests.ledger import test_flips, test_reopening, test_sealing
from tests.ledger.data.make import claim_of, claims, write

Property = Callable[[Path], None]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "ledger.db"
    write(path)
    return path


@pytest.fixture
def directory(original: Path, tmp_path: Path) -> Path:
    """Holds a ledger that has something of everything."""
    for suffix in test_flips.SIDE_FILES:
        shutil.copy(f"{original}{suffix}", f"{tmp_path / 'everything.db'}{suffix}")
    return tmp_path


# properties


def loaded(directory: Path) -> Ledger:
    path = directory / "everything.db"
    store, signer = test_flips.Loaded(path), Signer.from_file(f"{path}.signer")
    vault = test_flips.FileVault(f"{path}.keys")
    return Ledger(store, vault=vault, signer=signer, anchor=FileAnchor(f"{path}.anchor"))


def flips_in(*tables: str) -> Property:
    def check(directory: Path) -> None:
        with loaded(directory) as ledger:
            ledger.verify()
            connection = test_flips.store_of(ledger).connection
            for cell in test_flips.mattering(ledger):
                if cell[0] in tables:
                    size = test_flips.bits(test_flips.value_of(connection, cell))
                    for bit in {0, size // 3, size // 2, size - 1}:
                        test_flips.check_flip(ledger, cell, bit)

    return check


def found(ledger: Ledger, sql: str, *values: Any) -> None:
    with test_flips.store_of(ledger).changed(sql, values) as count:
        assert count
        with pytest.raises(LedgerBroken):
            ledger.verify()


def every_payload_that_goes_is_missed(directory: Path) -> None:
    with loaded(directory) as ledger:
        for entry in ledger.store.scan():
            if entry.payload is not None:
                sql = "UPDATE abpo_entries SET payload = NULL, salt = NULL, ciphertext = NULL WHERE chain = ? AND position = ?"
                found(ledger, sql, entry.chain, entry.position)


def a_payload_that_goes_after_the_sweep_is_missed(directory: Path) -> None:
    path = directory / "swept.db"
    with Ledger(f"sqlite:///{path}") as ledger:
        ledger.clock = clock = FakeClock()
        for number in range(2):
            ledger.record(claims(claim_of("h-1", f"C-{number}")), key=f"C-{number}")
            clock.advance(timedelta(days=1))
        ledger.retain("decision", timedelta(hours=36))
        assert ledger.verify().swept == 1
        with ledger.writing() as writer:
            writer.tx.forget("C-1", 0)
            writer.tx.clear(DecisionRow, "C-1")
            writer.tx.clear(SubjectRow, "C-1")
        with pytest.raises(LedgerBroken):
            ledger.verify()


def every_position_in_the_tree_that_goes_is_missed(directory: Path) -> None:
    with loaded(directory) as ledger:
        for leaf in range(20):
            found(ledger, "UPDATE abpo_entries SET leaf = NULL WHERE leaf = ?", leaf)


def positions_in_the_tree_that_are_swapped_are_found(directory: Path) -> None:
    with loaded(directory) as ledger:
        ledger.verify()
        connection = test_flips.store_of(ledger).connection
        connection.execute("BEGIN")
        connection.execute("UPDATE abpo_entries SET leaf = 999 WHERE leaf = 3")
        connection.execute("UPDATE abpo_entries SET leaf = 3 WHERE leaf = 4")
        connection.execute("UPDATE abpo_entries SET leaf = 4 WHERE leaf = 999")
        with pytest.raises(LedgerBroken):
            ledger.verify()
        connection.execute("ROLLBACK")


def keys_that_come_back_are_found(directory: Path) -> None:
    path = directory / "erased.db"
    with Ledger(f"sqlite:///{path}") as ledger:
        ledger.record(claims(claim_of("h-1", "C-1")), key="C-1")
        shutil.copy(f"{path}.keys", directory / "aside")
        ledger.erase("h-1", by="ines", because="asked for")
        assert ledger.verify().erased == 1
    shutil.copy(directory / "aside", f"{path}.keys")
    store = test_flips.Loaded(path)  # opened as a store, so that the erasure is not finished first
    with closing(store), closing(test_flips.FileVault(f"{path}.keys")) as vault, pytest.raises(LedgerBroken):
        verification.verify(store, vault)


def keys_that_go_are_missed(directory: Path) -> None:
    with loaded(directory) as ledger:
        ledger.vault.erase(ledger.vault.identifiers("h-7"))
        with pytest.raises(LedgerBroken):
            ledger.verify()


def entries_that_are_written_verify(directory: Path) -> None:
    path = directory / "written.db"
    with Ledger(f"sqlite:///{path}", clock=FakeClock()) as ledger:
        for number in range(3):
            ledger.record(claims(claim_of("h-1", f"C-{number}")), key=f"C-{number}")
            ledger.hold(f"h-{number}", "a lawsuit", by="ines")
        test_sealing.append(ledger, 3)
        assert ledger.verify().entries == 9
        before = {kind: ledger.store.select(kind) for kind in TABLES}
        ledger.rebuild()
        assert {kind: ledger.store.select(kind) for kind in TABLES} == before


def sweeps_of_every_age_verify(directory: Path) -> None:
    with Ledger("sqlite://") as ledger:
        ledger.clock = clock = FakeClock()
        for number in range(3):
            ledger.record(claims(claim_of("h-1", f"C-{number}")), key=f"C-{number}")
            clock.advance(timedelta(days=1))
        assert ledger.retain("decision", timedelta(days=1)).payloads == 2
        assert ledger.retain("decision", timedelta(days=9)).payloads == 0
        assert ledger.verify().swept == 2


def trees_grow_as_plain_ones_do(directory: Path) -> None:
    with Ledger("sqlite://") as ledger:
        for count in (1, 2, 252, 1, 1, 300, 5):
            test_sealing.append(ledger, count)
            ledger.seal()
            test_sealing.check_tree(ledger)
            ledger.verify()


def with_desk(test: Callable[..., None], *, restored: bool = False, **arguments: Any) -> Property:
    """A test of reopening, as a property."""

    def check(directory: Path) -> None:
        desk = test_reopening.Desk(directory)
        if restored:
            desk.write("A", "B")
            desk.back_up()
            desk.write("A", "C")
            desk.restore()
        try:
            test(desk, **arguments)
        finally:
            for ledger in desk.ledgers:
                ledger.close()

    return check


def with_ledger(test: Callable[..., None]) -> Property:
    """A test of sealing, as a property."""

    def check(directory: Path) -> None:
        with Ledger(f"sqlite:///{directory}/ledger.db") as ledger:
            test(ledger)

    return check


def anchors_in_another_order(directory: Path) -> None:
    def opener(at: Path | None = None, **options: Any) -> Ledger:
        return Ledger(f"sqlite:///{at or directory / 'ledger.db'}", **options)

    test_sealing.test_checkpoints_that_came_to_the_anchor_in_another_order_hide_nothing(opener, directory)


def anchors_that_know_better(directory: Path) -> None:
    def opener(**options: Any) -> Ledger:
        return Ledger(f"sqlite:///{directory / 'ledger.db'}", **options)

    test_sealing.test_an_anchor_that_knows_better_freezes_the_ledger_while_it_is_open(opener, directory)


def indexes_that_lack_a_row(directory: Path) -> None:
    (directory / "copy").mkdir()
    original = directory / "everything.db"
    test_flips.test_an_index_that_lacks_a_row_is_found_though_every_row_is_whole(original, directory / "copy")


reopened = with_desk(test_reopening.test_a_reopened_ledger_says_what_was_lost_and_goes_on, restored=True)
forked = with_desk(test_reopening.test_a_fork_is_named_where_it_left_what_was_anchored, restored=True)
cut = with_desk(test_reopening.test_a_frozen_ledger_can_be_read_and_says_what_is_missing, restored=True)
erased_since = with_desk(
    test_reopening.test_what_was_erased_after_the_backup_stays_erased_and_is_not_taken_for_a_missing_key
)
left_behind = with_desk(
    test_reopening.test_keys_that_were_left_behind_by_mistake_are_not_deleted_for_having_been_missing, restored=True
)
stranger = with_desk(test_reopening.test_an_anchor_signed_by_an_unknown_key_of_the_same_name_freezes)
fork_below = with_desk(test_reopening.test_a_fork_below_a_later_checkpoint_of_its_own_is_named)
damaged_tree = with_ledger(test_sealing.test_a_tree_that_was_changed_is_not_signed)
sealed_again = with_ledger(test_sealing.test_sealing_again_adds_nothing)

ROWS = ("abpo_runs", "abpo_reviews", "abpo_decisions", "abpo_subjects", "abpo_holds", "abpo_erasures")

# a function, a fragment of its module's source, what stands there instead, and the property that notices
MUTANTS: dict[str, tuple[Any, str, str, Property]] = {
    "an entry of each batch gets no position": (
        sealing._seal_batch, "for number, _ in found])", "for number, _ in found[1:]])", trees_grow_as_plain_ones_do,
    ),
    "every seal adds a checkpoint": (
        sealing._keep, "if not last or last[0].note != note:", "if True:", sealed_again,
    ),
    "a tree that was changed is signed": (
        sealing._check_grows, "tree.root(signed.size) != signed.root", "False", damaged_tree,
    ),
    "the anchor is not asked before a checkpoint is published": (
        sealing._publish, "journal.frozen = why_frozen(journal.store, notes, verifiers)", "pass", anchors_that_know_better,
    ),
    "what a person gave up freezes again": (
        sealing.why_frozen, "if Lost(said.size, said.root) in given_up:", "if False:", reopened,
    ),
    "a fork is not frozen": (
        sealing.why_frozen, "if said.size <= tree.size and tree.root(said.size) != said.root:", "if False:", forked,
    ),
    "only the last checkpoint of the anchor counts": (
        sealing.why_frozen, "if largest is None or said.size > largest[0]:", "if True:",
        anchors_in_another_order,
    ),
    "what is lost is not recorded": (
        sealing.reopen, "if not here and what not in given_up:", "if False:", reopened,
    ),
    "keys that are missing are not recorded": (
        sealing._missing_keys, "if vault.key(key) is None and", "if False and", erased_since,
    ),
    "a tile begins anew with each leaf": (
        tiles.GrowingTiles.put, "== 0 and level % LEVELS == 0", ">= 0", trees_grow_as_plain_ones_do,
    ),
    "a node is kept beside its place": (
        tiles.slot, "- 2 * width + column) * HASH", "- 2 * width + column % 127) * HASH", trees_grow_as_plain_ones_do,
    ),
    "the upper nodes of a tile are not compared": (
        tree_check.check_tiles, "tile_of(below) != stored", "tile_of(below)[: 256 * 32] != stored[: 256 * 32]", flips_in("abpo_tiles"),
    ),
    "a checkpoint may be filed under any size": (
        tree_check.signed_notes, "!= [str(row.size)]", "== []", flips_in("abpo_checkpoints"),
    ),
    "a checkpoint that nobody known signed is taken": (
        tree_check.known_checkpoint, "return _opened(note, tuple(verifiers))", "return Checkpoint.parse(note.split('\\n\\n')[0] + '\\n')", stranger,
    ),
    "a cut tail is not missed": (
        tree_check._check_length, "if checkpoint.size > size:", "if checkpoint.size > 2 * size:", cut,
    ),
    "another root is not noticed": (
        tree_check._check_roots, "if root(checkpoint.size) != checkpoint.root:", "if False:", fork_below,
    ),
    "the end of a chain may be any entry": (
        chain_check.ChainChecker.check, "if previous != head.hash:", "if False:", flips_in("abpo_chains"),
    ),
    "the tree may hold another entry": (
        chain_check.ChainChecker.check, "of_tree != data:", "leaves.at(leaf) is None:", positions_in_the_tree_that_are_swapped_are_found,
    ),
    "a payload may be another": (
        chain_check.ChainChecker._check_payload, "if not faithful:", "if False:", flips_in("abpo_entries"),
    ),
    "whatever was swept once may be missing": (
        chain_check.ChainChecker._check_payload, 'or not header["at"] < before', "", a_payload_that_goes_after_the_sweep_is_missed,
    ),
    "what is missing needs no sweep": (
        chain_check.ChainChecker._check_payload, "if before is None or", "if before is not None and", every_payload_that_goes_is_missed,
    ),
    "the ciphertext may be another": (
        chain_check._check_ciphertext_hash, "if not faithful:", "if False:", flips_in("abpo_entries"),
    ),
    "a key that is back after an erasure is fine": (
        chain_check.ChainChecker._has_key, "if there and erased:", "if False:", keys_that_come_back_are_found,
    ),
    "a key that is gone is fine": (
        chain_check.ChainChecker._has_key, '_broken(entry.chain, position, f"{what} {KEY_MISSING}")', "pass", keys_that_go_are_missed,
    ),
    "entries without a position in the tree are not missed": (
        verification.verify, "if checker.counts.leaves != size:", "if False:", every_position_in_the_tree_that_goes_is_missed,
    ),
    "a damaged tree is not told": (
        verification.verify, "if tree_problem:", "if False:", flips_in("abpo_tiles"),
    ),
    "rows may say what they like": (
        verification._check_chains, "if wrong is not None:", "if False:", flips_in(*ROWS),
    ),
    "indexes are not looked at": (
        verification.verify, "reader.check_storage()", "pass", indexes_that_lack_a_row,
    ),
    "the last sweep alone counts": (
        own_entries.swept_before, 'max(before, times.get(kind, ""))', "before", sweeps_of_every_age_verify,
    ),
    "each own entry takes the place of the last": (
        own_entries._count, "return last.place.ordinal + 1", "return last.place.ordinal", entries_that_are_written_verify,
    ),
    "keys that were missing count for nothing": (
        own_entries.missing_keys, "found.update(keys)", "found.update(())", erased_since,
    ),
    "lost checkpoints count for nothing": (
        own_entries.lost_checkpoints, "for c in checkpoints]", "for c in ()]", reopened,
    ),
    "entries do not name the one before them": (
        writer._chained, "previous = leaf_hash(header)", "previous = previous", entries_that_are_written_verify,
    ),
    "entries are not counted": (
        writer._chained, "length += 1", "length += 0", entries_that_are_written_verify,
    ),
    "what is encrypted for whom is not noted": (
        writer.Writer._keep, "if parts.keys:", "if False:", entries_that_are_written_verify,
    ),
}  # fmt: skip

PROPERTIES = {name: found for name, (_, _, _, found) in MUTANTS.items()}


def code_of(code: CodeType, qualname: str) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualname:
                yield constant
            yield from code_of(constant, qualname)


def mutate(monkeypatch: pytest.MonkeyPatch, function: Any, fragment: str, replacement: str) -> None:
    """Give a function the code that it would have with a fragment of its own source changed, wherever it was imported to."""
    code = function.__code__
    lines = Path(code.co_filename).read_text().splitlines(keepends=True)
    last = max(line for inner in [code, *all_code(code)] for _, _, line in inner.co_lines() if line)
    own = "".join(lines[code.co_firstlineno - 1 : last + 3])
    assert own.count(fragment) == 1, f"{fragment!r} occurs {own.count(fragment)} times in {function.__qualname__}"
    source = "".join([*lines[: code.co_firstlineno - 1], own.replace(fragment, replacement), *lines[last + 3 :]])
    (mutant,) = code_of(compile(source, code.co_filename, "exec"), function.__qualname__)
    monkeypatch.setattr(function, "__code__", mutant)


def all_code(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from all_code(constant)


@pytest.mark.parametrize("name", MUTANTS)
def test_every_fault_is_noticed(directory: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    function, fragment, replacement, has = MUTANTS[name]
    mutate(monkeypatch, function, fragment, replacement)
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        has(directory)
    assert not isinstance(caught.value, NameError | SyntaxError | sqlite3.Error), (
        caught.value
    )  # a fault of the mutant itself


@pytest.mark.parametrize("number", range(len(set(PROPERTIES.values()))))
def test_the_ledger_has_every_property(directory: Path, number: int) -> None:
    list(dict.fromkeys(PROPERTIES.values()))[number](directory)
