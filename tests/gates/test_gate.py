"""Gates: which decisions a person must make."""

from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, ReviewRequired, fields, rule
from abpo_sdk.errors import DefinitionError, MistypedInput, UnknownOutcome


class Claim(BaseModel):
    amount: Decimal
    note: str = ""


c, d = fields(Claim), fields(Decision)
claims = DecisionTable(
    "claims", rule(c.amount <= 500, then="pay", because="the claim is small"), otherwise="refer", owner="head of claims"
)
approval = Gate(
    "approval",
    when=(c.amount > 400) | (d.outcome == "refer"),
    to="controller",
    due=timedelta(hours=8),
    escalate_to="cfo",
)
WHEN = c.amount > 400


def test_a_decision_for_which_the_condition_does_not_hold_passes_and_says_so():
    decision = approval(claims(Claim(amount=100)))
    assert (decision.outcome, decision.gate, decision.decided_by) == ("pay", "approval", "policy")
    assert not approval.check(decision).needed


def test_a_decision_that_needs_a_person_raises_the_review_outside_a_run():
    decision = claims(Claim(amount=1200))
    with pytest.raises(ReviewRequired, match="gate 'approval' puts this before the controller") as raised:
        approval(decision)
    review = raised.value.review
    assert (review.gate, review.to, review.escalate_to) == ("approval", "controller", "cfo")
    assert review.due_in == timedelta(hours=8)
    assert review.decision == decision
    assert review.outcomes == ("pay", "refer")
    assert review.status == "needed"
    assert review.id is None


def test_why_names_the_conditions_that_held_with_the_values():
    check = approval.check(claims(Claim(amount=1200)))
    assert check.needed
    assert check.why == ("amount 1,200 > 400", "outcome is 'refer'")
    assert approval.check(claims(Claim(amount=450))).why == ("amount 450 > 400",)


def test_a_case_that_lacks_what_the_condition_needs_is_an_error_and_no_pass():
    decision = claims(Claim(amount=1))
    broken = Decision(
        **{f: getattr(decision, f) for f in decision.__slots__ if f != "case"}, case=Claim.model_construct(amount="NaN")
    )
    with pytest.raises(MistypedInput, match="amount"):
        approval(broken)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "g", "when": True, "to": "controller"}, "gate 'g': when=True is no condition"),
        ({"name": "g", "when": lambda case: True, "to": "controller"}, "is no condition"),
        ({"name": "g", "when": WHEN, "to": ""}, "gate 'g' needs a name and a role"),
        ({"name": "", "when": WHEN, "to": "controller"}, "gate '' needs a name and a role"),
        (
            {"name": "g", "when": WHEN, "to": "a", "due": timedelta(0), "escalate_to": "b"},
            "gate 'g': due=0:00:00 leaves no time",
        ),
        ({"name": "g", "when": WHEN, "to": "a", "due": timedelta(hours=-1), "escalate_to": "b"}, "leaves no time"),
        ({"name": "g", "when": WHEN, "to": "a", "due": timedelta(hours=1)}, "belong together"),
        ({"name": "g", "when": WHEN, "to": "a", "escalate_to": "b"}, "belong together"),
    ],
)
def test_a_gate_that_could_not_work_is_refused_by_name(arguments, message):
    with pytest.raises(DefinitionError, match=message):
        Gate(**arguments)


def test_its_version_changes_with_whatever_changes_who_is_asked_and_when():
    settings = {"when": WHEN, "to": "a", "due": timedelta(hours=1), "escalate_to": "b"}
    changes = [{"when": c.amount > 401}, {"to": "b"}, {"due": timedelta(hours=2)}, {"escalate_to": "c"}]
    versions = {Gate("g", **{**settings, **change}).version for change in [{}, *changes]}
    assert len(versions) == 1 + len(changes)
    assert Gate("g", **settings).version == Gate("g", **settings).version
    assert Gate("h", **settings).version not in versions


@pytest.mark.parametrize(
    "condition",
    [
        lambda d: d.outcome == "payy",
        lambda d: (d.confidence < 0.5) | ~(d.outcome != "payy"),
        lambda d: d.proposed.is_in("pay", "payy"),
    ],
)
def test_a_gate_that_asks_about_an_outcome_that_the_policy_does_not_know_lets_nothing_through(condition):
    gate = Gate("approval", when=condition(fields(Decision)), to="controller")
    decision = Decision("claims", "1", "pay", "pay", ("pay", "refer"), 1.0, (), {"amount": 1}, ())
    with pytest.raises(UnknownOutcome, match=r"gate .approval. asks about an outcome.*'payy'; it knows pay, refer"):
        gate.check(decision)
