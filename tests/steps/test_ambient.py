"""The time, chance and identifiers: recorded, so that a process that is run again sees the same."""

import asyncio
import random as chance
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Gate,
    fields,
    gather,
    key_scope,
    now,
    process,
    random,
    rule,
    sleep,
    step,
    uuid,
)


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")
HOUR = timedelta(hours=1)


@step
def note(text: str) -> str:
    return text


@process
def ambient(claim: Claim) -> list[str]:
    before = [str(now()), str(random()), str(uuid())]
    note(repr(before))  # another text on replay would be found here
    approval(claims(claim))
    after = [str(now()), str(random()), str(uuid())]
    return before + after


@process
async def ambient_later(claim: Claim) -> list[str]:
    before = [str(now()), str(random()), str(uuid())]
    note(repr(before))
    await asyncio.sleep(0)
    approval(claims(claim))
    return [*before, str(now()), str(random()), str(uuid())]


def check_same_again(opened, clock, flow):
    bound = flow.bind()
    run = opened(bound).start(bound, Claim(), id="R")
    first = opened(bound).run("R").entries
    clock.advance(HOUR)
    opened(bound).run("R").review.answer("pay", by="maria@acme", because="x")
    result = run.result()
    assert [datetime.fromisoformat(result[n]) for n in (0, 3)] == [clock.now() - HOUR, clock.now()]
    assert len(set(result)) == 6
    assert run.entries[: len(first)] == first
    assert [e.name for e in run.entries if e.kind == "step"] == [
        "now", "random", "uuid", "note", "now", "random", "uuid",
    ]  # fmt: skip
    run_again = opened(bound).run("R")
    assert run_again.result() == result


def test_they_are_the_same_after_a_gate(opened, clock):
    check_same_again(opened, clock, ambient)


def test_they_are_the_same_in_an_async_process(opened, clock):
    check_same_again(opened, clock, ambient_later)


def test_they_are_what_they_say(runtime):
    @process
    def all_three(number: int) -> list[str]:
        moment, number_, identifier = now(), random(), uuid()
        assert moment == runtime.clock.now()
        assert moment.utcoffset() == timedelta(0)
        assert 0 <= number_ < 1
        assert isinstance(identifier, UUID)
        assert identifier.version == 4
        return [type(x).__name__ for x in (moment, number_, identifier)]

    assert runtime.start(all_three, 1).result() == ["datetime", "float", "UUID"]


def test_the_clock_is_the_runtimes(runtime):
    @process
    def three_days(number: int) -> float:
        begun = now()
        sleep(timedelta(days=3))
        return (now() - begun).total_seconds()

    run = runtime.start(three_days, 1)
    runtime.clock.advance(timedelta(days=3))
    assert run.result() == 3 * 24 * 3600


def test_they_are_on_record_before_an_effect_that_used_them(runtime):
    seen = []

    @step
    def effect(identifier: str) -> str:
        seen.append([e.name for e in runtime.ledger.entries("R") if e.kind == "step"])
        return identifier

    @process
    def work(number: int) -> str:
        return effect(str(uuid()))

    run = runtime.start(work, 1, id="R")
    assert UUID(run.result()).version == 4
    assert seen == [["uuid"]]


def test_in_branches_each_has_its_own(runtime):
    @process
    def many(claim: Claim) -> list[str]:
        before = gather(*(lambda: str(uuid()) for _ in range(8)))
        approval(claims(claim))
        note(repr(before))
        return list(before)

    run = runtime.start(many, Claim())
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert len(set(run.result())) == 8


def test_outside_a_run_they_are_the_worlds_own():
    before = datetime.now(UTC)
    assert before <= now() <= datetime.now(UTC)
    assert now().tzinfo is UTC
    assert len({random() for _ in range(10)}) == 10
    assert len({uuid() for _ in range(10)}) == 10
    with key_scope("K"):
        assert uuid() != uuid()


def test_a_seed_of_the_callers_own_is_theirs_to_set():
    chance.seed(7)
    first = random()
    chance.seed(7)
    assert random() == first


def test_inside_a_step_they_are_part_of_the_step(runtime):
    @step
    def stamped(number: int) -> list[str]:
        return [str(now().tzinfo), str(random()), str(uuid())]

    @process
    def work(number: int) -> list[str]:
        return stamped(number)

    run = runtime.start(work, 1)
    assert len(run.result()) == 3
    assert [e.name for e in run.entries if e.kind == "step"] == ["stamped"]


def test_a_step_of_the_same_name_is_another(runtime):
    @step(name="now")
    def my_now(number: int) -> int:
        return number

    @process
    def work(claim: Claim) -> int:
        moment = now()
        number = my_now(3)
        approval(claims(claim))
        return number if moment else 0

    run = runtime.start(work, Claim())
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert run.result() == 3
