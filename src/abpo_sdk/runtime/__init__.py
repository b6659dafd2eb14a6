"""The runtime: starts runs, replays them, parks them at gates, and resumes them."""

from abpo_sdk.runtime.run import Incident, Run
from abpo_sdk.runtime.runtime import Runtime, Tick

__all__ = ["Incident", "Run", "Runtime", "Tick"]
