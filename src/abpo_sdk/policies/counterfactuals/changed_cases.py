"""A case in the space of some conditions, and the same case with some values changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.kinds import ORDERED
from abpo_sdk.conditions.regions.nearest import between
from abpo_sdk.conditions.regions.space import Axis, bits_of, regions_of
from abpo_sdk.errors import InputError
from abpo_sdk.policies.checks.coverage import Sides, Space

TRIES = 60
"""So many changed cases are tried where conditions that mix inputs read what changes."""

Path = tuple[str, ...]


class Case:
    """A case, and where it lies.

    Args:
        conditions: the conditions.
        case: the case.

    Raises:
        MistypedInput: a value is not as declared.
    """

    def __init__(self, conditions: Sequence[Condition], case: Any) -> None:
        self.case = case
        reading = Reading(case)
        fields = {(field.model, field.path): field for condition in conditions for field in condition.fields()}
        absent = [field for field in fields.values() if reading.raw(field) is None]
        self.space = Space(regions_of(conditions, missing=absent, mixed=True))
        regions = self.space.regions
        self.models = list(dict.fromkeys(model for model, _ in fields))
        self.values = [reading.value(axis.field, missing_ok=True) for axis in regions.axes]
        indexes = [axis.index(value) for axis, value in zip(regions.axes, self.values, strict=True)]
        truths = [_truth(atom.condition, reading) for atom in regions.atoms]
        self.place: Sides = (*(1 << index for index in indexes), *(2 if truth else 1 for truth in truths))
        """The one region on each dimension in which it lies."""
        read = [{(field.model, field.path) for field in atom.fields} for atom in regions.atoms]
        self.read_by = [
            [self.space.axes + atom for atom, keys in enumerate(read) if axis.key in keys] for axis in regions.axes
        ]
        """Of each axis, the dimensions of the atoms that read it."""

    def reading(self, changes: Mapping[Path, Any] | None = None) -> Reading:
        """The case to be read, with some values changed."""
        reading = Reading(self.case)
        if changes:
            for model in self.models:
                field = next(a.field for a in self.space.regions.axes if a.field.model is model)
                reading.found[model] = Overlay(reading.thing(field), changes)
        return reading

    def changed(self, dimensions: Sequence[int], every: Sides) -> Sides:
        """The cases that differ in some dimensions and in no other, but for atoms that read what changes.

        A value that atoms read may change within its region.
        """
        sides = list(self.place)
        for dimension in dimensions:
            mixes = dimension < self.space.axes and self.read_by[dimension]
            sides[dimension] = every[dimension] if mixes else every[dimension] & ~self.place[dimension]
        for dimension in dimensions:
            for atom in self.read_by[dimension] if dimension < self.space.axes else ():
                if atom not in dimensions:
                    sides[atom] = 3
        return tuple(sides)

    def nearest(
        self, dimensions: Sequence[int], sides: Sides, does: Callable[[Reading], bool]
    ) -> tuple[int, dict[int, Any], bool] | None:
        """The nearest changed case in a box: how far it is, the new values, and whether it was tried and does.

        None where cases were tried and none does, or there is nothing between which to choose.
        """
        axes = [d for d in dimensions if d < self.space.axes]
        options = [self._options(d, sides[d]) for d in axes]
        plain = [option[0] if option else (0, None) for option in options]
        cost = sum(far for far, _ in plain)
        if len(axes) < len(dimensions) or not all(options):  # atoms must change, or a value is not known
            return cost, {d: value for d, (_, value) in zip(axes, plain, strict=True)}, False
        loose = any(self.read_by[d] for d in axes)
        for chosen in islice(product(*options), TRIES if loose else 1):
            changes = {self.space.regions.axes[d].field.path: value for d, (_, value) in zip(axes, chosen, strict=True)}
            if does(self.reading(changes)):
                values = {d: value for d, (_, value) in zip(axes, chosen, strict=True)}
                return sum(far for far, _ in chosen), values, True
        return None

    def _options(self, dimension: int, allowed: int) -> list[tuple[int, Any]]:
        """Values in some regions of an axis, nearest first, each with how many regions it is away."""
        axis = self.space.regions.axes[dimension]
        here = self.place[dimension].bit_length() - 1
        near = self.values[dimension] if axis.sort in ORDERED else None
        found: list[tuple[int, Any]] = []
        for index in bits_of(allowed):
            far = abs(index - here) if axis.sort in ORDERED and axis.present >> here & 1 else 1
            if not axis.present >> index & 1:
                found.append((axis.size, None))
            elif axis.sort in ("model", "list", "other"):
                found.append((far, PRESENT))
            else:
                found += ((far, value) for value in (axis.example(index, near),) if value is not None)
        if self.read_by[dimension]:
            found += ((1, value) for value in self._like(axis) if allowed >> axis.index(value) & 1)
        own = self.values[dimension]
        found = [option for option in found if option[1] is None or option[1] is PRESENT or option[1] != own]
        if near is None:
            return sorted(found, key=lambda option: option[0])
        return sorted(
            found, key=lambda option: (option[1] is None, abs(option[1] - near) if option[1] is not None else 0)
        )

    def _like(self, axis: Axis) -> Iterator[Any]:
        """What the case has in other inputs of the same sort, and a value beside each: what mixes inputs compares these."""
        for other, value in zip(self.space.regions.axes, self.values, strict=True):
            if other is axis or other.sort != axis.sort or value is None:
                continue
            yield value
            if axis.sort in ORDERED:
                beside = (between(axis.sort, value, None, value), between(axis.sort, None, value, value))
                yield from (found for found in beside if found is not None)


class Overlay(Mapping[str, Any]):
    """An object with some of its values changed, however deep."""

    __slots__ = ("_changes", "_path", "_thing")

    def __init__(self, thing: Any, changes: Mapping[Path, Any], path: Path = ()) -> None:
        self._thing = thing
        self._changes = changes
        self._path = path

    def __getitem__(self, name: str) -> Any:
        path = (*self._path, name)
        thing = self._thing
        inner = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
        if path in self._changes and self._changes[path] is not PRESENT:
            return self._changes[path]
        if path in self._changes or any(changed[: len(path)] == path for changed in self._changes):
            return Overlay(inner, self._changes, path)
        return inner

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


class _Present:
    """Stands for an object that is there, whatever it is."""

    def __repr__(self) -> str:
        return "(present)"


PRESENT = _Present()


def _truth(condition: Condition, reading: Reading) -> bool:
    """The truth of an atom; one that has no answer is taken as not so."""
    try:
        return condition.evaluate(reading)
    except InputError:
        return False


__all__ = ["Case", "Overlay"]
