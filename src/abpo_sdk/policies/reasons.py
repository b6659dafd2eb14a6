"""Why a decision table decided: the rows that counted, with the values of the case."""

from __future__ import annotations

from collections.abc import Sequence

from abpo_sdk.conditions import Reading
from abpo_sdk.policies.rules import Rule
from abpo_sdk.values.decision import Reason


def reasons_of(table: str, rules: Sequence[Rule], rows: Sequence[int], reading: Reading) -> tuple[Reason, ...]:
    """A reason for each row that counted, in order; where none did, that no rule applies.

    Args:
        table: the table's name.
        rules: its rows.
        rows: those that counted, by their numbers from 0.
        reading: what the case has.
    """
    if not rows:
        return (Reason(rank=1, code=f"{table}.otherwise", text="no rule applies", stage=table),)
    return tuple(_reason(table, rules[row], row, rank, reading) for rank, row in enumerate(rows, start=1))


def _reason(table: str, rule: Rule, row: int, rank: int, reading: Reading) -> Reason:
    field = next(rule.when.fields(), None)
    factor = None if field is None else field.name
    return Reason(
        rank=rank,
        code=f"{table}.{rule.name or row + 1}",
        text=rule.because,
        factor=factor,
        value=None if field is None else field.written(reading).removeprefix(f"{factor} "),
        stage=table,
        condition=rule.when.written(reading),
    )
