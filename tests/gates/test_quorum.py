"""How many people must say the same: n of m, vetoes, ties, and what counts as the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError, NobodyHolds, NotPermitted, ReviewClosed, SeparationOfDuties, UnknownOutcome
from abpo_sdk.gates.quorum import Quorum, Vote
from tests.gates.claim_desk import CLERKS, PEOPLE, gate, put, says, tried

MARIA, OTTO, OMAR, LENA = CLERKS
THREE = Quorum(2, of=3, tie_break="cfo")


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


def test_n_who_say_the_same_settle_it_and_all_of_them_are_named(reviews):
    review = put(reviews, at=gate(quorum=2))
    assert says(review, "pay", MARIA).status == "open"
    settled = says(review, "pay", OTTO, because="so it is")
    assert (settled.status, settled.given.by, settled.given.outcome) == ("answered", OTTO, "pay")
    assert [(other.by, other.because) for other in settled.given.others] == [(MARIA, "I have read it")]
    applied = settled.given.apply(review.decision, gate="approval")
    assert [reason.source for reason in applied.reasons[:2]] == [OTTO, MARIA]


def test_without_a_most_people_are_asked_until_n_agree(reviews):
    review = put(reviews, at=gate(quorum=2))
    for outcome, by in (("pay", MARIA), ("refer", OTTO), ("reject", OMAR)):
        assert says(review, outcome, by).status == "open"
    settled = says(review, "refer", LENA)
    assert (settled.given.outcome, [other.by for other in settled.given.others]) == ("refer", [OTTO])


def test_one_persons_veto_is_enough(reviews):
    review = put(reviews, at=gate(quorum=Quorum(3, veto={"reject"})))
    says(review, "pay", MARIA)
    assert says(review, "reject", OTTO).given.outcome == "reject"
    with pytest.raises(ReviewClosed, match="answered 'reject' by otto@acme"):
        says(review, "pay", OMAR)


def test_a_veto_of_an_outcome_that_the_policy_does_not_know_is_refused_when_it_is_asked(reviews):
    with pytest.raises(UnknownOutcome, match=r"veto with an outcome.*'rejct'"):
        put(reviews, at=gate(quorum=Quorum(2, veto={"rejct"})))
    assert reviews.list() == ()


def test_who_breaks_a_tie_decides_alone_and_nobody_else_does(reviews):
    review = put(reviews, at=gate(quorum=THREE))
    for outcome, by in (("pay", MARIA), ("refer", OTTO), ("reject", OMAR)):
        tied = says(review, outcome, by)
    assert (tied.status, tied.to, tied.due, tied.escalate_to) == ("open", "cfo", None, None)
    assert reviews.next(by=LENA) == ()
    assert [r.id for r in reviews.next(by="ines@acme")] == [review.id]
    with pytest.raises(NotPermitted, match="it is put to the cfo"):
        says(review, "pay", LENA)
    settled = says(review, "reject", "ines@acme")
    assert (settled.given.by, [other.by for other in settled.given.others]) == ("ines@acme", [OMAR])


def test_who_was_asked_before_does_not_break_the_tie(open_reviews):
    reviews = open_reviews(PEOPLE | {OMAR: {"controller", "cfo"}})
    review = put(reviews, at=gate(quorum=THREE, four_eyes=False))
    for outcome, by in (("pay", MARIA), ("refer", OTTO), ("reject", OMAR)):
        says(review, outcome, by)
    with pytest.raises(SeparationOfDuties, match="omar@acme has answered"):
        says(review, "reject", OMAR)


def test_who_breaks_a_tie_does_not_hand_that_to_anybody(reviews):
    review = put(reviews, at=gate(quorum=THREE))
    for outcome, by in (("pay", MARIA), ("refer", OTTO), ("reject", OMAR)):
        says(review, outcome, by)
    with pytest.raises(NotPermitted, match="did not agree, and who is asked now decides alone"):
        review.reassign("controller", by="ines@acme", because="let them")
    with pytest.raises(ReviewClosed, match="goes to nobody else"):
        review.escalate(by="ines@acme", because="let them")
    assert [error for _, _, error in tried(reviews, review)] == ["NotPermitted", "ReviewClosed"]
    assert reviews.get(review.id).to == "cfo"


def test_a_tie_that_nobody_could_break_is_not_asked(open_reviews):
    reviews = open_reviews({MARIA: {"controller"}, OTTO: {"controller"}})
    with pytest.raises(NobodyHolds, match="cfo"):
        put(reviews, at=gate(quorum=Quorum(2, of=2, tie_break="cfo")))


def test_what_was_answered_before_new_information_is_void(reviews):
    review = put(reviews, at=gate(quorum=2))
    says(review, "pay", MARIA)
    review.return_for_information(by=OTTO, because="where is the receipt?")
    informed = reviews.get(review.id).inform("it is on page 2", by=MARIA)
    assert says(informed, "pay", OTTO).status == "open"
    settled = says(informed, "pay", MARIA, because="and page 2 too")
    assert [other.by for other in settled.given.others] == [OTTO]
    assert settled.given.because == "and page 2 too"


def test_a_tie_over_what_was_known_before_is_void_with_the_answers(reviews):
    review = put(reviews, at=gate(quorum=THREE))
    for outcome, by in (("pay", MARIA), ("refer", OTTO), ("reject", OMAR)):
        says(review, outcome, by)
    review.return_for_information(by="ines@acme", because="where is the receipt?")
    informed = reviews.get(review.id).inform("it is on page 2", by=MARIA)
    assert (informed.to, informed.status) == ("controller", "open")
    with pytest.raises(NotPermitted, match="it is put to the controller"):
        says(informed, "pay", "ines@acme")
    assert says(informed, "pay", MARIA).status == "open"
    assert says(informed, "pay", OTTO).status == "answered"


def test_those_agree_who_correct_alike(reviews):
    review = put(reviews, at=gate(quorum=2), giving={"amount": Decimal(700)})
    assert says(review, "pay", MARIA, edit={"amount": Decimal(90)}).status == "open"
    assert says(review, "pay", OTTO).status == "open"
    settled = says(review, "pay", OMAR, edit={"amount": Decimal("90.00")})
    assert settled.given.output == {"amount": Decimal("90.00")}
    assert [other.by for other in settled.given.others] == [MARIA]


def test_what_is_put_as_it_was_is_no_correction(reviews):
    review = put(reviews, at=gate(quorum=2), giving={"amount": Decimal("700.0")})
    says(review, "pay", MARIA, edit={"amount": Decimal("700.00")})
    settled = says(review, "pay", OTTO)
    assert (settled.status, settled.given.output) == ("answered", None)


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"n": 0}, "n=0 is no number of people"),
        ({"n": True}, "n=True is no number"),
        ({"n": 1.5}, "n=1.5 is no number"),
        ({"n": 2, "of": 1}, "2 of 1 can never agree"),
        ({"n": 2, "of": 3}, "say who decides then"),
        ({"n": 1, "veto": "reject"}, "is a text; write veto="),
    ],
)
def test_a_quorum_that_could_not_be_met_is_refused(declared, why):
    with pytest.raises(DefinitionError, match=why):
        Quorum(declared.pop("n"), **declared)


votes = st.lists(st.builds(Vote, st.sampled_from(["pay", "refer", "reject"]), st.sampled_from(["", "a"])), max_size=9)
quorums = st.builds(
    lambda n, more, veto: Quorum(n, of=None if more is None else n + more, veto=veto, tie_break="cfo"),
    st.integers(1, 4),
    st.none() | st.integers(0, 3),
    st.sets(st.sampled_from(["reject"])),
)


@given(quorum=quorums, said=votes)
def test_it_is_settled_just_when_the_last_one_makes_n_or_has_a_veto(quorum, said):
    for count in range(1, len(said) + 1):
        so_far = said[:count]
        last = so_far[-1]
        enough = sum(1 for vote in so_far if vote == last) >= quorum.n or last.outcome in quorum.veto
        standing = quorum.tally(so_far)
        assert (standing == "settled") == enough
        if not enough:
            assert (standing == "tied") == (quorum.of is not None and count >= quorum.of)
        if standing != "open":
            break


@given(quorum=quorums)
def test_a_quorum_comes_back_from_json_as_it_was(quorum):
    assert Quorum.read(quorum.structure()) == quorum
