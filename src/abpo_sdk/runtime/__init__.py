"""The runtime: starts runs, replays them, parks them at gates, and resumes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abpo_sdk.lazy_words import lazily
from abpo_sdk.runtime.observing import Moment, Observer
from abpo_sdk.runtime.run import Incident, Run
from abpo_sdk.runtime.runtime import Runtime
from abpo_sdk.runtime.worker import Tick

if TYPE_CHECKING:
    from abpo_sdk.runtime.many import Mapped
    from abpo_sdk.runtime.service import Service
    from abpo_sdk.runtime.versions import Migration, StaleRun

__all__ = ["Incident", "Mapped", "Migration", "Moment", "Observer", "Run", "Runtime", "Service", "StaleRun", "Tick"]

_LATER = {"Mapped": "many", "Migration": "versions", "Service": "service", "StaleRun": "versions"}
"""What is loaded on first use, and where it is."""

__getattr__, __dir__ = lazily(__name__, _LATER)
