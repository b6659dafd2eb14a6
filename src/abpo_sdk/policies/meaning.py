"""What the values in a table mean, as JSON: the same for equal values, however they are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from abpo_sdk.conditions.kinds import exact
from abpo_sdk.policies.rules import Value, plain

SORTS = (str, bool, float, dt.datetime, dt.date, dt.timedelta)
"""The types of values by which equal ones are told apart; a descendant of one, such as a float of numpy's, is none of its own."""


def hashed(values: Sequence[Value]) -> list[list[str]]:
    """Values as JSON that is the same for the same values alone: of which sort each is, and what it amounts to.

    >>> hashed([2]) == hashed([Decimal("2.00")]), hashed([1]) == hashed([True])
    (True, False)
    """
    return [_hashed(value) for value in values]


def _hashed(value: Value) -> list[str]:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return ["number", f"{plain(Decimal(value)):f}"]
    sort = next((sort for sort in SORTS if isinstance(value, sort)), type(value))
    return [sort.__name__, exact(value + 0.0 if isinstance(value, float) else value)]
