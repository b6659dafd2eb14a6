"""A review as it is given to callers, made from its row and its entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from abpo_sdk.errors import UnknownReview
from abpo_sdk.gates.review_state import ReviewState, answer_of
from abpo_sdk.ledger.decisions import decode_decision
from abpo_sdk.ledger.rows import ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.review import HIDDEN, Desk, Review, ReviewStatus


def row_of(reader: Reader, identifier: str) -> ReviewRow:
    """The row of a review.

    Raises:
        UnknownReview: there is none of this id.
    """
    rows = reader.select(ReviewRow, equal={"id": identifier})
    if not rows:
        raise UnknownReview(f"there is no review {identifier!r}")
    return rows[0]


def review_of(reader: Reader, state: ReviewState, desk: Desk, *, case: Any = None) -> Review:
    """A review as it stands.

    Args:
        reader: looks its answers up.
        state: how it stands.
        desk: where it is answered.
        case: the case as it may be seen; default: personal fields masked.
    """
    row, content = state.row, state.content
    shown = content["shown"] if case is None else case
    decision = replace(decode_decision(shown, case=shown["case"]), id=row.decision_id)
    why, changes = tuple(content["why"]), tuple(content.get("changes") or ())
    similar = tuple(content.get("similar") or ())
    answered = row.status == "answered"
    if state.asks.guard.blind and not answered:
        decision, why, changes, similar = hidden(decision), (), (), ()
    return Review(
        gate=row.gate,
        to=row.role,
        decision=decision,
        why=why,
        escalate_to=row.escalate_to,
        id=row.id,
        status=cast("ReviewStatus", row.status),
        opened=from_text(row.opened_at),
        due=from_text(row.due_at) if row.due_at else None,
        given=answer_of(reader.within(row.chain, state.place.inner), state.place) if answered else None,
        shown=row.shown,
        run=row.chain,
        asks={} if state.asks.guard.blind else content.get("asks") or {},
        changes=changes,
        similar=similar,
        claimed_by=row.claimed_by,
        expires=from_text(row.expires_at) if row.expires_at else None,
        information=tuple(state.information),
        desk=desk,
    )


def hidden(decision: Decision) -> Decision:
    """A decision without what was proposed, so that who reviews it makes up their own mind."""
    return replace(
        decision, outcome=HIDDEN, proposed=HIDDEN, confidence=0.0, reasons=(), output=None, decided_by=HIDDEN
    )
