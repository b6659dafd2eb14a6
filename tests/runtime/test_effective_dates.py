"""Policies with dates in runs: the run's clock says which version counts, and what is recorded stays."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Reviews, fields, gather, now, process, rule, sleep, step
from abpo_sdk.errors import DefinitionError, NotInForce, ReviewChanged, ReviewRequired
from abpo_sdk.policies import InForce
from abpo_sdk.testing import FakeClock

START = datetime(2026, 6, 30, 21, tzinfo=UTC)  # an hour before midnight in Berlin
HOUR = timedelta(hours=1)


class Claim(BaseModel):
    amount: int


c = fields(Claim)
CLAIM = Claim(amount=300)


def table(name, limit):
    small = rule(c.amount <= limit, then="pay", because=f"up to {limit}")
    return DecisionTable(name, small, otherwise="refer", owner="head of claims")


OLD, NEW, LATER = table("old limit", 100), table("new limit", 500), table("later limit", 10)
VERSIONS = ((date(2026, 1, 1), OLD), (date(2026, 7, 1), NEW))


def dated(*more):
    return InForce("claims", *VERSIONS, *more, zone="Europe/Berlin")


claims = dated()
approval = Gate("approval", when=c.amount > 200, to="controller")


def by(decision):
    return decision.reasons[-1].text.partition("'")[2].partition("'")[0]


@process
def settling(claim: Claim) -> list[str]:
    decision = approval(claims(claim))
    return [by(decision), decision.proposed, decision.outcome]


@process
async def settling_async(claim: Claim) -> list[str]:
    decision = approval(claims(claim))
    return [by(decision), decision.proposed, decision.outcome]


@pytest.fixture
def clock():
    return FakeClock(START)


@pytest.mark.parametrize("body", [settling, settling_async])
def test_a_run_that_waits_keeps_the_decision_that_was_made_when_its_version_was_in_force(opened, clock, body):
    runtime = opened(body)

    def start(name):
        if body is settling:
            return runtime.start(body.bind(), CLAIM, id=name)
        return asyncio.run(runtime.start_async(body.bind(), CLAIM, id=name))

    early = start("early")
    clock.advance(HOUR)
    late = start("late")
    assert [r.decisions[0].proposed for r in (early, late)] == ["refer", "pay"]
    assert runtime.stale() == []
    for run in (early, late):
        run.review.answer("refer", by="maria@acme", because="seen")
        while run.status == "running":
            runtime.tick()
    assert early.result() == ["old limit", "refer", "refer"]
    assert late.result() == ["new limit", "pay", "refer"]


def test_what_chose_the_version_is_the_time_at_which_the_decision_was_recorded(opened, clock):
    run = opened(settling).start(settling.bind(), CLAIM)
    [decision] = run.decisions
    assert decision.at == START
    assert decision.version == claims.version
    assert (
        decision.reasons[-1].text
        == f"'old limit' in version {OLD.version} is in force from 2026-01-01 in Europe/Berlin"
    )


def test_what_a_run_decides_after_waiting_is_decided_by_what_is_in_force_then(opened, clock):
    @process
    def twice(claim: Claim) -> list[str]:
        first = claims(claim)
        sleep(HOUR)
        return [by(first), by(claims(claim))]

    runtime = opened(twice)
    run = runtime.start(twice.bind(), CLAIM)
    clock.advance(HOUR)
    runtime.tick()
    assert run.result() == ["old limit", "new limit"]


def test_branches_decide_at_their_own_time(opened):
    @process
    def beside(claim: Claim) -> list[str]:
        return [by(d) for d in gather(lambda: claims(claim), lambda: claims(claim))]

    assert opened(beside).start(beside.bind(), CLAIM).result() == ["old limit", "old limit"]


def test_a_policy_that_is_not_in_force_yet_makes_an_incident_that_is_retried_when_it_is(opened, clock):
    coming = InForce("claims", (date(2026, 7, 1), NEW), zone="Europe/Berlin")

    @process
    def deciding(claim: Claim) -> str:
        try:
            return coming(claim).outcome
        except NotInForce:  # depends on the time, so that a replay might not come here again
            return "not yet"

    runtime = opened(deciding)
    run = runtime.start(deciding.bind(), CLAIM)
    assert run.status == "incident"
    assert "policy 'claims' was not in force at 2026-06-30 21:00+00:00" in run.incident.error
    clock.advance(HOUR)
    run.incident.retry(by="ines@acme", because="the new limit counts from today")
    assert run.result() == "pay"


def test_a_time_that_the_process_names_is_an_input_of_the_decision(opened, clock):
    @process
    def deciding(claim: Claim) -> str:
        yesterday = now() - timedelta(days=1)
        sleep(HOUR)
        decision = claims(claim, at=yesterday)
        approval(decision)
        return by(decision)

    runtime = opened(deciding)
    run = runtime.start(deciding.bind(), CLAIM)
    clock.advance(HOUR)
    runtime.tick()
    run.review.answer("refer", by="maria@acme", because="seen")
    assert run.result() == "old limit"


def test_a_new_version_is_a_change_of_the_policy_as_any_other(opened, clock):
    def release(*more):
        policy = dated(*more)

        def body(claim: Claim) -> list[str]:
            decision = approval(policy(claim))
            return [by(decision), decision.outcome]

        return process(name="settling", version="1")(body)

    before = opened(release())
    run = before.start(release().bind(), CLAIM, id="R")
    runtime = opened(release((date(2026, 7, 1) + timedelta(days=30), LATER)))
    [stale] = runtime.stale()
    assert "'InForce claims' was " in stale.why
    with pytest.raises(ReviewChanged, match="decided in version"):
        runtime.run("R").review.answer("pay", by="maria@acme", because="seen")
    migration = runtime.migrate("R", dry_run=True)
    assert migration.fits
    runtime.migrate("R", by="ines@acme", because="the version to come does not concern it")
    runtime.run("R").review.answer("pay", by="maria@acme", because="seen")
    assert run.result() == ["old limit", "pay"]


def test_in_a_case_without_a_runtime_the_clock_of_the_ledger_tells(clock):
    reviews = Reviews(Ledger("sqlite://", clock=clock), {"maria@acme": {"controller"}})

    def settle(key):
        with reviews.case(key):
            return approval(claims(CLAIM))

    with pytest.raises(ReviewRequired):
        settle("C-1")
    clock.advance(HOUR)
    [review] = reviews.of("C-1")
    review.answer("refer", by="maria@acme", because="seen")
    assert by(settle("C-1")) == "old limit"
    with pytest.raises(ReviewRequired) as asked:
        settle("C-2")
    assert asked.value.review.decision.proposed == "pay"


def test_in_a_step_a_policy_just_computes_and_the_step_says_at_which_time(opened, clock):
    @step
    def computed(amount: int, at: datetime) -> str:
        return by(claims(Claim(amount=amount), at=at))

    @process
    def deciding(claim: Claim) -> str:
        return computed(claim.amount, now())

    assert opened(deciding).start(deciding.bind(), CLAIM).result() == "old limit"


def test_a_policy_whose_versions_are_chosen_by_the_case_is_not_asked_for_another_time_in_a_run(opened):
    class Dated(BaseModel):
        amount: int
        day: date

    row = rule(fields(Dated).amount <= 5, then="pay", because="small")
    policy = InForce("claims", (date(2026, 1, 1), DecisionTable("t", row, otherwise="refer")), on=fields(Dated).day)

    @process
    def deciding(claim: Dated) -> str:
        return policy(claim, at=date(2026, 1, 1)).outcome

    run = opened(deciding).start(deciding.bind(), Dated(amount=1, day=date(2026, 2, 1)))
    assert DefinitionError.__name__ in run.incident.error
