"""How people decide: what is counted, for whom, and what is told."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.conduct import StampRule, measure_conduct
from tests.gates.guarding.answers import DECLARED, MINUTE, NOON, SECOND, answered

NAIVE = NOON.replace(tzinfo=None)


def one(answers, **options):
    """The only group of some answers, with the measures of a person allowed."""
    [group] = measure_conduct(answers, **{"declared": DECLARED, **options}).groups
    return group


def test_confirmations_are_counted_with_their_interval():
    group = one([answered(n, outcome="pay" if n % 4 else "reject") for n in range(100)])
    assert (group.n, group.people, group.confirms.k, group.confirms.n) == (100, 1, 75, 100)
    assert group.confirms.interval == (pytest.approx(0.657, abs=1e-3), pytest.approx(0.825, abs=1e-3))


def test_a_blind_answer_neither_confirms_nor_ends_a_run_of_confirmations():
    group = one(
        [answered(0), answered(1), answered(2, outcome="reject", blind=True), answered(3), answered(4, blind=True)]
    )
    assert (group.confirms.k, group.confirms.n, group.longest) == (3, 3, 3)
    assert one([answered(0, blind=True)]).longest is None


def test_reading_is_told_by_its_median_and_lowest_tenth_over_those_that_were_shown():
    group = one([answered(n, reads=n + 1) for n in range(11)] + [answered(11, shown=None, at=NOON + 60 * MINUTE)])
    assert (group.reading.n, group.reading.median, group.reading.lower_decile) == (11, 6 * SECOND, 2 * SECOND)
    assert one([answered(n) for n in range(9)]).reading.lower_decile is None
    assert one([answered(0, shown=None, at=NOON)]).reading is None


def test_answers_faster_than_the_least_reading_time_are_counted_each_by_its_gate():
    answers = [answered(0, reads=5), answered(1, reads=20), answered(2, reads=5, gate="claims"), answered(3, gate="x")]
    assert str(one(answers, least_reading=6 * SECOND).fast).startswith("50.0 % (2 of 4)")
    conduct = measure_conduct(answers, declared=DECLARED, least_reading={"approval": 10 * SECOND, "claims": 5 * SECOND})
    assert (conduct.groups[0].fast.k, conduct.groups[0].fast.n) == (1, 3)
    assert conduct.notes == ("No least reading time is given for 'x'.",)
    for none in (None, timedelta(0)):
        conduct = measure_conduct(answers, declared=DECLARED, least_reading=none)
        assert conduct.groups[0].fast is None
        assert "Reading is not judged" in str(conduct)


def test_the_longest_run_is_of_one_person_and_ends_where_they_overrule():
    answers = [answered(n, person=f"{'ab'[n % 2]}@acme", outcome="reject" if n == 8 else "pay") for n in range(20)]
    # a@acme answers the even ones: 4 confirmations, one overruled, 5 more; b@acme confirms 10
    assert one(answers).longest == 10
    by_person = measure_conduct(answers, by="person", declared=DECLARED)
    assert {group.name: group.longest for group in by_person.groups} == {"a@acme": 5, "b@acme": 10}


def test_vigilance_counts_known_cases_in_which_confirming_would_be_wrong_or_was_not_possible():
    answers = [
        answered(0, outcome="reject", known="reject"),  # caught
        answered(1, outcome="pay", known="reject"),  # missed
        answered(2, outcome="refer", known="reject"),  # overruled, yet not rightly
        answered(3, outcome="pay", known="pay"),  # a right proposal, confirmed: shows no vigilance
        answered(4, outcome="reject", known="pay"),  # a right proposal, overruled: a false alarm
        answered(5, outcome="pay", known="pay", blind=True),  # found alone
    ]
    group = one(answers)
    assert (group.vigilance.k, group.vigilance.n) == (2, 4)
    assert (group.false_alarms.k, group.false_alarms.n) == (1, 2)
    assert (one([answered(0)]).vigilance, one([answered(0)]).false_alarms) == (None, None)


def test_a_sitting_ends_where_a_gap_is_longer_than_thirty_minutes():
    def sat(gap):
        return one([answered(n, at=NOON + (n + (gap if n > 5 else 0)) * MINUTE) for n in range(12)]).reading_trend

    assert (sat(29).sittings, sat(29).n) == (1, 12)
    assert (sat(30).sittings, sat(30).n) == (2, 12)


def test_fatigue_is_told_of_reading_times_that_fall_along_each_sitting():
    answers = [answered(n, reads=50 - 4 * (n % 10), at=NOON + (n + n // 10 * 60) * MINUTE) for n in range(100)]
    conduct = measure_conduct(answers, declared=DECLARED)
    trend = conduct.groups[0].reading_trend
    assert (trend.word, trend.sittings, trend.first, trend.last) == ("falls", 10, 46.0, 18.0)
    assert "the reading time falls from 46.0 s in the first third to 18.0 s in the last (p < 0.0001)" in str(
        conduct
    ).replace("\n  ", " ")
    assert conduct.groups[0].confirming_trend.word == "no change shown"


def test_agreement_is_of_first_answers_and_their_double_reviews_by_others():
    first = [answered(n, outcome="pay" if n % 2 else "reject") for n in range(40)]
    second = [
        answered(
            100 + n, "omar@acme", "pay" if n % 2 or n == 0 else "reject", role="auditor", second_of=f"r-{n}", blind=True
        )
        for n in range(40)
    ]
    conduct = measure_conduct([*first, *second], declared=DECLARED)
    groups = {group.name: group for group in conduct.groups}
    assert (groups["controller"].agreement.value, groups["controller"].agreement.units) == (pytest.approx(0.95), 40)
    assert (groups["auditor"].agreement.value, groups["auditor"].agreement.units) == (None, 0)


def test_double_reviews_without_a_first_answer_or_by_the_same_person_are_left_out_and_told():
    answers = [answered(0), answered(1, second_of="r-0"), answered(2, second_of="r-9"), answered(3, second_of="r-8")]
    conduct = measure_conduct(answers, declared=DECLARED)
    assert conduct.groups[0].agreement.units == 0
    assert conduct.notes == (
        "Of 2 double reviews the first answer is not there; left out of agreement.",
        "Of 1 double review the first answer is the same person's; left out of agreement.",
    )


def test_a_role_that_stamps_is_told_as_a_signal_and_a_small_one_stays_in_the_report():
    stamps = [answered(n, f"{'ab'[n % 2]}@acme", reads=2) for n in range(300)]
    few = [answered(1_000 + n, f"{'cd'[n % 2]}@acme", role="cfo") for n in range(4)]
    conduct = measure_conduct([*stamps, *few], least_reading=5 * SECOND)
    assert [(group.name, group.verdict) for group in conduct.groups] == [
        ("cfo", "too little to say"), ("controller", "signal")
    ]  # fmt: skip
    assert [group.name for group in conduct.signals] == ["controller"]
    assert one(stamps, least_reading=SECOND).verdict == "no signal"
    strict = measure_conduct(few, least_reading=60 * SECOND, rule=StampRule(fewest=4, confirms=0.5))
    assert strict.groups[0].verdict == "signal"


def test_a_person_is_measured_only_where_that_is_declared():
    with pytest.raises(DefinitionError, match="by='person' measures persons; name the agreement"):
        measure_conduct([answered(0)], by="person")
    for blank in ("", "  ", 7, True):
        with pytest.raises(DefinitionError, match="names no agreement"):
            measure_conduct([answered(0)], by="person", declared=blank)
    conduct = measure_conduct([answered(0)], by="person", declared=DECLARED)
    assert (conduct.groups[0].name, conduct.declared) == ("maria@acme", DECLARED)
    assert f"Measures of persons are allowed by: {DECLARED}." in str(conduct)


def test_a_role_of_one_person_is_a_person_so_without_a_declaration_only_its_size_is_told():
    answers = [answered(n, known="reject") for n in range(60)]
    conduct = measure_conduct(answers, least_reading=SECOND)
    [group] = conduct.groups
    assert (group.n, group.confirms, group.reading, group.vigilance, group.longest) == (60, None, None, None, None)
    assert group.verdict == "too little to say"
    assert "need declared=" in group.because
    assert not any(str(number) in str(conduct) for number in ("100 %", "10.0 s"))
    assert one(answers).verdict == "signal"


@given(
    outcomes=st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 90)), max_size=60),
    seed=st.randoms(use_true_random=False),
    hours=st.integers(-12, 12),
)
@settings(max_examples=40, deadline=None)
def test_neither_the_order_of_the_answers_nor_the_zone_of_their_times_matters(outcomes, seed, hours):
    answers = [
        answered(n, person, "pay" if confirms else "reject", reads=reads)
        for n, (person, confirms, reads) in enumerate(outcomes)
    ]
    zone = timezone(timedelta(hours=hours))
    moved = [replace(a, shown=a.shown.astimezone(zone), answered=a.answered.astimezone(zone)) for a in answers]
    one, other = (
        measure_conduct(found, least_reading=20 * SECOND) for found in (answers, seed.sample(moved, len(moved)))
    )
    assert one == other
    assert sum(group.n for group in one.groups) == len(answers)
    by_person = measure_conduct(answers, by="person", declared=DECLARED)
    if one.groups and one.groups[0].confirms:
        assert sum(group.confirms.k for group in by_person.groups) == one.groups[0].confirms.k
        assert max(group.longest for group in by_person.groups) == one.groups[0].longest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"review": ""}, "review='' is no text"),
        ({"role": "  "}, "role='  ' is no text"),
        ({"person": None}, "person=None is no text"),
        ({"outcome": 1}, "outcome=1 is no text"),
        ({"known": ""}, "known='' is no text"),
        ({"opened": NAIVE}, "opened=.*no time with a zone"),
        ({"shown": NAIVE}, "shown=.*no time with a zone"),
        ({"answered": "noon"}, "answered='noon' is no time"),
        ({"answered": None}, "answered=None is no time"),
        ({"answered": NOON - MINUTE}, "answered=.* lies before shown=.* different clocks"),
        ({"shown": None, "answered": NOON - MINUTE}, "answered=.* lies before opened="),
        ({"shown": NOON - MINUTE}, "shown=.* lies before opened="),
        ({"second_of": "r-0"}, "double review of itself"),
        ({"blind": 1}, "blind=1 is neither"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_by_name(change, told):
    with pytest.raises(DefinitionError, match=told):
        replace(answered(0), **change)


@pytest.mark.parametrize(
    ("answers", "options", "told"),
    [
        ([answered(0)], {"by": "gate"}, "by='gate' is not known"),
        ([answered(0)], {"least_reading": -SECOND}, "least_reading is"),
        ([answered(0)], {"least_reading": 20}, "least_reading is 20"),
        ([answered(0)], {"least_reading": {"approval": "20 s"}}, "least_reading of gate 'approval' is '20 s'"),
        ([answered(0), answered(0)], {}, "'maria@acme' answered review 'r-0' twice"),
        ([answered(0), {"review": "r-1"}], {}, "is no Answered"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(answers, options, told):
    with pytest.raises(DefinitionError, match=told):
        measure_conduct(answers, **options)
