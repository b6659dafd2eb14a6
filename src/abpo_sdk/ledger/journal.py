"""What every part of a ledger works with: the store, the keys, the clock, and the right to write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from abpo_sdk.errors import LedgerFrozen
from abpo_sdk.ledger.encryption import Encrypted, encrypt
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.group_commit import GroupCommit
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.store import Store
from abpo_sdk.ledger.writer import Writer
from abpo_sdk.values.clock import Clock

T = TypeVar("T")


class Journal:
    """A store with its keys and its clock.

    Args:
        store: where entries are kept.
        vault: where the keys of personal fields are kept.
        clock: tells the time of entries.
    """

    def __init__(self, store: Store, vault: KeyProvider, clock: Clock) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.frozen: str | None = None
        """Why nothing may be written until a person has reconciled the ledger with the world; None where it may."""
        self._group = GroupCommit(self.writing)

    def writing(self) -> Writer:
        """A transaction; what is appended in its block is durable, all of it, when the block ends without error.

        Raises:
            LedgerFrozen: the ledger is shorter than its anchor, or forked from it.
        """
        self.check_writable()
        return Writer(self.store.transaction(), self.vault)

    def commit(self, work: Callable[[Writer], T]) -> T:
        """Write something small, durable when this returns; what other threads have to write then shares the commit.

        Args:
            work: writes it; see `GroupCommit.write`.

        Raises:
            LedgerFrozen: as for `writing`.
        """
        return self._group.write(work)

    @contextmanager
    def lending(self) -> Iterator[Writer]:
        """`writing`, where others than the ledger write in the transaction, too.

        Raises:
            LedgerFrozen: as for `writing`.
        """
        with self.writing() as writer:
            self._group.lend(threading.get_ident())
            try:
                yield writer
            finally:
                self._group.lend(None)

    def joined(self, connection: Any) -> Writer:
        """The writes of a caller's own connection, without a block: what that caller commits is kept.

        Raises:
            LedgerFrozen: as for `writing`.
            DefinitionError: it is no connection to the ledger's database, or has no transaction.
        """
        self.check_writable()
        return Writer.joining(self.store.joined(connection), self.vault)

    def check_writable(self) -> None:
        """Raise `LedgerFrozen` where nothing may be written."""
        if self.frozen:
            raise LedgerFrozen(
                f"the ledger is frozen: {self.frozen}; it can be read; after a restored backup, compare it with what happened outside "
                "(ledger.reconcile(effects)), and then open it with ledger.reopen(by=..., because=...)"
            )

    def encrypted(self, draft: Draft) -> Encrypted:
        """The stored parts of an entry, personal ones encrypted; may be made before the transaction that writes it."""
        return encrypt(draft, self.vault)
