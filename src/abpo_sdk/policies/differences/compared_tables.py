"""Two tables in one space of cases, and where they decide differently: exact, over the regions of the conditions of both.

A part of a condition that mixes inputs is a yes or no of its own. So what is said to be decided alike is so for certain; and of
what is said to be decided otherwise, there may be no case, which is tried on made ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import and_
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.regions.boxes import tidied
from abpo_sdk.conditions.regions.space import regions_of
from abpo_sdk.policies.checks.coverage import Budget, Sides, Space, TooMany, uncovered
from abpo_sdk.policies.checks.witnesses import witness
from abpo_sdk.policies.differences.absences import optional_fields, possible_cases
from abpo_sdk.policies.differences.divergences import Divergence, Divergences
from abpo_sdk.policies.differences.given import REFUSED, Given, decided, given

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

STEPS = 3_000_000
"""Comparisons of boxes that one comparison of tables may take: some seconds."""

PIECES = 4_000
"""So many boxes of cases that are decided otherwise are told apart; of two tables that have little in common there may be any number."""


def divergences(
    old: DecisionTable,
    new: DecisionTable,
    changed: tuple[Sequence[int], Sequence[int]] | None,
    *,
    limit: int,
    steps: int = STEPS,
) -> Divergences:
    """The cases that two tables decide differently.

    Args:
        old: the one.
        new: the other.
        changed: the rows of the old and of the new table, from 0, without which both decide alike, and the other rows are the same
            in the same order; None where any case may be decided otherwise.
        limit: so many regions are described.
        steps: how much work it may be.
    """
    if old.case_type is not new.case_type:
        doubt = f"the tables decide about {old.case_type.__name__} and {new.case_type.__name__}, which are two types"
        return Divergences((), doubts=(doubt,))
    both = ComparedTables(old, new, Budget(steps))
    doubts = list(both.doubts())
    found: dict[tuple[Given, Given], list[Sides]] = {}
    try:
        for number, (before, after, piece) in enumerate(both.differing(changed)):
            if number == PIECES:
                doubts.append(
                    "the tables differ for too many sorts of cases to tell them all; there are more than these"
                )
                break
            found.setdefault((before, after), []).append(piece)
    except TooMany:
        doubts.append("the tables are too large to compare for every case; there may be more than this")
    regions = sorted(
        ((given, box) for given, pieces in found.items() for box in both.joined(pieces)),
        key=lambda region: both.limits(region[1]),
    )
    described = tuple(both.described(before, after, box) for (before, after), box in regions[:limit])
    return Divergences(described, max(0, len(regions) - limit), tuple(doubts))


class _Rows:
    """The rows of a table as boxes: of each, where it holds and where it refuses."""

    def __init__(self, table: DecisionTable, holds: Iterable[list[Sides]], refuses: Iterable[list[Sides]]) -> None:
        self.table = table
        self.boxes = list(zip(holds, refuses, strict=True))
        self._given: dict[tuple[int, ...], Given] = {}

    def given(self, matched: Sequence[int]) -> Given:
        """What the table gives where some rows match."""
        known = tuple(matched)
        if known not in self._given:
            self._given[known] = given(self.table, matched)
        return self._given[known]


Alive = list[tuple[int, list[Sides], list[Sides]]]
"""The rows that some cases may reach: of each its number, and what of it touches them."""


class ComparedTables:
    """Two tables in one space of cases.

    Args:
        old: the one.
        new: the other.
        budget: how much work may be done.
    """

    def __init__(self, old: DecisionTable, new: DecisionTable, budget: Budget) -> None:
        self.conditions = [row.when for table in (old, new) for row in table.rules]
        regions = regions_of(self.conditions, missing=optional_fields(self.conditions))
        self.space, self.budget = Space(regions), budget
        holds = [self.space.limits(boxes) for boxes in regions.holds]
        refuses = [self.space.limits(boxes) for boxes in regions.refuses]
        cut = len(old.rules)
        self.old = _Rows(old, holds[:cut], refuses[:cut])
        self.new = _Rows(new, holds[cut:], refuses[cut:])
        self.every = possible_cases(self.space, self.conditions)

    def doubts(self) -> Iterator[str]:
        """What regions do not tell of."""
        for atom in self.space.regions.atoms:
            if _may_have_no_answer(atom.condition.structure()):
                yield f"cases for which `{atom.text}` has no answer are left out"

    def _to_look_at(self, changed: tuple[Sequence[int], Sequence[int]] | None) -> Iterator[Sides]:
        """The cases that may be decided otherwise, as boxes that do not overlap."""
        if changed is None:
            yield from _disjoint(self.every, self.budget)
            return
        touched = [
            both
            for rows, numbers in zip((self.old, self.new), changed, strict=True)
            for number in numbers
            for boxes in rows.boxes[number]
            for box in boxes
            for every in self.every
            if (both := self.space.both(box, every)) is not None
        ]
        yield from _disjoint(touched, self.budget)

    def differing(
        self, changed: tuple[Sequence[int], Sequence[int]] | None = None
    ) -> Iterator[tuple[Given, Given, Sides]]:
        """What is decided otherwise, in boxes that do not overlap, each alike in what both tables give.

        Args:
            changed: the rows that can make a difference; None: any.

        Raises:
            TooMany: the budget is used up.
        """
        for sides in self._to_look_at(changed):
            yield from self._differing(sides)

    def _differing(self, sides: Sides) -> Iterator[tuple[Given, Given, Sides]]:
        waiting: list[tuple[Sides, Alive, Alive]] = [(sides, _all(self.old), _all(self.new))]
        while waiting:
            piece, old_rows, new_rows = waiting.pop()
            old_rows, new_rows = self._touching(piece, old_rows), self._touching(piece, new_rows)
            before, after = _answer(piece, old_rows, self.old), _answer(piece, new_rows, self.new)
            if not isinstance(before, Given):
                waiting += ((part, old_rows, new_rows) for part in _halves(piece, before))
            elif not isinstance(after, Given):
                waiting += ((part, old_rows, new_rows) for part in _halves(piece, after))
            elif before.key != after.key:
                yield before, after, piece

    def _touching(self, piece: Sides, rows: Alive) -> Alive:
        found: Alive = []
        for number, holds, refuses in rows:
            self.budget.take(len(holds) + len(refuses))
            holding = [box for box in holds if all(map(and_, piece, box))]
            refusing = [box for box in refuses if all(map(and_, piece, box))]
            if holding or refusing:
                found.append((number, holding, refusing))
        return found

    def joined(self, pieces: Sequence[Sides]) -> list[Sides]:
        """The same cases in fewer boxes."""
        boxes = tidied([dict(enumerate(piece)) for piece in pieces])
        return [tuple(box[dimension] for dimension in range(len(self.space.full))) for box in boxes]

    def limits(self, box: Sides) -> tuple[int, Sides]:
        """How many inputs a box limits; so that the widest come first."""
        return sum(side != every for side, every in zip(box, self.space.full, strict=True)), box

    def described(self, before: Given, after: Given, box: Sides) -> Divergence:
        """A region in words, with a case."""

        def shows(reading: Reading) -> bool:
            gives = decided(self.old.table, reading).key, decided(self.new.table, reading).key
            return gives == (before.key, after.key) and self._lies_in(box, reading)

        case, shown = witness(self.space, box, shows)
        sure = shown or (case is not None and not self.space.regions.atoms)
        return Divergence(self.space.words(box), before.words, after.words, case if sure else None)

    def _lies_in(self, box: Sides, reading: Reading) -> bool:
        """Whether the parts that mix inputs are so as in a box."""
        atoms = zip(box[self.space.axes :], self.space.regions.atoms, strict=True)
        return all(allowed == 3 or bool(allowed >> atom.condition.evaluate(reading) & 1) for allowed, atom in atoms)


def _all(rows: _Rows) -> Alive:
    return [(number, holds, refuses) for number, (holds, refuses) in enumerate(rows.boxes)]


def _answer(piece: Sides, alive: Alive, rows: _Rows) -> Given | Sides:
    """What a table gives for all cases in a box; or a box by which they are to be told apart."""
    matched: list[int] = []
    first = rows.table.hit_policy == "FIRST"
    if not first and any(_within(piece, box) for _, _, refuses in alive for box in refuses):
        return REFUSED
    for number, holds, refuses in alive:
        if any(_within(piece, box) for box in refuses):
            return REFUSED
        if not any(_within(piece, box) for box in holds):
            return (refuses or holds)[0]
        matched.append(number)
        if first:
            break
    return rows.given(matched)


def _within(inner: Sides, outer: Sides) -> bool:
    return not any(side & ~allowed for side, allowed in zip(inner, outer, strict=True))


def _halves(piece: Sides, box: Sides) -> tuple[Sides, Sides]:
    """A box in two, along the side of another where this one leaves the largest part of it outside."""
    reach = [(side & allowed).bit_count() / side.bit_count() for side, allowed in zip(piece, box, strict=True)]
    at = reach.index(min(reach))
    inside = piece[at] & box[at]
    return (*piece[:at], inside, *piece[at + 1 :]), (*piece[:at], piece[at] & ~inside, *piece[at + 1 :])


def _disjoint(boxes: Sequence[Sides], budget: Budget) -> Iterator[Sides]:
    """Boxes, cut so that none overlap."""
    for number, box in enumerate(boxes):
        yield from uncovered(box, boxes[:number], budget)


def _may_have_no_answer(structure: Any) -> bool:
    """Whether a condition divides, or looks at the items of a list, whose values may be missing."""
    if isinstance(structure, dict):
        own = structure.get("op") == "/" or "level" in structure
        return own or any(map(_may_have_no_answer, structure.values()))
    return isinstance(structure, list) and any(map(_may_have_no_answer, structure))
