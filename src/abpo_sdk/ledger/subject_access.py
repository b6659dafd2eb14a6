"""What a ledger holds of one person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abpo_sdk.ledger.encryption import boxes, open_box
from abpo_sdk.ledger.erasure import chains_of, check_said
from abpo_sdk.ledger.journal import Journal

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "run_id": "string",
    "entry": "int64",
    "kind": "string",
    "name": "string",
    "at": "datetime64[us, UTC]",
    "label": "string",
    "field": "string",
    "value": "object",
}
"""The columns and their types, which are the same with and without rows."""


def subject_frame(journal: Journal, subject: str) -> pd.DataFrame:
    """One row a stored field; see `Ledger.export_subject`."""
    import pandas as pd

    check_said(subject=subject)
    keys = journal.vault.identifiers(subject)
    records: list[tuple[Any, ...]] = []
    with journal.store.snapshot() as reader:
        for chain in chains_of(reader, keys):
            for entry in reader.entries(chain):
                for box, _ in boxes(entry):
                    opened = open_box(entry, box, journal.vault) if box["key"] in keys else None
                    if opened is not None:
                        field = ".".join(map(str, box["path"]))
                        about = (chain, entry.position, entry.kind, entry.name, entry.at)
                        records.append((*about, box["label"], field, opened["value"]))
    values = list(zip(*records, strict=True)) if records else [()] * len(COLUMNS)
    # object first, so that pandas makes nothing of the values: no NaN of None, no array of lists
    columns = {name: pd.Series(list(v), dtype="object") for name, v in zip(COLUMNS, values, strict=True)}
    return pd.DataFrame(columns).astype(COLUMNS)
