"""The names that an expression may use, and what each is; as fields of a case where conditions read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from abpo_sdk.conditions import Field, fields
from abpo_sdk.policies.dmn.types import Structure, ValueType, carried, case_type_of


@dataclass(frozen=True, slots=True)
class Scope:
    """Names and their types.

    Args:
        name: what a case of these names is called.
        types: the types.
    """

    name: str
    types: Mapping[str, ValueType]

    @property
    def names(self) -> Mapping[str, Any]:
        """The names that may stand in an expression, each with those of its parts."""
        return _names(self.types)

    def case_type(self) -> Any:
        """The typed dictionary of what conditions can carry."""
        return case_type_of(self.name, self.types)

    def with_(self, name: str, type_: ValueType) -> Scope:
        """The scope with one name more, or with another type for one."""
        return replace(self, types={**self.types, name: type_})

    def limited(self, path: tuple[str, ...], limit: Any) -> Scope:
        """The scope with the type at a path replaced by what `limit` makes of it."""
        return replace(self, types=_replaced(self.types, path, limit))

    def not_carried(self) -> Mapping[str, ValueType]:
        """What the scope has and conditions cannot carry, by dotted names."""
        return dict(_not_carried(self.types))


def fields_of(case_type: Any) -> dict[str, Field]:
    """The fields of a case type by their names."""
    references = fields(case_type)
    return {name: references[name] for name in case_type.__annotations__}


def _names(types: Mapping[str, ValueType]) -> dict[str, Any]:
    return {n: _names(type_.parts) if isinstance(type_, Structure) else None for n, type_ in types.items()}


def _replaced(types: Mapping[str, ValueType], path: tuple[str, ...], limit: Any) -> dict[str, ValueType]:
    name, rest = path[0], path[1:]
    old = types[name]
    if rest and isinstance(old, Structure):
        new: ValueType = replace(old, parts=_replaced(old.parts, rest, limit))
    else:
        new = limit(old)
    return {**types, name: new}


def _not_carried(types: Mapping[str, ValueType], within: str = "") -> Iterator[tuple[str, ValueType]]:
    for name, type_ in types.items():
        if not carried(type_):
            yield within + name, type_
        elif isinstance(type_, Structure):
            yield from _not_carried(type_.parts, f"{within}{name}.")
