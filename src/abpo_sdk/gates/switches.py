"""Switches: a process, a policy or a segment of cases does nothing by itself any more, until a named role lets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from abpo_sdk.conditions import Condition
from abpo_sdk.errors import ConditionError, DefinitionError, NotPermitted
from abpo_sdk.gates.answering import check_reason
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import shown_id
from abpo_sdk.ledger import Ledger, Writer
from abpo_sdk.ledger.entry import OWN_CHAIN, Kind
from abpo_sdk.ledger.own_entries import own_draft
from abpo_sdk.ledger.rows import SwitchRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import from_text, to_text
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.review import Review

Stoppable = Literal["process", "policy", "segment"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the cases, under a name by which every worker knows it.

    A case of which the condition cannot tell, since it is of another type or a field is missing, is taken to be part of it.

    Args:
        name: of the segment.
        when: holds of the cases that are part of it.

    >>> from abpo_sdk.conditions import fields
    >>> from pydantic import BaseModel
    >>> class Claim(BaseModel):
    ...     country: str
    >>> Segment("france", fields(Claim).country == "FR").name
    'france'
    """

    name: str
    when: Condition

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or not isinstance(self.when, Condition):
            raise DefinitionError(
                f"Segment({self.name!r}, {self.when!r}): give a name, and a condition such as fields(Claim).country == 'FR'"
            )


@dataclass(frozen=True, slots=True)
class Stop:
    """That something was stopped.

    Args:
        what: "process", "policy" or "segment".
        name: of it.
        role: who decides meanwhile, and alone lets it go on.
        at: since when.
    """

    what: Stoppable
    name: str
    role: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.what} {self.name!r} is stopped since {self.at:%Y-%m-%d %H:%M} UTC"

    def review(self, decision: Decision) -> Review:
        """What the role decides in place of the policy."""
        return Review(f"stop of {self.what} {self.name}", self.role, decision, (str(self),))

    def structure(self) -> dict[str, str]:
        """As JSON."""
        return {"at": to_text(self.at), "name": self.name, "role": self.role, "what": self.what}

    @classmethod
    def read(cls, tree: Mapping[str, Any]) -> Stop:
        """From JSON."""
        return cls(tree["what"], tree["name"], tree["role"], from_text(tree["at"]))


class Switches:
    """Stops what must not go on, at once and in every worker, and lets it go on again.

    Args:
        ledger: where it is written, and where every worker looks.
        people: who holds which role.
        segments: the segments that are known here; of one that is stopped and not known, every case is taken to be part.
    """

    def __init__(self, ledger: Ledger, people: People, segments: Iterable[Segment] = ()) -> None:
        self._ledger = ledger
        self._people = people
        self.segments: Mapping[str, Segment] = {segment.name: segment for segment in segments}

    def stop(self, what: Stoppable, name: str, *, to: str, by: str, because: str) -> Stop:
        """Stop it; see `Runtime.stop`."""
        self._people.check_known(by, f"stop the {what} {name!r}")
        self._people.someone(to)
        check_reason(because, demanded=True, what=f"stopping the {what} {name!r}")
        with self._ledger.writing() as writer:
            there = self._there(what, name, writer.tx)
            if there is not None:
                raise DefinitionError(
                    f"{there}; whoever is {there.role} can let it go on, and nobody else takes it over"
                )
            self._write(writer, "stopped", what, name, {"because": because, "by": by, "role": to})
        return next(stop for stop in self.stops() if (stop.what, stop.name) == (what, name))

    def restart(self, what: Stoppable, name: str, *, by: str, because: str) -> Stop:
        """Let it go on; see `Runtime.restart`. Who may not is refused, and that they tried is recorded.

        Returns:
            The stop that is over.
        """
        check_reason(because, demanded=True, what=f"letting the {what} {name!r} go on")
        try:
            with self._ledger.writing() as writer:
                stop = self._there(what, name, writer.tx)
                if stop is None:
                    raise DefinitionError(f"the {what} {name!r} is not stopped")
                self._people.check_holds(by, stop.role, f"let the {what} {name!r} go on")
                self._write(writer, "restarted", what, name, {"because": because, "by": by, "role": stop.role})
        except NotPermitted as error:
            with self._ledger.writing() as writer:
                tried = {"by": shown_id(by), "error": type(error).__name__}
                self._write(writer, "refused", what, name, tried)
            raise
        return stop

    def stops(self, reader: Reader | None = None) -> tuple[Stop, ...]:
        """What is stopped now."""
        rows = (reader or self._ledger.store).select(SwitchRow, equal={"status": "stopped"}, order="at")
        return tuple(_stop(row) for row in rows)

    def of_decision(self, policy: str, case: Any, stops: Iterable[Stop]) -> Stop | None:
        """Which of these stops decisions of a policy about a case; None where none does."""
        for stop in stops:
            if (stop.what, stop.name) == ("policy", policy) or (stop.what == "segment" and self._is_part(stop, case)):
                return stop
        return None

    def _is_part(self, stop: Stop, case: Any) -> bool:
        segment = self.segments.get(stop.name)
        if segment is None:
            return True
        try:
            return segment.when.holds(case)
        except ConditionError:  # nobody can tell, so it is not let through
            return True

    def _there(self, what: Stoppable, name: str, reader: Reader) -> Stop | None:
        if what not in ("process", "policy", "segment") or not isinstance(name, str) or not name.strip():
            raise DefinitionError(f"{what} {name!r} cannot be stopped; give a process, a policy or a Segment")
        return next((s for s in self.stops(reader) if (s.what, s.name) == (what, name)), None)

    def _write(self, writer: Writer, kind: Kind, what: Stoppable, name: str, said: dict[str, Any]) -> None:
        payload = {**said, "name": name, "what": what}
        writer.append(OWN_CHAIN, [own_draft(writer.tx, kind, payload, self._ledger.clock.now())])


def stop_of_process(stops: Iterable[Stop], *names: str) -> Stop | None:
    """Which of these stops one of some processes; None where none does."""
    return next((stop for stop in stops if stop.what == "process" and stop.name in names), None)


def _stop(row: SwitchRow) -> Stop:
    what: Any = row.kind
    return Stop(what, row.name, row.role, from_text(row.at))
