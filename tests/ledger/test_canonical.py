from __future__ import annotations

import enum
import json
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import NotCanonical
from abpo_sdk.ledger import canonical_bytes, parse_json
from abpo_sdk.values import canonical
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


def nested(depth: int, value: Any = 1) -> Any:
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


class Share(float):
    pass


class Size(enum.StrEnum):
    SMALL = "small"


class Rank(enum.IntEnum):
    FIRST = 1


class Point(NamedTuple):
    x: int
    y: int


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


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError("not now")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (float("nan"), "^nan is no JSON number; store what it means instead$"),
        (float("-inf"), "^-inf is no JSON number; store what it means instead$"),
        (2**53, r"^the integer 9007199254740992 is beyond ±\(2\^53 - 1\); store it as text$"),
        (-(2**53), "^the integer -9007199254740992 is beyond"),
        (10**5000, "^an integer of 16610 bits is beyond .* as text$"),
        ("a\ud800", r"the text 'a\\ud800' holds a lone surrogate, which is no character; replace it$"),
        ({"é\udfff": 1.5}, r"the text 'é\\udfff' holds a lone surrogate"),
        ([{"é": ["\ud800"]}], r"the text '\\ud800' holds"),
        (
            {1: "a"},
            r"^the key 1 is a int; JSON has text keys only; write str\(key\), or its .value where it is an Enum$",
        ),
        ({None: "a"}, "^the key None is a NoneType; JSON has text keys only; write str"),
        ({10**5000: "a"}, "^the key a value is a int"),
        ({Grade.A: 1}, "^the key <Grade.A: 'a'> is a Grade; JSON has text keys only; write"),
        (
            Decimal("1.50"),
            r"^Decimal\('1.50'\) is a Decimal, which JSON does not have; store it as text: str\(value\)$",
        ),
        (START, r"is a datetime, which JSON does not have; store it as text: value.isoformat\(\)$"),
        (START.date(), r"is a date, .* value.isoformat\(\)$"),
        (START.timetz(), r"is a time, .* value.isoformat\(\)$"),
        (START - START, r"is a timedelta, .* value.total_seconds\(\)$"),
        (UUID(int=1), r"is a UUID, .* str\(value\)$"),
        (b"\x00a", r"^b'\\x00a' is a bytes, .* value.hex\(\)$"),
        (bytearray(b"a"), r"is a bytearray, .* value.hex\(\)$"),
        ({1}, r"^\{1\} is a set, .* sorted\(value\)$"),
        (frozenset({10**5000}), r"^a value is a frozenset, .* sorted\(value\)$"),
        (Grade.A, r"is a Grade, .*; store its .value$"),
        (Size.SMALL, r"is a Size, .*; store its .value$"),
        (Rank.FIRST, r"is a Rank, .*; store its .value$"),
        (Text("a"), r"^'a' is a Text, .* str\(value\)$"),
        (Number(7), r"^7 is a Number, .* int\(value\)$"),
        (Share(0.5), r"^0.5 is a Share, .* float\(value\)$"),
        (Point(1, 2), r"^Point\(x=1, y=2\) is a Point, .* list\(value\)$"),
        (OrderedDict(a=1), r"is a OrderedDict, .* dict\(value\)$"),
        (1j, "^1j is a complex, .* texts, numbers, lists and dicts$"),
        (Silent(), "^a value is a Silent, "),
        (b"x" * 1000, r"^b'x{98}… is a bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else type(value).__name__,
)
def test_a_refusal_names_the_value_and_says_what_to_do(value: Any, named: str) -> None:
    with pytest.raises(NotCanonical, match=named):
        canonical_bytes([value])


def test_truth_is_no_number_and_minus_zero_is_zero() -> None:
    assert canonical_bytes([True, 1, 1.0, False, 0, 0.0, -0.0]) == b"[true,1,1,false,0,0,0]"
    assert same(parse_json(b"[true,1,1.0,false,0,0.0]"), [True, 1, 1.0, False, 0, 0.0])
    assert [canonical_bytes(parse_json(data)) for data in (b"-0", b"-0.0", b"-0e9")] == [b"0"] * 3


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


def test_a_value_that_holds_itself_is_refused_by_name() -> None:
    ring: list[Any] = [1.5]
    ring.append({"é": ring})
    knot: dict[str, Any] = {"a": 1}
    knot["b"] = [knot, knot]
    for value in (ring, knot, [knot], {"é": ring}):
        with pytest.raises(NotCanonical, match="deeper than 200, or holds itself; store it in flatter form"):
            canonical_bytes(value)


def test_a_value_of_more_than_64_mib_is_refused_by_name() -> None:
    assert canonical.LENGTH == 64 * 2**20
    assert len(canonical_bytes("x" * (canonical.LENGTH - 2))) == canonical.LENGTH
    with pytest.raises(NotCanonical, match="more than 67108864 bytes as JSON; store it elsewhere, and its digest here"):
        canonical_bytes("x" * (canonical.LENGTH - 1))


def test_what_is_too_long_is_refused_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "LENGTH", 1000)
    monkeypatch.setattr(rfc8785, "dumps", pytest.fail)
    many: Any = [1.5]
    for _ in range(100):
        many = [many, many]
    for value in (many, "x" * 1001, {"é": 1.5, "a": "x" * 1000}, {"é" * 1000: 1.5}, [1.5] * 1001):
        with pytest.raises(NotCanonical, match="more than 1000 bytes"):
            canonical_bytes(value)


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
        b"[" * 203 + b"]" * 203,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bytes_that_are_no_json_value_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical, match="no JSON value"):
        parse_json(data)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b'{"a":1,"b":2,"a":3}', "the key 'a' stands twice in one object; only one may stay"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' stands twice"),
        (b'["\\ud800"]', r"the text '\\ud800' holds a lone surrogate, which is no character; replace it"),
        (b'{"\\udfff":1}', r"the text '\\udfff' holds a lone surrogate"),
        (b"NaN", "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"1e999", "1e999 is no JSON number, or too large for one; it is to be text"),
        (b"9" * 5000, "9{32} is no JSON number, or too large"),
        (b"1 2", "more stands behind its end: ' 2'"),
        (b"", "Expecting value"),
        (b"\xef\xbb\xbf{}", "Expecting value: line 1 column 1"),
        (b"\xff", "'utf-8' codec can't decode byte 0xff"),
        (b"[" * 203 + b"]" * 203, "one is nested deeper than 202"),
        (b"[" * 5000, "one is nested deeper than 202"),
        ('{"a":1}', r"they are a str; give bytes: text.encode\(\)"),
        (None, "they are a NoneType; give bytes"),
        ([1], "they are a list; give bytes"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_not_read_is_named(data: Any, named: str) -> None:
    with pytest.raises(NotCanonical, match=f"^these bytes are no JSON value: .*{named}"):
        parse_json(data)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_read(kind: Callable[[bytes], bytes]) -> None:
    assert parse_json(kind(b' {"a":["\xc3\xa9",1.5]}\n')) == {"a": ["é", 1.5]}
    with pytest.raises(NotCanonical, match="lone surrogate"):
        parse_json(kind(b'"\\udead"'))


def test_what_an_entry_lays_around_a_value_is_read_with_it() -> None:
    for inner in (nested(200), nested(200, "é"), nested(200, 1.5)):
        value = canonical_bytes(inner)
        assert parse_json(b'{"arguments":{"case":%s},"text":"%s"}' % (value, b"[{" * 500))["arguments"]["case"] == inner
        with pytest.raises(NotCanonical, match="deeper than 202"):
            parse_json(b'{"a":{"arguments":{"case":%s}}}' % value)


def test_wide_values_are_not_taken_for_deep_ones() -> None:
    wide = {"rows": [{"tags": [["[[[", "{{{"], {"n": []}]} for _ in range(500)], "text": "[" * 500}
    assert parse_json(canonical_bytes(wide)) == wide


def test_that_the_caller_is_nested_too_deep_is_not_said_of_the_bytes() -> None:
    def read(left: int) -> Any:
        return read(left - 1) if left else parse_json(b"[[[[1]]]]")

    refused = 0
    for left in range(sys.getrecursionlimit()):
        try:
            assert read(left) == [[[[1]]]]
        except RecursionError:
            refused += 1
    assert refused


def test_the_bytes_of_more_values_than_any_store_holds_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert canonical.READ_LENGTH == 2**30
    monkeypatch.setattr(canonical, "READ_LENGTH", 10)
    assert parse_json(b"[1234567]\n") == [1234567]
    with pytest.raises(NotCanonical, match="no JSON value: there are more than 10 of them"):
        parse_json(b"[12345678]\n")


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
