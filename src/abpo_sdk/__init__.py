"""Primitives for business processes that software decides and stays answerable for.

The core words are here and load on first use. Auditors, evaluation and testing are imported from their rooms:
`abpo_sdk.auditors`, `abpo_sdk.evaluation`, `abpo_sdk.testing`; every exception is in `abpo_sdk.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abpo_sdk.lazy_words import lazily

if TYPE_CHECKING:
    from abpo_sdk.conditions import Condition, fields
    from abpo_sdk.errors import AbpoError, ReviewRequired
    from abpo_sdk.gates import Gate, People, Reviews
    from abpo_sdk.ledger import Ledger
    from abpo_sdk.lineage import Lineage
    from abpo_sdk.policies import DecisionTable, Policy, rule
    from abpo_sdk.runtime import Incident, Run, Runtime
    from abpo_sdk.steps import (
        ABSENT,
        UNKNOWN,
        Done,
        Retry,
        Wired,
        effect,
        gather,
        gather_async,
        idempotency_key,
        key_scope,
        ledger_connection,
        now,
        process,
        random,
        sleep,
        sleep_async,
        step,
        uuid,
    )
    from abpo_sdk.values import Answer, Clock, Decision, Money, Personal, Reason, Review, Source, SystemClock

__version__ = "0.1.0"

__all__ = [
    "ABSENT",
    "UNKNOWN",
    "AbpoError",
    "Answer",
    "Clock",
    "Condition",
    "Decision",
    "DecisionTable",
    "Done",
    "Gate",
    "Incident",
    "Ledger",
    "Lineage",
    "Money",
    "People",
    "Personal",
    "Policy",
    "Reason",
    "Retry",
    "Review",
    "ReviewRequired",
    "Reviews",
    "Run",
    "Runtime",
    "Source",
    "SystemClock",
    "Wired",
    "effect",
    "fields",
    "gather",
    "gather_async",
    "idempotency_key",
    "key_scope",
    "ledger_connection",
    "now",
    "process",
    "random",
    "rule",
    "sleep",
    "sleep_async",
    "step",
    "uuid",
]

_ROOMS = {
    "conditions": ("Condition", "fields"),
    "errors": ("AbpoError", "ReviewRequired"),
    "gates": ("Gate", "People", "Reviews"),
    "ledger": ("Ledger",),
    "lineage": ("Lineage",),
    "policies": ("DecisionTable", "Policy", "rule"),
    "runtime": ("Incident", "Run", "Runtime"),
    "steps": (
        "ABSENT",
        "UNKNOWN",
        "Done",
        "Retry",
        "Wired",
        "effect",
        "gather",
        "gather_async",
        "idempotency_key",
        "key_scope",
        "ledger_connection",
        "now",
        "process",
        "random",
        "sleep",
        "sleep_async",
        "step",
        "uuid",
    ),
    "values": ("Answer", "Clock", "Decision", "Money", "Personal", "Reason", "Review", "Source", "SystemClock"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__getattr__, __dir__ = lazily(__name__, _ROOM_OF)
