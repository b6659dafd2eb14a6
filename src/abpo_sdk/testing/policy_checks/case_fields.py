"""The fields of a case type: under which names they are given, and which of them must be."""

from __future__ import annotations

import typing
from typing import Any

from pydantic import BaseModel

from abpo_sdk.testing.expectations import SkippedError
from abpo_sdk.values.traversal import annotations_of, is_typed_dict


def keys_of(model: Any) -> dict[str, str]:
    """The fields of a case type that a caller gives, and the name under which each is given.

    Raises:
        SkippedError: one has an alias that is no name.
    """
    if not issubclass(model, BaseModel):
        fields = getattr(model, "__dataclass_fields__", None)
        return {name: name for name in annotations_of(model) if fields is None or fields[name].init}
    keys = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias or info.alias or name
        if not isinstance(alias, str):
            raise SkippedError(f"{model.__name__}.{name} has several aliases, or a path")
        keys[name] = alias
    return keys


def needed_of(model: Any) -> list[str]:
    """The fields of a case type that have no default."""
    import dataclasses

    if issubclass(model, BaseModel):
        return [name for name, info in model.model_fields.items() if info.is_required()]
    if is_typed_dict(model):
        return [name for name, annotation in annotations_of(model).items() if _is_required(model, name, annotation)]
    none = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(model) if f.init and f.default is none and f.default_factory is none]


def _is_required(model: Any, name: str, annotation: Any) -> bool:
    """Whether a typed dictionary needs a field; where annotations are texts, the type itself does not know of the marks."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Required, typing.NotRequired):
        return origin is typing.Required
    return name in model.__required_keys__
