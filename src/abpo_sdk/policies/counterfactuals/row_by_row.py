"""What a case would have to be otherwise for another row of a table to decide it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.condition import Both, Either
from abpo_sdk.errors import InputError
from abpo_sdk.policies.rules import written_out

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable


def unmet(condition: Condition, reading: Reading) -> str:
    """The parts of a condition that do not hold, with the values of the case; empty where it holds."""
    if isinstance(condition, (Both, Either)):
        texts = [text for part in condition.parts() if (text := unmet(part, reading))]
        if isinstance(condition, Either):
            return " or ".join(texts) if len(texts) == len(condition.parts()) else ""
        return " and ".join(f"({text})" if " or " in text and len(texts) > 1 else text for text in texts)
    try:
        return "" if condition.evaluate(reading) else condition.written(reading)
    except InputError:  # a value that is missing keeps it from holding, too
        return condition.written(reading)


def changes(table: DecisionTable, case: Any) -> Iterator[str]:
    """For each other outcome that a row gives, what that row asks for and is not so; rows are read top down.

    Where not the first row decides, no row speaks for itself: then the smallest changes that would lead to each other outcome.
    """
    if table.hit_policy != "FIRST":
        for other in table.outcomes:
            answer = table.why_not(case, other)
            if answer.ways:
                yield str(answer)
        return
    reading = Reading(case)
    rules, thens = table.rules, [written_out(values[0]) for values in table.values]
    otherwise = None if table.default is None else written_out(table.default[0])
    holds = [not unmet(row.when, reading) for row in rules]
    hit = holds.index(True) if True in holds else len(rules)
    outcome = thens[hit] if hit < len(rules) else otherwise
    for row, then in zip(rules[:hit], thens, strict=False):
        if then != outcome:
            yield f"{then!r} if {unmet(row.when, reading)}"
    if hit == len(rules):
        return
    standing = f"not ({rules[hit].when.written(reading)})"
    for row, then, held in zip(rules[hit + 1 :], thens[hit + 1 :], holds[hit + 1 :], strict=True):
        if then != outcome:
            rest = unmet(row.when, reading)
            rest = f"({rest})" if " or " in rest else rest
            yield f"{then!r} if {standing}" + (f" and {rest}" if rest else "")
        if held:
            return
    if otherwise is not None and otherwise != outcome:
        yield f"{otherwise!r} if {standing}"
