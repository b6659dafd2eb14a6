"""What a store must do: keep entries in order, keep projections in the same transaction, and keep the tree over both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from abpo_sdk.ledger.entry import Entry, Place, Stored
from abpo_sdk.ledger.rows import CheckpointRow, Head, Projection

Row = TypeVar("Row", bound=Projection)

WITHIN_A_STEP = (
    "the ledger was to be written to within a step that is declared with transaction=True, whose result and effect are kept by one "
    "write of their own; decide, record and start runs in the process, before or after the step"
)
"""What is wrong where the ledger is written to while its connection is lent."""


class Reader(Protocol):
    """Looks things up. What gives an iterator reads bit by bit, so that what it reads need not fit into memory."""

    def head(self, chain: str) -> Head | None:
        """The end of a chain; None where there is no such chain."""
        ...

    def heads(self) -> Iterator[Head]:
        """Every chain, in the order of their names by code points."""
        ...

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a chain, in the order in which they were written."""
        ...

    def within(self, chain: str, scope: str) -> list[Entry]:
        """The entries in a scope of a chain, by their ordinals."""
        ...

    def entry(self, chain: str, place: Place) -> Entry | None:
        """The entry at a place of a chain, or None."""
        ...

    def last(self, chain: str, scope: str) -> Entry | None:
        """The last entry in a scope of a chain, or None."""
        ...

    def scan(self) -> Iterator[Entry]:
        """Every entry, chain by chain in the order of their names, each chain's in the order in which they were written."""
        ...

    def stored(self) -> Iterator[Stored]:
        """`scan`, member by member, for reading many in little time."""
        ...

    def leaf(self, number: int) -> Entry | None:
        """The entry at a position of the tree, or None."""
        ...

    def headers(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """The position in the tree and the header of every sealed entry from `start` on, in the order of the tree."""
        ...

    def size(self) -> int:
        """How many entries are sealed: the size of the tree."""
        ...

    def tile(self, level: int, position: int) -> bytes | None:
        """A piece of the tree; see `abpo_sdk.ledger.tiles`."""
        ...

    def checkpoints(self) -> list[CheckpointRow]:
        """Every checkpoint, in the order in which they were signed."""
        ...

    def check_storage(self) -> None:
        """Check what the storage alone can tell, such as whether its indexes have their rows; nothing, where it tells nothing.

        Raises:
            LedgerBroken: what is looked up may not be found.
        """
        ...

    def select(
        self,
        kind: type[Row],
        *,
        equal: Mapping[str, Any] | None = None,
        until: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
        order: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        """The rows whose columns equal those of `equal`, are at most those of `until` and greater than those of `after`, in `order` of a column (default: the key); the first `limit` of them; `newest_first` turns the order round."""
        ...

    def least(self, kind: type[Row], column: str, *, equal: Mapping[str, Any], after: str) -> str | None:
        """The least value of a column that is greater than `after`, of the rows whose columns equal those of `equal`; None where there is none."""
        ...

    def total(
        self,
        kind: type[Row],
        column: str,
        *,
        each: str,
        equal: Mapping[str, Any],
        after: Mapping[str, str],
        until: Mapping[str, str],
    ) -> tuple[int, int]:
        """The sum of a column of whole numbers over the rows that `select` would give, and of how many; of rows that are alike in the column `each`, the largest alone counts."""
        ...

    def rows(self, kind: type[Row], *, order: str) -> Iterator[Row]:
        """Every row, in `order` of a column and then of the key."""
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

    def put(self, row: Projection) -> None:
        """Add or replace a row of a projection."""
        ...

    def update(self, kind: type[Row], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        ...

    def clear(self, kind: type[Projection], chain: str | None = None) -> None:
        """Remove the rows that a chain made; None for all rows."""
        ...

    def unsealed(self, limit: int) -> list[tuple[int, bytes]]:
        """The first entries that have no position in the tree, in the order in which they were written, each by a number of the store's own and its header."""
        ...

    def seal(self, start: int, entries: Sequence[int]) -> None:
        """Give entries (by the numbers of `unsealed`) the positions in the tree from `start` on."""
        ...

    def put_tile(self, level: int, position: int, hashes: bytes) -> None:
        """Add or replace a piece of the tree."""
        ...

    def add_checkpoint(self, checkpoint: CheckpointRow) -> None:
        """Add a checkpoint."""
        ...

    def set_anchored(self, size: int) -> None:
        """Say that the anchor has taken the checkpoints of this size."""
        ...

    def forget(self, chain: str, position: int) -> None:
        """Remove the payload, the salt and the ciphertext of an entry; its header stays."""
        ...

    def lent(self) -> AbstractContextManager[Any]:
        """The connection to the database, for what a caller writes in this very transaction, who must not end it.

        Raises:
            DefinitionError: when the block ends, where the caller has ended it, or has tried to; or the ledger was written to in
                another way meanwhile.
        """
        ...


class Store(Reader, Protocol):
    """Where a ledger is kept. Writes of a transaction are durable, all of them, when its block ends without error."""

    @property
    def id(self) -> str:
        """What tells this ledger from every other; made with it."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a write; other writers wait.

        Raises:
            StoreUnavailable: the storage is locked, read-only, full or damaged; nothing was kept.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Reader]:
        """Everything as it stands at one moment, whatever others write meanwhile."""
        ...

    def joined(self, connection: Any) -> Transaction:
        """The writes of a caller's own connection to the same database; that caller's commit makes them durable.

        Raises:
            DefinitionError: it is no connection to this database, or has no transaction that could be joined.
        """
        ...

    def scrub(self) -> None:
        """Make what was removed unreadable in whatever the storage keeps beside (a write-ahead log, free pages)."""
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...
