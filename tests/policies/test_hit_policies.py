"""Hit policies: which of the rows that match a case count, and what they give together (DMN 1.5, section 8.2.8)."""

import datetime as dt
from decimal import Context, Decimal, Inexact, localcontext
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.conditions import always
from abpo_sdk.errors import DefinitionError, HitPolicyViolated, MissingInput, NoRuleApplies
from abpo_sdk.policies import Output
from abpo_sdk.policies.hit_policies import AGGREGATIONS, HIT_POLICIES, SINGLE


class Case(BaseModel):
    a: int
    b: int | None = None


c = fields(Case)
SEVERITY = Output("outcome", values=("reject", "refer", "pay"))


def row(when, then, because="so"):
    return rule(when, then=then, because=because)


def table(*rules, otherwise="refer", **more):
    return DecisionTable("t", *rules, otherwise=otherwise, **more)


OVERLAPPING = (row(c.a > 0, "pay"), row(c.a > 10, "reject"), row(c.a > 20, "refer"), row(c.a > 30, "pay"))


@pytest.mark.parametrize(
    ("hit_policy", "a", "result"),
    [
        ("FIRST", 25, "pay"),
        ("PRIORITY", 5, "pay"),
        ("PRIORITY", 25, "reject"),
        ("RULE ORDER", 35, ["pay", "reject", "refer", "pay"]),
        ("OUTPUT ORDER", 35, ["reject", "refer", "pay", "pay"]),
        ("COLLECT", 25, ["pay", "reject", "refer"]),
        ("UNIQUE", 5, "pay"),
        ("ANY", 5, "pay"),
        ("COLLECT", -1, ["refer"]),
        ("UNIQUE", -1, "refer"),
    ],
)
def test_the_hit_policy_says_what_the_rows_that_match_give(hit_policy, a, result):
    assert table(*OVERLAPPING, hit_policy=hit_policy, outputs=[SEVERITY]).result({"a": a}) == result


@pytest.mark.parametrize(
    ("aggregation", "result"), [("sum", 60), ("min", 10), ("max", 30), ("count", 3), (None, [10, 20, 30])]
)
def test_what_is_collected_may_be_a_sum_a_least_a_most_or_a_count(aggregation, result):
    points = [row(c.a > limit, limit * 10) for limit in (1, 2, 3)]
    made = table(*points, otherwise=0, hit_policy="COLLECT", aggregation=aggregation)
    assert made.result({"a": 9}) == result
    assert made({"a": 9}).outcome == ("10, 20, 30" if aggregation is None else str(result))
    assert made({"a": 9}).output == {"outcome": (10, 20, 30) if aggregation is None else result}
    assert [reason.code for reason in made({"a": 9}).reasons] == ["t.1", "t.2", "t.3"]
    assert made.result({"a": 0}) == ([0] if aggregation is None else 0)


def test_unique_refuses_two_rows_that_match_and_names_them():
    with pytest.raises(HitPolicyViolated, match="UNIQUE, and rows 1, 2 and 3 match the case"):
        table(*OVERLAPPING, hit_policy="UNIQUE")({"a": 25})


def test_any_takes_rows_that_give_the_same_and_refuses_others():
    same = table(row(c.a > 0, "pay"), row(c.a > 1, "pay"), row(c.a > 2, "refer"), hit_policy="ANY", otherwise=None)
    assert same.outcome({"a": 2}) == "pay"
    with pytest.raises(HitPolicyViolated, match="rows 1 and 3 match the case and give pay and refer"):
        same({"a": 3})


def test_a_case_that_no_row_covers_is_an_error_where_there_is_no_default():
    with pytest.raises(NoRuleApplies, match=r"table 't' has no row for a -1, b \(missing\); add one"):
        table(row(c.a > 0, "pay"), row((c.a > 5) & (c.b == 1), "refer"), otherwise=None)({"a": -1})


@pytest.mark.parametrize("hit_policy", [policy for policy in HIT_POLICIES if policy != "FIRST"])
def test_all_rows_are_looked_at_unless_the_first_decides_so_a_missing_value_in_any_is_an_error(hit_policy):
    rows = (row(c.a > 0, "pay"), row(c.b > 0, "pay"))
    assert table(*rows, outputs=[SEVERITY]).outcome({"a": 1}) == "pay"
    with pytest.raises(MissingInput, match=r"Case\.b is missing"):
        table(*rows, hit_policy=hit_policy, outputs=[SEVERITY])({"a": 1})


def test_several_outputs_are_given_by_name_and_the_first_is_the_outcome():
    terms = table(
        row(c.a > 10, {"decision": "pay", "days": 14, "rate": Decimal("0.10")}),
        otherwise={"days": 30, "rate": Decimal(0), "decision": "refer"},
    )
    decision = terms({"a": 11})
    assert (decision.outcome, decision.output) == ("pay", {"days": 14, "rate": Decimal("0.10")})
    assert terms.result({"a": 1}) == {"decision": "refer", "days": 30, "rate": Decimal(0)}
    assert terms.outcomes == ("pay", "refer")


def test_a_first_output_that_is_no_text_is_the_outcome_as_text_and_the_output_in_its_type():
    when = table(row(c.a > 0, {"from": dt.date(2026, 1, 31), "sure": True}), otherwise=None)
    assert when({"a": 1}).outcome == "2026-01-31"
    assert when({"a": 1}).output == {"from": dt.date(2026, 1, 31), "sure": True}


def test_a_row_that_always_applies_needs_no_field_where_the_model_is_named():
    assert table(row(always, "pay"), otherwise=None, case_type=Case).outcome({"a": 1}) == "pay"
    with pytest.raises(DefinitionError, match="no field; a table is about one model, which case_type= names"):
        table(row(always, "pay"))


class Verdict(StrEnum):
    PAY = "pay"


def test_a_text_of_an_enumeration_is_its_value():
    assert table(row(c.a > 0, Verdict.PAY)).outcome({"a": 1}) == "pay"


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda: table(*OVERLAPPING, hit_policy="LAST"), "hit policy 'LAST' is not known; there are UNIQUE, ANY"),
        (lambda: table(*OVERLAPPING, hit_policy="PRIORITY"), "PRIORITY goes by the values of its outputs"),
        (lambda: table(*OVERLAPPING, hit_policy="COLLECT", aggregation="mean"), "aggregation 'mean' is not known"),
        (lambda: table(*OVERLAPPING, aggregation="sum"), "goes with hit policy COLLECT alone"),
        (lambda: table(*OVERLAPPING, hit_policy="COLLECT", aggregation="sum"), "a sum of 'pay' has no meaning"),
        (
            lambda: table(row(c.a > 0, True), otherwise=0, hit_policy="COLLECT", aggregation="max"),
            "a max of 'true' has no meaning",
        ),
        (
            lambda: table(row(c.a > 0, 0.1), otherwise=Decimal(0), hit_policy="COLLECT", aggregation="sum"),
            "floats and exact numbers do not add up",
        ),
        (
            lambda: table(row(c.a > 0, {"x": 1, "y": 2}), otherwise=None, hit_policy="COLLECT", aggregation="sum"),
            "needs one output, and there are 2",
        ),
        (lambda: table(row(c.a > 0, {"x": 1}), row(c.a > 1, {"y": 1})), "has the outputs x, and a row gives"),
        (
            lambda: table(row(c.a > 0, {"x": 1, "y": 1}), otherwise="refer"),
            "has the outputs x, y, and a row gives 'refer'",
        ),
        (lambda: table(*OVERLAPPING, outputs=["x", "x"]), "has the outputs x, x; each needs its own name"),
        (lambda: table(*OVERLAPPING, outputs="x"), "outputs='x' are no outputs"),
        (lambda: table(*OVERLAPPING, outputs=[Output("outcome", values=("pay",))]), "is reject, and may be one of pay"),
        (lambda: Output("x", values=("a", "a")), "lists a more than once"),
        (lambda: Output("x", values="ab"), "its values are 'ab'; write a tuple"),
        (lambda: Output(" "), "an output is named ' '"),
        (lambda: row(c.a > 0, float("nan")), "gives nan, which is not a finite number"),
        (lambda: row(c.a > 0, object()), "gives <object object at .*, a object; a row gives texts"),
        (lambda: row(c.a > 0, {"": 1}), "names an output ''"),
        (lambda: row(c.a > 0, dt.datetime(2026, 1, 1)), "a time without a zone"),  # noqa: DTZ001
    ],
)
def test_a_table_whose_outputs_and_hit_policy_do_not_fit_is_refused(declare, text):
    with pytest.raises(DefinitionError, match=text):
        declare()


def test_the_version_covers_hit_policy_aggregation_and_outputs_but_not_how_a_number_is_spelled():
    def version(then=1, **more):
        return table(row(c.a > 0, then), otherwise=0, **more).version

    versions = [
        version(),
        version(hit_policy="UNIQUE"),
        version(hit_policy="COLLECT"),
        *(version(hit_policy="COLLECT", aggregation=aggregation) for aggregation in AGGREGATIONS),
        version(outputs=["points"]),
        version(outputs=[Output("outcome", values=(1, 0))]),
        version(then=True),
        version(then=1.0),
    ]
    assert len(set(versions)) == len(versions)
    assert version(then=Decimal("1.00")) == version(then=1)


ROWS = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(["reject", "refer", "pay"])), min_size=1, max_size=7)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(-4, 4), st.sampled_from(HIT_POLICIES), st.sampled_from([None, "pay"]))
def test_a_table_gives_what_its_rows_say_one_by_one(rows, a, hit_policy, otherwise):
    made = table(
        *(row(c.a > limit, then) for limit, then in rows),
        hit_policy=hit_policy,
        otherwise=otherwise,
        outputs=[SEVERITY],
    )
    hits = [then for limit, then in rows if a > limit]
    ranked = sorted(hits, key=SEVERITY.values.index)
    if not hits and otherwise is None:
        with pytest.raises(NoRuleApplies):
            made({"a": a})
    elif (hit_policy == "UNIQUE" and len(hits) > 1) or (hit_policy == "ANY" and len(set(hits)) > 1):
        with pytest.raises(HitPolicyViolated):
            made({"a": a})
    else:
        hits = ranked if hit_policy in ("PRIORITY", "OUTPUT ORDER") else hits
        hits = hits or [otherwise]
        expected = hits[0] if hit_policy in SINGLE else hits
        assert made.result({"a": a}) == expected
        assert made.outcome({"a": a}) == made({"a": a}).outcome == ", ".join(hits[:1] if hit_policy in SINGLE else hits)


def test_a_sum_is_the_same_in_whatever_context_of_decimals_it_is_asked_for_first():
    added = table(
        row(c.a > 0, Decimal("1.2345")),
        row(c.a > 1, Decimal("100.5")),
        otherwise=0,
        hit_policy="COLLECT",
        aggregation="sum",
    )
    with localcontext(Context(prec=2, traps=[])):
        assert (added.outcome({"a": 2}), added.result({"a": 2})) == ("101.7345", Decimal("101.7345"))
    with localcontext(Context(prec=2, traps=[Inexact])):
        assert added({"a": 2}).output == {"outcome": Decimal("101.7345")}
    assert (added.outcome({"a": 2}), added.result({"a": 2})) == ("101.7345", Decimal("101.7345"))


@pytest.mark.parametrize("then", [1e308, Decimal("9E+999999")])
def test_a_table_whose_sum_is_no_number_is_refused(then):
    rows = [row(c.a > 0, then), row(c.a > 1, then)]
    with pytest.raises(DefinitionError, match="the sum of what the rows give is too large a number"):
        table(*rows, otherwise=type(then)(0), hit_policy="COLLECT", aggregation="sum")
    assert table(*rows, otherwise=None, hit_policy="COLLECT", aggregation="max").result({"a": 2}) == then


@pytest.mark.parametrize("then", ["1E+1000000", "-1E-1000000", "1E+999999999999"])
def test_a_number_that_cannot_be_written_in_full_is_refused(then):
    with pytest.raises(DefinitionError, match="too large or too small a number"):
        row(c.a > 0, Decimal(then))
