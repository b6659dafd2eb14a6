"""Decisions as a file of DMN, with the diagram that modelers show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import DefinitionError, DmnError
from abpo_sdk.policies.dmn.building import MadeDecision, type_of_table
from abpo_sdk.policies.dmn.diagram import diagram
from abpo_sdk.policies.dmn.logic import (
    BuiltLogic,
    ContextLogic,
    Function,
    InvocationLogic,
    LiteralLogic,
    TableLogic,
    functions_of,
)
from abpo_sdk.policies.dmn.markup import Tag, document
from abpo_sdk.policies.dmn.namespaces import BOUNDS, DIAGRAM, MODEL, OWN, WAYPOINTS, Version
from abpo_sdk.policies.dmn.table_writing import table_tag
from abpo_sdk.policies.dmn.type_writing import TypeWriter, python_tag, type_of_path
from abpo_sdk.policies.dmn.types import Basic, ValueType
from abpo_sdk.policies.feel import parse_expression
from abpo_sdk.policies.feel.syntax import Name

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable


def table_as_dmn(table: DecisionTable, version: Version = "1.3") -> str:
    """A table as a file with one decision, whose inputs are the fields that the table reads.

    Args:
        table: the table.
        version: of DMN.

    Raises:
        DmnError: something that DMN cannot say; names the rule and the construct.
        DefinitionError: an unknown version.
    """
    read: dict[str, FieldNode] = {field.name: field for rule in table.rules for field in rule.when.fields()}
    inputs = type_of_path(read.values())
    type_ = type_of_table(table)
    decision = MadeDecision(table.name, table.name, type_, tuple(inputs), (), TableLogic(table))
    return model_as_dmn(table.name, inputs, [decision], version)


def model_as_dmn(
    name: str, inputs: Mapping[str, ValueType], decisions: Sequence[MadeDecision], version: Version = "1.3"
) -> str:
    """Decisions as a file.

    Args:
        name: of the model.
        inputs: the inputs by name.
        decisions: each after those that it requires.
        version: of DMN.

    Raises:
        DmnError: something that DMN cannot say.
        DefinitionError: an unknown version.
    """
    if version not in MODEL:
        raise DefinitionError(f"version={version!r} of DMN is not written; there are {', '.join(MODEL)}")
    return document(_Model(name, inputs, decisions).tag(version))


def save(text: str, path: str | Path | None) -> str:
    """The text; where there is a path, it is in that file, too."""
    if path is not None:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    return text


class _Model:
    def __init__(self, name: str, inputs: Mapping[str, ValueType], decisions: Sequence[MadeDecision]) -> None:
        self.name = name
        self.inputs = inputs
        self.decisions = decisions
        self.types = TypeWriter()
        self.functions: dict[str, Function] = {}
        for decision in decisions:
            self._collect(decision.logic)
        self.ids = {
            **{("input", n): f"input_{i}" for i, n in enumerate(inputs, start=1)},
            **{("decision", d.name): f"decision_{i}" for i, d in enumerate(decisions, start=1)},
            **{("function", n): f"function_{i}" for i, n in enumerate(self.functions, start=1)},
        }
        self.edges: dict[str, tuple[str, str]] = {}
        for named in (*inputs, *self.functions):
            check_name(named)
        for decision in decisions:
            if decision.name != " ".join(decision.name.split()):
                raise DmnError(f"the decision {decision.name!r} cannot be called so in DMN; write single blanks")

    def _collect(self, logic: BuiltLogic) -> None:
        for name, function in functions_of(logic).items():
            if self.functions.setdefault(name, function) != function:
                raise DmnError(f"model {self.name!r} calls two functions {name!r}")
            self._collect(function.body)

    def tag(self, version: Version) -> Tag:
        decisions = [self._decision(decision) for decision in self.decisions]
        functions = [self._function(name, function) for name, function in self.functions.items()]
        inputs = [self._input(name, type_) for name, type_ in self.inputs.items()]
        attributes = {
            "xmlns": MODEL[version],
            "xmlns:dmndi": DIAGRAM[version],
            "xmlns:dc": BOUNDS,
            "xmlns:di": WAYPOINTS,
            "xmlns:abpo": OWN,
            "id": "definitions",
            "name": self.name,
            "namespace": f"{OWN}:models",
            "exporter": "abpo_sdk",
        }
        return Tag(
            "definitions", dict(attributes), [*self.types.tags(), *inputs, *functions, *decisions, self._diagram()]
        )

    def _diagram(self) -> Tag:
        depth: dict[str, int] = {}
        for decision in self.decisions:
            depth[decision.name] = 1 + max((depth[name] for name in decision.decisions), default=0)
        below = [key for (kind, _), key in self.ids.items() if kind != "decision"]
        levels = [below, *([] for _ in range(max(depth.values(), default=0)))]
        for name, level in depth.items():
            levels[level].append(self.ids["decision", name])
        small = frozenset(key for (kind, _), key in self.ids.items() if kind == "input")
        return diagram(levels, small, self.edges)

    def _input(self, name: str, type_: ValueType) -> Tag:
        tag = Tag("inputData", {"id": self.ids["input", name], "name": name})
        if isinstance(type_, Basic) and type_.python and type_.allowed is None:
            tag.children.append(python_tag(type_.python))
        tag.children.append(self._variable(name, type_, f"{self.ids['input', name]}_variable"))
        return tag

    def _variable(self, name: str, type_: ValueType, key: str | None = None) -> Tag:
        return Tag("variable", {"id": key, "name": name, "typeRef": self.types.reference(type_, name)})

    def _decision(self, decision: MadeDecision) -> Tag:
        key = self.ids["decision", decision.name]
        tag = Tag("decision", {"id": key, "name": decision.name})
        if isinstance(decision.logic, TableLogic):
            table = decision.logic.table
            own: dict[str, str | None] = {"caseType": table.case_type.__name__, "owner": table.owner}
            tag.children.append(Tag("extensionElements", children=[Tag("abpo:table", own)]))
        tag.children.append(self._variable(decision.variable, decision.type, f"{key}_variable"))
        required = [("requiredInput", self.ids["input", name]) for name in decision.inputs]
        required += [("requiredDecision", self.ids["decision", name]) for name in decision.decisions]
        tag.children += self._requirements("informationRequirement", required, key)
        called = [("requiredKnowledge", self.ids["function", name]) for name in functions_of(decision.logic)]
        tag.children += self._requirements("knowledgeRequirement", called, f"{key}_knowledge")
        tag.children.append(self._logic(decision.logic, f"{key}_logic"))
        return tag

    def _requirements(self, kind: str, required: Iterable[tuple[str, str]], owner: str) -> list[Tag]:
        tags = []
        for number, (name, key) in enumerate(required, start=1):
            own = f"{owner}_requirement_{number}"
            self.edges[own] = (key, owner.removesuffix("_knowledge"))
            tags.append(Tag(kind, {"id": own}, [Tag(name, {"href": f"#{key}"})]))
        return tags

    def _function(self, name: str, function: Function) -> Tag:
        key = self.ids["function", name]
        called = [("requiredKnowledge", self.ids["function", n]) for n in functions_of(function.body)]
        parameters = [
            Tag("formalParameter", {"name": n, "typeRef": self.types.reference(type_, n)})
            for n, type_ in function.parameters.items()
        ]
        return Tag(
            "businessKnowledgeModel",
            {"id": key, "name": name},
            [
                self._variable(name, function.type, f"{key}_variable"),
                Tag(
                    "encapsulatedLogic",
                    {"id": f"{key}_function"},
                    [*parameters, self._logic(function.body, f"{key}_logic")],
                ),
                *self._requirements("knowledgeRequirement", called, f"{key}_knowledge"),
            ],
        )

    def _logic(self, logic: BuiltLogic, key: str) -> Tag:
        if isinstance(logic, TableLogic):
            return table_tag(logic.table, key)
        if isinstance(logic, LiteralLogic):
            return Tag("literalExpression", {"id": key}, [Tag("text", text=logic.cell.text)])
        if isinstance(logic, InvocationLogic):
            called = Tag("literalExpression", {"id": f"{key}_called"}, [Tag("text", text=logic.function.name)])
            bindings = [
                Tag("binding", {}, [Tag("parameter", {"name": n}), self._logic(part, f"{key}_binding_{i}")])
                for i, (n, part) in enumerate(logic.bindings.items(), start=1)
            ]
            return Tag("invocation", {"id": key}, [called, *bindings])
        return self._context(logic, key)

    def _context(self, logic: ContextLogic, key: str) -> Tag:
        entries = []
        for number, entry in enumerate(logic.entries, start=1):
            variable = [self._variable(entry.name, entry.type)] if entry.name else []
            entries.append(Tag("contextEntry", {}, [*variable, self._logic(entry.logic, f"{key}_entry_{number}")]))
        return Tag("context", {"id": key}, entries)


NAME = re.compile(r"[^\W\d]\w*(?:[ /'*+-]+\w+)*")
"""What a name looks like in FEEL (DMN 1.5, 10.3.1.2, rules 25 to 30); one with a dot would be read as a path."""


def check_name(name: str) -> None:
    """Refuse a name that expressions could not use.

    Raises:
        DmnError: naming it.
    """
    try:
        read = parse_expression(name, (name,)) if NAME.fullmatch(name) else None
    except DmnError:
        read = None
    if read != Name(name):
        raise DmnError(
            f"{name!r} cannot be a name in DMN, whose expressions would read it as something else; rename it"
        )
