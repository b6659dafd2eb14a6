"""Every limit that concerns an approval is consulted; the strictest wins, and without one nothing is approved."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from abpo_sdk.errors import AmountInvalid, DefinitionError, OverLimit
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from tests.gates.authority.spent_rows import MARCH, Approvals, spend

CASE = Limit("controller", 10_000, "EUR")
LOOSE = Limit("controller", 1_000_000, "EUR")


def test_an_amount_over_the_limit_of_a_case_is_refused_with_the_limit_and_what_was_asked():
    approvals = Approvals(Limits(CASE))
    assert approvals.consult(spend(10_000)).allowed
    said = approvals.consult(spend(Decimal("10000.01")))
    with pytest.raises(
        OverLimit,
        match=r"'maria@acme' may not approve 10,000\.01 EUR of invoice as controller: the limit is controller: 10,000\.00 EUR a case",
    ):
        said.check()


def test_an_amount_over_a_limit_in_sum_is_refused_with_what_is_spent():
    approvals = Approvals(Limits(CASE, Limit("controller", 15_000, "EUR", per="day")))
    assert approvals.approve(spend(9_000))
    with pytest.raises(
        OverLimit, match=r"15,000\.00 EUR a day in UTC, by each person; spent of it: 9,000\.00 EUR in 1 case"
    ):
        approvals.consult(spend(Decimal("6000.01"))).check()
    assert approvals.approve(spend(6_000))
    assert not approvals.approve(spend(Decimal("0.01")))
    assert approvals.approve(spend(9_000), at=MARCH + timedelta(hours=12))
    assert approvals.approve(spend(9_000), person="otto@acme")


def test_what_is_reserved_or_committed_counts_and_what_is_released_does_not():
    approvals = Approvals(Limits(CASE, Limit("controller", 10_000, "EUR", per="day")))
    approvals.add(spend(3_000), status="reserved")
    approvals.add(spend(3_000), status="committed")
    approvals.add(spend(9_000), status="released")
    [_, day] = approvals.consult(spend(4_000)).consulted
    assert (day.spent, day.cases, day.fits) == (600_000, 2, True)


def test_a_number_of_cases_is_limited_too_and_in_every_currency_where_none_is_named():
    approvals = Approvals(Limits(CASE, Limit("controller", 100, "USD"), Limit("controller", count=2, per="day")))
    assert approvals.approve(spend(1))
    assert approvals.approve(spend(1, "USD"))
    with pytest.raises(OverLimit, match="2 cases a day in UTC, by each person; spent of it: 2 cases"):
        approvals.consult(spend(1)).check()


@pytest.mark.parametrize(
    ("across", "same", "other"),
    [
        (("person",), {"person": "maria@acme"}, {"person": "otto@acme"}),
        (("counterparty",), {"person": "otto@acme", "to": "acme"}, {"to": "bolt"}),
        (("role",), {"person": "otto@acme", "to": "bolt"}, {"role": "cfo"}),
        (("person", "counterparty"), {"to": "acme"}, {"person": "otto@acme"}),
        (("person", "counterparty"), {"to": "acme"}, {"to": "bolt"}),
    ],
)
def test_what_is_summed_together_is_what_the_limit_names(across, same, other):
    limits = Limits(LOOSE, Limit("cfo", 1_000_000, "EUR"), Limit("controller", 100, "EUR", per="day", across=across))

    def approved(person="maria@acme", role="controller", to="acme"):
        approvals = Approvals(limits)
        approvals.add(spend(60, counterparty="acme", linked="1"))
        return approvals.approve(spend(60, counterparty=to, linked="2"), person=person, role=role)

    assert not approved(**same)
    assert approved(**other)


def test_the_strictest_of_several_limits_wins_and_each_is_recorded():
    limits = Limits(
        CASE,
        Limit("controller", 500, "EUR", kind="refund"),
        Limit("controller", 20_000, "EUR", per="day"),
        Limit("controller", 600, "EUR", kind="refund", per="month", across=("role",)),
        Limit("cfo", 1, "EUR"),
        Limit("controller", 1, "EUR", until=MARCH),
    )
    approvals = Approvals(limits)
    assert approvals.approve(spend(400, kind="refund"))
    said = approvals.consult(spend(501, kind="refund"))
    assert "500.00 EUR a case of refund" in said.refusal
    record = json.loads(json.dumps(said.to_json()))
    assert (record["allowed"], record["limits"], record["role"]) == (False, limits.version, "controller")
    assert record["spend"]["amount"] == "501.00"
    assert [(c["limit"]["amount"], c["spent"], c["would_be"], c["within"]) for c in record["consulted"]] == [
        ("10000.00", "0.00", "501.00", True),
        ("500.00", "0.00", "501.00", False),
        ("20000.00", "400.00", "901.00", True),
        ("600.00", "400.00", "901.00", False),
    ]
    assert record["consulted"][2]["window"] == ["2026-03-02T00:00:00.000000Z", "2026-03-03T00:00:00.000000Z"]
    assert "600.00 EUR a month" in approvals.consult(spend(201, kind="refund")).refusal
    assert len(approvals.consult(spend(501)).consulted) == 2


@pytest.mark.parametrize(
    ("asked", "how"),
    [
        (spend(1), {"role": "clerk"}),
        (spend(1, kind="claim"), {}),
        (spend(1), {"at": MARCH - timedelta(days=1)}),
        (spend(1), {"at": MARCH + timedelta(days=1)}),
    ],
)
def test_where_no_limit_allows_anything_nothing_is_approved(asked, how):
    limits = Limits(
        Limit("controller", 10_000, "EUR", kind="invoice", since=MARCH, until=MARCH + timedelta(days=1)),
        Limit("controller", 10_000, "EUR", per="day"),
    )
    with pytest.raises(OverLimit, match="no limit in force says how much of one case the role may approve"):
        Approvals(limits).consult(asked, **how).check()


def test_where_nobody_said_how_much_anybody_may_approve_nothing_is():
    said = Approvals(Limits.none()).consult(spend(0))
    with pytest.raises(OverLimit, match="no limit in force") as raised:
        said.check()
    assert raised.value.consultation is said
    assert said.to_json()["consulted"] == []


def test_what_is_allowed_passes():
    Approvals(Limits(CASE)).consult(spend(1)).check()


def test_currencies_are_not_mixed_and_nothing_is_converted():
    approvals = Approvals(
        Limits(CASE, Limit("controller", 15_000, "EUR", per="day"), Limit("controller", 10_000, "USD"))
    )
    assert approvals.approve(spend(9_000, "USD"))
    assert approvals.approve(spend(9_000))
    [_, day] = approvals.consult(spend(1)).consulted
    assert day.spent == 900_000
    with pytest.raises(
        AmountInvalid, match=r"1 JPY .* the limits of the role are in EUR, USD, and nothing is converted"
    ) as raised:
        approvals.consult(spend(1, "JPY")).check()
    assert raised.value.consultation.fault == "currency"


def test_a_currency_whose_decimals_are_not_those_of_the_limit_is_refused():
    limits = Limits(Limit("controller", 100, "USDC", minor_units={"USDC": 6}))
    asked = spend(1)
    other = type(asked)(
        money=type(asked.money).of(1, "USDC", minor_units={"USDC": 2}), kind="invoice", within=asked.within
    )
    with pytest.raises(AmountInvalid, match="its USDC has 2 decimals and that of the limits 6"):
        Approvals(limits).consult(other).check()


def test_a_limit_for_each_counterparty_refuses_a_case_that_names_none():
    approvals = Approvals(Limits(CASE, Limit("controller", 100, "EUR", per="day", across=("counterparty",))))
    with pytest.raises(OverLimit, match=r"nobody says who gets it; give Authority\(counterparty=...\)"):
        approvals.consult(spend(1)).check()
    assert approvals.consult(spend(1, counterparty="acme")).allowed


def test_the_role_that_a_person_acts_in_is_the_one_that_counts():
    approvals = Approvals(Limits(CASE, Limit("cfo", 100_000, "EUR"), Limit("controller", 10_000, "EUR", per="day")))
    assert approvals.approve(spend(90_000), role="cfo")
    assert not approvals.approve(spend(90_000), role="controller")
    assert approvals.approve(spend(10_000), role="controller")


def test_a_sum_over_any_so_long_a_time_forgets_what_lies_exactly_so_long_ago():
    approvals = Approvals(Limits(LOOSE, Limit("controller", 100, "EUR", per=timedelta(days=1))))
    approvals.add(spend(100))
    assert not approvals.consult(spend(1), at=MARCH + timedelta(days=1) - timedelta(microseconds=1)).allowed
    assert approvals.consult(spend(1), at=MARCH + timedelta(days=1)).allowed


def test_a_clock_that_was_set_back_gives_no_room_again():
    approvals = Approvals(
        Limits(
            LOOSE, Limit("controller", 100, "EUR", per=timedelta(days=1)), Limit("controller", 100, "EUR", per="day")
        )
    )
    approvals.add(spend(100), at=MARCH + timedelta(hours=3))
    assert not approvals.consult(spend(1), at=MARCH).allowed


@pytest.mark.parametrize(
    ("hour", "same_day"),
    [("2026-10-25T23:59:59+01:00", True), ("2026-10-26T00:00:00+01:00", False), ("2026-10-25T00:00:00+02:00", True)],
)
def test_a_day_is_that_of_the_named_zone_also_when_it_has_25_hours(hour, same_day):
    approvals = Approvals(Limits(LOOSE, Limit("controller", 100, "EUR", per="day", zone="Europe/Berlin")))
    approvals.add(spend(100), at=datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")))
    assert approvals.consult(spend(1), at=datetime.fromisoformat(hour)).allowed is not same_day


def test_what_several_approve_of_one_decision_is_the_same_money():
    approvals = Approvals(Limits(CASE, Limit("controller", 10_000, "EUR", per="day", across=("role",))))
    asked = spend(6_000, linked="4711")
    approvals.add(asked, review="R-1")
    assert not approvals.consult(asked, person="otto@acme").allowed
    assert approvals.consult(asked, person="otto@acme", reviews=["R-1"]).allowed
    approvals.add(asked, person="otto@acme", review="R-1")
    [case, day] = approvals.consult(spend(4_000, linked="4711")).consulted
    assert (case.spent, day.spent, day.cases) == (600_000, 600_000, 1)


@pytest.mark.parametrize(
    "wrong", [{"person": ""}, {"person": None}, {"role": " "}, {"at": MARCH.replace(tzinfo=None)}, {"at": None}]
)
def test_nobody_no_role_and_a_naive_clock_are_refused(wrong):
    with pytest.raises(DefinitionError, match="limits are consulted"):
        Approvals(Limits(CASE)).consult(spend(1), **wrong)
