"""Where a process keeps state outside of itself."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator

from abpo_sdk.testing.process_checks.findings import Kind
from abpo_sdk.testing.process_checks.name_resolution import Body

MUTABLE = (list, dict, set, bytearray, deque)
CHANGING = frozenset(
    [
        *(
            "add",
            "append",
            "appendleft",
            "clear",
            "discard",
            "extend",
            "extendleft",
            "insert",
            "pop",
            "popitem",
            "popleft",
        ),
        *("remove", "reverse", "setdefault", "sort", "update"),
    ]
)
"""Methods that change a list, a dict, a set or a deque."""


def mutable_defaults(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The defaults of a function that are lists, dicts or sets."""
    arguments = body.tree.args
    positional = getattr(body.function, "__defaults__", None) or ()
    by_name = getattr(body.function, "__kwdefaults__", None) or {}
    for value, node in zip(positional, arguments.defaults, strict=False):
        if isinstance(value, MUTABLE):
            yield "mutable default", node
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None and isinstance(by_name.get(argument.arg), MUTABLE):
            yield "mutable default", default


def state_outside(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The places in a body that change what is not its own."""
    for node in body.nodes():
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            if not body.is_local(node):
                yield "state outside", node
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            if _is_outside(body, node.value):
                yield "state outside", node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            thing = body.thing(node.func.value)
            if thing is not None and isinstance(thing.value, MUTABLE) and _is_outside(body, node.func.value):
                yield "state outside", node


def _is_outside(body: Body, node: ast.AST) -> bool:
    """Whether an expression leads to something from a global or enclosing variable."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return isinstance(node, ast.Name) and not body.is_local(node) and body.thing(node) is not None
