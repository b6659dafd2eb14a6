"""Replays a run in another Python process, in which sets have another order."""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from abpo_sdk.gates import Reviews
from abpo_sdk.ledger import Ledger
from abpo_sdk.runtime.rehearsal import Rehearsal, rehearse
from abpo_sdk.steps import BoundProcess
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.testing.hash_seeds import environment_with

SEEDS = ("1", "2", "3")
"""Values of PYTHONHASHSEED, each of which gives sets of texts another order; where one shows nothing, another may."""

PATIENCE = 120.0
"""How many seconds another process may take."""

COMMAND = "from abpo_sdk.testing.replays.other_process import main; main()"


def why_no_other_process(bound: BoundProcess[Any]) -> str | None:
    """Why a process cannot be replayed in another Python process; None where it can."""
    function = bound.process.function
    module, name = function.__module__, function.__qualname__
    if module == "__main__" or getattr(sys.modules.get(module), "__spec__", None) is None:
        return f"the module {module!r} cannot be imported by another process"
    if _found(module, name) is not bound.process:
        return f"{module}.{name} is not this process, so that another one cannot import it"
    try:
        pickle.dumps(bound.wiring)
    except Exception as error:  # noqa: BLE001  a foreign object may raise anything
        return f"its wiring cannot be handed to another process ({type(error).__name__})"
    return None


@contextmanager
def replays_in_other_processes(
    bound: BoundProcess[Any], ledger: Path, run: str, now: datetime
) -> Iterator[list[_OtherProcess]]:
    """Replays of a run, which go on in processes of their own meanwhile.

    Args:
        bound: the process.
        ledger: the file that the ledger is in.
        run: the run.
        now: what the clock tells.
    """
    function = bound.process.function
    order = pickle.dumps((function.__module__, function.__qualname__, bound.wiring, str(ledger), run, now))
    begun: list[_OtherProcess] = []
    try:
        begun += (_OtherProcess(order, seed, ledger.with_name(f"replayed-{seed}.json")) for seed in SEEDS)
        yield begun
    finally:
        for replay in begun:
            replay.end()


class _OtherProcess:
    """One replay in another process.

    Args:
        order: what to do.
        seed: of the hashes of texts.
        answer: the file for what came of it.
    """

    def __init__(self, order: bytes, seed: str, answer: Path) -> None:
        self.name = f"in another process, with PYTHONHASHSEED={seed}"
        self._answer = answer
        command = [sys.executable, "-c", COMMAND, str(answer)]
        self._process = subprocess.Popen(  # noqa: S603  this very Python
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment_with(seed),
        )
        stdin: Any = self._process.stdin
        stdin.write(order)
        stdin.close()
        self._process.stdin = None

    def result(self) -> tuple[Rehearsal, str | None] | str:
        """What came of it, and what was returned, as JSON; or why it did not come about."""
        try:
            _, errors = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return f"another process did not end within {PATIENCE:g} s"
        if not self._answer.exists():
            lines = errors.decode(errors="replace").strip().splitlines() or ["it ended"]
            return f"another process could not do it: {lines[-1]}"
        told = json.loads(self._answer.read_text())
        error = told["error"]
        rehearsal = Rehearsal(
            told["recorded"], told["replayed"], tuple(told["goes_on"]), [], _Told(error) if error else None
        )
        return rehearsal, told["returned"]

    def end(self) -> None:
        """Have it end."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


class _Told(Exception):
    """What was raised in another process."""


def main() -> None:
    """Do what the parent says on the standard input, and write to the file that is named what came of it."""
    module, name, wiring, ledger, run, now = pickle.load(sys.stdin.buffer)  # noqa: S301  from the parent process
    bound = BoundProcess(_found(module, name), wiring)
    with Ledger(f"sqlite:///{ledger}", clock=FakeClock(now)) as opened:
        rehearsal = rehearse(opened, Reviews(opened, {}), bound, run)
    told = {
        "error": rehearsal.why_not,
        "goes_on": rehearsal.goes_on,
        "recorded": rehearsal.recorded,
        "replayed": rehearsal.replayed,
        "returned": as_text(bound, rehearsal.returned),
    }
    Path(sys.argv[1]).write_text(json.dumps(told))


def as_text(bound: BoundProcess[Any], returned: list[Any]) -> str | None:
    """What a process returned, as JSON; None where it did not."""
    return bound.process.signature.result.encode(returned[0]).json.decode() if returned else None


def _found(module: str, name: str) -> Any:
    thing: Any = importlib.import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing
