"""Which reviews a person may take next, found without looking at all that are open."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from abpo_sdk.errors import Erased, NotPermitted, ReviewClosed
from abpo_sdk.gates.delegating import delegations_since
from abpo_sdk.gates.person_ids import same_person
from abpo_sdk.gates.queues import holds_queue, person_queue
from abpo_sdk.gates.reading_reviews import row_of
from abpo_sdk.gates.review_writing import ReviewWriter
from abpo_sdk.ledger.rows import QueueRow, ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import to_text

PAGE = 50
"""How many of a queue are looked up at once."""


def queued(writer: ReviewWriter, person: str, limit: int) -> list[ReviewRow]:
    """The first reviews that a person may answer now; those that they have claimed, then the oldest."""
    reader = writer.ledger.store
    claimed = reader.select(ReviewRow, equal={"status": "claimed", "claimed_by": person}, order="opened_at")
    found = [row for row in claimed if may_answer(writer, reader, row.id, person)][:limit]
    if len(found) >= limit:
        return found
    acted_for = [person, *_delegators(writer, person)]
    queues = [queue for queue in _open_queues(reader) if any(holds_queue(writer.people, p, queue) for p in acted_for)]
    queues += [person_queue(p) for p in acted_for]
    pages = [_in_queue(reader, queue) for queue in dict.fromkeys(queues)]
    seen: set[str] = set()
    for row in merge(*pages, key=lambda queue: (queue.opened_at, queue.review)):
        if row.review in seen:
            continue
        seen.add(row.review)
        if may_answer(writer, reader, row.review, person):
            found.append(row_of(reader, row.review))
            if len(found) >= limit:
                break
    return found


def may_answer(writer: ReviewWriter, reader: Reader, identifier: str, person: str) -> bool:
    """Whether a person may answer a review now."""
    try:
        standing = writer.standing(reader, identifier)
        standing.check_open()
        standing.capacity(person, f"answer the review {identifier!r}")
    except (NotPermitted, ReviewClosed, Erased):  # where somebody was erased, nobody can tell who may decide it
        return False
    return True


def _delegators(writer: ReviewWriter, person: str) -> Iterator[str]:
    now = writer.ledger.clock.now()
    for delegation in delegations_since(writer.ledger.store, to_text(now)):
        if delegation.since <= now and same_person(delegation.to, person):
            yield delegation.by


def _open_queues(reader: Reader) -> Iterator[str]:
    """The queues in which something is open, besides those of single persons: one look-up for each."""
    for sort in ("group:", "role:"):
        queue = reader.least(QueueRow, "queue", equal={"status": "open"}, after=sort)
        while queue is not None and queue.startswith(sort):
            yield queue
            queue = reader.least(QueueRow, "queue", equal={"status": "open"}, after=queue)


def _in_queue(reader: Reader, queue: str) -> Iterator[QueueRow]:
    """What is open in a queue, oldest first, read bit by bit."""
    equal = {"status": "open", "queue": queue}
    read, size = 0, PAGE
    while True:
        rows = reader.select(QueueRow, equal=equal, order="opened_at", limit=size)
        yield from rows[read:]
        if len(rows) < size:
            return
        read, size = len(rows), size * 4
