"""For tests of one's own processes: a fake clock, scripted people, crashes on purpose; real everything else.

Each name loads on first use: pytest imports this room with its plugin, in projects that have nothing to do with it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abpo_sdk.lazy_words import lazily

if TYPE_CHECKING:
    from abpo_sdk.testing.clock import FakeClock
    from abpo_sdk.testing.crashes.survival import CrashReport, survives_crashes
    from abpo_sdk.testing.machine.process_machine import process_machine
    from abpo_sdk.testing.people.any_role import AnyRole
    from abpo_sdk.testing.policy_checks.check import PolicyReport, check_policy
    from abpo_sdk.testing.process_checks.check import check_process, process_findings
    from abpo_sdk.testing.process_checks.findings import ProcessFinding
    from abpo_sdk.testing.replays.check import ReplayReport, check_replays
    from abpo_sdk.testing.runtime import TestRuntime
    from abpo_sdk.testing.store_checks.check import check_store
    from abpo_sdk.testing.strategies.cases import cases

__all__ = [
    "AnyRole",
    "CrashReport",
    "FakeClock",
    "PolicyReport",
    "ProcessFinding",
    "ReplayReport",
    "TestRuntime",
    "cases",
    "check_policy",
    "check_process",
    "check_replays",
    "check_store",
    "process_findings",
    "process_machine",
    "survives_crashes",
]

_MODULE_OF = {
    "AnyRole": "people.any_role",
    "CrashReport": "crashes.survival",
    "FakeClock": "clock",
    "PolicyReport": "policy_checks.check",
    "ProcessFinding": "process_checks.findings",
    "ReplayReport": "replays.check",
    "TestRuntime": "runtime",
    "cases": "strategies.cases",
    "check_policy": "policy_checks.check",
    "check_process": "process_checks.check",
    "check_replays": "replays.check",
    "check_store": "store_checks.check",
    "process_findings": "process_checks.check",
    "process_machine": "machine.process_machine",
    "survives_crashes": "crashes.survival",
}

__getattr__, __dir__ = lazily(__name__, _MODULE_OF)
