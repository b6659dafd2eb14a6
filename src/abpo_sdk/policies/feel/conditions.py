"""Syntax trees of FEEL as conditions and expressions over the fields of a model.

What the conditions mean is what `abpo_sdk.conditions` says: a value that is reached and missing is an error, where FEEL
would go on with null; `null` in a cell asks whether it is missing, and is asked first.
Source: DMN 1.5, chapter 9 (S-FEEL) and 10.3.2 (semantics of FEEL).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import reduce
from itertools import groupby
from typing import Any

from abpo_sdk.conditions import Condition, Expression, Field, always, never
from abpo_sdk.policies.feel import syntax
from abpo_sdk.policies.feel.comparing import Comparing, Operand, shown, sort_of
from abpo_sdk.policies.feel.constants import computed
from abpo_sdk.policies.feel.syntax import Endpoint, Expr, Interval, Items, Literal, Name, Path, Test, UnaryTests
from abpo_sdk.policies.feel.tokens import normalised

MOST_TESTS = 200
"""The tests of one cell that are no literals (literals may be as many as one likes)."""


def condition_of(
    unary_tests: UnaryTests, of: Expression | Condition, fields: Mapping[str, Field], place: str = ""
) -> Condition:
    """What a cell asks, as a condition about the expression of its input.

    Args:
        unary_tests: the cell.
        of: the expression of the input; a condition counts as true or false.
        fields: the fields that the names in the cell stand for.
        place: where the cell stands; every error begins with it.

    Raises:
        FeelError: what the cell asks cannot be asked of the input; names place, construct and types.

    >>> from typing import TypedDict
    >>> from abpo_sdk.conditions import fields
    >>> from abpo_sdk.policies.feel.parsing import parse_unary_tests
    >>> Case = TypedDict("Case", {"Age": int, "Retirement Age": int})
    >>> names = {name: fields(Case)[name] for name in Case.__annotations__}
    >>> cell = parse_unary_tests("< 18, >= Retirement Age", names)
    >>> condition_of(cell, names["Age"], names).text()
    'Age < 18 or Age >= Retirement Age'
    """
    reader = _Reader(fields, place, of)
    if not unary_tests.tests:
        return always
    condition: Condition = reader.guarded(lambda: reader.any_test(unary_tests.tests, of), unary_tests)
    return ~condition if unary_tests.negated else condition


def expression_of(expr: Expr, fields: Mapping[str, Field], place: str = "") -> Expression | Condition:
    """An expression over fields, such as that of an input.

    Raises:
        FeelError: it cannot be had for a case; names place, construct and types.

    >>> from typing import TypedDict
    >>> from abpo_sdk.conditions import fields
    >>> from abpo_sdk.policies.feel.parsing import parse_expression
    >>> Case = TypedDict("Case", {"total": int, "ordered": int})
    >>> names = {name: fields(Case)[name] for name in Case.__annotations__}
    >>> expression_of(parse_expression("abs(total - ordered)", names), names)
    <expression abs(total - ordered)>
    """
    reader = _Reader(fields, place, None)
    found = reader.guarded(lambda: reader.operand(expr), expr)
    if not isinstance(found, (Expression, Condition)):
        raise reader.refused(expr, "is the same for every case, and so is no input")
    return found


class _Reader(Comparing):
    __slots__ = ("fields", "of")

    def __init__(self, fields: Mapping[str, Field], place: str, of: Expression | Condition | None) -> None:
        super().__init__(place)
        self.fields = {normalised(name): field for name, field in fields.items()}
        self.of = of

    # --- tests ---

    def any_test(self, tests: tuple[Test, ...], of: Operand) -> Condition:
        """Whether one test holds of something."""
        flat = [item for test in tests for item in (test.items if isinstance(test, Items) else (test,))]
        if not flat:
            return never
        missing = [test for test in flat if test == Literal(None)]
        rest = [test for test in flat if test != Literal(None)]
        parts = [self.compare(missing[0], of, "=", None)] if missing else []
        for plain, group in groupby(rest, key=lambda test: isinstance(test, Literal)):
            if plain and isinstance(of, Expression):
                parts.append(self.one_of(list(group), of))
            else:
                parts += [self.guarded(lambda test=test: self.test(test, of), test) for test in group]  # type: ignore[misc]
        if len(parts) > MOST_TESTS:
            raise self.refused(UnaryTests(tests), f"has {len(parts)} tests, and at most {MOST_TESTS} are read")
        return reduce(lambda one, other: one | other, parts)

    def one_of(self, items: list[Test], of: Expression) -> Condition:
        if len(items) == 1 and isinstance(items[0], Literal):
            return self.compare(items[0], of, "=", items[0].value)
        values = [self.fit(item, item.value, of) for item in items if isinstance(item, Literal)]
        condition: Condition = self.guarded(lambda: of.is_in(*values), UnaryTests(tuple(items)))
        return condition

    def test(self, test: Test, of: Operand) -> Condition:
        if isinstance(test, Endpoint):
            return self.compare(test, of, test.operator, self.operand(test.value))
        if isinstance(test, Interval):
            low, high = self.operand(test.low), self.operand(test.high)
            if low is None or high is None:
                raise self.refused(test, "has an end that is null")
            above = self.compare(test, of, ">=" if test.low_closed else ">", low)
            return above & self.compare(test, of, "<=" if test.high_closed else "<", high)
        if syntax.uses_input(test):
            return self.truth(test)
        found = self.operand(test)
        truth = isinstance(found, Condition) or sort_of(found) == "truth"
        if not truth or sort_of(of) == "truth":
            return self.compare(test, of, "=", found)
        if sort_of(of) == "other":
            raise self.refused(test, f"may be true, or equal to {shown(of)}, whose type is not declared")
        return self.truth(test)

    # --- expressions ---

    def truth(self, tree: Expr) -> Condition:
        """An expression as a condition."""
        match tree:
            case syntax.Both(left, right):
                return self.truth(left) & self.truth(right)
            case syntax.Either(left, right):
                return self.truth(left) | self.truth(right)
            case syntax.Not(part):
                return ~self.truth(part)
            case syntax.Comparison(operator, left, right):
                return self.compare(tree, self.operand(left), operator, self.operand(right))
            case syntax.Among(value, tests):
                return self.any_test(tests, self.operand(value))
            case Literal(bool() as value):
                return always if value else never
        found = self.operand(tree)
        if isinstance(found, Condition):
            return found
        if sort_of(found) != "truth":
            raise self.refused(tree, "is used as true or false, and is neither")
        condition: Condition = found == True  # noqa: E712
        return condition

    def operand(self, tree: Test) -> Operand:
        match tree:
            case Literal(value):
                return value
            case Name(name):
                if name not in self.fields:
                    raise self.refused(tree, f"is not known; there is {', '.join(self.fields)}")
                return self.fields[name]
            case Path(of, name):
                owner = self.operand(of)
                if not isinstance(owner, Field):
                    raise self.refused(tree, "is no path to a field")
                return self.guarded(lambda: owner[name], tree)
            case syntax.Input():
                if self.of is None:
                    raise self.refused(tree, "stands for the input of a cell, and this is no cell")
                return self.of
            case syntax.Negation(part):
                return self.negated(tree, self.operand(part))
            case syntax.Arithmetic(operator, left, right):
                return self.arithmetic(tree, operator, self.operand(left), self.operand(right))
            case syntax.Call("abs", (part,)):
                return self.absolute(tree, self.operand(part))
            case syntax.Comparison() | syntax.Both() | syntax.Either() | syntax.Not() | syntax.Among():
                return self.truth(tree)
            case syntax.Call(function, _):
                raise self.refused(tree, f"cannot be used: the function call `{function}(...)` is not supported here")
            case _:
                what = {Items: "a list", Interval: "an interval", syntax.Entries: "a context", syntax.Choice: "`if`"}
                raise self.refused(tree, f"cannot be used: {what.get(type(tree), 'this')} is not supported here")

    def arithmetic(self, tree: Expr, operator: str, left: Operand, right: Operand) -> Operand:
        for side in (left, right):
            if side is None or isinstance(side, Condition):
                raise self.refused(tree, f"computes with {'null' if side is None else 'true or false'}")
        if not isinstance(left, Expression) and not isinstance(right, Expression):
            return self.constant(tree, operator, left, right)
        if operator not in _COMPUTE:
            raise self.refused(tree, f"cannot be used: {operator} of a field is not supported")
        if not isinstance(left, Expression):
            left = self.fit(tree, left, right, operator)
        elif not isinstance(right, Expression):
            right = self.fit(tree, right, left, operator)
        return self.guarded(lambda: _COMPUTE[operator](left, right), tree)

    def negated(self, tree: Expr, part: Operand) -> Operand:
        if isinstance(part, Expression):
            return self.guarded(lambda: -part, tree)
        if type(part) is Decimal:
            return part.copy_negate()
        return self.constant(tree, "-", dt.timedelta(0), part)

    def absolute(self, tree: Expr, part: Operand) -> Operand:
        if isinstance(part, Expression):
            return self.guarded(lambda: abs(part), tree)
        if type(part) is not Decimal:
            raise self.refused(tree, "has no value")
        return part.copy_abs()

    def constant(self, tree: Expr, operator: str, left: Operand, right: Operand) -> Operand:
        try:
            value = computed(operator, left, right)
        except ValueError as error:
            raise self.refused(tree, f"has no value: {error}") from None
        if value is None:
            raise self.refused(tree, "has no value, as a division by nought has none")
        return value


_COMPUTE: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
