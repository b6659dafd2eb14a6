"""The values that occur in a column, so that each is looked at once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.frames.field_schemas import FieldSchema
from abpo_sdk.conditions.rows import plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_SAFE = (str, int, float, bool, dt.date)
"""Types of which values that are equal are taken alike."""
_NOTHING = frozenset({"NoneType", "NaTType", "NAType"})


def distinct(series: pd.Series[Any], field: FieldSchema) -> tuple[NDArray[np.intp], list[Any]]:
    """The values that occur, missing ones as None, and which each row has; equal ones apart unless the field takes them alike."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy().astype("intp")
        return _with_none(codes, [plain(value) for value in series.cat.categories.tolist()])
    numeric = field.plain in ("int", "float", "decimal")
    if series.dtype == object:
        texts = field.plain == "str" and pd.api.types.infer_dtype(series, skipna=True) == "string"
        types = set() if texts else {t for t in set(map(type, series.to_numpy())) if t.__name__ not in _NOTHING}
        if not (types == {str, float} or (len(types) <= 1 and types <= {*_SAFE, *((Decimal,) if numeric else ())})):
            return _each(series)
    try:
        codes, found = pd.factorize(series)
    except TypeError:  # a signaling NaN, which has no hash
        return _each(series)
    values = [plain(value) for value in pd.Series(found).tolist()]
    if not numeric and any(type(value) is float for value in values):  # 0.0 and -0.0 are equal, and differ as texts
        return _each(series)
    return _with_none(codes, values)


def _each(series: pd.Series[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    import numpy as np

    return np.arange(len(series)), [plain(value) for value in series.tolist()]


def _with_none(codes: NDArray[np.intp], values: list[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    import numpy as np

    if len(codes) and codes.min() < 0:
        return np.where(codes < 0, len(values), codes), [*values, None]
    return codes, values


__all__ = ["distinct"]
