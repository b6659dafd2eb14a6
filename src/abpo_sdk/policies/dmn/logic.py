"""The logic of decisions, ready to decide: tables, literal expressions, contexts, invocations and the functions that these call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from abpo_sdk.errors import MistypedInput, NoRuleApplies
from abpo_sdk.policies.dmn.definitions import Cell
from abpo_sdk.policies.dmn.types import Basic, ValueType, checked
from abpo_sdk.policies.feel import Expr, evaluate, text_of
from abpo_sdk.values.encoded import JsonValue

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

Values: TypeAlias = Mapping[str, Any]
"""What the names of an expression stand for."""


@dataclass(frozen=True, slots=True)
class TableLogic:
    """A decision table."""

    table: DecisionTable

    def value(self, values: Values) -> Any:
        """What the table gives; None where no row applies and it has no default (DMN 1.5, 8.2.11)."""
        names = self.table.case_type.__annotations__
        try:
            return self.table.result({name: values[name] for name in names})
        except NoRuleApplies:
            return None

    def meaning(self) -> JsonValue:
        """The same for the same table alone."""
        return {"table": self.table.version}


@dataclass(frozen=True, slots=True)
class LiteralLogic:
    """A literal expression, read."""

    expression: Expr
    cell: Cell
    functions: Mapping[str, Function]

    def value(self, values: Values) -> Any:
        """What the expression is."""
        return evaluate(self.expression, {**self.functions, **values}, self.cell.place)

    def meaning(self) -> JsonValue:
        """The same for the same expression alone, however it is spaced."""
        return {"expression": text_of(self.expression), "functions": _meanings(self.functions)}


@dataclass(frozen=True, slots=True)
class ContextPart:
    """An entry of a boxed context; without a name it is the result."""

    name: str
    type: ValueType
    logic: BuiltLogic


@dataclass(frozen=True, slots=True)
class ContextLogic:
    """A boxed context, whose entries may use those above; what stands last without a name is the result."""

    entries: tuple[ContextPart, ...]

    def value(self, values: Values) -> Any:
        """The result, or all entries by name."""
        own: dict[str, Any] = {}
        for entry in self.entries:
            value = entry.logic.value({**values, **own})
            if not entry.name:
                return value
            own[entry.name] = value
        return own

    def meaning(self) -> JsonValue:
        """The same for the same context alone."""
        return {"context": [[entry.name, entry.logic.meaning()] for entry in self.entries]}


@dataclass(frozen=True, slots=True)
class InvocationLogic:
    """A function, called with its parameters by name."""

    function: Function
    bindings: Mapping[str, BuiltLogic]

    def value(self, values: Values) -> Any:
        """What the function gives."""
        return self.function.called({name: logic.value(values) for name, logic in self.bindings.items()})

    def meaning(self) -> JsonValue:
        """The same for the same invocation alone."""
        bound: dict[str, JsonValue] = {name: logic.meaning() for name, logic in self.bindings.items()}
        return {"invocation": self.function.meaning(), "bindings": bound}


@dataclass(frozen=True, slots=True)
class Function:
    """A business knowledge model."""

    name: str
    parameters: Mapping[str, ValueType]
    type: ValueType
    body: BuiltLogic

    def __call__(self, *arguments: Any) -> Any:
        """What it gives for arguments in the order of its parameters.

        Raises:
            MistypedInput: they are too few or too many, or one is of another type than its parameter.
        """
        if len(arguments) != len(self.parameters):
            raise MistypedInput(
                f"{self.name}({', '.join(self.parameters)}) was called with {len(arguments)} arguments; it has {len(self.parameters)}"
            )
        return self.called(dict(zip(self.parameters, arguments, strict=True)))

    def called(self, arguments: Values) -> Any:
        """What it gives for arguments by name.

        Raises:
            MistypedInput: one is of another type than its parameter.
        """
        return self.body.value(
            {n: checked(arguments.get(n), type_, f"{self.name}({n})") for n, type_ in self.parameters.items()}
        )

    def meaning(self) -> JsonValue:
        """The same for the same function alone."""
        return {"parameters": [[n, str(type_)] for n, type_ in self.parameters.items()], "body": self.body.meaning()}


BuiltLogic: TypeAlias = TableLogic | LiteralLogic | ContextLogic | InvocationLogic


def conforming(value: Any, type_: ValueType, name: str) -> Any:
    """What a decision gives, where its type is a basic one; a table's values were checked when it was read.

    Raises:
        MistypedInput: it is of another type than the model says.
    """
    return checked(value, type_, name) if isinstance(type_, Basic) else value


def _meanings(functions: Mapping[str, Function]) -> JsonValue:
    return {name: function.meaning() for name, function in functions.items()}


def functions_of(logic: BuiltLogic) -> dict[str, Function]:
    """The functions that logic calls by itself, by name."""
    if isinstance(logic, LiteralLogic):
        return dict(logic.functions)
    if isinstance(logic, ContextLogic):
        return {name: f for entry in logic.entries for name, f in functions_of(entry.logic).items()}
    if isinstance(logic, InvocationLogic):
        bound = {name: f for part in logic.bindings.values() for name, f in functions_of(part).items()}
        return {logic.function.name: logic.function, **bound}
    return {}
