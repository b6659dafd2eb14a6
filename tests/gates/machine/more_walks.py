"""More walks: where several must say the same, within their limits, at several gates, or in place of the policy."""

from __future__ import annotations

from tests.gates.machine import acts
from tests.gates.machine.desks import DESK, RUNTIME
from tests.gates.machine.tasks import SECOND
from tests.gates.machine.walks import ANNA, HOUR, INES, KARL, MARIA, OTTO, PAUL, opened, turn, waiting, walk
from tests.gates.machine.world import World

# how many


@walk
def two_of_three_agree_or_one_forbids_or_one_breaks_the_tie(world: World) -> None:
    [agreed], [forbidden], [tied] = opened(world, "board"), opened(world, "board"), opened(world, "board", run=True)
    assert world.answer(agreed, "refer", MARIA)
    assert world.answer(agreed, "pay", OTTO, edit="20")
    assert agreed.asked
    assert world.answer(agreed, "refer", INES)
    assert world.answer(forbidden, "refer", MARIA)
    assert world.answer(forbidden, "reject", OTTO)
    for person, edit in ((MARIA, "none"), (OTTO, "20")):
        assert world.answer(tied, "pay", person, edit=edit)
    assert world.answer(tied, "refer", INES)
    assert not world.answer(tied, "refer", INES)  # a cfo, too; but she has spoken
    assert not acts.act(world, tied, "reassign", PAUL, to="controller")
    assert not acts.act(world, tied, "escalate", PAUL)
    assert acts.act(world, tied, "return", PAUL)
    assert acts.act(world, tied, "inform", MARIA)
    assert not world.answer(tied, "reject", PAUL)  # nobody has said anything to what is known now
    assert world.answer(tied, "refer", INES)
    assert world.answer(tied, "refer", MARIA, desk=RUNTIME)
    for key in (agreed.key, forbidden.key):
        world.attempt(key)


@walk
def a_tie_is_broken_by_one_who_did_not_make_it(world: World) -> None:
    [task] = opened(world, "loose")
    assert world.answer(task, "pay", INES)
    assert not world.answer(task, "reject", INES)
    assert world.answer(task, "reject", MARIA)
    assert not world.answer(task, "pay", OTTO)
    turn(world, 9 * HOUR)
    world.tick()
    assert not world.answer(task, "pay", INES)
    assert world.answer(task, "pay", PAUL)
    world.attempt(task.key)


# how much


@walk
def a_limit_is_kept_alone_and_in_sum(world: World) -> None:
    [over], [exact], [rest], [more] = (
        opened(world, "money", amount)[0:1] for amount in ("1000.01", "1000", "500", "90")
    )
    assert not world.answer(over, "pay", MARIA)
    assert world.answer(exact, "pay", MARIA)
    world.delegate(MARIA, KARL, 24, None, None)
    assert world.answer(rest, "pay", KARL)  # of hers
    assert not world.answer(more, "pay", MARIA, desk=RUNTIME)
    assert not world.answer(more, "pay", KARL)
    turn(world, world.now.replace(hour=22, minute=59) - world.now)  # nearly midnight in Berlin
    assert not world.answer(more, "pay", MARIA)
    turn(world, HOUR)
    assert world.answer(more, "pay", MARIA)
    [dollars], [pounds], [nobody] = (
        opened(world, "money", "800.01", currency="USD"),
        opened(world, "money", "90", currency="GBP"),
        opened(world, "money", "90", payee=" "),
    )
    for task in (dollars, pounds, nobody):
        assert not world.answer(task, "pay", OTTO)
        assert world.answer(task, "reject", OTTO)


@walk
def parts_of_one_whole_are_summed(world: World) -> None:
    [one], [other], [elsewhere] = (opened(world, "money", "650", order=order)[0:1] for order in ("O-1", "o-1", "O-2"))
    assert world.answer(one, "pay", MARIA)
    assert not world.answer(other, "pay", OTTO)  # whoever approves them
    assert world.answer(elsewhere, "pay", OTTO)
    turn(world, 24 * 7 * HOUR - HOUR)
    assert not world.answer(other, "pay", OTTO)
    assert world.answer(other, "pay", OTTO, edit="20")
    [fourth] = opened(world, "money", "900", order="O-1")
    turn(world, 2 * HOUR)
    assert world.answer(fourth, "pay", OTTO)


@walk
def what_is_reserved_counts_until_it_is_given_back(world: World) -> None:
    [first], [second], [third], [fourth] = (opened(world, "two", "900")[0:1] for _ in range(4))
    [beside] = opened(world, "money", "900")
    assert world.answer(first, "pay", MARIA)
    assert not world.answer(beside, "pay", MARIA)
    for person in (OTTO, INES):
        assert world.answer(first, "reject", person)
    assert world.answer(second, "pay", MARIA)
    assert not world.answer(beside, "pay", MARIA)
    assert acts.act(world, second, "recuse", MARIA)
    assert world.answer(third, "pay", MARIA)
    assert not world.answer(beside, "pay", MARIA)
    assert acts.act(world, third, "return", MARIA) is False  # she has spoken
    assert acts.act(world, third, "return", OTTO)
    assert acts.act(world, third, "inform", OTTO)
    assert world.answer(fourth, "pay", MARIA, edit="20")
    assert world.answer(fourth, "pay", OTTO)
    assert world.answer(fourth, "pay", INES)  # so hers was given back
    [last] = opened(world, "short", "900")
    assert world.answer(last, "pay", MARIA)
    assert not world.answer(beside, "pay", MARIA)
    turn(world, 7 * HOUR)
    world.tick()
    assert world.answer(beside, "pay", MARIA)
    assert not world.answer(opened(world, "money", "650")[0], "pay", MARIA)


@walk
def a_role_and_a_counterparty_have_limits_too(world: World) -> None:
    for number, person in enumerate((OTTO, KARL, KARL)):
        [task] = opened(world, "refund", "90")
        assert world.answer(task, "pay", person) is (number < 2)
    turn(world, 36 * HOUR)
    assert world.answer(task, "pay", KARL)
    for payee, fits in (("ACME", True), ("acme ", True), ("ACME", True), ("acme ", False), ("Bolt", True)):
        [small] = opened(world, "money then large", "900", payee=payee)
        assert world.answer(small, "pay", OTTO)
        turn(world, 24 * HOUR)
        world.attempt(small.key)
        [large] = waiting(world, small.key)
        assert world.answer(large, "pay", PAUL, edit="1200") is fits
    turn(world, 24 * 31 * HOUR)
    [small] = opened(world, "money then large", "900")
    assert world.answer(small, "pay", OTTO)
    world.attempt(small.key)
    assert world.answer(waiting(world, small.key)[0], "pay", PAUL, edit="1200")


# several gates


@walk
def one_gate_after_the_other(world: World) -> None:
    for run in (False, True):
        [small] = opened(world, "money then large", "900", run=run)
        assert world.answer(small, "pay", INES, edit="650", desk=RUNTIME)
        world.attempt(small.key)
        [large] = waiting(world, small.key)
        assert not world.answer(large, "pay", INES)
        assert world.answer(large, "pay", PAUL, desk=RUNTIME)
        way = world.attempt(small.key)
        assert way
        assert (way.outcome, way.by, way.amount) == ("pay", PAUL, 650)
        turn(world, 24 * HOUR)
    [plain] = opened(world, "plain then brief")
    [again] = opened(world, "plain then brief")
    for task in (plain, again):
        assert world.answer(task, "reject", OTTO)
        world.attempt(task.key)
        [brief] = waiting(world, task.key)
        assert world.answer(brief, "reject", KARL) is (task is plain)  # he confirms what stands there, twice in a row


@walk
def gates_beside_each_other(world: World) -> None:
    for run in (False, True):
        money, legal = opened(world, "money and legal", run=run)
        assert world.answer(money, "pay", MARIA)
        world.attempt(money.key)
        assert world.answer(legal, "pay" if run else "reject", KARL, desk=RUNTIME)
        world.attempt(money.key)
        money, brief = opened(world, "money or brief", "90", run=run)
        assert world.answer(brief, "refer", KARL)
        assert not world.answer(money, "pay", MARIA)
        world.attempt(money.key)
        turn(world, HOUR)
    money, brief = opened(world, "money or brief", "90")
    turn(world, 13 * HOUR)
    world.tick()
    world.attempt(money.key)
    assert world.answer(money, "pay", OTTO)
    world.attempt(money.key)


@walk
def who_breaks_a_tie_between_gates_is_new_to_the_case_and_within_their_limits(world: World) -> None:
    for run in (False, True):
        two, large = opened(world, "two and large, tied", "2500", run=run, entered_by=ANNA)
        for person in (MARIA, OTTO):
            assert not world.answer(two, "pay", person)
            assert world.answer(two, "reject", person)
        assert world.answer(large, "pay", PAUL, edit="1200", desk=RUNTIME)
        world.tick()
        world.attempt(two.key)
        [tie] = waiting(world, two.key)
        world.model.roles[ANNA].add("cfo")
        for person in (PAUL, ANNA, MARIA):
            assert not world.answer(tie, "pay", person)
        assert world.answer(tie, "refer" if run else "pay", INES, desk=RUNTIME)
        world.attempt(two.key)
        turn(world, 24 * 31 * HOUR)


@walk
def another_looks_without_knowing_what_was_said(world: World) -> None:
    [task] = opened(world, "blind")
    assert world.answer(task, "refer", MARIA, because="")
    second = world.model.tasks[task.id + SECOND]
    assert not world.answer(second, "refer", MARIA)
    assert not world.answer(second, "refer", OTTO, edit="20")
    assert world.answer(second, "pay", OTTO)
    way = world.attempt(task.key)
    assert way
    assert way.outcome == "refer"


# all at once, and instead


@walk
def many_are_refused_or_given_on_and_none_is_approved(world: World) -> None:
    tasks = [
        opened(world, plan, amount)[0]
        for plan, amount in (("plain", "650"), ("money", "650"), ("refund", "0"), ("chain", "90"))
    ]
    acts.bulk(world, "refuse", tasks, OTTO)
    assert [task.status for task in tasks] == ["answered", "open", "open", "open"]
    acts.bulk(world, "return", tasks, MARIA)
    acts.bulk(world, "reassign", [opened(world, "chain")[0], tasks[0]], MARIA, to="lawyer")


@walk
def what_is_stopped_is_decided_by_the_role_that_was_named(world: World) -> None:
    [before] = opened(world, "plain")
    acts.stop(world, "lawyer", "eve@acme")
    acts.stop(world, "lawyer", MARIA)
    for run in (False, True):
        [stop] = opened(world, "money", "90", run=run)
        assert not world.answer(stop, "pay", MARIA)
        assert world.answer(stop, "pay", KARL, desk=RUNTIME)
        world.attempt(stop.key)
        [money] = waiting(world, stop.key)
        assert world.answer(money, "pay", MARIA, desk=RUNTIME)
        world.attempt(stop.key)
    acts.restart(world, MARIA)
    assert world.stopped_to
    acts.restart(world, KARL, desk=RUNTIME)
    assert world.answer(before, "pay", MARIA)
    [after] = opened(world, "plain", desk=DESK)
    assert after.demand.name == "plain"


@walk
def a_store_that_fails_keeps_all_of_an_answer_or_nothing(world: World) -> None:
    for after in (1, 3, 10, 30, 60, 100, 150, 200, 300, 400, 600):
        [task] = opened(world, "money", "90")
        acts.fail_in_the_middle(world, task, "pay", OTTO, after)
        world.attempt(task.key)
