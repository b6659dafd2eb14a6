"""The one seam between primitives and runs: a recorder that performs calls and asks people.

Of runs, steps, policies and gates know this module alone. Outside a run the recorder in force just computes; a run puts
its own in force, which returns what the ledger has, or does it and records it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

from abpo_sdk.errors import ReviewRequired
from abpo_sdk.ledger.entry import Kind, Place, entry_id
from abpo_sdk.values.encoded import Digest, Encoded, JsonValue
from abpo_sdk.values.review import Answer, Review
from abpo_sdk.values.source import Source

T = TypeVar("T")

Enough = Literal["all", "one"]
"""How many of several reviews about one decision have to be answered."""

Again = Callable[[int, Exception, timedelta], float | None]
"""Given how many attempts have failed, the last error, and the time since the first began: how many seconds to wait before
the next attempt; None to give up."""


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
        case: what is decided about, as an object of the policy's type, where it is a policy.
        version: of the policy, where it is one; another version than the recorded one is another call.
        again: says whether it is attempted again after an error, where it may be.
        transaction: whether what it does belongs into the transaction that records it.
    """

    kind: Kind
    name: str
    inputs: Callable[[Digest], Encoded]
    record: Callable[[T, Occurrence | None], tuple[Encoded, T]]
    restore: Callable[[JsonValue, Occurrence], T]
    effect: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sources: Callable[[], tuple[Source, ...]] = tuple
    case: Any = None
    version: str | None = None
    again: Again | None = None
    transaction: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a branch ended: with a value, or with what it raised."""

    value: Any = None
    error: BaseException | None = None


class Recorder(Protocol):
    """What a primitive does its work through."""

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Return what the ledger has of this call, or do it and record it."""
        ...

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a call that is awaited."""
        ...

    def ask(self, *reviews: Review, enough: Enough = "all") -> tuple[Answer, ...]:
        """Return the answers, or put the reviews before people and end the segment; where one is `enough`, those there are."""
        ...

    @property
    def case(self) -> str | None:
        """The id of the case that is decided about: of the run, or the key; None where nobody said."""
        ...

    def why_stopped(self, policy: str, case: Any) -> str | None:
        """Why a policy decides nothing about a case by itself, since a person has stopped it; None where nobody has."""
        ...

    def inner(self, name: str) -> Any:
        """A context in which calls belong to a sub-process of this name."""
        ...

    def fork(self, count: int) -> Sequence[AbstractContextManager[None]]:
        """Contexts for what is called side by side, each to be entered in a thread or task of its own."""
        ...

    def join(self, outcomes: Sequence[Outcome]) -> list[Any]:
        """What the branches of a `fork` returned, all of which have ended; or raises what the first of them raised."""
        ...

    def wait(self, until: timedelta | datetime) -> float:
        """End the segment until a time has come; outside a run, how many seconds there are still to wait."""
        ...

    def awaited(
        self, name: str, make: Callable[[Callable[[], None]], Coroutine[Any, Any, T]]
    ) -> Coroutine[Any, Any, T]:
        """Make a coroutine that must be awaited; it is made with what it has to call when it is."""
        ...

    def left(self) -> None:
        """Hear that it is in force no more, where `recording` put it in force."""
        ...


class Unrecorded:
    """The recorder outside a run: primitives compute and leave no trace; a gate that needs a person raises."""

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Do it, again where the call says so."""
        if call.again is None:
            return do()
        attempts = _Attempts(call.again)
        while True:
            try:
                return do()
            except Exception as error:  # noqa: BLE001  the call says which errors are worth another attempt
                pause = attempts.pause(error)
            time.sleep(pause)

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a call that is awaited."""
        if call.again is None:
            return await do()
        import asyncio

        attempts = _Attempts(call.again)
        while True:
            try:
                return await do()
            except Exception as error:  # noqa: BLE001  the call says which errors are worth another attempt
                pause = attempts.pause(error)
            await asyncio.sleep(pause)

    @property
    def case(self) -> str | None:
        """Nobody said."""
        return None

    def why_stopped(self, policy: str, case: Any) -> str | None:
        """There is nothing here that could tell."""
        return None

    def ask(self, *reviews: Review, enough: Enough = "all") -> tuple[Answer, ...]:
        """Raise the reviews as `ReviewRequired`."""
        first, *others = reviews
        raise ReviewRequired(
            f"gate {first.gate!r} puts this before the {first.to}: {'; '.join(first.why)}; "
            "open the review that this error carries with Reviews.open(review, key=...), or run the process in a Runtime",
            review=first,
            others=tuple(others),
        )

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """Nothing to keep apart."""
        yield

    def fork(self, count: int) -> list[AbstractContextManager[None]]:
        """Nothing to keep apart."""
        return [nullcontext() for _ in range(count)]

    def join(self, outcomes: Sequence[Outcome]) -> list[Any]:
        """What the branches returned, or what the first that failed raised."""
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in outcomes]

    def wait(self, until: timedelta | datetime) -> float:
        """How many seconds there are still to wait."""
        if isinstance(until, datetime):
            until = until - datetime.now(UTC)
        return max(0.0, until.total_seconds())

    def awaited(
        self, name: str, make: Callable[[Callable[[], None]], Coroutine[Any, Any, T]]
    ) -> Coroutine[Any, Any, T]:
        """Python itself warns of what is never awaited."""
        return make(_nothing)

    def left(self) -> None:
        """Nothing to let go of."""


class _Attempts:
    """Counts the attempts of a call that is made outside a run."""

    def __init__(self, again: Again) -> None:
        self._again = again
        self._failed = 0
        self._began = time.monotonic()

    def pause(self, error: Exception) -> float:
        """How many seconds to wait before the next attempt; raises the error where there is none."""
        self._failed += 1
        pause = self._again(self._failed, error, timedelta(seconds=time.monotonic() - self._began))
        if pause is None:
            raise error
        return pause


def _nothing() -> None:
    pass


UNRECORDED = Unrecorded()
"""The recorder outside a run."""

_recorder: ContextVar[Recorder | None] = ContextVar("abpo_recorder", default=None)


def recorder() -> Recorder:
    """The recorder in force here."""
    return _recorder.get() or UNRECORDED


def in_force() -> Recorder | None:
    """The recorder that was put in force here; None where none was."""
    return _recorder.get()


def put_in_force(recorder: Recorder) -> Token[Recorder | None]:
    """Put a recorder in force, until `restore` is called with what this returns."""
    return _recorder.set(recorder)


def restore(token: Token[Recorder | None]) -> None:
    """Put what was in force before in force again."""
    _recorder.reset(token)


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Puts a recorder in force."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)
        recorder.left()
