"""What people do without answering: show, claim, return, reassign and so on; many at once; and the switch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from abpo_sdk.errors import AbpoError, DefinitionError, NotPermitted, StoreUnavailable
from tests.gates.machine.desks import DESK
from tests.gates.machine.faults import Faulty
from tests.gates.machine.model import Verdict
from tests.gates.machine.tasks import Task
from tests.gates.machine.world import World

BECAUSE = "as I say"

ACTS = ("show", "claim", "release", "abstain", "recuse", "return", "inform", "escalate", "reassign")


def act(
    world: World,
    task: Task,
    what: str,
    by: str,
    *,
    because: str = BECAUSE,
    to: str = "cfo",
    hours: int | None = None,
    desk: int = DESK,
) -> bool:
    """Somebody does something with a review without answering it; whether it was done."""
    world.begin(task)
    until = world.now + timedelta(hours=hours) if hours is not None else None
    verdict = verdict_on(world, task, what, by, because, hours, to=to)
    review = world.review(task, desk)
    said: dict[str, Any] = {
        "show": {},
        "claim": {"until": until},
        "release": {},
        "inform": {"information": because},
        "reassign": {"because": because, "to": to},
    }.get(what, {"because": because})
    method = {"return": "return_for_information"}.get(what, what)
    call = getattr(review, method)
    done = world.do(task, what, by, verdict, lambda: call(by=by, **said))
    if done:
        {
            "show": lambda: task.viewed.__setitem__(by, world.now),
            "claim": lambda: claimed(task, by, until),
            "release": lambda: task.free(),
            "abstain": lambda: task.abstain(by),
            "recuse": lambda: task.recuse(by),
            "return": lambda: returned(task),
            "inform": lambda: informed(world, task),
            "escalate": lambda: task.escalate(),
            "reassign": lambda: task.put_to(to),
        }[what]()
        task.last = world.now
    world.end(task, desk)
    return done


def verdict_on(
    world: World, task: Task, what: str, by: str, because: str, hours: int | None = None, *, to: str = "cfo"
) -> Verdict:
    """Whether a person may do it."""
    model, now = world.model, world.now
    if what == "show":
        if task.final is None:
            return model.standing(task, by, now)
        given = {said.by for said in task.valid}
        return Verdict(model.known(by) | model.clock(task, now) | (set() if by in given else {"unknown"}))
    is_open = model.whether_open(task, now, returned=what in ("recuse", "inform")) | model.clock(task, now)
    if what == "release":
        theirs = {"closed"} if task.claimed_by is None else {"claimed"} if task.claimed_by != by else set()
        return Verdict(is_open | theirs | model.known(by))
    if what in ("recuse", "inform"):
        missing = {"closed"} if what == "inform" and task.status != "returned" else set()
        return Verdict(is_open | missing | model.reason(because) | model.known(by))
    verdict = model.standing(task, by, now)
    verdict.reasons |= is_open
    if what == "claim":
        verdict.reasons |= {"definition"} if hours is not None and hours <= 0 else set()
    else:
        verdict.reasons |= model.reason(because)
    if what == "escalate" and not task.levels:
        verdict.reasons.add("closed")
    if what == "reassign" and (task.undecided or to not in task.demanded):  # who breaks a tie decides alone
        verdict.reasons.add("no right")
    return verdict


def claimed(task: Task, by: str, until: Any) -> None:
    task.status, task.claimed_by, task.claimed_until = "claimed", by, until


def returned(task: Task) -> None:
    task.free()
    task.status = "returned"


def informed(world: World, task: Task) -> None:
    task.inform()
    shown = world.review(task, DESK).shown
    assert shown is not None
    assert shown not in world.shown[task.id]
    world.shown[task.id].append(shown)


def bulk(
    world: World, what: Any, tasks: list[Task], by: str, *, because: str = BECAUSE, to: str = "cfo", desk: int = DESK
) -> None:
    """Somebody does the same with many reviews: with each, what they could do with it alone. Never is one approved."""
    world.desks.clock.advance(timedelta(microseconds=1))
    for task in tasks:
        task.let_time_pass(world.now)
    # Each is judged when its turn comes: one that is refused before another may use up a limit, or a row.
    for task in tasks:
        done = world.desks[desk].bulk(what, [task.id], by=by, because=because, to=to if what == "reassign" else None)
        if what == "refuse":
            outcome = task.demand.refuses
            faults = {"changed"} if world.swapped(task, desk) else set()
            faults |= {"definition"} if outcome in (None, task.proposal) else set()
            verdict = world.model.answer(task, by, outcome or "reject", because, None, world.now, faults=faults)
        else:
            verdict = verdict_on(world, task, what, by, because, to=to)
        if not done.done:
            (error,) = done.failed.values()
            assert type(error).__name__ in verdict.errors, (what, error, verdict)
        else:
            assert verdict.allowed, (what, by, verdict)
            if what == "refuse":
                assert outcome is not None
                world.answered(task, verdict, by, outcome, because, None)
                assert world.about(task)[-1].content["outcome"] != "pay"
            elif what == "return":
                returned(task)
            else:
                task.put_to(to)
            task.last = world.now
        world.end(task, desk)


def stop(world: World, to: str, by: str, *, desk: int = DESK) -> None:
    """Somebody stops the policy, in every worker."""
    world.desks.clock.advance(timedelta(microseconds=1))
    try:
        world.desks[desk].switches.stop("policy", "claims", to=to, by=by, because=BECAUSE)
    except (NotPermitted, DefinitionError):
        assert by not in world.model.roles or world.stopped_to is not None
        return
    assert by in world.model.roles
    assert world.stopped_to is None
    world.stopped_to = to


def restart(world: World, by: str, *, desk: int = DESK) -> None:
    """The role that decides meanwhile, and nobody else, has it go on."""
    world.desks.clock.advance(timedelta(microseconds=1))
    fine = world.stopped_to is not None and world.stopped_to in world.model.roles.get(by, ())
    try:
        world.desks[desk].switches.restart("policy", "claims", by=by, because=BECAUSE)
    except (NotPermitted, DefinitionError):
        assert not fine
        return
    assert fine
    world.stopped_to = None


def fail_in_the_middle(world: World, task: Task, outcome: str, by: str, after: int, *, desk: int = DESK) -> None:
    """The database stops while somebody answers: then nothing was answered, or all of it was."""
    world.begin(task)
    reviews = world.desks[desk]
    reviews.writer.happen(task.id)
    before = len(world.about(task))
    faults = {"changed"} if world.swapped(task, desk) else set()
    verdict = world.model.answer(task, by, outcome, BECAUSE, None, world.now, faults=faults)
    with Faulty(reviews.ledger, after):
        try:
            reviews.get(task.id).answer(outcome, by=by, because=BECAUSE)
        except StoreUnavailable:
            pass
        except AbpoError as error:
            assert type(error).__name__ in verdict.errors, (error, verdict)  # noqa: PT017
    new = [entry.kind for entry in world.about(task)[before:]]
    assert new in ([], ["answered"], ["refused"])
    if new == ["answered"]:
        world.answered(task, verdict, by, outcome, BECAUSE, None)
    world.end(task, DESK)
