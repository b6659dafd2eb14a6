"""What nobody could answer is not opened, and what people should look at is not confirmed unseen."""

from dataclasses import dataclass

import pytest

from abpo_sdk import Decision, Gate, ReviewRequired, fields
from abpo_sdk.errors import NobodyHolds


@dataclass
class Claim:
    entered_by: str


UNSURE = Decision("claims", "1", "pay", "pay", ("pay", "refer"), 0.4, (), Claim("ines@acme"), ())
CLAIM, ALWAYS = fields(Claim), fields(Decision).confidence < 0.9


def ask(reviews, gate, decision=UNSURE):
    with pytest.raises(ReviewRequired) as needed, reviews.case("C-1"):
        gate(decision)
    return needed.value.review


def test_what_is_proposed_is_not_confirmed_in_bulk(reviews):
    review = ask(reviews, Gate("approval", when=ALWAYS, to="controller", refuses="pay"))
    reviews.bulk("refuse", [review], by="maria@acme", because="all fine")
    assert reviews.get(review.id).status == "open"


def test_a_quorum_of_more_people_than_hold_the_role_is_refused_when_it_would_be_opened(reviews):
    gate = Gate("approval", when=ALWAYS, to="cfo", quorum=2)
    with pytest.raises(NobodyHolds), reviews.case("C-1"):
        gate(UNSURE)


def test_a_case_that_nobody_may_decide_is_refused_when_it_would_be_opened(reviews):
    gate = Gate("approval", when=ALWAYS, to="cfo", involves=[CLAIM.entered_by])
    with pytest.raises(NobodyHolds), reviews.case("C-1"):
        gate(UNSURE)
