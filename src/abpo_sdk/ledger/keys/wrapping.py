"""The master key: it wraps the keys of subjects, so that the file that they lie in is worth nothing without it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets

from abpo_sdk.errors import DefinitionError, EncryptionError

MASTER_BYTES = 32
MASTER_VARIABLE = "ABPO_MASTER_KEY"
NONCE_BYTES = 12
SALT_BYTES = 16


def new_master_key() -> str:
    """A fresh master key: 32 random bytes as base64 text, as `ABPO_MASTER_KEY` and `master=` take it.

    >>> len(new_master_key())
    44
    >>> new_master_key() == new_master_key()
    False
    """
    return base64.b64encode(secrets.token_bytes(MASTER_BYTES)).decode()


class Wrapping:
    """What a master key does: wrap keys, unwrap them, and be recognised.

    The master key itself encrypts nothing; each purpose has a key of its own, derived by HMAC-SHA256.

    Args:
        master: 32 bytes.

    >>> wrapping = Wrapping(bytes(32))
    >>> box = wrapping.wrap(b"a subject's key", bound_to=b"its identifier")
    >>> wrapping.unwrap(box, bound_to=b"its identifier")
    b"a subject's key"
    """

    __slots__ = ("_check_key", "_wrap_key")

    def __init__(self, master: bytes) -> None:
        self._wrap_key = _derived(master, b"abpo_sdk/master/wrap/1")
        self._check_key = _derived(master, b"abpo_sdk/master/check/1")

    def wrap(self, key: bytes, *, bound_to: bytes) -> bytes:
        """A key encrypted by AES-256-GCM under a random nonce, of use only where the same `bound_to` is said."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._wrap_key).encrypt(nonce, key, bound_to)

    def unwrap(self, box: bytes, *, bound_to: bytes) -> bytes:
        """The key in a box.

        Raises:
            EncryptionError: the box was changed, belongs elsewhere, or was made with another master key.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._wrap_key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise EncryptionError("a wrapped key does not open") from None

    def check_value(self) -> bytes:
        """What lies in a file and recognises this master key: a salt and its HMAC, other ones each time."""
        salt = secrets.token_bytes(SALT_BYTES)
        return salt + _derived(self._check_key, salt)

    def recognises(self, check_value: bytes) -> bool:
        """Whether a check value was made with this master key."""
        return hmac.compare_digest(_derived(self._check_key, check_value[:SALT_BYTES]), check_value[SALT_BYTES:])


def wrapping_by(master: bytes | str | None) -> Wrapping | None:
    """The wrapping by a master key; None where there is none.

    Raises:
        DefinitionError: the key has another form. The message does not show it.
    """
    return None if master is None else Wrapping(_master_bytes(master, "the master key"))


def wrapping_by_default(master: bytes | str | None) -> Wrapping | None:
    """The wrapping by a master key, or else by the one in the environment; None where there is neither.

    Raises:
        DefinitionError: the key has another form. The message does not show it.
    """
    if master is None and MASTER_VARIABLE in os.environ:
        return Wrapping(_master_bytes(os.environ[MASTER_VARIABLE], f"the master key in {MASTER_VARIABLE}"))
    return wrapping_by(master)


def _master_bytes(master: bytes | str, what: str) -> bytes:
    form = f"{what} must be {MASTER_BYTES} bytes, or they as base64 text, as new_master_key() makes it"
    if isinstance(master, bytes):
        if len(master) != MASTER_BYTES:
            raise DefinitionError(f"{form}; these are {len(master)} bytes" + _advice(len(master)))
        return master
    if not isinstance(master, str):
        raise DefinitionError(f"{form}; this is of type {type(master).__name__}")
    text = master.strip().replace("-", "+").replace("_", "/")
    if not text:
        raise DefinitionError(f"{form}; this text is empty")
    try:
        decoded = base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except binascii.Error:
        raise DefinitionError(f"{form}; this text of {len(master)} characters is no base64") from None
    if len(decoded) != MASTER_BYTES:
        raise DefinitionError(f"{form}; this text stands for {len(decoded)} bytes")
    return decoded


def _advice(length: int) -> str:
    return ": give base64 as text, decoded from bytes" if length in (44, 45) else ""


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, hashlib.sha256)
