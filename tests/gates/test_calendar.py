"""Business calendars: working time across nights, weekends, holidays and changes of the clock."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.calendar import BusinessCalendar, BusinessTime, due_after
from abpo_sdk.gates.working_hours import WEEKDAYS
from abpo_sdk.values.canonical import canonical_bytes

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE = BusinessCalendar("Europe/Berlin")
NIGHT = {day: [(time(0), time(6)), (time(22), time(0))] for day in WEEKDAYS}


def berlin(*args, **kwargs):
    return datetime(*args, **kwargs, tzinfo=BERLIN)


class Listed(dict):
    """A container that knows a date only once it is asked for it, as those of the package `holidays` do."""

    def __contains__(self, day):
        return (day.month, day.day) == (12, 25)


# what a calendar means


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (berlin(2026, 3, 2, 9), 1, berlin(2026, 3, 2, 10)),
        (berlin(2026, 3, 2, 9), 8, berlin(2026, 3, 2, 17)),  # the end of a day, not the beginning of the next
        (berlin(2026, 3, 2, 9), 8.5, berlin(2026, 3, 3, 9, 30)),
        (berlin(2026, 3, 2, 16), 2, berlin(2026, 3, 3, 10)),
        (berlin(2026, 3, 2, 4), 2, berlin(2026, 3, 2, 11)),  # before the day
        (berlin(2026, 3, 2, 17), 2, berlin(2026, 3, 3, 11)),  # a shift does not hold its end
        (berlin(2026, 3, 6, 16), 2, berlin(2026, 3, 9, 10)),  # over a weekend
        (berlin(2026, 3, 7, 12), 2, berlin(2026, 3, 9, 11)),  # on a weekend
        (berlin(2026, 3, 27, 16), 2, berlin(2026, 3, 30, 10)),  # a weekend of 47 hours
        (berlin(2026, 3, 2, 9), 40, berlin(2026, 3, 6, 17)),
    ],
)
def test_working_time_passes_during_hours_alone(start, hours, end):
    due = OFFICE.after(start, timedelta(hours=hours))
    assert due == end
    assert due.tzinfo is UTC


def test_no_working_time_has_passed_at_once_whether_or_not_somebody_works():
    assert OFFICE.after(berlin(2026, 3, 7, 12), timedelta(0)) == berlin(2026, 3, 7, 12)


def test_the_zone_of_the_start_is_of_no_account():
    start = datetime(2026, 3, 2, 22, tzinfo=timezone(timedelta(hours=7)))
    assert OFFICE.after(start, HOUR) == berlin(2026, 3, 2, 17)


@pytest.mark.parametrize(
    "holidays",
    [
        {date(2026, 12, 25)},
        [date(2026, 12, 25)],
        {date(2026, 12, 25): "Christmas"},
        Listed(),
        lambda day: (day.month, day.day) == (12, 25),
        {date(2026, 12, 25)}.__contains__,
    ],
)
def test_nobody_works_on_holidays_however_they_are_given(holidays):
    calendar = BusinessCalendar("Europe/Berlin", holidays=holidays)
    assert calendar.after(berlin(2026, 12, 24, 16), 2 * HOUR) == berlin(2026, 12, 28, 10)
    assert calendar.days(1).after(berlin(2026, 12, 24, 16)) == berlin(2026, 12, 28, 16)
    assert calendar.working(berlin(2026, 12, 25), berlin(2026, 12, 26)) == timedelta(0)


def test_a_collection_of_holidays_that_is_changed_later_changes_nothing():
    holidays = {date(2026, 12, 25)}
    calendar = BusinessCalendar("Europe/Berlin", holidays=holidays)
    before = calendar.structure()
    holidays.clear()
    assert calendar.after(berlin(2026, 12, 25, 9), HOUR) == berlin(2026, 12, 28, 10)
    assert calendar.structure() == before


def test_a_day_has_several_shifts_in_any_order_and_they_may_touch():
    calendar = BusinessCalendar(
        "Europe/Berlin", hours={"mon": [(time(13), time(18)), (time(8), time(12))], "tue": [(time(8), time(9)), (time(9), time(10))]}
    )  # fmt: skip
    assert calendar.after(berlin(2026, 3, 2, 11), 2 * HOUR) == berlin(2026, 3, 2, 14)
    assert calendar.after(berlin(2026, 3, 2, 12, 30), 6 * HOUR) == berlin(2026, 3, 3, 9)
    assert calendar.working(berlin(2026, 3, 1), berlin(2026, 3, 8)) == 11 * HOUR


def test_an_end_at_midnight_is_that_of_the_day_and_a_shift_from_midnight_to_midnight_is_the_whole_day():
    always = BusinessCalendar("Europe/Berlin", hours={day: [(time(0), time(0))] for day in WEEKDAYS})
    assert always.after(berlin(2026, 3, 2, 9), timedelta(days=300)) == berlin(2026, 3, 2, 9).astimezone(UTC) + timedelta(days=300)  # fmt: skip
    late = BusinessCalendar("Europe/Berlin", hours={"mon": [(time(22), time(0))]})
    assert late.after(berlin(2026, 3, 2, 20), 3 * HOUR) == berlin(2026, 3, 9, 23)


# changes of the clock


@pytest.mark.parametrize(("evening", "hours"), [(berlin(2026, 3, 28, 20), 7), (berlin(2026, 10, 24, 20), 9)])
def test_a_night_shift_has_the_hours_that_really_pass(evening, hours):
    calendar = BusinessCalendar("Europe/Berlin", hours=NIGHT)
    morning = evening + timedelta(hours=10)  # on the clock
    assert calendar.working(evening, morning) == hours * HOUR
    assert calendar.after(evening, hours * HOUR) == morning


def test_half_an_hour_of_summer_time_is_half_an_hour():
    calendar = BusinessCalendar("Australia/Lord_Howe", hours=NIGHT)
    zone = ZoneInfo("Australia/Lord_Howe")
    start = datetime(2026, 10, 3, 22, tzinfo=zone)
    assert calendar.after(start, 7.5 * HOUR) == datetime(2026, 10, 4, 6, tzinfo=zone)


def of_sunday(start, end):
    return BusinessCalendar("Europe/Berlin", hours={"sun": [(start, end)]})


def test_a_local_time_that_comes_twice_is_the_first_one():
    sunday = datetime(2026, 10, 25, tzinfo=UTC)  # at 01:00 UTC, 03:00 becomes 02:00
    assert of_sunday(time(2, 30), time(4)).after(sunday, MINUTE) == sunday + 31 * MINUTE
    assert of_sunday(time(1), time(2, 30)).working(sunday - 4 * HOUR, sunday + 9 * HOUR) == 1.5 * HOUR


def test_a_local_time_that_is_skipped_is_read_with_the_offset_from_before():
    sunday = datetime(2026, 3, 29, tzinfo=UTC)  # at 01:00 UTC, 02:00 becomes 03:00
    assert of_sunday(time(2, 30), time(5)).after(sunday, MINUTE) == sunday + HOUR + 31 * MINUTE
    assert of_sunday(time(1), time(2, 30)).working(sunday, sunday + 9 * HOUR) == 1.5 * HOUR


def test_a_shift_whose_end_so_comes_before_its_start_is_empty_that_day():
    calendar = of_sunday(time(2, 30), time(3))
    assert calendar.after(berlin(2026, 3, 28), 10 * MINUTE) == berlin(2026, 4, 5, 2, 40)


@pytest.mark.parametrize(
    "shifts",
    [
        [(time(1), time(2, 30)), (time(3), time(5))],  # to 03:30, and from 03:00
        [(time(2, 30), time(2, 45)), (time(3), time(5))],  # from 03:30 to 03:45, and from 03:00
    ],
)
def test_shifts_that_overlap_because_of_a_skipped_time_count_once(shifts):
    calendar = BusinessCalendar("Europe/Berlin", hours={"sun": shifts})
    assert calendar.working(berlin(2026, 3, 29, 3), berlin(2026, 3, 29, 12)) == 2 * HOUR


TORONTO = datetime(1919, 3, 31, 4, 30, tzinfo=UTC)
"""When 23:30 became 00:30."""


def test_a_shift_may_so_fall_on_the_next_day():
    calendar = BusinessCalendar("America/Toronto", hours={"sun": [(time(23, 40), time(0))]})
    assert calendar.working(TORONTO + 10 * MINUTE, TORONTO + HOUR) == 20 * MINUTE


def test_shifts_of_two_days_that_so_overlap_count_once():
    hours = {"sun": [(time(23, 40), time(0))], "mon": [(time(0, 30), time(1))]}
    calendar = BusinessCalendar("America/Toronto", hours=hours)
    assert calendar.working(TORONTO - HOUR, TORONTO + HOUR) == 30 * MINUTE
    assert calendar.after(TORONTO, MINUTE) == TORONTO + MINUTE


def test_a_midnight_that_comes_twice_is_the_first_one():
    change = datetime(2006, 10, 29, 2, 31, tzinfo=UTC)  # when a minute past midnight became a minute past 23:00
    calendar = BusinessCalendar("America/St_Johns", hours={"sun": [(time(0), time(6))]})
    assert calendar.working(change - HOUR, change + HOUR / 2) == 31 * MINUTE


def test_a_day_that_a_zone_left_out_is_no_working_day():
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011, a Friday
    calendar = BusinessCalendar("Pacific/Apia")
    assert calendar.after(datetime(2011, 12, 29, 17, tzinfo=apia), HOUR) == datetime(2012, 1, 2, 10, tzinfo=apia)
    assert calendar.days(1).after(datetime(2011, 12, 29, 12, tzinfo=apia)) == datetime(2012, 1, 2, 12, tzinfo=apia)


# business days


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (berlin(2026, 3, 2, 15), 1, berlin(2026, 3, 3, 15)),
        (berlin(2026, 3, 2, 15), 2, berlin(2026, 3, 4, 15)),
        (berlin(2026, 3, 5, 15), 2, berlin(2026, 3, 9, 15)),
        (berlin(2026, 3, 7, 12), 2, berlin(2026, 3, 11, 9)),  # Saturday counts as Monday 09:00
        (berlin(2026, 3, 2, 18), 1, berlin(2026, 3, 4, 9)),  # Monday evening as Tuesday 09:00
        (berlin(2026, 3, 2, 17), 1, berlin(2026, 3, 4, 9)),
        (berlin(2026, 3, 2, 7), 1, berlin(2026, 3, 3, 9)),
        (berlin(2026, 3, 27, 15), 1, berlin(2026, 3, 30, 15)),  # the same local time, though 71 hours later
        (berlin(2026, 4, 2, 15), 1, berlin(2026, 4, 7, 15)),  # Easter
    ],
)
def test_business_days_end_at_the_same_local_time_so_many_working_days_later(start, days, end):
    calendar = BusinessCalendar("Europe/Berlin", holidays={date(2026, 4, 3), date(2026, 4, 6)})
    assert calendar.days(days).after(start) == calendar.after_days(start, days) == end


def test_business_days_end_at_the_next_opening_where_nobody_works_at_that_time():
    calendar = BusinessCalendar(
        "Europe/Berlin", hours={"thu": [(time(9), time(17))], "fri": [(time(9), time(13))], "mon": [(time(11), time(12))]}
    )  # fmt: skip
    assert calendar.after_days(berlin(2026, 3, 5, 15), 1) == berlin(2026, 3, 9, 11)  # Friday is over by 15:00
    assert calendar.after_days(berlin(2026, 3, 6, 10), 1) == berlin(2026, 3, 9, 11)  # Monday has not begun at 10:00
    assert calendar.after_days(berlin(2026, 3, 5, 13), 1) == berlin(2026, 3, 9, 11)


# what a gate takes


def test_a_due_time_is_working_time_or_elapsed_time():
    friday = berlin(2026, 3, 27, 16)
    assert due_after(friday, OFFICE.hours(2)) == OFFICE.after(friday, 2 * HOUR) == berlin(2026, 3, 30, 10)
    assert due_after(friday, OFFICE.days(1)) == berlin(2026, 3, 30, 16)
    assert due_after(friday, timedelta(days=2)) == berlin(2026, 3, 29, 17)  # 48 hours, one of which the clock skipped
    assert due_after(friday, timedelta(0)) == friday


def test_a_due_time_is_a_plain_time_in_utc_whatever_the_start_is():
    start = pd.Timestamp("2026-03-02T15:00:00.000001", tz="Europe/Berlin")
    for allowed in (timedelta(hours=1), OFFICE.hours(1), OFFICE.days(1)):
        due = due_after(start, allowed)
        assert type(due) is datetime
        assert due.tzinfo is UTC
        assert due.microsecond == 1


def test_business_times_are_equal_where_they_say_the_same_of_one_calendar():
    assert OFFICE.hours(8) == BusinessTime(OFFICE, 8 * HOUR)
    assert OFFICE.days(2) == BusinessTime(OFFICE, 2)
    assert OFFICE.hours(24) != OFFICE.days(1)
    assert len({OFFICE.hours(8), OFFICE.hours(8), OFFICE.days(8)}) == 2


def test_a_business_time_and_a_calendar_tell_what_they_are():
    assert str(OFFICE.hours(8)) == "8:00:00 of working time in Europe/Berlin"
    assert [str(OFFICE.days(n)) for n in (1, 2)] == [
        "1 business day in Europe/Berlin",
        "2 business days in Europe/Berlin",
    ]
    assert repr(of_sunday(time(9), time(0))) == "<business calendar 'Europe/Berlin': {'sun': [['09:00', '00:00']]}>"


def test_the_structure_changes_with_whatever_it_lists_and_with_nothing_else():
    day = date(2026, 12, 25)
    calendars = [
        OFFICE,
        BusinessCalendar("Europe/Paris"),
        BusinessCalendar("Europe/Berlin", hours=(time(9), time(17, 0, 1))),
        BusinessCalendar("Europe/Berlin", hours={"mon": [(time(9), time(17))]}),
        BusinessCalendar("Europe/Berlin", holidays={day}),
        BusinessCalendar("Europe/Berlin", holidays=Listed()),
        BusinessCalendar("Europe/Berlin", holidays=lambda day: day.month == 12),
        BusinessCalendar("Europe/Berlin", holidays=lambda day: day.month == 11),
    ]
    allowed = [time for c in calendars for time in (c.hours(8), c.hours(9), c.days(8))]
    assert len({canonical_bytes(time.structure()) for time in allowed}) == len(allowed)
    same = [
        BusinessCalendar("Europe/Berlin", hours={d: [(time(9), time(17))] for d in WEEKDAYS[:5]}),
        BusinessCalendar(
            "Europe/Berlin", hours={d: [(time(9), time(17))] for d in reversed(WEEKDAYS[:5])}, holidays=[]
        ),
    ]
    assert {canonical_bytes(c.structure()) for c in same} == {canonical_bytes(OFFICE.structure())}


def test_the_structure_lists_dates_where_it_can_and_else_names_what_is_asked():
    def given(holidays):
        return BusinessCalendar("UTC", holidays=holidays).structure()["holidays"]

    christmas, easter = date(2026, 12, 25), date(2026, 4, 3)
    assert given([christmas, easter, easter]) == {"dates": ["2026-04-03", "2026-12-25"]}
    assert given(Listed()) == {"type": f"{__name__}.Listed"}
    assert given({christmas}.__contains__) == {"type": "builtins.builtin_function_or_method"}
    assert given(lambda day: False)["code"] == given(lambda day: False)["code"]


def test_holidays_that_are_made_when_asked_for_do_not_change_the_structure():
    class Lazy(dict):
        def __contains__(self, day):
            self[day] = "asked"
            return False

    calendar = BusinessCalendar("UTC", holidays=Lazy())
    before = calendar.structure()
    calendar.after(berlin(2026, 3, 2, 9), 9 * HOUR)
    assert calendar.structure() == before


# what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"zone": "Europe/Berln"}, "no time zone 'Europe/Berln'; write an IANA name"),
        ({"zone": "Europe"}, "no time zone 'Europe'"),
        ({"zone": ""}, "no time zone ''"),
        ({"zone": "../etc/passwd"}, "no time zone"),
        ({"zone": "Europe/Berlin\0"}, "no time zone"),
        ({"zone": None}, "no time zone None"),
        ({"hours": {}}, "hold no working time"),
        ({"hours": {"mon": [], "tue": ()}}, "hold no working time"),
        ({"hours": {"monday": [(time(9), time(17))]}}, "'monday', which is no weekday; those are mon, tue"),
        ({"hours": {0: [(time(9), time(17))]}}, "of 0, which is no weekday"),
        ({"hours": (time(9), time(9))}, "'mon': the shift 09:00-09:00 is empty"),
        ({"hours": (time(22), time(6))}, "22:00-06:00 ends before it starts; a shift over midnight is two"),
        (
            {"hours": {"tue": [(time(9), time(13)), (time(12), time(17))]}},
            "'tue': the shifts 09:00-13:00 and 12:00-17:00 o",
        ),
        ({"hours": {"tue": [(time(9), time(0)), (time(12), time(17))]}}, "09:00-00:00 and 12:00-17:00 overlap"),
        ({"hours": {"tue": [(time(9), time(17)), (time(9), time(17))]}}, "09:00-17:00 and 09:00-17:00 overlap"),
        ({"hours": {"tue": (time(9), time(17))}}, "is no shift; write a start and an end"),
        ({"hours": {"tue": None}}, "None are no shifts; write a list"),
        ({"hours": {"tue": "9-17"}}, "'9-17' are no shifts"),
        ({"hours": (9, 17)}, "is no shift"),
        ({"hours": ("09:00", "17:00")}, "is no shift"),
        ({"hours": (time(9),)}, "is no shift"),
        ({"hours": None}, "None is no shift"),
        ({"hours": (time(9, tzinfo=UTC), time(17))}, "a zone or fold of its own; write plain times"),
        ({"hours": (time(2, fold=1), time(17))}, "a zone or fold of its own"),
        ({"holidays": "DE"}, "'DE' are neither a container of dates nor a function"),
        ({"holidays": 25}, "25 are neither"),
        ({"holidays": Listed}, "are neither"),
        ({"holidays": iter([date(2026, 12, 25)])}, "are neither"),
        ({"holidays": ["2026-12-25"]}, "list '2026-12-25', which is no date; write date"),
        ({"holidays": [datetime(2026, 12, 25)]}, "which is no date"),  # noqa: DTZ001
        ({"holidays": pd.DatetimeIndex(["2026-12-25"])}, "which is no date"),
    ],
)
def test_a_calendar_that_means_nothing_is_refused_by_name(arguments, message):
    with pytest.raises(DefinitionError, match=message):
        BusinessCalendar(**{"zone": "Europe/Berlin", **arguments})


NAIVE = datetime(2026, 3, 2, 9)  # noqa: DTZ001
START = berlin(2026, 3, 2, 9)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: OFFICE.after(NAIVE, HOUR), "start=datetime.*is no time with a zone"),
        (lambda: OFFICE.after_days(NAIVE, 1), "is no time with a zone"),
        (lambda: OFFICE.working(NAIVE, START), "start=.*is no time with a zone"),
        (lambda: OFFICE.working(START, NAIVE), "end=.*is no time with a zone"),
        (lambda: due_after(NAIVE, HOUR), "is no time with a zone"),
        (lambda: OFFICE.after(pd.NaT, HOUR), "start=NaT is no time with a zone"),
        (lambda: OFFICE.after(date(2026, 3, 2), HOUR), "is no time with a zone"),
        (lambda: OFFICE.after("2026-03-02", HOUR), "is no time with a zone"),
        (lambda: OFFICE.after(datetime.min.replace(tzinfo=UTC), HOUR), "outside the years 2 to 9979"),
        (lambda: OFFICE.working(START, datetime.max.replace(tzinfo=UTC)), "end=.*outside the years"),
        (lambda: due_after(datetime.max.replace(tzinfo=UTC), HOUR), "outside the years"),
        (lambda: OFFICE.working(START, START - MINUTE), "is before start="),
        (lambda: OFFICE.after(START, -MINUTE), "is no working time"),
        (lambda: OFFICE.after(START, 8), "working=8 is no working time; write timedelta"),
        (lambda: OFFICE.after_days(START, 0), "days=0 is no number of business days"),
        (lambda: OFFICE.after_days(START, 1.5), "days=1.5 is no number"),
        (lambda: OFFICE.after_days(START, True), "days=True is no number"),
        (lambda: OFFICE.hours(0), "hours=0 is no time to answer in"),
        (lambda: OFFICE.hours(-1), "hours=-1 is no time"),
        (lambda: OFFICE.hours(float("nan")), "hours=nan is no time"),
        (lambda: OFFICE.hours(float("inf")), "hours=inf is no time"),
        (lambda: OFFICE.hours(True), "hours=True is no time"),
        (lambda: OFFICE.hours("8"), "hours='8' is no time"),
        (lambda: OFFICE.hours(1e-12), "leaves no time to answer"),
        (lambda: OFFICE.days(0), "working=0 leaves no time"),
        (lambda: OFFICE.days(-2), "working=-2 leaves no time"),
        (lambda: OFFICE.days(10**30), "or more than ten years"),
        (lambda: OFFICE.days(1.0), "days=1.0 is no number of business days"),
        (lambda: OFFICE.days(HOUR), "is no number of business days"),
        (lambda: OFFICE.days(True), "working=True is no time"),
        (lambda: BusinessTime("Europe/Berlin", HOUR), "calendar='Europe/Berlin' is none"),
        (lambda: BusinessTime(OFFICE, 8.0), "working=8.0 is no time; write a timedelta"),
        (lambda: BusinessTime(OFFICE, timedelta(days=4000)), "or more than ten years"),
        (lambda: BusinessTime(OFFICE, -HOUR), "leaves no time"),
        (lambda: due_after(START, -HOUR), "allowed=.*is no time to answer in"),
        (lambda: due_after(START, 8), "allowed=8 is no time to answer in; give a timedelta or a BusinessTime"),
        (lambda: due_after(START, timedelta.max), "ends after the year 9999"),
    ],
)
def test_a_time_that_cannot_be_reckoned_with_is_refused_by_name(ask, message):
    with pytest.raises(DefinitionError, match=message):
        ask()


@pytest.mark.parametrize(
    "holidays", [lambda day: True, lambda day: day > date(2026, 6, 1), lambda day: day > date(2026, 3, 6)]
)
def test_a_calendar_that_never_works_again_is_given_up_after_ten_years(holidays):
    calendar = BusinessCalendar("Europe/Berlin", holidays=holidays)
    with pytest.raises(DefinitionError, match=r"ten years from .* on hold .* of working time, of the 62 days"):
        calendar.after(START, timedelta(days=62))
    with pytest.raises(DefinitionError, match=r"ten years from .* do not hold 90 business days"):
        calendar.after_days(START, 90)


def test_a_last_day_after_whose_hours_nobody_works_again_is_no_due_time():
    calendar = BusinessCalendar("UTC", hours={"mon": [(time(9), time(17))], "tue": [(time(9), time(12))]}, holidays=lambda day: day > date(2026, 3, 3))  # fmt: skip
    assert calendar.after_days(datetime(2026, 3, 2, 10, tzinfo=UTC), 1) == datetime(2026, 3, 3, 10, tzinfo=UTC)
    with pytest.raises(DefinitionError, match="do not hold 1 business days"):
        calendar.after_days(datetime(2026, 3, 2, 15, tzinfo=UTC), 1)


@pytest.mark.parametrize("answer", [None, "no", 2])
def test_a_function_that_does_not_say_whether_a_day_is_a_holiday_is_refused(answer):
    calendar = BusinessCalendar("UTC", holidays=lambda day: answer)
    with pytest.raises(DefinitionError, match=f"holidays= said {answer!r} of 2026-"):
        calendar.after(START, HOUR)


# against slow oracles

CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)), ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)), ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)), ("Australia/Lord_Howe", date(2026, 10, 4)),  # half an hour
    ("America/Santiago", date(2026, 4, 5)), ("America/Santiago", date(2026, 9, 6)),  # at midnight
    ("America/Havana", date(2026, 3, 8)), ("America/Havana", date(2026, 11, 1)),
    ("America/St_Johns", date(2006, 10, 29)), ("America/St_Johns", date(2007, 3, 11)),  # a minute after midnight
    ("America/Toronto", date(1919, 3, 31)),  # from half an hour before midnight to half an hour after
    ("Pacific/Apia", date(2011, 12, 30)),  # a whole day
    ("Asia/Kolkata", date(2026, 7, 1)), ("UTC", date(2026, 1, 1)),
]  # fmt: skip
AROUND = timedelta(days=3)


def shifts_of(times):
    """Shifts between every other two of some times; one that is left over ends at midnight."""
    ends = [*sorted(times), *([time(0)] if len(times) % 2 else [])]
    return list(zip(ends[::2], ends[1::2], strict=True))


def minutes_of(shifts):
    return sum(((end.hour * 60 + end.minute) or 24 * 60) - start.hour * 60 - start.minute for start, end in shifts)


@st.composite
def cases(draw, *, between=(0, 24 * 60 - 1), exact=MINUTE):
    """A zone near a change of its clock, with hours, holidays and an instant; and the same hours every day, or not."""
    zone, day = draw(st.sampled_from(CHANGES))
    minutes = st.one_of(st.just(0), st.integers(*between)).map(lambda m: time(m // 60, m % 60))
    week = st.dictionaries(st.sampled_from(WEEKDAYS), st.sets(minutes, max_size=5).map(shifts_of), min_size=4)
    hours = draw(week.filter(lambda days: sum(map(minutes_of, days.values())) >= 30))  # or ten years hold little
    change = datetime.combine(day, time(12), tzinfo=UTC)
    days = st.integers(-4, 4).map(lambda n: day + timedelta(days=n))
    holidays = draw(st.frozensets(days, max_size=3))
    start = change + draw(st.integers(-AROUND // exact, AROUND // exact)) * exact
    return zone, hours, holidays, start


def shown_on_the_wall(zone, hours, holidays):
    """Whether somebody works, told by the clock on the wall alone."""
    of, zone = dict(enumerate(map(hours.get, WEEKDAYS))), ZoneInfo(zone)

    def works(moment):
        local = moment.astimezone(zone)
        shifts = () if local.date() in holidays else of[local.weekday()] or ()
        return any(start <= local.time() and (local.time() < end or end == time(0)) for start, end in shifts)

    return works


def converted(zone, hours, holidays):
    """Whether somebody works, told by the shifts of the days around, each end converted on its own."""
    zone, known = ZoneInfo(zone), {}

    def shifts_on(day):
        if day not in known:
            there = datetime.combine(day, time(12), zone).astimezone(UTC).astimezone(zone).date() == day
            shifts = hours.get(WEEKDAYS[day.weekday()], ()) if there and day not in holidays else ()
            known[day] = [
                (datetime.combine(day, start, zone).astimezone(UTC),
                 datetime.combine(day + timedelta(days=end == time(0)), end, zone).astimezone(UTC))
                for start, end in shifts
            ]  # fmt: skip
        return known[day]

    def works(moment):
        around = (moment.date() + timedelta(days=n) for n in (-2, -1, 0, 1, 2))
        return any(start <= moment < end for day in around for start, end in shifts_on(day))

    return works


def check_against(works, case, minutes):
    """Walk minute by minute until so many of them were worked, and compare."""
    zone, hours, holidays, start = case
    calendar = BusinessCalendar(zone, hours=hours, holidays=holidays)
    worked, moment = 0, start
    while worked < minutes and moment < start + 2 * AROUND:
        worked += works(moment)
        moment += MINUTE
    assert calendar.working(start, moment) == worked * MINUTE
    if worked == minutes:
        assert calendar.after(start, worked * MINUTE) == moment


@given(case=cases(between=(4 * 60, 22 * 60)), minutes=st.integers(0, 2000))
def test_it_agrees_with_a_walk_along_the_clock_on_the_wall(case, minutes):
    assume(case[0] not in ("America/Toronto", "America/St_Johns"))  # whose midnight itself was skipped, or came twice
    check_against(shown_on_the_wall(*case[:3]), case, minutes)


@given(case=cases(between=(0, 4 * 60)), minutes=st.integers(0, 1000))
def test_it_agrees_with_a_walk_where_the_hours_end_amid_a_change_of_the_clock(case, minutes):
    check_against(converted(*case[:3]), case, minutes)


MICROSECOND = timedelta(microseconds=1)
working_times = st.timedeltas(timedelta(0), timedelta(days=4))


@given(case=cases(exact=MICROSECOND), working=working_times)
def test_exactly_so_much_working_time_passes_until_it_is_over_and_less_before(case, working):
    zone, hours, holidays, start = case
    calendar = BusinessCalendar(zone, hours=hours, holidays=holidays)
    due = calendar.after(start, working)
    assert calendar.working(start, due) == working
    if working:
        assert calendar.working(start, due - MICROSECOND) == working - MICROSECOND


@given(case=cases(exact=MICROSECOND), first=working_times, second=working_times)
def test_working_time_adds_up(case, first, second):
    zone, hours, holidays, start = case
    calendar = BusinessCalendar(zone, hours=hours, holidays=holidays)
    between = calendar.after(start, first)
    due = calendar.after(between, second)
    assert due == calendar.after(start, first + second)
    assert calendar.working(start, between) + calendar.working(between, due) == calendar.working(start, due)


@given(case=cases(between=(4 * 60, 22 * 60)), later=st.timedeltas(timedelta(0), AROUND), days=st.integers(1, 30))
def test_who_starts_later_or_has_more_business_days_is_never_due_earlier(case, later, days):
    zone, hours, holidays, start = case
    calendar = BusinessCalendar(zone, hours=hours, holidays=holidays)
    due = calendar.after_days(start, days)
    assert start < due <= calendar.after_days(start + later, days)
    assert due <= calendar.after_days(start, days + 1)
    assert calendar.working(due, due + MICROSECOND) == MICROSECOND  # somebody works when it is over


@given(
    case=cases(between=(4 * 60, 22 * 60)), days=st.integers(1, 30), a=st.integers(300, 1200), b=st.integers(300, 1200)
)
def test_where_all_days_are_alike_business_days_are_their_hours(case, days, a, b):
    assume(a < b)
    zone, hours, holidays, start = case
    day = [(time(a // 60, a % 60), time(b // 60, b % 60))]
    calendar = BusinessCalendar(zone, hours=dict.fromkeys(hours, day), holidays=holidays)
    assert calendar.working(start, calendar.after_days(start, days)) == days * (b - a) * MINUTE
