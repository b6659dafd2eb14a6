"""What a check says: needed or not, why, and how probable it was; and what it may look at."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import TypedDict

from abpo_sdk import Decision, Gate, fields
from abpo_sdk.errors import DefinitionError, InputError, MissingInput, MistypedInput
from abpo_sdk.gates.checking import Check
from abpo_sdk.gates.triggers import drawn, sampled


@dataclass
class Claim:
    amount: int | None = 10
    large: bool = False
    odd: bool = False


@dataclass
class Desk:
    load: int


@dataclass
class Market:
    calm: bool


class Row(TypedDict):
    load: int


c, d, desk = fields(Claim), fields(Decision), fields(Desk)
PAY = Decision("claims", "1", "pay", "pay", ("pay", "refer"), 1.0, (), Claim(), ("amount",))


def gate(when):
    return Gate("approval", when=when, to="controller")


# Context


def test_a_condition_may_refer_to_what_is_given_beside_the_decision():
    busy = gate((desk.load > 5) & (c.amount > 5) & (fields(Market).calm == True))  # noqa: E712
    assert busy.check(PAY, Desk(6), Market(calm=True)).why == ("load 6 > 5 and amount 10 > 5 and calm is true",)
    assert busy.check(PAY, Market(calm=True), Desk(6)).needed
    assert not busy.check(PAY, Desk(5), Market(calm=True)).needed


def test_a_mapping_serves_as_context_where_the_case_is_none():
    assert gate(fields(Row).load > 5).check(PAY, {"load": 6}).why == ("load 6 > 5",)


def test_context_that_is_not_given_is_named():
    with pytest.raises(InputError, match=r"a condition reads Desk.load, but was given Decision, Claim$"):
        gate(desk.load > 5).check(PAY)
    with pytest.raises(InputError, match=r"but was given Decision, Claim$"):
        gate((desk.load > 5) | sampled(0.5)).check(PAY, key="C-1")


@pytest.mark.parametrize(
    ("case", "context", "named"),
    [
        (Claim(), (Desk(1), Desk(2)), "Desk"),
        (Claim(), (Claim(),), "Claim"),
        (Claim(), (PAY,), "Decision"),
        ({"load": 1}, ({"load": 2},), "Mapping"),
        (Claim(), ({"load": 1}, {"load": 2}), "Mapping"),
    ],
)
def test_context_of_a_type_that_is_there_already_is_refused(case, context, named):
    with pytest.raises(DefinitionError, match=f"gate 'approval' was given more than one {named}"):
        gate(d.confidence < 0.9).check(replace(PAY, case=case), *context)


@pytest.mark.parametrize("thing", [None, Claim(), {"outcome": "pay"}])
def test_what_is_no_decision_is_refused(thing):
    with pytest.raises(
        DefinitionError, match=rf"gate 'approval' checks decisions, and was given a {type(thing).__name__}"
    ):
        gate(c.amount > 5).check(thing)


# Probability


def test_without_a_draw_a_check_is_certain():
    assert gate(c.amount > 5).check(PAY) == Check(True, ("amount 10 > 5",), 1.0, ("amount > 5",))
    assert gate(c.amount > 50).check(PAY) == Check(False, (), 0.0)
    assert (Check(needed=True).probability, Check(needed=False).probability) == (1.0, 0.0)


SHARE = sampled(0.2)
HIT, MISS = (next(k for k in map(str, range(99)) if drawn(0.2, key=k, gate="approval") is hit) for hit in (True, False))


@pytest.mark.parametrize(
    ("when", "case", "probability", "hit", "miss"),
    [
        (SHARE, Claim(), 0.2, True, False),
        (~SHARE, Claim(), 0.8, False, True),
        (SHARE | (c.amount > 5), Claim(), 1.0, True, True),
        (SHARE | (c.amount > 50), Claim(), 0.2, True, False),
        ((c.amount > 5) & SHARE, Claim(), 0.2, True, False),
        ((c.amount > 50) & SHARE, Claim(), 0.0, False, False),
        ((c.amount > 5) & ~SHARE | (c.amount > 50), Claim(), 0.8, False, True),
        (~(SHARE | (c.amount > 50)), Claim(), 0.8, False, True),
        (~(SHARE & ~SHARE), Claim(), 1.0, True, True),
        (SHARE & ~SHARE, Claim(), 0.0, False, False),
    ],
)
def test_the_probability_is_that_before_the_draw(when, case, probability, hit, miss):
    decision = replace(PAY, case=case)
    for key, needed in ((HIT, hit), (MISS, miss)):
        check = gate(when).check(decision, key=key)
        assert (check.needed, check.probability) == (needed, probability)
        assert bool(check.why) is needed


def test_the_grounds_name_the_draw_where_it_hit():
    when = (c.amount > 5) & SHARE | (c.amount > 7)
    assert gate(when).check(PAY, key=HIT).why == ("amount 10 > 5 and drawn at random, 20 %", "amount 10 > 7")
    assert gate(when).check(PAY, key=MISS).why == ("amount 10 > 7",)


@pytest.mark.parametrize("key", [HIT, MISS])
def test_an_error_does_not_depend_on_the_draw(key):
    unknown = replace(PAY, case=Claim(amount=None))
    for when in (SHARE | (c.amount > 5), SHARE & (c.amount > 5), ~SHARE & (c.amount > 5)):
        with pytest.raises(MissingInput, match=r"Claim.amount is missing"):
            gate(when).check(unknown, key=key)
    with pytest.raises(MistypedInput, match=r"Claim.amount is nan"):
        gate(SHARE | (c.amount > 5)).check(replace(PAY, case=Claim(amount=float("nan"))), key=key)


LEAVES = st.sampled_from(["large", "odd", "share"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from("&|"), inner, inner) | st.tuples(st.just("~"), inner),
    max_leaves=8,
)


def made(tree, share):
    if isinstance(tree, str):
        return share if tree == "share" else c[tree] == True  # noqa: E712
    parts = [made(part, share) for part in tree[1:]]
    return ~parts[0] if tree[0] == "~" else parts[0] & parts[1] if tree[0] == "&" else parts[0] | parts[1]


def truth(tree, values):
    if isinstance(tree, str):
        return values[tree]
    parts = [truth(part, values) for part in tree[1:]]
    return not parts[0] if tree[0] == "~" else all(parts) if tree[0] == "&" else any(parts)


@settings(max_examples=300, deadline=None)
@given(TREES, st.booleans(), st.booleans(), st.sampled_from([0.1, 0.5, 1.0]), st.integers(0, 50).map(str))
def test_the_probability_is_the_mean_over_the_draw(tree, large, odd, share, key):
    check = gate(made(tree, sampled(share))).check(replace(PAY, case=Claim(large=large, odd=odd)), key=key)
    hit, miss = (truth(tree, {"large": large, "odd": odd, "share": fell}) for fell in (True, False))
    fell = drawn(share, key=key, gate="approval")
    assert check.needed is (hit if fell else miss)
    if "share" in str(tree):
        assert check.probability == pytest.approx(share * hit + (1 - share) * miss, abs=1e-15)
        assert check.probability in (0.0, 1.0) or hit is not miss
    else:
        assert check.probability == float(check.needed)


def test_weighting_by_the_probability_estimates_the_whole():
    when = (c.amount > 900) | sampled(0.25)
    checks = [(gate(when).check(replace(PAY, case=Claim(amount=n)), key=f"C-{n}"), n) for n in range(1000)]
    estimate = sum(n / check.probability for check, n in checks if check.needed)
    assert abs(estimate - sum(range(1000))) < 0.15 * sum(range(1000))
    assert {check.probability for check, _ in checks} == {0.25, 1.0}
