"""Runs, reviews and decisions as they stand: made from each entry in the transaction that writes it.

Nothing here holds personal content, and everything here can be made again from the entries alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from abpo_sdk.ledger.entry import Draft, Entry, Kind, Place, entry_id
from abpo_sdk.ledger.rows import ENDED, DecisionRow, ErasureRow, HoldRow, ReviewRow, RunRow, SubjectRow
from abpo_sdk.ledger.store import Transaction
from abpo_sdk.values.decision import POLICY

UNPROJECTED: frozenset[Kind] = frozenset({"step", "raised", "swept", "reopened", "exported"})
"""What changes no projection."""

ABOUT_CONTENT: frozenset[Kind] = frozenset(
    {
        "started",
        "decision",
        "imported",
        "gate",
        "attempt",
        "timer",
        "fired",
        "review",
        "escalated",
        "answered",
        "migrated",
        "erased",
        "held",
        "released",
    }
)
"""What changes a projection according to its content; anything else changes the status of its run."""


STATUS: Mapping[str, str] = {
    "incident": "incident",
    "finished": "done",
    "abandoned": "abandoned",
    "resolved": "running",
    "parked": "waiting",
}
"""The status of a run after an entry about it as a whole."""


def project(
    tx: Transaction,
    *,
    chain: str,
    place: Place,
    kind: Kind,
    name: str,
    at: str,
    entry_hash: str,
    source: Draft | Entry,
) -> None:
    """Bring the projections up to date with one entry; the content of its source is read only where it matters."""
    if kind in UNPROJECTED:
        return
    if kind not in ABOUT_CONTENT:
        _project_life(tx, chain, kind, at)
        return
    payload = source.content
    if kind == "started":
        tx.put(RunRow(chain, name, payload["version"], "running", at, at))
    elif kind == "decision":
        tx.put(_decision(chain, place, at, payload["result"]["decision"]))
    elif kind == "imported":
        tx.put(_decision(chain, place, payload["at"], payload["result"]["decision"])._replace(witnessed=0))
    elif kind == "erased":
        for key in payload["keys"]:
            tx.put(ErasureRow(key, chain, place.ordinal, at))
    elif kind == "held":
        for key in payload["keys"]:
            tx.put(HoldRow(f"{place.ordinal}/{key}", chain, key, payload["matter"], payload["by"], at))
    elif kind == "released":
        for hold in payload["holds"]:
            tx.update(HoldRow, hold, released_at=at)
    elif kind == "gate":
        if payload["result"].get("decision"):
            tx.update(DecisionRow, payload["result"]["decision"], gate=name)
    elif kind == "review":
        tx.put(_review(chain, place, at, entry_hash, payload))
        if payload.get("parks", True):
            tx.update(RunRow, chain, status="waiting", updated_at=at)
    elif kind in ("timer", "attempt"):
        if payload["due"]:
            _set_timer(tx, chain, payload["due"], at, parks=payload.get("parks", True))
    elif kind == "fired":
        tx.update(RunRow, chain, status="running", updated_at=at, wake_at=payload["next"])
    elif kind == "migrated":
        tx.update(RunRow, chain, version=payload["version"], updated_at=at)
    elif kind == "escalated":
        tx.update(ReviewRow, payload["review"], role=payload["to"], due_at=None, escalate_to=None)
    elif kind == "answered":
        tx.update(
            ReviewRow, payload["review"], status="answered", answered_by=payload["by"], outcome=payload["outcome"]
        )
        if payload.get("decision"):
            tx.update(
                DecisionRow,
                payload["decision"],
                outcome=payload["outcome"],
                decided_by=payload["by"],
                gate=payload["gate"],
            )
        if any(run.status == "waiting" for run in tx.select(RunRow, equal={"id": chain})):
            tx.update(RunRow, chain, status="running", updated_at=at)


def project_keys(tx: Transaction, chain: str, keys: Iterable[str]) -> None:
    """Note that a chain holds something that is encrypted under these keys."""
    for key in keys:
        tx.put(SubjectRow(f"{key}/{chain}", key, chain))


def _project_life(tx: Transaction, chain: str, kind: Kind, at: str) -> None:
    status = STATUS[kind]
    if status not in ENDED:
        tx.update(RunRow, chain, status=status, updated_at=at)
    else:
        tx.update(RunRow, chain, status=status, updated_at=at, wake_at=None)
        for review in tx.select(ReviewRow, equal={"chain": chain}):
            if review.status == "open":
                tx.update(ReviewRow, review.id, status="closed")


def _set_timer(tx: Transaction, chain: str, due: str, at: str, *, parks: bool) -> None:
    """A run is woken when the first of its timers is due."""
    for run in tx.select(RunRow, equal={"id": chain}):
        status = "waiting" if parks else run.status
        tx.update(RunRow, chain, status=status, updated_at=at, wake_at=min(due, run.wake_at or due))


def _decision(chain: str, place: Place, at: str, written: Mapping[str, Any]) -> DecisionRow:
    return DecisionRow(
        id=entry_id(chain, place),
        chain=chain,
        scope=place.scope,
        ordinal=place.ordinal,
        policy=written["policy"],
        version=written["version"],
        owner=written.get("owner"),
        proposed=written.get("proposed", written["outcome"]),
        outcome=written["outcome"],
        confidence=float(written["confidence"]),
        decided_by=written.get("decided_by", POLICY),
        gate=written.get("gate"),
        at=at,
    )


def _review(chain: str, place: Place, at: str, entry_hash: str, payload: Mapping[str, Any]) -> ReviewRow:
    return ReviewRow(
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
    )
