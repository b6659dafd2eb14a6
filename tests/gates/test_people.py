"""Who may do what; whoever is not known may do nothing."""

import pytest

from abpo_sdk import People
from abpo_sdk.errors import DefinitionError, NobodyHolds, NotPermitted

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
