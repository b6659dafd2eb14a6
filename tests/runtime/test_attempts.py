"""Attempts in a run: each that failed is recorded, and a pause outlives whatever happens to the worker."""

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
    idempotency_key,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.errors import StepTimedOut
from abpo_sdk.values.clock import SystemClock


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")


class Down(Exception):
    pass


HOUR, MINUTE, NO_JITTER = timedelta(hours=1), timedelta(minutes=1), timedelta(0)
AT_ONCE = Retry(Down, attempts=3, pause=timedelta(0), jitter=NO_JITTER)
SLOWLY = Retry(Down, attempts=3, pause=HOUR, longest=4 * HOUR, jitter=NO_JITTER)


class Bank:
    """Fails as often as it is told to, and keeps the key of each attempt."""

    def __init__(self, failures=0, error=Down):
        self.failures, self.error, self.keys = failures, error, []

    def pay(self):
        self.keys.append(idempotency_key())
        if len(self.keys) <= self.failures:
            raise self.error(f"attempt {len(self.keys)}")
        return len(self.keys)


@step(retry=AT_ONCE)
def pay(number: int, *, bank: Any) -> int:
    return bank.pay()


@step(retry=SLOWLY)
def pay_slowly(number: int, *, bank: Any) -> int:
    return bank.pay()


@step(retry=SLOWLY)
async def pay_later(number: int, *, bank: Any) -> int:
    await asyncio.sleep(0)
    return bank.pay()


@process
def paying(number: int, *, bank: Any) -> int:
    return pay(number, bank=bank)


@process
def paying_slowly(number: int, *, bank: Any) -> int:
    return pay_slowly(number, bank=bank)


@process
async def paying_later(number: int, *, bank: Any) -> int:
    return await pay_later(number, bank=bank)


def attempts_of(run):
    return [entry for entry in run.entries if entry.kind == "attempt"]


def operator(runtime):
    return runtime.someone("operator")


def test_each_attempt_that_failed_is_recorded_with_its_error(runtime):
    bank = Bank(2)
    run = runtime.start(paying.bind(bank=bank), 1, id="R")
    assert run.result() == 3
    assert bank.keys == ["R/pay/0"] * 3
    assert [(str(e.place), e.name, e.content["number"], e.content["due"]) for e in attempts_of(run)] == [
        ("/0/0", "pay", 1, None),
        ("/0/1", "pay", 2, None),
    ]
    messages = [runtime.ledger.payload(e, purpose="audit")["error"] for e in attempts_of(run)]
    assert messages == [{"message": f"attempt {n}", "type": "Down"} for n in (1, 2)]
    assert runtime.ledger.verify().entries == len(run.entries)


def test_what_an_attempt_said_is_encrypted_since_nobody_knows_what_it_repeats(runtime):
    run = runtime.start(paying.bind(bank=Bank(1)), 1)
    (attempt,) = attempts_of(run)
    assert b"attempt 1" not in attempt.payload + attempt.header
    assert runtime.ledger.payload(attempt)["error"] == {"message": "<error message>", "type": "Down"}


def test_after_the_last_attempt_it_is_an_incident_of_that_step(runtime):
    bank = Bank(99)
    run = runtime.start(paying.bind(bank=bank), 1, id="R")
    assert (run.incident.step, run.incident.error) == ("pay", "Down: attempt 3")
    assert (len(bank.keys), len(attempts_of(run))) == (3, 2)


def test_a_person_who_has_it_retried_gives_it_a_fresh_round(runtime):
    bank = Bank(5)
    run = runtime.start(paying.bind(bank=bank), 1, id="R")
    run.incident.retry(by=operator(runtime), because="the bank is back, perhaps")
    assert run.result() == 6
    assert [e.content["number"] for e in attempts_of(run)] == [1, 2, 1, 2]
    assert [str(e.place) for e in attempts_of(run)] == ["/0/0", "/0/1", "/0/2", "/0/3"]
    assert set(bank.keys) == {"R/pay/0"}


def test_time_counts_from_the_first_attempt_of_the_round(runtime):
    retry = Retry(Down, attempts=None, within=3 * HOUR, pause=HOUR, longest=HOUR, jitter=NO_JITTER)

    @step(retry=retry)
    def shaky(number: int, *, bank: Any) -> int:
        return bank.pay()

    @process
    def work(number: int, *, bank: Any) -> int:
        return shaky(number, bank=bank)

    bank = Bank(99)
    run = runtime.start(work.bind(bank=bank), 1)
    for _ in range(3):
        assert run.status == "waiting"
        runtime.clock.advance(HOUR)
    assert (run.status, len(bank.keys)) == ("incident", 4)
    run.incident.retry(by=operator(runtime), because="once more")
    assert run.status == "waiting"
    for _ in range(3):
        runtime.clock.advance(HOUR)
    assert (run.status, len(bank.keys)) == ("incident", 8)


def test_an_error_that_is_not_worth_it_is_an_incident_at_once(runtime):
    bank = Bank(99, error=ValueError)
    run = runtime.start(paying.bind(bank=bank), 1)
    assert (run.incident.step, len(bank.keys), attempts_of(run)) == ("pay", 1, [])


def test_a_process_may_catch_what_the_last_attempt_raised(runtime):
    @process
    def careful(claim: Claim, *, bank: Any) -> str:
        try:
            pay(1, bank=bank)
        except Down as error:
            return f"{approval(claims(claim)).outcome} after {error}"
        return "paid"

    bank = Bank(99)
    run = runtime.start(careful.bind(bank=bank), Claim())
    run.review.answer("refer", by=runtime.someone("controller"), because="x")
    assert run.result() == "refer after attempt 3"
    assert len(bank.keys) == 3
    assert [e.kind for e in run.entries].count("raised") == 1
    runtime.ledger.verify()


# pauses


@pytest.mark.parametrize("flow", [paying_slowly, paying_later])
def test_a_long_pause_parks_the_run_and_its_attempts_are_counted_on(runtime, flow):
    bank = Bank(2)
    run = runtime.start(flow.bind(bank=bank), 1, id="R")
    assert (run.status, len(bank.keys)) == ("waiting", 1)
    runtime.clock.advance(30 * MINUTE)
    assert (run.status, len(bank.keys)) == ("waiting", 1)
    runtime.clock.advance(30 * MINUTE)
    assert (run.status, len(bank.keys)) == ("waiting", 2)
    runtime.clock.advance(HOUR)
    assert run.status == "waiting"  # the second pause is twice as long
    runtime.clock.advance(HOUR)
    assert run.result() == 3
    assert len(set(bank.keys)) == 1
    kinds = [(e.kind, str(e.place)) for e in run.entries]
    assert kinds[1:-1] == [
        ("attempt", "/0/0"),
        ("fired", "/0/0/0"),
        ("attempt", "/0/1"),
        ("fired", "/0/1/0"),
        ("step", "/0"),
    ]
    assert runtime.ledger.verify().entries == len(run.entries)


def test_a_pause_is_gone_through_by_another_worker(opened, clock):
    bank = Bank(2)
    bound = paying_slowly.bind(bank=bank)
    run = opened(bound).start(bound, 1, id="R")
    assert run.status == "waiting"
    assert opened(bound).tick().advanced == ()
    clock.advance(HOUR)
    assert opened(bound).tick().advanced == ("R",)
    clock.advance(2 * HOUR)
    assert opened(bound).tick().advanced == ("R",)
    assert run.result() == 3


def test_attempts_are_counted_across_crashes(opened, clock):
    """The worker is interrupted in the second attempt, which is thus not counted, and in the third."""
    bank = Bank()
    lives = iter([Down, KeyboardInterrupt, Down, KeyboardInterrupt, Down])

    def act():
        bank.keys.append(idempotency_key())
        raise next(lives)("x")

    bank.pay = act
    bound = paying.bind(bank=bank)
    with pytest.raises(KeyboardInterrupt):
        opened(bound).start(bound, 1, id="R")
    with pytest.raises(KeyboardInterrupt):
        opened(bound).tick()
    runtime = opened(bound)
    runtime.tick()
    run = runtime.run("R")
    assert run.incident.step == "pay"
    assert bank.keys == ["R/pay/0"] * 5
    assert [e.content["number"] for e in attempts_of(run)] == [1, 2]


def test_a_short_pause_is_waited_for_by_the_worker_where_the_clock_is_the_machines(opened, monkeypatch):
    waited = []
    monkeypatch.setattr("abpo_sdk.runtime.recording.time.sleep", waited.append)
    retry = Retry(Down, attempts=5, pause=timedelta(seconds=4), jitter=NO_JITTER)

    @step(retry=retry)
    def shaky(number: int, *, bank: Any) -> int:
        return bank.pay()

    @process
    def work(number: int, *, bank: Any) -> int:
        return shaky(number, bank=bank)

    bank = Bank(3)
    bound = work.bind(bank=bank)
    run = opened(bound, clock=SystemClock()).start(bound, 1)
    assert run.status == "waiting"  # 4 s, 8 s, and then 16 s, which is too long to hold a thread
    assert (round(sum(waited), 6), max(waited), len(bank.keys)) == (12, 0.1, 3)
    assert [e.content["due"] is None for e in attempts_of(run)] == [True, True, False]


def test_a_pause_beside_a_gate_of_another_branch(runtime):
    @process
    def both(claim: Claim, *, bank: Any) -> str:
        decision, number = gather(lambda: approval(claims(claim)), lambda: pay_slowly(1, bank=bank))
        return f"{decision.outcome} {number}"

    bank = Bank(1)
    run = runtime.start(both.bind(bank=bank), Claim(), id="R")
    runtime.clock.advance(HOUR)
    assert (run.status, len(bank.keys)) == ("waiting", 2)
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert run.result() == "pay 2"
    assert len(set(bank.keys)) == 1
    runtime.ledger.verify()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_branches_make_their_attempts_each_by_itself(runtime, asynchronous):
    banks = [Bank(1), Bank(2), Bank(0)]

    @process
    def plain(case: int) -> list[int]:
        return list(gather(*(lambda b=b: pay_slowly(1, bank=b) for b in banks)))

    @process
    async def later(case: int) -> list[int]:
        return list(await gather_async(*(pay_later(1, bank=b) for b in banks)))

    run = runtime.start(later if asynchronous else plain, 1, id="R")
    for hours in (1, 2):
        assert run.status == "waiting"
        runtime.clock.advance(hours * HOUR)
    assert run.result() == [2, 3, 1]
    assert all(len(set(bank.keys)) == 1 for bank in banks)
    assert len({bank.keys[0] for bank in banks}) == 3
    runtime.ledger.verify()


def test_a_branch_that_pauses_keeps_its_pause_when_another_is_retried(runtime):
    """What a person has done again is the step of the incident, and no other."""
    slow, broken = Bank(1), Bank(1)

    @step
    def once(number: int, *, bank: Any) -> int:
        return bank.pay()

    @process
    def both(case: int) -> list[int]:
        return list(gather(lambda: pay_slowly(1, bank=slow), lambda: once(1, bank=broken)))

    run = runtime.start(both, 1)
    assert run.incident.step == "once"
    run.incident.retry(by=operator(runtime), because="mended")
    assert (run.status, len(slow.keys), len(broken.keys)) == ("waiting", 1, 2)
    runtime.clock.advance(HOUR)
    assert run.result() == [2, 2]
    assert runtime.tick().advanced == ()


def test_a_supplied_value_ends_the_attempts(runtime):
    bank = Bank(99)
    run = runtime.start(paying.bind(bank=bank), 1)
    run.incident.supply(7, by=operator(runtime), because="paid by hand")
    assert (run.result(), len(bank.keys)) == (7, 3)
    runtime.ledger.verify()


# what is not attempted again


def test_a_step_that_changes_what_it_was_given_is_not_attempted_again(runtime):
    calls = []

    @step(retry=AT_ONCE)
    def changes(items: list[int]) -> int:
        calls.append(1)
        items.append(1)
        raise Down

    @process
    def work(number: int) -> int:
        return changes([number])

    run = runtime.start(work, 1)
    assert run.incident.error.startswith("ReplayDiverged: run")
    assert "step 'changes' changed 'items'" in run.incident.error
    assert len(calls) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_is_not_attempted_again_and_reaches_the_caller(runtime, error):
    bank = Bank(1, error=error)
    bound = paying.bind(bank=bank)
    with pytest.raises(error):
        runtime.start(bound, 1, id="R")
    run = runtime.run("R")
    assert (run.status, len(bank.keys), attempts_of(run)) == ("running", 1, [])
    runtime.tick()
    assert run.result() == 2


def test_a_process_that_goes_on_after_an_interruption_is_named(runtime):
    @process
    def stubborn(number: int, *, bank: Any) -> int:
        try:
            return pay(number, bank=bank)
        except BaseException:
            return 0

    run = runtime.start(stubborn.bind(bank=Bank(1, error=KeyboardInterrupt)), 1)
    assert run.incident.error.startswith("ParkingSwallowed")
    assert "step 'pay' was interrupted (KeyboardInterrupt)" in run.incident.error


def test_a_result_that_cannot_be_recorded_is_not_made_again(runtime):
    calls = []

    @step(retry=Retry(Exception, attempts=3, pause=timedelta(0), jitter=NO_JITTER))
    def lossy(number: int) -> float:
        calls.append(1)
        return float("nan")

    @process
    def work(number: int) -> float:
        return lossy(number)

    run = runtime.start(work, 1)
    assert (run.incident.step, len(calls)) == ("lossy", 1)


# time-outs


def test_a_time_out_is_attempted_again_where_the_retry_says_so(runtime):
    calls = []

    @step(retry=Retry(StepTimedOut, attempts=3, pause=timedelta(0), jitter=NO_JITTER), timeout=timedelta(minutes=1))
    def slow(number: int) -> int:
        calls.append(idempotency_key())
        if len(calls) < 3:
            raise StepTimedOut("as if")
        return number

    @process
    def work(number: int) -> int:
        return slow(number)

    run = runtime.start(work, 7, id="R")
    assert run.result() == 7
    assert calls == ["R/slow/0"] * 3


def test_a_retry_and_a_sleep_of_one_process_do_not_mix(runtime):
    @process
    def both(number: int, *, bank: Any) -> int:
        sleep(HOUR)
        paid = pay_slowly(number, bank=bank)
        sleep(HOUR)
        return paid

    bank = Bank(1)
    run = runtime.start(both.bind(bank=bank), 1)
    for _ in range(3):
        assert run.status == "waiting"
        runtime.clock.advance(HOUR)
    assert run.result() == 2
    assert [e.kind for e in run.entries] == [
        "started", "timer", "fired", "attempt", "fired", "step", "timer", "fired", "finished",
    ]  # fmt: skip
