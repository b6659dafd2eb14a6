"""Effects that are looked for: never done twice in the dark, and a person finds out what nobody can tell."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from abpo_sdk import (
    ABSENT,
    UNKNOWN,
    Done,
    Retry,
    effect,
    gather,
    gather_async,
    idempotency_key,
    key_scope,
    process,
    step,
)
from abpo_sdk.errors import DefinitionError, LossyRoundTrip, OutcomeUnknown

AGAIN = Retry(ConnectionError, attempts=3, pause=timedelta(0), jitter=timedelta(0))


class Bank:
    """Does what its script says at each payment, and answers what its script says at each look; then does and tells the truth."""

    def __init__(self, acts=(), looks=()):
        self.acts, self.looks = list(acts), list(looks)
        self.paid, self.orders, self.looked = [], 0, 0

    def pay(self, number):
        self.orders += 1
        act = self.acts.pop(0) if self.acts else "done"
        if act in ("done", "done, no answer"):
            self.paid.append(number)
        if act == "done":
            return "the answer to the order, which does not count"
        raise ConnectionError(act)

    def look(self, number):
        self.looked += 1
        seen = self.looks.pop(0) if self.looks else "truth"
        if isinstance(seen, Exception):
            raise seen
        if seen == "truth":
            return Done(f"receipt {number}") if number in self.paid else ABSENT
        return seen


def find(number: int, *, bank: Bank) -> Any:
    return bank.look(number)


async def find_later(number: int, *, bank: Bank) -> Any:
    await asyncio.sleep(0)
    return bank.look(number)


@effect(check=find, retry=AGAIN, name="pay")
def pay(number: int, *, bank: Bank) -> str:
    return bank.pay(number)


@effect(check=find_later, retry=AGAIN, name="pay")
async def pay_later(number: int, *, bank: Bank) -> str:
    await asyncio.sleep(0)
    return bank.pay(number)


@process(name="paying")
def paying(number: int, *, bank: Bank) -> str:
    return pay(number, bank=bank)


@process(name="paying")
async def paying_later(number: int, *, bank: Bank) -> str:
    return await pay_later(number, bank=bank)


@process(name="paying")
def stubborn(number: int, *, bank: Bank) -> str:
    for _ in range(3):
        try:
            return pay(number, bank=bank)
        except Exception:
            continue
    return "swallowed"


FLOWS = pytest.mark.parametrize("flow", [paying, paying_later, stubborn])


def operator(runtime):
    return runtime.someone("operator")


@FLOWS
def test_what_is_absent_is_done_and_the_check_says_with_which_result(runtime, flow):
    bank = Bank()
    assert runtime.start(flow.bind(bank=bank), 7).result() == "receipt 7"
    assert (bank.orders, bank.looked) == (1, 2)


@FLOWS
def test_what_is_done_already_is_not_done_again(runtime, flow):
    bank = Bank()
    bank.paid.append(7)
    assert runtime.start(flow.bind(bank=bank), 7).result() == "receipt 7"
    assert (bank.orders, bank.looked) == (0, 1)


@FLOWS
def test_what_raised_and_was_done_all_the_same_has_its_result(runtime, flow):
    bank = Bank(["done, no answer"])
    run = runtime.start(flow.bind(bank=bank), 7)
    assert (run.result(), bank.orders) == ("receipt 7", 1)
    assert "attempt" not in [e.kind for e in run.entries]


@FLOWS
def test_what_raised_and_is_absent_is_done_again_as_the_retry_says(runtime, flow):
    bank = Bank(["refused", "refused"])
    run = runtime.start(flow.bind(bank=bank), 7)
    assert (run.result(), bank.orders, bank.paid) == ("receipt 7", 3, [7])
    assert [e.kind for e in run.entries].count("attempt") == 2


def test_what_raised_and_is_absent_to_the_last_raises_its_own_error(runtime):
    bank = Bank(["refused"] * 3)
    run = runtime.start(paying.bind(bank=bank), 7)
    assert (run.incident.step, run.incident.error) == ("pay", "ConnectionError: refused")
    run.incident.retry(by=operator(runtime), because="the bank is back")
    assert (run.result(), bank.orders) == ("receipt 7", 4)


UNTOLD = {
    "it says so": UNKNOWN,
    "it raised": OSError("the statement is not there yet"),
}


@FLOWS
@pytest.mark.parametrize("seen", UNTOLD.values(), ids=UNTOLD)
def test_what_nobody_can_tell_before_is_not_done_and_an_incident_whatever_the_process_catches(runtime, flow, seen):
    bank = Bank(looks=[seen])
    run = runtime.start(flow.bind(bank=bank), 7)
    assert (run.incident.step, bank.orders, bank.looked) == ("pay", 0, 1)
    assert run.incident.error.startswith("OutcomeUnknown: step 'pay': nobody can tell whether it was done: ")
    assert "before it was done, so it was not done" in run.incident.error
    run.incident.retry(by=operator(runtime), because="the statement is here")
    assert (run.result(), bank.orders) == ("receipt 7", 1)


@FLOWS
@pytest.mark.parametrize("seen", UNTOLD.values(), ids=UNTOLD)
@pytest.mark.parametrize("act", ["done", "done, no answer", "refused"])
def test_what_nobody_can_tell_afterwards_is_an_incident_and_a_retry_looks_first(runtime, flow, seen, act):
    bank = Bank([act], looks=["truth", seen])
    run = runtime.start(flow.bind(bank=bank), 7)
    assert (run.incident.step, bank.orders, bank.looked) == ("pay", 1, 2)
    assert run.incident.error.startswith("OutcomeUnknown: step 'pay': nobody can tell whether it was done: ")
    assert "finished" not in [e.kind for e in run.entries]
    run.incident.retry(by=operator(runtime), because="it is in the statement, or it is not")
    assert run.result() == "receipt 7"
    assert bank.paid == [7]
    assert bank.orders == (2 if act == "refused" else 1)
    runtime.ledger.verify()


def test_what_is_absent_although_it_returned_is_told_by_nobody(runtime):
    """Either the check is wrong, or the function is; doing it again would be a guess."""
    bank = Bank(looks=["truth", ABSENT])
    run = runtime.start(paying.bind(bank=bank), 7)
    assert run.incident.error.startswith("OutcomeUnknown: step 'pay'")
    assert "the check says ABSENT, after it was done" in run.incident.error


def test_what_nobody_can_tell_is_not_attempted_again_whatever_the_retry_says(runtime):
    @effect(check=find, retry=Retry(Exception, attempts=9, pause=timedelta(0), jitter=timedelta(0)))
    def order(number: int, *, bank: Bank) -> str:
        return bank.pay(number)

    @process
    def ordering(number: int, *, bank: Bank) -> str:
        return order(number, bank=bank)

    bank = Bank(looks=["truth", UNKNOWN])
    run = runtime.start(ordering.bind(bank=bank), 7)
    assert run.incident.error.startswith("OutcomeUnknown")
    assert (bank.orders, [e.kind for e in run.entries].count("attempt")) == (1, 0)


def test_a_person_who_found_out_supplies_the_result(runtime):
    bank = Bank(looks=["truth", UNKNOWN])
    run = runtime.start(stubborn.bind(bank=bank), 7)
    run.incident.supply("receipt by phone", by=operator(runtime), because="they said so")
    assert (run.result(), bank.orders) == ("receipt by phone", 1)


@pytest.mark.parametrize("nonsense", [None, True, "receipt 7", Done, 0])
@pytest.mark.parametrize("before", [True, False])
def test_a_check_that_returns_nonsense_is_named_and_not_to_be_swallowed(runtime, nonsense, before):
    bank = Bank(looks=[nonsense] if before else ["truth", nonsense])
    run = runtime.start(stubborn.bind(bank=bank), 7)
    assert run.incident.step == "pay"
    assert run.incident.error.startswith(f"DefinitionError: step 'pay': its check returned {nonsense!r} ")
    assert "it returns Done(result), ABSENT or UNKNOWN" in run.incident.error
    assert bank.orders == (0 if before else 1)
    run.incident.retry(by=operator(runtime), because="the check is mended")
    assert (run.result(), bank.orders) == ("receipt 7", 1)


def test_a_result_that_is_none_of_the_step_is_an_incident(runtime):
    bank = Bank(looks=[Done(object())])
    run = runtime.start(stubborn.bind(bank=bank), 7)
    assert run.incident.step == "pay"
    assert run.incident.error.startswith(LossyRoundTrip.__name__)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_branch_it_is_an_incident_of_that_step_too_and_its_value_can_be_supplied(runtime, asynchronous):
    bank = Bank(looks=["truth", UNKNOWN])

    @step
    def other(number: int) -> int:
        return number

    @process
    def plain(number: int, *, bank: Bank) -> list[Any]:
        try:
            return list(gather(lambda: other(1), lambda: pay(number, bank=bank)))
        except Exception:
            return []

    @step
    async def other_later(number: int) -> int:
        return number

    @process
    async def later(number: int, *, bank: Bank) -> list[Any]:
        try:
            return list(await gather_async(other_later(1), pay_later(number, bank=bank)))
        except Exception:
            return []

    run = runtime.start((later if asynchronous else plain).bind(bank=bank), 7)
    assert (run.incident.step, run.incident.error.partition(":")[0]) == ("pay", "OutcomeUnknown")
    run.incident.supply("receipt by phone", by=operator(runtime), because="they said so")
    assert run.result() == [1, "receipt by phone"]


# crashes


@FLOWS
@pytest.mark.parametrize("moment", ["during", "after"])
def test_a_crash_between_doing_and_recording_does_not_do_it_again(opened, flow, moment):
    bank = Bank()
    bound = flow.bind(bank=bank)
    pay_really = bank.pay

    def pay_and_die(number):
        bank.pay = pay_really
        pay_really(number)
        raise KeyboardInterrupt

    runtime = opened(bound)
    if moment == "during":
        bank.pay = pay_and_die
    else:

        def die(moment):
            if moment.what == "call returned" and moment.effect:
                runtime._worker.observe = None
                raise KeyboardInterrupt

        runtime._worker.observe = die
    with pytest.raises(KeyboardInterrupt):
        runtime.start(bound, 7, id="R")
    assert (runtime.run("R").status, bank.paid) == ("running", [7])
    assert opened(bound).tick().advanced == ("R",)
    assert (runtime.run("R").result(), bank.paid, bank.orders) == ("receipt 7", [7], 1)


# time-outs


def test_what_is_late_and_absent_may_still_happen_so_nobody_can_tell(runtime):
    """The thread cannot be ended; it may pay after the check has looked."""
    go_on, paid = threading.Event(), threading.Event()
    bank = Bank()

    @effect(check=find, timeout=timedelta(milliseconds=20), retry=Retry(Exception, attempts=3))
    def slow(number: int, *, bank: Bank) -> str:
        assert go_on.wait(30)
        bank.pay(number)
        paid.set()
        return ""

    @process
    def ordering(number: int, *, bank: Bank) -> str:
        return slow(number, bank=bank)

    run = runtime.start(ordering.bind(bank=bank), 7)
    assert run.incident.error.startswith("OutcomeUnknown: step 'slow'")
    assert "StepTimedOut" in run.incident.error
    go_on.set()
    assert paid.wait(30)
    run.incident.retry(by=operator(runtime), because="it must have ended by now")
    assert (run.result(), bank.paid) == ("receipt 7", [7])


def test_an_async_effect_that_is_late_may_still_happen_too(runtime):
    """It is cancelled; what it had sent is not."""
    go_on, paid = threading.Event(), threading.Event()
    bank = Bank()

    def send(number):
        assert go_on.wait(30)
        bank.pay(number)
        paid.set()

    @effect(check=find_later, timeout=timedelta(milliseconds=20), retry=Retry(Exception, attempts=3))
    async def slow(number: int, *, bank: Bank) -> str:
        await asyncio.get_running_loop().run_in_executor(pool, send, number)
        return ""

    @process
    async def ordering(number: int, *, bank: Bank) -> str:
        return await slow(number, bank=bank)

    with ThreadPoolExecutor(1) as pool:
        run = runtime.start(ordering.bind(bank=bank), 7)
        assert run.incident.error.startswith("OutcomeUnknown: step 'slow'")
        go_on.set()
        assert paid.wait(30)
    run.incident.retry(by=operator(runtime), because="it has come through")
    assert (run.result(), bank.paid) == ("receipt 7", [7])


# outside a run


def test_outside_a_run_it_is_looked_for_too():
    bank = Bank(["done, no answer"])
    assert pay(7, bank=bank) == "receipt 7"
    assert pay(7, bank=bank) == "receipt 7"
    assert bank.orders == 1
    bank = Bank(looks=["truth", UNKNOWN])
    with pytest.raises(OutcomeUnknown, match="step 'pay'"):
        pay(7, bank=bank)


def test_the_check_has_the_key_of_the_effect():
    keys = []

    def look(number: int) -> Any:
        keys.append(idempotency_key())
        return Done(number) if len(keys) > 1 else ABSENT

    @effect(check=look)
    def act(number: int) -> int:
        keys.append(idempotency_key())
        return number

    with key_scope("K"):
        assert act(1) == 1
    assert keys == ["K/act/0"] * 3


# declared


def declared(check, asynchronous=False):
    if asynchronous:

        @effect(check=check)
        async def book(number: int, text: str, *, bank: Bank) -> str:
            return text
    else:

        @effect(check=check)
        def book(number: int, text: str, *, bank: Bank) -> str:
            return text

    return book


class Looking:
    def look(self, number, text, *, bank):
        return ABSENT

    def __call__(self, number, text, bank):
        return ABSENT


FITS = {
    "same": lambda number, text, *, bank: ABSENT,
    "any names": lambda **given: ABSENT,
    "defaults": lambda number, text, bank, further=3: ABSENT,
    "method": Looking().look,
    "callable object": Looking(),
    "builtin": max,
}


@pytest.mark.parametrize("check", FITS.values(), ids=FITS)
def test_a_check_takes_the_arguments_of_the_step(check):
    assert declared(check).name == "book"


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda number, *, bank: ABSENT, "its check does not take 'text', which the step is given"),
        (lambda number, text: ABSENT, "its check does not take 'bank', which the step is given"),
        (lambda number, text, invoice, *, bank: ABSENT, "its check wants 'invoice', which is no parameter of the step"),
        (lambda *args: ABSENT, "its check does not take 'number'"),
        (Looking.look, "its check wants 'self'"),
        ("find", "check='find'; give a function"),
    ],
)
def test_a_check_that_does_not_is_refused_when_it_is_declared(check, message):
    with pytest.raises(DefinitionError, match=f"step 'book'.*{message}"):
        declared(check)


def test_a_check_that_takes_a_parameter_by_position_alone_is_refused():
    def look(number, /, text, *, bank):
        return ABSENT

    with pytest.raises(DefinitionError, match="its check does not take 'number'"):
        declared(look)


def test_a_plain_effect_cannot_await_its_check():
    with pytest.raises(DefinitionError, match="its check is async, and it is not"):
        declared(find_all_later)
    assert declared(find_all_later, asynchronous=True).name == "book"


async def find_all_later(number, text, bank):
    return ABSENT


def test_an_effect_without_a_check_is_a_step():
    with pytest.raises(DefinitionError, match=r"effect\(check=None\): give a function"):
        effect(check=None)
