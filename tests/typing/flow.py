"""What type checkers must see of steps, processes and runs; checked by mypy and pyright, never run."""

from datetime import timedelta
from pathlib import Path
from typing import Protocol, assert_type

from pydantic import BaseModel

from abpo_sdk import Condition, Decision, DecisionTable, Gate, Run, Runtime, Wired, fields, process, rule, step
from abpo_sdk.testing import TestRuntime, survives_crashes


class Invoice(BaseModel):
    number: str
    total: int


class Erp(Protocol):
    def book(self, invoice: Invoice, key: str) -> str: ...


@step
def read(document: Path) -> Invoice:
    return Invoice(number=document.stem, total=1)


@step(pure=True, reads=("orders:{invoice.number}",))
def match(invoice: Invoice, *, region: Wired[str] = "eu") -> int | None:
    return invoice.total


@step
async def book(invoice: Invoice, *, erp: Erp) -> str:
    return erp.book(invoice, key="k")


i, d = fields(Invoice), fields(Decision)
condition = (i.total > 10) & ~(d.outcome == "pay") | i.number.is_in("a", "b")
assert_type(condition, Condition)
table = DecisionTable("t", rule(i.total > 1, then="pay", because="x"), otherwise="refer")
gate = Gate("g", when=condition, to="controller")


@process
def pay(document: Path, *, erp: Erp) -> str | None:
    invoice = read(document)
    assert_type(invoice, Invoice)
    assert_type(match(invoice, region="us"), int | None)
    decision = gate(table(invoice))
    assert_type(decision, Decision)
    return decision.outcome


@process(version="2")
async def pay_async(document: Path, *, erp: Erp) -> str:
    booked = await book(read(document), erp=erp)
    assert_type(booked, str)
    return booked


def use(runtime: Runtime, fake: TestRuntime, erp: Erp) -> None:
    assert_type(runtime.start(pay.bind(erp=erp), Path("a")), Run[str | None])
    assert_type(runtime.start(pay, Path("a"), id="a").result(), str | None)
    assert_type(runtime.start(pay_async.bind(erp=erp), Path("a")).result(), str)
    fake.clock.advance(timedelta(hours=1))
    survives_crashes(lambda world: pay.bind(erp=world), Path("a"), world=lambda: erp, effects=lambda world: world)


def misuse() -> None:
    read("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    match(Invoice(number="a", total=1), region=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    rule("total > 1", then="pay", because="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Gate("g", when=condition)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
