"""`check_replays` passes what does the same each time, and catches each way of doing something else."""

import asyncio
import datetime as dt
import itertools
import os
import random as chance
import secrets
import time
import uuid as identifiers
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Gate,
    Retry,
    fields,
    gather,
    gather_async,
    idempotency_key,
    now,
    process,
    random,
    rule,
    sleep,
    sleep_async,
    step,
    uuid,
)
from abpo_sdk.errors import DefinitionError, ReplayCheckFailed
from abpo_sdk.testing import check_replays


class Claim(BaseModel):
    number: str = "C-1"
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller", due=timedelta(hours=8), escalate_to="cfo")

CLAIM = Claim()
ANSWERS = {"approval": {"cfo": "pay"}}


@step
def note(text: str) -> str:
    return text


@step
def say(number: float) -> float:
    return number


# what is clean


class Bank:
    def __init__(self):
        self.calls = 0

    def pay(self, what, key):
        self.calls += 1
        if self.calls < 3:
            raise ConnectionError("no answer")
        return f"paid {what}"


@step(retry=Retry(ConnectionError, attempts=5, pause=timedelta(minutes=5)))
def pay(what: str, *, bank: Any) -> str:
    return bank.pay(what, idempotency_key())


@process
def clean(claim: Claim, *, bank: Any) -> list[str]:
    decision = approval(claims(claim))
    sleep(timedelta(days=3))
    parts = gather(lambda: note("a"), lambda: pay("b", bank=bank), lambda: note("c"))
    began = now()
    sleep(timedelta(days=30))
    late = "late" if now() - began > timedelta(days=20) else "early"
    return [decision.outcome, *parts, late, str(random()), str(uuid())]


@step
async def note_later(text: str) -> str:
    await asyncio.sleep(0)
    return text


@process
async def clean_later(claim: Claim) -> list[str]:
    await sleep_async(timedelta(days=1))
    parts = await gather_async(note_later("a"), note_later("b"))
    return [*parts, approval(claims(claim)).outcome, str(now())]


def test_a_process_that_does_the_same_each_time_passes():
    report = check_replays(clean.bind(bank=Bank()), CLAIM, answers=ANSWERS)
    assert report.not_done == ()
    assert report.waits >= 5
    assert report.replays == 2 * report.waits + 6 + 3
    assert report.surroundings[-1] == "in other processes, with sets in another order"
    assert str(report).startswith(f"replayed the same, {report.replays} times: a run of {report.entries} entries")


def test_an_async_process_that_does_the_same_each_time_passes():
    assert check_replays(clean_later, CLAIM, answers=ANSWERS).not_done == ()


def test_a_process_that_another_one_cannot_import_is_replayed_here_and_that_is_said():
    @process
    def inside(x: int) -> int:
        return int(say(float(x)))

    report = check_replays(inside, 3)
    assert report.replays == 6
    assert "cannot import it" in report.not_done[0]
    assert "\nnot done: sets in another order, because" in str(report)


def test_wiring_that_cannot_be_handed_over_is_said():
    bank = Bank()
    bank.calls = 5
    bank.lock = iter(lambda: 0, 1)
    report = check_replays(clean.bind(bank=bank), CLAIM, answers=ANSWERS)
    assert "its wiring cannot be handed to another process" in report.not_done[0]


# what is not


@process
def datetime_in_an_input(claim: Claim) -> str:
    return note(f"at {datetime.now(UTC)}")


@process
def datetime_of_the_module(claim: Claim) -> str:
    return note(f"in {dt.datetime.now(UTC).month}")


@process
def by_weekday(claim: Claim) -> str:
    return "weekend" if date.today().weekday() > 4 else note("weekday")  # noqa: DTZ011


@process
def branch_on_time(claim: Claim) -> str:
    return note("even hour" if int(time.time() // 3600) % 24 < 12 else "odd hour")


def helper() -> str:
    return "am" if datetime.now(UTC).hour < 12 else "pm"


@process
def in_a_plain_function(claim: Claim) -> str:
    return note(helper())


@process
def after_a_wait(claim: Claim) -> str:
    decision = approval(claims(claim))
    return note(f"{decision.outcome} {datetime.now(UTC):%B %A}")


@process
def before_a_wait(claim: Claim) -> str:
    started = time.monotonic()
    note(f"{started}")
    return approval(claims(claim)).outcome


@process
def branch_on_random(claim: Claim) -> str:
    return note("chosen") if chance.random() < 0.5 else "left out"


@process
def drawn(claim: Claim) -> float:
    return say(float(chance.randint(0, 1000)))


@process
def named_by_uuid(claim: Claim) -> str:
    return note(str(identifiers.uuid4()))


@process
def secret(claim: Claim) -> str:
    return note(secrets.token_hex(4))


@process
def bytes_of_the_system(claim: Claim) -> str:
    return note(os.urandom(4).hex())


NUMBERS = itertools.count()


@process
def numbered(claim: Claim) -> float:
    return say(float(next(NUMBERS)))


SEEN: list[int] = []


@process
def remembers(claim: Claim) -> str:
    SEEN.append(1)
    return note("first time") if len(SEEN) == 1 else "seen before"


@process
def by_environment(claim: Claim) -> str:
    return note(os.environ["ABPO_TEST_REGION"])


@process
def by_environment_number(claim: Claim) -> str:
    return note("high") if int(os.getenv("ABPO_TEST_LIMIT", "0")) > 7 else "low"


@process
def result_alone(claim: Claim) -> float:
    say(1.0)
    return time.time()


@process
async def async_and_in_time(claim: Claim) -> str:
    return await note_later(f"{datetime.now(UTC):%B}")


@process
def ends_early(claim: Claim) -> str:
    if datetime.now(UTC).hour == 3:
        return "night"
    note("day")
    return "day"


@process
def goes_on(claim: Claim) -> str:
    note("day")
    if datetime.now(UTC).hour == 3:
        note("night")
    return "day"


CAUGHT = {
    datetime_in_an_input: r"ReplayDiverged: .*/0: the step 'note' was given other inputs.*now: .*; it uses datetime.now\(\): take now\(\)",
    datetime_of_the_module: r"it uses datetime.now\(\): take now\(\) of abpo_sdk",
    by_weekday: r"it uses date.today\(\)",
    branch_on_time: r"it uses time.time\(\)",
    in_a_plain_function: r"it uses datetime.now\(\)",
    after_a_wait: r"replayed as a whole .*it uses datetime.now\(\)",
    before_a_wait: r"replayed where it waits \(1\) .*it uses time.monotonic\(\)",
    branch_on_random: r"it uses random: take random\(\)",
    drawn: r"it uses random",
    named_by_uuid: r"it uses the system's random bytes \(os.urandom, secrets, uuid4\): take random\(\) or uuid\(\)",
    secret: r"it uses the system's random bytes",
    bytes_of_the_system: r"it uses the system's random bytes",
    numbered: r"something in it moves from run to run: a counter",
    remembers: r"ends without it.*something in it moves from run to run",
    by_environment: r"north-elsewhere.*it uses the variable ABPO_TEST_REGION of the environment: read it in a step",
    by_environment_number: r"it uses the variable ABPO_TEST_LIMIT",
    result_alone: r"it returns \d+.*, and \d+.* is recorded; it uses time.time\(\)",
    async_and_in_time: r"it uses datetime.now\(\)",
}


@pytest.mark.parametrize("flow", CAUGHT, ids=lambda flow: flow.name)
def test_what_is_not_recorded_is_caught_and_named(flow, monkeypatch):
    monkeypatch.setenv("ABPO_TEST_REGION", "north")
    monkeypatch.setenv("ABPO_TEST_LIMIT", "7")
    SEEN.clear()
    with pytest.raises(ReplayCheckFailed, match=rf"(?s)process '{flow.name}', .*{CAUGHT[flow]}"):
        check_replays(flow, CLAIM, answers=ANSWERS)


def test_a_failed_check_is_an_assertion_that_failed():
    with pytest.raises(AssertionError):
        check_replays(drawn, CLAIM)


def test_a_process_that_ends_early_or_goes_on_is_caught():
    for flow in (ends_early, goes_on):
        with pytest.raises(ReplayCheckFailed, match=r"it uses datetime.now\(\)"):
            check_replays(flow, CLAIM)


WORDS = ["north", "south", "east", "west", "up", "down", "left", "right"]


@process
def in_the_order_of_a_set(claim: Claim) -> list[str]:
    return [note(word) for word in set(WORDS)]


@process
def in_sorted_order(claim: Claim) -> list[str]:
    return [note(word) for word in sorted(set(WORDS))]


def test_the_order_of_a_set_is_caught_by_another_process():
    with pytest.raises(
        ReplayCheckFailed,
        match=r"in another process, with PYTHONHASHSEED=\d: .*given other inputs.*iterate over sorted",
    ):
        check_replays(in_the_order_of_a_set, CLAIM)
    assert check_replays(in_sorted_order, CLAIM).not_done == ()


@process
def reads_a_file(claim: Claim, *, path: Any) -> str:
    return note(path.read_text())


@step(reads="file:{path}")
def read(path: Path) -> str:
    return path.read_text()


@process
def reads_a_file_in_a_step(path: Path) -> str:
    return read(path)


@step
def write(text: str, *, path: Any) -> str:
    path.write_text(text)
    return text


@process
def reads_what_it_wrote(claim: Claim, *, path: Any) -> str:
    note(path.read_text())
    return write("changed", path=path)


def test_a_file_that_the_process_itself_reads_is_caught(tmp_path):
    path = tmp_path / "limits.txt"
    path.write_text("500")
    with pytest.raises(ReplayCheckFailed, match=r"reads '.*limits.txt' itself, and a replay may find something else"):
        check_replays(reads_a_file.bind(path=path), CLAIM)
    with pytest.raises(ReplayCheckFailed, match=r"given other inputs .*changed"):
        check_replays(reads_what_it_wrote.bind(path=path), CLAIM)
    assert check_replays(reads_a_file_in_a_step, path).not_done == ()


@process
def closed(x: int) -> str:
    raise ValueError("no")


def test_a_process_that_does_not_end_well_shows_nothing():
    with pytest.raises(ReplayCheckFailed, match=r"became an incident: ValueError: no, and a replay of it would show"):
        check_replays(closed, 1)


def test_a_gate_without_an_answer_is_named():
    with pytest.raises(DefinitionError, match=r"gate 'approval' asks, and answers=\{...\} has no answer"):
        check_replays(after_a_wait, CLAIM)


def test_everything_is_as_it_was_afterwards(monkeypatch):
    monkeypatch.setenv("ABPO_TEST_REGION", "north")
    before = (time.time, time.sleep, os.urandom, chance._urandom, open, datetime, date, dt, dict(os.environ))
    get = type(os.environ).__getitem__
    chance.seed(7)
    state = chance.getstate()
    zone = time.tzname
    for flow in (branch_on_random, after_a_wait, clean_later):
        try:
            check_replays(flow, CLAIM, answers=ANSWERS)
        except ReplayCheckFailed:
            chance.setstate(state)  # the process itself drew from it, when it ran
    assert chance.getstate() == state
    assert before == (time.time, time.sleep, os.urandom, chance._urandom, open, datetime, date, dt, dict(os.environ))
    assert type(os.environ).__getitem__ is get
    assert zone == time.tzname


@process
def typed(claim: Claim) -> str:
    moment = dt.datetime(2026, 1, 5, tzinfo=UTC)
    parts = [
        isinstance(moment, datetime),
        isinstance(now(), dt.datetime),
        isinstance(now(), date),
        issubclass(dt.datetime, date),
        type(datetime.fromisoformat("2026-01-05")) is type(now()),
        datetime.combine(date(2026, 1, 5), moment.time()) == datetime(2026, 1, 5),  # noqa: DTZ001
        date.fromisoformat("2026-01-05").isoformat() == "2026-01-05",
        datetime.strptime("2026", "%Y").year == 2026,  # noqa: DTZ007
    ]
    return note(str(parts))


def test_dates_work_in_other_surroundings_as_they_do_here():
    assert check_replays(typed, CLAIM).entries == 6


@process
def outer(claim: Claim) -> str:
    return in_a_plain_function(claim)


def test_a_sub_process_is_looked_at_too():
    with pytest.raises(ReplayCheckFailed, match=r"it uses datetime.now\(\)"):
        check_replays(outer, CLAIM)


def test_a_name_that_is_closed_over_is_looked_at_too():
    clock = time.time

    @process
    def closing(claim: Claim) -> str:
        return note(str(clock()))

    with pytest.raises(ReplayCheckFailed, match=r"it uses time.time\(\)"):
        check_replays(closing, CLAIM)
