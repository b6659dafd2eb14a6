"""How long one attempt of a step may take."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from abpo_sdk.errors import StepTimedOut

T = TypeVar("T")


def within(duration: timedelta, do: Callable[[], T], *, what: str) -> T:
    """Do something in a thread of its own, and wait for it no longer than this.

    Python cannot end a thread: what is late goes on, and its result is not taken any more.

    Raises:
        StepTimedOut: it took longer.
    """
    results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            results.put((context.run(do), None))
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits
            results.put((None, error))

    threading.Thread(target=work, daemon=True, name=what).start()
    try:
        value, error = results.get(timeout=duration.total_seconds())
    except queue.Empty:
        raise late(duration, what) from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # None, too, where that is what it returned


async def within_async(duration: timedelta, do: Callable[[], Awaitable[T]], *, what: str) -> T:
    """The same for what is awaited, which is cancelled when it is late.

    Raises:
        StepTimedOut: it took longer.
    """
    import asyncio

    limit = asyncio.timeout(duration.total_seconds())
    try:
        async with limit:
            return await do()
    except TimeoutError:
        if limit.expired():
            raise late(duration, what) from None
        raise


def late(duration: timedelta, what: str) -> StepTimedOut:
    """What is raised of an attempt that took too long."""
    return StepTimedOut(
        f"{what} took longer than {duration.total_seconds():g} s; what it was doing may still happen, so whatever it changes "
        "must be given idempotency_key(), or be looked for by @effect(check=...)"
    )
