"""The regions that constants cut an input into: each constant, and what lies between two, where they have an order.

Of values in one region, whatever compares them with these constants alone says the same.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_left
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.frames.columns import Native
from abpo_sdk.conditions.frames.native import NotNative, as_count, nearest_float
from abpo_sdk.conditions.kinds import Kind, unfit
from abpo_sdk.conditions.meaning import instant
from abpo_sdk.values.money import Money

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBERS = (int, float, Decimal)
_VALUES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "decimal": (int, Decimal),
    "float": (int, float),
    "duration": (dt.timedelta,),
    "time": (dt.datetime,),
    "clock": (dt.time,),
    "money": (Money,),
}
"""Of the sorts with an order, what a field may hold; dates apart, since a time is one, too."""


class Order:
    """Some constants that a field is compared with.

    Args:
        kind: the field's.
        constants: each once.
    """

    __slots__ = ("_currency", "_numbers", "_points", "constants", "kind", "size")

    size: int
    """How many regions there are."""

    def __init__(self, kind: Kind, constants: Collection[Any]) -> None:
        self.kind, self.constants = kind, frozenset(constants)
        ordered = kind.sort == "date" or kind.sort in _VALUES
        currencies = {c.currency for c in constants if isinstance(c, Money)}
        self._currency = next(iter(currencies), None)
        self._points = sorted(map(_place, constants)) if ordered and len(currencies) <= 1 else None
        self._numbers = {constant: number for number, constant in enumerate(self.constants)}
        self.size = (len(constants) if self._points is None else 2 * len(self._points)) + 1

    def region_of_constant(self, constant: Any) -> int:
        """The region of one of the constants: an odd number in an order."""
        return self._numbers[constant] if self._points is None else 2 * bisect_left(self._points, _place(constant)) + 1

    def region(self, value: Any) -> int | None:
        """The region of a value of a case; None where it is none that the field declares, or in no order with the constants."""
        if self._points is None:
            return self._numbers.get(value, self.size - 1) if self._is_alike(value) else None
        if not self._is_ordered(value):
            return None
        place = _place(value)
        left = bisect_left(self._points, place)
        return 2 * left + (left < len(self._points) and self._points[left] == place)

    def _is_alike(self, value: Any) -> bool:
        if self.kind.sort == "choice":
            return value is not None and value in self.kind.choices and unfit(value) is None
        return type(value) is {"text": str, "truth": bool}.get(self.kind.sort)

    def _is_ordered(self, value: Any) -> bool:
        if self.kind.sort == "date":
            return type(value) is dt.date
        if not isinstance(value, _VALUES[self.kind.sort]) or isinstance(value, bool) or unfit(value) is not None:
            return False
        return not isinstance(value, Money) or self._currency in (None, value.currency)


def _place(value: Any) -> Any:
    """By what a value is ordered: a time by its moment, money by its amount."""
    if isinstance(value, dt.datetime):
        return instant(value)
    return value.amount if isinstance(value, Money) else value


def native_cuts(column: Native, constants: Iterable[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where the regions of machine values begin, and a value of each; the first begins below all others.

    Raises:
        NotNative: the constants are none that such a column compares with.
    """
    import numpy as np

    if column.form == "truth":
        return np.array([True]), np.array([False, True])
    if column.data.dtype.kind == "f":
        cuts = np.array(
            sorted({cut for constant in constants for cut in _float_cuts(column, constant)}), dtype=np.float64
        )
        below = np.nextafter(cuts[:1], -np.inf) if len(cuts) else np.zeros(1)
        values = np.concatenate([below, cuts])
        return cuts, np.where(
            np.isfinite(values), values, 0.0
        )  # below all floats there is no value, whatever is said of it
    counts = [as_count(column, constant) for constant in constants]
    whole = sorted({cut for count in counts for cut in (math.ceil(count), math.floor(count) + 1)})
    cuts = np.array([cut for cut in whole if -(2**63) < cut < 2**63], dtype=np.int64)
    return cuts, np.concatenate([cuts[:1] - 1 if len(cuts) else np.zeros(1, dtype=np.int64), cuts])


def _float_cuts(column: Native, constant: Any) -> list[float]:
    """The least float that is not below a constant, and the least that is above it."""
    import numpy as np

    if not isinstance(constant, _NUMBERS):
        raise NotNative
    nearest = nearest_float(constant)
    if not math.isfinite(nearest):
        return []
    above = float(np.nextafter(nearest, np.inf))
    (value,) = column.python(np.array([nearest]))
    cuts = (nearest if value >= constant else above, nearest if value > constant else above)
    return [cut for cut in cuts if math.isfinite(cut)]


__all__ = ["Order", "native_cuts"]
