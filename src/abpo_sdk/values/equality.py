"""Whether a value that comes back from the ledger is the one that went in."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, RootModel

from abpo_sdk.values.traversal import LEAVES

MODEL_EQUALITIES: tuple[Any, ...] = (BaseModel.__eq__, RootModel.__eq__)


ABSENT = object()
"""Stands for what a mapping does not hold."""


def same(value: Any, back: Any) -> bool:
    """Equality, except that a truth value is no number, and a moment is the same in every zone, at any depth."""
    try:
        return _equal(value, back)
    except Exception:  # noqa: BLE001  a foreign __eq__ may raise anything; then nobody can say that they are equal
        return False


def _equal(value: Any, back: Any) -> bool:
    kind, other = type(value), type(back)
    if kind is other and kind in LEAVES:
        return bool(value == back)
    if kind is dict and other is dict:
        return _equal_items(value, back)
    if kind is bool or other is bool:
        return value is back
    if isinstance(value, datetime):  # Python holds times in the hour that a clock repeats to be unequal to all others
        return bool(value == back) or (isinstance(back, datetime) and value.astimezone(UTC) == back.astimezone(UTC))
    if kind is other and kind in (list, tuple, deque):
        return len(value) == len(back) and _equal_in_order(value, back)
    if kind is other and getattr(kind, "__eq__", None) in MODEL_EQUALITIES:
        return (
            all(_equal(getattr(value, name), getattr(back, name)) for name in kind.model_fields)
            and value.__pydantic_private__ == back.__pydantic_private__
            and _equal(value.__pydantic_extra__, back.__pydantic_extra__)
        )
    if kind is other and is_dataclass(kind) and kind.__dataclass_params__.eq:  # type: ignore[attr-defined]
        return all(_equal(getattr(value, f.name), getattr(back, f.name)) for f in fields(value) if f.compare)
    if isinstance(value, (set, frozenset)):
        return bool(value == back) and sum(type(v) is bool for v in value) == sum(type(b) is bool for b in back)
    return bool(value == back)


def _equal_items(value: dict[Any, Any], back: dict[Any, Any]) -> bool:
    if len(value) != len(back):
        return False
    for key, item in value.items():
        other = back.get(key, ABSENT)
        kind = type(item)
        if kind in LEAVES and kind is type(other):  # the common case, without a call
            if item != other:
                return False
        elif other is ABSENT or not _equal(item, other):
            return False
    return True


def _equal_in_order(values: Iterable[Any], backs: Iterable[Any]) -> bool:
    for item, other in zip(values, backs, strict=True):
        kind = type(item)
        if kind in LEAVES and kind is type(other):  # the common case, without a call
            if item != other:
                return False
        elif not _equal(item, other):
            return False
    return True


def difference(value: object, back: object) -> str:
    """In what two values differ and where, without showing them or the keys of mappings, since these may be personal."""
    owner, place, value, back = _first_difference(type(value), "", value, back)
    where = f"field {place.removeprefix('.')!r} of {owner.__name__}: " if place else ""
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        return f"{where}{value} is no number that a ledger can store"
    if type(value) is not type(back):
        return f"{where}a {type(value).__name__} comes back as a {type(back).__name__}"
    return f"{where}the {type(value).__name__} compares unequal"


def _first_difference(owner: type, place: str, value: Any, back: Any) -> tuple[type, str, Any, Any]:
    """The innermost place where two values differ, as far as types of their own or lists lead there."""
    if type(value) is type(back):
        for name, part, other in _parts(value, back):
            if not same(part, other):
                return _first_difference(owner, f"{place}{name}", part, other)
    return owner, place, value, back


def _parts(value: Any, back: Any) -> Iterator[tuple[str, Any, Any]]:
    names = getattr(type(value), "model_fields", None) or getattr(type(value), "__dataclass_fields__", None)
    if names:
        for name in names:
            yield f".{name}", getattr(value, name, None), getattr(back, name, None)
    elif isinstance(value, (list, tuple)) and len(value) == len(back):
        for number, (part, other) in enumerate(zip(value, back, strict=True)):
            yield f"[{number}]", part, other
    elif isinstance(value, dict) and value.keys() == back.keys():
        for key, part in value.items():
            yield "[...]", part, back[key]
