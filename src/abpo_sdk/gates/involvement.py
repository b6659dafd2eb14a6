"""Who has to do with a case, and so does not decide it: the persons whom fields of the case name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from abpo_sdk.conditions.expressions import Field, node_of
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.conditions.reading import Reading
from abpo_sdk.errors import DefinitionError, MistypedInput
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoded import Encoded, PersonalValue


@dataclass(frozen=True, slots=True)
class Involvement:
    """The fields of a case that name persons.

    Args:
        fields: each holds an id, or several; None where there is nobody.
    """

    fields: tuple[FieldNode, ...]

    def of(self, decision: Decision, shown: Encoded) -> tuple[tuple[str, ...], Mapping[int, PersonalValue]]:
        """The persons whom a case names, each as it is written there, and which of these (by number) are personal.

        Raises:
            MistypedInput: a field holds something else than ids of persons.
        """
        persons: list[str] = []
        marks: dict[int, PersonalValue] = {}
        reading = Reading(decision, decision.case)
        for field in self.fields:
            value = reading.raw(field)
            named = () if value is None else (value,) if isinstance(value, str) else value
            if not isinstance(named, Collection) or not all(isinstance(person, str) for person in named):
                raise MistypedInput(
                    f"{field.model.__name__}.{field.name} says who has to do with a case, and is a {type(value).__name__}; "
                    "it holds the id of a person, or several"
                )
            mark = next((m for m in shown.personal if m.path[1 : 1 + len(field.path)] == field.path), None)
            for person in named:
                if mark is not None:
                    marks[len(persons)] = mark
                persons.append(person)
        return tuple(persons), marks


def involvement(gate: str, fields: Collection[Field]) -> Involvement:
    """The fields that a gate names.

    Raises:
        DefinitionError: one is none.
    """
    nodes = [node_of(field) for field in fields] if not isinstance(fields, (str, Field)) else [None]
    for node in nodes:
        if not isinstance(node, FieldNode):
            raise DefinitionError(
                f"gate {gate!r}: involves={fields!r} are no fields; write involves=[fields(Claim).entered_by, ...]"
            )
    return Involvement(tuple(node for node in nodes if isinstance(node, FieldNode)))
