"""Acting for another: who does so in which capacity, and who is kept from a case for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from abpo_sdk.errors import DefinitionError, SeparationOfDuties
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import check_name, check_person_id, quoted, same_person, shown_id, skeleton
from abpo_sdk.gates.queues import asked_role, holds_queue, parse_queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """That one person acts for another, until an end.

    Roles are delegated, and with all of them the groups and what is put to the person alone; skills are not: who acts must
    have them. What was delegated to somebody cannot be delegated on.

    Args:
        by: the person for whom another acts.
        to: the person who acts.
        roles: the roles in which they act; None for everything that `by` may do.
        since: from when on.
        until: the end; from then on no more.
        because: why.
        id: where the ledger has it; None until it is recorded.

    Raises:
        DefinitionError: no end, or one that is not after the beginning; a time without a zone; to oneself, in whatever
            spelling; no role; an id or a role that cannot be one.

    >>> from datetime import UTC
    >>> delegation = Delegation(
    ...     by="maria@acme", to="otto@acme", roles=frozenset({"controller"}), because="on leave",
    ...     since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 9, tzinfo=UTC),
    ... )
    >>> delegation.active(datetime(2026, 3, 5, tzinfo=UTC)), delegation.active(datetime(2026, 3, 9, tzinfo=UTC))
    (True, False)
    """

    by: str
    to: str
    roles: frozenset[str] | None
    since: datetime
    until: datetime
    because: str
    id: str | None = None

    def __post_init__(self) -> None:
        check_person_id(self.by, "Delegation(by=)")
        check_person_id(self.to, "Delegation(to=)")
        if same_person(self.by, self.to):
            raise DefinitionError(f"Delegation(by={self.by!r}, to={self.to!a}): nobody acts for themselves")
        if self.roles is not None:
            if isinstance(self.roles, str) or not isinstance(self.roles, Collection) or not self.roles:
                raise DefinitionError(
                    f"Delegation(roles={quoted(self.roles)}): give a set of roles, or None for all of them"
                )
            roles = frozenset(check_name(role, "Delegation(roles=)") for role in self.roles)
            object.__setattr__(self, "roles", roles)
        for name in ("since", "until"):
            _check_time(getattr(self, name), f"Delegation({name}=)")
        if self.until <= self.since:
            raise DefinitionError(f"Delegation(until={self.until}): that is not after its beginning, {self.since}")
        if not isinstance(self.because, str):
            raise DefinitionError(f"Delegation(because={quoted(self.because)}): give the reason in words")

    def active(self, at: datetime) -> bool:
        """Whether it is in force at a time."""
        return self.since <= at < self.until

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether it was in force at any time from `start` to `end`, both included."""
        return self.since <= end and start < self.until


@dataclass(frozen=True, slots=True)
class Capacity:
    """In which capacity a person acts.

    Args:
        person: who acts.
        on_behalf_of: for whom; None in their own right.
    """

    person: str
    on_behalf_of: str | None = None


def capacities(
    people: People, person: str, queue: str, delegations: Iterable[Delegation], at: datetime
) -> tuple[Capacity, ...]:
    """In which capacities a person may take what stands in a queue: in their own right first, then for others.

    A right goes by the id as it is written, and only from who holds the queue themselves now; so no chain passes it on.

    Args:
        people: who holds what now.
        person: who would act.
        queue: what the review stands in; see `Candidates.queues`.
        delegations: who acts for whom.
        at: the time.

    Raises:
        DefinitionError: a time without a zone.
        NotPermitted: a live directory did not answer.

    >>> people = People({"maria@acme": {"controller"}, "otto@acme": {"clerk"}})
    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> leave = Delegation(
    ...     by="maria@acme", to="otto@acme", roles=None, because="on leave", since=noon, until=noon.replace(day=9)
    ... )
    >>> capacities(people, "otto@acme", "role:controller", [leave], noon)
    (Capacity(person='otto@acme', on_behalf_of='maria@acme'),)
    """
    _check_time(at, "capacities(at)")
    now = people.as_now()
    found = [Capacity(person)] if holds_queue(now, person, queue) else []
    if now.knows(person):
        found += [Capacity(person, other) for other in _delegators(now, person, queue, delegations, at)]
    return tuple(dict.fromkeys(found))


def connected(
    person: str, delegations: Iterable[Delegation], at: datetime, *, opened: datetime | None = None
) -> frozenset[str]:
    """The skeletons of a person, of those for whom they act, and of those who act for them.

    Args:
        person: by id.
        delegations: who acts for whom.
        at: the time.
        opened: since when a delegation counts, even if it is over: when the case was opened.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> leave = Delegation(
    ...     by="maria@acme", to="otto@acme", roles=None, because="on leave", since=noon, until=noon.replace(day=9)
    ... )
    >>> sorted(connected("Otto@acme", [leave], noon))
    ['maria@acme', 'otto@acme']
    """
    return frozenset(_ties(person, delegations, at, opened))


def check_separate(
    person: str,
    involved: Collection[str],
    delegations: Iterable[Delegation],
    at: datetime,
    opened: datetime | None,
    action: str,
) -> None:
    """Refuse a person who has to do with a case: they, who acts for them, or for whom they act, entered it, proposed it or are its subject.

    Args:
        person: by id.
        involved: the ids of those who entered or proposed the case or are its subject, in whatever spelling.
        delegations: who acts for whom.
        at: the time.
        opened: when the case was opened; a delegation that was in force at any time since then counts.
        action: what they would do, such as "answer the review 'r-1'".

    Raises:
        SeparationOfDuties: naming who has to do with the case, and how the two are connected; or that somebody has to do with
            it by an id that tells nobody.
        DefinitionError: `involved` is no collection of texts, or a time has no zone.
    """
    if isinstance(involved, str) or not all(isinstance(other, str) for other in involved):
        raise DefinitionError(f"involved={quoted(involved)}: give a set of ids of persons")
    ties = _ties(person, delegations, at, opened)
    for other in involved:
        folded = skeleton(other)
        if not folded:
            raise SeparationOfDuties(
                f"{person!r} may not {action}: somebody has to do with the case whose id is {quoted(other)}, so nobody can "
                "tell whether it is they; name them, or nobody"
            )
        if folded in ties:
            raise SeparationOfDuties(
                f"{person!r} may not {action}: {ties[folded]}{shown_id(other)} entered it, proposed it or is its subject"
            )


def _ties(person: str, delegations: Iterable[Delegation], at: datetime, opened: datetime | None) -> dict[str, str]:
    """Whom a person is connected with, by skeleton, and how, in words; the person first."""
    _check_time(at, "at")
    start = at
    if opened is not None:
        _check_time(opened, "opened")
        start = min(opened, at)
    end = at if opened is None else max(opened, at)
    own = skeleton(person)
    ties = {own: ""}
    for delegation in delegations:
        if not delegation.overlaps(start, end):
            continue
        by, to = skeleton(delegation.by), skeleton(delegation.to)
        if to == own:
            ties.setdefault(by, f"they act for {delegation.by}, and ")
        elif by == own:
            ties.setdefault(to, f"{delegation.to} acts for them, and ")
    return ties


def _delegators(now: People, person: str, queue: str, delegations: Iterable[Delegation], at: datetime) -> Iterator[str]:
    role = asked_role(queue)
    for delegation in delegations:
        if delegation.to != person or not delegation.active(at):
            continue
        if delegation.roles is not None and role not in delegation.roles:
            continue
        if holds_queue(now, delegation.by, queue) and _has_skills(now, person, queue):
            yield delegation.by


def _has_skills(now: People, person: str, queue: str) -> bool:
    return now.skills_of(person).issuperset(parse_queue(queue).skills)


def _check_time(time: object, what: str) -> None:
    """Refuse a time without a zone.

    Raises:
        DefinitionError: naming it.
    """
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise DefinitionError(f"{what}: {time!r} is no time with a zone; give one such as datetime.now(UTC)")
