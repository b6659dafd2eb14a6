"""Cases that show what a check says: made from examples of regions, and tried on the conditions themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import Any

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.kinds import NUMBERS
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.conditions.regions.space import bits_of
from abpo_sdk.errors import InputError
from abpo_sdk.policies.checks.coverage import Sides, Space

TRIES = 400
"""So many cases are tried where atoms decide."""

Values = dict[tuple[type, tuple[str, ...]], Any]
"""What a made case holds, by model and path."""

GUESSES: dict[str, tuple[Any, ...]] = {
    "text": ("", "another text"),
    "truth": (False, True),
    "date": (dt.date(2026, 1, 1), dt.date(2026, 7, 1)),
    "time": (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 7, 1, tzinfo=dt.UTC)),
    "duration": (dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(days=365)),
    "list": ((),),
}
NUMBER_GUESSES = (0, 1, 2, 10, 100, 1_000, 10_000, -1)


def witness(space: Space, sides: Sides, shows: Callable[[Reading], bool]) -> tuple[dict[str, Any] | None, bool]:
    """A case in a box, and whether it was tried and shows what it should.

    Args:
        space: the conditions.
        sides: the box.
        shows: whether a case shows it; asked of each that is tried.

    Returns:
        The case as nested dicts of the inputs, the first that shows it; if none does, the first that was made, or None where
        no value is known for some region.
    """
    first: Values | None = None
    for tried, values in enumerate(_made(space, sides)):
        if tried == TRIES:
            break
        first = values if first is None else first
        try:
            if shows(reading_of(values)):
                return nested(values), True
        except InputError:
            continue
    return (None if first is None else nested(first)), False


def reading_of(values: Values) -> Reading:
    """A made case, to be read by conditions."""
    reading = Reading()
    for model in {model for model, _ in values}:
        reading.found[model] = nested({key: value for key, value in values.items() if key[0] is model})
    return reading


def nested(values: Mapping[tuple[type, tuple[str, ...]], Any]) -> dict[str, Any]:
    """Values by their paths as dicts in dicts; what lies in an object that is missing is left out."""
    tree: dict[str, Any] = {}
    for (_, path), value in sorted(values.items(), key=lambda item: len(item[0][1])):
        place = tree
        for name in path[:-1]:
            inner = place.setdefault(name, {})
            if inner is None:
                break
            place = inner
        else:
            if value is not PRESENT:
                place[path[-1]] = value
            else:
                place.setdefault(path[-1], {})
    return tree


PRESENT = object()
"""Stands for an object that is there."""


def _made(space: Space, sides: Sides) -> Iterator[Values]:
    """Cases in a box: a plain one, then others that differ in what the atoms read."""
    plain: Values = {}
    axes = {axis.key: number for number, axis in enumerate(space.regions.axes)}
    mixed = {(f.model, f.path): f for atom in space.regions.atoms for f in atom.fields}
    for key, number in axes.items():
        choices = _values(space, number, sides[number], few=True)
        if not choices:
            return
        plain[key] = choices[0]
    pool = _pool(space)
    options: dict[tuple[type, tuple[str, ...]], list[Any]] = {}
    for key, field in mixed.items():
        guesses = [_fit(value, field) for value in pool + list(NUMBER_GUESSES)] if field.kind.sort in NUMBERS else []
        guesses = [value for value in guesses if value is not None] + list(GUESSES.get(field.kind.sort, ()))
        guesses += list(field.kind.choices)
        if key in axes:
            axis, allowed = space.regions.axes[axes[key]], sides[axes[key]]
            inside = [value for value in guesses if allowed >> axis.index(value) & 1]
            options[key] = list(dict.fromkeys([*_values(space, axes[key], allowed), *inside]))
        else:
            options[key] = list(dict.fromkeys(guesses)) or [None]
            plain[key] = options[key][0]
    yield plain
    if not mixed:
        return
    keys = sorted(options, key=lambda key: len(options[key]))
    for spread in range(1, 1 + max(len(options[key]) for key in keys)):  # few values of each before many of one
        for chosen in product(*(options[key][:spread] for key in keys)):
            if any(options[key][spread - 1 : spread] == [value] for key, value in zip(keys, chosen, strict=True)):
                yield {**plain, **dict(zip(keys, chosen, strict=True))}


def _values(space: Space, number: int, allowed: int, *, few: bool = False) -> list[Any]:
    axis = space.regions.axes[number]
    found: list[Any] = []
    for index in bits_of(allowed):
        if not axis.present >> index & 1:
            value = None
        elif axis.sort in ("other", "model", "list"):
            value = {"model": PRESENT, "list": ()}.get(axis.sort, "present")
        else:
            value = axis.example(index)
            if value is None:
                continue
        found.append(value)
        if few or len(found) == 12:
            break
    return found


def _pool(space: Space) -> list[Any]:
    """The numbers that the conditions name."""
    found: dict[Any, None] = {}
    for axis in space.regions.axes:
        if axis.sort in NUMBERS:
            found.update(dict.fromkeys(axis.points[:20]))
    for atom in space.regions.atoms:
        for part in _within(atom.condition):
            found.update(dict.fromkeys(c for c in part.constants() if isinstance(c, (int, float, Decimal))))
    return list(found)


def _within(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in condition.parts():
        yield from _within(part)


def _fit(value: Any, field: FieldNode) -> Any:
    """A number as the field declares it; None where it has none."""
    if field.kind.sort == "integer":
        return int(value) if value == int(value) else None
    if field.kind.sort == "decimal":
        return Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return float(value)
