"""What a ledger is opened with: its store by URL, and its keys."""

from __future__ import annotations

import os
from pathlib import Path

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.keys.file_vault import FileVault
from abpo_sdk.ledger.keys.vault import KeyProvider, MemoryVault, require_complete
from abpo_sdk.ledger.store import Store
from abpo_sdk.ledger.stores.sqlite import SqliteStore

SQLITE = "sqlite://"
POSTGRES = ("postgresql://", "postgres://")


def open_store(url: str | Store, *, timeout: float, shared: bool) -> tuple[Store, Path | None]:
    """The store that a URL names, and its file where it is one.

    Raises:
        DefinitionError: another scheme.
        StoreUnavailable, SchemaUnknown: it cannot be opened.
    """
    if isinstance(url, os.PathLike):
        raise DefinitionError(f'{url!r} is a path; write "sqlite:///{os.fspath(url)}"')
    if not isinstance(url, str):
        lacking = [name for name in ("id", "transaction", "snapshot") if not hasattr(url, name)]
        if lacking:
            raise DefinitionError(f"{url!r} is no store: it has no {lacking[0]}; see abpo_sdk.ledger.Store")
        return url, None
    if url.startswith(POSTGRES):
        if shared:
            raise DefinitionError(
                "shared=True is for an SQLite file; on Postgres the ledger has a schema of its own anyway"
            )
        from abpo_sdk.ledger.stores.postgres import PostgresStore

        return PostgresStore(url, timeout=timeout), None
    path = _path_of(url)
    return SqliteStore(path, timeout=timeout, shared=shared), path


def check_parts(*, signer: object, anchor: object, clock: object, trust: object, timeout: object) -> None:
    """Refuse what a ledger cannot be opened with.

    Raises:
        DefinitionError: says what to write instead.
    """
    if isinstance(anchor, (str, os.PathLike)):
        raise DefinitionError(f"anchor={anchor!r} is no anchor; write FileAnchor({os.fspath(anchor)!r})")
    needed = {"anchor": (anchor, "notes"), "signer": (signer, "sign"), "clock": (clock, "now")}
    for name, (part, method) in needed.items():
        if part is not None and not callable(getattr(part, method, None)):
            raise DefinitionError(f"{name}={part!r} has no method {method}()")
    if isinstance(trust, str):
        raise DefinitionError(f"trust={trust!r} is one text; write trust=[{trust!r}]")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise DefinitionError(f"timeout={timeout!r} is no number of seconds")


def open_vault(vault: KeyProvider | None, path: Path | None, *, url: str | Store, timeout: float) -> KeyProvider:
    """The keys that were given; else in a file beside the ledger's, or in memory for a ledger in memory.

    Raises:
        DefinitionError: the ledger is somewhere else, and nothing says where its keys should be; a vault lacks a method.
    """
    if vault is not None:
        require_complete(vault)
        return vault
    if path is not None:
        return FileVault(path.with_name(path.name + ".keys"), timeout=timeout)
    if isinstance(url, str) and url.startswith(SQLITE):
        return MemoryVault()
    raise DefinitionError(
        "a ledger on Postgres or on a store of one's own needs vault=, where the keys of personal fields are kept, "
        'such as FileVault(Path("ledger.keys"))'
    )


def _path_of(url: str) -> Path | None:
    if url in (SQLITE, SQLITE + "/", SQLITE + "/:memory:"):
        return None
    if url.startswith(SQLITE + "/"):
        return Path(url.removeprefix(SQLITE + "/"))
    raise DefinitionError(
        f'{url!r} names no ledger; write "sqlite:///file.db" for a file, "sqlite://" for one in memory, '
        'or "postgresql://..." for a Postgres database'
    )
