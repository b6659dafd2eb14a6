"""Tables read from a sheet (a CSV file, a DataFrame) whose cells are FEEL."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from abpo_sdk.conditions import Condition, Field
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.errors import DefinitionError, FeelError
from abpo_sdk.policies.feel import evaluate, expression_of, feel_text, parse_expression
from abpo_sdk.policies.rules import Output, Rule, Value
from abpo_sdk.policies.sheets.row_by_row import Column, condition_in, joined, made_rule, scope_of
from abpo_sdk.values.canonical import canonical_bytes

if TYPE_CHECKING:
    import pandas as pd

BECAUSE, RULE = "because", "rule"
"""The columns of the reason, and of the rule's name."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection")."""


class Sheet(NamedTuple):
    """Text in columns: where it is from, the headings, and the rows, each with its place."""

    source: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def sheet_of_csv(path: str | PathLike[str], delimiter: str) -> Sheet:
    """The sheet in a CSV file.

    Raises:
        DefinitionError: it is no CSV in UTF-8; names file and line.
    """
    source, raw = fspath(path), Path(path).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DefinitionError(
            f"{source}, line {line}: the byte 0x{raw[error.start]:02x} is no UTF-8; save the file as CSV UTF-8"
        ) from None
    read = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    lines: list[tuple[str, tuple[str, ...]]] = []
    begins = 1
    try:
        for cells in read:
            if cells:
                lines.append((f"{source}, line {begins}", tuple(cells)))
            begins = read.line_num + 1
    except csv.Error as error:
        raise DefinitionError(
            f"{source}, line {begins}: this is no CSV ({error}); is a quote not closed, or not doubled?"
        ) from None
    if not lines:
        raise DefinitionError(f"{source} is empty; its first line names the columns")
    headings, rows = lines[0][1], lines[1:]
    for place, row in rows:
        _refuse_formulas(place, headings, row)
    return Sheet(source, headings, tuple(rows))


def sheet_of_frame(frame: pd.DataFrame) -> Sheet:
    """The sheet in a frame; what is no text is written as FEEL, and what is missing is an empty cell.

    Raises:
        DefinitionError: headings that are no texts, or a cell that FEEL has no literal for; names row and column.
    """
    for heading in frame.columns:
        if not isinstance(heading, str):
            raise DefinitionError(f"the frame has a column {heading!r}; columns are called by texts")
    headings = tuple(frame.columns)
    rows = []
    for label, *cells in frame.itertuples(name=None):
        place = f"the frame, row {label!r}"
        rows.append(
            (place, tuple(_text(cell, f"{place}, column {h!r}") for h, cell in zip(headings, cells, strict=True)))
        )
    return Sheet("the frame", headings, tuple(rows))


def rules_of_sheet(sheet: Sheet, model: type, outputs: Sequence[Output]) -> tuple[Rule, ...]:
    """The rules that a sheet writes down.

    Args:
        sheet: with a column for each input and output, one for the reason, and perhaps one for the rule's name.
        model: that the inputs are of.
        outputs: the outputs, with the values that they may have.

    Raises:
        DefinitionError: naming the place, the column and the cell.
    """
    scope = scope_of(model)
    layout = _Layout(sheet, outputs, scope)
    if not sheet.rows:
        raise DefinitionError(f"{sheet.source} has no rows; write at least one below the names of the columns")
    return tuple(_rule(place, cells, layout, outputs, scope) for place, cells in sheet.rows)


class _Layout:
    """Which column is what."""

    def __init__(self, sheet: Sheet, outputs: Sequence[Output], scope: Mapping[str, Field]) -> None:
        self.headings = tuple(heading.strip() for heading in sheet.headings)
        names = [output.name for output in outputs]
        known = (*names, BECAUSE, RULE)
        reserved = {BECAUSE, RULE} & set(names)
        if reserved:
            raise DefinitionError(
                f"{sheet.source}: no output may be called {reserved.pop()!r}, as a column of its own is"
            )
        twice = {heading for heading in self.headings if self.headings.count(heading) > 1}
        if twice:
            raise DefinitionError(f"{sheet.source} has the column {min(twice)!r} more than once")
        for name in (*names, BECAUSE):
            if name not in self.headings:
                hint = _semicolons(self.headings) or _nearest(name, self.headings)
                raise DefinitionError(f"{sheet.source} has no column {name!r}{hint}")
        self.inputs: dict[int, Column] = {
            place: _column(sheet, heading, known, scope)
            for place, heading in enumerate(self.headings)
            if heading not in known
        }
        seen: dict[bytes, int] = {}
        for place, column in self.inputs.items():
            key = canonical_bytes(column.structure() if isinstance(column, Condition) else node_of(column).structure())
            if key in seen:
                raise DefinitionError(
                    f"{sheet.source}: the columns {self.headings[seen[key]]!r} and {self.headings[place]!r} are the same input"
                )
            seen[key] = place
        self.outputs = tuple(self.headings.index(name) for name in names)
        self.because = self.headings.index(BECAUSE)
        self.rule = self.headings.index(RULE) if RULE in self.headings else None


def _column(sheet: Sheet, heading: str, known: Sequence[str], scope: Mapping[str, Field]) -> Column:
    place = f"{sheet.source}, column {heading!r}"
    if not heading:
        raise DefinitionError(f"{sheet.source} has a column without a name")
    try:
        return expression_of(parse_expression(heading, scope, place), scope, place)
    except FeelError as error:
        raise DefinitionError(f"{error}{_nearest(heading, (*scope, *known))}") from None


def _semicolons(headings: Sequence[str]) -> str:
    if len(headings) > 1 or ";" not in headings[0]:
        return ""
    return "; its columns are separated by semicolons, it seems, so say delimiter=';'"


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; it may be {', '.join(known)}"


def _rule(
    place: str, cells: Sequence[str], layout: _Layout, outputs: Sequence[Output], scope: Mapping[str, Field]
) -> Rule:
    if len(cells) != len(layout.headings):
        raise DefinitionError(f"{place} has {len(cells)} cells, and there are {len(layout.headings)} columns")
    when = joined(
        condition_in(cells[at], column, scope, f"{place}, column {layout.headings[at]!r}")
        for at, column in layout.inputs.items()
    )
    values = [
        _value(cells[at], output, f"{place}, column {output.name!r}")
        for at, output in zip(layout.outputs, outputs, strict=True)
    ]
    name = None if layout.rule is None else cells[layout.rule]
    named = name if name and name.strip() else None
    return made_rule(when, values, [output.name for output in outputs], cells[layout.because], named, place)


def _value(text: str, output: Output, place: str) -> Value:
    """The value in an output's cell.

    It is FEEL, so that a text stands in quotes; where all values that the output may have are listed and are texts, one of them
    may stand without.
    """
    texts = bool(output.values) and all(isinstance(value, str) for value in output.values)
    if texts and text.strip() in output.values:
        return text.strip()
    if not text.strip():
        raise DefinitionError(f"{place}: the cell is empty; every row gives every output (null where it gives nothing)")
    try:
        value = evaluate(parse_expression(text, (), place), {}, place)
    except FeelError as error:
        hint = f"; it may be one of {', '.join(map(str, output.values))}" if texts else ""
        raise DefinitionError(f'{error}; a text is written in quotes, such as "pay"{hint}') from None
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        return int(value)
    found: Value = value
    return found


def _text(cell: Any, place: str) -> str:
    if isinstance(cell, str):
        return cell
    import pandas as pd

    if isinstance(cell, (list, tuple, set, frozenset, dict)):
        raise DefinitionError(f"{place}: {cell!r} is no cell; write FEEL, such as '1, 2'")
    if pd.isna(cell):
        return ""
    plain = cell.item() if type(cell).__module__ == "numpy" else cell
    if isinstance(plain, float) and plain.is_integer():  # as pandas has whole numbers where one of them is missing
        plain = int(plain)
    try:
        return feel_text(plain)
    except FeelError as error:
        raise DefinitionError(f"{place}: {error}") from None


def _refuse_formulas(place: str, headings: Sequence[str], cells: Sequence[str]) -> None:
    for heading, cell in zip(headings, cells, strict=False):
        name = heading.strip()
        refuse_formula(cell, f"{place}, column {name!r}", FORMULA if name in (BECAUSE, RULE) else ("=",))


def refuse_formula(cell: str, place: str, signs: tuple[str, ...] = FORMULA) -> None:
    """Refuse a cell that a spreadsheet would compute.

    Raises:
        DefinitionError: naming the place and the cell.
    """
    if cell.startswith(signs):
        raise DefinitionError(
            f"{place}: a spreadsheet takes {cell!r} for a formula, as it begins with {cell[0]!r}; begin it otherwise"
        )
