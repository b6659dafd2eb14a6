from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pydantic import BaseModel

from abpo_sdk import Decision, DecisionTable, Gate, Personal, fields, process, rule
from abpo_sdk.errors import DefinitionError, LedgerBroken, StoreUnavailable
from abpo_sdk.ledger import Ledger, MemoryVault, SqliteStore
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.views import VIEWS
from abpo_sdk.testing.clock import START, FakeClock
from abpo_sdk.testing.runtime import TestRuntime

DraftMaker = Callable[..., Draft]
Opener = Callable[..., Ledger]

TIME = "datetime64[us, UTC]"
DTYPES = {
    "decisions": {
        "decision_id": "string", "run_id": "string", "policy": "string", "version": "string", "owner": "string",
        "proposed": "string", "outcome": "string", "confidence": "float64", "decided_by": "string", "gate": "string",
        "at": TIME, "witnessed": "bool", "review_probability": "float64",
    },
    "entries": {
        "run_id": "string", "position": "int64", "leaf": "Int64", "kind": "string", "name": "string", "scope": "string",
        "ordinal": "int64", "at": TIME, "hash": "string", "payload_bytes": "Int64", "personal": "bool", "swept": "bool",
    },
    "runs": {
        "run_id": "string", "process": "string", "version": "string", "status": "string", "started_at": TIME,
        "updated_at": TIME,
        "wake_at": TIME,
    },
    "reviews": {
        "review_id": "string", "run_id": "string", "gate": "string", "role": "string", "status": "string",
        "opened_at": TIME, "due_at": TIME, "escalate_to": "string", "decision_id": "string", "answered_by": "string",
        "outcome": "string", "proposed": "string", "claimed_by": "string", "expires_at": TIME, "purpose": "string",
    },
    "answers": {
        "review_id": "string", "run_id": "string", "decision_id": "string", "gate": "string", "role": "string",
        "person": "string", "on_behalf_of": "string", "purpose": "string", "proposed": "string", "outcome": "string",
        "opened_at": TIME, "viewed_at": TIME, "answered_at": TIME, "blind": "bool",
    },
}  # fmt: skip
"""As docs/reference/views.md has them."""

every_view = pytest.mark.parametrize("name", DTYPES)


class Claim(BaseModel):
    number: str
    holder: str
    iban: Annotated[str, Personal("bank account", subject_field="holder")]
    amount: Decimal


CLAIM = Claim(number="C-1", holder="h-1", iban="DE89370400440532013000", amount=Decimal("12.50"))
MADE = Decision("claims", "v1", "pay", "pay", ("pay", "refer"), 0.75, (), CLAIM, ("amount",), owner="head of claims")

c, d = fields(Claim), fields(Decision)
claims = DecisionTable(
    "claims",
    rule(c.amount < 1000, then="pay", because="the amount is small"),
    otherwise="refer",
    owner="head of claims",
)
approval = Gate("approval", when=d.outcome == "refer", to="controller", due=timedelta(hours=8), escalate_to="cfo")


PEOPLE = {"maria": {"controller"}, "ines": {"cfo"}}


@process
def pay_claim(claim: Claim) -> str:
    return approval(claims(claim)).outcome


def claim(number: str, amount: int) -> Claim:
    return CLAIM.model_copy(update={"number": number, "amount": Decimal(amount)})


@pytest.fixture
def runtime() -> Iterator[TestRuntime]:
    with closing(TestRuntime(processes=[pay_claim], people=PEOPLE)) as runtime:
        yield runtime


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


# columns and their types


@every_view
def test_a_view_without_rows_has_its_columns_in_their_types(ledger: Ledger, name: str) -> None:
    frame = ledger.view(name)
    assert len(frame) == 0
    assert dtypes(frame) == DTYPES[name]
    [batch] = ledger.batches(name)
    assert_frame_equal(batch, frame)


@every_view
def test_a_view_has_the_same_types_whatever_is_in_it(runtime: TestRuntime, name: str) -> None:
    for number, amount in (("C-1", 5), ("C-2", 5000), ("C-3", 6000)):
        runtime.start(pay_claim, claim(number, amount), id=number)
    runtime.reviews(to="controller")[0].answer("pay", by="maria", because="it is due")
    frame = runtime.ledger.view(name)
    assert len(frame) > 0
    assert dtypes(frame) == DTYPES[name]
    for batch in runtime.ledger.batches(name, size=1):
        assert dtypes(batch) == DTYPES[name]


def test_a_column_in_which_everything_is_missing_keeps_its_type(ledger: Ledger) -> None:
    ledger.record(replace(MADE, owner=None), key="C-1")
    frame = ledger.view("decisions")
    assert frame[["owner", "gate"]].isna().all(axis=None)
    assert dtypes(frame) == DTYPES["decisions"]
    assert ledger.view("entries")["leaf"].isna().all()
    assert dtypes(ledger.view("entries")) == DTYPES["entries"]


def test_every_view_is_listed_here() -> None:
    assert {v.name: {column.name: column.dtype for column in v.columns} for v in VIEWS} == DTYPES


@pytest.mark.parametrize("name", ["", "Decisions", "cases", None, ["decisions"]])
def test_a_view_that_is_none_is_refused_by_name_and_before_anything_is_read(ledger: Ledger, name: Any) -> None:
    for ask in (ledger.view, ledger.batches, lambda view: ledger.export_parquet("x.parquet", view)):
        with pytest.raises(DefinitionError, match="there are decisions, entries, runs, reviews, answers"):
            ask(name)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "10"])
def test_a_size_that_is_no_number_of_rows_is_refused_before_anything_is_read(ledger: Ledger, size: Any) -> None:
    with pytest.raises(DefinitionError, match=f"size={size!r}"):
        ledger.batches("decisions", size)


def test_a_view_loads_pandas_and_opening_a_ledger_does_not() -> None:
    script = (
        "import sys\nfrom abpo_sdk import Ledger\nledger = Ledger('sqlite://')\nledger.batches('runs')\n"
        "assert 'pandas' not in sys.modules and 'pyarrow' not in sys.modules\n"
        "ledger.view('runs')\nassert 'pandas' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# what is in them


def test_decisions_are_what_the_decisions_frame_says_without_cases_and_with_whether_they_were_witnessed(
    ledger: Ledger,
) -> None:
    assert isinstance(ledger.clock, FakeClock)
    ledger.record(MADE, key="z")
    ledger.clock.advance(timedelta(seconds=1))
    ledger.record(replace(MADE, policy="loans", proposed="refer"), key="b")
    ledger.record(replace(MADE, policy="loans"), key="a")
    history = [("old", replace(MADE, at=datetime(1999, 12, 31, 23, 0, tzinfo=UTC)))]
    ledger.import_decisions(history, source="the old system")
    frame = ledger.view("decisions")
    assert frame["run_id"].tolist() == ["old", "z", "a", "b"]
    assert frame["witnessed"].tolist() == [False, True, True, True]
    assert frame["at"].iloc[0] == pd.Timestamp("1999-12-31T23:00Z")
    long = ledger.decisions()
    for name in (*DTYPES["decisions"],)[:-2]:
        assert [None if pd.isna(v) else v for v in frame[name]] == [None if pd.isna(v) else v for v in long[name]], name


def test_entries_come_chain_by_chain_with_what_their_headers_say(ledger: Ledger, draft: DraftMaker) -> None:
    with ledger.writing() as writer:
        writer.append("R-2", [draft(0, secret="DE89"), draft(0, kind="raised", scope="/0/", name="inner")])
        writer.append("R-1", [draft(0, result="x" * 100)])
    ledger.seal()
    with ledger.writing() as writer:
        writer.append("R-1", [draft(1)])
    frame = ledger.view("entries")
    entries = [*ledger.entries("R-1"), *ledger.entries("R-2")]
    assert frame["run_id"].tolist() == ["R-1", "R-1", "R-2", "R-2"]
    assert frame["position"].tolist() == [0, 1, 0, 1]
    assert frame["leaf"].tolist() == [2, pd.NA, 0, 1]
    assert frame["kind"].tolist() == ["step", "step", "step", "raised"]
    assert frame["name"].tolist() == ["work", "work", "work", "inner"]
    assert frame["scope"].tolist() == ["/", "/", "/", "/0/"]
    assert frame["ordinal"].tolist() == [0, 1, 0, 0]
    assert frame["at"].tolist() == [entry.at for entry in entries]
    assert frame["hash"].tolist() == [entry.hash for entry in entries]
    assert frame["payload_bytes"].tolist() == [len(entry.payload or b"") for entry in entries]
    assert frame["personal"].tolist() == [False, False, True, False]
    assert frame["swept"].tolist() == [False] * 4


def test_runs_come_as_they_were_started_and_reviews_as_they_were_opened(runtime: TestRuntime) -> None:
    for number, amount in (("C-9", 5000), ("C-5", 5), ("C-1", 6000)):
        runtime.start(pay_claim, claim(number, amount), id=number)
        runtime.clock.advance(timedelta(hours=1))
    runtime.reviews(to="controller")[0].answer("pay", by="maria", because="it is due")
    runtime.clock.advance(timedelta(hours=7))
    runtime.tick()
    runs = runtime.ledger.view("runs")
    assert runs["run_id"].tolist() == ["C-9", "C-5", "C-1"]
    assert runs["status"].tolist() == ["done", "done", "waiting"]
    assert runs["process"].tolist() == ["pay_claim"] * 3
    assert runs["started_at"].tolist() == [START, START + timedelta(hours=1), START + timedelta(hours=2)]
    reviews = runtime.ledger.view("reviews")
    assert reviews["run_id"].tolist() == ["C-9", "C-1"]
    assert reviews["gate"].tolist() == ["approval"] * 2
    assert reviews["status"].tolist() == ["answered", "open"]
    assert reviews["role"].tolist() == ["controller", "cfo"]
    assert reviews["answered_by"].tolist() == ["maria", pd.NA]
    assert reviews["outcome"].tolist() == ["pay", pd.NA]
    assert reviews["escalate_to"].tolist() == ["cfo", pd.NA]
    assert reviews["due_at"].iloc[0] == START + timedelta(hours=8)
    assert pd.isna(reviews["due_at"].iloc[1])
    assert reviews["decision_id"].tolist() == runtime.ledger.view("decisions")["decision_id"].tolist()[::2]


@pytest.mark.parametrize("year", [1, 1500, 1969, 9999])
def test_times_that_other_types_of_pandas_cannot_hold_are_held(ledger: Ledger, year: int) -> None:
    at = datetime(year, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
    ledger.import_decisions([("old", replace(MADE, at=at))], source="the old system")
    [seen] = ledger.view("decisions")["at"]
    assert seen.to_pydatetime() == at


def test_an_erased_subject_leaves_its_rows_as_they_were(ledger: Ledger) -> None:
    ledger.record(MADE, key="C-1")
    before = {name: ledger.view(name) for name in ("decisions", "entries")}
    ledger.erase("h-1", by="dpo", because="asked for it")
    assert_frame_equal(ledger.view("decisions"), before["decisions"])
    after = ledger.view("entries")
    assert after["kind"].tolist() == ["erased", "decision"]
    assert_frame_equal(after[1:].reset_index(drop=True), before["entries"])
    for name in DTYPES:
        assert CLAIM.iban not in ledger.view(name).to_csv()


def test_a_swept_payload_is_said_to_be_swept(ledger: Ledger) -> None:
    assert isinstance(ledger.clock, FakeClock)
    ledger.record(MADE, key="C-1")
    ledger.clock.advance(timedelta(days=1))
    ledger.record(MADE, key="C-2")
    ledger.retain("decision", timedelta(hours=1))
    entries = ledger.view("entries").set_index("run_id")
    assert entries.loc["C-1", ["swept", "personal"]].tolist() == [True, False]
    assert entries.loc["C-1", "payload_bytes"] is pd.NA
    assert entries.loc["C-2", ["swept", "personal"]].tolist() == [False, True]
    assert dtypes(ledger.view("entries")) == DTYPES["entries"]
    assert ledger.view("decisions")["run_id"].tolist() == ["C-2"]


# batches

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(str.strip)
decisions = st.builds(
    replace,
    st.just(MADE),
    policy=texts,
    owner=st.none() | texts,
    confidence=st.floats(0, 1),
    decided_by=texts,
    gate=st.none() | texts,
    at=st.datetimes(timezones=st.just(UTC)),
    case=st.just({"n": 1}) | st.just(CLAIM),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(texts, decisions, max_size=12), st.sets(texts, max_size=3), st.integers(1, 15))
def test_batches_one_after_another_are_the_view(history: dict[str, Decision], recorded: set[str], size: int) -> None:
    with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
        ledger.import_decisions(history.items(), source="x")
        for key in recorded - history.keys():
            ledger.record(MADE, key=key)
        for name in DTYPES:
            whole = ledger.view(name)
            parts = list(ledger.batches(name, size))
            assert_frame_equal(pd.concat(parts), whole)
            assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
            assert len(parts[-1]) > 0 or len(whole) == 0
            for part in parts:
                assert (part.dtypes == whole.dtypes).all()


@pytest.mark.parametrize("size", [1, 3, 10, 100, 10**30])
def test_every_row_comes_once_whatever_the_size(ledger: Ledger, draft: DraftMaker, size: int) -> None:
    with ledger.writing() as writer:
        writer.append("R-1", [draft(number) for number in range(30)])
    parts = list(ledger.batches("entries", size))
    assert sum(map(len, parts)) == 30
    assert [n for part in parts for n in part["ordinal"]] == list(range(30))
    assert [n for part in parts for n in part.index] == list(range(30))


@every_view
def test_what_is_written_while_batches_are_read_is_not_in_them(open_ledger: Opener, name: str) -> None:
    ledger, other = open_ledger(), open_ledger()
    with closing(TestRuntime(ledger, [pay_claim], people=PEOPLE)) as runtime:
        for number in ("C-1", "C-2", "C-3"):
            runtime.start(pay_claim, claim(number, 5000), id=number)
        before = ledger.view(name)
        batches = ledger.batches(name, size=1)
        first = next(batches)
        runtime.start(pay_claim, claim("C-4", 5000), id="C-4")
        runtime.reviews(to="controller")[0].answer("pay", by="maria", because="it is due")
        other.record(MADE, key="C-0")
        thread = threading.Thread(target=ledger.record, args=(MADE,), kwargs={"key": "C-5"})
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        assert_frame_equal(pd.concat([first, *batches]), before)


def test_of_a_ledger_in_memory_too_batches_are_of_one_moment_and_nobody_waits_for_who_reads_them() -> None:
    with closing(Ledger("sqlite://", clock=FakeClock())) as ledger:
        for key in ("C-1", "C-2"):
            ledger.record(MADE, key=key)
        before = ledger.view("entries")
        batches = ledger.batches("entries", size=1)
        first = next(batches)
        thread = threading.Thread(target=ledger.record, args=(MADE,), kwargs={"key": "C-3"})
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        assert_frame_equal(pd.concat([first, *batches]), before)
        assert len(ledger.view("entries")) == 3


class Watched(SqliteStore):
    """Knows how many of its snapshots are open."""

    open = 0
    opened = 0

    @contextmanager
    def snapshot(self) -> Any:
        self.open += 1
        self.opened += 1
        try:
            with super().snapshot() as reader:
                yield reader
        finally:
            self.open -= 1


@pytest.fixture
def watched(path: Path) -> Iterator[tuple[Ledger, Watched]]:
    store = Watched(path)
    with closing(Ledger(store, vault=MemoryVault(), clock=FakeClock())) as ledger:
        for number in range(5):
            ledger.record(MADE, key=f"C-{number}")
        store.opened = 0
        yield ledger, store


def test_one_snapshot_is_opened_with_the_first_batch_and_let_go_after_the_last(watched: tuple[Ledger, Watched]) -> None:
    ledger, store = watched
    batches = ledger.batches("decisions", 2)
    assert store.opened == 0
    next(batches)
    assert (store.opened, store.open) == (1, 1)
    assert len(list(batches)) == 2
    assert (store.opened, store.open) == (1, 0)
    ledger.view("decisions")
    assert (store.opened, store.open) == (2, 0)


def test_an_iterator_that_is_closed_or_thrown_away_lets_its_snapshot_go(watched: tuple[Ledger, Watched]) -> None:
    ledger, store = watched
    batches: Any = ledger.batches("decisions", 2)
    next(batches)
    batches.close()
    assert store.open == 0
    batches = ledger.batches("decisions", 2)
    next(batches)
    del batches
    gc.collect()
    assert store.open == 0
    for _ in ledger.batches("decisions", 2):
        break
    gc.collect()
    assert store.open == 0


def test_an_iterator_that_fails_lets_its_snapshot_go(watched: tuple[Ledger, Watched], path: Path) -> None:
    ledger, store = watched
    change(path, "UPDATE abpo_decisions SET at = 'never' WHERE chain = 'C-3'")
    batches = ledger.batches("decisions", 2)
    next(batches)
    with pytest.raises(LedgerBroken):
        list(batches)
    assert store.open == 0


def test_batches_of_a_ledger_that_was_closed_are_refused_and_those_begun_before_go_on(ledger: Ledger) -> None:
    for key in ("C-1", "C-2"):
        ledger.record(MADE, key=key)
    begun = ledger.batches("decisions", 1)
    next(begun)
    ledger.close()
    assert len(list(begun)) == 1
    with pytest.raises(StoreUnavailable):
        next(ledger.batches("decisions"))


def test_batches_take_the_memory_of_a_batch(ledger: Ledger, draft: DraftMaker) -> None:
    for chain in range(20):
        with ledger.writing() as writer:
            writer.append(f"R-{chain}", [draft(number) for number in range(500)])
    peaks = []
    for size in (200, 10_000):
        list(map(len, ledger.batches("entries", size)))  # what is loaded once is loaded
        tracemalloc.start()
        assert sum(map(len, ledger.batches("entries", size))) == 10_000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < peaks[1] / 4


# what is stored is not what such a row holds


def change(path: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(sql, values)


@pytest.fixture
def filled(open_ledger: Opener) -> Ledger:
    ledger = open_ledger()
    with closing(TestRuntime(ledger, [pay_claim], people=PEOPLE)) as runtime:
        for number in ("C-1", "C-2", "C-3"):
            runtime.start(pay_claim, claim(number, 5000), id=number)
        runtime.run("C-3").review.answer("pay", by="maria", because="it is due")
    return open_ledger()


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("decisions", "at", "yesterday"),
        ("decisions", "at", ""),
        ("decisions", "at", "NaT"),
        ("decisions", "at", "2026-02-30T00:00:00.000000Z"),
        ("decisions", "at", "0000-01-01T00:00:00.000000Z"),
        ("decisions", "at", "2026-01-01T00:00:00.000000+01:00Z"),
        ("decisions", "at", "٢٠٢٦-01-01T00:00:00.000000Z"),
        ("decisions", "at", b"\x00"),
        ("decisions", "confidence", "high"),
        ("decisions", "confidence", b"\x00"),
        ("decisions", "policy", b"claims"),
        ("decisions", "owner", b"\xff"),
        ("decisions", "witnessed", 7),
        ("decisions", "witnessed", "yes"),
        ("runs", "started_at", "2026-01-01"),
        ("runs", "status", b"done"),
        ("reviews", "due_at", 5),
        ("reviews", "outcome", b"pay"),
    ],
)
def test_a_row_that_does_not_hold_what_such_a_row_holds_is_named(
    filled: Ledger, path: Path, name: str, column: str, value: Any
) -> None:
    key = {"runs": "id"}.get(name, "chain")
    change(path, f"UPDATE abpo_{name} SET {column} = ? WHERE {key} = 'C-2'", value)
    for size in (1, 2, 100):
        with pytest.raises(LedgerBroken, match=f"'C-2'.*{column}") as caught:
            list(filled.batches(name, size))
        assert caught.value.chain == "C-2"
    with pytest.raises(LedgerBroken):
        filled.view(name)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("header", b""),
        ("header", b"{"),
        ("header", b"[1]"),
        ("header", b"{}"),
        ("header", "a text"),
        ("header", b'{"at":"2026-01-01T00:00:00.000000Z","kind":1,"name":"x"}'),
        ("header", b'{"at":"2026","kind":"step","name":"x"}'),
        ("header", b'{"at":"2026-01-01T00:00:00.000000Z","kind":"step","name":null}'),
        ("payload", "a text"),
        ("leaf", "first"),
        ("scope", b"/"),
    ],
)
def test_an_entry_that_is_none_is_named(filled: Ledger, path: Path, column: str, value: Any) -> None:
    change(path, f"UPDATE abpo_entries SET {column} = ? WHERE chain = 'C-2' AND position = 1", value)
    with pytest.raises(LedgerBroken, match="'C-2'") as caught:
        filled.view("entries")
    assert caught.value.chain == "C-2"


@every_view
def test_a_text_that_is_no_text_is_a_broken_ledger(filled: Ledger, path: Path, name: str) -> None:
    column = {"runs": "process", "entries": "scope"}.get(name, "gate")
    key = {"runs": "id"}.get(name, "chain")
    chain = "C-3" if name == "answers" else "C-2"
    only = "AND position = 1" if name == "entries" else ""
    change(path, f"UPDATE abpo_{name} SET {column} = CAST(X'ff' AS TEXT) WHERE {key} = '{chain}' {only}")
    with pytest.raises(LedgerBroken):
        filled.view(name)


@every_view
def test_a_damaged_file_is_an_error_of_ours(filled: Ledger, path: Path, name: str) -> None:
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    filled.close()
    damaged = bytearray(path.read_bytes())
    damaged[8192:] = b"\x5a" * (len(damaged) - 8192)
    path.write_bytes(damaged)
    with pytest.raises((StoreUnavailable, LedgerBroken)), closing(Ledger(f"sqlite:///{path}")) as ledger:
        ledger.view(name)


def test_a_long_value_is_not_shown_whole(filled: Ledger, path: Path) -> None:
    change(path, "UPDATE abpo_decisions SET at = ?", "x" * 1000)
    with pytest.raises(LedgerBroken) as caught:
        filled.view("decisions")
    assert len(str(caught.value)) < 400
