"""Leases: one worker at a time; the dead are noticed at once, the silent by time-out, and who was given up on cannot write."""

import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from abpo_sdk import idempotency_key, process, step
from abpo_sdk.errors import LeaseLost, RunBusy
from abpo_sdk.runtime.lease import is_dead, this_holder

LEASE = timedelta(minutes=5)


@step
def do(number: int, *, during: Any) -> str:
    during(number)
    return idempotency_key()


@process
def work(number: int, *, during: Any) -> list[str]:
    return [do(n, during=during) for n in range(number)]


def test_a_run_that_is_being_advanced_is_busy_for_others(opened):
    other = opened(work.bind(during=None))
    seen = []

    def during(_):
        with pytest.raises(RunBusy, match=f"run 'R' is being advanced by .*{os.getpid()}") as raised:
            other.advance("R")
        seen.append((raised.type, other.tick().advanced, other.start(work, 2, id="R").status))

    bound = work.bind(during=during)
    assert opened(bound).start(bound, 2, id="R").result() == ["R/do/0", "R/do/1"]
    assert seen == [(RunBusy, (), "running")] * 2


def test_a_worker_that_writes_nothing_for_too_long_is_given_up_on_and_cannot_write_any_more(opened, clock):
    attempts = []
    quick = opened(work.bind(during=lambda number: attempts.append(("quick", number, idempotency_key()))))

    def stall(number):
        attempts.append(("stalled", number, idempotency_key()))
        if number == 1:
            clock.advance(LEASE)
            assert quick.tick().advanced == ("R",)

    bound = work.bind(during=stall)
    stalled = opened(bound)
    with pytest.raises(
        LeaseLost, match=r"run 'R' was taken over by .*; what this worker was about to write was not kept"
    ):
        stalled.start(bound, 3, id="R")
    assert attempts == [
        ("stalled", 0, "R/do/0"),
        ("stalled", 1, "R/do/1"),
        ("quick", 1, "R/do/1"),  # the same key, so that it has the effect of one
        ("quick", 2, "R/do/2"),
    ]
    run = quick.run("R")
    assert run.result() == ["R/do/0", "R/do/1", "R/do/2"]
    assert [entry.kind for entry in run.entries] == ["started", "step", "step", "step", "finished"]
    assert quick.ledger.verify().entries == 5


def test_a_stalled_worker_cannot_write_while_its_successor_is_at_it_either(opened, clock):
    lost = []

    def successor(number):
        if number == 1:
            lost.append(quick.ledger.store.head("R").epoch)

    quick = opened(work.bind(during=successor))

    def stall(number):
        if number == 0:
            clock.advance(LEASE)
            quick.advance("R")

    def swallow(number: int) -> str:
        for n in range(number):
            try:
                do(n, during=stall)
            except Exception:
                continue
        return "swallowed"

    bound = process(name="work", version=work.version)(swallow).bind()
    bound.process.__dict__["version"] = work.version
    with pytest.raises(LeaseLost):
        opened(bound).start(bound, 3, id="R")
    assert lost == [2]
    assert quick.run("R").result() == ["R/do/0", "R/do/1", "R/do/2"]


def test_each_write_renews_the_lease(opened, clock):
    other = opened(work.bind(during=None))

    def during(_):
        clock.advance(LEASE - timedelta(seconds=1))
        assert other.tick().advanced == ()

    bound = work.bind(during=during)
    assert opened(bound).start(bound, 4, id="R").status == "done"


def test_a_lease_runs_out_to_the_microsecond(opened, clock):
    took = []
    other = opened(work.bind(during=lambda _: None))

    def during(_):
        clock.advance(LEASE - timedelta(microseconds=1))
        took.append(other.tick().advanced)
        clock.advance(timedelta(microseconds=1))
        took.append(other.tick().advanced)

    bound = work.bind(during=during)
    with pytest.raises(LeaseLost):
        opened(bound).start(bound, 1, id="R")
    assert took == [(), ("R",)]


def test_a_run_that_ended_waits_or_is_an_incident_is_held_by_nobody(opened):
    bound = work.bind(during=lambda _: None)
    runtime = opened(bound)
    runtime.start(bound, 2, id="R")
    head = runtime.ledger.store.head("R")
    assert (head.holder, head.until) == (None, None)


def test_this_process_is_alive_and_one_of_another_host_is_never_known_to_be_dead():
    holder = this_holder()
    _, _, started, nonce = holder.split("|")
    assert not is_dead(holder)
    assert not is_dead("|".join(["elsewhere", "999999999", started, nonce]))
    assert this_holder() != holder


def test_a_process_number_that_another_process_has_now_is_a_dead_one():
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system does not tell when a process started")
    host, pid, started, nonce = this_holder().split("|")
    assert host == socket.gethostname()
    assert is_dead("|".join([host, pid, str(int(started) - 1), nonce]))


def test_a_process_number_that_nobody_has_is_a_dead_one():
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    host, _, started, nonce = this_holder().split("|")
    assert is_dead("|".join([host, str(child), started, nonce]))


def test_a_process_of_somebody_else_is_alive():
    host, _, _, nonce = this_holder().split("|")
    assert not is_dead("|".join([host, "1", "", nonce]))


def test_a_stalled_worker_whose_run_was_taken_over_begins_no_effect(opened, clock):
    done, stalls = [], iter([True])

    @step
    def look_up(number: int) -> int:
        return number

    @step
    def pay(number: int, *, who: Any) -> int:
        done.append(who)
        return number

    @process
    def settle(number: int, *, who: Any) -> int:
        number = look_up(number)
        for _ in stalls:
            clock.advance(timedelta(hours=1))
            assert two.tick().advanced == ("R",)
        return pay(number, who=who)

    one, two = opened(settle.bind(who="one")), opened(settle.bind(who="two"))
    with pytest.raises(LeaseLost):
        one.start(settle, 1, id="R")
    assert done == ["two"]


def test_a_worker_that_stalled_and_was_not_missed_goes_on(opened, clock):
    @step
    def work(number: int) -> int:
        return number

    @process
    def job(number: int) -> int:
        for _ in range(2):
            clock.advance(timedelta(hours=1))
            number = work(number)
        return number

    runtime = opened(job)
    assert runtime.start(job, 1, id="R").result() == 1
    runtime.ledger.verify()
