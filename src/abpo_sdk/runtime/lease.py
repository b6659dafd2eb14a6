"""Leases: one worker at a time advances a run, and one that was given up on cannot write any more."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from abpo_sdk.errors import AbpoError, RunBusy, UnknownRun
from abpo_sdk.ledger import Lease, Ledger
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.values.clock import to_text


def this_holder() -> str:
    """An identifier for one holding: host, process, the process's start, and a nonce."""
    return f"{_process(os.getpid())}|{secrets.token_hex(4)}"


@lru_cache(maxsize=1)
def _process(pid: int) -> str:
    return f"{socket.gethostname()}|{pid}|{_stat(pid)[1] or ''}"


def is_dead(holder: str) -> bool:
    """Whether a holder is a process of this host that no longer lives; False where that cannot be told."""
    host, pid, started, _ = holder.split("|")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    state, now = _stat(int(pid))
    if state in ("Z", "X"):  # it is dead, and its parent has not noticed yet
        return True
    return bool(started and now and started != now)  # another process has the number now


def _stat(pid: int) -> tuple[str | None, str | None]:
    """The state of a process, and when it started."""
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return parts[0], parts[19]
    except (OSError, IndexError):  # no such file system here: then the process number alone has to do
        return None, None


class Leases:
    """Hands out leases on the runs of a ledger.

    Args:
        ledger: where the runs are.
        duration: how long a lease lasts; a write renews it once a quarter of that is over.
        dead: tells of a holder whether it certainly lives no more.
    """

    def __init__(self, ledger: Ledger, duration: timedelta, *, dead: Callable[[str], bool] = is_dead) -> None:
        self._ledger = ledger
        self._duration = duration
        self.dead = dead
        self._given_up: set[str] = set()

    def until(self) -> str:
        """When a lease that is given now runs out."""
        return self._end(self._ledger.clock.now())

    def renewed(self, lease: Lease, now: datetime) -> Lease:
        """The lease with a new end."""
        return replace(lease, until=self._end(now))

    def renewal(self, now: datetime) -> datetime:
        """When a lease that is given or renewed now should be renewed: once a quarter of its time is over."""
        return now.astimezone(UTC) + self._duration / 4

    def _end(self, now: datetime) -> str:
        return to_text(now.astimezone(UTC) + self._duration)  # elsewhere, a minute may last an hour

    def fresh(self, run: str) -> Lease:
        """The first lease of a run that is about to be started."""
        return Lease(run, 1, this_holder(), self.until())

    def acquire(self, run: str, *, status: str | None = None, version: str | None = None) -> Lease:
        """Take the lease of a run.

        Args:
            run: the run.
            status: what the run must still be, since another worker may have brought it to another; None for anything.
            version: of the code that it must still run with.

        Raises:
            RunBusy: another worker holds it, and is not known to be dead or late; or has brought it to another status.
            UnknownRun: there is no such run.
        """
        lease = Lease(run, 0, this_holder(), self.until())
        try:
            return self._acquire(lease, status, version)
        except (RunBusy, UnknownRun):
            raise
        except BaseException:
            self.forget(lease)
            raise

    def _acquire(self, lease: Lease, status: str | None, version: str | None) -> Lease:
        run = lease.chain
        with self._ledger.writing() as writer:
            head = writer.tx.head(run)
            if head is None:
                raise UnknownRun(f"there is no run {run!r}")
            if self.held(head.holder, head.until):
                raise RunBusy(f"run {run!r} is being advanced by {head.holder}")
            for row in writer.tx.select(RunRow, equal={"id": run}):
                if status is not None and row.status != status:
                    raise RunBusy(f"run {run!r} is {row.status} by now, another worker has advanced it")
                if version is not None and row.version != version:
                    raise RunBusy(f"run {run!r} goes on with version {row.version} of its code by now")
            lease = replace(lease, epoch=head.epoch + 1)
            writer.tx.set_head(head._replace(epoch=lease.epoch, holder=lease.holder, until=lease.until))
        return lease

    def forget(self, lease: Lease) -> None:
        """This worker does not hold a lease, although it may be kept that it does: taking it was interrupted, perhaps after that."""
        self._given_up.add(lease.holder)

    def release(self, lease: Lease) -> None:
        """Give a lease back, unless it was lost meanwhile."""
        with self._ledger.writing() as writer:
            head = writer.tx.head(lease.chain)
            if head is not None and (head.epoch, head.holder) == (lease.epoch, lease.holder):
                writer.tx.set_head(head._replace(holder=None, until=None))

    def give_up(self, lease: Lease) -> None:
        """`release`; where the ledger cannot be written, this worker at least knows that it holds the lease no more."""
        try:
            self.release(lease)
        except AbpoError:
            self._given_up.add(lease.holder)

    def held(self, holder: str | None, until: str | None) -> bool:
        """Whether a lease is in force."""
        if holder is None or until is None or holder in self._given_up:
            return False
        return until > to_text(self._ledger.clock.now()) and not self.dead(holder)
