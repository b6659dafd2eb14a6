"""Which inputs of some conditions a case may lack, by the types that declare them."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from abpo_sdk.conditions.comparisons import Missing
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.kinds import kind_of_annotation
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.policies.checks.coverage import Sides, Space
from abpo_sdk.values.traversal import annotations_of, is_typed_dict

Key = tuple[type, tuple[str, ...]]

MOST = 6
"""So many objects that may be missing are told apart; of more, what is in them is taken to be missing one by one."""


def optional_fields(conditions: Sequence[Condition]) -> list[FieldNode]:
    """The inputs that may be missing: their type, or that of an object which holds them, says so."""
    fields = {(f.model, f.path): f for condition in conditions for f in condition.fields()}
    return [field for field in fields.values() if any(_may_lack(field.model, field.path))]


def possible_cases(space: Space, conditions: Sequence[Condition]) -> list[Sides]:
    """The cases that there can be, as boxes: what is in an object is missing with it, and alone only where its own type says so.

    What a condition asks to be missing may be, whatever its type.
    """
    asked = set(_asked(conditions))
    axes = space.regions.axes
    own = [axis.key in asked or _may_lack(*axis.key)[-1] for axis in axes]
    outer = [[_prefix(axis.key, n) for n, may in enumerate(_may_lack(*axis.key)[:-1], 1) if may] for axis in axes]
    objects = list(dict.fromkeys(prefix for prefixes in outer for prefix in prefixes))[:MOST]
    found: list[Sides] = []
    for present in product((True, False), repeat=len(objects)):
        there = dict(zip(objects, present, strict=True))
        sides = list(space.full)
        for number, axis in enumerate(axes):
            if not axis.missing:
                continue
            absent = axis.possible & ~axis.present
            known = [there[prefix] for prefix in outer[number] if prefix in there]
            if axis.key in there:
                sides[number] &= axis.present if there[axis.key] else absent
            elif not all(known):
                sides[number] = absent
            elif not own[number] and len(known) == len(outer[number]):
                sides[number] &= axis.present
        if all(sides):
            found.extend(both for every in space.every() if (both := space.both(tuple(sides), every)) is not None)
    return list(dict.fromkeys(found))


def _prefix(key: Key, length: int) -> Key:
    return key[0], key[1][:length]


def _may_lack(model: type, path: tuple[str, ...]) -> list[bool]:
    """For each step of a path, whether there may be nothing."""
    found: list[bool] = []
    owner: Any = model
    for name in path:
        annotation = annotations_of(owner)[name]
        kind = kind_of_annotation(annotation)
        found.append(kind.optional or kind.sort == "other" or _is_not_required(owner, name, annotation))
        owner = kind.type
    return found


def _is_not_required(owner: Any, name: str, annotation: Any) -> bool:
    """Whether a typed dictionary may be without a key."""
    if not is_typed_dict(owner):
        return False
    origin = typing.get_origin(annotation)
    if origin in (typing.Required, typing.NotRequired):
        return origin is typing.NotRequired
    return name not in owner.__required_keys__


def _asked(conditions: Iterable[Condition]) -> Iterator[Key]:
    """The fields of which conditions ask whether they are missing."""
    waiting = list(conditions)
    while waiting:
        condition = waiting.pop()
        if isinstance(condition, Missing):
            yield from ((field.model, field.path) for field in condition.fields())
        waiting += condition.parts()
