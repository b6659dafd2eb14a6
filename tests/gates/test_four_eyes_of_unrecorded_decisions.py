"""Four eyes over several gates, where a function and no policy made the decision, so that the ledger has no id for it."""

import pytest

from abpo_sdk import Decision, Gate, ReviewRequired, fields
from abpo_sdk.errors import SeparationOfDuties

UNSURE = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
ALWAYS = fields(Decision).confidence < 0.9
GATES = Gate("first", when=ALWAYS, to="controller") >> Gate("second", when=ALWAYS, to="controller", four_eyes=True)


def asked(reviews):
    with pytest.raises(ReviewRequired) as needed, reviews.case("C-1"):
        GATES(UNSURE)
    return needed.value.review


def test_nobody_answers_at_a_second_gate_about_what_they_answered_at_the_first(reviews):
    asked(reviews).answer("pay", by="maria@acme", because="the receipt is there")
    second = asked(reviews)
    with pytest.raises(SeparationOfDuties, match="maria@acme has answered about this decision before"):
        second.answer("pay", by="maria@acme", because="the receipt is there")
    assert second.answer("pay", by="otto@acme", because="the receipt is there").status == "answered"
