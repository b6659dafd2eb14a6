"""A whole process on Postgres: it parks at a gate, is answered in another worker, and goes on after the server was restarted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import psycopg
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Runtime, fields, idempotency_key, process, rule, step
from abpo_sdk.ledger import FileVault
from abpo_sdk.ledger.transparency.note import Signer
from tests.postgres import Server

PEOPLE = {"maria@acme": {"controller"}}


class Invoice(BaseModel):
    number: str
    total: Decimal


i = fields(Invoice)
payment = DecisionTable("payment", rule(i.total <= 0, then="reject", because="not positive"), otherwise="pay")
approval = Gate("approval", when=i.total > 10_000, to="controller")
booked: list[str] = []


@step
def read(number: str) -> Invoice:
    return Invoice(number=number, total=Decimal("12400.50"))


@step
def book(invoice: Invoice, outcome: str) -> str:
    booked.append(idempotency_key())
    return outcome


@process
def pay(number: str) -> str:
    invoice = read(number)
    return book(invoice, approval(payment(invoice)).outcome)


def test_a_process_runs_from_end_to_end_on_postgres(postgres: Server, tmp_path: Path) -> None:
    booked.clear()
    postgres.run("CREATE DATABASE process_test")
    url = postgres.as_user("postgres", database="process_test")
    signer = Signer.generate("test")

    def worker() -> Runtime:
        ledger = Ledger(url, vault=FileVault(tmp_path / "ledger.keys"), signer=signer)
        return Runtime(ledger, [pay], people=PEOPLE)

    with worker() as one, worker() as two:
        assert one.start(pay, "INV-7", id="INV-7").status == "waiting"
        postgres.stop()
        postgres.start()
        (review,) = two.reviews(to="controller")
        review.answer("reject", by="maria@acme", because="ordered twice")
        one.tick()
        assert one.run("INV-7").status == "done"
        assert one.run("INV-7").result() == "reject"
        assert booked == ["INV-7/book/0"]
        decisions = two.ledger.decisions("payment")
        assert list(decisions[["run_id", "proposed", "outcome", "decided_by"]].iloc[0]) == [
            "INV-7",
            "pay",
            "reject",
            "maria@acme",
        ]
        assert two.ledger.seal().size == len(two.ledger.entries("INV-7"))
        assert one.ledger.verify().unsealed == 0
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM abpo.entries WHERE chain = 'INV-7'").fetchone() == (8,)
