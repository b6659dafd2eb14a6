"""Conditions and expressions as FEEL: cells of decision tables, and expressions of inputs.

Whatever is written is read back before it is given, and given only where it then says the same.
Source: DMN 1.5, chapter 9 and 10.3.1.2.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from abpo_sdk.conditions import Condition, Expression, Field
from abpo_sdk.conditions.always import Always, Never
from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.condition import Both, Either, Not
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.kinds import NUMBERS
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode, FieldNode, Node
from abpo_sdk.errors import ConditionError, FeelError
from abpo_sdk.policies.feel import syntax
from abpo_sdk.policies.feel.conditions import condition_of, expression_of
from abpo_sdk.policies.feel.parsing import parse_expression, parse_unary_tests
from abpo_sdk.policies.feel.syntax import Endpoint, Expr, Input, Interval, Literal, Name, Test, UnaryTests
from abpo_sdk.policies.feel.writing import decimal_of, feel_text, text_of

NameOf = Callable[[FieldNode], str]
"""What a field is called in the text."""

_SIGNS = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def dotted(field: FieldNode) -> str:
    """The name of a field as a path: `Applicant.Age`."""
    return field.name


def unary_tests_of(condition: Condition, of: Expression | Condition, name_of: NameOf = dotted) -> str | None:
    """The cell that asks what a condition asks, in the column of an expression; None where no cell can.

    Args:
        condition: what the cell is to ask.
        of: the expression of the column; in that of a condition, cells are `true` and `false`.
        name_of: what other fields are called.

    >>> from typing import TypedDict
    >>> from abpo_sdk.conditions import fields
    >>> Case = TypedDict("Case", {"Age": int, "Limit": int})
    >>> age, limit = fields(Case)["Age"], fields(Case)["Limit"]
    >>> unary_tests_of((age >= 18) & (age < 65), age), unary_tests_of(~age.is_in(1, 2), age), unary_tests_of(limit > 5, age)
    ('[18..65)', 'not(1, 2)', None)
    """
    try:
        cell = _Writer(of, name_of).cell(condition)
        text = text_of(cell)
        names = _names((condition, of), name_of)
        read = condition_of(parse_unary_tests(text, names), of, names)
    except (FeelError, ConditionError):
        return None
    return text if _meaning(read.structure()) == _meaning(condition.structure()) else None


def expression_text(thing: Node | Expression | Condition, name_of: NameOf = dotted) -> str:
    """An expression, or a condition, as an expression of FEEL.

    Args:
        thing: what is written.
        name_of: what fields are called.

    Raises:
        FeelError: FEEL cannot say it, or what it would say is not read back as the same.

    >>> from typing import TypedDict
    >>> from abpo_sdk.conditions import fields
    >>> Case = TypedDict("Case", {"total": Decimal, "ordered": Decimal})
    >>> total, ordered = fields(Case)["total"], fields(Case)["ordered"]
    >>> expression_text(abs(total - ordered) <= ordered * 2)
    'abs(total - ordered) <= ordered * 2'
    """
    writer = _Writer(None, name_of)
    text = text_of(writer.truth(thing) if isinstance(thing, Condition) else writer.expression(_node(thing)))
    names = _names((thing,), name_of)
    try:
        read = expression_of(parse_expression(text, names), names)
    except FeelError as error:
        raise FeelError(f"({_shown(thing)}) cannot be written in FEEL: {error}") from None
    if _meaning(_structure(read)) != _meaning(_structure(thing)):
        raise FeelError(f"({_shown(thing)}) cannot be written in FEEL: it would be read as ({_shown(read)})")
    return text


class _Writer:
    """Makes syntax trees; what equals the column's expression becomes `?`."""

    __slots__ = ("name_of", "of", "of_structure")

    def __init__(self, of: Expression | Condition | None, name_of: NameOf) -> None:
        self.of = of
        self.of_structure = None if of is None else _structure(of)
        self.name_of = name_of

    def is_input(self, thing: Node) -> bool:
        return self.of_structure is not None and thing.structure() == self.of_structure

    def cell(self, condition: Condition) -> UnaryTests:
        if isinstance(condition, Always):
            return UnaryTests()
        if isinstance(self.of, Condition):
            return UnaryTests((Literal(self.answer(condition, self.of)),))
        if isinstance(condition, Not):
            return UnaryTests(self.tests(condition.part), negated=True)
        if isinstance(condition, Comparison) and condition.operator == "!=" and self.is_input(condition.left):
            return UnaryTests((self.expression(condition.right),), negated=True)
        return UnaryTests(self.tests(condition))

    def answer(self, condition: Condition, of: Condition) -> bool:
        """Which answer of a condition's column another condition asks for."""
        if condition.structure() == of.structure():
            return True
        if condition.structure() == (~of).structure():
            return False
        raise FeelError(f"({condition.text()}) is not about ({of.text()})")

    def tests(self, condition: Condition) -> tuple[Test, ...]:
        match condition:
            case Either():
                return tuple(test for part in condition.parts() for test in self.tests(part))
            case Membership() if self.is_input(condition.item):
                return tuple(_literal(value) for value in condition.among)
            case Missing() if self.is_input(condition.field):
                return (Literal(None),)
            case Comparison() if self.is_input(condition.left) and condition.operator != "!=":
                right = self.expression(condition.right)
                if syntax.uses_input(right):  # what compares `?` with itself is no simple test
                    return (self.about_input(condition),)
                return (right if condition.operator == "==" else Endpoint(condition.operator, right),)
            case Both():
                return (self.interval(condition) or self.about_input(condition),)
        return (self.about_input(condition),)

    def interval(self, condition: Both) -> Interval | None:
        above, below = condition.parts()
        if not (
            isinstance(above, Comparison)
            and isinstance(below, Comparison)
            and above.operator in (">", ">=")
            and below.operator in ("<", "<=")
            and self.is_input(above.left)
            and self.is_input(below.left)
        ):
            return None
        low, high = self.expression(above.right), self.expression(below.right)
        return Interval(low, high, low_closed=above.operator == ">=", high_closed=below.operator == "<=")

    def about_input(self, condition: Condition) -> Expr:
        """A condition as an expression in which `?` stands."""
        tree = self.truth(condition)
        if not syntax.uses_input(tree):
            raise FeelError(f"({condition.text()}) is not about ({'' if self.of is None else _shown(self.of)})")
        return tree

    def truth(self, condition: Condition) -> Expr:
        match condition:
            case Always() | Never():
                return Literal(bool(condition.settled))
            case Both():
                left, right = condition.parts()
                return syntax.Both(self.truth(left), self.truth(right))
            case Either():
                left, right = condition.parts()
                return syntax.Either(self.truth(left), self.truth(right))
            case Not(part=Missing() as part):
                return syntax.Comparison("!=", self.expression(part.field), Literal(None))
            case Not():
                return syntax.Not(self.truth(condition.part))
            case Missing():
                return syntax.Comparison("=", self.expression(condition.field), Literal(None))
            case Comparison():
                sign = _SIGNS[condition.operator]
                return syntax.Comparison(sign, self.expression(condition.left), self.expression(condition.right))
            case Membership():
                return syntax.Among(
                    self.expression(condition.item), tuple(_literal(value) for value in condition.among)
                )
        raise FeelError(f"({condition.text()}) cannot be written in FEEL")

    def expression(self, node: Node) -> Expr:
        if self.is_input(node):
            return Input()
        match node:
            case FieldNode():
                return Name(self.name_of(node))
            case ConstantNode():
                return _literal(node.value)
            case ArithmeticNode():
                return syntax.Arithmetic(node.operator, self.expression(node.left), self.expression(node.right))
            case AbsoluteNode():
                return syntax.Call("abs", (self.expression(node.part),))
        raise FeelError(f"{node.written(None)} cannot be written in FEEL")


def _literal(value: Any) -> Literal:
    if isinstance(value, enum.Enum):
        return _literal(value.value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        feel_text(value)  # refuses what has no text
        return Literal(decimal_of(value))
    feel_text(value)
    return Literal(value)


def _names(things: tuple[Node | Expression | Condition, ...], name_of: NameOf) -> dict[str, Field]:
    """The fields of some things by what they are called.

    Raises:
        FeelError: two are called the same.
    """
    names: dict[str, Field] = {}
    for thing in things:
        for node in thing.fields() if isinstance(thing, Condition) else _node(thing).fields():
            name = name_of(node)
            known = names.setdefault(name, Field(node))
            if node_of(known).structure() != node.structure():
                raise FeelError(f"two fields are called {name!r} in FEEL")
    return names


def _node(thing: Node | Expression) -> Node:
    return thing if isinstance(thing, Node) else node_of(thing)


def _structure(thing: Node | Expression | Condition) -> Any:
    return thing.structure() if isinstance(thing, Condition) else _node(thing).structure()


def _shown(thing: Node | Expression | Condition) -> str:
    return thing.text() if isinstance(thing, Condition) else _node(thing).written(None)


def _meaning(structure: Any, operator: str = "") -> Any:
    """A structure in which equal numbers are equal, of whatever type, as far as their type changes no result."""
    if isinstance(structure, dict):
        if "constant" in structure and structure.get("sort") in NUMBERS:
            return _number(structure, operator)
        inside = structure.get("op", "")
        return {key: _meaning(part, inside if inside in "+-*/" else "") for key, part in structure.items()}
    return [_meaning(part) for part in structure] if isinstance(structure, list) else structure


def _number(structure: dict[str, Any], operator: str) -> dict[str, Any]:
    value = Decimal(structure["constant"].replace(",", ""))
    if structure["sort"] == "float" and (operator or Decimal(float(value)) != value):
        return structure
    return structure if operator == "/" else {"constant": value}  # of two whole numbers, `/` gives a float
