"""Writes a ledger by SQL that every database of ours understands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.rows import CHAIN, KEY, TABLES, CheckpointRow, Head, Projection
from abpo_sdk.ledger.store import Row
from abpo_sdk.ledger.stores.sql_reading import (
    CHECKPOINT_COLUMNS,
    HEAD_COLUMNS,
    STORED,
    SqlReader,
    columns_of,
    known_column,
)

INSERT_ENTRY = f"INSERT INTO abpo_entries({STORED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ADVANCE_HEAD = (
    "UPDATE abpo_chains SET hash = ?, length = ?, holder = ?, until = ? WHERE chain = ? AND length = ? AND epoch = ?"
)
INSERT_HEAD = f"INSERT INTO abpo_chains({HEAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
NEW_HEAD = f"{INSERT_HEAD} ON CONFLICT DO NOTHING"
PUT_HEAD = (
    f"{INSERT_HEAD} ON CONFLICT (chain) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in Head._fields[1:])}"
)
UNSEALED = "SELECT id, header FROM abpo_entries WHERE leaf IS NULL AND id > ? ORDER BY id LIMIT ?"
SEAL = "UPDATE abpo_entries SET leaf = ? WHERE id = ?"
PUT_TILE = (
    "INSERT INTO abpo_tiles(level, position, hashes) VALUES (?, ?, ?) "
    "ON CONFLICT (level, position) DO UPDATE SET hashes = excluded.hashes"
)
ADD_CHECKPOINT = f"INSERT INTO abpo_checkpoints({CHECKPOINT_COLUMNS}) VALUES (?, ?, ?)"
SET_ANCHORED = "UPDATE abpo_checkpoints SET anchored = 1 WHERE size = ?"
FORGET = "UPDATE abpo_entries SET payload = NULL, salt = NULL, ciphertext = NULL WHERE chain = ? AND position = ?"


class SqlTransaction(SqlReader):
    """Writes to a database; see `Transaction`. What makes them durable is whoever began the database's transaction."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""
        for chain, position, (scope, ordinal), header, payload, salt, ciphertext, _ in entries:
            values = (chain, position, scope, ordinal, header, payload, salt, ciphertext)
            self._database.write(INSERT_ENTRY, values)

    def advance(self, head: Head, *, length: int) -> bool:
        """Make `head` the end of its chain, if the chain has this length and `head`'s lease; whether it did."""
        values = (head.hash, head.length, head.holder, head.until, head.chain, length, head.epoch)
        return self._database.write(ADVANCE_HEAD, values) == 1

    def add_head(self, head: Head) -> bool:
        """Make a chain with this end, if there is none of its name; whether it did."""
        return self._database.write(NEW_HEAD, head) == 1

    def set_head(self, head: Head) -> None:
        """Make `head` the end of its chain, whatever stood there."""
        self._database.write(PUT_HEAD, head)

    def put(self, row: Projection) -> None:
        """Add or replace a row of a projection."""
        kind: Any = type(row)
        self._database.write(put_text(kind), row)

    def update(self, kind: type[Row], key: str, **changes: Any) -> None:
        """Change columns of a row; no such row, no change."""
        model: Any = kind
        self._database.write(update_text(model, tuple(changes)), (*changes.values(), key))

    def clear(self, kind: type[Projection], chain: str | None = None) -> None:
        """Remove the rows that a chain made; None for all rows."""
        model: Any = kind
        if chain is None:
            self._database.write(f"DELETE FROM {TABLES[model]}")
        else:
            self._database.write(f"DELETE FROM {TABLES[model]} WHERE {CHAIN[model]} = ?", (chain,))

    def unsealed(self, limit: int) -> list[tuple[int, bytes]]:
        """The first entries without a position in the tree, each by its row's number and its header."""
        return [(number, header) for number, header in self._database.all(UNSEALED, (self._first_unsealed(), limit))]

    def _first_unsealed(self) -> int:
        """A row number below that of every entry which is not sealed."""
        return 0

    def seal(self, start: int, entries: Sequence[int]) -> None:
        """Give entries the positions in the tree from `start` on."""
        for leaf, number in enumerate(entries, start):
            self._database.write(SEAL, (leaf, number))

    def put_tile(self, level: int, position: int, hashes: bytes) -> None:
        """Add or replace a piece of the tree."""
        self._database.write(PUT_TILE, (level, position, hashes))

    def add_checkpoint(self, checkpoint: CheckpointRow) -> None:
        """Add a checkpoint."""
        self._database.write(ADD_CHECKPOINT, checkpoint)

    def set_anchored(self, size: int) -> None:
        """Say that the anchor has taken the checkpoints of this size."""
        self._database.write(SET_ANCHORED, (size,))

    def forget(self, chain: str, position: int) -> None:
        """Remove the payload, the salt and the ciphertext of an entry."""
        self._database.write(FORGET, (chain, position))


def is_mine(lock: Any) -> bool:
    """Whether this thread holds a lock, as `threading.Condition` asks it."""
    return bool(lock._is_owned())  # noqa: SLF001


@cache
def put_text(kind: Any) -> str:
    """The SQL that adds or replaces a row of a projection."""
    marks = ", ".join("?" for _ in kind._fields)
    changes = ", ".join(f"{name} = excluded.{name}" for name in kind._fields if name != KEY)
    return (
        f"INSERT INTO {TABLES[kind]}({columns_of(kind)}) VALUES ({marks}) ON CONFLICT ({KEY}) DO UPDATE SET {changes}"
    )


@cache
def update_text(kind: Any, changes: tuple[str, ...]) -> str:
    """The SQL that changes columns of a row of a projection."""
    assignments = ", ".join(f"{known_column(kind, name)} = ?" for name in changes)
    return f"UPDATE {TABLES[kind]} SET {assignments} WHERE {KEY} = ?"
