"""What a file of DMN says, as it says it: names, references and texts in FEEL, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in FEEL, and where it stands: the file, the line, and what it is part of."""

    text: str
    place: str


@dataclass(frozen=True, slots=True)
class ItemDefinition:
    """A type that a file defines, or a part of one: another type by its name, or parts of its own; `many` for a list of it.

    `python` is a type that DMN has no word for ("integer", "float").
    """

    name: str
    type_ref: str
    parts: tuple[ItemDefinition, ...]
    many: bool
    allowed: Cell | None
    python: str
    place: str


@dataclass(frozen=True, slots=True)
class InputClause:
    """A column that a table reads."""

    expression: Cell
    type_ref: str
    allowed: Cell | None


@dataclass(frozen=True, slots=True)
class OutputClause:
    """A column that a table gives."""

    name: str
    type_ref: str
    values: Cell | None
    default: Cell | None
    python: str
    default_python: str
    place: str


@dataclass(frozen=True, slots=True)
class RuleText:
    """A row: a cell for each column that is read, one for each that is given, and what explains it."""

    inputs: tuple[Cell, ...]
    outputs: tuple[Cell, ...]
    annotations: tuple[str, ...]
    description: str
    name: str | None
    python: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class TableText:
    """A decision table."""

    hit_policy: str
    aggregation: str
    inputs: tuple[InputClause, ...]
    outputs: tuple[OutputClause, ...]
    annotations: tuple[str, ...]
    rules: tuple[RuleText, ...]
    place: str


@dataclass(frozen=True, slots=True)
class LiteralText:
    """A literal expression."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """An entry of a boxed context; without a name it is the result."""

    name: str
    type_ref: str
    logic: Logic
    place: str


@dataclass(frozen=True, slots=True)
class ContextText:
    """A boxed context: named values, each of which may use those above it."""

    entries: tuple[ContextEntry, ...]
    place: str


@dataclass(frozen=True, slots=True)
class InvocationText:
    """A boxed invocation: a business knowledge model, called with its parameters by name."""

    called: Cell
    bindings: Mapping[str, Logic]
    place: str


@dataclass(frozen=True, slots=True)
class NoLogic:
    """A decision without logic, which is one by name only; or with logic that is not supported, which says so."""

    problem: str


Logic: TypeAlias = TableText | LiteralText | ContextText | InvocationText | NoLogic


@dataclass(frozen=True, slots=True)
class InputData:
    """An input of a model."""

    id: str
    name: str
    type_ref: str
    python: str
    place: str


@dataclass(frozen=True, slots=True)
class DecisionText:
    """A decision, what it requires (ids), and how it is made.

    `variable` is what expressions call it; `case_type` and `owner` are those of the table that it was written from.
    """

    id: str
    name: str
    variable: str
    type_ref: str
    inputs: tuple[str, ...]
    decisions: tuple[str, ...]
    knowledge: tuple[str, ...]
    logic: Logic
    place: str
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnowledgeText:
    """A business knowledge model: a function, with its parameters and their types."""

    id: str
    name: str
    parameters: tuple[tuple[str, str], ...]
    type_ref: str
    knowledge: tuple[str, ...]
    logic: Logic
    place: str


@dataclass(frozen=True, slots=True)
class Definitions:
    """All of a file."""

    name: str
    source: str
    items: tuple[ItemDefinition, ...]
    inputs: tuple[InputData, ...]
    decisions: tuple[DecisionText, ...]
    knowledge: tuple[KnowledgeText, ...]
    own: bool
    """Whether it was written by this library, so that nothing in it was laid out for the eye."""
