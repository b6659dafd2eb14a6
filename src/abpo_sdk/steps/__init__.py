"""Steps and processes: plain functions, marked."""

from abpo_sdk.ledger.recorder import idempotency_key
from abpo_sdk.steps.keys import key_scope
from abpo_sdk.steps.process import BoundProcess, Process, process
from abpo_sdk.steps.signature import Wired
from abpo_sdk.steps.step import Step, step

__all__ = ["BoundProcess", "Process", "Step", "Wired", "idempotency_key", "key_scope", "process", "step"]
