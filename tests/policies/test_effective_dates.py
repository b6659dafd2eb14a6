"""A policy of several versions, each in force from its date."""

import pickle
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, fields, rule
from abpo_sdk.conditions import always
from abpo_sdk.errors import DefinitionError, MissingInput, MistypedInput, NotInForce
from abpo_sdk.evaluation import backtest
from abpo_sdk.policies import InForce
from abpo_sdk.testing import check_policy

BERLIN = ZoneInfo("Europe/Berlin")
JULY, JANUARY = date(2020, 7, 1), date(2021, 1, 1)


class Invoice(BaseModel):
    total: int
    day: date
    paid_at: datetime | None = None
    customer: str = "K-1"
    born: Annotated[date, Personal("date of birth", subject_field="customer")] = date(2000, 1, 1)


class Other(BaseModel):
    day: date


i = fields(Invoice)


def table(name, limit, *, model=Invoice, owner="head of tax", then="low"):
    within = rule(fields(model).total <= limit, then=then, because=f"up to {limit}") if limit else None
    row = within or rule(always, then=then, because="always")
    return DecisionTable(name, row, otherwise="high", owner=owner, case_type=model)


EARLY, MIDDLE, LATE = (table(name, limit) for name, limit in (("early", 100), ("middle", 200), ("late", 300)))
VERSIONS = ((date(2007, 1, 1), EARLY), (JULY, MIDDLE), (JANUARY, LATE))


def tax(**options):
    return InForce("tax", *VERSIONS, **{"on": i.day, **options})


def invoice(total=150, day=JULY, **case):
    return Invoice(total=total, day=day, **case)


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        (date(2007, 1, 1), "high"),
        (JULY - timedelta(days=1), "high"),
        (JULY, "low"),
        (JANUARY - timedelta(days=1), "low"),
        (JANUARY, "low"),
    ],
)
def test_a_case_is_decided_by_what_was_in_force_on_its_own_date(day, outcome):
    assert tax()(invoice(day=day)).outcome == outcome


@given(st.dates(date(2007, 1, 1), date(2030, 1, 1)), st.integers(0, 400), st.permutations(VERSIONS))
def test_the_version_is_the_last_one_that_began(day, total, versions):
    by = max((version for version in VERSIONS if version[0] <= day), key=lambda version: version[0])[1]
    policy = InForce("tax", *versions, on=i.day)
    case = invoice(total, day)
    assert policy(case).outcome == by(case).outcome
    assert policy.at(day) is by
    assert policy.version == tax().version


def test_the_decision_says_which_version_decided_and_which_date_chose_it():
    decision = tax()(invoice())
    first, last = decision.reasons
    assert (decision.policy, decision.version, decision.owner) == ("tax", tax().version, "head of tax")
    assert (first.code, first.stage, first.rank) == ("middle.1", "middle", 1)
    assert (last.code, last.stage, last.rank) == ("tax.in_force", "tax", 2)
    assert last.text == f"'middle' in version {MIDDLE.version} is in force from 2020-07-01"
    assert (last.factor, last.value, last.condition) == ("day", "2020-07-01", "day 2020-07-01 >= 2020-07-01")
    assert decision.inputs == ("day", "total")


def test_what_is_personal_is_masked_where_it_chooses_the_version():
    decision = tax(on=i.born)(invoice(born=date(2020, 8, 1)))
    assert decision.reasons[-1].value == "<date of birth>"
    assert "2020-08-01" not in str(decision.reasons)
    with pytest.raises(NotInForce, match="at born <date of birth>;"):
        tax(on=i.born)(invoice(born=date(1990, 8, 1)))


def test_before_the_first_date_nothing_is_decided():
    with pytest.raises(NotInForce) as error:
        tax()(invoice(day=date(2006, 12, 31)))
    assert (
        str(error.value) == "policy 'tax' was not in force at day 2006-12-31; its first version counts from 2007-01-01"
    )


def test_a_date_that_is_missing_or_none_is_an_error():
    with pytest.raises(MissingInput, match="paid_at is missing"):
        tax(on=i.paid_at, zone="Europe/Berlin")(invoice())
    with pytest.raises(MistypedInput):
        tax()({"total": 1, "day": "soon"})


def test_a_mapping_is_decided_as_the_object_is():
    assert tax()({"total": 150, "day": "2020-07-01"}).outcome == "low"


def test_days_begin_in_the_zone_that_is_named():
    policy = tax(on=i.paid_at, zone="Europe/Berlin")
    midnight = datetime(2020, 7, 1, tzinfo=BERLIN)
    before, after = (policy(invoice(paid_at=at)) for at in (midnight - timedelta(microseconds=1), midnight))
    assert (before.reasons[-1].text[:7], after.reasons[-1].text[:8]) == ("'early'", "'middle'")
    assert (
        policy(invoice(paid_at=midnight.astimezone(UTC))).reasons
        == policy(invoice(paid_at=datetime(2020, 6, 30, 22, tzinfo=UTC))).reasons
    )
    assert after.reasons[-1].condition == "paid_at 2020-07-01 00:00+02:00 >= 2020-07-01 in Europe/Berlin"


def test_without_a_field_it_is_the_time_of_the_decision_or_one_that_is_named():
    policy = tax(on=None, zone="Europe/Berlin")
    assert policy(invoice(250)).reasons[-1].text.startswith("'late'")
    assert policy(invoice(250), at=date(2020, 8, 1)).reasons[-1].text.startswith("'middle'")
    assert policy.decide(invoice(), at=datetime(2020, 6, 30, 22, tzinfo=UTC)).reasons[-1].text.startswith("'middle'")
    with pytest.raises(NotInForce, match="not in force at 2006-12-31 00:00\\+01:00"):
        policy(invoice(), at=datetime(2006, 12, 31, tzinfo=BERLIN))
    with pytest.raises(DefinitionError, match="does not say which version counts; give a date or a time with a zone"):
        policy(invoice(), at=datetime(2020, 1, 1))  # noqa: DTZ001


def test_a_future_version_is_not_used_before_its_date():
    coming = InForce("tax", (date(2007, 1, 1), EARLY), (date(9000, 1, 1), LATE), zone="UTC")
    assert coming(invoice(150)).outcome == "high"
    assert coming(invoice(150), at=date(9000, 1, 1)).outcome == "low"


def test_times_that_are_aware_begin_at_their_moment():
    start = datetime(2020, 7, 1, 12, tzinfo=BERLIN)
    policy = InForce("tax", (start, MIDDLE), on=i.paid_at)
    assert policy(invoice(paid_at=start)).outcome == "low"
    with pytest.raises(NotInForce):
        policy(invoice(paid_at=start - timedelta(seconds=1)))


def test_a_field_says_what_counts_and_not_the_caller():
    with pytest.raises(DefinitionError, match=r"at=.* is given, and day says which version counts"):
        tax()(invoice(), at=JULY)


def test_the_same_versions_are_chosen_by_a_date_of_the_case_where_past_cases_are_decided():
    today = tax(on=None, zone="Europe/Berlin")
    assert today.dated_by(i.day)(invoice(day=JULY)).reasons == tax()(invoice(day=JULY)).reasons
    paid = invoice(paid_at=datetime(2020, 7, 1, tzinfo=BERLIN))
    assert today.dated_by(i.paid_at)(paid).outcome == "low"


def test_outcomes_are_those_of_all_versions():
    policy = InForce("tax", (JULY, table("a", 10)), (JANUARY, table("b", 10, then="none")), on=i.day)
    assert policy.outcomes == ("low", "high", "none")
    assert policy(invoice()).outcomes == policy.outcomes
    assert Gate("g", when=i.total > 1, to="clerk").check(policy(invoice())).needed


def test_the_version_is_over_all_versions_their_dates_the_field_and_the_zone():
    versions = {
        tax().version,
        tax(on=i.born).version,
        tax(on=None, zone="UTC").version,
        tax(on=None, zone="Europe/Berlin").version,
        InForce("tax", *VERSIONS[:2], on=i.day).version,
        InForce("tax", *VERSIONS[:2], (date(2021, 1, 2), LATE), on=i.day).version,
        InForce("tax", *VERSIONS[:2], (JANUARY, EARLY), on=i.day).version,
        InForce("vat", *VERSIONS, on=i.day).version,
    }
    assert len(versions) == 8
    assert tax(owner="somebody else").version == tax().version
    moments = [datetime(2020, 7, 1, tzinfo=BERLIN), datetime(2020, 6, 30, 22, tzinfo=UTC)]
    assert len({InForce("tax", (moment, EARLY)).version for moment in moments}) == 1


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: InForce("tax", on=i.day), "needs a name and versions"),
        (lambda: InForce("", *VERSIONS, on=i.day), "needs a name and versions"),
        (lambda: InForce("tax", (JULY, EARLY), (JULY, LATE), on=i.day), "has two versions from 2020-07-01 on"),
        (
            lambda: InForce(
                "tax", (datetime(2020, 7, 1, tzinfo=BERLIN), EARLY), (datetime(2020, 6, 30, 22, tzinfo=UTC), LATE)
            ),
            "has two versions from",
        ),
        (lambda: InForce("tax", (JULY, EARLY), (datetime(2021, 1, 1, tzinfo=UTC), LATE)), "others with times"),
        (lambda: InForce("tax", (datetime(2021, 1, 1), LATE)), "a time without a zone"),  # noqa: DTZ001
        (lambda: InForce("tax", ("2020-07-01", EARLY), on=i.day), "write \\(date\\(2026, 1, 1\\), policy\\)"),
        (lambda: InForce("tax", (JULY, "early"), on=i.day), "write \\(date\\(2026, 1, 1\\), policy\\)"),
        (lambda: InForce("tax", EARLY, on=i.day), "write \\(date\\(2026, 1, 1\\), policy\\)"),
        (lambda: InForce("tax", *VERSIONS), "held against the time of the decision; say in which zone days begin"),
        (lambda: InForce("tax", *VERSIONS, on=i.paid_at), "held against paid_at, a time; say in which zone"),
        (
            lambda: InForce("tax", *VERSIONS, on=i.day, zone="UTC"),
            "zone='UTC' is for dates that are held against times",
        ),
        (lambda: InForce("tax", *VERSIONS, zone="Berlin"), "there is no time zone 'Berlin'"),
        (lambda: InForce("tax", (datetime(2021, 1, 1, tzinfo=UTC), LATE), on=i.day), "day has none; give dates"),
        (lambda: InForce("tax", *VERSIONS, on=i.total), "on=total, which is integer, is no date or time"),
        (lambda: InForce("tax", *VERSIONS, on="day"), "on='day' is no date or time of the case"),
        (lambda: InForce("tax", *VERSIONS, on=fields(Other).day), "is about Invoice, and on= is a field of Other"),
        (
            lambda: InForce("tax", (JULY, EARLY), (JANUARY, table("b", 0, model=Other)), on=i.day),
            "versions about Invoice and Other",
        ),
        (
            lambda: InForce("tax", (JULY, EARLY), (JANUARY, table("b", 5, owner=None)), on=i.day),
            "versions of head of tax, nobody; say with owner=",
        ),
    ],
)
def test_what_is_declared_wrongly_is_refused(make, problem):
    with pytest.raises(DefinitionError, match=problem):
        make()


def test_past_cases_are_decided_by_what_was_in_force_for_them():
    history = pd.DataFrame(
        {
            "total": [150, 150, 150],
            "day": [date(2010, 1, 1), date(2020, 8, 1), date(1999, 1, 1)],
            "said": ["high", "low", "low"],
        }
    )
    result = backtest(tax(), history, truth="said")
    assert (result.agreement.k, result.agreement.n) == (2, 2)
    assert "not in force at day 1999-01-01" in result.unusable[0].error


def test_it_does_what_every_policy_must():
    report = check_policy(tax(), again=tax)
    assert 0 < report.refused < report.cases
    cases = [invoice(150), invoice(250), invoice(350, JANUARY)]
    check_policy(tax(on=None, zone="Europe/Berlin"), cases, again=lambda: tax(on=None, zone="Europe/Berlin"))


def test_it_travels():
    assert pickle.loads(pickle.dumps(tax()))(invoice()).outcome == "low"
