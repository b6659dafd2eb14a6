"""What a bias audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.auditors.judging import GroupResult, Rules, Verdict, overall
from abpo_sdk.auditors.names import column_name, group_name
from abpo_sdk.auditors.wording import as_html, as_text, findings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from abpo_sdk.auditors.counts import GroupCounts

__all__ = ["BiasReport"]


@dataclass(frozen=True, repr=False, eq=False)
class BiasReport:
    """The findings of a `BiasAuditor`; printed, it is a table and sentences.

    Args:
        results: one result a group, in the order of the columns audited.
        counts: the counts that everything in the report was computed from.
        rules: the line, the level and the fewest decisions that verdicts were taken by.
        metrics: the rates, beyond the selection rate, that the report shows.
        notes: sentences on the data that the counts alone do not show.
    """

    results: tuple[GroupResult, ...]
    counts: GroupCounts
    rules: Rules
    metrics: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Fail if any group fails, pass if every group passes, else inconclusive."""
        return overall(self.results)

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences with numbers: on the whole, on each group, on what is missing, undecided or undefined."""
        return (*findings(self.results, self.rules, self.metrics), *self.notes)

    @property
    def groups(self) -> pd.DataFrame:
        """A new DataFrame with one row a group, indexed by group, or by (column, group) if there are several columns.

        Columns: `n` decisions; `tn`, `fp`, `fn`, `tp` where the truth is known; `selected`; `selection_rate` with
        `_low` and `_high`; `impact_ratio` with `_low` and `_high`, against the reference, whose own is 1 by definition;
        `below_four_fifths` (boolean, below the line in exact arithmetic); `p_value` of the test; `p_holm` adjusted, for
        groups that can be judged; `tpr`, `fpr`, `fnr`, `ppv`, `accuracy` of the decisions with known truth; `verdict`.
        What is undefined is NaN (NA in `below_four_fifths`).
        """
        import pandas as pd

        rows = [
            {
                "n": result.n,
                **result.cells,
                "selected": result.selected,
                "selection_rate": result.rate,
                "selection_rate_low": result.rate_low,
                "selection_rate_high": result.rate_high,
                "impact_ratio": result.ratio,
                "impact_ratio_low": result.ratio_low,
                "impact_ratio_high": result.ratio_high,
                "below_four_fifths": result.below,
                "p_value": result.p_value,
                "p_holm": result.p_holm,
                **{name: result.metrics[name] for name in self.metrics},
                "verdict": str(result.verdict),
            }
            for result in self.results
        ]
        columns = list(dict.fromkeys(result.column for result in self.results))
        groups = [result.group for result in self.results]
        index: pd.Index[Any]
        if len(columns) > 1:
            groups = [group_name(group) if isinstance(group, tuple) else group for group in groups]
            named = [(column_name(result.column), group) for result, group in zip(self.results, groups, strict=True)]
            index = pd.MultiIndex.from_tuples(named, names=["column", "group"])
        elif isinstance(columns[0], tuple):
            index = pd.MultiIndex.from_tuples(groups, names=columns[0])  # type: ignore[arg-type]
        else:
            index = pd.Index(groups, name=columns[0])
        return pd.DataFrame(rows, index=index).astype({"below_four_fifths": "boolean"})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each group's selection rate with its interval, and the line that its reference sets.

        Args:
            ax: matplotlib axes to draw on; new ones if not given.

        Returns:
            The axes. matplotlib is loaded here, and comes with the extra `abpo_sdk[plots]`.
        """
        from abpo_sdk.auditors.plotting import plot_rates

        return plot_rates(self.results, self.rules, ax)

    def __str__(self) -> str:
        """The table and the findings as plain text, at most 100 columns wide."""
        return as_text(self.results, self.findings, self.rules)

    def __repr__(self) -> str:
        first = [result.n for result in self.results if result.column == self.results[0].column]
        return f"<BiasReport {self.verdict}: {len(self.results):,} groups, {sum(first):,} decisions>"

    def _repr_html_(self) -> str:
        return as_html(self.results, self.findings, self.rules)

    def __eq__(self, other: object) -> bool:
        """Equal where all that the report follows from is: NaN beside NaN is no difference."""
        if not isinstance(other, BiasReport):
            return NotImplemented
        mine, theirs = ((r.counts, r.rules, r.metrics, r.findings) for r in (self, other))
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.counts, self.rules, self.metrics))
