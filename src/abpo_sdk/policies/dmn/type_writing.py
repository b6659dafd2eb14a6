"""Types as a file defines them, and the types of a model's fields as DMN has them."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import DmnError
from abpo_sdk.policies.dmn.markup import Tag
from abpo_sdk.policies.dmn.types import ANY, BASIC, Basic, Many, Structure, ValueType
from abpo_sdk.policies.feel import feel_text

REFERENCES = {"date and time": "dateTime", "days and time duration": "dayTimeDuration"}
"""Basic types as modelers call them in references."""


def type_of_field(field_: FieldNode) -> ValueType:
    """The type of what a field holds.

    Raises:
        DmnError: DMN has none for it.
    """
    found = type_of_annotation(field_.annotation)
    if found is None:
        raise DmnError(
            f"{field_.model.__name__}.{field_.name} is a {field_.kind.type.__name__ if field_.kind.type else field_.annotation!r}, "
            "for which DMN has no type"
        )
    return found


def type_of_annotation(annotation: Any) -> ValueType | None:
    """What an annotation is in DMN; None where DMN has nothing like it."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return type_of_annotation(args[0])
    if origin in (typing.Union, types.UnionType):
        parts = [part for part in args if part is not type(None)]
        return type_of_annotation(parts[0]) if len(parts) == 1 else None
    if origin is typing.Literal:
        return _listed(args)
    if origin in (list, tuple, set, frozenset):
        item = type_of_annotation(args[0]) if args else ANY
        return None if item is None else Many(item)
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, enum.Enum):
        return _listed([member.value for member in annotation])
    for python, type_ in _OF_PYTHON.items():
        if annotation is python:
            return type_
    return None


def _listed(values: Iterable[Any]) -> ValueType | None:
    """A type whose values are listed."""
    found = tuple(values)
    types_ = {type(value) for value in found}
    basic = _OF_PYTHON.get(next(iter(types_))) if len(types_) == 1 else None
    return None if basic is None else Basic(basic.name, _Listed(", ".join(map(feel_text, found))), basic.python)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Listed:
    """Allowed values that are only to be written."""

    text: str


_OF_PYTHON: dict[type, Basic] = {
    **{python: Basic(name) for name, python in BASIC.items() if name != "Any"},
    int: Basic("number", python="integer"),
    float: Basic("number", python="float"),
    Decimal: Basic("number"),
}


def type_of_path(fields: Iterable[FieldNode]) -> dict[str, ValueType]:
    """The types of the inputs that some fields come from: of a nested one, a structure of those parts that are among the fields.

    Raises:
        DmnError: DMN has no type for one of them.
    """
    tree: dict[str, Any] = {}
    for field_ in fields:
        at = tree
        for part in field_.path[:-1]:
            at = at.setdefault(part, {})
        at[field_.path[-1]] = type_of_field(field_)
    return {name: _structured(name, part) for name, part in tree.items()}


def _structured(name: str, part: Any) -> ValueType:
    if not isinstance(part, dict):
        found: ValueType = part
        return found
    return Structure(name, {n: _structured(f"{name} {n}", p) for n, p in part.items()})


@dataclass(slots=True)
class TypeWriter:
    """Item definitions as they come to be needed."""

    defined: list[tuple[str, ValueType]] = field(default_factory=list)

    def reference(self, type_: ValueType, wish: str) -> str | None:
        """How to refer to a type; None for any. What needs a definition gets one, called like `wish` where that is free."""
        if isinstance(type_, Basic) and type_.allowed is None:
            return None if type_ == ANY else REFERENCES.get(type_.name, type_.name)
        for name, other in self.defined:
            if other == type_:
                return name
        taken = {name for name, _ in self.defined} | set(BASIC)
        wish = "t" + "".join(word[:1].upper() + word[1:] for word in wish.split())
        name = next(n for n in (wish, *(f"{wish} {i}" for i in range(2, len(taken) + 3))) if n not in taken)
        self.defined.append((name, type_))
        return name

    def tags(self) -> Iterator[Tag]:
        """The item definitions."""
        for number, (name, type_) in enumerate(self.defined, start=1):
            yield self._item("itemDefinition", name, type_, f"item_{number}")

    def _item(self, tag: str, name: str, type_: ValueType, key: str) -> Tag:
        item = Tag(tag, {"id": key, "name": name})
        if isinstance(type_, Many):
            item.attributes["isCollection"] = "true"
            type_ = type_.item
            if isinstance(type_, Many):
                raise DmnError(f"type {name!r} holds lists of lists, which DMN cannot write as one type")
        if isinstance(type_, Structure):
            item.children += [
                self._item("itemComponent", part, of, f"{key}_{number}")
                for number, (part, of) in enumerate(type_.parts.items(), start=1)
            ]
            return item
        if type_.python:
            item.children.append(python_tag(type_.python))
        item.children.append(Tag("typeRef", text=REFERENCES.get(type_.name, type_.name)))
        if type_.allowed is not None:
            item.children.append(Tag("allowedValues", {"id": f"{key}_allowed"}, [Tag("text", text=type_.allowed.text)]))
        return item


def python_tag(python: str) -> Tag:
    """What says that numbers are of a type that DMN has no word for."""
    return Tag("extensionElements", children=[Tag("abpo:type", {"python": python})])
