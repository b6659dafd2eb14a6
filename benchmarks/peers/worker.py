"""One engine does one task in an interpreter of its own, and prints what it measured as a line of JSON.

`python -m benchmarks.peers.worker ENGINE TASK COUNT DIRECTORY`
"""

from __future__ import annotations

import importlib
import json
import os
import sqlite3
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.invoice_steps import case, check
from benchmarks.peers.commits import committed
from benchmarks.peers.engine import AnswersTogether, Engine

ENGINES = {
    "abpo_sdk": "ours:Ours",
    "DBOS": "dbos_sqlite:Segments",
    "DBOS, recv": "dbos_sqlite:Messages",
    "DBOS, its file in WAL mode": "dbos_sqlite:SegmentsWithLog",
    "LangGraph": "langgraph_sqlite:LangGraph",
    "Burr": "burr_sqlite:Burr",
    "Burr, its file in WAL mode": "burr_sqlite:BurrWithLog",
}
WARM = 20
THREADS = 64
IDLE_SECONDS = 5
Figures = dict[str, Any]


def engine_named(name: str) -> Engine:
    module, _, kind = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(f"benchmarks.peers.{module}"), kind)()
    return engine


def cpu() -> float:
    """The CPU seconds of this process, all its threads."""
    return time.process_time()


def status() -> dict[str, int]:
    """What the system says of this process."""
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"threads": int(said["Threads"]), "RSS, MiB": round(int(said["VmRSS"].split()[0]) / 1024)}


def size(engine: Engine) -> int:
    """The bytes in its directory, once what is in the log is in the file."""
    other = sqlite3.connect(engine.path(), timeout=30)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    return sum(file.stat().st_size for file in engine.path().parent.rglob("*") if file.is_file())


def run(engine: Engine, count: int) -> Figures:
    """Processes from start to end in one thread."""
    empty = size(engine)
    for number in range(WARM):
        check(engine.run(f"warm-{number}", case(number)))
    start, used = time.perf_counter(), cpu()
    results = [engine.run(f"run-{number}", case(number)) for number in range(count)]
    seconds, used = time.perf_counter() - start, cpu() - used
    for result in results:
        check(result)
    return {
        "processes/s": count / seconds,
        "CPU a step, us": used / count / 5 * 1e6,
        "bytes a process": round((size(engine) - empty) / (count + WARM)),
        **facts(engine),
    }


def many(engine: Engine, count: int) -> Figures:
    """Processes from start to end, many at once, each in a thread."""
    for number in range(WARM):
        check(engine.run(f"warm-{number}", case(number)))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: engine.run(f"ready-{number}", case(number)), range(THREADS)))  # starts the threads
        start, used = time.perf_counter(), cpu()
        results = list(pool.map(lambda number: engine.run(f"run-{number}", case(number)), range(count)))
        seconds, used = time.perf_counter() - start, cpu() - used
    for result in results:
        check(result)
    return {"processes/s": count / seconds, "CPU a step, us": used / count / 5 * 1e6, **facts(engine)}


def answer(engine: Engine, count: int) -> Figures:
    """From a person's answer to what the process returned, one by one."""
    for number in range(WARM if count > WARM else 0):
        engine.park(f"warm-{number}", case(number))
    for shown in engine.waiting():
        check(engine.answer(shown))
    for number in range(count):
        engine.park(f"run-{number}", case(number))
    times, results = [], []
    used = cpu()
    waiting = engine.waiting()
    assert len(waiting) == count, len(waiting)
    for shown in waiting:
        start = time.perf_counter()
        results.append(engine.answer(shown))
        times.append((time.perf_counter() - start) * 1e3)
    used = cpu() - used
    for result in results:
        check(result)
    return {"ms": statistics.median(times), "largest ms": max(times), "CPU, ms": used / count * 1e3, **facts(engine)}


def count_commits(engine: Engine, count: int) -> Figures:
    """The commits of a process to its end, and of an answer, on average over a few."""
    check(engine.run("warm", case(0)))
    engine.park("warm-parked", case(0))
    for shown in engine.waiting():
        check(engine.answer(shown))
    before = committed(engine.path())
    for number in range(count):
        engine.run(f"run-{number}", case(number))
    ran = committed(engine.path())
    for number in range(count):
        engine.park(f"parked-{number}", case(number))
    waiting = engine.waiting()
    parked = committed(engine.path())
    for shown in waiting:
        check(engine.answer(shown))
    answered = committed(engine.path())
    assert len(waiting) == count, len(waiting)
    assert before < ran < parked < answered, "a checkpoint came between, so that nothing can be said"
    return {
        "commits a process": (ran - before) / count,
        "commits to park": (parked - ran) / count,
        "commits an answer": (answered - parked) / count,
        **facts(engine),
    }


def park(engine: Engine, count: int) -> Figures:
    """Runs that wait for a person, and what that costs while nothing happens."""
    start = time.perf_counter()
    for number in range(count):
        engine.park(f"run-{number}", case(number))
    parked = time.perf_counter() - start
    used = cpu()
    time.sleep(IDLE_SECONDS)
    return {**status(), "idle CPU, s": round(cpu() - used, 4), "parked in s": parked, **facts(engine)}


def finish(engine: Engine, count: int) -> Figures:
    """Everything that waits is answered and done, after the process that parked it was killed."""
    listed = engine.waiting()
    assert len(listed) == count, len(listed)
    for result in engine.answer_all(listed) if isinstance(engine, AnswersTogether) else map(engine.answer, listed):
        check(result)
    assert not engine.waiting()
    return {}


def facts(engine: Engine) -> Figures:
    """What stands behind the figures; refuses an engine that does not write through."""
    durability = engine.durability()
    durability.check()
    return {"synchronous": durability.synchronous, "journal": durability.journal, "versions": versions(engine)}


def versions(engine: Engine) -> str:
    """The releases, and the licence of the first."""
    described = metadata.metadata(engine.packages[0])
    fields = [field for field in ("License-Expression", "License") if field in described]
    licence = described[fields[0]] if fields else "its metadata names no licence"
    return ", ".join(f"{name} {metadata.version(name)}" for name in engine.packages) + f" ({licence})"


TASKS: dict[str, Callable[[Engine, int], Figures]] = {
    "run": run,
    "many": many,
    "answer": answer,
    "commits": count_commits,
    "park": park,
    "finish": finish,
}


def main(name: str, task: str, count: str, directory: str) -> None:
    """Do the task and print what it gave."""
    engine = engine_named(name)
    engine.open(Path(directory))
    print(json.dumps(TASKS[task](engine, int(count))), flush=True)
    if task == "park":
        time.sleep(3600)  # until it is killed
    engine.close()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException:  # noqa: BLE001  whatever it was, it is the last that is said
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # some engines leave threads behind that never end
