"""The regions of conditions: the space of cases, cut where some conditions change, and each condition as boxes in it.

This is what the fast evaluation of a table, its static checks and the question *why not* all rest on.

>>> from pydantic import BaseModel
>>> from abpo_sdk.conditions import fields
>>> class Claim(BaseModel):
...     amount: int
...     country: str
>>> c = fields(Claim)
>>> space = regions_of([(c.amount > 100) & (c.country == "DE"), c.amount.is_in(50, 100)])
>>> [axis.name for axis in space.axes], space.axes[0].points, space.axes[0].size
(['amount', 'country'], (50, 100), 5)
>>> space.axes[0].index(75), space.axes[0].index(100), space.axes[0].region(2).text
(2, 3, 'amount in (50..100)')
>>> space.holds[0].boxes
(Box(axes=((0, 16), (1, 1)), atoms=()),)
>>> space.holds[0].holds([4, 0])  # the case's region on each axis
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.condition import Both, Condition, Either, Not, row_of
from abpo_sdk.conditions.regions.axes import Axis, Region, TextTest, bits_of, runs_of
from abpo_sdk.conditions.regions.boxes import Atom, Box, Boxes, Sides, atom_of, met, product, tidied
from abpo_sdk.conditions.regions.solving import Single, single

if TYPE_CHECKING:
    from abpo_sdk.conditions.nodes import FieldNode
    from abpo_sdk.conditions.reading import Reading

TESTS = 4
"""So many tests of one text, other than comparisons, split its regions; those beyond are atoms."""

Key = tuple[type, tuple[str, ...]]


class Regions:
    """Some conditions in the space of their inputs; made by `regions_of`.

    What `holds` says is exact for a case whose values are all there and as declared: `holds[i].holds(*place(reading))`
    is `conditions[i].evaluate(reading)`, unless arithmetic in it has no value. Of missing values it is exact on axes that
    have a region for them: there a condition holds, fails or refuses (`refuses`), in the order in which it is read.
    """

    conditions: tuple[Condition, ...]
    axes: tuple[Axis, ...]
    """The inputs, in the order in which the conditions name them."""

    holds: tuple[Boxes, ...]
    """Of each condition, where it holds."""

    def __init__(self, conditions: Sequence[Condition], limit: int, missing: frozenset[Key], *, mixed: bool) -> None:
        self.conditions = tuple(conditions)
        maker = _Maker(self.conditions, limit, missing, mixed=mixed)
        self.axes = maker.axes
        self.holds = tuple(maker.boxes(condition, "holds") for condition in self.conditions)
        self._maker = maker

    @cached_property
    def refuses(self) -> tuple[Boxes, ...]:
        """Of each condition, where it needs a value that is missing (on axes that have a region for that)."""
        return tuple(self._maker.boxes(condition, "refuses") for condition in self.conditions)

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """What no single input decides, in the order in which it was met."""
        _ = self.refuses  # which may cut more
        return tuple(self._maker.atoms.values())

    @cached_property
    def universe(self) -> tuple[Box, ...]:
        """The cases that there can be: one box without limits, unless an object and a field in it may both be missing."""
        return tuple(self._maker.box(sides) for sides in self._maker.universe())

    def place(self, reading: Reading) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """A case's region on each axis, and the truth of each atom.

        Raises:
            MissingInput, MistypedInput: a value is not there, or not as declared.
        """
        indexes = tuple(axis.index(reading.value(axis.field, missing_ok=True)) for axis in self.axes)
        return indexes, tuple(atom.condition.evaluate(reading) for atom in self.atoms)


def regions_of(
    conditions: Iterable[Condition], *, limit: int = 256, missing: Iterable[FieldNode] = (), mixed: bool = False
) -> Regions:
    """Some conditions (rows of a table, say) in the space of their inputs.

    Args:
        conditions: any; of those that the language gains later, what is about one choice, truth or text alone is read by
            evaluating it, everything else is an atom.
        limit: how many boxes a condition may have; of one that has more, the largest part is an atom of its own (`cut`).
        missing: fields that have a region for "missing" though no condition asks.
        mixed: give an axis also to the fields that only atoms read.

    Raises:
        DefinitionError: `limit` is below 1.
    """
    asked = frozenset((field.model, field.path) for field in missing)
    return Regions(tuple(conditions), limit, asked, mixed=mixed)


class _Maker:
    """Makes the boxes of some conditions."""

    def __init__(self, conditions: tuple[Condition, ...], limit: int, missing: frozenset[Key], *, mixed: bool) -> None:
        self.limit = limit
        self.singles: dict[int, Single | None] = {}
        self.atoms: dict[str, Atom] = {}
        self.cut: list[str] = []
        self.known: dict[tuple[int, str], tuple[list[Sides], list[str]]] = {}
        fields: dict[Key, FieldNode] = {}
        constants: dict[Key, list[Any]] = {}
        tests: dict[Key, dict[str, TextTest]] = {}
        asked = set(missing)
        for condition in conditions:
            for leaf in _leaves(condition):
                found = self.singles[id(leaf)] = single(leaf)
                for field in leaf.fields():
                    fields.setdefault((field.model, field.path), field)
                if found is None:
                    continue
                key = (found.field.model, found.field.path)
                if found.test is not None:
                    known = tests.setdefault(key, {})
                    if found.test.key not in known and len(known) == TESTS:
                        self.singles[id(leaf)] = None
                        continue
                    known.setdefault(found.test.key, found.test)
                constants.setdefault(key, []).extend(found.constants)
                if found.missing is not None:
                    asked.add(key)
        for model, path in list(fields):  # where an object may be missing, so may be what it holds
            if any((model, path[:length]) in asked for length in range(1, len(path))):
                asked.add((model, path))
        single_keys = {(s.field.model, s.field.path) for s in self.singles.values() if s is not None}
        self.axes = tuple(
            Axis(field, constants.get(key, ()), tuple(tests.get(key, {}).values()), missing=key in asked)
            for key, field in fields.items()
            if mixed or key in single_keys or key in asked
        )
        self.may_miss = any(axis.missing for axis in self.axes)
        self.numbers = {axis.key: number for number, axis in enumerate(self.axes)}

    def boxes(self, condition: Condition, side: str) -> Boxes:
        """A condition's boxes on one side: where it holds, fails or refuses."""
        self.cut = []
        sides = self._sides(condition, side)
        return Boxes(tuple(self.box(one) for one in sides), tuple(dict.fromkeys(self.cut)))

    def box(self, sides: Sides) -> Box:
        """A box as it is given out: what allows everything is left out."""
        axes = ((d, m) for d, m in sorted(sides.items()) if d >= 0 and m != self.axes[d].possible)
        atoms = ((-1 - d, m == 2) for d, m in sorted(sides.items(), reverse=True) if d < 0 and m != 3)
        return Box(tuple(axes), tuple(atoms))

    def universe(self) -> list[Sides]:
        """What there can be: what is missing with an object that holds it."""
        found: list[Sides] = [{}]
        for number, axis in enumerate(self.axes):
            inner = [
                at
                for at, other in enumerate(self.axes)
                if other.key[0] is axis.key[0]
                and len(other.key[1]) > len(axis.key[1])
                and other.key[1][: len(axis.key[1])] == axis.key[1]
            ]
            if inner and axis.missing:
                absent = {at: 1 << self.axes[at].size - 1 for at in (number, *inner)}
                found = product(found, [{number: axis.present}, absent])
        return found

    def _sides(self, condition: Condition, side: str) -> list[Sides]:
        if side == "refuses" and not self.may_miss:
            return []
        if (id(condition), side) not in self.known:
            cut, self.cut = self.cut, []
            self.known[id(condition), side] = self._made(condition, side), self.cut
            self.cut = cut
        sides, cut = self.known[id(condition), side]
        self.cut += cut
        return sides

    def _made(self, condition: Condition, side: str) -> list[Sides]:
        if type(condition) is Not:
            return self._sides(condition.part, {"holds": "fails", "fails": "holds"}.get(side, side))
        if isinstance(condition, (Both, Either)):
            return self._combined(condition, side)
        settled = getattr(condition, "settled", None)
        if settled is not None:
            return [{}] if (side == "holds") is settled and side != "refuses" else []
        found = self.singles.get(id(condition))
        if found is None:
            return self._atom(condition, side)
        number = self.numbers[found.field.model, found.field.path]
        axis = self.axes[number]
        absent = 1 << axis.size - 1 if axis.missing else 0
        allowed = found.regions(axis) if side != "refuses" else 0
        if side == "fails":
            allowed = axis.present & ~allowed
        if {"holds": True, "fails": False, "refuses": None}[side] is found.missing:
            allowed |= absent
        allowed &= axis.possible
        return [{number: allowed}] if allowed else []

    def _combined(self, condition: Both | Either, side: str) -> list[Sides]:
        """The parts in their order: a later one counts where those before it leave it open."""
        parts = row_of(condition)
        goes_on, ends = ("holds", "fails") if type(condition) is Both else ("fails", "holds")
        if side == goes_on:
            return self._all(parts, side)
        refusing = [part for part in parts if self._sides(part, "refuses")] if side == ends else parts
        found: list[Sides] = []
        before: list[Condition] = []
        for part in parts:
            here = self._sides(part, side)
            if here:
                found += product(self._all(before, goes_on), here)
            if part in refusing or side == "refuses":
                before.append(part)
            if len(found) > self.limit:
                found = tidied(found)
            if len(found) > self.limit:
                return self._cut(condition, side)
        return tidied(found)

    def _all(self, parts: Sequence[Condition], side: str) -> list[Sides]:
        """Where every part is on one side."""
        found: list[Sides] = [{}]
        factors = sorted(((self._sides(part, side), part) for part in parts), key=lambda factor: len(factor[0]))
        for boxes, part in factors:  # the largest last, so that it is the largest that is cut
            both = product(found, boxes)
            if len(both) > self.limit:
                both = tidied(both)
            found = both if len(both) <= self.limit else product(found, self._cut(part, side))
        return found

    def _cut(self, condition: Condition, side: str) -> list[Sides]:
        self.cut.append(condition.text())
        return self._atom(condition, side, cut=True)

    def _atom(self, condition: Condition, side: str, *, cut: bool = False) -> list[Sides]:
        needed = [self.numbers[key] for f in condition.fields() if (key := (f.model, f.path)) in self.numbers]
        needed = [number for number in dict.fromkeys(needed) if self.axes[number].missing]
        if cut:  # it may itself ask what is missing
            needed = []
        if side == "refuses":
            return [{number: 1 << self.axes[number].size - 1} for number in needed]
        known, yes = atom_of(condition)
        if known not in self.atoms:
            own = {(f.model, f.path): f for f in condition.fields()}
            self.atoms[known] = Atom(condition, tuple(own.values()), cut)
        truth = yes is atom_of(self.atoms[known].condition)[1]
        dimension = -1 - list(self.atoms).index(known)
        there: Sides = {number: self.axes[number].present & self.axes[number].possible for number in needed}
        both = met(there, {dimension: 2 if (side == "holds") is truth else 1})
        return [] if both is None else [both]


def _leaves(condition: Condition) -> Iterator[Condition]:
    """What a condition combines, down to what combines nothing."""
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if type(part) in (Both, Either, Not):
            waiting += reversed(part.parts())
        else:
            yield part


__all__ = ["Atom", "Axis", "Box", "Boxes", "Region", "Regions", "TextTest", "bits_of", "regions_of", "runs_of"]
