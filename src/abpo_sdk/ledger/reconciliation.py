"""Compares what happened outside with what was decided: no effect without a decision, no decision without its effect."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.entry import Entry, Place, entry_id
from abpo_sdk.ledger.keyed import PART, Scope, beside, key_root
from abpo_sdk.ledger.rows import OPEN, DecisionRow, RunRow
from abpo_sdk.ledger.store import Reader

if TYPE_CHECKING:
    import pandas as pd

NO_DECISION = "effect without a decision"
NOT_RECORDED = "effect that the run has not recorded"
TWICE = "effect more than once"
OTHER_OUTCOME = "effect of a decision with another outcome"
NO_EFFECT = "decision without its effect"
NO_EFFECT_YET = "decision without its effect, and its run is open"

COLUMNS = ("problem", "effect", "key", "decision_id", "run_id", "policy", "outcome")


def reconcile(
    reader: Reader, effects: pd.DataFrame, *, outcomes: Collection[str] | None, policy: str | None
) -> pd.DataFrame:
    """What does not fit together; see `Ledger.reconcile`."""
    import pandas as pd

    if not isinstance(effects, pd.DataFrame):
        raise DefinitionError(f"effects is a {type(effects).__name__}; give a pandas DataFrame, one row an effect")
    columns = [name for name in ("decision_id", "key") if name in effects.columns]
    if not columns:
        raise DefinitionError(
            f"effects has the columns {', '.join(map(str, effects.columns)) or '(none)'}; it needs decision_id (the decision that "
            "permits the effect), or key (the idempotency key that the step handed on), or both"
        )
    if isinstance(outcomes, str):
        raise DefinitionError(
            f"outcomes={outcomes!r} is one text; give a collection of outcomes, such as {{{outcomes!r}}}"
        )
    matching = _Matching(reader, None if outcomes is None else frozenset(outcomes), policy)
    texts = {name: _texts(effects[name]) for name in columns}
    nothing = [None] * len(effects)
    for label, identifier, key in zip(
        effects.index, texts.get("decision_id", nothing), texts.get("key", nothing), strict=True
    ):
        matching.add(label, identifier, key)
    records = [*matching.problems, *matching.without_effect()]
    columns_of_records = zip(*records, strict=True) if records else ((),) * len(COLUMNS)
    return pd.DataFrame(
        {
            # the labels as they are: pandas would make floats of whole numbers where others are missing
            name: pd.Series(list(values), dtype="object" if name == "effect" else "string")
            for name, values in zip(COLUMNS, columns_of_records, strict=True)
        }
    )


@dataclass(slots=True)
class _Matching:
    """Matches effects with decisions, one by one.

    Args:
        reader: the store.
        outcomes: those that permit an effect and call for it; None for all.
        policy: whose decisions call for an effect; None for all.
    """

    reader: Reader
    outcomes: frozenset[str] | None
    policy: str | None
    problems: list[tuple[Any, ...]] = field(default_factory=list)
    _decisions: dict[str, DecisionRow] = field(init=False)
    _runs: dict[str, str] = field(init=False)
    _seen: set[tuple[str, str | None]] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _chains: dict[str, _Chain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._decisions = {row.id: row for row in self.reader.select(DecisionRow)}
        self._runs = {row.id: row.status for row in self.reader.select(RunRow)}

    def add(self, effect: Any, identifier: str | None, key: str | None) -> None:
        """Match an effect with its decision, and note what is wrong with it."""
        chain = self._chain_of(key) if key is not None else None
        if identifier is None and chain is not None and key is not None:
            identifier = chain.permitting(key)
        decision = self._decisions.get(identifier) if identifier is not None else None
        if decision is None:
            if identifier is None or not self._was_swept(identifier):
                self._note(NO_DECISION, effect, key, identifier)
            return
        self._done.add(decision.id)
        mark = (decision.id, key)
        if mark in self._seen:
            self._note(TWICE, effect, key, identifier, decision)
        elif self.outcomes is not None and decision.outcome not in self.outcomes:
            self._note(OTHER_OUTCOME, effect, key, identifier, decision)
        elif chain is not None and chain.is_run and outer(str(key)) not in chain.steps:
            self._note(NOT_RECORDED, effect, key, identifier, decision)
        self._seen.add(mark)

    def without_effect(self) -> Iterator[tuple[Any, ...]]:
        """The decisions that call for an effect, and have none."""
        for row in self._decisions.values():
            wanted = (self.policy is None or row.policy == self.policy) and row.witnessed
            if not wanted or row.id in self._done or (self.outcomes is not None and row.outcome not in self.outcomes):
                continue
            problem = NO_EFFECT_YET if self._runs.get(row.chain) in OPEN else NO_EFFECT
            yield (problem, None, None, row.id, row.chain, row.policy, row.outcome)

    def _note(
        self, problem: str, effect: Any, key: str | None, identifier: str | None, decision: DecisionRow | None = None
    ) -> None:
        about = (decision.chain, decision.policy, decision.outcome) if decision else (None, None, None)
        self.problems.append((problem, effect, key, identifier, *about))

    def _chain_of(self, key: str) -> _Chain:
        """The run or key that an idempotency key begins with."""
        name = unquote(key.partition("/")[0])
        if name not in self._chains:
            self._chains[name] = _Chain(name, self.reader.entries(name), is_run=name in self._runs)
        return self._chains[name]

    def _was_swept(self, identifier: str) -> bool:
        """Whether a decision was recorded whose payload has been removed since."""
        chain, _, rest = identifier.partition("/")
        scope, _, ordinal = f"/{rest}".rpartition("/")
        if not (ordinal.isascii() and ordinal.isdigit() and len(ordinal) < 16):
            return False
        entry = self.reader.entry(unquote(chain), Place(f"{scope}/", int(ordinal)))
        return entry is not None and entry.payload is None and entry.kind in ("decision", "imported")


class _Chain:
    """What a run has recorded: its steps by their keys, each with the decision before it.

    A decision that was made in a branch beside the step's own came before it by chance alone, and permits nothing there.

    Args:
        name: of the run or key.
        entries: in the order in which they were written.
        is_run: whether it is a run, which records its steps.
    """

    def __init__(self, name: str, entries: list[Entry], *, is_run: bool) -> None:
        self.is_run = is_run
        self.steps: dict[str, str | None] = {}
        self._decisions: list[tuple[str, str]] = []  # each with its scope
        scopes: dict[str, Scope] = {}
        for entry in entries:
            if entry.kind in ("decision", "imported"):
                self._decisions.append((entry.place.scope, entry_id(name, entry.place)))
            elif entry.kind in ("step", "raised", "review"):
                scope = scopes.setdefault(entry.place.scope, Scope(key_root(name), entry.place.scope))
                key = scope.next_key(entry.name)  # gates are counted with the steps, by name
                if entry.kind != "review":
                    self.steps[key] = self._last_for(entry.place.scope)

    def permitting(self, key: str) -> str | None:
        """The decision that was made last before a step; for a step that is not recorded, the last of all."""
        key = outer(key)
        return self.steps[key] if key in self.steps else self._last_for(scope_of(key))

    def _last_for(self, scope: str) -> str | None:
        """The last decision so far that was not made beside a scope."""
        return next((made for where, made in reversed(self._decisions) if not beside(where, scope)), None)


def outer(key: str) -> str:
    """The key of the step that a run records: what a step calls in turn has a key that goes on behind a colon."""
    return key.partition(PART)[0]


def scope_of(key: str) -> str:
    """The scope that a step is called in, from its key.

    >>> scope_of("INV-7/2.1/pay/0"), scope_of("INV-7/pay/0")
    ('/2.1/', '/')
    """
    parts = key.split("/")[1:-2]
    return "/".join(("", *parts, ""))


def _texts(column: pd.Series[Any]) -> list[str | None]:
    """The cells as texts; None for those that are empty."""
    return [None if missing else str(value) or None for value, missing in zip(column, column.isna(), strict=True)]
