"""How many people must say the same, and what becomes of what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from abpo_sdk.errors import DefinitionError

Standing = Literal["open", "settled", "tied"]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said: an outcome, and what they corrected, as canonical text; those who say both alike agree."""

    outcome: str
    edit: str = ""


@dataclass(frozen=True, slots=True, init=False)
class Quorum:
    """How many people must agree.

    Args:
        n: how many must say the same.
        of: how many are asked at most; None to ask until `n` agree.
        veto: outcomes of which one person's word is enough.
        tie_break: the role that decides alone where `of` people have spoken and no `n` agree.

    Raises:
        DefinitionError: a number that is none, fewer people than must agree, or a tie that nobody breaks.

    >>> Quorum(2, of=3, veto={"reject"}, tie_break="cfo").tally([Vote("pay"), Vote("refer")])
    'open'
    """

    n: int
    of: int | None
    veto: frozenset[str]
    tie_break: str | None

    def __init__(
        self, n: int = 1, *, of: int | None = None, veto: Collection[str] = (), tie_break: str | None = None
    ) -> None:
        for name, number in (("n", n), ("of", of)):
            if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
                raise DefinitionError(
                    f"Quorum: {name}={number!r} is no number of people; give a whole number from 1 on"
                )
        if of is not None and of < n:
            raise DefinitionError(f"Quorum: {n} of {of} can never agree; give of={n} or more")
        if isinstance(veto, str):
            raise DefinitionError(f"Quorum: veto={veto!r} is a text; write veto={{{veto!r}}}")
        if of is not None and n > 1 and not tie_break:
            raise DefinitionError(
                f"Quorum({n}, of={of}): {of} people may say different things; say who decides then (tie_break=...), or leave of= out "
                f"to ask until {n} agree"
            )
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "veto", frozenset(veto))
        object.__setattr__(self, "tie_break", tie_break)

    def tally(self, votes: Sequence[Vote], *, breaking: bool = False) -> Standing:
        """What the votes come to: "settled" (by the last one), "tied", or "open".

        Args:
            votes: in their order.
            breaking: whether the last one is that of who breaks a tie.
        """
        if not votes:
            return "open"
        last = votes[-1]
        if breaking or last.outcome in self.veto or Counter(votes)[last] >= self.n:
            return "settled"
        return "tied" if self.of is not None and len(votes) >= self.of else "open"

    def structure(self) -> dict[str, Any]:
        """As JSON."""
        return {"n": self.n, "of": self.of, "tie_break": self.tie_break, "veto": sorted(self.veto)}

    @classmethod
    def read(cls, tree: Mapping[str, Any]) -> Quorum:
        """From JSON."""
        return cls(tree["n"], of=tree["of"], veto=tree["veto"], tie_break=tree["tie_break"])

    @property
    def words(self) -> str:
        """How many, in words."""
        return f"{self.n} of {self.of}" if self.of is not None else f"{self.n}"


ONE = Quorum()
"""One person decides."""
