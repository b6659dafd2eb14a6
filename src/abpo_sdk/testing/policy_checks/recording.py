"""Checks of a policy: what a run and a ledger have of its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from abpo_sdk.errors import AbpoError
from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.decisions import decode_decision
from abpo_sdk.policies import Policy
from abpo_sdk.steps import Wired, process, step
from abpo_sdk.testing.expectations import NotAsExpectedError, expect
from abpo_sdk.testing.policy_checks.examined import Examined, about, check_alike
from abpo_sdk.testing.runtime import TestRuntime
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.encoding import Codec
from abpo_sdk.values.equality import same

CHECKED = "policy-check"


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


def _check_interrupted(incident: Any, lives: Lives, where: str) -> None:
    seen = lives.seen[-1]
    if incident is not None and len(seen) < len(lives.cases):
        with about(lives.cases[len(seen)]):
            raise NotAsExpectedError(f"{where}: expected a decision, and the run became an incident: {incident.error}")
    if incident is None or incident.step != "interrupt":
        raise NotAsExpectedError(f"{where}: expected it to be interrupted on purpose, and saw {incident!r}")


CHECKS = (
    it_decides_alike_inside_a_run_and_when_that_is_resumed,
    what_the_ledger_has_is_what_it_decided,
)
