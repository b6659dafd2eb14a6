"""What a table gives, so that it can be told whether two give the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from abpo_sdk.conditions import Reading
from abpo_sdk.errors import HitPolicyViolated, InputError, NoRuleApplies
from abpo_sdk.policies.hit_policies import counting
from abpo_sdk.policies.meaning import hashed
from abpo_sdk.policies.rules import written_out

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable


class Given(NamedTuple):
    """What a table gives: as a text that is the same for the same alone, and in words."""

    key: str
    words: str


REFUSED = Given("refused", "nothing, since a value is missing")
NONE = Given("none", "nothing, since no row applies")
VIOLATED = Given("violated", "nothing, since rows match together that must not")


def given(table: DecisionTable, matched: Sequence[int]) -> Given:
    """What a table gives where some of its rows match and none refuses."""
    rows: tuple[int, ...] = ()
    if matched:
        try:
            rows = counting(table.name, table.hit_policy, matched, table.values, table.outputs)
        except HitPolicyViolated:
            return VIOLATED
    elif table.default is None:
        return NONE
    decision = table._unexplained(rows)  # noqa: SLF001  what follows from rows, whatever the case
    output = decision.output or {}
    hash_of = {name: hashed(v) if isinstance(v, tuple) else hashed([v])[0] for name, v in output.items()}
    named = len(table.outputs) > 1
    words = [_written(name, value, named=named) for name, value in output.items()]
    if table.outputs[0].name not in output:
        words.insert(0, _written(table.outputs[0].name, decision.outcome, named=named))
    return Given(json.dumps([decision.outcome, hash_of], sort_keys=True), ", ".join(words))


def decided(table: DecisionTable, reading: Reading) -> Given:
    """What a table gives for a case, as it decides it."""
    try:
        rows = table.rows_for(reading)
    except InputError:
        return REFUSED
    except NoRuleApplies:
        return NONE
    except HitPolicyViolated:
        return VIOLATED
    return given(table, sorted(rows))


def _written(name: str, value: Any, *, named: bool) -> str:
    text = f"[{', '.join(map(_plain, value))}]" if isinstance(value, tuple) else _plain(value)
    return f"{name} {text}" if named else text


def _plain(value: Any) -> str:
    return repr(value) if isinstance(value, str) else written_out(value)
