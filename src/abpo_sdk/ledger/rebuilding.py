"""Makes the projections of a chain again from its entries, to hold them against those that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.projections import project
from abpo_sdk.ledger.rows import TABLES, DecisionRow, ReviewRow, RunRow
from abpo_sdk.ledger.store import Reader

Rows = dict[type[Any], dict[str, Any]]

CHAIN_COLUMN: dict[type[Any], str] = {RunRow: "id", ReviewRow: "chain", DecisionRow: "chain"}


class Rebuilt:
    """Rows in memory, changed as a store's transaction changes them."""

    def __init__(self) -> None:
        self.rows: Rows = {kind: {} for kind in TABLES}

    def put(self, row: Any) -> None:
        """Add or replace a row."""
        self.rows[type(row)][row.id] = row

    def update(self, kind: type[Any], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        if key in self.rows[kind]:
            self.rows[kind][key] = self.rows[kind][key]._replace(**changes)

    def select(self, kind: type[Any], *, equal: Mapping[str, Any]) -> list[Any]:
        """The rows whose columns equal those of `equal`."""
        return [row for row in self.rows[kind].values() if all(getattr(row, n) == v for n, v in equal.items())]


def rebuild(entries: Sequence[Entry]) -> Rows:
    """The rows that the entries of a chain make, by kind and key."""
    rebuilt: Any = Rebuilt()
    for entry in entries:
        head = entry.head
        project(
            rebuilt,
            chain=entry.chain,
            place=entry.place,
            kind=head["kind"],
            name=head["name"],
            at=head["at"],
            entry_hash=entry.hash,
            source=entry,
        )
    rows: Rows = rebuilt.rows
    return rows


def differing_row(store: Reader, chain: str, entries: Sequence[Entry]) -> str | None:
    """Says which stored row of a chain is not what its entries make; None where all are."""
    for kind, expected in rebuild(entries).items():
        stored = {row.id: row for row in store.select(kind, equal={CHAIN_COLUMN[kind]: chain})}
        for key in sorted({*expected, *stored}, key=repr):
            made, found = expected.get(key), stored.get(key)
            if made is None or found is None:
                return f"{TABLES[kind]} {'lacks' if found is None else 'holds'} {key!r}, and its entries say otherwise"
            for name in kind._fields:
                if getattr(made, name) != getattr(found, name):
                    return (
                        f"{TABLES[kind]} says of {key!r} that {name} is {getattr(found, name)!r}, "
                        f"and its entries say {getattr(made, name)!r}"
                    )
    return None
