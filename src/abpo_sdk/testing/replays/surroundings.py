"""Other surroundings for a process: another time, other chance, another environment; as they were, afterwards."""

from __future__ import annotations

import builtins
import io
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FunctionType
from typing import Any

from abpo_sdk.testing.replays.code_origin import by_the_process, is_installed
from abpo_sdk.testing.replays.name_patching import patched
from abpo_sdk.testing.replays.shifted_clocks import shifted_clocks
from abpo_sdk.testing.replays.unrecorded_uses import UnrecordedUses

TIME_ZONE = "TZ"
KEPT = (
    "PATH",
    "HOME",
    "LD_",
    "PYTHON",
    "PYTEST",
    "COVERAGE",
    "HYPOTHESIS",
    "TMP",
    "TEMP",
    "LANG",
    "LC_",
    "VIRTUAL_ENV",
    "SYSTEM",
)
"""How variables of the environment begin that Python itself needs."""

WORDS = 624
"""The size of the state of Python's generator of random numbers."""

RANDOM = "take random() or uuid() of abpo_sdk, which are recorded, or draw in a step"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process finds around it.

    Args:
        name: in words.
        moment: what the machine's clock tells at first.
        seed: of what is drawn; None for zeros at first.
        zone: the local time zone, as the variable TZ says it.
    """

    name: str
    moment: datetime
    seed: int | None
    zone: str


def other_surroundings() -> tuple[Surroundings, ...]:
    """Surroundings unlike the present ones, and unlike each other: month, weekday, hour, what is drawn."""
    now = datetime.now(UTC)
    saturday = (now + timedelta(days=40)).replace(hour=3, minute=17)
    saturday += timedelta(days=(5 - saturday.weekday()) % 7)
    wednesday = (now - timedelta(days=150)).replace(hour=15, minute=42)
    wednesday -= timedelta(days=(wednesday.weekday() - 2) % 7)
    last = now.replace(year=now.year + 2, month=12, day=31, hour=23, minute=59)
    return (
        Surroundings("on a Saturday to come", saturday, None, "XXX-13"),
        Surroundings("on a Wednesday gone by", wednesday, 2, "YYY+11"),  # draws what is high at first
        Surroundings("on New Year's Eve", last, 5, "ZZZ-5:45"),
    )


@contextmanager
def surrounded(surroundings: Surroundings, function: FunctionType, uses: UnrecordedUses) -> Iterator[None]:
    """Have a process and its plain functions find other surroundings while the block lasts.

    Args:
        surroundings: which.
        function: the process's.
        uses: notes what it uses of them.
    """
    shift = surroundings.moment - datetime.now(UTC)
    with ExitStack() as stack:
        stack.enter_context(_chance(surroundings.seed, uses))
        stack.enter_context(_environment(surroundings.zone, uses))
        stack.enter_context(_files(uses))
        fakes = shifted_clocks(shift, uses)
        for name, fake in fakes.functions:
            stack.enter_context(_put(time, name, fake))
        stack.enter_context(patched(function, fakes.things))
        yield


@contextmanager
def _put(thing: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, before)


@contextmanager
def _chance(seed: int | None, uses: UnrecordedUses) -> Iterator[None]:
    """Another state of `random`, and other bytes of the system's (`secrets`, `uuid`)."""
    source = random.Random(seed or 0)  # noqa: S311  it is to be foreseeable
    beginning = [0] * 64 if seed is None else []

    def urandom(size: int, /) -> bytes:
        uses.note("the system's random bytes (os.urandom, secrets, uuid4)", RANDOM)
        head = bytes(beginning[:size])
        del beginning[:size]
        return head + source.randbytes(size - len(head))

    before = random.getstate()
    words = tuple(source.getrandbits(32) for _ in range(WORDS))
    if seed is None:
        random.setstate((3, (*(0,) * 8, *words[8:], 0), None))
    else:
        random.seed(seed)
    began = random.getstate()
    try:
        with _put(os, "urandom", urandom), _put(random, "_urandom", urandom):
            yield
        if random.getstate() != began:
            uses.used.setdefault("random", RANDOM)
    finally:
        random.setstate(before)


@contextmanager
def _environment(zone: str, uses: UnrecordedUses) -> Iterator[None]:
    """Other values of all variables that a process might read, and another local time."""
    before = dict(os.environ)
    kind: Any = type(os.environ)
    real: Callable[[Any, str], str] = kind.__getitem__

    def read(environment: Any, name: str) -> str:
        uses.note(f"the variable {name} of the environment", "read it in a step, or bind it as wiring")
        return real(environment, name)

    try:
        for name, value in before.items():
            if not name.startswith(KEPT):
                os.environ[name] = str(int(value) + 1) if value.isdecimal() else f"{value}-elsewhere"
        os.environ[TIME_ZONE] = zone
        _tell_time_zone()
        with _put(kind, "__getitem__", read):
            yield
    finally:
        if TIME_ZONE not in before:
            del os.environ[TIME_ZONE]
        os.environ.update(before)
        _tell_time_zone()


def _tell_time_zone() -> None:
    if hasattr(time, "tzset"):  # not on Windows
        time.tzset()


@contextmanager
def _files(uses: UnrecordedUses) -> Iterator[None]:
    """Notes the files that a process reads itself."""
    real = builtins.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        path = file if isinstance(file, int) else os.path.abspath(os.fsdecode(file))
        if isinstance(path, str) and ("r" in mode or "+" in mode) and not is_installed(path) and by_the_process():
            uses.files.append(path)
        return real(file, mode, *args, **kwargs)

    with _put(builtins, "open", opened), _put(io, "open", opened):
        yield
