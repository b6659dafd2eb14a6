"""The sign of a rubber stamp."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.share import Share
from abpo_sdk.gates.guarding.stamp import StampRule, Verdict

SHARES = st.none() | st.integers(1, 500).flatmap(lambda n: st.integers(0, n).map(lambda k: Share(k, n)))


def verdict(confirms, fast=None, vigilance=None):
    return StampRule().judge(confirms=confirms, fast=fast, vigilance=vigilance)


@given(counts=st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=100, deadline=None)
def test_the_interval_of_a_share_is_wilsons(counts):
    share = Share(*counts)
    low, high = proportion_confint(*counts, alpha=0.05, method="wilson")
    assert share.interval == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))
    assert 0 <= share.low <= share.value + 1e-12
    assert share.value - 1e-12 <= share.high <= 1


def test_confirming_nearly_all_without_reading_is_a_signal():
    assert verdict(Share(400, 400), Share(390, 400))[0] == Verdict.SIGNAL == "signal"


def test_confirming_nearly_all_after_reading_is_none():
    found = verdict(Share(400, 400), Share(20, 400))
    assert found == (Verdict.NO_SIGNAL, "takes the least reading time for 380 of 400 answers")


def test_answering_fast_but_overruling_is_none():
    assert verdict(Share(300, 400), Share(400, 400)) == (Verdict.NO_SIGNAL, "overrules 100 of 400 proposals")


def test_confirming_nearly_all_is_too_little_to_say_where_reading_is_not_measured():
    found, because = verdict(Share(400, 400))
    assert (found, "is not measured" in because) == (Verdict.TOO_LITTLE, True)


def test_missing_known_cases_is_a_signal_whatever_else():
    assert verdict(None, None, Share(1, 12)) == (Verdict.SIGNAL, "misses known cases: caught 1 of 12")
    assert verdict(Share(300, 400), Share(0, 400), Share(1, 12))[0] is Verdict.SIGNAL


def test_few_known_cases_that_are_missed_are_no_signal_yet():
    assert verdict(Share(30, 40), None, Share(0, 9))[0] is Verdict.TOO_LITTLE


def test_a_small_group_is_too_little_to_say():
    assert verdict(Share(1, 1)) == (Verdict.TOO_LITTLE, "1 answer to a proposal, fewer than the 50 that it takes")
    assert verdict(None)[0] is Verdict.TOO_LITTLE
    assert verdict(Share(49, 49), Share(49, 49))[0] is Verdict.TOO_LITTLE


def test_189_answers_are_the_fewest_that_show_confirming_of_nearly_all():
    assert verdict(Share(188, 188), Share(188, 188))[0] is Verdict.TOO_LITTLE
    assert verdict(Share(189, 189), Share(189, 189))[0] is Verdict.SIGNAL


def test_a_reading_time_known_of_few_answers_alone_is_too_little_to_say():
    for fast in (Share(20, 20), Share(0, 20), Share(200, 400)):
        assert verdict(Share(400, 400), fast)[0] is Verdict.TOO_LITTLE


@given(confirms=SHARES, fast=SHARES, vigilance=SHARES)
@settings(max_examples=200, deadline=None)
def test_a_signal_needs_its_evidence_and_so_does_none(confirms, fast, vigilance):
    found, because = verdict(confirms, fast, vigilance)
    misses = vigilance is not None and vigilance.n >= 10 and vigilance.high < 0.5
    stamps = bool(confirms and fast and confirms.low >= 0.98 and fast.low > 0.5 and min(confirms.n, fast.n) >= 50)
    assert (found is Verdict.SIGNAL) == (misses or stamps)
    if found is Verdict.NO_SIGNAL:
        assert confirms.n >= 50
        assert confirms.high < 0.98 or fast.high < 0.5
    assert because


@pytest.mark.parametrize(
    "options",
    [{"fewest": 0}, {"fewest": True}, {"fewest_known": 1.5}, {"confirms": 0}, {"confirms": 1.2}, {"catches": float("nan")},
     {"catches": True}, {"confirms": "0.9"}],
)  # fmt: skip
def test_a_rule_declared_wrongly_is_refused_by_name(options):
    with pytest.raises(DefinitionError, match=f"{next(iter(options))}="):
        StampRule(**options)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_refused(k, n):
    with pytest.raises(DefinitionError, match="is no share"):
        Share(k, n)
