"""A decision table as XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DmnError, FeelError
from abpo_sdk.policies.dmn.columns import Column, columns_of
from abpo_sdk.policies.dmn.markup import Tag
from abpo_sdk.policies.dmn.type_writing import REFERENCES, python_tag
from abpo_sdk.policies.dmn.types import ANY, Basic, type_of_values
from abpo_sdk.policies.feel import feel_text
from abpo_sdk.policies.rules import OUTCOME, Output, Value

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

TYPES = {
    "text": "string",
    "integer": "number",
    "decimal": "number",
    "float": "number",
    "truth": "boolean",
    "date": "date",
    "time": "dateTime",
    "duration": "dayTimeDuration",
}
"""The types of DMN by the sorts of conditions."""


def table_tag(table: DecisionTable, key: str) -> Tag:
    """A table as an element.

    Args:
        table: the table.
        key: the element's id, and the beginning of those of all that is in it.

    Raises:
        DmnError: something that DMN cannot say; names the table, the rule and the construct.
    """
    places = [
        f"table {table.name!r}, rule {number}" + (f" ({rule.name})" if rule.name else "")
        for number, rule in enumerate(table.rules, start=1)
    ]
    columns = columns_of([rule.when for rule in table.rules], places)
    outputs = [_OutputColumn(table, number) for number in range(len(table.outputs))]
    tag = Tag(
        "decisionTable",
        {
            "id": key,
            "hitPolicy": table.hit_policy,
            "aggregation": table.aggregation.upper() if table.aggregation else None,
            "outputLabel": None if len(outputs) > 1 else table.name,
        },
    )
    tag.children += [_input(column, f"{key}_input_{n}") for n, column in enumerate(columns, start=1)]
    tag.children += [output.tag(f"{key}_output_{n}") for n, output in enumerate(outputs, start=1)]
    tag.children.append(Tag("annotation", {"name": "because"}))
    for number in range(len(table.rules)):
        tag.children.append(_rule(table, number, columns, outputs, f"{key}_rule_{number + 1}", places[number]))
    return tag


def _input(column: Column, key: str) -> Tag:
    expression = Tag(
        "inputExpression",
        {"id": f"{key}_expression", "typeRef": TYPES.get(column.sort)},
        [Tag("text", text=column.expression)],
    )
    return Tag("input", {"id": key, "label": column.expression}, [expression])


def _rule(
    table: DecisionTable, number: int, columns: Sequence[Column], outputs: Sequence[_OutputColumn], key: str, place: str
) -> Tag:
    rule = table.rules[number]
    # dmn-js shows a row's description, other modelers its annotation
    tag = Tag("rule", {"id": key}, [Tag("description", text=rule.because)])
    if rule.name is not None:
        tag.children.append(Tag("extensionElements", children=[Tag("abpo:rule", {"name": rule.name})]))
    for n, column in enumerate(columns, start=1):
        cell = column.cells.get(number, "-")
        tag.children.append(Tag("inputEntry", {"id": f"{key}_input_{n}"}, [Tag("text", text=cell)]))
    for n, (output, value) in enumerate(zip(outputs, table.values[number], strict=True), start=1):
        tag.children.append(output.entry("outputEntry", value, f"{key}_output_{n}", place))
    tag.children.append(Tag("annotationEntry", children=[Tag("text", text=rule.because)]))
    return tag


@dataclass(init=False, slots=True)
class _OutputColumn:
    """A column that the table gives: its type, if all its values are of one."""

    output: Output
    alone: bool
    type: Basic
    pythons: frozenset[str]
    default: tuple[Value] | None
    place: str

    def __init__(self, table: DecisionTable, number: int) -> None:
        self.output = table.outputs[number]
        self.alone = len(table.outputs) == 1
        self.default = None if table.default is None else (table.default[number],)
        every = [row[number] for row in table.values] + list(self.default or ()) + list(self.output.values)
        found = type_of_values(every)
        self.type = found if isinstance(found, Basic) else ANY
        self.pythons = frozenset(_python(value) for value in every if value is not None)
        self.place = f"table {table.name!r}, output {self.output.name!r}"
        if "float" in self.pythons and len(self.pythons) > 1 and self.output.values:
            raise DmnError(
                f"{self.place} lists floats beside other values, which DMN cannot tell apart; write Decimal('0.1')"
            )

    @property
    def python(self) -> str:
        """The type of Python of all its values, where DMN has no word for it."""
        return next(iter(self.pythons)) if len(self.pythons) == 1 else ""

    def tag(self, key: str) -> Tag:
        reference = None if self.type == ANY else REFERENCES.get(self.type.name, self.type.name)
        name = None if self.alone and self.output.name == OUTCOME else self.output.name
        tag = Tag("output", {"id": key, "label": self.output.name, "name": name, "typeRef": reference})
        if self.python:
            tag.children.append(python_tag(self.python))
        if self.output.values:
            listed = ", ".join(_literal(value, self.place) for value in self.output.values)
            tag.children.append(Tag("outputValues", {"id": f"{key}_values"}, [Tag("text", text=listed)]))
        if self.default is not None:
            tag.children.append(self.entry("defaultOutputEntry", self.default[0], f"{key}_default", self.place))
        return tag

    def entry(self, name: str, value: Value, key: str, place: str) -> Tag:
        tag = Tag(name, {"id": key})
        if _python(value) and not self.python:
            tag.children.append(python_tag(_python(value)))
        tag.children.append(Tag("text", text=_literal(value, place)))
        return tag


def _literal(value: Any, place: str) -> str:
    try:
        return feel_text(value)
    except FeelError as error:
        raise DmnError(f"{place}: {error}") from error


def _python(value: Value) -> str:
    """What DMN has no word for: whether a number is whole by its type, or a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    return "integer" if isinstance(value, int) else "float"
