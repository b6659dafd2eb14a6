"""Checks a process: whether a replay would repeat what it does, as far as its code tells."""

from __future__ import annotations

import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from abpo_sdk.errors import DefinitionError, ProcessCheckFailed
from abpo_sdk.steps import BoundProcess, Process, Step
from abpo_sdk.testing.except_for import check_exceptions
from abpo_sdk.testing.process_checks.awaiting import unawaited
from abpo_sdk.testing.process_checks.findings import WHY, Kind, ProcessFinding
from abpo_sdk.testing.process_checks.name_resolution import OWN, Body, plain_function
from abpo_sdk.testing.process_checks.outside_state import mutable_defaults, state_outside
from abpo_sdk.testing.process_checks.set_order import orders
from abpo_sdk.testing.process_checks.swallowed_parking import swallowed
from abpo_sdk.testing.process_checks.unrepeatable_calls import calls

__all__ = ["ProcessFinding", "check_process", "process_findings"]

Function = Callable[..., Any]
AnyProcess = Process[Any, Any] | BoundProcess[Any]

LOOKS = (calls, orders, swallowed, unawaited, mutable_defaults, state_outside)


def process_findings(process: AnyProcess) -> tuple[ProcessFinding, ...]:
    """What in a process a replay would not repeat, as far as its code tells.

    Looked at are its body, the bodies of the processes that it names, and those of the plain functions that these call,
    where they are the project's own (not of the standard library, of an installed package, or of this one). Names
    count for what they stand for, not for how they are spelt. What steps do is not looked at: it is done once.

    Args:
        process: the process; bound, what its wiring does in its body is looked at, too.

    Returns:
        Each place, in the order of files and lines; empty where nothing was found.

    Raises:
        DefinitionError: it is no process, or its source cannot be found.

    >>> from abpo_sdk import process
    >>> @process
    ... def settle(number: str) -> str:
    ...     return number
    >>> process_findings(settle)
    ()
    """
    wiring = process.wiring if isinstance(process, BoundProcess) else {}
    checked = process.process if isinstance(process, BoundProcess) else process
    if not isinstance(checked, Process):
        raise DefinitionError(f"process_findings({process!r}): give a process, a function marked with @process")
    looked = _Look(checked)
    looked.at(checked.function, wiring)
    looked.at_recursion()
    return tuple(sorted(looked.found, key=lambda finding: (finding.file, finding.line, finding.kind)))


def check_process(process: AnyProcess, *, except_for: Mapping[Kind, str] | None = None) -> None:
    """Check that a replay would repeat what a process does, as far as its code tells; see `process_findings`.

    Args:
        process: the process, bound or not.
        except_for: kinds of findings that are left out, each with the reason.

    Raises:
        ProcessCheckFailed: lists each place, why it matters, and what to do instead.
        DefinitionError: it is no process, its source cannot be found, or `except_for` names an unknown kind or gives no reason.

    >>> from abpo_sdk import process
    >>> @process
    ... def settle(number: str) -> str:
    ...     return number
    >>> check_process(settle)
    """
    left_out = except_for or {}
    check_exceptions(left_out, WHY, of="check_process", kind="kind of finding")
    findings = [finding for finding in process_findings(process) if finding.kind not in left_out]
    if findings:
        places = "1 place" if len(findings) == 1 else f"{len(findings)} places"
        raise ProcessCheckFailed(
            f"process {process.name!r} does in {places} what a replay would not repeat:\n"
            + "\n".join(map(str, findings))
        )


class _Look:
    """Looks at a process and at what it leads to, at each function once."""

    def __init__(self, process: Process[Any, Any]) -> None:
        self.found: dict[ProcessFinding, None] = {}
        self._package = (process.function.__module__ or "").partition(".")[0]
        self._first = process.name
        self._bodies: dict[Function, Body | None] = {}
        self._leads: dict[Function, list[tuple[Function, Any]]] = {}
        self._processes: set[Function] = set()

    def at(self, function: Function, known: Mapping[str, Any] | None = None) -> None:
        """Look at a process's function, and at whatever it leads to."""
        waiting: list[tuple[Function, Mapping[str, Any]]] = [(function, known or {})]
        self._processes.add(function)
        while waiting:
            here, given = waiting.pop()
            if here in self._bodies:
                continue
            self._bodies[here] = body = self._body(here, given)
            if body is None:
                continue
            for look in LOOKS:
                for kind, node in look(body):
                    self._find(kind, body, node)
            self._leads[here] = list(self._led_to(body))
            waiting += [(there, {}) for there, _ in self._leads[here]]

    def at_recursion(self) -> None:
        """Look where a process leads back to itself."""
        for here, leads in self._leads.items():
            body = self._bodies[here]
            for there, node in leads:
                if there in self._processes and body is not None and here in self._reached(there):
                    self._find("recursion", body, node)

    def _find(self, kind: Kind, body: Body, node: Any) -> None:
        line, source = body.line(node)
        self.found[ProcessFinding(kind, body.file, line, body.name, source, *WHY[kind])] = None

    def _body(self, function: Function, known: Mapping[str, Any]) -> Body | None:
        try:
            return Body(inspect.unwrap(function), known)
        except (OSError, TypeError, SyntaxError) as error:
            if function in self._processes:
                raise DefinitionError(
                    f"process {self._first!r}: the source of {getattr(function, '__qualname__', function)} cannot be found, so its code "
                    f"cannot be checked ({error}); define it in a file"
                ) from error
            return None

    def _led_to(self, body: Body) -> Iterator[tuple[Function, Any]]:
        """The functions that a body names: those of processes, and plain ones of the project."""
        import ast

        for node in body.nodes():
            if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
                continue
            thing = body.thing(node)
            value = None if thing is None else thing.value
            if isinstance(value, BoundProcess):
                value = value.process
            if isinstance(value, Process):
                self._processes.add(value.function)
                yield value.function, node
            elif not isinstance(value, Step):
                function = plain_function(value)
                if function is not None and self._is_own(function):
                    yield function, node

    def _reached(self, start: Function) -> set[Function]:
        reached: set[Function] = set()
        waiting = [start]
        while waiting:
            here = waiting.pop()
            if here not in reached:
                reached.add(here)
                waiting += [there for there, _ in self._leads.get(here, ())]
        return reached

    def _is_own(self, function: Function) -> bool:
        """Whether a function is of the project that the process is of."""
        package = (function.__module__ or "").partition(".")[0]
        if package == OWN or package in sys.stdlib_module_names:
            return False
        installed = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
        return package == self._package or not function.__code__.co_filename.startswith(installed)
