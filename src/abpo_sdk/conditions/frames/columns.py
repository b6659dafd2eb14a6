"""Columns of a frame as a field of a model takes them: as machine values where that changes nothing, else value by value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from abpo_sdk.conditions.frames.distinct import distinct
from abpo_sdk.conditions.frames.field_schemas import FieldSchema, Place, Refused
from abpo_sdk.conditions.typed_cases import truths_for_numbers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Form = Literal["integer", "decimal", "float", "decimal of a float", "truth", "time", "duration", "date"]

_FEW_BITS = 2**53
"""Up to which every integer is a float."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as the values that occur, and for each row which of them it has."""

    codes: NDArray[np.intp]
    values: list[Any]

    def take(self, rows: NDArray[np.intp]) -> Coded:
        """The column of some rows."""
        return Coded(self.codes[rows], self.values)


@dataclass(frozen=True, slots=True)
class Native:
    """A column of machine values, which `form` says how to read.

    Args:
        form: "decimal": integers that stand for `Decimal`; "decimal of a float": floats that stand for the `Decimal` of their
            shortest text; "time" and "duration": counts of units, since 1970 in UTC; "date": days since 1970.
        data: the values.
        none: the rows that have none; None where all have one.
        python: the values of some of `data` as Python's own.
        per_second: of "time" and "duration", how many units a second has.
    """

    form: Form
    data: NDArray[Any]
    none: NDArray[np.bool_] | None
    python: Callable[[NDArray[Any]], list[Any]]
    per_second: int = 1

    def take(self, rows: NDArray[np.intp]) -> Native:
        """The column of some rows."""
        none = None if self.none is None else self.none[rows]
        return Native(self.form, self.data[rows], none, self.python, self.per_second)

    def coded(self) -> Coded:
        """The same column by the values that occur."""
        import numpy as np
        import pandas as pd

        codes, found = pd.factorize(self.data)
        values = self.python(np.asarray(found))
        if self.none is not None:
            codes = np.where(self.none, len(values), codes)
            values.append(None)
        return Coded(codes, values)


Column = Coded | Native


@dataclass(frozen=True, slots=True)
class Taken:
    """A column, and what is wrong with it: the rows without a value, and of distinct values that are refused, why.

    Args:
        column: the values.
        absent: the rows that have none where there must be one; None where there are none such.
        bools: by row, the position in `places` of a bool that stands for a number; -1 where there is none such.
        refused: by row, the position in `places` of what the model refuses; -1 where there is none such.
        places: what is refused, and where.
    """

    column: Column
    absent: NDArray[np.bool_] | None = None
    bools: NDArray[np.intp] | None = None
    refused: NDArray[np.intp] | None = None
    places: tuple[Refused, ...] = ()


def take_column(series: pd.Series[Any], field: FieldSchema, annotation: Any, *, may_be_none: bool) -> Taken:
    """A column as a field takes it."""
    native = _native(series, field)
    if native is None or (native.none is not None and may_be_none and not field.takes_none):
        codes, values = distinct(series, field)
        return take_values(codes, values, field, annotation, may_be_none=may_be_none)
    return Taken(native, None if may_be_none else native.none)


def _native(series: pd.Series[Any], field: FieldSchema) -> Native | None:
    import numpy as np
    import pandas as pd

    dtype, wanted = series.dtype, field.plain
    if wanted not in ("int", "float", "decimal", "bool", "datetime", "date", "timedelta"):
        return None
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _times(series, dtype) if wanted == "datetime" else None
    data, none = _array(series)
    if data is None:
        return None
    kind = data.dtype.kind
    if kind == "b":
        return Native("truth", data, none, np.ndarray.tolist) if wanted == "bool" else None
    if kind in "iu" and data.dtype != np.uint64:
        if wanted == "float":
            return Native("float", data.astype(np.float64), none, np.ndarray.tolist)
        if wanted in ("int", "decimal"):
            whole = data.astype(np.int64, copy=False)
            return Native("integer", whole, none, np.ndarray.tolist) if wanted == "int" else _decimals(whole, none)
    if kind == "f" and data.dtype.itemsize <= np.float64(0).itemsize:
        return _floats(data.astype(np.float64, copy=False), none, wanted)
    if kind == "M" and wanted == "date":
        return _dates(data)
    if kind == "m" and wanted == "timedelta":
        return _durations(data)
    return None


def _array(series: pd.Series[Any]) -> tuple[NDArray[Any] | None, NDArray[np.bool_] | None]:
    """A column's machine values and the rows that have none, where it holds numbers, truths, times or durations."""
    import numpy as np
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return (series.to_numpy(), None) if dtype.kind in "biufMm" else (None, None)
    plain_dtype = getattr(dtype, "numpy_dtype", None)
    if isinstance(dtype, pd.core.dtypes.dtypes.BaseMaskedDtype) and isinstance(plain_dtype, np.dtype):  # type: ignore[attr-defined]
        none = series.isna().to_numpy()
        data = series.to_numpy(dtype=plain_dtype, na_value=plain_dtype.type(0))
        return data, none if none.any() else None
    return None, None


def _decimals(data: NDArray[np.int64], none: NDArray[np.bool_] | None) -> Native:
    return Native("decimal", data, none, lambda some: [Decimal(value) for value in some.tolist()])


def _floats(data: NDArray[np.float64], none: NDArray[np.bool_] | None, wanted: str) -> Native | None:
    import numpy as np

    empty = np.isnan(data)
    if empty.any():
        none = empty if none is None else none | empty
        data = np.where(none, 0.0, data)
    if wanted == "float":
        return Native("float", data, none, np.ndarray.tolist)
    if not np.isfinite(data).all():
        return None
    if wanted == "decimal":
        return Native("decimal of a float", data, none, lambda some: [Decimal(repr(value)) for value in some.tolist()])
    if wanted == "int" and (np.abs(data) < _FEW_BITS).all() and (data == np.trunc(data)).all():
        return Native("integer", data.astype(np.int64), none, np.ndarray.tolist)
    return None


def _units(dtype: Any) -> tuple[str, int] | None:
    import numpy as np

    unit = np.datetime_data(dtype)[0]
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit)
    return None if per_second is None else (unit, per_second)


def _counts(data: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    import numpy as np

    none = np.isnat(data)
    counts = data.view(np.int64)
    return (np.where(none, 0, counts), none) if none.any() else (counts, None)


def _times(series: pd.Series[Any], dtype: pd.DatetimeTZDtype) -> Native | None:
    import numpy as np
    import pandas as pd

    data = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    units = _units(data.dtype)
    if units is None:
        return None
    zone, (unit, per_second) = dtype.tz, units
    counts, none = _counts(data)

    def python(some: NDArray[Any]) -> list[Any]:
        moments = pd.DatetimeIndex(some.astype(np.int64).view(f"M8[{unit}]"))
        return moments.tz_localize("UTC").tz_convert(zone).tolist()

    return Native("time", counts, none, python, per_second)


def _durations(data: NDArray[Any]) -> Native | None:
    import numpy as np
    import pandas as pd

    units = _units(data.dtype)
    if units is None:
        return None
    unit, per_second = units
    counts, none = _counts(data)
    return Native(
        "duration",
        counts,
        none,
        lambda some: pd.TimedeltaIndex(some.astype(np.int64).view(f"m8[{unit}]")).tolist(),
        per_second,
    )


def _dates(data: NDArray[Any]) -> Native | None:
    """Days, where each time is a midnight of a year that Python has."""
    import numpy as np

    none = np.isnat(data)
    days = data.astype("M8[D]")
    if not (none | (days == data)).all():
        return None
    counts = np.where(none, 0, days.view(np.int64))
    first = dt.date(1970, 1, 1).toordinal()
    if len(counts) and not (counts.min() + first >= 1 and counts.max() + first <= dt.date.max.toordinal()):
        return None
    return Native(
        "date",
        counts,
        none if none.any() else None,
        lambda some: [dt.date.fromordinal(day + first) for day in some.tolist()],
    )


def take_values(
    codes: NDArray[np.intp], values: list[Any], field: FieldSchema, annotation: Any, *, may_be_none: bool
) -> Taken:
    """Values as a field takes them, those that occur each once."""
    import numpy as np

    absent = np.array([value is None and not may_be_none for value in values], dtype=bool)
    bools = np.full(len(values), -1)
    refused = np.full(len(values), -1)
    places: list[Refused] = []
    if any(issubclass(kind, (bool, Mapping, list, tuple)) for kind in set(map(type, values))):
        for position, value in enumerate(values):
            found: Place | None = next((path for path, _ in truths_for_numbers(value, annotation, ())), None)
            if found is not None:
                bools[position] = len(places)
                places.append(Refused(missing=False, place=found))
    given = [position for position in range(len(values)) if not absent[position]]
    held: list[Any] = [None] * len(values)
    for position, value in zip(given, field.take([values[p] for p in given]), strict=True):
        if isinstance(value, Refused):
            refused[position] = len(places)
            places.append(value)
        else:
            held[position] = value
    column = _as_native(Coded(codes, held), field)
    return Taken(
        column,
        absent[codes] if absent.any() else None,
        bools[codes] if (bools >= 0).any() else None,
        refused[codes] if (refused >= 0).any() else None,
        tuple(places),
    )


def _as_native(column: Coded, field: FieldSchema) -> Column:
    """The same as machine values, where all are exact integers or floats, which arithmetic is quick with."""
    import numpy as np

    exact = {"int": int, "float": float}.get(field.plain or "")
    if exact is None or not column.values or any(type(v) is not exact and v is not None for v in column.values):
        return column
    none = np.array([value is None for value in column.values])
    filled = [0 if value is None else value for value in column.values]
    if exact is int and any(abs(value) >= 2**63 for value in filled):
        return column
    data = np.array(filled, dtype=np.int64 if exact is int else np.float64)[column.codes]
    form: Form = "integer" if exact is int else "float"
    return Native(form, data, none[column.codes] if none.any() else None, np.ndarray.tolist)


__all__ = ["Coded", "Column", "Native", "Taken", "take_column", "take_values"]
