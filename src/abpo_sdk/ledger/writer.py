"""Writes to a ledger: entries that are chained, and what they change, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from abpo_sdk.errors import LeaseLost
from abpo_sdk.ledger.encryption import Encrypted, encrypt
from abpo_sdk.ledger.entry import GENESIS, Draft, Entry, header_beginning, header_bytes, leaf_hash
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.projections import UNPROJECTED, project, project_keys
from abpo_sdk.ledger.rows import Head
from abpo_sdk.ledger.store import Transaction
from abpo_sdk.values.clock import to_text


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a chain, until another takes it over.

    Args:
        chain: the run.
        epoch: counts the leases of the run; the newest alone may write.
        holder: who has it.
        until: when it runs out unless it is renewed, as text in UTC.
    """

    chain: str
    epoch: int
    holder: str
    until: str


class Writer:
    """One transaction of the ledger: entries and what they change, all or nothing.

    `end` is the end of the chain that was written to last.

    Args:
        block: the store's transaction.
        vault: keeps the keys of personal fields.
    """

    __slots__ = ("_block", "_vault", "end", "tx")

    def __init__(self, block: AbstractContextManager[Transaction], vault: KeyProvider) -> None:
        self._block = block
        self._vault = vault

    @classmethod
    def joining(cls, tx: Transaction, vault: KeyProvider) -> Self:
        """Writes in a transaction that is in progress and another's to commit."""
        writer = cls(nullcontext(tx), vault)
        writer.tx = tx
        return writer

    def __enter__(self) -> Self:
        self.tx: Transaction = self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, trace)

    def append(self, chain: str, drafts: Sequence[Draft]) -> list[Entry]:
        """Add entries to the end of a chain, which is made where it is new."""
        encrypted: Sequence[tuple[Draft, Encrypted]] = [(draft, encrypt(draft, self._vault)) for draft in drafts]
        if any(parts.keys for _, parts in encrypted):
            from abpo_sdk.ledger.own_entries import under_living_keys

            encrypted = under_living_keys(self._vault, self.tx, encrypted)
        return self.append_encrypted(chain, encrypted)

    def begin(self, chain: str, first: tuple[Draft, Encrypted], *, lease: Lease | None = None) -> list[Entry]:
        """Make a chain with this first entry, under the first lease if there is one; no entries where there is one of this name."""
        head = Head(chain, GENESIS, 0, lease.epoch, lease.holder, lease.until) if lease else Head(chain, GENESIS, 0)
        entries, end = _chained([first], head, release=False)
        if not self.tx.add_head(end):
            there = self.tx.head(chain)
            if lease is None or there != end:
                return []
            self.end = end  # by a thread that was interrupted before it could say so; nobody else has this lease
            return entries
        self.end = end
        self._keep([first], entries)
        return entries

    def append_encrypted(
        self,
        chain: str,
        drafts: Sequence[tuple[Draft, Encrypted]],
        *,
        lease: Lease | None = None,
        release: bool = False,
        after: Head | None = None,
    ) -> list[Entry]:
        """`append`, of entries whose personal parts were encrypted before the transaction began.

        Args:
            chain: the run or key.
            drafts: the entries, each with its encrypted parts.
            lease: the lease under which a run's worker writes; one that is no longer the newest is refused.
            release: whether this write ends the lease.
            after: the end of the chain, as far as the holder of the lease knows; saves looking it up.

        Raises:
            LeaseLost: another worker has taken the run over.
        """
        if lease is not None and after is not None:
            head = Head(chain, after.hash, after.length, lease.epoch, lease.holder, lease.until)
            entries, end = _chained(drafts, head, release=release)
            if not self.tx.advance(end, length=head.length):  # somebody else wrote to the chain
                if self._is_there(end):  # a thread that was interrupted before it could say so
                    self.end = end
                    return entries
                return self.append_encrypted(chain, drafts, lease=lease, release=release)
        else:
            head = self.tx.head(chain) or Head(chain, GENESIS, 0)
            if lease is not None:
                if head.length and head.epoch != lease.epoch:
                    raise LeaseLost(
                        f"run {chain!r} was taken over by {head.holder or 'another worker'} (lease {head.epoch}, this one is {lease.epoch}); "
                        "what this worker was about to write was not kept"
                    )
                head = Head(chain, head.hash, head.length, lease.epoch, lease.holder, lease.until)
            entries, end = _chained(drafts, head, release=release)
            if lease is not None:
                self.tx.set_head(end)
            elif not (self.tx.advance(end, length=head.length) if head.length else self.tx.add_head(end)):
                return self.append_encrypted(
                    chain, drafts
                )  # a caller's own transaction, which holds no lock, was quicker
        self.end = end
        self._keep(drafts, entries)
        return entries

    def _is_there(self, end: Head) -> bool:
        """Whether a chain ends with just these entries, written under the same lease."""
        there = self.tx.head(end.chain)
        return there is not None and (there.hash, there.length, there.epoch) == (end.hash, end.length, end.epoch)

    def _keep(self, drafts: Sequence[tuple[Draft, Encrypted]], entries: Sequence[Entry]) -> None:
        self.tx.append(entries)
        for entry, (draft, parts) in zip(entries, drafts, strict=True):
            if parts.keys:
                project_keys(self.tx, entry.chain, parts.keys)
            if draft.kind not in UNPROJECTED:
                project(
                    self.tx,
                    chain=entry.chain,
                    place=draft.place,
                    kind=draft.kind,
                    name=draft.name,
                    at=to_text(draft.at),
                    entry_hash=entry.hash,
                    source=draft,
                )


def _chained(drafts: Sequence[tuple[Draft, Encrypted]], head: Head, *, release: bool) -> tuple[list[Entry], Head]:
    """The entries that follow the end of a chain, and its new end."""
    chain, previous, length = head.chain, head.hash, head.length
    entries = []
    moment, beginning = None, ""
    for draft, parts in drafts:
        if draft.at is not moment:  # what is written together often happened at one time
            moment, beginning = draft.at, header_beginning(chain, to_text(draft.at))
        header = header_bytes(draft, parts, beginning, length, previous)
        entries.append(Entry(chain, length, draft.place, header, parts.payload, parts.salt, parts.ciphertext))
        previous = leaf_hash(header)
        length += 1
    holder, until = (None, None) if release else (head.holder, head.until)
    return entries, Head(chain, previous, length, head.epoch, holder, until)
