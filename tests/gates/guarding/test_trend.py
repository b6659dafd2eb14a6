"""Fatigue: whether a measure changes along sittings."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, mannwhitneyu

from abpo_sdk.gates.guarding.trend import trend

SITTINGS = st.lists(st.lists(st.integers(0, 4).map(float), max_size=15), max_size=8)


@given(values=st.permutations(range(40)))
@settings(max_examples=50, deadline=None)
def test_one_sitting_without_ties_is_kendalls_test(values):
    found, peer = (
        trend([list(map(float, values))], typical="median"),
        kendalltau(range(40), values, method="asymptotic"),
    )
    assert found.tau == pytest.approx(peer.statistic)
    # scipy's has no correction for continuity: one pair of 780
    assert found.p == pytest.approx(peer.pvalue, abs=0.02)


@given(values=st.lists(st.booleans(), min_size=30, max_size=60))
@settings(max_examples=50, deadline=None)
def test_of_one_sitting_of_yes_and_no_it_is_the_rank_sum_test_of_their_places(values):
    yes, no = [p for p, v in enumerate(values) if v], [p for p, v in enumerate(values) if not v]
    found = trend([list(map(float, values))], typical="mean")
    if not yes or not no:
        assert (found.tau, found.p, found.word) == (0.0, 1.0, "no change shown")
        return
    peer = mannwhitneyu(yes, no, method="asymptotic", use_continuity=False)
    sign = 2 * peer.statistic - len(yes) * len(no)
    spread = len(yes) * len(no) * (len(values) + 1) / 3
    assert found.p == pytest.approx(math.erfc(max(0, abs(sign) - 1) / math.sqrt(2 * spread)))


@given(sittings=SITTINGS)
@settings(max_examples=100, deadline=None)
def test_sittings_are_compared_with_themselves_alone_so_their_level_and_order_do_not_matter(sittings):
    moved = [[value + 100 * place for value in sitting] for place, sitting in enumerate(sittings)]
    one = trend(sittings, typical="median")
    for other in (trend(moved, typical="median"), trend(sittings[::-1], typical="median")):
        assert (one.n, one.sittings, one.word) == (other.n, other.sittings, other.word)
        assert one.p == (None if other.p is None else pytest.approx(other.p))


@given(sittings=SITTINGS)
@settings(max_examples=100, deadline=None)
def test_backwards_the_trend_is_the_opposite(sittings):
    one = trend(sittings, typical="median")
    back = trend([sitting[::-1] for sitting in sittings], typical="median")
    assert (one.first, one.last) == (back.last, back.first)
    if one.tau is not None:
        assert (back.tau, back.p) == (pytest.approx(-one.tau), pytest.approx(one.p))
        assert -1 <= one.tau <= 1


def test_what_falls_and_what_rises_is_told_with_the_first_and_the_last_third():
    falls = trend([[30.0, 28, 26, 20, 12, 10, 9, 8, 7]] * 6, typical="median")
    assert (falls.word, falls.first, falls.last, falls.n, falls.sittings) == ("falls", 28.0, 8.0, 54, 6)
    assert falls.p < 0.001
    rises = trend([[0.0] * 10 + [1.0] * 20], typical="mean")
    assert (rises.word, rises.first, rises.last) == ("rises", 0.0, 1.0)


def test_short_sittings_do_not_count_and_few_answers_are_too_little_to_say():
    assert trend([[1.0, 2.0, 3.0, 4.0, 5.0]] * 100, typical="median").n == 0
    few = trend([[6.0, 5, 4, 3, 2, 1]] * 4, typical="median")
    assert (few.n, few.first, few.last, few.p, few.word) == (24, 5.5, 1.5, None, "too little to say")


def test_without_a_change_a_trend_is_told_about_as_seldom_as_the_level_says():
    draw = random.Random(5)
    words = [
        trend([[float(draw.random() < 0.8) for _ in range(20)] for _ in range(5)], typical="mean").word
        for _ in range(600)
    ]
    assert words.count("no change shown") >= 600 * 0.975
