"""The attempts of one call: what is known before each, and what the ledger has of those that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from abpo_sdk.ledger import Call, Occurrence, Place
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.erasure import run_subject
from abpo_sdk.runtime.exceptions import error_tree
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.encoded import Encoded, JsonValue, PersonalValue

T = TypeVar("T")

PATIENCE = timedelta(seconds=10)
"""How long a worker itself waits before it attempts a step again; for longer, the run sleeps and holds nothing."""


@dataclass(slots=True)
class Failure:
    """A step that raised; whether the process caught it shows at the next call."""

    draft: Draft
    error: Exception


@dataclass(slots=True)
class Known(Generic[T]):
    """The result of a call that need not be done; and what stopped it, where it is a decision that people make instead."""

    value: T
    stopped: JsonValue = None


@dataclass(frozen=True, slots=True)
class Supplied:
    """The result that a person gave for a step that raised."""

    value: JsonValue
    by: str


@dataclass(slots=True)
class Attempt(Generic[T]):
    """A call that is to be done, with all that is known before it is.

    Args:
        call: the call.
        key: its idempotency key.
        occurrence: where it stands, and when it began.
        inputs: what was given.
        around: what is recorded beside its result.
        recorded: how many attempts the ledger has.
        failed: how many of them count: those since a person last had the step done again.
        since: when the first of those began.
    """

    call: Call[T]
    key: str
    occurrence: Occurrence
    inputs: Encoded
    around: dict[str, JsonValue]
    recorded: int = 0
    failed: int = 0
    since: datetime | None = field(default=None)

    def pause(self, error: Exception, now: datetime) -> timedelta | None:
        """How long to wait before the next attempt; None where there is none."""
        if self.call.again is None:
            return None
        seconds = self.call.again(self.failed + 1, error, now - (self.since or self.occurrence.at))
        return None if seconds is None else timedelta(seconds=seconds)

    def failed_draft(self, error: Exception, now: datetime, due: datetime | None, *, parks: bool) -> Draft:
        """The entry of an attempt that failed, and of when the next is due where the run sleeps until then."""
        place = Place(self.occurrence.place.inner, self.recorded)
        self.since = self.since or self.occurrence.at
        self.recorded, self.failed = self.recorded + 1, self.failed + 1
        payload: dict[str, Any] = {
            "began": to_text(self.since),
            "due": to_text(due) if due else None,
            "error": error_tree(error),
            "number": self.failed,
        }
        if due and not parks:
            payload["parks"] = False
        message = PersonalValue(("error", "message"), "error message", run_subject(self.occurrence.chain))
        return Draft(place, "attempt", self.call.name, payload, now, (message,), self.inputs)
