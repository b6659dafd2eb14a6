"""Gates in processes: one after the other, at the same time, one of several; with quorum, in loops, in branches; replayed and crashed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, fields, gather, gather_async, idempotency_key, process, rule, step
from abpo_sdk.errors import DefinitionError, NotPermitted, ReviewClosed, ReviewExpired, SeparationOfDuties
from abpo_sdk.gates.quorum import Quorum
from abpo_sdk.testing import TestRuntime, check_replays, survives_crashes


class Claim(BaseModel):
    amount: int
    entered_by: str = "eve@acme"


c, d = fields(Claim), fields(Decision)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
law = Gate("law", when=c.amount > 100, to="lawyer", involves=[c.entered_by])
money = Gate("money", when=c.amount > 200, to="controller")
two = Gate("two", when=c.amount > 200, to="controller", quorum=2)
voted = Gate("voted", when=c.amount > 0, to="controller", quorum=Quorum(2, of=3, tie_break="cfo", veto={"refer"}))
brief = Gate("brief", when=c.amount > 0, to="controller", expires=timedelta(hours=1))
late = Gate("late", when=c.amount > 0, to="cfo")
in_turn, together, either = law >> money, law & money, law | money
tied = together.tied("cfo")
either_two = law | two
both_briefly, either_briefly = brief & late, brief | late

PEOPLE = {
    "maria@acme": {"controller", "lawyer"},
    "otto@acme": {"controller"},
    "ines@acme": {"cfo", "lawyer"},
    "lena@acme": {"lawyer"},
    "eve@acme": {"cfo", "lawyer", "controller"},
    "carl@acme": {"cfo"},
}


class Bank:
    def __init__(self):
        self.paid = {}

    def pay(self, amount, key):
        self.paid.setdefault(key, amount)

    def done(self):
        return sorted(self.paid.items())


@step
def pay(amount: int, *, bank: Any) -> int:
    bank.pay(amount, idempotency_key())
    return amount


def flow_through(gate):
    @process(name="flow")
    def flow(claim: Claim, *, bank: Any) -> list[str]:
        decision = gate(claims(claim))
        if decision.outcome == "pay":
            pay(claim.amount, bank=bank)
        return [decision.outcome, decision.decided_by, decision.gate or "", *(r.source or "" for r in decision.reasons)]

    return flow


def flow_through_async(gate):
    @process(name="flow")
    async def flow(claim: Claim, *, bank: Any) -> list[str]:
        decision = gate(claims(claim))
        await asyncio.sleep(0)
        if decision.outcome == "pay":
            pay(claim.amount, bank=bank)
        return [decision.outcome, decision.decided_by, decision.gate or "", *(r.source or "" for r in decision.reasons)]

    return flow


@pytest.fixture
def run_through():
    """Starts a run whose decision passes a gate."""
    opened = []

    def start(gate, amount=700, *, make=flow_through, answers=None, people=PEOPLE):
        runtime = TestRuntime(people=people, answers=answers)
        opened.append(runtime)
        runtime.bank = Bank()
        return runtime, runtime.start(make(gate).bind(bank=runtime.bank), Claim(amount=amount), id="C-1")

    yield start
    for runtime in opened:
        runtime.close()


def open_of(run):
    return {review.gate: review for review in run.reviews}


def say(review, outcome, by):
    return review.answer(outcome, by=by, because="looked at it")


# one after the other


def test_gates_in_turn_ask_one_after_the_other(run_through):
    _, run = run_through(in_turn)
    assert list(open_of(run)) == ["law"]
    say(run.review, "pay", "lena@acme")
    assert list(open_of(run)) == ["money"]
    say(run.review, "pay", "otto@acme")
    assert run.result()[:3] == ["pay", "otto@acme", "money"]


def test_of_gates_in_turn_only_those_ask_whose_condition_holds(run_through):
    _, run = run_through(in_turn, 150)
    assert list(open_of(run)) == ["law"]
    say(run.review, "pay", "lena@acme")
    assert run.result()[:3] == ["pay", "lena@acme", "money"]


# at the same time


@pytest.mark.parametrize("make", [flow_through, flow_through_async])
def test_gates_together_ask_at_once_and_all_must_answer(run_through, make):
    runtime, run = run_through(together, make=make)
    assert set(open_of(run)) == {"law", "money"}
    say(open_of(run)["money"], "pay", "otto@acme")
    assert run.status == "waiting"
    assert runtime.bank.paid == {}
    say(open_of(run)["law"], "pay", "lena@acme")
    assert run.result()[:4] == ["pay", "otto@acme", "law & money", "otto@acme"]
    assert "lena@acme" in run.result()
    assert len(runtime.bank.paid) == 1


def test_until_all_have_answered_the_decision_is_still_that_of_the_policy(run_through):
    runtime, run = run_through(together)
    say(open_of(run)["law"], "pay", "lena@acme")
    assert [(made.outcome, made.decided_by) for made in run.decisions] == [("refer", "policy")]
    assert list(runtime.decisions()["decided_by"]) == ["policy"]
    assert "decided by the policy" in str(run.lineage())
    say(open_of(run)["money"], "pay", "otto@acme")
    assert list(runtime.decisions()["outcome"]) == ["pay"]
    assert [made.outcome for made in run.decisions] == ["pay"]


def test_different_answers_of_gates_that_must_agree_are_an_incident_that_a_retry_does_not_change(run_through):
    runtime, run = run_through(together)
    say(open_of(run)["law"], "refer", "lena@acme")
    say(open_of(run)["money"], "pay", "otto@acme")
    assert run.status == "incident"
    assert run.incident.error.startswith("Disagreement: gates 'law & money' have to agree")
    assert "lena@acme said 'refer' and otto@acme said 'pay'" in run.incident.error
    run.incident.retry(by="ines@acme", because="perhaps they agree now")
    assert run.status == "incident"
    assert runtime.bank.paid == {}
    assert list(runtime.decisions()["decided_by"]) == ["policy"]


def test_a_role_that_breaks_the_tie_decides_unless_it_has_answered_or_has_to_do_with_the_case(run_through):
    runtime, run = run_through(tied)
    say(open_of(run)["law"], "refer", "ines@acme")
    say(open_of(run)["money"], "pay", "otto@acme")
    tie = run.review
    assert (tie.gate, tie.to, tie.why) == ("law & money", "cfo", ("ines@acme said 'refer'", "otto@acme said 'pay'"))
    with pytest.raises(SeparationOfDuties, match="ines@acme has answered about this decision before"):
        say(tie, "refer", "ines@acme")
    with pytest.raises(SeparationOfDuties, match="eve@acme entered it"):
        say(tie, "pay", "eve@acme")
    say(tie, "pay", "carl@acme")
    assert run.result()[:3] == ["pay", "carl@acme", "law & money"]
    assert list(runtime.decisions()["decided_by"]) == ["carl@acme"]


def test_a_tie_of_which_everybody_has_said_the_same_never_comes_up(run_through):
    _, run = run_through(tied)
    say(open_of(run)["law"], "pay", "lena@acme")
    say(open_of(run)["money"], "pay", "otto@acme")
    assert run.status == "done"


# one of several


@pytest.mark.parametrize("make", [flow_through, flow_through_async])
@pytest.mark.parametrize(("first", "by"), [("law", "lena@acme"), ("money", "otto@acme")])
def test_of_several_gates_one_answer_is_enough_and_closes_the_others(run_through, make, first, by):
    _, run = run_through(either, make=make)
    reviews = open_of(run)
    other = reviews[{"law": "money", "money": "law"}[first]]
    say(reviews[first], "pay", by)
    assert run.result()[:3] == ["pay", by, "law | money"]
    assert [r.status for r in run._reader.reviews.of("C-1")].count("closed") == 1
    with pytest.raises(ReviewClosed):
        say(other, "refer", "maria@acme")
    assert [e.kind for e in run.entries].count("answered") == 1


def test_a_closed_review_is_in_nobodys_queue(run_through):
    runtime, run = run_through(either)
    assert len(runtime.desk.next(by="maria@acme", limit=9)) == 2
    say(open_of(run)["law"], "pay", "lena@acme")
    assert runtime.desk.next(by="maria@acme", limit=9) == ()


@pytest.mark.parametrize("amount", [150, 700])
def test_several_gates_are_asked_where_the_condition_of_one_holds(run_through, amount):
    _, run = run_through(either, amount)
    assert set(open_of(run)) == ({"law"} if amount == 150 else {"law", "money"})
    assert run_through(either, 50)[1].result()[:2] == ["pay", "policy"]


def test_of_several_gates_half_a_quorum_is_not_enough(run_through):
    _, run = run_through(either_two)
    say(open_of(run)["two"], "pay", "otto@acme")
    assert run.status == "waiting"
    say(open_of(run)["law"], "refer", "lena@acme")
    assert run.result()[:3] == ["refer", "lena@acme", "law | two"]


# quorum


def test_a_quorum_names_everybody_who_said_the_same(run_through):
    runtime, run = run_through(two)
    say(run.review, "pay", "otto@acme")
    assert list(runtime.decisions()["decided_by"]) == ["policy"]
    assert [made.decided_by for made in run.decisions] == ["policy"]
    with pytest.raises(SeparationOfDuties):
        say(run.review, "pay", "otto@acme")
    say(run.review, "pay", "maria@acme")
    assert run.result()[1:5] == ["maria@acme", "two", "maria@acme", "otto@acme"]


def test_a_quorum_within_gates_that_must_agree_keeps_all_names(run_through):
    _, run = run_through(law & two)
    for gate, by in (("two", "otto@acme"), ("law", "lena@acme"), ("two", "maria@acme")):
        say(open_of(run)[gate], "pay", by)
    assert set(run.result()[3:6]) == {"otto@acme", "lena@acme", "maria@acme"}


# what expires


def flow_that_asks_again(gate, otherwise):
    @process(name="flow")
    def flow(claim: Claim) -> list[str]:
        decision = claims(claim)
        try:
            passed = gate(decision)
        except ReviewExpired:
            passed = otherwise(decision)
        return [passed.outcome, passed.decided_by, passed.gate or ""]

    return flow


def test_where_nobody_answers_in_time_the_process_may_ask_another_gate():
    with TestRuntime(people=PEOPLE) as runtime:
        run = runtime.start(flow_that_asks_again(brief, late), Claim(amount=1), id="C-1")
        runtime.clock.advance(timedelta(hours=2))
        assert run.review.gate == "late"
        say(run.review, "pay", "ines@acme")
        assert run.result() == ["pay", "ines@acme", "late"]


def test_where_nobody_answers_in_time_and_the_process_does_not_care_it_is_an_incident(run_through):
    runtime, run = run_through(brief)
    runtime.clock.advance(timedelta(hours=2))
    assert run.incident.error.startswith("ReviewExpired: run 'C-1': nobody answered the review 'C-1/brief/0' in time")
    run.incident.retry(by="ines@acme", because="perhaps now")
    assert run.incident.error.startswith("ReviewExpired")


def test_of_gates_that_all_must_answer_one_that_expires_ends_the_waiting_and_a_later_answer_changes_nothing():
    flow = flow_that_asks_again(both_briefly, money)
    with TestRuntime(people=PEOPLE) as runtime:
        run = runtime.start(flow, Claim(amount=700), id="C-1")
        runtime.clock.advance(timedelta(hours=2))
        assert set(open_of(run)) == {"late", "money"}
        say(open_of(run)["late"], "refer", "ines@acme")
        say(open_of(run)["money"], "pay", "otto@acme")
        assert run.result() == ["pay", "otto@acme", "money"]
        assert list(runtime.decisions()["outcome"]) == ["pay"]


def test_of_gates_of_which_one_is_enough_the_others_may_still_answer_when_one_expires():
    with TestRuntime(people=PEOPLE) as runtime:
        run = runtime.start(flow_that_asks_again(either_briefly, money), Claim(amount=700), id="C-1")
        runtime.clock.advance(timedelta(hours=2))
        assert (run.status, list(open_of(run))) == ("waiting", ["late"])
        say(run.review, "pay", "ines@acme")
        assert run.result() == ["pay", "ines@acme", "brief | late"]


# several in a process


@process
def looped(amounts: list[int], *, bank: Any) -> list[str]:
    said = []
    for amount in amounts:
        decision = together(claims(Claim(amount=amount)))
        if decision.outcome == "pay":
            pay(amount, bank=bank)
        said.append(decision.outcome)
    return said


@process
def in_branches(amounts: list[int], *, bank: Any) -> list[str]:
    def one(amount):
        decision = (either if amount % 2 else two)(claims(Claim(amount=amount)))
        return decision.outcome, pay(amount, bank=bank)

    return [outcome for outcome, _ in gather(*(lambda amount=amount: one(amount) for amount in amounts))]


@process
async def in_async_branches(amounts: list[int], *, bank: Any) -> list[str]:
    async def one(amount):
        decision = (either if amount % 2 else two)(claims(Claim(amount=amount)))
        await asyncio.sleep(0)
        pay(amount, bank=bank)
        return decision.outcome

    return list(await gather_async(*map(one, amounts)))


@process
def asks_again(amounts: list[int], *, bank: Any) -> list[str]:
    said = []
    for amount in amounts:
        decision = claims(Claim(amount=amount))
        try:
            passed = brief(decision)
        except ReviewExpired:
            passed = voted(decision)
        pay(amount, bank=bank)
        said.append(passed.outcome)
    return said


@process
def tied_in_loop(amounts: list[int], *, bank: Any) -> list[str]:
    said = []
    for amount in amounts:
        said.append(tied(claims(Claim(amount=amount))).outcome)
        pay(amount, bank=bank)
    return said


PAY = {"law": "pay", "money": "pay", "two": "pay", "voted": "pay", "late": "pay"}
DISAGREE = {"law": "refer", "money": "pay", "law & money": "pay"}
CRASHED = [
    (looped, [700, 150], PAY),
    (in_branches, [701, 800], PAY),
    (in_async_branches, [701, 800], PAY),
    (asks_again, [300], {**PAY, "brief": lambda review: None}),
    (tied_in_loop, [700], DISAGREE),
]


@pytest.mark.parametrize(("flow", "amounts", "answers"), CRASHED, ids=[flow.name for flow, *_ in CRASHED])
def test_it_survives_a_crash_at_every_point(flow, amounts, answers):
    report = survives_crashes(
        lambda bank: flow.bind(bank=bank), amounts, world=Bank, effects=Bank.done, answers=answers
    )
    assert len(report.points) > 10


@pytest.mark.parametrize(("flow", "amounts", "answers"), CRASHED, ids=[flow.name for flow, *_ in CRASHED])
def test_it_replays_the_same_everywhere(flow, amounts, answers):
    check_replays(flow.bind(bank=Bank()), amounts, answers=answers)


@given(st.lists(st.sampled_from([50, 150, 300, 700]), min_size=1, max_size=4), st.randoms())
@settings(max_examples=25, deadline=None)
def test_in_whatever_order_people_answer_nothing_is_paid_that_not_all_have_approved(amounts, random):
    with TestRuntime(people=PEOPLE) as runtime:
        bank = Bank()
        run = runtime.start(looped.bind(bank=bank), amounts, id="C-1")
        said = {}
        while run.status == "waiting":
            review = random.choice(run.reviews)
            outcome = random.choice(["pay", "refer"])
            say(review, outcome, {"law": "lena@acme", "money": "otto@acme"}[review.gate])
            said.setdefault(review.decision.id, []).append(outcome)
        disagreed = any(len(set(words)) > 1 for words in said.values())
        assert run.status == ("incident" if disagreed else "done")
        decided = runtime.decisions().set_index("decision_id")["outcome"].to_dict()
        alike = {name: words for name, words in said.items() if len(set(words)) == 1}
        assert all(decided[name] == words[0] for name, words in alike.items() if len(words) == 2)
        if run.status == "done":
            assert len(bank.paid) == list(decided.values()).count("pay")
        runtime.ledger.verify()


# scripted people


def test_scripted_people_of_a_quorum_are_different_persons():
    with TestRuntime(answers=PAY) as runtime:
        bank = Bank()
        run = runtime.start(flow_through(two).bind(bank=bank), Claim(amount=700))
        assert run.result()[:5] == ["pay", "controller2@test", "two", "controller2@test", "controller@test"]


def test_scripted_people_answer_with_the_persons_there_are():
    with TestRuntime(answers=PAY, people=PEOPLE) as runtime:
        run = runtime.start(flow_through(two).bind(bank=Bank()), Claim(amount=700))
        assert set(run.result()[3:5]) <= {"maria@acme", "otto@acme", "eve@acme"}


def test_where_there_are_not_enough_persons_the_refusal_says_so():
    with TestRuntime(answers=PAY, people={"otto@acme": {"controller"}}) as runtime:
        run = runtime.start(flow_through(two).bind(bank=Bank()), Claim(amount=700))
        assert run.incident.error.startswith(
            "NobodyHolds: gate 'two' asks 2 of controller to say the same, and 1 could be asked"
        )


def test_the_fixture_has_composed_gates_answered(runtime):
    runtime.answers = DISAGREE
    run = runtime.start(flow_through(tied).bind(bank=Bank()), Claim(amount=700))
    assert run.result()[:3] == ["pay", "cfo@test", "law & money"]


# declared wrongly


def test_a_composition_that_could_not_work_is_refused_by_name():
    for wrong, message in (
        (lambda: law & law, "different names: law, law"),
        (lambda: (law & money) | two, "are asked in one way"),
        (lambda: (law >> money) & two, "is no gate that could be asked together"),
        (lambda: law >> "money", ">> puts a gate after a gate"),
        (lambda: law & 7, "7 is no gate"),
        (lambda: either.tied("cfo"), "have one answer, so there is no tie"),
        (lambda: together.tied(" "), "cannot be a name"),
        (lambda: tied & two, "are asked in one way"),
    ):
        with pytest.raises(DefinitionError, match=message):
            wrong()


def test_who_holds_no_role_that_is_asked_may_not_answer(run_through):
    _, run = run_through(either)
    with pytest.raises(NotPermitted):
        say(open_of(run)["money"], "pay", "ines@acme")
    assert run.status == "waiting"
