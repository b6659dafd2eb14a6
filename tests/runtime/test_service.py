"""What serves a ledger: timers, deserted runs and escalations in the background, and a stop that loses nothing."""

import asyncio
import logging
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from abpo_sdk import Ledger, Retry, Runtime, gather, process, sleep, step
from abpo_sdk.errors import DefinitionError, RuntimeStopped, StoreUnavailable
from abpo_sdk.testing import FakeClock
from tests.runtime.conftest import PEOPLE

ROOT = Path(__file__).parents[2]
QUICK = timedelta(milliseconds=2)


class Bell:
    def __init__(self):
        self.rung = threading.Event()
        self.numbers = []

    def ring(self, number):
        self.numbers.append(number)
        self.rung.set()


@step
def ring(number: int, *, bell: Bell) -> int:
    bell.ring(number)
    return number


@process
def nap_and_ring(number: int, *, bell: Bell) -> int:
    sleep(timedelta(milliseconds=20))
    return ring(number, bell=bell)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'abpo.db'}"


def test_what_sleeps_is_woken_in_the_background(url):
    bell = Bell()
    with Runtime(url, [nap_and_ring.bind(bell=bell)]) as runtime:
        run = runtime.start(nap_and_ring, 1, id="R")
        with runtime.serve(every=QUICK) as service:
            assert bell.rung.wait(30)
        assert (run.status, bell.numbers, service.error) == ("done", [1], None)
    assert not [t for t in threading.enumerate() if t.name.startswith("abpo")]


def test_a_task_does_the_same(url):
    bell = Bell()

    async def main():
        with Runtime(url, [nap_and_ring.bind(bell=bell)]) as runtime:
            run = await runtime.start_async(nap_and_ring, 1, id="R")
            task = asyncio.create_task(runtime.serve_async(every=QUICK))
            while run.status != "done":
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            again = asyncio.create_task(runtime.serve_async(every=QUICK))
            runtime.stop()
            await again

    asyncio.run(main())
    assert bell.numbers == [1]


def test_a_run_whose_worker_is_gone_is_taken_up(url):
    lives, done = iter([KeyboardInterrupt, None]), threading.Event()

    @step
    def work(number: int) -> int:
        if death := next(lives):
            raise death
        done.set()
        return number

    @process
    def job(number: int) -> int:
        return work(number)

    with Runtime(url, [job]) as runtime:
        with pytest.raises(KeyboardInterrupt):
            runtime.start(job, 1, id="R")
        with runtime.serve(every=QUICK):
            assert done.wait(30)
        assert runtime.run("R").result() == 1


def test_several_runs_go_on_at_the_same_time(url):
    barrier = threading.Barrier(3, timeout=30)

    @step
    def meet(number: int) -> int:
        barrier.wait()
        return number

    @process
    def job(number: int) -> int:
        sleep(timedelta(0))
        sleep(timedelta(milliseconds=1))
        return meet(number)

    with Runtime(url, [job]) as runtime:
        runs = [runtime.start(job, number, id=f"R-{number}") for number in range(3)]
        with runtime.serve(every=QUICK, workers=3):
            while {run.status for run in runs} != {"done"}:
                pass


def test_a_round_that_fails_is_tried_again(url):
    bell, broken = Bell(), threading.Event()
    with Runtime(url, [nap_and_ring.bind(bell=bell)]) as runtime:
        runtime.start(nap_and_ring, 1, id="R")
        escalate = runtime._reviews.escalate

        def failing():
            if not broken.is_set():
                broken.set()
                raise OSError("no disk")
            return escalate()

        runtime._reviews.escalate = failing
        with runtime.serve(every=QUICK):
            assert bell.rung.wait(30)
        assert broken.is_set()


def naps(*then):
    """A process that sleeps a moment and then does this."""

    @step
    def do(number: int) -> int:
        for call in then:
            call(number)
        return number

    @process
    def job(number: int) -> int:
        sleep(timedelta(milliseconds=1))
        return do(number)

    return job


def test_a_step_that_ends_its_process_keeps_no_other_run_from_going_on(url):
    """It is tried again after pauses that grow, and said to be failing."""
    tries, done = [], threading.Event()

    def leave(number):
        tries.append(number)
        sys.exit(3)

    leaving, staying = naps(leave), process(name="staying")(naps(lambda _: done.set()).function)
    with Runtime(url, [leaving, staying]) as runtime:
        runtime.start(leaving, 1, id="R")
        runtime.start(staying, 2, id="S")
        with runtime.serve(every=QUICK, workers=1) as service:
            assert done.wait(30)
            while service.failing.get("R") != "SystemExit":
                pass
        assert (runtime.run("R").status, runtime.run("S").status) == ("running", "done")
        assert service.error is None


@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_round_too_it_keeps_no_other_from_going_on(url, asynchronous):
    leaving, staying = naps(lambda _: sys.exit(3)), process(name="staying")(naps().function)
    clock = FakeClock()
    with Runtime(Ledger(url, clock=clock), [leaving, staying]) as runtime:
        runtime.start(leaving, 1, id="R")
        runtime.start(staying, 2, id="S")
        clock.advance(timedelta(seconds=1))
        ticked = asyncio.run(runtime.tick_async()) if asynchronous else runtime.tick()
        assert ticked.advanced == ("S",)
        assert "run 'R': a step ended in SystemExit(3)" in str(ticked.failed["R"])


def test_what_the_log_says_of_a_failed_round_holds_nothing_of_the_case(url, caplog):
    """The error that the step raised stands behind the one that kept it from being recorded."""
    broken = threading.Event()

    def fail(number):
        def full(*_, **__):
            broken.set()
            raise StoreUnavailable("the disk is full")

        runtime.ledger.commit = full
        raise ValueError("DE89370400440532013000 refused")

    job = naps(fail)
    with Runtime(url, [job]) as runtime:
        runtime.start(job, 1, id="R")
        with runtime.serve(every=QUICK) as service:
            assert broken.wait(30)
            while not service.failing:
                pass
    assert "could not be advanced: StoreUnavailable" in caplog.text
    assert "DE89" not in caplog.text


def test_a_program_waits_for_its_service_until_the_runtime_is_stopped(url):
    with Runtime(url) as runtime, runtime.serve(every=QUICK) as service:
        threading.Timer(0.02, runtime.stop).start()
        service.wait()
        assert not [t for t in threading.enumerate() if t.name.startswith("abpo")]


def test_a_run_whose_code_is_not_there_is_named_in_the_log_once(url, caplog):
    job = naps()
    with Runtime(url, [job]) as runtime:
        runtime.start(job, 1, id="R")
    clock = FakeClock(datetime.now(UTC) + timedelta(hours=1))
    with Runtime(Ledger(url, clock=clock), [process(name="job", version="2")(job.function)]) as runtime:
        runtime.tick()
        runtime.tick()
    assert caplog.text.count("run 'R' of 'job'") == 1
    assert "is left alone: this worker does not have its code" in caplog.text


def test_a_pause_before_another_attempt_ends_where_the_worker_stops(url):
    tries = []

    @step(retry=Retry(ConnectionError, pause=timedelta(seconds=9), jitter=timedelta(0)))
    def shaky(number: int) -> int:
        tries.append(number)
        runtime.stop()
        raise ConnectionError("away")

    @process
    def job(number: int) -> int:
        return shaky(number)

    with Runtime(url, [job]) as runtime:
        run = runtime.start(job, 1, id="R")
        assert (run.status, tries) == ("running", [1])


@pytest.mark.parametrize(("options", "message"), [({"every": 1}, "every=1"), ({"workers": 0}, "workers=0")])
def test_nonsense_is_refused(runtime, options, message):
    with pytest.raises(DefinitionError, match=message):
        runtime.serve(**options)


def test_a_stopped_runtime_ends_each_run_at_its_next_call_and_another_goes_on(url):
    done = []

    def stopping(number):
        done.append(number)
        if number == 2:
            here.stop()

    @step
    def work(number: int) -> int:
        stopping(number)
        return number

    @process
    def job(count: int) -> int:
        return sum(work(number) for number in range(count))

    with Runtime(url, [job], people=PEOPLE) as here:
        run = here.start(job, 5, id="R")
        assert (run.status, done) == ("running", [0, 1, 2])
        assert here.tick().advanced == ()
        with pytest.raises(RuntimeStopped):
            here.start(job, 5, id="S")
        with pytest.raises(RuntimeStopped):
            here.advance("R")
    with Runtime(url, [job]) as there:
        assert there.tick().advanced == ("R",)
        assert (there.run("R").result(), done) == (10, [0, 1, 2, 3, 4])


def test_a_stop_in_one_branch_hides_no_error_of_another_from_its_process(url):
    begun, ended, seen, attempts = threading.Event(), threading.Event(), [], []

    @step
    def stop_here(number: int) -> int:
        assert begun.wait(30)
        here.stop()
        return number

    @step
    def work(number: int) -> int:
        return number

    @step
    def shaky(number: int) -> int:
        begun.set()
        attempts.append(number)
        if len(attempts) == 1:
            assert ended.wait(30)
            raise ConnectionError
        return number

    def cut_off() -> int:
        try:
            return work(stop_here(1))
        finally:
            ended.set()

    def within() -> int:
        both = gather(lambda: shaky(2), lambda: 3)
        seen.append(both)
        return work(sum(both))

    @process
    def job(case: int) -> int:
        return sum(gather(cut_off, within))

    with Runtime(url, [job], people=PEOPLE) as here:
        assert here.start(job, 1, id="R").status == "running"
        assert seen == []
    with Runtime(url, [job], people=PEOPLE) as there:
        assert there.tick().advanced == ("R",)
        assert (there.run("R").result(), seen, attempts) == (6, [(2, 3)], [2, 2])
        there.ledger.verify()


def test_the_log_of_a_service_repeats_nothing_that_a_step_said(url, tmp_path, caplog):
    locker = sqlite3.connect(tmp_path / "abpo.db", isolation_level=None, check_same_thread=False)
    told = threading.Event()

    @step(retry=Retry(ValueError, pause=timedelta(0), jitter=timedelta(0)))
    def look_up(name: str) -> str:
        if not told.is_set():
            told.set()
            locker.execute("BEGIN IMMEDIATE")
        raise ValueError(f"{name} has no account")

    @process
    def job(name: str) -> str:
        sleep(timedelta(milliseconds=1))
        return look_up(name)

    with Runtime(Ledger(url, timeout=0.02), [job]) as runtime:
        runtime.start(job, "Ada", id="R")
        with runtime.serve(every=QUICK):
            while "could not be advanced" not in caplog.text:
                time.sleep(0.001)
            locker.execute("ROLLBACK")
    locker.close()
    formatted = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert "run 'R' could not be advanced: StoreUnavailable at tests.runtime.test_service:" in formatted
    assert "Ada" not in formatted + repr([vars(record) for record in caplog.records])


def test_an_async_run_and_its_branches_stop_too(url):
    from abpo_sdk import gather_async

    @step
    async def work(number: int) -> int:
        if number == 1:
            here.stop()
        return number

    async def two(number):
        return await work(number) + await work(number)

    @process
    async def job(count: int) -> int:
        return sum(await gather_async(*(two(number) for number in range(count))))

    with Runtime(url, [job]) as here:
        assert asyncio.run(here.start_async(job, 3, id="R")).status == "running"
    with Runtime(url, [job]) as there:
        assert there.tick().advanced == ("R",)
        assert there.run("R").result() == 6


WORKER = """
import signal, sys, time
from pathlib import Path
from abpo_sdk import Runtime, process, step

@step
def work(number: int) -> int:
    with Path(sys.argv[2]).open("a") as file:
        file.write(f"{number}\\n")
    return number

@process
def job(count: int) -> int:
    return sum(work(number) for number in range(count))

with Runtime(f"sqlite:///{sys.argv[1]}", [job]) as runtime:
    signal.signal(signal.SIGTERM, lambda *_: runtime.stop())
    if sys.argv[3] == "start":
        print(runtime.start(job, 100_000, id="R").status)
    else:
        print(len(runtime.run("R").entries))
"""


def test_sigterm_ends_a_worker_between_two_calls_and_nothing_is_done_twice(tmp_path):
    log = tmp_path / "log"
    script = [sys.executable, "-c", WORKER, str(tmp_path / "abpo.db"), str(log)]
    worker = subprocess.Popen([*script, "start"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    while not log.exists() or log.stat().st_size < 50:
        assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    said, _ = worker.communicate(timeout=60)
    assert (worker.returncode, said.strip()) == (0, "running")
    done = log.read_text().split()
    assert done == [str(number) for number in range(len(done))]
    looked = subprocess.run([*script, "look"], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)
    assert int(looked.stdout) == len(done) + 1
