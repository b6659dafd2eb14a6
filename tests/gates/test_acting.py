"""What people do with a review besides answering it: claim, release, abstain, return, inform, escalate, reassign."""

from datetime import timedelta

import pytest

from abpo_sdk import People
from abpo_sdk.errors import (
    DefinitionError,
    NobodyHolds,
    NotPermitted,
    RationaleMissing,
    RationaleTooLong,
    ReviewChanged,
    ReviewClosed,
    SeparationOfDuties,
)
from abpo_sdk.gates.candidates import Candidates
from tests.gates.claim_desk import CLERKS, PEOPLE, gate, kinds, put, says, tried, with_cfo

MARIA, OTTO, OMAR, LENA = CLERKS
HOUR = timedelta(hours=1)


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


def test_who_has_claimed_a_review_answers_it_and_nobody_else_does(reviews):
    review = put(reviews)
    claimed = review.claim(by=MARIA)
    assert (claimed.status, claimed.claimed_by) == ("claimed", MARIA)
    assert reviews.next(by=OTTO) == ()
    assert [r.id for r in reviews.next(by=MARIA)] == [review.id]
    for act in (lambda: says(review, "pay", OTTO), lambda: review.claim(by=OTTO), lambda: review.show(by=OTTO)):
        with pytest.raises(NotPermitted, match="maria@acme has claimed it"):
            act()
    with pytest.raises(NotPermitted, match=r"'otto@acme' may not release .* maria@acme has claimed it"):
        review.release(by=OTTO)
    assert [what for what, _, _ in tried(reviews, review)] == ["answer", "claim", "show", "release"]
    assert says(review, "pay", MARIA).status == "answered"


def test_what_was_released_is_anybodys(reviews):
    review = put(reviews)
    review.claim(by=MARIA)
    free = review.release(by=MARIA)
    assert (free.status, free.claimed_by) == ("open", None)
    assert [r.id for r in reviews.next(by=OTTO)] == [review.id]
    with pytest.raises(ReviewClosed, match="is claimed by nobody"):
        review.release(by=MARIA)


def test_a_claim_is_over_when_it_says_so(reviews, clock):
    review = put(reviews)
    review.claim(by=MARIA, until=clock.now() + HOUR)
    clock.advance(HOUR - timedelta(microseconds=1))
    with pytest.raises(NotPermitted):
        says(review, "pay", OTTO)
    clock.advance(timedelta(microseconds=1))
    reviews.escalate()
    assert reviews.get(review.id).status == "open"
    assert [r.id for r in reviews.next(by=OTTO)] == [review.id]
    assert says(review, "pay", OTTO).status == "answered"


def test_a_claim_that_is_over_keeps_nobody_from_it_even_before_anything_was_tidied(reviews, clock):
    review = put(reviews)
    review.claim(by=MARIA, until=clock.now() + HOUR)
    clock.advance(HOUR)
    assert says(review, "pay", OTTO).status == "answered"
    assert kinds(reviews, review) == ["claimed", "unclaimed", "answered"]


def test_a_claim_of_who_may_answer_it_no_more_keeps_nobody_from_it(open_reviews):
    known = {person: set(roles) for person, roles in PEOPLE.items()}
    reviews = open_reviews(People(lambda: known))
    review = put(reviews)
    review.claim(by=MARIA)
    known[MARIA].clear()
    assert says(review, "pay", OTTO).status == "answered"


@pytest.mark.parametrize("act", ["abstain", "recuse"])
def test_who_says_that_they_do_not_answer_it_gives_it_back(reviews, act):
    review = put(reviews)
    review.claim(by=MARIA)
    given_up = getattr(review, act)(by=MARIA, because="I know him")
    assert (given_up.status, given_up.claimed_by) == ("open", None)
    assert [r.id for r in reviews.next(by=OTTO)] == [review.id]
    assert reviews.next(by=MARIA) == ()
    with pytest.raises(SeparationOfDuties):
        review.claim(by=MARIA)
    assert says(review, "pay", OTTO).status == "answered"


def test_who_recuses_themselves_leaves_the_claim_of_another_as_it_is(reviews):
    review = put(reviews)
    review.claim(by=MARIA)
    assert review.recuse(by=OTTO, because="I know him").claimed_by == MARIA


@pytest.mark.parametrize("until", [timedelta(0), -HOUR])
def test_a_claim_ends_in_a_time_to_come(reviews, clock, until):
    review = put(reviews)
    for wrong in (clock.now() + until, (clock.now() + HOUR).replace(tzinfo=None), "tomorrow"):
        with pytest.raises(DefinitionError, match="give a time to come, with a zone"):
            review.claim(by=MARIA, until=wrong)
    assert reviews.get(review.id).status == "open"


def test_after_an_answer_that_was_not_enough_it_is_free_again(reviews):
    review = put(reviews, at=gate(quorum=2))
    review.claim(by=MARIA)
    assert says(review, "pay", MARIA).status == "open"
    assert says(review, "pay", OTTO).status == "answered"


def test_what_was_returned_waits_until_it_is_informed_and_shows_what_was_said(reviews):
    review = put(reviews)
    returned = review.return_for_information(by=MARIA, because="where is the receipt?")
    assert returned.status == "returned"
    assert reviews.next(by=OTTO) == ()
    for act in (lambda: says(returned, "pay", MARIA), lambda: returned.claim(by=OTTO)):
        with pytest.raises(ReviewClosed, match=r"waits for information; give it with review\.inform"):
            act()
    informed = returned.inform("it is on page 2", by="ravi@acme")
    assert (informed.status, informed.information) == ("open", ("it is on page 2",))
    with pytest.raises(ReviewChanged, match="shows something else now"):
        says(review, "pay", MARIA)
    assert says(informed, "pay", MARIA).status == "answered"


def test_what_was_not_returned_is_not_informed_and_an_outsider_informs_nothing(reviews):
    review = put(reviews)
    with pytest.raises(ReviewClosed, match="was not returned for information"):
        review.inform("it is on page 2", by=MARIA)
    review.return_for_information(by=MARIA, because="where is the receipt?")
    with pytest.raises(NotPermitted):
        review.inform("it is on page 2", by="eve@acme")
    with pytest.raises(RationaleMissing):
        review.inform(" \n", by=MARIA)
    with pytest.raises(RationaleTooLong):
        review.inform("a" * 10_000_000, by=MARIA)
    assert reviews.get(review.id).status == "returned"


def test_one_may_still_declare_a_conflict_of_interest_while_it_waits_for_information(reviews):
    review = put(reviews)
    review.return_for_information(by=MARIA, because="where is the receipt?")
    review.recuse(by=OTTO, because="he is my brother")
    assert reviews.get(review.id).status == "returned"


def test_what_is_reassigned_is_put_to_others_alone(reviews):
    review = put(reviews, at=with_cfo())
    review.claim(by=MARIA)
    moved = review.reassign("cfo", by=MARIA, because="a large one")
    assert (moved.to, moved.status, moved.claimed_by) == ("cfo", "open", None)
    assert reviews.next(by=OTTO) == ()
    assert [r.id for r in reviews.next(by="ines@acme")] == [review.id]
    with pytest.raises(NotPermitted, match="put to the cfo"):
        says(review, "pay", MARIA)
    assert says(review, "pay", "ines@acme").status == "answered"


def test_it_is_put_to_certain_people_and_back_to_a_role(reviews):
    review = put(reviews, at=with_cfo())
    moved = review.reassign(Candidates(people={OTTO, "ines@acme"}), by=MARIA, because="they know it")
    assert moved.to == "ines@acme or otto@acme"
    assert reviews.next(by=LENA) == ()
    back = review.reassign("controller", by=OTTO, because="I do not")
    assert back.to == "controller"
    assert reviews.next(by="ines@acme") == ()
    assert [r.id for r in reviews.next(by=LENA)] == [review.id]


@pytest.mark.parametrize("to", ["cfo", Candidates(people={"ines@acme"}), Candidates(people={OTTO, "ines@acme"})])
def test_a_review_is_not_handed_to_whom_its_gate_does_not_ask(reviews, to):
    review = put(reviews)
    with pytest.raises(NotPermitted, match="its gate demands the answer of controller"):
        review.reassign(to, by=MARIA, because="let them")
    assert reviews.get(review.id) == review


def test_who_got_it_by_name_and_then_lost_the_role_does_not_answer_it(open_reviews):
    roles = {MARIA: {"controller"}, OTTO: {"controller"}}
    reviews = open_reviews(lambda: roles)
    review = put(reviews).reassign(Candidates(people={OTTO}), by=MARIA, because="he knows it")
    roles[OTTO] = {"clerk"}
    with pytest.raises(NotPermitted, match="it is put to the otto@acme"):
        says(review, "pay", OTTO)


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("audtior", NobodyHolds),
        ("", DefinitionError),
        (None, DefinitionError),
        (7, DefinitionError),
        ("a\nb", NobodyHolds),
    ],
)
def test_nobody_hands_a_review_to_nobody(reviews, to, error):
    review = put(reviews)
    with pytest.raises(error):
        review.reassign(to, by=MARIA, because="let them")
    assert reviews.get(review.id) == review
    assert tried(reviews, review) == [("reassign", MARIA, error.__name__)]


def test_one_escalates_before_the_time_and_the_next_level_keeps_its_own(reviews, clock):
    at = gate(due=HOUR, escalate_to=["cfo", "auditor"])
    review = put(reviews, at=at)
    moved = review.escalate(by=MARIA, because="a large one")
    assert (moved.to, moved.escalate_to, moved.due) == ("cfo", "auditor", clock.now() + 2 * HOUR)
    again = moved.escalate(by="ines@acme", because="too large")
    assert (again.to, again.escalate_to, again.due) == ("auditor", None, None)
    with pytest.raises(ReviewClosed, match="goes to nobody else"):
        again.escalate(by="ravi@acme", because="too large for me")


ACTS = {
    "claim": {},
    "release": {},
    "abstain": {"because": "x"},
    "return_for_information": {"because": "x"},
    "escalate": {"because": "x"},
    "reassign": {"because": "x", "to": "cfo"},
    "recuse": {"because": "x"},
    "inform": {"information": "x"},
    "show": {},
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    "by", ["eve@acme", "Maria@acme", "maria@acme ", "maria@acme\n", "maria\0@acme", "\u202emaria@acme", "", None, 7]
)
def test_whoever_is_not_known_does_nothing_and_that_they_tried_is_recorded(reviews, act, by):
    review = put(reviews, at=gate(due=HOUR, escalate_to="cfo"))
    if act == "release":
        review.claim(by=MARIA)
    if act == "inform":
        review.return_for_information(by=MARIA, because="x")
    before = reviews.get(review.id)
    with pytest.raises(NotPermitted):
        getattr(review, act)(by=by, **ACTS[act])
    assert reviews.get(review.id) == before
    ((_, who, error),) = tried(reviews, review)
    assert error == "NotPermitted"
    assert who.isprintable()


@pytest.mark.parametrize("act", ["claim", "abstain", "return_for_information", "escalate", "reassign", "show"])
def test_whom_it_is_not_put_to_does_nothing(reviews, act):
    review = put(reviews, at=gate(due=HOUR, escalate_to="cfo"))
    with pytest.raises(NotPermitted, match="it is put to the controller"):
        getattr(review, act)(by="ravi@acme", **ACTS[act])
    assert reviews.get(review.id) == review


@pytest.mark.parametrize("act", [act for act in ACTS if act not in ("show",)])
def test_what_is_answered_stays_as_it_is(reviews, act):
    review = put(reviews, at=gate(due=HOUR, escalate_to="cfo"))
    answered = says(review, "pay", MARIA)
    with pytest.raises(ReviewClosed, match="is answered 'pay' by maria@acme; an answer is used once"):
        getattr(review, act)(by=OTTO, **ACTS[act])
    assert reviews.get(review.id) == answered


@pytest.mark.parametrize("act", ["abstain", "return_for_information", "escalate", "reassign", "recuse"])
@pytest.mark.parametrize("because", ["", " \t\n", "\u200b\u200b", None, "x\ud800y", "?" * 20])
def test_what_is_done_has_a_reason_that_can_be_read(reviews, act, because):
    review = put(reviews, at=gate(due=HOUR, escalate_to="cfo"))
    with pytest.raises(RationaleMissing):
        getattr(review, act)(by=MARIA, **ACTS[act] | {"because": because})
    assert reviews.get(review.id) == review
