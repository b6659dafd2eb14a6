"""Evaluating expressions."""

import datetime as dt
import enum
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import evaluate, parse_expression


def value(text, **context):
    return evaluate(parse_expression(text, context, "here"), context, "here")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 + 20 / -5 - 3", "3"),
        ("10 + 20 / (-5 - 3)", "7.5"),
        ("5+2**5+3", "40"),
        ("2**3**2", "64"),
        ("-2**2", "4"),
        ("10**-5", "0.00001"),
        ("-10--5", "-5"),
        ("1 / 3", "0.3333333333333333333333333333333333"),
        ("2 / 3", "0.6666666666666666666666666666666667"),
        ("0.1 + 0.2", "0.3"),
        (".872", "0.872"),
        ("abs(-3)", "3"),
        ("max(1, 5, 3)", "5"),
        ("min([4, 2])", "2"),
        ("sum(0.1, 0.2)", "0.3"),
        ("count([1, null])", "2"),
    ],
)
def test_numbers_are_decimals_of_34_digits(text, expected):
    assert value(text) == Decimal(expected)
    assert type(value(text)) is Decimal


@pytest.mark.parametrize(
    "text",
    ["null + 10", "10 * null", "null / 10", "-null", "1 / 0", "(0-8)**0.5", "null < 5", "null > null",
     "true and null", "null or false", "not(null)", "5 in (null..6)", "max(1, null)", "sum([])"],
)  # fmt: skip
def test_null_goes_through(text):
    assert value(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null = null", True),
        ("null = 5", False),
        ("null != 5", True),
        ("false and null", False),
        ("null and false", False),
        ("null or true", True),
        ("true or null", True),
        ("1 = 1.0", True),
        ('"a" < "b"', True),
        ("5 in (1..5)", False),
        ("5 in [1..5]", True),
        ("5 in (<3, >4)", True),
        ("5 in [1, 5]", True),
        ("5 between 1 and 5", True),
        ("[1, 2] = [1, 2]", True),
        ("{a: 1} = {a: 1}", True),
        ('date("2026-01-31") < date("2026-02-01")', True),
        ('@"2026-01-31T10:00:00Z" = @"2026-01-31T11:00:00+01:00"', True),
        ("if null then true else false", False),
        ("if 1 < 2 then true else false", True),
    ],
)
def test_truth_has_three_values(text, expected):
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Hello " + "you"', "Hello you"),
        ('date("2026-01-31") + duration("P1D")', dt.date(2026, 2, 1)),
        ('duration("P1D") + date("2026-01-31")', dt.date(2026, 2, 1)),
        ('date("2026-01-31") - date("2026-01-01")', dt.timedelta(30)),
        ('@"2026-01-31T10:00:00Z" - duration("PT1H")', dt.datetime(2026, 1, 31, 9, tzinfo=dt.UTC)),
        ('duration("P1D") * 1.5', dt.timedelta(hours=36)),
        ('duration("P1D") / 2', dt.timedelta(hours=12)),
        ('duration("P1D") / duration("PT12H")', Decimal(2)),
        ('-duration("P1D")', dt.timedelta(-1)),
        ('[1, "a", true, null]', [1, "a", True, None]),
        ('{a: 1, "b c": [a + 1]}', {"a": 1, "b c": [2]}),
        ("{a: 1}.a", 1),
    ],
)
def test_texts_dates_lists_and_contexts(text, expected):
    assert value(text) == expected


class Rank(enum.Enum):
    HIGH = "high"


def test_a_component_of_null_is_null():
    assert value("a.b", a=None) is None


def test_names_stand_for_values():
    context = {"Monthly Salary": 1000, "rate": 0.1, "loan": {"term months": 12}, "rank": Rank.HIGH}
    assert evaluate(parse_expression("12 * Monthly Salary * rate", context), context) == Decimal(1200)
    assert evaluate(parse_expression("loan.term months + 1", context), context) == 13
    assert evaluate(parse_expression('rank = "high"', context), context) is True


def test_functions_in_scope_are_called():
    assert value("PMT(2, 3) + fee", PMT=lambda a, b: a * b, fee=1) == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"a" + 1', "text + number means nothing"),
        ("1 + true", "number + true or false means nothing"),
        ('1 = "a"', "which do not compare"),
        ('1 < "a"', "which do not compare"),
        ("true < false", "which do not compare"),
        ("[1] < [2]", "which do not compare"),
        ('date("2026-01-31") = @"2026-01-31T10:00:00Z"', "which do not compare"),
        ("1 and true", "where true or false is needed"),
        ('not("a")', "where true or false is needed"),
        ("if 1 then 2 else 3", "where true or false is needed"),
        ("unknown", "the name 'unknown' is not known"),
        ("empty.b", "'b' is no component of 'empty'"),
        ("number.b", "is no path"),
        ("nan + 1", "no number that can be computed with"),
        ("naive", "a time without a zone"),
        ("number(1)", "the function call `number(...)` is not supported"),
        ("substring(text, 1)", "the function call `substring(...)` is not supported"),
        ("abs(text)", "has no value"),
        ("abs(1, 2)", "has no value"),
        ("max(1, text)", "has no value"),
        ("-text", "has no negative"),
        ("10 ** 9999", "out of bounds"),
        ('date("9999-12-31") + duration("P1D")', "out of bounds"),
        ('duration("P900000000D") * 9', "out of bounds"),
        ("?", "has no value here"),
        ("(1..2)", "has no value here"),
        ("", "there is no expression"),
    ],
)
def test_what_has_no_value_is_an_error_that_names_the_place(text, told):
    context = {
        "number": 1,
        "text": "x",
        "nan": float("nan"),
        "naive": dt.datetime(2026, 1, 1),  # noqa: DTZ001
        "empty": {},
    }
    with pytest.raises(FeelError, match=r"^here: ") as raised:
        evaluate(parse_expression(text, context, "here"), context, "here")
    assert told in str(raised.value)


def test_a_name_without_a_value_is_an_error():
    with pytest.raises(FeelError, match="`b` is not known; there is a"):
        evaluate(parse_expression("b", ["b"]), {"a": 1})
    with pytest.raises(FeelError, match=r"`a.c` is not there; there is b"):
        evaluate(parse_expression("a.c", ["a"]), {"a": {"b": 1}})


bounded = st.decimals(-(10**6), 10**6, places=2)


@given(bounded, bounded)
def test_arithmetic_is_that_of_decimals(a, b):
    for sign, expected in {"+": a + b, "-": a - b, "*": a * b}.items():
        assert value(f"a {sign} b", a=a, b=b) == expected


@given(st.sampled_from([True, False, None]), st.sampled_from([True, False, None]))
def test_de_morgan_holds_for_three_values(a, b):
    assert value("not(a and b)", a=a, b=b) is value("not(a) or not(b)", a=a, b=b)
    assert value("not(a or b)", a=a, b=b) is value("not(a) and not(b)", a=a, b=b)


def test_a_deep_value_does_not_overflow():
    text = "(" * 35 + "1" + " + 1)" * 35 + " + 1" * 150
    assert value(text) == 186
