"""Who may take a review, and the queues in which it stands for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk import Decision, People
from abpo_sdk.errors import DefinitionError, NobodyHolds, NotPermitted
from abpo_sdk.gates.candidates import Candidates, asked, check_holders, described, holders_of, holds_queue, queues_of
from abpo_sdk.gates.person_ids import fault_of
from abpo_sdk.gates.queues import describe, group_queue, parse_queue, person_queue, role_queue
from abpo_sdk.ledger.review_projection import queue_of_role

PEOPLE = People(
    {"maria@acme": {"controller"}, "otto@acme": {"controller"}, "ines@acme": {"cfo"}},
    skills={"maria@acme": {"french", "motor"}, "ines@acme": {"french"}},
    groups={"claims-north": {"otto@acme"}, "empty": set()},
)
UNSURE = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), {"amount": 70}, ())
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: not fault_of(name)) | st.sampled_from(
    ["a+b", "a/b", "a%2Bb", "a:b", "+", "%"]
)


@pytest.mark.parametrize(
    ("candidates", "queues", "words"),
    [
        (Candidates("controller"), ("role:controller",), "controller"),
        (
            Candidates("controller", skills=["motor", "french", "motor"]),
            ("role:controller+french+motor",),
            "controller with french, motor",
        ),
        (Candidates(group="claims-north"), ("group:claims-north",), "group claims-north"),
        (
            Candidates(people={"otto@acme", "maria@acme"}),
            ("person:maria@acme", "person:otto@acme"),
            "maria@acme or otto@acme",
        ),
    ],
)
def test_candidates_stand_in_queues_of_their_own_names(candidates, queues, words):
    assert candidates.queues() == queues_of(candidates) == queues
    assert described(candidates) == words


def test_the_order_in_which_skills_and_people_are_named_does_not_matter():
    assert Candidates("cfo", skills=["a", "b"]) == Candidates("cfo", skills={"b", "a"})
    assert hash(Candidates(people=["b@x", "a@x"])) == hash(Candidates(people=("a@x", "b@x")))


@given(NAMES, st.sets(NAMES, max_size=3))
def test_a_queue_is_read_as_it_was_written(name, skills):
    assert parse_queue(role_queue(name, skills)) == ("role", name, tuple(sorted(skills)))
    assert parse_queue(group_queue(name)) == ("group", name, ())
    assert parse_queue(person_queue(name)) == ("person", name, ())
    assert role_queue(name) == queue_of_role(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "controller",
        "role:",
        "role:a+",
        "role:a+b+a",
        "role:a+b+b",
        "role:a/b",
        "role:a%2",
        "role:%61",
        "group:a+b",
        "team:a",
        "Role:a",
        None,
    ],
)
def test_the_text_of_no_queue_is_refused(text):
    with pytest.raises(DefinitionError, match="is no queue; one is written role:NAME"):
        parse_queue(text)


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({}, "give exactly one of them"),
        ({"role": "cfo", "group": "claims-north"}, "give exactly one of them"),
        ({"role": "cfo", "people": ["maria@acme"]}, "give exactly one of them"),
        ({"group": "claims-north", "skills": {"french"}}, "skills are asked of the holders of a role"),
        ({"role": "cfo", "skills": "french"}, r"skills='french'\): give a set of texts"),
        ({"role": "cfo", "skills": 7}, "give a set of texts"),
        ({"role": "cfo", "skills": {""}}, "cannot be a name"),
        ({"role": ""}, "cannot be a name"),
        ({"role": 7}, "<int> cannot be a name"),
        ({"group": "a\nb"}, "a control character"),
        ({"people": "maria@acme"}, r"people='maria@acme'\): give a set of texts"),
        ({"people": ["policy"]}, "no person decided"),
        ({"people": ["maria@acme", "MARIA@acme"]}, "are one person in two spellings"),
        ({"people": [None]}, "<NoneType> cannot be a person's id"),
    ],
)
def test_candidates_who_are_declared_wrongly_are_refused(declared, why):
    with pytest.raises(DefinitionError, match=why):
        Candidates(**declared)


def test_a_queue_is_held_by_those_with_the_role_and_every_skill_the_members_or_the_person():
    assert holders_of(PEOPLE, "role:controller") == ("maria@acme", "otto@acme")
    assert holders_of(PEOPLE, "role:controller+french+motor") == ("maria@acme",)
    assert holders_of(PEOPLE, "role:cfo+motor") == ()
    assert holders_of(PEOPLE, "group:claims-north") == ("otto@acme",)
    assert holders_of(PEOPLE, "person:ines@acme") == ("ines@acme",)
    assert holders_of(PEOPLE, "person:eve@acme") == holders_of(PEOPLE, "group:none") == ()


@pytest.mark.parametrize(
    "queue",
    [
        "role:controller",
        "role:controller+french",
        "role:cfo+french",
        "group:claims-north",
        "person:maria@acme",
        "group:none",
    ],
)
def test_who_holds_a_queue_is_among_its_holders_and_nobody_else(queue):
    holders = holders_of(PEOPLE, queue)
    for person in (*PEOPLE.persons(), "eve@acme", "Maria@acme"):
        assert holds_queue(PEOPLE, person, queue) is (person in holders)


def test_queues_that_somebody_can_take_are_let_through():
    check_holders(PEOPLE, ["role:controller"])
    check_holders(PEOPLE, ["role:auditor", "group:claims-north"])
    check_holders(PEOPLE, ["person:maria@acme", "person:ines@acme"])


@pytest.mark.parametrize(
    ("queues", "why"),
    [
        (["role:auditor"], "nobody holds the role 'auditor'; the roles that somebody holds are cfo, controller"),
        (["role:auditor+french"], "nobody holds the role 'auditor'"),
        (["role:cfo+motor"], "put to cfo with motor; of the holders of 'cfo', nobody has all of motor"),
        (["group:empty"], "nobody could take what is put to group empty"),
        (["role:auditor", "group:empty"], "put to auditor or group empty"),
        (["person:eve@acme"], "'eve@acme' cannot be asked: nobody of that id is known"),
        (["person:maria@acme", "person:Otto@acme"], "'Otto@acme' cannot be asked: .*did you mean 'otto@acme'"),
        ([], "nobody could take what is put to nobody"),
    ],
)
def test_queues_that_nobody_can_take_are_refused(queues, why):
    with pytest.raises(NobodyHolds, match=why):
        check_holders(PEOPLE, queues)


def test_a_live_directory_is_asked_once_for_each_question_and_its_failing_refuses_it():
    asked_for = []
    people = People(lambda: asked_for.append(1) or {"maria@acme": {"cfo"}}, skills=lambda: {"maria@acme": {"french"}})
    assert holders_of(people, "role:cfo+french") == ("maria@acme",)
    assert holds_queue(people, "maria@acme", "role:cfo+french")
    check_holders(people, ["role:cfo", "person:maria@acme"])
    assert len(asked_for) == 3
    broken = People(lambda: 1 / 0)
    with pytest.raises(NotPermitted, match="did not answer"):
        holds_queue(broken, "maria@acme", "role:cfo")
    for question in (lambda: holders_of(broken, "role:cfo"), lambda: check_holders(broken, ["role:cfo"])):
        with pytest.raises(NobodyHolds, match="did not answer"):
            question()


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("controller", "controller"),
        (Candidates("cfo"), Candidates("cfo")),
        (lambda decision: "cfo" if decision.case["amount"] > 50 else "controller", "cfo"),
        (lambda decision: Candidates(group="claims-north"), Candidates(group="claims-north")),
        (lambda decision: {"maria@acme", "otto@acme"}, Candidates(people=("maria@acme", "otto@acme"))),
    ],
)
def test_whom_a_gate_asks_is_a_role_candidates_or_what_a_function_says_of_the_decision(to, expected):
    assert asked(to, UNSURE) == expected


async def nobody_waits(decision):
    return "cfo"


@pytest.mark.parametrize(
    ("to", "error", "why"),
    [
        (lambda decision: None, NobodyHolds, "to=<lambda> names nobody for what policy 'claims' decided"),
        (lambda decision: set(), NobodyHolds, "names nobody"),
        (lambda decision: "", DefinitionError, "to=<lambda>: '' cannot be a name: it is blank"),
        (lambda decision: 7, DefinitionError, "to=<lambda> returned <int>; return a role"),
        (lambda decision: (p for p in ["maria@acme"]), DefinitionError, "returned <generator>"),
        (lambda decision: ["maria@acme", "Maria@acme"], DefinitionError, "one person in two spellings"),
        (lambda decision: ["ma\u202eria"], DefinitionError, "U\\+202E"),
        (lambda decision: [None], DefinitionError, "<NoneType> cannot be a person's id"),
        (nobody_waits, DefinitionError, "to=nobody_waits is an async function"),
        (7, DefinitionError, "to=<int>: give a role, Candidates, or a function"),
        (" ", DefinitionError, "cannot be a name"),
    ],
)
def test_a_function_that_names_nobody_or_what_is_none_is_refused_by_name(to, error, why):
    with pytest.raises(error, match=why):
        asked(to, UNSURE)


def test_a_queue_in_words():
    assert describe(role_queue("a+b", ["c/d"])) == "a+b with c/d"
