"""How a review stands: its entry, and what people have done with it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from abpo_sdk.errors import LedgerBroken
from abpo_sdk.gates.asks import Asks
from abpo_sdk.gates.quorum import Vote
from abpo_sdk.ledger import Entry, Place
from abpo_sdk.ledger.encryption import masked, readable
from abpo_sdk.ledger.keys.vault import KeyProvider
from abpo_sdk.ledger.outputs import comparable_value, decode_output
from abpo_sdk.ledger.review_projection import ASKED, queue_of_role
from abpo_sdk.ledger.rows import ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.canonical import canonical_bytes
from abpo_sdk.values.review import Answer


@dataclass(frozen=True, slots=True)
class Given:
    """What one person said, and in which role."""

    answer: Answer
    vote: Vote
    role: str
    number: int = 0
    """Of its entry, among those about the review."""


@dataclass(slots=True)
class ReviewState:
    """A review as it stands.

    Args:
        row: its row.
        entry: the entry that opened it.
        content: of that entry, personal parts masked.
        asks: what is demanded.
        queues: whom it is put to now.
        number: how many entries there are about it, besides that which opened it.
    """

    row: ReviewRow
    entry: Entry
    content: dict[str, Any]
    asks: Asks
    queues: tuple[str, ...]
    erased: bool = False
    """Whether somebody who has to do with the case was erased, so that nobody can tell who."""
    number: int = 0
    level: int = 0
    """How many times it has been escalated."""
    breaking: bool = False
    """Whether those who were asked did not agree, and one person decides now."""
    undecided: tuple[str, ...] = ()
    """Whom it was put to before."""
    last: datetime | None = None
    """When something was done with it last."""
    given: list[Given] = field(default_factory=list)
    """The answers that count."""
    silent: dict[str, str] = field(default_factory=dict)
    """Who says nothing to it, and whether they "abstained" or "recused" themselves."""
    viewed: dict[str, datetime] = field(default_factory=dict)
    """Who was shown what there is now, and when last."""
    information: list[str] = field(default_factory=list)
    """What was given after it had been returned."""

    @property
    def demanded(self) -> tuple[str, ...]:
        """The queues of those whom the gate asks, now or when it is overdue, of whom one must be whoever answers."""
        content = self.content
        first = content.get("queues") or [queue_of_role(content["to"])]
        further = [queue for level in self._planned() for queue in level["queues"] or [queue_of_role(level["to"])]]
        tie = self.asks.quorum.tie_break
        return (*first, *further, *([queue_of_role(tie)] if tie else ()))

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.entry.place

    @property
    def escalations(self) -> list[dict[str, Any]]:
        """To whom it goes when it is overdue, from now on."""
        return [] if self.breaking else self.levels

    @property
    def levels(self) -> list[dict[str, Any]]:
        """The same, whether or not a tie is to be broken first."""
        return self._planned()[self.level :]

    def _planned(self) -> list[dict[str, Any]]:
        """To whom it goes when it is overdue, from the beginning."""
        levels: list[dict[str, Any]] = self.content.get("escalations") or []
        if not levels and self.content.get("escalate_to"):  # as an earlier release wrote it
            levels = [{"at": self.content["due"], "to": self.content["escalate_to"], "queues": None}]
        return levels

    def take(self, entry: Entry) -> None:
        """What was done with it next."""
        self.number += 1
        if entry.payload is None and self.row.status not in ASKED:
            return  # swept, which nothing is that waits for somebody
        kind = entry.kind
        if kind != "refused":
            self.last = entry.at
        self.given = _counting(self.given, entry)
        if kind in ("escalated", "reassigned"):
            content = entry.content
            self.queues = tuple(content.get("queues") or [queue_of_role(content["to"])])
            self.level += kind == "escalated"
        elif kind in ("abstained", "recused"):
            self.silent[entry.content["by"]] = kind
        elif kind == "viewed":
            self.viewed[entry.content["by"]] = entry.at
        elif kind == "informed":
            content = masked(entry)
            self.information.append(content["information"])
            self.viewed.clear()
            if self.breaking:
                self.breaking, self.queues = False, tuple(content["queues"])
        elif kind == "answered":
            tie = entry.content.get("tie")
            if tie is not None:
                self.breaking, self.undecided, self.queues = True, self.queues, tuple(tie["queues"])


def given_of(entry: Entry) -> Given:
    """What an entry says that a person said."""
    content = entry.content
    edit = content.get("edit")
    answer = Answer(
        outcome=content["outcome"],
        by=content["by"],
        because=content["because"],
        at=entry.at,
        on_behalf_of=content.get("on_behalf_of"),
        output=decode_output(edit) if edit else None,
    )
    return Given(answer, vote_of(content["outcome"], edit), content.get("role", ""), content.get("number", 0))


def vote_of(outcome: str, edit: Mapping[str, Any] | None) -> Vote:
    """An outcome and a correction, as they are counted: 90 and 90.00 are the same."""
    if not edit:
        return Vote(outcome)
    return Vote(outcome, canonical_bytes({name: comparable_value(value) for name, value in edit.items()}).decode())


def _counting(given: list[Given], entry: Entry) -> list[Given]:
    """The answers that count after an entry: none that was given before what is known now, or by or for who has recused themselves."""
    if entry.kind == "answered":
        return [*given, given_of(entry)]
    if entry.kind == "informed":
        return []
    if entry.kind == "recused":
        person = entry.content["by"]
        return [one for one in given if person not in (one.answer.by, one.answer.on_behalf_of)]
    return given


def settled(entry: Entry) -> bool:
    """Whether an answer is the one that settled its review."""
    content = entry.content
    return content["settled"] is not None if "settled" in content else True


def answer_of(entries: Sequence[Entry], place: Place) -> Answer | None:
    """What people said to the review that stands at `place` of a run; None as long as it is not settled."""
    given: list[Given] = []
    for entry in entries:
        if entry.place.scope != place.inner or entry.payload is None:
            continue
        given = _counting(given, entry)
        if entry.kind == "answered" and settled(entry):
            agreeing = entry.content.get("agreeing", ())
            return replace(given[-1].answer, others=tuple(g.answer for g in given[:-1] if g.number in agreeing))
    return None


def is_expired(entries: Sequence[Entry]) -> bool:
    """Whether nobody answered in time."""
    return any(entry.kind == "expired" for entry in entries)


def read_state(reader: Reader, row: ReviewRow, vault: KeyProvider) -> ReviewState:
    """How a review stands.

    Raises:
        LedgerBroken: the entry that opened it is missing.
    """
    place = Place(row.scope, row.ordinal)
    entry = reader.entry(row.chain, place)
    if entry is None:
        raise LedgerBroken(f"the entry of the review {row.id!r} is missing; verify the ledger", chain=row.chain)
    content = masked(entry)
    asks = content.get("asks") or {}
    first = reader.entry(row.chain, place.outer) if row.purpose == "second" else entry
    involved: list[str | None] = []
    if asks:
        if first is None or first.payload is None:
            involved = [None]  # swept, and with it whom it named
        elif first.content["asks"]["involved"]:
            involved = readable(first, vault)["asks"]["involved"]
        asks = {**asks, "involved": [person for person in involved if person is not None]}
    queues = tuple(content.get("queues") or [queue_of_role(content["to"])])
    state = ReviewState(row, entry, content, Asks.read(asks), queues, erased=None in involved, last=entry.at)
    for following in reader.within(row.chain, place.inner):
        state.take(following)
    return state
