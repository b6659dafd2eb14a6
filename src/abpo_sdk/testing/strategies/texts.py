"""Texts for made cases: what people type, what programs trip over, and what a pattern asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from pydantic_core import SchemaValidator

from abpo_sdk.errors import DefinitionError

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
"""Every character but lone surrogates, which JSON cannot hold, and the null character, which Postgres cannot."""

TYPED = (
    "",
    "A",
    "ACME Ltd",
    "Müller & Söhne GmbH",
    "O'Brien",
    "DE136695976",
    "0",
    "0042",
    "1,000.00",
    " ",
    " padded ",
    "two\nlines",
    "null",
    "=1+1",
    "<b>",
    "e\u0301",  # an accent of its own
    "ﬁ",
    "שלום",
    "🧾",
    "x" * 300,
)
ADDRESSES = (
    "https://example.org/",
    "http://example.org/invoices/7?copy=1",
    "https://user@example.org:8443/a%20b",
    "ftp://example.org/orders.csv",
    "mailto:ap@example.org",
    "file://files.example.org/orders/7.pdf",
)


def texts(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[str]:
    """Texts that a schema takes."""
    takes = SchemaValidator(dict(schema)).isinstance_python
    pattern = schema.get("pattern")
    named = [value for value in (*TYPED, *near) if isinstance(value, str) and _storable(value) and takes(value)]
    if pattern is None:
        least, most = schema.get("min_length") or 0, schema.get("max_length")
        made = st.text(CHARACTERS, min_size=least, max_size=most)
        if any(schema.get(name) for name in ("strip_whitespace", "to_lower", "to_upper", "ascii_only")):
            made = made.filter(takes)
    else:
        made = _matching(pattern, where).filter(takes)
    return st.one_of(st.sampled_from(named), made) if named else made


def binary(schema: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """Bytes that a schema takes; those of texts, since pydantic writes bytes as text."""
    takes = SchemaValidator(dict(schema)).isinstance_python
    least, most = schema.get("min_length") or 0, schema.get("max_length")
    plain = st.characters(min_codepoint=32, max_codepoint=126)
    return st.text(plain, min_size=least, max_size=most).map(str.encode).filter(takes)


def addresses(schema: Mapping[str, Any], where: str) -> st.SearchStrategy[str]:
    """URLs that a schema takes.

    Raises:
        DefinitionError: it takes none of the usual ones.
    """
    takes = SchemaValidator(dict(schema)).isinstance_python
    fitting = [address for address in ADDRESSES if takes(address)]
    if not fitting:
        raise DefinitionError(f"{where}: no usual URL fits its limits; give some, as a strategy of Hypothesis")
    return st.sampled_from(fitting)


def _matching(pattern: str | re.Pattern[str], where: str) -> st.SearchStrategy[str]:
    if isinstance(pattern, str) and re.search(r"(?<!\\)(\\\\)*\$$", pattern):
        pattern = (
            rf"{pattern[:-1]}\Z"  # for Python, `$` is also before a last newline; for pydantic's own engine it is not
        )
    try:
        made = st.from_regex(pattern, alphabet=CHARACTERS)
        made.validate()
    except (re.error, InvalidArgument) as error:
        raise DefinitionError(
            f"{where}: Python cannot read its pattern {pattern!r} ({error}); give texts that match it, as a strategy of Hypothesis"
        ) from error
    return made


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
