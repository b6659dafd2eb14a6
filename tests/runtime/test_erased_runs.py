"""What becomes of runs whose content is erased: open ones are abandoned, ended ones show nothing, and nothing is done again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, Personal, Runtime, fields, process, rule, step
from abpo_sdk.errors import (
    AbpoError,
    DuplicateRun,
    Erased,
    IncidentError,
    LeaseLost,
    ReviewClosed,
    ReviewError,
    RunBusy,
    RunFailed,
)
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.testing import FakeClock
from abpo_sdk.values.encoded import PersonalValue

IBAN = "DE89370400440532013000"
PEOPLE = {"maria@acme": {"adjuster"}, "ines@acme": {"head"}}
BY = {"by": "dpo@acme", "because": "request 17"}
ABANDONED = r"run '{}' was abandoned by dpo@acme: what it works on was erased, see \$ledger/erased/0"


class Claim(BaseModel):
    number: str
    customer: str
    amount: int
    iban: Annotated[str, Personal("bank account", subject_field="customer")]


class World:
    """What is outside: counts what was done, and has something happen in the middle of it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.then: Callable[[], object] = lambda: None

    def do(self, what: str) -> None:
        self.done.append(what)
        then, self.then = self.then, lambda: None
        then()


c = fields(Claim)
table = DecisionTable("settlement", rule(c.amount <= 100, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 100, to="adjuster")


@step
def look_up(number: str, *, world: Any) -> Claim:
    world.do("look up")
    return Claim(number=number, customer="K-1", amount=500, iban=IBAN)


@step
def pay(claim: Claim, *, world: Any) -> str:
    world.do("pay")
    if claim.amount < 0:
        raise ValueError(f"no account {claim.iban}")
    return claim.number


@process
def paying(claim: Claim, *, world: Any) -> str:
    return pay(claim, world=world)


@process
def outer(number: str, *, world: Any) -> Claim:
    claim = look_up(number, world=world)
    inner(claim, world=world)
    return claim


@process
def inner(claim: Claim, *, world: Any) -> str:
    approval(table(claim))
    return paying(claim, world=world)


@process
def stubborn(claim: Claim, *, world: Any) -> str:
    for _ in range(3):
        try:
            return pay(claim, world=world)
        except Exception:
            continue
    return "gave up"


@process
def swallowing(claim: Claim, *, world: Any) -> str:
    try:
        approval(table(claim))
    except BaseException:
        world.do("swallow")
    return "went on"


@step
async def pay_slowly(claim: Claim, *, world: Any) -> str:
    world.do("pay")
    await asyncio.sleep(0)
    return claim.number


@process
async def paying_slowly(claim: Claim, *, world: Any) -> str:
    return await pay_slowly(claim, world=world)


def claim(amount: int = 50, customer: str = "K-1") -> Claim:
    return Claim(number="7", customer=customer, amount=amount, iban=IBAN)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def opened(tmp_path: Path, world: World):
    with ExitStack() as stack:

        def open_runtime() -> Runtime:
            ledger = Ledger(f"sqlite:///{tmp_path / 'abpo.db'}", clock=FakeClock())
            processes = [p.bind(world=world) for p in (paying, outer, inner, stubborn, swallowing, paying_slowly)]
            return stack.enter_context(Runtime(ledger, processes, people=PEOPLE))

        yield open_runtime


@pytest.fixture
def runtime(opened):
    return opened()


def kinds(run):
    return [entry.kind for entry in run.entries]


# open runs


def test_another_worker_notices_at_once_that_a_run_was_abandoned(runtime, opened, world):
    run = runtime.start(outer, "7", id="R")
    review = run.review
    elsewhere = opened()
    seen = elsewhere.run("R")
    assert runtime.ledger.erase("K-1", **BY).abandoned == ("R",)
    for looked in (run, seen):
        assert looked.status == "abandoned"
        assert looked.reviews == ()
        assert repr(looked) == "<run R: abandoned>"
        with pytest.raises(RunFailed, match=ABANDONED.format("R")):
            looked.result()
        with pytest.raises(ReviewError, match="is abandoned and has 0 open reviews"):
            looked.review  # noqa: B018
    for worker in (runtime, elsewhere):
        assert worker.reviews() == ()
        assert worker.runs("waiting") == []
        assert [r.id for r in worker.runs("abandoned")] == ["R"]
        assert worker.tick().advanced == ()
        worker.advance("R")
    with pytest.raises(ReviewClosed):
        review.answer("pay", by="maria@acme", because="fine")
    assert world.done == ["look up"]
    assert kinds(run)[-2:] == ["abandoned", "refused"]
    assert runtime.ledger.verify().erased > 0


def test_an_answer_and_an_erasure_at_once_end_in_one_of_both(runtime, opened, world):
    run = runtime.start(outer, "7", id="R")
    review = run.review
    world.then = lambda: opened().ledger.erase("K-1", **BY)
    with pytest.raises(LeaseLost):
        review.answer("pay", by="maria@acme", because="fine")
    assert world.done == ["look up", "pay"]
    assert run.status == "abandoned"
    assert kinds(run)[-2:] == ["answered", "abandoned"]
    runtime.ledger.verify()


def test_starting_again_what_was_erased_is_refused_and_does_nothing(runtime, world):
    runtime.start(paying, claim(), id="done")
    runtime.start(paying, claim(-1), id="incident")
    runtime.ledger.erase("K-1", **BY)
    done = list(world.done)
    for number, identifier in ((50, "done"), (-1, "incident")):
        with pytest.raises(DuplicateRun, match="whose subject was erased"):
            runtime.start(paying, claim(number), id=identifier)
    assert world.done == done


def test_an_incident_that_was_at_hand_cannot_be_resolved_any_more(runtime, world):
    run = runtime.start(paying, claim(-1), id="R")
    incident = run.incident
    runtime.ledger.erase("K-1", **BY)
    assert runtime.incidents() == []
    for resolve in (incident.retry, incident.abandon, lambda **why: incident.supply("7", **why)):
        with pytest.raises(IncidentError, match="no incident any more"):
            resolve(by="maria@acme", because="try")
    assert world.done == ["pay"]
    assert kinds(run) == ["started", "incident", "abandoned"]


@pytest.mark.parametrize("flow", [paying, stubborn])
def test_a_worker_in_the_middle_of_a_step_is_told_and_keeps_nothing_whatever_its_process_catches(
    runtime, opened, world, flow
):
    world.then = lambda: opened().ledger.erase("K-1", **BY)
    with pytest.raises(LeaseLost):
        runtime.start(flow, claim(), id="R")
    run = runtime.run("R")
    assert world.done == ["pay"]
    assert (kinds(run), run.status) == (["started", "abandoned"], "abandoned")
    assert runtime.tick().advanced == ()
    runtime.ledger.verify()


def test_a_step_that_raises_after_its_run_was_abandoned_makes_no_incident(runtime, opened, world):
    world.then = lambda: opened().ledger.erase("K-1", **BY)
    with pytest.raises(LeaseLost):
        runtime.start(paying, claim(-1), id="R")
    run = runtime.run("R")
    assert (kinds(run), run.status, run.incident) == (["started", "abandoned"], "abandoned", None)
    assert runtime.incidents() == []


def test_an_async_step_that_erases_what_its_run_works_on_is_told(runtime, world):
    world.then = lambda: runtime.ledger.erase("K-1", **BY)

    async def main() -> None:
        with pytest.raises(LeaseLost):
            await runtime.start_async(paying_slowly, claim(), id="R")

    asyncio.run(main())
    assert kinds(runtime.run("R")) == ["started", "abandoned"]


def test_a_process_that_swallowed_its_parking_makes_no_incident_of_an_abandoned_run(runtime, opened, world):
    world.then = lambda: opened().ledger.erase("K-1", **BY)
    with pytest.raises(LeaseLost, match="abandoned"):
        runtime.start(swallowing, claim(500), id="R")
    run = runtime.run("R")
    assert (kinds(run)[-1], run.status) == ("abandoned", "abandoned")
    with pytest.raises(RunFailed, match=ABANDONED.format("R")):
        run.result()
    with pytest.raises(RunBusy, match="abandoned"):
        runtime._worker.leases.acquire("R", status="running")
    runtime.ledger.verify()


def test_a_run_that_meets_something_erased_on_its_way_is_abandoned_and_names_the_erasure(runtime, world):
    run = runtime.start(outer, "7", id="R")
    ledger = runtime.ledger
    [identifier] = ledger.vault.identifiers("K-1")
    with ledger.writing() as writer:  # an erasure, as one that does not know of the run would make it
        payload = {"because": "request 17", "by": "dpo@acme", "keys": [identifier]}
        writer.append("$ledger", [Draft(Place("/erased/", 0), "erased", "erased", payload, ledger.clock.now())])
    ledger.vault.erase([identifier])
    assert run.status == "waiting"
    run.review.answer("pay", by="maria@acme", because="fine")
    assert run.status == "abandoned"
    with pytest.raises(RunFailed, match=r"what it works on was erased, see \$ledger/erased/0"):
        run.result()
    assert world.done == ["look up"]
    ledger.verify()


def test_a_run_whose_keys_are_not_here_is_an_incident_and_goes_on_when_they_are(runtime, world, tmp_path):
    run = runtime.start(outer, "7", id="R")
    keys = tmp_path / "abpo.db.keys"
    keys.rename(tmp_path / "elsewhere")
    run.review.answer("pay", by="maria@acme", because="fine")
    assert run.status == "incident"
    (tmp_path / "elsewhere").replace(keys)
    run.incident.retry(by="maria@acme", because="the keys are back")
    assert run.result().iban == IBAN


def test_runs_of_others_go_on(runtime, world):
    other = runtime.start(paying, claim(customer="K-2"), id="other")
    waiting = runtime.start(inner, claim(500, customer="K-2"), id="waiting")
    runtime.start(inner, claim(500), id="R")
    assert runtime.ledger.erase("K-1", **BY).abandoned == ("R",)
    waiting.review.answer("pay", by="maria@acme", because="fine")
    assert waiting.result() == other.result() == "7"
    assert world.done == ["pay", "pay"]


# what can still be seen


def test_a_result_that_is_personal_is_not_kept_at_hand(runtime, world):
    world.do = lambda _: None
    run = runtime.start(outer, "7", id="R")
    run.review.answer("pay", by="maria@acme", because="fine")
    fresh = runtime.start(echo, claim(), id="E")
    assert run.result() == Claim(number="7", customer="K-1", amount=500, iban=IBAN)
    assert fresh.status == "done"
    runtime.ledger.erase("K-1", **BY)
    for ended in (run, fresh):
        assert ended.status == "done"
        with pytest.raises(Erased, match="bank account cannot be read, because its subject was erased"):
            ended.result()


@process
def echo(claim: Claim) -> Claim:
    return claim


@process
def cautious(claim: Claim, *, world: Any) -> str:
    try:
        return pay(claim, world=world)
    except ValueError:
        return "refused"


def looks(runtime: Runtime, run: str) -> list[Callable[[], object]]:
    seen = runtime.run(run)
    entries = seen.entries
    return [
        lambda: (repr(seen), seen.status, seen.reviews, seen.incident, runtime.incidents(), runtime.reviews()),
        seen.result,
        lambda: seen.decisions,
        lambda: (str(seen.lineage()), seen.lineage().tree().html()),
        lambda: runtime.decisions().to_csv(),
        lambda: runtime.decisions(purpose="look").to_csv(),
        lambda: [runtime._reviews.list(status=status) for status in ("open", "answered", "closed")],
        lambda: [runtime.ledger.payload(entry) for entry in entries],
        *(lambda entry=entry: runtime.ledger.payload(entry, purpose="look") for entry in entries),
        lambda: (entries, [entry.content for entry in entries]),
        lambda: [runtime.ledger.view(name).to_csv() for name in ("runs", "reviews", "decisions", "entries")],
        lambda: runtime.start(paying, claim(), id=run),
        lambda: runtime.start(inner, claim(500), id=run),
        lambda: runtime.advance(run),
        runtime.tick,
    ]


def test_after_an_erasure_nothing_that_can_be_asked_shows_anything_personal(runtime, world, caplog):
    caplog.set_level(logging.WARNING)
    runtime.start(paying, claim(), id="done")
    runtime.start(paying, claim(-1), id="incident")
    runtime.start(inner, claim(500), id="waiting")
    runtime.start(inner, claim(600), id="answered").review.answer("pay", by="maria@acme", because="fine")
    runtime.start(cautious.bind(world=world), claim(-1), id="caught")
    failed = runtime.start(paying, claim(-1), id="supplied")
    failed.incident.supply("7", by="maria@acme", because="by hand")
    runtime.ledger.erase("K-1", **BY)
    shown = []
    for run in ("done", "incident", "waiting", "answered", "caught", "supplied"):
        for look in looks(runtime, run):
            try:
                shown.append(f"{look()}")
            except AbpoError as error:
                shown += [str(error), repr(error), repr(error.__cause__), repr(error.__context__)]
    assert len(shown) > 100
    assert [text for text in shown if IBAN in text or IBAN[4:12] in text] == []
    assert IBAN not in caplog.text
    runtime.ledger.verify()


def test_a_value_that_a_person_supplied_without_saying_whose_it_is_does_not_stay_in_clear(runtime, world, tmp_path):
    world.then = lambda: 1 / 0
    run = runtime.start(outer, "7", id="R")
    raw = {"number": "7", "customer": "K-1", "amount": 50, "iban": IBAN}
    run.incident.supply(raw, by="maria@acme", because="from the letter")
    assert run.result().iban == IBAN
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert IBAN.encode() not in files
    runtime.ledger.erase("K-1", **BY)
    [resolved] = [entry for entry in run.entries if entry.kind == "resolved"]
    with pytest.raises(Erased):
        runtime.ledger.payload(resolved, purpose="look")
    assert runtime.ledger.verify().erased > 0


def test_what_a_person_says_while_keys_are_about_to_go_has_a_key_that_stays(runtime, opened, world):
    world.then = lambda: 1 / 0
    run = runtime.start(outer, "7", id="R")
    incident, elsewhere = run.incident, opened()
    erase = elsewhere.ledger.vault.erase
    value = Claim(number="7", customer="K-1", amount=50, iban=IBAN)
    said = []

    def in_between(identifiers: Any) -> None:
        if identifiers and not said:
            said.append(1)
            incident.supply(value, by="maria@acme", because="from the letter")
        erase(identifiers)

    with elsewhere.ledger.writing() as writer:  # so that the subject has a key, in a record that is not the run's
        draft = Draft(
            Place("/", 0), "step", "work", {"x": IBAN}, runtime.clock.now(), (PersonalValue(("x",), "x", "K-1"),)
        )
        writer.append("other", [draft])
    elsewhere.ledger.vault.erase = in_between
    elsewhere.ledger.erase("K-1", **BY)
    assert said == [1]
    assert run.result() == value
    runtime.ledger.verify()
