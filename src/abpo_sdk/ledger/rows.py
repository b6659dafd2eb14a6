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
    """A review as it stands; `role` is who may answer now."""

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


class DecisionRow(NamedTuple):
    """A decision as it stands, and the entry that holds its case."""

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

Projection = RunRow | ReviewRow | DecisionRow | SubjectRow | HoldRow | ErasureRow

TABLES: dict[type[Projection], str] = {
    RunRow: "abpo_runs",
    ReviewRow: "abpo_reviews",
    DecisionRow: "abpo_decisions",
    SubjectRow: "abpo_subjects",
    HoldRow: "abpo_holds",
    ErasureRow: "abpo_erasures",
}
"""The projections, and their tables."""

CHAIN: dict[type[Projection], str] = {kind: "id" if kind is RunRow else "chain" for kind in TABLES}
"""The column of each projection that names the chain whose entries it is made from."""
