"""How a table came to what it decided about a case: row by row, and cell by cell where a row did not match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.errors import InputError, TableError
from abpo_sdk.policies.rules import Rule, Value, written_out
from abpo_sdk.policies.sheets.cells import conjuncts, stated, told

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable


@dataclass(frozen=True, slots=True)
class CellTrace:
    """One thing that a row asks, and how the case stands to it.

    Args:
        condition: what is asked, without the values of the case; of personal fields, such that theirs do not follow from it.
        holds: whether it is so; None: that cannot be told, since a value is missing or is none of the declared type.
        text: the same with the values of the case, such as "total 742, needs > 1,000"; personal values are masked.
    """

    condition: str
    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class RowTrace:
    """One row of a table, and how a case stands to it.

    Args:
        number: of the row, from 1.
        name: of the rule, where it has one.
        matches: whether the row matches the case; None: that cannot be told, as a value that it needs is missing or mistyped.
        counts: whether it takes part in the decision; by FIRST, UNIQUE, ANY and PRIORITY one row does at most.
        looked_at: whether the table came to it. Below the first hit of FIRST, and below a row that is an error, it did not;
            what is said here of such a row is what it would have come to.
        then: what it gives, an output after the other.
        because: its reason.
        cells: what it asks, in the order in which it is read.
    """

    number: int
    name: str | None
    matches: bool | None
    counts: bool
    looked_at: bool
    then: tuple[Value, ...]
    because: str
    cells: tuple[CellTrace, ...]

    @property
    def failed(self) -> tuple[CellTrace, ...]:
        """The cells that keep the row from matching: they do not hold, or cannot be told."""
        return tuple(cell for cell in self.cells if not cell.holds)

    def __str__(self) -> str:
        row = f"row {self.number}" + (f" ({self.name})" if self.name else "")
        if self.matches:
            gives = ", ".join(map(written_out, self.then))
            how = f"matches and gives {gives}" if self.counts else "matches, and does not count"
            how = how if self.looked_at else "not looked at; it would match"
            return f"{row}: {how}; {' and '.join(cell.text for cell in self.cells) or 'always'}"
        why = "; ".join(cell.text for cell in self.failed)
        return f"{row}: {'' if self.looked_at else 'not looked at; '}{why}"


@dataclass(frozen=True, slots=True)
class Trace:
    """How a table came to what it decided about a case; printed, it is a line a row.

    Made by `DecisionTable.trace`.

    Args:
        table: the table's name.
        version: its version.
        hit_policy: by which the rows that count were chosen.
        outcome: what was decided; None where nothing was.
        error: why nothing was: what a call of the table says of this case; None where it decides.
        counting: the numbers of the rows that count, from 1, in the order in which they do; none where the default applies.
        rows: every row of the table.
    """

    table: str
    version: str
    hit_policy: str
    outcome: str | None
    error: str | None
    counting: tuple[int, ...]
    rows: tuple[RowTrace, ...]

    @property
    def matched(self) -> tuple[int, ...]:
        """The numbers of the rows that the table looked at and that match, from 1."""
        return tuple(row.number for row in self.rows if row.looked_at and row.matches)

    def __str__(self) -> str:
        if self.error is not None:
            how = f"not decided: {self.error}"
        elif self.counting:
            rows = ", ".join(map(str, self.counting))
            how = f"{self.outcome} by row{'s' if len(self.counting) > 1 else ''} {rows} ({self.hit_policy})"
        else:
            how = f"{self.outcome}, since no row matches" if self.outcome else "nothing, since no row matches"
        return "\n".join([f"{self.table}: {how}", *map(str, self.rows)])


def trace_of(table: DecisionTable, case: Any) -> Trace:
    """The trace of a case that is of the table's type."""
    outcome: str | None = None
    error: str | None = None
    counting: tuple[int, ...] = ()
    try:
        counting = table.rows_for(Reading(case))
        outcome = table.decide(case).outcome
    except (InputError, TableError) as refused:
        error = str(refused)
    reading = Reading(case)
    rows: list[RowTrace] = []
    looked_at = True
    for number, rule in enumerate(table.rules):
        row = _row(number, rule, table.values[number], reading, counts=number in counting, looked_at=looked_at)
        rows.append(row)
        if row.matches is None or (row.matches and table.hit_policy == "FIRST"):
            looked_at = False
    return Trace(
        table=table.name,
        version=table.version,
        hit_policy=" ".join(filter(None, (table.hit_policy, table.aggregation))),
        outcome=outcome,
        error=error,
        counting=tuple(number + 1 for number in counting),
        rows=tuple(rows),
    )


def _row(
    number: int, rule: Rule, then: tuple[Value, ...], reading: Reading, *, counts: bool, looked_at: bool
) -> RowTrace:
    return RowTrace(
        number=number + 1,
        name=rule.name,
        matches=_holds(rule.when, reading),
        counts=counts,
        looked_at=looked_at,
        then=then,
        because=rule.because,
        cells=tuple(_cell(part, reading) for part in conjuncts(rule.when)),
    )


def _cell(part: Condition, reading: Reading) -> CellTrace:
    holds = _holds(part, reading)
    return CellTrace(stated(part, reading), holds, part.written(reading) if holds else told(part, reading))


def _holds(condition: Condition, reading: Reading) -> bool | None:
    try:
        return condition.evaluate(reading)
    except InputError:
        return None
