"""Decision models: decisions that require one another, read from a file of DMN."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from abpo_sdk.errors import DmnError, MissingInput
from abpo_sdk.policies.dmn.building import Builder, MadeDecision
from abpo_sdk.policies.dmn.logic import TableLogic, conforming
from abpo_sdk.policies.dmn.namespaces import Version
from abpo_sdk.policies.dmn.reading import read_definitions
from abpo_sdk.policies.dmn.requirements import Requirements
from abpo_sdk.policies.dmn.types import ValueType, check_names, checked, type_meaning
from abpo_sdk.policies.dmn.writing import model_as_dmn, save
from abpo_sdk.policies.table import DecisionTable
from abpo_sdk.values.canonical import canonical_bytes


class DecisionModel:
    """Decisions, the inputs that they need, and what requires what; made by `DecisionModel.from_dmn`.

    >>> model = DecisionModel.from_dmn('''
    ... <definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="greetings" namespace="urn:example">
    ...   <inputData id="n" name="Full Name"><variable name="Full Name" typeRef="string"/></inputData>
    ...   <decision id="g" name="Greeting">
    ...     <variable name="Greeting" typeRef="string"/>
    ...     <informationRequirement><requiredInput href="#n"/></informationRequirement>
    ...     <literalExpression><text>"Hello " + Full Name</text></literalExpression>
    ...   </decision>
    ... </definitions>''')
    >>> model.decide({"Full Name": "Maria"})
    {'Greeting': 'Hello Maria'}
    """

    def __init__(self, name: str, inputs: Mapping[str, ValueType], decisions: Iterable[MadeDecision]) -> None:
        self.name = name
        self.inputs: Mapping[str, ValueType] = dict(inputs)
        """The inputs, each with its type."""
        self._made = {decision.name: decision for decision in decisions}
        self.decisions: tuple[str, ...] = tuple(self._made)
        """The names of the decisions, each after those that it requires."""
        self.tables: Mapping[str, DecisionTable] = {
            name: made.logic.table for name, made in self._made.items() if isinstance(made.logic, TableLogic)
        }
        """The decisions that are tables, by name; each is a policy of its own, about what its decision requires."""
        self.version = self._hash()
        """A hash over what the model means: its names, types, rows and expressions, not how the file is laid out."""

    @classmethod
    def from_dmn(cls, file: str | Path, *, decisions: Collection[str] | None = None) -> Self:
        """The model in a file of DMN 1.3, 1.4 or 1.5.

        Args:
            file: a path; or a text of XML, which begins with "<".
            decisions: the decisions to read, by name, with what they require; what is not supported elsewhere in the file
                does no harm then. Default: all.

        Raises:
            DmnError: something of it cannot be read, does not fit together, or is not supported; names the file, the line, the decision, the
                rule, the column and the text.
            OSError: the file cannot be read.
        """
        definitions = read_definitions(file)
        requirements = Requirements(definitions, decisions)
        builder = Builder(definitions, requirements, DecisionTable)
        builder.types.all()
        made = [builder.decision(decision) for decision in requirements.order]
        return cls(definitions.name, builder.inputs, made)

    def decide(self, values: Mapping[str, Any], *, decisions: Collection[str] | None = None) -> dict[str, Any]:
        """What is decided about a case.

        A table gives one value, a mapping by output where it has several, a list of these where several rows count, and None where
        no row applies and it has no default. None given for an input is FEEL's null: it is no missing input for an expression, and one for
        a cell that compares it.

        Args:
            values: the inputs by name.
            decisions: the decisions to make, by name; what they do not require need not be given. Default: all.

        Returns:
            the result of each decision by its name.

        Raises:
            MissingInput: an input that a decision requires is absent, or None where a cell compares it.
            MistypedInput: an input that the model does not have, of another type, or not among its allowed values; or a decision gives
                what is not of its type.
            HitPolicyViolated: rows apply together that their table's hit policy does not allow together.
            DmnError: a decision that the model does not have.
            FeelError: an expression has no meaning for these values.
        """
        check_names(values, self.inputs, f"model {self.name!r}, whose inputs are given,")
        wanted = self._wanted(decisions)
        needed = dict.fromkeys(name for decision in wanted for name in decision.inputs)
        missing = [name for name in needed if name not in values]
        if missing:
            raise MissingInput(
                f"model {self.name!r} needs {', '.join(missing)}; give a value, or None where there is none"
            )
        given = {name: checked(value, self.inputs[name], name) for name, value in values.items()}
        results: dict[str, Any] = {}
        for decision in wanted:
            known = {name: given[name] for name in decision.inputs}
            known |= {self._made[name].variable: results[name] for name in decision.decisions}
            results[decision.name] = conforming(decision.logic.value(known), decision.type, decision.name)
        return {name: results[name] for name in (decisions if decisions is not None else self.decisions)}

    def to_dmn(self, path: str | Path | None = None, *, version: Version = "1.3") -> str:
        """The model as a file of DMN, which `from_dmn` reads as the same model, and which modelers open.

        Args:
            path: where to write it; None: nowhere.
            version: of DMN; dmn-js and Camunda's modeler open 1.3 alone.

        Returns:
            the text of the file.

        Raises:
            DmnError: something that DMN cannot say; names the decision, the rule and the construct.
        """
        return save(model_as_dmn(self.name, self.inputs, list(self._made.values()), version), path)

    def _wanted(self, names: Collection[str] | None) -> list[MadeDecision]:
        if names is None:
            return list(self._made.values())
        wanted = set(names)
        for name in names:
            if name not in self._made:
                raise DmnError(f"model {self.name!r} has no decision {name!r}; it has {', '.join(self._made)}")
        for name in reversed(self.decisions):  # those above are required by those below
            if name in wanted:
                wanted |= set(self._made[name].decisions)
        return [made for name, made in self._made.items() if name in wanted]

    def _hash(self) -> str:
        content: dict[str, Any] = {
            "name": self.name,
            "inputs": {name: type_meaning(type_) for name, type_ in self.inputs.items()},
            "decisions": {
                made.name: {
                    "variable": made.variable,
                    "type": type_meaning(made.type),
                    "requires": [sorted(made.inputs), sorted(made.decisions)],
                    "logic": made.logic.meaning(),
                }
                for made in self._made.values()
            },
        }
        return hashlib.sha256(canonical_bytes(content)).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<model {self.name}, {len(self.decisions)} decisions, version {self.version}>"
