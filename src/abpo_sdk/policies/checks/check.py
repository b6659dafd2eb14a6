"""Static checks of a decision table: rows that can never fire, gaps, overlaps, contradictions; each with a case that shows it.

They are exact over the regions of single inputs. A part of a condition that mixes inputs is a yes or no of its own: what is
covered for either answer is covered, so a row that is called unreachable is so for certain; what needs certain answers
together is tried on made cases, and a finding for which none is found says that it cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abpo_sdk.conditions import Condition
from abpo_sdk.policies.checks.case_checks import gaps, overlaps
from abpo_sdk.policies.checks.checked_rows import Rows
from abpo_sdk.policies.checks.coverage import Budget
from abpo_sdk.policies.checks.findings import Finding, named
from abpo_sdk.policies.checks.row_checks import redundant, unreachable
from abpo_sdk.policies.hit_policies import HitPolicy, Values
from abpo_sdk.policies.rules import Output

STEPS = 2_000_000
"""Comparisons of boxes that one check may take: some seconds."""

LEVELS = ("error", "warning", "note")


def check(
    rules: Sequence[tuple[Condition, Values]],
    hit_policy: HitPolicy = "FIRST",
    *,
    default: Values | None = None,
    outputs: Sequence[Output] = (),
    notes: bool = False,
    limit: int = 10,
    steps: int = STEPS,
) -> tuple[Finding, ...]:
    """Check the rows of a table against its hit policy.

    Args:
        rules: each row's condition, and what it gives in the order of the outputs.
        hit_policy: which of the rows that match count.
        default: what a case gets that no row covers; None: there is no default, and such cases are gaps.
        outputs: the outputs, whose values are in order of priority; for PRIORITY.
        notes: also say what is no fault: rows that change nothing, and the cases that get the default.
        limit: of each kind, so many are described; the rest are counted.
        steps: how much work it may be; what is then left undone is said by a finding of kind "incomplete".

    Returns:
        The findings, errors first.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk.conditions import fields
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> c = fields(Claim)
    >>> for finding in check([(c.amount > 100, ("refer",)), (c.amount > 500, ("reject",))]):
    ...     print(finding, finding.counterexample)
    error: row 2 can never decide: row 1 covers it {'amount': 501}
    error: no row covers amount <= 100 {'amount': 99}
    """
    rows = Rows(rules, hit_policy, default, outputs, limit, Budget(steps))
    found = [*_contradictions(rows), *unreachable(rows)]
    if hit_policy in ("UNIQUE", "ANY"):
        found += overlaps(rows)
    if default is None or notes:
        found += gaps(rows)
    if notes and hit_policy in ("FIRST", "ANY"):
        known = {finding.rows[0] for finding in found if finding.kind == "unreachable"}
        found += redundant(rows, known)
    found += (*_mixed(rows), *_undone(rows))
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))


def _contradictions(rows: Rows) -> Iterator[Finding]:
    for row, boxes in enumerate(rows.holds):
        if not boxes:
            text = f"row {row + 1} can never hold: {rows.conditions[row].text()} contradicts itself"
            yield Finding("contradiction", "error", (row + 1,), text)


def _mixed(rows: Rows) -> Iterator[Finding]:
    """What was taken as a yes or no of its own."""
    regions = rows.regions
    cut = {text for boxes in (*regions.holds, *regions.refuses) for text in boxes.cut}
    for number, atom in enumerate(regions.atoms):
        if number == rows.limit:
            text = f"{len(regions.atoms) - number:,} more conditions are each taken as a yes or no of its own"
            yield Finding("mixed inputs", "note", (), text, exact=False)
            break
        of_rows = [
            row
            for row, boxes in enumerate(regions.holds)
            if any(at == number for box in boxes.boxes for at, _ in box.atoms)
        ]
        why = "has too many alternatives" if atom.text in cut else "is not decided by one input"
        text = f"`{atom.text}` ({named(of_rows)}) {why}, and is taken as a yes or no of its own: what follows from its inputs is not seen"
        yield Finding("mixed inputs", "note", tuple(row + 1 for row in of_rows), text, exact=False)


def _undone(rows: Rows) -> Iterator[Finding]:
    for undone in rows.undone:
        yield Finding("incomplete", "warning", (), f"the table is too large to check {undone}", exact=False)


__all__ = ["Finding", "check"]
