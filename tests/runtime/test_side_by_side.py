"""What a process does side by side: each branch by its own places, all together at the end."""

import asyncio
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from abpo_sdk import (
    Decision,
    DecisionTable,
    Gate,
    fields,
    gather,
    gather_async,
    idempotency_key,
    key_scope,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.errors import DefinitionError, ReviewRequired


class Claim(BaseModel):
    amount: Decimal = Decimal(1200)


c, d = fields(Claim), fields(Decision)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=d.outcome == "refer", to="controller")
second = Gate("second", when=d.outcome == "refer", to="cfo")


@step
def look_up(number: int) -> str:
    return idempotency_key()


@step
async def look_up_async(number: int) -> str:
    await asyncio.sleep(0)
    return idempotency_key()


@process
def three_lookups(case: int) -> list[str]:
    return [*gather(*(lambda n=n: look_up(n) for n in range(3))), look_up(9)]


@process
async def three_lookups_async(case: int) -> list[str]:
    return [*await gather_async(*(look_up_async(n) for n in range(3))), await look_up_async(9)]


KEYS = ["/0.0/look_up/0", "/0.1/look_up/0", "/0.2/look_up/0", "/look_up/0"]


def test_each_branch_has_keys_of_its_own_whichever_is_quicker(runtime):
    assert runtime.start(three_lookups, 1, id="R").result() == [f"R{key}" for key in KEYS]


def test_async_branches_have_the_same_keys(runtime):
    keys = [key.replace("look_up", "look_up_async") for key in KEYS]
    assert runtime.start(three_lookups_async, 1, id="R").result() == [f"R{key}" for key in keys]


def test_outside_a_run_the_keys_are_those_of_a_run():
    with key_scope("R"):
        assert three_lookups(1) == [f"R{key}" for key in KEYS]


def test_branches_run_at_the_same_time(runtime):
    barrier = threading.Barrier(3, timeout=30)

    @process
    def meeting(case: int) -> int:
        return sum(gather(*(lambda: meet(barrier=barrier) for _ in range(3))))

    @step
    def meet(*, barrier: threading.Barrier) -> int:
        barrier.wait()
        return 1

    assert runtime.start(meeting.bind(), 1).result() == 3


def test_more_calls_than_workers_are_all_made(runtime):
    @process
    def many(case: int) -> int:
        return len(set(gather(*(lambda n=n: look_up(n) for n in range(40)), workers=2)))

    assert runtime.start(many, 1).result() == 40


@process
def two_naps(case: int) -> int:
    def nap(hours):
        sleep(timedelta(hours=hours))
        look_up(hours)
        return hours

    return sum(gather(lambda: nap(1), lambda: nap(5)))


def test_branches_that_sleep_wake_one_after_the_other(runtime):
    run = runtime.start(two_naps, 1, id="R")
    assert run.status == "waiting"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gather")]
    runtime.clock.advance(timedelta(hours=2))
    assert (run.status, [e.kind for e in run.entries].count("step")) == ("waiting", 1)
    runtime.clock.advance(timedelta(hours=4))
    assert run.result() == 6
    runtime.ledger.verify()


@process
def two_gates(claim: Claim) -> list[str]:
    def ask(gate):
        decision = gate(claims(claim))
        look_up(1)
        return f"{decision.outcome} by {decision.decided_by}"

    return list(gather(lambda: ask(approval), lambda: ask(second)))


@pytest.mark.parametrize("first", ["controller", "cfo"])
def test_reviews_of_branches_are_answered_in_any_order(runtime, first):
    run = runtime.start(two_gates, Claim(), id="R")
    assert sorted(review.to for review in run.reviews) == ["cfo", "controller"]
    for role in (first, "cfo" if first == "controller" else "controller"):
        assert run.status == "waiting"
        (review,) = runtime.reviews(to=role)
        review.answer("pay", by=f"{role}@test", because="x")
    assert run.result() == ["pay by controller@test", "pay by cfo@test"]
    assert runtime.ledger.verify().entries == len(run.entries)


def test_an_answer_that_comes_while_another_branch_still_works_is_not_lost(runtime):
    working, answered = threading.Event(), threading.Event()

    @step
    def work(number: int) -> int:
        working.set()
        assert answered.wait(30)
        return number

    @process
    def mixed(claim: Claim) -> str:
        decision, _ = gather(lambda: approval(claims(claim)), lambda: work(1))
        return decision.outcome

    def answer():
        assert working.wait(30)
        while not runtime.reviews(to="controller"):  # its write comes a moment after the other branch began
            pass
        runtime.reviews(to="controller")[0].answer("pay", by="controller@test", because="x")
        answered.set()

    thread = threading.Thread(target=answer)
    thread.start()
    run = runtime.start(mixed, Claim(), id="R")
    thread.join()
    assert run.result() == "pay"
    assert [e.kind for e in run.entries].count("parked") == 0


def test_a_crash_while_a_branch_waits_and_another_works_is_taken_up(runtime):
    lives = iter([KeyboardInterrupt, None])

    @step
    def work(number: int) -> int:
        death = next(lives)
        if death:
            while not runtime.reviews(to="controller"):  # so that the other branch waits already
                pass
            raise death
        return number

    @process
    def mixed(claim: Claim) -> str:
        decision, _ = gather(lambda: approval(claims(claim)), lambda: work(1))
        return decision.outcome

    with pytest.raises(KeyboardInterrupt):
        runtime.start(mixed, Claim(), id="R")
    run = runtime.run("R")
    assert run.status == "running"
    assert runtime.tick().advanced == ("R",)
    assert run.status == "waiting"
    run.review.answer("pay", by="controller@test", because="x")
    assert run.result() == "pay"


class OutOfOrder(Exception):
    pass


@step
def fail(number: int) -> int:
    raise OutOfOrder(f"number {number}")


def test_the_first_error_in_order_is_raised_after_all_have_ended(runtime):
    @process
    def failing(case: int) -> str:
        try:
            gather(lambda: fail(1), lambda: look_up(1), lambda: fail(2))
        except OutOfOrder as error:
            return f"{error}, {look_up(3)}"
        return "never"

    run = runtime.start(failing, 1, id="R")
    assert run.result() == "number 1, R/look_up/0"
    kinds = [(e.kind, str(e.place)) for e in run.entries]
    assert {("raised", "/0.0/0"), ("step", "/0.1/0"), ("raised", "/0.2/0")} <= set(kinds)


def test_an_error_that_nobody_caught_is_an_incident_of_that_step(runtime):
    attempts = []

    @step
    def shaky(number: int) -> int:
        attempts.append(number)
        if len(attempts) == 1:
            raise OutOfOrder(f"number {number}")
        return number

    @process
    def failing(case: int) -> list[object]:
        return list(gather(lambda: look_up(1), lambda: shaky(7)))

    run = runtime.start(failing, 1, id="R")
    assert (run.status, run.incident.step) == ("incident", "shaky")
    run.incident.retry(by=runtime.someone("operator"), because="it is back")
    assert run.result() == ["R/0.0/look_up/0", 7]
    assert attempts == [7, 7]


def test_a_branch_that_raises_goes_before_one_that_waits(runtime):
    attempts = []

    @step
    def shaky(number: int) -> int:
        attempts.append(number)
        if len(attempts) == 1:
            raise OutOfOrder("at first")
        return number

    @process
    def mixed(claim: Claim) -> str:
        decision, number = gather(lambda: approval(claims(claim)), lambda: shaky(7))
        return f"{decision.outcome} {number}"

    run = runtime.start(mixed, Claim(), id="R")
    assert run.status == "incident"
    run.incident.retry(by=runtime.someone("operator"), because="it is back")
    assert run.status == "waiting"
    run.review.answer("pay", by="controller@test", because="x")
    assert run.result() == "pay 7"


def test_an_answer_given_while_the_run_is_an_incident_is_kept(runtime):
    attempts = []

    @step
    def shaky(number: int) -> int:
        attempts.append(number)
        if len(attempts) == 1:
            raise OutOfOrder("at first")
        return number

    @process
    def mixed(claim: Claim) -> str:
        decision, number = gather(lambda: approval(claims(claim)), lambda: shaky(7))
        return f"{decision.outcome} {number}"

    run = runtime.start(mixed, Claim(), id="R")
    run.review.answer("pay", by="controller@test", because="x")
    assert run.status == "incident"
    run.incident.retry(by=runtime.someone("operator"), because="it is back")
    assert run.result() == "pay 7"


def test_a_branch_that_swallows_its_parking_is_named(runtime):
    @process
    def swallowing(claim: Claim) -> str:
        def ask():
            try:
                return approval(claims(claim)).outcome
            except BaseException:
                return "swallowed"

        return gather(ask, lambda: look_up(1))[0]

    run = runtime.start(swallowing, Claim(), id="R")
    assert run.incident.error.startswith("ParkingSwallowed: run 'R'")


def test_branches_within_branches_have_places_of_their_own(runtime):
    @process
    def nested(case: int) -> list[str]:
        def inner():
            return gather(lambda: look_up(1), lambda: look_up(2))

        first, second = gather(inner, inner)
        return [*first, *second]

    keys = [f"R/0.{a}/0.{b}/look_up/0" for a in (0, 1) for b in (0, 1)]
    assert runtime.start(nested, 1, id="R").result() == keys


def test_a_sub_process_in_a_branch_and_a_policy_beside_it(runtime):
    @process
    def inner(claim: Claim) -> str:
        return claims(claim).outcome

    @process
    def outer(claim: Claim) -> list[str]:
        return list(gather(lambda: inner(claim), lambda: claims(claim).outcome))

    run = runtime.start(outer, Claim(amount=Decimal(3)), id="R")
    assert run.result() == ["pay", "pay"]
    assert sorted(str(e.place) for e in run.entries if e.kind == "decision") == ["/0.0/0/0", "/0.1/0"]


def test_outside_a_run_a_gate_in_a_branch_raises():
    with pytest.raises(ReviewRequired):
        gather(lambda: approval(claims(Claim())), lambda: 1)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(DefinitionError, match=r"gather\(3\): give functions"):
        gather(3)
    with pytest.raises(DefinitionError, match="workers=0"):
        gather(lambda: 1, workers=0)
    with pytest.raises(DefinitionError, match=r"gather_async\(3\)"):
        asyncio.run(gather_async(3))


def test_nothing_side_by_side_is_nothing(runtime):
    @process
    def none(case: int) -> list[int]:
        return list(gather())

    assert gather() == ()
    assert runtime.start(none, 1).result() == []


def test_a_cancelled_process_cancels_its_branches(runtime):
    cancelled = []

    @step
    async def slow(number: int) -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    @process
    async def waiting(case: int) -> list[int]:
        return list(await gather_async(slow(1), slow(2)))

    async def main():
        task = asyncio.create_task(runtime.start_async(waiting, 1, id="R"))
        while len(asyncio.all_tasks()) < 4:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert sorted(cancelled) == [1, 2]
    assert runtime.run("R").status == "running"
