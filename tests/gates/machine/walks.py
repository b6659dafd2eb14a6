"""Walks through the gates, each along one of their edges; the model says at each step what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.gates.machine import acts
from tests.gates.machine.demands import Claim
from tests.gates.machine.desks import DESK, RUNTIME
from tests.gates.machine.model import UNTOLD
from tests.gates.machine.tasks import SECOND, Task
from tests.gates.machine.world import TICK, World

HOUR = timedelta(hours=1)
SECOND_OF_TIME = timedelta(seconds=1)
MARIA, OTTO, INES, KARL, PAUL, ANNA = (f"{name}@acme" for name in ("maria", "otto", "ines", "karl", "paul", "anna"))

Walk = Callable[[World], None]
WALKS: dict[str, Walk] = {}


def walk(made: Walk) -> Walk:
    WALKS[made.__name__] = made
    return made


def opened(
    world: World, plan: str, amount: str = "650", *, run: bool = False, desk: int = DESK, **claim: Any
) -> list[Task]:
    """The reviews of a new case, in the order of its gates."""
    key = f"C-{len(world.files)}"
    world.attempt(key, RUNTIME if run else desk, Claim(amount=Decimal(amount), **claim), plan, run)
    return waiting(world, key)


def waiting(world: World, key: str) -> list[Task]:
    return [task for task in world.model.tasks.values() if task.key == key and task.asked]


def turn(world: World, by: timedelta) -> None:
    world.desks.clock.advance(by)


# who


@walk
def nobody_speaks_twice_in_another_spelling(world: World) -> None:
    [task] = opened(world, "two")
    assert world.answer(task, "pay", MARIA)
    for by in (
        MARIA,
        "Maria@acme",
        "maria@acme ",
        "m\u0430ria@acme",
        "\uff2d\uff41\uff52\uff49\uff41@acme",
        "eve@acme",
        "policy",
    ):
        assert not world.answer(task, "pay", by, desk=RUNTIME)
    assert world.answer(task, "pay", OTTO, desk=RUNTIME)
    world.attempt(task.key)


@walk
def nobody_decides_their_own_case(world: World) -> None:
    for entered_by in (MARIA, "Maria@acme", "m\u0430ria@acme", UNTOLD):
        [task] = opened(world, "money", entered_by=entered_by)
        assert not world.answer(task, "reject", MARIA)
        assert world.answer(task, "reject", OTTO) is (entered_by != UNTOLD)


@walk
def nor_that_of_whom_they_act_for_or_who_acts_for_them(world: World) -> None:
    [mine] = opened(world, "money", entered_by=OTTO)
    [theirs] = opened(world, "money", entered_by=MARIA)
    world.delegate(OTTO, MARIA, 1, None, None)
    assert not world.answer(mine, "reject", MARIA)
    assert not world.answer(theirs, "reject", OTTO)
    turn(world, 2 * HOUR)  # it is over, and was not when they were opened
    assert not world.answer(mine, "reject", MARIA)
    assert not world.answer(theirs, "reject", OTTO)
    [later] = opened(world, "money", entered_by=OTTO)
    assert world.answer(later, "reject", MARIA)


@walk
def who_acts_for_another_does_so_while_they_may(world: World) -> None:
    [task] = opened(world, "two")
    world.delegate(MARIA, KARL, 4, None, 2)
    assert not world.answer(task, "pay", KARL)  # not yet
    turn(world, 2 * HOUR)
    world.delegate(KARL, ANNA, 9, None, None)
    assert not world.answer(task, "pay", ANNA)  # nobody passes on what was passed to them
    world.model.roles[MARIA].discard("controller")
    assert not world.answer(task, "pay", KARL)
    world.model.roles[MARIA].add("controller")
    assert world.answer(task, "pay", KARL)
    assert not world.answer(task, "pay", MARIA)  # it was in her name
    assert not world.answer(task, "pay", KARL)
    turn(world, 2 * HOUR)
    world.delegate(PAUL, ANNA, 9, frozenset({"cfo"}), None)
    assert not world.answer(task, "pay", ANNA)  # another role
    world.delegate(INES, ANNA, 9, frozenset({"cfo"}), None)
    assert not world.answer(task, "pay", ANNA)  # not in this one of hers
    world.delegate(INES, ANNA, 9, frozenset({"controller"}), None)
    world.end_delegation(len(world.delegations) - 1, OTTO)  # none of his
    world.end_delegation(len(world.delegations) - 1, INES)
    assert not world.answer(task, "pay", ANNA)
    [other] = opened(world, "plain")
    assert not world.answer(other, "pay", KARL)  # it is over
    assert world.answer(task, "pay", OTTO)


@walk
def what_is_revoked_is_revoked_at_once(world: World) -> None:
    [task] = opened(world, "money", run=True)
    world.model.roles[MARIA].discard("controller")
    assert not world.answer(task, "reject", MARIA)
    del world.model.roles[OTTO]
    assert not world.answer(task, "reject", OTTO, desk=RUNTIME)
    world.model.down = True
    assert not world.answer(task, "reject", INES)
    world.model.down = False
    assert world.answer(task, "reject", INES, desk=RUNTIME)
    world.model.roles |= {MARIA: {"controller"}, OTTO: {"controller"}}
    [two] = opened(world, "two")
    assert world.answer(two, "pay", MARIA)
    world.model.roles[MARIA].discard("controller")  # so that what she said does not count any more
    assert world.answer(two, "pay", OTTO)
    assert two.asked
    assert world.answer(two, "pay", INES)
    assert two.final


@walk
def a_claim_keeps_the_others_away_for_its_time(world: World) -> None:
    [task] = opened(world, "plain")
    assert not acts.act(world, task, "claim", MARIA, hours=0)
    assert acts.act(world, task, "claim", MARIA, hours=1)
    assert not world.answer(task, "pay", OTTO)
    assert not acts.act(world, task, "release", OTTO)
    assert not acts.act(world, task, "release", "Maria@acme")
    assert acts.act(world, task, "release", MARIA)
    assert acts.act(world, task, "claim", MARIA, hours=1)
    turn(world, HOUR - 3 * TICK)
    assert not acts.act(world, task, "show", OTTO)
    turn(world, TICK)
    assert acts.act(world, task, "claim", OTTO)
    world.model.roles[OTTO].discard("controller")  # who may not answer any more keeps it from nobody
    assert world.answer(task, "pay", INES)


@walk
def who_says_nothing_says_nothing(world: World) -> None:
    [task] = opened(world, "two")
    world.delegate(OTTO, KARL, 9, None, None)
    assert acts.act(world, task, "claim", INES)
    assert acts.act(world, task, "abstain", INES)
    assert not world.answer(task, "pay", INES)
    assert world.answer(task, "pay", MARIA)
    assert acts.act(world, task, "recuse", MARIA)  # which makes void what she said
    assert not world.answer(task, "pay", MARIA)
    assert acts.act(world, task, "recuse", OTTO)
    assert not world.answer(task, "pay", KARL)
    world.model.roles[KARL].add("controller")
    assert not world.answer(task, "pay", KARL)  # he acts for one who must not, and so not for himself, either
    assert task.asked
    world.model.roles[PAUL].add("controller")
    world.model.roles[ANNA].add("controller")
    assert world.answer(task, "pay", PAUL)
    assert task.asked
    assert world.answer(task, "pay", ANNA)
    world.attempt(task.key)


# what, and when


@walk
def an_answer_is_to_what_is_shown_now(world: World) -> None:
    [task], [other] = opened(world, "two"), opened(world, "plain")
    before = world.shown[task.id][-1]
    assert world.answer(task, "pay", MARIA)
    assert not world.answer(task, "pay", OTTO, shown=world.shown[other.id][-1])
    assert acts.act(world, task, "return", OTTO)
    assert not world.answer(task, "pay", OTTO)
    assert not acts.act(world, other, "inform", OTTO)
    assert acts.act(world, task, "inform", ANNA)
    assert not world.answer(task, "pay", OTTO, shown=before)
    assert world.answer(task, "pay", OTTO)
    assert task.asked  # what was said before is void
    world.desks.reopen(DESK, "2", crash=True)
    assert not world.answer(task, "pay", MARIA)  # the policy is another now
    world.attempt(task.key)
    world.desks.reopen(DESK, "1")
    assert world.answer(task, "pay", MARIA)
    assert not world.answer(task, "pay", INES)  # used once
    world.attempt(task.key)


@walk
def an_answer_says_what_the_gate_wants_to_hear(world: World) -> None:
    [task], [without], [blind] = opened(world, "money"), opened(world, "refund"), opened(world, "blind")
    for because in ("", " \n", "\u200b", "...", "x" * 10_001):
        assert not world.answer(task, "reject", MARIA, because=because)
    assert world.answer(without, "reject", KARL, because="")
    for outcome in ("approve", ""):
        assert not world.answer(task, outcome, MARIA)
    for edit in ("not a number", "a text", "something else", "below zero", "part of a cent"):
        assert not world.answer(task, "pay", MARIA, edit=edit)
    assert not world.answer(blind, "pay", MARIA, edit="20")
    assert world.answer(task, "pay", MARIA, edit="20", source="ticket 7", desk=RUNTIME)
    way = world.attempt(task.key)
    assert way
    assert way.amount == 20


@walk
def time_runs_out_and_the_clock_must_be_right(world: World) -> None:
    [task], [last] = opened(world, "short"), opened(world, "short", run=True)
    turn(world, 6 * HOUR - 4 * TICK)
    assert world.answer(task, "reject", MARIA)
    turn(world, 3 * TICK)
    assert not world.answer(task, "reject", OTTO)
    turn(world, -3 * HOUR)
    assert not world.answer(task, "reject", OTTO)
    turn(world, 3 * HOUR)
    world.tick()
    assert last.status == "expired"
    [new] = opened(world, "plain")
    turn(world, -62 * SECOND_OF_TIME)
    assert not world.answer(new, "pay", MARIA)
    turn(world, 3 * SECOND_OF_TIME)
    assert world.answer(new, "pay", MARIA)


@walk
def what_is_overdue_goes_on_and_nobody_takes_it_back(world: World) -> None:
    [task], [other] = opened(world, "chain"), opened(world, "chain")
    turn(world, 4 * HOUR - 4 * TICK)
    assert acts.act(world, other, "show", MARIA)
    turn(world, 3 * TICK)
    assert not world.answer(task, "reject", MARIA)
    assert not acts.act(world, task, "reassign", KARL, to="clerk")  # whom the gate does not ask
    assert acts.act(world, task, "reassign", KARL, to="controller")
    assert not world.answer(task, "reject", KARL)
    turn(world, 2 * HOUR)
    assert not world.answer(task, "reject", MARIA)
    assert not acts.act(world, task, "escalate", PAUL)  # there is nobody beyond
    assert world.answer(task, "reject", PAUL)
    world.tick()
    [early] = opened(world, "chain")
    assert acts.act(world, early, "escalate", MARIA)
    assert not world.answer(early, "reject", MARIA)
    assert acts.act(world, early, "escalate", OTTO)
    turn(world, 9 * HOUR)
    assert world.answer(early, "reject", INES)


@walk
def care_is_taken(world: World) -> None:
    tasks = [opened(world, "careful")[0] for _ in range(5)]

    def read(task: Task, seconds: float, outcome: str = "refer") -> bool:
        assert acts.act(world, task, "show", MARIA)
        turn(world, seconds * SECOND_OF_TIME)
        return world.answer(task, outcome, MARIA)

    assert not world.answer(tasks[0], "refer", MARIA)
    assert not read(tasks[0], 19.99)
    assert read(tasks[0], 20)
    assert read(tasks[1], 20)
    assert not read(tasks[2], 20)
    assert read(tasks[2], 20, "pay")  # who overrules may, and begins anew
    assert read(tasks[3], 20)
    assert acts.act(world, tasks[4], "show", MARIA)
    assert acts.act(world, tasks[4], "return", OTTO)
    assert acts.act(world, tasks[4], "inform", OTTO)
    turn(world, timedelta(minutes=14))
    assert not world.answer(tasks[4], "refer", MARIA)  # what she read has changed
    assert read(tasks[4], 20)
    [last] = opened(world, "careful")
    assert not read(last, 30)
    turn(world, timedelta(minutes=16))
    assert world.answer(last, "refer", MARIA)
    assert last.id + SECOND not in world.model.tasks
