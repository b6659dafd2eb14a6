"""Answers to the reviews of runs: applied once, checked, and raced for by threads and by processes."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Runtime, fields, process, rule, step
from abpo_sdk.errors import NotPermitted, RationaleMissing, ReviewClosed, UnknownOutcome
from abpo_sdk.testing import FakeClock
from tests.runtime.conftest import PEOPLE
from tests.runtime.payments import FileBank, open_runtime, pay_invoice

ROOT = Path(__file__).parents[2]


class Claim(BaseModel):
    amount: Decimal = Decimal(1200)


c, d = fields(Claim), fields(Decision)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller", due=timedelta(hours=8), escalate_to="cfo")


@step
def note(text: str) -> str:
    return text


@process
def pay(claim: Claim) -> str:
    decision = approval(claims(claim))
    return note(f"{decision.outcome} by {decision.decided_by}: {decision.reasons[0].text}")


@pytest.fixture
def runtime(opened):
    return opened(pay)


@pytest.fixture
def run(runtime):
    return runtime.start(pay, Claim(), id="R")


def kinds(run):
    return [entry.kind for entry in run.entries]


def test_the_run_goes_on_before_the_answer_returns(run):
    answered = run.review.answer("pay", by="maria@acme", because="the receipt is there")
    assert answered.status == "answered"
    assert run.result() == "pay by maria@acme: the receipt is there"
    assert run.reviews == ()


def test_the_answer_stands_in_the_decisions(runtime, run):
    run.review.answer("pay", by="maria@acme", because="x")
    [row] = runtime.decisions("claims").to_dict("records")
    assert (row["proposed"], row["outcome"], row["decided_by"], row["gate"]) == (
        "refer",
        "pay",
        "maria@acme",
        "approval",
    )


def test_reviews_are_found_by_role_in_any_runtime(opened, run):
    other = opened(pay)
    assert [review.run for review in other.reviews(to="controller")] == ["R"]
    assert other.reviews(to="cfo") == ()
    assert other.reviews() == (run.review,)


@pytest.mark.parametrize(
    ("outcome", "by", "because", "error"),
    [
        ("pay", "ines@acme", "x", NotPermitted),
        ("pay", "eve@acme", "x", NotPermitted),
        ("reject", "maria@acme", "x", UnknownOutcome),
        ("pay", "maria@acme", " ", RationaleMissing),
    ],
)
def test_an_answer_that_may_not_stand_leaves_the_run_waiting(run, outcome, by, because, error):
    entries = run.entries
    with pytest.raises(error):
        run.review.answer(outcome, by=by, because=because)
    assert run.status == "waiting"
    assert run.entries[:-1] == entries
    assert (run.entries[-1].kind, run.entries[-1].content["error"]) == ("refused", error.__name__)


def test_a_second_answer_changes_nothing(run):
    review = run.review
    review.answer("pay", by="maria@acme", because="first")
    entries = run.entries
    with pytest.raises(ReviewClosed, match="answered 'pay' by maria@acme"):
        review.answer("refer", by="otto@acme", because="second")
    assert run.entries[:-1] == entries
    assert run.entries[-1].kind == "refused"
    assert run.result().startswith("pay by maria@acme")


def test_a_review_whose_run_was_given_up_is_closed(opened):
    def body(claim: Claim) -> str:
        try:
            return approval(claims(claim)).outcome
        except BaseException:
            return "swallowed"

    bound = process(name="body", version="1")(body).bind()
    run = opened(bound).start(bound, Claim(), id="R")
    review = run.review
    run.incident.abandon(by="maria@acme", because="x")
    assert run.reviews == ()
    with pytest.raises(ReviewClosed, match="is closed with its run"):
        review.answer("pay", by="maria@acme", because="x")
    assert run.status == "abandoned"


# time


def test_an_overdue_review_goes_to_the_next_role_when_the_clock_ticks(runtime, run, clock):
    clock.advance(timedelta(hours=8))
    review = run.review
    assert review.to == "controller"  # nobody has looked at the clock yet
    assert runtime.tick().escalated == (review.id,)
    assert run.review.to == "cfo"
    assert run.status == "waiting"
    assert runtime.tick().escalated == ()
    with pytest.raises(NotPermitted, match="put to the cfo"):
        review.answer("pay", by="maria@acme", because="x")
    run.review.answer("pay", by="ines@acme", because="urgent")
    assert run.result() == "pay by ines@acme: urgent"


def test_an_overdue_answer_of_the_old_role_is_refused_even_before_a_tick(run, clock):
    clock.advance(timedelta(hours=8))
    with pytest.raises(NotPermitted, match=r"'maria@acme' may not .* put to the cfo"):
        run.review.answer("pay", by="maria@acme", because="x")
    assert run.status == "waiting"
    run.review.answer("pay", by="ines@acme", because="urgent")
    assert kinds(run)[-6:] == ["review", "escalated", "refused", "answered", "step", "finished"]


def test_an_answer_just_in_time_counts(run, clock):
    clock.advance(timedelta(hours=8) - timedelta(microseconds=1))
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.status == "done"


def test_the_test_clock_ticks_by_itself(runtime):
    from abpo_sdk.testing import TestRuntime

    with TestRuntime() as turned:
        run = turned.start(pay, Claim())
        turned.clock.advance(timedelta(hours=9))
        assert run.review.to == "cfo"


# at the same instant


def test_of_two_threads_that_answer_at_the_same_instant_one_wins(opened):
    desks = [opened(pay), opened(pay)]
    for number in range(8):
        run = desks[0].start(pay, Claim(), id=f"R{number}")
        barrier = threading.Barrier(2)

        def answer(desk, by, outcome, run=run, barrier=barrier):
            [review] = desk.run(run.id).reviews
            barrier.wait(timeout=10)
            try:
                review.answer(outcome, by=by, because=by)
            except ReviewClosed:
                return None
            return f"{outcome} by {by}: {by}"

        with ThreadPoolExecutor(2) as pool:
            given = list(pool.map(answer, desks, ("maria@acme", "otto@acme"), ("pay", "refer")))
        [winner] = [answer for answer in given if answer]
        desks[0].tick()
        assert run.result() == winner
        assert kinds(run).count("answered") == 1
        assert kinds(run).count("step") == 1


def test_of_two_threads_on_one_runtime_one_wins_too(runtime):
    run = runtime.start(pay, Claim())
    barrier, review = threading.Barrier(4), run.review

    def answer(number):
        barrier.wait(timeout=10)
        try:
            return review.answer("pay", by="maria@acme", because=str(number)).given.because
        except ReviewClosed:
            return None

    with ThreadPoolExecutor(4) as pool:
        [winner] = filter(None, pool.map(answer, range(4)))
    assert run.result() == f"pay by maria@acme: {winner}"


ANSWERING = """
import sys
from pathlib import Path
from abpo_sdk.errors import ReviewClosed
from tests.runtime.payments import FileBank, open_runtime

runtime = open_runtime(Path(sys.argv[1]), FileBank(Path(sys.argv[1])))
reviews = runtime.reviews()
print("ready", flush=True)
sys.stdin.readline()
won = 0
for review in reviews:
    try:
        review.answer(sys.argv[2], by="maria@acme", because=sys.argv[2])
        won += 1
    except ReviewClosed:
        pass
print(won, flush=True)
"""


def test_of_two_processes_that_answer_at_the_same_instant_one_wins(tmp_path):
    bank = FileBank(tmp_path)
    with open_runtime(tmp_path, bank) as runtime:
        runs = [runtime.start(pay_invoice, number, id=f"INV-{number}") for number in (7, 8, 9, 17, 18, 19, 27, 28, 29)]
        assert {run.status for run in runs} == {"waiting"}
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", ANSWERING, str(tmp_path), outcome],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for outcome in ("pay", "refer")
        ]
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        won = [int(worker.communicate(timeout=30)[0]) for worker in workers]
        runtime.tick()
        assert sum(won) == len(runs)
        assert [sum(run.result().startswith(outcome) for run in runs) for outcome in ("pay", "refer")] == won
        assert all(kinds(run).count("answered") == 1 for run in runs)
        assert sorted(bank.attempts()) == sorted(bank.paid()) == sorted(int(run.id[4:]) for run in runs)
        assert runtime.ledger.verify().chains == len(runs)
    bank.close()


def test_where_the_clocks_change_a_review_is_due_after_as_many_hours_as_elsewhere():
    clock = FakeClock(datetime(2026, 3, 28, 21, tzinfo=ZoneInfo("Europe/Berlin")))

    @process
    def settling(claim: Claim) -> str:
        return approval(claims(claim)).outcome

    with Runtime("sqlite://", [settling], people=PEOPLE, clock=clock) as runtime:
        run = runtime.start(settling, Claim(), id="R")  # eight hours are to pass, and the night has one less
        assert run.review.due == datetime(2026, 3, 29, 4, tzinfo=UTC)
