"""A trace says of each row whether it matches, whether it counts, and what keeps it from that."""

from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import given, settings
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Personal, fields, rule
from abpo_sdk.conditions import Reading, always, never
from abpo_sdk.conditions.condition import Both
from abpo_sdk.errors import AbpoError, InputError, MissingInput
from abpo_sdk.policies import Output
from abpo_sdk.values import Money
from tests.conditions.test_conditions_hold_as_python_says import CASES
from tests.policies.test_matching import answer, tables


class Invoice(BaseModel):
    total: Decimal
    ordered: Decimal | None = None
    country: str = "DE"
    urgent: bool = False
    supplier: str = "acme"
    iban: Annotated[str, Personal("bank account", subject_field="supplier")] = "SECRET"


i = fields(Invoice)


def table(*conditions, otherwise="refer", **more):
    rules = (rule(when, then="pay", because=f"reason {n}") for n, when in enumerate(conditions, 1))
    return DecisionTable("payment", *rules, otherwise=otherwise, **more)


def line(condition, **case):
    """The trace's line of one row."""
    made = table(condition, case_type=Invoice if not list(condition.fields()) else None)
    return str(made.trace(Invoice(**{"total": Decimal(742), **case}))).splitlines()[1]


# What is said of a cell


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (i.total > 1_000, "total 742, needs > 1,000"),
        (i.total == 5, "total 742, needs 5"),
        (i.country != "DE", "country 'DE', must not be 'DE'"),
        (i.country.is_in("FR", "PL"), "country 'DE', needs one of ('FR', 'PL')"),
        (~i.country.is_in("DE", "PL"), "country 'DE', must not be one of ('DE', 'PL')"),
        (i.urgent == True, "urgent false, needs true"),  # noqa: E712
        (i.total.is_missing(), "total 742, needs to be missing"),
        (~i.ordered.is_missing(), "ordered is missing"),
        (i.ordered > 5, "ordered is missing"),
        (i.total - i.ordered > 5, "ordered is missing"),
        ((i.total < 5) | (i.total > 1_000), "total 742, needs < 5 or > 1,000"),
        ((i.total < 5) | (i.country == "FR"), "total 742, needs < 5, or country 'DE', needs 'FR'"),
        ((i.total > 1_000) & (i.country == "FR"), "total 742, needs > 1,000; country 'DE', needs 'FR'"),
        ((i.total > 1_000) & (i.country == "DE"), "total 742, needs > 1,000"),
        ((i.total > 5) & (i.total <= 700), "total 742, needs <= 700"),
        (~((i.total > 5) & (i.country == "DE")), "must not be: total 742 > 5 and country is 'DE'"),
        (never, "does not hold: never"),
    ],
)
def test_a_cell_that_does_not_hold_says_what_is_there_and_what_it_needs(condition, told):
    assert line(condition) == f"row 1: {told}"


def test_what_is_computed_is_shown_with_what_it_comes_to():
    told = line(abs(i.total - i.ordered) <= i.ordered * Decimal("0.02"), ordered=Decimal(700))
    assert told == "row 1: abs(total 742 - ordered 700) = 42, needs <= ordered 700 * 0.02 = 14.00"


@pytest.mark.parametrize(
    "condition",
    [
        i.iban == "OTHER",
        i.iban != "SECRET",
        ~i.iban.is_in("SECRET", "OTHER"),
        (i.iban == "OTHER") | (i.total > 1_000),
        (i.iban != "SECRET") & (i.total > 1_000),
        ~((i.iban == "SECRET") & (i.total > 5)),
        i.iban == "SECRET",
        i.iban.is_in("SECRET", "OTHER"),
    ],
)
def test_a_personal_value_is_masked_whether_a_row_matches_or_not(condition):
    traced = table(condition).trace(Invoice(total=742))
    assert "SECRET" not in str(traced)
    assert "<bank account>" in str(traced)
    assert "SECRET" not in repr(traced)


def test_a_value_of_another_type_is_said():
    case = Invoice(total=742).model_copy(update={"total": "many"})
    traced = table(i.total > 5).trace(case)
    assert "Invoice.total is 'many', a str where decimal is declared" in str(traced.rows[0])
    assert traced.rows[0].matches is None
    assert traced.error is not None
    assert traced.outcome is None


# Which rows


def test_a_trace_reads_like_this():
    payment = DecisionTable(
        "payment",
        rule(i.total <= 0, then="reject", because="not positive"),
        rule(i.country == "DE", then="pay", because="at home", name="home"),
        rule(i.total > 500, then="refer", because="large"),
        rule(i.total > 1_000, then="refer", because="very large"),
        otherwise="refer",
    )
    assert str(payment.trace({"total": 742})).splitlines() == [
        "payment: pay by row 2 (FIRST)",
        "row 1: total 742, needs <= 0",
        "row 2 (home): matches and gives pay; country is 'DE'",
        "row 3: not looked at; it would match; total 742 > 500",
        "row 4: not looked at; total 742, needs > 1,000",
    ]


def test_rows_that_match_and_do_not_count_say_so():
    severity = Output("outcome", values=("reject", "pay"))
    rows = [rule(i.total > 5, then="pay", because="a"), rule(always, then="reject", because="b")]
    traced = DecisionTable("p", *rows, otherwise="pay", hit_policy="PRIORITY", outputs=[severity]).trace({"total": 9})
    assert (traced.matched, traced.counting) == ((1, 2), (2,))
    assert str(traced).splitlines()[1:] == [
        "row 1: matches, and does not count; total 9 > 5",
        "row 2: matches and gives reject; always",
    ]


def test_what_no_row_covers_gets_the_default_or_is_an_error():
    assert str(table(i.total > 1_000).trace({"total": 1})).startswith("payment: refer, since no row matches\n")
    traced = table(i.total > 1_000, otherwise=None).trace({"total": 1})
    assert traced.error == "table 'payment' has no row for total 1; add one, or say with otherwise= what such cases get"


def test_rows_that_must_not_match_together_are_an_error_that_the_trace_tells():
    traced = table(i.total > 5, i.total > 6, hit_policy="UNIQUE").trace({"total": 9})
    assert "rows 1 and 2 match the case" in traced.error
    assert (traced.matched, traced.counting, traced.outcome) == ((1, 2), (), None)


def test_below_a_row_that_has_no_answer_nothing_is_looked_at():
    traced = table(i.ordered > 5, i.total > 5, hit_policy="RULE ORDER").trace({"total": 9})
    assert [row.looked_at for row in traced.rows] == [True, False]
    assert "Invoice.ordered is missing" in traced.error


def test_what_is_no_case_of_the_table_is_refused():
    with pytest.raises(MissingInput, match="total: Field required"):
        table(i.total > 5).trace({})


def test_many_parts_of_a_condition_are_no_problem():
    condition = i.total > 1
    for n in range(150):
        condition = Both(condition, i.total > n)
    assert len(table(condition).trace({"total": 100}).rows[0].failed) == 50


# It agrees with the table


@settings(max_examples=120, deadline=None)
@given(tables(), CASES)
def test_a_trace_agrees_with_what_the_table_decides(table, case):
    traced = table.trace(case)
    assert (traced.outcome, traced.error) == _decided(table, case)
    rows = answer(lambda: table.rows_for(Reading(case)))
    if traced.error is None:
        assert tuple(number - 1 for number in traced.counting) == rows
        assert {row.number for row in traced.rows if row.counts} == set(traced.counting)
        assert set(traced.counting) <= set(traced.matched)
    else:
        assert traced.counting == ()
        assert rows[1] == traced.error
    for row, rule_ in zip(traced.rows, table.rules, strict=True):
        assert row.matches == _truth(rule_.when, case)
        if row.matches:
            assert all(cell.holds for cell in row.cells)
        else:
            assert row.failed
            assert all(cell.text for cell in row.failed)


def _truth(condition, case):
    try:
        return condition.holds(case)
    except InputError:
        return None


def _decided(table, case):
    try:
        return table(case).outcome, None
    except AbpoError as error:
        return None, str(error)


# Lists, patterns, money


class Line(BaseModel):
    amount: int
    owner: Annotated[str, Personal("owner", subject_field="amount")] = "SECRET"


class Order(BaseModel):
    name: str = "PO-1"
    lines: list[Line] = []
    price: Money = Money.of(Decimal("12.50"), "EUR")


o = fields(Order)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (o.name.matches("PO-[5-9]"), "name 'PO-1', needs matches 'PO-[5-9]'"),
        (o.price > Money.of(20, "EUR"), "price 12.50 EUR, needs > 20.00 EUR"),
        (o.lines.count() > 3, "count of lines: 2, needs > 3"),
    ],
)
def test_a_cell_of_another_kind_says_what_it_needs_too(condition, told):
    lines = [Line(amount=1), Line(amount=2)]
    assert str(DecisionTable("p", rule(condition, then="x", because="y"), otherwise="z").trace(Order(lines=lines))) == (
        f"p: z, since no row matches\nrow 1: {told}"
    )


@pytest.mark.parametrize(
    "condition",
    [
        o.lines.any_(lambda line: line.owner == "OTHER"),
        o.lines.any_(lambda line: line.owner == "SECRET"),
        o.lines.all_(lambda line: line.owner != "SECRET"),
        o.lines.count(lambda line: line.owner == "SECRET") > 5,
        o.lines.count(lambda line: line.owner == "SECRET") == 1,
        ~o.lines.any_(lambda line: line.amount > 0) | (o.lines.count(lambda line: line.owner == "SECRET") == 1),
    ],
)
def test_what_is_personal_in_a_list_is_masked(condition):
    made = DecisionTable("p", rule(condition, then="x", because="y"), otherwise="z")
    case = Order(lines=[Line(amount=1)])
    assert "SECRET" not in repr(made.trace(case))
    assert "SECRET" not in str(made.trace(case))
    shown = made.show(case)
    assert "SECRET" not in shown.text + shown.html
