"""Sweeping: payloads whose time is over are removed, and their headers stay, so that the chains and the tree hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, islice
from typing import get_args

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.entry import OWN_CHAIN, Kind, entry_id
from abpo_sdk.ledger.erasure import check_said, holds_on, is_open, keys_in
from abpo_sdk.ledger.journal import Journal
from abpo_sdk.ledger.own_entries import own_draft
from abpo_sdk.ledger.rebuilding import rebuild_chain
from abpo_sdk.ledger.review_projection import ASKED
from abpo_sdk.ledger.rows import ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import to_text

OWN: tuple[Kind, ...] = (
    "erased",
    "held",
    "released",
    "swept",
    "reopened",
    "exported",
    "delegated",
    "undelegated",
    "stopped",
    "restarted",
    "seeded",
    "declared",
)
"""The kinds of the ledger's own entries."""

AT_ONCE = 500
"""How many chains are swept in one transaction, so that other writers come through in between."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was swept.

    Args:
        entry: the entry that says so, by its identifier.
        payloads: how many payloads were removed.
        open: how many runs were left alone, because they have not ended, or records, because their review is open.
        held: how many runs or records were left alone, because of a legal hold.
    """

    entry: str
    payloads: int
    open: int
    held: int

    def __str__(self) -> str:
        return (
            f"{self.payloads:,} payloads swept; {self.open:,} open runs and {self.held:,} runs or records on legal hold were left alone; "
            f"see entry {self.entry}"
        )


def retain(journal: Journal, kind: str, for_: timedelta, *, by: str, because: str) -> Sweep:
    """Remove the payloads of a kind that are older than a time; see `Ledger.retain`."""
    check_said(by=by, because=because)
    kinds = [known for known in get_args(Kind) if known not in OWN]
    if kind not in kinds:
        what = "is the ledger's own record, which is kept" if kind in OWN else "is no kind of entry"
        raise DefinitionError(f"{kind!r} {what}; what can be swept are {', '.join(kinds)}")
    if not isinstance(for_, timedelta) or for_ < timedelta(0):
        raise DefinitionError(f"for_={for_!r} is no time to keep something; give a timedelta of zero or more")
    now = journal.clock.now()
    try:
        before = to_text(now - for_)
    except OverflowError:
        raise DefinitionError(
            f"for_={for_!r} reaches back before all time; what is kept for ever needs no sweep"
        ) from None
    with journal.writing() as writer:
        payload = {"because": because, "before": before, "by": by, "kind": kind}
        draft = own_draft(writer.tx, "swept", payload, now)
        writer.append(OWN_CHAIN, [draft])  # the entry first: what a crash leaves over is swept the next time
    payloads, counts = 0, {"open": 0, "held": 0}
    with journal.store.snapshot() as reader:
        overdue = _overdue(reader, kind, before)
        while batch := list(islice(overdue, AT_ONCE)):
            with journal.writing() as writer:
                for chain, positions in batch:
                    kept = why_kept(writer.tx, chain)
                    if kept:
                        counts[kept] += 1
                        continue
                    for position in positions:
                        writer.tx.forget(chain, position)
                    rebuild_chain(writer.tx, chain)
                    payloads += len(positions)
    journal.store.scrub()
    return Sweep(entry_id(OWN_CHAIN, draft.place), payloads, counts["open"], counts["held"])


def why_kept(reader: Reader, chain: str) -> str | None:
    """Why a chain is left alone by sweeps: "open", "held", or None."""
    if is_open(reader, chain) or any(row.status in ASKED for row in reader.select(ReviewRow, equal={"chain": chain})):
        return "open"
    return "held" if holds_on(reader, keys_in(reader, chain)) else None


def _overdue(reader: Reader, kind: str, before: str) -> Iterator[tuple[str, list[int]]]:
    """The chains with payloads of a kind from before a time, and where these are."""
    mark = f'"kind":"{kind}"'.encode()
    for chain, entries in groupby(reader.scan(), key=lambda entry: entry.chain):
        if chain == OWN_CHAIN:
            continue
        positions = [
            entry.position
            for entry in entries
            if entry.payload is not None and mark in entry.header and entry.kind == kind and entry.head["at"] < before
        ]
        if positions:
            yield chain, positions
