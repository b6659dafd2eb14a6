"""What an expression is: something with Python's operators, whose comparison makes a condition."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, NoReturn

from abpo_sdk.conditions.comparisons import Comparison, Membership
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.kinds import check_alike, exact, kind_of_value, written
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode, Node
from abpo_sdk.errors import DefinitionError, UnlikeTypes
from abpo_sdk.values.money import Money

__all__ = ["Computed", "Expression", "node_of"]

ENDS = {"both": (">=", "<="), "neither": (">", "<"), "left": (">=", "<"), "right": (">", "<=")}
"""How a value compares with the ends of a range, by which of them count."""


class Expression:
    """Something with a value for each case: a field, or arithmetic on fields and constants.

    Comparing expressions gives a `Condition`. Exact decimals and floats do not mix.
    """

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def is_in(self, *values: Any) -> Condition:
        """Whether the value is one of `values` (given one by one, or as one collection)."""
        node = self._node
        among = (
            tuple(values[0]) if len(values) == 1 and isinstance(values[0], (list, tuple, set, frozenset)) else values
        )
        for value in among:
            check_alike(node.kind, "==", kind_of_value(value), f"{node.written(None)} is_in {written(value)}")
        return Membership(
            node, tuple(sorted(among, key=exact)) if isinstance(next(iter(values), None), (set, frozenset)) else among
        )

    def between(
        self, low: Any, high: Any, *, inclusive: Literal["both", "neither", "left", "right"] = "both"
    ) -> Condition:
        """Whether the value lies between two others: `(value >= low) & (value <= high)`.

        Args:
            low: the lower end.
            high: the upper end.
            inclusive: which of the ends count.

        Raises:
            UnlikeTypes: the ends do not compare with the value.
            DefinitionError: no value can lie between them; `inclusive` is no such word.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk.conditions import fields
        >>> class Invoice(BaseModel):
        ...     total: int
        >>> fields(Invoice).total.between(100, 500, inclusive="left").text()
        'total >= 100 and total < 500'
        """
        if inclusive not in ENDS:
            raise DefinitionError(f"between(..., inclusive={inclusive!r}): say {', '.join(map(repr, ENDS))}")
        above, below = ENDS[inclusive]
        condition = _compare(self._node, above, low) & _compare(self._node, below, high)
        if not isinstance(low, Expression) and not isinstance(high, Expression):
            check_alike(kind_of_value(low), "<=", kind_of_value(high), f"between({written(low)}, {written(high)})")
            ends = (low.amount, high.amount) if isinstance(low, Money) else (low, high)
            if ends[0] > ends[1] or (ends[0] == ends[1] and inclusive != "both"):
                raise DefinitionError(
                    f"{self._node.written(None)}.between({written(low)}, {written(high)}): nothing lies between them; "
                    "write the lower end first"
                )
        return condition

    def __lt__(self, other: Any) -> Condition:
        return _compare(self._node, "<", other)

    def __le__(self, other: Any) -> Condition:
        return _compare(self._node, "<=", other)

    def __gt__(self, other: Any) -> Condition:
        return _compare(self._node, ">", other)

    def __ge__(self, other: Any) -> Condition:
        return _compare(self._node, ">=", other)

    def __eq__(self, other: Any) -> Condition:  # type: ignore[override]
        return _compare(self._node, "==", other)

    def __ne__(self, other: Any) -> Condition:  # type: ignore[override]
        return _compare(self._node, "!=", other)

    def __hash__(self) -> int:
        return id(self)

    def __add__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("+", self._node, node_of(other)))

    def __radd__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("+", node_of(other), self._node))

    def __sub__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("-", self._node, node_of(other)))

    def __rsub__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("-", node_of(other), self._node))

    def __mul__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("*", self._node, node_of(other)))

    def __rmul__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("*", node_of(other), self._node))

    def __truediv__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("/", self._node, node_of(other)))

    def __rtruediv__(self, other: Any) -> Expression:
        return Computed(ArithmeticNode("/", node_of(other), self._node))

    def __neg__(self) -> Expression:
        if self._node.kind.sort == "money":
            return Computed(ArithmeticNode("*", ConstantNode(-1), self._node))
        nothing = dt.timedelta(0) if self._node.kind.sort == "duration" else 0
        return Computed(ArithmeticNode("-", ConstantNode(nothing), self._node))

    def __abs__(self) -> Expression:
        return Computed(AbsoluteNode(self._node))

    def __and__(self, other: object) -> NoReturn:
        self._refuse_combination("&")

    def __rand__(self, other: object) -> NoReturn:
        self._refuse_combination("&")

    def __or__(self, other: object) -> NoReturn:
        self._refuse_combination("|")

    def __ror__(self, other: object) -> NoReturn:
        self._refuse_combination("|")

    def __invert__(self) -> NoReturn:
        self._refuse_combination("~")

    def _refuse_combination(self, operator: str) -> NoReturn:
        raise UnlikeTypes(
            f"{operator} is for conditions, and {self._node.written(None)} is none; compare it, and put each comparison "
            "in parentheses: (a > 1) & (b < 2)"
        )

    def __bool__(self) -> bool:
        raise UnlikeTypes(
            f"{self._node.written(None)} has no truth value of its own; compare it, such as {self._node.written(None)} == True"
        )

    def __repr__(self) -> str:
        return f"<expression {self._node.written(None)}>"


class Computed(Expression):
    """Arithmetic; a sibling of `Field`, because Python asks an instance of a subclass first, and would turn a comparison round."""

    __slots__ = ()


def node_of(value: Any) -> Node:
    """The node of an expression, or of a constant."""
    return value._node if isinstance(value, Expression) else ConstantNode(value)  # noqa: SLF001  its own kind


def _compare(left: Node, operator: str, other: Any) -> Condition:
    right = node_of(other)
    check_alike(left.kind, operator, right.kind, f"{left.written(None)} {operator} {right.written(None)}")
    return Comparison(left, operator, right)
