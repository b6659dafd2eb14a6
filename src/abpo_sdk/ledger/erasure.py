"""Forgetting a person, and what forbids it: keys are deleted, and the ledger says when, by whom and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from abpo_sdk.errors import DefinitionError, OnHold
from abpo_sdk.ledger.entry import LIFE, OWN_CHAIN, Draft, Place, entry_id
from abpo_sdk.ledger.journal import Journal
from abpo_sdk.ledger.own_entries import delete_erased_keys, erased_among, own_draft, scope_of
from abpo_sdk.ledger.rows import OPEN, ErasureRow, HoldRow, RunRow, SubjectRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.ledger.writer import Writer
from abpo_sdk.values.encoded import JsonValue


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased.

    Args:
        entry: the entry that says so, by its identifier.
        at: when.
        by: who did it.
        because: why.
        keys: the identifiers of the keys that were deleted; none where nothing personal of the subject was stored.
        chains: how many runs (or keys of decisions) held something of the subject.
        abandoned: the runs that were open and cannot go on without what was erased.
    """

    entry: str
    at: datetime
    by: str
    because: str
    keys: tuple[str, ...]
    chains: int
    abandoned: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"erased on {self.at:%Y-%m-%d %H:%M} UTC by {self.by} ({self.because}): {len(self.keys)} keys, "
            f"content in {self.chains:,} runs or records, {len(self.abandoned)} open runs abandoned; see entry {self.entry}"
        )


def erase(journal: Journal, subject: str, *, by: str, because: str) -> Receipt:
    """Delete the keys of a subject; see `Ledger.erase`.

    The entry comes first, and the keys go when it is durable: a key that is gone without an entry would be a broken ledger. All
    else is looked up within that transaction, in which nobody else writes, so that no hold and no other erasure comes in between.
    """
    check_said(subject=subject, by=by, because=because)
    with journal.writing() as writer:
        own = journal.vault.identifiers(subject)
        check_not_held(writer.tx, own)
        chains = chains_of(writer.tx, own)
        keys = list(dict.fromkeys((*own, *_keys_of_messages(journal, writer.tx, chains))))
        delete_erased_keys(writer.tx, journal.vault)
        now = journal.clock.now()
        payload = {"because": because, "by": by, "keys": keys}
        draft = own_draft(writer.tx, "erased", payload, now)
        entry = entry_id(OWN_CHAIN, draft.place)
        abandoned = tuple(chain for chain in chains if _abandon(writer, chain, by, entry, now))
        writer.append(OWN_CHAIN, [draft])
    journal.vault.erase(keys)  # a crash before is finished when the ledger is opened again
    return Receipt(entry, now, by, because, tuple(keys), len(chains), abandoned)


def _keys_of_messages(journal: Journal, reader: Reader, chains: Iterable[str]) -> Iterator[str]:
    """The keys of the messages of errors in runs that hold something of a subject: nobody knows what those repeat.

    Raises:
        OnHold: such a run also holds something of another subject, which is on hold, and a message may repeat that.
    """
    for chain in chains:
        keys = journal.vault.identifiers(run_subject(chain))
        if keys:
            check_not_held(
                reader, keys_in(reader, chain), of=f"messages of errors in run {chain!r}, which go with this subject,"
            )
            yield from keys


def hold(journal: Journal, subject: str, matter: str, by: str) -> str:
    """Forbid to erase or sweep what belongs to a subject; see `Ledger.hold`."""
    check_said(subject=subject, matter=matter, by=by)
    with journal.writing() as writer:
        there = journal.vault.identifiers(subject)
        erased = erased_among(writer.tx, there)
        journal.vault.erase(erased)  # so that no key is held that is about to go
        keys = [key for key in there if key not in erased] or [journal.vault.key_for(subject)[0]]
        payload = {"by": by, "keys": keys, "matter": matter}
        draft = own_draft(writer.tx, "held", payload, journal.clock.now())
        writer.append(OWN_CHAIN, [draft])
    return entry_id(OWN_CHAIN, draft.place)


def release(journal: Journal, subject: str, matter: str, *, by: str, because: str) -> int:
    """Lift the holds of a matter on a subject; see `Ledger.release`."""
    check_said(subject=subject, matter=matter, by=by, because=because)
    with journal.writing() as writer:
        keys = journal.vault.identifiers(subject)
        holds = [row.id for row in holds_on(writer.tx, keys) if row.matter == matter]
        if not holds:
            raise DefinitionError(f"there is no hold for {matter!r} on this subject; nothing was released")
        payload = {"because": because, "by": by, "holds": holds, "matter": matter}
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "released", payload, journal.clock.now())])
    return len(holds)


def holds_on(reader: Reader, keys: Iterable[str]) -> list[HoldRow]:
    """The holds in force on what is encrypted under keys."""
    found = [row for key in keys for row in reader.select(HoldRow, equal={"key": key})]
    return [row for row in found if row.released_at is None]


def check_not_held(reader: Reader, keys: Iterable[str], *, of: str = "what belongs to this subject") -> None:
    """Raise `OnHold` where a hold is in force, naming each."""
    holds = dict.fromkeys((row.held_by, row.matter, row.held_at) for row in holds_on(reader, keys))
    if holds:
        said = "; ".join(f"{by} holds {of} for {matter!r} since {at}" for by, matter, at in holds)
        raise OnHold(f"{said}; nothing was erased; lift the hold first with ledger.release(...)")


def keys_in(reader: Reader, chain: str) -> list[str]:
    """The keys that something of a run or key is encrypted under."""
    return [row.key for row in reader.select(SubjectRow, equal={"chain": chain})]


def chains_of(reader: Reader, keys: Sequence[str]) -> list[str]:
    """The runs and keys that hold something that is encrypted under keys."""
    return list(dict.fromkeys(row.chain for key in keys for row in reader.select(SubjectRow, equal={"key": key})))


def erasure_in(reader: Reader, chain: str) -> str | None:
    """The last erasure of something that a run or key holds, by its identifier; None where nothing of it was erased."""
    rows = [row for key in keys_in(reader, chain) for row in reader.select(ErasureRow, equal={"id": key})]
    last = max((row.ordinal for row in rows), default=None)
    return None if last is None else entry_id(OWN_CHAIN, Place(scope_of("erased"), last))


def abandonment(erasure: str, by: str) -> dict[str, JsonValue]:
    """What is recorded of a run that is given up because of an erasure."""
    return {"action": "abandon", "because": f"what it works on was erased, see {erasure}", "by": by}


def is_open(reader: Reader, chain: str) -> bool:
    """Whether a chain is a run that has not ended."""
    return any(row.status in OPEN for row in reader.select(RunRow, equal={"id": chain}))


def run_subject(run: str) -> str:
    """The subject under whose key a run's free texts (messages of errors, values that were supplied) are encrypted."""
    return f"run:{run}"


def _abandon(writer: Writer, chain: str, by: str, erasure: str, now: datetime) -> bool:
    """Give up a run that cannot go on without what is erased, whoever holds it; whether it was open."""
    if not is_open(writer.tx, chain):
        return False
    head = writer.tx.head(chain)
    last = writer.tx.last(chain, LIFE)
    (run,) = writer.tx.select(RunRow, equal={"id": chain})
    place = Place(LIFE, last.place.ordinal + 1 if last else 0)
    if head is not None:
        writer.tx.set_head(head._replace(epoch=head.epoch + 1, holder=None, until=None))  # its worker can write no more
    writer.append(chain, [Draft(place, "abandoned", run.process, abandonment(erasure, by), now)])
    return True


def check_said(**said: object) -> None:
    """Refuse what is blank, or no text.

    Raises:
        DefinitionError: a text that must say something does not.
    """
    for name, text in said.items():
        if not isinstance(text, str):
            raise DefinitionError(f"{name}={text!r} is no text; give one")
        if not text.strip():
            raise DefinitionError(f"{name}={text!r} is empty; give a text that says something")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DefinitionError(f"{name} holds a lone surrogate, which is no text; give a text") from None
