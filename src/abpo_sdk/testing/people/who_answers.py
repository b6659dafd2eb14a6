"""Who answers a review in a test: somebody to whom it is put, and who may say something to it still."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from abpo_sdk.gates import Reviews
from abpo_sdk.gates.queueing import may_answer
from abpo_sdk.gates.queues import asked_role, holders_of
from abpo_sdk.ledger.rows import QueueRow
from abpo_sdk.testing.people.any_role import AnyRole
from abpo_sdk.values.review import Review

AT_MOST = 20
"""How many people at most come to be for one review."""


def who_answers(reviews: Reviews, review: Review) -> str:
    """The person who answers a review.

    Where several must say the same, or nobody may answer twice, that is another one each time; of an `AnyRole`, more people
    come to be. Where nobody may answer it, it is the first to whom it is put, so that the refusal says why.

    Args:
        reviews: where it is.
        review: the review.

    Raises:
        NobodyHolds: nobody holds the role that it is put to.
    """
    people = reviews.people
    rows = reviews.ledger.store.select(QueueRow, equal={"review": str(review.id)})
    queues = [row.queue for row in rows if row.status != "closed"]
    asked = list(dict.fromkeys(person for queue in queues for person in _of(reviews, queue)))
    for person in chain(asked, _more(people, queues)):
        if may_answer(reviews.writer, reviews.ledger.store, str(review.id), person):
            return person
    return asked[0] if asked else people.someone(review.to)


def _of(reviews: Reviews, queue: str) -> tuple[str, ...]:
    """The holders of a queue; of a role first whom a test knows as its holder."""
    role = asked_role(queue)
    holders = holders_of(reviews.people, queue)
    return holders if role is None or not holders else (reviews.people.someone(role), *holders)


def _more(people: object, queues: list[str]) -> Iterator[str]:
    roles = [role for role in map(asked_role, queues) if role is not None]
    if isinstance(people, AnyRole) and roles:
        for _ in range(AT_MOST):
            yield people.another(roles[0])
