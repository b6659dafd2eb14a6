"""Where a process swallows what ends its segment, forgets an await, or keeps state outside of itself."""

from __future__ import annotations

import ast
import inspect
from collections import deque
from collections.abc import Iterator
from typing import Any, cast

from abpo_sdk.gates import Gate
from abpo_sdk.policies import Policy
from abpo_sdk.steps import Process, Step
from abpo_sdk.testing.process_kinds import Kind
from abpo_sdk.testing.process_names import SCOPES, UNKNOWN, Body, plain_function

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
LEAVING = (ast.Return, ast.Break, ast.Continue)


def swallowed(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The places in a body that keep what ends a segment from getting through."""
    for node in body.nodes():
        if isinstance(node, (ast.Try, ast.TryStar)):
            if _may_park(body, node.body):
                yield from (
                    ("swallowed parking", h)
                    for h in node.handlers
                    if _catches_all(body, h.type) and not _raises_again(h)
                )
            yield from (("swallowed parking", leaving) for leaving in _leaving(node.finalbody, in_loop=False))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and any(_catches_all(body, given) for given in call.args):
                    thing = body.thing(call.func)
                    if thing is not None and thing.path == "contextlib.suppress":
                        yield "swallowed parking", call


def unawaited(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The calls in a body that give a coroutine which nobody awaits."""
    for node in body.nodes():
        if isinstance(node, ast.Call) and _gives_coroutine(body, node) and not _is_awaited(body, node):
            yield "missing await", node


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


def _may_park(body: Body, statements: list[ast.stmt]) -> bool:
    """Whether something is called in which a gate may ask, or a step be interrupted."""
    for node in (part for statement in statements for part in ast.walk(statement)):
        if isinstance(node, (ast.Await, ast.AsyncWith, ast.AsyncFor)):
            return True
        if isinstance(node, ast.Call):
            thing = body.thing(node.func)
            if thing is None or thing.root != "builtins":
                return True
    return False


def _catches_all(body: Body, node: ast.expr | None) -> bool:
    if node is None:
        return True
    if isinstance(node, ast.Tuple):
        return any(_catches_all(body, part) for part in node.elts)
    thing = body.thing(node)
    value: Any = UNKNOWN if thing is None else thing.value
    if not (isinstance(value, type) and issubclass(value, BaseException)):
        return False
    return value in (BaseException, BaseExceptionGroup) or value.__module__ == "abpo_sdk.runtime.recording"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return _ends_raising(handler.body, handler.name) and not any(_leaving(handler.body, in_loop=False))


def _ends_raising(statements: list[ast.stmt], name: str | None) -> bool:
    last = statements[-1] if statements else None
    if isinstance(last, ast.Raise):
        return last.exc is None or (isinstance(last.exc, ast.Name) and last.exc.id == name)
    if isinstance(last, ast.If):
        return _ends_raising(last.body, name) and _ends_raising(last.orelse, name)
    if isinstance(last, (ast.With, ast.AsyncWith)):
        return _ends_raising(last.body, name)
    return False


def _leaving(statements: list[ast.stmt], *, in_loop: bool) -> Iterator[ast.AST]:
    """The statements that leave a block otherwise than by its end."""
    for statement in statements:
        yield from _leaving_in(statement, in_loop=in_loop)


def _leaving_in(node: ast.AST, *, in_loop: bool) -> Iterator[ast.AST]:
    if isinstance(node, LEAVING) and not (in_loop and not isinstance(node, ast.Return)):
        yield node
    if not isinstance(node, (*SCOPES, ast.ClassDef)):
        inner = in_loop or isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        for part in ast.iter_child_nodes(node):
            yield from _leaving_in(part, in_loop=inner)


def _gives_coroutine(body: Body, node: ast.Call) -> bool:
    thing = body.thing(node.func)
    value = None if thing is None else thing.value
    if isinstance(value, (Step, Process)):
        return inspect.iscoroutinefunction(inspect.unwrap(cast("Any", value)))
    function = plain_function(value)
    return function is not None and inspect.iscoroutinefunction(function)


def _is_awaited(body: Body, node: ast.AST, before: frozenset[ast.AST] = frozenset()) -> bool:
    """Whether what an expression gives is awaited, or handed on to who may await it; `before` was looked at already."""
    around = body.parents[node]
    if isinstance(around, ast.keyword):
        around = body.parents[around]
    if isinstance(around, ast.Call):
        thing = body.thing(around.func)
        builtin = thing is not None and thing.root == "builtins" and thing.last not in ("list", "tuple", "zip")
        return not builtin and not (thing is not None and isinstance(thing.value, (Step, Process, Policy, Gate)))
    if isinstance(around, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
        targets = around.targets if isinstance(around, ast.Assign) else [around.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        return len(names) < len(targets) or any(
            isinstance(part, ast.Name)
            and isinstance(part.ctx, ast.Load)
            and part.id in names
            and part not in before
            and _is_awaited(body, part, before | {node})
            for part in body.nodes()
        )
    if isinstance(around, ast.Return):
        return body.scope(around) is not body.tree
    kept = (ast.Await, ast.Lambda, ast.List, ast.Tuple, ast.Dict, ast.Starred, ast.IfExp, ast.Yield, ast.comprehension)
    return isinstance(around, (*kept, ast.ListComp, ast.GeneratorExp, ast.DictComp))
