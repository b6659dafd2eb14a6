"""Replays a run without doing or writing anything, to see whether the code still does what is recorded."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from abpo_sdk.errors import AbpoError
from abpo_sdk.gates import Reviews
from abpo_sdk.ledger import Lease, Ledger
from abpo_sdk.ledger.recorder import recording
from abpo_sdk.runtime.chain import RunChain
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.runtime.parking import Parked
from abpo_sdk.runtime.recorded import Recorded
from abpo_sdk.runtime.recording import RunRecorder
from abpo_sdk.steps import BoundProcess

NOBODY = "rehearsal"
"""Who holds the lease of a rehearsal, which writes nothing."""


@dataclass(slots=True)
class Rehearsal:
    """What came of a rehearsal.

    Args:
        recorded: how many calls and attempts are recorded.
        replayed: how many of them the code makes again, the same.
        goes_on: what it comes to then: calls that are new, and what it waits for.
        returned: what it returned, where it came to its end.
        error: what it raised.
    """

    recorded: int = 0
    replayed: int = 0
    goes_on: tuple[str, ...] = ()
    returned: list[Any] = field(default_factory=list)
    error: Exception | None = None

    @property
    def why_not(self) -> str | None:
        """Where the code does something else than is recorded."""
        return None if self.error is None else f"{type(self.error).__name__}: {self.error}"


def rehearse(ledger: Ledger, reviews: Reviews, bound: BoundProcess[Any], run: str) -> Rehearsal:
    """Replay a run, and see how far it comes; nothing is done, and nothing is written.

    Args:
        ledger: the ledger.
        reviews: its reviews.
        bound: the process as it is now.
        run: the run.
    """
    entries = ledger.entries(run)
    recorded = Recorded(ledger, entries, migrated=True)
    leases = Leases(ledger, timedelta(minutes=1))
    chain = RunChain(ledger, leases, Lease(run, 0, NOBODY, ""), len(entries), waits=recorded.waits())
    comes_to: list[str] = []
    recorder = RunRecorder(chain=chain, reviews=reviews, watch=None, recorded=recorded, supplied={}, rehearsed=comes_to)
    rehearsal = Rehearsal(recorded.unread)
    try:
        content = ledger.payload(entries[0], purpose="replay")
        values = bound.process.signature.decode(content["arguments"])
        rehearsal.returned = _replayed(recorder, bound, values, content.get("files") or {})
    except Parked:
        pass
    except Exception as error:  # noqa: BLE001  whatever the code raises, it goes another way than is recorded
        rehearsal.error = error
    rehearsal.error = chain.broken or rehearsal.error
    rehearsal.goes_on = tuple(sorted(comes_to, key=lambda what: what.rpartition(" ")[2]))  # branches come in any order
    rehearsal.replayed = rehearsal.recorded - recorded.unread
    if rehearsal.error is None and not comes_to:
        try:
            recorded.check_all_read()
        except AbpoError as error:
            rehearsal.error = error
    return rehearsal


def _replayed(
    recorder: RunRecorder, bound: BoundProcess[Any], values: dict[str, Any], files: Mapping[str, str | None]
) -> list[Any]:
    """What the process returns."""
    if not bound.process.asynchronous:
        recorder.begin(values, files)
        with recording(recorder):
            return [bound.call(values)]

    import asyncio

    async def replayed() -> Any:
        recorder.begin(values, files)
        with recording(recorder):
            return await bound.call(values)

    box: list[Any] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            box.append(asyncio.run(replayed()))
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits
            raised.append(error)

    thread = threading.Thread(target=work)  # of its own, since there may be an event loop in this one
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return box
