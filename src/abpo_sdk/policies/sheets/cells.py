"""The cells of a row: what its condition asks of each input, and how a case stands to it."""

from __future__ import annotations

from typing import NamedTuple

from abpo_sdk.conditions import Condition, Reading
from abpo_sdk.conditions.comparisons import Comparison, Membership, Missing
from abpo_sdk.conditions.compiled import value_of
from abpo_sdk.conditions.condition import Both, Either, Not
from abpo_sdk.conditions.kinds import written
from abpo_sdk.conditions.lists import CountNode, OfItems
from abpo_sdk.conditions.nodes import AbsoluteNode, ArithmeticNode, ConstantNode, FieldNode, Node
from abpo_sdk.errors import InputError, MissingInput
from abpo_sdk.values.canonical import canonical_bytes


class Asked(NamedTuple):
    """What a condition asks of one input."""

    of: Node
    text: str

    @property
    def key(self) -> bytes:
        """The same for the same input."""
        return canonical_bytes(self.of.structure())


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """What must hold for a condition to hold, each on its own, in the order in which it is read; none where it always does.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk.conditions import fields
    >>> class Claim(BaseModel):
    ...     amount: int
    ...     country: str
    >>> c = fields(Claim)
    >>> [part.text() for part in conjuncts((c.amount > 5) & (c.country == "DE"))]
    ['amount > 5', "country == 'DE'"]
    """
    if condition.settled:
        return ()
    found: list[Condition] = []
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Both):
            waiting += reversed(part.parts())
        else:
            found.append(part)
    return tuple(found)


def asked(condition: Condition, reading: Reading | None = None) -> Asked | None:
    """What a condition asks of one input; None where it is not about one alone.

    Args:
        condition: a part of a row's condition.
        reading: the case that it is shown with, of which a personal value must not be told.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk.conditions import fields
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> c = fields(Claim)
    >>> asked((c.amount < 5) | (c.amount >= 1_000)).text, asked(c.amount.is_in(1, 2)).text
    ('< 5 or >= 1,000', 'in (1, 2)')
    """
    if isinstance(condition, (Both, Either)):
        return _asked_of_all(condition, reading)
    if isinstance(condition, Not):
        part = asked(condition.part, reading)
        return part and Asked(part.of, _negated(condition.part, part.text))
    if isinstance(condition, Comparison):
        if isinstance(condition.left, ConstantNode):
            return None
        return Asked(condition.left, _compared(condition.operator, _right(condition, reading)))
    return _asked_of_leaf(condition, reading)


def stated(condition: Condition, reading: Reading | None) -> str:
    """A condition without the values of the case that it is shown with, unless a personal one would follow from it."""
    return condition.written(reading if reading is not None and is_personal(condition) else None)


def heading(node: Node, reading: Reading | None) -> str:
    """An expression without the values of the case that it is shown with, and without what tells a personal one."""
    return node.written(None) if reading is None or not is_personal(node) else node.named(reading)


def is_personal(thing: Condition | Node) -> bool:
    """Whether something personal stands in it, be it of the items of a list that it counts."""
    if next(thing.marks(), None) is not None:
        return True
    if isinstance(thing, CountNode):
        return thing.body is not None and is_personal(thing.body)
    if isinstance(thing, (ArithmeticNode, Comparison)):
        return is_personal(thing.left) or is_personal(thing.right)
    if isinstance(thing, (AbsoluteNode, Membership, OfItems)):
        part = thing.body if isinstance(thing, OfItems) else thing.item if isinstance(thing, Membership) else thing.part
        return is_personal(part)
    return any(map(is_personal, thing.parts())) if isinstance(thing, Condition) else False


def _asked_of_all(condition: Both | Either, reading: Reading | None) -> Asked | None:
    parts = [asked(part, reading) for part in condition.parts()]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({part.key for part in known}) > 1:
        return None
    word = " and " if isinstance(condition, Both) else " or "
    loose = isinstance(condition, Both)
    texts = [
        f"({part.text})" if loose and isinstance(of, Either) else part.text
        for part, of in zip(known, condition.parts(), strict=True)
    ]
    return Asked(known[0].of, word.join(texts))


def _asked_of_leaf(condition: Condition, reading: Reading | None) -> Asked | None:
    """Of any other condition about one field, which begins with the field's name."""
    of = (
        condition.item
        if isinstance(condition, Membership)
        else condition.field
        if isinstance(condition, Missing)
        else None
    )
    if of is None:
        nodes = list(condition.fields())
        of = nodes[0] if len(nodes) == 1 and not condition.parts() else None
    if of is None:
        return None
    hidden = reading is not None and is_personal(condition)
    start, text = of.written(reading if hidden else None), stated(condition, reading)
    return Asked(of, text[len(start) + 1 :]) if text.startswith(f"{start} ") else None


def _right(condition: Comparison, reading: Reading | None) -> str:
    mark = next(condition.marks(), None)
    if reading is not None and mark and condition.operator in ("==", "!="):
        try:
            if condition.evaluate(reading) is (condition.operator == "=="):
                return mark.mask  # of two equal things, the one tells the other
        except InputError:
            pass
    return heading(condition.right, reading)


def _compared(operator: str, right: str) -> str:
    return right if operator == "==" else f"not {right}" if operator == "!=" else f"{operator} {right}"


def _negated(part: Condition, text: str) -> str:
    if isinstance(part, Missing):
        return "is given"
    return f"not {text}" if isinstance(part, Membership) else f"not ({text})"


def told(condition: Condition, reading: Reading) -> str:
    """Why a condition does not hold of a case, with the values: "total 742, needs > 1,000"; empty where it holds."""
    try:
        if condition.evaluate(reading):
            return ""
    except InputError as error:
        return _unanswered(condition, reading, error)
    if isinstance(condition, Comparison):
        left, right = _with_value(condition.left, reading), _needed(condition, reading)
        return f"{left}, {_needs(_compared(condition.operator, right))}"
    about = asked(condition, reading)
    if about is not None:
        if isinstance(condition, Not) and isinstance(condition.part, Missing):
            return f"{about.of.written(None)} is missing"
        return f"{_with_value(about.of, reading)}, {_needs(about.text)}"
    if isinstance(condition, Either):
        return ", or ".join(told(part, reading) for part in condition.parts())
    if isinstance(condition, Both):
        return " and ".join(text for part in condition.parts() if (text := told(part, reading)))
    if isinstance(condition, Not):
        return f"must not be: {condition.part.written(reading)}"
    return f"does not hold: {condition.written(reading)}"


def _needs(text: str) -> str:
    """What a cell asks, as the second half of a sentence."""
    text = text.replace("in (", "one of (", 1) if text.startswith(("in (", "not in (")) else text
    text = text.replace("is ", "to be ", 1) if text.startswith("is ") else text
    return f"must not be {text[4:]}" if text.startswith("not ") else f"needs {text}"


def _needed(condition: Comparison, reading: Reading) -> str:
    if isinstance(condition.right, ConstantNode):
        return _right(condition, reading)
    return _with_value(condition.right, reading)


def _with_value(node: Node, reading: Reading) -> str:
    """An expression with the values of its fields and, where it is computed from them, its own."""
    text = node.written(reading)
    if not isinstance(node, (ArithmeticNode, AbsoluteNode)) or next(node.marks(), None) is not None:
        return text
    try:
        return f"{text} = {written(value_of(node)(reading))}"
    except InputError:
        return text


def value_in(node: Node, reading: Reading) -> str:
    """What an expression is of a case, as text; personal values masked, and "(missing)" where it has none."""
    mark = next(node.marks(), None)
    if mark is not None:
        return mark.mask
    if isinstance(node, FieldNode):
        return node.written(reading).removeprefix(f"{node.name} ")
    try:
        return written(value_of(node)(reading))
    except MissingInput:
        return "(missing)"
    except InputError:
        return "(no value)"


def _unanswered(condition: Condition, reading: Reading, error: InputError) -> str:
    """That a condition has no answer, and why."""
    if isinstance(error, MissingInput):
        for field in condition.fields():
            if reading.raw(field) is None:
                return f"{field.name} is missing"
    return str(error)
