"""The recorder of a run: answers each primitive from the ledger, until something new happens."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

from abpo_sdk.errors import ReviewExpired
from abpo_sdk.gates.review_entries import review_id, shown_of
from abpo_sdk.gates.review_state import answer_of, is_expired
from abpo_sdk.gates.switches import Stop
from abpo_sdk.ledger import Call
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.keyed import Keyed, Scope
from abpo_sdk.ledger.recorder import Enough, Outcome
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


class _Asked:
    """A review that a process asks for, and where it stands."""

    __slots__ = ("identifier", "place", "review", "shown")

    def __init__(self, run: str, review: Review, scope: Scope) -> None:
        self.review = review
        self.place = scope.next_place()
        number = scope.next_key(review.gate).rpartition("/")[2]
        self.identifier = review_id(run, self.place.scope, review.gate, number)
        self.shown = shown_of(review)


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
            return self._unless_stopped(attempt.value, attempt.stopped)
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
                    return self._unless_stopped(self._after(attempt, done), attempt.around.get("stopped"))
                if self.watch is not None:
                    self.watch.recorded(attempt)
                return done
            for part in self._parts_of(pause):
                time.sleep(part)
            self.check_not_stopped()
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
            self.check_not_stopped()
            self.chain.before_effect()

    def _parts_of(self, pause: float) -> Iterator[float]:
        """A pause in parts, between which it ends where the worker stops."""
        while pause > 0:
            yield min(pause, PART)
            pause -= PART
            self._check_going_on()

    def why_stopped(self, policy: str, case: Any) -> str | None:
        """Why a policy decides nothing about a case by itself; None where nothing stops it."""
        stop = self.reviews.switches.of_decision(policy, case, self._stops)
        return str(stop) if stop is not None else None

    def _unless_stopped(self, value: T, stopped: JsonValue) -> T:
        """A decision; or what a person decides in its place, where its policy was stopped when it was made."""
        if stopped is None:
            return value
        decision: Any = value
        review = Stop.read(stopped).review(decision)
        scope = self._scopes[-1]
        self._scopes.append(Scope(scope.root, scope.last_place().inner))
        try:
            (answer,) = self.ask(review)
        finally:
            self._scopes.pop()
        return answer.apply(decision, gate=review.gate)  # type: ignore[return-value]  # T is a Decision

    @property
    def case(self) -> str:
        """The run's id."""
        return self.chain.run

    def ask(self, *reviews: Review, enough: Enough = "all") -> tuple[Answer, ...]:
        """Return the answers, or put the reviews before people and end the segment."""
        self._enter("gate", reviews[0].gate)
        scope = self._scopes[-1]
        asked = [_Asked(self.chain.run, review, scope) for review in reviews]
        for one in asked:
            entry = self.recorded.at(one.place)
            if entry is not None:
                self.chain.guarded(
                    functools.partial(self.recorded.check_same, entry, "review", one.review.gate, one.shown)
                )
        if self.recorded.at(asked[0].place) is None:
            self.check_not_stopped()
            self._come_to("gate", reviews[0].gate, asked[0].place)
            self._put_before_people(asked, enough)
        found = [self.recorded.within(one.place.inner) for one in asked]
        answers = [answer_of(entries, one.place) for entries, one in zip(found, asked, strict=True)]
        given = tuple(answer for answer in answers if answer is not None)
        if len(given) == len(asked) or (given and enough == "one"):
            return given
        expired = [one.identifier for one, entries in zip(asked, found, strict=True) if is_expired(entries)]
        if expired and (enough == "all" or len(expired) == len(asked)):
            raise ReviewExpired(
                f"run {self.chain.run!r}: nobody answered the review {expired[0]!r} in time; have the process catch this and "
                "ask another gate, or abandon the run"
            )
        waiting = next(
            one for one, answer in zip(asked, answers, strict=True) if answer is None and one.identifier not in expired
        )
        return self._wait_for_answer(waiting)

    def _wait_for_answer(self, waiting: _Asked) -> NoReturn:
        self._come_to("answer to gate", waiting.review.gate, waiting.place)
        self._park(waiting.place)

    def _put_before_people(self, asked: Sequence[_Asked], enough: Enough) -> NoReturn:
        """Open the reviews, all in one write, and wait."""
        names = [one.identifier for one in asked]
        alone = self._alone()
        drafts = [
            self.chain.guarded(
                functools.partial(
                    self.reviews.draft,
                    one.review,
                    one.shown,
                    identifier=one.identifier,
                    place=one.place,
                    parks=alone,
                    beside=[other for other in names if other != one.identifier],
                    enough=enough,
                )
            )
            for one in asked
        ]
        try:
            self._park(asked[0].place, *drafts)
        finally:
            if self.parked:
                for name in names:
                    self.reviews.opened(name)

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
        self._processes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()
            self._processes.pop()

    def fork(self, count: int) -> list[AbstractContextManager[None]]:
        """Branches, each to be entered in a thread or task of its own; their calls are counted by themselves."""
        self._enter("gather", "gather")
        scopes = self._scopes[-1].branches(count)
        self._branches = [
            replace(self, branch=True, failures=[], _scopes=[scope], _branches=[], _processes=[*self._processes])
            for scope in scopes
        ]
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
