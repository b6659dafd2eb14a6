"""Canonical JSON (RFC 8785): one byte string for one value, so that a hash means something.

The package `rfc8785` is the reference. Where a value is plain enough that orjson writes the same bytes (keys in
ASCII, no floats, integers within ±(2^53 - 1)), that faster encoder is used.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn
from uuid import UUID

import orjson
import rfc8785

from abpo_sdk.errors import NotCanonical

LARGEST_INTEGER = 2**53 - 1
DEPTH = 200
"""How many lists and objects may lie in one another in a value that is written."""
LENGTH = 64 * 2**20
"""How many bytes a value may take that is written."""
READ_DEPTH = DEPTH + 2
"""The same where one is read: an entry lays what was written into two objects of its own (`arguments`, and a name)."""
READ_LENGTH = 2**30
"""The same where one is read: an entry joins several values; no store holds more in one column."""

_PLAIN = frozenset({str, bool, type(None), int})
_HOLDERS = frozenset({dict, list})
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_SUBCLASS

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# fewer bytes than these are nested no deeper than is read: an empty list takes two, and an object around another five
_DEEP_LISTS = 2 * READ_DEPTH
_DEEP_OBJECTS = 5 * READ_DEPTH
_OPENS_LIST = ord("[")
_WHITE = " \t\n\r"

# what to do with a value of a type that JSON does not have; the first that fits
_ADVICE: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (Enum, "store its .value"),
    ((Decimal, UUID, str), "store it as text: str(value)"),
    ((date, time), "store it as text: value.isoformat()"),
    (timedelta, "store its seconds: value.total_seconds()"),
    ((bytes, bytearray, memoryview), "store it as text: value.hex()"),
    ((set, frozenset), "store it as a list in a fixed order: sorted(value)"),
    (int, "store int(value)"),
    (float, "store float(value)"),
    ((list, tuple), "store list(value)"),
    (dict, "store dict(value)"),
    (object, "store what it consists of, as texts, numbers, lists and dicts"),
)

_dumps = orjson.dumps
_as_text = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


def canonical_bytes(value: Any) -> bytes:
    r"""A JSON value as RFC 8785 bytes.

    Args:
        value: None, bool, int within ±(2^53 - 1), finite float, str, and lists, tuples and dicts of these, of
            these very types; decimals and times travel as strings and are encoded before. -0.0 is written as 0.

    Raises:
        NotCanonical: anything else: NaN, an infinity, a larger integer, a key that is no string, a lone
            surrogate, a nesting deeper than 200 (so also a value that holds itself), a type that JSON does not
            have or a subclass, more than 64 MiB.

    >>> canonical_bytes({"b": 1, "a": ["€", 1.0]})
    b'{"a":["\xe2\x82\xac",1],"b":1}'
    """
    plain = plain_bytes(value)
    if plain is not None:
        return plain
    if _check(value, DEPTH, LENGTH) < 0:
        raise _too_long(LENGTH)
    try:
        data = rfc8785.dumps(value)
    except ValueError as error:
        raise NotCanonical(f"a value has no canonical JSON form: {_lone_surrogate(value) or error}") from error
    if len(data) > LENGTH:
        raise _too_long(LENGTH)
    return data


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
        data = _dumps(value, None, _OPTIONS)
    except TypeError:  # a lone surrogate, a larger integer, a key that is no text
        return None
    return data if len(data) <= LENGTH and (data.isascii() or _ascii_keys(value)) else None


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
    kind = type(value)
    if kind is dict:
        if not all(map(str.isascii, value)):
            return False
        items = value.values()
    elif kind is list:
        items = value
    else:
        return True
    for item in items:  # noqa: SIM110  as above
        if type(item) in _HOLDERS and not _ascii_keys(item):
            return False
    return True


def _check(value: Any, depth: int, room: int) -> int:
    """Refuse by name what has no canonical form; give back how many of so many bytes are left, at most."""
    kind = type(value)
    if kind is str:
        return room - len(value)
    if value is None or kind is bool:
        return room
    if kind is int:
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            bits = value.bit_length()
            shown = f"the integer {value}" if bits < 256 else f"an integer of {bits} bits"
            raise NotCanonical(f"{shown} is beyond ±(2^53 - 1); store it as text")
    elif kind is float:
        if not math.isfinite(value):
            raise NotCanonical(f"{value} is no JSON number; store what it means instead")
    elif kind not in (dict, list, tuple):
        raise NotCanonical(f"{_shown(value)} is a {kind.__name__}, which JSON does not have; {_advice(value)}")
    elif depth == 0:
        raise _too_deep(DEPTH)
    else:
        room -= len(value)
        if kind is dict:
            for key, item in value.items():
                if type(key) is not str:
                    raise NotCanonical(
                        f"the key {_shown(key)} is a {type(key).__name__}; JSON has text keys only; "
                        "write str(key), or its .value where it is an Enum"
                    )
                room = _check(item, depth - 1, room - len(key))
        else:
            for item in value:
                room = _check(item, depth - 1, room)
        if room < 0:
            raise _too_long(LENGTH)
    return room


def _advice(value: Any) -> str:
    """What to do with a value of a type that JSON does not have."""
    return next(advice for kinds, advice in _ADVICE if isinstance(value, kinds))


def _shown(value: Any) -> str:
    """A value for a message: short, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  a repr of the user's may raise anything
        return "a value"
    return text if len(text) <= 100 else f"{text[:100]}…"


def _lone_surrogate(value: Any) -> str | None:
    """Names the first text in a value that holds a lone surrogate."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"the text {_shown(value)} holds a lone surrogate, which is no character; replace it"
        return None
    if isinstance(value, dict):
        return next(filter(None, map(_lone_surrogate, (*value, *value.values()))), None)
    return next(filter(None, map(_lone_surrogate, value)), None) if isinstance(value, (list, tuple)) else None


def _too_deep(depth: int) -> NotCanonical:
    return NotCanonical(f"a value is nested deeper than {depth}, or holds itself; store it in flatter form")


def _too_long(length: int) -> NotCanonical:
    return NotCanonical(f"a value takes more than {length} bytes as JSON; store it elsewhere, and its digest here")


def parse_json(data: bytes) -> Any:
    """The value of JSON bytes (UTF-8, without a byte order mark).

    A whole number beyond ±(2^53 - 1) is read as a float, which it was when it was written: the canonical bytes of
    what was read from canonical bytes are the same.

    Args:
        data: bytes, or a bytearray or memoryview. Two nestings more are read than `canonical_bytes` writes, and
            up to 1 GiB, since an entry of the ledger holds several values that were written one by one.

    Raises:
        NotCanonical: no JSON, a key twice in an object, NaN or an infinity, a lone surrogate, too deep, too long,
            a text.

    >>> parse_json(b'{"a":[1]}')
    {'a': [1]}
    """
    if type(data) is not bytes:
        data = _as_bytes(data)
    if len(data) > READ_LENGTH:
        raise NotCanonical(f"these bytes are no JSON value: there are more than {READ_LENGTH} of them")
    try:
        text = str(data, "utf-8")
        if text[:1] in _WHITE:
            text = text.strip(_WHITE)
        value, end = _decode(text)
        if end < len(text) and text[end:].strip(_WHITE):
            raise ValueError(f"more stands behind its end: {_shown(text[end : end + 32])}")  # noqa: TRY301
        if _SURROGATE.search(data):  # written as escapes, they may be a pair or stand alone
            _as_text(value).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"these bytes are no JSON value: {_lone_surrogate(value) or error}") from error
    except ValueError as error:
        raise NotCanonical(f"these bytes are no JSON value: {error}") from error
    except RecursionError:
        if _brackets(data) <= READ_DEPTH:
            raise  # whoever calls is nested too deep, not what is read
        raise _unreadably_deep() from None
    if (
        len(data) > _DEEP_LISTS
        and (_OPENS_LIST in data or len(data) > _DEEP_OBJECTS)
        and _too_deep_to_read(value, _brackets(data))
    ):
        raise _unreadably_deep()
    return value


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise NotCanonical(f"these bytes are no JSON value: they are a {type(data).__name__}; give bytes: text.encode()")


def _brackets(data: bytes) -> int:
    """How many lists and objects there are at most; brackets in texts are counted too."""
    return data.count(b"[") + data.count(b"{")


def _too_deep_to_read(value: Any, holders: int) -> bool:
    """Whether a value that was read, of so many lists and objects at most, is nested too deep."""
    level: list[Any] = [[value]]
    for depth in range(READ_DEPTH + 1):
        if depth + holders <= READ_DEPTH:  # even if all that are left lay in one another
            return False
        level = [
            item
            for holder in level
            for item in (holder.values() if type(holder) is dict else holder)
            if type(item) in _HOLDERS
        ]
        if not level:
            return False
        holders -= len(level)
    return True


def _unreadably_deep() -> NotCanonical:
    return NotCanonical(f"these bytes are no JSON value: one is nested deeper than {READ_DEPTH}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {_shown(twice)} stands twice in one object; only one may stay")
    return result


def _integer(text: str) -> int | float:
    """A whole number; beyond ±(2^53 - 1) it was a float when it was written, and becomes one again."""
    if len(text) < 16:
        return int(text)
    if len(text) > 17:
        return _float(text)
    value = int(text)
    return value if -LARGEST_INTEGER <= value <= LARGEST_INTEGER else _float(text)


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number[:32]} is no JSON number, or too large for one; it is to be text")


_decode = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_float, parse_int=_integer
).raw_decode
