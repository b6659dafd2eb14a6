"""How far a case has got on its way through its gates, as the model sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tests.gates.machine.demands import Claim, Demand, Plan
from tests.gates.machine.model import Model, tie_of
from tests.gates.machine.tasks import Task, open_task

STOP = "stop of policy claims"


@dataclass(eq=False, slots=True)
class CaseFile:
    """A case on its way."""

    key: str
    claim: Claim
    plan: Plan
    run: bool
    """Whether it is a run of a process; else a block of `Reviews.case`."""
    version: str
    stopped_to: str | None
    """The role that decides in place of the policy, where it was stopped when it should have decided."""
    passed: Way | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How a case stands before its gates."""

    at: Literal["passed", "waiting", "expired", "disagreed"]
    outcome: str = ""
    by: str = "policy"
    amount: Decimal | None = None
    waits_for: tuple[str, ...] = ()


def proposal_of(claim: Claim) -> str:
    return "reject" if claim.amount <= 0 else "pay" if claim.amount <= 500 else "refer"


@dataclass(slots=True)
class Wayfarer:
    """Goes the way of one case, and puts reviews before people where its gates demand it.

    Args:
        identify: gives the id that the review of a gate has in the ledger.
    """

    model: Model
    file: CaseFile
    now: datetime
    identify: Callable[[str, str], str]

    def go(self) -> Way:
        """How far it gets."""
        file, plan = self.file, self.file.plan
        way = Way("passed", proposal_of(file.claim), "policy", None)
        if file.stopped_to is not None:
            way = self.one(Demand(name=STOP, to=file.stopped_to), way)
            if way.at != "passed":
                return way
        way = Way("passed", way.outcome, way.by, file.claim.amount)
        if plan.how in ("alone", "then"):
            for demand in plan.demands:
                way = self.one(demand, way) if way.at == "passed" else way
            return way
        return self.together(way)

    def asks(self, demand: Demand) -> bool:
        return demand.always or self.file.claim.amount > 500

    def one(self, demand: Demand, way: Way) -> Way:
        if not self.asks(demand):
            return way
        return self.answered([self.task(demand, way)], way)

    def together(self, way: Way) -> Way:
        plan = self.file.plan
        tasks = [self.task(demand, way) for demand in plan.demands if self.asks(demand)]
        if plan.how == "one":
            for task in tasks:
                task.others = [other for other in tasks if other is not task]
            given = [task for task in tasks if task.final]
            return self.answered(given[:1] or tasks, way)
        there = self.answered(tasks, way)
        finals = [task.final for task in tasks if task.final]
        if there.at != "passed" or all(final.agrees(finals[0]) for final in finals):
            return there
        if plan.tied is None:
            return Way("disagreed")
        name = " & ".join(demand.name for demand in plan.demands)
        return self.answered([self.task(tie_of(name, plan.tied, plan.demands), way)], way)

    def answered(self, tasks: list[Task], way: Way) -> Way:
        """What the answers come to: that of the last."""
        open_still = [task for task in tasks if task.final is None]
        late = [task for task in open_still if task.status == "expired"]
        if late and (self.file.plan.how != "one" or late == open_still):
            return Way("expired")
        if open_still:
            return Way("waiting", waits_for=tuple(task.id for task in open_still if task not in late))
        final = tasks[-1].final
        assert final
        return Way("passed", final.outcome, final.by, way.amount if final.edit is None else final.edit)

    def task(self, demand: Demand, way: Way) -> Task:
        """The review of a gate; opened, where it is not there."""
        there = [
            t
            for t in self.model.tasks.values()
            if (t.key, t.demand.name, t.second) == (self.file.key, demand.name, False)
        ]
        if there:
            return there[0]
        file = self.file
        identifier = self.identify(file.key, demand.name)
        task = open_task(identifier, file.key, demand, file.claim, way.outcome, way.amount, file.version, self.now)
        self.model.tasks[identifier] = task
        return task
