"""Delegations as the ledger has them: who acts for whom, and until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from abpo_sdk.errors import DefinitionError, NotPermitted
from abpo_sdk.gates.answering import check_reason
from abpo_sdk.gates.delegation import Delegation
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import same_person
from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.entry import OWN_CHAIN
from abpo_sdk.ledger.own_entries import own_draft
from abpo_sdk.ledger.rows import DelegationRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import from_text, to_text


def delegations_since(reader: Reader, since: str) -> Sequence[Delegation]:
    """The delegations that were in force at a time, or have been since."""
    rows = reader.select(DelegationRow, after={"until": since}, order="until")
    return [delegation_of(row) for row in rows if row.since < row.until]  # one that was ended before it began never was


def delegation_of(row: DelegationRow) -> Delegation:
    """A delegation that is in the ledger."""
    from urllib.parse import unquote

    roles = frozenset(map(unquote, row.roles.split(" "))) if row.roles is not None else None
    return Delegation(
        by=row.person,
        to=row.delegate,
        roles=roles,
        since=from_text(row.since),
        until=from_text(row.until),
        because="",
        id=row.id,
    )


def delegate(
    ledger: Ledger,
    people: People,
    *,
    by: str,
    to: str,
    until: datetime,
    because: str,
    roles: Collection[str] | None,
    since: datetime | None,
) -> Delegation:
    """Record that somebody acts for another; see `Reviews.delegate`."""
    now = ledger.clock.now()
    people.check_known(by, "delegate")
    people.check_known(to, "act for another")
    check_reason(because, demanded=True, what=f"the delegation of {by!r}")
    made = Delegation(
        by=by,
        to=to,
        roles=frozenset(roles) if roles is not None else None,
        since=since or now,
        until=until,
        because=because,
    )
    if made.until <= now:
        raise DefinitionError(f"delegate(until={until}): that is over; give a time to come")
    for role in sorted(made.roles or ()):
        people.check_holds(by, role, f"delegate the role {role!r}")
    payload: dict[str, Any] = {
        "because": because,
        "by": by,
        "roles": sorted(made.roles) if made.roles is not None else None,
        "since": to_text(made.since),
        "to": to,
        "until": to_text(made.until),
    }
    with ledger.writing() as writer:
        (entry,) = writer.append(OWN_CHAIN, [own_draft(writer.tx, "delegated", payload, now)])
        (row,) = writer.tx.select(DelegationRow, equal={"id": f"{OWN_CHAIN}{entry.place}"})
    return delegation_of(row)


def end_delegation(ledger: Ledger, people: People, delegation: Delegation, *, by: str, because: str) -> None:
    """Record that somebody acts for another no more; see `Reviews.end_delegation`."""
    people.check_known(by, "end a delegation")
    check_reason(because, demanded=True, what="the end of a delegation")
    now = ledger.clock.now()
    payload = {"because": because, "by": by, "delegation": delegation.id, "until": to_text(now)}
    with ledger.writing() as writer:
        rows = writer.tx.select(DelegationRow, equal={"id": delegation.id})
        if not rows or rows[0].until <= to_text(now):
            raise DefinitionError(f"the delegation {delegation.id!r} is over, or was never made")
        (row,) = rows
        if not any(same_person(by, person) for person in (row.person, row.delegate)):
            raise NotPermitted(
                f"{by!r} may not end the delegation of {row.person!r} to {row.delegate!r}; one of these may"
            )
        writer.append(OWN_CHAIN, [own_draft(writer.tx, "undelegated", payload, now)])
