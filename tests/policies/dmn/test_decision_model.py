"""What a model decides, what it refuses to decide about, and what its version is a hash of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from abpo_sdk.errors import DmnError, HitPolicyViolated, MissingInput, MistypedInput
from abpo_sdk.policies.decision_model import DecisionModel
from tests.policies.dmn.models import decision, input_data, item, literal, model, part, plain, table

LOANS = model(
    item("tRisk", "string", '"High", "Low"'),
    item("tApplicant", "", "", part("Full Name", "string"), part("Age", "number", "[0..130]"), part("Risk", "tRisk")),
    input_data("Applicant/Person", "tApplicant"),
    input_data("Loan Amount", "number"),
    decision(
        "Eligible",
        table(
            ["Applicant/Person.Age", "Applicant/Person.Risk"],
            ("< 18", "-", "false"),
            ("-", '"High"', "false"),
            ("-", "-", "true"),
            types=["number", "string"],
        ),
        inputs=["Applicant/Person"],
        type_ref="boolean",
    ),
    decision(
        "Terms",
        table(
            ["Eligible", "Loan Amount"],
            ("true", "<= 1000", "5", '"fast"'),
            ("true", "-", "7", '"slow"'),
            outputs=("Rate", "Way"),
        ),
        inputs=["Loan Amount"],
        decisions=["Eligible"],
    ),
    decision("Letter", literal('"Dear " + Applicant/Person.Full Name'), inputs=["Applicant/Person"]),
)
ADULT = {"Full Name": "Maria", "Age": 40, "Risk": "Low"}


def test_every_decision_is_decided_by_its_name_through_what_it_requires() -> None:
    loans = DecisionModel.from_dmn(LOANS)
    assert loans.decide({"Applicant/Person": ADULT, "Loan Amount": 900}) == {
        "Eligible": True,
        "Terms": {"Rate": Decimal(5), "Way": "fast"},
        "Letter": "Dear Maria",
    }
    assert loans.decisions == ("Eligible", "Terms", "Letter")
    assert set(loans.tables) == {"Eligible", "Terms"}
    assert list(loans.inputs) == ["Applicant/Person", "Loan Amount"]


def test_where_no_row_applies_and_there_is_no_default_the_result_is_none() -> None:
    child = {**ADULT, "Age": 17}
    assert DecisionModel.from_dmn(LOANS).decide({"Applicant/Person": child, "Loan Amount": 1})["Terms"] is None


def test_of_some_decisions_only_what_they_require_is_needed() -> None:
    loans = DecisionModel.from_dmn(LOANS)
    assert loans.decide({"Applicant/Person": ADULT}, decisions=["Letter", "Eligible"]) == {
        "Letter": "Dear Maria",
        "Eligible": True,
    }
    with pytest.raises(DmnError, match="has no decision 'Gone'"):
        loans.decide({}, decisions=["Gone"])


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"Loan Amout": 1}, MistypedInput, "has no 'Loan Amout'; did you mean 'Loan Amount'?"),
        ({"Loan Amount": "900"}, MistypedInput, "Loan Amount is '900', a str, and its type is number"),
        ({"Loan Amount": True}, MistypedInput, "Loan Amount is True, a bool"),
        ({"Loan Amount": float("nan")}, MistypedInput, "not a finite number"),
        ({"Loan Amount": Decimal("Infinity")}, MistypedInput, "not a finite number"),
        ({"Loan Amount": None}, MissingInput, "Loan Amount is missing"),
        ({"Applicant/Person": None}, MissingInput, "Applicant/Person is missing"),
        ({"Applicant/Person": "Maria"}, MistypedInput, "a str, and its type is tApplicant"),
        ({"Applicant/Person": {**ADULT, "Age": 131}}, MistypedInput, "Applicant/Person.Age is 131: it is not among"),
        ({"Applicant/Person": {**ADULT, "Risk": "Medium"}}, MistypedInput, '"High", "Low"'),
        (
            {"Applicant/Person": {**ADULT, "Agee": 1}},
            MistypedInput,
            "Applicant/Person has no 'Agee'; did you mean 'Age'?",
        ),
        ({"Applicant/Person": {"Age": 1, "Risk": "Low"}}, MissingInput, "Applicant/Person lacks Full Name"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_and_never_hidden_by_a_default(
    change: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=None) as refused:
        DecisionModel.from_dmn(LOANS).decide({"Applicant/Person": ADULT, "Loan Amount": 900, **change})
    assert told in str(refused.value)


def test_an_input_that_is_absent_is_named() -> None:
    with pytest.raises(MissingInput, match="model 'claims' needs Loan Amount"):
        DecisionModel.from_dmn(LOANS).decide({"Applicant/Person": ADULT})


@pytest.mark.parametrize(
    ("type_ref", "good", "bad"),
    [
        ("date", dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        ("dateTime", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.date(2026, 1, 1)),
        ("date and time", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1)),  # noqa: DTZ001
        ("dayTimeDuration", dt.timedelta(days=1), 1),
        ("days and time duration", dt.timedelta(0), "P1D"),
        ("boolean", False, 0),
        ("string", "", 0),
        ("number", 0.1, "0.1"),
    ],
)
def test_each_type_takes_its_own_values_alone(type_ref: str, good: object, bad: object) -> None:
    simple = DecisionModel.from_dmn(model(input_data("x", type_ref), decision("d", literal("x"), inputs=["x"])))
    assert simple.decide({"x": good}) == {"d": Decimal(repr(good)) if isinstance(good, float) else good}
    with pytest.raises(MistypedInput):
        simple.decide({"x": bad})


def test_values_that_a_column_allows_are_checked_where_the_table_reads_them() -> None:
    text = table(["Country"], ("-", '"pay"'), allowed=['"DE", "FR"'])
    pay = DecisionModel.from_dmn(model(input_data("Country", "string"), decision("Pay", text, inputs=["Country"])))
    assert pay.decide({"Country": "FR"}) == {"Pay": "pay"}
    with pytest.raises(MistypedInput, match="IT"):
        pay.decide({"Country": "IT"})


def test_a_column_may_narrow_what_a_type_allows_and_ranges_are_checked() -> None:
    text = model(
        item("tAge", "number", "[0..130]"),
        input_data("Age", "tAge"),
        decision("d", table(["Age"], ("-", "1"), allowed=[">= 18"]), inputs=["Age"]),
    )
    ages = DecisionModel.from_dmn(text)
    assert ages.decide({"Age": 18}) == {"d": 1}
    for age in (17, 131):
        with pytest.raises(MistypedInput):
            ages.decide({"Age": age})


def test_lists_and_lists_of_structures_are_inputs() -> None:
    text = model(
        item("tLine", "", "", part("cost", "number")),
        item("tLines", "tLine", more='isCollection="true"'),
        input_data("Lines", "tLines"),
        decision("Count", literal("count(Lines)"), inputs=["Lines"]),
    )
    lines = DecisionModel.from_dmn(text)
    assert lines.decide({"Lines": [{"cost": 1}, {"cost": 2}]}) == {"Count": 2}
    with pytest.raises(MistypedInput, match=r"Lines\[1\].cost is '2'"):
        lines.decide({"Lines": [{"cost": 1}, {"cost": "2"}]})
    with pytest.raises(MistypedInput, match="its type is list of tLine"):
        lines.decide({"Lines": {"cost": 1}})


def test_null_is_a_value_for_an_expression_and_for_a_cell_that_asks_for_it() -> None:
    text = model(
        input_data("Note", "string"),
        input_data("On", "boolean"),
        decision("Both", literal("On and true"), inputs=["On"]),
        decision("Noted", table(["Note"], ("null", "false"), ("-", "true")), inputs=["Note"]),
    )
    assert DecisionModel.from_dmn(text).decide({"Note": None, "On": None}) == {"Both": None, "Noted": False}


def test_nested_contexts_give_nested_results_and_a_last_entry_is_the_result() -> None:
    def context(*entries: tuple[str, str]) -> str:
        named = "".join(
            f'<contextEntry>{f"""<variable name="{name}"/>""" if name else ""}{logic}</contextEntry>'
            for name, logic in entries
        )
        return f"<context>{named}</context>"

    fees = table(["Rate"], ("> 0.03", '"high"'), ("-", '"low"'))
    inner = context(("Fees", fees), ("Twice", literal("Rate * 2")))
    text = model(
        decision("All", context(("Rate", literal("0.0375")), ("In", inner))),
        decision("One", context(("Rate", literal("2")), ("", literal("Rate + 1")))),
    )
    results = DecisionModel.from_dmn(text).decide({})
    assert results == {
        "All": {"Rate": Decimal("0.0375"), "In": {"Fees": "high", "Twice": Decimal("0.0750")}},
        "One": 3,
    }


FUNCTION = (
    '<businessKnowledgeModel id="f" name="Fee of"><variable name="Fee of"/><encapsulatedLogic>'
    '<formalParameter name="amount" typeRef="number"/>'
    f"{table(['amount'], ('< 100', '1'), ('-', '5'))}</encapsulatedLogic></businessKnowledgeModel>"
)


def test_a_function_is_called_in_an_expression_and_in_an_invocation() -> None:
    boxed = (
        f"<invocation>{literal('Fee of')}<binding><parameter name='amount'/>{literal('a + 90')}</binding></invocation>"
    )
    text = model(
        input_data("a"),
        FUNCTION,
        decision("Written", literal("Fee of(a) + 1"), inputs=["a"], knowledge=["f"]),
        decision("Boxed", boxed, inputs=["a"], knowledge=["f"]),
    )
    fees = DecisionModel.from_dmn(text)
    assert fees.decide({"a": 50}) == {"Written": 2, "Boxed": 5}
    assert DecisionModel.from_dmn(fees.to_dmn()).version == fees.version
    with pytest.raises(DmnError, match="'Fee of' is no business knowledge model that it requires"):
        DecisionModel.from_dmn(text.replace('<requiredKnowledge href="#f"/>', ""), decisions=["Boxed"])
    with pytest.raises(DmnError, match=r"the function call `Fee of\(...\)` is not supported"):
        DecisionModel.from_dmn(text.replace('<requiredKnowledge href="#f"/>', ""), decisions=["Written"])
    with pytest.raises(DmnError, match="Fee of has no parameter 'amout'; it has amount"):
        DecisionModel.from_dmn(text.replace("<parameter name='amount'", "<parameter name='amout'"))


def test_functions_that_call_one_another_in_a_circle_are_refused() -> None:
    call = '<knowledgeRequirement><requiredKnowledge href="#f"/></knowledgeRequirement></businessKnowledgeModel>'
    text = model(
        FUNCTION.replace("</businessKnowledgeModel>", call), decision("d", literal("Fee of(1)"), knowledge=["f"])
    )
    with pytest.raises(DmnError, match=r"requires itself \(Fee of -> Fee of\)"):
        DecisionModel.from_dmn(text)


def test_what_a_decision_gives_is_of_the_type_that_it_says() -> None:
    text = model(input_data("a", "string"), decision("d", literal("a"), inputs=["a"], type_ref="number"))
    with pytest.raises(MistypedInput, match="d is 'x', a str, and its type is number"):
        DecisionModel.from_dmn(text).decide({"a": "x"})


def test_rows_that_must_not_match_together_are_an_error() -> None:
    rows = table(["a"], ("> 1", "1"), ("> 2", "2"), hit_policy="UNIQUE")
    unique = DecisionModel.from_dmn(model(input_data("a"), decision("d", rows, inputs=["a"])))
    assert unique.decide({"a": 2}) == {"d": 1}
    with pytest.raises(HitPolicyViolated):
        unique.decide({"a": 3})


def test_the_version_is_that_of_the_meaning() -> None:
    def version(text: str) -> str:
        return DecisionModel.from_dmn(text).version

    spaced = (
        LOANS.replace("&lt;= 1000", "  &lt;=   1000 ")
        .replace("20230324", "20191111")
        .replace('id="Eligible"', 'id="e"')
    )
    assert version(spaced.replace("#Eligible", "#e")) == version(LOANS)
    assert version(LOANS.replace("&lt;= 1000", "&lt;= 1001")) != version(LOANS)
    assert version(LOANS.replace("[0..130]", "[0..131]")) != version(LOANS)
    assert version(LOANS.replace('"Dear "', '"dear "')) != version(LOANS)
    assert plain("Applicant/Person") in LOANS
