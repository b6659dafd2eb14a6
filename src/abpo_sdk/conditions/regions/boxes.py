"""A condition as boxes: for some inputs the regions that it allows, for some atoms the truth that it wants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from abpo_sdk.conditions.comparisons import Comparison
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.meaning import NEGATED, TURNED
from abpo_sdk.conditions.nodes import FieldNode

Sides = Mapping[int, int]
"""A box while it is made: a bit set for each dimension that it restricts; an atom is a dimension with 1 (no) and 2 (yes)."""

MERGED = 64
"""Boxes are compared with each other up to so many."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of conditions that no single input decides: it is a yes or no of its own.

    Args:
        condition: the part as it was first met; its opposite is the same atom's no.
        fields: the inputs that it reads.
        cut: whether it is a combination that had too many boxes.
    """

    condition: Condition
    fields: tuple[FieldNode, ...]
    cut: bool = False

    @property
    def text(self) -> str:
        """It in words: "abs(total - ordered) <= ordered * 0.02"."""
        return self.condition.text()


@dataclass(frozen=True, slots=True)
class Box:
    """Cases that have these regions and these truths.

    Args:
        axes: for each input that is restricted, its number and the allowed regions as a bit set; by number.
        atoms: for each atom that is restricted, its number and the truth that it must have; by number.
    """

    axes: tuple[tuple[int, int], ...]
    atoms: tuple[tuple[int, bool], ...] = ()

    def holds(self, indexes: Sequence[int], truths: Sequence[bool] = ()) -> bool:
        """Whether a case lies in it, by its region on each axis and the truth of each atom."""
        return all(allowed >> indexes[axis] & 1 for axis, allowed in self.axes) and all(
            truths[atom] is truth for atom, truth in self.atoms
        )


@dataclass(frozen=True, slots=True)
class Boxes:
    """A condition as boxes: it holds where a case lies in one of them (which may overlap). No boxes: it never holds.

    Args:
        boxes: the boxes.
        cut: combinations that became an atom of their own, because they had too many boxes, as texts.
    """

    boxes: tuple[Box, ...]
    cut: tuple[str, ...] = ()
    exact: bool = field(init=False)
    """Whether single inputs decide it alone: there is no atom."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", not any(box.atoms for box in self.boxes))

    def holds(self, indexes: Sequence[int], truths: Sequence[bool] = ()) -> bool:
        """Whether it holds of a case, by its region on each axis and the truth of each atom."""
        return any(box.holds(indexes, truths) for box in self.boxes)


def atom_of(condition: Condition) -> tuple[str, bool]:
    """What a condition is known by as an atom, and whether it is its yes: `a >= b` is the no of `a < b`, and `b > a` its yes."""
    if type(condition) is not Comparison:
        return _known(condition.structure()), True
    left, right = _known(condition.left.structure()), _known(condition.right.structure())
    operator, yes = condition.operator, True
    if left > right:
        left, right, operator = right, left, TURNED[operator]
    if operator in (">=", ">", "!="):
        operator, yes = NEGATED[operator], False
    return _known([operator, left, right]), yes


def met(a: Sides, b: Sides) -> Sides | None:
    """What lies in both; None where nothing does."""
    both = dict(a)
    for dimension, allowed in b.items():
        allowed &= both.get(dimension, -1)
        if not allowed:
            return None
        both[dimension] = allowed
    return both


def product(some: Iterable[Sides], others: Sequence[Sides]) -> list[Sides]:
    """What lies in one of `some` and in one of `others`."""
    return [both for a in some for b in others if (both := met(a, b)) is not None]


def tidied(boxes: Sequence[Sides]) -> list[Sides]:
    """The same cases in fewer boxes: those within another are left out, those that differ on one dimension are one."""
    kept = [dict(box) for box in {tuple(sorted(box.items())): box for box in boxes}.values()]
    before = -1
    while before != len(kept) and len(kept) > 1:
        before = len(kept)
        for dimension in {dimension for box in kept for dimension in box}:
            rest: dict[tuple[tuple[int, int], ...], dict[int, int]] = {}
            for box in kept:
                if dimension not in box:
                    rest[(-1, 0), *sorted(box.items())] = box
                    continue
                key = tuple(sorted(item for item in box.items() if item[0] != dimension))
                if key in rest:
                    rest[key][dimension] |= box[dimension]
                else:
                    rest[key] = box
            kept = list(rest.values())
    if len(kept) > MERGED:
        return list(kept)
    inside = set()
    for i, j in combinations(range(len(kept)), 2):
        if j not in inside and _within(kept[j], kept[i]):
            inside.add(j)
        elif i not in inside and _within(kept[i], kept[j]):
            inside.add(i)
    return [box for number, box in enumerate(kept) if number not in inside]


def _within(inner: Sides, outer: Sides) -> bool:
    return all(not inner.get(dimension, -1) & ~allowed for dimension, allowed in outer.items())


def _known(structure: object) -> str:
    return json.dumps(structure, sort_keys=True)


__all__ = ["Atom", "Box", "Boxes", "Sides", "atom_of", "met", "product", "tidied"]
