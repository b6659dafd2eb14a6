"""Steps and processes: plain functions, marked."""

from abpo_sdk.ledger.keyed import idempotency_key, ledger_connection
from abpo_sdk.steps.ambient import now, random, uuid
from abpo_sdk.steps.checked import ABSENT, UNKNOWN, Done, Seen
from abpo_sdk.steps.effect import effect
from abpo_sdk.steps.keys import key_scope
from abpo_sdk.steps.process import BoundProcess, Process, process
from abpo_sdk.steps.retry import Retry
from abpo_sdk.steps.side_by_side import gather, gather_async
from abpo_sdk.steps.signature import Wired
from abpo_sdk.steps.sleeping import sleep, sleep_async
from abpo_sdk.steps.step import Step, step

__all__ = [
    "ABSENT",
    "UNKNOWN",
    "BoundProcess",
    "Done",
    "Process",
    "Retry",
    "Seen",
    "Step",
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
]
