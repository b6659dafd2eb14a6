"""Decisions, what an answer makes of them, and reviews that nobody opened."""

import datetime as dt
from dataclasses import FrozenInstanceError, replace

import pytest

from abpo_sdk.errors import UnknownReview
from abpo_sdk.values import Answer, Decision, Reason, Review, Source

AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DECISION = Decision(
    policy="payment",
    version="v1",
    outcome="pay",
    proposed="pay",
    outcomes=("pay", "refer"),
    confidence=1.0,
    reasons=(Reason(1, "payment.1", "it is small"), Reason(2, "payment.2", "it is known")),
    case={"total": 1},
    inputs=("total",),
)
ANSWER = Answer("refer", by="maria@acme", because="the supplier is new", at=AT)


def test_an_answer_stands_as_the_outcome_and_the_proposal_stays():
    decided = ANSWER.apply(DECISION, gate="approval")
    assert (decided.outcome, decided.proposed, decided.decided_by, decided.gate) == (
        "refer",
        "pay",
        "maria@acme",
        "approval",
    )


def test_the_reason_of_the_person_comes_first_and_the_others_move_down():
    first, *others = ANSWER.apply(DECISION, gate="approval").reasons
    assert first == Reason(1, "approval.answer", "the supplier is new", stage="approval", source="maria@acme")
    assert others == [replace(r, rank=r.rank + 1) for r in DECISION.reasons]


def test_an_answer_changes_nothing_else():
    decided = ANSWER.apply(DECISION, gate="approval")
    back = replace(decided, outcome="pay", decided_by="policy", gate=None, reasons=DECISION.reasons)
    assert back == DECISION


def test_a_decision_is_decided_by_its_policy_unless_somebody_answers():
    assert (DECISION.decided_by, DECISION.gate, DECISION.id, DECISION.at) == ("policy", None, None, None)


def test_a_decision_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        DECISION.outcome = "refer"


def test_a_case_is_kept_out_of_the_representation_of_its_decision():
    assert "total" not in repr(replace(DECISION, inputs=()))


REVIEW = Review("approval", "controller", DECISION, ("total 1 > 0",))


def test_a_review_may_be_answered_with_what_the_policy_knows():
    assert REVIEW.outcomes == ("pay", "refer")
    assert REVIEW.status == "needed"


def test_a_review_that_was_never_opened_cannot_be_answered():
    with pytest.raises(UnknownReview, match=r"gate 'approval' was never opened; open it with Reviews.open"):
        REVIEW.answer("pay", by="maria@acme", because="fine")


def test_nor_can_it_from_an_event_loop():
    import asyncio

    with pytest.raises(UnknownReview, match="never opened"):
        asyncio.run(REVIEW.answer_async("pay", by="maria@acme", because="fine"))


def test_a_review_is_answered_at_its_desk():
    class Desk:
        def answer(self, review, outcome, *, by, because, edit):
            return replace(review, status="answered", given=Answer(outcome, by, because, AT))

    review = replace(REVIEW, desk=Desk()).answer("pay", by="maria@acme", because="fine")
    assert review.given == Answer("pay", "maria@acme", "fine", AT)
    assert review == replace(review, desk=None)


def test_a_source_is_written_as_system_and_id():
    assert str(Source("orders", "4711")) == "orders:4711"
    assert Source("orders", "4711") == Source("orders", "4711", None)
