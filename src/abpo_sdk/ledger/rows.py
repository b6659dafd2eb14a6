"""The rows of a store: the entries, the heads of their chains, and the projections that are made from entries.

Named tuples rather than frozen dataclasses: they are made for every write, in a third of the time, and SQLite takes them as they are.
"""

from __future__ import annotations

from typing import NamedTuple


class Head(NamedTuple):
    """The end of a chain, and who may write to it.

    Args:
        chain: the run or key.
        hash: the hash of the last entry, in hex.
        length: how many entries there are.
        epoch: counts the leases; a write under an older one is refused (fencing).
        holder: the worker that holds the lease; None where nobody does.
        until: when the lease runs out, as text in UTC.
    """

    chain: str
    hash: str
    length: int
    epoch: int = 0
    holder: str | None = None
    until: str | None = None


class RunRow(NamedTuple):
    """A run as it stands.

    Statuses: running (a worker holds it, or one should), waiting (for an answer or a timer), incident (for a person to
    resolve it), done, abandoned. `wake_at` is when its first timer is due, where it has one.
    """

    id: str
    process: str
    version: str
    status: str
    started_at: str
    updated_at: str
    wake_at: str | None = None


OPEN = ("running", "waiting", "incident")
"""The statuses of a run that has not ended."""

ENDED = ("done", "abandoned")
"""The statuses of a run that has."""


class ReviewRow(NamedTuple):
    """A review as it stands; `role` is who may answer now.

    Statuses: open, claimed (by one person, for a time), returned (until information is given), answered, expired, closed (its run
    ended, or it needs no answer any more). `purpose` is "decide" where a decision waits for it, "second" where a decision is
    looked at once more, "known" where the right answer is known. `next_at` is when something happens to it by itself.
    """

    id: str
    chain: str
    scope: str
    ordinal: int
    gate: str
    role: str
    status: str
    opened_at: str
    due_at: str | None
    escalate_to: str | None
    decision_id: str | None
    shown: str
    answered_by: str | None = None
    outcome: str | None = None
    purpose: str = "decide"
    proposed: str | None = None
    claimed_by: str | None = None
    claimed_until: str | None = None
    remind_at: str | None = None
    expires_at: str | None = None
    next_at: str | None = None


class AnswerRow(NamedTuple):
    """What one person said to a review; where several must say something, not each of them settles it.

    `viewed_at` is when they were last shown it; None where nobody asked to be shown it, so that it is not known.
    `blind` is 1 where the proposal was hidden from them.
    """

    id: str
    chain: str
    review: str
    decision_id: str | None
    gate: str
    role: str
    person: str
    on_behalf_of: str | None
    purpose: str
    proposed: str | None
    outcome: str
    opened_at: str
    viewed_at: str | None
    answered_at: str
    blind: int = 0


class QueueRow(NamedTuple):
    """That a review is put to those who serve a queue: the holders of a role, a group, or one person."""

    id: str
    chain: str
    review: str
    queue: str
    status: str
    opened_at: str


class SpendRow(NamedTuple):
    """What of a person's authority an approval took: reserved with their answer, committed when it stands, or released.

    `amount` is in minor units of `currency`.
    """

    id: str
    chain: str
    review: str
    person: str
    role: str
    kind: str
    counterparty: str | None
    linked: str | None
    currency: str
    amount: int
    at: str
    status: str


class DelegationRow(NamedTuple):
    """That somebody acts for another until a time; `roles` are percent-encoded and joined by spaces, None where it is all of them."""

    id: str
    chain: str
    person: str
    delegate: str
    roles: str | None
    since: str
    until: str


class SwitchRow(NamedTuple):
    """That a process, policy or segment is stopped, or was: nothing of it goes on by itself while `status` is "stopped"."""

    id: str
    chain: str
    kind: str
    name: str
    role: str
    status: str
    at: str


class DecisionRow(NamedTuple):
    """A decision as it stands, and the entry that holds its case.

    `review_probability` is how probable it was, before any draw, that a gate would put it before a person; None where no gate said.
    """

    id: str
    chain: str
    scope: str
    ordinal: int
    policy: str
    version: str
    owner: str | None
    proposed: str
    outcome: str
    confidence: float
    decided_by: str
    gate: str | None
    at: str
    witnessed: int = 1
    review_probability: float | None = None


class SubjectRow(NamedTuple):
    """That a chain holds something that is encrypted under a subject's key."""

    id: str
    key: str
    chain: str


class HoldRow(NamedTuple):
    """A legal hold on what is encrypted under a subject's key; `released_at` is None while it is in force."""

    id: str
    chain: str
    key: str
    matter: str
    held_by: str
    held_at: str
    released_at: str | None = None


class ErasureRow(NamedTuple):
    """That a key was erased; `ordinal` is that of the entry which says so."""

    id: str
    chain: str
    ordinal: int
    at: str


class CheckpointRow(NamedTuple):
    """A checkpoint as it was signed; `anchored` says whether the anchor has taken it."""

    size: int
    note: str
    anchored: int


KEY = "id"
"""The column that names a row of a projection."""

Projection = (
    RunRow
    | ReviewRow
    | DecisionRow
    | SubjectRow
    | HoldRow
    | ErasureRow
    | QueueRow
    | AnswerRow
    | SpendRow
    | DelegationRow
    | SwitchRow
)

TABLES: dict[type[Projection], str] = {
    RunRow: "abpo_runs",
    ReviewRow: "abpo_reviews",
    DecisionRow: "abpo_decisions",
    SubjectRow: "abpo_subjects",
    HoldRow: "abpo_holds",
    ErasureRow: "abpo_erasures",
    QueueRow: "abpo_queues",
    AnswerRow: "abpo_answers",
    SpendRow: "abpo_spending",
    DelegationRow: "abpo_delegations",
    SwitchRow: "abpo_switches",
}
"""The projections, and their tables."""

CHAIN: dict[type[Projection], str] = {kind: "id" if kind is RunRow else "chain" for kind in TABLES}
"""The column of each projection that names the chain whose entries it is made from."""
