"""The time, chance and new identifiers, recorded: a process that is run again sees the same."""

from __future__ import annotations

import random as chance
import uuid as identifiers
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from abpo_sdk.ledger.recorder import Call, Occurrence, recorder
from abpo_sdk.values.encoded import Encoded
from abpo_sdk.values.encoding import Codec

T = TypeVar("T")

MOMENT: Codec[datetime] = Codec(datetime, where="the result of now()")
NUMBER: Codec[float] = Codec(float, where="the result of random()")
IDENTIFIER: Codec[identifiers.UUID] = Codec(identifiers.UUID, where="the result of uuid()")


def now() -> datetime:
    """The present moment, with a time zone; in a run the runtime's clock tells it, once, and it is recorded.

    >>> now().tzinfo
    datetime.timezone.utc
    """

    def told(moment: datetime, occurrence: Occurrence | None) -> datetime:
        return occurrence.at if occurrence is not None else moment

    return _recorded("now", MOMENT, lambda: datetime.now(UTC), told)


def random() -> float:
    """A random number from 0 up to and without 1; in a run it is drawn once, and recorded.

    >>> 0 <= random() < 1
    True
    """
    return _recorded("random", NUMBER, chance.random)


def uuid() -> identifiers.UUID:
    """A random identifier (RFC 9562, version 4); in a run it is made once, and recorded.

    >>> uuid().version
    4
    """
    return _recorded("uuid", IDENTIFIER, identifiers.uuid4)


def _as_it_is(value: T, _: Occurrence | None) -> T:
    return value


def _recorded(
    name: str, codec: Codec[T], make: Callable[[], T], told: Callable[[T, Occurrence | None], T] = _as_it_is
) -> T:
    call: Call[Any] = Call(
        kind="step",
        name=name,
        inputs=lambda _: Encoded({}),
        record=lambda value, occurrence: codec.round_trip(told(value, occurrence)),
        restore=lambda tree, _: codec.decode(tree),
    )
    made: T = recorder().perform(call, make)
    return made
