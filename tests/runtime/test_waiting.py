"""A process that swallows what ends its segment where it waits, whatever it waits for; and waiting for several things."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Gate,
    Retry,
    fields,
    gather,
    gather_async,
    process,
    rule,
    sleep,
    sleep_async,
    step,
)
from abpo_sdk.errors import ReviewError, RunNotDone


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")
HOUR = timedelta(hours=1)
SLOWLY = Retry(ConnectionError, attempts=3, pause=HOUR, jitter=timedelta(0))


@step(retry=SLOWLY)
def shaky(number: int) -> int:
    raise ConnectionError


@step(retry=SLOWLY)
async def shaky_later(number: int) -> int:
    raise ConnectionError


@step
def note(text: str) -> str:
    return text


def in_branches():
    gather(lambda: note("x"), lambda: sleep(HOUR))


WAITS = {
    "gate": lambda: approval(claims(Claim())),
    "sleep": lambda: sleep(HOUR),
    "pause": lambda: shaky(1),
    "gather": in_branches,
}


async def in_async_branches():
    await gather_async(sleep_async(HOUR), asyncio.sleep(0))


ASYNC_WAITS = {
    "sleep": lambda: sleep_async(HOUR),
    "pause": lambda: shaky_later(1),
    "gather": in_async_branches,
}


@process
def bare(wait: str) -> str:
    try:
        WAITS[wait]()
    except:  # noqa: E722
        return "swallowed"
    return "never"


@process
def base_and_on(wait: str, *, seen: Any) -> str:
    for _ in range(3):
        try:
            WAITS[wait]()
        except BaseException:
            continue
    try:
        seen.append(note("went on"))
    except BaseException:
        return "swallowed"
    return "never"


@process
def returns_in_finally(wait: str) -> str:
    try:
        WAITS[wait]()
    finally:
        return "swallowed"  # noqa: B012


@process
async def bare_async(wait: str) -> str:
    try:
        await ASYNC_WAITS[wait]()
    except:  # noqa: E722
        return "swallowed"
    return "never"


@process
def careful(wait: str) -> str:
    try:
        WAITS[wait]()
    except Exception:
        return "swallowed"
    return "came"


def check_named(run):
    assert run.status == "incident"
    assert run.incident.error.startswith("ParkingSwallowed: run 'R': the process caught what ends its segment")
    assert "finished" not in [e.kind for e in run.entries]


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("flow", [bare, returns_in_finally])
def test_a_bare_except_around_any_wait_is_found_and_named(runtime, flow, wait):
    run = runtime.start(flow, wait, id="R")
    check_named(run)
    run.incident.retry(by=runtime.someone("operator"), because="as if it were mended")
    check_named(run)
    runtime.ledger.verify()


@pytest.mark.parametrize("wait", WAITS)
def test_a_process_that_goes_on_gets_nothing_done(runtime, wait):
    seen = []
    run = runtime.start(base_and_on.bind(seen=seen), wait, id="R")
    check_named(run)
    assert seen == []


@pytest.mark.parametrize("wait", ASYNC_WAITS)
def test_in_an_async_process_too(runtime, wait):
    check_named(runtime.start(bare_async, wait, id="R"))


@pytest.mark.parametrize("wait", WAITS)
def test_except_exception_lets_every_wait_pass(runtime, wait):
    run = runtime.start(careful, wait, id="R")
    assert run.status == "waiting"


def test_a_branch_that_makes_an_error_of_its_wait_is_named(runtime):
    @process
    def translating(number: int) -> str:
        def branch():
            try:
                sleep(HOUR)
            except BaseException as error:
                raise ValueError("translated") from error

        try:
            gather(branch, lambda: note("x"))
        except ValueError:
            return "went on"
        return "never"

    check_named(runtime.start(translating, 1, id="R"))


def test_a_task_group_around_a_wait_lets_it_pass(runtime):
    @process
    async def grouped(number: int) -> int:
        async with asyncio.TaskGroup():
            await sleep_async(HOUR)
        return number

    @process
    async def grouped_in_a_branch(number: int) -> int:
        async def branch():
            async with asyncio.TaskGroup():
                await sleep_async(HOUR)
            return number

        return sum(await gather_async(branch(), branch()))

    runs = [runtime.start(flow, 1) for flow in (grouped, grouped_in_a_branch)]
    assert [run.status for run in runs] == ["waiting", "waiting"]
    runtime.clock.advance(HOUR)
    assert [run.result() for run in runs] == [1, 2]


def test_a_run_waits_for_a_person_a_time_and_a_pause_at_once(runtime):
    """Each of them may come first; the run goes on in its branch alone."""
    failures = iter([ConnectionError, None])

    @step(retry=SLOWLY)
    def once_down(number: int) -> int:
        failure = next(failures)
        if failure:
            raise failure
        return number

    @process
    def all_three(claim: Claim) -> list[str]:
        def napping():
            sleep(2 * HOUR)
            return "rested"

        return [str(x) for x in gather(lambda: approval(claims(claim)).outcome, napping, lambda: once_down(7))]

    run = runtime.start(all_three, Claim(), id="R")
    runtime.clock.advance(HOUR)
    assert run.status == "waiting"
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert run.status == "waiting"
    runtime.clock.advance(HOUR)
    assert run.result() == ["pay", "rested", "7"]
    runtime.ledger.verify()
    runtime.ledger.rebuild()


def test_a_run_that_is_over_is_woken_by_none_of_its_timers(runtime):
    @process
    def broken(number: int) -> int:
        def fail():
            raise ValueError

        gather(lambda: sleep(HOUR), fail)
        return number

    run = runtime.start(broken, 1)
    run.incident.abandon(by=runtime.someone("operator"), because="x")
    runtime.clock.advance(2 * HOUR)
    assert (run.status, runtime.tick().advanced) == ("abandoned", ())


def test_an_incident_is_woken_by_none_of_its_timers_until_it_is_resolved(runtime):
    lives = [ValueError]

    @step
    def once_broken(number: int) -> int:
        if lives:
            raise lives.pop()
        return number

    @process
    def broken(number: int) -> int:
        return gather(lambda: sleep(HOUR), lambda: once_broken(number))[1]

    run = runtime.start(broken, 1)
    runtime.clock.advance(2 * HOUR)
    assert (run.status, runtime.tick().advanced) == ("incident", ())
    run.incident.retry(by=runtime.someone("operator"), because="x")
    assert run.result() == 1


@process
def slow(wait: str) -> None:
    WAITS[wait]()


@pytest.mark.parametrize(
    ("wait", "said", "wakes"),
    [
        ("gate", r"waits for an answer to R/approval/0 \(put to the controller\)$", False),
        ("sleep", r"waits until 2026-01-05 10:00:00 UTC \(serve\(\) or tick\(\) goes on with it then\)$", True),
        ("pause", r"waits until 2026-01-05 09:01:00 UTC", True),
        ("gather", r"waits until 2026-01-05 10:00:00 UTC", True),
    ],
)
def test_what_a_run_waits_for_is_said(runtime, wait, said, wakes):
    run = runtime.start(slow, wait, id="R")
    with pytest.raises(RunNotDone, match=f"run 'R' {said}"):
        run.result()
    due = timedelta(minutes=1) if wait == "pause" else HOUR
    assert run.wakes_at == (runtime.clock.now() + due if wakes else None)
    if wakes:
        with pytest.raises(ReviewError, match=r"run 'R' is waiting until .*, and has 0 open reviews"):
            _ = run.review


def test_an_incident_shows_what_kind_of_error_it_is_and_never_the_message(runtime):
    @step
    def fail(number: int) -> int:
        raise ValueError("DE89370400440532013000 refused")

    @process
    def failing(number: int) -> int:
        return fail(number)

    incident = runtime.start(failing, 1, id="R").incident
    assert repr(incident) == "<incident of run R: fail raised ValueError, 2026-01-05 09:00 UTC>"
