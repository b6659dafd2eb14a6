"""What a person is shown of a review: the case as far as they may see it, and what they need to decide."""

from datetime import timedelta

import pytest

from abpo_sdk import Decision, People, fields
from abpo_sdk.errors import NotPermitted
from abpo_sdk.gates import Escalation
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.values.review import HIDDEN
from tests.gates.claim_desk import CLERKS, PEOPLE, Claim, claims, gate, needed, put, says, tried

MARIA, OTTO, OMAR, LENA = CLERKS
IBAN = Claim().iban
SEEING = People(PEOPLE, may_see={"controller": {"bank account"}, "auditor": {"*"}, "cfo": {"agent"}})


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(SEEING)


def test_a_person_sees_the_personal_fields_that_their_role_may_see_and_no_other(reviews):
    review = put(
        reviews,
        agent="Ada Byron",
        at=gate(due=timedelta(hours=8), escalate_to=[Escalation("cfo"), Escalation("auditor")]),
    )
    assert review.decision.case["iban"] == "<bank account>"
    seen = review.show(by=MARIA)
    assert (seen.decision.case["iban"], seen.decision.case["agent"]) == (IBAN, "<agent>")
    assert (seen.decision.case["amount"], seen.decision.outcome) == ("700", "refer")
    moved = review.reassign("cfo", by=MARIA, because="x").show(by="ines@acme")
    assert (moved.decision.case["iban"], moved.decision.case["agent"]) == ("<bank account>", "Ada Byron")
    all_of_it = review.reassign("auditor", by="ines@acme", because="x").show(by="ravi@acme")
    assert (all_of_it.decision.case["iban"], all_of_it.decision.case["agent"]) == (IBAN, "Ada Byron")


def test_who_may_see_nothing_sees_nothing(open_reviews):
    seen = put(open_reviews(PEOPLE), agent="Ada Byron").show(by=MARIA)
    assert (seen.decision.case["iban"], seen.decision.case["agent"]) == ("<bank account>", "<agent>")


def test_a_delegate_sees_what_their_own_roles_may_see(reviews, clock):
    reviews.delegate(by=MARIA, to="noor@acme", until=clock.now() + timedelta(days=7), because="on leave")
    seen = put(reviews, agent="Ada Byron").show(by="noor@acme")
    assert (seen.decision.case["iban"], seen.decision.case["agent"]) == ("<bank account>", "Ada Byron")


def test_that_it_was_shown_to_whom_and_which_personal_fields_is_recorded_without_what_they_hold(reviews):
    review = put(reviews, agent="Ada Byron")
    review.show(by=MARIA)
    entry = reviews.ledger.entries("C-1")[-1]
    assert (entry.kind, entry.content["by"], entry.content["labels"]) == ("viewed", MARIA, ["bank account"])
    assert IBAN.encode() not in entry.payload
    says(review, "pay", MARIA)
    assert "viewed" in reviews.ledger.entries("C-1")[-1].content


def test_what_was_erased_is_shown_as_erased(reviews):
    review = put(reviews, agent="Ada Byron")
    reviews.ledger.erase("H-1", by="ines@acme", because="asked for")
    seen = review.show(by=MARIA)
    assert (seen.decision.case["iban"], seen.decision.case["agent"]) == ("<bank account, erased>", "<agent>")


def test_an_answer_to_what_was_seen_is_an_answer_to_what_was_shown(reviews):
    seen = put(reviews).show(by=MARIA)
    assert says(seen, "pay", MARIA).status == "answered"


def test_it_shows_why_what_would_change_it_similar_cases_lineage_and_information(reviews):
    at = gate(
        changes=lambda decision: [f"an amount of 100 instead of {decision.case.amount}"],
        similar=lambda decision: ["C-0 was paid"],
    )

    def handle(_):
        with reviews.case("C-1"):
            at(claims(Claim()))

    needed(None, handle)
    (review,) = reviews.of("C-1")
    review.return_for_information(by=MARIA, because="where is the receipt?")
    seen = reviews.get(review.id).inform("it is on page 2", by=OTTO).show(by=MARIA)
    assert seen.changes == ("an amount of 100 instead of 700",)
    assert seen.similar == ("C-0 was paid",)
    assert seen.information == ("it is on page 2",)
    assert any("amount 700" in why for why in seen.why)
    assert any("claims" in line for line in seen.lineage)


def test_a_blind_review_hides_the_proposal_wherever_it_is_looked_at_until_it_is_settled(reviews):
    at = gate(guard=Guard(blind=True), quorum=2, changes=lambda _: ["pay it for 100"], similar=lambda _: ["C-0: refer"])
    review = put(reviews, at=at, giving={"amount": 700})
    says(review, "pay", MARIA)
    (listed,), (following,) = reviews.list(), reviews.next(by=OTTO)
    for seen in (review, listed, following, reviews.get(review.id), review.show(by=OTTO)):
        decision = seen.decision
        assert (decision.outcome, decision.proposed, decision.decided_by) == (HIDDEN, HIDDEN, HIDDEN)
        assert (decision.reasons, decision.output, decision.confidence) == ((), None, 0.0)
        assert (seen.why, seen.changes, seen.similar, seen.lineage, seen.given) == ((), (), (), (), None)
        assert seen.outcomes == claims(Claim()).outcomes
    settled = says(review, "pay", OTTO)
    assert (settled.decision.outcome, settled.decision.output) == ("refer", {"amount": 700})


def test_it_is_shown_to_whom_it_is_put_and_after_the_answer_to_who_gave_it(reviews):
    review = put(reviews)
    for outsider in ("ines@acme", "eve@acme", "Maria@acme"):
        with pytest.raises(NotPermitted):
            review.show(by=outsider)
    says(review, "pay", MARIA)
    assert review.show(by=MARIA).decision.case["iban"] == IBAN
    with pytest.raises(NotPermitted, match="it is answered, and not by them"):
        review.show(by=OTTO)
    assert [what for what, _, _ in tried(reviews, review)] == ["show"] * 4


def test_what_is_open_is_listed_without_any_personal_field(reviews):
    review = put(reviews, agent="Ada Byron", amount=50)
    for seen in (review, *reviews.list(), *reviews.next(by=MARIA), *reviews.of("C-1")):
        assert IBAN not in repr(seen.decision.case)
        assert "Ada Byron" not in repr(seen.decision.case)


def test_a_condition_over_the_decision_is_shown_with_its_values(reviews):
    unsure = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
    at = gate(when=fields(Decision).confidence < 0.9)
    review = reviews.open(needed(unsure, at), key="C-1")
    assert review.why == ("confidence 0.4 < 0.9",)
