"""What a run has in the ledger while one worker holds it, and what that worker adds to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from abpo_sdk.errors import Erased, LeaseLost, NobodyHolds, OutcomeUnknown, ReplayDiverged, StoreUnavailable
from abpo_sdk.ledger import Lease, Ledger, Place, Writer
from abpo_sdk.ledger.encryption import Encrypted
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.erasure import is_open
from abpo_sdk.ledger.own_entries import under_living_keys
from abpo_sdk.ledger.rows import Head, RunRow
from abpo_sdk.runtime.lease import Leases
from abpo_sdk.values.clock import to_text

T = TypeVar("T")

UNSWALLOWABLE = (ReplayDiverged, LeaseLost, StoreUnavailable, Erased, NobodyHolds, OutcomeUnknown)
"""What a process must not catch and go on: it is kept, and raised again."""


@dataclass(slots=True)
class RunChain:
    """The chain of a run, held under a lease; the branches of the run share it.

    Args:
        ledger: the ledger.
        leases: renew the lease.
        lease: the right to write to the run.
        length: how many entries the run has, as far as this worker has read them.
        end: the end of the chain, where it is known because it has just been written.
        waits: what the run waits for: the places of open reviews (None) and of timers (when they are due).
        stopping: whether this worker is to stop before the next call.
        process: the name of its process.
    """

    ledger: Ledger
    leases: Leases
    lease: Lease
    length: int
    end: Head | None = None
    waits: dict[Place, datetime | None] = field(default_factory=dict)
    stopping: Callable[[], bool] = bool
    process: str = ""
    broken: Exception | None = None
    """What the process must not swallow: raised again at its next call and at its end."""
    released: bool = False
    """Whether the lease was given back with the last write."""
    halted: bool = False
    """Whether the segment was ended although the run could go on, because the worker stops."""
    awaiting: dict[str, int] = field(default_factory=dict)
    """What was called and has not been awaited yet, and how often."""
    _buffer: list[tuple[Draft, Encrypted]] = field(default_factory=list)
    _renew_at: datetime | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def run(self) -> str:
        """The run's id."""
        return self.lease.chain

    def begin(self) -> None:
        """A segment begins."""
        self._renew_at = self.leases.renewal(self.ledger.clock.now())

    def hold(self, draft: Draft) -> None:
        """Keep an entry until the next write."""
        held = (draft, self.ledger.encrypted(draft))
        with self._lock:
            self._buffer.append(held)

    def before_effect(self) -> None:
        """Make durable what is held; where the lease has run out meanwhile, see that nobody else has taken the run over.

        Raises:
            LeaseLost: somebody has, so that the effect is not this worker's any more.
        """
        if self._buffer or to_text(self.ledger.clock.now()) >= self.lease.until:
            self.write([])

    def write(self, drafts: Sequence[Draft], *, release: bool = False) -> None:
        """Make durable what is held, and these entries, in one transaction."""
        try:
            with self._lock:
                for draft in drafts:
                    self._buffer.append((draft, self.ledger.encrypted(draft)))
                self._renew()
                self._written(self.ledger.commit(lambda writer: self._append(writer, release=release)))
                self.released = release
        except UNSWALLOWABLE as error:
            self.broken = error
            raise

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """A transaction for a step that writes in it; what it adds with `write_in` is durable when the block ends."""
        with self._lock:
            held = list(self._buffer)
            try:
                with self.ledger.lending() as writer:
                    self._renew()
                    yield writer
            except BaseException:
                self._buffer = held
                raise
            self._written(writer.end)

    def write_in(self, writer: Writer, draft: Draft) -> None:
        """Write what is held, and this entry, in a transaction of `writing`."""
        self._buffer.append((draft, self.ledger.encrypted(draft)))
        self._append(writer, release=False)

    def park(self, draft: Callable[[], Draft]) -> bool:
        """The process can go no further: have the run wait, with this entry, and give the lease back.

        Returns:
            Whether it waits; not where somebody has written to it meanwhile, an answer perhaps, so that it can go on.
        """
        self._renew()
        with self._lock, self.ledger.writing() as writer:
            head = writer.tx.head(self.run)
            if head is None or head.epoch != self.lease.epoch:
                return True  # another worker has taken it over, and goes on
            others = head.length != self.length
            if self._buffer:
                self._append(writer, release=False)
                head = writer.end
            if others:
                going_on = True
            else:
                going_on = False
                waiting = [row for row in writer.tx.select(RunRow, equal={"id": self.run}) if row.status == "waiting"]
                if not waiting and not self.halted:
                    self._buffer = [(made := draft(), self.ledger.encrypted(made))]
                    self._append(writer, release=True)
                else:
                    writer.tx.set_head(head._replace(holder=None, until=None))
        self._buffer = []
        self.length = head.length
        self.end = None
        self.released = not going_on
        return not going_on

    def forget_end(self) -> None:
        """Look up where the chain ends before the next write."""
        self.end = None

    def next_due(self) -> datetime | None:
        """When the first of the run's timers is due."""
        return min((due for due in self.waits.values() if due is not None), default=None)

    def guarded(self, do: Callable[[], T]) -> T:
        """What the process must not swallow is kept, and raised again at its next call and at its end."""
        try:
            return do()
        except UNSWALLOWABLE as error:
            self.broken = error
            raise

    def _renew(self) -> None:
        now = self.ledger.clock.now()
        if self._renew_at is None or now > self._renew_at:
            self.lease, self._renew_at = self.leases.renewed(self.lease, now), self.leases.renewal(now)

    def _append(self, writer: Writer, *, release: bool) -> Head:
        buffer: Sequence[tuple[Draft, Encrypted]] = self._buffer
        if any(parts.keys for _, parts in buffer) and is_open(writer.tx, self.run):
            buffer = under_living_keys(self.ledger.vault, writer.tx, buffer)
        writer.append_encrypted(self.run, buffer, lease=self.lease, release=release, after=self.end)
        return writer.end

    def _written(self, end: Head) -> None:
        self.end = end
        self.length += len(self._buffer)
        self._buffer = []
