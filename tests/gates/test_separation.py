"""Nobody decides what they have to do with, and different people are different people."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abpo_sdk import People
from abpo_sdk.errors import DefinitionError, MistypedInput, NotPermitted, SeparationOfDuties
from tests.gates.claim_desk import CLERKS, PEOPLE, Claim, c, claims, gate, needed, put, says, tried
from tests.gates.spellings import spellings_of

MARIA, OTTO, OMAR, LENA = CLERKS
WEEK = timedelta(days=7)
OTHERWISE_WRITTEN = {
    "case": "Maria@ACME",
    "a homoglyph": "m\u0430ria@acme",
    "a trailing space": "maria@acme ",
    "fullwidth": "\uff4daria@acme",
    "a newline": "maria@acme\n",
    "NUL": "maria\0@acme",
    "a mark from right to left": "\u202emaria@acme",
    "a soft hyphen": "ma\u00adria@acme",
}
entered = gate(involves=[c.entered_by])
sealed = gate(involves=[c.entered_by, c.agent])


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


@pytest.mark.parametrize("by", OTHERWISE_WRITTEN.values(), ids=OTHERWISE_WRITTEN)
def test_one_person_does_not_answer_twice_in_another_spelling(reviews, by):
    review = put(reviews, at=gate(quorum=2))
    says(review, "pay", MARIA)
    with pytest.raises(NotPermitted):
        says(review, "pay", by)
    assert reviews.get(review.id).status == "open"
    ((what, who, error),) = tried(reviews, review)
    assert (what, error) == ("answer", "NotPermitted")
    assert who.isprintable()


def test_one_person_does_not_answer_twice(reviews):
    review = put(reviews, at=gate(quorum=2))
    says(review, "pay", MARIA)
    with pytest.raises(SeparationOfDuties, match="maria@acme has answered about this decision before"):
        says(review, "pay", MARIA)


@pytest.mark.parametrize("spelling", OTHERWISE_WRITTEN.values(), ids=OTHERWISE_WRITTEN)
def test_a_live_directory_that_writes_somebody_otherwise_meanwhile_does_not_make_them_two(open_reviews, spelling):
    known = dict(PEOPLE)
    reviews = open_reviews(People(lambda: known))
    review = put(reviews, at=gate(quorum=2))
    says(review, "pay", MARIA)
    known.pop(MARIA)
    known[spelling] = {"controller"}
    with pytest.raises(NotPermitted):
        says(review, "pay", spelling)
    assert reviews.get(review.id).status == "open"


@pytest.mark.parametrize("person", [MARIA, *OTHERWISE_WRITTEN.values()])
def test_who_entered_a_case_does_not_decide_it_however_the_case_writes_them(reviews, person):
    review = put(reviews, at=entered, entered_by=person)
    with pytest.raises(
        SeparationOfDuties, match=r"'maria@acme' may not answer .* entered it, proposed it or is its subject"
    ):
        says(review, "pay", MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "SeparationOfDuties")]
    assert reviews.next(by=MARIA) == ()
    assert says(review, "pay", OTTO).status == "answered"


@pytest.mark.parametrize("act", ["claim", "abstain", "return_for_information", "escalate", "reassign", "show"])
def test_who_entered_a_case_does_nothing_else_with_it_either(reviews, act):
    at = gate(involves=[c.entered_by], due=WEEK, escalate_to="cfo")
    review = put(reviews, at=at, entered_by=MARIA)
    said = {} if act in ("claim", "show") else {"because": "I may not"}
    more = ("cfo",) if act == "reassign" else ()
    with pytest.raises(SeparationOfDuties):
        getattr(review, act)(*more, by=MARIA, **said)
    assert reviews.get(review.id) == review


def test_neither_the_delegate_nor_the_delegator_of_who_entered_it_decides_it(reviews, clock):
    reviews.delegate(by=MARIA, to=OTTO, until=clock.now() + WEEK, because="on leave")
    reviews.delegate(by=OMAR, to=MARIA, until=clock.now() + WEEK, because="on leave")
    review = put(reviews, at=entered, entered_by=MARIA)
    with pytest.raises(SeparationOfDuties, match="they act for maria@acme"):
        says(review, "pay", OTTO)
    with pytest.raises(SeparationOfDuties, match="maria@acme acts for them"):
        says(review, "pay", OMAR)
    assert says(review, "pay", LENA).status == "answered"


def test_a_delegation_that_ended_since_the_case_was_opened_still_keeps_from_it(reviews, clock):
    leave = reviews.delegate(by=MARIA, to=OTTO, until=clock.now() + WEEK, because="on leave")
    review = put(reviews, at=entered, entered_by=MARIA)
    clock.advance(timedelta(hours=1))
    reviews.end_delegation(leave, by=OTTO, because="she is back")
    with pytest.raises(SeparationOfDuties):
        says(review, "pay", OTTO)
    later = put(reviews, key="C-2", at=entered, entered_by=MARIA)
    assert says(later, "pay", OTTO).status == "answered"


def test_a_delegation_that_is_made_afterwards_keeps_from_it_too(reviews, clock):
    review = put(reviews, at=entered, entered_by=MARIA)
    clock.advance(timedelta(hours=1))
    reviews.delegate(by=OTTO, to=MARIA, until=clock.now() + WEEK, because="on leave")
    with pytest.raises(SeparationOfDuties):
        says(review, "pay", OTTO)


def test_who_is_named_by_a_personal_field_does_not_decide_it_and_is_not_shown(reviews):
    review = put(reviews, at=sealed, agent="Otto@acme")
    with pytest.raises(SeparationOfDuties):
        says(review, "pay", OTTO)
    assert review.decision.case["agent"] == "<agent>"
    assert b"Otto@acme" not in b"".join(entry.payload or b"" for entry in reviews.ledger.entries("C-1"))
    assert says(review, "pay", MARIA).status == "answered"


def test_once_who_has_to_do_with_a_case_is_erased_nobody_decides_it_and_the_others_are_still_listed(reviews):
    review = put(reviews, at=sealed, agent=OTTO)
    other = put(reviews, key="C-2", at=sealed, holder="H-2", agent=OTTO)
    reviews.ledger.erase("H-1", by="ines@acme", because="asked for")
    for person in (MARIA, OTTO):
        with pytest.raises(SeparationOfDuties, match="was erased, so nobody can tell whether it is they"):
            says(review, "pay", person)
    assert tried(reviews, review) == [("answer", person, "SeparationOfDuties") for person in (MARIA, OTTO)]
    assert {r.id for r in reviews.list()} == {review.id, other.id}
    assert [r.id for r in reviews.next(by=MARIA, limit=9)] == [other.id]
    assert reviews.get(review.id).status == "open"


def test_a_case_that_names_nobody_is_anybodys_and_one_that_names_what_is_no_id_is_refused(reviews):
    assert says(put(reviews, at=entered, entered_by=None), "pay", MARIA).status == "answered"
    review = put(reviews, key="C-2", at=entered, entered_by="\u200b")
    with pytest.raises(SeparationOfDuties, match="nobody can tell whether it is they"):
        says(review, "pay", MARIA)
    amounts = gate(involves=[c.amount])
    with pytest.raises(MistypedInput, match=r"Claim\.amount says who has to do with a case, and is a Decimal"):
        put(reviews, key="C-3", at=amounts)


@pytest.mark.parametrize("involves", ["entered_by", c.entered_by, ["entered_by"], [7]])
def test_what_names_no_field_is_refused_when_it_is_declared(involves):
    with pytest.raises(DefinitionError, match="are no fields; write involves="):
        gate(involves=involves)


def test_who_declares_a_conflict_of_interest_neither_answers_nor_is_asked_nor_do_those_who_act_for_them(reviews, clock):
    reviews.delegate(by=MARIA, to=OTTO, until=clock.now() + WEEK, because="on leave")
    review = put(reviews)
    review.recuse(by=MARIA, because="he is my brother")
    with pytest.raises(SeparationOfDuties, match="maria@acme has declared a conflict of interest"):
        says(review, "pay", MARIA)
    with pytest.raises(SeparationOfDuties, match="and one of them acts for the other"):
        says(review, "pay", OTTO)
    assert reviews.next(by=MARIA) == reviews.next(by=OTTO) == ()
    assert says(review, "pay", OMAR).status == "answered"


def test_a_conflict_of_interest_may_be_declared_by_whoever_is_known_while_it_is_open(reviews):
    review = put(reviews)
    review.recuse(by="ravi@acme", because="he is my brother")
    with pytest.raises(NotPermitted, match="nobody of that id is known"):
        review.recuse(by="eve@acme", because="he is my brother")


def test_a_delegate_and_whom_they_act_for_are_one_pair_of_eyes(reviews, clock):
    reviews.delegate(by=MARIA, to="ravi@acme", until=clock.now() + WEEK, because="on leave")
    review = put(reviews, at=gate(quorum=2))
    assert says(review, "pay", "ravi@acme").status == "open"
    with pytest.raises(SeparationOfDuties, match="maria@acme has answered"):
        says(review, "pay", MARIA)
    settled = says(review, "pay", OTTO)
    assert settled.given.others[0].on_behalf_of == MARIA


def test_a_delegate_of_two_answers_once(reviews, clock):
    for delegator in (MARIA, OTTO):
        reviews.delegate(by=delegator, to="ravi@acme", until=clock.now() + WEEK, because="on leave")
    review = put(reviews, at=gate(quorum=2))
    says(review, "pay", "ravi@acme")
    with pytest.raises(SeparationOfDuties, match="ravi@acme has answered"):
        says(review, "pay", "ravi@acme")


def test_a_delegate_of_two_acts_for_the_one_who_has_not_said_anything(reviews, clock):
    for delegator in (MARIA, OTTO):
        reviews.delegate(by=delegator, to="ravi@acme", until=clock.now() + WEEK, because="on leave")
    review = put(reviews)
    review.abstain(by=MARIA, because="I do not know")
    assert says(review, "pay", "ravi@acme").given.on_behalf_of == OTTO


@pytest.mark.parametrize("recorded", [True, False])
def test_four_eyes_look_at_a_decision_across_gates_whether_or_not_the_policy_was_recorded(open_reviews, recorded):
    reviews = open_reviews(PEOPLE | {MARIA: {"controller", "cfo"}})
    unrecorded = claims(Claim())
    both = gate("first") >> gate("second", to="cfo", four_eyes=True)

    def handle():
        with reviews.case("C-1"):
            return both(claims(Claim()) if recorded else unrecorded).outcome

    def asked():
        return needed_in(handle)

    says(asked(), "pay", MARIA)
    second = asked()
    with pytest.raises(SeparationOfDuties, match="maria@acme has answered about this decision before"):
        says(second, "pay", MARIA)
    says(second, "pay", "ines@acme")
    assert handle() == "pay"


def needed_in(handle):
    return needed(None, lambda _: handle())


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_spelling_of_who_entered_a_case_lets_them_decide_it(reviews, data):
    person = data.draw(spellings_of(MARIA))
    key = f"C-{len(list(reviews.ledger.store.heads()))}"
    review = put(reviews, key=key, at=entered, entered_by=person)
    with pytest.raises(SeparationOfDuties):
        says(review, "pay", MARIA)
