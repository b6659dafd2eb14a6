"""Until when a review is to be answered, to whom it goes then, and when they are reminded of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Union

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.candidates import Candidates, described, queues_of
from abpo_sdk.values.clock import to_text

if TYPE_CHECKING:
    from abpo_sdk.gates.calendar import BusinessTime

Allowed = Union[timedelta, "BusinessTime"]
"""A time to answer: by the clock, or by a business calendar."""

LONGEST = timedelta(days=36_525)


@dataclass(frozen=True, slots=True)
class Escalation:
    """To whom a review goes when it is overdue, and how long they have before it goes further.

    Args:
        to: the role, or `Candidates`.
        due: how long they have; default: as long as those before them.

    >>> Escalation("cfo", due=timedelta(hours=4)).to
    'cfo'
    """

    to: str | Candidates
    due: Allowed | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The times of a gate's reviews.

    Args:
        due: how long those have who are asked first; None for no limit.
        escalations: to whom it goes when they did not answer in time, one after the other.
        remind: how long before it is due they are reminded.
        expires: when it can be answered no more; None for never.
    """

    due: Allowed | None = None
    escalations: tuple[Escalation, ...] = ()
    remind: timedelta | None = None
    expires: Allowed | None = None

    def plan(self, opened: datetime) -> dict[str, Any]:
        """The times of a review that is opened now, as its entry has them."""
        levels = []
        at, allowed = opened, self.due
        for escalation in self.escalations:
            if allowed is None:
                break
            at = _after(at, allowed)
            levels.append({"at": to_text(at), "to": described(escalation.to), "queues": list(queues_of(escalation.to))})
            allowed = escalation.due or allowed
        due = _after(opened, self.due) if self.due is not None else None
        return {
            "due": to_text(due) if due else None,
            "escalate_to": levels[0]["to"] if levels else None,
            "escalations": levels,
            "expires": to_text(_after(opened, self.expires)) if self.expires is not None else None,
            "remind": to_text(due - self.remind) if due and self.remind is not None else None,
        }

    def structure(self) -> dict[str, Any]:
        """As JSON, beside a due time by the clock and one role to go to then."""
        levels = self.escalations
        plain = len(levels) <= 1 and all(isinstance(e.to, str) and e.due is None for e in levels)
        said = {
            "business_due": None if isinstance(self.due, timedelta) else _structure(self.due),
            "escalations": None if plain else [[list(queues_of(e.to)), _structure(e.due)] for e in levels],
            "expires": _structure(self.expires),
            "remind": _structure(self.remind),
        }
        return {name: value for name, value in said.items() if value}


def deadlines(
    gate: str,
    due: Allowed | None,
    escalate_to: str | Candidates | Escalation | Sequence[str | Candidates | Escalation] | None,
    remind: timedelta | None,
    expires: Allowed | None,
) -> Deadlines:
    """The times of a gate, as they are declared.

    Raises:
        DefinitionError: a time that is none, or a due time without anybody to go to, or the other way round.
    """
    for name, allowed in (("due", due), ("remind", remind), ("expires", expires)):
        _check_allowed(gate, name, allowed)
    given = () if escalate_to is None else escalate_to
    if isinstance(given, (str, Candidates, Escalation)):
        given = (given,)
    if (due is None) is not (not given):
        raise DefinitionError(
            f"gate {gate!r}: due= and escalate_to= belong together: who is asked when the time is over?"
        )
    if remind is not None and due is None:
        raise DefinitionError(f"gate {gate!r}: remind= says how long before the due time; give due=, too")
    if remind is not None and not isinstance(remind, timedelta):
        raise DefinitionError(f"gate {gate!r}: remind={remind!r} is no time by the clock; give a timedelta")
    if remind is not None and isinstance(due, timedelta) and remind >= due:
        raise DefinitionError(f"gate {gate!r}: remind={remind} is before it is opened; give less than due={due}")
    levels = tuple(level if isinstance(level, Escalation) else Escalation(level) for level in given)
    for level in levels:
        if not level.to or not isinstance(level.to, (str, Candidates)):
            raise DefinitionError(f"gate {gate!r}: escalate_to has {level.to!r}, which is no role")
        _check_allowed(gate, "Escalation(due)", level.due)
    return Deadlines(due, levels, remind, expires)


def _check_allowed(gate: str, name: str, allowed: object) -> None:
    if isinstance(allowed, timedelta) and allowed > LONGEST:
        raise DefinitionError(
            f"gate {gate!r}: {name}={allowed} is longer than {LONGEST.days} days; leave it out for no limit"
        )
    if isinstance(allowed, timedelta) and allowed <= timedelta(0):
        raise DefinitionError(f"gate {gate!r}: {name}={allowed} leaves no time to answer")
    if allowed is not None and not isinstance(allowed, timedelta) and not hasattr(allowed, "after"):
        raise DefinitionError(f"gate {gate!r}: {name}={allowed!r} is no time; give a timedelta, or calendar.hours(8)")


def _after(start: datetime, allowed: Allowed) -> datetime:
    """When the time is over; a timedelta is of the clock, and elsewhere than in UTC a day may have 23 hours."""
    return start.astimezone(UTC) + allowed if isinstance(allowed, timedelta) else allowed.after(start)


def _structure(allowed: Allowed | None) -> Any:
    if allowed is None:
        return None
    return allowed.total_seconds() if isinstance(allowed, timedelta) else allowed.structure()
