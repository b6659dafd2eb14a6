"""Files that are there whole, and stay there when the power fails."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def put_new(path: Path, content: bytes) -> bool:
    """Make a file that only its owner can read, whole or not at all, unless something is there already.

    Args:
        path: the file; its directory must exist, on a file system that has hard links.
        content: what it holds.

    Returns:
        Whether this call made it.

    Raises:
        OSError: it cannot be made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     put_new(Path(folder, "key"), b"1"), put_new(Path(folder, "key"), b"2"), Path(folder, "key").read_bytes()
    (True, False, b'1')
    """
    if os.path.lexists(path):
        sync_directory(path.parent)
        return False
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        made = True
        try:
            os.link(temporary, path)  # unlike a rename, never over what another process put there meanwhile
        except FileExistsError:
            made = False
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    sync_directory(path.parent)
    return made


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, however many calls that takes; raises OSError where there is no room for the rest."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_directory(directory: Path) -> None:
    """Wait until the names of the files in a directory are on disk; raises OSError where it cannot be opened."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
