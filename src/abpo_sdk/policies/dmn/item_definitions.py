"""The types that a file defines: names to types, what refers to what, and the values that are allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import TypedDict

from abpo_sdk.conditions import Condition, fields
from abpo_sdk.conditions.comparisons import Comparison, Membership
from abpo_sdk.conditions.condition import Either
from abpo_sdk.conditions.nodes import ConstantNode, FieldNode
from abpo_sdk.errors import AbpoError, DmnError
from abpo_sdk.policies.dmn.definitions import Cell, ItemDefinition
from abpo_sdk.policies.dmn.types import (
    ANY,
    BASIC,
    NOT_CARRIED,
    PYTHON,
    SPELLINGS,
    Allowed,
    Basic,
    Many,
    Structure,
    ValueType,
    annotation_of,
)
from abpo_sdk.policies.feel import condition_of, parse_unary_tests


class Types:
    """The types of a file by their names; each is looked into when it is first asked for.

    Args:
        items: what the file defines.

    Raises:
        DmnError: a name is defined twice, or is that of a basic type.
    """

    def __init__(self, items: tuple[ItemDefinition, ...]) -> None:
        self._items: dict[str, ItemDefinition] = {}
        self._found: dict[str, ValueType] = {}
        self._open: list[str] = []
        for item in items:
            if item.name in self._items or item.name in BASIC or item.name in SPELLINGS or item.name in NOT_CARRIED:
                raise DmnError(
                    f"{item.place}: the name is taken; types differ from one another and from the basic ones"
                )
            self._items[item.name] = item

    def all(self) -> Mapping[str, ValueType]:
        """Every type that the file defines."""
        return {name: self.named(name, item.place) for name, item in self._items.items()}

    def named(self, name: str, place: str, *, python: str = "") -> ValueType:
        """The type of a name; without a name, any.

        Args:
            name: as the file has it.
            place: where it stands, for errors.
            python: the type of a number that DMN has no word for.

        Raises:
            DmnError: there is none such (with the nearest), or it refers to itself.
        """
        if python and python not in PYTHON:
            raise DmnError(
                f"{place} has the type {python!r} of Python, which is not known; there are {', '.join(PYTHON)}"
            )
        name = SPELLINGS.get(name, name) or "Any"
        if name in BASIC or name in NOT_CARRIED:
            return Basic(name, python=python) if name != "Any" else ANY
        if name in self._open:
            cycle = " -> ".join((*self._open[self._open.index(name) :], name))
            raise DmnError(f"{self._items[name].place} refers to itself ({cycle}), which no value could satisfy")
        if name not in self._items:
            near = difflib.get_close_matches(name, (*self._items, *BASIC), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join((*self._items, *BASIC))}"
            raise DmnError(f"{place} has the type {name!r}, which is not defined; {hint}")
        if name not in self._found:
            self._open.append(name)
            try:
                self._found[name] = self._type(self._items[name], name)
            finally:
                self._open.pop()
        return self._found[name]

    def limited(self, type_: ValueType, allowed: Cell | None) -> ValueType:
        """A type with the values that it allows.

        Raises:
            DmnError: of a type whose values cannot be limited, or with values that do not fit it.
        """
        if allowed is None:
            return type_
        if isinstance(type_, Many):
            return Many(self.limited(type_.item, allowed))
        if isinstance(type_, Structure) or type_.name in ("Any", *NOT_CARRIED):
            raise DmnError(f"{allowed.place} limit a {type_}, which is not supported: {allowed.text!r}")
        return replace(type_, allowed=_allowed(type_, allowed))

    def _type(self, item: ItemDefinition, full: str) -> ValueType:
        if item.parts:
            if item.allowed is not None:
                raise DmnError(
                    f"{item.allowed.place} limit a type with parts, which is not supported: {item.allowed.text!r}"
                )
            parts = {part.name: self._type(part, f"{full}.{part.name}") for part in item.parts}
            type_: ValueType = Structure(full.replace(".", " "), parts)
        else:
            type_ = self.limited(self.named(item.type_ref, item.place, python=item.python), item.allowed)
        return Many(type_) if item.many else type_


def _allowed(type_: Basic, cell: Cell) -> Allowed:
    base = annotation_of(replace(type_, allowed=None))
    value = fields(TypedDict("Value", {"value": base}))["value"]  # type: ignore[operator]
    try:
        condition = condition_of(parse_unary_tests(cell.text, (), place=cell.place), value, {}, cell.place)
    except DmnError:
        raise
    except AbpoError as error:
        raise DmnError(f"{cell.place}: {cell.text!r}: {error}") from error
    listed = list(_listed(condition))
    values = () if None in listed else tuple(dict.fromkeys(value for one in listed if one for value in one))
    if type_.allowed is None:
        return Allowed(cell.text, condition, values)
    outer = type_.allowed  # of the type that this one refines
    both = tuple(value for value in values if outer.condition.holds({"value": value}))
    return Allowed(cell.text, outer.condition & condition, both)


def _listed(condition: Condition) -> Iterator[tuple[Any] | None]:
    """The constants that a condition lists; None for a part that does something else."""
    if isinstance(condition, Either):
        for part in condition.parts():
            yield from _listed(part)
    elif isinstance(condition, Membership) and isinstance(condition.item, FieldNode):
        yield from ((value,) for value in condition.among)
    elif (
        isinstance(condition, Comparison)
        and condition.operator == "=="
        and isinstance(condition.left, FieldNode)
        and isinstance(condition.right, ConstantNode)
    ):
        yield (condition.right.value,)
    else:
        yield None
