"""Drives a run to its end: what people are scripted to say is said, and the clock is turned to whatever is due next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from abpo_sdk.errors import DefinitionError, RunNotDone
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.runtime import Run
from abpo_sdk.testing.people.scripted_answers import BECAUSE, Script
from abpo_sdk.testing.people.who_answers import who_answers
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.review import Review

WAITS = 1000
"""How often a run waits at most, before it counts as one that never ends."""

Ending = Literal["done", "incident", "abandoned"]

OPERATOR = "operator"
"""The role of whoever gives a run up, where it is to end so."""


def drive(
    runtime: TestRuntime,
    run: Run[Any],
    script: Script,
    *,
    ends: Ending = "done",
    at_wait: Callable[[], None] = lambda: None,
) -> None:
    """Bring a run to its end.

    Args:
        runtime: the runtime.
        run: the run.
        script: what people say.
        ends: "abandoned" where somebody is to give up a run that becomes an incident.
        at_wait: is called each time that the run waits, before anybody says anything.

    Raises:
        DefinitionError: a gate asks, and nobody will ever say anything; or the run never ends.
        RunNotDone: it waits, and nothing will ever wake it.
    """
    for _ in range(WAITS):
        status = run.status
        if status == "waiting":
            at_wait()
            _go_on(runtime, run, script)
        elif status == "running":
            runtime.tick()
        elif status == "incident" and ends == "abandoned" and run.incident is not None:
            run.incident.abandon(by=runtime.someone(OPERATOR), because=BECAUSE)
        else:
            return
    raise DefinitionError(f"run {run.id!r} has waited {WAITS} times and has not ended; does the process end at all?")


def next_due(runtime: TestRuntime, run: str) -> datetime | None:
    """When something happens to a run by itself: a timer fires, or a review goes to another role or expires; None where nothing will."""
    wakes = [row.wake_at for row in runtime.ledger.store.select(RunRow, equal={"id": run})]
    dues = [from_text(at) for at in wakes if at]
    dues += [due for review in runtime.run(run).reviews if (due := _due(review))]
    return min(dues, default=None)


def _go_on(runtime: TestRuntime, run: Run[Any], script: Script) -> None:
    reviews = run.reviews
    for review in reviews:
        if not script.names(review.gate):
            raise script.unscripted(review)
    if any(due <= runtime.clock.now() for review in reviews if (due := _due(review))):
        runtime.tick()  # a crash kept it from going to the next role, or from expiring
        return
    said = script.next(reviews)
    if said is not None:
        review, outcome = said
        review.answer(outcome, by=who_answers(runtime.desk, review), because=BECAUSE)
        return
    due = next_due(runtime, run.id)
    if due is None and reviews:
        raise script.unscripted(reviews[0])
    if due is None:
        raise RunNotDone(
            f"run {run.id!r} waits, and neither for an answer nor for a time, so that nothing will ever wake it"
        )
    if due > runtime.clock.now():
        runtime.clock.advance(due - runtime.clock.now())
    else:
        runtime.tick()


def _due(review: Review) -> datetime | None:
    """When a review goes to another role, or expires; None where it waits for ever."""
    times = (review.due if review.escalate_to else None, review.expires)
    return min((time for time in times if time is not None), default=None)
