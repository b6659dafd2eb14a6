"""People for tests: for each role that is asked for, somebody holds it."""

from __future__ import annotations

from abpo_sdk.gates import People


class AnyRole(People):
    """Whatever the role, one person holds it, named after it.

    >>> AnyRole().someone("cfo")
    'cfo@test'
    """

    def holders(self, role: str) -> tuple[str, ...]:
        """The person who holds a role; they come to be when they are asked for."""
        self._roles.setdefault(f"{role}@test", frozenset({role}))
        return super().holders(role)
