"""What conditions mean, as JSON: the same for what holds of the same cases, and reads them alike, however it is written."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from abpo_sdk.conditions.kinds import exact
from abpo_sdk.values.money import Money

Structure = dict[str, Any]

ALWAYS: Structure = {"op": "always"}
NEVER: Structure = {"op": "never"}

TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
"""How a comparison reads from its other side."""


NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
"""What holds where a comparison does not."""


def constant(value: object) -> Structure:
    """A constant that is compared: equal values have one meaning, whatever their type.

    >>> constant(2) == constant(Decimal("2.0")) == constant(2.0), constant("2") == constant(2)
    (True, False)
    """
    if isinstance(value, enum.Enum):
        return {"constant": exact(value), "sort": "choice"}
    if isinstance(value, bool):
        return {"constant": exact(value), "sort": "truth"}
    if isinstance(value, (int, Decimal, float)):
        return {"constant": _number(value), "sort": "number"}
    if isinstance(value, Money):
        return {"constant": _number(value.amount), "sort": value.currency}
    if isinstance(value, dt.datetime):
        return {"constant": instant(value).isoformat(), "sort": "time"}
    return {"constant": exact(value), "sort": "text" if isinstance(value, str) else type(value).__name__}


def instant(value: Any) -> Any:
    """A time in UTC, where two are in order also in the hour that a zone repeats (PEP 495)."""
    if value.tzinfo is dt.UTC:
        return value
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:  # within a day of the first or the last time that there is
        return value


def comparison(left: Structure, operator: str, right: Structure) -> Structure:
    """A comparison, a constant on its right."""
    if "sort" in left and "sort" not in right:
        left, operator, right = right, TURNED[operator], left
    return {"op": operator, "left": left, "right": right}


def negation(part: Structure) -> Structure:
    """What holds where a leaf does not."""
    return {**part, "op": NEGATED[part["op"]]} if part.get("op") in NEGATED else {"op": "not", "part": part}


def membership(item: Structure, among: Iterable[Any]) -> Structure:
    """Whether something is one of some constants, each once and in one order; of one constant, an equality."""
    constants = {tuple(part.items()): part for part in map(constant, among)}
    if len(constants) == 1:
        return comparison(item, "==", constants.popitem()[1])
    return {"op": "in", "item": item, "among": [constants[key] for key in sorted(constants)]}


def combination(operator: str, parts: Iterable[Structure]) -> Structure:
    """What `&` or `|` combines, in the order in which it is read: `(a & b) & c` is `a & (b & c)`.

    What leaves every answer to the others is left out, and so is what comes after a part that settles the answer.
    """
    idle, settling = (ALWAYS, NEVER) if operator == "and" else (NEVER, ALWAYS)
    row: list[Structure] = []
    for part in parts:
        for each in part["parts"] if part.get("op") == operator else [part]:
            if each == idle:
                continue
            row.append(each)
            if each == settling:
                return row[0] if len(row) == 1 else {"op": operator, "parts": row}
    if len(row) < 2:
        return row[0] if row else idle
    return {"op": operator, "parts": row}


def gone_through(operator: str, items: object, of: Structure, body: Structure | None) -> Structure:
    """What is asked of the items of a list; an item is named by how many such questions are inside this one, not by its name."""
    level = 1 + _levels(body)
    return {"op": operator, "of": of, "level": level, "where": _named(body, items, level)}


def _levels(tree: Any) -> int:
    """The highest level of a question about items in a structure; 0 where there is none."""
    if isinstance(tree, dict):
        own: int = tree.get("level", 0)
        return max([own, *map(_levels, tree.values())])
    return max(map(_levels, tree), default=0) if isinstance(tree, list) else 0


def _named(tree: Any, items: object, level: int) -> Any:
    if isinstance(tree, dict):
        return {key: level if part is items else _named(part, items, level) for key, part in tree.items()}
    return [_named(part, items, level) for part in tree] if isinstance(tree, list) else tree


def _number(value: int | float | Decimal) -> str:
    if isinstance(value, float):
        if Decimal(repr(value)) != Decimal(value):
            return f"float {value!r}"
        value = Decimal(repr(value))
    sign, figures, exponent = Decimal(value).as_tuple()
    written = "".join(map(str, figures)).rstrip("0")
    if not written:
        return "0"
    shift = int(exponent) + len(figures) - len(written)
    return f"{'-' if sign else ''}{written}" + (f"E{shift}" if shift else "")
