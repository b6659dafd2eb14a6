"""Names with spaces and signs, and which of several is meant."""

import pytest

from abpo_sdk.errors import FeelError
from abpo_sdk.policies.feel import parse_expression, parse_unary_tests, text_of
from abpo_sdk.policies.feel.syntax import Arithmetic, Both, Call, Name, Not, Path


def parsed(text, *names):
    return parse_expression(text, names)


def test_the_longest_name_in_scope_is_meant():
    assert parsed("Monthly Salary", "Monthly", "Monthly Salary") == Name("Monthly Salary")
    assert parsed("a-b", "a", "b", "a-b") == Name("a-b")
    assert parsed("Risk and Return", "Risk", "Return", "Risk and Return") == Name("Risk and Return")
    assert parsed("Risk and Return", "Risk", "Return") == Both(Name("Risk"), Name("Return"))


def test_signs_between_shorter_names_compute():
    assert parsed("a - b", "a", "b", "a-b") == Arithmetic("-", Name("a"), Name("b"))
    assert parsed("a+b", "a", "b") == Arithmetic("+", Name("a"), Name("b"))


@pytest.mark.parametrize(
    "name", ["Pre-bureau/Risk Category", "Mike's daughter", "a + b", "Größe (cm)", "x.y", "naïve 横綱"]
)
def test_a_name_with_signs_is_read(name):
    assert parsed(f" {name} ", name) == Name(name)


def test_white_space_in_names_is_normalised():
    assert parsed("Applicant \n  Age", " Applicant\tAge ") == Name("Applicant Age")
    assert parse_expression("a  b.c   d", {"a\nb": {"c d": 1}}) == Path(Name("a b"), "c d")


def test_a_longer_word_is_no_name():
    for text in ("Ages", "Age2", "Age_x"):
        with pytest.raises(FeelError, match="is not known"):
            parsed(text, "Age")


@pytest.mark.parametrize(
    "name",
    ["not after", "date of birth", "and so on", "if any", "null value", "duration in days", "information", "notice"],
)
def test_a_name_may_begin_with_a_word_of_feel(name):
    assert parsed(name, name) == Name(name)
    assert parse_unary_tests(name, [name]).tests == (Name(name),)
    assert parsed(f"not({name})", name) == Not(Name(name))


@pytest.mark.parametrize("word", ["not", "and", "true", "null", "if"])
def test_a_name_that_is_a_word_of_feel_cannot_be_referred_to(word):
    with pytest.raises(FeelError, match="a word of FEEL's own"):
        parsed(f"{word} (x)", word, "x")


def test_a_name_in_scope_may_be_called():
    assert parsed("monthly payment(a, 2)", "monthly payment", "a").function == "monthly payment"
    assert parsed("date(a)", "date", "a") == Call("date", (Name("a"),))


def test_components_have_names_of_their_own_where_the_type_is_known():
    names = {"Loan": {"amount due": None, "terms": {"in months": None}}}
    assert parse_expression("Loan.amount due", names) == Path(Name("Loan"), "amount due")
    assert parse_expression("Loan.terms.in months + 1", names).left == Path(Path(Name("Loan"), "terms"), "in months")
    with pytest.raises(FeelError, match="'amount' is no component of 'Loan'; it has amount due, terms"):
        parse_expression("Loan.amount", names)


def test_components_are_single_words_where_the_type_is_not_known():
    assert parsed("Loan.amount", "Loan") == Path(Name("Loan"), "amount")
    with pytest.raises(FeelError, match="is not understood here"):
        parsed("Loan.amount due", "Loan")


def test_a_text_is_written_in_one_way():
    for text, written in {
        "((1+2))*a": "(1 + 2) * a",
        "a between 1 and 5": "a in [1..5]",
        "]1..5[": "(1..5)",
        "not ( a )": "not(a)",
        "-2**2": "(-2) ** 2",
        "a-(b-1)": "a - (b - 1)",
        "if a then b else 1": "if a then b else 1",
    }.items():
        assert text_of(parsed(text, "a", "b")) == written
        assert parsed(written, "a", "b") == parsed(text, "a", "b")
