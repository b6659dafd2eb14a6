"""Checks of a policy: a frame of cases is decided as its rows are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abpo_sdk.conditions.kinds import kind_of_annotation
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError, expect
from abpo_sdk.testing.policy_checks.examined import Examined, about
from abpo_sdk.values.traversal import annotations_of


def a_frame_is_decided_as_its_rows_are(examined: Examined) -> None:
    decide_frame = examined.frame or getattr(examined.policy, "decide_frame", None)
    if decide_frame is None:
        raise SkippedError("it decides no frames; give frame=, a function from a frame to the outcomes of its rows")
    import pandas as pd

    rows = pd.DataFrame([_columns(examined.as_mapping(case)) for case, _ in examined.decided])
    made: Any = decide_frame(rows)
    outcomes = list(made["outcome"] if isinstance(made, pd.DataFrame) else made)
    if len(outcomes) != len(examined.decided):
        raise NotAsExpectedError(f"expected {len(examined.decided)} outcomes of as many rows, and saw {len(outcomes)}")
    for (case, decision), outcome in zip(examined.decided, outcomes, strict=True):
        with about(case):
            expect("its row in a frame", getattr(outcome, "outcome", outcome), decision.outcome)


def _columns(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The fields of a case as columns, those of a model within it by dotted names."""
    columns: dict[str, Any] = {}
    for name, value in values.items():
        if not isinstance(value, Mapping) and kind_of_annotation(type(value)).sort == "model":
            fields = annotations_of(type(value))
            columns |= _columns({field: getattr(value, field) for field in fields}, f"{prefix}{name}.")
        else:
            columns[f"{prefix}{name}"] = value
    return columns


CHECKS = (a_frame_is_decided_as_its_rows_are,)
