"""A table as analysts draw it: a column for each input, and in each row what is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.nodes import Node
from abpo_sdk.policies.sheets.cells import asked, conjuncts, heading, stated, value_in
from abpo_sdk.policies.sheets.ordering import ColumnOrder

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

ANYTHING = "-"
"""What a cell says that asks nothing, as in DMN."""

LETTERS = {
    "UNIQUE": "U",
    "ANY": "A",
    "PRIORITY": "P",
    "FIRST": "F",
    "RULE ORDER": "R",
    "OUTPUT ORDER": "O",
    "COLLECT": "C",
}
SIGNS = {None: "", "sum": "+", "min": "<", "max": ">", "count": "#"}


class Cell(NamedTuple):
    """What a row asks in one column, and which parts of its condition say it (by their place, from 0)."""

    text: str = ANYTHING
    parts: tuple[int, ...] = ()


class Columns(NamedTuple):
    """The columns of a table's inputs.

    Args:
        of: the expression of each; None: of conditions that mix inputs.
        headings: what stands above each.
        rows: the cells of each row.
    """

    of: tuple[Node | None, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def values(self, reading: Reading) -> tuple[str, ...]:
        """What a case has in each column; personal values masked."""
        return tuple("" if node is None else value_in(node, reading) for node in self.of)


def columns_of(table: DecisionTable, reading: Reading | None = None) -> Columns:
    """The columns of a table, in the order in which its rows read them, as far as there is one.

    What is about several inputs and no single expression stands in a column of its own, the last.

    Args:
        table: a decision table.
        reading: the case that it is shown with, of which a personal value must not be told.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk import DecisionTable, fields, rule
    >>> class Claim(BaseModel):
    ...     amount: int
    ...     country: str
    >>> c = fields(Claim)
    >>> table = DecisionTable(
    ...     "claims",
    ...     rule((c.amount > 5) & (c.amount <= 500), then="pay", because="the claim is small"),
    ...     rule(c.country == "DE", then="refer", because="abroad"), otherwise="refer",
    ... )
    >>> columns = columns_of(table)
    >>> columns.headings, [cell.text for cell in columns.rows[0]]
    (('amount', 'country'), ['> 5 and <= 500', '-'])
    """
    nodes: dict[bytes, Node | None] = {}
    order = ColumnOrder()
    rows: list[dict[bytes, list[tuple[int, str]]]] = []
    for rule in table.rules:
        row: dict[bytes, list[tuple[int, str]]] = {}
        for place, part in enumerate(conjuncts(rule.when)):
            about = asked(part, reading)
            key = b"" if about is None else about.key
            nodes.setdefault(key, None if about is None else about.of)
            row.setdefault(key, []).append((place, stated(part, reading) if about is None else about.text))
        rows.append(row)
        keys = [key for key in row if key]
        if not order.keeps(keys):
            order.names(keys)
    keys = [*order.columns, *([b""] if b"" in nodes else [])]
    of = tuple(nodes[key] for key in keys)
    return Columns(
        of,
        tuple("condition" if node is None else heading(node, reading) for node in of),
        tuple(tuple(_cell(row.get(key, [])) for key in keys) for row in rows),
    )


def hit_letter(table: DecisionTable) -> str:
    """The hit policy as DMN puts it into a table's corner (DMN 1.5, table 35 in 8.2.11).

    >>> LETTERS["COLLECT"] + SIGNS["sum"]
    'C+'
    """
    return LETTERS[table.hit_policy] + SIGNS[table.aggregation]


def _cell(asked: list[tuple[int, str]]) -> Cell:
    if not asked:
        return Cell()
    texts = [f"({text})" if len(asked) > 1 and " or " in text else text for _, text in asked]
    return Cell(" and ".join(texts), tuple(place for place, _ in asked))
