"""Scripted reviewers: what is said to which gate, and by the holder of which role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches

from abpo_sdk.errors import DefinitionError
from abpo_sdk.values.review import Review

Reply = str | Callable[[Review], str | None]
"""An outcome, or a function from the review to it; None where nobody says anything yet."""

Answers = Mapping[str, Reply | Mapping[str, Reply]]
"""For each gate a reply; or for each role a reply, and who holds another role says nothing, so that the review escalates."""

BECAUSE = "scripted for a test"


class Script:
    """What people say to reviews.

    Args:
        answers: for each gate what is replied, or for each role what is.

    Raises:
        DefinitionError: something is neither an outcome, nor a function, nor replies by role.

    >>> Script({"approval": {"cfo": "pay"}}).names("approval")
    True
    """

    def __init__(self, answers: Answers | None = None) -> None:
        self._answers = dict(answers or {})
        for gate, said in self._answers.items():
            replies = said.values() if isinstance(said, Mapping) else (said,)
            for reply in replies:
                if not isinstance(reply, str) and not callable(reply):
                    raise DefinitionError(
                        f"answers={{{gate!r}: ...}}: {reply!r} is no reply; give an outcome, a function from the review to one, "
                        'or replies by role, such as {"cfo": "pay"}'
                    )

    def __bool__(self) -> bool:
        return bool(self._answers)

    def names(self, gate: str) -> bool:
        """Whether anything is said of this gate."""
        return gate in self._answers

    def outcome(self, review: Review) -> str | None:
        """What is said to a review now; None where nobody says anything."""
        said = self._answers.get(review.gate)
        if isinstance(said, Mapping):
            said = said.get(review.to)
        outcome = said(review) if callable(said) else said
        if outcome is not None and not isinstance(outcome, str):
            raise DefinitionError(
                f"answers={{{review.gate!r}: ...}} gave {outcome!r} for a review; an outcome is one of {', '.join(review.outcomes)}"
            )
        return outcome

    def next(self, reviews: Iterable[Review]) -> tuple[Review, str] | None:
        """The first of these reviews to which something is said, the oldest first, and what."""
        for review in in_order(reviews):
            outcome = self.outcome(review)
            if outcome is not None:
                return review, outcome
        return None

    def check_spelling(self, reviews: Iterable[Review], known: Collection[str]) -> None:
        """Refuse a reply to a gate that nothing knows, where one of nearly that name asks.

        Raises:
            DefinitionError: naming both.
        """
        strangers = [gate for gate in self._answers if gate not in known]
        for review in reviews if strangers else ():
            near = [] if self.names(review.gate) else get_close_matches(review.gate, strangers, 1, 0.8)
            if near:
                raise DefinitionError(
                    f"gate {review.gate!r} asks, and answers={{...}} has {near[0]!r}, which no process names; is that the same gate? "
                    f"If it is not, say answers={{{review.gate!r}: lambda review: None}}"
                )

    def unscripted(self, review: Review) -> DefinitionError:
        """The error of a review to which nobody will ever say anything."""
        gates = ", ".join(map(repr, self._answers)) or "none"
        if not self.names(review.gate):
            return DefinitionError(
                f"gate {review.gate!r} asks, and answers={{...}} has no answer for it; the gates there are: {gates}"
            )
        return DefinitionError(
            f"gate {review.gate!r} asks the {review.to}, for whom answers={{...}} has nothing, and the review goes to nobody else"
        )


def in_order(reviews: Iterable[Review]) -> list[Review]:
    """Reviews, the oldest first; those of one moment by their id."""
    return sorted(reviews, key=lambda review: (str(review.opened), str(review.id)))
