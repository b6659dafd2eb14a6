"""Finds what matters in a typed value: personal fields, files, sets, and times without a zone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import types
import typing
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from abpo_sdk.errors import DefinitionError, MistypedInput, SealingError
from abpo_sdk.values.personal import Personal

Keys = tuple[str | int, ...]

LEAVES = frozenset({str, int, float, bool, Decimal, type(None), bytes, dt.date, dt.timedelta, UUID, complex})


@dataclasses.dataclass(frozen=True, slots=True)
class PersonalPart:
    """A personal field of a value: where it is, what it is called, and whose it is ("" where that is unknown)."""

    path: Keys
    name: str
    label: str
    subject: str
    subject_field: str


@dataclasses.dataclass(slots=True)
class Found:
    """What was found in a value."""

    personal: list[PersonalPart] = dataclasses.field(default_factory=list)
    files: list[Path] = dataclasses.field(default_factory=list)
    sets: list[Keys] = dataclasses.field(default_factory=list)


def find(value: object, where: str) -> Found:
    """Everything of interest in `value`.

    Raises:
        MistypedInput: it holds a time without a zone.
        SealingError: a personal field lies in a set, where it cannot be told apart.
    """
    found = Found()
    if type(value) not in LEAVES:
        _visit(value, (), found, where)
    return found


def _visit(value: object, path: Keys, found: Found, where: str) -> None:
    kind = type(value)
    if kind in LEAVES or isinstance(value, enum.Enum):
        return
    if isinstance(value, (dt.datetime, dt.time)):
        if value.tzinfo is None and isinstance(value, dt.datetime):
            place = ".".join(map(str, path))
            raise MistypedInput(
                f"{where}: {place or 'it'} is {value.isoformat()}, a time without a zone; say which zone it is in"
            )
    elif isinstance(value, PurePath):
        found.files.append(Path(value))
    elif isinstance(value, BaseModel) or dataclasses.is_dataclass(kind):
        _visit_fields(value, path, found, where)
    elif isinstance(value, dict):
        for key, item in value.items():
            if type(item) not in LEAVES:
                _visit(item, (*path, key if isinstance(key, str) else str(key)), found, where)
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            if type(item) not in LEAVES:
                _visit(item, (*path, position), found, where)
    elif isinstance(value, (set, frozenset)):
        found.sets.append(path)
        before = len(found.personal)
        for item in value:
            _visit(item, path, found, where)
        if len(found.personal) > before:
            raise SealingError(
                f"{where}: {'.'.join(map(str, path)) or 'it'} is a set of things with personal fields; use a list or tuple"
            )


def _visit_fields(value: object, path: Keys, found: Found, where: str) -> None:
    model: Any = type(value)
    plan = plan_of(model)
    for name, mark in plan.personal:
        if getattr(value, name) is not None:
            subject = getattr(value, mark.subject_field)
            found.personal.append(
                PersonalPart(
                    (*path, name), name, mark.label, "" if subject is None else str(subject), mark.subject_field
                )
            )
    for name in plan.visit:
        _visit(getattr(value, name), path if plan.root else (*path, name), found, where)
    extra = getattr(value, "__pydantic_extra__", None)
    if extra:
        _visit(extra, path, found, where)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Of a model: its personal fields, the fields worth a look, and whether it is a pydantic root model."""

    personal: tuple[tuple[str, Personal], ...]
    visit: tuple[str, ...]
    root: bool = False


@cache
def plan_of(model: Any) -> Plan:
    """What to look at in values of a pydantic model or dataclass; kept, because types do not change.

    Raises:
        DefinitionError: a personal field names a subject field that the model does not have.
    """
    annotations = annotations_of(model)
    personal = tuple((name, mark) for name, annotation in annotations.items() if (mark := personal_in(annotation)))
    for name, mark in personal:
        if mark.subject_field not in annotations:
            raise DefinitionError(
                f"{model.__name__}.{name} is personal, and its subject_field {mark.subject_field!r} is no field of {model.__name__}; "
                f"it has {', '.join(annotations)}"
            )
    marked = {name for name, _ in personal}
    visit = tuple(name for name, annotation in annotations.items() if name not in marked and not _is_leaf(annotation))
    return Plan(personal, visit, bool(getattr(model, "__pydantic_root_model__", False)))


def annotations_of(model: Any) -> dict[str, Any]:
    """The fields of a pydantic model, dataclass or typed dictionary with their annotations, marks included."""
    if issubclass(model, BaseModel):
        return {
            name: typing.Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
            for name, info in model.model_fields.items()
        }
    hints = typing.get_type_hints(model, include_extras=True)
    if dataclasses.is_dataclass(model):
        return {f.name: hints[f.name] for f in dataclasses.fields(model)}
    return hints


def personal_in(annotation: Any) -> Personal | None:
    """The first `Personal` mark in an annotation, however deep in its unions and containers."""
    if typing.get_origin(annotation) is typing.Annotated:
        for mark in annotation.__metadata__:
            if isinstance(mark, Personal):
                return mark
        return personal_in(annotation.__origin__)
    for part in typing.get_args(annotation):
        mark = personal_in(part)
        if mark:
            return mark
    return None


def _is_leaf(annotation: Any) -> bool:
    if typing.get_origin(annotation) is typing.Annotated:
        return _is_leaf(annotation.__origin__)
    if annotation in LEAVES or typing.get_origin(annotation) is typing.Literal:
        return True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return all(_is_leaf(part) for part in typing.get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)
