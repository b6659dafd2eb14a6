"""Hit policies: which of the rows that match a case count, and what they give together.

They are those of DMN 1.5, section 8.2.8, under their names there.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, Overflow
from functools import reduce
from typing import Any, Literal, get_args

from abpo_sdk.conditions.amounts import absolute
from abpo_sdk.conditions.compiled import DECIMALS
from abpo_sdk.conditions.kinds import unfit
from abpo_sdk.errors import DefinitionError, HitPolicyViolated
from abpo_sdk.policies.rules import Output, Value, written_out

HitPolicy = Literal["UNIQUE", "ANY", "PRIORITY", "FIRST", "RULE ORDER", "OUTPUT ORDER", "COLLECT"]
Aggregation = Literal["sum", "min", "max", "count"]

HIT_POLICIES: tuple[HitPolicy, ...] = get_args(HitPolicy)
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)
SINGLE = frozenset({"UNIQUE", "ANY", "PRIORITY", "FIRST"})
"""Those by which one row decides; by the others all rows do that match."""
BY_PRIORITY = frozenset({"PRIORITY", "OUTPUT ORDER"})
"""Those that go by the order in which the outputs' values are listed."""
ORDERED = (int, float, Decimal)

Values = tuple[Value, ...]
"""What a row gives, in the order of the outputs."""


def check_hit_policy(
    name: str, hit_policy: str, aggregation: str | None, outputs: Sequence[Output], rows: Sequence[Values]
) -> None:
    """Refuse a hit policy that is not known, or that does not fit the outputs.

    Raises:
        DefinitionError: naming the table, and what is missing.
    """
    if hit_policy not in HIT_POLICIES:
        known = ", ".join(HIT_POLICIES)
        raise DefinitionError(f"table {name!r}: hit policy {hit_policy!r} is not known; there are {known}")
    if aggregation is not None and aggregation not in AGGREGATIONS:
        known = ", ".join(AGGREGATIONS)
        raise DefinitionError(f"table {name!r}: aggregation {aggregation!r} is not known; there are {known}")
    if hit_policy in BY_PRIORITY and not any(output.values for output in outputs):
        raise DefinitionError(
            f"table {name!r}: hit policy {hit_policy} goes by the values of its outputs, most important first; "
            "list them: outputs=[Output('outcome', values=('reject', 'refer', 'pay'))]"
        )
    if aggregation is None:
        return
    if hit_policy != "COLLECT":
        raise DefinitionError(f"table {name!r}: aggregation={aggregation!r} goes with hit policy COLLECT alone")
    if len(outputs) > 1:
        raise DefinitionError(
            f"table {name!r}: aggregation={aggregation!r} needs one output, and there are {len(outputs)}"
        )
    if aggregation == "count":
        return
    for (value,) in rows:
        if isinstance(value, bool) or not isinstance(value, ORDERED):
            raise DefinitionError(
                f"table {name!r}: a {aggregation} of {written_out(value)!r} has no meaning; give numbers"
            )
    if len({float if isinstance(value, float) else Decimal for (value,) in rows}) > 1:
        raise DefinitionError(f"table {name!r}: floats and exact numbers do not add up; write Decimal('0.1')")
    if aggregation == "sum" and _overflows([value for (value,) in rows]):
        raise DefinitionError(f"table {name!r}: the sum of what the rows give is too large a number")


def _overflows(numbers: Sequence[Any]) -> bool:
    """Whether some of these may have a sum that is no finite number."""
    try:
        return unfit(_sum([absolute(number) for number in numbers])) is not None
    except Overflow:
        return True


def counting(
    name: str, hit_policy: HitPolicy, matched: Sequence[int], values: Sequence[Values], outputs: Sequence[Output]
) -> tuple[int, ...]:
    """The rows that count, among those that match, in the order in which they count; for a single hit, one.

    Args:
        name: of the table, for errors.
        hit_policy: how they are chosen.
        matched: the numbers of the rows that match, from 0, ascending; at least one.
        values: what each row of the table gives.
        outputs: the outputs, whose values are in order of priority.

    Raises:
        HitPolicyViolated: UNIQUE with several, or ANY with several that give different things.
    """
    if hit_policy == "UNIQUE" and len(matched) > 1:
        raise HitPolicyViolated(
            f"table {name!r} has hit policy UNIQUE, and rows {_numbers(matched)} match the case; "
            "make them exclude one another (table.check() finds such rows), or choose another hit policy"
        )
    if hit_policy == "ANY":
        first = values[matched[0]]
        other = next((row for row in matched if values[row] != first), None)
        if other is not None:
            raise HitPolicyViolated(
                f"table {name!r} has hit policy ANY, and rows {_numbers([matched[0], other])} match the case and give "
                f"{_shown(first)} and {_shown(values[other])}; make them give the same, or choose another hit policy"
            )
    if hit_policy in BY_PRIORITY:
        matched = sorted(matched, key=lambda row: priority(values[row], outputs))
    return tuple(matched[:1] if hit_policy in SINGLE else matched)


def priority(values: Values, outputs: Sequence[Output]) -> tuple[int, ...]:
    """Where a row stands by what it gives; the least comes first. Outputs without listed values do not count."""
    return tuple(output.priority(value) for output, value in zip(outputs, values, strict=True) if output.values)


def aggregated(aggregation: Aggregation, values: Sequence[Value]) -> Value:
    """What several values come to; `values` holds at least one, and is refused by `check_hit_policy` where it does not fit.

    >>> aggregated("sum", [Decimal(1), Decimal("0.5")]), aggregated("count", ["a", "a"])
    (Decimal('1.5'), 2)
    """
    if aggregation == "count":
        return len(values)
    numbers: Sequence[Any] = values
    total: Value = _sum(numbers) if aggregation == "sum" else min(numbers) if aggregation == "min" else max(numbers)
    return total


def _sum(numbers: Sequence[Any]) -> Any:
    """Decimals are added as conditions do it, whatever the caller's own context rounds."""
    exact = any(isinstance(number, Decimal) for number in numbers)
    return reduce(DECIMALS.add, numbers, Decimal(0)) if exact else sum(numbers)


def _numbers(rows: Sequence[int]) -> str:
    return " and ".join((", ".join(str(row + 1) for row in rows[:-1]), str(rows[-1] + 1)))


def _shown(values: Values) -> str:
    return ", ".join(map(written_out, values))
