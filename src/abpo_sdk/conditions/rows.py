"""Rows of a frame, and mappings like them, as cases: which columns make which fields, and what stands for no value."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from abpo_sdk.conditions.kinds import Kind, kind_of_annotation
from abpo_sdk.conditions.typed_cases import typed_case
from abpo_sdk.errors import MissingInput
from abpo_sdk.values.traversal import annotations_of, is_typed_dict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Part", "Plan", "case_of_row", "is_missing", "is_model", "missing_in", "plain", "plan_for", "values_of_row"]


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a case type: where a row has it, and what it may hold."""

    name: str
    key: str  # by which pydantic takes it: its alias, where it has one
    path: str  # the dotted name
    kind: Kind
    source: str | Plan  # the column, or the plan of the nested model whose fields are columns

    @property
    def may_be_none(self) -> bool:
        return self.kind.optional or self.kind.sort == "other"  # of what is not known, the type itself judges


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns make which fields of a case type, and the required fields that no column makes."""

    parts: tuple[Part, ...]
    missing: tuple[str, ...]

    def columns(self) -> list[str]:
        """The columns that are read."""
        return [
            column
            for part in self.parts
            for column in (part.source.columns() if isinstance(part.source, Plan) else [part.source])
        ]


def plan_for(model: Any, columns: Collection[Any]) -> Plan:
    """Which of some columns make a case of a model: those called like a field or its alias, nested ones by dotted names."""
    return _plan(model, frozenset(c for c in columns if isinstance(c, str)), "")


def case_of_row(row: Mapping[Any, Any], model: Any, plan: Plan, *, what: str) -> Any:
    """A typed case of a row.

    Raises:
        MissingInput: a required field has no value.
        MistypedInput: naming each field that does not fit, and its value unless it is personal.
    """
    values, missing = values_of_row(row, plan)
    if missing:
        named = ", ".join(f"{model.__name__}.{name}" for name in missing)
        raise MissingInput(f"{named} {'is' if len(missing) == 1 else 'are'} missing")
    return typed_case(values, model, what=what)


def values_of_row(row: Mapping[Any, Any], plan: Plan) -> tuple[dict[str, Any], list[str]]:
    """The fields' values as a model takes them, nested, and the required fields that have none."""
    missing = list(plan.missing)
    return _values(plan, row, missing), missing


def is_model(model: Any) -> bool:
    """Whether cases of the type can be made of named fields."""
    return (
        is_typed_dict(model)
        or dataclasses.is_dataclass(model)
        or (isinstance(model, type) and issubclass(model, BaseModel))
    )


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN (a float's or a Decimal's), NaT or NA."""
    import pandas as pd

    if isinstance(value, Decimal):  # of which pandas compares those that signal
        return value.is_nan()
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def missing_in(column: pd.Series[Any]) -> NDArray[np.bool_]:
    """Which values of a column stand for none."""
    import numpy as np

    try:
        return column.isna().to_numpy()
    except InvalidOperation:  # of a NaN that signals
        return np.array([is_missing(value) for value in column.tolist()], dtype=bool)


def _plan(model: Any, columns: frozenset[str], prefix: str) -> Plan:
    parts: list[Part] = []
    missing: list[str] = []
    for name, alias, annotation, required in _fields_of(model):
        path = prefix + name
        source: str | Plan | None = next((prefix + n for n in (name, alias) if prefix + n in columns), None)
        kind = kind_of_annotation(annotation)
        if source is None and is_model(kind.type):
            dotted = next((p for p in (f"{path}.", f"{prefix}{alias}.") if any(c.startswith(p) for c in columns)), None)
            source = None if dotted is None else _plan(kind.type, columns, dotted)
        if source is not None:
            missing += source.missing if isinstance(source, Plan) and not kind.optional else ()
            parts.append(Part(name, alias, path, kind, source))
        elif required:
            missing.append(path)
    return Plan(tuple(parts), tuple(missing))


@cache
def _fields_of(model: Any) -> tuple[tuple[str, str, Any, bool], ...]:
    """Of each field of a type that a caller may give: its name, its alias, its annotation, and whether it is required."""
    annotations = annotations_of(model)
    known = getattr(model, "__pydantic_fields__", None)
    if known is not None:
        return tuple((name, _alias(info, name), annotations[name], info.is_required()) for name, info in known.items())
    if dataclasses.is_dataclass(model):
        none = dataclasses.MISSING
        return tuple(
            (f.name, f.name, annotations[f.name], f.default is none and f.default_factory is none)
            for f in dataclasses.fields(model)
            if f.init
        )
    return tuple(
        (name, name, annotation, _is_required(model, name, annotation)) for name, annotation in annotations.items()
    )


def _is_required(model: Any, name: str, annotation: Any) -> bool:
    """Whether a typed dictionary must have a key; what Python says of one is wrong where annotations are texts."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Required, typing.NotRequired):
        return origin is typing.Required
    return name in model.__required_keys__


def _alias(info: Any, name: str) -> str:
    return next((a for a in (info.validation_alias, info.alias) if isinstance(a, str)), name)


def _values(plan: Plan, row: Mapping[str, Any], missing: list[str]) -> dict[str, Any]:
    """The fields' values, nested; notes what is missing."""
    values: dict[str, Any] = {}
    for part in plan.parts:
        if isinstance(part.source, Plan):
            absent = all(is_missing(row[column]) for column in part.source.columns())
            value = None if absent else _values(part.source, row, missing)
            if not absent and part.kind.optional:
                missing += part.source.missing
        else:
            value = plain(row[part.source])
        if value is None and not part.may_be_none:
            missing.append(part.path)
        values[part.key] = value
    return values


def plain(value: Any) -> Any:
    """A value as Python's own, None where it is missing; a time in a year that Python does not have, as text."""
    import numpy as np
    import pandas as pd

    if is_missing(value):
        return None
    if isinstance(value, (np.bool_, np.number, np.str_)) and not isinstance(value, np.timedelta64):
        return value.item()
    if isinstance(value, pd.Timestamp) and not dt.MINYEAR <= value.year <= dt.MAXYEAR:
        return str(value)
    return value
