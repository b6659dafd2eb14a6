"""The ledger: writes entries, gives them back, and checks that they are what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from abpo_sdk.errors import DefinitionError, DuplicateRun, LeaseLost
from abpo_sdk.ledger.decisions import decode_decision, encode_case, encode_decision
from abpo_sdk.ledger.entry import BODY, GENESIS, Draft, Entry, Place, check_id, entry_id, header_bytes, leaf_hash
from abpo_sdk.ledger.projections import UNPROJECTED, project
from abpo_sdk.ledger.recorder import Occurrence
from abpo_sdk.ledger.rows import Head
from abpo_sdk.ledger.sealing import Sealed, masked, same_inputs, seal, unseal
from abpo_sdk.ledger.sqlite import SqliteStore
from abpo_sdk.ledger.store import Store, Transaction
from abpo_sdk.ledger.vault import FileVault, KeyProvider, MemoryVault
from abpo_sdk.ledger.verification import Verification, verify
from abpo_sdk.values.clock import Clock, SystemClock, to_text
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, file_digest

if TYPE_CHECKING:
    import pandas as pd

SCHEME = "sqlite://"


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
    """

    __slots__ = ("_block", "_ledger", "end", "tx")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._block = ledger.store.transaction()

    def __enter__(self) -> Self:
        self.tx: Transaction = self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, trace)

    def append(self, chain: str, drafts: Sequence[Draft]) -> list[Entry]:
        """Add entries to the end of a chain, which is made where it is new."""
        return self.append_sealed(chain, [(draft, self._ledger.seal(draft)) for draft in drafts])

    def begin(self, chain: str, first: tuple[Draft, Sealed], *, lease: Lease) -> list[Entry]:
        """Make a chain with this first entry, under the first lease; no entries where there is one of this name."""
        entries, end = _chained([first], Head(chain, GENESIS, 0, lease.epoch, lease.holder, lease.until), release=False)
        if not self.tx.add_head(end):
            return []
        self.end = end
        self._keep([first], entries)
        return entries

    def append_sealed(
        self,
        chain: str,
        drafts: Sequence[tuple[Draft, Sealed]],
        *,
        lease: Lease | None = None,
        release: bool = False,
        after: Head | None = None,
    ) -> list[Entry]:
        """`append`, of entries that were sealed before the transaction began.

        Args:
            chain: the run or key.
            drafts: the entries, each with its sealed parts.
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
                return self.append_sealed(chain, drafts, lease=lease, release=release)
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
            self.tx.set_head(end)
        self.end = end
        self._keep(drafts, entries)
        return entries

    def _keep(self, drafts: Sequence[tuple[Draft, Sealed]], entries: Sequence[Entry]) -> None:
        self.tx.append(entries)
        for number, (draft, _) in enumerate(drafts):
            if draft.kind not in UNPROJECTED:
                entry = entries[number]
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


def _chained(drafts: Sequence[tuple[Draft, Sealed]], head: Head, *, release: bool) -> tuple[list[Entry], Head]:
    """The entries that follow the end of a chain, and its new end."""
    chain, previous, length = head.chain, head.hash, head.length
    entries = []
    for draft, parts in drafts:
        at = to_text(draft.at)
        header = header_bytes(draft, chain=chain, position=length, previous=previous, at=at, parts=parts)
        entries.append(Entry(chain, length, draft.place, header, parts.payload, parts.salt, parts.sealed))
        previous = leaf_hash(header)
        length += 1
    holder, until = (None, None) if release else (head.holder, head.until)
    return entries, Head(chain, previous, length, head.epoch, holder, until)


class Ledger:
    """The append-only record of what was decided, by what, on which grounds, and what followed.

    Args:
        url: "sqlite:///file.db" (a relative path), "sqlite:////absolute/file.db", or "sqlite://" for one in
            memory that ends with the object; or a store of one's own.
        vault: keeps the keys of personal fields; default: a file beside the ledger, named like it with ".keys".
        clock: tells the time of entries.
        timeout: how many seconds to wait for other writers.

    Raises:
        DefinitionError: another scheme; a store of one's own without a vault.
        StoreUnavailable, SchemaUnknown: the file cannot be opened.

    >>> ledger = Ledger("sqlite://")
    >>> print(ledger.verify())
    0 entries in 0 chains: 0 sealed, 0 not yet sealed, 0 anchored, 0 erased
    """

    def __init__(
        self, url: str | Store, *, vault: KeyProvider | None = None, clock: Clock | None = None, timeout: float = 5.0
    ) -> None:
        if not isinstance(url, str) and vault is None:
            raise DefinitionError(
                "a ledger on a store of one's own needs vault=, where the keys of personal fields are kept"
            )
        path = _path_of(url) if isinstance(url, str) else None
        self.store: Store = SqliteStore(path, timeout=timeout) if isinstance(url, str) else url
        self.vault: KeyProvider = vault or (
            FileVault(path.with_name(path.name + ".keys"), timeout=timeout) if path else MemoryVault()
        )
        self.clock: Clock = clock or SystemClock()

    def writing(self) -> Writer:
        """A transaction; what is appended in its block is durable, all of it, when the block ends without error."""
        return Writer(self)

    def seal(self, draft: Draft) -> Sealed:
        """The sealed parts of an entry; may be made before the transaction that writes it."""
        return seal(draft, self.vault)

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a run or key, in the order in which they were written; empty where there are none."""
        return self.store.entries(chain)

    def payload(self, entry: Entry, *, purpose: str | None = None) -> dict[str, Any]:
        """The content of an entry.

        Args:
            entry: the entry.
            purpose: why the personal fields are wanted; None for the content with these masked.

        Raises:
            Erased: a purpose is given, and a personal field can no longer be read.
        """
        return unseal(entry, self.vault) if purpose else masked(entry)

    def same_inputs(self, entry: Entry, inputs: Encoded) -> bool:
        """Whether an entry was made from these inputs; raises `Erased` where nobody can tell any more."""
        return same_inputs(entry, inputs, self.vault)

    def record(self, decision: Decision, *, key: str) -> Decision:
        """Record a decision that was made outside a run, once for its key.

        Args:
            decision: the decision.
            key: what the decision is about, in the caller's own identifiers; recording it again changes nothing.

        Returns:
            The decision with its `id` and `at`.

        Raises:
            DuplicateRun: the key holds another decision.
            DefinitionError: the key is empty.
        """
        check_id(key, "the key of a decision")
        place = Place(BODY, 0)
        if decision.id == entry_id(key, place):
            return decision
        encoded = encode_decision(decision, encode_case(decision.case, file_digest))
        now = self.clock.now()
        draft = Draft(
            place, "decision", decision.policy, {}, now, encoded.within("result"), encoded, {"result": encoded}
        )
        with self.writing() as writer:
            entries = writer.tx.entries(key)
            if entries:
                if not (entries[0].kind == "decision" and self.same_inputs(entries[0], encoded)):
                    raise DuplicateRun(
                        f"the key {key!r} holds another {entries[0].kind}; a key stands for one decision"
                    )
                now = entries[0].at
            else:
                writer.append(key, [draft])
        return decode_decision(encoded.tree, case=decision.case, occurrence=Occurrence(key, place, now))

    def decisions(self, policy: str | None = None, *, purpose: str | None = None) -> pd.DataFrame:
        """The decisions as a frame, one row each, in the order in which they were made.

        Columns: decision_id, run_id, policy, version, owner, proposed, outcome, confidence, decided_by, gate, at,
        then the case's fields (`case.x` where a name clashes).

        Args:
            policy: the policy's name; None for all.
            purpose: why personal fields are wanted; without one they are left out.
        """
        from abpo_sdk.ledger.frames import decisions_frame

        return decisions_frame(self.store, self.vault, policy=policy, purpose=purpose)

    def verify(self) -> Verification:
        """Recompute everything from the stored bytes.

        Raises:
            LedgerBroken: naming the first entry that is not what was written, or that is missing.
        """
        return verify(self.store, self.vault)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.vault.close()


def _path_of(url: str) -> Path | None:
    if url in (SCHEME, SCHEME + "/", SCHEME + "/:memory:"):
        return None
    if url.startswith(SCHEME + "/"):
        return Path(url.removeprefix(SCHEME + "/"))
    raise DefinitionError(
        f'{url!r} names no ledger; write "sqlite:///file.db" for a file, or "sqlite://" for one in memory'
    )
