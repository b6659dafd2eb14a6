"""What the checks of a store and of a policy share: how to say what was expected and what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from abpo_sdk.ledger.entry import Entry

SHOWN = 200
"""How many characters of a value a message shows."""


class NotAsExpectedError(Exception):
    """What was checked did something else than it must."""


class SkippedError(Exception):
    """A check needs something that is not there."""


def expect(what: str, seen: object, expected: object) -> None:
    """Compare, the types of what is inside too: a `bytearray` is no `bytes`, and 1 no 1.0."""
    if not same(seen, expected):
        raise NotAsExpectedError(f"{what}: expected {shown(expected)}, and saw {shown(seen)}")


def expect_text(what: str, value: object) -> None:
    """Expects a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise NotAsExpectedError(f"{what}: expected a text, and saw {value!r}")


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def shown(value: Any) -> str:
    """A value for a message, all fields of an entry included, and cut where it is long."""
    text = repr([_open(item) for item in value] if isinstance(value, list) else _open(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text):,} characters)"


def _open(value: Any) -> Any:
    return tuple(value) if isinstance(value, Entry) else value


@contextmanager
def refused(what: str, *errors: type[Exception]) -> Iterator[None]:
    """Expects one of these errors from its block."""
    names = " or ".join(error.__name__ for error in errors)
    try:
        yield
    except errors:
        return
    except Exception as error:
        raise NotAsExpectedError(f"{what}: expected {names}, and it raised {error!r}") from error
    raise NotAsExpectedError(f"{what}: expected {names}, and nothing was raised")
