"""Where a process forgets an await."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any, cast

from abpo_sdk.gates import Gate
from abpo_sdk.policies import Policy
from abpo_sdk.steps import Process, Step
from abpo_sdk.testing.process_checks.findings import Kind
from abpo_sdk.testing.process_checks.name_resolution import Body, plain_function


def unawaited(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The calls in a body that give a coroutine which nobody awaits."""
    for node in body.nodes():
        if isinstance(node, ast.Call) and _gives_coroutine(body, node) and not _is_awaited(body, node):
            yield "missing await", node


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
