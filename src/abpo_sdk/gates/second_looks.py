"""A share of what was answered is put before another person, who does not know what was said."""

from __future__ import annotations

from typing import Any

from abpo_sdk.gates.standing import Standing
from abpo_sdk.gates.triggers import drawn
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.entry import Draft


def second_look(standing: Standing, answered: dict[str, Any]) -> Draft | None:
    """The entry that puts an answered review before another person; None where it is not drawn.

    Nothing waits for it, and it changes no decision. It shows what the first one showed, with personal fields masked.
    """
    state, row = standing.state, standing.row
    share = state.asks.guard.double
    if answered["settled"] is None or row.purpose != "decide" or not share:
        return None
    if not drawn(share, key=row.chain, gate=row.gate, seed="second look"):
        return None
    content = state.content
    asks = {**content["asks"], "authority": None, "quorum": {"n": 1, "of": None, "tie_break": None, "veto": []}}
    asks["guard"] = {**asks["guard"], "blind": True, "double": 0.0}
    payload = {
        "asks": {**asks, "involved": []},  # which the first one has, and keeps no longer than its subject wants
        "decision": row.decision_id,
        "due": None,
        "escalate_to": None,
        "gate": row.gate,
        "parks": False,
        "proposed": content["proposed"],
        "purpose": "second",
        "queues": content["queues"],
        "review": f"{row.id}/second",
        "shown": content["shown"],
        "to": content["to"],
        "why": content["why"],
    }
    return Draft(Place(state.place.inner, state.number), "second", row.gate, payload, standing.now)
