"""Who may do what; whoever is not known may do nothing."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abpo_sdk import People
from abpo_sdk.errors import DefinitionError, NobodyHolds, NotPermitted
from tests.gates.spellings import IDS, spellings_of

PEOPLE = People({"maria@acme": {"controller", "cfo"}, "ines@acme": ["cfo"], "omar@acme": set()})


def test_the_holders_of_a_role_are_listed_by_id():
    assert PEOPLE.holders("cfo") == ("ines@acme", "maria@acme")
    assert PEOPLE.someone("controller") == "maria@acme"
    assert PEOPLE.holders("auditor") == ()


def test_a_role_that_nobody_holds_is_named_with_those_that_somebody_holds():
    with pytest.raises(NobodyHolds, match=r"nobody holds the role 'auditor'; .* are cfo, controller"):
        PEOPLE.someone("auditor")
    with pytest.raises(NobodyHolds, match="are none"):
        People().someone("auditor")


def test_a_person_without_the_role_is_told_which_they_hold():
    PEOPLE.check_holds("maria@acme", "controller", "answer")
    with pytest.raises(NotPermitted, match=r"'ines@acme' may not answer it: it is put to the controller.*are cfo"):
        PEOPLE.check_holds("ines@acme", "controller", "answer it")
    with pytest.raises(NotPermitted, match="the roles of 'omar@acme' are none"):
        PEOPLE.check_holds("omar@acme", "controller", "answer it")


def test_a_person_who_is_not_known_is_refused():
    with pytest.raises(NotPermitted, match="'eve@acme' may not answer it: nobody of that id is known"):
        PEOPLE.check_holds("eve@acme", "controller", "answer it")


@pytest.mark.parametrize("person", ["", "  ", "policy"])
def test_an_id_that_says_nobody_or_that_no_person_decided_is_refused(person):
    with pytest.raises(DefinitionError, match="cannot be a person's id"):
        People({person: {"controller"}})


def test_roles_given_as_one_text_are_refused_since_each_letter_would_be_a_role():
    with pytest.raises(DefinitionError, match="the roles of 'maria@acme' are the text 'controller'"):
        People({"maria@acme": "controller"})


def test_ids_of_one_person_in_two_spellings_are_refused_naming_both():
    for other, written in (("Maria@acme", "'Maria@acme'"), ("\uff4daria@acme", r"'\\uff4daria@acme'")):
        with pytest.raises(DefinitionError, match=f"'maria@acme' and {written} are one person"):
            People({"maria@acme": {"controller"}, other: {"cfo"}})
    People({"maria@acme": {"controller"}, "m\u00e4ria@acme": {"cfo"}})


@pytest.mark.parametrize(
    ("person", "found"),
    [
        ("Maria@acme", "'Maria@acme' may not answer: nobody of that id is known; did you mean 'maria@acme'"),
        (
            "\uff4daria@acme",
            r"'\\uff4daria@acme' may not answer: nobody of that id is known; did you mean 'maria@acme'",
        ),
        (
            "maria@acme ",
            "'maria@acme ' may not answer: it cannot be a person's id: .*ends with a space; did you mean 'maria@acme'",
        ),
        ("m\u0430ria@acme", "mixes Cyrillic and Latin letters, some of which look alike; did you mean 'maria@acme'"),
        ("maria\u200b@acme", r"'maria\\u200b@acme' may not answer: .*U\+200B.*did you mean 'maria@acme'"),
        ("maria\0", "U\\+0000"),
        ("", "it is blank"),
        (None, "<NoneType> may not answer"),
        (["maria@acme"], "<list> may not answer"),
        ("x" * 10_000_000, "10,000,000 characters"),
    ],
)
def test_another_spelling_of_a_known_id_is_refused_and_never_taken_for_it(person, found):
    with pytest.raises(NotPermitted, match=found) as refused:
        PEOPLE.check_known(person, "answer")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"roles": {7: {"cfo"}}}, "<int> cannot be a person's id"),
        ({"roles": {"ma\nria": {"cfo"}}}, "a control character"),
        ({"roles": {"maria@acme": None}}, "the roles of 'maria@acme' are <NoneType>"),
        ({"roles": {"maria@acme": {7}}}, "the roles of 'maria@acme': <int> cannot be a name"),
        ({"roles": {"maria@acme": {"cfo "}}}, "begins or ends with a space"),
        ({"roles": ["maria@acme"]}, "people: <list> is no mapping"),
        ({"skills": {"maria@acme": "french"}}, "the skills of 'maria@acme' are the text 'french'"),
        (
            {"skills": {"Maria@acme": {"french"}}},
            "skills=: nobody of the id 'Maria@acme' is known; did you mean 'maria@acme'",
        ),
        ({"groups": {"north": {"eve@acme"}}}, "the group 'north': nobody of the id 'eve@acme' is known; say roles="),
        ({"groups": {"north": "maria@acme"}}, "the members of 'north' are the text 'maria@acme'"),
        (
            {"groups": {"north": ["maria@acme", "MARIA@acme"]}},
            "groups 'north': 'MARIA@acme' and 'maria@acme' are one person",
        ),
        ({"groups": {"north": ["policy"]}}, "no person decided"),
        ({"groups": {" ": ["maria@acme"]}}, "cannot be a name"),
        ({"may_see": {"cfo": "iban"}}, "the labels of 'cfo' are the text 'iban'"),
        ({"may_see": {"cfo": {""}}}, "cannot be a name"),
    ],
)
def test_people_who_are_declared_wrongly_are_refused(declared, why):
    with pytest.raises(DefinitionError, match=why):
        People(**{"roles": {"maria@acme": {"cfo"}}, **declared})


def test_skills_groups_and_what_may_be_seen_are_known_of_those_who_are_known_alone():
    limits = ("as given",)
    people = People(
        {"maria@acme": {"controller", "cfo"}, "ines@acme": set()},
        skills={"maria@acme": {"french", "motor"}},
        groups={"claims-north": {"ines@acme", "maria@acme"}},
        may_see={"controller": {"bank account"}, "cfo": ["*"]},
        limits=limits,
    )
    assert people.persons() == ("ines@acme", "maria@acme")
    assert people.roles_of("maria@acme") == {"controller", "cfo"}
    assert people.skills_of("maria@acme") == {"french", "motor"}
    assert people.members("claims-north") == ("ines@acme", "maria@acme")
    assert people.labels_seen_by("maria@acme") == {"bank account", "*"}
    assert people.limits is limits
    for person in ("ines@acme", "eve@acme", "Maria@acme"):
        assert people.roles_of(person) == people.skills_of(person) == people.labels_seen_by(person) == frozenset()
    assert people.members("claims-south") == ()
    assert People().limits == ()


def test_a_role_that_is_revoked_in_a_live_directory_is_revoked_at_once():
    directory = {"maria@acme": {"controller"}}
    people = People(lambda: directory, may_see={"controller": {"*"}})
    people.check_holds("maria@acme", "controller", "answer")
    assert people.labels_seen_by("maria@acme") == {"*"}
    then = people.as_now()
    directory["maria@acme"] = set()
    assert people.labels_seen_by("maria@acme") == frozenset()
    assert people.holders("controller") == ()
    with pytest.raises(NotPermitted, match="the roles of 'maria@acme' are none"):
        people.check_holds("maria@acme", "controller", "answer")
    del directory["maria@acme"]
    with pytest.raises(NotPermitted, match="nobody of that id is known"):
        people.check_known("maria@acme", "answer")
    assert then.holders("controller") == ("maria@acme",)


def test_live_skills_and_groups_count_for_those_who_are_known_alone():
    people = People(
        {"maria@acme": {"controller"}},
        skills=lambda: {"maria@acme": {"french"}, "eve@acme": {"french"}},
        groups=lambda: {"north": {"maria@acme", "eve@acme", "Maria@elsewhere"}},
    )
    assert people.skills_of("maria@acme") == {"french"}
    assert people.skills_of("eve@acme") == frozenset()
    assert people.members("north") == ("maria@acme",)
    assert people.as_now().members("north") == ("maria@acme",)


def failing():
    raise TimeoutError("ldap://secret@directory")


@pytest.mark.parametrize(
    ("directory", "said"),
    [
        (failing, r"the directory of people did not answer \(TimeoutError\)"),
        (lambda: None, "answered what cannot be .*<NoneType> is no mapping"),
        (lambda: {"maria@acme": "controller"}, "answered what cannot be .*are the text 'controller'"),
        (
            lambda: {"maria@acme": {"controller"}, "MARIA@acme": {"controller"}},
            "'maria@acme' and 'MARIA@acme' are one person",
        ),
    ],
)
def test_while_a_live_directory_fails_nobody_may_do_anything(directory, said):
    people = People(directory)
    questions = [
        lambda: people.check_known("maria@acme", "answer"),
        lambda: people.check_holds("maria@acme", "controller", "answer"),
        lambda: people.roles_of("maria@acme"),
        lambda: people.labels_seen_by("maria@acme"),
        people.persons,
        people.as_now,
    ]
    for question in questions:
        with pytest.raises(NotPermitted, match=f"nobody may do anything: .*{said}") as refused:
            question()
        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is not None
    for question in (people.holders, people.someone):
        with pytest.raises(NobodyHolds, match=said):
            question("controller")


def test_live_skills_or_groups_that_fail_leave_nobody_with_them():
    people = People({"maria@acme": {"controller"}}, skills=failing, groups=failing)
    with pytest.raises(NotPermitted, match="the directory of skills did not answer"):
        people.skills_of("maria@acme")
    with pytest.raises(NobodyHolds, match="the directory of groups did not answer"):
        people.members("north")
    people.check_holds("maria@acme", "controller", "answer")


@given(st.data(), IDS)
def test_no_spelling_of_a_person_who_is_known_is_another_person_who_may_act(data, person):
    spelled = data.draw(spellings_of(person))
    assume(spelled != person)
    people = People({person: {"controller"}})
    with pytest.raises(NotPermitted):
        people.check_holds(spelled, "controller", "answer")
    with pytest.raises(DefinitionError):
        People({person: {"controller"}, spelled: {"controller"}})
