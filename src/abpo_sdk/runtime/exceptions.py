"""Exceptions of steps: as they are shown, and as they are raised again on replay where a process caught them."""

from __future__ import annotations

import importlib
from typing import Any

from abpo_sdk.errors import LossyRoundTrip
from abpo_sdk.values.encoded import JsonValue

MESSAGE_LENGTH = 4000


def error_tree(error: Exception) -> dict[str, str]:
    """An exception as people read it: its type, and what it says, as a text that can be stored whatever its class makes of it."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  a foreign __str__ may raise anything
        text = "(it cannot be written)"
    message = text[:MESSAGE_LENGTH].encode("utf-8", "backslashreplace").decode()
    return {"message": message, "type": type(error).__name__}


def exception_tree(error: Exception, *, step: str) -> JsonValue:
    """An exception as JSON.

    Raises:
        LossyRoundTrip: it could not be raised again from it.
    """
    kind = type(error)
    args = error.__reduce__()[1] if isinstance(error, OSError) else error.args  # an OSError keeps its file's name apart
    tree = {
        "args": [{"float": repr(a)} if isinstance(a, float) else a for a in args],
        "module": kind.__module__,
        "type": kind.__qualname__,
    }
    try:
        faithful = _alike(exception_of(tree), error)
    except Exception:  # noqa: BLE001  a foreign constructor may raise anything; then it cannot be made again
        faithful = False
    if not faithful or not all(isinstance(arg, (str, int, float, bool, type(None))) for arg in args):
        raise LossyRoundTrip(
            f"step {step!r} raised {kind.__qualname__}, which the process caught, and which cannot be raised again on replay: "
            "its class must be importable and be made from its args (texts and numbers) alone"
        ) from error
    return tree


def exception_of(tree: JsonValue) -> Exception:
    """The exception that was recorded."""
    kind: Any = importlib.import_module(tree["module"])
    for part in tree["type"].split("."):
        kind = getattr(kind, part)
    # JSON has one kind of number, and a process may show a float's own digits
    error: Exception = kind(*(float(a["float"]) if isinstance(a, dict) else a for a in tree["args"]))
    return error


def _alike(again: Exception, error: Exception) -> bool:
    """Whether a process could not tell one from the other."""
    same = (type(again), again.args, str(again)) == (type(error), error.args, str(error))
    return same and _attributes(again) == _attributes(error)


def _attributes(error: Exception) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if name != "__notes__"}
