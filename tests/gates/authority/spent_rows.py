"""Rows of approvals in memory, read as a store reads them."""

from datetime import UTC, datetime, timedelta

from abpo_sdk.gates.authority.spend import Spend
from abpo_sdk.gates.authority.spent import SpentRows
from abpo_sdk.values.money import Money

MARCH = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
WEEK = timedelta(days=7)


class Approvals:
    """A reader of rows, and what approves in its sight."""

    def __init__(self, limits=None):
        self.limits = limits
        self.rows = []

    def select(self, kind, *, equal=None, after=None, order=None):
        found = [
            row
            for row in self.rows
            if all(getattr(row, column) == value for column, value in (equal or {}).items())
            and all(getattr(row, column) > value for column, value in (after or {}).items())
        ]
        return sorted(found, key=lambda row: getattr(row, order)) if order else found

    def total(self, kind, column, *, each, equal, after, until):
        largest = {}
        for row in self.select(kind, equal=equal, after=after):
            if all(getattr(row, name) <= value for name, value in until.items()):
                key = getattr(row, each)
                largest[key] = max(getattr(row, column), largest.get(key, 0))
        return sum(largest.values()), len(largest)

    def consult(self, spend, *, person="maria@acme", role="controller", at=MARCH, reviews=()):
        return self.limits.consult(spend, person=person, role=role, at=at, spent=SpentRows(self), reviews=reviews)

    def add(self, spend, *, person="maria@acme", role="controller", at=MARCH, status="reserved", review=None):
        name = f"C-{len(self.rows) + 1}"
        self.rows.append(
            spend.row(
                identifier=name, chain=name, review=review or name, person=person, role=role, at=at, status=status
            )
        )

    def approve(self, spend, **how):
        """Whether it was allowed; then it counts."""
        said = self.consult(spend, **how)
        if said.allowed:
            self.add(spend, **how)
        return said.allowed


def spend(amount, currency="EUR", *, kind="invoice", counterparty=None, linked=None, within=WEEK):
    return Spend(money=Money.of(amount, currency), kind=kind, counterparty=counterparty, linked=linked, within=within)
