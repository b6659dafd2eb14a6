"""Idempotency keys: which effect a step stands for, the same on every attempt, in a run and outside of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, TypeVar

from abpo_sdk.errors import NoRun
from abpo_sdk.ledger.entry import BODY, Place
from abpo_sdk.ledger.recorder import Call, Unrecorded, in_force, put_in_force, restore

T = TypeVar("T")

PART = ":"
"""The scope of what a step calls in turn."""


def idempotency_key() -> str:
    """The key of the step that is being done: the same on every attempt, after a crash too, and no other step's.

    Hand it to whatever the step changes outside, so that doing it twice has the effect of doing it once.

    Returns:
        The run's id, the step's name, and which call of that step in the run it is ("INV-7/book/0").

    Raises:
        NoRun: it was called outside a step of a run; wrap a call outside a run in `with key_scope("INV-7"):`.

    >>> from abpo_sdk import key_scope, step
    >>> @step
    ... def book() -> str:
    ...     return idempotency_key()
    >>> with key_scope("INV-7"):
    ...     book()
    'INV-7/book/0'
    """
    here = in_force()
    key = here.key if isinstance(here, Keyed) else None
    if key is None:
        raise NoRun(
            "idempotency_key() was called outside a step of a run, where nothing says which effect this is; "
            'call it inside a step, and outside a run wrap the call in `with key_scope("..."):`'
        )
    return key


def ledger_connection() -> Any:
    """The connection to the ledger's own database, inside a step that is declared with `@step(transaction=True)`.

    What is written on it is kept together with the step's result, or not at all. The transaction is the ledger's: it
    commits when the step has returned, and a `commit` or `rollback` of the step's own is refused.

    Returns:
        The `sqlite3.Connection` or `psycopg.Connection` of the ledger; for such a step outside a run, that of
        `key_scope(connection=...)`.

    Raises:
        NoRun: it was called elsewhere.

    >>> import sqlite3
    >>> from abpo_sdk import key_scope, step
    >>> @step(transaction=True)
    ... def book(amount: int) -> int:
    ...     return ledger_connection().execute("INSERT INTO bookings VALUES (?)", (amount,)).rowcount
    >>> own = sqlite3.connect(":memory:")
    >>> with key_scope("INV-7", connection=own), own:
    ...     _ = own.execute("CREATE TABLE bookings (amount INTEGER)")
    ...     book(70)
    1
    >>> own.close()
    """
    here = in_force()
    connection = here.connection if isinstance(here, Keyed) and here.key is not None else None
    if connection is None:
        raise NoRun(
            "ledger_connection() was called where there is no transaction to join; call it inside a step that is declared "
            'with @step(transaction=True), and outside a run wrap the call in `with key_scope("...", connection=...):`'
        )
    return connection


@dataclass(slots=True)
class Scope:
    """A part of a process: counts what is called there, and hands out the keys of its steps.

    Args:
        root: what its keys begin with; see `key_root`.
        name: begins and ends with a divider.
    """

    root: str
    name: str = BODY
    _count: int = 0
    _keys: dict[str, int] = field(default_factory=dict)

    def next_place(self) -> Place:
        """Where the next call stands."""
        place = Place(self.name, self._count)
        self._count += 1
        return place

    def last_place(self) -> Place:
        """Where the last call stands."""
        return Place(self.name, self._count - 1)

    def next_key(self, name: str) -> str:
        """The key of the next call of `name`: of which step, and which call of it this is."""
        number = self._keys.get(name, 0)
        self._keys[name] = number + 1
        return f"{self.root}{self.name}{key_root(name)}/{number}"

    def inner(self) -> Scope:
        """The scope of a sub-process that is called next."""
        return Scope(self.root, self.next_place().inner)

    def branches(self, count: int) -> list[Scope]:
        """The scopes of what is called next, side by side: "/2.0/" and "/2.1/"."""
        place = self.next_place()
        return [Scope(self.root, f"{place.scope}{place.ordinal}.{number}/") for number in range(count)]


def beside(one: str, other: str) -> bool:
    """Whether two scopes are in different branches of a process, so that nothing in one came before what is in the other.

    >>> beside("/2.0/", "/2.1/0/"), beside("/2.0/", "/2.0/0/"), beside("/2.0/", "/3/")
    (True, False, False)
    """
    for mine, its in zip(one.split("/"), other.split("/"), strict=False):
        if mine != its:
            return "." in mine and "." in its and mine.partition(".")[0] == its.partition(".")[0]
    return False


@lru_cache(maxsize=256)
def key_root(text: str) -> str:
    """A run's id or a step's name as a part of a key: in ASCII, and without the dividers that keys are made with."""
    from urllib.parse import quote

    return quote(text, safe="")


class Keyed(Unrecorded):
    """Does each step under its key, and records nothing; in force in its block, for a `key_scope` or inside of a step.

    Args:
        scope: where calls are counted; None inside of a step, where one is made when the first is.
        key: of the step that is being done.
        connection: to the ledger's database, where what is done belongs into its transaction.
    """

    __slots__ = ("_scope", "_token", "connection", "key")

    def __init__(self, scope: Scope | None, key: str | None = None, connection: Any = None) -> None:
        self._scope = scope
        self.key = key
        self.connection = connection

    def __enter__(self) -> None:
        self._token = put_in_force(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        restore(self._token)

    @property
    def case(self) -> str | None:
        """What the calls are about: the key of the `key_scope`; None inside of a step."""
        from urllib.parse import unquote

        return unquote(self.scope.root) if self.key is None else None

    @property
    def scope(self) -> Scope:
        """Where calls are counted; made when something is called, since most steps call nothing."""
        if self._scope is None:
            self._scope = Scope(self.key or "", PART)
        return self._scope

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Do it; a step under its key."""
        with self._around(call):
            return super().perform(call, do)

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """Do it; a step under its key."""
        with self._around(call):
            return await super().perform_async(call, do)

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """A sub-process: its steps are counted by themselves."""
        with Keyed(self.scope.inner(), self.key, self.connection):
            yield

    def fork(self, count: int) -> list[AbstractContextManager[None]]:
        """Branches, each of which counts its steps by itself."""
        return [Keyed(scope, self.key, self.connection) for scope in self.scope.branches(count)]

    @contextmanager
    def _around(self, call: Call[Any]) -> Iterator[None]:
        self.scope.next_place()
        if call.kind == "step":
            with Keyed(None, self.scope.next_key(call.name), self.connection if call.transaction else None):
                yield
        else:
            yield
