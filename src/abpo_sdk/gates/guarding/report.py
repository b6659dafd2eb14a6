"""What was found of how people decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median, quantiles
from typing import TYPE_CHECKING, Literal, Self

from abpo_sdk.gates.guarding.agreement import Agreement
from abpo_sdk.gates.guarding.share import Share
from abpo_sdk.gates.guarding.stamp import StampRule, Verdict
from abpo_sdk.gates.guarding.trend import Trend
from abpo_sdk.gates.guarding.wording import as_html, as_text, findings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Conduct", "GroupConduct", "Reading"]

_DECILE = 10  # answers below which a lowest tenth is none


@dataclass(frozen=True, slots=True)
class Reading:
    """How long was read before answering.

    Args:
        n: the answers of which that is known.
        median: the median time.
        lower_decile: the time below which a tenth of the answers came (linear between order statistics); None for fewer
            than 10 answers.

    >>> print(Reading.of([timedelta(seconds=4), timedelta(seconds=6), None]).median)
    0:00:05
    """

    n: int
    median: timedelta
    lower_decile: timedelta | None

    @classmethod
    def of(cls, times: Iterable[timedelta | None]) -> Self | None:
        """The measures of some times; None where none is known."""
        seconds = [time.total_seconds() for time in times if time is not None]
        if not seconds:
            return None
        tenth = quantiles(seconds, n=10, method="inclusive")[0] if len(seconds) >= _DECILE else None
        return cls(
            len(seconds), timedelta(seconds=median(seconds)), None if tenth is None else timedelta(seconds=tenth)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConduct:
    """How one group of answers was decided: a role's, or a person's. What is None is not measured.

    Args:
        name: the role, or the person's id.
        n: the answers.
        people: how many people gave them.
        confirms: the share of seen proposals that was confirmed.
        reading: the time between showing and answering.
        fast: the share answered faster than the least reading time.
        longest: the most proposals that one person confirmed one after the other.
        vigilance: the share of seeded known cases that was answered rightly, of those whose proposal was wrong or hidden.
        false_alarms: the share that was overruled of seeded known cases whose proposal was right.
        confirming_trend: how the share confirmed changes along a sitting.
        reading_trend: how the reading time, in seconds, changes along a sitting.
        agreement: Cohen's kappa of first answers and their double reviews by others.
        verdict: whether it looks like rubber-stamping.
        because: what the verdict is from.
    """

    name: str
    n: int
    people: int
    confirms: Share | None
    reading: Reading | None
    fast: Share | None
    longest: int | None
    vigilance: Share | None
    false_alarms: Share | None
    confirming_trend: Trend
    reading_trend: Trend
    agreement: Agreement
    verdict: Verdict
    because: str

    @classmethod
    def withheld(cls, name: str, n: int) -> Self:
        """The group of a single person, of whom nothing is told without a declaration."""
        nothing = Trend(0, 0, None, None, None, None)
        why = "one person alone answered, and measures of a person need declared="
        return cls(
            name=name,
            n=n,
            people=1,
            confirms=None,
            reading=None,
            fast=None,
            longest=None,
            vigilance=None,
            false_alarms=None,
            confirming_trend=nothing,
            reading_trend=nothing,
            agreement=Agreement("Cohen's kappa", None, None, None, 0, 2, why=why),
            verdict=Verdict.TOO_LITTLE,
            because=why,
        )


@dataclass(frozen=True, repr=False)
class Conduct:
    """The findings of `measure_conduct`; printed, it is a table and sentences.

    Args:
        groups: one a role or person, by name.
        by: "role" or "person".
        rule: when a group is told as a signal.
        declared: the agreement that allows measures of a person, where one was named.
        timed: whether a least reading time was given.
        notes: sentences on the answers that were left out.
    """

    groups: tuple[GroupConduct, ...]
    by: Literal["role", "person"]
    rule: StampRule
    declared: str | None = None
    timed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def signals(self) -> tuple[GroupConduct, ...]:
        """The groups that look like rubber-stamping."""
        return tuple(group for group in self.groups if group.verdict is Verdict.SIGNAL)

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences with numbers: on each group, and on what was left out."""
        return (*(told for group in self.groups for told in findings(group)), *self.notes)

    def to_frame(self) -> pd.DataFrame:
        """A new DataFrame with one row a group, indexed by role or person.

        Columns: `n`, `people`; `confirms`, `fast`, `caught`, `false_alarms` (shares), each with `_n`, `_low` and `_high`;
        `reading_median`, `reading_lower_decile` (times); `longest`; `confirming_tau` and `_p`, `reading_tau` and `_p` (along
        sittings); `kappa` with `_n`, `_low` and `_high`; `verdict`, `because`. What is not measured is missing (NaN, NaT or
        NA), and `_n` is 0.
        """
        import pandas as pd

        rows = [_row(group) for group in self.groups]
        index = pd.Index([group.name for group in self.groups], name=self.by, dtype=object)
        frame = pd.DataFrame(rows, index=index, columns=list(_row(GroupConduct.withheld("", 0))))
        kinds = dict.fromkeys(("reading_median", "reading_lower_decile"), "timedelta64[us]")
        counts = dict.fromkeys((c for c in frame if c in ("n", "people") or str(c).endswith("_n")), "int64")
        texts = ("verdict", "because")
        numbers = {c: "float64" for c in frame if c not in {*kinds, *counts, *texts, "longest"}}
        return frame.astype({**kinds, **counts, **numbers, "longest": "Int64"})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each group's share of confirmations and of known cases caught, with intervals.

        Args:
            ax: matplotlib axes to draw on; new ones if not given.

        Returns:
            The axes. matplotlib is loaded here, and comes with the extra `abpo_sdk[plots]`.
        """
        from abpo_sdk.gates.guarding.plotting import plot_conduct

        return plot_conduct(self, ax)

    def __str__(self) -> str:
        """The table and the findings as plain text, at most 100 columns wide."""
        return as_text(self)

    def __repr__(self) -> str:
        n = sum(group.n for group in self.groups)
        return f"<Conduct by {self.by}: groups {len(self.groups):,}, answers {n:,}, signals {len(self.signals):,}>"

    def _repr_html_(self) -> str:
        return as_html(self)


def _row(group: GroupConduct) -> dict[str, object]:
    reading, kappa = group.reading, group.agreement
    low, high = kappa.interval or (None, None)
    return {
        "n": group.n,
        "people": group.people,
        **_columns("confirms", group.confirms),
        "reading_median": reading.median if reading else None,
        "reading_lower_decile": reading.lower_decile if reading else None,
        **_columns("fast", group.fast),
        "longest": group.longest,
        **_columns("caught", group.vigilance),
        **_columns("false_alarms", group.false_alarms),
        "confirming_tau": group.confirming_trend.tau,
        "confirming_p": group.confirming_trend.p,
        "reading_tau": group.reading_trend.tau,
        "reading_p": group.reading_trend.p,
        "kappa": kappa.value,
        "kappa_n": kappa.units,
        "kappa_low": low,
        "kappa_high": high,
        "verdict": str(group.verdict),
        "because": group.because,
    }


def _columns(name: str, share: Share | None) -> dict[str, object]:
    low, high = share.interval if share else (None, None)
    return {
        name: share.value if share else None,
        f"{name}_n": share.n if share else 0,
        f"{name}_low": low,
        f"{name}_high": high,
    }
