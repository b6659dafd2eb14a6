"""The version of a function: a hash over what it does, not over how it is laid out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any


def code_version(function: Callable[..., Any], *, depends: Iterable[Callable[..., Any]] = ()) -> str:
    """A hash over a function's normalised syntax tree and those of what it declares to depend on.

    Comments, layout, docstrings, annotations' layout and decorators do not count. Where the source cannot be
    found (a function made by `exec`), the compiled code counts instead, which also differs between Python versions.
    What is called and not declared is not seen.

    Args:
        function: the function.
        depends: other functions whose change is a change of this one.

    Returns:
        16 hexadecimal digits.
    """
    parts = [_normalised(function), *sorted(_normalised(other) for other in depends)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _normalised(function: Callable[..., Any]) -> str:
    import ast
    import inspect
    import textwrap

    function = inspect.unwrap(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return _compiled(getattr(function, "__code__", None), getattr(function, "__qualname__", repr(function)))
    if isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        tree.decorator_list = []
        if ast.get_docstring(tree, clean=False) is not None:
            tree.body = tree.body[1:]
    return ast.dump(tree, include_attributes=False)


def _compiled(code: CodeType | None, name: str) -> str:
    if code is None:
        return name
    constants = [_constant(c) for c in code.co_consts]
    return f"{name} {code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _compiled(value, value.co_name)
    if isinstance(value, frozenset):  # whose own order differs from process to process
        return f"frozenset({sorted(map(_constant, value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    return repr(value)
