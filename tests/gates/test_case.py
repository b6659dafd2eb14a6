"""Cases without a runtime: what `with reviews.case(key)` records is what a run of that id records."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from abpo_sdk import (
    Decision,
    DecisionTable,
    Gate,
    Ledger,
    Personal,
    Reviews,
    Runtime,
    fields,
    gather,
    idempotency_key,
    process,
    rule,
    step,
)
from abpo_sdk.errors import (
    AbpoError,
    DefinitionError,
    DuplicateRun,
    NobodyHolds,
    ReviewExpired,
    ReviewRequired,
)
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.guarding.guard import Guard
from abpo_sdk.gates.quorum import Quorum
from abpo_sdk.ledger.encryption import masked
from abpo_sdk.ledger.entry import LIFE
from abpo_sdk.ledger.keys.vault import MemoryVault
from abpo_sdk.ledger.recorder import recorder
from abpo_sdk.policies import Policy
from abpo_sdk.testing import FakeClock


class Claim(BaseModel):
    amount: Decimal
    holder: str = "H-1"
    iban: Annotated[str, Personal("bank account", subject_field="holder")] = "DE02120300000000202051"
    country: str = "DE"
    entered_by: str = "eve@acme"


c, d = fields(Claim), fields(Decision)
claims = DecisionTable("claims", rule(c.amount <= 500, then="pay", because="small"), otherwise="refer", owner="claims")
fraud = DecisionTable("fraud", rule(c.amount >= 1000, then="suspect", because="large"), otherwise="clean")
approval = Gate(
    "approval",
    when=(c.amount > 400) | (d.outcome == "refer"),
    to="controller",
    due=timedelta(hours=8),
    escalate_to="cfo",
    expires=timedelta(days=9),
    involves=[c.entered_by],
    refuses="refer",
)
two = Gate("two", when=c.amount > 600, to="controller", quorum=Quorum(2, of=3, tie_break="cfo"))
law = Gate("law", when=c.amount > 700, to="lawyer", guard=Guard(blind=True))
money = Gate("money", when=c.amount > 300, to="controller")
brief = Gate("brief", when=c.amount > 0, to="controller", expires=timedelta(hours=1))
either, both = law | money, (law & money).tied("cfo")

PEOPLE = {
    "maria@acme": {"controller"},
    "otto@acme": {"controller"},
    "eve@acme": {"controller", "cfo"},
    "lena@acme": {"lawyer"},
    "ines@acme": {"cfo"},
}


@step
def book(amount: Decimal, *, seen: Any) -> str:
    seen.append(idempotency_key())
    return str(amount)


@process
def suspicious(claim: Claim, *, seen: Any) -> str:
    book(claim.amount, seen=seen)
    return both(fraud(claim)).outcome


@process
def handle(claim: Claim, *, seen: Any) -> list[str]:
    said = [suspicious(claim, seen=seen)]
    for number in range(2):
        decision = approval(claims(claim.model_copy(update={"amount": claim.amount + number})))
        decision = either(two(decision))
        if decision.outcome == "pay":
            book(claim.amount, seen=seen)
        said.append(decision.outcome)
    return said


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def ledger(clock):
    with_ledger = Ledger("sqlite://", clock=clock)
    yield with_ledger
    with_ledger.close()


@pytest.fixture
def reviews(ledger):
    return Reviews(ledger, PEOPLE)


def told(ledger, key, *, also=()):
    """What the ledger has of a run or key: no steps, times, hashes, or origins of arguments."""
    without = {"from", "unknown", "shown", "due", "expires", "remind", "viewed", "next_due", "at", *also}

    def content(entry):
        if entry.kind == "review":
            said = masked(entry)
            levels = [{k: v for k, v in level.items() if k != "at"} for level in said.get("escalations", ())]
            return {**{k: v for k, v in said.items() if k not in without - {"shown"}}, "escalations": levels}
        return {k: v for k, v in masked(entry).items() if k not in without}

    return [
        (entry.place, entry.kind, entry.name, content(entry))
        for entry in ledger.entries(key)
        if entry.place.scope != LIFE and entry.kind != "step"
    ]


def say(review, outcome, by):
    return review.answer(outcome, by=by, because="looked at it")


class Engine:
    """Somebody else's engine, which does a case again until it is through."""

    def __init__(self, clock, people=PEOPLE):
        self.ledger = Ledger("sqlite://", clock=clock)
        self.reviews = Reviews(self.ledger, people)
        self.seen = []

    def go_on(self, claim):
        with suppress(ReviewRequired), self.reviews.case("C-1"):
            return handle(claim, seen=self.seen)


@given(
    amount=st.sampled_from([100, 350, 400, 450, 550, 650, 750, 1000]),
    said=st.lists(
        st.tuples(st.sampled_from(sorted(PEOPLE)), st.sampled_from([0, 1, 1]), st.integers(0, 9)), max_size=25
    ),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_case_records_what_a_run_of_the_same_id_records(amount, said):
    """Whoever says what, in whatever order, and whatever of it is refused."""
    claim, clock = Claim(amount=amount), FakeClock()
    engine, seen = Engine(clock), []
    runtime = Runtime(Ledger("sqlite://", clock=clock), [handle.bind(seen=seen)], people=PEOPLE)
    run = runtime.start(handle, claim, id="C-1")
    result = engine.go_on(claim)
    for by, what, which in said:
        mine, theirs = runtime.reviews(), engine.reviews.list()
        assert [(r.id, r.gate, r.to, r.why, r.decision.outcome) for r in mine] == [
            (r.id, r.gate, r.to, r.why, r.decision.outcome) for r in theirs
        ]
        if not mine:
            break
        one, other = mine[which % len(mine)], theirs[which % len(theirs)]
        outcome = one.outcomes[what] if what < len(one.outcomes) else one.outcomes[0]
        errors = []
        for review in (one, other):
            try:
                say(review, outcome, by)
            except AbpoError as error:
                errors.append(type(error))
        assert len(errors) in (0, 2)
        assert len(set(errors)) <= 1
        result = engine.go_on(claim)
        assert told(engine.ledger, "C-1") == told(runtime.ledger, "C-1")
    assert told(engine.ledger, "C-1") == told(runtime.ledger, "C-1")
    assert (run.result() if run.status == "done" else None) == result
    if run.status == "done":
        assert list(dict.fromkeys(engine.seen)) == seen  # the keys of its steps, in order
    frames = [one.decisions().drop(columns=["at"]) for one in (engine.ledger, runtime.ledger)]
    assert frames[0].equals(frames[1])
    for ledger in (engine.ledger, runtime.ledger):
        ledger.verify()
        ledger.close()


def test_what_falls_due_is_recorded_alike(clock):
    claim = Claim(amount=450)
    engine = Engine(clock)
    runtime = Runtime(Ledger("sqlite://", clock=clock), [handle.bind(seen=[])], people=PEOPLE)
    runtime.start(handle, claim, id="C-1")
    engine.go_on(claim)
    say(runtime.reviews()[0], "clean", "maria@acme")
    say(engine.reviews.list()[0], "clean", "maria@acme")
    engine.go_on(claim)
    clock.advance(timedelta(hours=9))
    runtime.tick()
    engine.reviews.escalate()
    assert [e[1] for e in told(engine.ledger, "C-1")].count("escalated") == 1
    assert told(engine.ledger, "C-1") == told(runtime.ledger, "C-1")


@process(name="branches")
def branches_process(claim: Claim) -> list[str]:
    return list(gather(lambda: approval(claims(claim)).outcome, lambda: money(claims(claim)).outcome))


def test_branches_open_their_reviews_at_the_same_time_and_record_alike(reviews, clock):
    claim = Claim(amount=450)
    runtime = Runtime(Ledger("sqlite://", clock=clock), [branches_process], people=PEOPLE)
    run = runtime.start(branches_process, claim, id="C-1")

    def go_on():
        with suppress(ReviewRequired), reviews.case("C-1"):
            return branches_process(claim)

    go_on()
    assert len(reviews.of("C-1", status="open")) == 2
    for number in (1, 0):
        for listed in (runtime.reviews(), reviews.list()):
            say(next(r for r in listed if r.id.startswith(f"C-1/0.{number}/")), "pay", "maria@acme")
        result = go_on()
    assert result == run.result() == ["pay", "pay"]
    by_place = [sorted(told(one, "C-1", also=("parks",)), key=str) for one in (reviews.ledger, runtime.ledger)]
    assert by_place[0] == by_place[1]


# in the caller's own transaction


@pytest.fixture
def shared(tmp_path, clock):
    """A ledger in the application's own SQLite file."""
    path = tmp_path / "app.db"
    ledger = Ledger(f"sqlite:///{path}", clock=clock, shared=True)
    own = sqlite3.connect(path)
    own.execute("CREATE TABLE booked (claim TEXT)")
    own.commit()
    yield ledger, own
    own.close()
    ledger.close()


@pytest.fixture
def on_postgres(open_store, postgres, clock):
    ledger = Ledger(open_store(), clock=clock, vault=MemoryVault())
    own = postgres.connect()
    own.execute("CREATE TABLE IF NOT EXISTS booked (claim TEXT)")
    own.commit()
    yield ledger, own
    own.rollback()
    own.execute("DROP TABLE booked")
    own.commit()
    own.close()


@pytest.fixture(params=["sqlite", "postgres"])
def joined(request):
    return request.getfixturevalue({"sqlite": "shared", "postgres": "on_postgres"}[request.param])


def attempt(reviews, own, claim=None):
    """What an endpoint does: decide, ask, and write of its own, all in one transaction."""
    try:
        with reviews.case("C-1", connection=own):
            decision = approval(claims(claim or Claim(amount=450)))
    except ReviewRequired as needed:
        return needed.review
    own.execute(f"INSERT INTO booked VALUES ('{decision.outcome}')")
    return decision


def test_what_the_caller_rolls_back_is_not_recorded(joined):
    ledger, own = joined
    reviews = Reviews(ledger, PEOPLE)
    review = attempt(reviews, own)
    assert (review.id, review.status) == ("C-1/approval/0", "open")
    own.rollback()
    assert ledger.entries("C-1") == []
    assert reviews.list() == ()
    assert attempt(reviews, own).id == review.id
    own.commit()
    say(reviews.get(review.id), "pay", "maria@acme")
    assert attempt(reviews, own).decided_by == "maria@acme"
    own.rollback()
    assert attempt(reviews, own).outcome == "pay"
    own.commit()
    assert own.execute("SELECT claim FROM booked").fetchall() == [("pay",)]
    assert [e.kind for e in ledger.entries("C-1")] == ["decision", "gate", "review", "answered"]
    ledger.verify()


def test_nobody_is_told_of_a_review_of_which_only_the_caller_knows_whether_it_is_kept(joined):
    ledger, own = joined
    notices = []
    reviews = Reviews(ledger, PEOPLE, notify=notices.append)
    attempt(reviews, own)
    own.rollback()
    assert notices == []
    with suppress(ReviewRequired), reviews.case("C-1"):
        approval(claims(Claim(amount=450)))
    assert [(n.what, n.review.id) for n in notices] == [("opened", "C-1/approval/0")]


def test_two_transactions_of_one_key_record_it_once(on_postgres, postgres):
    ledger, own = on_postgres
    reviews = Reviews(ledger, PEOPLE)
    attempt(reviews, own)
    found, began = [], threading.Event()

    def other():
        with postgres.connect() as connection:
            began.set()
            found.append(attempt(reviews, connection))

    thread = threading.Thread(target=other)
    thread.start()
    began.wait(5)
    own.commit()
    thread.join(20)
    assert [review.id for review in found] == ["C-1/approval/0"]
    assert [e.kind for e in ledger.entries("C-1")] == ["decision", "gate", "review"]
    ledger.verify()


def test_a_transaction_that_cannot_see_what_another_wrote_is_told_to_do_it_again(on_postgres, postgres):
    ledger, own = on_postgres
    reviews = Reviews(ledger, PEOPLE)
    with postgres.connect() as older:
        older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        older.execute("SELECT count(*) FROM booked")
        attempt(reviews, own)
        own.commit()
        with pytest.raises(AbpoError):
            attempt(reviews, older)
        older.rollback()
    assert len(ledger.entries("C-1")) == 3


# several at once


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_many_at_once_under_one_key_decide_and_ask_once(where, tmp_path, clock, request):
    if where == "sqlite":
        ledgers = [Ledger(f"sqlite:///{tmp_path / 'abpo.db'}", clock=clock) for _ in range(4)]
    else:
        open_store = request.getfixturevalue("open_store")
        vault = MemoryVault()
        ledgers = [Ledger(open_store(), clock=clock, vault=vault) for _ in range(4)]
    notices = []
    desks = [Reviews(ledger, PEOPLE, notify=notices.append) for ledger in ledgers]
    barrier = threading.Barrier(4)

    def work(desk):
        barrier.wait(10)
        with suppress(ReviewRequired), desk.case("C-1"):
            both(claims(Claim(amount=750)))
        return [review.id for review in desk.of("C-1")]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, desks))
    assert all(sorted(ids) == ["C-1/law/0", "C-1/money/0"] for ids in found)
    assert [e.kind for e in ledgers[0].entries("C-1")] == ["decision", "gate", "gate", "review", "review"]
    assert sorted(n.review.id for n in notices) == ["C-1/law/0", "C-1/money/0"]
    ledgers[0].verify()
    for ledger in ledgers:
        ledger.close()


# bad input


def once(reviews, claim, gate=approval, policy=claims, key="C-1"):
    with reviews.case(key):
        return gate(policy(claim))


def test_another_case_policy_or_gate_under_a_key_is_refused(reviews):
    with pytest.raises(ReviewRequired):
        once(reviews, Claim(amount=450))
    before = reviews.ledger.entries("C-1")
    again = DecisionTable("claims", rule(c.amount <= 501, then="pay", because="small"), otherwise="refer")
    for wrong, message in (
        (lambda: once(reviews, Claim(amount=451)), "its case was changed since"),
        (lambda: once(reviews, Claim(amount=450, holder="H-2")), "its case was changed since"),
        (lambda: once(reviews, Claim(amount=450), policy=again), "in version .*, which is version .* now"),
        (lambda: once(reviews, Claim(amount=450), policy=fraud), "and is now used for the decision 'fraud'"),
        (lambda: once(reviews, Claim(amount=450), gate=money), "and is now used for the gate 'money'"),
    ):
        with pytest.raises(DuplicateRun, match=message):
            wrong()
    assert reviews.ledger.entries("C-1") == before


def test_another_review_beside_those_that_are_there_is_refused(reviews):
    with pytest.raises(ReviewRequired):
        once(reviews, Claim(amount=750), gate=money)
    with pytest.raises(DuplicateRun):
        once(reviews, Claim(amount=750), gate=money & law)


@pytest.mark.parametrize("key", ["", " ", "\ud800", None, 7])
def test_a_key_that_cannot_be_one_is_refused(reviews, key):
    with pytest.raises(DefinitionError):
        reviews.case(key)


def test_a_key_is_no_run_and_a_run_no_key(clock):
    runtime = Runtime(Ledger("sqlite://", clock=clock), [branches_process], people=PEOPLE)
    runtime.start(branches_process, Claim(amount=450), id="C-1")
    before = runtime.ledger.entries("C-1")
    with pytest.raises(DuplicateRun, match="'C-1' is the id of a run of 'branches'"):
        once(runtime.desk, Claim(amount=450))
    assert runtime.ledger.entries("C-1") == before
    with pytest.raises(ReviewRequired):
        once(runtime.desk, Claim(amount=450), key="C-2")
    with pytest.raises(DuplicateRun, match="key of a decision that was recorded without a run"):
        runtime.start(branches_process, Claim(amount=450), id="C-2")


def test_a_block_in_a_process_that_a_runtime_runs_is_refused_and_in_a_step_of_it_is_not(clock):
    runtime = Runtime(Ledger("sqlite://", clock=clock), people=PEOPLE)

    @process
    def wrong(claim: Claim) -> str:
        return once(runtime.desk, claim, key="inner").outcome

    @step
    def apart(claim: Claim) -> str:
        return once(runtime.desk, claim, key="inner").outcome

    @process
    def right(claim: Claim) -> str:
        return apart(claim)

    run = runtime.start(wrong, Claim(amount=1))
    assert "DefinitionError: reviews.case('inner') stands in a process" in run.incident.error
    assert runtime.ledger.entries("inner") == []
    assert runtime.start(right, Claim(amount=1)).result() == "pay"
    assert [e.kind for e in runtime.ledger.entries("inner")] == ["decision", "gate"]


def test_a_case_within_a_case_is_another_case(reviews):
    with reviews.case("C-1"):
        first = approval(claims(Claim(amount=1)))
        assert once(reviews, Claim(amount=2), key="C-2").id == "C-2/0"
        second = approval(claims(Claim(amount=3)))
    assert (first.id, second.id) == ("C-1/0", "C-1/2")


def test_a_gate_that_nobody_could_answer_opens_nothing(ledger):
    reviews = Reviews(ledger, {"ines@acme": {"cfo"}})
    with pytest.raises(NobodyHolds):
        once(reviews, Claim(amount=450))
    assert [e.kind for e in ledger.entries("C-1")] == ["decision", "gate"]
    assert reviews.list() == ()


# what is within


class Composed(Policy):
    """A policy that asks two others."""

    name, owner, version, outcomes, case_type = "composed", None, "1", ("pay", "refer"), Claim

    def decide(self, case):
        suspect = fraud(case).outcome == "suspect"
        outcome = "refer" if suspect else claims(case).outcome
        return Decision(self.name, self.version, outcome, outcome, self.outcomes, 1.0, (), case, ())


composed = Composed()


@process
def decides_by_others(claim: Claim) -> str:
    return approval(composed(claim)).outcome


def test_what_a_policy_decides_within_is_part_of_its_decision_as_in_a_run(reviews, clock):
    runtime = Runtime(Ledger("sqlite://", clock=clock), [decides_by_others], people=PEOPLE)
    assert runtime.start(decides_by_others, Claim(amount=1), id="C-1").result() == "pay"
    with reviews.case("C-1"):
        assert decides_by_others(Claim(amount=1)) == "pay"
    assert told(reviews.ledger, "C-1") == told(runtime.ledger, "C-1")
    assert [e.kind for e in reviews.ledger.entries("C-1")] == ["decision", "gate"]


def test_where_nobody_answers_in_time_another_gate_is_asked(reviews, clock):
    def handled():
        with reviews.case("C-1"):
            decision = claims(Claim(amount=450))
            try:
                return brief(decision)
            except ReviewExpired:
                return money(decision)

    with pytest.raises(ReviewRequired):
        handled()
    clock.advance(timedelta(hours=2))
    reviews.escalate()
    with pytest.raises(ReviewRequired) as needed:
        handled()
    assert needed.value.review.gate == "money"
    say(needed.value.review, "pay", "otto@acme")
    assert handled().outcome == "pay"


@process
async def awaited(claim: Claim, *, seen: Any) -> str:
    decision = approval(claims(claim))
    await asyncio.sleep(0)
    return await book_later(decision.outcome, seen=seen)


@step
async def book_later(outcome: str, *, seen: Any) -> str:
    seen.append(idempotency_key())
    return outcome


def test_an_async_process_in_a_block_is_recorded_too(reviews):
    seen = []

    async def main():
        with reviews.case("C-1"):
            return await awaited(Claim(amount=450), seen=seen)

    with pytest.raises(ReviewRequired):
        asyncio.run(main())
    say(reviews.list()[0], "pay", "maria@acme")
    assert asyncio.run(main()) == "pay"
    assert seen == ["C-1/book_later/0"]


def test_reviews_of_several_gates_come_with_the_error_all_of_them(reviews):
    with pytest.raises(ReviewRequired) as needed:
        once(reviews, Claim(amount=750), gate=either)
    assert [needed.value.review.id, *(r.id for r in needed.value.reviews[1:])] == ["C-1/law/0", "C-1/money/0"]
    say(needed.value.reviews[1:][0], "pay", "otto@acme")
    assert once(reviews, Claim(amount=750), gate=either).gate == "law | money"


def test_a_gate_that_would_refuse_in_bulk_by_what_it_approves_is_refused():
    authority = Authority(amount=c.amount, currency="EUR", kind="claim", approves={"pay"})
    with pytest.raises(DefinitionError, match="refuses='pay' is an outcome that its authority approves"):
        Gate("approval", when=c.amount > 0, to="controller", authority=authority, refuses="pay")
    assert Gate("approval", when=c.amount > 0, to="controller", authority=authority, refuses="refer").name == "approval"


def test_an_answer_that_meets_a_transaction_of_the_callers_own_waits_for_it(on_postgres, postgres):
    """Two branches: one goes on in the caller's transaction, while somebody answers what the other asked."""
    ledger, own = on_postgres
    reviews, claim = Reviews(ledger, PEOPLE), Claim(amount=450)

    def branch(number):
        with recorder().fork(2)[number]:
            return fraud(claim) if approval(claims(claim)).outcome == "pay" else None

    for number in range(2):
        with suppress(ReviewRequired), reviews.case("C-1"):
            branch(number)
    first, second = reviews.list()
    say(first, "pay", "maria@acme")
    with reviews.case("C-1", connection=own):
        assert branch(0).outcome == "clean"  # not committed yet
    thread = threading.Thread(target=say, args=(second, "pay", "otto@acme"))
    thread.start()
    while thread.is_alive() and not postgres.run("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
        pass
    own.commit()
    thread.join(20)
    assert [e.kind for e in ledger.entries("C-1")][-3:] == ["answered", "decision", "answered"]
    assert ledger.verify().entries == 9
