"""Checks of a policy: what a run and a ledger have of its decisions, a frame of them, and its version elsewhere."""

# ruff: noqa: D103  a check's name is what it says

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from abpo_sdk.errors import AbpoError
from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.decisions import decode_decision
from abpo_sdk.policies import Policy
from abpo_sdk.steps import Wired, process, step
from abpo_sdk.testing.policy_cases import Examined, about
from abpo_sdk.testing.policy_conduct import check_alike
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.testing.storage import NotAsExpectedError, SkippedError, expect
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoding import Codec
from abpo_sdk.values.equality import same

CHECKED = "policy-check"
SECONDS = 60
"""How long another process may take to import a policy."""


@dataclass(slots=True)
class Lives:
    """What the lives of a run saw: in each, the decisions in order."""

    cases: list[Any]
    seen: list[list[Decision]]
    interrupted: bool = False


class InterruptionError(Exception):
    """The first life of a run ends here."""


@step(name="interrupt")
def interrupt(*, lives: Wired[Lives]) -> None:
    """Raise, the first time."""
    if not lives.interrupted:
        lives.interrupted = True
        raise InterruptionError


@process(name="decide", version="1")
def decide(*, policy: Policy, lives: Wired[Lives]) -> None:
    """Decide each case, and be interrupted once."""
    lives.seen.append([])
    for case in lives.cases:
        lives.seen[-1].append(policy(case))
    interrupt(lives=lives)


def it_decides_alike_inside_a_run_and_when_that_is_resumed(examined: Examined) -> None:
    lives = Lives([case for case, _ in examined.decided], [])
    with TestRuntime() as runtime:
        run = runtime.start(decide.bind(policy=examined.policy, lives=lives), id=CHECKED)
        _check_interrupted(run.incident, lives, "in a run")
        incident = run.incident
        if incident is not None:
            incident.retry(by=runtime.someone("checker"), because="it was interrupted on purpose")
        if run.status != "done":
            _check_interrupted(run.incident, lives, "in a run that is resumed")
    for (case, alone), first, resumed in zip(examined.decided, *lives.seen, strict=True):
        with about(case):
            check_alike("in a run", replace(first, id=None, at=None), alone)
            check_alike("in a run that is resumed", resumed, first)


def what_the_ledger_has_is_what_it_decided(examined: Examined) -> None:
    with Ledger("sqlite://") as ledger:
        for number, (case, decision) in enumerate(examined.decided):
            key = f"{CHECKED}-{number}"
            with about(case):
                try:
                    ledger.record(decision, key=key)
                    (entry,) = ledger.entries(key)
                    stored = ledger.payload(entry, purpose="to check a policy")["result"]
                    back = decode_decision(stored, case=decision.case)
                except (AbpoError, TypeError, ValueError) as error:
                    raise NotAsExpectedError(f"expected a ledger to record it, and it raised {error!r}") from error
                check_alike("read from the ledger", back, decision)
                if not isinstance(case, Mapping):
                    codec: Codec[Any] = Codec(type(decision.case), where="the case")
                    if not same(codec.decode(stored["case"]), decision.case):
                        raise NotAsExpectedError(
                            "read from the ledger: expected the case that was decided, and saw another one"
                        )
        rows = ledger.decisions(examined.policy.name)
        expect("the outcomes in the frame", list(rows["outcome"]), [made.outcome for _, made in examined.decided])
        ledger.verify()


def a_frame_is_decided_as_its_rows_are(examined: Examined) -> None:
    decide_frame = examined.frame or getattr(examined.policy, "decide_frame", None)
    if decide_frame is None:
        raise SkippedError("it decides no frames; give frame=, a function from a frame to the outcomes of its rows")
    import pandas as pd

    rows = pd.DataFrame([_columns(examined.as_mapping(case)) for case, _ in examined.decided])
    made: Any = decide_frame(rows)
    outcomes = list(made["outcome"] if isinstance(made, pd.DataFrame) else made)
    if len(outcomes) != len(examined.decided):
        raise NotAsExpectedError(f"expected {len(examined.decided)} outcomes of as many rows, and saw {len(outcomes)}")
    for (case, decision), outcome in zip(examined.decided, outcomes, strict=True):
        with about(case):
            expect("its row in a frame", getattr(outcome, "outcome", outcome), decision.outcome)


def made_again_it_has_the_same_version(examined: Examined) -> None:
    if examined.again is None:
        raise SkippedError("needs again=, which makes the policy once more")
    policy, other = examined.policy, examined.again()
    if other is policy:
        raise NotAsExpectedError("again= gave the same object; let it make the policy anew")
    for name in ("name", "version", "outcomes"):
        expect(name, getattr(other, name), getattr(policy, name))


def another_process_gives_it_the_same_version(examined: Examined) -> None:
    place = _place_of(examined.policy)
    if place is None:
        raise SkippedError("no module that was imported has it as a global, so no other process can import it")
    for seed in ("1", "2"):  # of the hash of texts, on which the order of a set depends
        expect(
            f"version in a process with PYTHONHASHSEED={seed}",
            _version_elsewhere(*place, seed),
            examined.policy.version,
        )


def _check_interrupted(incident: Any, lives: Lives, where: str) -> None:
    seen = lives.seen[-1]
    if incident is not None and len(seen) < len(lives.cases):
        with about(lives.cases[len(seen)]):
            raise NotAsExpectedError(f"{where}: expected a decision, and the run became an incident: {incident.error}")
    if incident is None or incident.step != "interrupt":
        raise NotAsExpectedError(f"{where}: expected it to be interrupted on purpose, and saw {incident!r}")


def _columns(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The fields of a case as columns, those of a model within it by dotted names."""
    columns: dict[str, Any] = {}
    for name, value in values.items():
        fields = getattr(type(value), "model_fields", None) or getattr(type(value), "__dataclass_fields__", None)
        if fields:
            columns |= _columns({field: getattr(value, field) for field in fields}, f"{prefix}{name}.")
        else:
            columns[f"{prefix}{name}"] = value
    return columns


def _place_of(policy: Policy) -> tuple[str, str] | None:
    """The module that has a policy as a global, and under which name."""
    for module in list(sys.modules.values()):
        if module.__name__ != "__main__":
            for name, value in list(vars(module).items()):
                if value is policy:
                    return module.__name__, name
    return None


def _version_elsewhere(module: str, name: str, seed: str) -> str:
    script = f"import importlib\nprint('version', getattr(importlib.import_module({module!r}), {name!r}).version)"
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    try:
        done = subprocess.run(  # noqa: S603  this very interpreter
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SkippedError(f"another process could not import {module}: {error}") from error
    said = done.stdout.splitlines()[-1:]
    if done.returncode or not said or not said[0].startswith("version "):
        why = (done.stderr.strip().splitlines() or ["it printed no version"])[-1]
        raise SkippedError(f"another process could not import {module}: {why}")
    return said[0].removeprefix("version ")


CHECKS = (
    it_decides_alike_inside_a_run_and_when_that_is_resumed,
    what_the_ledger_has_is_what_it_decided,
    a_frame_is_decided_as_its_rows_are,
    made_again_it_has_the_same_version,
    another_process_gives_it_the_same_version,
)
