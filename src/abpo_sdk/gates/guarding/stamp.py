"""The sign of a rubber stamp: a rule that says signal, no signal, or too little to say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.share import Share, percent

__all__ = ["StampRule", "Verdict"]


class Verdict(StrEnum):
    """Whether a group of answers looks like rubber-stamping.

    >>> str(Verdict.SIGNAL)
    'signal'
    """

    SIGNAL = "signal"
    NO_SIGNAL = "no signal"
    TOO_LITTLE = "too little to say"


@dataclass(frozen=True, slots=True, kw_only=True)
class StampRule:
    """When a group of answers is told as a signal that people only stamp what is proposed.

    A signal is either of

    - nearly all is confirmed, and most of it without reading: the lower bound of the share confirmed is at least
      `confirms`, and the lower bound of the share answered faster than the least reading time is above one half (so that
      the median reading time lies below it);
    - known cases are missed: the upper bound of the share caught is below `catches`, over at least `fewest_known`.

    No signal is told where there are at least `fewest` answers, the bounds exclude one of the two halves of the first, and
    the second is not there. All else is too little to say. A policy that is nearly always right is rightly confirmed, so a
    high share alone is no signal. At 0.98, at least 189 answers are needed, all of them confirming.

    Args:
        fewest: the fewest answers (to a proposal that was seen) that anything is told from.
        confirms: the share that counts as nearly all.
        fewest_known: the fewest seeded cases that the second is told from.
        catches: the share of seeded cases that must be caught.

    Raises:
        DefinitionError: a share outside 0 to 1, or a number that is no whole one above 0.

    >>> verdict, because = StampRule().judge(confirms=Share(400, 400), fast=Share(380, 400), vigilance=None)
    >>> str(verdict), because
    ('signal', 'confirms 100 % (400 of 400), and 95.0 % of the answers come faster than they can be read')
    """

    fewest: int = 50
    confirms: float = 0.98
    fewest_known: int = 10
    catches: float = 0.5

    def __post_init__(self) -> None:
        for name in ("fewest", "fewest_known"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise DefinitionError(f"{name}={number!r} is no whole number above 0")
        for name in ("confirms", "catches"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
                raise DefinitionError(f"{name}={share!r} is no share above 0 and up to 1")

    def judge(self, *, confirms: Share | None, fast: Share | None, vigilance: Share | None) -> tuple[Verdict, str]:
        """The verdict, and what it is from.

        Args:
            confirms: the share that confirms the proposal; None where none was seen.
            fast: the share answered faster than the least reading time; None where that is not measured.
            vigilance: the share of known cases caught; None where there were none.
        """
        if vigilance and vigilance.n >= self.fewest_known and vigilance.high < self.catches:
            return Verdict.SIGNAL, f"misses known cases: caught {vigilance.k:,} of {vigilance.n:,}"
        if confirms is None or confirms.n < self.fewest:
            n = confirms.n if confirms else 0
            told = f"{n:,} {'answer' if n == 1 else 'answers'} to a proposal"
            return Verdict.TOO_LITTLE, f"{told}, fewer than the {self.fewest:,} that it takes"
        if confirms.high < self.confirms:
            return Verdict.NO_SIGNAL, f"overrules {confirms.n - confirms.k:,} of {confirms.n:,} proposals"
        if fast and fast.n >= self.fewest and fast.high < 0.5:
            return Verdict.NO_SIGNAL, f"takes the least reading time for {fast.n - fast.k:,} of {fast.n:,} answers"
        of = f"{percent(confirms.value)} ({confirms.k:,} of {confirms.n:,})"
        if confirms.low < self.confirms:
            between = f"{percent(confirms.low)} to {percent(confirms.high)}"
            return (
                Verdict.TOO_LITTLE,
                f"confirms {of}; the interval {between} has the line of {percent(self.confirms)} within",
            )
        if fast is None:
            return Verdict.TOO_LITTLE, f"confirms {of}, and whether it is read first is not measured"
        if fast.n < self.fewest or fast.low <= 0.5:
            return (
                Verdict.TOO_LITTLE,
                f"confirms {of}; whether most of it is read first, {fast.n:,} answers do not tell",
            )
        return (
            Verdict.SIGNAL,
            f"confirms {of}, and {percent(fast.value)} of the answers come faster than they can be read",
        )
