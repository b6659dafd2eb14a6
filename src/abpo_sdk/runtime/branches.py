"""What a process does side by side: each branch counts its calls by itself, and they come together again."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any

from abpo_sdk.ledger.recorder import Outcome, Recorder, put_in_force, restore
from abpo_sdk.runtime.parking import Parked, swallowed

if TYPE_CHECKING:
    from abpo_sdk.runtime.recording import RunRecorder


class Branch:
    """A branch, to be entered in its own thread or task; there its recorder is in force.

    Args:
        recorder: the branch's.
    """

    __slots__ = ("_token", "recorder")

    def __init__(self, recorder: RunRecorder) -> None:
        self.recorder = recorder

    def __enter__(self) -> None:
        self.recorder.be_here()
        self._token: Token[Recorder | None] = put_in_force(self.recorder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        restore(self._token)
        if kind is None and not self.recorder.parked:
            self.recorder.settle_failures()


def joined(parent: RunRecorder, branches: Sequence[RunRecorder], outcomes: Sequence[Outcome]) -> list[Any]:
    """What the branches returned. What one raised goes before another that waits: the process may know what to do.

    Raises:
        Parked: a branch waits, and none raised.
    """
    errors = [outcome.error for outcome in outcomes]
    waits = [_waits(error) for error in errors]
    for error, waiting in zip(errors, waits, strict=True):
        if error is not None and not waiting and not isinstance(error, Exception):
            raise error
    chain = parent.chain
    parent.failures = [failure for branch in branches for failure in branch.failures]
    if chain.broken is None and any(b.parked and not waiting for b, waiting in zip(branches, waits, strict=True)):
        chain.broken = swallowed(chain.run)
    if chain.broken is not None:
        raise chain.broken
    raised = [error for error in errors if isinstance(error, Exception)]
    if raised and not chain.halted:
        raise raised[0]
    if raised or any(
        waits
    ):  # where the worker stops, a branch beside this one may have been cut off, and so nothing is told
        parent.parked = True
        raise Parked
    return [outcome.value for outcome in outcomes]


def _waits(error: BaseException | None) -> bool:
    """Whether a branch ended where it waits; a task group wraps what says so."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Parked) is not None
    return isinstance(error, Parked)
