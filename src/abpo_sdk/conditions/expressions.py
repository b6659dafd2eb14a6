"""Expressions as they are written: things with Python's operators, whose comparison makes a condition.

They have no attributes of their own beside their few methods, so that a nested model's field may have any name.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NoReturn

from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.kinds import check_alike, exact, kind_of_value, written
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode, FieldNode, Node
from abpo_sdk.errors import UnknownField, UnlikeTypes
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.traversal import annotations_of


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
        return _Computed(ArithmeticNode("+", self._node, node_of(other)))

    def __radd__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("+", node_of(other), self._node))

    def __sub__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("-", self._node, node_of(other)))

    def __rsub__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("-", node_of(other), self._node))

    def __mul__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("*", self._node, node_of(other)))

    def __rmul__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("*", node_of(other), self._node))

    def __truediv__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("/", self._node, node_of(other)))

    def __rtruediv__(self, other: Any) -> Expression:
        return _Computed(ArithmeticNode("/", node_of(other), self._node))

    def __neg__(self) -> Expression:
        nothing = dt.timedelta(0) if self._node.kind.sort == "duration" else 0
        return _Computed(ArithmeticNode("-", ConstantNode(nothing), self._node))

    def __abs__(self) -> Expression:
        return _Computed(AbsoluteNode(self._node))

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


class _Computed(Expression):
    """Arithmetic; a sibling of `Field`, because Python asks an instance of a subclass first, and would turn a comparison round."""

    __slots__ = ()


class Field(Expression):
    """A typed reference to a field of a model, made by `fields(Model).name`; `.name` again goes into a nested model.

    A nested field called like a method here is reached as an item: `order["is_in"]`.
    """

    __slots__ = ()
    _node: FieldNode

    def is_missing(self) -> Condition:
        """Whether there is no value."""
        return Missing(self._node)

    def __getattr__(self, name: str) -> Field:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Field:
        node = self._node
        if node.kind.sort != "model":
            raise UnknownField(f"{node.model.__name__}.{node.name} is {node.kind}, which has no field {name!r}")
        return field_of(node.model, node.kind.type, (*node.path, name), inside=node.personal)


def field_of(root: type, owner: type, path: tuple[str, ...], *, inside: Personal | None = None) -> Field:
    """The reference to a field of `owner`, which is reached from `root` by `path`, `inside` a personal one or not.

    Raises:
        UnknownField: there is none; names the nearest.
    """
    annotations = annotations_of(owner)
    name = path[-1]
    if name not in annotations:
        import difflib

        near = difflib.get_close_matches(name, annotations, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(annotations)}"
        raise UnknownField(f"{owner.__name__} has no field {name!r}; {hint}")
    return Field(FieldNode(root, path, annotations[name], inside=inside))


def of_node(node: Node) -> Expression:
    """The expression that has a node, of the class that makes its comparisons stay as they are written."""
    return Field(node) if isinstance(node, FieldNode) else _Computed(node)


def node_of(value: Any) -> Node:
    """The node of an expression, or of a constant."""
    return value._node if isinstance(value, Expression) else ConstantNode(value)  # noqa: SLF001  its own kind


def _compare(left: Node, operator: str, other: Any) -> Condition:
    right = node_of(other)
    check_alike(left.kind, operator, right.kind, f"{left.written(None)} {operator} {right.written(None)}")
    return Comparison(left, operator, right)
