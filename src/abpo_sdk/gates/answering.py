"""What an answer comes to: every check that it must pass, and the entry that says all of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DefinitionError, EditInvalid, LossyRoundTrip, RationaleMissing, RationaleTooLong
from abpo_sdk.gates.candidates import queues_of
from abpo_sdk.gates.checking import check_outcome
from abpo_sdk.gates.delegation import Capacity
from abpo_sdk.gates.guarding.guard import check_pace
from abpo_sdk.gates.queues import asked_role
from abpo_sdk.gates.review_state import answer_of, vote_of
from abpo_sdk.gates.standing import Standing
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.outputs import decode_output, encode_value, same_value
from abpo_sdk.ledger.rows import AnswerRow, ReviewRow
from abpo_sdk.values.clock import from_text, to_text

if TYPE_CHECKING:
    from abpo_sdk.gates.authority.limits import Limits

LONGEST_REASON = 10_000
"""How many characters a reason may have."""

BACK = timedelta(days=1)
"""How far back it is looked for an uninterrupted row of confirmations."""


def answer(
    standing: Standing,
    *,
    shown: str | None,
    outcome: str,
    by: str,
    because: str,
    edit: Mapping[str, Any] | None,
    limits: Limits | None,
    source: str | None = None,
) -> dict[str, Any]:
    """The content of the entry that records an answer.

    Raises:
        ReviewError, UnknownOutcome: as `Review.answer` says.
    """
    state, row = standing.state, standing.row
    standing.check_open()
    standing.check_shown(shown)
    capacity = standing.capacity(by, f"answer the review {row.id!r}")
    shown_decision = state.content["shown"]["decision"]
    check_outcome(outcome, tuple(shown_decision["outcomes"]), what=f"the review {row.id!r}")
    check_reason(because, demanded=state.asks.rationale, what=f"the review {row.id!r}")
    if source is not None:
        check_source(source, row)
    before = shown_decision.get("output") or {}
    edited = _edited(edit, before, row, blind=state.asks.guard.blind)
    _check_care(standing, by, outcome, shown_decision)
    spend = _spend(standing, capacity, outcome, edited, limits)
    vote = vote_of(outcome, edited)
    counting = standing.counting()
    votes = [*(given.vote for given in counting), vote]
    standing_now = state.asks.quorum.tally(votes, breaking=state.breaking)
    payload: dict[str, Any] = {
        "because": because,
        "by": by,
        "decision": row.decision_id,
        "gate": row.gate,
        "number": state.number,
        "outcome": outcome,
        "review": row.id,
        "role": row.role,
        "settled": outcome if standing_now == "settled" else None,
        "shown": row.shown,
    }
    if row.purpose != "decide":
        payload["purpose"] = row.purpose
    if state.asks.guard.blind:
        payload["blind"] = True
    if capacity.on_behalf_of:
        payload["on_behalf_of"] = capacity.on_behalf_of
    if by in state.viewed:
        payload["viewed"] = to_text(state.viewed[by])
    if edited:
        payload["edit"] = edited
        payload["diff"] = {name: {"from": before[name], "to": value} for name, value in edited.items()}
    if source is not None:
        payload["source"] = source
    payload |= spend
    if standing_now == "settled":
        payload["agreeing"] = [*(given.number for given in counting if given.vote == vote), state.number]
        payload["closes"] = list(state.content.get("alternatives") or [])
        if not _agreed(standing, outcome, edited):
            payload["stands"] = False
    elif standing_now == "tied":
        breaker = str(state.asks.quorum.tie_break)
        payload["tie"] = {"to": breaker, "queues": list(queues_of(breaker))}
    return payload


def check_source(source: object, row: ReviewRow) -> None:
    """Refuse a source that does not say where an answer was given.

    Raises:
        RationaleMissing, RationaleTooLong: as for any reason.
    """
    if not isinstance(source, str) or not source.strip():
        raise RationaleMissing(
            f"an answer to the review {row.id!r} was given elsewhere, and nobody says where; say source=..."
        )
    check_reason(source, demanded=True, what=f"the source of an answer to the review {row.id!r}")


def check_reason(because: object, *, demanded: bool, what: str) -> None:
    """Refuse a reason that is none.

    Raises:
        RationaleMissing: one is demanded, and there is nothing in it that could be read; or it cannot be written down.
        RationaleTooLong: nobody would read it.
    """
    if not isinstance(because, str):
        raise RationaleMissing(f"{what} needs a reason; say because=...")
    if len(because) > LONGEST_REASON:
        raise RationaleTooLong(
            f"the reason for {what} has {len(because):,} characters; say it in {LONGEST_REASON:,}, and keep the rest elsewhere"
        )
    if not because.isascii() and any("\ud800" <= character <= "\udfff" for character in because):
        raise RationaleMissing(f"the reason for {what} holds half of a character; say because=... in whole ones")
    if demanded and not any(character.isalnum() for character in because):
        raise RationaleMissing(f"{what} needs a reason; say because=...")


def _edited(
    edit: Mapping[str, Any] | None, before: Mapping[str, Any], row: ReviewRow, *, blind: bool
) -> dict[str, Any]:
    """What was corrected, as JSON; what is put as it was is no correction.

    Raises:
        EditInvalid: it names what the decision does not give, or is of another type.
    """
    if not edit:
        return {}
    if blind:
        raise EditInvalid(f"the review {row.id!r} is blind, so what is proposed cannot be corrected; answer an outcome")
    if not isinstance(edit, Mapping):
        raise EditInvalid(f"the review {row.id!r}: edit={edit!r} is no mapping of names to values")
    known = decode_output(before)
    edited: dict[str, Any] = {}
    for name, value in edit.items():
        if name not in known:
            there = ", ".join(known) or "nothing beside its outcome"
            raise EditInvalid(f"the review {row.id!r}: the decision gives no {name!r}; it gives {there}")
        was = known[name]
        if type(value) is not type(was) and was is not None:
            raise EditInvalid(
                f"the review {row.id!r}: {name} is a {type(was).__name__}, and {value!r} is a {type(value).__name__}"
            )
        try:
            tree = encode_value(value, name)
        except (LossyRoundTrip, DefinitionError) as error:
            raise EditInvalid(f"the review {row.id!r}: {name} cannot be {value!r}: {error}") from None
        if not same_value(tree, before[name]):
            edited[name] = tree
    return edited


def _check_care(standing: Standing, by: str, outcome: str, shown: Mapping[str, Any]) -> None:
    guard, now = standing.state.asks.guard, standing.now
    confirmations: list[datetime] = []
    if guard.in_a_row is not None and outcome == standing.state.content.get("proposed", shown["outcome"]):
        since = to_text(now - BACK - guard.pause)
        rows = standing.reader.select(
            AnswerRow,
            equal={"person": by, "blind": 0},  # who did not see a proposal did not confirm it
            after={"answered_at": since},
            order="answered_at",
            limit=guard.in_a_row + 1,
            newest_first=True,
        )
        for row in rows:
            if row.proposed is None or row.outcome != row.proposed:
                break
            confirmations.append(from_text(row.answered_at))
    check_pace(guard, shown=standing.state.viewed.get(by), now=now, confirmations=confirmations[::-1])


def _spend(
    standing: Standing, capacity: Capacity, outcome: str, edited: Mapping[str, Any], limits: Limits | None
) -> dict[str, Any]:
    """What an approval takes of the authority of who gives it, with every limit that was consulted.

    Raises:
        OverLimit, AmountInvalid: it is more than they may approve, or nobody said how much they may.
    """
    state, row = standing.state, standing.row
    authority = state.asks.authority
    if authority is None or row.purpose == "second":
        return {}
    from abpo_sdk.gates.authority.limits import Limits
    from abpo_sdk.gates.authority.spend import spend_of
    from abpo_sdk.gates.authority.spent import SpentRows

    named = authority.get("output")
    amount = decode_output(edited).get(named) if named else None
    spend = spend_of(authority, outcome=outcome, amount=amount)
    if spend is None:
        return {}
    person = capacity.on_behalf_of or capacity.person
    reviews = _reviews_of_the_decision(standing)
    for role in _roles(standing, person):
        said = (limits or Limits.none()).consult(
            spend, person=person, role=role, at=standing.now, spent=SpentRows(standing.reader), reviews=reviews
        )
        if said.allowed:
            break
    said.check()
    if row.purpose != "decide":  # a known case, which is refused as any other would be, and takes nothing
        return {}
    return {
        "limits": said.to_json(),
        "spend": {
            "amount": spend.money.units,
            "counterparty": spend.counterparty,
            "currency": spend.money.currency,
            "kind": spend.kind,
            "linked": spend.linked,
            "person": person,
            "role": said.role,
            "status": "reserved",
        },
    }


def _roles(standing: Standing, person: str) -> list[str]:
    """In which role somebody approves: in that which is asked; where a group or persons are, in any of theirs that has the authority."""
    state = standing.state
    asked = [role for queue in state.queues if (role := asked_role(queue)) is not None]
    held = standing.people.roles_of(person)
    demanded = [role for queue in state.demanded if (role := asked_role(queue)) in held and role is not None]
    return asked[:1] or demanded or sorted(held) or [standing.row.role]


def _agreed(standing: Standing, outcome: str, edited: Mapping[str, Any]) -> bool:
    """Whether all that were asked for together with this one are answered, and the same."""
    for other in standing.state.content.get("together") or ():
        for row in standing.reader.select(ReviewRow, equal={"id": other}):
            place = Place(row.scope, row.ordinal)
            said = answer_of(standing.reader.within(row.chain, place.inner), place)
            if said is None or not said.agrees(outcome, decode_output(edited) if edited else None):
                return False
    return True


def _reviews_of_the_decision(standing: Standing) -> list[str]:
    row = standing.row
    if row.decision_id is None:
        return [row.id]
    rows = standing.reader.select(ReviewRow, equal={"chain": row.chain})
    return [other.id for other in rows if other.decision_id == row.decision_id]
