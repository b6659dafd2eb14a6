"""Runs contenders in turn, round by round, and reports medians and ratios."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(".benchmarks") / "results.jsonl"


@dataclass(frozen=True)
class Contender:
    """Something to measure: `measure` does one round and gives its figure."""

    name: str
    measure: Callable[[], float]


@dataclass(frozen=True)
class Benchmark:
    """Contenders that do the same work, and the bar that ours must meet.

    Args:
        name: what is measured.
        unit: of the figure ("ms", "processes/s").
        contenders: ours first.
        against: the name of the contender that the bar compares with; None where it is about the median of ours itself.
        bar: the ratio ours/against, or the median of ours; at most (for a time) or at least (for a rate).
        at_least: whether more is better.
        facts: further figures to report, taken after the last round.
        rounds: how many are counted.
        fixed: whether the order must stay.
    """

    name: str
    unit: str
    contenders: tuple[Contender, ...]
    against: str | None
    bar: float
    at_least: bool
    facts: Callable[[], Mapping[str, Any]] = dict
    rounds: int = 7
    fixed: bool = False

    def order(self, number: int) -> tuple[Contender, ...]:
        """Whose turn it is first changes from round to round, unless the second works on what the first left."""
        return self.contenders if self.fixed or number % 2 else self.contenders[::-1]


@dataclass
class Result:
    """What a benchmark gave."""

    benchmark: Benchmark
    figures: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """The median of a contender's rounds."""
        return statistics.median(self.figures[name])

    @property
    def ratio(self) -> float:
        """The median of the rounds' own ratios, since what disturbs one round disturbs both of it; without another, of ours itself."""
        ours = self.figures[self.benchmark.contenders[0].name]
        if self.benchmark.against is None:
            return statistics.median(ours)
        return statistics.median(a / b for a, b in zip(ours, self.figures[self.benchmark.against], strict=True))

    @property
    def met(self) -> bool:
        """Whether the bar holds."""
        return self.ratio >= self.benchmark.bar if self.benchmark.at_least else self.ratio <= self.benchmark.bar


def run(benchmarks: Iterable[Benchmark]) -> list[Result]:
    """Run each, print a table, and append a JSON line a contender to `.benchmarks/results.jsonl`."""
    results = []
    for benchmark in benchmarks:
        result = Result(benchmark, {c.name: [] for c in benchmark.contenders})
        for number in range(benchmark.rounds + 1):
            for contender in benchmark.order(number):
                figure = contender.measure()
                if number:  # the first round warms up
                    result.figures[contender.name].append(figure)
        results.append(result)
        report(result)
    return results


def report(result: Result) -> None:
    """Print one result, and keep it."""
    benchmark = result.benchmark
    facts = dict(benchmark.facts())
    print(f"\n{benchmark.name} ({benchmark.rounds} interleaved rounds)")
    print(f"  {'':34} {'min':>10} {'median':>10} {'max':>10}  {benchmark.unit}")
    for name, figures in result.figures.items():
        print(f"  {name:34} {min(figures):10,.1f} {statistics.median(figures):10,.1f} {max(figures):10,.1f}")
    word = "at least" if benchmark.at_least else "at most"
    what = (
        f"median {result.ratio:,.0f}"
        if benchmark.against is None
        else f"ratio to {benchmark.against}: {result.ratio:.2f}"
    )
    print(f"  {what} ({word} {benchmark.bar:,}: {'met' if result.met else 'MISSED'})")
    for name, value in facts.items():
        print(f"  {name}: {value}")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        for name, figures in result.figures.items():
            line = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "bar": benchmark.bar,
                "benchmark": benchmark.name,
                "contender": name,
                "cores": os.cpu_count(),
                "median": statistics.median(figures),
                "min": min(figures),
                "max": max(figures),
                "python": platform.python_version(),
                "ratio": result.ratio,
                "unit": benchmark.unit,
                **facts,
            }
            file.write(json.dumps(line) + "\n")
