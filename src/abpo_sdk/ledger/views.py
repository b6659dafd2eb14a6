"""The views of a ledger: what stands in its tables, all at once or in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DefinitionError, LedgerBroken, NotCanonical
from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.rows import AnswerRow, DecisionRow, Projection, ReviewRow, RunRow
from abpo_sdk.ledger.store import Reader, Store
from abpo_sdk.ledger.view_frames import Column, View, check_size, frames_of

if TYPE_CHECKING:
    import pandas as pd


def view(store: Store, name: str) -> pd.DataFrame:
    """All rows of a view; see `Ledger.view`."""
    import pandas as pd

    return pd.concat(list(batches(store, name, size=100_000)))


def batches(store: Store, name: str, *, size: int) -> Iterator[pd.DataFrame]:
    """The rows of a view, some at a time; see `Ledger.batches`."""
    found = view_named(name)
    check_size(size)
    return _batches(store, found, size)


def view_named(name: str) -> View:
    """The view of a name.

    Raises:
        DefinitionError: there is none.
    """
    for found in VIEWS:
        if found.name == name:
            return found
    raise DefinitionError(f"there is no view {name!r}; there are {', '.join(v.name for v in VIEWS)}")


def _batches(store: Store, found: View, size: int) -> Iterator[pd.DataFrame]:
    with store.snapshot() as reader:
        if reader is not store:
            yield from frames_of(reader, found, size)
            return
        frames = list(frames_of(reader, found, size))  # it is in memory, and must not wait for whoever reads them
    yield from frames


def _entries(reader: Reader) -> Iterator[tuple[Any, ...]]:
    for entry in reader.scan():
        yield _entry(entry)


def _entry(entry: Entry) -> tuple[Any, ...]:
    """What the view shows of an entry; not the entry, whose payload may be large."""
    try:
        head = entry.head
        size = None if entry.payload is None else memoryview(entry.payload).nbytes
        at, kind, name = head["at"], head["kind"], head["name"]
        hashed = entry.hash
    except (NotCanonical, LookupError, TypeError, AttributeError):
        raise LedgerBroken(
            f"the ledger is broken at {entry.chain!r}, entry {entry.position}: what is stored of it is no entry",
            chain=entry.chain,
            entry=entry.position,
        ) from None
    return (
        entry.chain,
        entry.position,
        entry.leaf,
        kind,
        name,
        *entry.place,
        at,
        hashed,
        size,
        entry.ciphertext is not None,
        size is None,
    )


def _projection(kind: type[Projection], order: str, *columns: str) -> Callable[[Reader], Iterator[tuple[Any, ...]]]:
    values = attrgetter(*columns)
    return lambda reader: map(values, reader.rows(kind, order=order))


VIEWS = (
    View(
        "decisions",
        (
            Column("decision_id", "string"),
            Column("run_id", "string"),
            Column("policy", "string"),
            Column("version", "string"),
            Column("owner", "string", optional=True),
            Column("proposed", "string"),
            Column("outcome", "string"),
            Column("confidence", "float64"),
            Column("decided_by", "string"),
            Column("gate", "string", optional=True),
            Column("at", "datetime64[us, UTC]"),
            Column("witnessed", "bool"),
            Column("review_probability", "float64", optional=True),
        ),
        1,
        _projection(
            DecisionRow,
            "at",
            "id",
            "chain",
            "policy",
            "version",
            "owner",
            "proposed",
            "outcome",
            "confidence",
            "decided_by",
            "gate",
            "at",
            "witnessed",
            "review_probability",
        ),
    ),
    View(
        "entries",
        (
            Column("run_id", "string"),
            Column("position", "int64"),
            Column("leaf", "Int64", optional=True),
            Column("kind", "string"),
            Column("name", "string"),
            Column("scope", "string"),
            Column("ordinal", "int64"),
            Column("at", "datetime64[us, UTC]"),
            Column("hash", "string"),
            Column("payload_bytes", "Int64", optional=True),
            Column("personal", "bool"),
            Column("swept", "bool"),
        ),
        2,
        _entries,
    ),
    View(
        "runs",
        (
            Column("run_id", "string"),
            Column("process", "string"),
            Column("version", "string"),
            Column("status", "string"),
            Column("started_at", "datetime64[us, UTC]"),
            Column("updated_at", "datetime64[us, UTC]"),
            Column("wake_at", "datetime64[us, UTC]", optional=True),
        ),
        1,
        _projection(RunRow, "started_at", *RunRow._fields),
    ),
    View(
        "reviews",
        (
            Column("review_id", "string"),
            Column("run_id", "string"),
            Column("gate", "string"),
            Column("role", "string"),
            Column("status", "string"),
            Column("opened_at", "datetime64[us, UTC]"),
            Column("due_at", "datetime64[us, UTC]", optional=True),
            Column("escalate_to", "string", optional=True),
            Column("decision_id", "string", optional=True),
            Column("answered_by", "string", optional=True),
            Column("outcome", "string", optional=True),
            Column("proposed", "string", optional=True),
            Column("claimed_by", "string", optional=True),
            Column("expires_at", "datetime64[us, UTC]", optional=True),
            Column("purpose", "string"),
        ),
        1,
        _projection(
            ReviewRow,
            "opened_at",
            "id",
            "chain",
            "gate",
            "role",
            "status",
            "opened_at",
            "due_at",
            "escalate_to",
            "decision_id",
            "answered_by",
            "outcome",
            "proposed",
            "claimed_by",
            "expires_at",
            "purpose",
        ),
    ),
    View(
        "answers",
        (
            Column("review_id", "string"),
            Column("run_id", "string"),
            Column("decision_id", "string", optional=True),
            Column("gate", "string"),
            Column("role", "string"),
            Column("person", "string"),
            Column("on_behalf_of", "string", optional=True),
            Column("purpose", "string"),
            Column("proposed", "string", optional=True),
            Column("outcome", "string"),
            Column("opened_at", "datetime64[us, UTC]"),
            Column("viewed_at", "datetime64[us, UTC]", optional=True),
            Column("answered_at", "datetime64[us, UTC]"),
            Column("blind", "bool"),
        ),
        1,
        _projection(
            AnswerRow,
            "answered_at",
            "review",
            "chain",
            "decision_id",
            "gate",
            "role",
            "person",
            "on_behalf_of",
            "purpose",
            "proposed",
            "outcome",
            "opened_at",
            "viewed_at",
            "answered_at",
            "blind",
        ),
    ),
)
"""Every view; a column that is added later comes last."""
