"""Keys of the subjects whose personal fields the ledger seals; losing a key is what erases them."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import Protocol

from abpo_sdk.errors import NotCanonical, SealingError, StoreUnavailable

KEY_BYTES = 32


class KeyProvider(Protocol):
    """Where subjects' keys are kept."""

    def key_for(self, subject: str) -> tuple[str, bytes]:
        """The identifier and key of a subject, durably made where there was none."""
        ...

    def key(self, identifier: str) -> bytes | None:
        """The key of an identifier; None where it was erased or never was here."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class MemoryVault:
    """Keys that live as long as the object; for ledgers that do so too."""

    def __init__(self) -> None:
        self._by_subject: dict[str, str] = {}
        self._keys: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def key_for(self, subject: str) -> tuple[str, bytes]:
        """The identifier and key of a subject, made where there was none."""
        with self._lock:
            if subject not in self._by_subject:
                identifier = secrets.token_hex(8)
                self._by_subject[subject] = identifier
                self._keys[identifier] = secrets.token_bytes(KEY_BYTES)
            identifier = self._by_subject[subject]
            return identifier, self._keys[identifier]

    def key(self, identifier: str) -> bytes | None:
        """The key of an identifier, or None."""
        return self._keys.get(identifier)

    def close(self) -> None:
        """Nothing is held."""


class FileVault:
    """Keys in an SQLite file of their own, beside the ledger and readable by its owner alone.

    A backup of the ledger that does not hold this file holds no personal content. Whoever has both has all.

    Args:
        path: the file; made where it is absent.

    Raises:
        StoreUnavailable: it cannot be opened.
    """

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, bytes]] = {}
        self._connection: sqlite3.Connection | None = None

    def key_for(self, subject: str) -> tuple[str, bytes]:
        """The identifier and key of a subject, committed to the file before it is used."""
        with self._lock:
            known = self._known.get(subject)
            if known is None:
                try:
                    known = self._known[subject] = self._find_or_make(subject)
                except (sqlite3.Error, OSError) as error:
                    raise StoreUnavailable(f"the keys in {str(self._path)!r} cannot be written: {error}") from error
                except UnicodeEncodeError:
                    raise NotCanonical("the name of a subject holds a lone surrogate, which is no text") from None
            return known

    def key(self, identifier: str) -> bytes | None:
        """The key of an identifier, or None."""
        with self._lock:
            try:
                if self._connection is None and not self._path.exists():
                    return None
                row = self._open().execute("SELECT key FROM keys WHERE id = ?", (identifier,)).fetchone()
            except (sqlite3.OperationalError, OSError) as error:
                raise StoreUnavailable(f"the keys in {str(self._path)!r} cannot be read: {error}") from error
            except sqlite3.Error as error:
                raise SealingError(f"{str(self._path)!r} holds no keys: {error}") from error
            return bytes(row[0]) if row else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._known.clear()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _find_or_make(self, subject: str) -> tuple[str, bytes]:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            row = connection.execute("SELECT id, key FROM keys WHERE subject = ?", (subject,)).fetchone()
            if row is None:
                row = (secrets.token_hex(8), secrets.token_bytes(KEY_BYTES))
                connection.execute("INSERT INTO keys(subject, id, key) VALUES (?, ?, ?)", (subject, *row))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return str(row[0]), bytes(row[1])

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS keys (subject TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, key BLOB NOT NULL) WITHOUT ROWID"
                )
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection
