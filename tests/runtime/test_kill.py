"""Workers that are really killed: nothing is lost, nothing is done twice, and others go on at once."""

import os
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from abpo_sdk.errors import RunBusy
from tests.runtime.payments import FileBank, answer_all, open_runtime, pay_invoice

ROOT = Path(__file__).parents[2]
KILLS = 15
INVOICES = 60


@contextmanager
def worker(directory, first, last):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.runtime.payments", str(directory), str(first), str(last)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def wait_until_dead(process):
    """Dead, and not yet noticed by its parent."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


@pytest.fixture
def bank(tmp_path):
    bank = FileBank(tmp_path)
    yield bank
    bank.close()


@pytest.fixture
def runtime(tmp_path, bank):
    with open_runtime(tmp_path, bank) as runtime:
        yield runtime


def test_a_worker_that_was_killed_in_the_middle_of_a_step_is_replaced_at_once(tmp_path, runtime, bank):
    with worker(tmp_path, 1, "hang") as process:
        assert [process.stdout.readline().strip() for _ in range(2)] == ["paying 1", "paid 1"]
        run = runtime.run("INV-1")
        assert run.status == "running"
        with pytest.raises(RunBusy, match=f"run 'INV-1' is being advanced by .*{process.pid}"):
            runtime.advance("INV-1")
        assert runtime.tick().advanced == ()
        assert runtime.start(pay_invoice, 1, id="INV-1").status == "running"

        process.kill()
        wait_until_dead(process)  # a parent that does not look after its dead must not keep others waiting
        assert runtime.tick().advanced == ("INV-1",)
    assert run.result() == "pay 1"
    assert bank.paid() == [1]
    assert bank.attempts() == [1, 1]


def test_a_start_of_the_same_run_takes_over_from_a_worker_that_was_killed(tmp_path, runtime, bank):
    with worker(tmp_path, 1, "hang") as process:
        process.stdout.readline()
        process.kill()
        wait_until_dead(process)
    assert runtime.start(pay_invoice, 1, id="INV-1").result() == "pay 1"
    assert bank.paid() == [1]


def test_workers_that_are_killed_at_random_moments_lose_nothing_and_pay_nothing_twice(tmp_path, runtime, bank):
    chance = random.Random(7)
    interrupted = 0
    for _ in range(KILLS):
        with worker(tmp_path, len(runtime.runs()) + 1, INVOICES) as process:
            for _ in range(chance.randint(1, 12)):
                if not process.stdout.readline():
                    break
            process.kill()
            process.wait()
        interrupted += len(runtime.runs("running"))
    assert interrupted > 0, "no kill hit a run, so this showed nothing"

    runtime.tick()
    for number in range(1, INVOICES + 1):
        runtime.start(pay_invoice, number, id=f"INV-{number}")
    answer_all(runtime)
    assert {run.id: run.result() for run in runtime.runs()} == {f"INV-{n}": f"pay {n}" for n in range(1, INVOICES + 1)}
    assert bank.paid() == list(range(1, INVOICES + 1))
    assert runtime.ledger.verify().chains == INVOICES


def test_killed_workers_leave_other_workers_running(tmp_path, runtime, bank):
    with worker(tmp_path, 1, "hang") as victim, worker(tmp_path, 2, 12) as other:
        victim.stdout.readline()
        victim.kill()
        assert other.wait(timeout=30) == 0
    runtime.tick()
    answer_all(runtime)
    assert bank.paid() == list(range(1, 13))
    assert {run.status for run in runtime.runs()} == {"done"}
