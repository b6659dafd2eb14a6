"""Writes a ledger of the present schema, which later releases must still read: `python tests/ledger/data/make.py`.

Run it once, when a schema is settled, and keep the files that it makes; never run it again for that schema. Other tests
have it write a ledger of their own, since it has something of everything.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from abpo_sdk import (
    Decision,
    DecisionTable,
    Gate,
    Personal,
    Retry,
    Wired,
    fields,
    gather,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.ledger import FileAnchor, Ledger
from abpo_sdk.ledger.stores.migrations import MIGRATIONS
from abpo_sdk.testing.runtime import TestRuntime
from tests.ledger.data.reviewed import PEOPLE, Loan, lend, write_beside, write_reviewed

PATH = Path(__file__).parent / f"schema_{len(MIGRATIONS)}.db"


class Claim(BaseModel):
    number: str
    holder: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")]
    amount: Decimal
    day: date


c = fields(Claim)
claims = DecisionTable(
    "claims",
    rule(c.amount <= 0, then="reject", because="the amount is not positive"),
    rule(c.amount < 1000, then="pay", because="the amount is small"),
    otherwise="refer",
    owner="head of claims",
)
approval = Gate("approval", when=fields(Decision).outcome == "refer", to="controller")


@step
def read_claim(number: str) -> Claim:
    if number == "C-2":
        raise ValueError("there is no claim C-2")
    return Claim(
        number=number, holder="h-1", iban="DE89370400440532013000", amount=Decimal("1200.50"), day=date(2026, 1, 2)
    )


@step
def book(claim: Claim) -> str:
    return f"booked {claim.number}"


@process
def pay_claim(number: str) -> str:
    claim = read_claim(number)
    decision = approval(claims(claim))
    return book(claim) if decision.outcome == "pay" else decision.outcome


def claim_of(holder: str, number: str, amount: str = "20.00") -> Claim:
    return Claim(
        number=number,
        holder=holder,
        iban=f"AT61190430023457320{number[-1]}",
        amount=Decimal(amount),
        day=date(2026, 1, 3),
    )


def write(path: Path) -> None:
    """A ledger with what is reviewed, imported, erased, held, swept, sealed and not yet sealed; an anchor beside it."""
    ledger = Ledger(f"sqlite:///{path}", anchor=FileAnchor(f"{path}.anchor"))
    with TestRuntime(ledger, [pay_claim], people={"maria@acme": {"controller"}}) as runtime:
        ledger.record(claims(claim_of("h-6", "C-6")), key="C-6")
        past = [replace(claims(claim_of("h-5", f"H-{n}")), at=runtime.clock.now() - timedelta(days=n)) for n in (1, 2)]
        ledger.import_decisions(
            ((f"H-{number}", decision) for number, decision in enumerate(past)), source="the old one"
        )
        ledger.seal()
        runtime.clock.advance(timedelta(days=1))
        run = runtime.start(pay_claim, "C-1", id="R-1")
        run.review.answer("pay", by="maria@acme", because="the receipt is there")
        assert run.result() == "booked C-1"
        assert runtime.start(pay_claim, "C-2", id="R-2").status == "incident"
        ledger.record(claims(claim_of("h-2", "C-3")), key="C-3")
        ledger.record(claims(claim_of("h-4", "C-4")), key="C-4")
        ledger.hold("h-5", "a lawsuit", by="ines@acme")
        ledger.hold("h-2", "a complaint", by="ines@acme")
        ledger.release("h-2", "a complaint", by="ines@acme", because="it was settled")
        ledger.erase("h-4", by="ines@acme", because="asked for")
        ledger.retain("decision", timedelta(hours=12))
        ledger.seal()
        ledger.record(claims(claim_of("h-7", "C-7")), key="C-7")
        assert runtime.start(pay_claim, "C-8", id="R-8").status == "waiting"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


@step(retry=Retry(ConnectionError, pause=timedelta(hours=1), jitter=timedelta(0)))
def call(number: int, *, answers: Wired[list[int]]) -> int:
    if len(answers) == 0:
        answers.append(number)
        raise ConnectionError("no route")
    return number


@process
def patient(number: int, *, answers: Wired[list[int]]) -> int:
    return sum(gather(lambda: call(number, answers=answers), lambda: nap(2)))


def nap(hours: int) -> int:
    sleep(timedelta(hours=hours))
    return hours


first, second = (process(name="napping", version=version)(lambda number: nap(3)) for version in ("1", "2"))


def write_waits(path: Path) -> None:
    """Runs that attempted a step again, slept, waited for one thing after another, and went on with other code."""
    ledger = Ledger(f"sqlite:///{path}", anchor=FileAnchor(f"{path}.anchor"))
    with TestRuntime(ledger, people={"maria@acme": {"controller"}}) as runtime:
        runtime.clock.advance(timedelta(days=2))
        runtime.start(patient.bind(answers=[]), 5, id="W-1")
        runtime.start(first, 7, id="W-2")
        runtime.start(second, 8, id="W-3")
        runtime.migrate("W-2", by="maria@acme", because="it naps the same")
        runtime.clock.advance(timedelta(hours=1))
        runtime.clock.advance(timedelta(hours=1))
        assert {run.id: run.status for run in runtime.runs() if run.id.startswith("W")} == {
            "W-1": "done",
            "W-2": "waiting",
            "W-3": "waiting",
        }


def write_reviews(path: Path) -> None:
    """What people did with reviews, and what they said beside."""
    ledger = Ledger(f"sqlite:///{path}", anchor=FileAnchor(f"{path}.anchor"))
    with TestRuntime(ledger, [lend], people=PEOPLE) as runtime:
        runtime.clock.advance(timedelta(days=4))
        write_reviewed(runtime)
        write_beside(runtime)
        runtime.start(lend, Loan(number="L-2", amount=Decimal(400), entered_by="tom@acme"), id="L-2")


def main() -> None:
    write(PATH)
    write_waits(PATH)
    write_reviews(PATH)
    with Ledger(f"sqlite:///{PATH}", anchor=FileAnchor(f"{PATH}.anchor")) as ledger:
        print(ledger.verify())  # noqa: T201
        for head in ledger.store.heads():
            print(head.chain, head.hash)  # noqa: T201
    with closing(sqlite3.connect(PATH)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


if __name__ == "__main__":
    if PATH.exists():
        raise SystemExit(f"{PATH} is there already, and is kept as it is")
    main()
