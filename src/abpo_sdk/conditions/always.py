"""The condition that holds of every case, and the one that holds of none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from abpo_sdk.conditions.condition import Condition

if TYPE_CHECKING:
    from abpo_sdk.conditions.compiled import Truth
    from abpo_sdk.conditions.nodes import FieldNode
    from abpo_sdk.conditions.reading import Reading


class Always(Condition):
    """A condition that holds of every case and reads nothing; write `always`."""

    __slots__ = ()
    reads_fields_only = True
    settled = True

    def compiled(self) -> Truth:
        return lambda _: True

    def written(self, reading: Reading | None) -> str:
        return "always"

    def structure(self) -> dict[str, Any]:
        return {"op": "always"}

    def fields(self) -> Iterator[FieldNode]:
        return iter(())

    def __invert__(self) -> Condition:
        return never

    def __reduce__(self) -> str:
        return "always"


class Never(Condition):
    """A condition that holds of no case and reads nothing; write `never`, or `~always`."""

    __slots__ = ()
    reads_fields_only = True
    settled = False

    def compiled(self) -> Truth:
        return lambda _: False

    def written(self, reading: Reading | None) -> str:
        return "never"

    def structure(self) -> dict[str, Any]:
        return {"op": "never"}

    def fields(self) -> Iterator[FieldNode]:
        return iter(())

    def __invert__(self) -> Condition:
        return always

    def __reduce__(self) -> str:
        return "never"


always = Always()
"""Holds of every case. `always & c` and `c & always` are `c`, and `always | c` is `always`.

`c | always` is neither: it looks at `c` first, and a value that `c` needs and that is missing is an error.

>>> always.holds(), always.text(), (~always).holds()
(True, 'always', False)
"""

never = Never()
"""Holds of no case. `never | c` and `c | never` are `c`, and `never & c` is `never`; `c & never` looks at `c` first.

>>> never.holds(), never.text(), ~never is always
(False, 'never', True)
"""
