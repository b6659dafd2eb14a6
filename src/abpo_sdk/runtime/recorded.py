"""What the ledger has of a run when a segment begins, and whether the process still does the same."""

from __future__ import annotations

import json
from collections.abc import Mapping

from abpo_sdk.errors import ReplayDiverged
from abpo_sdk.ledger import Entry, Ledger, Place
from abpo_sdk.ledger.entry import Kind
from abpo_sdk.runtime.exceptions import exception_of
from abpo_sdk.values.encoded import Encoded, JsonValue, masked_tree

CALLS = ("step", "raised", "decision", "gate", "review")
"""The kinds of entries that a process makes by calling something."""


class Recorded:
    """The entries of a run at their places, each to be asked for by the process that runs again.

    Args:
        ledger: the ledger.
        entries: by their places.
    """

    def __init__(self, ledger: Ledger, entries: Mapping[Place, Entry]) -> None:
        self._ledger = ledger
        self.entries = entries
        self._unread = {place for place, entry in entries.items() if entry.kind in CALLS}

    def at(self, place: Place) -> Entry | None:
        """What the ledger has at a place."""
        return self.entries.get(place) if self.entries else None

    def check_same(self, entry: Entry, kind: Kind, name: str, inputs: Encoded, version: str | None = None) -> None:
        """Refuse a call that is another one than the ledger has at its place.

        Raises:
            ReplayDiverged: it is of another kind, name or version, or was given other inputs.
            Erased: nobody can tell any more what it was given.
        """
        where = f"run {entry.chain!r}, {entry.place}"
        recorded = "step" if entry.kind == "raised" else entry.kind
        if (recorded, entry.name) != (kind, name):
            raise ReplayDiverged(
                f"{where}: the ledger has the {recorded} {entry.name!r}, and the process now calls the {kind} {name!r}; "
                "bring back the code that the run started with"
            )
        if version is not None:
            then = entry.content["result"]["decision"]["version"]
            if then != version:
                raise ReplayDiverged(f"{where}: {name!r} decided in version {then}, and is now version {version}")
        if not self._ledger.same_inputs(entry, inputs):
            raise ReplayDiverged(
                f"{where}: the {kind} {name!r} was given other inputs (recorded: hash {str(entry.head['inputs'])[:12]}...) "
                f"than now: {_shown(inputs)}; a value that is not from a step or an argument must not reach one"
            )
        self._unread.discard(entry.place)

    def check_all_read(self) -> None:
        """Refuse a process that ended before it did all that the ledger has.

        Raises:
            ReplayDiverged: naming the first entry that was not asked for.
        """
        if self._unread:
            place = min(self._unread, key=lambda p: (p.scope, p.ordinal))
            entry = self.entries[place]
            raise ReplayDiverged(
                f"run {entry.chain!r}, {place}: the ledger has the {entry.kind} {entry.name!r}, and the process now ends without it"
            )


def raised_again(entry: Entry, tree: JsonValue) -> Exception:
    """The exception that a step raised, from what the ledger has of it.

    Raises:
        ReplayDiverged: it cannot be made again.
    """
    try:
        return exception_of(tree)
    except Exception as error:
        raise ReplayDiverged(
            f"run {entry.chain!r}, {entry.place}: step {entry.name!r} raised {tree['module']}.{tree['type']}, "
            f"which cannot be raised again ({type(error).__name__}); bring back the code that the run started with"
        ) from error


def _shown(inputs: Encoded) -> str:
    text = json.dumps(masked_tree(inputs), ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "..."
