"""Rows and entries to put into a store that is checked."""

from __future__ import annotations

from typing import Any

from abpo_sdk.ledger.entry import Entry, Place
from abpo_sdk.ledger.rows import (
    AnswerRow,
    DecisionRow,
    DelegationRow,
    ErasureRow,
    Head,
    HoldRow,
    Projection,
    QueueRow,
    ReviewRow,
    RunRow,
    SpendRow,
    SubjectRow,
    SwitchRow,
)
from abpo_sdk.ledger.store import Store
from abpo_sdk.testing.expectations import expect

RUN = RunRow("R-1", "pay", "v1", "running", "2026-01-01", "2026-01-01")
REVIEW = ReviewRow(
    "R-1/approval/0", "R-1", "/", 3, "approval", "controller", "open", "2026-01-02", "2026-01-03", "cfo", "R-1/2", "h"
)
DECISION = DecisionRow(
    "R-1/2", "R-1", "/", 2, "payment", "v1", None, "pay", "pay", 0.1 + 0.2, "policy", None, "2026", 1, 0.05
)
SUBJECT = SubjectRow("key/R-1", "key", "R-1")
HOLD = HoldRow("0/key", "R-1", "key", "a lawsuit", "ines@acme", "2026-01-02")
ERASURE = ErasureRow("key", "R-1", 4, "2026-01-02")
QUEUE = QueueRow("R-1/approval/0#0", "R-1", "R-1/approval/0", "role:controller", "open", "2026-01-02")
ANSWER = AnswerRow(
    "R-1/approval/0#0",
    "R-1",
    "R-1/approval/0",
    "R-1/2",
    "approval",
    "controller",
    "maria@acme",
    None,
    "decide",
    "pay",
    "pay",
    "2026-01-02",
    None,
    "2026-01-03",
)
SPEND = SpendRow(
    "R-1/approval/0#maria@acme",
    "R-1",
    "R-1/approval/0",
    "maria@acme",
    "controller",
    "invoice",
    None,
    None,
    "EUR",
    2**62,
    "2026",
    "reserved",
)
DELEGATION = DelegationRow("0", "R-1", "maria@acme", "tom@acme", None, "2026-01-01", "2026-01-08")
SWITCH = SwitchRow("policy:payment", "R-1", "policy", "payment", "head", "stopped", "2026-01-02")
ROWS: tuple[Projection, ...] = (
    RUN,
    REVIEW,
    DECISION,
    SUBJECT,
    HOLD,
    ERASURE,
    QUEUE,
    ANSWER,
    SPEND,
    DELEGATION,
    SWITCH,
)
"""A row of each kind."""

ALL_BYTES = bytes(range(256))

SORTED = ("", "10", "9", "B", "_", "a", "a ", "a/0", "b", "z", "é", "\uffff", "\U0001f600")
"""Names in the order of their code points, which is neither a dictionary's nor that of UTF-16."""


def entry(position: int, *, chain: str = "R-1", place: Place | None = None, **more: Any) -> Entry:
    """An entry at a position, unlike every other."""
    made = Entry(
        chain,
        position,
        place or Place("/", position),
        f"{chain}:{position}".encode("utf-8", "replace"),
        b"p",
        b"s",
        b"x",
    )
    return made._replace(**more)


def head(length: int, *, chain: str = "R-1", **more: Any) -> Head:
    """The end of a chain of this length."""
    return Head(chain, f"{length:064}", length, **more)


def write(store: Store, *entries: Entry) -> None:
    """Append entries, and set the ends of their chains."""
    with store.transaction() as tx:
        tx.append(entries)
        for item in entries:
            tx.set_head(head(item.position + 1, chain=item.chain))


def put(store: Store, *rows: Projection) -> None:
    """Put rows."""
    with store.transaction() as tx:
        for row in rows:
            tx.put(row)


def nothing_in(store: Store) -> None:
    """Expects that nothing was kept."""
    expect("entries", list(store.scan()), [])
    expect("ends of chains", list(store.heads()), [])
    for row in ROWS:
        expect(f"rows of {type(row).__name__}", store.select(type(row)), [])
    expect("the size of the tree", store.size(), 0)
    expect("checkpoints", store.checkpoints(), [])
    expect("a tile", store.tile(0, 0), None)
