"""Which rows match a case, all at once: for each input the region of its value gives a set of rows, and what is in all sets matches.

Sets are the bits of an integer. The method takes as long for fifty rows as for five; it is the one that interval-based
packet classifiers use (Lakshman and Stiliadis 1998, "High-speed policy-based packet forwarding", section 4).

It gives an answer only for cases whose values are all there and exactly of the declared types, of which every condition has
an answer; of those it is the same as reading the rows one after the other. All others are left to that.
"""

from __future__ import annotations

import datetime as dt
import keyword
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.regions.space import Axis, Regions, regions_of
from abpo_sdk.errors import InputError
from abpo_sdk.values.traversal import is_typed_dict

Match = tuple[int, tuple[Any, ...]]
"""The rows that match as bits (bit 0 is the first), and the values of the inputs."""


class Matcher:
    """Finds the rows of a table that match a case.

    Args:
        model: the type of the cases.
        conditions: of the rows, top down.
    """

    def __init__(self, model: type, conditions: Sequence[Condition]) -> None:
        space = regions_of(conditions)
        self.axes = space.axes
        self.exact = not space.atoms and (is_typed_dict(model) or getattr(model, "__new__", None) is object.__new__)
        """Whether the values of the inputs settle every condition, so that they alone explain what matched."""
        self._rows = _Rows(space)
        self._atoms = [(atom.condition, yes, no) for atom, (yes, no) in zip(space.atoms, self._rows.atoms, strict=True)]
        self._model = model
        self._names = [axis.field.path[0] for axis in self.axes]
        self.match: Callable[[Any], Match | None] = self._made(model)

    def reading(self, values: tuple[Any, ...]) -> Reading:
        """A reading of a case that had those values."""
        if is_typed_dict(self._model):
            return Reading(dict(zip(self._names, values, strict=True)))
        case: Any = object.__new__(self._model)  # it has what the conditions read, and nothing else
        for name, value in zip(self._names, values, strict=True):
            object.__setattr__(case, name, value)
        return Reading(case)

    def _made(self, model: type) -> Callable[[Any], Match | None]:
        """The function from a case to its match, written for these inputs; None where it has no answer."""
        code = _Code(model)
        if not all(code.reads(number, axis, self._rows.allowed(number)) for number, axis in enumerate(self.axes)):
            return _no_answer
        return code.function(self._rows.all, self._rows.settled, self._truths if self._atoms else None)

    def _truths(self, case: Any) -> int | None:
        """The boxes that what no single input decides allows; None where some of it has no answer."""
        reading = Reading(case)
        allowed = self._rows.all
        for condition, yes, no in self._atoms:
            try:
                allowed &= yes if condition.evaluate(reading) else no
            except InputError:
                return None
        return allowed


class _Rows:
    """The boxes of all rows as bits, and which row each is of."""

    def __init__(self, space: Regions) -> None:
        boxes = [(row, box) for row, of_row in enumerate(space.holds) for box in of_row.boxes]
        self.boxes = [(row, dict(box.axes), dict(box.atoms)) for row, box in boxes]
        self.sizes = [axis.size for axis in space.axes]
        self.all = (1 << len(boxes)) - 1
        self.one_each = [row for row, _ in boxes] == list(range(len(space.holds)))
        self.of_row = (
            [
                (row, sum(1 << bit for bit, (owner, _) in enumerate(boxes) if owner == row))
                for row in sorted({row for row, _ in boxes})
            ]
            if not self.one_each
            else []
        )
        self.atoms = [
            (self._truth(number, truth=True), self._truth(number, truth=False)) for number in range(len(space.atoms))
        ]

    def allowed(self, axis: int) -> list[int]:
        """For each region of an input, the boxes that allow it."""
        by_region = [0] * self.sizes[axis]
        anywhere = 0
        for bit, (_, axes, _) in enumerate(self.boxes):
            regions = axes.get(axis)
            if regions is None:
                anywhere |= 1 << bit
                continue
            while regions:
                low = regions & -regions
                by_region[low.bit_length() - 1] |= 1 << bit
                regions ^= low
        return [boxes | anywhere for boxes in by_region]

    @property
    def settled(self) -> Callable[[int], int] | None:
        """From boxes to rows; None where each row is one box."""
        return None if self.one_each else self._rows_of

    def _rows_of(self, boxes: int) -> int:
        rows = 0
        for row, own in self.of_row:
            if boxes & own:
                rows |= 1 << row
        return rows

    def _truth(self, atom: int, *, truth: bool) -> int:
        return sum(1 << bit for bit, (_, _, atoms) in enumerate(self.boxes) if atoms.get(atom, truth) is truth)


class _Code:
    """Writes the source of a matching function: straight code, since a loop over the inputs takes twice as long.

    Of what a user names, only the names of attributes come into the source, and only where they are identifiers.
    """

    def __init__(self, model: type) -> None:
        self.model = model
        self.in_dict = is_typed_dict(model)
        self.by_key = self.in_dict or issubclass(model, BaseModel)
        self.lines: list[str] = [f"    if type(case) is not {'dict' if self.in_dict else 'model'}: return None"]
        if self.by_key:  # of pydantic, too, since it looks attributes up in two ways, one after the other
            self.lines.append(f"    held = {'case' if self.in_dict else 'case.__dict__'}")
        self.lines.append("    try:")
        self.fetched = len(self.lines)
        self.names: dict[str, Any] = {
            "model": model,
            "bisect_left": bisect_left,
            "bisect_right": bisect_right,
            "Decimal": Decimal,
            "date": dt.date,
            "datetime": dt.datetime,
            "timedelta": dt.timedelta,
            "infinity": math.inf,
        }
        self.sets: list[str] = []
        self.values: list[str] = []

    def reads(self, number: int, axis: Axis, allowed: list[int]) -> bool:
        """Add one input; False where that is not known how."""
        value, mask = f"v{number}", f"M{number}"
        if axis.field.model is not self.model or not self._fetch(number, axis.field.path, value):
            return False
        check = self._check(number, axis, value)
        if check is None:
            return False
        self.lines.append(f"    if not ({check}): return None")
        self.values.append(value)
        present = allowed[: axis.present.bit_length()]
        if len(set(present)) == 1:  # of which no row asks more than that it is there
            self.names[mask] = present[0]
            self.sets.append(mask)
        elif axis.points:
            self._cut(number, axis, present, value)
        elif axis.sort == "truth":
            self.names[f"F{number}"], self.names[f"T{number}"] = present
            self.sets.append(f"(T{number} if {value} else F{number})")
        elif not axis.tests:
            named = dict(zip(axis.values, present, strict=False))
            other = present[-1] if len(present) > len(axis.values) else 0
            self.names[f"D{number}"], self.names[f"O{number}"] = named.get, other
            self.sets.append(f"D{number}({value}, O{number})")
        else:
            self.names[mask], self.names[f"R{number}"] = present, axis.index
            self.sets.append(f"{mask}[R{number}({value})]")
        return True

    def function(
        self, every: int, settled: Callable[[int], int] | None, truths: Callable[[Any], int | None] | None
    ) -> Callable[[Any], Match | None]:
        """The function that was written."""
        if not self.values:
            self.lines.insert(self.fetched, "        pass")
            self.fetched += 1
        self.lines.insert(self.fetched, "    except (KeyError, AttributeError): return None")
        self.names |= {"every": every, "settled": settled, "truths": truths}
        self.lines.append(f"    rows = {' & '.join(self.sets) or 'every'}")
        if truths is not None:
            self.lines += ["    true = truths(case)", "    if true is None: return None", "    rows &= true"]
        if settled is not None:
            self.lines.append("    rows = settled(rows)")
        self.lines.append(f"    return rows, ({''.join(f'{value}, ' for value in self.values)})")
        exec("\n".join(["def match(case):", *self.lines]), self.names)  # noqa: S102  see the class
        made: Callable[[Any], Match | None] = self.names["match"]
        return made

    def _fetch(self, number: int, path: tuple[str, ...], value: str) -> bool:
        first, *rest = path
        if self.by_key:
            self.names[f"k{number}"] = first
            self.lines.insert(self.fetched, f"        {value} = held[k{number}]")
        elif first.isidentifier() and not keyword.iskeyword(first):
            self.lines.insert(self.fetched, f"        {value} = case.{first}")
        else:
            return False
        self.fetched += 1
        return not rest

    def _check(self, number: int, axis: Axis, value: str) -> str | None:
        """The source of a check that a value is exactly of the declared type."""
        if axis.sort == "choice":
            types = {type(choice) for choice in axis.values}
            self.names[f"C{number}"], self.names[f"E{number}"] = types.pop(), frozenset(axis.values)
            return None if types else f"type({value}) is C{number} and {value} in E{number}"
        return {
            "integer": f"type({value}) is int",
            "decimal": f"type({value}) is Decimal and {value}.is_finite()",
            "float": f"type({value}) is float and -infinity < {value} < infinity",
            "text": f"type({value}) is str",
            "truth": f"{value} is True or {value} is False",
            "date": f"type({value}) is date",
            "time": f"type({value}) is datetime and {value}.tzinfo is not None",
            "duration": f"type({value}) is timedelta",
        }.get(axis.sort)

    def _cut(self, number: int, axis: Axis, allowed: list[int], value: str) -> None:
        """An ordered input: one look-up among its points, unless a point has another set than both sides of it."""
        points: Sequence[Any] = axis.points
        if axis.sort == "integer":
            points, allowed = _starts(points, allowed)
        below, at = allowed[::2], allowed[1::2]
        if all(a == b for a, b in zip(at, below[1:], strict=True)):
            look = f"bisect_right(P{number}, {value})"
            sets = below
        elif all(a == b for a, b in zip(at, below, strict=False)):
            look = f"bisect_left(P{number}, {value})"
            sets = below
        else:
            look = f"bisect_left(P{number}, {value}) + bisect_right(P{number}, {value})"
            sets = allowed
        self.names[f"P{number}"], self.names[f"M{number}"] = list(points), sets
        self.sets.append(f"M{number}[{look}]")


def _starts(points: Sequence[Any], allowed: list[int]) -> tuple[list[int], list[int]]:
    """Of an input of integers, where each set of rows begins, so that a point is as what is above it."""
    starts: list[int] = []
    sets = [allowed[0]]
    for place, point in enumerate(points):
        whole = math.ceil(point)
        begins = [(whole, allowed[2 * place + 1])] if whole == point else []
        for start, rows in (*begins, (math.floor(point) + 1, allowed[2 * place + 2])):
            if starts and starts[-1] == start:  # nothing lies between two integers
                sets[-1] = rows
            elif rows != sets[-1]:
                starts.append(start)
                sets.append(rows)
    doubled = [sets[0]]
    for rows in sets[1:]:
        doubled += [rows, rows]
    return starts, doubled


def _no_answer(case: Any) -> None:
    """What is said of cases of which nothing can be told quickly."""


__all__ = ["Match", "Matcher"]
