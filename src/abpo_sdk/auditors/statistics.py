"""Intervals and tests for rates and their ratios, computed from counts alone."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Difference",
    "below_line",
    "decisions_needed",
    "difference_test",
    "holm",
    "ratio_interval",
    "two_sd",
    "wilson",
]

_SPARSE = 5  # expected cases in a cell below which the normal approximation is not trusted (Cochran 1954)


def below_line(k1: int, n1: int, k0: int, n0: int, line: Fraction = Fraction(4, 5)) -> bool:
    """Whether the rate k1/n1 is below `line` times the rate k0/n0, exactly.

    29 CFR 1607.4D (Uniform Guidelines on Employee Selection Procedures) names four fifths. It is decided in
    integers, since floating point puts 12/25 against 3/5 below 0.8, which it is not. The counts must be Python's
    own integers, which do not overflow.

    >>> below_line(12, 25, 3, 5), below_line(12 * 10**20 - 1, 25 * 10**20, 3, 5)
    (False, True)
    """
    return k1 * n0 * line.denominator < line.numerator * k0 * n1


def wilson(k: ArrayLike, n: ArrayLike, alpha: float = 0.05) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The score interval of the rates k/n, each of confidence 1 - alpha; NaN where n is 0.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    import numpy as np

    k, n = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    square = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (k + square / 2) / (n + square)
        half = np.sqrt(square * (k * (n - k) / n + square / 4)) / (n + square)
    undefined = n == 0
    low = np.where(undefined, np.nan, np.where(k == 0, 0.0, middle - half))
    high = np.where(undefined, np.nan, np.where(k == n, 1.0, middle + half))
    return low, high


def ratio_interval(
    k1: ArrayLike, n1: ArrayLike, k0: ArrayLike, n0: ArrayLike, alpha: float = 0.05
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The score interval of the ratios (k1/n1) / (k0/n0), each of confidence 1 - alpha.

    P. A. R. Koopman, Confidence intervals for the ratio of two binomial proportions, Biometrics 40 (1984): the
    ratios that a score test does not reject. At a ratio of 1 that test is `two_sd`. It holds for small counts and at
    rates of 0 and 1: nobody selected here gives a lower bound of 0, nobody selected there an upper bound of infinity.
    NaN where a group is empty, or where neither selects anyone.
    """
    import numpy as np

    a, m, b, n = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, dtype=float)) for x in (k1, n1, k0, n0)))
    undefined = (m == 0) | (n == 0) | (a + b == 0)
    a, m, b, n = (np.where(undefined, 1.0, x) for x in (a, m, b, n))
    critical = NormalDist().inv_cdf(1 - alpha / 2)
    wanted = np.array([[critical], [-critical]])  # the score falls as the ratio grows: first the lower bound
    low = np.full((2, len(a)), -70.0)  # logarithms of ratios
    high = -low
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for _ in range(64):
            middle = (low + high) / 2
            above = _score(np.exp(middle), a, m, b, n) > wanted
            low, high = np.where(above, middle, low), np.where(above, high, middle)
    bounds = np.exp((low + high) / 2)
    lower = np.where(a == 0, 0.0, bounds[0])
    upper = np.where(b == 0, np.inf, bounds[1])
    return np.where(undefined, np.nan, lower), np.where(undefined, np.nan, upper)


def _score(ratio: Any, a: Any, m: Any, b: Any, n: Any) -> Any:
    """How many standard deviations a/m lies above `ratio` times b/n, were `ratio` the truth.

    The deviation is taken at the likeliest pair of rates with that ratio, the smaller root of a quadratic.
    """
    import numpy as np

    linear = ratio * (b + m) + a + n
    root = np.sqrt(np.maximum(linear**2 - 4 * ratio * (m + n) * (a + b), 0))
    p0 = np.minimum(2 * (a + b) / (linear + root), 1)
    p1 = np.minimum(ratio * p0, 1)
    distance = a / m - ratio * b / n
    deviation = np.sqrt(p1 * (1 - p1) / m + ratio**2 * p0 * (1 - p0) / n)
    return np.where(deviation > 0, distance / deviation, np.where(distance == 0, 0.0, np.copysign(np.inf, distance)))


def two_sd(k1: int, n1: int, k0: int, n0: int) -> float:
    """How many standard deviations the rate k1/n1 lies above k0/n0; NaN where both are 0, both 1, or one is empty.

    The deviation is that of the difference at the pooled rate. More than two are taken as evidence of a difference by
    Castaneda v. Partida, 430 U.S. 482 (1977), footnote 17, and Hazelwood School District v. United States, 433 U.S. 299
    (1977).

    >>> round(two_sd(3, 29, 55, 203), 6)
    -1.948432
    """
    if not n1 or not n0 or not 0 < k1 + k0 < n1 + n0:
        return math.nan
    pooled = (k1 + k0) / (n1 + n0)
    return (k1 / n1 - k0 / n0) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))


class Difference(NamedTuple):
    """A two-sided test of equal rates: its p-value, and the name of the test."""

    p: float
    test: str


def difference_test(k1: int, n1: int, k0: int, n0: int) -> Difference:
    """Tests whether the rates k1/n1 and k0/n0 are the same; a p-value of NaN where one is empty.

    By `two_sd`; by Fisher's exact test where a cell is expected to hold fewer than 5 cases (W. G. Cochran, Some
    methods for strengthening the common chi-squared tests, Biometrics 10, 1954).

    >>> difference_test(50, 250, 100, 250).test, difference_test(0, 1000, 3, 1000).test
    ('two-SD', "Fisher's exact")
    """
    if not n1 or not n0:
        return Difference(math.nan, "none")
    selected, total = k1 + k0, n1 + n0
    if min(n1, n0) * min(selected, total - selected) < _SPARSE * total:
        return Difference(_fisher(k1, n1, k0, n0), "Fisher's exact")
    return Difference(math.erfc(abs(two_sd(k1, n1, k0, n0)) / math.sqrt(2)), "two-SD")


def _fisher(k1: int, n1: int, k0: int, n0: int) -> float:
    """Fisher's exact p-value, two-sided: the chance of tables that are no likelier than this one, margins given.

    R. A. Fisher, Statistical Methods for Research Workers, 5th ed. (1934), section 21.02. The chance of x cases in the
    cell that is expected to hold fewest follows from that of x - 1, so only a table with a sparse cell ends soon, and no
    factorial is taken: counts may be of any size.
    """
    total, selected = n1 + n0, k1 + k0
    row, column = min(n1, n0), min(selected, total - selected)
    k, n = (k1, n1) if n1 <= n0 else (k0, n0)
    here = k if selected <= total - selected else n - k
    weights = [1.0]
    for x in range(1, min(row, column) + 1):
        weights.append(weights[-1] * ((row - x + 1) * (column - x + 1) / (x * (total - row - column + x))))
        if weights[-1] == 0:
            break
    own = weights[here] if here < len(weights) else 0.0
    return min(1.0, math.fsum(w for w in weights if w <= own * (1 + 1e-7)) / math.fsum(weights))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, adjusted for their number so that the chance of any false alarm stays at the level used.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = largest
    return adjusted


def decisions_needed(
    rate: float, *, line: float = 0.8, times: float = 1.0, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """How many decisions a group needs for a ratio of `line` to be seen; None where no number would do.

    Args:
        rate: the reference's rate, between 0 and 1.
        line: the ratio that is to be seen.
        times: how many decisions the reference has for each of the group's.
        alpha: the level of the two-sided test.
        power: the chance to see it.

    J. L. Fleiss, B. Levin, M. C. Paik, Statistical Methods for Rates and Proportions, 3rd ed. (2003), chapter 4,
    without the continuity correction.
    """
    other = rate * line
    if not 0 < rate <= 1 or not 0 <= line < 1 or times <= 0:
        return None
    pooled = (other + times * rate) / (1 + times)
    normal = NormalDist().inv_cdf
    root = normal(1 - alpha / 2) * math.sqrt((1 + 1 / times) * pooled * (1 - pooled)) + normal(power) * math.sqrt(
        other * (1 - other) + rate * (1 - rate) / times
    )
    return math.ceil((root / (rate - other)) ** 2)
