"""The cap on confirmations without a pause counts what somebody saw and confirmed."""

import pytest

from abpo_sdk import Decision, Gate, ReviewRequired, fields
from abpo_sdk.errors import TooManyInARow
from abpo_sdk.gates import Guard

SURE = Decision("claims", "1", "pay", "pay", ("pay", "refer"), 1.0, (), {"amount": 70}, ())
ALWAYS = fields(Decision).confidence > 0.9
BLIND = Gate("blind", when=ALWAYS, to="controller", guard=Guard(blind=True))
CAPPED = Gate("capped", when=ALWAYS, to="controller", guard=Guard(in_a_row=1))


def say(reviews, key, gate, outcome):
    with pytest.raises(ReviewRequired) as needed, reviews.case(key):
        gate(SURE)
    return needed.value.review.answer(outcome, by="maria@acme", because="looked at it")


def test_a_blind_answer_that_agrees_is_no_confirmation(reviews):
    say(reviews, "C-1", BLIND, "pay")
    assert say(reviews, "C-2", CAPPED, "pay").status == "answered"


def test_a_blind_answer_does_not_end_a_row_of_confirmations(reviews):
    say(reviews, "C-1", CAPPED, "pay")
    say(reviews, "C-2", BLIND, "refer")
    with pytest.raises(TooManyInARow):
        say(reviews, "C-3", CAPPED, "pay")
