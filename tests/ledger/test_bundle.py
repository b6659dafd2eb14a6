"""An evidence bundle is written whole, holds nothing personal, and both verifiers say the same of it, whatever is done to it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import (
    DefinitionError,
    LedgerBroken,
    LedgerFrozen,
    NoteInvalid,
    StoreUnavailable,
    UnknownRun,
)
from abpo_sdk.ledger import (
    CallableAnchor,
    Checkpoint,
    FileAnchor,
    Ledger,
    Signer,
    Verifier,
    canonical_bytes,
    parse_json,
    verify_bundle,
)
from abpo_sdk.ledger import bundle as bundle_module
from abpo_sdk.ledger.transparency.checkpoint import sign_checkpoint
from abpo_sdk.testing.clock import FakeClock
from tests.ledger import bundles
from tests.ledger.bundles import (
    GOOD,
    OWN,
    SECRET,
    UNVERIFIED,
    Case,
    Line,
    by_library,
    by_script,
    encoded,
    lines_of,
    said_of,
    write_run,
)

OTHER = Signer.generate("example.org/ledger")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return bundles.case_of(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return bundles.script()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle") / "bundle.jsonl"


Both = Callable[..., bundles.Found]


@pytest.fixture(scope="module")
def both(file: Path, script: ModuleType) -> Both:
    """What both verifiers say of these bytes, which must be the same."""

    def say(content: bytes, key: str, notes: tuple[str, ...] = ()) -> bundles.Found:
        file.write_bytes(content)
        said = by_library(file, key, notes)
        assert by_script(script, file, key, notes) == said
        return said

    return say


# what is written


def test_everything_is_in_a_bundle_and_all_three_agree(
    open_ledger: Callable[..., Ledger], tmp_path: Path, both: Both
) -> None:
    ledger = open_ledger()
    bundles.fill(ledger)
    made = ledger.export(tmp_path / "all.jsonl")
    whole, found = ledger.verify(), verify_bundle(made.path, trust=[ledger.verifier])
    assert (made.entries, made.chains, made.size, made.swept, made.unsealed, made.frozen) == (12, 4, 12, 6, 0, None)
    assert (found.entries, found.chains, found.swept) == (whole.entries, whole.chains, whole.swept) == (12, 4, 6)
    assert (found.size, found.checkpoints, found.key, found.complete) == (12, 4, made.key, True)
    assert both(made.path.read_bytes(), ledger.verifier) == GOOD
    assert ledger.verifier.startswith(made.key)
    assert str(made).startswith("12 entries in 4 chains, of 12 under the checkpoint that abpo.ledger/")
    assert str(made).endswith("; 6 payloads were swept")
    assert str(found).startswith(
        "12 entries in 4 chains, all of the 12 under the newest of 4 checkpoints, signed by abpo."
    )
    assert str(found).endswith(": 0 anchored, 6 swept")


def test_each_line_is_canonical_and_the_manifest_says_what_follows(case: Case) -> None:
    for line in case.lines:
        assert canonical_bytes(parse_json(line)) + b"\n" == line
    manifest, *rest = case.parsed()
    assert manifest["format"] == "abpo-bundle/1"
    assert manifest["chains"] == [[OWN, 2], ["A", 3], ["B ä", 3], ["C", 4]]
    assert (manifest["size"], manifest["checkpoints"], manifest["key"]) == (12, 4, case.key)
    assert [line["checkpoint"] for line in rest[:4]] == list(case.notes)
    assert manifest["checkpoint"] == case.notes[-1]
    assert len(rest) == 4 + 12


def test_nothing_personal_and_no_ciphertext_is_in_it(open_ledger: Callable[..., Ledger], tmp_path: Path) -> None:
    ledger = open_ledger()
    write_run(ledger, "A")
    [first, *_] = ledger.entries("A")
    assert first.ciphertext is not None
    content = ledger.export(tmp_path / "a.jsonl").path.read_text()
    assert SECRET not in content
    assert "$sealed" in content
    assert json.loads(first.ciphertext)["fields"][0]["box"] not in content
    assert set(json.loads(content.splitlines()[-1])) == {"header", "inclusion", "leaf", "payload", "salt"}


def test_exports_of_one_state_are_equal_and_the_next_state_differs(ledger: Ledger, tmp_path: Path) -> None:
    bundles.fill(ledger)
    first = ledger.export(tmp_path / "1").path.read_bytes()
    assert ledger.export(tmp_path / "2").path.read_bytes() == first
    assert ledger.export(str(tmp_path / "2"), ["C", "A", "B ä", "A"]).path.read_bytes() == first
    write_run(ledger, "D")
    assert ledger.export(tmp_path / "2").entries == 15


def test_chosen_runs_come_with_the_entries_of_the_ledger_itself(ledger: Ledger, tmp_path: Path, both: Both) -> None:
    bundles.fill(ledger)
    made = ledger.export(tmp_path / "b", ["B ä"])
    assert (made.entries, made.chains, made.size, made.swept) == (5, 2, 12, 2)
    assert [chain for chain, _ in json.loads(lines_of(made.path)[0])["chains"]] == [OWN, "B ä"]
    assert both(made.path.read_bytes(), ledger.verifier) == GOOD
    found = verify_bundle(made.path, trust=[ledger.verifier])
    assert (found.entries, found.size, found.complete) == (5, 12, False)
    assert "not all of the 12 under" in str(found)
    for none in ([], [OWN]):
        assert ledger.export(tmp_path / "own", none).entries == 2


def test_an_empty_ledger_can_be_exported_and_grows_from_nothing(ledger: Ledger, tmp_path: Path, both: Both) -> None:
    assert ledger.export(tmp_path / "0").entries == 0
    assert both((tmp_path / "0").read_bytes(), ledger.verifier) == GOOD
    write_run(ledger, "A", ("step",))
    assert ledger.export(tmp_path / "1").entries == 1
    assert both((tmp_path / "1").read_bytes(), ledger.verifier) == GOOD
    lines = [json.loads(line) for line in lines_of(tmp_path / "1")]
    for number, proof in ((1, ["0" * 64]), (2, ["0" * 64])):
        changed = json.loads(json.dumps(lines))
        changed[number]["consistency"] = proof
        assert both(encoded(changed), ledger.verifier) == ("broken", None, None)


def test_an_unknown_run_is_named_and_one_text_is_no_list(ledger: Ledger, tmp_path: Path) -> None:
    write_run(ledger, "A")
    with pytest.raises(UnknownRun, match="no run or record 'B'"):
        ledger.export(tmp_path / "x", ["A", "B"])
    with pytest.raises(UnknownRun, match="no run or record 7"):
        ledger.export(tmp_path / "x", [7])  # type: ignore[list-item]
    with pytest.raises(DefinitionError, match=r"runs=\['A'\]"):
        ledger.export(tmp_path / "x", "A")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith("x")] == []


def test_a_ledger_in_memory_and_a_rotated_signer(tmp_path: Path, both: Both) -> None:
    old, new = Signer.generate("example.org/ledger"), Signer.generate("example.org/ledger")
    path = tmp_path / "ledger.db"
    with closing(Ledger(f"sqlite:///{path}", signer=old)) as ledger:
        write_run(ledger, "A")
        ledger.seal()
    with closing(Ledger(f"sqlite:///{path}", signer=new, trust=[str(old.verifier)])) as ledger:
        content = ledger.export(tmp_path / "same").path.read_bytes()
        assert content.count(b'{"checkpoint":') == 2
        write_run(ledger, "B")
        content = ledger.export(tmp_path / "more").path.read_bytes()
    keys = f"{old.verifier} {new.verifier}"
    assert both(content, keys) == GOOD
    assert both(content, str(new.verifier)) == ("broken", None, None)
    assert both(content, str(old.verifier)) == ("broken", None, None)
    lines = [json.loads(line) for line in content.splitlines()]
    lines[0]["key"] = str(old.verifier)
    assert both(encoded(lines), keys) == ("broken", None, None)


def test_entries_beyond_the_newest_checkpoint_wait_for_the_next(
    ledger: Ledger, tmp_path: Path, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(ledger, "A")
    ledger.seal()
    write_run(ledger, "A")
    write_run(ledger, "B")
    monkeypatch.setattr(ledger, "seal", lambda: None)  # as if others had written since
    made = ledger.export(tmp_path / "a", ["A"])
    assert (made.entries, made.unsealed) == (3, 0)
    assert both(made.path.read_bytes(), ledger.verifier) == GOOD
    with ledger.store.transaction() as tx:  # as if others were sealing, and had not signed yet
        from abpo_sdk.ledger.tiles import GrowingTiles
        from abpo_sdk.ledger.transparency.merkle import MerkleTree, leaf_hash

        found, nodes = tx.unsealed(100), GrowingTiles(tx, tx.size())
        MerkleTree(nodes, tx.size()).extend_hashes([leaf_hash(header) for _, header in found])
        nodes.flush()
        tx.seal(tx.size(), [number for number, _ in found])
    assert ledger.export(tmp_path / "b", ["A"]).path.read_bytes() == made.path.read_bytes()


def test_a_sweep_between_sealing_and_reading_is_sealed_first(
    ledger: Ledger, tmp_path: Path, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(ledger, "A")
    seal, times = ledger.seal, []

    def seal_and_sweep() -> Any:
        checkpoint = seal()
        times.append(1)
        if len(times) < 3:
            ledger.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
            ledger.retain("step", timedelta(0))
        return checkpoint

    monkeypatch.setattr(ledger, "seal", seal_and_sweep)
    made = ledger.export(tmp_path / "a")
    assert (len(times), made.swept, made.entries) == (3, 2, 5)
    assert both(made.path.read_bytes(), ledger.verifier) == GOOD
    times[:] = [-100] * -bundle_module.ATTEMPTS
    monkeypatch.setattr(bundle_module, "ATTEMPTS", 2)
    with pytest.raises(StoreUnavailable, match="what was swept is not sealed, as others write faster"):
        ledger.export(tmp_path / "b")


def frozen_ledger(
    tmp_path: Path, prepare: Callable[[Ledger], Any], *, signer: Signer, last: Callable[[Ledger], Any] = lambda _: None
) -> Ledger:
    """A backup that is shorter than its anchor: `prepare` is sealed in it, and `last` is not."""
    path, anchor = tmp_path / "ledger.db", FileAnchor(tmp_path / "anchor.txt")
    with closing(Ledger(f"sqlite:///{path}", clock=FakeClock(), signer=signer, anchor=anchor)) as ledger:
        prepare(ledger)
        last(ledger)
    shutil.copy(path, tmp_path / "backup.db")
    with closing(Ledger(f"sqlite:///{path}", clock=FakeClock(), signer=signer, anchor=anchor)) as ledger:
        write_run(ledger, "later")
        ledger.seal()
    shutil.copy(tmp_path / "backup.db", path)
    frozen = Ledger(f"sqlite:///{path}", clock=FakeClock(), signer=signer, anchor=anchor)
    assert frozen.frozen
    return frozen


def test_of_a_frozen_ledger_what_is_sealed_is_exported(tmp_path: Path, both: Both) -> None:
    def prepare(ledger: Ledger) -> None:
        write_run(ledger, "A")
        write_run(ledger, "B")
        ledger.seal()

    def last(ledger: Ledger) -> None:
        write_run(ledger, "A", ("step", "step"))
        write_run(ledger, "C")

    with closing(frozen_ledger(tmp_path, prepare, signer=OTHER, last=last)) as ledger:
        made = ledger.export(tmp_path / "a")
        assert (made.entries, made.chains, made.size, made.unsealed) == (6, 2, 6, 5)
        assert made.frozen == ledger.frozen
        assert "; 5 entries were left out, as they are not sealed; the ledger is frozen: " in str(made)
        made = ledger.export(tmp_path / "b", ["B"])
        assert made.unsealed == 0
        assert str(made).endswith(f"'; the ledger is frozen: {ledger.frozen}")
        made = ledger.export(tmp_path / "a")
        assert both(made.path.read_bytes(), ledger.verifier) == GOOD
        with pytest.raises(LedgerFrozen, match="'C' is not sealed"):
            ledger.export(tmp_path / "c", ["A", "C"])
        assert not (tmp_path / "c").exists()
        notes = tuple(FileAnchor(tmp_path / "anchor.txt").notes())
        assert both(made.path.read_bytes(), ledger.verifier, notes) == GOOD
        found = verify_bundle(made.path, trust=[ledger.verifier], anchored=notes)
        assert (found.anchored, found.newer) == (6, 1)
        assert str(found).endswith("6 anchored; 1 anchored checkpoint is newer than the bundle")
        # reopened, what is lost is excused by the ledger's own entry
        ledger.reopen(by="cfo", because="the disk broke")
        for _ in range(2):
            write_run(ledger, "D")
            made = ledger.export(tmp_path / "a")
        assert both(made.path.read_bytes(), ledger.verifier, notes) == GOOD
        found = verify_bundle(made.path, trust=[ledger.verifier], anchored=notes)
        assert (found.anchored, found.newer, found.lost) == (6, 0, 1)
        assert "; 1 anchored checkpoint was given up when the ledger was reopened" in str(found)
        assert both(made.path.read_bytes(), ledger.verifier, notes[:1]) == GOOD
        content = ledger.export(tmp_path / "b", ["A"]).path.read_bytes()
        lines = [json.loads(line) for line in content.splitlines()]
        own = bundles.at(lines, OWN, 0)
        del lines[own], lines[0]["chains"][0]
        assert both(encoded(lines), ledger.verifier) == GOOD  # for the anchor alone needs that entry
        assert both(encoded(lines), ledger.verifier, notes) == ("broken", None, None)


def test_a_frozen_ledger_that_never_sealed_or_whose_sweep_is_not_sealed_says_so(tmp_path: Path) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    one.mkdir()
    other.mkdir()
    with (
        closing(frozen_ledger(one, lambda ledger: write_run(ledger, "A"), signer=OTHER)) as ledger,
        pytest.raises(LedgerFrozen, match="nothing is sealed"),
    ):
        ledger.export(tmp_path / "a")

    def sealed(ledger: Ledger) -> None:
        write_run(ledger, "A")
        ledger.seal()

    def swept(ledger: Ledger) -> None:
        ledger.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
        ledger.retain("step", timedelta(0))

    with (
        closing(frozen_ledger(other, sealed, signer=OTHER, last=swept)) as ledger,
        pytest.raises(LedgerFrozen, match="the entry that says what was swept is not sealed"),
    ):
        ledger.export(tmp_path / "a")
    assert not (tmp_path / "a").exists()


# whole or not at all


def test_a_failed_export_leaves_what_was_there(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.fill(ledger)
    target = tmp_path / "out" / "bundle.jsonl"
    target.parent.mkdir()
    target.write_text("before")
    writes = []

    def failing(value: Any) -> bytes:
        writes.append(value)
        if len(writes) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return b"\n"

    with monkeypatch.context() as patched:
        patched.setattr(bundle_module, "_line", failing)
        with pytest.raises(StoreUnavailable, match=r"nothing was exported to .* No space"):
            ledger.export(target)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ledger.export(target)
    assert [path.name for path in target.parent.iterdir()] == ["bundle.jsonl"]
    assert target.read_text() == "before"
    with pytest.raises(StoreUnavailable) as raised:
        ledger.export("/nowhere/b")
    assert str(raised.value) == "nothing was exported to '/nowhere/b': the directory '/nowhere' does not exist"
    with pytest.raises(StoreUnavailable) as raised:
        ledger.export(target.parent)
    assert str(raised.value) == f"nothing was exported to {str(target.parent)!r}: Is a directory"
    for nowhere in ("", "/", "."):
        with pytest.raises(DefinitionError, match="names no file"):
            ledger.export(nowhere)
    assert [path.name for path in target.parent.iterdir()] == ["bundle.jsonl"]
    assert ledger.export(target).entries == 12


@pytest.mark.parametrize("column", ["header", "payload", "salt"])
def test_what_is_not_as_it_was_written_is_named(ledger: Ledger, path: Path, tmp_path: Path, column: str) -> None:
    write_run(ledger, "A")
    ledger.seal()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"UPDATE abpo_entries SET {column} = 'text ' || position WHERE position = 1")
    with pytest.raises(LedgerBroken, match="cannot be exported") as caught:
        ledger.export(tmp_path / "a")
    assert (caught.value.chain, caught.value.entry) == ("A", 1)
    assert not (tmp_path / "a").exists()


def test_an_edited_payload_is_exported_as_it_stands_and_named_by_whoever_verifies(
    ledger: Ledger, path: Path, tmp_path: Path, both: Both
) -> None:
    write_run(ledger, "A")
    ledger.seal()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_entries SET payload = CAST('{}' AS BLOB) WHERE position = 1")
    assert both(ledger.export(tmp_path / "a").path.read_bytes(), ledger.verifier) == ("broken", "A", 1)


def test_stored_checkpoints_that_do_not_follow_from_each_other_cannot_be_exported(
    ledger: Ledger, path: Path, tmp_path: Path
) -> None:
    for chain in ("A", "B"):
        write_run(ledger, chain)
        ledger.seal()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE abpo_checkpoints SET id = 3 WHERE id = 1")
    with pytest.raises(LedgerBroken, match="its checkpoints do not follow from each other"):
        ledger.export(tmp_path / "a")


def test_memory_does_not_grow_with_the_bundle(tmp_path: Path) -> None:
    peaks = []
    for count in (1_500, 4_500):
        with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
            for number in range(5):
                write_run(ledger, f"R-{number}", ("raised",) * (count // 5))
            ledger.seal()
            tracemalloc.start()
            ledger.export(tmp_path / "a")
            verify_bundle(tmp_path / "a", trust=[ledger.verifier])
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < (tmp_path / "a").stat().st_size


# what is noticed, by both alike


@pytest.mark.parametrize(
    ("name", "edit", "place"), [pytest.param(name, edit, place, id=name) for name, edit, place in bundles.edits()]
)
def test_every_edit_is_noticed_and_its_place_is_named(
    name: str, edit: bundles.Edit, place: tuple[str | None, int | None], case: Case, both: Both
) -> None:
    lines = case.parsed()
    assert both(encoded(lines), case.key) == GOOD
    edit(lines)
    said = "unverified" if name in bundles.NO_BUNDLE else "broken"
    assert both(encoded(lines), case.key) == (said, *place)


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_every_flipped_bit_is_noticed(data: st.DataObject, case: Case, both: Both) -> None:
    content = bytearray(b"".join(case.lines))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    assert both(bytes(content), case.key)[0] == said_of(bytes(content))


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_bundle_that_is_cut_off_or_goes_on_is_noticed(data: st.DataObject, case: Case, both: Both) -> None:
    content = b"".join(case.lines)
    cut = data.draw(st.integers(0, len(content) - 1))
    assert both(content[:cut], case.key)[0] == said_of(content[:cut])
    assert both(content + data.draw(st.binary(min_size=1, max_size=3)), case.key) == ("broken", None, None)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_lines_in_any_other_order_are_noticed(data: st.DataObject, case: Case, both: Both) -> None:
    numbers = data.draw(
        st.lists(st.integers(0, len(case.lines) - 1), max_size=len(case.lines) + 3)
        | st.permutations(range(len(case.lines)))
    )
    lines = b"".join(case.lines[number] for number in numbers)
    expected = "good" if lines == b"".join(case.lines) else "broken" if numbers[:1] == [0] else "unverified"
    assert both(lines, case.key)[0] == expected


GARBAGE = [
    b"",
    b"\n",
    b"{}\n",
    b"[]\n",
    b"null\n",
    b"1\n",
    b"NaN\n",
    b"[" * 100_000 + b"\n",
    b'{"a":' * 100_000 + b"\n",
    b"9" * 10_000 + b"\n",
    b'{"chains":1e999}\n',
    b"\xff\xfe\x00\n",
    b"\xef\xbb\xbf{}\n",
    b'{"a":"\\ud800"}\n',
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: repr(garbage[:12]))
def test_garbage_in_any_line_is_broken_and_no_crash(garbage: bytes, case: Case, both: Both) -> None:
    for number in range(len(case.lines) + 1):
        wrong = "broken" if number else "unverified"
        assert both(b"".join((*case.lines[:number], garbage, *case.lines[number:])), case.key)[0] == (
            "good" if garbage == b"" else wrong
        )
        assert both(b"".join((*case.lines[:number], garbage, *case.lines[number + 1 :])), case.key)[0] == (
            "good" if garbage == b"" and number == len(case.lines) else wrong
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_other_value_of_any_member_is_noticed(data: st.DataObject, case: Case, both: Both) -> None:
    lines = case.parsed()
    line = data.draw(st.sampled_from(lines))
    member = data.draw(st.sampled_from(sorted(line)))
    before, line[member] = line[member], data.draw(JSON)
    same = line[member] == before and type(line[member]) is type(before)
    try:
        content = encoded(lines)
    except UnicodeEncodeError:
        return
    assert both(content, case.key)[0] == ("good" if same else said_of(content))


@given(content=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_no_bundle_and_no_crash(content: bytes, case: Case, both: Both) -> None:
    assert both(content, case.key) == UNVERIFIED


@pytest.mark.parametrize(
    ("made", "expected"),
    [pytest.param(made, expected, id=name) for name, made, expected in bundles.owners_bundles(OTHER)],
)
def test_what_an_owner_sealed_that_does_not_fit_is_noticed(made: Case, expected: bundles.Found, both: Both) -> None:
    assert both(b"".join(made.lines), made.key) == expected


def resigned(lines: list[Line], signer: Signer, **changes: Any) -> None:
    """Every checkpoint signed anew, by another key or with something else in it."""
    for line in lines[1 : bundles.first_entry(lines)]:
        found = Checkpoint.parse(line["checkpoint"].split("\n\n")[0] + "\n")
        parts: dict[str, Any] = {"origin": found.origin, "size": found.size, "root": found.root} | changes
        line["checkpoint"] = sign_checkpoint(Checkpoint(**parts), signer)
    lines[0]["checkpoint"] = line["checkpoint"]


def test_checkpoints_of_another_key_origin_or_size_are_noticed(tmp_path: Path, both: Both) -> None:
    signer, elsewhere = Signer.generate("example.org/ledger"), Signer.generate("example.com/other")
    with closing(Ledger("sqlite://", signer=signer, clock=FakeClock())) as ledger:
        bundles.fill(ledger)
        lines = [json.loads(line) for line in lines_of(ledger.export(tmp_path / "a").path)]
    key, none = str(signer.verifier), ("broken", None, None)
    assert both(encoded(lines), key) == GOOD
    assert both(encoded(lines), str(OTHER.verifier)) == none
    assert both(encoded(lines), str(elsewhere.verifier)) == none

    def changed(change: Callable[[list[Line]], Any], keys: str = key) -> bundles.Found:
        copy = json.loads(json.dumps(lines))
        change(copy)
        return both(encoded(copy), keys)

    assert changed(lambda copy: resigned(copy, signer)) == GOOD
    assert changed(lambda copy: resigned(copy, OTHER)) == none
    lines_of_other = json.loads(json.dumps(lines))
    resigned(lines_of_other, OTHER)
    lines_of_other[0]["key"] = str(OTHER.verifier)
    assert both(encoded(lines_of_other), key) == none
    assert both(encoded(lines_of_other), str(OTHER.verifier)) == GOOD  # so the key must come from elsewhere
    assert changed(lambda copy: resigned(copy, elsewhere, origin="example.com/other")) == none
    assert changed(lambda copy: resigned(copy, signer, size=12)) == none
    assert changed(lambda copy: resigned(copy, signer, root=bytes(32))) == none
    # a key that is trusted, and yet does not sign for this origin
    key = str(elsewhere.verifier)
    assert changed(lambda copy: resigned(copy, elsewhere, origin="example.com/other"), key) == none


def test_the_end_of_a_chain_that_is_cut_off_with_its_length_shows_as_an_entry_that_is_not_there(
    case: Case, both: Both, file: Path
) -> None:
    lines = case.parsed()
    del lines[-1]
    lines[0]["chains"][-1][1] -= 1
    assert both(encoded(lines), case.key) == GOOD  # nothing signs the lengths
    assert not verify_bundle(file, trust=[case.key]).complete


def test_anchored_checkpoints_are_compared(case: Case, both: Both, tmp_path: Path, file: Path) -> None:
    content, none = b"".join(case.lines), ("broken", None, None)
    for number in range(len(case.notes)):
        assert both(content, case.key, case.notes[number:]) == GOOD
    assert verify_bundle(file, trust=[case.key], anchored=case.notes[:2]).anchored == 6
    other = Signer.generate("example.org/ledger")
    assert both(content, case.key, (sign_checkpoint(Checkpoint("example.org/ledger", 6, bytes(32)), other),)) == none
    for no_note in ("no note", "", "some text\n\nof somebody\n", case.notes[0] + case.notes[1]):
        assert both(content, case.key, (case.notes[0], no_note)) == UNVERIFIED
    assert both(content, case.key, (case.notes[0].replace("3", "4", 1),)) == none


def test_a_forked_ledger_is_noticed_by_its_anchor(tmp_path: Path, both: Both) -> None:
    signer = Signer.generate("example.org/ledger")
    contents, notes = [], []
    for number in range(2):
        with closing(Ledger("sqlite://", signer=signer, clock=FakeClock())) as ledger:
            for chain in ("A", "B", "C")[: 2 + number]:
                write_run(ledger, chain)
                ledger.seal()
            contents.append(ledger.export(tmp_path / "a").path.read_bytes())
            notes.append(tuple(row.note for row in ledger.store.checkpoints()))
    key = str(signer.verifier)
    for ours in range(2):
        assert both(contents[ours], key, notes[ours]) == GOOD
        assert both(contents[ours], key, notes[1 - ours]) == ("broken", None, None)
    assert both(contents[0], key, notes[1][2:]) == GOOD  # newer, and so not comparable
    empty = sign_checkpoint(Checkpoint("example.org/ledger", 0, sha256().digest()), signer)
    assert both(contents[0], key, (empty,)) == GOOD
    wrong = sign_checkpoint(Checkpoint("example.org/ledger", 0, bytes(32)), signer)
    assert both(contents[0], key, (wrong,)) == ("broken", None, None)


def test_notes_with_more_or_malformed_signatures_are_judged_alike(case: Case, both: Both, tmp_path: Path) -> None:
    lines = case.parsed()
    witness = Signer.generate("example.net/witness")
    for note, expected in (
        (lines[4]["checkpoint"] + witness.sign("x\n").split("\n\n")[1], "good"),
        (lines[4]["checkpoint"] + lines[4]["checkpoint"].split("\n\n")[1], "good"),
        (lines[4]["checkpoint"] + "— example.net/witness AAAAAA==\n", "broken"),
        (lines[4]["checkpoint"] + "— example.net/witness AAAAAAB=\n", "broken"),
        (lines[4]["checkpoint"] + "— example.net/witness AA\n", "broken"),
        (lines[4]["checkpoint"] + "— example.net/witness\n", "broken"),
        (lines[4]["checkpoint"] + "- example.net/witness AAAAAAAA\n", "broken"),
        (lines[4]["checkpoint"] + "— exam\x01ple AAAAAAAA\n", "broken"),
        (lines[4]["checkpoint"] + "— ex+ample AAAAAAAA\n", "broken"),
        (lines[4]["checkpoint"] + "\n", "broken"),
        (lines[4]["checkpoint"][:-1], "broken"),
        ("\n" + lines[4]["checkpoint"], "broken"),
        (lines[4]["checkpoint"].replace("\n\n", "\nmore\n\n"), "broken"),
        (lines[4]["checkpoint"].replace("\n12\n", "\n012\n"), "broken"),
    ):
        changed = case.parsed()
        changed[4]["checkpoint"] = changed[0]["checkpoint"] = note
        assert both(encoded(changed), case.key)[0] == expected, note


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_was_written_and_sealed_in_whichever_order_is_good(
    data: st.DataObject, both: Both, file: Path
) -> None:
    with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
        for chain in data.draw(
            st.lists(st.sampled_from(["A", "B", "!", "ä", "\U0001f600", "\uffee", None]), max_size=12)
        ):
            if chain is None:
                ledger.seal()
            else:
                write_run(ledger, chain, ("step",) * data.draw(st.integers(1, 3)))
        known = sorted({entry.chain for entry in ledger.store.scan()})
        runs = data.draw(st.none() | st.lists(st.sampled_from(known), unique=True) if known else st.none())
        made = ledger.export(file, runs)
        assert both(file.read_bytes(), ledger.verifier) == GOOD
        assert verify_bundle(file, trust=[ledger.verifier]).entries == made.entries
        if runs is None:
            assert made.entries == made.size == ledger.verify().entries


# what cannot be verified


def test_keys_must_be_given_and_of_one_name(case: Case, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(case.lines))
    with pytest.raises(DefinitionError, match=r"trust=.. is no key"):
        verify_bundle(tmp_path / "a", trust=[])
    with pytest.raises(DefinitionError, match="have one name"):
        verify_bundle(tmp_path / "a", trust=[case.key, str(Signer.generate("other").verifier)])
    with pytest.raises(DefinitionError, match="write trust="):
        verify_bundle(tmp_path / "a", trust=case.key)
    with pytest.raises(NoteInvalid):
        verify_bundle(tmp_path / "a", trust=["x"])
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        verify_bundle(tmp_path / "b", trust=[case.key])
    with pytest.raises(DefinitionError, match="write trust="):
        verify_bundle(tmp_path / "a", trust=Verifier.parse(case.key))  # type: ignore[arg-type]


def test_a_verifier_is_a_key_as_its_text_is(case: Case, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(case.lines))
    other = Signer.generate("example.org/ledger").verifier
    assert verify_bundle(tmp_path / "a", trust=[Verifier.parse(case.key), other, str(other)]).entries == 12


def test_anchored_is_a_list_of_checkpoints(case: Case, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(case.lines))
    for odd in ("cp.txt", Path("cp.txt"), FileAnchor("cp.txt")):
        with pytest.raises(DefinitionError) as raised:
            verify_bundle(tmp_path / "a", trust=[case.key], anchored=odd)  # type: ignore[arg-type]
        assert str(raised.value).endswith(": FileAnchor('cp.txt').notes()")
    for odd in (CallableAnchor(print), None, 7, b"cp.txt"):
        with pytest.raises(DefinitionError, match=r"FileAnchor\(.*\)\.notes\(\)$"):
            verify_bundle(tmp_path / "a", trust=[case.key], anchored=odd)  # type: ignore[arg-type]
    for notes in ([7], [b"x"], ["x" * 10_000]):
        with pytest.raises(DefinitionError, match=r"anchored\[0\] is .*, which is no signed checkpoint") as raised:
            verify_bundle(tmp_path / "a", trust=[case.key], anchored=notes)  # type: ignore[arg-type]
        assert len(str(raised.value)) < 300
    assert verify_bundle(tmp_path / "a", trust=[case.key], anchored=iter(case.notes)).anchored == 12


def test_what_is_no_bundle_is_not_said_to_be_broken(case: Case, ledger: Ledger, path: Path, tmp_path: Path) -> None:
    write_run(ledger, "A")
    ledger.close()
    (tmp_path / "empty").touch()
    (tmp_path / "random").write_bytes(bytes(range(256)))
    for none, why in (
        (path, "no abpo-bundle/1 manifest"),
        (tmp_path / "random", "manifest"),
        (tmp_path / "empty", "empty"),
    ):
        with pytest.raises(DefinitionError, match=f"{none.name}' is no evidence bundle: .*{why}"):
            verify_bundle(none, trust=[case.key])
    with pytest.raises(StoreUnavailable, match=r"cannot be read: Is a directory$"):
        verify_bundle(tmp_path, trust=[case.key])


def test_the_content_of_a_bundle_is_no_path_and_is_not_repeated(case: Case) -> None:
    content = b"".join(case.lines)
    for odd in (content.decode(), content, content.decode().splitlines()[0], None):
        with pytest.raises(
            (DefinitionError, StoreUnavailable), match=r"no path of a file|too long|cannot be read"
        ) as raised:
            verify_bundle(odd, trust=[case.key])  # type: ignore[arg-type]
        assert len(str(raised.value)) < 400


def test_of_one_it_is_said_in_the_singular(ledger: Ledger, tmp_path: Path) -> None:
    write_run(ledger, "A", ("step",))
    made = ledger.export(tmp_path / "a")
    assert str(made).startswith("1 entry in 1 chain, of 1 under")
    assert ", is in '" in str(made)
    found = verify_bundle(made.path, trust=[ledger.verifier])
    assert str(found).startswith("1 entry in 1 chain, all of the 1 under the one checkpoint, signed by ")
