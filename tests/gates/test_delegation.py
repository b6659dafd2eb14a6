"""Acting for another, and being kept from a case for it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk import People
from abpo_sdk.errors import DefinitionError, NotPermitted, SeparationOfDuties
from abpo_sdk.gates.delegation import Capacity, Delegation, capacities, check_separate, connected
from abpo_sdk.gates.queues import holds_queue
from tests.gates.spellings import IDS, spellings_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = People(
    {"maria@acme": {"controller", "cfo"}, "otto@acme": {"clerk"}, "ines@acme": {"clerk"}, "omar@acme": set()},
    skills={"maria@acme": {"french"}, "ines@acme": {"french"}},
    groups={"claims-north": {"maria@acme"}},
)


def acting_for(by="maria@acme", to="otto@acme", *, roles=None, since=NOON, until=NOON + DAY, because="on leave"):
    return Delegation(by=by, to=to, roles=roles, since=since, until=until, because=because)


def who(person, queue="role:controller", *delegations, people=PEOPLE, at=NOON):
    return [capacity.on_behalf_of for capacity in capacities(people, person, queue, delegations, at)]


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"until": None}, r"until=\): None is no time with a zone"),
        ({"until": datetime(2026, 3, 9)}, "is no time with a zone"),  # noqa: DTZ001
        ({"since": datetime(2026, 3, 1)}, r"since=\): .* is no time with a zone"),  # noqa: DTZ001
        ({"until": NOON}, "not after its beginning"),
        ({"until": NOON - DAY}, "not after its beginning"),
        ({"to": "maria@acme"}, "nobody acts for themselves"),
        ({"to": "MARIA@acme"}, "nobody acts for themselves"),
        ({"to": "\uff4daria@acme"}, r"to='\\uff4daria@acme'\): nobody acts for themselves"),
        ({"to": "maria@acme "}, "ends with a space"),
        ({"to": "ot\nto"}, "a control character"),
        ({"by": "policy"}, "no person decided"),
        ({"roles": frozenset()}, "give a set of roles, or None for all of them"),
        ({"roles": "controller"}, "give a set of roles"),
        ({"roles": frozenset({""})}, "cannot be a name"),
        ({"because": None}, "give the reason in words"),
    ],
)
def test_a_delegation_that_is_made_wrongly_is_refused(declared, why):
    with pytest.raises(DefinitionError, match=why):
        acting_for(**declared)


def test_who_has_the_right_themselves_acts_in_their_own_right_first():
    other = acting_for("maria@acme", "ines@acme", roles={"controller"})
    people = People({"maria@acme": {"controller"}, "ines@acme": {"controller"}})
    assert who("ines@acme", "role:controller", other, people=people) == [None, "maria@acme"]
    assert capacities(people, "ines@acme", "role:controller", [], NOON) == (Capacity("ines@acme"),)


def test_the_delegate_acts_while_the_delegation_is_in_force_and_not_from_its_end_on():
    leave = acting_for()
    for at, expected in ((NOON - timedelta(microseconds=1), []), (NOON, ["maria@acme"]), (NOON + DAY, [])):
        assert who("otto@acme", "role:controller", leave, at=at) == expected
    assert who("otto@acme", "role:controller", leave, leave) == ["maria@acme"]
    assert who("ines@acme", "role:controller", leave) == []


def test_certain_roles_are_delegated_without_the_others_the_groups_or_what_is_the_persons_own():
    some, everything = acting_for(roles=frozenset({"cfo"})), acting_for()
    for queue in ("role:controller", "group:claims-north", "person:maria@acme"):
        assert who("otto@acme", queue, some) == []
        assert who("otto@acme", queue, everything) == ["maria@acme"]
    assert who("otto@acme", "role:cfo", some) == ["maria@acme"]


def test_skills_are_those_of_who_acts_and_the_right_that_of_whom_they_act_for():
    assert who("otto@acme", "role:controller+french", acting_for()) == []
    assert who("ines@acme", "role:controller+french", acting_for(to="ines@acme")) == ["maria@acme"]
    unskilled = People({"maria@acme": {"controller"}, "ines@acme": set()}, skills={"ines@acme": {"french"}})
    assert who("ines@acme", "role:controller+french", acting_for(to="ines@acme"), people=unskilled) == []


def test_what_was_delegated_is_not_delegated_on():
    chain = acting_for("maria@acme", "otto@acme"), acting_for("otto@acme", "ines@acme")
    assert who("ines@acme", "role:controller", *chain) == []
    assert who("ines@acme", "role:clerk", *chain) == [None, "otto@acme"]


def test_a_role_that_is_revoked_is_revoked_of_the_delegate_as_well_and_so_is_who_is_gone():
    directory = {"maria@acme": {"controller"}, "otto@acme": set()}
    people = People(lambda: directory)
    leave = acting_for()
    assert who("otto@acme", "role:controller", leave, people=people) == ["maria@acme"]
    del directory["otto@acme"]
    assert who("otto@acme", "role:controller", leave, people=people) == []
    directory["otto@acme"], directory["maria@acme"] = set(), {"clerk"}
    assert who("otto@acme", "role:controller", leave, people=people) == []
    with pytest.raises(NotPermitted, match="did not answer"):
        who("otto@acme", "role:controller", leave, people=People(lambda: 1 / 0))


def test_a_right_goes_by_the_id_as_it_is_written():
    people = People({"maria@acme": {"controller"}, "Otto@acme": set()})
    assert who("Otto@acme", "role:controller", acting_for(to="otto@acme"), people=people) == []


def test_connected_are_those_who_act_for_one_and_for_whom_one_acts_and_no_further():
    delegations = [acting_for("maria@acme", "otto@acme"), acting_for("otto@acme", "ines@acme")]
    assert connected("otto@acme", delegations, NOON) == {"maria@acme", "otto@acme", "ines@acme"}
    assert connected("MARIA@acme", delegations, NOON) == {"maria@acme", "otto@acme"}
    assert connected("omar@acme", delegations, NOON) == {"omar@acme"}


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (NOON - 9 * DAY, NOON - 5 * DAY, False),  # over before the case was opened
        (NOON - 9 * DAY, NOON - 2 * DAY, True),  # when it was opened
        (NOON - 2 * DAY, NOON - DAY, True),  # in between
        (NOON - DAY, NOON + DAY, True),  # now
        (NOON + DAY, NOON + 2 * DAY, False),  # later
    ],
)
def test_a_delegation_keeps_from_a_case_if_it_was_in_force_at_any_time_since_it_was_opened(since, until, counts):
    past = acting_for(since=since, until=until)
    assert ("maria@acme" in connected("otto@acme", [past], NOON, opened=NOON - 3 * DAY)) is counts
    assert ("maria@acme" in connected("otto@acme", [past], NOON)) is past.active(NOON)


@pytest.mark.parametrize(
    ("person", "involved", "why"),
    [
        (
            "maria@acme",
            ["maria@acme"],
            "'maria@acme' may not answer: maria@acme entered it, proposed it or is its subject",
        ),
        ("maria@acme", ["ines@acme", " M\u0430RIA@acme"], "is its subject"),
        ("maria@acme", ["ma\u202eria@acme"], r"'ma\\u202eria@acme' entered it"),
        ("otto@acme", ["maria@acme"], "they act for maria@acme, and maria@acme entered it"),
        ("maria@acme", ["OTTO@acme"], "otto@acme acts for them, and OTTO@acme entered it"),
        ("omar@acme", [""], "whose id is '', so nobody can tell"),
        ("omar@acme", ["\u200b"], "so nobody can tell"),
    ],
)
def test_who_has_to_do_with_a_case_does_not_decide_it(person, involved, why):
    with pytest.raises(SeparationOfDuties, match=why):
        check_separate(person, involved, [acting_for()], NOON, NOON, "answer")


def test_who_has_nothing_to_do_with_a_case_may_decide_it():
    check_separate("ines@acme", ["maria@acme", "policy"], [acting_for()], NOON, NOON - DAY, "answer")
    check_separate("otto@acme", ["maria@acme"], [acting_for()], NOON + DAY, None, "answer")
    check_separate("otto@acme", [], [acting_for()], NOON, NOON, "answer")


def test_a_clock_that_went_back_does_not_let_anybody_through():
    with pytest.raises(SeparationOfDuties):
        check_separate("otto@acme", ["maria@acme"], [acting_for()], NOON - 2 * DAY, NOON, "answer")


@pytest.mark.parametrize("involved", ["maria@acme", [None], [7]])
def test_those_who_have_to_do_with_a_case_are_a_set_of_ids(involved):
    with pytest.raises(DefinitionError, match="give a set of ids of persons"):
        check_separate("otto@acme", involved, [], NOON, NOON, "answer")


def test_a_time_without_a_zone_is_refused():
    naive = datetime(2026, 3, 2, 12)  # noqa: DTZ001
    for question in (
        lambda: capacities(PEOPLE, "otto@acme", "role:cfo", [acting_for()], naive),
        lambda: connected("otto@acme", [acting_for()], naive),
        lambda: check_separate("otto@acme", [], [], NOON, naive, "answer"),
    ):
        with pytest.raises(DefinitionError, match="is no time with a zone"):
            question()


PERSONS = st.sampled_from(["maria@acme", "otto@acme", "ines@acme", "omar@acme", "zoe@acme"])
ROLES = st.sampled_from(["controller", "cfo", "clerk"])
SKILLS = st.sampled_from(["french", "motor"])
HOURS = st.integers(0, 6).map(lambda hours: NOON + timedelta(hours=hours))
QUEUES = st.one_of(
    ROLES.map("role:{}".format),
    st.tuples(ROLES, SKILLS).map(lambda names: "role:{}+{}".format(*names)),
    st.just("group:north"),
    PERSONS.map("person:{}".format),
)


@st.composite
def worlds(draw):
    roles = draw(st.dictionaries(PERSONS, st.sets(ROLES), min_size=1))
    of_known = st.sampled_from(sorted(roles))
    skills = draw(st.dictionaries(of_known, st.sets(SKILLS)))
    return People(roles, skills=skills, groups={"north": draw(st.sets(of_known))})


@st.composite
def delegations_made(draw):
    by, to = draw(st.lists(PERSONS, min_size=2, max_size=2, unique=True))
    since, until = sorted(draw(st.lists(HOURS, min_size=2, max_size=2, unique=True)))
    roles = draw(st.none() | st.frozensets(ROLES, min_size=1))
    return acting_for(by, to, roles=roles, since=since, until=until)


@given(worlds(), PERSONS, QUEUES, st.lists(delegations_made(), max_size=6), HOURS)
def test_no_delegation_gives_a_right_that_its_giver_does_not_hold_now(people, person, queue, delegations, at):
    found = capacities(people, person, queue, delegations, at)
    assert (Capacity(person) in found) is holds_queue(people, person, queue)
    for capacity in found:
        assert capacity.person == person
        if capacity.on_behalf_of is None:
            continue
        giver = capacity.on_behalf_of
        assert holds_queue(people, giver, queue)
        assert person in people.persons()
        assert set(queue.partition("+")[2].split("+")) - {""} <= people.skills_of(person)
        assert any(
            d.by == giver
            and d.to == person
            and d.active(at)
            and (d.roles is None or queue[5:].split("+")[0] in d.roles)
            for d in delegations
        )
        with pytest.raises(SeparationOfDuties):
            check_separate(person, [giver], delegations, at, None, "answer")


@given(st.lists(delegations_made(), max_size=6), PERSONS, PERSONS, HOURS)
def test_being_connected_goes_both_ways(delegations, one, other, at):
    assert (other in connected(one, delegations, at)) is (one in connected(other, delegations, at))


@given(st.data(), IDS)
def test_no_spelling_of_ones_id_lets_one_decide_ones_own_case(data, person):
    with pytest.raises(SeparationOfDuties):
        check_separate(person, [data.draw(spellings_of(person))], [], NOON, NOON, "answer")
