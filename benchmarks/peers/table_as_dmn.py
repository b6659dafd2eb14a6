"""The table as a DMN 1.3 document, for engines that read DMN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from benchmarks.peers.table_texts import unary_test
from benchmarks.table_and_cases import INPUTS, Cell, Row

NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"
TYPES = {int: "number", str: "string", bool: "boolean"}


def document(
    rows: Sequence[Row], *, hit_policy: str = "FIRST", cell: Callable[[Cell | None], str] = unary_test, dash: str = "-"
) -> str:
    """One decision, "claims", with one output, "outcome".

    Args:
        rows: of the table.
        hit_policy: as the engine knows it.
        cell: how a cell is written, for an engine that does not read FEEL.
        dash: how an input that a row does not test is written.
    """
    data = "".join(
        f'<inputData id="d_{name}" name="{name}"><variable id="v_{name}" name="{name}" typeRef="{TYPES[kind]}"/></inputData>'
        for name, kind in INPUTS.items()
    )
    needs = "".join(
        f'<informationRequirement id="q_{name}"><requiredInput href="#d_{name}"/></informationRequirement>'
        for name in INPUTS
    )
    inputs = "".join(
        f'<input id="i_{name}" label="{name}"><inputExpression id="e_{name}" typeRef="{TYPES[kind]}"><text>{name}</text>'
        "</inputExpression></input>"
        for name, kind in INPUTS.items()
    )
    rules = "".join(_rule(number, row, cell, dash) for number, row in enumerate(rows, start=1))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="{NAMESPACE}" id="benchmark" name="benchmark" '
        f'namespace="urn:benchmark">{data}<decision id="claims" name="claims"><variable id="v" name="outcome" '
        f'typeRef="string"/>{needs}<decisionTable id="table" hitPolicy="{hit_policy}">{inputs}<output id="o" label="outcome" '
        f'name="outcome" typeRef="string"/>{rules}</decisionTable></decision></definitions>'
    )


def _rule(number: int, row: Row, cell: Callable[[Cell | None], str], dash: str) -> str:
    entries = "".join(
        f'<inputEntry id="r{number}_{name}"><text>{escape(cell(row.cells[name])) if name in row.cells else dash}</text></inputEntry>'
        for name in INPUTS
    )
    return (
        f'<rule id="r{number}">{entries}<outputEntry id="r{number}_o"><text>"{row.outcome}"</text></outputEntry></rule>'
    )
