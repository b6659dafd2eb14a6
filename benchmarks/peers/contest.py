"""Engines side by side: each round of each in a fresh interpreter, so that none shares threads, memory or imports with another."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

from benchmarks.runner import Contender

OURS = "abpo_sdk"
RAW = "raw sqlite3"
LONGEST = 900
Figures = dict[str, Any]


class Broken(Exception):
    """An engine did not do its task; says why."""


def command(engine: str, task: str, count: int, directory: str) -> list[str]:
    """What one engine is run with."""
    module = ["floor"] if engine == RAW else ["worker", engine]
    return [sys.executable, "-m", f"benchmarks.peers.{module[0]}", *module[1:], task, str(count), directory]


def measured(engine: str, task: str, count: int) -> Figures:
    """One engine, one task, in a fresh interpreter and an empty directory.

    Raises:
        Broken: it failed, with the last line that it wrote.
    """
    with tempfile.TemporaryDirectory(prefix="abpo-bench-") as directory:
        done = subprocess.run(
            command(engine, task, count, directory), capture_output=True, text=True, timeout=LONGEST, check=False
        )
    if done.returncode:
        raise Broken(f"{task}: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def parked_and_killed(engine: str, count: int) -> Figures:
    """Runs that wait for a person; their process is killed; a new one answers all of them and finishes them."""
    with tempfile.TemporaryDirectory(prefix="abpo-bench-") as directory:
        parking = command(engine, "park", count, directory)
        with subprocess.Popen(parking, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            try:
                assert child.stdout is not None
                figures: Figures = json.loads(child.stdout.readline() or "{}")
            finally:
                child.kill()
        if not figures:
            raise Broken(f"park: it did not park {count} runs")
        start = time.perf_counter()
        finishing = command(engine, "finish", count, directory)
        done = subprocess.run(finishing, capture_output=True, text=True, timeout=LONGEST, check=False)
        figures["s"] = time.perf_counter() - start
        if done.returncode:
            raise Broken(f"finish: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    return figures


@cache
def tried(engine: str) -> Figures | str:
    """What a short trial gave: the commits of the engine, or why it cannot be measured here."""
    try:
        return measured(engine, "commits", 5)
    except (Broken, subprocess.TimeoutExpired) as problem:
        return str(problem)


class Contest:
    """The engines that can be measured here, and what they gave.

    Args:
        engines: by name, ours first; a peer that is not installed or does not work is left out, and named.
    """

    def __init__(self, engines: Iterable[str]) -> None:
        self.engines: list[str] = []
        self.skipped: dict[str, str] = {}
        self.figures: dict[str, list[Figures]] = {}
        for engine in engines:
            trial = {} if engine == RAW else tried(engine)
            if isinstance(trial, str) and engine != OURS:
                self.skipped[engine] = trial
                print(f"skipped {engine}: {trial}")
            else:
                self.engines.append(engine)

    def contender(self, engine: str, task: str, count: int, figure: str, *, name: str | None = None) -> Contender:
        """An engine at a task, of which one figure is compared."""

        rounds = self.figures.setdefault(name or engine, [])

        def measure() -> float:
            figures = parked_and_killed(engine, count) if task == "park" else measured(engine, task, count)
            rounds.append(figures)
            return float(figures[figure])

        return Contender(name or engine, measure)

    def facts(self, *wanted: str) -> dict[str, Any]:
        """What stands behind the figures of each: medians of numbers, the last of what is no number."""
        found: dict[str, Any] = {}
        for name, rounds in self.figures.items():
            trial = tried(name) if name in self.engines and name != RAW else {}
            behind = {**(trial if isinstance(trial, dict) else {}), **summary(rounds)}
            found[name] = {key: behind[key] for key in (*wanted, "synchronous", "journal", "versions") if key in behind}
        return found | ({"skipped": self.skipped} if self.skipped else {})


def summary(rounds: list[Figures]) -> Figures:
    """The median of every number, to four digits."""
    last = rounds[-1]
    return {
        key: float(f"{statistics.median(figures[key] for figures in rounds):.4g}")
        if isinstance(value, float)
        else statistics.median_low(figures[key] for figures in rounds)
        if isinstance(value, int)
        else value
        for key, value in last.items()
    }
