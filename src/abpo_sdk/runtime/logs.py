"""What happens in runs, in the application's log: one line a moment, and its fields beside it."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from abpo_sdk.runtime.observing import Moment

log = logging.getLogger("abpo_sdk.runtime")
log.addHandler(logging.NullHandler())  # silent unless the application listens


def listening() -> Literal["every", "seldom"] | None:
    """Whether the application wants to hear of every call (level DEBUG), or of what comes seldom; None: of nothing."""
    if not log.isEnabledFor(logging.WARNING) or not _handled():
        return None
    return "every" if log.isEnabledFor(logging.DEBUG) else "seldom"


def write(moment: Moment) -> None:
    """Write a moment to the log; what a filter or handler of the application raises is not the run's."""
    with suppress(Exception):
        level, text, parts = _line(moment)
        if text and log.isEnabledFor(level):
            log.log(level, text, *parts, extra=moment.fields())


def _handled() -> bool:
    """Whether anything takes what is logged."""
    at: logging.Logger | None = log
    while at is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in at.handlers):
            return True
        at = at.parent if at.propagate else None
    return False


def _line(moment: Moment) -> tuple[int, str, tuple[object, ...]]:
    """The level and the text of a moment, and what goes into it; an empty text where there is nothing to be said."""
    run, call = moment.run, (moment.run, moment.place, moment.kind, moment.name)
    match moment.what:
        case "segment begins" if moment.resumed:
            return logging.INFO, "run %r of process %r goes on", (run, moment.process)
        case "segment begins":
            return logging.INFO, "run %r of process %r started", (run, moment.process)
        case "segment ends":
            return _end(moment)
        case "call recorded":
            return logging.DEBUG, "run %r, %s: %s %r done", call
        case "call raised":
            return logging.WARNING, "run %r, %s: %s %r raised %s (attempt %d)", (*call, moment.error, moment.attempt)
        case "call waits":
            return logging.INFO, "run %r, %s: waits for %s %r", call
        case _:
            return logging.DEBUG, "", ()


def _end(moment: Moment) -> tuple[int, str, tuple[object, ...]]:
    run, error = moment.run, moment.error
    if moment.status == "incident":
        return logging.WARNING, "run %r became an incident: %s raised %s", (run, moment.name or "the process", error)
    if moment.status == "abandoned":
        return logging.WARNING, "run %r was abandoned (%s)", (run, error)
    if error == "LeaseLost":
        return logging.WARNING, "run %r: its lease was lost, and this worker keeps nothing more of it", (run,)
    if error:
        return logging.WARNING, "run %r was interrupted (%s), and can be taken up again", (run, error)
    if moment.status == "done":
        return logging.INFO, "run %r finished", (run,)
    if moment.status == "waiting":
        return logging.INFO, "run %r waits", (run,)
    return logging.INFO, "run %r is left to be taken up again", (run,)
