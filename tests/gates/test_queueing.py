"""A person's next review: by roles, skills, groups, persons and delegations; never one that they may not answer."""

from contextlib import suppress
from datetime import timedelta
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, People, Personal, ReviewRequired, Reviews, fields, rule
from abpo_sdk.errors import AbpoError, NobodyHolds, NotPermitted
from abpo_sdk.gates.candidates import Candidates
from abpo_sdk.testing import FakeClock


class Claim(BaseModel):
    amount: int = 1
    entered_by: str = "eve@acme"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")

PEOPLE = People(
    {
        "maria@acme": {"controller"},
        "otto@acme": {"controller", "lawyer"},
        "ines@acme": {"cfo"},
        "eve@acme": {"controller", "cfo"},
        "paul@acme": set(),
    },
    skills={"otto@acme": {"french", "motor"}, "eve@acme": {"french"}},
    groups={"north": {"maria@acme", "ines@acme"}},
)

WHO = {
    "role": "controller",
    "french": Candidates("controller", skills={"french"}),
    "both": Candidates("controller", skills={"french", "motor"}),
    "group": Candidates(group="north"),
    "people": Candidates(people={"maria@acme", "paul@acme"}),
    "cfo": "cfo",
}


def gate_for(who, **more):
    return Gate(who, when=c.amount > 0, to=WHO[who], involves=[c.entered_by], **more)


GATES = {who: gate_for(who, refuses="refer") for who in WHO}
TWO = Gate("role2", when=c.amount > 0, to="controller", quorum=2)


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


@pytest.fixture
def put(reviews, clock):
    def open_one(key, who="role", gate=None, **case):
        with pytest.raises(ReviewRequired), reviews.case(key):
            (gate or GATES[who])(claims(Claim(**case)))
        clock.advance(timedelta(minutes=1))
        return reviews.of(key)[0]

    return open_one


def keys(reviews, by, limit=99):
    return [review.run for review in reviews.next(by=by, limit=limit)]


def test_each_gets_what_is_put_to_their_role_skills_group_and_themselves_oldest_first(reviews, put):
    for who in reversed(WHO):
        put(who, who)
    assert keys(reviews, "maria@acme") == ["people", "group", "role"]
    assert keys(reviews, "otto@acme") == ["both", "french", "role"]
    assert keys(reviews, "ines@acme") == ["cfo", "group"]
    assert keys(reviews, "paul@acme") == ["people"]
    assert keys(reviews, "maria@acme", limit=1) == ["people"]
    assert keys(reviews, "eve@acme") == []  # who entered all of them


def test_own_cases_are_skipped_however_many_stand_first(reviews, put):
    for number in range(7):
        put(f"own-{number}", entered_by="maria@acme")
    put("other")
    assert keys(reviews, "maria@acme", limit=1) == ["other"]


def test_what_one_has_claimed_comes_first_and_what_others_have_claimed_not_at_all(reviews, put):
    first, second = put("C-1"), put("C-2")
    second.claim(by="maria@acme")
    first.claim(by="otto@acme")
    put("C-3")
    assert keys(reviews, "maria@acme") == ["C-2", "C-3"]
    assert keys(reviews, "otto@acme") == ["C-1", "C-3"]
    reviews.get(first.id).release(by="otto@acme")
    assert keys(reviews, "maria@acme") == ["C-2", "C-1", "C-3"]


def test_what_one_has_claimed_and_may_not_answer_any_more_is_skipped(open_reviews, reviews, put, clock):
    put("C-1").claim(by="maria@acme")
    without = open_reviews({"maria@acme": {"cfo"}})
    assert without.next(by="maria@acme") == ()


def test_a_claim_that_is_over_is_everybodys_once_it_was_looked_at(reviews, put, clock):
    put("C-1").claim(by="maria@acme", until=clock.now() + timedelta(hours=1))
    assert keys(reviews, "otto@acme") == []
    clock.advance(timedelta(hours=2))
    reviews.escalate()
    assert keys(reviews, "otto@acme") == ["C-1"]


def test_a_delegate_gets_what_is_put_to_whom_they_act_for_as_long_as_they_do(reviews, put, clock):
    put("role"), put("people", "people"), put("cfo", "cfo")
    now = clock.now()
    reviews.delegate(by="maria@acme", to="ines@acme", until=now + timedelta(days=2), because="leave")
    reviews.delegate(
        by="otto@acme", to="paul@acme", roles={"controller"}, until=now + timedelta(days=1), because="leave"
    )
    assert keys(reviews, "ines@acme") == ["role", "people", "cfo"]
    assert keys(reviews, "paul@acme") == ["role", "people"]
    clock.advance(timedelta(days=3))
    assert keys(reviews, "ines@acme") == ["cfo"]
    assert keys(reviews, "paul@acme") == ["people"]


def test_skills_are_not_delegated(reviews, put, clock):
    put("both", "both")
    reviews.delegate(by="otto@acme", to="ines@acme", until=clock.now() + timedelta(days=1), because="leave")
    assert keys(reviews, "ines@acme") == []


def test_who_has_answered_abstained_or_has_a_conflict_gets_it_no_more(reviews, put):
    put("C-1", gate=TWO).answer("pay", by="otto@acme", because="fine")
    put("C-2").abstain(by="otto@acme", because="not mine")
    put("C-3").recuse(by="otto@acme", because="my brother's")
    assert keys(reviews, "otto@acme") == []
    assert keys(reviews, "maria@acme") == ["C-1", "C-2", "C-3"]


def test_what_is_returned_expired_or_answered_is_in_nobodys_queue(reviews, put, clock):
    put("C-1").return_for_information(by="otto@acme", because="which?")
    put("C-2", gate=Gate("brief", when=c.amount > 0, to="controller", expires=timedelta(hours=1)))
    put("C-3").answer("pay", by="otto@acme", because="fine")
    clock.advance(timedelta(hours=2))
    assert keys(reviews, "maria@acme") == []


def test_what_was_put_to_others_is_in_their_queue(reviews, put):
    gate = Gate("both", when=c.amount > 0, to="controller", due=timedelta(days=9), escalate_to="cfo")
    put("C-1", gate=gate).reassign("cfo", by="maria@acme", because="yours")
    assert keys(reviews, "maria@acme") == []
    assert keys(reviews, "ines@acme") == ["C-1"]


@pytest.mark.parametrize("by", ["zoe@acme", "", None, "Maria@acme"])
def test_nobody_who_is_not_known_gets_anything(reviews, put, by):
    put("C-1")
    with pytest.raises(NotPermitted):
        reviews.next(by=by)


class Secret(BaseModel):
    number: int = 1
    holder: Annotated[str, Personal("holder", subject_field="number")] = "paul@acme"


def test_a_case_of_which_nobody_can_tell_any_more_who_has_to_do_with_it_is_skipped(reviews, put):
    s = fields(Secret)
    table = DecisionTable("secrets", rule(s.number > 0, then="pay", because="any"), otherwise="refer")
    gate = Gate("secret", when=s.number > 0, to="controller", involves=[s.holder])
    with pytest.raises(ReviewRequired), reviews.case("C-1"):
        gate(table(Secret()))
    put("C-2")
    assert keys(reviews, "maria@acme") == ["C-1", "C-2"]
    reviews.ledger.erase("1", by="ines@acme", because="asked for")
    assert keys(reviews, "maria@acme") == ["C-2"]


def test_who_claims_a_case_and_then_says_nothing_to_it_keeps_it_from_nobody(reviews, put):
    for key, act in (("C-1", "abstain"), ("C-2", "recuse")):
        put(key).claim(by="maria@acme")
        getattr(reviews.of(key)[0], act)(by="maria@acme", because="my brother's")
    assert keys(reviews, "maria@acme") == []
    assert keys(reviews, "otto@acme") == ["C-1", "C-2"]
    reviews.ledger.verify()


@given(
    cases=st.lists(
        st.tuples(st.sampled_from(sorted(WHO)), st.sampled_from(["eve@acme", "maria@acme", "otto@acme"])), max_size=8
    ),
    acts=st.lists(
        st.tuples(
            st.sampled_from(["claim", "release", "abstain", "answer", "escalate"]),
            st.sampled_from(["maria@acme", "otto@acme", "ines@acme", "paul@acme"]),
            st.integers(0, 7),
        ),
        max_size=8,
    ),
    by=st.sampled_from(["maria@acme", "otto@acme", "ines@acme", "paul@acme", "eve@acme"]),
)
@settings(max_examples=100, deadline=None)
def test_it_is_just_what_they_could_answer_oldest_first(cases, acts, by):
    """The oracle: they answer whatever there is, one by one."""
    clock = FakeClock()
    ledger = Ledger("sqlite://", clock=clock)
    reviews = Reviews(ledger, PEOPLE)
    names = []
    for number, (who, entered) in enumerate(cases):
        try:
            with reviews.case(f"C-{number}"):
                GATES[who](claims(Claim(entered_by=entered)))
        except NobodyHolds:  # all who could be asked have to do with it
            continue
        except ReviewRequired as needed:
            names.append(needed.review.id)
        clock.advance(timedelta(minutes=1))
    for act, person, which in acts if names else ():
        review = reviews.get(names[which % len(names)])
        try:
            if act == "answer":
                review.answer("pay", by=person, because="fine")
            elif act in ("claim", "release"):
                getattr(review, act)(by=person)
            else:
                getattr(review, act)(by=person, because="so it is")
        except AbpoError:
            continue
    found = [review.id for review in reviews.next(by=by, limit=99)]
    claimed = [name for name in names if reviews.get(name).claimed_by == by]
    may = []
    for name in names:
        with suppress(AbpoError):
            reviews.get(name).answer("pay", by=by, because="fine")
            may.append(name)
    assert found == sorted(may, key=lambda name: (name not in claimed, names.index(name)))
    ledger.close()
