"""Whatever a process does and wherever it crashes: the same result, each effect once, a ledger that verifies."""

import asyncio
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, idempotency_key, process, rule, step
from abpo_sdk.ledger import Ledger, MemoryVault, SqliteStore
from abpo_sdk.testing import TestRuntime

Kind = Literal["pure", "effect", "decide", "ask", "fail", "inner", "later"]


class Op(BaseModel):
    kind: Kind
    number: int


class Amount(BaseModel):
    value: Decimal


a = fields(Amount)
table = DecisionTable("table", rule(a.value <= 20, then="low", because="low"), otherwise="high")
gate = Gate("gate", when=a.value >= 0, to="judge")


class Bank:
    """Takes each key once; outlives every crash."""

    def __init__(self):
        self.done = {}

    def change(self, amount, key):
        self.done.setdefault(key, amount)


@step(pure=True)
def add(state: int, number: int) -> int:
    return state + number


@step
def change(state: int, number: int, *, bank: Any) -> int:
    bank.change(state * 100 + number, idempotency_key())
    return state + number


@step
async def change_later(state: int, number: int, *, bank: Any) -> int:
    await asyncio.sleep(0)
    bank.change(state * 100 + number, idempotency_key())
    return state + number


@step
def fail(number: int) -> int:
    raise ArithmeticError(number)


def one(op: Op, state: int, seen: list[str], bank: Any) -> int:
    if op.kind == "pure":
        return add(state, op.number)
    if op.kind == "effect":
        return change(state, op.number, bank=bank)
    if op.kind == "fail":
        try:
            return fail(op.number)
        except ArithmeticError as error:
            return state + error.args[0]
    decision = table(Amount(value=Decimal(state)))
    if op.kind == "ask":
        decision = gate(decision)
    seen.append(f"{decision.outcome} by {decision.decided_by}")
    return state + len(decision.outcome)


@process
def part(ops: list[Op], state: int, *, bank: Any) -> list[str]:
    seen: list[str] = []
    for op in ops:
        state = one(op, state, seen, bank)
    return [*seen, str(state)]


@process
def script(ops: list[Op], *, bank: Any) -> list[str]:
    seen: list[str] = []
    state = 0
    for op in ops:
        if op.kind == "inner":
            seen += part([Op(kind="effect", number=op.number), Op(kind="ask", number=1)], state, bank=bank)
        else:
            state = one(op, state, seen, bank)
    return [*seen, str(state)]


@process
async def script_later(ops: list[Op], *, bank: Any) -> list[str]:
    seen: list[str] = []
    state = 0
    for op in ops:
        if op.kind == "later":
            state = await change_later(state, op.number, bank=bank)
        else:
            state = one(op, state, seen, bank)
    return [*seen, str(state)]


class Crash(BaseException):
    pass


class Crashing:
    """A store that dies at a write, before or after it is kept, and lets nothing through any more."""

    def __init__(self, store, after):
        self._store, self._left, self._dead = store, after, False

    def _count(self):
        self._left -= 1
        if self._left < 0 or self._dead:
            self._dead = True
            raise Crash

    @contextmanager
    def transaction(self):
        if self._dead:
            raise Crash
        with self._store.transaction() as tx:
            yield tx
            self._count()
        self._count()

    def moment(self, moment):
        if moment.effect and moment.what in ("call begins", "call returned"):
            self._count()

    def __getattr__(self, name):
        return getattr(self._store, name)


def expected(ops):
    """What comes of it, worked out without any of the library."""

    def apply(op, state, seen, effects):
        if op.kind in ("effect", "later"):
            effects.append(state * 100 + op.number)
        if op.kind in ("decide", "ask"):
            outcome = "low" if state <= 20 else "high"
            by = "policy"
            if op.kind == "ask":
                outcome, by = ("high", "judge@test") if outcome == "low" else ("low", "judge@test")
            seen.append(f"{outcome} by {by}")
            return state + len(outcome)
        return state + op.number

    state, seen, effects = 0, [], []
    for op in ops:
        if op.kind == "inner":
            inner, inner_state = [], state
            for part_op in (Op(kind="effect", number=op.number), Op(kind="ask", number=1)):
                inner_state = apply(part_op, inner_state, inner, effects)
            seen += [*inner, str(inner_state)]
        else:
            state = apply(op, state, seen, effects)
    return [*seen, str(state)], effects


def other(review):
    return "high" if review.decision.outcome == "low" else "low"


def drive(flow, ops, bank, store):
    """One life of a worker."""
    with TestRuntime(Ledger(store, vault=MemoryVault())) as runtime:
        runtime.ledger.vault = store.vault
        runtime.observe(getattr(store, "moment", lambda *_: None))
        runtime.take_over()
        runtime.tick()
        run = runtime.start(flow.bind(bank=bank), ops, id="R")
        while run.status == "waiting":
            run.review.answer(other(run.review), by=runtime.someone("judge"), because="x")
        return run.status, run.result(), [str(entry.place) for entry in run.entries], runtime.ledger.verify().chains


class Shared(SqliteStore):
    """In memory, and kept with its keys when a worker that used it is gone."""

    def __init__(self):
        super().__init__(None)
        self.vault = MemoryVault()

    def close(self):
        pass


def kinds_of(*kinds):
    return st.lists(st.builds(Op, kind=st.sampled_from(kinds), number=st.integers(0, 9)), min_size=1, max_size=7)


def check(flow, ops, crashes):
    result, effects = expected(ops)
    bank, store = Bank(), Shared()
    undisturbed = drive(flow, ops, bank, store)
    assert undisturbed[:2] == ("done", result)
    assert list(bank.done.values()) == effects
    SqliteStore.close(store)

    bank, store = Bank(), Shared()
    for after in crashes:
        try:
            drive(flow, ops, bank, Crashing(store, after))
        except Crash:
            continue
        break
    assert drive(flow, ops, bank, store) == undisturbed
    assert list(bank.done.values()) == effects
    SqliteStore.close(store)


crashes = st.lists(st.integers(0, 12), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(kinds_of("pure", "effect", "decide", "ask", "fail", "inner"), crashes)
def test_a_process_that_crashes_again_and_again_ends_as_if_it_never_had(ops, crashes):
    check(script, ops, crashes)


@settings(max_examples=30, deadline=None)
@given(kinds_of("later", "effect", "decide", "ask", "fail"), crashes)
def test_an_async_process_that_crashes_again_and_again_ends_as_if_it_never_had(ops, crashes):
    check(script_later, ops, crashes)
