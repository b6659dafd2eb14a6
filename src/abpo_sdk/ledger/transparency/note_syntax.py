"""How signed notes and their keys are written (https://c2sp.org/signed-note), without any cryptography."""

from __future__ import annotations

import base64
import contextlib
import re
from dataclasses import dataclass

from abpo_sdk.errors import NoteInvalid

DASH = "\N{EM DASH} "
ED25519 = b"\x01"
KEY_BYTES = 32
KEY_ID_BYTES = 4
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
BAD_NAME = "it is empty, or holds white space, '+', a control character or what is no text"
KEY_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note: the name and the id of a key, and what that key is said to have made.

    >>> str(Signature("example.org", bytes(4), bytes(2)))
    '— example.org AAAAAAAA'
    """

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}"

    @property
    def key(self) -> str:
        """Name and id of the key, as a reader may look it up."""
        return f"{self.name}+{self.key_id.hex()}"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """The signature in a line (without its newline).

        Args:
            line: em dash, space, name, space, base64 of key id and signature.

        Raises:
            NoteInvalid: it is no such line.

        Source: https://c2sp.org/signed-note, "Format".

        >>> Signature.parse("— example.org AAAAAAAA").name
        'example.org'
        """
        name, space, encoded = line.removeprefix(DASH).partition(" ")
        if not line.startswith(DASH) or not space:
            raise NoteInvalid(f"{line[:80]!r} is no signature line: em dash, space, name, space, base64")
        check_name(name)
        raw = decode_base64(encoded, f"the signature of {name!r}")
        if len(raw) <= KEY_ID_BYTES:
            raise NoteInvalid(f"the signature of {name!r} has {len(raw)} bytes, no more than a key id")
        return cls(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def split_note(note: str | bytes) -> tuple[str, tuple[Signature, ...]]:
    r"""The text of a note and all its signatures, none of them verified.

    Args:
        note: the signed note; at most 1 MB and 100 signatures.

    Raises:
        NoteInvalid: it is malformed.

    Source: https://c2sp.org/signed-note, "Format".

    >>> split_note("Hello.\n\n— example.org AAAAAAAA\n")
    ('Hello.\n', (Signature(name='example.org', key_id=b'\x00\x00\x00\x00', value=b'\x00\x00'),))
    """
    content = check_note(note)
    if not content.endswith("\n"):
        raise NoteInvalid("the note does not end with a newline")
    text, blank, block = content.rpartition("\n\n")
    if not blank:
        raise NoteInvalid("the note has no empty line between its text and its signatures")
    lines = block.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteInvalid(f"the note has {len(lines)} signatures, more than {MAX_SIGNATURES}")
    return text + "\n", tuple(Signature.parse(line) for line in lines)


def check_note(note: str | bytes) -> str:
    r"""The note as text; raises NoteInvalid where it is too large, not UTF-8, or holds control characters.

    >>> check_note(b"Hello.\n")
    'Hello.\n'
    """
    try:
        raw = note.encode() if isinstance(note, str) else bytes(note)
        text = raw.decode()
    except UnicodeError:
        raise NoteInvalid("the note is not UTF-8") from None
    if len(raw) > MAX_NOTE_BYTES:
        raise NoteInvalid(f"the note has {len(raw)} bytes, more than {MAX_NOTE_BYTES}")
    if found := CONTROL.search(text):
        raise NoteInvalid(f"the note holds the control character {found[0]!r}")
    return text


def is_name(name: str) -> bool:
    """Whether this can be the name of a key: not empty, without white space of any kind, "+" and control characters.

    Source: https://c2sp.org/signed-note, "Format".

    >>> is_name("example.org/ledger"), is_name("our ledger")
    (True, False)
    """
    if not name or "+" in name or any(c.isspace() for c in name) or CONTROL.search(name):
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def check_name(name: str) -> None:
    """Raises NoteInvalid for what is no name of a key.

    >>> check_name("example.org/ledger")
    """
    if not is_name(name):
        raise NoteInvalid(f"{name[:80]!r} is no name of a key: {BAD_NAME}")


def parse_key(text: str, what: str) -> tuple[str, str, bytes]:
    """The name, the key id in hexadecimal and the key of name+hex+base64.

    That the id belongs to the key is not checked here.

    Args:
        text: the three, joined by "+".
        what: they are, as errors say it. Errors show nothing else of the text, since the key may be private.

    Raises:
        NoteInvalid: it is anything else.

    Source: https://c2sp.org/signed-note, "Verifier keys".

    >>> parse_key("a+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "verifier key")[:2]
    ('a', '00000000')
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteInvalid(f"the {what} is not of the form name+id+key")
    name, key_id, encoded = parts
    if not is_name(name):
        raise NoteInvalid(f"the name in the {what} is none: {BAD_NAME}")
    if not KEY_ID.fullmatch(key_id):
        raise NoteInvalid(f"the key id in the {what} is not 8 lowercase hexadecimal digits")
    raw = decode_base64(encoded, f"the key in the {what}")
    if raw[:1] != ED25519:
        raise NoteInvalid(f"the {what} is of another algorithm than Ed25519: {raw[:1].hex() or 'none'} instead of 01")
    if len(raw) != 1 + KEY_BYTES:
        raise NoteInvalid(f"the {what} has a key of {len(raw) - 1} bytes; Ed25519 has {KEY_BYTES}")
    return name, key_id, raw[1:]


def decode_base64(text: str, what: str) -> bytes:
    r"""The bytes of standard, padded base64 in its one canonical spelling; raises NoteInvalid that says `what` is none.

    Source: RFC 4648, sections 3.5 and 4.

    >>> decode_base64("AAE=", "the root")
    b'\x00\x01'
    """
    raw = None
    with contextlib.suppress(ValueError):
        raw = base64.b64decode(text, validate=True)
    if raw is None or base64.b64encode(raw).decode() != text:
        raise NoteInvalid(f"{what} is not base64 (standard alphabet, padded, canonical)")
    return raw
