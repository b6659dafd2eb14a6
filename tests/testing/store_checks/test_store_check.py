"""`check_store` passes the stores that are ours, and finds what is wrong with a store that has one defect."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest

from abpo_sdk.errors import AbpoError, StoreCheckFailed, StoreUnavailable
from abpo_sdk.ledger import SqliteStore
from abpo_sdk.ledger.stores.postgres import PostgresStore
from abpo_sdk.ledger.stores.sql_writing import ADVANCE_HEAD, FORGET, NEW_HEAD
from abpo_sdk.ledger.stores.sqlite import SqliteReader, SqliteTransaction
from abpo_sdk.testing import check_store
from tests.postgres import Server, numbers


def files(directory: Path, kind: Callable[[Path], Any]) -> dict[str, Any]:
    """Stores in files, each with a name of its own."""
    return {
        "make": lambda: kind(directory / f"{next(numbers)}.db"),
        "again": lambda store: kind(store._path),
        "connect": lambda store: sqlite3.connect(store._path),
    }


def test_sqlite_in_a_file_passes_every_check(tmp_path: Path) -> None:
    assert check_store(**files(tmp_path, SqliteStore)) == []


def test_sqlite_in_memory_passes_and_what_needs_the_same_storage_again_is_said_to_be_skipped() -> None:
    skipped = check_store(lambda: SqliteStore(None))
    assert len(skipped) == 6
    assert all("needs again=" in line or "needs connect=" in line for line in skipped)


def test_postgres_passes_every_check(postgres: Server) -> None:
    made: list[str] = []

    def make() -> PostgresStore:
        made.append(f'Checked "{next(numbers)}"')
        return PostgresStore(postgres.url, schema=made[-1])

    def again(store: PostgresStore) -> PostgresStore:
        return PostgresStore(postgres.url, schema=store._database.schema)

    assert check_store(make, again=again, connect=lambda store: psycopg.connect(postgres.url)) == []
    for name in made:
        postgres.run(f"DROP SCHEMA {psycopg.sql.Identifier(name).as_string()} CASCADE")


# stores with one defect each


class Broken(SqliteStore):
    """A store whose writes are of `Writes`."""

    Writes: type[Any] = SqliteTransaction

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, timeout=1)
        self._transaction = self.Writes(self._database)


class DropsAnEntry(Broken):
    class Writes(SqliteTransaction):
        def append(self, entries):
            super().append([e for e in entries if e.position != 3])


class TakesEmptyForNone(Broken):
    class Writes(SqliteTransaction):
        def append(self, entries):
            super().append([e._replace(payload=e.payload or None, ciphertext=e.ciphertext or None) for e in entries])


class GivesBytearrays(Broken):
    def entries(self, chain):
        return [e._replace(header=bytearray(e.header)) for e in super().entries(chain)]


class EntriesByPlace(Broken):
    def entries(self, chain):
        return sorted(super().entries(chain), key=lambda e: e.place)


class ReplacesAtAPlace(Broken):
    class Writes(SqliteTransaction):
        def append(self, entries):
            for e in entries:
                sql = "DELETE FROM abpo_entries WHERE chain = ? AND scope = ? AND ordinal = ?"
                self._execute(sql, (e.chain, *e.place))
            super().append(entries)


class LastIsTheOneWrittenLast(Broken):
    def last(self, chain, scope):
        return next((e for e in reversed(self.entries(chain)) if e.place.scope == scope), None)


class IgnoresCase(Broken):
    def head(self, chain):
        found = (h for h in self.heads() if h.chain.casefold() == chain.casefold())
        return next(found, None)


class TrimsNames(Broken):
    class Writes(SqliteTransaction):
        def put(self, row):
            super().put(row._replace(id=row.id.rstrip()))


class HeadsInUtf16Order(Broken):
    def heads(self):
        yield from sorted(super().heads(), key=lambda h: h.chain.encode("utf-16-be"))


class UnorderedScan(Broken):
    def scan(self):
        yield from self._entries("SELECT * FROM abpo_entries ORDER BY id")

    def _entries(self, sql):
        for row in self._database.each(sql):
            yield next(e for e in super().entries(row[1]) if e.position == row[2])


class IgnoresTheEpoch(Broken):
    class Writes(SqliteTransaction):
        def advance(self, head, *, length):
            sql = ADVANCE_HEAD.replace("AND epoch = ?", "AND ? >= 0")
            return (
                self._execute(
                    sql, (head.hash, head.length, head.holder, head.until, head.chain, length, head.epoch)
                ).rowcount
                == 1
            )


class IgnoresTheLength(Broken):
    class Writes(SqliteTransaction):
        def advance(self, head, *, length):
            there = self.head(head.chain)
            return super().advance(head, length=there.length if there else 0)


class AdvancesIntoNothing(Broken):
    class Writes(SqliteTransaction):
        def advance(self, head, *, length):
            if self.head(head.chain) is None:
                return self.add_head(head)
            return super().advance(head, length=length)


class MakesAChainTwice(Broken):
    class Writes(SqliteTransaction):
        def add_head(self, head):
            return (
                self._execute(
                    NEW_HEAD.replace("INSERT", "INSERT OR REPLACE", 1).replace("ON CONFLICT DO NOTHING", ""), head
                ).rowcount
                == 1
            )


class ReplacesSurrogates(Broken):
    def entries(self, chain):
        return super().entries(chain.encode(errors="replace").decode())


class KeepsTextsUpToNul(Broken):
    class Writes(SqliteTransaction):
        def put(self, row):
            super().put(row._replace(process=row.process.split("\0")[0]) if hasattr(row, "process") else row)


class AddsRatherThanReplaces(Broken):
    class Writes(SqliteTransaction):
        def put(self, row):
            if not self.select(type(row), equal={"id": row.id}):
                super().put(row)


class UpdateMakesARow(Broken):
    class Writes(SqliteTransaction):
        def update(self, kind, key, **changes):
            rows = self.select(kind, equal={"id": key}) or self.select(kind)[:1]
            for row in rows:
                self.put(row._replace(id=key, **changes))


class NoneIsAtMostAnything(Broken):
    def select(self, kind, *, until=None, **query):
        rows = super().select(kind, **query)
        return [r for r in rows if all((getattr(r, c) or "") <= v for c, v in (until or {}).items())]


class SelectsAllWhateverTheLimit(Broken):
    def select(self, kind, *, limit=None, **query):
        return super().select(kind, **query)


class IgnoresWhatIsAfter(Broken):
    def select(self, kind, *, after=None, **query):
        return super().select(kind, **query)


class NewestLast(Broken):
    def select(self, kind, *, newest_first=False, **query):
        return super().select(kind, **query)


class WithinAnyScope(Broken):
    def within(self, chain, scope):
        return super().entries(chain)


class AddsAllUp(Broken):
    def total(self, kind, column, *, each, equal, after, until):
        rows = self.select(kind, equal=equal, after=after, until=until)
        return sum(getattr(row, column) for row in rows), len(rows)


class RowsByKeyAlone(Broken):
    def rows(self, kind, *, order):
        yield from super().rows(kind, order="id")


class LetsAnyColumnThrough(Broken):
    def select(self, kind, *, equal=None, **query):
        known = {c: v for c, v in (equal or {}).items() if c in kind._fields}
        return super().select(kind, equal=known, **query)


class ClearsEveryChain(Broken):
    class Writes(SqliteTransaction):
        def clear(self, kind, chain=None):
            super().clear(kind)


class UnsealedWithoutLimit(Broken):
    class Writes(SqliteTransaction):
        def unsealed(self, limit):
            return super().unsealed(10**6)


class UnsealedByChain(Broken):
    class Writes(SqliteTransaction):
        def unsealed(self, limit):
            return sorted(super().unsealed(10**6), key=lambda found: found[1])[:limit]


class SealsFromZero(Broken):
    class Writes(SqliteTransaction):
        def seal(self, start, entries):
            super().seal(start and start + 1, entries)


class HeadersWithoutStart(Broken):
    def headers(self, start=0):
        return super().headers(0)


class TilesOfOneLevel(Broken):
    class Writes(SqliteTransaction):
        def put_tile(self, level, position, hashes):
            super().put_tile(0, position, hashes)


class KeepsOneCheckpointOfASize(Broken):
    def checkpoints(self):
        return list({row.size: row for row in super().checkpoints()}.values())


class AnchorsAll(Broken):
    class Writes(SqliteTransaction):
        def set_anchored(self, size):
            self._execute("UPDATE abpo_checkpoints SET anchored = 1")


class ForgetsThePayloadAlone(Broken):
    class Writes(SqliteTransaction):
        def forget(self, chain, position):
            self._execute(FORGET.replace(", ciphertext = NULL", ""), (chain, position))


class NotAtomic(Broken):
    class Writes(SqliteTransaction):
        def __exit__(self, kind, error, trace):
            super().__exit__(None, None, None)


class SwallowsInterrupts(Broken):
    class Writes(SqliteTransaction):
        def __exit__(self, kind, error, trace):
            super().__exit__(kind, error, trace)
            return kind is KeyboardInterrupt


class JoinsTheOuterWrite(Broken):
    def transaction(self):
        if self._database.connection.in_transaction:
            return nullcontext(self._transaction)
        return self._transaction


class InnerWriteEndsTheOuter(Broken):
    class Writes(SqliteTransaction):
        def __enter__(self):
            if self._database.connection.in_transaction:
                self._roll_back()
            return super().__enter__()


class LocksNobodyOut(Broken):
    class Writes(SqliteTransaction):
        def __enter__(self):
            super().__enter__()
            self._execute("COMMIT")
            self._execute("BEGIN DEFERRED")
            return self


class CommitsEachStatement(Broken):
    class Writes(SqliteTransaction):
        def put(self, row):
            super().put(row)
            self._execute("COMMIT")
            self._execute("BEGIN IMMEDIATE")


class SnapshotMoves(Broken):
    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Any]:
        with self._database.lock:
            yield self


class SnapshotIsOfTheFirstLook(Broken):
    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Any]:
        database = self._connect()
        try:
            database.all("BEGIN")
            yield SqliteReader(database)
        finally:
            database.connection.close()


class ForgetsWhenClosed(Broken):
    def close(self):
        with contextlib.suppress(AbpoError):
            self._database.write("DELETE FROM abpo_tiles")
        super().close()


class OneIdForAll(Broken):
    id = "ledger"


class AnswersWhenClosed(Broken):
    def select(self, kind, **query):
        try:
            return super().select(kind, **query)
        except StoreUnavailable as error:
            if "closed" in str(error):
                return []
            raise


class JoinsAnything(Broken):
    def joined(self, connection):
        return self._transaction


class CommitsForTheCaller(Broken):
    def joined(self, connection):
        writes = super().joined(connection)
        put = writes.put
        writes.put = lambda row: (put(row), connection.commit())[0]
        return writes


class LendsUnguarded(Broken):
    class Writes(SqliteTransaction):
        @contextlib.contextmanager
        def lent(self) -> Iterator[sqlite3.Connection]:
            yield self._database.connection


class CommitsWhatWasLent(Broken):
    class Writes(SqliteTransaction):
        @contextlib.contextmanager
        def lent(self) -> Iterator[sqlite3.Connection]:
            yield self._database.connection
            self._execute("COMMIT")
            self._execute("BEGIN IMMEDIATE")


class LosesWhatWasLent(Broken):
    class Writes(SqliteTransaction):
        @contextlib.contextmanager
        def lent(self) -> Iterator[sqlite3.Connection]:
            self._execute("SAVEPOINT lent")
            with super().lent() as connection:
                yield connection
            self._execute("ROLLBACK TO lent")


BROKEN = {
    DropsAnEntry: "entries come back as they were written",
    TakesEmptyForNone: "entries come back as they were written",
    GivesBytearrays: "entries come back as they were written",
    EntriesByPlace: "entries come back as they were written",
    ReplacesAtAPlace: "a place is taken once and a second write there keeps nothing",
    LastIsTheOneWrittenLast: "the last entry of a scope is that of the highest ordinal",
    IgnoresCase: "names that look alike are different",
    TrimsNames: "names that look alike are different",
    HeadsInUtf16Order: "chains come in the order of their names by code points",
    UnorderedScan: "a scan gives every entry chain by chain",
    IgnoresTheEpoch: "a chain advances only from the length and the lease that it has",
    IgnoresTheLength: "a chain advances only from the length and the lease that it has",
    AdvancesIntoNothing: "a chain advances only from the length and the lease that it has",
    MakesAChainTwice: "a chain is made once",
    ReplacesSurrogates: "a text is kept as it is or refused and then nothing is kept",
    KeepsTextsUpToNul: "a text is kept as it is or refused and then nothing is kept",
    AddsRatherThanReplaces: "a row is added replaced and changed",
    UpdateMakesARow: "a row is added replaced and changed",
    NoneIsAtMostAnything: "rows are selected by what equals and what is at most and come in order",
    RowsByKeyAlone: "every row comes in the order of a column and then of the key",
    SelectsAllWhateverTheLimit: "rows are selected by what equals and what is at most and come in order",
    AddsAllUp: "amounts are added up and of rows that are alike the largest alone",
    IgnoresWhatIsAfter: "rows are selected by what equals and what is at most and come in order",
    NewestLast: "rows are selected by what equals and what is at most and come in order",
    WithinAnyScope: "the last entry of a scope is that of the highest ordinal",
    LetsAnyColumnThrough: "a column that is not there is refused",
    ClearsEveryChain: "the rows of one chain are cleared or all",
    UnsealedWithoutLimit: "what is not sealed comes in the order of writing and no more than asked for",
    UnsealedByChain: "what is not sealed comes in the order of writing and no more than asked for",
    SealsFromZero: "what is not sealed comes in the order of writing and no more than asked for",
    HeadersWithoutStart: "sealed entries have the positions in the tree that were given",
    TilesOfOneLevel: "a piece of the tree is kept and replaced",
    KeepsOneCheckpointOfASize: "checkpoints come in the order in which they were added",
    AnchorsAll: "checkpoints come in the order in which they were added",
    ForgetsThePayloadAlone: "what is forgotten leaves its header and its place",
    NotAtomic: "a place is taken once and a second write there keeps nothing",
    SwallowsInterrupts: "a write that raises keeps nothing",
    JoinsTheOuterWrite: "a write within a write is refused and the outer one is kept",
    InnerWriteEndsTheOuter: "a write within a write is refused and the outer one is kept",
    LocksNobodyOut: "a write waits for another one to the same storage or is refused",
    CommitsEachStatement: "a place is taken once and a second write there keeps nothing",
    SnapshotMoves: "a snapshot stays as it was while others write",
    SnapshotIsOfTheFirstLook: "a snapshot stays as it was while others write",
    ForgetsWhenClosed: "what was written is there when the storage is opened again",
    OneIdForAll: "every ledger has an id of its own",
    AnswersWhenClosed: "a closed store refuses everything and may be closed again",
    JoinsAnything: "what is no connection to its database is not joined",
    LendsUnguarded: "a write cannot be ended on the lent connection without being noticed",
    CommitsWhatWasLent: "what is written on the lent connection is kept or lost with the write",
    LosesWhatWasLent: "what is written on the lent connection is kept or lost with the write",
    CommitsForTheCaller: "what is written on a callers connection is kept or lost with it",
}
"""Each store with a defect, and the check that finds it."""


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_store_with_a_defect_fails_the_check_that_is_named_for_it(kind: type[Broken], tmp_path: Path) -> None:
    with pytest.raises(StoreCheckFailed) as failed:
        check_store(**files(tmp_path, kind))
    assert str(failed.value).startswith(f"{BROKEN[kind]}: ")


def test_a_failure_says_what_was_expected_and_what_was_seen_and_not_more_than_fits(tmp_path: Path) -> None:
    with pytest.raises(StoreCheckFailed) as failed:
        check_store(**files(tmp_path, HeadersWithoutStart))
    expected, seen = str(failed.value).split(": expected ")[1].split(", and saw ")
    assert expected == "[(2, b'b:1')]"
    assert seen == "[(0, b'b:0'), (1, b'a:0'), (2, b'b:1')]"
    with pytest.raises(StoreCheckFailed) as failed:
        check_store(**files(tmp_path, DropsAnEntry))
    assert len(str(failed.value)) < 1000
    assert isinstance(failed.value, AssertionError)


def test_a_store_that_raises_what_no_store_may_is_named_with_what_it_raised(tmp_path: Path) -> None:
    class Raises(SqliteStore):
        def size(self) -> int:
            return {}[0]  # type: ignore[index]

    with pytest.raises(
        StoreCheckFailed, match="an empty store has nothing: expected no error, and it raised KeyError"
    ) as failed:
        check_store(**files(tmp_path, Raises))
    assert isinstance(failed.value.__cause__, KeyError)


def test_a_check_that_fails_closes_the_stores_that_it_opened(tmp_path: Path) -> None:
    closed: list[int] = []

    class Counts(UnorderedScan):
        def close(self) -> None:
            closed.append(1)
            super().close()

    with pytest.raises(StoreCheckFailed):
        check_store(lambda: Counts(tmp_path / f"{next(numbers)}.db"))
    assert len(closed) == len(list(tmp_path.glob("*.db")))
