"""Many reviews at once: refused, returned or put to others; never approved."""

from datetime import timedelta

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, ReviewRequired, Runtime, fields, process, rule
from abpo_sdk.errors import (
    DefinitionError,
    NobodyHolds,
    NotPermitted,
    RationaleMissing,
    ReviewChanged,
    ReviewClosed,
    SeparationOfDuties,
    StoreUnavailable,
    UnknownOutcome,
    UnknownReview,
)
from abpo_sdk.gates.authority.authority import Authority


class Claim(BaseModel):
    amount: int
    entered_by: str = "eve@acme"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="reject")
approval = Gate(
    "approval",
    when=c.amount > 0,
    to="controller",
    involves=[c.entered_by],
    refuses="reject",
    due=timedelta(days=9),
    escalate_to="cfo",
)
silent = Gate("silent", when=c.amount > 0, to="controller")
WHY = {"by": "maria@acme", "because": "the supplier is a fraud"}


@pytest.fixture
def put(reviews):
    def open_one(key, gate=approval, **case):
        with pytest.raises(ReviewRequired), reviews.case(key):
            gate(claims(Claim(amount=1, **case)))
        return reviews.of(key)[0]

    return open_one


def kinds(reviews, key):
    return [entry.kind for entry in reviews.ledger.entries(key)][3:]


def test_each_of_many_is_refused_by_an_entry_of_its_own(reviews, put):
    opened = [put(f"C-{number}") for number in range(3)]
    done = reviews.bulk("refuse", [opened[0], opened[1].id, opened[2]], **WHY)
    assert (done.done, dict(done.failed), str(done)) == (tuple(r.id for r in opened), {}, "3 done, 0 not")
    for review in opened:
        given = reviews.get(review.id).given
        assert (given.outcome, given.by, given.because) == ("reject", "maria@acme", WHY["because"])
        assert kinds(reviews, review.run) == ["answered"]
    assert set(reviews.ledger.decisions()["outcome"]) == {"reject"}


def test_many_are_returned_or_put_to_others(reviews, put):
    opened = [put(f"C-{number}") for number in range(4)]
    reviews.bulk("return", opened[:2], **WHY)
    reviews.bulk("reassign", opened[2:], to="cfo", **WHY)
    assert [reviews.get(review.id).status for review in opened] == ["returned", "returned", "open", "open"]
    assert [reviews.get(review.id).to for review in opened[2:]] == ["cfo", "cfo"]


def test_those_that_cannot_be_are_listed_with_the_error_and_the_others_are_done(reviews, put, clock):
    fine, mine, answered = put("C-1"), put("C-2", entered_by="maria@acme"), put("C-3")
    answered.answer("pay", by="otto@acme", because="fine")
    unsaid = put("C-4", silent)
    done = reviews.bulk("refuse", [fine, mine, answered, unsaid, "C-9/approval/0", fine], **WHY)
    assert done.done == (fine.id,)
    errors = {name: type(error) for name, error in done.failed.items()}
    assert errors == {
        mine.id: SeparationOfDuties,
        answered.id: ReviewClosed,
        unsaid.id: DefinitionError,
        "C-9/approval/0": UnknownReview,
        fine.id: ReviewClosed,
    }
    assert reviews.get(answered.id).given.outcome == "pay"
    assert kinds(reviews, "C-2") == ["refused"]
    assert str(done) == "1 done, 5 not"


@pytest.mark.parametrize(
    ("act", "said", "error"),
    [
        ("refuse", {"by": "ines@acme"}, NotPermitted),
        ("refuse", {"by": "zoe@acme"}, NotPermitted),
        ("refuse", {"because": " "}, RationaleMissing),
        ("return", {"because": ""}, RationaleMissing),
        ("reassign", {"to": "nobody"}, NobodyHolds),
        ("reassign", {}, DefinitionError),
    ],
)
def test_what_one_may_not_do_with_one_they_may_not_do_with_many(reviews, put, act, said, error):
    review = put("C-1")
    done = reviews.bulk(act, [review], **{**WHY, **said})
    assert {name: type(e) for name, e in done.failed.items()} == {review.id: error}
    assert reviews.get(review.id).status == "open"


@pytest.mark.parametrize("act", ["approve", "answer", "pay", "", None, "claim"])
def test_nothing_else_is_done_with_many_at_once(reviews, put, act):
    review = put("C-1")
    with pytest.raises(DefinitionError, match="none is ever approved in bulk"):
        reviews.bulk(act, [review], **WHY)
    assert reviews.get(review.id).status == "open"


def test_one_review_is_not_taken_for_many(reviews, put):
    review = put("C-1")
    for one in (review, review.id):
        with pytest.raises(DefinitionError, match="give several reviews, as a list"):
            reviews.bulk("refuse", one, **WHY)


def test_a_review_that_shows_something_else_now_is_not_refused_by_what_was_seen(reviews, put):
    review = put("C-1")
    review.return_for_information(by="maria@acme", because="which receipt?")
    reviews.get(review.id).inform("receipt 12", by="otto@acme")
    done = reviews.bulk("refuse", [review], **WHY)
    assert type(done.failed[review.id]) is ReviewChanged
    assert reviews.bulk("refuse", [reviews.get(review.id)], **WHY).done == (review.id,)


def test_an_outcome_that_the_policy_does_not_know_refuses_nothing(reviews):
    gate = Gate("odd", when=c.amount > 0, to="controller", refuses="rejekt")
    with pytest.raises(UnknownOutcome, match="refuses with an outcome"), reviews.case("C-1"):
        gate(claims(Claim(amount=1)))
    assert reviews.list() == ()


def test_an_outcome_that_approves_cannot_be_that_which_refuses():
    authority = Authority(amount=c.amount, currency="EUR", kind="claim", approves={"pay"})
    with pytest.raises(DefinitionError, match="refuses='pay' is an outcome that its authority approves"):
        Gate("approval", when=c.amount > 0, to="controller", authority=authority, refuses="pay")
    assert Gate("approval", when=c.amount > 0, to="controller", authority=authority, refuses="reject").name


def test_in_a_quorum_a_refusal_of_many_is_one_word_of_several(reviews, put):
    gate = Gate("two", when=c.amount > 0, to="controller", quorum=2, refuses="reject")
    review = put("C-1", gate)
    reviews.bulk("refuse", [review], **WHY)
    assert reviews.get(review.id).status == "open"
    assert reviews.bulk("refuse", [reviews.get(review.id)], by="otto@acme", because="so do I").done == (review.id,)
    assert reviews.get(review.id).status == "answered"


@process
def handle(claim: Claim) -> str:
    return approval(claims(claim)).outcome


def test_the_runs_that_wait_go_on(clock):
    with Runtime(
        "sqlite://", [handle], people={"maria@acme": {"controller"}, "ines@acme": {"cfo"}}, clock=clock
    ) as runtime:
        runs = [runtime.start(handle, Claim(amount=1), id=f"C-{number}") for number in range(3)]
        assert str(runtime.desk.bulk("refuse", runtime.reviews(), **WHY)) == "3 done, 0 not"
        assert [run.result() for run in runs] == ["reject"] * 3


def test_an_overdue_review_goes_to_its_next_role_first(reviews, put, clock):
    gate = Gate(
        "timed",
        when=c.amount > 0,
        to="controller",
        due=timedelta(hours=1),
        escalate_to="cfo",
        refuses="reject",
    )
    review = put("C-1", gate)
    clock.advance(timedelta(hours=2))
    assert type(reviews.bulk("refuse", [review], **WHY).failed[review.id]) is NotPermitted
    assert reviews.bulk("refuse", [review], by="ines@acme", because="x").done == (review.id,)


def test_where_the_ledger_cannot_be_written_it_ends_and_what_is_done_is_done(reviews, put):
    opened = [put(f"C-{number}") for number in range(3)]

    def one_and_then_none():
        yield opened[0]
        reviews.ledger.close()
        yield opened[1]

    with pytest.raises(StoreUnavailable):
        reviews.bulk("refuse", one_and_then_none(), **WHY)
