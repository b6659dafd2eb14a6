"""A run whose reviews have had everything done with them that can be, and what stands in the ledger's own chain beside it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, process, rule
from abpo_sdk.errors import NotPermitted, ReviewExpired
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.gates.people import People
from abpo_sdk.runtime import Runtime

HOUR = timedelta(hours=1)


class Loan(BaseModel):
    number: str
    amount: Decimal
    entered_by: str


c = fields(Loan)
loans = DecisionTable("loans", rule(c.amount > 0, then="lend", because="it is asked for"), otherwise="refuse")
PEOPLE = People(
    {
        "maria@acme": {"controller", "adjuster"},
        "otto@acme": {"controller"},
        "tom@acme": {"clerk"},
        "ines@acme": {"cfo"},
        "zoe@acme": {"cfo"},
    },
    limits=Limits(Limit("controller", 50_000, "EUR"), Limit("cfo", 500_000, "EUR"), Limit("clerk", 500, "EUR")),
)
ASKED = c.amount > 0
lending = Authority(amount=c.amount, currency="EUR", kind="loan", approves={"lend"})
together = Gate(
    "together",
    when=ASKED,
    to="controller",
    due=8 * HOUR,
    escalate_to="cfo",
    remind=HOUR,
    quorum=2,
    involves=[c.entered_by],
    authority=lending,
    guard=Guard(double=1.0),
)
in_time = Gate("in time", when=ASKED, to="controller", expires=2 * HOUR)
last = Gate("last", when=ASKED, to="controller")


@process
def lend(loan: Loan) -> str:
    decision = together(loans(loan))
    try:
        decision = in_time(decision)
    except ReviewExpired:
        decision = last(decision)
    return decision.outcome


def write_reviewed(runtime: Runtime, run_id: str = "L-1") -> None:
    """The run, from its start to its end. The runtime's clock is one that is turned by hand; its people are `PEOPLE`."""
    desk, clock = runtime.desk, runtime.clock
    run = runtime.start(lend, Loan(number=run_id, amount=Decimal("900.50"), entered_by="tom@acme"), id=run_id)
    delegation = desk.delegate(by="zoe@acme", to="tom@acme", until=clock.now() + 9 * HOUR, because="on leave")
    desk.end_delegation(delegation, by="zoe@acme", because="back again")
    run.review.show(by="maria@acme").claim(by="maria@acme").release(by="maria@acme")
    with suppress(NotPermitted):
        run.review.answer("lend", by="tom@acme", because="it is mine")
    run.review.abstain(by="otto@acme", because="I do not know them")
    run.review.return_for_information(by="maria@acme", because="for what is it?")
    run.review.inform("for a lorry", by="tom@acme")
    run.review.reassign("controller", by="maria@acme", because="whoever has time")
    clock.advance(7 * HOUR)  # type: ignore[attr-defined]
    runtime.tick()
    clock.advance(HOUR)  # type: ignore[attr-defined]
    runtime.tick()
    run.review.recuse(by="maria@acme", because="they are a friend")
    run.review.answer("lend", by="ines@acme", because="a lorry is worth it")
    run.review.answer("lend", by="zoe@acme", because="so it is")
    second = desk.get(f"{run_id}/together/0/second")
    second.answer("lend", by="otto@acme", because="I would have, too")
    clock.advance(3 * HOUR)  # type: ignore[attr-defined]
    runtime.tick()
    run.review.answer("lend", by="maria@acme", because="late, and right")
    assert run.result() == "lend"


def write_beside(runtime: Runtime) -> None:
    """What is stopped, seeded and declared."""
    desk = runtime.desk
    runtime.stop(loans, to="cfo", by="maria@acme", because="it lends too much")
    runtime.restart(loans, by="ines@acme", because="it was mended")
    decision = loans(Loan(number="K-1", amount=Decimal(7), entered_by="tom@acme"))
    desk.seed(last, decision, right="refuse", key="K-1", by="ines@acme", because="nobody lends 7")
    desk.declare_measures(by="ines@acme", because="works agreement 12")
