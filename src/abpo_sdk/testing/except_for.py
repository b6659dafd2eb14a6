"""What is left out of a check, each with the reason: `except_for`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from abpo_sdk.errors import DefinitionError


def check_exceptions(given: Mapping[Any, str], known: Collection[str], *, of: str, kind: str) -> None:
    """Refuse to leave out what there is not, or to leave out anything without a reason.

    Args:
        given: what is left out, each with the reason.
        known: what can be.
        of: the function that takes `except_for`, for the message.
        kind: what it is that is left out, for the message.

    Raises:
        DefinitionError: naming what is wrong, and the nearest of what there is.
    """
    for name, why in given.items():
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, known))}"
            raise DefinitionError(f"{of}(..., except_for={{{name!r}: ...}}): there is no such {kind}; {hint}")
        if not isinstance(why, str) or not why.strip():
            raise DefinitionError(f"{of}(..., except_for={{{name!r}: {why!r}}}): say why it is left out")
