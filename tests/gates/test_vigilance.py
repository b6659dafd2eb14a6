"""Known cases, second looks, and how well people decide."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, People, Personal, ReviewRequired, Runtime, fields, process, rule
from abpo_sdk.errors import (
    DefinitionError,
    DuplicateRun,
    NotPermitted,
    OverLimit,
    RationaleMissing,
    ReviewClosed,
    SeparationOfDuties,
    UnknownOutcome,
)
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.ledger.rows import RunRow, SpendRow


class Claim(BaseModel):
    amount: int
    holder: str = "H-1"
    iban: Annotated[str, Personal("bank account", subject_field="holder")] = "DE02120300000000202051"


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer", owner="claims")
approval = Gate(
    "approval", when=c.amount > 100, to="controller", due=timedelta(hours=8), escalate_to="cfo", refuses="refer"
)
double = Gate("double", when=c.amount > 100, to="controller", guard=Guard(double=1.0))
SEED = {"right": "refer", "by": "ines@acme", "because": "the receipt is forged"}


def put(reviews, key, claim, gate=approval):
    with pytest.raises(ReviewRequired), reviews.case(key):
        gate(claims(claim))
    return reviews.of(key)[0]


def say(review, outcome, by, because="looked at it"):
    return review.answer(outcome, by=by, because=because)


# known cases


def the_same(review, like):
    """A review, as if it were about the case of another."""
    decision = replace(review.decision, id=str(review.decision.id).replace(review.run, like.run))
    lineage = tuple(line.replace(review.run, like.run) for line in review.lineage)
    return replace(
        review,
        id=review.id.replace(review.run, like.run),
        run=like.run,
        shown=like.shown,
        decision=decision,
        lineage=lineage,
    )


def test_nothing_of_a_review_tells_a_known_case_from_any_other(reviews, clock):
    real = put(reviews, "C-1", Claim(amount=450))
    known = reviews.get(reviews.seed(approval, claims(Claim(amount=450)), key="C-2", **SEED))
    assert known.id == "C-2/approval/0"
    assert the_same(known, real) == real
    assert repr(the_same(known, real)) == repr(real)
    shown, other = (review.show(by="maria@acme") for review in (known, real))
    assert the_same(shown, other) == other
    assert str(shown.lineage).replace("C-2", "C-1") == str(other.lineage)
    assert [review.id for review in reviews.list()] == [real.id, known.id]
    assert [review.id for review in reviews.next(by="maria@acme", limit=9)] == [real.id, known.id]
    clock.advance(timedelta(hours=9))
    assert {review.id for review in reviews.escalate()} == {real.id, known.id}
    said, heard = (say(reviews.get(review.id), "pay", "ines@acme") for review in (known, real))
    assert replace(the_same(said, heard), given=None) == replace(heard, given=None)
    assert said.given == heard.given
    assert {review.id for review in reviews.list(status="answered")} == {real.id, known.id}


def test_a_known_case_is_in_no_list_of_decisions_and_nothing_waits_for_it(reviews):
    put(reviews, "C-1", Claim(amount=450))
    known = reviews.get(reviews.seed(approval, claims(Claim(amount=450)), key="C-2", **SEED))
    assert list(reviews.ledger.decisions()["run_id"]) == ["C-1"]
    say(known, "pay", "maria@acme")
    assert list(reviews.ledger.decisions()["run_id"]) == ["C-1"]
    assert list(reviews.ledger.decisions()["decided_by"]) == ["policy"]
    assert reviews.ledger.store.select(RunRow) == []
    reviews.ledger.verify()


def test_a_known_case_is_caught_or_missed_in_what_is_measured_of_conduct(reviews):
    for number, outcome in enumerate(["refer", "pay", "pay"]):
        name = reviews.seed(approval, claims(Claim(amount=450 + number)), key=f"K-{number}", **SEED)
        say(reviews.get(name), outcome, "maria@acme")
    say(put(reviews, "C-1", Claim(amount=450)), "pay", "otto@acme")
    [group] = reviews.conduct().groups
    assert (group.name, group.n, group.people) == ("controller", 4, 2)
    assert (group.vigilance.k, group.vigilance.n) == (1, 3)


def test_a_known_case_under_a_runtime_is_answered_like_any_other(clock):
    runtime = Runtime("sqlite://", people={"maria@acme": {"controller"}, "ines@acme": {"cfo"}})
    name = runtime.desk.seed(approval, claims(Claim(amount=450)), key="C-2", **SEED)
    [review] = runtime.reviews()
    assert review.id == name
    assert say(review, "pay", "maria@acme").status == "answered"
    assert list(runtime.decisions().index) == []
    runtime.close()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"right": "payy"}, UnknownOutcome),
        ({"by": "eve@acme"}, NotPermitted),
        ({"because": " "}, RationaleMissing),
        ({"key": " "}, DefinitionError),
        ({"key": "C-1"}, DuplicateRun),
        ({"decision": claims(Claim(amount=1))}, DefinitionError),
    ],
)
def test_a_known_case_that_cannot_be_is_refused_and_not_opened(reviews, said, error):
    put(reviews, "C-1", Claim(amount=450))
    arguments = {"decision": claims(Claim(amount=450)), "key": "C-2", **SEED, **said}
    with pytest.raises(error):
        reviews.seed(approval, arguments.pop("decision"), **arguments)
    assert len(reviews.list()) == 1
    assert reviews.ledger.entries("C-2") == []


# second looks


@process
def decides(claim: Claim) -> list[str]:
    decision = double(claims(claim))
    return [decision.outcome, decision.decided_by]


@pytest.fixture
def runtime(tmp_path, clock):
    people = {
        "maria@acme": {"controller"},
        "otto@acme": {"controller"},
        "lena@acme": {"controller"},
        "ines@acme": {"cfo"},
    }
    with Runtime(f"sqlite:///{tmp_path / 'second.db'}", [decides], people=people, clock=clock) as runtime:
        yield runtime


def second_of(runtime, run):
    return next(review for review in runtime.desk.of(run) if review.id.endswith("/second"))


def test_a_second_look_is_blind_and_changes_nothing_even_after_the_run_has_ended(runtime):
    run = runtime.start(decides, Claim(amount=450), id="C-1")
    say(run.review, "pay", "maria@acme", because="maria's own reason")
    assert run.result() == ["pay", "maria@acme"]
    second = second_of(runtime, "C-1")
    seen = second.show(by="otto@acme")
    for review in (second, seen):
        assert "pay" not in (review.decision.outcome, review.decision.proposed, review.decision.decided_by)
        assert (review.decision.reasons, review.why, review.given) == ((), (), None)
        assert "maria" not in repr(review)
    before = runtime.decisions()
    assert say(second, "refer", "otto@acme").status == "answered"
    assert runtime.decisions().equals(before)
    assert [(made.outcome, made.decided_by) for made in run.decisions] == [("pay", "maria@acme")]
    assert "decided by maria@acme" in str(run.lineage())
    assert (run.status, run.result()) == ("done", ["pay", "maria@acme"])
    runtime.ledger.verify()


def test_a_second_look_parks_no_run(runtime):
    @process
    def twice(claim: Claim) -> list[str]:
        return [double(claims(claim)).outcome, approval(claims(claim)).outcome]

    run = runtime.start(twice, Claim(amount=450), id="C-1")
    say(run.review, "pay", "maria@acme")
    second = second_of(runtime, "C-1")
    assert (run.status, run._reader.open_reviews("C-1")[0].gate) == ("waiting", "approval")
    say(second, "refer", "otto@acme")
    assert run.status == "waiting"
    say(next(r for r in run.reviews if r.gate == "approval"), "pay", "maria@acme")
    assert run.result() == ["pay", "pay"]


def test_nobody_takes_a_second_look_at_their_own_answer_nor_at_one_that_was_given_for_them(runtime, clock):
    run = runtime.start(decides, Claim(amount=450), id="C-1")
    desk = runtime.desk
    until = clock.now() + timedelta(days=2)
    desk.delegate(by="maria@acme", to="ines@acme", until=until, because="on leave")
    say(run.review, "pay", "ines@acme")
    second = second_of(runtime, "C-1")
    for person in ("ines@acme", "maria@acme"):
        with pytest.raises(SeparationOfDuties):
            say(second, "refer", person)
        assert second.id not in [review.id for review in desk.next(by=person, limit=9)]
    assert second.id in [review.id for review in desk.next(by="otto@acme", limit=9)]
    say(second, "pay", "otto@acme")
    with pytest.raises(ReviewClosed):
        say(second, "pay", "lena@acme")


def test_a_delegate_takes_no_second_look_for_whom_answered_before(runtime, clock):
    run = runtime.start(decides, Claim(amount=450), id="C-1")
    say(run.review, "pay", "maria@acme")
    until = clock.now() + timedelta(days=2)
    runtime.desk.delegate(by="maria@acme", to="ines@acme", until=until, because="on leave")
    with pytest.raises(SeparationOfDuties):
        say(second_of(runtime, "C-1"), "pay", "ines@acme")


def test_of_a_decision_that_no_policy_made_nobody_takes_a_second_look_at_their_own_answer(reviews):
    by_hand = claims.decide(Claim(amount=450))
    with pytest.raises(ReviewRequired), reviews.case("C-1"):
        double(by_hand)
    say(reviews.list()[0], "pay", "maria@acme")
    [second] = reviews.list()
    with pytest.raises(SeparationOfDuties):
        say(second, "pay", "maria@acme")
    assert say(second, "pay", "otto@acme").status == "answered"


def test_two_answers_to_one_case_are_measured_as_agreement(runtime):
    for number, outcome in enumerate(["pay", "refer", "pay", "pay"]):
        run = runtime.start(decides, Claim(amount=450 + number), id=f"C-{number}")
        say(run.review, "pay", "maria@acme")
        say(second_of(runtime, f"C-{number}"), outcome, "otto@acme")
    [group] = runtime.desk.conduct().groups
    assert (group.n, group.agreement.units) == (8, 4)


# single persons


def test_single_persons_are_measured_only_after_it_was_declared(reviews):
    say(put(reviews, "C-1", Claim(amount=450)), "pay", "maria@acme")
    with pytest.raises(DefinitionError, match="which nobody has declared"):
        reviews.conduct(by="person")
    assert "maria@acme" not in str(reviews.conduct())
    with pytest.raises(NotPermitted):
        reviews.declare_measures(by="eve@acme", because="agreement 7 with the works council")
    with pytest.raises(RationaleMissing):
        reviews.declare_measures(by="ines@acme", because=" ")
    with pytest.raises(DefinitionError):
        reviews.conduct(by="person")
    reviews.declare_measures(by="ines@acme", because="agreement 7 with the works council")
    assert "maria@acme" in str(reviews.conduct(by="person"))


def test_conduct_of_one_gate_leaves_the_others_out(reviews):
    say(put(reviews, "C-1", Claim(amount=450)), "pay", "maria@acme")
    say(put(reviews, "C-2", Claim(amount=450), double), "pay", "maria@acme")
    assert [group.n for group in reviews.conduct(gate="approval").groups] == [1]
    assert [group.n for group in reviews.conduct().groups] == [2]
    assert reviews.conduct(gate="other").groups == ()


def test_of_who_answered_again_after_information_was_given_the_last_word_counts(reviews):
    gate = Gate("two", when=c.amount > 0, to="controller", quorum=2)
    review = put(reviews, "C-1", Claim(amount=450), gate)
    say(review, "pay", "maria@acme")
    reviews.get(review.id).return_for_information(by="otto@acme", because="which receipt?")
    reviews.get(review.id).inform("receipt 12", by="ines@acme")
    say(reviews.get(review.id), "refer", "maria@acme")
    say(reviews.get(review.id), "refer", "otto@acme")
    [group] = reviews.conduct().groups
    assert (group.n, group.confirms.k) == (2, 0)


def test_a_known_case_above_their_limit_is_refused_like_any_other(open_reviews):
    people = People(
        {"maria@acme": {"controller"}, "ines@acme": {"cfo"}}, limits=Limits(Limit("controller", 400, "EUR"))
    )
    reviews = open_reviews(people)
    authority = Authority(amount=c.amount, currency="EUR", kind="claim", approves={"pay"})
    gate = Gate("money", when=c.amount > 0, to="controller", authority=authority)
    known = reviews.get(reviews.seed(gate, claims(Claim(amount=450)), key="C-2", **SEED))
    with pytest.raises(OverLimit):
        say(known, "pay", "maria@acme")
    say(known, "refer", "maria@acme")
    assert reviews.ledger.store.select(SpendRow) == []
