"""The entries that put a review before people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from abpo_sdk.ledger import Place
from abpo_sdk.ledger.decisions import encode_case, encode_decision
from abpo_sdk.ledger.entry import Draft, Kind, id_part
from abpo_sdk.ledger.recorder import Enough
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.encoded import Encoded, file_digest
from abpo_sdk.values.review import Review


def shown_of(review: Review) -> Encoded:
    """What a review shows of its decision: what an answer is bound to."""
    return encode_decision(review.decision, encode_case(review.decision.case, file_digest))


def review_id(chain: str, scope: str, gate: str, number: int | str) -> str:
    """The identifier of a review: the gate's call of that number in its scope."""
    return f"{id_part(chain)}{scope}{id_part(gate)}/{number}"


def review_draft(
    review: Review,
    shown: Encoded,
    *,
    identifier: str,
    place: Place,
    at: datetime,
    parks: bool = True,
    kind: Kind = "review",
    purpose: str = "decide",
    beside: Sequence[str] = (),
    enough: Enough = "all",
) -> Draft:
    """The entry that puts a review before people.

    Args:
        review: what a gate asked for.
        shown: what it shows.
        identifier: of the review.
        place: where it stands.
        at: when.
        parks: whether its run waits from now on.
        kind: "review", or "second" for one that nothing waits for.
        purpose: "decide", or why else it is put before somebody.
        beside: the reviews that are asked for at the same time about the same decision.
        enough: whether all of them have to be answered alike, or one is enough.
    """
    payload: dict[str, Any] = {
        "decision": review.decision.id,
        "due": to_text(at.astimezone(UTC) + review.due_in)
        if review.due_in
        else None,  # elsewhere, a day may have 23 hours
        "escalate_to": review.escalate_to,
        "gate": review.gate,
        "proposed": review.decision.outcome,
        "review": identifier,
        "shown": shown.tree,
        "to": review.to,
        "why": list(review.why),
    }
    personal = shown.within("shown")
    if review.terms is not None:
        terms, marked = review.terms.opened(review.decision, at, shown)
        payload |= terms
        personal += marked
    if not parks:
        payload["parks"] = False
    if purpose != "decide":
        payload["purpose"] = purpose
    if beside:
        payload["alternatives" if enough == "one" else "together"] = list(beside)
    return Draft(place, kind, review.gate, payload, at, personal, shown)
