"""What is written in FEEL is read back as the same."""

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import ConditionError
from abpo_sdk.policies.feel import (
    condition_of,
    evaluate,
    expression_of,
    expression_text,
    feel_text,
    parse_expression,
    parse_unary_tests,
    syntax,
    text_of,
    unary_tests_of,
)
from tests.policies.feel.cases import (
    NAMES,
    VALUES,
    asked_of,
    cases,
    conditions,
    decimals,
    durations,
    moments,
    texts,
    trees,
)


def answer(condition, case):
    """What a condition says of a case: true, false, or the kind of error."""
    try:
        return condition.holds(case)
    except ConditionError as error:
        return type(error)


@given(st.data(), st.sampled_from(sorted(VALUES)), cases)
def test_a_condition_about_one_input_is_written_as_a_cell_that_says_the_same(data, name, case):
    condition = data.draw(asked_of(name))
    text = unary_tests_of(condition, NAMES[name])
    assert text is not None
    if sum(field.name == name for field in condition.fields()) < 2 or " and " in condition.text():
        assert not syntax.uses_input(parse_unary_tests(text, NAMES))  # the simple tests of S-FEEL are enough
    read = condition_of(parse_unary_tests(text, NAMES), NAMES[name], NAMES)
    assert answer(read, case) == answer(condition, case)
    assert read.text() == condition.text()


@given(st.data(), st.sampled_from(sorted(VALUES)), cases)
def test_a_cell_of_a_combined_condition_says_the_same_or_there_is_none(data, name, case):
    condition = data.draw(conditions(names=(name,)))
    text = unary_tests_of(condition, NAMES[name])
    if text is not None:
        read = condition_of(parse_unary_tests(text, NAMES), NAMES[name], NAMES)
        assert answer(read, case) == answer(condition, case)


@given(conditions(), cases)
def test_a_condition_is_written_as_an_expression_that_says_the_same(condition, case):
    read = expression_of(parse_expression(expression_text(condition), NAMES), NAMES)
    assert answer(read, case) == answer(condition, case)
    assert read.structure() == condition.structure()


@given(trees)
def test_what_a_tree_is_written_as_is_read_as_that_tree(tree):
    assert parse_expression(text_of(tree), NAMES) == tree


@given(
    st.lists(trees | st.builds(syntax.Endpoint, st.sampled_from(["<", ">=", "!="]), trees), max_size=3), st.booleans()
)
def test_what_tests_are_written_as_is_read_as_these_tests(tests, negated):
    cell = syntax.UnaryTests(tuple(tests), negated=negated and bool(tests))
    read = parse_unary_tests(text_of(cell), NAMES)
    if not negated and len(tests) == 1 and isinstance(tests[0], syntax.Not):  # in a cell, this negates tests
        assert read == syntax.UnaryTests((tests[0].part,), negated=True)
    else:
        assert read == cell
    assert parse_unary_tests(text_of(read), NAMES) == read


@given(st.recursive(st.none() | st.booleans() | decimals | texts | st.dates() | moments | durations, st.lists))
def test_a_value_is_written_as_a_literal_that_evaluates_to_it(value):
    assert evaluate(parse_expression(feel_text(value), []), {}) == value


@given(st.integers(-(10**34) + 1, 10**34 - 1))
def test_a_whole_number_is_written_as_it_is(value):
    assert feel_text(value) == str(value)
    assert evaluate(parse_expression(feel_text(value), []), {}) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_as_the_same_float(value):
    assert float(evaluate(parse_expression(feel_text(value), []), {})) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-9E50"), max_value=Decimal("9E50")))
def test_a_decimal_comes_back_digit_for_digit(value):
    if len(value.as_tuple().digits) <= 34:
        assert str(evaluate(parse_expression(feel_text(value), []), {})) == str(value)


def test_a_column_of_a_condition_has_the_cells_true_and_false():
    small = NAMES["Ordered"] < 5
    assert unary_tests_of(small, small) == "true"
    assert unary_tests_of(~small, small) == "false"
    assert unary_tests_of(NAMES["Age"] < 5, small) is None
    assert condition_of(parse_unary_tests("false", NAMES), small, NAMES).text() == "Ordered >= 5"


def test_names_are_those_that_are_asked_for():
    names = {"Ordered": "order value", "Age": "the age"}
    condition = NAMES["Ordered"] <= NAMES["Age"] * Decimal("0.02")
    assert unary_tests_of(condition, NAMES["Ordered"], lambda field: names[field.name]) == "<= the age * 0.02"
    assert expression_text(condition, lambda field: names[field.name]) == "order value <= the age * 0.02"


def test_two_fields_called_the_same_are_not_confused():
    condition = NAMES["Ordered"] <= NAMES["Age"]
    assert unary_tests_of(condition, NAMES["Ordered"], lambda _: "x") is None


def test_a_condition_about_other_fields_is_no_cell():
    assert unary_tests_of(NAMES["Age"] > 5, NAMES["Ordered"]) is None


def test_a_disjunction_whose_missing_part_comes_last_is_no_cell_since_a_cell_asks_it_first():
    name = NAMES["name"]
    assert unary_tests_of(name.is_missing() | (name == "a"), name) == 'null, "a"'
    assert unary_tests_of((name == "a") | name.is_missing(), name) is None


def test_durations_are_written_in_days_hours_minutes_and_seconds():
    duration = dt.timedelta(days=1, hours=2, minutes=3, seconds=4, microseconds=500_000)
    assert feel_text(duration) == 'duration("P1DT2H3M4.5S")'
    assert feel_text(-duration) == 'duration("-P1DT2H3M4.5S")'
