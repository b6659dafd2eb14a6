"""What FEEL cannot say is refused when it is written."""

import datetime as dt
from decimal import Decimal
from typing import TypedDict

import pytest

from abpo_sdk.conditions import always, fields, never
from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import expression_text, feel_text, unary_tests_of
from tests.policies.feel.cases import NAMES

Worded = TypedDict("Worded", {"not": int, 'a"b': int})


class Custom:
    pass


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Custom(), "no literal for a Custom"),
        (float("nan"), "finite numbers alone"),
        (Decimal("Infinity"), "finite numbers alone"),
        (10**34, "more than 34 digits"),
        (Decimal("1." + "1" * 34), "35 digits"),
        ("a\0", "NUL"),
        ("\ud800", "no character"),
        (dt.datetime(2026, 1, 1), "a time without a zone"),  # noqa: DTZ001
        (dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=30))), "a zone that FEEL cannot say"),
        ([1, {"a": Custom()}], "no literal for a Custom"),
    ],
)
def test_a_value_without_a_literal_is_refused(value, told):
    with pytest.raises(FeelError, match=told):
        feel_text(value)


def test_a_condition_that_compares_with_what_has_no_literal_is_no_cell_and_no_expression():
    condition = NAMES["Age"] > 10**40
    assert unary_tests_of(condition, NAMES["Age"]) is None
    with pytest.raises(FeelError, match="more than 34 digits"):
        expression_text(condition)


def test_a_field_whose_name_cannot_be_read_is_refused():
    for name in ("not", 'a"b'):
        field = fields(Worded)[name]
        assert unary_tests_of(NAMES["Age"] > 5, field) is None
    with pytest.raises(FeelError, match="cannot be written in FEEL"):
        expression_text(fields(Worded)["not"] + 1)


@pytest.mark.parametrize("expression", [NAMES["Age"] / 3, NAMES["Age"] * 0.1, 1.5 - NAMES["Age"]])
def test_what_python_computes_in_floats_and_feel_in_decimals_is_refused(expression):
    with pytest.raises(FeelError, match="it would be read as"):
        expression_text(expression)
    assert unary_tests_of(NAMES["ratio"] > expression, NAMES["ratio"]) is None


def test_what_both_compute_in_decimals_is_written():
    assert expression_text(NAMES["Age"] / Decimal(3)) == "Age / 3"
    assert expression_text(NAMES["Age"] * Decimal("0.1")) == "Age * 0.1"
    assert expression_text(NAMES["ratio"] * 0.1) == "ratio * 0.1"


def test_always_is_a_dash_and_never_is_no_cell():
    assert unary_tests_of(always, NAMES["Age"]) == "-"
    assert unary_tests_of(never, NAMES["Age"]) is None
    assert expression_text((NAMES["Age"] > 5) & ~(NAMES["name"].is_missing())) == "Age > 5 and name != null"


def test_a_column_of_a_computed_expression_has_cells_of_its_own():
    gap = abs(NAMES["Age"] - NAMES["Applicant"]["Age"])
    assert unary_tests_of((gap > 2) & (gap <= 9), gap) == "(2..9]"
    assert unary_tests_of(gap.is_in(1, 2) | (gap > 5), gap) == "1, 2, > 5"
    assert expression_text(gap) == "abs(Age - Applicant.Age)"
