"""What can be stopped by its name, and which runs wait for it to go on."""

from __future__ import annotations

from abpo_sdk.errors import DefinitionError, Stopped
from abpo_sdk.gates import Segment, Stop
from abpo_sdk.gates.switches import Stoppable
from abpo_sdk.policies import Policy
from abpo_sdk.runtime.run import Incident
from abpo_sdk.steps import BoundProcess, Process


def stoppable(target: object) -> tuple[Stoppable, str]:
    """What something is that is to be stopped, and its name.

    Raises:
        DefinitionError: it is none of those that can be.
    """
    if isinstance(target, (Process, BoundProcess)):
        return "process", target.name
    if isinstance(target, Policy):
        return "policy", target.name
    if isinstance(target, Segment):
        return "segment", target.name
    raise DefinitionError(f"{target!r} cannot be stopped; give a process, a policy or a Segment")


def held_by(stop: Stop, incident: Incident) -> bool:
    """Whether a run can go no further since its process, or one that it calls, was stopped."""
    return incident.error.startswith(f"{Stopped.__name__}: run {incident.run!r}: {stop}")
