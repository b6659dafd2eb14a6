"""What every store must do. Another store joins by adding a maker to `MAKERS`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import NotCanonical, StoreUnavailable
from abpo_sdk.ledger import Entry, Place, SqliteStore, Store
from abpo_sdk.ledger.rows import TABLES, DecisionRow, Head, ReviewRow, RunRow

MAKERS: dict[str, Callable[[Path], Store]] = {
    "sqlite in memory": lambda directory: SqliteStore(None),
    "sqlite in a file": lambda directory: SqliteStore(directory / "store.db", timeout=0),
}
"""How to make each kind of store, given a directory of its own."""

RUN = RunRow("R-1", "pay", "v1", "running", "2026-01-01", "2026-01-01")
REVIEW = ReviewRow(
    "R-1/approval/0", "R-1", "/", 3, "approval", "controller", "open", "2026-01-02", "2026-01-03", "cfo", "R-1/2", "h"
)
DECISION = DecisionRow("R-1/2", "R-1", "/", 2, "payment", "v1", None, "pay", "pay", 1.0, "policy", None, "2026-01-02")


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


def entry(position: int, *, chain: str = "R-1", place: Place | None = None, header: bytes = b"{}") -> Entry:
    return Entry(chain, position, place or Place("/", position), header, b"p", b"s", b"x")


def head(length: int, *, chain: str = "R-1", **more: Any) -> Head:
    return Head(chain, f"{length:064}", length, **more)


# entries and heads


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.head("R-1") is None
    assert list(store.heads()) == []
    assert store.entries("R-1") == []
    assert store.entry("R-1", Place("/", 0)) is None
    assert store.chains_with_entries() == []
    assert [store.select(kind) for kind in TABLES] == [[], [], []]


def test_entries_come_back_as_they_were_appended_and_in_order(store: Store) -> None:
    entries = [
        Entry("R-1", 0, Place("run", 0), b"\x00\xff", b"", b"s" * 16, b"{}"),
        Entry("R-1", 1, Place("/", 0), b"h", None, None, None),
        Entry("R-1", 2, Place("/2/", 7), b"h" * 100_000, "ü".encode(), b"s", None),
    ]
    with store.transaction() as tx:
        tx.append(entries[:2])
        tx.set_head(head(2))
    with store.transaction() as tx:
        tx.append(entries[2:])
        tx.set_head(head(3))
    assert store.entries("R-1") == entries
    assert [store.entry("R-1", e.place) for e in entries] == entries
    assert store.head("R-1") == head(3)


def test_chains_are_apart_and_named_in_order(store: Store) -> None:
    names = ["b", "a", "é", "B", "", "a/0"]
    with store.transaction() as tx:
        for name in names:
            tx.append([entry(0, chain=name)])
            tx.set_head(head(1, chain=name))
    assert [h.chain for h in store.heads()] == sorted(names)
    assert store.chains_with_entries() == sorted(names)
    assert [e.chain for e in store.entries("a")] == ["a"]


def test_a_place_of_a_chain_is_taken_once_and_a_second_write_there_keeps_nothing(store: Store) -> None:
    with store.transaction() as tx:
        tx.append([entry(0)])
        tx.set_head(head(1))

    def take_again() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            tx.append([entry(1), entry(2, place=Place("/", 0))])
            tx.set_head(head(2))

    with pytest.raises(StoreUnavailable, match="nothing of this write was kept"):
        take_again()
    assert store.entries("R-1") == [entry(0)]
    assert store.head("R-1") == head(1)
    assert store.select(RunRow) == []


def test_a_head_can_be_changed_by_itself(store: Store) -> None:
    with store.transaction() as tx:
        tx.append([entry(0)])
        tx.set_head(head(1))
        tx.set_head(head(1, epoch=4, holder="w-1", until="2026-01-01"))
    assert store.head("R-1") == head(1, epoch=4, holder="w-1", until="2026-01-01")


@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=9)), max_size=8))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_any_names_and_bytes_are_kept(
    make: Callable[[Path], Store], tmp_path_factory: pytest.TempPathFactory, items: list[tuple[str, bytes]]
) -> None:
    made = make(tmp_path_factory.mktemp("store"))
    wanted: dict[str, list[Entry]] = {}
    for name, data in items:
        entries = wanted.setdefault(name, [])
        new = Entry(name, len(entries), Place(name, len(entries)), data, data, data, None)
        with made.transaction() as tx:
            tx.append([new])
            tx.set_head(head(len(entries) + 1, chain=name))
        entries.append(new)
    assert {name: made.entries(name) for name in made.chains_with_entries()} == wanted
    assert {h.chain: h.length for h in made.heads()} == {name: len(entries) for name, entries in wanted.items()}
    made.close()


def test_a_name_that_is_no_text_is_refused_by_name(store: Store) -> None:
    with pytest.raises(NotCanonical, match="surrogate"):
        store.entries("\ud800")
    with pytest.raises(NotCanonical, match="surrogate"), store.transaction() as tx:
        tx.append([entry(0, chain="\ud800")])
    with pytest.raises(NotCanonical, match="surrogate"), store.transaction() as tx:
        tx.set_head(head(1, chain="\ud800"))
    assert store.chains_with_entries() == []


# transactions


def test_a_transaction_that_raises_keeps_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as tx:
            tx.append([entry(0)])
            tx.set_head(head(1))
            for row in (RUN, REVIEW, DECISION):
                tx.put(row)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.entries("R-1") == []
    assert list(store.heads()) == []
    assert [store.select(kind) for kind in TABLES] == [[], [], []]
    with store.transaction() as tx:  # and the store goes on
        tx.put(RUN)
    assert store.select(RunRow) == [RUN]


def test_a_transaction_that_is_interrupted_keeps_nothing(store: Store) -> None:
    def interrupt() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert store.select(RunRow) == []


def test_a_transaction_sees_what_it_wrote(store: Store) -> None:
    with store.transaction() as tx:
        tx.append([entry(0)])
        tx.set_head(head(1))
        tx.put(RUN)
        assert tx.entries("R-1") == [entry(0)]
        assert tx.head("R-1") == head(1)
        assert tx.select(RunRow) == [RUN]


def test_a_transaction_inside_another_is_refused_and_the_outer_one_keeps_nothing(store: Store) -> None:
    def nest() -> None:
        with store.transaction() as tx:
            tx.put(RUN)
            with store.transaction():
                pass

    with pytest.raises(StoreUnavailable):
        nest()
    assert store.select(RunRow) == []


def test_transactions_of_several_threads_lose_nothing(store: Store) -> None:
    start = threading.Barrier(4)

    def append(name: str) -> None:
        start.wait()
        for _ in range(5):
            for chain in (name, "shared"):
                with store.transaction() as tx:
                    there = tx.head(chain)
                    length = there.length if there else 0
                    tx.append([entry(length, chain=chain)])
                    tx.set_head(head(length + 1, chain=chain))

    threads = [threading.Thread(target=append, args=(f"R-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {h.chain: h.length for h in store.heads()} == {"R-0": 5, "R-1": 5, "R-2": 5, "R-3": 5, "shared": 20}
    assert [e.position for e in store.entries("shared")] == list(range(20))


def test_a_chain_is_made_once_and_the_second_to_make_it_is_told(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.add_head(head(1, chain="R-1"))
    with store.transaction() as tx:
        assert not tx.add_head(head(7, chain="R-1"))
    assert store.head("R-1") == head(1, chain="R-1")


# projections


@pytest.mark.parametrize("row", [RUN, REVIEW, DECISION], ids=lambda row: type(row).__name__)
def test_a_row_is_added_replaced_changed_and_read_back_equal(store: Store, row: Any) -> None:
    kind = type(row)
    with store.transaction() as tx:
        tx.put(row)
    assert store.select(kind) == [row]
    assert [type(value) for value in store.select(kind)[0]] == [type(value) for value in row]
    column = "version" if hasattr(row, "version") else "outcome"
    with store.transaction() as tx:
        tx.put(row._replace(**{column: "v2"}))
    assert store.select(kind) == [row._replace(**{column: "v2"})]
    with store.transaction() as tx:
        tx.update(kind, row.id, **{column: "v3"})
        tx.update(kind, "no such row", **{column: "v4"})
    assert store.select(kind) == [row._replace(**{column: "v3"})]


def test_rows_are_selected_by_what_equals_and_what_is_at_most_and_come_in_order(store: Store) -> None:
    rows = [
        REVIEW._replace(id=f"r{number}", role=role, due_at=due, opened_at=opened)
        for number, (role, due, opened) in enumerate(
            [("cfo", "2026-01-03", "d"), ("clerk", "2026-01-01", "b"), ("cfo", None, "c"), ("cfo", "2026-01-02", "a")]
        )
    ]
    with store.transaction() as tx:
        for row in reversed(rows):
            tx.put(row)

    def ids(**query: Any) -> list[str]:
        return [row.id for row in store.select(ReviewRow, **query)]

    assert ids() == ["r0", "r1", "r2", "r3"]
    assert ids(order="opened_at") == ["r3", "r1", "r2", "r0"]
    assert ids(equal={"role": "cfo"}) == ["r0", "r2", "r3"]
    assert ids(equal={"role": "cfo", "opened_at": "c"}) == ["r2"]
    assert ids(until={"due_at": "2026-01-02"}) == ["r1", "r3"]
    assert ids(equal={"role": "cfo"}, until={"due_at": "2026-01-02"}, order="due_at") == ["r3"]
    assert ids(equal={"role": "nobody"}) == []


def test_rows_that_are_equal_in_the_order_come_by_their_key(store: Store) -> None:
    with store.transaction() as tx:
        for identifier in ("b", "c", "a"):
            tx.put(DECISION._replace(id=identifier))
    assert [row.id for row in store.select(DecisionRow, order="at")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "query", [{"equal": {"colour": 1}}, {"until": {"colour": 1}}, {"order": "id; DROP TABLE runs"}]
)
def test_a_column_that_is_not_there_is_named(store: Store, query: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable, match=r"runs has no column .*it has id, process"):
        store.select(RunRow, **query)
    with pytest.raises(StoreUnavailable, match="no column 'colour'"), store.transaction() as tx:
        tx.update(RunRow, "R-1", colour="red")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["open", "done"])), max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_rows_are_those_of_a_dictionary_that_was_given_the_same_writes(writes: list[tuple[str, str]]) -> None:
    made = SqliteStore(None)
    model: dict[str, RunRow] = {}
    for key, status in writes:
        row = RUN._replace(id=key, status=status)
        with made.transaction() as tx:
            tx.put(row)
        model[key] = row
    assert made.select(RunRow) == [model[key] for key in sorted(model)]
    assert made.select(RunRow, equal={"status": "open"}) == [
        model[key] for key in sorted(model) if model[key].status == "open"
    ]
    made.close()
