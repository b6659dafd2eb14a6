"""When a step that failed is attempted again: for which errors, how often, how long, after which pause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DefinitionError, OutcomeUnknown

if TYPE_CHECKING:
    from tenacity import RetryCallState

SECOND = timedelta(seconds=1)

NEVER = (OutcomeUnknown, DefinitionError)
"""What another attempt makes no better: a person must find out, or mend what is declared wrongly."""


@dataclass(frozen=True)
class Retry:
    """When a step that raised is attempted again.

    Pauses grow: `pause`, then twice as long after each further attempt, never longer than `longest`, each with a random
    part of up to `jitter`, so that many callers do not come back at the same moment. A pause of more than ten seconds in
    a run holds no thread: the run sleeps, and goes on when its time has come.

    Args:
        on: the exceptions that are worth another attempt, a class or a tuple of them; any other ends the step at once. An
            `OutcomeUnknown` or `DefinitionError` is never worth one.
        attempts: how many attempts there are at most, the first included; None for no limit.
        within: how long after the first attempt began the last may begin; None for no limit.
        pause: before the second attempt.
        longest: pause.
        jitter: the largest random part of a pause.

    Raises:
        DefinitionError: `on` holds no exceptions, a number or duration is negative, or nothing ever ends it.

    >>> retry = Retry(ConnectionError, attempts=3, jitter=timedelta(0))
    >>> retry.again(1, ConnectionError("no route"), timedelta(0))
    1.0
    >>> retry.again(2, ConnectionError("no route"), timedelta(seconds=1))
    2.0
    >>> retry.again(3, ConnectionError("no route"), timedelta(seconds=3))
    >>> retry.again(1, ValueError("not a date"), timedelta(0))
    """

    on: type[Exception] | tuple[type[Exception], ...]
    attempts: int | None = 3
    within: timedelta | None = None
    pause: timedelta = SECOND
    longest: timedelta = timedelta(minutes=1)
    jitter: timedelta = SECOND

    def __post_init__(self) -> None:
        kinds = self.on if isinstance(self.on, tuple) else (self.on,)
        if not kinds or not all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds):
            raise DefinitionError(
                f"Retry(on={self.on!r}): name the exceptions, such as Retry((ConnectionError, TimeoutError))"
            )
        if self.attempts is not None and (not isinstance(self.attempts, int) or self.attempts < 1):
            raise DefinitionError(
                f"Retry(attempts={self.attempts!r}): it is a number from 1 on, the first attempt included"
            )
        if self.attempts is None and self.within is None:
            raise DefinitionError("Retry(attempts=None, within=None) would never end; give one of them")
        for name in ("within", "pause", "longest", "jitter"):
            value = getattr(self, name)
            if (value is not None or name != "within") and (not isinstance(value, timedelta) or value < timedelta(0)):
                raise DefinitionError(f"Retry({name}={value!r}): it is a timedelta, and not negative")

    def again(self, failed: int, error: Exception, since: timedelta) -> float | None:
        """How many seconds to wait before the next attempt; None where there is none.

        Args:
            failed: how many attempts have failed.
            error: what the last of them raised.
            since: how long ago the first of them began.
        """
        retry, stop, wait = self._strategy
        state = _state(failed, error, since)
        if isinstance(error, NEVER) or not retry(state):
            return None
        state.upcoming_sleep = float(wait(state))
        return None if stop(state) else state.upcoming_sleep

    @cached_property
    def _strategy(self) -> tuple[Any, Any, Any]:
        import tenacity  # on first use, since most steps never fail

        stops: list[Any] = []
        if self.attempts is not None:
            stops.append(tenacity.stop_after_attempt(self.attempts))
        if self.within is not None:
            stops.append(_after(self.within.total_seconds()))
        pause, longest = self.pause.total_seconds(), self.longest.total_seconds()
        wait = tenacity.wait_exponential(pause, longest) if pause else tenacity.wait_none()  # 0 doubled is 0 for ever
        jitter = tenacity.wait_random(0, self.jitter.total_seconds())
        return tenacity.retry_if_exception_type(self.on), tenacity.stop_any(*stops), wait + jitter


def _after(limit: float) -> Callable[[RetryCallState], bool]:
    """Stops where the next attempt would begin later than this; at the very moment it may."""

    def stop(state: RetryCallState) -> bool:
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep > limit

    return stop


def _state(failed: int, error: Exception, since: timedelta) -> RetryCallState:
    """The attempts so far, as tenacity has them said."""
    import tenacity

    state = tenacity.RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]  # it calls nothing
    state.attempt_number = failed
    state.set_exception((type(error), error, error.__traceback__))
    state.outcome_timestamp = state.start_time + since.total_seconds()
    return state
