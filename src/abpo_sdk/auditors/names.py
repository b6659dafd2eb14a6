"""Groups and the columns that they come from: what they are called, and in which order they stand."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Set
from fractions import Fraction
from numbers import Real
from typing import Any

from abpo_sdk.errors import AuditError

__all__ = ["MISSING", "Column", "Key", "as_key", "as_set", "column_name", "group_name", "shown", "sort_key"]

MISSING = "(missing)"
"""The label of the group that is made of rows without a value (None, NaN, NaT or pandas' NA)."""

Column = str | tuple[str, ...]
"""A column that groups are formed by, or several whose intersection forms them."""

Key = tuple[Column, Hashable]
"""A column and one of its groups."""


def as_key(column: Column, group: Hashable) -> Key:
    """The key of a group: None becomes `"(missing)"`, numpy's numbers become Python's."""
    if isinstance(group, tuple):
        return column, tuple(as_key(column, part)[1] for part in group)
    if group is None:
        return column, MISSING
    plain = getattr(group, "item", None)  # numpy's scalars
    return column, plain() if callable(plain) and type(group).__module__ == "numpy" else group


def as_set(values: Hashable | Collection[Hashable], role: str) -> frozenset[Hashable]:
    """One value, or a set, list or tuple of values, as a set; `AuditError` if one is not hashable."""
    try:
        return frozenset(values if isinstance(values, (Set, list, tuple)) else (values,))
    except TypeError:
        raise AuditError(f"{role}: {shown(values)} is not hashable; give an outcome, or a set of outcomes") from None


def column_name(column: Column) -> str:
    """The column as text: `country`, or `country × sex` for an intersection."""
    return column if isinstance(column, str) else " × ".join(column)


def group_name(group: Hashable) -> str:
    """The group as one line of text: `FR`, or `FR × female` for an intersection."""
    if isinstance(group, tuple):
        return " × ".join(group_name(part) for part in group)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(group))


def shown(value: object) -> str:
    """A value as an error message shows it."""
    text = repr(value)
    return f"{text[:77]}..." if len(text) > 80 else text


def sort_key(key: Key) -> tuple[Any, ...]:
    """Orders keys of any types: by column, then numbers, texts, other things, and the missing last."""
    return column_name(key[0]), _rank(key[1])


def _rank(group: Hashable) -> tuple[Any, ...]:
    if isinstance(group, tuple):
        return 3, tuple(_rank(part) for part in group)
    if group == MISSING:
        return (4,)
    if isinstance(group, Real):
        number = float("inf") if group == float("inf") else -float("inf") if group == -float("inf") else Fraction(group)
        return 0, number
    if isinstance(group, str):
        return 1, group
    return 2, type(group).__name__, repr(group)
