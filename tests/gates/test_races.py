"""At the same instant: two who answer one review, many who approve within one limit, and workers that are killed while they do."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from abpo_sdk import Reviews
from abpo_sdk.ledger import FileVault
from abpo_sdk.ledger.rows import AnswerRow, ReviewRow, SpendRow
from abpo_sdk.ledger.transparency.note import Signer
from tests.gates.conftest import check_rebuilt
from tests.gates.racing import answer, ask, open_desk
from tests.postgres import Server

ROOT = Path(__file__).parents[2]
ROUNDS = 15

Open = Callable[[], Reviews]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens desks, each of a worker of its own, on one ledger; which then verifies, and is what its entries make of it."""
    with ExitStack() as stack:

        def another() -> Reviews:
            desk = open_desk(tmp_path)
            stack.callback(desk.ledger.close)
            return desk

        yield another
        check_rebuilt(another().ledger)


def at_once(acts: list[Callable[[], str]]) -> list[str]:
    """What comes of acts that threads begin at the same instant."""
    barrier = threading.Barrier(len(acts))

    def begin(act: Callable[[], str]) -> str:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


def race(desks: list[Reviews], review: str) -> list[str]:
    """Each desk's person answers the review."""
    said = [("pay", "maria@acme"), ("refer", "otto@acme")]
    return at_once(
        [lambda desk=desk, one=one: answer(desk, review, *one) for desk, one in zip(desks, said, strict=True)]
    )


def check_answered_once(desk: Reviews, review: str) -> None:
    (row,) = desk.ledger.store.select(ReviewRow, equal={"id": review})
    (answered,) = desk.ledger.store.select(AnswerRow, equal={"review": review})
    assert (row.status, row.answered_by, row.outcome) == ("answered", answered.person, answered.outcome)
    kinds = Counter(entry.kind for entry in desk.ledger.entries(row.chain))
    assert (kinds["answered"], kinds["second"], kinds["refused"]) == (1, 1, 1)


@pytest.mark.parametrize("own", [True, False], ids=["desks of their own", "the same desk"])
def test_of_two_threads_that_answer_one_review_one_wins(opened: Open, own: bool) -> None:
    first = opened()
    desks = [first, opened() if own else first]
    for number in range(ROUNDS):
        review = str(ask(first, f"C-{number}", amount=40).id)
        assert sorted(race(desks, review)) == ["ReviewClosed", "answered"]
        check_answered_once(first, review)


def test_approvals_in_many_threads_never_exceed_a_limit_together(opened: Open) -> None:
    desks = [opened() for _ in range(4)]
    reviews = [str(ask(desks[0], f"C-{number}").id) for number in range(8)]
    people = ("maria@acme", "otto@acme")
    acts = [
        lambda number=number, review=review: answer(desks[number % 4], review, "pay", people[number % 2])
        for number, review in enumerate(reviews)
    ]
    assert Counter(at_once(acts)) == {"answered": 2, "OverLimit": 6}
    assert spent(desks[0]) == 800_00


def spent(desk: Reviews) -> int:
    return sum(row.amount for row in desk.ledger.store.select(SpendRow) if row.status != "released")


# processes


class Worker:
    """A worker in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gates.racing", str(directory), "answer"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, *words: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{' '.join(words)}\n")
        self.process.stdin.flush()

    def said(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@contextmanager
def workers(directory: Path, count: int) -> Iterator[list[Worker]]:
    """Workers that are ready."""
    made = [Worker(directory) for _ in range(count)]
    try:
        assert [worker.said() for worker in made] == ["ready"] * count
        yield made
    finally:
        for worker in made:
            worker.process.kill()
            worker.process.communicate()


def test_of_two_processes_that_answer_one_review_one_wins_and_a_limit_holds_for_both(
    opened: Open, tmp_path: Path
) -> None:
    desk = opened()
    contested = [str(ask(desk, f"C-{number}", amount=40).id) for number in range(ROUNDS)]
    large = [str(ask(desk, f"L-{number}").id) for number in range(6)]
    with workers(tmp_path, 2) as two:
        for review in contested:
            two[0].tell(review, "refer", "maria@acme")
            two[1].tell(review, "refer", "otto@acme")
            assert sorted(worker.said() for worker in two) == ["ReviewClosed", "answered"]
            check_answered_once(desk, review)
        for number, review in enumerate(large):
            two[number % 2].tell(review, "pay", "maria@acme")
        said = [two[number % 2].said() for number in range(len(large))]
    assert Counter(said) == {"answered": 2, "OverLimit": 4}
    assert spent(desk) == 800_00


def test_a_worker_that_is_killed_while_it_answers_leaves_nothing_half_done(opened: Open, tmp_path: Path) -> None:
    desk = opened()
    for number in range(100):
        ask(desk, f"D-{number}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.gates.racing", str(tmp_path), "die"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    deaths, status = map(int, done.stdout.split())
    assert status == 0
    assert 10 < deaths < 100
    kept = [number for number in range(deaths + 1) if desk.of(f"D-{number}")[0].status == "answered"]
    assert deaths in kept
    for number in range(deaths + 1):
        kinds = [entry.kind for entry in desk.ledger.entries(f"D-{number}")]
        assert kinds == ["decision", "gate", "review", *(["answered", "second"] if number in kept else [])]
        (review,) = (review for review in desk.of(f"D-{number}") if not str(review.id).endswith("/second"))
        again = answer(desk, str(review.id), "refer", "otto@acme")
        assert again == ("ReviewClosed" if number in kept else "answered")


# another database


def test_on_postgres_one_of_two_wins_and_a_limit_holds(postgres: Server, tmp_path: Path) -> None:
    postgres.run("CREATE DATABASE races")
    url = postgres.as_user("postgres", database="races")
    signer = Signer.generate("test")
    with ExitStack() as stack:
        desks = [open_desk(tmp_path, url, vault=FileVault(tmp_path / "ledger.keys"), signer=signer) for _ in range(4)]
        for desk in desks:
            stack.callback(desk.ledger.close)
        for number in range(ROUNDS):
            review = str(ask(desks[0], f"C-{number}", amount=40).id)
            assert sorted(race(desks[:2], review)) == ["ReviewClosed", "answered"]
            check_answered_once(desks[0], review)
        reviews = [str(ask(desks[0], f"L-{number}").id) for number in range(6)]
        before = spent(desks[0])
        acts = [
            lambda number=number, review=review: answer(desks[number % 4], review, "pay", "maria@acme")
            for number, review in enumerate(reviews)
        ]
        won = at_once(acts).count("answered")
        assert spent(desks[0]) - before == won * 400_00
        assert won == (1_000_00 - before) // 400_00
        check_rebuilt(desks[0].ledger)
