"""Conditions on many cases at once, each kind as `compiled.py` has it for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.frames.columns import Coded, Native
from abpo_sdk.conditions.frames.native import NotNative, Truths, compare, compare_constant, reading_problem
from abpo_sdk.conditions.frames.partial_cases import NotingReading, partial_case
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import InputError, MissingInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
    from abpo_sdk.conditions.condition import Condition
    from abpo_sdk.conditions.frames.cases import Cases
    from abpo_sdk.conditions.frames.field_reader import Leaf


@dataclass(frozen=True, slots=True)
class Answers:
    """By row, whether a condition holds, and the number of what kept it from being answered (0: nothing).

    Neither is told of rows that were not asked about.
    """

    holds: NDArray[np.bool_]
    problem: NDArray[np.int32]


def all_of(parts: Iterable[Condition], cases: Cases, asked: NDArray[np.bool_]) -> Answers:
    """Whether all hold; those after one that does not, or that has no answer, are not looked at."""
    import numpy as np

    problem = np.zeros(cases.size, dtype=np.int32)
    for part in parts:
        if not asked.any():
            break
        said = part.answers(cases, asked)
        problem |= said.problem  # of each row one part alone, since none is asked after it
        asked = said.holds
    return Answers(asked, problem)


def any_of(parts: Iterable[Condition], cases: Cases, asked: NDArray[np.bool_]) -> Answers:
    """Whether one holds; those after it, or after one that has no answer, are not looked at."""
    import numpy as np

    problem = np.zeros(cases.size, dtype=np.int32)
    holds = np.zeros(cases.size, dtype=bool)
    for part in parts:
        if not asked.any():
            break
        said = part.answers(cases, asked)
        problem |= said.problem
        holds |= said.holds
        asked = asked & ~said.holds & (said.problem == 0)
    return Answers(holds, problem)


def none_of(part: Condition, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
    """Whether a condition does not hold."""
    said = part.answers(cases, asked)
    return Answers(asked & ~said.holds & (said.problem == 0), said.problem)


def comparison(condition: Comparison, cases: Cases, asked: NDArray[np.bool_]) -> Answers | None:
    """Two expressions, compared as machine values; None where it takes Python's own."""
    c = condition
    return _native(lambda: compare(c.left, c.operator, c.right, _columns(cases), cases.problems, c.text()), asked)


def membership(condition: Membership, cases: Cases, asked: NDArray[np.bool_]) -> Answers | None:
    """Whether a field is one of some constants, by machine values; None where it takes Python's own."""
    import numpy as np

    item = condition.item
    if not isinstance(item, FieldNode):
        return None
    column = _columns(cases)(item)
    if not isinstance(column, Native):
        return None

    def found() -> Truths:
        holds = np.zeros(cases.size, dtype=bool)
        for constant in condition.among:
            holds |= compare_constant(column, "==", constant)
        return holds, reading_problem(column, item.name, cases.problems)

    return _native(found, asked)


def missing(condition: Missing, cases: Cases, asked: NDArray[np.bool_]) -> Answers | None:
    """Whether a field has no value, by machine values; None where it takes Python's own."""
    import numpy as np

    field = condition.field
    column = _columns(cases)(field) if isinstance(field, FieldNode) else None
    if not isinstance(column, Native):
        return None
    none = np.zeros(cases.size, dtype=bool) if column.none is None else column.none
    problem = reading_problem(column, field.name, cases.problems)
    return _native(lambda: (none, None if problem is None else np.where(none, 0, problem)), asked)


def _columns(cases: Cases) -> Callable[[FieldNode], Any]:
    """Finds the column that holds a field itself; None where it lies inside what a column holds."""

    def column_of(field: FieldNode) -> Any:
        leaf = cases.leaf(field)
        return leaf.column if leaf.path == field.path else None

    return column_of


def _native(found: Callable[[], Truths], asked: NDArray[np.bool_]) -> Answers | None:
    import numpy as np

    try:
        holds, problem = found()
    except NotNative:
        return None
    if problem is None:
        return Answers(holds & asked, np.zeros(asked.shape, dtype=np.int32))
    problem = np.where(asked, problem, 0).astype(np.int32)
    return Answers(holds & asked & (problem == 0), problem)


def by_distinct(condition: Condition, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
    """Of each combination of values that occurs in the fields that it reads, what the condition says of these."""
    import numpy as np
    import pandas as pd

    leaves = list({leaf.path: leaf for leaf in map(cases.leaf, condition.fields())}.values())
    rows = np.flatnonzero(asked)
    columns = [leaf.column.coded() if isinstance(leaf.column, Native) else leaf.column for leaf in leaves]
    joint = np.zeros(len(rows), dtype=np.int64)
    for column in columns:
        codes, found = pd.factorize(column.codes[rows])
        joint = pd.factorize(joint * max(len(found), 1) + codes)[0]
    _, first, joint = np.unique(joint, return_index=True, return_inverse=True)
    holds, problem = np.zeros(len(first), dtype=bool), np.zeros(len(first), dtype=np.int32)
    for position, row in enumerate(rows[first].tolist()):
        case = partial_case(cases.model, _values(leaves, columns, row))
        holds[position], problem[position] = _said(condition, case, cases)
    return _spread(cases.size, rows, holds[joint], problem[joint])


def _values(leaves: list[Leaf], columns: list[Coded], row: int) -> list[tuple[tuple[str, ...], Any]]:
    return [(leaf.path, column.values[column.codes[row]]) for leaf, column in zip(leaves, columns, strict=True)]


def by_case(condition: Condition, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
    """What the condition says of each case itself."""
    import numpy as np

    rows = np.flatnonzero(asked)
    answers = [_said(condition, cases.case(row), cases) for row in rows.tolist()]
    holds = np.array([holds for holds, _ in answers], dtype=bool)
    return _spread(cases.size, rows, holds, np.array([problem for _, problem in answers], dtype=np.int32))


def _spread(size: int, rows: NDArray[np.intp], holds: NDArray[np.bool_], problem: NDArray[np.int32]) -> Answers:
    import numpy as np

    spread = Answers(np.zeros(size, dtype=bool), np.zeros(size, dtype=np.int32))
    spread.holds[rows] = holds
    spread.problem[rows] = problem
    return spread


def _said(condition: Condition, case: object, cases: Cases) -> tuple[bool, int]:
    """What a condition says of one case: whether it holds, and the number of what kept it from being answered."""
    reading = NotingReading(case)
    try:
        return condition.evaluate(reading), 0
    except InputError as error:
        name = reading.failed or condition.text()
        return False, cases.problems.of(name, missing=isinstance(error, MissingInput))


__all__ = ["Answers", "all_of", "any_of", "by_case", "by_distinct", "comparison", "membership", "missing", "none_of"]
