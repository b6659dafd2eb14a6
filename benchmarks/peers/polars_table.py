"""The table as a chain of when/then in polars (MIT), on as many threads as polars takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any

from benchmarks.peers.decider import Decider
from benchmarks.table_and_cases import Cell, Interval, Is, OneOf, Row


def rows_of_frame(rows: Sequence[Row]) -> Decider:
    """All at once, each case the index of the row that decides it: a number, which is faster than its outcome as a text."""
    import polars as pl

    chain: Any = pl
    for index, row in enumerate(rows[:-1]):
        holds = reduce(and_, [test for name, cell in row.cells.items() for test in tests(pl.col(name), cell)])
        chain = chain.when(holds).then(pl.lit(index, dtype=pl.Int16))
    decided = chain.otherwise(pl.lit(len(rows) - 1, dtype=pl.Int16)).alias("row")
    return Decider(
        lambda frame: frame.select(decided), lambda given: [rows[index].outcome for index in given["row"].to_list()]
    )


def tests(column: Any, cell: Cell) -> list[Any]:
    match cell:
        case Interval(low, high, low_closed, high_closed):
            lower = [] if low is None else [column >= low if low_closed else column > low]
            upper = [] if high is None else [column <= high if high_closed else column < high]
            return lower + upper
        case OneOf(words):
            return [column.is_in(list(words))]
        case Is(truth):
            return [column if truth else ~column]


def frame(columns: dict[str, list[Any]]) -> Any:
    """The cases as polars has them."""
    import polars as pl

    return pl.DataFrame(columns)
