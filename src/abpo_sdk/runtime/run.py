"""A run, as the caller sees it; and the incident that a run may become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from abpo_sdk.errors import ReviewError, RunFailed, RunNotDone
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.review import Review

if TYPE_CHECKING:
    from abpo_sdk.ledger import Entry
    from abpo_sdk.lineage import Lineage
    from abpo_sdk.runtime.reading import RunReader

R_co = TypeVar("R_co", covariant=True)

Status = Literal["running", "waiting", "incident", "done", "abandoned"]


@dataclass(frozen=True, slots=True, repr=False)
class Incident:
    """A run that cannot go on by itself.

    Args:
        run: the run's id.
        error: the type of what was raised, and its message.
        step: the step that raised, where one did.
        at: when.
    """

    run: str
    error: str = field(repr=False)  # nobody knows what it repeats, and a repr gets into logs
    step: str | None
    at: datetime
    _resolve: Callable[..., None] = field(repr=False, compare=False)
    _resolve_async: Callable[..., Awaitable[None]] = field(repr=False, compare=False)

    def __repr__(self) -> str:
        kind = self.error.partition(":")[0]  # never the message, since nobody knows what it repeats
        return f"<incident of run {self.run}: {self.step or 'its process'} raised {kind}, {self.at:%Y-%m-%d %H:%M} UTC>"

    def retry(self, *, by: str, because: str) -> None:
        """Let the run go on from where it was; the step that raised is done again, with the same idempotency key.

        Args:
            by: the person, by id.
            because: why it will go better now.

        Raises:
            NotPermitted: `by` is not known to the runtime.
            RationaleMissing: `because` is blank.
            IncidentError: the run is no incident any more.
        """
        self._resolve("retry", by, because)

    def supply(self, value: Any, *, by: str, because: str) -> None:
        """Give the result that the step which raised should have had, and let the run go on.

        Args:
            value: the result.
            by: the person, by id.
            because: where the value is from.

        Raises:
            IncidentError: no step raised, so there is nothing to supply; or the run is no incident any more.
            NotPermitted, RationaleMissing: as for `retry`.
        """
        self._resolve("supply", by, because, value)

    def abandon(self, *, by: str, because: str) -> None:
        """Give the run up.

        Raises:
            NotPermitted, RationaleMissing, IncidentError: as for `retry`.
        """
        self._resolve("abandon", by, because)

    async def retry_async(self, *, by: str, because: str) -> None:
        """`retry`, from an event loop."""
        await self._resolve_async("retry", by, because)

    async def supply_async(self, value: Any, *, by: str, because: str) -> None:
        """`supply`, from an event loop."""
        await self._resolve_async("supply", by, because, value)


class Run(Generic[R_co]):
    """One execution of a process. Everything it says is read from the ledger when it is asked."""

    __slots__ = ("_reader", "_seen", "id")

    def __init__(self, reader: RunReader, identifier: str) -> None:
        self._reader = reader
        self.id = identifier
        self._seen: list[Any] = []

    def see_end(self, result: list[Any]) -> None:
        """Have the result at hand where the run ended just now, so that it need not be read; none or one."""
        self._seen = result

    @property
    def status(self) -> Status:
        """running, waiting (for an answer), incident (for a person to resolve it), done or abandoned."""
        return self._reader.status(self.id)

    def result(self) -> R_co:
        """What the process returned.

        Raises:
            RunNotDone: it is running or waiting; says for what.
            RunFailed: it is an incident or was abandoned; says why.
        """
        with suppress(IndexError):  # what is done stays done; given once, since it may be changed by who has it
            seen: R_co = self._seen.pop()
            return seen
        status = self.status
        if status == "done":
            result: R_co = self._reader.result(self.id)
            return result
        if status == "waiting":
            raise RunNotDone(f"run {self.id!r} waits {self._waits_for()}")
        stale = self._reader.why_stale(self.id) if status == "running" else None
        if stale is not None:
            raise RunNotDone(f"run {self.id!r} cannot go on: {stale}; see runtime.stale()")
        if status == "running":
            raise RunNotDone(f"run {self.id!r} is running; if its worker is gone, tick() goes on with it")
        incident = self._reader.incident(self.id)
        if status == "incident" and incident is not None:
            raise RunFailed(
                f"run {self.id!r} is an incident: {incident.step or 'its process'} raised {incident.error.partition(':')[0]}; "
                "run.incident.error has the message, and run.incident.retry, .supply or .abandon resolve it"
            )
        raise RunFailed(f"run {self.id!r} was abandoned{self._reader.why_abandoned(self.id)}")

    @property
    def reviews(self) -> tuple[Review, ...]:
        """The open reviews of the run, oldest first."""
        return self._reader.open_reviews(self.id)

    @property
    def review(self) -> Review:
        """The open review that the run waits for.

        Raises:
            ReviewError: there is none, or more than one.
        """
        reviews = self.reviews
        if len(reviews) != 1:
            waits = f" {self._waits_for()}," if self.status == "waiting" else ""
            raise ReviewError(
                f"run {self.id!r} is {self.status}{waits} and has {len(reviews)} open reviews; see run.reviews"
            )
        return reviews[0]

    @property
    def wakes_at(self) -> datetime | None:
        """When the first of its timers is due, in UTC: of a `sleep`, or of a long pause before another attempt; None where it has none."""
        return self._reader.wakes_at(self.id)

    def _waits_for(self) -> str:
        """What a run that waits waits for, as the end of a sentence."""
        reviews, wakes = self.reviews, self.wakes_at
        parts = []
        if reviews:
            parts.append(f"for an answer to {', '.join(f'{review.id} (put to the {review.to})' for review in reviews)}")
        if wakes is not None:
            parts.append(f"until {wakes:%Y-%m-%d %H:%M:%S} UTC (serve() or tick() goes on with it then)")
        return " and ".join(parts) or "for something that is not there any more; verify the ledger"

    @property
    def incident(self) -> Incident | None:
        """What keeps the run from going on, where something does."""
        return self._reader.incident(self.id)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions of the run as they stand, people's answers applied; each case with personal fields masked."""
        return self._reader.decisions(self.id)

    @property
    def entries(self) -> list[Entry]:
        """What the ledger has of the run."""
        return self._reader.ledger.entries(self.id)

    def lineage(self) -> Lineage:
        """Where every value that its decisions used came from."""
        return self._reader.lineage(self.id)

    def __repr__(self) -> str:
        return f"<run {self.id}: {self.status}>"
