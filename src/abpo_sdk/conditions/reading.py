"""Reads fields of a case, remembers which, and refuses what is missing or mistyped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.kinds import check_value
from abpo_sdk.errors import InputError, MissingInput, UnknownField
from abpo_sdk.values.traversal import is_typed_dict

if TYPE_CHECKING:
    from abpo_sdk.conditions.nodes import FieldNode


class Reading:
    """The things that a condition may look at, and the record of what it did look at.

    Args:
        things: the case, and whatever else conditions refer to (such as the decision about it).
    """

    __slots__ = ("_read", "_things")

    def __init__(self, *things: object) -> None:
        self._things = things
        self._read: dict[tuple[type, str], None] = {}

    def read_of(self, model: type) -> tuple[str, ...]:
        """The fields of `model` that were read, as dotted names, in the order in which they were first read."""
        return tuple(name for owner, name in self._read if owner is model)

    def value(self, field: FieldNode, *, missing_ok: bool = False) -> Any:
        """What a field holds.

        Raises:
            MissingInput: it is None or absent, and nothing allows that.
            MistypedInput: it is not what the model declares, or not fit to be compared.
        """
        value = self._thing(field)
        self._read[field.model, field.name] = None
        for position, part in enumerate(field.path):
            value = _part(value, part, field)
            if value is None:
                if missing_ok:
                    return None
                name = ".".join(field.path[: position + 1])
                raise MissingInput(
                    f"{field.model.__name__}.{name} is missing, and a condition needs it; "
                    f"give it a value, or ask for it with {name}.is_missing()"
                )
        mark = field.personal
        check_value(value, field.kind, f"{field.model.__name__}.{field.name}", mark.mask if mark else None)
        return value

    def raw(self, field: FieldNode) -> Any:
        """What a field holds, whatever it is, for texts; None where it is absent."""
        value = self._thing(field)
        for part in field.path:
            value = None if value is None else _part(value, part, field)
        return value

    def _thing(self, field: FieldNode) -> Any:
        for thing in self._things:
            if isinstance(thing, Mapping) if is_typed_dict(field.model) else isinstance(thing, field.model):
                return thing
        given = ", ".join(type(thing).__name__ for thing in self._things) or "nothing"
        raise InputError(f"a condition reads {field.model.__name__}.{field.name}, but was given {given}")


def _part(value: Any, name: str, field: FieldNode) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    try:
        return getattr(value, name)
    except AttributeError:
        raise UnknownField(f"{type(value).__name__} has no {name!r}, which {field.model.__name__} declares") from None
