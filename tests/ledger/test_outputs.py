"""What a decision gives beside its outcome comes back as it was, or is refused."""

import datetime as dt
import decimal
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError, LossyRoundTrip
from abpo_sdk.ledger.outputs import (
    comparable_value,
    decode_output,
    decode_value,
    encode_output,
    encode_value,
    same_value,
)
from abpo_sdk.values.canonical import canonical_bytes, parse_json

LARGEST = 2**53 - 1


class Level(IntEnum):
    HIGH = 1


values = (
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.integers(-LARGEST, LARGEST)
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(min_value=dt.datetime(2, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001  the bounds have no zone
    | st.timedeltas()
)


@given(value=values)
def test_every_value_comes_back_from_canonical_json_as_it_was(value):
    read = decode_value(parse_json(canonical_bytes(encode_value(value, "x"))))
    assert (type(read), read) == (type(value), value)
    assert str(read) == str(value)


@given(output=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values, max_size=4))
def test_an_output_comes_back_as_it_was(output):
    assert decode_output(parse_json(canonical_bytes(encode_output(output)))) == output


@given(value=st.timedeltas() | st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_the_callers_own_decimal_context_rounds_nothing(value):
    with decimal.localcontext(decimal.Context(prec=1)):
        assert decode_value(encode_value(value, "x")) == value


@given(a=values, b=values)
def test_two_values_are_the_same_just_when_they_are_equal_and_of_one_type(a, b):
    same = type(a) is type(b) and a == b and not (isinstance(a, float) and str(a) != str(b))
    assert same_value(encode_value(a, "x"), encode_value(b, "x")) == same


@given(number=st.decimals(allow_nan=False, allow_infinity=False), zeros=st.integers(1, 5))
def test_zeros_at_the_end_of_a_decimal_make_no_difference(number, zeros):
    sign, digits, exponent = number.as_tuple()
    longer = Decimal((sign, digits + (0,) * zeros, exponent - zeros))
    assert comparable_value({"decimal": str(longer)}) == comparable_value({"decimal": str(number)})


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Decimal("NaN"), "is NaN, which is no number"),
        (Decimal("-sNaN"), "which is no number"),
        (Decimal("-Infinity"), "is -Infinity, which is no number"),
        (float("nan"), "is nan, which is no number"),
        (float("inf"), "is inf, which is no number"),
        (LARGEST + 1, "cannot be written down"),
        ("half \udfff", "cannot be written down"),
        ([1], "is a list; an output holds texts"),
        ({"decimal": "1"}, "is a dict"),
        (b"1", "is a bytes"),
        (Level.HIGH, "is a Level"),
        (1j, "is a complex"),
        (object(), "is a object"),
    ],
)
def test_what_would_not_come_back_is_refused_by_name(value, why):
    with pytest.raises(LossyRoundTrip, match=f"the output 'x' .*{why}"):
        encode_output({"x": value})


def test_a_time_without_a_zone_and_a_name_that_is_no_text_are_refused():
    with pytest.raises(DefinitionError, match="without a zone"):
        encode_output({"x": dt.datetime(2026, 3, 1)})  # noqa: DTZ001  that is what is wrong
    with pytest.raises(LossyRoundTrip, match="an output is named 7"):
        encode_output({7: 8})
