"""An answer that was given elsewhere, with a correction of what the decision gives."""

from decimal import Decimal

import pytest

from abpo_sdk import Decision, Gate, ReviewRequired, fields
from abpo_sdk.errors import EditInvalid

UNSURE = Decision("claims", "1", "pay", "pay", ("pay", "refer"), 0.4, (), {"number": "C-1"}, ())
GATE = Gate("approval", when=fields(Decision).confidence < 0.9, to="controller")


def decide(reviews):
    with reviews.case("C-1"):
        return GATE(UNSURE.giving(amount=Decimal("70.00")))


def imported(reviews, edit):
    with pytest.raises(ReviewRequired) as needed:
        decide(reviews)
    review = needed.value.review
    said = {"by": "maria@acme", "because": "less", "shown": review.shown, "source": "ticket 4711"}
    return reviews.import_answer(review.id, "pay", edit=edit, **said)


def test_the_correction_stands(reviews):
    imported(reviews, {"amount": Decimal("60.00")})
    assert decide(reviews).output == {"amount": Decimal("60.00")}


def test_a_correction_that_does_not_fit_is_refused_as_any_other(reviews):
    with pytest.raises(EditInvalid, match="amount is a Decimal"):
        imported(reviews, {"amount": 60.0})
