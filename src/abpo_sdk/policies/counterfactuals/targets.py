"""Which cases a table gives an outcome for, by its hit policy: boxes of rows, less what other rows take from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.errors import DefinitionError, HitPolicyViolated
from abpo_sdk.policies.checks.coverage import Sides
from abpo_sdk.policies.counterfactuals.changed_cases import Case
from abpo_sdk.policies.hit_policies import (
    Aggregation,
    HitPolicy,
    Values,
    aggregated,
    counting,
    priority,
)
from abpo_sdk.policies.rules import Output, written_out


@dataclass(frozen=True, slots=True)
class Target:
    """Cases that get an outcome: those in a box and in none of the covers.

    Args:
        box: where a row holds.
        covers: where another decides instead, or a value that is needed is missing.
    """

    box: Sides
    covers: tuple[Sides, ...]


def targets(
    case: Case,
    rules: Sequence[tuple[Condition, Values]],
    outcome: str,
    hit_policy: HitPolicy,
    default: Values | None,
    outputs: Sequence[Output],
    aggregation: Aggregation | None,
) -> list[Target]:
    """The cases for which a table gives an outcome.

    Raises:
        DefinitionError: the aggregation is "sum" or "count".
    """
    if aggregation in ("sum", "count"):
        raise DefinitionError(f"no single row decides a {aggregation}; ask why not of a table without it")
    space = case.space
    holds = [space.limits(boxes) for boxes in space.regions.holds]
    refuses = [space.limits(boxes) for boxes in space.regions.refuses]
    values = [given for _, given in rules]
    found = []
    for row, given in enumerate(values):
        if written_out(given[0]) != outcome:
            continue
        instead = _instead(row, values, outcome, hit_policy, outputs, aggregation)
        refusing = range(row) if hit_policy == "FIRST" else range(len(rules))
        covers = [box for r in instead for box in holds[r]] + [box for r in refusing for box in refuses[r]]
        found += [Target(box, tuple(covers)) for box in holds[row]]
    if default is not None and written_out(default[0]) == outcome:
        every = [box for boxes in (*holds, *refuses) for box in boxes]
        found.append(Target((-1,) * len(space.full), tuple(every)))
    return found


def _instead(
    row: int,
    values: Sequence[Values],
    outcome: str,
    hit_policy: HitPolicy,
    outputs: Sequence[Output],
    aggregation: Aggregation | None,
) -> list[int]:
    """The rows that keep a row from giving its outcome where they hold too."""
    others = [r for r in range(len(values)) if r != row]
    if hit_policy == "UNIQUE":
        return others
    if hit_policy == "ANY":
        return [r for r in others if values[r] != values[row]]
    unlike = [r for r in others if written_out(values[r][0]) != outcome]
    if hit_policy == "FIRST":
        return [r for r in unlike if r < row]
    if hit_policy == "PRIORITY":
        own = priority(values[row], outputs), row
        return [r for r in unlike if (priority(values[r], outputs), r) < own]
    if aggregation is not None:
        return [r for r in unlike if aggregated(aggregation, [values[r][0], values[row][0]]) == values[r][0]]
    return []


def given_by(
    reading: Reading,
    rules: Sequence[tuple[Condition, Values]],
    hit_policy: HitPolicy,
    default: Values | None,
    outputs: Sequence[Output],
    aggregation: Aggregation | None,
) -> tuple[str, ...] | None:
    """The outcomes that a table gives for what is read; None where it gives nothing.

    Raises:
        MissingInput, MistypedInput: as the conditions have it.
    """
    matched = []
    for number, (condition, _) in enumerate(rules):
        if condition.evaluate(reading):
            matched.append(number)
            if hit_policy == "FIRST":
                break
    if not matched:
        return None if default is None else (written_out(default[0]),)
    values = [given for _, given in rules]
    try:
        rows = counting("", hit_policy, matched, values, outputs)
    except HitPolicyViolated:
        return None
    if aggregation is not None:
        return (written_out(aggregated(aggregation, [values[row][0] for row in rows])),)
    return tuple(dict.fromkeys(written_out(values[row][0]) for row in rows))


__all__ = ["Target", "given_by", "targets"]
