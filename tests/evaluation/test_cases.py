"""Rows become typed cases, or say why they cannot."""

import dataclasses
import datetime as dt
import math
from decimal import Decimal
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from abpo_sdk import Decision, DecisionTable, Personal, Policy, fields, rule
from abpo_sdk.errors import EvaluationError
from abpo_sdk.evaluation import backtest


class Address(BaseModel):
    country: str
    lines: int = 0
    iban: Annotated[str, Personal("bank account", subject_field="country")] = "none"


class Order(BaseModel):
    amount: Decimal
    ordered_at: dt.datetime | None = None
    rate: float = 0.5
    currency: str = "EUR"
    tags: list[int] = Field(default_factory=list)
    note: str | None = None
    address: Address | None = None


class Shipment(BaseModel):
    weight: int = Field(alias="Weight")
    address: Address


@dataclasses.dataclass
class Ticket:
    size: int
    kind: str = "bug"
    derived: int = dataclasses.field(init=False)

    def __post_init__(self):
        self.derived = self.size + 1


class Row(TypedDict):
    size: int


class Lenient(BaseModel):
    size: int = 0


class Plain:
    def __init__(self, size):
        self.size = size


class Keeps(Policy):
    """Reads everything, and keeps the cases that it was given."""

    name, owner, version, outcomes = "keeps", None, "1", ("yes", "no")

    def __init__(self, case_type):
        self.case_type = case_type
        self.cases = []

    def decide(self, case):
        self.cases.append(case)
        return Decision("keeps", "1", "yes", "yes", self.outcomes, 1.0, (), case, ())


o = fields(Order)
table = DecisionTable(
    "orders",
    rule((o.amount > 3) & (o.rate > 0.1) & ~o.ordered_at.is_missing(), then="yes", because="it is large"),
    otherwise="no",
)
NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


def errors(**row):
    history = pd.DataFrame([{"amount": 5} | row], dtype=object)
    return [error for _, error in backtest(table, history).unusable]


def cases(case_type, history):
    policy = Keeps(case_type)
    found = backtest(policy, history)
    assert not found.unusable
    return policy.cases


@pytest.mark.parametrize("gap", [None, math.nan, np.nan, pd.NaT, pd.NA, Decimal("NaN"), np.float32("nan")])
def test_any_form_of_missing_is_missing_where_a_value_is_needed(gap):
    assert errors(amount=gap) == ["Order.amount is missing"]
    assert errors(currency=gap) == ["Order.currency is missing"]  # the default is for who gives no such column
    assert errors(note=gap) == []


def test_all_that_is_missing_is_named_at_once():
    assert errors(amount=None, rate=None) == ["Order.amount, Order.rate are missing"]


@pytest.mark.parametrize("truth", [True, np.True_, False])
def test_a_truth_value_is_no_number(truth):
    assert f"Order.amount is {bool(truth)}, a bool where a number is declared" in errors(amount=truth)[0]
    assert "a bool where a number is declared" in errors(tags=[1, bool(truth)])[0]
    assert "a bool where a number is declared" in errors(**{"address.country": "DE", "address.lines": truth})[0]
    whole = pd.DataFrame({"amount": [bool(truth)] * 2})
    assert backtest(table, whole).usable == 0


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"amount": "x"}, "(it is 'x')"),
        ({"amount": math.inf}, "finite number"),
        ({"rate": math.inf}, "Order.rate is inf, not a finite number"),
        ({"ordered_at": pd.Timestamp("2024-01-01")}, "a time without a zone"),
        ({"note": 5}, "note: Input should be a valid string (it is 5)"),
        ({"amount": Decimal("sNaN")}, "amount is missing"),
        ({"tags": "x"}, "tags"),
    ],
)
def test_what_does_not_fit_is_named_with_its_value(row, text):
    [error] = errors(**row)
    assert text in error


def test_a_personal_value_that_does_not_fit_is_not_shown():
    for row in ({"address.country": "DE", "address.iban": 4711}, {"address": {"country": "DE", "iban": 4711}}):
        [error] = errors(**row)
        assert "iban" in error
        assert "4711" not in error


def test_columns_of_pandas_own_types_become_pythons_own():
    history = pd.DataFrame(
        {
            "amount": pd.array([5, 6], dtype="Int64"),
            "ordered_at": pd.to_datetime([NOON, None]),
            "rate": np.array([0.25, 0.5], dtype="float32"),
            "note": pd.array(["n", None], dtype="string"),
            "currency": pd.Categorical(["EUR", "USD"]),
        }
    )
    first, second = cases(Order, history)
    assert first == Order(amount=Decimal(5), ordered_at=NOON, rate=0.25, note="n")
    assert second == Order(amount=Decimal(6), ordered_at=None, currency="USD")
    numpys = pd.DataFrame({"size": [np.int64(3)], "kind": [np.str_("x")]}, dtype=object)
    [ticket] = cases(Ticket, numpys)
    assert (type(ticket.size), type(ticket.kind)) == (int, str)


def test_nested_fields_are_columns_with_dotted_names():
    history = pd.DataFrame({"amount": [1, 2], "address.country": ["DE", None], "address.lines": [2.0, None]})
    assert cases(Order, history) == [
        Order(amount=Decimal(1), address=Address(country="DE", lines=2)),
        Order(amount=Decimal(2)),
    ]
    partly = pd.DataFrame({"amount": [1], "address.lines": [2]})
    assert backtest(table, partly).unusable == ((0, "Order.address.country is missing"),)


def test_nested_models_may_be_given_as_objects_and_mappings():
    there = Address(country="DE", lines=1)
    history = pd.DataFrame({"amount": [1, 1], "address": [there, {"country": "DE", "lines": 1}]})
    first, second = cases(Order, history)
    assert first == second == Order(amount=Decimal(1), address=there)


def test_required_nested_fields_are_named_where_no_column_makes_them():
    policy = Keeps(Shipment)
    with pytest.raises(EvaluationError, match=r"fields 'weight', 'address'; it has 'x'"):
        backtest(policy, pd.DataFrame({"x": [1]}))
    with pytest.raises(EvaluationError, match=r"field 'address.country'"):
        backtest(policy, pd.DataFrame({"weight": [1], "address.lines": [1]}))
    gap = pd.DataFrame({"weight": [1, 1], "address.country": ["DE", None]})
    assert backtest(policy, gap).unusable == ((1, "Shipment.address is missing"),)


@pytest.mark.parametrize("name", ["weight", "Weight"])
def test_a_field_with_an_alias_is_found_by_either_name(name):
    [shipment] = cases(Shipment, pd.DataFrame({name: [7], "address.country": ["DE"]}))
    assert shipment == Shipment(Weight=7, address=Address(country="DE"))


def test_dataclasses_and_typed_dictionaries_are_cases_too():
    assert cases(Ticket, pd.DataFrame({"size": [1, 2], "derived": 5})) == [Ticket(1), Ticket(2)]
    assert cases(Row, pd.DataFrame({"size": [1], "other": ["x"]})) == [{"size": 1}]
    with pytest.raises(EvaluationError, match="field 'size'"):
        backtest(Keeps(Ticket), pd.DataFrame({"kind": ["bug"]}))
    with pytest.raises(EvaluationError, match="field 'size'"):
        backtest(Keeps(Row), pd.DataFrame({"kind": ["bug"]}))


def test_a_history_of_which_the_policy_could_read_nothing_is_refused():
    with pytest.raises(EvaluationError, match="could read no column of the history, which has 'x'"):
        backtest(Keeps(Lenient), pd.DataFrame({"x": [1]}))
    with pytest.raises(EvaluationError, match="could read no column"):
        backtest(Keeps(None), pd.DataFrame({"paid": ["yes"]}), truth="paid")


def test_cases_may_be_an_iterable_of_objects_and_mappings():
    given = [Order(amount=Decimal(9), note="n"), {"amount": 9, "note": "n", "paid": "no"}, {"note": "n"}, 5]
    policy = Keeps(Order)
    found = backtest(policy, iter(given), truth="paid")
    assert policy.cases == [given[0], given[0]]
    assert found.unusable == ((2, "Order.amount is missing"), (3, "the case is of type int, and no Order"))
    assert (found.agreement.k, found.agreement.n, found.truth_unknown) == (0, 1, 1)
    assert found.cases["case"].tolist() == given


def test_a_mapping_that_leaves_a_field_out_gets_the_default():
    assert cases(Order, [{"amount": 1, "currency": "USD"}, {"amount": 1}]) == [
        Order(amount=Decimal(1), currency="USD"),
        Order(amount=Decimal(1)),
    ]


def test_objects_with_a_missing_or_mistyped_value_are_unusable():
    broken = [Order.model_construct(amount=None), Order.model_construct(amount=True), Order.model_construct()]
    found = backtest(table, broken)
    assert found.usable == 0
    assert all("amount" in error for _, error in found.unusable)


def test_a_type_without_declared_fields_takes_objects_and_no_rows():
    assert [case.size for case in cases(Plain, [Plain(1), Plain(2)])] == [1, 2]
    with pytest.raises(EvaluationError, match="decides about Plain, whose fields are not declared"):
        backtest(Keeps(Plain), pd.DataFrame({"size": [1]}))
    assert backtest(Keeps(Plain), [{"size": 1}]).unusable == ((0, "the case is of type dict, and no Plain"),)


def test_a_policy_about_mappings_takes_rows_as_they_are():
    assert cases(dict, pd.DataFrame({"size": [1, 2], "note": ["n", None]})) == [
        {"size": 1, "note": "n"},
        {"size": 2, "note": None},
    ]


orders = st.builds(
    Order,
    amount=st.decimals(-(10**6), 10**6, places=2),
    ordered_at=st.none() | st.integers(0, 10**9).map(lambda seconds: NOON + dt.timedelta(seconds=seconds)),
    rate=st.floats(0, 1),
    currency=st.sampled_from(["EUR", "USD"]),
    tags=st.lists(st.integers(0, 9), max_size=3),
    note=st.none() | st.text(max_size=5),
    address=st.none() | st.builds(Address, country=st.text(max_size=3), lines=st.integers(0, 9), iban=st.just("none")),
)


@given(given=st.lists(orders, min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_cases_written_to_a_frame_come_back_as_they_were(given):
    nested = pd.DataFrame([order.model_dump() for order in given])
    assert cases(Order, nested) == given
    flat = [order.model_dump(exclude={"address"}) for order in given]
    for row, order in zip(flat, given, strict=True):
        parts = order.address.model_dump() if order.address else dict.fromkeys(Address.model_fields)
        row.update({f"address.{name}": value for name, value in parts.items()})
    assert cases(Order, pd.DataFrame(flat)) == given
    assert cases(Order, given) == given
