"""What the tests of reviews share: a claim that people decide, the gates that ask them, and what they tried."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

import pytest
from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Personal, ReviewRequired, fields, rule

CLERKS = ("maria@acme", "otto@acme", "omar@acme", "lena@acme")
PEOPLE = {
    **{clerk: {"controller"} for clerk in CLERKS},
    "ines@acme": {"cfo"},
    "noor@acme": {"cfo"},
    "ravi@acme": {"auditor"},
}


class Claim(BaseModel):
    holder: str = "H-1"
    amount: Decimal = Decimal(700)
    currency: str = "EUR"
    order: str | None = None
    entered_by: str | None = None
    iban: Annotated[str, Personal("bank account", subject_field="holder")] = "DE02120300000000202051"
    agent: Annotated[str | None, Personal("agent", subject_field="holder")] = None


c = fields(Claim)
claims = DecisionTable(
    "claims",
    rule(c.amount < 0, then="reject", because="nothing is asked for"),
    rule(c.amount <= 100, then="pay", because="small"),
    otherwise="refer",
)


def gate(name="approval", **options):
    return Gate(name, **{"when": c.amount > -(10**9), "to": "controller"} | options)


def with_cfo(**options):
    """A gate whose reviews may go to the cfo, too."""
    return gate(due=timedelta(hours=8), escalate_to="cfo", **options)


def needed(decision, at):
    with pytest.raises(ReviewRequired) as raised:
        at(decision)
    return raised.value.review


def put(reviews, *, key="C-1", giving=None, at=None, **claim):
    """A claim that is put before people."""
    decision = claims(Claim(**claim))
    return reviews.open(needed(decision.giving(**giving) if giving else decision, at or gate()), key=key)


def says(review, outcome, by, because="I have read it", **more):
    return review.answer(outcome, by=by, because=because, **more)


def tried(reviews, review):
    """What was refused: the act, by whom, and the error."""
    entries = [entry for entry in reviews.ledger.entries(review.run) if entry.kind == "refused"]
    return [(entry.content["what"], entry.content["by"], entry.content["error"]) for entry in entries]


def kinds(reviews, review):
    """The entries about a review, by their kinds."""
    return [entry.kind for entry in reviews.ledger.entries(review.run)][2:]
