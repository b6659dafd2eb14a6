"""A table on the rows of a frame: what the frame of decisions shows."""

import datetime as dt
from decimal import Decimal
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Personal, fields, rule
from abpo_sdk.conditions import Reading
from abpo_sdk.errors import MistypedInput
from abpo_sdk.policies import Output


class Claim(BaseModel):
    amount: int
    country: str = "DE"
    age: float | None = None


c = fields(Claim)
small = rule(c.amount <= 500, then="pay", because="the claim is small")
abroad = rule(c.country != "DE", then="refer", because="the claim is from abroad")
old = rule(c.age > 10, then="reject", because="the claim is old")


def shown(table, **columns):
    decisions = table.decide_frame(pd.DataFrame(columns)).astype(object)
    return decisions.where(decisions.notna(), None).to_dict("list")


def test_a_missing_input_is_flagged_and_never_hidden_by_the_default():
    table = DecisionTable("claims", small, old, otherwise="refer")
    found = shown(table, amount=[100, 900, 900, np.nan], age=[np.nan, np.nan, 3, 3])
    assert found["outcome"] == ["pay", None, "refer", None]
    assert found["rows"] == [1, None, 0, None]
    assert found["missing"] == [None, "age", None, "amount"]
    assert found["mistyped"] == [None] * 4


def test_a_mistyped_input_is_flagged():
    found = shown(
        DecisionTable("claims", small, otherwise="refer"), amount=pd.Series([1, "x", 2.5, True], dtype=object)
    )
    assert found["outcome"] == ["pay", None, None, None]
    assert found["mistyped"] == [None, "amount", "amount", "amount"]


def test_the_index_is_that_of_the_frame():
    frame = pd.DataFrame({"amount": [1, 900]}, index=["a", "b"])
    assert DecisionTable("claims", small, otherwise="refer").decide_frame(frame)["outcome"].to_dict() == {
        "a": "pay",
        "b": "refer",
    }


def test_outcomes_are_a_categorical_of_all_that_the_table_knows():
    decisions = DecisionTable("claims", small, old, otherwise="refer").decide_frame(pd.DataFrame({"amount": [1]}))
    assert list(decisions["outcome"].cat.categories) == ["pay", "reject", "refer"]


def test_several_rows_that_count_are_a_tuple():
    table = DecisionTable("claims", small, abroad, otherwise="reject", hit_policy="RULE ORDER")
    found = shown(table, amount=[1, 1, 900], country=["FR", "DE", "DE"])
    assert found["rows"] == [(1, 2), (1,), ()]
    assert found["outcome"] == ["pay, refer", "pay", "reject"]


def test_what_the_hit_policy_forbids_and_what_no_row_covers_is_flagged():
    table = DecisionTable("claims", small, abroad, otherwise=None, hit_policy="UNIQUE")
    found = shown(table, amount=[1, 1, 900], country=["FR", "DE", "DE"])
    assert found["outcome"] == [None, "pay", None]
    assert found["refused"] == ["HitPolicyViolated", None, "NoRuleApplies"]


def test_further_outputs_have_a_column_each():
    table = DecisionTable(
        "claims",
        rule(c.amount <= 500, then={"decision": "pay", "days": 14, "rows": "low"}, because="the claim is small"),
        otherwise={"decision": "refer", "days": 30, "rows": "high"},
    )
    found = shown(table, amount=[1, 900, None])
    assert (found["outcome"], found["days"], found["output.rows"]) == (
        ["pay", "refer", None],
        [14, 30, None],
        ["low", "high", None],
    )


def test_a_sum_is_text_in_the_outcome_and_a_number_in_its_column():
    table = DecisionTable(
        "risk",
        rule(c.amount > 100, then=2, because="not small"),
        rule(c.amount > 1_000, then=5, because="large"),
        otherwise=0,
        hit_policy="COLLECT",
        aggregation="sum",
        outputs=["points"],
    )
    found = shown(table, amount=[1, 200, 2_000])
    assert (found["outcome"], found["points"]) == (["0", "2", "7"], [0, 2, 7])


def test_a_table_of_hundreds_of_rows_says_what_its_rows_say():
    amounts = range(0, 3_000, 10)
    rows = [
        rule((c.amount >= a) & (c.amount < a + 7) & (c.country != "FR"), then=f"o{a % 7}", because="so")
        for a in amounts
    ]
    table = DecisionTable("bands", *rows, otherwise="none")
    frame = pd.DataFrame({"amount": np.arange(-5, 3_010), "country": np.where(np.arange(3_015) % 3, "DE", "FR")})
    decided = table.decide_frame(frame)
    alone = [table.rows_for(Reading(Claim(amount=int(a), country=k))) for a, k in frame.itertuples(index=False)]
    assert decided["rows"].tolist() == [row[0] + 1 if row else 0 for row in alone]


def test_priority_goes_by_the_values_of_the_output():
    values = ("reject", "refer", "pay")
    table = DecisionTable(
        "claims", small, abroad, otherwise="pay", hit_policy="PRIORITY", outputs=[Output("outcome", values=values)]
    )
    found = shown(table, amount=[1], country=["FR"])
    assert (found["outcome"], found["rows"]) == (["refer"], [2])


def test_no_rows_give_no_decisions():
    decisions = DecisionTable("claims", small, otherwise="refer").decide_frame(pd.DataFrame({"amount": []}))
    assert len(decisions) == 0
    assert list(decisions.columns) == ["outcome", "rows", "missing", "mistyped", "refused"]


def test_what_is_no_frame_is_refused():
    with pytest.raises(MistypedInput, match="give a pandas DataFrame"):
        DecisionTable("claims", small, otherwise="refer").decide_frame([{"amount": 1}])


class Contract(BaseModel):
    ends: dt.date
    signed: dt.datetime | None = None


def test_the_last_day_that_there_is_is_a_day_like_others():
    k = fields(Contract)
    table = DecisionTable("ends", rule(k.ends >= dt.date.max, then="open", because="it has no end"), otherwise="ends")
    days = pd.Series(np.array(["9999-12-31", "2026-03-01"], dtype="M8[s]"))
    assert table.decide_frame(pd.DataFrame({"ends": days}))["outcome"].tolist() == ["open", "ends"]


class Measured(BaseModel):
    exact: Decimal = Decimal(1)
    text: str = "x"
    day: dt.date = dt.date(2026, 1, 1)
    notes: Annotated[dict[str, int] | None, Personal("notes", subject_field="text")] = None


m = fields(Measured)


@pytest.mark.parametrize(("field", "condition"), [("exact", m.exact > 1), ("text", m.text == "y")])
def test_a_nan_that_signals_is_missing(field, condition):
    table = DecisionTable("t", rule(condition, then="a", because="so"), otherwise="b")
    found = shown(table, **{field: pd.Series([Decimal("sNaN"), Decimal("NaN"), None], dtype=object)})
    assert found["missing"] == [field] * 3


def test_a_day_that_python_does_not_have_is_mistyped():
    table = DecisionTable("t", rule(m.day > dt.date(2026, 1, 1), then="a", because="so"), otherwise="b")
    found = shown(table, day=np.array(["30000-01-01", "2026-01-02"], dtype="datetime64[D]"))
    assert (found["outcome"], found["mistyped"]) == ([None, "a"], ["day", None])


def test_the_keys_of_what_is_personal_are_not_among_the_fields():
    table = DecisionTable("t", rule(m.notes.is_missing(), then="a", because="so"), otherwise="b")
    found = shown(table, notes=[{"SECRET": "x"}, {"SECRET": True}, {"SECRET": 1}])
    assert found["mistyped"] == ["notes.(a key)", "notes.(a key)", None]
