"""Numbers for made cases: on a grid, within their limits, and often at an edge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError
from abpo_sdk.values.canonical import LARGEST_INTEGER
from abpo_sdk.values.money import Money

CENTS = 2
"""How many decimal places an amount has where its model does not say."""
FINEST = 12
"""How many it may have at most where limits that lie close together need more."""
LARGEST_AMOUNT = 10**17
"""How many units of the last place an amount has at most where its model does not say."""
USUAL = 100_000
"""Up to how far from zero most numbers lie."""


def integers(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[int]:
    """Whole numbers that a schema takes and JSON has exactly."""
    unit = int(schema.get("multiple_of") or 1)
    grid = _Grid(schema, Fraction(unit), LARGEST_INTEGER // unit, where)
    return grid.counts(near).map(lambda count: count * unit)


def decimals(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[Decimal]:
    """Finite decimals that a schema takes: in cents where it does not say otherwise."""
    unit, places = _grid(schema)
    digits = schema.get("max_digits")
    limit = LARGEST_AMOUNT if digits is None else 10**digits - 1
    free = digits is None and "decimal_places" not in schema and "multiple_of" not in schema
    while free and places < FINEST and not _Grid.range(schema, Fraction(unit, 10**places), limit):
        places += 1
    grid = _Grid(schema, Fraction(unit, 10**places), limit // unit, where)

    def written(count: int, short: bool) -> Decimal:  # noqa: FBT001  it is drawn
        units = count * unit
        if short and units % 10**places == 0:  # 100 is the same as 100.00, and written otherwise
            return _decimal(units // 10**places, 0)
        return _decimal(units, places)

    return st.builds(written, grid.counts(near), st.booleans())


def moneys(near: Iterable[Any]) -> st.SearchStrategy[Money]:
    """Money: of the currencies that conditions name, else of euro, yen or dinar, which have 2, 0 and 3 decimals."""
    named = [value for value in near if isinstance(value, Money)]
    currencies = {money.currency: money.decimals for money in named} or {"EUR": 2, "JPY": 0, "KWD": 3}

    def of(currency: str) -> st.SearchStrategy[Money]:
        decimals = currencies[currency]
        amounts = [money.amount for money in named if money.currency == currency] or near
        units = _Grid({"ge": 0}, Fraction(1, 10**decimals), LARGEST_AMOUNT, "an amount of money").counts(amounts)
        return units.map(lambda count: Money(count, currency, decimals))

    return st.sampled_from(list(currencies)).flatmap(of)


def floats(schema: Mapping[str, Any], near: Iterable[Any], where: str) -> st.SearchStrategy[float]:
    """Finite floats that a schema takes."""
    step = schema.get("multiple_of")
    if step:
        return _Grid(schema, _exact(step), USUAL, where).counts(near).map(lambda count: count * float(step))
    low, high = -math.inf, math.inf
    for name, value in schema.items():
        if name in ("ge", "gt"):
            low = max(low, float(value) if name == "ge" else math.nextafter(float(value), math.inf))
        elif name in ("le", "lt"):
            high = min(high, float(value) if name == "le" else math.nextafter(float(value), -math.inf))
    low, high = max(low, -1.7976931348623157e308), min(high, 1.7976931348623157e308)
    if low > high:
        raise _nothing_between(schema, where)
    named = [float(value) for value in near if _is_number(value)]
    usual = (max(low, -float(USUAL)), min(high, float(USUAL)))
    groups = [_floats_around((low, high, 0.0, 1.0, -1.0, 0.5), low, high), _floats_around(named, low, high)]
    ranges = [(low, high)] if usual[0] > usual[1] else [usual, (low, high)]
    return st.one_of(
        [st.floats(*limits, allow_nan=False, allow_infinity=False) for limits in ranges]
        + [st.sampled_from(group) for group in groups if group]
    )


def _floats_around(values: Iterable[float], low: float, high: float) -> list[float]:
    """Each value with its two neighbours, as far as they lie within the limits."""
    found = {
        near for value in values for near in (value, *(math.nextafter(value, end) for end in (-math.inf, math.inf)))
    }
    return sorted((value for value in found if low <= value <= high), key=lambda value: (abs(value), value < 0))


class _Grid:
    """Numbers that lie a step apart, counted in steps from zero.

    Args:
        schema: has their limits.
        step: how far apart they lie.
        limit: how many steps from zero they lie at most.
        where: whose they are, for messages.
    """

    def __init__(self, schema: Mapping[str, Any], step: Fraction, limit: int, where: str) -> None:
        self._step = step
        found = self.range(schema, step, limit)
        if not found:
            raise _nothing_between(schema, where)
        self._range = found

    @staticmethod
    def range(schema: Mapping[str, Any], step: Fraction, limit: int) -> range:
        """The counts that the limits of a schema allow."""
        lowest, highest = -limit, limit
        for name, value in schema.items():
            if name not in ("ge", "gt", "le", "lt") or (isinstance(value, float) and math.isinf(value)):
                continue
            count = _exact(value) / step
            if name == "ge":
                lowest = max(lowest, math.ceil(count))
            elif name == "gt":
                lowest = max(lowest, math.floor(count) + 1)
            elif name == "le":
                highest = min(highest, math.floor(count))
            else:
                highest = min(highest, math.ceil(count) - 1)
        return range(lowest, max(lowest, highest + 1))

    def counts(self, near: Iterable[Any]) -> st.SearchStrategy[int]:
        """A strategy for counts: edges, what lies around given numbers, usual ones, and all."""
        lowest, highest = self._range[0], self._range[-1]
        one = math.floor(1 / self._step)
        exact = [_exact(value) / self._step for value in near if _is_number(value)]
        named = {
            whole + by
            for count in exact
            for whole in (math.floor(count), math.ceil(count))
            for by in (-one, -1, 0, 1, one)
        }
        usual = math.floor(USUAL / self._step)
        ranges = [(max(lowest, -usual), min(highest, usual)), (lowest, highest)]
        groups = [(0, 1, -1, one, -one, lowest, lowest + 1, highest, highest - 1), named]
        return st.one_of(
            [
                st.integers(*ends) for ends in ranges if ends[0] <= ends[1]
            ]  # first, since a failure is shrunk towards these
            + [
                st.sampled_from(sorted(group, key=lambda count: (abs(count), count < 0)))
                for values in groups
                if (group := {value for value in values if value in self._range})
            ]
        )


def _grid(schema: Mapping[str, Any]) -> tuple[int, int]:
    """The unit in which amounts are counted, as a whole number of a decimal place, and which place."""
    multiple = schema.get("multiple_of")
    if multiple is not None:
        exact = _exact(multiple)
        places = next(p for p in range(400) if (exact * 10**p).denominator == 1)
        return int(exact * 10**places), places
    digits = schema.get("max_digits")
    return 1, schema.get("decimal_places", CENTS if digits is None else min(CENTS, digits))


def _decimal(units: int, places: int) -> Decimal:
    """So many units of a decimal place, exactly, whatever the precision in force."""
    return Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -places))


def _exact(value: Any) -> Fraction:
    """A number as it is written: 0.1 is a tenth."""
    return Fraction(str(value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and math.isfinite(value)


def _nothing_between(schema: Mapping[str, Any], where: str) -> DefinitionError:
    names = ("ge", "gt", "le", "lt", "multiple_of", "max_digits", "decimal_places")
    limits = ", ".join(f"{name}={schema[name]}" for name in names if schema.get(name) is not None)
    return DefinitionError(f"{where}: no number that a ledger can store has {limits}; correct the limits of the model")
