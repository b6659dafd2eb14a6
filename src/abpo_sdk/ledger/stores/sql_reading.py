"""Looks a ledger up by SQL that every database of ours understands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.ledger.entry import Entry, Place, Stored, entry_of
from abpo_sdk.ledger.rows import KEY, TABLES, CheckpointRow, Head
from abpo_sdk.ledger.store import Row

STORED = "chain, position, scope, ordinal, header, payload, salt, ciphertext"
ENTRY_COLUMNS = f"{STORED}, leaf"
SELECT_ENTRIES = f"SELECT {ENTRY_COLUMNS} FROM abpo_entries"
ENTRIES_OF = f"{SELECT_ENTRIES} WHERE chain = ? ORDER BY position, id"
ENTRY_AT = f"{SELECT_ENTRIES} WHERE chain = ? AND scope = ? AND ordinal = ?"
WITHIN = f"{SELECT_ENTRIES} WHERE chain = ? AND scope = ? ORDER BY ordinal"
LAST_ENTRY = f"{SELECT_ENTRIES} WHERE chain = ? AND scope = ? ORDER BY ordinal DESC LIMIT 1"
SCAN = f"{SELECT_ENTRIES} ORDER BY chain, position, id"
HEAD_COLUMNS = ", ".join(Head._fields)
HEAD_OF = f"SELECT {HEAD_COLUMNS} FROM abpo_chains WHERE chain = ?"
HEADERS = "SELECT leaf, header FROM abpo_entries WHERE leaf >= ? ORDER BY leaf"
SIZE = "SELECT max(leaf) FROM abpo_entries WHERE leaf IS NOT NULL"
TILE = "SELECT hashes FROM abpo_tiles WHERE level = ? AND position = ?"
CHECKPOINT_COLUMNS = ", ".join(CheckpointRow._fields)
CHECKPOINTS = f"SELECT {CHECKPOINT_COLUMNS} FROM abpo_checkpoints ORDER BY id"


STATUSES = frozenset({"running", "waiting", "incident", "done", "abandoned", "open", "claimed", "answered", "closed"})
"""What stands in SQL as it is, since the indexes of what is open are for one status each."""


class Database(Protocol):
    """A connection, whose errors are ours. SQL has `?` where values go, and tables named `abpo_...`."""

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row."""
        ...

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row, or None."""
        ...

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Row by row, without holding them all."""
        ...

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Change rows; how many."""
        ...


class SqlReader:
    """Looks things up in a database; see `Reader`.

    Args:
        database: the connection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, chain: str) -> Head | None:
        """The end of a chain, or None."""
        row = self._database.one(HEAD_OF, (chain,))
        return Head(*row) if row else None

    def heads(self) -> Iterator[Head]:
        """Every chain, in the order of their names."""
        for row in self._database.each(f"SELECT {HEAD_COLUMNS} FROM abpo_chains ORDER BY chain"):
            yield Head(*row)

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a chain, in the order in which they were written."""
        return [entry_of(row) for row in self._database.all(ENTRIES_OF, (chain,))]

    def within(self, chain: str, scope: str) -> list[Entry]:
        """The entries in a scope of a chain, by their ordinals."""
        return [entry_of(row) for row in self._database.all(WITHIN, (chain, scope))]

    def entry(self, chain: str, place: Place) -> Entry | None:
        """The entry at a place of a chain, or None."""
        row = self._database.one(ENTRY_AT, (chain, place.scope, place.ordinal))
        return entry_of(row) if row else None

    def last(self, chain: str, scope: str) -> Entry | None:
        """The last entry in a scope of a chain, or None."""
        row = self._database.one(LAST_ENTRY, (chain, scope))
        return entry_of(row) if row else None

    def scan(self) -> Iterator[Entry]:
        """Every entry, chain by chain."""
        for row in self.stored():
            yield entry_of(row)

    def stored(self) -> Iterator[Stored]:
        """Every entry, member by member, chain by chain."""
        return self._database.each(SCAN)

    def leaf(self, number: int) -> Entry | None:
        """The entry at a position of the tree, or None."""
        row = self._database.one(f"{SELECT_ENTRIES} WHERE leaf = ?", (number,))
        return entry_of(row) if row else None

    def headers(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """The position in the tree and the header of every sealed entry from `start` on."""
        yield from self._database.each(HEADERS, (start,))

    def size(self) -> int:
        """How many entries are sealed."""
        largest = self._database.one(SIZE)[0]
        return 0 if largest is None else int(largest) + 1

    def tile(self, level: int, position: int) -> bytes | None:
        """A piece of the tree."""
        row = self._database.one(TILE, (level, position))
        return bytes(row[0]) if row else None

    def checkpoints(self) -> list[CheckpointRow]:
        """Every checkpoint, in the order in which they were signed."""
        return [CheckpointRow(*row) for row in self._database.all(CHECKPOINTS)]

    def check_storage(self) -> None:
        """Nothing that the storage tells of itself."""

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
        """Rows of a projection; see `Reader.select`."""
        model: Any = kind
        tests, values = _tests(model, equal or {}, until or {}, after or {})
        sql = select_text(model, tuple(tests), order or KEY, descending=newest_first)
        if limit is not None:
            sql, values = f"{sql} LIMIT ?", [*values, limit]
        return [kind(*row) for row in self._database.all(sql, values)]

    def least(self, kind: type[Row], column: str, *, equal: Mapping[str, Any], after: str) -> str | None:
        """The least value of a column that is greater than `after`; see `Reader.least`."""
        model: Any = kind
        tests, values = _tests(model, equal, {}, {column: after})
        sql = f"SELECT min({column}) FROM {TABLES[model]} WHERE {' AND '.join(tests)}"
        row = self._database.one(sql, values)
        return None if row is None or row[0] is None else str(row[0])

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
        """The sum of a column, and of how many; see `Reader.total`."""
        model: Any = kind
        tests, values = _tests(model, equal, until, after)
        largest = (
            f"SELECT max({known_column(model, column)}) AS largest FROM {TABLES[model]} WHERE {' AND '.join(tests)}"
        )
        grouped = f"{largest} GROUP BY {known_column(model, each)}"
        row = self._database.one(f"SELECT coalesce(sum(largest), 0), count(*) FROM ({grouped}) AS each_once", values)
        return int(row[0]), int(row[1])

    def rows(self, kind: type[Row], *, order: str) -> Iterator[Row]:
        """Every row of a projection, in `order` of a column and then of the key."""
        model: Any = kind
        for row in self._database.each(select_text(model, (), order)):
            yield kind(*row)


def _tests(
    kind: Any, equal: Mapping[str, Any], until: Mapping[str, str], after: Mapping[str, str]
) -> tuple[list[str], list[Any]]:
    """The tests of columns, and the values for them."""
    tests, values = [], []
    for name, value in equal.items():
        if name == "status" and value in STATUSES:
            tests.append(f"status = '{value}'")
        else:
            tests.append(f"{known_column(kind, name)} = ?")
            values.append(value)
    for sign, bounds in (("<=", until), (">", after)):
        for name, value in bounds.items():
            tests.append(f"{known_column(kind, name)} {sign} ?")
            values.append(value)
    return tests, values


@cache
def select_text(kind: Any, tests: tuple[str, ...], order: str, *, descending: bool = False) -> str:
    """The SQL that selects the rows of a projection which pass tests."""
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    way = " DESC" if descending else ""
    return f"SELECT {columns_of(kind)} FROM {TABLES[kind]}{where} ORDER BY {known_column(kind, order)}{way}, {KEY}{way}"


def columns_of(kind: Any) -> str:
    """The columns of a projection, as SQL lists them."""
    return ", ".join(kind._fields)


def known_column(kind: Any, column: str) -> str:
    """A column's name, which goes into SQL as it stands; raises `StoreUnavailable` where there is none of that name."""
    if column not in kind._fields:
        raise StoreUnavailable(f"{TABLES[kind]} has no column {column!r}; it has {columns_of(kind)}")
    return column
