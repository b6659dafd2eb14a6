"""The views of a ledger: tables of fixed columns with fixed types, read in batches."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from abpo_sdk.errors import DefinitionError, LedgerBroken, NotCanonical
from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.rows import DecisionRow, Projection, ReviewRow, RunRow
from abpo_sdk.ledger.store import Reader, Store

if TYPE_CHECKING:
    import pandas as pd

Dtype = Literal["string", "int64", "Int64", "float64", "bool", "datetime64[us, UTC]"]

TIME = re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
"""How a ledger writes times."""

STORED: dict[Dtype, tuple[type, ...]] = {
    "string": (str,),
    "int64": (int,),
    "Int64": (int,),
    "float64": (float, int),
    "bool": (bool, int),
    "datetime64[us, UTC]": (str,),
}
"""What a store holds for each type of column."""

LONGEST = 80
"""How much of a value that does not fit is shown."""


class Column(NamedTuple):
    """A column of a view.

    Args:
        name: of the column.
        dtype: as pandas names it.
        optional: whether it may be missing.
    """

    name: str
    dtype: Dtype
    optional: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A table that is read from a ledger.

    Args:
        name: of the view.
        columns: what a row holds.
        key: how many of the first columns name a row, for messages.
        rows: reads the rows in their order, each as plain values.
    """

    name: str
    columns: tuple[Column, ...]
    key: int
    rows: Callable[[Reader], Iterator[tuple[Any, ...]]]

    def where(self, row: tuple[Any, ...]) -> str:
        """The row for messages."""
        return ", ".join(f"{c.name}={value!r}" for c, value in zip(self.columns[: self.key], row, strict=False))


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


def check_size(size: int) -> None:
    """Refuse what is no number of rows, with `DefinitionError`."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise DefinitionError(f"size={size!r} is no number of rows; give a whole number of one or more")


def _batches(store: Store, found: View, size: int) -> Iterator[pd.DataFrame]:
    with store.snapshot() as reader:
        if reader is not store:
            yield from frames_of(reader, found, size)
            return
        frames = list(frames_of(reader, found, size))  # it is in memory, and must not wait for whoever reads them
    yield from frames


def frames_of(reader: Reader, found: View, size: int) -> Iterator[pd.DataFrame]:
    """The rows of a view in frames of `size` rows, the last one shorter; one empty frame where there are no rows.

    Raises:
        LedgerBroken: a row does not hold what such a row holds.
    """
    rows = found.rows(reader)
    start = 0
    while True:
        batch = list(islice(rows, min(size, sys.maxsize)))
        if batch or not start:
            yield _frame(found, batch, start)
        start += len(batch)
        if len(batch) < size:
            return


def _frame(found: View, rows: list[tuple[Any, ...]], start: int) -> pd.DataFrame:
    import pandas as pd

    values: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [()] * len(found.columns)
    columns = {}
    for column, stored in zip(found.columns, values, strict=True):
        try:
            columns[column.name] = _array(column, stored)
        except (ValueError, TypeError, OverflowError):
            wrong = next((number for number, value in enumerate(stored) if not _fits(column, value)), 0)
            raise _broken(found, column, rows[wrong], stored[wrong]) from None
    return pd.DataFrame(columns, index=pd.RangeIndex(start, start + len(rows)))


def _array(column: Column, values: tuple[Any, ...]) -> Any:
    """A column of what was stored, in its type; raises ValueError, TypeError or OverflowError where a value does not fit."""
    import numpy as np
    import pandas as pd

    dtype = column.dtype
    allowed = (*STORED[dtype], type(None)) if column.optional else STORED[dtype]
    if not all(issubclass(kind, allowed) for kind in set(map(type, values))):
        raise TypeError(dtype)
    if dtype == "datetime64[us, UTC]":
        return times(values)
    if dtype == "bool" and not {0, 1}.issuperset(values):
        raise ValueError(dtype)
    if dtype in ("string", "Int64"):
        return pd.array(list(values), dtype=dtype)
    return np.array(values, dtype=dtype)


def times(texts: Iterable[str | None]) -> pd.DatetimeIndex:
    """Times as the ledger writes them, of any year, as pandas has them; raises ValueError or TypeError where one is none."""
    import numpy as np
    import pandas as pd

    fits = TIME.fullmatch
    naive = []
    for text in texts:
        if text is not None and not fits(text):
            raise ValueError("no time")
        naive.append("NaT" if text is None else text[:-1])
    return pd.DatetimeIndex(np.array(naive, dtype="datetime64[us]")).tz_localize("UTC")


def is_time(text: Any) -> bool:
    """Whether something is a time as the ledger writes it."""
    return _fits(Column("at", "datetime64[us, UTC]"), text)


def _fits(column: Column, value: Any) -> bool:
    try:
        _array(column, (value,))
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _broken(found: View, column: Column, row: tuple[Any, ...], value: Any) -> LedgerBroken:
    chain = row[[c.name for c in found.columns].index("run_id")]
    text = repr(value)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return LedgerBroken(
        f"the ledger is broken at {chain!r}: in the view {found.name!r}, the {column.name} of {found.where(row)} is {shown}, "
        f"which is no {column.dtype}; ledger.verify() finds what was changed",
        chain=chain if isinstance(chain, str) else None,
    )


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
        ),
    ),
)
"""Every view; a column that is added later comes last."""
