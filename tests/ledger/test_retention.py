"""What was kept for its time goes, the evidence that it was there stays, and nothing in the ledger says what is not so."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from abpo_sdk import Retry, gather, process, sleep, step
from abpo_sdk.errors import AbpoError, DefinitionError, DuplicateRun, Erased, StoreUnavailable, UnknownRun
from abpo_sdk.gates import Reviews
from abpo_sdk.ledger import Ledger, SqliteStore, canonical_bytes
from abpo_sdk.ledger.entry import Kind
from abpo_sdk.ledger.rows import DecisionRow, ReviewRow
from abpo_sdk.runtime import Runtime
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.review import Review
from tests.ledger.data.reviewed import PEOPLE as REVIEWERS
from tests.ledger.data.reviewed import lend, write_reviewed
from tests.ledger.erasing import (
    DAY,
    PEOPLE,
    PROPERTIES,
    SECRET,
    SUBJECT,
    Bank,
    assert_nowhere,
    careful,
    claim,
    contents,
    draft,
    opened,
    settle,
    write,
)

AT_ONCE = timedelta(0)
OWN = (
    "erased", "held", "released", "swept", "reopened", "exported",
    "delegated", "undelegated", "stopped", "restarted", "seeded", "declared",
)  # fmt: skip
OF_A_RUN = tuple(kind for kind in get_args(Kind) if kind not in (*OWN, "imported"))


@pytest.mark.parametrize("holds", PROPERTIES["retention"], ids=lambda holds: holds.__name__)
def test_what_is_promised_of_sweeping(holds: Callable[[Path], None], tmp_path: Path) -> None:
    holds(tmp_path)


# what is asked for


@pytest.mark.parametrize("kind", ["", "steps", "STEP", None, 5, *OWN])
def test_a_kind_that_is_none_or_the_ledgers_own_is_refused(kind: Any, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        write(ledger, "R-1", draft(ledger, 0))
        before = contents(tmp_path)
        with pytest.raises(DefinitionError, match=f"{kind!r} is"):
            ledger.retain(kind, AT_ONCE)
        assert contents(tmp_path) == before


@pytest.mark.parametrize("time", [timedelta(microseconds=-1), timedelta.max, timedelta.min, 30, None, "30 days"])
def test_a_time_that_is_none_is_refused(time: Any, tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        before = contents(tmp_path)
        with pytest.raises(DefinitionError, match="for_="):
            ledger.retain("step", time)
        with pytest.raises(DefinitionError, match="because"):
            ledger.retain("step", AT_ONCE, because=" ")
        with pytest.raises(DefinitionError, match="by="):
            ledger.retain("step", AT_ONCE, by="")
        assert contents(tmp_path) == before


def test_a_sweep_without_anything_to_sweep_is_recorded_all_the_same(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        sweep = ledger.retain("step", DAY, by="nightly", because="30 days")
        assert str(sweep) == (
            "0 payloads swept; 0 open runs and 0 runs or records on legal hold were left alone; see entry $ledger/swept/0"
        )
        [entry] = ledger.entries("$ledger")
        assert ledger.payload(entry) == {
            "because": "30 days",
            "before": "2026-01-04T09:00:00.000000Z",
            "by": "nightly",
            "kind": "step",
        }
        assert ledger.verify().swept == 0


def test_a_ledger_in_memory_is_swept_too() -> None:
    clock = FakeClock()
    with Ledger("sqlite://", clock=clock) as ledger:
        for number in range(1200):
            write(ledger, f"R-{number}", draft(ledger, 0))
        clock.advance(DAY)
        assert ledger.retain("step", AT_ONCE).payloads == 1200
        assert ledger.verify().swept == 1200


def test_sweeping_is_cut_into_many_transactions_and_takes_all(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger:
        with ledger.writing() as writer:
            for number in range(1100):
                writer.append(f"R-{number}", [draft(ledger, 0)])
        clock.advance(DAY)
        assert ledger.retain("step", AT_ONCE).payloads == 1100
        assert ledger.retain("step", AT_ONCE).payloads == 0
        assert ledger.verify().swept == 1100


# runs


RUNS = ("reviewed", "plain", "asked", "supplied", "caught", "abandoned", "tried again", "asleep", "migrated")


class Shaky:
    """What fails at first."""

    def __init__(self) -> None:
        self.calls = 0

    def call(self) -> int:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError(f"no route for {SECRET}")
        return self.calls


@step(retry=Retry(ConnectionError, pause=timedelta(hours=1)))
def call(number: int, *, shaky: Shaky) -> int:
    return shaky.call()


@process
def patient(number: int, *, shaky: Shaky) -> int:
    return call(number, shaky=shaky)


def nap(hours: int) -> int:
    sleep(timedelta(hours=hours))
    return hours


@process
def sleepy(number: int) -> int:
    return sum(gather(lambda: nap(1), lambda: nap(2)))


napping = process(name="napping", version="1")(lambda number: nap(1))
napping_longer = process(name="napping", version="2")(lambda number: nap(1) + 0 * number)


def of_every_kind(runtime: Runtime, bank: Bank, clock: FakeClock) -> None:
    """Runs that have ended, with entries of every kind that a run can have."""
    write_reviewed(runtime, "reviewed")
    runtime.start(settle, claim("1"), id="plain")
    asked = runtime.start(settle, claim("2", amount=500), id="asked")
    asked.review.answer("pay", by="maria@acme", because="fine")
    failed = runtime.start(settle, claim("3", amount=-1), id="supplied")
    assert failed.incident is not None
    failed.incident.supply(claim("3", amount=7), by="maria@acme", because="it was seven")
    given_up = runtime.start(settle, claim("4", amount=-1), id="abandoned")
    assert given_up.incident is not None
    given_up.incident.abandon(by="maria@acme", because="withdrawn")
    runtime.start(careful, claim("5", amount=-1), id="caught")
    runtime.start(patient.bind(shaky=Shaky()), 6, id="tried again")
    runtime.start(sleepy, 7, id="asleep")
    runtime.start(napping, 8, id="migrated")
    runtime.start(napping_longer, 9, id="another")
    runtime.migrate("migrated", by="maria@acme", because="it naps the same")
    for _ in range(3):
        clock.advance(timedelta(hours=1))
        runtime.tick()
    statuses = {run: runtime.run(run).status for run in RUNS}
    assert statuses == {run: "abandoned" if run == "abandoned" else "done" for run in RUNS}
    kinds = {entry.kind for run in RUNS for entry in runtime.run(run).entries}
    assert kinds == set(OF_A_RUN)


LOOKS: dict[str, Callable[[Runtime, str], Any]] = {
    "status": lambda runtime, run: runtime.run(run).status,
    "result": lambda runtime, run: runtime.run(run).result(),
    "decisions": lambda runtime, run: runtime.run(run).decisions,
    "reviews": lambda runtime, run: runtime.run(run).reviews,
    "incident": lambda runtime, run: runtime.run(run).incident,
    "lineage": lambda runtime, run: runtime.lineage(run).tree().html(),
    "repr": lambda runtime, run: (repr(runtime.run(run)), runtime.run(run).entries),
    "advance": lambda runtime, run: runtime.advance(run),
    "all reviews": lambda runtime, _: [runtime._reviews.list(status=s) for s in ("open", "answered", "closed")],
    "tick": lambda runtime, _: runtime.tick(),
    "frame": lambda runtime, _: runtime.decisions(purpose="audit"),
}


def outcome(look: Callable[[Runtime, str], Any], runtime: Runtime, run: str) -> Any:
    try:
        return look(runtime, run)
    except AbpoError as error:
        return error


@pytest.mark.parametrize("kind", ["all", *OF_A_RUN])
def test_whatever_is_swept_nothing_is_done_again_and_what_is_said_is_so_or_refused(kind: str, tmp_path: Path) -> None:
    clock, bank = FakeClock(), Bank()
    processes = [settle.bind(bank=bank), lend]
    with opened(tmp_path, clock=clock) as ledger, Runtime(ledger, processes, people=REVIEWERS) as runtime:
        of_every_kind(runtime, bank, clock)
        ledger.seal()
        decided = {row.id: (row.outcome, row.decided_by) for row in ledger.store.select(DecisionRow)}
        statuses = {run: runtime.run(run).status for run in RUNS}
        paid = list(bank.paid)
        clock.advance(DAY)
        for swept in OF_A_RUN if kind == "all" else [kind]:
            ledger.retain(swept, AT_ONCE)
        lengths = {chain: len(ledger.entries(chain)) for chain in RUNS}
        for name, look in LOOKS.items():
            for run in RUNS:
                seen = outcome(look, runtime, run)
                if isinstance(seen, Erased):
                    assert re.search(r"swept.*\$ledger/swept/\d", str(seen)), f"{name} of {run}: {seen}"
                elif isinstance(seen, AbpoError):
                    assert (name, run) == ("result", "abandoned")
                elif name == "status":
                    assert seen == statuses[run]
        assert bank.paid == paid
        assert {chain: len(ledger.entries(chain)) for chain in RUNS} == lengths
        for row in ledger.store.select(DecisionRow):
            assert (row.outcome, row.decided_by) == decided[row.id]
        assert ledger.store.select(ReviewRow, equal={"status": "open"}) == []
        swept_now = ledger.verify().swept
        assert swept_now > 0
        ledger.rebuild()
        assert ledger.verify().swept == swept_now


@pytest.mark.parametrize("kind", ["all", *OF_A_RUN])
def test_what_is_started_again_after_a_sweep_is_the_same_run_or_refused_and_never_done_twice(
    kind: str, tmp_path: Path
) -> None:
    clock, bank = FakeClock(), Bank()
    with opened(tmp_path, clock=clock) as ledger, Runtime(ledger, [settle.bind(bank=bank)], people=PEOPLE) as runtime:
        runtime.start(settle, claim("1"), id="plain")
        clock.advance(DAY)
        for swept in OF_A_RUN if kind == "all" else [kind]:
            ledger.retain(swept, AT_ONCE)
        paid = list(bank.paid)
        if kind in ("all", "started"):
            with pytest.raises(DuplicateRun, match=r"arguments were swept.*\$ledger/swept/0"):
                runtime.start(settle, claim("1"), id="plain")
            with pytest.raises(Erased, match=r"swept.*\$ledger/swept/0"):
                runtime.run("plain")
        else:
            assert runtime.start(settle, claim("1"), id="plain").status == "done"
            with pytest.raises(DuplicateRun, match="another case"):
                runtime.start(settle, claim("2"), id="plain")
        assert bank.paid == paid
        with pytest.raises(UnknownRun):
            runtime.run("none")


def test_lineage_says_of_a_swept_step_that_nothing_is_known_of_it(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger, Runtime(ledger, [settle.bind(bank=Bank())], people=PEOPLE) as runtime:
        runtime.start(settle, claim("1"), id="R")
        assert runtime.lineage("R").decisions[0].coverage == "complete"
        clock.advance(DAY)
        ledger.retain("step", AT_ONCE)
        [decision] = runtime.lineage("R").decisions
        assert decision.coverage == "partial"
        assert decision.unknown == ("all that was recorded of it (swept) of step check",)


def decision(number: str) -> Decision:
    return Decision("claims", "1", "refer", "refer", ("pay", "refer"), 0.4, (), claim(number, customer=SUBJECT), ())


def test_a_key_whose_decision_was_swept_takes_no_other(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger:
        ledger.record(decision("1"), key="D")
        clock.advance(DAY)
        assert ledger.retain("decision", AT_ONCE).payloads == 1
        for again in (decision("1"), decision("2")):
            with pytest.raises(Erased, match="cannot be compared"):
                ledger.record(again, key="D")
        assert ledger.decisions().empty
        assert len(ledger.entries("D")) == 1
        ledger.verify()


def test_what_waits_for_an_answer_without_a_run_is_left_alone_until_it_was_given(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger:
        reviews = Reviews(ledger, PEOPLE)
        review = reviews.open(Review("approval", "adjuster", decision("1"), ("unsure",)), key="D")
        clock.advance(DAY)
        sweeps = [ledger.retain(kind, AT_ONCE) for kind in ("decision", "review")]
        assert [(sweep.payloads, sweep.open) for sweep in sweeps] == [(0, 1), (0, 1)]
        review.answer("pay", by="maria@acme", because="fine")
        assert reviews.settle(decision("1"), key="D").outcome == "pay"
        clock.advance(DAY)
        assert ledger.retain("answered", AT_ONCE).payloads == 1
        assert reviews.list() == ()
        assert ledger.store.select(DecisionRow) == []  # it would say "refer", and a person said "pay"
        ledger.verify()


# bytes


def test_no_byte_of_what_was_swept_is_left_wherever_it_lay_in_the_file(tmp_path: Path) -> None:
    chance = random.Random(3)
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger:
        gone, kept = [], []
        for chain in range(80):
            drafts = []
            for ordinal in range(chance.randint(1, 6)):
                mark = f"MARK-{chain}-{ordinal}-"
                swept = chance.random() < 0.6
                (gone if swept else kept).append(mark)
                filling = "z" * chance.choice([0, 50, 700, 5000, 20_000])
                drafts.append(draft(ledger, ordinal, "step" if swept else "raised", mark + filling))
            write(ledger, f"R-{chance.random()}", *drafts)
            if chance.random() < 0.2:
                ledger.seal()
        clock.advance(DAY)
        assert ledger.retain("step", AT_ONCE).payloads == len(gone)
        found = b"".join(contents(tmp_path).values())
        assert [mark for mark in gone if mark.encode() in found] == []
        assert [mark for mark in kept if mark.encode() not in found] == []
        ledger.verify()


def test_a_reader_that_is_in_the_way_is_named_and_sweeping_again_mends_it(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock, timeout=0.05) as ledger:
        write(ledger, "R-1", draft(ledger, 0, result=SECRET))
        clock.advance(DAY)
        with closing(SqliteStore(tmp_path / "ledger.db")) as store, store.snapshot() as reader:
            assert reader.entries("R-1")
            with pytest.raises(StoreUnavailable, match=r"write-ahead log.*still lies there; do it again"):
                ledger.retain("step", AT_ONCE)
            assert ledger.entries("R-1")[0].payload is None
            assert canonical_bytes(SECRET) in b"".join(contents(tmp_path).values())
            ledger.verify()
        assert ledger.retain("step", AT_ONCE).payloads == 0
        assert_nowhere(tmp_path, SECRET)
        assert ledger.verify().swept == 1


@pytest.mark.parametrize("table", ["abpo_entries", "abpo_decisions"])
def test_a_sweep_that_fails_in_the_middle_leaves_each_chain_whole_and_goes_on_the_next_time(
    table: str, tmp_path: Path
) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger:
        for number in range(3):
            ledger.record(decision(str(number)), key=f"D-{number}")
        clock.advance(DAY)
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            what = "DELETE" if table == "abpo_decisions" else "UPDATE"
            other.execute(
                f"CREATE TRIGGER full BEFORE {what} ON {table} WHEN OLD.chain = 'D-1' "
                "BEGIN SELECT RAISE(FAIL, 'no room'); END"
            )
            with pytest.raises(StoreUnavailable, match="no room"):
                ledger.retain("decision", AT_ONCE)
            assert ledger.verify().swept == 0
            assert len(ledger.decisions()) == 3
            other.execute("DROP TRIGGER full")
        assert ledger.retain("decision", AT_ONCE).payloads == 3
        assert ledger.verify().swept == 3


def test_a_read_only_ledger_is_not_swept(open_directory: Path, unprivileged: Callable[[], Any]) -> None:
    clock = FakeClock()
    with opened(open_directory, clock=clock) as ledger:
        write(ledger, "R-1", draft(ledger, 0))
    for file in open_directory.iterdir():
        file.chmod(0o444)
    clock.advance(DAY)
    with unprivileged(), opened(open_directory, clock=clock) as ledger:
        with pytest.raises(StoreUnavailable, match="read-only"):
            ledger.retain("step", AT_ONCE)
        assert ledger.verify().swept == 0


def test_what_is_erased_and_what_is_swept_go_together(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock=clock) as ledger:
        write(
            ledger, "R-1", draft(ledger, 0, name=(SECRET, SUBJECT)), draft(ledger, 1, "raised", name=(SECRET, SUBJECT))
        )
        clock.advance(DAY)
        ledger.retain("step", AT_ONCE)
        assert len(ledger.erase(SUBJECT, by="dpo@acme", because="request 17").keys) == 1
        verified = ledger.verify()
        assert (verified.swept, verified.erased) == (1, 1)
        ledger.retain("raised", AT_ONCE)
        verified = ledger.verify()
        assert (verified.swept, verified.erased) == (2, 0)
        assert ledger.erase(SUBJECT, by="dpo@acme", because="request 17").chains == 0
        ledger.rebuild()
        ledger.verify()
