"""Evaluates an expression of FEEL on values: literal expressions, and what stands in outputs.

Null goes through as FEEL has it (DMN 1.5, 10.3.2): arithmetic with null is null, `and` and `or` know
three values, an order with null is null. But where FEEL answers null because the types do not fit, this is an error.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import syntax
from abpo_sdk.policies.feel.constants import DECIMAL128, computed
from abpo_sdk.policies.feel.syntax import Endpoint, Expr, Interval, Items, Literal, Name, Path, Test
from abpo_sdk.policies.feel.tokens import normalised
from abpo_sdk.policies.feel.writing import text_of

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def evaluate(expr: Expr, context: Mapping[str, Any], place: str = "") -> Any:
    """The value of an expression.

    Args:
        expr: the expression.
        context: what the names in it stand for; what is callable is called by position.
        place: where the expression stands; every error begins with it.

    Raises:
        FeelError: it has no value, because of types, an unknown name, or bounds; names place and construct.

    >>> from abpo_sdk.policies.feel.parsing import parse_expression
    >>> context = {"Monthly Salary": 1000}
    >>> evaluate(parse_expression("12 * Monthly Salary", context), context)
    Decimal('12000')
    """
    return _Evaluation({normalised(name): value for name, value in context.items()}, place).value(expr)


class _Evaluation:
    __slots__ = ("context", "place")

    def __init__(self, context: Mapping[str, Any], place: str) -> None:
        self.context = context
        self.place = place

    def refused(self, tree: Test, what: str) -> FeelError:
        return FeelError(f"{self.place}: `{text_of(tree)}` {what}" if self.place else f"`{text_of(tree)}` {what}")

    def value(self, tree: Expr) -> Any:
        match tree:
            case Literal(value):
                return value
            case Name(name):
                if name not in self.context:
                    raise self.refused(tree, f"is not known; there is {', '.join(self.context) or 'nothing'}")
                return self.plain(tree, self.context[name])
            case Path(of, name):
                return self.component(tree, self.value(of), name)
            case syntax.Negation(part):
                return self.negated(tree, self.value(part))
            case syntax.Arithmetic(operator, left, right):
                return self.arithmetic(tree, operator, self.value(left), self.value(right))
            case syntax.Comparison(operator, left, right):
                return self.compare(tree, operator, self.value(left), self.value(right))
            case syntax.Both(left, right):
                return self.joined(tree, left, right, decisive=False)
            case syntax.Either(left, right):
                return self.joined(tree, left, right, decisive=True)
            case syntax.Not(part):
                truth = self.truth(part)
                return None if truth is None else not truth
            case syntax.Among(value, tests):
                return self.among(tests, self.value(value))
            case syntax.Choice(condition, one, other):
                return self.value(one if self.truth(condition) else other)
            case Items(items):
                return [self.value(item) for item in items]
            case syntax.Entries(entries):
                return self.entries(entries)
            case syntax.Call(function, arguments):
                return self.called(tree, function, [self.value(argument) for argument in arguments])
            case _:
                raise self.refused(tree, "has no value here")

    def plain(self, tree: Expr, value: Any) -> Any:
        """A value of the context as FEEL computes with it: every number a decimal, every enumeration its value."""
        if isinstance(value, enum.Enum):
            value = value.value
        if isinstance(value, (bool, str)) or value is None:
            return value
        if isinstance(value, int):
            return Decimal(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self.refused(tree, f"is {value}, which is no number that can be computed with")
            return Decimal(repr(value))
        if isinstance(value, dt.datetime) and value.tzinfo is None:
            raise self.refused(tree, f"is {value.isoformat()}, a time without a zone")
        return value

    def entries(self, entries: tuple[tuple[str, Expr], ...]) -> dict[str, Any]:
        """A context, whose later entries may name its earlier ones."""
        result: dict[str, Any] = {}
        for name, part in entries:
            result[name] = _Evaluation({**self.context, **result}, self.place).value(part)
        return result

    def component(self, tree: Expr, owner: Any, name: str) -> Any:
        if owner is None:
            return None
        if not isinstance(owner, Mapping):
            raise self.refused(tree, f"is no path: what stands before the last dot is a {type(owner).__name__}")
        found = next((key for key in owner if key == name or (isinstance(key, str) and normalised(key) == name)), None)
        if found is None:
            raise self.refused(tree, f"is not there; there is {', '.join(map(str, owner)) or 'nothing'}")
        return self.plain(tree, owner[found])

    def negated(self, tree: Expr, part: Any) -> Any:
        if isinstance(part, dt.timedelta):
            return -part
        if part is not None and type(part) is not Decimal:
            raise self.refused(tree, f"has no value: {part!r} has no negative")
        return None if part is None else part.copy_negate()

    def arithmetic(self, tree: Expr, operator: str, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        try:
            return computed(operator, left, right)
        except ValueError as error:
            raise self.refused(tree, f"has no value: {error}") from None

    def truth(self, tree: Expr) -> bool | None:
        value = self.value(tree)
        if value is not None and not isinstance(value, bool):
            raise self.refused(tree, f"is {value!r} where true or false is needed")
        return value

    def joined(self, tree: Expr, left: Expr, right: Expr, *, decisive: bool) -> bool | None:
        """`and`, where false decides, or `or`, where true does."""
        one = self.truth(left)
        if one is decisive:
            return one
        other = self.truth(right)
        if other is decisive:
            return other
        return None if one is None or other is None else not decisive

    def compare(self, tree: Test, operator: str, left: Any, right: Any) -> bool | None:
        if left is None or right is None:
            return (left is right) is (operator == "=") if operator in ("=", "!=") else None
        unlike = type(left) is not type(right) and not (isinstance(left, Mapping) and isinstance(right, Mapping))
        if unlike or (operator in _ORDER and isinstance(left, (bool, Mapping, Sequence)) and not isinstance(left, str)):
            raise self.refused(tree, f"compares {left!r} {operator} {right!r}, which do not compare")
        if operator in _ORDER:
            return _ORDER[operator](left, right)
        return bool(left == right) is (operator == "=")

    def among(self, tests: tuple[Test, ...], value: Any) -> bool | None:
        """Whether one of the tests holds of a value: true, else null where one is null, else false."""
        answers = [self.test(test, value) for test in tests]
        return True if True in answers else None if None in answers else False

    def test(self, test: Test, value: Any) -> bool | None:
        if isinstance(test, Endpoint):
            return self.compare(test, test.operator, value, self.value(test.value))
        if isinstance(test, Interval):
            above = self.compare(test, ">=" if test.low_closed else ">", value, self.value(test.low))
            below = self.compare(test, "<=" if test.high_closed else "<", value, self.value(test.high))
            return False if above is False or below is False else None if above is None or below is None else True
        if isinstance(test, Items):
            return self.among(test.items, value)
        other = self.value(test)
        if isinstance(other, list) and not isinstance(value, list):
            return any(self.compare(test, "=", value, self.plain(test, item)) for item in other)
        return self.compare(test, "=", value, other)

    def called(self, tree: Expr, function: str, arguments: list[Any]) -> Any:
        known = self.context.get(function)
        if callable(known):
            return self.plain(tree, known(*arguments))
        if known is not None or function not in _FUNCTIONS:
            raise self.refused(tree, f"cannot be used: the function call `{function}(...)` is not supported")
        items = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], (list, tuple)) else arguments
        if function == "count":
            return Decimal(len(items))
        items = [self.plain(tree, item) for item in items]
        if not items or None in items:
            return None
        kinds = {type(item) for item in items}
        if len(kinds) > 1 or not kinds <= _FUNCTIONS[function] or (function == "abs" and len(items) > 1):
            raise self.refused(tree, f"has no value for {', '.join(map(repr, items))}")
        if function == "sum":
            return sum(items[1:], items[0]) if kinds != {Decimal} else _sum(items)
        return {"abs": lambda: _size(items[0]), "max": lambda: max(items), "min": lambda: min(items)}[function]()


_ORDERED = {Decimal, str, dt.date, dt.datetime, dt.timedelta}
_FUNCTIONS: dict[str, set[type]] = {
    "abs": {Decimal, dt.timedelta},
    "max": _ORDERED,
    "min": _ORDERED,
    "sum": {Decimal, dt.timedelta},
    "count": set(),
}


def _sum(items: list[Decimal]) -> Decimal:
    total = items[0]
    for item in items[1:]:
        total = DECIMAL128.add(total, item)
    return total


def _size(item: Any) -> Any:
    return item.copy_abs() if isinstance(item, Decimal) else abs(item)
