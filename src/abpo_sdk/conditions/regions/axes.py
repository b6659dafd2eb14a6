"""One input of some conditions, cut into regions over which each condition about it alone is constant."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from abpo_sdk.conditions.kinds import ORDERED, Sort, written
from abpo_sdk.conditions.meaning import instant
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.conditions.regions.nearest import between
from abpo_sdk.errors import MissingInput, MistypedInput

ANOTHER = ("another text", "", "a", "A", "aa", "AA", "abc", "ABC", "0", "1", "12", "1234", "A1", "a-1", "?", " ")
"""Texts that are tried as examples of a region of other texts."""


SHOWN = 8
"""So many values are listed where several are meant."""


@dataclass(frozen=True, slots=True)
class TextTest:
    """A test of one text that is no comparison, such as a pattern: splits the texts that no condition names.

    Args:
        words: the test, as a condition reads.
        key: what tells it from others.
        holds: whether it holds of a text.
    """

    words: str
    key: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Region:
    """One region of an axis.

    Args:
        axis: the input.
        index: the region's number, from 0.
    """

    axis: Axis
    index: int

    @property
    def text(self) -> str:
        """The region in words: "total in (100..500)"."""
        return self.axis.words(1 << self.index)

    def example(self) -> Any:
        """A value in it, of the field's type; None where there is none, or none is known (or the region is "missing")."""
        return self.axis.example(self.index)


class Axis:
    """One input, cut into regions numbered from 0.

    Of an ordered sort (integer, decimal, float, date, time, duration): `points` p0 < ... < pk-1 are the values that
    conditions compare with; there are 2k + 1 regions, and a value's is `bisect_left(points, v) + bisect_right(points, v)`:
    odd is exactly the point `points[index // 2]`, even lies between two points. Of a choice or a truth: one region for
    each of `values`. Of a text: one for each of `values`, the constants, and behind them `2 ** len(tests)` regions for
    other texts, by which of `tests` hold of them (bit i of the number is test i). Of any other sort: one region.

    Where some condition asks whether the field is missing (`missing`), the last region is "missing".

    The points of times are in UTC, where they are in order also in the hour that a zone repeats (PEP 495).

    Args:
        field: the input.
        constants: what conditions compare it with; more than once does no harm.
        tests: other tests of a text.
        missing: whether some condition asks if it is missing.
    """

    __slots__ = (
        "_as_written",
        "_kinds",
        "_number",
        "field",
        "missing",
        "points",
        "possible",
        "present",
        "size",
        "sort",
        "tests",
        "values",
    )

    points: tuple[Any, ...]
    """The cut points of an ordered sort, rising."""

    tests: tuple[TextTest, ...]
    """What else splits the texts that have none."""

    values: tuple[Any, ...]
    """The values that have a region of their own, in the order of the regions (not of an ordered sort)."""

    size: int
    """How many regions there are, "missing" included."""

    present: int
    """The regions of a value that is there, as a bit set: all but "missing"."""

    possible: int
    """The regions that are not known to be empty, as a bit set: no integer lies between 3 and 4."""

    def __init__(
        self,
        field: FieldNode,
        constants: Iterable[Any] = (),
        tests: tuple[TextTest, ...] = (),
        *,
        missing: bool = False,
    ) -> None:
        self.field = field
        self.sort: Sort = field.kind.sort
        self.missing = missing
        self.points, self.values = (), ()
        self.tests = tests if self.sort == "text" else ()
        if self.sort in ORDERED:
            self._as_written = {_on_line(constant): constant for constant in constants}
            self.points = tuple(sorted(self._as_written))
            regular = 2 * len(self.points) + 1
        elif self.sort in ("choice", "truth"):
            self.values = tuple(dict.fromkeys(field.kind.choices)) if self.sort == "choice" else (False, True)
            regular = len(self.values)
        elif self.sort == "text":
            self.values = tuple(sorted(set(constants)))
            regular = len(self.values) + 2 ** len(tests)
        else:
            regular = 1
        self._number = {value: number for number, value in enumerate(self.values)}
        self._kinds: dict[int, str] | None = None
        self.size = regular + missing
        self.present = (1 << regular) - 1
        self.possible = ((1 << self.size) - 1) & ~self._empty()

    @property
    def name(self) -> str:
        """The field's dotted name."""
        return self.field.name

    @property
    def key(self) -> tuple[type, tuple[str, ...]]:
        """What tells this input from others: the model and the path."""
        return self.field.model, self.field.path

    def index(self, value: Any) -> int:
        """The region of a value that is as declared (None: of a missing one).

        Raises:
            MissingInput: it is missing, and no condition asks for that.
            MistypedInput: it is none of the choices.
        """
        if value is None:
            if self.missing:
                return self.size - 1
            raise MissingInput(f"{self.field.model.__name__}.{self.name} is missing, and a condition needs it")
        if self.sort in ORDERED:
            value = _on_line(value)
            return bisect_left(self.points, value) + bisect_right(self.points, value)
        if self.sort not in ("choice", "truth", "text"):
            return 0
        number = self._number.get(value)
        if number is None:
            if self.sort != "text":
                mark = self.field.personal
                raise MistypedInput(f"{self.name} is {mark.mask if mark else repr(value)}, not {self.field.kind}")
            number = len(self.values) + sum(1 << bit for bit, test in enumerate(self.tests) if test.holds(value))
        return number

    def region(self, index: int) -> Region:
        """A region by its number."""
        return Region(self, index)

    def example(self, index: int, near: Any = None) -> Any:
        """A value in a region, of the field's type: of an ordered sort one that is near `near`, where that is given.

        None where there is none or none is known, and for "missing".
        """
        if not self.present >> index & 1:
            return None
        if self.sort in ORDERED:
            place = index // 2
            low = self.points[place - 1 + index % 2] if place + index % 2 else None
            high = self.points[place] if place < len(self.points) else None
            return between(self.sort, low, high, near, exactly=bool(index % 2))
        if index < len(self.values):
            return self.values[index]
        if self.sort == "text":
            return self._another().get(index)
        return None

    def words(self, regions: int) -> str:
        """Some regions (a bit set) in words: "total > 500", "country is another than 'DE', 'FR'", "note is missing"."""
        asked, regular = regions & self.possible, self.present & self.possible
        if not asked:
            return f"{self.name} is nothing"
        parts = []
        if asked & regular == regular:
            if not asked & ~self.present:
                return f"{self.name} is present" if self.missing else f"{self.name} is anything"
            return f"{self.name} is anything, or missing"
        if asked & self.present:
            parts += self._ordered_words(asked) if self.sort in ORDERED else self._named_words(asked)
        if asked & ~self.present:
            parts.append(f"{self.name} is missing")
        return " or ".join(parts)

    def _empty(self) -> int:
        if self.sort not in ORDERED:
            return 0
        bits = 0
        for index in range(2 * len(self.points) + 1):
            if (self.sort != "decimal" or not self.points) and self.example(index) is None:
                bits |= 1 << index
        return bits

    def _another(self) -> dict[int, str]:
        """An example of each region of other texts for which one is found."""
        if self._kinds is None:
            kinds: dict[int, str] = {}
            wanted = 2 ** len(self.tests)
            more = (text for value in self.values for text in (value + "x", value.lower(), value.upper(), value[:1]))
            numbered = (f"another text {number}" for number in range(2, len(self.values) + 3))
            for text in (*ANOTHER, *more, *numbered):
                if text not in self._number:
                    kinds.setdefault(self.index(text), text)
                if len(kinds) == wanted:
                    break
            self._kinds = kinds
        return self._kinds

    def _ordered_words(self, asked: int) -> list[str]:
        left_out = self.present & self.possible & ~asked
        if left_out and not any(index % 2 == 0 for index in bits_of(left_out)):
            return [f"{self.name} is not {_shortly([self._point(i // 2) for i in bits_of(left_out)])}"]
        texts = []
        for first, last in runs_of((asked | ~self.possible) & self.present, asked):
            low = (">=" if first % 2 else ">", self._point((first - 1) // 2)) if first else None
            high = ("<=" if last % 2 else "<", self._point(last // 2)) if last < 2 * len(self.points) else None
            if first == last and low is not None and first % 2:
                texts.append(f"{self.name} is {low[1]}")
            elif low and high:
                opening, closing = "[" if first % 2 else "(", "]" if last % 2 else ")"
                texts.append(f"{self.name} in {opening}{low[1]}..{high[1]}{closing}")
            else:
                sign, point = low or high or ("", "")
                texts.append(f"{self.name} {sign} {point}")
        return texts if len(texts) <= SHOWN else [*texts[:SHOWN], f"{len(texts) - SHOWN:,} more ranges"]

    def _point(self, place: int) -> str:
        return written(self._as_written[self.points[place]])

    def _named_words(self, asked: int) -> list[str]:
        named = [written(value) for number, value in enumerate(self.values) if asked >> number & 1]
        others = asked & self.present & ~((1 << len(self.values)) - 1)
        if not others:
            return [f"{self.name} is {_one_of(named)}"]
        if others == self.present & ~((1 << len(self.values)) - 1):
            rest = [written(value) for number, value in enumerate(self.values) if not asked >> number & 1]
            return [f"{self.name} is {'not' if named else 'another than'} {_shortly(rest)}"]
        texts = [f"{self.name} is {_one_of(named)}"] if named else []
        for index in bits_of(others):
            tests = enumerate(self.tests)
            held = (t.words if index - len(self.values) >> bit & 1 else f"not ({t.words})" for bit, t in tests)
            texts.append(f"{self.name} is another, where {' and '.join(held)}")
        return texts

    def __repr__(self) -> str:
        return f"<axis {self.name}, {self.size} regions>"


def _on_line(value: Any) -> Any:
    return instant(value) if isinstance(value, dt.datetime) else value


def _one_of(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"one of {_shortly(values)}"


def _shortly(values: list[str]) -> str:
    return ", ".join(values[:SHOWN]) + (f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else "")


def bits_of(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, rising."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def runs_of(bits: int, asked: int) -> Iterator[tuple[int, int]]:
    """The first and last number of each run of set bits, cut to those that are `asked`; runs without any are left out."""
    while bits:
        first = (bits & -bits).bit_length() - 1
        length = (~(bits >> first) & ((bits >> first) + 1)).bit_length() - 1
        run = ((1 << length) - 1) << first
        wanted = asked & run
        if wanted:
            yield (wanted & -wanted).bit_length() - 1, wanted.bit_length() - 1
        bits &= ~run
