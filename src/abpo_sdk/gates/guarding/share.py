"""Shares of answers, which know how many answers they rest on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from abpo_sdk.errors import DefinitionError

__all__ = ["Share", "percent"]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some answers, as a share with its 95 % interval.

    The interval is Wilson's score interval (E. B. Wilson, Probable inference, the law of succession, and statistical
    inference, JASA 22, 1927), by statsmodels. It takes the answers for independent of each other.

    Args:
        k: the answers that count.
        n: the answers there are; at least 1, since a share of nothing is not measured (see `Share.of`).

    Raises:
        DefinitionError: k does not lie between 0 and n, or n is 0.

    >>> share = Share(9, 10)
    >>> share.value, round(share.low, 3), round(share.high, 3)
    (0.9, 0.596, 0.982)
    >>> print(share)
    90.0 % (9 of 10), 95 % interval 59.6 % to 98.2 %
    """

    k: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n or not self.n:
            raise DefinitionError(f"{self.k} of {self.n} is no share; a share of none is not measured, which is None")

    @classmethod
    def of(cls, truths: Iterable[bool | None]) -> Share | None:
        """The share of True among what is True or False; None, not measured, where there is neither.

        >>> Share.of([True, False, None]), Share.of([None])
        (Share(k=1, n=2), None)
        """
        known = [truth for truth in truths if truth is not None]
        return cls(sum(known), len(known)) if known else None

    @property
    def value(self) -> float:
        """The share, between 0 and 1."""
        return self.k / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds of the interval."""
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(self.k, self.n, alpha=0.05, method="wilson")
        # Of none the lower bound is 0, and of all the upper one is 1; rounding may miss either.
        return (0.0 if self.k == 0 else float(low)), (1.0 if self.k == self.n else float(high))

    @property
    def low(self) -> float:
        """The lower bound of the interval."""
        return self.interval[0]

    @property
    def high(self) -> float:
        """The upper bound of the interval."""
        return self.interval[1]

    def __str__(self) -> str:
        low, high = self.interval
        return f"{percent(self.value)} ({self.k:,} of {self.n:,}), 95 % interval {percent(low)} to {percent(high)}"


def percent(share: float) -> str:
    """A share in per cent, which says 0 or 100 only where it is exactly that.

    >>> percent(0.5), percent(1.0), percent(0.99999), percent(0.00001)
    ('50.0 %', '100 %', '>99.9 %', '<0.1 %')
    """
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    return "<0.1 %" if share < 0.001 else ">99.9 %" if share > 0.999 else f"{100 * share:.1f} %"
