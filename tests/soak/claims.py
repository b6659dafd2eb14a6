"""The process that is run under kill -9: five steps, a decision, and for some claims a person who must agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Personal, Runtime, fields, idempotency_key, process, rule, step
from abpo_sdk.ledger import FileVault, Signer

ADJUSTER = "maria@acme"
PAYEES = 40
"""Fewer than claims, so that workers meet at the keys of one payee, too."""

EVERY = 20
"""One claim in so many is large, and waits for a person."""

LARGE = 1_000_000
"""From how many cents on a claim is large."""


class Claim(BaseModel):
    number: int
    cents: int
    payee: str
    account: Annotated[str, Personal("bank account", subject_field="payee")]


class Payments(Protocol):
    def pay(self, claim: int, cents: int, key: str) -> str: ...

    def pay_without_key(self, claim: int, cents: int) -> str: ...


def cents_of(number: int) -> int:
    """What is claimed; the same wherever it is asked."""
    return number * 100 + 1 if number % EVERY else LARGE + number


def due_of(number: int) -> int:
    """What is paid: nine tenths, rounded down."""
    return cents_of(number) * 9 // 10


def run_id(number: int) -> str:
    """The id of the run of a claim, from whichever worker."""
    return f"CLM-{number}"


c = fields(Claim)
settlement = DecisionTable(
    "settlement", rule(c.cents > 0, then="pay", because="something is claimed"), otherwise="reject"
)
approval = Gate("approval", when=c.cents >= LARGE, to="adjuster")


@step
def read_claim(number: int) -> Claim:
    return Claim(number=number, cents=cents_of(number), payee=f"P-{number % PAYEES}", account=f"DE{number:020}")


@step(pure=True)
def assess(claim: Claim) -> int:
    return due_of(claim.number)


@step
def pay(number: int, cents: int, *, payments: Payments) -> str:
    return payments.pay(number, cents, key=idempotency_key())


@step
def pay_without_key(number: int, cents: int, *, payments: Payments) -> str:
    return payments.pay_without_key(number, cents)


@step(pure=True)
def file_receipts(outcome: str, receipts: list[str]) -> str:
    return f"{outcome} {' '.join(receipts)}"


@process
def settle(number: int, *, payments: Payments) -> str:
    claim = read_claim(number)
    cents = assess(claim)
    decision = approval(settlement(claim))
    receipts = [pay(number, cents, payments=payments), pay_without_key(number, cents, payments=payments)]
    return file_receipts(decision.outcome, receipts)


def open_ledger(url: str, directory: Path) -> Ledger:
    """The ledger of a soak; whoever opens it first makes it, its keys and its signer."""
    signer = Signer.create_file(directory / "ledger.signer", "soak.example/ledger")
    return Ledger(url, vault=FileVault(directory / "ledger.keys", timeout=60), signer=signer, timeout=60)


def open_runtime(url: str, directory: Path, payments: Payments) -> Runtime:
    """A runtime as each worker has it."""
    ledger = open_ledger(url, directory)
    return Runtime(ledger, [settle.bind(payments=payments)], people={ADJUSTER: {"adjuster"}})
