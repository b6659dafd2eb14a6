"""What some boxes leave uncovered: exact, by cutting what remains along the boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import and_, or_, xor

from abpo_sdk.conditions.regions.space import Box, Boxes, Regions, bits_of, runs_of

Sides = tuple[int, ...]
"""A box: a bit set for every dimension, which are the axes, then the atoms with 1 (no) and 2 (yes); -1 for no limit."""

LOOKED_AT = 64
"""Among so many covers the best is chosen by which a piece is cut next."""


NARROW = 16
"""A side with so few regions is looked up region by region."""


class TooMany(Exception):
    """More steps than were allowed."""


class Budget:
    """So many comparisons of boxes and no more, so that a check of any table comes to an end.

    Args:
        steps: how many.
    """

    __slots__ = ("steps",)

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def take(self, steps: int) -> None:
        """Use some.

        Raises:
            TooMany: there are none left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise TooMany


class Space:
    """The cases of some conditions as dimensions, each with a bit set of what there is in it.

    Args:
        regions: the conditions.
    """

    def __init__(self, regions: Regions) -> None:
        self.regions = regions
        self.axes = len(regions.axes)
        self.full: Sides = (*(axis.possible for axis in regions.axes), *(3 for _ in regions.atoms))

    def limits(self, boxes: Boxes | Iterable[Box]) -> list[Sides]:
        """Boxes with -1 for each dimension that they do not restrict."""
        found = []
        for box in boxes.boxes if isinstance(boxes, Boxes) else boxes:
            sides = [-1] * len(self.full)
            for axis, allowed in box.axes:
                sides[axis] = allowed
            for atom, truth in box.atoms:
                sides[self.axes + atom] = 2 if truth else 1
            found.append(tuple(sides))
        return found

    def both(self, one: Sides, within: Sides | None = None) -> Sides | None:
        """What a box has in common with another; None where that is nothing."""
        found = tuple(map(and_, one, self.full if within is None else within))
        return found if all(found) else None

    def every(self) -> list[Sides]:
        """The cases that there can be."""
        return [sides for limits in self.limits(self.regions.universe) if (sides := self.both(limits)) is not None]

    def words(self, sides: Sides, within: Sides | None = None) -> str:
        """A box in words: "country is another than 'DE' and total > 500"; empty where it is everything."""
        full = self.full if within is None else within
        parts = []
        for dimension, (allowed, every) in enumerate(zip(sides, full, strict=True)):
            if allowed == every:
                continue
            if dimension < self.axes:
                text = self.regions.axes[dimension].words(allowed)
            else:
                condition = self.regions.atoms[dimension - self.axes].condition
                text = (condition if allowed == 2 else ~condition).text()
            parts.append(text)
        return " and ".join(f"({text})" if len(parts) > 1 and " or " in text else text for text in parts)

    def widened(self, sides: Sides, within: Sides, covers: Sequence[Sides], budget: Budget) -> Sides:
        """A box that no cover touches, made as large as it can be: first where it then needs no limit at all."""
        box = list(sides)
        waiting = [d for d in range(len(box)) if box[d] != within[d]]
        while waiting:
            budget.take(len(covers))
            blocked = dict.fromkeys(waiting, 0)
            for cover in covers:
                outside = [d for d, shared in enumerate(map(and_, box, cover)) if not shared]
                if len(outside) == 1 and outside[0] in blocked:
                    blocked[outside[0]] |= cover[outside[0]]
            free = {d: within[d] & ~blocked[d] for d in waiting}
            best = min(waiting, key=lambda d: (free[d] != within[d], -(free[d].bit_count() / within[d].bit_count())))
            box[best] = free[best]
            waiting.remove(best)
        return tuple(box)


def touching(sides: Sides, covers: Iterable[Sides]) -> list[Sides]:
    """Those boxes that have something in common with another."""
    return [cover for cover in covers if all(map(and_, sides, cover))]


def uncovered(sides: Sides, covers: Iterable[Sides], budget: Budget, used: set[Sides] | None = None) -> Iterator[Sides]:
    """What some boxes leave of another, in disjoint pieces, likely ones first; nothing where they cover it.

    Args:
        sides: the box.
        covers: the boxes that cover.
        budget: how many comparisons may be made.
        used: takes the boxes that were needed; where nothing is left, these alone cover it.

    Raises:
        TooMany: the budget is used up.
    """
    touched = touching(sides, covers)
    if len(touched) > LOOKED_AT:  # those first that leave little over
        budget.take(len(touched))
        touched.sort(
            key=lambda cover: sum((side & ~allowed).bit_count() for side, allowed in zip(sides, cover, strict=True))
        )
    waiting = [(sides, touched)]
    while waiting:
        piece, alive = waiting.pop()
        if not alive:
            yield piece
            continue
        budget.take(len(alive))
        best, least = alive[0], len(piece) + 1
        for cover in alive[:LOOKED_AT]:
            outside = 0
            for side, allowed in zip(piece, cover, strict=True):
                if side & ~allowed:
                    outside += 1
            if outside < least:
                best, least = cover, outside
                if not outside:
                    break
        if used is not None:
            used.add(best)
        if least:
            waiting += sorted(_cut(piece, best, alive), key=lambda part: -len(part[1]))


def _cut(piece: Sides, cover: Sides, alive: Sequence[Sides]) -> Iterator[tuple[Sides, list[Sides]]]:
    """What a box leaves of a piece, a part for each dimension in which it does not reach across."""
    rest = list(piece)
    for dimension, allowed in enumerate(cover):
        beyond = rest[dimension] & ~allowed
        if beyond:
            yield (
                (*rest[:dimension], beyond, *rest[dimension + 1 :]),
                [other for other in alive if other[dimension] & beyond],
            )
            inside = rest[dimension] = rest[dimension] & allowed
            alive = [other for other in alive if other[dimension] & inside]


class Overlaps:
    """Finds the boxes that may touch another without looking at each of them.

    Of a box that is narrow in a dimension, by what holds in each of its regions; of a wide one, by which start before it
    ends and end after it starts.

    Args:
        boxes: the boxes.
        full: what there is in each dimension.
    """

    def __init__(self, boxes: Sequence[Sides], full: Sides) -> None:
        self.everyone = (1 << len(boxes)) - 1
        self.columns: list[list[int]] = []
        self.starting: list[list[int]] = []
        self.ending: list[list[int]] = []
        for dimension, every in enumerate(full):
            size = every.bit_length()
            turning, starts, ends = [0] * (size + 1), [0] * size, [0] * size
            unlimited = self.everyone
            for number, box in enumerate(boxes):
                allowed = box[dimension]
                if allowed == -1:
                    continue
                unlimited ^= 1 << number
                starts[(allowed & -allowed).bit_length() - 1] |= 1 << number
                ends[allowed.bit_length() - 1] |= 1 << number
                for first, last in runs_of(allowed, allowed):
                    turning[first] ^= 1 << number
                    turning[last + 1] ^= 1 << number
            self.columns.append(list(accumulate(turning[:size], xor, initial=unlimited))[1:])
            self.starting.append(list(accumulate(starts, or_, initial=unlimited))[1:])
            self.ending.append(list(accumulate(reversed(ends), or_, initial=unlimited))[:0:-1])

    def of(self, box: Sides) -> int:
        """The numbers of the boxes that may touch a box, as a bit set; all that do are among them."""
        found = self.everyone
        for dimension, allowed in enumerate(box):
            if allowed == -1:
                continue
            if allowed.bit_count() <= NARROW:
                column, here = self.columns[dimension], 0
                for index in bits_of(allowed):
                    here |= column[index]
                found &= here
            else:
                found &= self.starting[dimension][allowed.bit_length() - 1]
                found &= self.ending[dimension][(allowed & -allowed).bit_length() - 1]
        return found
