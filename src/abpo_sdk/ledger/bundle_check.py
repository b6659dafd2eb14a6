"""Verifies an evidence bundle from its own lines and the ledger's public key, in one pass and in little memory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from abpo_sdk.errors import (
    DefinitionError,
    LedgerBroken,
    NotCanonical,
    NoteInvalid,
    ProofInvalid,
    StoreUnavailable,
)
from abpo_sdk.ledger.bundle import FORMAT, canonical_line, counted, entries_in_chains
from abpo_sdk.ledger.chain_check import HEADER_FIELDS
from abpo_sdk.ledger.entry import GENESIS, OWN_CHAIN, SCHEMA, leaf_hash, payload_hash
from abpo_sdk.ledger.own_entries import Lost
from abpo_sdk.ledger.transparency.anchor import FileAnchor
from abpo_sdk.ledger.transparency.checkpoint import Checkpoint, open_checkpoint
from abpo_sdk.ledger.transparency.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from abpo_sdk.ledger.transparency.note import Verifier
from abpo_sdk.values.canonical import parse_json

MANIFEST = frozenset({"chains", "checkpoint", "checkpoints", "format", "key", "origin", "size"})
CHECKPOINT = frozenset({"checkpoint", "consistency"})
ENTRY = frozenset({"header", "inclusion", "leaf", "payload", "salt"})
TEXTS = ("at", "chain", "kind", "name", "payload", "previous", "scope")
NUMBERS = ("ordinal", "position", "schema")
HASH = re.compile("[0-9a-f]{64}")
SALT = re.compile("[0-9a-f]{32}")  # of one length, since HMAC takes a key and the same with zeros behind it for one
IS_BUNDLE = f'"format":"{FORMAT}"'.encode()
"""What tells a manifest from anything else, damaged as the rest of it may be."""

NOTE = re.compile(r"\S+\n(0|[1-9][0-9]{0,19})\n\S+\n(?:[^\n]+\n)*\n(?:— [^\s+\x00-\x1f]+ \S+\n)+")
"""How a signed checkpoint is laid out, whoever signed it."""

SHOWN = 200
"""How many characters of something that is wrong are shown."""

LONGEST = 2**30
"""How many bytes a line may have."""


@dataclass(frozen=True, slots=True)
class BundleVerification:
    """What was verified of a bundle.

    Args:
        entries: how many entries are under the checkpoint, fit their chains, and have the payload that was written.
        chains: in how many chains.
        size: how many entries are under the checkpoint, those that are not in the bundle included.
        checkpoints: how many checkpoints there are, each grown from the one before it.
        key: name and id of the key that signed the newest.
        swept: how many payloads are missing, as an entry of the ledger itself says.
        anchored: how many entries are under a checkpoint that was kept elsewhere, too.
        newer: how many checkpoints that were kept elsewhere are newer than the bundle, and say nothing of it.
        lost: how many were given up when the ledger was reopened as a backup; its own entry says by whom and why.
    """

    entries: int
    chains: int
    size: int
    checkpoints: int
    key: str
    swept: int = 0
    anchored: int = 0
    newer: int = 0
    lost: int = 0

    @property
    def complete(self) -> bool:
        """Whether the bundle holds all that is under its checkpoint, so that no chain and no end of one is missing."""
        return self.entries == self.size

    def __str__(self) -> str:
        text = (
            f"{entries_in_chains(self.entries, self.chains)}, {'all' if self.complete else 'not all'} of the {self.size:,} under "
            f"{'the one checkpoint' if self.checkpoints == 1 else f'the newest of {self.checkpoints:,} checkpoints'}, signed by "
            f"{self.key}: {self.anchored:,} anchored"
        )
        if self.swept:
            text += f", {self.swept:,} swept"
        if self.lost:
            given_up = counted(self.lost, "anchored checkpoint was", "anchored checkpoints were")
            text += f"; {given_up} given up when the ledger was reopened"
        newer = counted(self.newer, "anchored checkpoint is", "anchored checkpoints are")
        return f"{text}; {newer} newer than the bundle" if self.newer else text


def verify_bundle(
    path: str | Path, *, trust: Sequence[str | Verifier], anchored: Iterable[str] = ()
) -> BundleVerification:
    """Verify an evidence bundle, which `Ledger.export` made, with nothing but the ledger's public key.

    Args:
        path: the bundle.
        trust: the public keys ("name+id+key", or a `Verifier`) that may have signed its checkpoints, all of one name; got
            from elsewhere than the bundle.
        anchored: the signed checkpoints that were kept out of the reach of the ledger's owner, such as `FileAnchor(path).notes()`.

    Raises:
        LedgerBroken: naming the first entry that is not what was sealed, or that is missing.
        DefinitionError: the file is no evidence bundle; no key, or keys of different names; `anchored` is something else.
        NoteInvalid: a key is malformed.
        StoreUnavailable: the file cannot be read.

    What nobody can see from a bundle: chains that are not in it, and what came after its checkpoint; where it is not `complete`, also
    entries that were cut off the end of a chain. Whether the owner shows others another tree, only anchored checkpoints tell.
    """
    verifiers = _verifiers(trust)
    notes = _notes(anchored)
    shown = _shown(os.fspath(path) if isinstance(path, os.PathLike) else path)
    if not isinstance(path, (str, os.PathLike)) or "\n" in str(path) or "\0" in str(path):
        raise DefinitionError(f"path={shown} is no path of a file; give where the bundle is, and not what is in it")
    try:
        with Path(path).open("rb") as file:
            first = file.readline(LONGEST)
            if IS_BUNDLE not in first:
                what = f"its first line is no {FORMAT} manifest" if first else "it is empty"
                raise DefinitionError(f"the file {shown} is no evidence bundle: {what}")
            return _Check(file, verifiers).run(first, notes)
    except OSError as error:
        raise StoreUnavailable(f"the bundle {shown} cannot be read: {error.strerror or error}") from error


def _shown(value: object) -> str:
    """A value as errors name it: cut, since it may be the content of a file."""
    text = repr(value[: SHOWN + 1] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _notes(anchored: Iterable[str]) -> list[str]:
    """The checkpoints that were kept elsewhere, each of which looks like one."""
    if isinstance(anchored, (str, bytes, os.PathLike)):
        shown = _shown(anchored if isinstance(anchored, bytes) else os.fspath(anchored))
        raise DefinitionError(
            f"anchored={shown} is no list of checkpoints; give those in the file: FileAnchor({shown}).notes()"
        )
    if isinstance(anchored, FileAnchor):
        raise DefinitionError(
            f"anchored={anchored!r} is no list of checkpoints; give those in it: {anchored!r}.notes()"
        )
    try:
        notes = list(anchored)
    except TypeError:
        raise DefinitionError(
            f"anchored={_shown(anchored)} is no list of checkpoints; give what the anchor's notes() gives, such as "
            'FileAnchor("anchored.txt").notes()'
        ) from None
    for number, note in enumerate(notes):
        if not isinstance(note, str) or not NOTE.fullmatch(note):
            raise DefinitionError(f"anchored[{number}] is {_shown(note)}, which is no signed checkpoint")
    return notes


def _verifiers(trust: Sequence[str | Verifier]) -> tuple[Verifier, ...]:
    if isinstance(trust, (str, Verifier)):
        raise DefinitionError("trust= is a list of public keys; write trust=[key]")
    verifiers = tuple(Verifier.parse(str(key)) for key in trust)
    names = sorted({verifier.name for verifier in verifiers})
    if len(names) != 1:
        raise DefinitionError(
            f"the keys of a ledger have one name, and these have {', '.join(names)}"
            if names
            else "trust=[] is no key; give the ledger's public key (ledger.verifier), got from elsewhere than the bundle"
        )
    return verifiers


@dataclass(slots=True)
class _Check:
    """One pass through a bundle."""

    file: IO[bytes]
    verifiers: tuple[Verifier, ...]
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY_ROOT})
    swept: dict[str, str] = field(default_factory=dict)
    """For each kind of entry, the time before which payloads were swept."""
    lost: set[Lost] = field(default_factory=set)
    """The checkpoints that a person gave up when the ledger was reopened."""
    missing: int = 0

    def run(self, first: bytes, anchored: Iterable[str]) -> BundleVerification:
        """Check the first line, all that follows it in the file, and the checkpoints that were kept elsewhere."""
        with _at("the manifest"):
            manifest, newest = self._manifest(first)
        before = None
        for number in range(manifest["checkpoints"]):
            with _at(f"checkpoint {number}"):
                note, before = self._checkpoint(before)
        with _at(f"checkpoint {number}"):
            _need(note == manifest["checkpoint"], "it is not the one that the manifest names")
        entries = 0
        for chain, length in manifest["chains"]:
            previous = GENESIS
            for position in range(length):
                with _at(f"{chain!r}, entry {position}", chain, position):
                    previous = self._entry(chain, position, previous, newest)
            entries += length
        with _at("its end"):
            _need(not self.file.read(1), "more stands there than the manifest names")
        compared = self._anchored(anchored, newest)
        key = Verifier.parse(manifest["key"]).key
        return BundleVerification(
            entries, len(manifest["chains"]), newest.size, manifest["checkpoints"], key, self.missing, **compared
        )

    def _next(self, members: frozenset[str]) -> dict[str, Any]:
        return self._line(self.file.readline(LONGEST), members)

    def _line(self, line: bytes, members: frozenset[str]) -> dict[str, Any]:
        _need(line.endswith(b"\n"), "it is missing, or the file is cut off there")
        return _object(line[:-1], members)

    def _manifest(self, first: bytes) -> tuple[dict[str, Any], Checkpoint]:
        """The manifest, and the checkpoint in it, signed by the key that it names."""
        manifest = self._line(first, MANIFEST)
        _need(manifest["format"] == FORMAT, f"its format is not {FORMAT}")
        _need(manifest["key"] in map(str, self.verifiers), "it names another key than is trusted")
        _need(manifest["origin"] == self.verifiers[0].name, "its origin is not the name of the trusted key")
        _need(_is_number(manifest["checkpoints"]) and manifest["checkpoints"] > 0, "it names no checkpoint")
        _need(isinstance(manifest["chains"], list), "its chains are no list")
        for item in manifest["chains"]:
            chain, length = item if isinstance(item, list) else (None, 0)
            _need(isinstance(chain, str) and _is_number(length) and length > 0, "a chain in it is none")
        order = [(chain != OWN_CHAIN, chain) for chain, _ in manifest["chains"]]
        _need(all(a < b for a, b in pairwise(order)), "its chains are not in their order")
        newest = self._opened(manifest["checkpoint"], (Verifier.parse(manifest["key"]),))
        _need(
            _is_number(manifest["size"]) and manifest["size"] == newest.size, "its size is not that of its checkpoint"
        )
        return manifest, newest

    def _checkpoint(self, before: Checkpoint | None) -> tuple[str, Checkpoint]:
        line = self._next(CHECKPOINT)
        checkpoint, proof = self._opened(line["checkpoint"]), _hashes(line["consistency"])
        if checkpoint.size == 0:
            _need(checkpoint.root == EMPTY_ROOT, "its root is not that of no entries")
        if before is None or before.size == 0:
            _need(
                not proof and (before is None or checkpoint.size >= 0), "a proof stands where there is nothing to prove"
            )
        else:
            verify_consistency(before.size, checkpoint.size, before.root, checkpoint.root, proof)
        self.roots[checkpoint.size] = checkpoint.root
        return line["checkpoint"], checkpoint

    def _opened(self, note: Any, verifiers: Sequence[Verifier] | None = None) -> Checkpoint:
        _need(isinstance(note, str), "its checkpoint is no text")
        return open_checkpoint(note, verifiers or self.verifiers, origin=self.verifiers[0].name)

    def _entry(self, chain: str, position: int, previous: str, newest: Checkpoint) -> str:
        """Check an entry; gives its hash."""
        line = self._next(ENTRY)
        _need(isinstance(line["header"], str), "its header is no text")
        raw = line["header"].encode()
        header = _object(raw, HEADER_FIELDS)
        _need(all(isinstance(header[name], str) for name in TEXTS), "its header holds what none does")
        _need(all(_is_number(header[name]) for name in NUMBERS), "its header holds what none does")
        _need(
            all(isinstance(header[name], str | None) for name in ("inputs", "sealed")),
            "its header holds what none does",
        )
        _need(header["schema"] == SCHEMA, f"its header is not of schema {SCHEMA}")
        _need((header["chain"], header["position"]) == (chain, position), "another entry stands there")
        _need(header["previous"] == previous, "it names another entry before it than stands there")
        verify_inclusion(raw, line["leaf"], newest.size, _hashes(line["inclusion"]), newest.root)
        self._check_payload(header, line["payload"], line["salt"])
        return leaf_hash(raw)

    def _check_payload(self, header: dict[str, Any], payload: Any, salt: Any) -> None:
        if payload is None and salt is None:
            excused = header["chain"] != OWN_CHAIN and header["at"] < self.swept.get(header["kind"], "")
            _need(excused, "its payload is missing, and nothing says that it was swept")
            self.missing += 1
            return
        _need(isinstance(payload, str), "its payload is no text")
        _need(isinstance(salt, str) and SALT.fullmatch(salt), "its salt is not of 16 bytes")
        faithful = payload_hash(bytes.fromhex(salt), payload.encode()) == header["payload"]
        _need(faithful, "its payload, or the payload's salt, is not what was written")
        if header["chain"] == OWN_CHAIN and header["kind"] in ("swept", "reopened"):
            self._remember(header["kind"], parse_json(payload.encode()))

    def _remember(self, kind: str, content: Any) -> None:
        """Take in what an entry of the ledger itself excuses."""
        if kind == "swept":
            swept, before = content["kind"], content["before"]
            self.swept[swept] = max(before, self.swept.get(swept, ""))
        else:
            self.lost.update(Lost(item["size"], bytes.fromhex(item["root"])) for item in content["lost"])

    def _anchored(self, notes: Iterable[str], newest: Checkpoint) -> dict[str, int]:
        """How many entries are under what was kept elsewhere, and how many of these checkpoints are newer or lost."""
        found = {"anchored": 0, "newer": 0, "lost": 0}
        for number, note in enumerate(notes):
            with _at(f"anchored checkpoint {number}"):
                checkpoint = self._opened(note)
                if self.roots.get(checkpoint.size) == checkpoint.root:
                    found["anchored"] = max(found["anchored"], checkpoint.size)
                    continue
                lost = Lost(checkpoint.size, checkpoint.root) in self.lost
                known = lost or checkpoint.size > newest.size
                _need(
                    known, f"the bundle has no such checkpoint over {checkpoint.size} entries (a fork, or rewritten?)"
                )
                found["lost" if lost else "newer"] += 1
        return found


@contextlib.contextmanager
def _at(where: str, chain: str | None = None, position: int | None = None) -> Iterator[None]:
    """Say of whatever does not fit in the block where it stands."""
    try:
        yield
    except (ProofInvalid, NoteInvalid, NotCanonical, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"the bundle is broken at {where}: {error}"
        raise LedgerBroken(message, chain=chain, entry=position) from error


def _need(fits: object, reason: str) -> None:
    if not fits:
        raise ValueError(reason)


def _object(data: bytes, members: frozenset[str]) -> dict[str, Any]:
    """An object with these members, if the bytes are its one canonical form."""
    value = parse_json(data)
    _need(isinstance(value, dict), "no object stands there")
    _need(members <= set(value), f"it lacks the member {min(members - set(value), default='')}")
    _need(members == set(value), "it has a member more than it must have")
    _need(canonical_line(value) == data, "it is not in canonical form")
    checked: dict[str, Any] = value
    return checked


def _hashes(value: Any) -> list[bytes]:
    _need(isinstance(value, list), "a proof is no list")
    _need(all(isinstance(item, str) and HASH.fullmatch(item) for item in value), "a proof holds what is no hash")
    return [bytes.fromhex(item) for item in value]


def _is_number(value: Any) -> bool:
    return type(value) is int
