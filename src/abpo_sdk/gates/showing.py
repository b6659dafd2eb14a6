"""What a person is shown of a review: no more than they may see, and recorded that they were."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from abpo_sdk.errors import NotPermitted
from abpo_sdk.gates.acting import Done
from abpo_sdk.gates.reading_reviews import review_of
from abpo_sdk.gates.review_state import ReviewState
from abpo_sdk.gates.standing import Standing
from abpo_sdk.ledger import Entry
from abpo_sdk.ledger.encryption import labels, readable
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.store import Reader
from abpo_sdk.lineage import trace
from abpo_sdk.lineage.trace import trace_shown
from abpo_sdk.values.review import Desk, Review

EVERYTHING = "*"
"""The label by which a role may see every personal field."""


def viewing(standing: Standing, by: str) -> Done:
    """That a person is shown a review, and which personal fields.

    Raises:
        NotPermitted: it is not put to them, and they did not answer it.
    """
    people, state = standing.people, standing.state
    action = f"see the review {state.row.id!r}"
    if state.row.status == "answered":
        people.check_known(by, action)
        if by not in [given.answer.by for given in state.given]:
            raise NotPermitted(f"{by!r} may not {action}: it is answered, and not by them")
    else:
        standing.capacity(by, action)
    seen = sorted(set(visible(state.entry, people.labels_seen_by(by)).values()))
    return "viewed", {"by": by, "labels": seen, "shown": state.row.shown}


def visible(entry: Entry, allowed: Collection[str]) -> dict[tuple[str | int, ...], str]:
    """Where the personal fields of what is shown are that somebody may see, and what they are."""
    return {
        path: label
        for path, label in labels(entry).items()
        if path[0] == "shown" and (label in allowed or EVERYTHING in allowed)
    }


def as_seen(reader: Reader, state: ReviewState, desk: Desk, vault: KeyProvider, allowed: Collection[str]) -> Review:
    """A review with the personal fields that somebody may see, and where its values came from."""
    shown: dict[str, Any] = copy.deepcopy(state.content["shown"])
    clear = readable(state.entry, vault) if state.entry.ciphertext else {}
    for path, label in visible(state.entry, allowed).items():
        value: Any = clear
        for step in path:
            value = value[step]
        part: Any = shown
        for step in path[1:-1]:
            part = part[step]
        part[path[-1]] = value if value is not None else f"<{label}, erased>"
    review = review_of(reader, state, desk, case=shown)
    if state.asks.guard.blind or state.row.decision_id is None:
        return review
    chain = state.row.chain
    known = state.row.purpose == "known"  # a case that nothing else is recorded of, and that looks like any other
    lineage = str(trace_shown(chain, state.content["shown"]) if known else trace(chain, reader.entries(chain)))
    return replace(review, lineage=tuple(line for line in lineage.splitlines() if line.strip()))
