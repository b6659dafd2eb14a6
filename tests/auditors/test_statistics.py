"""Formulas against published examples, against statsmodels and scipy, and against their own definitions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.auditors.statistics import (
    below_line,
    decisions_needed,
    difference_test,
    holm,
    ratio_interval,
    two_sd,
    wilson,
)

tables = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


def test_two_sd_of_the_layoff_example():
    # "Two Standard Deviations" by Yocom and McKee: 3 of 29 against 55 of 203
    assert two_sd(3, 29, 55, 203) == pytest.approx(-1.948432067234, abs=1e-9)
    assert difference_test(3, 29, 55, 203).p == pytest.approx(0.0514, abs=5e-5)


def test_two_sd_with_and_without_applicants_of_unknown_race():
    # localjobnetwork.com, article 7507: the unknown turn the verdict around
    assert abs(two_sd(50, 250, 100, 250)) == pytest.approx(4.88, abs=0.005)
    assert two_sd(50, 350, 100, 550) == pytest.approx(-1.53, abs=0.005)


def test_score_interval_of_the_ratio_in_the_layoff_example():
    # Koopman 1984 for 3/29 against 55/203, by statsmodels without the small-sample correction
    low, high = ratio_interval(3, 29, 55, 203)
    assert (low[0], high[0]) == (pytest.approx(0.130, abs=5e-4), pytest.approx(1.005, abs=5e-4))


def test_wilson_interval_of_none_in_ten():
    low, high = wilson(0, 10)
    assert float(low) == 0
    assert float(high) == pytest.approx(0.2775, abs=5e-5)


@settings(deadline=None, max_examples=50)  # the first example loads the peer
@given(tables)
def test_wilson_agrees_with_statsmodels(table):
    from statsmodels.stats.proportion import proportion_confint

    k, n, _, _ = table
    assert [float(x) for x in wilson(k, n)] == pytest.approx(list(proportion_confint(k, n, method="wilson")), abs=1e-12)


@settings(deadline=None, max_examples=50)  # the first example loads the peer
@given(tables)
def test_ratio_interval_agrees_with_statsmodels_away_from_the_edges(table):
    from statsmodels.stats.proportion import confint_proportions_2indep

    k1, n1, k0, n0 = table
    if not (0 < k1 < n1 and 0 < k0 < n0):
        return
    theirs = confint_proportions_2indep(k1, n1, k0, n0, compare="ratio", method="score", correction=False)
    assert [float(x[0]) for x in ratio_interval(k1, n1, k0, n0)] == pytest.approx([float(t) for t in theirs], rel=1e-6)


def test_ratio_interval_at_the_edges_is_that_of_the_definition():
    # everybody here and there: the likeliest rates with ratio r < 1 are r and 1, so n (1 - r) / r = 1.96 ** 2
    square = 1.959963984540054**2
    for n in (1, 10, 1000):
        low, high = ratio_interval(n, n, n, n)
        assert low[0] == pytest.approx(n / (n + square))
        assert high[0] == pytest.approx((n + square) / n)
    assert ratio_interval(0, 10, 5, 10)[0][0] == 0
    assert ratio_interval(5, 10, 0, 10)[1][0] == math.inf
    assert all(math.isnan(bound[0]) for k, n in ((0, 10), (0, 0)) for bound in ratio_interval(k, n, 0, 10))


@given(tables)
def test_ratio_interval_holds_one_exactly_where_the_two_sd_test_does_not_reject(table):
    z = two_sd(*table)
    if math.isnan(z) or abs(abs(z) - 1.959964) < 1e-4:
        return
    low, high = ratio_interval(*table)
    assert (low[0] <= 1 <= high[0]) == (abs(z) < 1.959964)


@given(tables)
def test_ratio_interval_holds_the_ratio_and_turns_over_with_it(table):
    k1, n1, k0, n0 = table
    if not k1 or not k0:
        return
    low, high = (bound[0] for bound in ratio_interval(k1, n1, k0, n0))
    ratio = k1 * n0 / (n1 * k0)
    assert low <= ratio * (1 + 1e-9)
    assert ratio <= high * (1 + 1e-9)
    assert [1 / bound[0] for bound in ratio_interval(k0, n0, k1, n1)] == pytest.approx([high, low], rel=1e-6)


@settings(deadline=None, max_examples=50)  # the first example loads the peer
@given(tables)
def test_difference_test_is_fishers_where_cells_are_sparse(table):
    from scipy.stats import fisher_exact

    k1, n1, k0, n0 = table
    p, test = difference_test(*table)
    expected = [n * k / (n1 + n0) for n in (n1, n0) for k in (k1 + k0, n1 + n0 - k1 - k0)]
    assert (test == "Fisher's exact") == (min(expected) < 5)
    if min(expected) < 5:
        assert p == pytest.approx(fisher_exact([[k1, n1 - k1], [k0, n0 - k0]]).pvalue, abs=1e-12)


def test_sparse_tables_of_any_size_are_tested_in_no_time():
    big = 2**58
    assert difference_test(0, 3, big, 2 * big).p == pytest.approx(0.25)
    assert difference_test(1, 10 * big, big, big).p == 0
    assert difference_test(1_000, 100_000, 0, 10**9).p == 0


@settings(deadline=None, max_examples=50)  # the first example loads the peer
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)


@given(tables, st.fractions(Fraction(1, 100), 1))
def test_below_the_line_is_what_fractions_say(table, line):
    k1, n1, k0, n0 = table
    assert below_line(k1, n1, k0, n0, line) == (Fraction(k1, n1) < line * Fraction(k0, n0))


def test_exactly_four_fifths_is_never_below_where_floating_point_says_so():
    wrong = 0
    for n0 in range(5, 101, 5):
        for n1 in range(5, 101, 5):
            for k0 in range(1, n0 + 1):
                if (4 * k0 * n1) % (5 * n0) == 0:
                    k1 = 4 * k0 * n1 // (5 * n0)
                    wrong += (k1 / n1) / (k0 / n0) < 0.8
                    assert not below_line(k1, n1, k0, n0)
    assert wrong > 600


def test_below_the_line_does_not_overflow():
    big = 10**30
    assert below_line(12 * big - 1, 25 * big, 3, 5)
    assert not below_line(12 * big, 25 * big, 3, 5)


def test_decisions_needed_agree_with_the_power_computed_by_another_approximation():
    # 242, 536 and 2,003 by Cohen's h (statsmodels NormalIndPower), reference four times as large
    for rate, other in ((0.5, 242), (0.3, 536), (0.1, 2003)):
        assert decisions_needed(rate, times=4) == pytest.approx(other, rel=0.03)
    assert decisions_needed(0) is None
    assert decisions_needed(0.5, line=1.0) is None


def test_an_empty_group_has_no_interval_and_no_test():
    low, high = wilson([0, 1], [0, 1])
    assert np.isnan([low[0], high[0]]).all()
    assert high[1] == 1
    assert math.isnan(difference_test(0, 0, 1, 2).p)
    assert math.isnan(two_sd(0, 0, 1, 2))
