"""Decides all rows of a frame at once, each as the table decides it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.frames.cases import FrameCases
from abpo_sdk.conditions.frames.problems import is_missing_code, is_mistyped_code
from abpo_sdk.errors import HitPolicyViolated, NoRuleApplies
from abpo_sdk.policies.frames.matching import FrameMatcher
from abpo_sdk.policies.hit_policies import counting

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from abpo_sdk.policies.table import DecisionTable

Rows = tuple[int, ...]
"""Rows that count, by their numbers from 0."""

COLUMNS = ("outcome", "rows", "missing", "mistyped", "refused")


class FrameTable:
    """A table made ready for frames.

    Args:
        table: the table.
        outcome: the outcome that follows from the rows that count, by their numbers from 0.
        output: what these give beside it, by the output's name.
    """

    def __init__(
        self,
        table: DecisionTable,
        outcome: Callable[[Sequence[int]], str],
        output: Callable[[Sequence[int]], dict[str, Any] | None],
    ) -> None:
        self.table = table
        self.matcher = FrameMatcher([row.when for row in table.rules], first=table.hit_policy == "FIRST")
        self._outcome, self._output = outcome, output

    def decide(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The decisions about the rows of a frame; see `DecisionTable.decide_frame`."""
        import numpy as np
        import pandas as pd

        cases = FrameCases(frame, self.table.case_type)
        matched = self.matcher.match(cases)
        codes, problem = matched.codes, matched.problem
        follows = [self._following(rows) for rows in matched.sets]
        counted = [rows for rows, _ in follows]
        if problem.any():  # of these nothing follows, as of one more set
            codes = np.where(problem > 0, len(follows), codes)
            follows, counted = [*follows, (None, None)], [*counted, None]
        known = self.table.outcomes if self.table.single else ()
        outcomes = [None if rows is None else self._outcome(rows) for rows in counted]
        columns = {
            "outcome": _texts(outcomes, codes, known),
            "rows": self._rows(counted, codes),
            **self._outputs(counted, codes),
            "missing": self._fields(cases, problem, missing=True),
            "mistyped": self._fields(cases, problem, missing=False),
            "refused": _texts([refused for _, refused in follows], codes),
        }
        return pd.DataFrame(columns, index=frame.index, copy=False)

    def _following(self, matched: Rows) -> tuple[Rows | None, str | None]:
        """The rows that count where some match, or why none do."""
        table = self.table
        if not matched:
            return ((), None) if table.default is not None else (None, NoRuleApplies.__name__)
        try:
            return counting(table.name, table.hit_policy, matched, table.values, table.outputs), None
        except HitPolicyViolated as error:
            return None, type(error).__name__

    def _rows(self, counted: Sequence[Rows | None], codes: NDArray[np.intp]) -> Any:
        import numpy as np
        import pandas as pd

        if not self.table.single:
            return _objects([None if rows is None else tuple(row + 1 for row in rows) for rows in counted], codes)
        numbers = np.array([rows[0] + 1 if rows else 0 for rows in counted], dtype=np.int32)
        undecided = np.array([rows is None for rows in counted], dtype=bool)
        return pd.arrays.IntegerArray(numbers.take(codes), undecided.take(codes))

    def _fields(self, cases: FrameCases, problem: NDArray[np.int32], *, missing: bool) -> pd.Categorical:
        """By case the field that is missing, or mistyped."""
        import numpy as np

        names = [None, *cases.problems.names]
        if len(names) == 1:
            return _texts(names, problem)
        kind = is_missing_code(problem) if missing else is_mistyped_code(problem)
        places = np.where(kind, (problem + 1) // 2, 0)
        occur = set(np.unique(places).tolist())
        return _texts([name if place in occur else None for place, name in enumerate(names)], places)

    def _outputs(self, counted: Sequence[Rows | None], codes: NDArray[np.intp]) -> dict[str, Any]:
        given = [{} if rows is None else self._output(rows) or {} for rows in counted]
        columns = {}
        for name in (output.name for output in self.table.outputs):
            if any(name in of_set for of_set in given):
                values = [of_set.get(name) for of_set in given]
                texts = all(value is None or isinstance(value, str) for value in values)
                columns[f"output.{name}" if name in COLUMNS else name] = (_texts if texts else _objects)(values, codes)
        return columns


def _texts(values: Sequence[str | None], codes: NDArray[Any], known: Sequence[str] = ()) -> pd.Categorical:
    """By case one of some texts, as a categorical; `known` texts come first, whether they occur or not."""
    import numpy as np
    import pandas as pd

    categories = list(dict.fromkeys([*known, *(value for value in values if value is not None)]))
    places = {category: place for place, category in enumerate(categories)}
    small: Any = np.int8 if len(categories) <= np.iinfo(np.int8).max else np.int32
    if not categories:
        return pd.Categorical.from_codes(np.full(len(codes), -1, dtype=np.int8), categories=pd.Index([], dtype=object))
    of_values: NDArray[Any] = np.array([-1 if value is None else places[value] for value in values], dtype=small)
    return pd.Categorical.from_codes(
        of_values.take(codes), categories=pd.Index(categories, dtype=object), validate=False
    )


def _objects(values: Sequence[Any], codes: NDArray[np.intp]) -> Any:
    """By case one of some values, as they are."""
    import numpy as np
    import pandas as pd

    each = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        each[place] = value
    return pd.Series(each.take(codes), dtype=object).array


__all__ = ["FrameTable"]
