"""People for tests: for each role that is asked for, somebody holds it."""

from __future__ import annotations

from abpo_sdk.gates import People


class AnyRole(People):
    """Whatever the role, one person holds it, named after it; and others, as soon as more than one must say something.

    >>> people = AnyRole()
    >>> people.someone("cfo"), people.another("cfo"), people.holders("cfo")
    ('cfo@test', 'cfo2@test', ('cfo2@test', 'cfo@test'))
    """

    open_ended = True

    def holders(self, role: str) -> tuple[str, ...]:
        """The persons who hold a role; the first comes to be when the role is asked for."""
        self._roles.setdefault(f"{role}@test", frozenset({role}))
        return super().holders(role)

    def someone(self, role: str) -> str:
        """The first who holds a role."""
        self.holders(role)
        return f"{role}@test"

    def another(self, role: str) -> str:
        """One more person who holds a role."""
        person = f"{role}{len(self.holders(role)) + 1}@test"
        self._roles[person] = frozenset({role})
        return person
