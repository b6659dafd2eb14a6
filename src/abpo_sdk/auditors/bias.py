"""Are groups treated alike? The auditor that counts, compares and says what follows, or that nothing follows yet."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from numbers import Rational
from typing import TYPE_CHECKING, Any

from abpo_sdk.auditors.counts import GroupCounts
from abpo_sdk.auditors.judging import METRICS, Rules, judge_columns
from abpo_sdk.auditors.names import Column, as_key, as_set, column_name, shown
from abpo_sdk.auditors.report import BiasReport
from abpo_sdk.auditors.tally import Tally
from abpo_sdk.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

__all__ = ["BiasAuditor"]


class BiasAuditor:
    """Audits decisions for differences between groups, and says when it cannot tell.

    The published number of a group is its impact ratio, the group's selection rate over the reference's. The
    reference is the group with the highest rate (29 CFR 1607.4D; 6 RCNY 5-301), or one that is named. The verdict on a
    group is

    - *fail* if its ratio is below `line`, in exact arithmetic, and it is selected less than the rest of the pool (or
      than the named reference), at the level `alpha` after Holm's adjustment over all groups of all columns;
    - *pass* if the lower bound of the ratio's interval lies at or above `line`;
    - *inconclusive* otherwise, and always with fewer than `minimum` decisions, or where the ratio is undefined.

    The reference passes if it has enough decisions, since its ratio is 1 by definition; a named one that is itself
    below `line` of another group is inconclusive. Overall it is fail if any group fails, pass if every group passes,
    else inconclusive. With a single group there is nothing to compare with: inconclusive. Rows without a group are a
    group of their own, judged like any other, but neither the reference nor part of the rest of the pool.

    Args:
        by: the columns to group by, each audited on its own; a tuple of columns is their intersection.
        favourable: the outcome that is favourable to the case, or a set of them; other outcomes are unfavourable.
        metrics: rates to report beside the selection rate where the truth is given: `tpr`, `fpr`, `fnr`, `ppv`,
            `accuracy`. No verdict hangs on them.
        reference: the group to compare with, or None for the highest rate; with several columns a mapping of columns to
            groups. A named reference is also what the tests compare with, since no looking chose it.
        minimum: fewest decisions of a group to conclude anything from.
        alpha: level of the tests; intervals have the confidence 1 - alpha.
        line: the impact ratio that counts as too low if not reached. Four fifths is the line of 29 CFR 1607.4D.

    Raises:
        AuditError: an argument cannot be used.

    Example:
        >>> auditor = BiasAuditor(by=["country"], favourable="pay")
        >>> frame = {"country": ["DE"] * 200 + ["FR"] * 100, "outcome": ["pay"] * 160 + ["reject"] * 100 + ["pay"] * 40}
        >>> report = auditor.audit(frame)
        >>> report.findings[0]
        'Overall: fail; 1 of 2 groups fail (FR).'
        >>> report.groups.loc["FR", "verdict"]
        'fail'
    """

    def __init__(
        self,
        by: Sequence[Column],
        favourable: Hashable | Collection[Hashable],
        *,
        metrics: Sequence[str] = tuple(METRICS),
        reference: Hashable | Mapping[Column, Hashable] | None = None,
        minimum: int = 30,
        alpha: float = 0.05,
        line: Fraction | float | str = Fraction(4, 5),
    ) -> None:
        self.by: tuple[Column, ...] = _columns(by)
        self.favourable = as_set(favourable, "favourable")
        if not self.favourable:
            raise AuditError("favourable is empty: name at least one outcome that is favourable to the case")
        self.metrics = _metrics(metrics)
        self.reference = _references(reference, self.by)
        if not isinstance(minimum, int) or minimum < 1:
            raise AuditError(f"minimum is {shown(minimum)}, and must be an integer of at least 1")
        if not 0 < alpha < 1:
            raise AuditError(f"alpha is {shown(alpha)}, and must lie between 0 and 1, such as 0.05")
        self.rules = Rules(_line(line), alpha, minimum)

    def __repr__(self) -> str:
        return f"BiasAuditor(by={list(self.by)!r}, favourable={set(self.favourable)!r})"

    def audit(
        self,
        frame: Any,
        *,
        outcome: str = "outcome",
        truth: str | None = None,
        favourable_truth: Hashable | Collection[Hashable] = 1,
        undecided: Collection[Hashable] = (),
    ) -> BiasReport:
        """Count the decisions of a frame and judge them.

        Args:
            frame: a DataFrame, or a mapping of column names to columns of equal length; one row a decision.
            outcome: the column of outcomes; a missing outcome is undecided.
            truth: the column that says what was right, if it is known; a missing truth is unknown.
            favourable_truth: the value, or set of values, of `truth` for which the favourable outcome was right.
            undecided: outcomes that are no decision yet; they are counted apart, and belong to no rate.

        Raises:
            AuditError: the frame is empty or lacks a column; a value is not hashable; an outcome is both favourable and
                undecided; the named reference is not there; or no favourable value ever occurs and nothing says
                that it could: it may be misspelt. A column declares what it could hold by being a Categorical or
                boolean, or by holding nothing but 0 and 1.
        """
        tally = self._tally(frame, outcome, truth, favourable_truth, undecided)
        if not tally.rows:
            raise AuditError("the frame has no rows: there is nothing to audit")
        notes = tally.check()
        if tally.outcomes_missing:
            notes.append(
                f"{tally.outcomes_missing:,} of {tally.rows:,} cases have no {outcome}; they are counted as undecided."
            )
        return self._judge(GroupCounts(tally.keys, tally.cells), tuple(notes))

    def count(
        self,
        frame: Any,
        *,
        outcome: str = "outcome",
        truth: str | None = None,
        favourable_truth: Hashable | Collection[Hashable] = 1,
        undecided: Collection[Hashable] = (),
    ) -> GroupCounts:
        """The counts of a part of the decisions, to be added to others by `+` and given to `judge`.

        Takes what `audit` takes. A part may be empty, and may lack the favourable outcome.
        """
        tally = self._tally(frame, outcome, truth, favourable_truth, undecided)
        return GroupCounts(tally.keys, tally.cells)

    def judge(self, counts: GroupCounts) -> BiasReport:
        """Judge counts: `judge(count(a) + count(b))` is what `audit` says of both frames together.

        Raises:
            AuditError: a column of `by` was not counted, or the named reference is not there.
        """
        return self._judge(counts, ())

    def _tally(
        self,
        frame: Any,
        outcome: str,
        truth: str | None,
        favourable_truth: Hashable | Collection[Hashable],
        undecided: Collection[Hashable],
    ) -> Tally:
        return Tally(
            frame,
            by=self.by,
            outcome=outcome,
            favourable=self.favourable,
            truth=truth,
            favourable_truth=as_set(favourable_truth, "favourable_truth"),
            undecided=as_set(undecided, "undecided"),
        )

    def _judge(self, counts: GroupCounts, notes: tuple[str, ...]) -> BiasReport:
        for column in self.by:
            if column not in counts.columns:
                there = ", ".join(map(column_name, counts.columns)) or "none"
                raise AuditError(f"{column_name(column)!r} was not counted; the columns that were: {there}")
        results = judge_columns(counts, self.by, self.reference, self.rules)
        return BiasReport(tuple(results), counts, self.rules, self.metrics, notes)


def _columns(by: Sequence[Column]) -> tuple[Column, ...]:
    columns = (by,) if isinstance(by, str) else tuple(by)
    if not columns:
        raise AuditError('by is empty: name at least one column to group by, such as by=["country"]')
    for column in columns:
        parts = (column,) if isinstance(column, str) else column
        if not isinstance(parts, tuple) or not parts or not all(isinstance(part, str) for part in parts):
            raise AuditError(f"by: {shown(column)} is neither a column's name nor a tuple of names (an intersection)")
    if len(set(columns)) < len(columns):
        raise AuditError(f"by names a column twice: {shown(columns)}")
    return columns


def _metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    for name in names:
        if name not in METRICS and name != "selection_rate":
            close = get_close_matches(str(name), METRICS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise AuditError(f"metrics: {name!r} is unknown; there are: selection_rate, {', '.join(METRICS)}{hint}")
    return tuple(name for name in METRICS if name in names)


def _references(reference: Any, by: tuple[Column, ...]) -> dict[Column, Hashable]:
    if reference is None:
        return {}
    if not isinstance(reference, Mapping):
        if len(by) > 1:
            raise AuditError(
                f"reference is {shown(reference)}, which does not say of which column: "
                f"with several columns give a mapping, such as {{{by[0]!r}: {shown(reference)}}}"
            )
        reference = {by[0]: reference}
    for column in reference:
        if column not in by:
            raise AuditError(f"reference: {shown(column)} is not audited; the columns are: {shown(list(by))}")
    return dict(as_key(column, group) for column, group in reference.items())


def _line(line: Any) -> Fraction:
    try:
        exact = Fraction(line) if isinstance(line, Rational) else Fraction(str(line))  # 0.8 means 4/5
    except ValueError:
        raise AuditError(f"line is {shown(line)}, and must be a fraction such as Fraction(4, 5) or '4/5'") from None
    if not 0 < exact <= 1:
        raise AuditError(f"line is {shown(line)}, and must lie above 0 and not above 1")
    return exact
