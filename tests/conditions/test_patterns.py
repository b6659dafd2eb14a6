"""Patterns of texts: whole texts, ASCII digits, and time linear in the text."""

import pickle
import re
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.conditions import fields
from abpo_sdk.conditions.patterns import matcher
from abpo_sdk.errors import DefinitionError, MissingInput, MistypedInput, UnlikeTypes
from abpo_sdk.values import Personal


@dataclass
class Payee:
    name: Any = "ACME"
    kind: Literal["a", "b"] = "a"
    rank: int = 1
    owner: str = "acme"
    iban: Annotated[str, Personal("bank account", subject_field="owner")] = "SECRET"


Payee.__annotations__["name"] = str | None
p = fields(Payee)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("[A-Z]+", "ACME", True),
        ("[A-Z]+", "ACME ", False),
        ("[A-Z]+", "ACME\n", False),
        ("", "", True),
        ("", "a", False),
        ("a|b", "ab", False),
        ("a|b", "b", True),
        ("a|bc", "xbc", False),
        ("^a$", "a", True),
        ("(?m)^a$", "a\nb", False),
        ("(?i)acme", "aCmE", True),
        (r"\d{3}", "123", True),
        (r"\d{3}", "١٢٣", False),
        (r"[\d-]+", "1-2", True),
        (r"[\d-]+", "١", False),
        (r"[^\d]+", "١", True),
        (r"\D+", "١", True),
        (r"\D", "1", False),
        (r"[\Dx]", "1", False),
        (r"\\d", r"\d", True),
        (r"\\d", "1", False),
        (r"[\\d]", "d", True),
        (r"[[:digit:]]", "1", True),
        (r"[\d&&[^5]]", "5", False),
        (r"\w+", "Ärger", True),
        (".", "é", True),
        (".", "\n", False),
        ("é", "e\u0301", False),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern, text, expected):
    assert matcher(pattern)(text) is expected
    assert p.name.matches(pattern).holds(Payee(text)) is expected
    assert (~p.name.matches(pattern)).holds(Payee(text)) is not expected


@given(
    st.text("ab1-"), st.sampled_from(["a*b", "(a|b)+1?", r"\d+", r"[ab\d]*", r"\D*", "a-|b", "(?:ab)*-?", r"\d\D|a"])
)
def test_a_pattern_says_what_pythons_own_engine_says(text, pattern):
    assert matcher(pattern)(text) is (re.fullmatch(pattern, text, re.ASCII) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+", "(a|a?)+b", "(.*)*x", "(a*)*b", "([a-z]+)*!", "a{0,200}" * 5])
def test_no_pattern_takes_more_than_linear_time(pattern):
    match, text = matcher(pattern), "a" * 200_000 + "\n"
    started = time.process_time()
    match(text)
    assert time.process_time() - started < 5  # where an engine that backtracks would not end


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a)\1", "backreferences are not supported"),
        ("(?=a)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("a(", "unclosed group"),
        ("a)(b", "unopened group"),
        ("a)|(?:b", "unopened group"),
        ("[a", "unclosed character class"),
        ("*", "repetition operator missing expression"),
        (r"\q", "unrecognized escape sequence"),
        ("(?x)a # b", "unclosed group"),
        ("(a{1000}){1000}", "size limit"),
        ("a\\", "incomplete escape sequence"),
    ],
)
def test_a_pattern_that_the_engine_does_not_take_is_an_error_when_written_that_names_it(pattern, text):
    with pytest.raises(DefinitionError, match=text) as error:
        p.name.matches(pattern)
    assert f"the pattern {pattern!r} cannot be used" in str(error.value)


@pytest.mark.parametrize(
    ("write", "kind", "text"),
    [
        (lambda: p.rank.matches("1"), UnlikeTypes, "rank is integer, and patterns are for texts"),
        (lambda: p.kind.matches("a"), UnlikeTypes, "patterns are for texts; use == or is_in"),
        (lambda: p.name.matches(re.compile("a")), DefinitionError, "a pattern is a text"),
        (lambda: p.name.matches(None), DefinitionError, "a pattern is a text"),
    ],
)
def test_patterns_are_texts_for_texts(write, kind, text):
    with pytest.raises(kind, match=text):
        write()


def test_a_missing_or_mistyped_text_is_an_error():
    condition = p.name.matches("A.*")
    with pytest.raises(MissingInput, match=r"Payee.name is missing"):
        condition.holds(Payee(None))
    with pytest.raises(MistypedInput, match=r"Payee.name is 5"):
        condition.holds(Payee(5))
    with pytest.raises(MistypedInput, match="half of a surrogate pair"):
        condition.holds(Payee("A\ud800"))


def test_a_pattern_is_read_pickled_and_told_from_others():
    condition = p.name.matches("A.*")
    assert condition.text() == "name matches 'A.*'"
    assert condition.text(Payee()) == "name 'ACME' matches 'A.*'"
    assert (~condition).text() == "not (name matches 'A.*')"
    assert condition.because(Payee()) == ("name 'ACME' matches 'A.*'",)
    assert [node.name for node in condition.fields()] == ["name"]
    assert condition.holds(Payee())
    again = pickle.loads(pickle.dumps(condition))
    assert again.holds(Payee())
    assert again.structure() == condition.structure() != p.name.matches("A.+").structure()


def test_a_pattern_for_something_personal_is_not_shown_beside_a_case():
    text = p.iban.matches("SECRET").text(Payee())
    assert text == "iban <bank account> matches a known pattern"
    assert "SECRET" in p.iban.matches("SECRET").text()
