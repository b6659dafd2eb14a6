"""Conditions about the items of a list: whether one holds of any of them, of all, and of how many.

They go through the items in order and stop where the answer is known. What holds of an item is one condition, made when
the whole is written: `fields(Order).lines.any_(lambda line: line.amount > 100)`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from abpo_sdk.conditions import meaning
from abpo_sdk.conditions.condition import Both, Condition, Either
from abpo_sdk.conditions.kinds import Kind
from abpo_sdk.conditions.nodes import FieldNode, Node
from abpo_sdk.errors import InputError

if TYPE_CHECKING:
    from abpo_sdk.conditions.compiled import Truth
    from abpo_sdk.conditions.items import Items
    from abpo_sdk.conditions.reading import Reading
    from abpo_sdk.values.personal import Personal

__all__ = ["AllItems", "AnyItem", "CountNode", "OfItems"]


class OfItems(Condition):
    """What is asked of the items of a list.

    The fields of the case that it refers to are the list, and whatever else the condition about an item names; the items' own
    fields are none of the case's.
    """

    __slots__ = ("body", "items")
    word: ClassVar[str]
    decides: ClassVar[bool]
    """What the condition must say of one item for the answer to be known: then it is just that."""

    def __init__(self, items: Items, body: Condition) -> None:
        self.items = items
        self.body = body

    @property
    def reads_fields_only(self) -> bool:
        return self.body.reads_fields_only

    def compiled(self) -> Truth:
        first, decides = _first(self.items, self.body, self.decides), self.decides
        return lambda reading: (first(reading) is not None) is decides

    def written(self, reading: Reading | None) -> str:
        if reading is None:
            return f"{self.word} {self.items.source.written(None)}: {_within(self.body, None)}"
        of = f"{self.word} {self.items.source.named(reading)}"
        try:
            found = list(self.items.of(reading))
            position = _first(self.items, self.body, self.decides)(reading)
        except InputError:
            return f"{of}: {_masked(self.body)}"
        if not found:
            return f"{of}: {_masked(self.body)} (there are none)"
        shown = position or 0
        outer = dict(reading.items)
        reading.items[self.items] = shown, found[shown]
        try:
            text = f"{of}: {_within(self.body, reading)}"
        finally:
            reading.items = outer
        return text if position is not None else f"{text} ({self._others(len(found))})"

    @abstractmethod
    def _others(self, count: int) -> str:
        """What is to be said of a list of so many items where no one of them decides."""

    def structure(self) -> dict[str, Any]:
        op = "any" if self.decides else "all"
        return meaning.gone_through(op, self.items, self.items.source.structure(), self.body.structure())

    def fields(self) -> Iterator[FieldNode]:
        return chain(self.items.source.fields(), self.body.fields())

    def marks(self) -> Iterator[Personal]:
        return chain(self.items.source.marks(), self.body.marks())

    def constants(self) -> tuple[Any, ...]:
        return tuple(_constants_of_items(self.body))

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        return _constants_about(self.items, self.body, model, names)


class AnyItem(OfItems):
    """Whether a condition holds of at least one item; of an empty list it does not. Made by `field.any_(...)`."""

    __slots__ = ()
    word = "any"
    decides = True

    def _others(self, count: int) -> str:
        return f"none of {count}"

    def __invert__(self) -> Condition:
        return AllItems(self.items, ~self.body)


class AllItems(OfItems):
    """Whether a condition holds of every item; of an empty list it does. Made by `field.all_(...)`."""

    __slots__ = ()
    word = "all"
    decides = False

    def _others(self, count: int) -> str:
        return f"all {count}"

    def __invert__(self) -> Condition:
        return AnyItem(self.items, ~self.body)


class CountNode(Node):
    """Of how many items a condition holds, or how many there are. Made by `field.count(...)`."""

    __slots__ = ("body", "items")

    def __init__(self, items: Items, body: Condition | None) -> None:
        self.items = items
        self.body = None if body is not None and body.settled else body
        self.kind = Kind("integer")

    def compiled(self) -> Callable[[Reading], Any]:
        items = self.items
        if self.body is None:
            return lambda reading: len(items.of(reading))
        holds = self.body.compiled()

        def count(reading: Reading) -> int:
            number, outer = 0, reading.items
            reading.items = inner = dict(outer)
            try:
                for position, item in enumerate(items.of(reading)):
                    inner[items] = position, item
                    if holds(reading):
                        number += 1
            finally:
                reading.items = outer
            return number

        return count

    def named(self, reading: Reading) -> str:
        where = "" if self.body is None else f" where {_masked(self.body)}"
        return f"count of {self.items.source.named(reading)}{where}"

    def written(self, reading: Reading | None) -> str:
        if reading is None:
            where = "" if self.body is None else f" where ({self.body.written(None)})"
            return f"count of {self.items.source.written(None)}{where}"
        try:
            number = f"{self.compiled()(reading):,}"
        except InputError:
            number = "(unknown)"
        return f"{self.named(reading)}: {number}"

    def structure(self) -> Any:
        body = None if self.body is None else self.body.structure()
        return meaning.gone_through("count", self.items, self.items.source.structure(), body)

    def fields(self) -> Iterator[FieldNode]:
        return chain(self.items.source.fields(), () if self.body is None else self.body.fields())

    def marks(self) -> Iterator[Personal]:
        return self.items.source.marks()

    def constants_about(self, model: type, names: frozenset[str]) -> set[Any]:
        return set() if self.body is None else _constants_about(self.items, self.body, model, names)


def _first(items: Items, body: Condition, wanted: bool) -> Callable[[Reading], int | None]:  # noqa: FBT001  private
    """The position of the first item of which a condition says what is wanted; None where it says so of none."""
    holds = body.compiled()

    def first(reading: Reading) -> int | None:
        outer = reading.items
        reading.items = inner = dict(outer)
        try:
            for position, item in enumerate(items.of(reading)):
                inner[items] = position, item
                if bool(holds(reading)) is wanted:
                    return position
        finally:
            reading.items = outer
        return None

    return first


def _within(body: Condition, reading: Reading | None) -> str:
    """A condition about an item inside of another text."""
    text = body.written(reading)
    return f"({text})" if isinstance(body, (Both, Either)) else text


def _masked(body: Condition) -> str:
    """A condition about an item without its values; what is compared with something personal may tell that."""
    mark = next(body.marks(), None)
    return f"(a condition on {mark.mask})" if mark else _within(body, None)


def _constants_about(items: Items, body: Condition, model: type, names: frozenset[str]) -> set[Any]:
    found = body.constants_about(model, names)
    if any(field.model is model and field.name in names for field in items.source.fields()):
        found.update(_constants_of_items(body))
    return found


def _constants_of_items(body: Condition) -> Iterator[Any]:
    """The constants that fields of items are compared with."""
    for part in body.parts():
        yield from _constants_of_items(part)
    if isinstance(body, OfItems) or next(body.fields(), None) is None:
        yield from body.constants()
