"""Signed notes: a text, and below it who signed it (https://c2sp.org/signed-note), with Ed25519 alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abpo_sdk.errors import NoteInvalid, StoreUnavailable
from abpo_sdk.ledger.transparency.durable import put_new
from abpo_sdk.ledger.transparency.note_syntax import (
    ED25519,
    KEY_BYTES,
    KEY_ID_BYTES,
    Signature,
    check_name,
    check_note,
    parse_key,
    split_note,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Verifier:
    """The name and public key of who signs notes; its text is the "vkey" to hand to those who verify.

    Args:
        name: of the key; not empty, without white space of any kind and without "+".
        public_key: the 32 bytes of an Ed25519 public key (RFC 8032).

    Raises:
        NoteInvalid: the name or the key is none.

    Source: https://c2sp.org/signed-note, "Verifier keys".

    >>> text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    >>> verifier = Verifier.parse(text)
    >>> verifier.name, verifier.key_id.hex(), str(verifier) == text
    ('example.com/foo', '530d903a', True)
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != KEY_BYTES:
            raise NoteInvalid(f"the key of {self.name!r} has {len(self.public_key)} bytes; Ed25519 has {KEY_BYTES}")

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell keys of one name apart: a digest of name and key, too short to be a proof."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:KEY_ID_BYTES]

    @property
    def key(self) -> str:
        """Name and id of the key, as errors name it."""
        return f"{self.name}+{self.key_id.hex()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """The verifier that a "vkey" (name+hex+base64) describes.

        Args:
            text: as `str(verifier)` gives it.

        Raises:
            NoteInvalid: it is malformed, of another algorithm, or its key id is not that of its name and key.

        Source: https://c2sp.org/signed-note, "Verifier keys".

        >>> Verifier.parse("example.org+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
        Traceback (most recent call last):
        abpo_sdk.errors.NoteInvalid: the key id of 'example.org' is 27dd878b, but the verifier key says 530d903a: ...
        """
        name, key_id, key = parse_key(text, "verifier key")
        verifier = cls(name, key)
        _check_key_id(verifier, key_id, "verifier key")
        return verifier

    def __str__(self) -> str:
        return f"{self.key}+{base64.b64encode(ED25519 + self.public_key).decode()}"

    def verifies(self, text: str, signature: bytes) -> bool:
        r"""Whether the key made this signature (64 bytes, RFC 8032) over the UTF-8 of this text.

        >>> signer = Signer.generate("example.org")
        >>> signer.verifier.verifies("Hello.\n", bytes(64))
        False
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Note:
    """A text and those of its signatures that known keys made."""

    text: str
    signatures: tuple[Signature, ...]


class Signer:
    r"""A private Ed25519 key with a name. Neither `repr` nor any error shows the key.

    >>> signer = Signer.generate("example.org/ledger")
    >>> open_note(signer.sign("Hello.\n"), [signer.verifier]).text
    'Hello.\n'
    """

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = Verifier(name, key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"<Signer {self.verifier}>"

    @classmethod
    def generate(cls, name: str) -> Signer:
        """A signer with a new key; raises NoteInvalid for a bad name.

        >>> Signer.generate("example.org").verifier.name
        'example.org'
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> Signer:
        """The signer that a private text (PRIVATE+KEY+name+hex+base64) holds.

        Args:
            text: as `private_text` gives it.

        Raises:
            NoteInvalid: it is malformed, of another algorithm, or its key id is not that of its name and key.

        Source: the documentation of golang.org/x/mod/sumdb/note.

        >>> Signer.parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
        <Signer PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW>
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if not text.startswith(PRIVATE):
            raise NoteInvalid(f"a private key begins with {PRIVATE!r}")
        name, key_id, seed = parse_key(text.removeprefix(PRIVATE), "private key")
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        _check_key_id(signer.verifier, key_id, "private key")
        return signer

    def private_text(self) -> str:
        """The key as text. Whoever has it signs in this name: keep it secret.

        >>> Signer.generate("example.org").private_text().startswith("PRIVATE+KEY+example.org+")
        True
        """
        key = base64.b64encode(ED25519 + self._key.private_bytes_raw()).decode()
        return f"{PRIVATE}{self.verifier.key}+{key}"

    def sign(self, text: str) -> str:
        r"""The signed note: the text, an empty line, and the signature line.

        Args:
            text: ends with a newline, and holds no other control character.

        Raises:
            NoteInvalid: the text cannot stand in a note.

        Source: https://c2sp.org/signed-note, "Format" and "Ed25519 signatures".

        >>> key = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
        >>> Signer.parse(key).sign("Hello.\n").startswith("Hello.\n\n— PeterNeumann x08go")
        True
        """
        check_note(text)
        if not text.endswith("\n"):
            raise NoteInvalid("the text of a note ends with a newline")
        value = self._key.sign(text.encode())
        return check_note(f"{text}\n{Signature(self.verifier.name, self.verifier.key_id, value)}\n")

    @classmethod
    def from_file(cls, path: str | Path, name: str | None = None) -> Signer:
        """The signer whose private text a file holds.

        Args:
            path: the file.
            name: the name that the key must have; None takes any.

        Raises:
            StoreUnavailable: it cannot be read.
            NoteInvalid: it holds no private key, or one of another name.

        >>> Signer.from_file("/nowhere/ledger.key")
        Traceback (most recent call last):
        abpo_sdk.errors.StoreUnavailable: the private key in '/nowhere/ledger.key' cannot be read: ...
        """
        try:
            text = Path(path).read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise StoreUnavailable(f"the private key in {str(path)!r} cannot be read: {error}") from error
        try:
            signer = cls.parse(text.removesuffix("\n"))
        except NoteInvalid as error:
            raise NoteInvalid(f"{str(path)!r} holds no private key: {error}") from None
        if name is not None and signer.verifier.name != name:
            raise NoteInvalid(f"{str(path)!r} holds the key of {signer.verifier.name!r}, not of {name!r}")
        return signer

    @classmethod
    def create_file(cls, path: str | Path, name: str) -> Signer:
        """The signer of a file, made with a new key where the file is absent, readable by its owner alone.

        The file appears whole and durable or not at all; of several who make it at once, one wins and all get its key.

        Args:
            path: the file; its directory must exist, on a file system that has hard links.
            name: of the key.

        Raises:
            StoreUnavailable: it cannot be made or read.
            NoteInvalid: the name is bad, or the file is there and holds something else.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = Signer.create_file(f"{folder}/ledger.key", "example.org")
        ...     made.verifier == Signer.from_file(f"{folder}/ledger.key").verifier
        True
        """
        try:
            put_new(Path(path), (cls.generate(name).private_text() + "\n").encode())
        except OSError as error:
            raise StoreUnavailable(f"the private key in {str(path)!r} cannot be made: {error}") from error
        return cls.from_file(path, name)


def open_note(note: str | bytes, verifiers: Iterable[Verifier]) -> Note:
    r"""The text of a note that a known key signed.

    Signatures of other keys are ignored, and so is the second of one key. A signature of a known key that does not
    verify refuses the note, whoever else signed it.

    Args:
        note: the signed note; at most 1 MB and 100 signatures.
        verifiers: the keys that are known.

    Raises:
        NoteInvalid: the note is malformed, no known key signed it, or a signature of a known key is wrong.

    Source: https://c2sp.org/signed-note, "Format" and "Signatures".

    >>> key = Verifier.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    >>> signature = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    >>> open_note(f"This is an example message.\n\n— example.com/foo {signature}\n", [key]).text
    'This is an example message.\n'
    """
    known: dict[str, Verifier] = {}
    for verifier in verifiers:
        if known.setdefault(verifier.key, verifier) != verifier:
            raise NoteInvalid(f"two different keys are known as {verifier.key}")
    text, signatures = split_note(note)
    verified: dict[str, Signature] = {}
    for signature in signatures:
        if signature.key in known:
            if not known[signature.key].verifies(text, signature.value):
                raise NoteInvalid(f"the signature of {signature.key} does not verify: it was made over another text")
            verified.setdefault(signature.key, signature)
    if not verified:
        found = ", ".join(dict.fromkeys(signature.key for signature in signatures))
        raise NoteInvalid(
            f"no known key signed the note: it is signed by {found}, and known is {', '.join(known) or 'none'}"
        )
    return Note(text, tuple(verified.values()))


def _check_key_id(verifier: Verifier, key_id: str, what: str) -> None:
    if verifier.key_id.hex() != key_id:
        raise NoteInvalid(
            f"the key id of {verifier.name!r} is {verifier.key_id.hex()}, but the {what} says {key_id}: was it changed?"
        )
