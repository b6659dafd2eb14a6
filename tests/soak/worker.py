"""A worker that settles claims until it is killed: `python -m tests.soak.worker URL DIRECTORY CLAIMS [hold]`.

It says each moment on its standard output, first "ready"; it begins when it is sent a line. With "hold" it stops in its first
payment without a key, when that is made and not recorded, says "holds", and goes on when its standard input is closed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from abpo_sdk import Runtime
from abpo_sdk.errors import ReviewClosed
from tests.soak.claims import ADJUSTER, open_runtime, run_id, settle
from tests.soak.payment_service import PaymentService

ROUND = 10
"""After how many claims a worker looks for deserted runs and open reviews."""

SEAL = 100
"""After how many claims it seals."""


def say(moment: str) -> None:
    print(moment, flush=True)  # noqa: T201


def hold() -> None:
    say("holds")
    sys.stdin.read()


def look_around(runtime: Runtime) -> bool:
    """Go on with deserted runs, answer whom a claim waits for; whether there was anything to do."""
    tick = runtime.tick()
    for error in tick.failed.values():
        raise error
    reviews = runtime.reviews(to="adjuster")
    for review in reviews:
        try:
            review.answer("pay", by=ADJUSTER, because="the damage was seen")
        except ReviewClosed:  # the other worker was quicker
            continue
        say(f"answered {review.run}")
    return bool(tick.advanced or reviews)


def work(runtime: Runtime, claims: int) -> None:
    look_around(runtime)
    known = {run.id for run in runtime.runs()}
    for number in range(1, claims + 1):
        if run_id(number) in known:
            continue
        run = runtime.start(settle, number, id=run_id(number))
        say(f"{run.status} {number}")
        if number % ROUND == 0:
            look_around(runtime)
        if number % SEAL == 0:
            runtime.ledger.seal()
    while look_around(runtime):  # what is still running then is another worker's
        pass


def main(url: str, directory: Path, claims: int, *, holding: bool) -> None:
    say("ready")
    sys.stdin.readline()
    service = PaymentService(directory, say=say, hold=hold if holding else lambda: None)
    with open_runtime(url, directory, service) as runtime:
        work(runtime, claims)
    service.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), holding="hold" in sys.argv[4:])
