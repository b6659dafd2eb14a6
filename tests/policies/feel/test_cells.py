"""What a cell asks of its input."""

import datetime as dt
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.conditions import always
from abpo_sdk.errors import DmnError, FeelError, MissingInput
from abpo_sdk.policies.feel import condition_of, evaluate, expression_of, parse_expression, parse_unary_tests, syntax
from tests.policies.feel.cases import NAMES, Grade

PLACE = "loan.dmn: decision 'Risk', rule 3, input 'Age'"


def cell(text, of="Age"):
    return condition_of(parse_unary_tests(text, NAMES, PLACE), NAMES[of], NAMES, PLACE)


@pytest.mark.parametrize(
    ("text", "of", "meaning"),
    [
        ("5", "Age", "Age == 5"),
        ("-5", "Age", "Age == -5"),
        ("- 5", "Age", "Age == -5"),
        (".5", "Ordered", "Ordered == 0.5"),
        ("1e3", "Age", "Age == 1,000"),
        ("= 5", "Age", "Age == 5"),
        ("!= 5", "Age", "Age != 5"),
        ("<5", "Age", "Age < 5"),
        (">= Pre-bureau/Risk Category", "Age", "Age >= Pre-bureau/Risk Category"),
        ("<= Age * 0.02", "Ordered", "Ordered <= Age * 0.02"),
        ("[1..5]", "Age", "Age >= 1 and Age <= 5"),
        ("(1..5)", "Age", "Age > 1 and Age < 5"),
        ("]1..5[", "Age", "Age > 1 and Age < 5"),
        ("[1..5[", "Age", "Age >= 1 and Age < 5"),
        ("[1 .. Applicant.Age + 1]", "Age", "Age >= 1 and Age <= Applicant.Age + 1"),
        ("1, 2, [5..9]", "Age", "Age in (1, 2) or Age >= 5 and Age <= 9"),
        ("[1, 2]", "Age", "Age in (1, 2)"),
        ("<18,>=60", "Age", "Age < 18 or Age >= 60"),
        ("not(5)", "Age", "Age != 5"),
        ("not(1, 2)", "Age", "not (Age in (1, 2))"),
        ("not([1..5])", "Age", "not (Age >= 1 and Age <= 5)"),
        ("? > 5 and ? < 9", "Age", "Age > 5 and Age < 9"),
        ("5 < ?", "Age", "Age > 5"),
        ("? between 1 and 5", "Age", "Age >= 1 and Age <= 5"),
        ("? in (<1, [3..4])", "Age", "Age < 1 or Age >= 3 and Age <= 4"),
        ("? in (1..5)", "Age", "Age > 1 and Age < 5"),
        ("not(? > 5) and ok", "Age", "Age <= 5 and ok == true"),
        ("abs(? - Applicant.Age) <= 2", "Age", "abs(Age - Applicant.Age) <= 2"),
        ("Ordered > 5", "Age", "Ordered > 5"),
        ("ok", "Age", "ok == true"),
        ("Applicant.is member", "Age", "Applicant.is member == true"),
        ('"Low", "High"', "Risk", "Risk in ('Low', 'High')"),
        ('"b c"', "grade", "grade == b c"),
        ('"Gr\\u00fc\\u00DFe \\"A\\" \\uD83D\\uDE00"', "name", "name == 'Grüße \"A\" 😀'"),
        ("null", "name", "name is missing"),
        ("not(null)", "name", "not (name is missing)"),
        ('"a", null', "name", "name is missing or name == 'a'"),
        ("? = null", "name", "name is missing"),
        ("true", "ok", "ok == true"),
        ("false", "ok", "ok == false"),
        ("not(true)", "ok", "ok != true"),
        ("Applicant.is member", "ok", "ok == Applicant.is member"),
        ('> date("2026-01-31")', "date of birth", "date of birth > 2026-01-31"),
        ('[@"2026-01-01"..@"2026-01-31"]', "date of birth", "date of birth >= 2026-01-01 and date of birth <= 2026-01-31"),
        ("< not after", "date of birth", "date of birth < not after"),
        ('date("2026-01-31") + duration("P1D")', "date of birth", "date of birth == 2026-02-01"),
        ('>= date and time("2026-01-31T10:00:00Z")', "at", "at >= 2026-01-31 10:00+00:00"),
        ('>= @"2026-01-31T10:00:00@Europe/Berlin"', "at", "at >= 2026-01-31 10:00+01:00"),
        ('< duration("PT36H")', "took", "took < 1 day, 12:00:00"),
        ('@"-P1D"', "took", "took == -1 day, 0:00:00"),
        ("(2 + 3) * -2", "Age", "Age == -10"),
        ("5 // the limit", "Age", "Age == 5"),
        ("/* was 4 */ 5", "Age", "Age == 5"),
        ('"x"', "anything", "anything == 'x'"),
    ],
)  # fmt: skip
def test_a_cell_is_read(text, of, meaning):
    assert cell(text, of).text() == meaning


@pytest.mark.parametrize("text", ["-", "", "  ", " - ", "\n"])
def test_an_empty_cell_and_a_dash_ask_nothing(text):
    assert cell(text) is always


@pytest.mark.parametrize(
    ("text", "of", "told"),
    [
        ("lower case(?)", "name", "the function call `lower case(...)` is not supported"),
        ('matches(?, "a.*")', "name", "the function call `matches(...)` is not supported"),
        ("__class__", "Age", "the name '__class__' is not known"),
        ("Applicant.__class__", "Age", "'__class__' is no component of 'Applicant'; it has Age, is member"),
        ("Agee", "Age", "the name 'Agee' is not known"),
        ('> "abc"', "Age", "integer and text do not compare"),
        ('"Lo"', "Risk", "\"Lo\" is not one of 'Low', 'Medium', 'High'"),
        ('"Low", "Lo"', "Risk", '"Lo" is not one of'),
        ('> "Low"', "Risk", "has no order"),
        ("5", "Risk", "5 is not one of"),
        ("5", "name", "text and integer do not compare"),
        ('"2026-01-31"', "date of birth", "date and text do not compare"),
        ('date("2026-01-31")', "at", "time and date do not compare"),
        ('date("2026-02-30")', "date of birth", "is no date"),
        ('date("31.1.2026")', "date of birth", "is no date"),
        ('date("2026-01-31T10:00:00Z")', "date of birth", "is no date"),
        ("date(2026, 1, 31)", "date of birth", "`date(...)` with 3 arguments is not supported"),
        ('> date and time("2026-01-31T10:00:00")', "at", "a time without a zone"),
        ('@"2026-01-31T10:00:00@Nowhere/Atall"', "at", "the zone Nowhere/Atall is not known"),
        ('@"10:00:00"', "at", "a time of day without a date"),
        ('time("10:00:00Z")', "at", "a time of day without a date is not supported"),
        ('duration("P1Y2M")', "took", "a duration of years and months, which is not supported"),
        ('@"P1M"', "took", "a duration of years and months, which is not supported"),
        ('duration("PT")', "took", "is no duration"),
        ('duration("P99999999999D")', "took", "too long"),
        ("> null", "name", "orders null, which has no order"),
        ("[null..5]", "Age", "has an end that is null"),
        ("abs(?) = null", "Age", "only fields can be missing"),
        ("if ok then 5 else 6", "Age", "`if` is not supported here"),
        ("for x in [1] return x", "Age", "a `for` loop is not supported"),
        ("some x in [1] satisfies x > 1", "Age", "the quantifier `some` is not supported"),
        ("function(x) x", "Age", "a function definition is not supported"),
        ("{a: 1}", "Age", "a context is not supported here"),
        ("tags[1]", "Age", "a filter `[...]` is not supported"),
        ("? instance of number", "Age", "`instance of` is not supported"),
        ("max(1, ?)", "Age", "the function call `max(...)` is not supported here"),
        ("Age ** 2", "Age", "** of a field is not supported"),
        ("1 / 0", "Age", "has no value"),
        ("1 < 2", "Age", "compares what is the same for every case"),
        ("Age and 5", "Age", "is used as true or false, and is neither"),
        ("tags", "name", "do not compare"),
        ("5.5", "anything", "the field's type is not declared"),
        ("anything * 0.5", "Age", "the field's type is not declared"),
        ("Risk + 5", "Age", "5 is not one of"),
        ("ratio * 1e400", "ratio", "too large for a float"),
        ("ok", "anything", "whose type is not declared"),
        ("Age", "anything", "whose type is not declared"),
        ("< 5 >", "Age", "is not understood here"),
        ("1 2", "Age", "is not understood here"),
        ("1,", "Age", "a value is missing before the end"),
        ("[1..5", "Age", "] or ) or [ is missing before the end"),
        ("]1, 2]", "Age", "`]` begins an interval"),
        ("1 < ? < 5", "Age", "write it as two, joined by `and`"),
        ('"abc', "name", "a quote is opened and not closed"),
        ('abc"', "name", "the name 'abc' is not known"),
        ('"a\\q"', "name", "the escape \\q is not known"),
        ('"\\uD83D"', "name", "half of a character"),
        ('"\\u0000"', "name", "NUL"),
        ("5\0", "Age", "NUL"),
        ("5a", "Age", "neither a number nor a name"),
        ("5.", "Age", "has no components"),
        ("1e9999", "Age", "too large or too small"),
        ("1e" + "9" * 5000, "Age", "too large or too small"),
        ("1" * 5000, "Age", "has 5000 digits"),
        ("(" * 3000 + "1" + ")" * 3000, "Age", "nested more than 40 deep"),
        ("[" * 3000, "Age", "nested more than 40 deep"),
        ("not(" * 3000, "Age", "nested more than 40 deep"),
        ("? in (" * 3000, "Age", "nested more than 40 deep"),
        ("-" * 3000 + "1", "Age", "more than 200 operators"),
        ("1" + " + 1" * 3000, "Age", "more than 200 operators"),
        ("ok" + ".ok" * 3000, "Age", "more than 200 operators"),
        ("? = 1" + " or ? = 1" * 2500, "Age", "at most 20,000 are read"),
        (", ".join(["Applicant.Age"] * 1000), "Age", "more than 200 operators"),
        (", ".join(["ok"] * 1000), "Age", "has 1000 tests, and at most 200 are read"),
    ],
)  # fmt: skip
def test_what_is_not_understood_or_does_not_fit_is_an_error_that_names_place_and_text(text, of, told):
    with pytest.raises(FeelError) as raised:
        cell(text, of)
    message = str(raised.value)
    assert message.startswith(f"{PLACE}: ")
    assert told in message
    assert len(message) < 1000
    assert isinstance(raised.value, DmnError)


@given(st.text('abA?ge 0159.,()[]<>=!-+*/"\\u@{}:\nornotadi%é\0', max_size=30))
def test_any_text_is_read_or_refused(text):
    with suppress(FeelError):
        cell(text)
    with suppress(FeelError):
        evaluate(parse_expression(text, NAMES), {})


pieces = ["Age", "Pre-bureau/Risk Category", "?", "5", ".5", '"a"', "null", "true", "not(", "(", ")", "[", "]", "..", ",",
          "<", ">=", "=", "and", "or", "in", "between", "-", "*", "**", "abs(", "date of birth", 'date("2026-01-31")', ".",
          "if", "then", "else", "{", "}", ":", "@", "ok", "anything", "Risk", "ratio", "took", "+", "/", "1e400", "name", "tags", "Applicant"]  # fmt: skip


@given(st.lists(st.sampled_from(pieces), max_size=12), st.sampled_from(sorted(NAMES)))
def test_any_row_of_pieces_is_read_or_refused(parts, of):
    with suppress(FeelError):
        cell(" ".join(parts), of)


numbers = st.integers(-4, 4).map(lambda number: syntax.Literal(Decimal(number)))
simple_tests = st.lists(
    numbers
    | st.builds(syntax.Endpoint, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), numbers)
    | st.builds(syntax.Interval, numbers, numbers, st.booleans(), st.booleans()),
    min_size=1,
    max_size=3,
).map(tuple)


@given(simple_tests, st.booleans(), st.integers(-5, 5))
def test_a_condition_says_what_evaluation_says(tests, negated, value):
    holds = condition_of(syntax.UnaryTests(tests, negated), NAMES["Age"], NAMES).holds({"Age": value})
    assert holds is (evaluate(syntax.Among(syntax.Name("x"), tests), {"x": value}) is not negated)


def test_null_in_a_cell_holds_of_a_missing_value_wherever_it_stands():
    assert cell('"a", null', "name").holds({"name": None})
    with pytest.raises(MissingInput):
        cell('"a"', "name").holds({"name": None})


def test_a_thousand_literals_are_one_condition():
    condition = cell(", ".join(map(str, range(1000))))
    assert condition.holds({"Age": 999})
    assert not condition.holds({"Age": 1000})


def test_constants_have_the_type_of_the_field():
    assert cell("0.5", "ratio").constants() == (0.5,)
    assert type(cell("0.5", "ratio").constants()[0]) is float
    assert type(cell("0.5", "Ordered").constants()[0]) is Decimal
    assert type(cell("5.0").constants()[0]) is int
    assert cell('"a"', "grade").constants() == (Grade.A,)
    assert cell(str(10**23), "ratio").holds({"ratio": 1e23})


def test_a_division_of_whole_numbers_is_exact():
    assert cell("> Applicant.Age / 3").holds({"Age": 4, "Applicant": {"Age": 11, "is member": True}})


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Age", "Age"),
        ("Applicant.Age", "Applicant.Age"),
        ("abs(Age - Applicant . Age)", "abs(Age - Applicant.Age)"),
        ("-Age * 2", "(0 - Age) * 2"),
        ("Age > 5 and not(ok)", "Age > 5 and ok != true"),
        ('Risk in ("Low", "High")', "Risk in ('Low', 'High')"),
        ("at - took", "at - took"),
    ],
)
def test_an_expression_of_an_input_is_read(text, meaning):
    found = expression_of(parse_expression(text, NAMES), NAMES)
    assert meaning in repr(found)


@pytest.mark.parametrize("text", ["5", '"a"', "1 + 2", "?", "[Age]", "null", "max(Age, 2)", "Age + null", "ok + 1"])
def test_what_is_no_input_is_refused(text):
    with pytest.raises(FeelError, match=r"^here: "):
        expression_of(parse_expression(text, NAMES, "here"), NAMES, "here")


def test_a_condition_as_an_input_has_the_cells_true_and_false():
    of = expression_of(parse_expression("Age > 5", NAMES), NAMES)
    assert condition_of(parse_unary_tests("true", NAMES), of, NAMES).text() == "Age > 5"
    assert condition_of(parse_unary_tests("not(true)", NAMES), of, NAMES).text() == "Age <= 5"
    both = condition_of(parse_unary_tests("true, false", NAMES), of, NAMES)
    assert both.holds({"Age": 1})
    same = condition_of(parse_unary_tests("ok", NAMES), of, NAMES)
    assert [same.holds({"Age": age, "ok": ok}) for age in (5, 6) for ok in (False, True)] == [True, False, False, True]
    with pytest.raises(FeelError, match="compares true or false with 5"):
        condition_of(parse_unary_tests("5", NAMES), of, NAMES)


def test_a_date_is_not_taken_for_a_number():
    assert cell('>= not after - duration("P3D")', "date of birth").holds(
        {"date of birth": dt.date(2026, 1, 7), "not after": dt.date(2026, 1, 10)}
    )
