"""Writes a ledger of the present schema, which later releases must still read: `python tests/ledger/data/make.py`.

Run it once, when a schema is settled, and keep the files that it makes; never run it again for that schema.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Personal, fields, process, rule, step
from abpo_sdk.ledger.entry import SCHEMA
from abpo_sdk.testing.runtime import TestRuntime

PATH = Path(__file__).parent / f"schema_{SCHEMA}.db"


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


def main() -> None:
    small = Claim(
        number="C-3", holder="h-2", iban="AT611904300234573201", amount=Decimal("20.00"), day=date(2026, 1, 3)
    )
    with TestRuntime(f"sqlite:///{PATH}", [pay_claim], people={"maria@acme": {"controller"}}) as runtime:
        run = runtime.start(pay_claim, "C-1", id="R-1")
        run.review.answer("pay", by="maria@acme", because="the receipt is there")
        assert run.result() == "booked C-1"
        assert runtime.start(pay_claim, "C-2", id="R-2").status == "incident"
        runtime.ledger.record(claims(small), key="C-3")
        print(runtime.ledger.verify())  # noqa: T201
        for head in runtime.ledger.store.heads():
            print(head.chain, head.hash)  # noqa: T201
    with closing(sqlite3.connect(PATH)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


if __name__ == "__main__":
    if PATH.exists():
        raise SystemExit(f"{PATH} is there already, and is kept as it is")
    main()
