"""Very many runs that wait for a person, on ours alone.

`python -m benchmarks.parked_growth 100000` parks them, which takes some minutes, and measures a new process on that ledger.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.invoice_steps import case, check
from benchmarks.peers.ours import Ours
from benchmarks.peers.worker import size, status
from benchmarks.runner import keep

PARK, LOOK = "park", "look"
TICKS = 10


def parked(directory: Path, count: int) -> dict[str, Any]:
    """Makes the ledger."""
    engine = Ours()
    engine.open(directory)
    start = time.perf_counter()
    for number in range(count):
        engine.park(f"run-{number}", case(number))
    seconds = time.perf_counter() - start
    figures = {"parked a second": count / seconds, "bytes a parked run": size(engine) / count, **_memory("when parked")}
    engine.close()
    return figures


def looked(directory: Path, count: int) -> dict[str, Any]:
    """A process that has just started, on the ledger that another one left."""
    figures: dict[str, Any] = {}
    engine = Ours()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = work()
        figures[f"{name}, ms"] = (time.perf_counter() - start) * 1e3
        return found

    figures |= _memory("before it is opened")
    timed("open the runtime", lambda: engine.open(directory))
    figures |= _memory("when opened")
    one = timed("one run's review, by the run's id", lambda: engine.runtime.run(f"run-{count // 2}").review)
    check(timed("answer it, to the end", lambda: engine.answer(one)))
    timed("tick() with nothing to do, the first", engine.runtime.tick)
    timed(f"tick() with nothing to do, {TICKS} of them", lambda: [engine.runtime.tick() for _ in range(TICKS)])
    timed('runs("waiting")', lambda: engine.runtime.runs("waiting"))
    figures |= _memory("before its reviews are listed")
    reviews = timed('reviews(to="controller")', engine.waiting)
    assert len(reviews) == count - 1, len(reviews)
    figures |= _memory("with all its reviews")
    check(timed("answer the oldest, to the end", lambda: engine.answer(reviews[0])))
    engine.close()
    return figures


def _memory(when: str) -> dict[str, int]:
    return {f"RSS {when}, MiB": status()["RSS, MiB"]}


def row(count: int) -> None:
    """Both, each in an interpreter of its own; prints what they gave, and keeps it as a line of the results."""
    figures: dict[str, Any] = {"benchmark": f"{count:,} parked runs on one ledger", "contender": "abpo_sdk"}
    with tempfile.TemporaryDirectory(prefix="abpo-bench-") as directory:
        for task in (PARK, LOOK):
            command = [sys.executable, "-m", "benchmarks.parked_growth", str(count), task, directory]
            start = time.perf_counter()
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            for name, value in json.loads(done.stdout).items():
                figures[name] = value
                print(f"{name}: {value:,.4g}" if value < 100 else f"{name}: {value:,.0f}", flush=True)
            figures[f"{task}, whole process, s"] = round(time.perf_counter() - start, 1)
    keep(figures)


if __name__ == "__main__":
    number, *rest = sys.argv[1:]
    if rest:
        print(json.dumps({PARK: parked, LOOK: looked}[rest[0]](Path(rest[1]), int(number))))
    else:
        row(int(number))
