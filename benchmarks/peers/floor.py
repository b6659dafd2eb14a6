"""What raw sqlite3 takes for the writes of ours, in an interpreter of its own.

`python -m benchmarks.peers.floor TASK COUNT DIRECTORY`
"""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.invoice_steps import case, check
from benchmarks.peers.raw_sqlite import Source, Statement, Target
from benchmarks.peers.worker import WARM, cpu

Figures = dict[str, Any]
Commits = list[list[Statement]]


def run(source: Source, target: Target, count: int) -> Figures:
    """As many commits as ours, for processes from start to end."""
    return _run(source, target, count, _as_they_are)


def step(source: Source, target: Target, count: int) -> Figures:
    """One commit a step: what starts a run goes with its first step, what ends it with its last."""
    return _run(source, target, count, _one_a_step)


def _as_they_are(commits: Commits) -> Commits:
    return commits


def _one_a_step(commits: Commits) -> Commits:
    steps = 5
    assert len(commits) >= steps, len(commits)
    extra = len(commits) - steps
    first = 1 + (extra + 1) // 2
    last = len(commits) - 1 - extra // 2
    grouped = [commits[:first], *([one] for one in commits[first:last]), commits[last:]]
    return [[statement for commit in group for statement in commit] for group in grouped]


def _run(source: Source, target: Target, count: int, arranged: Callable[[Commits], Commits]) -> Figures:
    work = []
    source.written()
    for number in range(count + WARM):
        check(source.engine.run(f"run-{number}", case(number)))
        work.append(arranged(source.written()))
    gc.collect()
    gc.freeze()  # what was noted is no work for what is timed
    for commits in work[:WARM]:
        target.write(commits)
    used = cpu()
    seconds = sum(target.write(commits) for commits in work[WARM:])
    used = cpu() - used
    target.check_equal(source.engine.path())
    return {
        "processes/s": count / seconds,
        "CPU a step, us": used / count / 5 * 1e6,
        "commits a process": sum(map(len, work)) / len(work),
        **facts(target),
    }


def answer(source: Source, target: Target, count: int) -> Figures:
    """As many commits as ours, from a person's answer to the end."""
    source.written()
    for number in range(count):
        source.engine.park(f"run-{number}", case(number))
    target.write(source.written())
    work = []
    for shown in source.engine.waiting():
        check(source.engine.answer(shown))
        work.append(source.written())
    gc.collect()
    gc.freeze()  # what was noted is no work for what is timed
    used = cpu()
    times = [target.write(commits) * 1e3 for commits in work]
    used = cpu() - used
    target.check_equal(source.engine.path())
    return {
        "ms": statistics.median(times),
        "CPU, ms": used / len(work) * 1e3,
        "commits an answer": statistics.mean(map(len, work)),
        **facts(target),
    }


def facts(target: Target) -> Figures:
    durability = target.durability()
    durability.check()
    versions = f"sqlite3 of Python, SQLite {sqlite3.sqlite_version}"
    return {"synchronous": durability.synchronous, "journal": durability.journal, "versions": versions}


TASKS: dict[str, Callable[[Source, Target, int], Figures]] = {"run": run, "step": step, "answer": answer}

if __name__ == "__main__":
    task, number, directory = sys.argv[1:]
    print(json.dumps(TASKS[task](Source(Path(directory)), Target(Path(directory) / "raw.db"), int(number))), flush=True)
    os._exit(0)
