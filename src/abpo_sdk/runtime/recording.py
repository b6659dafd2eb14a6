"""The recorder of a run: answers each primitive from the ledger, until something new happens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from abpo_sdk.gates.reviews import answer_of, review_draft
from abpo_sdk.ledger import Call
from abpo_sdk.ledger.entry import Draft, id_part
from abpo_sdk.ledger.keyed import Keyed
from abpo_sdk.ledger.recorder import Outcome
from abpo_sdk.runtime.attempts import Known
from abpo_sdk.runtime.branches import Branch, joined
from abpo_sdk.runtime.calls import Calls
from abpo_sdk.values.clock import from_text, to_text
from abpo_sdk.values.encoded import Encoded, JsonValue
from abpo_sdk.values.review import Answer, Review

T = TypeVar("T")

PART = 0.1
"""How many seconds of a pause pass before it is looked whether the worker stops."""

SLEEP = "sleep"
"""The name of the timers that a process sets itself."""


@dataclass(slots=True)
class RunRecorder(Calls):
    """What the primitives of one segment of a run, or of one branch of it, work through."""

    _branches: list[RunRecorder] = field(default_factory=list)
    _open_ends: dict[object, Coroutine[Any, Any, Any]] = field(default_factory=dict)
    """What was called and has not been awaited yet."""

    def perform(self, call: Call[T], do: Callable[[], T]) -> T:
        """Return what the ledger has of this call, or do it and record it."""
        attempt = self._before(call)
        if isinstance(attempt, Known):
            return attempt.value
        while True:
            try:
                if self.watch is not None:
                    self.watch.begins(attempt)
                if call.transaction:
                    done = self._in_transaction(attempt, do)
                else:
                    with Keyed(None, attempt.key):
                        done = do()
            except Exception as error:
                pause = self._failed(attempt, error)
                if pause is None:
                    raise
            except BaseException as error:
                self._interrupted(attempt, error)
                raise
            else:
                if not call.transaction:
                    return self._after(attempt, done)
                if self.watch is not None:
                    self.watch.recorded(attempt)
                return done
            for part in self._parts_of(pause):
                time.sleep(part)
            self.chain.before_effect()

    async def perform_async(self, call: Call[T], do: Callable[[], Awaitable[T]]) -> T:
        """The same for a call that is awaited."""
        attempt = self._before(call)
        if isinstance(attempt, Known):
            return attempt.value
        while True:
            try:
                if self.watch is not None:
                    self.watch.begins(attempt)
                with Keyed(None, attempt.key):
                    done = await do()
            except Exception as error:
                pause = self._failed(attempt, error)
                if pause is None:
                    raise
            except BaseException as error:
                self._interrupted(attempt, error)
                raise
            else:
                return self._after(attempt, done)
            import asyncio

            for part in self._parts_of(pause):
                await asyncio.sleep(part)
            self.chain.before_effect()

    def _parts_of(self, pause: float) -> Iterator[float]:
        """A pause in parts, between which it ends where the worker stops."""
        while pause > 0:
            yield min(pause, PART)
            pause -= PART
            self._check_going_on()

    def ask(self, review: Review) -> Answer:
        """Return the person's answer, or put the review before them and end the segment."""
        self._enter("gate", review.gate)
        place = self._scopes[-1].next_place()
        number = self._scopes[-1].next_key(review.gate).rpartition("/")[2]
        identifier = f"{id_part(self.chain.run)}{place.scope}{id_part(review.gate)}/{number}"
        at, parks = self.chain.ledger.clock.now(), self._alone()
        draft = self.chain.guarded(lambda: review_draft(review, identifier=identifier, place=place, at=at, parks=parks))
        entry = self.recorded.at(place)
        if entry is None:
            self._come_to("gate", review.gate, place)
            self.chain.guarded(lambda: self.reviews.check_somebody(review))
            self._park(place, draft)
        shown = draft.inputs or Encoded(None)
        self.chain.guarded(lambda: self.recorded.check_same(entry, "review", review.gate, shown))
        answer = answer_of(self.recorded.within(place.inner), place)
        if answer is None:
            self._come_to("answer to gate", review.gate, place)
            self._park(place, None)
        return answer

    def wait(self, until: timedelta | datetime) -> float:
        """End the segment until a time has come."""
        self._enter("timer", SLEEP)
        place = self._scopes[-1].next_place()
        inputs = Encoded({"until": to_text(until)} if isinstance(until, datetime) else {"for": until.total_seconds()})
        entry = self.recorded.at(place)
        if entry is not None:
            self.chain.guarded(lambda: self.recorded.check_same(entry, "timer", SLEEP, inputs))
            self._rest(place, from_text(entry.content["due"]), SLEEP)
            return 0.0
        self._come_to("timer", SLEEP, place)
        now = self.chain.ledger.clock.now().astimezone(UTC)  # in another zone, a day may have 23 hours
        due = until.astimezone(UTC) if isinstance(until, datetime) else now + until
        payload: dict[str, JsonValue] = {"due": to_text(due)}
        if not self._alone():
            payload["parks"] = False
        self._rest(place, due, SLEEP, Draft(place, "timer", SLEEP, payload, now, (), inputs))
        return 0.0

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        """A sub-process: its calls are counted by themselves."""
        self._enter("process", name)
        self._check_depth(name)
        self._scopes.append(self._scopes[-1].inner())
        try:
            yield
        finally:
            self._scopes.pop()

    def fork(self, count: int) -> list[AbstractContextManager[None]]:
        """Branches, each to be entered in a thread or task of its own; their calls are counted by themselves."""
        self._enter("gather", "gather")
        scopes = self._scopes[-1].branches(count)
        self._branches = [replace(self, branch=True, failures=[], _scopes=[scope], _branches=[]) for scope in scopes]
        return [Branch(branch) for branch in self._branches]

    def join(self, outcomes: Sequence[Outcome]) -> list[Any]:
        """What the branches returned; or what the first of them raised; or the run waits, where one of them does."""
        branches, self._branches = self._branches, []
        return joined(self, branches, outcomes)

    def awaited(
        self, name: str, make: Callable[[Callable[[], None]], Coroutine[Any, Any, T]]
    ) -> Coroutine[Any, Any, T]:
        """Note what must be awaited before the process ends."""
        awaiting, open_ends, key = self.chain.awaiting, self._open_ends, object()
        awaiting[name] = awaiting.get(name, 0) + 1

        def heard() -> None:
            awaiting[name] -= 1
            open_ends.pop(key, None)

        made = open_ends[key] = make(heard)
        return made

    def left(self) -> None:
        """The segment has ended: close what was never awaited, of which the run says so itself."""
        for coroutine in self._open_ends.values():
            coroutine.close()
        self._open_ends.clear()
