"""Cases of which some fields alone are known, for conditions that read no others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from abpo_sdk.conditions.frames.field_reader import NoOwner, Path
from abpo_sdk.conditions.kinds import kind_of_annotation
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import MissingInput, MistypedInput
from abpo_sdk.values.traversal import annotations_of, is_typed_dict


def partial_case(model: Any, values: Iterable[tuple[Path, Any]]) -> Any:
    """A case with these values alone; the fields are by path, and whatever reads another finds nothing."""
    tree: dict[str, Any] = {}
    for path, value in values:
        _set(tree, path, value)
    return _object(model, tree)


class _Inner(dict[str, Any]):
    """The fields of a nested model, to tell them from a mapping that is a value."""


def _set(tree: dict[str, Any], path: Path, value: Any) -> None:
    depth = value.depth if isinstance(value, NoOwner) else len(path)
    for name in path[: depth - 1]:
        tree = tree.setdefault(name, _Inner())
    if isinstance(value, NoOwner):
        tree[path[depth - 1]] = None
    elif value is ...:
        tree.setdefault(path[-1], _Inner())
    else:
        tree[path[-1]] = value


def _object(model: Any, tree: dict[str, Any]) -> Any:
    annotations = annotations_of(model)
    fields = {
        name: _object(kind_of_annotation(annotations[name]).type, value) if isinstance(value, _Inner) else value
        for name, value in tree.items()
    }
    if is_typed_dict(model):
        return fields
    made = object.__new__(model)
    if issubclass(model, BaseModel):
        object.__setattr__(made, "__dict__", fields)
        for name, value in (("fields_set", set(fields)), ("extra", None), ("private", None)):
            object.__setattr__(made, f"__pydantic_{name}__", value)
    else:
        for name, value in fields.items():
            object.__setattr__(made, name, value)
    return made


class NotingReading(Reading):
    """A reading that notes which field it could not give."""

    __slots__ = ("failed",)

    failed: str | None
    """The dotted name of what is missing or mistyped."""

    def __init__(self, *things: object) -> None:
        super().__init__(*things)
        self.failed = None

    def value(self, field: FieldNode, *, missing_ok: bool = False) -> Any:
        try:
            return super().value(field, missing_ok=missing_ok)
        except MissingInput:
            lengths = range(1, len(field.path))
            path = next((p for n in lengths if self._is_none(field, p := field.path[:n])), field.path)
            self.failed = ".".join(path)
            raise
        except MistypedInput:
            self.failed = field.name
            raise

    def _is_none(self, field: FieldNode, path: Path) -> bool:
        value = self.thing(field)
        for name in path:
            value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
            if value is None:
                return True
        return False


__all__ = ["NotingReading", "partial_case"]
