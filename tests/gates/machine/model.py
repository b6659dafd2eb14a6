"""Who may do what with a review, as the rules say it in words; written without a look at how the gates do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from tests.gates.machine.demands import OUTCOMES, PAUSE, Demand
from tests.gates.machine.spending import refusal, spent_by
from tests.gates.machine.tasks import Task

HELD = {
    "maria@acme": {"controller"},
    "otto@acme": {"controller", "lawyer"},
    "ines@acme": {"cfo", "controller"},
    "karl@acme": {"lawyer"},
    "anna@acme": {"clerk"},
    "paul@acme": {"cfo"},
    "root@acme": {"controller", "lawyer", "cfo", "clerk"},
    "rose@acme": {"controller", "lawyer", "cfo", "clerk"},
}
"""Who holds which role at first; the last two are there so that nothing is put to too few, and never do anything."""

PERSONS = tuple(HELD)[:-2]
ROLES = ("clerk", "controller", "lawyer", "cfo")

OTHERWISE = {
    "Maria@acme": "maria@acme",
    "maria@acme ": "maria@acme",
    "m\u0430ria@acme": "maria@acme",  # the second letter is Cyrillic
    "\uff2d\uff41\uff52\uff49\uff41@acme": "maria@acme",
    "OTTO@ACME": "otto@acme",
    "ine\u200bs@acme": "ines@acme",
    "karl@acme\n": "karl@acme",
    "pa\u202eul@acme": "paul@acme",
}
"""Other spellings, and who is meant."""

UNTOLD = "\u200b"
"""An id of which nobody can tell whose it is."""

ERRORS = {
    "clock": "ClockWrong",
    "expired": "ReviewExpired",
    "closed": "ReviewClosed",
    "changed": "ReviewChanged",
    "unknown": "NotPermitted",
    "no right": "NotPermitted",
    "claimed": "NotPermitted",
    "separate": "SeparationOfDuties",
    "outcome": "UnknownOutcome",
    "reason": "RationaleMissing",
    "long reason": "RationaleTooLong",
    "edit": "EditInvalid",
    "fast": "ReadTooFast",
    "in a row": "TooManyInARow",
    "amount": "AmountInvalid",
    "other currency": "AmountInvalid",
    "over limit": "OverLimit",
    "definition": "DefinitionError",
}
"""Why something is refused, and by which error."""


@dataclass(eq=False, slots=True)
class Acting:
    """That one person acts for another."""

    by: str
    to: str
    roles: frozenset[str] | None
    since: datetime
    until: datetime

    def now(self, at: datetime) -> bool:
        return self.since <= at < self.until


@dataclass(slots=True)
class Verdict:
    """Why something may not be done; nothing of it, where it may.

    Args:
        reasons: whatever the capacity.
        capacities: by the person for whom it would be done (None: for nobody), why not so.
    """

    reasons: set[str] = field(default_factory=set)
    capacities: dict[str | None, set[str]] = field(default_factory=lambda: {None: set()})

    @property
    def allowed(self) -> list[str | None]:
        """In which capacities it may be done."""
        return [] if self.reasons else [one for one, reasons in self.capacities.items() if not reasons]

    @property
    def errors(self) -> set[str]:
        """How it may be refused."""
        return {ERRORS[reason] for reason in self.reasons.union(*self.capacities.values())}


@dataclass(slots=True)
class Model:
    """Everything that happened."""

    roles: dict[str, set[str]] = field(default_factory=lambda: {p: set(roles) for p, roles in HELD.items()})
    tasks: dict[str, Task] = field(default_factory=dict)
    delegations: list[Acting] = field(default_factory=list)
    down: bool = False
    """Whether the directory of people does not answer."""

    def edges(self, now: datetime) -> list[datetime]:
        """The times to come at which something changes by itself."""
        tasks = [task for task in self.tasks.values() if task.asked]
        times = [time for task in tasks for time in (task.due, task.expires, task.claimed_until) if time]
        times += [time for acting in self.delegations for time in (acting.since, acting.until)]
        return sorted(time for time in times if time > now)

    def whether_open(self, task: Task, now: datetime, *, returned: bool = False) -> set[str]:
        if task.status == "expired" or (task.asked and task.expires and task.expires <= now):
            return {"expired"}
        return set() if task.asked and (returned or task.status != "returned") else {"closed"}

    def known(self, by: str) -> set[str]:
        return {"unknown"} if self.down or by not in self.roles else set()

    def standing(self, task: Task, by: str, now: datetime) -> Verdict:
        """Whether a person may take a review at all."""
        verdict = Verdict(self.known(by) | self.clock(task, now))
        if "unknown" in verdict.reasons:
            return verdict
        capacities = self.rights(task, by, now)
        verdict.capacities = {capacity: self.barred(task, by, capacity, now) for capacity in capacities}
        if not capacities:
            verdict.reasons.add("no right")
        holder = task.claimed_by
        if holder not in (None, by) and self.rights(task, str(holder), now):  # else it would be kept from all
            verdict.reasons.add("claimed")
        return verdict

    def rights(self, task: Task, by: str, now: datetime) -> list[str | None]:
        """For whom a person may take what is put to a role: for themselves (None), or for others who hold it now."""
        if by not in self.roles:
            return []
        found: list[str | None] = [None] if task.to in self.roles[by] else []
        for acting in self.delegations:
            holds = task.to in self.roles.get(acting.by, ())
            if acting.to == by and acting.now(now) and holds and task.to in (acting.roles or {task.to}):
                found.append(acting.by)
        return found

    def clock(self, task: Task, now: datetime) -> set[str]:
        """A clock that is before the review was opened, or before what was done with it, cannot be right."""
        latest = max(task.opened, task.last or task.opened)
        return {"clock"} if now < latest - timedelta(minutes=1) else set()

    def barred(self, task: Task, by: str, on_behalf_of: str | None, now: datetime) -> set[str]:
        """Whether a person is kept from a review, since it is theirs, or since they have had their say."""
        mine = {by, on_behalf_of or by}
        if task.demand.involves and task.case.entered_by is not None:
            involved = task.case.entered_by
            if involved == UNTOLD or OTHERWISE.get(involved, involved) in self.tied_to(by, task.opened, now):
                return {"separate"}
        if task.recused & self.tied_to(by, task.opened, now):
            return {"separate"}
        had_their_say = task.abstained | task.recused
        if task.demand.four_eyes or task.valid or task.second:
            had_their_say |= {person for said in task.valid for person in said.persons}
            for other in self.tasks.values():
                if other.key == task.key and other is not task:
                    had_their_say |= {person for said in other.said for person in said.persons}
        return {"separate"} if mine & had_their_say else set()

    def tied_to(self, person: str, opened: datetime, now: datetime) -> set[str]:
        """They, for whom they act, and who acts for them, at any time since a review was opened."""
        start, end = min(opened, now), max(opened, now)
        tied = {person}
        for acting in self.delegations:
            if acting.since < acting.until and acting.since <= end and start < acting.until:
                tied |= {acting.by, acting.to} if person in (acting.by, acting.to) else set()
        return tied

    def answer(
        self,
        task: Task,
        by: str,
        outcome: str,
        because: str,
        edit: Decimal | None,
        now: datetime,
        *,
        faults: set[str],
    ) -> Verdict:
        """Whether a person may give an answer.

        Args:
            edit: the amount that is to stand, where it is another than the decision gives.
            faults: what else is wrong with it.
        """
        verdict = self.standing(task, by, now)
        reasons = verdict.reasons
        reasons |= self.whether_open(task, now) | faults | self.reason(because, demanded=task.demand.rationale)
        if outcome not in OUTCOMES:
            reasons.add("outcome")
        reasons |= self.care(task, by, outcome, now)
        spends, units = spent_by(task, outcome, edit) if not task.second else (False, None)
        if spends and units is None:
            reasons.add("amount")
        elif units is not None:
            for on_behalf_of, why in verdict.capacities.items():
                refused = refusal(self.tasks.values(), task, on_behalf_of or by, units, now)
                why |= {refused} if refused else set()
        return verdict

    def reason(self, because: str, *, demanded: bool = True) -> set[str]:
        if len(because) > 10_000:
            return {"long reason"}
        return {"reason"} if demanded and not because.strip("\u200b \n.") else set()

    def care(self, task: Task, by: str, outcome: str, now: datetime) -> set[str]:
        """Whether somebody takes the care that is demanded."""
        demand, faults = task.demand, set()
        if demand.least_reading:
            viewed = task.viewed.get(by)
            if viewed is None or now - viewed < demand.least_reading:
                faults.add("fast")
        if demand.in_a_row is not None and outcome == task.proposal:
            seen = [task for task in self.tasks.values() if not task.demand.blind]
            answers = [(s.at, s.outcome == t.proposal) for t in seen for s in t.said if s.by == by]
            row, following = 0, now
            for at, confirms in sorted(answers, reverse=True):
                if not confirms or following - at >= PAUSE:
                    break
                row, following = row + 1, at
            if row >= demand.in_a_row:
                faults.add("in a row")
        return faults


def tie_of(name: str, to: str, demands: tuple[Demand, ...]) -> Demand:
    """What is demanded of who decides between gates that do not agree: who has had their say, or entered it, does not."""
    money = next((demand.money for demand in demands if demand.money), None)
    return Demand(name=name, to=to, four_eyes=True, involves=any(d.involves for d in demands), money=money)
