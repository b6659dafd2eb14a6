"""No case passes a gate without the answers that the gate demands, whatever people do, and whenever.

ABPO_SOAK=1 makes the machine take more and longer walks.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

from tests.gates.machine.rules import GateMachine

LONG = bool(os.environ.get("ABPO_SOAK"))

TestGates = GateMachine.TestCase
TestGates.settings = settings(
    max_examples=5000 if LONG else 80,
    stateful_step_count=60 if LONG else 40,
    deadline=None,
    phases=list(Phase) if LONG else [Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
