"""A table is written as DMN, and read as the same table, which decides the same."""

from __future__ import annotations

import datetime as dt
import enum
import re
from decimal import Decimal
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypedDict

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.conditions import Condition, always
from abpo_sdk.errors import AbpoError, DefinitionError, DmnError
from abpo_sdk.policies.dmn.columns import joined
from abpo_sdk.policies.dmn.xml import Element, read_xml
from abpo_sdk.policies.hit_policies import AGGREGATIONS, HIT_POLICIES
from abpo_sdk.policies.rules import Output, Rule


class Order(BaseModel):
    total: Decimal
    lines: int


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Case(BaseModel):
    amount: Decimal
    count: int
    weight: float
    country: Literal["DE", "FR", "IT"]
    note: str | None
    urgent: bool
    due: dt.date
    sent: dt.datetime
    wait: dt.timedelta
    order: Order
    size: Size = Size.SMALL
    items: list[int] = []


c = fields(Case)


def again(table: DecisionTable, version: Any = "1.3") -> DecisionTable:
    return DecisionTable.from_dmn(table.to_dmn(version=version))


# --- round trip ---

AMOUNTS = st.decimals(-5, 5, places=1)
COUNTS = st.integers(-3, 3)
DATES = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5))
SENT = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 2), timezones=st.just(dt.UTC))  # noqa: DTZ001
WAITS = st.timedeltas(dt.timedelta(0), dt.timedelta(hours=3))
TEXTS = st.text('aé"\\<&>]\n\r\t \u2028😀', max_size=4)
WEIGHTS = st.floats(-2, 2, width=16)
COUNTRIES = st.sampled_from(["DE", "FR", "IT"])


def ordered(field: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    one = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), values).map(lambda t: compared(field, *t))
    both = st.tuples(values, values).map(lambda t: (field >= min(t)) & (field < max(t)))
    among = st.lists(values, min_size=2, max_size=3, unique=True).map(field.is_in)
    return one | both | among


def compared(field: Any, sign: str, value: Any) -> Condition:
    found: Condition = {
        "<": field < value,
        "<=": field <= value,
        ">": field > value,
        ">=": field >= value,
        "==": field == value,
        "!=": field != value,
    }[sign]
    return found


PARTS: st.SearchStrategy[Condition] = st.one_of(
    ordered(c.amount, AMOUNTS),
    ordered(c.count, COUNTS),
    ordered(c.due, DATES),
    ordered(c.sent, SENT),
    ordered(c.wait, WAITS),
    ordered(c.order.total, AMOUNTS),
    WEIGHTS.map(lambda value: c.weight <= value),
    TEXTS.map(lambda value: c.note == value),
    COUNTRIES.map(lambda value: c.country == value),
    st.lists(COUNTRIES, min_size=2, max_size=3, unique=True).map(c.country.is_in),
    st.lists(COUNTRIES, min_size=2, max_size=3, unique=True).map(lambda values: ~c.country.is_in(values)),
    st.booleans().map(lambda value: c.urgent == value),
    st.just(c.note.is_missing()),
    st.just(c.amount > c.order.total),
    AMOUNTS.map(lambda value: abs(c.amount - c.order.total) <= value),
    AMOUNTS.map(lambda value: (c.amount > value) | (c.count == 1)),
)


def in_a_row(parts: list[Condition]) -> Condition:
    return reduce(and_, (each for part in parts for each in joined(part)), always)


WHENS = st.lists(PARTS, max_size=4).map(in_a_row)


NUMBERS = st.one_of(st.integers(-9, 9), st.decimals(-9, 9, places=2))
ANYTHING = NUMBERS | WEIGHTS | st.booleans() | DATES | SENT | WAITS | TEXTS | st.none()
OUTCOMES = st.sampled_from(["pay", "refer", "reject"])
REASONS = st.text("ab \n<&", min_size=1, max_size=5).filter(str.strip)


@st.composite
def tables(draw: st.DrawFn) -> DecisionTable:
    hit_policy = draw(st.sampled_from(HIT_POLICIES))
    aggregation = draw(st.sampled_from([None, *AGGREGATIONS])) if hit_policy == "COLLECT" else None
    number = draw(st.integers(1, 4))
    if aggregation is not None:
        values: st.SearchStrategy[Any] = NUMBERS
        outputs: Any = draw(st.sampled_from([None, ["points"]]))
    elif draw(st.booleans()):
        values = st.fixed_dictionaries({"what": OUTCOMES, "fee in euro": ANYTHING})
        outputs = [Output("what", ("reject", "refer", "pay")), "fee in euro"]
    else:
        values = OUTCOMES
        outputs = [Output("outcome", tuple(draw(st.permutations(["pay", "refer", "reject"]))))]
    rules = [
        Rule(draw(WHENS), draw(values), draw(REASONS), draw(st.none() | st.text("r1 \n", min_size=1, max_size=3)))
        for _ in range(number)
    ]
    return DecisionTable(
        draw(st.sampled_from(["pay", "Approval Status", "a/b"])),
        *rules,
        otherwise=draw(st.none() | values),
        owner=draw(st.sampled_from([None, "head of accounts"])),
        hit_policy=hit_policy,
        aggregation=aggregation,
        outputs=outputs,
        case_type=Case if all(row.when is always for row in rules) else None,
    )


CASES = st.builds(
    Case,
    amount=AMOUNTS,
    count=COUNTS,
    weight=WEIGHTS,
    country=COUNTRIES,
    note=st.none() | TEXTS,
    urgent=st.booleans(),
    due=DATES,
    sent=SENT,
    wait=WAITS,
    order=st.builds(Order, total=AMOUNTS, lines=COUNTS),
)


def outcome_of(table: DecisionTable, case: Any) -> Any:
    try:
        return table.result(case)
    except AbpoError as error:
        return type(error)


@settings(max_examples=80, deadline=None)
@given(tables(), st.sampled_from(["1.3", "1.4", "1.5"]), st.lists(CASES, min_size=3, max_size=6))
def test_a_table_is_read_as_it_was_written_and_decides_the_same(
    table: DecisionTable, version: str, cases: list[Case]
) -> None:
    read = again(table, version)
    assert read.version == table.version
    assert (read.owner, read.hit_policy, read.outputs) == (table.owner, table.hit_policy, table.outputs)
    for case in cases:
        assert outcome_of(read, case.model_dump()) == outcome_of(table, case)


def test_a_choice_of_an_enumeration_is_read_as_one_of_texts() -> None:
    table = DecisionTable("t", rule(c.size == Size.LARGE, then="refer", because="large"), otherwise="pay")
    assert again(table).result({"size": "large"}) == "refer"
    assert again(table).case_type.__annotations__["size"] == Literal["small", "large"] | None


def test_values_keep_their_types() -> None:
    given = {"whole": 7, "exact": Decimal("7.50"), "short": 0.1, "mixed": 1}
    other = {"whole": 8, "exact": Decimal(1), "short": 0.2, "mixed": Decimal("1.5")}
    table = DecisionTable("t", rule(c.count > 1, then=given, because="b"), otherwise=other)
    assert repr(again(table).result({"count": 2})) == repr(given)
    assert repr(again(table).result({"count": 0})) == repr(other)


# --- what it looks like ---

PAYMENT = DecisionTable(
    "payment",
    rule(c.amount <= 0, then="reject", because="not positive", name="positive"),
    rule((c.country == "DE") & (c.amount < 10), then="pay", because="small"),
    rule((c.amount > c.order.total) | c.urgent.is_missing(), then="refer", because="odd"),
    otherwise="refer",
    owner="head",
)


def written(table: DecisionTable) -> Element:
    [decision] = read_xml(table.to_dmn(), "x").all("decision")
    found = decision.first("decisionTable")
    assert found is not None
    return found


def columns(table: DecisionTable) -> list[str]:
    return [i.children[0].children[0].text for i in written(table).all("input")]


def cells(table: DecisionTable) -> list[list[str]]:
    return [[e.children[0].text for e in row.all("inputEntry")] for row in written(table).all("rule")]


def test_columns_stand_in_the_order_in_which_rows_are_evaluated() -> None:
    assert columns(PAYMENT) == ["amount", "country", "amount", "amount > order.total or urgent = null"]
    assert cells(PAYMENT) == [["<= 0", "-", "-", "-"], ["-", '"DE"', "< 10", "-"], ["-", "-", "-", "true"]]


def test_parts_about_one_expression_share_a_cell() -> None:
    table = DecisionTable("t", rule((c.count > 1) & (c.count <= 5), then="a", because="b"), otherwise=None)
    assert (columns(table), cells(table)) == (["count"], [["(1..5]"]])


def test_inputs_are_the_fields_that_are_read_and_nested_ones_are_parts() -> None:
    read = DecisionTable.from_dmn(PAYMENT.to_dmn())
    assert list(read.case_type.__annotations__) == ["amount", "country", "order", "urgent"]
    assert read.case_type.__name__ == "Case"


def test_reasons_stand_where_modelers_show_them() -> None:
    [first, *_] = written(PAYMENT).all("rule")
    assert [a.children[0].text for a in first.all("annotationEntry")] == ["not positive"]
    assert [d.text for d in first.all("description")] == ["not positive"]


def test_everything_has_an_id_of_its_own_and_every_thing_and_requirement_is_drawn() -> None:
    text = PAYMENT.to_dmn()
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    drawn = re.findall(r'dmnElementRef="([^"]*)"', text)
    assert set(drawn) <= set(ids)
    root = read_xml(text, "x")
    things = [e.get("id") for e in root.all("decision", "inputData")]
    lines = [r.get("id") for d in root.all("decision") for r in d.all("informationRequirement")]
    assert sorted(drawn) == sorted(things + lines)


@pytest.mark.parametrize(("version", "space"), [("1.3", "20191111"), ("1.4", "20211108"), ("1.5", "20230324")])
def test_the_version_is_chosen(version: Any, space: str) -> None:
    assert read_xml(PAYMENT.to_dmn(version=version), "x").namespace == f"https://www.omg.org/spec/DMN/{space}/MODEL/"


def test_a_version_that_is_not_written_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"version='1.1' of DMN is not written; there are 1.3, 1.4, 1.5"):
        PAYMENT.to_dmn(version="1.1")  # type: ignore[arg-type]


def test_it_is_written_into_a_file(tmp_path: Path) -> None:
    text = PAYMENT.to_dmn(tmp_path / "payment.dmn")
    assert (tmp_path / "payment.dmn").read_bytes() == text.encode()
    assert DecisionTable.from_dmn(tmp_path / "payment.dmn").version == PAYMENT.version


# --- what DMN cannot say ---


@pytest.mark.parametrize("name", ["1 + 1", "and", "a.b", "a  b", "a(b)", "", "2nd"])
def test_a_name_that_expressions_would_read_as_something_else_is_refused(name: str) -> None:
    odd = fields(TypedDict("Odd", {name: int}))  # type: ignore[misc]
    table = DecisionTable("t", rule(odd[name] > 1, then="a", because="b"), otherwise=None)
    with pytest.raises(DmnError, match=re.escape(f"{name!r} cannot be a name in DMN")):
        table.to_dmn()


def test_a_table_may_be_called_anything_in_single_blanks() -> None:
    assert again(DecisionTable("pay: (v2)", *PAYMENT.rules, otherwise=None)).name == "pay: (v2)"
    with pytest.raises(DmnError, match="write single blanks"):
        DecisionTable("pay  it", *PAYMENT.rules, otherwise=None).to_dmn()


def test_a_character_that_xml_cannot_hold_is_refused() -> None:
    table = DecisionTable("t", rule(c.count > 1, then="a", because="a\x00b"), otherwise=None)
    with pytest.raises(DmnError, match=r"holds the character '\\x00'"):
        table.to_dmn()


def test_a_row_that_feel_cannot_say_is_named() -> None:
    class Odd(BaseModel):
        thing: complex

    odd: Any = fields(Odd).thing
    table = DecisionTable("t", rule(odd == 1j, then="a", because="b", name="odd"), otherwise=None)
    with pytest.raises(DmnError, match="thing"):
        table.to_dmn()
