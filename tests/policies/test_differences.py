"""What has changed from one table to another, in words and by the cases that are decided otherwise."""

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from itertools import product
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.conditions import Reading, always
from abpo_sdk.conditions.regions.space import bits_of
from abpo_sdk.errors import AbpoError, DefinitionError, InputError, MistypedInput
from abpo_sdk.policies import Output, diff
from abpo_sdk.policies.checks.coverage import Budget
from abpo_sdk.policies.differences.compared_tables import ComparedTables
from abpo_sdk.policies.differences.given import decided
from abpo_sdk.policies.hit_policies import HIT_POLICIES
from tests.conditions.test_conditions_hold_as_python_says import CASES, Case
from tests.conditions.test_regions import WRITTEN

SEVERITY = Output("outcome", values=("reject", "refer", "pay"))
THENS = st.sampled_from(SEVERITY.values)
REASONS = st.sampled_from(["small", "large"])
NAMES = st.none() | st.sampled_from(["a", "b", "c"])


@st.composite
def rows(draw):
    return rule(draw(WRITTEN | st.just(always)), then=draw(THENS), because=draw(REASONS), name=draw(NAMES))


def table(rows, **options):
    given = {"otherwise": "refer", "outputs": [SEVERITY], "case_type": None, **options}
    if all(row.when is always for row in rows):
        given["case_type"] = Case
    return DecisionTable("t", *rows, **given)


OPTIONS = st.fixed_dictionaries(
    {"otherwise": st.none() | THENS, "hit_policy": st.sampled_from(HIT_POLICIES), "owner": st.sampled_from([None, "x"])}
)


@st.composite
def pairs(draw):
    """A table and one that was made of it: rows added, removed, changed and moved; or another table altogether."""
    before = draw(st.lists(rows(), min_size=1, max_size=5))
    after = list(before)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(after) - 1))
        match draw(st.sampled_from(["add", "remove", "change", "move"])):
            case "add":
                after.insert(at, draw(rows()))
            case "remove" if len(after) > 1:
                del after[at]
            case "change":
                after[at] = replace(after[at], then=draw(THENS), because=draw(REASONS))
            case "move":
                after.insert(draw(st.integers(0, len(after) - 1)), after.pop(at))
    options = draw(OPTIONS)
    old = table(before, **options)
    new = table(draw(st.just(after) | st.lists(rows(), min_size=1, max_size=5)), **draw(st.just(options) | OPTIONS))
    assume(old.case_type is new.case_type)
    return old, new


def boxes(difference):
    """The tables in one space, and all that is decided otherwise."""
    both = ComparedTables(difference.old, difference.new, Budget(10**7))
    return both, [box for _, _, box in both.differing(difference._deciding())]


def place_in(space, case):
    indexes, truths = space.place(Reading(case))
    return (*(1 << index for index in indexes), *(1 << truth for truth in truths))


def answer(table, case):
    """What a table gives, or why it gives nothing."""
    try:
        return table.result(case)
    except InputError:
        return "refused"
    except AbpoError as error:
        return type(error)


def has_answers(table, case):
    """Whether arithmetic in its conditions has a value."""
    for row in table.rules:
        try:
            row.when.evaluate(Reading(case))
        except MistypedInput:
            return False
        except InputError:
            pass
    return True


@settings(max_examples=80, deadline=None)
@given(pairs(), CASES)
def test_what_two_tables_decide_differently_lies_in_the_regions_and_nothing_else_does(tables, case):
    difference = diff(*tables)
    both, found = boxes(difference)
    try:
        place = place_in(both.space.regions, case)
    except InputError:
        assume(False)
    assume(all(has_answers(table, case) for table in tables))
    inside = sum(all(a & b for a, b in zip(place, box, strict=True)) for box in found)
    assert inside == (answer(difference.old, case) != answer(difference.new, case))


@settings(max_examples=80, deadline=None)
@given(pairs(), st.data())
def test_so_it_is_for_every_combination_of_regions(tables, data):
    difference = diff(*tables)
    both, found = boxes(difference)
    axes = both.space.regions.axes
    assume(1 <= len(axes) <= 3)
    plain = data.draw(CASES)
    own = {f.name for f in dataclass_fields(Case)}
    for indexes in product(*(list(bits_of(axis.possible)) for axis in axes)):
        values = {axis.name: axis.example(index) for axis, index in zip(axes, indexes, strict=True)}
        assert values.keys() <= own
        case = replace(plain, **values)
        try:
            place = place_in(both.space.regions, case)
        except InputError:
            continue
        if all(has_answers(table, case) for table in tables):
            inside = sum(all(a & b for a, b in zip(place, box, strict=True)) for box in found)
            assert inside == (answer(difference.old, case) != answer(difference.new, case))


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_an_example_of_a_region_is_decided_as_the_region_says(tables):
    difference = diff(*tables)
    for region in difference.decides_otherwise.regions:
        if region.example is not None:
            reading = Reading()
            reading.found[Case] = region.example
            before, after = decided(difference.old, reading), decided(difference.new, reading)
            assert (before.words, after.words) == (region.before, region.after)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_nothing_is_said_of_what_means_the_same_and_something_of_all_else(tables):
    difference = diff(*tables)
    assert difference.same == (not [change for change in difference.changes if change.what != "owner"])
    assert difference.same == (tables[0].version == tables[1].version)
    assert bool(difference) == (not difference.same or tables[0].owner != tables[1].owner)
    if difference.same:
        assert not difference.decides_otherwise.regions


@settings(max_examples=80, deadline=None)
@given(pairs())
def test_rows_that_are_said_to_be_added_and_removed_make_the_one_table_of_the_other(tables):
    difference = diff(*tables)
    added = {change.row for change in difference.changes if change.what == "row added"}
    removed = {change.was for change in difference.changes if change.what == "row removed"}
    old, new = (len(table.rules) for table in tables)
    assert old - len(removed) == new - len(added)
    assert added <= set(range(1, new + 1))
    assert removed <= set(range(1, old + 1))


class Order(BaseModel):
    total: Decimal
    lines: int


class Claim(BaseModel):
    amount: int
    country: Literal["DE", "FR"] = "DE"
    order: Order | None = None
    note: str | None = None


c = fields(Claim)
SMALL = rule(c.amount <= 500, then="pay", because="the claim is small", name="small")
ABROAD = rule(c.country == "FR", then="refer", because="it is from abroad", name="abroad")
LARGE = rule(c.amount > 9_000, then="reject", because="it is too large", name="large")
HUGE = rule(c.amount > 90_000, then="reject", because="it is far too large", name="huge")


def claims(*rules, name="claims", otherwise="refer", **options):
    return DecisionTable(name, *rules, otherwise=otherwise, **options)


def said(old, new):
    return [change.text for change in diff(old, new).changes]


def test_a_row_that_was_added_changes_no_other():
    assert said(claims(SMALL, LARGE), claims(SMALL, ABROAD, LARGE)) == [
        "row 2 (abroad) was added after row 1 (small): if country == 'FR', then 'refer', because it is from abroad"
    ]
    assert said(claims(SMALL, LARGE), claims(ABROAD, SMALL, LARGE))[0].startswith(
        "row 1 (abroad) was added at the top: "
    )


def test_a_row_that_was_removed_is_told_with_what_it_said():
    assert said(claims(SMALL, ABROAD), claims(SMALL)) == [
        "row 2 (abroad) of the old table was removed: if country == 'FR', then 'refer', because it is from abroad"
    ]


def test_a_row_is_known_by_its_name_whatever_else_has_changed():
    other = rule((c.amount <= 800) & (c.country == "DE"), then="refer", because="it is not large", name="small")
    assert said(claims(SMALL, LARGE), claims(ABROAD, other, LARGE)) == [
        "row 1 (abroad) was added at the top: if country == 'FR', then 'refer', because it is from abroad",
        "row 2 (small, was row 1): amount <= 500 became amount <= 800",
        "row 2 (small, was row 1): also asks for country == 'DE'",
        "row 2 (small, was row 1): gives 'refer' instead of 'pay'",
        "row 2 (small, was row 1): its reason 'the claim is small' became 'it is not large'",
    ]


def test_a_row_without_a_name_is_known_by_its_content_and_then_by_what_is_like_it_near_by():
    def unnamed(row, **changed):
        return replace(row, name=None, **changed)

    before = claims(unnamed(SMALL), unnamed(ABROAD), unnamed(LARGE))
    after = claims(unnamed(HUGE), unnamed(SMALL), unnamed(ABROAD), unnamed(LARGE, because="it is large"))
    assert said(before, after) == [
        "row 1 was added at the top: if amount > 90,000, then 'reject', because it is far too large",
        "row 4 (was row 3): its reason 'it is too large' became 'it is large'",
    ]


def test_a_row_that_was_only_renamed_is_no_other():
    assert said(claims(SMALL), claims(replace(SMALL, name="tiny"))) == ["row 1 (tiny): its name small became tiny"]


@pytest.mark.parametrize(
    ("hit_policy", "words"),
    [
        ("FIRST", "under FIRST, of rows that match a case together the upper one decides"),
        ("UNIQUE", "under UNIQUE the order of rows changes no decision"),
        ("ANY", "under ANY the order of rows changes no outcome, only which row's reason is given"),
        ("RULE ORDER", "under RULE ORDER what rows give is listed in their order"),
        ("PRIORITY", "under PRIORITY the order of rows counts only among those of equal priority"),
    ],
)
def test_of_a_row_that_moved_it_is_said_what_its_place_means(hit_policy, words):
    options = {"hit_policy": hit_policy, "outputs": [SEVERITY]}
    assert said(claims(SMALL, ABROAD, LARGE, **options), claims(LARGE, SMALL, ABROAD, **options)) == [
        f"row 1 (large, was row 3) moved up; {words}"
    ]


def test_as_few_rows_as_can_be_have_moved():
    changes = diff(claims(SMALL, ABROAD, LARGE, HUGE), claims(ABROAD, LARGE, HUGE, SMALL)).changes
    assert [(change.what, change.was, change.row) for change in changes] == [("row moved", 1, 4)]
    assert "moved down" in changes[0].text


def test_what_concerns_the_whole_table_is_told_first():
    old = claims(SMALL, outputs=[SEVERITY], owner="maria@acme")
    wider = Output("outcome", values=("refer", "reject", "pay", "pay part"))
    new = claims(SMALL, name="damages", outputs=[wider], owner="ines@acme", hit_policy="UNIQUE", otherwise=None)
    assert said(old, new) == [
        "name: 'claims' became 'damages'",
        "owner: maria@acme became ines@acme (no part of the version)",
        "hit policy: FIRST became UNIQUE",
        "output 'outcome': its values were 'reject', 'refer', 'pay', and are 'refer', 'reject', 'pay', 'pay part'",
        "what a case gets that no row covers: 'refer' became nothing, which is an error",
    ]


def test_outputs_that_were_added_removed_and_put_in_another_order():
    def table(otherwise, **then):
        return claims(rule(c.amount <= 500, then=then, because="small"), otherwise=otherwise)

    old = table({"days": 30, "decision": "refer"}, days=14, decision="pay")
    assert said(old, table({"decision": "refer", "days": 30}, decision="pay", days=14)) == [
        "the outputs come in another order, the first being the decision's outcome: decision, days",
        "what a case gets that no row covers: '30', 'refer' became 'refer', '30'",
    ]
    assert said(old, table({"days": 30, "letter": "B"}, days=7, letter="A")) == [
        "output 'decision' was removed",
        "output 'letter' was added",
        "what a case gets that no row covers: '30', 'refer' became '30', 'B'",
        "row 1: gives days '7' instead of '14'",
        "row 1: also gives letter 'A'",
    ]


def test_an_output_that_is_called_otherwise_is_the_same_output():
    old, new = (
        claims(rule(c.amount > 5, then=1, because="x"), otherwise=0, outputs=[name]) for name in ("points", "score")
    )
    assert said(old, new) == ["output 'points' is now called 'score'"]


def test_parts_of_a_condition_in_another_order_are_told_as_such():
    old = rule((c.amount > 5) & (c.note == "x"), then="pay", because="so")
    new = rule((c.note == "x") & (c.amount > 5), then="pay", because="so")
    assert said(claims(old), claims(new)) == ["row 1: asks the same in another order: note == 'x' and amount > 5"]
    [region] = diff(claims(old), claims(new)).decides_otherwise.regions
    assert str(region) == (
        "where amount <= 5 and note is missing: 'refer' became nothing, since a value is missing (such as amount 4, note (missing))"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((c.amount > 5) & (c.country == "FR"), ("FR" == c.country) & (5 < c.amount)),  # noqa: SIM300
        (~((c.amount > 5) | (c.amount < 2)), c.amount.is_in(2, 3, 4, 5)),
        (c.amount * 2 > 11, c.amount >= 6),
    ],
)
def test_another_spelling_is_shown_to_be_harmless(old, new):
    [before, after] = (claims(rule(when, then="pay", because="so")) for when in (old, new))
    found = diff(before, after).decides_otherwise
    assert (found.exact, bool(found), str(found)) == (True, False, "no case is decided otherwise")


def test_rows_that_exclude_one_another_may_be_put_in_another_order():
    found = diff(claims(SMALL, LARGE), claims(LARGE, SMALL)).decides_otherwise
    assert (found.exact, str(found)) == (True, "no case is decided otherwise")


def test_a_row_that_moved_above_one_that_it_overlaps_takes_cases_from_it():
    found = diff(claims(SMALL, ABROAD), claims(ABROAD, SMALL)).decides_otherwise
    assert str(found) == (
        "decided otherwise:\n"
        "- where amount <= 500 and country is 'FR': 'pay' became 'refer' (such as amount 499, country 'FR')"
    )
    assert found.exact
    assert found


def test_a_default_that_was_taken_away_makes_errors_of_decisions():
    found = diff(claims(SMALL), claims(SMALL, otherwise=None)).decides_otherwise
    assert [str(region) for region in found.regions] == [
        "where amount > 500: 'refer' became nothing, since no row applies (such as amount 501)"
    ]


def test_rows_that_now_match_together_make_errors_of_decisions():
    found = diff(claims(SMALL, ABROAD), claims(SMALL, ABROAD, hit_policy="UNIQUE")).decides_otherwise
    assert [(r.where, r.after) for r in found.regions] == [
        ("amount <= 500 and country is 'FR'", "nothing, since rows match together that must not")
    ]


def test_where_a_condition_mixes_inputs_a_region_without_a_case_says_that_it_cannot_tell():
    never = (c.order.total < c.order.lines) & (c.order.total > c.order.lines + 1)
    found = diff(claims(SMALL), claims(rule(never, then="reject", because="so"), SMALL)).decides_otherwise
    assert not found.exact
    assert "cannot tell whether there is such a case" in str(found)


def test_what_is_in_an_object_is_missing_with_the_object_alone():
    old = claims(rule((c.order.total > 5) & (c.order.lines > 1), then="pay", because="so"))
    new = claims(rule((c.order.lines > 1) & (c.order.total > 5), then="pay", because="so"))
    assert not diff(old, new).decides_otherwise
    assert diff(old, new).decides_otherwise.exact


def test_a_division_that_may_have_no_value_is_said_to_be_left_out():
    old, new = (claims(rule(100 / c.amount > n, then="pay", because="so")) for n in (1, 2))
    found = diff(old, new).decides_otherwise
    assert not found.exact
    assert "has no answer are left out" in str(found)


def test_regions_beyond_the_limit_are_counted():
    old = claims(*(rule(c.amount == 2 * n, then=f"a{n}", because="so") for n in range(6)))
    new = claims(*(rule(c.amount == 2 * n, then=f"b{n}", because="so") for n in range(6)))
    found = diff(old, new, limit=4).decides_otherwise
    assert (len(found.regions), found.more, found.exact) == (4, 2, False)
    assert "- and 2 more regions of cases" in str(found)


def test_tables_about_two_types_are_not_compared_by_cases():
    @dataclass
    class Other:
        amount: int

    difference = diff(claims(SMALL), claims(replace(SMALL, when=fields(Other).amount <= 500)))
    assert [change.text for change in difference.changes] == ["cases: Claim became Other"]
    assert not difference.decides_otherwise.exact
    assert difference.decides_otherwise
    assert "two types" in str(difference.decides_otherwise)


def test_what_is_no_table_is_refused():
    with pytest.raises(DefinitionError, match=r"diff\(.*'rules.csv'\): 'rules.csv' is no decision table"):
        diff(claims(SMALL), "rules.csv")


def test_in_a_notebook_nothing_of_a_table_is_markup():
    old, new = (claims(rule(c.note == text, then="pay", because="so")) for text in ("<b>", "<i>"))
    shown = diff(old, new)._repr_html_() + diff(old, new).decides_otherwise._repr_html_()
    assert "&lt;i&gt;" in shown
    assert "<i>" not in shown


def test_a_thousand_rows_of_which_one_has_changed_are_compared_at_once():
    def table(limit):
        limits = [limit if n == 500 else 10 * n + 5 for n in range(1_000)]
        return claims(*(rule(c.amount.between(10 * n, top), then=str(n), because="so") for n, top in enumerate(limits)))

    difference = diff(table(5_005), table(5_008))
    assert len(difference.changes) == 1
    [region] = difference.decides_otherwise.regions
    assert region.where == "amount in (5,005..5,008]"


def test_of_tables_that_have_little_in_common_it_is_said_that_there_is_more():
    def table(field):
        return claims(*(rule(field == n, then=f"{field!r} {n}", because="so") for n in range(0, 150, 2)))

    found = diff(table(c.amount), table(c.order.lines)).decides_otherwise
    assert (len(found.regions), found.exact) == (20, False)
    assert "there are more than these" in str(found)
