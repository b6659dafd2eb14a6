"""Traces the fields that a decision read back to the records that they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from abpo_sdk.conditions.kinds import written
from abpo_sdk.ledger import Entry
from abpo_sdk.ledger.encryption import labels, masked
from abpo_sdk.ledger.entry import entry_id
from abpo_sdk.ledger.review_projection import stands
from abpo_sdk.lineage.tree import Tree
from abpo_sdk.values.decision import POLICY
from abpo_sdk.values.source import Source

Coverage = Literal["complete", "partial"]

SWEPT = "all that was recorded of it (swept)"
"""What is not known of a step whose payload was removed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from.

    Args:
        kind: "step", or "argument" of the process.
        name: of the step or process.
        sources: the records outside that the step says it reads.
        inputs: where the step's own arguments came from.
        supplied_by: the person who gave the value in the step's place, where one did.
        unknown: the arguments of the step of which nobody can say where they came from: texts and numbers, which are
            not followed, and what was made in the process itself.
    """

    kind: Literal["step", "argument"]
    name: str
    sources: tuple[Source, ...] = ()
    inputs: tuple[Origin, ...] = ()
    supplied_by: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not known on the way, its own arguments first, each with its step."""
        own = (f"{argument} of step {self.name}" for argument in self.unknown)
        return tuple(dict.fromkeys((*own, *(gap for origin in self.inputs for gap in origin.gaps))))

    @property
    def records(self) -> tuple[Source, ...]:
        """Every record outside that it goes back to, its own first."""
        found = (*self.sources, *(record for origin in self.inputs for record in origin.records))
        return tuple(dict.fromkeys(found))

    def tree(self) -> Tree:
        """The origin as a tree."""
        label = f"step {self.name}" if self.kind == "step" else f"argument of {self.name}"
        if self.supplied_by:
            label += f", supplied by {self.supplied_by}"
        gaps = [Tree(f"{argument}: not known") for argument in self.unknown]
        records = [Tree(f"{s}{f' (sha256 {s.digest[:12]}...)' if s.digest else ''}") for s in self.sources]
        return Tree(label, (*records, *gaps, *(origin.tree() for origin in self.inputs)))


@dataclass(frozen=True, slots=True)
class FieldLineage:
    """A field that a decision read: its value (personal ones masked) and where it came from; None where that is not known."""

    name: str
    value: str
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class DecisionLineage:
    """Where what one decision used came from."""

    id: str
    policy: str
    outcome: str
    decided_by: str
    fields: tuple[FieldLineage, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """What is not known: fields that were made in the process itself, and arguments of steps on the way."""
        fields = (f.name for f in self.fields if f.origin is None)
        gaps = (gap for f in self.fields if f.origin is not None for gap in f.origin.gaps)
        return tuple(dict.fromkeys((*fields, *gaps)))

    @property
    def coverage(self) -> Coverage:
        """complete: every field that was read goes back, on every way, to arguments of the process or to steps without any."""
        return "partial" if self.unknown else "complete"

    def tree(self) -> Tree:
        """The decision as a tree: its fields, each with its origin; fields of one origin share a branch."""
        groups: dict[Origin | None, list[FieldLineage]] = {}
        for f in self.fields:
            groups.setdefault(f.origin, []).append(f)
        branches = []
        for origin, members in groups.items():
            label = ", ".join(f"{f.name} {f.value}" for f in members)
            source = origin.tree() if origin else Tree("not known: made in the process itself")
            branches.append(Tree(label, (source,)))
        extent = self.coverage if not self.unknown else f"partial, not known: {', '.join(self.unknown)}"
        by = "the policy" if self.decided_by == POLICY else self.decided_by
        return Tree(f"decision {self.policy}: {self.outcome}, decided by {by} (lineage {extent})", tuple(branches))


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where everything that the decisions of a run used came from."""

    run: str
    process: str
    decisions: tuple[DecisionLineage, ...]

    def tree(self) -> Tree:
        """The lineage as a tree."""
        return Tree(f"{self.run} ({self.process})", tuple(decision.tree() for decision in self.decisions))

    def __str__(self) -> str:
        return str(self.tree())

    def _repr_html_(self) -> str:
        return self.tree().html()


def trace(run: str, entries: Sequence[Entry]) -> Lineage:
    """The lineage of a run, from its entries."""
    by_place = {str(entry.place): entry for entry in entries}
    answered = (e.content for e in entries if e.kind == "answered")
    answers = {content["decision"]: content for content in answered if stands(content)}
    process = entries[0].name if entries else ""
    decisions = [_decision(entry, by_place, answers) for entry in entries if entry.kind == "decision"]
    return Lineage(run, process, tuple(decisions))


def trace_shown(run: str, shown: Mapping[str, Any]) -> Lineage:
    """The lineage of a decision of which nothing is recorded but what is shown of it: where its values came from is not known.

    Args:
        run: the run or key.
        shown: the decision and its case as JSON, personal fields masked.
    """
    decision, case, types = shown["decision"], shown["case"], shown.get("types", {})
    fields = tuple(FieldLineage(name, _value(case, name, types, {}), None) for name in decision["inputs"])
    made = DecisionLineage(run, decision["policy"], decision["outcome"], POLICY, fields)
    return Lineage(run, decision["policy"], (made,))


def _decision(entry: Entry, by_place: Mapping[str, Entry], answers: Mapping[str, Any]) -> DecisionLineage:
    content = masked(entry)
    decision = content["result"]["decision"]
    case = content["result"]["case"]
    identifier = entry_id(entry.chain, entry.place)
    answer = answers.get(identifier, {})
    personal = {path[2:]: label for path, label in labels(entry).items() if path[:2] == ("result", "case")}
    types = content["result"].get("types", {})
    fields = tuple(
        FieldLineage(
            name,
            _value(case, name, types, personal),
            _origin_of(name, content.get("from", {}), by_place),
        )
        for name in decision["inputs"]
    )
    return DecisionLineage(
        id=identifier,
        policy=decision["policy"],
        outcome=answer.get("outcome", decision["outcome"]),
        decided_by=answer.get("by", POLICY),
        fields=fields,
    )


def _origin_of(field: str, origins: Mapping[str, str], by_place: Mapping[str, Entry]) -> Origin | None:
    """The origin of the nearest thing around a field whose origin is known."""
    parts = field.split(".")
    for length in range(len(parts), -1, -1):
        place = origins.get(".".join(parts[:length]))
        if place is not None:
            return _origin(place, by_place)
    return None


def _origin(place: str, by_place: Mapping[str, Entry]) -> Origin | None:
    entry = by_place.get(place)
    if entry is None:
        return None
    if entry.kind == "started":
        return Origin("argument", entry.name)
    if entry.payload is None:
        return Origin("step", entry.name, unknown=(SWEPT,))
    content = entry.content
    sources = tuple(Source(s["system"], s["id"], s.get("digest")) for s in content.get("sources", ()))
    inputs = tuple(
        origin
        for at in dict.fromkeys(content.get("from", {}).values())
        if (origin := _origin(at, by_place)) is not None
    )
    return Origin("step", entry.name, sources, inputs, content.get("supplied_by"), tuple(content.get("unknown", ())))


def _value(case: Any, name: str, types: Mapping[str, str], personal: Mapping[tuple[str | int, ...], str]) -> str:
    path: tuple[str, ...] = ()
    for part in name.split("."):
        path = (*path, part)
        if path in personal:
            return f"<{personal[path]}>"
        case = case.get(part) if isinstance(case, dict) else None
    if case is None:
        return "(missing)"
    if isinstance(case, str) and types.get(name) == "decimal":
        return written(Decimal(case))
    return written(case)
