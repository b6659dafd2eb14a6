"""Crash points: by which a run comes, each known by what it is, and at which it may die."""

from __future__ import annotations

import threading
from collections.abc import Callable

from abpo_sdk.runtime import Moment


class Crash(BaseException):
    """The process is gone; no `Exception`, since no code of a dead process runs on."""


class CrashTrace:
    """By which points one life of a runtime comes, and at which of them it dies.

    A point is named for what happens there and where in the process that stands, not for how many came before it: what
    runs side by side comes by in any order.

    Args:
        dies: whether it dies at a point.
    """

    def __init__(self, dies: Callable[[str], bool] = lambda _: False) -> None:
        self.points: list[str] = []
        self.dead = False
        self._dies = dies
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def check_alive(self) -> None:
        """Raise `Crash` where it has died: in its other threads, too."""
        if self.dead:
            raise Crash

    def reach(self, point: str, *others: str) -> None:
        """Be at a point, and die there where that is so.

        Args:
            point: its name.
            *others: what else it may be called: of entries that are written together, any may be the last.
        """
        with self._lock:
            self.check_alive()
            self.points.append(point)
            if any(map(self._dies, (point, *others))):
                self.dead = True
                raise Crash

    def effect(self, moment: Moment) -> None:
        """Be before or after the effect of a step, as `TestRuntime.observe` tells."""
        when = {"call begins": "before", "call returned": "after"}.get(moment.what)
        if when is None or not moment.effect:
            return
        what = f"step {moment.name!r} at {moment.place}"
        number = self.count(f"{when} {what}")
        self.reach(f"{when} the effect of {what}" + (f", attempt {number}" if number > 1 else ""))

    def count(self, what: str) -> int:
        """How often this has come by, now included."""
        with self._lock:
            self._counts[what] = number = self._counts.get(what, 0) + 1
        return number
