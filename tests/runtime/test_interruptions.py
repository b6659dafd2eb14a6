"""What interrupts a run without being its fault: the keyboard, the end of the program, a ledger that cannot be written."""

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from abpo_sdk import gather, idempotency_key, process, sleep, step
from abpo_sdk.errors import StoreUnavailable


@step
def do(number: int, *, during: Any) -> str:
    key = idempotency_key()
    during(number, key)
    return key


@process
def work(number: int, *, during: Any) -> list[str]:
    return [do(n, during=during) for n in range(number)]


@process
def stubborn(number: int, *, during: Any) -> str:
    for n in range(number):
        try:
            do(n, during=during)
        except Exception:
            continue
    return "swallowed"


@step(pure=True)
def look(number: int, *, during: Any) -> int:
    during(number, idempotency_key())
    return number


@process
def looks_stubbornly(number: int, *, during: Any, bank: Any) -> str:
    for n in range(number):
        try:
            do(look(n, during=during), during=bank)
        except Exception:
            continue
    return "swallowed"


class Once:
    """Does something the first time that a step gets there; keeps count of all."""

    def __init__(self, at, act):
        self.at, self.act, self.seen = at, act, []

    def __call__(self, number, key):
        self.seen.append(key)
        if number == self.at and self.act is not None:
            act, self.act = self.act, None
            act()


def raises(error):
    def act():
        raise error

    return act


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_reaches_the_caller_and_leaves_the_run_resumable_at_once(opened, error):
    during = Once(1, raises(error))
    bound = work.bind(during=during)
    runtime = opened(bound)
    with pytest.raises(error):
        runtime.start(bound, 3, id="R")
    run = runtime.run("R")
    assert run.status == "running"
    assert run.incident is None
    assert opened(bound).tick().advanced == ("R",)
    assert run.result() == ["R/do/0", "R/do/1", "R/do/2"]
    assert during.seen == ["R/do/0", "R/do/1", "R/do/1", "R/do/2"]


def test_starting_it_again_goes_on_with_an_interrupted_run(opened):
    bound = work.bind(during=Once(0, raises(KeyboardInterrupt)))
    runtime = opened(bound)
    with pytest.raises(KeyboardInterrupt):
        runtime.start(bound, 2, id="R")
    assert runtime.start(bound, 2, id="R").result() == ["R/do/0", "R/do/1"]


@process
async def work_later(number: int, *, during: Any) -> list[str]:
    return [do(n, during=during) for n in range(number)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_of_an_async_process_does_so_too(opened, error):
    during = Once(1, raises(error))
    bound = work_later.bind(during=during)
    runtime = opened(bound)
    with pytest.raises(error):
        runtime.start(bound, 2, id="R")
    assert runtime.tick().advanced == ("R",)
    assert during.seen == ["R/do/0", "R/do/1", "R/do/1"]


@pytest.fixture
def locker(path):
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    yield connection
    connection.close()


@pytest.mark.parametrize("flow", [work, stubborn])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_ledger_that_is_locked_in_the_middle_is_told_and_the_run_goes_on_later(opened, locker, flow, at):
    during = Once(at, lambda: locker.execute("BEGIN IMMEDIATE"))
    bound = flow.bind(during=during)
    runtime = opened(bound, timeout=0.02)
    with pytest.raises(StoreUnavailable, match=r"is locked by another writer .*nothing of this write was kept"):
        runtime.start(bound, 3, id="R")
    run = runtime.run("R")
    assert run.status == "running"
    with pytest.raises(StoreUnavailable):  # still locked
        runtime.tick()
    locker.execute("ROLLBACK")

    assert runtime.tick().advanced == ("R",)
    keys = [f"R/do/{n}" for n in range(3)]
    assert run.result() == (keys if flow is work else "swallowed")
    assert sorted(set(during.seen)) == keys
    assert len(during.seen) == 4  # the one whose result could not be written was done again, under its key
    assert runtime.ledger.verify().entries == 5


def test_a_ledger_that_is_locked_where_a_run_parks_does_not_keep_the_run_from_going_on(opened, locker, clock):
    locks = iter([lambda: locker.execute("BEGIN IMMEDIATE")])

    @process
    def nap(number: int) -> int:
        try:
            gather(lambda: sleep(timedelta(hours=1)), lambda: number)
        finally:
            for lock in locks:
                lock()
        return number

    runtime = opened(nap, timeout=0.02)
    with pytest.raises(StoreUnavailable):
        runtime.start(nap, 1, id="R")
    locker.execute("ROLLBACK")
    assert runtime.tick().advanced == ("R",)
    assert runtime.run("R").status == "waiting"
    clock.advance(timedelta(hours=1))
    runtime.tick()
    assert runtime.run("R").result() == 1


@pytest.mark.parametrize("before", [0, 1])
def test_a_start_that_is_interrupted_while_it_is_made_durable_can_go_on_at_once(opened, monkeypatch, before):
    bound = work.bind(during=Once(None, None))
    runtime = opened(bound)
    transaction = type(runtime.ledger.store.transaction())
    leave, times = transaction.__exit__, iter(range(9))

    def interrupted(self, *raised):
        leave(self, *raised)
        if next(times) == before:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "__exit__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runtime.start(bound, 1, id="R")
    assert runtime.start(bound, 1, id="R").result() == ["R/do/0"]
    runtime.ledger.verify()


def test_a_ledger_that_is_locked_before_an_effect_lets_no_effect_happen(opened, locker):
    lock, bank = Once(1, lambda: locker.execute("BEGIN IMMEDIATE")), Once(None, None)

    def lock_and_unlock(number, key):
        lock(number, key)
        if number == 2 and locker.in_transaction:
            locker.execute("ROLLBACK")

    bound = looks_stubbornly.bind(during=lock_and_unlock, bank=bank)
    runtime = opened(bound, timeout=0.02)
    with pytest.raises(StoreUnavailable):
        runtime.start(bound, 3, id="R")
    assert bank.seen == ["R/do/0"]
    locker.execute("ROLLBACK")
    assert runtime.tick().advanced == ("R",)
    assert runtime.run("R").result() == "swallowed"
    assert bank.seen == ["R/do/0", "R/do/1", "R/do/2"]


def test_a_ledger_that_is_locked_at_the_start_begins_no_run(opened, locker):
    bound = work.bind(during=Once(None, None))
    runtime = opened(bound, timeout=0.02)
    locker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        runtime.start(bound, 1, id="R")
    locker.execute("ROLLBACK")
    assert runtime.runs() == []
    assert runtime.start(bound, 1, id="R").result() == ["R/do/0"]


def test_a_ledger_that_became_read_only_is_told_and_the_run_goes_on_later(opened):
    during = Once(1, lambda: read_only(True))
    bound = work.bind(during=during)
    runtime = opened(bound)

    def read_only(value):
        runtime.ledger.store._database.connection.execute(f"PRAGMA query_only = {value}")

    with pytest.raises(StoreUnavailable, match="is read-only"):
        runtime.start(bound, 2, id="R")
    read_only(False)
    assert runtime.tick().advanced == ("R",)
    assert runtime.run("R").result() == ["R/do/0", "R/do/1"]
