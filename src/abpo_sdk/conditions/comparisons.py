"""Conditions that compare: the leaves of every combination."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import compiled
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.kinds import exact, written
from abpo_sdk.conditions.nodes import ConstantNode, FieldNode, Node
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import InputError, UnlikeTypes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from abpo_sdk.conditions.compiled import Truth
    from abpo_sdk.conditions.frame_answers import Answers
    from abpo_sdk.conditions.frame_cases import Cases
    from abpo_sdk.values.personal import Personal

NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


class Comparison(Condition):
    """Two expressions and an operator between them."""

    __slots__ = ("left", "operator", "right")
    reads_fields_only = True

    def __init__(self, left: Node, operator: str, right: Node) -> None:
        self.left = left
        self.operator = operator
        self.right = right

    def compiled(self) -> Truth:
        return compiled.comparison(self.operator, self.left, self.right)

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions import frame_answers

        found = None if cases.by_row else frame_answers.comparison(self, cases, asked)
        return super().answers(cases, asked) if found is None else found

    def written(self, reading: Reading | None) -> str:
        right = self.right.written(reading)
        if reading is not None and self.operator in ("==", "!="):
            try:
                equal = self.evaluate(reading) is (self.operator == "==")
            except InputError:
                equal = False
            mark = _mark_of(self)
            if equal and mark:  # of two equal things, the one tells the other
                right = mark.mask
            if equal and (mark or self.operator == "=="):
                return f"{self.left.written(None)} {'is' if self.operator == '==' else '!='} {right}"
        return f"{self.left.written(reading)} {self.operator} {right}"

    def structure(self) -> dict[str, Any]:
        return {"op": self.operator, "left": self.left.structure(), "right": self.right.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()

    def constants(self) -> tuple[Any, ...]:
        return tuple(side.value for side in (self.left, self.right) if isinstance(side, ConstantNode))

    def __invert__(self) -> Condition:
        return Comparison(self.left, NEGATED[self.operator], self.right)


class Membership(Condition):
    """Whether an expression is one of some constants."""

    __slots__ = ("among", "item")
    reads_fields_only = True

    def __init__(self, item: Node, among: tuple[Any, ...]) -> None:
        if not among:
            raise UnlikeTypes(f"{item.written(None)} is_in nothing; name at least one value")
        self.item = item
        self.among = among

    def compiled(self) -> Truth:
        return compiled.membership(self.item, self.among)

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions import frame_answers

        found = None if cases.by_row else frame_answers.membership(self, cases, asked)
        return super().answers(cases, asked) if found is None else found

    def written(self, reading: Reading | None) -> str:
        among = ", ".join(written(a) for a in self.among)
        if reading is not None and _mark_of(self):
            among = f"{len(self.among)} known values"
        return f"{self.item.written(reading)} in ({among})"

    def structure(self) -> dict[str, Any]:
        return {"op": "in", "item": self.item.structure(), "among": sorted(exact(a) for a in self.among)}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.item.fields()

    def constants(self) -> tuple[Any, ...]:
        return self.among


class Missing(Condition):
    """Whether a field has no value."""

    __slots__ = ("field",)
    reads_fields_only = True

    def __init__(self, field: FieldNode) -> None:
        self.field = field

    def compiled(self) -> Truth:
        return compiled.missing(self.field)

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions import frame_answers

        found = None if cases.by_row else frame_answers.missing(self, cases, asked)
        return super().answers(cases, asked) if found is None else found

    def written(self, reading: Reading | None) -> str:
        return f"{self.field.name} is missing"

    def structure(self) -> dict[str, Any]:
        return {"op": "missing", "field": self.field.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield self.field


def _mark_of(condition: Condition) -> Personal | None:
    return next((field.personal for field in condition.fields() if field.personal), None)
