"""A durable process of five steps on SQLite, beside raw sqlite3 that commits the same bytes as often."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from abpo_sdk import Runtime, process, step
from abpo_sdk.ledger.stores.migrations import migrate
from abpo_sdk.ledger.stores.sqlite import ADVANCE_HEAD, INSERT_ENTRY, NEW_HEAD
from benchmarks.runner import Benchmark, Contender

RUNS = 400
Invoice = dict[str, Any]


@step
def extract(invoice: Invoice) -> Invoice:
    return {**invoice, "total": sum(invoice["lines"])}


@step
def validate(invoice: Invoice) -> Invoice:
    return {**invoice, "valid": invoice["total"] > 0 and bool(invoice["vendor"])}


@step
def classify(invoice: Invoice) -> Invoice:
    return {**invoice, "risk": "high" if invoice["total"] > 1800 else "low"}


@step
def decide(invoice: Invoice) -> Invoice:
    return {**invoice, "decision": "approve"}


@step
def post(invoice: Invoice) -> Invoice:
    return {**invoice, "posted": invoice["decision"] == "approve"}


@process
def handle(invoice: Invoice) -> Invoice:
    return post(decide(classify(validate(extract(invoice)))))


def case(number: int) -> Invoice:
    return {
        "id": f"inv-{number}",
        "vendor": f"v{number % 17}",
        "lines": [number % 7 * 100 + 100, 250, 1000],
        "currency": "EUR",
    }


class Pair:
    """Ours writes a ledger; raw sqlite3 then writes the same rows again, in as many commits."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="abpo-bench-"))
        self.round = 0
        self.cpu = 0.0
        self.bytes = 0
        self.commits = 0

    def ours(self) -> float:
        self.round += 1
        path = self.directory / f"ours-{self.round}.db"
        with Runtime(f"sqlite:///{path}", [handle]) as runtime:
            runtime.start(handle, case(-1), id="warm")
            start, cpu = time.perf_counter(), sum(os.times()[:2])
            for number in range(RUNS):
                result = runtime.start(handle, case(number), id=f"run-{number}").result()
                assert result["posted"] is True
            seconds = time.perf_counter() - start
            self.cpu = (sum(os.times()[:2]) - cpu) / RUNS / 5 * 1e6
        self.bytes = path.stat().st_size // RUNS
        return RUNS / seconds

    def raw(self) -> float:
        source = sqlite3.connect(self.directory / f"ours-{self.round}.db")
        work = [self._transactions(source, f"run-{number}") for number in range(RUNS)]
        source.close()
        target = sqlite3.connect(self.directory / f"raw-{self.round}.db", isolation_level=None)
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        migrate(target)
        self._write(target, [("warm", *rest) for _, *rest in self._renamed(work[0])])
        self.commits = len(work[0])
        start = time.perf_counter()
        for transactions in work:
            self._write(target, transactions)
        seconds = time.perf_counter() - start
        self._check_equal(target)
        target.close()
        for path in self.directory.iterdir():
            path.unlink()
        return RUNS / seconds

    def _check_equal(self, target: sqlite3.Connection) -> None:
        """Both files hold the same entries, chain ends and runs, but for the run that warmed up and leases in between."""
        target.execute("ATTACH ? AS ours", (str(self.directory / f"ours-{self.round}.db"),))
        for columns, table, key in (
            ("chain, position, scope, ordinal, header, payload, salt, ciphertext", "abpo_entries", "chain"),
            ("chain, hash, length, epoch, holder, until", "abpo_chains", "chain"),
            ("*", "abpo_runs", "id"),
        ):
            of = [f"SELECT {columns} FROM {schema}.{table} WHERE {key} != 'warm'" for schema in ("main", "ours")]
            for one, other in (of, of[::-1]):
                assert target.execute(f"{one} EXCEPT {other}").fetchall() == [], table

    @staticmethod
    def _transactions(source: sqlite3.Connection, run: str) -> list[Any]:
        """What each commit of a run writes: its entry, the end of the chain, and the run's row at start and end."""
        rows = source.execute(
            "SELECT chain, position, scope, ordinal, header, payload, salt, ciphertext FROM abpo_entries WHERE chain = ? ORDER BY id",
            (run,),
        ).fetchall()
        # bound as a bytearray, like ours: for bytes, sqlite3 looks for an adapter first
        entries = [tuple(bytearray(v) if isinstance(v, bytes) else v for v in row) for row in rows]
        head = source.execute(
            "SELECT chain, hash, length, epoch, holder, until FROM abpo_chains WHERE chain = ?", (run,)
        ).fetchone()
        row = source.execute("SELECT * FROM abpo_runs WHERE id = ?", (run,)).fetchone()
        holder = "a-host|12345|1234567|0123abcd"
        until = "2026-01-01T00:00:00.000000Z"
        heads = [(*head[:2], number + 1, 1, holder, until) for number in range(len(entries))]
        heads[-1] = (*head[:3], 1, None, None)
        states: list[Any] = [row if number in (0, len(entries) - 1) else None for number in range(len(entries))]
        return list(zip([run] * len(entries), entries, heads, states, strict=True))

    @staticmethod
    def _renamed(transactions: list[Any]) -> list[Any]:
        return [
            (run, ("warm", *entry[1:]), ("warm", *head[1:]), ("warm", *row[1:]) if row else None)
            for run, entry, head, row in transactions
        ]

    @staticmethod
    def _write(target: sqlite3.Connection, transactions: list[Any]) -> None:
        execute = target.execute
        for number, (_, entry, head, row) in enumerate(transactions):
            execute("BEGIN IMMEDIATE")
            execute(INSERT_ENTRY, entry)
            if number == 0:
                execute(NEW_HEAD, head)
            else:
                execute(ADVANCE_HEAD, (head[1], head[2], head[4], head[5], head[0], number, 1))
            if row and number == 0:
                execute("INSERT OR REPLACE INTO abpo_runs VALUES (?, ?, ?, ?, ?, ?)", row)
            elif row:
                execute("UPDATE abpo_runs SET status = ?, updated_at = ? WHERE id = ?", (row[3], row[5], row[0]))
            execute("COMMIT")

    def facts(self) -> dict[str, Any]:
        shutil.rmtree(self.directory, ignore_errors=True)
        return {
            "commits a process": self.commits,
            "CPU a step, us": round(self.cpu),
            "bytes on disk a process": self.bytes,
            "processes a round": RUNS,
        }


def benchmark() -> Benchmark:
    """The pair, ready to run."""
    pair = Pair()
    return Benchmark(
        name="durable process of 5 steps, SQLite, synchronous=FULL, one thread",
        unit="processes/s",
        contenders=(Contender("abpo_sdk", pair.ours), Contender("raw sqlite3, same bytes and commits", pair.raw)),
        against="raw sqlite3, same bytes and commits",
        bar=0.6,
        at_least=True,
        facts=pair.facts,
        fixed=True,
    )
