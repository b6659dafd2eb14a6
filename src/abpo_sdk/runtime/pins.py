"""The versions that a run keeps to: of its process, and of what this names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.entry import LIFE
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.steps import BoundProcess, Process

NO_POLICIES = frozenset({"Gate", "Composed", "InTurn", "Process"})
"""What has a version, and is no policy."""


def pins_of(ledger: Ledger, run: str) -> Mapping[str, str]:
    """The versions of the process, and of the policies, gates and processes that it names, which a run goes on with."""
    entries = [entry for entry in ledger.entries(run) if entry.place.scope == LIFE]
    last = next(entry for entry in reversed(entries) if entry.kind in ("started", "migrated"))
    pins: Mapping[str, str] = last.content["pins"]
    return pins


def swapped_policy(
    ledger: Ledger, processes: Mapping[str, BoundProcess[Any]], run: str, policy: str, version: str
) -> str | None:
    """The version of a policy that is there now, where a run was begun with another one and has not been migrated since."""
    for row in ledger.store.select(RunRow, equal={"id": run}):
        bound = processes.get(row.process)
        if bound is None or bound.process.version == row.version:
            return None
        for pin, present in bound.process.pins.items():
            kind, _, name = pin.partition(" ")
            if name == policy and kind not in NO_POLICIES and present != version:
                return present
    return None


def why_stale(ledger: Ledger, run: str, process: Process[Any, Any]) -> str:
    """What of its code has changed since a run began."""
    recorded, present = pins_of(ledger, run), process.pins
    names = [name for name in dict.fromkeys((*recorded, *present)) if recorded.get(name) != present.get(name)]
    parts = [
        f"{name!r} was {recorded.get(name, 'not there')} and is {present.get(name, 'not there')}" for name in names
    ]
    return f"its code changed while it was open: {', '.join(parts)}"
