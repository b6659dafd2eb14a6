"""How well people decide, as the ledger tells: seeded known cases, double reviews, reading times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from abpo_sdk.errors import DefinitionError, DuplicateRun
from abpo_sdk.gates.answering import check_reason
from abpo_sdk.gates.checking import check_outcome
from abpo_sdk.gates.guarding.answered import Answered
from abpo_sdk.gates.guarding.conduct import Conduct, measure_conduct
from abpo_sdk.gates.people import People
from abpo_sdk.gates.review_entries import review_draft, review_id, shown_of
from abpo_sdk.ledger import Ledger, Place
from abpo_sdk.ledger.entry import BODY, OWN_CHAIN, check_id, entry_id
from abpo_sdk.ledger.own_entries import own_draft, own_entries
from abpo_sdk.ledger.rows import AnswerRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import from_text
from abpo_sdk.values.decision import Decision

if TYPE_CHECKING:
    from abpo_sdk.gates.gate import Gate


def seed(
    ledger: Ledger, people: People, gate: Gate, decision: Decision, *, right: str, key: str, by: str, because: str
) -> str:
    """Put a case before people whose right answer is known; see `Reviews.seed`."""
    check_id(key, "the key of a known case")
    people.check_known(by, "seed a known case")
    check_reason(because, demanded=True, what="a known case")
    check_outcome(right, decision.outcomes, what="the right answer to a known case")
    check = gate.check(decision, key=key)
    if not check.needed:
        raise DefinitionError(
            f"gate {gate.name!r} would not ask about the known case {key!r}, so that people could tell it from others; take a case "
            "about which it asks"
        )
    asked = replace(decision, id=entry_id(key, Place(BODY, 0)))  # as that of any other, which is recorded
    review = gate.review(asked, check.why)
    place, now = Place(BODY, 1), ledger.clock.now()
    identifier = review_id(key, BODY, gate.name, 0)
    draft = review_draft(review, shown_of(review), identifier=identifier, place=place, at=now, purpose="known")
    said = {"because": because, "by": by, "review": identifier, "right": right}
    with ledger.writing() as writer:
        if writer.tx.head(key) is not None:
            raise DuplicateRun(f"the key {key!r} is taken; give a known case a key of its own")
        writer.append(key, [draft])
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "seeded", said, now)])
    return identifier


def declare_measures(ledger: Ledger, people: People, *, by: str, because: str) -> None:
    """Record that single persons may be measured, and by what agreement; see `Reviews.declare_measures`."""
    people.check_known(by, "declare measures of single persons")
    check_reason(because, demanded=True, what="measuring single persons")
    with ledger.writing() as writer:
        payload = {"because": because, "by": by}
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "declared", payload, ledger.clock.now())])


def declared_measures(reader: Reader) -> str | None:
    """The agreement by which single persons may be measured, as it was declared last; None where nobody did."""
    return next((entry.content["because"] for entry in own_entries(reader, "declared", newest_first=True)), None)


def answers(reader: Reader, gate: str | None = None) -> Iterator[Answered]:
    """Every answer, with the right one where it is known."""
    right = {entry.content["review"]: entry.content["right"] for entry in own_entries(reader, "seeded")}
    rows = reader.select(AnswerRow, equal={"gate": gate} if gate else None, order="answered_at")
    last = {(row.review, row.person): row for row in rows}  # what was said before there was information is void
    for row in last.values():
        yield Answered(
            review=row.review,
            gate=row.gate,
            role=row.role,
            person=row.person,
            proposed=row.proposed or row.outcome,
            outcome=row.outcome,
            opened=from_text(row.opened_at),
            shown=from_text(row.viewed_at) if row.viewed_at else None,
            answered=max(from_text(row.answered_at), from_text(row.viewed_at or row.opened_at)),  # of another clock
            known=right.get(row.review),
            second_of=row.review.removesuffix("/second") if row.purpose == "second" else None,
            blind=bool(row.blind),
        )


def conduct(
    ledger: Ledger, *, by: Literal["role", "person"], gate: str | None, least_reading: timedelta | None
) -> Conduct:
    """Measure how people decide; see `Reviews.conduct`."""
    declared = declared_measures(ledger.store)
    if by == "person" and declared is None:
        raise DefinitionError(
            "conduct(by='person') measures single persons, which nobody has declared; say by which agreement with "
            "reviews.declare_measures(by=..., because=...)"
        )
    return measure_conduct(answers(ledger.store, gate), by=by, declared=declared, least_reading=least_reading)
