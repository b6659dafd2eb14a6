"""Makes a case of a mapping of its fields, or says why it is none."""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import core_schema

from abpo_sdk.conditions.kinds import NUMBERS, given, kind_of_annotation
from abpo_sdk.errors import MissingInput, MistypedInput
from abpo_sdk.values.traversal import annotations_of, holds_personal, personal_in

PLAIN = (str, int, float, Decimal, date, timedelta, type(None))
"""The types whose values are shown where they are refused."""

SCALARS = frozenset({str, int, float, Decimal, date, datetime, timedelta, type(None)})
"""The types whose values hold no others, and are no truth."""

PYDANTICS = frozenset(typing.get_args(core_schema.ErrorType)) - {"value_error", "assertion_error"}
"""The problems that pydantic itself finds."""

DECLARED = frozenset(
    {
        *(
            "class",
            "class_name",
            "decimal_places",
            "discriminator",
            "expected",
            "expected_tags",
            "field_name",
            "field_type",
        ),
        *("ge", "gt", "le", "lt", "max_digits", "max_length", "min_length", "multiple_of", "pattern", "whole_digits"),
    }
)
"""What a problem of pydantic's tells that is declared; whatever else it tells may be of the value."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a mapping is no case: whether all that is wrong is what it lacks, the field that comes first, and all of it in words."""

    missing: bool
    name: str
    text: str


def typed_case(case: Mapping[str, Any], model: type, *, what: str) -> Any:
    """A mapping as an object of the case type.

    Raises:
        MissingInput: all that is wrong is that fields are absent; names them.
        MistypedInput: naming each field that does not fit, and its value where that is surely not personal.
    """
    made = typed_or_refusal(case, model)
    if isinstance(made, Refusal):
        raise (MissingInput if made.missing else MistypedInput)(f"{what}: {made.text}")
    return made


def typed_or_refusal(case: Mapping[str, Any], model: type) -> Any:
    """A mapping as an object of the case type, or the `Refusal` that says why it is none."""
    for path, value in truths_for_numbers(case, model, ()) if _may_hold_one(case, model) else ():
        _, personal = _annotation_at(model, path)
        shown, name = "true or false" if personal else repr(value), dotted(path, model)
        text = f"{model.__name__}.{name} is {shown}, a bool where a number is declared"
        return Refusal(missing=False, name=name, text=text)
    try:
        return adapter_of(model).validate_python(dict(case))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        text = f"the case is no {model.__name__}: {'; '.join(_problem(p, model) for p in problems)}"
        missing, place = worst(problems)
        return Refusal(missing=missing, name=dotted(place, model), text=text)


def _may_hold_one(case: Mapping[str, Any], model: type) -> bool:
    """Whether a mapping has to be looked into for a truth where a number is declared."""
    numbers = _numbers_of(model)
    for name, value in case.items():
        kind = type(value)
        if kind not in SCALARS and (kind is not bool or name in numbers):
            return True
    return False


@cache
def _numbers_of(model: type) -> frozenset[str]:
    """The fields of a model that take numbers, and no truths."""
    return frozenset(name for name, annotation in _annotations(model).items() if _is_number(annotation))


def worst(problems: Iterable[Any]) -> tuple[bool, tuple[int | str, ...]]:
    """Of what pydantic found wrong: whether it is only that something is absent, and where the first of the worst is."""
    places = [(problem["type"] == "missing", problem["loc"]) for problem in problems]
    return min(places, key=lambda place: place[0])


@cache
def adapter_of(model: Any) -> TypeAdapter[Any]:
    """What makes values of a type; kept, because types do not change."""
    return TypeAdapter(model)


def _problem(problem: Any, model: type) -> str:
    """One problem of a case in words: with the value only of a known field that is plain and not personal."""
    place = problem["loc"]
    annotation, personal = _annotation_at(model, place)
    personal = personal or holds_personal(annotation)
    text = problem["msg"]
    if personal and not _is_silent(problem):
        by = "as not as declared" if problem["type"] in PYDANTICS else "by the model's own validator"
        text = f"it is refused {by}"  # in words that may repeat what they refuse
    value = problem["input"]
    if annotation is not None and not personal and problem["type"] != "missing" and isinstance(value, PLAIN):
        text += f" (it is {given(value)})"
    return f"{dotted(place, model) or 'as a whole'}: {text}"


def _is_silent(problem: Any) -> bool:
    """Whether the words of a problem tell what is declared, and nothing of what was given."""
    return problem["type"] in PYDANTICS and set(problem.get("ctx", ())) <= DECLARED


def dotted(place: tuple[int | str, ...], annotation: Any) -> str:
    """A place in a case, or in a value that is annotated so, in words: without the keys of what is personal."""
    shown = [str(step) for step in place]
    for depth, step in enumerate(place):
        owner, personal = _annotation_at(annotation, place[:depth])
        named = any(step in _annotations(part) for part in _parts(owner) if _has_fields(part))
        if isinstance(step, str) and personal and not named:
            shown[depth] = "(a key)"
    return ".".join(shown)


def _annotation_at(model: Any, place: tuple[int | str, ...]) -> tuple[Any, bool]:
    """The annotation at a place in a case (None where none is known), and whether something there is personal."""
    annotation, personal = model, personal_in(model) is not None
    for step in place:
        owners = [part for part in _parts(annotation) if _has_fields(part)]
        if isinstance(step, str) and owners:
            annotation = next((_annotations(owner)[step] for owner in owners if step in _annotations(owner)), None)
        else:
            container = Collection if isinstance(step, int) else Mapping
            annotation = next((_item_of(part, container, step) for part in _parts(annotation)), None)
        if annotation is None:  # a place that only pydantic knows, such as an alternative of a union
            return None, personal or holds_personal(model)
        personal = personal or personal_in(annotation) is not None
    return annotation, personal


def truths_for_numbers(
    value: object, annotation: Any, path: tuple[int | str, ...]
) -> Iterator[tuple[tuple[int | str, ...], bool]]:
    """Where a mapping has `True` or `False` for a number; pydantic would make it 1 or 0."""
    if isinstance(value, bool):
        if _is_number(annotation):
            yield path, value
    elif isinstance(value, Mapping):
        parts = [(part, _annotations(part) if _has_fields(part) else None) for part in _parts(annotation)]
        for name, item in value.items():
            if type(item) in SCALARS:  # which are most, and hold nothing
                continue
            for part, fields in parts:
                inner = _item_of(part, Mapping, name) if fields is None else fields.get(name)
                yield from truths_for_numbers(item, inner, (*path, str(name)))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            for part in _parts(annotation):
                yield from truths_for_numbers(item, _item_of(part, Collection, position), (*path, position))


def _is_number(annotation: Any) -> bool:
    """Whether a number is declared, and nothing that a truth could be."""
    try:
        return _declares_number(annotation)
    except TypeError:  # an annotation with a mark that has no hash
        return _declares_number.__wrapped__(annotation)


@cache
def _declares_number(annotation: Any) -> bool:
    sorts = {kind_of_annotation(part).sort for part in _parts(annotation)}
    return bool(sorts & NUMBERS) and not sorts & {"truth", "other"}


def _parts(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, marks taken off."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _parts(annotation.__origin__)
    if origin in (typing.Union, types.UnionType):
        return [inner for part in typing.get_args(annotation) if part is not type(None) for inner in _parts(part)]
    return [annotation]


def _has_fields(annotation: Any) -> bool:
    return isinstance(annotation, type) and _is_model(annotation)


@cache
def _is_model(annotation: type) -> bool:
    return kind_of_annotation(annotation).sort == "model"


@cache
def _annotations(model: Any) -> dict[str, Any]:
    """The fields of a model under every name by which a case may give them."""
    by_name = annotations_of(model)
    aliases: dict[str, Any] = {}
    for name, info in getattr(model, "model_fields", {}).items():
        aliases |= {alias: by_name[name] for alias in (info.alias, info.validation_alias) if isinstance(alias, str)}
    return {**by_name, **aliases}


def _item_of(annotation: Any, container: type, key: object) -> Any:
    """What an item of an annotated container is; Any where that is not known."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if not args or not isinstance(origin, type) or not issubclass(origin, container):
        return Any
    if origin is tuple and Ellipsis not in args and isinstance(key, int):
        return args[key] if key < len(args) else Any
    return args[-1] if container is Mapping else args[0]
