"""What a process does side by side: in threads, or as tasks."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, overload

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.recorder import Outcome, recorder

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")

WORKERS = 16
"""How many threads a `gather` has at most, unless it is told."""


@overload
def gather(first: Callable[[], T1], second: Callable[[], T2], /, *, workers: int = ...) -> tuple[T1, T2]: ...
@overload
def gather(
    first: Callable[[], T1], second: Callable[[], T2], third: Callable[[], T3], /, *, workers: int = ...
) -> tuple[T1, T2, T3]: ...
@overload
def gather(*calls: Callable[[], T], workers: int = ...) -> tuple[T, ...]: ...


def gather(*calls: Callable[[], Any], workers: int = WORKERS) -> tuple[Any, ...]:
    """Call functions side by side, each in a thread, and return what they returned, in their order.

    In a run each is a branch of its own: its steps, policies and gates are recorded by its place, whichever is quicker.
    All come to an end before this returns. If one raises, the first error in their order is raised; if one waits for a
    person or a time, and none raises, the run waits, and goes on in that branch when the answer is there.

    Args:
        *calls: functions without parameters: `lambda: check_address(invoice)`, or `functools.partial(check_address, invoice)`.
        workers: how many threads there are at most.

    Raises:
        DefinitionError: something is given that cannot be called.

    >>> gather(lambda: 6 * 7, lambda: "seven")
    (42, 'seven')
    """
    for call in calls:
        if not callable(call):
            raise DefinitionError(
                f"gather({call!r}): give functions, such as gather(lambda: f(x), lambda: g(x)); in an event loop there is gather_async"
            )
    check_workers(workers, "gather")
    here = recorder()
    branches = here.fork(len(calls))
    if not calls:
        return ()
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(workers, len(calls)), "gather") as pool:
        futures = [
            pool.submit(contextvars.copy_context().run, _branch, branch, call)
            for branch, call in zip(branches, calls, strict=True)
        ]
        outcomes = [future.result() for future in futures]
    return tuple(here.join(outcomes))


@overload
async def gather_async(first: Awaitable[T1], second: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def gather_async(first: Awaitable[T1], second: Awaitable[T2], third: Awaitable[T3], /) -> tuple[T1, T2, T3]: ...
@overload
async def gather_async(*awaitables: Awaitable[T]) -> tuple[T, ...]: ...


async def gather_async(*awaitables: Awaitable[Any]) -> tuple[Any, ...]:
    """`gather`, from an event loop: awaits coroutines side by side, each in a task.

    Args:
        *awaitables: what calls of async steps, processes and functions give: `gather_async(check(a), check(b))`.

    Raises:
        DefinitionError: something is given that cannot be awaited.

    >>> import asyncio
    >>> async def double(x: int) -> int:
    ...     return 2 * x
    >>> asyncio.run(gather_async(double(1), double(2)))
    (2, 4)
    """
    import asyncio

    tasks: list[asyncio.Future[Outcome]] = []
    try:
        _check_awaitable(awaitables)
        here = recorder()
        branches = here.fork(len(awaitables))
        tasks += map(asyncio.ensure_future, map(_branch_async, branches, awaitables))
        outcomes = await asyncio.gather(*tasks)
    except BaseException:  # this very task was cancelled perhaps, and no branch outlives it
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for awaitable in awaitables:
            if isinstance(awaitable, Coroutine):
                awaitable.close()  # if it has not begun, nobody will await it any more
        raise
    return tuple(here.join(outcomes))


def _check_awaitable(awaitables: Sequence[object]) -> None:
    for awaitable in awaitables:
        if not isinstance(awaitable, Awaitable):
            raise DefinitionError(
                f"gather_async({awaitable!r}): give what can be awaited, such as gather_async(f(x), g(x))"
            )


def check_workers(workers: object, what: str) -> None:
    """Refuse what is no number of workers.

    Args:
        workers: how many there are to be.
        what: is called with it, for the message.

    Raises:
        DefinitionError: it is no whole number from 1 on.
    """
    if type(workers) is not int or workers < 1:
        raise DefinitionError(f"{what}(workers={workers!r}): it is a number from 1 on")


def _branch(branch: AbstractContextManager[None], call: Callable[[], Any]) -> Outcome:
    try:
        with branch:
            value = call()
        return Outcome(value)
    except BaseException as error:  # noqa: BLE001  raised again where the branches come together
        return Outcome(error=error)


async def _branch_async(branch: AbstractContextManager[None], awaitable: Awaitable[Any]) -> Outcome:
    import asyncio

    try:
        with branch:
            value = await awaitable
        return Outcome(value)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  raised again where the branches come together
        return Outcome(error=error)
