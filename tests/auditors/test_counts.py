"""Counting: what is counted, and that counts add up."""

import enum
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abpo_sdk.auditors import GroupCounts
from abpo_sdk.auditors.coding import STRETCH
from abpo_sdk.errors import AuditError

rows = st.lists(
    st.tuples(
        st.sampled_from(["DE", "FR", "NL", None, float("nan"), 3, True]),
        st.sampled_from(["f", "m", None]),
        st.sampled_from(["pay", "reject", "refer", None]),
        st.sampled_from([0, 1, None]),
    ),
    max_size=40,
)


def frame_of(some):
    return pd.DataFrame(some, columns=["country", "sex", "outcome", "truth"], dtype=object)


def count(frame, by=("country", "sex", ("country", "sex"))):
    return GroupCounts.from_frame(frame, by=by, favourable="pay", truth="truth", undecided={"refer"})


def simply(column, **more):
    frame = pd.DataFrame({"g": column, "outcome": [1, 0] * (len(column) // 2) + [1] * (len(column) % 2)})
    counts = GroupCounts.from_frame(frame, by=["g"], favourable=1, **more)
    return dict(zip(counts.groups, counts.n.tolist(), strict=True))


@given(rows, rows)
def test_counts_of_parts_add_up_to_the_counts_of_the_whole(a, b):
    assert count(frame_of(a)) + count(frame_of(b)) == count(frame_of(a + b))


@given(rows, rows, rows)
def test_adding_is_associative_and_commutative_and_has_a_zero(a, b, c):
    a, b, c = (count(frame_of(some)) for some in (a, b, c))
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert hash(a + b) == hash(b + a)
    assert a + GroupCounts() == a


@given(rows, st.randoms())
def test_the_order_of_rows_does_not_matter(some, random):
    other = list(some)
    random.shuffle(other)
    assert count(frame_of(some)) == count(frame_of(other))


@given(rows)
def test_every_row_is_counted_once_in_every_column(some):
    counts = count(frame_of(some))
    for column in ("country", "sex", ("country", "sex")):
        assert counts.of(column).cells.sum() == len(some)


@given(rows)
def test_cells_are_what_counting_one_by_one_gives(some):
    counts = count(frame_of(some), by=["sex"])
    for (_, group), cells in zip(counts.keys, counts.cells.tolist(), strict=True):
        own = [(o, t) for _, s, o, t in some if (s or "(missing)") == group]
        expected = [own.count(("reject", 0)), own.count(("pay", 0)), own.count(("reject", 1)), own.count(("pay", 1))]
        expected += [own.count(("reject", None)), own.count(("pay", None))]
        assert cells == [*expected, len(own) - sum(expected)]


def test_rows_without_a_group_are_a_group_of_their_own_whatever_stands_for_missing():
    for column in (
        ["a", None, "b"],
        [1.0, float("nan"), 2.0],
        pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
        pd.array([1, None, 2], dtype="Int64"),
        pd.array([True, None, False], dtype="boolean"),
        pd.array(["a", None, "b"], dtype="string"),
        pd.Categorical(["a", None, "b"]),
        pd.Series(["a", pd.NA, "b"], dtype=object),
    ):
        counted = simply(column)
        assert (counted["(missing)"], len(counted)) == (1, 3), column


def test_values_of_any_hashable_type_make_groups():
    class Side(enum.Enum):
        LEFT = 1

    assert simply([True, False, True]) == {False: 1, True: 2}
    assert simply([7, -7, 7]) == {-7: 1, 7: 2}
    assert simply(np.array([100, -100, 100], dtype=np.int8)) == {-100: 1, 100: 2}
    assert simply(np.array([2**63, 2**64 - 1, 2**63], dtype=np.uint64)) == {2**63: 2, 2**64 - 1: 1}
    assert simply([10**30, 1, 10**30]) == {1: 1, 10**30: 2}
    assert simply([0.5, float("inf"), 0.5]) == {0.5: 2, float("inf"): 1}
    assert simply([date(2024, 1, 1), Side.LEFT, "x"]) == {date(2024, 1, 1): 1, Side.LEFT: 1, "x": 1}
    assert simply(pd.to_datetime(["2024-01-01", "2024-01-01"])) == {pd.Timestamp("2024-01-01"): 2}
    assert simply(np.array(["a", "b"])) == {"a": 1, "b": 1}


def test_a_category_that_does_not_occur_stays_as_a_group_of_zeros():
    assert simply(pd.Categorical(["a", "b", "a"], categories=["a", "b", "c"])) == {"a": 2, "b": 1, "c": 0}


def test_numbers_between_the_ones_that_occur_make_no_groups():
    assert simply([3, 9, 9]) == {3: 1, 9: 2}


def test_columns_longer_than_a_stretch_are_counted_whole():
    n = 2 * STRETCH + 17
    numbers = np.arange(n) % 7 - 3
    numbers[-1] = 5000
    texts = numbers.astype(str).astype(object)
    frame = {"number": numbers, "text": texts, "outcome": np.ones(n, dtype=bool)}
    counts = GroupCounts.from_frame(frame, by=["number", "text", ("number", "text")], favourable=True)
    expected = pd.Series(numbers).value_counts()
    for column in counts.columns:
        own = counts.of(column)
        counted = {int(g[0] if isinstance(g, tuple) else g): n for g, n in zip(own.groups, own.n.tolist(), strict=True)}
        assert counted == expected.to_dict()


def test_memory_does_not_grow_with_the_number_of_coded_rows():
    import tracemalloc

    n = 1_000_000
    codes = np.arange(n, dtype=np.uint32).astype(np.uint8) % 100
    frame = pd.DataFrame({"g": codes, "outcome": codes % 2, "truth": codes % 3 == 0})
    tracemalloc.start()
    GroupCounts.from_frame(frame, by=["g"], favourable=1, truth="truth")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_truth_unknown_leaves_selection_counts():
    frame = {"g": ["a", "a", "a"], "outcome": ["y", "y", "n"], "truth": ["good", None, None]}
    counts = GroupCounts.from_frame(frame, by=["g"], favourable="y", truth="truth", favourable_truth="good")
    assert (counts.tp.tolist(), counts.favourable.tolist(), counts.unfavourable.tolist()) == ([1], [1], [1])
    assert (counts.selected.tolist(), counts.n.tolist(), counts.fp.tolist()) == ([2], [3], [0])


def test_counts_made_elsewhere_are_checked():
    counts = GroupCounts.from_cells({"DE": {"tp": 2**40, "fn": 1}, None: {"tn": 3}}, by="country")
    assert counts.groups == ("DE", "(missing)")
    assert counts.n.tolist() == [2**40 + 1, 3]
    for cells in (
        {"a": {"tp": -1}},
        {"a": {"tp": 1.5}},
        {"a": {"tp": 2**60}},
        {"a": {"tp": 2**70}},
        {"a": {"tp": "x"}},
    ):
        with pytest.raises(AuditError, match="integers"):
            GroupCounts.from_cells(cells)
    with pytest.raises(AuditError, match="'true positive'"):
        GroupCounts.from_cells({"a": {"true positive": 1}})
    with pytest.raises(AuditError, match="'a' of 'g' is counted twice"):
        GroupCounts((("g", "a"), ("g", "a")), np.zeros((2, 7), dtype=int))
    with pytest.raises(TypeError):
        counts + 1


def test_counts_cannot_be_changed():
    counts = GroupCounts.from_cells({"a": {"tp": 1}})
    with pytest.raises(ValueError):
        counts.cells[0, 0] = 5
    with pytest.raises(AttributeError):
        counts.cells = None


def test_counts_tell_what_they_hold():
    counts = GroupCounts.from_cells({("DE", "f"): {"tp": 1, "fn": 2}}, by=("country", "sex"))
    assert repr(counts) == "GroupCounts(country × sex: DE × f 1 of 3)"
    assert counts != "else"
    assert repr(GroupCounts()) == "GroupCounts()"
