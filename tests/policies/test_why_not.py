"""The smallest changes that lead to an outcome, against every combination of regions tried one by one."""

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, rule
from abpo_sdk.conditions import Reading, fields
from abpo_sdk.conditions.regions.space import bits_of, regions_of
from abpo_sdk.errors import DefinitionError, MistypedInput, UnknownOutcome
from abpo_sdk.policies.counterfactuals.why_not import why_not
from abpo_sdk.values.personal import Personal

from .test_checks import OUTPUTS, ROWS, Claim, result

CASES = st.builds(
    Claim,
    amount=st.integers(-1, 6),
    total=st.integers(-1, 4).map(lambda n: Decimal(n) / 2),
    country=st.sampled_from(["DE", "FR", "ES"]),
    urgent=st.booleans(),
    note=st.none() | st.sampled_from(["x", "y", "z"]),
)
POLICIES = st.sampled_from(["FIRST", "UNIQUE", "ANY", "PRIORITY", "RULE ORDER", "OUTPUT ORDER", "COLLECT"])


def outcomes(rules, case, hit_policy, default):
    """The outcomes that a case gets; none where it is refused or violates the hit policy."""
    found = result(rules, case, hit_policy)
    if found == "refused" or found[:1] == ("violated",):
        return set()
    return {rules[number - 1][1][0] for number in found} or ({default[0]} if default else set())


def place(axes, case):
    return [axis.index(getattr(case, axis.name)) for axis in axes]


@settings(max_examples=200, deadline=None)
@given(
    ROWS, CASES, st.sampled_from(["pay", "refer", "reject"]), POLICIES, st.sampled_from([None, ("pay",), ("refer",)])
)
def test_the_ways_are_the_smallest_there_are_and_lead_to_the_outcome(rules, case, wanted, hit_policy, default):
    known = {values[0] for _, values in rules} | ({default[0]} if default else set())
    if wanted not in known:
        return
    answer = why_not(rules, case, wanted, hit_policy, default=default, outputs=OUTPUTS, limit=100, most=5)
    now = outcomes(rules, case, hit_policy, default)
    assert answer.exact
    if wanted in now:
        assert answer.decided == wanted
        assert not answer.ways
        return
    read = [field for condition, _ in rules for field in condition.fields()]
    absent = [field for field in read if getattr(case, field.name) is None]
    axes = regions_of([condition for condition, _ in rules], missing=absent).axes
    examples = [[axis.example(index) for index in bits_of(axis.possible)] for axis in axes]
    there = []
    for chosen in product(*examples):
        other = replace(case, **{axis.name: value for axis, value in zip(axes, chosen, strict=True)})
        if wanted in outcomes(rules, other, hit_policy, default):
            moved = zip(axes, place(axes, case), place(axes, other), strict=True)
            there.append(frozenset(axis.name for axis, a, b in moved if a != b))
    least = min(map(len, there), default=None)
    assert {frozenset(way.values) for way in answer.ways} == {names for names in there if len(names) == least}
    for way in answer.ways:
        assert way.certain
        assert wanted in outcomes(rules, replace(case, **way.values), hit_policy, default)


class Address(BaseModel):
    country: str


class Order(BaseModel):
    total: Decimal
    ordered: Decimal = Decimal(0)
    days: int = 5
    state: Literal["open", "shut"] = "open"
    iban: Annotated[str, Personal("bank account", subject_field="state")] = "DE02"
    note: str | None = None
    address: Address | None = None


o = fields(Order)


def asked(rules, outcome, hit_policy="FIRST", default=("refer",), **case):
    return why_not(rules, Order(**{"total": Decimal(742), **case}), outcome, hit_policy, default=default)


def test_a_change_reads_as_a_sentence_and_gives_the_nearest_value():
    answer = asked([(o.total > 1_000, ("pay",))], "pay")
    assert str(answer) == "'pay' if total: 742, needs > 1,000"
    assert answer.ways[0].values == {"total": Decimal("1000.01")}
    assert answer.decided == "refer"
    assert str(asked([(o.days.is_in(9, 20), ("pay",))], "pay")) == "'pay' if days: 5, needs 9 or 20"
    assert asked([(o.days.is_in(-7, 9), ("pay",))], "pay").ways[0].changes[0].example == 9
    assert (
        str(asked([((o.total > 800) & (o.total <= 900), ("pay",))], "pay"))
        == "'pay' if total: 742, needs a value in (800..900]"
    )
    assert str(asked([(o.state == "shut", ("pay",))], "pay")) == "'pay' if state: 'open', needs 'shut'"
    assert str(asked([(o.note == "ok", ("pay",))], "pay")) == "'pay' if note: (missing), needs 'ok'"
    assert str(asked([(o.note.is_missing(), ("pay",))], "pay", note="x")) == "'pay' if note: 'x', needs to be missing"


def test_rows_above_that_stand_in_the_way_are_part_of_the_answer():
    rules = [(o.days > 3, ("refer",)), (o.total <= 500, ("pay",))]
    assert str(asked(rules, "pay", default=("ask",))) == "'pay' if days: 5, needs <= 3, and total: 742, needs <= 500"


def test_each_smallest_set_of_inputs_is_a_way():
    rules = [((o.total > 1_000) | (o.days > 10), ("pay",)), ((o.state == "shut") & (o.days == 1), ("pay",))]
    assert str(asked(rules, "pay")) == "'pay' if total: 742, needs > 1,000; or if days: 5, needs > 10"


def test_a_case_that_has_the_outcome_already_needs_no_change():
    answer = asked([(o.total > 100, ("pay",))], "pay")
    assert str(answer) == "'pay' is what the case gets"
    assert answer.ways == ()


def test_what_no_change_leads_to_is_said_so():
    rules = [(o.total > 0, ("refer",)), (o.total > 5, ("pay",))]
    assert str(asked(rules, "pay")) == "'pay': none found with at most 3 changes"
    large = [((o.total > 1_000) & (o.days > 9) & (o.state == "shut") & (o.note == "x"), ("pay",))]
    answer = asked(large, "pay", note="y")
    assert answer.ways == ()
    assert answer.tried == 3


def test_a_question_that_is_cut_says_what_was_tried():
    rules = [((o.total > n) & (o.days > n), ("pay",)) for n in range(1_000, 1_050)] + [(o.days > 0, ("refer",))]
    answer = why_not(rules, Order(total=Decimal(1)), "refer", default=None, steps=0)
    assert answer.decided == "refer"
    rules = [(o.days > 0, ("refer",)), *rules]
    assert str(why_not(rules, Order(total=Decimal(1)), "pay", steps=10)) == "'pay': none found with at most 1 change"


def test_personal_values_are_masked():
    answer = asked([(o.iban.is_in("FR76", "FR77"), ("pay",)), (o.days > 5, ("ask",))], "pay")
    assert str(answer) == "'pay' if iban: <bank account>, needs one of 2 known values"


def test_where_a_change_touches_a_condition_that_mixes_inputs_it_is_tried():
    near = abs(o.total - o.ordered) <= o.ordered * Decimal("0.02")
    answer = asked([(near, ("pay",))], "pay", ordered=Decimal(500))
    assert [str(way) for way in answer.ways] == [
        "total: 742, needs another value, such as 500.01",
        "ordered: 500, needs another value, such as 741.99",
        "abs(total - ordered) <= ordered * 0.02 would have to hold",
    ]
    assert [way.certain for way in answer.ways] == [True, True, False]
    assert not answer.exact
    rules = [(o.total <= 0, ("reject",)), (o.total > o.ordered, ("refer",))]
    assert asked(rules, "reject", ordered=Decimal(500), default=("pay",)).ways[0].values == {"total": 0}
    answer = asked(rules, "pay", ordered=Decimal(500), default=("pay",))
    assert str(answer.ways[0]) == "total: 742, needs > 0, such as 500"


def test_a_condition_that_mixes_inputs_is_a_change_of_its_own_where_no_value_is_found():
    answer = asked([(o.total * o.total < 0, ("pay",))], "pay")
    assert str(answer) == "'pay' if total * total < 0 would have to hold"
    assert not answer.ways[0].certain
    assert answer.ways[0].values == {}


def test_a_value_in_an_object_that_is_missing_comes_with_the_object():
    rules = [(o.address.is_missing(), ("ask",)), (o.address.country == "DE", ("pay",))]
    answer = asked(rules, "pay")
    assert str(answer) == "'pay' if address: (missing), needs a value, and address.country: (missing), needs 'DE'"
    assert answer.ways[0].certain
    answer = asked(rules, "ask", address=Address(country="FR"))
    assert answer.ways[0].certain


def test_an_outcome_that_no_row_gives_is_refused():
    with pytest.raises(UnknownOutcome, match="no row gives 'wait'; there is pay, refer"):
        asked([(o.total > 1_000, ("pay",))], "wait")


def test_a_sum_has_no_row_that_decides_it():
    with pytest.raises(DefinitionError, match="no single row decides a sum"):
        why_not([(o.total > 1, (2,))], Order(total=Decimal(0)), "2", "COLLECT", aggregation="sum", default=(0,))


def test_the_least_of_several_values_is_asked_for_as_an_outcome():
    rules = [(o.total > 100, (5,)), (o.days > 3, (2,)), (o.days > 9, (1,))]
    case = Order(total=Decimal(742))
    answer = why_not(rules, case, "5", "COLLECT", aggregation="min", default=(0,))
    assert str(answer) == "'5' if days: 5, needs <= 3"
    assert str(why_not(rules, case, "1", "COLLECT", aggregation="min", default=(0,))) == "'1' if days: 5, needs > 9"


def test_a_mistyped_value_is_refused():
    with pytest.raises(MistypedInput, match=r"Order\.days is 'five'"):
        why_not([(o.days > 1, ("pay",))], Order.model_construct(days="five"), "pay")


def test_what_is_asked_about_is_left_as_it_was():
    case = Order(total=Decimal(742))
    why_not([(o.total > 1_000, ("pay",))], case, "pay")
    assert case == Order(total=Decimal(742))
    assert Reading(case).raw(next((o.total > 1).fields())) == 742


def test_a_table_is_asked_why_not():
    rows = rule(o.total <= 500, then="pay", because="small"), rule(o.days > 9, then="reject", because="late")
    table = DecisionTable("orders", *rows, otherwise="refer")
    case = Order(total=Decimal(742))
    assert str(table.why_not(case, "pay")) == "'pay' if total: 742, needs <= 500"
    assert str(table.why_not({"total": 742}, "reject")) == "'reject' if days: 5, needs > 9"
    assert table(case.model_copy(update=table.why_not(case, "reject").ways[0].values)).outcome == "reject"
    with pytest.raises(UnknownOutcome, match="'wait'"):
        table.why_not(case, "wait")
