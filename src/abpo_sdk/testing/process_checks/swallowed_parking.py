"""Where a process swallows what ends its segment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from abpo_sdk.runtime.parking import Parked
from abpo_sdk.testing.process_checks.findings import Kind
from abpo_sdk.testing.process_checks.name_resolution import SCOPES, UNKNOWN, Body

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
    return isinstance(value, type) and (issubclass(Parked, value) or value is BaseExceptionGroup)


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
