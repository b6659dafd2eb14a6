"""Agreement that is not defined, has no interval, or is refused."""

import numpy as np
import pytest

from abpo_sdk.errors import DefinitionError
from abpo_sdk.gates.guarding.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha


@pytest.mark.parametrize("n", [1, 2, 40])
def test_answers_that_are_all_alike_leave_every_statistic_undefined_and_say_why(n):
    alike = [["pay", "pay"]] * n
    for found in (cohen_kappa(["pay"] * n, ["pay"] * n), fleiss_kappa(alike), krippendorff_alpha(alike)):
        assert (found.value, found.interval, found.units) == (None, None, n)
        assert "all answers are alike" in found.why
        assert str(found).endswith(f"is not measured: {found.why}")


def test_no_units_are_not_measured():
    for found in (
        cohen_kappa([], []),
        fleiss_kappa([]),
        krippendorff_alpha([]),
        krippendorff_alpha([["pay"], [None, "x"]]),
    ):
        assert (found.value, found.units) == (None, 0)
        assert found.why


def test_perfect_agreement_is_1_without_an_interval_since_it_shows_no_spread():
    rows = [[label, label] for label in ["pay", "refer"] * 20]
    for found in (cohen_kappa(*zip(*rows, strict=True)), fleiss_kappa(rows), krippendorff_alpha(rows)):
        assert (found.value, found.interval) == (1.0, None)
        assert "every unit agrees" in found.why


def test_complete_disagreement_of_two_is_below_chance():
    assert cohen_kappa(["pay", "refer"] * 20, ["refer", "pay"] * 20).value == -1


def test_one_rater_who_always_says_the_same_gives_0_without_a_warning():
    found = cohen_kappa(["pay"] * 30, ["pay"] * 20 + ["refer"] * 10)
    assert (found.value, found.interval) == (pytest.approx(0), None)


def test_few_units_have_no_interval():
    found = fleiss_kappa([["a", "a"], ["a", "b"], ["b", "b"]])
    assert (found.interval, found.why) == (None, "no interval: 3 units are fewer than the 10 that one needs")


def test_a_single_unit_that_differs_leaves_the_jackknife_undefined():
    for measure in (fleiss_kappa, krippendorff_alpha):
        found = measure([["a", "a"]] * 20 + [["a", "b"]])
        assert found.value <= 0
        assert found.why == "no interval: all answers but one unit's are alike"


def test_very_many_unlike_units_have_no_interval():
    found = krippendorff_alpha([[n, n + 1] for n in range(2_001)], level="interval")
    assert found.value > 0.99
    assert "more than 2,000 units differ" in found.why


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: cohen_kappa(["a"], ["a", "b"]), "a has 1 labels and b has 2"),
        (lambda: cohen_kappa(["a", None], ["a", "b"]), r"rater 0 has a missing rating .* krippendorff_alpha"),
        (lambda: cohen_kappa("ab", "ab"), "is no list of ratings"),
        (lambda: cohen_kappa([1, True], [0, 1]), "mix True or False with numbers"),
        (lambda: cohen_kappa([1, np.True_], [0, 1]), "mix True or False with numbers"),
        (lambda: cohen_kappa([float("nan")], [1]), "a: NaN is no label; a missing rating is None"),
        (lambda: cohen_kappa([["a"]], ["a"]), r"a: \['a'\] cannot be a label"),
        (lambda: fleiss_kappa(), "either ratings or counts="),
        (lambda: fleiss_kappa([["a", "b"]], counts=[[1, 1]]), "either ratings or counts="),
        (lambda: fleiss_kappa([["a", "b"], ["a"]]), "unit 0 has 2 ratings and unit 1 has 1"),
        (lambda: fleiss_kappa([["a"], ["b"]]), "each unit has 1 ratings"),
        (lambda: fleiss_kappa([["a", None]]), "unit 0 has a missing rating"),
        (lambda: fleiss_kappa(["aa", "ab"]), "ratings, unit 0: 'aa' is no list of ratings"),
        (lambda: fleiss_kappa({"a": 1}), "is no list of ratings"),
        (lambda: fleiss_kappa(counts=[[1, 1], [2]]), "counts, unit 1 has 1 labels and unit 0 has 2"),
        (lambda: fleiss_kappa(counts=[[1, -1]]), "-1 is no number of raters"),
        (lambda: fleiss_kappa(counts=[[1.5, 0.5]]), "1.5 is no number of raters"),
        (lambda: fleiss_kappa(counts=[[True, 1]]), "True is no number of raters"),
        (lambda: krippendorff_alpha([[1, 2]], level="ratio"), "level='ratio' is not known"),
        (lambda: krippendorff_alpha([["a", "b"]], level="ordinal"), r"'a' is no number.*order=\[lowest"),
        (lambda: krippendorff_alpha([["a", "b"]], level="interval"), "'a' is no number, and the level is 'interval'"),
        (lambda: krippendorff_alpha([[True, False]], level="interval"), "True is no number"),
        (lambda: krippendorff_alpha([[1, float("inf")]], level="interval"), "inf is not finite"),
        (lambda: krippendorff_alpha([["a", "c"]], level="ordinal", order=["a", "b"]), "lacks the label 'c'"),
        (lambda: krippendorff_alpha([["a", "b"]], level="ordinal", order=["a", "b", "a"]), "has a label twice"),
        (lambda: krippendorff_alpha([["a", "b"]], order=["a", "b"]), "the level is 'nominal'"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(call, told):
    with pytest.raises(DefinitionError, match=told):
        call()
