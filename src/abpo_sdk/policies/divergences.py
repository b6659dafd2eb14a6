"""For which cases two tables decide differently: exact, over the regions of the conditions of both.

A part of a condition that mixes inputs is a yes or no of its own. So what is said to be decided alike is so for certain; and of
what is said to be decided otherwise, there may be no case, which is tried on made ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from operator import and_
from typing import TYPE_CHECKING, Any, NamedTuple

from abpo_sdk.conditions import Reading
from abpo_sdk.conditions.boxes import tidied
from abpo_sdk.conditions.regions import regions_of
from abpo_sdk.errors import HitPolicyViolated, InputError, NoRuleApplies
from abpo_sdk.policies.absences import optional_fields, possible_cases
from abpo_sdk.policies.coverage import Budget, Sides, Space, TooMany, uncovered
from abpo_sdk.policies.findings import flat
from abpo_sdk.policies.hit_policies import counting
from abpo_sdk.policies.meaning import hashed
from abpo_sdk.policies.rules import written_out
from abpo_sdk.policies.witnesses import witness

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

STEPS = 3_000_000
"""Comparisons of boxes that one comparison of tables may take: some seconds."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Cases for which two tables decide differently, and all in the same way.

    Args:
        where: the cases in words; empty where it is every case.
        before: what the old table gives, in words.
        after: what the new one gives.
        example: one of them, as a mapping of the inputs; None where none was found, so that there may be none.
    """

    where: str
    before: str
    after: str
    example: Mapping[str, Any] | None = field(default=None, hash=False)

    def __str__(self) -> str:
        such = (
            f"such as {', '.join(flat(self.example))}"
            if self.example is not None
            else "cannot tell whether there is such a case"
        )
        return f"where {self.where or 'anything holds'}: {self.before} became {self.after} ({such})"


@dataclass(frozen=True, slots=True)
class Divergences:
    """All cases for which two tables decide differently: in which the outcome, the output, or whether there is one differs.

    Cases are those whose values are as their types declare; a value may be missing where its type says so, or where a
    condition asks for that.

    Args:
        regions: the cases, by what becomes of them.
        more: how many more regions there are than are listed.
        doubts: what was not looked at, and why.
    """

    regions: tuple[Divergence, ...]
    more: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the regions are all cases that are decided otherwise, and in each of them there is one."""
        return not self.more and not self.doubts and all(region.example is not None for region in self.regions)

    def __bool__(self) -> bool:
        """Whether there is, or may be, a case that is decided otherwise."""
        return bool(self.regions or self.more or self.doubts)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.regions:
            yield "no case is decided otherwise" if self.exact else "cannot tell whether a case is decided otherwise"
        else:
            yield "decided otherwise:"
        yield from (f"- {region}" for region in self.regions)
        if self.more:
            yield f"- and {self.more:,} more regions of cases"
        yield from (f"- {doubt}" for doubt in self.doubts)

    def _repr_html_(self) -> str:
        head, *rest = self._lines()
        items = "".join(f"<li>{escape(line.removeprefix('- '))}</li>" for line in rest)
        return f"<p>{escape(head)}</p>" + (f"<ul>{items}</ul>" if items else "")


class Given(NamedTuple):
    """What a table gives: as a text that is the same for the same alone, and in words."""

    key: str
    words: str


REFUSED = Given("refused", "nothing, since a value is missing")
NONE = Given("none", "nothing, since no row applies")
VIOLATED = Given("violated", "nothing, since rows match together that must not")


def divergences(
    old: DecisionTable,
    new: DecisionTable,
    changed: tuple[Sequence[int], Sequence[int]] | None,
    *,
    limit: int,
    steps: int = STEPS,
) -> Divergences:
    """The cases that two tables decide differently.

    Args:
        old: the one.
        new: the other.
        changed: the rows of the old and of the new table, from 0, without which both decide alike, and the other rows are the same
            in the same order; None where any case may be decided otherwise.
        limit: so many regions are described.
        steps: how much work it may be.
    """
    if old.case_type is not new.case_type:
        doubt = f"the tables decide about {old.case_type.__name__} and {new.case_type.__name__}, which are two types"
        return Divergences((), doubts=(doubt,))
    both = _Both(old, new, Budget(steps))
    doubts = list(both.doubts())
    found: dict[tuple[Given, Given], list[Sides]] = {}
    try:
        for sides in both.to_look_at(changed):
            for before, after, piece in both.differing(sides):
                found.setdefault((before, after), []).append(piece)
    except TooMany:
        doubts.append("the tables are too large to compare for every case; there may be more than this")
    regions = sorted(
        ((given, box) for given, pieces in found.items() for box in both.joined(pieces)),
        key=lambda region: both.limits(region[1]),
    )
    described = tuple(both.described(before, after, box) for (before, after), box in regions[:limit])
    return Divergences(described, max(0, len(regions) - limit), tuple(doubts))


class _Rows:
    """The rows of a table as boxes: of each, where it holds and where it refuses."""

    def __init__(self, table: DecisionTable, holds: Iterable[list[Sides]], refuses: Iterable[list[Sides]]) -> None:
        self.table = table
        self.boxes = list(zip(holds, refuses, strict=True))
        self._given: dict[tuple[int, ...], Given] = {}

    def given(self, matched: Sequence[int]) -> Given:
        """What the table gives where some rows match."""
        known = tuple(matched)
        if known not in self._given:
            self._given[known] = given(self.table, matched)
        return self._given[known]


Alive = list[tuple[int, list[Sides], list[Sides]]]
"""The rows that some cases may reach: of each its number, and what of it touches them."""


class _Both:
    """Two tables in one space of cases."""

    def __init__(self, old: DecisionTable, new: DecisionTable, budget: Budget) -> None:
        self.conditions = [row.when for table in (old, new) for row in table.rules]
        regions = regions_of(self.conditions, missing=optional_fields(self.conditions))
        self.space, self.budget = Space(regions), budget
        holds = [self.space.limits(boxes) for boxes in regions.holds]
        refuses = [self.space.limits(boxes) for boxes in regions.refuses]
        cut = len(old.rules)
        self.old = _Rows(old, holds[:cut], refuses[:cut])
        self.new = _Rows(new, holds[cut:], refuses[cut:])
        self.every = possible_cases(self.space, self.conditions)

    def doubts(self) -> Iterator[str]:
        """What regions do not tell of."""
        for atom in self.space.regions.atoms:
            if _may_have_no_answer(atom.condition.structure()):
                yield f"cases for which `{atom.text}` has no answer are left out"

    def to_look_at(self, changed: tuple[Sequence[int], Sequence[int]] | None) -> Iterator[Sides]:
        """The cases that may be decided otherwise, as boxes that do not overlap."""
        if changed is None:
            yield from _disjoint(self.every, self.budget)
            return
        touched = [
            both
            for rows, numbers in zip((self.old, self.new), changed, strict=True)
            for number in numbers
            for boxes in rows.boxes[number]
            for box in boxes
            for every in self.every
            if (both := self.space.both(box, every)) is not None
        ]
        yield from _disjoint(touched, self.budget)

    def differing(self, sides: Sides) -> Iterator[tuple[Given, Given, Sides]]:
        """The parts of a box that are decided otherwise, each alike in what both give."""
        waiting: list[tuple[Sides, Alive, Alive]] = [(sides, _all(self.old), _all(self.new))]
        while waiting:
            piece, *rows = waiting.pop()
            alive = [self._touching(piece, some) for some in rows]
            answers = [_answer(piece, some, of) for some, of in zip(alive, (self.old, self.new), strict=True)]
            before, after = answers
            if isinstance(before, Given) and isinstance(after, Given):
                if before.key != after.key:
                    yield before, after, piece
                continue
            box = before if not isinstance(before, Given) else after
            waiting += ((part, *alive) for part in _halves(piece, box))  # type: ignore[arg-type]

    def _touching(self, piece: Sides, rows: Alive) -> Alive:
        found: Alive = []
        for number, holds, refuses in rows:
            self.budget.take(len(holds) + len(refuses))
            holding = [box for box in holds if all(map(and_, piece, box))]
            refusing = [box for box in refuses if all(map(and_, piece, box))]
            if holding or refusing:
                found.append((number, holding, refusing))
        return found

    def joined(self, pieces: Sequence[Sides]) -> list[Sides]:
        """The same cases in fewer boxes."""
        boxes = tidied([dict(enumerate(piece)) for piece in pieces])
        return [tuple(box[dimension] for dimension in range(len(self.space.full))) for box in boxes]

    def limits(self, box: Sides) -> tuple[int, Sides]:
        """How many inputs a box limits; so that the widest come first."""
        return sum(side != every for side, every in zip(box, self.space.full, strict=True)), box

    def described(self, before: Given, after: Given, box: Sides) -> Divergence:
        """A region in words, with a case."""

        def shows(reading: Reading) -> bool:
            return decided(self.old.table, reading).key != decided(self.new.table, reading).key

        case, shown = witness(self.space, box, shows)
        sure = shown or (case is not None and not self.space.regions.atoms)
        return Divergence(self.space.words(box), before.words, after.words, case if sure else None)


def given(table: DecisionTable, matched: Sequence[int]) -> Given:
    """What a table gives where some of its rows match and none refuses."""
    rows: tuple[int, ...] = ()
    if matched:
        try:
            rows = counting(table.name, table.hit_policy, matched, table.values, table.outputs)
        except HitPolicyViolated:
            return VIOLATED
    elif table.default is None:
        return NONE
    decision = table._unexplained(rows)  # noqa: SLF001  what follows from rows, whatever the case
    output = decision.output or {}
    hash_of = {name: hashed(v) if isinstance(v, tuple) else hashed([v])[0] for name, v in output.items()}
    words = ", ".join(_written(name, value, alone=len(output) == 1) for name, value in output.items())
    if isinstance(table.values[0][0], str) and table.single:
        words = ", ".join(filter(None, (repr(decision.outcome), words if len(table.outputs) > 1 else "")))
    return Given(json.dumps([decision.outcome, hash_of], sort_keys=True), words)


def decided(table: DecisionTable, reading: Reading) -> Given:
    """What a table gives for a case, as it decides it."""
    try:
        rows = table.rows_for(reading)
    except InputError:
        return REFUSED
    except NoRuleApplies:
        return NONE
    except HitPolicyViolated:
        return VIOLATED
    return given(table, sorted(rows))


def _written(name: str, value: Any, *, alone: bool) -> str:
    text = f"[{', '.join(map(_plain, value))}]" if isinstance(value, tuple) else _plain(value)
    return text if alone else f"{name} {text}"


def _plain(value: Any) -> str:
    return repr(value) if isinstance(value, str) else written_out(value)


def _all(rows: _Rows) -> Alive:
    return [(number, holds, refuses) for number, (holds, refuses) in enumerate(rows.boxes)]


def _answer(piece: Sides, alive: Alive, rows: _Rows) -> Given | Sides:
    """What a table gives for all cases in a box; or a box by which they are to be told apart."""
    matched: list[int] = []
    first = rows.table.hit_policy == "FIRST"
    if not first and any(_within(piece, box) for _, _, refuses in alive for box in refuses):
        return REFUSED
    for number, holds, refuses in alive:
        if any(_within(piece, box) for box in refuses):
            return REFUSED
        if not any(_within(piece, box) for box in holds):
            return (refuses or holds)[0]
        matched.append(number)
        if first:
            break
    return rows.given(matched)


def _within(inner: Sides, outer: Sides) -> bool:
    return not any(side & ~allowed for side, allowed in zip(inner, outer, strict=True))


def _halves(piece: Sides, box: Sides) -> tuple[Sides, Sides]:
    """A box in two, along the side of another where this one leaves the largest part of it outside."""
    reach = [(side & allowed).bit_count() / side.bit_count() for side, allowed in zip(piece, box, strict=True)]
    at = reach.index(min(reach))
    inside = piece[at] & box[at]
    return (*piece[:at], inside, *piece[at + 1 :]), (*piece[:at], piece[at] & ~inside, *piece[at + 1 :])


def _disjoint(boxes: Sequence[Sides], budget: Budget) -> Iterator[Sides]:
    """Boxes, cut so that none overlap."""
    for number, box in enumerate(boxes):
        yield from uncovered(box, boxes[:number], budget)


def _may_have_no_answer(structure: Any) -> bool:
    """Whether a condition divides, or looks at the items of a list, whose values may be missing."""
    if isinstance(structure, dict):
        own = structure.get("op") == "/" or "level" in structure
        return own or any(map(_may_have_no_answer, structure.values()))
    return isinstance(structure, list) and any(map(_may_have_no_answer, structure))
