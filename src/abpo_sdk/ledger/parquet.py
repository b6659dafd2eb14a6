"""Views as Parquet files, each of which the ledger says that it made.

The order is: the file is written under another name and is on disk; an entry with its SHA-256 is durable; the file gets its
name. A crash in between leaves an entry whose file never came, which is harmless, and at most a file named
".abpo-export-..."; never a file under its name that no entry knows.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DefinitionError, LedgerBroken, NotCanonical, StoreUnavailable, UnknownExport
from abpo_sdk.ledger.entry import OWN_CHAIN, Entry, entry_id
from abpo_sdk.ledger.journal import Journal
from abpo_sdk.ledger.own_entries import own_draft, own_entries
from abpo_sdk.ledger.transparency.durable import sync_directory
from abpo_sdk.ledger.view_frames import Dtype, View, frames_of
from abpo_sdk.ledger.views import view_named

if TYPE_CHECKING:
    from io import BufferedWriter

ROWS = 20_000
"""How many rows are written in one go, and lie in one row group of the file."""

ARROW: dict[Dtype, str] = {
    "string": "string",
    "int64": "int64",
    "Int64": "int64",
    "float64": "float64",
    "bool": "bool",
}
"""The type of a column in the file; times are timestamps in microseconds, UTC."""


@dataclass(frozen=True, slots=True)
class FileExport:
    """A file that was made from a ledger.

    Args:
        path: where it is.
        view: what is in it.
        rows: how many.
        sha256: of its bytes, in hex.
        entry: the entry that says so, by its identifier.
        at: when.
    """

    path: Path
    view: str
    rows: int
    sha256: str
    entry: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.rows:,} {self.view} in {str(self.path)!r}, SHA-256 {self.sha256}; see entry {self.entry}"


def export_parquet(journal: Journal, path: str | os.PathLike[str], *, view: str) -> FileExport:
    """Write a view into a Parquet file and record that; see `Ledger.export_parquet`."""
    found = view_named(view)
    _pyarrow()
    target = Path(path)
    if not target.name:
        raise DefinitionError(f"path={str(path)!r} names no file")
    journal.check_writable()
    entry = None
    temporary = target.with_name(f".abpo-export-{secrets.token_hex(8)}")
    try:
        if target.is_dir():
            raise IsADirectoryError("it is a directory")
        with temporary.open("xb") as file:
            rows = _write(journal, found, file)
            file.flush()
            os.fsync(file.fileno())
        sha256 = _sha256(temporary)
        entry, at = _record(
            journal, {"file": target.name, "format": "parquet", "rows": rows, "sha256": sha256, "view": view}
        )
        temporary.replace(target)
    except OSError as error:
        without_file = f"; entry {entry} says that it was made, and the file never came" if entry else ""
        raise StoreUnavailable(
            f"the export {str(target)!r} cannot be written: {error.strerror or error}; no file was left{without_file}"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # if the name is lost when the power fails, an entry without a file is left
        sync_directory(target.parent)
    return FileExport(target, view, rows, sha256, entry, at)


def check_export(journal: Journal, path: str | os.PathLike[str]) -> Entry:
    """The entry of a file that the ledger exported; see `Ledger.check_export`."""
    try:
        sha256 = _sha256(Path(path))
    except OSError as error:
        raise StoreUnavailable(f"the file {str(path)!r} cannot be read: {error.strerror or error}") from error
    of_this_name = 0
    for entry in own_entries(journal.store, "exported", newest_first=True):
        try:
            content = entry.content
            if content["sha256"] == sha256:
                return entry
            of_this_name += content["file"] == Path(path).name
        except (NotCanonical, LookupError, TypeError):
            raise LedgerBroken(
                f"the ledger is broken at {entry.chain!r}, entry {entry.position}: its payload does not hold what an entry of its kind holds",
                chain=entry.chain,
                entry=entry.position,
            ) from None
    raise UnknownExport(
        f"{str(path)!r} is no file that `export_parquet` of this ledger wrote: no entry has its SHA-256, {sha256}; "
        + (
            f"of this name it wrote {of_this_name:,}, so the file was changed since"
            if of_this_name
            else "it wrote none of this name (was it another ledger's?)"
        )
        + "; a bundle is checked with verify_bundle"
    )


def _write(journal: Journal, found: View, file: BufferedWriter) -> int:
    """Write the rows of a view; gives how many there were."""
    pyarrow = _pyarrow()
    rows = 0
    with journal.store.snapshot() as reader, contextlib.ExitStack() as stack:
        writer = schema = None
        for frame in frames_of(reader, found, ROWS):
            if writer is None:
                schema = _schema(found, frame, ledger=journal.store.id, tree_size=reader.size())
                writer = stack.enter_context(pyarrow.parquet.ParquetWriter(file, schema))
            writer.write_table(pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False))
            rows += len(frame)
    return rows


def _schema(found: View, frame: Any, *, ledger: str, tree_size: int) -> Any:
    """The schema of a view's file, with what lets pandas read back the very types of the view."""
    pyarrow = _pyarrow()
    times = pyarrow.timestamp("us", tz="UTC")
    fields = [
        pyarrow.field(c.name, pyarrow.type_for_alias(ARROW[c.dtype]) if c.dtype in ARROW else times, c.optional)
        for c in found.columns
    ]
    pandas = pyarrow.Schema.from_pandas(frame, preserve_index=False).metadata[b"pandas"]
    about = {"abpo.ledger": ledger, "abpo.tree_size": str(tree_size), "abpo.view": found.name}
    return pyarrow.schema(fields, metadata={**about, "pandas": pandas})


def _record(journal: Journal, payload: dict[str, Any]) -> tuple[str, datetime]:
    now = journal.clock.now()
    with journal.writing() as writer:
        draft = own_draft(writer.tx, "exported", payload, now)
        writer.append(OWN_CHAIN, [draft])
    return entry_id(OWN_CHAIN, draft.place), now


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DefinitionError('a Parquet file needs pyarrow; pip install "abpo_sdk[parquet]"') from error
    return pyarrow
