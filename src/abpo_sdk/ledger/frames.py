"""Decisions as a pandas frame."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from abpo_sdk.errors import Erased, LedgerBroken, NotCanonical
from abpo_sdk.ledger.encryption import decrypt, labels, readable
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.rows import DecisionRow
from abpo_sdk.ledger.store import Reader, Store
from abpo_sdk.ledger.view_frames import is_time, times

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

CASE = ("result", "case")
"""Where the payload of a decision holds its case."""


@cache
def _durations() -> TypeAdapter[dt.timedelta]:
    return TypeAdapter(dt.timedelta)


PARSERS: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "time": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "duration": lambda text: _durations().validate_python(text),
}


def decisions_frame(store: Store, vault: KeyProvider, *, policy: str | None, purpose: str | None) -> pd.DataFrame:
    """One row a decision; see `Ledger.decisions`."""
    import pandas as pd

    names = dict.fromkeys(COLUMNS)  # the columns, in the order in which they are met
    records: list[list[Any]] = []
    with store.snapshot() as reader:  # so that a case is that of its row, whatever is erased or swept meanwhile
        for row in _rows(reader, policy):
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
            for name, value in _case(reader, vault, row, purpose).items():
                record[f"case.{name}" if name in COLUMNS else name] = value
            names.update(dict.fromkeys(record))
            records.append([record.get(name, math.nan) for name in names])
    for values in records:
        values.extend([math.nan] * (len(names) - len(values)))
    frame = pd.DataFrame.from_records(records, columns=list(names)) if records else pd.DataFrame(columns=list(names))
    frame["at"] = _times(frame)
    return frame


def _times(frame: pd.DataFrame) -> pd.DatetimeIndex:
    try:
        return times(frame["at"])
    except (ValueError, TypeError):
        wrong = next(number for number, text in enumerate(frame["at"]) if not is_time(text))
        chain, text = frame["run_id"].iloc[wrong], frame["at"].iloc[wrong]
        raise LedgerBroken(
            f"the ledger is broken at {chain!r}: a decision was made at {text!r}, which is no time", chain=chain
        ) from None


def _rows(reader: Reader, policy: str | None) -> Iterator[DecisionRow]:
    """The rows of a policy, or all, in the order in which the decisions were made."""
    if policy:
        yield from reader.select(DecisionRow, equal={"policy": policy}, order="at")
    else:
        yield from reader.rows(DecisionRow, order="at")


def _case(reader: Reader, vault: KeyProvider, row: DecisionRow, purpose: str | None) -> dict[str, Any]:
    """The fields of a decision's case; none where its payload was removed."""
    entry = reader.entry(row.chain, Place(row.scope, row.ordinal))
    if entry is None or entry.payload is None:
        return {}
    try:
        return _fields(entry, vault, purpose)
    except (NotCanonical, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise LedgerBroken(
            f"the ledger is broken at {row.chain!r}, entry {entry.position}: its payload is not that of a decision",
            chain=row.chain,
            entry=entry.position,
        ) from None


def _fields(entry: Entry, vault: KeyProvider, purpose: str | None) -> dict[str, Any]:
    content = entry.content
    case = content["result"]["case"]
    within = {path[2] for path in labels(entry) if len(path) > len(CASE) and path[: len(CASE)] == CASE}
    personal = within if isinstance(case, dict) or not within else {"case"}
    if purpose and personal:
        try:
            read = readable if isinstance(case, dict) else decrypt
            case = read(entry, vault)["result"]["case"]
        except Erased:
            case = None
    types = content["result"].get("types", {})
    return {
        name: PARSERS[types[name]](value) if types.get(name) in PARSERS and isinstance(value, str) else value
        for name, value in (case if isinstance(case, dict) else {"case": case}).items()
        if purpose or name not in personal
    }
