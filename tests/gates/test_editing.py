"""What a person corrects of what the decision gives: recorded with its difference, and only where it fits."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import EditInvalid
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.ledger.outputs import decode_output
from tests.gates.claim_desk import CLERKS, PEOPLE, Claim, claims, gate, put, says, tried

MARIA, OTTO, OMAR, LENA = CLERKS
AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
GIVEN = {
    "amount": Decimal("700.00"),
    "rate": 3.0,
    "days": 30,
    "note": "by transfer",
    "urgent": False,
    "paid_on": dt.date(2026, 3, 2),
    "booked_at": AT,
    "grace": dt.timedelta(days=-1, microseconds=1),
    "reference": None,
}


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


def test_what_is_corrected_stands_and_the_rest_stays_as_it_was_proposed(reviews):
    review = put(reviews, giving=GIVEN)
    answered = says(review, "pay", MARIA, edit={"amount": Decimal("650.00"), "urgent": True})
    assert answered.given.output == {"amount": Decimal("650.00"), "urgent": True}
    settled = reviews.settle(claims(Claim()).giving(**GIVEN), key="C-1")
    assert settled.output == GIVEN | {"amount": Decimal("650.00"), "urgent": True}
    assert (settled.outcome, settled.proposed) == ("pay", "refer")


def test_the_difference_is_recorded(reviews):
    says(put(reviews, giving=GIVEN), "pay", MARIA, edit={"amount": Decimal(650), "days": 14, "note": "by transfer"})
    content = reviews.ledger.entries("C-1")[-1].content
    assert content["diff"] == {
        "amount": {"from": {"decimal": "700.00"}, "to": {"decimal": "650"}},
        "days": {"from": 30, "to": 14},
    }
    assert decode_output(content["edit"]) == {"amount": Decimal(650), "days": 14}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", Decimal("0.01")),
        ("rate", 2.5),
        ("rate", 4.0),
        ("rate", -0.0),
        ("days", -14),
        ("note", ""),
        ("urgent", True),
        ("paid_on", dt.date(2027, 1, 1)),
        ("booked_at", AT.astimezone(dt.timezone(dt.timedelta(hours=2))) + dt.timedelta(hours=1)),
        ("grace", dt.timedelta(days=3, microseconds=7)),
        ("reference", "4711"),
        ("reference", Decimal(7)),
    ],
)
def test_what_fits_comes_back_as_it_was_put(reviews, name, value):
    given = says(put(reviews, giving=GIVEN), "pay", MARIA, edit={name: value}).given
    assert given.output == {name: value}
    assert type(given.output[name]) is type(value)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"amuont": Decimal(650)}, "the decision gives no 'amuont'; it gives amount, booked_at, days"),
        ({"outcome": "pay"}, "the decision gives no 'outcome'"),
        ({7: 8}, "the decision gives no 7"),
        ({"amount": 650}, "amount is a Decimal, and 650 is a int"),
        ({"amount": 650.0}, "amount is a Decimal, and 650.0 is a float"),
        ({"amount": "650"}, "amount is a Decimal, and '650' is a str"),
        ({"amount": None}, "amount is a Decimal, and None is a NoneType"),
        ({"days": True}, "days is a int, and True is a bool"),
        ({"urgent": 1}, "urgent is a bool, and 1 is a int"),
        ({"paid_on": AT}, "paid_on is a date"),
        ({"booked_at": dt.date(2026, 3, 2)}, "booked_at is a datetime"),
        ({"amount": Decimal("NaN")}, "is NaN, which is no number"),
        ({"amount": Decimal("sNaN")}, "is sNaN, which is no number"),
        ({"amount": Decimal("Infinity")}, "is Infinity, which is no number"),
        ({"rate": float("nan")}, "is nan, which is no number"),
        ({"rate": float("-inf")}, "is -inf, which is no number"),
        ({"days": 2**53}, "cannot be written down"),
        ({"note": "half \ud800"}, "cannot be written down"),
        ({"booked_at": AT.replace(tzinfo=None)}, "a time without a zone"),
        ({"reference": ["4711"]}, "is a list; an output holds"),
        ({"reference": {"decimal": "7"}}, "is a dict; an output holds"),
        ({"days": 14, "amount": Decimal("NaN")}, "is NaN, which is no number"),
        (["amount"], "is no mapping of names to values"),
        ("amount", "is no mapping of names to values"),
    ],
)
def test_a_correction_that_does_not_fit_is_refused_by_name_and_changes_nothing(reviews, edit, why):
    review = put(reviews, giving=GIVEN)
    with pytest.raises(EditInvalid, match=why):
        says(review, "pay", MARIA, edit=edit)
    assert reviews.get(review.id) == review
    assert tried(reviews, review) == [("answer", MARIA, "EditInvalid")]
    assert says(review, "pay", MARIA).given.output is None


def test_where_the_decision_gives_nothing_there_is_nothing_to_correct(reviews):
    review = put(reviews)
    with pytest.raises(EditInvalid, match="it gives nothing beside its outcome"):
        says(review, "pay", MARIA, edit={"amount": Decimal(1)})
    assert says(review, "pay", MARIA, edit={}).status == "answered"


def test_a_blind_review_is_answered_by_an_outcome_alone(reviews):
    review = put(reviews, giving=GIVEN, at=gate(guard=Guard(blind=True)))
    for edit in ({"amount": Decimal(650)}, {"amount": GIVEN["amount"]}, {"amuont": 1}):
        with pytest.raises(EditInvalid, match="is blind, so what is proposed cannot be corrected"):
            says(review, "pay", MARIA, edit=edit)
    assert says(review, "pay", MARIA).status == "answered"


def test_an_imported_answer_is_corrected_in_the_same_way(reviews):
    review = put(reviews, giving=GIVEN)

    def imported(edit):
        return reviews.import_answer(
            review.id, "pay", by=MARIA, because="seen", shown=review.shown, source="ticket 4711", edit=edit
        )

    with pytest.raises(EditInvalid, match="is NaN"):
        imported({"amount": Decimal("NaN")})
    assert imported({"amount": Decimal(650)}).given.output == {"amount": Decimal(650)}


def test_a_correction_of_what_was_returned_is_made_to_what_stands_there_now(reviews):
    review = put(reviews, giving=GIVEN)
    review.return_for_information(by=MARIA, because="where is the receipt?")
    informed = review.inform("it is on page 2", by=OTTO)
    assert says(informed, "pay", MARIA, edit={"days": 14}).given.output == {"days": 14}
    assert replace(informed, shown=None) != informed


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(was=numbers, put_instead=numbers)
def test_what_two_people_put_agrees_just_when_it_is_the_same_number(reviews, was, put_instead):
    key = f"C-{len(list(reviews.ledger.store.heads()))}"
    review = put(reviews, key=key, giving={"amount": was}, at=gate(quorum=2))
    says(review, "pay", MARIA)
    settled = says(review, "pay", OTTO, edit={"amount": put_instead})
    assert (settled.status == "answered") == (was == put_instead)
