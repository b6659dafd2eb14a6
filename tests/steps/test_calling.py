"""Outside a run, a step or process is the plain function that it decorates."""

import asyncio
from decimal import Decimal
from typing import Protocol

import pytest

from abpo_sdk import idempotency_key, process, step
from abpo_sdk.errors import NoRun


class Bank(Protocol):
    def pay(self, amount: Decimal) -> str: ...


class FakeBank:
    def __init__(self):
        self.paid = []

    def pay(self, amount):
        self.paid.append(amount)
        return f"paid {amount}"


@step
def pay(amount: Decimal, currency: str = "EUR", *, bank: Bank) -> str:
    """Pays."""
    return f"{bank.pay(amount)} {currency}"


@step
async def pay_later(amount: Decimal, *, bank: Bank) -> str:
    await asyncio.sleep(0)
    return bank.pay(amount)


@step
def give(thing: object) -> object:
    return thing


@step
def key() -> str:
    return idempotency_key()


@process
def pay_twice(amount: Decimal, *, bank: Bank) -> list[str]:
    return [pay(amount, bank=bank), pay(amount, "USD", bank=bank)]


@process
async def pay_twice_later(amount: Decimal, *, bank: Bank) -> list[str]:
    return [await pay_later(amount, bank=bank), pay(amount, bank=bank)]


def test_it_computes_and_returns_what_the_function_returns():
    bank = FakeBank()
    assert pay(Decimal(3), bank=bank) == "paid 3 EUR"
    assert pay_twice(Decimal(5), bank=bank) == ["paid 5 EUR", "paid 5 USD"]
    assert bank.paid == [3, 5, 5]


def test_it_keeps_the_very_object_since_nothing_is_stored():
    thing = object()
    assert give(thing) is thing


def test_async_functions_are_awaited():
    bank = FakeBank()
    assert asyncio.run(pay_later(Decimal(3), bank=bank)) == "paid 3"
    assert asyncio.run(pay_twice_later(Decimal(4), bank=bank)) == ["paid 4", "paid 4 EUR"]


def test_it_looks_like_the_function():
    assert (pay.__name__, pay.__doc__, pay.__module__) == ("pay", "Pays.", __name__)
    assert pay_twice.__name__ == "pay_twice"


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {"bank": None}, "missing a required argument: 'amount'"),
        ((1,), {}, "missing a required.*argument: 'bank'"),
        ((1, "EUR", None), {}, "too many positional arguments"),
        ((1,), {"bank": None, "amount": 2}, "multiple values for argument 'amount'"),
        ((1,), {"bank": None, "currncy": "EUR"}, "unexpected keyword argument 'currncy'"),
    ],
)
def test_a_wrong_call_is_the_type_error_of_python(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        pay(*args, **kwargs)


def test_arguments_may_be_given_by_name_in_any_order():
    assert pay(bank=FakeBank(), currency="CHF", amount=Decimal(1)) == "paid 1 CHF"


def test_there_is_no_idempotency_key_outside_a_run():
    with pytest.raises(NoRun, match="outside a step of a run"):
        key()
    with pytest.raises(NoRun):
        idempotency_key()
