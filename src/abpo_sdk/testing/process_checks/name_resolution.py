"""What the names in a function's body stand for, as far as this can be told without running it."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

OWN = "abpo_sdk"
"""This package, whose functions are recorded."""
UNKNOWN = object()
"""Stands for a value that is not known."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
ROOTS = {"posix": "os", "nt": "os", "_io": "io", "_thread": "threading", "_socket": "socket", "_datetime": "datetime"}
"""Modules that others stand in front of."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What an expression stands for.

    Args:
        path: its dotted name, from its module on; of an object, that of its class.
        value: the thing itself, where it is known.
        instance: whether it is an object of the class that `path` names.
        of: that class, or the class whose method it is, where it is known.
    """

    path: str
    value: Any = UNKNOWN
    instance: bool = False
    of: type | None = None

    @property
    def root(self) -> str:
        """The outermost package."""
        root = self.path.partition(".")[0]
        return ROOTS.get(root, root)

    @property
    def last(self) -> str:
        """The last part of its name."""
        return self.path.rpartition(".")[2]


def thing_of(value: Any) -> Thing:
    """A value by its own name, whatever it is called where it is used."""
    if isinstance(value, types.ModuleType):
        return Thing(value.__name__, value)
    if isinstance(value, type):
        return Thing(f"{value.__module__}.{value.__qualname__}", value)
    if isinstance(value, (types.MethodType, types.BuiltinMethodType)) and not isinstance(
        value.__self__, (types.ModuleType, type(None))
    ):
        kind = value.__self__ if isinstance(value.__self__, type) else type(value.__self__)
        return Thing(f"{kind.__module__}.{kind.__qualname__}.{value.__name__}", value, of=kind)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        return Thing(f"{value.__module__}.{value.__qualname__}", value)
    return Thing(f"{type(value).__module__}.{type(value).__qualname__}", value, instance=True, of=type(value))


class Body:
    """The syntax tree of a function, and what its names stand for.

    Args:
        function: the function.
        known: what some of its parameters are.

    Raises:
        OSError, TypeError, SyntaxError: its source cannot be found or read.
    """

    def __init__(self, function: Callable[..., Any], known: Mapping[str, Any]) -> None:
        self.function = function
        self.name = getattr(function, "__qualname__", repr(function))
        self.file = inspect.getsourcefile(function) or "?"
        self._lines, start = inspect.getsourcelines(function)
        self._before = max(start, 1) - 1
        tree = _parsed("".join(self._lines))
        if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
            raise SyntaxError(f"{self.name} is no function with a body of its own")  # noqa: TRY004  it is source, not a type
        self.tree: Function = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.annotations = _annotations_of(function)
        self._outside = _outside(function)
        self._locals: dict[ast.AST, dict[str, Thing | None]] = {}
        parameters = self.locals_of(tree)
        for name in parameters:
            if name in known:
                parameters[name] = thing_of(known[name])
            elif (
                isinstance(kind := _class_of(self.annotations.get(name)), type)
                and name in inspect.signature(function).parameters
            ):
                parameters[name] = Thing(f"{kind.__module__}.{kind.__qualname__}", instance=True, of=kind)

    def nodes(self) -> Iterator[ast.AST]:
        """Every node that is evaluated when the function is called."""
        waiting: list[ast.AST] = list(reversed(self.tree.body))
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, ast.AnnAssign):
                waiting += [part for part in (node.value, node.target) if part is not None]
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                defaults = [part for part in (*node.args.defaults, *node.args.kw_defaults) if part is not None]
                waiting += [*reversed(node.body), *defaults, *node.decorator_list]
            else:
                waiting += reversed(list(ast.iter_child_nodes(node)))

    def line(self, node: ast.AST) -> tuple[int, str]:
        """The number of a node's line in its file, and what stands there."""
        number: int = getattr(node, "lineno", 2) - 1
        return self._before + number, self._lines[number - 1].strip()

    def scope(self, node: ast.AST) -> ast.AST:
        """The innermost function that a node is in."""
        while node is not self.tree:
            node = self.parents[node]
            if isinstance(node, SCOPES):
                return node
        return node

    def locals_of(self, scope: ast.AST) -> dict[str, Thing | None]:
        """The local names of a function, and what those stand for that it imports."""
        if scope not in self._locals:
            self._locals[scope] = _locals(scope)
        return self._locals[scope]

    def is_local(self, node: ast.Name) -> bool:
        """Whether a name is local to the function, or to one within it."""
        return any(node.id in self.locals_of(scope) for scope in self._scopes(node))

    def thing(self, node: ast.AST) -> Thing | None:
        """What an expression stands for; None where that cannot be told."""
        if isinstance(node, ast.Name):
            return self._named(node)
        if isinstance(node, ast.Attribute):
            base = self.thing(node.value)
            return None if base is None else _attribute(base, node.attr)
        if isinstance(node, ast.Call):
            made = self.thing(node.func)
            if made is not None and isinstance(made.value, type):
                return Thing(made.path, instance=True, of=made.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):  # a path below a path
            above = self.thing(node.left)
            return above if above is not None and above.instance and above.root == "pathlib" else None
        return None

    def _scopes(self, node: ast.AST) -> Iterator[ast.AST]:
        while node is not self.tree:
            node = self.scope(node)
            yield node

    def _named(self, node: ast.Name) -> Thing | None:
        for scope in self._scopes(node):
            if node.id in self.locals_of(scope):
                return self.locals_of(scope)[node.id]
        value = self._outside.get(node.id, UNKNOWN)
        if value is UNKNOWN:
            value = getattr(builtins, node.id, UNKNOWN)
        return None if value is UNKNOWN else thing_of(value)


def plain_function(value: Any) -> types.FunctionType | None:
    """The function behind a function, a method or a decorated one; None for anything else."""
    while isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, (staticmethod, classmethod, types.MethodType)):
        value = value.__func__
    if not isinstance(value, (types.FunctionType, type(_cached))):
        return None
    function = inspect.unwrap(value)
    return function if isinstance(function, types.FunctionType) else None


@functools.cache
def _cached() -> None:
    """A function of the kind that `functools.cache` makes."""


def _attribute(base: Thing, name: str) -> Thing | None:
    if base.instance:
        value = inspect.getattr_static(base.of, name, UNKNOWN) if base.of is not None else UNKNOWN
        return Thing(f"{base.path}.{name}", value, of=base.of)
    if isinstance(base.value, (types.ModuleType, type)):
        try:
            value = getattr(base.value, name)
        except Exception:  # noqa: BLE001  a module may make its names when they are asked for, and fail
            return Thing(f"{base.path}.{name}")
        found = thing_of(value)
        by_module = isinstance(base.value, types.ModuleType) and not isinstance(value, (types.ModuleType, type))
        known = found.root if found.instance or by_module else None
        if known is not None and found.root != base.root:  # os.urandom is of a module that nobody names
            return Thing(f"{base.path}.{name}", value, found.instance, found.of)
        return found
    return Thing(f"{base.path}.{name}")


def _parsed(source: str) -> ast.stmt:
    """The one statement of a source that may be indented; its first line counts as the second."""
    if source[:1].isspace():
        block: Any = ast.parse(f"if True:\n{source}").body[0]
        return cast("ast.stmt", block.body[0])
    return ast.parse(f"\n{source}").body[0]


def _outside(function: Callable[..., Any]) -> dict[str, Any]:
    """The globals and enclosing variables of a function, by name."""
    found: dict[str, Any] = dict(getattr(function, "__globals__", {}))
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not yet assigned
            found[name] = UNKNOWN
    return found


def _locals(scope: ast.AST) -> dict[str, Thing | None]:
    found: dict[str, Thing | None] = {}
    elsewhere: set[str] = set()
    arguments: ast.arguments = scope.args  # type: ignore[attr-defined]  # it is a function
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    found |= {argument.arg: None for argument in every if argument is not None}
    body = scope.body  # type: ignore[attr-defined]
    waiting: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere |= set(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found.setdefault(node.id, None)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= _imported(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs)):
            found.setdefault(node.name or "", None)
        elif isinstance(node, (ast.MatchStar, ast.MatchMapping)):
            found.setdefault((node.name if isinstance(node, ast.MatchStar) else node.rest) or "", None)
        if not isinstance(node, (*SCOPES, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
    return {name: thing for name, thing in found.items() if name not in elsewhere}


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, Thing | None]:
    """The names that an import makes; of modules that are not loaded no more than their names."""
    found: dict[str, Thing | None] = {}
    for alias in node.names:
        if isinstance(node, ast.Import):
            path = alias.name if alias.asname else alias.name.partition(".")[0]
            module = sys.modules.get(path)
            found[alias.asname or path] = Thing(path) if module is None else thing_of(module)
        elif node.level == 0 and node.module:
            module = sys.modules.get(node.module)
            base = Thing(node.module) if module is None else Thing(node.module, module)
            found[alias.asname or alias.name] = _attribute(base, alias.name)
        else:
            found[alias.asname or alias.name] = None
    return found


def _annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # noqa: BLE001  names that are local to where it was declared, or anything else
        return {}


def _class_of(annotation: Any) -> Any:
    """The class that an annotation names, where it is one."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(annotation) if part is not type(None)]
        return _class_of(parts[0]) if len(parts) == 1 else None
    origin = typing.get_origin(annotation)
    return origin if isinstance(origin, type) else annotation
