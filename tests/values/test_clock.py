"""Clocks tell aware times, and their texts sort as the times do."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError
from abpo_sdk.values import SystemClock
from abpo_sdk.values.clock import from_text, to_text

ZONES = st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-9, minutes=-30)), dt.timezone(dt.timedelta(hours=14))])
MOMENTS = st.datetimes(min_value=dt.datetime(1000, 1, 2), max_value=dt.datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001


def test_the_system_clock_is_in_utc():
    assert SystemClock().now().utcoffset() == dt.timedelta(0)


@given(MOMENTS)
def test_a_time_comes_back_from_its_text(moment):
    assert from_text(to_text(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_times_do_and_have_one_width(one, other):
    assert (to_text(one) < to_text(other)) is (one < other)
    assert len(to_text(one)) == len(to_text(other)) == 27


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(DefinitionError, match=r"a time without a zone; make it aware"):
        to_text(dt.datetime(2026, 1, 1))  # noqa: DTZ001  on purpose
