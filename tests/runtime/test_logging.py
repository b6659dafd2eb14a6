"""What the application's log shows of runs, and what it never shows."""

import contextlib
import json
import logging
from datetime import timedelta
from typing import Annotated

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, Retry, fields, process, rule, step
from abpo_sdk.errors import StoreUnavailable
from abpo_sdk.runtime import Moment, logs

IBAN, NAME, NOTE, GROUNDS = "DE89370400440532013000", "Jane Roe-Secret", "note-of-hers", "grounds-of-the-answer"


class Claim(BaseModel):
    number: str
    customer: str
    amount: int
    iban: Annotated[str, Personal("bank account", subject_field="customer")]


c = fields(Claim)
settlement = DecisionTable("settlement", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer")
approval = Gate("approval", when=c.amount > 100, to="controller")


@step
def fetch(number: str) -> Claim:
    return Claim(number=number, customer="K-1", amount=300, iban=IBAN)


@process
def settle(number: str) -> str:
    return approval(settlement(fetch(number))).outcome


@process
def failing(number: str) -> str:
    return refuse(fetch(number), NOTE)


@step
def refuse(claim: Claim, note: str) -> str:
    raise LookupError(f"{claim.iban} is not known ({note})")


@pytest.fixture
def lines(caplog):
    def lines():
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    caplog.set_level(logging.DEBUG, "abpo_sdk.runtime")
    return lines


def answer(runtime, run):
    run.review.answer("pay", by=runtime.someone("controller"), because=GROUNDS)


def test_a_run_from_its_start_to_its_end(runtime, lines):
    run = runtime.start(settle, "C-2", id="C-2")
    answer(runtime, run)
    assert lines() == [
        ("INFO", "run 'C-2' of process 'settle' started"),
        ("DEBUG", "run 'C-2', /0: step 'fetch' done"),
        ("DEBUG", "run 'C-2', /1: decision 'settlement' done"),
        ("DEBUG", "run 'C-2', /2: gate 'approval' done"),
        ("INFO", "run 'C-2', /3: waits for review 'approval'"),
        ("INFO", "run 'C-2' waits"),
        ("INFO", "run 'C-2' of process 'settle' goes on"),
        ("INFO", "run 'C-2' finished"),
    ]


def test_the_fields_stand_beside_the_text(runtime, lines, caplog):
    runtime.start(settle, "C-2", id="C-2")
    done = vars(caplog.records[1])
    assert {name: done[name] for name in done if name.startswith("abpo.") and name != "abpo.seconds"} == {
        "abpo.ledger": runtime.ledger.store.id,
        "abpo.run": "C-2",
        "abpo.process": "settle",
        "abpo.version": settle.version,
        "abpo.epoch": 1,
        "abpo.resumed": False,
        "abpo.place": "/0",
        "abpo.kind": "step",
        "abpo.name": "fetch",
        "abpo.attempt": 1,
        "abpo.key": "C-2/fetch/0",
    }
    assert 0 < done["abpo.seconds"] < 60
    assert vars(caplog.records[-1])["abpo.status"] == "waiting"


@pytest.mark.parametrize(("level", "count"), [("INFO", 3), ("WARNING", 0), ("CRITICAL", 0)])
def test_the_level_says_how_much(runtime, caplog, level, count):
    caplog.set_level(level, "abpo_sdk.runtime")
    runtime.start(settle, "C-2", id="C-2")
    assert len(caplog.records) == count


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING"])
def test_failed_attempts_and_incidents_are_warnings(runtime, caplog, level):
    caplog.set_level(level, "abpo_sdk.runtime")

    @step(retry=Retry(ConnectionError, attempts=2, pause=timedelta(0), jitter=timedelta(0)))
    def pay(number: int) -> int:
        raise ConnectionError(f"no line to {IBAN}")

    @process
    def paying(number: int) -> int:
        return pay(number)

    runtime.start(paying, 1, id="P")
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in warnings] == [
        "run 'P', /0: step 'pay' raised ConnectionError (attempt 1)",
        "run 'P', /0: step 'pay' raised ConnectionError (attempt 2)",
        "run 'P' became an incident: pay raised ConnectionError",
    ]
    first = vars(warnings[0])
    assert (first["error.type"], first["abpo.attempt"], first["abpo.kind"]) == ("ConnectionError", 1, "step")
    assert first["abpo.where"].endswith(" pay")
    assert first["abpo.seconds"] > 0
    assert vars(warnings[2])["abpo.place"] == "/0"


def test_a_process_that_raises_itself_is_told_by_its_line(runtime, caplog):
    @process
    def broken(number: int) -> int:
        return number // 0

    runtime.start(broken, 1, id="B")
    [warning] = caplog.records
    assert warning.getMessage() == "run 'B' became an incident: the process raised ZeroDivisionError"
    assert vars(warning)["abpo.where"].split(" ")[-1] == "broken"


def test_a_lost_lease_and_a_run_that_is_interrupted_are_warnings(opened, caplog):
    others = []

    @step
    def slow(number: int) -> int:
        if not others:
            others.append(opened(working))
            others[0]._worker.leases.dead = lambda _: True
            others[0].advance("W")
        return number

    @step
    def stop(number: int) -> int:
        raise KeyboardInterrupt

    @process
    def working(number: int) -> int:
        return slow(number)

    @process
    def stopping(number: int) -> int:
        return stop(number)

    with pytest.raises(Exception, match=r"lease|holds"):
        opened(working).start(working, 1, id="W")
    with pytest.raises(KeyboardInterrupt):
        opened(stopping).start(stopping, 1, id="S")
    told = [record.getMessage() for record in caplog.records]
    assert "run 'W': its lease was lost, and this worker keeps nothing more of it" in told
    assert told[-1] == "run 'S' was interrupted (KeyboardInterrupt), and can be taken up again"


def test_a_ledger_that_cannot_be_written_is_a_warning(runtime, caplog, monkeypatch):
    @step
    def cut(number: int) -> int:
        def unavailable(*_: object, **__: object) -> None:
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(runtime.ledger, "commit", unavailable)
        return number

    @process
    def cutting(number: int) -> int:
        return cut(number)

    with pytest.raises(StoreUnavailable):
        runtime.start(cutting, 1, id="R")
    assert caplog.records[-1].getMessage() == "run 'R' was interrupted (StoreUnavailable), and can be taken up again"


@pytest.mark.parametrize(
    ("status", "error", "line"),
    [
        ("abandoned", "Erased", ("WARNING", "run 'R' was abandoned (Erased)")),
        ("running", "", ("INFO", "run 'R' is left to be taken up again")),
    ],
)
def test_what_comes_seldom_is_told_too(lines, status, error, line):
    moment = Moment("segment ends", "L", "R", "settle", "v", 1, resumed=True, status=status, error=error)
    logs.write(moment)
    assert lines() == [line]


def test_a_worker_that_stops_leaves_its_run(runtime, lines):
    @step
    def stop(number: int) -> int:
        runtime.stop()
        return number

    @process
    def stopping(number: int) -> int:
        return stop(stop(number))

    runtime.start(stopping, 1, id="R")
    assert lines()[-1] == ("INFO", "run 'R' is left to be taken up again")


def test_no_record_holds_anything_personal(runtime, lines, caplog):
    @step
    def remind(name: Annotated[str, Personal("name", subject_field="customer")], customer: str) -> str:
        raise ValueError(f"{name} has no account")

    @process
    def settling(claim: Claim, note: str) -> str:
        with contextlib.suppress(ValueError):
            remind(NAME, claim.customer)
        approval(settlement(claim))
        return refuse(claim, note)

    claim = Claim(number="C-2", customer="K-1", amount=300, iban=IBAN)
    run = runtime.start(settling, claim, NOTE, id="C-2")
    answer(runtime, run)
    assert run.status == "incident"
    formatter = logging.Formatter("%(message)s")
    everything = "".join(formatter.format(record) + json.dumps(vars(record), default=repr) for record in caplog.records)
    assert "LookupError" in everything
    for secret in (IBAN, NAME, NOTE, GROUNDS, "K-1", "small", "is not known", "has no account"):
        assert secret not in everything


def test_a_handler_that_raises_does_not_disturb_the_run(runtime):
    class Broken(logging.Handler):
        def handle(self, record):
            raise RuntimeError("no room")

    log, handler = logging.getLogger("abpo_sdk.runtime"), Broken()
    log.addHandler(handler)
    try:
        assert runtime.start(settle, "C-2").status == "waiting"
    finally:
        log.removeHandler(handler)


def test_nothing_is_written_where_the_application_does_not_listen(runtime, monkeypatch, capfd):
    monkeypatch.setattr(logging.getLogger("abpo_sdk.runtime"), "propagate", False)
    runtime.start(failing, "C-2", id="C-2")
    assert capfd.readouterr() == ("", "")
