"""What is computed with money: amounts of one currency, which may be negative or finer than the currency's smallest unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from abpo_sdk.errors import MistypedInput
from abpo_sdk.values.money import Money


@dataclass(frozen=True, slots=True)
class Amount:
    """What arithmetic on money gives.

    Args:
        amount: the amount, exact.
        currency: its currency.
    """

    amount: Decimal
    currency: str

    def __abs__(self) -> Amount:
        return Amount(self.amount.copy_abs(), self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"


def same_currency(a: Money | Amount, b: Money | Amount, shown: str) -> None:
    """Refuse to put together what is of two currencies.

    Raises:
        MistypedInput: naming both.
    """
    if a.currency != b.currency:
        raise MistypedInput(
            f"{shown}: {a.currency} and {b.currency} are different currencies; exchange one of them before the case is decided"
        )


def compared(compare: Callable[[Any, Any], bool], shown: str) -> Callable[[Any, Any], bool]:
    """A comparison of money, which refuses what is of two currencies."""

    def holds(a: Money | Amount, b: Money | Amount) -> bool:
        same_currency(a, b, shown)
        return compare(a.amount, b.amount)

    return holds


def computed(compute: Callable[[Any, Any], Any], shown: str) -> Callable[[Any, Any], Any]:
    """Arithmetic on money: with money of its currency it gives an amount (a quotient a number), with a number an amount."""

    def value(a: Any, b: Any) -> Any:
        if not isinstance(a, (Money, Amount)):
            return Amount(compute(a, b.amount), b.currency)
        if not isinstance(b, (Money, Amount)):
            return Amount(compute(a.amount, b), a.currency)
        same_currency(a, b, shown)
        return compute(a.amount, b.amount)

    return value


def summed(compute: Callable[[Any, Any], Any], shown: str) -> Callable[[Any, Any], Any]:
    """A sum or difference of money."""

    def value(a: Money | Amount, b: Money | Amount) -> Amount:
        same_currency(a, b, shown)
        return Amount(compute(a.amount, b.amount), a.currency)

    return value


def absolute(value: Any) -> Any:
    """The absolute value of a number, a duration or money; exact, whatever the caller's own context rounds."""
    if isinstance(value, Decimal):
        return value.copy_abs()
    return value if isinstance(value, Money) else abs(value)  # which is never negative
