"""Primitives for business processes that software decides and stays answerable for.

The core words are here and load on first use. Auditors, evaluation and testing are imported from their rooms:
`abpo_sdk.auditors`, `abpo_sdk.evaluation`, `abpo_sdk.testing`; every exception is in `abpo_sdk.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abpo_sdk.conditions import Condition, fields
    from abpo_sdk.errors import AbpoError, ReviewRequired
    from abpo_sdk.gates import Gate, People, Reviews
    from abpo_sdk.ledger import Ledger
    from abpo_sdk.lineage import Lineage
    from abpo_sdk.policies import DecisionTable, Policy, rule
    from abpo_sdk.runtime import Incident, Run, Runtime
    from abpo_sdk.steps import Wired, idempotency_key, key_scope, process, step
    from abpo_sdk.values import Answer, Clock, Decision, Personal, Reason, Review, Source, SystemClock

__version__ = "0.1.0"

__all__ = [
    "AbpoError",
    "Answer",
    "Clock",
    "Condition",
    "Decision",
    "DecisionTable",
    "Gate",
    "Incident",
    "Ledger",
    "Lineage",
    "People",
    "Personal",
    "Policy",
    "Reason",
    "Review",
    "ReviewRequired",
    "Reviews",
    "Run",
    "Runtime",
    "Source",
    "SystemClock",
    "Wired",
    "fields",
    "idempotency_key",
    "key_scope",
    "process",
    "rule",
    "step",
]

_ROOMS = {
    "conditions": ("Condition", "fields"),
    "errors": ("AbpoError", "ReviewRequired"),
    "gates": ("Gate", "People", "Reviews"),
    "ledger": ("Ledger",),
    "lineage": ("Lineage",),
    "policies": ("DecisionTable", "Policy", "rule"),
    "runtime": ("Incident", "Run", "Runtime"),
    "steps": ("Wired", "idempotency_key", "key_scope", "process", "step"),
    "values": ("Answer", "Clock", "Decision", "Personal", "Reason", "Review", "Source", "SystemClock"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'abpo_sdk' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"abpo_sdk.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
