"""A person's next review out of very many that are open.

`python -m benchmarks.open_reviews 1000000` opens them, which takes some minutes, and asks for the next ones then.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from abpo_sdk import Decision, Gate, Ledger, Reviews, fields
from abpo_sdk.gates.candidates import Candidates
from abpo_sdk.gates.people import People
from abpo_sdk.gates.review_entries import review_id, shown_of
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.entry import BODY
from benchmarks.runner import keep

BAR = 5.0
AT_ONCE = 1_000
ASKED = 200
DEPARTMENTS = 50


class Claim(BaseModel):
    number: str
    entered_by: str
    amount: Decimal


c = fields(Claim)
WHEN = c.amount > 0
GATES = [
    Gate("approval", when=WHEN, to="controller", involves=[c.entered_by]),
    Gate("french", when=WHEN, to=Candidates("controller", skills={"french"})),
    Gate("team", when=WHEN, to=Candidates(group="claims-north")),
    Gate("own", when=WHEN, to=Candidates(people=["maria@acme", "otto@acme"])),
    *(Gate(f"department {n}", when=WHEN, to=f"department {n}") for n in range(DEPARTMENTS)),
]
ROLES = {
    "maria@acme": {"controller"},
    "otto@acme": {"controller", "department 7"},
    "ines@acme": {"department 49"},
    "zoe@acme": {"cfo"},
    **{f"head-{n}@acme": {f"department {n}"} for n in range(DEPARTMENTS)},
}
PEOPLE = People(ROLES, skills={"otto@acme": {"french"}}, groups={"claims-north": {"ines@acme"}})


def opened(reviews: Reviews, count: int) -> None:
    """Opens them, a thousand in a commit."""
    for first in range(0, count, AT_ONCE):
        with reviews.ledger.writing() as writer:
            for number in range(first, min(first + AT_ONCE, count)):
                key, gate = f"C-{number}", GATES[number % len(GATES)]
                claim = Claim(number=key, entered_by="otto@acme", amount=Decimal(number + 1))
                decision = Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), claim, ())
                review = gate.review(decision)
                place = Place(BODY, 1)
                name = review_id(key, BODY, gate.name, 0)
                writer.append(key, [reviews.draft(review, shown_of(review), identifier=name, place=place)])


def median(work: Callable[[], Any], times: int = ASKED) -> float:
    """The median of a call, in ms."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        assert work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def measure(count: int) -> dict[str, Any]:
    """Opens the reviews, and asks for next ones."""
    with tempfile.TemporaryDirectory(prefix="abpo-bench-") as directory:
        where = f"sqlite:///{Path(directory) / 'abpo.db'}"
        reviews = Reviews(Ledger(where), PEOPLE)
        start = time.perf_counter()
        opened(reviews, count)
        figures: dict[str, Any] = {"opened a second": count / (time.perf_counter() - start)}
        reviews.ledger.close()
        reviews = Reviews(Ledger(where), PEOPLE)
        for person in ("maria@acme", "ines@acme", "head-3@acme"):
            figures[f"next of {person}, ms"] = median(lambda person=person: reviews.next(by=person))
        figures["next 20 of maria@acme, ms"] = median(lambda: len(reviews.next(by="maria@acme", limit=20)) == 20)

        def claimed() -> bool:
            (review,) = reviews.next(by="ines@acme")
            return review.claim(by="ines@acme").release(by="ines@acme").status == "open"

        figures["next, claimed and released, ms"] = median(claimed, 50)
        figures["next of otto@acme, who entered all that lies first, ms"] = median(
            lambda: reviews.next(by="otto@acme"), 20
        )
        reviews.delegate(
            by="maria@acme", to="zoe@acme", until=reviews.ledger.clock.now() + timedelta(days=9), because="on leave"
        )
        figures["next of zoe@acme, by delegation, ms"] = median(lambda: reviews.next(by="zoe@acme"))
        (review,) = reviews.next(by="maria@acme")
        start = time.perf_counter()
        review.answer("pay", by="maria@acme", because="fine")
        figures["answer it, ms"] = (time.perf_counter() - start) * 1e3
        start = time.perf_counter()
        reviews.escalate()
        figures["escalate() with nothing due, ms"] = (time.perf_counter() - start) * 1e3
        reviews.ledger.close()
    return figures


if __name__ == "__main__":
    number = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    found = {"benchmark": f"a person's next review of {number:,} open ones", **measure(number)}
    for name, value in found.items():
        print(f"{name}: {value:,.3f}" if isinstance(value, float) else f"{name}: {value}")
    slowest = max(value for name, value in found.items() if name.startswith("next of"))
    print(f"slowest next: {slowest:.2f} ms (at most {BAR}: {'met' if slowest <= BAR else 'MISSED'})")
    keep(found)
