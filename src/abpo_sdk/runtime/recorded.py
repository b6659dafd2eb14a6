"""What the ledger has of a run when a segment begins, and whether the process still does the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from abpo_sdk.errors import ReplayDiverged
from abpo_sdk.gates.review_state import answer_of, is_expired
from abpo_sdk.ledger import Entry, Ledger, Place
from abpo_sdk.ledger.entry import LIFE, Kind
from abpo_sdk.runtime.exceptions import exception_of
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.encoded import Encoded, JsonValue, masked_tree

CALLS = ("step", "raised", "decision", "gate", "review", "timer")
"""The kinds of entries that a process makes by calling something."""


class Recorded:
    """The entries of a run at their places, each to be asked for by the process that runs again.

    Args:
        ledger: the ledger.
        entries: the run's.
        migrated: whether to take the decisions that are there as made by whatever version they name, as after a migration.
    """

    def __init__(self, ledger: Ledger, entries: Iterable[Entry], *, migrated: bool = False) -> None:
        self._ledger = ledger
        self.entries: dict[Place, Entry] = {}
        self.retried: dict[Place, int] = {}
        """The steps that raised and that a person then had done again: the position of the last entry that says so."""
        self._migrated = -1
        self._unread: set[Place] = set()
        raised: Place | None = None
        attempts: dict[Place, list[Place]] = {}
        for entry in entries:
            if migrated:
                self._migrated = entry.position
            if entry.place.scope != LIFE:
                self.entries[entry.place] = entry
                if entry.kind in CALLS:
                    self._unread.add(entry.place)
                    attempts.pop(entry.place, None)
                elif entry.kind == "attempt":
                    attempts.setdefault(entry.place.outer, []).append(entry.place)
            elif entry.place.ordinal == 0:
                continue  # that it was started
            elif entry.kind == "incident":
                content = entry.content
                raised = Place(content["scope"], content["ordinal"]) if content["place"] else None
            elif entry.kind == "resolved" and raised is not None:
                self.retried[raised] = entry.position
            elif entry.kind == "migrated":
                self._migrated = entry.position
        self._attempts = {place for places in attempts.values() for place in places}  # of steps that have no result yet

    @property
    def unread(self) -> int:
        """How many recorded calls the process has not made yet."""
        return len(self._unread)

    def at(self, place: Place) -> Entry | None:
        """What the ledger has at a place."""
        return self.entries.get(place) if self.entries else None

    def within(self, scope: str) -> list[Entry]:
        """What the ledger has in a scope, in its order."""
        found: list[Entry] = []
        while (entry := self.entries.get(Place(scope, len(found)))) is not None:
            found.append(entry)
        return found

    def attempts(self, place: Place) -> list[Entry]:
        """The attempts of the step at a place that failed."""
        attempts = [entry for entry in self.within(place.inner) if entry.kind == "attempt"]
        self._attempts.difference_update(entry.place for entry in attempts)
        return attempts

    def waits(self) -> dict[Place, datetime | None]:
        """The places of reviews that nobody has answered (None), and of timers that have not fired (when they are due)."""
        waits: dict[Place, datetime | None] = {}
        answered = [entry.content for entry in self.entries.values() if entry.kind == "answered"]
        closed = {other for content in answered for other in content.get("closes", ())}
        for place, entry in self.entries.items():
            if entry.kind == "review":
                within = self.within(place.inner)
                over = is_expired(within) or entry.content["review"] in closed
                if not over and answer_of(within, place) is None:
                    waits[place] = None
            elif entry.kind in ("timer", "attempt") and Place(place.inner, 0) not in self.entries:
                due = entry.content["due"]
                if due:
                    waits[place] = from_text(due)
        return waits

    def check_same(self, entry: Entry, kind: Kind, name: str, inputs: Encoded, version: str | None = None) -> None:
        """Refuse a call that is another one than the ledger has at its place.

        Raises:
            ReplayDiverged: it is of another kind, name or version, or was given other inputs.
            Erased: nobody can tell any more what it was given.
        """
        place = entry.place.outer if entry.kind == "attempt" else entry.place
        where = f"run {entry.chain!r}, {place}"
        recorded = "step" if entry.kind in ("raised", "attempt") else entry.kind
        if (recorded, entry.name) != (kind, name):
            raise ReplayDiverged(
                f"{where}: the ledger has the {recorded} {entry.name!r}, and the process now calls the {kind} {name!r}; "
                "bring back the code that the run started with"
            )
        if version is not None:
            then = entry.content["result"]["decision"]["version"]
            if then != version and entry.position > self._migrated:
                raise ReplayDiverged(f"{where}: {name!r} decided in version {then}, and is now version {version}")
            if then != version:  # a person said that it stands
                inputs = Encoded({**inputs.tree, "version": then}, inputs.personal, inputs.files)
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
        if self._unread or self._attempts:
            place = min(self._unread | self._attempts, key=lambda p: (p.scope, p.ordinal))
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
