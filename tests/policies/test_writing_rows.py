"""Tables written row by row: what each kind of cell asks, and what is refused with its row, column and cell."""

import enum
from decimal import Decimal

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.conditions import Reading
from abpo_sdk.errors import DefinitionError, MissingInput
from abpo_sdk.policies import Output


class Country(enum.StrEnum):
    DE = "DE"
    FR = "FR"


class Order(BaseModel):
    total: Decimal


class Invoice(BaseModel):
    total: Decimal
    ordered: Decimal | None = None
    country: str = "DE"
    home: Country = Country.DE
    urgent: bool = False
    order: Order | None = None


class Other(BaseModel):
    total: int


i = fields(Invoice)


def rows(*written, inputs=(i.total, i.country), outputs=("decision",), otherwise="refer", **more):
    return DecisionTable.rows("payment", inputs, outputs, written, otherwise=otherwise, **more)


def asked(cell, of=i.total):
    """What one cell asks, in words."""
    return rows((cell, "pay", "so"), inputs=[of]).rules[0].when.text()


@pytest.mark.parametrize(
    ("of", "cell", "text"),
    [
        (i.total, None, "always"),
        (i.total, "-", "always"),
        (i.total, "", "always"),
        (i.total, "> 1000", "total > 1,000"),
        (i.total, "[1..5]", "total >= 1 and total <= 5"),
        (i.total, "]1..5[, > 9", "total > 1 and total < 5 or total > 9"),
        (i.total, "not(1, 2)", "not (total in (1, 2))"),
        (i.total, "< ordered * 2", "total < ordered * 2"),
        (i.total, "> order.total", "total > order.total"),
        (i.ordered, "null", "ordered is missing"),
        (i.country, '"DE", "FR"', "country in ('DE', 'FR')"),
        (i.country, '"> 1000"', "country == '> 1000'"),
        (i.total, 5, "total == 5"),
        (i.total, Decimal("0.5"), "total == 0.5"),
        (i.urgent, True, "urgent == true"),
        (i.home, Country.FR, "home == FR"),
        (i.home, '"FR"', "home == FR"),
        (i.country, ["DE", "> 5"], "country in ('DE', '> 5')"),
        (i.total, (1, 2), "total in (1, 2)"),
        (i.total, {2, 1}, "total in (1, 2)"),
        (i.total, lambda total: total > 1_000, "total > 1,000"),
        (i.total, lambda total: (total > 5) & i.ordered.is_missing(), "total > 5 and ordered is missing"),
        (i.total, i.ordered, "total == ordered"),
        (i.total, i.ordered > 5, "ordered > 5"),
        (abs(i.total - i.ordered), "<= 5", "abs(total - ordered) <= 5"),
        (i.order["total"], "<= 5", "order.total <= 5"),
        ((i.total > 5) | i.urgent.is_missing(), True, "total > 5 or urgent is missing"),
        ((i.total > 5) | i.urgent.is_missing(), "false", "not (total > 5 or urgent is missing)"),
        ((i.total > 5), False, "total <= 5"),
    ],
)
def test_a_cell_asks_what_stands_in_it(of, cell, text):
    assert asked(cell, of) == text


def test_rows_are_the_table_that_is_written_rule_by_rule():
    written = rows(
        ("<= 0", None, "reject", 1, "not positive"),
        ("> 5", ["DE", "FR"], "pay", 14, "known", "known"),
        outputs=["decision", "days"],
        otherwise={"decision": "refer", "days": 30},
        owner="head of payments",
        hit_policy="RULE ORDER",
    )
    by_rule = DecisionTable(
        "payment",
        rule(i.total <= 0, then={"decision": "reject", "days": 1}, because="not positive"),
        rule(
            (i.total > 5) & i.country.is_in("DE", "FR"),
            then={"decision": "pay", "days": 14},
            because="known",
            name="known",
        ),
        otherwise={"decision": "refer", "days": 30},
        hit_policy="RULE ORDER",
    )
    assert written.version == by_rule.version
    assert (written.owner, written.rules[1].name) == ("head of payments", "known")


def test_a_row_reads_its_cells_from_left_to_right():
    table = rows((lambda total: (total > 5) & (total < 9), "> 3", "pay", "so"), inputs=[i.total, i.ordered])
    assert table.outcome({"total": 20}) == "refer"  # the first cell does not hold, so that the second is not looked at
    with pytest.raises(MissingInput):
        table({"total": 7})
    assert table.rows_for(Reading(Invoice(total=7, ordered=4))) == (0,)


def test_a_table_may_ask_nothing_at_all():
    table = rows((None, "-", "pay", "so"))
    assert table.case_type is Invoice
    assert table.outcome({"total": 1}) == "pay"


def test_outputs_may_be_listed_with_their_values_and_rows_may_come_one_by_one():
    listed = Output("decision", values=("reject", "pay"))
    written = (row for row in [("> 5", "pay", "a"), ("> 1", "reject", "b")])
    table = DecisionTable.rows(
        "p", [i.total], iter([listed]), written, otherwise="pay", hit_policy="PRIORITY", owner=None
    )
    assert table.outcome({"total": 9}) == "reject"
    with pytest.raises(DefinitionError, match="may be one of reject, pay"):
        DecisionTable.rows("p", [i.total], [listed], [("> 5", "refer", "a")], otherwise="pay")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("DE", None, "pay", "so"), r"row 2, column 'total': 'DE'.*; a text is written in quotes: \"DE\""),
        ((None, "DE", "pay", "so"), r"row 2, column 'country': 'DE'.*; a text is written in quotes: \"DE\""),
        (("1..", None, "pay", "so"), r"row 2, column 'total': '1..'"),
        (('"many"', None, "pay", "so"), r"row 2, column 'total': .*decimal and text do not compare"),
        (("__class__", None, "pay", "so"), r"row 2, column 'total': '__class__'"),
        (("> totl", None, "pay", "so"), r"row 2, column 'total': '> totl'.*'totl'"),
        (("sum(1)", None, "pay", "so"), r"row 2, column 'total': .*`sum\(...\)` is not supported"),
        ((0.5, None, "pay", "so"), r"row 2, column 'total': the cell 0.5 cannot be used: .*Decimal\('0.5'\)|0.5"),
        (([], None, "pay", "so"), r"row 2, column 'total': the cell \[\] cannot be used"),
        ((lambda total: 5, None, "pay", "so"), r"row 2, column 'total': the cell .* gives 5, which is no condition"),
        ((lambda total: total > "x", None, "pay", "so"), r"row 2, column 'total': the cell .* cannot be used"),
        ((float("nan"), None, "pay", "so"), r"row 2, column 'total': the cell nan cannot be used: .*finite"),
        ((None, None, "pay"), r"row 2 has 3 cells, and needs 4: total, country, decision, because, and perhaps a name"),
        ((None, None, "pay", "so", "name", "more"), r"row 2 has 6 cells, and needs 4"),
        ((), r"row 2 has 0 cells"),
        ("> 5", r"row 2 is '> 5'; write a tuple of its cells"),
        (7, r"row 2 is 7; write a tuple of its cells"),
        ((None, None, "pay", " "), r"row 2, column 'because': ' ' is no reason"),
        ((None, None, "pay", 7), r"row 2, column 'because': 7 is no reason"),
        ((None, None, "pay", "so", ""), r"row 2, column 'rule': '' is no name"),
        ((None, None, "", "so"), r"row 2: the rule for \(always\) needs an outcome"),
        ((None, None, [1], "so"), r"row 2: .* gives \[1\], a list"),
        ((None, None, float("nan"), "so"), r"row 2: .*not a finite number"),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_row_column_and_cell(row, told):
    with pytest.raises(DefinitionError, match=r"table 'payment', " + told):
        rows(("> 5", None, "pay", "so"), row)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rows": []}, "has no rows"),
        ({"rows": "> 5"}, "are no rows"),
        ({"rows": None}, "are no rows"),
        ({"inputs": []}, "has no inputs"),
        ({"inputs": i.total}, "write a list of them"),
        ({"inputs": "total"}, "write a list of them"),
        ({"inputs": ["total"]}, "'total' is no input"),
        ({"inputs": [i.total, fields(Other).total]}, "inputs of Invoice, Other"),
        ({"outputs": []}, r"\(none\)"),
        ({"outputs": "decision"}, "write a list of them"),
        ({"outputs": ["a", "a"]}, "each needs its own name"),
        ({"outputs": [""]}, "give a text"),
        ({"outputs": 7}, "write a list of them"),
    ],
)
def test_inputs_outputs_and_rows_that_are_none_are_refused(given, told):
    usual = {"inputs": [i.total], "outputs": ["decision"], "rows": [("> 5", "pay", "so")]}
    with pytest.raises(DefinitionError, match=told):
        DecisionTable.rows("payment", **{**usual, **given}, otherwise="refer")


def test_a_boolean_column_takes_truths_alone():
    with pytest.raises(DefinitionError, match="row 1, column 'total > 5': the cell 7 cannot be used"):
        rows((7, "pay", "so"), inputs=[i.total > 5])
