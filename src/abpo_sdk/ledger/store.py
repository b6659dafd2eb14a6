"""What a store must do: keep entries in order, and keep projections in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.rows import DecisionRow, Head, ReviewRow, RunRow

Row = TypeVar("Row", RunRow, ReviewRow, DecisionRow)


class Reader(Protocol):
    """Looks things up."""

    def head(self, chain: str) -> Head | None:
        """The end of a chain; None where there is no such chain."""
        ...

    def heads(self) -> Iterator[Head]:
        """Every chain, in the order of their names."""
        ...

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a chain, in the order in which they were written."""
        ...

    def entry(self, chain: str, place: Place) -> Entry | None:
        """The entry at a place of a chain, or None."""
        ...

    def last(self, chain: str, scope: str) -> Entry | None:
        """The last entry in a scope of a chain, or None."""
        ...

    def chains_with_entries(self) -> list[str]:
        """Every chain that has an entry, in the order of their names."""
        ...

    def chains_with_rows(self) -> list[str]:
        """Every chain that a run, review or decision names, in the order of their names."""
        ...

    def select(
        self,
        kind: type[Row],
        *,
        equal: Mapping[str, Any] | None = None,
        until: Mapping[str, str] | None = None,
        order: str | None = None,
    ) -> list[Row]:
        """The rows whose columns equal those of `equal` and are at most those of `until`, in `order` of a column (default: the key)."""
        ...


class Transaction(Reader, Protocol):
    """One write, alone with the store until it is over."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""
        ...

    def advance(self, head: Head, *, length: int) -> bool:
        """Make `head` the end of its chain, if the chain has this length and `head`'s lease; whether it did."""
        ...

    def add_head(self, head: Head) -> bool:
        """Make a chain with this end, if there is none of its name; whether it did."""
        ...

    def set_head(self, head: Head) -> None:
        """Make `head` the end of its chain, whatever stood there."""
        ...

    def put(self, row: RunRow | ReviewRow | DecisionRow) -> None:
        """Add or replace a row of a projection."""
        ...

    def update(self, kind: type[Row], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        ...


class Store(Reader, Protocol):
    """Where a ledger is kept. Writes of a transaction are durable, all of them, when its block ends without error."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a write; other writers wait.

        Raises:
            StoreUnavailable: the storage is locked, read-only, full or damaged; nothing was kept.
        """
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...
