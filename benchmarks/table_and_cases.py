"""The decision table that every contender decides by, the cases, and the oracle: eight inputs, fifty rows, hit policy FIRST.

Four inputs are numbers, two strings, two booleans; a row tests five of them, the last row none. All is drawn from fixed seeds, so that
every run has the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

CASES = 100_000
ROWS = 50
CELLS_A_ROW = 5
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
DEFAULT = "refer"


class Case(BaseModel):
    """What is decided about."""

    x0: int
    x1: str
    x2: int
    x3: bool
    x4: int
    x5: str
    x6: int
    x7: bool


INPUTS: Mapping[str, type] = {"x0": int, "x1": str, "x2": int, "x3": bool, "x4": int, "x5": str, "x6": int, "x7": bool}


@dataclass(frozen=True, slots=True)
class Interval:
    """A number within bounds; None where a side is open-ended."""

    low: int | None
    high: int | None
    low_closed: bool = True
    high_closed: bool = True

    def holds(self, value: int) -> bool:
        above = self.low is None or value > self.low or (self.low_closed and value == self.low)
        below = self.high is None or value < self.high or (self.high_closed and value == self.high)
        return above and below


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def holds(self, value: str) -> bool:
        return value in self.words


@dataclass(frozen=True, slots=True)
class Is:
    """True, or false."""

    truth: bool

    def holds(self, value: bool) -> bool:  # noqa: FBT001
        return value is self.truth


Cell = Interval | OneOf | Is


@dataclass(frozen=True, slots=True)
class Row:
    """A row: cells by input, an input without a cell being irrelevant, and the outcome."""

    cells: Mapping[str, Cell]
    outcome: str

    def holds(self, case: Mapping[str, Any]) -> bool:
        return all(cell.holds(case[name]) for name, cell in self.cells.items())


@cache
def rows() -> tuple[Row, ...]:
    """The rows, of which the last has no cell and holds of every case."""
    import numpy as np

    random = np.random.default_rng(7)
    names = list(INPUTS)
    drawn = []
    for number in range(ROWS - 1):
        chosen = sorted(random.choice(len(names), CELLS_A_ROW, replace=False))
        cells = {names[index]: _cell(INPUTS[names[index]], random) for index in chosen}
        drawn.append(Row(cells, f"out{number % 9}"))
    return (*drawn, Row({}, DEFAULT))


def _cell(kind: type, random: Any) -> Cell:
    if kind is int:
        low, high = sorted(int(value) for value in random.choice(range(0, 1001, 10), 2, replace=False))
        shapes = (
            Interval(None, max(low, 300), high_closed=False),
            Interval(min(high, 700), None),
            Interval(low, max(high, low + 300)),
        )
        return shapes[random.integers(3)]
    if kind is str:
        chosen = random.choice(len(WORDS), random.integers(1, 5), replace=False)
        return OneOf(tuple(WORDS[index] for index in sorted(chosen)))
    return Is(bool(random.integers(2)))


@cache
def columns(count: int = CASES) -> dict[str, list[Any]]:
    """The values of the cases, input by input, spread evenly over what each may be."""
    import numpy as np

    random = np.random.default_rng(11)
    drawn: dict[str, list[Any]] = {}
    for name, kind in INPUTS.items():
        if kind is int:
            drawn[name] = random.integers(0, 1001, count).tolist()
        elif kind is str:
            drawn[name] = [WORDS[index] for index in random.integers(0, len(WORDS), count).tolist()]
        else:
            drawn[name] = random.integers(0, 2, count).astype(bool).tolist()
    return drawn


@cache
def mappings(count: int = CASES) -> list[dict[str, Any]]:
    """The cases as plain mappings."""
    drawn = columns(count)
    return [dict(zip(drawn, values, strict=True)) for values in zip(*drawn.values(), strict=True)]


@cache
def cases(count: int = CASES) -> list[Case]:
    """The cases as objects."""
    return [Case(**mapping) for mapping in mappings(count)]


@cache
def truth(count: int = CASES) -> list[int]:
    """The oracle: for each case the index of the first row whose cells all hold, by looking at one cell after the other."""
    return [next(index for index, row in enumerate(rows()) if row.holds(case)) for case in mappings(count)]


def outcomes_of(indexes: Sequence[int]) -> list[str]:
    """The outcomes of rows."""
    return [rows()[index].outcome for index in indexes]
