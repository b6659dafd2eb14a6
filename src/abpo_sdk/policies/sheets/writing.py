"""Tables written as a sheet (a CSV file, a DataFrame) whose cells are FEEL, so that it is read back as the same table."""

from __future__ import annotations

import csv
import io
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from abpo_sdk.conditions import Condition, Field
from abpo_sdk.conditions.nodes import FieldNode, Node
from abpo_sdk.conditions.operators import Computed
from abpo_sdk.errors import DefinitionError, FeelError
from abpo_sdk.policies.feel import expression_text, feel_text, unary_tests_of
from abpo_sdk.policies.sheets.cells import asked, conjuncts
from abpo_sdk.policies.sheets.columns import ANYTHING
from abpo_sdk.policies.sheets.ordering import ColumnOrder
from abpo_sdk.policies.sheets.reading import BECAUSE, RULE, Sheet, refuse_formula, rules_of_sheet
from abpo_sdk.policies.sheets.row_by_row import joined
from abpo_sdk.values.canonical import canonical_bytes

if TYPE_CHECKING:
    import pandas as pd

    from abpo_sdk.policies.table import DecisionTable


class Asks(NamedTuple):
    """What a row asks in one column: the column's key and heading, and the cell."""

    key: bytes
    heading: str
    cell: str


def sheet_of(table: DecisionTable) -> Sheet:
    """A table as text in columns.

    Each input is a column. What is no test of one input is a column of its own whose heading is the condition, and whose cells
    are `true`; so is what a row asks in another order than columns can stand in, since the order decides which missing value is
    an error.

    Raises:
        DefinitionError: something that FEEL cannot say, or an output that is called as a column of its own is; names the row.
    """
    names = [output.name for output in table.outputs]
    for name in (BECAUSE, RULE):
        if name in names:
            raise DefinitionError(f"table {table.name!r}: its output {name!r} is called as a column of its own is")
    headings, asks = _inputs(table)
    headings = [f"({heading})" if heading in (*names, BECAUSE, RULE) else heading for heading in headings]
    named = any(row.name for row in table.rules)
    columns = (*headings, *names, BECAUSE, *([RULE] if named else []))
    rows = []
    for number, (row, cells) in enumerate(zip(table.rules, asks, strict=True)):
        place = f"table {table.name!r}, row {number + 1}"
        gives = [
            _given(value, f"{place}, output {name!r}") for name, value in zip(names, table.values[number], strict=True)
        ]
        rows.append((place, (*cells, *gives, row.because, *([row.name or ""] if named else []))))
    sheet = Sheet(f"table {table.name!r}", columns, tuple(rows))
    _check(table, sheet)
    return sheet


def frame_of(table: DecisionTable) -> pd.DataFrame:
    """A table as a frame of texts."""
    import pandas as pd

    sheet = sheet_of(table)
    return pd.DataFrame([cells for _, cells in sheet.rows], columns=list(sheet.headings), dtype=object)


def write_csv(table: DecisionTable, path: str | PathLike[str], delimiter: str) -> None:
    """A table as a CSV file in UTF-8."""
    sheet = sheet_of(table)
    for heading in sheet.headings:
        refuse_formula(heading, f"{sheet.source}, column {heading!r}")
    for place, cells in sheet.rows:
        for heading, cell in zip(sheet.headings, cells, strict=True):
            if heading in (BECAUSE, RULE):
                refuse_formula(cell, f"{place}, column {heading!r}")
    lines = [sheet.headings, *(cells for _, cells in sheet.rows)]
    returns = any("\r" in cell for line in lines for cell in line)  # which not every writer would put into quotes
    made = io.StringIO(newline="")
    writer = csv.writer(
        made, lineterminator="\n", delimiter=delimiter, quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    )
    writer.writerows(lines)
    Path(path).write_bytes(made.getvalue().encode())


def _inputs(table: DecisionTable) -> tuple[list[str], list[list[str]]]:
    """The headings of the inputs, and the cells of each row."""
    order = ColumnOrder()
    headings: dict[bytes, str] = {}
    rows: list[list[Asks]] = []
    for number, rule in enumerate(table.rules):
        place = f"table {table.name!r}, row {number + 1}"
        row = _row(rule.when, place)
        if not order.keeps([asks.key for asks in row]):
            row = [_whole(rule.when, place)]
            order.names([row[0].key])
        headings.update((asks.key, asks.heading) for asks in row)
        rows.append(row)
    keys = order.columns
    cells = [{asks.key: asks.cell for asks in row} for row in rows]
    return [headings[key] for key in keys], [[row.get(key, ANYTHING) for key in keys] for row in cells]


def _row(condition: Condition, place: str) -> list[Asks]:
    """What a row asks, in the order in which it is read; parts next to each other about one input are one cell."""
    runs: list[tuple[Node | None, list[Condition]]] = []
    for part in conjuncts(condition):
        about = asked(part)
        of = None if about is None else about.of
        if runs and of is not None and runs[-1][0] is not None and runs[-1][0].structure() == of.structure():
            runs[-1][1].append(part)
        else:
            runs.append((of, [part]))
    row: list[Asks] = []
    for of, parts in runs:
        cell = None if of is None else _cell(of, joined(parts))
        if cell is None or cell.key in {asks.key for asks in row}:
            row += [_whole(part, place) for part in parts]
        else:
            row.append(cell)
    return row


def _cell(of: Node, condition: Condition) -> Asks | None:
    try:
        heading = expression_text(of)
    except FeelError:
        return None
    cell = unary_tests_of(condition, Field(of) if isinstance(of, FieldNode) else Computed(of))
    return None if cell is None else Asks(b"of" + canonical_bytes(of.structure()), heading, cell)


def _whole(condition: Condition, place: str) -> Asks:
    """A column of a condition's own."""
    try:
        heading = expression_text(condition)
    except FeelError as error:
        raise DefinitionError(f"{place}: {error}") from None
    return Asks(b"if" + canonical_bytes(condition.structure()), heading, "true")


def _given(value: object, place: str) -> str:
    if isinstance(value, float):
        raise DefinitionError(
            f"{place}: FEEL has exact numbers alone, so that {value!r} would come back as another; write Decimal('{value!r}')"
        )
    try:
        return feel_text(value)
    except FeelError as error:
        raise DefinitionError(f"{place}: {error}") from None


def _check(table: DecisionTable, sheet: Sheet) -> None:
    """Read what was written, and refuse where it would be another table."""
    for number, (read, row) in enumerate(
        zip(rules_of_sheet(sheet, table.case_type, table.outputs), table.rules, strict=True)
    ):
        if read.when.structure() != row.when.structure():
            raise DefinitionError(
                f"table {table.name!r}, row {number + 1}: ({row.when.text()}) cannot be written in cells; it would be read as "
                f"({read.when.text()})"
            )
