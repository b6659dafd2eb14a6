"""What happens in runs, told to whoever watches: moments that name things and never hold a value.

An observer is a plain callable that takes a `Moment`, and observers are a list. It is called where the thing happens,
in the run's own thread or task, and what it raises goes through as if the step had raised it: that is how a crash test
crashes a run. An observer that must not disturb what it watches catches its own errors, as `OpenTelemetry` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from abpo_sdk.errors import DefinitionError
from abpo_sdk.runtime import logs

if TYPE_CHECKING:
    from abpo_sdk.ledger import Place
    from abpo_sdk.ledger.entry import Draft
    from abpo_sdk.runtime.attempts import Attempt

What = Literal[
    "segment begins",  # a worker goes through a run's process, from the top
    "segment ends",  # the run waits, has ended, is an incident, or is left to another worker
    "call begins",  # a step, policy or gate is about to be done; not for what the ledger has already
    "call returned",  # it was done, and nothing of it is recorded yet
    "call recorded",  # its result is recorded
    "call raised",  # it raised, or its result could not be recorded
    "call waits",  # a gate asks a person, or a timer was set, or a step's next attempt has its time
]


class Moment(NamedTuple):
    """Something that happens in a run. What the run works on is not in it: no argument, result, message or reason.

    Args:
        what: happens.
        ledger: the id of the ledger.
        run: the run's id.
        process: the name of its process.
        version: of the process.
        epoch: how often the run was taken up by a worker; which of them this is.
        resumed: whether the segment goes on with what the ledger has.
        place: where in the run, as its entry names it ("/0"); "" for a segment.
        kind: "step", "decision" or "gate" for a call; "review", "timer" or "attempt" for what it waits for.
        name: of the step, policy or gate.
        attempt: which attempt this is, from 1; 0 for a segment.
        key: the step's idempotency key.
        effect: whether the call may change the world.
        seconds: since it began, at its end.
        status: of the run, at the end of a segment; "running" where it can go on.
        error: the type of what was raised.
        where: the lines of code through which it came, by module and number, outermost first.
    """

    what: What
    ledger: str
    run: str
    process: str
    version: str
    epoch: int
    resumed: bool
    place: str = ""
    kind: str = ""
    name: str = ""
    attempt: int = 0
    key: str = ""
    effect: bool = False
    seconds: float | None = None
    status: str = ""
    error: str = ""
    where: str = ""

    def fields(self) -> dict[str, str | int | float | bool]:
        """What is there, by the names that it has in log records and spans alike ("abpo.run").

        >>> Moment("segment begins", "5f1c", "C-2", "settle_claim", "9a0b", epoch=1, resumed=False).fields()["abpo.run"]
        'C-2'
        """
        fields: dict[str, str | int | float | bool] = {
            "abpo.ledger": self.ledger,
            "abpo.run": self.run,
            "abpo.process": self.process,
            "abpo.version": self.version,
            "abpo.epoch": self.epoch,
            "abpo.resumed": self.resumed,
        }
        optional: dict[str, str | int | float | None] = {
            "abpo.place": self.place,
            "abpo.kind": self.kind,
            "abpo.name": self.name,
            "abpo.attempt": self.attempt,
            "abpo.key": self.key,
            "abpo.status": self.status,
            "abpo.seconds": self.seconds,
            "abpo.where": self.where,
            "error.type": self.error,
        }
        return fields | {name: value for name, value in optional.items() if value}


Observer = Callable[[Moment], None]
"""Is told of each moment of a run."""


def together(observers: Iterable[Observer]) -> Observer | None:
    """Several observers as one, each told in turn; None where there are none.

    Raises:
        DefinitionError: one of them cannot be told anything.
    """
    told = tuple(observers)
    for observer in told:
        if isinstance(observer, type) or not callable(observer):
            raise DefinitionError(
                f"observers=[{observer!r}]: an observer is called with each Moment; "
                "give a function, or an object such as OpenTelemetry()"
            )
    if len(told) < 2:
        return told[0] if told else None

    def tell(moment: Moment) -> None:
        for observer in told:
            observer(moment)

    return tell


class Watch:
    """Tells of what happens in one segment; its branches, in threads of their own, tell through it, too.

    Args:
        every: is told of each moment; None where nobody is.
        seldom: is told, besides, of those that do not come with each call that goes well.
        segment: what each moment says of the segment: the fields of `Moment` from `ledger` to `resumed`.
    """

    __slots__ = ("_began", "_every", "_segment", "_seldom")

    def __init__(
        self, every: Observer | None, seldom: Observer | None, segment: tuple[str, str, str, str, int, bool]
    ) -> None:
        self._every = every
        self._seldom = seldom
        self._segment = segment
        self._began: dict[Place | None, float] = {}

    def segment_begins(self) -> None:
        """A segment begins."""
        self._began[None] = perf_counter()
        self._tell(Moment("segment begins", *self._segment))

    def segment_ends(self, status: str, error: BaseException | None = None, raised: Draft | None = None) -> None:
        """A segment ends, leaving the run in a status; with the entry of the step that raised, where one did."""
        moment = Moment("segment ends", *self._segment, seconds=self._since(None), status=status)
        if raised is not None:
            moment = moment._replace(place=str(raised.place), kind="step", name=raised.name)
        self._tell(moment._replace(**error_fields(error)) if error is not None else moment)

    def begins(self, attempt: Attempt[Any]) -> None:
        """An attempt of a call begins."""
        self._began[attempt.occurrence.place] = perf_counter()
        if self._every is not None:
            self._every(self._of("call begins", attempt))

    def returned(self, attempt: Attempt[Any]) -> None:
        """What a call does is done, and not recorded yet."""
        if self._every is not None:
            self._every(self._of("call returned", attempt))

    def recorded(self, attempt: Attempt[Any]) -> None:
        """The result of a call is recorded."""
        seconds = self._since(attempt.occurrence.place)
        if self._every is not None:
            self._every(self._of("call recorded", attempt, seconds))

    def raised(self, attempt: Attempt[Any], error: BaseException) -> None:
        """An attempt of a call has failed."""
        seconds = self._since(attempt.occurrence.place)
        self._tell(self._of("call raised", attempt, seconds)._replace(**error_fields(error)))

    def waits(self, draft: Draft) -> None:
        """Something was recorded that the run waits for."""
        self._tell(Moment("call waits", *self._segment, place=str(draft.place), kind=draft.kind, name=draft.name))

    def _tell(self, moment: Moment) -> None:
        if self._seldom is not None:
            self._seldom(moment)
        if self._every is not None:
            self._every(moment)

    def _of(self, what: What, attempt: Attempt[Any], seconds: float | None = None) -> Moment:
        call, number = attempt.call, attempt.failed + 1
        place = str(attempt.occurrence.place)
        return Moment(what, *self._segment, place, call.kind, call.name, number, attempt.key, call.effect, seconds)

    def _since(self, place: Place | None) -> float | None:
        began = self._began.pop(place, None)
        return None if began is None else perf_counter() - began


def watch(
    observer: Observer | None, *, ledger: str, run: str, process: str, version: str, epoch: int, resumed: bool
) -> Watch | None:
    """What watches a segment, for the application's observers and its log; None where nobody does, so that it costs nothing."""
    level = logs.listening()
    if observer is None and level is None:
        return None
    segment = (ledger, run, process, version, epoch, resumed)
    if level == "every":
        return Watch(together([logs.write, *([observer] if observer else [])]), None, segment)
    return Watch(observer, logs.write if level else None, segment)


def error_fields(error: BaseException) -> dict[str, Any]:
    """The type of an error, and the lines through which it came: of the application, where it came through any."""
    lines = [
        (str(frame.f_globals.get("__name__", "?")), line, frame.f_code.co_name)
        for frame, line in walk_tb(error.__traceback__)
    ]
    lines = [line for line in lines if not line[0].startswith("abpo_sdk.")] or lines
    return {
        "error": type(error).__name__,
        "where": " > ".join(f"{module}:{line} {function}" for module, line, function in lines),
    }
