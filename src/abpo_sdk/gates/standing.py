"""Whether a person may do something with a review: checked each time anew, against what is known then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from abpo_sdk.errors import (
    ClockWrong,
    NotPermitted,
    ReviewChanged,
    ReviewClosed,
    ReviewExpired,
    SeparationOfDuties,
)
from abpo_sdk.gates.delegation import Capacity, Delegation, capacities, check_separate, connected
from abpo_sdk.gates.people import People
from abpo_sdk.gates.person_ids import same_person, skeleton
from abpo_sdk.gates.queues import describe, holds_queue, parse_queue
from abpo_sdk.gates.review_state import Given, ReviewState
from abpo_sdk.ledger.review_projection import ASKED
from abpo_sdk.ledger.rows import AnswerRow, ReviewRow
from abpo_sdk.ledger.store import Reader
from abpo_sdk.values.clock import from_text, to_text

Swapped = Callable[[str, str, str], str | None]

SKEW = timedelta(minutes=1)
"""How far the clocks of two machines may be apart."""


@dataclass(slots=True)
class Standing:
    """A review as it stands, and who is who, at one moment.

    Args:
        reader: the transaction that looks it up, and that writes what is done.
        state: the review.
        now: the time.
        people: who holds which role.
        delegations: who acts for whom, now and when the review was opened.
        swapped: given the run or key, a policy and its version, the version that is there now, where that is another one.
    """

    reader: Reader
    state: ReviewState
    now: datetime
    people: People
    delegations: Sequence[Delegation]
    swapped: Swapped

    @property
    def row(self) -> ReviewRow:
        """The review's row."""
        return self.state.row

    @property
    def opened(self) -> datetime:
        """When it was opened."""
        return from_text(self.row.opened_at)

    def check_clock(self) -> None:
        """Refuse a clock that cannot be right.

        Raises:
            ClockWrong: it is before the review was opened, or before what was done with it last.
        """
        if self.now < self.opened - SKEW:
            raise ClockWrong(
                f"the clock says {to_text(self.now)}, and the review {self.row.id!r} was opened at {self.row.opened_at}; set the clock right"
            )
        last = self.state.last
        if last is not None and self.now < last - SKEW:
            raise ClockWrong(
                f"the clock says {to_text(self.now)}, and something was done with the review {self.row.id!r} at {to_text(last)}; set "
                "the clock right"
            )

    def check_open(self, *, returned: bool = False) -> None:
        """Refuse what is done to a review that does not wait for it.

        Raises:
            ReviewClosed: it is settled, or (unless `returned`) it waits for information.
            ReviewExpired: the time to answer it is over.
        """
        row = self.row
        if row.status == "answered":
            raise ReviewClosed(
                f"the review {row.id!r} is answered {row.outcome!r} by {row.answered_by}; an answer is used once"
            )
        over = row.status in ASKED and row.expires_at is not None and row.expires_at <= to_text(self.now)
        if row.status == "expired" or over:
            raise ReviewExpired(f"the review {row.id!r} could be answered until {row.expires_at}; decide the case anew")
        if row.status not in ASKED:
            raise ReviewClosed(f"the review {row.id!r} is closed with its run; an answer is used once")
        if row.status == "returned" and not returned:
            raise ReviewClosed(f"the review {row.id!r} waits for information; give it with review.inform(...)")

    def check_shown(self, shown: str | None) -> None:
        """Refuse an answer to what is no longer there.

        Raises:
            ReviewChanged: what was shown is not what stands there now, or another version of the policy is there.
        """
        row = self.row
        if shown != row.shown:
            raise ReviewChanged(f"the review {row.id!r} shows something else now than was answered; look at it again")
        decision = self.state.content["shown"]["decision"]
        version = self.swapped(row.chain, decision["policy"], decision["version"])
        if version is not None:
            raise ReviewChanged(
                f"the review {row.id!r} shows what policy {decision['policy']!r} decided in version {decision['version']}, and now "
                f"it is version {version}; decide the case anew"
            )

    def capacity(self, person: str, action: str) -> Capacity:
        """In which capacity a person acts on it.

        Raises:
            NotPermitted: nobody knows them, it is not put to them, somebody else has taken it, or they have to do with the case.
        """
        self.people.check_known(person, action)
        refused: SeparationOfDuties | None = None
        for capacity in self._capacities(person):
            try:
                self._check_separate(person, capacity, action)
            except SeparationOfDuties as error:
                refused = refused or error
                continue
            holder = self._claimed_by()
            if holder is not None and not same_person(holder, person):
                raise NotPermitted(f"{person!r} may not {action}: {holder} has claimed it")
            return capacity
        if refused is not None:
            raise refused
        asked = " or ".join(describe(queue) for queue in self.state.queues)
        held = ", ".join(sorted(self.people.roles_of(person))) or "none"
        raise NotPermitted(
            f"{person!r} may not {action}: it is put to the {asked}, and the roles of {person!r} are {held}"
        )

    def is_demanded(self, queue: str) -> bool:
        """Whether whoever serves a queue is one of those whom the gate demands: the queue is one of its own, or a person's who holds one."""
        person = parse_queue(queue)
        return queue in self.state.demanded or (
            person.kind == "person"
            and any(holds_queue(self.people, person.name, demanded) for demanded in self.state.demanded)
        )

    def counting(self) -> list[Given]:
        """The answers that count now: not of who holds, or acted for who holds, none of the roles that the gate demands any more."""
        return [
            given
            for given in self.state.given
            if any(
                holds_queue(self.people, given.answer.on_behalf_of or given.answer.by, queue)
                for queue in self.state.demanded
            )
        ]

    def _capacities(self, person: str) -> Iterator[Capacity]:
        for queue in self.state.queues:
            if self.is_demanded(queue):  # to a person it may have been reassigned who holds no role any more
                yield from capacities(self.people, person, queue, self.delegations, self.now)

    def _claimed_by(self) -> str | None:
        """Who has taken it; None where nobody has, the time is over, or they could not answer it any more and so would keep all others from it."""
        row = self.row
        if row.claimed_by is None or (row.claimed_until is not None and row.claimed_until <= to_text(self.now)):
            return None
        return row.claimed_by if any(self._capacities(row.claimed_by)) else None

    def _check_separate(self, person: str, capacity: Capacity, action: str) -> None:
        state = self.state
        if state.erased:
            raise SeparationOfDuties(
                f"{person!r} may not {action}: somebody who has to do with the case was erased, so nobody can tell whether it is they; "
                "decide the case anew"
            )
        check_separate(person, state.asks.involved, self.delegations, self.now, self.opened, action)
        tied = connected(person, self.delegations, self.now, opened=self.opened)
        mine = [person, *([capacity.on_behalf_of] if capacity.on_behalf_of else [])]
        for other, what in state.silent.items():
            if what == "recused" and skeleton(other) in tied:
                acts = "" if same_person(person, other) else ", and one of them acts for the other"
                raise SeparationOfDuties(
                    f"{person!r} may not {action}: {other} has declared a conflict of interest{acts}"
                )
            if any(same_person(one, other) for one in mine):
                raise SeparationOfDuties(f"{person!r} may not {action}: {other} has said that they do not answer it")
        if state.asks.four_eyes or len(state.given) or self.row.purpose == "second":
            for other in self._answered_before():
                if any(same_person(one, other) for one in mine):
                    raise SeparationOfDuties(
                        f"{person!r} may not {action}: {other} has answered about this decision before, and it needs another's eyes"
                    )

    def _answered_before(self) -> list[str]:
        """Who has said something about this decision, and for whom; of one that no policy recorded, about any such in the run."""
        given = [given.answer for given in self.state.given]
        persons = [p for answer in given for p in (answer.by, answer.on_behalf_of) if p]
        decision = self.row.decision_id
        equal = {"decision_id": decision} if decision else {"chain": self.row.chain}
        rows = [row for row in self.reader.select(AnswerRow, equal=equal) if row.decision_id == decision]
        return persons + [
            p for row in rows if row.review != self.row.id for p in (row.person, row.on_behalf_of) if p is not None
        ]
