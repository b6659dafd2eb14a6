"""Random tables on random frames, against each row decided alone."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.conditions import Reading, always
from abpo_sdk.errors import HitPolicyViolated, MissingInput, MistypedInput, NoRuleApplies
from abpo_sdk.policies import Output
from abpo_sdk.policies.frames.deciding import COLUMNS
from tests.conditions.frame_strategies import VALUES, Case, Checked, Flat, Loose, conditions, frames, more, simple
from tests.conditions.rows_one_by_one import cases_of

HIT_POLICIES = ("FIRST", "UNIQUE", "ANY", "PRIORITY", "RULE ORDER", "OUTPUT ORDER", "COLLECT")
OUTCOMES = ("reject", "refer", "pay")


def decided_alone(table, frame):
    """What the table says of each row, read top down: outcome, rows and output, or the error."""
    for case in cases_of(frame, table.case_type):
        try:
            if isinstance(case, Exception):
                raise case
            rows = table.rows_for(Reading(case))
        except (MissingInput, MistypedInput, NoRuleApplies, HitPolicyViolated) as error:
            yield type(error).__name__
        else:
            numbers = tuple(row + 1 for row in rows)
            shown = (numbers[0] if numbers else 0) if table.single else numbers
            yield table._results.outcome(rows), shown, table._results.output(rows) or {}


def decided_at_once(table, frame):
    """The same as the frame of decisions has it."""
    decisions = table.decide_frame(frame)
    assert decisions.index.equals(frame.index)
    assert list(decisions.columns[:2]) == ["outcome", "rows"]
    named = {f"output.{o.name}" if o.name in COLUMNS else o.name: o.name for o in table.outputs}
    for row in decisions.to_dict("records"):
        flags = [("MissingInput", row["missing"]), ("MistypedInput", row["mistyped"]), (row["refused"], row["refused"])]
        found = [name for name, flag in flags if not pd.isna(flag)]
        if found:
            assert len(found) == 1
            assert pd.isna(row["outcome"])
            yield found[0]
        else:
            output = {name: row[column] for column, name in named.items() if column in row}
            rows = row["rows"]
            yield row["outcome"], rows, {name: value for name, value in output.items() if value is not None}


def agrees(table, frame):
    alone = [
        one if isinstance(one, str) else (*one[:2], {name: v for name, v in one[2].items() if v is not None})
        for one in decided_alone(table, frame)
    ]
    assert list(decided_at_once(table, frame)) == alone, (frame.dtypes, frame.to_dict("list"))


@st.composite
def tables(draw, leaves, model):
    hit_policy = draw(st.sampled_from(HIT_POLICIES))
    aggregation = draw(st.sampled_from([None, "sum", "min", "max", "count"])) if hit_policy == "COLLECT" else None
    whens = draw(st.lists(conditions(leaves), min_size=1, max_size=6))
    if draw(st.booleans()):
        whens.insert(draw(st.integers(0, len(whens))), always)
    whens *= draw(st.sampled_from([1, 1, 1, 15]))  # more than fit into one word
    outcomes = st.sampled_from(OUTCOMES)
    thens = st.builds(lambda o, d: {"decision": o, "days": d}, outcomes, st.integers(0, 3))
    outputs = [Output("decision", values=OUTCOMES), "days"]
    if aggregation or draw(st.booleans()):
        thens, outputs = (st.integers(0, 3), ["rows"]) if aggregation else (outcomes, [Output("outcome", OUTCOMES)])
    rules = [rule(when, then=draw(thens), because="so") for when in whens]
    otherwise = draw(thens | st.none())
    return DecisionTable(
        "t",
        *rules,
        otherwise=otherwise,
        hit_policy=hit_policy,
        aggregation=aggregation,
        outputs=outputs,
        case_type=model,
    )


@settings(max_examples=120, deadline=None)
@given(tables(simple(fields(Case)) | more(fields(Case)), Case), frames(sorted(VALUES)))
def test_of_a_pydantic_model(table, frame):
    agrees(table, frame)


@settings(max_examples=80, deadline=None)
@given(tables(simple(fields(Case)), Case), frames(["n", "d", "t", "x"]))
def test_of_few_inputs(table, frame):
    agrees(table, frame)


@settings(max_examples=30, deadline=None)
@given(tables(simple(fields(Checked)), Checked), frames(["n", "d", "t", "x"]))
def test_of_a_model_with_a_validator_of_its_own(table, frame):
    agrees(table, frame)


@settings(max_examples=60, deadline=None)
@given(tables(simple(fields(Flat)), Flat), frames(["n", "d", "t", "x", "at"]))
def test_of_a_dataclass(table, frame):
    agrees(table, frame)


@settings(max_examples=60, deadline=None)
@given(
    tables(st.sampled_from([fields(Loose).n > 1, fields(Loose).t == "a", fields(Loose).t.is_missing()]), Loose),
    frames(["n", "d", "t"]),
)
def test_of_a_typed_dictionary(table, frame):
    agrees(table, frame)
