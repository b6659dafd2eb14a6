"""Stops: a process, a policy or a segment does nothing by itself any more, in every worker, until the named role lets it."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Retry, Reviews, fields, gather, idempotency_key, process, rule, step
from abpo_sdk.errors import (
    DefinitionError,
    NobodyHolds,
    NotPermitted,
    RationaleMissing,
    ReviewRequired,
    RuntimeStopped,
    SeparationOfDuties,
    Stopped,
)
from abpo_sdk.gates import Segment
from abpo_sdk.ledger.entry import OWN_CHAIN
from abpo_sdk.ledger.own_entries import own_entries
from abpo_sdk.testing import check_replays, survives_crashes


class Claim(BaseModel):
    amount: int
    country: str = "DE"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
other = DecisionTable("other", rule(c.amount > 0, then="pay", because="any"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")
france = Segment("france", c.country == "FR")

PEOPLE = {
    "maria@acme": {"controller"},
    "otto@acme": {"controller", "cfo"},
    "ines@acme": {"cfo"},
    "hans@acme": {"head"},
    "lena@acme": {"head", "controller"},
}


class Bank:
    def __init__(self):
        self.paid = {}
        self.tried = 0

    def pay(self, amount, key):
        self.tried += 1
        self.paid.setdefault(key, amount)

    def done(self):
        return sorted(self.paid.items())


@step
def read(amount: int) -> int:
    return amount


@step
def pay(amount: int, *, bank: Any) -> int:
    bank.pay(amount, idempotency_key())
    return amount


@process
def flow(claim: Claim, *, bank: Any) -> list[str]:
    read(claim.amount)
    decision = approval(claims(claim))
    if decision.outcome == "pay":
        pay(claim.amount, bank=bank)
    return [decision.outcome, decision.decided_by, decision.gate or ""]


@process
async def flow_async(claim: Claim, *, bank: Any) -> list[str]:
    read(claim.amount)
    decision = approval(claims(claim))
    await asyncio.sleep(0)
    if decision.outcome == "pay":
        pay(claim.amount, bank=bank)
    return [decision.outcome, decision.decided_by, decision.gate or ""]


@process
def outer(claim: Claim, *, bank: Any) -> str:
    read(claim.amount)
    return flow(claim, bank=bank)[0]


@process
def harmless(amount: int) -> int:
    return read(amount)


BY = {"by": "hans@acme", "because": "it pays the wrong people"}
STOP = {"to": "head", **BY}


def say(review, outcome, by):
    return review.answer(outcome, by=by, because="looked at it")


@pytest.fixture
def bank():
    return Bank()


@pytest.fixture
def worker(opened, bank):
    """Opens workers on one file, each of which knows all processes."""

    def open_worker(**options):
        return opened(
            flow.bind(bank=bank), outer.bind(bank=bank), flow_async.bind(bank=bank), harmless, people=PEOPLE, **options
        )

    return open_worker


# processes


def test_a_process_that_one_worker_stopped_is_started_by_no_other(worker, bank):
    one, two = worker(), worker()
    stop = one.stop(flow, **STOP)
    assert two.stops() == (stop,)
    assert (stop.what, stop.name, stop.role) == ("process", "flow", "head")
    with pytest.raises(
        Stopped, match=r"no run of 'flow' is started: process 'flow' is stopped since .*; whoever is head"
    ):
        two.start(flow, Claim(amount=1), id="C-1")
    assert two.runs() == []
    assert two.start(harmless, 7).result() == 7
    assert bank.tried == 0


def test_its_runs_become_incidents_at_their_next_call_and_go_on_exactly_once(worker, bank):
    one, two = worker(), worker()
    run = one.start(flow, Claim(amount=700), id="C-1")
    one.stop(flow, **STOP)
    say(two.run("C-1").review, "pay", "maria@acme")
    assert run.status == "incident"
    assert "Stopped: run 'C-1': process 'flow' is stopped" in run.incident.error
    run.incident.retry(by="maria@acme", because="let me see")
    assert run.status == "incident"
    assert bank.tried == 0
    for person in ("maria@acme", "eve@acme"):
        with pytest.raises(NotPermitted):
            two.restart(flow, by=person, because="let it go on")
    assert run.status == "incident"
    two.restart(flow, by="lena@acme", because="it was mended")
    assert run.result() == ["pay", "maria@acme", "approval"]
    assert list(bank.paid.values()) == [700]
    assert bank.tried == 1


def test_a_stopped_process_holds_the_runs_that_call_it(worker, bank):
    runtime = worker()
    run = runtime.start(outer, Claim(amount=700), id="C-1")
    runtime.stop(flow, **STOP)
    say(run.review, "pay", "maria@acme")
    assert run.status == "incident"
    assert runtime.start(outer, Claim(amount=1), id="C-2").status == "incident"
    runtime.restart(flow, by="hans@acme", because="mended")
    assert [run.status for run in runtime.runs()] == ["done", "done"]
    assert bank.tried == 2


def test_of_several_stopped_processes_each_holds_its_own_runs(worker):
    runtime = worker()
    runtime.stop(outer, **STOP)
    runtime.stop(harmless, **STOP)
    runtime.stop(flow, to="cfo", **BY)
    for process_ in (flow, outer):
        with pytest.raises(Stopped):
            runtime.start(process_, Claim(amount=1))
    with pytest.raises(Stopped):
        runtime.start(harmless, 1)
    with pytest.raises(NotPermitted):
        runtime.restart(flow, by="hans@acme", because="mended")
    runtime.restart(harmless, by="hans@acme", because="mended")
    assert runtime.start(harmless, 1).result() == 1
    assert {stop.name for stop in runtime.stops()} == {"outer", "flow"}


def test_the_second_of_two_stopped_processes_holds_its_open_runs_too(worker, bank):
    runtime = worker()
    run = runtime.start(flow, Claim(amount=700), id="C-1")
    runtime.stop(harmless, **STOP)
    runtime.stop(flow, **STOP)
    say(run.review, "pay", "maria@acme")
    assert run.status == "incident"
    runtime.restart(harmless, by="hans@acme", because="mended")
    assert [entry.kind for entry in run.entries].count("incident") == 1  # which another process's restart leaves alone
    assert bank.tried == 0


@step(retry=Retry(ConnectionError, attempts=3))
def shaky(*, bank: Any) -> int:
    bank.tried += 1
    bank.stop()
    raise ConnectionError


@process
def retries(*, bank: Any) -> int:
    return shaky(bank=bank)


def test_a_step_that_failed_is_not_attempted_again_once_its_process_is_stopped(opened, bank):
    runtime = opened(retries.bind(bank=bank), people=PEOPLE, clock=None)

    def stop():
        with suppress(DefinitionError):  # it is stopped already
            runtime.stop(retries, **STOP)

    bank.stop = stop
    assert runtime.start(retries, id="C-1").incident.error.startswith("Stopped")
    assert bank.tried == 1


@process
def branches(claims_: list[Claim], *, bank: Any) -> list[str]:
    def one(claim):
        decision = approval(claims(claim))
        pay(claim.amount, bank=bank)
        return decision.outcome

    return list(gather(*(lambda claim=claim: one(claim) for claim in claims_)))


def test_branches_of_a_stopped_process_hold_and_go_on(opened, bank):
    runtime = opened(branches.bind(bank=bank), people=PEOPLE)
    run = runtime.start(branches, [Claim(amount=450), Claim(amount=460)], id="C-1")
    runtime.stop(branches, **STOP)
    say(run.reviews[0], "pay", "maria@acme")
    assert run.status == "incident"
    runtime.restart(branches, by="hans@acme", because="mended")
    say(run.reviews[0], "pay", "maria@acme")
    assert run.result() == ["pay", "pay"]
    assert bank.tried == 2


def test_an_async_process_is_stopped_and_restarted_from_an_event_loop(worker, bank):
    runtime = worker()

    async def main():
        run = await runtime.start_async(flow_async, Claim(amount=700), id="C-1")
        runtime.stop(flow_async, **STOP)
        await run.review.answer_async("pay", by="maria@acme", because="x")
        assert run.status == "incident"
        await runtime.restart_async(flow_async, by="hans@acme", because="mended")
        return run.result()

    assert asyncio.run(main()) == ["pay", "maria@acme", "approval"]
    assert bank.tried == 1


def test_a_run_is_migrated_while_its_process_is_stopped(opened, bank):
    def before(claim: Claim, *, bank: Any) -> str:
        return approval(claims(claim)).outcome

    old, new = (process(name="flow", version=version)(before) for version in ("1", "2"))
    first = opened(old.bind(bank=bank), people=PEOPLE)
    first.start(old, Claim(amount=700), id="C-1")
    first.stop(old, **STOP)
    second = opened(new.bind(bank=bank), people=PEOPLE)
    assert second.migrate("C-1", dry_run=True).fits


# policies


@pytest.mark.parametrize("process_", [flow, flow_async])
@pytest.mark.parametrize("amount", [1, 450])
def test_what_a_stopped_policy_decides_is_put_before_the_role_whose_answer_stands(worker, bank, process_, amount):
    one, two = worker(), worker()
    one.stop(claims, **STOP)
    run = two.start(process_, Claim(amount=amount), id="C-1")
    review = run.review
    assert (review.gate, review.to, review.decision.outcome) == ("stop of policy claims", "head", "pay")
    assert "policy 'claims' is stopped since" in review.why[0]
    with pytest.raises(NotPermitted):
        say(review, "pay", "maria@acme")
    say(review, "refer", "hans@acme")
    if amount > 400:
        assert run.review.gate == "approval"
        say(run.review, "refer", "maria@acme")
    assert run.result()[0] == "refer"
    assert bank.tried == 0
    assert list(one.decisions()["outcome"]) == ["refer"]
    assert list(one.decisions()["proposed"]) == ["pay"]


def test_that_it_was_stopped_is_the_same_on_replay_even_after_it_was_restarted(worker, bank):
    one = worker()
    one.stop(claims, **STOP)
    run = one.start(flow, Claim(amount=450), id="C-1")
    one.restart(claims, by="hans@acme", because="mended")
    assert run.review.gate == "stop of policy claims"
    say(run.review, "pay", "hans@acme")
    say(worker().run("C-1").review, "pay", "maria@acme")
    assert run.result() == ["pay", "maria@acme", "approval"]
    assert bank.tried == 1
    assert one.start(flow, Claim(amount=1), id="C-2").result()[1] == "policy"


@process
def waits_before_its_gate(claim: Claim, *, bank: Any) -> list[str]:
    decision = claims(claim)
    other_gate(other(claim))
    passed = approval(decision)
    return [passed.outcome, passed.decided_by]


other_gate = Gate("first", when=c.amount > 0, to="controller")


def test_a_decision_that_was_made_before_passes_no_gate_by_itself_afterwards(opened, bank):
    one = opened(waits_before_its_gate.bind(bank=bank), people=PEOPLE)
    run = one.start(waits_before_its_gate, Claim(amount=1), id="C-1")
    opened(people=PEOPLE).stop(claims, **STOP)
    say(run.review, "pay", "maria@acme")
    assert (run.review.gate, run.review.to) == ("approval", "controller")
    assert "policy 'claims' is stopped" in run.review.why[0]
    one.restart(claims, by="hans@acme", because="mended")
    say(run.review, "refer", "maria@acme")
    assert run.result() == ["refer", "maria@acme"]


# segments


def test_cases_of_a_stopped_segment_are_put_before_the_role_and_others_are_not(worker):
    one, two = worker(segments=[france]), worker(segments=[france])
    one.stop(france, **STOP)
    assert two.start(flow, Claim(amount=1), id="C-1").result()[1] == "policy"
    french = two.start(flow, Claim(amount=1, country="FR"), id="C-3")
    assert (french.review.gate, french.review.to) == ("stop of segment france", "head")


def test_a_worker_that_does_not_know_a_stopped_segment_lets_nothing_through(worker):
    one, two = worker(segments=[france]), worker()
    one.stop(france, **STOP)
    assert two.start(flow, Claim(amount=1, country="DE"), id="C-1").review.gate == "stop of segment france"


class Parcel(BaseModel):
    weight: int


parcels = DecisionTable("parcels", rule(fields(Parcel).weight > 0, then="send", because="any"), otherwise="keep")


@process
def sends(parcel: Parcel) -> str:
    return parcels(parcel).outcome


@process
def decides_about_a_mapping(country: str) -> str:
    return claims({"amount": 1, "country": country}).outcome


def test_a_case_of_which_nobody_can_tell_counts_as_part_of_a_stopped_segment(opened):
    runtime = opened(sends, people=PEOPLE, segments=[france])
    runtime.stop(france, **STOP)
    assert runtime.start(sends, Parcel(weight=1)).review.gate == "stop of segment france"


def test_a_case_that_is_given_as_a_mapping_is_looked_at_as_what_the_policy_makes_of_it(opened):
    runtime = opened(decides_about_a_mapping, people=PEOPLE, segments=[france])
    runtime.stop(france, **STOP)
    assert runtime.start(decides_about_a_mapping, "DE").result() == "pay"
    assert runtime.start(decides_about_a_mapping, "FR").review.to == "head"


# replay and crashes, while it is stopped


def test_decisions_of_a_stopped_policy_replay_the_same_and_survive_a_worker_that_dies(worker, bank):
    one = worker()
    one.stop(claims, **STOP)
    run = one.start(flow, Claim(amount=450), id="C-1")
    say(run.review, "pay", "hans@acme")
    del one
    say(worker().run("C-1").review, "pay", "maria@acme")
    kinds = [entry.kind for entry in run.entries if entry.kind in ("decision", "gate", "review", "answered")]
    assert kinds == ["decision", "review", "answered", "gate", "review", "answered"]
    assert bank.tried == 1
    assert worker().ledger.verify().entries > 0


# what is recorded, and refused


def test_stops_and_restarts_are_recorded_with_who_and_why(worker):
    runtime = worker()
    runtime.stop(claims, **STOP)
    with pytest.raises(NotPermitted, match=r"'maria@acme' may not let the policy 'claims' go on"):
        runtime.restart(claims, by="maria@acme", because="I need it")
    runtime.restart(claims, by="hans@acme", because="it was mended")
    reader = runtime.ledger.store
    [stopped] = own_entries(reader, "stopped")
    assert stopped.content == {**BY, "name": "claims", "role": "head", "what": "policy"}
    [restarted] = own_entries(reader, "restarted")
    assert restarted.content["because"] == "it was mended"
    [refused] = own_entries(reader, "refused")
    assert refused.content == {"by": "maria@acme", "error": "NotPermitted", "name": "claims", "what": "policy"}
    assert len(runtime.ledger.entries(OWN_CHAIN)) == 3


def test_a_stop_that_cannot_be_is_refused_and_changes_nothing(worker):
    runtime = worker()
    for said, error in (
        ({"by": "eve@acme"}, NotPermitted),
        ({"to": "nobody"}, NobodyHolds),
        ({"because": " "}, RationaleMissing),
        ({"because": None}, RationaleMissing),
    ):
        with pytest.raises(error):
            runtime.stop(claims, **{**STOP, **said})
    for wrong in (approval, "claims", 7, claims.decide):
        with pytest.raises(DefinitionError, match="cannot be stopped"):
            runtime.stop(wrong, **STOP)
    with pytest.raises(DefinitionError, match="the policy 'claims' is not stopped"):
        runtime.restart(claims, by="hans@acme", because="x")
    assert runtime.stops() == ()


def test_what_is_stopped_cannot_be_taken_over_by_another_role(worker):
    runtime = worker()
    runtime.stop(claims, **STOP)
    with pytest.raises(DefinitionError, match="whoever is head can let it go on, and nobody else takes it over"):
        runtime.stop(claims, to="cfo", by="ines@acme", because="mine now")
    with pytest.raises(NotPermitted):
        runtime.restart(claims, by="ines@acme", because="mine now")


@pytest.mark.parametrize(("name", "when"), [("", c.amount > 0), (" ", c.amount > 0), (7, c.amount > 0), ("x", "FR")])
def test_a_segment_without_a_name_or_a_condition_is_refused(name, when):
    with pytest.raises(DefinitionError, match="give a name, and a condition"):
        Segment(name, when)


def test_without_a_target_it_is_the_worker_that_stops(worker):
    runtime = worker()
    assert runtime.stop() is None
    with pytest.raises(RuntimeStopped):
        runtime.start(harmless, 1)
    assert runtime.stops() == ()
    assert worker().start(harmless, 1).result() == 1


# without a runtime


def test_cases_without_a_runtime_are_stopped_by_the_same_switch(worker, bank):
    runtime = worker(segments=[france])
    reviews = Reviews(runtime.ledger, PEOPLE, segments=[france])
    runtime.stop(claims, **STOP)

    def handle():
        with reviews.case("C-1"):
            return flow(Claim(amount=1), bank=bank)

    with pytest.raises(ReviewRequired) as needed:
        handle()
    assert needed.value.review.gate == "stop of policy claims"
    say(needed.value.review, "refer", "hans@acme")
    runtime.restart(claims, by="hans@acme", because="mended")
    assert handle()[:2] == ["refer", "hans@acme"]
    runtime.stop(flow, **STOP)
    with pytest.raises(Stopped, match="process 'flow' is stopped"):
        handle()
    with pytest.raises(Stopped), reviews.case("C-2"):
        flow(Claim(amount=1), bank=bank)
    assert reviews.ledger.entries("C-2") == []
    assert bank.tried == 0


def test_nobody_answers_the_stop_and_then_a_gate_that_wants_other_eyes(opened, bank):
    eyes = Gate("eyes", when=c.amount > 0, to="controller", four_eyes=True)

    @process(name="eyes")
    def eyed(claim: Claim) -> str:
        return eyes(claims(claim)).outcome

    runtime = opened(eyed, people=PEOPLE)
    runtime.stop(claims, **STOP)
    run = runtime.start(eyed, Claim(amount=1), id="C-1")
    say(run.review, "pay", "lena@acme")
    with pytest.raises(SeparationOfDuties):
        say(run.review, "pay", "lena@acme")
    say(run.review, "pay", "maria@acme")
    assert run.result() == "pay"


# crashes


@process
def stopped_on_the_way(claim: Claim, *, bank: Any) -> list[str]:
    before = claims(claim)
    other_gate(other(claim))
    after = claims(claim)
    passed = approval(before)
    pay(claim.amount, bank=bank)
    return [after.outcome, after.decided_by, passed.outcome, passed.decided_by]


def stopping(what, name):
    """Says pay, and has something stopped before."""

    def say_pay(review):
        switches, people = review.desk.switches, review.desk.people
        with suppress(DefinitionError):  # it is stopped already, and then the worker died
            switches.stop(what, name, to="head", by=people.someone("head"), because="it pays the wrong people")
        return "pay"

    return say_pay


def test_a_policy_that_is_stopped_on_the_way_is_so_wherever_the_worker_dies():
    answers = {"first": stopping("policy", "claims"), "stop of policy claims": "refer", "approval": "pay"}
    report = survives_crashes(
        lambda bank: stopped_on_the_way.bind(bank=bank), Claim(amount=1), world=Bank, effects=Bank.done, answers=answers
    )
    assert any("review 'stop of policy claims'" in point for point in report.points)


def test_a_process_that_is_stopped_on_the_way_holds_wherever_the_worker_dies():
    survives_crashes(
        lambda bank: stopped_on_the_way.bind(bank=bank),
        Claim(amount=1),
        world=Bank,
        effects=Bank.done,
        answers={"first": stopping("process", "stopped_on_the_way")},
        ends="incident",
    )


def test_a_stopped_policy_replays_the_same_everywhere():
    answers = {"first": stopping("policy", "claims"), "stop of policy claims": "refer", "approval": "pay"}
    check_replays(stopped_on_the_way.bind(bank=Bank()), Claim(amount=1), answers=answers)


def test_who_starts_a_run_again_that_is_there_gets_it_though_its_process_is_stopped(worker, bank):
    runtime = worker()
    runtime.start(flow, Claim(amount=700), id="C-1")
    runtime.stop(flow, **STOP)
    assert runtime.start(flow, Claim(amount=700), id="C-1").review.gate == "approval"
    with pytest.raises(Stopped):
        runtime.start(flow, Claim(amount=700), id="C-2")
    assert bank.tried == 0
