"""Until when a review is answered, to whom it goes then, and when people are reminded of it."""

import logging
from datetime import UTC, date, datetime, time, timedelta

import pytest

from abpo_sdk.errors import DefinitionError, NobodyHolds, NotPermitted, ReviewClosed, ReviewExpired, ReviewRequired
from abpo_sdk.gates.calendar import BusinessCalendar
from abpo_sdk.gates.candidates import Candidates
from abpo_sdk.gates.deadlines import Escalation
from tests.gates.claim_desk import CLERKS, PEOPLE, Claim, claims, gate, kinds, put, says, tried

MARIA, OTTO, OMAR, LENA = CLERKS
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
LEVELS = gate(due=8 * HOUR, escalate_to=[Escalation("cfo", due=4 * HOUR), "auditor"])
REMINDING = gate(due=8 * HOUR, escalate_to=[Escalation("cfo", due=4 * HOUR), "auditor"], remind=HOUR)


@pytest.fixture
def heard():
    return []


@pytest.fixture
def reviews(open_reviews, heard):
    return open_reviews(PEOPLE, notify=lambda notice: heard.append((notice.what, notice.review.to)))


def test_it_goes_from_level_to_level_each_with_a_time_of_its_own(reviews, clock, heard):
    opened = clock.now()
    review = put(reviews, at=LEVELS)
    assert (review.due, review.escalate_to) == (opened + 8 * HOUR, "cfo")
    clock.advance(8 * HOUR - TICK)
    assert reviews.escalate() == ()
    clock.advance(TICK)
    (moved,) = reviews.escalate()
    assert (moved.to, moved.due, moved.escalate_to) == ("cfo", opened + 12 * HOUR, "auditor")
    clock.advance(4 * HOUR)
    (moved,) = reviews.escalate()
    assert (moved.to, moved.due, moved.escalate_to) == ("auditor", None, None)
    clock.advance(timedelta(days=3650))
    assert reviews.escalate() == ()
    assert heard == [("opened", "controller"), ("escalated", "cfo"), ("escalated", "auditor")]
    assert says(moved, "pay", "ravi@acme").status == "answered"


def test_after_a_long_time_it_goes_through_all_levels_at_once_and_waits_with_the_last(reviews, clock):
    review = put(reviews, at=LEVELS)
    clock.advance(timedelta(days=9))
    for late in (MARIA, "ines@acme"):
        with pytest.raises(NotPermitted, match="it is put to the auditor"):
            says(review, "pay", late)
    assert kinds(reviews, review) == ["escalated", "escalated", "refused", "refused"]


def test_a_level_may_be_a_group_of_candidates(reviews, clock):
    at = gate(due=HOUR, escalate_to=Candidates(people={LENA, "ines@acme"}))
    review = put(reviews, at=at)
    clock.advance(HOUR)
    with pytest.raises(NotPermitted, match="ines@acme or lena@acme"):
        says(review, "pay", MARIA)
    assert says(review, "pay", LENA).status == "answered"


def test_a_level_that_nobody_holds_is_refused_before_anything_is_opened(reviews):
    with pytest.raises(NobodyHolds, match="nobody holds the role 'audtior'"):
        put(reviews, at=gate(due=HOUR, escalate_to=["cfo", "audtior"]))
    assert reviews.list() == ()


def test_what_was_claimed_or_returned_goes_on_when_its_time_is_over(reviews, clock):
    claimed, returned = put(reviews, at=LEVELS), put(reviews, key="C-2", at=LEVELS)
    claimed.claim(by=MARIA)
    returned.return_for_information(by=MARIA, because="where is the receipt?")
    clock.advance(8 * HOUR)
    assert [(r.status, r.to, r.claimed_by) for r in reviews.escalate()] == [("open", "cfo", None)] * 2


def test_what_is_said_counts_on_when_it_goes_to_the_next_level(reviews, clock):
    review = put(reviews, at=gate(quorum=2, due=HOUR, escalate_to="cfo"))
    says(review, "pay", MARIA)
    clock.advance(HOUR)
    settled = says(review, "pay", "ines@acme")
    assert (settled.status, [other.by for other in settled.given.others]) == ("answered", [MARIA])


def test_in_business_hours_nights_weekends_and_holidays_do_not_count(reviews, clock):
    office = BusinessCalendar("Europe/Berlin", holidays={date(2026, 1, 6)})
    clock.advance(datetime(2026, 1, 5, 14, tzinfo=UTC) - clock.now())  # 15:00 in Berlin
    at = gate(
        due=office.hours(4), escalate_to=[Escalation("cfo", due=office.days(1)), "auditor"], expires=office.days(5)
    )
    review = put(reviews, at=at)
    assert review.due == datetime(2026, 1, 7, 10, tzinfo=UTC)  # two hours on the 5th, none on the 6th, two on the 7th
    assert review.expires == datetime(2026, 1, 13, 14, tzinfo=UTC)
    clock.advance(review.due - clock.now())
    (moved,) = reviews.escalate()
    assert moved.due == datetime(2026, 1, 8, 10, tzinfo=UTC)


def test_a_day_by_the_clock_is_24_hours_in_the_night_in_which_summer_time_begins(reviews, clock):
    clock.advance(datetime(2026, 3, 28, 12, tzinfo=UTC) - clock.now())
    office = BusinessCalendar("Europe/Berlin", hours={"mon": [(time(9), time(17))]})
    by_clock = put(reviews, at=gate(due=timedelta(days=1), escalate_to="cfo"))
    by_calendar = put(reviews, key="C-2", at=gate(due=office.hours(1), escalate_to="cfo"))
    assert by_clock.due == datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert by_calendar.due == datetime(2026, 3, 30, 8, tzinfo=UTC)  # 10:00 in Berlin, by summer time


def test_people_are_reminded_once_at_each_level(reviews, clock, heard):
    put(reviews, at=REMINDING)
    clock.advance(7 * HOUR - TICK)
    reviews.escalate()
    assert heard == [("opened", "controller")]
    clock.advance(TICK)
    for _ in range(3):
        reviews.escalate()
        clock.advance(timedelta(minutes=1))
    assert heard[1:] == [("reminded", "controller")]
    clock.advance(HOUR)
    reviews.escalate()
    clock.advance(3 * HOUR)
    for _ in range(3):
        reviews.escalate()
    assert heard[2:] == [("escalated", "cfo"), ("reminded", "cfo")]


def test_a_reminder_that_nobody_heard_is_tried_again(open_reviews, clock, caplog):
    heard, failing = [], [True, True, False]

    def notify(notice):
        heard.append(notice.what)
        if notice.what == "reminded" and failing.pop(0):
            raise ConnectionError("no route to the mail server")

    reviews = open_reviews(PEOPLE, notify=notify)
    review = put(reviews, at=REMINDING)
    clock.advance(7 * HOUR)
    with caplog.at_level(logging.ERROR, "abpo_sdk.gates"):
        for _ in range(5):
            reviews.escalate()
    assert heard == ["opened", "reminded", "reminded", "reminded"]
    assert "nobody could be told that the review 'C-1/approval/0' was reminded" in caplog.text
    assert kinds(reviews, review) == ["reminded"]


def test_a_reminder_that_nobody_hears_keeps_nothing_else_from_happening(open_reviews, clock):
    def notify(notice):
        raise ConnectionError("no route to the mail server")

    reviews = open_reviews(PEOPLE, notify=notify)
    review = put(reviews, at=REMINDING)
    clock.advance(7 * HOUR)
    reviews.escalate()
    clock.advance(HOUR)
    assert [r.to for r in reviews.escalate()] == ["cfo"]
    assert says(review, "pay", "ines@acme").status == "answered"


def test_nobody_is_reminded_of_what_is_answered(reviews, clock, heard):
    review = put(reviews, at=REMINDING)
    says(review, "pay", MARIA)
    clock.advance(timedelta(days=9))
    reviews.escalate()
    assert heard == [("opened", "controller")]


def test_what_expired_is_answered_by_nobody_and_its_case_raises(reviews, clock, heard):
    at = gate(expires=2 * HOUR)

    def handle():
        with reviews.case("C-1"):
            return at(claims(Claim())).outcome

    with pytest.raises(ReviewRequired) as raised:
        handle()
    review = raised.value.review
    clock.advance(2 * HOUR - TICK)
    reviews.escalate()
    assert reviews.get(review.id).status == "open"
    clock.advance(TICK)
    with pytest.raises(ReviewExpired, match=f"'{review.id}' could be answered until .*; decide the case anew"):
        says(review, "pay", MARIA)
    assert reviews.get(review.id).status == "expired"
    assert tried(reviews, review) == [("answer", MARIA, "ReviewExpired")]
    assert heard == [("opened", "controller"), ("expired", "controller")]
    with pytest.raises(ReviewExpired, match="nobody answered in time what was asked under the key 'C-1'"):
        handle()
    assert reviews.next(by=MARIA) == reviews.list() == ()


def test_it_expires_without_anybody_trying(reviews, clock):
    review = put(reviews, at=gate(expires=2 * HOUR, due=HOUR, escalate_to="cfo"))
    clock.advance(3 * HOUR)
    reviews.escalate()
    assert reviews.get(review.id).status == "expired"
    for act in (
        lambda: says(review, "pay", MARIA),
        lambda: review.claim(by=MARIA),
        lambda: review.recuse(by=MARIA, because="x"),
    ):
        with pytest.raises(ReviewExpired):
            act()


def test_what_was_answered_in_time_is_answered_even_when_the_time_is_over(reviews, clock):
    review = put(reviews, at=gate(expires=2 * HOUR))
    says(review, "pay", MARIA)
    clock.advance(3 * HOUR)
    with pytest.raises(ReviewClosed, match="is answered 'pay' by maria@acme; an answer is used once") as raised:
        says(review, "pay", OTTO)
    assert not isinstance(raised.value, ReviewExpired)
    assert reviews.get(review.id).status == "answered"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"due": HOUR}, "due= and escalate_to= belong together"),
        ({"escalate_to": "cfo"}, "due= and escalate_to= belong together"),
        ({"due": timedelta(0), "escalate_to": "cfo"}, "due=0:00:00 leaves no time"),
        ({"due": -HOUR, "escalate_to": "cfo"}, "leaves no time"),
        ({"due": timedelta.max, "escalate_to": "cfo"}, "is longer than"),
        ({"due": 8, "escalate_to": "cfo"}, "due=8 is no time"),
        ({"expires": timedelta(0)}, "expires=0:00:00 leaves no time"),
        ({"expires": "2 h"}, "is no time"),
        ({"remind": HOUR}, "give due=, too"),
        ({"due": HOUR, "escalate_to": "cfo", "remind": HOUR}, "remind=1:00:00 is before it is opened"),
        ({"due": HOUR, "escalate_to": "cfo", "remind": BusinessCalendar("UTC").hours(1)}, "is no time by the clock"),
        ({"due": HOUR, "escalate_to": [""]}, "escalate_to has '', which is no role"),
        ({"due": HOUR, "escalate_to": [7]}, "escalate_to has 7, which is no role"),
        ({"due": HOUR, "escalate_to": [Escalation("cfo", due=timedelta(0)), "auditor"]}, "leaves no time"),
        ({"due": HOUR, "escalate_to": [Escalation("cfo", due=8), "auditor"]}, "is no time"),
    ],
)
def test_times_that_are_none_are_refused_when_they_are_declared(said, why):
    with pytest.raises(DefinitionError, match=why):
        gate(**said)
