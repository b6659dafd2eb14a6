"""What requires what in a model (DMN 1.5, 6.2): references that lead somewhere, no circles, and the order in which to decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.dmn.definitions import DecisionText, Definitions, InputData, KnowledgeText

T = TypeVar("T")


class Requirements:
    """The decisions of a file, what each requires, and in which order they are made.

    Args:
        definitions: what the file says.
        wanted: names of decisions; these and what they require are looked at. None: all of them.

    Raises:
        DmnError: a decision that there is not, a reference to nothing or to a thing of another kind, or things that require one another.
    """

    def __init__(self, definitions: Definitions, wanted: Collection[str] | None = None) -> None:
        self._source = definitions.source
        self._inputs = {i.id: i for i in definitions.inputs}
        self._decisions = {d.id or f"name {d.name}": d for d in definitions.decisions}
        self._knowledge = {k.id: k for k in definitions.knowledge}
        by_name = {d.name: d for d in definitions.decisions}
        for name in wanted if wanted is not None else ():
            if name not in by_name:
                raise DmnError(f"{self._source} has no decision {name!r}; it has {', '.join(by_name) or 'none'}")
        self._made: dict[str, DecisionText] = {}
        for decision in definitions.decisions if wanted is None else [by_name[name] for name in wanted]:
            self._visit(decision)
        self.order: Sequence[DecisionText] = tuple(self._made.values())
        """Each after those that it requires."""

    def inputs_of(self, decision: DecisionText) -> Sequence[InputData]:
        """The inputs that a decision requires by itself.

        Raises:
            DmnError: one of them is not there.
        """
        return [self._one(self._inputs, key, "input", decision.place) for key in decision.inputs]

    def decisions_of(self, decision: DecisionText) -> Sequence[DecisionText]:
        """The decisions that a decision requires by itself.

        Raises:
            DmnError: one of them is not there.
        """
        return [self._one(self._decisions, key, "decision", decision.place) for key in decision.decisions]

    def knowledge_of(self, owner: DecisionText | KnowledgeText) -> Sequence[KnowledgeText]:
        """The business knowledge models that something requires by itself.

        Raises:
            DmnError: one of them is not there.
        """
        return [self._one(self._knowledge, key, "business knowledge model", owner.place) for key in owner.knowledge]

    def _visit(self, decision: DecisionText) -> None:
        """Put what a decision requires into order, and then itself."""
        open_: dict[str, DecisionText] = {decision.name: decision}  # a stack of its own, as a chain may be long
        while open_:
            one = open_[next(reversed(open_))]
            required = next((d for d in self.decisions_of(one) if d.name not in self._made), None)
            if required is None:
                self._made[one.name] = open_.pop(one.name)
            elif required.name in open_:
                names = list(open_)
                circle = " -> ".join((*names[names.index(required.name) :], required.name))
                raise DmnError(f"{required.place} requires itself ({circle}); a decision cannot come before itself")
            else:
                open_[required.name] = required

    def _one(self, among: Mapping[str, T], key: str, kind: str, place: str) -> T:
        if key in among:
            return among[key]
        other = self._inputs.get(key) or self._decisions.get(key) or self._knowledge.get(key)
        is_other = f"is another thing ({other.name!r})" if other is not None else "is not in the file"
        raise DmnError(f"{place} requires the {kind} {key!r}, which {is_other}")
