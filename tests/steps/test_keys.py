"""Idempotency keys: the same on every attempt, whichever way a step is called, and no other step's."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk import idempotency_key, key_scope, process, step
from abpo_sdk.errors import DefinitionError, NoRun
from abpo_sdk.testing import TestRuntime


@step
def pay(amount: int) -> str:
    return idempotency_key()


@step(pure=True)
def look(amount: int) -> str:
    return idempotency_key()


@step
async def pay_later(amount: int) -> str:
    return idempotency_key()


@step
def pay_all(amount: int) -> list[str]:
    """Calls steps in turn, which are a part of it."""
    return [idempotency_key(), pay(1), pay(2), look(3), *pay_some(4), idempotency_key()]


@process
def pay_some(amount: int) -> list[str]:
    return [pay(amount), pay(amount), look(amount), pay(amount)]


@process
async def pay_some_later(amount: int) -> list[str]:
    return [await pay_later(amount), pay(amount), await pay_later(amount)]


@process
def pay_everything(amount: int) -> list[str]:
    return [pay(amount), *pay_some(amount), *pay_all(amount), *pay_some(amount), *pay_all(amount), pay(amount)]


@process
async def pay_everything_later(amount: int) -> list[str]:
    return [*await pay_some_later(amount), await pay_later(amount), *pay_some(amount), *await pay_some_later(amount)]


@process
def key_of_the_process(amount: int) -> str:
    return idempotency_key()


def test_a_key_is_made_of_the_run_the_step_and_which_call_of_it_this_is(runtime):
    run = runtime.start(pay_some, 1, id="INV-7")
    assert run.result() == ["INV-7/pay/0", "INV-7/pay/1", "INV-7/look/0", "INV-7/pay/2"]


def test_two_runs_have_different_keys(runtime):
    first, second = (set(runtime.start(pay_some, 1, id=name).result()) for name in ("INV-7", "INV-8"))
    assert first.isdisjoint(second)


def test_each_call_has_a_key_of_its_own_also_in_sub_processes_and_in_steps_that_call_steps(runtime):
    keys = runtime.start(pay_everything, 1, id="INV-7").result()
    outer = {"INV-7/pay_all/0", "INV-7/pay_all/1"}  # each asks twice for its own, before and after what it calls
    assert {key for key in keys if keys.count(key) > 1} == outer
    assert len(set(keys)) == len(keys) - len(outer)


def test_what_a_step_calls_in_turn_has_keys_below_its_own(runtime):
    assert runtime.start(nested, 1, id="R").result() == [
        "R/pay_all/0",
        "R/pay_all/0:pay/0",
        "R/pay_all/0:pay/1",
        "R/pay_all/0:look/0",
        "R/pay_all/0:3/pay/0",
        "R/pay_all/0:3/pay/1",
        "R/pay_all/0:3/look/0",
        "R/pay_all/0:3/pay/2",
        "R/pay_all/0",
    ]


@process
def nested(amount: int) -> list[str]:
    return pay_all(amount)


@pytest.mark.parametrize("flow", [pay_some, pay_everything, nested])
def test_a_key_scope_gives_the_keys_that_a_run_gives(runtime, flow):
    with key_scope("INV 7/ä"):
        outside = flow(1)
    assert runtime.start(flow, 1, id="INV 7/ä").result() == outside


def test_a_key_scope_gives_the_keys_that_an_async_run_gives(runtime):
    async def called():
        with key_scope("INV-7"):
            return await pay_everything_later(1)

    assert runtime.start(pay_everything_later, 1, id="INV-7").result() == asyncio.run(called())


def test_a_key_scope_keeps_sub_processes_apart_that_run_at_once():
    async def called():
        with key_scope("INV-7"):
            return await asyncio.gather(*(pay_some_later(n) for n in range(5)))

    keys = list(itertools.chain.from_iterable(asyncio.run(called())))
    assert len(set(keys)) == len(keys) == 15


def test_a_key_scope_ends_with_its_block():
    with key_scope("INV-7"):
        assert (pay(1), pay(2)) == ("INV-7/pay/0", "INV-7/pay/1")
    with key_scope("INV-7"):
        assert pay(1) == "INV-7/pay/0"
    with pytest.raises(NoRun):
        pay(1)


def test_an_empty_key_scope_is_refused():
    with pytest.raises(DefinitionError, match="the key of a key_scope is"), key_scope(""):
        pass


def test_a_process_itself_has_no_key_since_it_is_called_again_and_again(runtime):
    run = runtime.start(key_of_the_process, 1)
    assert run.incident.error.startswith("NoRun: idempotency_key() was called outside a step")


odd = st.text(st.sampled_from("ab/%: \\2Fäé€😀."), min_size=1, max_size=6).filter(lambda text: text.strip())


@settings(max_examples=30, deadline=None)
@given(st.lists(odd, min_size=2, max_size=4, unique=True), st.lists(odd, min_size=1, max_size=3, unique=True))
def test_odd_ids_and_names_do_not_collide_and_keys_are_ascii(runs, names):
    steps = [step(name=name)(pay.__wrapped__) for name in names]

    def inner(amount: int) -> list[str]:
        return [do(amount) for do in steps]

    part = process(name="part", version="1")(inner)

    def outer(amount: int) -> list[str]:
        return [*(do(amount) for do in steps), *part(amount), *part(amount)]

    whole = process(name="whole", version="1")(outer)
    with TestRuntime() as runtime:
        keys = [key for run in runs for key in runtime.start(whole, 1, id=run).result()]
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() for key in keys)
