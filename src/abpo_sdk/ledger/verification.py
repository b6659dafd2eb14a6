"""Recomputes the evidence from the stored bytes, and names the first entry that does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from abpo_sdk.errors import LedgerBroken, NotCanonical
from abpo_sdk.ledger.entry import GENESIS, SCHEMA, Entry, payload_hash, sealed_hash
from abpo_sdk.ledger.rebuilding import differing_row
from abpo_sdk.ledger.rows import Head
from abpo_sdk.ledger.sealing import COMMITMENT, boxes, inputs_salt, open_box
from abpo_sdk.ledger.store import Store
from abpo_sdk.ledger.vault import KeyProvider
from abpo_sdk.values.canonical import canonical_bytes, parse_json

HEADER_FIELDS = frozenset(
    {"at", "chain", "inputs", "kind", "name", "ordinal", "payload", "position", "previous", "schema", "scope", "sealed"}
)

KEY_MISSING = "is missing, and nothing says that its subject was erased (is the file with the keys beside the ledger?)"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified.

    Args:
        entries: how many entries fit their chains and payloads.
        chains: in how many chains (runs, or keys of decisions recorded without one).
        sealed: how many of the entries are under a checkpoint of the whole ledger.
        anchored: how many of them are under one that is kept elsewhere.
        erased: how many personal fields can no longer be read, because their subject was erased.

    What is not sealed is protected by its own chain alone: a whole chain that someone removed is not missed.
    """

    entries: int
    chains: int
    sealed: int = 0
    anchored: int = 0
    erased: int = 0

    @property
    def unsealed(self) -> int:
        """How many entries are not yet under a checkpoint."""
        return self.entries - self.sealed

    def __str__(self) -> str:
        return (
            f"{self.entries:,} entries in {self.chains:,} chains: {self.sealed:,} sealed, {self.unsealed:,} not yet sealed, "
            f"{self.anchored:,} anchored, {self.erased:,} erased"
        )


def verify(store: Store, vault: KeyProvider) -> Verification:
    """Check every chain, and the runs, reviews and decisions that are made from it, also while others write to it.

    Raises:
        LedgerBroken: naming the first entry that was edited, dropped, swapped or inserted, or the first row of a run,
            review or decision that is not what the entries say.
    """
    count = 0
    named = set()
    for head in store.heads():
        named.add(head.chain)
        count += _check_chain(store, head, vault)
    for chain in (*store.chains_with_entries(), *store.chains_with_rows()):
        if chain not in named:
            begun = store.head(chain)
            if begun is None:
                raise _broken(chain, 0, "the end of its chain is not recorded")
            named.add(chain)
            count += _check_chain(store, begun, vault)
    return Verification(count, len(named))


def _check_chain(store: Store, head: Head, vault: KeyProvider) -> int:
    """Check one chain; gives the number of its entries."""
    head, entries = _at_one_moment(store, head)
    if type(head.length) is not int or not isinstance(head.chain, str):
        raise _broken(head.chain, 0, "the record of the end of its chain was damaged")
    headers = [_parsed(entry) for entry in entries]
    hashes = [entry.hash if header is not None else None for entry, header in zip(entries, headers, strict=True)]
    for position, (entry, header) in enumerate(zip(entries, headers, strict=True)):
        if header is None:
            raise _broken(head.chain, position, "its header is not the canonical JSON that was written")
        if position == head.length:
            raise _broken(head.chain, position, f"the chain should end before it, with {head.length} entries")
        _check_header(entry, header, position)
        if header["previous"] != (hashes[position - 1] if position else GENESIS):
            raise _broken(head.chain, position, "it names another entry before it than stands there")
        _check_payload(entry, header, position)
        _check_sealed(entry, header, position, vault)
        if position == head.length - 1:
            if hashes[position] != head.hash:
                raise _broken(
                    head.chain,
                    position,
                    "it is not the entry that is recorded as the end of its chain; one of them was edited",
                )
        elif hashes[position] != _named_by_next(headers, position) and _vouched(head, headers, hashes, position + 1):
            raise _broken(head.chain, position, "it is not the entry that the one after it names, so it was edited")
    if len(entries) != head.length:
        raise _broken(
            head.chain,
            len(entries),
            f"it is missing; the chain should have {head.length} entries and has {len(entries)}",
        )
    _check_rows(store, head, entries, vault)
    return len(entries)


def _check_rows(store: Store, head: Head, entries: list[Entry], vault: KeyProvider) -> None:
    wrong = differing_row(store, head.chain, entries)
    if wrong is None:
        return
    now = store.head(head.chain)
    if now is not None and now.length > head.length:  # somebody wrote meanwhile, so look at both again
        _check_chain(store, now, vault)
        return
    raise LedgerBroken(f"the ledger is broken at {head.chain!r}: the table {wrong}", chain=head.chain)


def _at_one_moment(store: Store, head: Head) -> tuple[Head, list[Entry]]:
    """The end of a chain and the entries that it had then."""
    while True:
        entries = store.entries(head.chain)
        now = store.head(head.chain)
        if now is None or (now.length, now.hash) == (head.length, head.hash):
            return head, entries
        head = now


def _parsed(entry: Entry) -> dict[str, Any] | None:
    """A header, if its bytes are the canonical form of one."""
    try:
        header = parse_json(entry.header)
        if isinstance(header, dict) and canonical_bytes(header) == entry.header:
            return header
    except (NotCanonical, TypeError):
        pass
    return None


def _named_by_next(headers: Sequence[dict[str, Any] | None], position: int) -> Any:
    after = headers[position + 1] if position + 1 < len(headers) else None
    return after.get("previous") if after is not None else None


def _vouched(head: Head, headers: Sequence[dict[str, Any] | None], hashes: Sequence[str | None], position: int) -> bool:
    """Whether the entry at a position belongs there, to judge by its own header and by what follows it."""
    if position >= len(headers):
        return False
    header = headers[position]
    if header is None or (header.get("chain"), header.get("position")) != (head.chain, position):
        return False
    expected = head.hash if position == head.length - 1 else _named_by_next(headers, position)
    return hashes[position] == expected


def _check_header(entry: Entry, header: dict[str, Any], position: int) -> None:
    chain = entry.chain
    if header.get("schema") != SCHEMA or set(header) != HEADER_FIELDS:
        raise _broken(
            chain, position, f"its header has schema {header.get('schema')!r}, and this release knows {SCHEMA}"
        )
    if (header["chain"], header["position"]) != (chain, position) or entry.position != position:
        raise _broken(
            chain, position, f"an entry that was written at {header['chain']!r}, {header['position']}, stands here"
        )
    if (header["scope"], header["ordinal"]) != (entry.place.scope, entry.place.ordinal):
        raise _broken(
            chain, position, f"it is filed at {entry.place}, and was written at {header['scope']}{header['ordinal']}"
        )


def _check_payload(entry: Entry, header: dict[str, Any], position: int) -> None:
    if entry.payload is None or entry.salt is None:
        raise _broken(entry.chain, position, "its payload is missing, and nothing says that it was erased")
    try:
        faithful = payload_hash(entry.salt, entry.payload) == header["payload"]
    except TypeError:  # the column holds something else than bytes
        faithful = False
    if not faithful:
        raise _broken(entry.chain, position, "its payload, or the payload's salt, is not what was written")


def _check_sealed(entry: Entry, header: dict[str, Any], position: int, vault: KeyProvider) -> None:
    try:
        faithful = sealed_hash(entry.sealed) == header["sealed"]
    except TypeError:
        faithful = False
    if not faithful:
        raise _broken(entry.chain, position, "what is sealed beside its payload is not what was written")
    if entry.sealed is None:
        return
    try:
        for box, commitment in boxes(entry):
            if commitment != {COMMITMENT: box["commitment"]}:
                raise _broken(entry.chain, position, f"its payload has no commitment to the sealed {box['label']}")
            if open_box(entry, box, vault) is None:
                raise _broken(entry.chain, position, f"the key of its sealed {box['label']} {KEY_MISSING}")
        if inputs_salt(entry, vault) is None:
            raise _broken(entry.chain, position, f"a key of the sealed salt of its inputs {KEY_MISSING}")
    except (NotCanonical, LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
        raise _broken(entry.chain, position, "what is sealed beside its payload cannot be read") from None


def _broken(chain: str, position: int, reason: str) -> LedgerBroken:
    return LedgerBroken(f"the ledger is broken at {chain!r}, entry {position}: {reason}", chain=chain, entry=position)
