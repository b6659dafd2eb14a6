"""Conditions as closures: what is known once a condition is written is looked up then, and not for every case.

This is the one way in which conditions are evaluated. A value that is of exactly the declared type is taken at
once; whatever else a case holds goes through `Reading.value`, which accepts or refuses it.
"""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from abpo_sdk.conditions import amounts
from abpo_sdk.conditions.items import ItemNode
from abpo_sdk.conditions.kinds import Kind, Sort, kind_of_annotation, unfit
from abpo_sdk.conditions.meaning import instant
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode, FieldNode, Node
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import MistypedInput
from abpo_sdk.values.money import Money
from abpo_sdk.values.traversal import is_typed_dict

Truth = Callable[[Reading], bool]
"""Whether a condition holds of what is read."""

Value = Callable[[Reading], Any]
"""What an expression is for what is read."""

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
DECIMALS = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""How decimals are computed with: as Python does by default, whatever the caller's own context says, and other threads' do."""


def comparison(sign: str, left: Node, right: Node) -> Truth:
    """Two expressions, compared."""
    compare, value = COMPARISONS[sign], operand(left)
    if left.kind.sort == right.kind.sort == "money":
        compare = amounts.compared(compare, f"{left.written(None)} {sign} {right.written(None)}")
    other = operand(right)
    if isinstance(right, ConstantNode):
        constant = instant(right.value) if right.kind.sort == "time" else right.value
        return lambda reading: compare(value(reading), constant)
    return lambda reading: compare(value(reading), other(reading))


def membership(item: Node, among: tuple[Any, ...]) -> Truth:
    """Whether an expression is one of some constants."""
    value = operand(item)
    if item.kind.sort == "money":
        equals, shown = among[0], f"{item.written(None)} is_in"
        held = frozenset(money.amount for money in among)

        def holds(reading: Reading) -> bool:
            money = value(reading)
            amounts.same_currency(money, equals, shown)
            return money.amount in held

        return holds
    known = tuple(instant(each) for each in among) if item.kind.sort == "time" else among
    return lambda reading: value(reading) in known


def missing(field: FieldNode | ItemNode) -> Truth:
    """Whether a field has no value."""
    if isinstance(field, ItemNode):
        return lambda reading: field.value(reading, missing_ok=True) is None
    return lambda reading: reading.value(field, missing_ok=True) is None


def all_of(parts: tuple[Truth, ...]) -> Truth:
    """Whether all hold; those after one that does not are not looked at."""

    def holds(reading: Reading) -> bool:
        for part in parts:  # a loop, since `all` over a generator takes twice the time  # noqa: SIM110
            if not part(reading):
                return False
        return True

    return holds


def any_of(parts: tuple[Truth, ...]) -> Truth:
    """Whether one holds; those after it are not looked at."""

    def holds(reading: Reading) -> bool:
        for part in parts:  # noqa: SIM110  as above
            if part(reading):
                return True
        return False

    return holds


def none_of(part: Truth) -> Truth:
    """Whether a condition does not hold."""
    return lambda reading: not part(reading)


def value_of(node: Node, decimals: Context = DECIMALS) -> Value:
    """An expression's value; `decimals` says how exactly decimals are computed with."""
    if isinstance(node, FieldNode):
        return _field(node)
    if isinstance(node, ConstantNode):
        constant = node.value
        return lambda _: constant
    if isinstance(node, ArithmeticNode):
        return _arithmetic(node, decimals)
    if isinstance(node, AbsoluteNode):
        part = value_of(node.part, decimals)
        return lambda reading: amounts.absolute(part(reading))
    return _item(node) if isinstance(node, ItemNode) else node.compiled()


def operand(node: Node, decimals: Context = DECIMALS) -> Value:
    """An expression's value, to be compared or computed with: of a time its moment in UTC.

    Python compares two times of one zone by what its clock shows, which is no order in the hour that the zone repeats
    (PEP 495).
    """
    value = value_of(node, decimals)
    if node.kind.sort != "time" or isinstance(node, ArithmeticNode):  # which computes with moments
        return value
    if isinstance(node, ConstantNode):
        constant = instant(node.value)
        return lambda _: constant
    return lambda reading: instant(value(reading))


def _arithmetic(node: ArithmeticNode, decimals: Context) -> Value:
    compute = _computation(node, decimals)
    left, right = operand(node.left, decimals), operand(node.right, decimals)

    def value(reading: Reading) -> Any:
        a, b = left(reading), right(reading)
        try:
            result = compute(a, b)
        except ArithmeticError as error:
            raise MistypedInput(f"{node.written(reading)} has no value: {type(error).__name__}") from error
        problem = unfit(result.amount if type(result) is amounts.Amount else result)
        if problem:
            raise MistypedInput(f"{node.written(reading)} is {result!r}, {problem}")
        return result

    return value


def _computation(node: ArithmeticNode, decimals: Context) -> Callable[[Any, Any], Any]:
    compute = ARITHMETIC[node.operator]
    if {"decimal", "money"} & {node.left.kind.sort, node.right.kind.sort}:
        of = {"+": decimals.add, "-": decimals.subtract, "*": decimals.multiply, "/": decimals.divide}
        compute = of[node.operator]
    if "money" not in (node.left.kind.sort, node.right.kind.sort):
        return compute
    of_money = amounts.summed if node.operator in "+-" else amounts.computed
    return of_money(compute, node.written(None))


def _field(field: FieldNode) -> Value:
    """A field's value: at once where it is of exactly the declared type, and by `Reading.value` otherwise."""
    model, quick = field.model, _exact_type(field.kind)
    in_dict = is_typed_dict(model)
    if quick is None or len(field.path) > 1 or (issubclass(model, Mapping) and not in_dict):
        return lambda reading: reading.value(field)
    exact, fits = quick
    name, key = field.path[0], (model, field.name)

    def of_object(reading: Reading) -> Any:
        thing = reading.found.get(model)
        if thing is None:
            thing = reading.thing(field)
        if type(thing) is model:
            try:
                value = getattr(thing, name)
            except AttributeError:
                value = None
            if type(value) is exact and (fits is None or fits(value)):
                reading.read[key] = None
                return value
        return reading.value(field)

    def of_dict(reading: Reading) -> Any:
        thing = reading.found.get(model)
        if thing is None:
            thing = reading.thing(field)
        if type(thing) is dict:
            value = thing.get(name)
            if type(value) is exact and (fits is None or fits(value)):
                reading.read[key] = None
                return value
        return reading.value(field)

    return of_dict if in_dict else of_object


def _item(node: ItemNode) -> Value:
    """An item's value, or that of a field of it, as that of a field of the case."""
    quick, items, otherwise = _exact_type(node.kind), node.items, node.value
    if quick is None or len(node.path) > 1:
        return otherwise
    exact, fits = quick

    def of_plain(reading: Reading) -> Any:
        looked_at = reading.items.get(items)
        if looked_at is not None and type(value := looked_at[1]) is exact and (fits is None or fits(value)):
            return value
        return otherwise(reading)

    if not node.path:
        return of_plain
    [name], model = node.path, kind_of_annotation(items.source.kind.item).type
    if issubclass(model, Mapping):
        return otherwise

    def of_object(reading: Reading) -> Any:
        looked_at = reading.items.get(items)
        if looked_at is not None and type(looked_at[1]) is model:
            value = getattr(looked_at[1], name, None)
            if type(value) is exact and (fits is None or fits(value)):
                return value
        return otherwise(reading)

    return of_object


def _has_zone(value: dt.datetime) -> bool:
    return value.tzinfo is not None


def _has_no_zone(value: dt.time) -> bool:
    return value.tzinfo is None


Fits = Callable[[Any], bool]

EXACT: dict[Sort, tuple[type, Fits | None]] = {
    "integer": (int, None),
    "decimal": (Decimal, Decimal.is_finite),
    "float": (float, math.isfinite),
    "text": (str, None),
    "truth": (bool, None),
    "date": (dt.date, None),
    "time": (dt.datetime, _has_zone),
    "clock": (dt.time, _has_no_zone),
    "duration": (dt.timedelta, None),
    "money": (Money, None),
}


def _exact_type(kind: Kind) -> tuple[type, Fits | None] | None:
    """The type whose values are taken at once, and which of them; None where there is none such."""
    if kind.sort == "choice":
        types = {type(choice) for choice in kind.choices}
        return (
            (types.pop(), frozenset(c for c in kind.choices if not unfit(c)).__contains__) if len(types) == 1 else None
        )
    return EXACT.get(kind.sort)
