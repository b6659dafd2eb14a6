"""What one approval amounts to, as plain values that outlive the case."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from abpo_sdk.errors import AmountInvalid
from abpo_sdk.ledger.rows import SpendRow
from abpo_sdk.values.clock import to_text
from abpo_sdk.values.encoded import JsonValue
from abpo_sdk.values.money import Money

LONGEST_NAME = 500
"""The most characters by which a counterparty or what links cases may be named."""

Status = Literal["reserved", "committed", "released"]


def comparable(name: object) -> str | None:
    r"""A name in the form in which names are compared; None where it names nothing.

    Compatibility forms, case, the amount of white space and marks that cannot be seen make no difference, so that a case does not
    leave its cluster by another spelling. Source: Unicode Standard Annex 15 (NFKC) and default case folding.

    Raises:
        AmountInvalid: more than `LONGEST_NAME` characters.

    >>> comparable(" ACME\u200b  Ltd "), comparable("\t"), comparable(4711)
    ('acme ltd', None, '4711')
    """
    text = str(name.value if isinstance(name, Enum) else name)
    if len(text) > LONGEST_NAME:
        raise AmountInvalid(
            f"a counterparty or what links cases is named by {len(text)} characters; {LONGEST_NAME} are the most, so use its id"
        )
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = " ".join(text.split())
    seen = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return " ".join(seen.split()) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What one approval amounts to.

    Args:
        money: how much.
        kind: the kind of case, which limits may name.
        within: how near in time cases are that may be parts of one.
        counterparty: who gets it; None where nobody said.
        linked: what the parts of one whole have in common, such as the order; None where nothing does.

    >>> spend = Spend(money=Money.of(900, "EUR"), kind="invoice", within=timedelta(days=7), counterparty="acme")
    >>> Spend.from_json(spend.to_json()) == spend, str(spend.with_amount(Decimal("850.5")).money)
    (True, '850.50 EUR')
    """

    money: Money
    kind: str
    within: timedelta
    counterparty: str | None = None
    linked: str | None = None

    def with_amount(self, amount: object) -> Spend:
        """The same with the amount that a reviewer put in place of it, in the same currency.

        Raises:
            AmountInvalid: as for any amount.
        """
        return replace(self, money=_money(amount, self.money.currency, self.money.decimals))

    def to_json(self) -> dict[str, Any]:
        """As JSON: the amount as text, `within` in seconds."""
        return {
            "amount": f"{self.money.amount:f}",
            "counterparty": self.counterparty,
            "currency": self.money.currency,
            "decimals": self.money.decimals,
            "kind": self.kind,
            "linked": self.linked,
            "within": int(self.within.total_seconds()),
        }

    @classmethod
    def from_json(cls, tree: JsonValue) -> Spend:
        """What `to_json` wrote.

        Raises:
            AmountInvalid: it is something else, or ISO 4217 has changed the decimals of the currency since.
        """
        try:
            if not isinstance(tree["amount"], str) or not isinstance(tree["kind"], str):
                raise TypeError("amount and kind are texts")  # noqa: TRY301  it is refused with the others
            money = _money(Decimal(tree["amount"]), tree["currency"], tree["decimals"])
            return cls(
                money=money,
                kind=tree["kind"],
                within=timedelta(seconds=tree["within"]),
                counterparty=tree["counterparty"],
                linked=tree["linked"],
            )
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise AmountInvalid(f"{tree!r} does not say what an approval amounts to: {error}") from error

    def row(
        self,
        *,
        identifier: str,
        chain: str,
        review: str,
        person: str,
        role: str,
        at: datetime,
        status: Status = "reserved",
    ) -> SpendRow:
        """The row that makes this count in every later sum."""
        money = self.money
        return SpendRow(
            id=identifier,
            chain=chain,
            review=review,
            person=person,
            role=role,
            kind=self.kind,
            counterparty=self.counterparty,
            linked=self.linked,
            currency=money.currency,
            amount=money.units,
            at=to_text(at),
            status=status,
        )


def spend_of(opened: Mapping[str, Any], *, outcome: str, amount: Decimal | int | None = None) -> Spend | None:
    """What an answer to an opened review amounts to; None where its outcome approves nothing.

    Args:
        opened: what `Authority.opened` said when the review was opened.
        outcome: the answer.
        amount: the amount that the reviewer put in place of the case's.

    Raises:
        AmountInvalid: the outcome approves, and the case's amount, or the one in place of it, cannot be held against a limit.

    >>> opened = {"approves": ["pay"], "spend": None, "invalid": "the amount -3 EUR is negative"}
    >>> spend_of(opened, outcome="reject") is None
    True
    """
    if outcome not in opened["approves"]:
        return None
    if opened["spend"] is None:
        raise AmountInvalid(
            f"{outcome!r} approves what cannot be held against a limit: {opened['invalid']}; correct the case"
        )
    spend = Spend.from_json(opened["spend"])
    return spend if amount is None else spend.with_amount(amount)


def _money(amount: object, currency: str, decimals: int) -> Money:
    return Money.of(amount, currency, minor_units={currency: decimals})
