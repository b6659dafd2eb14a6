"""Keys of the subjects whose personal fields the ledger encrypts; losing a key is what erases them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from typing import Protocol

from abpo_sdk.errors import DefinitionError, NotCanonical

KEY_BYTES = 32


class KeyProvider(Protocol):
    """Where subjects' keys are kept. Write one of your own to keep them elsewhere, such as in a KMS.

    Every method may be called by several threads at once, and several processes may use the same keys. What a
    provider promises:

    - a key is durable before `key_for` returns it, since what is encrypted under it cannot be read without it;
    - after `erase` has returned, no `key` and no `key_for` of any process gives an erased key;
    - an identifier is never used twice, and tells nothing of its subject: it stands in the ledger for ever.

    A method raises StoreUnavailable where the keys cannot be reached, and EncryptionError where they cannot be
    used; never an error of what lies below.

    >>> vault: KeyProvider = MemoryVault()
    >>> identifier, key = vault.key_for("K-311")
    >>> vault.key(identifier) == key
    True
    """

    def key_for(self, subject: str) -> tuple[str, bytes]:
        """The identifier and key (32 bytes) of a subject, durably made where there was none."""
        ...

    def key(self, identifier: str) -> bytes | None:
        """The key of an identifier; None where it was erased or never was here."""
        ...

    def identifiers(self, subject: str) -> tuple[str, ...]:
        """The identifiers of the keys that a subject has now; empty where it has none. Makes nothing."""
        ...

    def erase(self, identifiers: Sequence[str]) -> None:
        """Forget these keys, durably and beyond recovery; those that are not there are no error."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class MemoryVault:
    """Keys that live as long as the object; for ledgers that do so too.

    >>> vault = MemoryVault()
    >>> identifier, _ = vault.key_for("K-311")
    >>> vault.identifiers("K-311") == (identifier,)
    True
    >>> vault.erase([identifier])
    >>> print(vault.key(identifier), vault.identifiers("K-311"))
    None ()
    """

    def __init__(self) -> None:
        self._by_subject: dict[str, str] = {}
        self._keys: dict[str, tuple[str, bytes]] = {}
        self._lock = threading.Lock()

    def key_for(self, subject: str) -> tuple[str, bytes]:
        """The identifier and key of a subject, made where there was none.

        Raises:
            NotCanonical: the subject is no text.
        """
        subject_bytes(subject)
        with self._lock:
            identifier = self._by_subject.get(subject)
            if identifier is None:
                identifier = self._by_subject[subject] = secrets.token_hex(8)
                self._keys[identifier] = (subject, secrets.token_bytes(KEY_BYTES))
            return identifier, self._keys[identifier][1]

    def key(self, identifier: str) -> bytes | None:
        """The key of an identifier, or None."""
        with self._lock:
            found = self._keys.get(identifier) if is_text(identifier) else None
            return found[1] if found else None

    def identifiers(self, subject: str) -> tuple[str, ...]:
        """The identifiers of the keys that a subject has now.

        Raises:
            NotCanonical: the subject is no text.
        """
        subject_bytes(subject)
        with self._lock:
            return (self._by_subject[subject],) if subject in self._by_subject else ()

    def erase(self, identifiers: Sequence[str]) -> None:
        """Forget these keys.

        Raises:
            DefinitionError: one text was given, where a list of identifiers belongs.
        """
        with self._lock:
            for identifier in to_erase(identifiers):
                subject, _ = self._keys.pop(identifier, ("", b""))
                if self._by_subject.get(subject) == identifier:
                    del self._by_subject[subject]

    def close(self) -> None:
        """Nothing is held."""


def require_complete(provider: KeyProvider) -> None:
    """Refuse a provider of keys that lacks one of the methods, before a subject's erasure depends on it.

    Raises:
        DefinitionError: naming what is missing.

    >>> require_complete(MemoryVault())
    """
    names = ("key_for", "key", "identifiers", "erase", "close")
    missing = [name for name in names if not callable(getattr(provider, name, None))]
    if missing:
        raise DefinitionError(
            f"{type(provider).__name__} cannot keep the keys of a ledger: it has no method {', '.join(missing)}; "
            "see KeyProvider"
        )


def subject_bytes(subject: str) -> bytes:
    """The name of a subject in UTF-8.

    Raises:
        NotCanonical: it is no text.
    """
    if not isinstance(subject, str):
        raise NotCanonical(f"the name of a subject is a text, and not {type(subject).__name__}")
    try:
        return subject.encode()
    except UnicodeEncodeError:
        raise NotCanonical("the name of a subject holds a lone surrogate, which is no text") from None


def is_text(identifier: object) -> bool:
    """Whether this can be the identifier of a key at all."""
    return isinstance(identifier, str) and identifier.isascii()


def to_erase(identifiers: Sequence[str]) -> list[str]:
    """Those that can be identifiers of keys.

    Raises:
        DefinitionError: one text was given: its letters would be taken for identifiers, and nothing be erased.
    """
    if isinstance(identifiers, (str, bytes)):
        raise DefinitionError("erase takes a list of identifiers, and was given one text: write erase([identifier])")
    return [identifier for identifier in identifiers if is_text(identifier)]
