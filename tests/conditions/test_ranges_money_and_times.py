"""Ranges, money of one currency, moments in a zone and times of day."""

import datetime as dt
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Money, Personal, rule
from abpo_sdk.conditions import fields
from abpo_sdk.errors import DefinitionError, MissingInput, MistypedInput, UnknownField, UnlikeTypes
from abpo_sdk.testing import check_policy

BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def eur(amount):
    return Money.of(Decimal(amount), "EUR")


LARGE, ROUND, SALARY = eur("12400.50"), eur(12000), eur(4242)


@dataclass
class Bill:
    total: Any = LARGE
    ordered: Money | None = ROUND
    count: int = 3
    rate: Decimal = Decimal("0.02")
    share: float = 0.5
    name: str = "ACME"
    at: dt.datetime = NOON
    day: dt.date = dt.date(2026, 3, 1)
    opens: Any = dt.time(9, 30)
    salary: Annotated[Money, Personal("salary", subject_field="name")] = SALARY


Bill.__annotations__ |= {"total": Money, "opens": dt.time}
b = fields(Bill)


# Ranges


@given(
    st.integers(-3, 3), st.integers(-3, 3), st.integers(-3, 3), st.sampled_from(["both", "neither", "left", "right"])
)
def test_a_range_is_two_comparisons(value, low, high, inclusive):
    if low > high or (low == high and inclusive != "both"):
        with pytest.raises(DefinitionError, match="nothing lies between them"):
            b.count.between(low, high, inclusive=inclusive)
        return
    condition = b.count.between(low, high, inclusive=inclusive)
    assert condition.holds(Bill(count=value)) is bool(pd.Series([value]).between(low, high, inclusive=inclusive)[0])


def test_a_range_means_what_its_two_comparisons_mean():
    assert b.count.between(1, 5).structure() == ((b.count >= 1) & (b.count <= 5)).structure()
    assert b.count.between(1, 5).text() == "count >= 1 and count <= 5"
    assert b.total.between(eur(1), b.ordered).holds(Bill(total=eur(2)))


@pytest.mark.parametrize(
    ("write", "kind", "text"),
    [
        (lambda: b.count.between(5, 1), DefinitionError, r"count.between\(5, 1\): nothing lies between them"),
        (lambda: b.total.between(eur(5), eur(1)), DefinitionError, "nothing lies between them"),
        (lambda: b.count.between(1, 1, inclusive="left"), DefinitionError, "nothing lies between them"),
        (lambda: b.count.between(1, 5, inclusive="all"), DefinitionError, "say 'both', 'neither', 'left', 'right'"),
        (lambda: b.count.between(1, "5"), UnlikeTypes, "integer and text do not compare"),
        (lambda: b.name.between("a", "b"), UnlikeTypes, "text has no order"),
        (lambda: b.total.between(eur(1), Money.of(5, "USD")), UnlikeTypes, "EUR and USD are different currencies"),
        (lambda: b.at.between(dt.date(2026, 1, 1), NOON), UnlikeTypes, "time and date do not compare"),
        (lambda: b.rate.between(0, 0.5), UnlikeTypes, "do not mix"),
    ],
)
def test_a_range_that_is_none_is_refused_when_written(write, kind, text):
    with pytest.raises(kind, match=text):
        write()


# Money


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (b.total > eur(10_000), True),
        (eur(10_000) < b.total, True),
        (b.total == eur("12400.5"), True),
        (b.total != eur("12400.5"), False),
        (b.total.is_in(eur(1), eur("12400.50")), True),
        (b.total > b.ordered, True),
        (b.total + b.ordered == eur("24400.50"), True),
        (b.ordered - b.total < eur(0), True),
        (abs(b.ordered - b.total) <= b.ordered * Decimal("0.05"), True),
        (abs(b.total) == b.total, True),
        (b.total * 2 == eur(24801), True),
        (2 * b.total == eur(24801), True),
        (b.total / 2 == eur("6200.25"), True),
        (b.total / b.ordered > 1, True),
        (b.total / b.ordered - 1 <= Decimal("0.04"), True),
        (b.total * b.rate < eur(250), True),
        (-b.total < eur(0), True),
        (b.total.amount > 12_400, True),
        (b.total.currency == "EUR", True),
        (b.ordered.is_missing(), False),
    ],
)
def test_money_compares_and_adds_up_with_money_of_its_currency(condition, expected):
    assert condition.holds(Bill()) is expected
    assert pickle.loads(pickle.dumps(condition)).holds(Bill()) is expected
    assert condition.text(Bill())


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (
            lambda: b.total > 100,
            r"total > 100: money has a currency, and a number has none; write Money.of\(100, 'EUR'\)",
        ),
        (lambda: b.total > Decimal(100), r"write Money.of\(100, 'EUR'\)"),
        (lambda: b.total > 0.5, r"a float has none; write Money.of\(Decimal\('0.10'\), 'EUR'\)"),
        (lambda: b.total == "100", "money and text do not compare"),
        (lambda: b.total == b.count, "money has a currency, and a number has none"),
        (lambda: b.total.is_in(1, 2), "money has a currency"),
        (lambda: b.total + 1, "money has a currency, and a number has none"),
        (lambda: 1 - b.total, "money has a currency, and a number has none"),
        (lambda: b.total * 0.5, r"money is exact and a float is not; write Decimal\('0.1'\)"),
        (lambda: b.total * b.share, "money is exact and a float is not"),
        (lambda: b.total / 0.5, "money is exact and a float is not"),
        (lambda: b.total * b.total, "means nothing"),
        (lambda: 1 / b.total, "money has a currency, and a number has none"),
        (lambda: b.total * b.name, "means nothing"),
        (lambda: b.total + b.at, "money and time do not compare"),
        (lambda: b.total + eur(1) > Money.of(1, "USD"), "EUR and USD are different currencies"),
        (lambda: b.total + eur(1) + Money.of(1, "USD"), "EUR and USD are different currencies"),
        (lambda: b.total.is_in(eur(1), Money.of(1, "USD")), "EUR and USD, which are different currencies"),
    ],
)
def test_money_with_what_is_none_or_of_another_currency_is_refused_when_written(write, text):
    with pytest.raises(UnlikeTypes, match=text):
        write()


@pytest.mark.parametrize(
    "condition",
    [
        b.total > Money.of(1, "USD"),
        b.total == Money.of(1, "USD"),
        b.total != Money.of(1, "USD"),
        b.total.is_in(Money.of(1, "USD")),
        b.total + Money.of(1, "USD") > Money.of(1, "USD"),
        b.total / Money.of(1, "USD") > 1,
    ],
)
def test_money_of_another_currency_in_a_case_is_an_error_that_names_both(condition):
    with pytest.raises(MistypedInput, match="EUR and USD are different currencies; exchange one of them"):
        condition.holds(Bill())


def test_money_that_is_missing_mistyped_or_divided_by_nothing_is_an_error():
    with pytest.raises(MissingInput, match=r"Bill.ordered is missing"):
        (b.ordered > eur(1)).holds(Bill(ordered=None))
    with pytest.raises(MistypedInput, match="a Decimal where money is declared"):
        (b.total > eur(1)).holds(Bill(total=Decimal(1)))
    with pytest.raises(MistypedInput, match="has no value: DivisionByZero"):
        (b.total / b.ordered > 1).holds(Bill(ordered=eur(0)))
    with pytest.raises(UnknownField, match="which has no field 'units'"):
        b.total.units  # noqa: B018


def test_money_is_read_with_its_currency_and_masked_where_it_is_personal():
    assert (b.total > eur(10_000)).text(Bill()) == "total 12,400.50 EUR > 10,000.00 EUR"
    assert (b.salary == eur(4242)).text(Bill()) == "salary is <salary>"
    assert (b.total == Money.of(5, "JPY")).structure() != (b.total == Money.of(5, "EUR")).structure()


class Invoice(BaseModel):
    total: Money
    ordered: Money


def test_a_table_on_money_passes_the_checks_of_a_policy():
    i = fields(Invoice)

    def make():
        return DecisionTable(
            "money",
            rule(i.total > eur(1000), then="refer", because="it is large"),
            rule(abs(i.total - i.ordered) <= i.ordered * Decimal("0.02"), then="pay", because="as ordered"),
            otherwise="refer",
            owner="head of accounts",
        )

    assert check_policy(make(), again=make).cases


# Moments and times of day


REPEATED = [dt.datetime(2026, 10, 25, 2, minute, tzinfo=BERLIN, fold=fold) for fold in (0, 1) for minute in (15, 45)]


@pytest.mark.parametrize("one", REPEATED)
@pytest.mark.parametrize("other", REPEATED)
def test_moments_are_in_order_in_the_hour_that_a_clock_repeats(one, other):
    moments = one.astimezone(dt.UTC), other.astimezone(dt.UTC)
    case = Bill(at=one)
    assert (b.at < other).holds(case) is (moments[0] < moments[1])
    assert (b.at == other).holds(case) is (moments[0] == moments[1])
    assert b.at.is_in(other).holds(case) is (moments[0] == moments[1])
    assert (b.at - other == moments[0] - moments[1]).holds(case)


def test_a_day_after_a_moment_is_24_hours_after_it_in_every_zone():
    before = dt.datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert (b.at + dt.timedelta(1) == before.astimezone(dt.UTC) + dt.timedelta(1)).holds(Bill(at=before))


def test_a_moment_means_the_same_in_every_zone():
    assert (b.at > NOON).structure() == (b.at > NOON.astimezone(BERLIN)).structure()
    assert (b.at > NOON.astimezone(BERLIN)).text() == "at > 2026-03-01 13:00+01:00"
    assert (b.at > dt.datetime.max.replace(tzinfo=BERLIN)).holds(Bill()) is False
    assert (b.at < dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=5)))).holds(Bill())


def test_times_of_day_compare_with_each_other():
    assert (b.opens < dt.time(10)).holds(Bill())
    assert b.opens.between(dt.time(9), dt.time(9, 30)).holds(Bill())
    assert (b.opens >= dt.time(9, 30)).text(Bill()) == "opens 09:30 >= 09:30"
    assert (b.opens == dt.time(9, 30, 1)).structure() != (b.opens == dt.time(9, 30)).structure()


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda: b.at > dt.date(2026, 3, 1), "time and date do not compare"),
        (lambda: b.day > NOON, "date and time do not compare"),
        (lambda: b.opens > NOON, "time of day and time do not compare"),
        (lambda: b.opens > dt.time(9, tzinfo=dt.UTC), "a time of day with a zone"),
        (lambda: b.opens + dt.timedelta(hours=1), "means nothing"),
        (lambda: b.at - b.opens, "means nothing"),
    ],
)
def test_unlike_times_are_refused_when_written(write, text):
    with pytest.raises(UnlikeTypes, match=text):
        write()


def test_a_time_of_day_that_is_none_is_an_error():
    with pytest.raises(MistypedInput, match="a time of day with a zone"):
        (b.opens > dt.time(9)).holds(Bill(opens=dt.time(9, tzinfo=dt.UTC)))
    with pytest.raises(MistypedInput, match="a str where time of day is declared"):
        (b.opens > dt.time(9)).holds(Bill(opens="09:00"))
