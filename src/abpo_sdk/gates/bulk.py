"""Many reviews at once: refused, returned or put to others, each by an entry of its own; never approved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from abpo_sdk.errors import AbpoError, DefinitionError, LedgerError
from abpo_sdk.gates.acting import ACTS, Done
from abpo_sdk.gates.answering import answer
from abpo_sdk.gates.review_writing import ReviewWriter
from abpo_sdk.gates.standing import Standing
from abpo_sdk.values.review import Review

BulkAct = Literal["refuse", "return", "reassign"]


@dataclass(frozen=True, slots=True)
class BulkDone:
    """What became of many reviews.

    Args:
        done: the reviews with which it was done.
        failed: those with which it was not, each with the error.
    """

    done: tuple[str, ...]
    failed: Mapping[str, AbpoError]

    def __str__(self) -> str:
        return f"{len(self.done)} done, {len(self.failed)} not"


def bulk(
    writer: ReviewWriter,
    act: BulkAct,
    reviews: Iterable[Review | str],
    *,
    by: str,
    because: str,
    said: Mapping[str, Any],
    settled: Callable[[str], None],
) -> BulkDone:
    """Do the same with many reviews; see `Reviews.bulk`."""
    if act not in ("refuse", "return", "reassign"):
        raise DefinitionError(
            f"bulk({act!r}): many reviews can be told to refuse, return or reassign; none is ever approved in bulk"
        )

    if isinstance(reviews, (str, Review)):
        raise DefinitionError(f"bulk({act!r}, {reviews!r}): give several reviews, as a list")
    shown: dict[str, str | None] = {}  # of those that were given as they were looked at

    def do(standing: Standing) -> Done:
        if act != "refuse":
            return ACTS[act](standing, by=by, because=because, **said)
        outcome = standing.state.asks.refuses
        if outcome is None:
            raise DefinitionError(
                f"the review {standing.row.id!r} cannot be refused in bulk: its gate {standing.row.gate!r} does not say by which outcome "
                "(refuses=)"
            )
        if outcome == standing.state.content.get("proposed"):
            raise DefinitionError(
                f"the review {standing.row.id!r} cannot be refused in bulk: {outcome!r} is what is proposed, which a person confirms one by one"
            )
        return "answered", answer(
            standing,
            shown=shown.get(standing.row.id, standing.row.shown),
            outcome=outcome,
            by=by,
            because=because,
            edit=None,
            limits=None,
        )

    done: list[str] = []
    failed: dict[str, AbpoError] = {}
    for review in reviews:
        identifier = review if isinstance(review, str) else review.id or "(never opened)"
        if isinstance(review, Review):
            shown[identifier] = review.shown
        try:
            writer.attempt(identifier, act, by, do)
        except LedgerError:
            raise
        except AbpoError as error:
            failed[identifier] = error
        else:
            done.append(identifier)
            settled(identifier)
    return BulkDone(tuple(done), failed)
