"""Keys in an SQLite file of their own, beside the ledger.

The file says nothing in clear: a row is found by the HMAC of its subject's name, under a random look-up key, and its
key is wrapped by the master key where there is one. Format 2 of the file, in its `user_version`; format 1, which
wrote no number, had the names in clear. It is read as it is, and brought forward by the first write.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from abpo_sdk.errors import EncryptionError, SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger.keys.vault import KEY_BYTES, is_text, subject_bytes, to_erase
from abpo_sdk.ledger.keys.wrapping import MASTER_VARIABLE, Wrapping, wrapping_by, wrapping_by_default

FORMAT = 2
APPLICATION_ID = 0x4142504B  # "ABPK", in SQLite's application_id, so that another program's file is not written into
TABLES = (
    "CREATE TABLE keys (id TEXT PRIMARY KEY, lookup BLOB NOT NULL UNIQUE, key BLOB NOT NULL) WITHOUT ROWID",
    # "look-up key"; "check", where a master key wraps the others; "sweep", while freed bytes wait to be overwritten
    "CREATE TABLE vault (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)
COLUMNS_BEFORE = ["subject", "id", "key"]  # of format 1
PUT = "INSERT OR REPLACE INTO vault(name, value) VALUES (?, ?)"
LOOK_UP = b"abpo_sdk look-up key"
READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"
REMEMBERED = 10_000  # keys in memory
SETTLED = 2_000_000_000  # ns; a file changed longer ago than this shows its next change in its times, on every disk


@dataclass(slots=True, frozen=True, repr=False)
class _Content:
    """What a file is, apart from the keys of subjects."""

    format: int  # 0: an empty file
    wrapping: Wrapping | None = None
    look_up: bytes = b""
    sweep: bytes | None = None


class FileVault:
    """Keys in an SQLite file of their own, beside the ledger and readable by its owner alone.

    A backup of the ledger that does not hold this file holds no personal content. With a master key the file alone
    is worth nothing either: it wraps every subject's key. Without one the keys lie in the file as they are, and
    whoever has both files has all.

    A new file is made with the first key, wrapped if there is a master key. A file that is there must be what the
    vault was told: wrapped by this master key, or not wrapped and no master key given. Nothing is guessed; `rotate`
    takes a file from any master key, or none, to another. Threads may share a vault, and processes a file, which
    must lie on a local disk.

    Args:
        path: the file; made with the first key.
        master: the master key, 32 bytes or they as base64 text; default: that in the environment variable
            `ABPO_MASTER_KEY`, as base64 text; none where it is not set.
        timeout: how many seconds to wait for other writers.

    Raises:
        DefinitionError: the master key has another form.

    Every method raises EncryptionError where the file holds no keys, or is not wrapped by this master key;
    SchemaUnknown where a later release or another program wrote it; StoreUnavailable where it is locked, read-only
    or out of reach.

    >>> import tempfile
    >>> from abpo_sdk.ledger.keys.wrapping import new_master_key
    >>> directory = tempfile.TemporaryDirectory()
    >>> vault = FileVault(f"{directory.name}/ledger.db.keys", master=new_master_key())
    >>> identifier, key = vault.key_for("K-311")
    >>> vault.erase(vault.identifiers("K-311"))
    >>> print(vault.key(identifier))
    None
    >>> vault.close()
    >>> directory.cleanup()
    """

    def __init__(
        self, path: str | os.PathLike[str], *, master: bytes | str | None = None, timeout: float = 5.0
    ) -> None:
        self._path = Path(path)
        self._file = os.path.abspath(path)
        self._wrapping = wrapping_by_default(master)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._inode: tuple[int, int] | None = None  # of the file that the connection is to
        self._content: _Content | None = None
        self._version = 0  # of the file, as SQLite counts it, when the content was read
        self._times: tuple[int, ...] | None = None  # of the file, when it was last found unchanged
        self._known: dict[str, tuple[str, bytes]] = {}  # by subject
        self._keys: dict[str, bytes] = {}  # by identifier
        self._fitted = False

    def key_for(self, subject: str) -> tuple[str, bytes]:
        """The identifier and key of a subject, committed to the file before it is used.

        Raises:
            NotCanonical: the subject is no text.
            StoreUnavailable: there is no key yet, and none can be kept.
            EncryptionError, SchemaUnknown: see the class.
        """
        with self._lock:
            try:
                known = self._known.get(subject)
                if known is None or not self._unchanged():
                    name = subject_bytes(subject)
                    known = self._found(name) or self._made(name)
                    if len(self._known) >= REMEMBERED:
                        self._known.clear()
                    self._known[subject] = known
            except (sqlite3.Error, OSError, ValueError) as error:
                raise self._unwritten(error) from error
            return known

    def key(self, identifier: str) -> bytes | None:
        """The key of an identifier, or None.

        Raises:
            EncryptionError: it was changed in the file; see also the class.
            StoreUnavailable, SchemaUnknown: see the class.
        """
        if not is_text(identifier):
            return None
        with self._lock:
            try:
                key = self._keys.get(identifier)
                if key is None or not self._unchanged():
                    key = self._read(identifier)
            except (sqlite3.Error, OSError, ValueError) as error:
                raise self._unread(error) from error
            return key

    def identifiers(self, subject: str) -> tuple[str, ...]:
        """The identifiers of the keys that a subject has now; empty where it has none. Makes nothing.

        Raises:
            NotCanonical: the subject is no text.
            EncryptionError, StoreUnavailable, SchemaUnknown: see the class.
        """
        name = subject_bytes(subject)
        with self._lock:
            try:
                with self._transaction(READ) as content:
                    return tuple(identifier for identifier, _, _ in self._rows_of(content, name))
            except (sqlite3.Error, OSError, ValueError) as error:
                raise self._unread(error) from error

    def erase(self, identifiers: Sequence[str]) -> None:
        """Forget these keys: when this returns, no file in the directory holds them, and no vault gives them.

        Copies made elsewhere, such as backups and snapshots of the disk, are beyond its reach.

        Raises:
            DefinitionError: one text was given, where a list of identifiers belongs.
            StoreUnavailable: nothing was erased, or (the message says so) old bytes could not be overwritten yet.
            EncryptionError, SchemaUnknown: see the class.
        """
        wanted = to_erase(identifiers)
        if not wanted:
            return
        with self._lock:
            try:
                with self._transaction(READ) as content:
                    there = content.format != 0 and any(
                        self._rows("SELECT 1 FROM keys WHERE id = ?", identifier) for identifier in wanted
                    )
                if there:
                    with self._transaction(WRITE) as content:
                        content = self._made_ready(content)
                        for identifier in wanted:
                            self._rows("DELETE FROM keys WHERE id = ?", identifier)
                    self._forget()
            except (sqlite3.Error, OSError, ValueError) as error:
                raise self._unwritten(error) from error
            self._sweep(content, "erased", "erase")

    def rotate(self, master: bytes | str | None) -> None:
        """Wrap all keys by another master key, in one transaction; None unwraps them. The vault then has that one.

        For a file that is not wrapped yet, any vault will do; else it must have the file's present master key, or
        the new one already, which is no error, so that it can be repeated. Other vaults on the file notice, and
        refuse with EncryptionError from then on: make new ones with the new master key.

        Args:
            master: the new master key; 32 bytes or they as base64 text. The environment is not looked at.

        Raises:
            DefinitionError: the master key has another form.
            EncryptionError: the present one is another than this vault's, or a key was changed in the file.
            StoreUnavailable: there is no file; or it cannot be written, and is as it was before; or (the message
                says so) old bytes could not be overwritten yet.
            SchemaUnknown: see the class.
        """
        wrapping = wrapping_by(master)
        with self._lock:
            try:
                if self._connected() is None:
                    raise StoreUnavailable(f"there are no keys in {str(self._path)!r} to be rotated: no such file")
                self._content = None
                with self._transaction(WRITE, self._wrapping, None, wrapping) as content:
                    content = self._rewrapped(self._made_ready(content), wrapping)
            except (sqlite3.Error, OSError, ValueError) as error:
                raise self._unwritten(error) from error
            self._wrapping = wrapping
            self._content = None
            self._sweep(content, "rotated", "rotate")

    def close(self) -> None:
        """Close the file. The vault may be used again, and opens it then."""
        with self._lock:
            self._disconnect()

    # what the methods are made of

    def _read(self, identifier: str) -> bytes | None:
        with self._transaction(READ) as content:
            if content.format == 0:
                return None
            lookup = "lookup" if content.format == FORMAT else "x''"
            rows = self._rows(f"SELECT {lookup}, key FROM keys WHERE id = ?", identifier)
            key = self._unwrapped(content, identifier, *rows[0]) if rows else None
        if key is not None:
            if len(self._keys) >= REMEMBERED:
                self._keys.clear()
            self._keys[identifier] = key
        return key

    def _found(self, name: bytes) -> tuple[str, bytes] | None:
        with self._transaction(READ) as content:
            rows = self._rows_of(content, name)
            return (rows[0][0], self._unwrapped(content, *rows[0])) if rows else None

    def _made(self, name: bytes) -> tuple[str, bytes]:
        if self._connected() is None:
            self._create()
        with self._transaction(WRITE) as content:
            content = self._made_ready(content)
            rows = self._rows_of(content, name)  # another process may have made it meanwhile
            if rows:
                made = rows[0][0], self._unwrapped(content, *rows[0])
            else:
                made = secrets.token_hex(8), secrets.token_bytes(KEY_BYTES)
                self._insert(content, name, *made)
        if content.sweep:
            with contextlib.suppress(StoreUnavailable):  # the next write tries again
                self._sweep(content, "moved", "try")
        return made

    def _rows_of(self, content: _Content, name: bytes) -> list[tuple[str, bytes, bytes]]:
        if content.format == 0:
            return []
        if content.format == FORMAT:
            return self._rows("SELECT id, lookup, key FROM keys WHERE lookup = ?", _lookup(content, name))
        return self._rows("SELECT id, x'', key FROM keys WHERE subject = ?", name.decode())

    def _insert(self, content: _Content, name: bytes, identifier: str, key: bytes) -> None:
        lookup = _lookup(content, name)
        box = _wrapped(content.wrapping, identifier, lookup, key)
        self._rows("INSERT INTO keys(id, lookup, key) VALUES (?, ?, ?)", identifier, lookup, box)

    def _unwrapped(self, content: _Content, identifier: str, lookup: bytes, box: bytes) -> bytes:
        key = _opened(content.wrapping, _blob(box), _bound_to(identifier, _blob(lookup)))
        if key is None:
            raise EncryptionError(f"the key {identifier} in {str(self._path)!r} was changed there, and cannot be used")
        return key

    def _rewrapped(self, content: _Content, wrapping: Wrapping | None) -> _Content:
        """The file's content after all its keys were wrapped anew, unless they are wrapped so already."""
        if content.wrapping is wrapping:
            return content
        for identifier, lookup, box in self._rows("SELECT id, lookup, key FROM keys"):
            key = self._unwrapped(content, identifier, lookup, box)
            anew = _wrapped(wrapping, identifier, lookup, key)
            self._rows("UPDATE keys SET key = ? WHERE id = ?", anew, identifier)
        return self._kept(replace(content, wrapping=wrapping, sweep=secrets.token_bytes(8)))

    def _kept(self, content: _Content) -> _Content:
        """Write what the file is."""
        self._rows("DELETE FROM vault")
        look_up = content.look_up
        if content.wrapping is not None:
            self._rows(PUT, "check", content.wrapping.check_value())
            look_up = content.wrapping.wrap(look_up, bound_to=LOOK_UP)
        self._rows(PUT, "look-up key", look_up)
        if content.sweep is not None:
            self._rows(PUT, "sweep", content.sweep)
        self._content, self._fitted = content, True
        return content

    def _made_ready(self, content: _Content) -> _Content:
        """Make the tables, or bring them to the present format, within a transaction that writes."""
        if content.format == FORMAT:
            return content
        before = self._rows("SELECT subject, id, key FROM keys") if content.format == 1 else []
        if content.format == 1:
            self._rows("DROP TABLE keys")
        for table in TABLES:
            self._rows(table)
        self._rows(f"PRAGMA application_id = {APPLICATION_ID}")
        self._rows(f"PRAGMA user_version = {FORMAT}")
        sweep = secrets.token_bytes(8) if content.format == 1 else None
        content = self._kept(_Content(FORMAT, content.wrapping, secrets.token_bytes(KEY_BYTES), sweep))
        for subject, identifier, key in before:
            self._insert(content, subject_bytes(subject), identifier, key)
        return content

    def _sweep(self, content: _Content, done: str, verb: str) -> None:
        """Write the file anew, without what was freed in it, if that is due."""
        if content.sweep is None:
            return
        self._content = None
        try:
            self._rows("VACUUM")
            self._rows("DELETE FROM vault WHERE name = 'sweep' AND value = ?", content.sweep)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(
                f"the keys in {str(self._path)!r} are {done}, but old bytes could not be overwritten yet: {error}; "
                f"{verb} again"
            ) from error

    # the file

    def _rows(self, sql: str, *values: str | bytes) -> list[Any]:
        if self._connection is None:
            raise self._unwritten(FileNotFoundError("it was removed"))
        return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self, begin: str, *accepted: Wrapping | None) -> Iterator[_Content]:
        """A transaction on what is there; where there is no file, an empty one is as good."""
        connection = self._connected()
        if connection is None:
            yield _Content(0, self._wrapping)
            return
        if begin == WRITE and connection.execute("PRAGMA journal_mode = DELETE").fetchall() != [("delete",)]:
            raise StoreUnavailable(f"the keys in {str(self._path)!r} cannot be written: another program uses the file")
        connection.execute(begin)
        try:
            yield self._looked_at(connection, accepted or (self._wrapping,))
            connection.execute("COMMIT")
        except BaseException:
            self._content = None
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise

    def _looked_at(self, connection: sqlite3.Connection, accepted: Sequence[Wrapping | None]) -> _Content:
        """What the file is at present; what was known of it is forgotten if another connection wrote to it."""
        version = _version(connection)
        if self._content is None or version != self._version:
            self._forget()
            content = self._content_of(connection, accepted)
            self._fitted = self._fitted or content.format != 0
            self._content, self._version = content, version
        return self._content

    def _unchanged(self) -> bool:
        """Whether no other connection has written to the file since what is known of it was read.

        SQLite's own counter tells, at the price of locking the file. So the file's times are asked first: they
        are as good, unless it was changed so shortly ago that the next change could fall on the same tick.
        """
        if self._content is None or self._connection is None:
            return False
        try:
            found = os.stat(self._file)
        except FileNotFoundError:
            return False
        times = (found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if times == self._times:
            return True
        if (found.st_dev, found.st_ino) != self._inode or _version(self._connection) != self._version:
            return False
        settled = max(found.st_mtime_ns, found.st_ctime_ns) + SETTLED < time.time_ns()
        self._times = times if settled else None
        return True

    def _connected(self) -> sqlite3.Connection | None:
        """A connection to the file that lies there now; None where there is none."""
        try:
            found = os.stat(self._file)
        except FileNotFoundError:
            self._disconnect()
            return None
        inode = (found.st_dev, found.st_ino)
        if self._process != os.getpid():  # forked off: SQLite's connections are for one process each
            self._inherited, self._connection, self._process = self._connection, None, os.getpid()
        if self._connection is None or inode != self._inode:
            self._disconnect()
            connection = sqlite3.connect(
                self._file, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute("PRAGMA synchronous = EXTRA")  # FULL, and the directory when the journal is deleted
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("PRAGMA temp_store = MEMORY")
            except BaseException:
                connection.close()
                raise
            self._connection, self._inode = connection, inode
        return self._connection

    def _disconnect(self) -> None:
        self._forget()
        self._fitted = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _forget(self) -> None:
        """Forget what is known of the file, and of the keys in it."""
        self._content = self._times = None
        self._known.clear()
        self._keys.clear()

    def _create(self) -> None:
        """Make the file, its owner's alone. One that is there is not opened: to close it would undo SQLite's locks."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def _content_of(self, connection: sqlite3.Connection, accepted: Sequence[Wrapping | None]) -> _Content:
        kind = self._format_of(connection)
        if kind == 0:
            return _Content(0, accepted[0])
        if kind == 1:
            return _Content(1, self._fitting(None, accepted))
        rows = {name: _blob(value) for name, value in connection.execute("SELECT name, value FROM vault").fetchall()}
        wrapping = self._fitting(rows.get("check"), accepted)
        look_up = _opened(wrapping, rows.get("look-up key", b""), LOOK_UP)
        if look_up is None:
            raise EncryptionError(f"the look-up key in {str(self._path)!r} was changed there, and cannot be used")
        return _Content(FORMAT, wrapping, look_up, rows.get("sweep"))

    def _format_of(self, connection: sqlite3.Connection) -> int:
        [[version]] = connection.execute("PRAGMA user_version").fetchall()
        [[application]] = connection.execute("PRAGMA application_id").fetchall()
        tables = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        ]
        if application == 0 and version == 0:
            if not tables:
                return 0
            columns = [row[1] for row in connection.execute("PRAGMA table_info(keys)").fetchall()]
            if tables == ["keys"] and columns == COLUMNS_BEFORE:
                return 1
        if application == APPLICATION_ID and version == FORMAT:
            return FORMAT
        if version > FORMAT and "keys" in tables:
            raise SchemaUnknown(
                f"the keys in {str(self._path)!r} have format {version}, and this release knows up to {FORMAT}; a "
                "later release wrote them, so use that one"
            )
        raise SchemaUnknown(
            f"{str(self._path)!r} is an SQLite file, but holds no keys: its tables are {', '.join(sorted(tables))}"
        )

    def _fitting(self, check: bytes | None, accepted: Sequence[Wrapping | None]) -> Wrapping | None:
        """Which of these wraps the keys of the file."""
        if check is None and None in accepted:
            return None
        for wrapping in accepted:
            if check is not None and wrapping is not None and wrapping.recognises(check):
                return wrapping
        where, given = repr(str(self._path)), accepted[0] is not None
        if self._fitted:
            now = "not wrapped any more" if check is None else "wrapped by another master key now"
            raise EncryptionError(
                f"the keys in {where} were rotated since this vault opened them, and are {now}: make a new vault, "
                + (
                    "without a master key"
                    if check is None
                    else f"with that one (set {MASTER_VARIABLE} or give master=)"
                )
            )
        if check is None:
            raise EncryptionError(
                f"the keys in {where} are not wrapped, and a master key was given (master=, or {MASTER_VARIABLE} is "
                f"set): call FileVault({where}).rotate(master) once to wrap them, or give none"
            )
        if given:
            raise EncryptionError(f"the keys in {where} are wrapped by another master key than the one given")
        raise EncryptionError(
            f"the keys in {where} are wrapped by a master key, and none was given: set {MASTER_VARIABLE} or give master="
        )

    def _unread(self, error: Exception) -> StoreUnavailable | EncryptionError:
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.OperationalError):
            return EncryptionError(f"{str(self._path)!r} holds no keys: {error}")
        return StoreUnavailable(f"the keys in {str(self._path)!r} cannot be read: {error}")

    def _unwritten(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the keys in {str(self._path)!r} cannot be written: {error}")


def _version(connection: sqlite3.Connection) -> int:
    [[version]] = connection.execute("PRAGMA data_version").fetchall()
    return int(version)


def _lookup(content: _Content, name: bytes) -> bytes:
    return hmac.digest(content.look_up, name, hashlib.sha256)


def _wrapped(wrapping: Wrapping | None, identifier: str, lookup: bytes, key: bytes) -> bytes:
    return key if wrapping is None else wrapping.wrap(key, bound_to=_bound_to(identifier, lookup))


def _opened(wrapping: Wrapping | None, box: bytes, bound_to: bytes) -> bytes | None:
    """The key in a box, which without a wrapping is the key; None where it was changed."""
    try:
        key = box if wrapping is None else wrapping.unwrap(box, bound_to=bound_to)
    except EncryptionError:
        return None
    return key if len(key) == KEY_BYTES else None


def _blob(value: object) -> bytes:
    """A column's value; nothing that can be used where someone put another type there."""
    return value if isinstance(value, bytes) else b""


def _bound_to(identifier: str, lookup: bytes) -> bytes:
    return b"abpo_sdk subject key\0%s\0%s" % (identifier.encode(), lookup)
