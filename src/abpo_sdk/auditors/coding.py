"""Columns as small whole numbers, and how often each combination of them occurs.

A column is read a stretch at a time, so that counting ten million rows needs no more memory than counting thirty
thousand. What a value means (a group, a favourable outcome) is looked up once per distinct value, never once per row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from abpo_sdk.auditors.names import MISSING, shown
from abpo_sdk.errors import AuditError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.integer[Any]]

__all__ = ["STRETCH", "Coded", "Labelled", "coded", "crossed", "length", "stretches"]

STRETCH = 1 << 15
"""Rows that are counted at once: a stretch's working memory (about 0.6 MiB) stays in the processor's cache."""

_SPAN = 1 << 12  # whole numbers that lie closer together than this are counted by their own value, unhashed


def length(frame: Any) -> int:
    """The number of rows of a DataFrame, or of a mapping of column names to columns; `AuditError` for anything else."""
    if _is_frame(frame):
        return len(frame)
    if not isinstance(frame, Mapping):
        raise AuditError(
            f"cannot audit {shown(frame)}: an auditor reads a pandas DataFrame, "
            "or a mapping of column names to columns of equal length"
        )
    lengths = {name: len(column) for name, column in frame.items()}
    if len(set(lengths.values())) > 1:
        raise AuditError(f"the columns differ in length: {lengths}; give every column one value a row")
    return next(iter(lengths.values()), 0)


def coded(frame: Any, name: str, role: str) -> Coded:
    """The column `name` of `frame`; `role` says in an error what the column was wanted for.

    Raises:
        AuditError: no column or several columns have that name, or the column is not a plain column.
    """
    import numpy as np
    import pandas as pd

    names = list(frame.columns) if _is_frame(frame) else list(frame)
    if names.count(name) != 1:
        there = ", ".join(repr(each) for each in names) or "none"
        raise AuditError(
            f"{role}: the column {name!r} must occur once, and occurs {names.count(name)} times; there are: {there}"
        )
    column = frame[name]
    if isinstance(column, (pd.Series, pd.Index)):
        column = column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
    if isinstance(column, pd.Categorical):
        return _Categories(name, column)
    if not isinstance(column, (np.ndarray, pd.api.extensions.ExtensionArray)):
        values = list(column)
        column = np.empty(len(values), dtype=object)
        column[:] = values
    if column.ndim != 1:
        raise AuditError(f"{role}: the column {name!r} has {column.ndim} dimensions, and must have one")
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "biu":
            return _WholeNumbers(name, column)
        if column.dtype.kind in "mM":
            column = pd.array(column)
    return _Values(name, column)


def crossed(parts: Sequence[Coded]) -> Coded:
    """The intersection of several columns: its labels are tuples, one value a column."""
    return parts[0] if len(parts) == 1 else _Crossed(parts)


def stretches(rows: int) -> Iterator[tuple[int, int]]:
    """Start and stop of each stretch of `rows` rows."""
    for start in range(0, rows, STRETCH):
        yield start, min(start + STRETCH, rows)


class Coded(ABC):
    """A column that can say, for a stretch of rows, which of its labels each row has."""

    declared: tuple[Hashable, ...] = ()
    """Labels that the column's type names, whether they occur or not (a Categorical's categories; False and True)."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def stretch(self, start: int, stop: int) -> tuple[Codes, Sequence[Hashable]]:
        """The code of each row, -1 where the value is missing, and the labels that the codes count through."""

    def seen(self, rows: int) -> Counter[Hashable]:
        """How often each value occurs; missing ones are left out. Reads the column again."""
        import numpy as np

        found: Counter[Hashable] = Counter()
        for start, stop in stretches(rows):
            codes, labels = self.stretch(start, stop)
            times = np.bincount(codes.astype(np.intp) + 1, minlength=len(labels) + 1).tolist()
            found.update({label: n for label, n in zip(labels, times[1:], strict=True) if n})
        return found


class _Categories(Coded):
    """A Categorical: it carries its codes already."""

    def __init__(self, name: str, column: Any) -> None:
        super().__init__(name)
        self._codes = column.codes
        self._labels = tuple(column.categories.tolist())
        self.declared = self._labels

    def stretch(self, start: int, stop: int) -> tuple[Codes, Sequence[Hashable]]:
        return self._codes[start:stop], self._labels


class _WholeNumbers(Coded):
    """Integers or booleans: where they lie close together, the value itself is the code."""

    def __init__(self, name: str, column: NDArray[Any]) -> None:
        super().__init__(name)
        self._truths = column.dtype.kind == "b"
        self._values = column.view("u1") if self._truths else column
        self._labels: Sequence[Hashable] = ()
        self._span: tuple[int, int] | None = None
        self.declared = (False, True) if self._truths else ()

    def stretch(self, start: int, stop: int) -> tuple[Codes, Sequence[Hashable]]:
        values = self._values[start:stop]
        low, high = int(values.min()), int(values.max())
        if high - low >= _SPAN:
            return _factorised(values)
        low = 0 if low >= 0 and high < _SPAN else low
        if self._span is None or not self._span[0] <= low <= high <= self._span[1]:
            self._span = low, high
            self._labels = (False, True) if self._truths else tuple(range(low, high + 1))
        low = self._span[0]
        if not low:
            return values, self._labels
        unsigned = values.dtype.str.replace("i", "u")  # the difference may wrap around, and is right as unsigned
        return (values - values.dtype.type(low)).view(unsigned), self._labels


class _Values(Coded):
    """Any other column: its distinct values are found by hashing."""

    def __init__(self, name: str, column: Any) -> None:
        super().__init__(name)
        self._column = column

    def stretch(self, start: int, stop: int) -> tuple[Codes, Sequence[Hashable]]:
        values = self._column[start:stop]
        try:
            return _factorised(values)
        except TypeError:
            for row, value in enumerate(values, start):
                if not _hashes(value):
                    raise AuditError(
                        f"the column {self.name!r} holds {shown(value)} in row {row} (counted from 0), which is not "
                        "hashable and so names no group or outcome; turn it into a text, a number or a tuple"
                    ) from None
            raise


class _Crossed(Coded):
    """Several columns at once."""

    def __init__(self, parts: Sequence[Coded]) -> None:
        super().__init__(" × ".join(part.name for part in parts))
        self._parts = parts

    def stretch(self, start: int, stop: int) -> tuple[Codes, Sequence[Hashable]]:
        import numpy as np

        codes: NDArray[np.intp] = np.zeros(stop - start, dtype=np.intp)
        labels: list[tuple[Hashable, ...]] = [()]
        for part in self._parts:
            more, names = part.stretch(start, stop)
            width = len(names) + 1
            occurring, codes = np.unique(codes * width + (more.astype(np.intp) + 1), return_inverse=True)
            named = (MISSING, *names)
            labels = [(*labels[both // width], named[both % width]) for both in occurring.tolist()]
        return codes, labels


class Labelled:
    """Translates a column's codes into numbers that mean something, through a table of its labels.

    Where the table would change nothing, the codes are given back as they are: coded columns cost no look-up.
    """

    def __init__(self, meaning: Callable[[Hashable], int], missing: Callable[[], int], dtype: str) -> None:
        self._meaning = meaning
        self._missing = missing
        self._dtype = dtype
        self._labels: Sequence[Hashable] | None = None
        self._table: NDArray[Any] | None = None
        self._plain = False

    def __call__(self, codes: Codes, labels: Sequence[Hashable]) -> Codes:
        """The number of each row."""
        import numpy as np

        gaps = codes.dtype.kind != "u" and int(codes.min()) < 0
        if labels is not self._labels or self._table is None:
            numbers = [self._meaning(label) for label in labels]
            self._labels, self._plain = labels, numbers == list(range(len(numbers)))
            self._table = np.array([*numbers, 0], dtype=self._dtype)
        if gaps:
            self._table[-1] = self._missing()  # the code -1 reads the last place
        elif self._plain:
            return codes
        return self._table[codes]


def _factorised(values: Any) -> tuple[Codes, Sequence[Hashable]]:
    import pandas as pd

    codes, labels = pd.factorize(values)
    return codes, labels.tolist()


def _hashes(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_frame(frame: Any) -> bool:
    import pandas as pd

    return isinstance(frame, pd.DataFrame)
