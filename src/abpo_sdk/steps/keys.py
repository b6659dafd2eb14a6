"""Idempotency keys for calls outside a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.recorder import Call, KeyCounter, Unrecorded, keyed, recording

T = TypeVar("T")


class _Keyed(Unrecorded):
    """Does each step under its key, and records nothing."""

    def __init__(self, key: str) -> None:
        self._keys = KeyCounter(key)

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        if call.kind != "step":
            return do()
        with keyed(self._keys.next(call.name)):
            return do()

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        with keyed(self._keys.next(call.name)):
            return await do()


@contextmanager
def key_scope(key: str) -> Iterator[None]:
    """Gives steps that are called outside a run their idempotency keys.

    The keys are those that a run with this id would give, so that an effect is done once whichever way it is called.

    Args:
        key: what the calls are about, in the caller's own identifiers, the same on every attempt.

    Raises:
        DefinitionError: the key is empty.

    >>> from abpo_sdk.ledger.recorder import idempotency_key
    >>> from abpo_sdk.steps.step import step
    >>> @step
    ... def pay() -> str:
    ...     return idempotency_key()
    >>> with key_scope("INV-7"):
    ...     pay()
    'INV-7/pay/0'
    """
    if not key:
        raise DefinitionError("key_scope('') is no scope; give what the calls are about, such as the invoice's number")
    with recording(_Keyed(key)):
        yield
