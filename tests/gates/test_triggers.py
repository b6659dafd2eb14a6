"""What a gate asks a person for beside comparisons: the answer of a function, abstention, chance."""

import functools
import hmac
import math
import subprocess
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, fields, rule
from abpo_sdk.conditions.condition import constants_for, models_of
from abpo_sdk.errors import ConditionError, DefinitionError, MissingInput, NotCanonical, UnknownOutcome, UnlikeTypes
from abpo_sdk.gates.triggers import abstained, drawn, predicate, sampled
from abpo_sdk.values import Personal
from abpo_sdk.values.decision import ABSTAIN


class Invoice(BaseModel):
    supplier: str | None = "Adler"
    total: Decimal = Decimal(700)
    iban: Annotated[str, Personal("bank account", subject_field="supplier")] = "DE12"


@dataclass
class Desk:
    load: int


i, d = fields(Invoice), fields(Decision)
PAY = Decision("payment", "1", "pay", "pay", ("pay", "refer"), 1.0, (), Invoice(), ("total",))


def new(supplier):
    return supplier not in ("Adler", "Bock")


def gate(when):
    return Gate("approval", when=when, to="controller")


# A function of the caller's


class Register:
    def __init__(self, *known):
        self.known = known
        self.asked = 0

    def is_new(self, supplier):
        self.asked += 1
        return supplier not in self.known


def test_a_function_is_asked_about_the_values_of_the_case():
    register = Register("Adler")
    new_supplier = gate(predicate("new supplier", register.is_new, i.supplier))
    assert not new_supplier.check(PAY).needed
    check = new_supplier.check(replace(PAY, case=Invoice(supplier="Cohn")))
    assert (check.needed, check.why) == (True, ("new supplier (supplier 'Cohn')",))


def test_a_function_may_be_given_nothing_or_arithmetic_and_constants():
    assert gate(predicate("drift alarm", lambda: True)).check(PAY).why == ("drift alarm",)
    large = predicate("large", lambda total, limit: total > limit, i.total * 2, 1000)
    assert gate(large).check(PAY).why == ("large (total 700 * 2, 1,000)",)


def test_personal_values_are_masked_in_its_text():
    assert gate(predicate("blocked", lambda iban: iban == "DE12", i.iban)).check(PAY).why == (
        "blocked (iban <bank account>)",
    )


def test_it_combines_as_every_condition_does():
    unknown = predicate("new supplier", new, i.supplier)
    assert gate(~unknown & (d.confidence == 1.0)).check(PAY).why == (
        "not (new supplier (supplier 'Adler')) and confidence is 1",
    )
    assert not gate(unknown & (i.total > 1)).check(PAY).needed
    assert gate(unknown | (i.total > 1)).check(PAY).why == ("total 700 > 1",)


def test_it_is_called_once_for_a_decision_and_not_where_its_answer_is_not_needed():
    register = Register("Bock")
    unknown = predicate("new supplier", register.is_new, i.supplier)
    assert gate(unknown | (unknown & sampled(0.5))).check(PAY, key="INV-7").why[0] == "new supplier (supplier 'Adler')"
    assert register.asked == 1
    assert not gate((i.total > 1000) & unknown).check(PAY).needed
    assert register.asked == 1


def test_what_it_raises_is_raised_so_that_nothing_passes():
    def unreachable(supplier):
        raise ConnectionError("no answer")

    down = predicate("new supplier", unreachable, i.supplier)
    for when in (down, ~down, (i.total > 1000) | down, down | (i.total > 1), sampled(0.5) & down):
        with pytest.raises(ConnectionError, match="no answer"):
            gate(when).check(PAY, key="INV-7")
    assert gate((i.total > 1) | down | (i.total > 2)).check(PAY).why == ("total 700 > 1", "total 700 > 2")


@pytest.mark.parametrize(
    ("answer", "named"), [(None, "None"), (1, "a int"), ("yes", "a str"), (Decimal(0), "a Decimal")]
)
def test_an_answer_that_is_neither_true_nor_false_is_refused(answer, named):
    with pytest.raises(ConditionError, match=f"the predicate 'odd' gave {named}; its function must give True or False"):
        gate(predicate("odd", lambda: answer)).check(PAY)


def test_a_missing_value_is_refused_before_the_function_is_asked():
    register = Register()
    with pytest.raises(MissingInput, match=r"Invoice.supplier is missing"):
        gate(predicate("new supplier", register.is_new, i.supplier)).check(replace(PAY, case=Invoice(supplier=None)))
    assert register.asked == 0


async def later():
    return True


class LaterCalled:
    async def __call__(self):
        return True


class Opaque:
    __call__ = functools.partial(new, "Adler")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: predicate("", new), DefinitionError, r"predicate\(''"),
        (lambda: predicate(" ", new), DefinitionError, "say in words"),
        (lambda: predicate(None, new), DefinitionError, r"predicate\(None"),
        (lambda: predicate("x", True), DefinitionError, r"predicate\('x', True\): give a function"),
        (lambda: predicate("x", later), DefinitionError, "would have to be awaited"),
        (lambda: predicate("x", LaterCalled()), DefinitionError, "would have to be awaited"),
        (lambda: predicate("x", functools.partial(new, "Adler")), DefinitionError, "cannot be told what this does"),
        (lambda: predicate("x", Opaque()), DefinitionError, "cannot be told what this does"),
        (lambda: predicate("x", new, None), UnlikeTypes, "compared with None"),
        (lambda: predicate("x", new, math.nan), UnlikeTypes, "not a finite number"),
    ],
)
def test_a_test_that_could_not_work_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Rule:
    def __call__(self, supplier):
        return supplier == "Adler"


class OtherRule:
    def __call__(self, supplier):
        return supplier != "Adler"


def test_its_structure_changes_with_its_name_its_function_and_what_that_is_given():
    def other(supplier):
        return supplier in ("Adler", "Bock")

    conditions = [
        predicate("new", new, i.supplier),
        predicate("newer", new, i.supplier),
        predicate("new", other, i.supplier),
        predicate("new", new, i.iban),
        predicate("new", new),
        predicate("new", Register().is_new, i.supplier),
        predicate("new", Rule(), i.supplier),
        predicate("new", OtherRule(), i.supplier),
        predicate("new", str.isupper, i.supplier),
        predicate("new", str.islower, i.supplier),
        predicate("new", bool, i.supplier),
    ]
    assert len({gate(condition).version for condition in conditions}) == len(conditions)
    assert predicate("new", Rule(), i.supplier).structure() == predicate("new", Rule(), i.supplier).structure()
    assert predicate("new", Register(1).is_new).structure() == predicate("new", Register(2).is_new).structure()


def test_its_structure_is_the_same_in_every_interpreter():
    script = (
        "from abpo_sdk.gates.triggers import predicate\n"
        "class Rule:\n"
        "    def __call__(self): return True\n"
        "print([predicate('x', f).structure() for f in (str.isupper, 'a'.isupper, Rule(), Rule().__call__, bool, lambda: True)])\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


# Abstention


def test_abstention_is_seen_and_asked_for_also_of_policies_that_never_abstain():
    unsure = replace(PAY, outcome=ABSTAIN, proposed=ABSTAIN, outcomes=("pay", ABSTAIN))
    assert gate(abstained()).check(unsure).why == ("outcome is 'abstain'",)
    assert not gate(abstained()).check(PAY).needed
    assert not gate(abstained() | (d.outcome.is_in("refer", ABSTAIN))).check(PAY).needed
    with pytest.raises(UnknownOutcome, match="'referr'"):
        gate(abstained() | (d.outcome == "referr")).check(PAY)


# Chance


@pytest.mark.parametrize("share", [0, 0.0, -0.1, 1.1, math.nan, math.inf, True, "0.05", None, Decimal("0.05")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(DefinitionError, match=r"the share is a number above 0 and up to 1"):
        sampled(share)


def test_a_seed_that_is_no_text_is_refused():
    with pytest.raises(DefinitionError, match=r"seed=7\): the seed is a text"):
        sampled(0.5, seed=7)


@pytest.mark.parametrize("key", [None, "", 7, b"INV-7"])
def test_without_a_key_nothing_is_drawn_and_nothing_passes(key):
    for when in (sampled(0.05), sampled(0.05) | (i.total > 1)):
        with pytest.raises(
            DefinitionError, match=r"gate 'approval' is drawn at random, 5 %, by the case's id, and key="
        ):
            gate(when).check(PAY, key=key)


def test_a_key_that_is_no_unicode_is_refused():
    with pytest.raises(NotCanonical):
        gate(sampled(0.05)).check(PAY, key="\ud800")


def test_two_shares_in_one_gate_are_refused_and_one_may_stand_twice():
    with pytest.raises(DefinitionError, match=r"gate 'approval' draws several shares .*5 %, drawn at random, 10 %"):
        gate(sampled(0.05) | ((i.total > 1) & ~sampled(0.1)))
    share = sampled(0.05)
    assert gate(((i.total > 1) & share) | ((d.confidence < 0.9) & share)).check(PAY, key="INV-7").probability == 0.05


def test_outside_a_gate_a_share_is_refused_by_name():
    with pytest.raises(ConditionError, match=r"drawn at random, 5 %: only a gate draws"):
        sampled(0.05).holds(PAY)
    policy = DecisionTable("p", rule((i.total > 1) & sampled(0.05), then="a", because="b"), otherwise="c")
    with pytest.raises(ConditionError, match="only a gate draws"):
        policy(Invoice())


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.05, "5 %"), (0.07, "7 %"), (1, "100 %"), (0.125, "12.5 %"), (1 / 3, "33.33333333 %"), (1e-6, "0.0001 %")],
)
def test_the_share_is_written_as_a_percentage(share, text):
    assert sampled(share).text() == f"drawn at random, {text}"


def test_a_share_refers_to_no_field_and_compares_with_nothing():
    share = sampled(0.05)
    assert not list(share.fields())
    assert not models_of([share])
    assert not constants_for(share, Decision, frozenset({"outcome"}))


def test_the_version_changes_with_the_share_and_the_seed():
    conditions = [sampled(0.05), sampled(0.06), sampled(0.05, seed="a"), sampled(0.05 + 1e-16)]
    assert len({gate(condition).version for condition in conditions}) == len(conditions)
    assert gate(sampled(1)).version == gate(sampled(1.0)).version


def test_the_draw_is_the_same_for_the_same_case_and_another_for_another_gate_or_seed():
    keys = [f"INV-{n}" for n in range(2000)]

    def hits(name, seed):
        of = Gate(name, when=sampled(0.2, seed=seed), to="controller")
        return [of.check(PAY, key=key).needed for key in keys]

    base = hits("approval", "")
    assert base == hits("approval", "")
    for other in (hits("audit", ""), hits("approval", "2026")):
        both = sum(a and b for a, b in zip(base, other, strict=True))
        assert 40 < both < 130  # 80 where they have nothing to do with each other


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 1), st.text(max_size=5))
def test_about_the_share_is_drawn(share, seed):
    count = 3000
    hits = sum(drawn(share, key=str(n), gate="g", seed=seed) for n in range(count))
    assert abs(hits - share * count) <= 6 * math.sqrt(share * (1 - share) * count) + 1


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_what_a_smaller_share_draws_a_larger_one_draws_too(key, one, other):
    key = key.encode("utf-8", "ignore").decode()
    smaller, larger = sorted((one, other))
    assert drawn(smaller, key=key, gate="g") <= drawn(larger, key=key, gate="g")
    assert drawn(1.0, key=key, gate="g")
    assert not drawn(0.0, key=key, gate="g")


def test_gate_and_key_cannot_be_taken_for_each_other():
    shares = [n / 64 for n in range(1, 64)]
    numbers = {tuple(drawn(s, key=k, gate=g) for s in shares) for g, k in (("ab", "c"), ("a", "bc"), ("abc", ""))}
    assert len(numbers) == 3


def test_the_draw_is_pinned_because_what_was_recorded_must_come_out_again():
    def by_hand(key):
        mac = hmac.new(b"2026", f'["approval","{key}"]'.encode(), "sha256").digest()
        return Fraction(int.from_bytes(mac[:8], "big"), 2**64) < Fraction(0.1)

    keys = [f"INV-{n}" for n in range(60)]
    hits = [key for key in keys if drawn(0.1, key=key, gate="approval", seed="2026")]
    assert hits == [key for key in keys if by_hand(key)]
    assert hits == [f"INV-{n}" for n in (2, 5, 7, 20, 33, 39, 49, 51)]
