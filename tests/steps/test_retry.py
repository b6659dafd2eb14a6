"""Retries: which errors, how often, how long, after which pauses; and what is remembered of them."""

import asyncio
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk import Retry, idempotency_key, key_scope, process, step
from abpo_sdk.errors import DefinitionError, OutcomeUnknown

SECOND = timedelta(seconds=1)
NO_JITTER = timedelta(0)


class Down(Exception):
    pass


class Further(Down):
    """Of a class below."""


def seconds(count):
    return timedelta(seconds=count)


# the rule by itself

durations = st.integers(0, 10**7).map(lambda ms: timedelta(milliseconds=ms))


@given(
    failed=st.integers(1, 2000),
    pause=durations,
    longest=durations,
    jitter=durations,
)
@settings(max_examples=200, deadline=None)
def test_a_pause_doubles_up_to_the_longest_and_chance_adds_no_more_than_the_jitter(failed, pause, longest, jitter):
    retry = Retry(Down, attempts=10**6, pause=pause, longest=longest, jitter=jitter)
    given_pause = retry.again(failed, Down(), timedelta(0))
    expected = min(pause.total_seconds() * 2 ** min(failed - 1, 60), longest.total_seconds())
    assert expected - 1e-6 <= given_pause <= expected + jitter.total_seconds() + 1e-6


@given(attempts=st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_there_are_as_many_attempts_as_it_says_the_first_included(attempts):
    retry = Retry(Down, attempts=attempts)
    failed = 1
    while retry.again(failed, Down(), timedelta(0)) is not None:
        failed += 1
    assert failed == attempts


@given(within=durations, since=durations, failed=st.integers(1, 60))
@settings(max_examples=200, deadline=None)
def test_no_attempt_begins_later_than_within_after_the_first(within, since, failed):
    retry = Retry(Down, attempts=None, within=within)
    pause = retry.again(failed, Down(), since)
    assert pause is None or since.total_seconds() + pause <= within.total_seconds()


def test_of_two_limits_the_first_that_is_reached_ends_it():
    retry = Retry(Down, attempts=3, within=seconds(10), jitter=NO_JITTER)
    assert retry.again(1, Down(), seconds(1)) == 1.0
    assert retry.again(3, Down(), seconds(1)) is None
    assert retry.again(1, Down(), seconds(10)) is None


def test_an_error_counts_with_all_of_its_subclasses_and_no_other_does():
    retry = Retry((Down, TimeoutError), attempts=9)
    assert retry.again(1, Further(), timedelta(0)) is not None
    assert retry.again(1, TimeoutError(), timedelta(0)) is not None
    assert retry.again(1, ValueError(), timedelta(0)) is None


@pytest.mark.parametrize("error", [OutcomeUnknown("x"), DefinitionError("x")])
def test_what_nobody_can_tell_and_what_is_declared_wrongly_is_never_attempted_again(error):
    assert Retry(Exception, attempts=9).again(1, error, timedelta(0)) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on": ()}, r"Retry\(on=\(\)\): name the exceptions"),
        ({"on": KeyboardInterrupt}, "name the exceptions"),
        ({"on": "ConnectionError"}, "name the exceptions"),
        ({"on": ValueError("x")}, "name the exceptions"),
        ({"attempts": 0}, r"attempts=0"),
        ({"attempts": 2.5}, r"attempts=2.5"),
        ({"attempts": None}, "would never end"),
        ({"pause": 3}, r"Retry\(pause=3\): it is a timedelta"),
        ({"pause": None}, r"Retry\(pause=None\)"),
        ({"within": -SECOND}, "not negative"),
        ({"longest": -SECOND}, "not negative"),
        ({"jitter": -SECOND}, "not negative"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_written(options, message):
    with pytest.raises(DefinitionError, match=message):
        Retry(**{"on": Down, **options})


def test_a_step_takes_a_retry_and_nothing_else():
    with pytest.raises(DefinitionError, match=r"step 'pay': retry=3; write retry=Retry\(ConnectionError, attempts=3\)"):

        @step(retry=3)
        def pay(number: int) -> int:
            return number


# outside a run


def failing(times, *, error=Down, retry, asynchronous=False):
    """A step that fails some times, and counts."""
    calls = []

    def work():
        calls.append(idempotency_key())
        if len(calls) <= times:
            raise error(f"attempt {len(calls)}")
        return len(calls)

    if asynchronous:

        @step(name="shaky", retry=retry)
        async def shaky(number: int) -> int:
            await asyncio.sleep(0)
            return work()
    else:

        @step(name="shaky", retry=retry)
        def shaky(number: int) -> int:
            return work()

    return shaky, calls


AT_ONCE = {"pause": timedelta(0), "jitter": timedelta(0)}


def test_outside_a_run_it_is_attempted_again_in_place_under_one_key():
    shaky, calls = failing(2, retry=Retry(Down, attempts=3, **AT_ONCE))
    with key_scope("K"):
        assert shaky(1) == 3
    assert calls == ["K/shaky/0"] * 3


def test_outside_a_run_the_last_error_is_raised_as_it_is():
    shaky, _calls = failing(9, retry=Retry(Down, attempts=3, **AT_ONCE))
    with key_scope("K"), pytest.raises(Down, match="attempt 3"):
        shaky(1)


def test_outside_a_run_an_async_step_is_attempted_again_too():
    shaky, _ = failing(2, retry=Retry(Down, attempts=3, **AT_ONCE), asynchronous=True)

    async def main():
        with key_scope("K"):
            return await shaky(1)

    assert asyncio.run(main()) == 3
    shaky, _calls = failing(9, retry=Retry(Down, attempts=2, **AT_ONCE), asynchronous=True)

    async def in_vain():
        with key_scope("K"):
            await shaky(1)

    with pytest.raises(Down, match="attempt 2"):
        asyncio.run(in_vain())


def test_outside_a_run_the_thread_waits_between_attempts(monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    shaky, _ = failing(2, retry=Retry(Down, attempts=3, pause=seconds(20), jitter=NO_JITTER))
    with key_scope("K"):
        assert shaky(1) == 3
    assert waited == [20.0, 40.0]


def test_outside_a_run_time_counts_from_the_first_attempt(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda pause: now.__setitem__(0, now[0] + pause))
    shaky, _calls = failing(99, retry=Retry(Down, attempts=None, within=seconds(60), jitter=NO_JITTER))
    with key_scope("K"), pytest.raises(Down, match="attempt 6"):
        shaky(1)
    assert now == [31.0]  # 1 + 2 + 4 + 8 + 16; the next would be at 63


# a process in a run that is begun again by the step's own retry, see also tests/runtime/test_attempts.py


def test_a_step_whose_attempts_suffice_returns_what_the_last_returned(runtime):
    shaky, calls = failing(2, retry=Retry(Down, attempts=3, **AT_ONCE))

    @process
    def work(number: int) -> int:
        return shaky(number)

    assert runtime.start(work, 1, id="R").result() == 3
    assert calls == ["R/shaky/0"] * 3
