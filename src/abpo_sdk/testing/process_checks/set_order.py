"""Where the order of a set decides what a process does next."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator

from abpo_sdk.gates import Gate
from abpo_sdk.policies import Policy
from abpo_sdk.steps import Process, Step
from abpo_sdk.testing.process_checks.findings import Kind
from abpo_sdk.testing.process_checks.name_resolution import Body

COMBINING = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
IN_ORDER = frozenset({"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "str", "repr"})
"""Builtins to which the order of what they are given matters."""
WHATEVER_ORDER = frozenset({"sorted", "set", "frozenset", "len", "sum", "min", "max", "any", "all"})
"""Builtins that give the same, in whatever order they are given it."""
GROUPS = (ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)


def orders(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The places in a body where the items of a set are taken in its order."""
    sets = _Sets(body)
    for node in body.nodes():
        for taken in sets.taken_in_order(node):
            yield "order of a set", taken


class _Sets:
    """Which expressions of a body are sets."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._locals: dict[tuple[ast.AST, str], bool] = {}
        for node in body.nodes():
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        key = (body.scope(target), target.id)
                        self._locals[key] = self.is_set(node.value) and self._locals.get(key, True)
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                for part in ast.walk(node.target):
                    if isinstance(part, ast.Name):
                        self._locals[body.scope(part), part.id] = False

    def is_set(self, node: ast.AST) -> bool:
        """Whether an expression is a set, as far as can be told."""
        if isinstance(node, (ast.Set, ast.SetComp)):
            return True
        if isinstance(node, ast.Name):
            return self._is_set_by_name(node)
        if isinstance(node, ast.IfExp):
            return self.is_set(node.body) or self.is_set(node.orelse)
        if isinstance(node, ast.NamedExpr):
            return self.is_set(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
            return any(self.is_set(side) or _is_view(side) for side in (node.left, node.right))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in COMBINING:
                return self.is_set(node.func.value)
            return self._builtin(node) in ("set", "frozenset")
        thing = self._body.thing(node)
        return thing is not None and isinstance(thing.value, (set, frozenset))

    def taken_in_order(self, node: ast.AST) -> Iterator[ast.AST]:
        """The sets whose items a node takes in their order."""
        if isinstance(node, (ast.For, ast.AsyncFor)) and self.is_set(node.iter):
            yield node.iter
        elif isinstance(node, GROUPS) and not self._order_is_lost(node):
            yield from (part.iter for part in node.generators if self.is_set(part.iter))
        elif isinstance(node, (ast.Starred, ast.YieldFrom, ast.FormattedValue)) and self.is_set(node.value):
            if not isinstance(self._body.parents.get(node), ast.Set):
                yield node.value
        elif isinstance(node, ast.Assign) and self.is_set(node.value):
            if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
                yield node.value
        elif isinstance(node, ast.Call):
            yield from self._taken_by_call(node)

    def _taken_by_call(self, node: ast.Call) -> Iterator[ast.AST]:
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "pop" and not node.args and self.is_set(node.func.value):
                yield node.func.value
            elif node.func.attr in ("join", "extend", "fromkeys") and node.args and self.is_set(node.args[0]):
                yield node.args[0]
        elif self._builtin(node) in IN_ORDER and not self._is_sorted(node):
            yield from (given for given in node.args if self.is_set(given))

    def _is_sorted(self, node: ast.AST) -> bool:
        """Whether it stands right in a call to which order does not matter."""
        around = self._body.parents.get(node)
        return isinstance(around, ast.Call) and node in around.args and self._builtin(around) in WHATEVER_ORDER

    def _order_is_lost(self, node: ast.AST) -> bool:
        """Whether a comprehension calls nothing that may be recorded, and gives the same in whatever order."""
        recorded = any(self._is_recorded(part) for part in ast.walk(node))
        return not recorded and (isinstance(node, ast.SetComp) or self._is_sorted(node))

    def _is_recorded(self, node: ast.AST) -> bool:
        thing = self._body.thing(node.func) if isinstance(node, ast.Call) else None
        return isinstance(node, ast.Await) or (
            thing is not None and isinstance(thing.value, (Step, Process, Policy, Gate))
        )

    def _builtin(self, node: ast.Call) -> str | None:
        """The builtin that a call is of."""
        thing = self._body.thing(node.func)
        return thing.last if thing is not None and thing.root == "builtins" and not thing.instance else None

    def _is_set_by_name(self, node: ast.Name) -> bool:
        if not self._body.is_local(node):
            thing = self._body.thing(node)
            return thing is not None and isinstance(thing.value, (set, frozenset))
        scope: ast.AST = node
        while scope is not self._body.tree:
            scope = self._body.scope(scope)
            if (scope, node.id) in self._locals:
                return self._locals[scope, node.id]
            if node.id in self._body.locals_of(scope):
                break
        if scope is not self._body.tree:
            return False
        annotation = self._body.annotations.get(node.id)
        return (typing.get_origin(annotation) or annotation) in (set, frozenset)


def _is_view(node: ast.AST) -> bool:
    """Whether it is the keys or items of a mapping, which combine into a set."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("keys", "items")
