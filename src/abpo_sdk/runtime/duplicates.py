"""Starting an id again: the same case is the same run, another is refused."""

from __future__ import annotations

from abpo_sdk.errors import DuplicateRun, Erased
from abpo_sdk.ledger import Entry, Ledger
from abpo_sdk.ledger.own_entries import sweep_of
from abpo_sdk.values.encoded import Encoded, masked_tree


def check_duplicate(ledger: Ledger, run: str, process: str, encoded: Encoded) -> None:
    """Refuse to start an id again with another process or case.

    Raises:
        DuplicateRun: says what is there, and which argument differs.
    """
    started = ledger.entries(run)[0]
    if started.kind != "started":
        raise DuplicateRun(f"the id {run!r} is the key of a decision that was recorded without a run; choose another")
    if started.name != process:
        raise DuplicateRun(f"the id {run!r} is taken by a run of process {started.name!r}")
    if started.payload is None:
        raise DuplicateRun(
            f"the id {run!r} is taken by a run whose arguments were swept, because the time to keep them was over "
            f"(see {sweep_of(ledger.store, started)}), so nobody can tell whether the case is the same"
        )
    try:
        same = ledger.same_inputs(started, encoded)
    except Erased as error:
        raise DuplicateRun(
            f"the id {run!r} is taken by a run whose subject was erased, so nobody can tell whether the case is the same"
        ) from error
    if not same:
        raise DuplicateRun(
            f"the id {run!r} is taken by a run of {process!r} with another case{_difference(ledger, started, encoded)}; "
            "give this case an id of its own"
        )


def _difference(ledger: Ledger, started: Entry, encoded: Encoded) -> str:
    """Which argument differs from the one that a run was started with; values are shown unless something in them is personal."""
    recorded, present = ledger.payload(started)["arguments"], masked_tree(encoded)
    for name, value in present.items():
        if recorded.get(name) != value:
            return f" (its {name} was {_shortened(recorded.get(name))}, and is {_shortened(value)})"
    return " (a file that it names, or something personal in it, is another)"


def _shortened(value: object, length: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= length else text[:length] + "..."
