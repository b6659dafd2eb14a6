"""What an approval spends, and whether the limits allow it: summed anew, each time, over everything that was ever approved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.gates.machine.demands import CAPS, WITHIN, Cap, Claim
from tests.gates.machine.tasks import Said, Task

BERLIN = ZoneInfo("Europe/Berlin")
CURRENCIES = ("EUR", "USD", "GBP")
SAME_NAME = {"ACME": "acme", "acme ": "acme", "Bolt": "bolt", " ": None}
"""Those who get money, and the orders, as cases name them: and who that is."""
SAME_ORDER = {None: None, "O-1": "o-1", "o-1": "o-1", "O-2": "o-2"}


def units_of(case: Claim, amount: Decimal) -> int | None:
    """An amount in cents; None where it is no money that a limit could be held against."""
    cents = amount * 100
    if case.currency not in CURRENCIES or SAME_NAME[case.payee] is None or amount < 0 or cents != int(cents):
        return None
    return int(cents)


def spent_by(task: Task, outcome: str, edit: Decimal | None) -> tuple[bool, int | None]:
    """Whether an answer spends something, and how much; None where nobody could tell."""
    if not task.demand.money or outcome != "pay":
        return False, None
    base = units_of(task.case, task.amount if task.amount is not None else task.case.amount)
    return True, units_of(task.case, edit) if edit is not None and base is not None else base


def refusal(tasks: Iterable[Task], task: Task, person: str, units: int, now: datetime) -> str | None:
    """Why the limits do not allow somebody to approve so much; None where they do."""
    role, case, kind = task.to, task.case, task.demand.money
    concerned = [cap for cap in CAPS if cap.role == role and cap.kind in (None, kind)]
    applied = [cap for cap in concerned if cap.currency in (None, case.currency)]
    if not any(cap.per == "case" for cap in applied):
        return "other currency" if any(cap.per == "case" for cap in concerned) else "over limit"
    others = [other for other in tasks if other.key != task.key]  # what others approve of this case is the same money
    for cap in applied:
        if cap.per == "case":
            parts = [largest(t, s) for t in others if (s := [x for x in t.spends if linked(task, t, x, now)])]
            parts = [part for part in parts if cap.kind in (None, part[0].demand.money)]
            parts = [part for part in parts if part[0].case.currency == case.currency]
        else:
            parts = [
                largest(t, s) for t in others if (s := [x for x in t.spends if counts(cap, task, person, t, x, now)])
            ]
        total = sum(said.units or 0 for _, said in parts)
        if cap.units is not None and total + units > cap.units:
            return "over limit"
        if cap.count is not None and len(parts) + 1 > cap.count:
            return "over limit"
    return None


def largest(task: Task, said: list[Said]) -> tuple[Task, Said]:
    """A case that several approved is one case, of the largest amount."""
    return task, max(said, key=lambda one: one.units or 0)


def linked(task: Task, other: Task, said: Said, now: datetime) -> bool:
    """Whether another case is a part of the same whole."""
    if not -WITHIN < now - said.at < WITHIN:
        return False
    mine, theirs = SAME_ORDER[task.case.order], SAME_ORDER[other.case.order]
    return mine is not None and mine == theirs


def counts(cap: Cap, task: Task, person: str, other: Task, said: Said, now: datetime) -> bool:
    """Whether what somebody approved counts to the sum of a limit."""
    return (
        said.role == cap.role
        and cap.currency in (None, other.case.currency)
        and cap.kind in (None, other.demand.money)
        and ("person" not in cap.across or (said.on_behalf_of or said.by) == person)
        and ("counterparty" not in cap.across or SAME_NAME[other.case.payee] == SAME_NAME[task.case.payee])
        and same_time(cap, said.at, now)
    )


def same_time(cap: Cap, at: datetime, now: datetime) -> bool:
    if isinstance(cap.per, int):
        return abs(now - at) < timedelta(hours=cap.per)
    if cap.per == "day":
        return at.astimezone(BERLIN).date() == now.astimezone(BERLIN).date()
    return (at.year, at.month) == (now.year, now.month)
