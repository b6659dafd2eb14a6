"""Reviews as they stand: made from the entries that open them and that say what people did with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from abpo_sdk.ledger.entry import Kind, Place, id_part
from abpo_sdk.ledger.rows import AnswerRow, DecisionRow, QueueRow, ReviewRow, RunRow, SpendRow
from abpo_sdk.ledger.store import Transaction

ASKED = ("open", "claimed", "returned")
"""The statuses of a review that waits for somebody."""

ABOUT_REVIEWS: frozenset[Kind] = frozenset(
    {
        "review",
        "second",
        "escalated",
        "reassigned",
        "claimed",
        "unclaimed",
        "abstained",
        "recused",
        "returned",
        "informed",
        "reminded",
        "answered",
        "expired",
    }
)
"""What changes how a review stands."""


def queue_of_role(role: str) -> str:
    """The queue of those who hold a role, whatever their skills.

    >>> queue_of_role("controller")
    'role:controller'
    """
    return f"role:{id_part(role).replace('+', '%2B')}"


def stands(answered: Mapping[str, Any]) -> bool:
    """Whether what an "answered" entry says is what its decision is from then on.

    Not the word of one of several who must say the same, nor that of a second look; what an earlier release wrote always is.
    """
    if answered.get("purpose", "decide") != "decide" or not answered.get("stands", True):
        return False
    return answered["settled"] is not None if "settled" in answered else True


def project_review(
    tx: Transaction, *, chain: str, place: Place, kind: Kind, at: str, entry_hash: str, payload: Mapping[str, Any]
) -> None:
    """Bring the rows of a review up to date with one entry."""
    if kind in ("review", "second"):
        _open(tx, chain, place, at, entry_hash, payload)
        return
    row = next(iter(tx.select(ReviewRow, equal={"id": payload["review"]})), None)
    if kind == "answered":
        _answer(tx, row, chain, at, payload)
        return
    if row is None:  # swept
        return
    if kind == "escalated":
        due, onwards = payload.get("next_due"), payload.get("next_to")
        _put_to(tx, row, payload, due_at=due, escalate_to=onwards, remind_at=payload.get("remind"))
    elif kind == "reassigned":
        _put_to(tx, row, payload)
    elif kind == "claimed":
        _change(tx, row, status="claimed", claimed_by=payload["by"], claimed_until=payload["until"])
    elif kind == "unclaimed":
        _change(tx, row, status="open", claimed_by=None, claimed_until=None)
    elif kind in ("abstained", "recused"):
        if row.claimed_by == payload["by"]:  # who says nothing keeps it from nobody
            _change(tx, row, status="open", claimed_by=None, claimed_until=None)
        if kind == "recused":  # what they said before counts no more
            for said in tx.select(AnswerRow, equal={"review": row.id}):
                if payload["by"] in (said.person, said.on_behalf_of):
                    tx.update(SpendRow, said.id, status="released")
    elif kind == "returned":
        _change(tx, row, status="returned", claimed_by=None, claimed_until=None)
    elif kind == "informed":
        settle_spending(tx, row.id, ())
        if "to" in payload:  # those who had not agreed are asked again
            due, onwards = payload["next_due"], payload["next_to"]
            _put_to(tx, row, payload, shown=entry_hash, due_at=due, escalate_to=onwards)
        else:
            _change(tx, row, status="open", shown=entry_hash)
    elif kind == "reminded":
        _change(tx, row, remind_at=None)
    else:
        end_review(tx, row, kind, at)


def end_review(tx: Transaction, row: ReviewRow, status: str, at: str) -> None:
    """A review waits for nobody any more: it is "expired", and its run goes on, or it is "closed"."""
    _change(tx, row, status=status, claimed_by=None, claimed_until=None)
    settle_spending(tx, row.id, ())
    if status == "expired" and row.purpose == "decide":
        for run in tx.select(RunRow, equal={"id": row.chain}):
            if run.status == "waiting":
                tx.update(RunRow, run.id, status="running", updated_at=at)


def settle_spending(tx: Transaction, review: str, stands: Collection[int]) -> None:
    """What was reserved of people's authority for a review is taken by the answers that stand, by number, and given back by the others."""
    taken = {f"{review}#{number}" for number in stands}
    for spend in tx.select(SpendRow, equal={"review": review, "status": "reserved"}):
        tx.update(SpendRow, spend.id, status="committed" if spend.id in taken else "released")


def _open(tx: Transaction, chain: str, place: Place, at: str, entry_hash: str, payload: Mapping[str, Any]) -> None:
    row = ReviewRow(
        id=payload["review"],
        chain=chain,
        scope=place.scope,
        ordinal=place.ordinal,
        gate=payload["gate"],
        role=payload["to"],
        status="open",
        opened_at=at,
        due_at=payload.get("due"),
        escalate_to=payload.get("escalate_to"),
        decision_id=payload.get("decision"),
        shown=entry_hash,
        purpose=payload.get("purpose", "decide"),
        proposed=payload.get("proposed"),
        remind_at=payload.get("remind"),
        expires_at=payload.get("expires"),
    )
    tx.put(row._replace(next_at=_next(row)))
    _put_queues(tx, row, payload.get("queues") or [queue_of_role(row.role)])
    if row.purpose == "decide" and payload.get("parks", True):
        tx.update(RunRow, chain, status="waiting", updated_at=at)


def _put_to(tx: Transaction, row: ReviewRow, payload: Mapping[str, Any], **changes: Any) -> None:
    """A review is put to others."""
    _change(tx, row, status="open", role=payload["to"], claimed_by=None, claimed_until=None, **changes)
    _put_queues(tx, row, payload.get("queues") or [queue_of_role(payload["to"])])


def _put_queues(tx: Transaction, row: ReviewRow, queues: Iterable[str]) -> None:
    before = {queue.id for queue in tx.select(QueueRow, equal={"review": row.id})}
    now = {
        (identifier := f"{row.id}#{number}"): QueueRow(identifier, row.chain, row.id, queue, "open", row.opened_at)
        for number, queue in enumerate(queues)
    }
    for queue in now.values():
        tx.put(queue)
    for identifier in before - now.keys():
        tx.update(QueueRow, identifier, status="closed")


def _change(tx: Transaction, row: ReviewRow, **changes: Any) -> None:
    """Change a review; where its status changes, that of its queues, too."""
    changed = row._replace(**changes)
    tx.update(ReviewRow, row.id, **changes, next_at=_next(changed))
    if changed.status != row.status:
        for queue in tx.select(QueueRow, equal={"review": row.id}):
            if queue.status != "closed":
                tx.update(QueueRow, queue.id, status=changed.status)


def _next(row: ReviewRow) -> str | None:
    """When something happens to a review by itself."""
    if row.status not in ASKED:
        return None
    due = row.due_at if row.escalate_to is not None else None
    times = (due, row.remind_at, row.expires_at, row.claimed_until)
    return min((time for time in times if time is not None), default=None)


def _answer(tx: Transaction, row: ReviewRow | None, chain: str, at: str, payload: Mapping[str, Any]) -> None:
    """Somebody said something to a review; it is settled, unless others must say something, too."""
    new = "settled" in payload  # what was written before there was more than one answer has no row of its own
    if new and row is not None:
        tx.put(
            AnswerRow(
                id=f"{row.id}#{payload['number']}",
                chain=chain,
                review=row.id,
                decision_id=row.decision_id,
                gate=row.gate,
                role=payload["role"],
                person=payload["by"],
                on_behalf_of=payload.get("on_behalf_of"),
                purpose=row.purpose,
                proposed=row.proposed,
                outcome=payload["outcome"],
                opened_at=row.opened_at,
                viewed_at=payload.get("viewed"),
                answered_at=at,
                blind=int(payload.get("blind", False)),
            )
        )
    spend = payload.get("spend")
    if spend is not None:
        tx.put(
            SpendRow(
                id=f"{payload['review']}#{payload['number']}", chain=chain, review=payload["review"], **spend, at=at
            )
        )
    if new and payload["settled"] is None:
        tie = payload.get("tie")
        if row is not None:
            _change(tx, row, status="open", claimed_by=None, claimed_until=None)
            if tie is not None:
                _put_to(tx, row._replace(status="open"), tie, due_at=None, escalate_to=None, remind_at=None)
        return
    outcome = payload["settled"] if new else payload["outcome"]
    if row is not None:
        _change(
            tx,
            row,
            status="answered",
            answered_by=payload["by"],
            outcome=outcome,
            claimed_by=None,
            claimed_until=None,
        )
        if new:
            settle_spending(tx, row.id, payload["agreeing"])
            _close_alternatives(tx, row, at, payload)
    if payload.get("purpose", "decide") != "decide":
        return
    if payload.get("decision") and stands(payload):
        tx.update(DecisionRow, payload["decision"], outcome=outcome, decided_by=payload["by"], gate=payload["gate"])
    if any(run.status == "waiting" for run in tx.select(RunRow, equal={"id": chain})):
        tx.update(RunRow, chain, status="running", updated_at=at)


def _close_alternatives(tx: Transaction, row: ReviewRow, at: str, payload: Mapping[str, Any]) -> None:
    """Of reviews of which one answer is enough, the others need none any more."""
    for identifier in payload.get("closes", ()):
        for other in tx.select(ReviewRow, equal={"id": identifier}):
            if other.status in ASKED and other.id != row.id:
                end_review(tx, other, "closed", at)
