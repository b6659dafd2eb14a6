"""Storage to be checked: makes stores, opens them again, and closes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from abpo_sdk.errors import AbpoError
from abpo_sdk.ledger.store import Store
from abpo_sdk.testing.expectations import SkippedError


@dataclass
class Storage:
    """Makes the stores of one check, and closes them.

    Args:
        make: gives a new, empty store.
        again: opens what a store is kept in once more.
        connect: opens a caller's own connection to what a store is kept in.
    """

    make: Callable[[], Store]
    again: Callable[[Store], Store] | None
    connect: Callable[[Store], Any] | None
    _stack: ExitStack = field(default_factory=ExitStack)

    def new(self) -> Store:
        """A new, empty store."""
        store = self.make()
        self._stack.callback(store.close)
        return store

    def reopened(self, store: Store) -> Store:
        """Another store over the same storage."""
        if self.again is None:
            raise SkippedError("needs again=, which opens the same storage once more")
        other = self.again(store)
        self._stack.callback(other.close)
        return other

    def connection(self, store: Store) -> Any:
        """A caller's own connection to a store's database."""
        if self.connect is None:
            raise SkippedError("needs connect=, which opens a connection to the same database")
        made = self.connect(store)
        self._stack.callback(made.close)
        return made

    def close(self) -> None:
        """Close them all, whatever state they are in."""
        with contextlib.suppress(AbpoError):
            self._stack.close()
