"""Past decisions that are like one before a person."""

from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Personal, ReviewRequired, Reviews, fields, rule
from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.similar import likeness, similar_decisions


class Claim(BaseModel):
    holder: str
    amount: Decimal
    country: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")] = "DE02120300000000202051"


c = fields(Claim)
claims = DecisionTable(
    "claims",
    rule((c.amount <= 500) & (c.country == "DE") & (c.iban != ""), then="pay", because="small"),
    otherwise="refer",
)


def claim(amount, country="DE", **more):
    return Claim(holder="h", amount=amount, country=country, **more)


@pytest.fixture
def ledger():
    with Ledger("sqlite://") as ledger:
        yield ledger


def test_the_most_alike_come_first_with_what_stands_and_who_decided(ledger):
    for number, case in enumerate([claim(100), claim(90, "FR"), claim(50), claim(4000)]):
        ledger.record(claims(case), key=f"C-{number}")
    assert similar_decisions(ledger)(claims(claim(100))) == (
        "C-0: 'pay' by policy; amount '100', country 'DE'",
        "C-2: 'pay' by policy; amount '50', country 'DE'",
        "C-3: 'refer' by policy; amount '4000', country 'DE'",
        "C-1: 'refer' by policy; amount '90', country 'FR'",
    )
    assert len(similar_decisions(ledger, limit=2)(claims(claim(100)))) == 2


def test_personal_values_are_neither_compared_nor_shown(ledger):
    ledger.record(claims(claim(100, iban="FR7630006000011234567890189")), key="C-1")
    (text,) = similar_decisions(ledger)(claims(claim(100)))
    assert "iban" not in text
    assert "FR76" not in text


def test_the_decision_itself_and_what_was_swept_are_left_out(ledger):
    first = ledger.record(claims(claim(100)), key="C-1")
    assert similar_decisions(ledger)(first) == ()
    second = ledger.record(claims(claim(100)), key="C-2")
    assert len(similar_decisions(ledger)(second)) == 1
    assert similar_decisions(ledger)(DecisionTable("other", *claims.rules, otherwise="refer")(claim(100))) == ()


def test_a_review_shows_them_and_is_bound_to_them(ledger):
    reviews = Reviews(ledger, {"maria@acme": {"controller"}})
    gate = Gate(
        "approval", when=c.amount > 500, to="controller", changes=claims.changes, similar=similar_decisions(ledger)
    )
    ledger.record(claims(claim(700)), key="C-1")
    with pytest.raises(ReviewRequired) as needed, reviews.case("C-2"):
        gate(claims(claim(900)))
    review = needed.value.review
    assert review.similar == ("C-1: 'refer' by policy; amount '700'",)
    assert review.changes == ("'pay' if amount 900 <= 500",)
    assert reviews.get(review.id) == review
    assert review.answer("pay", by="maria@acme", because="as C-1").status == "answered"


@pytest.mark.parametrize("numbers", [{"limit": 0}, {"limit": True}, {"looked_at": -1}, {"looked_at": 1.5}])
def test_what_is_no_number_is_refused_by_name(ledger, numbers):
    with pytest.raises(DefinitionError, match=next(iter(numbers))):
        similar_decisions(ledger, **numbers)


VALUES = (
    st.none() | st.booleans() | st.integers(-50, 50) | st.sampled_from(["", "DE", "12.50", "NaN", "<bank account>"])
)


@given(st.dictionaries(st.sampled_from("abc"), VALUES), st.dictionaries(st.sampled_from("abc"), VALUES))
def test_likeness_is_symmetric_and_largest_with_itself(one, other):
    names = ["a", "b", "c", "a.b"]
    assert likeness(one, other, names) == likeness(other, one, names)
    assert 0 <= likeness(one, other, names) <= likeness(one, one, names)
