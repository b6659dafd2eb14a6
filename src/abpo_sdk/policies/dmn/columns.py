"""The conditions of rows as columns and cells.

Each row's condition is taken apart where `&` joins it. A part that asks something of one expression becomes a cell in that expression's column;
any other becomes a column of its own, whose expression is the condition and whose cell is `true`. The columns stand so that each row's parts
come from left to right in the order in which they are evaluated; where rows differ in that, an expression has two columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from abpo_sdk.conditions import Condition, always
from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.condition import Both
from abpo_sdk.conditions.expressions import expression_of
from abpo_sdk.conditions.kinds import kind_of_value
from abpo_sdk.conditions.nodes import ConstantNode, Node
from abpo_sdk.errors import DmnError
from abpo_sdk.policies.feel import expression_text, unary_tests_of


@dataclass(slots=True)
class Column:
    """A column: its expression as text, the sort of its values, and its cells by the numbers of their rows."""

    expression: str
    sort: str
    cells: dict[int, str] = field(default_factory=dict)


def columns_of(conditions: Sequence[Condition], places: Sequence[str]) -> list[Column]:
    """The columns that some rows read; a row has no cell in a column that does not matter to it.

    Args:
        conditions: of the rows.
        places: what each row is called in errors.

    Raises:
        DmnError: something that FEEL cannot say; names the row and the construct.
    """
    columns: list[Column] = []
    for number, (condition, place) in enumerate(zip(conditions, places, strict=True)):
        at = 0
        for expression, sort, cell in _cells(condition, place):
            free = next((n for n in range(at, len(columns)) if columns[n].expression == expression), None)
            if free is None:
                columns.append(Column(expression, sort))
                free = len(columns) - 1
            columns[free].cells[number] = cell
            at = free + 1
    return columns


def _cells(condition: Condition, place: str) -> Iterator[tuple[str, str, str]]:
    """The parts of a condition, in order: expression, sort and cell of each."""
    parts = [part for part in joined(condition) if part is not always]
    try:
        while parts:
            found = next((cell for node in dict.fromkeys(subjects(parts[0])) if (cell := _cell(parts, node))), None)
            if found is None:
                yield expression_text(parts[0]), "truth", "true"
                parts = parts[1:]
            else:
                text, taken, of = found
                yield expression_text(of), _sort(of), text
                parts = parts[taken:]
    except DmnError as error:
        raise DmnError(f"{place}: ({condition.text()}) cannot be written in DMN: {error}") from error


def _cell(parts: Sequence[Condition], node: Node) -> tuple[str, int, Node] | None:
    """The cell that says, of an expression, as many parts as it can, from the first on; and how many these are."""
    of = expression_of(node)
    best: tuple[str, int, Node] | None = None
    whole: Condition = always
    for taken, part in enumerate(parts, start=1):
        whole = whole & part
        cell = unary_tests_of(part, of)
        if cell and taken > 1:
            cell = unary_tests_of(whole, of)
        if not cell:
            break
        best = cell, taken, node
    return best


def _sort(node: Node) -> str:
    """The sort of an expression's values; where they are listed, that of these."""
    if node.kind.sort != "choice":
        return node.kind.sort
    sorts = {kind_of_value(getattr(choice, "value", choice)).sort for choice in node.kind.choices}
    return sorts.pop() if len(sorts) == 1 else "other"


def joined(condition: Condition) -> Iterator[Condition]:
    """What `&` joins, from left to right."""
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Both):
            waiting += reversed(part.parts())
        else:
            yield part


def subjects(condition: Condition) -> Iterator[Node]:
    """The expressions that a condition may be about."""
    if isinstance(condition, Comparison):
        yield from (side for side in (condition.left, condition.right) if not isinstance(side, ConstantNode))
    elif isinstance(condition, Membership):
        yield condition.item
    elif isinstance(condition, Missing):
        yield condition.field
    elif condition.parts():
        for part in condition.parts():
            yield from subjects(part)
    else:
        yield from condition.fields()
