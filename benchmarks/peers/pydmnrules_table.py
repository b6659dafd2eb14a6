"""The table in pyDMNrules, read from DMN.

pyDMNrules is under the GPL, version 3: it is installed by the extra `bench` alone and measured against; nothing of the library touches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.decider import Decider
from benchmarks.peers.table_as_dmn import document
from benchmarks.table_and_cases import Row


class Refused(Exception):
    """It did not take the table, or a case."""


def single(rows: Sequence[Row]) -> Decider:
    """Case after case, which it takes as a mapping and gives back with what it found."""
    import pyDMNrules

    rules = pyDMNrules.DMN()
    status = rules.useXML(document(rows))
    if status.get("errors"):
        raise Refused(str(status["errors"])[:300])
    return Decider(rules.decide, _outcome)


def _outcome(given: tuple[dict[str, Any], Any]) -> str:
    status, decided = given
    if status.get("errors"):
        raise Refused(str(status["errors"])[:300])
    last = decided[-1] if isinstance(decided, list) else decided
    return str(last["Result"]["outcome"])
