"""Verifying a sealed ledger again: the headers alone, and everything. The floor reads the same rows and hashes them once."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from functools import cached_property
from hmac import digest
from pathlib import Path

from abpo_sdk.ledger import Ledger
from benchmarks.ledger_append import draft
from benchmarks.runner import Benchmark, Contender

ENTRIES = 210_000
A_RUN = 7
A_COMMIT = 7_000


def filled(path: Path, entries: int, *, seal: bool = True) -> Ledger:
    """A ledger with runs of seven entries, sealed."""
    ledger = Ledger(f"sqlite:///{path}")
    for start in range(0, entries, A_COMMIT):
        with ledger.writing() as writer:
            for run in range(start // A_RUN, min(start + A_COMMIT, entries) // A_RUN):
                writer.append(f"run-{run:09}", [draft(run, ordinal) for ordinal in range(A_RUN)])
    if seal:
        ledger.seal()
    return ledger


class Verifying:
    """One ledger, verified again and again."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory()

    @cached_property
    def ledger(self) -> Ledger:
        return filled(self._path, ENTRIES)

    @property
    def _path(self) -> Path:
        return Path(self.directory.name) / "ledger.db"

    def headers(self) -> float:
        start = time.perf_counter()
        assert self.ledger.verify_headers() == ENTRIES
        return ENTRIES / (time.perf_counter() - start)

    def everything(self) -> float:
        start = time.perf_counter()
        verified = self.ledger.verify()
        assert (verified.entries, verified.sealed, verified.chains) == (ENTRIES, ENTRIES, ENTRIES // A_RUN)
        return ENTRIES / (time.perf_counter() - start)

    def hash_headers(self) -> float:
        return self._hash("SELECT header FROM abpo_entries ORDER BY leaf", with_payload=False)

    def hash_everything(self) -> float:
        columns = "chain, position, scope, ordinal, header, payload, salt, ciphertext, leaf"
        return self._hash(f"SELECT {columns} FROM abpo_entries ORDER BY chain, position, id", with_payload=True)

    def _hash(self, sql: str, *, with_payload: bool) -> float:
        _ = self.ledger
        source = sqlite3.connect(self._path)
        start = time.perf_counter()
        count = 0
        for row in source.execute(sql):
            hashlib.sha256(b"\0" + (row[4] if with_payload else row[0])).digest()
            if with_payload:
                digest(row[6], row[5], "sha256")
            count += 1
        seconds = time.perf_counter() - start
        source.close()
        assert count == ENTRIES
        return ENTRIES / seconds


def headers() -> Benchmark:
    verifying = Verifying()
    return Benchmark(
        name=f"roots made again from {ENTRIES:,} stored headers",
        unit="entries/s",
        contenders=(
            Contender("abpo_sdk, verify_headers()", verifying.headers),
            Contender("reading and hashing each once", verifying.hash_headers),
        ),
        against=None,
        bar=400_000,
        at_least=True,
    )


def everything() -> Benchmark:
    verifying = Verifying()
    return Benchmark(
        name=f"everything verified, {ENTRIES:,} entries with payloads",
        unit="entries/s",
        contenders=(
            Contender("abpo_sdk, verify()", verifying.everything),
            Contender("reading and hashing each once", verifying.hash_everything),
        ),
        against=None,
        bar=150_000,
        at_least=True,
    )
