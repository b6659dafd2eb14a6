"""Whatever is done to a ledger, in whatever order, with crashes, restored backups and a clock that goes backwards: it holds.

ABPO_SOAK=1 makes the machine take more and longer walks.
"""

from __future__ import annotations

import copy
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from abpo_sdk.errors import AbpoError, DefinitionError, Erased, LedgerBroken, LedgerFrozen, OnHold, StoreUnavailable
from abpo_sdk.ledger import (
    Entry,
    FileAnchor,
    FileVault,
    Ledger,
    MerkleTree,
    Place,
    erasure,
    open_checkpoint,
    own_entries,
    sealing,
)
from abpo_sdk.ledger.encryption import keys_of
from abpo_sdk.ledger.entry import OWN_CHAIN, Draft
from abpo_sdk.ledger.rows import TABLES
from abpo_sdk.ledger.stores.sql_writing import SEAL, SqlTransaction
from abpo_sdk.ledger.transparency.proofs import leaf_hash
from abpo_sdk.testing.clock import START, FakeClock
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, PersonalValue

SOAK = bool(os.environ.get("ABPO_SOAK"))
WALKS = settings(
    max_examples=1500 if SOAK else 100,
    stateful_step_count=60 if SOAK else 20,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
CHAINS = ("A", "R-1", "é/~")
SUBJECTS = ("h-1", "h-2", "h-3")
MATTERS = ("a lawsuit", "an audit")
SECOND = timedelta(seconds=1)


@dataclass
class Written:
    """What the machine knows of an entry."""

    chain: str
    kind: str
    at: datetime
    value: str | None
    keys: tuple[str, ...]
    swept: bool = False


@dataclass
class Model:
    """What the ledger should hold."""

    entries: dict[tuple[str, int], Written] = field(default_factory=dict)
    holds: dict[str, list[str]] = field(default_factory=dict)
    """By key, the matters for which it is held."""

    def swept(self, chain: str) -> bool:
        return any(entry.swept for entry in self.entries.values() if entry.chain == chain)

    def held(self, chain: str) -> bool:
        entries = [entry for entry in self.entries.values() if entry.chain == chain and not entry.swept]
        return any(self.holds.get(key) for entry in entries for key in entry.keys)


class Faulty:
    """Makes the database stop in the middle of whatever it does, as a full disk or a lost connection would."""

    def __init__(self, ledger: Ledger, after: int) -> None:
        self._connection = ledger.store._database.connection
        self._after = after

    def __enter__(self) -> None:
        left = self._after

        def stop() -> int:
            nonlocal left
            left -= 1
            return int(left == 0)

        self._connection.set_progress_handler(stop, 10)

    def __exit__(self, *_: object) -> None:
        self._connection.set_progress_handler(None, 0)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="abpo-states-"))
        self.path = self.directory / "ledger.db"
        self.clock = FakeClock()
        self.anchor = FileAnchor(self.directory / "anchor.txt")
        self.model = Model()
        self.erased: set[str] = set()
        """Keys, which no backup brings back: the file with the keys is not in it."""
        self.checkpoints: list[str] = []
        self.backup: tuple[Path, Model, set[str]] | None = None
        self.batch = sealing.BATCH
        sealing.BATCH = 3
        self.open()

    def teardown(self) -> None:
        sealing.BATCH = self.batch
        self.ledger.close()
        shutil.rmtree(self.directory)

    def open(self) -> None:
        self.ledger = Ledger(f"sqlite:///{self.path}", anchor=self.anchor, clock=self.clock)
        self.ledger.store._database.connection.execute("PRAGMA synchronous = OFF")  # no power fails here

    # what is written

    def note(self, entry: Entry, value: str | None = None) -> None:
        self.model.entries[entry.chain, entry.position] = Written(
            entry.chain, entry.kind, entry.at, value, keys_of(entry)
        )

    def note_own(self) -> None:
        self.note(self.ledger.entries(OWN_CHAIN)[-1])

    @rule(
        chain=st.sampled_from(CHAINS),
        drafts=st.lists(st.tuples(st.none() | st.sampled_from(SUBJECTS), st.booleans()), min_size=1, max_size=4),
    )
    def append(self, chain: str, drafts: list[tuple[str | None, bool]]) -> None:
        with self.ledger.writing() as writer:
            start = len(writer.tx.entries(chain))
            entries = writer.append(chain, [self.draft(start + n, *draft) for n, draft in enumerate(drafts)])
        for entry, (subject, _) in zip(entries, drafts, strict=True):
            self.note(entry, f"of {subject}" if subject else None)

    def draft(self, ordinal: int, subject: str | None, given: bool) -> Draft:
        payload = {"result": ordinal, **({"iban": f"of {subject}"} if subject else {})}
        personal = (PersonalValue(("iban",), "iban", subject),) if subject else ()
        about = (PersonalValue(("mail",), "mail", SUBJECTS[0]),) if given else ()
        return Draft(
            Place("/", ordinal), "step", "work", payload, self.clock.now(), personal, Encoded({"mail": "m"}, about)
        )

    def decision(self, number: int) -> Decision:
        return Decision("claims", "v1", "pay", "pay", ("pay", "reject"), 1.0, (), {"amount": number}, ("amount",))

    @rule(number=st.integers(0, 3))
    def record(self, number: int) -> None:
        known = self.model.entries.get((f"C-{number}", 0))
        if known and known.swept:  # nobody can tell any more whether it is the same
            with pytest.raises(Erased):
                self.ledger.record(self.decision(number), key=f"C-{number}")
            return
        self.ledger.record(self.decision(number), key=f"C-{number}")
        self.note_once(f"C-{number}")

    @rule(numbers=st.sets(st.integers(0, 3)))
    def import_decisions(self, numbers: set[int]) -> None:
        history = [
            (f"H-{number}", replace(self.decision(number), at=START - timedelta(days=number)))
            for number in sorted(numbers)
        ]
        swept = any(self.model.swept(f"H-{number}") for number in numbers)
        if swept:
            with pytest.raises(Erased):
                self.ledger.import_decisions(history, source="the old one")
            return
        new = self.ledger.import_decisions(history, source="the old one")
        assert new == sum((f"H-{number}", 0) not in self.model.entries for number in numbers)
        for number in numbers:
            self.note_once(f"H-{number}")

    def note_once(self, key: str) -> None:
        if (key, 0) not in self.model.entries:
            self.note(self.ledger.entries(key)[0])

    @rule()
    def seal(self) -> None:
        checkpoint = self.ledger.seal()
        assert checkpoint.size == len(self.model.entries)
        note = self.ledger.checkpoint()
        assert note is not None
        assert self.anchor.notes()[-1] == note
        self.checkpoints.append(note)
        assert self.ledger.seal() == checkpoint
        assert self.anchor.notes().count(note) == 1

    # what is forgotten

    @rule(subject=st.sampled_from(SUBJECTS))
    def erase(self, subject: str) -> None:
        keys = self.ledger.vault.identifiers(subject)
        if any(self.model.holds.get(key) for key in keys):
            with pytest.raises(OnHold):
                self.ledger.erase(subject, by="ines", because="asked for")
            return
        receipt = self.ledger.erase(subject, by="ines", because="asked for")
        assert receipt.keys == tuple(keys)
        self.erased.update(keys)
        self.note_own()

    @rule(subject=st.sampled_from(SUBJECTS), matter=st.sampled_from(MATTERS))
    def hold(self, subject: str, matter: str) -> None:
        self.ledger.hold(subject, matter, by="ines")
        for key in self.ledger.vault.identifiers(subject):
            self.model.holds.setdefault(key, []).append(matter)
        self.note_own()

    @rule(subject=st.sampled_from(SUBJECTS), matter=st.sampled_from(MATTERS))
    def release(self, subject: str, matter: str) -> None:
        keys = self.ledger.vault.identifiers(subject)
        count = sum(self.model.holds.get(key, []).count(matter) for key in keys)
        if not count:
            with pytest.raises(DefinitionError, match="no hold"):
                self.ledger.release(subject, matter, by="ines", because="settled")
            return
        assert self.ledger.release(subject, matter, by="ines", because="settled") == count
        for key in keys:
            self.model.holds[key] = [other for other in self.model.holds[key] if other != matter]
        self.note_own()

    @rule(kind=st.sampled_from(["step", "decision", "imported"]), age=st.integers(0, 4))
    def sweep(self, kind: str, age: int) -> None:
        before = self.clock.now() - age * SECOND
        sweep = self.ledger.retain(kind, age * SECOND)
        held = {chain for chain in {entry.chain for entry in self.model.entries.values()} if self.model.held(chain)}
        due = [
            entry
            for entry in self.model.entries.values()
            if entry.kind == kind and entry.at < before and entry.chain not in held and not entry.swept
        ]
        assert sweep.payloads == len(due)
        for entry in due:
            entry.swept = True
        self.note_own()

    # what happens to it

    @rule(seconds=st.integers(-3, 5))
    def turn_the_clock(self, seconds: int) -> None:
        self.clock.advance(seconds * SECOND)

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.open()
        assert self.ledger.frozen is None

    @rule(chain=st.sampled_from(CHAINS), sealing_too=st.booleans())
    def crash_inside_a_write(self, chain: str, sealing_too: bool) -> None:
        block = self.ledger.writing()
        writer = block.__enter__()
        writer.append(chain, [self.draft(len(writer.tx.entries(chain)), SUBJECTS[1], True)])
        if sealing_too:
            writer.tx.seal(writer.tx.size(), [number for number, _ in writer.tx.unsealed(2)])
        self.ledger.store._database.connection.close()
        with suppress(StoreUnavailable):
            block.__exit__(None, None, None)
        self.ledger.vault.close()
        self.open()

    @rule(
        what=st.sampled_from(["append", "record", "seal", "hold", "erase", "sweep", "rebuild"]),
        after=st.integers(1, 60) | st.integers(60, 2000),
        subject=st.sampled_from(SUBJECTS),
        again=st.booleans(),
    )
    def fail_in_the_middle(self, what: str, after: int, subject: str, again: bool) -> None:
        """The database stops somewhere. What was not kept is not there, and what was kept is whole."""
        held = any(self.model.holds.get(key) for key in self.ledger.vault.identifiers(subject))
        keys = self.ledger.vault.identifiers(subject)
        count = len(self.ledger.entries("A"))
        calls: dict[str, Callable[[], Any]] = {
            "append": lambda: self.append_directly("A", [self.draft(count + n, subject, True) for n in range(3)]),
            "record": lambda: self.ledger.record(self.decision(9), key="C-9"),
            "seal": self.ledger.seal,
            "hold": lambda: self.ledger.hold(subject, MATTERS[0], by="ines"),
            "erase": lambda: self.ledger.erase(subject, by="ines", because="asked for"),
            "sweep": lambda: self.ledger.retain("step", SECOND),
            "rebuild": self.ledger.rebuild,
        }
        failed = False
        with Faulty(self.ledger, after):
            try:
                calls[what]()
            except StoreUnavailable:
                failed = True
            except Erased:
                assert self.model.swept("C-9")
            except OnHold:
                assert held
        if again:
            self.open_again()
        self.take_stock(what, failed=failed, keys=keys, held=held)

    def append_directly(self, chain: str, drafts: list[Draft]) -> None:
        with self.ledger.writing() as writer:
            writer.append(chain, drafts)

    def take_stock(self, what: str, *, failed: bool, keys: tuple[str, ...], held: bool) -> None:
        """Bring the model up to date with what was kept."""
        new = [e for e in self.ledger.store.scan() if (e.chain, e.position) not in self.model.entries]
        expected = {"append": 3, "seal": 0, "rebuild": 0}.get(what, 1)
        if what == "erase" and held:
            expected = 0
        if what == "record" and ("C-9", 0) in self.model.entries:
            expected = 0  # or it raises, where it was swept
        assert len(new) in ({0, expected} if failed else {expected})  # all or nothing
        for entry in new:
            value = entry.content.get("iban") and f"of {self.subject_of(entry)}"
            self.note(entry, value)
        if what == "hold" and new:
            for key in new[0].content["keys"]:
                self.model.holds.setdefault(key, []).append(MATTERS[0])
        if what == "erase" and new:
            self.ledger.close()
            self.open()  # which finishes it
            self.erased.update(keys)
        if what == "seal":
            self.checkpoints += [r.note for r in self.ledger.store.checkpoints() if r.note not in self.checkpoints]
        if what == "sweep":
            for entry in self.ledger.store.scan():
                if entry.payload is None:
                    known = self.model.entries[entry.chain, entry.position]
                    assert known.swept or known.kind == "step"
                    known.swept = True

    def subject_of(self, entry: Entry) -> str:
        return next(s for s in SUBJECTS if set(self.ledger.vault.identifiers(s)) & set(keys_of(entry)[:1]))

    # backups

    @rule()
    def make_a_backup(self) -> None:
        path = self.directory / "backup.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        self.backup = path, copy.deepcopy(self.model), set(self.erased)

    @precondition(lambda self: self.backup is not None)
    @rule(seal_first=st.booleans())
    def restore_the_backup(self, seal_first: bool) -> None:
        assert self.backup is not None
        path, model, erased = self.backup
        if seal_first or erased != self.erased:  # what nothing outside knows of cannot be missed
            self.append("A", [(None, False)])
            self.seal()
        self.ledger.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        shutil.copy(path, self.path)
        self.model = copy.deepcopy(model)
        self.open()
        if self.ledger.frozen is None:
            self.forget_checkpoints_that_are_not_here(strict=True)
            return
        with pytest.raises(LedgerFrozen):
            self.ledger.record(self.decision(8), key="C-8")
        with pytest.raises(LedgerFrozen):
            self.ledger.seal()
        with pytest.raises(LedgerBroken, match=r"tail was cut off|forked|is missing"):
            self.ledger.verify()
        self.ledger.reopen(by="ines", because="the disk died")
        self.note_own()
        self.forget_checkpoints_that_are_not_here(strict=False)
        note = self.ledger.checkpoint()
        assert note is not None
        self.checkpoints.append(note)
        self.open_again()

    def forget_checkpoints_that_are_not_here(self, *, strict: bool) -> None:
        here = [note for note in self.checkpoints if self.is_here(note)]
        assert here == self.checkpoints or not strict
        self.checkpoints = here

    def opened(self, note: str) -> Any:
        verifiers = self.ledger._signers.verifiers()
        return open_checkpoint(note, verifiers, origin=verifiers[0].name)

    def is_here(self, note: str) -> bool:
        checkpoint, tree = self.opened(note), self.ledger.tree()
        return checkpoint.size <= tree.size and tree.root(checkpoint.size) == checkpoint.root

    # what is always true

    @invariant()
    def it_verifies_and_holds_what_was_written(self) -> None:
        verified = self.ledger.verify()
        assert verified.entries == len(self.model.entries)
        assert verified.chains == len({chain for chain, _ in self.model.entries})
        assert verified.swept == sum(entry.swept for entry in self.model.entries.values())
        anchored = [self.opened(note).size for note in self.anchor.notes() if note in self.checkpoints]
        assert verified.anchored == max(anchored, default=0)
        assert self.ledger.verify_headers() == verified.sealed

    @invariant()
    def every_checkpoint_is_consistent_with_the_tree(self) -> None:
        tree = self.ledger.tree()
        for note in self.checkpoints:
            checkpoint = self.opened(note)
            if checkpoint.size:
                proof = tree.consistency(checkpoint.size)
                MerkleTree.verify_consistency(checkpoint.size, tree.size, checkpoint.root, tree.root(), proof)
        plain = MerkleTree()
        for _, header in self.ledger.store.headers():
            plain.append_hash(leaf_hash(header))
        assert (plain.size, plain.root()) == (tree.size, tree.root())

    @invariant()
    def what_is_personal_can_be_read_unless_it_was_erased_or_swept(self) -> None:
        for entry in self.ledger.store.scan():
            known = self.model.entries[entry.chain, entry.position]
            if known.value is None or known.swept:
                continue
            if self.erased & set(known.keys[:1]):
                with pytest.raises(Erased):
                    self.ledger.payload(entry, purpose="test")
            else:
                assert self.ledger.payload(entry, purpose="test")["iban"] == known.value

    @invariant()
    def what_is_held_was_not_erased(self) -> None:
        for key, matters in self.model.holds.items():
            if matters and key not in self.erased:
                assert self.ledger.vault.key(key) is not None

    @invariant()
    def rebuilding_changes_no_row(self) -> None:
        before = {kind: self.ledger.store.select(kind) for kind in TABLES}
        self.ledger.rebuild()
        assert {kind: self.ledger.store.select(kind) for kind in TABLES} == before


TestStates = Machine.TestCase
TestStates.settings = WALKS


SHORT = settings(WALKS, max_examples=400, stateful_step_count=15, phases=[Phase.generate], derandomize=True)

FAULTS: dict[str, tuple[Any, str, Any]] = {
    "an erasure keeps the keys": (FileVault, "erase", lambda self, identifiers: None),
    "a hold is not looked at": (erasure, "check_not_held", lambda *arguments, **options: None),
    "entries get the positions from the end of the batch": (
        SqlTransaction,
        "seal",
        lambda self, start, entries: [
            self._database.write(SEAL, (leaf, n)) for leaf, n in enumerate(entries[::-1], start)
        ],
    ),
    "what a person gave up is forgotten": (own_entries, "_members", lambda entry, *names: [[] for _ in names]),
}
"""Faults of the code, as what is put in its place: where, what, and instead."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_does_not_survive_the_walks(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, instead = FAULTS[fault]
    assert hasattr(where, name)
    monkeypatch.setattr(where, name, instead)
    with pytest.raises((AssertionError, AbpoError, FlakyFailure, BaseExceptionGroup, pytest.fail.Exception)):
        run_state_machine_as_test(Machine, settings=SHORT)
