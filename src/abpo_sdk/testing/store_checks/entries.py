"""Checks of how a store keeps entries and the ends of chains. The name of each says what a store must do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abpo_sdk.errors import NotCanonical, StoreUnavailable
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.testing.expectations import expect, refused
from abpo_sdk.testing.store_checks.samples import ALL_BYTES, RUN, SORTED, entry, head, nothing_in, put, write
from abpo_sdk.testing.store_checks.storage import Storage

ALIKE = (
    "a",
    "A",
    "a ",
    " a",
    "á",
    "a\u0301",
    "",
    "ſ",
    "s",
    "ß",
    "ss",
    "1",
    "01",
    "%",
    "_",
    "'",
    '"',
    "\\",
    "a\nb",
    "日本",
)
"""Names that a database may take for the same, or for something else."""

LONG = "ü" * 500
"""A store keeps names of 500 characters, and other texts of any length."""


def an_empty_store_has_nothing(storage: Storage) -> None:
    store = storage.new()
    nothing_in(store)
    expect("head of no chain", store.head("R-1"), None)
    expect("entries of no chain", store.entries("R-1"), [])
    expect("entry at no place", store.entry("R-1", Place("/", 0)), None)
    expect("last in no scope", store.last("R-1", "/"), None)
    expect("leaf of an empty tree", store.leaf(0), None)
    expect("headers", list(store.headers()), [])
    with store.transaction() as tx:
        expect("unsealed", tx.unsealed(10), [])


def entries_come_back_as_they_were_written(storage: Storage) -> None:
    store = storage.new()
    entries = [
        Entry("R-1", 0, Place("run", 0), ALL_BYTES, b"", b"s" * 16, b"{}"),
        Entry("R-1", 1, Place("/", 0), b"\x00", None, None, None),
        Entry("R-1", 2, Place("/2/", 7), b"h" * 300_000, "ü".encode(), b"", None),
        Entry("R-1", 3, Place(LONG, 2**53), b"h", ALL_BYTES * 100, ALL_BYTES, b""),
        Entry("R-1", 4, Place("日本 \U0001f600", 0), b"h", b"\x00", b"\xff", ALL_BYTES),
    ]
    write(store, *entries)
    expect("entries", store.entries("R-1"), entries)
    expect("each by its place", [store.entry("R-1", e.place) for e in entries], entries)
    expect("scan", list(store.scan()), entries)
    expect("an entry where none is", store.entry("R-1", Place("/", 1)), None)


def entries_come_in_the_order_in_which_they_were_written(storage: Storage) -> None:
    store = storage.new()
    entries = [entry(n, place=Place("/" if n % 2 else "run", 30 - n)) for n in range(12)]
    write(store, *entries[:5])
    write(store, *entries[5:6], entry(0, chain="R-0"))
    write(store, *entries[6:])
    expect("entries", store.entries("R-1"), entries)
    expect("the other chain", store.entries("R-0"), [entry(0, chain="R-0")])


def a_place_is_taken_once_and_a_second_write_there_keeps_nothing(storage: Storage) -> None:
    store = storage.new()
    write(store, entry(0))
    with refused("a second entry at a place", StoreUnavailable), store.transaction() as tx:
        tx.put(RUN)
        tx.set_head(head(3))
        tx.append([entry(1), entry(2, place=Place("/", 0))])
    expect("entries", store.entries("R-1"), [entry(0)])
    expect("head", store.head("R-1"), head(1))
    expect("rows", store.select(RunRow), [])
    others = entry(1, place=Place("/0/", 0)), entry(0, chain="R-2")
    write(store, *others)
    expect("the same ordinal elsewhere", [store.entry(e.chain, e.place) for e in others], list(others))


def the_last_entry_of_a_scope_is_that_of_the_highest_ordinal(storage: Storage) -> None:
    store = storage.new()
    entries = [
        entry(n, place=Place(scope, o)) for n, (scope, o) in enumerate([("/", 9), ("/", 10), ("/", 2), ("x", 99)])
    ]
    write(store, *entries, entry(0, chain="R-2", place=Place("/", 50)))
    expect("last", store.last("R-1", "/"), entries[1])
    expect("last of a scope that nothing is in", store.last("R-2", "x"), None)
    expect("within", [e.place.ordinal for e in store.within("R-1", "/")], [2, 9, 10])
    expect("within a scope that nothing is in", store.within("R-2", "x"), [])


def names_that_look_alike_are_different(storage: Storage) -> None:
    store = storage.new()
    write(store, *(entry(0, chain=name, place=Place(scope, n)) for name in ALIKE for n, scope in enumerate(ALIKE)))
    put(store, *(RUN._replace(id=name, process=name) for name in ALIKE))
    for name in ALIKE:
        expect(f"head of {name!r}", store.head(name), head(1, chain=name))
        expect(f"entries of {name!r}", [e.chain for e in store.entries(name)], [name] * len(ALIKE))
        expect(f"scope {name!r}", getattr(store.last("a", name), "place", None), Place(name, ALIKE.index(name)))
        row = RUN._replace(id=name, process=name)
        expect(f"the row {name!r}", store.select(RunRow, equal={"id": name}), [row])
        expect(f"the row with {name!r}", store.select(RunRow, equal={"process": name}), [row])


def chains_come_in_the_order_of_their_names_by_code_points(storage: Storage) -> None:
    store = storage.new()
    write(store, *(entry(0, chain=name) for name in reversed(SORTED)))
    expect("heads", [h.chain for h in store.heads()], list(SORTED))


def a_scan_gives_every_entry_chain_by_chain(storage: Storage) -> None:
    store = storage.new()
    count = 60
    for start in range(0, count, 20):
        for name in reversed(SORTED):
            write(store, *(entry(n, chain=name) for n in range(start, start + 20)))
    expected = [entry(n, chain=name) for name in SORTED for n in range(count)]
    expect("scan", list(store.scan()), expected)
    with store.transaction() as tx:
        expect("scan within a write", list(tx.scan()), expected)
    with store.snapshot() as reader:
        scan, heads = reader.scan(), reader.heads()
        expect("two at once", (next(scan).chain, next(heads).chain, next(scan).position), ("", "", 1))
        expect("the rest", list(scan), expected[2:])


def the_end_of_a_chain_is_replaced(storage: Storage) -> None:
    store = storage.new()
    ends = [head(1), head(5, epoch=4, holder="w-1", until="2026-01-01"), head(2, epoch=2**53, holder="")]
    for end in ends:
        with store.transaction() as tx:
            tx.set_head(head(7, chain="R-2"))
            tx.set_head(end)
        expect("head", store.head("R-1"), end)
    expect("heads", list(store.heads()), [ends[-1], head(7, chain="R-2")])


def a_chain_advances_only_from_the_length_and_the_lease_that_it_has(storage: Storage) -> None:
    store = storage.new()
    held = head(3, epoch=4, holder="w-1", until="2026-01-01")
    with store.transaction() as tx:
        tx.set_head(held)
        tx.set_head(head(3, chain="R-2", epoch=4))
    longer = head(5, epoch=4, holder="w-1", until="2026-01-02")
    for what, end, length in (
        ("another length", longer, 2),
        ("an older lease", longer._replace(epoch=3), 3),
        ("a newer lease", longer._replace(epoch=5), 3),
        ("no such chain", longer._replace(chain="R-3"), 3),
    ):
        with store.transaction() as tx:
            expect(f"advance from {what}", tx.advance(end, length=length), expected=False)
        expect(f"the end after advance from {what}", list(store.heads()), [held, head(3, chain="R-2", epoch=4)])
    with store.transaction() as tx:
        expect("advance", tx.advance(longer, length=3), expected=True)
        expect("advance once more", tx.advance(longer._replace(holder=None, until=None), length=5), expected=True)
    expect("head", list(store.heads()), [longer._replace(holder=None, until=None), head(3, chain="R-2", epoch=4)])


def a_chain_is_made_once(storage: Storage) -> None:
    store = storage.new()
    with store.transaction() as tx:
        expect("add_head", tx.add_head(head(1, holder="w-1")), expected=True)
        expect("add_head of the same name", tx.add_head(head(7)), expected=False)
    with store.transaction() as tx:
        expect("add_head of the same name, later", tx.add_head(head(8)), expected=False)
        expect("add_head of another", tx.add_head(head(2, chain="r-1")), expected=True)
    expect("heads", list(store.heads()), [head(1, holder="w-1"), head(2, chain="r-1")])


def a_text_is_kept_as_it_is_or_refused_and_then_nothing_is_kept(storage: Storage) -> None:
    store = storage.new()
    for bad in ("\ud800", "a\udfffb"):
        with refused(f"entries({bad!a})", NotCanonical):
            store.entries(bad)
        for what, call in _writes(bad):
            with refused(f"{what} with {bad!a}", NotCanonical), store.transaction() as tx:
                tx.put(RUN._replace(id="before"))
                call(tx)
            nothing_in(store)
    for what, call in _writes("a\0b"):
        try:
            with store.transaction() as tx:
                tx.put(RUN._replace(id="before"))
                call(tx)
        except NotCanonical:
            nothing_in(store)
            continue
        texts = [t for r in (*store.heads(), *store.scan(), *store.select(RunRow)) for t in (r[0], r[1])]
        expect(f"{what} with NUL", "a\0b" in texts or [e.place.scope for e in store.scan()] == ["a\0b"], expected=True)
        with store.transaction() as tx:
            tx.clear(RunRow)
        store = storage.new()


def _writes(text: str) -> list[tuple[str, Callable[[Any], None]]]:
    return [
        ("a chain's end", lambda tx: tx.set_head(head(1, chain=text))),
        ("a chain", lambda tx: tx.append([entry(0, chain=text)])),
        ("a scope", lambda tx: tx.append([entry(0, place=Place(text, 0))])),
        ("a row", lambda tx: tx.put(RUN._replace(process=text))),
    ]


CHECKS = (
    an_empty_store_has_nothing,
    entries_come_back_as_they_were_written,
    entries_come_in_the_order_in_which_they_were_written,
    a_place_is_taken_once_and_a_second_write_there_keeps_nothing,
    the_last_entry_of_a_scope_is_that_of_the_highest_ordinal,
    names_that_look_alike_are_different,
    chains_come_in_the_order_of_their_names_by_code_points,
    a_scan_gives_every_entry_chain_by_chain,
    the_end_of_a_chain_is_replaced,
    a_chain_advances_only_from_the_length_and_the_lease_that_it_has,
    a_chain_is_made_once,
    a_text_is_kept_as_it_is_or_refused_and_then_nothing_is_kept,
)
