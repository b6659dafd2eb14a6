"""Shares and their intervals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from abpo_sdk.errors import EvaluationError
from abpo_sdk.evaluation import Share

counts = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts=counts)
@settings(max_examples=100, deadline=None)
def test_the_interval_is_wilsons(counts):
    k, n = counts
    share = Share(k, n)
    low, high = proportion_confint(k, n, alpha=0.05, method="wilson")
    assert (share.low, share.high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))
    assert 0 <= share.low <= share.value <= share.high <= 1


@given(truths=st.lists(st.sampled_from([True, False, None])))
@settings(max_examples=50, deadline=None)
def test_a_share_counts_what_is_known_and_is_none_of_nothing(truths):
    known = [truth for truth in truths if truth is not None]
    assert Share.of(truths) == (Share(known.count(True), len(known)) if known else None)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (2, 1), (-1, 1)])
def test_a_share_of_nothing_is_no_share(k, n):
    with pytest.raises(EvaluationError, match=f"{k} of {n} is no share"):
        Share(k, n)


@given(counts=counts)
@settings(max_examples=100, deadline=None)
def test_no_text_rounds_a_share_to_none_or_all(counts):
    k, n = counts
    text = str(Share(k, n)).split(" (")[0]
    assert (text == "0 %") == (k == 0)
    assert (text == "100 %") == (k == n)
    assert text not in ("0.0 %", "100.0 %")
