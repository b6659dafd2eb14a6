"""All rows at once, against the rows one after the other."""

import datetime as dt
import pickle
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypedDict

from abpo_sdk import Decision, DecisionTable, Personal, fields, rule
from abpo_sdk.conditions import Reading, always
from abpo_sdk.errors import AbpoError, DefinitionError, MistypedInput
from abpo_sdk.policies import Output
from abpo_sdk.policies.hit_policies import HIT_POLICIES
from tests.conditions.test_conditions_hold_as_python_says import CASES, Case
from tests.conditions.test_regions import WRITTEN

SEVERITY = Output("outcome", values=("reject", "refer", "pay"))
THENS = st.sampled_from(SEVERITY.values)


@st.composite
def tables(draw):
    rows = draw(st.lists(st.tuples(WRITTEN | st.just(always), THENS), min_size=1, max_size=6))
    return DecisionTable(
        "t",
        *(rule(when, then=then, because="so") for when, then in rows),
        otherwise=draw(st.none() | THENS),
        hit_policy=draw(st.sampled_from(HIT_POLICIES)),
        outputs=[SEVERITY],
        case_type=Case if all(when is always for when, _ in rows) else None,
    )


def read_one_by_one(table, case):
    """Rows, codes, conditions and what was read, as the rows say when they are read one after the other."""
    reading = Reading(case)
    rows = table.rows_for(reading)
    codes = [f"t.{row + 1}" for row in rows] or ["t.otherwise"]
    texts = [table.rules[row].when.text(case) for row in rows] or [None]
    return codes, texts, reading.read_of(table.case_type)


def answer(ask):
    try:
        return ask()
    except AbpoError as error:
        return type(error), str(error)


@settings(max_examples=250, deadline=None)
@given(
    tables(),
    CASES,
    st.sampled_from(["as it is", "a decimal is a whole number", "NaN", "a text is missing", "a bool for a number"]),
)
def test_all_rows_at_once_say_what_the_rows_say_one_after_the_other(table, case, spoilt):
    case = {
        "as it is": lambda: case,
        "a decimal is a whole number": lambda: replace(case, d=3),
        "NaN": lambda: replace(case, x=float("nan")),
        "a text is missing": lambda: replace(case, t=None),
        "a bool for a number": lambda: replace(case, n=True),
    }[spoilt]()

    def at_once():
        decision = table(case)
        return [r.code for r in decision.reasons], [r.condition for r in decision.reasons], decision.inputs

    expected = answer(lambda: read_one_by_one(table, case))
    assert answer(at_once) == expected
    assert answer(lambda: table(case)) == answer(lambda: table.decide(case))
    if isinstance(expected[0], list):
        assert table.outcome(case) == table(case).outcome
        assert [*table(case).output["outcome"]] == table.result(case) if not table.single else True
    else:
        assert answer(lambda: table.outcome(case)) == answer(lambda: table.result(case)) == expected


class Claim(BaseModel):
    amount: int
    country: Literal["DE", "FR"] = "DE"
    customer: str = "K-1"
    iban: Annotated[str, Personal("bank account", subject_field="customer")] = "SECRET"


c = fields(Claim)
CLAIMS = DecisionTable(
    "claims",
    rule((c.amount <= 500) & (c.iban != "BLOCKED"), then="pay", because="small"),
    rule(c.country == "FR", then="refer", because="abroad"),
    otherwise="reject",
)


def test_what_a_decision_says_is_what_the_case_was_and_not_what_it_became():
    claim = Claim(amount=100)
    decision = CLAIMS(claim)
    claim.amount = 9_000
    assert decision.reasons[0].condition == "amount 100 <= 500 and iban <bank account> != 'BLOCKED'"
    assert decision.inputs == ("amount", "iban")


def test_a_decision_that_nobody_has_read_yet_is_equal_hashes_prints_and_travels_as_any_other():
    def made():
        return CLAIMS(Claim(amount=700, country="FR"))

    plain = Decision(**{name: getattr(made(), name) for name in Decision.__dataclass_fields__})
    assert made() == plain
    assert repr(made()) == repr(plain)
    assert replace(made(), id="x") == replace(plain, id="x")
    assert pickle.loads(pickle.dumps(made())) == plain
    with pytest.raises(AttributeError, match="no attribute 'reason'"):
        _ = made().reason


def test_what_one_decision_gives_is_no_other_decisions():
    terms = DecisionTable(
        "terms", rule(c.amount > 1, then={"decision": "pay", "days": 14}, because="so"), otherwise=None
    )
    first = terms(Claim(amount=2))
    first.output["days"] = 0
    assert terms(Claim(amount=2)).output == {"days": 14}


def test_a_table_travels_and_decides_as_before():
    CLAIMS(Claim(amount=1))
    copied = pickle.loads(pickle.dumps(CLAIMS))
    assert (copied.version, copied.outcome(Claim(amount=501))) == (CLAIMS.version, "reject")


class Special(Claim):
    pass


@pytest.mark.parametrize("case", [Special(amount=1), {"amount": 1}, {"amount": "1"}])
def test_a_case_of_a_descendant_or_a_mapping_is_decided_too(case):
    assert CLAIMS(case).outcome == CLAIMS.outcome(case) == CLAIMS.result(case) == "pay"


@dataclass(slots=True)
class Slotted:
    amount: Decimal
    day: dt.date


def test_a_slot_that_was_never_filled_is_a_missing_value():
    s = fields(Slotted)
    table = DecisionTable("t", rule(s.amount > 1, then="pay", because="so"), otherwise="refer")
    assert table.outcome(Slotted(Decimal(2), dt.date(2026, 1, 1))) == "pay"
    with pytest.raises(AbpoError, match="amount"):
        table.outcome(object.__new__(Slotted))


class Loose(TypedDict):
    amount: int
    note: str


def test_a_dictionary_is_checked_as_a_whole_and_copied_before_it_is_decided():
    loose = DecisionTable("t", rule(fields(Loose).amount > 1, then="pay", because="so"), otherwise="refer")
    case = {"amount": 2, "note": "x"}
    decision = loose(case)
    case["amount"] = 0
    assert (decision.case["amount"], decision.reasons[0].condition) == (2, "amount 2 > 1")
    for ask in (loose, loose.outcome, loose.result):
        with pytest.raises(MistypedInput, match="note"):
            ask({"amount": 2, "note": 7})


Odd = TypedDict("Odd", {"Applicant's age/band": int, "class": str})


def test_inputs_may_be_called_anything_and_are_never_taken_for_code():
    o = fields(Odd)
    odd = DecisionTable(
        "t",
        rule((o["Applicant's age/band"] > 1) & (o["class"] == "a'; import os"), then="pay", because="so"),
        otherwise="refer",
    )
    assert odd.outcome({"Applicant's age/band": 2, "class": "a'; import os"}) == "pay"


class Whole(BaseModel):
    n: int


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(-3, 3), st.booleans()),
        min_size=1,
        max_size=5,
    ),
    st.integers(-4, 4),
)
def test_between_whole_numbers_lies_nothing_and_halves_may_be_compared_with(rows, n):
    w = fields(Whole)
    signs = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
    }
    limits = [(signs[sign], Decimal(limit) + (Decimal("0.5") if half else 0)) for sign, limit, half in rows]
    table = DecisionTable(
        "t",
        *(rule(holds(w.n, limit), then=f"{row}", because="so") for row, (holds, limit) in enumerate(limits)),
        otherwise="none",
        hit_policy="COLLECT",
    )
    expected = [f"{row}" for row, (holds, limit) in enumerate(limits) if holds(n, limit)] or ["none"]
    assert table.result(Whole(n=n)) == expected


def test_five_thousand_rows_are_matched_and_none_are_refused():
    w = fields(Whole)
    many = DecisionTable(
        "t", *(rule(w.n == number, then=f"{number}", because="so") for number in range(5_000)), otherwise="none"
    )
    assert [many.outcome(Whole(n=n)) for n in (0, 4_999, 5_000)] == ["0", "4999", "none"]
    with pytest.raises(DefinitionError, match="at least one rule"):
        DecisionTable("t", otherwise="none")
