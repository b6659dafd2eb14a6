"""What a gate demands of the answers to one review, as it was when the review was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.gates.quorum import ONE, Quorum

UNGUARDED = Guard()
"""No care is demanded."""


@dataclass(frozen=True, slots=True)
class Asks:
    """What is demanded.

    Args:
        quorum: how many people.
        four_eyes: whether nobody may answer twice about one decision.
        rationale: whether a reason is demanded.
        involved: the persons who have to do with the case, and so do not decide it.
        authority: what an approval amounts to, as `Authority.opened` writes it; None where no limit is consulted.
        guard: what care is demanded.
        refuses: the outcome by which many may be refused at once; None where none may.
    """

    quorum: Quorum = ONE
    four_eyes: bool = False
    rationale: bool = True
    involved: tuple[str, ...] = ()
    authority: Mapping[str, Any] | None = None
    guard: Guard = UNGUARDED
    refuses: str | None = None

    def structure(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "authority": self.authority,
            "four_eyes": self.four_eyes,
            "guard": self.guard.structure(),
            "involved": list(self.involved),
            "quorum": self.quorum.structure(),
            "rationale": self.rationale,
            "refuses": self.refuses,
        }

    @classmethod
    def read(cls, tree: Mapping[str, Any]) -> Asks:
        """From JSON; what an earlier release wrote demands one answer with a reason."""
        if not tree:
            return cls()
        return cls(
            quorum=Quorum.read(tree["quorum"]),
            four_eyes=tree["four_eyes"],
            rationale=tree["rationale"],
            involved=tuple(tree["involved"]),
            authority=tree["authority"],
            guard=Guard.read(tree["guard"]),
            refuses=tree["refuses"],
        )
