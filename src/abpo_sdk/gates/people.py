"""Who holds which role, as the embedding application says."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from abpo_sdk.errors import DefinitionError, NobodyHolds, NotPermitted
from abpo_sdk.values.decision import POLICY


class People:
    """The people who may answer, and their roles. Whoever is not here may do nothing.

    Args:
        roles: for each person's id, the roles that they hold.

    Raises:
        DefinitionError: an empty id, the id "policy" (which says that no person decided), or a text where a
            collection of roles belongs.

    >>> People({"maria@acme": {"controller"}}).holders("controller")
    ('maria@acme',)
    """

    def __init__(self, roles: Mapping[str, Collection[str]] | None = None) -> None:
        self._roles: dict[str, frozenset[str]] = {}
        for person, held in (roles or {}).items():
            if not person or not person.strip() or person == POLICY:
                raise DefinitionError(f"{person!r} cannot be a person's id")
            if isinstance(held, str):
                raise DefinitionError(f"the roles of {person!r} are the text {held!r}; write {{{held!r}}}")
            self._roles[person] = frozenset(held)

    def holders(self, role: str) -> tuple[str, ...]:
        """The people who hold a role, by id."""
        return tuple(sorted(person for person, roles in self._roles.items() if role in roles))

    def someone(self, role: str) -> str:
        """A person who holds a role.

        Raises:
            NobodyHolds: there is none.
        """
        holders = self.holders(role)
        if not holders:
            known = sorted({role for roles in self._roles.values() for role in roles})
            raise NobodyHolds(
                f"nobody holds the role {role!r}; the roles that somebody holds are {', '.join(known) or 'none'}"
            )
        return holders[0]

    def check_known(self, person: str, action: str) -> None:
        """Refuse a person who is not known.

        Raises:
            NotPermitted: naming them.
        """
        if not isinstance(person, str) or person not in self._roles:
            raise NotPermitted(
                f"{person!r} may not {action}: nobody of that id is known; say who there is with people={{...}}"
            )

    def check_holds(self, person: str, role: str, action: str) -> None:
        """Refuse a person who does not hold a role.

        Raises:
            NotPermitted: naming the person and the role.
        """
        self.check_known(person, action)
        if role not in self._roles[person]:
            held = ", ".join(sorted(self._roles[person])) or "none"
            raise NotPermitted(
                f"{person!r} may not {action}: it is put to the {role}, and the roles of {person!r} are {held}"
            )
