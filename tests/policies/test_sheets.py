"""Tables as CSV files and frames: read cell by cell, and written so that they come back the same."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, fields, rule
from abpo_sdk.conditions import always
from abpo_sdk.errors import DefinitionError, MissingInput
from abpo_sdk.policies import Output
from abpo_sdk.policies.sheets.reading import FORMULA
from abpo_sdk.policies.sheets.row_by_row import joined
from tests.policies.feel.cases import Case as AnyCase
from tests.policies.feel.cases import conditions, decimals, durations, moments, texts


class Order(BaseModel):
    total: Decimal
    placed: dt.date


class Invoice(BaseModel):
    total: Decimal
    ordered: Decimal | None = None
    country: str = "DE"
    urgent: bool = False
    order: Order | None = None


i = fields(Invoice)
HEAD = "total,country,decision,because\n"


@pytest.fixture
def file(tmp_path):
    def written(content, name="payment.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def read(path, outputs=("decision",), otherwise="refer", **more):
    return DecisionTable.from_csv("payment", path, Invoice, outputs=outputs, otherwise=otherwise, **more)


def texts_of(table):
    return [row.when.text() for row in table.rules]


# Reading a file


def test_a_file_is_read_into_a_table(file):
    table = read(
        file(
            "total,order.total,country,abs(total - ordered) <= ordered * 0.02,decision,days,because,rule\n"
            '<= 0,-,,,"""reject""",1,not positive,\n'
            '"[1..5], > 100",< total,"""DE"", ""FR""",true,"""pay""",14,"ordered, and known",known\n'
        ),
        outputs=["decision", "days"],
        otherwise={"decision": "refer", "days": 30},
    )
    assert texts_of(table) == [
        "total <= 0",
        "(total >= 1 and total <= 5 or total > 100) and order.total < total and country in ('DE', 'FR')"
        " and abs(total - ordered) <= ordered * 0.02",
    ]
    assert [row.then for row in table.rules] == [{"decision": "reject", "days": 1}, {"decision": "pay", "days": 14}]
    assert [(row.because, row.name) for row in table.rules] == [("not positive", None), ("ordered, and known", "known")]


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_read(file):
    table = read(file(b"\xef\xbb\xbf" + (HEAD + '> 5,,"""pay""",so\n\n').replace("\n", "\r\n").encode()))
    assert texts_of(table) == ["total > 5"]


def test_a_file_with_semicolons_is_read_where_that_is_said_and_hinted_at_where_not(file):
    path = file('total;decision;because\n> 1;"""pay""";so\n')
    assert texts_of(read(path, delimiter=";")) == ["total > 1"]
    with pytest.raises(DefinitionError, match="delimiter=';'"):
        read(path)


def test_the_columns_may_stand_in_any_order(file):
    assert texts_of(read(file('because,decision,country,total\nso,"""pay""","""DE""",> 5\n'))) == [
        "country == 'DE' and total > 5"
    ]


def test_a_text_of_an_output_stands_in_quotes_unless_its_values_are_listed(file):
    path = file(HEAD + "> 5,,pay,so\n")
    with pytest.raises(DefinitionError, match=r"line 2, column 'decision': .*'pay'.*a text is written in quotes"):
        read(path)
    listed = Output("decision", values=("reject", "refer", "pay"))
    assert read(path, outputs=[listed]).rules[0].then == "pay"
    assert read(file(HEAD + '> 5,,"""pay""",so\n'), outputs=[listed]).rules[0].then == "pay"
    with pytest.raises(DefinitionError, match="may be one of reject, refer, pay"):
        read(file(HEAD + "> 5,,pya,so\n"), outputs=[listed])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-1.50", Decimal("-1.50")),
        ("true", True),
        ('"true"', "true"),
        ('date("2026-01-31")', dt.date(2026, 1, 31)),
        ('duration("P3D")', dt.timedelta(days=3)),
    ],
)
def test_an_output_is_a_value_of_its_own_type(file, text, value):
    quoted = text.replace('"', '""')
    table = read(file(HEAD + f'> 5,,"{quoted}",so\n'), otherwise=value)
    assert table.rules[0].then == value
    assert type(table.rules[0].then) is type(value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"payment.csv is empty"),
        (HEAD, r"payment.csv has no rows"),
        (HEAD.encode() + b'> 5,,"""pay""",f\xfcnf\n', r"payment.csv, line 2: the byte 0xfc is no UTF-8"),
        (HEAD + '> 5,,"""pay""","so\n', r"payment.csv, line 2: this is no CSV .*is a quote not closed"),
        (HEAD + '> 5,"D"E,"""pay""",so\n', r"payment.csv, line 2: this is no CSV"),
        (HEAD + '> 5,,"""pay""","a\nb"\n> 5,,"""pay"""\n', r"payment.csv, line 4 has 3 cells, and there are 4 columns"),
        (HEAD + '> 5,,"""pay""",so,\n', r"line 2 has 5 cells"),
        ("total,total,decision,because\n", r"has the column 'total' more than once"),
        ("total,(total),decision,because\n1,2,3,so\n", r"columns 'total' and '\(total\)' are the same input"),
        ("totl,decision,because\n", r"column 'totl': .*did you mean 'total'\?"),
        ("order.totl,decision,because\n", r"column 'order.totl'"),
        ("total,decison,because\n", r"has no column 'decision'; did you mean 'decison'\?"),
        ("total,decision,reason\n", r"has no column 'because'"),
        ("total,,decision,because\n", r"has a column without a name"),
        ("total,1 + 1,decision,because\n", r"column '1 \+ 1'"),
        (HEAD + "> 5,,,so\n", r"line 2, column 'decision': the cell is empty"),
        (HEAD + "> 5,,  ,so\n", r"line 2, column 'decision': the cell is empty"),
        (HEAD + '> 5,,"""pay""",\n', r"line 2, column 'because': '' is no reason"),
        (HEAD + '> 5,FR,"""pay""",so\n', r"line 2, column 'country': .*'FR'.*a text is written in quotes: \"FR\""),
        (HEAD + '>> 5,,"""pay""",so\n', r"line 2, column 'total'"),
        (HEAD + '__class__,,"""pay""",so\n', r"line 2, column 'total': .*__class__"),
        (HEAD + '"sum(1, 2)",,"""pay""",so\n', r"line 2, column 'total': .*`sum\(...\)` is not supported"),
        (HEAD + '"""many""",,"""pay""",so\n', r"line 2, column 'total': .*do not compare"),
        (HEAD + '=1+1,,"""pay""",so\n', r"line 2, column 'total': a spreadsheet takes '=1\+1' for a formula"),
        (HEAD + "> 5,,=1+1,so\n", r"line 2, column 'decision': a spreadsheet takes"),
        (HEAD + '> 5,,"""pay""",=cmd\n', r"line 2, column 'because': a spreadsheet takes '=cmd' for a formula"),
        (HEAD + '> 5,,"""pay""",@sum\n', r"line 2, column 'because': a spreadsheet takes"),
        (HEAD + '> 5,,"""""",so\n', r"line 2: the rule for \(total > 5\) needs an outcome"),
        (HEAD + "> 5,,[1],so\n", r"line 2: .* gives \[.*\], a list"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_file_line_and_column(file, content, told):
    with pytest.raises(DefinitionError, match=told):
        read(file(content))


@pytest.mark.parametrize("outputs", ["decision", [""], ["because"], ["rule"], 7])
def test_outputs_that_are_none_are_refused(file, outputs):
    with pytest.raises(DefinitionError):
        read(file(HEAD + '> 5,,"""pay""",so\n'), outputs=outputs)


def test_a_cell_that_names_a_field_is_compared_with_it_and_a_missing_one_is_an_error(file):
    table = read(file(HEAD + '> ordered,,"""pay""",so\n'))
    assert table.outcome({"total": 5, "ordered": 3}) == "pay"
    with pytest.raises(MissingInput):
        table({"total": 5})


# Reading a frame


def frame(**columns):
    size = max(map(len, columns.values()))
    return pd.DataFrame({**columns, "decision": ['"pay"'] * size, "because": ["so"] * size})


def from_frame(made, **more):
    return DecisionTable.from_frame("payment", made, Invoice, outputs=["decision"], otherwise="refer", **more)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("> 5", "total > 5"),
        (5, "total == 5"),
        (np.int64(5), "total == 5"),
        (0.1, "total == 0.1"),
        (Decimal("0.10"), "total == 0.10"),
        (None, "always"),
        (float("nan"), "always"),
        (pd.NA, "always"),
        ("", "always"),
        ("-", "always"),
    ],
)
def test_a_cell_of_a_frame_is_feel_or_its_value_and_asks_nothing_where_it_is_missing(cell, text):
    assert texts_of(from_frame(frame(total=pd.Series([cell], dtype=object)))) == [text]


def test_whole_numbers_that_pandas_made_floats_are_whole():
    table = from_frame(frame(total=[1_000, None]))
    assert table.version == from_frame(frame(total=["1000", "-"])).version


def test_truths_and_dates_are_read_as_such():
    made = frame(urgent=[True, None], **{"order.placed": [dt.date(2026, 1, 31), None]})
    assert texts_of(from_frame(made)) == ["urgent is true and order.placed is 2026-01-31", "always"] or texts_of(
        from_frame(made)
    ) == ["urgent == true and order.placed == 2026-01-31", "always"]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (frame(total=[[1, 2]]), r"the frame, row 0, column 'total': \[1, 2\] is no cell"),
        (frame(total=[pd.Timestamp("2026-01-31")]), r"row 0, column 'total': .*without a zone"),
        (frame(total=[object()]), r"row 0, column 'total'"),
        (frame(totl=["> 5"]), r"did you mean 'total'\?"),
        (frame(total=["> 5"]).iloc[:0], r"the frame has no rows"),
        (frame(total=["> 5"]).rename(columns={"total": 7}), r"a column 7"),
        (pd.concat([frame(total=["> 5"]), frame(total=["> 5"])], axis=1), r"more than once"),
        (frame(total=["> 5", ">"]), r"the frame, row 1, column 'total'"),
    ],
)
def test_a_frame_that_is_wrong_is_refused_with_row_and_column(made, told):
    with pytest.raises(DefinitionError, match=told):
        from_frame(made)


# The way back


def written(table, path):
    table.to_csv(path)
    return path.read_text()


def test_each_input_is_a_column_and_the_rest_a_column_of_its_own(tmp_path):
    table = DecisionTable(
        "payment",
        rule((i.total > 5) & (i.total <= 100) & i.country.is_in("DE", "FR"), then="pay", because="known"),
        rule((i.total > 5) | (i.country == "PL"), then="refer", because='so "it" is', name="mixed"),
        rule(i.total - i.ordered > 3, then="refer", because="more than ordered"),
        otherwise="refer",
    )
    assert written(table, tmp_path / "t.csv").splitlines() == [
        'total,country,"total > 5 or country = ""PL""",total - ordered,outcome,because,rule',
        '(5..100],"""DE"", ""FR""",-,-,"""pay""",known,',
        '-,-,true,-,"""refer""","so ""it"" is",mixed',
        '-,-,-,> 3,"""refer""",more than ordered,',
    ]


def test_the_order_in_which_a_row_reads_its_inputs_is_kept(tmp_path):
    one, other = i.total > 5, i.ordered > 5
    table = DecisionTable(
        "payment",
        rule(one & other, then="pay", because="a"),
        rule(other & one, then="pay", because="b"),
        rule(one & other & (i.total < 9), then="pay", because="c"),
        otherwise="refer",
    )
    written(table, tmp_path / "t.csv")
    back = DecisionTable.from_csv("payment", tmp_path / "t.csv", Invoice, outputs=table.outputs, otherwise="refer")
    assert texts_of(back) == texts_of(table)
    assert back.version == table.version


def test_one_of_one_value_is_written_as_equal_to_it():
    table = DecisionTable("p", rule(i.country.is_in("DE"), then="x", because="so"), otherwise="y")
    assert list(table.to_frame().loc[0]) == ['"DE"', '"x"', "so"]


def test_an_output_that_is_called_as_an_input_is_told_from_it(tmp_path):
    table = DecisionTable("p", rule(i.total > 5, then=3, because="so"), otherwise=0, outputs=["total"])
    assert written(table, tmp_path / "t.csv").startswith("(total),total,because\n")
    back = DecisionTable.from_csv("p", tmp_path / "t.csv", Invoice, outputs=["total"], otherwise=0)
    assert back.version == table.version


@pytest.mark.parametrize("sign", FORMULA)
def test_a_reason_that_a_spreadsheet_would_compute_is_not_written(tmp_path, sign):
    table = DecisionTable("p", rule(i.total > 5, then="pay", because=f"{sign}1+1"), otherwise="refer")
    with pytest.raises(DefinitionError, match="row 1, column 'because': a spreadsheet takes"):
        table.to_csv(tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


def test_a_float_that_would_come_back_as_another_value_is_not_written():
    table = DecisionTable("p", rule(i.total > 5, then=0.5, because="so"), otherwise=0.0)
    with pytest.raises(DefinitionError, match=r"row 1, output 'outcome': .*write Decimal\('0.5'\)"):
        table.to_frame()


@pytest.mark.parametrize(
    "condition", [i.country.matches("[A-Z]+"), ~i.country.matches("D.") & (i.total > 5), i.country == "\0"]
)
def test_what_feel_cannot_say_is_not_written(condition):
    rules = [rule(i.total > 5, then="x", because="so"), rule(condition, then="x", because="so")]
    with pytest.raises(DefinitionError, match=r"table 'p', row 2: .*cannot be written in FEEL"):
        DecisionTable("p", *rules, otherwise="y").to_frame()


def test_an_output_called_as_a_column_of_its_own_is_not_written():
    table = DecisionTable("p", rule(i.total > 5, then="x", because="so"), otherwise="y", outputs=["rule"])
    with pytest.raises(DefinitionError, match="output 'rule'"):
        table.to_frame()


@pytest.mark.parametrize("reason", ["a\nb", "a\r\nb", "a\rb", ' "so", ', "-", "ü, 漢"])
def test_any_other_reason_comes_back_as_it_was(tmp_path, reason):
    if reason == "-":
        return
    table = DecisionTable("p", rule(i.total > 5, then="x", because=reason), otherwise="y")
    table.to_csv(tmp_path / "t.csv", delimiter=";")
    back = DecisionTable.from_csv("p", tmp_path / "t.csv", Invoice, outputs=["outcome"], otherwise="y", delimiter=";")
    assert back.rules[0].because == reason


VALUES = decimals | texts | st.integers(-9, 9) | st.booleans() | st.dates() | moments | durations
SAID = texts.filter(lambda text: text.strip() and not text.startswith(FORMULA))


@st.composite
def any_tables(draw):
    rows = draw(
        st.lists(
            st.tuples(st.lists(conditions(depth=2), max_size=3), st.tuples(VALUES, VALUES), SAID, st.none() | SAID),
            min_size=1,
            max_size=5,
        )
    )
    return DecisionTable(
        "t",
        *(
            rule(joined(parts) if parts else always, then={"first": one, "and so on": other}, because=said, name=name)
            for parts, (one, other), said, name in rows
        ),
        otherwise=None,
        case_type=AnyCase,
    )


@settings(max_examples=80, deadline=None)
@given(any_tables())
def test_a_table_that_is_written_and_read_is_the_same_table(tmp_path_factory, table):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    table.to_csv(path)
    back = DecisionTable.from_csv("t", path, AnyCase, outputs=table.outputs, otherwise=None)
    assert back.version == table.version
    again = DecisionTable.from_frame("t", table.to_frame(), AnyCase, outputs=table.outputs, otherwise=None)
    assert again.version == table.version
