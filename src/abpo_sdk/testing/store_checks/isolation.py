"""Checks of how writes and reads of a store keep apart, whichever happen at once. The name of each says what a store must do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.ledger.store import Reader, Store
from abpo_sdk.testing.expectations import expect
from abpo_sdk.testing.store_checks.samples import RUN, entry, head, nothing_in, put, write
from abpo_sdk.testing.store_checks.storage import Storage

MANY = 1300
"""More than a store is likely to read in one go."""


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

    _at_once(*(lambda n=n, s=s: append(f"R-{n}", s) for n, s in enumerate(stores)))
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


def _at_once(*tasks: Callable[[], None]) -> None:
    """Run tasks in threads that begin together; raises what the first of them raised."""
    start = threading.Barrier(len(tasks))
    errors: list[Exception] = []

    def run(task: Callable[[], None]) -> None:
        start.wait()
        try:
            task()
        except Exception as error:  # noqa: BLE001  # to be raised where it is seen
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


CHECKS = (
    a_write_waits_for_another_one_to_the_same_storage_or_is_refused,
    threads_that_write_at_once_lose_nothing,
    stores_that_write_to_the_same_storage_at_once_lose_nothing,
    nobody_else_sees_a_write_before_it_is_over,
    a_snapshot_stays_as_it_was_while_others_write,
    what_is_read_bit_by_bit_goes_on_over_a_write,
)
