"""The way into the language: a model's fields as things to compare."""

from __future__ import annotations

import dataclasses
from typing import Generic, TypeVar

from abpo_sdk.conditions.expressions import Field, field_of
from abpo_sdk.errors import DefinitionError
from abpo_sdk.values.traversal import is_typed_dict

M = TypeVar("M")


class Fields(Generic[M]):
    """The fields of a model; each attribute (or item, for a name that Python reserves) is a `Field`."""

    __slots__ = ("_model",)

    def __init__(self, model: type[M]) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Field:
        if name.startswith(("__", "_repr_", "_ipython_")):  # which notebooks and printers ask of everything
            raise AttributeError(name)
        return field_of(self._model, self._model, (name,))

    def __getitem__(self, name: str) -> Field:
        return field_of(self._model, self._model, (name,))

    def __repr__(self) -> str:
        return f"fields({self._model.__name__})"


def fields(model: type[M]) -> Fields[M]:
    """Typed references to the fields of a model, to be compared and combined into conditions.

    Args:
        model: a pydantic model, a dataclass or a typed dictionary.

    Raises:
        DefinitionError: it is none of these.
        UnknownField: when a field is named that the model does not have (with a suggestion).

    >>> from pydantic import BaseModel
    >>> class Invoice(BaseModel):
    ...     total: int
    >>> i = fields(Invoice)
    >>> large = i.total > 10_000
    >>> large.holds(Invoice(total=12_400)), large.text(Invoice(total=12_400))
    (True, 'total 12,400 > 10,000')
    """
    if not isinstance(model, type) or not (
        hasattr(model, "model_fields") or dataclasses.is_dataclass(model) or is_typed_dict(model)
    ):
        raise DefinitionError(f"fields({model!r}): give a pydantic model, a dataclass or a typed dictionary")
    return Fields(model)
