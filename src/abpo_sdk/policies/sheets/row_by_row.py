"""Tables written row by row: a cell for each input, one for each output, the reason, and perhaps a name."""

from __future__ import annotations

import enum
import operator
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from abpo_sdk.conditions import Condition, Expression, Field, Fields, always, fields
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.errors import AbpoError, ConditionError, DefinitionError, FeelError
from abpo_sdk.policies.feel import condition_of, parse_unary_tests
from abpo_sdk.policies.rules import Output, Rule, Value, rule
from abpo_sdk.policies.sheets.cells import conjuncts
from abpo_sdk.values.traversal import annotations_of

Column = Expression | Condition
"""What the cells of a column ask about: an expression, or a condition, whose cells are true and false."""

Cell = Any
"""What may stand in an input's cell; `DecisionTable.rows` says what each means."""


class Rows(NamedTuple):
    """The rules that were written as rows, and the model that they are about."""

    rules: tuple[Rule, ...]
    model: type


def rules_of_rows(
    name: str, inputs: Iterable[Column], outputs: Sequence[Output], rows: Iterable[Sequence[Cell]]
) -> Rows:
    """Rules from rows of cells, as `DecisionTable.rows` has them.

    Raises:
        DefinitionError: naming the table, the row, the column and the cell.
    """
    columns, given = _columns(name, inputs), [output.name for output in outputs]
    model = model_of(name, columns)
    scope = scope_of(model)
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise DefinitionError(f"table {name!r}: rows={rows!r} are no rows; write a list of tuples, one a row")
    made = [_rule(f"table {name!r}, row {number}", columns, given, row, scope) for number, row in enumerate(rows, 1)]
    if not made:
        raise DefinitionError(f"table {name!r} has no rows; write at least one")
    return Rows(tuple(made), model)


def model_of(name: str, columns: Iterable[Column]) -> type:
    """The one model that the columns of a table are about.

    Raises:
        DefinitionError: there are several, or none.
    """
    nodes = (n for column in columns for n in (column if isinstance(column, Condition) else node_of(column)).fields())
    models = list(dict.fromkeys(node.model for node in nodes))
    if len(models) != 1:
        told = ", ".join(model.__name__ for model in models) or "no field"
        raise DefinitionError(f"table {name!r} has inputs of {told}; a table is about one model")
    return models[0]


def scope_of(model: type) -> dict[str, Field]:
    """The fields that a cell may name."""
    reference: Fields[Any] = fields(model)
    return {name: reference[name] for name in annotations_of(model)}


def column_name(column: Column) -> str:
    """A column, as an error names it."""
    return column.text() if isinstance(column, Condition) else node_of(column).written(None)


def condition_in(text: str, column: Column, scope: Mapping[str, Field], place: str) -> Condition:
    """What a cell in FEEL asks of its column.

    Raises:
        DefinitionError: naming place and cell.
    """
    try:
        return condition_of(parse_unary_tests(text, scope, place), column, scope, place)
    except FeelError as error:
        raise DefinitionError(f"{error}{_hint(text, scope)}") from None


def joined(parts: Iterable[Condition]) -> Condition:
    """The condition that all parts hold, read from the first to the last."""
    flat = [part for whole in parts for part in conjuncts(whole)]
    return reduce(operator.and_, flat) if flat else always


def made_rule(
    when: Condition, values: Sequence[Value], outputs: Sequence[str], because: Any, name: Any, place: str
) -> Rule:
    """A rule of a row.

    Raises:
        DefinitionError: a reason or a name that is none, or a value that cannot be recorded; names the place.
    """
    if not isinstance(because, str) or not because.strip():
        raise DefinitionError(
            f"{place}, column 'because': {because!r} is no reason; write why the row gives what it gives"
        )
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise DefinitionError(f"{place}, column 'rule': {name!r} is no name; write a text, or leave it out")
    then = values[0] if len(outputs) == 1 else dict(zip(outputs, values, strict=True))
    try:
        return rule(when, then=then, because=because, name=name)
    except DefinitionError as error:
        raise DefinitionError(f"{place}: {error}") from None


def _columns(name: str, inputs: Iterable[Column]) -> tuple[Column, ...]:
    if isinstance(inputs, (Expression, Condition, str)) or not isinstance(inputs, Iterable):
        raise DefinitionError(f"table {name!r}: inputs={inputs!r}; write a list of them, such as [i.total, i.country]")
    columns = tuple(inputs)
    for column in columns:
        if not isinstance(column, (Expression, Condition)):
            raise DefinitionError(
                f"table {name!r}: {column!r} is no input; give a reference to a field, such as fields(Invoice).total"
            )
    if not columns:
        raise DefinitionError(f"table {name!r} has no inputs; give at least one")
    return columns


def _rule(
    place: str, columns: Sequence[Column], outputs: Sequence[str], row: Sequence[Cell], scope: Mapping[str, Field]
) -> Rule:
    if isinstance(row, (str, bytes)) or not isinstance(row, Sequence):
        raise DefinitionError(f"{place} is {row!r}; write a tuple of its cells")
    asks, gives = len(columns), len(outputs)
    if len(row) not in (asks + gives + 1, asks + gives + 2):
        raise DefinitionError(
            f"{place} has {len(row)} cells, and needs {asks + gives + 1}: "
            f"{', '.join([*map(column_name, columns), *outputs, 'because'])}, and perhaps a name; it is {row!r}"
        )
    when = joined(
        _condition(cell, column, scope, f"{place}, column {column_name(column)!r}")
        for column, cell in zip(columns, row, strict=False)
    )
    because, *name = row[asks + gives :]
    return made_rule(when, row[asks : asks + gives], outputs, because, name[0] if name else None, place)


def _condition(cell: Cell, column: Column, scope: Mapping[str, Field], place: str) -> Condition:
    """What a cell asks, from whatever stands in it."""
    if cell is None:
        return always
    if isinstance(cell, str) and not isinstance(cell, enum.Enum):
        return condition_in(cell, column, scope, place)
    try:
        found = _asked(cell, column)
    except AbpoError as error:
        raise DefinitionError(f"{place}: the cell {cell!r} cannot be used: {error}") from None
    if not isinstance(found, Condition):
        raise DefinitionError(f"{place}: the cell {cell!r} gives {found!r}, which is no condition")
    return found


def _asked(cell: Cell, column: Column) -> Any:
    if isinstance(cell, Condition):
        return cell
    if callable(cell) and not isinstance(cell, type):
        return cell(column)
    if isinstance(column, Condition):
        if not isinstance(cell, bool):
            raise ConditionError("the column is a condition, so that a cell is True or False")
        return column if cell else ~column
    if isinstance(cell, (list, tuple, set, frozenset)):
        return column.is_in(cell)
    return column == cell


def _hint(text: str, scope: Mapping[str, Field]) -> str:
    """What to say of a cell that looks like a text without its quotes."""
    word = text.strip()
    plain = word.replace("_", "").replace(" ", "").replace("-", "")
    if not plain.isalnum() or not word[0].isalpha() or word in scope:
        return ""
    return f'; a text is written in quotes: "{word}"'
