"""Runs contenders in turn, round by round, and reports medians and ratios."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
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
class Bar:
    """What ours must meet.

    Args:
        against: the contender that ours is compared with; None where it is about ours itself.
        limit: of the ratio ours/against, of the difference ours - against, or of ours itself.
        at_least: whether more is better; else the limit is the most that there may be.
        difference: whether it is about the difference and not the ratio.
    """

    against: str | None
    limit: float
    at_least: bool
    difference: bool = False

    def figure(self, ours: Sequence[float], other: Sequence[float]) -> float:
        """The median of the rounds' own figures, since what disturbs one round disturbs both of it."""
        if self.against is None:
            return statistics.median(ours)
        return statistics.median(a - b if self.difference else a / b for a, b in zip(ours, other, strict=True))

    def met(self, figure: float) -> bool:
        """Whether the bar holds."""
        return figure >= self.limit if self.at_least else figure <= self.limit

    def text(self, figure: float) -> str:
        """The figure, the bar, and whether it holds."""
        word = "at least" if self.at_least else "at most"
        what = (
            f"median {figure:,.{0 if figure >= 100 else 2}f}"
            if self.against is None
            else f"above {self.against}: {figure:,.2f}"
            if self.difference
            else f"ratio to {self.against}: {figure:,.2f}"
        )
        return f"{what} ({word} {self.limit:,}: {'met' if self.met(figure) else 'MISSED'})"


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
        difference: whether the bar is about the difference to `against`, not the ratio.
        also: further bars, against other contenders.
        warm_up: how many rounds are not counted.
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
    difference: bool = False
    also: tuple[Bar, ...] = ()
    warm_up: int = 1

    @property
    def bars(self) -> tuple[Bar, ...]:
        """All that ours must meet, the first first."""
        return (Bar(self.against, self.bar, self.at_least, self.difference), *self.also)

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

    def figure(self, bar: Bar) -> float:
        """What a bar is about."""
        ours = self.figures[self.benchmark.contenders[0].name]
        return bar.figure(ours, self.figures.get(bar.against or "", ours))

    @property
    def ratio(self) -> float:
        """The figure of the first bar."""
        return self.figure(self.benchmark.bars[0])

    @property
    def met(self) -> bool:
        """Whether every bar holds."""
        return all(bar.met(self.figure(bar)) for bar in self.benchmark.bars)


def run(benchmarks: Iterable[Benchmark]) -> list[Result]:
    """Run each, print a table, and append a JSON line a contender to `.benchmarks/results.jsonl`."""
    results = []
    for benchmark in benchmarks:
        result = Result(benchmark, {c.name: [] for c in benchmark.contenders})
        for number in range(benchmark.rounds + benchmark.warm_up):
            for contender in benchmark.order(number):
                figure = contender.measure()
                if number >= benchmark.warm_up:
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
    figures_of = {bar: result.figure(bar) for bar in benchmark.bars}
    for bar, figure in figures_of.items():
        print(f"  {bar.text(figure)}")
    for name, value in facts.items():
        print(f"  {name}: {value}")
    for name, figures in result.figures.items():
        own = next((bar for bar in benchmark.bars if bar.against == name), benchmark.bars[0])
        keep(
            {
                "bar": own.limit,
                "benchmark": benchmark.name,
                "contender": name,
                "median": statistics.median(figures),
                "min": min(figures),
                "max": max(figures),
                "ratio": figures_of[own],
                "unit": benchmark.unit,
                **facts,
            }
        )


def keep(figures: Mapping[str, Any]) -> None:
    """Append a line to the results, with when and on what it was measured."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **figures,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
