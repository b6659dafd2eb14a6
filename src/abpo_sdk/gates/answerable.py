"""Whether there are people enough to answer a review, before it is opened and waits for them for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abpo_sdk.errors import NobodyHolds
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import skeleton
from abpo_sdk.gates.queues import holders_of
from abpo_sdk.values.review import Review


def check_enough(people: People, review: Review, content: Mapping[str, Any]) -> None:
    """Refuse a review of which too few of those whom it can be put to may answer it.

    Args:
        people: who holds which role.
        review: the review.
        content: of the entry that would open it.

    Raises:
        NobodyHolds: not as many people as must say the same hold a role, or all of them have to do with the case.
    """
    asks = content["asks"]
    levels = [content["queues"], *(level["queues"] for level in content.get("escalations") or [])]
    asked = {skeleton(p) for queues in levels for queue in queues for p in holders_of(people, queue)}
    fit = asked - {skeleton(person) for person in asks["involved"]}
    needed = asks["quorum"]["n"]
    if people.open_ended or len(fit) >= needed:
        return
    busy = f", of whom {len(asked) - len(fit)} have to do with the case" if len(fit) < len(asked) else ""
    raise NobodyHolds(
        f"gate {review.gate!r} asks {needed} of {review.to} to say the same, and {len(asked)} could be asked{busy}; give more people "
        "the role, or escalate to another"
    )
