"""The items of a list, while a condition goes through them: what stands for one, and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from abpo_sdk.conditions.kinds import check_value, exact, kind_of_annotation
from abpo_sdk.conditions.nodes import FieldNode, Node, shown
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import InputError, MissingInput, UnknownField
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.traversal import personal_in


class Items:
    """A list that a condition goes through.

    Args:
        source: the field that holds it, of the case or of an item of another list.
        name: what the condition calls an item.
    """

    __slots__ = ("name", "source")

    def __init__(self, source: FieldNode | ItemNode, name: str) -> None:
        self.source = source
        self.name = name

    def of(self, reading: Reading) -> Collection[Any]:
        """The items, in order; those of a set in the order of their texts.

        Raises:
            MissingInput: there is no list.
            MistypedInput: it is no list.
        """
        source = self.source
        found = reading.value(source) if isinstance(source, FieldNode) else source.value(reading)
        return found if isinstance(found, (list, tuple)) else sorted(found, key=_in_order)


class ItemNode(Node):
    """An item of a list that is gone through, or a field of it. No field of the case: it has as many values as there are items.

    Args:
        items: the list.
        path: the names that lead to a field of the item; empty for the item itself.
        annotation: what it is annotated as.
        inside: the mark of what holds it, where that is personal.
    """

    __slots__ = ("annotation", "items", "path", "personal")

    personal: Personal | None
    """As of a field of the case."""

    def __init__(self, items: Items, path: tuple[str, ...], annotation: Any, *, inside: Personal | None = None) -> None:
        self.items = items
        self.path = path
        self.annotation = annotation
        self.kind = kind_of_annotation(annotation)
        self.personal = personal_in(annotation) or inside

    @property
    def name(self) -> str:
        """The dotted name, an item called as the condition calls it."""
        return ".".join((self.items.name, *self.path))

    def named(self, reading: Reading) -> str:
        """The name with the position of the item that is looked at: "lines[2].amount"."""
        if self.items not in reading.items:
            return self.name
        source = self.items.source
        outer = source.name if isinstance(source, FieldNode) else source.named(reading)
        return ".".join((f"{outer}[{reading.items[self.items][0]}]", *self.path))

    def written(self, reading: Reading | None) -> str:
        if reading is None or self.items not in reading.items:
            return self.name
        name = self.named(reading)
        if self.personal:
            return f"{name} {self.personal.mask}"
        try:
            value = self._part(reading, len(self.path))
        except MissingInput:
            value = None
        return f"{name} {shown(value, self.annotation)}"

    def structure(self) -> Any:
        return {"item": self.items, "field": ".".join(self.path)}

    def fields(self) -> Iterator[FieldNode]:
        return iter(())

    def marks(self) -> Iterator[Personal]:
        if self.personal:
            yield self.personal

    def compiled(self) -> Callable[[Reading], Any]:
        return self.value

    def value(self, reading: Reading, *, missing_ok: bool = False) -> Any:
        """What the item that is looked at holds there.

        Raises:
            MissingInput: it is None or absent, and nothing allows that.
            MistypedInput: it is not what is declared, or not fit to be compared.
            InputError: no item is looked at, because the condition stands outside of the one that goes through the list.
        """
        try:
            value = self._part(reading, len(self.path))
        except MissingInput:
            if missing_ok:
                return None
            raise
        if value is None:
            if missing_ok:
                return None
            raise self._missing(reading, len(self.path))
        mark = self.personal
        check_value(value, self.kind, self._place(reading), mark.mask if mark else None)
        return value

    def _part(self, reading: Reading, depth: int) -> Any:
        """What stands at the end of so much of the path; None where that is missing.

        Raises:
            MissingInput: something before it is missing.
        """
        try:
            _, value = reading.items[self.items]
        except KeyError:
            raise InputError(
                f"{self.name} is an item of {self.items.source.name}, and a condition asks for it outside of the one that goes "
                "through that list; use it in the function that any_, all_ or count was given"
            ) from None
        for position, name in enumerate(self.path[:depth]):
            if value is None:
                raise self._missing(reading, position)
            if isinstance(value, Mapping):
                value = value.get(name)
                continue
            try:
                value = getattr(value, name)
            except AttributeError:
                raise UnknownField(
                    f"{self._place(reading, position)} is a {type(value).__name__} without {name!r}, which is declared"
                ) from None
        return value

    def _missing(self, reading: Reading, depth: int) -> MissingInput:
        return MissingInput(
            f"{self._place(reading, depth)} is missing, and a condition needs it; "
            f"give it a value, or ask for it with {'.'.join((self.items.name, *self.path[:depth]))}.is_missing()"
        )

    def _place(self, reading: Reading, depth: int | None = None) -> str:
        """Where in the case it is: "Invoice.lines[2].amount"."""
        source = self.items.source
        while isinstance(source, ItemNode):
            source = source.items.source
        shown = ItemNode(self.items, self.path[:depth], Any) if depth is not None else self
        return f"{source.model.__name__}.{shown.named(reading)}"


def _in_order(item: object) -> tuple[str, str]:
    return type(item).__name__, exact(item)
