"""Tables of fixed columns with fixed types, as frames of so many rows."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from abpo_sdk.errors import DefinitionError, LedgerBroken
from abpo_sdk.ledger.store import Reader

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


def check_size(size: int) -> None:
    """Refuse what is no number of rows, with `DefinitionError`."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise DefinitionError(f"size={size!r} is no number of rows; give a whole number of one or more")


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
