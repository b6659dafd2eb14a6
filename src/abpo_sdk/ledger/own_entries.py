"""The ledger's entries about itself: what was erased, held, swept, reopened or exported, each kind in a scope of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from abpo_sdk.errors import Erased, LedgerBroken, LedgerError, NotCanonical
from abpo_sdk.ledger.encryption import Encrypted, encrypt
from abpo_sdk.ledger.entry import BODY, OWN_CHAIN, Draft, Entry, Kind, Place, entry_id
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.rows import ErasureRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.encoded import JsonValue


def scope_of(kind: Kind) -> str:
    """The scope of the ledger's own entries of a kind."""
    return f"{BODY}{kind}/"


def own_draft(reader: Reader, kind: Kind, payload: Mapping[str, JsonValue], at: datetime) -> Draft:
    """The next entry of a kind."""
    return Draft(Place(scope_of(kind), _count(reader, kind)), kind, kind, payload, at)


def own_entries(reader: Reader, kind: Kind, *, newest_first: bool = False) -> Iterator[Entry]:
    """The entries of a kind, one by one, up to the first that is missing (which `verify` names)."""
    ordinals = range(_count(reader, kind))
    for ordinal in reversed(ordinals) if newest_first else ordinals:
        entry = reader.entry(OWN_CHAIN, Place(scope_of(kind), ordinal))
        if entry is None:  # and an ordinal that was edited may be any number
            return
        yield entry


def _count(reader: Reader, kind: Kind) -> int:
    last = reader.last(OWN_CHAIN, scope_of(kind))
    if last is None:
        return 0
    if type(last.place.ordinal) is not int:
        raise LedgerBroken(
            f"the ledger is broken at {OWN_CHAIN!r}, entry {last.position}: it is filed at no number",
            chain=OWN_CHAIN,
            entry=last.position,
        )
    return last.place.ordinal + 1


def swept_before(reader: Reader) -> dict[str, str]:
    """For each kind of entry, the time before which payloads were swept."""
    times: dict[str, str] = {}
    for entry in own_entries(reader, "swept"):
        kind, before = _members(entry, "kind", "before")
        try:
            at = entry.head["at"]
        except (NotCanonical, LookupError, TypeError):
            _refuse(entry)
        if not isinstance(kind, str) or not isinstance(before, str) or not isinstance(at, str) or before > at:
            _refuse(entry)  # what is younger than the sweep was not swept
        times[kind] = max(before, times.get(kind, ""))
    return times


@dataclass(frozen=True, slots=True)
class Lost:
    """A checkpoint that a person gave up when they opened a ledger that is shorter than its anchor."""

    size: int
    root: bytes


def lost_checkpoints(reader: Reader) -> tuple[Lost, ...]:
    """The anchored checkpoints that a person gave up when they reopened the ledger.

    Only where a checkpoint covers the entry that says so: whoever has the file, and not the signer's key, could else append one
    that excuses whatever they cut off or rewrote.
    """
    lost: list[Lost] = []
    signed: int | None = None
    for entry in own_entries(reader, "reopened"):
        if signed is None:
            signed = max((row.size for row in reader.checkpoints() if type(row.size) is int), default=0)
        if type(entry.leaf) is not int or entry.leaf >= signed:
            continue
        (checkpoints,) = _members(entry, "lost")
        try:
            lost += [Lost(c["size"], bytes.fromhex(c["root"])) for c in checkpoints]
        except (LookupError, TypeError, ValueError):
            _refuse(entry)
    return tuple(lost)


def missing_keys(reader: Reader) -> frozenset[str]:
    """The keys that were missing, and not erased, when a person reopened the ledger."""
    found: set[str] = set()
    for entry in own_entries(reader, "reopened"):
        (keys,) = _members(entry, "missing")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            _refuse(entry)
        found.update(keys)
    return frozenset(found)


def finish_erasures(reader: Reader, vault: KeyProvider) -> None:
    """Delete the keys of erasures that a crash kept from their end, where that can be done here and now.

    Where it cannot (no master key, keys that are locked, an entry that was damaged), the ledger opens all the same: the next
    erasure finishes it, or says why not, and `verify` names what is left.
    """
    with suppress(LedgerError):
        delete_erased_keys(reader, vault)


def delete_erased_keys(reader: Reader, vault: KeyProvider) -> None:
    """Delete the keys that erasures say are deleted, and that are still there.

    Each erasure does so in the transaction that records it. So all before the newest that is done are done, too.

    Raises:
        StoreUnavailable, EncryptionError: the keys cannot be reached, or not be used.
        LedgerBroken: an erasure's entry does not hold what it should.
    """
    for entry in own_entries(reader, "erased", newest_first=True):
        (erased,) = _members(entry, "keys")
        if not isinstance(erased, list):
            _refuse(entry)
        keys = [key for key in erased if vault.key(key) is not None]
        if keys:
            vault.erase(keys)
        elif erased:
            return


def erased_among(reader: Reader, keys: Iterable[str]) -> list[str]:
    """Those of the keys that an erasure says are deleted."""
    return [key for key in keys if reader.select(ErasureRow, equal={"id": key})]


def under_living_keys(
    vault: KeyProvider, reader: Reader, drafts: Sequence[tuple[Draft, Encrypted]]
) -> Sequence[tuple[Draft, Encrypted]]:
    """What was encrypted before its transaction began, encrypted anew where a key was erased in between.

    Args:
        vault: the keys.
        reader: the transaction that is about to write.
        drafts: the entries, each with its encrypted parts.
    """
    anew = []
    for draft, parts in drafts:
        erased = erased_among(reader, parts.keys)
        if erased:
            vault.erase(erased)  # whoever erases may not have come that far
        anew.append((draft, encrypt(draft, vault) if erased else parts))
    return anew


def sweep_of(reader: Reader, entry: Entry) -> str | None:
    """The first sweep that an entry's payload fell to, by its identifier; None where there is none, or the payload is there."""
    if entry.payload is not None:
        return None
    for sweep in own_entries(reader, "swept"):
        kind, before = _members(sweep, "kind", "before")
        if kind == entry.kind and entry.head["at"] < before:
            return entry_id(OWN_CHAIN, sweep.place)
    return None


def _members(entry: Entry, *names: str) -> list[JsonValue]:
    try:
        content = entry.content
        return [content[name] for name in names]
    except (Erased, NotCanonical, LookupError, TypeError, AttributeError):
        _refuse(entry)


def _refuse(entry: Entry) -> NoReturn:
    raise LedgerBroken(
        f"the ledger is broken at {entry.chain!r}, entry {entry.position}: its payload does not hold what an entry of its kind holds",
        chain=entry.chain,
        entry=entry.position,
    ) from None
