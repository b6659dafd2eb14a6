"""The table in SpiffWorkflow (LGPL, version 3), read from DMN.

Only its engine for tables is called, with a task that holds the case; in use a task of a process calls it, which takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from benchmarks.peers.decider import Decider
from benchmarks.peers.table_as_dmn import document
from benchmarks.peers.table_texts import python_tests
from benchmarks.table_and_cases import Cell, Row


def cell(cell: Cell | None) -> str:
    """Its cells are Python about `?`, not FEEL."""
    return "" if cell is None else " and ".join(python_tests("?", cell))


def single(rows: Sequence[Row]) -> Decider:
    """Case after case. It knows UNIQUE and COLLECT, and ends a UNIQUE table at the first row that holds, as FIRST asks for."""
    from lxml import etree
    from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
    from SpiffWorkflow.dmn.engine.DMNEngine import DMNEngine
    from SpiffWorkflow.dmn.parser.DMNParser import DMNParser

    root = etree.fromstring(document(rows, hit_policy="UNIQUE", cell=cell, dash="").encode())
    parser = DMNParser(None, root, {"dmn": root.nsmap[None]})
    parser.parse()
    engine = DMNEngine(parser.decision.decisionTables[0])
    workflow = SimpleNamespace(script_engine=PythonScriptEngine())

    def decide(case: dict[str, Any]) -> Any:
        task = SimpleNamespace(workflow=workflow, data=dict(case), task_spec=SimpleNamespace(name="claims"))
        return engine.result(task)

    return Decider(decide, lambda given: given["outcome"])
