"""Canonical JSON (RFC 8785): one byte string for one value, so that a hash means something.

The package `rfc8785` is the reference. Where a value is plain enough that orjson writes the same bytes (keys in
ASCII, no floats, integers within ±(2^53 - 1)), that faster encoder is used.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import orjson
import rfc8785

from abpo_sdk.errors import NotCanonical

LARGEST_INTEGER = 2**53 - 1
DEPTH = 200

_PLAIN = frozenset({str, bool, type(None), int})
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_SUBCLASS

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_as_text = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


def canonical_bytes(value: Any) -> bytes:
    r"""A JSON value as RFC 8785 bytes.

    Args:
        value: None, bool, int within ±(2^53 - 1), finite float, str, and lists, tuples and dicts of these;
            decimals and times travel as strings and are encoded before.

    Raises:
        NotCanonical: anything else: NaN, an infinity, a larger integer, a key that is no string, a lone
            surrogate, a nesting deeper than 200, a type that JSON does not have.

    >>> canonical_bytes({"b": 1, "a": ["€", 1.0]})
    b'{"a":["\xe2\x82\xac",1],"b":1}'
    """
    plain = plain_bytes(value)
    if plain is not None:
        return plain
    _check(value, DEPTH)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, ValueError, TypeError) as error:
        raise NotCanonical(f"a value has no canonical JSON form: {error}") from error


def plain_bytes(value: Any) -> bytes | None:
    """The RFC 8785 bytes of plain JSON, which comes back from them as it is; None for any other value.

    Plain are texts, truth values, None, integers within ±(2^53 - 1), and lists and dicts of these, with keys in
    ASCII; of these very types, since a subclass or a tuple would come back as something else.

    >>> plain_bytes({"n": 1}), plain_bytes({"n": 1.0}), plain_bytes((1,))
    (b'{"n":1}', None, None)
    """
    if not _plain(value, DEPTH):
        return None
    try:
        data = orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # a lone surrogate, a larger integer, a key that is no text
        return None
    return data if data.isascii() or _ascii_keys(value) else None


def _plain(value: Any, depth: int) -> bool:
    """Whether a value consists of what orjson writes as RFC 8785 says, or refuses, and is of the very types that come back."""
    kind = type(value)
    if kind is dict:
        items = value.values()
    elif kind is list:
        items = value
    else:
        return kind in _PLAIN
    if depth == 0:
        return False
    for item in items:  # noqa: SIM110  a generator takes half as long again
        if type(item) not in _PLAIN and not _plain(item, depth - 1):
            return False
    return True


def _ascii_keys(value: Any) -> bool:
    """Whether the order of the keys is the same by code points and by UTF-16 units."""
    if type(value) is dict:
        return all(map(str.isascii, value)) and all(map(_ascii_keys, value.values()))
    return type(value) is not list or all(map(_ascii_keys, value))


def _check(value: Any, depth: int) -> None:
    """Refuse by name what has no canonical form."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return
    if kind is int:
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            shown = value if value.bit_length() < 256 else "given"
            raise NotCanonical(f"the integer {shown} is beyond ±(2^53 - 1); store it as text")
    elif kind is float:
        if not math.isfinite(value):
            raise NotCanonical(f"{value} is no JSON number; store what it means instead")
    elif kind not in (dict, list, tuple):
        raise NotCanonical(f"{value!r} is a {kind.__name__}, which JSON does not have")
    elif depth == 0:
        raise NotCanonical(f"a value is nested deeper than {DEPTH}")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise NotCanonical(f"the key {key!r} is a {type(key).__name__}; JSON has text keys only")
            _check(item, depth - 1)
    else:
        for item in value:
            _check(item, depth - 1)


def parse_json(data: bytes) -> Any:
    """The value of JSON bytes (UTF-8).

    Raises:
        NotCanonical: no JSON, a key twice, NaN or an infinity, a lone surrogate, too deep.

    >>> parse_json(b'{"a":[1]}')
    {'a': [1]}
    """
    try:
        value = _decode(str(data, "utf-8"))
        if _SURROGATE.search(data):  # written as escapes, they may be a pair or stand alone
            _as_text(value).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise NotCanonical(f"these bytes are no JSON value: {error}") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _integer(text: str) -> int | float:
    """A whole number; beyond ±(2^53 - 1) it was a float when it was written, and becomes one again."""
    value = int(text)
    return value if -LARGEST_INTEGER <= value <= LARGEST_INTEGER else _float(text)


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number[:32]} is no JSON number, or too large for one")


_decode = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_float, parse_int=_integer
).decode
