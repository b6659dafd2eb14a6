"""A table as text and as HTML, and with a case."""

from decimal import Decimal
from html.parser import HTMLParser
from typing import Annotated

import pytest
from hypothesis import given, settings
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Personal, fields, rule
from abpo_sdk.conditions import always
from abpo_sdk.policies import Output
from abpo_sdk.policies.showing import MOST, WIDTH
from tests.conditions.test_conditions_hold_as_python_says import CASES
from tests.policies.test_matching import tables


class Invoice(BaseModel):
    total: Decimal
    ordered: Decimal | None = None
    country: str = "DE"
    supplier: str = "acme"
    iban: Annotated[str, Personal("bank account", subject_field="supplier")] = "SECRET"


i = fields(Invoice)
PAYMENT = DecisionTable.rows(
    "payment",
    [i.total, i.country],
    [Output("decision", values=("reject", "refer", "pay")), "days"],
    [
        ("<= 0", None, "reject", 1, "the total is not positive"),
        ("(0..1000]", ["DE", "FR"], "pay", 3, "the total is small", "small"),
        ("< ordered * 1.02", None, "pay", 14, "it was ordered"),
    ],
    otherwise={"decision": "refer", "days": 30},
    owner="head of payments",
)


class Cells(HTMLParser):
    """The rows of the only table in some HTML, and every tag and class that occurs."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.classes = [], set(), []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.classes.append((tag, dict(attributes).get("class")))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")


def body(text):
    """The lines of a table between its heading and its notes, their columns one space apart."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("-"))
    return [" ".join(line.split()) for line in lines[start + 1 :]]


# A table alone


def test_a_table_is_drawn_as_text():
    assert str(PAYMENT) == PAYMENT.text()
    title, heading, *_ = str(PAYMENT).splitlines()
    assert title == f"payment (version {PAYMENT.version}, owner: head of payments)"
    assert heading.split() == ["F", "total", "country", "|", "decision", "days", "because"]
    assert body(str(PAYMENT)) == [
        "1 <= 0 - | reject 1 the total is not positive",
        "2 small > 0 and <= 1,000 in ('DE', 'FR') | pay 3 the total is small",
        "3 < ordered * 1.02 - | pay 14 it was ordered",
        "else - - | refer 30 no rule applies",
        "F: hit policy FIRST",
        "decision is one of reject, refer, pay",
    ]


def test_a_table_is_drawn_as_html():
    drawn = Cells(PAYMENT._repr_html_())
    assert drawn.rows[0] == ["F", "total", "country", "decision", "days", "because"]
    assert drawn.rows[2] == ["2 small", "> 0 and <= 1,000", "in ('DE', 'FR')", "pay", "3", "the total is small"]
    assert drawn.rows[4][:2] == ["else", "-"]
    assert ("td", "fails") not in drawn.classes


@pytest.mark.parametrize(
    ("hit_policy", "aggregation", "letter"),
    [
        ("UNIQUE", None, "U"),
        ("ANY", None, "A"),
        ("PRIORITY", None, "P"),
        ("FIRST", None, "F"),
        ("RULE ORDER", None, "R"),
        ("OUTPUT ORDER", None, "O"),
        ("COLLECT", None, "C"),
        ("COLLECT", "sum", "C+"),
        ("COLLECT", "min", "C<"),
        ("COLLECT", "max", "C>"),
        ("COLLECT", "count", "C#"),
    ],
)
def test_the_hit_policy_stands_in_the_corner_as_in_dmn(hit_policy, aggregation, letter):
    table = DecisionTable(
        "points",
        rule(i.total > 5, then=2, because="large"),
        otherwise=0,
        outputs=[Output("points", values=(0, 2))],
        hit_policy=hit_policy,
        aggregation=aggregation,
    )
    assert str(table).splitlines()[1].split()[0] == letter
    assert Cells(table._repr_html_()).rows[0][0] == letter


def test_columns_stand_in_the_order_in_which_rows_read_them():
    table = DecisionTable.rows(
        "p",
        [i.total, i.ordered, i.country],
        ["d"],
        [("> 5", None, '"DE"', "x", "a"), ("> 5", "> 3", None, "x", "b"), (None, "> 3", '"FR"', "x", "c")],
        otherwise="y",
    )
    assert Cells(table._repr_html_()).rows[0][1:4] == ["total", "ordered", "country"]


def test_what_mixes_inputs_stands_in_a_column_of_its_own():
    table = DecisionTable("p", rule((i.total > 5) | (i.country == "DE"), then="x", because="so"), otherwise="y")
    drawn = Cells(table._repr_html_())
    assert drawn.rows[0][1] == "condition"
    assert drawn.rows[1][1] == "total > 5 or country == 'DE'"


def test_that_there_is_no_default_is_said():
    table = DecisionTable("p", rule(i.total > 5, then="x", because="so"), otherwise=None)
    assert str(table).splitlines()[-1] == "a case that no row covers is an error"


EVIL = "<script>alert('x')</script> & <b>\n\x1b[31m"


def test_nothing_that_a_table_or_a_case_holds_is_html_or_a_control_character():
    rules = [rule(i.country == EVIL, then=EVIL, because=EVIL, name=EVIL), rule(i.total > 5, then="x", because="y")]
    table = DecisionTable(EVIL, *rules, otherwise=EVIL, owner=EVIL, outputs=[Output(EVIL, values=(EVIL, "x"))])
    shown = table.show(Invoice(total=9, country=EVIL))
    for html in (table._repr_html_(), shown._repr_html_()):
        assert not {"script", "b"} & Cells(html).tags
        assert "\x1b" not in html
    for text in (table.text(), str(shown)):
        assert text.replace("\n", "").isprintable()


def test_a_line_of_text_has_at_most_100_characters_however_much_there_is_to_say():
    long = "a reason that goes on and on, " * 30
    rules = [rule(i.country.is_in(*(f"country {n}" for n in range(60))), then="x", because=long)]
    table = DecisionTable("t" * 300, *rules, otherwise="y" * 200, owner="o" * 150)
    assert max(map(len, table.text().splitlines())) <= WIDTH
    assert max(map(len, str(table.show(Invoice(total=9))).splitlines())) <= WIDTH
    assert "…" in table.text()


class Wide(BaseModel):
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0
    h: int = 0
    j: int = 0
    k: int = 0
    m: int = 0


def test_a_table_of_very_many_columns_is_written_row_by_row():
    w = fields(Wide)
    columns = [getattr(w, name) for name in Wide.model_fields]
    row = [f"[{1_000_000 + n}..{2_000_000 + n}]" for n in range(len(columns))]
    table = DecisionTable.rows("wide", columns, ["d"], [(*row, "pay", "so", "one")], otherwise="refer")
    text = str(table.show(Wide(a=1_500_000)))
    assert "1 one: a: >= 1,000,000 and <= 2,000,000 and b: >= 1,000,001 and <= 2,000,001 ✗" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= WIDTH


def test_of_very_many_rows_the_first_are_shown_and_those_that_match():
    rules = [rule(i.total == n, then="x", because=f"it is {n}") for n in range(1_000)]
    table = DecisionTable("p", *rules, otherwise="y")
    assert "and 800 more rows, all in table.to_frame()" in table.text()
    shown = Cells(table.show(Invoice(total=900))._repr_html_())
    assert len(shown.rows) == MOST + 4  # the heading, the case, the row that matches, the default
    assert shown.rows[-2][-1] == "it is 900"


# With a case


def test_a_case_marks_what_matches_and_what_does_not():
    shown = PAYMENT.show({"total": 742, "ordered": 740, "country": "PL"})
    assert str(shown).splitlines()[1] == "pay by row 3 (FIRST)"
    assert body(str(shown))[:5] == [
        "case 742 'PL' |",
        "1 <= 0 ✗ - | reject 1 the total is not positive",
        "2 small > 0 and <= 1,000 in ('DE', 'FR') ✗ | pay 3 the total is small",
        "→ 3 < ordered * 1.02 - | pay 14 it was ordered",
        "else - - | refer 30 no rule applies",
    ]
    drawn = Cells(shown._repr_html_())
    assert drawn.classes.count(("td", "fails")) == 2
    assert drawn.classes.count(("tr", "counts")) == 1
    assert repr(shown) == "<payment shown with a case>"
    assert shown.trace == PAYMENT.trace({"total": 742, "ordered": 740, "country": "PL"})


def test_a_row_that_was_not_looked_at_is_told_from_one_that_cannot_be_told():
    assert [row[0] for row in Cells(PAYMENT.show({"total": 742})._repr_html_()).rows[2:]] == [
        "1", "→ 2 small", "· 3", "else"
    ]  # fmt: skip
    unknown = PAYMENT.show({"total": 742, "country": "PL"})
    assert [row[0] for row in Cells(unknown._repr_html_()).rows[2:]] == ["1", "2 small", "? 3", "else"]
    assert "? cannot be told" in str(unknown)


def test_the_default_is_marked_where_it_applies():
    table = DecisionTable("p", rule(i.total > 5, then="x", because="so"), otherwise="y")
    assert body(str(table.show({"total": 1})))[2].startswith("→ else")
    assert not body(str(table.show({"total": 9})))[2].startswith("→")


def test_what_is_computed_is_shown_as_it_comes_out_and_what_is_missing_as_missing():
    table = DecisionTable.rows(
        "p", [abs(i.total - i.ordered), i.ordered], ["d"], [("> 5", "> 3", "x", "so")], otherwise="y"
    )
    assert body(str(table.show({"total": 1, "ordered": 9})))[0] == "case 8 9 |"
    assert body(str(table.show({"total": 1})))[0] == "case (missing) (missing) |"


@pytest.mark.parametrize(
    "condition",
    [
        i.iban == "SECRET",
        i.iban != "SECRET",
        i.iban.is_in("SECRET", "OTHER"),
        ~i.iban.is_in("SECRET", "OTHER"),
        (i.iban == "SECRET") | (i.iban == "OTHER"),
        (i.iban != "SECRET") & (i.iban != "OTHER"),
    ],
)
def test_a_personal_value_of_the_case_is_not_shown(condition):
    table = DecisionTable("p", rule(condition & (i.total > 5), then="x", because="so"), otherwise="y")
    shown = table.show(Invoice(total=9))
    assert "SECRET" not in str(shown)
    assert "SECRET" not in shown._repr_html_()
    assert "<bank account>" in " ".join(str(shown).split())


@pytest.mark.parametrize(
    "condition", [(i.iban == "SECRET") | (i.total > 5), ~((i.iban == "SECRET") & (i.total > 5)), i.iban == i.supplier]
)
def test_a_personal_value_is_not_shown_where_inputs_are_mixed_either(condition):
    table = DecisionTable("p", rule(condition, then="x", because="so"), otherwise="y")
    shown = table.show(Invoice(total=9, supplier="SECRET"))
    assert "SECRET" not in shown.html
    assert "SECRET" not in shown.text


def test_a_row_that_asks_nothing_is_all_dashes():
    table = DecisionTable(
        "p", rule(always, then="x", because="so"), rule(i.total > 5, then="x", because="b"), otherwise="y"
    )
    assert body(str(table.show({"total": 1})))[1] == "→ 1 - | x so"


@settings(max_examples=60, deadline=None)
@given(tables(), CASES)
def test_any_table_is_shown_with_any_case_and_marks_what_the_trace_says(table, case):
    shown = table.show(case)
    assert max(map(len, shown.text.splitlines())) <= WIDTH
    drawn = Cells(shown.html)
    counting = [row for row in shown.trace.rows if row.counts]
    default = shown.trace.error is None and not counting and table.default is not None
    assert drawn.classes.count(("tr", "counts")) == len(counting) + default
    assert (("td", "fails") in drawn.classes) == any(row.failed for row in shown.trace.rows)
