"""Checkpoints: what a ledger held at one time, in two numbers, to be signed (https://c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from abpo_sdk.errors import NoteInvalid
from abpo_sdk.ledger.transparency.note import Signer, Verifier, open_note
from abpo_sdk.ledger.transparency.note_syntax import check_note, decode_base64

ROOT_BYTES = 32
MAX_SIZE = 2**64 - 1
DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    r"""The size and root of a Merkle tree, and whose tree it is.

    Args:
        origin: the log's name; one line, not empty.
        size: how many leaves the tree has, below 2**64.
        root: its RFC 6962 root hash, 32 bytes.
        extensions: further lines, each not empty; nothing checks what they say, so better none.

    Raises:
        NoteInvalid: one of them is not so.

    Source: https://c2sp.org/tlog-checkpoint, "Note text".

    >>> Checkpoint("example.org/ledger", 0, bytes(32)).text()
    'example.org/ledger\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or "\n" in line:
                raise NoteInvalid(
                    f"origin and extensions of a checkpoint are one line each and not empty, not {line!r}"
                )
            check_note(line)
        if not 0 <= self.size <= MAX_SIZE:
            raise NoteInvalid(f"a checkpoint covers 0 to {MAX_SIZE} leaves, not {self.size}")
        if len(self.root) != ROOT_BYTES:
            raise NoteInvalid(f"the root of a checkpoint has {ROOT_BYTES} bytes, not {len(self.root)}")

    def text(self) -> str:
        r"""The text to sign: origin, size, root and extensions, each on its line.

        Source: https://c2sp.org/tlog-checkpoint, "Note text".

        >>> Checkpoint("example.org/ledger", 7, bytes(32), ("more",)).text().endswith("=\nmore\n")
        True
        """
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Self:
        r"""The checkpoint that a text describes.

        Args:
            text: as `text()` gives it; the only spelling of this checkpoint.

        Raises:
            NoteInvalid: it is none.

        Source: https://c2sp.org/tlog-checkpoint, "Note text".

        >>> Checkpoint.parse("example.org/ledger\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
        Traceback (most recent call last):
        abpo_sdk.errors.NoteInvalid: the size of a checkpoint is decimal without leading zeros, not '07'
        """
        if not text.endswith("\n"):
            raise NoteInvalid("a checkpoint ends with a newline")
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3:
            raise NoteInvalid(f"a checkpoint has at least 3 lines (origin, size, root), not {len(lines)}")
        origin, size, root, *extensions = lines
        if not DECIMAL.fullmatch(size):
            raise NoteInvalid(f"the size of a checkpoint is decimal without leading zeros, not {size[:80]!r}")
        return cls(origin, int(size), decode_base64(root, "the root of the checkpoint"), tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    r"""The checkpoint as a signed note.

    Args:
        checkpoint: of the signer's own log: its origin is the signer's name.
        signer: whose key signs it.

    Raises:
        NoteInvalid: the origin is another, or the note would be too large.

    Source: https://c2sp.org/tlog-checkpoint, "Signatures".

    >>> signer = Signer.generate("example.org/ledger")
    >>> note = sign_checkpoint(Checkpoint("example.org/ledger", 7, bytes(32)), signer)
    >>> note.count("\n")
    5
    """
    if checkpoint.origin != signer.verifier.name:
        raise NoteInvalid(f"{signer.verifier.name!r} does not sign for the origin {checkpoint.origin!r}")
    return signer.sign(checkpoint.text())


def open_checkpoint(note: str | bytes, verifiers: Iterable[Verifier], *, origin: str) -> Checkpoint:
    r"""The checkpoint in a note that the log itself signed.

    The origin is the name of the log's key. That another known key signed too (a witness, another ledger of the same
    owner) does not make up for it: what one log signs says nothing of another.

    Args:
        note: the signed note.
        verifiers: the keys that are known.
        origin: of the log that is asked about.

    Raises:
        NoteInvalid: the note is malformed or not signed by a known key (see `open_note`), its text is no checkpoint,
            it is of another origin, or no known key of this name signed it.

    Source: https://c2sp.org/tlog-checkpoint.

    >>> signer = Signer.generate("example.org/ledger")
    >>> note = sign_checkpoint(Checkpoint("example.org/ledger", 7, bytes(32)), signer)
    >>> open_checkpoint(note, [signer.verifier], origin="example.org/ledger").size
    7
    """
    opened = open_note(note, verifiers)
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != origin:
        raise NoteInvalid(f"the checkpoint is of {checkpoint.origin!r}, not of {origin!r}")
    if all(signature.name != origin for signature in opened.signatures):
        others = ", ".join(signature.key for signature in opened.signatures)
        raise NoteInvalid(f"the checkpoint of {origin!r} is not signed in that name, only by {others}")
    return checkpoint
