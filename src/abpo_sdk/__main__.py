"""`python -m abpo_sdk verify TARGET`: verifies an evidence bundle, a ledger's file or a ledger on Postgres, and changes none of them.

Exit codes: 0, all fits; 1, it is broken, and the first place is named; 2, it could not be verified.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abpo_sdk.errors import AbpoError, DefinitionError, LedgerBroken, SchemaUnknown, StoreUnavailable

if TYPE_CHECKING:
    from abpo_sdk.ledger import KeyProvider, Store, Verifier

GOOD, BROKEN, UNVERIFIED = 0, 1, 2
SQLITE_FILE = b"SQLite format 3\0"
POSTGRES = ("postgresql://", "postgres://")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        said, code = f"verified: {_verified(options)}", GOOD
    except LedgerBroken as error:
        said, code = str(error), BROKEN
    except AbpoError as error:
        said, code = f"cannot be verified: {error}", UNVERIFIED
    except OSError as error:
        said, code = f"cannot be verified: {_words(error)}", UNVERIFIED
    except sqlite3.Error as error:
        said, code = f"cannot be verified: {error}", UNVERIFIED
    except Exception as error:  # noqa: BLE001  a damaged file may fail anywhere, and whoever verifies it needs no traceback
        said, code = f"cannot be verified, it is damaged: {type(error).__name__}: {error}", UNVERIFIED
    line = " ".join(part.strip() for part in said.splitlines())
    sys.stdout.buffer.write(f"{line}\n".encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
    sys.stdout.flush()
    return code


def _words(error: OSError) -> str:
    """What the system says, without its number."""
    if error.strerror is None or error.filename is None:
        return error.strerror or str(error)
    return f"{str(error.filename)!r} cannot be read: {error.strerror}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m abpo_sdk", description="Parts of business processes that software decides."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser(
        "verify",
        help="verify an evidence bundle or a ledger",
        description="Verify an evidence bundle, a ledger's SQLite file, or a ledger on Postgres. Nothing is changed.",
        epilog="Exit codes: 0, all fits; 1, it is broken; 2, it cannot be verified.",
    )
    verify.add_argument("target", metavar="TARGET", help="a bundle, a ledger's file, or postgresql://...")
    verify.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="NAME+ID+KEY",
        help="a public key that may have signed the checkpoints, got from elsewhere than the bundle; may be given several times",
    )
    verify.add_argument("--anchor", type=Path, metavar="FILE", help="a file of checkpoints that were kept elsewhere")
    personal = verify.add_mutually_exclusive_group()
    personal.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="the keys of a ledger's personal fields, where they do not lie beside it as TARGET.keys; if a master key wraps them, "
        "it is taken from the environment variable ABPO_MASTER_KEY",
    )
    personal.add_argument(
        "--without-personal",
        action="store_true",
        help="leave personal fields unopened, where their keys are not here",
    )
    return parser


def _verified(options: argparse.Namespace) -> str:
    """What was verified, for people."""
    from abpo_sdk.ledger import Verifier

    keys = tuple(Verifier.parse(key) for key in options.key)
    if len({key.name for key in keys}) > 1:
        raise DefinitionError("the keys of a ledger have one name, and these have several")
    notes = _notes(options.anchor) if options.anchor is not None else []
    if options.target.startswith(POSTGRES):
        with _postgres(options.target) as store:
            return _ledger(store, None, keys, notes, options)
    path = Path(options.target.removeprefix("sqlite:///"))
    with path.open("rb") as file:
        start = file.read(len(SQLITE_FILE))
    if start == SQLITE_FILE:
        with _copied(path) as store:
            return _ledger(store, path, keys, notes, options)
    if start.startswith(b"{"):
        return _bundle(path, options.key, notes)
    raise StoreUnavailable(f"{str(path)!r} is neither an evidence bundle nor an SQLite file")


def _notes(path: Path) -> list[str]:
    from abpo_sdk.ledger import FileAnchor

    if not path.is_file():
        raise StoreUnavailable(f"there is no file {str(path)!r} with anchored checkpoints")
    notes = FileAnchor(path).notes()
    if not notes:
        raise StoreUnavailable(f"{str(path)!r} holds no anchored checkpoint")
    return notes


def _bundle(path: Path, keys: Sequence[str], notes: Sequence[str]) -> str:
    from abpo_sdk.ledger import verify_bundle

    if not keys:
        named = _named_key(path)
        raise DefinitionError(
            "give the ledger's public key (--key NAME+ID+KEY), got from elsewhere than the bundle"
            + (f"; it names {named}, which proves nothing until you compare it" if named else "; it names none itself")
        )
    return str(verify_bundle(path, trust=keys, anchored=notes))


def _named_key(path: Path) -> str | None:
    """The key that a bundle says it is signed with."""
    from abpo_sdk.ledger import parse_json

    with path.open("rb") as file, contextlib.suppress(AbpoError, LookupError, TypeError):
        return str(parse_json(file.readline())["key"])
    return None


def _ledger(
    store: Store, path: Path | None, keys: tuple[Verifier, ...], notes: Sequence[str], options: argparse.Namespace
) -> str:
    from abpo_sdk.ledger import Signer
    from abpo_sdk.ledger.verification import verify

    signer = path.with_name(path.name + ".signer") if path is not None else None
    needed, found = bool(notes or store.checkpoints()), ""
    if not keys and needed and signer is not None and signer.is_file():
        keys = (Signer.from_file(signer).verifier,)
        found = f"; signed by {keys[0].key} (trusted because its key lies beside the file; give --key to be sure)"
    if not keys and needed:
        raise DefinitionError(
            "there are checkpoints, and no key that could have signed them; give the ledger's public key: --key NAME+ID+KEY"
        )
    with contextlib.ExitStack() as stack:
        vault = None if options.without_personal else _vault(store, path, options.keys)
        if vault is not None:
            stack.callback(vault.close)
            vault.identifiers(
                ""
            )  # fails at once where these are no keys, or are wrapped by a master key that is not here
        verification = verify(store, vault, verifiers=keys, anchored=lambda: notes)
    return f"{verification}{'' if vault is not None else ' (what is encrypted was not opened)'}{found}"


def _vault(store: Store, path: Path | None, given: Path | None) -> KeyProvider | None:
    """The keys in the file that was given, else in that beside a ledger's; None where nothing is encrypted."""
    from abpo_sdk.ledger import FileVault
    from abpo_sdk.ledger.rows import SubjectRow

    if given is not None:
        return _given_vault(store, given)
    file = path.with_name(path.name + ".keys") if path is not None else None
    if file is not None and file.is_file():
        return FileVault(file)
    with store.snapshot() as reader:
        if next(iter(reader.rows(SubjectRow, order="id")), None) is None:
            return None
    where = (
        f"the file {str(file)!r} is not there"
        if file is not None
        else "a ledger on Postgres does not say where they are"
    )
    raise StoreUnavailable(
        f"personal fields are encrypted, and their keys are missing: {where}; give --keys FILE (and ABPO_MASTER_KEY in the environment, "
        "if a master key wraps them), or --without-personal to verify all but these"
    )


def _given_vault(store: Store, file: Path) -> KeyProvider:
    """The keys in a file, if it has any of the keys that the ledger needs."""
    from abpo_sdk.ledger import FileVault
    from abpo_sdk.ledger.own_entries import missing_keys
    from abpo_sdk.ledger.rows import ErasureRow, SubjectRow

    if not file.is_file():
        raise StoreUnavailable(f"there is no file {str(file)!r} with keys of personal fields")
    vault = FileVault(file)
    with store.snapshot() as reader:
        gone = {row.id for row in reader.rows(ErasureRow, order="id")} | missing_keys(reader)
        needed = (row.key for row in reader.rows(SubjectRow, order="id") if row.key not in gone)
        first = next(needed, None)
        if first is not None and all(vault.key(key) is None for key in (first, *needed)):
            raise StoreUnavailable(f"{str(file)!r} holds none of the keys of this ledger")
    return vault


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[Store]:
    """A copy of a ledger's file in a directory of its own, which may be brought to the newest schema."""
    from abpo_sdk.ledger import SqliteStore

    with tempfile.TemporaryDirectory(prefix="abpo-verify-") as directory:
        copy = Path(directory, "ledger.db")
        if path.with_name(path.name + "-shm").exists():  # somebody has it open, or crashed: a whole copy of one moment
            with (
                contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        else:
            for suffix in ("", "-wal"):
                if path.with_name(path.name + suffix).exists():
                    shutil.copyfile(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
        _check_schema(copy)
        store = SqliteStore(copy, shared=True)
        try:
            yield store
        finally:
            store.close()


def _check_schema(path: Path) -> None:
    """Refuse a file in which there is no ledger, and which opening would make one."""
    from abpo_sdk.ledger.stores.migrations import schema_of

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if schema_of(connection, shared=True) == 0:
            raise SchemaUnknown("there is no ledger in this SQLite file")


@contextlib.contextmanager
def _postgres(url: str) -> Iterator[Store]:
    """A ledger on Postgres that is there already, in the newest schema."""
    from abpo_sdk.ledger import PostgresStore

    _check_postgres(url)
    store = PostgresStore(url)
    try:
        yield store
    finally:
        store.close()


def _check_postgres(url: str) -> None:
    """Refuse a database in which opening the ledger would make or change tables."""
    try:
        import psycopg  # noqa: F401  without it, what follows says nothing that helps
    except ImportError:
        raise DefinitionError('a ledger on Postgres needs psycopg; pip install "abpo_sdk[postgres]"') from None
    from abpo_sdk.ledger.stores.postgres_database import PostgresDatabase
    from abpo_sdk.ledger.stores.postgres_schema import MIGRATIONS, schema_of
    from abpo_sdk.ledger.stores.postgres_session import Target

    target = Target(url, "abpo", 5.0)
    with target.connect() as connection:
        version, _ = schema_of(PostgresDatabase(target.name, target.schema, connection))
    if version == 0:
        raise SchemaUnknown("there is no ledger in this database")
    if version < len(MIGRATIONS):
        raise SchemaUnknown(
            f"this ledger has schema {version}, and verifying would bring it to {len(MIGRATIONS)}; open it with this release first, or "
            "verify it with the one that wrote it"
        )


if __name__ == "__main__":
    sys.exit(main())
