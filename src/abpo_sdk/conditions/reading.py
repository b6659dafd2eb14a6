"""Reads fields of a case, remembers which, and refuses what is missing or mistyped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    __slots__ = ("_answers", "_things", "found", "items", "read")

    found: dict[type, Any]
    """The thing that stands for a model, for those that were looked for."""

    items: dict[Any, tuple[int, Any]]
    """Of the lists that are being gone through, the item that is looked at: its position, and what it is."""

    read: dict[tuple[type, str], None]
    """The fields that were read, by model and dotted name, in the order in which they first were."""

    def __init__(self, *things: object) -> None:
        self._things = things
        self.found = {}
        self.read = {}
        self.items = {}
        self._answers: dict[object, bool] | None = None

    def read_of(self, model: type) -> tuple[str, ...]:
        """The fields of `model` that were read, as dotted names, in the order in which they were first read."""
        return tuple(name for owner, name in self.read if owner is model)

    def value(self, field: FieldNode, *, missing_ok: bool = False) -> Any:
        """What a field holds.

        Raises:
            MissingInput: it is None or absent, and nothing allows that.
            MistypedInput: it is not what the model declares, or not fit to be compared.
        """
        value = self.thing(field)
        self.read[field.model, field.name] = None
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
        value = self.thing(field)
        for part in field.path:
            value = None if value is None else _part(value, part, field)
        return value

    def thing(self, field: FieldNode) -> Any:
        """The thing that a field is of: the first whose class descends from the model, else the first that counts as one.

        Raises:
            InputError: there is none.
        """
        model = field.model
        if model in self.found:
            return self.found[model]
        kind = Mapping if is_typed_dict(model) else model
        for thing in self._things:  # without `isinstance`, which takes long for the models of pydantic
            if kind in type(thing).__mro__:
                self.found[model] = thing
                return thing
        for thing in self._things:
            if isinstance(thing, kind):
                self.found[model] = thing
                return thing
        given = ", ".join(type(thing).__name__ for thing in self._things) or "nothing"
        raise InputError(f"a condition reads {model.__name__}.{field.name}, but was given {given}")

    def answer(self, question: object, ask: Callable[[], bool]) -> bool:
        """What `ask` says; it is called once in a reading (and for an item of a list), however often the question comes up."""
        if self._answers is None:
            self._answers = {}
        if self.items:
            question = (question, *((items, position) for items, (position, _) in self.items.items()))
        if question not in self._answers:
            self._answers[question] = ask()
        return self._answers[question]


def _part(value: Any, name: str, field: FieldNode) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    try:
        return getattr(value, name)
    except AttributeError:
        raise UnknownField(f"{type(value).__name__} has no {name!r}, which {field.model.__name__} declares") from None
