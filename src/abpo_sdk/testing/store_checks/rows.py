"""Checks of how a store keeps rows. The name of each says what a store must do."""

from __future__ import annotations

from typing import Any

from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.ledger.rows import DecisionRow, ReviewRow, RunRow, SpendRow
from abpo_sdk.testing.expectations import expect, refused
from abpo_sdk.testing.store_checks.samples import (
    DECISION,
    REVIEW,
    ROWS,
    RUN,
    SORTED,
    SPEND,
    SUBJECT,
    entry,
    put,
    write,
)
from abpo_sdk.testing.store_checks.storage import Storage

SPENT = (("r0", 3, "b"), ("r0", 5, "c"), ("r1", 4, "c"), ("r2", 2**62, "d"))
"""Reviews, amounts and times; of the first review there are two."""


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
    check("r0 r3", after={"due_at": "2026-01-01"})
    check("r1 r2", until={"opened_at": "c"}, after={"opened_at": "a"}, order="opened_at")
    check("", after={"due_at": "2026-01-03"})
    check("", equal={"role": "nobody"})
    check("r0 r1 r2 r3", equal={"ordinal": REVIEW.ordinal})
    check("r1 r2", order="opened_at", limit=2)
    check("r3 r0", order="opened_at", limit=2, newest_first=True)
    check("r0 r2", equal={"role": "cfo"}, limit=2)
    check("", limit=0)
    for after, least in (("", "cfo"), ("cfo", "clerk"), ("clerk", None)):
        found = store.least(ReviewRow, "role", equal={"status": "open"}, after=after)
        expect(f"the least role after {after!r}", found, least)


def amounts_are_added_up_and_of_rows_that_are_alike_the_largest_alone(storage: Storage) -> None:
    store = storage.new()
    put(store, *(SPEND._replace(id=f"s{n}", review=r, amount=a, at=t) for n, (r, a, t) in enumerate(SPENT)))
    for equal, after, until, total in (
        ({}, "", "z", (2**62 + 9, 3)),
        ({"person": SPEND.person}, "a", "c", (9, 2)),
        ({"person": "nobody"}, "", "z", (0, 0)),
    ):
        found = store.total(SpendRow, "amount", each="review", equal=equal, after={"at": after}, until={"at": until})
        expect(f"the total of {equal} after {after!r} until {until!r}", found, total)


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


CHECKS = (
    a_row_is_added_replaced_and_changed,
    rows_are_selected_by_what_equals_and_what_is_at_most_and_come_in_order,
    amounts_are_added_up_and_of_rows_that_are_alike_the_largest_alone,
    every_row_comes_in_the_order_of_a_column_and_then_of_the_key,
    a_column_that_is_not_there_is_refused,
    the_rows_of_one_chain_are_cleared_or_all,
)
