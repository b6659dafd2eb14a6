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
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in errors:
        if not isinstance(error, (Exception, Parked)):
            raise error
    if parent.chain.broken is not None:
        raise parent.chain.broken
    parked = any(branch.parked for branch in branches)
    if any(branch.parked and outcome.error is None for branch, outcome in zip(branches, outcomes, strict=True)):
        parent.chain.broken = swallowed(parent.chain.run)
        raise parent.chain.broken
    failed = [error for error in errors if isinstance(error, Exception)]
    if failed and not parent.chain.halted:
        parent.failures = [failure for branch in branches for failure in branch.failures]
        raise failed[0]
    if parked:
        parent.parked = True
        raise Parked
    return [outcome.value for outcome in outcomes]
