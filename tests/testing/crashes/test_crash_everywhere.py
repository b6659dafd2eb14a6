"""Crashes inside of retries, of branches side by side, of sleep and of escalation; and that each of them would be caught."""

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
    now,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.errors import CrashTestFailed, DefinitionError
from abpo_sdk.testing import survives_crashes


class Claim(BaseModel):
    number: str = "C-1"
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller", due=timedelta(hours=8), escalate_to="cfo")
audit = Gate("audit", when=c.amount > 400, to="auditor")


class Bank:
    """Takes each key once; is down now and then."""

    def __init__(self):
        self.paid = []
        self.keys = set()
        self.calls = {}

    def pay(self, what, key, *, down=0):
        if key not in self.keys:
            self.keys.add(key)
            self.paid.append(what)
        self.fail_at_first(key, down)
        return f"paid {what}"

    def fail_at_first(self, key, times):
        self.calls[key] = self.calls.get(key, 0) + 1
        if self.calls[key] <= times:
            raise ConnectionError("no answer")


class CarelessBank(Bank):
    def pay(self, what, key, *, down=0):
        self.paid.append(what)
        self.fail_at_first(key, down)
        return f"paid {what}"


def run(flow, world=Bank, answers=None, **more):
    return survives_crashes(
        lambda bank: flow.bind(bank=bank),
        Claim(),
        world=world,
        effects=lambda bank: sorted(bank.paid),
        answers={"approval": "pay", "audit": "refer"} if answers is None else answers,
        **more,
    )


short = Retry(ConnectionError, attempts=3, pause=timedelta(minutes=5), jitter=timedelta(0))
at_once = Retry(ConnectionError, attempts=3, pause=timedelta(0), jitter=timedelta(0))


@step(retry=short)
def pay_with_pauses(what: str, *, bank: Any) -> str:
    return bank.pay(what, idempotency_key(), down=2)


@step(retry=at_once)
def pay_at_once(what: str, *, bank: Any) -> str:
    return bank.pay(what, idempotency_key(), down=2)


@process
def with_pauses(claim: Claim, *, bank: Any) -> str:
    return pay_with_pauses(claim.number, bank=bank)


@process
def without_pauses(claim: Claim, *, bank: Any) -> str:
    return pay_at_once(claim.number, bank=bank)


@pytest.mark.parametrize("flow", [with_pauses, without_pauses])
def test_each_attempt_of_a_retried_step_is_crashed_by_itself(flow):
    name = "pay_with_pauses" if flow is with_pauses else "pay_at_once"
    points = run(flow).points
    for number in ("", ", attempt 2", ", attempt 3"):
        assert f"before the effect of step '{name}' at /0{number}" in points
    assert f"after the write of attempt '{name}' at /0/0" in points
    assert f"after the effect of step '{name}' at /0, attempt 3" not in points  # those that raised have no such moment
    assert sum(point.startswith("after the effect") for point in points) == 1


def test_an_effect_without_a_key_is_caught_in_a_retry():
    with pytest.raises(CrashTestFailed, match=r"the effects are \['C-1', 'C-1', 'C-1', 'C-1'\]"):
        run(with_pauses, CarelessBank)


@step
def pay(what: str, *, bank: Any) -> str:
    return bank.pay(what, idempotency_key())


@step
async def pay_later(what: str, *, bank: Any) -> str:
    await asyncio.sleep(0)
    return bank.pay(what, idempotency_key())


@step(pure=True)
def text(number: int) -> str:
    return f"part {number}"


@process
def side_by_side(claim: Claim, *, bank: Any) -> list[str]:
    return list(gather(*(lambda n=n: pay(text(n), bank=bank) for n in range(3))))


@process
def gates_side_by_side(claim: Claim, *, bank: Any) -> list[str]:
    def part(gate: Gate) -> str:
        return pay(gate(claims(claim)).outcome, bank=bank)

    return [*gather(lambda: part(approval), lambda: part(audit), lambda: pay_with_pauses("x", bank=bank))]


@process
async def side_by_side_later(claim: Claim, *, bank: Any) -> list[str]:
    return list(await gather_async(*(pay_later(f"part {n}", bank=bank) for n in range(3))))


@pytest.mark.parametrize("flow", [side_by_side, side_by_side_later])
def test_each_branch_is_crashed_by_itself_in_whatever_order_they_come(flow):
    name = "pay" if flow is side_by_side else "pay_later"
    points = run(flow).points
    for branch in range(3):
        assert any(p.startswith(f"after the effect of step '{name}' at /0.{branch}/") for p in points)
        assert any(p.startswith(f"before the write of step '{name}' at /0.{branch}/") for p in points)


def test_branches_that_ask_and_that_wait_survive():
    points = run(gates_side_by_side).points
    assert "after the write of answered 'approval' at /0.0/2/0" in points
    assert "before the effect of step 'pay_with_pauses' at /0.2/0, attempt 3" in points


@pytest.mark.parametrize("flow", [side_by_side, side_by_side_later, gates_side_by_side])
def test_an_effect_without_a_key_is_caught_in_a_branch(flow):
    with pytest.raises(CrashTestFailed, match=r"a crash .*: afterwards the effects are"):
        run(flow, CarelessBank)


@process
def in_the_order_of_the_branches(claim: Claim, *, bank: Any) -> str:
    sleep(timedelta(days=2))
    decision = approval(claims(claim))
    gather(lambda: pay("a", bank=bank), lambda: pay("b", bank=bank))
    return decision.outcome


class Shuffled(Bank):
    """Tells what was done in an order that differs from world to world."""

    worlds = 0

    def __init__(self):
        super().__init__()
        Shuffled.worlds += 1
        self.turned = Shuffled.worlds > 1

    @property
    def told(self):
        return sorted(self.paid, reverse=self.turned)


def test_effects_in_another_order_are_said_to_be_the_same():
    with pytest.raises(CrashTestFailed, match=r"the same effects in another order; .*sorted"):
        survives_crashes(
            lambda bank: in_the_order_of_the_branches.bind(bank=bank),
            Claim(),
            world=Shuffled,
            effects=lambda bank: list(bank.told),
            answers={"approval": "pay"},
        )


@process
def asked(claim: Claim, *, bank: Any) -> str:
    decision = approval(claims(claim))
    return pay(f"{decision.outcome} by {decision.decided_by}", bank=bank)


def test_a_review_that_nobody_answers_in_time_is_crashed_while_it_escalates():
    report = run(asked, answers={"approval": {"cfo": "pay"}})
    assert "before the write of escalated 'approval' at /2/0" in report.points
    assert "after the write of escalated 'approval' at /2/0" in report.points
    assert "after the write of answered 'approval' at /2/1" in report.points


@process
def asked_twice(claim: Claim, *, bank: Any) -> str:
    decisions = gather(lambda: approval(claims(claim)), lambda: audit(claims(claim)))
    return pay(" ".join(decision.outcome for decision in decisions), bank=bank)


def test_what_escalates_while_something_else_is_awaited_is_answered_by_the_next_role():
    report = run(asked_twice, answers={"approval": {"cfo": "pay"}, "audit": "refer"})
    assert any("escalated" in point for point in report.points)


def test_a_function_of_the_review_can_leave_it_to_escalate_too():
    report = run(asked, answers={"approval": lambda review: "pay" if review.to == "cfo" else None})
    assert "after the write of escalated 'approval' at /2/0" in report.points


def test_a_gate_that_asks_a_role_of_whom_nothing_is_said_and_that_goes_to_nobody_else_is_named():
    @process
    def audited(claim: Claim, *, bank: Any) -> str:
        return audit(claims(claim)).outcome

    with pytest.raises(DefinitionError, match=r"gate 'audit' asks the auditor, for whom answers=\{...\} has nothing"):
        run(audited, answers={"audit": {"cfo": "pay"}})


def test_a_misspelt_gate_is_named_with_those_that_there_are():
    with pytest.raises(DefinitionError, match=r"gate 'approval' asks.* has no answer for it; .*'aproval', 'audit'"):
        run(asked, answers={"aproval": "pay", "audit": "pay"})


@process
def sleepy(claim: Claim, *, bank: Any) -> str:
    sleep(timedelta(days=3))
    pay("after three days", bank=bank)
    sleep(timedelta(days=30))
    return now().isoformat()


def test_a_process_that_sleeps_is_woken():
    points = run(sleepy).points
    assert "after the write of timer 'sleep' at /0" in points
    assert "before the effect of step 'pay' at /1" in points


@step
def refuse(what: str, *, bank: Any) -> str:
    bank.pay("asked", idempotency_key())
    raise PermissionError("the account is closed")


@process
def refused(claim: Claim, *, bank: Any) -> str:
    return refuse(claim.number, bank=bank)


def test_a_process_may_end_as_an_incident_on_purpose():
    points = run(refused, ends="incident").points
    assert points[-1] == "after the write of incident 'refused' at run:1"


def test_a_process_may_end_given_up_on_purpose():
    points = run(refused, ends="abandoned").points
    assert points[-1] == "after the write of abandoned 'refused' at run:2"


def test_a_process_that_ends_otherwise_than_it_is_said_to_is_refused():
    with pytest.raises(CrashTestFailed, match=r"the undisturbed run ended done, so"):
        run(asked, ends="incident")


def test_an_effect_without_a_key_is_caught_before_an_incident():
    with pytest.raises(CrashTestFailed, match=r"\['asked', 'asked'\]"):
        run(refused, CarelessBank, ends="incident")


def test_the_other_threads_of_a_dead_runtime_die_too():
    seen = []

    @step
    def first(*, bank: Any) -> int:
        return 1

    @step
    def slow(*, bank: Any) -> int:
        import time

        time.sleep(0.05)
        return 2

    @process
    def flow(claim: Claim, *, bank: Any) -> int:
        def longer() -> int:
            number = slow(bank=bank)
            pay("after it", bank=bank)
            return number

        seen.append(gather(lambda: first(bank=bank), longer))
        return 3

    report = run(flow)
    assert set(seen) == {(1, 2)}
    assert "after the effect of step 'pay' at /0.1/1" in report.points


def test_a_run_that_nothing_wakes_is_said_to_be_lost(monkeypatch):
    from abpo_sdk.testing import run_driver
    from abpo_sdk.testing.crashes import survival

    live = survival._Trial.live

    def forgetting(trial, trace):
        try:
            return live(trial, trace)
        finally:
            if trace.dead:
                monkeypatch.setattr(run_driver, "next_due", lambda runtime, run: None)

    monkeypatch.setattr(survival._Trial, "live", forgetting)
    with pytest.raises(
        CrashTestFailed, match=r"a crash .*: afterwards run 'crash-test' waits, and neither for an answer"
    ):
        run(sleepy)
