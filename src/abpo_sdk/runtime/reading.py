"""What the ledger says about one run, when it is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from abpo_sdk.errors import Erased, LedgerBroken, UnknownRun
from abpo_sdk.gates import Reviews
from abpo_sdk.gates.review_state import answer_of
from abpo_sdk.ledger import Entry, Ledger, Occurrence
from abpo_sdk.ledger.decisions import decode_decision
from abpo_sdk.ledger.entry import LIFE
from abpo_sdk.ledger.own_entries import sweep_of
from abpo_sdk.ledger.review_projection import stands
from abpo_sdk.ledger.rows import RunRow
from abpo_sdk.lineage import Lineage, trace
from abpo_sdk.runtime.pins import why_stale
from abpo_sdk.runtime.run import Incident, Status
from abpo_sdk.steps import BoundProcess
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.review import Review


@dataclass(frozen=True, slots=True)
class RunReader:
    """Reads runs of a ledger.

    Args:
        ledger: the ledger.
        reviews: its reviews.
        processes: the processes that are known, by name; results of others come as JSON.
        resolve: records how a person resolves an incident (run, position of the incident, action, by, because, value),
            and has the run go on.
        resolve_async: the same, from an event loop.
    """

    ledger: Ledger
    reviews: Reviews
    processes: Mapping[str, BoundProcess[Any]]
    resolve: Callable[[str, int, str, str, str, Any], None]
    resolve_async: Callable[[str, int, str, str, str, Any], Awaitable[None]]

    def row(self, run: str) -> RunRow:
        """The run as it stands.

        Raises:
            UnknownRun: there is none of this id.
            Erased: what it was started with was swept.
        """
        if not isinstance(run, str):
            raise UnknownRun(f"a run is known by its id, and {run!r} is none; give run.id")
        rows = self.ledger.store.select(RunRow, equal={"id": run})
        if not rows:
            with self._naming_the_sweep(run):
                for entry in self.ledger.entries(run)[:1]:
                    entry.content  # noqa: B018  raises where it was swept, and its row with it
            raise UnknownRun(f"there is no run {run!r}")
        return rows[0]

    def status(self, run: str) -> Status:
        """The status of a run."""
        return cast("Status", self.row(run).status)

    def why_stale(self, run: str) -> str | None:
        """What of the code of a run has changed since it began; None where nothing has, or its process is not known here."""
        row = self.row(run)
        bound = self.processes.get(row.process)
        if bound is None or bound.process.version == row.version:
            return None
        return why_stale(self.ledger, run, bound.process)

    def wakes_at(self, run: str) -> datetime | None:
        """When the first timer of a run is due; None where it has none."""
        wakes = self.row(run).wake_at
        return from_text(wakes) if wakes else None

    def open_reviews(self, run: str) -> tuple[Review, ...]:
        """The reviews of a run that wait for somebody: open, claimed, or returned for information."""
        return self.reviews.waited_for(run)

    def decisions(self, run: str) -> tuple[Decision, ...]:
        """The decisions of a run as they stand.

        Raises:
            Erased: one of them, or what a person said to it, was swept.
        """
        with self._naming_the_sweep(run):
            return self._decisions(run)

    def _decisions(self, run: str) -> tuple[Decision, ...]:
        decisions: dict[str, Decision] = {}
        for entry in self.ledger.entries(run):
            if entry.kind == "decision":
                tree = self.ledger.payload(entry)["result"]
                occurrence = Occurrence(run, entry.place, entry.at)
                decisions[occurrence.id] = decode_decision(tree, case=tree["case"], occurrence=occurrence)
            elif entry.kind == "gate" and entry.content["result"]["decision"] in decisions:
                identifier = entry.content["result"]["decision"]
                decisions[identifier] = replace(decisions[identifier], gate=entry.name)
            elif entry.kind == "answered" and entry.content["decision"] in decisions and stands(entry.content):
                content, place = entry.content, entry.place.outer
                answer = answer_of(self.ledger.store.within(run, place.inner), place)
                if answer is not None:
                    decisions[content["decision"]] = answer.apply(decisions[content["decision"]], gate=content["gate"])
        return tuple(decisions.values())

    def result(self, run: str) -> Any:
        """What the process of a run that is done returned."""
        finished = self._last_of(run, "finished")
        with self._naming_the_sweep(run):
            tree = self.ledger.payload(finished, purpose="result")["result"]
        bound = self.processes.get(finished.name)
        return bound.process.signature.result.decode(tree) if bound else tree

    def why_abandoned(self, run: str) -> str:
        """By whom and why a run was given up, as the end of a sentence; empty where that was swept."""
        entry = self._last_of(run, "abandoned")
        if entry.payload is None:
            return ""
        content = entry.content
        return f" by {content['by']}: {content['because']}"

    def incident(self, run: str) -> Incident | None:
        """What keeps a run from going on; None where nothing does."""
        if self.row(run).status != "incident":
            return None
        entry = self._last_of(run, "incident")
        try:
            error = self.ledger.payload(entry, purpose="resolve the incident")["error"]
        except Erased:
            error = self.ledger.payload(entry)["error"]

        def resolve(action: str, by: str, because: str, value: Any = None) -> None:
            self.resolve(run, entry.position, action, by, because, value)

        async def resolve_async(action: str, by: str, because: str, value: Any = None) -> None:
            await self.resolve_async(run, entry.position, action, by, because, value)

        said = f"{error['type']}: {error['message']}"
        return Incident(run, said, entry.content["step"], entry.at, resolve, resolve_async)

    def lineage(self, run: str) -> Lineage:
        """Where every value that the decisions of a run used came from."""
        self.row(run)
        with self._naming_the_sweep(run):
            return trace(run, self.ledger.entries(run))

    @contextmanager
    def _naming_the_sweep(self, run: str) -> Iterator[None]:
        """Say of what cannot be had any more which sweep took it."""
        try:
            yield
        except Erased as error:
            for entry in self.ledger.entries(run):
                sweep = sweep_of(self.ledger.store, entry) if entry.payload is None else None
                if sweep is not None:
                    raise Erased(
                        f"run {run!r}, {entry.place}: the content of its {entry.kind} {entry.name!r} was swept, because the time "
                        f"to keep it was over, see {sweep}"
                    ) from error
            raise

    def _last_of(self, run: str, kind: str) -> Entry:
        """What happened to a run last, which its status says is of this kind."""
        entry = self.ledger.store.last(run, LIFE)
        if entry is not None and entry.kind == "migrated":  # which changes no status
            life = (e for e in reversed(self.ledger.entries(run)) if e.place.scope == LIFE and e.kind != "migrated")
            entry = next(life, None)
        if entry is None or entry.kind != kind:
            raise LedgerBroken(f"run {run!r} should end with {kind!r}, and does not; verify the ledger", chain=run)
        return entry
