"""Idempotency keys for calls outside a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from abpo_sdk.ledger.entry import check_id
from abpo_sdk.ledger.keyed import Keyed, Scope, key_root


class _Outermost(Keyed):
    """A process that is called in a key scope stands for the run itself; those that it calls are its sub-processes."""

    @contextmanager
    def inner(self, name: str) -> Iterator[None]:
        with Keyed(self.scope, connection=self.connection):
            yield


@contextmanager
def key_scope(key: str, *, connection: Any = None) -> Iterator[None]:
    """Gives steps that are called outside a run their idempotency keys.

    The keys are those that a run with this id would give, so that an effect is done once whichever way it is called.

    Args:
        key: what the calls are about, in the caller's own identifiers, the same on every attempt.
        connection: what `ledger_connection()` gives to steps that are declared with `transaction=True`: a connection of the
            caller's, in a transaction of the caller's.

    Raises:
        DefinitionError: the key is blank, or no text.

    >>> from abpo_sdk.ledger.keyed import idempotency_key
    >>> from abpo_sdk.steps.step import step
    >>> @step
    ... def pay() -> str:
    ...     return idempotency_key()
    >>> with key_scope("INV-7"):
    ...     pay()
    'INV-7/pay/0'
    """
    check_id(key, "the key of a key_scope")
    with _Outermost(Scope(key_root(key)), connection=connection):
        yield
