"""The runtime: starts runs, replays them, parks them at gates, and resumes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abpo_sdk.runtime.run import Incident, Run
from abpo_sdk.runtime.runtime import Runtime
from abpo_sdk.runtime.worker import Tick

if TYPE_CHECKING:
    from abpo_sdk.runtime.versions import Migration, StaleRun

__all__ = ["Incident", "Migration", "Run", "Runtime", "StaleRun", "Tick"]


def __getattr__(name: str) -> Any:
    if name in ("Migration", "StaleRun"):
        from abpo_sdk.runtime import versions

        return getattr(versions, name)
    raise AttributeError(f"module 'abpo_sdk.runtime' has no attribute {name!r}")
