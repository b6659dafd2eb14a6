"""Finds what matters in a typed value: personal fields, files, sets, and times without a zone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import types
import typing
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePath
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from abpo_sdk.errors import DefinitionError, EncryptionError, MistypedInput
from abpo_sdk.values.personal import Personal, subject_text

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
    """In the order in which they were met, so that an outer set comes before those inside it."""
    encrypted: bool = False
    """Whether all of it is encrypted as a whole."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing personal and no file."""
        return not (self.personal or self.files)


def find(value: object, where: str, found: Found, path: Keys = ()) -> None:
    """Add everything of interest in a value, which stands at `path`, to `found`.

    Raises:
        MistypedInput: it holds a time without a zone.
        EncryptionError: a personal field lies in a set, where it cannot be told apart.
    """
    _visit(value, path, found, where)


def _visit(value: object, path: Keys, found: Found, where: str) -> None:
    kind = type(value)
    if kind is dict:
        _visit_items(cast("dict[Any, Any]", value), path, found, where)
    elif kind is list:
        _visit_all(cast("list[Any]", value), path, found, where)
    elif kind not in LEAVES and not isinstance(value, enum.Enum):
        _visit_other(value, path, found, where)


def _visit_other(value: object, path: Keys, found: Found, where: str) -> None:
    kind = type(value)
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
    elif isinstance(value, (list, tuple, deque)):
        _visit_all(value, path, found, where)
    elif isinstance(value, (set, frozenset)):
        found.sets.append(path)
        before = len(found.personal)
        for position, item in enumerate(value):  # the tree has the items in this order, until they are sorted
            _visit(item, (*path, position), found, where)
        if len(found.personal) > before and not found.encrypted:
            raise EncryptionError(
                f"{where}: {'.'.join(map(str, path)) or 'it'} is a set of things with personal fields; use a list or tuple"
            )
    elif isinstance(value, (dict, Mapping)):
        _visit_items(value, path, found, where)


def _visit_all(values: Iterable[object], path: Keys, found: Found, where: str) -> None:
    for position, item in enumerate(values):
        if type(item) not in LEAVES:
            _visit(item, (*path, position), found, where)


def _visit_items(values: Mapping[Any, Any], path: Keys, found: Found, where: str) -> None:
    for key, item in values.items():
        if type(key) is not str:
            _visit_key(key, path, found, where)
        if type(item) not in LEAVES:
            _visit(item, (*path, key if type(key) is str else _as_json_key(key)), found, where)


def _visit_key(key: object, path: Keys, found: Found, where: str) -> None:
    inside = Found(encrypted=found.encrypted)
    _visit(key, path, inside, where)
    found.files += inside.files


def _as_json_key(key: object) -> str:
    """What pydantic writes for a key of a mapping."""
    try:
        return str(next(iter(to_jsonable_python({key: None}))))
    except PydanticSerializationError:
        return str(key)


def _visit_fields(value: object, path: Keys, found: Found, where: str) -> None:
    model: Any = type(value)
    plan = plan_of(model)
    for name, mark in plan.personal:
        if getattr(value, name) is not None:
            subject = subject_text(getattr(value, mark.subject_field))
            found.personal.append(PersonalPart((*path, name), name, mark.label, subject, mark.subject_field))
    for (
        name
    ) in plan.visit_encrypted:  # encrypted as a whole, so what is personal inside of it needs no encryption of its own
        inside = Found(encrypted=True)
        try:
            _visit(getattr(value, name), (*path, name), inside, where)
        except MistypedInput:
            raise MistypedInput(
                f"{where}: {'.'.join(map(str, (*path, name)))} (personal, so not shown) holds a time without a zone; say which zone it is in"
            ) from None
        found.files += inside.files
        found.sets += inside.sets
    for name in plan.visit:
        _visit(getattr(value, name), path if plan.root else (*path, name), found, where)
    extra = getattr(value, "__pydantic_extra__", None)
    if extra:
        _visit(extra, path, found, where)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Of a model: its personal fields, the fields worth a look (personal ones apart), and whether it is a root model."""

    personal: tuple[tuple[str, Personal], ...]
    visit: tuple[str, ...]
    visit_encrypted: tuple[str, ...]
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
    for name, mark in personal:
        if mark.subject_field in marked:
            raise DefinitionError(
                f"{model.__name__}.{name} is personal, and so is its subject_field {mark.subject_field!r}, which is stored in clear; "
                "name whose it is with an identifier"
            )
    deep = tuple(name for name, annotation in annotations.items() if not _is_leaf(annotation))
    visit = tuple(name for name in deep if name not in marked)
    visit_encrypted = tuple(name for name in deep if name in marked)
    return Plan(personal, visit, visit_encrypted, bool(getattr(model, "__pydantic_root_model__", False)))


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


def is_typed_dict(annotation: object) -> bool:
    """Whether it is a typed dictionary, from `typing` or from `typing_extensions`."""
    return isinstance(annotation, type) and issubclass(annotation, dict) and hasattr(annotation, "__total__")


def check_marks(annotation: Any, where: str) -> None:
    """Refuse `Personal` marks that would be overlooked in values: those of typed dictionaries and named tuples.

    Raises:
        DefinitionError: naming the type; also where a mark names a subject field that its model does not have.
    """
    model: Any
    for model in _models_in(annotation, set()):
        if not is_typed_dict(model) and not issubclass(model, tuple):
            plan_of(model)
        elif any(personal_in(part) for part in annotations_of(model).values()):
            raise DefinitionError(
                f"{where}: {model.__name__} has personal fields, and its values do not say that they are {model.__name__}, "
                "so these could not be encrypted; make it a pydantic model or a dataclass"
            )


def _models_in(annotation: Any, seen: set[Any]) -> Iterator[type]:
    """The types with fields that an annotation leads to, however deep."""
    named = _named(annotation)
    if named is not None:
        yield from _models_in(named, seen)
    for part in typing.get_args(annotation):
        yield from _models_in(part, seen)
    if not isinstance(annotation, type) or annotation in seen:
        return
    fields = ("model_fields", "__dataclass_fields__", "_fields")
    if is_typed_dict(annotation) or any(hasattr(annotation, name) for name in fields):
        seen.add(annotation)
        yield annotation
        for part in annotations_of(annotation).values():
            yield from _models_in(part, seen)


def _named(annotation: Any) -> Any:
    """What an annotation is another name for: `type Iban = ...`, a `NewType`, a type variable with a bound; None for others."""
    for attribute in ("__value__", "__supertype__", "__bound__"):
        named = getattr(annotation, attribute, None)
        if named is not None and not isinstance(annotation, type):
            return named
    return None


def holds_personal(annotation: Any) -> bool:
    """Whether an annotation is marked personal, or leads to a field that is, however deep."""
    return personal_in(annotation) is not None or any(
        personal_in(part) for model in _models_in(annotation, set()) for part in annotations_of(model).values()
    )


def personal_in(annotation: Any) -> Personal | None:
    """The first `Personal` mark in an annotation, however deep in its unions and containers."""
    named = _named(annotation)
    if named is not None:
        return personal_in(named)
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
    if typing.get_origin(annotation) is typing.Literal:
        return True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return all(_is_leaf(part) for part in typing.get_args(annotation))
    return isinstance(annotation, type) and (annotation in LEAVES or issubclass(annotation, enum.Enum))
