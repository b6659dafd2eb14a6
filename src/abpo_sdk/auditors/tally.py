"""Reads a frame of decisions once and counts it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from abpo_sdk.auditors.coding import STRETCH, Coded, Labelled, coded, crossed, length, stretches
from abpo_sdk.auditors.names import MISSING, Column, Key, shown
from abpo_sdk.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from abpo_sdk.auditors.coding import Codes

__all__ = ["CELLS", "Tally"]

CELLS = ("tn", "fp", "fn", "tp", "unfavourable", "favourable", "undecided")
"""The cells of a group: the four with known truth, the two decided ones with unknown truth, the undecided."""

# Each group has nine raw places: outcome (unfavourable, favourable, undecided) times truth (0, 1, unknown).
_UNDECIDED, _UNKNOWN, _RAW = 2, 2, 9
_PLACES = {
    "tn": [0], "fn": [1], "unfavourable": [2], "fp": [3], "tp": [4], "favourable": [5], "undecided": [6, 7, 8]
}  # fmt: skip


class Tally:
    """The counts of a frame, and what its columns gave reason to say.

    The rows are read a stretch at a time: outcome and truth become one of nine places, the group's number times nine
    is added, and the stretch is counted by one histogram a column. Memory is that of a stretch and of the counts.

    Args:
        frame: a DataFrame, or a mapping of column names to columns.
        by: the columns to group by; a tuple is an intersection.
        outcome: the column of outcomes.
        favourable: the favourable outcomes.
        truth: the column of truths, or None.
        favourable_truth: the truths for which the favourable outcome was right.
        undecided: outcomes that are no decision yet.

    Raises:
        AuditError: a column is not there, holds values that are not hashable, or an outcome is said to be both
            favourable and undecided.
    """

    def __init__(
        self,
        frame: Any,
        *,
        by: Sequence[Column],
        outcome: str,
        favourable: frozenset[Hashable],
        truth: str | None,
        favourable_truth: frozenset[Hashable],
        undecided: frozenset[Hashable],
    ) -> None:
        if favourable & undecided:
            both = ", ".join(sorted(map(repr, favourable & undecided)))
            raise AuditError(f"{both} is said to be favourable and to be undecided; an outcome can only be one of them")
        self.rows = length(frame)
        self._outcome = coded(frame, outcome, "the outcomes")
        self._truth = None if truth is None else coded(frame, truth, "the truth")
        self._favourable, self._favourable_truth = favourable, favourable_truth
        self._groupings = []
        for column in by:
            names = (column,) if isinstance(column, str) else column
            self._groupings.append(_Grouping(column, crossed([coded(frame, name, "the groups") for name in names])))
        self.outcomes_missing = 0
        """Rows without an outcome."""
        self._count(
            Labelled(lambda o: 1 if o in favourable else _UNDECIDED if o in undecided else 0, lambda: _UNDECIDED, "u1"),
            Labelled(lambda t: int(t in favourable_truth), lambda: _UNKNOWN, "u1"),
        )

    def _count(self, outcomes: Labelled, truths: Labelled) -> None:
        import numpy as np

        places = np.empty(min(self.rows, STRETCH), dtype=np.uint8)
        key = np.empty(len(places), dtype=np.intp)
        for start, stop in stretches(self.rows):
            place, into = places[: stop - start], key[: stop - start]
            codes, labels = self._outcome.stretch(start, stop)
            if codes.dtype.kind != "u":
                self.outcomes_missing += int(np.count_nonzero(codes < 0))
            np.multiply(outcomes(codes, labels), 3, out=place, dtype=np.uint8, casting="unsafe")
            truth = truths(*self._truth.stretch(start, stop)) if self._truth else _UNKNOWN
            np.add(place, truth, out=place, dtype=np.uint8, casting="unsafe")
            for grouping in self._groupings:
                grouping.count(start, stop, place, into)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The groups that occur, or that a column's type names."""
        return tuple((grouping.column, group) for grouping in self._groupings for group in grouping.kept())

    @property
    def cells(self) -> NDArray[np.int64]:
        """The counts, of shape (number of keys, 7)."""
        import numpy as np

        raw = np.concatenate([grouping.raw[list(grouping.kept().values())] for grouping in self._groupings])
        return np.stack([raw[:, _PLACES[cell]].sum(axis=1) for cell in CELLS], axis=1)

    def check(self) -> list[str]:
        """What is odd about the favourable values: a sentence for each that never occurs.

        Raises:
            AuditError: none of them occurs, and neither the column's type nor its values say that they could.
        """
        raw = self._groupings[0].raw.sum(axis=0)
        odd = _unseen(self._outcome, self._favourable, self.rows, n=int(raw[3:6].sum()), of=int(raw[:6].sum()))
        if self._truth:
            n, of = int(raw[[1, 4, 7]].sum()), int(raw[[0, 1, 3, 4, 6, 7]].sum())
            odd += _unseen(self._truth, self._favourable_truth, self.rows, n=n, of=of)
        return odd


class _Grouping:
    """The groups of one column, numbered in the order in which they were met."""

    def __init__(self, column: Column, values: Coded) -> None:
        import numpy as np

        self.column = column
        self._values = values
        self._numbers: dict[Hashable, int] = {}
        self._labelled = Labelled(self._number, lambda: self._number(MISSING), "intp")
        self.raw: NDArray[np.int64] = np.zeros((0, _RAW), dtype=np.int64)

    def _number(self, group: Hashable) -> int:
        return self._numbers.setdefault(group, len(self._numbers))

    def count(self, start: int, stop: int, place: NDArray[np.uint8], into: NDArray[np.intp]) -> None:
        import numpy as np

        numbers: Codes = self._labelled(*self._values.stretch(start, stop))
        np.multiply(numbers, _RAW, out=into, dtype=np.intp, casting="unsafe")
        np.add(into, place, out=into)
        found = np.bincount(into, minlength=len(self._numbers) * _RAW).reshape(-1, _RAW)
        if len(found) > len(self.raw):
            self.raw = np.concatenate([self.raw, np.zeros((len(found) - len(self.raw), _RAW), dtype=np.int64)])
        self.raw += found

    def kept(self) -> dict[Hashable, int]:
        """The number of each group that occurs or is declared."""
        for group in self._values.declared if len(self.raw) else ():
            self._number(group)
        declared = set(self._values.declared)
        occurs: list[bool] = (self.raw.sum(axis=1) > 0).tolist()
        return {group: n for group, n in self._numbers.items() if group in declared or occurs[n]}


def _unseen(column: Coded, wanted: frozenset[Hashable], rows: int, *, n: int, of: int) -> list[str]:
    """Judges wanted values that never occur; `n` of `of` values were wanted ones."""
    if not of or (n and len(wanted) == 1):
        return []
    seen = column.seen(rows)
    binary = {0, 1}
    self_declared = binary if set(seen) <= binary else set()  # 0 and 1 name each other
    absent = sorted((w for w in wanted if w not in seen and w not in column.declared), key=repr)
    told = ", ".join(f"{shown(value)} ({times:,} times)" for value, times in seen.most_common(12))
    told += f" and {len(seen) - 12:,} more" if len(seen) > 12 else ""
    if not n and absent and len(absent) == len(wanted) and not wanted & self_declared:
        close = get_close_matches(str(absent[0]), map(str, seen), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise AuditError(
            f"the column {column.name!r} never holds {' or '.join(map(shown, absent))}, which was said to be "
            f"favourable; it holds {told}.{hint} If it is right that it never occurs, make the column "
            "a pandas Categorical that has it among its categories"
        )
    return [
        f"The column {column.name!r}: {shown(value)} was said to be favourable and never occurs; seen: {told}."
        for value in absent
        if value not in self_declared
    ]
