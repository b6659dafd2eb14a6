"""The decorator of steps whose effect can be looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from abpo_sdk.errors import DefinitionError
from abpo_sdk.steps.retry import Retry
from abpo_sdk.steps.step import Step

P = ParamSpec("P")
R = TypeVar("R")


def effect(
    *,
    check: Callable[..., Any],
    name: str | None = None,
    reads: str | Sequence[str] = (),
    retry: Retry | None = None,
    timeout: timedelta | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Marks a function as a step with an effect that can be looked for, so that it is never done twice in the dark.

    Before each attempt the check looks whether the effect is done already, by an attempt that nobody heard of: then it
    is not done again. Afterwards, whether the function returned or raised (a timeout after sending, say), the check
    looks again: the step returns what it found. What is certainly absent after an error may be attempted again, by
    `retry`. Where nobody can tell, the run becomes an incident, for a person to find out: never is it done again blindly.

    Args:
        check: looks for the effect, with the same arguments as the function, by a way of its own (the bank's statement,
            not the answer to the order). Returns `Done(result)`, `ABSENT` or `UNKNOWN`; what it raises counts as unknown, and
            anything else is a `DefinitionError` that no process can go on from.
        name: as for `step`.
        reads: as for `step`.
        retry: when it is attempted again, where it is certainly absent.
        timeout: how long one attempt may take. Of a plain function that is late, `ABSENT` counts as unknown, since its thread
            goes on.

    Raises:
        DefinitionError: as for `step`; or the check does not take the arguments of the step, by name.

    >>> from abpo_sdk.steps.checked import ABSENT, Done
    >>> paid: dict[str, str] = {}
    >>> def find(invoice: str) -> Any:
    ...     return Done(paid[invoice]) if invoice in paid else ABSENT
    >>> @effect(check=find)
    ... def pay(invoice: str) -> str:
    ...     paid[invoice] = f"receipt {len(paid) + 1}"
    ...     raise TimeoutError("no answer")
    >>> pay("INV-7"), pay("INV-7")
    ('receipt 1', 'receipt 1')
    """
    if check is None:
        raise DefinitionError(
            "effect(check=None): give a function that looks whether it was done; without one, it is a step"
        )
    return lambda function: Step(function, name=name, reads=reads, retry=retry, timeout=timeout, check=check)
