"""From what a file says to decisions that can be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.errors import AbpoError, DmnError
from abpo_sdk.policies.dmn.definitions import (
    Cell,
    ContextText,
    DecisionText,
    Definitions,
    InvocationText,
    KnowledgeText,
    LiteralText,
    Logic,
    NoLogic,
    TableText,
)
from abpo_sdk.policies.dmn.item_definitions import Types
from abpo_sdk.policies.dmn.logic import (
    BuiltLogic,
    ContextLogic,
    ContextPart,
    Function,
    InvocationLogic,
    LiteralLogic,
    TableLogic,
)
from abpo_sdk.policies.dmn.requirements import Requirements
from abpo_sdk.policies.dmn.scope import Scope, fields_of
from abpo_sdk.policies.dmn.tables import MakeTable, table_of
from abpo_sdk.policies.dmn.types import ANY, Basic, Many, Structure, ValueType, type_of_values
from abpo_sdk.policies.feel import evaluate, expression_of, parse_expression

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable


@dataclass(frozen=True, slots=True)
class MadeDecision:
    """A decision: its name, what it requires by name, and how it is made."""

    name: str
    variable: str
    type: ValueType
    inputs: tuple[str, ...]
    decisions: tuple[str, ...]
    logic: BuiltLogic


class Builder:
    """Makes the decisions of a file.

    Args:
        definitions: what the file says.
        requirements: which decisions, and what they require.
        make: makes a table.
    """

    def __init__(self, definitions: Definitions, requirements: Requirements, make: MakeTable) -> None:
        self.definitions = definitions
        self.requirements = requirements
        self.types = Types(definitions.items)
        self._make = make
        self._made: dict[str, MadeDecision] = {}
        self._functions: dict[str, Function] = {}
        self._open: list[str] = []
        self.inputs: dict[str, ValueType] = {}
        """The inputs of the decisions that were made, and their types."""

    def decision(self, text: DecisionText) -> MadeDecision:
        """A decision; those that it requires come first.

        Raises:
            DmnError: something of it is not supported, or does not fit.
        """
        if text.name not in self._made:
            self._made[text.name] = self._decision(text)
        return self._made[text.name]

    def _decision(self, text: DecisionText) -> MadeDecision:
        inputs = {
            i.name: self.types.named(i.type_ref, i.place, python=i.python) for i in self.requirements.inputs_of(text)
        }
        required = self.requirements.decisions_of(text)
        decisions = {d.variable: self._type_of(d) for d in required}
        if not inputs and not decisions and isinstance(text.logic, TableText):
            inputs = self._undeclared(text.logic)
        clash = inputs.keys() & decisions.keys()
        if clash:
            raise DmnError(f"{text.place} requires two things called {', '.join(sorted(clash))}")
        for name, type_ in inputs.items():
            if self.inputs.setdefault(name, type_) != type_:
                raise DmnError(f"{text.place} reads {name!r} as {type_}, and elsewhere it is {self.inputs[name]}")
        declared = self.types.named(text.type_ref, text.place)
        scope = Scope(text.own.get("caseType", text.name), {**inputs, **decisions})
        functions = {k.name: self._function(k) for k in self.requirements.knowledge_of(text)}
        logic, type_ = self._logic(
            text.logic, text.name, text.place, scope, declared, functions, owner=text.own.get("owner")
        )
        return MadeDecision(text.name, text.variable, type_, tuple(inputs), tuple(d.name for d in required), logic)

    def _type_of(self, text: DecisionText) -> ValueType:
        declared = self.types.named(text.type_ref, text.place)
        return declared if declared != ANY else self.decision(text).type

    def _undeclared(self, table: TableText) -> dict[str, ValueType]:
        """The inputs of a table whose decision requires nothing: the names in its columns, as Camunda's modeler writes them."""
        found: dict[str, ValueType] = {}
        for clause in table.inputs:
            name, place = clause.expression.text, clause.expression.place
            parse_expression(name, (name,), place=place)
            type_ = self.types.named(clause.type_ref, place)
            if found.setdefault(name, type_) != type_:
                raise DmnError(f"{place} is of the type {type_}, and in another column {found[name]}")
        return found

    def _function(self, text: KnowledgeText) -> Function:
        if text.name in self._open:
            circle = " -> ".join((*self._open[self._open.index(text.name) :], text.name))
            raise DmnError(f"{text.place} requires itself ({circle}); recursion is not supported")
        if text.name not in self._functions:
            self._open.append(text.name)
            parameters = {
                name: self.types.named(ref, f"{text.place}, parameter {name!r}") for name, ref in text.parameters
            }
            functions = {k.name: self._function(k) for k in self.requirements.knowledge_of(text)}
            logic, type_ = self._logic(
                text.logic,
                text.name,
                text.place,
                Scope(text.name, parameters),
                self.types.named(text.type_ref, text.place),
                functions,
            )
            self._functions[text.name] = Function(text.name, parameters, type_, logic)
            self._open.pop()
        return self._functions[text.name]

    def _logic(
        self,
        logic: Logic,
        name: str,
        place: str,
        scope: Scope,
        declared: ValueType,
        functions: Mapping[str, Function],
        *,
        owner: str | None = None,
    ) -> tuple[BuiltLogic, ValueType]:
        """Logic that can be used, and the type of what it gives, as far as that is known."""
        if isinstance(logic, NoLogic):
            raise DmnError(f"{place} {logic.problem}")
        if isinstance(logic, TableText):
            exactly = self.definitions.own
            table = table_of(self._make, logic, name, scope, self.types, declared, owner=owner, exactly=exactly)
            return TableLogic(table), declared if declared != ANY else type_of_table(table)
        if isinstance(logic, LiteralText):
            literal = self._literal(logic.cell, scope, functions)
            return literal, declared if declared != ANY else _type_of_expression(literal, scope)
        if isinstance(logic, InvocationText):
            called = functions.get(logic.called.text)
            if called is None:
                known = ", ".join(functions) or "none"
                raise DmnError(
                    f"{logic.called.place}: {logic.called.text!r} is no business knowledge model that it requires ({known})"
                )
            for parameter in logic.bindings:
                if parameter not in called.parameters:
                    known = ", ".join(called.parameters) or "none"
                    raise DmnError(f"{logic.place}: {called.name} has no parameter {parameter!r}; it has {known}")
            bindings = {
                n: self._logic(
                    part, f"{name} {n}", f"{logic.place}, parameter {n!r}", scope, called.parameters[n], functions
                )[0]
                for n, part in logic.bindings.items()
            }
            return InvocationLogic(called, bindings), declared
        return self._context(logic, name, scope, declared, functions)

    def _context(
        self, text: ContextText, name: str, scope: Scope, declared: ValueType, functions: Mapping[str, Function]
    ) -> tuple[BuiltLogic, ValueType]:
        entries: list[ContextPart] = []
        types: dict[str, ValueType] = {}
        for entry in text.entries:
            said = self.types.named(entry.type_ref, entry.place) if entry.name else declared
            logic, type_ = self._logic(entry.logic, f"{name} {entry.name}".strip(), entry.place, scope, said, functions)
            entries.append(ContextPart(entry.name, type_, logic))
            if not entry.name:
                return ContextLogic(tuple(entries)), type_
            types[entry.name] = type_
            scope = scope.with_(entry.name, type_)
        return ContextLogic(tuple(entries)), declared if declared != ANY else Structure(name, types)

    def _literal(self, cell: Cell, scope: Scope, functions: Mapping[str, Function]) -> LiteralLogic:
        if not cell.text:
            raise DmnError(f"{cell.place} is empty")
        expression = parse_expression(cell.text, {**scope.names, **dict.fromkeys(functions)}, place=cell.place)
        return LiteralLogic(expression, cell, functions)


def _type_of_expression(literal: LiteralLogic, scope: Scope) -> ValueType:
    """The type of an expression, where it is a constant or conditions could state it; any otherwise."""
    try:
        return type_of_values([evaluate(literal.expression, {}, literal.cell.place)])
    except AbpoError:
        pass  # it is no constant
    try:
        expression = expression_of(literal.expression, fields_of(scope.case_type()), literal.cell.place)
    except AbpoError:
        return ANY
    if isinstance(expression, Condition):
        return Basic("boolean")
    kind = node_of(expression).kind
    return Basic(_BASIC[kind.sort]) if kind.sort in _BASIC else ANY


def type_of_table(table: DecisionTable) -> ValueType:
    """The type of what a table gives, as far as its values have one."""
    if table.aggregation is not None:
        return Basic("number")
    rows = table.values if table.default is None else (*table.values, table.default)
    outputs = {
        output.name: type_of_values([*(row[n] for row in rows), *output.values])
        for n, output in enumerate(table.outputs)
    }
    whole = Structure(table.name, outputs) if len(outputs) > 1 else next(iter(outputs.values()))
    return whole if table.single else Many(whole)


_BASIC = {
    "integer": "number",
    "decimal": "number",
    "text": "string",
    "truth": "boolean",
    "date": "date",
    "time": "date and time",
    "duration": "days and time duration",
}
