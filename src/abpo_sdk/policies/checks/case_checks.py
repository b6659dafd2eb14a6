"""Pairs of rows that match a case together and must not, and cases that no row covers."""

from __future__ import annotations

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.regions.space import bits_of
from abpo_sdk.policies.checks.checked_rows import Rows
from abpo_sdk.policies.checks.coverage import Sides, TooMany, uncovered
from abpo_sdk.policies.checks.findings import Finding, Kind, Level, given
from abpo_sdk.policies.hit_policies import Values


def overlaps(rows: Rows) -> list[Finding]:
    """Of UNIQUE, rows that match a case together; of ANY, those of them that give different things."""
    found: list[Finding] = []
    refused = rows.refused(range(len(rows.holds)))
    allowed = _alike(rows) if rows.hit_policy == "ANY" else {}
    seen: set[tuple[int, int]] = set()
    more = 0
    try:
        for number, box in enumerate(rows.boxes):
            row = rows.owner[number]
            others = rows.overlaps.of(box) & ((1 << rows.first_box(row)) - 1) & ~allowed.get(rows.values[row], 0)
            if len(found) == rows.limit:
                more += others.bit_count()
                continue
            for other in bits_of(others):
                pair = rows.owner[other], row
                both = None if pair in seen else rows.shared(box, rows.boxes[other], refused)
                if both is not None and len(found) < rows.limit:
                    seen.add(pair)
                    found.append(_overlap(rows, pair, both))
                elif both is not None:
                    more += 1
    except TooMany:
        rows.undone.append("every pair of rows for overlaps")
    if more:
        level: Level = "error" if any(finding.level == "error" for finding in found) else "warning"
        found.append(Finding("overlap", level, (), f"up to {more:,} more pairs of rows overlap", exact=False))
    return found


def _alike(rows: Rows) -> dict[Values, int]:
    """The boxes, as a bit set, of the rows that give the same."""
    alike: dict[Values, int] = {}
    for number, row in enumerate(rows.owner):
        alike[rows.values[row]] = alike.get(rows.values[row], 0) | 1 << number
    return alike


def _overlap(rows: Rows, pair: tuple[int, int], both: Sides) -> Finding:
    first, second = (rows.conditions[row] for row in pair)
    gives = [given(rows.values[row]) for row in pair]
    differ = f" and give {gives[0]} and {gives[1]}" if rows.values[pair[0]] != rows.values[pair[1]] else ""
    text = f"rows {pair[0] + 1} and {pair[1] + 1}"
    kind: Kind = "overlap"
    if differ and set(rows.holds[pair[0]]) == set(rows.holds[pair[1]]):
        text += f" have the same condition{differ}"
        kind = "contradiction"
    else:
        where = rows.space.words(both)
        text += f" both match {f'where {where}' if where else 'every case'}{differ}"
    return rows.finding(
        kind, "error", text, both, lambda reading: first.evaluate(reading) and second.evaluate(reading), pair
    )


def gaps(rows: Rows) -> list[Finding]:
    """The cases that no row covers, in as few and as large boxes as come about by widening one after the other."""
    covers = [*rows.boxes, *rows.refused(range(len(rows.holds)))]
    found: list[tuple[int, Finding]] = []
    taken: list[Sides] = []
    level: Level = "error" if rows.default is None else "note"
    after = "" if rows.default is None else f"; the default gives {given(rows.default)}"
    more: list[Finding] = []

    def uncovered_by_all(reading: Reading) -> bool:
        return not any(condition.evaluate(reading) for condition in rows.conditions)

    try:
        for every in rows.every:
            while (piece := next(uncovered(every, covers + taken, rows.budget), None)) is not None:
                if len(found) == rows.limit:
                    more = [Finding("gap", level, (), f"there are more cases that no row covers than these{after}")]
                    break
                gap = rows.space.widened(piece, every, covers, rows.budget)
                taken.append(gap)
                text = f"no row covers {rows.space.words(gap, every) or rows.space.words(gap) or 'any case'}{after}"
                limits = sum(side != whole for side, whole in zip(gap, every, strict=True))
                found.append((limits, rows.finding("gap", level, text, gap, uncovered_by_all)))
    except TooMany:
        rows.undone.append("every case for gaps")
    found.sort(key=lambda gap: gap[0])
    return [finding for _, finding in found] + more
