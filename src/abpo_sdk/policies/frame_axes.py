"""Of one input of a table, which rows allow which of its values, for many cases at once.

Rows are the bits of words of 64. A column is cut at the constants that the rows compare it with; between two of them all values
are allowed by the same rows, so that one look-up a case is enough.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.columns import Coded, Native
from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.condition import Both, Either, Not
from abpo_sdk.conditions.field_reader import Leaf, NoOwner
from abpo_sdk.conditions.frame_cases import Cases, FewCases
from abpo_sdk.conditions.meaning import instant
from abpo_sdk.conditions.native import NotNative, as_count, nearest_float
from abpo_sdk.conditions.nodes import ConstantNode, FieldNode
from abpo_sdk.conditions.partial_cases import partial_case
from abpo_sdk.values.money import Money

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = 64
"""How many rows one word has."""
_DIRECT = 1 << 16
"""How wide a range of integers is looked up directly."""
_KEPT = 1 << 14
"""For so many regions of one input it is kept which rows allow them."""

_NUMBERS = (int, float, Decimal)


@dataclass(frozen=True, slots=True)
class Placed:
    """A column by regions.

    Args:
        index: each case's region.
        words: of each region, the rows that allow it: one array a word.
        odd: the regions that some row cannot be asked about; None where there are none.
    """

    index: NDArray[Any]
    words: NDArray[np.uint64]
    odd: NDArray[np.bool_] | None


@dataclass(slots=True)
class InputAxis:
    """One input, and what the rows ask of it alone.

    Args:
        field: the input.
        rows: how many rows the table has.
        asked: what rows ask, each with the row's number from 0.
    """

    field: FieldNode
    rows: int
    asked: list[tuple[int, Condition]] = dataclasses.field(default_factory=list)
    _points: list[Any] | None = None
    _values: frozenset[Any] = frozenset()
    _ordering: bool = False
    _regions: dict[Any, tuple[int, bool]] = dataclasses.field(default_factory=dict)
    _native: dict[Any, tuple[Any, Any, Any]] = dataclasses.field(default_factory=dict)

    def place(self, cases: Cases) -> Placed:
        """The column of the input, by regions."""
        leaf = cases.leaf(self.field)
        column = leaf.column
        if isinstance(column, Native) and leaf.path == self.field.path:
            try:
                return self._place_native(column)
            except NotNative:
                pass
        coded = column.coded() if isinstance(column, Native) else column
        return self._place_coded(coded, self.field.path[len(leaf.path) :])

    # machine values

    def _place_native(self, column: Native) -> Placed:
        import numpy as np

        cuts, words, odd = self._of_native(column)
        data, last = column.data, len(cuts) + 1  # the last region is for none
        if column.form == "truth":
            index: Any = data.view(np.uint8)
        elif data.dtype.kind == "f":
            index = np.searchsorted(cuts, data, "right")
            strange = ~np.isfinite(data)
            if strange.any():
                index = np.where(strange, last + 1, index)
        elif data.size and int(data.max()) - int(data.min()) < _DIRECT:
            low, high = int(data.min()), int(data.max())
            at = np.searchsorted(cuts, np.arange(low, high + 1), "right")
            index = data if low == 0 else data - low
            if column.none is not None:
                at, index = np.append(at, last), np.where(column.none, len(at), index)
            found = odd[at]
            return Placed(index, words[:, at], found if found.any() else None)
        else:
            index = np.searchsorted(cuts, data, "right")
        if column.none is not None:
            index = np.where(column.none, last, index)
        return Placed(index, words, odd if odd.any() else None)

    def _of_native(self, column: Native) -> tuple[Any, Any, Any]:
        """Where the regions of machine values begin, and by region the words, and whether it is odd."""
        key = column.form, column.per_second
        if key not in self._native:
            self._native[key] = self._made_native(column)
        return self._native[key]

    def _made_native(self, column: Native) -> tuple[Any, Any, Any]:
        import numpy as np

        if column.form == "truth":
            cuts: Any = np.array([True])
            data = np.array([False, True])
        elif column.data.dtype.kind == "f":
            cuts = np.array(sorted({cut for c in self._constants() for cut in _float_cuts(column, c)}))
            data = np.concatenate([[np.nextafter(cuts[0], -np.inf) if len(cuts) else 0.0], cuts])
            data = np.where(np.isfinite(data), data, 0.0)  # beyond all floats there is no value, whatever is said of it
        else:
            counts = [as_count(column, constant) for constant in self._constants()]
            whole = sorted({cut for c in counts for cut in (math.ceil(c), math.floor(c) + 1)})
            cuts = np.array([cut for cut in whole if -(2**63) < cut < 2**63], dtype=np.int64)
            data = np.concatenate([[int(cuts[0]) - 1 if len(cuts) else 0], cuts]).astype(np.int64)
        none = np.zeros(len(data) + 1, dtype=bool)
        none[-1] = True
        some = Native(column.form, np.append(data, data[:1]), none, column.python, column.per_second)
        words, odd = self._asked_of(some)
        # after the region for none one for what is not finite, which no row can be asked about
        return cuts, np.hstack([words, words[:, -1:]]), np.append(odd, True)

    def _asked_of(self, some: Native) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        import numpy as np

        size = len(some.data)
        cases = FewCases(self.field.model, {self.field.path: Leaf(self.field.path, some)}, size)
        words = np.full((words_of(self.rows), size), ~np.uint64(0))
        odd = np.zeros(size, dtype=bool)
        everywhere = np.ones(size, dtype=bool)
        for row, condition in self.asked:
            said = condition.answers(cases, everywhere)
            words[row // WORD] &= np.where(said.holds, ~np.uint64(0), ~bit(row))
            odd |= said.problem > 0
        return words, odd

    def _constants(self) -> set[Any]:
        """The constants that rows compare the input with."""
        return {constant for _, condition in self.asked for constant in _constants(condition)}

    # Python's own values

    def points(self) -> list[Any]:
        """The constants that rows compare the input with, ascending where they have an order."""
        if self._points is None:
            found = self._constants()
            self._values, sort = frozenset(found), self.field.kind.sort
            self._ordering = all(_fits(sort, value) for value in found) and _currencies(found) <= 1
            self._points = sorted(map(_place, found)) if self._ordering else list(found)
        return self._points

    def _place_coded(self, column: Coded, rest: tuple[str, ...]) -> Placed:
        import numpy as np

        known = [self._allowed(_inside(value, rest)) for value in column.values]
        bits = [allowed for allowed, _ in known]
        words = np.array(
            [[allowed >> shift & _FULL for allowed in bits] for shift in range(0, words_of(self.rows) * WORD, WORD)],
            dtype=np.uint64,
        )
        odd = np.array([strange for _, strange in known], dtype=bool)
        return Placed(column.codes, words, odd if odd.any() else None)

    def _allowed(self, value: Any) -> tuple[int, bool]:
        """The rows that allow a value, as bits, and whether some row cannot be asked about it."""
        region = self._region(value)
        if region is None:
            return self._asked(value)
        found = self._regions.get(region)
        if found is None:
            found = self._asked(value)
            if len(self._regions) < _KEPT:
                self._regions[region] = found
        return found

    def _region(self, value: Any) -> Any:
        """What is the same for values of which the rows say the same; None where that is not known."""
        points, sort = self.points(), self.field.kind.sort
        if value is None:
            return ("none",)
        if sort == "text" and type(value) is str:
            return ("is", value) if value in self._values else ("other",)
        if sort == "choice" and value in self.field.kind.choices:
            return ("is", value)
        if self._ordering and _fits(sort, value):
            place = _place(value)
            left = bisect_left(points, place)
            return left, left < len(points) and points[left] == place, type(value), getattr(value, "currency", None)
        return None

    def _asked(self, value: Any) -> tuple[int, bool]:
        reading = Reading(partial_case(self.field.model, [(self.field.path, value)]))
        allowed = (1 << words_of(self.rows) * WORD) - 1
        odd = False
        for row, condition in self.asked:
            try:
                if not condition.evaluate(reading):
                    allowed &= ~(1 << row)
            except Exception:  # noqa: BLE001  whatever it is, it comes up again where the row is reached
                odd = True
        return allowed, odd


_FULL = (1 << WORD) - 1
_ORDERED: dict[str, type] = {"duration": dt.timedelta, "money": Money}


def _fits(sort: str, value: Any) -> bool:
    """Whether a value of an ordered sort has its place among the constants of that sort."""
    if sort in ("integer", "decimal", "float"):
        finite = not isinstance(value, (float, Decimal)) or math.isfinite(value)
        return isinstance(value, _NUMBERS) and not isinstance(value, bool) and finite
    if sort in ("time", "clock"):
        return isinstance(value, dt.datetime if sort == "time" else dt.time) and (value.tzinfo is None) is (
            sort == "clock"
        )
    return type(value) is dt.date if sort == "date" else isinstance(value, _ORDERED.get(sort, ()))


def _place(value: Any) -> Any:
    """By what a value is ordered: a time by its moment, money by its amount."""
    if isinstance(value, dt.datetime):
        return instant(value)
    return value.amount if isinstance(value, Money) else value


def _currencies(values: Iterable[Any]) -> int:
    return len({value.currency for value in values if isinstance(value, Money)})


def _inside(value: Any, rest: Sequence[str]) -> Any:
    """What lies at a path inside a value; None where nothing does."""
    for name in rest:
        if value is None or isinstance(value, NoOwner):
            return None
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return None if isinstance(value, NoOwner) else value


def _float_cuts(column: Native, constant: Any) -> list[float]:
    """The least float that is not below a constant, and the least that is above it."""
    import numpy as np

    if not isinstance(constant, _NUMBERS):
        raise NotNative
    nearest = nearest_float(constant)
    if not math.isfinite(nearest):
        return []
    near = [nearest, float(np.nextafter(nearest, np.inf))]
    values = column.python(np.array(near[:1]))
    not_below = near[0] if values[0] >= constant else near[1]
    above = near[0] if values[0] > constant else near[1]
    return [cut for cut in (not_below, above) if math.isfinite(cut)]


def _constants(condition: Condition) -> list[Any]:
    return [*condition.constants(), *(c for part in condition.parts() for c in _constants(part))]


def field_alone(condition: Condition) -> FieldNode | None:
    """The one field that a condition is about, compared with constants and nothing else; None where it is not so."""
    if type(condition) in (Both, Either, Not):
        found = [field_alone(part) for part in condition.parts()]
        first = found[0]
        same = first is not None and all(
            f is not None and f.path == first.path and f.model is first.model for f in found
        )
        return first if same else None
    node: Any = None
    if type(condition) is Comparison and isinstance(condition.right, ConstantNode):
        node = condition.left
    elif type(condition) is Membership:
        node = condition.item
    elif type(condition) is Missing:
        node = condition.field
    return node if isinstance(node, FieldNode) else None


def words_of(rows: int) -> int:
    """How many words so many rows take."""
    return -(-rows // WORD)


def bit(row: int) -> np.uint64:
    """A row's bit in its word."""
    import numpy as np

    return np.uint64(1 << row % WORD)


__all__ = ["WORD", "InputAxis", "Placed", "bit", "field_alone", "words_of"]
