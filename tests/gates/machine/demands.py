"""What gates demand, in plain words; and the gates, policies and limits that are declared so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, rule
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.gates.composed import Passing
from abpo_sdk.gates.deadlines import Escalation
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.gates.quorum import Quorum

HOUR = timedelta(hours=1)
OUTCOMES = ("reject", "pay", "refer")

EDITS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "650": {"amount": Decimal("650.00")},
    "20": {"amount": Decimal(20)},
    "1200": {"amount": Decimal(1200)},
    "below zero": {"amount": Decimal(-3)},
    "part of a cent": {"amount": Decimal("9.999")},
    "not a number": {"amount": Decimal("NaN")},
    "a text": {"amount": "650"},
    "something else": {"colour": Decimal(1)},
}
"""What may stand in place of the amount, and what may not."""
NO_EDITS = ("not a number", "a text", "something else")


class Claim(BaseModel):
    amount: Decimal
    currency: str = "EUR"
    entered_by: str | None = None
    payee: str = "ACME"
    order: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one gate demands of the answers; times in hours."""

    name: str
    to: str = "controller"
    n: int = 1
    of: int | None = None
    veto: tuple[str, ...] = ()
    tie: str | None = None
    four_eyes: bool = False
    involves: bool = False
    money: str | None = None
    """The kind of case, where an approval is held against limits."""
    levels: tuple[tuple[str, float], ...] = ()
    """To whom it goes, and after how many hours since it was put to those before."""
    expires: float | None = None
    blind: bool = False
    least_reading: timedelta = timedelta(0)
    in_a_row: int | None = None
    double: bool = False
    rationale: bool = True
    refuses: str | None = None
    always: bool = True
    """Whether it asks about every case; else about those above 500 alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Gates that a case passes: "alone", one "then" the other, "all" or "one" of them."""

    name: str
    how: str
    demands: tuple[Demand, ...]
    tied: str | None = None


PAUSE = timedelta(minutes=15)

plain = Demand(name="plain", refuses="reject")
money = Demand(name="money", money="invoice", involves=True)
refund = Demand(name="refund", to="lawyer", money="refund", rationale=False, refuses="reject")
two = Demand(name="two", n=2, four_eyes=True, involves=True, money="invoice")
board = Demand(name="board", n=2, of=3, veto=("reject",), tie="cfo", four_eyes=True, money="invoice")
loose = Demand(name="loose", n=2, of=2, tie="cfo", levels=(("lawyer", 8),), refuses="reject")
chain = Demand(name="chain", involves=True, levels=(("lawyer", 4), ("cfo", 2)), money="invoice")
short = Demand(name="short", expires=6, n=2, four_eyes=True, money="invoice")
blind = Demand(name="blind", blind=True, rationale=False, double=True)
careful = Demand(name="careful", least_reading=timedelta(seconds=20), in_a_row=2)
large = Demand(name="large", to="cfo", four_eyes=True, always=False, money="invoice")
legal = Demand(name="legal", to="lawyer", involves=True)
brief = Demand(name="brief", to="lawyer", in_a_row=1, expires=12)

PLANS = {
    plan.name: plan
    for plan in (
        *(Plan(d.name, "alone", (d,)) for d in (plain, money, refund, two, board, loose, chain, short, blind, careful)),
        Plan("money then large", "then", (money, large)),
        Plan("plain then brief", "then", (plain, brief)),
        Plan("money and legal", "all", (money, legal)),
        Plan("two and large, tied", "all", (two, large), "cfo"),
        Plan("money or brief", "one", (money, brief)),
    )
}

c = fields(Claim)


def policy(version: str) -> DecisionTable:
    """The policy of every case; the second version says why in other words."""
    because = "it is small" if version == "1" else "it is small, as of this year"
    return DecisionTable(
        "claims",
        rule(c.amount <= 0, then="reject", because="it is nothing"),
        rule(c.amount <= 500, then="pay", because=because),
        otherwise="refer",
    )


POLICIES = {version: policy(version) for version in ("1", "2")}


def gate(demand: Demand) -> Gate:
    """The gate that demands so."""
    more: dict[str, Any] = {}
    if demand.levels:
        (_, first), *_ = demand.levels
        more["due"] = first * HOUR
        more["escalate_to"] = [
            Escalation(role, following[1] * HOUR if following else None)
            for (role, _), following in zip(demand.levels, (*demand.levels[1:], None), strict=True)
        ]
    return Gate(
        demand.name,
        when=c.amount > (-1_000_000 if demand.always else 500),
        to=demand.to,
        quorum=Quorum(demand.n, of=demand.of, veto=demand.veto, tie_break=demand.tie),
        four_eyes=demand.four_eyes,
        involves=[c.entered_by] if demand.involves else (),
        authority=Authority(
            amount=c.amount,
            currency=c.currency,
            kind=demand.money,
            approves={"pay"},
            counterparty=c.payee,
            linked=c.order,
            output="amount",
        )
        if demand.money
        else None,
        rationale=demand.rationale,
        expires=demand.expires * HOUR if demand.expires else None,
        guard=Guard(
            blind=demand.blind,
            double=1.0 if demand.double else 0.0,
            least_reading=demand.least_reading,
            in_a_row=demand.in_a_row,
            pause=PAUSE,
        ),
        refuses=demand.refuses,
        **more,
    )


def gates(plan: Plan) -> Passing:
    """The gates of a plan, put together."""
    first, *others = map(gate, plan.demands)
    if plan.how == "alone":
        return first
    (other,) = others
    if plan.how == "then":
        return first >> other
    together = first & other if plan.how == "all" else first | other
    return together.tied(plan.tied) if plan.tied else together


GATES = {name: gates(plan) for name, plan in PLANS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A limit, in plain words: `per` is "case", "day" (in Berlin), "month" (in UTC), or hours of which any so many count."""

    role: str
    units: int | None
    currency: str | None
    kind: str | None = None
    per: str | int = "case"
    across: tuple[str, ...] = ("person",)
    count: int | None = None


CAPS = (
    Cap(role="controller", units=1_000_00, currency="EUR"),
    Cap(role="controller", units=800_00, currency="USD"),
    Cap(role="controller", units=300_00, currency="EUR", kind="refund"),
    Cap(role="controller", units=1_500_00, currency="EUR", per="day"),
    Cap(role="lawyer", units=700_00, currency="EUR"),
    Cap(role="lawyer", units=None, currency=None, per=36, across=("role",), count=2),
    Cap(role="cfo", units=10_000_00, currency="EUR"),
    Cap(role="cfo", units=10_000_00, currency="USD"),
    Cap(role="cfo", units=4_000_00, currency="EUR", per="month", across=("counterparty",)),
)
WITHIN = timedelta(days=7)
"""How near in time cases are that may be parts of one."""


def limits() -> Limits:
    """The limits that are declared so."""
    return Limits(
        *(
            Limit(
                cap.role,
                None if cap.units is None else Decimal(cap.units) / 100,
                cap.currency,
                kind=cap.kind,
                per=cap.per * HOUR if isinstance(cap.per, int) else cap.per,  # type: ignore[arg-type]
                across=cap.across,  # type: ignore[arg-type]
                count=cap.count,
                zone="Europe/Berlin" if cap.per == "day" else "UTC",
            )
            for cap in CAPS
        )
    )
