"""No case passes a gate without the answers that the gate demands, whatever people do, and whenever; and what would let one is noticed."""

import os
from contextlib import closing
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from abpo_sdk.gates import answering, delegation, review_state
from abpo_sdk.gates.authority.consultation import Consultation
from abpo_sdk.gates.authority.spent import SpentRows
from abpo_sdk.gates.delegation import Delegation
from abpo_sdk.gates.guarding import guard
from abpo_sdk.gates.quorum import Quorum
from abpo_sdk.gates.standing import Standing
from abpo_sdk.gates.switches import Switches
from abpo_sdk.ledger import review_projection
from abpo_sdk.values.review import Answer
from tests.gates.machine import acts
from tests.gates.machine.demands import Claim
from tests.gates.machine.desks import DESK
from tests.gates.machine.rules import GateMachine
from tests.gates.machine.world import World

LONG = "ABPO_SOAK" in os.environ
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None, "derandomize": not LONG}

TestGates = GateMachine.TestCase
TestGates.settings = settings(
    max_examples=3000 if LONG else 80,
    stateful_step_count=60 if LONG else 40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes; the notes say what happened
    **QUIET,
)


def nothing(*_, **__):
    return None


def yes(*_, **__):
    return True


MUTANTS = {
    "who has to do with it decides": (Standing, "_check_separate", nothing),
    "an answer counts whenever it comes": (Standing, "check_open", nothing),
    "an answer counts whatever was shown": (Standing, "check_shown", nothing),
    "the clock may say anything": (Standing, "check_clock", nothing),
    "whoever is asked may be anybody": (Standing, "is_demanded", yes),
    "a claim keeps nobody away": (Standing, "_claimed_by", nothing),
    "who has spoken speaks again": (Standing, "_answered_before", lambda self: []),
    "one is a quorum": (Quorum, "tally", lambda self, votes, *, breaking=False: "settled"),
    "the limits are not heeded": (Consultation, "check", nothing),
    "nothing was ever spent": (SpentRows, "approved", lambda self, *_, **__: (0, 0)),
    "nothing is linked": (SpentRows, "cases", lambda self, *_, **__: ()),
    "no reason is needed": (answering, "check_reason", nothing),
    "nothing need be read": (answering, "check_pace", nothing),
    "any outcome will do": (answering, "check_outcome", nothing),
    "the proposal is never confirmed": (guard, "_check_reading", nothing),
    "a delegation never ends": (Delegation, "active", yes),
    "a delegation reaches nobody else": (delegation, "_ties", lambda person, *_: {delegation.skeleton(person): ""}),
    "another spelling is another person": (delegation, "skeleton", lambda text: text),
    "the first of two answers settles": (review_state, "settled", yes),
    "all agree": (Answer, "agrees", yes),
    "what was reserved stays reserved": (review_projection, "settle_spending", nothing),
    "nothing is stopped": (Switches, "stops", lambda self, *_: ()),
}
CHEAP = (
    "nothing was ever spent",
    "a delegation reaches nobody else",
    "one is a quorum",
    "who has to do with it decides",
    "the limits are not heeded",
    "all agree",
)


def seldom_drawn():
    """What the machine comes to too seldom: a limit that is used up, and a case of whom one acts for."""
    world = World()
    with closing(world):
        for number in range(3):
            claim = Claim(
                amount=Decimal(650), payee="ACME", order=None, entered_by="otto@acme" if number == 2 else None
            )
            world.attempt(f"C-{number}", DESK, claim, "money")
        first, second, theirs = world.model.tasks.values()
        world.delegate("otto@acme", "maria@acme", 9, None, None)
        world.answer(theirs, "pay", "maria@acme")
        for task in (first, second):
            world.answer(task, "pay", "maria@acme")
        world.attempt("C-3", DESK, Claim(amount=Decimal(650), payee="ACME", order=None, entered_by=None), "money")
        world.answer(list(world.model.tasks.values())[-1], "pay", "maria@acme")


def test_what_is_seldom_drawn_goes_as_it_should():
    seldom_drawn()


def test_what_somebody_said_counts_no_more_once_they_declare_a_conflict_of_interest():
    world = World()
    with closing(world):
        claim = Claim(amount=Decimal(650), payee="ACME", order=None, entered_by=None)
        world.attempt("C-0", DESK, claim, "two")
        (task,) = world.model.tasks.values()
        world.answer(task, "pay", "ines@acme")
        assert acts.act(world, task, "recuse", "ines@acme")
        world.answer(task, "pay", "maria@acme")
        assert task.asked
        world.answer(task, "pay", "otto@acme")
        assert task.final is not None


def whatever_happens():
    seldom_drawn()
    run_state_machine_as_test(
        GateMachine, settings=settings(max_examples=600, stateful_step_count=40, phases=[Phase.generate], **QUIET)
    )


@pytest.mark.parametrize("mutant", MUTANTS if LONG else CHEAP)
def test_what_would_let_a_case_pass_is_noticed(mutant, monkeypatch):
    owner, name, instead = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, instead)
    with pytest.raises(Exception):  # noqa: B017  an assertion of the machine, or whatever breaks first
        whatever_happens()
