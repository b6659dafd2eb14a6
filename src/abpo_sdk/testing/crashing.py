"""Dies on purpose: points by which a run comes, each known by what it is, and a store that can die at them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from abpo_sdk.ledger import Entry, Store, Transaction
from abpo_sdk.ledger.rows import Head
from abpo_sdk.runtime import Moment


class Crash(BaseException):
    """The process is gone; no `Exception`, since no code of a dead process runs on."""


class Trace:
    """By which points one life of a runtime comes, and at which of them it dies.

    A point is named for what happens there and where in the process that stands, not for how many came before it: what
    runs side by side comes by in any order.

    Args:
        dies: whether it dies at a point.
    """

    def __init__(self, dies: Callable[[str], bool] = lambda _: False) -> None:
        self.points: list[str] = []
        self.dead = False
        self._dies = dies
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def check_alive(self) -> None:
        """Raise `Crash` where it has died: in its other threads, too."""
        if self.dead:
            raise Crash

    def reach(self, point: str, *others: str) -> None:
        """Be at a point, and die there where that is so.

        Args:
            point: its name.
            *others: what else it may be called: of entries that are written together, any may be the last.
        """
        with self._lock:
            self.check_alive()
            self.points.append(point)
            if any(map(self._dies, (point, *others))):
                self.dead = True
                raise Crash

    def effect(self, moment: Moment) -> None:
        """Be before or after the effect of a step, as `TestRuntime.observe` tells."""
        when = {"call begins": "before", "call returned": "after"}.get(moment.what)
        if when is None or not moment.effect:
            return
        what = f"step {moment.name!r} at {moment.place}"
        number = self.count(f"{when} {what}")
        self.reach(f"{when} the effect of {what}" + (f", attempt {number}" if number > 1 else ""))

    def count(self, what: str) -> int:
        """How often this has come by, now included."""
        with self._lock:
            self._counts[what] = number = self._counts.get(what, 0) + 1
        return number


class CrashingStore:
    """A store that dies before or after a write; once it is dead, nothing gets through any more.

    Args:
        store: where the writes go.
        trace: says where it dies.
    """

    def __init__(self, store: Store, trace: Trace) -> None:
        self._store = store
        self._trace = trace

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A write."""
        self._trace.check_alive()
        with self._store.transaction() as tx:
            writes = _Writes(tx)
            yield writes
            self._reach("before", writes.names)
        self._reach("after", writes.names)

    def _reach(self, moment: str, names: Sequence[str]) -> None:
        if names:
            self._trace.reach(*(f"{moment} the write of {name}" for name in reversed(names)))
        else:  # where two branches are about to write the same, the later one writes nothing
            self._trace.check_alive()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Writes:
    """One write, which remembers the entries that were added: it is written for the last, and the others were kept until then.

    A write without entries is known by the lease that is taken or given back in it.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._entries: list[str] = []
        self._lease: list[str] = []

    @property
    def names(self) -> list[str]:
        """What is written."""
        return self._entries or self._lease

    def append(self, entries: Sequence[Entry]) -> None:
        self._tx.append(entries)
        self._entries += [f"{entry.kind} {entry.name!r} at {entry.place}" for entry in entries]

    def set_head(self, head: Head) -> None:
        self._tx.set_head(head)
        self._lease = [f"lease {head.epoch}, {'given back' if head.holder is None else 'taken'}"]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)
