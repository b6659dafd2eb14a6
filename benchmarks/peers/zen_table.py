"""The table in zen-engine (MIT), as its documentation sets it up: a decision graph in JSON, evaluated with its defaults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.decider import Decider
from benchmarks.peers.table_texts import unary_test
from benchmarks.table_and_cases import INPUTS, Row

KEY = "claims"


def graph(rows: Sequence[Row]) -> dict[str, Any]:
    """The decision graph: an input, the table, an output."""
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": name, "name": name, "field": name} for name in INPUTS],
        "outputs": [{"id": "outcome", "name": "outcome", "field": "outcome"}],
        "rules": [
            {"_id": str(number), "outcome": f'"{row.outcome}"'}
            | {name: unary_test(row.cells.get(name)) for name in INPUTS}
            for number, row in enumerate(rows, start=1)
        ],
    }
    at = {"position": {"x": 0, "y": 0}}
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", **at},
        {"id": "table", "name": "table", "type": "decisionTableNode", "content": table, **at},
        {"id": "out", "name": "out", "type": "outputNode", **at},
    ]
    edges = [
        {"id": "first", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "second", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    return {"nodes": nodes, "edges": edges}


def single(rows: Sequence[Row]) -> Decider:
    """Case after case, without a trace of the rows, as is its default."""
    import zen

    decision = zen.ZenEngine().create_decision(json.dumps(graph(rows)))
    decision.validate()
    return Decider(decision.evaluate, lambda given: given["result"]["outcome"])


def traced(rows: Sequence[Row]) -> Decider:
    """Case after case, with the trace that names the row which decided."""
    import zen

    decision = zen.ZenEngine().create_decision(json.dumps(graph(rows)))
    return Decider(lambda case: decision.evaluate(case, {"trace": True}), lambda given: given["result"]["outcome"])


def batch(rows: Sequence[Row]) -> Decider:
    """All in one call of `evaluate_batch`, of requests that are ready."""
    import zen

    engine = zen.ZenEngine({"loader": {"type": "static", "content": {KEY: graph(rows)}}})
    return Decider(engine.evaluate_batch, lambda given: [answer["data"]["result"]["outcome"] for answer in given])


def requests(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases as `evaluate_batch` takes them."""
    return [{"key": KEY, "context": case} for case in cases]
