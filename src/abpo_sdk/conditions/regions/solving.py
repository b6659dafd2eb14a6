"""What a condition about one field alone says of the field's values: which it compares with, and which regions it allows."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.kinds import ORDERED
from abpo_sdk.conditions.meaning import NEGATED, TURNED
from abpo_sdk.conditions.nodes import ArithmeticNode, ConstantNode, FieldNode, Node
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.conditions.regions.axes import TextTest
from abpo_sdk.errors import InputError

if TYPE_CHECKING:
    from abpo_sdk.conditions.regions.axes import Axis


@dataclass(frozen=True, slots=True)
class Single:
    """A condition about one field alone.

    Args:
        field: the field.
        constants: the values at which it may change.
        regions: the regions of the field's axis in which it holds, as a bit set; without "missing".
        test: what it tests of a text, where that is no comparison.
        missing: what it says of a missing value; None where it refuses it.
    """

    field: FieldNode
    constants: tuple[Any, ...]
    regions: Callable[[Axis], int]
    test: TextTest | None = None
    missing: bool | None = None


def single(condition: Condition) -> Single | None:
    """A condition, which combines no others, as one about a single field; None where it is about several, or not to be solved.

    Solved are a field compared with constants, a whole number's sums and products with whole numbers, and everything
    about one choice or one truth, or tested of one text. Other arithmetic (on decimals, floats, times) is not solved.
    """
    found = {(field.model, field.path): field for field in condition.fields()}
    if len(found) != 1:
        return None
    [field] = found.values()
    if (
        type(condition) is Comparison
        and isinstance(condition.left, FieldNode)
        and isinstance(condition.right, FieldNode)
    ):
        same = condition.operator in ("==", "<=", ">=")  # with itself
        return Single(field, (), lambda axis: axis.present if same else 0)
    if isinstance(condition, Missing):
        return Single(field, (), lambda _: 0, missing=True)
    if field.kind.sort in ORDERED:
        return _ordered(condition, field)
    if field.kind.sort in ("choice", "truth"):
        return _by_value(condition, field)
    return _text(condition, field) if field.kind.sort == "text" else None


def told(condition: Condition, field: FieldNode, value: Any) -> bool | None:
    """What a condition about one field says of a value of it; None where it refuses to say."""
    thing: Any = value
    for name in reversed(field.path):
        thing = {name: thing}
    reading = Reading()
    reading.found[field.model] = thing
    try:
        return condition.evaluate(reading)
    except InputError:
        return None


def _by_value(condition: Condition, field: FieldNode) -> Single | None:
    values = tuple(dict.fromkeys(field.kind.choices)) if field.kind.sort == "choice" else (False, True)
    answers = [told(condition, field, value) for value in values]
    if None in answers:
        return None
    bits = sum(1 << number for number, answer in enumerate(answers) if answer)
    return Single(field, (), lambda _: bits, missing=told(condition, field, None))


def _text(condition: Condition, field: FieldNode) -> Single:
    missing = told(condition, field, None)
    constants = _compared_texts(condition)
    if constants is None:
        return _tested_text(condition, field, missing=missing)
    unlike = isinstance(condition, Comparison) and condition.operator == "!="

    def regions(axis: Axis) -> int:
        bits = sum({1 << axis.index(constant) for constant in constants})
        return axis.present & ~bits if unlike else bits

    return Single(field, constants, regions, missing=missing)


def _tested_text(condition: Condition, field: FieldNode, *, missing: bool | None) -> Single:
    test = TextTest(condition.text(), structure_key(condition), lambda value: bool(told(condition, field, value)))

    def regions(axis: Axis) -> int:
        first, own = len(axis.values), [other.key for other in axis.tests].index(test.key)
        named = sum(1 << number for number, value in enumerate(axis.values) if test.holds(value))
        return named | sum(1 << first + number for number in range(2 ** len(axis.tests)) if number >> own & 1)

    return Single(field, (), regions, test, missing)


def structure_key(condition: Condition) -> str:
    """A condition's structure as one text."""
    return json.dumps(condition.structure(), sort_keys=True)


def _compared_texts(condition: Condition) -> tuple[Any, ...] | None:
    """The constants that a text field itself is compared with; None where it is no such comparison."""
    if type(condition) is Membership and isinstance(condition.item, FieldNode):
        return condition.among
    if type(condition) is Comparison and condition.operator in ("==", "!="):
        sides = condition.left, condition.right
        if any(isinstance(s, FieldNode) for s in sides) and any(isinstance(s, ConstantNode) for s in sides):
            return condition.constants()
    return None


def _ordered(condition: Condition, field: FieldNode) -> Single | None:
    if type(condition) is Membership:
        points = _solved_points(condition, field)
        if points is None:
            return None
        return Single(field, points, lambda axis: sum({1 << 2 * bisect_left(axis.points, p) + 1 for p in points}))
    if type(condition) is not Comparison:
        return None
    solved = _solved(condition, field)
    if solved is None:
        return None
    if isinstance(solved, bool):
        return Single(field, (), lambda axis: axis.present if solved else 0)
    operator, point = solved
    return Single(field, (point,), lambda axis: _beside(axis, operator, point))


def _beside(axis: Axis, operator: str, point: Any) -> int:
    """The regions of the values that compare so with a point of the axis."""
    at = 2 * bisect_left(axis.points, point) + 1
    if operator in ("!=", ">", ">="):
        return axis.present & ~_beside(axis, NEGATED[operator], point)
    below, exactly = (1 << at) - 1, 1 << at
    return {"<": below, "<=": below | exactly, "==": exactly}[operator]


def _solved(condition: Comparison, field: FieldNode) -> tuple[str, Any] | bool | None:
    """A comparison as one of the field with a constant, or what it always says."""
    left, operator, right = condition.left, condition.operator, condition.right
    if isinstance(left, FieldNode) and isinstance(right, ConstantNode):
        return operator, right.value
    if isinstance(left, ConstantNode) and isinstance(right, FieldNode):
        return TURNED[operator], left.value
    if field.kind.sort != "integer":
        return None
    a, b = _line(left, last=True), _line(right, last=True)
    if a is None or b is None:
        return None
    slope, shift = a[0] - b[0], b[1] - a[1]
    if slope == 0:
        return _compares(Fraction(0), operator, shift)
    return _whole(TURNED[operator] if slope < 0 else operator, shift / slope)


def _compares(a: Fraction, operator: str, b: Fraction) -> bool:
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[operator]


def _whole(operator: str, point: Fraction) -> tuple[str, Any] | bool:
    """A comparison of a whole number with a fraction as one with a whole number."""
    if point.denominator == 1:
        return operator, int(point)
    if operator in ("==", "!="):
        return operator == "!="
    return ("<=" if operator in ("<", "<=") else ">"), math.floor(point)


def _solved_points(condition: Membership, field: FieldNode) -> tuple[Any, ...] | None:
    if isinstance(condition.item, FieldNode):
        return condition.among
    line = _line(condition.item) if field.kind.sort == "integer" else None
    if line is None or line[0] == 0:
        return None
    points = ((Fraction(value) - line[1]) / line[0] for value in condition.among)
    return tuple(int(point) for point in points if point.denominator == 1)


def _line(node: Node, *, last: bool = False) -> tuple[Fraction, Fraction] | None:
    """Slope and shift of whole-number arithmetic on one field; `last`: where any number may stand, being only compared."""
    if isinstance(node, FieldNode):
        return (Fraction(1), Fraction(0)) if node.kind.sort == "integer" else None
    if isinstance(node, ConstantNode):
        whole = node.kind.sort == "integer" or (last and node.kind.sort in ("decimal", "float"))
        return (Fraction(0), Fraction(node.value)) if whole else None
    if not isinstance(node, ArithmeticNode):
        return None
    a, b = _line(node.left), _line(node.right)
    if a is None or b is None or node.operator == "/":
        return None
    if node.operator == "*":
        if a[0] and b[0]:
            return None
        return a[0] * b[1] + b[0] * a[1], a[1] * b[1]
    sign = 1 if node.operator == "+" else -1
    return a[0] + sign * b[0], a[1] + sign * b[1]
