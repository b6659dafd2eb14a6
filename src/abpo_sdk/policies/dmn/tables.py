"""From a table's texts to a decision table: columns and cells to conditions, outputs to values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, get_args

from abpo_sdk.conditions import Condition, Expression, Field, always
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import AbpoError, DmnError
from abpo_sdk.policies.dmn.columns import joined
from abpo_sdk.policies.dmn.definitions import Cell, InputClause, OutputClause, RuleText, TableText
from abpo_sdk.policies.dmn.item_definitions import Types
from abpo_sdk.policies.dmn.scope import Scope, fields_of
from abpo_sdk.policies.dmn.types import ANY, Basic, Many, Structure, ValueType, carried, checked
from abpo_sdk.policies.feel import condition_of, evaluate, expression_of, parse_expression, parse_unary_tests
from abpo_sdk.policies.feel.syntax import Name, Test, UnaryTests, parts_of
from abpo_sdk.policies.hit_policies import AGGREGATIONS, HIT_POLICIES
from abpo_sdk.policies.rules import OUTCOME, Output, Rule, Value

if TYPE_CHECKING:
    from abpo_sdk.policies.hit_policies import Aggregation, HitPolicy
    from abpo_sdk.policies.table import DecisionTable

IRRELEVANT = ("", "-")
"""A cell that holds of everything; an empty one is what Camunda's modeler writes."""


class MakeTable(Protocol):
    """Makes a table of what was read: `DecisionTable` itself, which reads files and so is not imported here."""

    def __call__(
        self,
        name: str,
        *rules: Rule,
        otherwise: Any,
        owner: str | None,
        hit_policy: HitPolicy,
        aggregation: Aggregation | None,
        outputs: list[Output],
        case_type: type,
    ) -> DecisionTable: ...


def table_of(
    make: MakeTable,
    text: TableText,
    name: str,
    scope: Scope,
    types: Types,
    result: ValueType,
    *,
    owner: str | None,
    exactly: bool,
) -> DecisionTable:
    """A table as a policy.

    Args:
        make: makes the policy.
        text: what the file says.
        name: of the decision.
        scope: what the table's expressions may use.
        types: of the file.
        result: the type of what it decides.
        owner: who answers for it.
        exactly: whether texts of annotations stand as they are, blanks at their ends included.

    Raises:
        DmnError: something of it is not supported, or does not fit; names the file, the line, the rule, the column and the text.
    """
    if text.hit_policy not in HIT_POLICIES:
        raise DmnError(
            f"{text.place}: hit policy {text.hit_policy!r} is not known; there are {', '.join(HIT_POLICIES)}"
        )
    aggregation = text.aggregation.lower() or None
    if aggregation is not None and aggregation not in AGGREGATIONS:
        known = ", ".join(AGGREGATIONS).upper()
        raise DmnError(f"{text.place}: aggregation {text.aggregation!r} is not known; there are {known}")
    columns = _Columns(text.inputs, scope, types)
    outputs = _Outputs(text, types, result, columns.names)
    rules = [
        Rule(
            columns.condition(row),
            outputs.given(row.outputs, row.python),
            _because(row, number, name, exactly=exactly),
            row.name,
        )
        for number, row in enumerate(text.rules, start=1)
    ]
    with _naming(text.place):
        return make(
            name,
            *rules,
            otherwise=outputs.default(),
            owner=owner,
            hit_policy=text.hit_policy,
            aggregation=aggregation,
            outputs=outputs.declared,
            case_type=columns.case_type,
        )


def _because(row: RuleText, number: int, name: str, *, exactly: bool) -> str:
    texts = (*row.annotations, row.description)
    if not exactly:
        texts = tuple(" ".join(text.split()) for text in texts)
    return "; ".join(dict.fromkeys(text for text in texts if text.strip())) or f"rule {number} of {name} applies"


@contextmanager
def _naming(place: str, text: str | None = None) -> Iterator[None]:
    """Errors of the parts below, with the place in the file."""
    try:
        yield
    except DmnError:
        raise
    except AbpoError as error:
        raise DmnError(f"{place}: {text!r}: {error}" if text is not None else f"{place}: {error}") from error


class _Columns:
    """The columns that a table reads, as expressions over the fields of its case."""

    def __init__(self, clauses: tuple[InputClause, ...], scope: Scope, types: Types) -> None:
        self.clauses = clauses
        self.names = scope.names
        found = fields_of(scope.case_type())
        limited = scope
        for clause in clauses:
            if clause.allowed is not None:
                expression = self._expression(clause, found, scope)
                node = node_of(expression) if isinstance(expression, Field) else None
                if not isinstance(node, FieldNode):
                    raise DmnError(
                        f"{clause.allowed.place} limit {clause.expression.text!r}, which is more than a name; limit the inputs in it"
                    )
                limited = limited.limited(node.path, partial(types.limited, allowed=clause.allowed))
        self.scope = limited
        self.case_type = limited.case_type()
        self.fields = fields_of(self.case_type)
        self.expressions = [self._expression(clause, self.fields, limited) for clause in clauses]
        for clause, expression in zip(clauses, self.expressions, strict=True):
            _check_type(clause, expression, types)

    def _expression(self, clause: InputClause, among: Mapping[str, Field], scope: Scope) -> Expression | Condition:
        cell = clause.expression
        with self._explaining(cell, scope):
            return expression_of(parse_expression(cell.text, self.names, place=cell.place), among, cell.place)

    def condition(self, row: RuleText) -> Condition:
        """When a row applies: the columns from left to right."""
        whole: Condition | None = None
        for cell, expression in zip(row.inputs, self.expressions, strict=True):
            if cell.text in IRRELEVANT:
                continue
            for part in joined(
                self._cell(cell, expression)
            ):  # one after the other, as a row with a cell for each would have them
                whole = part if whole is None else whole & part
        return always if whole is None else whole

    def _cell(self, cell: Cell, expression: Expression | Condition) -> Condition:
        with self._explaining(cell, self.scope):
            tests = parse_unary_tests(cell.text, self.names, place=cell.place)
            return condition_of(tests, expression, self.fields, cell.place)

    @contextmanager
    def _explaining(self, cell: Cell, scope: Scope) -> Iterator[None]:
        try:
            with _naming(cell.place, cell.text):
                yield
        except DmnError as error:
            for name, type_ in scope.not_carried().items():
                if name in cell.text:
                    raise DmnError(
                        f"{cell.place}: {cell.text!r} reads {name}, which is a {type_}, and no condition can compare these"
                    ) from error
            raise


def _check_type(clause: InputClause, expression: Expression | Condition, types: Types) -> None:
    """Refuse a column that says it is of another type than what it reads."""
    if not clause.type_ref:
        return
    said = types.named(clause.type_ref, clause.expression.place)
    if not carried(said):
        raise DmnError(f"{clause.expression.place} is a {said}, which no condition can compare")
    sorts = _SORTS.get(said.name) if isinstance(said, Basic) else None
    if sorts is None:
        return
    actual = "truth" if isinstance(expression, Condition) else node_of(expression).kind.sort
    choices = () if isinstance(expression, Condition) else node_of(expression).kind.choices
    if actual == "choice":  # allowed values, of whichever type they are
        actual = "text" if all(isinstance(choice, str) for choice in choices) else "other"
    if actual not in (*sorts, "other"):
        raise DmnError(f"{clause.expression.place} is said to be a {said}, and is {actual}")


_SORTS: dict[str, tuple[str, ...]] = {
    "string": ("text",),
    "number": ("integer", "decimal", "float"),
    "boolean": ("truth",),
    "date": ("date",),
    "date and time": ("time",),
    "days and time duration": ("duration",),
}


class _Outputs:
    """The columns that a table gives."""

    def __init__(self, text: TableText, types: Types, result: ValueType, names: Mapping[str, Any]) -> None:
        self.clauses = text.outputs
        self.names = names
        self.place = text.place
        of_all = result.item if isinstance(result, Many) else result
        single = len(self.clauses) == 1
        self.types = [
            types.named(clause.type_ref, clause.place, python=clause.python)
            if clause.type_ref
            else _type_of(clause, of_all, single=single)
            for clause in self.clauses
        ]
        self.declared = [
            Output(clause.name or OUTCOME, values=self._values(clause, type_))
            for clause, type_ in zip(self.clauses, self.types, strict=True)
        ]

    def _values(self, clause: OutputClause, type_: ValueType) -> tuple[Value, ...]:
        """The values that an output may have, the most important first."""
        if clause.values is None:
            return ()
        try:
            with _naming(clause.values.place, clause.values.text):
                listed = parse_expression(f"[{clause.values.text}]", (), place=clause.values.place)
                values = evaluate(listed, {}, clause.values.place)
        except DmnError as error:
            raise DmnError(
                f"{clause.values.place}: {clause.values.text!r}: the values of an output are listed one by one ({error})"
            ) from error
        return tuple(self._checked(value, type_, clause.values) for value in values)

    def given(self, cells: tuple[Cell, ...], python: tuple[str, ...]) -> Value | dict[str, Value]:
        """What a row gives."""
        values = [self._constant(cell, type_, own) for cell, type_, own in zip(cells, self.types, python, strict=True)]
        if len(values) == 1:
            return values[0]
        return {output.name: value for output, value in zip(self.declared, values, strict=True)}

    def default(self) -> Any:
        """What the table gives where no row applies; None for nothing."""
        cells = [clause.default for clause in self.clauses]
        given = [cell for cell in cells if cell is not None]
        if not given:
            return None
        if len(given) < len(cells):
            raise DmnError(f"{self.place}: some outputs have a default and some do not; give one to each or to none")
        return self.given(tuple(given), tuple(clause.default_python for clause in self.clauses))

    def _constant(self, cell: Cell, type_: ValueType, python: str) -> Value:
        if cell.text in IRRELEVANT:
            return None
        with _naming(cell.place, cell.text):
            read = parse_expression(cell.text, self.names, place=cell.place)
            if _uses_names(read):
                raise DmnError(
                    f"{cell.place}: {cell.text!r} is computed from other values, which is not supported; an output of a table is a constant"
                )
            value = evaluate(read, {}, cell.place)
        return self._checked(value, Basic("number", python=python) if python else type_, cell)

    def _checked(self, value: Any, type_: ValueType, cell: Cell) -> Value:
        if not isinstance(value, get_args(Value)):
            raise DmnError(
                f"{cell.place}: {cell.text!r} is a {type(value).__name__}, and an output is one simple value"
            )
        with _naming(cell.place, cell.text):
            checked_value: Value = checked(value, type_, "the value")
        return checked_value


def _type_of(clause: OutputClause, result: ValueType, *, single: bool) -> ValueType:
    if single and not (isinstance(result, Structure) and clause.name in result.parts):
        return (
            Basic(result.name, result.allowed, clause.python) if isinstance(result, Basic) and clause.python else result
        )
    return result.parts.get(clause.name, ANY) if isinstance(result, Structure) else ANY


def _uses_names(tree: Test | UnaryTests) -> bool:
    return isinstance(tree, Name) or any(_uses_names(part) for part in parts_of(tree))
