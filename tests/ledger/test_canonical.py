from __future__ import annotations

import enum
import json
import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import NotCanonical
from abpo_sdk.ledger import canonical_bytes, parse_json
from abpo_sdk.values.canonical import plain_bytes
from abpo_sdk.values.equality import same

START = datetime(2026, 1, 5, 9, tzinfo=UTC)

LARGEST = 2**53 - 1
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
keys = st.text() | st.sampled_from(["", "a", "é", "\x00", "\x7f", "\u2028", "\ufb33", "\U0001f600", '"', "\\"])
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)

# RFC 8785, appendix B ("Number Serialization Samples"): the bits of a double, and how it is written
RFC_8785_APPENDIX_B = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


# the form itself, from the text of RFC 8785


@pytest.mark.parametrize(("bits", "text"), RFC_8785_APPENDIX_B.items())
def test_numbers_are_written_as_the_samples_of_rfc_8785_appendix_b(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number) == text.encode()


def test_a_whole_object_is_written_as_the_example_of_rfc_8785_section_3_2_2() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert (
        canonical_bytes(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_keys_are_in_the_order_of_their_utf_16_code_units_as_in_rfc_8785_section_3_2_3() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical_bytes(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_control_characters_are_escaped_in_the_short_form_where_there_is_one_and_in_lower_case_hex_elsewhere() -> None:
    assert canonical_bytes("\b\t\n\f\r\x00\x1f\x7f\u2028") == b'"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\xe2\x80\xa8"'


def test_there_is_no_white_space_and_the_order_of_insertion_does_not_count() -> None:
    assert canonical_bytes({"b": [1, 2], "a": {}}) == canonical_bytes({"a": {}, "b": [1, 2]}) == b'{"a":{},"b":[1,2]}'


def test_tuples_are_written_as_lists() -> None:
    assert canonical_bytes((1, ("a",))) == canonical_bytes([1, ["a"]]) == b'[1,["a"]]'


# against the reference


@given(json_values)
@settings(max_examples=300, deadline=None)
def test_any_json_value_is_written_as_the_reference_writes_it(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(json_values)
@settings(max_examples=300, deadline=None)
def test_plain_json_is_written_as_the_reference_writes_it_and_comes_back_as_it_is(value: Any) -> None:
    data = plain_bytes(value)
    if data is not None:
        assert data == rfc8785.dumps(value)
        assert same(value, json.loads(data))


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Grade(enum.Enum):
    A = "a"


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        (1,),
        Text("a"),
        Number(1),
        Grade.A,
        Decimal(1),
        UUID(int=0),
        START,
        2**53,
        -(2**53),
        "\ud800",
        {1: "a"},
        {Text("a"): 1},
        {"\u00e9": 1},
        {"\ud800": 1},
        nested(201),
    ],
    ids=ascii,
)
def test_what_would_come_back_as_something_else_or_in_another_order_is_not_plain(value: Any) -> None:
    assert plain_bytes(value) is None
    assert plain_bytes([{"a": value}]) is None


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back_equal_and_written_again_the_same(value: Any) -> None:
    data = canonical_bytes(value)
    back = parse_json(data)
    assert back == json.loads(json.dumps(value))
    assert canonical_bytes(back) == data


@pytest.mark.parametrize("number", [9007199254740992.0, -1e16, 1e20, 123456789012345678.0])
def test_a_large_float_that_is_written_without_a_point_comes_back_as_a_float(number: float) -> None:
    back = parse_json(canonical_bytes([number]))
    assert back == [number]
    assert type(back[0]) is float


# what has no form


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        2**53,
        -(2**53),
        10**5000,
        b"bytes",
        Decimal("1.0"),
        datetime(2026, 1, 1, tzinfo=UTC),
        {1, 2},
        object(),
        {1: "a"},
        {None: "a"},
        "\ud800",
        "a\udfffb",
        {"\ud800": 1},
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("around", [lambda v: v, lambda v: [1.5, v], lambda v: {"é": v}, lambda v: {"a": [v], "ü": 1}])
def test_what_json_has_no_form_for_is_refused_wherever_it_lies(value: Any, around: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_bytes(around(value))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**53, "9007199254740992"),
        ({1: "a"}, "key 1"),
        (Decimal("1.5"), "Decimal"),
    ],
)
def test_a_refusal_names_the_value(value: Any, named: str) -> None:
    with pytest.raises(NotCanonical, match=named):
        canonical_bytes([value])


@pytest.mark.parametrize("number", [LARGEST, -LARGEST, 0, -1])
def test_integers_up_to_2_to_the_53rd_are_written_in_full(number: int) -> None:
    assert canonical_bytes(number) == str(number).encode()


def test_a_value_may_be_nested_200_deep_and_no_deeper() -> None:
    assert canonical_bytes(nested(200)) == b"[" * 200 + b"1" + b"]" * 200
    with pytest.raises(NotCanonical, match="deeper than 200"):
        canonical_bytes(nested(201))


@pytest.mark.parametrize("around", [lambda v: v, lambda v: {"é": v}, lambda v: [1.5, v], lambda v: {"a": 1.5, "b": v}])
def test_a_value_nested_100_000_deep_is_refused_by_name(around: Any) -> None:
    with pytest.raises(NotCanonical, match="deeper than 200"):
        canonical_bytes(around(nested(100_000)))


# reading


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1,]",
        b"1 2",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"1" + b"0" * 400,
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'[{"a":{"b":1,"b":2}}]',
        b'"\\ud800"',
        b'{"\\uDFFF":1}',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"'a'",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bytes_that_are_no_json_value_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical, match="no JSON value"):
        parse_json(data)


def test_a_pair_of_escaped_surrogates_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    try:
        value = parse_json(data)
    except NotCanonical:
        return
    canonical_bytes(value)  # whatever is read can be written
