"""Whether something changes along a sitting: fatigue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

__all__ = ["Trend", "trend"]

SHORTEST = 6
"""The fewest answers of a sitting that count: two in each third."""

FEWEST = 30
"""The fewest answers that a trend is told from."""

LEVEL = 0.01
"""The p-value below which a trend is told: a report has two for each group, so it is strict."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How a measure changes from the beginning of sittings to their end.

    Args:
        n: the answers in sittings of at least 6, which are those that count.
        sittings: how many such sittings there are.
        first: the measure in the first thirds of the sittings; None where there are none.
        last: the same in their last thirds.
        tau: Kendall's rank correlation (tau-b) of place in the sitting and measure, -1 to 1; None below 30 answers.
        p: its two-sided p-value, not adjusted for other trends that are looked at.

    >>> Trend(200, 8, 0.90, 1.0, 0.12, 0.004).word
    'rises'
    """

    n: int
    sittings: int
    first: float | None
    last: float | None
    tau: float | None
    p: float | None

    @property
    def word(self) -> Literal["rises", "falls", "no change shown", "too little to say"]:
        """What can be said: a change is told where p is below 0.01."""
        if self.tau is None or self.p is None:
            return "too little to say"
        return "no change shown" if self.p >= LEVEL else "rises" if self.tau > 0 else "falls"


def trend(sittings: Sequence[Sequence[float]], *, typical: Literal["mean", "median"]) -> Trend:
    """The trend of a measure within sittings, put together over them.

    M. G. Kendall's S (A new measure of rank correlation, Biometrika 30, 1938) of each sitting, by scipy, summed with its
    variance over the sittings (R. M. Hirsch, J. R. Slack, R. A. Smith, Techniques of trend analysis for monthly water quality
    data, Water Resources Research 18, 1982), with their correction for continuity. So sittings, and people, are compared
    with themselves alone. It takes the answers within a sitting for independent of each other.

    Args:
        sittings: the measure of each answer, in order.
        typical: how the measure of a third is put together: "mean" for shares, "median" for times.

    >>> trend([[1.0] * 20, [0.0, 1.0] * 10], typical="mean").word
    'no change shown'
    >>> trend([[9.0, 8.0, 7.0, 6.0, 5.0, 4.0]] * 5, typical="median").word
    'falls'
    """
    counted = [list(sitting) for sitting in sittings if len(sitting) >= SHORTEST]
    n = sum(map(len, counted))
    if not counted:
        return Trend(0, 0, None, None, None, None)
    first = _typical([value for sitting in counted for value in sitting[: len(sitting) // 3]], typical)
    last = _typical([value for sitting in counted for value in sitting[-(len(sitting) // 3) :]], typical)
    if n < FEWEST:
        return Trend(n, len(counted), first, last, None, None)
    score = largest = variance = 0.0
    for sitting in counted:
        s, most, spread = _kendall(sitting)
        score, largest, variance = score + s, largest + most, variance + spread
    if variance == 0:  # nothing ever varies within a sitting
        return Trend(n, len(counted), first, last, 0.0, 1.0)
    z = max(0.0, abs(score) - 1) / math.sqrt(variance)
    return Trend(n, len(counted), first, last, score / largest, math.erfc(z / math.sqrt(2)))


def _kendall(values: list[float]) -> tuple[float, float, float]:
    """Concordant less discordant pairs, the most that this could be, and its variance where there is no trend."""
    from collections import Counter

    from scipy.stats import kendalltau

    n = len(values)
    ties = [times for times in Counter(values).values() if times > 1]
    pairs = n * (n - 1) / 2
    untied = pairs - sum(times * (times - 1) / 2 for times in ties)
    most = math.sqrt(pairs * untied)
    if not most:
        return 0.0, 0.0, 0.0
    score = round(float(kendalltau(range(n), values).statistic) * most)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    return float(score), most, variance


def _typical(values: list[float], how: str) -> float:
    return float(median(values)) if how == "median" else math.fsum(values) / len(values)
