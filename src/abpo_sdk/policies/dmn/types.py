"""The types of DMN: what a value of each is in Python, and whether a value is one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional, TypeAlias

from pydantic import AfterValidator
from typing_extensions import TypedDict

from abpo_sdk.conditions import Condition
from abpo_sdk.conditions.kinds import given, unfit, written
from abpo_sdk.errors import MissingInput, MistypedInput
from abpo_sdk.values.encoded import JsonValue

BASIC: dict[str, Any] = {
    "string": str,
    "number": Decimal,
    "boolean": bool,
    "date": dt.date,
    "date and time": dt.datetime,
    "days and time duration": dt.timedelta,
    "Any": Any,
}
"""The basic types that conditions can carry, and what their values are here."""

SPELLINGS = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
    "context": "Any",
    "list": "Any",
    "integer": "number",
    "long": "number",
    "double": "number",
}
"""Other words for basic types: those of DMN 1.5 (10.3.2.3), and those by which Camunda's modeler calls numbers."""

NOT_CARRIED = ("time", "years and months duration")
"""Basic types of which a condition can compare no values."""

PYTHON = {"integer": int, "float": float}
"""Types of numbers that DMN has no words for."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values that a type allows: as the file writes them, and as a condition on {"value": ...}; `values` if they are listed."""

    text: str
    condition: Condition
    values: tuple[Any, ...]

    def check(self, value: Any) -> Any:
        """The value.

        Raises:
            ValueError: it is not allowed.
        """
        if value is not None and not self.condition.holds({"value": value}):
            raise ValueError(f"it is not among the allowed values {self.text}")
        return value


@dataclass(frozen=True, slots=True)
class Basic:
    """A basic type, with limits or none."""

    name: str
    allowed: Allowed | None = None
    python: str = ""

    def __str__(self) -> str:
        return self.python or self.name


@dataclass(frozen=True, slots=True)
class Structure:
    """A type with parts."""

    name: str
    parts: Mapping[str, ValueType] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Many:
    """Lists of a type."""

    item: ValueType

    def __str__(self) -> str:
        return f"list of {self.item}"


ValueType: TypeAlias = Basic | Structure | Many

ANY = Basic("Any")


def carried(type_: ValueType) -> bool:
    """Whether conditions can carry something of the type."""
    if isinstance(type_, Many):
        return carried(type_.item)
    return isinstance(type_, Structure) or type_.name not in NOT_CARRIED


def annotation_of(type_: ValueType) -> Any:
    """The type in Python; all may be None, FEEL's null, and parts that cannot be carried are left out of a structure."""
    if isinstance(type_, Many):
        return list[annotation_of(type_.item)] | None  # type: ignore[misc]
    if isinstance(type_, Structure):
        return case_type_of(type_.name, type_.parts) | None
    plain = PYTHON.get(type_.python, BASIC.get(type_.name, Any))
    if type_.allowed is not None and type_.allowed.values and plain is str:
        plain = Literal[type_.allowed.values]  # pyright: ignore[reportInvalidTypeForm]
    elif type_.allowed is not None:
        plain = Annotated[plain, AfterValidator(type_.allowed.check)]
    return Optional[plain]  # noqa: UP045  `Any | None` has no such operator


def case_type_of(name: str, parts: Mapping[str, ValueType]) -> Any:
    """A typed dictionary of named things, those that conditions can carry."""
    return TypedDict(name, {n: annotation_of(type_) for n, type_ in parts.items() if carried(type_)})  # type: ignore[operator]


def checked(value: Any, type_: ValueType, name: str) -> Any:
    """A value as its type has it: numbers exact, the parts of a structure in its order.

    None is a value of every type: FEEL's null.

    Raises:
        MissingInput: a part of a structure is absent.
        MistypedInput: it is of another type, or not among the allowed values; names it.
    """
    if value is None:
        return None
    if isinstance(type_, Many):
        if not isinstance(value, (list, tuple)):
            raise _mistyped(value, type_, name)
        return [checked(item, type_.item, f"{name}[{place}]") for place, item in enumerate(value)]
    if isinstance(type_, Structure):
        return _checked_parts(value, type_, name)
    problem = unfit(value)
    if problem:
        raise MistypedInput(f"{name} is {given(value)}, {problem}; correct it before it is decided")
    taken = _taken(value, type_, name)
    if type_.allowed is not None:
        try:
            type_.allowed.check(taken)
        except ValueError as error:
            raise MistypedInput(f"{name} is {written(value)}: {error}") from None
    return taken


def _taken(value: Any, type_: Basic, name: str) -> Any:
    if type_.name == "number":
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise _mistyped(value, type_, name)
        if type_.python == "integer" and value != int(value):
            raise _mistyped(value, type_, name)
        if type_.python:
            return PYTHON[type_.python](value)
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    wanted = BASIC.get(type_.name, Any)
    # a time is a date to Python, and no date to DMN
    if wanted is not Any and (not isinstance(value, wanted) or (wanted is dt.date and isinstance(value, dt.datetime))):
        raise _mistyped(value, type_, name)
    return value


def _checked_parts(value: Any, type_: Structure, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mistyped(value, type_, name)
    check_names(value, type_.parts, name)
    missing = [part for part in type_.parts if part not in value]
    if missing:
        raise MissingInput(f"{name} lacks {', '.join(missing)}; give a value, or None where there is none")
    return {part: checked(value[part], of, f"{name}.{part}") for part, of in type_.parts.items()}


def check_names(given: Mapping[str, Any], known: Mapping[str, Any], what: str) -> None:
    """Refuse names that are not known.

    Raises:
        MistypedInput: with the nearest that is.
    """
    for name in given:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
            raise MistypedInput(f"{what} has no {name!r}; {hint}")


def type_of_values(values: Iterable[Any]) -> ValueType:
    """The basic type of some values; any where they are of several, or there are none beside None."""
    found = {_type_of_value(value) for value in values if value is not None}
    return Basic(found.pop()) if len(found) == 1 else ANY


def _type_of_value(value: Any) -> str:
    if isinstance(value, (bool, str)):
        return "boolean" if isinstance(value, bool) else "string"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, dt.date):
        return "date and time" if isinstance(value, dt.datetime) else "date"
    return "days and time duration" if isinstance(value, dt.timedelta) else "Any"


def type_meaning(type_: ValueType) -> JsonValue:
    """A type as JSON, the same for the same type alone; the names of structures are spelling."""
    if isinstance(type_, Many):
        return {"list": type_meaning(type_.item)}
    if isinstance(type_, Structure):
        return {"parts": {name: type_meaning(part) for name, part in type_.parts.items()}}
    allowed = None if type_.allowed is None else type_.allowed.condition.structure()
    return {"type": str(type_), "allowed": allowed}


def _mistyped(value: Any, type_: ValueType, name: str) -> MistypedInput:
    return MistypedInput(f"{name} is {given(value)}, a {type(value).__name__}, and its type is {type_}")
