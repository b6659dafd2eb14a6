"""Sealing: entries get their positions in the tree, and its root is signed and anchored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from abpo_sdk.errors import LedgerBroken, NoteInvalid
from abpo_sdk.ledger.entry import OWN_CHAIN
from abpo_sdk.ledger.journal import Journal
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.own_entries import Lost, lost_checkpoints, own_draft
from abpo_sdk.ledger.rows import CheckpointRow, ErasureRow, SubjectRow
from abpo_sdk.ledger.store import Reader, Transaction
from abpo_sdk.ledger.tiles import GrowingTiles, TileNodes
from abpo_sdk.ledger.transparency.anchor import Anchor
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from abpo_sdk.ledger.transparency.merkle import MerkleTree
from abpo_sdk.ledger.transparency.note import Signer, Verifier
from abpo_sdk.ledger.transparency.note_syntax import split_note
from abpo_sdk.ledger.transparency.proofs import leaf_hash
from abpo_sdk.ledger.tree_check import known_checkpoint
from abpo_sdk.ledger.writer import Writer
from abpo_sdk.values.encoded import JsonValue

BATCH = 10_000
"""How many entries get their positions in one transaction, so that other writers come through in between."""


def seal(journal: Journal, signer: Signer, verifiers: Sequence[Verifier], anchor: Anchor | None) -> Checkpoint:
    """Give every entry that has none a position in the tree, sign the root, and publish it; see `Ledger.seal`."""
    while (checkpoint := _seal_batch(journal, signer, verifiers)) is None:
        pass
    if anchor is not None:
        _publish(journal, verifiers, anchor)
    return checkpoint


def _seal_batch(journal: Journal, signer: Signer, verifiers: Sequence[Verifier]) -> Checkpoint | None:
    """Seal some entries; the checkpoint over all where none are left."""
    with journal.writing() as writer:
        tx = writer.tx
        size = tx.size()
        found = tx.unsealed(BATCH)
        nodes = GrowingTiles(tx, size)
        tree = MerkleTree(nodes, size)
        _check_grows(tx, tree, verifiers)
        if found:
            tree.extend_hashes([_leaf_hash(header) for _, header in found])
            nodes.flush()
            tx.seal(size, [number for number, _ in found])
        if len(found) == BATCH:
            return None
        checkpoint = Checkpoint(signer.verifier.name, tree.size, tree.root())
        _keep(tx, checkpoint, signer)
    return checkpoint


def _check_grows(tx: Transaction, tree: MerkleTree, verifiers: Sequence[Verifier]) -> None:
    """Refuse to sign a tree that is not the one that was signed before: what is under a wrong root cannot be mended."""
    for row in tx.checkpoints()[-1:]:
        signed = known_checkpoint(row.note, verifiers, "the ledger")
        if signed.size > tree.size or tree.root(signed.size) != signed.root:
            raise LedgerBroken(
                f"the ledger is broken: its tree is not the one over whose first {signed.size:,} entries the last checkpoint was "
                "signed, so nothing was sealed; ledger.verify() says what was changed"
            )


def _leaf_hash(header: bytes) -> bytes:
    try:
        return leaf_hash(header)
    except TypeError:
        raise LedgerBroken(
            "the ledger is broken: the header of an entry that is to be sealed is not bytes, so nothing was sealed; "
            "ledger.verify() names it"
        ) from None


def _keep(tx: Transaction, checkpoint: Checkpoint, signer: Signer) -> None:
    """Store a checkpoint, unless the last one says the same and is signed by the same key."""
    note = sign_checkpoint(checkpoint, signer)
    last = tx.checkpoints()[-1:]
    if not last or last[0].note != note:  # Ed25519 signs the same text in the same way
        tx.add_checkpoint(CheckpointRow(checkpoint.size, note, 0))


def _publish(journal: Journal, verifiers: Sequence[Verifier], anchor: Anchor) -> None:
    """Give the newest checkpoint to the anchor, unless it has it; one that cannot be asked gets it each time."""
    notes = list(anchor.notes() or ())
    journal.frozen = why_frozen(journal.store, notes, verifiers)
    journal.check_writable()
    row = journal.store.checkpoints()[-1]
    if row.note not in notes:
        anchor.publish(row.note)
    if not row.anchored:  # also where a crash came between the two
        with journal.writing() as writer:
            writer.tx.set_anchored(row.size)


def tree_of(reader: Reader) -> MerkleTree:
    """The tree over the entries that are sealed, as it stands, for proofs."""
    size = reader.size()
    return MerkleTree(TileNodes(reader, size), size)


def why_frozen(reader: Reader, notes: Iterable[str], verifiers: Sequence[Verifier]) -> str | None:
    """Why a ledger may not be written to, after what its anchor says; None where it may.

    Of the checkpoints that fit, the signature of the largest alone is looked at, since opening a ledger should take no longer the
    older it grows; `verify` looks at all.
    """
    try:
        given_up = set(lost_checkpoints(reader))
        tree = tree_of(reader)
        largest: tuple[int, str] | None = None  # those who seal at once may publish out of order
        for note in notes:
            said = Checkpoint.parse(split_note(note)[0])
            if Lost(said.size, said.root) in given_up:
                continue
            if said.size <= tree.size and tree.root(said.size) != said.root:
                known_checkpoint(note, verifiers, "the anchor")
                return f"the anchor has another root over the first {said.size:,} entries than this ledger (a fork?)"
            if largest is None or said.size > largest[0]:
                largest = said.size, note
        if largest is not None:
            known_checkpoint(largest[1], verifiers, "the anchor")
            if largest[0] > tree.size:
                return f"{largest[0]:,} entries were anchored, and {tree.size:,} are sealed here (a restored backup?)"
    except (LedgerBroken, NoteInvalid) as error:
        return f"what its anchor gave cannot be trusted ({error}); a person cannot give that up, so correct the anchor or trust="
    return None


def reopen(
    journal: Journal, signer: Signer, verifiers: Sequence[Verifier], anchor: Anchor, *, by: str, because: str
) -> None:
    """Record which anchored checkpoints a person gives up, sign that, and let the ledger be written to again; see `Ledger.reopen`.

    What was erased after a backup was made is lost with the rest of the tail, and its keys are gone all the same. They are recorded
    as missing, and not as erased: an erasure would delete them, should they have been left behind by mistake.
    """
    with Writer(journal.store.transaction(), journal.vault) as writer:
        tree = tree_of(writer.tx)
        given_up = lost_checkpoints(writer.tx)
        lost: dict[Lost, JsonValue] = {}
        for note in anchor.notes() or ():
            checkpoint = known_checkpoint(note, verifiers, "the anchor")
            here = checkpoint.size <= tree.size and tree.root(checkpoint.size) == checkpoint.root
            what = Lost(checkpoint.size, checkpoint.root)
            if not here and what not in given_up:
                lost[what] = {"root": checkpoint.root.hex(), "size": checkpoint.size}
        missing = sorted(_missing_keys(writer.tx, journal.vault))
        payload = {"because": because, "by": by, "lost": list(lost.values()), "missing": missing}
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "reopened", payload, journal.clock.now())])
    journal.frozen = None
    seal(journal, signer, verifiers, anchor)  # what is given up counts once a checkpoint covers the entry that says so


def _missing_keys(reader: Reader, vault: KeyProvider) -> Iterator[str]:
    """The keys that something is encrypted under, and that are neither there nor erased."""
    for key, _ in groupby(reader.rows(SubjectRow, order="key"), key=lambda row: row.key):
        if vault.key(key) is None and not reader.select(ErasureRow, equal={"id": key}):
            yield key
