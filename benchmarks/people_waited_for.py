"""Runs that wait for a person: what an answer takes, what waiting costs, and what a crash does to it."""

from __future__ import annotations

import subprocess
from typing import Any

from benchmarks.peers.contest import OURS, RAW, Broken, Contest, parked_and_killed
from benchmarks.runner import Benchmark

ANSWERS = 100
ANSWERS_BY_MESSAGE = 3
PARKED = 1_000
BY_MESSAGE = "DBOS, recv"
COMMITS_ALONE = f"{RAW}, same bytes and commits"
PEERS = ("DBOS", "LangGraph", "Burr")


def answer_to_resume() -> Benchmark:
    """From a person's answer, through one more step, to what the process returned."""
    contest = Contest((OURS, RAW, *PEERS, BY_MESSAGE))
    counts = {BY_MESSAGE: ANSWERS_BY_MESSAGE}
    return Benchmark(
        name="a person's answer to the run resumed and completed, median of a round",
        unit="ms",
        contenders=(
            contest.contender(OURS, "answer", ANSWERS, "ms"),
            contest.contender(RAW, "answer", ANSWERS, "ms", name=COMMITS_ALONE),
            *(
                contest.contender(name, "answer", counts.get(name, ANSWERS), "ms")
                for name in (*PEERS, BY_MESSAGE)
                if name in contest.engines
            ),
        ),
        against=COMMITS_ALONE,
        bar=2.0,
        at_least=False,
        difference=True,
        facts=lambda: contest.facts("commits an answer", "CPU, ms", "largest ms"),
        rounds=5,
    )


def parked() -> Benchmark:
    """A thousand runs wait; their process is killed; a new one answers and finishes all of them."""
    contest = Contest((OURS, *PEERS, BY_MESSAGE))

    def facts() -> dict[str, Any]:
        if BY_MESSAGE in contest.engines:  # once, since a thread for each is slow to start and to end
            try:
                contest.figures[BY_MESSAGE] = [parked_and_killed(BY_MESSAGE, PARKED)]
            except (Broken, subprocess.TimeoutExpired) as problem:
                contest.skipped[BY_MESSAGE] = str(problem)
        found = contest.facts("threads", "idle CPU, s", "RSS, MiB", "parked in s", "s")
        ours = found[OURS]
        return {
            "threads (must be 1)": ours["threads"],
            "CPU of 5 idle seconds (at most 0.01 s)": ours["idle CPU, s"],
            **found,
        }

    return Benchmark(
        name=f"{PARKED:,} parked runs: kill -9, a new process answers and finishes all",
        unit="s",
        contenders=tuple(
            contest.contender(name, "park", PARKED, "s") for name in (OURS, *PEERS) if name in contest.engines
        ),
        against=None,
        bar=3.0,
        at_least=False,
        facts=facts,
        rounds=3,
        warm_up=0,
    )
