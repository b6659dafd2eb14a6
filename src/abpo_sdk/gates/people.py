"""Who holds which role, has which skills, belongs to which group and may see what, as the embedding application says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from abpo_sdk.errors import NobodyHolds, NotPermitted, ReviewError
from abpo_sdk.gates.directory import (
    Said,
    Source,
    Table,
    ask,
    check_known,
    did_you_mean,
    read_groups,
    read_labels,
    read_persons,
)
from abpo_sdk.gates.person_ids import fault_of_id, quoted

_ROLES, _SKILLS, _GROUPS = "people", "skills", "groups"

_READ: Mapping[str, Callable[[object, str], Table]] = {
    _ROLES: partial(read_persons, names="roles"),
    _SKILLS: partial(read_persons, names="skills"),
    _GROUPS: partial(read_groups, names="members"),
}


class People:
    """The people who may answer, and their roles. Whoever is not here may do nothing.

    Each of `roles`, `skills` and `groups` may be a callable that returns the mapping: a live directory, asked each time, so
    that what is revoked there is revoked at once. Where it fails, or answers what cannot be, nobody may do anything.

    An id counts as it is written. Two ids that are one person's in another spelling, case or width, or with a letter of
    another script that looks alike, cannot both be here, so that nobody answers twice; see `person_ids.skeleton`.

    Args:
        roles: for each person's id, the roles that they hold.
        skills: for each person's id, the skills that they have.
        groups: for each group, the ids of its members.
        may_see: for each role, what of persons its holders may see in clear: labels of `Personal` fields, or "*" for all.
        limits: up to what amounts who may approve; kept as it is.

    Raises:
        DefinitionError: an id that cannot be one (blank, over 200 characters, with what nobody sees, of mixed scripts, or
            "policy", which says that no person decided); two ids of one person; skills of, or a group with, somebody
            of whom no roles are said; a text where a collection belongs.

    >>> people = People({"maria@acme": {"controller"}, "ines@acme": set()}, skills={"maria@acme": {"french"}})
    >>> people.holders("controller")
    ('maria@acme',)
    >>> people.check_known("Maria@acme", "answer")
    Traceback (most recent call last):
    ...
    abpo_sdk.errors.NotPermitted: 'Maria@acme' may not answer: nobody of that id is known; did you mean 'maria@acme'? ...
    """

    def __init__(
        self,
        roles: Source | None = None,
        *,
        skills: Source | None = None,
        groups: Source | None = None,
        may_see: Said | None = None,
        limits: Any = (),
    ) -> None:
        self.limits = limits
        self._may_see = read_labels(may_see or {}, "may_see", "labels")
        self._live: dict[str, Callable[[], Said]] = {}
        self._roles = self._said(_ROLES, roles)
        self._skills = self._said(_SKILLS, skills)
        self._groups = self._said(_GROUPS, groups)
        if not self._live:
            check_known(self._skills, self._roles, "skills=")
            for group, members in self._groups.items():
                check_known(sorted(members), self._roles, f"the group {group!r}")

    def _said(self, what: str, source: Source | None) -> Table:
        if callable(source):
            self._live[what] = source
            return {}
        return _READ[what](source if source is not None else {}, what)

    def _now(self, what: str, said: Table, refusal: type[ReviewError]) -> Table:
        live = self._live.get(what)
        return said if live is None else ask(live, what, _READ[what], refusal)

    def _roles_now(self, refusal: type[ReviewError] = NotPermitted) -> Table:
        return self._now(_ROLES, self._roles, refusal)

    def as_now(self, refusal: type[ReviewError] = NotPermitted) -> People:
        """These people as they are now: each live directory asked once, so that several questions get answers that fit.

        Args:
            refusal: what is raised where a live directory does not answer.

        Raises:
            NotPermitted: a live directory did not answer.

        >>> people = People(lambda: {"maria@acme": {"controller"}}).as_now()
        >>> people.holders("controller"), people.roles_of("maria@acme")
        (('maria@acme',), frozenset({'controller'}))
        """
        if not self._live:
            return self
        now = People(limits=self.limits)
        now._may_see = self._may_see
        now._roles = self._roles_now(refusal)
        now._skills = self._now(_SKILLS, self._skills, refusal)
        now._groups = self._now(_GROUPS, self._groups, refusal)
        return now

    open_ended = False
    """Whether there are as many holders of a role as anybody asks for, as in tests."""

    def persons(self) -> tuple[str, ...]:
        """Everybody who is known, by id."""
        return tuple(sorted(self._roles_now()))

    def knows(self, person: str) -> bool:
        """Whether somebody is known by this id, as it is written.

        >>> People({"maria@acme": set()}).knows("maria@acme"), People({"maria@acme": set()}).knows("Maria@acme")
        (True, False)
        """
        return person in self._roles_now()

    def holders(self, role: str) -> tuple[str, ...]:
        """The people who hold a role, by id.

        Raises:
            NobodyHolds: a live directory did not answer.
        """
        return tuple(sorted(person for person, roles in self._roles_now(NobodyHolds).items() if role in roles))

    def members(self, group: str) -> tuple[str, ...]:
        """The people who belong to a group, by id; of a live directory's, those who are known.

        Raises:
            NobodyHolds: a live directory did not answer.
        """
        members = self._now(_GROUPS, self._groups, NobodyHolds).get(group, frozenset())
        return tuple(sorted(members & self._roles_now(NobodyHolds).keys()))

    def someone(self, role: str) -> str:
        """A person who holds a role.

        Raises:
            NobodyHolds: there is none.
        """
        holders = self.holders(role)
        if not holders:
            known = sorted({role for roles in self._roles_now(NobodyHolds).values() for role in roles})
            raise NobodyHolds(
                f"nobody holds the role {role!r}; the roles that somebody holds are {', '.join(known) or 'none'}"
            )
        return holders[0]

    def roles_of(self, person: str) -> frozenset[str]:
        """The roles that a person holds; none of somebody unknown.

        >>> People({"maria@acme": {"controller"}}).roles_of("eve@acme")
        frozenset()
        """
        return self._roles_now().get(person, frozenset())

    def skills_of(self, person: str) -> frozenset[str]:
        """The skills that a person has; none of somebody unknown."""
        skills = self._now(_SKILLS, self._skills, NotPermitted).get(person, frozenset())
        return skills if skills and person in self._roles_now() else frozenset()

    def labels_seen_by(self, person: str) -> frozenset[str]:
        """What of persons somebody may see in clear, by their own roles: labels of fields, or "*" for all.

        >>> people = People({"maria@acme": {"controller"}}, may_see={"controller": {"bank account"}})
        >>> people.labels_seen_by("maria@acme"), people.labels_seen_by("eve@acme")
        (frozenset({'bank account'}), frozenset())
        """
        roles = self.roles_of(person)
        return frozenset(label for role in roles for label in self._may_see.get(role, ()))

    def check_known(self, person: str, action: str) -> None:
        """Refuse a person who is not known.

        Raises:
            NotPermitted: naming them, and whom they could be in another spelling.
        """
        self._check_known(self._roles_now(), person, action)

    def check_holds(self, person: str, role: str, action: str) -> None:
        """Refuse a person who does not hold a role.

        Raises:
            NotPermitted: naming the person and the role.
        """
        roles = self._roles_now()
        self._check_known(roles, person, action)
        if role not in roles[person]:
            held = ", ".join(sorted(roles[person])) or "none"
            raise NotPermitted(
                f"{person!r} may not {action}: it is put to the {role}, and the roles of {person!r} are {held}"
            )

    def _check_known(self, roles: Table, person: str, action: str) -> None:
        if isinstance(person, str) and person in roles:
            return
        fault = fault_of_id(person)
        if fault:
            found = did_you_mean(person[:1000], roles) if isinstance(person, str) else ""
            raise NotPermitted(f"{quoted(person)} may not {action}: it cannot be a person's id: {fault}{found}")
        found = did_you_mean(person, roles)
        if found:  # the two may look alike
            raise NotPermitted(f"{person!a} may not {action}: nobody of that id is known{found}")
        raise NotPermitted(
            f"{person!r} may not {action}: nobody of that id is known; say who there is with people={{...}}"
        )
