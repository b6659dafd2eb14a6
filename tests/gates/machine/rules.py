"""The state machine: draws who does what, when, with which case.

What is done is drawn by Hypothesis, which shrinks it; with whom, by a random number generator of its own, which spreads it evenly.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.gates.machine import acts
from tests.gates.machine.demands import EDITS, OUTCOMES, PLANS, Claim
from tests.gates.machine.desks import DESK, RUNTIME
from tests.gates.machine.model import HELD, OTHERWISE, PERSONS, ROLES, UNTOLD
from tests.gates.machine.tasks import Task
from tests.gates.machine.world import TICK, World

ANYBODY = (*PERSONS, *OTHERWISE, "eve@acme", "policy", "", UNTOLD)
LIKELY = ("pay", "pay", "reject", "refer")
REASONS = ("it is right", "it is right", "", " \n", "\u200b", "...", "x" * 10_001)
MANY: tuple[Literal["refuse", "return", "reassign"], ...] = ("refuse", "return", "reassign")

luck = st.randoms(use_true_random=True)
persons = st.sampled_from(PERSONS)
roles = st.sampled_from(ROLES)
desks = st.sampled_from((DESK, RUNTIME))
jumps = st.sampled_from(
    [timedelta(hours=h) for h in (1, 3, 5, 13, 26, 24 * 8, 24 * 30, -1, -7, -30)]
    + [timedelta(seconds=s) for s in (0.5, 10, 19.5, 20, 61, -0.5, -59, -61)]
    + [timedelta(minutes=16)]
)


def case(luck: Random) -> Claim:
    """A case; one in three is somehow odd."""
    if luck.random() < 2 / 3:
        return Claim(
            amount=Decimal(luck.choice(("90", "200.50", "400", "650", "700"))),
            entered_by=luck.choice((None, None, *PERSONS)),
            payee=luck.choice(("ACME", "Bolt")),
            order=luck.choice((None, "O-1", "O-2")),
        )
    return Claim(
        amount=Decimal(luck.choice(("0", "-5", "1000", "1000.01", "99.999", "2500", "9000", "20000"))),
        currency=luck.choice(("EUR", "EUR", "USD", "GBP", "ZZZ")),
        entered_by=luck.choice((*PERSONS, *OTHERWISE, "eve@acme", UNTOLD)),
        payee=luck.choice(("ACME", "acme ", "Bolt", "Bolt", " ")),
        order=luck.choice((None, None, "o-1", "O-2")),
    )


class GateMachine(RuleBasedStateMachine):
    """Everything that people do around gates, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(note)

    def teardown(self) -> None:
        self.world.close()

    def task(self, luck: Random) -> Task:
        """A review, rather one that waits for somebody."""
        tasks = list(self.world.model.tasks.values())
        return luck.choice([task for task in tasks if task.asked and luck.random() < 0.9] or tasks)

    def somebody(self, task: Task, luck: Random) -> str:
        """A person, rather one who may take the review."""
        model, now = self.world.model, self.world.now
        fit = [person for person in PERSONS if model.standing(task, person, now).allowed]
        return luck.choice(fit if fit and luck.random() < 0.8 else PERSONS)

    # cases

    @initialize(
        luck=luck, plans=st.lists(st.tuples(st.sampled_from(sorted(PLANS)), st.booleans()), min_size=2, max_size=4)
    )
    def there_are_cases(self, luck: Random, plans: list[tuple[str, bool]]) -> None:
        for plan, run in plans:
            self.world.attempt(f"C-{len(self.world.files)}", DESK, case(luck), plan, run)

    @precondition(lambda self: len(self.world.files) < 9)
    @rule(luck=luck, plan=st.sampled_from(sorted(PLANS)), run=st.booleans(), desk=desks)
    def a_case_comes(self, luck: Random, plan: str, run: bool, desk: int) -> None:
        self.world.attempt(f"C-{len(self.world.files)}", desk, case(luck), plan, run)

    @rule(luck=luck, desk=desks)
    def a_case_tries_again(self, luck: Random, desk: int) -> None:
        self.world.attempt(luck.choice(sorted(self.world.files)), desk)

    # answers

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, count=st.integers(1, 6), desk=desks)
    def people_answer(self, luck: Random, count: int, desk: int) -> None:
        """Several answer, perhaps to the same review; what is decided then goes on."""
        task = self.task(luck)
        for _ in range(count):
            self.world.answer(task, luck.choice(LIKELY), self.somebody(task, luck), desk=desk)
            if task.final and not self.world.files[task.key].run:
                self.world.attempt(task.key, desk)
            task = task if task.asked and luck.random() < 0.7 else self.task(luck)

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, edit=st.sampled_from(sorted(EDITS)), desk=desks)
    def somebody_corrects(self, luck: Random, edit: str, desk: int) -> None:
        task = self.task(luck)
        self.world.answer(task, luck.choice(LIKELY), self.somebody(task, luck), edit=edit, desk=desk)

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, what=st.sampled_from(("who", "outcome", "reason", "shown", "down", "source")), desk=desks)
    def somebody_answers_amiss(self, luck: Random, what: str, desk: int) -> None:
        """What was shown may be of another time, or of another case; and the directory may not answer."""
        task = self.task(luck)
        everything = [one for shown in self.world.shown.values() for one in shown]
        self.world.model.down = what == "down"
        try:
            self.world.answer(
                task,
                luck.choice((*OUTCOMES, "approve", "") if what == "outcome" else LIKELY),
                luck.choice(ANYBODY) if what == "who" else self.somebody(task, luck),
                luck.choice(REASONS) if what == "reason" else "it is right",
                desk=desk,
                shown=luck.choice(everything) if what == "shown" else None,
                source="ticket 7" if what == "source" else None,
            )
        finally:
            self.world.model.down = False

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, pause=st.sampled_from((0.5, 20, 30)), again=st.integers(1, 3), desk=desks)
    def somebody_reads_and_answers(self, luck: Random, pause: float, again: int, desk: int) -> None:
        for _ in range(again):
            task = self.task(luck)
            by = self.somebody(task, luck)
            acts.act(self.world, task, "show", by, desk=desk)
            self.world.desks.clock.advance(timedelta(seconds=pause))
            self.world.answer(task, task.proposal if luck.random() < 0.7 else "pay", by, desk=desk)

    # what else is done with reviews

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, what=st.sampled_from(acts.ACTS), desk=desks)
    def somebody_acts(self, luck: Random, what: str, desk: int) -> None:
        task = self.task(luck)
        by = luck.choice(ANYBODY) if luck.random() < 0.1 else self.somebody(task, luck)
        because = luck.choice(REASONS) if luck.random() < 0.1 else "as I say"
        acts.act(
            self.world,
            task,
            what,
            by,
            because=because,
            to=luck.choice(ROLES),
            hours=luck.choice((None, 5, 1, 0)),
            desk=desk,
        )

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, desk=desks)
    def somebody_asks_for_information_and_gets_it(self, luck: Random, desk: int) -> None:
        task = self.task(luck)
        acts.act(self.world, task, "return", self.somebody(task, luck), desk=desk)
        acts.act(self.world, task, "inform", luck.choice(PERSONS), desk=desk)

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, hours=st.none() | st.just(1), desk=desks)
    def somebody_takes_a_review_for_a_while(self, luck: Random, hours: int | None, desk: int) -> None:
        task = self.task(luck)
        by = self.somebody(task, luck)
        acts.act(self.world, task, "claim", by, hours=hours, desk=desk)
        self.world.answer(task, luck.choice(LIKELY), luck.choice(PERSONS), desk=desk)
        acts.act(self.world, task, luck.choice(("release", "abstain", "recuse", "show")), by, desk=desk)

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, desk=desks)
    def somebody_hands_a_review_on(self, luck: Random, desk: int) -> None:
        tasks = [task for task in self.world.model.tasks.values() if task.levels or len(task.demanded) > 1]
        task = luck.choice(tasks or [self.task(luck)])
        to = luck.choice(sorted(task.demanded))
        acts.act(self.world, task, luck.choice(("escalate", "reassign")), self.somebody(task, luck), to=to, desk=desk)

    @precondition(lambda self: self.world.model.tasks)
    @rule(
        luck=luck, roles=st.none() | st.frozensets(roles, min_size=1, max_size=2), hours=st.integers(1, 9), desk=desks
    )
    def somebody_stands_in(self, luck: Random, roles: Any, hours: int, desk: int) -> None:
        """One who holds the role has another act for them, who then does, perhaps too late."""
        task = self.task(luck)
        holders = [person for person in PERSONS if task.to in self.world.model.roles.get(person, ())]
        by, to = luck.choice(holders or PERSONS), luck.choice(PERSONS)
        roles = None if roles is None or luck.random() < 0.5 else roles & self.world.model.roles.get(by, set())
        self.world.delegate(by, to, hours, roles or None, None, desk)
        if luck.random() < 0.3:
            self.world.desks.clock.advance(timedelta(hours=5))
        self.world.answer(task, luck.choice(LIKELY), to, desk=desk)

    @precondition(lambda self: self.world.model.tasks)
    @rule(luck=luck, what=st.sampled_from(MANY), by=persons, to=roles, desk=desks)
    def somebody_acts_on_many(self, luck: Random, what: Any, by: str, to: str, desk: int) -> None:
        acts.bulk(self.world, what, list({self.task(luck): None for _ in range(3)}), by, to=to, desk=desk)

    # people

    @rule(by=persons, to=persons, hours=st.integers(1, 40), which=st.none() | st.frozensets(roles, min_size=1, max_size=2),
          since=st.none() | st.sampled_from((-2, 2)), desk=desks)  # fmt: skip
    def somebody_has_another_act(self, by: str, to: str, hours: int, which: Any, since: int | None, desk: int) -> None:
        self.world.delegate(by, to, hours, which, since, desk)

    @precondition(lambda self: self.world.delegations)
    @rule(luck=luck, by=persons | st.none(), desk=desks)
    def a_delegation_ends(self, luck: Random, by: str | None, desk: int) -> None:
        number = luck.randrange(len(self.world.delegations))
        self.world.end_delegation(number, by or self.world.model.delegations[number].by, desk)

    @rule(person=persons, role=roles, granted=st.booleans())
    def the_directory_changes(self, person: str, role: str, granted: bool) -> None:
        held = self.world.model.roles.setdefault(person, set())
        (held.add if granted else held.discard)(role)

    @rule(person=persons)
    def somebody_leaves_or_comes_back(self, person: str) -> None:
        if self.world.model.roles.pop(person, None) is None:
            self.world.model.roles[person] = set(HELD[person])

    # the world

    @rule(to=roles, by=persons, desk=desks)
    def the_policy_is_stopped(self, to: str, by: str, desk: int) -> None:
        acts.stop(self.world, to, by, desk=desk)

    @rule(by=persons, desk=desks)
    def the_policy_goes_on(self, by: str, desk: int) -> None:
        acts.restart(self.world, by, desk=desk)

    @rule(jump=jumps)
    def the_clock_jumps(self, jump: timedelta) -> None:
        self.world.desks.clock.advance(jump)

    @precondition(lambda self: self.world.model.edges(self.world.now))
    @rule(luck=luck, beside=st.sampled_from((-2, -1, 0)))
    def the_clock_comes_to_an_edge(self, luck: Random, beside: int) -> None:
        """Something is due, is over, or begins: just now, or with the next thing that is done."""
        now = self.world.now
        self.world.desks.clock.advance(luck.choice(self.world.model.edges(now)) - now + beside * TICK)

    @rule()
    def what_is_due_happens(self) -> None:
        self.world.tick()

    @rule(desk=desks, version=st.none() | st.sampled_from(("1", "2")), crash=st.booleans())
    def a_worker_is_started_anew(self, desk: int, version: str | None, crash: bool) -> None:
        self.world.desks.reopen(desk, version, crash=crash)

    @precondition(lambda self: any(not self.world.files[task.key].run for task in self.world.model.tasks.values()))
    @rule(luck=luck, after=st.integers(1, 60) | st.integers(60, 1500), desk=desks)
    def the_store_fails_in_the_middle(self, luck: Random, after: int, desk: int) -> None:
        task = luck.choice([task for task in self.world.model.tasks.values() if not self.world.files[task.key].run])
        acts.fail_in_the_middle(self.world, task, luck.choice(LIKELY), self.somebody(task, luck), after, desk=desk)

    @invariant()
    def nothing_has_changed_by_itself(self) -> None:
        for task in list(self.world.model.tasks.values())[-3:]:
            self.world.compare(task)
