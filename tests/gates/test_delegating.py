"""Acting for another on a review: until an end, in the roles that were given, and no longer than both hold what they need."""

from datetime import timedelta

import pytest

from abpo_sdk import People
from abpo_sdk.errors import DefinitionError, NotPermitted, RationaleMissing
from abpo_sdk.ledger.rows import DelegationRow
from tests.gates.claim_desk import CLERKS, PEOPLE, gate, put, says, tried

MARIA, OTTO, OMAR, LENA = CLERKS
RAVI = "ravi@acme"
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


@pytest.fixture
def leave(reviews, clock):
    return reviews.delegate(by=MARIA, to=RAVI, until=clock.now() + WEEK, because="on leave")


def test_the_delegate_answers_for_whom_they_act_and_the_ledger_says_so(reviews, leave):
    review = put(reviews)
    assert [r.id for r in reviews.next(by=RAVI)] == [review.id]
    given = says(review, "pay", RAVI).given
    assert (given.by, given.on_behalf_of) == (RAVI, MARIA)
    content = reviews.ledger.entries("C-1")[-1].content
    assert (content["by"], content["on_behalf_of"]) == (RAVI, MARIA)


def test_from_its_end_on_nobody_acts_for_another(reviews, leave, clock):
    review = put(reviews)
    clock.advance(WEEK - timedelta(microseconds=1))
    assert reviews.next(by=RAVI) != ()
    clock.advance(timedelta(microseconds=1))
    assert reviews.next(by=RAVI) == ()
    with pytest.raises(NotPermitted, match="it is put to the controller, and the roles of 'ravi@acme' are auditor"):
        says(review, "pay", RAVI)
    assert tried(reviews, review) == [("answer", RAVI, "NotPermitted")]


@pytest.mark.parametrize("by", [MARIA, RAVI])
def test_either_of_the_two_ends_it_early_and_at_once(reviews, leave, clock, by):
    review = put(reviews)
    clock.advance(HOUR)
    reviews.end_delegation(leave, by=by, because="she is back")
    with pytest.raises(NotPermitted):
        says(review, "pay", RAVI)
    with pytest.raises(DefinitionError, match="is over, or was never made"):
        reviews.end_delegation(leave, by=by, because="she is back")


def test_nobody_else_ends_it_even_by_saying_that_it_is_theirs(reviews, leave):
    other = reviews.delegate(by=OTTO, to=OMAR, until=leave.until, because="on leave")
    with pytest.raises(NotPermitted, match="may not end the delegation of 'maria@acme' to 'ravi@acme'"):
        reviews.end_delegation(leave, by=OTTO, because="so")
    from dataclasses import replace

    with pytest.raises(NotPermitted, match="may not end the delegation of 'maria@acme' to 'ravi@acme'"):
        reviews.end_delegation(replace(other, id=leave.id), by=OTTO, because="so")
    with pytest.raises(NotPermitted, match="nobody of that id is known"):
        reviews.end_delegation(leave, by="Maria@acme", because="so")
    assert says(put(reviews), "pay", RAVI).given.on_behalf_of == MARIA


def test_one_that_is_ended_before_it_begins_never_was_and_hinders_nothing(reviews, clock):
    review = put(reviews)
    later = reviews.delegate(by=MARIA, to=RAVI, since=clock.now() + HOUR, until=clock.now() + WEEK, because="a journey")
    reviews.end_delegation(later, by=MARIA, because="it was cancelled")
    clock.advance(2 * HOUR)
    with pytest.raises(NotPermitted):
        says(review, "pay", RAVI)
    assert says(review, "pay", OTTO).status == "answered"


def test_it_counts_from_its_beginning_on(reviews, clock):
    review = put(reviews)
    reviews.delegate(by=MARIA, to=RAVI, since=clock.now() + HOUR, until=clock.now() + WEEK, because="a journey")
    with pytest.raises(NotPermitted):
        says(review, "pay", RAVI)
    clock.advance(HOUR)
    assert says(review, "pay", RAVI).given.on_behalf_of == MARIA


def test_what_was_delegated_is_not_passed_on(reviews, leave, clock):
    reviews.delegate(by=RAVI, to="ines@acme", until=clock.now() + WEEK, because="on leave, too")
    with pytest.raises(NotPermitted):
        says(put(reviews), "pay", "ines@acme")


def test_in_certain_roles_they_act_in_these_alone(open_reviews, clock):
    reviews = open_reviews(PEOPLE | {MARIA: {"controller", "cfo"}})
    reviews.delegate(by=MARIA, to=RAVI, until=clock.now() + WEEK, because="on leave", roles={"controller"})
    assert says(put(reviews), "pay", RAVI).given.on_behalf_of == MARIA
    with pytest.raises(NotPermitted, match="put to the cfo"):
        says(put(reviews, key="C-2", at=gate(to="cfo")), "pay", RAVI)


@pytest.mark.parametrize("gone", [MARIA, RAVI])
@pytest.mark.parametrize("how", ["role", "person"])
def test_what_is_revoked_of_either_between_the_view_and_the_answer_is_revoked_of_both(open_reviews, clock, gone, how):
    known = {person: set(roles) for person, roles in PEOPLE.items()}
    reviews = open_reviews(People(lambda: known))
    reviews.delegate(by=MARIA, to=RAVI, until=clock.now() + WEEK, because="on leave")
    review = put(reviews).show(by=RAVI)
    if how == "person":
        known.pop(gone)
    elif gone == MARIA:
        known[MARIA] = {"auditor"}
    else:
        known[RAVI] = set()  # they still act for her, who holds it
        assert says(review, "pay", RAVI).given.on_behalf_of == MARIA
        return
    with pytest.raises(NotPermitted):
        says(review, "pay", RAVI)
    assert reviews.get(review.id).status == "open"
    assert tried(reviews, review) == [("answer", RAVI, "NotPermitted")]


def test_a_role_that_is_revoked_between_the_view_and_the_answer_is_gone(open_reviews):
    known = {person: set(roles) for person, roles in PEOPLE.items()}
    reviews = open_reviews(People(lambda: known))
    review = put(reviews).show(by=MARIA)
    known[MARIA].clear()
    with pytest.raises(NotPermitted, match="the roles of 'maria@acme' are none"):
        says(review, "pay", MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "NotPermitted")]


@pytest.mark.parametrize(
    ("said", "error", "why"),
    [
        ({"by": "eve@acme"}, NotPermitted, "nobody of that id is known"),
        ({"to": "eve@acme"}, NotPermitted, "nobody of that id is known"),
        ({"to": MARIA}, DefinitionError, "nobody acts for themselves"),
        ({"because": " "}, RationaleMissing, "the delegation of 'maria@acme' needs a reason"),
        ({"roles": {"cfo"}}, NotPermitted, "'maria@acme' may not delegate the role 'cfo'"),
        ({"roles": set()}, DefinitionError, "give a set of roles"),
        ({"until": timedelta(0)}, DefinitionError, "not after its beginning"),
        ({"until": -HOUR}, DefinitionError, "not after its beginning"),
        ({"since": -2 * WEEK, "until": -WEEK}, DefinitionError, "that is over"),
    ],
)
def test_a_delegation_that_cannot_be_is_refused_and_leaves_nothing(reviews, clock, said, error, why):
    whole = {"by": MARIA, "to": RAVI, "until": WEEK, "because": "on leave"} | said
    for name in ("since", "until"):
        if name in whole:
            whole[name] = clock.now() + whole[name]
    with pytest.raises(error, match=why):
        reviews.delegate(**whole)
    assert reviews.ledger.store.select(DelegationRow) == []


def test_an_end_without_a_zone_is_refused(reviews, clock):
    with pytest.raises(DefinitionError, match="no time with a zone"):
        reviews.delegate(by=MARIA, to=RAVI, until=(clock.now() + WEEK).replace(tzinfo=None), because="on leave")
