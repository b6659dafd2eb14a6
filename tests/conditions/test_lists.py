"""Conditions about the items of a list."""

import copy
import pickle
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypedDict

from abpo_sdk import DecisionTable, Money, rule
from abpo_sdk.conditions import Field, Item, Reading, always, fields
from abpo_sdk.conditions.condition import constants_for
from abpo_sdk.conditions.nodes import FieldNode
from abpo_sdk.errors import (
    DefinitionError,
    InputError,
    MissingInput,
    MistypedInput,
    NoTruthValue,
    UnknownField,
    UnlikeTypes,
)
from abpo_sdk.gates import predicate
from abpo_sdk.testing import check_policy
from abpo_sdk.values import Personal


class Product(BaseModel):
    name: str = "bolt"
    count: int = 1


@dataclass
class Line:
    amount: Any = 5
    kind: Literal["goods", "work"] = "goods"
    note: str | None = None
    product: Product | None = field(default_factory=Product)
    parts: list[int] = field(default_factory=list)


Line.__annotations__["amount"] = Decimal


@dataclass
class Order:
    lines: list[Line] | None = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    fees: tuple[int, ...] = ()
    pair: tuple[int, str] = (1, "a")
    matrix: list[list[int]] = field(default_factory=list)
    anything: list[Any] = field(default_factory=list)
    limit: Decimal | None = Decimal(100)
    prices: list[Money] = field(default_factory=list)
    number: int = 1


o = fields(Order)


def order(*amounts, **others):
    return Order([Line(Decimal(amount)) for amount in amounts], **others)


large = o.lines.any_(lambda line: line.amount > 100)


@given(st.lists(st.integers(-3, 3), max_size=5), st.integers(-3, 3))
def test_any_all_and_count_are_those_of_python(amounts, limit):
    case = order(*amounts, limit=Decimal(limit), fees=tuple(amounts))
    over = [amount > limit for amount in amounts]
    assert o.lines.any_(lambda line: line.amount > o.limit).holds(case) is any(over)
    assert o.lines.all_(lambda line: line.amount > o.limit).holds(case) is all(over)
    assert (o.lines.count(lambda line: line.amount > o.limit) == sum(over)).holds(case)
    assert (o.fees.count() == len(amounts)).holds(case)
    assert o.fees.any_(lambda fee: fee == limit).holds(case) is (limit in amounts)
    assert (~o.fees.any_(lambda fee: fee > limit)).holds(case) is not any(over)
    assert (~o.fees.all_(lambda fee: fee > limit)).holds(case) is not all(over)


def test_of_an_empty_list_none_is_any_and_all_are_all_and_the_count_is_0():
    assert not large.holds(Order())
    assert o.lines.all_(lambda line: line.amount > 100).holds(Order())
    assert (o.lines.count(lambda line: line.amount > 100) == 0).holds(Order())
    assert (o.lines.count() == 0).holds(Order())


def test_the_function_is_called_once_when_the_condition_is_written():
    calls = []
    condition = o.lines.any_(lambda line: (calls.append(line), line.amount > 1)[1])
    assert condition.holds(order(1, 2, 3))
    [item] = calls
    assert isinstance(item, Item)
    assert not isinstance(item, Field)
    assert not isinstance(item.amount._node, FieldNode)


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        (o.tags.any_(lambda tag: tag == "urgent"), {"tags": ["a", "urgent"]}, True),
        (o.tags.all_(lambda tag: tag.is_in("a", "b")), {"tags": ["a", "c"]}, False),
        (o.tags.any_(lambda tag: tag.matches("[a-z]{2}")), {"tags": ["a", "bc"]}, True),
        (o.codes.any_(lambda code: code == "x"), {"codes": {"x", "y"}}, True),
        (o.fees.all_(lambda fee: abs(fee - o.number) <= 1), {"fees": (0, 1, 2)}, True),
        (o.pair.any_(lambda part: part == "a"), {}, True),
        (o.matrix.any_(lambda row: row.all_(lambda cell: cell > 1)), {"matrix": [[1, 2], [2, 3]]}, True),
        (o.matrix.all_(lambda row: row.count() == 2), {"matrix": [[1, 2], [2]]}, False),
        (o.matrix.any_(lambda row: row.count(lambda cell: cell == o.number) == 2), {"matrix": [[1, 2], [1, 1]]}, True),
        (o.lines.any_(lambda line: line.product.name == "bolt"), {"lines": [Line()]}, True),
        (o.lines.any_(lambda line: line.product.count == 1), {"lines": [Line()]}, True),
        (o.lines.any_(lambda line: line["note"].is_missing()), {"lines": [Line()]}, True),
        (o.lines.any_(lambda line: line.product.name.is_missing()), {"lines": [Line(product=None)]}, True),
        (o.lines.all_(lambda line: line.kind == "goods"), {"lines": [Line(kind="work")]}, False),
        (o.lines.any_(lambda a: o.lines.any_(lambda b: a.amount < b.amount)), {"lines": [Line(1), Line(2)]}, True),
        (
            o.lines.any_(lambda line: line.parts.any_(lambda part: part > line.amount)),
            {"lines": [Line(1, parts=[2])]},
            True,
        ),
        (o.lines.any_(lambda _: always), {"lines": [Line()]}, True),
        (o.lines.count() * 2 == 2, {"lines": [Line()]}, True),
        (o.prices.all_(lambda price: price <= Money.of(5, "EUR")), {"prices": [Money.of(5, "EUR")]}, True),
        (o.anything.any_(lambda thing: thing == 1), {"anything": ["a", 1]}, True),
        (o.lines.is_missing(), {"lines": None}, True),
    ],
)
def test_lists_of_models_and_of_plain_values_and_nested_ones_are_gone_through(condition, values, expected):
    assert condition.holds(Order(**values)) is expected
    for other in (copy.copy(condition), copy.deepcopy(condition), pickle.loads(pickle.dumps(condition))):
        assert other.holds(Order(**values)) is expected
        assert other.structure() == condition.structure()
    assert (~condition).holds(Order(**values)) is not expected
    assert condition.text()
    assert bool(condition.because(Order(**values))) is expected


def test_items_after_the_one_that_decides_are_not_looked_at():
    case = Order([Line(Decimal(200)), Line(None)])
    assert large.holds(case)
    assert not o.lines.all_(lambda line: line.amount < 100).holds(case)
    with pytest.raises(MissingInput):
        (o.lines.count(lambda line: line.amount > 100) > 0).holds(case)


class Row(TypedDict):
    lines: list[Line]


def test_lists_of_mappings_and_lists_in_mappings_are_gone_through():
    @dataclass
    class Sheet:
        rows: list[dict]

    Sheet.__annotations__["rows"] = list[Row]
    assert fields(Row).lines.any_(lambda line: line.amount > 1).holds({"lines": [Line(Decimal(2))]})
    nested = fields(Sheet).rows.any_(lambda row: row.lines.any_(lambda line: line.amount > 1))
    assert nested.holds(Sheet([{"lines": [Line(Decimal(2))]}]))
    with pytest.raises(MissingInput, match=r"Sheet.rows\[0\].lines is missing"):
        nested.holds(Sheet([{}]))


# What is wrong when written


@pytest.mark.parametrize(
    ("write", "kind", "text"),
    [
        (
            lambda: o.lines.any_(lambda line: line.amout > 1),
            UnknownField,
            "Line has no field 'amout'; did you mean 'amount'?",
        ),
        (lambda: o.lines.amount, UnknownField, "Order.lines is list, which has no field 'amount'; ask with any_"),
        (lambda: o.tags.any_(lambda tag: tag.name == "x"), UnknownField, "tag is text, which has no field 'name'"),
        (lambda: o.lines.any_(lambda line: line.amount > "1"), UnlikeTypes, "line.amount > '1': decimal and text"),
        (lambda: o.lines.any_(lambda line: line.amount > 0.5), UnlikeTypes, r"write Decimal\('0.1'\)"),
        (
            lambda: o.lines.any_(lambda line: line.amount),
            DefinitionError,
            "which is no condition; let it compare the item, such as line",
        ),
        (lambda: o.lines.any_(lambda line: True), DefinitionError, "gave True, which is no condition"),
        (lambda: o.lines.all_(lambda line: None), DefinitionError, "gave None, which is no condition"),
        (lambda: o.lines.count(lambda line: 1), DefinitionError, "gave 1, which is no condition"),
        (lambda: o.lines.any_(lambda: always), DefinitionError, "give a function of one item"),
        (lambda: o.lines.any_(lambda a, b: always), DefinitionError, "give a function of one item"),
        (lambda: o.lines.any_(o.number > 1), DefinitionError, "give a function of one item"),
        (
            lambda: o.number.any_(lambda item: item > 1),
            UnlikeTypes,
            r"number.any_\(...\): number is integer, and no list",
        ),
        (lambda: o.number.count() > 1, UnlikeTypes, r"number.count\(...\): number is integer, and no list"),
        (
            lambda: o.anything.any_(lambda thing: thing.any_(lambda x: x == 1)),
            UnlikeTypes,
            r"annotate it, such as list\[str\]",
        ),
        (lambda: o.anything.any_(lambda thing: thing > 1), UnlikeTypes, "value and integer do not compare"),
        (lambda: o.lines.any_(lambda line: line.amount > 1 and line.amount < 5), NoTruthValue, "instead of and"),
        (lambda: o.tags.any_(lambda tag: tag == 1), UnlikeTypes, "tag == 1: text and integer do not compare"),
        (lambda: o.lines.count() > "1", UnlikeTypes, "count of lines > '1': integer and text do not compare"),
    ],
)
def test_what_is_wrong_fails_when_it_is_written(write, kind, text):
    with pytest.raises(kind, match=text):
        write()


# What is wrong with a case


@pytest.mark.parametrize(
    ("condition", "case", "kind", "text"),
    [
        (
            large,
            Order([Line(1), Line(2), Line(None)]),
            MissingInput,
            r"Order.lines\[2\].amount is missing, .* line.amount.is_missing\(\)",
        ),
        (large, Order(None), MissingInput, "Order.lines is missing"),
        (large, Order("ab"), MistypedInput, "Order.lines is 'ab', a str where list is declared"),
        (large, Order([Line(1), None]), MissingInput, r"Order.lines\[1\] is missing"),
        (large, Order([Line("x")]), MistypedInput, r"Order.lines\[0\].amount is 'x', a str where decimal is declared"),
        (large, Order([Line(Decimal("NaN"))]), MistypedInput, "not a finite number"),
        (large, Order([5]), UnknownField, r"Order.lines\[0\] is a int without 'amount'"),
        (
            o.lines.any_(lambda line: line.product.name == "x"),
            Order([Line(product=None)]),
            MissingInput,
            r"Order.lines\[0\].product is missing",
        ),
        (
            o.tags.any_(lambda tag: tag == "a"),
            Order(tags=["b", 5]),
            MistypedInput,
            r"Order.tags\[1\] is 5, a int where text is declared",
        ),
        (o.tags.any_(lambda tag: tag == "a"), Order(tags=["b", None]), MissingInput, r"Order.tags\[1\] is missing"),
        (o.codes.any_(lambda code: code == "a"), Order(codes={"b", 5}), MistypedInput, r"Order.codes\[0\] is 5"),
        (
            o.matrix.any_(lambda row: row.any_(lambda cell: cell > 1)),
            Order(matrix=[[1], [True]]),
            MistypedInput,
            r"Order.matrix\[1\]\[0\] is True, a bool",
        ),
        (
            o.matrix.any_(lambda row: row.count() > 1),
            Order(matrix=[3]),
            MistypedInput,
            r"Order.matrix\[0\] is 3, a int where list is declared",
        ),
        (
            o.prices.any_(lambda price: price > Money.of(1, "USD")),
            Order(prices=[Money.of(1, "EUR")]),
            MistypedInput,
            "EUR and USD are different currencies",
        ),
    ],
)
def test_what_is_wrong_with_an_item_names_its_place(condition, case, kind, text):
    with pytest.raises(kind, match=text):
        condition.holds(case)


def test_an_item_outside_of_its_list_is_an_error():
    kept = []
    o.lines.any_(lambda line: (kept.append(line), line.amount > 1)[1])
    with pytest.raises(InputError, match=r"line.amount is an item of lines, and a condition asks for it outside"):
        (kept[0].amount > 1).holds(order(5))


# Texts and what is read


@pytest.mark.parametrize(
    ("condition", "case", "text"),
    [
        (large, order(5, 100, 1200), "any lines: lines[2].amount 1,200 > 100"),
        (large, order(5, 100), "any lines: lines[0].amount 5 > 100 (none of 2)"),
        (large, order(), "any lines: line.amount > 100 (there are none)"),
        (large, Order([Line(None)]), "any lines: line.amount > 100"),
        (large, None, "any lines: line.amount > 100"),
        (~large, order(5, 1200), "all lines: lines[1].amount 1,200 <= 100"),
        (~large, order(5, 6), "all lines: lines[0].amount 5 <= 100 (all 2)"),
        (o.lines.any_(lambda n: n.amount > o.limit), order(200), "any lines: lines[0].amount 200 > limit 100"),
        (
            o.lines.any_(lambda n: (n.amount > 1) & (n.kind == "goods")),
            order(200),
            "any lines: (lines[0].amount 200 > 1 and lines[0].kind is 'goods')",
        ),
        (o.tags.any_(lambda tag: tag == "urgent"), Order(tags=["new", "urgent"]), "any tags: tags[1] is 'urgent'"),
        (
            o.lines.count(lambda line: line.amount > 100) > 2,
            order(200, 300, 400),
            "count of lines where line.amount > 100: 3 > 2",
        ),
        (o.lines.count(lambda line: line.amount > 100) > 2, None, "count of lines where (line.amount > 100) > 2"),
        (
            o.lines.count(lambda line: line.amount > 100) > 2,
            Order([Line(None)]),
            "count of lines where line.amount > 100: (unknown) > 2",
        ),
        (o.lines.count() == 2, order(1, 2), "count of lines is 2"),
        (o.lines.count() > 1, order(1, 2), "count of lines: 2 > 1"),
        (
            o.matrix.any_(lambda row: row.any_(lambda cell: cell > 1)),
            Order(matrix=[[0], [1, 7]]),
            "any matrix: any matrix[1]: matrix[1][1] 7 > 1",
        ),
        (o.lines.any_(lambda line: line.note.is_missing()), order(1), "any lines: lines[0].note is missing"),
        (o.tags == ["a", "b"], Order(tags=["c"]), "tags ['c'] == ['a', 'b']"),
        (o.lines.is_missing(), order(1), "lines is missing"),
    ],
)
def test_a_text_shows_the_item_that_decides(condition, case, text):
    assert (condition.text() if case is None else condition.text(case)) == text


def test_the_fields_of_the_case_are_read_and_those_of_items_are_none_of_its_own():
    condition = o.lines.any_(lambda line: (line.amount > o.limit) & (line.kind == "goods"))
    assert [node.name for node in condition.fields()] == ["lines", "limit"]
    reading = Reading(order(200))
    assert condition.evaluate(reading)
    assert reading.read_of(Order) == ("lines", "limit")
    assert not reading.items


def test_the_constants_of_items_are_compared_with_the_list():
    condition = o.lines.any_(lambda line: (line.amount > 7) | (o.number == 3)) & (
        o.lines.count(lambda n: n.amount > 9) > 2
    )
    assert constants_for(condition, Order, frozenset({"lines"})) == {7, 9, 2}
    assert constants_for(condition, Order, frozenset({"number"})) == {3}


def test_a_predicate_is_asked_of_every_item():
    even = o.fees.count(lambda fee: predicate("even", lambda number: number % 2 == 0, fee)) == 2
    assert even.holds(Order(fees=(1, 2, 4)))


# Structure


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (large, o.lines.any_(lambda x: x.amount > 100)),
        (~large, o.lines.all_(lambda line: line.amount <= 100)),
        (~(large & (o.number > 1)), ~large | ~(o.number > 1)),
        (o.matrix.any_(lambda a: a.any_(lambda b: b > 1)), o.matrix.any_(lambda b: b.any_(lambda a: a > 1))),
        (o.lines.count() > 1, o.lines.count(lambda _: always) > 1),
    ],
)
def test_what_an_item_is_called_makes_no_difference(one, other):
    assert one.structure() == other.structure()


def test_different_questions_about_items_have_different_structures():
    conditions = [
        large,
        o.lines.all_(lambda line: line.amount > 100),
        o.lines.any_(lambda line: line.amount > o.limit),
        o.lines.count(lambda line: line.amount > 100) > 100,
        o.lines.count() > 100,
        o.lines.any_(lambda a: o.lines.any_(lambda b: a.amount < b.amount)),
        o.lines.any_(lambda a: o.lines.any_(lambda b: b.amount < a.amount)),
        o.lines.any_(lambda a: o.lines.any_(lambda b: b.amount < b.amount)),
        o.lines.any_(lambda a: o.lines.any_(lambda b: a.amount < a.amount)),
        o.fees.any_(lambda a: a > 1),
    ]
    assert len({str(condition.structure()) for condition in conditions}) == len(conditions)


# What is personal


class Payee(BaseModel):
    owner: str = "acme"
    iban: Annotated[str | None, Personal("bank account", subject_field="owner")] = "SECRET"


class Payout(BaseModel):
    payees: list[Payee] = [Payee(), Payee()]
    names: Annotated[list[str], Personal("names", subject_field="by")] = ["SECRET"]
    by: str = "acme"


p = fields(Payout)


@pytest.mark.parametrize(
    "condition",
    [
        p.payees.any_(lambda payee: payee.iban == "SECRET"),
        p.payees.all_(lambda payee: payee.iban == "SECRET"),
        p.payees.any_(lambda payee: payee.iban != "SECRET"),
        p.payees.count(lambda payee: payee.iban == "SECRET") == 2,
        p.payees.count(lambda payee: payee.iban == "SECRET") > 0,
        p.payees.any_(lambda payee: payee.iban.matches("SECRET")),
        p.payees.any_(lambda payee: payee.iban.is_in("SECRET", "x")),
        p.payees.any_(lambda payee: (payee.owner == "acme") & (payee.iban == "SECRET")),
        p.names.any_(lambda name: name == "SECRET"),
        ~p.names.any_(lambda name: name == "SECRET"),
    ],
)
def test_personal_values_of_items_are_masked(condition):
    for case in (Payout(), Payout(payees=[Payee(iban=None)] * 2)):
        assert "SECRET" not in condition.text(case)
        assert not any("SECRET" in text for text in condition.because(Payout()))


def test_personal_values_of_items_are_masked_in_errors():
    case = Payout.model_construct(payees=[Payee.model_construct(iban=4242)], names=[4242])
    for condition in (p.payees.any_(lambda payee: payee.iban == "x"), p.names.any_(lambda name: name == "x")):
        with pytest.raises(MistypedInput) as error:
            condition.holds(case)
        assert "4242" not in str(error.value)


# In a table


class Bill(BaseModel):
    amounts: list[Decimal]
    payees: list[Payee] = []
    tags: set[str] = set()


def test_a_table_with_conditions_on_lists_passes_the_checks_of_a_policy():
    b = fields(Bill)

    def make():
        return DecisionTable(
            "bills",
            rule(b.amounts.any_(lambda amount: amount > 1000), then="refer", because="one amount is large"),
            rule(b.amounts.count(lambda amount: amount < 0) >= 2, then="reject", because="two are negative"),
            rule(b.payees.any_(lambda payee: payee.iban == "SECRET"), then="refer", because="a payee is known"),
            rule(b.tags.all_(lambda tag: tag != "late"), then="pay", because="nothing is late"),
            otherwise="refer",
            owner="head of accounts",
        )

    report = check_policy(make(), again=make)
    assert report.cases
    decision = make()(Bill(amounts=[Decimal(5), Decimal(2000)]))
    assert decision.inputs == ("amounts",)
    assert decision.reasons[0].condition == "any amounts: amounts[1] 2,000 > 1,000"
