"""The machine that drives a process at random passes a good one, and finds what is wrong with others."""

import subprocess
import sys
import unittest
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Gate,
    Retry,
    fields,
    gather,
    idempotency_key,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.errors import DefinitionError
from abpo_sdk.testing import process_machine


class Claim(BaseModel):
    number: str
    amount: int


CASES = st.builds(Claim, number=st.sampled_from(["C-1", "C-2"]), amount=st.integers(1, 1000))

c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 300, to="controller", due=timedelta(hours=8), escalate_to="cfo")


class Bank:
    """Takes each key once."""

    def __init__(self):
        self.done = []
        self.down = {}

    def pay(self, key):
        if key not in self.done:
            self.done.append(key)

    def fail_at_first(self, key):
        self.down[key] = self.down.get(key, 0) + 1
        if self.down[key] == 1:
            raise ConnectionError("no answer")


class CarelessBank(Bank):
    def pay(self, key):
        self.done.append(key)


@step
def pay(what: str, *, bank: Any) -> str:
    bank.pay(idempotency_key())
    return f"paid {what}"


@step(retry=Retry(ConnectionError, attempts=3, pause=timedelta(minutes=5)))
def pay_with_pauses(what: str, *, bank: Any) -> str:
    bank.pay(idempotency_key())
    bank.fail_at_first(idempotency_key())
    return f"paid {what}"


@step
def refuse_once(what: str, *, bank: Any) -> str:
    bank.fail_at_first(idempotency_key())
    return what


@process
def settle(claim: Claim, *, bank: Any) -> list[str]:
    deposit = pay("deposit", bank=bank)
    decision = approval(claims(claim))
    if decision.outcome != "pay":
        return [deposit]
    sleep(timedelta(days=1))
    return [deposit, pay_with_pauses(claim.number, bank=bank)]


@process
def with_incidents(claim: Claim, *, bank: Any) -> str:
    pay("deposit", bank=bank)
    return refuse_once("x", bank=bank)


@process
def side_by_side(claim: Claim, *, bank: Any) -> list[str]:
    return [*gather(lambda: pay("a", bank=bank), lambda: pay("b", bank=bank))]


def machine(flow, world=Bank, **more):
    return process_machine(
        lambda bank: flow.bind(bank=bank), CASES, world=world, effects=lambda bank: bank.done, **more
    )


TestSettle = machine(settle).TestCase  # as a user does


@pytest.mark.parametrize("flow", [with_incidents, side_by_side])
def test_a_good_process_passes(flow):
    run_state_machine_as_test(machine(flow))


def test_it_is_a_test_case_of_unittest():
    assert issubclass(TestSettle, unittest.TestCase)


@pytest.mark.parametrize("flow", [settle, with_incidents])
def test_an_effect_that_ignores_its_key_is_found(flow):
    with pytest.raises(AssertionError, match=r"the effect of 'run-\d/.*' was done 2 times"):
        run_state_machine_as_test(machine(flow, CarelessBank), settings=found())


def found():
    return settings(
        max_examples=300,
        stateful_step_count=25,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
    )


@step
def collect(what: str, *, outbox: Any) -> str:
    outbox.append(what)
    return what


@step
def flush(number: int, *, outbox: Any, bank: Any) -> int:
    for what in outbox:
        bank.pay(f"{idempotency_key()}/{what}")
    return number


@process
def loses(claim: Claim, *, outbox: Any, bank: Any) -> str:
    collect("a", outbox=outbox)
    approval(claims(claim))
    flush(1, outbox=outbox, bank=bank)
    return "done"


def test_what_is_lost_with_the_memory_of_a_runtime_is_found():
    lossy = process_machine(
        lambda bank: loses.bind(outbox=[], bank=bank), CASES, world=Bank, effects=lambda bank: bank.done
    )
    with pytest.raises(
        AssertionError, match=r"run 'run-\d' is done, and its effects are \[\]; the same case alone, without a crash"
    ):
        run_state_machine_as_test(lossy, settings=found())
    unaware = process_machine(
        lambda bank: loses.bind(outbox=[], bank=bank), CASES, world=Bank, effects=lambda bank: bank.done, twins=False
    )
    run_state_machine_as_test(unaware)


COUNTED: list[int] = []


@process
def counts(claim: Claim, *, bank: Any) -> str:
    COUNTED.append(1)
    pay(f"number {len(COUNTED)}", bank=bank)
    return approval(claims(claim)).outcome


def test_a_process_that_replays_as_something_else_is_found():
    with pytest.raises(AssertionError, match=r"became an incident: ReplayDiverged"):
        run_state_machine_as_test(machine(counts, twins=False), settings=found())


@process
def never_ends(claim: Claim, *, bank: Any) -> str:
    while True:
        sleep(timedelta(days=1))


def test_a_process_that_never_ends_is_found(monkeypatch):
    monkeypatch.setattr("abpo_sdk.testing.run_driver.WAITS", 20)
    with pytest.raises(AssertionError, match=r"run 'run-\d' does not come to an end"):
        run_state_machine_as_test(machine(never_ends), settings=found())


def test_what_else_must_hold_is_looked_at_after_each_move():
    def at_most_two(runtime, bank):
        return len(bank.done) <= 2

    with pytest.raises(AssertionError, match="at_most_two does not hold"):
        run_state_machine_as_test(machine(side_by_side, invariants=[at_most_two]), settings=found())


@process
def plain(number: int, text: str) -> str:
    return f"{text} {number}"


def test_a_process_without_a_world_is_given_as_it_is_and_several_arguments_as_a_tuple():
    cases = st.tuples(st.integers(0, 5), st.sampled_from(["a", "b"]))
    seen = []
    run_state_machine_as_test(
        process_machine(plain, cases, invariants=[lambda runtime, world: seen.append((len(runtime.runs()), world))])
    )
    assert {world for _, world in seen} == {None}
    assert max(runs for runs, _ in seen) >= 2


def test_effects_without_a_world_are_refused():
    with pytest.raises(DefinitionError, match="world="):
        process_machine(plain, st.integers(), effects=lambda world: [])


def test_without_hypothesis_the_package_is_named():
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from abpo_sdk.testing import process_machine, TestRuntime\n"
        "from abpo_sdk.errors import DefinitionError\n"
        "from abpo_sdk import process\n"
        "@process\n"
        "def flow(x: int) -> int: return x\n"
        "try: process_machine(flow, None)\n"
        "except DefinitionError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == 'process_machine needs Hypothesis; pip install "abpo_sdk[testing]"\n'


def test_a_review_whose_escalation_was_crashed_goes_to_the_next_role_before_it_is_answered():
    kind = machine(settle)
    moves = kind()
    moves.begin(Claim(number="C-1", amount=400), 0)
    assert moves.crashable.runtime.reviews()[0].to == "controller"
    moves.wait_until_something_is_due(crash=1)
    assert moves.crashable.runtime.reviews()[0].to == "controller"
    moves.check()
    moves.teardown()
