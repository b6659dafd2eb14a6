"""What a decision table gives where some of its rows count: the outcome as text, the outputs in their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from abpo_sdk.policies.hit_policies import Aggregation, Values, aggregated
from abpo_sdk.policies.rules import Output, Value, written_out

Row = Values | None
"""What a row gives; None where no row applies and there is no default."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the rows of a table give, together.

    Args:
        outputs: the table's outputs.
        values: what each row gives, in the order of the outputs.
        default: what is given where no row applies.
        single: whether one row decides; else all count that match.
        aggregation: what several values come to in place of a list.
    """

    outputs: tuple[Output, ...]
    values: tuple[Values, ...]
    default: Row
    single: bool
    aggregation: Aggregation | None

    def outcome(self, rows: Sequence[int]) -> str:
        """The first output as text; of several rows, one after the other."""
        if self.aggregation is not None:
            return written_out(self._aggregated(self.aggregation, rows))
        return ", ".join(written_out(values[0]) for values in self._given(rows))

    def output(self, rows: Sequence[int]) -> dict[str, Any] | None:
        """What is given beside the outcome: every output, unless it is the first of a single row, and a text."""
        if self.aggregation is not None:
            return {self.outputs[0].name: self._aggregated(self.aggregation, rows)}
        given = self._given(rows)
        if not self.single:
            return {output.name: tuple(values[place] for values in given) for place, output in enumerate(self.outputs)}
        own = {output.name: value for output, value in zip(self.outputs, given[0], strict=True)}
        if isinstance(given[0][0], str):
            del own[self.outputs[0].name]
        return own or None

    def result(self, rows: Sequence[int]) -> Any:
        """What DMN says that the table gives: a value, a mapping of several outputs, or a list of these."""
        if self.aggregation is not None:
            return self._aggregated(self.aggregation, rows)
        results = [self._named(values) for values in self._given(rows)]
        return results[0] if self.single else results

    def _aggregated(self, aggregation: Aggregation, rows: Sequence[int]) -> Value:
        if rows:
            return aggregated(aggregation, [self.values[row][0] for row in rows])
        [[value]] = self._given(rows)  # the default, as it is
        return value

    def _given(self, rows: Sequence[int]) -> list[Values]:
        """What those rows give, one after the other; the default where there are none."""
        if rows:
            return [self.values[row] for row in rows]
        return [] if self.default is None else [self.default]

    def _named(self, values: Values) -> Value | dict[str, Value]:
        if len(values) == 1:
            return values[0]
        return {output.name: value for output, value in zip(self.outputs, values, strict=True)}
