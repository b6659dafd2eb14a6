"""Whether a case is a part of one that was split, so that each part stays below a limit.

Source of what is looked for: structuring, 31 CFR 1010.314, and what auditors of purchasing look at: orders of one day or week, to one
supplier, each just below the limit of its approver.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from fractions import Fraction

from abpo_sdk.gates.authority.spend import Spend
from abpo_sdk.gates.authority.spent import Spent
from abpo_sdk.gates.authority.windows import in_words, near
from abpo_sdk.ledger.rows import SpendRow
from abpo_sdk.values.money import Money


def linked_cases(spend: Spend, *, at: datetime, spent: Spent, besides: Collection[str]) -> tuple[SpendRow, ...]:
    """The approved cases that would make one whole with this one.

    They have the same `linked`, whoever gets the money; so each is in one cluster, and in which order its cases are approved makes no
    difference. In every currency; see `summed`. Nothing links the cases of one counterparty by itself, which may well have many; they
    are linked where `linked` is the field that names it.
    """
    if spend.linked is None:
        return ()
    return spent.cases(near(at, spend.within), linked=spend.linked, besides=besides)


def summed(rows: Sequence[SpendRow], *, currency: str, kind: str | None) -> tuple[SpendRow, ...]:
    """Those that a limit of a currency and a kind (None: every kind) adds up."""
    return tuple(row for row in rows if row.currency == currency and kind in (None, row.kind))


def other_currencies(rows: Sequence[SpendRow], spend: Spend) -> tuple[str, ...]:
    """What is to be said of linked cases that cannot be added to this one."""
    return tuple(
        f"{row.chain} is linked with this case and is in {row.currency}, so the two are not summed"
        for row in rows
        if row.currency != spend.money.currency
    )


def just_below(
    spend: Spend, limit: Money, *, at: datetime, spent: Spent, besides: Collection[str], least: int, share: Fraction
) -> str | None:
    """What is to be said of a cluster of cases just below a limit; None where there is none.

    Args:
        spend: what is to be approved.
        limit: of one case.
        at: when.
        spent: what has been approved.
        besides: the reviews that are this case.
        least: how many cases of one counterparty make a cluster.
        share: from which share of the limit on a case is just below it.
    """
    if spend.counterparty is None or not share * limit.units <= spend.money.units <= limit.units or not limit.units:
        return None
    rows = [
        row
        for row in spent.cases(near(at, spend.within), counterparty=spend.counterparty, besides=besides)
        if row.currency == limit.currency and share * limit.units <= row.amount <= limit.units
    ]
    if len(rows) + 1 < least:
        return None
    return (
        f"{len(rows) + 1} cases of {spend.counterparty} within {in_words(spend.within)} are each {float(100 * share):g} to 100 % of the limit of "
        f"{limit} a case: {names(rows)} and this one"
    )


def names(rows: Sequence[SpendRow]) -> str:
    """The cases by the runs or keys that they are about; the first twenty of them."""
    chains = list(dict.fromkeys(row.chain for row in rows))
    more = f" and {len(chains) - 20} more" if len(chains) > 20 else ""
    return ", ".join(chains[:20]) + more
