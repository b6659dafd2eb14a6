"""Incidents: a run that cannot go on by itself is resolved by a person, and keeps no other run from going on."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Personal, fields, idempotency_key, process, rule, step
from abpo_sdk.errors import DefinitionError, IncidentError, NotPermitted, RationaleMissing, RunFailed


class Rate(BaseModel):
    currency: str
    value: Decimal
    secret: Annotated[str, Personal("source", subject_field="currency")] = "phone call"


class Bank:
    def __init__(self, *failures):
        self.failures = list(failures)
        self.asked = []

    def ask(self):
        self.asked.append(idempotency_key())
        if self.failures:
            raise self.failures.pop(0)


r = fields(Rate)
table = DecisionTable("rates", rule(r.value > 1, then="high", because="above one"), otherwise="low")


@step
def find(currency: str, *, bank: Any) -> Rate:
    bank.ask()
    return Rate(currency=currency, value=Decimal("1.5"))


@step
def note(text: str) -> str:
    return text


@process
def rate(currency: str, *, bank: Any) -> str:
    note("before")
    found = find(currency, bank=bank)
    return note(f"{table(found).outcome} {found.value} {found.secret}")


@process
def swallows(currency: str, *, bank: Any) -> str:
    for _ in range(3):
        try:
            return find(currency, bank=bank).currency
        except Exception:
            continue
    return "swallowed"


@process
def breaks(currency: str) -> str:
    raise RuntimeError("the process itself")


BY = {"by": "maria@acme", "because": "she knows"}


@pytest.fixture
def bank():
    return Bank(ConnectionError("no line"))


@pytest.fixture
def runtime(opened, bank):
    return opened(rate.bind(bank=bank), swallows.bind(bank=bank), breaks)


def test_an_incident_says_what_raised_where_and_when(runtime, clock):
    run = runtime.start(rate, "USD", id="R")
    [incident] = runtime.incidents()
    assert incident == run.incident
    assert (incident.run, incident.step, incident.error) == ("R", "find", "ConnectionError: no line")
    assert incident.at == clock.now()


def test_a_run_that_is_no_incident_has_none(runtime, bank):
    bank.failures.clear()
    assert runtime.start(rate, "USD").incident is None
    assert runtime.incidents() == []


def test_a_retry_does_the_step_again_under_the_same_key_and_nothing_else(runtime, bank):
    run = runtime.start(rate, "USD", id="R")
    run.incident.retry(**BY)
    assert run.result() == "high 1.5 phone call"
    assert bank.asked == ["R/find/0"] * 2
    assert [entry.kind for entry in run.entries] == [
        "started", "step", "incident", "resolved", "step", "decision", "step", "finished",
    ]  # fmt: skip
    assert run.incident is None


def test_a_retry_that_fails_is_an_incident_again(runtime, bank):
    bank.failures.append(TimeoutError("too late"))
    run = runtime.start(rate, "USD", id="R")
    run.incident.retry(**BY)
    assert run.incident.error == "TimeoutError: too late"
    run.incident.retry(**BY)
    assert run.status == "done"


def test_who_resolved_it_and_why_is_on_record(runtime):
    run = runtime.start(rate, "USD")
    run.incident.retry(by="ines@acme", because="the line is back")
    [resolved] = [entry.content for entry in run.entries if entry.kind == "resolved"]
    assert resolved == {"action": "retry", "because": "the line is back", "by": "ines@acme"}


def test_a_value_is_supplied_in_place_of_the_step(runtime, bank):
    run = runtime.start(rate, "USD", id="R")
    run.incident.supply(Rate(currency="USD", value=Decimal("0.9"), secret="newspaper"), **BY)
    assert run.result() == "low 0.9 newspaper"
    assert bank.asked == ["R/find/0"]
    [supplied] = [entry for entry in run.entries if entry.kind == "step" and entry.name == "find"]
    assert supplied.content["supplied_by"] == "maria@acme"
    assert b"newspaper" not in b"".join(entry.payload for entry in run.entries if entry.kind == "resolved")


def test_lineage_says_who_supplied_a_value(runtime):
    run = runtime.start(rate, "USD", id="R")
    run.incident.supply({"currency": "USD", "value": "0.9"}, **BY)
    assert "step find, supplied by maria@acme" in str(run.lineage())


@pytest.mark.parametrize("flow", [rate, swallows])
@pytest.mark.parametrize("wrong", ["1.5", {"currency": "USD"}, None, 7, [Decimal(1)]])
def test_a_value_that_does_not_fit_is_an_incident_of_the_step_again_and_can_be_put_right(runtime, bank, flow, wrong):
    bank.failures[0] = ValueError(Decimal(1))  # cannot be raised again, so that no process may catch it
    run = runtime.start(flow, "USD", id="R")
    run.incident.supply(wrong, **BY)
    assert (run.status, run.incident.step) == ("incident", "find")
    assert run.incident.error.startswith("LossyRoundTrip: the result of step 'find': what was stored is no Rate")
    run.incident.supply(Rate(currency="USD", value=Decimal("0.9")), **BY)
    assert run.status == "done"


def test_a_retry_takes_a_supplied_value_back(runtime, bank):
    run = runtime.start(rate, "USD", id="R")
    run.incident.supply("nonsense", **BY)
    run.incident.retry(**BY)
    assert run.result() == "high 1.5 phone call"
    assert bank.asked == ["R/find/0"] * 2


def test_a_value_that_cannot_be_stored_is_refused_at_once(runtime):
    run = runtime.start(rate, "USD")
    with pytest.raises(DefinitionError, match="the supplied value: Bank cannot be stored"):
        run.incident.supply(Bank(), **BY)
    assert run.status == "incident"


def test_where_no_step_raised_there_is_nothing_to_supply(runtime):
    run = runtime.start(breaks, "USD", id="R")
    with pytest.raises(IncidentError, match="run 'R': no step raised, so there is no value to supply"):
        run.incident.supply("x", **BY)
    assert run.status == "incident"


def test_an_abandoned_run_stays_abandoned(runtime, bank):
    run = runtime.start(rate, "USD", id="R")
    incident = run.incident
    incident.abandon(**BY)
    assert run.status == "abandoned"
    assert run.entries[-1].content == {"action": "abandon", "because": "she knows", "by": "maria@acme"}
    with pytest.raises(RunFailed, match="was abandoned"):
        run.result()
    for resolve in (incident.retry, incident.abandon):
        with pytest.raises(IncidentError, match="run 'R' is no incident any more"):
            resolve(**BY)
    assert runtime.tick().advanced == ()
    assert runtime.start(rate, "USD", id="R").status == "abandoned"
    assert len(bank.asked) == 1


def test_an_incident_is_resolved_once(runtime):
    run = runtime.start(rate, "USD", id="R")
    incident = run.incident
    incident.retry(**BY)
    for resolve in (incident.retry, incident.abandon, lambda **by: incident.supply("x", **by)):
        with pytest.raises(IncidentError, match="run 'R' is no incident any more"):
            resolve(**BY)
    assert run.status == "done"


@pytest.mark.parametrize(
    ("by", "because", "error", "message"),
    [
        ("eve@acme", "x", NotPermitted, "'eve@acme' may not resolve the incident of run 'R'"),
        ("", "x", NotPermitted, "'' may not"),
        ("policy", "x", NotPermitted, "'policy' may not"),
        ("maria@acme", "", RationaleMissing, "to resolve the incident of run 'R', say because"),
        ("maria@acme", "  ", RationaleMissing, "say because"),
        ("maria@acme", None, RationaleMissing, "say because"),
    ],
)
@pytest.mark.parametrize("action", ["retry", "supply", "abandon"])
def test_a_resolution_by_somebody_unknown_or_without_a_reason_is_refused(runtime, action, by, because, error, message):
    run = runtime.start(rate, "USD", id="R")
    entries = run.entries
    value = (Rate(currency="USD", value=Decimal(1)),) if action == "supply" else ()
    with pytest.raises(error, match=message):
        getattr(run.incident, action)(*value, by=by, because=because)
    assert run.entries == entries
    assert run.status == "incident"


def test_other_runs_go_on(runtime, bank):
    bank.failures += [ConnectionError("no line")]
    broken = [runtime.start(rate, "USD", id=f"broken-{n}") for n in range(2)]
    fine = [runtime.start(rate, "EUR", id=f"fine-{n}") for n in range(2)]
    assert [run.status for run in (*broken, *fine)] == ["incident", "incident", "done", "done"]
    broken[1].incident.retry(**BY)
    assert [run.status for run in broken] == ["incident", "done"]
    assert [incident.run for incident in runtime.incidents()] == ["broken-0"]
    assert runtime.ledger.verify().chains == 4


def test_an_incident_may_be_resolved_by_another_worker(opened, runtime, bank):
    run = runtime.start(rate, "USD", id="R")
    opened(rate.bind(bank=bank)).run("R").incident.retry(**BY)
    assert run.status == "done"


def test_a_worker_without_the_process_leaves_the_retry_to_one_that_has_it(opened, runtime):
    run = runtime.start(rate, "USD", id="R")
    opened().run("R").incident.retry(**BY)
    assert run.status == "running"
    assert runtime.tick().advanced == ("R",)
    assert run.status == "done"


def test_the_words_of_an_error_are_sealed_and_a_long_one_is_cut(runtime, bank):
    bank.failures[0] = ValueError("Ada Lovelace " * 1000)
    run = runtime.start(rate, "USD")
    assert run.incident.error.startswith("ValueError: Ada Lovelace")
    assert len(run.incident.error) < 5000
    assert all(b"Ada" not in entry.payload for entry in run.entries)
