"""What is true of canonical JSON whatever is written or read; and that each of these tests notices a fault.

A property takes the module, so that it can be asked of the module as it is and of one with a fault built in.
"""

from __future__ import annotations

import enum
import struct
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import event, given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import NotCanonical
from abpo_sdk.values import canonical
from abpo_sdk.values.equality import same

LARGEST = 2**53 - 1


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Size(enum.StrEnum):
    SMALL = "small"


class Rank(enum.IntEnum):
    FIRST = 1


def lists(depth: int, inner: Any = 1) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


def objects(depth: int, inner: Any = 1, key: str = "") -> Any:
    for _ in range(depth):
        inner = {key: inner}
    return inner


# values that are written in ways that encoders get wrong, of every kind

KEYS = [
    "",
    "a",
    "A",
    "b",
    "1",
    "10",
    "é",
    "\x00",
    "\x1f",
    "\x7f",
    "\x80",
    "\u2028",
    "\ufb33",
    "\uffff",
    "\U0001f600",
    '"',
    "\\",
    "/",
]
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    5e-324,
    1e-7,
    1e-6,
    1e20,
    1e21,
    1e22,
    1.7976931348623157e308,
    float(2**53),
    333333333.33333329,
    0.1 + 0.2,
]
INTEGERS = [0, -1, 10**14, 10**15, -(10**15), 10**15 - 1, LARGEST, -LARGEST, LARGEST - 1]
TEXTS = [*KEYS, "\b\t\n\f\r", "</script>", "A\u030a", "\\ud800", "𝄞" * 3, "x" * 600, '[{"' * 300]
PLAIN: list[Any] = [
    *TEXTS,
    *INTEGERS,
    None,
    True,
    False,
    [],
    {},
    {"b": 1, "a": 2, "B": [{"z": None, "y": True}]},
    {"a": ["é", "\U0001f600", {"n": "\ufb33"}]},
    lists(200),
    objects(200),
    lists(200, {}) [0],
    [lists(100)] * 50,
]  # fmt: skip
OTHERS: list[Any] = [
    *FLOATS,
    {"é": 1, "b": 2},
    dict.fromkeys(KEYS, 1),
    dict.fromkeys(reversed(KEYS), 1.5),
    {"a": [{"\ufb33": 1, "\U0001f600": 2}]},
    {"a": {"b": {"\U0001f600": 2, "\ufb33": 1}}},
    lists(200, 1.5),
    objects(200, "x", "é"),
    (1, ("a",)),
]
NO_FORM: list[Any] = [
    float("nan"), float("inf"), float("-inf"), 2**53, -(2**53), 2**63, 2**64, 10**5000,
    "\ud800", "a\udfffb", "\ude00\ud83d", {"\ud800": 1}, {"a": 1, "é\udc00": 1},
    {1: 1}, {None: 1}, {True: 1}, {1.5: 1}, {b"a": 1}, {Text("a"): 1}, {Size.SMALL: 1},
    Text("a"), Number(1), Size.SMALL, Rank.FIRST, b"a", {1}, object(), 1j,
    lists(201), objects(201), lists(201, 1.5), objects(201, 1, "é"), objects(201, 1.5), lists(100_000),
]  # fmt: skip
NO_JSON = [
    b"", b" ", b"{", b"[1,]", b"1 2", b"[] x", b"[1] ]", b"nul", b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"-1e999",
    b"1" + b"0" * 400, b"9" * 5000, b"-" + b"9" * 5000, b"01", b"-01", b"+1", b".5", b"1.", b"0x1", b"1_0", b"\xd9\xa1",
    b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'[{"a":{"b":1,"c":0,"b":2}}]', b'{"\\u00e9":1,"\xc3\xa9":1}', b"{1:1}",
    b'"\\ud800"', b'"\\udfff"', b'{"\\uDFFF":1}', b'"\\ude00\\ud83d"', b'["\\\\ud800","\\udead"]', b'"\xed\xa0\x80"',
    b'"\xff"', b'"\xc0\x80"', b"\xef\xbb\xbf1", b"\xfe\xff\x001", b"1\x00", b"\x00", b'"\x00"', b'"\n"', b"'a'", b'"\\x41"',
    b"[" * 203 + b"]" * 203, b'{"":' * 202 + b"{}" + b"}" * 202, b'{"":[' * 101 + b"{}" + b"]}" * 101,
    b"[" + b"[]," * 300 + b"[" * 202 + b"]" * 202 + b"]", b"[" + b'{"a":[]},' * 300 + b'{"":' * 202 + b"1" + b"}" * 202 + b"]",
    b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000,
]  # fmt: skip


# properties


def is_written_as_the_reference_writes_it(module: Any, value: Any) -> None:
    assert module.canonical_bytes(value) == rfc8785.dumps(value)


def is_plain_only_where_it_is_written_and_comes_back_the_same(module: Any, value: Any) -> None:
    data = module.plain_bytes(value)
    if data is not None:
        assert data == rfc8785.dumps(value)
        assert same(value, module.parse_json(data))


def is_read_and_written_again_to_the_same_bytes(module: Any, value: Any) -> None:
    data = module.canonical_bytes(value)
    back = module.parse_json(data)
    assert module.canonical_bytes(back) == data
    assert back == as_lists(value)
    for white in (b"\n ", b"\t\r"):
        assert same(module.parse_json(white + data + white), back)
    if type(value) is int:
        assert type(back) is int


def is_refused(module: Any, value: Any) -> None:
    for around in (lambda v: v, lambda v: [1.5, v], lambda v: {"é": v}, lambda v: {"a": [v], "ü": 1}):
        with pytest.raises(NotCanonical):
            module.canonical_bytes(around(value))
        assert module.plain_bytes(around(value)) is None


def is_not_read(module: Any, data: bytes) -> None:
    with pytest.raises(NotCanonical, match="no JSON value"):
        module.parse_json(data)


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def keeps_to_its_limits_of_length(module: Any) -> None:
    module.LENGTH, module.READ_LENGTH = 64, 80
    value: Any
    for value in ("x" * 62, ["é" * 30], ["é" * 28, 1.5], {"é" * 14: "x" * 29}):
        assert len(module.canonical_bytes(value)) in {62, 63, 64}
    for value in ("x" * 63, "é" * 32, ["é" * 30, 1.5], {"é" * 14: "x" * 30, "b": 1}, [1.5] * 17, ["x" * 70, 1.5]):
        assert module.plain_bytes(value) is None
        with pytest.raises(NotCanonical, match="more than 64 bytes"):
            module.canonical_bytes(value)
    assert module.parse_json(b" " * 79 + b"1") == 1
    is_not_read(module, b" " * 80 + b"1")


VALUES = (
    is_written_as_the_reference_writes_it,
    is_plain_only_where_it_is_written_and_comes_back_the_same,
    is_read_and_written_again_to_the_same_bytes,
)


def examine(module: Any) -> None:
    """Ask everything of a module."""
    for value in [*PLAIN, *OTHERS]:
        for holds in VALUES:
            holds(module, value)
    for value in PLAIN:
        assert module.plain_bytes(value) is not None
    for value in NO_FORM:
        is_refused(module, value)
    for data in NO_JSON:
        is_not_read(module, data)
    assert module.parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert type(module.parse_json(b"9007199254740993")) is type(module.parse_json(b"12345678901234567")) is float
    for deep in (lists(202), objects(202)):
        assert module.parse_json(rfc8785.dumps(deep)) == deep
    keeps_to_its_limits_of_length(module)


def module_with(*replaced: tuple[str, str]) -> Any:
    source = Path(canonical.__file__).read_text(encoding="utf-8")
    for fragment, instead in replaced:
        assert source.count(fragment) == 1, f"{fragment!r} stands there {source.count(fragment)} times"
        source = source.replace(fragment, instead)
    module = types.ModuleType("mutant")
    exec(compile(source, "mutant", "exec"), module.__dict__)
    return module


# of the module as it is


def test_every_example_is_as_it_should_be() -> None:
    examine(module_with())


@pytest.mark.parametrize("holds", VALUES)
def test_the_examples_take_both_paths(holds: Callable[[Any, Any], None]) -> None:
    for value in PLAIN:
        assert canonical.plain_bytes(value) is not None
        holds(canonical, value)
    for value in OTHERS:
        assert canonical.plain_bytes(value) is None
        holds(canonical, value)


def from_bits(bits: int) -> float:
    number: float = struct.unpack(">d", bits.to_bytes(8, "big"))[0]
    return number


floats = st.sampled_from(FLOATS) | st.integers(0, 2**64 - 1).map(from_bits).filter(lambda x: x - x == 0)
integers = st.sampled_from(INTEGERS) | st.integers(-LARGEST, LARGEST) | st.integers(-20, 0).map(lambda n: LARGEST + n)
characters = st.sampled_from("".join(TEXTS[:18])) | st.characters(exclude_categories=["Cs"])
texts = st.sampled_from(TEXTS) | st.text(characters, max_size=6)
plain_scalars = st.none() | st.booleans() | integers | texts
ascii_keys = st.text(st.characters(max_codepoint=127), max_size=3)
keys = st.sampled_from(KEYS) | st.text(characters, max_size=3)


def trees(scalars: st.SearchStrategy[Any], names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
        max_leaves=12,
    )


@pytest.mark.parametrize("holds", VALUES)
@given(value=trees(plain_scalars, ascii_keys) | trees(plain_scalars | floats, keys))
@settings(max_examples=300, deadline=None)
def test_it_holds_of_any_value(holds: Callable[[Any, Any], None], value: Any) -> None:
    event("fast" if canonical.plain_bytes(value) is not None else "reference")
    holds(canonical, value)


@given(floats)
@settings(max_examples=1000, deadline=None)
def test_a_double_of_any_bits_comes_back_equal_and_is_written_the_same(number: float) -> None:
    is_written_as_the_reference_writes_it(canonical, number)
    is_read_and_written_again_to_the_same_bytes(canonical, [number])


@given(st.recursive(integers | floats | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=5), st.data())
@settings(max_examples=300, deadline=None)
def test_bytes_with_one_changed_are_read_to_what_can_be_written_or_are_refused(value: Any, data: st.DataObject) -> None:
    written = bytearray(canonical.canonical_bytes(value))
    written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    try:
        back = canonical.parse_json(bytes(written))
    except NotCanonical:
        return
    is_read_and_written_again_to_the_same_bytes(canonical, back)


# of modules with a fault

MUTANTS: dict[str, tuple[str, str]] = {
    "keys are not sorted": ("orjson.OPT_SORT_KEYS | ", ""),
    "larger integers are written by orjson": ("orjson.OPT_STRICT_INTEGER | ", ""),
    "floats are written by orjson": ("type(None), int})", "type(None), int, float})"),
    "tuples are written by orjson": ("    elif kind is list:\n        items = value\n    else:\n        return kind in _PLAIN", "    elif kind is list or kind is tuple:\n        items = value\n    else:\n        return kind in _PLAIN"),
    "keys in the order of code points": ("(data.isascii() or _ascii_keys(value))", "True"),
    "inner keys in the order of code points": ("if type(item) in _HOLDERS and not _ascii_keys(item)", "if False"),
    "a fast path that is never taken": ("    if plain is not None:", "    if False:"),
    "any depth is plain": ("    if depth == 0:\n        return False", "    if depth == -1:\n        return False"),
    "any depth has a form": ("    elif depth == 0:\n", "    elif depth == -1:\n"),
    "one integer too many": ("LARGEST_INTEGER = 2**53 - 1", "LARGEST_INTEGER = 2**53"),
    "a subclass has a form": ("    elif kind not in (dict, list, tuple):", "    elif not isinstance(value, (dict, list, tuple, str, int)):"),
    "a subclass of text as a key": ("if type(key) is not str", "if not isinstance(key, str)"),
    "plain bytes of any length": ("len(data) <= LENGTH and ", ""),
    "bytes of any length": ("    if len(data) > LENGTH:", "    if False:"),
    "any length is read": ("    if len(data) > READ_LENGTH:", "    if False:"),
    "deeper lists are read": ("(_OPENS_LIST in data or len(data) > _DEEP_OBJECTS)", "len(data) > _DEEP_OBJECTS"),
    "deeper objects are read": ("_DEEP_OBJECTS = 5 *", "_DEEP_OBJECTS = 6 *"),
    "one level more is read": ("READ_DEPTH = DEPTH + 2", "READ_DEPTH = DEPTH + 3"),
    "one level less is read": ("READ_DEPTH = DEPTH + 2", "READ_DEPTH = DEPTH + 1"),
    "depth among many is not seen": ("holders -= len(level)", "holders -= 2 * len(level)"),
    "a key twice": ("if len(result) < len(pairs)", "if False"),
    "an infinity is read": ("return value if math.isfinite(value) else _refuse(text)", "return value"),
    "NaN is read": ("parse_constant=_refuse, ", ""),
    "a large float comes back as an integer": ("if len(text) < 16", "if len(text) < 18"),
    "the smallest integer comes back as a float": ("if len(text) > 17", "if len(text) > 16"),
    "low surrogates alone": ("[89a-fA-F]", "[89abAB]"),
    "no surrogates are looked for": ("        if _SURROGATE.search(data):", "        if False:"),
    "what stands behind is not seen": ("and text[end:].strip(_WHITE)", "and False"),
    "white space before is not read": ("            text = text.strip(_WHITE)", "            pass"),
    "more is white space than JSON says": ('_WHITE = " \\t\\n\\r"', '_WHITE = " \\t\\n\\r\\x00"'),
    "bytes that are no UTF-8": ('text = str(data, "utf-8")', 'text = str(data, "utf-8", "replace")'),
    "a mark before": ('text = str(data, "utf-8")', 'text = str(data, "utf-8-sig")'),
}  # fmt: skip

EQUIVALENT = {"a fast path that is never taken"}  # slower, and no other bytes: so the fast path is only faster


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in EQUIVALENT])
def test_a_fault_is_noticed(name: str) -> None:
    mutant = module_with(MUTANTS[name])
    with pytest.raises((AssertionError, pytest.fail.Exception, NotCanonical, ValueError, TypeError, RecursionError)):
        examine(mutant)


@pytest.mark.parametrize("name", EQUIVALENT)
def test_the_fast_path_makes_no_difference_to_the_bytes(name: str) -> None:
    examine(module_with(MUTANTS[name]))
