"""Steps that raise and processes that catch: the same on replay; and what must not be caught."""

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, fields, process, rule, step
from abpo_sdk.errors import AbpoError


class Claim(BaseModel):
    amount: Decimal = Decimal(450)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 400, to="controller")


class BankClosed(Exception):
    def __init__(self, day: str, hour: int = 0):
        super().__init__(day, hour)
        self.day = day


class BankBroken(BankClosed):
    """Of another class with the same arguments."""


class Unmakeable(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one}{two}")


class Attributed(Exception):
    pass


def attributed():
    error = Attributed("x")
    error.later = True
    return error


def chained():
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    error.add_note("a note")
    return error


RAISED = {
    "own": lambda: BankClosed("Sunday", 7),
    "own subclass": lambda: BankBroken("Monday"),
    "value": lambda: ValueError("no"),
    "nothing said": ValueError,
    "several": lambda: ValueError("a", 1, 2.5, None, True),
    "key": lambda: KeyError("x"),
    "file": lambda: FileNotFoundError(2, "No such file", "a.txt"),
    "rename": lambda: FileExistsError(17, "File exists", "a.txt", None, "b.txt"),
    "time-out": lambda: TimeoutError("too late"),
    "division": lambda: ZeroDivisionError("division by zero"),
    "chained": chained,
    "our own": lambda: AbpoError("x"),
}

NOT_RAISABLE = {
    "constructor": lambda: Unmakeable(1, 2),
    "attribute": attributed,
    "argument": lambda: ValueError(Decimal(1)),
    "list": lambda: ValueError(["a"]),
    "nan": lambda: ValueError(float("nan")),
    "large": lambda: ValueError(2**60),
    "json": lambda: json.JSONDecodeError("bad", "{", 0),
    "bytes": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    "local": type("Local", (Exception,), {}),
}


@step
def raise_it(kind: str, *, attempts: Any) -> int:
    attempts.append(kind)
    raise {**RAISED, **NOT_RAISABLE}[kind]()


@step
def note(text: str) -> str:
    return text


@process
def catching(kind: str, *, attempts: Any) -> str:
    try:
        raise_it(kind, attempts=attempts)
    except Exception as error:
        seen = [
            type(error).__name__,
            str(error),
            repr(error.args),
            getattr(error, "filename", ""),
            getattr(error, "day", ""),
        ]
    else:
        seen = []
    note(repr(seen))
    return approval(claims(Claim())).outcome + note(repr(seen))


@process
def catching_at_the_end(kind: str, *, attempts: Any) -> str:
    try:
        raise_it(kind, attempts=attempts)
    except ValueError:
        return "caught"
    return ""


@process
def swallowing(kind: str, *, attempts: Any) -> str:
    for _ in range(3):
        try:
            raise_it(kind, attempts=attempts)
        except Exception:
            continue
    return "swallowed"


@pytest.mark.parametrize("kind", RAISED)
def test_an_exception_that_the_process_caught_is_raised_again_on_replay_and_is_the_same(opened, kind):
    attempts = []
    bound = catching.bind(attempts=attempts)
    run = opened(bound).start(bound, kind)
    assert run.status == "waiting", run.incident
    opened(bound).run(run.id).review.answer("pay", by="maria@acme", because="x")
    assert run.status == "done", run.incident
    assert attempts == [kind]
    assert [entry.kind for entry in run.entries].count("raised") == 1


@pytest.mark.parametrize("kind", NOT_RAISABLE)
@pytest.mark.parametrize("flow", [catching, swallowing])
def test_an_exception_that_could_not_be_raised_again_is_an_incident_of_its_step_and_not_to_be_swallowed(
    opened, flow, kind
):
    bound = flow.bind(attempts=[])
    run = opened(bound).start(bound, kind)
    assert (run.status, run.incident.step) == ("incident", "raise_it")
    assert "which the process caught, and which cannot be raised again" in run.incident.error or kind in (
        "nan",
        "large",
    )
    assert "finished" not in [entry.kind for entry in run.entries]


def test_an_exception_that_was_the_last_thing_is_recorded_too(opened):
    bound = catching_at_the_end.bind(attempts=[])
    run = opened(bound).start(bound, "value")
    assert run.result() == "caught"
    assert [entry.kind for entry in run.entries] == ["started", "raised", "finished"]


def test_the_words_of_an_exception_are_sealed_since_nobody_knows_what_they_hold(opened):
    bound = catching_at_the_end.bind(attempts=[])
    run = opened(bound).start(bound, "value")
    raised = run.entries[1]
    assert b'"no"' not in raised.payload
    assert b'"ValueError"' in raised.payload


def test_an_exception_that_nobody_caught_is_an_incident_and_the_step_is_done_again_on_retry(opened):
    attempts = []

    @step
    def once_broken(number: int) -> int:
        attempts.append(number)
        if len(attempts) == 1:
            raise BankClosed("Sunday")
        return number * 2

    def body(number: int) -> int:
        return once_broken(number)

    bound = process(name="body", version="1")(body).bind()
    run = opened(bound).start(bound, 4)
    assert run.incident.error == "BankClosed: ('Sunday', 0)"
    assert run.incident.step == "once_broken"
    run.incident.retry(by="maria@acme", because="it is Monday")
    assert run.result() == 8
    assert attempts == [4, 4]


def test_an_exception_of_the_process_itself_is_an_incident_without_a_step(runtime):
    def body(number: int) -> int:
        note("x")
        raise RuntimeError("the process itself")

    run = runtime.start(process(name="body")(body), 4)
    assert (run.incident.step, run.incident.error) == (None, "RuntimeError: the process itself")


def test_an_exception_that_the_process_turns_into_another_is_that_other_one(runtime):
    def body(number: int) -> int:
        try:
            return raise_it("value", attempts=[])
        except ValueError as error:
            raise RuntimeError("wrapped") from error

    run = runtime.start(process(name="body")(body), 4)
    assert run.incident.error == "RuntimeError: wrapped"


# parking


@process
def catches_exceptions(number: int) -> str:
    try:
        return approval(claims(Claim())).outcome
    except Exception:
        return "swallowed"


@process
def cleans_up(number: int, *, seen: Any) -> str:
    try:
        return approval(claims(Claim())).outcome
    finally:
        seen.append("cleaned")
        note("after")


@process
def bare_except(number: int) -> str:
    try:
        return approval(claims(Claim())).outcome
    except:  # noqa: E722
        return "swallowed"


@process
def base_exception_and_on(number: int, *, seen: Any) -> str:
    try:
        approval(claims(Claim()))
    except BaseException:
        seen.append("swallowed")
    try:
        note("after")
        seen.append("went on")
    except BaseException:
        seen.append("swallowed again")
    return "swallowed"


def test_except_exception_does_not_swallow_the_wait_for_an_answer(runtime):
    run = runtime.start(catches_exceptions, 1)
    assert run.status == "waiting"
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert run.result() == "pay"


def test_finally_runs_and_its_steps_wait_for_the_answer(runtime):
    seen = []
    run = runtime.start(cleans_up.bind(seen=seen), 1)
    assert (run.status, seen) == ("waiting", ["cleaned"])
    assert "step" not in [entry.kind for entry in run.entries]
    run.review.answer("pay", by=runtime.someone("controller"), because="x")
    assert run.result() == "pay"
    assert [entry.kind for entry in run.entries][-2:] == ["step", "finished"]


def test_a_bare_except_around_a_gate_is_found_and_named(runtime):
    run = runtime.start(bare_except, 1, id="R")
    assert run.status == "incident"
    assert run.incident.error.startswith(
        "ParkingSwallowed: run 'R': the process caught what ends its segment where it waits"
    )
    assert "write `except Exception:`" in run.incident.error


def test_a_process_that_swallows_the_wait_gets_no_step_done_before_the_answer(runtime):
    seen = []
    run = runtime.start(base_exception_and_on.bind(seen=seen), 1)
    assert seen == ["swallowed", "swallowed again"]
    assert run.incident.error.startswith("ParkingSwallowed")
    assert "finished" not in [entry.kind for entry in run.entries]


def test_a_role_that_nobody_holds_is_an_incident_until_somebody_does(opened):
    def body(number: int) -> str:
        try:
            return approval(claims(Claim())).outcome
        except Exception:
            return "swallowed"

    bound = process(name="body", version="1")(body).bind()
    run = opened(bound, people={"ines@acme": {"cfo"}}).start(bound, 1)
    assert (
        run.incident.error == "NobodyHolds: nobody holds the role 'controller'; the roles that somebody holds are cfo"
    )
    assert run.reviews == ()
    opened(bound).run(run.id).incident.retry(by="maria@acme", because="she is the controller now")
    assert run.review.to == "controller"
