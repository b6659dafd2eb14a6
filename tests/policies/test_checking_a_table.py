"""A table that is checked: its findings, and what strictness refuses."""

from decimal import Decimal
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from pydantic import BaseModel

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.errors import HitPolicyViolated, NoRuleApplies, TableInvalid
from abpo_sdk.policies import Output
from abpo_sdk.values.personal import Personal

from .test_checks import PLAIN, ROWS
from .test_checks import Claim as Plain


class Address(BaseModel):
    country: str


class Order(BaseModel):
    total: Decimal
    state: Literal["open", "shut"] = "open"
    iban: Annotated[str, Personal("bank account", subject_field="state")] = "DE02"
    address: Address | None = None


o = fields(Order)
pay = rule(o.total <= 500, then="pay", because="small")
refer = rule(o.total > 500, then="refer", because="large")


def test_a_table_without_faults_has_no_findings():
    assert DecisionTable("orders", pay, refer, otherwise=None, hit_policy="UNIQUE", strict=True).check() == ()


def test_a_strict_table_with_a_fault_is_refused_and_the_fault_named():
    tiny = rule(o.total <= 100, then="pay fast", because="very small")
    with pytest.raises(
        TableInvalid, match=r"^table 'orders': row 2 can never decide: row 1 covers it \(such as total 99\)$"
    ):
        DecisionTable("orders", pay, tiny, otherwise="refer", strict=True)
    assert DecisionTable("orders", pay, tiny, otherwise="refer").check()


def test_a_strict_table_may_have_what_only_may_be_wrong():
    unsure = rule(o.total * o.total < 0, then="reject", because="impossible")
    table = DecisionTable("orders", pay, refer, unsure, otherwise="ask", hit_policy="UNIQUE", strict=True)
    assert {finding.level for finding in table.check()} == {"warning", "note"}


def test_the_case_of_a_gap_is_refused_and_that_of_an_overlap_violates_the_hit_policy():
    [gap] = DecisionTable("orders", pay, otherwise=None).check()
    with pytest.raises(NoRuleApplies):
        DecisionTable("orders", pay, otherwise=None)(gap.counterexample)
    large = rule(o.total >= 500, then="refer", because="large")
    table = DecisionTable("orders", pay, large, otherwise=None, hit_policy="UNIQUE")
    [overlap] = table.check()
    with pytest.raises(HitPolicyViolated):
        table(overlap.counterexample)


def test_priority_goes_by_the_values_of_the_outputs():
    outputs = [Output("outcome", values=("refer", "pay"))]
    everything = rule(o.total > 0, then="refer", because="all")
    rows = rule(o.total > 100, then="pay", because="some"), everything
    [finding] = DecisionTable("orders", *rows, otherwise="pay", hit_policy="PRIORITY", outputs=outputs).check()
    assert str(finding) == "error: row 1 can never decide: row 2 covers it"


def test_a_nested_input_is_named_by_its_path_and_made_as_an_object():
    home = rule(o.address.country == "DE", then="pay", because="here")
    nowhere = rule(o.address.is_missing(), then="ask", because="no address")
    findings = DecisionTable("orders", nowhere, home, otherwise=None).check()
    assert [str(finding) for finding in findings] == ["error: no row covers address.country is another than 'DE'"]
    assert findings[0].counterexample == {"address": {"country": "another text"}}
    assert findings[0].shown == " (such as address.country 'another text')"


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_a_gap_is_a_case_that_the_table_refuses(rules):
    rows = [rule(when, then=then[0], because="x") for when, then in rules]
    table = DecisionTable("t", *rows, otherwise=None)
    for finding in table.check(limit=100):
        if finding.kind == "gap":
            with pytest.raises(NoRuleApplies):
                table(Plain(**{**PLAIN, **finding.counterexample}))
