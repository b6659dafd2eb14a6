"""Rows that can never decide, and rows without which nothing changes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from abpo_sdk.conditions.regions.space import bits_of
from abpo_sdk.policies.checks.checked_rows import Rows
from abpo_sdk.policies.checks.coverage import LOOKED_AT, Sides, TooMany, touching, uncovered
from abpo_sdk.policies.checks.findings import Finding, given, limited, listed, named

POINTS = 32
"""So many cases of a row are looked at before its whole region is."""


def unreachable(rows: Rows) -> list[Finding]:
    """Rows whose cases all belong to rows that count before them, or are refused."""
    found, undone = [], []
    chance = random.Random(0)  # noqa: S311  any will do, the same each time
    for row, boxes in enumerate(rows.holds):
        used: set[Sides] = set()
        try:
            if boxes and not _has_own(rows, row, used, chance):
                found.append(_covered(rows, row, used))
        except TooMany:
            undone.append(row + 1)
    if undone:
        rows.undone.append(f"whether row{'s' * (len(undone) > 1)} {listed(undone)} can ever decide")
    return limited(found, rows.limit, "unreachable rows")


def _has_own(rows: Rows, row: int, used: set[Sides], chance: random.Random) -> bool:
    """Whether there is a case of a row that nothing takes from it."""
    refused = rows.refused(range(row) if rows.first else range(len(rows.holds)))
    before = rows.before[row] if rows.hit_policy in ("FIRST", "PRIORITY") else 0
    for box in rows.holds[row]:
        touched = rows.overlaps.of(box) & before
        many = touched.bit_count() > LOOKED_AT
        if many and len(rows.every) == 1 and not refused and _free_point(rows, box, touched, chance):
            return True
        covers = refused + [rows.boxes[number] for number in bits_of(touched)]
        for every in rows.every:
            sides = rows.space.both(box, every)
            if sides is not None and next(uncovered(sides, covers, rows.budget, used), None) is not None:
                return True
    return False


def _free_point(rows: Rows, box: Sides, taken: int, chance: random.Random) -> bool:
    """Whether, of a few cases in a box, one is in no box of others; a quick look before the thorough one."""
    for _ in range(POINTS):
        point = tuple(_one_of(side & full, chance) for side, full in zip(box, rows.space.full, strict=True))
        if not rows.overlaps.of(point) & taken:
            return True
    return False


def _one_of(side: int, chance: random.Random) -> int:
    """One bit of a bit set."""
    low = (side & -side).bit_length() - 1
    at = chance.randrange(low, side.bit_length())
    rest = side >> at
    return 1 << at + (rest & -rest).bit_length() - 1


def _covered(rows: Rows, row: int, used: set[Sides]) -> Finding:
    earlier = rows.order[: rows.order.index(row)] if rows.hit_policy in ("FIRST", "PRIORITY") else []
    covering = sorted(r for r in earlier if used.intersection(rows.holds[r]))
    looked_at = range(row) if rows.first else range(len(rows.holds))
    refusing = [r for r in looked_at if r not in covering and used.intersection(rows.refuses[r])]
    said = []
    if covering:
        said.append(f"{named(covering)} cover{'s' * (len(covering) == 1)} it")
    if refusing:
        said.append(f"{named(refusing)} need{'s' * (len(refusing) == 1)} a value that is missing there")
    text = f"row {row + 1} can never decide: {', and '.join(said)}"
    numbers = (row + 1, *(r + 1 for r in (*covering, *refusing)))
    return Finding("unreachable", "error", numbers, text, rows.case_of(row))


def redundant(rows: Rows, known: set[int]) -> list[Finding]:
    """Rows without which every case gets the same, but for those that are `known` (by their numbers from 1)."""
    found, undone = [], []
    for row, boxes in enumerate(rows.holds):
        if row + 1 in known or not boxes:
            continue
        try:
            if not _changes_something(rows, row):
                same = f"without it, its cases get {given(rows.values[row])} all the same"
                text = f"row {row + 1} changes nothing: {same}"
                found.append(Finding("redundant", "note", (row + 1,), text, rows.case_of(row)))
        except TooMany:
            undone.append(row + 1)
    if undone:
        rows.undone.append(f"whether row{'s' * (len(undone) > 1)} {listed(undone)} change anything")
    return limited(found, rows.limit, "rows that change nothing")


def _changes_something(rows: Rows, row: int) -> bool:
    """Whether some case gets another result, or none, where a row is taken away."""
    above = range(row if rows.first else 0)
    others = [r for r in range(len(above), len(rows.holds)) if r != row]
    taken = [box for r in above for box in (*rows.holds[r], *rows.refuses[r])]
    refusing = taken if rows.first else rows.refused(others)
    if any(rows.shared(box, box, refusing) is not None for box in rows.refuses[row]):
        return True
    alike = [box for r in others if rows.values[r] == rows.values[row] for box in rows.holds[r]]
    unlike = [box for r in others for box in (*rows.holds[r], *rows.refuses[r])]
    for box in rows.holds[row]:
        for every in rows.every:
            sides = rows.space.both(box, every)
            if sides is None:
                continue
            for piece in uncovered(sides, taken + alike, rows.budget):
                if rows.default != rows.values[row] or touching(piece, unlike):
                    return True
            if rows.first and _another_first(rows, sides, row, taken, others):
                return True
    return False


def _another_first(rows: Rows, sides: Sides, row: int, taken: list[Sides], below: Sequence[int]) -> bool:
    """Whether, of the rows below, one that gives something else would come first."""
    taken = list(taken)
    for r in below:
        alike = rows.values[r] == rows.values[row]
        for box in rows.refuses[r] if alike else (*rows.holds[r], *rows.refuses[r]):
            part = rows.space.both(box, sides)
            if part is not None and next(uncovered(part, taken, rows.budget), None) is not None:
                return True
        if alike:
            taken += rows.holds[r]
    return False
