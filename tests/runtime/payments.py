"""A worker that pays invoices, for tests that kill it: `python -m tests.runtime.payments DIRECTORY FIRST LAST`.

The bank is an SQLite file of its own, which takes each idempotency key once. The worker says each moment on its
standard output; "hang" as LAST makes it wait inside the payment for ever.
"""

import sqlite3
import sys
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Runtime, fields, idempotency_key, process, rule, step

PEOPLE = {"maria@acme": {"controller"}}


class Invoice(BaseModel):
    number: int
    total: int


class Bank(Protocol):
    def pay(self, number: int, key: str) -> None: ...


class FileBank:
    def __init__(self, directory, *, say=lambda moment: None, hang=False):
        self._connection = sqlite3.connect(directory / "bank.db", timeout=10, isolation_level=None)
        self._connection.execute("CREATE TABLE IF NOT EXISTS paid (key TEXT PRIMARY KEY, number INTEGER)")
        self._connection.execute("CREATE TABLE IF NOT EXISTS attempts (key TEXT, number INTEGER)")
        self._say = say
        self._hang = hang

    def pay(self, number, key):
        self._say(f"paying {number}")
        self._connection.execute("INSERT INTO attempts VALUES (?, ?)", (key, number))
        self._connection.execute("INSERT OR IGNORE INTO paid VALUES (?, ?)", (key, number))
        self._say(f"paid {number}")
        if self._hang:
            sys.stdin.read()

    def paid(self):
        return [number for (number,) in self._connection.execute("SELECT number FROM paid ORDER BY number")]

    def attempts(self):
        return [number for (number,) in self._connection.execute("SELECT number FROM attempts ORDER BY number")]

    def close(self):
        self._connection.close()


i = fields(Invoice)
payment = DecisionTable("payment", rule(i.total <= 1000, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=i.total >= 700, to="controller")


@step
def read(number: int) -> Invoice:
    return Invoice(number=number, total=number % 10 * 100)


@step
def pay(invoice: Invoice, *, bank: Bank) -> int:
    bank.pay(invoice.number, key=idempotency_key())
    return invoice.number


@process
def pay_invoice(number: int, *, bank: Bank) -> str:
    invoice = read(number)
    decision = approval(payment(invoice))
    return f"{decision.outcome} {pay(invoice, bank=bank)}"


def open_runtime(directory, bank):
    return Runtime(f"sqlite:///{directory / 'abpo.db'}", [pay_invoice.bind(bank=bank)], people=PEOPLE)


def answer_all(runtime):
    for review in runtime.reviews():
        review.answer("pay", by="maria@acme", because="it is due")


def main(directory, first, last):
    def say(moment):
        print(moment, flush=True)  # noqa: T201

    bank = FileBank(directory, say=say, hang=last == "hang")
    runtime = open_runtime(directory, bank)
    runtime.tick()
    for number in range(first, first + 1 if last == "hang" else int(last) + 1):
        run = runtime.start(pay_invoice, number, id=f"INV-{number}")
        say(f"{run.status} {number}")
        answer_all(runtime)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
