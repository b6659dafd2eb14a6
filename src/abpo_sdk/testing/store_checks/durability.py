"""Checks of what a store keeps for good, and of a whole ledger on it. The name of each says what a store must do."""

from __future__ import annotations

from abpo_sdk.errors import LedgerBroken, StoreUnavailable
from abpo_sdk.ledger.keys.vault import MemoryVault
from abpo_sdk.ledger.ledger import Ledger
from abpo_sdk.ledger.rows import DecisionRow, RunRow
from abpo_sdk.ledger.transparency.note import Signer
from abpo_sdk.testing.expectations import expect, refused
from abpo_sdk.testing.store_checks.samples import DECISION, ROWS, RUN, entry, put, write
from abpo_sdk.testing.store_checks.storage import Storage
from abpo_sdk.values.decision import Decision


def what_was_written_is_there_when_the_storage_is_opened_again(storage: Storage) -> None:
    store = storage.new()
    identifier = store.id
    write(store, entry(0))
    put(store, *ROWS)
    with store.transaction() as tx:
        tx.seal(0, [number for number, _ in tx.unsealed(9)])
        tx.put_tile(0, 0, b"t")
    store.close()
    other = storage.reopened(store)
    expect("entries", list(other.scan()), [entry(0)._replace(leaf=0)])
    for row in ROWS:
        expect(type(row).__name__, other.select(type(row)), [row])
    expect("a tile", other.tile(0, 0), b"t")
    expect("id", other.id, identifier)


def every_ledger_has_an_id_of_its_own(storage: Storage) -> None:
    store = storage.new()
    expect("the id is a text, and not empty", isinstance(store.id, str) and bool(store.id), expected=True)
    expect("the id, asked for again", store.id, store.id)
    expect("the id is another than that of another store", store.id != storage.new().id, expected=True)


def a_closed_store_refuses_everything_and_may_be_closed_again(storage: Storage) -> None:
    store = storage.new()
    write(store, entry(0))
    store.close()
    store.close()
    with refused("a write", StoreUnavailable):
        put(store, RUN)
    with refused("a look at rows", StoreUnavailable):
        store.select(RunRow)
    with refused("a look at entries", StoreUnavailable):
        list(store.scan())
    with refused("a snapshot", StoreUnavailable), store.snapshot() as reader:
        list(reader.scan())


def a_whole_ledger_stands_on_it_and_what_was_tampered_with_is_found(storage: Storage) -> None:
    store, vault, signer = storage.new(), MemoryVault(), Signer.generate("check")
    ledger = Ledger(store, vault=vault, signer=signer)
    decision = Decision(
        policy="payment",
        version="1",
        outcome="pay",
        proposed="pay",
        confidence=1.0,
        reasons=(),
        outcomes=("pay", "refer"),
        inputs=("x",),
        case={"x": 1},
    )

    def record(key: str) -> None:
        ledger.record(decision, key=key)

    for key in ("K-1", "K-2", "K-1"):
        record(key)
    checkpoint = ledger.seal()
    record("K-3")
    found = ledger.verify()
    expect("entries, chains, sealed", (found.entries, found.chains, found.sealed), (3, 3, 2))
    expect("the root", ledger.tree().root(2), checkpoint.root)
    expect("decisions", [row.chain for row in store.select(DecisionRow)], ["K-1", "K-2", "K-3"])
    with store.transaction() as tx:
        tx.update(DecisionRow, "K-2/0", outcome="refer")
    with refused("a decision that was changed", LedgerBroken):
        ledger.verify()
    ledger.rebuild()
    ledger.verify()
    with store.transaction() as tx:
        tx.put(DECISION)
    with refused("a decision that nobody made", LedgerBroken):
        ledger.verify()
    ledger.rebuild()
    with store.transaction() as tx:
        tx.forget("K-1", 0)
    with refused("a payload that was removed", LedgerBroken):
        ledger.verify()


CHECKS = (
    what_was_written_is_there_when_the_storage_is_opened_again,
    every_ledger_has_an_id_of_its_own,
    a_closed_store_refuses_everything_and_may_be_closed_again,
    a_whole_ledger_stands_on_it_and_what_was_tampered_with_is_found,
)
