"""The table in rule-engine (BSD), which evaluates expressions: one rule a row, tried top down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.decider import Decider
from benchmarks.peers.table_texts import rule_engine_tests
from benchmarks.table_and_cases import Row


def single(rows: Sequence[Row]) -> Decider:
    """Case after case."""
    import rule_engine

    rules = [(rule_engine.Rule(condition(row)), row.outcome) for row in rows]

    def decide(case: dict[str, Any]) -> str:
        return next(outcome for rule, outcome in rules if rule.matches(case))

    return Decider(decide)


def condition(row: Row) -> str:
    tests = [test for name, cell in row.cells.items() for test in rule_engine_tests(name, cell)]
    return " and ".join(tests) or "true"
