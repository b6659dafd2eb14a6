"""What people do with a review without answering it, and what happens to it by itself when its times have come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from abpo_sdk.errors import DefinitionError, NotPermitted, ReviewClosed
from abpo_sdk.gates.answering import check_reason
from abpo_sdk.gates.candidates import Candidates, described, queues_of
from abpo_sdk.gates.person_ids import same_person
from abpo_sdk.gates.queues import check_holders, describe
from abpo_sdk.gates.standing import Standing
from abpo_sdk.ledger.entry import Kind
from abpo_sdk.ledger.review_projection import ASKED
from abpo_sdk.values.clock import from_text, to_text

Done = tuple[Kind, dict[str, Any]]
"""The kind and the content of the entry that says what was done."""

Act = Callable[..., Done]


def claim(standing: Standing, *, by: str, until: datetime | None = None) -> Done:
    """Take a review."""
    standing.check_open()
    standing.capacity(by, f"claim the review {standing.row.id!r}")
    if until is not None and (not isinstance(until, datetime) or until.tzinfo is None or until <= standing.now):
        raise DefinitionError(f"claim(until={until!r}): give a time to come, with a zone")
    return "claimed", {"by": by, "until": to_text(until) if until else None}


def release(standing: Standing, *, by: str) -> Done:
    """Give a review back."""
    standing.check_open()
    row = standing.row
    standing.people.check_known(by, f"release the review {row.id!r}")
    if row.claimed_by is None:
        raise ReviewClosed(f"the review {row.id!r} is claimed by nobody")
    if not same_person(row.claimed_by, by):
        raise NotPermitted(f"{by!r} may not release the review {row.id!r}: {row.claimed_by} has claimed it")
    return "unclaimed", {"by": by}


def abstain(standing: Standing, *, by: str, because: str) -> Done:
    """Say nothing to a review."""
    standing.check_open()
    _check_said(standing, because)
    standing.capacity(by, f"abstain from the review {standing.row.id!r}")
    return "abstained", {"because": because, "by": by}


def recuse(standing: Standing, *, by: str, because: str) -> Done:
    """Declare a conflict of interest; nobody has to be asked for it to do so."""
    standing.check_open(returned=True)
    _check_said(standing, because)
    standing.people.check_known(by, f"recuse themselves from the review {standing.row.id!r}")
    return "recused", {"because": because, "by": by}


def return_for_information(standing: Standing, *, by: str, because: str) -> Done:
    """Put a review back until something is known."""
    standing.check_open()
    _check_said(standing, because)
    standing.capacity(by, f"return the review {standing.row.id!r}")
    return "returned", {"because": because, "by": by}


def inform(standing: Standing, *, by: str, information: str) -> Done:
    """Give what was missing."""
    standing.check_open(returned=True)
    if standing.row.status != "returned":
        raise ReviewClosed(f"the review {standing.row.id!r} was not returned for information")
    check_reason(information, demanded=True, what=f"the information for the review {standing.row.id!r}")
    standing.people.check_known(by, f"inform the review {standing.row.id!r}")
    payload: dict[str, Any] = {"by": by, "information": information}
    state = standing.state
    if state.breaking:  # nobody has answered what is known now, so there is no tie
        following = state.levels[0] if state.levels else None
        payload |= {
            "next_due": following["at"] if following else None,
            "next_to": following["to"] if following else None,
            "queues": list(state.undecided),
            "to": " or ".join(map(describe, state.undecided)),
        }
    return "informed", payload


def escalate(standing: Standing, *, by: str, because: str) -> Done:
    """Put a review to whom it would go when it is overdue."""
    standing.check_open()
    _check_said(standing, because)
    standing.capacity(by, f"escalate the review {standing.row.id!r}")
    if not standing.state.escalations:
        raise ReviewClosed(f"the review {standing.row.id!r} goes to nobody else; say escalate_to= at its gate")
    kind, payload = _escalated(standing)
    return kind, {**payload, "because": because, "by": by}


def reassign(standing: Standing, *, by: str, because: str, to: str | Candidates) -> Done:
    """Put a review to others."""
    standing.check_open()
    _check_said(standing, because)
    standing.capacity(by, f"reassign the review {standing.row.id!r}")
    if not isinstance(to, (str, Candidates)) or not to:
        raise DefinitionError(f"reassign(to={to!r}): give a role, or Candidates")
    if standing.state.breaking:
        raise NotPermitted(
            f"{by!r} may not reassign the review {standing.row.id!r}: those who were asked did not agree, and who is asked now decides alone"
        )
    queues = queues_of(to)
    check_holders(standing.people, queues)
    for queue in queues:
        if not standing.is_demanded(queue):
            asked = ", ".join(dict.fromkeys(map(describe, standing.state.demanded)))
            raise NotPermitted(
                f"{by!r} may not reassign the review {standing.row.id!r} to {describe(queue)}: its gate demands the answer of {asked}; "
                "put it to one of these, or to persons who hold one (Candidates(people=...))"
            )
    return "reassigned", {"because": because, "by": by, "queues": list(queues), "to": described(to)}


ACTS: Mapping[str, Act] = {
    "claim": claim,
    "release": release,
    "abstain": abstain,
    "recuse": recuse,
    "return": return_for_information,
    "inform": inform,
    "escalate": escalate,
    "reassign": reassign,
}
"""What may be done with a review, by name."""


def by_itself(standing: Standing) -> Done | None:
    """What happens to a review by itself, since its time has come; None where nothing does."""
    row, now = standing.row, to_text(standing.now)
    if row.status not in ASKED or row.next_at is None or row.next_at > now:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return "expired", {"at": row.expires_at}
    if row.escalate_to is not None and row.due_at is not None and row.due_at <= now and standing.state.escalations:
        return _escalated(standing)
    if row.claimed_until is not None and row.claimed_until <= now:
        return "unclaimed", {"by": None}
    if row.remind_at is not None and row.remind_at <= now:
        return "reminded", {"to": row.role}
    return None


def _escalated(standing: Standing) -> Done:
    row, (level, *further) = standing.row, standing.state.escalations
    following = further[0] if further else None
    payload: dict[str, Any] = {"due": row.due_at, "from": row.role, "to": level["to"]}
    if level["queues"]:
        payload["queues"] = level["queues"]
    if following is not None:
        payload |= {"next_due": following["at"], "next_to": following["to"]}
        remind = standing.state.content.get("remind")
        if remind is not None:
            ahead = from_text(standing.state.content["due"]) - from_text(remind)
            payload["remind"] = to_text(from_text(following["at"]) - ahead)
    return "escalated", payload


def _check_said(standing: Standing, because: str) -> None:
    check_reason(because, demanded=True, what=f"what is done with the review {standing.row.id!r}")
