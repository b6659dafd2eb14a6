"""The table as ours: a rule a row; the last row, which holds of every case, is its default."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any

from abpo_sdk import Decision, DecisionTable, fields, rule
from abpo_sdk.conditions import Condition
from benchmarks.peers.decider import Decider
from benchmarks.table_and_cases import Case, Cell, Interval, Is, OneOf, Row

NAME = "claims"


def table(rows: Sequence[Row]) -> DecisionTable:
    *tested, last = rows
    rules = [
        rule(condition(row), then=row.outcome, because=f"row {number} holds")
        for number, row in enumerate(tested, start=1)
    ]
    return DecisionTable(NAME, *rules, otherwise=last.outcome)


def condition(row: Row) -> Condition:
    """A row's cells as one condition about a case."""
    case = fields(Case)
    return reduce(and_, [test for name, cell in row.cells.items() for test in tests(getattr(case, name), cell)])


def tests(field: Any, cell: Cell) -> list[Condition]:
    match cell:
        case Interval(low, high, low_closed, high_closed):
            above = [] if low is None else [field >= low if low_closed else field > low]
            below = [] if high is None else [field <= high if high_closed else field < high]
            return above + below
        case OneOf(words):
            return [field.is_in(*words)]
        case Is(truth):
            return [field == truth]


def decisions(ours: DecisionTable) -> Decider:
    """Decisions as a call gives them; their reasons are worded when they are asked for."""
    return Decider(ours, lambda decision: decision.outcome)


def explained(ours: DecisionTable) -> Decider:
    """Decisions whose reasons are asked for at once."""

    def decide(case: Any) -> Decision:
        decision = ours(case)
        _ = decision.reasons
        return decision

    return Decider(decide, lambda decision: decision.outcome)


def row_named(decision: Decision, count: int) -> int:
    """The index of the row that a decision names as its reason, of so many rows."""
    code = decision.reasons[0].code.removeprefix(f"{NAME}.")
    return count - 1 if code == "otherwise" else int(code) - 1


def on_frame(ours: DecisionTable) -> Decider:
    """A frame decided at once: with each outcome the number of the row that decides, and what was missing."""
    return Decider(ours.decide_frame, lambda decided: decided["outcome"].tolist())


def rows_given(decided: Any, count: int) -> list[int]:
    """The indexes of the rows that a decided frame names, of so many; it counts them from 1, and calls the default 0."""
    return [(number or count) - 1 for number in decided["rows"].tolist()]
