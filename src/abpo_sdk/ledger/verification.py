"""Recomputes the evidence from the stored bytes, and names the first entry that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

from abpo_sdk.errors import LedgerBroken, NotCanonical
from abpo_sdk.ledger.chain_check import ChainChecker
from abpo_sdk.ledger.entry import Entry, entry_of
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.own_entries import lost_checkpoints, missing_keys, swept_before
from abpo_sdk.ledger.rebuilding import differing_row
from abpo_sdk.ledger.rows import CHAIN
from abpo_sdk.ledger.store import Reader, Store
from abpo_sdk.ledger.transparency.note import Verifier
from abpo_sdk.ledger.tree_check import (
    LeafHashes,
    check_headers,
    check_kept,
    check_lengths,
    check_notes,
    check_tiles,
    missing_leaf,
    signed_notes,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified.

    Args:
        entries: how many entries fit their chains and payloads.
        chains: in how many chains (runs, or keys of decisions recorded without one).
        sealed: how many of the entries are under a checkpoint of the whole ledger.
        anchored: how many of them are under one that the anchor holds; of an anchor that cannot be read back, under one that
            the ledger says it was given.
        erased: how many personal fields can no longer be read, because their subject was erased.
        swept: how many payloads were removed, because the time to keep them was over.

    What is not sealed is protected by its own chain alone: a whole chain that someone removed is not missed.
    """

    entries: int
    chains: int
    sealed: int = 0
    anchored: int = 0
    erased: int = 0
    swept: int = 0

    @property
    def unsealed(self) -> int:
        """How many entries are not yet under a checkpoint."""
        return self.entries - self.sealed

    def __str__(self) -> str:
        text = (
            f"{self.entries:,} entries in {self.chains:,} chains: {self.sealed:,} sealed, {self.unsealed:,} not yet sealed, "
            f"{self.anchored:,} anchored, {self.erased:,} erased"
        )
        return f"{text}, {self.swept:,} swept" if self.swept else text


def verify(
    store: Store,
    vault: KeyProvider | None,
    *,
    verifiers: Sequence[Verifier] = (),
    anchored: Callable[[], Iterable[str] | None] = tuple,
) -> Verification:
    """Check the tree, every chain, and what is made from the entries; also while others write.

    Args:
        store: the store.
        vault: the keys of personal fields; None to check all but what is encrypted.
        verifiers: the public keys that may have signed checkpoints, all of one name.
        anchored: gives the checkpoints that are kept elsewhere; None where they cannot be read back.

    Raises:
        LedgerBroken: naming the first entry that was edited, dropped, swapped or inserted, or the first row of a run,
            review or decision that is not what the entries say.
    """
    read = anchored()  # before the moment that is looked at: what is anchored later is not missed then
    notes = list(read or ())
    with store.snapshot() as reader:
        size = reader.size()
        tree_problem = _problem(lambda: check_tiles(reader, size))
        checker = ChainChecker(
            reader, LeafHashes(reader, size), vault, swept_before(reader), missing_keys(reader), now=store
        )
        chains = _check_chains(reader, checker)
        if checker.counts.leaves != size:
            raise _missing_leaf(reader)
        rows, lost = reader.checkpoints(), lost_checkpoints(reader)
        check_lengths(size, signed_notes(rows), verifiers, where="the ledger")
        check_lengths(size, notes, verifiers, where="the anchor", lost=lost)
        if tree_problem:
            raise tree_problem
        sealed = check_notes(reader, size, signed_notes(rows), verifiers, where="the ledger")
        under_anchor = check_notes(reader, size, notes, verifiers, where="the anchor", lost=lost)
        check_kept(size, rows, notes, verifiers, lost)
        if read is None:  # then the ledger's own word is all there is
            under_anchor = max((row.size for row in rows if row.anchored), default=0)
        reader.check_storage()
    counts = checker.counts
    return Verification(counts.entries, chains, sealed, under_anchor, counts.erased, counts.swept)


def _problem(check: Callable[[], None]) -> LedgerBroken | None:
    """What is wrong with the tree; raised last, since an entry that was edited says more."""
    try:
        check()
    except LedgerBroken as error:
        return error
    return None


def _check_chains(reader: Reader, checker: ChainChecker) -> int:
    """Check every chain that has an end, an entry or a row; gives how many there are."""
    heads = Groups(reader.heads(), attrgetter("chain"))
    entries = Groups(reader.stored(), itemgetter(0))
    rows = {kind: Groups(reader.rows(kind, order=column), attrgetter(column)) for kind, column in CHAIN.items()}
    sources: list[Groups[Any]] = [heads, entries, *rows.values()]
    chains = 0
    while sources := [source for source in sources if source.chain is not None]:
        chain = _first(sources)
        chains += 1
        head = next(heads.take(chain), None)
        if head is None:
            first = next(entries.take(chain), None)
            raise _without_end(chain, entry_of(first) if first else None)
        made = checker.check(head, entries.take(chain))
        stored = {kind: list(groups.take(chain)) for kind, groups in rows.items() if groups.chain == chain}
        if made or stored:
            wrong = differing_row(made, stored)
            if wrong is not None:
                raise LedgerBroken(f"the ledger is broken at {chain!r}: the table {wrong}", chain=chain)
        for groups in sources:
            if groups.chain == chain:
                groups.leave()
    return chains


def _first(sources: Sequence[Groups[Any]]) -> Any:
    """The first of the chains that the sources come to next."""
    first = sources[0].chain
    if all(source.chain == first for source in sources):
        return first
    return min((source.chain for source in sources), key=_order)


def _without_end(chain: Any, first: Entry | None) -> LedgerBroken:
    """What is wrong with a chain whose end is not recorded: often its only entry is another chain's."""
    entry, reason = 0, "the end of its chain is not recorded"
    if first is not None:
        with suppress(NotCanonical, LookupError, TypeError):
            written = first.head["chain"], first.head["position"]
            if written[0] != chain:
                (chain, entry), reason = written, f"it is filed under {chain!r}"
    return LedgerBroken(f"the ledger is broken at {chain!r}, entry {entry}: {reason}", chain=chain, entry=entry)


def _order(chain: Any) -> tuple[bool, Any]:
    return (not isinstance(chain, str), chain)


class Groups(Generic[T]):
    """Items in the order of their chains, taken chain by chain without holding them all.

    Args:
        items: in that order.
        of: gives the chain of an item.
    """

    def __init__(self, items: Iterator[T], of: Callable[[T], Any]) -> None:
        self._groups = groupby(items, of)
        self.chain: Any = None
        self._items: Iterator[T] = iter(())
        self.leave()

    def leave(self) -> None:
        """Go on to the next chain; None at the end."""
        self.chain, self._items = next(self._groups, (None, iter(())))

    def take(self, chain: Any) -> Iterator[T]:
        """The items of a chain; none where it is not the one at hand."""
        return self._items if self.chain == chain else iter(())


def verify_headers(
    store: Store, *, verifiers: Sequence[Verifier] = (), anchored: Callable[[], Iterable[str] | None] = tuple
) -> int:
    """Make the roots of the checkpoints again from the stored headers alone; see `Ledger.verify_headers`."""
    notes = list(anchored() or ())
    with store.snapshot() as reader:
        size = reader.size()
        signed = signed_notes(reader.checkpoints())
        lost = lost_checkpoints(reader)
        sealed = check_headers(reader, size, signed, verifiers, where="the ledger")
        check_headers(reader, size, notes, verifiers, where="the anchor", lost=lost)
    return sealed


def _missing_leaf(reader: Reader) -> LedgerBroken:
    """Names the first position of the tree whose entry is gone."""
    expected = 0
    for leaf, _ in reader.headers():
        if leaf != expected:
            break
        expected += 1
    return missing_leaf(expected)
