"""Time-outs of steps: what is late is given up on, and its result is not taken any more."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from abpo_sdk import Retry, idempotency_key, key_scope, process, step
from abpo_sdk.errors import DefinitionError, StepTimedOut

SHORT, LONG = timedelta(milliseconds=20), timedelta(minutes=1)


class Door:
    """Holds up whoever passes while it is shut; keeps the keys of those who did."""

    def __init__(self):
        self.opened, self.passed, self.keys = threading.Event(), threading.Event(), []

    def pass_through(self):
        assert self.opened.wait(30)
        self.keys.append(idempotency_key())
        self.passed.set()


@step(timeout=SHORT)
def late(number: int, *, door: Any) -> str:
    door.pass_through()
    return "late"


@step(timeout=LONG)
def early(number: int) -> str:
    return f"{idempotency_key()} in {threading.current_thread() is threading.main_thread()}"


@step(timeout=SHORT)
async def late_async(number: int, *, seen: Any) -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
    return "late"


@step(timeout=LONG)
async def early_async(number: int) -> str:
    await asyncio.sleep(0)
    return idempotency_key()


@step
def note(text: str) -> str:
    return text


@pytest.fixture
def door():
    door = Door()
    yield door
    door.opened.set()
    assert door.passed.wait(30)  # its thread ends with the test


def test_what_is_in_time_returns_from_a_thread_of_its_own_under_its_key(runtime):
    @process
    def work(number: int) -> str:
        return early(number)

    assert runtime.start(work, 1, id="R").result() == "R/early/0 in False"


def test_outside_a_run_it_is_given_up_on_too(door):
    with (
        key_scope("K"),
        pytest.raises(StepTimedOut, match=r"step 'late' took longer than 0.02 s; what it was doing may"),
    ):
        late(1, door=door)


def test_what_is_late_is_an_incident_of_that_step_and_its_result_is_not_taken(runtime, door):
    @process
    def work(number: int, *, door: Any) -> str:
        return late(number, door=door)

    run = runtime.start(work.bind(door=door), 1, id="R")
    assert (run.incident.step, run.incident.error.partition(":")[0]) == ("late", "StepTimedOut")
    before = len(run.entries)
    door.opened.set()
    assert door.passed.wait(30)
    assert (run.status, len(run.entries)) == ("incident", before)
    run.incident.retry(by=runtime.someone("operator"), because="it is quicker now")
    assert run.result() == "late"
    assert door.keys == ["R/late/0"] * 2


def test_a_process_that_catches_it_catches_it_again_on_replay(opened, clock, door):
    @process
    def careful(number: int, *, door: Any) -> str:
        try:
            return late(number, door=door)
        except StepTimedOut as error:
            from abpo_sdk import sleep

            sleep(LONG)
            return note(str(error))

    bound = careful.bind(door=door)
    run = opened(bound).start(bound, 1, id="R")
    assert run.status == "waiting"
    door.opened.set()
    clock.advance(LONG)
    assert opened(bound).tick().advanced == ("R",)
    assert run.result().startswith("step 'late' took longer than 0.02 s")
    assert [e.kind for e in run.entries if e.place.scope == "/"] == ["raised", "timer", "step"]


def test_an_async_step_that_is_late_is_cancelled(runtime):
    seen = []

    @process
    async def work(number: int, *, seen: Any) -> str:
        try:
            return await late_async(number, seen=seen)
        except StepTimedOut as error:
            return note(str(error)) + await early_async(1)

    run = runtime.start(work.bind(seen=seen), 1, id="R")
    assert run.result().startswith("step 'late_async' took longer than 0.02 s")
    assert run.result().endswith("R/early_async/0")
    assert seen == ["cancelled"]


def test_a_time_out_of_its_own_is_left_as_it_is(runtime):
    @step(timeout=LONG)
    async def gives_up(number: int) -> int:
        raise TimeoutError("the server said so")

    @step(timeout=LONG)
    def gives_up_plainly(number: int) -> int:
        raise TimeoutError("the server said so")

    @process
    async def work(number: int) -> int:
        return await gives_up(number)

    @process
    def work_plainly(number: int) -> int:
        return gives_up_plainly(number)

    for flow in (work, work_plainly):
        assert runtime.start(flow, 1).incident.error == "TimeoutError: the server said so"


def test_what_is_late_is_attempted_again_under_the_same_key(runtime, door):
    calls = []

    @step(timeout=SHORT, retry=Retry(StepTimedOut, attempts=3, pause=timedelta(0), jitter=timedelta(0)))
    def at_first_late(number: int, *, door: Any) -> str:
        calls.append(idempotency_key())
        if len(calls) == 1:
            door.pass_through()
        return f"attempt {len(calls)}"

    @process
    def work(number: int, *, door: Any) -> str:
        return at_first_late(number, door=door)

    run = runtime.start(work.bind(door=door), 1, id="R")
    assert run.result() == "attempt 2"
    assert calls == ["R/at_first_late/0"] * 2
    (attempt,) = [e for e in run.entries if e.kind == "attempt"]
    assert attempt.content["error"]["type"] == "StepTimedOut"


def test_an_interruption_within_it_reaches_the_caller(runtime):
    deaths = [KeyboardInterrupt]

    @step(timeout=LONG)
    def dies(number: int) -> int:
        if deaths:
            raise deaths.pop()
        return number

    @process
    def work(number: int) -> int:
        return dies(number)

    with pytest.raises(KeyboardInterrupt):
        runtime.start(work, 1, id="R")
    runtime.tick()
    assert runtime.run("R").result() == 1


def test_nothing_is_none(runtime):
    @step(timeout=LONG)
    def nothing(number: int) -> None:
        return None

    @process
    def work(number: int) -> None:
        return nothing(number)

    assert runtime.start(work, 1).result() is None


@pytest.mark.parametrize("timeout", [3, timedelta(0), -LONG, "1 s"])
def test_what_is_no_duration_is_refused(timeout):
    with pytest.raises(DefinitionError, match=r"step 'work': timeout=.*; write timeout=timedelta\(seconds=30\)"):

        @step(timeout=timeout)
        def work(number: int) -> int:
            return number
