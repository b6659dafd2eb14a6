"""Who breaks a tie between gates that are asked together has to meet what these gates demand."""

import dataclasses

import pytest

from abpo_sdk import Decision, Gate, Ledger, ReviewRequired, Reviews, fields
from abpo_sdk.errors import OverLimit, SeparationOfDuties
from abpo_sdk.gates import Authority, Limit, Limits, People
from abpo_sdk.testing import FakeClock


@dataclasses.dataclass
class Claim:
    entered_by: str
    amount: int


CLAIM, ALWAYS = fields(Claim), fields(Decision).confidence < 0.9
DEMANDS = {
    "involves": [CLAIM.entered_by],
    "authority": Authority(amount=CLAIM.amount, currency="EUR", kind="claim", approves={"pay"}),
}
LAW = Gate("law", when=ALWAYS, to="lawyer", **DEMANDS)
MONEY = Gate("money", when=ALWAYS, to="controller", **DEMANDS)
TIED = (LAW & MONEY).tied("head")
ROLES = {"lea@acme": {"lawyer"}, "maria@acme": {"controller"}, "ines@acme": {"head"}, "zoe@acme": {"head"}}
LIMITS = Limits(Limit("lawyer", 1_000, "EUR"), Limit("controller", 1_000, "EUR"), Limit("head", 500, "EUR"))


@pytest.fixture
def tie():
    with Ledger("sqlite://", clock=FakeClock()) as ledger:
        reviews = Reviews(ledger, People(ROLES, limits=LIMITS))
        claim = Claim(entered_by="ines@acme", amount=700)
        unsure = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), claim, ())

        def asked():
            with pytest.raises(ReviewRequired) as needed, reviews.case("C-1"):
                TIED(unsure)
            return needed.value.reviews

        law, money = asked()
        law.answer("refer", by="lea@acme", because="not covered")
        money.answer("pay", by="maria@acme", because="covered")
        [review] = asked()
        yield review


def test_who_has_to_do_with_the_case_does_not_break_the_tie(tie):
    with pytest.raises(SeparationOfDuties):
        tie.answer("refer", by="ines@acme", because="I say so")


def test_who_breaks_the_tie_stays_within_their_limit(tie):
    with pytest.raises(OverLimit):
        tie.answer("pay", by="zoe@acme", because="I say so")
