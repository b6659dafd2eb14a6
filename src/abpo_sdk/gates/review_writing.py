"""Writes what is done with reviews: each in one transaction with every check, and every attempt that is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from abpo_sdk.errors import (
    AbpoError,
    ClockWrong,
    DefinitionError,
    LedgerError,
    ReviewError,
    UnknownOutcome,
    UnknownReview,
)
from abpo_sdk.gates.acting import Done, by_itself
from abpo_sdk.gates.delegating import delegations_since
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import shown_id
from abpo_sdk.gates.reading_reviews import row_of
from abpo_sdk.gates.review_state import ReviewState, read_state
from abpo_sdk.gates.standing import Standing, Swapped
from abpo_sdk.ledger import Ledger, Place, Writer
from abpo_sdk.ledger.entry import Draft, Kind
from abpo_sdk.ledger.rows import ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import to_text

log = logging.getLogger("abpo_sdk.gates")

REFUSED = (ReviewError, UnknownOutcome, DefinitionError)
"""What is wrong with what a person tries, of which the attempt is recorded."""

Happening = Literal["opened", "reminded", "escalated", "expired", "unclaimed"]


@dataclass(slots=True)
class ReviewWriter:
    """Writes to reviews.

    Args:
        ledger: where they are kept.
        people: who holds which role.
        swapped: says which version of a policy is there now, where it is another one; see `Standing`.
        tell: is told of what happens to a review by itself, and of each that is opened; given what happened, and its id.
    """

    ledger: Ledger
    people: People
    swapped: Swapped
    tell: Callable[[Happening, str], None] | None = None

    def standing(self, reader: Reader, identifier: str) -> Standing:
        """How a review stands now.

        Raises:
            UnknownReview: there is none.
            ClockWrong: the clock tells a time without a zone.
        """
        row = row_of(reader, identifier)
        now = self._now()
        state = read_state(reader, row, self.ledger.vault)
        delegations = delegations_since(reader, min(row.opened_at, to_text(now)))
        return Standing(reader, state, now, self.people, delegations, self.swapped)

    def attempt(self, identifier: str | None, what: str, by: object, do: Callable[[Standing], Done]) -> ReviewState:
        """Do something with a review, as a person; what may not be done changes nothing, and is recorded.

        Returns:
            The review as it stands then.
        """
        if identifier is None:
            raise UnknownReview("this review was never opened")
        self.happen(identifier)  # in a transaction of its own, so that it stands even where this is refused
        refused: Standing | None = None
        try:
            with self.ledger.writing() as writer:
                refused = standing = self.standing(writer.tx, identifier)
                standing.people = self.people.as_now()
                standing.check_clock()
                kind, payload = do(standing)
                self._append(writer, standing, kind, payload)
                if kind == "answered" and standing.state.asks.guard.double:
                    from abpo_sdk.gates.second_looks import second_look

                    following = second_look(standing, payload)
                    if following is not None:
                        writer.append(standing.row.chain, [following])
                        standing.state.number += 1
                standing.state.row = row_of(writer.tx, identifier)
        except REFUSED as error:
            if refused is not None:
                self._record_refusal(identifier, what, by, error)
            raise
        return standing.state

    def happen(self, identifier: str) -> list[Happening]:
        """Have happen to a review what its times say."""
        happened: list[Happening] = []
        reader = self.ledger.store
        while self._is_time(row_of(reader, identifier)):
            due = by_itself(self.standing(reader, identifier))
            if due is not None and due[0] == "reminded" and not self.told("reminded", identifier):
                break  # nobody heard; again the next time
            with self.ledger.writing() as writer:
                standing = self.standing(writer.tx, identifier)
                done = by_itself(standing)
                if done is None:
                    break
                if done[0] == "reminded" and due != done:  # it was moved meanwhile, and nobody has been told of that
                    continue
                self._append(writer, standing, *done)
            kind: Any = done[0]
            happened.append(kind)
            if kind != "reminded":
                self.told(kind, identifier)
        return happened

    def due(self) -> Iterable[str]:
        """The reviews whose times have come."""
        now = to_text(self._now())
        rows = self.ledger.store.select(ReviewRow, until={"next_at": now}, order="next_at")
        return [row.id for row in rows]

    def told(self, what: Happening, identifier: str) -> bool:
        """Tell whoever is to be told; whether they heard it."""
        if self.tell is None:
            return True
        try:
            self.tell(what, identifier)
        except Exception:
            log.exception("nobody could be told that the review %r was %s", identifier, what)
            return False
        return True

    def _is_time(self, row: ReviewRow) -> bool:
        return row.next_at is not None and row.next_at <= to_text(self._now())

    def _now(self) -> datetime:
        now = self.ledger.clock.now()
        if now.tzinfo is None:
            raise ClockWrong(f"the clock says {now!r}, a time without a zone; give a clock that tells one")
        return now

    def _append(self, writer: Writer, standing: Standing, kind: Kind, payload: Mapping[str, Any]) -> None:
        state = standing.state
        place = Place(state.place.inner, state.number)
        said = {**payload, "review": state.row.id}
        (entry,) = writer.append(state.row.chain, [Draft(place, kind, state.row.gate, said, standing.now)])
        state.take(entry)

    def _record_refusal(self, identifier: str, what: str, by: object, error: AbpoError) -> None:
        """That somebody tried what they may not do is evidence, too; where it cannot be kept, the refusal stands all the same."""
        payload = {"by": shown_id(by), "error": type(error).__name__, "what": what}
        consulted = getattr(error, "consultation", None)
        if consulted is not None:
            payload["limits"] = consulted.to_json()
        try:
            with self.ledger.writing() as writer:
                row = row_of(writer.tx, identifier)
                scope = Place(row.scope, row.ordinal).inner
                last = writer.tx.last(row.chain, scope)
                place = Place(scope, 0 if last is None else last.place.ordinal + 1)
                said = {**payload, "review": identifier}
                writer.append(row.chain, [Draft(place, "refused", row.gate, said, self.ledger.clock.now())])
        except LedgerError:
            log.exception("that %s of the review %r was refused could not be recorded", what, identifier)
