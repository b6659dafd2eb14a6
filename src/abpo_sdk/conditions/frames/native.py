"""Comparisons of machine values, where they say exactly what Python says of the values that these stand for."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.compiled import ARITHMETIC, COMPARISONS
from abpo_sdk.conditions.frames.columns import Native
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode, FieldNode, Node

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from abpo_sdk.conditions.frames.problems import Problems

_FLOAT_INTEGERS = 2**53
_LARGE = 2**62
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

Truths = tuple["NDArray[np.bool_]", "NDArray[np.int32] | None"]
"""Which rows a comparison holds of, and by row the number of what kept it from being made."""


class NotNative(Exception):
    """It takes Python's own values to say what holds."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers by row: machine values, the greatest absolute value of integers, and why some have none."""

    values: Any
    largest: int | None
    problem: NDArray[np.int32] | None


def reading_problem(column: Native, name: str, problems: Problems) -> NDArray[np.int32] | None:
    """By row, the number of what is wrong when a field is read: it has no value, or none that can be compared."""
    import numpy as np

    problem = None
    if column.none is not None:
        problem = np.where(column.none, problems.missing(name), 0).astype(np.int32)
    if column.form == "float":
        strange = ~np.isfinite(column.data)
        if strange.any():
            problem = np.where(strange, problems.mistyped(name), 0 if problem is None else problem).astype(np.int32)
    return problem


def compare_constant(column: Native, operator: str, constant: Any) -> NDArray[np.bool_]:
    """Which values compare so with a constant; of rows without a value it says nothing."""
    import numpy as np

    data = column.data
    if column.form == "truth":
        if not isinstance(constant, bool):
            raise NotNative
        return np.asarray(COMPARISONS[operator](data, constant), dtype=bool)
    if column.form in ("float", "decimal of a float"):
        return _compare_float(column, operator, constant)
    return _compare_whole(data, operator, as_count(column, constant))


def as_count(column: Native, constant: Any) -> int | float | Decimal | Fraction:
    """A constant in the units of a column of integers.

    Raises:
        NotNative: the column's values do not compare with it.
    """
    form = column.form
    if form in ("integer", "decimal") and isinstance(constant, (int, float, Decimal)) and type(constant) is not bool:
        return constant
    if form == "time" and isinstance(constant, dt.datetime):
        return Fraction((constant - _EPOCH) // _MICROSECOND * column.per_second, 10**6)
    if form == "duration" and isinstance(constant, dt.timedelta):
        return Fraction(constant // _MICROSECOND * column.per_second, 10**6)
    if form == "date" and type(constant) is dt.date:
        return constant.toordinal() - _EPOCH.toordinal()
    raise NotNative


def _compare_whole(data: NDArray[Any], operator: str, constant: Any) -> NDArray[np.bool_]:
    """Integers against any number: below it is below its ceiling, above it is above its floor."""
    import numpy as np

    below, above = math.ceil(constant), math.floor(constant)

    def compared(sign: str, bound: int) -> NDArray[np.bool_]:
        if -(2**63) <= bound < 2**63:
            return np.asarray(COMPARISONS[sign](data, bound), dtype=bool)
        return np.full(data.shape, COMPARISONS[sign](0, bound), dtype=bool)

    if operator in ("<", ">="):
        return compared(operator, below)
    if operator in (">", "<="):
        return compared(operator, above)
    if below != above:
        return np.full(data.shape, operator == "!=", dtype=bool)
    return compared(operator, below)


def _compare_float(column: Native, operator: str, constant: Any) -> NDArray[np.bool_]:
    """Floats, or the decimals that are written like them, against any number.

    Both are in the order of the floats, and the nearest float to the constant is the only one whose place beside the constant
    is not that of its place beside that float.
    """
    import numpy as np

    if not isinstance(constant, (int, float, Decimal)) or isinstance(constant, bool):
        raise NotNative
    nearest = nearest_float(constant)
    data = column.data
    at = data == nearest
    holds = COMPARISONS[operator](column.python(np.array([nearest]))[0], constant) if math.isfinite(nearest) else False
    if operator in ("==", "!="):
        equal = at if holds is (operator == "==") else np.zeros(data.shape, dtype=bool)
        return equal if operator == "==" else ~equal
    side = data < nearest if operator in ("<", "<=") else data > nearest
    return np.asarray(side | at if holds else side, dtype=bool)


def nearest_float(constant: Any) -> float:
    """The nearest float to a number; infinite where it is beyond all of them."""
    try:
        return float(constant)
    except OverflowError:
        return math.inf if constant > 0 else -math.inf


def compare(
    left: Node, operator: str, right: Node, column_of: Callable[[FieldNode], Any], problems: Problems, text: str
) -> Truths:
    """Two expressions, compared.

    Raises:
        NotNative: it takes Python's own values.
    """
    import numpy as np

    if isinstance(left, FieldNode) and isinstance(right, ConstantNode):
        column = _native(column_of(left))
        return compare_constant(column, operator, right.value), reading_problem(column, left.name, problems)
    if isinstance(left, FieldNode) and isinstance(right, FieldNode):
        one, other = _native(column_of(left)), _native(column_of(right))
        whole = ("integer", "decimal")
        alike = (one.form in whole and other.form in whole) or (
            one.form == other.form and one.form != "decimal of a float" and one.per_second == other.per_second
        )
        if alike:
            holds = np.asarray(COMPARISONS[operator](one.data, other.data), dtype=bool)
            problem = reading_problem(one, left.name, problems)
            return holds, _first(problem, reading_problem(other, right.name, problems))
    with np.errstate(all="ignore"):
        a = _vector(left, column_of, problems, text)
        b = _vector(right, column_of, problems, text)
        _check_alike(a, b)
        return np.asarray(COMPARISONS[operator](a.values, b.values), dtype=bool), _first(a.problem, b.problem)


def _native(column: Any) -> Native:
    if not isinstance(column, Native):
        raise NotNative
    return column


def _first(one: NDArray[np.int32] | None, other: NDArray[np.int32] | None) -> NDArray[np.int32] | None:
    """What is wrong with the first, and else with the other, as Python comes to them."""
    import numpy as np

    if one is None or other is None:
        return other if one is None else one
    return np.where(one > 0, one, other)


def _check_alike(a: Vector, b: Vector) -> None:
    """Integers are compared and computed with floats only where each is a float itself."""
    if (a.largest is None) is not (b.largest is None) and max(a.largest or 0, b.largest or 0) > _FLOAT_INTEGERS:
        raise NotNative


def _vector(node: Node, column_of: Callable[[FieldNode], Any], problems: Problems, text: str) -> Vector:
    import numpy as np

    if isinstance(node, ConstantNode):
        if type(node.value) is int and abs(node.value) < _LARGE:
            return Vector(np.int64(node.value), abs(node.value), None)
        if type(node.value) is float:
            return Vector(np.float64(node.value), None, None)
        raise NotNative
    if isinstance(node, FieldNode):
        column = _native(column_of(node))
        problem = reading_problem(column, node.name, problems)
        if column.form == "float":
            return Vector(column.data, None, problem)
        if column.form == "integer":
            data = column.data
            largest = max(abs(int(data.min())), abs(int(data.max()))) if data.size else 0
            if largest < _LARGE:
                return Vector(data, largest, problem)
        raise NotNative
    if isinstance(node, AbsoluteNode):
        part = _vector(node.part, column_of, problems, text)
        return Vector(np.abs(part.values), part.largest, part.problem)
    if isinstance(node, ArithmeticNode):
        a, b = (_vector(side, column_of, problems, text) for side in (node.left, node.right))
        return _computed(node.operator, a, b, problems.mistyped(text))
    raise NotNative


def _computed(operator: str, a: Vector, b: Vector, no_value: int) -> Vector:
    import numpy as np

    _check_alike(a, b)
    problem = _first(a.problem, b.problem)
    if a.largest is not None and b.largest is not None and operator != "/":
        largest = a.largest * b.largest if operator == "*" else a.largest + b.largest
        if largest >= _LARGE:
            raise NotNative
        return Vector(ARITHMETIC[operator](a.values, b.values), largest, problem)
    if operator == "/" and max(a.largest or 0, b.largest or 0) > _FLOAT_INTEGERS:
        raise NotNative
    values = np.asarray(ARITHMETIC[operator](a.values, b.values), dtype=np.float64)
    strange = ~np.isfinite(values)
    if strange.any():
        problem = _first(problem, np.where(strange, no_value, 0).astype(np.int32))
    return Vector(values, None, problem)


__all__ = ["NotNative", "Truths", "as_count", "compare", "compare_constant", "nearest_float", "reading_problem"]
