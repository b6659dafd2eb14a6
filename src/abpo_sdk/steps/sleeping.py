"""Sleep that survives: a run that sleeps holds nothing, and goes on when its time has come, whatever happens meanwhile."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.recorder import recorder


def sleep(until: timedelta | datetime) -> None:
    """Wait for a time, or until one; a run that waits holds no thread and no memory.

    In a run, the process ends here, and goes on when the time has come and a `serve` or `tick` looks. The time is that
    of the runtime's clock: where that is set, so is the timer. Outside a run the thread sleeps.

    Args:
        until: for how long, or until when, with a time zone.

    Raises:
        DefinitionError: it is neither, or a time without a zone.

    >>> sleep(timedelta(0))
    """
    time.sleep(recorder().wait(_checked(until)))


async def sleep_async(until: timedelta | datetime) -> None:
    """`sleep`, in an async process.

    >>> import asyncio
    >>> asyncio.run(sleep_async(timedelta(0)))
    """
    import asyncio

    await asyncio.sleep(recorder().wait(_checked(until)))


def _checked(until: object) -> timedelta | datetime:
    if isinstance(until, datetime):
        if until.tzinfo is None:
            raise DefinitionError(
                f"sleep({until!r}): a time without a zone; make it aware, such as datetime(2026, 3, 1, tzinfo=UTC)"
            )
        return until
    if not isinstance(until, timedelta):
        raise DefinitionError(f"sleep({until!r}): say for how long, such as timedelta(hours=8), or until which time")
    return max(until, timedelta(0))
