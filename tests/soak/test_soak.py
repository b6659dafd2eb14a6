"""Workers are killed with kill -9 at any moment, many times: nothing is lost, nothing is doubled, and the control shows that it could be.

ABPO_SOAK=1 settles 2,000 claims on each store; what it is set to is the seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from abpo_sdk import Ledger
from abpo_sdk.ledger import FileVault
from abpo_sdk.ledger.rows import DecisionRow, ReviewRow, RunRow
from tests.postgres import Server
from tests.soak.claims import ADJUSTER, EVERY, PAYEES, due_of, open_ledger, open_runtime, run_id
from tests.soak.killing import Killing
from tests.soak.payment_service import PaymentService

SEED = os.environ.get("ABPO_SOAK", "")
CLAIMS = 2000
KILLS = 100
LEAST_KILLS = 50
"""A worker may be done a moment before it would have been killed."""

SAMPLE_CLAIMS = 60
SAMPLE_KILLS = 4

BEGINNING = [
    ("started", "settle", "run:0"),
    ("step", "read_claim", "/0"),
    ("step", "assess", "/1"),
    ("decision", "settlement", "/2"),
    ("gate", "approval", "/3"),
]
PERSON = [("review", "approval", "/4"), ("answered", "approval", "/4/0")]
END = ["pay", "pay_without_key", "file_receipts"]


def entries_of(number: int) -> list[tuple[str, str, str]]:
    """Kinds, names and places of what the ledger must have of a claim's run, in this order."""
    large = number % EVERY == 0
    end = [("step", name, f"/{place}") for place, name in enumerate(END, start=5 if large else 4)]
    return [*BEGINNING, *(PERSON if large else []), *end, ("finished", "settle", "run:1")]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'abpo.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    server.run("CREATE DATABASE soak")
    yield server.as_user("postgres", database="soak")
    server.run("DROP DATABASE soak WITH (FORCE)")


@dataclass
class Settled:
    """Claims that were settled under kill -9."""

    url: str
    directory: Path
    claims: int
    killing: Killing

    def check(self) -> str:
        """Nothing was lost, nothing was doubled; gives the summary."""
        service = PaymentService(self.directory)
        try:
            with open_runtime(self.url, self.directory, service) as runtime:
                results = {run.id: run.result() for run in runtime.runs("done")}
            with open_ledger(self.url, self.directory) as ledger:
                entries = self._check_ledger(ledger)
            self._check_payments(service, results)
            return self._summary(service, entries)
        finally:
            service.close()

    def _check_ledger(self, ledger: Ledger) -> int:
        sealed = ledger.seal().size
        verified = ledger.verify()
        expected = {run_id(number): entries_of(number) for number in range(1, self.claims + 1)}
        entries_of_runs = {chain: ledger.entries(chain) for chain in expected}
        # an answer that came second is refused, and so stands there, too
        found = {chain: [e for e in entries if e.kind != "refused"] for chain, entries in entries_of_runs.items()}
        assert {
            chain: [(entry.kind, entry.name, str(entry.place)) for entry in entries] for chain, entries in found.items()
        } == expected
        total = sum(map(len, entries_of_runs.values()))
        assert (verified.entries, verified.chains, verified.sealed, sealed) == (total, self.claims, total, total)
        self._check_rows(ledger)
        for chain, entries in entries_of_runs.items():
            head = ledger.store.head(chain)
            assert head is not None
            assert (head.hash, head.length, head.holder) == (entries[-1].hash, len(entries), None)
        return total

    def _check_rows(self, ledger: Ledger) -> None:
        """The rows are those that the entries make, one of each, and done."""
        large = {run_id(number) for number in range(EVERY, self.claims + 1, EVERY)}
        runs = ledger.store.select(RunRow, order="id")
        decisions = ledger.store.select(DecisionRow, order="id")
        reviews = ledger.store.select(ReviewRow, order="id")
        assert {run.status for run in runs} == {"done"}
        assert len(runs) == len(decisions) == self.claims
        assert {decision.chain for decision in decisions} == {run.id for run in runs}
        assert {decision.chain for decision in decisions if decision.decided_by == ADJUSTER} == large
        assert [(review.status, review.answered_by) for review in reviews] == [("answered", ADJUSTER)] * len(large)
        assert {review.chain for review in reviews} == large
        ledger.rebuild()
        assert ledger.store.select(RunRow, order="id") == runs
        assert ledger.store.select(DecisionRow, order="id") == decisions
        assert ledger.store.select(ReviewRow, order="id") == reviews
        vault = ledger.vault
        assert isinstance(vault, FileVault)
        assert {len(vault.identifiers(f"P-{payee}")) for payee in range(PAYEES)} == {1}

    def _check_payments(self, service: PaymentService, results: dict[str, str]) -> None:
        numbers = range(1, self.claims + 1)
        payments = service.payments()
        assert [(p.claim, p.cents, p.key) for p in payments] == [(n, due_of(n), f"{run_id(n)}/pay/0") for n in numbers]
        # what a run returned is what the service answered, whichever request was the last
        assert {run: result.split()[:2] for run, result in results.items()} == {
            run_id(p.claim): ["pay", p.receipt] for p in payments
        }
        assert set(service.controls()) == set(numbers)
        assert service.controls().total() > self.claims, "no payment without a key was doubled, so this showed nothing"

    def _summary(self, service: PaymentService, entries: int) -> str:
        killing, kills = self.killing, self.killing.kills
        return (
            f"{self.url.partition(':')[0]}: {self.claims:,} runs, {entries:,} entries in {killing.seconds:.1f} s "
            f"({entries / killing.seconds:,.0f} entries/s), two workers, seed {killing.seed!r}\n"
            f"  {len(kills)} kills: {kills.in_payment()} while a payment was under way, {kills.after_payment()} between its answer "
            f"and the next moment, {kills.elsewhere()} elsewhere\n"
            f"  with a key: {len(service.payments()):,} payments, asked for {service.requests().total():,} times\n"
            f"  without a key: {service.controls().total():,} payments, "
            f"{service.controls().total() - self.claims} of them doubled\n"
        )


def settle(url: str, directory: Path, claims: int, *, kills: int, hold: bool = False) -> Settled:
    killing = Killing(url, directory, claims, kills=kills, seed=SEED or "1", hold=hold)
    killing.run()
    return Settled(url, directory, claims, killing)


def test_a_few_kills_lose_nothing_and_double_nothing(url: str, tmp_path: Path) -> None:
    settled = settle(
        url, tmp_path, SAMPLE_CLAIMS, kills=SAMPLE_KILLS, hold=True
    )  # that one kill hits is not left to luck
    print(settled.check())  # noqa: T201
    assert len(settled.killing.kills) > 1


@pytest.mark.soak
@pytest.mark.skipif(not SEED, reason="long; `make soak` does it")
def test_kills_at_any_moment_lose_nothing_and_double_nothing(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settled = settle(url, tmp_path, CLAIMS, kills=KILLS)
    summary = settled.check()
    with capsys.disabled():
        print(f"\n{summary}", end="")  # noqa: T201
    assert len(settled.killing.kills) >= LEAST_KILLS
