"""Anchors: where checkpoints are kept out of reach of the ledger's owner, so that a rewritten ledger is noticed."""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from abpo_sdk.errors import DefinitionError, NoteInvalid, StoreUnavailable
from abpo_sdk.ledger.transparency.durable import sync_directory, write_all
from abpo_sdk.ledger.transparency.note_syntax import DASH, MAX_NOTE_BYTES, Signature, check_note, split_note

WINDOW = 2 * (MAX_NOTE_BYTES + 1)  # holds the end of the last whole note, whatever unfinished one follows
END = re.compile(rf"^{DASH}[^\n]*\n\n".encode(), re.MULTILINE)


class Anchor(Protocol):
    """A place where signed checkpoints are published. It is worth as much as it is hard for the ledger's owner to change."""

    def publish(self, note: str) -> None:
        """Keep a signed note. Once this returns, it is kept; where it raises, it counts as not published, and may be found twice later."""
        ...

    def notes(self) -> Iterable[str] | None:
        """What was published, oldest first, or just the last; None where it cannot be read back. Nothing in it is verified."""
        ...


class FileAnchor:
    r"""Notes in a text file, one after another, each followed by an empty line.

    Put the file where the ledger's owner cannot change it: another machine's disk, a share that takes appends alone, a
    repository that others pull. Several processes may publish to one file.

    Args:
        path: the file, made at the first publication. Its directory must exist: it is not made, since a share that is
            not mounted would else be replaced by a directory of this machine.

    >>> import tempfile
    >>> from abpo_sdk.ledger.transparency.note import Signer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     anchor = FileAnchor(f"{folder}/anchor.txt")
    ...     anchor.publish(Signer.generate("example.org").sign("Hello.\n"))
    ...     [note.splitlines()[0] for note in anchor.notes()]
    ['Hello.']
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"FileAnchor({str(self.path)!r})"

    def publish(self, note: str) -> None:
        r"""Append a note; it is on disk when this returns.

        What a crash or a full disk left unfinished at the end is cut off first.

        Args:
            note: a signed note whose text has no empty line, as no checkpoint's text has one.

        Raises:
            NoteInvalid: it is no such note, or the file holds something else. Nothing was published.
            StoreUnavailable: the file cannot be written, or the disk is full. Nothing was published.

        >>> FileAnchor("/nowhere/anchor.txt").publish("Hello.\n\n— example.org AAAAAAAA\n")
        Traceback (most recent call last):
        abpo_sdk.errors.StoreUnavailable: nothing was published to '/nowhere/anchor.txt': ...
        """
        _check_publishable(note)
        content = note.encode() + b"\n"
        try:
            with _opened(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, exclusive=True) as descriptor:
                end, size = self._end(descriptor, content)
                if end == 0:
                    sync_directory(self.path.parent)
                _append(descriptor, content, end, size)
        except OSError as error:
            raise StoreUnavailable(f"nothing was published to {str(self.path)!r}: {error}") from error

    def notes(self) -> list[str]:
        """All whole notes, oldest first; none where the directory has no such file yet.

        An unfinished one at the end is left out.

        Raises:
            NoteInvalid: something else stands in the file; the message names the line.
            StoreUnavailable: it cannot be read, or its directory is not there (a share that is not mounted?).

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     FileAnchor(f"{folder}/anchor.txt").notes()
        []
        """
        try:
            with _opened(self.path, os.O_RDONLY, exclusive=False) as descriptor:
                content = _read(descriptor, 0)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self.path.parent.is_dir():
                return []
            raise StoreUnavailable(f"{str(self.path)!r} cannot be read: {error}") from error
        return list(self._whole(content))

    def _whole(self, content: bytes) -> Iterator[str]:
        """The whole notes in the content of the file."""
        lines = content.split(b"\n")[:-1]  # what follows the last newline is unfinished
        first, place = 0, "start"
        for number, raw in enumerate(lines):
            try:
                place = _after(place, check_note(raw))
            except NoteInvalid as error:
                raise NoteInvalid(f"line {number + 1} of {str(self.path)!r} is no part of a note: {error}") from None
            if place == "start":
                yield b"\n".join([*lines[first:number], b""]).decode()
                first = number + 1

    def _end(self, descriptor: int, content: bytes) -> tuple[int, int]:
        """Where the last whole note ends and where the file does; raises NoteInvalid where a foreign thing is between."""
        size = os.fstat(descriptor).st_size
        start = max(0, size - WINDOW)
        tail = _read(descriptor, start)
        end = max((found.end() for found in END.finditer(tail)), default=0)
        rest = tail[end:]
        if not rest:
            return size, size
        for _ in self._whole(_read(descriptor, 0)):
            pass  # raises where the rest cannot be a part of a note
        first = content[: content.index(b"\n") + 1]
        if len(rest) > MAX_NOTE_BYTES or (start + end == 0 and not first.startswith(rest[: len(first)])):
            raise NoteInvalid(
                f"{str(self.path)!r} holds something else than checkpoints, and is left as it is; name another file for the anchor"
            )
        return start + end, size


class CallableAnchor:
    r"""Notes handed to a function: a witness, a mail, a bucket of another team.

    Without `latest`, nothing can be read back: a ledger that has become shorter than what was published (an old backup,
    records removed) is then not noticed by the library, only by whoever keeps the notes and compares them.

    What the functions raise travels out as it is: they are the caller's, and so is knowing their errors. Whatever
    `publish` raises, the note counts as not published, and is to be published again.

    Args:
        publish: takes a signed note and returns, in whatever way, once it is kept.
        latest: gives the last note that was published, None where there is none.

    Raises:
        DefinitionError: one of them cannot be called, or is a coroutine function.

    >>> from abpo_sdk.ledger.transparency.note import Signer
    >>> kept = []
    >>> anchor = CallableAnchor(kept.append, lambda: kept[-1] if kept else None)
    >>> anchor.publish(Signer.generate("example.org").sign("Hello.\n"))
    >>> [note.splitlines()[0] for note in anchor.notes() or ()]
    ['Hello.']
    """

    def __init__(self, publish: Callable[[str], object], latest: Callable[[], str | None] | None = None) -> None:
        for name, function in (("publish", publish), ("latest", latest)):
            if function is not None and not callable(function):
                raise DefinitionError(f"`{name}` of an anchor is a function, not {function!r}")
            if inspect.iscoroutinefunction(function):
                raise DefinitionError(f"`{name}` of an anchor is a plain function: nobody would await {function!r}")
        self._publish = publish
        self._latest = latest

    def publish(self, note: str) -> None:
        """Hand a signed note to the function.

        Args:
            note: the signed note.

        Raises:
            NoteInvalid: it is none; the function was not called.
            DefinitionError: the function gave something to await.
            Exception: whatever the function raises.
        """
        split_note(note)
        kept = self._publish(note)
        if inspect.isawaitable(kept):
            if inspect.iscoroutine(kept):
                kept.close()
            raise DefinitionError(
                "`publish` of an anchor gave something to await, which nobody will: nothing was published"
            )

    def notes(self) -> list[str] | None:
        """What `latest` gives; None without it. Raises whatever `latest` raises.

        Raises:
            DefinitionError: `latest` gave something that is no text.
        """
        if self._latest is None:
            return None
        note = self._latest()
        if note is None:
            return []
        if not isinstance(note, str):
            raise DefinitionError(f"`latest` of an anchor gave {note!r}; it gives the last note as text, or None")
        return [note]


def _check_publishable(note: str) -> None:
    text, _ = split_note(note)
    for line in text.removesuffix("\n").split("\n"):
        if not line or line.startswith(DASH):
            raise NoteInvalid(f"a note in a file has no line {line[:80]!r} in its text: notes could not be told apart")


def _after(place: str, line: str) -> str:
    """Where one is in a file of notes after a line; raises NoteInvalid where the line cannot stand there."""
    if place in ("start", "text"):
        if line.startswith(DASH) or (place == "start" and not line):
            raise NoteInvalid(f"{line[:80]!r} stands where the text of a note should")
        return "text" if line else "blank"
    if line.startswith(DASH):
        Signature.parse(line)
        return "signed"
    if place == "blank" or line:
        raise NoteInvalid(f"{line[:80]!r} stands where a signature should")
    return "start"


def _append(descriptor: int, content: bytes, end: int, size: int) -> None:
    """Put the content where the last whole note ends, or leave the file as it ends there."""
    if end < size:
        os.ftruncate(descriptor, end)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):  # what made the write fail is what the caller must hear of
            os.ftruncate(descriptor, end)
        raise


def _read(descriptor: int, start: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(start)
        return file.read()


@contextlib.contextmanager
def _opened(path: Path, flags: int, *, exclusive: bool) -> Iterator[int]:
    """The file, locked against other processes and threads."""
    import fcntl  # not on every system on which the rest runs

    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o644)  # or a pipe of that name would be waited for
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)
