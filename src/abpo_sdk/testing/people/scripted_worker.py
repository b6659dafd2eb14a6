"""A worker beside which scripted people sit: what its runs ask is answered as soon as it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from abpo_sdk.errors import DefinitionError, ReviewClosed
from abpo_sdk.runtime.segment import Segment
from abpo_sdk.runtime.worker import Tick, Worker
from abpo_sdk.testing.people.scripted_answers import BECAUSE, Script
from abpo_sdk.testing.people.who_answers import who_answers
from abpo_sdk.values.review import Review

ANSWERS = 1000
"""How many reviews are answered at most in one go."""

_answering: ContextVar[tuple[object, ...]] = ContextVar("abpo_answering", default=())
"""The workers whose people are at it here: what opens meanwhile comes to them in its turn."""


class ScriptedWorker(Worker):
    """Advances runs, and has scripted people answer what these ask."""

    script = Script()

    def run(self, segment: Segment) -> Segment:
        """Run a segment, and those that can follow; answers included."""
        last = super().run(segment)
        self.answer_open()
        return last

    async def run_async(self, segment: Segment) -> Segment:
        """`run`, from an event loop."""
        last = await super().run_async(segment)
        await self._answer_async()
        return last

    def tick(self) -> Tick:
        """One round, and answers to what went to another role."""
        done = super().tick()
        self.answer_open()
        return done

    async def tick_async(self) -> Tick:
        """`tick`, from an event loop."""
        done = await super().tick_async()
        await self._answer_async()
        return done

    def answer_open(self) -> None:
        """Have what is open answered."""
        with self._people_at_it() as said:
            for review, outcome in said:
                with suppress(ReviewClosed):  # somebody was quicker
                    review.answer(outcome, by=who_answers(self._reviews, review), because=BECAUSE)

    async def _answer_async(self) -> None:
        with self._people_at_it() as said:
            for review, outcome in said:
                with suppress(ReviewClosed):
                    await review.answer_async(outcome, by=who_answers(self._reviews, review), because=BECAUSE)

    @contextmanager
    def _people_at_it(self) -> Iterator[Iterator[tuple[Review, str]]]:
        others = _answering.get()
        if not self.script or self in others:
            yield iter(())
            return
        token = _answering.set((*others, self))
        try:
            yield self._said()
        finally:
            _answering.reset(token)

    def _said(self) -> Iterator[tuple[Review, str]]:
        """What is said, one after the other, each to what is open then."""
        for _ in range(ANSWERS):
            reviews = self._reviews.list()
            self.script.check_spelling(reviews, self._gates())
            said = self.script.next(reviews)
            if said is None:
                return
            yield said
        raise DefinitionError(f"{ANSWERS} reviews were answered in one go; does a process ask for ever?")

    def _gates(self) -> set[str]:
        """The names of what the processes name, gates among them."""
        return {pin.partition(" ")[2] for bound in self._processes.values() for pin in bound.process.pins}
