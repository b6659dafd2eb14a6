"""The process on LangGraph with its SQLite saver: a node a step, `interrupt` where a person is asked.

Each step is on disk before the next begins (`durability="sync"`), as ours is; LangGraph's default writes while the next node runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks import invoice_steps
from benchmarks.invoice_steps import Invoice
from benchmarks.peers.engine import Durability, durability_of


class State(TypedDict):
    """What is passed from node to node."""

    invoice: Invoice
    ask: bool


def node(function: Callable[[Invoice], Invoice]) -> Any:
    def run(state: State) -> dict[str, Any]:
        return {"invoice": function(state["invoice"])}

    return run


def decide(state: State) -> dict[str, Any]:
    invoice = state["invoice"]
    decision = interrupt({"approve": invoice["id"]}) if state["ask"] else "approve"
    return {"invoice": invoice_steps.decide(invoice, decision)}


class LangGraph:
    """A graph of five nodes in a row."""

    packages = ("langgraph", "langgraph-checkpoint-sqlite")

    def open(self, directory: Path) -> None:
        self._path = directory / "langgraph.sqlite"
        self.connection = sqlite3.connect(self._path, check_same_thread=False)
        builder = StateGraph(State)
        builder.add_node("extract", node(invoice_steps.extract))
        builder.add_node("validate", node(invoice_steps.validate))
        builder.add_node("classify", node(invoice_steps.classify))
        builder.add_node("decide", decide)
        builder.add_node("post", node(invoice_steps.post))
        order = (START, "extract", "validate", "classify", "decide", "post", END)
        for one, other in pairwise(order):
            builder.add_edge(one, other)
        self.saver = SqliteSaver(self.connection)
        self.graph = builder.compile(checkpointer=self.saver)

    def path(self) -> Path:
        return self._path

    def durability(self) -> Durability:
        return durability_of(self.connection)

    def _invoke(self, identifier: str, given: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.graph.invoke(
            given, {"configurable": {"thread_id": identifier}}, durability="sync"
        )
        return result

    def run(self, identifier: str, invoice: Invoice) -> Invoice:
        result: Invoice = self._invoke(identifier, {"invoice": invoice, "ask": False})["invoice"]
        return result

    def park(self, identifier: str, invoice: Invoice) -> None:
        assert "__interrupt__" in self._invoke(identifier, {"invoice": invoice, "ask": True})

    def waiting(self) -> Sequence[str]:
        """It has no list of threads that wait: every checkpoint is looked through, and each thread asked where it stands."""
        threads = {str(found.config["configurable"]["thread_id"]) for found in self.saver.list(None)}
        return [one for one in sorted(threads) if self._next(one) == ("decide",)]

    def _next(self, identifier: str) -> tuple[str, ...]:
        return self.graph.get_state({"configurable": {"thread_id": identifier}}).next

    def answer(self, shown: str) -> Invoice:
        result: Invoice = self._invoke(shown, Command(resume="approve"))["invoice"]
        return result

    def close(self) -> None:
        self.connection.close()
