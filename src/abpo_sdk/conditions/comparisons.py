"""Conditions that compare: the leaves of every combination."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions import compiled, meaning
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.items import ItemNode
from abpo_sdk.conditions.kinds import written
from abpo_sdk.conditions.meaning import NEGATED
from abpo_sdk.conditions.nodes import ConstantNode, FieldNode, Node
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import InputError, UnlikeTypes
from abpo_sdk.values.money import Money

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from abpo_sdk.conditions.compiled import Truth
    from abpo_sdk.conditions.frames.answers import Answers
    from abpo_sdk.conditions.frames.cases import Cases
    from abpo_sdk.values.personal import Personal


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
        from abpo_sdk.conditions.frames import answers as frame_answers

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
                return f"{self.left.named(reading)} {'is' if self.operator == '==' else '!='} {right}"
        return f"{self.left.written(reading)} {self.operator} {right}"

    def structure(self) -> dict[str, Any]:
        """Two fields stay in the order in which they are read, since either may be missing."""
        sides = (
            meaning.constant(s.value) if isinstance(s, ConstantNode) else s.structure() for s in (self.left, self.right)
        )
        return meaning.comparison(next(sides), self.operator, next(sides))

    def fields(self) -> Iterator[FieldNode]:
        yield from self.left.fields()
        yield from self.right.fields()

    def constants(self) -> tuple[Any, ...]:
        return tuple(side.value for side in (self.left, self.right) if isinstance(side, ConstantNode))

    def marks(self) -> Iterator[Personal]:
        yield from self.left.marks()
        yield from self.right.marks()

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        return (
            super()
            .constants_about(model, names)
            .union(self.left.constants_about(model, names), self.right.constants_about(model, names))
        )

    def __invert__(self) -> Condition:
        return Comparison(self.left, NEGATED[self.operator], self.right)


class Membership(Condition):
    """Whether an expression is one of some constants."""

    __slots__ = ("among", "item")
    reads_fields_only = True

    def __init__(self, item: Node, among: tuple[Any, ...]) -> None:
        if not among:
            raise UnlikeTypes(f"{item.written(None)} is_in nothing; name at least one value")
        currencies = list(dict.fromkeys(value.currency for value in among if isinstance(value, Money)))
        if len(currencies) > 1:
            raise UnlikeTypes(f"{item.written(None)} is_in {' and '.join(currencies)}, which are different currencies")
        self.item = item
        self.among = among

    def compiled(self) -> Truth:
        return compiled.membership(self.item, self.among)

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions.frames import answers as frame_answers

        found = None if cases.by_row else frame_answers.membership(self, cases, asked)
        return super().answers(cases, asked) if found is None else found

    def written(self, reading: Reading | None) -> str:
        among = ", ".join(written(a) for a in self.among)
        if reading is not None and _mark_of(self):
            among = f"{len(self.among)} known values"
        return f"{self.item.written(reading)} in ({among})"

    def structure(self) -> dict[str, Any]:
        return meaning.membership(self.item.structure(), self.among)

    def fields(self) -> Iterator[FieldNode]:
        yield from self.item.fields()

    def marks(self) -> Iterator[Personal]:
        return self.item.marks()

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        return super().constants_about(model, names) | self.item.constants_about(model, names)

    def constants(self) -> tuple[Any, ...]:
        return self.among


class Missing(Condition):
    """Whether a field has no value."""

    __slots__ = ("field",)
    reads_fields_only = True

    def __init__(self, field: FieldNode | ItemNode) -> None:
        self.field = field

    def compiled(self) -> Truth:
        return compiled.missing(self.field)

    def answers(self, cases: Cases, asked: NDArray[np.bool_]) -> Answers:
        from abpo_sdk.conditions.frames import answers as frame_answers

        found = None if cases.by_row else frame_answers.missing(self, cases, asked)
        return super().answers(cases, asked) if found is None else found

    def written(self, reading: Reading | None) -> str:
        return f"{self.field.name if reading is None else self.field.named(reading)} is missing"

    def structure(self) -> dict[str, Any]:
        return {"op": "missing", "field": self.field.structure()}

    def fields(self) -> Iterator[FieldNode]:
        yield from self.field.fields()

    def marks(self) -> Iterator[Personal]:
        return self.field.marks()


def _mark_of(condition: Condition) -> Personal | None:
    return next(condition.marks(), None)
