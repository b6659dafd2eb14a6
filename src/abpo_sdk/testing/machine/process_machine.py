"""A process driven at random: cases, answers, delays, crashes and restarts in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DefinitionError
from abpo_sdk.steps import BoundProcess, Process
from abpo_sdk.testing.runtime import TestRuntime

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine
    from hypothesis.strategies import SearchStrategy


def process_machine(
    process: Process[Any, Any] | BoundProcess[Any] | Callable[[Any], BoundProcess[Any]],
    cases: SearchStrategy[Any],
    *,
    world: Callable[[], Any] | None = None,
    effects: Callable[[Any], Iterable[str]] | None = None,
    invariants: Iterable[Callable[[TestRuntime, Any], object]] = (),
    twins: bool = True,
) -> type[RuleBasedStateMachine]:
    """A state machine (of Hypothesis) that drives a process at random, and looks after each move whether all is as it must be.

    Its moves: a case is started, or one that was, again; a review is answered, with any of its outcomes; time passes, until
    something is due or for any time; an incident is resolved; the runtime is replaced. In each of them the runtime may die,
    at any point (`crash=4`: the fourth that it comes by), and another goes on. After each move: no effect was done twice under one key, no run is lost, each status says what is so, what
    is done stays done, and no run became an incident because a replay went another way. In the end every run is brought
    to its end, undisturbed, the ledger verifies, and each run that is done had the effects that its case has alone.

    Run by pytest as `TestPay = process_machine(...).TestCase`, or anywhere by
    `hypothesis.stateful.run_state_machine_as_test`. It makes 40 trials of up to 25 moves, unless its `settings` are set.

    Args:
        process: the process; or a function from the world to it, where there is a world.
        cases: makes what it is started with; tuples, where that is several things.
        world: makes what the process changes, for each trial; it outlives crashes.
        effects: gives the idempotency keys of what was done to a world, each as often as it was done.
        invariants: what else must hold after each move: functions of the runtime and the world, which raise
            AssertionError or return False where it does not.
        twins: whether each run that is done is compared with the same case alone, in a world of its own. Not, where cases
            depend on each other through the world, or a process does what chance (recorded) says.

    Raises:
        DefinitionError: Hypothesis is not installed; or `effects` is given without a `world`.
    """
    try:
        from abpo_sdk.testing.machine.rules import Setup, machine_of
    except ImportError as error:
        raise DefinitionError('process_machine needs Hypothesis; pip install "abpo_sdk[testing]"') from error
    if effects is not None and world is None:
        raise DefinitionError("process_machine(effects=...): say what they are done to, too: world=...")
    if isinstance(process, (Process, BoundProcess)):
        bound = process.bind() if isinstance(process, Process) else process
        return machine_of(Setup(lambda _: bound, cases, world or _nothing, effects, tuple(invariants), twins))
    return machine_of(Setup(process, cases, world or _nothing, effects, tuple(invariants), twins))


def _nothing() -> None:
    return None
