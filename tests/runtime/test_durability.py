"""What is on disk before what: decisions before effects, effects before the next step; and how many commits it takes."""

import sqlite3
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Runtime, fields, process, rule, step
from abpo_sdk.errors import AbpoError
from abpo_sdk.ledger.rows import RunRow


class Claim(BaseModel):
    amount: Decimal


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")


def on_disk(path, run):
    """What another connection sees."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT json_extract(header, '$.kind'), json_extract(header, '$.name') FROM abpo_entries WHERE chain = ? ORDER BY position",
            (run,),
        )
        return [f"{kind} {name}" for kind, name in rows]
    finally:
        connection.close()


@step(pure=True)
def rate(claim: Claim) -> Decimal:
    return claim.amount * 2


@step
def pay(amount: Decimal, *, watch: Any) -> str:
    watch("in pay")
    return "paid"


@process
def pay_claim(claim: Claim, *, watch: Any) -> str:
    amount = rate(claim)
    watch("after the pure step")
    decision = approval(claims(claim))
    watch("after the decision")
    paid = pay(amount, watch=watch)
    watch("after pay")
    pay(amount, watch=watch)
    return f"{decision.outcome} {paid}"


def test_an_effect_starts_when_all_that_led_to_it_is_on_disk(opened, path):
    seen = {}
    bound = pay_claim.bind(watch=lambda moment: seen.setdefault(moment, on_disk(path, "R")))
    run = opened(bound).start(bound, Claim(amount=100), id="R")
    assert run.result() == "pay paid"
    decided = ["started pay_claim", "step rate", "decision claims", "gate approval"]
    assert seen["after the pure step"] == seen["after the decision"] == decided[:1]
    assert seen["in pay"] == decided
    assert seen["after pay"] == [*decided, "step pay"]
    assert on_disk(path, "R") == [*decided, "step pay", "step pay", "finished pay_claim"]


def test_what_a_person_decided_is_on_disk_before_the_effect(opened, path):
    seen = {}
    bound = pay_claim.bind(watch=lambda moment: seen.setdefault(moment, on_disk(path, "R")))
    run = opened(bound).start(bound, Claim(amount=450), id="R")
    seen.clear()
    run.review.answer("pay", by="maria@acme", because="x")
    assert seen["in pay"][-2:] == ["review approval", "answered approval"]


class CountingStore:
    """Counts the commits of a real store."""

    def __init__(self, connection):
        self.commits = 0
        connection.set_trace_callback(self._see)

    def _see(self, statement):
        self.commits += statement == "COMMIT"


@pytest.fixture
def counted(path):
    ledger = Ledger(f"sqlite:///{path}")
    counter = CountingStore(ledger.store._database.connection)
    with Runtime(ledger, people={"maria@acme": {"controller"}}) as runtime:
        yield runtime, counter


@step
def one(number: int) -> int:
    return number + 1


@process
def five(number: int) -> int:
    for _ in range(5):
        number = one(number)
    return number


@process
def all_pure(claim: Claim) -> str:
    for _ in range(5):
        rate(claim)
    return approval(claims(claim)).outcome


def test_five_durable_steps_take_at_most_seven_commits(counted):
    runtime, counter = counted
    assert runtime.start(five, 0).result() == 5
    assert 6 <= counter.commits <= 7  # one each step, one to begin with, one at the end


def test_what_is_pure_takes_no_commit_of_its_own(counted):
    runtime, counter = counted
    assert runtime.start(all_pure, Claim(amount=1)).result() == "pay"
    assert counter.commits == 2


def test_parking_takes_one_commit_and_answering_two(counted):
    runtime, counter = counted
    run = runtime.start(all_pure, Claim(amount=450))
    assert counter.commits == 2  # begun; all that was pure, together with the review
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.status == "done"
    assert counter.commits <= 5  # the answer, the lease, the end


def test_looking_takes_no_commit(counted):
    runtime, counter = counted
    run = runtime.start(all_pure, Claim(amount=450))
    before = counter.commits
    assert run.status == "waiting"
    assert runtime.reviews()
    assert runtime.lineage(run.id).decisions
    assert runtime.tick().advanced == ()
    assert runtime.start(all_pure, Claim(amount=450), id=run.id).review == run.review
    assert counter.commits == before + 1  # the start looked whether the id is taken, in a transaction


def test_nothing_is_kept_of_a_write_that_fails_halfway(opened, path):
    runtime = opened()
    run = runtime.start(five, 0)
    before = on_disk(path, run.id)
    taken = run.entries[1]

    def write_twice():
        with runtime.ledger.writing() as writer:
            writer.tx.put(writer.tx.select(RunRow)[0]._replace(status="incident"))
            writer.tx.append([taken])

    with pytest.raises(AbpoError):
        write_twice()
    assert run.status == "done"
    assert on_disk(path, run.id) == before
    assert runtime.ledger.verify().entries == 7
