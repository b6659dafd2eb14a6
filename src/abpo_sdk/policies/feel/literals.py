"""Literals of FEEL as values: numbers, texts, dates, times and durations.

Source: DMN 1.5, 10.3.1.2 (grammar) and 10.3.4.1 (dates, times and durations as texts).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

DIGITS, HIGHEST, LOWEST = 34, 6144, -6143
"""The digits of a number, and its exponents (decimal128, as DMN 1.5, 10.3.2 has it)."""

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|.|$)", re.DOTALL)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"(?P<clock>\d{2}:\d{2}:\d{2})(?:\.(?P<part>\d+))?(?P<zone>Z|[+-]\d{2}:\d{2}|@[A-Za-z0-9_+/-]+)?", re.ASCII
)
_DAYS = re.compile(
    r"(?P<sign>-?)P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?", re.ASCII
)
_MONTHS = re.compile(r"-?P(?:\d+Y)?(?:\d+M)?", re.ASCII)


def number_of(text: str) -> Decimal:
    """A number.

    Raises:
        ValueError: it is not one that DMN can hold.

    >>> number_of(".5"), number_of("1e3")
    (Decimal('0.5'), Decimal('1E+3'))
    """
    mantissa, _, exponent = text.lower().partition("e")
    digits = len(mantissa.replace(".", "").lstrip("0"))
    if digits > DIGITS:
        raise ValueError(f"the number {_short(text)} has {digits} digits, and numbers in DMN have at most {DIGITS}")
    if len(exponent) > 6 or not LOWEST <= (value := Decimal(text)).adjusted() <= HIGHEST:
        raise ValueError(f"the number {_short(text)} is too large or too small for DMN")
    return value


def text_of(raw: str) -> str:
    r"""The text that stands between quotes, its escapes resolved.

    Raises:
        ValueError: an escape that FEEL does not have, or half of a pair of surrogates.

    >>> text_of(r"Gr\u00fc\u00dfe \"A\"")
    'Grüße "A"'
    """

    def resolved(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[:1] in ("u", "U") and len(escape) > 1:
            code = int(escape[1:], 16)
            if code > 0x10FFFF:
                raise ValueError(f"the escape \\{escape} names no character")
            return chr(code)
        if escape not in ESCAPES:
            raise ValueError(f"the escape \\{escape} is not known; a backslash itself is written \\\\")
        return ESCAPES[escape]

    text = _ESCAPE.sub(resolved, raw)
    try:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("a text holds half of a character (a surrogate without its other)") from None
    if "\0" in text:
        raise ValueError("a text holds the character NUL, which XML cannot carry")
    return text


def moment_of(text: str) -> dt.date | dt.datetime | dt.timedelta:
    """What `@"..."` stands for: a date, a date with a time and zone, or a duration of days and time.

    Raises:
        ValueError: it is neither, or one that is not supported.

    >>> moment_of("2026-01-31"), moment_of("PT36H")
    (datetime.date(2026, 1, 31), datetime.timedelta(days=1, seconds=43200))
    """
    if "P" in text[:2]:
        return duration_of(text)
    return time_of(text) if "T" in text or ":" in text else date_of(text)


def date_of(text: str) -> dt.date:
    """A date.

    Raises:
        ValueError: it is none of the calendar from year 1 to 9999.
    """
    if not _DATE.fullmatch(text):
        raise ValueError(f"{_short(text)} is no date, such as 2026-01-31")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text} is no date: {error}") from None


def time_of(text: str) -> dt.datetime:
    """A date with a time and a zone.

    Raises:
        ValueError: it is none, or has no zone.
    """
    day, _, clock = text.partition("T")
    match = _TIME.fullmatch(clock)
    if not match:
        if _TIME.fullmatch(text):
            raise ValueError(f"{text} is a time of day without a date, which is not supported")
        raise ValueError(f"{_short(text)} is no date and time, such as 2026-01-31T09:30:00Z")
    if match["zone"] is None:
        raise ValueError(f"{text} is a time without a zone, which is not supported; write it such as {text}Z")
    try:
        moment = dt.datetime.combine(date_of(day), dt.time.fromisoformat(match["clock"]))
        moment = moment.replace(microsecond=_microseconds(match["part"] or "", text))
        return moment.replace(tzinfo=_zone(match["zone"]))
    except ValueError as error:
        raise ValueError(f"{text} is no date and time: {error}") from None


def duration_of(text: str) -> dt.timedelta:
    """A duration of days and time.

    Raises:
        ValueError: it is none, or one of years and months.
    """
    match = _DAYS.fullmatch(text)
    if not match or text[-1] in "PT":
        if _MONTHS.fullmatch(text) and text[-1] != "P":
            raise ValueError(
                f"{text} is a duration of years and months, which is not supported; only days and time are"
            )
        raise ValueError(f"{_short(text)} is no duration, such as P2DT12H")
    whole, _, part = (match["s"] or "0").partition(".")
    try:
        duration = dt.timedelta(
            days=int(match["d"] or 0),
            hours=int(match["h"] or 0),
            minutes=int(match["m"] or 0),
            seconds=int(whole),
            microseconds=_microseconds(part, text),
        )
        return -duration if match["sign"] else duration
    except OverflowError:
        raise ValueError(f"the duration {_short(text)} is too long") from None


def _microseconds(part: str, text: str) -> int:
    if len(part.rstrip("0")) > 6:
        raise ValueError(f"{_short(text)} is finer than microseconds")
    return int(part[:6].ljust(6, "0")) if part else 0


def _zone(text: str) -> dt.tzinfo:
    if text == "Z":
        return dt.UTC
    if text[0] == "@":
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(text[1:])
        except (KeyError, ValueError, OSError):
            raise ValueError(f"the zone {text[1:]} is not known") from None
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError(f"there is no zone {text}")
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-offset if text[0] == "-" else offset)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"
