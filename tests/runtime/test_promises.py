"""What went wrong once in the hands of somebody who tried to break it."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Runtime, fields, idempotency_key, process, rule, step
from abpo_sdk.errors import IncidentError, RunBusy
from abpo_sdk.testing import TestRuntime


class Claim(BaseModel):
    x: int = 1


policy = DecisionTable("policy", rule(fields(Claim).x > 5, then="no", because="large"), otherwise="pay")
always = Gate("always", when=fields(Decision).confidence <= 1.0, to="boss")


class Sent:
    """What a receiver that honours keys has, and how often each thing was tried."""

    def __init__(self):
        self.by_key = {}
        self.tries = []
        self.stop_after = None

    def send(self, what, key):
        self.by_key.setdefault(key, what)
        self.tries.append(what)
        if len(self.tries) == self.stop_after:
            self.stop_after = None
            raise KeyboardInterrupt


@step
def send(what: object, *, sent: Sent) -> None:
    sent.send(what if isinstance(what, str) else dict(what), idempotency_key())


@process
def send_all(names: dict[str, int], *, sent: Sent) -> None:
    for name in names:
        send(name, sent=sent)


def test_a_dictionary_has_one_order_on_the_first_run_and_on_replay(runtime: TestRuntime):
    sent = Sent()
    sent.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        runtime.start(send_all.bind(sent=sent), {"zoe": 1, "ada": 2}, id="R")
    runtime.tick()
    assert runtime.run("R").status == "done"
    assert sent.by_key == {"R/send/0": "ada", "R/send/1": "zoe"}


@step
def double(amounts: dict[str, int]) -> None:
    amounts["total"] *= 2


@process
def mutating(amounts: dict[str, int], *, sent: Sent) -> None:
    double(amounts)
    send(amounts, sent=sent)


def test_a_step_that_changes_what_it_was_given_is_an_incident_that_names_it(runtime: TestRuntime):
    sent = Sent()
    run = runtime.start(mutating.bind(sent=sent), {"total": 100}, id="R")
    assert run.status == "incident"
    assert "step 'double' changed 'amounts', which it was given" in run.incident.error
    assert sent.tries == []


CHANGES = {
    "deep": lambda case: case["lines"].append(3),
    "number to truth": lambda case: case.update(paid=True),
    "cannot be stored": lambda case: case.update(paid=object()),
    "holds itself": lambda case: case.update(case=case),
}


@step
def change(how: str, case: dict[str, Any]) -> None:
    CHANGES[how](case)


@process
def changing(how: str, case: dict[str, Any]) -> None:
    change(how, case)


@pytest.mark.parametrize("how", CHANGES)
def test_any_change_of_what_a_step_was_given_is_noticed(runtime: TestRuntime, how: str):
    run = runtime.start(changing, how, {"lines": [1, 2], "paid": 1}, id="R")
    assert run.status == "incident"
    assert "step 'change' changed 'case', which it was given" in run.incident.error


@step
def reorder(case: dict[str, Any]) -> None:
    case["a"] = case.pop("a")


@process
def reordering(case: dict[str, Any]) -> list[str]:
    reorder(case)
    return sorted(case)


def test_another_order_of_the_same_keys_is_no_change(runtime: TestRuntime):
    assert runtime.start(reordering, {"a": 1, "b": 2}, id="R").result() == ["a", "b"]


@step
def rate(share: float, *, sent: Sent) -> None:
    sent.send("rated", str(share))


@process
def rating(share: str, *, sent: Sent) -> None:
    rate(float(share), sent=sent)


def test_what_cannot_be_stored_is_refused_before_its_step_is_done(runtime: TestRuntime):
    sent = Sent()
    run = runtime.start(rating.bind(sent=sent), "nan", id="R")
    assert run.status == "incident"
    assert "step 'rate': what was given has no canonical JSON form: nan is no JSON number" in run.incident.error
    assert sent.tries == []


@process
def measuring(share: str) -> Any:
    return float(share)


def test_a_large_float_is_a_float_whenever_it_is_asked_for(runtime: TestRuntime):
    run = runtime.start(measuring, "1e16", id="R")
    assert [repr(run.result()), repr(run.result())] == ["1e+16", "1e+16"]


@step
def stumble(number: int, *, sent: Sent) -> None:
    sent.tries.append(number)
    raise ValueError("no")


@process
def stumbling(number: int, *, sent: Sent) -> None:
    stumble(number, sent=sent)


def test_a_run_that_ended_is_not_done_again_by_whoever_saw_it_running(tmp_path):
    sent, barrier = Sent(), threading.Barrier(6)
    with Runtime(f"sqlite:///{tmp_path / 'ledger.db'}", [stumbling.bind(sent=sent)]) as runtime:

        def start():
            for number in range(25):
                barrier.wait()
                runtime.start(stumbling, number, id=f"R-{number}")

        threads = [threading.Thread(target=start) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(sent.tries) == list(range(25))
        assert {len(run.entries) for run in runtime.runs()} == {2}
        with pytest.raises(RunBusy, match="is incident by now"):
            runtime._worker.leases.acquire("R-0", status="running")


@process
def passing(case: dict[str, Any]) -> dict[str, Any]:
    return case


def test_whoever_changes_a_result_changes_it_for_nobody_else(runtime: TestRuntime):
    run = runtime.start(passing, {"lines": [1]}, id="R")
    run.result()["lines"].append(2)
    assert run.result() == runtime.run("R").result() == {"lines": [1]}


@step
def fetch() -> Claim:
    return Claim()


CALLS = []


@step
async def slow() -> str:
    CALLS.append("slow")
    await asyncio.sleep(60)
    return "price"


@process
async def with_fallback() -> str:
    try:
        async with asyncio.timeout(0.01):
            price = await slow()
    except TimeoutError:
        price = "fallback"
    always(policy(Claim()))
    return price


def test_a_timeout_around_a_step_that_the_process_catches_is_an_incident(runtime: TestRuntime):
    run = runtime.start(with_fallback, id="R")
    assert run.status == "incident"
    assert "step 'slow' was interrupted (CancelledError), and the process went on" in run.incident.error


@step
def deep() -> list[object]:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    return nested


@process
def swallowing() -> str:
    try:
        deep()
    except Exception:
        return "went on"
    return "fine"


def test_a_result_that_cannot_be_recorded_is_not_for_the_process_to_swallow(runtime: TestRuntime):
    run = runtime.start(swallowing, id="R")
    assert (run.status, run.incident.step) == ("incident", "deep")


class Odd(ValueError):
    def __str__(self):
        raise RuntimeError


@step
def fail(kind: str) -> None:
    raise Odd if kind == "odd" else ValueError("bad \ud800")


@process
def failing(kind: str) -> None:
    fail(kind)


@pytest.mark.parametrize("kind", ["odd", "surrogate"])
def test_an_error_whose_words_cannot_be_stored_is_an_incident_like_any_other(runtime: TestRuntime, kind: str):
    run = runtime.start(failing, kind, id="R")
    assert run.status == "incident"
    assert run.incident.step == "fail"


@step
def price() -> int:
    raise ValueError("no price")


@step
def quantity() -> int:
    raise ValueError("no quantity")


@process
def both() -> str:
    return f"{price()}x{quantity()}"


def test_an_incident_that_was_resolved_does_not_resolve_the_next_one(runtime: TestRuntime):
    boss = runtime.someone("boss")
    run = runtime.start(both, id="R")
    first, again = run.incident, run.incident
    first.supply(5, by=boss, because="from the list")
    assert run.incident.step == "quantity"
    with pytest.raises(IncidentError, match="is another incident now"):
        again.supply(999, by=boss, because="price from the list")
    run.incident.supply(2, by=boss, because="counted")
    assert run.result() == "5x2"


class Closing:
    """Fails once while the gate unwinds the stack."""

    failed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not Closing.failed:
            Closing.failed = True
            raise ValueError("cannot close")


@process
def closed_at_the_gate() -> str:
    with Closing():
        return always(policy(Claim())).outcome


@pytest.mark.parametrize("first", ["answer", "retry"])
def test_an_incident_with_an_open_review_needs_both_its_answer_and_its_resolution(runtime: TestRuntime, first: str):
    Closing.failed = False
    boss = runtime.someone("boss")
    run = runtime.start(closed_at_the_gate, id="R")
    assert (run.status, len(run.reviews)) == ("incident", 1)
    if first == "answer":
        run.review.answer("pay", by=boss, because="seen")
        assert run.status == "incident"
        run.incident.retry(by=boss, because="closes now")
    else:
        run.incident.retry(by=boss, because="closes now")
        assert run.status == "waiting"
        run.review.answer("pay", by=boss, because="seen")
    assert run.result() == "pay"
    runtime.ledger.verify()


@process
async def in_a_task_group() -> str:
    async with asyncio.TaskGroup():
        return always(policy(Claim())).outcome


def test_a_gate_inside_a_task_group_parks_the_run(runtime: TestRuntime):
    run = runtime.start(in_a_task_group, id="R")
    assert run.status == "waiting"
    run.review.answer("pay", by=runtime.someone("boss"), because="seen")
    assert run.result() == "pay"


@process
def stoppable(name: str, *, sent: Sent) -> str:
    send(name, sent=sent)
    return name


def test_a_run_that_cannot_go_on_does_not_keep_the_others_from_it(tmp_path):
    path, sent = tmp_path / "abpo.db", Sent()
    with TestRuntime(f"sqlite:///{path}") as runtime:
        for name in ("a-bad", "good"):
            sent.stop_after = len(sent.tries) + 1
            with pytest.raises(KeyboardInterrupt):
                runtime.start(stoppable.bind(sent=sent), name, id=name)
        with closing(sqlite3.connect(path)) as database:
            database.execute("UPDATE abpo_entries SET payload = 'damaged' WHERE chain = 'a-bad'")
            database.commit()
        runtime.tick()
        assert {run.id: run.status for run in runtime.runs()} == {"a-bad": "incident", "good": "done"}


@process(name="payment")
def namesake() -> str:
    return policy_of_that_name(Claim()).outcome


policy_of_that_name = DecisionTable("payment", rule(fields(Claim).x > 5, then="no", because="large"), otherwise="pay")


def test_a_policy_and_a_process_of_one_name_are_both_pinned():
    assert sorted(namesake.pins) == ["DecisionTable payment", "Process payment"]


def test_a_status_that_no_run_has_is_refused():
    from abpo_sdk.errors import UnknownRun

    with Runtime("sqlite://") as runtime, pytest.raises(UnknownRun, match="no run is ever 'finished'"):
        runtime.runs("finished")  # type: ignore[arg-type]
