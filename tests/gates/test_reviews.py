"""Reviews without a runtime: opened for a decision, answered, applied to it; and every answer that is refused."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Personal, ReviewRequired, fields, rule
from abpo_sdk.errors import (
    DuplicateRun,
    NobodyHolds,
    NotPermitted,
    RationaleMissing,
    ReviewChanged,
    ReviewClosed,
    ReviewError,
    UnknownOutcome,
    UnknownReview,
)


class Claim(BaseModel):
    holder: str
    amount: Decimal
    iban: Annotated[str, Personal("bank account", subject_field="holder")] = "DE02120300000000202051"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 0, to="controller", due=timedelta(hours=8), escalate_to="cfo")
plain = Gate("plain", when=c.amount > 0, to="controller")


def needed(decision, gate=approval):
    with pytest.raises(ReviewRequired) as raised:
        gate(decision)
    return raised.value.review


@pytest.fixture
def decision():
    return claims(Claim(holder="H-1", amount=700))


@pytest.fixture
def review(reviews, decision):
    return reviews.open(needed(decision), key="C-1")


def answered_entries(reviews, key="C-1"):
    return [entry for entry in reviews.ledger.entries(key) if entry.kind == "answered"]


def test_an_opened_review_shows_what_a_person_needs_and_no_personal_field(reviews, review, clock):
    assert (review.status, review.gate, review.to, review.run) == ("open", "approval", "controller", "C-1")
    assert review.opened == clock.now()
    assert review.due == clock.now() + timedelta(hours=8)
    assert review.decision.outcome == "refer"
    assert review.decision.case == {"holder": "H-1", "amount": "700", "iban": "<bank account>"}
    assert reviews.list(to="controller") == (review,)
    assert reviews.list(to="cfo") == ()
    assert reviews.get(review.id) == review


def test_opening_it_again_gives_the_same_review_and_writes_nothing(reviews, review, decision, clock):
    before = reviews.ledger.entries("C-1")
    clock.advance(timedelta(minutes=1))
    assert reviews.open(needed(decision), key="C-1") == review
    assert reviews.ledger.entries("C-1") == before


def test_opening_it_again_after_the_answer_gives_the_answered_review(reviews, review, decision):
    review.answer("pay", by="maria@acme", because="the receipt is there")
    again = reviews.open(needed(decision), key="C-1")
    assert (again.status, again.given.outcome) == ("answered", "pay")


def test_a_key_stands_for_one_decision_and_one_gate(reviews, review, decision):
    with pytest.raises(DuplicateRun, match="the key 'C-1' holds another decision"):
        reviews.open(needed(claims(Claim(holder="H-1", amount=701))), key="C-1")
    with pytest.raises(DuplicateRun, match="the key 'C-1' holds a review of gate 'approval'"):
        reviews.open(needed(decision, plain), key="C-1")


def test_keys_and_gates_with_slashes_do_not_share_a_review(reviews, decision):
    first = reviews.open(needed(decision, Gate("b/c", when=c.amount > 0, to="controller")), key="a")
    second = reviews.open(needed(decision, Gate("c", when=c.amount > 0, to="controller")), key="a/b")
    assert first.id != second.id
    assert {review.id for review in reviews.list()} == {first.id, second.id}
    first.answer("pay", by="maria@acme", because="x")
    assert reviews.get(second.id).status == "open"


def test_an_answer_is_applied_to_the_decision(reviews, review, decision):
    given = review.answer("pay", by="maria@acme", because="the receipt is there").given
    assert (given.outcome, given.by, given.because) == ("pay", "maria@acme", "the receipt is there")
    settled = reviews.settle(decision, key="C-1")
    assert (settled.outcome, settled.proposed, settled.decided_by, settled.gate) == (
        "pay",
        "refer",
        "maria@acme",
        "approval",
    )
    assert [reason.text for reason in settled.reasons] == ["the receipt is there", "no rule applies"]
    assert [reason.rank for reason in settled.reasons] == [1, 2]
    assert settled.case == decision.case
    assert reviews.ledger.decisions("claims").set_index("decision_id").loc[settled.id, "outcome"] == "pay"


def test_an_answer_is_settled_by_another_worker_too(open_reviews, reviews, review, decision):
    review.answer("pay", by="maria@acme", because="x")
    assert open_reviews().settle(decision, key="C-1").decided_by == "maria@acme"


def test_what_is_settled_must_be_what_was_shown(reviews, review, decision):
    review.answer("pay", by="maria@acme", because="x")
    with pytest.raises(ReviewChanged, match="'C-1' showed another decision or case"):
        reviews.settle(claims(Claim(holder="H-1", amount=70_000)), key="C-1")
    with pytest.raises(ReviewChanged):
        reviews.settle(claims(Claim(holder="H-1", amount=700, iban="DE00")), key="C-1")
    with pytest.raises(ReviewChanged):
        reviews.settle(replace(decision, version="another"), key="C-1")


def test_what_was_not_opened_or_not_answered_cannot_be_settled(reviews, review, decision):
    with pytest.raises(ReviewError, match="'C-1/approval/0' has not been answered yet"):
        reviews.settle(decision, key="C-1")
    with pytest.raises(UnknownReview, match="no review was opened under the key 'C-2'"):
        reviews.settle(decision, key="C-2")


@pytest.mark.parametrize(
    ("outcome", "by", "because", "error", "message"),
    [
        ("pay", "ines@acme", "x", NotPermitted, "'ines@acme' may not answer the review 'C-1/approval/0'.*controller"),
        ("pay", "eve@acme", "x", NotPermitted, "'eve@acme' may not .* nobody of that id"),
        ("pay", "policy", "x", NotPermitted, "'policy' may not .* no person decided"),
        ("pay", "", "x", NotPermitted, "'' may not .* blank"),
        ("approve", "maria@acme", "x", UnknownOutcome, "does not know the outcome 'approve'; it knows pay, refer"),
        (True, "maria@acme", "x", UnknownOutcome, "does not know the outcome True"),
        (None, "maria@acme", "x", UnknownOutcome, "does not know the outcome None"),
        ("pay", "maria@acme", "", RationaleMissing, "'C-1/approval/0' needs a reason"),
        ("pay", "maria@acme", " \n", RationaleMissing, "needs a reason"),
        ("pay", "maria@acme", None, RationaleMissing, "needs a reason"),
    ],
)
def test_an_answer_that_may_not_stand_is_refused_and_leaves_the_review_open(
    reviews, review, outcome, by, because, error, message
):
    with pytest.raises(error, match=message):
        review.answer(outcome, by=by, because=because)
    assert answered_entries(reviews) == []
    assert reviews.get(review.id).status == "open"
    refused = reviews.ledger.entries("C-1")[-1]
    assert (refused.kind, refused.content["error"], refused.content["what"]) == ("refused", error.__name__, "answer")
    reviews.ledger.verify()


def test_a_second_answer_is_refused_and_names_the_first(reviews, review):
    review.answer("pay", by="maria@acme", because="x")
    for stale in (review, reviews.get(review.id)):
        with pytest.raises(
            ReviewClosed, match="'C-1/approval/0' is answered 'pay' by maria@acme; an answer is used once"
        ):
            stale.answer("refer", by="otto@acme", because="y")
    assert len(answered_entries(reviews)) == 1


def test_a_review_that_was_never_opened_cannot_be_answered(reviews, decision):
    with pytest.raises(UnknownReview, match="of gate 'approval' was never opened"):
        needed(decision).answer("pay", by="maria@acme", because="x")
    with pytest.raises(UnknownReview, match="never opened"):
        reviews.answer(needed(decision), "pay", by="maria@acme", because="x")
    with pytest.raises(UnknownReview, match="there is no review 'C-9/approval/0'"):
        reviews.get("C-9/approval/0")


def test_an_answer_to_something_else_than_stands_there_is_refused(reviews, review):
    with pytest.raises(ReviewChanged, match="shows something else now"):
        replace(review, shown="0" * 64).answer("pay", by="maria@acme", because="x")
    assert answered_entries(reviews) == []


@pytest.mark.parametrize("people", [{"ines@acme": {"cfo"}}, {"maria@acme": {"controller"}}])
def test_a_review_that_nobody_could_answer_or_take_over_is_not_opened(open_reviews, decision, people):
    reviews = open_reviews(people)
    with pytest.raises(NobodyHolds, match=r"nobody holds the role '(controller|cfo)'"):
        reviews.open(needed(decision), key="C-1")
    assert reviews.list() == ()
    assert reviews.ledger.entries("C-1") == []


def test_an_overdue_review_goes_to_its_next_role_once(reviews, review, clock):
    clock.advance(timedelta(hours=8) - timedelta(microseconds=1))
    assert reviews.escalate() == ()
    clock.advance(timedelta(microseconds=1))
    [moved] = reviews.escalate()
    assert (moved.id, moved.to, moved.due, moved.escalate_to) == (review.id, "cfo", None, None)
    assert reviews.list(to="controller") == ()
    assert reviews.list(to="cfo") == (moved,)
    clock.advance(timedelta(days=9))
    assert reviews.escalate() == ()
    assert moved.answer("pay", by="ines@acme", because="x").status == "answered"


def test_an_answer_that_came_in_time_is_not_escalated(reviews, review, clock):
    review.answer("pay", by="maria@acme", because="x")
    clock.advance(timedelta(hours=9))
    assert reviews.escalate() == ()


def test_an_overdue_review_takes_the_answer_of_the_next_role_alone_even_before_it_was_moved(reviews, review, clock):
    clock.advance(timedelta(hours=9))
    with pytest.raises(NotPermitted, match=r"'maria@acme' may not .* it is put to the cfo"):
        review.answer("pay", by="maria@acme", because="x")
    assert review.answer("pay", by="ines@acme", because="x").given.by == "ines@acme"
    kinds = [entry.kind for entry in reviews.ledger.entries("C-1")]
    assert kinds == ["decision", "review", "escalated", "refused", "answered"]


def test_a_review_without_a_due_time_waits_for_ever(reviews, decision, clock):
    review = reviews.open(needed(decision, plain), key="C-1")
    clock.advance(timedelta(days=3650))
    assert reviews.escalate() == ()
    assert reviews.get(review.id).to == "controller"


def test_reviews_are_listed_oldest_first_and_by_status(reviews, clock):
    opened = []
    for number in (3, 1, 2):
        opened.append(reviews.open(needed(claims(Claim(holder="H", amount=number))), key=f"C-{number}"))
        clock.advance(timedelta(minutes=1))
    assert [review.id for review in reviews.list()] == [review.id for review in opened]
    opened[0].answer("pay", by="maria@acme", because="x")
    assert [review.run for review in reviews.list()] == ["C-1", "C-2"]
    assert [review.run for review in reviews.list(status="answered")] == ["C-3"]
    assert [review.status for review in reviews.of("C-3")] == ["answered"]


def test_what_was_reviewed_verifies(reviews, review):
    review.answer("pay", by="maria@acme", because="x")
    assert reviews.ledger.verify().entries == 3


def test_a_decision_by_no_policy_can_be_reviewed_too(reviews):
    unsure = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
    gate = Gate("approval", when=fields(Decision).confidence < 0.9, to="controller")
    reviews.open(needed(unsure, gate), key="C-7").answer("pay", by="otto@acme", because="x")
    assert reviews.settle(unsure, key="C-7").outcome == "pay"
