"""The versions that a run keeps to: of its process, and of what this names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.entry import LIFE
from abpo_sdk.steps import Process


def pins_of(ledger: Ledger, run: str) -> Mapping[str, str]:
    """The versions of the process, and of the policies, gates and processes that it names, which a run goes on with."""
    entries = [entry for entry in ledger.entries(run) if entry.place.scope == LIFE]
    last = next(entry for entry in reversed(entries) if entry.kind in ("started", "migrated"))
    pins: Mapping[str, str] = last.content["pins"]
    return pins


def why_stale(ledger: Ledger, run: str, process: Process[Any, Any]) -> str:
    """What of its code has changed since a run began."""
    recorded, present = pins_of(ledger, run), process.pins
    names = [name for name in dict.fromkeys((*recorded, *present)) if recorded.get(name) != present.get(name)]
    parts = [
        f"{name!r} was {recorded.get(name, 'not there')} and is {present.get(name, 'not there')}" for name in names
    ]
    return f"its code changed while it was open: {', '.join(parts)}"
