"""The one seam between primitives and runs: a recorder that performs calls and asks people.

Of runs, steps, policies and gates know this module alone. Outside a run the recorder in force just computes; a run puts
its own in force, which returns what the ledger has, or does it and records it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from abpo_sdk.errors import NoRun, ReviewRequired
from abpo_sdk.ledger.entry import BODY, Kind, Place, entry_id
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue
from abpo_sdk.values.review import Answer, Review
from abpo_sdk.values.source import Source

T = TypeVar("T")

PART = ":"
"""The scope of what a step calls in turn."""


@dataclass(slots=True)
class Occurrence:
    """Where and when in the ledger something is recorded."""

    chain: str
    place: Place
    at: datetime

    @property
    def id(self) -> str:
        """The identifier of what is recorded there."""
        return entry_id(self.chain, self.place)


@dataclass(slots=True)
class Call(Generic[T]):
    """A primitive that is about to be called.

    Args:
        kind: what it is.
        name: its name.
        inputs: gives what goes in as JSON, given a way to take a file's digest.
        record: gives the result as JSON together with the result as it would come back; raises where it would not.
        restore: gives the result that was recorded, at its occurrence.
        effect: whether it may change the world, so that all before it must be durable when it starts, and
            it itself before it returns.
        arguments: the values that went in, by name ("" for a case as a whole), so that lineage can tell where they came from.
        sources: gives the records outside that it reads.
        version: of the policy, where it is one; another version than the recorded one is another call.
    """

    kind: Kind
    name: str
    inputs: Callable[[Digest], Encoded]
    record: Callable[[T, Occurrence | None], tuple[Encoded, T]]
    restore: Callable[[JsonValue, Occurrence], T]
    effect: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sources: Callable[[], tuple[Source, ...]] = tuple
    version: str | None = None


class Recorder(Protocol):
    """What a primitive does its work through."""

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Return what the ledger has of this call, or do it and record it."""
        ...

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a call that is awaited."""
        ...

    def ask(self, review: Review) -> Answer:
        """Return the person's answer, or put the review before them and end the segment."""
        ...

    def inner(self, name: str) -> Any:
        """A context in which calls belong to a sub-process of this name."""
        ...


class Unrecorded:
    """The recorder outside a run: primitives compute and leave no trace; a gate that needs a person raises."""

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Do it."""
        return do()

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """Do it."""
        return await do()

    def ask(self, review: Review) -> Answer:
        """Raise the review as `ReviewRequired`."""
        raise ReviewRequired(
            f"gate {review.gate!r} puts this before the {review.to}: {'; '.join(review.why)}; "
            "open the review that this error carries with Reviews.open(review, key=...), or run the process in a Runtime",
            review=review,
        )

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """Nothing to keep apart."""
        yield


UNRECORDED = Unrecorded()
"""The recorder outside a run."""

_recorder: ContextVar[Recorder | None] = ContextVar("abpo_recorder", default=None)


def recorder() -> Recorder:
    """The recorder in force here."""
    return _recorder.get() or UNRECORDED


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Puts a recorder in force."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


def idempotency_key() -> str:
    """The key of the step that is being done: the same on every attempt, after a crash too, and no other step's.

    Hand it to whatever the step changes outside, so that doing it twice has the effect of doing it once.

    Returns:
        The run's id, the step's name, and which call of that step in the run it is ("INV-7/book/0").

    Raises:
        NoRun: it was called outside a step of a run; wrap a call outside a run in `with key_scope("INV-7"):`.
    """
    here = _recorder.get()
    key = here.key if isinstance(here, Keyed) else None
    if key is None:
        raise NoRun(
            "idempotency_key() was called outside a step of a run, where nothing says which effect this is; "
            'call it inside a step, and outside a run wrap the call in `with key_scope("..."):`'
        )
    return key


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

    def next_key(self, name: str) -> str:
        """The key of the next call of `name`: of which step, and which call of it this is."""
        number = self._keys.get(name, 0)
        self._keys[name] = number + 1
        return f"{self.root}{self.name}{key_root(name)}/{number}"

    def inner(self) -> Scope:
        """The scope of a sub-process that is called next."""
        return Scope(self.root, self.next_place().inner)


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
    """

    __slots__ = ("_scope", "_token", "key")

    def __init__(self, scope: Scope | None, key: str | None = None) -> None:
        self._scope = scope
        self.key = key

    def __enter__(self) -> None:
        self._token = _recorder.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _recorder.reset(self._token)

    @property
    def scope(self) -> Scope:
        """Where calls are counted; made when something is called, since most steps call nothing."""
        if self._scope is None:
            self._scope = Scope(self.key or "", PART)
        return self._scope

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Do it; a step under its key."""
        with self._around(call):
            return do()

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """Do it; a step under its key."""
        with self._around(call):
            return await do()

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """A sub-process: its steps are counted by themselves."""
        with Keyed(self.scope.inner(), self.key):
            yield

    @contextmanager
    def _around(self, call: Call[Any]) -> Iterator[None]:
        self.scope.next_place()
        if call.kind == "step":
            with Keyed(None, self.scope.next_key(call.name)):
                yield
        else:
            yield
