"""Where in its process a run is: what is called next there, what it waits for, and what its process must not swallow."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn

from abpo_sdk.errors import AbpoError, OutOfScope, Stopped
from abpo_sdk.gates import Reviews, Stop
from abpo_sdk.gates.switches import stop_of_process
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.entry import LIFE, Draft
from abpo_sdk.ledger.erasure import run_subject
from abpo_sdk.ledger.keyed import Scope, key_root
from abpo_sdk.runtime.attempts import Failure, Supplied
from abpo_sdk.runtime.chain import RunChain
from abpo_sdk.runtime.exceptions import exception_tree
from abpo_sdk.runtime.files import SeenFiles
from abpo_sdk.runtime.observing import Watch
from abpo_sdk.runtime.origins import Origins
from abpo_sdk.runtime.parking import Parked, fire
from abpo_sdk.runtime.recorded import Recorded
from abpo_sdk.values.encoded import PersonalValue

DEEPEST = 100
"""How deep sub-processes may be called within each other."""


@dataclass(slots=True)
class Flow:
    """Goes through one segment of a run, or one branch of it.

    Args:
        chain: the run's chain.
        reviews: where a gate asks.
        watch: is told of calls; None where nobody watches.
        recorded: what the ledger has.
        supplied: what people gave for steps that raised.
        branch: whether others run beside it.
        rehearsed: where given, nothing is done or written; it takes what the process comes to.
    """

    chain: RunChain
    reviews: Reviews
    watch: Watch | None
    recorded: Recorded
    supplied: Mapping[Place, Supplied]
    branch: bool = False
    rehearsed: list[str] | None = None
    parked: bool = False
    failures: list[Failure] = field(default_factory=list)
    """Steps that raised; whether the process caught it shows at the next call."""
    _files: SeenFiles = field(default_factory=SeenFiles)
    _origins: Origins = field(default_factory=Origins)
    _scopes: list[Scope] = field(default_factory=list)
    _processes: list[str] = field(default_factory=list)
    """The sub-processes that it is in."""
    _timers: threading.RLock = field(default_factory=threading.RLock)
    """Held while it is changed what the run waits for, so that its entries say so in the order in which it was: the branches share it."""
    _where: tuple[int, object] = (0, None)
    _stops: tuple[Stop, ...] = ()
    """What was stopped when the last new call began."""

    def begin(self, arguments: Mapping[str, Any], files: Mapping[str, str | None]) -> None:
        """Start (again) at the top of the process, in this thread and task."""
        self._scopes = [Scope(key_root(self.chain.run))]
        self.be_here()
        self.chain.begin()
        self._files.recorded(files)
        for value in arguments.values():
            self._origins.register(value, Place(LIFE, 0))

    def be_here(self) -> None:
        """The process, or this branch of it, runs in this thread and task."""
        self._where = _here()

    # waiting

    def _come_to(self, kind: str, name: str, place: Place) -> None:
        """In a rehearsal, this is as far as it goes."""
        if self.rehearsed is not None:
            self.rehearsed.append(f"the {kind} {name!r} at {place}")
            self.parked = True
            raise Parked

    def _alone(self) -> bool:
        """Whether the run waits for nothing else, so that where this waits, the run does."""
        return not self.branch and not self.chain.waits

    def _park(self, place: Place, *drafts: Draft, due: datetime | None = None) -> NoReturn:
        alone = self._alone()
        with self._timers:
            self.chain.waits |= dict.fromkeys([place, *(draft.place for draft in drafts)], due)
            if drafts:
                self.chain.write(drafts, release=alone)
        if self.watch is not None:
            for draft in drafts:
                self.watch.waits(draft)
        self.parked = True
        raise Parked

    def _rest(self, place: Place, due: datetime, name: str, draft: Draft | None = None) -> None:
        """Go on where the time has come for which the timer at a place is set."""
        if self.recorded.at(Place(place.inner, 0)) is not None:
            return
        if due > self.chain.ledger.clock.now():
            self._come_to("timer", name, place)
            self._park(place, *([draft] if draft is not None else []), due=due)
        if draft is not None:
            self.chain.hold(draft)
        with self._timers:
            fire(self.chain, place, name, due)

    # what a step raised

    def settle_failures(self) -> None:
        """Record the exceptions of steps that the process caught."""
        failures, self.failures = self.failures, []
        personal = (PersonalValue(("error", "args"), "error message", run_subject(self.chain.run)),)
        for failure in failures:
            try:
                tree = exception_tree(failure.error, step=failure.draft.name)
                draft = replace(failure.draft, payload={**failure.draft.payload, "error": tree}, personal=personal)
                self.chain.hold(draft)
            except AbpoError as error:
                self._give_up(failure, error)
                raise

    def _give_up(self, failure: Failure, error: Exception) -> None:
        """A step has nothing that can be recorded; that is not for the process to swallow."""
        failure.error = error
        self.failures, self.chain.broken = [failure], error

    # bookkeeping

    def _enter(self, kind: str, name: str) -> None:
        if self.parked:
            raise Parked  # the process swallowed the first one; it gets no further
        if self.chain.broken is not None:
            raise self.chain.broken
        if _here() != self._where:
            self.chain.broken = OutOfScope(
                f"{kind} {name!r} was called in another thread or task than run {self.chain.run!r} itself, which cannot know its place; "
                "call it from the process directly"
            )
            raise self.chain.broken
        if self.failures:
            self.chain.guarded(self.settle_failures)
        self._check_going_on()

    def check_not_stopped(self) -> None:
        """Refuse what is new of a process that a person has stopped; the run waits for people then.

        This looks up, at each new call, all that is stopped now; what else the call asks about is answered from that.

        Raises:
            Stopped: naming it.
        """
        if self.rehearsed is not None:
            return
        self._stops = self.reviews.switches.stops()
        stop = stop_of_process(self._stops, self.chain.process, *self._processes)
        if stop is not None:
            self.chain.broken = Stopped(f"run {self.chain.run!r}: {stop}; whoever is {stop.role} can let it go on")
            raise self.chain.broken

    def _check_depth(self, name: str) -> None:
        """Refuse a process that calls itself without end, before Python's own stack is full in the middle of a write."""
        scope = self._scopes[-1].name
        if scope.count("/") > DEEPEST:
            self.chain.broken = RecursionError(
                f"run {self.chain.run!r}: process {name!r} was called {DEEPEST} processes deep; a process that calls itself for each of "
                "many things is better written as a loop, or as a run for each"
            )
            raise self.chain.broken

    def _check_going_on(self) -> None:
        """Where the worker stops, the segment ends here; another worker goes on from here."""
        if self.chain.stopping():
            self.chain.halted = self.parked = True
            raise Parked


def _here() -> tuple[int, object]:
    asyncio = sys.modules.get("asyncio")
    task: object = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop in this thread
            task = None
    return threading.get_ident(), task
