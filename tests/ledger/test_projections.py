from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Personal, fields, process, rule, step
from abpo_sdk.ledger import Ledger, Place, SqliteStore
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.rebuilding import project_entry
from abpo_sdk.ledger.rows import TABLES, DecisionRow, ReviewRow, RunRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.testing.runtime import TestRuntime


class Claim(BaseModel):
    number: str
    holder: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")]
    amount: Decimal


c, d = fields(Claim), fields(Decision)
claims = DecisionTable(
    "claims",
    rule(c.amount < 1000, then="pay", because="the amount is small"),
    rule(c.amount > 100_000, then="reject", because="nobody is insured for as much"),
    otherwise="refer",
    owner="head of claims",
)
approval = Gate("approval", when=d.outcome == "refer", to="controller", due=timedelta(hours=8), escalate_to="cfo")
second = Gate("second", when=c.amount > 5000, to="auditor")


@step
def book(claim: Claim) -> str:
    if claim.number.startswith("bad"):
        raise ValueError(f"no account {claim.iban}")
    return claim.number


@process
def pay_claim(claim: Claim) -> str:
    decision = second(approval(claims(claim)))
    if decision.outcome != "pay":
        return "nothing"
    try:
        return book(claim)
    except ValueError:
        return book(claim)


def claim(number: str, amount: int) -> Claim:
    return Claim(number=number, holder="h-1", iban="DE89370400440532013000", amount=Decimal(amount))


def rows(store: Reader) -> list[Any]:
    return [row for kind in TABLES for row in store.select(kind)]


def replayed(store: Reader, chains: Iterable[str]) -> list[Any]:
    """The projections as they come out when every entry is projected again from what is stored of it."""
    with closing(SqliteStore(None)) as fresh:
        for chain in chains:
            for entry in store.entries(chain):
                with fresh.transaction() as tx:
                    project_entry(tx, entry)
        return rows(fresh)


def test_projecting_all_entries_again_gives_the_projections_that_are_stored(tmp_path: Path) -> None:
    with TestRuntime(f"sqlite:///{tmp_path / 'ledger.db'}", [pay_claim]) as runtime:
        start = runtime.start
        start(pay_claim, claim("C-1", 10), id="done alone")
        start(pay_claim, claim("C-2", 200_000), id="rejected, and looked at")
        answered = start(pay_claim, claim("C-3", 2000), id="answered")
        answered.review.answer("pay", by=runtime.someone("controller"), because="checked")
        twice = start(pay_claim, claim("C-4", 6000), id="answered twice")
        twice.review.answer("pay", by=runtime.someone("controller"), because="checked")
        twice.review.answer("reject", by=runtime.someone("auditor"), because="no")
        start(pay_claim, claim("C-5", 2000), id="escalated")
        runtime.clock.advance(timedelta(hours=9))
        start(pay_claim, claim("C-6", 2000), id="waiting")
        supplied = start(pay_claim, claim("bad 1", 10), id="supplied")
        assert supplied.incident is not None
        supplied.incident.supply("by hand", by=runtime.someone("clerk"), because="booked by hand")
        abandoned = start(pay_claim, claim("bad 2", 10), id="abandoned")
        assert abandoned.incident is not None
        abandoned.incident.abandon(by=runtime.someone("clerk"), because="withdrawn")
        start(pay_claim, claim("bad 3", 10), id="incident")
        runtime.ledger.record(claims(claim("C-7", 10)), key="recorded")

        store = runtime.ledger.store
        kinds = {entry.kind for h in store.heads() for entry in store.entries(h.chain)}
        assert kinds == {
            "started", "step", "raised", "decision", "gate", "review", "escalated", "answered", "incident",
            "resolved", "finished", "abandoned",
        }  # fmt: skip
        assert {row.id: row.status for row in store.select(RunRow)} == {
            "done alone": "done",
            "rejected, and looked at": "waiting",
            "answered": "done",
            "answered twice": "done",
            "escalated": "waiting",
            "waiting": "waiting",
            "supplied": "done",
            "abandoned": "abandoned",
            "incident": "incident",
        }
        stored = rows(store)
        chains = [head.chain for head in store.heads()]
        assert replayed(store, chains) == stored
        assert replayed(store, reversed(chains)) == stored
        assert "DE89370400440532013000" not in repr(stored)


# entry by entry

PLACE = Place("/", 1)
DECIDED = {"result": {"decision": {"policy": "claims", "version": "v1", "outcome": "refer", "confidence": 1}}}
ASKED = {
    "review": "R-1/approval/0",
    "gate": "approval",
    "to": "controller",
    "due": "2026-01-05T17:00:00.000000Z",
    "escalate_to": "cfo",
    "decision": "R-1/1",
}


@pytest.fixture
def tell(ledger: Ledger, draft: Callable[..., Draft]) -> Callable[..., None]:
    """Appends one entry of a kind and a payload to the run R-1."""

    def append(kind: str, payload: dict[str, Any], *, name: str = "approval", place: Place | None = None) -> None:
        with ledger.writing() as writer:
            number = len(writer.tx.entries("R-1"))
            made = replace(draft(kind=kind, name=name), payload=payload, place=place or Place("x", number))
            writer.append("R-1", [made])

    return append


def only(ledger: Ledger, kind: Any) -> Any:
    (row,) = ledger.store.select(kind)
    return row


def test_a_started_run_is_running(ledger: Ledger, tell: Callable[..., None]) -> None:
    tell("started", {"version": "v7"}, name="pay")
    at = "2026-01-05T09:00:00.000000Z"
    assert only(ledger, RunRow) == RunRow("R-1", "pay", "v7", "running", at, at)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("incident", "incident"),
        ("resolved", "running"),
        ("parked", "waiting"),
        ("finished", "done"),
        ("abandoned", "abandoned"),
    ],
)
def test_what_happens_to_a_run_changes_its_status(
    ledger: Ledger, tell: Callable[..., None], kind: str, status: str
) -> None:
    tell("started", {"version": "v7"}, name="pay")
    tell("review", ASKED)
    tell(kind, {})
    assert only(ledger, RunRow).status == status
    assert only(ledger, ReviewRow).status == ("closed" if status in ("done", "abandoned") else "open")


@pytest.mark.parametrize("kind", ["finished", "abandoned"])
def test_the_end_of_a_run_closes_its_open_reviews_and_no_others(
    ledger: Ledger, tell: Callable[..., None], draft: Callable[..., Draft], kind: str
) -> None:
    tell("started", {"version": "v7"}, name="pay")
    tell("review", ASKED)
    answer = {"gate": "approval", "decision": None, "by": "maria@acme", "outcome": "pay"}
    tell("answered", {"review": "R-1/approval/0", **answer})
    tell("review", {**ASKED, "review": "R-1/approval/1"})
    with ledger.writing() as writer:
        writer.append(
            "R-2", [replace(draft(kind="review", name="approval"), payload={**ASKED, "review": "R-2/approval/0"})]
        )
    tell(kind, {})
    assert {row.id: row.status for row in ledger.store.select(ReviewRow)} == {
        "R-1/approval/0": "answered",
        "R-1/approval/1": "closed",
        "R-2/approval/0": "open",
    }


def test_a_decision_stands_as_it_was_proposed_until_a_person_answers(ledger: Ledger, tell: Callable[..., None]) -> None:
    tell("decision", DECIDED, place=PLACE)
    before = only(ledger, DecisionRow)
    assert (before.id, before.proposed, before.outcome, before.decided_by, before.gate, before.owner) == (
        "R-1/1", "refer", "refer", "policy", None, None,
    )  # fmt: skip
    assert type(before.confidence) is float
    tell("gate", {"result": {"decision": "R-1/1"}})
    assert only(ledger, DecisionRow) == before._replace(gate="approval")
    tell("review", ASKED)
    tell(
        "answered",
        {"review": "R-1/approval/0", "gate": "approval", "decision": "R-1/1", "by": "maria@acme", "outcome": "pay"},
    )
    assert only(ledger, DecisionRow) == before._replace(gate="approval", outcome="pay", decided_by="maria@acme")


def test_a_gate_about_a_decision_that_is_not_recorded_changes_none(ledger: Ledger, tell: Callable[..., None]) -> None:
    tell("decision", DECIDED, place=PLACE)
    tell("gate", {"result": {"decision": None}})
    assert only(ledger, DecisionRow).gate is None


def test_a_review_is_open_until_it_is_answered_and_its_run_waits_as_long(
    ledger: Ledger, tell: Callable[..., None]
) -> None:
    tell("started", {"version": "v7"}, name="pay")
    tell("review", ASKED, place=PLACE)
    row = only(ledger, ReviewRow)
    assert row == ReviewRow(
        "R-1/approval/0", "R-1", "/", 1, "approval", "controller", "open", "2026-01-05T09:00:00.000000Z",
        "2026-01-05T17:00:00.000000Z", "cfo", "R-1/1", ledger.entries("R-1")[1].hash,
        next_at="2026-01-05T17:00:00.000000Z",
    )  # fmt: skip
    assert only(ledger, RunRow).status == "waiting"
    tell("escalated", {"review": row.id, "to": "cfo"})
    moved = row._replace(role="cfo", due_at=None, escalate_to=None, next_at=None)
    assert only(ledger, ReviewRow) == moved
    tell("answered", {"review": row.id, "gate": "approval", "decision": None, "by": "ines@acme", "outcome": "pay"})
    assert only(ledger, ReviewRow) == moved._replace(status="answered", answered_by="ines@acme", outcome="pay")
    assert only(ledger, RunRow).status == "running"


@pytest.mark.parametrize("kind", ["step", "raised"])
def test_a_step_changes_no_projection(ledger: Ledger, tell: Callable[..., None], kind: str) -> None:
    tell("started", {"version": "v7"}, name="pay")
    before = rows(ledger.store)
    tell(kind, {"result": 1})
    assert rows(ledger.store) == before
