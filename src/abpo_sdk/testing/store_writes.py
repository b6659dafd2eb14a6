"""Checks of how a store writes: all or nothing, one after the other, and for good. The name of each says what a store must do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from abpo_sdk.errors import LedgerBroken, StoreUnavailable
from abpo_sdk.ledger.keys.vault import MemoryVault
from abpo_sdk.ledger.ledger import Ledger
from abpo_sdk.ledger.rows import DecisionRow, RunRow
from abpo_sdk.ledger.store import Reader, Store
from abpo_sdk.ledger.transparency.note import Signer
from abpo_sdk.testing.storage import (
    DECISION,
    ROWS,
    RUN,
    NotAsExpectedError,
    Storage,
    at_once,
    entry,
    expect,
    head,
    nothing_in,
    put,
    refused,
    write,
)
from abpo_sdk.values.decision import Decision

MANY = 1300
"""More than a store is likely to read in one go."""


def a_write_that_raises_keeps_nothing(storage: Storage) -> None:
    store = storage.new()
    for problem in (ZeroDivisionError, KeyboardInterrupt):
        try:
            with store.transaction() as tx:
                tx.append([entry(0)])
                tx.set_head(head(1))
                for row in ROWS:
                    tx.put(row)
                tx.put_tile(0, 0, b"t")
                tx.seal(0, [number for number, _ in tx.unsealed(1)])
                raise problem  # noqa: TRY301  # the block is what is checked
        except problem:
            pass
        else:
            raise NotAsExpectedError(f"{problem.__name__} in the block of a write: it was swallowed")
        nothing_in(store)
    write(store, entry(0))  # and the store goes on
    expect("entries", store.entries("R-1"), [entry(0)])


def a_write_sees_what_it_wrote(storage: Storage) -> None:
    with storage.new().transaction() as tx:
        tx.append([entry(0)])
        tx.set_head(head(1))
        tx.put(RUN)
        expect("entries", tx.entries("R-1"), [entry(0)])
        expect("scan", list(tx.scan()), [entry(0)])
        expect("head", tx.head("R-1"), head(1))
        expect("rows", tx.select(RunRow), [RUN])
        tx.seal(0, [number for number, _ in tx.unsealed(1)])
        expect("size", tx.size(), 1)


def a_write_within_a_write_is_refused_and_the_outer_one_is_kept(storage: Storage) -> None:
    store = storage.new()
    with store.transaction() as tx:
        tx.put(RUN)
        with refused("a write within a write", StoreUnavailable), store.transaction():
            pass
        tx.put(RUN._replace(id="R-2"))
    expect("rows", [row.id for row in store.select(RunRow)], ["R-1", "R-2"])
    with refused("a write within a write", StoreUnavailable), store.transaction() as tx:
        tx.put(RUN._replace(id="R-3"))
        with store.transaction():
            pass
    expect("rows", [row.id for row in store.select(RunRow)], ["R-1", "R-2"])


def threads_that_write_at_once_lose_nothing(storage: Storage) -> None:
    store = storage.new()
    _write_at_once([store] * 4, store)


def stores_that_write_to_the_same_storage_at_once_lose_nothing(storage: Storage) -> None:
    store = storage.new()
    _write_at_once([store, *(storage.reopened(store) for _ in range(3))], store)


def _write_at_once(stores: list[Store], store: Store) -> None:
    def append(name: str, store: Store) -> None:
        for _ in range(5):
            for chain in (name, "shared"):
                with store.transaction() as tx:
                    there = tx.head(chain)
                    length = there.length if there else 0
                    tx.append([entry(length, chain=chain)])
                    tx.set_head(head(length + 1, chain=chain))

    at_once(*(lambda n=n, s=s: append(f"R-{n}", s) for n, s in enumerate(stores)))
    lengths = {h.chain: h.length for h in store.heads()}
    expect("lengths", lengths, {"R-0": 5, "R-1": 5, "R-2": 5, "R-3": 5, "shared": 20})
    expect("positions", [e.position for e in store.entries("shared")], list(range(20)))


def a_write_waits_for_another_one_to_the_same_storage_or_is_refused(storage: Storage) -> None:
    store = storage.new()
    other = storage.reopened(store)
    refusals: list[StoreUnavailable] = []

    def append(store: Store, chain: str, then: Callable[[], None] = lambda: None) -> None:
        with store.transaction() as tx:
            there = tx.head("shared")
            then()
            length = there.length if there else 0
            tx.append([entry(length, chain="shared", header=chain.encode())])
            tx.set_head(head(length + 1, chain="shared"))

    def second() -> None:
        try:
            append(other, "second")
        except StoreUnavailable as error:  # it does not wait for so long
            refusals.append(error)

    thread = threading.Thread(target=second)

    def begin_second() -> None:
        thread.start()
        thread.join(timeout=0.1)
        if not refusals:
            expect("the second write waits for the first", thread.is_alive(), expected=True)

    append(store, "first", begin_second)
    thread.join()
    kept = [b"first"] if refusals else [b"first", b"second"]
    expect("entries", [e.header for e in store.entries("shared")], kept)


def nobody_else_sees_a_write_before_it_is_over(storage: Storage) -> None:
    store = storage.new()
    other = storage.reopened(store)
    with store.transaction() as tx:
        tx.append([entry(0)])
        tx.set_head(head(1))
        tx.put(RUN)
        nothing_in(other)
        with other.snapshot() as reader:
            expect("entries of a snapshot", list(reader.scan()), [])
    expect("entries", list(other.scan()), [entry(0)])
    expect("rows", other.select(RunRow), [RUN])


def a_snapshot_stays_as_it_was_while_others_write(storage: Storage) -> None:
    store = storage.new()
    other = storage.reopened(store)
    write(store, entry(0), entry(1))

    def check(reader: Reader) -> None:
        expect("entries", list(reader.scan()), [entry(0), entry(1)])
        expect("heads", list(reader.heads()), [head(2)])
        expect("rows", list(reader.rows(RunRow, order="id")), [])
        expect("size", reader.size(), 0)

    with store.snapshot() as reader:  # which nothing has been read from yet
        write(other, entry(2))
        put(other, RUN)
        with other.transaction() as tx:
            tx.seal(0, [number for number, _ in tx.unsealed(9)])
        check(reader)
        write(store, entry(3))
        check(reader)
        with other.snapshot() as newer:
            expect("a newer snapshot", [e.position for e in newer.scan()], [0, 1, 2, 3])
        check(reader)


def what_is_read_bit_by_bit_goes_on_over_a_write(storage: Storage) -> None:
    store = storage.new()
    write(store, *(entry(n) for n in range(MANY)))
    scan = store.scan()
    first = next(scan)
    put(store, RUN)
    expect("entries", [first, *scan], [entry(n) for n in range(MANY)])
    next(store.scan())  # of which no more is read
    with store.transaction() as tx:
        rest = tx.scan()
        next(rest)
        tx.put(RUN._replace(id="R-2"))
        expect("entries within a write", sum(1 for _ in rest), MANY - 1)


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
    a_write_that_raises_keeps_nothing,
    a_write_sees_what_it_wrote,
    a_write_within_a_write_is_refused_and_the_outer_one_is_kept,
    a_write_waits_for_another_one_to_the_same_storage_or_is_refused,
    threads_that_write_at_once_lose_nothing,
    stores_that_write_to_the_same_storage_at_once_lose_nothing,
    nobody_else_sees_a_write_before_it_is_over,
    a_snapshot_stays_as_it_was_while_others_write,
    what_is_read_bit_by_bit_goes_on_over_a_write,
    what_was_written_is_there_when_the_storage_is_opened_again,
    every_ledger_has_an_id_of_its_own,
    a_closed_store_refuses_everything_and_may_be_closed_again,
    a_whole_ledger_stands_on_it_and_what_was_tampered_with_is_found,
)
