"""Evidence bundles: a file in which an auditor verifies entries with the ledger's public key alone.

A bundle is JSON Lines, each line the RFC 8785 form of an object and a newline: a manifest; every checkpoint with the proof
that it grew from the one before it; then, chain by chain, every entry with the proof that it is under the newest
checkpoint. `docs/reference/bundle.md` describes it member by member, `verify_bundle` and `docs/verify.py` verify it.

It holds headers, payloads and their salts. It holds no ciphertext and no keys: of what is personal, the commitments alone.
The ledger's own chain is always in it, whole and first, as it says which missing payloads were swept.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from abpo_sdk.errors import (
    DefinitionError,
    LedgerBroken,
    LedgerFrozen,
    ProofInvalid,
    StoreUnavailable,
    UnknownRun,
)
from abpo_sdk.ledger.entry import OWN_CHAIN, Entry
from abpo_sdk.ledger.rows import CheckpointRow
from abpo_sdk.ledger.sealing import tree_of
from abpo_sdk.ledger.store import Reader
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint
from abpo_sdk.ledger.transparency.durable import sync_directory
from abpo_sdk.ledger.transparency.merkle import MerkleTree
from abpo_sdk.ledger.transparency.note import Verifier
from abpo_sdk.ledger.transparency.note_syntax import split_note
from abpo_sdk.ledger.tree_check import known_checkpoint
from abpo_sdk.values.canonical import plain_bytes

if TYPE_CHECKING:
    from abpo_sdk.ledger.ledger import Ledger

FORMAT = "abpo-bundle/1"
ATTEMPTS = 10
"""How often to seal again, where somebody sweeps between sealing and reading."""


def counted(count: int, one: str, more: str) -> str:
    """How many there are of something, for people.

    >>> counted(1, "entry", "entries"), counted(1200, "entry", "entries")
    ('1 entry', '1,200 entries')
    """
    return f"{count:,} {one if count == 1 else more}"


def entries_in_chains(entries: int, chains: int) -> str:
    """How many entries there are, and in how many chains, for people.

    >>> entries_in_chains(1, 1)
    '1 entry in 1 chain'
    """
    return f"{counted(entries, 'entry', 'entries')} in {counted(chains, 'chain', 'chains')}"


@dataclass(frozen=True, slots=True)
class Export:
    """What was exported.

    Args:
        path: the file.
        entries: how many entries it holds.
        chains: of how many runs and keys, the ledger's own chain included.
        size: how many entries are under the checkpoint that it ends with.
        key: name and id of the key that signed this checkpoint.
        swept: how many of its entries have no payload any more, because they were swept.
        unsealed: how many entries of these chains were left out, since a frozen ledger cannot seal them.
        frozen: why the ledger is frozen; None where it is not.
    """

    path: Path
    entries: int
    chains: int
    size: int
    key: str
    swept: int = 0
    unsealed: int = 0
    frozen: str | None = None

    def __str__(self) -> str:
        text = (
            f"{entries_in_chains(self.entries, self.chains)}, of {self.size:,} under the checkpoint that {self.key} signed, "
            f"{'is' if self.entries == 1 else 'are'} in {str(self.path)!r}"
        )
        if self.swept:
            text += f"; {counted(self.swept, 'payload was', 'payloads were')} swept"
        if self.unsealed:
            text += f"; {counted(self.unsealed, 'entry was left out, as it is', 'entries were left out, as they are')} not sealed"
        return f"{text}; the ledger is frozen: {self.frozen}" if self.frozen else text


def export(
    ledger: Ledger, path: str | Path, runs: Iterable[str] | None, verifiers: Callable[[], Sequence[Verifier]]
) -> Export:
    """Write a bundle; see `Ledger.export`."""
    target, chosen = Path(path), _chosen(runs)
    if not target.name:
        raise DefinitionError(f"path={str(path)!r} names no file")
    for _ in range(ATTEMPTS):
        with contextlib.suppress(LedgerFrozen):  # what was sealed before can be exported
            ledger.seal()
        with ledger.store.snapshot() as reader:
            bundle = _Bundle(reader, verifiers(), chosen, frozen=ledger.frozen)
            lacking = bundle.lacking()
            if lacking is None:
                with _replacing(target) as file:
                    bundle.write(file)
                return bundle.made(target)
        if ledger.frozen:
            raise LedgerFrozen(
                f"{lacking} is not sealed, which a frozen ledger cannot do ({ledger.frozen}); reopen it first: "
                "ledger.reopen(by=..., because=...)"
            )
    raise StoreUnavailable(f"{lacking} is not sealed, as others write faster than that; export it when that is over")


def _chosen(runs: Iterable[str] | None) -> list[str] | None:
    """The chains to export, in their order and without the ledger's own."""
    if runs is None:
        return None
    if isinstance(runs, str):
        raise DefinitionError(f"runs={runs!r} is one text; give a list of ids: runs=[{runs!r}]")
    chosen = set(runs)
    for run in chosen:
        if not isinstance(run, str):
            raise UnknownRun(f"there is no run or record {run!r}; an id is a text")
    return sorted(chosen - {OWN_CHAIN})


class _Bundle:
    """What of a ledger goes into a bundle, as it stands at one moment."""

    def __init__(
        self, reader: Reader, verifiers: Sequence[Verifier], runs: list[str] | None, *, frozen: str | None
    ) -> None:
        self._reader = reader
        self._runs = runs
        self._frozen = frozen
        self._rows = reader.checkpoints()
        if not self._rows:
            raise LedgerFrozen(
                f"nothing is sealed, so that there is nothing to export, and the ledger is frozen: {frozen}"
            )
        self._checkpoints = [known_checkpoint(row.note, verifiers, "the ledger") for row in self._rows]
        self._size = self._checkpoints[-1].size
        self._key = _signer_of(self._rows[-1], verifiers)
        self._own = reader.entries(OWN_CHAIN)
        self._counts = [(chain, *self._count(entries)) for chain, entries in self._chains()]

    def lacking(self) -> str | None:
        """What must be in the bundle, and was written too late to be under the checkpoint; None where there is nothing.

        Raises:
            UnknownRun: a run that was asked for is none.
        """
        lengths = {chain: (sealed, unsealed) for chain, sealed, _, unsealed in self._counts}
        for run in self._runs or ():
            if lengths[run] == (0, 0):
                raise UnknownRun(f"there is no run or record {run!r}")
        for run in self._runs or ():
            if lengths[run][0] == 0:
                return f"{run!r}"
        swept = [entry for entry in self._own if entry.kind == "swept"]
        return None if all(map(self._is_sealed, swept)) else "the entry that says what was swept"

    def write(self, file: IO[bytes]) -> None:
        """Write every line."""
        tree = tree_of(self._reader)
        file.write(_line(self._manifest()))
        before = None
        for row, checkpoint in zip(self._rows, self._checkpoints, strict=True):
            file.write(_line({"checkpoint": row.note, "consistency": _growth(tree, before, checkpoint)}))
            before = checkpoint
        for _, entries in self._chains():
            for entry in entries:
                if self._is_sealed(entry):
                    file.write(self._entry(tree, entry))

    def made(self, path: Path) -> Export:
        """What was written."""
        lengths = [sealed for _, sealed, _, _ in self._counts if sealed]
        return Export(
            path=path,
            entries=sum(lengths),
            chains=len(lengths),
            size=self._size,
            key=self._key.key,
            swept=sum(swept for _, _, swept, _ in self._counts),
            unsealed=sum(unsealed for _, _, _, unsealed in self._counts) if self._frozen else 0,
            frozen=self._frozen,
        )

    def _chains(self) -> Iterator[tuple[str, Iterable[Entry]]]:
        if self._own:
            yield OWN_CHAIN, self._own
        if self._runs is not None:
            for run in self._runs:
                yield run, self._reader.entries(run)
            return
        for chain, entries in groupby(self._reader.scan(), key=lambda entry: entry.chain):
            if chain != OWN_CHAIN:
                yield chain, entries

    def _count(self, entries: Iterable[Entry]) -> tuple[int, int, int]:
        """How many entries are sealed, how many of these have no payload, and how many are not sealed."""
        sealed = swept = unsealed = 0
        for entry in entries:
            if self._is_sealed(entry):
                sealed += 1
                swept += entry.payload is None
            else:
                unsealed += 1
        return sealed, swept, unsealed

    def _is_sealed(self, entry: Entry) -> bool:
        return type(entry.leaf) is int and entry.leaf < self._size  # the tree may have grown beyond its checkpoint

    def _manifest(self) -> dict[str, Any]:
        return {
            "chains": [[chain, sealed] for chain, sealed, _, _ in self._counts if sealed],
            "checkpoint": self._rows[-1].note,
            "checkpoints": len(self._rows),
            "format": FORMAT,
            "key": str(self._key),
            "origin": self._checkpoints[-1].origin,
            "size": self._size,
        }

    def _entry(self, tree: MerkleTree, entry: Entry) -> bytes:
        assert entry.leaf is not None  # noqa: S101  it is sealed
        try:
            return _line(
                {
                    "header": entry.header.decode(),
                    "inclusion": [node.hex() for node in tree.inclusion(entry.leaf, self._size)],
                    "leaf": entry.leaf,
                    "payload": None if entry.payload is None else entry.payload.decode(),
                    "salt": None if entry.salt is None else entry.salt.hex(),
                }
            )
        except (ProofInvalid, UnicodeError, AttributeError, TypeError):  # not as it was written
            _broken(entry)


def _signer_of(row: CheckpointRow, verifiers: Sequence[Verifier]) -> Verifier:
    """The known key that signed a checkpoint which was found to be signed."""
    signed = {signature.key for signature in split_note(row.note)[1]}
    return next(verifier for verifier in verifiers if verifier.key in signed)


def _growth(tree: MerkleTree, before: Checkpoint | None, checkpoint: Checkpoint) -> list[str]:
    """The proof that a checkpoint's tree grew from that of the one before; empty where there is nothing to prove."""
    if before is None or before.size == 0:
        return []
    try:
        return [node.hex() for node in tree.consistency(before.size, checkpoint.size)]
    except ProofInvalid as error:
        raise LedgerBroken(f"the ledger is broken: its checkpoints do not follow from each other: {error}") from error


def canonical_line(value: Any) -> bytes:
    """The RFC 8785 bytes of an object with keys in ASCII, of texts, whole numbers, lists and None, however long."""
    return plain_bytes(value) or _encoded(value).encode()


_encoded = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def _line(value: Any) -> bytes:
    return canonical_line(value) + b"\n"


def _broken(entry: Entry) -> NoReturn:
    raise LedgerBroken(
        f"the ledger is broken at {entry.chain!r}, entry {entry.position}: it cannot be exported, because it is not what was written",
        chain=entry.chain,
        entry=entry.position,
    )


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; it appears under its name, whole and durable, when the block ends without error, and else not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_directory(path.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        absent = isinstance(error, FileNotFoundError) and not path.parent.is_dir()
        why = f"the directory {str(path.parent)!r} does not exist" if absent else error.strerror or error
        raise StoreUnavailable(f"nothing was exported to {str(path)!r}: {why}") from error
