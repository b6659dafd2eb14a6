"""What cannot stand is refused by name: nothing changes, and that it was tried is recorded."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import copy

import pytest

from abpo_sdk import Ledger, People, Reviews
from abpo_sdk.errors import (
    ClockWrong,
    NotPermitted,
    RationaleMissing,
    RationaleTooLong,
    ReviewChanged,
    ReviewClosed,
    ReviewExpired,
    StoreUnavailable,
    UnknownOutcome,
    UnknownReview,
)
from abpo_sdk.gates.authority.authority import Authority
from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.ledger import FileAnchor, Place
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.ledger.rows import TABLES, AnswerRow, SpendRow
from abpo_sdk.testing import FakeClock
from tests.gates.claim_desk import CLERKS, PEOPLE, c, gate, kinds, put, says, tried
from tests.gates.conftest import check_rebuilt

MARIA, OTTO, OMAR, LENA = CLERKS
HOUR = timedelta(hours=1)
OLD = Path(__file__).parents[1] / "ledger" / "data"


@pytest.fixture
def reviews(open_reviews):
    return open_reviews(PEOPLE)


def test_an_answer_is_used_once_whoever_plays_it_again(reviews):
    review = put(reviews)
    says(review, "pay", MARIA)
    for again in (MARIA, OTTO):
        with pytest.raises(ReviewClosed, match="an answer is used once"):
            says(review, "pay", again)
        with pytest.raises(ReviewClosed, match="an answer is used once"):
            reviews.import_answer(review.id, "pay", by=again, because="seen", shown=review.shown, source="ticket 1")
    assert len(reviews.ledger.store.select(AnswerRow)) == 1
    assert len(tried(reviews, review)) == 4


def test_an_answer_to_another_case_is_none_to_this_one(reviews):
    review, other = put(reviews), put(reviews, key="C-2", amount=70_000)
    with pytest.raises(ReviewChanged, match="'C-2/approval/0' shows something else now than was answered"):
        says(replace(review, id=other.id), "pay", MARIA)
    with pytest.raises(ReviewChanged):
        reviews.import_answer(other.id, "pay", by=MARIA, because="seen", shown=review.shown, source="ticket 1")
    for shown in (None, "", 7, "0" * 64):
        with pytest.raises(ReviewChanged):
            reviews.import_answer(other.id, "pay", by=MARIA, because="seen", shown=shown, source="ticket 1")
    assert {r.id for r in reviews.list()} == {review.id, other.id}
    assert {error for _, _, error in tried(reviews, other)} == {"ReviewChanged"}


def test_an_answer_to_what_there_is_none_of_is_refused(reviews):
    with pytest.raises(UnknownReview, match="there is no review 'C-9'"):
        reviews.import_answer("C-9", "pay", by=MARIA, because="seen", shown="0" * 64, source="ticket 1")
    with pytest.raises(UnknownReview, match="there is no review 'C-9'"):
        says(replace(put(reviews), id="C-9"), "pay", MARIA)


def test_an_expired_answer_is_refused_from_here_and_from_elsewhere(reviews, clock):
    review = put(reviews, at=gate(expires=HOUR))
    clock.advance(HOUR)
    with pytest.raises(ReviewExpired):
        says(review, "pay", MARIA)
    with pytest.raises(ReviewExpired):
        reviews.import_answer(review.id, "pay", by=MARIA, because="seen", shown=review.shown, source="ticket 1")
    assert [error for _, _, error in tried(reviews, review)] == ["ReviewExpired"] * 2


def test_an_answer_to_what_another_version_of_the_policy_decided_is_refused(open_reviews):
    review = put(open_reviews(PEOPLE))

    class Later:
        name, version = "claims", "another"

    reviews = open_reviews(PEOPLE, policies=[Later()])
    with pytest.raises(ReviewChanged, match="and now it is version another; decide the case anew"):
        says(reviews.get(review.id), "pay", MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "ReviewChanged")]


@pytest.mark.parametrize("outcome", ["approve", "PAY", "pay ", "", None, True, 7, ["pay"]])
def test_an_outcome_that_the_policy_does_not_know_is_refused(reviews, outcome):
    review = put(reviews)
    with pytest.raises(UnknownOutcome, match="it knows reject, pay, refer"):
        says(review, outcome, MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "UnknownOutcome")]
    assert reviews.get(review.id) == review


@pytest.mark.parametrize(
    "by", ["maria@acme\n", "maria\0@acme", "\u202emaria@acme", "maria@acme\u2028", "a" * 10**6, None, 7, b"x"]
)
def test_an_id_that_cannot_be_one_is_refused_and_written_down_so_that_it_can_be_read(reviews, by):
    review = put(reviews)
    with pytest.raises(
        NotPermitted, match="may not answer the review 'C-1/approval/0': it cannot be a person's id"
    ) as raised:
        says(review, "pay", by)
    ((_, who, _),) = tried(reviews, review)
    assert who.isprintable()
    assert len(who) <= 200
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("because", "error"),
    [
        ("", RationaleMissing),
        ("   \t\n", RationaleMissing),
        ("\u00a0\u3000", RationaleMissing),
        ("\u200b\u2060", RationaleMissing),
        ("...", RationaleMissing),
        (None, RationaleMissing),
        (7, RationaleMissing),
        ("half \ud800", RationaleMissing),
        ("a" * 10_001, RationaleTooLong),
        ("a" * 10_000_000, RationaleTooLong),
        (" " * 10_000_000, RationaleTooLong),
    ],
)
def test_a_reason_that_nobody_could_or_would_read_is_refused_and_not_kept(reviews, because, error):
    review = put(reviews)
    with pytest.raises(error):
        says(review, "pay", MARIA, because=because)
    assert tried(reviews, review) == [("answer", MARIA, error.__name__)]
    assert len(reviews.ledger.entries("C-1")[-1].payload) < 1000
    assert reviews.get(review.id) == review


def test_where_no_reason_is_demanded_none_is_needed_and_a_long_one_is_still_refused(reviews):
    review = put(reviews, at=gate(rationale=False))
    with pytest.raises(RationaleTooLong):
        says(review, "pay", MARIA, because="a" * 10_001)
    assert says(review, "pay", MARIA, because="").status == "answered"


@pytest.mark.parametrize("source", ["", "  ", "...", None, 7, "a" * 10_001])
def test_an_imported_answer_says_where_it_was_given(reviews, source):
    review = put(reviews)
    with pytest.raises((RationaleMissing, RationaleTooLong)):
        reviews.import_answer(review.id, "pay", by=MARIA, because="seen", shown=review.shown, source=source)
    assert len(tried(reviews, review)) == 1
    assert reviews.get(review.id) == review


def test_an_imported_answer_passes_the_same_checks_and_names_its_source(reviews):
    review = put(reviews, at=gate(involves=[c.entered_by]), entered_by=OTTO)

    def imported(outcome="pay", by=MARIA, because="seen"):
        return reviews.import_answer(
            review.id, outcome, by=by, because=because, shown=review.shown, source="ticket 4711"
        )

    for wrong in ({"by": OTTO}, {"by": "eve@acme"}, {"by": "ines@acme"}, {"outcome": "approve"}, {"because": " "}):
        with pytest.raises((NotPermitted, UnknownOutcome, RationaleMissing)):
            imported(**wrong)
    assert reviews.get(review.id) == review
    assert imported().given.by == MARIA
    assert reviews.ledger.entries("C-1")[-1].content["source"] == "ticket 4711"


def test_a_clock_that_went_back_decides_nothing(reviews, clock):
    review = put(reviews)
    clock.advance(-timedelta(minutes=1, microseconds=1))
    with pytest.raises(ClockWrong, match=r"the clock says .* was opened at .* set the clock right"):
        says(review, "pay", MARIA)
    assert tried(reviews, review) == [("answer", MARIA, "ClockWrong")]
    clock.advance(timedelta(microseconds=1))  # as far as two machines may be apart
    assert says(review, "pay", MARIA).status == "answered"


def test_a_clock_that_went_back_does_not_bring_back_a_delegation_that_is_over(reviews, clock):
    reviews.delegate(by=MARIA, to="ravi@acme", until=clock.now() + HOUR, because="on leave")
    review = put(reviews, at=gate(quorum=2))
    clock.advance(HOUR)
    says(review, "pay", OTTO)
    clock.advance(-timedelta(minutes=2))
    for act in (lambda: says(review, "pay", "ravi@acme"), lambda: review.claim(by="ravi@acme")):
        with pytest.raises(ClockWrong, match="something was done with the review"):
            act()
    assert reviews.get(review.id).status == "open"


@pytest.mark.parametrize("timed", [True, False])
def test_a_clock_without_a_zone_decides_nothing(open_reviews, timed):
    class Naive(FakeClock):
        naive = False

        def now(self):
            return super().now().replace(tzinfo=None) if self.naive else super().now()

    reviews = open_reviews(PEOPLE)
    reviews.ledger.clock = clock = Naive()
    review = put(reviews, at=gate(due=HOUR, escalate_to="cfo") if timed else gate())
    clock.naive = True
    for act in (lambda: says(review, "pay", MARIA), lambda: review.claim(by=MARIA)):
        with pytest.raises(ClockWrong, match="a time without a zone"):
            act()
    with pytest.raises(ClockWrong, match="a time without a zone"):
        reviews.escalate()
    assert reviews.get(review.id) == review
    clock.naive = False
    assert says(review, "pay", MARIA).status == "answered"


def test_of_two_answers_at_the_same_instant_one_counts(open_reviews):
    desks = [open_reviews(PEOPLE), open_reviews(PEOPLE)]
    review = put(desks[0])
    ready, said = threading.Barrier(2), []

    def answer(desk, by):
        mine = desk.get(review.id)
        ready.wait(30)
        try:
            said.append(says(mine, "pay", by).status)
        except ReviewClosed:
            said.append("closed")

    threads = [threading.Thread(target=answer, args=pair) for pair in zip(desks, (MARIA, OTTO), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["answered", "closed"]
    assert sorted(kinds(desks[0], review)) == ["answered", "refused"]


ANSWER = """
import sys
from abpo_sdk import Ledger, Reviews
from abpo_sdk.errors import ReviewClosed
from abpo_sdk.testing import FakeClock
url, by = sys.argv[1:]
ledger = Ledger(url, clock=FakeClock())
(review,) = Reviews(ledger, {by: {"controller"}}).list()
print("ready", flush=True)
sys.stdin.readline()
try:
    print(review.answer("pay", by=by, because="seen").status)
except ReviewClosed:
    print("closed")
"""


def test_of_two_answers_from_two_processes_one_counts(reviews, tmp_path):
    review = put(reviews)
    url = f"sqlite:///{tmp_path / 'abpo.db'}"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", ANSWER, url, by], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for by in (MARIA, OTTO)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    assert sorted(worker.communicate(timeout=60)[0].strip() for worker in workers) == ["answered", "closed"]
    assert sorted(kinds(reviews, review)) == ["answered", "refused"]


PAYING = gate(
    quorum=2,
    authority=Authority(amount=c.amount, currency="EUR", kind="claim", approves={"pay"}),
    due=HOUR,
    escalate_to="cfo",
)


@pytest.mark.parametrize(
    "write",
    [
        "INSERT ON abpo_entries",
        "UPDATE ON abpo_reviews",
        "INSERT ON abpo_answers",
        "INSERT ON abpo_spending",
        "UPDATE ON abpo_spending",
        "UPDATE ON abpo_decisions",
    ],
)
def test_while_the_store_fails_in_the_middle_of_an_approval_nothing_is_approved(open_reviews, tmp_path, write, caplog):
    told = []
    people = People(PEOPLE, limits=Limits(Limit("controller", 1_000, "EUR")))
    reviews = open_reviews(people, answered=told.append)
    review = put(reviews, at=PAYING)
    says(review, "pay", MARIA)
    before = {kind: reviews.ledger.store.select(kind) for kind in TABLES}, reviews.ledger.entries("C-1")
    with closing(sqlite3.connect(tmp_path / "abpo.db", isolation_level=None)) as other:
        other.execute(f"CREATE TRIGGER full BEFORE {write} BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        try:
            with pytest.raises(StoreUnavailable, match="nothing of this write was kept"):
                says(review, "pay", OTTO)
        finally:
            other.execute("DROP TRIGGER full")
    assert ({kind: reviews.ledger.store.select(kind) for kind in TABLES}, reviews.ledger.entries("C-1")) == before
    assert told == []
    assert [row.status for row in reviews.ledger.store.select(SpendRow)] == ["reserved"]
    assert says(review, "pay", OTTO).status == "answered"
    assert [review.status for review in told] == ["answered"]


def test_a_refusal_that_cannot_be_recorded_is_a_refusal_all_the_same(reviews, tmp_path, caplog):
    review = put(reviews)
    with closing(sqlite3.connect(tmp_path / "abpo.db", isolation_level=None)) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON abpo_entries BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        try:
            with pytest.raises(NotPermitted):
                says(review, "pay", "eve@acme")
        finally:
            other.execute("DROP TRIGGER full")
    assert "was refused could not be recorded" in caplog.text
    assert reviews.get(review.id) == review


@pytest.fixture
def old(tmp_path):
    """A ledger that an earlier release wrote, as it is opened now."""
    for suffix in ("", ".keys", ".signer", ".anchor"):
        copy(OLD / f"schema_3.db{suffix}", tmp_path / f"old.db{suffix}")
    clock = FakeClock()
    clock.advance(timedelta(days=30))
    anchor = FileAnchor(f"{tmp_path / 'old.db'}.anchor")
    with closing(Ledger(f"sqlite:///{tmp_path / 'old.db'}", clock=clock, anchor=anchor)) as ledger:
        yield Reviews(ledger, PEOPLE)
        check_rebuilt(ledger)


def test_a_review_that_an_earlier_release_opened_is_found_shown_and_answered(old):
    (review,) = old.list()
    assert (review.id, review.to, review.status) == ("R-8/approval/0", "controller", "open")
    assert [r.id for r in old.next(by=MARIA)] == [review.id]
    for wrong, error in (({"by": "ines@acme"}, NotPermitted), ({"because": " "}, RationaleMissing)):
        with pytest.raises(error):
            review.answer("pay", **{"by": MARIA, "because": "seen"} | wrong)
    assert review.show(by=MARIA).shown == review.shown
    claimed = review.claim(by=MARIA)
    settled = says(claimed, "pay", MARIA)
    assert (settled.status, settled.given.by) == ("answered", MARIA)


def test_what_an_earlier_release_settled_stays_settled(old):
    (review,) = old.list(status="answered")
    assert (review.given.outcome, review.given.by) == ("pay", MARIA)
    with pytest.raises(ReviewClosed, match="is answered 'pay' by maria@acme"):
        says(review, "pay", OTTO)


def as_an_earlier_release_wrote_it(reviews, *, escalated, clock):
    """A review with a due time and one role to go to then, without anything that was not known yet."""
    template = put(reviews, key="C-0", at=gate(due=HOUR, escalate_to="cfo"))
    content = reviews.ledger.entries("C-0")[1].content
    known = ("decision", "due", "escalate_to", "gate", "review", "shown", "to", "why")
    payload = {name: content[name] for name in known} | {"review": "C-1/approval/0", "decision": None}
    inner = Place("/", 1).inner
    moved = {"from": "controller", "due": content["due"], "review": payload["review"], "to": "cfo"}
    with reviews.ledger.writing() as writer:
        writer.append("C-1", [Draft(Place("/", 1), "review", "approval", payload, clock.now())])
        if escalated:
            writer.append("C-1", [Draft(Place(inner, 0), "escalated", "approval", moved, clock.now())])
    says(template, "pay", MARIA)
    return reviews.get(payload["review"])


@pytest.mark.parametrize("escalated", [True, False])
def test_a_review_with_a_due_time_that_an_earlier_release_opened_goes_to_its_next_role_once(reviews, clock, escalated):
    review = as_an_earlier_release_wrote_it(reviews, escalated=escalated, clock=clock)
    assert review.to == ("cfo" if escalated else "controller")
    clock.advance(HOUR)
    assert len(reviews.escalate()) == (0 if escalated else 1)
    clock.advance(HOUR)
    assert reviews.escalate() == ()
    with pytest.raises(NotPermitted, match="it is put to the cfo"):
        says(review, "pay", MARIA)
    assert says(review, "pay", "ines@acme").status == "answered"
