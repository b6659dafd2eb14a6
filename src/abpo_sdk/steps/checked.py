"""Effects whose outcome may stay unknown: looked for before, done, and looked for again."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from abpo_sdk.errors import DefinitionError, OutcomeUnknown, StepTimedOut

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """An effect was found to be done.

    Args:
        result: what the step returns for it.

    >>> Done("receipt 7").result
    'receipt 7'
    """

    result: T


class _Seen:
    """What a check says when it has no result."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ABSENT: Final = _Seen("ABSENT")
"""An effect was certainly not done, so that doing it cannot double it."""

UNKNOWN: Final = _Seen("UNKNOWN")
"""Nobody can tell whether an effect was done."""

Seen = Done[T] | _Seen
"""What a check of an effect returns: `Done(result)`, `ABSENT` or `UNKNOWN`."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An effect that is looked for before and after it is done.

    Args:
        act: does it.
        look: looks for it.
        what: the step, for messages.
    """

    act: Callable[[], Any]
    look: Callable[[], Any]
    what: str

    def do(self) -> Any:
        """Look; do it where it is not done; look again.

        Raises:
            OutcomeUnknown: nobody can tell whether it was done.
            Exception: what it raised, where it was certainly not done.
        """
        found = self._told(self._look())
        if found is not None:
            return found.result
        error = None
        try:
            self.act()
        except Exception as raised:  # noqa: BLE001  whether it was done all the same is what matters now
            error = raised
        return self._settled(self._look(), error)

    async def do_async(self) -> Any:
        """The same for an effect and a check that are awaited."""
        found = self._told(await self._look_async())
        if found is not None:
            return found.result
        error = None
        try:
            await self.act()
        except Exception as raised:  # noqa: BLE001  whether it was done all the same is what matters now
            error = raised
        return self._settled(await self._look_async(), error)

    def _look(self) -> Any:
        try:
            return self.look()
        except Exception as error:  # noqa: BLE001  it did not see anything
            return error

    async def _look_async(self) -> Any:
        try:
            found = self.look()
            return await found if isinstance(found, Awaitable) else found
        except Exception as error:  # noqa: BLE001  it did not see anything
            return error

    def _told(self, seen: Any) -> Done[Any] | None:
        """What was found before it is done; None where it was not done yet."""
        if isinstance(seen, Done):
            return seen
        if seen is ABSENT:
            return None
        self._refuse(seen, "before it was done")
        raise self._unknown(seen, "before it was done, so it was not done")

    def _settled(self, seen: Any, error: Exception | None) -> Any:
        """What was found after it was done."""
        if isinstance(seen, Done):
            return seen.result
        late = isinstance(error, StepTimedOut)  # what it was doing goes on, and may do it after the look
        if seen is ABSENT and error is not None and not late:
            raise error
        self._refuse(seen, "after it was done")
        when = "after it was done" if error is None else f"after it raised {type(error).__name__}: {error}"
        raise self._unknown(seen, when) from error

    def _refuse(self, seen: Any, when: str) -> None:
        if seen is not UNKNOWN and seen is not ABSENT and not isinstance(seen, Exception):
            raise DefinitionError(
                f"{self.what}: its check returned {seen!r} {when}; it returns Done(result), ABSENT or UNKNOWN"
            )

    def _unknown(self, seen: Any, when: str) -> OutcomeUnknown:
        how = (
            f"the check raised {type(seen).__name__}: {seen}"
            if isinstance(seen, Exception)
            else f"the check says {seen!r}"
        )
        return OutcomeUnknown(
            f"{self.what}: nobody can tell whether it was done: {how}, {when}; find out, and then supply its result, "
            "or retry (which looks first)"
        )


def check_fits(check: object, names: Iterable[str], what: str, *, asynchronous: bool) -> None:
    """Refuse a check that cannot be called as the step is: with all of its arguments, by name.

    Raises:
        DefinitionError: naming the first parameter that it does not take, or wants besides.
    """
    if not callable(check):
        raise DefinitionError(f"{what}: check={check!r}; give a function that looks whether it was done")
    function = inspect.unwrap(check)
    if not asynchronous and any(map(inspect.iscoroutinefunction, (function, type(check).__call__))):
        raise DefinitionError(f"{what}: its check is async, and it is not; make both async, or none")
    try:
        parameters = inspect.signature(check).parameters.values()
    except (TypeError, ValueError):  # a function in C, which does not say
        return
    by_name = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    given = tuple(names)
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in given:
            if name not in by_name:
                raise DefinitionError(
                    f"{what}: its check does not take {name!r}, which the step is given; it is called with the same arguments, by name"
                )
    for parameter in parameters:
        wanted = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        )
        if wanted and parameter.name not in given:
            raise DefinitionError(
                f"{what}: its check wants {parameter.name!r}, which is no parameter of the step; it is called with the same arguments, "
                "by name"
            )
