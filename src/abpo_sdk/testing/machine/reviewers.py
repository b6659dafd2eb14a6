"""What people say in a machine's trials: any outcome in turn, or what was said before."""

from __future__ import annotations

from collections import Counter

from abpo_sdk.testing.people.scripted_answers import Script
from abpo_sdk.values.review import Review


class EachOutcomeInTurn(Script):
    """Says to whatever is asked one of its outcomes, another each time, so that a process that asks again comes to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: Counter[str] = Counter()

    def names(self, gate: str) -> bool:
        return True

    def outcome(self, review: Review) -> str | None:
        self._asked[review.gate] += 1
        return review.outcomes[self._asked[review.gate] % len(review.outcomes)]


class SameOutcomes(Script):
    """Says to each review what was said to it before.

    Args:
        said: the outcomes, by review.
    """

    def __init__(self, said: dict[str, str]) -> None:
        super().__init__()
        self._said = said

    def names(self, gate: str) -> bool:
        return True

    def outcome(self, review: Review) -> str | None:
        return self._said.get(str(review.id))
