"""Code that changes under open runs: it is named, left to workers that have it, or gone on with because a person says so."""

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Gate,
    Ledger,
    Retry,
    Runtime,
    fields,
    gather,
    idempotency_key,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.errors import (
    AbpoError,
    DefinitionError,
    NotPermitted,
    RationaleMissing,
    ReplayDiverged,
    RunBusy,
    RunStale,
    UnknownProcess,
    UnknownRun,
)

PEOPLE = {"maria@acme": {"controller"}, "ines@acme": {"cfo"}}
HOUR = timedelta(hours=1)
BY = {"by": "ines@acme", "because": "the new limit counts from today"}


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)


@step
def look_up(number: int) -> str:
    return idempotency_key()


@step
def pay(outcome: str) -> str:
    return f"{outcome} {idempotency_key()}"


@step
def fail(number: int) -> str:
    if number:
        raise ConnectionError("the bank is closed")
    return "never"


def asking(claim, claims, approval):
    look_up(1)
    decision = approval(claims(claim))
    return pay(decision.outcome)


def released(body, *, version, limit=500):
    """The code as it is with one body or another, and with one limit or another."""
    claims = DecisionTable("claims", rule(c.amount <= limit, then="pay", because="small"), otherwise="refer")
    approval = Gate("approval", when=c.amount > 400, to="controller")

    def settling(claim: Claim) -> str:
        return body(claim, claims, approval)

    return process(name="settling", version=version)(settling)


def release(version="1", limit=500):
    return released(asking, version=version, limit=limit)


@pytest.fixture
def opened(path, clock):
    with ExitStack() as stack:

        def open_runtime(*flows):
            ledger = Ledger(f"sqlite:///{path}", clock=clock, timeout=0.1)
            return stack.enter_context(Runtime(ledger, flows, people=PEOPLE))

        yield open_runtime


@pytest.fixture
def waiting(opened):
    """A run of the old code that waits at its gate."""
    return opened(release(version="1")).start(release(version="1").bind(), Claim(), id="R")


def contents(run, kind):
    return [entry.content for entry in run.entries if entry.kind == kind]


# what is stale


def test_a_run_whose_process_is_not_there_is_stale(opened, waiting):
    (stale,) = opened().stale()
    assert (stale.id, stale.process, stale.status) == ("R", "settling", "waiting")
    assert stale.why == "its process 'settling' was not given to this runtime"
    with pytest.raises(UnknownProcess):
        opened().migrate("R", **BY)


def test_a_run_whose_code_has_changed_is_stale_and_left_alone(opened, waiting):
    runtime = opened(release(limit=800, version="1"))
    (stale,) = runtime.stale()
    assert stale.why.startswith("its code changed while it was open: 'DecisionTable claims' was ")
    waiting.review.answer("pay", by="maria@acme", because="x")  # by a worker that has the old code
    assert waiting.status == "done"
    assert runtime.stale() == []


def test_an_answer_where_the_code_is_not_there_is_kept_and_the_run_goes_on_with_its_code(opened, waiting):
    runtime = opened(release(version="2"))
    run = runtime.run("R")
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.status == "running"
    assert runtime.tick().advanced == ()
    with pytest.raises(RunStale, match=r"run 'R': its code changed .*; bring back the code .* by runtime.migrate"):
        runtime.advance("R")
    with pytest.raises(AbpoError, match="cannot go on: its code changed"):
        run.result()
    assert opened(release(version="1")).tick().advanced == ("R",)
    assert run.result() == "pay R/pay/0"


def test_a_run_that_has_ended_is_not_stale(opened, waiting):
    waiting.review.answer("pay", by="maria@acme", because="x")
    assert opened(release(version="2")).stale() == []
    assert opened().stale() == []


def test_stale_runs_of_every_open_status_are_named(opened):
    def body(claim, claims, approval):
        return fail(1)

    old = opened(released(body, version="1"))
    old.start(released(body, version="1").bind(), Claim(), id="I")
    runtime = opened(release(version="1"))
    runtime.start(release(version="1").bind(), Claim(), id="W")
    assert {(s.id, s.status) for s in opened(release(version="9")).stale()} == {("I", "incident"), ("W", "waiting")}


# migrating


def test_a_dry_run_says_what_would_happen_and_writes_nothing(opened, waiting):
    runtime = opened(release(version="2"))
    before = runtime.ledger.entries("R")
    migration = runtime.migrate("R", dry_run=True)
    assert (migration.run, migration.fits, migration.diverges, migration.replayed) == ("R", True, None, 4)
    assert migration.goes_on == ("the answer to gate 'approval' at /3",)
    assert migration.before["Process settling"] == "1"
    assert migration.after["Process settling"] == "2"
    assert runtime.ledger.entries("R") == before
    assert runtime.ledger.store.head("R").holder is None
    assert [s.id for s in runtime.stale()] == ["R"]


def test_code_that_fits_goes_on_and_the_ledger_says_who_had_it_do_so(opened, waiting):
    runtime = opened(release(version="2"))
    runtime.migrate("R", **BY)
    run = runtime.run("R")
    (content,) = contents(run, "migrated")
    assert (content["by"], content["because"]) == ("ines@acme", "the new limit counts from today")
    assert content["before"]["Process settling"] == "1"
    assert content["pins"]["Process settling"] == "2"
    assert (run.status, runtime.stale()) == ("waiting", [])
    assert [s.id for s in opened(release(version="1")).stale()] == ["R"]  # the old code is the stale one now
    run.review.answer("refer", by="maria@acme", because="x")
    assert run.result() == "refer R/pay/0"
    runtime.ledger.verify()
    rows = runtime.ledger.view("runs")
    runtime.ledger.rebuild()
    assert runtime.ledger.view("runs").equals(rows)


def test_decisions_of_the_old_policy_stand_as_they_were_made(opened, waiting):
    """By the new table the claim would be referred; it was decided before."""
    new = release(limit=100, version="1")
    runtime = opened(new)
    migration = runtime.migrate("R", **BY)
    assert migration.fits
    run = runtime.run("R")
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay R/pay/0"
    (decision,) = run.decisions
    assert decision.proposed == "pay"
    assert decision.version != new.pins.get("DecisionTable claims")
    runtime.ledger.verify()


def test_a_decision_after_it_is_made_by_the_new_policy(opened):
    def body(claim, claims, approval):
        first = claims(claim).outcome
        sleep(HOUR)
        return f"{first}, {claims(claim).outcome}"

    old, new = released(body, version="1"), released(body, version="2", limit=100)
    opened(old).start(old.bind(), Claim(), id="R")
    runtime = opened(new)
    runtime.migrate("R", **BY)
    runtime.clock.advance(HOUR)
    runtime.tick()
    run = runtime.run("R")
    assert run.result() == "pay, refer"
    assert len({decision.version for decision in run.decisions}) == 2
    runtime.ledger.verify()


def test_and_a_run_may_be_migrated_twice(opened, waiting):
    for version, limit in (("2", 100), ("3", 50)):
        runtime = opened(release(version=version, limit=limit))
        runtime.migrate("R", **BY)
    run = runtime.run("R")
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay R/pay/0"
    assert len(contents(run, "migrated")) == 2
    runtime.ledger.verify()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, NotPermitted),
        ({"by": "nobody@acme", "because": "x"}, NotPermitted),
        ({"by": "ines@acme"}, RationaleMissing),
        ({"by": "ines@acme", "because": "  "}, RationaleMissing),
        ({"by": "ines@acme", "because": None}, RationaleMissing),
    ],
)
def test_somebody_known_must_say_so_and_why(opened, waiting, given, error):
    runtime = opened(release(version="2"))
    with pytest.raises(error, match="migrate run 'R'"):
        runtime.migrate("R", **given)
    assert contents(waiting, "migrated") == []


def another_step(claim, claims, approval):
    pay("first")
    return approval(claims(claim)).outcome


def other_inputs(claim, claims, approval):
    look_up(2)
    return approval(claims(claim)).outcome


def earlier_end(claim, claims, approval):
    return look_up(1)


def raises(claim, claims, approval):
    raise ValueError("the new code is broken")


def swapped(claim, claims, approval):
    decision = claims(claim)
    look_up(1)
    return approval(decision).outcome


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (another_step, "ReplayDiverged: run 'R', /0: the ledger has the step 'look_up', and the process now calls the step 'pay'"),
        (other_inputs, "ReplayDiverged: run 'R', /0: the step 'look_up' was given other inputs"),
        (earlier_end, "ReplayDiverged: run 'R', /1: the ledger has the decision 'claims', and the process now ends without it"),
        (raises, "ValueError: the new code is broken"),
        (swapped, "ReplayDiverged: run 'R', /0: the ledger has the step 'look_up', and the process now calls the decision 'claims'"),
    ],
)  # fmt: skip
def test_code_that_does_something_else_is_refused_with_the_place(opened, waiting, body, where):
    runtime = opened(released(body, version="2"))
    before = runtime.ledger.entries("R")
    migration = runtime.migrate("R", dry_run=True)
    assert migration.diverges.startswith(where)
    assert not migration.fits
    with pytest.raises(ReplayDiverged, match="run 'R' cannot go on with the new code: "):
        runtime.migrate("R", **BY)
    assert runtime.ledger.entries("R") == before
    assert opened(release(version="1")).run("R").status == "waiting"


def test_new_things_may_follow_what_is_recorded(opened, waiting):
    def body(claim, claims, approval):
        look_up(1)
        decision = approval(claims(claim))
        look_up(2)
        return pay(decision.outcome)

    runtime = opened(released(body, version="2"))
    runtime.migrate("R", **BY)
    run = runtime.run("R")
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay R/pay/0"
    assert [e.name for e in run.entries if e.kind == "step"] == ["look_up", "look_up", "pay"]


def test_a_run_that_came_further_goes_on_at_once(opened, waiting):
    runtime = opened(release(version="2"))
    run = runtime.run("R")
    run.review.answer("pay", by="maria@acme", because="x")
    migration = runtime.migrate("R", **BY)
    assert migration.goes_on == ("the step 'pay' at /4",)
    assert run.result() == "pay R/pay/0"


def test_an_incident_is_migrated_and_then_retried(opened):
    def broken(claim, claims, approval):
        look_up(1)
        raise ValueError("a bug in the process")

    def mended(claim, claims, approval):
        return look_up(1)

    old, new = released(broken, version="1"), released(mended, version="2")
    opened(old).start(old.bind(), Claim(), id="R")
    runtime = opened(new)
    run = runtime.run("R")
    migration = runtime.migrate("R", **BY)
    assert migration.fits
    assert (run.status, migration.goes_on) == ("incident", ())
    run.incident.retry(by="ines@acme", because="the bug is mended")
    assert run.result() == "R/look_up/0"
    runtime.ledger.verify()
    runtime.ledger.rebuild()


def test_a_run_that_pauses_between_attempts_is_migrated_and_its_attempts_count_on(opened, clock):
    calls = []

    @step(retry=Retry(ConnectionError, attempts=3, pause=HOUR, jitter=timedelta(0), longest=HOUR))
    def shaky(number: int) -> int:
        calls.append(number)
        raise ConnectionError

    def body(claim, claims, approval):
        return str(shaky(1))

    old, new = released(body, version="1"), released(body, version="2")
    opened(old).start(old.bind(), Claim(), id="R")
    runtime = opened(new)
    assert runtime.migrate("R", **BY).goes_on == ("the step 'shaky' at /0",)
    for _ in range(2):
        clock.advance(HOUR)
        assert runtime.tick().advanced == ("R",)
    assert (runtime.run("R").incident.step, len(calls)) == ("shaky", 3)


def test_attempts_that_the_new_code_would_not_make_are_missed(opened):
    """What was attempted may have had its effect, although it raised."""

    @step(retry=Retry(ConnectionError, attempts=3, pause=HOUR, jitter=timedelta(0)))
    def shaky(number: int) -> str:
        raise ConnectionError

    def old_body(claim, claims, approval):
        return shaky(1)

    def renamed(claim, claims, approval):
        return look_up(1)

    def other_input(claim, claims, approval):
        return shaky(2)

    def left_out(claim, claims, approval):
        return "nothing"

    opened(released(old_body, version="1")).start(released(old_body, version="1").bind(), Claim(), id="R")
    for body, why in (
        (renamed, "/0: the ledger has the step 'shaky', and the process now calls the step 'look_up'"),
        (other_input, "/0: the step 'shaky' was given other inputs"),
        (left_out, "/0/0: the ledger has the attempt 'shaky', and the process now ends without it"),
    ):
        migration = opened(released(body, version="2")).migrate("R", dry_run=True)
        assert migration.diverges.startswith(f"ReplayDiverged: run 'R', {why}")


def test_branches_are_rehearsed_too_and_told_in_their_order(opened):
    def body(claim, claims, approval):
        def branch(n):
            look_up(n)
            sleep(HOUR)

        gather(*(lambda n=n: branch(n) for n in range(5)))
        return "done"

    old, new = released(body, version="1"), released(body, version="2")
    opened(old).start(old.bind(), Claim(), id="R")
    runtime = opened(new)
    migration = runtime.migrate("R", **BY)
    assert migration.fits, migration.diverges
    assert migration.goes_on == tuple(f"the timer 'sleep' at /0.{n}/1" for n in range(5))
    assert migration.replayed == 10
    runtime.clock.advance(HOUR)
    assert runtime.tick().advanced == ("R",)
    assert runtime.run("R").result() == "done"


def test_an_async_process_is_rehearsed_from_a_loop_and_from_none(opened):
    def flow(version):
        @process(name="later", version=version)
        async def later(claim: Claim) -> str:
            await asyncio.sleep(0)
            look_up(1)
            sleep(HOUR)
            return pay("x")

        return later

    opened(flow("1")).start(flow("1").bind(), Claim(), id="R")
    runtime = opened(flow("2"))
    assert runtime.migrate("R", dry_run=True).fits

    async def main():
        return runtime.migrate("R", **BY)

    assert asyncio.run(main()).fits
    runtime.clock.advance(HOUR)
    runtime.tick()
    assert runtime.run("R").result() == "x R/pay/0"


def test_a_run_that_is_done_or_goes_on_with_this_code_already_is_refused(opened, waiting):
    runtime = opened(release(version="1"))
    with pytest.raises(DefinitionError, match="run 'R' goes on with the code that is there already"):
        runtime.migrate("R", **BY)
    runtime.run("R").review.answer("pay", by="maria@acme", because="x")
    with pytest.raises(DefinitionError, match="run 'R' is done, so there is nothing left to migrate"):
        opened(release(version="2")).migrate("R", **BY)
    with pytest.raises(UnknownRun):
        runtime.migrate("S", **BY)


def test_a_run_that_somebody_is_at_is_refused(opened, waiting):
    runtime = opened(release(version="2"))
    runtime._worker.leases.acquire("R")
    with pytest.raises(RunBusy):
        runtime.migrate("R", **BY)
    assert contents(waiting, "migrated") == []


def test_an_answer_that_comes_between_rehearsal_and_record_is_noticed(opened, waiting, monkeypatch):
    """What the new code would do after that answer, nobody has looked at."""
    from abpo_sdk.runtime import rehearsal

    runtime = opened(release(version="2"))
    rehearse = rehearsal.rehearse

    def rehearse_and_answer(*args):
        found = rehearse(*args)
        opened(release(version="3")).run("R").review.answer("pay", by="maria@acme", because="x")
        return found

    monkeypatch.setattr(rehearsal, "rehearse", rehearse_and_answer)
    with pytest.raises(RunBusy):
        runtime.migrate("R", **BY)
    assert contents(waiting, "migrated") == []
    monkeypatch.setattr(rehearsal, "rehearse", rehearse)
    runtime.migrate("R", **BY)
    assert waiting.result() == "pay R/pay/0"
