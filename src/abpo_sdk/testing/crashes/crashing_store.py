"""A store that dies before or after a write, at a crash point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from abpo_sdk.ledger import Entry, Store, Transaction
from abpo_sdk.ledger.rows import Head
from abpo_sdk.testing.crashes.crash_points import CrashTrace


class CrashingStore:
    """A store that dies before or after a write; once it is dead, nothing gets through any more.

    Args:
        store: where the writes go.
        trace: says where it dies.
    """

    def __init__(self, store: Store, trace: CrashTrace) -> None:
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
