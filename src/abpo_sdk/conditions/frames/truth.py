"""Conditions on a frame: what one says of every row, as it says it of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.frames.cases import FrameCases
from abpo_sdk.conditions.frames.problems import is_missing_code, is_mistyped_code
from abpo_sdk.errors import DefinitionError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from abpo_sdk.conditions.condition import Condition


@dataclass(frozen=True, slots=True, eq=False)
class FrameTruth:
    """What a condition says of the rows of a frame.

    Args:
        holds: by row, whether it holds; false where that cannot be said.
        missing: by row, whether a value that it needs is absent, so that `holds` would raise `MissingInput`.
        mistyped: by row, whether a value is not what the model declares, so that `holds` would raise `MistypedInput`.
        field: by row, the field that is missing or mistyped, None elsewhere; of a sum or quotient without a value, the condition.
        by_row: whether each row had to be made a case of its own, which is slow: the model has a validator, `__init__` or the
            like of its own, so that no column can be taken at once.
    """

    holds: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    mistyped: NDArray[np.bool_]
    field: NDArray[Any]
    by_row: bool


def holds_frame(condition: Condition, models: Sequence[type], frame: pd.DataFrame) -> FrameTruth:
    """What a condition about some models says of the rows of a frame; see `Condition.holds_frame`."""
    import numpy as np

    if len(models) > 1:
        raise DefinitionError(
            f"({condition.text()}) is about {', '.join(m.__name__ for m in models)}; the rows of a frame are cases of one model"
        )
    if not models:
        holds = np.full(len(frame), condition.holds(), dtype=bool)
        none = np.zeros(len(frame), dtype=bool)
        return FrameTruth(holds, none, none, np.full(len(frame), None), by_row=False)
    cases = FrameCases(frame, models[0])
    said = condition.answers(cases, cases.problem == 0)
    problem = np.where(cases.problem > 0, cases.problem, said.problem)
    named = cases.problems.named(problem)
    return FrameTruth(said.holds, is_missing_code(problem), is_mistyped_code(problem), named, by_row=cases.by_row)


__all__ = ["FrameTruth", "holds_frame"]
