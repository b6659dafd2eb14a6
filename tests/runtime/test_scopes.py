"""Sub-processes, loops, and calls from where a run cannot know their place."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Runtime, fields, process, rule, step
from abpo_sdk.errors import OutOfScope
from abpo_sdk.testing import TestRuntime


class Claim(BaseModel):
    amount: Decimal


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")
audit = Gate("audit", when=c.amount > 0, to="auditor")


@step
def note(text: str) -> str:
    return text


@step
async def note_later(text: str) -> str:
    await asyncio.sleep(0)
    return text


@process
def decide(amount: Decimal) -> str:
    note("before")
    outcome = approval(claims(Claim(amount=amount))).outcome
    return note(f"{outcome} {amount}")


@process
def decide_all(amounts: list[Decimal]) -> list[str]:
    note("begin")
    outcomes = [decide(amount) for amount in amounts]
    note("end")
    return outcomes


@process
def decide_deeply(amounts: list[Decimal]) -> list[str]:
    return [*decide_all(amounts), *decide_all(amounts[:1])]


@process
def in_a_loop(amounts: list[Decimal]) -> list[str]:
    outcomes = []
    for amount in amounts:
        decision = audit(approval(claims(Claim(amount=amount))))
        outcomes.append(note(f"{decision.outcome} by {decision.decided_by}"))
    return outcomes


@process
async def decide_later(amount: Decimal) -> str:
    await note_later("before")
    return approval(claims(Claim(amount=amount))).outcome


@process
async def decide_all_later(amounts: list[Decimal]) -> list[str]:
    return [await decide_later(amount) for amount in amounts] + [decide(amounts[0])]


def answer_all(run, runtime, outcome="pay"):
    answered = []
    while run.status == "waiting":
        answered.append(run.review.id)
        run.review.answer(outcome, by=runtime.someone(run.review.to), because=f"answer {len(answered)}")
    return answered


def test_a_sub_process_is_a_part_of_the_run(runtime):
    run = runtime.start(decide_all, [Decimal(1), Decimal(450), Decimal(2), Decimal(451)], id="R")
    assert answer_all(run, runtime, "refer") == ["R/2/approval/0", "R/4/approval/0"]
    assert run.result() == ["pay 1", "refer 450", "pay 2", "refer 451"]
    assert {entry.chain for entry in run.entries} == {"R"}
    assert [run.id for run in runtime.runs()] == ["R"]
    assert [str(entry.place) for entry in run.entries if entry.kind == "step"] == [
        "/0", "/1/0", "/1/3", "/2/0", "/2/4", "/3/0", "/3/3", "/4/0", "/4/4", "/5",
    ]  # fmt: skip


def test_sub_processes_may_call_sub_processes(runtime):
    run = runtime.start(decide_deeply, [Decimal(450)], id="R")
    assert answer_all(run, runtime) == ["R/0/1/approval/0", "R/1/1/approval/0"]
    assert run.result() == ["pay 450", "pay 450"]


def test_async_processes_may_call_async_and_plain_ones(runtime):
    run = runtime.start(decide_all_later, [Decimal(450), Decimal(1)], id="R")
    assert answer_all(run, runtime) == ["R/0/approval/0", "R/2/approval/0"]
    assert run.result() == ["pay", "pay", "pay 450"]


def test_several_gates_in_a_loop_ask_one_after_the_other(runtime):
    run = runtime.start(in_a_loop, [Decimal(450), Decimal(1), Decimal(460)], id="R")
    assert answer_all(run, runtime) == [
        "R/approval/0", "R/audit/0", "R/audit/1", "R/approval/1", "R/audit/2",
    ]  # fmt: skip
    assert run.result() == ["pay by auditor@test"] * 3
    assert runtime.decisions("claims").decided_by.tolist() == ["auditor@test"] * 3


def test_runs_whose_ids_look_like_places_of_one_another_keep_apart(runtime):
    outer = runtime.start(decide_all, [Decimal(450)], id="INV")
    inner = runtime.start(decide, Decimal(451), id="INV/1")
    assert outer.review.id != inner.review.id
    assert outer.review.decision.case != inner.review.decision.case
    assert len(runtime.decisions("claims")) == 2
    outer.review.answer("refer", by=runtime.someone("controller"), because="x")
    assert inner.status == "waiting"
    inner.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert (outer.result(), inner.result()) == (["refer 450"], "pay 451")
    assert dict(zip(*(runtime.decisions("claims")[name] for name in ("run_id", "outcome")), strict=True)) == {
        "INV": "refer",
        "INV/1": "pay",
    }


async def gathered():
    await asyncio.gather(note_later("a"), note_later("b"))


async def in_a_task():
    await asyncio.create_task(note_later("a"))


async def plain_in_a_task():
    async def inner():
        return note("a")

    await asyncio.create_task(inner())


async def policy_in_a_task():
    async def inner():
        return claims(Claim(amount=1))

    await asyncio.create_task(inner())


async def sub_process_in_a_task():
    await asyncio.create_task(decide_later(Decimal(1)))


async def gate_in_a_thread():
    decision = claims(Claim(amount=450))
    await asyncio.to_thread(approval, decision)


async def in_a_thread():
    await asyncio.to_thread(note, "a")


OUTSIDE = [gathered, in_a_task, plain_in_a_task, policy_in_a_task, sub_process_in_a_task, gate_in_a_thread, in_a_thread]


@process
async def calls(number: int, *, do: Any) -> str:
    await do()
    return "done"


@pytest.mark.parametrize("do", OUTSIDE)
def test_a_call_from_another_task_or_thread_is_refused_by_name(runtime, do):
    run = runtime.start(calls.bind(do=do), 1, id="R")
    assert run.incident.error.startswith("OutOfScope: ")
    assert "was called in another thread or task than run 'R' itself" in run.incident.error
    assert [entry.kind for entry in run.entries if entry.kind in ("step", "review")] == []


def test_the_refusal_names_what_was_called(runtime):
    names = {
        do.__name__: runtime.start(calls.bind(do=do), 1)
        .incident.error.split(" was called")[0]
        .removeprefix("OutOfScope: ")
        for do in OUTSIDE
    }
    assert names == {
        "gathered": "step 'note_later'",
        "in_a_task": "step 'note_later'",
        "plain_in_a_task": "step 'note'",
        "policy_in_a_task": "decision 'claims'",
        "sub_process_in_a_task": "process 'decide_later'",
        "gate_in_a_thread": "gate 'approval'",
        "in_a_thread": "step 'note'",
    }


def test_a_thread_that_has_nothing_of_the_run_is_outside_of_it(runtime):
    def body(number: int) -> str:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(note, "x").result()

    run = runtime.start(process(name="body")(body), 1)
    assert run.result() == "x"
    assert [entry.kind for entry in run.entries] == ["started", "finished"]


@step
def starts_another(number: int, *, runtime: Runtime) -> str:
    return runtime.start(decide, Decimal(450), id=f"inner-{number}").status


def test_a_run_that_is_started_inside_a_step_is_a_run_of_its_own(runtime):
    def body(number: int) -> str:
        return starts_another(number, runtime=runtime)

    assert runtime.start(process(name="body")(body), 1, id="outer").result() == "waiting"
    assert {run.id: run.status for run in runtime.runs()} == {"outer": "done", "inner-1": "waiting"}


def test_runs_in_several_threads_do_not_know_of_each_other(tmp_path):
    with TestRuntime(f"sqlite:///{tmp_path / 'abpo.db'}") as runtime:
        barrier = threading.Barrier(4)

        def start(number):
            barrier.wait(timeout=10)
            return runtime.start(decide_all, [Decimal(number), Decimal(number)], id=f"R{number}").result()

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(start, range(1, 5)))
        assert results == [[f"pay {n}", f"pay {n}"] for n in range(1, 5)]
        assert runtime.ledger.verify().chains == 4


@step
def twice(number: int) -> int:
    return 2 * number


@process
def swallow_out_of_scope(number: int) -> str:
    context = copy_context()

    def call():
        with suppress(OutOfScope):
            context.run(twice, number)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return "swallowed"


def test_a_call_out_of_scope_that_the_process_swallows_is_an_incident_all_the_same(opened):
    run = opened(swallow_out_of_scope).start(swallow_out_of_scope, 1, id="R")
    assert run.status == "incident"
    assert "was called in another thread" in run.incident.error
