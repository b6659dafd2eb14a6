"""A durable process of five steps on SQLite: ours, raw sqlite3 that commits the same bytes as often, and peers."""

from __future__ import annotations

from benchmarks.peers.contest import OURS, RAW, Contest
from benchmarks.runner import Bar, Benchmark

RUNS = 300
THREADED_RUNS = 640
FLOOR = f"{RAW}, same bytes and commits"
ONE_A_STEP = f"{RAW}, one commit a step"
FACTOR = {"DBOS": 8.0, "LangGraph": 8.0, "Burr": 5.0}
TUNED = ("DBOS, its file in WAL mode", "Burr, its file in WAL mode")
"""Peers as nobody's guide sets them up, for what their design costs apart from the journal; no bar."""


def benchmark() -> Benchmark:
    """One thread; a fresh ledger or database for each round of each."""
    contest = Contest((OURS, RAW, *FACTOR, *TUNED))
    peers = [name for name in contest.engines if name in (*FACTOR, *TUNED)]
    return Benchmark(
        name=f"durable process of 5 steps, SQLite, synchronous=FULL, one thread, {RUNS} processes a round",
        unit="processes/s",
        contenders=(
            contest.contender(OURS, "run", RUNS, "processes/s"),
            contest.contender(RAW, "run", RUNS, "processes/s", name=FLOOR),
            *(contest.contender(name, "run", RUNS, "processes/s") for name in peers),
        ),
        against=FLOOR,
        bar=0.75,
        at_least=True,
        also=tuple(Bar(name, FACTOR[name], at_least=True) for name in peers if name in FACTOR),
        facts=lambda: contest.facts("CPU a step, us", "commits a process", "bytes a process"),
        rounds=5,
    )


def many_at_once() -> Benchmark:
    """64 threads that start runs, beside one thread of raw sqlite3 that commits the same bytes once a step."""
    contest = Contest((OURS, RAW))
    return Benchmark(
        name=f"64 runs at once of 5 steps, SQLite, synchronous=FULL, {THREADED_RUNS} processes a round",
        unit="processes/s",
        contenders=(
            contest.contender(OURS, "many", THREADED_RUNS, "processes/s"),
            contest.contender(RAW, "step", THREADED_RUNS, "processes/s", name=ONE_A_STEP),
            contest.contender(OURS, "run", THREADED_RUNS, "processes/s", name=f"{OURS}, one thread"),
        ),
        against=ONE_A_STEP,
        bar=2.0,
        at_least=True,
        facts=lambda: contest.facts("CPU a step, us", "commits a process"),
        rounds=5,
    )
