"""Checks a store of one's own: whether it does what a ledger needs of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from abpo_sdk.errors import StoreCheckFailed
from abpo_sdk.ledger.store import Store
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError
from abpo_sdk.testing.store_checks import atomicity, connections, durability, entries, isolation, rows, tree
from abpo_sdk.testing.store_checks.storage import Storage

S = TypeVar("S", bound=Store)

CHECKS: tuple[Callable[[Storage], None], ...] = (
    *entries.CHECKS,
    *rows.CHECKS,
    *tree.CHECKS,
    *atomicity.CHECKS,
    *isolation.CHECKS,
    *durability.CHECKS,
    *connections.CHECKS,
)


def check_store(
    make: Callable[[], S],
    *,
    again: Callable[[S], Store] | None = None,
    connect: Callable[[S], Any] | None = None,
) -> list[str]:
    """Check that a store does what `abpo_sdk.ledger.Store` says: some forty checks, each on new storage.

    Args:
        make: gives a new, empty store each time; what it is kept in is the caller's to remove.
        again: opens what a store is kept in once more, as another process would; also called after the store was closed.
            None where nothing can, such as for a store in memory.
        connect: opens a caller's own connection (as of DB-API 2.0, autocommit off) to the database that a store is kept in.
            None where the store joins nobody's transaction.

    Returns:
        Which checks were skipped, and why; empty where none was.

    Raises:
        StoreCheckFailed: the first check that failed, what was expected and what was seen.

    >>> from abpo_sdk.ledger import SqliteStore
    >>> for line in check_store(lambda: SqliteStore(None)):
    ...     print(line)
    a write waits for another one to the same storage or is refused: needs again=, which opens the same storage once more
    stores that write to the same storage at once lose nothing: needs again=, which opens the same storage once more
    nobody else sees a write before it is over: needs again=, which opens the same storage once more
    a snapshot stays as it was while others write: needs again=, which opens the same storage once more
    what was written is there when the storage is opened again: needs again=, which opens the same storage once more
    what is written on a callers connection is kept or lost with it: needs connect=, which opens a connection to the same database
    """
    skipped = []
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        storage = Storage(make, again, connect)  # type: ignore[arg-type]  # what `make` gives is what `again` is given
        try:
            check(storage)
        except SkippedError as why:
            skipped.append(f"{name}: {why}")
        except NotAsExpectedError as error:
            raise StoreCheckFailed(f"{name}: {error}") from error.__cause__
        except Exception as error:
            raise StoreCheckFailed(f"{name}: expected no error, and it raised {error!r}") from error
        finally:
            storage.close()
    return skipped
