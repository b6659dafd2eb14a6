"""Decisions as a pandas frame."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from abpo_sdk.errors import Erased
from abpo_sdk.ledger.entry import Place
from abpo_sdk.ledger.rows import DecisionRow
from abpo_sdk.ledger.sealing import labels, unseal
from abpo_sdk.ledger.store import Store
from abpo_sdk.ledger.vault import KeyProvider

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "decision_id",
    "run_id",
    "policy",
    "version",
    "owner",
    "proposed",
    "outcome",
    "confidence",
    "decided_by",
    "gate",
    "at",
)

PARSERS: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "time": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "duration": lambda text: TypeAdapter(dt.timedelta).validate_python(text),
}


def decisions_frame(store: Store, vault: KeyProvider, *, policy: str | None, purpose: str | None) -> pd.DataFrame:
    """One row a decision; see `Ledger.decisions`."""
    import pandas as pd

    rows = store.select(DecisionRow, equal={"policy": policy} if policy else None, order="at")
    records = []
    for row in rows:
        record: dict[str, Any] = {
            "decision_id": row.id,
            "run_id": row.chain,
            "policy": row.policy,
            "version": row.version,
            "owner": row.owner,
            "proposed": row.proposed,
            "outcome": row.outcome,
            "confidence": row.confidence,
            "decided_by": row.decided_by,
            "gate": row.gate,
            "at": row.at,
        }
        for name, value in _case(store, vault, row, purpose).items():
            record[f"case.{name}" if name in COLUMNS else name] = value
        records.append(record)
    frame = pd.DataFrame.from_records(records) if records else pd.DataFrame(columns=list(COLUMNS))
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    return frame


def _case(store: Store, vault: KeyProvider, row: DecisionRow, purpose: str | None) -> dict[str, Any]:
    entry = store.entry(row.chain, Place(row.scope, row.ordinal))
    if entry is None or entry.payload is None:
        return {}
    personal = {path[2] for path in labels(entry) if len(path) > 2 and path[:2] == ("result", "case")}
    content = entry.content
    if purpose and personal:
        try:
            content = unseal(entry, vault)
        except Erased:
            content["result"]["case"].update(dict.fromkeys(personal))
    result = content["result"]
    case = result["case"] if isinstance(result["case"], dict) else {"case": result["case"]}
    types = result.get("types", {})
    return {
        name: PARSERS[types[name]](value) if types.get(name) in PARSERS and isinstance(value, str) else value
        for name, value in case.items()
        if purpose or name not in personal
    }
