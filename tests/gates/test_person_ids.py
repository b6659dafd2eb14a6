"""Which ids are fit to be one, and which two are one person's."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.lookalike_letters import SHAPES
from abpo_sdk.gates.person_ids import check_name, check_person_id, same_person, shown_id, skeleton
from tests.gates.spellings import IDS, spellings_of


@pytest.mark.parametrize(
    "person",
    [
        "maria@acme",
        "E-1001",
        "Маша@acme",
        "Μαρία",
        "田中@acme",
        "田中taro",
        "josé",
        "o'neill",
        "maria lopez",
        "x" * 200,
        "मीरा@acme",
    ],
)
def test_an_id_in_any_one_script_is_fit(person):
    assert check_person_id(person, "by=") == person


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ("", "it is blank"),
        (" \t", "it is blank"),
        ("\u3164", "U\\+3164, a character that nobody sees"),
        (None, "it is no text, but of type NoneType"),
        (7, "it is no text, but of type int"),
        (b"maria@acme", "it is no text, but of type bytes"),
        ("x" * 201, "it has 201 characters, and 200 are the most"),
        ("x" * 10_000_000, "it has 10,000,000 characters"),
        ("policy", "it says that no person decided"),
        ("Policy", "it says that no person decided"),
        ("роliсу", "it says that no person decided"),
        ("maria\nacme", "U\\+000A, a control character"),
        ("maria\0acme", "U\\+0000, a control character"),
        ("maria\x7f", "U\\+007F, a control character"),
        ("\u202emca@airam", "U\\+202E, a format character"),
        ("ma\u200bria@acme", "U\\+200B, a format character"),
        ("ma\u2066ria\u2069@acme", "U\\+2066, a format character"),
        ("ma\ufe0fria@acme", "U\\+FE0F, a character that nobody sees"),
        ("maria\u2028acme", "U\\+2028, a line break"),
        ("maria\u2029acme", "U\\+2029, a line break"),
        ("maria\ue000", "U\\+E000, a character that every font"),
        ("maria\ud800", "U\\+D800, half of a character"),
        ("maria\uffff", "U\\+FFFF, no character"),
        ("maria@acme ", "it begins or ends with a space"),
        ("\u00a0maria@acme", "it begins or ends with a space"),
        ("\u0301maria", "it begins with an accent"),
        ("m\u0430ria@acme", r"'m\\u0430ria' mixes Cyrillic and Latin letters"),
        ("m\u03b1ria@acme", "mixes Greek and Latin letters"),
        ("Маша\u4e2d", "mixes Cjk and Cyrillic letters"),
    ],
)
def test_what_is_no_id_is_refused_and_the_message_says_why(person, why):
    with pytest.raises(DefinitionError, match=f"^by=: .*cannot be a person's id: .*{why}") as refused:
        check_person_id(person, "by=")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ["", " ", None, "cfo ", "c\nfo", "c\u200bfo", "x" * 201, ["cfo"]])
def test_what_is_no_name_of_a_role_is_refused(name):
    with pytest.raises(DefinitionError, match=r"a role: .*cannot be a name"):
        check_name(name, "a role")


@given(st.data(), IDS)
def test_however_an_id_is_written_it_is_one_person(data, person):
    one, other = data.draw(spellings_of(person)), data.draw(spellings_of(person))
    assert same_person(one, person)
    assert same_person(one, other)


@given(IDS, IDS)
def test_two_ids_of_latin_letters_are_two_people(one, other):
    assert same_person(one, other) is (one == other)


@given(st.text())
def test_the_skeleton_of_a_skeleton_is_itself_and_case_and_form_do_not_matter(text):
    folded = skeleton(text)
    assert skeleton(folded) == folded
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert skeleton(unicodedata.normalize(form, text)) == folded


@pytest.mark.parametrize("letter", [chr(letter) for letter in SHAPES])
def test_a_letter_and_its_capital_have_one_skeleton(letter):
    assert skeleton(letter) == skeleton(letter.upper()) == skeleton(letter.title())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("maria@acme", "mario@acme"),
        ("ian@acme", "lan@acme"),
        ("user1", "userl"),
        ("e0", "eo"),
        ("warner", "wamer"),
        ("josé", "jose"),
        ("Маша", "Миша"),
    ],
)
def test_what_differs_in_a_letter_of_one_script_is_two_people(one, other):
    assert not same_person(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("сора", "copa"),  # a whole word of Cyrillic letters
        ("Маша@acme", "МАША@ACME"),
        ("Νίκος", "ΝΊΚΟΣ"),
        ("ΝINA", "NINA"),  # a Greek capital Nu among Latin letters
        ("niνa", "niva"),  # a Greek small nu
        ("irem@acme", "İREM@acme"),
        ("ırem@acme", "IREM@acme"),
        ("straße", "STRASSE"),
        ("user\u0661", "user1"),
        ("anne\u2013marie", "anne-marie"),
        ("o\u2019neill", "o'neill"),
        ("maria  lopez", "Maria\u00a0Lopez"),
        ("\u13a0\u13a0", "DD"),
        ("\ua4d7\ua4f3", "KO"),
    ],
)
def test_lookalikes_of_other_scripts_kinds_of_dash_quote_digit_and_space_make_no_second_person(one, other):
    assert same_person(one, other)


def test_what_was_given_can_always_be_written_down_and_shown():
    assert shown_id("maria@acme") == "maria@acme"
    assert shown_id(None) == "<NoneType>"
    for given_ in ["\ud800", "a\0b", "\u202ex", "x" * 10_000_000, " maria ", ""]:
        assert shown_id(given_).isprintable()
        assert shown_id(given_).isascii()
        assert len(shown_id(given_)) <= 200
