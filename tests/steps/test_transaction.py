"""Steps whose effect is kept in the transaction that records their result: both, or neither."""

import asyncio
import sqlite3
import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel

from abpo_sdk import (
    DecisionTable,
    Ledger,
    Retry,
    Runtime,
    effect,
    fields,
    gather,
    idempotency_key,
    key_scope,
    ledger_connection,
    process,
    rule,
    step,
)
from abpo_sdk.errors import AbpoError, DefinitionError, NoRun, StoreUnavailable
from abpo_sdk.ledger import FileVault
from abpo_sdk.testing import FakeClock

PEOPLE = {"maria@acme": {"operator"}}


class Claim(BaseModel):
    number: int


claims = DecisionTable("claims", rule(fields(Claim).number < 9, then="pay", because="small"), otherwise="refer")


def sql(text):
    """The statement as the database at hand writes parameters."""
    postgres = isinstance(ledger_connection(), psycopg.Connection)
    return text.replace("?", "%s") if postgres else text


@step(transaction=True)
def book(number: int, *, during: Any) -> str:
    ledger_connection().execute(sql("INSERT INTO bookings VALUES (?, ?)"), (number, idempotency_key()))
    during(number)
    return f"booking {number}"


@process
def booking(number: int, *, during: Any) -> str:
    return book(number, during=during)


@process
def stubborn(number: int, *, during: Any) -> str:
    try:
        return book(number, during=during)
    except Exception:
        return "swallowed"


def nothing(number):
    pass


class World:
    """A ledger in a database that is an application's, too."""

    def __init__(self, open_ledger, query):
        self.clock = FakeClock()
        self._open, self.query, self._runtimes = open_ledger, query, []

    def runtime(self, *processes):
        runtime = Runtime(self._open(self.clock), processes, people=PEOPLE)
        self._runtimes.append(runtime)
        return runtime

    def bookings(self):
        return sorted(tuple(row) for row in self.query("SELECT * FROM bookings"))

    def close(self):
        for runtime in self._runtimes:
            runtime.close()


@pytest.fixture
def sqlite_world(tmp_path):
    path = tmp_path / "app.db"

    def query(text):
        connection = sqlite3.connect(path)
        with connection:
            rows = connection.execute(text).fetchall()
        connection.close()
        return rows

    query("CREATE TABLE bookings (number INTEGER UNIQUE, key TEXT)")
    vault = tmp_path / "keys"
    world = World(
        lambda clock: Ledger(f"sqlite:///{path}", shared=True, clock=clock, vault=FileVault(vault), timeout=0.5), query
    )
    yield world
    world.close()


@pytest.fixture
def postgres_world(postgres, open_store, schema, tmp_path):
    def query(text):
        with postgres.connect(autocommit=True) as connection:
            cursor = connection.execute(text.replace("bookings", f"{schema}_app.bookings"))
            return cursor.fetchall() if cursor.description else []

    postgres.run(f"CREATE SCHEMA {schema}_app", f"CREATE TABLE {schema}_app.bookings (number INTEGER UNIQUE, key TEXT)")

    def open_ledger(clock):
        store = open_store(f"{postgres.url}&options=-csearch_path%3D{schema}_app")
        return Ledger(store, clock=clock, vault=FileVault(tmp_path / "keys"))

    world = World(open_ledger, query)
    yield world
    world.close()
    postgres.run(f"DROP SCHEMA {schema}_app CASCADE")


@pytest.fixture(params=["sqlite", "postgres"])
def world(request):
    return request.getfixturevalue(f"{request.param}_world")


def test_effect_and_result_are_kept_together(world):
    run = world.runtime(booking.bind(during=nothing)).start(booking, 7, id="R")
    assert run.result() == "booking 7"
    assert world.bookings() == [(7, "R/book/0")]
    assert [e.kind for e in run.entries] == ["started", "step", "finished"]


def test_until_it_has_returned_nobody_else_sees_it(world):
    seen = []
    run = world.runtime(booking.bind(during=lambda _: seen.append(world.bookings()))).start(booking, 7)
    assert (run.status, seen, len(world.bookings())) == ("done", [[]], 1)


def raising(error):
    def during(number):
        raise error

    return during


def test_an_error_of_the_step_takes_its_effect_back(world):
    runtime = world.runtime(stubborn.bind(during=raising(ValueError("no"))))
    run = runtime.start(stubborn, 7)
    assert run.result() == "swallowed"
    assert world.bookings() == []
    assert [e.kind for e in run.entries] == ["started", "raised", "finished"]
    runtime.ledger.verify()


@pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("moment", ["during", "after effect"])
def test_a_crash_before_the_commit_takes_its_effect_back_and_it_is_done_again(world, moment, death):
    lives = [death]

    def during(number):
        if moment == "during" and lives:
            raise lives.pop()

    def die(at):
        if moment == "after effect" and at.what == "call returned" and at.effect and lives:
            raise lives.pop()

    runtime = world.runtime(booking.bind(during=during))
    runtime._worker.observe = die
    with pytest.raises(death):
        runtime.start(booking, 7, id="R")
    assert (runtime.run("R").status, world.bookings()) == ("running", [])
    other = world.runtime(booking.bind(during=during))
    assert other.tick().advanced == ("R",)
    assert (other.run("R").result(), world.bookings()) == ("booking 7", [(7, "R/book/0")])


def test_a_result_that_cannot_be_recorded_takes_its_effect_back(world):
    @step(transaction=True)
    def lossy(number: int) -> float:
        ledger_connection().execute(sql("INSERT INTO bookings VALUES (?, ?)"), (number, idempotency_key()))
        return float("nan")

    @process
    def losing(number: int) -> float:
        try:
            return lossy(number)
        except Exception:
            return 0.0

    run = world.runtime(losing).start(losing, 7)
    assert (run.incident.step, world.bookings()) == ("lossy", [])


def test_a_worker_that_was_taken_over_keeps_neither(world):
    """Its lease has run out meanwhile; and the process cannot swallow that."""
    runtime, other = world.runtime(stubborn.bind(during=nothing)), world.runtime()

    def observe(at):
        if at.what == "call begins" and at.effect:
            world.clock.advance(timedelta(hours=1))
            other._worker.leases.acquire("R")

    runtime._worker.observe = observe
    with pytest.raises(AbpoError, match="was taken over"):
        runtime.start(stubborn, 7, id="R")
    assert world.bookings() == []


def test_attempts_that_failed_leave_nothing_and_the_last_is_kept(world):
    calls = []

    @step(transaction=True, retry=Retry(ValueError, attempts=3, pause=timedelta(0), jitter=timedelta(0)))
    def shaky(number: int) -> int:
        calls.append(idempotency_key())
        ledger_connection().execute(sql("INSERT INTO bookings VALUES (?, ?)"), (number + len(calls), calls[-1]))
        if len(calls) < 3:
            raise ValueError
        return number

    @process
    def work(number: int) -> int:
        return shaky(number)

    run = world.runtime(work).start(work, 0, id="R")
    assert run.result() == 0
    assert world.bookings() == [(3, "R/shaky/0")]
    assert calls == ["R/shaky/0"] * 3


def test_what_the_database_refuses_is_the_steps_own_error(world):
    world.query("INSERT INTO bookings VALUES (7, 'by hand')")
    runtime = world.runtime(booking.bind(during=nothing))
    run = runtime.start(booking, 7, id="R")
    assert run.incident.step == "book"
    assert run.incident.error.partition(":")[0] in ("IntegrityError", "UniqueViolation")
    world.query("DELETE FROM bookings")
    run.incident.retry(by="maria@acme", because="it was booked twice")
    assert (run.result(), world.bookings()) == ("booking 7", [(7, "R/book/0")])


def test_a_part_that_failed_may_be_given_up_in_a_savepoint(world):
    @step(transaction=True)
    def careful(number: int) -> str:
        connection = ledger_connection()
        connection.execute("SAVEPOINT part")
        connection.execute(sql("INSERT INTO bookings VALUES (?, ?)"), (number, "x"))
        connection.execute("ROLLBACK TO SAVEPOINT part")
        connection.execute("RELEASE SAVEPOINT part")
        connection.execute(sql("INSERT INTO bookings VALUES (?, ?)"), (number, "y"))
        return "done"

    @process
    def work(number: int) -> str:
        return careful(number)

    assert world.runtime(work).start(work, 7).result() == "done"
    assert world.bookings() == [(7, "y")]


def test_several_runs_at_once(world):
    runtime = world.runtime(booking.bind(during=nothing))
    threads = [threading.Thread(target=runtime.start, args=(booking, n)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runtime.runs("done")) == len(world.bookings()) == 12
    runtime.ledger.verify()


def test_in_branches_each_has_its_own(world):
    @process
    def many(number: int) -> list[str]:
        return list(gather(*(lambda n=n: book(n, during=nothing) for n in range(number))))

    runtime = world.runtime(many)
    run = runtime.start(many, 5, id="R")
    assert run.result() == [f"booking {n}" for n in range(5)]
    assert world.bookings() == [(n, f"R/0.{n}/book/0") for n in range(5)]
    runtime.ledger.verify()


def test_an_async_process_calls_it_as_it_is(world):
    @process
    async def later(number: int) -> str:
        await asyncio.sleep(0)
        return book(number, during=nothing)

    assert world.runtime(later).start(later, 7, id="R").result() == "booking 7"
    assert world.bookings() == [(7, "R/book/0")]


# what a step may not do with it

ENDING = {
    "commit": lambda c: c.commit(),
    "rollback": lambda c: c.rollback(),
    "COMMIT": lambda c: c.execute("COMMIT"),
    "ROLLBACK": lambda c: c.execute(" /* x */ rollback"),
    "END": lambda c: c.execute("-- x\nEND"),
    "BEGIN": lambda c: c.execute("BEGIN"),
    "with": lambda c: c.__enter__() and c.__exit__(None, None, None),
}


@pytest.mark.parametrize("end", ENDING.values(), ids=ENDING)
def test_it_may_not_end_the_transaction(world, end):
    run = world.runtime(booking.bind(during=lambda _: end(ledger_connection()))).start(booking, 7)
    assert (run.incident.step, world.bookings()) == ("book", [])
    assert "transaction" in run.incident.error.lower()


def test_a_statement_about_the_word_is_not_refused(world):
    def during(number):
        ledger_connection().execute(sql("INSERT INTO bookings VALUES (?, 'commit; rollback')"), (number + 1,))

    assert world.runtime(booking.bind(during=during)).start(booking, 7).result() == "booking 7"


def test_an_end_behind_another_statement_is_noticed_afterwards(postgres_world):
    """The driver sends both at once, so this one can only be told."""
    run = postgres_world.runtime(stubborn.bind(during=lambda _: ledger_connection().execute("SELECT 1; COMMIT")))
    run = run.start(stubborn, 7)
    assert run.incident.step == "book"
    assert "was ended by what was done in it; nobody knows what of that was kept" in run.incident.error


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM abpo_entries",
        "UPDATE abpo_runs SET status = 'done'",
        "INSERT INTO abpo_checkpoints VALUES (1, 1, 1)",
        "DROP TABLE abpo_tiles",
        "ALTER TABLE abpo_entries ADD COLUMN x",
        "CREATE TEMP TABLE abpo_entries (x)",
        "CREATE TRIGGER t AFTER INSERT ON abpo_entries BEGIN SELECT 1; END",
        "CREATE INDEX i ON abpo_entries (chain)",
        "PRAGMA synchronous = OFF",
        "ATTACH ':memory:' AS other",
    ],
)
def test_the_ledgers_own_tables_are_not_for_a_step(sqlite_world, statement):
    runtime = sqlite_world.runtime(stubborn.bind(during=lambda _: ledger_connection().execute(statement)))
    run = runtime.start(stubborn, 7)
    assert run.incident.step == "book"
    assert "nobody else may end that (COMMIT, ROLLBACK, executescript)" in run.incident.error
    assert run.incident.error.startswith("DefinitionError")
    assert sqlite_world.bookings() == []
    runtime.ledger.verify()


def test_it_may_read_them_and_make_tables_of_its_own(sqlite_world):
    def during(number):
        connection = ledger_connection()
        assert connection.execute("SELECT count(*) FROM abpo_entries").fetchone() == (1,)
        connection.execute("CREATE TABLE more (abpo_id TEXT)")
        connection.execute("INSERT INTO more VALUES ('x')")
        connection.execute("UPDATE more SET abpo_id = 'y'")

    assert sqlite_world.runtime(booking.bind(during=during)).start(booking, 7).result() == "booking 7"
    assert sqlite_world.query("SELECT * FROM more") == [("y",)]


def test_a_conflict_that_rolls_everything_back_is_noticed(sqlite_world):
    """The step goes on as if nothing had happened, and would write outside of any transaction."""
    sqlite_world.query("INSERT INTO bookings VALUES (8, 'by hand')")

    def during(number):
        connection = ledger_connection()
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT OR ROLLBACK INTO bookings VALUES (8, 'again')")

    runtime = sqlite_world.runtime(stubborn.bind(during=during))
    run = runtime.start(stubborn, 7)
    assert (run.incident.step, sqlite_world.bookings()) == ("book", [(8, "by hand")])
    assert "was ended by what was done in it (ON CONFLICT ROLLBACK, perhaps)" in run.incident.error
    runtime.ledger.verify()


def test_after_such_a_conflict_nothing_more_is_written(sqlite_world):
    sqlite_world.query("INSERT INTO bookings VALUES (8, 'by hand')")

    def during(number):
        connection = ledger_connection()
        try:
            connection.execute("INSERT OR ROLLBACK INTO bookings VALUES (8, 'again')")
        except sqlite3.IntegrityError:
            connection.execute("INSERT INTO bookings (number) VALUES (9)")

    run = sqlite_world.runtime(stubborn.bind(during=during)).start(stubborn, 7)
    assert (run.incident.step, sqlite_world.bookings()) == ("book", [(8, "by hand")])


WITHIN = "the ledger was to be written to within a step that is declared with transaction=True"


def test_the_ledger_is_not_written_in_another_way_meanwhile(world):
    box = []

    def record(number):
        box[0].ledger.record(claims(Claim(number=number)), key="K")

    def record_joined(number):
        box[0].ledger.record(claims(Claim(number=number)), key="K", connection=ledger_connection())

    def start(number):
        box[0].start(other, number)

    @process
    def other(number: int) -> int:
        return number

    for number, during in enumerate((record, record_joined, start)):
        box[:] = [runtime := world.runtime(stubborn.bind(during=during), other)]
        run = runtime.start(stubborn, number)
        assert run.incident.error.startswith(f"DefinitionError: {WITHIN}"), during
        assert run.incident.step == "book"
        assert world.bookings() == []
        runtime.ledger.verify()


def test_the_ledger_may_be_read_meanwhile(world):
    box = []
    runtime = world.runtime(booking.bind(during=lambda _: box.append([e.kind for e in runtime.ledger.entries("R")])))
    assert runtime.start(booking, 7, id="R").result() == "booking 7"
    assert box == [["started"]]


def test_a_lost_connection_is_the_ledgers_trouble_and_the_run_goes_on_later(postgres_world, postgres):
    lives = [1]

    def during(number):
        if lives:
            lives.pop()
            postgres.drop_connections()

    runtime = postgres_world.runtime(stubborn.bind(during=during))
    with pytest.raises(StoreUnavailable):
        runtime.start(stubborn, 7, id="R")
    assert (runtime.run("R").status, postgres_world.bookings()) == ("running", [])
    assert runtime.tick().advanced == ("R",)
    assert (runtime.run("R").result(), postgres_world.bookings()) == ("booking 7", [(7, "R/book/0")])


# elsewhere

ELSEWHERE = r"ledger_connection\(\) was called where there is no transaction to join"


@step
def plain(number: int) -> str:
    return str(ledger_connection())


@step
def outer(number: int) -> str:
    return book(number, during=nothing)


def test_elsewhere_there_is_none(runtime):
    @process
    def in_a_plain_step(number: int) -> str:
        return plain(number)

    @process
    def in_the_process(number: int) -> str:
        return str(ledger_connection())

    @process
    def in_a_step_that_a_plain_one_calls(number: int) -> str:
        return outer(number)

    for flow in (in_a_plain_step, in_the_process, in_a_step_that_a_plain_one_calls):
        assert runtime.start(flow, 1).incident.error.startswith("NoRun: ledger_connection() was called where"), flow
    with pytest.raises(NoRun, match=ELSEWHERE):
        ledger_connection()
    with pytest.raises(NoRun, match=ELSEWHERE):
        book(7, during=nothing)


def test_outside_a_run_a_key_scope_lends_the_callers_own(tmp_path):
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute("CREATE TABLE bookings (number INTEGER, key TEXT)")
    with connection, key_scope("K", connection=connection):
        assert booking(7, during=nothing) == "booking 7"
        for call in (lambda: plain(1), ledger_connection, lambda: outer(1)):  # as in a run
            with pytest.raises(NoRun, match=ELSEWHERE):
                call()
    assert connection.execute("SELECT * FROM bookings").fetchall() == [(7, "K/book/0")]
    connection.close()


# declared


def test_what_cannot_be_is_refused_when_it_is_declared():
    with pytest.raises(DefinitionError, match="step 'work' is pure=True, so it writes nothing"):

        @step(transaction=True, pure=True)
        def work(number: int) -> int:
            return number

    with pytest.raises(DefinitionError, match="would hold the ledger's transaction while others have their turn"):

        @step(transaction=True)
        async def work_later(number: int) -> int:
            return number

    with pytest.raises(DefinitionError, match="transaction=True and timeout= cannot both be"):

        @step(transaction=True, timeout=timedelta(seconds=1))
        def work_in_time(number: int) -> int:
            return number

    with pytest.raises(TypeError, match="transaction"):
        effect(check=nothing, transaction=True)
