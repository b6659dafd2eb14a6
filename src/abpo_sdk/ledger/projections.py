"""Runs, reviews and decisions as they stand: made from each entry in the transaction that writes it.

Nothing here holds personal content, and everything here can be made again from the entries alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from abpo_sdk.ledger.entry import Draft, Entry, Kind, Place, entry_id, id_part
from abpo_sdk.ledger.review_projection import ABOUT_REVIEWS, ASKED, end_review, project_review
from abpo_sdk.ledger.rows import (
    ENDED,
    DecisionRow,
    DelegationRow,
    ErasureRow,
    HoldRow,
    ReviewRow,
    RunRow,
    SubjectRow,
    SwitchRow,
)
from abpo_sdk.ledger.store import Transaction
from abpo_sdk.values.decision import POLICY

UNPROJECTED: frozenset[Kind] = frozenset(
    {
        "step",
        "raised",
        "swept",
        "reopened",
        "exported",
        "viewed",
        "refused",
        "seeded",
        "declared",
    }
)
"""What changes no projection."""

ABOUT_CONTENT: frozenset[Kind] = ABOUT_REVIEWS | frozenset(
    {
        "started",
        "decision",
        "imported",
        "gate",
        "attempt",
        "timer",
        "fired",
        "migrated",
        "erased",
        "held",
        "released",
        "delegated",
        "undelegated",
        "stopped",
        "restarted",
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
    elif kind in ABOUT_REVIEWS:
        project_review(tx, chain=chain, place=place, kind=kind, at=at, entry_hash=entry_hash, payload=payload)
    elif kind == "gate":
        _pass_gate(tx, name, payload["result"])
    elif kind in ("timer", "attempt"):
        if payload["due"]:
            _set_timer(tx, chain, payload["due"], at, parks=payload.get("parks", True))
    elif kind == "fired":
        tx.update(RunRow, chain, status="running", updated_at=at, wake_at=payload["next"])
    elif kind == "migrated":
        tx.update(RunRow, chain, version=payload["version"], updated_at=at)
    elif kind == "delegated":
        tx.put(_delegation(chain, place, payload))
    elif kind == "undelegated":
        tx.update(DelegationRow, payload["delegation"], until=payload["until"])
    else:
        tx.put(_switch(chain, kind, at, payload))


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
            if review.status in ASKED and review.purpose == "decide":
                end_review(tx, review, "closed", at)


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


def _pass_gate(tx: Transaction, gate: str, checked: Mapping[str, Any]) -> None:
    """A decision came to a gate. Where there are several, a person is asked where one of them does."""
    identifier = checked.get("decision")
    if not identifier:
        return
    changes: dict[str, Any] = {"gate": gate}
    probability = checked.get("probability")
    if probability is not None:
        before = next((row.review_probability for row in tx.select(DecisionRow, equal={"id": identifier})), None)
        changes["review_probability"] = 1 - (1 - float(probability)) * (1 - (before or 0.0))
    tx.update(DecisionRow, identifier, **changes)


def _delegation(chain: str, place: Place, payload: Mapping[str, Any]) -> DelegationRow:
    roles = payload["roles"]
    return DelegationRow(
        id=entry_id(chain, place),
        chain=chain,
        person=payload["by"],
        delegate=payload["to"],
        roles=" ".join(id_part(role).replace(" ", "%20") for role in roles) if roles is not None else None,
        since=payload["since"],
        until=payload["until"],
    )


def _switch(chain: str, kind: Kind, at: str, payload: Mapping[str, Any]) -> SwitchRow:
    what, name = payload["what"], payload["name"]
    return SwitchRow(f"{what}:{name}", chain, what, name, payload["role"], kind, at)
