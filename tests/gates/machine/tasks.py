"""A review as the model keeps it: what was put before whom, what they said, and what happens to it by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tests.gates.machine.demands import HOUR, Claim, Demand

ASKED = ("open", "claimed", "returned")
SECOND = "/second"


@dataclass(eq=False, slots=True)
class Said:
    """What one person said."""

    by: str
    on_behalf_of: str | None
    outcome: str
    edit: Decimal | None
    at: datetime
    role: str
    units: int | None
    """What it spends of their authority; None where nothing."""
    void: bool = False

    @property
    def persons(self) -> set[str]:
        return {self.by, self.on_behalf_of or self.by}

    def agrees(self, other: Said) -> bool:
        return (self.outcome, self.edit) == (other.outcome, other.edit)


@dataclass(eq=False, slots=True)
class Task:
    """A review."""

    id: str
    key: str
    demand: Demand
    case: Claim
    proposal: str
    amount: Decimal | None
    """What the decision gives as its amount; None where it gives none."""
    version: str
    opened: datetime
    to: str
    status: str = "open"
    levels: list[tuple[datetime, str]] = field(default_factory=list)
    due: datetime | None = None
    expires: datetime | None = None
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    said: list[Said] = field(default_factory=list)
    abstained: set[str] = field(default_factory=set)
    recused: set[str] = field(default_factory=set)
    viewed: dict[str, datetime] = field(default_factory=dict)
    informed: int = 0
    last: datetime | None = None
    """When something was done with it last."""
    undecided: tuple[str, list[tuple[datetime, str]]] | None = None
    """Where there is a tie, who was asked before, and to whom it would have gone from there."""
    final: Said | None = None
    others: list[Task] = field(default_factory=list)
    """Those of which, with this one, one is enough."""
    second: bool = False

    @property
    def demanded(self) -> set[str]:
        """The roles of which the gate demands one of whoever answers."""
        tie = {self.demand.tie} if self.demand.tie else set()
        return {self.demand.to, *(role for role, _ in self.demand.levels)} | tie

    @property
    def valid(self) -> list[Said]:
        """The answers that count."""
        return [said for said in self.said if not said.void]

    @property
    def asked(self) -> bool:
        return self.status in ASKED

    @property
    def spends(self) -> list[Said]:
        """The answers that take something of somebody's authority."""
        stand = [said for said in self.valid if self.asked or (self.final is not None and said.agrees(self.final))]
        return [said for said in stand if said.units is not None]

    def free(self) -> None:
        self.claimed_by = self.claimed_until = None
        if self.status == "claimed":
            self.status = "open"

    def put_to(self, role: str) -> None:
        self.to, self.status = role, "open"
        self.free()

    def escalate(self) -> None:
        _, role = self.levels.pop(0)
        self.due = self.levels[0][0] if self.levels else None
        self.put_to(role)

    def let_time_pass(self, now: datetime) -> None:
        """What its times say happens to it."""
        while self.asked:
            if self.expires and self.expires <= now:
                self.free()
                self.status = "expired"
            elif self.levels and self.due and self.due <= now:
                self.escalate()
            elif self.claimed_until and self.claimed_until <= now:
                self.free()
            else:
                return
            self.last = now

    def abstain(self, person: str) -> None:
        self.abstained.add(person)
        if self.claimed_by == person:
            self.free()

    def recuse(self, person: str) -> None:
        """What they, or another for them, said before counts no more."""
        self.recused.add(person)
        if self.claimed_by == person:
            self.free()
        for said in self.valid:
            said.void = person in said.persons

    def inform(self) -> None:
        """Nobody has said anything to what is known now, so there is no tie, either."""
        self.status = "open"
        self.informed += 1
        self.viewed.clear()
        for said in self.valid:
            said.void = True
        if self.undecided is not None:
            (role, self.levels), self.undecided = self.undecided, None
            self.due = self.levels[0][0] if self.levels else None
            self.put_to(role)

    def take(self, said: Said, roles: Mapping[str, set[str]]) -> None:
        """An answer: it settles the review, or leaves it open, or is one of a tie. Who lost the role meanwhile does not count."""
        self.said.append(said)
        self.free()
        demand = self.demand
        counts = [one for one in self.valid if roles.get(one.on_behalf_of or one.by, set()) & self.demanded]
        agree = sum(said.agrees(other) for other in counts)
        if self.undecided is not None or said.outcome in demand.veto or agree >= demand.n:
            self.status, self.final = "answered", said
            for other in self.valid:
                other.void = other not in counts
            for task in self.others:
                if task.asked:
                    task.free()
                    task.status = "closed"
        elif demand.of is not None and len(counts) >= demand.of:
            assert demand.tie
            self.undecided, self.levels, self.due = (self.to, self.levels), [], None
            self.put_to(demand.tie)

    def second_look(self, at: datetime) -> Task:
        """The review that puts the same before another person."""
        demand = replace(
            self.demand, n=1, of=None, veto=(), tie=None, money=None, levels=(), expires=None, blind=True, double=False
        )
        return open_task(self.id + SECOND, self.key, demand, self.case, self.proposal, self.amount, self.version, at)


def open_task(
    identifier: str,
    key: str,
    demand: Demand,
    case: Claim,
    proposal: str,
    amount: Decimal | None,
    version: str,
    now: datetime,
) -> Task:
    """A review that is opened now."""
    levels: list[tuple[datetime, str]] = []
    at = now
    for role, hours in demand.levels:
        at += hours * HOUR
        levels.append((at, role))
    return Task(
        identifier,
        key,
        demand,
        case,
        proposal,
        amount,
        version,
        now,
        demand.to,
        levels=levels,
        due=levels[0][0] if levels else None,
        expires=now + timedelta(hours=demand.expires) if demand.expires else None,
        second=identifier.endswith(SECOND),
    )
