"""A contender at deciding: what is called in the timed part, and how its answer is read, which is not timed."""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.runner import Contender

ROUND = 1.0
"""Seconds that a round of a contender takes at least."""


class Disagrees(AssertionError):
    """A contender gave another outcome than the oracle."""


@dataclass(frozen=True, slots=True)
class Decider:
    """One way to decide.

    Args:
        decide: decides one case, or all at once; what it gives is as the engine gives it.
        outcome: reads the outcome from what `decide` gave of one case, or all outcomes from what it gave of all.
    """

    decide: Callable[[Any], Any]
    outcome: Callable[[Any], Any] = lambda given: given


def check(name: str, outcomes: Sequence[str], truth: Sequence[str]) -> None:
    """Hold every outcome against the oracle's.

    Raises:
        Disagrees: naming the first case that differs.
    """
    for number, (outcome, right) in enumerate(zip(outcomes, truth, strict=True)):
        if outcome != right:
            raise Disagrees(f"{name}: case {number} is {outcome!r}, and {right!r} by the oracle")


def rate(work: Callable[[], object], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Decisions a second, of work that is done again until a round is long enough.

    A call of a few milliseconds may slip through between what else the machine does, and one of seconds never does: their ratio
    would be the machine's.
    """
    start = clock()
    done = 0
    while (elapsed := clock() - start) < ROUND or not done:
        work()
        done += count
    return done / elapsed


def one_by_one(name: str, decider: Decider, cases: Sequence[Any], truth: Sequence[str]) -> Contender:
    """A contender that decides case after case, in decisions a second; all are checked first.

    Raises:
        Disagrees: it does not decide as the oracle does.
    """
    decide = decider.decide
    check(name, [decider.outcome(decide(case)) for case in cases], truth)

    def every_case() -> None:
        for case in cases:
            decide(case)

    return Contender(name, lambda: rate(every_case, len(cases)))


def all_at_once(name: str, decider: Decider, cases: Any, truth: Sequence[str]) -> Contender:
    """A contender that decides all cases in one call, in decisions a second; all are checked first.

    Raises:
        Disagrees: it does not decide as the oracle does.
    """
    decide = decider.decide
    check(name, list(decider.outcome(decide(cases))), truth)
    return Contender(name, lambda: rate(lambda: decide(cases), len(truth)))


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine to measure beside ours, in a module of `benchmarks.peers`.

    Args:
        name: of the contender.
        distribution: whose version is stated; None for plain Python.
        module: of `benchmarks.peers`, with the function named next, from rows to a `Decider`.
        build: the name of the function.
        count: how many of the cases it decides; those that are slow get fewer.
    """

    name: str
    distribution: str | None
    module: str
    build: str
    count: int

    def built(self, rows: Sequence[Any]) -> Decider:
        decider: Decider = getattr(importlib.import_module(f"benchmarks.peers.{self.module}"), self.build)(rows)
        return decider

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.distribution) if self.distribution else "generated"


def entered(
    forms: Mapping[Peer, Callable[[], Any]],
    rows: Sequence[Any],
    truth: Sequence[str],
    entry: Callable[[str, Decider, Any, Sequence[str]], Contender],
) -> tuple[dict[Peer, Contender], dict[str, str]]:
    """The peers that are installed and can decide the cases, and by name why the others are left out.

    Args:
        forms: what makes the cases, as many as it decides, in the form that each takes.
        rows: of the table.
        truth: the outcomes by the oracle.
        entry: `one_by_one` or `all_at_once`.

    Raises:
        Disagrees: one decides, but not as the oracle does.
    """
    there: dict[Peer, Contender] = {}
    skipped: dict[str, str] = {}
    for peer, form in forms.items():
        try:
            there[peer] = entry(peer.name, peer.built(rows), form(), truth[: peer.count])
        except Disagrees:
            raise
        except Exception as problem:  # noqa: BLE001  whatever a peer raises, the others are still measured
            skipped[peer.name] = f"{type(problem).__name__}: {problem}"
            print(f"skipped {peer.name}: {skipped[peer.name]}")
    return there, skipped
