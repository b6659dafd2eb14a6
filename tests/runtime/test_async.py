"""The same runs from an event loop."""

import asyncio
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, idempotency_key, process, rule, step
from abpo_sdk.errors import ReviewClosed, RunBusy, RunError


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller", due=timedelta(hours=8), escalate_to="cfo")


@step
async def pay_later(text: str, *, bank: Any) -> str:
    await asyncio.sleep(0)
    bank.append(idempotency_key())
    return text


@step
async def fail_later(text: str) -> str:
    await asyncio.sleep(0)
    raise ValueError(text)


@step
def pay(text: str, *, bank: Any) -> str:
    bank.append(f"{idempotency_key()} in {threading.current_thread() is threading.main_thread()}")
    return text


@process
async def work_later(claim: Claim, *, bank: Any) -> str:
    await pay_later("a", bank=bank)
    try:
        await fail_later("b")
    except ValueError as error:
        pay(str(error), bank=bank)
    decision = approval(claims(claim))
    return await pay_later(decision.outcome, bank=bank)


@process
def work(claim: Claim, *, bank: Any) -> str:
    return pay(approval(claims(claim)).outcome, bank=bank)


@pytest.fixture
def bank():
    return []


@pytest.fixture
def runtime(opened, bank):
    return opened(work_later.bind(bank=bank), work.bind(bank=bank))


def test_an_async_process_is_started_answered_and_done_from_a_loop(runtime, bank):
    async def main():
        run = await runtime.start_async(work_later, Claim(), id="R")
        assert run.status == "waiting"
        answered = await run.review.answer_async("pay", by="maria@acme", because="x")
        assert answered.status == "answered"
        return run

    run = asyncio.run(main())
    assert run.result() == "pay"
    assert bank == ["R/pay_later/0", "R/pay/0 in True", "R/pay_later/1"]


def test_an_async_process_needs_no_loop_around_it(runtime):
    run = runtime.start(work_later, Claim(), id="R")
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay"
    assert [entry.kind for entry in run.entries if entry.place.scope == "/"] == [
        "step", "raised", "step", "decision", "gate", "review", "step",
    ]  # fmt: skip


def test_a_plain_process_runs_in_a_thread_so_that_the_loop_goes_on(runtime, bank):
    async def main():
        run = await runtime.start_async(work, Claim(), id="R")
        await run.review.answer_async("pay", by="maria@acme", because="x")
        return run

    assert asyncio.run(main()).result() == "pay"
    assert bank == ["R/pay/0 in False"]


def test_a_plain_process_may_be_started_plainly_inside_a_loop(runtime):
    async def main():
        run = runtime.start(work, Claim(amount=1))
        return run.result()

    assert asyncio.run(main()) == "pay"


def test_many_runs_at_once_keep_apart(runtime, bank):
    async def main():
        runs = await asyncio.gather(*(runtime.start_async(work_later, Claim(), id=f"R{n}") for n in range(12)))
        await asyncio.gather(*(run.review.answer_async("pay", by="maria@acme", because="x") for run in runs))
        return runs

    runs = asyncio.run(main())
    assert [run.result() for run in runs] == ["pay"] * 12
    assert len(bank) == len(set(bank)) == 36
    assert runtime.ledger.verify().chains == 12


def test_of_answers_at_once_one_wins(runtime):
    async def main():
        run = await runtime.start_async(work_later, Claim())
        review = run.review
        answers = (review.answer_async(outcome, by="maria@acme", because="x") for outcome in ("pay", "refer"))
        return run, await asyncio.gather(*answers, return_exceptions=True)

    run, (first, second) = asyncio.run(main())
    assert isinstance(second, ReviewClosed)
    assert run.result() == first.given.outcome == "pay"


@pytest.mark.parametrize("act", ["start", "answer", "tick", "advance", "retry"])
def test_an_async_process_called_plainly_from_a_loop_is_refused_by_name_and_not_lost(opened, runtime, bank, act):
    if act == "answer":
        waiting = runtime.start(work_later, Claim(), id="R")
    elif act in ("tick", "advance"):
        waiting = runtime.start(work_later, Claim(), id="R")
        opened().run("R").review.answer("pay", by="maria@acme", because="x")
    elif act == "retry":
        waiting = opened(work_later.bind(bank=bank), people={"maria@acme": set()}).start(work_later, Claim(), id="R")
        assert waiting.status == "incident"

    acts = {
        "start": lambda: runtime.start(work_later, Claim(), id="R"),
        "answer": lambda: waiting.review.answer("pay", by="maria@acme", because="x"),
        "tick": runtime.tick,
        "advance": lambda: runtime.advance("R"),
        "retry": lambda: runtime.run("R").incident.retry(by="maria@acme", because="x"),
    }

    async def main():
        with pytest.raises(
            RunError, match="run 'R' is of the async process 'work_later' and was called from an event loop"
        ):
            acts[act]()
        assert runtime.run("R").status == "running"
        return await runtime.tick_async()

    assert asyncio.run(main()).advanced == ("R",)
    run = runtime.run("R")
    if run.status == "waiting":
        run.review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay"
    assert len(bank) == len(set(bank)) == 3


def test_tick_async_escalates_and_goes_on_with_runs_whose_worker_is_gone(opened, runtime, clock):
    async def main():
        run = await runtime.start_async(work_later, Claim(), id="R")
        clock.advance(timedelta(hours=9))
        escalated = (await runtime.tick_async()).escalated
        opened().run("R").review.answer("pay", by="ines@acme", because="x")
        return run, escalated, await runtime.tick_async()

    run, escalated, tick = asyncio.run(main())
    assert escalated == ("R/approval/0",)
    assert tick.advanced == ("R",)
    assert run.result() == "pay"


def test_advance_async_of_a_busy_run_says_so(runtime, opened):
    other = opened(work_later.bind(bank=[]))

    class Watching(list):
        def append(self, key):
            with pytest.raises(RunBusy):
                other.advance_async("R").send(None)
            super().append(key)

    bank = Watching()
    run = asyncio.run(runtime.start_async(work_later.bind(bank=bank), Claim(), id="R"))
    assert run.status == "waiting"
    assert len(bank) == 2


def test_a_cancelled_run_is_resumable_at_once_under_the_same_keys(opened):
    bank = []

    @step
    async def hang(number: int, *, begun: Any) -> int:
        bank.append(idempotency_key())
        if begun is not None:
            begun.set()
            await asyncio.Event().wait()
        return number

    async def body(number: int, *, begun: Any) -> int:
        return await hang(number, begun=begun)

    made = process(name="body", version="1")(body)

    async def main():
        begun = asyncio.Event()
        task = asyncio.create_task(opened().start_async(made.bind(begun=begun), 3, id="R"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other = opened(made.bind(begun=None))
        return other.run("R"), await other.tick_async()

    run, tick = asyncio.run(main())
    assert tick.advanced == ("R",)
    assert run.result() == 3
    assert bank == ["R/hang/0"] * 2


def test_an_incident_is_retried_and_supplied_from_an_event_loop(opened):
    lives = iter([OSError("away"), None, OSError("away")])

    @step
    async def shaky(number: int) -> int:
        if error := next(lives):
            raise error
        return number

    @process
    async def job(number: int) -> int:
        return await shaky(number)

    runtime = opened(job)

    async def main():
        run = await runtime.start_async(job, 7, id="R")
        await run.incident.retry_async(by="maria@acme", because="it is back")
        assert run.result() == 7
        run = await runtime.start_async(job, 8, id="S")
        await run.incident.supply_async(9, by="maria@acme", because="by telephone")
        assert run.result() == 9

    asyncio.run(main())
