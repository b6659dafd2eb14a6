"""Which row of one table has become which row of another."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from abpo_sdk.conditions import Condition
from abpo_sdk.policies.meaning import hashed
from abpo_sdk.policies.rules import Rule

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

NEAR = 20
"""Rows without a name that has stayed are compared with so many others on either side of their place."""

ALIKE = 2
"""Of condition, outputs and reason, so many are the same in rows that are taken for one although they stand elsewhere."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is compared.

    Args:
        number: from 0.
        rule: the row.
        when: what its condition means.
        then: what it gives.
    """

    number: int
    rule: Rule
    when: str
    then: str

    @property
    def content(self) -> tuple[str, str, str]:
        """All but its name."""
        return self.when, self.then, self.rule.because


@dataclass(frozen=True, slots=True)
class Alignment:
    """The rows of two tables, side by side.

    Args:
        pairs: those that are in both, changed or not, by their numbers from 0 in the old and the new table, in the order of the new.
        moved: those of the pairs that have moved: as few as can be.
        removed: the rows that the new table does not have.
        added: the rows that the old table did not have.
    """

    pairs: tuple[tuple[int, int], ...]
    moved: frozenset[tuple[int, int]]
    removed: tuple[int, ...]
    added: tuple[int, ...]


def rows_of(table: DecisionTable) -> list[Row]:
    """The rows of a table as they are compared."""
    return [
        Row(number, row, meaning_of(row.when, table.case_type), json.dumps(hashed(values)))
        for number, (row, values) in enumerate(zip(table.rules, table.values, strict=True))
    ]


def meaning_of(condition: Condition, model: type) -> str:
    """What a condition means, as a text that is the same for the same, whatever the model is called."""
    return json.dumps(condition.structure(), sort_keys=True).replace(f'"of": {json.dumps(model.__name__)}', '"of": 0')


def aligned(old: Sequence[Row], new: Sequence[Row]) -> Alignment:
    """Pair rows that have the same name; of the others, those with the same content; of the others, those near by that are most alike.

    Rows whose names differ are one only where nothing else does.
    """
    pairs: dict[int, int] = {}
    for found in (_by_name, _by_content, _by_likeness):
        left = [row for row in old if row.number not in pairs]
        taken = set(pairs.values())
        right = [row for row in new if row.number not in taken]
        pairs.update(found(left, right, pairs))
    ordered = tuple(sorted(pairs.items(), key=lambda pair: pair[1]))
    stayed = _longest_rising([before for before, _ in ordered])
    moved = frozenset(pair for place, pair in enumerate(ordered) if place not in stayed)
    taken = set(pairs.values())
    return Alignment(
        ordered,
        moved,
        tuple(row.number for row in old if row.number not in pairs),
        tuple(row.number for row in new if row.number not in taken),
    )


def _by_name(old: Sequence[Row], new: Sequence[Row], _: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Rows of one name; where several have it, in their order."""
    named: dict[str, list[int]] = defaultdict(list)
    for row in old:
        if row.rule.name is not None:
            named[row.rule.name].append(row.number)
    for row in new:
        if row.rule.name is not None and named.get(row.rule.name):
            yield named[row.rule.name].pop(0), row.number


def _by_content(old: Sequence[Row], new: Sequence[Row], _: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Rows that differ in their name at most: first those that have stayed in their order, then any."""
    keys = [row.content for row in old], [row.content for row in new]
    taken: set[int] = set()
    for block in SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            taken.add(block.b + step)
            yield old[block.a + step].number, new[block.b + step].number
            keys[0][block.a + step] = ("", "", "")
    rest: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, key in enumerate(keys[0]):
        rest[key].append(old[place].number)
    for place, key in enumerate(keys[1]):
        if place not in taken and rest.get(key):
            yield rest[key].pop(0), new[place].number


def _by_likeness(old: Sequence[Row], new: Sequence[Row], pairs: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Rows that have something in common: the most alike first, then the nearest."""
    before, after = _gaps(old, sorted(pairs)), _gaps(new, sorted(pairs.values()))
    scored = []
    for row, place in zip(old, before, strict=True):
        for other, its_place in _candidates(place, new, after):
            if row.rule.name is not None and other.rule.name is not None:
                continue  # names that differ
            same, alike = _likeness(row, other)
            if same >= ALIKE or (place[0] == its_place[0] and (same or alike)):
                gap, step = abs(place[0] - its_place[0]), abs(place[1] - its_place[1])
                scored.append((-same, gap, -alike, step, row.number, other.number))
    lost: set[int] = set()
    found: set[int] = set()
    for *_, row_number, other_number in sorted(scored):
        if row_number not in lost and other_number not in found:
            lost.add(row_number)
            found.add(other_number)
            yield row_number, other_number


def _gaps(rows: Sequence[Row], anchors: Sequence[int]) -> list[tuple[int, int]]:
    """For each row, how many of the rows that are paired stand before it, and how many others since the last of these."""
    places: list[tuple[int, int]] = []
    for row in rows:
        gap = bisect_left(anchors, row.number)
        places.append((gap, places[-1][1] + 1 if places and places[-1][0] == gap else 0))
    return places


def _candidates(
    place: tuple[int, int], others: Sequence[Row], places: Sequence[tuple[int, int]]
) -> Iterator[tuple[Row, tuple[int, int]]]:
    """The rows that one at a place may have become: those near it."""
    at = bisect_left(places, place)
    for number in range(max(0, at - NEAR), min(len(others), at + NEAR + 1)):
        yield others[number], places[number]


def _likeness(row: Row, other: Row) -> tuple[int, int]:
    """How many of condition, outputs and reason are the same; and of the inputs, how many both ask about."""
    same = sum(a == b for a, b in zip(row.content, other.content, strict=True))
    inputs = Counter(f.name for f in row.rule.when.fields()), Counter(f.name for f in other.rule.when.fields())
    return same, (inputs[0] & inputs[1]).total()


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """The places of a longest rising part of some numbers, none of which is there twice."""
    ends: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(places[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        places[length : length + 1] = [place]
    found: set[int] = set()
    place = places[-1] if places else -1
    while place >= 0:
        found.add(place)
        place = before[place]
    return found


__all__ = ["Alignment", "Row", "aligned", "meaning_of", "rows_of"]
