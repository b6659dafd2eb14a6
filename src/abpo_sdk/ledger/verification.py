"""Recomputes the evidence from the stored bytes, and names the first entry that does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from abpo_sdk.errors import LedgerBroken, NotCanonical
from abpo_sdk.ledger.canonical import canonical_bytes, parse_json
from abpo_sdk.ledger.entry import GENESIS, SCHEMA, Entry, payload_hash
from abpo_sdk.ledger.sealing import COMMITMENT, commitments, open_box
from abpo_sdk.ledger.store import Store
from abpo_sdk.ledger.vault import KeyProvider

HEADER_FIELDS = frozenset(
    {"at", "chain", "inputs", "kind", "name", "ordinal", "payload", "position", "previous", "schema", "scope"}
)


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
    """Check every chain.

    Raises:
        LedgerBroken: naming the first entry that was edited, dropped, swapped or inserted.
    """
    count = 0
    chains = 0
    named = set()
    for head in store.heads():
        named.add(head.chain)
        previous = GENESIS
        position = -1
        entries = store.entries(head.chain)
        for position, entry in enumerate(entries):
            _check(entry, position, previous, vault)
            previous = entry.hash
        if position + 1 != head.length or previous != head.hash:
            raise _broken(
                head.chain, position + 1, f"the chain should have {head.length} entries and has {position + 1}"
            )
        count += len(entries)
        chains += 1
    for chain in store.chains_with_entries():
        if chain not in named:
            raise _broken(chain, 0, "the end of its chain is not recorded")
    return Verification(count, chains)


def _check(entry: Entry, position: int, previous: str, vault: KeyProvider) -> None:
    chain = entry.chain
    try:
        head: Any = parse_json(entry.header)
        faithful = isinstance(head, dict) and canonical_bytes(head) == entry.header
    except (NotCanonical, TypeError):
        faithful = False
    if not faithful:
        raise _broken(chain, position, "its header is not the canonical JSON that was written")
    if head.get("schema") != SCHEMA or set(head) != HEADER_FIELDS:
        raise _broken(chain, position, f"its header has schema {head.get('schema')!r}, and this release knows {SCHEMA}")
    if (head["chain"], head["position"]) != (chain, position) or entry.position != position:
        raise _broken(
            chain, position, f"an entry that was written at {head['chain']!r}, {head['position']}, stands here"
        )
    if head["previous"] != previous:
        raise _broken(
            chain, position, "it does not follow the entry before it, so that one was edited, or another stood here"
        )
    if (head["scope"], head["ordinal"]) != (entry.place.scope, entry.place.ordinal):
        raise _broken(
            chain, position, f"it is filed at {entry.place}, and was written at {head['scope']}{head['ordinal']}"
        )
    if entry.payload is None or entry.salt is None:
        raise _broken(chain, position, "its payload is missing, and nothing says that it was erased")
    if payload_hash(entry.salt, entry.payload) != head["payload"]:
        raise _broken(chain, position, "its payload is not what was written")
    _check_sealed(entry, position, vault)


def _check_sealed(entry: Entry, position: int, vault: KeyProvider) -> None:
    try:
        boxes = commitments(entry)
        in_payload = dict(_commitments_in(entry.content))
    except (NotCanonical, KeyError, TypeError, AttributeError, ValueError):
        raise _broken(entry.chain, position, "what is sealed beside its payload cannot be read") from None
    if {path: box.get("commitment") for path, box in boxes.items()} != in_payload:
        raise _broken(entry.chain, position, "its payload has other sealed fields than lie beside it")
    for box in boxes.values():
        try:
            opened = open_box(entry, box, vault)
        except (KeyError, TypeError, ValueError, NotCanonical):
            raise _broken(entry.chain, position, f"its sealed {box.get('label', 'field')} cannot be read") from None
        if opened is None:
            raise _broken(
                entry.chain,
                position,
                f"the key of its sealed {box['label']} is missing, and nothing says that its subject was erased "
                "(is the file with the keys beside the ledger?)",
            )


def _commitments_in(tree: Any, path: tuple[str | int, ...] = ()) -> Any:
    if isinstance(tree, dict):
        if set(tree) == {COMMITMENT}:
            yield path, tree[COMMITMENT]
            return
        for key, value in tree.items():
            yield from _commitments_in(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _commitments_in(value, (*path, number))


def _broken(chain: str, position: int, reason: str) -> LedgerBroken:
    return LedgerBroken(f"the ledger is broken at {chain!r}, entry {position}: {reason}", chain=chain, entry=position)
