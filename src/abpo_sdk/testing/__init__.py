"""For tests of one's own processes: a fake clock, scripted people, crashes on purpose; real everything else."""

from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.crash import CrashReport, survives_crashes
from abpo_sdk.testing.people import AnyRole
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.testing.store import check_store

__all__ = ["AnyRole", "CrashReport", "FakeClock", "TestRuntime", "check_store", "survives_crashes"]
