"""What a gate asks of the pace of its reviewers."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError, ReadTooFast, ReviewError, TooManyInARow
from abpo_sdk.gates.guarding.guard import Guard, check_pace
from abpo_sdk.values.canonical import canonical_bytes

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_a_guard_asks_nothing_unless_told():
    check_pace(Guard(), shown=None, now=NOON, confirmations=[NOON] * 1_000)


def test_an_answer_may_come_when_the_least_reading_time_is_over_and_no_sooner():
    guard = Guard(least_reading=20 * SECOND)
    check_pace(guard, shown=NOON, now=NOON + 20 * SECOND, confirmations=[])
    with pytest.raises(ReadTooFast, match=r"answered 19\.5 s after it was shown, and the gate asks for 20 s"):
        check_pace(guard, shown=NOON, now=NOON + 19.5 * SECOND, confirmations=[])


def test_an_answer_to_what_was_never_shown_is_refused_where_reading_is_asked_for():
    with pytest.raises(ReadTooFast, match="never shown to this person"):
        check_pace(Guard(least_reading=SECOND), shown=None, now=NOON, confirmations=[])


def test_a_showing_after_the_answer_is_told_as_clocks_that_disagree():
    with pytest.raises(ReadTooFast, match="shown 60 s after the answer: the clocks disagree"):
        check_pace(Guard(least_reading=SECOND), shown=NOON + MINUTE, now=NOON, confirmations=[])


def test_a_confirmation_beyond_the_cap_waits_for_the_pause():
    guard, given_at = Guard(in_a_row=3, pause=15 * MINUTE), [NOON, NOON + MINUTE, NOON + 2 * MINUTE]
    check_pace(guard, shown=None, now=NOON + 3 * MINUTE, confirmations=given_at[:2])
    with pytest.raises(TooManyInARow, match=r"3 confirmations .* allows 3; .* from 2026-03-02T12:17:00\+00:00 on"):
        check_pace(guard, shown=None, now=NOON + 3 * MINUTE, confirmations=given_at)
    check_pace(guard, shown=None, now=NOON + 17 * MINUTE, confirmations=given_at)


def test_a_pause_among_the_confirmations_counts_too():
    guard = Guard(in_a_row=2, pause=15 * MINUTE)
    check_pace(guard, shown=None, now=NOON + 16 * MINUTE, confirmations=[NOON, NOON + 15 * MINUTE])
    with pytest.raises(TooManyInARow):
        check_pace(guard, shown=None, now=NOON + 16 * MINUTE, confirmations=[NOON, NOON + 14 * MINUTE])


def test_a_confirmation_in_the_future_is_no_pause():
    with pytest.raises(TooManyInARow):
        check_pace(Guard(in_a_row=1), shown=None, now=NOON, confirmations=[NOON + 60 * MINUTE])


@given(
    gaps=st.lists(st.integers(0, 30), max_size=30),
    cap=st.integers(1, 10),
    pause=st.integers(1, 30),
    last=st.integers(0, 30),
)
def test_it_is_refused_exactly_where_the_latest_gaps_are_all_shorter_than_the_pause(gaps, cap, pause, last):
    times, at = [], NOON
    for gap in gaps:
        at += gap * MINUTE
        times.append(at)
    latest = [*gaps[1:], last][-cap:]
    refused = len(gaps) >= cap and all(gap < pause for gap in latest)
    guard = Guard(in_a_row=cap, pause=pause * MINUTE)
    if refused:
        with pytest.raises(TooManyInARow):
            check_pace(guard, shown=None, now=at + last * MINUTE, confirmations=times)
        check_pace(guard, shown=None, now=at + pause * MINUTE, confirmations=times)  # the pause lets them go on
    else:
        check_pace(guard, shown=None, now=at + last * MINUTE, confirmations=times)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"shown": NAIVE, "now": NOON}, "shown=.*no time with a zone"),
        ({"shown": NOON, "now": NAIVE}, "now=.*no time with a zone"),
        ({"shown": NOON, "now": NOON, "confirmations": [NAIVE]}, "confirmations=.*no time with a zone"),
        ({"shown": NOON, "now": NOON, "confirmations": [NOON, NOON - MINUTE]}, "not in order"),
        ({"shown": "noon", "now": NOON}, "shown='noon'"),
    ],
)
def test_times_without_a_zone_or_out_of_order_are_refused(options, told):
    with pytest.raises(DefinitionError, match=told):
        check_pace(Guard(), **{"confirmations": [], **options})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"blind": 1}, "blind=1 is neither"),
        ({"blind": "yes"}, "blind='yes' is neither"),
        ({"double": -0.1}, "double=-0.1 is no share"),
        ({"double": 1.1}, "double=1.1 is no share"),
        ({"double": float("nan")}, "double=nan is no share"),
        ({"double": True}, "double=True is no share"),
        ({"double": "0.1"}, "double='0.1' is no share"),
        ({"least_reading": 20}, "least_reading=20 is no length of time"),
        ({"least_reading": -SECOND}, "least_reading=.*negative"),
        ({"least_reading": timedelta(days=366)}, "least_reading=.*longer than 365 days"),
        ({"in_a_row": 0}, "in_a_row=0 is no whole number above 0"),
        ({"in_a_row": True}, "in_a_row=True"),
        ({"in_a_row": 2.0}, "in_a_row=2.0"),
        ({"pause": timedelta(0)}, "pause=0:00:00 is no time at all"),
        ({"pause": -SECOND}, "pause=.*negative"),
        ({"pause": 900}, "pause=900 is no length of time"),
    ],
)
def test_a_guard_declared_wrongly_is_refused_by_name(options, told):
    with pytest.raises(DefinitionError, match=told):
        Guard(**options)


def test_the_structure_is_canonical_json_and_says_every_option():
    guard = Guard(blind=True, double=1, least_reading=20 * SECOND, in_a_row=5, pause=MINUTE)
    assert json.loads(canonical_bytes(guard.structure())) == {
        "blind": True, "double": 1.0, "in_a_row": 5, "least_reading": 20.0, "pause": 60.0,
    }  # fmt: skip
    assert set(guard.structure()) == set(Guard.__dataclass_fields__)
    assert Guard(double=1) == Guard(double=1.0)


def test_both_refusals_are_errors_of_a_review():
    assert issubclass(ReadTooFast, ReviewError)
    assert issubclass(TooManyInARow, ReviewError)
