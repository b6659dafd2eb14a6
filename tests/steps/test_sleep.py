"""Sleep that survives: a run that sleeps holds nothing, and goes on when its time has come, once."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from abpo_sdk import Ledger, Runtime, gather, gather_async, now, process, sleep, sleep_async, step
from abpo_sdk.errors import DefinitionError
from abpo_sdk.runtime.chain import RunChain
from abpo_sdk.testing import FakeClock, TestRuntime, survives_crashes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


@step
def note(text: str, *, seen: Any) -> str:
    seen.append(text)
    return text


@process
def napping(hours: int, *, seen: Any) -> str:
    note("before", seen=seen)
    sleep(hours * HOUR)
    return note("after", seen=seen)


@process
async def napping_later(hours: int, *, seen: Any) -> str:
    note("before", seen=seen)
    await sleep_async(hours * HOUR)
    return note("after", seen=seen)


@process
def until(moment: datetime, *, seen: Any) -> str:
    sleep(moment)
    return note("after", seen=seen)


def kinds(run):
    return [entry.kind for entry in run.entries]


@pytest.mark.parametrize("flow", [napping, napping_later])
def test_a_run_that_sleeps_holds_no_thread_and_goes_on_when_its_time_has_come(runtime, flow):
    seen, threads = [], threading.active_count()
    run = runtime.start(flow.bind(seen=seen), 8)
    assert (run.status, seen, threading.active_count()) == ("waiting", ["before"], threads)
    runtime.clock.advance(8 * HOUR - timedelta(microseconds=1))
    assert run.status == "waiting"
    runtime.clock.advance(timedelta(microseconds=1))
    assert (run.result(), seen) == ("after", ["before", "after"])
    assert kinds(run) == ["started", "step", "timer", "fired", "step", "finished"]
    assert runtime.ledger.verify().entries == 6


@pytest.mark.parametrize("flow", [napping, napping_later])
def test_another_worker_goes_on_after_this_one_is_gone(opened, clock, flow):
    seen = []
    bound = flow.bind(seen=seen)
    opened(bound).start(bound, 8, id="R")
    clock.advance(8 * HOUR)
    other = opened(bound)
    assert other.tick().advanced == ("R",)
    assert other.tick().advanced == ()
    assert (other.run("R").result(), seen) == ("after", ["before", "after"])


def test_it_survives_a_crash_anywhere():
    """A time that has come already, since a crash test turns no clock."""
    report = survives_crashes(
        lambda seen: napping.bind(seen=seen), 0, world=list, effects=lambda seen: list(dict.fromkeys(seen))
    )
    assert len(report.points) > 6


def test_a_crash_after_the_time_has_come_and_before_anything_followed_fires_it_once(opened, clock):
    lives = iter([KeyboardInterrupt, None])

    @step
    def die(number: int) -> int:
        death = next(lives)
        if death:
            raise death
        return number

    @process
    def work(number: int) -> int:
        sleep(HOUR)
        return die(number)

    bound = work.bind()
    opened(bound).start(bound, 1, id="R")
    clock.advance(HOUR)
    with pytest.raises(KeyboardInterrupt):
        opened(bound).tick()
    clock.advance(-2 * HOUR)  # as if the machine's clock had been set back
    assert opened(bound).tick().advanced == ("R",)
    run = opened(bound).run("R")
    assert (run.result(), kinds(run).count("fired")) == (1, 1)


# clocks that jump


def test_a_clock_that_jumps_ahead_fires_it_once(runtime):
    seen = []
    run = runtime.start(napping.bind(seen=seen), 8)
    runtime.clock.advance(3 * DAY)
    assert (run.result(), seen) == ("after", ["before", "after"])
    runtime.clock.advance(3 * DAY)
    assert kinds(run).count("fired") == 1


def test_a_clock_that_jumps_back_makes_it_longer_and_fires_it_once(runtime):
    seen = []
    run = runtime.start(napping.bind(seen=seen), 8)
    for _ in range(2):
        runtime.clock.advance(7 * HOUR)
        assert run.status == "waiting"
        runtime.clock.advance(-HOUR)
        assert run.status == "waiting"
        runtime.clock.advance(-6 * HOUR)
    runtime.clock.advance(8 * HOUR)
    assert (run.result(), seen) == ("after", ["before", "after"])


def test_a_timer_that_fired_stays_fired_when_the_clock_is_set_back(runtime):
    @process
    def two(number: int) -> int:
        sleep(HOUR)
        sleep(HOUR)
        return number

    run = runtime.start(two, 1)
    runtime.clock.advance(HOUR)
    assert kinds(run).count("fired") == 1
    runtime.clock.advance(-30 * DAY)
    assert (run.status, kinds(run).count("timer")) == ("waiting", 2)
    runtime.clock.advance(30 * DAY + HOUR)
    assert (run.result(), kinds(run).count("fired")) == (1, 2)


# zones


@pytest.mark.parametrize(
    ("evening", "morning", "hours"),
    [
        (datetime(2026, 3, 28, 21, tzinfo=BERLIN), datetime(2026, 3, 29, 7, tzinfo=BERLIN), 9),  # an hour is left out
        (datetime(2026, 10, 24, 21, tzinfo=BERLIN), datetime(2026, 10, 25, 7, tzinfo=BERLIN), 11),  # one comes twice
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), 1),
    ],
)
@pytest.mark.parametrize("zone", [UTC, BERLIN])
def test_a_local_time_comes_when_the_clock_on_the_wall_says_so(evening, morning, hours, zone):
    """Whichever zone the runtime's clock tells its time in."""
    clock = FakeClock(evening.astimezone(zone))
    with TestRuntime(clock=clock) as runtime:
        run = runtime.start(until.bind(seen=[]), morning)
        runtime.clock.advance(hours * HOUR - timedelta(seconds=1))
        assert run.status == "waiting"
        runtime.clock.advance(timedelta(seconds=1))
        assert run.result() == "after"


@pytest.mark.parametrize("start", [datetime(2026, 3, 28, 21, tzinfo=BERLIN), datetime(2026, 10, 24, 21, tzinfo=BERLIN)])
def test_a_duration_is_as_long_as_it_says_whatever_the_clock_on_the_wall_does(start):
    with TestRuntime(clock=FakeClock(start)) as runtime:
        run = runtime.start(napping.bind(seen=[]), 10)
        runtime.clock.advance(10 * HOUR - timedelta(seconds=1))
        assert run.status == "waiting"
        runtime.clock.advance(timedelta(seconds=1))
        assert run.result() == "after"


def test_timers_of_branches_in_local_time_fire_in_their_order():
    """The first is later by the clock on the wall."""
    first = datetime(2026, 10, 25, 2, 45, tzinfo=BERLIN)
    second = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=BERLIN)

    @process
    def two(number: int, *, seen: Any) -> int:
        def nap(moment, name):
            sleep(moment)
            note(name, seen=seen)

        gather(lambda: nap(first, "first"), lambda: nap(second, "second"))
        return number

    with TestRuntime(clock=FakeClock(datetime(2026, 10, 25, 0, tzinfo=BERLIN))) as runtime:
        seen = []
        run = runtime.start(two.bind(seen=seen), 1)
        runtime.clock.advance(2 * HOUR + timedelta(minutes=50))
        assert seen == ["first"]
        runtime.clock.advance(HOUR)
        assert (seen, run.result()) == (["first", "second"], 1)


# what is past, and what is none


@pytest.mark.parametrize("long_ago", [timedelta(0), -HOUR, -9999 * DAY])
def test_a_time_that_is_past_is_not_waited_for(runtime, long_ago):
    @process
    def work(number: int) -> int:
        sleep(long_ago)
        sleep(runtime.clock.now() + min(long_ago, timedelta(0)))
        return number

    run = runtime.start(work, 1)
    assert run.result() == 1
    assert kinds(run) == ["started", "timer", "fired", "timer", "fired", "finished"]
    assert runtime.tick().advanced == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (datetime(2026, 3, 1), "a time without a zone"),  # noqa: DTZ001
        (3, "say for how long"),
        (None, "say for how long"),
        ("1 h", "say for how long"),
    ],
)
def test_what_is_no_time_is_refused(runtime, wrong, message):
    with pytest.raises(DefinitionError, match=rf"sleep\(.*\): {message}"):
        sleep(wrong)
    with pytest.raises(DefinitionError, match=message):
        asyncio.run(sleep_async(wrong))


def test_a_time_that_was_not_recorded_is_another_on_replay(runtime):
    """Whoever wants 'in an hour' says so; or asks `now()`, which is recorded."""

    @process
    def wrong(number: int) -> int:
        sleep(runtime.clock.now() + HOUR)
        return number

    @process
    def right(number: int) -> int:
        sleep(now() + HOUR)
        return number

    wrong_run, right_run = runtime.start(wrong, 1), runtime.start(right, 1)
    runtime.clock.advance(2 * HOUR)
    assert wrong_run.incident.error.startswith("ReplayDiverged: ")
    assert "the timer 'sleep' was given other inputs" in wrong_run.incident.error
    assert right_run.result() == 1


# parts of a process


def test_a_sub_process_sleeps_and_the_whole_run_with_it(runtime):
    @process
    def outer(number: int, *, seen: Any) -> str:
        return napping(1, seen=seen) + napping(2, seen=seen)

    seen = []
    run = runtime.start(outer.bind(seen=seen), 1)
    runtime.clock.advance(HOUR)
    assert (run.status, seen) == ("waiting", ["before", "after", "before"])
    runtime.clock.advance(2 * HOUR)
    assert run.result() == "afterafter"
    assert [str(e.place) for e in run.entries if e.kind == "timer"] == ["/0/1", "/1/1"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_branches_sleep_each_by_itself_and_no_timer_is_lost(runtime, asynchronous):
    seen = []

    @process
    def plain(number: int) -> list[str]:
        def nap(hours):
            sleep(hours * HOUR)
            sleep(HOUR)
            return note(str(hours), seen=seen)

        return list(gather(*(lambda h=h: nap(h) for h in (5, 1, 3, 1))))

    @process
    async def later(number: int) -> list[str]:
        async def nap(hours):
            await sleep_async(hours * HOUR)
            await sleep_async(HOUR)
            return note(str(hours), seen=seen)

        return list(await gather_async(*(nap(h) for h in (5, 1, 3, 1))))

    run = runtime.start(later if asynchronous else plain, 1)
    told = []
    for _ in range(6):
        assert run.status == "waiting"
        runtime.clock.advance(HOUR)
        told.append(len(seen))
    assert told == [0, 2, 2, 3, 3, 4]
    assert run.result() == ["5", "1", "3", "1"]
    assert kinds(run).count("fired") == kinds(run).count("timer") == 8
    runtime.ledger.verify()
    assert runtime.tick().advanced == ()


def test_many_branches_that_sleep_for_times_of_their_own_lose_none(runtime):
    """What the run waits for next is written by each branch in its own thread."""

    @process
    def many(number: int) -> int:
        def nap(n):
            for k in range(3):
                sleep(timedelta(minutes=1 + (7 * n + 3 * k) % 5))

        gather(*(lambda n=n: nap(n) for n in range(24)))
        return number

    run = runtime.start(many, 1)
    for _ in range(15):
        runtime.clock.advance(timedelta(minutes=1))
    assert run.result() == 1
    runtime.ledger.verify()


def test_a_run_that_sleeps_and_whose_code_has_changed_does_not_fire(path, clock):
    def release(text):
        @process(version=text)
        def work(number: int) -> str:
            sleep(HOUR)
            return text

        return work

    def opened(flow):
        return Runtime(Ledger(f"sqlite:///{path}", clock=clock), [flow], people={"maria@acme": {"operator"}})

    with opened(release("one")) as runtime:
        runtime.start(release("one").bind(), 1, id="R")
    clock.advance(2 * HOUR)
    with opened(release("two")) as runtime:
        assert runtime.tick().advanced == ()
        (stale,) = runtime.stale()
        assert (stale.id, stale.status) == ("R", "waiting")
        assert "'Process work' was one and is two" in stale.why
        assert kinds(runtime.run("R")) == ["started", "timer"]
    with opened(release("one")) as runtime:
        assert runtime.tick().advanced == ("R",)
        assert runtime.run("R").result() == "one"


# outside a run


def test_outside_a_run_the_thread_sleeps(monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    sleep(HOUR)
    sleep(-HOUR)
    sleep(datetime.now(UTC) + HOUR)
    sleep(datetime.now(BERLIN) - HOUR)
    assert waited[:2] == [3600.0, 0.0]
    assert 3590 < waited[2] <= 3600
    assert waited[3] == 0.0


def test_outside_a_run_the_task_sleeps(monkeypatch):
    waited = []

    async def noting(seconds):
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", noting)
    asyncio.run(sleep_async(HOUR))
    assert waited == [3600.0]


def test_inside_a_step_the_thread_sleeps(runtime, monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)

    @step
    def dozing(number: int) -> int:
        sleep(HOUR)
        return number

    @process
    def work(number: int) -> int:
        return dozing(number)

    run = runtime.start(work, 1)
    assert (run.result(), waited, kinds(run)) == (1, [3600.0], ["started", "step", "finished"])


def test_a_timer_that_is_set_while_another_fires_is_not_forgotten(runtime, monkeypatch):
    """The entry of the one says when the run wakes next; it must not have been made before the other was set."""
    made, is_set = threading.Event(), threading.Event()
    next_due, write = RunChain.next_due, RunChain.write

    def next_due_and_linger(chain):
        due = next_due(chain)
        if not made.is_set():
            made.set()
            is_set.wait(0.2)
        return due

    def write_and_tell(chain, drafts, **options):
        write(chain, drafts, **options)
        if any(draft.kind == "timer" for draft in drafts):
            is_set.set()

    monkeypatch.setattr(RunChain, "next_due", next_due_and_linger)
    monkeypatch.setattr(RunChain, "write", write_and_tell)

    @process
    def two(number: int) -> int:
        def nap():
            assert made.wait(30)
            sleep(HOUR)

        gather(lambda: sleep(timedelta(0)), nap)
        return number

    run = runtime.start(two, 1)
    assert (run.status, is_set.is_set()) == ("waiting", True)
    runtime.clock.advance(HOUR)
    assert run.result() == 1
