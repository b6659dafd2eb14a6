"""What a process may do that a replay would not repeat: the kinds, why each matters, and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "clock",
    "randomness",
    "waiting",
    "environment",
    "input and output",
    "threads and tasks",
    "order of a set",
    "identity",
    "swallowed parking",
    "recursion",
    "missing await",
    "mutable default",
    "state outside",
]

WHY: dict[Kind, tuple[str, str]] = {
    "clock": (
        "a run that is resumed reads another time, so it may take another way than the ledger has",
        "call now() from abpo_sdk, which is recorded, or read the clock in a step",
    ),
    "randomness": (
        "a run that is resumed draws another value",
        "call random() or uuid() from abpo_sdk, which are recorded, or draw it in a step",
    ),
    "waiting": (
        "it holds a worker while it waits, and a run that is resumed waits again from the start",
        "call sleep() from abpo_sdk, which parks the run until it is time",
    ),
    "environment": (
        "a run may be resumed on another machine or in another process, which has another environment",
        "read it before the run and hand it in as wiring, or read it in a step",
    ),
    "input and output": (
        "nothing records what was read, and a run that is resumed does it once more",
        "move it into a step, whose result is recorded",
    ),
    "threads and tasks": (
        "what runs beside the process calls steps outside the run or in an order that no replay repeats, and a timeout interrupts them",
        "call gather() from abpo_sdk, which gives each branch its own place in the ledger",
    ),
    "order of a set": (
        "the items of a set come in another order in another process, so steps would be called in another order",
        "iterate over sorted(...) of it, or use a list, a tuple or a dict",
    ),
    "identity": (
        "id() and hash() give other values in another process",
        "use a value of the case, or uuid() from abpo_sdk, which is recorded",
    ),
    "swallowed parking": (
        "a gate that needs a person ends the segment with an exception that is no Exception, and this catches it",
        "write `except Exception:`, or end the handler with a bare `raise`",
    ),
    "recursion": (
        "a process that leads back to itself opens scope within scope, as deep as its data happen to be",
        "write a loop, or call gather() from abpo_sdk over the parts",
    ),
    "missing await": (
        "without await it is not done: what it gives is a coroutine, and nothing is recorded",
        "write `await` before it, or hand it to gather() from abpo_sdk",
    ),
    "mutable default": (
        "the default is one object for all calls, so what one run puts there the next one finds",
        "write `= None` or a tuple, and make the list, dict or set in the body",
    ),
    "state outside": (
        "it outlives the run's segment in this process and is not there in another one, so a replay starts from another state",
        "keep it in a local variable, or change it in a step",
    ),
}
"""Of each kind, why it matters and what to do instead."""


@dataclass(frozen=True, slots=True)
class ProcessFinding:
    """A place in a process that a replay would not repeat.

    Args:
        kind: what it is.
        file: the file that it is in.
        line: the line, counted from 1.
        function: the function that it is in.
        source: that line.
        why: why it matters.
        instead: what to do instead.

    >>> finding = ProcessFinding("clock", "pay.py", 7, "pay", "start = time.time()", *WHY["clock"])
    >>> str(finding).splitlines()[0]
    'pay.py:7: clock: start = time.time()'
    """

    kind: Kind
    file: str
    line: int
    function: str
    source: str
    why: str
    instead: str

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}: {self.kind}: {self.source}\n    in {self.function}: {self.why}; {self.instead}"
        )
