"""Comparisons of what FEEL compares: expressions over fields, conditions, and constants.

Source: DMN 1.5, 10.3.2 (semantics of FEEL). Where types do not fit, FEEL answers null; here that is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abpo_sdk.conditions import Condition, Expression, Field
from abpo_sdk.conditions.expressions import node_of
from abpo_sdk.conditions.kinds import written
from abpo_sdk.errors import ConditionError, FeelError
from abpo_sdk.policies.feel.constants import fitted
from abpo_sdk.policies.feel.syntax import Test, UnaryTests
from abpo_sdk.policies.feel.writing import text_of

Operand = Any
"""An `Expression`, a `Condition`, or a constant."""

MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class Comparing:
    """Makes conditions out of comparisons, and errors that name the place and the text."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        self.place = place

    def refused(self, tree: Test | UnaryTests, what: str) -> FeelError:
        """The error about a part of the text."""
        text = text_of(tree)
        text = text if len(text) <= 200 else f"{text[:200]}..."
        return FeelError(f"{self.place}: `{text}` {what}" if self.place else f"`{text}` {what}")

    def guarded(self, make: Callable[[], Any], tree: Test | UnaryTests) -> Any:
        """What is made, errors of conditions told with their place."""
        try:
            return make()
        except ConditionError as error:
            raise self.refused(tree, f"cannot be used: {error}") from None

    def compare(self, tree: Test, left: Operand, operator: str, right: Operand) -> Condition:
        """A comparison; `tree` is what it is told by."""
        if left is None or (not isinstance(left, (Expression, Condition)) and right is not None):
            left, right, operator = right, left, MIRRORED[operator]
        if right is None:
            return self.missing(tree, left, operator)
        if isinstance(left, Condition) or isinstance(right, Condition):
            return self.compare_truths(tree, left, operator, right)
        if not isinstance(left, Expression):
            raise self.refused(tree, "compares what is the same for every case")
        other = right if isinstance(right, Expression) else self.fit(tree, right, left)
        if isinstance(right, Expression):
            self.check_comparable(tree, left, right)
        condition: Condition = self.guarded(lambda: COMPARE[operator](left, other), tree)
        return condition

    def check_comparable(self, tree: Test, left: Expression, right: Expression) -> None:
        if "other" in (sort_of(left), sort_of(right)):
            untyped = left if sort_of(left) == "other" else right
            raise self.refused(tree, f"compares with {shown(untyped)}, whose type is not declared")

    def missing(self, tree: Test, left: Operand, operator: str) -> Condition:
        if operator not in ("=", "!="):
            raise self.refused(tree, "orders null, which has no order")
        if not isinstance(left, Field):
            raise self.refused(tree, "asks whether something is null that is no field; only fields can be missing")
        return left.is_missing() if operator == "=" else ~left.is_missing()

    def compare_truths(self, tree: Test, left: Operand, operator: str, right: Operand) -> Condition:
        if operator not in ("=", "!="):
            raise self.refused(tree, "orders true and false, which have no order")
        if not isinstance(left, Condition):
            left, right = right, left
        if isinstance(right, bool) and isinstance(left, Condition):
            return left if right is (operator == "=") else ~left
        if isinstance(right, Expression) and sort_of(right) == "truth":
            right = right == True  # noqa: E712
        if not isinstance(right, Condition) or not isinstance(left, Condition):
            raise self.refused(tree, f"compares true or false with {shown(right)}")
        same = (left & right) | (~left & ~right)
        return same if operator == "=" else ~same

    def fit(self, tree: Test, value: Any, to: Expression, operator: str = "=") -> Any:
        """A constant as the field's type has it."""
        try:
            return fitted(value, node_of(to).kind, operator)
        except ValueError as error:
            raise self.refused(tree, f"does not fit {shown(to)}: {error}") from None


def sort_of(thing: Operand) -> str:
    """The sort of what is compared, where it is an expression or true or false; else nothing."""
    if isinstance(thing, Condition):
        return "truth"
    return node_of(thing).kind.sort if isinstance(thing, Expression) else "truth" if isinstance(thing, bool) else ""


def shown(thing: Operand) -> str:
    """What is compared, for messages."""
    if isinstance(thing, Condition):
        return f"({thing.text()})"
    return node_of(thing).written(None) if isinstance(thing, Expression) else written(thing)
