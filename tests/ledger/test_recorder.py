from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk import Decision
from abpo_sdk.errors import NoRun, ReviewRequired
from abpo_sdk.ledger import Call, Occurrence, Place, idempotency_key
from abpo_sdk.ledger.keyed import Keyed, Scope, key_root
from abpo_sdk.ledger.recorder import UNRECORDED, Unrecorded, recorder, recording
from abpo_sdk.testing.clock import START
from abpo_sdk.values.encoded import Encoded
from abpo_sdk.values.review import Review


class Written(Unrecorded):
    """A recorder that remembers which calls went through it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def perform(self, call: Call[Any], do: Any) -> Any:
        self.calls.append(call.name)
        return do()


def call(name: str) -> Call[Any]:
    return Call("step", name, lambda _: Encoded(None), lambda done, _: (Encoded(done), done), lambda tree, _: tree)


# outside a run


def test_outside_a_run_a_primitive_just_computes() -> None:
    assert recorder() is UNRECORDED
    assert recorder().perform(call("add"), lambda: 1 + 1) == 2


def test_outside_a_run_an_awaited_primitive_just_computes() -> None:
    async def do() -> int:
        return 2

    async def main() -> int:
        return await recorder().perform_async(call("add"), do)

    assert asyncio.run(main()) == 2


def test_outside_a_run_what_a_primitive_raises_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        recorder().perform(call("divide"), lambda: 1 / 0)


def test_outside_a_run_a_question_to_a_person_is_raised_with_the_review_in_it() -> None:
    decision = Decision("claims", "v1", "refer", "refer", ("pay", "refer"), 1.0, (), {"iban": "DE89"}, ())
    review = Review("approval", "controller", decision, ("the total is large", "it is new"))
    with pytest.raises(ReviewRequired) as caught:
        recorder().ask(review)
    assert caught.value.review is review
    for said in ("'approval'", "controller", "the total is large; it is new", "Reviews.open"):
        assert said in str(caught.value)
    assert "DE89" not in str(caught.value)


def test_outside_a_run_a_sub_process_is_nothing_apart() -> None:
    with recorder().inner("sub"):
        assert recorder() is UNRECORDED


# which recorder is in force


def test_the_recorder_that_was_put_in_force_last_is_in_force_until_its_block_ends() -> None:
    outer, inner = Written(), Written()
    with recording(outer):
        recorder().perform(call("one"), lambda: None)
        with recording(inner):
            recorder().perform(call("two"), lambda: None)
        recorder().perform(call("three"), lambda: None)
    assert (outer.calls, inner.calls) == (["one", "three"], ["two"])
    assert recorder() is UNRECORDED


def test_a_block_that_raises_leaves_the_recorder_that_was_in_force() -> None:
    @contextmanager
    def raising() -> Any:
        with recording(Written()):
            yield
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), raising():
        pass
    assert recorder() is UNRECORDED


def test_a_bare_thread_is_outside_the_run_and_a_task_inside() -> None:
    mine = Written()
    seen: dict[str, Any] = {}

    async def task() -> None:
        seen["task"] = recorder()

    async def main() -> None:
        await asyncio.create_task(task())

    with recording(mine):
        thread = threading.Thread(target=lambda: seen.update(thread=recorder()))
        thread.start()
        thread.join()
        asyncio.run(main())
    assert seen == {"thread": UNRECORDED, "task": mine}


# keys


def test_a_key_is_in_force_inside_its_block_alone() -> None:
    with Keyed(None, "INV-7/book/0"):
        assert idempotency_key() == "INV-7/book/0"
        with Keyed(None, "INV-7/book/1"):
            assert idempotency_key() == "INV-7/book/1"
        assert idempotency_key() == "INV-7/book/0"
    with pytest.raises(NoRun, match="key_scope"):
        idempotency_key()


def test_the_calls_of_each_step_are_counted_by_themselves() -> None:
    scope = Scope("INV-7")
    assert [scope.next_key(name) for name in ("book", "mail", "book", "book")] == [
        "INV-7/book/0",
        "INV-7/mail/0",
        "INV-7/book/1",
        "INV-7/book/2",
    ]
    assert Scope("INV-7", "/2/").next_key("book") == "INV-7/2/book/0"


def test_the_calls_of_a_scope_have_places_one_after_the_other_and_a_sub_process_a_scope_of_its_own() -> None:
    scope = Scope("INV-7")
    assert [scope.next_place() for _ in range(2)] == [Place("/", 0), Place("/", 1)]
    inner = scope.inner()
    assert [inner.next_place() for _ in range(2)] == [Place("/2/", 0), Place("/2/", 1)]
    assert scope.next_place() == Place("/", 3)
    assert inner.next_key("book") == "INV-7/2/book/0"


def key_of(call_: Call[Any]) -> str:
    return str(recorder().perform(call_, idempotency_key))


def test_a_recorder_of_keys_does_each_step_under_its_own_and_counts_sub_processes_apart() -> None:
    with Keyed(Scope("INV-7")):
        assert [key_of(call("book")), key_of(call("book"))] == ["INV-7/book/0", "INV-7/book/1"]
        with recorder().inner("sub"):
            assert key_of(call("book")) == "INV-7/2/book/0"
        with recorder().inner("sub"):
            assert key_of(call("book")) == "INV-7/3/book/0"
        with pytest.raises(NoRun):
            key_of(replace(call("claims"), kind="decision"))
        with pytest.raises(NoRun):
            idempotency_key()


def test_a_recorder_of_keys_does_each_awaited_step_under_its_own() -> None:
    async def do() -> str:
        return idempotency_key()

    async def main() -> list[str]:
        with Keyed(Scope("INV-7")):
            return [await recorder().perform_async(call("book"), do) for _ in range(2)]

    assert asyncio.run(main()) == ["INV-7/book/0", "INV-7/book/1"]


def test_what_a_step_calls_in_turn_has_keys_below_the_steps_own() -> None:
    def outer() -> list[str]:
        return [idempotency_key(), key_of(call("mail")), key_of(call("mail")), idempotency_key()]

    with Keyed(Scope("INV-7")):
        own, first, second, after = recorder().perform(call("book"), outer)
    assert own == after == "INV-7/book/0"
    assert len({own, first, second}) == 3
    assert first.startswith(own)
    assert second.startswith(own)


runs = st.text("ab/%:0 é", min_size=1, max_size=4)
scopes = st.lists(st.integers(0, 12), max_size=2).map(lambda numbers: "/" + "".join(f"{n}/" for n in numbers))
names = st.text("ab/%:0 é", min_size=1, max_size=3) | st.sampled_from(["book", "0/book", "book/0"])


@given(st.lists(st.tuples(runs, scopes, names), min_size=2, max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_two_calls_of_any_runs_scopes_and_steps_share_a_key(calls: list[tuple[str, str, str]]) -> None:
    def keys() -> list[str]:
        made: dict[tuple[str, str], Scope] = {}
        return [made.setdefault((run, name), Scope(key_root(run), name)).next_key(step) for run, name, step in calls]

    assert len(set(keys())) == len(calls)
    assert keys() == keys()
    assert all(key.isascii() for key in keys())


def test_what_is_recorded_is_called_after_its_chain_and_place() -> None:
    assert Occurrence("INV-7", Place("/", 2), START).id == "INV-7/2"
    assert Occurrence("INV-7", Place("/2/", 0), START).id == "INV-7/2/0"


@given(st.lists(st.tuples(runs, scopes, st.integers(0, 12)), min_size=2, max_size=8, unique=True))
@settings(max_examples=200, deadline=None)
def test_no_two_things_in_the_ledger_share_an_identifier(items: list[tuple[str, str, int]]) -> None:
    assert len({Occurrence(run, Place(scope, ordinal), START).id for run, scope, ordinal in items}) == len(items)
