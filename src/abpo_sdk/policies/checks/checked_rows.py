"""The rows of a table as boxes, with what every check of them needs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.regions.space import regions_of
from abpo_sdk.policies.checks.coverage import Budget, Overlaps, Sides, Space, uncovered
from abpo_sdk.policies.checks.findings import Finding, Kind, Level
from abpo_sdk.policies.checks.witnesses import witness
from abpo_sdk.policies.hit_policies import BY_PRIORITY, HitPolicy, Values, priority
from abpo_sdk.policies.rules import Output


class Rows:
    """The rows of a table as boxes.

    Args:
        rules: each row's condition, and what it gives.
        hit_policy: which of the rows that match count.
        default: what a case gets that no row covers; None: nothing.
        outputs: the outputs, whose values are in order of priority.
        limit: how many findings of a kind are described.
        budget: how much work may be done.
    """

    def __init__(
        self,
        rules: Sequence[tuple[Condition, Values]],
        hit_policy: HitPolicy,
        default: Values | None,
        outputs: Sequence[Output],
        limit: int,
        budget: Budget,
    ) -> None:
        self.conditions = [condition for condition, _ in rules]
        self.values = [values for _, values in rules]
        self.hit_policy, self.default, self.limit, self.budget = hit_policy, default, limit, budget
        self.regions = regions_of(self.conditions)
        self.space = Space(self.regions)
        self.every = self.space.every()
        self.holds = [self.space.limits(boxes) for boxes in self.regions.holds]
        self.refuses = [self.space.limits(boxes) for boxes in self.regions.refuses]
        self.order = list(range(len(rules)))
        """The rows in the order in which they count."""
        if hit_policy in BY_PRIORITY:
            self.order.sort(key=lambda row: priority(self.values[row], outputs))
        self.owner = [row for row, boxes in enumerate(self.holds) for _ in boxes]
        """Of each box, in the order of the rows, the row."""
        self.boxes = [box for boxes in self.holds for box in boxes]
        self.overlaps = Overlaps(self.boxes, self.space.full)
        self.undone: list[str] = []
        """What the budget did not suffice for."""

    @property
    def first(self) -> bool:
        """Whether rows below one that holds are not looked at."""
        return self.hit_policy == "FIRST"

    @cached_property
    def before(self) -> dict[int, int]:
        """Of each row, the boxes of the rows that count before it, as a bit set."""
        found, so_far = {}, 0
        for row in self.order:
            found[row] = so_far
            start = self.first_box(row)
            so_far |= ((1 << len(self.holds[row])) - 1) << start
        return found

    def first_box(self, row: int) -> int:
        """The number of a row's first box."""
        return bisect_left(self.owner, row)

    def refused(self, rows: Sequence[int]) -> list[Sides]:
        """Where some rows need a value that is missing."""
        return [box for row in rows for box in self.refuses[row]]

    def shared(self, one: Sides, other: Sides, refused: Sequence[Sides]) -> Sides | None:
        """What two boxes have in common where nothing is refused; None where that is nothing."""
        for every in self.every:
            sides = self.space.both(one, every)
            sides = None if sides is None else self.space.both(other, sides)
            left = None if sides is None else next(uncovered(sides, refused, self.budget), None)
            if left is not None:
                return left
        return None

    def case_of(self, row: int) -> dict[str, Any] | None:
        """A case of which a row's condition holds; if none is found, one that lies in its boxes."""
        first = None
        for box in self.holds[row]:
            for every in self.every:
                sides = self.space.both(box, every)
                if sides is None:
                    continue
                case, shown = witness(self.space, sides, self.conditions[row].evaluate)
                if shown:
                    return case
                first = first or case
        return first

    def finding(
        self,
        kind: Kind,
        level: Level,
        text: str,
        sides: Sides,
        shows: Callable[[Reading], bool],
        rows: tuple[int, ...] = (),
    ) -> Finding:
        """A finding about the cases in a box; less sure where none could be made that shows it.

        Args:
            kind: of the finding.
            level: of the finding, where it is sure.
            text: it in words.
            sides: the box.
            shows: whether a case shows it.
            rows: the rows that it is about, from 0; none: all.
        """
        numbers = tuple(row + 1 for row in rows)
        case, shown = witness(self.space, sides, shows)
        exact = all(self.regions.holds[row].exact for row in rows or range(len(self.holds)))
        if shown or (exact and case is not None):
            return Finding(kind, level, numbers, text, case)
        parts = []
        for d in range(len(sides)):
            only = tuple(side if at == d else self.space.full[at] for at, side in enumerate(sides))
            if sides[d] != self.space.full[d]:
                words = self.space.words(only)
                parts.append(words if d < self.space.axes else f"`{words}`")
        text += f"; cannot tell whether {' and '.join(parts) or 'there is such a case'}"
        text += " can hold together" if len(parts) > 1 else " can hold" if parts else ""
        return Finding(kind, "warning" if level == "error" else level, numbers, text, None, exact=False)
