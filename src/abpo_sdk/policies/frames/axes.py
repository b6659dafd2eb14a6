"""Of one input of a table, which rows allow which of its values, for many cases at once.

Rows are the bits of words of 64. A column is cut at the constants that the rows compare it with; between two of them all values
are allowed by the same rows, so that one look-up a case is enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.compiled import COMPARISONS
from abpo_sdk.conditions.condition import Both, Either, Not
from abpo_sdk.conditions.frames.cases import Cases
from abpo_sdk.conditions.frames.columns import Native
from abpo_sdk.conditions.frames.field_reader import NoOwner
from abpo_sdk.conditions.frames.native import NotNative
from abpo_sdk.conditions.frames.partial_cases import partial_case
from abpo_sdk.conditions.nodes import ConstantNode, FieldNode
from abpo_sdk.policies.frames.order import Order, native_cuts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = 64
"""How many rows one word has."""
_FULL = (1 << WORD) - 1
_DIRECT = 1 << 16
"""How wide a range of integers is looked up directly."""


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


class InputAxis:
    """One input, and what the rows ask of it alone.

    Args:
        field: the input.
        rows: how many rows the table has.
    """

    __slots__ = ("_asked_of", "_cuts", "_order", "_table", "asked", "field", "rows")

    asked: list[tuple[int, Condition]]
    """What rows ask, each with the row's number from 0."""

    def __init__(self, field: FieldNode, rows: int) -> None:
        self.field, self.rows = field, rows
        self.asked = []
        self._order: Order | None = None
        self._table: NDArray[np.uint64] | None = None
        self._cuts: dict[Any, tuple[Any, Any, Any]] = {}
        self._asked_of: dict[Any, tuple[int, bool]] = {}

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
        rest = self.field.path[len(leaf.path) :]
        words, odd = self._words_of([_inside(value, rest) for value in coded.values])
        return Placed(coded.codes, words, odd if odd.any() else None)

    def _place_native(self, column: Native) -> Placed:
        import numpy as np

        cuts, words, odd = self._of_native(column)
        data, last = column.data, len(cuts) + 1  # the last region but one is for none
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
        if key not in self._cuts:
            cuts, one_each = native_cuts(column, self.order.constants)
            try:
                values = column.python(one_each)
            except (ValueError, OverflowError):  # a day after the last that Python has, say
                raise NotNative from None
            words, odd = self._words_of([*values, None, math.inf])  # the last for what is not finite
            self._cuts[key] = cuts, words, odd
        return self._cuts[key]

    @property
    def order(self) -> Order:
        """The constants that rows compare the input with."""
        if self._order is None:
            self._order = Order(self.field.kind, {c for _, condition in self.asked for c in _constants(condition)})
        return self._order

    def _words_of(self, values: Sequence[Any]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """By value, the words of the rows that allow it, and whether some row cannot be asked about it."""
        import numpy as np

        if self._table is None:
            self._table = self._made_table()
        regions = [self.order.region(value) for value in values]
        words = self._table[:, [0 if region is None else region for region in regions]]
        odd = np.zeros(len(values), dtype=bool)
        for place, region in enumerate(regions):
            if region is None:
                allowed, odd[place] = self._asked(values[place])
                words[:, place] = [allowed >> WORD * word & _FULL for word in range(len(words))]
        return words, odd

    def _made_table(self) -> NDArray[np.uint64]:
        """By region, the words of the rows that allow its values."""
        import numpy as np

        regions = np.arange(self.order.size)
        words = np.full((words_of(self.rows), len(regions)), np.uint64(_FULL))
        for row, condition in self.asked:
            words[row // WORD][~self._holds(condition, regions)] &= ~bit(row)
        return words

    def _holds(self, condition: Any, regions: NDArray[np.intp]) -> NDArray[np.bool_]:
        """In which regions a condition holds that is about the input alone."""
        import numpy as np

        if isinstance(condition, Not):
            return ~self._holds(condition.part, regions)
        if isinstance(condition, (Both, Either)):
            left, right = (self._holds(part, regions) for part in condition.parts())
            return left & right if isinstance(condition, Both) else left | right
        if isinstance(condition, Comparison):
            (constant,) = condition.constants()
            return np.asarray(
                COMPARISONS[condition.operator](regions, self.order.region_of_constant(constant)), dtype=bool
            )
        if isinstance(condition, Membership):
            return np.isin(regions, [self.order.region_of_constant(constant) for constant in condition.among])
        return np.zeros(regions.shape, dtype=bool)  # missing, which no value in a region is

    def _asked(self, value: Any) -> tuple[int, bool]:
        """The rows that allow a value, as bits, and whether some row cannot be asked about it; each row is asked."""
        if value is None and None in self._asked_of:
            return self._asked_of[None]
        reading = Reading(partial_case(self.field.model, [(self.field.path, value)]))
        allowed, odd = (1 << words_of(self.rows) * WORD) - 1, False
        for row, condition in self.asked:
            try:
                if not condition.evaluate(reading):
                    allowed &= ~(1 << row)
            except Exception:  # noqa: BLE001  whatever it is, it comes up again where the row is reached
                odd = True
                break
        if value is None:
            self._asked_of[None] = allowed, odd
        return allowed, odd


def _inside(value: Any, rest: Sequence[str]) -> Any:
    """What lies at a path inside a value; None where nothing does."""
    for name in rest:
        if value is None or isinstance(value, NoOwner):
            return None
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return None if isinstance(value, NoOwner) else value


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
