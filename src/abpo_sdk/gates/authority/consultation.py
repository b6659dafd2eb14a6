"""What the limits said of one approval: each of them, what was spent of it, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from abpo_sdk.errors import AmountInvalid, OverLimit
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.spend import Spend
from abpo_sdk.gates.authority.splits import names
from abpo_sdk.gates.authority.windows import Window, in_words
from abpo_sdk.ledger.rows import SpendRow
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.money import in_full


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """One limit that concerned an approval.

    Args:
        limit: which.
        asked: the units of this approval.
        window: the time over which it sums; None for a limit of one case.
        spent: the units that count beside this approval: of a limit of one case, those of the cases linked with it.
        cases: how many cases those are.
        linked: the cases linked with it, for a limit of one case.
        uncounted: why its sum cannot be told, where it cannot.
    """

    limit: Limit
    asked: int
    window: Window | None = None
    spent: int = 0
    cases: int = 0
    linked: tuple[SpendRow, ...] = ()
    uncounted: str | None = None

    @property
    def fits(self) -> bool:
        """Whether the approval stays within it."""
        limit = self.limit
        return (
            self.uncounted is None
            and (limit.bound is None or self.spent + self.asked <= limit.bound.units)
            and (limit.count is None or self.cases < limit.count)
        )

    @property
    def strictness(self) -> tuple[int, int]:
        """The strictest is the least: one that this approval alone exceeds, then with linked cases, then in sum; of these, what leaves the least."""
        bound = self.limit.bound
        if self.window is None and bound:
            return (0, bound.units) if self.asked > bound.units else (1, bound.units - self.spent)
        return 2, bound.units - self.spent if bound else -1

    def why(self, spend: Spend) -> str:
        """Why the approval does not stay within it."""
        limit, bound = self.limit, self.limit.bound
        if self.uncounted:
            return f"the limit is {limit}, and {self.uncounted}"
        if self.window is None and self.linked and bound and self.asked <= bound.units:
            by = f"linked by {spend.linked!r}"
            return (
                f"it is {by} with {names(self.linked)} within {in_words(spend.within)}, together {self._shown(self.spent + self.asked)}, and the "
                f"limit of the whole is {limit}; put the whole before a role that may approve it"
            )
        if self.window is None:
            return f"the limit is {limit}"
        cases = f"{self.cases} case{'s' * (self.cases != 1)}"
        return f"the limit is {limit}; spent of it: {f'{self._shown(self.spent)} in {cases}' if bound else cases}"

    def _shown(self, units: int) -> str:
        bound = self.limit.bound
        return f"{in_full(units, bound.decimals):,f} {bound.currency}" if bound else ""

    def to_json(self) -> dict[str, Any]:
        """As JSON, amounts as text; those of a limit that counts cases alone are None."""
        bound = self.limit.bound
        return {
            "cases": self.cases,
            "cases_would_be": self.cases + 1,
            "limit": self.limit.to_json(),
            "spent": f"{in_full(self.spent, bound.decimals):f}" if bound else None,
            "uncounted": self.uncounted,
            "window": [to_text(self.window.since), to_text(self.window.until)] if self.window else None,
            "within": self.fits,
            "would_be": f"{in_full(self.spent + self.asked, bound.decimals):f}" if bound else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """What the limits said of one approval.

    Args:
        spend: what was to be approved.
        person: who would approve it.
        role: which they acted in.
        limits: the version of the limits.
        consulted: every limit that concerned it.
        linked: the approved cases that would make one whole with it.
        flags: what a person should look at; nothing is refused for it.
        lacking: why there is no limit that allows it, where there is none.
        fault: the kind of `lacking`: "none" (no limit for the role and kind) or "currency" (none in this currency).
    """

    spend: Spend
    person: str
    role: str
    limits: str
    consulted: tuple[Consulted, ...]
    linked: tuple[SpendRow, ...] = ()
    flags: tuple[str, ...] = ()
    lacking: str | None = None
    fault: Literal["none", "currency"] | None = None

    @property
    def allowed(self) -> bool:
        """Whether every limit that concerns it allows it, and one of a case is among them."""
        return self.refusal is None

    @property
    def refusal(self) -> str | None:
        """Why it is refused: by the strictest limit; None where it is allowed."""
        why = self.lacking
        if why is None:
            exceeded = [consulted for consulted in self.consulted if not consulted.fits]
            if not exceeded:
                return None
            why = min(exceeded, key=lambda consulted: consulted.strictness).why(self.spend)
        return f"{self.person!r} may not approve {self.spend.money} of {self.spend.kind} as {self.role}: {why}"

    def check(self) -> None:
        """Refuse what the limits do not allow.

        Raises:
            OverLimit: naming the strictest limit, what is spent of it and what was asked; or no limit allows anything.
            AmountInvalid: the role has limits in other currencies alone.
        """
        refusal = self.refusal
        if refusal is not None:
            raise (AmountInvalid if self.fault == "currency" else OverLimit)(refusal, consultation=self)

    def to_json(self) -> dict[str, Any]:
        """As JSON, for the entry of the answer, or of the attempt."""
        return {
            "allowed": self.allowed,
            "consulted": [consulted.to_json() for consulted in self.consulted],
            "flags": list(self.flags),
            "limits": self.limits,
            "linked": [row.review for row in self.linked],
            "refusal": self.refusal,
            "role": self.role,
            "spend": self.spend.to_json(),
        }
