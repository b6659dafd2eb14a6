"""The ledger: writes entries, gives them back, and checks that they are what was written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.encryption import decrypt, masked, same_inputs
from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.journal import Journal
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.opening import check_parts, open_store, open_vault
from abpo_sdk.ledger.store import Store
from abpo_sdk.values.clock import Clock, SystemClock
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded

if TYPE_CHECKING:  # what a method needs, it loads on first use, since most programs never seal, erase or verify
    import pandas as pd

    from abpo_sdk.ledger.bundle import Export
    from abpo_sdk.ledger.erasure import Receipt
    from abpo_sdk.ledger.parquet import FileExport
    from abpo_sdk.ledger.retention import Sweep
    from abpo_sdk.ledger.transparency.anchor import Anchor
    from abpo_sdk.ledger.transparency.checkpoint import Checkpoint
    from abpo_sdk.ledger.transparency.merkle import MerkleTree
    from abpo_sdk.ledger.transparency.note import Signer
    from abpo_sdk.ledger.verification import Verification


OWN_FILES = ("", "-wal", "-shm", "-journal", ".keys", ".keys-journal", ".signer")
"""The files of a ledger, by what follows its name."""


class Ledger(Journal):
    """The append-only record of what was decided, by what, on which grounds, and what followed.

    Args:
        url: "sqlite:///file.db" (a relative path), "sqlite:////absolute/file.db", or "sqlite://" for one in
            memory that ends with the object; "postgresql://..." (then give vault= and signer=); or a store of one's own.
        vault: keeps the keys of personal fields; default: a file beside the ledger, named like it with ".keys".
        signer: signs checkpoints; default: a key in a file beside the ledger, named like it with ".signer", made when
            the ledger is first sealed.
        trust: public keys ("name+id+key") that may have signed checkpoints besides the signer's, such as the one before it.
        anchor: keeps checkpoints out of reach of whoever can change the ledger.
        clock: tells the time of entries.
        timeout: how many seconds to wait for other writers.
        shared: whether the file may be an application's own database, in which the ledger makes its tables.

    Raises:
        DefinitionError: another scheme; a store of one's own without a vault; keys of different names.
        StoreUnavailable, SchemaUnknown: the file cannot be opened.

    A ledger that is shorter than its anchor, or forked from it, opens frozen: it can be read, and `reopen` lets it be written to.

    >>> ledger = Ledger("sqlite://")
    >>> print(ledger.verify())
    0 entries in 0 chains: 0 sealed, 0 not yet sealed, 0 anchored, 0 erased
    """

    def __init__(
        self,
        url: str | Store,
        *,
        vault: KeyProvider | None = None,
        signer: Signer | None = None,
        trust: Sequence[str] = (),
        anchor: Anchor | None = None,
        clock: Clock | None = None,
        timeout: float = 5.0,
        shared: bool = False,
    ) -> None:
        check_parts(signer=signer, anchor=anchor, clock=clock, trust=trust, timeout=timeout)
        store, path = open_store(url, timeout=timeout, shared=shared)
        try:
            super().__init__(store, open_vault(vault, path, url=url, timeout=timeout), clock or SystemClock())
            self.anchor = anchor
            self._open(path, signer, trust)
        except BaseException:
            if isinstance(url, str):  # a store of the caller's own is theirs to close
                store.close()
            raise

    def _open(self, path: Path | None, signer: Signer | None, trust: Sequence[str]) -> None:
        """Find out who signs and whether the ledger is frozen, and finish what a crash kept from its end."""
        from abpo_sdk.ledger.own_entries import finish_erasures
        from abpo_sdk.ledger.signers import Signers

        self._path = path
        self._signers = Signers(self.store, path, signer, trust)
        if self.anchor is not None:
            from abpo_sdk.ledger.sealing import why_frozen

            self.frozen = why_frozen(self.store, self.anchor.notes() or (), self._signers.verifiers())
        if not self.frozen:
            finish_erasures(self.store, self.vault)

    def entries(self, chain: str) -> list[Entry]:
        """The entries of a run or key, in the order in which they were written; empty where there are none."""
        return self.store.entries(chain)

    def payload(self, entry: Entry, *, purpose: str | None = None) -> dict[str, Any]:
        """The content of an entry.

        Args:
            entry: the entry.
            purpose: why the personal fields are wanted; None for the content with these masked.

        Raises:
            Erased: a purpose is given, and a personal field can no longer be read; or the payload was swept.
        """
        return decrypt(entry, self.vault) if purpose else masked(entry)

    def same_inputs(self, entry: Entry, inputs: Encoded) -> bool:
        """Whether an entry was made from these inputs; raises `Erased` where nobody can tell any more."""
        return same_inputs(entry, inputs, self.vault)

    def record(self, decision: Decision, *, key: str, connection: Any = None) -> Decision:
        """Record a decision that was made outside a run, once for its key.

        Args:
            decision: the decision.
            key: what the decision is about, in the caller's own identifiers; recording it again changes nothing.
            connection: the caller's own connection (sqlite3 or psycopg) to the database that the ledger is in. The decision is
                written in that connection's transaction: it is kept if the caller commits, together with what the caller
                writes, and lost if not.

        Returns:
            The decision with its `id` and `at`. Let what it permits name the `id`, so that `reconcile` can tell.

        Raises:
            DuplicateRun: the key holds another decision.
            DefinitionError: the key is empty; the connection is to another database, or has no transaction.
            LedgerFrozen: the ledger is shorter than its anchor.
        """
        from abpo_sdk.ledger.recorded_decisions import record

        return record(self, decision, key=key, connection=connection)

    def import_decisions(self, history: Iterable[tuple[str, Decision]], *, source: str) -> int:
        """Record decisions that were made elsewhere, as not witnessed: the ledger vouches for the import, and not for what is in it.

        Args:
            history: keys, and decisions whose `at` says when they were made.
            source: the system that they are from.

        Returns:
            How many were new.

        Raises:
            DuplicateRun: a key holds another decision.
            DefinitionError: a key is empty, a decision has no time, or the source no name.
        """
        from abpo_sdk.ledger.recorded_decisions import import_decisions

        return import_decisions(self, history, source=source)

    def decisions(self, policy: str | None = None, *, purpose: str | None = None) -> pd.DataFrame:
        """The decisions as a frame, one row each, in the order in which they were made.

        Columns: decision_id, run_id, policy, version, owner, proposed, outcome, confidence, decided_by, gate, at,
        then the case's fields (`case.x` where a name clashes).

        Args:
            policy: the policy's name; None for all.
            purpose: why personal fields are wanted; without one they are left out.

        Raises:
            DefinitionError: `policy` is no name.
            LedgerBroken: a stored decision does not hold what a decision holds.
        """
        from abpo_sdk.ledger.frames import decisions_frame

        if policy is not None and not isinstance(policy, str):
            raise DefinitionError(f"policy={policy!r} is no name; give the policy's name, such as policy.name")

        return decisions_frame(self.store, self.vault, policy=policy, purpose=purpose)

    def view(self, name: str) -> pd.DataFrame:
        """A table of the ledger as a frame, whose columns and their types are always the same, rows or none.

        Args:
            name: "decisions" (in the order in which they were made, without the fields of their cases), "entries" (chain by
                chain), "runs" (as they were started) or "reviews" (as they were opened); docs/reference/views.md has the columns.

        Raises:
            DefinitionError: there is no such view.
            LedgerBroken: a row does not hold what such a row holds.

        >>> Ledger("sqlite://").view("runs").columns.tolist()
        ['run_id', 'process', 'version', 'status', 'started_at', 'updated_at', 'wake_at']
        """
        from abpo_sdk.ledger import views

        return views.view(self.store, name)

    def batches(self, name: str, size: int = 10_000) -> Iterator[pd.DataFrame]:
        """The rows of `view` in frames of at most `size` rows, so that they need not fit into memory.

        All are of the moment when the first is asked for, whatever is written meanwhile, and numbered on, so that
        `pandas.concat` makes the whole of them. At least one comes, which is empty where there are no rows. What is held open
        for them is let go when the last was taken, or when the iterator is closed or thrown away. (A ledger in memory has no
        moments: its batches are all made with the first.)

        Args:
            name: of the view.
            size: how many rows a frame has; the last one may have fewer.

        Raises:
            DefinitionError: there is no such view, or the size is less than one.
            LedgerBroken: a row does not hold what such a row holds; raised by the batch that it is in.
        """
        from abpo_sdk.ledger import views

        return views.batches(self.store, name, size=size)

    def export_parquet(self, path: str | Path, view: str = "decisions") -> FileExport:
        """Write a view into a Parquet file, and record its SHA-256 in an entry. Nothing personal that is encrypted gets into it.

        A file that is there is replaced, in one go. The entry is durable before the file has its name: a crash may leave an
        entry whose file never came, and no file that the ledger does not know.

        Args:
            path: the file; its directory must exist.
            view: see `view`.

        Raises:
            DefinitionError: there is no such view, or pyarrow is not installed (the extra `parquet`).
            LedgerFrozen: the ledger is shorter than its anchor.
            StoreUnavailable: the file or the ledger cannot be written to; what was there is as it was.
            LedgerBroken: a row does not hold what such a row holds.
        """
        from abpo_sdk.ledger.parquet import export_parquet

        self._check_target(path)
        return export_parquet(self, path, view=view)

    def check_export(self, path: str | Path) -> Entry:
        """The newest entry which says that the ledger exported this very file; its payload says what is in it, and its time, when.

        Whether the entry is what was written, `verify` tells.

        Raises:
            UnknownExport: no entry says so: the file was changed, or is another ledger's.
            StoreUnavailable: the file cannot be read.
        """
        from abpo_sdk.ledger.parquet import check_export

        return check_export(self, path)

    def seal(self) -> Checkpoint:
        """Give every entry that has none its position in the tree over all entries, sign the root, and publish it to the anchor.

        May be called at any time, by several processes too. Entries get their positions in batches, so that writers come through.

        Returns:
            The checkpoint over all entries.

        Raises:
            DefinitionError: there is no signer, and no file beside the ledger to keep one in.
            LedgerFrozen: the ledger is shorter than its anchor, or forked from it.
            StoreUnavailable: the ledger, the signer's file or the anchor cannot be written to; what was sealed so far stays sealed.
        """
        from abpo_sdk.ledger.sealing import seal

        return seal(self, self._signers.signer(), self._signers.verifiers(), self.anchor)

    @property
    def verifier(self) -> str:
        """The public key that checkpoints are signed with, as "name+id+key"; hand it to whoever verifies what is exported."""
        return str(self._signers.signer().verifier)

    def checkpoint(self) -> str | None:
        """The newest checkpoint, as the signed note; None where nothing was sealed."""
        rows = self.store.checkpoints()
        return rows[-1].note if rows else None

    def tree(self) -> MerkleTree:
        """The tree over all sealed entries, as it stands, for roots and proofs; an entry's index is `entry.leaf`."""
        from abpo_sdk.ledger.sealing import tree_of

        return tree_of(self.store)

    def verify(self, *, content: bool = True) -> Verification:
        """Recompute everything from the stored bytes.

        Args:
            content: whether to open what is encrypted, too, and to miss keys that are gone without an erasure; an auditor who
                has the ledger's file and no keys says False.

        Raises:
            LedgerBroken: naming the first entry that is not what was written, or that is missing.
        """
        from abpo_sdk.ledger.verification import verify

        notes = self.anchor.notes if self.anchor is not None else tuple
        return verify(self.store, self.vault if content else None, verifiers=self._signers.verifiers(), anchored=notes)

    def verify_headers(self) -> int:
        """Make the root of every checkpoint again from the stored headers alone, which takes a fraction of the time of `verify`.

        It finds every header that was edited, dropped, swapped or inserted below the newest checkpoint, and a tail cut below the
        anchored size; payloads, what is not sealed, and the lists of runs, reviews and decisions are not looked at.

        Returns:
            How many entries are under the newest checkpoint.

        Raises:
            LedgerBroken: naming between which positions of the tree something is not what was sealed.
        """
        from abpo_sdk.ledger.verification import verify_headers

        notes = self.anchor.notes if self.anchor is not None else tuple
        return verify_headers(self.store, verifiers=self._signers.verifiers(), anchored=notes)

    def rebuild(self) -> None:
        """Make runs, reviews, decisions and the other lists again from the entries, in one transaction.

        Raises:
            StoreUnavailable: the ledger cannot be written to; the lists are as they were.
        """
        from abpo_sdk.ledger.rebuilding import rebuild_all

        with self.writing() as writer, self.store.snapshot() as reader:
            rebuild_all(reader, writer.tx)

    def erase(self, subject: str, by: str, because: str) -> Receipt:
        """Delete the keys under which a subject's personal fields are encrypted, and record that.

        What was encrypted can then neither be read nor guessed, here and in every copy that has no copy of the keys. Chains, tree
        and proofs hold as before. Open runs that work on it are abandoned. Messages of errors in runs that hold something of the
        subject go with it, since nobody knows what those repeat.

        Args:
            subject: whose fields, as `subject_field` says.
            by: who erases.
            because: why; it is kept, so let it name nobody.

        Raises:
            OnHold: a legal hold forbids it, on the subject or on another one of whom such a run holds something.
            DefinitionError: something is blank.
            StoreUnavailable: the ledger or the keys cannot be written to; erase again.
        """
        from abpo_sdk.ledger.erasure import erase

        return erase(self, subject, by=by, because=because)

    def hold(self, subject: str, matter: str, by: str) -> str:
        """Forbid to erase or sweep what belongs to a subject, until `release` (a legal hold).

        Args:
            subject: whose fields, as `subject_field` says; what comes later is held, too.
            matter: the case or investigation that needs it.
            by: who holds.

        Returns:
            The entry that says so, by its identifier.
        """
        from abpo_sdk.ledger.erasure import hold

        return hold(self, subject, matter, by)

    def release(self, subject: str, matter: str, by: str, because: str) -> int:
        """Lift the legal hold of a matter on a subject; gives how many holds that were.

        Raises:
            DefinitionError: there is no such hold.
        """
        from abpo_sdk.ledger.erasure import release

        return release(self, subject, matter, by=by, because=because)

    def retain(
        self, kind: str, for_: timedelta, by: str = "retention", because: str = "the time to keep it is over"
    ) -> Sweep:
        """Remove the payloads of a kind of entry that are older than a time; their headers stay, and chains and tree hold.

        Open runs, and runs or records on legal hold, are left alone. Rows of runs, reviews and decisions that were made from what
        is removed go with it.

        Args:
            kind: of entries, such as "step" or "decision".
            for_: how long payloads are kept.
            by: who sweeps.
            because: why.

        Raises:
            DefinitionError: there is no such kind, or the time is negative.
            StoreUnavailable: the ledger cannot be written to; what was swept so far is swept, and the next sweep goes on.
        """
        from abpo_sdk.ledger.retention import retain

        return retain(self, kind, for_, by=by, because=because)

    def export_subject(self, subject: str) -> pd.DataFrame:
        """Every personal field of a subject that can still be read, for that person (subject access).

        Columns: run_id, entry (its position), kind, name, at, label, field, value.
        """
        from abpo_sdk.ledger.subject_access import subject_frame

        return subject_frame(self, subject)

    def export(self, path: str | Path, runs: Iterable[str] | None = None) -> Export:
        """Write an evidence bundle, which an auditor verifies with the public key alone (`verifier`), with `verify_bundle` or `docs/verify.py`.

        The ledger is sealed first, so that all that is exported is under a checkpoint. What is frozen cannot be sealed: then
        what was sealed before is exported, and the rest is left out and counted. Personal content and keys are not in it.

        Args:
            path: the file; one that is there is replaced at the end, and not before.
            runs: ids of runs, or keys of decisions; None for all. The ledger's own entries are always in it.

        Raises:
            UnknownRun: there is no such run or key.
            LedgerFrozen: the ledger is frozen, and a run that was asked for, or the entry about a sweep, is not sealed.
            DefinitionError: there is no signer; `runs` is one text.
            LedgerBroken: something is not what was written; nothing else is verified, so call `verify` before.
            StoreUnavailable: the ledger, its anchor or the file cannot be written to; there is no file then, or the one that
                was there.
        """
        from abpo_sdk.ledger.bundle import export

        self._check_target(path)
        return export(self, path, runs, self._signers.verifiers)

    def _check_target(self, path: str | Path) -> None:
        """Refuse to write an export over a file of the ledger itself."""
        target = Path(path).resolve()
        own = {Path(f"{self._path}{suffix}").resolve() for suffix in OWN_FILES} if self._path is not None else set()
        if isinstance(getattr(self.anchor, "path", None), Path):
            own.add(self.anchor.path.resolve())  # type: ignore[union-attr]  # of a file, as FileAnchor's
        if target in own:
            raise DefinitionError(f"{str(target)!r} is a file of the ledger itself; name another for the export")

    def reconcile(
        self, effects: pd.DataFrame, *, outcomes: Collection[str] | None = None, policy: str | None = None
    ) -> pd.DataFrame:
        """Compare what happened outside with what was decided, both ways; also of a frozen ledger.

        Args:
            effects: one row an effect, such as the lines of a bank statement, with the column `decision_id` (the decision that
                permits it), or `key` (the idempotency key that the step handed on, "INV-7/book/0"), or both.
            outcomes: those that permit an effect and call for one, such as {"pay"}; None for all.
            policy: whose decisions call for an effect; None for all.

        Returns:
            One row for each problem, none where all fits. Columns: problem, effect (the row's label in `effects`), key, decision_id,
            run_id, policy, outcome. Problems: "effect without a decision", "effect that the run has not recorded" (as after a
            restored backup), "effect more than once" (of one decision and key), "effect of a decision with another outcome",
            "decision without its effect", "decision without its effect, and its run is open". Imported decisions call for none.

        Raises:
            DefinitionError: `effects` has neither column, or `outcomes` is one text.
        """
        from abpo_sdk.ledger.reconciliation import reconcile

        with self.store.snapshot() as reader:
            return reconcile(reader, effects, outcomes=outcomes, policy=policy)

    def reopen(self, *, by: str, because: str) -> None:
        """Let a frozen ledger be written to again; what its anchor has beyond it is recorded as lost, and that is sealed.

        Args:
            by: the person who answers for it.
            because: what was found when the ledger was compared with the world; see `reconcile`.

        Raises:
            DefinitionError: the ledger is not frozen, or something is blank.
            LedgerBroken: the anchor holds what no known key signed.
        """
        from abpo_sdk.ledger.erasure import check_said

        check_said(by=by, because=because)
        if self.anchor is None or not self.frozen:
            raise DefinitionError("the ledger is not frozen, so there is nothing to reopen")
        from abpo_sdk.ledger.sealing import reopen

        signer = self._signers.signer()
        reopen(self, signer, self._signers.verifiers(), self.anchor, by=by, because=because)

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
