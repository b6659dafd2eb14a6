"""Checks of how a store keeps rows and the tree. The name of each says what a store must do."""

from __future__ import annotations

from typing import Any

from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.ledger.entry import Place
from abpo_sdk.ledger.rows import CheckpointRow, DecisionRow, ReviewRow, RunRow
from abpo_sdk.testing.storage import (
    ALL_BYTES,
    DECISION,
    REVIEW,
    ROWS,
    RUN,
    SORTED,
    SUBJECT,
    Storage,
    entry,
    expect,
    put,
    refused,
    write,
)


def a_row_is_added_replaced_and_changed(storage: Storage) -> None:
    store = storage.new()
    put(store, *ROWS)
    row: Any
    for row in ROWS:
        kind = type(row)
        name = kind.__name__
        text = next(c for c in reversed(kind._fields) if isinstance(getattr(row, c), str) and c != "id")
        optional = [column for column in kind._fields if getattr(row, column) is None]
        expect(name, store.select(kind), [row])
        other = row._replace(id="another")
        replaced = row._replace(**{text: "x" * 100_000}, **dict.fromkeys(optional, ""))
        put(store, other, replaced)
        expect(
            f"{name}, replaced",
            store.select(kind, order=text),
            sorted([other, replaced], key=lambda r: getattr(r, text)),
        )
        with store.transaction() as tx:
            tx.update(kind, row.id, **{text: "ü\U0001f600"}, **dict.fromkeys(optional))
            tx.update(kind, "no such row", **{text: "z"})
        changed = sorted([other, row._replace(**{text: "ü\U0001f600"})], key=lambda r: r.id)
        expect(f"{name}, changed", store.select(kind), changed)


def rows_are_selected_by_what_equals_and_what_is_at_most_and_come_in_order(storage: Storage) -> None:
    store = storage.new()
    told = [("cfo", "2026-01-03", "d"), ("clerk", "2026-01-01", "b"), ("cfo", None, "c"), ("cfo", "2026-01-02", "é")]
    put(
        store,
        *(REVIEW._replace(id=f"r{n}", role=r, due_at=d, opened_at=o) for n, (r, d, o) in reversed([*enumerate(told)])),
    )

    def check(expected: str, **query: Any) -> None:
        expect(f"select({query})", " ".join(row.id for row in store.select(ReviewRow, **query)), expected)

    check("r0 r1 r2 r3")
    check("r1 r2 r0 r3", order="opened_at")
    check("r0 r2 r3 r1", order="role")
    check("r0 r2 r3", equal={"role": "cfo"})
    check("r2", equal={"role": "cfo", "opened_at": "c"})
    check("r1 r3", until={"due_at": "2026-01-02"})
    check("r1 r3", until={"due_at": "2026-01-02", "opened_at": "é"}, order="due_at")
    check("r3", equal={"role": "cfo"}, until={"due_at": "2026-01-02"}, order="due_at")
    check("", equal={"role": "nobody"})
    check("r0 r1 r2 r3", equal={"ordinal": REVIEW.ordinal})
    check("r1 r2", order="opened_at", limit=2)
    check("r0 r2", equal={"role": "cfo"}, limit=2)
    check("", limit=0)


def every_row_comes_in_the_order_of_a_column_and_then_of_the_key(storage: Storage) -> None:
    store = storage.new()
    rows = [DECISION._replace(id=f"{name}/{n}", chain=name) for name in SORTED for n in range(3)]
    put(store, *reversed(rows))
    expect("rows by chain", list(store.rows(DecisionRow, order="chain")), rows)
    expect("rows by key", list(store.rows(DecisionRow, order="id")), sorted(rows))
    expect("rows that are equal in the order", store.select(DecisionRow, order="at"), sorted(rows))


def a_column_that_is_not_there_is_refused(storage: Storage) -> None:
    store = storage.new()
    queries: list[dict[str, Any]] = [
        {"equal": {"colour": 1}},
        {"until": {"colour": "1"}},
        {"order": "id; DROP TABLE x"},
    ]
    for query in queries:
        with refused(f"select({query})", StoreUnavailable):
            store.select(RunRow, **query)
    with refused("update(colour=...)", StoreUnavailable), store.transaction() as tx:
        tx.update(RunRow, "R-1", colour="red")


def the_rows_of_one_chain_are_cleared_or_all(storage: Storage) -> None:
    store = storage.new()
    put(store, *ROWS, RUN._replace(id="r-1"), SUBJECT._replace(id="key/r-1", chain="r-1"))
    write(store, entry(0))
    for row in ROWS:
        with store.transaction() as tx:
            tx.clear(type(row), "R-1")
        expect(f"{type(row).__name__} of the chain", [r for r in store.select(type(row)) if r.id == row.id], [])
    expect("another chain's run", [r.id for r in store.select(RunRow)], ["r-1"])
    expect("another chain's subject", [r.id for r in store.select(type(SUBJECT))], ["key/r-1"])
    with store.transaction() as tx:
        tx.clear(RunRow)
    expect("all runs", store.select(RunRow), [])
    expect("subjects after runs were cleared", [r.id for r in store.select(type(SUBJECT))], ["key/r-1"])
    expect("entries after rows were cleared", store.entries("R-1"), [entry(0)])


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
    a_row_is_added_replaced_and_changed,
    rows_are_selected_by_what_equals_and_what_is_at_most_and_come_in_order,
    every_row_comes_in_the_order_of_a_column_and_then_of_the_key,
    a_column_that_is_not_there_is_refused,
    the_rows_of_one_chain_are_cleared_or_all,
    what_is_not_sealed_comes_in_the_order_of_writing_and_no_more_than_asked_for,
    sealed_entries_have_the_positions_in_the_tree_that_were_given,
    a_piece_of_the_tree_is_kept_and_replaced,
    checkpoints_come_in_the_order_in_which_they_were_added,
    what_is_forgotten_leaves_its_header_and_its_place,
)
