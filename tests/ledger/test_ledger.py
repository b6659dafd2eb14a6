from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest

from abpo_sdk import Decision, Personal, Reason
from abpo_sdk.errors import DefinitionError, DuplicateRun, LeaseLost, StoreUnavailable
from abpo_sdk.ledger import FileAnchor, Lease, Ledger, MemoryVault, Place, SqliteStore
from abpo_sdk.ledger.entry import GENESIS, Draft
from abpo_sdk.ledger.rows import Head, RunRow
from abpo_sdk.testing.clock import START, FakeClock
from abpo_sdk.values.encoded import Encoded

DraftMaker = Callable[..., Draft]


# where it is


def test_a_url_names_a_file_by_a_relative_or_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, file in (
        ("sqlite:///here.db", tmp_path / "here.db"),
        (f"sqlite:///{tmp_path}/there.db", tmp_path / "there.db"),
    ):
        with closing(Ledger(url)):
            assert file.exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_ledger_in_memory_makes_no_file_and_ends_with_its_object(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draft: DraftMaker
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Ledger(url)) as ledger:
        with ledger.writing() as writer:
            writer.append("R-1", [draft(secret="DE89")])
        assert ledger.verify().entries == 1
    with closing(Ledger(url)) as ledger:
        assert ledger.entries("R-1") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["", "ledger.db", "sqlite:ledger.db", "sqlite:/ledger.db", "mysql://x/y", "SQLITE:///x"]
)
def test_a_url_of_another_scheme_is_refused_by_name(url: str) -> None:
    with pytest.raises(DefinitionError, match=f"{url!r} names no ledger"):
        Ledger(url)


def test_the_keys_lie_beside_the_file_or_in_the_vault_that_is_given(
    path: Path, open_ledger: Callable[..., Ledger], draft: DraftMaker
) -> None:
    vault = MemoryVault()
    ledger = open_ledger(vault=vault)
    with ledger.writing() as writer:
        writer.append("R-1", [draft(secret="DE89")])
    assert not path.with_name("ledger.db.keys").exists()
    assert ledger.verify().entries == 1
    other = open_ledger(path.with_name("other.db"))
    with other.writing() as writer:
        writer.append("R-1", [draft(secret="DE89")])
    assert path.with_name("other.db.keys").exists()


def test_a_store_of_ones_own_may_be_given(draft: DraftMaker) -> None:
    store = SqliteStore(None)
    with closing(Ledger(store, vault=MemoryVault())) as ledger:
        with ledger.writing() as writer:
            writer.append("R-1", [draft()])
        assert {entry.chain for entry in store.scan()} == {"R-1"}


# appending


def test_entries_of_one_chain_follow_each_other_over_many_writes(ledger: Ledger, draft: DraftMaker) -> None:
    with ledger.writing() as writer:
        first = writer.append("R-1", [draft(0), draft(1)])
    with ledger.writing() as writer:
        later = writer.append("R-1", [draft(2)])
    entries = ledger.entries("R-1")
    assert entries == first + later
    assert [e.position for e in entries] == [0, 1, 2]
    assert [e.head["previous"] for e in entries] == [GENESIS, entries[0].hash, entries[1].hash]
    assert ledger.store.head("R-1") == Head("R-1", entries[2].hash, 3)


def test_several_chains_may_be_written_in_one_transaction(ledger: Ledger, draft: DraftMaker) -> None:
    with ledger.writing() as writer:
        writer.append("R-1", [draft(0)])
        writer.append("R-2", [draft(0)])
        writer.append("R-1", [draft(1)])
    assert ledger.verify().entries == 3
    assert [e.position for e in ledger.entries("R-1")] == [0, 1]


def test_a_write_that_raises_keeps_neither_entries_nor_projections(ledger: Ledger, draft: DraftMaker) -> None:
    def write() -> None:
        with ledger.writing() as writer:
            writer.append("R-1", [replace(draft(kind="started", name="pay"), payload={"version": "v1"}), draft(1)])
            writer.append("R-2", [draft(0)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert list(ledger.store.scan()) == []
    assert list(ledger.store.heads()) == []
    assert ledger.store.select(RunRow) == []
    assert ledger.verify().chains == 0


def test_a_place_is_taken_once_and_a_second_entry_there_keeps_nothing(ledger: Ledger, draft: DraftMaker) -> None:
    with ledger.writing() as writer:
        writer.append("R-1", [draft(0)])

    def again() -> None:
        with ledger.writing() as writer:
            writer.append("R-1", [draft(1), draft(0)])

    with pytest.raises(StoreUnavailable, match="nothing of this write was kept"):
        again()
    assert len(ledger.entries("R-1")) == 1
    assert ledger.verify().entries == 1


def test_what_was_sealed_beforehand_is_what_is_written(ledger: Ledger, draft: DraftMaker) -> None:
    drafts = [draft(0, secret="DE89"), draft(1)]
    sealed = [ledger.encrypted(d) for d in drafts]
    with ledger.writing() as writer:
        entries = writer.append_encrypted("R-1", list(zip(drafts, sealed, strict=True)))
    assert [(e.payload, e.salt, e.ciphertext) for e in entries] == [(s.payload, s.salt, s.ciphertext) for s in sealed]
    assert ledger.verify().entries == 2


def test_a_time_without_a_zone_is_refused(ledger: Ledger, draft: DraftMaker) -> None:
    def write() -> None:
        with ledger.writing() as writer:
            writer.append("R-1", [replace(draft(), at=datetime(2026, 1, 5, 9, 0))])  # noqa: DTZ001

    with pytest.raises(DefinitionError, match="without a zone"):
        write()
    assert ledger.entries("R-1") == []


# leases


def lease(epoch: int, holder: str = "worker") -> Lease:
    return Lease("R-1", epoch, holder, "2026-01-05T09:01:00.000000Z")


def append(ledger: Ledger, *drafts: Draft, **options: Any) -> None:
    with ledger.writing() as writer:
        writer.append_encrypted("R-1", [(draft, ledger.encrypted(draft)) for draft in drafts], **options)


def take_over(ledger: Ledger, by: Lease) -> None:
    with ledger.writing() as writer:
        head = writer.tx.head("R-1")
        assert head is not None
        writer.tx.set_head(head._replace(epoch=by.epoch, holder=by.holder, until=by.until))


def test_the_first_write_under_a_lease_takes_it_and_the_last_gives_it_back(ledger: Ledger, draft: DraftMaker) -> None:
    append(ledger, draft(0), lease=lease(1))
    held = ledger.store.head("R-1")
    assert held is not None
    assert (held.epoch, held.holder, held.until) == (1, "worker", "2026-01-05T09:01:00.000000Z")
    append(ledger, draft(1), lease=replace(lease(1), until="2026-01-05T09:02:00.000000Z"))
    renewed = ledger.store.head("R-1")
    assert renewed is not None
    assert renewed.until == "2026-01-05T09:02:00.000000Z"
    append(ledger, draft(2), lease=lease(1), release=True)
    free = ledger.store.head("R-1")
    assert free is not None
    assert (free.epoch, free.holder, free.until, free.length) == (1, None, None, 3)


@pytest.mark.parametrize("release", [False, True])
def test_a_lease_that_was_taken_over_writes_nothing_more(ledger: Ledger, draft: DraftMaker, release: bool) -> None:
    append(ledger, draft(0), lease=lease(1, "slow"))
    take_over(ledger, lease(2, "quick"))
    before = ledger.store.head("R-1")
    with pytest.raises(LeaseLost, match=r"'R-1' was taken over by quick.*lease 2, this one is 1"):
        append(ledger, draft(1), lease=lease(1, "slow"), release=release)
    assert ledger.store.head("R-1") == before
    assert len(ledger.entries("R-1")) == 1
    append(ledger, draft(1), lease=lease(2, "quick"))
    assert ledger.verify().entries == 2


def test_a_lost_lease_undoes_the_whole_transaction_that_it_is_found_in(ledger: Ledger, draft: DraftMaker) -> None:
    append(ledger, draft(0), lease=lease(1))
    take_over(ledger, lease(2))

    def write() -> None:
        with ledger.writing() as writer:
            writer.append("R-2", [draft(0)])
            writer.append_encrypted("R-1", [(draft(1), ledger.encrypted(draft(1)))], lease=lease(1))

    with pytest.raises(LeaseLost):
        write()
    assert ledger.entries("R-2") == []


def test_a_lease_from_the_future_is_no_better_than_an_old_one(ledger: Ledger, draft: DraftMaker) -> None:
    append(ledger, draft(0), lease=lease(1))
    with pytest.raises(LeaseLost):
        append(ledger, draft(1), lease=lease(2))


def test_an_answer_needs_no_lease_and_leaves_the_holder_his(ledger: Ledger, draft: DraftMaker) -> None:
    append(ledger, draft(0), lease=lease(1))
    append(ledger, draft(1))
    head = ledger.store.head("R-1")
    assert head is not None
    assert (head.epoch, head.holder, head.length) == (1, "worker", 2)
    append(ledger, draft(2), lease=lease(1))
    assert ledger.verify().entries == 3


# decisions that were made outside a run


@dataclass(frozen=True)
class Claim:
    number: str
    holder: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")]
    amount: Decimal


CLAIM = Claim("C-1", "h-1", "DE89370400440532013000", Decimal("12.50"))
MADE = Decision(
    policy="claims",
    version="v1",
    outcome="pay",
    proposed="pay",
    outcomes=("pay", "refer"),
    confidence=0.75,
    reasons=(Reason(1, "small", "the amount is small", factor="amount", value="12.50"),),
    case=CLAIM,
    inputs=("amount",),
    owner="head of claims",
    calibrated=True,
)


def test_a_recorded_decision_comes_back_with_its_id_and_time_and_otherwise_equal(ledger: Ledger) -> None:
    recorded = ledger.record(MADE, key="C-1")
    assert recorded == replace(MADE, id="C-1/0", at=START)
    (entry,) = ledger.entries("C-1")
    assert (entry.kind, entry.name, entry.place, entry.at) == ("decision", "claims", Place("/", 0), START)
    assert ledger.payload(entry, purpose="test")["result"]["case"]["iban"] == CLAIM.iban


def test_recording_the_same_decision_again_changes_nothing_and_tells_the_first_time(ledger: Ledger) -> None:
    first = ledger.record(MADE, key="C-1")
    assert isinstance(ledger.clock, FakeClock)
    ledger.clock.advance(timedelta(hours=1))
    head = ledger.store.head("C-1")
    assert ledger.record(MADE, key="C-1") == first
    assert ledger.record(replace(MADE, case=replace(CLAIM)), key="C-1") == first
    assert ledger.record(first, key="C-1") == first
    assert ledger.store.head("C-1") == head
    assert ledger.record(MADE, key="C-2").at == START + timedelta(hours=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "refer", "proposed": "refer"},
        {"proposed": "refer"},
        {"confidence": 0.5},
        {"version": "v2"},
        {"policy": "others"},
        {"owner": None},
        {"reasons": ()},
        {"calibrated": False},
        {"case": replace(CLAIM, amount=Decimal("12.51"))},
        {"case": replace(CLAIM, iban="AT61")},
        {"case": {"number": "C-1"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_decision_under_the_same_key_is_refused(ledger: Ledger, changes: dict[str, Any]) -> None:
    ledger.record(MADE, key="C-1")
    with pytest.raises(DuplicateRun, match="'C-1' holds another decision"):
        ledger.record(replace(MADE, **changes), key="C-1")
    assert len(ledger.entries("C-1")) == 1


def test_the_key_of_a_run_takes_no_decision(ledger: Ledger, draft: DraftMaker) -> None:
    append(ledger, replace(draft(kind="started"), payload={"version": "v1"}))
    with pytest.raises(DuplicateRun, match="'R-1' holds another started"):
        ledger.record(MADE, key="R-1")


def test_a_decision_about_a_plain_mapping_is_recorded(ledger: Ledger) -> None:
    case: Mapping[str, Any] = {"amount": 12, "tags": ["a", None], "rate": 0.5}
    recorded = ledger.record(replace(MADE, case=case), key="C-1")
    assert recorded.case == case
    assert ledger.entries("C-1")[0].content["result"]["case"] == case


def test_a_decision_that_a_person_made_is_recorded_as_theirs(ledger: Ledger) -> None:
    recorded = ledger.record(replace(MADE, outcome="refer", decided_by="maria@acme", gate="approval"), key="C-1")
    assert (recorded.outcome, recorded.proposed, recorded.decided_by, recorded.gate) == (
        "refer", "pay", "maria@acme", "approval",
    )  # fmt: skip
    row = ledger.decisions().iloc[0]
    assert (row["outcome"], row["proposed"], row["decided_by"], row["gate"]) == (
        "refer", "pay", "maria@acme", "approval",
    )  # fmt: skip


def test_no_entries_are_there_of_what_was_never_written(ledger: Ledger) -> None:
    assert ledger.entries("R-1") == []
    assert str(ledger.verify()) == "0 entries in 0 chains: 0 sealed, 0 not yet sealed, 0 anchored, 0 erased"


def test_inputs_are_compared_through_the_ledger(ledger: Ledger, draft: DraftMaker) -> None:
    append(ledger, draft(inputs=Encoded({"a": 1})))
    (entry,) = ledger.entries("R-1")
    assert ledger.same_inputs(entry, Encoded({"a": 1}))
    assert not ledger.same_inputs(entry, Encoded({"a": 2}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchor": "cp.txt"}, r"write FileAnchor\('cp.txt'\)"),
        ({"anchor": Path("cp.txt")}, r"write FileAnchor\('cp.txt'\)"),
        ({"anchor": 7}, r"anchor=7 has no method notes\(\)"),
        ({"signer": "key"}, r"signer='key' has no method sign\(\)"),
        ({"clock": 3}, r"clock=3 has no method now\(\)"),
        ({"trust": "a+b+c"}, r"write trust=\['a\+b\+c'\]"),
        ({"timeout": "5"}, "timeout='5' is no number of seconds"),
        ({"timeout": -1}, "timeout=-1 is no number of seconds"),
    ],
)
def test_what_a_ledger_cannot_be_opened_with_is_refused_before_a_file_is_made(
    path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        Ledger(f"sqlite:///{path}", **options)
    assert not path.exists()


def test_a_path_and_what_is_no_store_are_refused_and_told_what_to_write(path: Path) -> None:
    with pytest.raises(DefinitionError, match=f'write "sqlite:///{path}"'):
        Ledger(path)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match=r"is no store: it has no id; see abpo_sdk\.ledger\.Store"):
        Ledger(object(), vault=MemoryVault())  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="shared=True is for an SQLite file"):
        Ledger("postgresql://x/y", shared=True)


def test_a_ledger_that_is_closed_says_so(path: Path) -> None:
    ledger = Ledger(f"sqlite:///{path}")
    ledger.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        ledger.entries("R-1")


@pytest.mark.parametrize("suffix", ["", "-wal", ".keys", ".signer"])
def test_an_export_over_a_file_of_the_ledger_itself_is_refused(path: Path, suffix: str) -> None:
    anchor = FileAnchor(path.with_name("anchor.txt"))
    with Ledger(f"sqlite:///{path}", anchor=anchor) as ledger:
        ledger.seal()
        for target in (f"{path}{suffix}", anchor.path):
            with pytest.raises(DefinitionError, match="is a file of the ledger itself"):
                ledger.export(target)
            with pytest.raises(DefinitionError, match="is a file of the ledger itself"):
                ledger.export_parquet(target)
        assert ledger.verify().anchored == 0
