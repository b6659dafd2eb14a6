"""What people may approve: consulted with the answer, reserved with a first vote, taken when it stands, given back otherwise."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from abpo_sdk import People, ReviewRequired, process
from abpo_sdk.errors import AmountInvalid, OverLimit, ReviewClosed
from abpo_sdk.gates import Candidates
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.gates.quorum import Quorum
from abpo_sdk.ledger.rows import RunRow, SpendRow
from abpo_sdk.testing.runtime import TestRuntime
from tests.gates.claim_desk import CLERKS, PEOPLE, Claim, c, claims, gate, put, says, tried, with_cfo

MARIA, OTTO, OMAR, LENA = CLERKS
HOUR = timedelta(hours=1)
LIMITS = Limits(
    Limit("controller", 1_000, "EUR"),
    Limit("controller", 1_500, "EUR", per="day", zone="Europe/Berlin"),
    Limit("cfo", 5_000, "EUR"),
)


def money(**more):
    given = {"amount": c.amount, "currency": c.currency, "kind": "claim", "approves": {"pay"}, "counterparty": c.holder}
    return Authority(**given | more)


paying = gate(authority=money())
together = gate(authority=money(), quorum=2)


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(People(PEOPLE, limits=LIMITS))


def spending(reviews):
    return [(row.person, row.amount, row.status) for row in reviews.ledger.store.select(SpendRow, order="at")]


def answered(reviews, key="C-1"):
    return [entry.content for entry in reviews.ledger.entries(key) if entry.kind == "answered"]


def refusal(reviews, key="C-1"):
    return [entry.content for entry in reviews.ledger.entries(key) if entry.kind == "refused"][-1]


def test_every_limit_that_was_consulted_is_recorded_with_the_answer(reviews):
    says(put(reviews, at=paying), "pay", MARIA)
    (content,) = answered(reviews)
    said = content["limits"]
    assert (said["allowed"], said["role"], said["spend"]["amount"]) == (True, "controller", "700.00")
    assert [(limit["limit"]["per"], limit["spent"], limit["would_be"]) for limit in said["consulted"]] == [
        ("case", "0.00", "700.00"),
        ("day", "0.00", "700.00"),
    ]
    assert spending(reviews) == [(MARIA, 70_000, "committed")]


def test_what_approves_nothing_takes_nothing(reviews):
    says(put(reviews, at=paying, amount=90_000), "reject", MARIA)
    assert "limits" not in answered(reviews)[0]
    assert spending(reviews) == []


def test_over_the_limit_of_a_case_it_is_refused_with_every_limit_recorded(reviews):
    review = put(reviews, at=with_cfo(authority=money()), amount=Decimal("1000.01"))
    with pytest.raises(
        OverLimit, match=r"'maria@acme' may not approve 1,000\.01 EUR of claim as controller: the limit"
    ):
        says(review, "pay", MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "OverLimit")]
    assert refusal(reviews)["limits"]["allowed"] is False
    assert (spending(reviews), reviews.get(review.id).status) == ([], "open")
    moved = review.reassign("cfo", by=MARIA, because="too large")
    assert says(moved, "pay", "ines@acme").status == "answered"
    assert spending(reviews) == [("ines@acme", 100_001, "committed")]


def test_over_the_limit_in_sum_it_is_refused_until_the_day_is_over(reviews, clock):
    says(put(reviews, at=paying, amount=900), "pay", MARIA)
    review = put(reviews, key="C-2", at=paying, amount=Decimal("600.01"), holder="H-2")
    with pytest.raises(OverLimit, match=r"a day in Europe/Berlin.*spent of it: 900\.00 EUR in 1 case"):
        says(review, "pay", MARIA)
    clock.advance(14 * HOUR)  # midnight in Berlin is 23:00 UTC
    assert says(review, "pay", MARIA).status == "answered"
    assert [status for _, _, status in spending(reviews)] == ["committed"] * 2


def test_just_the_limit_is_within_it(reviews):
    says(put(reviews, at=paying, amount=1000), "pay", MARIA)
    assert says(put(reviews, key="C-2", at=paying, amount=500, holder="H-2"), "pay", MARIA).status == "answered"


def test_a_case_that_was_split_is_held_against_the_limit_of_the_whole(reviews):
    split = gate(authority=money(linked=c.order))
    says(put(reviews, at=split, amount=600, order="PO-1"), "pay", MARIA)
    review = put(reviews, key="C-2", at=split, amount=600, order="po-1 ", holder="H-2")
    with pytest.raises(OverLimit, match=r"linked by .* together 1,200\.00 EUR, and the limit of the whole"):
        says(review, "pay", OTTO)
    assert says(put(reviews, key="C-3", at=split, amount=600, order="PO-2"), "pay", OTTO).status == "answered"


def test_other_currencies_have_limits_of_their_own_or_none(reviews):
    review = put(reviews, at=paying, currency="USD")
    with pytest.raises(AmountInvalid, match="the limits of the role are in EUR, and nothing is converted"):
        says(review, "pay", MARIA)
    unknown = put(reviews, key="C-2", at=paying, currency="euro")
    with pytest.raises(AmountInvalid, match="cannot be held against a limit"):
        says(unknown, "pay", MARIA)
    assert tried(reviews, review) == tried(reviews, unknown) == [("answer", MARIA, "AmountInvalid")]
    assert spending(reviews) == []
    assert says(unknown, "reject", MARIA).status == "answered"


@pytest.mark.parametrize("amount", [Decimal("-0.01"), Decimal("0.001"), Decimal("1E+30")])
def test_an_amount_that_is_none_is_rejected_or_corrected_and_never_approved(reviews, amount):
    review = put(reviews, at=paying, amount=amount)
    with pytest.raises(AmountInvalid):
        says(review, "pay", MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "AmountInvalid")]
    assert reviews.get(review.id).status == "open"
    assert says(review, "reject", MARIA).status == "answered"
    assert spending(reviews) == []


def test_where_nobody_said_how_much_anybody_may_approve_nobody_approves(open_reviews):
    reviews = open_reviews(PEOPLE)
    review = put(reviews, at=paying, amount=1)
    with pytest.raises(OverLimit, match="no limit in force says how much"):
        says(review, "pay", MARIA)
    assert says(review, "refer", MARIA).status == "answered"


def test_a_correction_of_the_amount_is_what_is_approved(reviews):
    at = gate(authority=money(output="amount"))
    review = put(reviews, at=at, amount=5_000, giving={"amount": Decimal(5_000)})
    for wrong, error in (
        (Decimal(1_001), OverLimit),
        (Decimal("-1"), AmountInvalid),
        (Decimal("0.005"), AmountInvalid),
    ):
        with pytest.raises(error):
            says(review, "pay", MARIA, edit={"amount": wrong})
    with pytest.raises(OverLimit, match=r"5,000\.00 EUR"):
        says(review, "pay", MARIA)
    says(review, "pay", MARIA, edit={"amount": Decimal(999)})
    assert spending(reviews) == [(MARIA, 99_900, "committed")]


def test_a_first_vote_reserves_what_the_last_one_takes(reviews):
    review = put(reviews, at=together, amount=900)
    says(review, "pay", MARIA)
    assert spending(reviews) == [(MARIA, 90_000, "reserved")]
    with pytest.raises(OverLimit, match=r"spent of it: 900\.00 EUR in 1 case"):
        says(put(reviews, key="C-2", at=paying, amount=700, holder="H-2"), "pay", MARIA)
    says(review, "pay", OTTO)
    assert spending(reviews) == [(MARIA, 90_000, "committed"), (OTTO, 90_000, "committed")]


@pytest.mark.parametrize("how", ["veto", "majority", "tie"])
def test_where_another_outcome_stands_what_was_reserved_is_given_back(reviews, how):
    quorum = Quorum(2, of=3, veto={"reject"} if how == "veto" else (), tie_break="cfo")
    review = put(reviews, at=gate(authority=money(), quorum=quorum), amount=900)
    says(review, "pay", MARIA)
    if how == "tie":
        says(review, "refer", OTTO)
        says(review, "reject", OMAR)
        assert spending(reviews) == [(MARIA, 90_000, "reserved")]
        says(review, "reject", "ines@acme")
    else:
        says(review, "reject", OTTO)
        if how == "majority":
            says(review, "reject", OMAR)
    assert reviews.get(review.id).given.outcome == "reject"
    assert spending(reviews) == [(MARIA, 90_000, "released")]
    assert says(put(reviews, key="C-2", at=paying, amount=1000, holder="H-2"), "pay", MARIA).status == "answered"


def test_where_another_amount_stands_only_those_who_approved_it_have_spent(reviews):
    at = gate(authority=money(output="amount"), quorum=2)
    review = put(reviews, at=at, giving={"amount": Decimal(700)})
    says(review, "pay", MARIA, edit={"amount": Decimal(90)})
    says(review, "pay", OTTO)
    says(review, "pay", OMAR)
    assert spending(reviews) == [(MARIA, 9_000, "released"), (OTTO, 70_000, "committed"), (OMAR, 70_000, "committed")]


def test_new_information_gives_back_what_the_void_answers_had_reserved(reviews, clock):
    review = put(reviews, at=together, amount=900)
    says(review, "pay", MARIA)
    review.return_for_information(by=OTTO, because="where is the receipt?")
    informed = review.inform("it is on page 2", by=OTTO)
    assert spending(reviews) == [(MARIA, 90_000, "released")]
    clock.advance(HOUR)
    says(informed, "pay", OTTO)
    says(informed, "pay", OMAR)
    assert [row[2] for row in spending(reviews)] == ["released", "committed", "committed"]


def test_what_expires_gives_back_what_was_reserved(reviews, clock):
    review = put(reviews, at=gate(authority=money(), quorum=2, expires=HOUR), amount=900)
    says(review, "pay", MARIA)
    clock.advance(HOUR)
    reviews.escalate()
    assert spending(reviews) == [(MARIA, 90_000, "released")]
    with pytest.raises(ReviewClosed):
        says(review, "pay", OTTO)


def test_of_two_gates_of_which_one_is_enough_the_other_gives_back_what_was_reserved(reviews):
    either = gate("two", authority=money(), quorum=2) | gate("one", to="cfo", authority=money())

    def handle():
        with reviews.case("C-1"):
            return either(claims(Claim(amount=900))).outcome

    with pytest.raises(ReviewRequired):
        handle()
    two, one = sorted(reviews.of("C-1"), key=lambda review: review.gate, reverse=True)
    says(two, "pay", MARIA)
    says(one, "pay", "ines@acme")
    assert sorted(spending(reviews)) == [("ines@acme", 90_000, "committed"), (MARIA, 90_000, "released")]
    assert handle() == "pay"


@process
def pays(claim: Claim) -> str:
    return together(claims(claim)).outcome


def test_when_its_run_ends_what_was_reserved_is_given_back(reviews):
    with TestRuntime(reviews.ledger, [pays], people=reviews.people) as runtime:
        run = runtime.start(pays, Claim(amount=900), id="R-1")
        says(run.review, "pay", MARIA)
        assert spending(reviews) == [(MARIA, 90_000, "reserved")]
        reviews.ledger.erase("H-1", by="ines@acme", because="asked for")
        assert [row.status for row in reviews.ledger.store.select(RunRow)] == ["abandoned"]
        assert spending(reviews) == [(MARIA, 90_000, "released")]


def test_a_delegate_spends_of_the_authority_of_whom_they_act_for(reviews, clock):
    reviews.delegate(by=MARIA, to="ravi@acme", until=clock.now() + HOUR, because="on leave")
    says(put(reviews, at=paying, amount=900), "pay", "ravi@acme")
    assert spending(reviews) == [(MARIA, 90_000, "committed")]
    with pytest.raises(OverLimit):
        says(put(reviews, key="C-2", at=paying, amount=700, holder="H-2"), "pay", MARIA)


def test_several_who_approve_one_decision_spend_its_money_once(open_reviews):
    whole_role = Limits(
        Limit("controller", 1_000, "EUR"), Limit("controller", 1_000, "EUR", per="day", across=("role",))
    )
    reviews = open_reviews(People(PEOPLE, limits=whole_role))
    review = put(reviews, at=together, amount=900)
    says(review, "pay", MARIA)
    assert says(review, "pay", OTTO).status == "answered"


def test_an_imported_answer_is_held_against_the_same_limits(reviews):
    review = put(reviews, at=paying, amount=1_001)
    with pytest.raises(OverLimit):
        reviews.import_answer(review.id, "pay", by=MARIA, because="seen", shown=review.shown, source="ticket 4711")
    assert (spending(reviews), reviews.get(review.id).status) == ([], "open")


def test_of_approvals_at_the_same_instant_no_more_pass_than_the_limit_allows(open_reviews):
    desks = [open_reviews(People(PEOPLE, limits=LIMITS)) for _ in range(4)]
    opened = [put(desks[0], key=f"C-{n}", at=paying, amount=700, holder=f"H-{n}") for n in range(4)]

    def approve(desk, review):
        try:
            return says(desk.get(review.id), "pay", MARIA).status
        except OverLimit:
            return "over"

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(approve, desks, opened))
    assert sorted(done) == ["answered", "answered", "over", "over"]
    assert spending(desks[0]) == [(MARIA, 70_000, "committed")] * 2


def test_of_a_group_or_of_persons_each_approves_in_a_role_of_theirs_that_may(open_reviews):
    people = People(
        {"maria@acme": {"controller"}, "ines@acme": {"cfo", "controller"}, "tom@acme": {"clerk"}},
        groups={"north": {"maria@acme", "ines@acme", "tom@acme"}},
        limits=LIMITS,
    )
    reviews = open_reviews(people)
    review = put(reviews, at=gate(authority=money(), to=Candidates(group="north")), amount=Decimal("1000.01"))
    for person in ("maria@acme", "tom@acme"):
        with pytest.raises(OverLimit):
            says(review, "pay", person)
    assert says(review, "pay", "ines@acme").status == "answered"
    assert [row.role for row in reviews.ledger.store.select(SpendRow)] == ["cfo"]
