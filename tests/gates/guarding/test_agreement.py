"""Agreement against published examples, against statsmodels, and against the definitions."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats import inter_rater

from abpo_sdk.gates.guarding.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha

LABELS = st.sampled_from(["pay", "refer", "reject"])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60)
ROWS = st.integers(2, 5).flatmap(
    lambda raters: st.lists(st.lists(LABELS, min_size=raters, max_size=raters), min_size=1, max_size=25)
)
GAPS = st.lists(st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=5), max_size=12)

# J. Cohen, Educational and Psychological Measurement 20 (1960), table 2: kappa 0.492
COHEN = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]

# J. L. Fleiss, Psychological Bulletin 76 (1971), table 1: 30 patients, 6 diagnoses each, kappa 0.430
FLEISS = [
    "444444",
    "222555",
    "233335",
    "555555",
    "222444",
    "113333",
    "333355",
    "113334",
    "114444",
    "555555",
    "144444",
    "124444",
    "222333",
    "144444",
    "224445",
    "333335",
    "111455",
    "111112",
    "224444",
    "133555",
    "555555",
    "244444",
    "224555",
    "114444",
    "144445",
    "222224",
    "111155",
    "224444",
    "133333",
    "555555",
]

# The common textbook table of 10 subjects and 14 raters: kappa 0.210
TEXTBOOK = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section E: 4 observers, 12 units
KRIPPENDORFF = list(
    zip(
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
        strict=True,
    )
)


def spread(table):
    """The two raters' labels that a table counts."""
    cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [i for i, _ in cells], [j for _, j in cells]


def alpha_by_definition(rows, level):
    """Alpha over every pair of ratings, as Krippendorff defines it."""
    rows = [[x for x in row if x is not None] for row in rows]
    rows = [row for row in rows if len(row) > 1]
    every = [x for row in rows for x in row]
    counts = {x: every.count(x) for x in every}

    def difference(c, k):
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return (c - k) ** 2
        low, high = min(c, k), max(c, k)
        return (sum(n for g, n in counts.items() if low <= g <= high) - (counts[c] + counts[k]) / 2) ** 2

    n = len(every)
    observed = sum(2 * difference(c, k) / (len(row) - 1) for row in rows for c, k in combinations(row, 2)) / n
    expected = sum(2 * difference(c, k) for c, k in combinations(every, 2)) / (n * (n - 1))
    return observed, expected


def test_cohens_example_of_1960():
    found = cohen_kappa(*spread(COHEN))
    assert round(found.value, 3) == 0.492
    assert (found.observed, found.expected, found.units, found.raters) == (0.70, pytest.approx(0.41), 200, 2)


def test_fleiss_example_of_1971():
    found = fleiss_kappa([list(row) for row in FLEISS])
    assert (round(found.value, 3), found.units, found.raters) == (0.430, 30, 6)
    assert found.interval[0] < 0.430 < found.interval[1]


def test_the_textbook_example_of_fleiss_kappa():
    found = fleiss_kappa(counts=TEXTBOOK)
    assert round(found.value, 3) == 0.210
    assert (round(found.observed, 3), round(found.expected, 3), found.raters) == (0.378, 0.213, 14)


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_example_of_2011(level, alpha):
    found = krippendorff_alpha(KRIPPENDORFF, level=level)
    assert (round(found.value, 3), found.units, found.raters) == (alpha, 11, 4)
    assert found.interval[0] < alpha < found.interval[1] <= 1


@given(pairs=PAIRS)
@settings(max_examples=100, deadline=None)
def test_cohens_kappa_and_its_interval_are_those_of_statsmodels(pairs):
    a, b = zip(*pairs, strict=True)
    assume(len({*a, *b}) > 1)
    table, _ = np.histogramdd(
        [[["pay", "refer", "reject"].index(x) for x in side] for side in (a, b)], bins=[range(4)] * 2
    )
    with np.errstate(all="ignore"):
        peer = inter_rater.cohens_kappa(table)
    found = cohen_kappa(a, b)
    assert found.value == pytest.approx(float(peer.kappa))
    if found.interval is not None:
        low, high = float(peer.kappa_low), min(1.0, float(peer.kappa_upp))
        assert found.interval == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


@given(rows=ROWS)
@settings(max_examples=100, deadline=None)
def test_fleiss_kappa_is_that_of_statsmodels_from_ratings_as_from_counts(rows):
    assume(len({label for row in rows for label in row}) > 1)
    counts = [[row.count(label) for label in ("pay", "refer", "reject")] for row in rows]
    found = fleiss_kappa(rows)
    assert found.value == pytest.approx(float(inter_rater.fleiss_kappa(counts)))
    assert fleiss_kappa(counts=counts).value == pytest.approx(found.value)
    assert found.value == pytest.approx((found.observed - found.expected) / (1 - found.expected))


@given(rows=GAPS, level=st.sampled_from(["nominal", "ordinal", "interval"]))
@settings(max_examples=150, deadline=None)
def test_alpha_is_what_its_definition_gives_over_every_pair(rows, level):
    found = krippendorff_alpha(rows, level=level)
    paired = [x for row in rows if sum(y is not None for y in row) > 1 for x in row if x is not None]
    if len(set(paired)) < 2:
        assert (found.value, bool(found.why)) == (None, True)
        return
    observed, expected = alpha_by_definition(rows, level)
    assert (found.observed, found.expected) == (pytest.approx(observed, abs=1e-9), pytest.approx(expected))
    assert found.value == pytest.approx(1 - observed / expected, abs=1e-9)


@given(pairs=PAIRS, renamed=st.permutations(["pay", "refer", "reject"]))
@settings(max_examples=50, deadline=None)
def test_other_names_for_the_labels_change_nothing(pairs, renamed):
    names = dict(zip(["pay", "refer", "reject"], renamed, strict=True))
    for measure in (lambda rows: cohen_kappa(*zip(*rows, strict=True)), fleiss_kappa, krippendorff_alpha):
        one, other = measure(pairs), measure([[names[x] for x in row] for row in pairs])
        assert (one.why, one.units) == (other.why, other.units)
        assert one.value == (None if other.value is None else pytest.approx(other.value))
        assert (one.interval is None) == (other.interval is None)


@given(rows=ROWS, seed=st.randoms(use_true_random=False), level=st.sampled_from(["nominal", "ordinal"]))
@settings(max_examples=50, deadline=None)
def test_the_order_of_raters_and_of_units_changes_nothing(rows, seed, level):
    mixed = [seed.sample(row, len(row)) for row in seed.sample(rows, len(rows))]
    order = ["pay", "refer", "reject"] if level == "ordinal" else None
    for measure in (fleiss_kappa, lambda r: krippendorff_alpha(r, level=level, order=order)):
        one, other = measure(rows), measure(mixed)
        assert one.value == (None if other.value is None else pytest.approx(other.value, abs=1e-12))
        assert one.why == other.why


@given(rows=ROWS, factor=st.integers(1, 50), shift=st.integers(-1000, 1000))
@settings(max_examples=50, deadline=None)
def test_ordinal_alpha_stays_under_any_rising_scale_and_interval_alpha_under_another_unit(rows, factor, shift):
    numbers = [[len(label) + (label == "reject") for label in row] for row in rows]
    moved = [[factor * x + shift for x in row] for row in numbers]
    cubed = [[(x + 1) ** 3 for x in row] for row in numbers]
    for level, other in (("interval", moved), ("ordinal", moved), ("ordinal", cubed)):
        one, two = krippendorff_alpha(numbers, level=level).value, krippendorff_alpha(other, level=level).value
        assert one == (None if two is None else pytest.approx(two, abs=1e-9))


@given(rows=ROWS)
@settings(max_examples=50, deadline=None)
def test_alpha_of_full_ratings_is_fleiss_kappa_corrected_for_few_units(rows):
    # Krippendorff, Content Analysis (2004), section 11.3: alpha = 1 - (1 - kappa) (n - 1) / n, n ratings in all
    kappa, alpha = fleiss_kappa(rows), krippendorff_alpha(rows)
    n = kappa.units * kappa.raters
    assert alpha.value == (None if kappa.value is None else pytest.approx(1 - (1 - kappa.value) * (n - 1) / n))


@given(rows=ROWS)
@settings(max_examples=50, deadline=None)
def test_an_interval_holds_its_value_and_no_number_is_nan(rows):
    for found in (
        fleiss_kappa(rows),
        krippendorff_alpha(rows),
        cohen_kappa(*zip(*[row[:2] for row in rows], strict=True)),
    ):
        assert (found.value is None or found.interval is None) == (found.why is not None)
        if found.interval is not None:
            assert found.interval[0] <= found.value <= found.interval[1] <= 1
        assert not any(isinstance(x, float) and math.isnan(x) for x in (found.value, found.observed, found.expected))


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_the_jackknife_covers_the_truth_about_as_often_as_it_says(level):
    draw = np.random.default_rng(7)

    def sample(n):
        truth = draw.integers(0, 3, n)
        return [[int(t) if draw.random() < 0.75 else int(draw.integers(0, 3)) for _ in range(3)] for t in truth]

    truth = krippendorff_alpha(sample(20_000), level=level).value
    bounds = [krippendorff_alpha(sample(80), level=level).interval for _ in range(200)]
    covered = sum(low <= truth <= high for low, high in bounds)
    assert 0.90 <= covered / 200 <= 0.99


def test_labels_of_numpy_are_labels():
    found = fleiss_kappa(np.array([[1, 1], [2, 2], [1, 2]]))
    assert found.value == fleiss_kappa([[1, 1], [2, 2], [1, 2]]).value


@pytest.mark.parametrize("order", list(permutations(["no", "perhaps", "yes"])))
def test_ordinal_words_are_ordered_as_said(order):
    rows = [["no", "perhaps"], ["yes", "yes"], ["perhaps", "yes"], ["no", "no"]]
    numbers = [[order.index(label) for label in row] for row in rows]
    found = krippendorff_alpha(rows, level="ordinal", order=order)
    assert found.value == pytest.approx(krippendorff_alpha(numbers, level="ordinal").value)
