"""Past decisions that are like the one before a person, so that alike cases are decided alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from abpo_sdk.conditions.kinds import written
from abpo_sdk.errors import DefinitionError, Erased
from abpo_sdk.ledger import Ledger, Place
from abpo_sdk.ledger.decisions import encode_case
from abpo_sdk.ledger.encryption import masked
from abpo_sdk.ledger.entry import Entry
from abpo_sdk.ledger.rows import DecisionRow
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import file_digest, masked_tree

LOOKED_AT = 1_000
"""How many past decisions are looked at: the latest."""


def similar_decisions(
    ledger: Ledger, *, limit: int = 5, looked_at: int = LOOKED_AT
) -> Callable[[Decision], Iterable[str]]:
    """Says which past decisions of the same policy are most like a decision: for `Gate(..., similar=similar_decisions(ledger))`.

    Compared are the fields that the policy read, as far as they are not personal: of an equal value 1, of numbers their ratio
    (the smaller by the larger, 0 where the signs differ), else 0; the sum is the likeness. Of two that are equally alike the
    later comes first.

    Args:
        ledger: where past decisions are.
        limit: how many are shown at most.
        looked_at: how many of the latest decisions of the policy are looked at.

    Raises:
        DefinitionError: a number that is none.

    >>> ledger = Ledger("sqlite://")
    >>> def decided(amount: int, outcome: str) -> Decision:
    ...     return Decision("claims", "1", outcome, outcome, ("pay", "refer"), 1.0, (), {"amount": amount}, ("amount",))
    >>> for number, (amount, outcome) in enumerate([(900, "refer"), (80, "pay")]):
    ...     _ = ledger.record(decided(amount, outcome), key=f"C-{number}")
    >>> similar_decisions(ledger, limit=1)(decided(100, "pay"))
    ("C-1: 'pay' by policy; amount 80",)
    """
    for name, number in (("limit", limit), ("looked_at", looked_at)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise DefinitionError(f"similar_decisions({name}={number!r}): give a whole number from 1 on")

    def similar(decision: Decision) -> tuple[str, ...]:
        case = masked_tree(encode_case(decision.case, file_digest))
        reader = ledger.store
        rows = reader.select(
            DecisionRow, equal={"policy": decision.policy}, order="at", limit=looked_at + 1, newest_first=True
        )
        found: list[tuple[float, str]] = []
        for row in rows:
            entry = reader.entry(row.chain, Place(row.scope, row.ordinal)) if row.id != decision.id else None
            past = _case_of(entry)
            if past is not None:
                found.append((likeness(case, past, decision.inputs), _told(row, past, decision.inputs)))
        found.sort(key=lambda pair: -pair[0])  # which keeps the order of time
        return tuple(text for score, text in found[:limit] if score > 0)

    return similar


def likeness(one: Any, other: Any, fields: Iterable[str]) -> float:
    """How alike two cases are in some fields, as JSON.

    >>> likeness({"a": 1, "b": "x"}, {"a": 2, "b": "x"}, ["a", "b"])
    1.5
    """
    return sum(_alike(_at(one, name), _at(other, name)) for name in fields)


def _alike(one: Any, other: Any) -> float:
    if one is None or other is None:
        return 0.0
    a, b = _number(one), _number(other)
    if a is None or b is None or a == b:
        return float(one == other or (a is not None and a == b))
    small, large = sorted((abs(a), abs(b)))
    return float(small / large) if (a < 0) is (b < 0) else 0.0


def _number(value: Any) -> Decimal | None:
    """A number, also where JSON holds it as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _case_of(entry: Entry | None) -> Any:
    """The case of a decision with personal fields masked; None where it is not there any more."""
    if entry is None:
        return None
    try:
        return masked(entry)["result"]["case"]
    except Erased:
        return None


def _at(case: Any, name: str) -> Any:
    for part in name.split("."):
        case = case.get(part) if isinstance(case, Mapping) else None
    return None if isinstance(case, str) and case.startswith("<") and case.endswith(">") else case


def _told(row: DecisionRow, case: Any, fields: Iterable[str]) -> str:
    values = [f"{name} {written(value)}" for name in fields if (value := _at(case, name)) is not None]
    return f"{row.chain}: {row.outcome!r} by {row.decided_by}" + (f"; {', '.join(values)}" if values else "")
