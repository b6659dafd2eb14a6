"""From counts to verdicts: which groups are compared, by which tests, and what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from abpo_sdk.auditors.names import MISSING, Column, column_name, group_name
from abpo_sdk.auditors.statistics import below_line, difference_test, holm, ratio_interval, wilson
from abpo_sdk.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from abpo_sdk.auditors.counts import GroupCounts

__all__ = ["METRICS", "GroupResult", "Rules", "Verdict", "judge_columns", "overall"]


class Verdict(StrEnum):
    """What an audit concludes of a group or of all; a string, so `verdict == "pass"` holds."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


METRICS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "tpr": (("tp",), ("tp", "fn"), "case that deserved the favourable outcome"),
    "fpr": (("fp",), ("fp", "tn"), "case that did not deserve the favourable outcome"),
    "fnr": (("fn",), ("tp", "fn"), "case that deserved the favourable outcome"),
    "ppv": (("tp",), ("tp", "fp"), "favourable decision with known truth"),
    "accuracy": (("tp", "tn"), ("tn", "fp", "fn", "tp"), "decision with known truth"),
}
"""Rates that need the truth: the cells counted, the cells they are counted among, and what these cases are."""

_TRUTH = ("tn", "fp", "fn", "tp")


@dataclass(frozen=True)
class Rules:
    """What verdicts are taken by: the line as a fraction, the level of tests and intervals, the fewest decisions."""

    line: Fraction
    alpha: float
    minimum: int


@dataclass(frozen=True)
class GroupResult:
    """One group: its counts, its rates, how it compares with the reference, and the verdict with its reason.

    Undefined numbers are NaN, an undefined `below` is None.
    """

    column: Column
    group: Hashable
    n: int
    cells: dict[str, int]
    selected: int
    undecided: int
    rate: float = math.nan
    rate_low: float = math.nan
    rate_high: float = math.nan
    ratio: float = math.nan
    ratio_low: float = math.nan
    ratio_high: float = math.nan
    below: bool | None = None
    p_value: float = math.nan
    p_holm: float = math.nan
    test: str = ""
    against: str = ""
    """What the test compared with: the reference, or the rest of the pool."""
    less: bool = False
    """Whether it is selected less than what the test compared with."""
    lucky: bool = False
    """Whether it is below the line only against a reference too small to lean on."""
    reference: Hashable | None = None
    is_reference: bool = False
    named: bool = False
    """Whether the reference was named beforehand instead of found in the data."""
    metrics: dict[str, float] = field(default_factory=dict)
    verdict: Verdict = Verdict.INCONCLUSIVE
    reason: str = ""

    @property
    def name(self) -> str:
        """The group as text."""
        return group_name(self.group)

    @property
    def missing(self) -> bool:
        """Whether the group is made of rows without a value."""
        return self.group == MISSING or (isinstance(self.group, tuple) and MISSING in self.group)


def overall(results: Sequence[GroupResult]) -> Verdict:
    """Fail if any group fails; pass if every group passes; else inconclusive."""
    verdicts = {result.verdict for result in results}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.INCONCLUSIVE


def judge_columns(
    counts: GroupCounts, by: Sequence[Column], named: dict[Column, Hashable], rules: Rules
) -> list[GroupResult]:
    """Judge every group of every column, as one family of tests.

    The tests are adjusted together (Holm) for all groups that can be judged: those with enough decisions that are
    not the reference themselves. Size is no outcome, so leaving small groups out is no looking. The reference cannot be
    found to be selected least, so its test is no chance of a false alarm: counting the others keeps the level.
    """
    results = [result for column in by for result in _compared(counts.of(column), column, named.get(column), rules)]
    family = [
        place
        for place, result in enumerate(results)
        if result.n >= rules.minimum and not result.is_reference and not math.isnan(result.p_value + result.ratio)
    ]
    adjusted = holm([results[place].p_value for place in family])
    for place, p_holm in zip(family, adjusted, strict=True):
        results[place] = replace(results[place], p_holm=p_holm)
    sizes = {(result.column, result.group): result for result in results}
    judged = []
    for result in results:
        verdict, reason = _verdict(result, sizes.get((result.column, result.reference)), rules, results, len(family))
        judged.append(replace(result, verdict=verdict, reason=reason))
    return judged


def _compared(counts: GroupCounts, column: Column, named: Hashable | None, rules: Rules) -> list[GroupResult]:
    """The groups of one column with their rates, ratios and unadjusted tests."""
    n, k = counts.n.tolist(), counts.selected.tolist()
    lows, highs = (bounds.tolist() for bounds in wilson(k, n, rules.alpha))
    undecided = counts.undecided.tolist()
    known_truth = zip(*(counts.cell(cell).tolist() for cell in _TRUTH), strict=True)
    results = []
    for place, (group, four) in enumerate(zip(counts.groups, known_truth, strict=True)):
        cells = dict(zip(_TRUTH, four, strict=True))
        rate = k[place] / n[place] if n[place] else math.nan
        results.append(
            GroupResult(
                column=column,
                group=group,
                n=n[place],
                cells=cells,
                selected=k[place],
                undecided=undecided[place],
                rate=rate,
                rate_low=lows[place],
                rate_high=highs[place],
                metrics={name: _rate(cells, over, among) for name, (over, among, _) in METRICS.items()},
            )
        )
    base = _reference(results, column, named)
    if base is None:
        return results
    known = [result for result in results if not result.missing]
    pool = sum(result.selected for result in known), sum(result.n for result in known)
    low, high = (bounds.tolist() for bounds in ratio_interval(k, n, base.selected, base.n, rules.alpha))
    return [
        _against(result, base, pool, named is not None, (low[place], high[place]), rules)
        for place, result in enumerate(results)
    ]


def _against(
    result: GroupResult,
    base: GroupResult,
    pool: tuple[int, int],
    named: bool,  # noqa: FBT001
    interval: tuple[float, float],
    rules: Rules,
) -> GroupResult:
    """One group against its reference, and tested."""
    defined = result.n > 0 and base.selected > 0
    if result.group == base.group:
        one = 1.0 if defined else math.nan
        return replace(
            result,
            ratio=one,
            ratio_low=one,
            ratio_high=one,
            below=False if defined else None,
            reference=base.group,
            is_reference=True,
            named=named,
        )
    own = (0, 0) if result.missing else (result.selected, result.n)
    k0, n0 = (base.selected, base.n) if named else (pool[0] - own[0], pool[1] - own[1])
    difference = difference_test(result.selected, result.n, k0, n0)
    below = below_line(result.selected, result.n, base.selected, base.n, rules.line) if defined else None
    small = not named and base.n < rules.minimum
    return replace(
        result,
        ratio=result.rate / base.rate if defined else math.nan,
        ratio_low=interval[0] if defined else math.nan,
        ratio_high=interval[1] if defined else math.nan,
        below=below,
        p_value=difference.p,
        test=difference.test,
        against=group_name(base.group) if named else "the rest of the pool",
        less=result.selected * n0 < k0 * result.n,
        lucky=bool(below) and small and not below_line(result.selected, result.n, k0, n0, rules.line),
        reference=base.group,
        named=named,
    )


def _reference(results: list[GroupResult], column: Column, named: Hashable | None) -> GroupResult | None:
    """The group to compare with; None where there is nothing to compare."""
    if named is not None:
        for result in results:
            if result.group == named:
                return result if sum(other.n > 0 for other in results) > 1 else None
        there = ", ".join(repr(result.group) for result in results)
        raise AuditError(
            f"the reference {named!r} is no group of {column_name(column)!r}; the groups are: {there}; "
            "name one of them, or none to compare with the highest rate"
        )
    known = [result for result in results if result.n and not result.missing]
    if not known or sum(result.n > 0 for result in results) < 2:
        return None
    return max(known, key=lambda result: (Fraction(result.selected, result.n), result.n))


def _rate(cells: dict[str, int], over: tuple[str, ...], among: tuple[str, ...]) -> float:
    whole = sum(cells[name] for name in among)
    return sum(cells[name] for name in over) / whole if whole else math.nan


def _verdict(
    result: GroupResult, base: GroupResult | None, rules: Rules, all_results: list[GroupResult], family: int
) -> tuple[Verdict, str]:
    """The verdict on one group, and why."""
    line, unsure = str(rules.line), Verdict.INCONCLUSIVE
    if not result.n:
        return unsure, "no decisions"
    if base is None:
        return unsure, "nothing to compare with"
    if result.n < rules.minimum:
        return unsure, f"too few decisions to conclude: at least {rules.minimum:,} needed"
    if result.is_reference:
        return _verdict_on_reference(result, rules, all_results)
    if math.isnan(result.ratio):
        return unsure, f"the impact ratio is undefined, since none of {base.name} is selected"
    if base.n < rules.minimum and result.named:
        return unsure, f"the reference {base.name} has too few decisions: {base.n:,} of the {rules.minimum:,} needed"
    adjusted = f"{result.test} test, p = {result.p_holm:.2g} after Holm over {family}"
    if not result.below:
        if result.ratio_low >= float(rules.line):
            return Verdict.PASS, f"the interval of the ratio lies at or above {line}"
        return unsure, f"not below {line}, but the interval of the ratio reaches below it"
    if result.lucky:
        return unsure, f"below {line}, but only against a reference with {base.n:,} decisions, not against the rest"
    if result.p_holm >= rules.alpha:
        return unsure, f"below {line}, but not shown to differ from {result.against} ({adjusted})"
    if not result.less:
        return unsure, f"below {line}, yet selected more than {result.against} ({adjusted})"
    return Verdict.FAIL, f"below {line}, and selected less than {result.against} ({adjusted})"


def _verdict_on_reference(result: GroupResult, rules: Rules, all_results: list[GroupResult]) -> tuple[Verdict, str]:
    """The reference is 1 by definition; it passes unless it is itself below another group.

    That can be where it was named beforehand, or where the rows without a value fare best.
    """
    if not result.selected:
        return Verdict.INCONCLUSIVE, "none of it is selected, so no impact ratio is defined"
    rivals = [other for other in all_results if other.column == result.column and other.n >= rules.minimum]
    best = max(rivals, key=lambda other: Fraction(other.selected, other.n))
    if below_line(result.selected, result.n, best.selected, best.n, rules.line):
        return Verdict.INCONCLUSIVE, f"itself below {rules.line} of {best.name}"
    return Verdict.PASS, "the reference"
