"""The rows of a frame as cases of a model, kept column by column where the model allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from abpo_sdk.conditions.frames.field_reader import FieldReader, Leaf, Path, schemas_of
from abpo_sdk.conditions.frames.problems import Problems
from abpo_sdk.conditions.rows import plan_for, values_of_row
from abpo_sdk.conditions.typed_cases import Refusal, typed_or_refusal
from abpo_sdk.errors import MistypedInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from abpo_sdk.conditions.nodes import FieldNode


class Cases(Protocol):
    """Cases of one model, to evaluate conditions on."""

    model: type
    size: int
    problems: Problems

    by_row: bool
    """Whether only whole cases can be had, one by one."""

    def leaf(self, field: FieldNode) -> Leaf:
        """The column that a field is read from."""

    def case(self, row: int) -> Any:
        """The case in a row in which there is one."""


class FrameCases:
    """The rows of a frame as cases.

    Args:
        frame: one row a case, with the columns that a history has (`evaluation.backtest`).
        model: what the cases are.

    Raises:
        MistypedInput: it is no DataFrame, or has a column twice that the model reads.
    """

    def __init__(self, frame: pd.DataFrame, model: type) -> None:
        import pandas as pd

        if not isinstance(frame, pd.DataFrame):
            raise MistypedInput(
                f"the cases are of type {type(frame).__name__}; give a pandas DataFrame with one row a case"
            )
        self.model, self.size, self.problems = model, len(frame), Problems()
        self._plan = plan_for(model, list(frame.columns))
        self._columns = {name: _column(frame, name) for name in self._plan.columns()}
        self._made: dict[int, Any] = {}
        self._lists: list[list[Any]] | None = None
        schemas = schemas_of(model, self._plan)
        self.by_row = schemas is None
        self._taken = (
            None
            if schemas is None
            else FieldReader(model, self._plan, schemas, self._columns, self.size, self.problems)
        )
        self.problem: NDArray[np.int32] = self._make_all() if self._taken is None else self._taken.problem()
        """By row, why there is no case: a number of `problems`, 0 where there is one."""

    def leaf(self, field: FieldNode) -> Leaf:
        if self._taken is None:
            raise NotImplementedError("these are whole cases")
        return self._taken.leaf(field.path)

    def case(self, row: int) -> Any:
        if row not in self._made:
            self._made[row] = self._make(row)
        return self._made[row]

    def _make_all(self) -> NDArray[np.int32]:
        import numpy as np

        problem = np.zeros(self.size, dtype=np.int32)
        for row in range(self.size):
            made = self._made[row] = self._make(row)
            if isinstance(made, Refusal):
                problem[row] = self.problems.of(made.name, missing=made.missing)
        return problem

    def _make(self, row: int) -> Any:
        if self._lists is None:
            self._lists = [column.tolist() for column in self._columns.values()]
        given = {name: values[row] for name, values in zip(self._columns, self._lists, strict=True)}
        values, missing = values_of_row(given, self._plan)
        if missing:
            return Refusal(missing=True, name=missing[0], text="")
        return typed_or_refusal(values, self.model)


class SomeCases:
    """Some of other cases.

    Args:
        of: the others.
        rows: which of them, by number.
    """

    def __init__(self, of: Cases, rows: NDArray[np.intp]) -> None:
        self.model, self.size, self.problems, self.by_row = of.model, len(rows), of.problems, of.by_row
        self._of, self._rows = of, rows
        self._leaves: dict[Path, Leaf] = {}

    def leaf(self, field: FieldNode) -> Leaf:
        whole = self._of.leaf(field)
        if whole.path not in self._leaves:
            self._leaves[whole.path] = Leaf(whole.path, whole.column.take(self._rows))
        return self._leaves[whole.path]

    def case(self, row: int) -> Any:
        return self._of.case(int(self._rows[row]))


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    times = list(frame.columns).count(name)
    if times > 1:
        raise MistypedInput(f"the frame has {times} columns {name!r}; a case has one such field")
    return frame[name]


__all__ = ["Cases", "FrameCases", "SomeCases"]
