"""Runs as spans: which there are, what stands in them, and that no personal value does."""

import asyncio
import contextlib
import subprocess
import sys
from datetime import timedelta
from typing import Annotated

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Gate,
    Ledger,
    Personal,
    Retry,
    Runtime,
    fields,
    gather,
    gather_async,
    process,
    rule,
    sleep,
    step,
)
from abpo_sdk.errors import DefinitionError
from abpo_sdk.runtime import Moment
from abpo_sdk.runtime.telemetry import OpenTelemetry
from abpo_sdk.testing import TestRuntime, survives_crashes

PEOPLE = {"maria@acme": {"controller"}}
IBAN, NAME, NOTE, GROUNDS = "DE89370400440532013000", "Jane Roe-Secret", "note-of-hers", "grounds-of-the-answer"


class Claim(BaseModel):
    number: str
    customer: str
    amount: int
    iban: Annotated[str, Personal("bank account", subject_field="customer")]


c = fields(Claim)
settlement = DecisionTable(
    "settlement",
    rule(c.iban == "DE00", then="refer", because="watched"),
    rule(c.amount <= 500, then="pay", because="small"),
    otherwise="refer",
)
approval = Gate("approval", when=c.amount > 100, to="controller")


@step
def fetch(number: str) -> Claim:
    return Claim(number=number, customer="K-1", amount=300, iban=IBAN)


@step
def book(claim: Claim) -> str:
    return "booked"


@process
def settle(number: str) -> str:
    claim = fetch(number)
    outcome = approval(settlement(claim)).outcome
    return book(claim) + outcome


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
def observed(path, clock, tracing):
    with contextlib.ExitStack() as stack:

        def open_runtime(*processes, observers=None):
            observers = [OpenTelemetry(tracing)] if observers is None else observers
            ledger = Ledger(f"sqlite:///{path}", clock=clock)
            return stack.enter_context(Runtime(ledger, processes, people=PEOPLE, observers=observers))

        yield open_runtime


def names(exporter):
    return [span.name for span in exporter.get_finished_spans()]


def named(exporter, name):
    return [span for span in exporter.get_finished_spans() if span.name == name]


def parents(exporter):
    spans = {span.context.span_id: span.name for span in exporter.get_finished_spans()}
    return {
        span.name: spans.get(span.parent.span_id) if span.parent else None for span in exporter.get_finished_spans()
    }


def test_a_segment_is_a_span_and_each_call_that_is_done_is_one_below_it(observed, exporter):
    runtime = observed(settle)
    run = runtime.start(settle, "C-2", id="C-2")
    assert names(exporter) == ["step fetch", "decision settlement", "gate approval", "run settle"]
    assert parents(exporter) == {
        "step fetch": "run settle",
        "decision settlement": "run settle",
        "gate approval": "run settle",
        "run settle": None,
    }
    segment = named(exporter, "run settle")[0]
    assert dict(segment.attributes) == {
        "abpo.ledger": runtime.ledger.store.id,
        "abpo.run": "C-2",
        "abpo.process": "settle",
        "abpo.version": settle.version,
        "abpo.epoch": 1,
        "abpo.resumed": False,
        "abpo.status": "waiting",
    }
    [event] = segment.events
    assert (event.name, event.attributes["abpo.name"], event.attributes["abpo.place"]) == (
        "waits for review",
        "approval",
        "/3",
    )
    fetched = named(exporter, "step fetch")[0].attributes
    assert (fetched["abpo.place"], fetched["abpo.attempt"], fetched["abpo.key"]) == ("/0", 1, "C-2/fetch/0")
    assert fetched["abpo.run"] == "C-2"
    assert run.status == "waiting"


def test_what_is_replayed_is_no_span_and_the_segments_of_a_run_have_one_link(observed, exporter):
    observed(settle).start(settle, "C-2", id="C-2")
    exporter.clear()
    observed(settle).run("C-2").review.answer("pay", by="maria@acme", because="it is fine")
    observed(settle).start(settle, "C-3", id="C-3")
    assert names(exporter)[:2] == ["step book", "run settle"]
    second, other = named(exporter, "run settle")
    assert second.attributes["abpo.resumed"] is True
    assert second.attributes["abpo.status"] == "done"
    exporter.clear()
    observed(settle).run("C-3").review.answer("pay", by="maria@acme", because="it is fine")
    third = named(exporter, "run settle")[0]
    linked = [span.links[0].context.trace_id for span in (second, other, third)]
    assert linked[1] == linked[2] != linked[0]
    assert len({span.context.trace_id for span in (second, other, third)}) == 3


def test_a_segment_belongs_to_the_trace_of_whoever_asked_for_it(observed, exporter, tracing):
    tracer = tracing.get_tracer("application")
    runtime = observed(settle)
    with tracer.start_as_current_span("POST /claims") as request:
        runtime.start(settle, "C-2", id="C-2")
        assert trace.get_current_span() is request
    with tracer.start_as_current_span("POST /answers"):
        runtime.run("C-2").review.answer("pay", by="maria@acme", because="it is fine")
    requests = [span.context for span in exporter.get_finished_spans() if span.parent is None]
    assert [span.parent.span_id for span in named(exporter, "run settle")] == [r.span_id for r in requests]


def test_what_a_step_does_with_a_tracer_of_its_own_is_below_its_span(observed, exporter, tracing):
    tracer = tracing.get_tracer("application")

    @step
    def ask(number: int) -> int:
        with tracer.start_as_current_span("GET /accounts"):
            return number

    @step(timeout=timedelta(seconds=20))
    def ask_in_time(number: int) -> int:
        with tracer.start_as_current_span("GET /late"):
            return number

    @process
    def asking(number: int) -> int:
        with tracer.start_as_current_span("of the process"):
            return ask(number) + ask_in_time(number)

    assert observed(asking).start(asking, 2).result() == 4
    assert parents(exporter) == {
        "GET /accounts": "step ask",
        "step ask": "run asking",
        "GET /late": "step ask_in_time",
        "step ask_in_time": "run asking",
        "of the process": "run asking",
        "run asking": None,
    }


def test_each_attempt_is_a_span_and_shows_the_type_of_the_error_alone(observed, exporter):
    calls = []

    @step(retry=Retry(ConnectionError, attempts=3, pause=timedelta(0), jitter=timedelta(0)))
    def pay(number: int) -> int:
        calls.append(number)
        if len(calls) < 3:
            raise ConnectionError(f"no line to {IBAN}")
        return number

    @process
    def paying(number: int) -> int:
        return pay(number)

    observed(paying).start(paying, 1, id="P")
    attempts = named(exporter, "step pay")
    assert [span.attributes["abpo.attempt"] for span in attempts] == [1, 2, 3]
    assert [span.attributes.get("error.type") for span in attempts] == ["ConnectionError", "ConnectionError", None]
    assert [span.status.status_code for span in attempts] == [StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET]
    assert attempts[0].status.description == "ConnectionError"
    assert attempts[0].attributes["abpo.where"].endswith(" pay")
    assert attempts[0].events == ()
    assert {span.attributes["abpo.key"] for span in attempts} == {"P/pay/0"}


def test_a_run_that_sleeps_before_the_next_attempt_is_two_segments(runtime, exporter, tracing):
    runtime.observe(OpenTelemetry(tracing))
    calls = []

    @step(
        retry=Retry(
            ConnectionError, attempts=2, pause=timedelta(hours=1), longest=timedelta(hours=1), jitter=timedelta(0)
        )
    )
    def pay(number: int) -> int:
        calls.append(number)
        if len(calls) < 2:
            raise ConnectionError
        return number

    @process
    def paying(number: int) -> int:
        sleep(timedelta(hours=1))
        return pay(number)

    run = runtime.start(paying, 1)
    runtime.clock.advance(timedelta(hours=2))
    runtime.clock.advance(timedelta(hours=2))
    assert run.result() == 1
    assert names(exporter) == ["run paying", "step pay", "run paying", "step pay", "run paying"]
    segments = named(exporter, "run paying")
    assert [span.attributes["abpo.status"] for span in segments] == ["waiting", "waiting", "done"]
    assert [[event.name for event in span.events] for span in segments] == [
        ["waits for timer"],
        ["waits for attempt"],
        [],
    ]
    assert [span.attributes["abpo.attempt"] for span in named(exporter, "step pay")] == [1, 2]


def test_an_incident_is_an_error_of_the_segment(observed, exporter):
    @step
    def fail(number: int) -> int:
        raise ValueError(f"{IBAN} is closed")

    @process
    def failing(number: int) -> int:
        return fail(number)

    run = observed(failing).start(failing, 1)
    segment = named(exporter, "run failing")[0]
    assert (segment.attributes["abpo.status"], segment.attributes["error.type"]) == ("incident", "ValueError")
    assert (segment.status.status_code, segment.status.description) == (StatusCode.ERROR, "ValueError")
    exporter.clear()
    run.incident.supply(4, by="maria@acme", because="by telephone")
    assert names(exporter) == ["run failing"]  # nothing was done again
    assert named(exporter, "run failing")[0].attributes["abpo.status"] == "done"


def test_a_result_that_cannot_be_recorded_ends_the_span_with_an_error(observed, exporter):
    @step(pure=True)
    def wrong(number: int) -> int:
        return "a text"

    @step(transaction=True)
    def wrong_too(number: int) -> int:
        return "a text"

    @process
    def recording(number: int, transaction: bool) -> int:
        return wrong_too(number) if transaction else wrong(number)

    runtime = observed(recording)
    for transaction in (False, True):
        exporter.clear()
        assert runtime.start(recording, 1, transaction).status == "incident"
        [one] = [span for span in exporter.get_finished_spans() if span.name.startswith("step")]
        assert one.attributes["error.type"] == "LossyRoundTrip"


def test_a_step_in_the_ledgers_transaction_is_one_span(observed, exporter):
    @step(transaction=True)
    def keep(number: int) -> int:
        return number

    @process
    def keeping(number: int) -> int:
        return keep(number)

    observed(keeping).start(keeping, 1)
    assert names(exporter) == ["step keep", "run keeping"]
    assert named(exporter, "step keep")[0].status.status_code is StatusCode.UNSET


def test_branches_in_threads_and_tasks_are_below_the_run(observed, exporter):
    @step
    def look_up(number: int) -> int:
        return number

    @step
    async def look_up_async(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @process
    def threads(number: int) -> int:
        return sum(gather(*(lambda n=n: look_up(n) for n in range(4))))

    @process
    async def tasks(number: int) -> int:
        return sum(await gather_async(*(look_up_async(n) for n in range(4))))

    async def asynchronous():
        async with asyncio.TaskGroup() as group:
            group.create_task(runtime.start_async(tasks, 1, id="one"))
            group.create_task(runtime.start_async(tasks, 2, id="two"))

    runtime = observed(threads, tasks)
    assert runtime.start(threads, 1).result() == 6
    asyncio.run(asynchronous())
    segments = {s.context.span_id: s for s in exporter.get_finished_spans() if s.name.startswith("run")}
    assert len(segments) == 3
    calls = [s for s in exporter.get_finished_spans() if s.name.startswith("step")]
    assert len(calls) == 12
    for call in calls:
        assert call.attributes["abpo.run"] == segments[call.parent.span_id].attributes["abpo.run"]


def test_a_step_that_is_cancelled_ends_its_span(observed, exporter):
    @step
    async def hang(number: int) -> int:
        await asyncio.sleep(60)
        return number

    @process
    async def hanging(number: int) -> int:
        return await hang(number)

    async def cancelled():
        task = asyncio.ensure_future(runtime.start_async(hanging, 1, id="H"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runtime = observed(hanging)
    asyncio.run(cancelled())
    assert names(exporter) == ["step hang", "run hanging"]
    assert [span.attributes["error.type"] for span in exporter.get_finished_spans()] == ["CancelledError"] * 2
    assert named(exporter, "run hanging")[0].attributes["abpo.status"] == "running"


def test_a_worker_that_lost_its_lease_and_the_one_that_took_over_have_spans_of_their_own(opened, exporter, tracing):
    telemetry = OpenTelemetry(tracing)
    runtimes = []

    @step
    def slow(number: int) -> int:
        if len(runtimes) == 1:
            runtimes.append(opened(working))
            second = runtimes[1]
            second._worker.observe = telemetry
            second._worker.leases.dead = lambda _: True
            second.advance("W")
        return number

    @process
    def working(number: int) -> int:
        return slow(number)

    runtimes.append(opened(working))
    runtimes[0]._worker.observe = telemetry
    with pytest.raises(Exception, match=r"lease|holds"):
        runtimes[0].start(working, 1, id="W")
    assert names(exporter) == ["step slow", "run working", "step slow", "run working"]
    taken_over, lost = named(exporter, "run working")
    assert (taken_over.attributes["abpo.epoch"], taken_over.attributes["abpo.status"]) == (2, "done")
    assert (lost.attributes["abpo.epoch"], lost.attributes["error.type"]) == (1, "LeaseLost")
    inner, outer = named(exporter, "step slow")
    assert (inner.parent.span_id, outer.parent.span_id) == (taken_over.context.span_id, lost.context.span_id)


def test_no_span_holds_anything_personal(runtime, exporter, tracing):
    runtime.observe(OpenTelemetry(tracing))

    @step
    def remind(name: Annotated[str, Personal("name", subject_field="customer")], customer: str) -> str:
        raise ValueError(f"{name} has no account")

    @step
    def refuse(claim: Claim, note: str) -> str:
        raise LookupError(f"{claim.iban} is not known ({note})")

    @process
    def settling(claim: Claim, note: str) -> str:
        with contextlib.suppress(ValueError):
            remind(NAME, claim.customer)
        approval(settlement(claim))
        return refuse(claim, note)

    claim = Claim(number="C-2", customer="K-1", amount=300, iban=IBAN)
    run = runtime.start(settling, claim, NOTE, id="C-2")
    run.review.answer("pay", by=runtime.someone("controller"), because=GROUNDS)
    assert run.status == "incident"
    assert names(exporter).count("run settling") == 2
    everything = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "C-2" in everything
    for secret in (IBAN, NAME, NOTE, GROUNDS, "K-1", "watched", "is not known", "has no account"):
        assert secret not in everything


def test_a_tracer_that_raises_is_logged_once_and_does_not_disturb_the_run(observed, caplog):
    class Broken(TracerProvider):
        def get_tracer(self, *args, **kwargs):
            return self

        def start_span(self, *args, **kwargs):
            raise RuntimeError("no room")

    run = observed(settle, observers=[OpenTelemetry(Broken())]).start(settle, "C-2")
    assert run.status == "waiting"
    lost = [record for record in caplog.records if "OpenTelemetry()" in record.getMessage()]
    assert [record.getMessage() for record in lost] == [
        "OpenTelemetry() raised RuntimeError and lost spans; this is logged once"
    ]


def test_any_other_observer_is_heard(runtime):
    def crash(moment: Moment) -> None:
        if moment.what == "call returned" and moment.name == "book":
            raise KeyboardInterrupt

    runtime.observe(crash)
    run = runtime.start(settle, "C-2", id="C-2")
    with pytest.raises(KeyboardInterrupt):
        run.review.answer("pay", by=runtime.someone("controller"), because="it is fine")
    assert run.status == "running"


def test_observers_are_told_in_their_order_and_of_the_same_moments(path):
    told = []
    observers = [lambda moment: told.append(("first", moment)), lambda moment: told.append(("second", moment))]
    with Runtime(f"sqlite:///{path}", [settle], people=PEOPLE, observers=observers) as runtime:
        runtime.start(settle, "C-2", id="C-2")
    assert [who for who, _ in told] == ["first", "second"] * (len(told) // 2)
    moments = [moment for who, moment in told if who == "first"]
    assert [(m.what, m.name) for m in moments] == [
        ("segment begins", ""),
        *((what, "fetch") for what in ("call begins", "call returned", "call recorded")),
        *((what, "settlement") for what in ("call begins", "call returned", "call recorded")),
        *((what, "approval") for what in ("call begins", "call returned", "call recorded")),
        ("call waits", "approval"),
        ("segment ends", ""),
    ]
    assert [m.effect for m in moments if m.what == "call begins"] == [True, False, False]
    assert all(m.seconds is not None for m in moments if m.what in ("call recorded", "segment ends"))


def test_what_cannot_be_told_anything_is_refused():
    with pytest.raises(
        DefinitionError, match=r"observers=\[<class .*OpenTelemetry.*an object such as OpenTelemetry\(\)"
    ):
        Runtime("sqlite://", observers=[OpenTelemetry])
    with pytest.raises(DefinitionError, match=r"observers=\[3\]"):
        Runtime("sqlite://", observers=[3])


def test_a_crash_test_goes_by_the_same_points_as_before():
    report = survives_crashes(lambda world: settle.bind(), "C-2", world=list, effects=list, answers={"approval": "pay"})
    assert [point.partition(" at ")[0] for point in report.points if "effect" in point] == [
        "before the effect of step 'fetch'",
        "after the effect of step 'fetch'",
        "before the effect of step 'book'",
        "after the effect of step 'book'",
    ]


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(DefinitionError, match=r'pip install "abpo_sdk\[otel\]"'):
        OpenTelemetry()


def test_a_run_that_nobody_watches_loads_nothing_of_it():
    script = (
        "import sys\n"
        "from abpo_sdk import Runtime, process\n"
        "@process\ndef greet(name: str) -> str:\n    return name\n"
        "runtime = Runtime('sqlite://', [greet])\n"
        "assert runtime.start(greet, 'Ada').result() == 'Ada'\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry') or name.endswith('telemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_nobody_watches_unless_somebody_asked_to(monkeypatch):
    import logging

    from abpo_sdk.runtime import logs

    monkeypatch.setattr(logging.getLogger("abpo_sdk.runtime"), "propagate", False)
    assert logs.listening() is None
    with TestRuntime(processes=[settle]) as runtime:
        segment = runtime._starter.start(settle, ("C-2",), {}, "C-2")[1]
        assert segment._watch is None
        assert segment._recorder.watch is None
