"""People of a test runtime who answer by script: as soon as they are asked, in a fixed order, until something is not scripted."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, gather, process, rule, sleep, step
from abpo_sdk.errors import DefinitionError, NobodyHolds, UnknownOutcome
from abpo_sdk.testing import TestRuntime


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller", due=timedelta(hours=8), escalate_to="cfo")
audit = Gate("audit", when=c.amount > 400, to="auditor")


@process
def flow(claim: Claim) -> list[str]:
    decision = approval(claims(claim))
    second = audit(claims(claim))
    return [decision.outcome, decision.decided_by, second.outcome]


@process
async def flow_async(claim: Claim) -> list[str]:
    decision = approval(claims(claim))
    await asyncio.sleep(0)
    second = audit(claims(claim))
    return [decision.outcome, decision.decided_by, second.outcome]


CLAIM = Claim()
BOTH = {"approval": "pay", "audit": "refer"}


@pytest.mark.parametrize("process_", [flow, flow_async])
def test_reviews_are_answered_as_soon_as_they_open_by_somebody_of_their_role(process_):
    with TestRuntime(answers=BOTH) as runtime:
        run = runtime.start(process_, CLAIM)
        assert run.result() == ["pay", "controller@test", "refer"]


@pytest.mark.parametrize("process_", [flow, flow_async])
def test_in_an_event_loop_too(process_):
    async def main():
        with TestRuntime(answers=BOTH) as runtime:
            runs = await asyncio.gather(*(runtime.start_async(process_, CLAIM) for _ in range(5)))
            return [run.result() for run in runs]

    assert asyncio.run(main()) == [["pay", "controller@test", "refer"]] * 5


def test_a_run_goes_on_until_it_asks_what_is_not_scripted():
    with TestRuntime(answers={"approval": "pay"}) as runtime:
        run = runtime.start(flow, CLAIM)
        assert run.review.gate == "audit"
        run.review.answer("pay", by=runtime.someone("auditor"), because="fine")
        assert run.result() == ["pay", "controller@test", "pay"]


def test_an_answer_by_hand_is_followed_by_those_that_are_scripted():
    with TestRuntime(answers={"audit": "refer"}) as runtime:
        run = runtime.start(flow, CLAIM)
        run.review.answer("pay", by=runtime.someone("controller"), because="fine")
        assert run.result() == ["pay", "controller@test", "refer"]


def test_what_a_function_leaves_open_stays_open():
    with TestRuntime(answers={"approval": lambda review: None, "audit": "pay"}) as runtime:
        assert runtime.start(flow, CLAIM).review.gate == "approval"


def test_who_is_not_named_says_nothing_and_the_review_escalates_when_the_clock_is_turned():
    with TestRuntime(answers={"approval": {"cfo": "pay"}, "audit": "refer"}) as runtime:
        run = runtime.start(flow, CLAIM)
        assert run.review.to == "controller"
        runtime.clock.advance(timedelta(hours=9))
        assert run.result() == ["pay", "cfo@test", "refer"]


def test_after_a_tick_of_an_event_loop_too():
    async def main():
        with TestRuntime(answers={"approval": {"cfo": "pay"}, "audit": "refer"}) as runtime:
            run = await runtime.start_async(flow, CLAIM)
            runtime.clock._now += timedelta(hours=9)
            await runtime.tick_async()
            return run.result()

    assert asyncio.run(main()) == ["pay", "cfo@test", "refer"]


def test_answers_that_are_set_later_are_said_to_what_is_open_already():
    with TestRuntime() as runtime:
        run = runtime.start(flow, CLAIM)
        assert runtime.answers == {}
        runtime.answers = BOTH
        assert runtime.answers == BOTH
        assert run.result() == ["pay", "controller@test", "refer"]


def test_answers_that_are_set_in_an_event_loop_are_said_at_the_next_round():
    async def main():
        with TestRuntime() as runtime:
            run = await runtime.start_async(flow_async, CLAIM)
            runtime.answers = BOTH
            assert run.status == "waiting"
            await runtime.tick_async()
            return run.result()

    assert asyncio.run(main()) == ["pay", "controller@test", "refer"]


def test_reviews_of_one_moment_are_answered_in_a_fixed_order():
    seen = []

    def answer(review):
        seen.append(review.gate)
        return "pay"

    @process
    def beside(claim: Claim) -> list[str]:
        return [d.outcome for d in gather(lambda: approval(claims(claim)), lambda: audit(claims(claim)))]

    for _ in range(3):
        with TestRuntime(answers={"approval": answer, "audit": answer}) as runtime:
            assert runtime.start(beside, CLAIM, id="R").result() == ["pay", "pay"]
    assert seen == ["approval", "audit"] * 3


def test_many_gates_in_a_row_are_no_deep_recursion():
    @process
    def often(claim: Claim) -> int:
        return sum(audit(claims(claim)).outcome == "pay" for _ in range(150))

    with TestRuntime(answers={"audit": "pay"}) as runtime:
        assert runtime.start(often, CLAIM).result() == 150


def test_a_run_that_a_step_starts_is_answered_too():
    with TestRuntime(answers=BOTH) as runtime:

        @step
        def start_another(number: int) -> str:
            return runtime.start(flow, CLAIM, id=f"inner-{number}").id

        @process
        def outer(claim: Claim) -> str:
            first = start_another(1)
            approval(claims(claim))
            return first + start_another(2)

        assert runtime.start(outer, CLAIM).status == "done"
        assert {run.status for run in runtime.runs()} == {"done"}


def test_a_process_that_sleeps_is_not_woken_by_the_script():
    @process
    def sleepy(claim: Claim) -> str:
        sleep(timedelta(days=1))
        return audit(claims(claim)).outcome

    with TestRuntime(answers=BOTH) as runtime:
        run = runtime.start(sleepy, CLAIM)
        assert (run.status, run.reviews) == ("waiting", ())
        runtime.clock.advance(timedelta(days=1))
        assert run.result() == "refer"


def test_an_outcome_that_the_policy_does_not_know_is_named_with_those_that_it_knows():
    with TestRuntime(answers={"approval": "paay"}) as runtime, pytest.raises(UnknownOutcome, match=r"paay.*pay.*refer"):
        runtime.start(flow, CLAIM)


def test_a_misspelt_gate_is_named():
    with (
        TestRuntime(answers={"aproval": "pay"}) as runtime,
        pytest.raises(
            DefinitionError, match=r"gate 'approval' asks, and answers=\{...\} has 'aproval', which no process"
        ),
    ):
        runtime.start(flow, CLAIM)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"approval": 3}, r"answers=\{'approval': ...\}: 3 is no reply; give an outcome"),
        ({"approval": {"cfo": None}}, r"None is no reply"),
    ],
)
def test_what_is_no_reply_is_refused_at_once(answers, message):
    with pytest.raises(DefinitionError, match=message):
        TestRuntime(answers=answers)
    with TestRuntime() as runtime, pytest.raises(DefinitionError, match=message):
        runtime.answers = answers


def test_a_function_that_gives_no_outcome_is_named():
    with (
        TestRuntime(answers={"approval": lambda review: True}) as runtime,
        pytest.raises(DefinitionError, match=r"gave True for a review; an outcome is one of pay, refer"),
    ):
        runtime.start(flow, CLAIM)


def test_people_who_are_given_answer_for_their_role_and_a_role_without_people_is_named():
    people = {"maria@acme": {"controller"}, "ines@acme": {"cfo", "auditor"}}
    with TestRuntime(people=people, answers=BOTH) as runtime:
        assert runtime.start(flow, CLAIM).result() == ["pay", "maria@acme", "refer"]
    with TestRuntime(people={"maria@acme": {"controller"}}, answers=BOTH) as runtime:
        run = runtime.start(flow, CLAIM)
        assert NobodyHolds.__name__ in run.incident.error


def test_a_process_that_asks_for_ever_is_stopped(monkeypatch):
    monkeypatch.setattr("abpo_sdk.testing.people.scripted_worker.ANSWERS", 5)

    @process
    def stubborn(claim: Claim) -> str:
        while audit(claims(claim)).outcome != "pay":
            pass
        return "paid"

    with TestRuntime(answers={"audit": "refer"}) as runtime, pytest.raises(DefinitionError, match="ask for ever"):
        runtime.start(stubborn, CLAIM)
