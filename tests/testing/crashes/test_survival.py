"""The crash test: it passes what survives, and it catches what does not; else it would prove nothing."""

import asyncio
import itertools
import random
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, fields, idempotency_key, process, rule, step
from abpo_sdk.errors import CrashTestFailed, DefinitionError
from abpo_sdk.testing import survives_crashes


class Claim(BaseModel):
    number: str
    amount: Decimal
    iban: Annotated[str, Personal("bank account", subject_field="number")] = "DE02"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")
audit = Gate("audit", when=c.amount > 400, to="auditor")
CLAIM = Claim(number="C-1", amount=Decimal(450))


class Bank:
    """Takes each key once."""

    def __init__(self):
        self.paid = []
        self.keys = set()

    def pay(self, what, key):
        if key not in self.keys:
            self.keys.add(key)
            self.paid.append(what)
        return f"paid {what}"


class CarelessBank(Bank):
    """Does not look at the key."""

    def pay(self, what, key):
        self.paid.append(what)
        return f"paid {what}"


@step
def pay(what: str, *, bank: Any) -> str:
    return bank.pay(what, idempotency_key())


@step
async def pay_later(what: str, *, bank: Any) -> str:
    await asyncio.sleep(0)
    return bank.pay(what, idempotency_key())


@process
def simple(claim: Claim, *, bank: Any) -> str:
    return pay(claim.number, bank=bank)


@process
def several(claim: Claim, *, bank: Any) -> list[str]:
    decision = audit(approval(claims(claim)))
    return [pay(f"{claim.number} {part} {decision.outcome}", bank=bank) for part in ("net", "tax", "fee")]


@process
async def several_later(claim: Claim, *, bank: Any) -> list[str]:
    first = await pay_later("deposit", bank=bank)
    decision = approval(claims(claim))
    return [first, await pay_later(decision.outcome, bank=bank), pay("fee", bank=bank)]


def crash(flow, world=Bank, answers=None, make=None):
    return survives_crashes(
        make or (lambda bank: flow.bind(bank=bank)),
        CLAIM,
        world=world,
        effects=lambda bank: bank.paid,
        answers={"approval": "pay", "audit": "refer"} if answers is None else answers,
    )


def test_a_process_with_one_keyed_effect_survives_a_crash_at_each_point():
    report = crash(simple)
    assert report.points == (
        "before the write of started 'simple' at run:0",
        "after the write of started 'simple' at run:0",
        "before the effect of step 'pay' at /0",
        "after the effect of step 'pay' at /0",
        "before the write of step 'pay' at /0",
        "after the write of step 'pay' at /0",
        "before the write of finished 'simple' at run:1",
        "after the write of finished 'simple' at run:1",
    )
    assert str(report).startswith("survived a crash at each of 8 points:\n  before the write of started")


@pytest.mark.parametrize("flow", [several, several_later])
def test_gates_several_effects_and_async_processes_survive(flow):
    points = crash(flow).points
    assert sum(point.startswith("before the effect") for point in points) == 3
    assert len(points) > 20


@pytest.mark.parametrize("flow", [simple, several, several_later])
def test_an_effect_that_ignores_its_key_is_caught(flow):
    with pytest.raises(
        CrashTestFailed,
        match=r"a crash after the effect of step 'pay(_later)?' at /\d \(point \d+ of \d+\): afterwards the effects are \[.*\], "
        r"and without the crash they are .*does the step hand idempotency_key\(\)",
    ):
        crash(flow, world=CarelessBank)


def test_a_failed_crash_test_is_an_assertion_that_failed():
    with pytest.raises(AssertionError):
        crash(simple, world=CarelessBank)


@step
def collect(what: str, *, outbox: Any) -> str:
    outbox.append(what)
    return what


@step
def flush(number: int, *, outbox: Any, bank: Any) -> int:
    for what in outbox:
        bank.pay(what, f"{idempotency_key()}/{what}")
    return number


@process
def loses(claim: Claim, *, outbox: Any, bank: Any) -> str:
    collect("a", outbox=outbox)
    flush(1, outbox=outbox, bank=bank)
    return "done"


def test_an_effect_that_is_kept_in_memory_only_is_caught_as_lost():
    with pytest.raises(
        CrashTestFailed, match=r"afterwards the effects are \[\], and without the crash they are \['a'\]"
    ):
        crash(loses, make=lambda bank: loses.bind(outbox=[], bank=bank))


@process
def outside_of_a_step(claim: Claim, *, bank: Any) -> str:
    bank.paid.append("in the process itself")
    pay(claim.number, bank=bank)
    return "done"


def test_an_effect_outside_of_a_step_is_caught():
    with pytest.raises(CrashTestFailed, match="in the process itself"):
        crash(outside_of_a_step)


@process
def drawn(claim: Claim, *, bank: Any, draw: Any) -> str:
    number = draw()
    pay("first", bank=bank)
    return pay(f"number {number}", bank=bank)


def test_a_process_that_does_other_things_on_replay_is_caught():
    numbers = itertools.count()
    with pytest.raises(CrashTestFailed, match=r"a crash .*: afterwards the effects are"):
        crash(drawn, make=lambda bank: drawn.bind(bank=bank, draw=lambda: next(numbers)))


@process
def sometimes_longer(claim: Claim, *, bank: Any, draw: Any) -> str:
    for _ in range(draw()):
        pay("x", bank=bank)
    return "done"


def test_a_process_that_is_sometimes_shorter_is_caught():
    lengths = itertools.chain([3], itertools.repeat(0))
    with pytest.raises(CrashTestFailed):
        crash(sometimes_longer, make=lambda bank: sometimes_longer.bind(bank=bank, draw=lambda: next(lengths)))


@process
def result_only(claim: Claim, *, bank: Any, draw: Any) -> float:
    pay("x", bank=bank)
    return draw()


def test_a_result_that_differs_is_caught():
    draw = random.Random(1).random
    with pytest.raises(CrashTestFailed, match=r"afterwards the run is done with .*, and without the crash done with"):
        crash(result_only, make=lambda bank: result_only.bind(bank=bank, draw=draw))


@process
def broken(claim: Claim, *, bank: Any) -> str:
    raise ValueError("no")


def test_a_process_that_ends_badly_without_any_crash_shows_nothing_and_is_refused():
    with pytest.raises(CrashTestFailed, match=r"the undisturbed run ended incident, .*: ValueError: no"):
        crash(broken)


def test_a_gate_without_an_answer_is_named():
    with pytest.raises(DefinitionError, match=r"gate 'audit' asks, and answers={...} has no answer for it"):
        crash(several, answers={"approval": "pay"})


def test_an_answer_may_be_worked_out_from_the_review():
    seen = []

    def answer(review):
        seen.append(review.decision.case["iban"])
        return review.outcomes[-1]

    assert crash(several, answers={"approval": answer, "audit": answer}).points
    assert set(seen) == {"<bank account>"}


def test_it_leaves_nothing_behind(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    crash(simple)
    with pytest.raises(CrashTestFailed):
        crash(simple, world=CarelessBank)
    assert list(Path(tmp_path).iterdir()) == []
