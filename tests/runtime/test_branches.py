"""What is known afterwards of what was done side by side: where values came from, and which decision permits which effect."""

import threading
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, fields, gather, idempotency_key, process, rule, step
from abpo_sdk.ledger.keyed import beside


class Claim(BaseModel):
    number: str
    amount: Decimal = Decimal(80)


class Customer(BaseModel):
    name: str


class Known(BaseModel):
    claim: Claim
    customer: Customer


c, k = fields(Claim), fields(Known)
settlement = DecisionTable("settlement", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
whole = DecisionTable(
    "whole", rule((k.claim.amount <= 500) & (k.customer.name == "Ada"), then="pay", because="known"), otherwise="refer"
)


@step(reads="claims:{number}")
def fetch_claim(number: str) -> Claim:
    return Claim(number=number)


@step(reads="crm:{name}")
def fetch_customer(name: str) -> Customer:
    return Customer(name=name)


@step
def pay(number: str, *, bank: Any) -> str:
    bank.append(idempotency_key())
    return number


def problems(runtime, keys):
    frame = runtime.ledger.reconcile(pd.DataFrame({"key": keys}))
    return frame[["problem", "key", "decision_id"]].fillna("").to_numpy().tolist()


def test_values_from_branches_are_traced_to_their_records(runtime):
    @process
    def settling(number: str, name: str) -> str:
        claim, customer = gather(lambda: fetch_claim(number), lambda: fetch_customer(name))
        return whole(Known(claim=claim, customer=customer)).outcome

    run = runtime.start(settling, "C-1", "Ada", id="R")
    assert run.result() == "pay"
    (decision,) = run.lineage().decisions
    assert {f.name: [str(s) for s in f.origin.records] for f in decision.fields} == {
        "claim.amount": ["claims:C-1"],
        "customer.name": ["crm:Ada"],
    }


def test_each_branch_has_the_lineage_of_its_own_value_however_they_mix(runtime):
    barrier = threading.Barrier(4, timeout=30)

    @process
    def settling(number: str) -> list[str]:
        def settle(n):
            claim = fetch_claim(f"{number}{n}")
            barrier.wait()
            return settlement(claim).outcome

        return list(gather(*(lambda n=n: settle(n) for n in range(4))))

    run = runtime.start(settling, "C-", id="R")
    found = {d.id: [str(s) for s in d.fields[0].origin.records] for d in run.lineage().decisions}
    assert found == {f"R/0.{n}/1": [f"claims:C-{n}"] for n in range(4)}


@pytest.mark.parametrize("decides_first", [True, False])
def test_a_decision_beside_a_step_permits_nothing_there(runtime, decides_first):
    """One branch decides and pays, the other pays without a decision; which comes first is chance."""
    bank, first = [], threading.Event()

    @process
    def settling(number: str) -> list[str]:
        def decide_and_pay():
            assert decides_first or first.wait(30)
            settlement(Claim(number=number))
            paid = pay("decided", bank=bank)
            first.set()
            return paid

        def pay_blindly():
            assert not decides_first or first.wait(30)
            paid = pay("blindly", bank=bank)
            first.set()
            return paid

        return list(gather(decide_and_pay, pay_blindly))

    runtime.start(settling, "C-1", id="R")
    assert problems(runtime, ["R/0.0/pay/0", "R/0.1/pay/0"]) == [["effect without a decision", "R/0.1/pay/0", ""]]


def test_each_branch_is_permitted_by_its_own_decision_and_by_one_before_them_all(runtime):
    bank = []

    @process
    def settling(number: str) -> list[str]:
        settlement(Claim(number=number))

        def settle(n):
            if n:
                settlement(Claim(number=f"{number}{n}"))
            return pay(number, bank=bank)

        paid = gather(*(lambda n=n: settle(n) for n in range(3)))
        return [*paid, pay("after", bank=bank)]

    runtime.start(settling, "C-1", id="R")
    assert problems(runtime, bank) == []
    lost = [key for key in bank if key in ("R/1.0/pay/0", "R/1.1/pay/0")]
    assert problems(runtime, lost) == [["decision without its effect", "", "R/1.2/0"]]


def test_an_effect_that_is_not_recorded_is_permitted_by_what_was_not_decided_beside_it(runtime):
    @process
    def settling(number: str) -> list[str]:
        return list(gather(lambda: settlement(Claim(number=number)).outcome, lambda: "nothing"))

    runtime.start(settling, "C-1", id="R")
    assert problems(runtime, ["R/0.1/pay/0"])[0] == ["effect without a decision", "R/0.1/pay/0", ""]
    assert problems(runtime, ["R/0.0/pay/0"])[0] == ["effect that the run has not recorded", "R/0.0/pay/0", "R/0.0/0"]


def test_a_sub_process_that_decides_permits_what_follows_it(runtime):
    """It stands at a place like a branch does, and is none."""
    bank = []

    @process
    def decide(number: str) -> str:
        return settlement(Claim(number=number)).outcome

    @process
    def act(number: str) -> str:
        return pay(number, bank=bank)

    @process
    def both(number: str) -> str:
        decide(number)
        return act(number)

    @process
    def settling(number: str) -> str:
        return both(number)

    runtime.start(settling, "C-1", id="R")
    assert problems(runtime, bank) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/0.0/", "/0.1/", True),
        ("/0.0/3/", "/0.1/", True),
        ("/0.0/", "/1.1/", False),
        ("/0.0/", "/0.0/", False),
        ("/0.0/", "/0.0/1.0/", False),
        ("/0.0/1.0/", "/0.0/1.1/5/", True),
        ("/", "/0.1/", False),
        ("/0/", "/0.1/", False),
        ("/0/0/", "/0/1/", False),
        ("/0.1/", "/0.10/", True),
    ],
)
def test_scopes_are_beside_each_other_where_they_part_in_branches_of_one_gather(one, other, expected):
    assert beside(one, other) is expected
    assert beside(other, one) is expected
