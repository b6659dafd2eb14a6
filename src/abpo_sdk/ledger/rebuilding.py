"""Makes the projections of a chain again from its entries: to hold them against those that are stored, or to put them in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from abpo_sdk.ledger.encryption import keys_of
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.projections import ABOUT_CONTENT, UNPROJECTED, project, project_keys
from abpo_sdk.ledger.rows import TABLES, AnswerRow, DecisionRow, QueueRow, ReviewRow, SpendRow
from abpo_sdk.ledger.store import Reader, Transaction

Rows = dict[type[Any], dict[str, Any]]


class Rebuilt:
    """Rows in memory, changed as a store's transaction changes them."""

    def __init__(self) -> None:
        self.rows: Rows = {}

    def put(self, row: Any) -> None:
        """Add or replace a row."""
        self.rows.setdefault(type(row), {})[row.id] = row

    def update(self, kind: type[Any], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        rows = self.rows.get(kind, {})
        if key in rows:
            rows[key] = rows[key]._replace(**changes)

    def drop(self, kind: type[Any], key: str) -> None:
        """Remove a row; no such row, no change."""
        self.rows.get(kind, {}).pop(key, None)

    def select(self, kind: type[Any], *, equal: Mapping[str, Any]) -> list[Any]:
        """The rows whose columns equal those of `equal`."""
        rows = self.rows.get(kind, {}).values()
        return [row for row in rows if all(getattr(row, n) == v for n, v in equal.items())]


def project_entry(tx: Any, entry: Entry) -> None:
    """Bring projections up to date with an entry that is stored.

    One whose payload was removed still says by its header that a run ended; what else it said is gone, and rows go with it.
    """
    if entry.ciphertext is not None:
        project_keys(tx, entry.chain, keys_of(entry))
    head = entry.head
    if entry.payload is None and head["kind"] in ABOUT_CONTENT:
        if head["kind"] == "answered":
            _drop_answered(tx, entry, head["name"])
    elif head["kind"] not in UNPROJECTED:
        project(
            tx,
            chain=entry.chain,
            place=entry.place,
            kind=head["kind"],
            name=head["name"],
            at=head["at"],
            entry_hash=entry.hash,
            source=entry,
        )


def _drop_answered(tx: Rebuilt, entry: Entry, gate: str) -> None:
    """Remove the rows that would be wrong without an answer: its review's, and that of every decision that it may have changed."""
    reviews = [r for r in tx.select(ReviewRow, equal={}) if Place(r.scope, r.ordinal).inner == entry.place.scope]
    for review in reviews:
        tx.drop(ReviewRow, review.id)
        for kind in (QueueRow, AnswerRow, SpendRow):
            for row in tx.select(kind, equal={"review": review.id}):
                tx.drop(kind, row.id)
        if review.decision_id is not None:
            tx.drop(DecisionRow, review.decision_id)
    if not reviews:  # it was removed, too, so that nobody knows which decision was put before the person
        for decision in tx.select(DecisionRow, equal={}):
            if decision.gate in (None, gate):
                tx.drop(DecisionRow, decision.id)


def rebuild(entries: Iterable[Entry]) -> Rows:
    """The rows that the entries of a chain make, by kind and key."""
    rebuilt = Rebuilt()
    for entry in entries:
        project_entry(rebuilt, entry)
    return rebuilt.rows


def rebuild_chain(tx: Transaction, chain: str) -> None:
    """Put the rows that a chain's entries make in the place of those that are stored."""
    for kind in TABLES:
        tx.clear(kind, chain)
    for rows in rebuild(tx.entries(chain)).values():
        for row in rows.values():
            tx.put(row)


def rebuild_all(source: Reader, tx: Transaction) -> None:
    """Put the rows that all entries make in the place of those that are stored, chain by chain.

    Args:
        source: gives the entries, as they stand when the write begins.
        tx: the write.
    """
    for kind in TABLES:
        tx.clear(kind)
    for _, entries in groupby(source.scan(), key=lambda entry: entry.chain):
        for rows in rebuild(entries).values():
            for row in rows.values():
                tx.put(row)


def differing_row(expected: Rows, stored: Mapping[type[Any], Sequence[Any]]) -> str | None:
    """Says which stored row of a chain is not what its entries make; None where all are."""
    for kind, table in TABLES.items():
        made_rows, found_rows = expected.get(kind, {}), stored.get(kind, ())
        if not made_rows and not found_rows:
            continue
        found_by_key = {row.id: row for row in found_rows}
        for key in sorted({*made_rows, *found_by_key}, key=repr):
            made, found = made_rows.get(key), found_by_key.get(key)
            if made is None or found is None:
                return f"{table} {'lacks' if found is None else 'holds'} {key!r}, and its entries say otherwise"
            if made != found:
                name = next(n for n in kind._fields if getattr(made, n) != getattr(found, n))
                return (
                    f"{table} says of {key!r} that {name} is {getattr(found, name)!r}, "
                    f"and its entries say {getattr(made, name)!r}"
                )
    return None
