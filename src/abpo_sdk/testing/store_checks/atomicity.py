"""Checks of how a store writes: all or nothing. The name of each says what a store must do."""

from __future__ import annotations

from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.testing.expectations import NotAsExpectedError, expect, refused
from abpo_sdk.testing.store_checks.samples import ROWS, RUN, entry, head, nothing_in, write
from abpo_sdk.testing.store_checks.storage import Storage


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


CHECKS = (
    a_write_that_raises_keeps_nothing,
    a_write_sees_what_it_wrote,
    a_write_within_a_write_is_refused_and_the_outer_one_is_kept,
)
