"""References to what a case holds: the fields of a model, and the items of its lists.

They have no attributes of their own beside their few methods, so that a nested model's field may have any name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from abpo_sdk.conditions.always import always
from abpo_sdk.conditions.comparisons import Missing
from abpo_sdk.conditions.condition import Condition
from abpo_sdk.conditions.items import ItemNode, Items
from abpo_sdk.conditions.lists import AllItems, AnyItem, CountNode
from abpo_sdk.conditions.nodes import FieldNode, Node
from abpo_sdk.conditions.operators import Computed, Expression, node_of
from abpo_sdk.conditions.patterns import Matches
from abpo_sdk.errors import DefinitionError, UnknownField, UnlikeTypes
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.traversal import annotations_of

__all__ = ["Expression", "Field", "Item", "Reference", "field_of", "node_of"]

OF_VALUES = frozenset({"all_", "any_", "between", "count", "is_in", "matches"})
"""The methods that are not for models."""

IN_MONEY: dict[str, Any] = {"amount": Decimal, "currency": str}


class Reference(Expression):
    """What a field of a model and an item of a list have in common: there may be none, and there may be something in it.

    A nested field called like a method here is reached as an item: `order["is_in"]`.
    """

    __slots__ = ()
    _node: FieldNode | ItemNode

    def is_missing(self) -> Condition:
        """Whether there is no value."""
        return Missing(self._node)

    def matches(self, pattern: str) -> Condition:
        r"""Whether the whole text matches a pattern, in time linear in the text.

        The syntax is that of Rust's `regex`: https://docs.rs/regex/latest/regex/#syntax. `\d` is an ASCII digit.

        Raises:
            UnlikeTypes: it is no text.
            DefinitionError: the pattern cannot be used: it has a mistake, a backreference or look-around.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk.conditions import fields
        >>> class Payee(BaseModel):
        ...     iban: str
        >>> german = fields(Payee).iban.matches(r"DE\d{20}")
        >>> german.holds(Payee(iban="DE" + "1" * 20)), german.holds(Payee(iban="DE1"))
        (True, False)
        """
        return Matches(self._node, pattern)

    def any_(self, condition: Callable[[Item], Condition]) -> Condition:
        """Whether a condition holds of at least one item of the list; of an empty list it does not.

        Args:
            condition: is called once, now, with a reference to an item, and gives the condition about it. It may refer to the
                case too.

        Raises:
            UnlikeTypes: it is no list.
            DefinitionError: `condition` is no function of one item, or gives no condition.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk.conditions import fields
        >>> class Order(BaseModel):
        ...     amounts: list[int]
        >>> large = fields(Order).amounts.any_(lambda amount: amount > 1_000)
        >>> large.text(Order(amounts=[5, 1_200]))
        'any amounts: amounts[1] 1,200 > 1,000'
        """
        return AnyItem(*_asked(self._node, "any_", condition))

    def all_(self, condition: Callable[[Item], Condition]) -> Condition:
        """Whether a condition holds of every item of the list; of an empty list it does. See `any_`."""
        return AllItems(*_asked(self._node, "all_", condition))

    def count(self, condition: Callable[[Item], Condition] | None = None) -> Expression:
        """Of how many items of the list a condition holds, or how many there are; to be compared. See `any_`.

        >>> from dataclasses import dataclass
        >>> from abpo_sdk.conditions import fields
        >>> @dataclass
        ... class Ticket:
        ...     tags: list[str]
        >>> (fields(Ticket).tags.count(lambda tag: tag != "spam") >= 2).text(Ticket(["spam", "new", "urgent"]))
        "count of tags where tag != 'spam': 2 >= 2"
        """
        items, body = _asked(self._node, "count", condition or (lambda _: always))
        return Computed(CountNode(items, body))

    def __getattribute__(self, name: str) -> Any:
        if name in OF_VALUES:  # a model has no such method, so that its own field of this name is meant
            kind = object.__getattribute__(self, "_node").kind
            if kind.sort == "model" and name in annotations_of(kind.type):
                return self[name]
        return object.__getattribute__(self, name)

    def __getitem__(self, name: str) -> Reference:
        raise NotImplementedError


class Field(Reference):
    """A typed reference to a field of a model, made by `fields(Model).name`; `.name` again goes into a nested model."""

    __slots__ = ()
    _node: FieldNode

    def __getattr__(self, name: str) -> Field:
        if name.startswith(("__", "_repr_", "_ipython_")):  # which notebooks and printers ask of everything
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Field:
        node = self._node
        annotation = _annotation_inside(node, f"{node.model.__name__}.{node.name}", name)
        return Field(FieldNode(node.model, (*node.path, name), annotation, inside=node.personal))


class Item(Reference):
    """A reference to an item of a list, or to a field of it; given to the function in `any_`, `all_` and `count`.

    It is no `Field`, since it has as many values as the list has items.
    """

    __slots__ = ()
    _node: ItemNode

    def __getattr__(self, name: str) -> Item:
        if name.startswith(("__", "_repr_", "_ipython_")):  # which notebooks and printers ask of everything
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Item:
        node = self._node
        annotation = _annotation_inside(node, node.name, name)
        return Item(ItemNode(node.items, (*node.path, name), annotation, inside=node.personal))


def field_of(root: type, owner: type, path: tuple[str, ...], *, inside: Personal | None = None) -> Field:
    """The reference to a field of `owner`, which is reached from `root` by `path`, `inside` a personal one or not.

    Raises:
        UnknownField: there is none; names the nearest.
    """
    return Field(FieldNode(root, path, _annotation_of(owner, path[-1]), inside=inside))


def expression_of(node: Node) -> Expression:
    """An expression of a node: a reference, or a sibling of references."""
    if isinstance(node, FieldNode):
        return Field(node)
    return Item(node) if isinstance(node, ItemNode) else Computed(node)


def _annotation_inside(node: FieldNode | ItemNode, shown: str, name: str) -> Any:
    """The annotation of what a field or an item holds under a name."""
    if node.kind.sort == "money" and name in IN_MONEY:
        return IN_MONEY[name]
    if node.kind.sort == "list":
        raise UnknownField(f"{shown} is list, which has no field {name!r}; ask with any_, all_ or count of its items")
    if node.kind.sort != "model":
        raise UnknownField(f"{shown} is {node.kind}, which has no field {name!r}")
    return _annotation_of(node.kind.type, name)


def _annotation_of(owner: type, name: str) -> Any:
    annotations = annotations_of(owner)
    if name not in annotations:
        import difflib

        near = difflib.get_close_matches(name, annotations, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(annotations)}"
        raise UnknownField(f"{owner.__name__} has no field {name!r}; {hint}")
    return annotations[name]


def _asked(source: FieldNode | ItemNode, how: str, condition: Callable[[Item], Condition]) -> tuple[Items, Condition]:
    """A list, and what a function says of an item of it."""
    shown = f"{source.name}.{how}(...)"
    if source.kind.sort != "list":
        hint = "; annotate it, such as list[str]" if source.kind.sort == "other" else ""
        raise UnlikeTypes(f"{shown}: {source.name} is {source.kind}, and no list{hint}")
    try:
        signature = inspect.signature(condition)
        [name, *_] = signature.parameters
        signature.bind(None)
    except (TypeError, ValueError):
        raise DefinitionError(f"{shown}: give a function of one item, such as lambda item: item > 1") from None
    items = Items(source, name)
    annotation = Any if source.kind.item is None else source.kind.item
    made = condition(Item(ItemNode(items, (), annotation, inside=source.personal)))
    if not isinstance(made, Condition):
        raise DefinitionError(
            f"{shown}: the function gave {made!r}, which is no condition; let it compare the item, such as {name} == 1"
        )
    return items, made
