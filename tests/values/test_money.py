"""Money is exact; what is not exact, or of no known currency, is none."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from abpo_sdk.errors import AmountInvalid
from abpo_sdk.testing import cases
from abpo_sdk.values import Codec
from abpo_sdk.values.currencies import DECIMALS, decimals_of
from abpo_sdk.values.money import LARGEST, Money


@pytest.mark.parametrize(
    ("amount", "currency", "units", "text"),
    [
        (Decimal("12400.50"), "EUR", 1240050, "12,400.50 EUR"),
        (12400, "EUR", 1240000, "12,400.00 EUR"),
        (Decimal("1.500"), "EUR", 150, "1.50 EUR"),
        (Decimal("1E+3"), "JPY", 1000, "1,000 JPY"),
        (Decimal("0.001"), "KWD", 1, "0.001 KWD"),
        (Decimal("0.0001"), "CLF", 1, "0.0001 CLF"),
        (0, "EUR", 0, "0.00 EUR"),
        (Decimal("-0.00"), "EUR", 0, "0.00 EUR"),
        (Decimal("0E+999999"), "EUR", 0, "0.00 EUR"),
    ],
)
def test_an_amount_is_a_whole_number_of_the_smallest_unit(amount, currency, units, text):
    money = Money.of(amount, currency)
    assert (money.units, str(money)) == (units, text)


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (Decimal("NaN"), "NaN is not a finite number"),
        (Decimal("sNaN"), "is not a finite number"),
        (Decimal("Infinity"), "is not a finite number"),
        (Decimal("-Infinity"), "is not a finite number"),
        (Decimal("-0.01"), "-0.01 EUR is negative"),
        (-1, "-1 EUR is negative"),
        (Decimal("0.001"), "a part of the smallest unit: EUR has 2 decimals"),
        (Decimal("1E-400000"), "a part of the smallest unit"),
        (Decimal("1E+400000"), "more than the 18 digits"),
        (10**18, "more than the 18 digits"),
        pytest.param(10**5000, "more than the 18 digits", id="5,000 digits"),
        pytest.param(-(10**5000), "is negative", id="5,000 digits below zero"),
        (12.5, "is a float, which is not exact money"),
        (float("nan"), "is a float"),
        (True, "is a bool"),
        ("12.50", "is a str"),
        (None, "is a NoneType"),
    ],
)
def test_what_is_not_exact_money_is_refused_by_name(amount, message):
    with pytest.raises(AmountInvalid, match=message):
        Money.of(amount, "EUR")


@pytest.mark.parametrize(
    ("currency", "message"),
    [
        ("EURO", "the currency 'EURO' is unknown"),
        ("BGN", "ISO 4217 lists no such money now"),
        ("XAU", "the currency 'XAU' is unknown"),
        ("eur", "write 'EUR'"),
        (" EUR", "write 'EUR'"),
        ("", "there is no currency"),
        (None, "there is no currency, only None"),
        (978, "there is no currency, only 978"),
    ],
)
def test_a_currency_that_is_not_known_is_refused_and_never_guessed(currency, message):
    with pytest.raises(AmountInvalid, match=message):
        Money.of(1, currency)


def test_a_currency_that_the_standard_does_not_list_may_be_added_with_its_decimals():
    assert Money.of(Decimal("0.000001"), "USDC", minor_units={"USDC": 6}).units == 1
    assert decimals_of("BGN", {"BGN": 2}) == 2


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"EUR": 3}, "ISO 4217 gives EUR 2 decimals"),
        ({"USDC": -1}, "whole number of 0 to 9"),
        ({"USDC": True}, "whole number of 0 to 9"),
        ({"USDC": 18}, "whole number of 0 to 9"),
        ({"us dc": 2}, "2 to 10 of A-Z"),
    ],
)
def test_decimals_that_cannot_be_are_refused(added, message):
    with pytest.raises(AmountInvalid, match=message):
        decimals_of("CHF", added)


def test_money_cannot_be_made_of_units_that_are_none():
    for units in (-1, LARGEST + 1, True, 1.0):
        with pytest.raises(AmountInvalid, match="cannot be units"):
            Money(units, "EUR", 2)


def test_the_decimals_are_those_of_the_standard():
    iso4217 = pytest.importorskip("iso4217")
    listed = {currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None}
    assert {code: listed[code] for code in DECIMALS if code in listed} == dict(DECIMALS)


@given(st.integers(0, LARGEST), st.sampled_from(["JPY", "EUR", "KWD", "CLF"]))
def test_an_amount_comes_back_exactly_whatever_the_context_rounds(units, currency):
    with localcontext(prec=3):
        money = Money(units, currency, DECIMALS[currency])
        assert Money.of(money.amount, currency) == money
        assert money.amount * 0 == 0


class Bill(BaseModel):
    total: Money
    parts: list[Money] = []
    tip: Money | None = None


@given(cases(Bill))
def test_a_model_with_money_comes_back_from_the_ledger_as_it_went_in(bill):
    codec = Codec(Bill, where="a bill")
    _, back = codec.round_trip(bill)
    assert back == bill
    assert Bill.model_validate_json(bill.model_dump_json()) == Bill(**bill.model_dump()) == bill


def test_money_is_stored_as_text_with_the_decimals_of_what_iso_4217_lacks():
    bill = Bill(
        total=Money.of(Decimal("999999999999999.99"), "EUR"), parts=[Money.of(5, "USDC", minor_units={"USDC": 6})]
    )
    encoded, back = Codec(Bill, where="a bill").round_trip(bill)
    assert back == bill
    assert encoded.tree["total"] == {"amount": "999999999999999.99", "currency": "EUR"}
    assert encoded.tree["parts"] == [{"amount": "5.000000", "currency": "USDC", "decimals": 6}]


def test_a_model_takes_money_as_an_amount_and_a_currency():
    five = Money.of(5, "EUR")
    for amount in ("5", "5.00", Decimal(5), 5):
        assert Bill(total={"amount": amount, "currency": "EUR"}).total == five
    assert set(Bill.model_json_schema()["properties"]["total"]["properties"]) == {"amount", "currency", "decimals"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (5, "this is no money"),
        (5.0, "this is no money"),
        ("5 EUR", "this is no money"),
        (None, "this is no money"),
        ({"amount": "1"}, "money has an amount and a currency"),
        ({"amount": "1", "currency": "EUR", "rate": 1}, "money has an amount and a currency"),
        ({"amount": 1.5, "currency": "EUR"}, "is a float, which is not exact money"),
        ({"amount": "1.555", "currency": "EUR"}, "has a part of the smallest unit"),
        ({"amount": "-1", "currency": "EUR"}, "is negative"),
        ({"amount": "NaN", "currency": "EUR"}, "no decimal number"),
        ({"amount": "1" * 100, "currency": "EUR"}, "no decimal number"),
        ({"amount": "1", "currency": "EURO"}, "the currency 'EURO' is unknown"),
        ({"amount": "1", "currency": ["EUR"]}, "no text such as 'EUR'"),
        ({"amount": "1", "currency": "EUR", "decimals": 3}, "ISO 4217 gives EUR 2 decimals"),
        ({"amount": "1", "currency": "USDC", "decimals": 40}, "a whole number of 0 to 9 decimals"),
    ],
)
def test_a_model_refuses_what_is_no_exact_money(given, text):
    with pytest.raises(ValidationError, match=text):
        Bill(total=given)
