"""The table as a function of if after if, such as one writes by hand: no type is checked, no reason given, no row named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.peers.decider import Decider
from benchmarks.peers.table_texts import python_condition
from benchmarks.table_and_cases import INPUTS, Row


def source(rows: Sequence[Row]) -> str:
    """The function's text. What is read of the case is read once, since most rows read it."""
    read = [f"    {name} = case.{name}" for name in INPUTS]
    first, *others, last = rows
    tests = [f"    if {python_condition(first)}:", f'        return "{first.outcome}"']
    for row in others:
        tests += [f"    elif {python_condition(row)}:", f'        return "{row.outcome}"']
    return "\n".join(["def decide(case):", *read, *tests, "    else:", f'        return "{last.outcome}"', ""])


def if_elif(rows: Sequence[Row]) -> Decider:
    """Case after case, objects."""
    named: dict[str, Any] = {}
    exec(source(rows), named)
    decide: Callable[[Any], str] = named["decide"]
    return Decider(decide)
