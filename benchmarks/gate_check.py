"""Checking one decision at a gate whose condition has five parts, beside the same condition as a plain function."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, fields, rule
from benchmarks.runner import Benchmark, Contender

CHECKS = 20_000


class Invoice(BaseModel):
    supplier: str
    country: str
    total: Decimal


i, d = fields(Invoice), fields(Decision)

PAYMENT = DecisionTable(
    "payment", rule(i.total <= 20_000, then="pay", because="the total is within the limit"), otherwise="refer"
)
APPROVAL = Gate(
    "approval",
    when=(i.total > 10_000)
    | (d.outcome == "refer")
    | (d.confidence < 0.9)
    | (i.country != "DE")
    | i.supplier.is_in("Bock", "Cohn"),
    to="controller",
)
PASSING = PAYMENT(Invoice(supplier="Adler", country="DE", total=Decimal("700.50")))
CAUGHT = PAYMENT(Invoice(supplier="Cohn", country="DE", total=Decimal("700.50")))


def plain(decision: Decision) -> bool:
    """The condition without a check of types, a text or a record."""
    case = decision.case
    return (
        case.total > 10_000
        or decision.outcome == "refer"
        or decision.confidence < 0.9
        or case.country != "DE"
        or case.supplier in ("Bock", "Cohn")
    )


def timed(check: Callable[[Decision], Any], decision: Decision) -> float:
    """Microseconds a check."""
    start = time.perf_counter()
    for _ in range(CHECKS):
        check(decision)
    return (time.perf_counter() - start) / CHECKS * 1e6


def facts() -> Mapping[str, Any]:
    """What each says is compared here: nobody is asked, or the controller, by the last part alone."""
    check = APPROVAL.check(CAUGHT)
    if APPROVAL.check(PASSING).needed or plain(PASSING) or not check.needed or not plain(CAUGHT):
        raise AssertionError("the contenders do not agree")
    return {"why": check.why[0]}


def benchmark() -> Benchmark:
    return Benchmark(
        name="gate check, five parts",
        unit="us",
        contenders=(
            Contender("abpo_sdk, nothing holds", lambda: timed(APPROVAL.check, PASSING)),
            Contender("abpo_sdk, the last part holds", lambda: timed(APPROVAL.check, CAUGHT)),
            Contender("plain function, nothing holds", lambda: timed(plain, PASSING)),
        ),
        against=None,
        bar=5,
        at_least=False,
        facts=facts,
        rounds=15,
    )
