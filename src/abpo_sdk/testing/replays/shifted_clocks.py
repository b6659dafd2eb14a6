"""Clocks of Python that tell another time."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from types import ModuleType
from typing import Any

from abpo_sdk.testing.replays.unrecorded_uses import UnrecordedUses

INSTEAD = "take now() of abpo_sdk, which is recorded"
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ShiftedClocks:
    """Functions and classes that tell another time.

    Args:
        functions: the functions of the module `time` by name, each with what is to stand there.
        things: all that is to be replaced wherever a process names it, and by what.
    """

    functions: tuple[tuple[str, Any], ...]
    things: tuple[tuple[Any, Any], ...]


def shifted_clocks(shift: timedelta, uses: UnrecordedUses) -> ShiftedClocks:
    """Clocks that are ahead by so much; what a process asks of them is noted."""
    seconds = shift.total_seconds()

    def ahead(name: str, by: float) -> Callable[[], Any]:
        real = getattr(time, name)

        def told() -> Any:
            uses.note(f"time.{name}()", INSTEAD)
            return real() + by

        return told

    def calendar(name: str) -> Callable[..., Any]:
        real = getattr(time, name)

        def told(at: float | None = None, /) -> Any:
            if at is None:
                uses.note(f"time.{name}()", INSTEAD)
                at = clock() + seconds
            return real(at)

        return told

    def sleep(_: float, /) -> None:
        uses.note("time.sleep()", "take sleep() of abpo_sdk, for which nothing is held")

    clock = time.time
    names = ("time", "monotonic", "perf_counter")
    fakes: list[tuple[str, Any]] = [(name, ahead(name, seconds)) for name in names]
    fakes += [(f"{name}_ns", ahead(f"{name}_ns", int(seconds) * NANOSECONDS)) for name in names]
    fakes += [(name, calendar(name)) for name in ("localtime", "gmtime")]
    fakes.append(("sleep", sleep))
    datetime, date = _fake_datetime(shift, uses), _fake_date(shift, uses)
    module = ModuleType("datetime")
    vars(module).update(vars(dt), datetime=datetime, date=date)
    named = ((getattr(time, name), fake) for name, fake in fakes)
    return ShiftedClocks(tuple(fakes), ((dt, module), (dt.datetime, datetime), (dt.date, date), *named))


class _Alike(type):
    """Takes for its instances those of the class that it stands for."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return issubclass(subclass, cls.__mro__[1])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.__mro__[1](*args, **kwargs)  # the real thing


def _fake_datetime(shift: timedelta, uses: UnrecordedUses) -> Any:
    real: Any = dt.datetime

    class datetime(real, metaclass=_Alike):  # type: ignore[misc]  # noqa: N801  as it is called
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return real.__new__(real, *args, **kwargs)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            uses.note("datetime.now()", INSTEAD)
            return _local(real.now(UTC) + shift, tz)

        @classmethod
        def utcnow(cls) -> Any:
            uses.note("datetime.utcnow()", INSTEAD)
            return (real.now(UTC) + shift).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            uses.note("datetime.today()", INSTEAD)
            return _local(real.now(UTC) + shift, None)

    return datetime


def _fake_date(shift: timedelta, uses: UnrecordedUses) -> Any:
    real: Any = dt.date

    class date(real, metaclass=_Alike):  # type: ignore[misc]  # noqa: N801  as it is called
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return real.__new__(real, *args, **kwargs)

        @classmethod
        def today(cls) -> Any:
            uses.note("date.today()", INSTEAD)
            return _local(dt.datetime.now(UTC) + shift, None).date()

    return date


def _local(moment: Any, zone: Any) -> Any:
    """A moment as a clock in a zone tells it; without one, as the local clock does."""
    return moment.astimezone(zone) if zone is not None else moment.astimezone().replace(tzinfo=None)
