"""How far a statistic could be off, from what it is without each unit in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FEWEST", "interval_of", "jackknife"]

FEWEST = 10
"""The fewest units that an interval is given for: all of these are for large samples."""


def interval_of(value: float, error: float, units: int) -> tuple[tuple[float, float] | None, str | None]:
    """The value plus and minus 1.96 standard errors, at most 1, or why there is no interval."""
    if units < FEWEST:
        return None, f"no interval: {units} units are fewer than the {FEWEST} that one needs"
    if error < 1e-9:
        return None, "no interval: the units do not differ enough to measure the spread"
    return (value - 1.959964 * error, min(1.0, value + 1.959964 * error)), None


def jackknife(
    value: float, without: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[tuple[float, float] | None, str | None]:
    """The interval of a statistic by the jackknife (B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993).

    Args:
        value: the statistic.
        without: what it is without one unit, for each kind of unit; NaN where it is not defined.
        times: how many units of each kind there are.
    """
    import numpy as np

    units = float(times.sum())
    if units >= FEWEST and np.isnan(without).any():
        return None, "no interval: all answers but one unit's are alike"
    mean = float((times * without).sum()) / units
    error = float(np.sqrt((units - 1) / units * (times * np.square(without - mean)).sum()))
    return interval_of(value, error, int(units))
