"""For tests of one's own processes: a fake clock, scripted people, crashes on purpose; real everything else."""

from abpo_sdk.testing.cases import cases
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.crash import CrashReport, survives_crashes
from abpo_sdk.testing.machine import process_machine
from abpo_sdk.testing.people import AnyRole
from abpo_sdk.testing.policy import PolicyReport, check_policy
from abpo_sdk.testing.process import ProcessFinding, check_process, process_findings
from abpo_sdk.testing.replays import ReplayReport, check_replays
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.testing.store import check_store

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
