"""Money: a whole number of a currency's smallest unit, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from abpo_sdk.errors import AmountInvalid
from abpo_sdk.values.currencies import DECIMALS, decimals_of

DIGITS = 18
LARGEST = 10**DIGITS - 1
"""The most units of one amount: they fit a column of 64 bits, and leave room there to add nine of them."""

_AMOUNT = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
"""An amount that is given as text."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of a currency, exact: never negative, never a float, never with more decimals than the currency has.

    In a model it is given as `Money`, or as a mapping of the amount (a text, a `Decimal` or whole units) and the currency; as
    JSON it is `{"amount": "12400.50", "currency": "EUR"}`.

    Args:
        units: how many of the smallest unit (cents of EUR, whole yen of JPY).
        currency: the code of ISO 4217.
        decimals: how many decimals the currency has, so how many digits of `units` are behind the point.

    >>> price = Money.of(Decimal("12400.50"), "EUR")
    >>> price.units, price.amount, str(price)
    (1240050, Decimal('12400.50'), '12,400.50 EUR')
    """

    units: int
    currency: str
    decimals: int

    def __post_init__(self) -> None:
        if isinstance(self.units, bool) or not isinstance(self.units, int) or not 0 <= self.units <= LARGEST:
            raise AmountInvalid(
                f"{_short(self.units)} cannot be units of money; make it with Money.of(amount, currency)"
            )

    @classmethod
    def of(cls, amount: object, currency: object, *, minor_units: Mapping[str, int] | None = None) -> Money:
        """The money that an amount in a currency is.

        Args:
            amount: a `Decimal`, or an `int` of whole units. Zeros behind the last decimal of the currency are no decimals:
                1.500 EUR is 1.50 EUR.
            currency: the code of ISO 4217.
            minor_units: the decimals of codes that ISO 4217 does not list.

        Raises:
            AmountInvalid: a float or another type, NaN, an infinity, less than zero, a part of the smallest unit, more than
                `LARGEST` units, or an unknown currency.
        """
        decimals = decimals_of(currency, minor_units)
        return cls(_units(amount, str(currency), decimals), str(currency), decimals)

    @property
    def amount(self) -> Decimal:
        """The amount, with as many decimals as the currency has."""
        return in_full(self.units, self.decimals)

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """How pydantic reads and writes it: the amount as text, since JSON's numbers are not exact beyond 2^53."""
        return core_schema.no_info_before_validator_function(
            _given,
            core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(_as_json),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "amount": {"type": "string", "examples": ["12400.50"]},
            "currency": {"type": "string", "description": "the code of ISO 4217", "examples": ["EUR"]},
            "decimals": {"type": "integer", "description": "how many decimals a currency has that ISO 4217 lacks"},
        }
        return {"type": "object", "title": "Money", "properties": parts, "required": ["amount", "currency"]}


def _as_json(money: Money) -> dict[str, Any]:
    own = {} if money.currency in DECIMALS else {"decimals": money.decimals}
    return {"amount": f"{money.amount:f}", "currency": money.currency, **own}


def _given(value: Any) -> Money:
    """The money that was given, as such or as a mapping of its amount and currency.

    Raises:
        PydanticCustomError: neither.
    """
    if isinstance(value, Money):
        return value
    try:
        return _read(value)
    except AmountInvalid as error:
        raise PydanticCustomError("money", "{problem}", {"problem": str(error)}) from None


def _read(parts: Any) -> Money:
    if not isinstance(parts, Mapping):
        raise AmountInvalid(
            "this is no money; give Money.of(amount, currency), or a mapping of its amount and currency"
        )
    if not {"amount", "currency"} <= parts.keys() <= {"amount", "currency", "decimals"}:
        raise AmountInvalid("money has an amount and a currency (and decimals, where ISO 4217 lacks the currency)")
    amount, currency = parts["amount"], parts["currency"]
    if not isinstance(currency, str):
        raise AmountInvalid(f"the currency {_short(currency)} is no text such as 'EUR'")
    if isinstance(amount, str):
        if not _AMOUNT.fullmatch(amount):
            raise AmountInvalid(f"the amount {_short(amount)} is no decimal number such as '12.50'")
        amount = Decimal(amount)
    return Money.of(amount, currency, minor_units={currency: parts["decimals"]} if "decimals" in parts else None)


def in_full(units: int, decimals: int) -> Decimal:
    """So many of a smallest unit, with the point where it belongs; a sum may be more than `Money` holds.

    >>> in_full(5, 2), in_full(1240050, 2), in_full(7, 0)
    (Decimal('0.05'), Decimal('12400.50'), Decimal('7'))
    """
    return Decimal((0, tuple(map(int, str(units))), -decimals))


def _units(amount: object, currency: str, decimals: int) -> int:
    if isinstance(amount, bool) or not isinstance(amount, (int, Decimal)):
        raise AmountInvalid(
            f"the amount {_short(amount)} is a {type(amount).__name__}, which is not exact money; give a Decimal, such as "
            "Decimal('12.50'), or whole units as an int"
        )
    if isinstance(amount, Decimal) and not amount.is_finite():
        raise AmountInvalid(f"the amount {amount} is not a finite number")
    if amount < 0:
        raise AmountInvalid(f"the amount {_short(amount)} {currency} is negative")
    if not amount:
        return 0
    large = amount > LARGEST if isinstance(amount, int) else amount.adjusted() + decimals >= DIGITS
    if large or (exact := Decimal(amount)).adjusted() + decimals >= DIGITS:  # before any power of ten is computed
        raise AmountInvalid(
            f"the amount {_short(amount)} {currency} has more than the {DIGITS} digits that a limit counts"
        )
    _, figures, exponent = exact.as_tuple()
    written = "".join(map(str, figures))
    kept = written.rstrip("0")
    behind = int(exponent) + len(written) - len(kept) + decimals
    if behind < 0:
        raise AmountInvalid(
            f"the amount {_short(amount)} {currency} has a part of the smallest unit: {currency} has {decimals} decimals; round it "
            "where it is made, as your rules say"
        )
    units: int = int(kept) * 10**behind
    return units


def _short(value: object) -> str:
    """A value for a message; not a million digits."""
    if isinstance(value, int) and abs(value) > LARGEST:
        return "of more digits than money has"
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
