"""What would have to be otherwise for another outcome."""

from dataclasses import replace
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Personal, fields, rule
from abpo_sdk.errors import MistypedInput


class Claim(BaseModel):
    amount: int
    country: str = "DE"
    receipt: bool = True
    iban: Annotated[str, Personal("bank account", subject_field="country")] = "DE02"
    note: str | None = None


c = fields(Claim)
claims = DecisionTable(
    "claims",
    rule(c.amount <= 0, then="reject", because="nothing is claimed"),
    rule((c.amount <= 500) & (c.receipt == True), then="pay", because="small, with a receipt"),  # noqa: E712
    rule((c.country == "FR") | (c.amount > 5_000), then="refer", because="abroad, or large"),
    otherwise="ask",
)


def changes(**case):
    return claims.changes(claims(Claim(**case)))


def test_rows_above_say_what_they_ask_for_and_rows_below_what_stands_before_them():
    assert changes(amount=900) == (
        "'reject' if amount 900 <= 0",
        "'pay' if amount 900 <= 500",
        "'refer' if country 'DE' == 'FR' or amount 900 > 5,000",
    )
    assert changes(amount=400) == (
        "'reject' if amount 400 <= 0",
        "'refer' if not (amount 400 <= 500 and receipt is true) and (country 'DE' == 'FR' or amount 400 > 5,000)",
        "'ask' if not (amount 400 <= 500 and receipt is true)",
    )


def test_what_is_met_already_is_not_asked_for():
    assert "'pay' if amount 900 <= 500 and receipt false == true" in changes(amount=900, receipt=False)
    assert "'pay' if receipt false == true" in changes(amount=400, receipt=False)


def test_a_row_below_that_holds_hides_those_below_it():
    table = DecisionTable(
        "t",
        rule(c.amount < 10, then="a", because="x"),
        rule(c.amount < 20, then="b", because="x"),
        rule(c.amount < 30, then="c", because="x"),
        otherwise="d",
    )
    assert table.changes(table(Claim(amount=5))) == ("'b' if not (amount 5 < 10)",)


def test_personal_values_are_masked_and_missing_ones_said():
    table = DecisionTable(
        "t", rule(c.iban == "FR76", then="a", because="x"), rule(c.note == "ok", then="b", because="x"), otherwise="c"
    )
    (first, second) = table.changes(table(Claim(amount=5, note="no")))
    assert "DE02" not in first
    assert "<bank account>" in first
    assert second == "'b' if note 'no' == 'ok'"


def test_a_case_of_another_type_is_refused():
    with pytest.raises(MistypedInput, match="'claims' decides about Claim, and was given a int"):
        claims.changes(replace(claims(Claim(amount=1)), case=7))


def test_where_several_rows_may_match_the_smallest_changes_are_told():
    table = DecisionTable(
        "t",
        rule(c.amount < 10, then="a", because="x"),
        rule((c.amount >= 10) & (c.country == "FR"), then="b", because="x"),
        rule((c.amount >= 10) & (c.country != "FR"), then="a", because="x"),
        otherwise=None,
        hit_policy="UNIQUE",
    )
    assert table.changes(table(Claim(amount=50))) == ("'b' if country: 'DE', needs 'FR'",)


@given(st.integers(-10, 10_000), st.sampled_from(["DE", "FR"]), st.booleans())
def test_what_is_said_is_of_other_outcomes_alone(amount, country, receipt):
    case = Claim(amount=amount, country=country, receipt=receipt)
    decision = claims(case)
    said = claims.changes(decision)
    assert all(not text.startswith(f"'{decision.outcome}' if") for text in said)
    assert all(" if " in text and not text.endswith(" if ") for text in said)
