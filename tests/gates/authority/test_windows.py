"""Days, weeks and months of a time zone: each moment is in one, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.gates.authority.windows import TICK, calendar_window, near

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Asia/Beirut",
    "Pacific/Apia",
    "Australia/Lord_Howe",
]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2024, 3, 10), 23),  # from 0:00 to 1:00: there is no midnight
        ("America/Havana", date(2024, 11, 3), 25),  # from 1:00 to 0:00: midnight comes twice
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_a_day_has_as_many_hours_as_its_zone_gives_it(zone, day, hours):
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    window = calendar_window("day", ZoneInfo(zone), noon)
    assert window.until - window.since == timedelta(hours=hours)
    local = [moment.astimezone(ZoneInfo(zone)).date() for moment in (window.since, window.until - TICK)]
    assert local == [day, day]


def test_a_week_begins_on_monday_and_a_month_on_its_first():
    at = datetime(2026, 3, 1, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))  # a Sunday; in UTC it is still February
    week = calendar_window("week", ZoneInfo("Europe/Berlin"), at)
    assert week.since.astimezone(ZoneInfo("Europe/Berlin")).date() == date(2026, 2, 23)
    month = calendar_window("month", ZoneInfo("Europe/Berlin"), at)
    assert month.since == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert month.until == datetime(2026, 3, 31, 22, tzinfo=UTC)
    december = calendar_window("month", ZoneInfo("UTC"), datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert (december.since.month, december.until) == (12, datetime(2027, 1, 1, tzinfo=UTC))


@given(
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_windows_of_a_zone_cover_every_moment_once(period, name, at):
    zone = ZoneInfo(name)
    window = calendar_window(period, zone, at)
    assert window.since <= at < window.until
    assert calendar_window(period, zone, window.since) == window
    assert calendar_window(period, zone, window.until - TICK) == window
    assert calendar_window(period, zone, window.until).since == window.until


def test_a_day_that_a_zone_skipped_belongs_to_no_window_of_its_own():
    zone = ZoneInfo("Pacific/Apia")  # went from the 29th to the 31st of December 2011
    window = calendar_window("day", zone, datetime(2011, 12, 30, 9, 59, tzinfo=UTC))
    assert window.until == datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert calendar_window("day", zone, window.until).since == window.until


def test_what_lies_exactly_a_duration_apart_is_not_near():
    at = datetime(2026, 3, 2, tzinfo=UTC)
    window = near(at, timedelta(days=1))
    assert window.since == at - timedelta(days=1) + TICK
    assert window.until == at + timedelta(days=1)


@pytest.mark.parametrize("name", ["America/St_Johns", "America/Goose_Bay"])
def test_minutes_after_midnight_that_the_clocks_then_take_back_are_in_the_day_that_had_begun(name):
    zone = ZoneInfo(name)  # in 1987 from 0:01 back to 23:01 of the day before
    minutes = [datetime(1987, 10, 25, 2, tzinfo=UTC) + timedelta(minutes=n) for n in range(180)]
    windows = [calendar_window("day", zone, at) for at in minutes]
    assert all(window.since <= at < window.until for window, at in zip(windows, minutes, strict=True))
    assert len(set(windows)) == 2
    assert windows == sorted(windows, key=lambda window: window.since)
    assert any(
        at.astimezone(zone).date() != window.since.astimezone(zone).date()
        for window, at in zip(windows, minutes, strict=True)
    )
