"""One limit: what it says, and what none can say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from tests.gates.authority.spent_rows import MARCH, spend

CASE = Limit("controller", 10_000, "EUR")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"amount": 10_000, "currency": "EUR"}, "controller: 10,000.00 EUR a case"),
        ({"amount": 0, "currency": "EUR", "kind": "refund"}, "controller: 0.00 EUR a case of refund"),
        (
            {"amount": Decimal("0.5"), "currency": "EUR", "per": "week", "across": ("counterparty", "person")},
            "controller: 0.50 EUR a week in UTC, for each counterparty and by each person",
        ),
        (
            {"count": 1, "per": timedelta(days=30), "across": ("role",)},
            "controller: 1 case in any 30 days, by the whole role",
        ),
        (
            {"count": 5, "currency": "JPY", "per": "month", "zone": "Asia/Tokyo"},
            "controller: 5 cases in JPY a month in Asia/Tokyo, by each person",
        ),
    ],
)
def test_a_limit_reads_as_what_it_limits(arguments, text):
    assert str(Limit("controller", **arguments)) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"amount": Decimal("NaN"), "currency": "EUR"},
            "the limit of 'controller': the amount NaN is not a finite number",
        ),
        ({"amount": Decimal("Infinity"), "currency": "EUR"}, "not a finite number"),
        ({"amount": -1, "currency": "EUR"}, "-1 EUR is negative"),
        ({"amount": Decimal("0.001"), "currency": "EUR"}, "a part of the smallest unit"),
        ({"amount": 10_000.0, "currency": "EUR"}, "is a float, which is not exact money"),
        ({"amount": "10000", "currency": "EUR"}, "is a str"),
        ({"amount": 10_000}, "there is no currency"),
        ({"amount": 10_000, "currency": "euro"}, "the currency 'euro' is unknown"),
        ({"count": 3, "per": "day", "currency": "euro"}, "the currency 'euro' is unknown"),
        ({}, "limits nothing"),
        ({"currency": "EUR"}, "limits nothing"),
        ({"count": 0, "per": "day"}, "count=0 is no number of cases"),
        ({"count": True, "per": "day"}, "count=True is no number"),
        ({"count": 3}, "of one case there is only an amount"),
        ({"amount": 1, "currency": "EUR", "across": ("role",)}, "of one case there is only an amount"),
        ({"amount": 1, "currency": "EUR", "per": "year"}, "per .or one of 'case', 'day'.*'year' is no duration"),
        ({"amount": 1, "currency": "EUR", "per": timedelta(0)}, "at least one"),
        ({"amount": 1, "currency": "EUR", "per": timedelta(days=40_000)}, "at most 36525 days"),
        ({"amount": 1, "currency": "EUR", "per": "day", "zone": "Europe/Bonn"}, "zone='Europe/Bonn' is no time zone"),
        ({"amount": 1, "currency": "EUR", "per": "day", "zone": "../etc/passwd"}, "is no time zone"),
        ({"amount": 1, "currency": "EUR", "per": "day", "zone": None}, "zone=None is no time zone"),
        ({"amount": 1, "currency": "EUR", "per": timedelta(days=1), "zone": "Europe/Berlin"}, "leave it out"),
        ({"amount": 1, "currency": "EUR", "per": "day", "across": ()}, "write a tuple of"),
        ({"amount": 1, "currency": "EUR", "per": "day", "across": "person"}, "write a tuple of"),
        ({"amount": 1, "currency": "EUR", "per": "day", "across": ("person", "person")}, "each once"),
        ({"amount": 1, "currency": "EUR", "per": "day", "across": ("team",)}, "write a tuple of"),
        ({"amount": 1, "currency": "EUR", "kind": " "}, "names no kind"),
        ({"amount": 1, "currency": "EUR", "since": datetime(2026, 1, 1)}, "no time with a zone"),  # noqa: DTZ001
        ({"amount": 1, "currency": "EUR", "until": "2026-01-01"}, "no time with a zone"),
        ({"amount": 1, "currency": "EUR", "since": MARCH, "until": MARCH}, "so never"),
    ],
)
def test_a_limit_that_could_not_hold_is_refused_by_name(arguments, message):
    with pytest.raises(DefinitionError, match=message):
        Limit("controller", **arguments)
    with pytest.raises(DefinitionError, match="is nobody's"):
        Limit(" ", 1, "EUR")


def test_a_limit_is_in_force_from_its_first_moment_until_just_before_its_last():
    limit = Limit("controller", 1, "EUR", since=MARCH, until=MARCH + timedelta(days=1))
    moments = [MARCH - timedelta(microseconds=1), MARCH, MARCH + timedelta(hours=23), MARCH + timedelta(days=1)]
    assert [limit.concerns(spend(1), role="controller", at=at) for at in moments] == [False, True, True, False]


def test_a_limit_concerns_its_role_and_kind_alone():
    limit = Limit("controller", 1, "EUR", kind="invoice")
    assert limit.concerns(spend(1), role="controller", at=MARCH)
    assert not limit.concerns(spend(1), role="cfo", at=MARCH)
    assert not limit.concerns(spend(1, kind="refund"), role="controller", at=MARCH)


@pytest.mark.parametrize(
    ("limits", "settings", "message"),
    [
        ([], {}, "takes at least one Limit"),
        ([[CASE]], {}, "each as an argument of its own"),
        ([Limit("cfo", 1, "EUR", per="day"), CASE], {}, "the role 'cfo' has no limit of one case"),
        (
            [Limit("a", 1, "XYZ", minor_units={"XYZ": 2}), Limit("a", 1, "XYZ", minor_units={"XYZ": 3})],
            {},
            "disagree on how many decimals XYZ has",
        ),
        ([CASE], {"cluster": 1}, "cluster=1 is no cluster"),
        ([CASE], {"cluster": True}, "is no cluster"),
        ([CASE], {"just_below": 0.9}, "just_below=0.9 is no share"),
        ([CASE], {"just_below": Decimal("1.1")}, "is no share"),
    ],
)
def test_limits_that_could_not_work_together_are_refused_by_name(limits, settings, message):
    with pytest.raises(DefinitionError, match=message):
        Limits(*limits, **settings)


def test_the_version_changes_with_whatever_changes_what_may_be_approved():
    changes = [
        {}, {"amount": 10_001}, {"currency": "JPY"}, {"kind": "invoice"}, {"per": "day"}, {"per": timedelta(days=1)}, {"per": "day", "count": 3},
        {"per": "day", "zone": "Europe/Berlin"}, {"per": "day", "across": ("role",)}, {"since": MARCH}, {"until": MARCH},
    ]  # fmt: skip
    limits = [Limit("controller", **({"amount": 10_000, "currency": "EUR"} | change)) for change in changes]
    versions = {Limits(CASE, limit).version for limit in limits}
    assert (
        len(versions | {Limits(CASE, cluster=4).version, Limits(CASE, just_below=Decimal("0.95")).version})
        == len(changes) + 2
    )
    berlin = datetime.fromisoformat("2026-03-02T13:00:00+01:00")
    assert Limits(Limit("a", 1, "EUR", since=berlin)).version == Limits(Limit("a", 1, "EUR", since=MARCH)).version
    assert MARCH.tzinfo is UTC
