"""Decisions without a run: in the caller's own SQLite transaction, and as history from elsewhere."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError, DuplicateRun, NotCanonical, SchemaUnknown, StoreUnavailable
from abpo_sdk.ledger import Ledger
from abpo_sdk.ledger.stores.migrations import MIGRATIONS
from abpo_sdk.testing.clock import FakeClock
from abpo_sdk.values.decision import Decision
from abpo_sdk.values.personal import Personal


@dataclass(frozen=True)
class Claim:
    customer: str
    iban: Annotated[str, Personal("bank account", subject_field="customer")]


def decided(outcome: str = "pay", *, iban: str = "DE89") -> Decision:
    return Decision(
        policy="claims",
        version="v1",
        outcome=outcome,
        proposed=outcome,
        outcomes=("pay", "reject"),
        confidence=1.0,
        reasons=(),
        case=Claim("K-1", iban),
        inputs=("iban",),
    )


@pytest.fixture
def app(path: Path) -> Iterator[sqlite3.Connection]:
    """An application's connection to its own file."""
    with closing(sqlite3.connect(path, timeout=0, check_same_thread=False)) as connection:
        connection.execute("CREATE TABLE payments (decision_id TEXT)")
        connection.commit()
        yield connection


@pytest.fixture
def shared(path: Path, app: sqlite3.Connection) -> Iterator[Ledger]:
    """A ledger in the application's file."""
    with Ledger(f"sqlite:///{path}", shared=True, clock=FakeClock(), timeout=0) as ledger:
        yield ledger


def payments(app: sqlite3.Connection) -> list[str]:
    return [row[0] for row in app.execute("SELECT decision_id FROM payments")]


# in the caller's transaction


def test_a_decision_and_what_the_caller_writes_are_kept_together(shared: Ledger, app: sqlite3.Connection) -> None:
    with app:
        recorded = shared.record(decided(), key="C-1", connection=app)
        app.execute("INSERT INTO payments VALUES (?)", (recorded.id,))
    assert payments(app) == ["C-1/0"]
    assert recorded.at == shared.clock.now()
    assert [entry.kind for entry in shared.entries("C-1")] == ["decision"]
    assert shared.verify().entries == 1
    assert shared.decisions()["decision_id"].tolist() == ["C-1/0"]


def test_a_decision_and_what_the_caller_writes_are_lost_together(shared: Ledger, app: sqlite3.Connection) -> None:
    app.execute("INSERT INTO payments VALUES ('C-1/0')")
    shared.record(decided(), key="C-1", connection=app)
    app.rollback()
    assert payments(app) == []
    assert shared.entries("C-1") == []
    assert shared.decisions().empty
    assert shared.verify().entries == 0


def test_nothing_is_seen_elsewhere_before_the_caller_commits(shared: Ledger, app: sqlite3.Connection) -> None:
    shared.record(decided(), key="C-1", connection=app)
    assert app.in_transaction
    assert shared.entries("C-1") == []
    app.commit()
    assert len(shared.entries("C-1")) == 1


def test_recording_a_key_again_gives_what_is_there_in_the_same_and_in_a_later_transaction(
    shared: Ledger, app: sqlite3.Connection
) -> None:
    with app:
        first = shared.record(decided(), key="C-1", connection=app)
        assert shared.record(decided(), key="C-1", connection=app) == first
    with app:
        assert shared.record(decided(), key="C-1", connection=app) == first
    assert shared.record(decided(), key="C-1") == first
    assert shared.record(first, key="C-1", connection=app) == first
    assert shared.verify().entries == 1


def test_another_decision_under_the_key_is_refused_and_the_callers_transaction_goes_on(
    shared: Ledger, app: sqlite3.Connection
) -> None:
    with app:
        shared.record(decided(), key="C-1", connection=app)
        for other in (decided("reject"), decided(iban="AT61")):
            with pytest.raises(DuplicateRun, match="'C-1' holds another decision"):
                shared.record(other, key="C-1", connection=app)
        app.execute("INSERT INTO payments VALUES ('C-1/0')")
    assert payments(app) == ["C-1/0"]
    assert shared.entries("C-1")[0].content["result"]["decision"]["outcome"] == "pay"


@pytest.mark.parametrize("isolation", ["", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"])
def test_a_connection_that_begins_by_itself_is_begun_as_it_would_be_by_an_insert(
    shared: Ledger, app: sqlite3.Connection, isolation: str
) -> None:
    app.isolation_level = isolation  # type: ignore[assignment]
    shared.record(decided(), key="C-1", connection=app)
    assert app.in_transaction
    app.rollback()
    assert shared.entries("C-1") == []


def test_a_connection_that_commits_each_statement_is_refused_unless_a_transaction_was_begun(
    shared: Ledger, app: sqlite3.Connection
) -> None:
    app.isolation_level = None
    with pytest.raises(DefinitionError, match="no transaction that could be joined; begin one"):
        shared.record(decided(), key="C-1", connection=app)
    assert shared.entries("C-1") == []
    app.execute("BEGIN")
    shared.record(decided(), key="C-1", connection=app)
    app.execute("COMMIT")
    assert len(shared.entries("C-1")) == 1


def test_a_connection_to_another_ledger_or_to_no_ledger_is_refused(shared: Ledger, tmp_path: Path) -> None:
    Ledger(f"sqlite:///{tmp_path}/other.db").close()
    for name in ("other.db", "no_ledger.db"):
        with closing(sqlite3.connect(tmp_path / name)) as other:
            with pytest.raises(DefinitionError, match="another file than the ledger"):
                shared.record(decided(), key="C-1", connection=other)
            assert not other.in_transaction
    assert shared.entries("C-1") == []


@pytest.mark.parametrize("thing", ["app.db", 7, object()])
def test_what_is_no_connection_is_refused_by_name(shared: Ledger, thing: Any) -> None:
    with pytest.raises(DefinitionError, match=r"is no sqlite3\.Connection"):
        shared.record(decided(), key="C-1", connection=thing)


def test_a_closed_connection_is_an_error_of_ours(shared: Ledger, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        pass
    with pytest.raises(StoreUnavailable, match="is closed"):
        shared.record(decided(), key="C-1", connection=connection)


def test_a_file_that_is_locked_by_another_is_an_error_of_ours_and_nothing_is_kept(
    shared: Ledger, app: sqlite3.Connection, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            shared.record(decided(), key="C-1", connection=app)
        other.execute("ROLLBACK")
    assert shared.entries("C-1") == []


@pytest.mark.parametrize("key", ["", "  ", None, 7, "$ledger"])
def test_a_key_that_names_nothing_is_refused_before_anything_is_begun(
    shared: Ledger, app: sqlite3.Connection, key: Any
) -> None:
    with pytest.raises(DefinitionError, match="the key of a decision is"):
        shared.record(decided(), key=key, connection=app)
    assert not app.in_transaction


def test_a_case_that_cannot_be_stored_leaves_the_callers_transaction_alone(
    shared: Ledger, app: sqlite3.Connection
) -> None:
    app.execute("INSERT INTO payments VALUES ('before')")
    with pytest.raises(NotCanonical):
        shared.record(decided(iban="\ud800"), key="C-1", connection=app)
    app.commit()
    assert payments(app) == ["before"]
    assert shared.verify().entries == 0


def test_several_callers_with_one_key_record_it_once(shared: Ledger, path: Path, app: sqlite3.Connection) -> None:
    barrier = threading.Barrier(4)
    recorded: list[Any] = []

    def caller() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            barrier.wait()
            with connection:
                decision = shared.record(decided(), key="C-1", connection=connection)
                connection.execute("INSERT INTO payments VALUES (?)", (decision.id,))
            recorded.append(decision.id)

    threads = [threading.Thread(target=caller) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded == ["C-1/0"] * 4
    assert len(shared.entries("C-1")) == 1
    assert payments(app) == ["C-1/0"] * 4  # what the callers do is theirs


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.booleans(), st.booleans()), max_size=8))
@settings(max_examples=25, deadline=None)
def test_what_was_committed_and_nothing_else_is_in_the_ledger(work: list[tuple[str, bool, bool]]) -> None:
    """Each is a key, whether the caller's own connection is used, and whether it commits."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory, closing(sqlite3.connect(f"{directory}/app.db")) as app:
        app.execute("CREATE TABLE payments (decision_id TEXT)")
        app.commit()
        with Ledger(f"sqlite:///{directory}/app.db", shared=True) as ledger:
            kept = set()
            for key, own, commits in work:
                if own:
                    ledger.record(decided(), key=key, connection=app)
                    if commits:
                        app.commit()
                    else:
                        app.rollback()
                else:
                    ledger.record(decided(), key=key)
                if commits or not own:
                    kept.add(key)
                ledger.seal()
            assert {head.chain for head in ledger.store.heads()} == kept
            verified = ledger.verify()
            assert (verified.entries, verified.sealed) == (len(kept), len(kept))


# in the application's file


def test_an_applications_file_is_left_alone_unless_it_is_said_to_be_shared(path: Path, app: sqlite3.Connection) -> None:
    before = list(app.iterdump())
    with pytest.raises(SchemaUnknown, match=r"payments.*shared=True"):
        Ledger(f"sqlite:///{path}")
    assert list(app.iterdump()) == before


def test_the_marks_of_an_applications_file_stay_its_own(path: Path, app: sqlite3.Connection) -> None:
    app.execute("PRAGMA user_version = 41")
    app.execute("PRAGMA application_id = 4711")
    for options in ({"shared": True}, {"shared": True}, {}):  # once there, it is known as a ledger
        with Ledger(f"sqlite:///{path}", **options) as ledger:  # type: ignore[arg-type]
            ledger.record(decided(), key="C-1")
    assert app.execute("PRAGMA user_version").fetchone() == (41,)
    assert app.execute("PRAGMA application_id").fetchone() == (4711,)
    assert app.execute("SELECT version FROM abpo_ledger").fetchone() == (len(MIGRATIONS),)
    assert payments(app) == []


def test_a_file_of_its_own_may_be_shared_later_on(path: Path) -> None:
    with Ledger(f"sqlite:///{path}") as ledger, closing(sqlite3.connect(path)) as app:
        app.execute("CREATE TABLE payments (decision_id TEXT)")
        with app:
            ledger.record(decided(), key="C-1", connection=app)
    with Ledger(f"sqlite:///{path}") as ledger:
        assert len(ledger.entries("C-1")) == 1


def test_a_shared_file_of_a_later_release_is_refused(path: Path, shared: Ledger, app: sqlite3.Connection) -> None:
    with app:
        app.execute("UPDATE abpo_ledger SET version = 99")
    with pytest.raises(SchemaUnknown, match=f"schema 99, and this release knows up to {len(MIGRATIONS)}"):
        Ledger(f"sqlite:///{path}", shared=True)


@pytest.mark.parametrize("change", ["DELETE FROM abpo_ledger", "UPDATE abpo_ledger SET version = 'many'"])
def test_a_shared_file_that_does_not_say_its_schema_is_refused(
    path: Path, shared: Ledger, app: sqlite3.Connection, change: str
) -> None:
    with app:
        app.execute(change)
    with pytest.raises(SchemaUnknown, match="does not say which schema"):
        Ledger(f"sqlite:///{path}", shared=True)


# history from elsewhere

LONG_AGO = datetime(2019, 5, 1, tzinfo=UTC)


def test_history_is_imported_once_as_not_witnessed_with_its_own_time(
    open_ledger: Callable[..., Ledger],
) -> None:
    ledger = open_ledger()
    history = [(f"H-{n}", replace(decided(), at=LONG_AGO + timedelta(days=n))) for n in range(3)]
    assert ledger.import_decisions(history[:2], source="the archive") == 2
    assert ledger.import_decisions(iter(history), source="the archive") == 1
    entry = ledger.entries("H-0")[0]
    assert (entry.kind, entry.name, entry.at) == ("imported", "claims", ledger.clock.now())
    assert entry.content["source"] == "the archive"
    assert "DE89" not in entry.payload.decode()  # type: ignore[union-attr]
    frame = ledger.decisions()
    assert frame["at"].tolist() == [LONG_AGO + timedelta(days=n) for n in range(3)]
    ledger.rebuild()
    assert ledger.verify().entries == 3


def test_a_long_history_is_read_bit_by_bit(open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch) -> None:
    from abpo_sdk.ledger import recorded_decisions

    monkeypatch.setattr(recorded_decisions, "AT_ONCE", 4)
    ledger = open_ledger()
    seen: list[int] = []

    def history() -> Iterator[tuple[str, Decision]]:
        for number in range(10):
            seen.append(sum(1 for _ in ledger.store.heads()))
            yield f"H-{number}", replace(decided(), at=LONG_AGO)

    assert ledger.import_decisions(history(), source="the archive") == 10
    assert seen == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]


@pytest.mark.parametrize("at", [None, datetime(2019, 5, 1)])  # noqa: DTZ001
def test_history_without_a_time_is_refused_and_names_the_key(open_ledger: Callable[..., Ledger], at: Any) -> None:
    ledger = open_ledger()
    history = [("H-0", replace(decided(), at=LONG_AGO)), ("H-1", replace(decided(), at=at))]
    with pytest.raises(DefinitionError, match="the decision 'H-1' has at="):
        ledger.import_decisions(history, source="the archive")
    assert ledger.verify().entries == 0


def test_a_source_without_a_name_and_a_key_that_is_taken_are_refused(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    witnessed = ledger.record(decided(), key="C-1")
    history = [("C-1", replace(decided(), at=LONG_AGO))]
    with pytest.raises(DefinitionError, match="source=' ' is empty"):
        ledger.import_decisions(history, source=" ")
    with pytest.raises(DuplicateRun, match="'C-1' holds another decision"):
        ledger.import_decisions(history, source="the archive")
    assert ledger.import_decisions([("H-1", replace(decided(), at=LONG_AGO))], source="the archive") == 1
    with pytest.raises(DuplicateRun, match="'H-1' holds another imported"):
        ledger.import_decisions([("H-1", replace(decided(), at=LONG_AGO + timedelta(1)))], source="the archive")
    with pytest.raises(DuplicateRun, match="'H-1' holds another imported"):
        ledger.record(decided(), key="H-1")
    assert ledger.record(decided(), key="C-1") == witnessed


def test_what_was_recorded_and_rolled_back_is_recorded_again_however_it_is_given(
    shared: Ledger, app: sqlite3.Connection
) -> None:
    recorded = shared.record(decided(), key="C-1", connection=app)
    app.rollback()
    assert shared.record(recorded, key="C-1").id == "C-1/0"
    assert len(shared.entries("C-1")) == 1


@pytest.mark.parametrize("thing", [{"amount": 1}, None, Claim("K-1", "DE89")])
def test_what_is_no_decision_is_refused_and_told_what_to_do(open_ledger: Callable[..., Ledger], thing: Any) -> None:
    ledger = open_ledger()
    with pytest.raises(DefinitionError, match=r"is no Decision; let a policy decide first"):
        ledger.record(thing, key="C-1")
    with pytest.raises(DefinitionError, match=r"is no Decision; let a policy decide first"):
        ledger.import_decisions([("C-1", thing)], source="x")
    with pytest.raises(DefinitionError, match="it is of pairs"):
        ledger.import_decisions([thing], source="x")
    with pytest.raises(DefinitionError, match=r"give the policy's name, such as policy\.name"):
        ledger.decisions(policy=object())  # type: ignore[arg-type]


def test_a_connection_may_give_its_rows_in_whichever_form(shared: Ledger, app: sqlite3.Connection) -> None:
    app.row_factory = lambda cursor, row: dict(zip([c[0] for c in cursor.description], row, strict=True))
    with app:
        assert shared.record(decided(), key="C-1", connection=app).id == "C-1/0"
    assert len(shared.entries("C-1")) == 1
