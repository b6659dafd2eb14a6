"""The walks along the edges of gates go as the model says; and each small change that would let a case pass is noticed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.gates.machine import more_walks  # noqa: F401  which adds walks
from tests.gates.machine.mutants import MUTANTS, mutated
from tests.gates.machine.rules import GateMachine
from tests.gates.machine.walks import WALKS, Walk
from tests.gates.machine.world import World

soak = pytest.mark.skipif(not os.environ.get("ABPO_SOAK"), reason="long; set ABPO_SOAK=1")

NOTICED = (AssertionError, ValueError, LookupError)
"""What a walk comes to where something else is there than should be."""

SOON = (
    "one too few agree",
    "who answers a second time is told by the spelling",
    "a reason of points",
    "what is overdue stays",
)
"""What the machine notices soon."""


SELDOM = {
    "a case more than the limit",
    "a day is one of Greenwich",
    "a window is shorter",
    "anybody gives back what one has claimed",
    "each counterparty has the limit of all",
    "each person has the limit of the role",
    "parts are linked by their spelling",
    "who breaks a tie has it broken by anybody",
    "who breaks a tie has to do with the case",
}
"""What 1,500 walks of the machine did not notice: for these, there are their walks alone."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Stores that fail are told of in the log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def go(along: Walk) -> None:
    world = World()
    try:
        along(world)
    except BaseException:
        world.close(check=False)
        raise
    world.close()


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_goes_as_the_model_says(name: str) -> None:
    go(WALKS[name])


@pytest.mark.parametrize("name", MUTANTS)
def test_a_change_that_would_let_a_case_pass_is_noticed_on_its_walk(name: str) -> None:
    mutant = MUTANTS[name]
    with mutated(mutant), pytest.raises(NOTICED):
        go(WALKS[mutant.walk])


def by_chance(name: str, *, walks: int, derandomize: bool) -> None:
    """The machine notices a change."""
    many = settings(
        max_examples=walks,
        derandomize=derandomize,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with mutated(MUTANTS[name]), pytest.raises(Exception):  # noqa: B017  of the machine, or whatever breaks first
        run_state_machine_as_test(GateMachine, settings=many)


@pytest.mark.parametrize("name", SOON)
def test_a_change_is_noticed_by_chance_too(name: str) -> None:
    by_chance(name, walks=1000, derandomize=True)


@soak
@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in SELDOM])
def test_a_change_is_noticed_by_chance_at_last(name: str) -> None:
    by_chance(name, walks=10_000, derandomize=False)
