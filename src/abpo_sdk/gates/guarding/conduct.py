"""How people decide what is put before them: how often they confirm, how long they read, what they catch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.agreement import Agreement, cohen_kappa
from abpo_sdk.gates.guarding.answered import Answered
from abpo_sdk.gates.guarding.report import Conduct, GroupConduct, Reading
from abpo_sdk.gates.guarding.share import Share
from abpo_sdk.gates.guarding.stamp import StampRule, Verdict
from abpo_sdk.gates.guarding.trend import trend

__all__ = ["Answered", "Conduct", "GroupConduct", "StampRule", "Verdict", "measure_conduct"]

LeastReading = timedelta | Mapping[str, timedelta]

BREAK = timedelta(minutes=30)
"""Answers of one person with no gap longer than this between them are one sitting."""

_STAMP_RULE = StampRule()


def measure_conduct(
    answers: Iterable[Answered],
    *,
    by: Literal["role", "person"] = "role",
    declared: str | None = None,
    least_reading: LeastReading | None = None,
    rule: StampRule = _STAMP_RULE,
) -> Conduct:
    """Measure how people decide: per role, or per person where that is declared.

    A role in which one person alone answered is that person: without a declaration its answers are counted, and nothing
    else is told of it.

    Args:
        answers: the answers, in any order.
        by: "role", or "person", which needs `declared`.
        declared: the agreement that allows measures of a person, such as "works agreement 2026-04, section 3".
        least_reading: the time that what is shown takes to read at least; one for each gate where they differ. None, or 0:
            reading is not judged.
        rule: when a group is told as a signal.

    Raises:
        DefinitionError: by person without a declaration; a least reading time that is negative or none; something that is
            no answer; two answers of one person to one review.

    >>> from datetime import UTC, datetime
    >>> noon, minute = datetime(2026, 3, 2, 12, tzinfo=UTC), timedelta(minutes=1)
    >>> def given(n, person):
    ...     at = noon + n * minute
    ...     return Answered(f"r-{n}", "approval", "controller", person, "pay", "pay", noon, at, at + timedelta(seconds=2))
    >>> answers = [given(n, ["maria@acme", "omar@acme"][n % 2]) for n in range(400)]
    >>> conduct = measure_conduct(answers, least_reading=timedelta(seconds=10))
    >>> [(group.name, str(group.verdict), group.longest) for group in conduct.groups]
    [('controller', 'signal', 200)]
    """
    if by not in ("role", "person"):
        raise DefinitionError(f"by={by!r} is not known; use 'role', or 'person' with declared=")
    if declared is not None and (not isinstance(declared, str) or not declared.strip()):
        raise DefinitionError(f"declared={declared!r} names no agreement")
    if by == "person" and declared is None:
        raise DefinitionError(
            "by='person' measures persons; name the agreement that allows it, such as "
            "declared='works agreement 2026-04, section 3', or measure by role"
        )
    least = _checked(least_reading)
    kept = _ordered(answers)
    firsts: dict[str, list[Answered]] = defaultdict(list)
    groups: dict[str, list[Answered]] = defaultdict(list)
    for answer in kept:
        firsts[answer.review].append(answer)
        groups[answer.role if by == "role" else answer.person].append(answer)
    doubles, notes = _doubles(kept, firsts)
    measured = []
    for name in sorted(groups):
        group = groups[name]
        people = len({answer.person for answer in group})
        if people == 1 and declared is None:
            measured.append(GroupConduct.withheld(name, len(group)))
        else:
            pairs = [(answer, second) for answer in group for second in doubles.get((answer.review, answer.person), ())]
            measured.append(_measure(name, group, people, pairs, least, rule))
    timed = any(least.values()) if isinstance(least, Mapping) else bool(least)
    if isinstance(least, Mapping) and timed:
        untimed = sorted({answer.gate for answer in kept} - {gate for gate, time in least.items() if time})
        notes += (f"No least reading time is given for {', '.join(map(repr, untimed))}.",) if untimed else ()
    return Conduct(tuple(measured), by, rule, declared, timed, notes)


def _measure(
    name: str,
    group: list[Answered],
    people: int,
    pairs: list[tuple[Answered, Answered]],
    least: LeastReading,
    rule: StampRule,
) -> GroupConduct:
    confirms = Share.of(answer.confirms for answer in group)
    fast = Share.of(_faster(answer, least) for answer in group)
    vigilance = Share.of(answer.caught for answer in group)
    # Of a known case whose proposal is right, what is overruled is a false alarm.
    right = (a for a in group if a.known is not None and a.known == a.proposed)
    verdict, because = rule.judge(confirms=confirms, fast=fast, vigilance=vigilance)
    by_person: dict[str, list[Answered]] = defaultdict(list)
    for answer in group:
        by_person[answer.person].append(answer)
    sittings = [sitting for own in by_person.values() for sitting in _sittings(own)]
    confirming = [[float(a.confirms) for a in sitting if a.confirms is not None] for sitting in sittings]
    reading = [[a.reading.total_seconds() for a in sitting if a.reading is not None] for sitting in sittings]
    return GroupConduct(
        name=name,
        n=len(group),
        people=people,
        confirms=confirms,
        reading=Reading.of(answer.reading for answer in group),
        fast=fast,
        longest=max(map(_longest, by_person.values())) if confirms else None,
        vigilance=vigilance,
        false_alarms=Share.of(None if a.blind else a.outcome != a.known for a in right),
        confirming_trend=trend(confirming, typical="mean"),
        reading_trend=trend(reading, typical="median"),
        agreement=_agreement(pairs),
        verdict=verdict,
        because=because,
    )


def _checked(least: LeastReading | None) -> LeastReading:
    if least is None:
        return {}
    for gate, time in least.items() if isinstance(least, Mapping) else [("", least)]:
        if not isinstance(time, timedelta) or time < timedelta(0):
            where = f" of gate {gate!r}" if gate else ""
            raise DefinitionError(f"least_reading{where} is {time!r}; write a time such as timedelta(seconds=20)")
    return least


def _ordered(answers: Iterable[Answered]) -> list[Answered]:
    """The answers in the order of time, each once."""
    kept = list(answers)
    seen: set[tuple[str, str]] = set()
    for answer in kept:
        if not isinstance(answer, Answered):
            raise DefinitionError(f"{answer!r:.80} is no Answered")
        if (answer.review, answer.person) in seen:
            raise DefinitionError(f"{answer.person!r} answered review {answer.review!r} twice; hand each answer once")
        seen.add((answer.review, answer.person))
    return sorted(kept, key=lambda answer: (answer.answered, answer.review, answer.person))


def _doubles(
    kept: list[Answered], firsts: Mapping[str, list[Answered]]
) -> tuple[dict[tuple[str, str], list[Answered]], tuple[str, ...]]:
    """For each first answer, the double reviews of it by others; and what is left out, in words."""
    doubles: dict[tuple[str, str], list[Answered]] = defaultdict(list)
    alone = same = 0
    for second in (answer for answer in kept if answer.second_of is not None):
        found = firsts.get(second.second_of or "", [])
        alone += not found
        for first in found:
            if first.person == second.person:
                same += 1
            else:
                doubles[first.review, first.person].append(second)
    notes = []
    if alone:
        notes.append(f"Of {_doubled(alone)} the first answer is not there; left out of agreement.")
    if same:
        notes.append(f"Of {_doubled(same)} the first answer is the same person's; left out of agreement.")
    return doubles, tuple(notes)


def _doubled(n: int) -> str:
    return f"{n:,} double {'review' if n == 1 else 'reviews'}"


def _agreement(pairs: list[tuple[Answered, Answered]]) -> Agreement:
    return cohen_kappa([first.outcome for first, _ in pairs], [second.outcome for _, second in pairs])


def _faster(answer: Answered, least: LeastReading) -> bool | None:
    """Whether an answer came faster than it can be read; None where that is not known."""
    time = least.get(answer.gate) if isinstance(least, Mapping) else least
    return None if not time or answer.reading is None else answer.reading < time


def _sittings(answers: list[Answered]) -> list[list[Answered]]:
    """One person's answers, in order, split where a gap is longer than a break."""
    sittings: list[list[Answered]] = []
    for answer in answers:
        if not sittings or answer.answered - sittings[-1][-1].answered > BREAK:
            sittings.append([])
        sittings[-1].append(answer)
    return sittings


def _longest(answers: list[Answered]) -> int:
    """The most confirmations one after the other; a blind answer neither adds to them nor ends them."""
    longest = here = 0
    for answer in answers:
        if answer.confirms is not None:
            here = here + 1 if answer.confirms else 0
            longest = max(longest, here)
    return longest
