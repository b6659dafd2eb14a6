"""Checks of how a store keeps the tree over its entries, and forgets payloads. The name of each says what a store must do."""

from __future__ import annotations

from abpo_sdk.ledger.entry import Place
from abpo_sdk.ledger.rows import CheckpointRow
from abpo_sdk.testing.expectations import expect
from abpo_sdk.testing.store_checks.samples import (
    ALL_BYTES,
    entry,
    write,
)
from abpo_sdk.testing.store_checks.storage import Storage

# the tree


def what_is_not_sealed_comes_in_the_order_of_writing_and_no_more_than_asked_for(storage: Storage) -> None:
    store = storage.new()
    entries = [entry(n, chain=name) for n in range(3) for name in ("b", "a")]
    for item in entries:
        write(store, item)
    with store.transaction() as tx:
        expect("the first two", [h for _, h in tx.unsealed(2)], [e.header for e in entries[:2]])
        found = tx.unsealed(100)
        expect("all", [h for _, h in found], [e.header for e in entries])
        tx.seal(0, [number for number, _ in found[:4]])
        expect("the rest, within the write", [h for _, h in tx.unsealed(100)], [e.header for e in entries[4:]])
    write(store, entry(3, chain="a"))
    with store.transaction() as tx:
        rest = tx.unsealed(100)
        expect("the rest, and what came then", [h for _, h in rest], [*(e.header for e in entries[4:]), b"a:3"])
        tx.seal(4, [number for number, _ in rest])
        expect("nothing", tx.unsealed(100), [])
    expect("the tree", list(store.headers()), list(enumerate([*(e.header for e in entries), b"a:3"])))


def sealed_entries_have_the_positions_in_the_tree_that_were_given(storage: Storage) -> None:
    store = storage.new()
    entries = [entry(n, chain=name) for n in range(4) for name in ("b", "a")]
    write(store, *entries)
    with store.transaction() as tx:
        numbers = [number for number, _ in tx.unsealed(3)]
        tx.seal(0, numbers)
        tx.seal(3, [])
    sealed = [e._replace(leaf=n) for n, e in enumerate(entries[:3])]
    expect("size", store.size(), 3)
    expect("leaves", [store.leaf(n) for n in range(4)], [*sealed, None])
    expect("headers", list(store.headers()), [(n, e.header) for n, e in enumerate(sealed)])
    expect("headers from 2", list(store.headers(2)), [(2, sealed[2].header)])
    expect("headers from 3", list(store.headers(3)), [])
    expect("entries of a chain", store.entries("b"), [sealed[0], sealed[2], *entries[4::2]])
    expect("an entry at a place", store.entry("a", Place("/", 0)), sealed[1])


def a_piece_of_the_tree_is_kept_and_replaced(storage: Storage) -> None:
    store = storage.new()
    places = [(0, 0), (0, 1), (1, 0), (2, 2**40)]
    for add in (b"", ALL_BYTES * 64):
        with store.transaction() as tx:
            for level, position in places:
                tx.put_tile(level, position, bytes([level]) + add)
        expect("tiles", [store.tile(*place) for place in places], [bytes([level]) + add for level, _ in places])
    expect("a tile that is not there", store.tile(1, 1), None)


def checkpoints_come_in_the_order_in_which_they_were_added(storage: Storage) -> None:
    store = storage.new()
    rows = [
        CheckpointRow(9, "é\n\n— a b\n", 0),
        CheckpointRow(2, "b", 0),
        CheckpointRow(9, "a", 0),
        CheckpointRow(0, "", 1),
    ]
    for row in rows:
        with store.transaction() as tx:
            tx.add_checkpoint(row)
    expect("checkpoints", store.checkpoints(), rows)
    with store.transaction() as tx:
        tx.set_anchored(9)
        tx.set_anchored(77)
    expect("anchored", store.checkpoints(), [row._replace(anchored=1) if row.size == 9 else row for row in rows])


def what_is_forgotten_leaves_its_header_and_its_place(storage: Storage) -> None:
    store = storage.new()
    entries = [entry(0), entry(1), entry(1, chain="r-1")]
    write(store, *entries)
    with store.transaction() as tx:
        tx.seal(0, [number for number, _ in tx.unsealed(9)])
    with store.transaction() as tx:
        tx.forget("R-1", 1)
        tx.forget("R-1", 7)
    store.scrub()
    sealed = [e._replace(leaf=n) for n, e in enumerate(entries)]
    sealed[1] = sealed[1]._replace(payload=None, salt=None, ciphertext=None)
    expect("entries", list(store.scan()), sealed)
    expect("the leaf", store.leaf(1), sealed[1])


CHECKS = (
    what_is_not_sealed_comes_in_the_order_of_writing_and_no_more_than_asked_for,
    sealed_entries_have_the_positions_in_the_tree_that_were_given,
    a_piece_of_the_tree_is_kept_and_replaced,
    checkpoints_come_in_the_order_in_which_they_were_added,
    what_is_forgotten_leaves_its_header_and_its_place,
)
