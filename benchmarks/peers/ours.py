"""The process on our own runtime: one SQLite file, public defaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Review, Runtime, fields, process, rule, step
from benchmarks import invoice_steps
from benchmarks.invoice_steps import Invoice
from benchmarks.peers.engine import Durability, durability_of

extract, validate, classify, decide, post = (
    step(function)
    for function in (
        invoice_steps.extract,
        invoice_steps.validate,
        invoice_steps.classify,
        invoice_steps.decide,
        invoice_steps.post,
    )
)


class Classified(BaseModel):
    """What the table decides about."""

    id: str
    total: int
    risk: str


classified = fields(Classified)

handling = DecisionTable(
    "handling",
    rule(classified.total <= 0, then="approve", because="there is nothing to pay"),
    otherwise="refer",
    owner="head of accounts payable",
)
approval = Gate("approval", when=fields(Decision).outcome == "refer", to="controller")


@process
def handle(invoice: Invoice) -> Invoice:
    return post(decide(classify(validate(extract(invoice)))))


@process
def handle_with_approval(invoice: Invoice) -> Invoice:
    checked = classify(validate(extract(invoice)))
    decision = approval(handling({"id": checked["id"], "total": checked["total"], "risk": checked["risk"]}))
    return post({**checked, "decision": decision.outcome})


class Ours:
    """`abpo_sdk`, an approval as a gate."""

    packages = ("abpo_sdk",)

    def open(self, directory: Path) -> None:
        self._path = directory / "ours.db"
        self.runtime = Runtime(
            f"sqlite:///{self._path}", [handle, handle_with_approval], people={"maria@acme": {"controller"}}
        )

    def path(self) -> Path:
        return self._path

    def durability(self) -> Durability:
        return durability_of(self.runtime.ledger.store._database.connection)  # type: ignore[attr-defined]  # noqa: SLF001

    def run(self, identifier: str, invoice: Invoice) -> Invoice:
        return self.runtime.start(handle, invoice, id=identifier).result()

    def park(self, identifier: str, invoice: Invoice) -> None:
        self.runtime.start(handle_with_approval, invoice, id=identifier)

    def waiting(self) -> Sequence[Review]:
        return self.runtime.reviews(to="controller")

    def answer(self, shown: Review) -> Invoice:
        answered = shown.answer("approve", by="maria@acme", because="matches the delivery note")
        result: Invoice = self.runtime.run(str(answered.run)).result()
        return result

    def close(self) -> None:
        self.runtime.close()
