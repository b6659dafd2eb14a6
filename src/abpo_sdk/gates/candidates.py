"""Who may take a review: whom a gate names, as declared or found for one decision."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from abpo_sdk.errors import DefinitionError, NobodyHolds
from abpo_sdk.gates.directory import check_distinct
from abpo_sdk.gates.person_ids import check_name, check_person_id, quoted
from abpo_sdk.gates.queues import (
    asked_role,
    check_holders,
    describe,
    group_queue,
    holders_of,
    holds_queue,
    parse_queue,
    person_queue,
    role_queue,
)
from abpo_sdk.values.decision import Decision

__all__ = [
    "Asked",
    "Candidates",
    "asked",
    "asked_role",
    "check_holders",
    "describe",
    "described",
    "holders_of",
    "holds_queue",
    "parse_queue",
    "person_queue",
    "queues_of",
]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who may take a review: the holders of a role with certain skills, the members of a group, or certain people.

    Args:
        role: the role that they hold.
        skills: what each of them must be able to do as well, all of it.
        group: the group that they belong to.
        people: who they are, by id.

    Raises:
        DefinitionError: none or several of `role`, `group` and `people`; `skills` without a role; a text where a collection
            belongs; two ids of one person; an id or a name that cannot be one.

    >>> Candidates("controller", skills={"motor", "french"}).queues()
    ('role:controller+french+motor',)
    >>> Candidates(people=["maria@acme", "ines@acme"]).queues()
    ('person:ines@acme', 'person:maria@acme')
    """

    role: str | None = None
    skills: Collection[str] = field(default=(), kw_only=True)
    group: str | None = field(default=None, kw_only=True)
    people: Collection[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        for name in ("skills", "people"):
            given = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Collection):
                raise DefinitionError(f"Candidates({name}={quoted(given)}): give a set of texts")
        if self.role is not None:
            check_name(self.role, "Candidates(role)")
        if self.group is not None:
            check_name(self.group, "Candidates(group=)")
        skills = {check_name(skill, "Candidates(skills=)") for skill in self.skills}
        people = {check_person_id(person, "Candidates(people=)") for person in self.people}
        check_distinct(sorted(people), "Candidates(people=)")
        if (self.role is not None) + (self.group is not None) + bool(people) != 1:
            raise DefinitionError(
                f"Candidates(role={self.role!r}, group={self.group!r}, people={sorted(people)!r}): give exactly one of them"
            )
        if skills and self.role is None:
            raise DefinitionError(
                f"Candidates(skills={sorted(skills)!r}): skills are asked of the holders of a role; give one"
            )
        object.__setattr__(self, "skills", tuple(sorted(skills)))
        object.__setattr__(self, "people", tuple(sorted(people)))

    def queues(self) -> tuple[str, ...]:
        """The queues in which a review for them stands, as texts of which no two that differ are alike."""
        if self.role is not None:
            return (role_queue(self.role, self.skills),)
        if self.group is not None:
            return (group_queue(self.group),)
        return tuple(map(person_queue, self.people))


Asked = str | Candidates | Callable[[Decision], str | Candidates | Collection[str]]
"""Whom a gate asks: the holders of a role, `Candidates`, or what a function says of the decision: one of these, or ids of persons."""


def asked(to: Asked, decision: Decision) -> str | Candidates:
    """Whom a gate asks about a decision.

    Args:
        to: as the gate declares it.
        decision: what a function is given.

    Raises:
        NobodyHolds: the function names nobody.
        DefinitionError: what is declared, or what the function returns, is none that fits.

    >>> unsure = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
    >>> asked(lambda decision: ["maria@acme"] if decision.confidence < 0.5 else "controller", unsure)
    Candidates(role=None, skills=(), group=None, people=('maria@acme',))
    """
    if isinstance(to, Candidates):
        return to
    if isinstance(to, str):
        return check_name(to, "to=")
    if not callable(to):
        raise DefinitionError(f"to={quoted(to)}: give a role, Candidates, or a function of the decision")
    name = getattr(to, "__name__", type(to).__name__)
    found: object = to(decision)
    if isinstance(found, Candidates):
        return found
    if isinstance(found, str):
        return check_name(found, f"to={name}")
    if inspect.iscoroutine(found):
        found.close()
        raise DefinitionError(f"to={name} is an async function; give a plain one")
    if found is None or (isinstance(found, Collection) and not found):
        raise NobodyHolds(f"to={name} names nobody for what policy {decision.policy!r} decided")
    if not isinstance(found, Collection):
        raise DefinitionError(f"to={name} returned {quoted(found)}; return a role, Candidates, or ids of persons")
    return Candidates(people=found)


def queues_of(to: str | Candidates) -> tuple[str, ...]:
    """The queues in which a review for a role, or for candidates, stands.

    >>> queues_of("controller"), queues_of(Candidates(group="claims-north"))
    (('role:controller',), ('group:claims-north',))
    """
    return to.queues() if isinstance(to, Candidates) else (role_queue(to),)


def described(to: str | Candidates) -> str:
    """Who is asked, in words.

    >>> described("controller"), described(Candidates(people={"maria@acme", "ines@acme"}))
    ('controller', 'ines@acme or maria@acme')
    """
    return " or ".join(describe(queue) for queue in queues_of(to))
