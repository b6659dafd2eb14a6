"""How long the import line of the first example takes, beside importing pydantic and defining one model."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.runner import Benchmark, Contender

OURS = """
from abpo_sdk import Decision, DecisionTable, Gate, Personal, Runtime, fields, idempotency_key, process, rule, step
"""

PYDANTIC = """
from pydantic import BaseModel
class Invoice(BaseModel):
    number: str
    total: int
"""

# Python keeps compiled modules unless it is told not to; what is installed comes compiled, so ours may be too.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

HEAVY = ("numpy", "pandas", "sklearn", "scipy", "statsmodels", "fairlearn", "shap", "matplotlib")


def _timed(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return (time.perf_counter() - start) * 1000


def _facts() -> dict[str, object]:
    code = f"{OURS}\nimport sys\nprint(len(sys.modules), [m for m in {HEAVY!r} if m in sys.modules])"
    count, _, heavy = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.partition(" ")
    return {"modules (at most 350)": int(count), "heavy libraries loaded": heavy.strip()}


BENCHMARK = Benchmark(
    name="import line, fresh interpreter",
    unit="ms",
    contenders=(
        Contender("abpo_sdk", lambda: _timed(OURS)),
        Contender("pydantic and one model", lambda: _timed(PYDANTIC)),
    ),
    against="pydantic and one model",
    bar=1.5,
    at_least=False,
    facts=_facts,
    rounds=15,
)
