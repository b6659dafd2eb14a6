"""What a file says and does not fit together, or is not supported, is an error that names file, decision, rule, column and text."""

from __future__ import annotations

import pytest

from abpo_sdk import DecisionTable
from abpo_sdk.errors import DmnError, HitPolicyViolated, MissingInput
from abpo_sdk.policies.decision_model import DecisionModel
from tests.policies.dmn.models import decision, input_data, item, literal, model, part, table


def refused(text: str, *told: str) -> None:
    """The file is refused, and the error tells these things."""
    with pytest.raises(DmnError) as error:
        DecisionModel.from_dmn(text)
    for one in told:
        assert one in str(error.value)


def claims(logic: str, *more: str, inputs: tuple[str, ...] = ("Amount",)) -> str:
    return model(*(input_data(name) for name in inputs), decision("Pay", logic, inputs=inputs), *more)


# --- requirements ---


def test_decisions_that_require_one_another_in_a_circle_are_refused() -> None:
    text = model(
        decision("a", literal("b"), decisions=["b"]),
        decision("b", literal("c"), decisions=["c"]),
        decision("c", literal("a"), decisions=["a"]),
    )
    refused(text, "the text, line 2", "decision 'a' requires itself (a -> b -> c -> a)")
    refused(model(decision("a", literal("1"), decisions=["a"])), "(a -> a)")


def test_a_long_chain_of_decisions_is_no_circle() -> None:
    chain = [decision("d0", literal("1"))]
    chain += [decision(f"d{n}", literal(f"d{n - 1} + 1"), decisions=[f"d{n - 1}"]) for n in range(1, 1500)]
    assert DecisionModel.from_dmn(model(*reversed(chain))).decide({})["d1499"] == 1500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (input_data("Amount"), input_data("Amount").replace('id="Amount"', 'id="x"')),
        (input_data("Amount"), decision("Amount", literal("1")).replace('id="Amount"', 'id="x"')),
        (decision("d", literal("1")), decision("d", literal("2")).replace('id="d"', 'id="x"')),
    ],
)
def test_a_name_that_is_used_twice_is_refused(one: str, other: str) -> None:
    refused(model(one, other), "is taken (the text, line 2")


def test_an_id_that_is_used_twice_is_refused() -> None:
    refused(
        model(input_data("a"), input_data("b").replace('id="b"', 'id="a"')),
        "line 3: the id 'a' stands on line 2 already",
    )


def test_a_reference_to_nothing_is_refused() -> None:
    refused(model(decision("d", literal("1"), inputs=["gone"])), "decision 'd'", "'gone'", "is not in the file")
    refused(
        model(input_data("a"), decision("d", literal("1"), decisions=["a"])),
        "requires the decision 'a', which is another thing",
    )
    elsewhere = decision("d", literal("1"), inputs=["a"]).replace("#a", "other.dmn#a")
    refused(
        model(input_data("a"), elsewhere), "requires 'other.dmn#a', and something of this file is required as '#id'"
    )


def test_imports_are_refused_by_name() -> None:
    refused(model('<import name="rates" namespace="urn:r" importType="x"/>'), "the model imports 'rates'")


def test_a_name_that_the_decision_does_not_require_is_refused() -> None:
    text = model(
        input_data("Amount"), input_data("Age"), decision("Pay", table(["Amount"], ("> Age", "1")), inputs=["Amount"])
    )
    refused(text, "decision 'Pay', rule 1, input 'Amount'", "'> Age'")


# --- tables ---


def test_an_unknown_hit_policy_is_refused() -> None:
    refused(
        claims(table(["Amount"], ("-", "1"), hit_policy="BEST")), "hit policy 'BEST' is not known; there are UNIQUE"
    )
    more = 'aggregation="MEDIAN"'
    refused(claims(table(["Amount"], ("-", "1"), hit_policy="COLLECT", more=more)), "aggregation 'MEDIAN' is not known")


def test_a_rule_with_the_wrong_number_of_cells_is_refused() -> None:
    refused(claims(table(["Amount"], ("-", "1"), ("-",))), "rule 2 has 0 output cells, and the table has 1 outputs")
    short = table(["Amount"], ("-", "1")).replace("<inputEntry><text>-</text></inputEntry>", "")
    refused(claims(short), "rule 1 has 0 input cells, and the table has 1 inputs")


@pytest.mark.parametrize(
    "cell",
    [
        "__class__",
        "Amount.__class__",
        '? in matches(".*")',
        "contains(?, 1)",
        "substring(1)",
        "for x in 1 return x",
        '{"a": 1}',
        "function() 1",
        "[1,2][1]",
        "1..",
        "> abc >",
        '"unclosed',
        "> 5 < 6",
        "instance of string",
    ],
)
def test_a_cell_that_is_not_supported_is_refused_with_its_place(cell: str) -> None:
    refused(
        claims(table(["Amount"], ("-", "1"), (cell, "2"))),
        "the text, line",
        "decision 'Pay', rule 2, input 'Amount'",
        cell,
    )


@pytest.mark.parametrize("cell", ["__class__", "now()", "Amount.x", "1 +", "unknown"])
def test_an_output_that_is_not_supported_is_refused_with_its_place(cell: str) -> None:
    refused(claims(table(["Amount"], ("-", cell))), "the text, line", "decision 'Pay', rule 1, output 1", cell)


def test_a_computed_output_is_refused_as_such() -> None:
    refused(
        claims(table(["Amount"], ("-", "Amount * 2"))), "rule 1, output 1: 'Amount * 2' is computed from other values"
    )


@pytest.mark.parametrize("text", ["__class__", "open(1)", "now()", "Amount +", "Gone"])
def test_an_expression_that_is_not_supported_is_refused_when_it_is_read(text: str) -> None:
    refused(claims(literal(text)), "the expression of decision 'Pay'", text)


def test_a_cell_of_another_type_than_its_input_is_refused() -> None:
    refused(claims(table(["Amount"], ('"DE"', "1"))), "rule 1, input 'Amount'", '"DE"')


def test_a_column_that_is_of_another_type_than_it_says_is_refused() -> None:
    refused(claims(table(["Amount"], ("-", "1"), types=["string"])), "input 1 (Amount)", "is said to be a string")


def test_outputs_need_names_and_some_or_no_defaults() -> None:
    refused(claims(table(["Amount"], ("-", "1", "2"), outputs=("a", ""))), "has the outputs a, (no name)")
    two = table(["Amount"], ("-", "1", "2"), outputs=("a", "b"), default="1").replace(
        '<output name="b"><defaultOutputEntry><text>1</text></defaultOutputEntry></output>', '<output name="b"/>'
    )
    refused(claims(two), "some outputs have a default and some do not")


def test_a_table_without_rules_outputs_or_expressions_is_refused() -> None:
    refused(claims(table(["Amount"])), "decision 'Pay'", "at least one rule")
    refused(claims("<decisionTable><input/><output/></decisionTable>"), "input 1 has no expression")
    refused(claims("<decisionTable/>"), "is a table without an output")


def test_logic_that_is_not_supported_is_named_by_its_kind() -> None:
    refused(claims("<relation/>"), "decision 'Pay' is a boxed relation (line 4), which is not supported")
    refused(claims(""), "decision 'Pay' has no logic")


def test_what_is_not_supported_elsewhere_does_no_harm_to_the_decisions_that_are_asked_for() -> None:
    text = claims(literal("Amount + 1"), decision("Other", "<relation/>"))
    assert DecisionModel.from_dmn(text, decisions=["Pay"]).decide({"Amount": 1}) == {"Pay": 2}
    with pytest.raises(DmnError, match="has no decision 'Gone'; it has Pay, Other"):
        DecisionModel.from_dmn(text, decisions=["Gone"])


def test_another_language_than_feel_is_named() -> None:
    text = claims(literal("1").replace("<literalExpression", '<literalExpression expressionLanguage="javascript"'))
    refused(text, "is written in 'javascript', and FEEL is read")


def test_a_table_of_5000_rows_is_read() -> None:
    rows = [(f"[{n}..{n + 1})", str(n)) for n in range(5000)]
    pay = DecisionTable.from_dmn(claims(table(["Amount"], *rows, hit_policy="UNIQUE")))
    assert pay.result({"Amount": 4321}) == 4321


def test_allowed_values_of_a_column_are_about_a_name() -> None:
    refused(claims(table(["Amount + 1"], ("-", "1"), allowed=["> 5"])), "limit 'Amount + 1', which is more than a name")


def test_two_things_of_one_name_cannot_both_be_required() -> None:
    text = model(
        input_data("x"),
        decision("d", literal("1")).replace('<variable name="d"/>', '<variable name="x"/>'),
        decision("e", literal("x"), inputs=["x"], decisions=["d"]),
    )
    refused(text, "decision 'e' requires two things called x")


ENTRY = f"<contextEntry><variable name='a'/>{literal('1')}</contextEntry>"


@pytest.mark.parametrize(
    ("logic", "told"),
    [
        ("<context><contextEntry/></context>", "entry 1 has no logic"),
        ("<context/>", "is a context without entries"),
        (f"<context>{'<contextEntry>' + literal('1') + '</contextEntry>'}<contextEntry/></context>", "before its last"),
        (
            f"<context>{2 * ENTRY}</context>",
            "entry 'a': the name is taken by an entry above",
        ),
        ("<invocation/>", "is an invocation of something else than a name"),
        (f"<invocation>{literal('f')}<binding/></invocation>", "binds the parameter ''"),
        ("<literalExpression/>", "is empty"),
        ("<conditional/>", "is a boxed conditional"),
    ],
)
def test_a_boxed_expression_that_is_malformed_is_refused(logic: str, told: str) -> None:
    refused(claims(logic), told)


def test_a_function_that_is_not_in_feel_is_refused() -> None:
    function = '<businessKnowledgeModel id="f" name="f"><encapsulatedLogic kind="Java"/></businessKnowledgeModel>'
    refused(model(function), "is a function of the kind 'Java', and FEEL is read")


def test_the_values_of_an_output_are_listed_one_by_one() -> None:
    text = claims(table(["Amount"], ("-", "1"), outputs=("n",))).replace(
        '<output name="n">', '<output name="n"><outputValues><text>&gt; 5</text></outputValues>'
    )
    refused(text, "the values of decision 'Pay', output 'n'", "listed one by one")
    refused(text.replace("&gt; 5", "2, 3"), "output 'n' is 1, and may be one of 2, 3")


# --- what rows say ---


def test_annotations_are_the_reason_and_a_row_without_one_says_its_number() -> None:
    pay = DecisionTable.from_dmn(
        claims(table(["Amount"], ("< 10", '"pay"', "it is\n small", "see rule 7"), ("-", '"refer"')))
    )
    assert [rule.because for rule in pay.rules] == ["it is small; see rule 7", "rule 2 of Pay applies"]
    assert pay({"Amount": 5}).reasons[0].text == "it is small; see rule 7"


def test_an_empty_cell_asks_nothing_as_camundas_modeler_writes_it() -> None:
    assert DecisionTable.from_dmn(claims(table(["Amount"], ("", "7")))).result({"Amount": 1}) == 7


def test_a_table_that_requires_nothing_reads_the_names_in_its_columns_as_camundas_modeler_writes_them() -> None:
    dish = table(["season", "guestCount"], ('"Fall"', "<= 8", '"Spareribs"'), types=["string", "integer"])
    menu = DecisionModel.from_dmn(model(decision("Dish", dish)))
    assert {name: str(type_) for name, type_ in menu.inputs.items()} == {"season": "string", "guestCount": "number"}
    assert menu.decide({"season": "Fall", "guestCount": 4}) == {"Dish": "Spareribs"}


def test_one_table_of_several_is_named() -> None:
    text = claims(table(["Amount"], ("-", "1")), decision("Other", table(["x"], ("-", "2"), types=["number"])))
    with pytest.raises(DmnError, match=r"has 2 decision tables \(Pay, Other\); name one: decision="):
        DecisionTable.from_dmn(text)
    assert DecisionTable.from_dmn(text, decision="Other").result({"x": 1}) == 2
    with pytest.raises(DmnError, match="has no decision 'Gone'"):
        DecisionTable.from_dmn(text, decision="Gone")
    with pytest.raises(DmnError, match="decision 'Pay' is no table; tables are none"):
        DecisionTable.from_dmn(claims(literal("1")), decision="Pay")


def test_a_table_of_a_file_is_a_policy_like_any_other() -> None:
    text = claims(table(["Amount"], ("< 10", '"pay"'), ("> 5", '"refer"'), hit_policy="UNIQUE"))
    pay = DecisionTable.from_dmn(text)
    assert pay({"Amount": 3}).inputs == ("Amount",)
    with pytest.raises(HitPolicyViolated):
        pay({"Amount": 7})
    with pytest.raises(MissingInput):
        pay({"Amount": None})


# --- types ---


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([item("tA", "tB"), item("tB", "tA")], "refers to itself (tA -> tB -> tA)"),
        ([item("tA", "", "", part("x", "tA"))], "refers to itself (tA -> tA)"),
        (
            [item("tA", "tAmout"), item("tAmount", "number")],
            "the type 'tAmout', which is not defined; did you mean 'tAmount'?",
        ),
        ([item("tA", "number"), item("tA", "string")], "the name is taken"),
        ([item("number", "string")], "the name is taken"),
        ([item("tA", "", "", part("x", "number"), part("x", "string"))], "'x' is taken"),
        ([item("tA", "number", '"text"')], '"text"'),
        ([item("tA", "number", "random()")], "random"),
        ([item("tA", "Any", "1, 2")], "limit a Any, which is not supported"),
        ([item("tA", "time", 'time("10:00:00")')], "limit a time, which is not supported"),
    ],
)
def test_types_that_do_not_fit_together_are_refused(items: list[str], told: str) -> None:
    refused(model(*items), "the text, line", told)


@pytest.mark.parametrize("type_ref", ["time", "years and months duration", "yearMonthDuration"])
def test_what_conditions_cannot_carry_is_refused_where_a_cell_reads_it(type_ref: str) -> None:
    text = model(input_data("When", type_ref), decision("d", table(["When"], ("-", "1")), inputs=["When"]))
    refused(text, "input 1 (When)", "and no condition can compare these")


def test_a_part_that_conditions_cannot_carry_does_no_harm_where_no_cell_reads_it() -> None:
    text = model(
        item("tVisit", "", "", part("at", "time"), part("cost", "number")),
        input_data("Visit", "tVisit"),
        decision("d", table(["Visit.cost"], ("> 5", "1")), inputs=["Visit"]),
    )
    assert DecisionModel.from_dmn(text).decide({"Visit": {"at": "10:00", "cost": 7}}) == {"d": 1}
