"""Why not another outcome: the smallest changes of a case after which a table would give it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.kinds import written
from abpo_sdk.errors import InputError, UnknownOutcome
from abpo_sdk.policies.checks.coverage import Budget, Sides, Space, TooMany, uncovered
from abpo_sdk.policies.counterfactuals.changed_cases import Case
from abpo_sdk.policies.counterfactuals.targets import Target, given_by, targets
from abpo_sdk.policies.hit_policies import Aggregation, HitPolicy, Values
from abpo_sdk.policies.rules import Output, written_out

STEPS = 1_000_000
"""Comparisons of boxes that one question may take."""

PIECES = 200
"""So many pieces of what would do are looked at for the nearest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would have to be otherwise.

    Args:
        field: the input by its dotted name; of a condition that mixes inputs, the condition.
        value: what the case has, in words; a personal value masked.
        needs: what it would have to be, in words: "> 1,000".
        example: a value that would do, the nearest of those that come to mind; None where it would have to be missing, or none
            is known.
        mixes: whether it is a condition that mixes inputs, which would have to hold (or not to), and not a value.
    """

    field: str
    value: str
    needs: str
    example: Any = None
    mixes: bool = False

    def __str__(self) -> str:
        return (
            f"{self.field} would have to {self.needs}"
            if self.mixes
            else f"{self.field}: {self.value}, needs {self.needs}"
        )


@dataclass(frozen=True, slots=True)
class Way:
    """Changes that together would do.

    Args:
        changes: each of them.
        certain: whether the examples were tried, and the table gives the outcome. False where a condition that mixes inputs
            would have to change, or no example of a value is known.
    """

    changes: tuple[Change, ...]
    certain: bool = True

    @property
    def values(self) -> dict[str, Any]:
        """The examples by the dotted name of the input."""
        return {change.field: change.example for change in self.changes if not change.mixes}

    def __str__(self) -> str:
        return ", and ".join(map(str, self.changes))


@dataclass(frozen=True, slots=True)
class WhyNot:
    """What would have led to an outcome.

    Args:
        outcome: the outcome that was asked for.
        decided: what the table gives for the case as it is; None where it gives nothing.
        ways: each smallest set of inputs of which a change would do, nearest first; none: see `tried`.
        tried: every set of at most so many inputs was tried.
        exact: whether single inputs decide everything, so that no smaller change can have been overlooked.
    """

    outcome: str
    decided: str | None
    ways: tuple[Way, ...]
    tried: int
    exact: bool = True

    def __str__(self) -> str:
        if self.decided == self.outcome:
            return f"{self.outcome!r} is what the case gets"
        if not self.ways:
            return f"{self.outcome!r}: none found with at most {self.tried} change{'s' * (self.tried != 1)}"
        return f"{self.outcome!r} if " + "; or if ".join(map(str, self.ways))


def why_not(
    rules: Sequence[tuple[Condition, Values]],
    case: Any,
    outcome: str,
    hit_policy: HitPolicy = "FIRST",
    *,
    default: Values | None = None,
    outputs: Sequence[Output] = (),
    aggregation: Aggregation | None = None,
    most: int = 3,
    limit: int = 5,
    steps: int = STEPS,
) -> WhyNot:
    """The smallest changes of a case after which a table would give an outcome: fewest inputs, then nearest values.

    Nearness is counted in regions: how many of the values that the table compares with lie in between.

    Args:
        rules: each row's condition, and what it gives in the order of the outputs.
        case: an object of the model that the conditions are about.
        outcome: what the first output should be, as text; where several rows count, one of them.
        hit_policy: which of the rows that match count.
        default: what a case gets that no row covers; None: nothing.
        outputs: the outputs, whose values are in order of priority.
        aggregation: of COLLECT: "min" or "max".
        most: sets of so many inputs are tried, and no larger ones.
        limit: how many ways are given.
        steps: how much work it may be; what is not tried then is not counted in `tried`.

    Raises:
        UnknownOutcome: no row gives it, nor the default.
        DefinitionError: the aggregation is "sum" or "count", which no single row decides.
        MissingInput, MistypedInput: a value is not as declared. One that is missing may be among what would have to change.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk.conditions import fields
    >>> class Claim(BaseModel):
    ...     amount: int
    ...     country: str
    >>> c = fields(Claim)
    >>> rules = [(c.country != "DE", ("refer",)), (c.amount <= 500, ("pay",))]
    >>> answer = why_not(rules, Claim(amount=742, country="FR"), "pay", default=("refer",))
    >>> str(answer), answer.ways[0].values
    ("'pay' if country: 'FR', needs 'DE', and amount: 742, needs <= 500", {'country': 'DE', 'amount': 500})
    """
    known = dict.fromkeys(
        written_out(values[0]) for values in [*(v for _, v in rules), *([default] if default else [])]
    )
    if outcome not in known:
        raise UnknownOutcome(f"no row gives {outcome!r}; there is {', '.join(known)}")
    question = Case([condition for condition, _ in rules], case)
    found = targets(question, rules, outcome, hit_policy, default, outputs, aggregation)

    def given(reading: Reading) -> tuple[str, ...] | None:
        return given_by(reading, rules, hit_policy, default, outputs, aggregation)

    now = _or_none(given, question.reading())
    decided = None if now is None else ", ".join(now)
    exact = not question.space.regions.atoms
    if now is not None and outcome in now:
        return WhyNot(outcome, outcome, (), 0, exact)

    def does(reading: Reading) -> bool:
        then = _or_none(given, reading)
        return then is not None and outcome in then

    budget = Budget(steps)
    for size in range(1, most + 1):
        try:
            ways = _ways(question, found, size, does, budget)
        except TooMany:
            return WhyNot(outcome, decided, (), size - 1, exact)
        if ways:
            return WhyNot(outcome, decided, tuple(way for _, way in ways[:limit]), size, exact)
    return WhyNot(outcome, decided, (), most, exact)


def _or_none(given: Any, reading: Reading) -> tuple[str, ...] | None:
    try:
        found: tuple[str, ...] | None = given(reading)
    except InputError:
        return None
    return found


def _ways(
    case: Case, found: Sequence[Target], size: int, does: Any, budget: Budget
) -> list[tuple[tuple[bool, int], Way]]:
    """The nearest way for each set of so many dimensions that would do."""
    best: dict[tuple[int, ...], tuple[tuple[bool, int], Way]] = {}
    for target in found:
        for changed, sides in _reachable(case, target, size):
            for number, piece in enumerate(uncovered(sides, target.covers, budget)):
                if number == PIECES:
                    break
                wide = case.space.widened(piece, sides, target.covers, budget)
                made = case.nearest(changed, wide, does)
                if made is not None:
                    cost, values, certain = made
                    if changed not in best or (not certain, cost) < best[changed][0]:
                        best[changed] = (not certain, cost), _way(case, changed, wide, values, certain=certain)
    return sorted(best.values(), key=lambda way: way[0])


def _reachable(case: Case, target: Target, size: int) -> Iterator[tuple[tuple[int, ...], Sides]]:
    """For each set of so many dimensions, the cases of a target that differ from the case in these alone."""
    axes = case.space.axes
    unmet = [d for d, side in enumerate(target.box) if not side & case.place[d]]
    needed = [d for d in unmet if d < axes]
    if len(needed) > size:
        return
    matters = {d for cover in target.covers for d, side in enumerate(cover) if side != -1}.union(unmet)
    matters.update(d for d in range(axes) if matters.intersection(case.read_by[d]))
    others = sorted(matters.difference(needed))
    for more in combinations(others, size - len(needed)):
        changed = tuple(sorted((*needed, *more)))
        for every in case.space.every():
            sides = case.space.both(target.box, case.changed(changed, every))
            if sides is not None:
                yield changed, sides


def _way(case: Case, changed: Sequence[int], sides: Sides, values: dict[int, Any], *, certain: bool) -> Way:
    return Way(tuple(_change(case, d, sides[d], values.get(d)) for d in changed), certain)


def _change(case: Case, dimension: int, side: int, example: Any) -> Change:
    space: Space = case.space
    if dimension >= space.axes:
        atom = space.regions.atoms[dimension - space.axes]
        return Change(atom.text, "", "hold" if side == 2 else "fail", mixes=True)
    axis = space.regions.axes[dimension]
    mark = axis.field.personal
    value = axis.field.written(case.reading()).removeprefix(f"{axis.name} ")
    within = bool(side & case.place[dimension])
    if within and axis.words(side) == axis.words(axis.present):
        needs = "another value"
    elif mark and axis.sort == "text":
        named = sum(side >> number & 1 for number in range(len(axis.values)))
        needs = f"one of {named} known value{'s' * (named != 1)}" if named else "another value"
        needs = "to be missing" if side & axis.present == 0 else needs
    else:
        needs = " or ".join(_short(part, axis.name) for part in axis.words(side).split(f" or {axis.name} "))
    if within and example is not None:
        needs += f", such as {mark.mask if mark else written(example)}"
    return Change(axis.name, value, needs, example)


def _short(words: str, name: str) -> str:
    """A need without the input's name: "> 1,000", "'DE'", "a value in (100..500]"."""
    rest = words.removeprefix(f"{name} ")
    if rest == "is missing":
        return "to be missing"
    if rest.startswith("in "):
        return f"a value {rest}"
    return "a value" if rest in ("is present", "is anything") else rest.removeprefix("is ")
