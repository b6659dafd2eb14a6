"""Where a process and the plain functions that it calls look up their names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from abpo_sdk.steps import Process
from abpo_sdk.testing.replays.code_origin import is_installed


@contextmanager
def patched(function: FunctionType, pairs: Sequence[tuple[Any, Any]]) -> Iterator[None]:
    """Have a process and its plain functions find other things by their names, while the block lasts.

    Args:
        function: the process's.
        pairs: what is to be replaced, and by what.
    """
    by_identity = {id(real): fake for real, fake in pairs}
    globals_, cells = _of(function)
    before = [
        (names, name, value) for names in globals_ for name, value in list(names.items()) if id(value) in by_identity
    ]
    closed = [(cell, value) for cell in cells for value in _content(cell) if id(value) in by_identity]
    try:
        for names, name, value in before:
            names[name] = by_identity[id(value)]
        for cell, value in closed:
            cell.cell_contents = by_identity[id(value)]
        yield
    finally:
        for names, name, value in before:
            names[name] = value
        for cell, value in closed:
            cell.cell_contents = value


def _of(function: FunctionType) -> tuple[list[dict[str, Any]], list[Any]]:
    """The globals and the closed-over variables of a function and of those that it names, packages left out."""
    globals_: dict[int, dict[str, Any]] = {}
    cells: list[Any] = []
    seen: set[FunctionType] = set()
    open_ends = [function]
    while open_ends:
        here = inspect.unwrap(open_ends.pop())
        if not isinstance(here, FunctionType) or here in seen or is_installed(here.__code__.co_filename):
            continue
        seen.add(here)
        globals_[id(here.__globals__)] = here.__globals__
        cells += here.__closure__ or ()
        values = [value for cell in here.__closure__ or () for value in _content(cell)]
        values += [here.__globals__[name] for name in _names(here.__code__) if name in here.__globals__]
        open_ends += [found for value in values if (found := _function(value)) is not None]
    return list(globals_.values()), cells


def _function(value: Any) -> FunctionType | None:
    if isinstance(value, Process):
        value = value.function
    return value if isinstance(value, FunctionType) else None


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _content(cell: Any) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:  # not yet assigned where the function was declared
        return []
