"""Which rows of a table match many cases at once; `matching.py` has the same for one.

Each input of a case gives the set of rows that allow its value (`frame_axes.py`), and what is in all sets matches. What a row asks
of several inputs together is asked of all cases at once. Cases that some row cannot be asked about are left to reading the
rows one after the other, as all others could be: what is missing counts only where it is reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.condition import Both, row_of
from abpo_sdk.conditions.frames.cases import FrameCases, SomeCases
from abpo_sdk.policies.frames.axes import WORD, InputAxis, Placed, bit, field_alone, words_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Truth = tuple[int, "NDArray[np.bool_]"]
"""A row, and by case whether something holds that it asks."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What matches by case, and why it cannot be told.

    Args:
        codes: by case, which of `sets` matches.
        sets: sets of rows, by their numbers from 0, ascending.
        problem: by case, the number of what is missing or mistyped; 0 where nothing is. `codes` says nothing there.
    """

    codes: NDArray[np.intp]
    sets: list[tuple[int, ...]]
    problem: NDArray[np.int32]


class FrameMatcher:
    """Finds the rows of a table that match many cases.

    Args:
        conditions: of the rows, top down.
        first: whether only the first that matches is asked for, and those below it are not looked at.
    """

    def __init__(self, conditions: Sequence[Condition], *, first: bool) -> None:
        self.conditions = tuple(conditions)
        self.first = first
        self.rows = len(self.conditions)
        axes: dict[Any, InputAxis] = {}
        self.others: list[tuple[int, Condition]] = []
        """What is asked of several inputs together, or in a way that is not known, each with its row."""
        for row, condition in enumerate(self.conditions):
            for part in row_of(condition) if isinstance(condition, Both) else [condition]:
                field = field_alone(part)
                if field is None:
                    self.others.append((row, part))
                else:
                    axis = axes.setdefault((field.model, field.path), InputAxis(field, self.rows))
                    axis.asked.append((row, part))
        self.axes = tuple(axes.values())

    def match(self, cases: FrameCases) -> Matched:
        """The rows that match each case."""
        import numpy as np

        clear = cases.problem == 0
        if cases.by_row:
            codes, sets, problem = self._one_after_the_other(cases, np.flatnonzero(clear))
            every = np.zeros(cases.size, dtype=np.intp)
            every[clear] = codes
            all_problems = cases.problem.copy()
            all_problems[clear] = problem
            return Matched(every, sets, all_problems)
        placed = [axis.place(cases) for axis in self.axes]
        for one in placed:
            if one.odd is not None:
                clear &= ~one.odd.take(one.index)
        truths = self._truths(cases, clear)
        find = self._first if self.first else self._all
        codes, sets = find(cases.size, placed, truths)
        if clear.all():
            return Matched(codes, sets, cases.problem)
        rows = np.flatnonzero(~clear & (cases.problem == 0))
        own, own_sets, own_problem = self._one_after_the_other(cases, rows)
        problem = cases.problem.copy()
        codes[rows] = own + len(sets)
        problem[rows] = own_problem
        return Matched(codes, [*sets, *own_sets], problem)

    def _truths(self, cases: FrameCases, clear: NDArray[np.bool_]) -> list[Truth]:
        """What the rows ask of several inputs; cases in which that has no answer are no longer clear."""
        found = []
        for row, part in self.others:
            said = part.answers(cases, clear)
            if said.problem.any():
                clear &= said.problem == 0
            found.append((row, said.holds))
        return found

    def _word(
        self,
        word: int,
        size: int,
        inputs: Sequence[Placed],
        truths: Sequence[Truth],
        some: NDArray[np.intp] | None = None,
    ) -> NDArray[np.uint64]:
        """Of one word of rows, those that match each case, or each of some."""
        import numpy as np

        length = size if some is None else len(some)
        found = np.full(length, np.uint64((1 << min(self.rows - word * WORD, WORD)) - 1))
        for one in inputs:
            found &= one.words[word].take(one.index if some is None else one.index[some])
        for row, holds in truths:
            if row // WORD == word:
                found[~(holds if some is None else holds[some])] &= ~bit(row)
        return found

    def _first(
        self, size: int, inputs: Sequence[Placed], truths: Sequence[Truth]
    ) -> tuple[NDArray[np.intp], list[tuple[int, ...]]]:
        """The first row that matches each case: 0 for none, else its number from 1."""
        import numpy as np

        codes = _lowest(self._word(0, size, inputs, truths))
        rest: NDArray[np.intp] | None = None
        for word in range(1, words_of(self.rows)):
            rest = np.flatnonzero(codes == 0) if rest is None else rest[codes[rest] == 0]
            numbers = _lowest(self._word(word, size, inputs, truths, rest))
            codes[rest] = np.where(numbers > 0, numbers + word * WORD, 0)
        return codes, [(), *((row,) for row in range(self.rows))]

    def _all(
        self, size: int, inputs: Sequence[Placed], truths: Sequence[Truth]
    ) -> tuple[NDArray[np.intp], list[tuple[int, ...]]]:
        """All rows that match each case."""
        return _sets([self._word(word, size, inputs, truths) for word in range(words_of(self.rows))])

    def _one_after_the_other(
        self, cases: FrameCases, rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], list[tuple[int, ...]], NDArray[np.int32]]:
        """Some cases by reading the rows top down, each asked of the cases that those above leave open."""
        import numpy as np

        some = SomeCases(cases, rows)
        words = [np.zeros(len(rows), dtype=np.uint64) for _ in range(words_of(self.rows))]
        problem = np.zeros(len(rows), dtype=np.int32)
        asked = np.ones(len(rows), dtype=bool)
        for row, condition in enumerate(self.conditions):
            if not asked.any():
                break
            said = condition.answers(some, asked)
            problem |= said.problem
            words[row // WORD][said.holds] |= bit(row)
            asked &= said.problem == 0
            if self.first:
                asked &= ~said.holds
        return *_sets(words), problem


def _lowest(words: NDArray[np.uint64]) -> NDArray[np.intp]:
    """The number of the lowest bit of each word, from 1; 0 where none is set."""
    import numpy as np

    alone = words & (~words + np.uint64(1))
    exponents = alone.astype(np.float64).view(np.int64) >> 52  # of a power of two, which a float holds exactly
    numbers: NDArray[np.intp] = np.maximum(exponents - 1022, 0)
    return numbers


def _sets(words: Sequence[NDArray[np.uint64]]) -> tuple[NDArray[np.intp], list[tuple[int, ...]]]:
    """The sets that occur, and by case which."""
    import numpy as np
    import pandas as pd

    codes = np.zeros(len(words[0]), dtype=np.int64)
    for word in words:
        own, found = pd.factorize(word)
        codes = pd.factorize(codes * max(len(found), 1) + own)[0]
    _, places = np.unique(codes, return_index=True)
    bits = [sum(int(word[place]) << WORD * number for number, word in enumerate(words)) for place in places.tolist()]
    return codes, [tuple(row for row in range(each.bit_length()) if each >> row & 1) for each in bits]


__all__ = ["FrameMatcher", "Matched"]
