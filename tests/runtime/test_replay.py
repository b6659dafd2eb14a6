"""Replay: a run goes on from its entries; code that now does other things is found, and named with place and values."""

import re
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, Policy, fields, process, rule, step
from abpo_sdk.errors import ReviewChanged, RunNotDone, RunStale


class Claim(BaseModel):
    amount: Decimal


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
claims_changed = DecisionTable("claims", rule(c.amount <= 400, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")
approval_changed = Gate("approval", when=c.amount > 300, to="controller")
second = Gate("second", when=c.amount > 400, to="cfo")
CLAIM = Claim(amount=450)


@step
def note(text: str) -> str:
    return text


@step
def log(text: str, number: int = 0) -> str:
    return text


def original(claim: Claim) -> str:
    note("first")
    log("second")
    return note(approval(claims(claim)).outcome)


def same_in_other_words(claim: Claim) -> str:
    for do, text in ((note, "first"), (log, "second")):
        do(text)
    decision = claims(claim)
    return note(approval(decision).outcome)


def reordered(claim: Claim) -> str:
    log("second")
    note("first")
    return note(approval(claims(claim)).outcome)


def renamed(claim: Claim) -> str:
    note("first")
    note("second")
    return note(approval(claims(claim)).outcome)


def other_inputs(claim: Claim) -> str:
    note("first")
    log("second", 7)
    return note(approval(claims(claim)).outcome)


def one_more_before(claim: Claim) -> str:
    note("first")
    log("second")
    note("third")
    return note(approval(claims(claim)).outcome)


def other_case(claim: Claim) -> str:
    note("first")
    log("second")
    return note(approval(claims(Claim(amount=claim.amount + 1))).outcome)


def another_gate(claim: Claim) -> str:
    note("first")
    log("second")
    return note(second(claims(claim)).outcome)


def without_the_gate(claim: Claim) -> str:
    note("first")
    log("second")
    return note(claims(claim).outcome)


def shorter(claim: Claim) -> str:
    note("first")
    return "done"


def ends_at_the_decision(claim: Claim) -> str:
    note("first")
    log("second")
    return claims(claim).outcome


def start_and_answer_with_other_code(opened, before, after, version="1"):
    """The run as it is after other code went on with it; one version says that it is the same, so only replay can tell."""
    code = {name: process(name="job", version=version)(body) for name, body in (("before", before), ("after", after))}
    for made in code.values():
        made.__dict__["pins"] = {"job": version}  # nothing else is pinned, so that nothing is found before the replay
    run = opened(code["before"].bind()).start(code["before"], CLAIM, id="R")
    assert run.status == "waiting"
    opened(code["after"].bind()).run("R").review.answer("pay", by="maria@acme", because="x")
    return run, code


def test_code_that_does_the_same_in_other_words_goes_on(opened):
    run, _ = start_and_answer_with_other_code(opened, original, same_in_other_words)
    assert run.result() == "pay"
    assert [entry.kind for entry in run.entries if entry.kind == "step"] == ["step"] * 3


@pytest.mark.parametrize(
    ("after", "place", "message"),
    [
        (reordered, "/0", "the ledger has the step 'note', and the process now calls the step 'log'"),
        (renamed, "/1", "the ledger has the step 'log', and the process now calls the step 'note'"),
        (other_inputs, "/1", r'the step \'log\' was given other inputs .*now: {"number": 7, "text": "second"}'),
        (one_more_before, "/2", "the ledger has the decision 'claims', and the process now calls the step 'note'"),
        (other_case, "/2", r"the decision 'claims' was given other inputs .*451"),
        (another_gate, "/3", "the ledger has the gate 'approval', and the process now calls the gate 'second'"),
        (without_the_gate, "/3", "the ledger has the gate 'approval', and the process now calls the step 'note'"),
        (shorter, "/1", "the ledger has the step 'log', and the process now ends without it"),
        (ends_at_the_decision, "/3", "the ledger has the gate 'approval', and the process now ends without it"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_code_that_does_other_things_is_an_incident_that_names_place_and_values(opened, after, place, message):
    run, code = start_and_answer_with_other_code(opened, original, after)
    assert run.status == "incident"
    assert run.incident.error.startswith(f"ReplayDiverged: run 'R', {place}: ")
    assert run.incident.step is None
    assert re.search(message, run.incident.error)
    assert not any(entry.kind == "finished" for entry in run.entries)

    opened(code["before"].bind()).run("R").incident.retry(by="maria@acme", because="the code is back")
    assert run.result() == "pay"


def test_a_divergence_cannot_be_swallowed(opened):
    def swallowing(claim: Claim) -> str:
        for do in (lambda: log("second"), lambda: note("first"), lambda: approval(claims(claim))):
            try:
                do()
            except Exception:
                continue
        return "swallowed"

    run, _ = start_and_answer_with_other_code(opened, original, swallowing)
    assert run.incident.error.startswith("ReplayDiverged: run 'R', /0")


class Payee(BaseModel):
    name: str
    iban: Annotated[str, Personal("bank account", subject_field="name")]


@step
def check(payee: Payee) -> str:
    return "checked"


@process
def check_payee(claim: Claim, *, iban: Any) -> str:
    check(Payee(name="P-1", iban=iban()))
    return approval(claims(claim)).outcome


def test_a_personal_value_is_not_shown_in_a_divergence(opened):
    ibans = iter(["DE02", "DE03"])
    bound = check_payee.bind(iban=lambda: next(ibans))
    run = opened(bound).start(bound, CLAIM)
    run.review.answer("pay", by="maria@acme", because="x")
    assert '"iban": "<bank account>"' in run.incident.error
    assert "DE0" not in run.incident.error


@process
def with_given_policy(claim: Claim, *, policy: Policy) -> str:
    decision = policy(claim)
    return approval(decision).outcome


def test_a_policy_that_changed_under_a_waiting_run_is_named_with_both_versions(opened):
    run = opened(with_given_policy.bind(policy=claims)).start(with_given_policy, CLAIM, id="R")
    opened(with_given_policy.bind(policy=claims_changed)).run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.incident.error == (
        f"ReplayDiverged: run 'R', /0: 'claims' decided in version {claims.version}, and is now version {claims_changed.version}"
    )


def body(claim: Claim) -> str:
    return approval(claims(claim)).outcome


def changed_body(claim: Claim) -> str:
    outcome = approval(claims(claim)).outcome
    return outcome.upper()


def changed_policy(claim: Claim) -> str:
    return approval(claims_changed(claim)).outcome


def changed_gate(claim: Claim) -> str:
    return approval_changed(claims(claim)).outcome


@pytest.mark.parametrize(
    ("after", "settings", "message"),
    [
        (changed_body, {}, "'Process job' was .* and is "),
        (body, {"version": "2"}, "'Process job' was .* and is 2"),
        (changed_gate, {"version": "1"}, f"'Gate approval' was {approval.version} and is {approval_changed.version}"),
    ],
)
def test_a_run_whose_code_changed_waits_for_that_code_and_says_so(opened, after, settings, message):
    kept = {k: v for k, v in settings.items() if v == "1"}
    first, then = process(name="job", **kept)(body), process(name="job", **settings)(after)
    run = opened(first.bind()).start(first, CLAIM, id="R")
    other = opened(then.bind())
    other.run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.status == "running"
    changed = f"its code changed while it was open: {message}"
    with pytest.raises(RunStale, match=f"run 'R': {changed}"):
        other.advance("R")
    with pytest.raises(RunNotDone, match=f"run 'R' cannot go on: {changed}"):
        other.run("R").result()
    assert other.tick().advanced == ()
    assert [stale.id for stale in other.stale()] == ["R"]
    assert opened(first.bind()).tick().advanced == ("R",)
    assert run.result() == "pay"


def test_an_answer_to_what_another_version_of_the_policy_decided_is_refused(opened):
    first, then = process(name="job", version="1")(body), process(name="job", version="1")(changed_policy)
    run = opened(first.bind()).start(first, CLAIM, id="R")
    other = opened(then.bind())
    changed = f"'claims' decided in version {claims.version}, and now it is version {claims_changed.version}"
    with pytest.raises(ReviewChanged, match=changed):
        other.run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.status == "waiting"
    assert run.entries[-1].kind == "refused"
    pins = f"'DecisionTable claims' was {claims.version} and is {claims_changed.version}"
    assert pins in other.stale()[0].why
    run.review.answer("pay", by="maria@acme", because="x")
    assert run.result() == "pay"


def test_comments_layout_and_docstrings_are_no_change():
    def one(claim: Claim) -> str:
        return approval(claims(claim)).outcome

    first = process(one)

    def one(claim: Claim) -> str:
        """Said in more words."""
        return approval(
            # the table first
            claims(claim),
        ).outcome

    assert process(one).version == first.version


def inner_original(claim: Claim) -> str:
    return approval(claims(claim)).outcome


inner = process(name="inner")(inner_original)
inner_changed = process(name="inner", version="2")(inner_original)


def calls_inner(claim: Claim) -> str:
    return inner(claim)


def calls_inner_changed(claim: Claim) -> str:
    return inner_changed(claim)


def test_a_sub_process_of_another_version_is_named(opened):
    first, then = (process(name="job", version="1")(f) for f in (calls_inner, calls_inner_changed))
    run = opened(first.bind()).start(first, CLAIM, id="R")
    other = opened(then.bind())
    other.run("R").review.answer("pay", by="maria@acme", because="x")
    assert run.status == "running"
    assert "'Process inner' was" in other.stale()[0].why


@process
def random_input(claim: Claim, *, draw: Any) -> str:
    note(draw())
    return approval(claims(claim)).outcome


def test_a_value_that_is_from_nowhere_is_found_when_the_run_goes_on(opened):
    draws = iter("abc")
    bound = random_input.bind(draw=lambda: next(draws))
    run = opened(bound).start(bound, CLAIM)
    run.review.answer("pay", by="maria@acme", because="x")
    assert "a value that is not from a step or an argument must not reach one" in run.incident.error


def test_a_step_is_done_once_however_often_the_run_is_loaded(opened):
    done = []

    @step
    def count(number: int) -> int:
        done.append(number)
        return number

    def many(claim: Claim) -> str:
        count(1)
        first = approval(claims(claim))
        count(2)
        then = second(first)
        count(3)
        return then.outcome

    bound = process(name="many", version="1")(many).bind()
    runtime = opened(bound)
    run = runtime.start(bound, CLAIM, id="R")
    for _ in range(3):
        runtime.advance("R")
        runtime.tick()
        assert runtime.start(bound, CLAIM, id="R").status == "waiting"
    run.review.answer("refer", by="maria@acme", because="x")
    opened(bound).run("R").review.answer("pay", by="ines@acme", because="x")
    assert run.result() == "pay"
    runtime.advance("R")
    assert done == [1, 2, 3]
