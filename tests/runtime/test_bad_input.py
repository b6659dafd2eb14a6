"""What people write by mistake: each is named, and the ledger stays as usable as before."""

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from abpo_sdk import (
    effect,
    gather,
    gather_async,
    idempotency_key,
    process,
    step,
)
from abpo_sdk.errors import DefinitionError, StoreUnavailable


@step
def do(number: int) -> int:
    return number


@step
async def do_later(number: int) -> int:
    await asyncio.sleep(0)
    return number


@process
def fine(number: int) -> int:
    return do(number)


def check_usable(runtime):
    assert runtime.start(fine, 3).result() == 3
    runtime.ledger.verify()
    runtime.ledger.rebuild()


# what cannot be stored


class Socket:
    pass


def test_a_result_that_cannot_be_stored_is_refused_when_it_is_declared():
    with pytest.raises(DefinitionError, match="the result of step 'open_it'"):

        @step
        def open_it(number: int) -> Socket:
            return Socket()

    with pytest.raises(DefinitionError, match="the result of process 'open_all'"):

        @process
        def open_all(number: int) -> Socket:
            return Socket()


def test_a_parameter_that_cannot_be_stored_is_refused_when_it_is_declared():
    with pytest.raises(DefinitionError, match="parameter 'socket' of step 'close_it'"):

        @step
        def close_it(socket: Socket) -> int:
            return 1


def test_a_result_that_turns_out_not_to_be_storable_is_an_incident_of_its_step(runtime):
    @step
    def lies(number: int) -> Any:
        return Socket()

    @process
    def work(number: int) -> Any:
        try:
            return lies(number)
        except Exception:
            return None

    run = runtime.start(work, 1)
    assert run.incident.step == "lies"
    assert run.incident.error.startswith("LossyRoundTrip: the result of step 'lies'")
    check_usable(runtime)


def test_in_a_branch_it_is_an_incident_of_its_step_too(runtime):
    @step
    def lies(number: int) -> Any:
        return Socket()

    @process
    def work(number: int) -> Any:
        return gather(lambda: do(1), lambda: lies(number))

    run = runtime.start(work, 1)
    assert (run.incident.step, run.incident.error.partition(":")[0]) == ("lies", "LossyRoundTrip")
    check_usable(runtime)


# without end


@process
def again(number: int) -> int:
    do(number)
    return again(number + 1)


@process
async def again_later(number: int) -> int:
    await do_later(number)
    return await again_later(number + 1)


@process
def again_in_a_branch(number: int) -> int:
    return gather(lambda: again_in_a_branch(number + 1))[0]


@process
def stubbornly_again(number: int) -> int:
    try:
        return stubbornly_again(number + 1)
    except Exception:
        return number


@pytest.mark.parametrize("flow", [again, again_later, again_in_a_branch, stubbornly_again])
def test_a_process_that_calls_itself_without_end_is_named_quickly(runtime, flow):
    began = time.monotonic()
    run = runtime.start(flow, 1, id="R")
    assert run.incident.error.startswith(
        f"RecursionError: run 'R': process '{flow.name}' was called 100 processes deep"
    )
    assert time.monotonic() - began < 20
    check_usable(runtime)


def test_a_process_that_calls_itself_with_an_end_is_fine(runtime):
    @process
    def countdown(number: int) -> int:
        do(number)
        return countdown(number - 1) if number else 0

    assert runtime.start(countdown, 80).result() == 0


def two_that_call_each_other():
    @process
    def ping(number: int) -> int:
        return pong(number - 1) if number else 0

    @process
    def pong(number: int) -> int:
        return ping(number - 1) if number else 1

    return ping, pong


def test_processes_that_call_each_other_have_versions_whoever_is_asked_first(runtime):
    ping, pong = two_that_call_each_other()
    versions = (ping.version, pong.version)
    ping, pong = two_that_call_each_other()
    assert (pong.version, ping.version) == versions[::-1]
    assert versions[0] != versions[1]
    assert sorted(ping.pins) == sorted(pong.pins) == ["Process ping", "Process pong"]
    assert runtime.start(ping, 7).result() == 1


def test_a_function_that_calls_itself_without_end_is_an_incident_wherever_the_stack_is_full(runtime):
    def deeper(number, stride):
        return deeper(number, stride - 1) if stride else begin(number + 1)

    def begin(number):
        do(number)
        return deeper(number, 22)

    @process
    def endless(stride: int) -> int:
        return deeper(0, stride)

    for stride in range(24):  # so that it is full at each place within a step once
        assert runtime.start(endless, stride).incident.error.startswith("RecursionError: maximum recursion depth")
    assert not runtime.ledger.store._database.connection.in_transaction
    check_usable(runtime)


# what is no step or process


def test_a_generator_is_refused_when_it_is_declared():
    with pytest.raises(DefinitionError, match="step 'rows' is a generator, and a step gives one result; return a list"):

        @step
        def rows(number: int) -> Any:
            yield number

    with pytest.raises(DefinitionError, match="process 'later' is a generator, and a process runs to its end"):

        @process
        async def later(number: int) -> Any:
            yield number

    with pytest.raises(DefinitionError, match="step 'pay' is a generator"):

        @effect(check=lambda number: None)
        def pay(number: int) -> Any:
            yield number


# coroutines that nobody awaits; a warning of Python's own would be an error in these tests


@process
async def forgets(number: int) -> int:
    do_later(number)
    return number


@process
def forgets_plainly(number: int) -> int:
    do_later(number)
    return number


@process
async def inner_later(number: int) -> int:
    return number


@process
async def forgets_a_process(number: int) -> int:
    inner_later(number)
    return number


@process
def returns_it(number: int) -> Any:
    return do_later(number)


@process
def forgets_in_a_branch(number: int) -> int:
    gather(lambda: do(1), lambda: do_later(number))
    return number


@process
async def forgets_in_an_async_branch(number: int) -> int:
    async def branch():
        do_later(number)

    await gather_async(branch(), do_later(7))
    return number


@pytest.mark.parametrize(
    ("flow", "name"),
    [
        (forgets, "do_later"),
        (forgets_plainly, "do_later"),
        (forgets_a_process, "inner_later"),
        (returns_it, "do_later"),
        (forgets_in_a_branch, "do_later"),
        (forgets_in_an_async_branch, "do_later"),
    ],
)
def test_what_is_never_awaited_is_named_and_makes_no_noise(runtime, recwarn, flow, name):
    run = runtime.start(flow, 1, id="R")
    assert run.incident.error == (
        f"NotAwaited: run 'R': {name!r} was called and never awaited, so it was not done; write `await {name}(...)`"
    )
    del run
    gc.collect()
    assert list(recwarn) == []
    check_usable(runtime)


def test_what_was_not_awaited_yet_where_the_run_waits_makes_no_noise(runtime, recwarn):
    from datetime import timedelta

    from abpo_sdk import sleep_async

    @process
    async def later(number: int) -> int:
        coming = do_later(number)
        await sleep_async(timedelta(hours=1))
        return await coming

    run = runtime.start(later, 1)
    assert run.status == "waiting"
    gc.collect()
    assert list(recwarn) == []
    runtime.clock.advance(timedelta(hours=1))
    assert run.result() == 1


def test_what_is_given_to_a_gather_that_does_not_begin_makes_no_noise(runtime, recwarn):
    async def plain():
        return 1

    @process
    async def wrong(number: int) -> int:
        await gather_async(plain(), do_later(1), 3)
        return number

    run = runtime.start(wrong, 1)
    assert run.incident.error.startswith("DefinitionError: gather_async(3)")
    with pytest.raises(DefinitionError):
        asyncio.run(gather_async(plain(), do_later(1), 3))

    async def cancelled():
        task = asyncio.ensure_future(gather_async(plain(), plain()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    gc.collect()
    assert list(recwarn) == []


# other threads, tasks and loops


def test_an_event_loop_inside_a_plain_process_is_named(runtime):
    @process
    def loops(number: int) -> int:
        return asyncio.run(do_later(number))

    run = runtime.start(loops, 1)
    assert run.incident.error.startswith("OutOfScope: step 'do_later' was called in another thread or task")
    check_usable(runtime)


def test_a_plain_step_in_a_loop_inside_a_plain_process_is_named(runtime):
    async def main():
        return do(1)

    @process
    def loops(number: int) -> int:
        try:
            return asyncio.run(main())
        except Exception:
            return 0

    assert runtime.start(loops, 1).incident.error.startswith("OutOfScope: step 'do'")


def test_a_task_inside_an_async_process_is_named(runtime):
    @process
    async def tasks(number: int) -> int:
        return await asyncio.create_task(do_later(number))

    run = runtime.start(tasks, 1)
    assert run.incident.error.startswith("OutOfScope: step 'do_later'")
    check_usable(runtime)


def test_a_step_with_a_loop_of_its_own_inside_is_fine(runtime):
    @step
    def looped(number: int) -> int:
        return asyncio.run(do_later(number)) + len(idempotency_key())

    @process
    def work(number: int) -> int:
        return looped(number)

    assert runtime.start(work, 1, id="R").result() == 1 + len("R/looped/0")


@pytest.mark.parametrize("in_branch", [False, True])
def test_a_bare_thread_is_outside_of_the_run_and_a_thread_with_its_context_is_named(runtime, in_branch):
    import contextvars

    def in_thread(call):
        box = []

        def work():
            try:
                box.append(call())
            except Exception as error:
                box.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return box[0]

    @process
    def outside(number: int) -> Any:
        def body():
            return in_thread(lambda: do(number))

        return gather(body)[0] if in_branch else body()

    @process
    def inside(number: int) -> Any:
        def body():
            context = contextvars.copy_context()
            return str(in_thread(lambda: context.run(do, number)))

        return gather(body)[0] if in_branch else body()

    run = runtime.start(outside, 7)
    assert (run.result(), [e.kind for e in run.entries]) == (7, ["started", "finished"])
    assert runtime.start(inside, 7).incident.error.startswith("OutOfScope: step 'do' was called in another thread")


# a disk that fills up


class Disk:
    """Lets the ledger's file grow no more; what others do with it is theirs."""

    def __init__(self, runtime):
        self._connection = runtime.ledger.store._database.connection

    def fill(self):
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        self._connection.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self):
        self._connection.execute("PRAGMA max_page_count = 1000000")


class Bank:
    """Pays once for a key."""

    def __init__(self):
        self.paid, self.orders = {}, []

    def pay(self, amount):
        self.orders.append(idempotency_key())
        self.paid.setdefault(idempotency_key(), amount)


@step
def pay(amount: int, *, bank: Any, disk: Any) -> str:
    bank.pay(amount)
    if disk:
        disk.pop().fill()
    return "x" * 20_000  # more than fits into what is left of a page


@process
def paying(count: int, *, bank: Any, disk: Any) -> int:
    for n in range(count):
        try:
            pay(n, bank=bank, disk=disk if n == 1 else [])
        except Exception:
            continue
    return count


@process
def paying_at_once(count: int, *, bank: Any, disk: Any) -> int:
    def one(n):
        return pay(n, bank=bank, disk=disk if n == 1 else [])

    gather(*(lambda n=n: one(n) for n in range(count)))
    return count


@pytest.mark.parametrize("flow", [paying, paying_at_once])
def test_a_disk_that_fills_up_during_a_step_is_told_and_the_run_goes_on_when_there_is_room(runtime, flow):
    bank, disk = Bank(), []
    bound = flow.bind(bank=bank, disk=disk)
    runtime.start(fine, 1)
    disk.append(Disk(runtime))
    room = disk[0]
    with pytest.raises(StoreUnavailable, match=r"has no room \(the disk is full\); nothing of this write was kept"):
        runtime.start(bound, 4, id="R")
    assert runtime.run("R").status == "running"
    with pytest.raises(StoreUnavailable, match="has no room"):
        runtime.tick()
    room.make_room()
    assert runtime.tick().advanced == ("R",)
    run = runtime.run("R")
    assert run.result() == 4
    assert len(bank.paid) == 4
    assert [e.kind for e in run.entries].count("step") == 4
    assert len(bank.orders) <= 12  # each at most once a round, and always under its key
    check_usable(runtime)
