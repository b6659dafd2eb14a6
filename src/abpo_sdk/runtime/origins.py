"""Remembers which step each value of a run came from, so that decisions can say so."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, cast

from pydantic import BaseModel

from abpo_sdk.ledger import Place
from abpo_sdk.values.traversal import LEAVES, plan_of


class Origins:
    """Follows objects by identity: what a step returned, and what is inside of it.

    Texts, numbers and members of enumerations are not followed, since equal ones are often the same object.
    """

    def __init__(self) -> None:
        self._places: dict[int, tuple[object, Place]] = {}  # the object too, so that its identity is not used again

    def register(self, value: object, place: Place) -> None:
        """A value, and what it holds, came from here."""
        open_ends = [value]
        places = self._places
        while open_ends:
            part = open_ends.pop()
            kind = type(part)
            if id(part) in places or not _followed(part):
                continue
            places[id(part)] = (part, place)
            if kind is dict:
                open_ends += [v for v in cast("dict[Any, Any]", part).values() if type(v) not in LEAVES]
            elif kind is list:
                open_ends += [v for v in cast("list[Any]", part) if type(v) not in LEAVES]
            else:
                open_ends += [inner for _, inner in _parts(part)]

    def of(self, value: object, path: str) -> dict[str, Place]:
        """Where a value came from: itself, or else its parts, each by its path; nothing where that is not known."""
        if not _followed(value):
            return {}
        known = self._places.get(id(value))
        if known is not None:
            return {path: known[1]}
        origins: dict[str, Place] = {}
        for name, part in _parts(value):
            origins |= self.of(part, f"{path}.{name}" if path else name)
        return origins


def _followed(value: object) -> bool:
    kind = type(value)
    if kind is dict or kind is list:
        return True
    if kind in LEAVES or isinstance(value, enum.Enum):
        return False
    return bool(value) or not isinstance(value, (tuple, frozenset))  # the empty ones are one object everywhere


def _parts(value: object) -> list[tuple[str, Any]]:
    """What is inside of a value and can be followed, by name."""
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items() if type(part) not in LEAVES]
    if isinstance(value, (list, tuple)):
        return [(str(number), part) for number, part in enumerate(value) if type(part) not in LEAVES]
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        model: Any = type(value)
        return [(name, getattr(value, name)) for name in plan_of(model).visit]
    return []
