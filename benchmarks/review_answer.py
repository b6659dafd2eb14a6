"""What answering a review takes beyond its commits, without a runtime; with few demands, and with many."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, ReviewRequired, Reviews, fields, rule
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.gates.people import People
from benchmarks.peers.raw_sqlite import Statement, Target, noting, transactions
from benchmarks.runner import Benchmark, Contender

ANSWERS = 100
RAW = "raw sqlite3, same bytes and commits"


class Claim(BaseModel):
    number: str
    supplier: str
    entered_by: str
    amount: Decimal


c = fields(Claim)
settlement = DecisionTable("settlement", rule(c.amount > 0, then="pay", because="it is owed"), otherwise="reject")
PLAIN = Gate("plain", when=c.amount > 0, to="controller")
DEMANDING = Gate(
    "demanding",
    when=c.amount > 0,
    to="controller",
    due=timedelta(hours=8),
    escalate_to="cfo",
    four_eyes=True,
    involves=[c.entered_by],
    expires=timedelta(days=30),
    authority=Authority(amount=c.amount, currency="EUR", kind="claim", approves={"pay"}, counterparty=c.supplier),
    guard=Guard(in_a_row=1_000_000),
)
LIMITS = Limits(
    Limit("controller", Decimal(10_000), "EUR"),
    Limit("controller", Decimal(10_000_000), "EUR", per="day"),
    Limit("controller", Decimal(100_000_000), "EUR", per="month", across=("counterparty",)),
)
PEOPLE = People({"maria@acme": {"controller"}, "ines@acme": {"cfo"}}, limits=LIMITS)


class Desk:
    """Answers reviews on a new ledger, and has sqlite3 alone write the same afterwards."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.floor = 0.0

    def ours(self) -> float:
        """The median of an answer, in ms."""
        with tempfile.TemporaryDirectory(prefix="abpo-bench-") as directory:
            noted: list[Statement] = []
            with noting(noted):
                reviews = Reviews(Ledger(f"sqlite:///{Path(directory) / 'abpo.db'}"), PEOPLE)
            seconds = self._answer(reviews, lambda: None)
            reviews.ledger.close()
        with tempfile.TemporaryDirectory(prefix="abpo-bench-") as directory:
            with noting(noted):
                reviews = Reviews(Ledger(f"sqlite:///{Path(directory) / 'noted.db'}"), PEOPLE)
            noted.clear()
            commits: list[list[list[Statement]]] = []

            def take() -> None:
                commits.append(transactions(noted))
                noted.clear()

            self._answer(reviews, take)
            reviews.ledger.close()
            target = Target(Path(directory) / "raw.db")
            written = [target.write(found) for found in commits]
            self.floor = statistics.median(written[1::2]) * 1e3  # every other one is the opening of a review
        return statistics.median(seconds) * 1e3

    def _answer(self, reviews: Reviews, took: Callable[[], None]) -> list[float]:
        seconds = []
        for number in range(ANSWERS):
            claim = Claim(
                number=f"C-{number}", supplier=f"S-{number % 7}", entered_by="otto@acme", amount=Decimal(900 + number)
            )
            try:
                with reviews.case(claim.number):
                    self.gate(settlement(claim))
            except ReviewRequired as needed:
                review = needed.review
            took()
            start = time.perf_counter()
            answered = review.answer("pay", by="maria@acme", because="the receipt is there")
            seconds.append(time.perf_counter() - start)
            took()
            assert answered.status == "answered", answered
        return seconds

    def raw(self) -> float:
        """What the commits of the last round took by themselves, in ms."""
        return self.floor


def _benchmark(name: str, gate: Gate) -> Benchmark:
    desk = Desk(gate)
    return Benchmark(
        name=f"answering a review, {name}, median of a round",
        unit="ms",
        contenders=(Contender("abpo_sdk", desk.ours), Contender(RAW, desk.raw)),
        against=RAW,
        bar=1.0,
        at_least=False,
        difference=True,
        rounds=5,
        fixed=True,
    )


def plain() -> Benchmark:
    """One answer with a reason."""
    return _benchmark("one answer with a reason", PLAIN)


def demanding() -> Benchmark:
    """Separation of duties, three limits, a due time and a cap on confirmations."""
    return _benchmark("three limits, separation of duties, due times", DEMANDING)
