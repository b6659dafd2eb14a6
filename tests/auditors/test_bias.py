"""The bias auditor: published examples, the rule of the verdict, and what it refuses."""

import subprocess
import sys
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.auditors import BiasAuditor, GroupCounts, Verdict
from abpo_sdk.errors import AuditError


def frame_of(table, by="group"):
    """One row a decision from {group: (selected, n)}."""
    rows = [(g, "yes" if place < k else "no") for g, (k, n) in table.items() for place in range(n)]
    return pd.DataFrame(rows, columns=[by, "outcome"])


def ratios(report):
    return report.groups["impact_ratio"].round(2).to_dict()


# Published examples


def test_the_ratios_of_the_uniform_guidelines_questions_and_answers(judge_selections):
    # EEOC Questions and Answers on the Uniform Guidelines (1979): 75, 80 and 85 percent of the highest rate
    report = judge_selections(
        {"white": (60, 100), "american indian": (45, 100), "hispanic": (48, 100), "black": (51, 100)}
    )
    assert ratios(report) == {"american indian": 0.75, "black": 0.85, "hispanic": 0.8, "white": 1.0}
    assert report.groups["below_four_fifths"].to_dict() == {
        "american indian": True, "black": False, "hispanic": False, "white": False
    }  # fmt: skip


def test_the_ratios_of_new_york_citys_scoring_example(judge_selections):
    # 6 RCNY 5-301 (c), counts inferred from the printed rates
    assert ratios(judge_selections({"male": (50, 92), "female": (34, 76)}))["female"] == 0.82
    race = {"hispanic": (18, 28), "white": (15, 40), "black": (16, 32), "nhpi": (5, 8), "asian": (10, 24)}
    assert ratios(judge_selections(race)) == {
        "asian": 0.65,
        "black": 0.78,
        "hispanic": 1.0,
        "nhpi": 0.97,
        "white": 0.58,
    }


def test_the_ratios_of_new_york_citys_selection_example_follow_from_unrounded_rates(judge_selections):
    # 6 RCNY 5-301 (b): rounded rates would give 0.96
    table = {"hispanic": (204, 408), "white": (412, 797), "black": (170, 390)}
    assert ratios(judge_selections(table)) == {"black": 0.84, "hispanic": 0.97, "white": 1.0}


def test_applicants_of_unknown_race_can_turn_the_verdict_around(judge_selections):
    # localjobnetwork.com, article 7507: 50 of 250 against 100 of 250, and 50 of 350 against 100 of 550
    assert judge_selections({"a": (50, 250), "b": (100, 250)}).verdict == "fail"
    assert judge_selections({"a": (50, 350), "b": (100, 550)}).verdict == "inconclusive"


# The rule


def test_below_the_line_and_different_fails(judge_selections):
    report = judge_selections({"a": (100, 400), "b": (200, 400)})
    assert report.verdict == Verdict.FAIL == "fail"
    assert report.groups["verdict"].to_dict() == {"a": "fail", "b": "pass"}


def test_an_interval_at_or_above_the_line_passes(judge_selections):
    report = judge_selections({"a": (480, 1000), "b": (500, 1000)})
    assert report.verdict == "pass"
    assert report.groups.loc["a", "impact_ratio_low"] >= 0.8


def test_not_below_but_not_shown_to_be_above_is_inconclusive(judge_selections):
    report = judge_selections({"a": (45, 100), "b": (50, 100)})
    assert report.verdict == "inconclusive"
    assert not report.groups.loc["a", "below_four_fifths"]
    assert "reaches below it" in report.findings[1]


def test_below_but_not_shown_to_differ_is_inconclusive(judge_selections):
    report = judge_selections({"a": (18, 50), "b": (25, 50)})
    assert report.groups.loc["a", "below_four_fifths"]
    assert report.groups.loc["a", "verdict"] == "inconclusive"


def test_a_small_group_is_inconclusive_and_stays_in_the_report(judge_selections):
    report = judge_selections({"FR": (3, 7), "DE": (300, 400)})
    assert report.groups.loc["FR", "verdict"] == "inconclusive"
    assert report.findings[2] == (
        "FR: selected 3 of 7 (43 %, 95 % interval 16 % to 75 %); impact ratio 0.57 (0.21 to 1.00) against DE; "
        "too few decisions to conclude: at least 30 needed; inconclusive."
    )


def test_many_equal_groups_are_rarely_failed():
    # twenty fair groups of a hundred: nearly always some ratio is below four fifths, rarely may one fail
    random = np.random.default_rng(5)
    below = failed = 0
    for _ in range(100):
        k = random.binomial(100, 0.5, 20).tolist()
        cells = {g: {"favourable": s, "unfavourable": 100 - s} for g, s in enumerate(k)}
        report = BiasAuditor(by=["group"], favourable="yes").judge(GroupCounts.from_cells(cells))
        below += any(result.below for result in report.results)
        failed += report.verdict == "fail"
    assert below > 90
    assert failed <= 10


def test_one_holm_family_spans_all_columns():
    cells = {"a": {"favourable": 185, "unfavourable": 315}, "b": {"favourable": 240, "unfavourable": 260}}
    one = GroupCounts.from_cells(cells, by="x")
    both = one + GroupCounts.from_cells(cells, by="y")
    alone = BiasAuditor(by=["x"], favourable="yes").judge(one).groups
    together = BiasAuditor(by=["x", "y"], favourable="yes").judge(both).groups
    assert together.index.names == ["column", "group"]
    assert alone.loc["a", "p_holm"] == alone.loc["a", "p_value"]
    assert together.loc[("x", "a"), "p_holm"] == pytest.approx(2 * alone.loc["a", "p_value"])


def test_a_group_is_not_failed_for_a_handful_that_fared_better(judge_selections):
    table = {"handful": (5, 5), "large": (5000, 10_000), "larger": (11_000, 20_000)}
    report = judge_selections(table)
    assert report.groups.loc["large", "below_four_fifths"]
    assert report.groups.loc["large", "p_holm"] < 0.001
    assert report.groups.loc["large", "verdict"] == "inconclusive"
    assert judge_selections({**table, "large": (2000, 10_000)}).groups.loc["large", "verdict"] == "fail"


def test_a_group_that_fares_better_than_the_rest_is_not_failed(judge_selections):
    report = judge_selections({"best": (90, 100), "middle": (600, 1000), "worst": (200, 2000)})
    assert report.groups.loc["middle", "verdict"] == "inconclusive"
    assert "selected more than the rest of the pool" in report.findings[2]


def test_a_named_reference_is_compared_with_and_tested_against(judge_selections):
    report = judge_selections({"best": (90, 100), "middle": (600, 1000), "worst": (200, 2000)}, reference="middle")
    assert ratios(report) == {"best": 1.5, "middle": 1.0, "worst": 0.17}
    assert report.groups["verdict"].to_dict() == {"best": "pass", "middle": "inconclusive", "worst": "fail"}
    assert "itself below 4/5 of best" in report.findings[2]


def test_a_named_reference_that_is_small_concludes_nothing(judge_selections):
    assert judge_selections({"a": (100, 400), "b": (9, 10)}, reference="b").verdict == "inconclusive"


def test_with_one_group_there_is_nothing_to_compare_with(judge_selections):
    report = judge_selections({"a": (100, 400)})
    assert report.verdict == "inconclusive"
    assert "nothing to compare with" in report.findings[1]
    assert judge_selections({"a": (100, 400), "b": (0, 0)}).verdict == "inconclusive"


def test_nobody_selected_leaves_ratios_undefined(judge_selections):
    report = judge_selections({"a": (0, 400), "b": (0, 300)})
    assert report.verdict == "inconclusive"
    assert report.groups[["impact_ratio", "impact_ratio_low", "below_four_fifths", "p_holm"]].isna().all().all()
    assert report.groups["selection_rate"].tolist() == [0, 0]


def test_a_group_without_decisions_is_undefined(judge_selections):
    report = judge_selections({"a": (300, 400), "b": (300, 400), "c": (0, 0)})
    assert report.groups.loc["c"].drop(["n", "tn", "fp", "fn", "tp", "selected", "verdict"]).isna().all()
    assert report.verdict == "inconclusive"
    assert "c: no decisions; inconclusive." in report.findings


def test_the_line_is_exact_also_when_it_is_given_as_a_float(judge_selections):
    table = {"a": (480, 1000), "b": (600, 1000)}
    for line in (Fraction(4, 5), 0.8, "4/5", "0.8"):
        assert not judge_selections(table, line=line).groups.loc["a", "below_four_fifths"]
    assert judge_selections(table, line=0.81).groups.loc["a", "below_four_fifths"]
    assert "impact ratio 0.798 (" in judge_selections({**table, "a": (479, 1000)}).findings[1]


def test_counts_too_large_for_a_float_are_judged_exactly(judge_selections):
    big = 2**50
    report = judge_selections({"a": (12 * big - 1, 25 * big), "b": (15 * big, 25 * big)})
    assert report.groups.loc["a", "below_four_fifths"]
    assert not judge_selections({"a": (12 * big, 25 * big), "b": (15 * big, 25 * big)}).groups.loc[
        "a", "below_four_fifths"
    ]


# Frames


def test_auditing_parts_gives_the_report_of_the_whole():
    frame = frame_of({"a": (100, 400), "b": (200, 400)}).sample(frac=1, random_state=1)
    auditor = BiasAuditor(by=["group"], favourable="yes")
    assert auditor.judge(auditor.count(frame[:300]) + auditor.count(frame[300:])) == auditor.audit(frame)


def test_the_missing_are_judged_but_are_no_reference_and_not_in_the_pool():
    frame = frame_of({"a": (100, 400), "b": (200, 400), None: (390, 400)})
    report = BiasAuditor(by=["group"], favourable="yes").audit(frame)
    without = BiasAuditor(by=["group"], favourable="yes").audit(frame.dropna())
    assert report.groups.loc["a", "p_value"] == without.groups.loc["a", "p_value"]
    assert report.groups.loc["(missing)", "impact_ratio"] == pytest.approx(1.95)
    assert report.groups.loc["b", "verdict"] == "inconclusive"  # far below those without a group
    assert any("400 of 1,200 cases have no value" in finding for finding in report.findings)


def test_undecided_and_missing_outcomes_are_counted_apart_and_reported():
    frame = pd.DataFrame({"g": ["a", "a", "b", "b", "b"], "outcome": ["yes", "wait", "no", None, "yes"]})
    report = BiasAuditor(by=["g"], favourable="yes").audit(frame, undecided={"wait"})
    assert report.groups["n"].to_dict() == {"a": 1, "b": 2}
    assert any("2 of 5 cases are undecided" in finding for finding in report.findings)
    assert any("1 of 5 cases have no outcome" in finding for finding in report.findings)


def test_outcomes_of_any_type_are_counted():
    for favourable, outcomes in (
        (1, [1.0, 0.0, 1.0, 0.0]),
        (True, [True, False, True, False]),
        ({"a", "b"}, pd.Categorical(["a", "x", "b", "x"])),
        (2, pd.array([2, 0, 2, 0], dtype="Int64")),
        (10**30, [10**30, 0, 10**30, 0]),
    ):
        report = BiasAuditor(by="g", favourable=favourable).audit({"g": [1, 1, 2, 2], "outcome": outcomes})
        assert report.groups["selected"].tolist() == [1, 1]


def test_intersections_are_audited():
    frame = pd.DataFrame({"c": ["DE", "DE", "FR"], "s": ["f", None, "f"], "outcome": ["yes", "no", "no"]})
    report = BiasAuditor(by=[("c", "s")], favourable="yes").audit(frame)
    assert report.groups.index.names == ["c", "s"]
    assert report.groups.loc[("DE", "(missing)"), "n"] == 1
    both = BiasAuditor(by=["c", ("c", "s")], favourable="yes").audit(frame)
    assert both.groups.loc[("c × s", "FR × f"), "n"] == 1


def test_rates_without_cases_are_undefined_with_a_reason():
    frame = {"g": ["a", "a", "b"], "outcome": ["yes", "no", "no"], "truth": [1, 0, 0]}
    report = BiasAuditor(by=["g"], favourable="yes").audit(frame, truth="truth")
    assert report.groups.loc["a", ["tpr", "fpr", "fnr", "ppv", "accuracy"]].tolist() == [1, 0, 0, 1, 1]
    assert report.groups.loc["b", ["tpr", "fnr", "ppv"]].isna().all()
    assert "g: tpr is undefined for b, which has no case that deserved the favourable outcome." in report.findings


def test_only_the_metrics_asked_for_are_reported():
    report = BiasAuditor(by=["g"], favourable="yes", metrics=["selection_rate", "tpr"]).audit(
        {"g": ["a", "b"], "outcome": ["yes", "no"]}
    )
    assert "tpr" in report.groups
    assert "fpr" not in report.groups


decisions = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), min_size=1, max_size=60)


@settings(max_examples=25, deadline=None)
@given(decisions)
def test_rates_agree_with_fairlearn_where_they_are_defined(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
        from sklearn.metrics import accuracy_score

        groups, outcome, truth = (list(column) for column in zip(*rows, strict=True))
        theirs = MetricFrame(
            metrics={
                "selection_rate": selection_rate,
                "tpr": true_positive_rate,
                "fpr": false_positive_rate,
                "accuracy": accuracy_score,
            },
            y_true=np.array(truth, dtype=int),
            y_pred=np.array(outcome, dtype=int),
            sensitive_features=pd.Series(groups, name="g"),
        ).by_group
    frame = pd.DataFrame({"g": groups, "outcome": outcome, "truth": truth})
    report = BiasAuditor(by=["g"], favourable=True).audit(frame, truth="truth", favourable_truth=True)
    for group, row in report.groups.iterrows():
        for metric in theirs.columns:
            if not np.isnan(row[metric]):
                assert row[metric] == pytest.approx(theirs.loc[group, metric])
            else:
                assert {"tpr": row.tp + row.fn, "fpr": row.fp + row.tn}[metric] == 0


# What it refuses


def refused(match, frame=None, audit=None, by=("g",), favourable="yes", **settings):
    frame = {"g": ["a", "b"], "outcome": ["yes", "no"]} if frame is None else frame
    with pytest.raises(AuditError, match=match):
        BiasAuditor(by=by, favourable=favourable, **settings).audit(frame, **(audit or {}))


def test_columns_that_are_not_there_are_named():
    refused("'result' must occur once, and occurs 0 times; there are: 'g', 'outcome'", audit={"outcome": "result"})
    refused("'country'", by=["country"])
    refused("'known'", audit={"truth": "known"})
    double = pd.DataFrame([["a", "b", "yes"]], columns=["g", "g", "outcome"])
    refused("'g' must occur once, and occurs 2 times", double)


def test_frames_that_are_none_are_refused():
    refused("no rows", pd.DataFrame({"g": [], "outcome": []}))
    refused("cannot audit \\[1, 2\\]", [1, 2])
    refused("differ in length", {"g": ["a"], "outcome": ["yes", "no"]})
    refused("2 dimensions", {"g": np.zeros((2, 2)), "outcome": ["yes", "no"]})


def test_a_favourable_outcome_that_never_occurs_may_be_misspelt():
    frame = {"g": ["a", "b", "b"], "outcome": ["pay", "no", "no"]}
    refused(r"never holds 'pays'.*'no' \(2 times\), 'pay' \(1 times\)\. Did you mean 'pay'\?", frame, favourable="pays")
    refused("never holds '1'", {"g": ["a", "b"], "outcome": [1, 0]}, favourable="1")
    refused("'truth' never holds 1", {**frame, "truth": ["paid", "no", "no"]}, {"truth": "truth"}, favourable="pay")
    report = BiasAuditor(by=["g"], favourable={"pay", "settle"}).audit(frame)
    assert any("'settle' was said to be favourable and never occurs" in finding for finding in report.findings)


def test_a_favourable_outcome_that_is_declared_may_fail_to_occur():
    for favourable, outcomes in (
        ("yes", pd.Categorical(["no", "no"], categories=["yes", "no"])),
        (True, [False, False]),
        (1, [0, 0]),
    ):
        report = BiasAuditor(by=["g"], favourable=favourable).audit({"g": ["a", "b"], "outcome": outcomes})
        assert report.verdict == "inconclusive"
        assert report.groups["selected"].sum() == 0
    undecided = BiasAuditor(by=["g"], favourable="yes").audit({"g": ["a", "b"], "outcome": [None, None]})
    assert undecided.groups["n"].sum() == 0


def test_values_that_are_not_hashable_are_shown():
    refused(r"'g' holds \['x'\] in row 1", {"g": ["a", ["x"]], "outcome": ["yes", "no"]})
    refused(r"'outcome' holds \{'a': 1\} in row 0", {"g": ["a", "b"], "outcome": [{"a": 1}, "yes"]})
    refused("not hashable", favourable=[["yes"]])


def test_settings_that_contradict_themselves_are_refused():
    refused("'yes' is said to be favourable and to be undecided", audit={"undecided": {"yes"}})
    refused("by is empty", by=[])
    refused("twice", by=["g", "g"])
    refused("neither a column's name", by=[3])
    refused("favourable is empty", favourable=set())
    refused("did you mean 'tpr'", metrics=["tprr"])
    refused("minimum is 0", minimum=0)
    refused("alpha is 5", alpha=5)
    refused("line is 80", line=80)
    refused("line is 'x'", line="x")
    refused("the reference 'c' is no group of 'g'; the groups are: 'a', 'b'", reference="c")
    refused("does not say of which column", by=["g", "outcome"], reference="a")
    refused("'x' is not audited", reference={"x": "a"})
    with pytest.raises(AuditError, match="'g' was not counted; the columns that were: h"):
        BiasAuditor(by=["g"], favourable="yes").judge(GroupCounts.from_cells({"a": {"tp": 1}}, by="h"))


def test_importing_the_room_loads_nothing_heavy():
    heavy = "{'numpy', 'pandas', 'sklearn', 'scipy', 'statsmodels', 'fairlearn', 'shap', 'matplotlib'}"
    code = f"import sys, abpo_sdk.auditors; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
