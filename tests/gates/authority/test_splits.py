"""A case that was split meets the limit that the whole would have met; a cluster just below a limit is flagged."""

from datetime import timedelta
from decimal import Decimal

import pytest

from abpo_sdk.errors import OverLimit
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from tests.gates.authority.spent_rows import MARCH, WEEK, Approvals, spend

LIMITS = Limits(Limit("controller", 10_000, "EUR"), Limit("cfo", 100_000, "EUR"), Limit("controller", 10_000, "USD"))


@pytest.fixture
def approvals():
    return Approvals(LIMITS)


def test_parts_of_one_order_are_refused_as_a_split_that_names_them(approvals):
    assert approvals.approve(spend(6_000, linked="4711", counterparty="acme"))
    assert approvals.approve(spend(4_000, linked="4711", counterparty="acme"), person="otto@acme")
    said = approvals.consult(spend(Decimal("0.01"), linked="4711", counterparty="bolt"))
    with pytest.raises(
        OverLimit,
        match=r"linked by '4711' with C-1, C-2 within 7 days, together 10,000\.01 EUR, and the limit of the whole is controller: "
        r"10,000\.00 EUR a case; put the whole before a role that may approve it",
    ):
        said.check()
    assert said.to_json()["linked"] == ["C-1", "C-2"]
    assert approvals.approve(spend(Decimal("0.01"), linked="4711"), role="cfo")


def test_parts_that_another_role_approved_count_too(approvals):
    assert approvals.approve(spend(90_000, linked="4711"), role="cfo")
    assert not approvals.approve(spend(1, linked="4711"))


def test_cases_that_nothing_links_are_on_their_own_though_one_counterparty_gets_them(approvals):
    assert all(approvals.approve(spend(6_000, counterparty="acme")) for _ in range(5))
    assert all(approvals.approve(spend(9_000)) for _ in range(5))


def test_parts_that_lie_far_apart_are_on_their_own(approvals):
    assert approvals.approve(spend(6_000, linked="4711"))
    assert not approvals.approve(spend(6_000, linked="4711"), at=MARCH + WEEK - timedelta(microseconds=1))
    assert not approvals.approve(spend(6_000, linked="4711"), at=MARCH - WEEK + timedelta(microseconds=1))
    assert approvals.approve(spend(6_000, linked="4711"), at=MARCH + WEEK)


def test_released_parts_do_not_count(approvals):
    approvals.add(spend(6_000, linked="4711"), status="released")
    assert approvals.consult(spend(6_000, linked="4711")).allowed


def test_a_limit_for_a_kind_takes_the_parts_of_that_kind_together():
    approvals = Approvals(
        Limits(Limit("controller", 10_000, "EUR", kind="invoice"), Limit("controller", 20_000, "EUR"))
    )
    assert approvals.approve(spend(9_000, linked="4711", kind="freight"))
    assert approvals.approve(spend(9_000, linked="4711"))
    assert not approvals.approve(spend(2_000, linked="4711"))
    assert not approvals.approve(spend(3_000, linked="4711", kind="freight"))


def test_parts_in_another_currency_are_not_summed_and_are_flagged(approvals):
    assert approvals.approve(spend(9_000, "USD", linked="4711"))
    said = approvals.consult(spend(9_000, linked="4711"))
    assert said.allowed
    assert said.flags == ("C-1 is linked with this case and is in USD, so the two are not summed",)


def test_a_cluster_just_below_the_limit_is_flagged_and_not_refused(approvals):
    for amount in (9_000, 9_999):
        asked = spend(amount, counterparty="acme", linked=str(amount))
        assert approvals.consult(asked).flags == ()
        assert approvals.approve(asked)
    said = approvals.consult(spend(10_000, counterparty="acme", linked="x"), person="otto@acme")
    assert said.allowed
    assert said.flags == (
        "3 cases of acme within 7 days are each 90 to 100 % of the limit of 10,000.00 EUR a case: C-1, C-2 and this one",
    )
    assert said.to_json()["flags"] == list(said.flags)


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"amount": Decimal("8999.99"), "counterparty": "acme"}, MARCH),
        ({"amount": Decimal("10000.01"), "counterparty": "acme"}, MARCH),
        ({"amount": 9_500, "counterparty": "bolt"}, MARCH),
        ({"amount": 9_500}, MARCH),
        ({"amount": 9_500, "currency": "USD", "counterparty": "acme"}, MARCH),
        ({"amount": 9_500, "counterparty": "acme"}, MARCH + WEEK),
    ],
)
def test_what_is_no_cluster_is_not_flagged(approvals, asked, at):
    for order in "ab":
        approvals.add(spend(9_500, counterparty="acme", linked=order))
    assert approvals.consult(spend(linked="c", **asked), at=at).flags == ()


def test_what_a_cluster_is_may_be_said(approvals):
    approvals.limits = Limits(Limit("controller", 10_000, "EUR"), cluster=2, just_below=Decimal("0.99"))
    approvals.add(spend(9_900, counterparty="acme", linked="1"))
    assert approvals.consult(spend(9_899, counterparty="acme", linked="2")).flags == ()
    assert "99 to 100 %" in approvals.consult(spend(9_900, counterparty="acme", linked="2")).flags[0]


def test_many_parts_are_named_in_part(approvals):
    for _ in range(25):
        approvals.add(spend(1_000, linked="4711"))
    assert "C-20 and 5 more within 7 days" in approvals.consult(spend(1_000, linked="4711")).refusal
