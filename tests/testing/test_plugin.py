"""The pytest plugin gives the fixture `runtime`; the clock and the people of tests."""

from datetime import UTC, datetime, timedelta

import pytest

from abpo_sdk.errors import DefinitionError, NotPermitted
from abpo_sdk.testing import AnyRole, FakeClock, TestRuntime

pytest_plugins = ["pytester"]

A_TEST_OF_A_USER = """
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, process, rule


class Claim(BaseModel):
    amount: int


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller", due=timedelta(hours=8), escalate_to="cfo")


@process
def pay(claim: Claim) -> str:
    return approval(claims(claim)).outcome


def test_it_goes_to_the_controller_and_then_to_the_cfo(runtime, tmp_path):
    run = runtime.start(pay, Claim(amount=450), id="C-1")
    assert run.review.to == "controller"
    runtime.clock.advance(timedelta(hours=9))
    assert run.review.to == "cfo"
    run.review.answer("pay", by=runtime.someone("cfo"), because="urgent")
    assert run.result() == "pay"
    assert (tmp_path / "abpo.db").exists()


def test_each_test_has_a_ledger_of_its_own(runtime):
    assert runtime.runs() == []
"""


def test_the_fixture_is_found_by_itself_and_each_test_has_its_own(pytester):
    pytester.makepyfile(A_TEST_OF_A_USER)
    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def test_the_fake_clock_stands_still_until_it_is_turned():
    clock = FakeClock()
    first = clock.now()
    assert first.tzinfo is not None
    assert clock.now() == first
    clock.advance(timedelta(minutes=1))
    assert clock.now() - first == timedelta(minutes=1)


def test_the_fake_clock_starts_where_it_is_told():
    start = datetime(2031, 5, 6, tzinfo=UTC)
    assert FakeClock(start).now() == start
    with pytest.raises(DefinitionError, match="a time without a zone"):
        FakeClock(datetime(2031, 5, 6))  # noqa: DTZ001


def test_what_waits_for_the_clock_is_called_with_the_time_already_turned():
    clock, seen = FakeClock(), []
    clock.when_turned(lambda: seen.append(clock.now()))
    clock.advance(timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    assert [at - seen[0] for at in seen] == [timedelta(0), timedelta(hours=1)]


def test_somebody_holds_whatever_role_is_asked_for_and_no_other():
    people = AnyRole()
    assert people.someone("cfo") == "cfo@test"
    people.check_holds("cfo@test", "cfo", "sign")
    with pytest.raises(NotPermitted):
        people.check_holds("cfo@test", "controller", "sign")
    with pytest.raises(NotPermitted):
        people.check_holds("controller@test", "controller", "sign")  # nobody asked for one yet


def test_a_test_runtime_takes_people_and_a_clock():
    clock = FakeClock(datetime(2031, 5, 6, tzinfo=UTC))
    with TestRuntime(people={"maria@acme": {"controller"}}, clock=clock) as runtime:
        assert runtime.someone("controller") == "maria@acme"
        assert runtime.clock is clock
        assert runtime.ledger.clock is clock
