"""Workers who race each other to the same reviews: `python -m tests.gates.racing DIRECTORY answer | die`.

A worker that is to "answer" says "ready", and then answers what it is told, line by line: the review, the outcome and the person;
it says what came of it. One that is to "die" answers the reviews of the keys D-0, D-1, ..., each in a process of its own, which is
killed a little later in the answer than that before it, until one is not killed.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from abpo_sdk import DecisionTable, Gate, Ledger, ReviewRequired, Reviews, fields, rule
from abpo_sdk.errors import ReviewError
from abpo_sdk.gates import Authority, Guard, Limit, Limits, People
from abpo_sdk.values.review import Review

PEOPLE = {"maria@acme": {"controller"}, "otto@acme": {"controller"}}
LIMITS = Limits(
    Limit("controller", 1_000, "EUR"),
    Limit("controller", 1_000, "EUR", per=timedelta(days=30), across=("role",)),
)
STEP = 2
"""How many tens of a database's steps the deaths of two answers are apart."""


class Claim(BaseModel):
    amount: Decimal = Decimal(400)


c = fields(Claim)
claims = DecisionTable("claims", rule(c.amount <= 100, then="pay", because="small"), otherwise="refer")
authority = Authority(amount=c.amount, currency="EUR", kind="claim", approves={"pay"})
approval = Gate("approval", when=c.amount > 0, to="controller", authority=authority, guard=Guard(double=1.0))
"""An answer has to be kept with what it spends, and with the second look that it leads to."""


def open_desk(directory: Path, url: str | None = None, **options: object) -> Reviews:
    """A worker's own desk."""
    ledger = Ledger(url or f"sqlite:///{directory / 'abpo.db'}", **options)  # type: ignore[arg-type]
    return Reviews(ledger, People(PEOPLE, limits=LIMITS))


def ask(desk: Reviews, key: str, amount: int = 400) -> Review:
    """Put a claim before people."""
    try:
        with desk.case(key):
            approval(claims(Claim(amount=Decimal(amount))))
    except ReviewRequired as needed:
        return needed.review
    raise AssertionError(key)


def answer(desk: Reviews, review: str, outcome: str, by: str) -> str:
    """Answer a review; "answered", or by which error it was refused."""
    try:
        desk.get(review).answer(outcome, by=by, because="it is right")
    except ReviewError as error:
        return type(error).__name__
    return "answered"


def answer_what_is_said(directory: Path) -> None:
    desk = open_desk(directory)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        print(answer(desk, *line.split()), flush=True)  # noqa: T201


def die_ever_later(directory: Path) -> None:
    number = 0
    while True:
        child = os.fork()
        if not child:
            desk = open_desk(directory)
            (review,) = desk.of(f"D-{number}")
            left = number * STEP

            def stop() -> int:
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return 0

            desk.ledger.store._database.connection.set_progress_handler(stop, 10)  # type: ignore[attr-defined]
            answer(desk, str(review.id), "refer", "maria@acme")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(number, os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201
            return
        number += 1


if __name__ == "__main__":
    {"answer": answer_what_is_said, "die": die_ever_later}[sys.argv[2]](Path(sys.argv[1]))
