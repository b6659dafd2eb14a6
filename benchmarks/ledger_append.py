"""Appending entries to a ledger in commits of 1,000, beside raw sqlite3 that inserts the same rows, bytes and indexes."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from abpo_sdk.ledger import Ledger, MemoryVault, Place, SqliteStore
from abpo_sdk.ledger.encryption import Encrypted
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.stores.migrations import migrate
from abpo_sdk.ledger.stores.sql_reading import HEAD_COLUMNS, STORED
from abpo_sdk.values.encoded import Encoded
from benchmarks.runner import Benchmark, Contender

COMMITS = 20
A_COMMIT = 1_000
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def draft(number: int, ordinal: int) -> Draft:
    """A step's result of about 300 bytes."""
    result: dict[str, Any] = {
        "number": f"INV-{number:08}",
        "supplier": "Adler Industrial Supplies GmbH",
        "total": "1250.00",
        "lines": [
            {"text": "steel bolts M8x40", "quantity": "200", "price": "0.25"},
            {"text": "freight", "price": "1200"},
        ],
    }
    return Draft(Place("/", ordinal), "step", "read_invoice", {"result": result}, AT, (), Encoded({"document": number}))


class Appending:
    """Each round in files of its own: drafts into ours, the same with their bytes prepared, and the rows that this made into raw sqlite3."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.round = 0
        self.drafts = [(f"run-{c:04}", [draft(c, n) for n in range(A_COMMIT)]) for c in range(COMMITS)]

    def _path(self, name: str) -> Path:
        return Path(self.directory.name) / f"{name}-{self.round}.db"

    def prepared(self) -> float:
        self.round += 1
        with Ledger(SqliteStore(self._path("ours")), vault=MemoryVault()) as ledger:
            work: list[tuple[str, list[tuple[Draft, Encrypted]]]] = [
                (chain, [(d, ledger.encrypted(d)) for d in drafts]) for chain, drafts in self.drafts
            ]
            start = time.perf_counter()
            for chain, entries in work:
                with ledger.writing() as writer:
                    writer.append_encrypted(chain, entries)
            return COMMITS * A_COMMIT / (time.perf_counter() - start)

    def from_objects(self) -> float:
        with Ledger(SqliteStore(self._path("objects")), vault=MemoryVault()) as ledger:
            start = time.perf_counter()
            for chain, drafts in self.drafts:
                with ledger.writing() as writer:
                    writer.append(chain, drafts)
            return COMMITS * A_COMMIT / (time.perf_counter() - start)

    def raw(self) -> float:
        source = sqlite3.connect(self._path("ours"))
        entries = source.execute(f"SELECT {STORED} FROM abpo_entries ORDER BY id").fetchall()
        heads = source.execute(f"SELECT {HEAD_COLUMNS} FROM abpo_chains ORDER BY chain").fetchall()
        source.close()
        target = sqlite3.connect(self._path("raw"), isolation_level=None)
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        migrate(target)
        insert = f"INSERT INTO abpo_entries({STORED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        begin, head = "BEGIN IMMEDIATE", f"INSERT INTO abpo_chains({HEAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
        start = time.perf_counter()
        for number in range(COMMITS):
            target.execute(begin)
            target.execute(head, heads[number])
            target.executemany(insert, entries[number * A_COMMIT : (number + 1) * A_COMMIT])
            target.execute("COMMIT")
        seconds = time.perf_counter() - start
        written = target.execute(f"SELECT {STORED} FROM abpo_entries ORDER BY id").fetchall()
        assert written == entries
        target.close()
        return COMMITS * A_COMMIT / seconds

    def facts(self) -> Mapping[str, Any]:
        size = self._path("ours").stat().st_size / COMMITS / A_COMMIT
        return {"bytes of the file for each entry": round(size)}


def benchmark() -> Benchmark:
    appending = Appending()
    return Benchmark(
        name=f"append to the ledger, {A_COMMIT:,} entries a commit, synchronous=FULL",
        unit="entries/s",
        contenders=(
            Contender("abpo_sdk, bytes prepared", appending.prepared),
            Contender("abpo_sdk, from objects", appending.from_objects),
            Contender("raw sqlite3, executemany", appending.raw),
        ),
        against="raw sqlite3, executemany",
        bar=0.6,
        at_least=True,
        facts=appending.facts,
        fixed=True,
    )
