"""What is demanded of who decides where gates that must agree were answered differently."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from abpo_sdk.gates.asks import UNGUARDED
from abpo_sdk.gates.queues import role_queue
from abpo_sdk.gates.quorum import ONE
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, JsonValue, PersonalValue

if TYPE_CHECKING:
    from abpo_sdk.gates.gate import Gate


class TieTerms:
    """What all the gates demand of one answer, whose giver has not said anything before.

    Who has to do with the case by one of the gates does not decide it, and the approval is held against the limits that the
    first gate with an authority names. Times, care and numbers of people are those of the gates alone.

    Args:
        gates: the gates.
        role: that decides.
    """

    __slots__ = ("_gates", "_role")

    def __init__(self, gates: Sequence[Gate], role: str) -> None:
        self._gates = gates
        self._role = role

    def levels(self) -> Sequence[Sequence[str]]:
        """See `Terms.levels`."""
        return [[role_queue(self._role)]]

    def opened(
        self, decision: Decision, at: datetime, shown: Encoded
    ) -> tuple[dict[str, JsonValue], tuple[PersonalValue, ...]]:
        """See `Terms.opened`."""
        involved: list[JsonValue] = []
        personal: list[PersonalValue] = []
        authority: JsonValue = None
        asks: dict[str, JsonValue] = {}
        for gate in self._gates:
            terms, marks = gate.opened(decision, at, shown, ())
            asks = terms["asks"]
            personal += [
                PersonalValue(("asks", "involved", len(involved) + int(mark.path[-1])), mark.label, mark.subject)
                for mark in marks
            ]
            involved += asks["involved"]
            authority = authority or asks["authority"]
        demanded = {
            "authority": authority,
            "four_eyes": True,
            "guard": UNGUARDED.structure(),
            "involved": involved,
            "quorum": ONE.structure(),
            "rationale": True,
            "refuses": None,
        }
        return {"asks": {**asks, **demanded}, "queues": [role_queue(self._role)]}, tuple(personal)
