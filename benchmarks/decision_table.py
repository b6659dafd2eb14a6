"""Deciding by a table of eight inputs and fifty rows: one by one, on a frame, and its checks, beside rule engines and plain Python.

Every contender is called as its documentation has it, on the same cases, each in the form that it takes: objects of a pydantic model
or mappings for ours, mappings for the engines, a frame of pandas or polars. These forms are made before anything is timed, and every
outcome of every contender is compared with the oracle's, which looks at one cell after the other. Slow engines decide the first of the
cases alone.

pyDMNrules is under the GPL, version 3: the extra `bench` installs it, and nothing of the library touches it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from abpo_sdk import DecisionTable
from benchmarks import table_and_cases as given
from benchmarks.peers import our_table
from benchmarks.peers.decider import Decider, Disagrees, Peer, all_at_once, entered, one_by_one
from benchmarks.runner import Bar, Benchmark, Contender
from benchmarks.table_and_cases import CASES, outcomes_of

IF_ELIF = Peer("plain if/elif", None, "python_table", "if_elif", CASES)
ZEN = Peer("zen-engine", "zen-engine", "zen_table", "single", 10_000)
ENGINES = (
    ZEN,
    Peer("zen-engine, traced", "zen-engine", "zen_table", "traced", 5_000),
    Peer("rule-engine", "rule-engine", "rule_engine_table", "single", 2_000),
    Peer("SpiffWorkflow", "SpiffWorkflow", "spiff_table", "single", 1_000),
    Peer("pyDMNrules", "pyDMNrules", "pydmnrules_table", "single", 100),
)
"""They take mappings, as many as they decide in some seconds at most."""
ZEN_BATCH = Peer("zen-engine, evaluate_batch", "zen-engine", "zen_table", "batch", CASES)
POLARS = Peer("polars, when/then", "polars", "polars_table", "rows_of_frame", CASES)
READ = "abpo_sdk, reasons read"
MAPPINGS = "abpo_sdk, mappings"
SLOWER = 20_000
"""So many cases for the slower ways of ours."""
RATIO_TO_ZEN = 40


@cache
def truth() -> list[str]:
    """The outcome of every case by the oracle."""
    return outcomes_of(given.truth())


def ours() -> DecisionTable:
    return our_table.table(given.rows())


def contender(name: str, decider: Decider, cases: list[Any]) -> Contender:
    """One that decides case after case, all of them or the first."""
    return one_by_one(name, decider, cases, truth()[: len(cases)])


def first_mappings(count: int) -> list[Any]:
    return given.mappings()[:count]


def facts_of(peers: Iterable[Peer] = (), skipped: Mapping[str, str] | None = None, **fewer: int) -> dict[str, Any]:
    """Versions, who decided fewer cases than all, and who was left out."""
    there = list(peers)
    facts = {
        "cases": CASES,
        "fewer cases": fewer | {peer.name: peer.count for peer in there if peer.count < CASES},
        "versions": {peer.distribution: peer.version for peer in there if peer.distribution},
        "skipped": dict(skipped or {}),
    }
    return {name: fact for name, fact in facts.items() if fact}


def check_rows(named: Sequence[int], rows: Sequence[int]) -> None:
    """Hold the rows that ours names against the oracle's.

    Raises:
        Disagrees: one is another.
    """
    for number, (ours, row) in enumerate(zip(named, rows, strict=True)):
        if ours != row:
            raise Disagrees(f"case {number}: ours names row {ours}, and the first that holds is {row}, counted from 0")


def decisions() -> Benchmark:
    """Full decisions."""
    table = ours()
    named = [our_table.row_named(table(case), len(given.rows())) for case in given.cases()[:SLOWER]]
    check_rows(named, given.truth()[:SLOWER])
    forms = {peer: partial(first_mappings, peer.count) for peer in ENGINES}
    engines, skipped = entered(forms, given.rows(), truth(), one_by_one)
    return Benchmark(
        name="decision table, 8 inputs, 50 rows, one by one: decisions",
        unit="decisions/s",
        contenders=(
            contender("abpo_sdk", our_table.decisions(table), given.cases()),
            contender(READ, our_table.explained(table), given.cases()[:SLOWER]),
            contender(MAPPINGS, our_table.decisions(table), first_mappings(SLOWER)),
            contender(IF_ELIF.name, IF_ELIF.built(given.rows()), given.cases()),
            *engines.values(),
        ),
        against=None,
        bar=250_000,
        at_least=True,
        also=(Bar(ZEN.name, RATIO_TO_ZEN, at_least=True),) if ZEN in engines else (),
        facts=lambda: {"version": table.version, **facts_of(engines, skipped, **{READ: SLOWER, MAPPINGS: SLOWER})},
    )


def outcomes() -> Benchmark:
    """Outcomes alone."""
    table = ours()
    return Benchmark(
        name="decision table, 8 inputs, 50 rows, one by one: outcomes",
        unit="decisions/s",
        contenders=(
            contender("abpo_sdk", Decider(table.outcome), given.cases()),
            contender(MAPPINGS, Decider(table.outcome), first_mappings(SLOWER)),
            contender(IF_ELIF.name, IF_ELIF.built(given.rows()), given.cases()),
        ),
        against=None,
        bar=600_000,
        at_least=True,
        facts=lambda: facts_of(**{MAPPINGS: SLOWER}),
    )


def frame() -> Benchmark:
    """All cases at once: ours from a frame of pandas, with the number of the row that decided each."""
    import pandas as pd

    from benchmarks.peers.polars_table import frame as polars_frame
    from benchmarks.peers.zen_table import requests

    decider = our_table.on_frame(ours())
    texts = pd.DataFrame(given.columns())
    check_rows(our_table.rows_given(decider.decide(texts), len(given.rows())), given.truth())
    words = [name for name, kind in given.INPUTS.items() if kind is str]
    forms: dict[Peer, Callable[[], Any]] = {
        ZEN_BATCH: lambda: requests(given.mappings()),
        POLARS: lambda: polars_frame(given.columns()),
    }
    peers, skipped = entered(forms, given.rows(), truth(), all_at_once)
    return Benchmark(
        name="decision table, 8 inputs, 50 rows, a frame: outcomes and rows",
        unit="decisions/s",
        contenders=(
            all_at_once("abpo_sdk, texts as pandas has them", decider, texts, truth()),
            all_at_once("abpo_sdk, texts as objects", decider, texts.astype(dict.fromkeys(words, object)), truth()),
            all_at_once(
                "abpo_sdk, texts as categories", decider, texts.astype(dict.fromkeys(words, "category")), truth()
            ),
            *peers.values(),
        ),
        against=None,
        bar=3_000_000,
        at_least=True,
        also=(Bar(ZEN_BATCH.name, RATIO_TO_ZEN, at_least=True),) if ZEN_BATCH in peers else (),
        facts=lambda: {"dtype of texts": str(texts.dtypes[words[0]]), **facts_of(peers, skipped)},
    )


def checks() -> Benchmark:
    """What is said of the table before any case; a new one for each round, since nothing of it may be kept from the last."""

    def measure() -> float:
        table = ours()
        start = time.perf_counter()
        table.check()
        return (time.perf_counter() - start) * 1000

    return Benchmark(
        name="decision table, 8 inputs, 50 rows: checks",
        unit="ms",
        contenders=(Contender("abpo_sdk", measure),),
        against=None,
        bar=50,
        at_least=False,
        facts=lambda: {"findings": len(ours().check())},
    )
