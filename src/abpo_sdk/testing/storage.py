"""What the checks of a store share: storage to be checked, things to put there, and how to say what was seen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from abpo_sdk.errors import AbpoError
from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.rows import (
    DecisionRow,
    ErasureRow,
    Head,
    HoldRow,
    Projection,
    ReviewRow,
    RunRow,
    SubjectRow,
)
from abpo_sdk.ledger.store import Store

SHOWN = 200
"""How many characters of a value a message shows."""

RUN = RunRow("R-1", "pay", "v1", "running", "2026-01-01", "2026-01-01")
REVIEW = ReviewRow(
    "R-1/approval/0", "R-1", "/", 3, "approval", "controller", "open", "2026-01-02", "2026-01-03", "cfo", "R-1/2", "h"
)
DECISION = DecisionRow("R-1/2", "R-1", "/", 2, "payment", "v1", None, "pay", "pay", 0.1 + 0.2, "policy", None, "2026")
SUBJECT = SubjectRow("key/R-1", "key", "R-1")
HOLD = HoldRow("0/key", "R-1", "key", "a lawsuit", "ines@acme", "2026-01-02")
ERASURE = ErasureRow("key", "R-1", 4, "2026-01-02")
ROWS: tuple[Projection, ...] = (RUN, REVIEW, DECISION, SUBJECT, HOLD, ERASURE)
"""A row of each kind."""

ALL_BYTES = bytes(range(256))

SORTED = ("", "10", "9", "B", "_", "a", "a ", "a/0", "b", "z", "é", "\uffff", "\U0001f600")
"""Names in the order of their code points, which is neither a dictionary's nor that of UTF-16."""


class NotAsExpectedError(Exception):
    """What a store did is not what it must do."""


class SkippedError(Exception):
    """A check needs something that is not there."""


@dataclass
class Storage:
    """Makes the stores of one check, and closes them.

    Args:
        make: gives a new, empty store.
        again: opens what a store is kept in once more.
        connect: opens a caller's own connection to what a store is kept in.
    """

    make: Callable[[], Store]
    again: Callable[[Store], Store] | None
    connect: Callable[[Store], Any] | None
    _stack: ExitStack = field(default_factory=ExitStack)

    def new(self) -> Store:
        """A new, empty store."""
        store = self.make()
        self._stack.callback(store.close)
        return store

    def reopened(self, store: Store) -> Store:
        """Another store over the same storage."""
        if self.again is None:
            raise SkippedError("needs again=, which opens the same storage once more")
        other = self.again(store)
        self._stack.callback(other.close)
        return other

    def connection(self, store: Store) -> Any:
        """A caller's own connection to a store's database."""
        if self.connect is None:
            raise SkippedError("needs connect=, which opens a connection to the same database")
        made = self.connect(store)
        self._stack.callback(made.close)
        return made

    def close(self) -> None:
        """Close them all, whatever state they are in."""
        with contextlib.suppress(AbpoError):
            self._stack.close()


def expect(what: str, seen: object, expected: object) -> None:
    """Compare, the types of what is inside too: a `bytearray` is no `bytes`, and 1 no 1.0."""
    if not same(seen, expected):
        raise NotAsExpectedError(f"{what}: expected {shown(expected)}, and saw {shown(seen)}")


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def shown(value: Any) -> str:
    """A value for a message, all fields of an entry included, and cut where it is long."""
    text = repr([_open(item) for item in value] if isinstance(value, list) else _open(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text):,} characters)"


def _open(value: Any) -> Any:
    return tuple(value) if isinstance(value, Entry) else value


@contextmanager
def refused(what: str, *errors: type[Exception]) -> Iterator[None]:
    """Expects one of these errors from its block."""
    names = " or ".join(error.__name__ for error in errors)
    try:
        yield
    except errors:
        return
    except Exception as error:
        raise NotAsExpectedError(f"{what}: expected {names}, and it raised {error!r}") from error
    raise NotAsExpectedError(f"{what}: expected {names}, and nothing was raised")


def entry(position: int, *, chain: str = "R-1", place: Place | None = None, **more: Any) -> Entry:
    """An entry at a position, unlike every other."""
    made = Entry(
        chain,
        position,
        place or Place("/", position),
        f"{chain}:{position}".encode("utf-8", "replace"),
        b"p",
        b"s",
        b"x",
    )
    return made._replace(**more)


def head(length: int, *, chain: str = "R-1", **more: Any) -> Head:
    """The end of a chain of this length."""
    return Head(chain, f"{length:064}", length, **more)


def write(store: Store, *entries: Entry) -> None:
    """Append entries, and set the ends of their chains."""
    with store.transaction() as tx:
        tx.append(entries)
        for item in entries:
            tx.set_head(head(item.position + 1, chain=item.chain))


def put(store: Store, *rows: Projection) -> None:
    """Put rows."""
    with store.transaction() as tx:
        for row in rows:
            tx.put(row)


def nothing_in(store: Store) -> None:
    """Expects that nothing was kept."""
    expect("entries", list(store.scan()), [])
    expect("ends of chains", list(store.heads()), [])
    for row in ROWS:
        expect(f"rows of {type(row).__name__}", store.select(type(row)), [])
    expect("the size of the tree", store.size(), 0)
    expect("checkpoints", store.checkpoints(), [])
    expect("a tile", store.tile(0, 0), None)


def at_once(*tasks: Callable[[], None]) -> None:
    """Run tasks in threads that begin together; raises what the first of them raised."""
    start = threading.Barrier(len(tasks))
    errors: list[Exception] = []

    def run(task: Callable[[], None]) -> None:
        start.wait()
        try:
            task()
        except Exception as error:  # noqa: BLE001  # to be raised where it is seen
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
