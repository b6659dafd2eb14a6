"""One table out of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.dmn.building import Builder
from abpo_sdk.policies.dmn.definitions import TableText
from abpo_sdk.policies.dmn.logic import TableLogic
from abpo_sdk.policies.dmn.reading import read_definitions
from abpo_sdk.policies.dmn.requirements import Requirements
from abpo_sdk.policies.dmn.tables import MakeTable

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable


def read_table(make: MakeTable, file: str | Path, decision: str | None) -> DecisionTable:
    """The table of a decision; what is not supported elsewhere in the file does no harm.

    Args:
        make: makes it.
        file: a path; or a text of XML, which begins with "<".
        decision: the decision's name; None where the file has one table.

    Raises:
        DmnError: there is no such table, there are several and none was named, or something of it is not supported.
        OSError: the file cannot be read.
    """
    definitions = read_definitions(file)
    tables = [d.name for d in definitions.decisions if isinstance(d.logic, TableText)]
    if decision is None and len(tables) != 1:
        raise DmnError(
            f"{definitions.source} has {len(tables)} decision tables ({', '.join(tables) or 'none'})"
            + ("; name one: decision=..." if tables else "")
        )
    name = tables[0] if decision is None else decision
    requirements = Requirements(definitions, [name])
    logic = Builder(definitions, requirements, make).decision(requirements.order[-1]).logic
    if not isinstance(logic, TableLogic):
        raise DmnError(f"{definitions.source}: decision {name!r} is no table; tables are {', '.join(tables) or 'none'}")
    return logic.table
